/* SPDX-License-Identifier: MIT */
/* What destroying vCPUs costs in time (B2): simulated milliseconds from the
 * last close of N vCPUs at once until each is freed, for every design, and how
 * many such closes a second the timed model itself gets through here. "vmcycle
 * compare --destroy" has percentiles and a picture. */
#include <stdio.h>
#include <stdlib.h>

#include "bench/measure.h"
#include "sim/compare/grace_rig.h"

enum { CPUS = 4, ROUNDS = 200, VCPUS_MAX = 64 };

static double mean_ms(struct destroy_load *load, enum destroy_design design)
{
    static struct grace_result result;

    load->design = design;
    if (grace_rig_destroy(load, &result) != VMC_OK) {
        exit(EXIT_FAILURE);
    }
    return (double)vmc_hist_summarize(&result.ns).mean / 1e6;
}

int main(void)
{
    static const uint32_t rates[] = {100, 250, 300, 1000};
    static const enum vmc_cpu_mode modes[] = {VMC_CPU_IDLE, VMC_CPU_USER};
    struct destroy_load load = {.cpu_count = CPUS, .rounds = ROUNDS, .seed = 1};
    double start = bench_seconds(), seconds;
    uint64_t closes = 0;

    (void)printf("mean ms from close to freed, %d rounds, %d CPUs\n", ROUNDS,
                 CPUS);
    (void)printf("%5s %5s %6s", "HZ", "load", "vCPUs");
    for (int i = 0; i < DESTROY_DESIGNS; i++) {
        (void)printf(" %9s", destroy_design_name((enum destroy_design)i));
    }
    (void)printf(" %7s\n", "v4/f1");
    for (size_t r = 0; r < VMC_COUNT_OF(rates) * VMC_COUNT_OF(modes); r++) {
        load.hz = rates[r / 2];
        load.mode = modes[r % 2];
        for (uint32_t n = 1; n <= VCPUS_MAX; n *= 8) {
            double ms[DESTROY_DESIGNS];

            load.vcpu_count = n;
            (void)printf("%5u %5s %6u", load.hz, grace_rig_mode_name(load.mode),
                         n);
            for (int i = 0; i < DESTROY_DESIGNS; i++) {
                ms[i] = mean_ms(&load, (enum destroy_design)i);
                (void)printf(" %9.3f", ms[i]);
                closes += (uint64_t)n * ROUNDS;
            }
            (void)printf(" %7.2f\n", ms[DESTROY_V4] / ms[DESTROY_F1]);
        }
    }
    seconds = bench_seconds() - start;
    (void)printf("%.0f k closes/s simulated\n",
                 (double)closes / seconds / 1000.0);
    return EXIT_SUCCESS;
}
