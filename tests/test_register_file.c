/* SPDX-License-Identifier: MIT */
/* The register file of a device process: kinds, parts of registers, windows,
 * and every way to write a line wrongly. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "sim/live/register_file.h"
#include "suite.h"

static struct register_file file;
static struct vmc_error error;

static void add(const char *line)
{
    ck_assert_msg(register_file_add(&file, line, &error) == VMC_OK, "%s: %s",
                  line, error.text);
}

static uint64_t read_at(uint64_t offset, uint8_t length_bytes)
{
    struct register_access access = {.offset = offset,
                                     .length_bytes = length_bytes};

    (void)register_file_access(&file, &access);
    return access.data;
}

static bool write_at(uint64_t offset, uint8_t length_bytes, uint64_t data)
{
    struct register_access access = {.offset = offset,
                                     .length_bytes = length_bytes,
                                     .data = data,
                                     .is_write = true};

    return register_file_access(&file, &access);
}

static const struct {
    const char *kind;
    uint64_t first, written, second, third; /* read, write, read, read */
} kinds[] = {
    {"rw", 0xf0, 0x35, 0x35, 0x35},
    {"ro", 0xf0, 0x35, 0xf0, 0xf0},
    {"wo", 0, 0x35, 0, 0},
    {"w1c", 0xf0, 0x35, 0xc0, 0xc0},
    {"rc", 0xf0, 0x35, 0, 0},
    {"counter", 0xf0, 0x35, 0x35, 0x36},
    {"tally", 0xf0, 0x35, 0xf1, 0xf1},
    {"sum", 0xf0, 0x35, 0x25, 0x25},
};

START_TEST(each_kind_does_what_it_says)
{
    char line[64];

    memset(&file, 0, sizeof(file));
    (void)snprintf(line, sizeof(line), "8:1:%s:0xf0:it", kinds[_i].kind);
    add(line);
    ck_assert_uint_eq(read_at(8, 1), kinds[_i].first);
    ck_assert(write_at(8, 1, kinds[_i].written));
    ck_assert_uint_eq(read_at(8, 1), kinds[_i].second);
    ck_assert_uint_eq(read_at(8, 1), kinds[_i].third);
    register_file_reset(&file);
    ck_assert_uint_eq(register_file_find(&file, "it")->value, 0xf0);
}
END_TEST

START_TEST(what_is_written_only_can_be_seen_by_name)
{
    memset(&file, 0, sizeof(file));
    add("0 2 wo 0 doorbell");
    ck_assert(write_at(0, 2, 0xabcd));
    ck_assert_uint_eq(read_at(0, 2), 0);
    ck_assert_uint_eq(register_file_find(&file, "doorbell")->value, 0xabcd);
    ck_assert_ptr_null(register_file_find(&file, "bell"));
}
END_TEST

START_TEST(numbers_wrap_at_the_width_of_their_register)
{
    memset(&file, 0, sizeof(file));
    add("0 1 counter 0xff reads");
    add("1 1 tally 0xff writes");
    add("2 1 sum 0xff all");
    (void)read_at(0, 1);
    ck_assert(write_at(1, 1, 0));
    ck_assert(write_at(2, 1, 3));
    ck_assert_uint_eq(register_file_find(&file, "reads")->value, 0);
    ck_assert_uint_eq(register_file_find(&file, "writes")->value, 0);
    ck_assert_uint_eq(register_file_find(&file, "all")->value, 2);
}
END_TEST

START_TEST(a_reset_clears_ram)
{
    memset(&file, 0, sizeof(file));
    add("0 16 ram");
    ck_assert(write_at(8, 8, UINT64_MAX));
    register_file_reset(&file);
    ck_assert_uint_eq(read_at(8, 8), 0);
}
END_TEST

START_TEST(an_access_reaches_parts_and_neighbours)
{
    memset(&file, 0, sizeof(file));
    add("4 4 rw 0x44332211");
    add("0 4 w1c 0xffffffff");
    add("8 16 ram");
    ck_assert_uint_eq(read_at(5, 2), 0x3322);
    ck_assert_uint_eq(read_at(2, 4), 0x2211ffff);
    ck_assert(write_at(2, 4, 0xbbaa0ff0));
    ck_assert_uint_eq(read_at(0, 8), 0x4433bbaaf00fffff);
    ck_assert(write_at(7, 4, 0x03020100));
    ck_assert_uint_eq(read_at(4, 4), 0x0033bbaa);
    ck_assert_uint_eq(read_at(8, 8), 0x030201);
    ck_assert_uint_eq(read_at(22, 2), 0);
}
END_TEST

START_TEST(a_byte_of_nobody_reads_as_zero_and_is_reported)
{
    struct register_access access = {.offset = 2, .length_bytes = 4};

    memset(&file, 0, sizeof(file));
    ck_assert(!register_file_access(&file, &access));
    add("0 4 ro 0xffffffff");
    ck_assert(!register_file_access(&file, &access));
    ck_assert_uint_eq(access.data, 0xffff);
    access.offset = 0;
    ck_assert(register_file_access(&file, &access));
    access.offset = UINT64_MAX - 1;
    ck_assert(!register_file_access(&file, &access));
    ck_assert_uint_eq(access.data, 0);
    ck_assert(write_at(100, 0, 0));
    ck_assert(!write_at(100, 1, 0));
}
END_TEST

START_TEST(windows_are_told_apart_by_user_data)
{
    static const struct {
        uint64_t user_data, value;
    } rows[] = {{7, 0x77}, {8, 0x88}, {9, 0x11}, {0, 0x11}};

    memset(&file, 0, sizeof(file));
    add("0 1 ro 0x11");
    add("window 7");
    add("0 1 ro 0x77");
    add("window 8");
    add("0 1 ro 0x88");
    for (size_t i = 0; i < VMC_COUNT_OF(rows); i++) {
        struct register_access access = {.user_data = rows[i].user_data,
                                         .length_bytes = 1};

        ck_assert(register_file_access(&file, &access));
        ck_assert_uint_eq(access.data, rows[i].value);
    }
}
END_TEST

static const struct {
    const char *line, *why;
} bad_lines[] = {
    {"0", "expected"},
    {"0 4", "expected"},
    {"zero 4 rw", "expected"},
    {"0 four rw", "expected"},
    {"0 4 rw x", "expected"},
    {"0 4 rx", "no register is of kind 'rx'"},
    {"0 3 rw", "width"},
    {"0 0 rw", "width"},
    {"0 16 rw", "width"},
    {"0 0 ram", "width"},
    {"0 65537 ram", "width"},
    {"0 1 rw 0x100", "too large"},
    {"0 4 ram 1", "too large"},
    {"0xfffffffffffffffe 4 rw", "too large"},
    {"0 1 rw 0 name more", "too long"},
    {"0 1 rw 0 a-name-of-twenty-four-let", "letters"},
    {"window", "expected"},
    {"window x", "expected"},
    {"window 7", "twice"},
    {"0x13 1 rw", "overlap"},
    {"0x0f 2 rw", "overlap"},
    {"0x10 4 rw", "overlap"},
    {"0x20 65536 ram", "bytes of ram"},
};

START_TEST(a_bad_line_is_refused_and_changes_nothing)
{
    static struct register_file before;

    memset(&file, 0, sizeof(file));
    add("window 7 # comment");
    add("  # nothing");
    add("");
    add("0x10 4 rw");
    add("0x1000 1 ram");
    before = file;
    ck_assert_int_ne(register_file_add(&file, bad_lines[_i].line, &error),
                     VMC_OK);
    ck_assert_msg(strstr(error.text, bad_lines[_i].why) != NULL, "%s: %s",
                  bad_lines[_i].line, error.text);
    ck_assert_mem_eq(&before, &file, sizeof(file));
}
END_TEST

START_TEST(there_is_a_limit_to_registers_and_windows)
{
    char line[64];

    memset(&file, 0, sizeof(file));
    for (int i = 0; i < REGISTERS_MAX; i++) {
        (void)snprintf(line, sizeof(line), "%d 1 rw", i);
        add(line);
    }
    ck_assert_int_eq(register_file_add(&file, "1000 1 rw", &error),
                     VMC_E_RANGE);
    for (int i = 1; i < REGISTER_WINDOWS_MAX; i++) {
        (void)snprintf(line, sizeof(line), "window %d", i);
        add(line);
    }
    ck_assert_int_eq(register_file_add(&file, "window 99", &error),
                     VMC_E_RANGE);
}
END_TEST

START_TEST(a_file_names_the_line_that_is_wrong)
{
    char path[] = "/tmp/vmcycle-registers-XXXXXX";
    int fd = mkstemp(path);
    FILE *out = fdopen(fd, "w");

    (void)fputs("# device\n0 4 rw\n\n4 4 rq\n", out);
    (void)fclose(out);
    memset(&file, 0, sizeof(file));
    ck_assert_int_eq(register_file_load(&file, path, &error), VMC_E_FORMAT);
    ck_assert_ptr_nonnull(strstr(error.text, ":4: no register"));
    (void)unlink(path);
    ck_assert_int_eq(register_file_load(&file, path, &error), VMC_E_IO);
}
END_TEST

/* A window of single bytes and one of wide registers hold the same bytes. */
START_TEST(registers_are_bytes_whatever_their_width)
{
    static uint8_t twin[64];
    static const char *const lines[] = {"0 8 rw",  "8 4 rw",  "12 1 rw",
                                        "13 1 rw", "14 2 rw", "16 40 ram",
                                        "56 8 rw"};
    struct vmc_rng rng;

    vmc_rng_init(&rng, (uint64_t)_i);
    memset(&file, 0, sizeof(file));
    memset(twin, 0, sizeof(twin));
    for (size_t i = VMC_COUNT_OF(lines); i > 0; i--) {
        add(lines[i - 1]);
    }
    for (int step = 0; step < 4000; step++) {
        uint8_t length_bytes = (uint8_t)(1 + vmc_rng_below(&rng, 8));
        uint64_t offset = vmc_rng_below(&rng, 65U - length_bytes);
        uint64_t data = vmc_rng_next(&rng), expected = 0;

        if (vmc_rng_below(&rng, 2) == 0) {
            ck_assert(write_at(offset, length_bytes, data));
            for (int i = 0; i < length_bytes; i++) {
                twin[offset + (uint64_t)i] = (uint8_t)(data >> 8 * i);
            }
            continue;
        }
        for (int i = 0; i < length_bytes; i++) {
            expected |= (uint64_t)twin[offset + (uint64_t)i] << 8 * i;
        }
        ck_assert_uint_eq(read_at(offset, length_bytes), expected);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("register_file");
    TCase *c = tcase_create("register_file");

    suite_add_tcase(s, c);
    tcase_add_loop_test(c, each_kind_does_what_it_says, 0,
                        (int)VMC_COUNT_OF(kinds));
    tcase_add_test(c, what_is_written_only_can_be_seen_by_name);
    tcase_add_test(c, numbers_wrap_at_the_width_of_their_register);
    tcase_add_test(c, a_reset_clears_ram);
    tcase_add_test(c, an_access_reaches_parts_and_neighbours);
    tcase_add_test(c, a_byte_of_nobody_reads_as_zero_and_is_reported);
    tcase_add_test(c, windows_are_told_apart_by_user_data);
    tcase_add_loop_test(c, a_bad_line_is_refused_and_changes_nothing, 0,
                        (int)VMC_COUNT_OF(bad_lines));
    tcase_add_test(c, there_is_a_limit_to_registers_and_windows);
    tcase_add_test(c, a_file_names_the_line_that_is_wrong);
    tcase_add_loop_test(c, registers_are_bytes_whatever_their_width, 1, 6);
    return s;
}
