/* SPDX-License-Identifier: MIT */
#include "trace/writer.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/hash.h"
#include "trace/meta.h"
#include "trace/native_priv.h"
#include "trace/texts.h"

enum { LEVEL = 1, BLOCKS_MAX = 1 << 20, TEXTS_IN_BLOCK_BYTES = 1 << 20 };

/* Where a block begins, for the index. */
struct block {
    uint64_t offset, first_time_ns;
    uint32_t records;
};

struct vmc_writer {
    FILE *file;
    const struct vmc_reader *source;
    uint64_t offset;
    struct vmc_native_last last;
    uint64_t first_time_ns, first_line;
    uint32_t records;     /* in the block */
    uint32_t texts_known; /* written in blocks before */
    uint32_t block_count, block_room;
    struct block *blocks;
    size_t raw_bytes;      /* of the records of the block */
    unsigned char *raw;    /* records; texts are put before them */
    unsigned char *joined; /* texts and records */
    unsigned char *packed;
    size_t packed_max;
};

static enum vmc_status put(struct vmc_writer *writer, const void *data,
                           size_t size_bytes)
{
    if (size_bytes > 0 &&
        fwrite(data, 1, size_bytes, writer->file) != size_bytes) {
        return VMC_E_IO;
    }
    writer->offset += size_bytes;
    return VMC_OK;
}

static enum vmc_status put_header(struct vmc_writer *writer)
{
    unsigned char head[VMC_NATIVE_HEADER_BYTES];
    char *text = malloc(VMC_META_BYTES_MAX);
    const char *key, *value = "";
    size_t bytes = 0;
    enum vmc_status status;

    if (text == NULL) {
        return VMC_E_NOMEM;
    }
    for (uint32_t i = 0;
         (key = vmc_reader_meta_at(writer->source, i, &value)) != NULL; i++) {
        int written = snprintf(text + bytes, VMC_META_BYTES_MAX - bytes,
                               "%s = %s\n", key, value);

        if (written < 0 || (size_t)written >= VMC_META_BYTES_MAX - bytes) {
            break;
        }
        bytes += (size_t)written;
    }
    memcpy(head, vmc_native_magic, 4);
    vmc_put_u32(head + 4, VMC_NATIVE_VERSION);
    vmc_put_u32(head + 8, (uint32_t)bytes);
    vmc_put_u32(head + 12, vmc_crc32c(vmc_crc32c(0, head, 12), text, bytes));
    status = put(writer, head, sizeof(head));
    if (status == VMC_OK) {
        status = put(writer, text, bytes);
    }
    free(text);
    return status;
}

enum vmc_status vmc_writer_new(struct vmc_writer **out, FILE *file,
                               const struct vmc_reader *source)
{
    struct vmc_writer *writer = calloc(1, sizeof(*writer));
    enum vmc_status status = VMC_E_NOMEM;

    *out = NULL;
    if (writer == NULL) {
        return VMC_E_NOMEM;
    }
    writer->file = file;
    writer->source = source;
    writer->packed_max = ZSTD_compressBound(VMC_NATIVE_RAW_MAX);
    writer->raw = malloc(VMC_NATIVE_RAW_MAX);
    writer->joined = malloc(VMC_NATIVE_RAW_MAX);
    writer->packed = malloc(writer->packed_max);
    if (writer->raw != NULL && writer->joined != NULL &&
        writer->packed != NULL) {
        status = put_header(writer);
    }
    if (status != VMC_OK) {
        vmc_writer_free(writer);
        return status;
    }
    *out = writer;
    return VMC_OK;
}

void vmc_writer_free(struct vmc_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    free(writer->blocks);
    free(writer->raw);
    free(writer->joined);
    free(writer->packed);
    free(writer);
}

static enum vmc_status note_block(struct vmc_writer *writer)
{
    if (writer->block_count == writer->block_room) {
        uint32_t room = writer->block_room == 0 ? 64 : 2 * writer->block_room;
        struct block *blocks =
            room <= BLOCKS_MAX ? realloc(writer->blocks, room * sizeof(*blocks))
                               : NULL;

        if (blocks == NULL) {
            return VMC_E_NOMEM;
        }
        writer->blocks = blocks;
        writer->block_room = room;
    }
    writer->blocks[writer->block_count++] =
        (struct block){writer->offset, writer->first_time_ns, writer->records};
    return VMC_OK;
}

/* The texts that are new since the last block, in front of the records.
 * Returns the bytes of both; *@count is the number of texts. */
static size_t join_texts(struct vmc_writer *writer, uint32_t *count)
{
    uint32_t known = vmc_reader_text_count(writer->source);
    unsigned char *at = writer->joined;

    *count = known - writer->texts_known;
    for (uint32_t i = writer->texts_known + 1; i <= known; i++) {
        const char *text = vmc_reader_text(writer->source, i);
        size_t bytes = strlen(text);

        at = vmc_varint_put(at, bytes);
        memcpy(at, text, bytes);
        at += bytes;
    }
    writer->texts_known = known;
    memcpy(at, writer->raw, writer->raw_bytes);
    return (size_t)(at - writer->joined) + writer->raw_bytes;
}

static enum vmc_status flush(struct vmc_writer *writer)
{
    unsigned char head[VMC_NATIVE_BLOCK_BYTES];
    uint32_t texts;
    size_t raw, packed;
    enum vmc_status status;

    if (writer->records == 0) {
        return VMC_OK;
    }
    status = note_block(writer);
    if (status != VMC_OK) {
        return status;
    }
    raw = join_texts(writer, &texts);
    packed = ZSTD_compress(writer->packed, writer->packed_max, writer->joined,
                           raw, LEVEL);
    if (ZSTD_isError(packed) != 0) {
        return VMC_E_NOMEM;
    }
    memcpy(head, vmc_native_block_tag, 4);
    vmc_put_u32(head + 4, writer->records);
    vmc_put_u32(head + 8, (uint32_t)raw);
    vmc_put_u32(head + 12, (uint32_t)packed);
    vmc_put_u64(head + 16, writer->first_time_ns);
    vmc_put_u64(head + 24, writer->first_line);
    vmc_put_u32(head + 32, texts);
    vmc_put_u32(head + 36,
                vmc_crc32c(vmc_crc32c(0, head, 36), writer->packed, packed));
    status = put(writer, head, sizeof(head));
    if (status == VMC_OK) {
        status = put(writer, writer->packed, packed);
    }
    writer->records = 0;
    writer->raw_bytes = 0;
    return status;
}

enum vmc_status vmc_writer_add(struct vmc_writer *writer,
                               const struct vmc_record *records, uint32_t count)
{
    /* What texts may take of the block must stay free. */
    size_t limit =
        VMC_NATIVE_RAW_MAX - VMC_TEXTS_BYTES_MAX - VMC_TEXTS_MAX * (size_t)2;

    for (uint32_t i = 0; i < count; i++) {
        if (writer->records == VMC_NATIVE_RECORDS_MAX ||
            writer->raw_bytes + VMC_NATIVE_RECORD_BYTES_MAX > limit) {
            enum vmc_status status = flush(writer);

            if (status != VMC_OK) {
                return status;
            }
        }
        if (writer->records == 0) {
            memset(&writer->last, 0, sizeof(writer->last));
            writer->last.time_ns = writer->first_time_ns = records[i].time_ns;
            writer->last.line = writer->first_line = records[i].line;
        }
        writer->raw_bytes =
            (size_t)(vmc_native_encode(writer->raw + writer->raw_bytes,
                                       &writer->last, &records[i]) -
                     writer->raw);
        writer->records++;
    }
    return VMC_OK;
}

/* The counts, the unknown names and the index. */
static size_t make_summary(struct vmc_writer *writer, struct vmc_reader *source)
{
    const struct vmc_reader_counts *counts = vmc_reader_counts(source);
    unsigned char *at = writer->raw;
    uint64_t offset = 0, time_ns = 0, count = 0;
    const char *name;
    uint32_t names = 0;

    while (vmc_reader_unknown_at(source, names, &count) != NULL) {
        names++;
    }
    at = vmc_varint_put(at, counts->records);
    at = vmc_varint_put(at, counts->lines);
    at = vmc_varint_put(at, counts->skipped_lines);
    at = vmc_varint_put(at, counts->unknown_events);
    at = vmc_varint_put(at, counts->time_clamped);
    at = vmc_varint_put(at, counts->first_bad_line);
    at = vmc_varint_put(at, counts->is_truncated);
    at = vmc_varint_put(at, names);
    for (uint32_t i = 0; i < names; i++) {
        name = vmc_reader_unknown_at(source, i, &count);
        at = vmc_varint_put(at, strlen(name));
        memcpy(at, name, strlen(name));
        at = vmc_varint_put(at + strlen(name), count);
    }
    at = vmc_varint_put(at, writer->block_count);
    for (uint32_t i = 0; i < writer->block_count; i++) {
        const struct block *block = &writer->blocks[i];

        if ((size_t)(at - writer->raw) + 64 > VMC_NATIVE_SUMMARY_MAX) {
            break; /* the index is a help, not a must */
        }
        at = vmc_varint_put(at, block->offset - offset);
        at = vmc_varint_put(at, block->first_time_ns - time_ns);
        at = vmc_varint_put(at, block->records);
        offset = block->offset;
        time_ns = block->first_time_ns;
    }
    return (size_t)(at - writer->raw);
}

enum vmc_status vmc_writer_end(struct vmc_writer *writer,
                               struct vmc_reader *source)
{
    unsigned char head[16], end[VMC_NATIVE_END_BYTES];
    enum vmc_status status = flush(writer);
    uint64_t offset = writer->offset;
    size_t raw, packed;

    if (status != VMC_OK) {
        return status;
    }
    raw = make_summary(writer, source);
    packed = ZSTD_compress(writer->packed, writer->packed_max, writer->raw, raw,
                           LEVEL);
    if (ZSTD_isError(packed) != 0) {
        return VMC_E_NOMEM;
    }
    memcpy(head, vmc_native_summary_tag, 4);
    vmc_put_u32(head + 4, (uint32_t)raw);
    vmc_put_u32(head + 8, (uint32_t)packed);
    vmc_put_u32(head + 12,
                vmc_crc32c(vmc_crc32c(0, head, 12), writer->packed, packed));
    memcpy(end, vmc_native_end_tag, 4);
    vmc_put_u64(end + 8, offset);
    vmc_put_u32(end + 4, vmc_crc32c(0, end + 8, 8));
    status = put(writer, head, sizeof(head));
    if (status == VMC_OK) {
        status = put(writer, writer->packed, packed);
    }
    if (status == VMC_OK) {
        status = put(writer, end, sizeof(end));
    }
    return status;
}
