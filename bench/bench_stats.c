/* SPDX-License-Identifier: MIT */
/*
 * What counting and clocking cost: a sample into a histogram, and a component
 * called at an edge of its clock, beside the driver's own loop.
 *
 * Rows: what, ns a sample or call (medians of batches).
 */
#include <stdint.h>
#include <stdio.h>

#include "base/rng.h"
#include "bench/measure.h"
#include "event/edge.h"
#include "stats/histogram.h"

enum {
    BATCHES = 7,
    SAMPLES = 1 << 16,
    ROUNDS = 50,
    COMPONENTS = 1024,
    EDGES = 2000,
    PERIOD_TICKS = 400,
};

static struct vmc_hist hist;
static uint64_t samples[SAMPLES];
static uint64_t counters[COMPONENTS];

static void add_samples(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; i < SAMPLES; i++) {
            vmc_hist_add(&hist, samples[i]);
        }
    }
}

static void count(void *device, uint64_t cycle)
{
    *(uint64_t *)device += cycle;
}

static double batch_ns(void (*work)(void), double per_batch)
{
    double ns[BATCHES];

    work();
    for (int i = 0; i < BATCHES; i++) {
        double seconds = bench_seconds();

        work();
        ns[i] = (bench_seconds() - seconds) * 1e9 / per_batch;
    }
    return bench_median(ns, BATCHES);
}

static struct vmc_engine *engine;

static void run_edges(void)
{
    (void)vmc_engine_run(engine, vmc_engine_now_tick(engine) +
                                     (uint64_t)EDGES * PERIOD_TICKS);
}

static double edge_ns(void)
{
    const struct vmc_engine_config config = {8, 1};
    struct vmc_edge_config edge_config = {.clock = {PERIOD_TICKS},
                                          .phase = VMC_PHASE_DEVICE,
                                          .kind = "bench",
                                          .components_max = COMPONENTS};
    struct vmc_edge *edge;
    double ns;

    if (vmc_engine_new(&engine, &config) != VMC_OK) {
        exit(EXIT_FAILURE);
    }
    edge_config.engine = engine;
    if (vmc_edge_new(&edge, &edge_config) != VMC_OK) {
        exit(EXIT_FAILURE);
    }
    for (uint32_t i = 0; i < COMPONENTS; i++) {
        vmc_edge_wake(edge, vmc_edge_add(edge, count, &counters[i]));
    }
    ns = batch_ns(run_edges, (double)EDGES * COMPONENTS);
    vmc_edge_free(edge);
    vmc_engine_free(engine);
    return ns;
}

int main(void)
{
    struct vmc_rng rng;

    vmc_rng_init(&rng, 20261121);
    for (uint32_t i = 0; i < SAMPLES; i++) {
        samples[i] = vmc_rng_exponential(&rng, 100000);
    }
    printf("%-34s %6s\n", "# what", "ns");
    printf("%-34s %6.2f\n", "sample into a histogram",
           batch_ns(add_samples, (double)ROUNDS * SAMPLES));
    printf("%-34s %6.2f\n", "clocked component, an edge", edge_ns());
    return EXIT_SUCCESS;
}
