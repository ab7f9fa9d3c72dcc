/* SPDX-License-Identifier: MIT */
/* The golden micro-models come out exactly, and a scenario that is wrong is
 * refused with the place where it is. */
#include <stdio.h>

#include "life_search.h"
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
    tcase_add_loop_test(c, a_wrong_scenario_is_refused_where_it_is_wrong, 0,
                        VMC_COUNT_OF(wrong));
    tcase_add_test(c, an_unknown_variant_or_parameter_is_refused);
    return s;
}
