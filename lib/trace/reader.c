/* SPDX-License-Identifier: MIT */
#include "trace/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trace/source_priv.h"

enum { PATH_BYTES_MAX = 4096, LINES_TO_TRY = 100 };

static const char no_event[] = "(not an event)";

/* ---- Opening ------------------------------------------------------------ */

/* True when the format of a line tells that of the trace. */
static bool line_tells(enum vmc_line_format *format, const char *at,
                       const char *end)
{
    static const enum vmc_line_format formats[] = {VMC_LINE_QEMU,
                                                   VMC_LINE_FTRACE};

    for (size_t f = 0; f < VMC_COUNT_OF(formats); f++) {
        if (vmc_line_looks_like(formats[f], at, end)) {
            *format = formats[f];
            return true;
        }
    }
    return false;
}

/* Look at the whole lines that are visible, and at the last one too when
 * @is_all. *@lines is how many there were. */
static bool lines_tell(struct vmc_reader *reader, bool is_all,
                       enum vmc_line_format *format, int *lines)
{
    size_t size_bytes;
    const char *at = vmc_input_peek(reader->input, &size_bytes);
    const char *end = at + size_bytes;

    for (*lines = 0; *lines < LINES_TO_TRY && at < end; ++*lines) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));

        if (newline == NULL && !is_all) {
            break;
        }
        if (line_tells(format, at, newline != NULL ? newline : end)) {
            return true;
        }
        at = newline != NULL ? newline + 1 : end;
    }
    return false;
}

static bool is_native(const struct vmc_reader *reader)
{
    size_t size_bytes;
    const char *at = vmc_input_peek(reader->input, &size_bytes);

    return size_bytes >= sizeof(vmc_native_magic) &&
           memcmp(at, vmc_native_magic, sizeof(vmc_native_magic)) == 0;
}

/* Read until the format shows: how the bytes arrive makes no difference. */
static enum vmc_status detect(struct vmc_reader *reader,
                              struct vmc_error *error)
{
    enum vmc_line_format format;
    enum vmc_status status;
    size_t size_bytes;
    int lines;

    do {
        struct vmc_error reason = {""};

        status = vmc_input_fill(reader->input, &reason);
        (void)vmc_input_peek(reader->input, &size_bytes);
        if (status != VMC_OK && status != VMC_END && size_bytes == 0) {
            return vmc_fail(error, status, "%s", reason.text);
        }
        if (is_native(reader)) {
            return vmc_native_start(reader, error);
        }
        if (lines_tell(reader, status != VMC_OK, &format, &lines)) {
            reader->parser = vmc_line_parser_new(format);
            return reader->parser != NULL ? VMC_OK : VMC_E_NOMEM;
        }
    } while (status == VMC_OK && lines < LINES_TO_TRY);
    return vmc_fail(error, VMC_E_FORMAT,
                    "%s: line 1: expected a QEMU log (TID@SEC.USEC:EVENT), "
                    "ftrace text or a .vmct file%s",
                    vmc_input_name(reader->input),
                    size_bytes == 0 ? "; it is empty" : "");
}

/* Pairs from a .meta file go over what the trace itself says. */
static enum vmc_status add_meta(struct vmc_reader *reader,
                                const char *trace_path, const char *meta_path,
                                struct vmc_error *error)
{
    char path[PATH_BYTES_MAX];

    if (meta_path != NULL) {
        return vmc_meta_load(&reader->meta, meta_path, error);
    }
    if (reader->native != NULL || trace_path == NULL ||
        strcmp(trace_path, "-") == 0 ||
        !vmc_meta_path(path, sizeof(path), trace_path) ||
        access(path, F_OK) != 0) {
        return VMC_OK;
    }
    return vmc_meta_load(&reader->meta, path, error);
}

static enum vmc_status finish_open(struct vmc_reader **out,
                                   struct vmc_reader *reader,
                                   const char *trace_path,
                                   const char *meta_path,
                                   struct vmc_error *error)
{
    enum vmc_status status = VMC_E_NOMEM;

    reader->texts = vmc_texts_new();
    reader->unknown = vmc_texts_new();
    if (reader->texts != NULL && reader->unknown != NULL) {
        status = detect(reader, error);
    }
    if (status == VMC_OK) {
        status = add_meta(reader, trace_path, meta_path, error);
    }
    if (status != VMC_OK) {
        vmc_reader_close(reader);
        return status;
    }
    *out = reader;
    return VMC_OK;
}

enum vmc_status vmc_reader_open(struct vmc_reader **out, const char *path,
                                const char *meta_path, struct vmc_error *error)
{
    struct vmc_reader *reader = calloc(1, sizeof(*reader));
    enum vmc_status status;

    *out = NULL;
    if (reader == NULL) {
        return VMC_E_NOMEM;
    }
    status = vmc_input_open(&reader->input, path, error);
    if (status != VMC_OK) {
        free(reader);
        return status;
    }
    return finish_open(out, reader, path, meta_path, error);
}

enum vmc_status vmc_reader_open_memory(struct vmc_reader **out,
                                       const void *data, size_t size_bytes,
                                       const char *name,
                                       struct vmc_error *error)
{
    struct vmc_reader *reader = calloc(1, sizeof(*reader));
    enum vmc_status status;

    *out = NULL;
    if (reader == NULL) {
        return VMC_E_NOMEM;
    }
    status =
        vmc_input_open_memory(&reader->input, data, size_bytes, name, error);
    if (status != VMC_OK) {
        free(reader);
        return status;
    }
    return finish_open(out, reader, NULL, NULL, error);
}

void vmc_reader_close(struct vmc_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    vmc_input_close(reader->input);
    vmc_texts_free(reader->texts);
    vmc_texts_free(reader->unknown);
    vmc_line_parser_free(reader->parser);
    vmc_native_free(reader->native);
    free(reader->kept);
    free(reader);
}

/* ---- Reading ------------------------------------------------------------ */

void vmc_reader_stop_when(struct vmc_reader *reader, bool (*is_stopped)(void))
{
    reader->is_stopped = is_stopped;
}

bool vmc_reader_is_stopped(struct vmc_reader *reader)
{
    if (reader->is_stopped == NULL || !reader->is_stopped()) {
        return false;
    }
    reader->counts.is_truncated = true;
    reader->counts.is_stopped = true;
    return true;
}

/* The next of the records that are kept, and once what came behind them. */
static enum vmc_status next_kept(struct vmc_reader *reader,
                                 const struct vmc_record **records,
                                 uint32_t *count, struct vmc_error *error)
{
    uint64_t left = reader->kept_count - reader->kept_at;
    enum vmc_status status = reader->kept_end;

    *count = left < VMC_BATCH_RECORDS ? (uint32_t)left : VMC_BATCH_RECORDS;
    if (*count > 0) {
        *records = reader->kept + reader->kept_at;
        reader->kept_at += *count;
        return VMC_OK;
    }
    reader->kept_end = VMC_END;
    if (status != VMC_END && error != NULL) {
        *error = reader->damage_error;
    }
    return status;
}

enum vmc_status vmc_reader_keep(struct vmc_reader *reader, uint64_t records_max,
                                struct vmc_error *error)
{
    uint64_t kept_count = 0, room = VMC_BATCH_RECORDS;
    struct vmc_record *kept = malloc(room * sizeof(*kept));
    const struct vmc_record *records;
    enum vmc_status status;
    uint32_t count;

    assert(!reader->is_kept);
    if (kept == NULL) {
        return VMC_E_NOMEM;
    }
    while ((status = vmc_reader_next(reader, &records, &count,
                                     &reader->damage_error)) == VMC_OK) {
        if (kept_count + count > records_max) {
            free(kept);
            return vmc_fail(error, VMC_E_RANGE, "more than %" PRIu64 " records",
                            records_max);
        }
        if (kept_count + count > room) {
            struct vmc_record *more;

            room *= 2;
            more = realloc(kept, room * sizeof(*kept));
            if (more == NULL) {
                free(kept);
                return VMC_E_NOMEM;
            }
            kept = more;
        }
        memcpy(kept + kept_count, records, count * sizeof(*kept));
        kept_count += count;
    }
    reader->is_kept = true;
    reader->kept = kept;
    reader->kept_count = kept_count;
    reader->kept_end = status;
    return VMC_OK;
}

enum vmc_status vmc_reader_next(struct vmc_reader *reader,
                                const struct vmc_record **records,
                                uint32_t *count, struct vmc_error *error)
{
    enum vmc_status status;

    *records = reader->batch;
    *count = 0;
    if (reader->is_kept && !vmc_reader_is_stopped(reader)) {
        return next_kept(reader, records, count, error);
    }
    if (reader->damage != VMC_OK) {
        status = reader->damage;
        reader->damage = VMC_OK;
        if (error != NULL) {
            *error = reader->damage_error;
        }
        return status;
    }
    if (reader->has_ended) {
        return VMC_END;
    }
    if (vmc_reader_is_stopped(reader)) {
        reader->has_ended = true;
        return VMC_END;
    }
    status = reader->native != NULL
                 ? vmc_native_fill(reader, count, &reader->damage_error)
                 : vmc_text_fill(reader, count, &reader->damage_error);
    if (status == VMC_OK) {
        return VMC_OK;
    }
    reader->has_ended = true;
    if (status != VMC_END && vmc_reader_is_stopped(reader)) {
        status = VMC_END; /* the input was taken away, it is not damaged */
    }
    if (*count > 0) { /* the records first, then what ended them */
        reader->damage = status == VMC_END ? VMC_OK : status;
        return VMC_OK;
    }
    if (status != VMC_END && error != NULL) {
        *error = reader->damage_error;
    }
    return status;
}

void vmc_reader_count_unknown(struct vmc_reader *reader, const char *name,
                              size_t name_bytes, uint64_t count)
{
    uint32_t number;

    if (name_bytes == 0) {
        name = no_event;
        name_bytes = sizeof(no_event) - 1;
    }
    number = vmc_texts_number(reader->unknown, name, name_bytes);
    if (number > VMC_UNKNOWN_MAX) {
        number = VMC_UNKNOWN_MAX; /* the last one stands for the rest */
    }
    reader->unknown_counts[number] += count;
    reader->counts.unknown_events += count;
    reader->is_ordered = false;
}

/* ---- Asking ------------------------------------------------------------- */

const char *vmc_reader_format(const struct vmc_reader *reader)
{
    if (reader->native != NULL) {
        return "vmct";
    }
    return vmc_line_format(reader->parser) == VMC_LINE_QEMU ? "qemu-log"
                                                            : "ftrace";
}

uint64_t vmc_reader_block_count(const struct vmc_reader *reader)
{
    return reader->block_count;
}

const char *vmc_reader_text(const struct vmc_reader *reader, uint64_t number)
{
    return vmc_texts_get(reader->texts, number);
}

uint32_t vmc_reader_text_count(const struct vmc_reader *reader)
{
    return vmc_texts_count(reader->texts);
}

const struct vmc_reader_counts *
vmc_reader_counts(const struct vmc_reader *reader)
{
    return &reader->counts;
}

const char *vmc_reader_meta(const struct vmc_reader *reader, const char *key)
{
    return vmc_meta_get(&reader->meta, key);
}

const char *vmc_reader_meta_at(const struct vmc_reader *reader, uint32_t index,
                               const char **value)
{
    if (index >= reader->meta.pair_count) {
        return NULL;
    }
    *value = reader->meta.bytes + reader->meta.pairs[index].value;
    return reader->meta.bytes + reader->meta.pairs[index].key;
}

/* Sort the numbers of the unknown names by name; there are few, seldom. */
static void order_unknown(struct vmc_reader *reader)
{
    uint32_t count = vmc_texts_count(reader->unknown);

    if (count > VMC_UNKNOWN_MAX) {
        count = VMC_UNKNOWN_MAX;
    }
    for (uint32_t i = 0; i < count; i++) {
        const char *name = vmc_texts_get(reader->unknown, i + 1);
        uint32_t at = i;

        for (; at > 0 && strcmp(vmc_texts_get(reader->unknown,
                                              reader->unknown_order[at - 1]),
                                name) > 0;
             at--) {
            reader->unknown_order[at] = reader->unknown_order[at - 1];
        }
        reader->unknown_order[at] = (uint16_t)(i + 1);
    }
    reader->is_ordered = true;
}

const char *vmc_reader_unknown_at(struct vmc_reader *reader, uint32_t index,
                                  uint64_t *count)
{
    uint32_t number;

    if (index >= vmc_texts_count(reader->unknown) || index >= VMC_UNKNOWN_MAX) {
        return NULL;
    }
    if (!reader->is_ordered) {
        order_unknown(reader);
    }
    number = reader->unknown_order[index];
    *count = reader->unknown_counts[number];
    return vmc_texts_get(reader->unknown, number);
}
