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
    switch (vmc_line_parse(reader->table, reader->format, at, end,
                           reader->texts, &line, record)) {
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

/* The input has ended behind a line without newline. */
static uint32_t take_last_line(struct vmc_reader *reader, uint32_t count)
{
    char line[4096];
    size_t size_bytes;
    const char *at = vmc_input_peek(reader->input, &size_bytes);

    if (size_bytes == 0 || reader->is_skipping_line ||
        size_bytes >= sizeof(line)) {
        return count;
    }
    memcpy(line, at, size_bytes);
    line[size_bytes] = '\n';
    vmc_input_use(reader->input, size_bytes);
    return count +
           take_line(reader, line, line + size_bytes, &reader->batch[count]);
}

enum vmc_status vmc_text_fill(struct vmc_reader *reader, uint32_t *count,
                              struct vmc_error *error)
{
    *count = 0;
    for (;;) {
        enum vmc_status status;
        size_t size_bytes;

        *count = take_lines(reader, *count);
        if (*count == VMC_BATCH_RECORDS) {
            return VMC_OK;
        }
        status = vmc_input_fill(reader->input, error);
        if (status == VMC_OK) {
            continue;
        }
        if (status != VMC_END) {
            reader->counts.is_truncated = true;
            return status;
        }
        (void)vmc_input_peek(reader->input, &size_bytes);
        if (size_bytes == VMC_INPUT_BUFFER_BYTES) {
            pass_long_line(reader, size_bytes);
            continue;
        }
        *count = take_last_line(reader, *count);
        return *count > 0 ? VMC_OK : VMC_END;
    }
}
