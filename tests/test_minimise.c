/* SPDX-License-Identifier: MIT */
/*
 * The smallest failing schedule, against a judge that runs every schedule and
 * keeps the smallest that fails; and on scenarios whose smallest ones are known
 * from the specification of the explorer.
 */
#include "explore/minimise.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "sim/explore/explore_vcpu.h"
#include "suite.h"

enum { STATES = 1 << 18, DEPTH_MAX = 64 };

static struct explore_vcpu model;
static struct vmc_life_program *program;
static struct vmc_minimal minimal, other;

static void compile(const char *name, const char *variant)
{
    struct vmc_life_config config = {.variant = variant};
    struct vmc_error error = {""};
    char path[64];

    (void)snprintf(path, sizeof(path), "tests/scenarios/%s", name);
    ck_assert_msg(vmc_life_compile(&program, path, &config, &error) == VMC_OK,
                  "%s", error.text);
    memset(&model, 0, sizeof(model));
    model.program = program;
}

/* ---- The judge ---------------------------------------------------------- */

static struct {
    uint32_t rule;
    uint64_t by_preemptions, by_steps; /* smallest costs */
    struct vmc_schedule path, largest; /* largest: that fails */
} judge;

static bool goes_on(const unsigned char *state, uint32_t task)
{
    uint16_t steps[VMC_MODEL_STEPS_MAX];
    uint32_t count = explore_vcpu_ops.enabled(&model, state, steps);

    for (uint32_t i = 0; i < count; i++) {
        if (explore_vcpu_ops.task(&model, steps[i]) == task) {
            return true;
        }
    }
    return false;
}

static void judge_failure(uint32_t rule, uint32_t depth, uint32_t preemptions)
{
    uint64_t by_preemptions = (uint64_t)preemptions << 32 | depth;
    uint64_t by_steps = (uint64_t)depth << 32 | preemptions;

    if (rule != judge.rule) {
        return;
    }
    if (depth > judge.largest.step_count) {
        judge.largest = judge.path;
        judge.largest.step_count = depth;
    }
    if (by_preemptions < judge.by_preemptions) {
        judge.by_preemptions = by_preemptions;
    }
    if (by_steps < judge.by_steps) {
        judge.by_steps = by_steps;
    }
}

static void visit(const unsigned char *state, uint32_t depth,
                  uint32_t preemptions)
{
    unsigned char next[sizeof(struct vmc_life_state)];
    uint16_t steps[VMC_MODEL_STEPS_MAX];
    uint32_t rule = 0, count = explore_vcpu_ops.enabled(&model, state, steps);

    ck_assert_uint_lt(depth, DEPTH_MAX);
    if (count == 0 && !explore_vcpu_ops.finish(&model, state, &rule)) {
        judge_failure(rule, depth, preemptions);
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t last, switches = 0;

        if (depth > 0) {
            last = explore_vcpu_ops.task(&model, judge.path.steps[depth - 1]);
            switches = last != explore_vcpu_ops.task(&model, steps[i]) &&
                       goes_on(state, last);
        }
        memcpy(next, state, explore_vcpu_ops.state_bytes(&model));
        judge.path.steps[depth] = steps[i];
        if (explore_vcpu_ops.step(&model, next, steps[i], &rule)) {
            visit(next, depth + 1, preemptions + switches);
        } else {
            judge_failure(rule, depth + 1, preemptions + switches);
        }
    }
}

static const struct {
    const char *name, *variant;
    enum vmc_rule rule;
} judged[] = {
    {"S03", "bug", VMC_V01_USE_AFTER_FREE},
    {"S03", "atomicput", VMC_V05_SLEEP_IN_ATOMIC},
    {"S01", "bug", VMC_V05_SLEEP_IN_ATOMIC},
    {"S06", "bug", VMC_V23_NOT_INITIALISED},
    {"S09", "bug", VMC_V01_USE_AFTER_FREE},
    {"S10", "bug", VMC_V23_NOT_INITIALISED},
    {"S11", "bug", VMC_V05_SLEEP_IN_ATOMIC},
    {"S13", "bug", VMC_V23_NOT_INITIALISED},
    {"S14", "bug", VMC_V21_NO_PROGRESS},
    {"S22", "bug", VMC_V01_USE_AFTER_FREE},
    {"S24", "bug", VMC_V24_WAITS_FOR_ITSELF},
};

/* Without the idle steps the run can be made, every step of it, and fails. */
static void check_idle(void)
{
    unsigned char state[sizeof(struct vmc_life_state)];
    uint16_t steps[VMC_MODEL_STEPS_MAX];
    uint32_t rule = 0;

    explore_vcpu_ops.start(&model, state);
    for (uint32_t i = 0; i < minimal.schedule.step_count; i++) {
        uint32_t count = explore_vcpu_ops.enabled(&model, state, steps);
        bool is_enabled = false;

        for (uint32_t k = 0; k < count; k++) {
            is_enabled = is_enabled || steps[k] == minimal.schedule.steps[i];
        }
        if (!minimal.is_idle[i]) {
            ck_assert_uint_eq(rule, 0);
            ck_assert_msg(is_enabled, "step %u needs an idle one", i);
            (void)explore_vcpu_ops.step(&model, state,
                                        minimal.schedule.steps[i], &rule);
        }
    }
    ck_assert(rule != 0 || !explore_vcpu_ops.finish(&model, state, &rule));
    ck_assert_uint_eq(rule, minimal.rule);
}

START_TEST(it_is_the_smallest_of_all_schedules)
{
    unsigned char state[sizeof(struct vmc_life_state)];

    compile(judged[_i].name, judged[_i].variant);
    memset(&judge, 0, sizeof(judge));
    judge.rule = judged[_i].rule;
    judge.by_preemptions = judge.by_steps = UINT64_MAX;
    explore_vcpu_ops.start(&model, state);
    visit(state, 0, 0);
    ck_assert_msg(judge.by_steps != UINT64_MAX, "%s never fails so",
                  judged[_i].name);
    for (int order = 0; order < 2; order++) {
        uint64_t steps, preemptions;

        ck_assert_int_eq(vmc_minimise(&minimal, &judge.largest,
                                      (enum vmc_minimise_order)order, STATES,
                                      &explore_vcpu_ops, &model),
                         VMC_OK);
        steps = minimal.schedule.step_count;
        preemptions = minimal.preemption_count;
        ck_assert(minimal.is_proven);
        check_idle();
        ck_assert_uint_eq(minimal.rule, judged[_i].rule);
        ck_assert_uint_eq(
            order == VMC_MINIMISE_PREEMPTIONS ? preemptions << 32 | steps
                                              : steps << 32 | preemptions,
            order == VMC_MINIMISE_PREEMPTIONS ? judge.by_preemptions
                                              : judge.by_steps);
    }
    vmc_life_program_free(program);
}
END_TEST

/* ---- Known ones --------------------------------------------------------- */

/* Sizes from the specification of the explorer, section 9.6. Where operations
 * are split in another way than there, a few steps are saved. */
static const struct {
    const char *name, *variant;
    uint32_t steps, preemptions;
    bool is_split_otherwise;
} known[] = {
    {"S03", "bug", 15, 1, false},  {"G4", "bug", 15, 1, false},
    {"S15", "bug", 2, 1, false},   {"S13", "bug", 5, 1, false},
    {"S11", "bug", 6, 1, false},   {"S05", "bug", 19, 0, false},
    {"S05", "half", 23, 1, false}, {"S14", "bug", 4, 1, true},
    {"S23", "bug", 5, 1, true},    {"S12", "bug", 12, 1, true},
    {"S25", "bug", 13, 2, true},
};

/* Any failing schedule: the first that is met. */
static void find(struct vmc_schedule *schedule)
{
    static struct vmc_search_result result;
    const struct vmc_search_budget budget = {.states_max = STATES};

    ck_assert_int_eq(
        vmc_search_count(&result, &explore_vcpu_ops, &model, &budget), VMC_OK);
    ck_assert(result.has_schedule);
    *schedule = result.schedule;
}

START_TEST(known_counterexamples_have_their_known_size)
{
    static struct vmc_schedule schedule;

    compile(known[_i].name, known[_i].variant);
    find(&schedule);
    ck_assert_int_eq(vmc_minimise(&minimal, &schedule, VMC_MINIMISE_PREEMPTIONS,
                                  STATES, &explore_vcpu_ops, &model),
                     VMC_OK);
    ck_assert(minimal.is_proven);
    ck_assert_uint_eq(minimal.preemption_count, known[_i].preemptions);
    if (known[_i].is_split_otherwise) {
        ck_assert_uint_le(minimal.schedule.step_count, known[_i].steps);
    } else {
        ck_assert_uint_eq(minimal.schedule.step_count, known[_i].steps);
    }
    vmc_life_program_free(program);
}
END_TEST

/* In S03's fifteen steps the worker gives back its share of the VM, which
 * saves a preemption and has no part in the failure. */
START_TEST(a_step_without_a_part_in_the_failure_is_marked)
{
    static struct vmc_schedule schedule, rest;

    compile("S03", "bug");
    find(&schedule);
    ck_assert_int_eq(vmc_minimise(&minimal, &schedule, VMC_MINIMISE_PREEMPTIONS,
                                  STATES, &explore_vcpu_ops, &model),
                     VMC_OK);
    ck_assert_uint_eq(minimal.idle_count, 1);
    ck_assert(minimal.is_idle[12]);
    for (uint32_t i = 0; i < minimal.schedule.step_count; i++) {
        if (!minimal.is_idle[i]) {
            rest.steps[rest.step_count++] = minimal.schedule.steps[i];
        }
    }
    ck_assert_int_eq(vmc_minimise(&other, &rest, VMC_MINIMISE_STEPS, STATES,
                                  &explore_vcpu_ops, &model),
                     VMC_OK);
    ck_assert_uint_eq(other.rule, minimal.rule);
    ck_assert_uint_eq(other.schedule.step_count, rest.step_count);
    ck_assert_uint_eq(other.idle_count, 0);
    vmc_life_program_free(program);
}
END_TEST

/* A failing run in which every step was drawn: full of preemptions. */
static void draw(struct vmc_schedule *schedule, uint64_t seed)
{
    struct vmc_rng rng;
    unsigned char state[sizeof(struct vmc_life_state)];
    uint16_t steps[VMC_MODEL_STEPS_MAX];
    uint32_t rule = 0, count;

    vmc_rng_init(&rng, seed);
    do {
        schedule->step_count = 0;
        explore_vcpu_ops.start(&model, state);
        while (rule == 0 &&
               (count = explore_vcpu_ops.enabled(&model, state, steps)) != 0) {
            uint16_t step = steps[vmc_rng_below(&rng, count)];

            schedule->steps[schedule->step_count++] = step;
            (void)explore_vcpu_ops.step(&model, state, step, &rule);
        }
    } while (rule == 0 && explore_vcpu_ops.finish(&model, state, &rule));
}

/* The smaller of two failures is another one. */
START_TEST(it_breaks_the_same_rule)
{
    static const char text[] = "vcpu A\ntask t\n use A\n choose\n use A\n"
                               " use A\n fail V01\n or\n fail V05\n end\n"
                               "end\ntask u\n use A\nend\n";
    const struct vmc_life_config config = {.variant = NULL};
    struct vmc_error error = {""};
    uint32_t steps[2] = {0, 0};
    static struct vmc_schedule schedule;

    ck_assert_msg(vmc_life_compile_text(&program, "text", text, &config,
                                        &error) == VMC_OK,
                  "%s", error.text);
    model.program = program;
    for (uint64_t seed = 0; seed < 20; seed++) {
        draw(&schedule, seed);
        ck_assert_int_eq(vmc_minimise(&minimal, &schedule, VMC_MINIMISE_STEPS,
                                      STATES, &explore_vcpu_ops, &model),
                         VMC_OK);
        ck_assert(minimal.is_proven);
        steps[minimal.rule == VMC_V01_USE_AFTER_FREE] =
            minimal.schedule.step_count;
    }
    ck_assert_uint_eq(steps[0], 2);
    ck_assert_uint_eq(steps[1], 4);
    vmc_life_program_free(program);
}
END_TEST

/* The same rule is broken sooner on another object. */
START_TEST(it_breaks_the_rule_on_the_same_object)
{
    static const char text[] =
        "vcpu A, B\ntask t\n choose\n use A\n use A\n fail V01 A\n or\n"
        " fail V01 B\n end\nend\n";
    static struct vmc_schedule schedule = {.step_count = 3};
    const struct vmc_life_config config = {.variant = NULL};
    struct vmc_error error = {""};

    ck_assert_msg(vmc_life_compile_text(&program, "text", text, &config,
                                        &error) == VMC_OK,
                  "%s", error.text);
    for (int tells = 0; tells < 2; tells++) {
        memset(&model, 0, sizeof(model));
        model.program = program;
        model.tells_objects = tells != 0;
        ck_assert_int_eq(vmc_minimise(&minimal, &schedule, VMC_MINIMISE_STEPS,
                                      STATES, &explore_vcpu_ops, &model),
                         VMC_OK);
        ck_assert_uint_eq(minimal.schedule.step_count, tells ? 3 : 1);
        ck_assert_uint_eq(minimal.rule, tells ? 1U << 8 | VMC_V01_USE_AFTER_FREE
                                              : VMC_V01_USE_AFTER_FREE);
    }
    vmc_life_program_free(program);
}
END_TEST

/* With few states to look at, what is left is work by hand: it ends with a run
 * that fails in the same way and has far fewer preemptions. */
START_TEST(without_states_it_works_by_hand)
{
    static struct vmc_schedule schedule;
    uint32_t proven = 0;

    compile(_i % 2 == 0 ? "S05" : "S17", _i % 2 == 0 ? "half" : "bug");
    draw(&schedule, (uint64_t)_i);
    for (uint64_t states = STATES; states > 0; states /= STATES / 100) {
        struct vmc_minimal *it = states == STATES ? &minimal : &other;

        ck_assert_int_eq(vmc_minimise(it, &schedule, VMC_MINIMISE_PREEMPTIONS,
                                      states, &explore_vcpu_ops, &model),
                         VMC_OK);
        proven += it->is_proven;
    }
    ck_assert_uint_eq(proven, 1);
    ck_assert_uint_eq(other.rule, minimal.rule);
    ck_assert_uint_ge(other.preemption_count, minimal.preemption_count);
    ck_assert_uint_le(other.preemption_count, minimal.preemption_count + 3);
    ck_assert_uint_le(other.schedule.step_count, schedule.step_count);
    vmc_life_program_free(program);
}
END_TEST

START_TEST(the_way_there_does_not_matter)
{
    static struct vmc_schedule schedule;

    compile("S12", "bug");
    find(&schedule);
    ck_assert_int_eq(vmc_minimise(&minimal, &schedule, VMC_MINIMISE_PREEMPTIONS,
                                  STATES, &explore_vcpu_ops, &model),
                     VMC_OK);
    ck_assert_int_eq(vmc_minimise(&other, &minimal.schedule,
                                  VMC_MINIMISE_PREEMPTIONS, STATES,
                                  &explore_vcpu_ops, &model),
                     VMC_OK);
    ck_assert_uint_eq(minimal.schedule.step_count, other.schedule.step_count);
    ck_assert_mem_eq(minimal.schedule.steps, other.schedule.steps,
                     minimal.schedule.step_count * sizeof(uint16_t));
    vmc_life_program_free(program);
}
END_TEST

START_TEST(what_does_not_fail_or_fit_is_refused)
{
    static struct vmc_schedule schedule;

    compile("S03", "bug");
    ck_assert_int_eq(vmc_minimise(&minimal, &schedule, VMC_MINIMISE_STEPS,
                                  STATES, &explore_vcpu_ops, &model),
                     VMC_E_USAGE);
    schedule.step_count = 1;
    schedule.steps[0] = 19 * VMC_LIFE_ALTERNATIVES;
    ck_assert_int_eq(vmc_minimise(&minimal, &schedule, VMC_MINIMISE_STEPS,
                                  STATES, &explore_vcpu_ops, &model),
                     VMC_E_USAGE);
    find(&schedule);
    ck_assert_int_eq(vmc_minimise(&minimal, &schedule, VMC_MINIMISE_STEPS, 0,
                                  &explore_vcpu_ops, &model),
                     VMC_E_RANGE);
    ck_assert_int_eq(vmc_minimise(&minimal, &schedule, VMC_MINIMISE_STEPS,
                                  (uint64_t)VMC_SEARCH_STATES_MAX + 1,
                                  &explore_vcpu_ops, &model),
                     VMC_E_RANGE);
    vmc_life_program_free(program);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("minimise");
    TCase *c = tcase_create("minimise");

    suite_add_tcase(s, c);
    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, it_is_the_smallest_of_all_schedules, 0,
                        VMC_COUNT_OF(judged));
    tcase_add_loop_test(c, known_counterexamples_have_their_known_size, 0,
                        VMC_COUNT_OF(known));
    tcase_add_test(c, a_step_without_a_part_in_the_failure_is_marked);
    tcase_add_test(c, it_breaks_the_same_rule);
    tcase_add_test(c, it_breaks_the_rule_on_the_same_object);
    tcase_add_loop_test(c, without_states_it_works_by_hand, 0, 20);
    tcase_add_test(c, the_way_there_does_not_matter);
    tcase_add_test(c, what_does_not_fail_or_fit_is_refused);
    return s;
}
