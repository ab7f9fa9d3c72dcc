/* SPDX-License-Identifier: MIT */
/*
 * Races of the interrupt models. A judge runs every schedule by itself, without
 * hashes, and must come to the same counts; a schedule is also made again with
 * models of their own, so that nothing outside of a state can matter.
 */
#include "sim/explore/explore_irq.h"

#include <string.h>

#include "explore/search.h"
#include "suite.h"

enum { BYTES_MAX = 8192, DEPTH_MAX = 64 };

static struct explore_irq irq;
static uint64_t schedules, failing;

static void visit(const unsigned char *state, uint32_t depth)
{
    unsigned char next[BYTES_MAX];
    uint16_t steps[VMC_MODEL_STEPS_MAX];
    uint32_t rule = 0, count = explore_irq_ops.enabled(&irq, state, steps);

    ck_assert_uint_lt(depth, DEPTH_MAX);
    if (count == 0) {
        schedules++;
        failing += !explore_irq_ops.finish(&irq, state, &rule);
    }
    for (uint32_t i = 0; i < count; i++) {
        memcpy(next, state, explore_irq_ops.state_bytes(&irq));
        if (explore_irq_ops.step(&irq, next, steps[i], &rule)) {
            visit(next, depth + 1);
        } else {
            schedules++;
            failing++;
        }
    }
}

/* Schedules and how many fail, with the bug and fixed: counted once by hand for
 * the two last, with a judge for the others. */
static const struct {
    const char *name;
    uint32_t bug;
    uint64_t counts[2][2];
} rows[] = {{"reroute", 19, {{64, 7}, {23, 0}}},
            {"ipi", 20, {{13, 5}, {8, 0}}},
            {"timer", 30, {{3, 1}, {3, 0}}},
            {"entry", 37, {{3, 1}, {3, 0}}}};

static void set_up(int row, bool is_fixed)
{
    struct vmc_error error = {""};

    ck_assert_int_eq(explore_irq_init(&irq, rows[row].name,
                                      is_fixed ? "fixed" : "bug", &error),
                     VMC_OK);
}

START_TEST(the_bug_is_found_and_its_repair_is_clean)
{
    static const struct vmc_search_budget budget = {.states_max = 1 << 12};
    static unsigned char state[BYTES_MAX];
    bool is_fixed = _i % 2 != 0;
    static struct vmc_search_result counts;

    set_up(_i / 2, is_fixed);
    ck_assert_uint_le(explore_irq_ops.state_bytes(&irq), BYTES_MAX);
    ck_assert_int_eq(vmc_search_count(&counts, &explore_irq_ops, &irq, &budget),
                     VMC_OK);
    schedules = failing = 0;
    explore_irq_ops.start(&irq, state);
    visit(state, 0);
    ck_assert(counts.is_complete && !counts.has_cycle);
    ck_assert_uint_eq((uint64_t)counts.schedules, schedules);
    ck_assert_uint_eq((uint64_t)counts.failing, failing);
    ck_assert_uint_eq(schedules, rows[_i / 2].counts[is_fixed][0]);
    ck_assert_uint_eq(failing, rows[_i / 2].counts[is_fixed][1]);
}
END_TEST

/* Every step goes through one controller, so little can be left out; what is
 * found is the same. */
START_TEST(reduction_finds_the_same)
{
    static struct vmc_search_result result;
    const struct vmc_search_config config = {
        .strategy = VMC_STRATEGY_DPOR,
        .budget = {.states_max = 1 << 12},
    };
    size_t row = (size_t)_i / 2;
    bool is_fixed = _i % 2 != 0;

    set_up((int)row, is_fixed);
    ck_assert_int_eq(vmc_search(&result, &explore_irq_ops, &irq, &config),
                     VMC_OK);
    ck_assert(result.has_schedule != is_fixed);
    ck_assert(!result.has_schedule || result.rule == rows[row].bug);
}
END_TEST

START_TEST(a_failing_schedule_fails_on_fresh_models_too)
{
    static const struct vmc_search_budget budget = {.states_max = 1 << 12};
    static struct vmc_search_result found;
    struct told_model told = {&explore_irq_words, &irq};
    struct story story, again;

    set_up(_i, false);
    ck_assert_int_eq(vmc_search_count(&found, &explore_irq_ops, &irq, &budget),
                     VMC_OK);
    ck_assert(found.has_schedule);
    ck_assert_int_eq(story_tell(&story, &told, &found.schedule, NULL), VMC_OK);
    set_up(_i, false);
    ck_assert_int_eq(story_tell(&again, &told, &found.schedule, NULL), VMC_OK);
    ck_assert_uint_eq(again.rule, rows[_i].bug);
    ck_assert_uint_eq(story.hash.low, again.hash.low);
    ck_assert_uint_eq(story.hash.high, again.hash.high);
    story_free(&story);
    story_free(&again);
}
END_TEST

START_TEST(names_that_there_are_not_are_refused)
{
    struct vmc_error error = {""};

    ck_assert_int_eq(explore_irq_init(&irq, "none", NULL, &error), VMC_E_USAGE);
    ck_assert_ptr_nonnull(strstr(error.text, "reroute, ipi, timer, entry"));
    ck_assert_int_eq(explore_irq_init(&irq, "ipi", "none", &error),
                     VMC_E_USAGE);
    ck_assert_int_eq(explore_irq_init(&irq, "ipi", NULL, &error), VMC_OK);
    ck_assert(!irq.is_fixed);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("explore_irq");
    TCase *c = tcase_create("explore_irq");

    suite_add_tcase(s, c);
    tcase_add_loop_test(c, the_bug_is_found_and_its_repair_is_clean, 0,
                        2 * VMC_COUNT_OF(rows));
    tcase_add_loop_test(c, reduction_finds_the_same, 0, 2 * VMC_COUNT_OF(rows));
    tcase_add_loop_test(c, a_failing_schedule_fails_on_fresh_models_too, 0,
                        VMC_COUNT_OF(rows));
    tcase_add_test(c, names_that_there_are_not_are_refused);
    return s;
}
