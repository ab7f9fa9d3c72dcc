/* SPDX-License-Identifier: MIT */
/*
 * A block is read and checked as a whole, then given out batch by batch.
 * Nothing that a file claims is believed before its checksum fits, and no
 * claim makes the reader allocate more than its fixed limits.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/hash.h"
#include "trace/source_priv.h"

struct vmc_native {
    struct vmc_native_last last;
    uint32_t records_left, text_limit;
    size_t raw_at, raw_end;
    size_t packed_max;
    unsigned char *packed; /* packed_max bytes */
    unsigned char *raw;    /* VMC_NATIVE_RAW_MAX bytes */
};

void vmc_native_free(struct vmc_native *native)
{
    if (native != NULL) {
        free(native->packed);
        free(native->raw);
        free(native);
    }
}

/* Copy the next @size_bytes of the input to @to. VMC_END: it has fewer. */
static enum vmc_status take(struct vmc_reader *reader, void *to,
                            size_t size_bytes, struct vmc_error *error)
{
    char *at = to;

    while (size_bytes > 0) {
        size_t visible;
        const char *from = vmc_input_peek(reader->input, &visible);
        size_t part = visible < size_bytes ? visible : size_bytes;

        memcpy(at, from, part);
        vmc_input_use(reader->input, part);
        at += part;
        size_bytes -= part;
        if (size_bytes > 0) {
            enum vmc_status status = vmc_input_fill(reader->input, error);

            if (status != VMC_OK) {
                return status;
            }
        }
    }
    return VMC_OK;
}

static enum vmc_status cut_short(struct vmc_reader *reader, uint64_t offset,
                                 const char *where, struct vmc_error *error)
{
    reader->counts.is_truncated = true;
    return vmc_fail(
        error, VMC_E_FORMAT,
        "%s: offset %" PRIu64 ": cut short %s, after %" PRIu64 " whole records",
        vmc_input_name(reader->input), offset, where, reader->counts.records);
}

static enum vmc_status damaged(struct vmc_reader *reader, uint64_t offset,
                               const char *what, struct vmc_error *error)
{
    reader->counts.is_truncated = true;
    return vmc_fail(error, VMC_E_FORMAT,
                    "%s: offset %" PRIu64 ": damaged: %s; %" PRIu64
                    " records before it are good",
                    vmc_input_name(reader->input), offset, what,
                    reader->counts.records);
}

/* ---- Header ------------------------------------------------------------- */

static enum vmc_status read_meta(struct vmc_reader *reader,
                                 const unsigned char *head,
                                 struct vmc_error *error)
{
    uint32_t bytes = vmc_get_u32(head + 8);
    char *text;
    enum vmc_status status;
    uint32_t crc;

    if (bytes > VMC_META_BYTES_MAX) {
        return damaged(reader, 8, "metadata of more than 64 KiB", error);
    }
    text = malloc((size_t)bytes + 1);
    if (text == NULL) {
        return VMC_E_NOMEM;
    }
    status = take(reader, text, bytes, error);
    if (status == VMC_END) {
        status = cut_short(reader, VMC_NATIVE_HEADER_BYTES, "in the metadata",
                           error);
    }
    if (status == VMC_OK) {
        crc = vmc_crc32c(vmc_crc32c(0, head, 12), text, bytes);
        status = crc == vmc_get_u32(head + 12)
                     ? vmc_meta_parse(&reader->meta, text, bytes,
                                      vmc_input_name(reader->input), error)
                     : damaged(reader, 12, "checksum of the header", error);
    }
    free(text);
    return status;
}

enum vmc_status vmc_native_start(struct vmc_reader *reader,
                                 struct vmc_error *error)
{
    unsigned char head[VMC_NATIVE_HEADER_BYTES];
    enum vmc_status status = take(reader, head, sizeof(head), error);
    uint32_t version;

    if (status == VMC_END) {
        return cut_short(reader, 0, "in the header", error);
    }
    if (status != VMC_OK) {
        return status;
    }
    version = vmc_get_u32(head + 4);
    if (version != VMC_NATIVE_VERSION) {
        return vmc_fail(error, VMC_E_FORMAT,
                        "%s: offset 4: version %" PRIu32
                        ", expected %d; a newer vmcycle wrote this",
                        vmc_input_name(reader->input), version,
                        VMC_NATIVE_VERSION);
    }
    reader->native = calloc(1, sizeof(*reader->native));
    if (reader->native == NULL) {
        return VMC_E_NOMEM;
    }
    reader->native->packed_max = ZSTD_compressBound(VMC_NATIVE_RAW_MAX);
    reader->native->packed = malloc(reader->native->packed_max);
    reader->native->raw = malloc(VMC_NATIVE_RAW_MAX);
    if (reader->native->packed == NULL || reader->native->raw == NULL) {
        return VMC_E_NOMEM;
    }
    return read_meta(reader, head, error);
}

/* ---- Blocks ------------------------------------------------------------- */

/* Read @packed bytes, check them against @crc (already over the head), and
 * unpack them to exactly @raw bytes. */
static enum vmc_status read_packed(struct vmc_reader *reader, uint32_t packed,
                                   uint32_t raw, uint32_t crc,
                                   uint32_t expected, uint64_t offset,
                                   struct vmc_error *error)
{
    struct vmc_native *native = reader->native;
    enum vmc_status status;
    size_t unpacked;

    if (packed > native->packed_max || raw > VMC_NATIVE_RAW_MAX) {
        return damaged(reader, offset, "a size beyond the limit", error);
    }
    status = take(reader, native->packed, packed, error);
    if (status == VMC_END) {
        return cut_short(reader, offset, "in a block", error);
    }
    if (status != VMC_OK) {
        reader->counts.is_truncated = true;
        return status;
    }
    if (vmc_crc32c(crc, native->packed, packed) != expected) {
        return damaged(reader, offset, "checksum of a block", error);
    }
    unpacked = ZSTD_decompress(native->raw, VMC_NATIVE_RAW_MAX, native->packed,
                               packed);
    if (ZSTD_isError(unpacked) != 0 || unpacked != raw) {
        return damaged(reader, offset, "compressed data of a block", error);
    }
    native->raw_at = 0;
    native->raw_end = raw;
    return VMC_OK;
}

/* The texts that a block brings stand before its records. */
static bool read_texts(struct vmc_reader *reader, uint32_t count)
{
    struct vmc_native *native = reader->native;
    const unsigned char *end = native->raw + native->raw_end;
    const unsigned char *at = native->raw + native->raw_at;

    for (uint32_t i = 0; i < count; i++) {
        uint64_t bytes;
        uint32_t number;

        at = vmc_varint_get(at, end, &bytes);
        if (at == NULL || bytes > VMC_TEXT_BYTES_MAX || bytes == 0 ||
            bytes > (uint64_t)(end - at) || memchr(at, '\0', bytes) != NULL) {
            return false;
        }
        number = vmc_texts_number(reader->texts, (const char *)at, bytes);
        if (number != native->text_limit + 1) {
            return false; /* a text that is there already */
        }
        native->text_limit = number;
        at += bytes;
    }
    native->raw_at = (size_t)(at - native->raw);
    return true;
}

static enum vmc_status read_block(struct vmc_reader *reader,
                                  const unsigned char *tag, uint64_t offset,
                                  struct vmc_error *error)
{
    struct vmc_native *native = reader->native;
    unsigned char head[VMC_NATIVE_BLOCK_BYTES];
    enum vmc_status status;

    memcpy(head, tag, 4);
    status = take(reader, head + 4, sizeof(head) - 4, error);
    if (status == VMC_END) {
        return cut_short(reader, offset, "in the head of a block", error);
    }
    if (status != VMC_OK) {
        reader->counts.is_truncated = true;
        return status;
    }
    status = read_packed(reader, vmc_get_u32(head + 12), vmc_get_u32(head + 8),
                         vmc_crc32c(0, head, 36), vmc_get_u32(head + 36),
                         offset, error);
    if (status != VMC_OK) {
        return status;
    }
    native->records_left = vmc_get_u32(head + 4);
    memset(&native->last, 0, sizeof(native->last));
    native->last.time_ns = vmc_get_u64(head + 16);
    native->last.line = vmc_get_u64(head + 24);
    if (native->records_left == 0 ||
        native->records_left > VMC_NATIVE_RECORDS_MAX ||
        native->last.time_ns < reader->last_time_ns ||
        !read_texts(reader, vmc_get_u32(head + 32))) {
        native->records_left = 0;
        return damaged(reader, offset, "contents of a block", error);
    }
    reader->block_count++;
    return VMC_OK;
}

/* ---- Summary ------------------------------------------------------------ */

static bool parse_summary(struct vmc_reader *reader)
{
    const unsigned char *at = reader->native->raw;
    const unsigned char *end = at + reader->native->raw_end;
    struct vmc_reader_counts counts = {0};
    uint64_t is_truncated = 0, names = 0;
    uint64_t *const fields[] = {&counts.records,       &counts.lines,
                                &counts.skipped_lines, &counts.unknown_events,
                                &counts.time_clamped,  &counts.first_bad_line,
                                &is_truncated,         &names};

    for (size_t i = 0; i < VMC_COUNT_OF(fields); i++) {
        at = vmc_varint_get(at, end, fields[i]);
        if (at == NULL) {
            return false;
        }
    }
    if (counts.records != reader->counts.records || is_truncated > 1) {
        return false;
    }
    for (uint64_t i = 0; i < names; i++) {
        uint64_t bytes, count;

        at = vmc_varint_get(at, end, &bytes);
        if (at == NULL || bytes > (uint64_t)(end - at) ||
            memchr(at, '\0', bytes) != NULL) {
            return false;
        }
        at = vmc_varint_get(at + bytes, end, &count);
        if (at == NULL) {
            return false;
        }
    }
    at = reader->native->raw; /* again, now that all of it is good */
    for (size_t i = 0; i < VMC_COUNT_OF(fields); i++) {
        at = vmc_varint_get(at, end, fields[i]);
    }
    for (uint64_t i = 0; i < names; i++) {
        const unsigned char *name;
        uint64_t bytes, count;

        name = vmc_varint_get(at, end, &bytes);
        at = vmc_varint_get(name + bytes, end, &count);
        vmc_reader_count_unknown(reader, (const char *)name, bytes, count);
    }
    counts.is_truncated = is_truncated == 1;
    reader->counts = counts;
    return true;
}

static enum vmc_status read_summary(struct vmc_reader *reader,
                                    const unsigned char *tag, uint64_t offset,
                                    struct vmc_error *error)
{
    unsigned char head[16];
    unsigned char end[VMC_NATIVE_END_BYTES];
    unsigned char beyond;
    enum vmc_status status;

    memcpy(head, tag, 4);
    status = take(reader, head + 4, sizeof(head) - 4, error);
    if (status == VMC_END) {
        return cut_short(reader, offset, "in the summary", error);
    }
    if (status == VMC_OK) {
        status = read_packed(reader, vmc_get_u32(head + 8),
                             vmc_get_u32(head + 4), vmc_crc32c(0, head, 12),
                             vmc_get_u32(head + 12), offset, error);
    }
    if (status != VMC_OK) {
        return status;
    }
    status = take(reader, end, sizeof(end), error);
    if (status == VMC_END) {
        return cut_short(reader, offset, "in the summary", error);
    }
    if (status != VMC_OK) {
        return status;
    }
    if (memcmp(end, vmc_native_end_tag, 4) != 0 ||
        vmc_get_u64(end + 8) != offset ||
        vmc_crc32c(0, end + 8, 8) != vmc_get_u32(end + 4) ||
        !parse_summary(reader)) {
        return damaged(reader, offset, "the summary", error);
    }
    offset = vmc_input_offset(reader->input);
    status = take(reader, &beyond, sizeof(beyond), error);
    return status == VMC_OK
               ? damaged(reader, offset, "bytes behind the end mark", error)
               : status;
}

/* Read what comes next: a block (VMC_OK) or the end (VMC_END). */
static enum vmc_status read_part(struct vmc_reader *reader,
                                 struct vmc_error *error)
{
    unsigned char tag[4];
    uint64_t offset = vmc_input_offset(reader->input);
    enum vmc_status status = take(reader, tag, sizeof(tag), error);

    if (status == VMC_END) {
        return cut_short(reader, offset, "between blocks", error);
    }
    if (status != VMC_OK) {
        reader->counts.is_truncated = true;
        return status;
    }
    if (memcmp(tag, vmc_native_block_tag, 4) == 0) {
        return read_block(reader, tag, offset, error);
    }
    if (memcmp(tag, vmc_native_summary_tag, 4) == 0) {
        return read_summary(reader, tag, offset, error);
    }
    return damaged(reader, offset, "neither a block nor the summary", error);
}

/* A text number that no text has reads as "": nothing is checked here. */
enum vmc_status vmc_native_fill(struct vmc_reader *reader, uint32_t *count,
                                struct vmc_error *error)
{
    struct vmc_native *native = reader->native;
    const unsigned char *at, *end;

    *count = 0;
    if (native->records_left == 0) {
        enum vmc_status status = read_part(reader, error);

        if (status != VMC_OK) {
            return status;
        }
    }
    at = native->raw + native->raw_at;
    end = native->raw + native->raw_end;
    while (*count < VMC_BATCH_RECORDS && native->records_left > 0) {
        at = vmc_native_decode(at, end, &native->last, &reader->batch[*count]);
        if (at == NULL) {
            native->records_left = 0;
            reader->counts.records += *count;
            return damaged(reader, vmc_input_offset(reader->input),
                           "a record of the block before", error);
        }
        ++*count;
        native->records_left--;
    }
    native->raw_at = (size_t)(at - native->raw);
    reader->last_time_ns = native->last.time_ns;
    reader->counts.records += *count;
    reader->counts.lines = native->last.line;
    return VMC_OK;
}
