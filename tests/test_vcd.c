/* SPDX-License-Identifier: MIT */
/* Waveforms: the text that is written, and what is left out. A reader that
 * nobody here wrote looks at them in tests/program/test_waves.py. */
#include "trace/vcd.h"

#include <stdlib.h>
#include <string.h>

#include "suite.h"

static char *text;
static size_t text_bytes;
static FILE *file;
static struct vmc_vcd *vcd;

static void open_vcd(const char *pattern, uint64_t from, uint64_t until)
{
    const struct vmc_vcd_config config = {pattern, from, until, 200};

    file = open_memstream(&text, &text_bytes);
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(vmc_vcd_new(&vcd, file, &config), VMC_OK);
}

static const char *close_vcd(uint64_t tick)
{
    ck_assert_int_eq(vmc_vcd_end(vcd, tick), VMC_OK);
    vmc_vcd_free(vcd);
    ck_assert_int_eq(fclose(file), 0);
    return text;
}

static const char head[] = "$version vmcycle $end\n$timescale 1ps $end\n";

START_TEST(changes_are_written_with_their_times)
{
    uint32_t line, word;
    char expected[1024];

    open_vcd(NULL, 0, UINT64_MAX);
    line = vmc_vcd_add(vcd, "machine.cpu0.IS3", 1);
    word = vmc_vcd_add(vcd, "machine.eiointc.status", 8);
    vmc_vcd_change(vcd, 5, line, 1);
    vmc_vcd_change(vcd, 5, word, 0x105); /* cut to its eight bits */
    vmc_vcd_change(vcd, 9, line, 1);     /* no change */
    vmc_vcd_change(vcd, 12, line, 0);
    vmc_vcd_change(vcd, 12, word, 0);
    ck_assert_uint_eq(vmc_vcd_change_count(vcd), 4);
    (void)snprintf(expected, sizeof(expected),
                   "%s$scope module machine $end\n$scope module cpu0 $end\n"
                   "$var wire 1 ! IS3 $end\n$upscope $end\n"
                   "$scope module eiointc $end\n"
                   "$var wire 8 \" status $end\n"
                   "$upscope $end\n$upscope $end\n"
                   "$enddefinitions $end\n#0\n$dumpvars\nx!\nbx \"\n$end\n"
                   "#5\n1!\nb101 \"\n#12\n0!\nb0 \"\n#20\n",
                   head);
    ck_assert_str_eq(close_vcd(20), expected);
    free(text);
}
END_TEST

START_TEST(a_window_starts_with_the_values_of_its_start)
{
    uint32_t a, b;

    open_vcd(NULL, 100, 200);
    a = vmc_vcd_add(vcd, "a", 1);
    b = vmc_vcd_add(vcd, "b", 1);
    vmc_vcd_change(vcd, 5, a, 1);
    vmc_vcd_change(vcd, 150, b, 1);
    vmc_vcd_change(vcd, 201, a, 0);
    ck_assert_ptr_nonnull(strstr(close_vcd(300),
                                 "#100\n$dumpvars\n1!\nx\"\n$end\n"
                                 "#150\n1\"\n#200\n"));
    ck_assert_ptr_null(strstr(text, "0!"));
    free(text);
}
END_TEST

START_TEST(only_selected_signals_are_written)
{
    uint32_t chosen, other;

    open_vcd("*.cpu1.*", 0, UINT64_MAX);
    other = vmc_vcd_add(vcd, "m.cpu0.IS3", 1);
    chosen = vmc_vcd_add(vcd, "m.cpu1.IS3", 1);
    ck_assert_uint_eq(other, VMC_VCD_NOT_SELECTED);
    vmc_vcd_change(vcd, 1, other, 1);
    vmc_vcd_change(vcd, 2, chosen, 1);
    ck_assert_uint_eq(vmc_vcd_change_count(vcd), 1);
    ck_assert_ptr_null(strstr(close_vcd(3), "cpu0"));
    free(text);
}
END_TEST

START_TEST(many_signals_have_different_codes_and_wide_values_fit)
{
    uint32_t signals[200];
    char name[32];

    open_vcd(NULL, 0, UINT64_MAX);
    for (uint32_t i = 0; i < 200; i++) {
        (void)snprintf(name, sizeof(name), "s%u", (unsigned)i);
        signals[i] = vmc_vcd_add(vcd, name, 64);
    }
    for (uint64_t t = 0; t < 20; t++) { /* more than the buffer holds */
        for (uint32_t i = 0; i < 200; i++) {
            vmc_vcd_change(vcd, t, signals[i], ~UINT64_C(0) - t);
        }
    }
    (void)close_vcd(20);
    ck_assert_ptr_nonnull(strstr(text, "$var wire 64 !\" s94 $end"));
    ck_assert_ptr_nonnull(
        strstr(text, "b111111111111111111111111111111111111111111111111111111"
                     "1111111111 !\n"));
    free(text);
}
END_TEST

START_TEST(nothing_at_all_is_still_a_file)
{
    open_vcd(NULL, 0, UINT64_MAX);
    (void)vmc_vcd_add(vcd, "a", 1);
    ck_assert_ptr_nonnull(strstr(close_vcd(0), "#0\n$dumpvars\nx!\n$end\n"));
    free(text);
}
END_TEST

START_TEST(a_full_disk_is_noticed)
{
    const struct vmc_vcd_config config = {NULL, 0, UINT64_MAX, 4};
    uint32_t signal;

    file = fopen("/dev/full", "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(vmc_vcd_new(&vcd, file, &config), VMC_OK);
    signal = vmc_vcd_add(vcd, "a", 64);
    for (uint64_t t = 0; t < 10000; t++) {
        vmc_vcd_change(vcd, t, signal, t);
    }
    ck_assert_int_eq(vmc_vcd_end(vcd, 10000), VMC_E_IO);
    vmc_vcd_free(vcd);
    (void)fclose(file);
}
END_TEST

START_TEST(numbers_outside_their_limits_are_refused)
{
    struct vmc_vcd_config config = {NULL, 0, 0, 0};

    ck_assert_int_eq(vmc_vcd_new(&vcd, stdout, &config), VMC_E_RANGE);
    config.signals_max = VMC_VCD_SIGNALS_MAX + 1;
    ck_assert_int_eq(vmc_vcd_new(&vcd, stdout, &config), VMC_E_RANGE);
    ck_assert_ptr_null(vcd);
    vmc_vcd_free(NULL);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vcd");
    TCase *c = tcase_create("vcd");

    suite_add_tcase(s, c);
    tcase_add_test(c, changes_are_written_with_their_times);
    tcase_add_test(c, a_window_starts_with_the_values_of_its_start);
    tcase_add_test(c, only_selected_signals_are_written);
    tcase_add_test(c, many_signals_have_different_codes_and_wide_values_fit);
    tcase_add_test(c, nothing_at_all_is_still_a_file);
    tcase_add_test(c, a_full_disk_is_noticed);
    tcase_add_test(c, numbers_outside_their_limits_are_refused);
    return s;
}
