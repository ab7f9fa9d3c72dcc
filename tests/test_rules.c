/* SPDX-License-Identifier: MIT */
/* Every rule fires where it must and is silent where it must: for each a small
 * scenario that breaks it and, beside it, the same one put right. The lines
 * marked with '!' are only in the first, those with '.' only in the second. */
#include <stdio.h>

#include "life_search.h"
#include "suite.h"
#include "vcpu/report.h"

enum { TEXT_BYTES = 4096 };

static const struct {
    enum vmc_rule rule;
    bool is_note; /* told beside the runs, not in one */
    const char *text;
} rows[] = {
    {VMC_V01_USE_AFTER_FREE, false,
     "vcpu A unlisted\ntask t\n.use A\n free A\n!use A\n end\n"},
    {VMC_V02_NO_TOKEN, true,
     "vcpu A\ntask t\n.rcu_lock\n n = first\n use n\n.rcu_unlock\n end\n"},
    {VMC_V02_NO_TOKEN, true, /* a token is good in its own section only */
     "vcpu A\ntask t\n rcu_lock\n n = first\n!rcu_unlock\n rcu_lock\n"
     " use n\n rcu_unlock\n.rcu_unlock\n end\n"},
    {VMC_V02_NO_TOKEN, true, /* an inner section is part of the outer one */
     "vcpu A\ntask t\n rcu_lock\n n = first\n rcu_lock\n rcu_unlock\n"
     ".use n\n rcu_unlock\n!use n\n end\n"},
    {VMC_V01_USE_AFTER_FREE, false, /* the list names generations */
     "task t\n repeat 8\n v = alloc 1\n free v\n end\n v = alloc 1\n"
     " free v\n v = alloc 1\n"
     " w = alloc 2\n list_add v\n list_add w\n list_del w\n rcu_lock\n"
     " n = first\n use n\n rcu_unlock\n!list_del v\n!x = dec v fd\n"
     "!free v\n!use n\n end\n"},
    {VMC_V03_UNBALANCED_SECTION, false,
     "task t\n rcu_lock\n rcu_unlock\n!rcu_unlock\n end\n"},
    {VMC_V03_UNBALANCED_SECTION, false,
     "task t\n.preempt_off\n preempt_on\n end\n"},
    {VMC_V04_HELD_AT_EXIT, false, "task t\n rcu_lock\n.rcu_unlock\n end\n"},
    {VMC_V04_HELD_AT_EXIT, false,
     "mutex m\ntask t\n lock m\n.unlock m\n end\n"},
    {VMC_V04_HELD_AT_EXIT, false,
     "srcu d\ntask t\n i = srcu_lock d\n.srcu_unlock d i\n end\n"},
    {VMC_V05_SLEEP_IN_ATOMIC, false,
     "mutex m\ntask t\n!rcu_lock\n lock m\n unlock m\n!rcu_unlock\n end\n"},
    {VMC_V05_SLEEP_IN_ATOMIC, false,
     "spinlock s\ntask t\n!lock s\n sleep\n!unlock s\n end\n"},
    {VMC_V05_SLEEP_IN_ATOMIC, false,
     "task t\n!preempt_off\n rcu_barrier\n!preempt_on\n end\n"},
    {VMC_V06_RESURRECTION, false,
     "vcpu A\ntask t\n!n = dec A fd\n inc A own\n n = dec A own\n end\n"},
    {VMC_V07_UNDERFLOW, false,
     "vcpu A\ntask t\n.n = get A cand\n n = dec A cand\n end\n"},
    {VMC_V08_SATURATED, true,
     "saturating_counts\nvcpu A\ntask t\n.n = get A cand\n n = dec A cand\n"
     " end\n"},
    {VMC_V09_FREED_IN_WRONG_STATE, false,
     "vcpu A\ntask t\n n = dec A fd\n.list_del A\n free A\n vm_put A\n end\n"},
    {VMC_V09_FREED_IN_WRONG_STATE, false,
     "vcpu A\ntask t\n list_del A\n.n = dec A fd\n free A\n vm_put A\n end\n"},
    {VMC_V10_LEAK, false,
     "vcpu A\ntask t\n n = get A cand\n.n = dec A cand\n end\n"},
    {VMC_V10_LEAK, false,
     "mutex vm_lock\nvcpu A\ntask t\n!n = get A boost\n vcpu_put A fd\n"
     " end\n"},
    {VMC_V11_VM_BEFORE_VCPU, false,
     "!vcpu A noref\n.vcpu A\ntask t\n vm_put fd\n end\n"},
    {VMC_V12_COUNTERS_DIFFER, false,
     "mutex m\nonline under m\nvcpu A unlisted\ntask t\n lock m\n list_add A\n"
     ".n = online_add 1\n unlock m\n end\n"},
    {VMC_V13_RECURSIVE_LOCK, false,
     "mutex m\ntask t\n lock m\n.unlock m\n lock m\n unlock m\n end\n"},
    {VMC_V14_NOT_OWNER, false, "mutex m\ntask t\n.lock m\n unlock m\n end\n"},
    {VMC_V14_NOT_OWNER, false,
     "vcpu A unlisted\ntask t\n lock A.mutex\n.unlock A.mutex\n free A\n"
     "!unlock A.mutex\n end\n"},
    {VMC_V15_LOCK_ORDER, true,
     "mutex m, k\ntask t\n lock m\n lock k\n unlock k\n unlock m\n"
     "!lock k\n lock m\n unlock m\n!unlock k\n end\n"},
    {VMC_V16_SYNC_IN_SECTION, false,
     "task t\n!rcu_lock\n sync_rcu\n!rcu_unlock\n end\n"},
    {VMC_V16_SYNC_IN_SECTION, false,
     "srcu d\ntask t\n!i = srcu_lock d\n sync_srcu d\n!srcu_unlock d\n end\n"},
    {VMC_V17_SRCU_LOCK_CYCLE, true,
     "mutex m\nsrcu d\ntask t\n i = srcu_lock d\n lock m\n unlock m\n"
     " srcu_unlock d\n!lock m\n sync_srcu d\n!unlock m\n end\n"},
    {VMC_V18_HEAD_QUEUED_TWICE, false,
     "vcpu A\nwork nothing v\n end\ntask t\n call_rcu A nothing\n"
     "!call_rcu A nothing\n end\n"},
    {VMC_V19_FREED_WHILE_QUEUED, false,
     "vcpu A\nwork nothing v\n end\ntask t\n n = dec A fd\n list_del A\n"
     "!n = queue_work A nothing\n free A\n vm_put A\n end\n"},
    {VMC_V21_NO_PROGRESS, false,
     "counter c\ntask t\n guard c\n n = load c\n end\n.task u\n.store c 1\n"
     ".end\n"},
    {VMC_V21_NO_PROGRESS, false, /* round without a visible operation */
     "task t\n!repeat 2777\n.repeat 2000\n x = 1\n end\n sleep\n end\n"},
    {VMC_V21_NO_PROGRESS, false,
     "task t\n sleep\n!repeat 4000\n.repeat 2000\n x = 1\n end\n end\n"},
    {VMC_V21_NO_PROGRESS, false, /* such a run cannot go on, rule or not */
     "rule V21 off\ntask t\n sleep\n!loop\n x = 1\n!end\n end\n"},
    {VMC_V22_LIST_DAMAGE, false,
     "vcpu A\ntask t\n.list_del A\n list_add A\n end\n"},
    {VMC_V22_LIST_DAMAGE, false,
     "vcpu A\ntask t\n!list_del A\n list_del A\n end\n"},
    {VMC_V23_NOT_INITIALISED, false,
     "vcpu A\npointer p\ntask t\n.store p A\n n = load p\n n = get n cand\n"
     " n = dec A cand\n end\n"},
    {VMC_V23_NOT_INITIALISED, false,
     "vm absent\ntask t\n.list_init\n n = first\n end\n"},
    {VMC_V24_WAITS_FOR_ITSELF, false,
     "vcpu A\nqueue q\nwork w v\n!flush q\n.flush system\n end\ntask t\n"
     " n = queue_work A w q\n end\n"},
    {VMC_V25_TEXT_GONE, false,
     "vcpu A\nwork nothing v\n use v\n end\ntask t\n"
     " n = queue_work A nothing\n.flush system\n module_exit\n end\n"},
    {VMC_V26_STILL_PUBLISHED, true,
     "vcpu A\npointer p = A\ntask t\n.store p null\n n = dec A fd\n"
     " list_del A\n free A\n vm_put A\n end\n"},
    {VMC_V27_DOUBLE_LOAD, true,
     "vcpu A\npointer p = A\ntask t\n n = load p\n!n = load p\n end\n"
     "task u\n store p null\n end\n"},
    {VMC_V28_IDENTITY, false,
     "vcpu A id 1\n!vcpu B id 1 unlisted\n.vcpu B id 2 unlisted\ntask t\n"
     " list_add B\n end\n"},
    {VMC_V28_IDENTITY, false,
     "!unique_ids\nvcpu A id 1\nvcpu B id 1 unlisted\ntask t\n list_del A\n"
     " list_add B\n end\n"},
    {VMC_V29_TOO_MANY_ZOMBIES, true,
     "limit zombies 1\nvcpu A, B\ntask t\n list_del A\n!list_del B\n end\n"},
    {VMC_V30_MISSED_BROADCAST, false,
     "vcpu A\ntask t\n guest_enter A\n translate\n.kick A\n flushed\n"
     " guest_exit A\n end\n"},
    {VMC_V31_POISONED_LOCAL, false,
     "task t\n var x\n.x = 0\n if x\n sleep\n end\n end\n"},
    {VMC_V32_INTERRUPT_LOST, true,
     "vcpu A\ntask t\n.deliver A\n n = dec A fd\n!deliver A\n list_del A\n"
     " free A\n vm_put A\n end\n"},
    {VMC_V33_AGGREGATE, false,
     "field f\n!counter c sums f\n.counter c sums f = 1\nvcpu A\nset A.f = 1\n"
     "task t\n use A\n end\n"},
    {VMC_V34_DANGLING, true,
     "vcpu A unlisted\npointer p = A\ntask t\n.store p null\n free A\n end\n"},
    {VMC_V35_CALLBACK_ORDER, false,
     "!unordered_callbacks\nvcpu A, B\nwork nothing v\n end\ntask t\n"
     " call_rcu A nothing\n call_rcu B nothing\n end\n"},
};

/* The text of @row with the lines that belong to the case. */
static struct vmc_life_program *compile_row(size_t row, bool is_broken)
{
    static char text[TEXT_BYTES];
    struct vmc_life_program *program;
    struct vmc_error error = {""};
    size_t used = 0;

    for (const char *line = rows[row].text; *line != '\0';) {
        const char *end = strchr(line, '\n') + 1;

        if (*line != (is_broken ? '.' : '!')) {
            line += *line == '.' || *line == '!';
            ck_assert_uint_lt(used + (size_t)(end - line), TEXT_BYTES);
            memcpy(text + used, line, (size_t)(end - line));
            used += (size_t)(end - line);
        }
        line = end;
    }
    text[used] = '\0';
    ck_assert_msg(vmc_life_compile_text(&program, "row", text, NULL, &error) ==
                      VMC_OK,
                  "%s in\n%s", error.text, text);
    return program;
}

START_TEST(a_rule_fires_where_it_is_broken_and_only_there)
{
    uint64_t bit = UINT64_C(1) << rows[_i].rule;

    for (int is_broken = 0; is_broken <= 1; is_broken++) {
        struct vmc_life_program *program =
            compile_row((size_t)_i, is_broken != 0);
        struct search search = search_all(program);
        uint64_t found = rows[_i].is_note ? search.notes : search.rules;

        ck_assert_msg(((found & bit) != 0) == (is_broken != 0), "%s %s in\n%s",
                      vmc_rule_info(rows[_i].rule)->id,
                      is_broken ? "is silent" : "fires", rows[_i].text);
        vmc_life_program_free(program);
    }
}
END_TEST

/* Every number has a row above, or a test of its own: V20 and V36. */
START_TEST(no_rule_is_without_a_test)
{
    uint64_t seen = UINT64_C(1) << VMC_V20_EARLY_GRACE_PERIOD |
                    UINT64_C(1) << VMC_V36_NOT_DETERMINISTIC;

    for (size_t i = 0; i < VMC_COUNT_OF(rows); i++) {
        seen |= UINT64_C(1) << rows[i].rule;
    }
    ck_assert_uint_eq(seen, (UINT64_C(1) << VMC_RULE_COUNT) - 2);
    for (int rule = 1; rule < VMC_RULE_COUNT; rule++) {
        const struct vmc_rule_info *info = vmc_rule_info((enum vmc_rule)rule);

        ck_assert_int_eq(vmc_rule_find(info->id), rule);
    }
}
END_TEST

/* ---- V36: the same steps lead to the same state ---------------------------
 */

static uint32_t first_run(const struct vmc_life_program *program,
                          uint16_t *steps, struct vmc_hash128 *hash)
{
    struct vmc_life_state state;
    struct vmc_life_event event;
    uint16_t enabled[VMC_LIFE_STEPS_MAX];
    uint32_t count = 0;

    memset(&state, 0, sizeof(state));
    vmc_life_start(program, &state);
    while (vmc_life_enabled(program, &state, enabled) != 0) {
        steps[count++] = enabled[0];
        ck_assert(vmc_life_step(program, &state, enabled[0], &event, NULL));
    }
    *hash = vmc_life_hash(program, &state);
    return count;
}

static struct vmc_life_program *compile_file(const char *path,
                                             const char *variant)
{
    struct vmc_life_config config = {.variant = variant};
    struct vmc_life_program *program;
    struct vmc_error error = {""};

    ck_assert_msg(vmc_life_compile(&program, path, &config, &error) == VMC_OK,
                  "%s", error.text);
    return program;
}

START_TEST(a_replay_is_the_same_run_or_v36)
{
    struct vmc_life_program *bug = compile_file("tests/scenarios/S03", "bug");
    struct vmc_life_program *fix = compile_file("tests/scenarios/S03", "fix");
    struct vmc_hash128 hash;
    uint16_t steps[64];
    uint32_t count = first_run(bug, steps, &hash), at;

    ck_assert_int_eq(vmc_life_replay(bug, steps, count, &hash, &at),
                     VMC_RULE_NONE);
    ck_assert_uint_eq(at, count);
    ck_assert_int_eq(vmc_life_replay(fix, steps, count, &hash, &at),
                     VMC_V36_NOT_DETERMINISTIC);
    hash.low ^= 1;
    ck_assert_int_eq(vmc_life_replay(bug, steps, count, &hash, &at),
                     VMC_V36_NOT_DETERMINISTIC);
    steps[3] = 19 * VMC_LIFE_ALTERNATIVES;
    ck_assert_int_eq(vmc_life_replay(bug, steps, count, NULL, &at),
                     VMC_V36_NOT_DETERMINISTIC);
    ck_assert_uint_eq(at, 3);
    vmc_life_program_free(bug);
    vmc_life_program_free(fix);
}
END_TEST

/* The golden run of S03: spin to its put, close, grace period, zap, spin. */
START_TEST(the_report_of_s03_names_everything)
{
    static const char *const wanted[] = {
        "V01 access to a freed object: spin on A#1",
        "broken by:",
        "freed by:",
        "callback queued by:",
        "work queued by:",
        "created before the first step",
        "opened in step 0 and closed in step 3",
    };
    static const uint8_t tasks[] = {0, 0, 0, 0, 0, 1, 1, 1,
                                    1, 1, 2, 3, 3, 0, 0};
    struct vmc_life_program *program =
        compile_file("tests/scenarios/S03", "bug");
    uint16_t steps[VMC_COUNT_OF(tasks)];
    char *text = NULL;
    size_t size_bytes;
    FILE *to = open_memstream(&text, &size_bytes);
    uint32_t at;

    for (size_t i = 0; i < VMC_COUNT_OF(tasks); i++) {
        steps[i] = tasks[i] * VMC_LIFE_ALTERNATIVES;
    }
    ck_assert_int_eq(
        vmc_life_replay(program, steps, VMC_COUNT_OF(steps), NULL, &at),
        VMC_V01_USE_AFTER_FREE);
    ck_assert_uint_eq(at, 15);
    ck_assert_int_eq(vmc_life_report(program, steps, VMC_COUNT_OF(steps), to),
                     VMC_OK);
    (void)fclose(to);
    for (size_t i = 0; i < VMC_COUNT_OF(wanted); i++) {
        ck_assert_msg(strstr(text, wanted[i]) != NULL, "no '%s' in\n%s",
                      wanted[i], text);
    }
    free(text);
    vmc_life_program_free(program);
}
END_TEST

START_TEST(the_report_of_s05_names_the_circle)
{
    struct vmc_life_program *program =
        compile_file("tests/scenarios/S05", "bug");
    uint16_t steps[64];
    struct vmc_hash128 hash;
    uint32_t count = first_run(program, steps, &hash);
    char *text = NULL;
    size_t size_bytes;
    FILE *to = open_memstream(&text, &size_bytes);

    ck_assert_int_eq(vmc_life_report(program, steps, count, to), VMC_OK);
    (void)fclose(to);
    ck_assert_msg(strstr(text, "VM -> boosted -> B#1 -> VM") != NULL, "%s",
                  text);
    ck_assert_ptr_nonnull(strstr(text, "1 for boost"));
    free(text);
    vmc_life_program_free(program);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("rules");
    TCase *c = tcase_create("rules");

    suite_add_tcase(s, c);
    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, a_rule_fires_where_it_is_broken_and_only_there, 0,
                        VMC_COUNT_OF(rows));
    tcase_add_test(c, no_rule_is_without_a_test);
    tcase_add_test(c, a_replay_is_the_same_run_or_v36);
    tcase_add_test(c, the_report_of_s03_names_everything);
    tcase_add_test(c, the_report_of_s05_names_the_circle);
    return s;
}
