/* SPDX-License-Identifier: MIT */
#ifndef VMC_FUZZ_FUZZ_TRACE_H
#define VMC_FUZZ_FUZZ_TRACE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace/reader.h"
#include "trace/writer.h"

/** libFuzzer's entry. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

/** Read a whole trace out of memory, whatever it is. Times must not run back
 * and counts must fit; anything else may happen, but no crash. */
static inline int read_trace(const uint8_t *data, size_t size_bytes)
{
    struct vmc_reader *reader;
    const struct vmc_record *records;
    struct vmc_error error;
    uint64_t total = 0, last_ns = 0, unknown_count;
    uint32_t count;

    if (vmc_reader_open_memory(&reader, data, size_bytes, "fuzz", &error) !=
        VMC_OK) {
        return 0;
    }
    while (vmc_reader_next(reader, &records, &count, &error) == VMC_OK) {
        for (uint32_t i = 0; i < count; i++) {
            assert(records[i].kind < VMC_REC_KIND_COUNT);
            assert(records[i].time_ns >= last_ns);
            last_ns = records[i].time_ns;
            (void)vmc_reader_text(reader, records[i].args[0]);
        }
        total += count;
    }
    assert(total == vmc_reader_counts(reader)->records);
    (void)vmc_reader_unknown_at(reader, 0, &unknown_count);
    vmc_reader_close(reader);
    return 0;
}

/** Turn a trace into its native form: *@native, of *@bytes, is the caller's. */
static inline struct vmc_reader_counts write_native(const uint8_t *data,
                                                    size_t size_bytes,
                                                    char **native,
                                                    size_t *bytes)
{
    FILE *file = open_memstream(native, bytes);
    struct vmc_reader *reader;
    struct vmc_writer *writer = NULL;
    const struct vmc_record *records;
    struct vmc_reader_counts counts;
    uint32_t count;

    assert(file != NULL);
    if (vmc_reader_open_memory(&reader, data, size_bytes, "fuzz", NULL) !=
        VMC_OK) {
        abort(); /* the first line is a good one */
    }
    while (vmc_reader_next(reader, &records, &count, NULL) == VMC_OK) {
        if (writer == NULL && vmc_writer_new(&writer, file, reader) != VMC_OK) {
            abort();
        }
        if (vmc_writer_add(writer, records, count) != VMC_OK) {
            abort();
        }
    }
    if ((writer == NULL && vmc_writer_new(&writer, file, reader) != VMC_OK) ||
        vmc_writer_end(writer, reader) != VMC_OK) {
        abort();
    }
    counts = *vmc_reader_counts(reader);
    vmc_writer_free(writer);
    vmc_reader_close(reader);
    (void)fclose(file);
    return counts;
}

/** What is imported must come back: every count and record, in order. */
static inline int round_trip(const uint8_t *data, size_t size_bytes)
{
    char *native = NULL;
    size_t bytes;
    struct vmc_reader_counts counts =
        write_native(data, size_bytes, &native, &bytes);
    struct vmc_reader *text, *back;
    const struct vmc_record *of_text, *of_back;
    uint32_t text_count, back_count, text_at = 0, back_at = 0;

    if (vmc_reader_open_memory(&back, native, bytes, "back", NULL) != VMC_OK ||
        vmc_reader_open_memory(&text, data, size_bytes, "fuzz", NULL) !=
            VMC_OK) {
        abort();
    }
    text_count = back_count = 0;
    for (uint64_t i = 0; i < counts.records; i++) {
        if (text_at == text_count) {
            text_at = 0;
            (void)vmc_reader_next(text, &of_text, &text_count, NULL);
        }
        if (back_at == back_count) {
            back_at = 0;
            (void)vmc_reader_next(back, &of_back, &back_count, NULL);
        }
        assert(text_count > 0 && back_count > 0);
        assert(memcmp(&of_text[text_at++], &of_back[back_at++],
                      sizeof(*of_text)) == 0);
    }
    assert(back_at == back_count);
    assert(vmc_reader_next(back, &of_back, &back_count, NULL) == VMC_END);
    assert(memcmp(&counts, vmc_reader_counts(back),
                  offsetof(struct vmc_reader_counts, is_truncated) + 1) == 0);
    vmc_reader_close(text);
    vmc_reader_close(back);
    free(native);
    return 0;
}

#endif
