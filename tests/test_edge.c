/* SPDX-License-Identifier: MIT */
/* Clocked components against one event for each component and edge. */
#include "event/edge.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "suite.h"

enum {
    SIGABRT_NUMBER = 6,
    COMPONENTS = 150, /* more than two words of bits */
    PERIOD = 400,
    CALLS_MAX = 1 << 16,
};

struct part {
    uint32_t number;
};

static struct vmc_engine *engine;
static struct vmc_edge *edge;
static struct part parts[COMPONENTS];
static struct {
    uint64_t cycle;
    uint32_t number;
} calls[CALLS_MAX];
static uint32_t call_count;

static void act(void *device, uint64_t cycle)
{
    const struct part *part = device;

    ck_assert_uint_eq(vmc_engine_now_tick(engine), cycle * PERIOD);
    ck_assert_uint_lt(call_count, CALLS_MAX);
    calls[call_count].cycle = cycle;
    calls[call_count++].number = part->number;
}

static struct vmc_edge_config set_up_engine(void)
{
    const struct vmc_engine_config config = {8, 4};

    ck_assert_int_eq(vmc_engine_new(&engine, &config), VMC_OK);
    return (struct vmc_edge_config){.engine = engine,
                                    .clock = {PERIOD},
                                    .phase = VMC_PHASE_DEVICE,
                                    .kind = "edge",
                                    .components_max = COMPONENTS};
}

static void set_up(vmc_edge_fn *component_act)
{
    struct vmc_edge_config config = set_up_engine();

    call_count = 0;
    ck_assert_int_eq(vmc_edge_new(&edge, &config), VMC_OK);
    for (uint32_t i = 0; i < COMPONENTS; i++) {
        parts[i].number = i;
        ck_assert_uint_eq(vmc_edge_add(edge, component_act, &parts[i]), i);
    }
}

static void tear_down(void)
{
    vmc_edge_free(edge);
    vmc_engine_free(engine);
}

/* Sets change between edges; the judge is a plain array of who is awake. */
START_TEST(all_that_are_awake_are_called_in_order_at_each_edge)
{
    bool is_awake[COMPONENTS] = {false};
    uint64_t now_tick = 0;
    struct vmc_rng rng;

    vmc_rng_init(&rng, (uint64_t)_i);
    set_up(act);
    for (int step = 0; step < 300; step++) {
        uint32_t expected = 0;
        uint64_t next_edge;

        for (uint64_t i = vmc_rng_below(&rng, 8); i > 0; i--) {
            uint32_t component = (uint32_t)vmc_rng_below(&rng, COMPONENTS);

            is_awake[component] = vmc_rng_below(&rng, 3) == 0;
            if (is_awake[component]) {
                vmc_edge_wake(edge, component);
            } else {
                vmc_edge_sleep(edge, component);
            }
            ck_assert(vmc_edge_is_awake(edge, component) ==
                      is_awake[component]);
        }
        next_edge = (now_tick / PERIOD + 1) * PERIOD;
        call_count = 0;
        (void)vmc_engine_run(engine, next_edge - 1);
        ck_assert_uint_eq(call_count, 0);
        now_tick = next_edge + vmc_rng_below(&rng, PERIOD);
        (void)vmc_engine_run(engine, now_tick);
        for (uint32_t i = 0; i < COMPONENTS; i++) {
            if (is_awake[i]) {
                ck_assert_uint_lt(expected, call_count);
                ck_assert_uint_eq(calls[expected].number, i);
                expected++;
            }
        }
        ck_assert_msg(call_count == expected, "seed %d step %d", _i, step);
    }
    tear_down();
}
END_TEST

START_TEST(without_anyone_awake_nothing_is_pending)
{
    set_up(act);
    ck_assert_uint_eq(vmc_engine_next_tick(engine), UINT64_MAX);
    vmc_edge_wake(edge, 7);
    vmc_edge_wake(edge, 7);
    ck_assert_uint_eq(vmc_engine_pending_count(engine), 1);
    (void)vmc_engine_run(engine, 10 * PERIOD);
    ck_assert_uint_eq(call_count, 10);
    vmc_edge_sleep(edge, 7);
    (void)vmc_engine_run(engine, 20 * PERIOD);
    ck_assert_uint_eq(call_count, 10);
    ck_assert_uint_eq(vmc_engine_pending_count(engine), 0);
    vmc_edge_wake(edge, 7);
    (void)vmc_engine_run(engine, 22 * PERIOD);
    ck_assert_uint_eq(call_count, 12);
    tear_down();
}
END_TEST

/* Component 5 wakes 3 and 9 and puts 8 to sleep, once. */
static void act_on_others(void *device, uint64_t cycle)
{
    const struct part *part = device;

    act(device, cycle);
    if (part->number == 5 && cycle == 2) {
        vmc_edge_wake(edge, 3);
        vmc_edge_wake(edge, 9);
        vmc_edge_sleep(edge, 8);
        ck_assert(vmc_edge_is_awake(edge, 9));
    }
}

START_TEST(waking_waits_for_the_next_edge_and_sleep_does_not)
{
    static const uint32_t expected[] = {5, 8, 5, 3, 5, 9};

    set_up(act_on_others);
    vmc_edge_wake(edge, 5);
    vmc_edge_wake(edge, 8);
    (void)vmc_engine_run(engine, 3 * PERIOD);
    ck_assert_uint_eq(call_count, VMC_COUNT_OF(expected));
    for (uint32_t i = 0; i < call_count; i++) {
        ck_assert_uint_eq(calls[i].number, expected[i]);
    }
    tear_down();
}
END_TEST

START_TEST(state_and_snapshot_bring_an_edge_back)
{
    size_t state_bytes;
    void *state, *kept, *snapshot;

    set_up(act);
    state = vmc_edge_state(edge, &state_bytes);
    kept = malloc(state_bytes);
    snapshot = malloc(vmc_engine_snapshot_bytes(engine));
    ck_assert(kept != NULL && snapshot != NULL);
    vmc_edge_wake(edge, 3);
    vmc_edge_wake(edge, 140);
    (void)vmc_engine_run(engine, 3 * PERIOD + 1);
    memcpy(kept, state, state_bytes);
    vmc_engine_save(engine, snapshot);
    vmc_edge_sleep(edge, 3);
    (void)vmc_engine_run(engine, 9 * PERIOD);
    memcpy(state, kept, state_bytes);
    ck_assert_int_eq(vmc_engine_load(engine, snapshot), VMC_OK);
    call_count = 0;
    (void)vmc_engine_run(engine, 5 * PERIOD);
    ck_assert_uint_eq(call_count, 4);
    ck_assert_uint_eq(calls[2].number, 3);
    ck_assert_uint_eq(calls[2].cycle, 5);
    free(kept);
    free(snapshot);
    tear_down();
}
END_TEST

START_TEST(a_config_outside_its_limits_is_refused)
{
    struct vmc_edge_config config = set_up_engine();

    for (int i = 0; i < 4; i++) {
        struct vmc_edge_config wrong = config;

        switch (i) {
        case 0:
            wrong.components_max = 0;
            break;
        case 1:
            wrong.components_max = (1 << 20) + 1;
            break;
        case 2:
            wrong.clock.period_ticks = 0;
            break;
        default:
            wrong.phase = VMC_PHASE_COUNT;
        }
        ck_assert_int_eq(vmc_edge_new(&edge, &wrong), VMC_E_RANGE);
        ck_assert_ptr_null(edge);
    }
    tear_down();
}
END_TEST

START_TEST(a_component_that_was_never_added_is_a_bug)
{
    struct vmc_edge_config config = set_up_engine();

    ck_assert_int_eq(vmc_edge_new(&edge, &config), VMC_OK);
    vmc_edge_wake(edge, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("edge");
    TCase *c = tcase_create("edge");

    suite_add_tcase(s, c);
    tcase_add_loop_test(c, all_that_are_awake_are_called_in_order_at_each_edge,
                        0, 8);
    tcase_add_test(c, without_anyone_awake_nothing_is_pending);
    tcase_add_test(c, waking_waits_for_the_next_edge_and_sleep_does_not);
    tcase_add_test(c, state_and_snapshot_bring_an_edge_back);
    tcase_add_test(c, a_config_outside_its_limits_is_refused);
    tcase_add_test_raise_signal(c, a_component_that_was_never_added_is_a_bug,
                                SIGABRT_NUMBER);
    return s;
}
