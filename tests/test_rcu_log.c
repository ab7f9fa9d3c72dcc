/* SPDX-License-Identifier: MIT */
/* Recorded RCU: a good log has no violation, each kind of damage exactly one,
 * in its line; and the recorded trace has what a line count of it says. */
#include <stdio.h>
#include <string.h>

#include "archive_rig.h"
#include "sim/replay/rcu_log.h"
#include "sim/replay/replay_rcu.h"
#include "suite.h"

enum {
    START,
    END,
    CPUEND,
    OWNEND,
    INIT,
    REPORT,
    QUEUE,
    INVOKE,
    HOTPLUG,
    SYNC,
    SYNCED
};

/* One line: what, CPU, and a number: of the grace period or the callback. */
struct line {
    int what;
    uint8_t cpu;
    uint64_t number;
};

/* The same log in another place. */
static struct rcu_log *moved(struct rcu_log *log)
{
    struct rcu_log *other;

    ck_assert_int_eq(rcu_log_new(&other), VMC_OK);
    ARCHIVE_CARRY(rcu_log_archive, log, other);
    rcu_log_free(log);
    return other;
}

/* With @is_moving it goes on elsewhere after each line. */
static struct rcu_log *log_of(const struct line *lines, size_t count,
                              bool is_moving)
{
    static const struct {
        uint16_t kind;
        const char *text;
    } kinds[] = {
        [START] = {VMC_REC_RCU_GRACE_PERIOD, "start"},
        [END] = {VMC_REC_RCU_GRACE_PERIOD, "end"},
        [CPUEND] = {VMC_REC_RCU_GRACE_PERIOD, "cpuend"},
        [OWNEND] = {VMC_REC_RCU_GRACE_PERIOD, "cpuend"},
        [INIT] = {VMC_REC_RCU_GP_INIT, ""},
        [REPORT] = {VMC_REC_RCU_QS_REPORT, ""},
        [QUEUE] = {VMC_REC_RCU_CALLBACK, ""},
        [INVOKE] = {VMC_REC_RCU_INVOKE, ""},
        [HOTPLUG] = {VMC_REC_CPUHP_ENTER, "rcutree_offline_cpu"},
        [SYNC] = {VMC_REC_RCU_SR_NORMAL, "request"},
        [SYNCED] = {VMC_REC_RCU_SR_NORMAL, "complete"},
    };
    struct rcu_log *log;
    uint64_t sequence = 1;

    ck_assert_int_eq(rcu_log_new(&log), VMC_OK);
    for (size_t i = 0; i < count; i++) {
        struct vmc_record record = {
            .kind = kinds[lines[i].what].kind,
            .line = i + 1,
            .time_ns = i * 1000,
            .cpu = lines[i].cpu,
            .thread = lines[i].what == CPUEND ? 50 + lines[i].cpu : 13,
            .args = {7, lines[i].number},
        };

        if (lines[i].what == START) {
            sequence = lines[i].number * 4 + 1;
        }
        if (lines[i].what <= REPORT) {
            record.args[1] = lines[i].number * 4 + 1;
        }
        if (lines[i].what == INIT) { /* one leaf, CPUs 0 and 1 */
            record.args[1] = sequence;
            record.args[4] = 1;
            record.args[5] = lines[i].number;
        }
        if (lines[i].what == REPORT) {
            record.args[1] = sequence;
            record.args[2] = lines[i].number;
            record.args[6] = 1;
        }
        if (lines[i].what == HOTPLUG) {
            record.args[0] = lines[i].number;
        }
        ck_assert_int_eq(rcu_log_take(log, &record, kinds[lines[i].what].text),
                         VMC_OK);
        log = is_moving ? moved(log) : log;
    }
    return log;
}

static const struct {
    const char *what;
    struct line lines[12]; /* ends at a line of zeros after the first */
    uint64_t violations, first_line;
} rows[] = {
    {"a whole grace period",
     {{QUEUE, 0, 90}, {START, 1, 5}, {END, 1, 5}, {INVOKE, 0, 90}},
     0,
     0},
    {"queued after the start",
     {{START, 1, 5}, {QUEUE, 0, 90}, {END, 1, 5}, {INVOKE, 0, 90}},
     1,
     4},
    {"the next one is whole",
     {{START, 1, 5},
      {QUEUE, 0, 90},
      {END, 1, 5},
      {START, 1, 6},
      {END, 1, 6},
      {INVOKE, 0, 90}},
     0,
     0},
    {"run before the end",
     {{QUEUE, 0, 90}, {START, 1, 5}, {INVOKE, 0, 90}, {END, 1, 5}},
     1,
     3},
    {"its CPU knew of the end",
     {{QUEUE, 0, 90},
      {START, 1, 5},
      {CPUEND, 0, 5},
      {INVOKE, 0, 90},
      {END, 1, 5}},
     0,
     0},
    {"only another CPU knew",
     {{QUEUE, 0, 90},
      {START, 1, 5},
      {CPUEND, 3, 5},
      {INVOKE, 0, 90},
      {END, 1, 5}},
     1,
     4},
    {"the thread's own word is no end",
     {{QUEUE, 1, 90},
      {START, 1, 5},
      {OWNEND, 1, 5},
      {INVOKE, 1, 90},
      {END, 1, 5}},
     1,
     4},
    {"an end without a start is of no use",
     {{QUEUE, 0, 90}, {END, 1, 5}, {INVOKE, 0, 90}},
     1,
     3},
    {"queued before the log", {{START, 1, 5}, {INVOKE, 0, 90}}, 0, 0},
    {"order on one CPU",
     {{QUEUE, 0, 90},
      {QUEUE, 0, 91},
      {START, 1, 5},
      {END, 1, 5},
      {INVOKE, 0, 91},
      {INVOKE, 0, 90}},
     1,
     6},
    {"no order between CPUs",
     {{QUEUE, 0, 90},
      {QUEUE, 1, 91},
      {START, 1, 5},
      {END, 1, 5},
      {INVOKE, 1, 91},
      {INVOKE, 0, 90}},
     0,
     0},
    {"no order across going offline",
     {{QUEUE, 0, 90},
      {HOTPLUG, 1, 0},
      {QUEUE, 0, 91},
      {START, 1, 5},
      {END, 1, 5},
      {INVOKE, 0, 91},
      {INVOKE, 1, 90}},
     0,
     0},
    {"an early one spoils no other",
     {{QUEUE, 0, 90},
      {QUEUE, 0, 91},
      {START, 1, 5},
      {INVOKE, 0, 91},
      {END, 1, 5},
      {INVOKE, 0, 90}},
     1,
     4},
    {"all reported",
     {{START, 1, 5}, {INIT, 1, 3}, {REPORT, 0, 1}, {REPORT, 1, 2}, {END, 1, 5}},
     0,
     0},
    {"one not reported",
     {{START, 1, 5}, {INIT, 1, 3}, {REPORT, 1, 2}, {END, 1, 5}},
     1,
     4},
    {"a wait with a whole grace period",
     {{SYNC, 0, 8}, {START, 1, 5}, {END, 1, 5}, {SYNCED, 0, 8}},
     0,
     0},
    {"a wait without",
     {{START, 1, 5}, {SYNC, 0, 8}, {END, 1, 5}, {SYNCED, 0, 8}},
     1,
     4},
};

START_TEST(each_kind_of_damage_is_one_violation_in_its_line)
{
    size_t count = 1;

    while (count < 12 && (rows[_i].lines[count].what != 0 ||
                          rows[_i].lines[count].number != 0)) {
        count++;
    }
    for (int is_moving = 0; is_moving < 2; is_moving++) {
        struct rcu_log *log = log_of(rows[_i].lines, count, is_moving);

        ck_assert_msg(rcu_log_violations(log) == rows[_i].violations,
                      "%s: %d violations", rows[_i].what,
                      (int)rcu_log_violations(log));
        ck_assert_uint_eq(rcu_log_counts(log)->first_line, rows[_i].first_line);
        rcu_log_free(log);
    }
}
END_TEST

/* 300 000 callbacks outstanding: the table grows and nothing is lost. */
START_TEST(many_callbacks_may_be_outstanding)
{
    struct rcu_log *log;
    struct vmc_record record = {.args = {7}};
    enum { COUNT = 300000 };

    ck_assert_int_eq(rcu_log_new(&log), VMC_OK);
    record.kind = VMC_REC_RCU_CALLBACK;
    for (uint64_t i = 0; i < COUNT; i++) {
        record.args[1] = i * 64 + 64;
        ck_assert_int_eq(rcu_log_take(log, &record, ""), VMC_OK);
    }
    log = moved(log);
    record.kind = VMC_REC_RCU_GRACE_PERIOD;
    record.args[1] = 21;
    (void)rcu_log_take(log, &record, "start");
    (void)rcu_log_take(log, &record, "end");
    record.kind = VMC_REC_RCU_INVOKE;
    for (uint64_t i = 0; i < COUNT; i++) {
        record.args[1] = i * 64 + 64;
        ck_assert_int_eq(rcu_log_take(log, &record, ""), VMC_OK);
    }
    ck_assert_uint_eq(rcu_log_counts(log)->unmatched, 0);
    ck_assert_uint_eq(rcu_log_counts(log)->pending_max, COUNT);
    ck_assert_uint_eq(rcu_log_violations(log), 0);
    rcu_log_free(log);
}
END_TEST

/* The counts are those of grep over the text. */
START_TEST(the_recorded_trace_is_clean_and_whole)
{
    struct replay_context context = {0};
    struct vmc_reader *reader;
    const struct vmc_record *records;
    struct vmc_error error = {""};
    uint32_t count;
    void *state;
    json_t *json, *root;
    FILE *table = fopen("/dev/null", "w");

    ck_assert_int_eq(vmc_reader_open(&reader, "traces/rcu-4vcpu.ftrace.txt.zst",
                                     NULL, &error),
                     VMC_OK);
    context.reader = reader;
    ck_assert_int_eq(replay_rcu.start(&state, &context, &error), VMC_OK);
    while (vmc_reader_next(reader, &records, &count, &error) == VMC_OK) {
        for (uint32_t i = 0; i < count; i++) {
            replay_rcu.record(state, &records[i]);
        }
    }
    ck_assert(replay_rcu.finish(state, &json, table));
    ck_assert_ptr_nonnull(json);
    root = json;
#define NUMBER(key) json_integer_value(json_object_get(json, key))
    ck_assert_int_eq(NUMBER("grace_periods"), 35);
    ck_assert_int_eq(NUMBER("grace_periods_started"), 36);
    ck_assert_int_eq(NUMBER("callbacks_queued"), 579);
    ck_assert_int_eq(NUMBER("callbacks_invoked"), 559);
    ck_assert_int_eq(NUMBER("violations"), 0);
    ck_assert_int_eq(NUMBER("quiescent_reports"), 126);
    root = json;
    json = json_object_get(root, "predicted");
    ck_assert_int_gt(NUMBER("grace_periods"), 0);
#undef NUMBER
    json_decref(root);
    replay_rcu.free(state);
    vmc_reader_close(reader);
    (void)fclose(table);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("rcu_log");
    TCase *c = tcase_create("rcu_log");

    suite_add_tcase(s, c);
    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, each_kind_of_damage_is_one_violation_in_its_line, 0,
                        VMC_COUNT_OF(rows));
    tcase_add_test(c, many_callbacks_may_be_outstanding);
    tcase_add_test(c, the_recorded_trace_is_clean_and_whole);
    return s;
}
