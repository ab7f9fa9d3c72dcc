/* SPDX-License-Identifier: MIT */
/* Any text as the log of a recorded balloon: counts must agree with each other
 * and the runs of pages with the counts. */
#include <stdlib.h>

#include "sim/balloon/balloon_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_true)
{
    if (!is_true) {
        abort();
    }
}

static void check(struct balloon_log *log)
{
    const struct balloon_log_counts *counts = balloon_log_counts(log);
    const struct vmc_page_run *runs;
    uint32_t run_count, target_count;
    uint64_t pages = 0;

    balloon_log_end(log);
    runs = balloon_log_runs(log, &run_count);
    for (uint32_t i = 0; i < run_count; i++) {
        require(runs[i].count > 0);
        pages += runs[i].count;
    }
    require(pages <= counts->inflated_pfns);
    require(counts->inflated_pfns + counts->deflated_pfns == counts->pages);
    require(counts->messages <= counts->pages);
    require(counts->held <= counts->inflated_pfns);
    require(counts->duplicate_pfns <= counts->inflated_pfns);
    require(counts->unknown_pfns <= counts->deflated_pfns);
    require(counts->reported_bytes <= counts->discarded_bytes ||
            counts->discards > 1); /* sums of any numbers may wrap */
    (void)balloon_log_targets(log, &target_count);
    require(counts->pages == 0 || target_count > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vmc_reader *reader;
    const struct vmc_record *records;
    struct balloon_log *log;
    uint32_t count;

    if (balloon_log_new(&log) != VMC_OK) {
        return 0;
    }
    if (vmc_reader_open_memory(&reader, data, size, "fuzz", NULL) == VMC_OK) {
        while (vmc_reader_next(reader, &records, &count, NULL) == VMC_OK) {
            for (uint32_t i = 0; i < count; i++) {
                const char *text =
                    records[i].kind == VMC_REC_BALLOON_OUTPUT
                        ? vmc_reader_text(reader, records[i].args[1])
                        : NULL;

                balloon_log_record(log, &records[i], text);
            }
        }
        vmc_reader_close(reader);
        check(log);
    }
    balloon_log_free(log);
    return 0;
}
