/* SPDX-License-Identifier: MIT */
/* Recorded balloons, made by hand: each a list of what a log says, with what
 * must be counted. Whole logs, cut ones, and ones that something is wrong
 * with. */
#include "sim/balloon/balloon_log.h"

#include <string.h>

#include "archive_rig.h"
#include "suite.h"

enum what {
    END,
    NOTIFY,   /* queue number */
    POP,      /* queue number */
    PAGES,    /* first page, how many */
    BAD,      /* page */
    DISCARD,  /* bytes */
    FLUSH,    /* queue number */
    READ,     /* num_pages, actual */
    WRITE,    /* actual, old */
    TARGET,   /* RAM that is left, in pages; num_pages */
    AS_THREAD /* what follows is another thread's */
};

struct line {
    enum what what;
    uint64_t a, b;
};

/* A message of queue @q. */
#define MESSAGE(q, first, count)                                               \
    {NOTIFY, q, 0}, {POP, q, 0}, {PAGES, first, count},                        \
    {                                                                          \
        FLUSH, q, 0                                                            \
    }

enum { RAM = 1 << 18, LOW = 0x1000 }; /* 1 GiB, in pages */

static const struct {
    const char *what, *section;
    struct line lines[32];
    struct balloon_log_counts counts;
    uint32_t targets;
} logs[] = {
    {"an inflate and its deflate",
     "pc.ram",
     {{TARGET, RAM - 8, 8},
      {READ, 8, 0},
      MESSAGE(0, LOW, 8),
      {WRITE, 8, 0},
      {TARGET, RAM, 0},
      {READ, 0, 8},
      MESSAGE(1, LOW, 8),
      {WRITE, 0, 8}},
     {.inflated_pfns = 8,
      .deflated_pfns = 8,
      .messages = 2,
      .config_reads = 2,
      .config_writes = 2},
     2},
    {"two cycles over the same pages",
     "pc.ram",
     {{TARGET, RAM - 4, 4},
      MESSAGE(0, LOW, 4),
      {WRITE, 4, 0},
      {TARGET, RAM, 0},
      MESSAGE(1, LOW, 4),
      {WRITE, 0, 4},
      {TARGET, RAM - 4, 4},
      MESSAGE(0, LOW, 4),
      {WRITE, 4, 0}},
     {.inflated_pfns = 8,
      .deflated_pfns = 4,
      .messages = 3,
      .held = 4,
      .config_writes = 3},
     3},
    {"a page told twice",
     "pc.ram",
     {{TARGET, RAM - 4, 4},
      MESSAGE(0, LOW, 2),
      MESSAGE(0, LOW + 1, 2),
      {WRITE, 3, 0}},
     {.inflated_pfns = 4,
      .messages = 2,
      .duplicate_pfns = 1,
      .held = 3,
      .config_writes = 1},
     1},
    {"a page in the driver's count and never told",
     "pc.ram",
     {{TARGET, RAM - 4, 4}, MESSAGE(0, LOW, 3), {WRITE, 4, 0}},
     {.inflated_pfns = 3,
      .messages = 1,
      .never_told = 1,
      .wrong_actual = 1,
      .held = 3,
      .config_writes = 1},
     1},
    {"a page back that never went",
     "pc.ram",
     {{TARGET, RAM - 4, 4},
      MESSAGE(0, LOW, 4),
      {WRITE, 4, 0},
      {TARGET, RAM, 0},
      MESSAGE(1, LOW + 1, 4),
      {WRITE, 0, 4}},
     {.inflated_pfns = 4,
      .deflated_pfns = 4,
      .messages = 2,
      .unknown_pfns = 1,
      .held = 1,
      .wrong_actual = 1,
      .config_writes = 2},
     2},
    {"a page that the device refuses, and the driver counts",
     "pc.ram",
     {{TARGET, RAM - 4, 4},
      {NOTIFY, 0, 0},
      {POP, 0, 0},
      {PAGES, LOW, 3},
      {BAD, 0xf0000, 0},
      {FLUSH, 0, 0},
      {WRITE, 4, 0}},
     {.inflated_pfns = 4,
      .messages = 1,
      .outside_ram = 1,
      .held = 4,
      .config_writes = 1},
     1},
    {"a page above all RAM",
     "loongarch.ram",
     {{TARGET, RAM - 4, 4}, MESSAGE(0, 0xfff0000, 1), MESSAGE(0, 0x80000, 2)},
     {.inflated_pfns = 3, .messages = 2, .outside_ram = 1, .held = 3},
     1},
    {"a section of a machine that is not known: nothing is outside",
     "mach-virt.ram",
     {{TARGET, RAM - 4, 4}, MESSAGE(0, 0x40000, 4), {WRITE, 4, 0}},
     {.inflated_pfns = 4, .messages = 1, .held = 4, .config_writes = 1},
     1},
    {"cut in front: begins inside a message",
     "pc.ram",
     {{PAGES, LOW, 3},
      {FLUSH, 0, 0},
      {WRITE, 1024, 768},
      {READ, 4096, 1024},
      MESSAGE(0, LOW + 100, 256),
      {WRITE, 1280, 1024}},
     {.inflated_pfns = 259,
      .messages = 2,
      .held = 259,
      .config_reads = 1,
      .config_writes = 2},
     1},
    {"cut in front: pages come back that were in before",
     "pc.ram",
     {{READ, 100, 1024},
      {NOTIFY, 1, 0},
      {POP, 1, 0},
      {PAGES, LOW, 256},
      {FLUSH, 1, 0},
      {WRITE, 768, 1024}},
     {.deflated_pfns = 256,
      .messages = 1,
      .config_reads = 1,
      .config_writes = 1},
     1},
    {"cut in front: begins inside a message of pages that come back",
     "pc.ram",
     {{PAGES, LOW, 52},
      {FLUSH, 1, 0},
      {WRITE, 768, 1024},
      {READ, 0, 768},
      MESSAGE(1, LOW + 100, 256),
      {WRITE, 512, 768}},
     {.deflated_pfns = 308,
      .messages = 2,
      .config_reads = 1,
      .config_writes = 2},
     1},
    {"cut behind, inside a message",
     "pc.ram",
     {{TARGET, RAM - 512, 512},
      {READ, 512, 0},
      MESSAGE(0, LOW, 256),
      {WRITE, 256, 0},
      {READ, 512, 256},
      {NOTIFY, 0, 0},
      {POP, 0, 0},
      {PAGES, LOW + 256, 100}},
     {.inflated_pfns = 356,
      .messages = 2,
      .held = 356,
      .config_reads = 2,
      .config_writes = 1},
     1},
    {"without notifications: the target tells which queue it is",
     "pc.ram",
     {{TARGET, RAM - 4, 4},
      {POP, 0, 0},
      {PAGES, LOW, 4},
      {FLUSH, 0, 0},
      {WRITE, 4, 0},
      {TARGET, RAM - 1, 1},
      {POP, 1, 0},
      {PAGES, LOW, 3},
      {FLUSH, 1, 0},
      {WRITE, 1, 4}},
     {.inflated_pfns = 4,
      .deflated_pfns = 3,
      .messages = 2,
      .held = 1,
      .config_writes = 2},
     2},
    {"another thread takes elements meanwhile",
     "pc.ram",
     {{TARGET, RAM - 4, 4},
      MESSAGE(0, LOW, 4),
      {WRITE, 4, 0},
      {TARGET, RAM, 0},
      {NOTIFY, 1, 0},
      {POP, 1, 0},
      {AS_THREAD, 7, 0},
      {NOTIFY, 0x10, 0},
      {POP, 0x10, 0},
      {AS_THREAD, 1, 0},
      {PAGES, LOW, 4},
      {AS_THREAD, 7, 0},
      {FLUSH, 0x10, 0},
      {AS_THREAD, 1, 0},
      {FLUSH, 1, 0},
      {WRITE, 0, 4}},
     {.inflated_pfns = 4,
      .deflated_pfns = 4,
      .messages = 2,
      .config_writes = 2},
     2},
    {"the guest reports free memory beside it",
     "pc.ram",
     {{TARGET, RAM - 4, 4},
      MESSAGE(0, LOW, 4),
      {WRITE, 4, 0},
      {NOTIFY, 3, 0},
      {POP, 3, 0},
      {DISCARD, 4 << 20, 0},
      {DISCARD, 2 << 20, 0},
      {FLUSH, 3, 0},
      {NOTIFY, 3, 0},
      {POP, 3, 0},
      {BAD, 0xf0000, 0},
      {FLUSH, 3, 0}},
     {.inflated_pfns = 4,
      .messages = 1,
      .held = 4,
      .config_writes = 1,
      .outside_ram = 1,
      .discards = 2,
      .discarded_bytes = 6 << 20,
      .reports = 1,
      .reported_bytes = 6 << 20},
     1},
    {"a target that changes half way",
     "pc.ram",
     {{TARGET, RAM - 512, 512},
      MESSAGE(0, LOW, 256),
      {WRITE, 256, 0},
      {TARGET, RAM - 128, 128},
      {READ, 128, 256},
      MESSAGE(1, LOW + 128, 128),
      {WRITE, 128, 256}},
     {.inflated_pfns = 256,
      .deflated_pfns = 128,
      .messages = 2,
      .held = 128,
      .config_reads = 1,
      .config_writes = 2},
     2},
};

/* The same log in another place. */
static struct balloon_log *moved(struct balloon_log *log)
{
    struct balloon_log *other;

    ck_assert_int_eq(balloon_log_new(&other), VMC_OK);
    ARCHIVE_CARRY(balloon_log_archive, log, other);
    balloon_log_free(log);
    return other;
}

/* With @is_moving it goes on elsewhere after each record. */
static struct balloon_log *log_of(uint32_t row, bool is_moving)
{
    struct balloon_log *log;
    struct vmc_record record = {.thread = 1};

    ck_assert_int_eq(balloon_log_new(&log), VMC_OK);
    for (const struct line *line = logs[row].lines; line->what != END; line++) {
        uint64_t count = line->what == PAGES ? line->b : 1;

        record.time_ns += 1000;
        if (line->what == AS_THREAD) {
            record.thread = (uint32_t)line->a;
            continue;
        }
        for (uint64_t i = 0; i < count; i++) {
            static const enum vmc_record_kind kinds[] = {
                [NOTIFY] = VMC_REC_VIRTIO_QUEUE_NOTIFY,
                [POP] = VMC_REC_VIRTQUEUE_POP,
                [PAGES] = VMC_REC_BALLOON_OUTPUT,
                [BAD] = VMC_REC_BALLOON_BAD_ADDR,
                [DISCARD] = VMC_REC_RAM_DISCARD,
                [FLUSH] = VMC_REC_VIRTQUEUE_FLUSH,
                [READ] = VMC_REC_BALLOON_GET_CONFIG,
                [WRITE] = VMC_REC_BALLOON_SET_CONFIG,
                [TARGET] = VMC_REC_BALLOON_TO_TARGET,
            };

            record.kind = (uint16_t)kinds[line->what];
            memset(record.args, 0, sizeof(record.args));
            record.args[0] = line->a;
            record.args[1] = line->b;
            switch (line->what) {
            case NOTIFY:
                record.args[1] = line->a;
                record.args[2] = 0x1000 + line->a;
                break;
            case POP:
            case FLUSH:
                record.args[0] = 0x1000 + line->a;
                break;
            case PAGES:
                record.args[0] = (line->a + i) << 12;
                break;
            case BAD:
            case TARGET:
                record.args[0] = line->a << 12;
                break;
            case DISCARD:
                record.args[2] = line->a;
                break;
            default:
                break;
            }
            balloon_log_record(log, &record, logs[row].section);
            log = is_moving ? moved(log) : log;
        }
    }
    balloon_log_end(log);
    return log;
}

START_TEST(a_log_is_counted_as_it_must_be)
{
    uint32_t row = (uint32_t)_i / 2;
    const struct balloon_log_counts *want = &logs[row].counts;
    const struct balloon_log_counts *got;
    struct balloon_log *log;
    uint32_t targets;

    log = log_of(row, _i % 2 != 0);
    got = balloon_log_counts(log);
#define SAME(field)                                                            \
    ck_assert_msg(got->field == want->field, "%s: " #field " is %u, not %u",   \
                  logs[row].what, (unsigned)got->field, (unsigned)want->field)
    SAME(inflated_pfns);
    SAME(deflated_pfns);
    SAME(messages);
    SAME(duplicate_pfns);
    SAME(unknown_pfns);
    SAME(never_told);
    SAME(outside_ram);
    SAME(wrong_actual);
    SAME(wrong_target);
    SAME(config_reads);
    SAME(config_writes);
    SAME(held);
    SAME(discards);
    SAME(discarded_bytes);
    SAME(reports);
    SAME(reported_bytes);
    (void)balloon_log_targets(log, &targets);
    ck_assert_msg(targets == logs[row].targets, "%s: %u operations",
                  logs[row].what, targets);
    ck_assert_int_eq(balloon_log_status(log), VMC_OK);
    balloon_log_free(log);
}
END_TEST

/* The pages are those of q35 in the table's second layout: 2 GiB low. */
START_TEST(pages_tell_which_machine_it_was)
{
    static const struct {
        uint64_t page;
        enum vmc_layout layout;
    } rows[] = {
        {0xa0000, VMC_LAYOUT_I440FX}, /* 2.5 GiB: not RAM of a q35 */
        {0x270000, VMC_LAYOUT_Q35},   /* 9.75 GiB: not RAM of an i440fx */
        {0x110000, VMC_LAYOUT_I440FX} /* of both: the first */
    };
    const uint64_t ram = UINT64_C(8) << 30;

    for (uint32_t i = 0; i < VMC_COUNT_OF(rows); i++) {
        struct vmc_record target = {.kind = VMC_REC_BALLOON_TO_TARGET,
                                    .args = {ram - 4096, 1}};
        struct vmc_record page = {.kind = VMC_REC_BALLOON_OUTPUT,
                                  .args = {rows[i].page << 12}};
        struct balloon_log *log;

        ck_assert_int_eq(balloon_log_new(&log), VMC_OK);
        balloon_log_record(log, &target, NULL);
        balloon_log_record(log, &page, "pc.ram");
        balloon_log_end(log);
        ck_assert_int_eq(balloon_log_counts(log)->layout, rows[i].layout);
        ck_assert_uint_eq(balloon_log_counts(log)->outside_ram, 0);
        balloon_log_free(log);
    }
}
END_TEST

/* A page far above everything is counted, and takes no memory. */
START_TEST(a_page_beyond_reason_is_not_kept)
{
    struct vmc_record page = {.kind = VMC_REC_BALLOON_OUTPUT,
                              .args = {UINT64_MAX}};
    struct balloon_log *log;
    uint32_t runs;

    ck_assert_int_eq(balloon_log_new(&log), VMC_OK);
    balloon_log_record(log, &page, "pc.ram");
    balloon_log_end(log);
    ck_assert_uint_eq(balloon_log_counts(log)->inflated_pfns, 1);
    (void)balloon_log_runs(log, &runs);
    ck_assert_uint_eq(runs, 0);
    balloon_log_free(log);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("balloon_log");
    TCase *c = tcase_create("balloon_log");

    suite_add_tcase(s, c);
    tcase_add_loop_test(c, a_log_is_counted_as_it_must_be, 0,
                        2 * VMC_COUNT_OF(logs));
    tcase_add_test(c, pages_tell_which_machine_it_was);
    tcase_add_test(c, a_page_beyond_reason_is_not_kept);
    return s;
}
