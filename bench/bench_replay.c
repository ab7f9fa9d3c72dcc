/* SPDX-License-Identifier: MIT */
/*
 * How fast a recording goes through the interrupt models: the whole section,
 * with checks, book-keeping and the machine in time; records are read before.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/replay/replay.h"

enum { ROUNDS = 5, RECORDS_MAX = 1 << 21 };

static const char *const paths[] = {
    "traces/eiointc-4vcpu.qemu.log.zst",
    "traces/veiointc-16vcpu.qemu.log.zst",
    "traces/balloon-1g-2vcpu.qemu.log.zst",
    "traces/balloon-7of8g-4vcpu.qemu.log.zst",
};

static double now_s(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static uint32_t load(struct vmc_reader *reader, struct vmc_record *kept)
{
    const struct vmc_record *records;
    struct vmc_error error;
    uint32_t total = 0, count;

    while (vmc_reader_next(reader, &records, &count, &error) == VMC_OK) {
        for (uint32_t i = 0; i < count && total < RECORDS_MAX; i++) {
            kept[total++] = records[i];
        }
    }
    return total;
}

int main(void)
{
    struct vmc_record *kept = calloc(RECORDS_MAX, sizeof(*kept));
    FILE *nowhere = fopen("/dev/null", "w");

    if (kept == NULL || nowhere == NULL) {
        return EXIT_FAILURE;
    }
    (void)printf("%-42s %10s %10s\n", "interrupt replay", "records",
                 "M records/s");
    for (size_t p = 0; p < VMC_COUNT_OF(paths); p++) {
        struct vmc_reader *reader;
        struct vmc_error error = {""};
        double seconds[ROUNDS];
        uint32_t total;

        if (vmc_reader_open(&reader, paths[p], NULL, &error) != VMC_OK) {
            (void)fprintf(stderr, "%s\n", error.text);
            return EXIT_FAILURE;
        }
        total = load(reader, kept);
        for (int r = 0; r < ROUNDS; r++) {
            const struct replay_context context = {
                .reader = reader, .semantics = "qemu", .is_checking = true};
            json_t *json = NULL;
            void *state;
            double start;

            if (replay_irq.start(&state, &context, &error) != VMC_OK) {
                (void)fprintf(stderr, "%s\n", error.text);
                return EXIT_FAILURE;
            }
            start = now_s();
            for (uint32_t i = 0; i < total; i++) {
                replay_irq.record(state, &kept[i]);
            }
            if (!replay_irq.finish(state, &json, nowhere)) {
                (void)fprintf(stderr, "%s: mismatches\n", paths[p]);
            }
            seconds[r] = now_s() - start;
            json_decref(json);
            replay_irq.free(state);
        }
        qsort(seconds, ROUNDS, sizeof(seconds[0]), by_value);
        (void)printf("%-42s %10u %10.1f\n", paths[p], total,
                     (double)total / seconds[ROUNDS / 2] / 1e6);
        vmc_reader_close(reader);
    }
    (void)fclose(nowhere);
    free(kept);
    return EXIT_SUCCESS;
}
