/* SPDX-License-Identifier: MIT */
#ifndef VMC_FUZZ_FUZZ_TRACE_H
#define VMC_FUZZ_FUZZ_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "trace/reader.h"

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
    while (vmc_reader_next(reader, &records, &count, &error) == VMC_OK ||
           count > 0) {
        for (uint32_t i = 0; i < count; i++) {
            assert(records[i].kind < VMC_REC_KIND_COUNT);
            assert(records[i].time_ns >= last_ns);
            last_ns = records[i].time_ns;
            (void)vmc_reader_text(reader, records[i].args[0]);
        }
        total += count;
    }
    assert(total == vmc_reader_counts(reader)->records ||
           vmc_reader_counts(reader)->is_truncated);
    (void)vmc_reader_unknown_at(reader, 0, &unknown_count);
    vmc_reader_close(reader);
    return 0;
}

#endif
