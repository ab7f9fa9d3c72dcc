/* SPDX-License-Identifier: MIT */
/* Recorded accesses against the model's buses: what must agree, and when. */
#include "sim/replay/bus_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive_rig.h"
#include "suite.h"

enum { RING = 5 }; /* entries; four are used */

static struct bus_ranges *ranges;
static struct bus_view *view;
static uint64_t line; /* of each test, for it is a process of its own */
static uint32_t probes;

static void set_up(void)
{
    struct vmc_error error;

    ck_assert_int_eq(bus_ranges_new(&ranges), VMC_OK);
    ck_assert_int_eq(
        bus_ranges_add(ranges, "0x500-0x503 bell ioeventfd", &error), VMC_OK);
    ck_assert_int_eq(bus_ranges_add(ranges, "0x600-0x603 vmm exit", &error),
                     VMC_OK);
    bus_ranges_begin(ranges);
    ck_assert_int_eq(bus_view_new(&view, ranges, RING), VMC_OK);
}

static void tear_down(void)
{
    bus_view_free(view);
    bus_ranges_free(ranges);
}

/* Go on with the same ranges and view in another place. */
static void move_on(void)
{
    struct bus_ranges *old_ranges = ranges;
    struct bus_view *old_view = view;

    set_up();
    ARCHIVE_CARRY(bus_ranges_archive, old_ranges, ranges);
    ARCHIVE_CARRY(bus_view_archive, old_view, view);
    bus_view_free(old_view);
    bus_ranges_free(old_ranges);
}

/* "W20", "W20!" with an exit, "R20", "M" and "L" for stores and loads. */
static bool check(const char *text)
{
    struct bus_access access = {.count = 1, .len = 1, .line = ++line};

    access.space = text[0] == 'M' || text[0] == 'L' ? BUS_MMIO : BUS_PIO;
    access.is_write = text[0] == 'W' || text[0] == 'M';
    access.addr = strtoull(text + 1, NULL, 16);
    access.exits = strchr(text, '!') != NULL;
    access.thread = strchr(text, '+') != NULL;
    return bus_view_check(view, &access,
                          bus_ranges_find(ranges, access.space, access.addr),
                          &probes);
}

static const struct {
    const char *what, *accesses;
    uint64_t mismatches, checked, first_line;
} rows[] = {
    {"devices in the kernel agree", "W20 R21 Wa0 W40 W4d0 Mfee00080 Mfec00000",
     0, 7, 0},
    {"one that exits now and then does not", "W20 W20! W20", 1, 3, 2},
    {"a machine without it agrees too", "W20! R20! W20!", 0, 3, 0},
    {"but not when it changes its mind", "W20! R20! W20", 1, 3, 3},
    {"each device for itself", "W20! W40 Wa0!", 0, 3, 0},
    {"the local APIC stands in front", "Mfee00000 Mfee00fff Lfee00020!", 1, 3,
     3},
    {"ring: four, then an exit",
     "Ma0000 Ma0000! Mb0000 Mb0001 Mb0002 Mb0003 "
     "Mb0004! Mb0000",
     0, 8, 0},
    {"ring: an exit too early",
     "Ma0000! Ma0000 Ma0000 Ma0000 Ma0000 Ma0000! Ma0000 Ma0000!", 1, 8, 8},
    {"ring: emptied in between is allowed",
     "Ma0000 Ma0000 Ma0000 Ma0000 Ma0000 Ma0000 Ma0000!", 0, 7, 0},
    {"ring: ports and memory share it",
     "Ma0000 Ma0000! W70 W70 Ma0000 W70 W70!", 0, 7, 0},
    {"ring: what nobody listed may be in it",
     "Ma0000! Ma0000 Ma0000 W800 W800 Ma0000!", 0, 4, 0},
    {"ring: but not what exits or is a load",
     "Ma0000! Ma0000 Ma0000 W800! R800 W800 Ma0000!", 1, 4, 7},
    {"ring: another thread's write may be on its way",
     "Ma0000! Ma0000+ Ma0000 Ma0000 Ma0000!", 0, 5, 0},
    {"ring: but only one", "Ma0000! Ma0000+ Ma0000 Ma0000!", 1, 4, 4},
    {"ring: not on this machine", "Ma0000! Ma0000! Ma0000! Ma0000!", 0, 4, 0},
    {"ring: not here, yet it did not exit", "Ma0000! Ma0000! Ma0000", 1, 3, 3},
    {"ring: loads exit", "La0000! Ma0000 La0000!", 0, 3, 0},
    {"ring: a load that does not", "Ma0000 La0000", 1, 2, 2},
    {"eventfd: stores do not exit, loads do", "W500 R500! W500", 0, 3, 0},
    {"eventfd: and the reverse", "W500 R500", 1, 2, 2},
    {"user space", "W600! R600! W600", 1, 3, 3},
    {"nobody knows: learned", "W800! R800 W800! R800", 0, 0, 0},
    {"nobody knows: changed", "W800! W800 W800", 0, 0, 0},
};

START_TEST(the_log_agrees_with_the_model_or_is_named)
{
    char text[256], *rest = text;
    size_t row = (size_t)_i / 2;
    const struct bus_view_counts *counts;
    const struct bus_mismatch *first;

    (void)snprintf(text, sizeof(text), "%s", rows[row].accesses);
    for (char *word; (word = strsep(&rest, " ")) != NULL;) {
        uint64_t before = bus_view_counts(view)->mismatches;

        ck_assert_uint_eq(!check(word),
                          bus_view_counts(view)->mismatches - before);
        if (_i % 2 != 0) {
            move_on();
        }
    }
    counts = bus_view_counts(view);
    ck_assert_msg(counts->mismatches == rows[row].mismatches, "%s: %d",
                  rows[row].what, (int)counts->mismatches);
    ck_assert_uint_eq(counts->checked, rows[row].checked);
    first = bus_view_mismatch(view, 0);
    ck_assert_uint_eq(first != NULL ? first->line : 0, rows[row].first_line);
    ck_assert_ptr_null(bus_view_mismatch(view, (uint32_t)counts->mismatches));
}
END_TEST

START_TEST(the_ring_is_counted_to_the_write)
{
    static const char *const words[] = {"Ma0000", "Ma0000!", "Ma0000", "Ma0000",
                                        "Ma0000", "Ma0000",  "Ma0000!"};

    for (size_t i = 0; i < VMC_COUNT_OF(words); i++) {
        ck_assert(check(words[i]));
    }
    ck_assert_uint_eq(bus_view_counts(view)->ring_writes, 5);
    ck_assert_uint_eq(bus_view_counts(view)->ring_full, 2);
    ck_assert_uint_eq(bus_view_counts(view)->ring_exact, 1);
}
END_TEST

START_TEST(what_was_learned_is_claimed)
{
    struct bus_access access = {.addr = 0x800,
                                .space = BUS_PIO,
                                .is_write = true,
                                .len = 1,
                                .count = 1};
    uint32_t range = bus_ranges_find(ranges, BUS_PIO, 0x800);

    ck_assert(!bus_view_claims(view, &access, range));
    ck_assert(check("W800"));
    ck_assert(bus_view_claims(view, &access, range));
    ck_assert(!bus_view_leaves(view, &access));
    access.is_write = false;
    ck_assert(!bus_view_leaves(view, &access)); /* nothing is known of loads */
    ck_assert(check("R800!"));
    ck_assert(bus_view_leaves(view, &access));
    ck_assert(!bus_view_claims(view, &access, range));
    access.addr = 0x20;
    ck_assert(
        bus_view_claims(view, &access, bus_ranges_find(ranges, BUS_PIO, 0x20)));
    ck_assert(check("W800!"));
    ck_assert_uint_eq(bus_view_counts(view)->learned, 2);
    ck_assert_uint_eq(bus_view_counts(view)->learned_kernel, 1);
    ck_assert_uint_eq(bus_view_counts(view)->changes, 1);
}
END_TEST

START_TEST(each_change_of_sides_is_counted_once)
{
    static const char *const words[] = {"W800!", "W800",  "W800",
                                        "W800!", "R800!", "W801"};

    for (size_t i = 0; i < VMC_COUNT_OF(words); i++) {
        ck_assert(check(words[i]));
    }
    ck_assert_uint_eq(bus_view_counts(view)->changes, 2);
    ck_assert_uint_eq(bus_view_counts(view)->learned, 3);
    ck_assert_uint_eq(bus_view_counts(view)->learned_kernel, 1);
}
END_TEST

START_TEST(the_search_is_counted)
{
    ck_assert(check("W20"));
    ck_assert_uint_ge(probes, 1);
    ck_assert_uint_le(probes, 4);
    ck_assert(check("Mfee00000"));
    ck_assert_uint_eq(probes, 0); /* in front of the bus */
}
END_TEST

START_TEST(more_mismatches_than_are_kept_are_counted)
{
    ck_assert(check("W20"));
    for (int i = 0; i < BUS_VIEW_MISMATCHES_KEPT + 3; i++) {
        ck_assert(!check("W20!"));
    }
    ck_assert_uint_eq(bus_view_counts(view)->mismatches,
                      BUS_VIEW_MISMATCHES_KEPT + 3);
    ck_assert_ptr_nonnull(
        bus_view_mismatch(view, BUS_VIEW_MISMATCHES_KEPT - 1));
    ck_assert_ptr_null(bus_view_mismatch(view, BUS_VIEW_MISMATCHES_KEPT));
}
END_TEST

/* Ranges that were added otherwise, and one that was made on the way. */
START_TEST(a_checkpoint_needs_the_same_ranges)
{
    static const char *const others[] = {"0x500-0x503 bell exit",
                                         "0x500-0x507 bell ioeventfd",
                                         "0x500-0x503 gong ioeventfd"};
    struct vmc_error error;
    uint32_t made = bus_ranges_find(ranges, BUS_MMIO, 0x12345678);
    uint32_t group = bus_ranges_find(ranges, BUS_IOCSR, 0x5010);
    uint32_t count = bus_ranges_count(ranges);

    move_on();
    ck_assert_uint_eq(bus_ranges_find(ranges, BUS_IOCSR, 0x5020), group);
    ck_assert_uint_eq(bus_ranges_count(ranges), count);
    ck_assert_uint_eq(bus_ranges_find(ranges, BUS_MMIO, 0x12345fff), made);
    ck_assert_uint_eq(bus_ranges_count(ranges), count);
    for (size_t i = 0; i < VMC_COUNT_OF(others); i++) {
        struct bus_ranges *other;

        ck_assert_int_eq(bus_ranges_new(&other), VMC_OK);
        ck_assert_int_eq(bus_ranges_add(other, others[i], &error), VMC_OK);
        ck_assert_int_eq(bus_ranges_add(other, "0x600-0x603 vmm exit", &error),
                         VMC_OK);
        bus_ranges_begin(other);
        ARCHIVE_REFUSE(bus_ranges_archive, ranges, other, "'");
        bus_ranges_free(other);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("bus_view");
    TCase *c = tcase_create("bus_view");

    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_loop_test(c, the_log_agrees_with_the_model_or_is_named, 0,
                        2 * VMC_COUNT_OF(rows));
    tcase_add_test(c, a_checkpoint_needs_the_same_ranges);
    tcase_add_test(c, the_ring_is_counted_to_the_write);
    tcase_add_test(c, what_was_learned_is_claimed);
    tcase_add_test(c, each_change_of_sides_is_counted_once);
    tcase_add_test(c, the_search_is_counted);
    tcase_add_test(c, more_mismatches_than_are_kept_are_counted);
    return s;
}
