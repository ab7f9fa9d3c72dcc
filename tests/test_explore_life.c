/* SPDX-License-Identifier: MIT */
/*
 * Scenarios whose interrupts go through a controller: what only its books can
 * tell, with each of the models; and that nothing but the bytes of a state has
 * a part in a run.
 */
#include "sim/explore/explore_life.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "explore/search.h"
#include "suite.h"
#include "vcpu/program.h"

static const char *const kinds[] = {"qemu", "kvm", "hw"};

static const struct {
    const char *text;
    bool is_broken;
} rows[] = {
    /* Sent to a vCPU that never runs again. */
    {"mutex vm_lock\nvcpu A\ntask t\n deliver A\n vcpu_put A fd\nend\n", true},
    {"mutex vm_lock\nvcpu A\ntask t\n deliver A\n guest_enter A\n"
     " guest_exit A\n vcpu_put A fd\nend\n",
     false},
    /* Taken by another one with the same id. */
    {"vcpu A id 2\ntask t\n deliver A\n v = alloc 2\n guest_enter v\n"
     " guest_exit v\n free v\nend\n",
     true},
    {"vcpu A id 2\ntask t\n deliver A\n v = alloc 3\n guest_enter v\n"
     " guest_exit v\n free v\n guest_enter A\n guest_exit A\nend\n",
     false},
    {"vcpu A id 1\nvcpu B id 2\ntask t\n deliver B\n deliver A\n"
     " guest_enter B\n guest_exit B\n guest_enter A\n guest_exit A\nend\n",
     false},
    /* The controller has four vCPUs. */
    {"vcpu A id 4\ntask t\n deliver A\nend\n", true},
    {"vcpu A id 3\ntask t\n deliver A\nend\n", false},
    /* And 64 vectors for us. */
    {"vcpu A\ntask t\n repeat 65\n deliver A\n end\nend\n", true},
    {"vcpu A\ntask t\n repeat 64\n deliver A\n end\nend\n", false},
};

static struct explore_life model;

static struct vmc_life_program *compile(const char *kind, const char *text)
{
    static char whole[4096];
    const struct vmc_life_config config = {.variant = NULL};
    struct vmc_life_program *program;
    struct vmc_error error = {""};

    (void)snprintf(whole, sizeof(whole), "rule V32 fatal\ncontroller %s\n%s",
                   kind, text);
    ck_assert_msg(vmc_life_compile_text(&program, "row", whole, &config,
                                        &error) == VMC_OK,
                  "%s in\n%s", error.text, whole);
    ck_assert_int_eq(explore_life_init(&model, program), VMC_OK);
    return program;
}

/* The first schedule, to its end. Returns the broken rule, or 0. */
static uint32_t run(void)
{
    size_t bytes = explore_life_ops.state_bytes(&model);
    unsigned char *state = calloc(1, bytes), *copy = calloc(1, bytes);
    uint16_t steps[VMC_MODEL_STEPS_MAX];
    uint32_t rule = 0;

    ck_assert(state != NULL && copy != NULL);
    explore_life_ops.start(&model, state);
    while (rule == 0 && explore_life_ops.enabled(&model, state, steps) > 0) {
        struct vmc_hash128 first, second;
        uint32_t again = 0;

        /* Made twice from the same bytes, with other steps in between. */
        memcpy(copy, state, bytes);
        (void)explore_life_ops.step(&model, copy, steps[0], &rule);
        first = explore_life_ops.hash(&model, copy);
        explore_life_ops.start(&model, copy);
        (void)explore_life_ops.step(&model, state, steps[0], &again);
        ck_assert_uint_eq(rule, again);
        second = explore_life_ops.hash(&model, state);
        ck_assert(rule != 0 ||
                  (first.low == second.low && first.high == second.high));
    }
    free(state);
    free(copy);
    return rule;
}

START_TEST(the_books_of_the_controller_are_kept)
{
    size_t row = (size_t)_i / VMC_COUNT_OF(kinds);
    struct vmc_life_program *program =
        compile(kinds[(size_t)_i % VMC_COUNT_OF(kinds)], rows[row].text);

    ck_assert_msg(run() == (rows[row].is_broken ? VMC_V32_INTERRUPT_LOST : 0),
                  "%s:\n%s", rows[row].is_broken ? "silent" : "broken",
                  rows[row].text);
    vmc_life_program_free(program);
}
END_TEST

/* ---- Footprints --------------------------------------------------------- */

static bool are_independent(const unsigned char *state, uint16_t a, uint16_t b)
{
    struct vmc_access first[VMC_MODEL_ACCESSES_MAX];
    struct vmc_access second[VMC_MODEL_ACCESSES_MAX];
    uint32_t m = explore_life_ops.footprint(
        &model, state, explore_life_ops.task(&model, a), first);
    uint32_t n = explore_life_ops.footprint(
        &model, state, explore_life_ops.task(&model, b), second);

    for (uint32_t i = 0; i < m * n; i++) {
        if (first[i / n].resource == second[i % n].resource &&
            (first[i / n].kind != second[i % n].kind ||
             first[i / n].kind == VMC_ACCESS_WRITE)) {
            return false;
        }
    }
    return true;
}

/* The state after @first and @second. False when a rule was broken. */
static bool after(const unsigned char *state, uint16_t first, uint16_t second,
                  struct vmc_hash128 *hash)
{
    unsigned char *copy = malloc(explore_life_ops.state_bytes(&model));
    uint32_t rule = 0;
    bool is_good;

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, state, explore_life_ops.state_bytes(&model));
    is_good = explore_life_ops.step(&model, copy, first, &rule) &&
              explore_life_ops.step(&model, copy, second, &rule);
    *hash = explore_life_ops.hash(&model, copy);
    free(copy);
    return is_good;
}

static uint32_t check_pairs(const unsigned char *state, const uint16_t *steps,
                            uint32_t count)
{
    uint32_t independent = 0;

    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = i + 1; k < count; k++) {
            struct vmc_hash128 one, other;

            if (are_independent(state, steps[i], steps[k])) {
                independent++;
                ck_assert(after(state, steps[i], steps[k], &one));
                ck_assert(after(state, steps[k], steps[i], &other));
                ck_assert_uint_eq(one.low, other.low);
                ck_assert_uint_eq(one.high, other.high);
            }
        }
    }
    return independent;
}

/* On drawn runs of a scenario in which interrupts come in all its stages. */
START_TEST(independent_steps_commute)
{
    const struct vmc_life_config config = {.variant = "surprise"};
    struct vmc_life_program *program;
    struct vmc_error error = {""};
    uint32_t independent = 0;
    struct vmc_rng rng;
    unsigned char *state;

    ck_assert_int_eq(
        vmc_life_compile(&program, "tests/scenarios/I03", &config, &error),
        VMC_OK);
    ck_assert_int_eq(explore_life_init(&model, program), VMC_OK);
    state = malloc(explore_life_ops.state_bytes(&model));
    ck_assert_ptr_nonnull(state);
    vmc_rng_init(&rng, 1);
    for (int i = 0; i < 200; i++) {
        uint16_t steps[VMC_MODEL_STEPS_MAX];
        uint32_t count, rule;

        explore_life_ops.start(&model, state);
        while ((count = explore_life_ops.enabled(&model, state, steps)) > 0) {
            independent += check_pairs(state, steps, count);
            ck_assert(explore_life_ops.step(
                &model, state, steps[vmc_rng_below(&rng, count)], &rule));
        }
    }
    ck_assert_uint_gt(independent, 500);
    free(state);
    vmc_life_program_free(program);
}
END_TEST

START_TEST(a_story_names_what_is_pending)
{
    static struct vmc_schedule schedule = {.step_count = 2};
    struct vmc_life_program *program =
        compile("kvm", "vcpu A id 1\ntask t\n deliver A\n guest_enter A\n"
                       " guest_exit A\nend\n");
    struct told_model told = {&explore_life_words, &model};
    struct story story;

    ck_assert_int_eq(story_tell(&story, &told, &schedule, NULL), VMC_OK);
    ck_assert_uint_eq(story.moments[0].object_count, 2);
    ck_assert_str_eq(story.moments[1].objects[1].name, "interrupts of 1");
    ck_assert_str_eq(story.moments[0].objects[1].state, "none pending");
    ck_assert_str_eq(story.moments[1].objects[1].state, "pending");
    ck_assert_int_eq(story.moments[1].objects[1].count, 1);
    ck_assert_int_eq(story.moments[2].objects[1].count, 0);
    story_free(&story);
    vmc_life_program_free(program);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("explore_life");
    TCase *c = tcase_create("explore_life");

    suite_add_tcase(s, c);
    tcase_add_loop_test(c, the_books_of_the_controller_are_kept, 0,
                        (int)(VMC_COUNT_OF(rows) * VMC_COUNT_OF(kinds)));
    tcase_add_test(c, independent_steps_commute);
    tcase_add_test(c, a_story_names_what_is_pending);
    return s;
}
