/* SPDX-License-Identifier: MIT */
/* Whole inflates: 7 of 8 GiB by page numbers and by bitmap, against the time
 * the real ones took and against a plain walk over as many page records; a
 * cycle of 20 GiB by every mechanism; and what a guest page costs in memory. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "bench/measure.h"
#include "sim/balloon/balloon.h"

enum { PAGES = 1835008, ROUNDS = 5, RECORD_BYTES = 16 };

#define GIB (UINT64_C(1) << 30)

/* The peer: visit a record of 16 bytes for each page, as the specification
 * describes one, and change its state. */
static double walk_seconds(void)
{
    static uint8_t records[(size_t)PAGES * RECORD_BYTES];
    double seconds[ROUNDS];

    for (int i = 0; i < ROUNDS; i++) {
        double at = bench_seconds();

        for (size_t page = 0; page < PAGES; page++) {
            records[page * RECORD_BYTES]++;
            __asm__ volatile("" : : "r"(records) : "memory");
        }
        seconds[i] = bench_seconds() - at;
    }
    return bench_median(seconds, ROUNDS);
}

static double run_seconds(const struct vmc_balloon_config *config,
                          struct vmc_balloon_result *result, int rounds)
{
    double seconds[ROUNDS];
    struct vmc_error error = {""};

    for (int i = 0; i < rounds; i++) {
        double at = bench_seconds();

        if (vmc_balloon_run(config, result, &error) != VMC_OK ||
            result->broken[0] != '\0') {
            (void)fprintf(stderr, "balloon: %s%s\n", error.text,
                          result->broken);
            exit(EXIT_FAILURE);
        }
        seconds[i] = bench_seconds() - at;
    }
    return bench_median(seconds, (size_t)rounds);
}

static void inflates(void)
{
    static const struct {
        enum vmc_balloon_mechanism mechanism;
        double real_ms, limit_ms;
    } rows[] = {
        {VMC_MECHANISM_PFN, 4126, 150},
        {VMC_MECHANISM_BITMAP, 590, 30},
    };
    struct balloon_machine machine;
    struct vmc_balloon_result result;
    struct vmc_error error = {""};
    double walk = walk_seconds();

    if (balloon_load(&machine, "m1-2016", &error) != VMC_OK) {
        exit(EXIT_FAILURE);
    }
    for (size_t i = 0; i < VMC_COUNT_OF(rows); i++) {
        struct vmc_balloon_config config = {.costs = &machine.costs,
                                            .machine = machine.machine,
                                            .mechanism = rows[i].mechanism,
                                            .op = VMC_OP_SHRINK,
                                            .guest_bytes = 8 * GIB,
                                            .move_bytes = 7 * GIB,
                                            .iteration = 1,
                                            .seed = 1,
                                            .defects = VMC_BALLOON_AS_POSTED};
        double seconds = run_seconds(&config, &result, ROUNDS);

        printf("balloon: 7 of 8 GiB, %-7s %7.1f ms (limit %3.0f)  %5.1f ns a "
               "page  %6.1f x faster than real  %5.1f x a walk of records\n",
               vmc_balloon_mechanism_name(rows[i].mechanism), seconds * 1e3,
               rows[i].limit_ms, seconds / PAGES * 1e9,
               rows[i].real_ms / (seconds * 1e3), seconds / walk);
    }
}

static void cycles(void)
{
    struct balloon_machine machine;
    struct vmc_balloon_result result;
    struct vmc_error error = {""};
    double total = 0;

    if (balloon_load(&machine, "m2-2025", &error) != VMC_OK) {
        exit(EXIT_FAILURE);
    }
    for (uint32_t i = 0; i < VMC_MECHANISM_COUNT; i++) {
        bool reports =
            i == VMC_MECHANISM_REPORTING || i == VMC_MECHANISM_HINTING;
        struct vmc_balloon_config config = {
            .costs = &machine.costs,
            .machine = machine.machine,
            .mechanism = (enum vmc_balloon_mechanism)i,
            .op = reports ? VMC_OP_REPORT : VMC_OP_TOUCH,
            .guest_bytes = 20 * GIB,
            .move_bytes = 18 * GIB,
            .touch_bytes = 19 * GIB,
            .iteration = 1,
            .is_touched = true,
            .seed = 1,
            .defects = VMC_BALLOON_AS_POSTED,
        };
        double seconds = run_seconds(&config, &result, 1);

        total += seconds;
        printf("balloon: cycle of 20 GiB, %-12s %7.0f ms\n",
               vmc_balloon_mechanism_name(i), seconds * 1e3);
    }
    printf("balloon: cycle of 20 GiB, all          %7.0f ms\n", total * 1e3);
}

/* What is resident at most, when 18 of 20 GiB went page by page and came back,
 * against nearly nothing before. */
static void memory(long before_kib)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    printf("balloon: memory %.2f bytes a guest page of 20 GiB, resident at "
           "most (limit 16)\n",
           (double)(usage.ru_maxrss - before_kib) * 1024 / (20 * GIB / 4096.0));
}

int main(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    cycles();
    memory(usage.ru_maxrss);
    inflates();
    return 0;
}
