/* SPDX-License-Identifier: MIT */
/* The router: who passes when, and how long queues get. */
#include "eiointc/router.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "suite.h"

enum { TRACE_MAX = 16 };

static struct vmc_engine *engine;
static struct vmc_router router;
static uint32_t node_of_vector[VMC_ROUTER_VECTORS];
static struct {
    uint64_t cycle;
    uint32_t node, vector;
} finished[TRACE_MAX];
static uint32_t finished_count;

static uint32_t node_of(void *owner, uint32_t vector)
{
    (void)owner;
    return node_of_vector[vector];
}

static void finish(void *owner, uint32_t node, uint32_t vector)
{
    (void)owner;
    if (finished_count < TRACE_MAX) {
        finished[finished_count].cycle = vmc_engine_now_tick(engine) / 1000;
        finished[finished_count].node = node;
        finished[finished_count].vector = vector;
    }
    finished_count++;
}

static const struct vmc_router_ops ops = {.node_of = node_of, .finish = finish};

static void enter_event(void *device, uint64_t vector)
{
    (void)device;
    (void)vmc_router_enter(&router, (uint32_t)vector);
}

static uint16_t enter_handler;

static void set_up(uint32_t node_count)
{
    const struct vmc_router_config config = {.clock = {1000},
                                             .vector_ticks = 1000,
                                             .hop_ticks = 5000,
                                             .node_count = node_count};
    const struct vmc_engine_config engine_config = {4096, 8};

    finished_count = 0;
    for (uint32_t i = 0; i < VMC_ROUTER_VECTORS; i++) {
        node_of_vector[i] = 0;
    }
    ck_assert_int_eq(vmc_engine_new(&engine, &engine_config), VMC_OK);
    ck_assert_int_eq(vmc_router_init(&router, &config, engine, &ops, NULL),
                     VMC_OK);
    enter_handler =
        vmc_engine_add_handler(engine, "test", 0, enter_event, NULL);
}

/* Inputs at given cycles, and when each vector is done and where. */
struct step {
    uint64_t cycle;
    uint32_t vector, node;
};

static const struct {
    const char *what;
    struct step in[5], out[5]; /* a vector of 0 ends the list */
} scenarios[] = {
    {"one vector takes one cycle", {{3, 9, 0}}, {{4, 9, 0}}},
    {"the lower vector goes first",
     {{0, 70, 0}, {0, 7, 0}},
     {{1, 7, 0}, {2, 70, 0}}},
    {"a lower one does not overtake one in service",
     {{0, 70, 0}, {1, 7, 0}, {1, 80, 0}},
     {{1, 70, 0}, {2, 7, 0}, {3, 80, 0}}},
    {"a waiting vector is not doubled",
     {{0, 7, 0}, {0, 70, 0}, {0, 70, 0}},
     {{1, 7, 0}, {2, 70, 0}}},
    {"one in service can wait again",
     {{0, 7, 0}, {0, 8, 0}, {1, 7, 0}},
     {{1, 7, 0}, {2, 7, 0}, {3, 8, 0}}},
    {"another node: service, hop, service", {{0, 7, 1}}, {{7, 7, 1}}},
    {"two nodes work side by side",
     {{0, 7, 1}, {0, 8, 0}, {5, 9, 0}, {6, 10, 0}},
     {{2, 8, 0}, {6, 9, 0}, {7, 10, 0}, {7, 7, 1}}},
    {"hand-overs that meet wait for each other",
     {{0, 7, 1}, {1, 6, 1}, {2, 5, 1}},
     {{7, 7, 1}, {8, 6, 1}, {9, 5, 1}}},
};

START_TEST(a_vector_passes_at_its_cycle)
{
    uint32_t expected = 0;

    set_up(2);
    for (const struct step *s = scenarios[_i].in; s->vector != 0; s++) {
        node_of_vector[s->vector] = s->node;
        vmc_engine_schedule(engine, s->cycle * 1000, VMC_PHASE_WIRE,
                            enter_handler, s->vector);
    }
    (void)vmc_engine_run_all(engine);
    for (const struct step *s = scenarios[_i].out; s->vector != 0; s++) {
        ck_assert_msg(expected < finished_count &&
                          finished[expected].cycle == s->cycle &&
                          finished[expected].vector == s->vector &&
                          finished[expected].node == s->node,
                      "%s: the %u-th was vector %u at cycle %u",
                      scenarios[_i].what, expected, finished[expected].vector,
                      (unsigned)finished[expected].cycle);
        expected++;
    }
    ck_assert_msg(finished_count == expected, "%s: %u finished",
                  scenarios[_i].what, finished_count);
    vmc_engine_free(engine);
}
END_TEST

START_TEST(an_input_between_edges_starts_at_the_next_one)
{
    set_up(1);
    vmc_engine_schedule(engine, 1001, VMC_PHASE_WIRE, enter_handler, 5);
    (void)vmc_engine_run_all(engine);
    ck_assert_uint_eq(finished[0].cycle, 3);
    vmc_engine_free(engine);
}
END_TEST

START_TEST(a_route_changed_on_the_way_is_followed)
{
    set_up(3);
    node_of_vector[5] = 1;
    vmc_engine_schedule(engine, 0, VMC_PHASE_WIRE, enter_handler, 5);
    (void)vmc_engine_run(engine, 3000); /* under way from node 0 to node 1 */
    node_of_vector[5] = 2;
    (void)vmc_engine_run_all(engine);
    ck_assert_uint_eq(finished_count, 1);
    ck_assert_uint_eq(finished[0].node, 2);
    ck_assert_uint_eq(finished[0].cycle, 13); /* 1 + 5 + 1 + 5 + 1 */
    vmc_engine_free(engine);
}
END_TEST

/*
 * A queue with Poisson arrivals and constant service has the mean waiting time
 * rho / (2 (1 - rho)) services (Pollaczek and Khinchine). Arrivals of a vector
 * that waits already would be lost, so each arrival takes a free one: the 256
 * vectors are enough for it never to fail at these loads. Waiting counts from
 * the edge that samples an arrival.
 */
static const struct {
    double load;
    uint64_t arrivals;
} loads[] = {{0.3, 1000000}, {0.6, 2000000}, {0.9, 30000000}};

/* How many arrivals a cycle sees: Poisson, by counting exponential gaps in
 * 2^-20 cycles. */
static uint32_t arrivals_in_cycle(struct vmc_rng *rng, uint64_t *gap,
                                  uint64_t mean_gap)
{
    uint32_t count = 0;

    while (*gap < 1 << 20) {
        *gap += vmc_rng_exponential(rng, mean_gap);
        count++;
    }
    *gap -= 1 << 20;
    return count;
}

START_TEST(random_arrivals_wait_as_in_an_m_d_1_queue)
{
    double load = loads[_i].load;
    double expected = load / (2 * (1 - load));
    uint64_t mean_gap = (uint64_t)((1 << 20) / load + 0.5);
    uint64_t gap = 0, entered = 0;
    struct vmc_rng rng;
    uint32_t next_vector = 0;
    double found;

    set_up(1);
    vmc_rng_init(&rng, 20261121 + (uint64_t)_i);
    gap = vmc_rng_exponential(&rng, mean_gap);
    for (uint64_t cycle = 1; entered < loads[_i].arrivals; cycle++) {
        uint32_t count = arrivals_in_cycle(&rng, &gap, mean_gap);

        for (uint32_t i = 0; i < count; i++) {
            uint32_t tries = 0;

            while (!vmc_router_enter(&router, next_vector++ % 256)) {
                ck_assert_uint_lt(tries++, 256);
            }
            entered++;
        }

        (void)vmc_engine_run(engine, cycle * 1000);
    }
    (void)vmc_engine_run_all(engine);
    ck_assert_uint_eq(router.state.served, entered);
    found = (double)router.state.wait_ticks / 1000 / (double)entered;
    ck_assert_msg(found > 0.99 * expected && found < 1.01 * expected,
                  "load %.1f: waits %.4f cycles, M/D/1 says %.4f", load, found,
                  expected);
    vmc_engine_free(engine);
}
END_TEST

START_TEST(numbers_outside_their_limits_are_refused)
{
    struct vmc_router_config config = {
        .clock = {1000}, .vector_ticks = 1000, .node_count = 1};
    const struct vmc_engine_config engine_config = {16, 16};
    struct vmc_router other;

    ck_assert_int_eq(vmc_engine_new(&engine, &engine_config), VMC_OK);
    config.node_count = 0;
    ck_assert_int_eq(vmc_router_init(&other, &config, engine, &ops, NULL),
                     VMC_E_RANGE);
    config.node_count = VMC_ROUTER_NODES_MAX + 1;
    ck_assert_int_eq(vmc_router_init(&other, &config, engine, &ops, NULL),
                     VMC_E_RANGE);
    config.node_count = 2;
    config.home_node = 2;
    ck_assert_int_eq(vmc_router_init(&other, &config, engine, &ops, NULL),
                     VMC_E_RANGE);
    config.home_node = 0;
    config.vector_ticks = 0;
    ck_assert_int_eq(vmc_router_init(&other, &config, engine, &ops, NULL),
                     VMC_E_RANGE);
    vmc_engine_free(engine);
}
END_TEST

/* What a watcher finds: cycle, node, vector being served (or none), depth. */
static char seen[512];

static void changed(void *owner, uint32_t node)
{
    uint32_t serving = vmc_router_serving(&router, node);
    size_t used = strlen(seen);
    char vector[8] = "-";

    (void)owner;
    if (serving < VMC_ROUTER_VECTORS) {
        (void)snprintf(vector, sizeof(vector), "%u", (unsigned)serving);
    }
    (void)snprintf(seen + used, sizeof(seen) - used, "%u:n%u %s+%u; ",
                   (unsigned)(vmc_engine_now_tick(engine) / 1000),
                   (unsigned)node, vector,
                   (unsigned)vmc_router_depth(&router, node));
}

static const struct vmc_router_ops watched_ops = {
    .node_of = node_of, .finish = finish, .changed = changed};

START_TEST(a_watcher_hears_of_every_change)
{
    set_up(2);
    router.ops = &watched_ops;
    seen[0] = '\0';
    node_of_vector[8] = 1;
    (void)vmc_router_enter(&router, 200);
    (void)vmc_router_enter(&router, 8);
    (void)vmc_router_enter(&router, 8); /* waits already: no change */
    (void)vmc_engine_run_all(engine);
    ck_assert_str_eq(seen, "0:n0 -+1; 0:n0 -+2; 0:n0 8+1; 1:n0 200+0; "
                           "2:n0 -+0; 6:n1 -+1; 6:n1 8+0; 7:n1 -+0; ");
    vmc_engine_free(engine);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("router");
    TCase *c = tcase_create("router");

    suite_add_tcase(s, c);
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, a_vector_passes_at_its_cycle, 0,
                        (int)VMC_COUNT_OF(scenarios));
    tcase_add_test(c, an_input_between_edges_starts_at_the_next_one);
    tcase_add_test(c, a_route_changed_on_the_way_is_followed);
    tcase_add_loop_test(c, random_arrivals_wait_as_in_an_m_d_1_queue, 0,
                        (int)VMC_COUNT_OF(loads));
    tcase_add_test(c, numbers_outside_their_limits_are_refused);
    tcase_add_test(c, a_watcher_hears_of_every_change);
    return s;
}
