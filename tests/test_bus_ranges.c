/* SPDX-License-Identifier: MIT */
/* Which range an address falls into: added ones, known ones, groups. */
#include "sim/replay/bus_ranges.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "suite.h"

static struct bus_ranges *ranges;

static void set_up(void)
{
    ck_assert_int_eq(bus_ranges_new(&ranges), VMC_OK);
}

static void tear_down(void)
{
    bus_ranges_free(ranges);
}

static const char *name_of(enum bus_space space, uint64_t addr)
{
    return bus_ranges_at(ranges, bus_ranges_find(ranges, space, addr))->name;
}

static const struct {
    const char *text;
    bool is_good;
    enum bus_space space;
    uint64_t first, last;
    const char *name;
    enum bus_claim claim;
} texts[] = {
    {"0x10-0x1f", true, BUS_PIO, 0x10, 0x1f, "0x10-0x1f", BUS_CLAIM_NONE},
    {"16-31", true, BUS_PIO, 16, 31, "0x10-0x1f", BUS_CLAIM_NONE},
    {"0x10-0x10:mmio", true, BUS_MMIO, 0x10, 0x10, "0x10-0x10", BUS_CLAIM_NONE},
    {"0xfe000000-0xfe003fff", true, BUS_MMIO, 0xfe000000, 0xfe003fff,
     "0xfe000000-0xfe003fff", BUS_CLAIM_NONE},
    {"0xffff-0x10000", true, BUS_MMIO, 0xffff, 0x10000, "0xffff-0x10000",
     BUS_CLAIM_NONE},
    {" 0x1000-0x10ff:iocsr\tipi  exit ", true, BUS_IOCSR, 0x1000, 0x10ff, "ipi",
     BUS_CLAIM_USER},
    {"0x500-0x503:pio bell ioeventfd", true, BUS_PIO, 0x500, 0x503, "bell",
     BUS_CLAIM_EVENT},
    {"0-0xffffffffffffffff:mmio all kernel", true, BUS_MMIO, 0, UINT64_MAX,
     "all", BUS_CLAIM_KERNEL},
    {"0x20-0x21 pic coalesced", true, BUS_PIO, 0x20, 0x21, "pic",
     BUS_CLAIM_RING},
    {"", false, 0, 0, 0, "", 0},
    {"0x10", false, 0, 0, 0, "", 0},
    {"0x10-", false, 0, 0, 0, "", 0},
    {"-0x10", false, 0, 0, 0, "", 0},
    {"0x1f-0x10", false, 0, 0, 0, "", 0},
    {"0x10-0x1g", false, 0, 0, 0, "", 0},
    {"0x10-0x1ffffffffffffffff", false, 0, 0, 0, "", 0},
    {"0x10-0x20:ports", false, 0, 0, 0, "", 0},
    {"0x10-0x20:", false, 0, 0, 0, "", 0},
    {"0x10-0x10000:pio", false, 0, 0, 0, "", 0},
    {"0x10-0x20 name claim", false, 0, 0, 0, "", 0},
    {"0x10-0x20 name exit more", false, 0, 0, 0, "", 0},
};

START_TEST(a_range_is_read_or_refused_with_a_line)
{
    struct vmc_error error = {""};
    enum vmc_status status = bus_ranges_add(ranges, texts[_i].text, &error);
    const struct bus_range *range;

    ck_assert_int_eq(status, texts[_i].is_good ? VMC_OK : VMC_E_USAGE);
    ck_assert_uint_eq(bus_ranges_added(ranges), texts[_i].is_good);
    if (!texts[_i].is_good) {
        ck_assert_ptr_nonnull(strstr(error.text, "START-END"));
        return;
    }
    range = bus_ranges_at(ranges, 0);
    ck_assert_uint_eq(range->space, texts[_i].space);
    ck_assert_uint_eq(range->first, texts[_i].first);
    ck_assert_uint_eq(range->last, texts[_i].last);
    ck_assert_uint_eq(range->claim, texts[_i].claim);
    ck_assert_str_eq(range->name, texts[_i].name);
    ck_assert(range->is_added);
}
END_TEST

START_TEST(the_first_that_fits_is_taken)
{
    struct vmc_error error;

    ck_assert_int_eq(bus_ranges_add(ranges, "0x3c0-0x3c9 dac", &error), VMC_OK);
    ck_assert_int_eq(bus_ranges_add(ranges, "0x3c9-0x3cf rest", &error),
                     VMC_OK);
    bus_ranges_begin(ranges);
    for (int again = 0; again < 2; again++) { /* the second time it is kept */
        ck_assert_str_eq(name_of(BUS_PIO, 0x3c9), "dac");
        ck_assert_str_eq(name_of(BUS_PIO, 0x3ca), "rest");
        ck_assert_str_eq(name_of(BUS_PIO, 0x3d4), "vga");
        ck_assert_str_eq(name_of(BUS_PIO, 0x1234), "0x1230-0x123f");
        ck_assert_str_eq(name_of(BUS_MMIO, 0x1234), "0x1000-0x1fff");
        ck_assert_str_eq(name_of(BUS_IOCSR, 0x1234), "0x1200-0x12ff");
        ck_assert_str_eq(name_of(BUS_MMIO, 0xbffff), "vga memory");
        ck_assert_str_eq(name_of(BUS_MMIO, 0xc0000), "0xc0000-0xc0fff");
        ck_assert_str_eq(name_of(BUS_MMIO, UINT64_MAX),
                         "0xfffffffffffff000-0xffffffffffffffff");
    }
}
END_TEST

START_TEST(a_range_inside_a_page_does_not_hide_behind_the_page)
{
    struct vmc_error error;

    ck_assert_int_eq(
        bus_ranges_add(ranges, "0xfe000010-0xfe000013 bell", &error), VMC_OK);
    bus_ranges_begin(ranges);
    for (int again = 0; again < 2; again++) {
        ck_assert_str_eq(name_of(BUS_MMIO, 0xfe000000),
                         "0xfe000000-0xfe000fff");
        ck_assert_str_eq(name_of(BUS_MMIO, 0xfe000010), "bell");
        ck_assert_str_eq(name_of(BUS_MMIO, 0xfe000014),
                         "0xfe000000-0xfe000fff");
        ck_assert_str_eq(name_of(BUS_MMIO, 0xfed00000), "hpet");
        ck_assert_str_eq(name_of(BUS_MMIO, 0xfed00400),
                         "0xfed00000-0xfed00fff");
    }
}
END_TEST

/* The table is obviously right when it agrees with one that is asked anew. */
START_TEST(what_is_kept_is_what_is_found)
{
    bus_ranges_begin(ranges);
    for (uint32_t port = 0; port < 65536; port += 7) {
        uint32_t first = bus_ranges_find(ranges, BUS_PIO, port);

        ck_assert_uint_eq(bus_ranges_find(ranges, BUS_PIO, port), first);
        if (first < bus_ranges_count(ranges) &&
            strcmp(bus_ranges_at(ranges, first)->name, "other") != 0) {
            ck_assert(bus_ranges_at(ranges, first)->first <= port &&
                      bus_ranges_at(ranges, first)->last >= port);
        }
    }
    ck_assert_uint_le(bus_ranges_count(ranges), BUS_RANGES_MAX);
}
END_TEST

START_TEST(beyond_the_limit_everything_is_one_range)
{
    bus_ranges_begin(ranges);
    for (uint64_t page = 0; page < BUS_RANGES_MAX; page++) {
        (void)bus_ranges_find(ranges, BUS_MMIO, 0x100000000 + page * 4096);
    }
    ck_assert_str_eq(name_of(BUS_MMIO, 0x900000000), "other");
    ck_assert_str_eq(name_of(BUS_MMIO, 0x100000000), "0x100000000-0x100000fff");
    ck_assert_uint_eq(bus_ranges_count(ranges), BUS_RANGES_MAX);
}
END_TEST

START_TEST(a_file_is_read_and_its_bad_line_named)
{
    char path[] = "/tmp/vmc-ranges-XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");
    struct vmc_error error = {""};

    ck_assert_ptr_nonnull(file);
    (void)fputs("# devices\n\n0x500-0x503 bell ioeventfd # a doorbell\n"
                "  0xfe000000-0xfe000fff:mmio nic\n",
                file);
    (void)fflush(file);
    ck_assert_int_eq(bus_ranges_add_file(ranges, path, &error), VMC_OK);
    ck_assert_uint_eq(bus_ranges_added(ranges), 2);
    (void)fputs("0x10\n", file);
    (void)fclose(file);
    ck_assert_int_eq(bus_ranges_add_file(ranges, path, &error), VMC_E_USAGE);
    ck_assert_ptr_nonnull(strstr(error.text, ":5: "));
    (void)unlink(path);
    ck_assert_int_eq(bus_ranges_add_file(ranges, path, &error), VMC_E_IO);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("bus_ranges");
    TCase *c = tcase_create("bus_ranges");

    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_loop_test(c, a_range_is_read_or_refused_with_a_line, 0,
                        VMC_COUNT_OF(texts));
    tcase_add_test(c, the_first_that_fits_is_taken);
    tcase_add_test(c, a_range_inside_a_page_does_not_hide_behind_the_page);
    tcase_add_test(c, what_is_kept_is_what_is_found);
    tcase_add_test(c, beyond_the_limit_everything_is_one_range);
    tcase_add_test(c, a_file_is_read_and_its_bad_line_named);
    return s;
}
