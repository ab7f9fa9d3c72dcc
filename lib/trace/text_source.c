/* SPDX-License-Identifier: MIT */
/*
 * Lines are cut out of the input's buffer and parsed in place. A line that is
 * longer than the buffer is nothing that an importer knows; it is counted and
 * passed over.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "trace/source_priv.h"

/* The time of a record: since the first one, and never before the last. */
static uint64_t time_of(struct vmc_reader *reader, uint64_t stamp_ns)
{
    uint64_t time_ns;

    if (!reader->has_start) {
        char text[32];

        reader->has_start = true;
        reader->start_ns = stamp_ns;
        (void)snprintf(text, sizeof(text), "%" PRIu64, stamp_ns);
        (void)vmc_meta_set(&reader->meta, "start_ns", text);
    }
    time_ns = stamp_ns >= reader->start_ns ? stamp_ns - reader->start_ns : 0;
    if (stamp_ns < reader->start_ns || time_ns < reader->last_time_ns) {
        reader->counts.time_clamped++;
        return reader->last_time_ns;
    }
    reader->last_time_ns = time_ns;
    return time_ns;
}

/* Parse the line [@at, @end) into @record. True when it is one. */
static bool take_line(struct vmc_reader *reader, const char *at,
                      const char *end, struct vmc_record *record)
{
    struct vmc_line line = {.name = at};

    reader->counts.lines++;
    switch (
        vmc_line_parse(reader->parser, at, end, reader->texts, &line, record)) {
    case VMC_LINE_RECORD:
        record->time_ns = time_of(reader, line.stamp_ns);
        record->line = reader->counts.lines;
        reader->counts.records++;
        return true;
    case VMC_LINE_UNKNOWN:
        vmc_reader_count_unknown(reader, line.name, line.name_bytes, 1);
        break;
    case VMC_LINE_BAD:
        if (reader->counts.skipped_lines++ == 0) {
            reader->counts.first_bad_line = reader->counts.lines;
        }
        break;
    case VMC_LINE_NOTHING:
        break;
    }
    return false;
}

/* The buffer is full and holds no newline. */
static void pass_long_line(struct vmc_reader *reader, size_t size_bytes)
{
    if (!reader->is_skipping_line) {
        reader->is_skipping_line = true;
        reader->counts.lines++;
        vmc_reader_count_unknown(reader, "", 0, 1);
    }
    vmc_input_use(reader->input, size_bytes);
}

/* Take whole lines until the batch is full or the buffer has no more. */
static uint32_t take_lines(struct vmc_reader *reader, uint32_t count)
{
    size_t size_bytes;
    const char *start = vmc_input_peek(reader->input, &size_bytes);
    const char *end = start + size_bytes;
    const char *at = start;

    while (count < VMC_BATCH_RECORDS) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));

        if (newline == NULL) {
            break;
        }
        if (reader->is_skipping_line) {
            reader->is_skipping_line = false;
        } else {
            count += take_line(reader, at, newline, &reader->batch[count]);
        }
        at = newline + 1;
    }
    vmc_input_use(reader->input, (size_t)(at - start));
    return count;
}

/* Say what is good before the damage. */
static enum vmc_status damaged(struct vmc_reader *reader,
                               enum vmc_status status, const char *what,
                               struct vmc_error *error)
{
    reader->counts.is_truncated = true;
    return vmc_fail(error, status,
                    "%s after line %" PRIu64 "; %" PRIu64
                    " records before it are good",
                    what, reader->counts.lines, reader->counts.records);
}

/* The input has ended in a line without newline. Programs that record end
 * every line, so it was cut; but where all of an event stands there, an editor
 * may have left the newline out, and the record counts. */
static enum vmc_status take_last_line(struct vmc_reader *reader,
                                      uint32_t *count, struct vmc_error *error)
{
    size_t size_bytes;
    const char *at = vmc_input_peek(reader->input, &size_bytes);
    uint64_t line = reader->counts.lines + !reader->is_skipping_line;
    char what[VMC_ERROR_BYTES_MAX];

    if (vmc_reader_is_stopped(reader) ||
        (size_bytes == 0 && !reader->is_skipping_line)) {
        return VMC_END;
    }
    reader->counts.is_truncated = true;
    if (!reader->is_skipping_line &&
        take_line(reader, at, at + size_bytes, &reader->batch[*count])) {
        ++*count;
        vmc_input_use(reader->input, size_bytes);
        return VMC_END;
    }
    vmc_input_use(reader->input, size_bytes);
    (void)snprintf(what, sizeof(what), "%s: line %" PRIu64 " is cut short,",
                   vmc_input_name(reader->input), line);
    return damaged(reader, VMC_E_FORMAT, what, error);
}

enum vmc_status vmc_text_fill(struct vmc_reader *reader, uint32_t *count,
                              struct vmc_error *error)
{
    *count = 0;
    for (;;) {
        struct vmc_error reason = {""};
        enum vmc_status status;
        size_t size_bytes;

        *count = take_lines(reader, *count);
        if (*count == VMC_BATCH_RECORDS) {
            return VMC_OK;
        }
        status = vmc_input_fill(reader->input, &reason);
        if (status == VMC_OK) {
            continue;
        }
        if (status != VMC_END) {
            return damaged(reader, status, reason.text, error);
        }
        (void)vmc_input_peek(reader->input, &size_bytes);
        if (size_bytes == VMC_INPUT_BUFFER_BYTES) {
            pass_long_line(reader, size_bytes);
            continue;
        }
        return take_last_line(reader, count, error);
    }
}
