/* SPDX-License-Identifier: MIT */
/* The golden micro-models come out exactly, and a scenario that is wrong is
 * refused with the place where it is. */
#include <stdio.h>

#include "life_search.h"
#include "base/rng.h"
#include "suite.h"

static struct vmc_life_program *compile_file(const char *name,
                                             const char *variant)
{
    struct vmc_life_config config = {.variant = variant};
    struct vmc_life_program *program;
    struct vmc_error error = {""};
    char path[128];

    (void)snprintf(path, sizeof(path), "tests/scenarios/%s", name);
    ck_assert_msg(vmc_life_compile(&program, path, &config, &error) == VMC_OK,
                  "%s", error.text);
    return program;
}

/* Counts of the specification; those of G6 to G9 were found here and agree
 * with a prototype written in another language. */
static const struct {
    const char *name;
    uint64_t schedules, failing;
    uint32_t states;
} golden[] = {
    {"G1", 6, 1, 15},
    {"G2", 6, 2, 19},
    {"G3", 127, 6, 48},
    {"G4", 27662, 21, 258},
    {"G5", 3168, 0, 123},
    {"G6", 9695856, 0, 847},
    {"G7", 520830532, 0, 3564},
    {"G8", 156635845272, 0, 6219},
    {"G9", 111137748936428, 0, 31888},
};

START_TEST(golden_models_have_the_exact_counts)
{
    struct vmc_life_program *program = compile_file(golden[_i].name, NULL);
    struct search search = search_all(program);

    ck_assert_uint_eq(search.schedules, golden[_i].schedules);
    ck_assert_uint_eq(search.failing, golden[_i].failing);
    ck_assert_uint_eq(search.state_count, golden[_i].states);
    vmc_life_program_free(program);
}
END_TEST

/* Texts that are wrong, and what the message must say. */
static const struct {
    const char *text, *message;
} wrong[] = {
    {"", "f:1:1: no task"},
    {"vcpu A\ntask t\n  use B\nend\n", "f:3:7: no such name, found 'B'"},
    {"task t\n  rcu_lok\nend\n", "f:2:3: no such operation"},
    {"task t\n  rcu_lock\n", "f:3:1: expected 'end'"},
    {"mutex m\ntask t\n  use m\nend\n", "f:3:7: expected an object"},
    {"vcpu A\ntask t\n  lock A\nend\n", "f:3:8: expected a lock"},
    {"vcpu A\ntask t\n  get A own fd\nend\n", "f:3:13: expected the end"},
    {"task t\n  break\nend\n", "f:2:3: not inside a loop"},
    {"variant a expect fail V99\ntask t\nend\n", "f:1:23: no such rule"},
    {"vcpu A, A\ntask t\nend\n", "f:1:9: this name is taken"},
    {"param r = 99999\ntask t\nend\n", "f:1:16: number outside 16 bits"},
    {"task t\n  x = sync_rcu\nend\n", "f:2:7: this operation gives no"},
    {"task t\n  \"open\nend\n", "f:2:3: no word"},
    {"proc p\n  p\nend\ntask t\n  p\nend\n", "call one another without end"},
    {"end\n", "f:1:1: nothing is open here"},
    {"pointer p\ntask t\n  x = p\nend\n", "expected a value (load"},
    {"vcpu A[9]\ntask t\nend\n", "f:1:10: too many objects"},
};

START_TEST(a_wrong_scenario_is_refused_where_it_is_wrong)
{
    struct vmc_life_program *program;
    struct vmc_error error = {""};
    enum vmc_status status =
        vmc_life_compile_text(&program, "f", wrong[_i].text, NULL, &error);

    ck_assert_int_eq(status, VMC_E_FORMAT);
    ck_assert_ptr_null(program);
    ck_assert_msg(strstr(error.text, wrong[_i].message) != NULL, "%s",
                  error.text);
}
END_TEST

START_TEST(an_unknown_variant_or_parameter_is_refused)
{
    struct vmc_life_setting setting = {"nothing", 3};
    struct vmc_life_config config = {.variant = "no"};
    struct vmc_life_program *program;
    struct vmc_error error = {""};

    ck_assert_int_eq(
        vmc_life_compile(&program, "tests/scenarios/G1", &config, &error),
        VMC_E_USAGE);
    ck_assert_ptr_nonnull(strstr(error.text, "no variant 'no'"));
    config = (struct vmc_life_config){.params = &setting, .param_count = 1};
    ck_assert_int_eq(
        vmc_life_compile(&program, "tests/scenarios/G1", &config, &error),
        VMC_E_USAGE);
    ck_assert_ptr_nonnull(strstr(error.text, "no parameter 'nothing'"));
}
END_TEST

/* Every variant of every scenario comes to the verdict that its file names. */
START_TEST(every_scenario_has_the_verdict_it_expects)
{
    struct vmc_life_program *all, *program;
    char name[16];

    (void)snprintf(name, sizeof(name), "S%02d", _i);
    all = compile_file(name, NULL);
    ck_assert_str_eq(all->name, name);
    for (uint32_t i = 0; i < all->variant_count; i++) {
        const char *variant = all->variants[i].name;
        const struct vmc_life_violation *note;
        struct search search;
        uint64_t rules;

        program = compile_file(name, variant);
        search = search_all(program);
        note = vmc_life_worst_note(program, &search.watch);
        rules = search.rules | (note != NULL ? UINT64_C(1) << note->rule : 0);
        if (rules == 0) {
            ck_assert_msg(vmc_life_is_expected(program, VMC_RULE_NONE),
                          "%s %s: passes", name, variant);
        }
        for (; rules != 0; rules &= rules - 1) {
            enum vmc_rule rule = (enum vmc_rule)vmc_bits_low(rules);

            ck_assert_msg(vmc_life_is_expected(program, rule), "%s %s: %s",
                          name, variant, vmc_rule_info(rule)->id);
        }
        ck_assert_msg(vmc_life_are_notes_expected(program, &search.watch),
                      "%s %s: a warning is missing", name, variant);
        vmc_life_program_free(program);
    }
    vmc_life_program_free(all);
}
END_TEST

/* Each defect of the seed that changes what a run does, switched on alone in
 * the repaired code, must be found: the mutation score of the rules. (D30 is a
 * suspicion without a failure, D31 does not compile, D32 and D33 are cost and
 * statistics.) */
static const char *const defects[][2] = {
    {"D01", "S01"}, {"D02", "S27"}, {"D03", "S27"}, {"D04", "S02"},
    {"D05", "S03"}, {"D06", "S17"}, {"D07", "S28"}, {"D08", "S04"},
    {"D09", "S05"}, {"D10", "S12"}, {"D11", "S13"}, {"D12", "S15"},
    {"D13", "S14"}, {"D14", "S11"}, {"D15", "S07"}, {"D16", "S07"},
    {"D17", "S06"}, {"D17", "S33"}, {"D18", "S29"}, {"D19", "S10"},
    {"D20", "S09"}, {"D21", "S30"}, {"D22", "S23"}, {"D22", "S25"},
    {"D23", "S20"}, {"D24", "S26"}, {"D25", "S16"}, {"D26", "S24"},
    {"D27", "S31"}, {"D28", "S38"}, {"D29", "S32"},
};

START_TEST(each_defect_alone_is_found)
{
    struct vmc_life_config config = {
        .variant = "fix", .flags = &defects[_i][0], .flag_count = 1};
    struct vmc_life_program *program;
    struct vmc_error error = {""};
    struct search search;
    char path[64];
    bool is_weak = strcmp(defects[_i][0], "D29") == 0; /* V32 warns */

    (void)snprintf(path, sizeof(path), "tests/scenarios/%s", defects[_i][1]);
    ck_assert_msg(vmc_life_compile(&program, path, &config, &error) == VMC_OK,
                  "%s", error.text);
    search = search_all(program);
    ck_assert_msg(
        search.rules != 0 ||
            (is_weak && (search.notes >> VMC_V32_INTERRUPT_LOST & 1) != 0),
        "%s is not found by %s", defects[_i][0], defects[_i][1]);
    vmc_life_program_free(program);
}
END_TEST

static bool are_dependent(const struct vmc_life_program *program,
                          const struct vmc_life_state *state, uint32_t one,
                          uint32_t other)
{
    struct vmc_life_access a[VMC_LIFE_ACCESSES_MAX], b[VMC_LIFE_ACCESSES_MAX];
    uint32_t m = vmc_life_footprint(program, state, one, a);
    uint32_t n = vmc_life_footprint(program, state, other, b);

    for (uint32_t i = 0; i < m; i++) {
        for (uint32_t j = 0; j < n; j++) {
            if (a[i].resource == b[j].resource &&
                (a[i].mode != b[j].mode || a[i].mode == VMC_MODE_WRITE)) {
                return true;
            }
        }
    }
    return false;
}

/* Make two steps; returns false when one cannot be made. */
static bool make_two(const struct vmc_life_program *program,
                     struct vmc_life_state *state, uint16_t first,
                     uint16_t second, uint64_t *rules)
{
    uint16_t steps[VMC_LIFE_STEPS_MAX];
    struct vmc_life_event event;
    uint32_t count;

    if (!vmc_life_step(program, state, first, &event, NULL)) {
        *rules |= UINT64_C(1) << event.violation.rule;
        return true;
    }
    count = vmc_life_enabled(program, state, steps);
    for (uint32_t i = 0; i < count; i++) {
        if (steps[i] == second) {
            if (!vmc_life_step(program, state, second, &event, NULL)) {
                *rules |= UINT64_C(1) << event.violation.rule;
            }
            return true;
        }
    }
    return false;
}

/* What an explorer relies on: steps whose footprints do not meet can be made in
 * either order, neither stops the other, and the state is the same. */
START_TEST(independent_steps_commute)
{
    static struct vmc_life_state state, one, other;
    char name[16];
    struct vmc_life_program *all, *program;
    struct vmc_rng rng;

    (void)snprintf(name, sizeof(name), "S%02d", _i);
    all = compile_file(name, NULL);
    vmc_rng_init(&rng, (uint64_t)_i);
    for (uint32_t v = 0; v < all->variant_count * 40; v++) {
        struct vmc_life_event event;
        uint16_t steps[VMC_LIFE_STEPS_MAX];
        uint32_t count;

        program =
            compile_file(name, all->variants[v % all->variant_count].name);
        vmc_life_start(program, &state);
        while ((count = vmc_life_enabled(program, &state, steps)) != 0) {
            for (uint32_t i = 0; i + 1 < count; i++) {
                uint32_t a = steps[i] / VMC_LIFE_ALTERNATIVES;
                uint32_t b = steps[i + 1] / VMC_LIFE_ALTERNATIVES;
                uint64_t rules_one = 0, rules_other = 0;

                if (a == b || are_dependent(program, &state, a, b)) {
                    continue;
                }
                one = other = state;
                ck_assert_msg(make_two(program, &one, steps[i], steps[i + 1],
                                       &rules_one) &&
                                  make_two(program, &other, steps[i + 1],
                                           steps[i], &rules_other),
                              "%s: %s stops %s", name,
                              vmc_life_op_name(program, state.tasks[a].pc),
                              vmc_life_op_name(program, state.tasks[b].pc));
                if (rules_one == 0 && rules_other == 0) {
                    struct vmc_hash128 x = vmc_life_hash(program, &one);
                    struct vmc_hash128 y = vmc_life_hash(program, &other);

                    ck_assert_msg(x.low == y.low && x.high == y.high,
                                  "%s: %s and %s do not commute", name,
                                  vmc_life_op_name(program, state.tasks[a].pc),
                                  vmc_life_op_name(program, state.tasks[b].pc));
                }
            }
            if (!vmc_life_step(program, &state,
                               steps[vmc_rng_below(&rng, count)], &event,
                               NULL)) {
                break;
            }
        }
        vmc_life_program_free(program);
    }
    vmc_life_program_free(all);
}
END_TEST

/* Damage to a scenario is refused or makes another scenario, which then runs:
 * never a crash. Bytes are changed, cut out and doubled. */
START_TEST(a_damaged_scenario_does_no_harm)
{
    static const char signs[] = "\n #=[].,\"-+0189AznfV_";
    static struct vmc_life_state state;
    char name[32], text[16384];
    struct vmc_rng rng;
    size_t size_bytes;
    FILE *file;

    (void)snprintf(name, sizeof(name), "tests/scenarios/S%02d", _i);
    file = fopen(name, "rb");
    ck_assert_ptr_nonnull(file);
    size_bytes = fread(text, 1, sizeof(text) / 2, file);
    (void)fclose(file);
    vmc_rng_init(&rng, (uint64_t)_i);
    for (int round = 0; round < 150; round++) {
        struct vmc_life_program *program;
        struct vmc_error error = {""};
        char copy[16384 + 1];
        size_t used = 0;

        for (size_t i = 0; i < size_bytes; i++) {
            uint64_t dice = vmc_rng_below(&rng, size_bytes * 2 / 3);

            if (dice == 0) {
                copy[used++] = signs[vmc_rng_below(&rng, sizeof(signs) - 1)];
            } else if (dice == 1) {
                i += vmc_rng_below(&rng, 20);
            } else {
                copy[used++] = text[i];
            }
        }
        copy[used] = '\0';
        if (vmc_life_compile_text(&program, "damaged", copy, NULL, &error) !=
            VMC_OK) {
            ck_assert_uint_ne(error.text[0], '\0');
            continue;
        }
        vmc_life_start(program, &state);
        for (int step = 0; step < 200; step++) {
            uint16_t steps[VMC_LIFE_STEPS_MAX];
            struct vmc_life_access accesses[VMC_LIFE_ACCESSES_MAX];
            struct vmc_life_event event;
            uint32_t count = vmc_life_enabled(program, &state, steps);

            for (uint32_t task = 0; task < state.task_count; task++) {
                (void)vmc_life_footprint(program, &state, task, accesses);
            }
            if (count == 0 || !vmc_life_step(program, &state,
                                             steps[vmc_rng_below(&rng, count)],
                                             &event, NULL)) {
                break;
            }
        }
        vmc_life_program_free(program);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vcpu");
    TCase *c = tcase_create("vcpu");

    suite_add_tcase(s, c);
    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, golden_models_have_the_exact_counts, 0,
                        VMC_COUNT_OF(golden));
    tcase_add_loop_test(c, every_scenario_has_the_verdict_it_expects, 1, 39);
    tcase_add_loop_test(c, each_defect_alone_is_found, 0,
                        VMC_COUNT_OF(defects));
    tcase_add_loop_test(c, independent_steps_commute, 1, 39);
    tcase_add_loop_test(c, a_damaged_scenario_does_no_harm, 1, 39);
    tcase_add_loop_test(c, a_wrong_scenario_is_refused_where_it_is_wrong, 0,
                        VMC_COUNT_OF(wrong));
    tcase_add_test(c, an_unknown_variant_or_parameter_is_refused);
    return s;
}
