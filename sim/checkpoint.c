/* SPDX-License-Identifier: MIT */
/*
 * The checks go from the outside inwards, so that the line that is printed is
 * about the first thing that is wrong: is it a checkpoint at all, of a format
 * that is known, whole, undamaged, of this version, of this run.
 *
 * The checksum keeps damage out. What passes it was written by this program,
 * and is believed.
 */
#include "sim/checkpoint.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zstd.h>

#include "base/hash.h"
#include "stats/outfile.h"

enum {
    FORMAT_VERSION = 1,
    BYTE_ORDER_MARK = 0x01020304,
    ZSTD_LEVEL = 1, /* most of a state is zeros: the fastest is good enough */
    READ_BYTES_MIN = 1 << 16,
    HASH_DIGITS = 17, /* "#", 16 digits */
};

static const char magic[8] = {'V', 'M', 'C', 'K', 'P', 'T', '\r', '\n'};

/* The head of the file, which has no padding. */
struct head {
    char magic[8];
    uint32_t format, byte_order;
    uint64_t stored_bytes, plain_bytes;
    struct vmc_hash128 checksum;
};

static_assert(sizeof(struct head) == 48, "as checkpoint.h says");

struct checkpoint {
    char *path;
    void *plain;
    struct vmc_archive *archive;
    struct checkpoint_terms terms;
};

/* ---- Terms -------------------------------------------------------------- */

void checkpoint_add_term(struct checkpoint_terms *terms, const char *name,
                         const char *format, ...)
{
    char *name_at = terms->terms[terms->count].name;
    char *value = terms->terms[terms->count].value;
    char *whole = NULL;
    va_list arguments;
    int bytes;

    assert(terms->count < CHECKPOINT_TERMS_MAX);
    assert(strlen(name) < CHECKPOINT_NAME_BYTES);
    (void)snprintf(name_at, CHECKPOINT_NAME_BYTES, "%s", name);
    va_start(arguments, format);
    bytes = vasprintf(&whole, format, arguments);
    va_end(arguments);
    if (bytes < 0) {
        whole = NULL; /* no memory: the next allocation will tell */
    }
    (void)snprintf(value, CHECKPOINT_VALUE_BYTES, "%s",
                   whole != NULL ? whole : "");
    if (bytes >= CHECKPOINT_VALUE_BYTES) {
        (void)snprintf(value + CHECKPOINT_VALUE_BYTES - 1 - HASH_DIGITS,
                       HASH_DIGITS + 1, "#%016llx",
                       (unsigned long long)vmc_hash_text(whole));
    }
    free(whole);
    terms->count++;
}

/* Save or load @terms. */
static void archive_terms(struct checkpoint_terms *terms,
                          struct vmc_archive *archive)
{
    vmc_archive_begin(archive, "terms");
    terms->count = (uint32_t)vmc_archive_count(archive, "count", terms->count,
                                               CHECKPOINT_TERMS_MAX);
    vmc_archive_bytes(archive, "terms", terms->terms,
                      terms->count * sizeof(terms->terms[0]));
    vmc_archive_end(archive);
}

/* The value of the term @name, or NULL. */
static const char *value_of(const struct checkpoint_terms *terms,
                            const char *name)
{
    for (uint32_t i = 0; i < terms->count; i++) {
        if (strcmp(terms->terms[i].name, name) == 0) {
            return terms->terms[i].value;
        }
    }
    return NULL;
}

static enum vmc_status compare_terms(const char *path,
                                     const struct checkpoint_terms *then,
                                     const struct checkpoint_terms *now,
                                     struct vmc_error *error)
{
    for (uint32_t i = 0; i < now->count; i++) {
        const char *name = now->terms[i].name;
        const char *value = value_of(then, name);

        if (value == NULL) {
            return vmc_fail(error, VMC_E_FORMAT,
                            "%s: is of another run: %s was not given there "
                            "and is '%s' here",
                            path, name, now->terms[i].value);
        }
        if (strcmp(value, now->terms[i].value) != 0) {
            return vmc_fail(error, VMC_E_FORMAT,
                            "%s: is of another run: %s was '%s' there and is "
                            "'%s' here",
                            path, name, value, now->terms[i].value);
        }
    }
    for (uint32_t i = 0; i < then->count; i++) {
        if (value_of(now, then->terms[i].name) == NULL) {
            return vmc_fail(error, VMC_E_FORMAT,
                            "%s: is of another run: %s was '%s' there and is "
                            "not given here",
                            path, then->terms[i].name, then->terms[i].value);
        }
    }
    return VMC_OK;
}

/* ---- Writing ------------------------------------------------------------ */

static struct vmc_hash128 checksum_of(const struct head *head,
                                      const void *stored)
{
    struct vmc_hash128 lengths =
        vmc_hash128(&head->stored_bytes, 2 * sizeof(uint64_t), FORMAT_VERSION);

    return vmc_hash128(stored, head->stored_bytes, lengths.low);
}

/* What comes out of zstd, which is a small part of what goes in. */
struct stored {
    char *bytes;
    size_t used_bytes, room_bytes;
};

static bool make_room(struct stored *stored)
{
    size_t needed_bytes = stored->used_bytes + ZSTD_CStreamOutSize();
    char *bytes;

    if (needed_bytes <= stored->room_bytes) {
        return true;
    }
    bytes = realloc(stored->bytes, 2 * needed_bytes);
    if (bytes == NULL) {
        return false;
    }
    stored->bytes = bytes;
    stored->room_bytes = 2 * needed_bytes;
    return true;
}

/* Put @size_bytes at @data behind what went in before; @is_last ends it. */
static bool compress(ZSTD_CCtx *context, struct stored *stored,
                     const void *data, size_t size_bytes, bool is_last)
{
    ZSTD_inBuffer in = {data, size_bytes, 0};
    size_t left;

    do {
        ZSTD_outBuffer out;

        if (!make_room(stored)) {
            return false;
        }
        out = (ZSTD_outBuffer){stored->bytes, stored->room_bytes,
                               stored->used_bytes};
        left = ZSTD_compressStream2(context, &out, &in,
                                    is_last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left)) {
            return false;
        }
        stored->used_bytes = out.pos;
    } while (in.pos < in.size || (is_last && left != 0));
    return true;
}

/* Compress both pieces into one frame. */
static bool compress_both(struct stored *stored,
                          const struct vmc_archive *front,
                          const struct vmc_archive *body)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();
    size_t front_bytes, body_bytes;
    const void *front_data = vmc_archive_data(front, &front_bytes);
    const void *body_data = vmc_archive_data(body, &body_bytes);
    bool is_good =
        context != NULL &&
        !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel,
                                             ZSTD_LEVEL)) &&
        !ZSTD_isError(
            ZSTD_CCtx_setPledgedSrcSize(context, front_bytes + body_bytes)) &&
        compress(context, stored, front_data, front_bytes, false) &&
        compress(context, stored, body_data, body_bytes, true);

    (void)ZSTD_freeCCtx(context);
    return is_good;
}

static enum vmc_status store(const char *path, const struct vmc_archive *front,
                             const struct vmc_archive *body,
                             struct vmc_error *error)
{
    struct head head = {.format = FORMAT_VERSION,
                        .byte_order = BYTE_ORDER_MARK};
    struct stored stored = {.bytes = NULL};
    size_t front_bytes, body_bytes;
    struct vmc_outfile *out;
    enum vmc_status status;

    if (!compress_both(&stored, front, body)) {
        free(stored.bytes);
        return vmc_fail(error, VMC_E_NOMEM, "%s: out of memory", path);
    }
    (void)vmc_archive_data(front, &front_bytes);
    (void)vmc_archive_data(body, &body_bytes);
    memcpy(head.magic, magic, sizeof(magic));
    head.plain_bytes = front_bytes + body_bytes;
    head.stored_bytes = stored.used_bytes;
    head.checksum = checksum_of(&head, stored.bytes);
    status = vmc_outfile_open(&out, path, error);
    if (status == VMC_OK) {
        (void)fwrite(&head, 1, sizeof(head), vmc_outfile_stream(out));
        (void)fwrite(stored.bytes, 1, stored.used_bytes,
                     vmc_outfile_stream(out));
        status = vmc_outfile_commit(out, error);
    }
    free(stored.bytes);
    return status;
}

enum vmc_status checkpoint_write(const char *path,
                                 const struct checkpoint_terms *terms,
                                 const struct vmc_archive *body,
                                 struct vmc_error *error)
{
    struct vmc_error reason = {""};
    enum vmc_status status = vmc_archive_status(body, &reason);
    struct checkpoint_terms copy = {.count = 0};
    struct vmc_archive *front;
    size_t body_bytes;

    if (status != VMC_OK) {
        return vmc_fail(error, status, "%s: %s", path, reason.text);
    }
    if (vmc_archive_new(&front) != VMC_OK) {
        return vmc_fail(error, VMC_E_NOMEM, "%s: out of memory", path);
    }
    checkpoint_add_term(&copy, "version", "%s", VMCYCLE_VERSION);
    archive_terms(&copy, front);
    copy = *terms;
    archive_terms(&copy, front);
    (void)vmc_archive_data(body, &body_bytes);
    (void)vmc_archive_count(front, "body_bytes", body_bytes, SIZE_MAX);
    status = vmc_archive_status(front, error);
    if (status == VMC_OK) {
        status = store(path, front, body, error);
    }
    vmc_archive_free(front);
    return status;
}

/* ---- Reading ------------------------------------------------------------ */

/* All of the file @path, from malloc(). */
static enum vmc_status read_file(void **out, size_t *size_bytes,
                                 const char *path, struct vmc_error *error)
{
    FILE *file = fopen(path, "rbe");
    char *bytes = NULL;
    size_t room_bytes = READ_BYTES_MIN / 2, used_bytes = 0;
    bool is_good = true;

    if (file == NULL) {
        return vmc_fail(error, VMC_E_IO, "%s: cannot open: %s", path,
                        strerror(errno));
    }
    while (is_good && feof(file) == 0) {
        char *more = realloc(bytes, room_bytes *= 2);

        is_good = more != NULL;
        bytes = is_good ? more : bytes;
        while (is_good && used_bytes < room_bytes && feof(file) == 0) {
            used_bytes +=
                fread(bytes + used_bytes, 1, room_bytes - used_bytes, file);
            is_good = ferror(file) == 0;
        }
    }
    (void)fclose(file);
    if (!is_good) {
        free(bytes);
        return vmc_fail(error, VMC_E_IO, "%s: cannot read", path);
    }
    *out = bytes;
    *size_bytes = used_bytes;
    return VMC_OK;
}

/* Is what lies at @bytes a whole, undamaged checkpoint? */
static enum vmc_status check_bytes(const char *path, const void *bytes,
                                   size_t size_bytes, struct head *head,
                                   struct vmc_error *error)
{
    struct vmc_hash128 checksum;

    if (size_bytes < sizeof(magic) ||
        memcmp(bytes, magic, sizeof(magic)) != 0) {
        return vmc_fail(error, VMC_E_FORMAT, "%s: is no checkpoint", path);
    }
    if (size_bytes < sizeof(*head)) {
        return vmc_fail(error, VMC_E_FORMAT, "%s: is cut short, at %zu bytes",
                        path, size_bytes);
    }
    memcpy(head, bytes, sizeof(*head));
    if (head->byte_order != BYTE_ORDER_MARK) {
        return vmc_fail(error, VMC_E_FORMAT,
                        "%s: is of a machine with another byte order, or "
                        "damaged",
                        path);
    }
    if (head->format != FORMAT_VERSION) {
        return vmc_fail(error, VMC_E_FORMAT,
                        "%s: has checkpoint format %u, expected %d", path,
                        (unsigned)head->format, FORMAT_VERSION);
    }
    if (head->stored_bytes != size_bytes - sizeof(*head)) {
        return vmc_fail(
            error, VMC_E_FORMAT, "%s: is %s: %zu bytes, expected %llu", path,
            head->stored_bytes > size_bytes - sizeof(*head) ? "cut short"
                                                            : "damaged",
            size_bytes - sizeof(*head), (unsigned long long)head->stored_bytes);
    }
    checksum = checksum_of(head, (const char *)bytes + sizeof(*head));
    if (checksum.low != head->checksum.low ||
        checksum.high != head->checksum.high) {
        return vmc_fail(error, VMC_E_FORMAT,
                        "%s: is damaged: its checksum is wrong", path);
    }
    return VMC_OK;
}

/* The archive inside the file. */
static enum vmc_status unpack(struct checkpoint *checkpoint, size_t *size_bytes,
                              struct vmc_error *error)
{
    const char *path = checkpoint->path;
    struct head head = {.plain_bytes = 0};
    void *bytes = NULL;
    enum vmc_status status = read_file(&bytes, size_bytes, path, error);

    if (status != VMC_OK) {
        return status;
    }
    status = check_bytes(path, bytes, *size_bytes, &head, error);
    if (status == VMC_OK) {
        *size_bytes = head.plain_bytes;
        checkpoint->plain = malloc(head.plain_bytes + 1);
        if (checkpoint->plain == NULL) {
            status = vmc_fail(error, VMC_E_NOMEM, "%s: out of memory", path);
        } else if (ZSTD_decompress(checkpoint->plain, head.plain_bytes,
                                   (const char *)bytes + sizeof(head),
                                   head.stored_bytes) != head.plain_bytes) {
            status = vmc_fail(error, VMC_E_FORMAT,
                              "%s: is damaged: it cannot be unpacked", path);
        }
    }
    free(bytes);
    return status;
}

static enum vmc_status check_terms(struct checkpoint *checkpoint,
                                   const struct checkpoint_terms *now,
                                   struct vmc_error *error)
{
    struct checkpoint_terms own = {.count = 0};
    const char *version;

    archive_terms(&own, checkpoint->archive);
    version = value_of(&own, "version");
    if (version == NULL || strcmp(version, VMCYCLE_VERSION) != 0) {
        return vmc_fail(error, VMC_E_FORMAT,
                        "%s: was written by vmcycle %s, and this is %s",
                        checkpoint->path, version != NULL ? version : "?",
                        VMCYCLE_VERSION);
    }
    archive_terms(&checkpoint->terms, checkpoint->archive);
    if (!vmc_archive_is_good(checkpoint->archive)) {
        return checkpoint_check(checkpoint, error);
    }
    return now == NULL ? VMC_OK
                       : compare_terms(checkpoint->path, &checkpoint->terms,
                                       now, error);
}

/* The archive goes over from what stands in front of the body to the body. */
static enum vmc_status find_body(struct checkpoint *checkpoint,
                                 size_t plain_bytes, struct vmc_error *error)
{
    uint64_t body_bytes =
        vmc_archive_count(checkpoint->archive, "body_bytes", 0, plain_bytes);

    if (!vmc_archive_is_good(checkpoint->archive)) {
        return checkpoint_check(checkpoint, error);
    }
    vmc_archive_free(checkpoint->archive);
    return vmc_archive_open(
        &checkpoint->archive,
        (const char *)checkpoint->plain + plain_bytes - body_bytes, body_bytes);
}

enum vmc_status checkpoint_open(struct checkpoint **out, const char *path,
                                const struct checkpoint_terms *terms,
                                struct vmc_error *error)
{
    struct checkpoint *checkpoint = calloc(1, sizeof(*checkpoint));
    size_t plain_bytes = 0;
    enum vmc_status status = VMC_E_NOMEM;

    *out = NULL;
    if (checkpoint != NULL) {
        checkpoint->path = strdup(path);
    }
    if (checkpoint != NULL && checkpoint->path != NULL) {
        status = unpack(checkpoint, &plain_bytes, error);
    }
    if (status == VMC_OK) {
        status = vmc_archive_open(&checkpoint->archive, checkpoint->plain,
                                  plain_bytes);
    }
    if (status == VMC_OK) {
        status = check_terms(checkpoint, terms, error);
    }
    if (status == VMC_OK) {
        status = find_body(checkpoint, plain_bytes, error);
    }
    if (status != VMC_OK) {
        checkpoint_close(checkpoint);
        return status;
    }
    *out = checkpoint;
    return VMC_OK;
}

const struct checkpoint_terms *
checkpoint_terms(const struct checkpoint *checkpoint)
{
    return &checkpoint->terms;
}

bool checkpoint_is(const char *path)
{
    char bytes[sizeof(magic)] = "";
    struct stat found;
    FILE *file = NULL;
    bool is_one;

    if (stat(path, &found) == 0 && S_ISREG(found.st_mode)) {
        file = fopen(path, "rbe");
    }
    if (file == NULL) {
        return false;
    }
    is_one = fread(bytes, 1, sizeof(bytes), file) == sizeof(bytes) &&
             memcmp(bytes, magic, sizeof(magic)) == 0;
    (void)fclose(file);
    return is_one;
}

struct vmc_archive *checkpoint_body(struct checkpoint *checkpoint)
{
    return checkpoint->archive;
}

enum vmc_status checkpoint_check(const struct checkpoint *checkpoint,
                                 struct vmc_error *error)
{
    struct vmc_error reason = {""};
    enum vmc_status status = vmc_archive_status(checkpoint->archive, &reason);

    return status == VMC_OK
               ? VMC_OK
               : vmc_fail(error, status, "%s: does not fit this run: %s",
                          checkpoint->path, reason.text);
}

void checkpoint_close(struct checkpoint *checkpoint)
{
    if (checkpoint != NULL) {
        vmc_archive_free(checkpoint->archive);
        free(checkpoint->plain);
        free(checkpoint->path);
        free(checkpoint);
    }
}
