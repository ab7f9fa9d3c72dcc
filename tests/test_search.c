/* SPDX-License-Identifier: MIT */
/*
 * The search over small models whose numbers are known: tasks of some steps
 * each have a multinomial number of interleavings and a product of states.
 */
#include "explore/search.h"

#include <string.h>

#include "suite.h"

enum { TASKS_MAX = 4 };

/* Tasks that count up. One order of two steps may be wrong; a task may go
 * round instead of ending. */
struct counters {
    uint32_t task_count, length;
    bool fails_when_first_is_last; /* task 0 may not end last */
    bool is_round;
    bool deadlocks; /* all ended is not good */
};

struct counters_state {
    uint8_t done[TASKS_MAX];
};

static size_t counters_bytes(const void *model)
{
    (void)model;
    return sizeof(struct counters_state);
}

static void counters_start(void *model, void *state)
{
    (void)model;
    memset(state, 0, sizeof(struct counters_state));
}

static uint32_t counters_enabled(void *model, const void *state,
                                 uint16_t *steps)
{
    const struct counters *self = model;
    const struct counters_state *s = state;
    uint32_t count = 0;

    for (uint16_t i = 0; i < self->task_count; i++) {
        if (s->done[i] < self->length) {
            steps[count++] = i;
        }
    }
    return count;
}

static bool counters_step(void *model, void *state, uint16_t step,
                          uint32_t *rule)
{
    const struct counters *self = model;
    struct counters_state *s = state;
    uint16_t steps[TASKS_MAX];

    s->done[step]++;
    if (self->is_round && s->done[step] == self->length) {
        s->done[step] = 0;
    }
    if (self->fails_when_first_is_last && step == 0 &&
        counters_enabled(model, state, steps) == 0) {
        *rule = 7;
        return false;
    }
    return true;
}

static bool counters_finish(void *model, const void *state, uint32_t *rule)
{
    const struct counters *self = model;

    (void)state;
    *rule = 9;
    return !self->deadlocks;
}

static struct vmc_hash128 counters_hash(void *model, const void *state)
{
    (void)model;
    return vmc_hash128(state, sizeof(struct counters_state), 0);
}

static const struct vmc_model_ops counters_ops = {
    .state_bytes = counters_bytes,
    .start = counters_start,
    .enabled = counters_enabled,
    .step = counters_step,
    .finish = counters_finish,
    .hash = counters_hash,
};

static const struct vmc_search_budget large = {.states_max = 1 << 16};

static const struct {
    struct counters model;
    uint64_t schedules, failing, states;
    uint32_t depth;
} rows[] = {
    {{.task_count = 1, .length = 5}, 1, 0, 6, 5},
    {{.task_count = 2, .length = 1}, 2, 0, 4, 2},
    {{.task_count = 2, .length = 3}, 20, 0, 16, 6},   /* 6! / 3!3! */
    {{.task_count = 3, .length = 3}, 1680, 0, 64, 9}, /* 9! / 3!3!3! */
    {{.task_count = 4, .length = 4}, 63063000, 0, 625, 16},
    /* Of the interleavings of 3 and 3, half end with the first task. */
    {{.task_count = 2, .length = 3, .fails_when_first_is_last = true},
     20,
     10,
     16,
     6},
    {{.task_count = 3, .length = 2, .deadlocks = true}, 90, 90, 27, 6},
    {{.task_count = 0}, 1, 0, 1, 0},
};

START_TEST(interleavings_and_states_are_counted_exactly)
{
    struct counters model = rows[_i].model;
    struct vmc_search_result result;

    ck_assert_int_eq(vmc_search_count(&result, &counters_ops, &model, &large),
                     VMC_OK);
    ck_assert(result.is_complete && !result.has_cycle && !result.has_overflow);
    ck_assert(result.schedules == rows[_i].schedules);
    ck_assert(result.failing == rows[_i].failing);
    ck_assert_uint_eq(result.depth, rows[_i].depth);

    ck_assert_uint_eq(result.states, rows[_i].states);
}
END_TEST

START_TEST(a_failing_schedule_is_kept_with_the_counts)
{
    struct counters model = {
        .task_count = 2, .length = 3, .fails_when_first_is_last = true};
    static struct vmc_search_result result;
    struct counters_state state;
    uint32_t broken = 0;

    ck_assert_int_eq(vmc_search_count(&result, &counters_ops, &model, &large),
                     VMC_OK);
    ck_assert(result.has_schedule);
    ck_assert_uint_eq(result.rule, 7);
    ck_assert_uint_eq(result.schedule.step_count, 6);
    counters_start(&model, &state);
    for (uint32_t i = 0; i < 5; i++) {
        ck_assert(
            counters_step(&model, &state, result.schedule.steps[i], &broken));
    }
    ck_assert(
        !counters_step(&model, &state, result.schedule.steps[5], &broken));
}
END_TEST

START_TEST(a_bad_end_is_found_with_the_steps_to_it)
{
    struct counters model = {.task_count = 2, .length = 2, .deadlocks = true};
    static struct vmc_search_result result;

    ck_assert_int_eq(vmc_search_count(&result, &counters_ops, &model, &large),
                     VMC_OK);
    ck_assert(result.has_schedule);
    ck_assert_uint_eq(result.rule, 9);
    ck_assert_uint_eq(result.schedule.step_count, 4);
    ck_assert_uint_eq(result.failure_q62, VMC_CERTAIN_Q62);
    model.deadlocks = false;
    ck_assert_int_eq(vmc_search_count(&result, &counters_ops, &model, &large),
                     VMC_OK);
    ck_assert(!result.has_schedule);
}
END_TEST

START_TEST(a_cycle_is_noticed)
{
    struct counters model = {.task_count = 2, .length = 3, .is_round = true};
    struct vmc_search_result result;

    ck_assert_int_eq(vmc_search_count(&result, &counters_ops, &model, &large),
                     VMC_OK);
    ck_assert(result.has_cycle);
    ck_assert(!result.counts_are_exact);
    ck_assert_uint_eq(result.states, 9);
}
END_TEST

START_TEST(a_small_budget_says_that_it_is_not_all)
{
    struct counters model = {.task_count = 3, .length = 3};
    static const struct {
        struct vmc_search_budget budget;
        enum vmc_search_limit limit;
    } small[] = {
        {{.states_max = 20}, VMC_LIMIT_STATES},
        {{.states_max = 100, .steps_max = 30}, VMC_LIMIT_STEPS},
        {{.states_max = 100, .memory_bytes_max = 1000}, VMC_LIMIT_MEMORY},
    };

    for (size_t i = 0; i < VMC_COUNT_OF(small); i++) {
        struct vmc_search_result result;

        ck_assert_int_eq(
            vmc_search_count(&result, &counters_ops, &model, &small[i].budget),
            VMC_OK);
        ck_assert(!result.is_complete && !result.counts_are_exact);
        ck_assert_int_eq(result.guarantee, VMC_BOUNDED);
        ck_assert_int_eq(result.limit, small[i].limit);
        ck_assert(result.schedules < 1680);
    }
}
END_TEST

START_TEST(numbers_outside_their_limits_are_refused)
{
    static const struct vmc_search_config bad[] = {
        {.strategy = VMC_STRATEGY_STATEFUL, .budget = {.states_max = 0}},
        {.strategy = VMC_STRATEGY_LADDER,
         .budget = {.states_max = VMC_SEARCH_STATES_MAX + 1}},
        {.strategy = VMC_STRATEGY_COUNT, .budget = {.states_max = 1}},
        {.strategy = VMC_STRATEGY_PREEMPTION,
         .budget = {.states_max = 1},
         .preemptions_max = VMC_SEARCH_BOUNDS_MAX},
        {.strategy = VMC_STRATEGY_PCT,
         .budget = {.states_max = 1},
         .pct_depth = 0,
         .runs = 1},
        {.strategy = VMC_STRATEGY_PCT,
         .budget = {.states_max = 1},
         .pct_depth = VMC_PCT_DEPTH_MAX + 1,
         .runs = 1},
        {.strategy = VMC_STRATEGY_RANDOM,
         .budget = {.states_max = 1},
         .runs = 0},
        /* These counters have no footprints. */
        {.strategy = VMC_STRATEGY_DPOR, .budget = {.states_max = 1}},
    };
    struct counters model = {.task_count = 1, .length = 1};
    struct vmc_search_result result;

    for (size_t i = 0; i < VMC_COUNT_OF(bad); i++) {
        ck_assert_int_eq(vmc_search(&result, &counters_ops, &model, &bad[i]),
                         VMC_E_RANGE);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("search");
    TCase *c = tcase_create("search");

    suite_add_tcase(s, c);
    tcase_add_loop_test(c, interleavings_and_states_are_counted_exactly, 0,
                        (int)VMC_COUNT_OF(rows));
    tcase_add_test(c, a_failing_schedule_is_kept_with_the_counts);
    tcase_add_test(c, a_bad_end_is_found_with_the_steps_to_it);
    tcase_add_test(c, a_cycle_is_noticed);
    tcase_add_test(c, a_small_budget_says_that_it_is_not_all);
    tcase_add_test(c, numbers_outside_their_limits_are_refused);
    return s;
}
