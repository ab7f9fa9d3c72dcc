/* SPDX-License-Identifier: MIT */
/*
 * read() into a buffer beats mmap here: text is touched once, and page faults
 * cost more than the copy; and pipes work. Compressed bytes go through a
 * second, smaller buffer.
 */
#include "trace/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

enum { PACKED_BYTES = 1 << 17 };

static const unsigned char zstd_magic[] = {0x28, 0xb5, 0x2f, 0xfd};

struct vmc_input {
    const char *name;
    int fd;                      /* -1 for memory */
    const unsigned char *memory; /* what is left of it */
    size_t memory_bytes;
    bool is_started, is_at_end, is_owned, is_in_frame;
    ZSTD_DStream *zstd; /* NULL for plain bytes */
    size_t packed_at, packed_end;
    size_t at, end; /* what is visible in bytes */
    uint64_t offset;
    char *own_name;
    unsigned char packed[PACKED_BYTES];
    char bytes[VMC_INPUT_BUFFER_BYTES + 1]; /* and a newline */
};

static enum vmc_status new_input(struct vmc_input **out, const char *name)
{
    struct vmc_input *input = malloc(sizeof(*input));

    *out = NULL;
    if (input == NULL) {
        return VMC_E_NOMEM;
    }
    memset(input, 0, offsetof(struct vmc_input, packed));
    input->fd = -1;
    input->own_name = strdup(name);
    if (input->own_name == NULL) {
        free(input);
        return VMC_E_NOMEM;
    }
    input->name = input->own_name;
    *out = input;
    return VMC_OK;
}

enum vmc_status vmc_input_open(struct vmc_input **out, const char *path,
                               struct vmc_error *error)
{
    bool is_stdin = strcmp(path, "-") == 0;
    enum vmc_status status = new_input(out, is_stdin ? "standard input" : path);

    if (status != VMC_OK) {
        return status;
    }
    (*out)->fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    (*out)->is_owned = !is_stdin;
    if ((*out)->fd < 0) {
        status = vmc_fail(error, VMC_E_IO, "%s: %s", path, strerror(errno));
        vmc_input_close(*out);
        *out = NULL;
    }
    return status;
}

enum vmc_status vmc_input_open_memory(struct vmc_input **out, const void *data,
                                      size_t size_bytes, const char *name,
                                      struct vmc_error *error)
{
    enum vmc_status status = new_input(out, name);

    (void)error;
    if (status == VMC_OK) {
        (*out)->memory = data;
        (*out)->memory_bytes = size_bytes;
    }
    return status;
}

void vmc_input_close(struct vmc_input *input)
{
    if (input == NULL) {
        return;
    }
    if (input->fd >= 0 && input->is_owned) {
        (void)close(input->fd);
    }
    (void)ZSTD_freeDStream(input->zstd);
    free(input->own_name);
    free(input);
}

const char *vmc_input_peek(const struct vmc_input *input, size_t *size_bytes)
{
    *size_bytes = input->end - input->at;
    return input->bytes + input->at;
}

void vmc_input_use(struct vmc_input *input, size_t size_bytes)
{
    assert(size_bytes <= input->end - input->at);
    input->at += size_bytes;
    input->offset += size_bytes;
}

uint64_t vmc_input_offset(const struct vmc_input *input)
{
    return input->offset;
}

const char *vmc_input_name(const struct vmc_input *input)
{
    return input->name;
}

/* Read up to @room raw bytes to @to; *@got is 0 at the end. */
static enum vmc_status read_raw(struct vmc_input *input, void *to, size_t room,
                                size_t *got, struct vmc_error *error)
{
    ssize_t count;

    if (input->fd < 0) {
        *got = room < input->memory_bytes ? room : input->memory_bytes;
        if (*got > 0) {
            memcpy(to, input->memory, *got);
            input->memory += *got;
            input->memory_bytes -= *got;
        }
        return VMC_OK;
    }
    do {
        count = read(input->fd, to, room);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        return vmc_fail(error, VMC_E_IO, "%s: %s", input->name,
                        strerror(errno));
    }
    *got = (size_t)count;
    return VMC_OK;
}

/* The first bytes decide whether the input is compressed. */
static enum vmc_status start(struct vmc_input *input, struct vmc_error *error)
{
    input->is_started = true;
    while (input->packed_end < sizeof(zstd_magic)) {
        size_t got = 0;
        enum vmc_status status =
            read_raw(input, input->packed + input->packed_end,
                     PACKED_BYTES - input->packed_end, &got, error);

        if (status != VMC_OK) {
            return status;
        }
        if (got == 0) {
            break;
        }
        input->packed_end += got;
    }
    if (input->packed_end >= sizeof(zstd_magic) &&
        memcmp(input->packed, zstd_magic, sizeof(zstd_magic)) == 0) {
        input->zstd = ZSTD_createDStream();
        if (input->zstd == NULL) {
            return VMC_E_NOMEM;
        }
    } else {
        memcpy(input->bytes, input->packed, input->packed_end);
        input->end = input->packed_end;
        input->packed_at = input->packed_end = 0;
    }
    return VMC_OK;
}

/* Decompress until something has come out or the input has ended. */
static enum vmc_status unpack(struct vmc_input *input, struct vmc_error *error)
{
    ZSTD_outBuffer out = {input->bytes, VMC_INPUT_BUFFER_BYTES, input->end};

    while (out.pos == input->end) {
        ZSTD_inBuffer in = {input->packed, input->packed_end, input->packed_at};
        size_t code;

        if (in.pos == in.size) {
            size_t got = 0;
            enum vmc_status status =
                read_raw(input, input->packed, PACKED_BYTES, &got, error);

            if (status != VMC_OK) {
                return status;
            }
            if (got == 0) {
                input->is_at_end = true;
                return input->is_in_frame
                           ? vmc_fail(error, VMC_E_FORMAT,
                                      "%s: the compressed data is cut short",
                                      input->name)
                           : VMC_OK;
            }
            input->packed_at = 0;
            input->packed_end = got;
            continue;
        }
        code = ZSTD_decompressStream(input->zstd, &out, &in);
        input->packed_at = in.pos;
        if (ZSTD_isError(code) != 0) {
            input->is_at_end = true;
            input->end = out.pos;
            return vmc_fail(error, VMC_E_FORMAT,
                            "%s: the compressed data is damaged: %s",
                            input->name, ZSTD_getErrorName(code));
        }
        input->is_in_frame = code != 0;
    }
    input->end = out.pos;
    return VMC_OK;
}

static enum vmc_status read_more(struct vmc_input *input,
                                 struct vmc_error *error)
{
    size_t before = input->end;
    enum vmc_status status = VMC_OK;
    size_t got = 0;

    if (!input->is_started) {
        status = start(input, error);
        if (status != VMC_OK || input->end > before) {
            return status;
        }
    }
    if (input->zstd != NULL) {
        status = unpack(input, error);
    } else {
        status = read_raw(input, input->bytes + input->end,
                          VMC_INPUT_BUFFER_BYTES - input->end, &got, error);
        if (status == VMC_OK) {
            input->end += got;
            input->is_at_end = got == 0;
        }
    }
    if (status != VMC_OK) {
        return status;
    }
    return input->end > before ? VMC_OK : VMC_END;
}

enum vmc_status vmc_input_fill(struct vmc_input *input, struct vmc_error *error)
{
    size_t before = input->end - input->at;
    enum vmc_status status = VMC_END;

    memmove(input->bytes, input->bytes + input->at, before);
    input->at = 0;
    input->end = before;
    if (before < VMC_INPUT_BUFFER_BYTES && !input->is_at_end) {
        status = read_more(input, error);
    }
    input->bytes[input->end] = '\n';
    return status;
}
