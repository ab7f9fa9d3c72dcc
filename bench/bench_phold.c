/* SPDX-License-Identifier: MIT */
/*
 * PHOLD, the standard of parallel simulators (Fujimoto, 1990), with the
 * parameters of ROSS's own model: 8192 processes, 8 events each, a lookahead of
 * 0.1 and an exponential part of mean 0.9; an event goes to another process
 * with the given probability, else back to its own. One core here.
 *
 * Rows: percent of events that go elsewhere, ns an event, million events a
 * second (medians of batches).
 */
#include <stdint.h>
#include <stdio.h>

#include "base/rng.h"
#include "bench/measure.h"
#include "event/event.h"

enum {
    PROCESSES = 8192,
    EVENTS_EACH = 8,
    BATCHES = 5,
    BATCH_EVENTS = 2000000,
    LOOKAHEAD_TICKS = 100000,
    MEAN_TICKS = 900000,
    DELAYS = 1 << 16,
};

struct process {
    uint64_t received;
};

struct phold {
    struct vmc_engine *engine;
    struct vmc_rng rng;
    uint64_t remote_below; /* of 2^64 */
    struct process processes[PROCESSES];
    uint64_t delays_ticks[DELAYS];
};

static void send(struct phold *phold, uint64_t from)
{
    uint64_t draw = vmc_rng_next(&phold->rng);
    uint64_t to = draw < phold->remote_below
                      ? vmc_rng_below(&phold->rng, PROCESSES)
                      : from;

    vmc_engine_schedule(phold->engine, phold->delays_ticks[draw % DELAYS],
                        VMC_PHASE_DEVICE, 0, to);
}

static void receive(void *device, uint64_t process)
{
    struct phold *phold = device;

    phold->processes[process].received++;
    send(phold, process);
}

static double run(struct phold *phold, uint64_t remote_percent)
{
    const struct vmc_engine_config config = {PROCESSES * EVENTS_EACH, 1};
    double ns[BATCHES];

    if (vmc_engine_new(&phold->engine, &config) != VMC_OK) {
        exit(EXIT_FAILURE);
    }
    vmc_rng_init(&phold->rng, 20261121);
    phold->remote_below = UINT64_MAX / 100 * remote_percent;
    for (uint32_t i = 0; i < DELAYS; i++) {
        phold->delays_ticks[i] =
            LOOKAHEAD_TICKS + vmc_rng_exponential(&phold->rng, MEAN_TICKS);
    }
    (void)vmc_engine_add_handler(phold->engine, "phold", 0, receive, phold);
    for (uint64_t i = 0; i < config.events_max; i++) {
        send(phold, i % PROCESSES);
    }
    for (int batch = -1; batch < BATCHES; batch++) {
        double seconds = bench_seconds();

        for (uint32_t i = 0; i < BATCH_EVENTS; i++) {
            (void)vmc_engine_step(phold->engine);
        }
        if (batch >= 0) {
            ns[batch] = (bench_seconds() - seconds) * 1e9 / BATCH_EVENTS;
        }
    }
    vmc_engine_free(phold->engine);
    return bench_median(ns, BATCHES);
}

int main(void)
{
    static struct phold phold;

    printf("# PHOLD, %d processes, %d events each, one core\n", PROCESSES,
           EVENTS_EACH);
    printf("%-10s %8s %8s\n", "# remote_%", "ns", "M/s");
    for (uint64_t percent = 2; percent <= 25; percent += 23) {
        double ns = run(&phold, percent);

        printf("%-10u %8.1f %8.1f\n", (unsigned)percent, ns, 1e3 / ns);
    }
    return EXIT_SUCCESS;
}
