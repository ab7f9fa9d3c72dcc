/* SPDX-License-Identifier: MIT */
/*
 * Runs in words: what is told of one, its timeline as text and as rows, and
 * schedule files that are whole, damaged and of something else.
 */
#include "sim/explore/story.h"

#include <stdlib.h>
#include <string.h>

#include "sim/explore/counterexample.h"
#include "sim/explore/explore_target.h"
#include "sim/explore/schedule_file.h"
#include "suite.h"

enum { TEXT_BYTES = 8192 };

static struct explore_target target;
static struct vmc_schedule schedule;
static struct story story;
static struct vmc_error error;
static char text[TEXT_BYTES];

/* The golden run of S03: tasks in the order of their steps. */
static const uint8_t golden[] = {0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 3, 3, 0, 0};

static void set_up(void)
{
    struct vmc_life_config config = {.variant = "bug"};

    ck_assert_int_eq(
        explore_target_open(&target, "tests/scenarios/S03", &config, &error),
        VMC_OK);
    schedule.step_count = VMC_COUNT_OF(golden);
    for (size_t i = 0; i < VMC_COUNT_OF(golden); i++) {
        schedule.steps[i] = golden[i] * VMC_LIFE_ALTERNATIVES;
    }
}

static void tear_down(void)
{
    explore_target_close(&target);
}

static void tell(void)
{
    static const bool is_idle[VMC_COUNT_OF(golden)] = {[12] = true};

    ck_assert_int_eq(story_tell(&story, &target.told, &schedule, is_idle),
                     VMC_OK);
}

/* What @write has to say of the story. */
static void collect(void (*write)(const struct story *, FILE *))
{
    FILE *memory = fmemopen(text, sizeof(text), "w");

    ck_assert_ptr_nonnull(memory);
    write(&story, memory);
    ck_assert_int_eq(fclose(memory), 0);
}

static void write_schedule(const struct story *it, FILE *to)
{
    schedule_write(to, it);
}

START_TEST(a_story_has_words_and_holdings_for_every_step)
{
    tell();
    ck_assert_str_eq(story.head, "scenario S03 variant bug");
    ck_assert_uint_eq(story.step_count, 15);
    ck_assert_str_eq(story.rule_name, "V01");
    ck_assert(story.ends_broken);
    ck_assert_str_eq(story.steps[2].what, "get A#1 cand");
    ck_assert_str_eq(story.steps[2].result, "1");
    ck_assert_uint_eq(story.moments[2].lanes[0].holds[STORY_SECTION], 1);
    ck_assert_uint_eq(story.moments[3].lanes[0].holds[STORY_REFERENCE], 1);
    ck_assert_uint_eq(story.moments[5].lanes[0].holds[STORY_REFERENCE], 0);
    ck_assert_uint_eq(story.moments[7].lanes[1].holds[STORY_LOCK], 1);
    ck_assert_int_eq(story.moments[3].objects[0].count, 2);
    ck_assert_str_eq(story.moments[6].objects[0].state, "dying");
    ck_assert_uint_eq(story.steps[9].spawned, 2);
    ck_assert_uint_eq(story.steps[11].effect, STORY_FREES);
    ck_assert(story.moments[12].objects[0].is_gone);
    ck_assert(story.moments[12].lanes[2].is_spawned);
    story_free(&story);
    schedule.steps[3] = 7;
    ck_assert_int_eq(story_tell(&story, &target.told, &schedule, NULL),
                     VMC_E_USAGE);
    schedule.step_count = 0;
    ck_assert_int_eq(story_tell(&story, &target.told, &schedule, NULL), VMC_OK);
    ck_assert_uint_eq(story.rule, 0);
    story_free(&story);
}
END_TEST

START_TEST(the_timeline_is_this)
{
    static const char expected[] =
        "  step      spin                   close                gp(A)       "
        "zap(A)           objects\n"
        "     0  (   rcu_lock\n"
        "     1  |   first -> A#1\n"
        "     2  | 1 get A#1 cand -> 1                                       "
        "                 A#1 count 2\n"
        "     3  ) 1 rcu_unlock\n"
        "     4      dec A#1 cand -> 0                                       "
        "                 A#1 count 1\n"
        "     5                             dec A#1 fd -> 1                  "
        "                 A#1 dying, count 0\n"
        "     6                          [  lock vm_lock\n"
        "     7                          |  list_del A#1                     "
        "                 A#1 gone off the list\n"
        "     8                          ]  unlock vm_lock\n"
        "     9                             call_rcu A#1                     "
        "                 A#1 waiting\n"
        "    10                                                  gp A#1      "
        "                 A#1 callback\n"
        "    11                                                              "
        "free A#1         A#1 freed\n"
        " ~  12                                                              "
        "vm_put A#1 -> 0\n"
        "    13  (   rcu_lock\n"
        "=>  14  |   next A#1 -> V01                                         "
        "                 <== V01\n"
        "(|) inside a read section   [|] holds a lock   1 holds a reference   "
        "~ the failure does not depend on it\n";

    tell();
    collect(counterexample_print);
    ck_assert_str_eq(text, expected);
    story_free(&story);
}
END_TEST

START_TEST(the_rows_of_the_picture_have_six_blocks)
{
    static const char *const wanted[] = {
        "0\tspin\t0\n1\tclose\t0\n2\tgp(A)\t0\n3\tzap(A)\t0\n4\tA#1\t1\n",
        "\n0\t0\t3\t0\t-\n",             /* the first section of the reader */
        "\n0\t13\t14\t0\t-\n",           /* and its second */
        "\n0\t2\t4\t2\t-\n",             /* its reference */
        "\n1\t6\t8\t1\t-\n",             /* the lock of the close */
        "\n12\t3\tvm_put A#1 -> 0\t2\n", /* idle */
        "\n14\t0\tnext A#1 -> V01\t1\n", /* broken */
        "\n1\t9\t2\t10\t0\n2\t10\t3\t11\t0\n3\t11\t0\t14\t1\n", /* arrows */
        "\n4\t11\t14\t0\tfreed\t2\n",
        "\n\n\nV01 access to a freed object: spin on A#1\n",
    };
    uint32_t blocks = 1;

    tell();
    collect(counterexample_rows);
    for (size_t i = 0; i < VMC_COUNT_OF(wanted); i++) {
        ck_assert_msg(strstr(text, wanted[i]) != NULL, "no '%s' in\n%s",
                      wanted[i], text);
    }
    for (const char *at = text; (at = strstr(at, "\n\n\n")) != NULL; at++) {
        blocks++;
    }
    ck_assert_uint_eq(blocks, 6);
    collect(counterexample_describe);
    ck_assert_ptr_nonnull(strstr(text, "Step 14, spin: next A#1 -> V01.\n"));
    story_free(&story);
}
END_TEST

/* Of S05, to its leak: the vCPU's thread, the VMM, the grace period, the work;
 * and of S15, to where nobody can go on. */
static const uint8_t leak[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                               0, 0, 0, 0, 1, 1, 2, 3, 3};
static const uint8_t deadlock[] = {0, 1};

static void tell_other(const char *path, const uint8_t *tasks, size_t count)
{
    struct vmc_life_config config = {.variant = "bug"};

    explore_target_close(&target);
    ck_assert_int_eq(explore_target_open(&target, path, &config, &error),
                     VMC_OK);
    schedule.step_count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        schedule.steps[i] = tasks[i] * VMC_LIFE_ALTERNATIVES;
    }
    ck_assert_int_eq(story_tell(&story, &target.told, &schedule, NULL), VMC_OK);
}

/* A leak is no access: no arrow leads from where the object was freed. */
START_TEST(a_leak_is_drawn_to_its_end)
{
    tell_other("tests/scenarios/S05", leak, VMC_COUNT_OF(leak));
    ck_assert_str_eq(story.rule_name, "V10");
    ck_assert(!story.ends_broken);
    collect(counterexample_print);
    ck_assert_ptr_nonnull(strstr(text, "=> end  no step is left  <== V10\n"));
    collect(counterexample_rows);
    ck_assert_ptr_nonnull(
        strstr(text, "\n0\t13\t2\t16\t0\n2\t16\t3\t17\t0\n\n"));
    ck_assert_ptr_nonnull(strstr(text, "\t0\tdying\t1\n"));
    story_free(&story);
}
END_TEST

/* Who is still there has a column, also without a step. */
START_TEST(a_task_that_stands_still_is_drawn)
{
    tell_other("tests/scenarios/S15", deadlock, VMC_COUNT_OF(deadlock));
    ck_assert_str_eq(story.rule_name, "V21");
    story_free(&story);
    tell_other("tests/scenarios/S15", deadlock, 1);
    ck_assert_uint_eq(story.rule, 0);
    collect(counterexample_print);
    ck_assert_ptr_nonnull(strstr(text, "vm_op"));
    story_free(&story);
    tell_other("tests/scenarios/S05", leak, VMC_COUNT_OF(leak));
    ck_assert(story.moments[story.step_count].lanes[3].is_done);
    story_free(&story);
}
END_TEST

/* ---- Schedule files ----------------------------------------------------- */

static struct vmc_schedule again;

static enum vmc_status parse(const char *from, size_t size_bytes)
{
    error.text[0] = '\0';
    return schedule_parse(&again, &target.told, "file", from, size_bytes,
                          &error);
}

START_TEST(a_file_is_the_run_it_was_written_from)
{
    struct story other;

    tell();
    collect(write_schedule);
    ck_assert_int_eq(parse(text, strlen(text)), VMC_OK);
    ck_assert_uint_eq(again.step_count, schedule.step_count);
    ck_assert_mem_eq(again.steps, schedule.steps, 2 * schedule.step_count);
    ck_assert_int_eq(story_tell(&other, &target.told, &again, NULL), VMC_OK);
    ck_assert_uint_eq(other.hash.low, story.hash.low);
    ck_assert_uint_eq(other.hash.high, story.hash.high);
    story_free(&other);
    story_free(&story);
}
END_TEST

/* Cut anywhere, it is no schedule, and the line where it ends is named. */
START_TEST(a_cut_file_is_told_with_its_line)
{
    uint32_t line = 1;

    tell();
    collect(write_schedule);
    for (size_t bytes = 0; bytes + 1 < strlen(text); bytes++) {
        char where[16];

        ck_assert_int_eq(parse(text, bytes), VMC_E_FORMAT);
        if (bytes > 0 && text[bytes - 1] == '\n') {
            line++;
        }
        (void)snprintf(where, sizeof(where), "file:%u: ", line);
        ck_assert_msg(strncmp(error.text, where, strlen(where)) == 0 ||
                          text[bytes] == '\n',
                      "%s at %zu of line %u", error.text, bytes, line);
    }
    story_free(&story);
}
END_TEST

#define HEAD "vmcycle-schedule 1\nscenario S03 variant bug\n"

static const struct {
    const char *text, *message;
    enum vmc_status status;
} wrong[] = {
    {"", "file:1: expected 'end'; the file is cut short", VMC_E_FORMAT},
    {"vmcycle-schedule 2\n", "file:1: expected 'vmcycle-schedule 1'",
     VMC_E_FORMAT},
    {"vmcycle-schedule 1\nscenario S03 variant fix\n",
     "file:2: diverges: the file has 'scenario S03 variant fix', the run has "
     "'scenario S03 variant bug'",
     VMC_E_FORMAT},
    {HEAD "nonsense\n",
     "file:3: expected 'N dSTEP TASK OPERATION -> RESULT', or 'end'",
     VMC_E_FORMAT},
    {HEAD "0 dx spin rcu_lock -> -\n", "file:3: expected a number of a step",
     VMC_E_FORMAT},
    {HEAD "0 d16 gp(A) gp A#1 -> -\n",
     "file:3: diverges: the file has '0 d16 gp(A) gp A#1 -> -', the run allows "
     "only d0 d8",
     VMC_E_FORMAT},
    {HEAD "0 d65536 x -> -\n",
     "file:3: diverges: the file has '0 d65536 x -> -', the run allows only d0 "
     "d8",
     VMC_E_FORMAT},
    {HEAD "0 d0 spin rcu_unlock -> -\n",
     "file:3: diverges: the file has '0 d0 spin rcu_unlock -> -', the run has "
     "'0 d0 spin rcu_lock -> -'",
     VMC_E_FORMAT},
    {HEAD "d 0 0\nend 3 - hash 0\n", "file:4: diverges: the file has 'end 3",
     VMC_E_FORMAT},
    {HEAD "d 0 0 0 0 0 8 8 8 8 8 16 24 24 0 0 8\n",
     "file:3: diverges: the file has '8', the run is over: a rule is broken",
     VMC_E_FORMAT},
    {HEAD "d 0 x\n", "file:3: expected a number of a step", VMC_E_FORMAT},
    {HEAD "d 0 0\n", "", VMC_OK},
};

START_TEST(what_is_no_schedule_is_told_with_its_line)
{
    ck_assert_int_eq(parse(wrong[_i].text, strlen(wrong[_i].text)),
                     wrong[_i].status);
    ck_assert_msg(
        strncmp(error.text, wrong[_i].message, strlen(wrong[_i].message)) == 0,
        "'%s', not '%s'", error.text, wrong[_i].message);
}
END_TEST

START_TEST(lines_that_are_no_text_are_refused)
{
    memset(text, 'x', 600);
    ck_assert_int_eq(parse(text, 600), VMC_E_FORMAT);
    ck_assert_ptr_nonnull(strstr(error.text, "file:1: expected a line"));
    ck_assert_int_eq(parse("a\0b\n", 4), VMC_E_FORMAT);
    ck_assert_ptr_nonnull(strstr(error.text, "file:1: expected a line"));
    ck_assert_int_eq(schedule_read(&again, &target.told, "/none", &error),
                     VMC_E_IO);
    ck_assert_int_eq(schedule_read(&again, &target.told, "/", &error),
                     VMC_E_IO);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("story");
    TCase *c = tcase_create("story");

    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, a_story_has_words_and_holdings_for_every_step);
    tcase_add_test(c, the_timeline_is_this);
    tcase_add_test(c, the_rows_of_the_picture_have_six_blocks);
    tcase_add_test(c, a_leak_is_drawn_to_its_end);
    tcase_add_test(c, a_task_that_stands_still_is_drawn);
    tcase_add_test(c, a_file_is_the_run_it_was_written_from);
    tcase_add_test(c, a_cut_file_is_told_with_its_line);
    tcase_add_loop_test(c, what_is_no_schedule_is_told_with_its_line, 0,
                        VMC_COUNT_OF(wrong));
    tcase_add_test(c, lines_that_are_no_text_are_refused);
    return s;
}
