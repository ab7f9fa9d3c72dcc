/* SPDX-License-Identifier: MIT */
/*
 * The hold model (Jones, CACM 29(4), 1986): a queue always holds N events, and
 * each one that fires schedules itself again. The engine runs in turns with a
 * plain binary heap of whole events, as in a textbook, which calls the same
 * handler and has the same order (tick, phase, arrival). That both fired the
 * same events in the same order is checked by a hash.
 *
 *     bench_event [--large]     with N = 4194304 too
 *
 * Rows: distribution of the increments, ticks in a cycle, N, ns an event of
 * the engine and of the heap (medians of batches in turns), and their ratio.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "bench/measure.h"
#include "event/event.h"

enum {
    INCREMENTS = 1 << 16,
    BATCHES = 7,
    BATCH_EVENTS = 300000,
    ROUNDS = 16,
    /* The mix of the hardware models: short, middle and far, in a hundred. */
    MIX_SHORT = 90,
    MIX_MIDDLE = 99,
};

/* ---- The peer: a binary heap that holds its events ----------------------- */
struct event {
    uint64_t tick, arrival, argument;
    uint32_t id;
    uint16_t handler;
    uint8_t phase;
};

struct heap {
    struct event *events;
    uint32_t count;
    uint64_t now_tick, arrivals;
    struct {
        vmc_event_fn *fire;
        void *device;
    } handlers[1];
};

/* ---- The load: the same increments for both ------------------------------ */
struct load {
    uint64_t order_hash;
    uint32_t next;
};

/* Handlers find what they need at fixed places: a chain of pointers from the
 * handler to the queue would be measured with every event, in both. */
static struct vmc_engine *engine;
static struct heap heap;
static struct load ours, theirs;

static uint64_t increments_ticks[INCREMENTS];

enum distribution { SMALL, EXPONENTIAL, MIX, DISTRIBUTIONS };
static const char *const names[] = {"1..64", "exponential", "mix"};

static uint64_t draw_cycles(struct vmc_rng *rng, enum distribution distribution)
{
    uint64_t percent;

    switch (distribution) {
    case SMALL:
        return 1 + vmc_rng_below(rng, 64);
    case EXPONENTIAL:
        return 1 + vmc_rng_exponential(rng, 1000000);
    case MIX:
    default:
        percent = vmc_rng_below(rng, 100);
        if (percent < MIX_SHORT) {
            return 1 + vmc_rng_below(rng, 64);
        }
        if (percent < MIX_MIDDLE) {
            return 1000 + vmc_rng_below(rng, 99001);
        }
        return 1 + vmc_rng_exponential(rng, 10000000);
    }
}

static void draw_increments(enum distribution distribution, uint64_t period)
{
    struct vmc_rng rng;

    vmc_rng_init(&rng, 20261121);
    for (uint32_t i = 0; i < INCREMENTS; i++) {
        increments_ticks[i] = draw_cycles(&rng, distribution) * period;
    }
}

static uint64_t next_ticks(struct load *load)
{
    return increments_ticks[load->next++ % INCREMENTS];
}

static void note_order(struct load *load, uint64_t argument)
{
    load->order_hash =
        (load->order_hash ^ argument) * UINT64_C(0x9fb21c651e98df25);
}

/* ---- The peer at work ---------------------------------------------------- */
static bool is_before(const struct event *a, const struct event *b)
{
    if (a->tick != b->tick) {
        return a->tick < b->tick;
    }
    if (a->phase != b->phase) {
        return a->phase < b->phase;
    }
    return a->arrival < b->arrival;
}

static void heap_schedule(uint64_t delay_ticks, uint8_t phase, uint16_t handler,
                          uint64_t argument)
{
    const struct event added = {.tick = heap.now_tick + delay_ticks,
                                .arrival = heap.arrivals++,
                                .argument = argument,
                                .id = (uint32_t)argument,
                                .handler = handler,
                                .phase = phase};
    uint32_t at = heap.count++;

    while (at > 0 && is_before(&added, &heap.events[(at - 1) / 2])) {
        heap.events[at] = heap.events[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap.events[at] = added;
}

static void heap_step(void)
{
    struct event *events = heap.events;
    const struct event first = events[0];
    const struct event last = events[--heap.count];
    uint32_t at = 0, child;

    while ((child = 2 * at + 1) < heap.count) {
        if (child + 1 < heap.count &&
            is_before(&events[child + 1], &events[child])) {
            child++;
        }
        if (!is_before(&events[child], &last)) {
            break;
        }
        events[at] = events[child];
        at = child;
    }
    events[at] = last;
    heap.now_tick = first.tick;
    heap.handlers[first.handler].fire(heap.handlers[first.handler].device,
                                      first.argument);
}

/* ---- Both at work -------------------------------------------------------- */
static void engine_again(void *device, uint64_t argument)
{
    (void)device;
    note_order(&ours, argument);
    vmc_engine_schedule(engine, next_ticks(&ours), VMC_PHASE_DEVICE, 0,
                        argument);
}

static void heap_again(void *device, uint64_t argument)
{
    (void)device;
    note_order(&theirs, argument);
    heap_schedule(next_ticks(&theirs), VMC_PHASE_DEVICE, 0, argument);
}

static void engine_batch(uint32_t events)
{
    for (uint32_t i = 0; i < events; i++) {
        (void)vmc_engine_step(engine);
    }
}

static void heap_batch(uint32_t events)
{
    for (uint32_t i = 0; i < events; i++) {
        heap_step();
    }
}

static double ns_per_event(void (*batch)(uint32_t), uint32_t events)
{
    double seconds = bench_seconds();

    batch(events);
    return (bench_seconds() - seconds) * 1e9 / events;
}

/* Returns false when the two did not do the same. */
static bool run_row(enum distribution distribution, uint64_t period,
                    uint32_t held)
{
    const struct vmc_engine_config config = {held, 1};
    /* Each batch begins with the caches full of the other's events, so it must
     * be long against one round of all events. */
    uint32_t events =
        held > BATCH_EVENTS / ROUNDS ? ROUNDS * held : BATCH_EVENTS;
    double ours_ns[BATCHES], theirs_ns[BATCHES], ns, peer_ns;

    ours = theirs = (struct load){0};
    heap = (struct heap){.events = calloc(held, sizeof(struct event)),
                         .handlers = {{heap_again, NULL}}};
    if (heap.events == NULL || vmc_engine_new(&engine, &config) != VMC_OK) {
        exit(EXIT_FAILURE);
    }
    draw_increments(distribution, period);
    (void)vmc_engine_add_handler(engine, "hold", 0, engine_again, NULL);
    for (uint32_t i = 0; i < held; i++) {
        vmc_engine_schedule(engine, next_ticks(&ours), VMC_PHASE_DEVICE, 0, i);
        heap_schedule(next_ticks(&theirs), VMC_PHASE_DEVICE, 0, i);
    }
    engine_batch(events);
    heap_batch(events);
    for (int i = 0; i < BATCHES; i++) {
        ours_ns[i] = ns_per_event(engine_batch, events);
        theirs_ns[i] = ns_per_event(heap_batch, events);
    }
    ns = bench_median(ours_ns, BATCHES);
    peer_ns = bench_median(theirs_ns, BATCHES);
    printf("%-12s %6u %8u %8.1f %8.1f %7.2f\n", names[distribution],
           (unsigned)period, held, ns, peer_ns, peer_ns / ns);
    (void)fflush(stdout);
    vmc_engine_free(engine);
    free(heap.events);
    return ours.order_hash == theirs.order_hash;
}

int main(int argc, char **argv)
{
    static const uint32_t sizes[] = {2, 8, 64, 4096, 262144, 4194304};
    bool is_large = argc > 1 && strcmp(argv[1], "--large") == 0;
    size_t sizes_count = VMC_COUNT_OF(sizes) - !is_large;
    bool is_same = true;

    printf("# hold model, one core: ns an event, medians of %d batches\n",
           BATCHES);
    printf("%-12s %6s %8s %8s %8s %7s\n", "# increment", "period", "held",
           "engine", "heap", "ratio");
    for (int distribution = 0; distribution < DISTRIBUTIONS; distribution++) {
        for (uint64_t period = 1; period <= 400; period += 399) {
            for (size_t i = 0; i < sizes_count; i++) {
                is_same &=
                    run_row((enum distribution)distribution, period, sizes[i]);
            }
        }
    }
    printf("# order of events: %s\n", is_same ? "the same" : "DIFFERS");
    return is_same ? EXIT_SUCCESS : EXIT_FAILURE;
}
