/* SPDX-License-Identifier: MIT */
/* Waveforms: the text that is written, and what is left out. A reader that
 * nobody here wrote looks at them in tests/program/test_waves.py. */
#include "trace/vcd.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "suite.h"

static char *text;
static size_t text_bytes;
static FILE *file;
static struct vmc_vcd *vcd;
static struct vmc_error trouble;

static void open_vcd(const char *patterns, uint64_t from, uint64_t until)
{
    const struct vmc_vcd_config config = {patterns, from, until, 9000};

    file = open_memstream(&text, &text_bytes);
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(vmc_vcd_new(&vcd, file, &config, &trouble), VMC_OK);
}

static const char *close_vcd(uint64_t tick)
{
    ck_assert_int_eq(vmc_vcd_end(vcd, tick), VMC_OK);
    vmc_vcd_free(vcd);
    ck_assert_int_eq(fclose(file), 0);
    return text;
}

/* What comes after the head. */
static const char *body(void)
{
    const char *end = strstr(text, "$enddefinitions $end\n");

    ck_assert_ptr_nonnull(end);
    return end + strlen("$enddefinitions $end\n");
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

START_TEST(initial_values_and_remarks_are_in_the_head)
{
    uint32_t word;

    open_vcd(NULL, 0, UINT64_MAX);
    vmc_vcd_remark(vcd, "one");
    vmc_vcd_remark(vcd, "two");
    word = vmc_vcd_add(vcd, "word", 4);
    vmc_vcd_set(vcd, word, 0x1c);
    vmc_vcd_set(vcd, VMC_VCD_NOT_SELECTED, 1);
    vmc_vcd_change(vcd, 7, word, 0xc); /* it is that already */
    (void)close_vcd(7);
    ck_assert_ptr_nonnull(strstr(
        text, "$version vmcycle $end\n$comment\n    one\n    two\n$end\n"));
    ck_assert_str_eq(body(), "#0\n$dumpvars\nb1100 !\n$end\n#7\n");
    free(text);
}
END_TEST

/* A window of time, changes of a at 5, 100, 150 and 201, and what is left. */
static const struct {
    uint64_t from, until, end;
    const char *body;
} windows[] = {
    {0, UINT64_MAX, 300,
     "#0\n$dumpvars\nx!\n$end\n#5\n1!\n#100\n0!\n#150\n1!\n"
     "#201\n0!\n#300\n"},
    {100, 200, 300, "#100\n$dumpvars\n1!\n$end\n0!\n#150\n1!\n#200\n"},
    {101, 200, 300, "#101\n$dumpvars\n0!\n$end\n#150\n1!\n#200\n"},
    {101, 201, 201, "#101\n$dumpvars\n0!\n$end\n#150\n1!\n#201\n0!\n"},
    {160, 200, 300, "#160\n$dumpvars\n1!\n$end\n#200\n"},
    {250, 260, 300, "#250\n$dumpvars\n0!\n$end\n#260\n"},
    {0, 4, 300, "#0\n$dumpvars\nx!\n$end\n#4\n"},
};

START_TEST(a_window_starts_with_the_values_of_its_start)
{
    uint32_t a;

    open_vcd(NULL, windows[_i].from, windows[_i].until);
    a = vmc_vcd_add(vcd, "a", 1);
    vmc_vcd_change(vcd, 5, a, 1);
    vmc_vcd_change(vcd, 100, a, 0);
    vmc_vcd_change(vcd, 150, a, 1);
    vmc_vcd_change(vcd, 201, a, 0);
    (void)close_vcd(windows[_i].end);
    ck_assert_str_eq(body(), windows[_i].body);
    free(text);
}
END_TEST

static const struct {
    const char *patterns, *name;
    bool is_clock, is_selected;
} selections[] = {
    {NULL, "m.cpu0.IS3", false, true},
    {"*.cpu1.*", "m.cpu0.IS3", false, false},
    {"*.cpu1.*", "m.cpu1.IS3", false, true},
    {"*.cpu1.*,m.cpu0.*", "m.cpu0.IS3", false, true},
    {"m.cpu[23].IS?", "m.cpu0.IS3", false, false},
    {"m.cpu[23].IS?", "m.cpu3.IS3", false, true},
    {"m.cpu[23].IS?", "m.cpu3.IS12", false, false},
    {"M.*", "m.cpu3.IS12", false, false},
    {NULL, "clock.cpu", true, false},
    {"*", "clock.cpu", true, false},
    {"?lock.cpu", "clock.cpu", true, false},
    {"[c]lock.cpu", "clock.cpu", true, false},
    {"clock.*", "clock.cpu", true, true},
    {"c*", "clock.cpu", true, true},
    {"*,clock.cpu", "clock.cpu", true, true},
};

START_TEST(only_selected_signals_are_written)
{
    uint32_t number = 0;

    open_vcd(selections[_i].patterns, 0, 1000);
    if (selections[_i].is_clock) {
        vmc_vcd_add_clock(vcd, selections[_i].name, 10);
    } else {
        number = vmc_vcd_add(vcd, selections[_i].name, 1);
        ck_assert_int_eq(number != VMC_VCD_NOT_SELECTED,
                         selections[_i].is_selected);
        vmc_vcd_change(vcd, 1, number, 1);
    }
    (void)close_vcd(10);
    ck_assert_int_eq(strstr(text, "$var") != NULL, selections[_i].is_selected);
    ck_assert_int_eq(strstr(text, "1!\n") != NULL, selections[_i].is_selected);
    free(text);
}
END_TEST

static enum vmc_status check_selection(const char *patterns, uint64_t until)
{
    enum vmc_status status;

    open_vcd(patterns, 0, until);
    vmc_vcd_add_clock(vcd, "clock.fast", 1);
    vmc_vcd_add_clock(vcd, "clock.slow", 100);
    for (uint32_t i = 0; i < 30; i++) {
        char name[32];

        (void)snprintf(name, sizeof(name), "cpu%u.mode", (unsigned)i);
        (void)vmc_vcd_add(vcd, name, 2);
        (void)snprintf(name, sizeof(name), "cpu%u.IS12", (unsigned)i);
        (void)vmc_vcd_add(vcd, name, 1);
    }
    status = vmc_vcd_check(vcd, &trouble);
    (void)close_vcd(0);
    free(text);
    return status;
}

static const struct {
    const char *patterns;
    uint64_t until;
    const char *says; /* NULL: nothing, for it is good */
} checks[] = {
    {NULL, UINT64_MAX, NULL},
    {"*", UINT64_MAX, NULL},
    {"cpu0.*,cpu1.mode", UINT64_MAX, NULL},
    {"cpu0.*,cpu99.*", UINT64_MAX,
     "no signal matches 'cpu99.*'; there are: clock.fast, clock.slow, "
     "cpu*.mode, cpu*.IS*"},
    {"clock.slow", 1000, NULL},
    {"clock.slow", UINT64_MAX,
     "a clock needs a window with an end: clock.slow has a period of 100 ps"},
    {"clock.slow", UINT64_C(5000000000), NULL},
    {"clock.slow", UINT64_C(5000000050),
     "clock.slow has too many edges in the window: 100000001 of at most "
     "100000000; make it narrower"},
    {"clock.*", 1000, "clock.fast has a period of 1 ps, which has no half"},
};

START_TEST(what_cannot_be_written_is_told_beforehand)
{
    enum vmc_status status =
        check_selection(checks[_i].patterns, checks[_i].until);

    ck_assert_int_eq(status, checks[_i].says == NULL ? VMC_OK : VMC_E_USAGE);
    if (checks[_i].says != NULL) {
        ck_assert_str_eq(trouble.text, checks[_i].says);
    }
}
END_TEST

START_TEST(clocks_tick_between_the_changes_of_others)
{
    uint32_t a;

    open_vcd("*,clock.*", 12, 40);
    vmc_vcd_add_clock(vcd, "clock.ten", 10);
    vmc_vcd_add_clock(vcd, "clock.seven", 7); /* up 3, down 4 */
    a = vmc_vcd_add(vcd, "a", 1);
    ck_assert_int_eq(vmc_vcd_check(vcd, &trouble), VMC_OK);
    vmc_vcd_change(vcd, 20, a, 1);
    vmc_vcd_change(vcd, 29, a, 0);
    vmc_vcd_change(vcd, 30, a, 1); /* at the next edge */
    vmc_vcd_change(vcd, 35, a, 0);
    ck_assert_uint_eq(vmc_vcd_change_count(vcd), 16);
    (void)close_vcd(39);
    ck_assert_str_eq(body(), "#12\n$dumpvars\n1!\n0\"\nx#\n$end\n"
                             "#14\n1\"\n#15\n0!\n#17\n0\"\n#20\n1!\n1#\n"
                             "#21\n1\"\n#24\n0\"\n#25\n0!\n#28\n1\"\n"
                             "#29\n0#\n#30\n1!\n1#\n#31\n0\"\n"
                             "#35\n0!\n1\"\n0#\n#38\n0\"\n#39\n");
    free(text);
}
END_TEST

/* A clock of 7, up for 3, in a window from _i on. */
START_TEST(a_clock_begins_as_its_edges_have_left_it)
{
    uint64_t from = (uint64_t)_i;
    char expected[64];

    open_vcd("clock", from, 100);
    vmc_vcd_add_clock(vcd, "clock", 7);
    (void)close_vcd(from + 7);
    (void)snprintf(expected, sizeof(expected),
                   "#%" PRIu64 "\n$dumpvars\n%d!\n$end\n", from, from % 7 < 3);
    ck_assert_int_eq(strncmp(body(), expected, strlen(expected)), 0);
    for (uint64_t tick = from + 1; tick <= from + 7; tick++) {
        (void)snprintf(expected, sizeof(expected), "#%" PRIu64 "\n%d!\n", tick,
                       tick % 7 == 0);
        ck_assert_int_eq(strstr(body(), expected) != NULL,
                         tick % 7 == 0 || tick % 7 == 3);
    }
    free(text);
}
END_TEST

START_TEST(many_signals_have_different_codes_and_wide_values_fit)
{
    static uint32_t signals[9000];
    char name[32];

    open_vcd(NULL, 0, UINT64_MAX);
    for (uint32_t i = 0; i < 9000; i++) {
        (void)snprintf(name, sizeof(name), "s%u", (unsigned)i);
        signals[i] = vmc_vcd_add(vcd, name, 64);
    }
    for (uint64_t t = 0; t < 2; t++) { /* more than the buffer holds */
        for (uint32_t i = 0; i < 9000; i++) {
            vmc_vcd_change(vcd, t, signals[i], ~UINT64_C(0) - t);
        }
    }
    (void)close_vcd(20);
    ck_assert_ptr_nonnull(strstr(text, "$var wire 64 ~ s93 $end"));
    ck_assert_ptr_nonnull(strstr(text, "$var wire 64 !\" s94 $end"));
    ck_assert_ptr_nonnull(strstr(text, "$var wire 64 !!\" s8836 $end"));
    ck_assert_ptr_nonnull(
        strstr(text, "b111111111111111111111111111111111111111111111111111111"
                     "1111111111 !\n"));
    ck_assert_ptr_nonnull(
        strstr(text, "b111111111111111111111111111111111111111111111111111111"
                     "1111111110 !!\"\n"));
    free(text);
}
END_TEST

/* ---- Against a plain judge ---------------------------------------------- */

enum { SIGNALS = 120, STEPS = 20000 };

/* Append what the text must be, the slow way. */
static void judge(FILE *to, uint64_t *shown_tick, uint64_t tick, uint32_t width,
                  uint64_t value, uint32_t number)
{
    bool is_begun = false;

    if (*shown_tick != tick) {
        (void)fprintf(to, "#%" PRIu64 "\n", tick);
        *shown_tick = tick;
    }
    if (width == 1) {
        (void)fprintf(to, "%u", (unsigned)value);
    } else {
        (void)fprintf(to, "b");
        for (uint32_t bit = width; bit > 0; bit--) {
            bool is_set = (value >> (bit - 1) & 1) != 0;

            is_begun |= is_set || bit == 1;
            if (is_begun) {
                (void)fprintf(to, "%d", is_set);
            }
        }
        (void)fprintf(to, " ");
    }
    (void)fprintf(to, "%c", (int)('!' + number % 94));
    if (number >= 94) {
        (void)fprintf(to, "%c", (int)('!' + number / 94));
    }
    (void)fprintf(to, "\n");
}

START_TEST(any_values_at_any_times_are_written_as_a_plain_writer_would)
{
    struct vmc_rng rng;
    uint32_t numbers[SIGNALS], widths[SIGNALS];
    uint64_t values[SIGNALS] = {0}, tick = 0, shown_tick = 0;
    char *expected;
    size_t expected_bytes;
    FILE *to = open_memstream(&expected, &expected_bytes);

    vmc_rng_init(&rng, (uint64_t)_i);
    open_vcd(NULL, 0, UINT64_MAX);
    for (uint32_t i = 0; i < SIGNALS; i++) {
        char name[32];

        (void)snprintf(name, sizeof(name), "s%u", (unsigned)i);
        widths[i] = i < 64 ? i + 1 : 1;
        numbers[i] = vmc_vcd_add(vcd, name, widths[i]);
        vmc_vcd_set(vcd, numbers[i], 0);
    }
    for (int step = 0; step < STEPS; step++) {
        uint32_t i = (uint32_t)vmc_rng_below(&rng, SIGNALS);
        uint64_t value = vmc_rng_next(&rng) >> vmc_rng_below(&rng, 64);

        /* Steps of all sizes, up to the last digits of 64 bits. */
        tick += vmc_rng_next(&rng) >>
                (step == STEPS / 2 ? 1 : 16 + vmc_rng_below(&rng, 48));
        value &= UINT64_MAX >> (64 - widths[i]);
        vmc_vcd_change(vcd, tick, numbers[i], value);
        if (value != values[i]) {
            values[i] = value;
            judge(to, &shown_tick, tick, widths[i], value, i);
        }
    }
    (void)fclose(to);
    (void)close_vcd(shown_tick);
    ck_assert_ptr_nonnull(strstr(body(), "$end\n"));
    ck_assert_int_eq(
        strcmp(strstr(body(), "$end\n") + strlen("$end\n"), expected), 0);
    free(text);
    free(expected);
}
END_TEST

/* ---- To go on elsewhere ------------------------------------------------- */

static void add_some(uint32_t *signals)
{
    vmc_vcd_add_clock(vcd, "clock.a", 6);
    signals[0] = vmc_vcd_add(vcd, "a", 1);
    signals[1] = vmc_vcd_add(vcd, "b", 40);
    vmc_vcd_set(vcd, signals[1], 3);
}

static void change_some(const uint32_t *signals, uint64_t from, uint64_t to)
{
    for (uint64_t t = from; t < to; t++) {
        vmc_vcd_change(vcd, 10 * t, signals[0], t & 1);
        vmc_vcd_change(vcd, 10 * t + t % 3, signals[1], t * t);
    }
}

/* Save at 10 * _i and go on with new objects: the texts together are those of
 * one run. */
START_TEST(a_waveform_goes_on_from_an_archive)
{
    uint64_t at = (uint64_t)_i, file_bytes;
    struct vmc_archive *archive, *loaded;
    uint32_t signals[2];
    char *whole, *first;
    const void *data;
    size_t bytes;

    open_vcd("*,clock.*", 35, 900);
    add_some(signals);
    change_some(signals, 0, 100);
    (void)close_vcd(1000);
    whole = text;

    open_vcd("*,clock.*", 35, 900);
    add_some(signals);
    change_some(signals, 0, at);
    ck_assert_int_eq(vmc_archive_new(&archive), VMC_OK);
    vmc_vcd_archive(vcd, archive);
    file_bytes = vmc_vcd_file_bytes(vcd);
    change_some(signals, at, at + 3); /* which is lost */
    (void)close_vcd(1000);
    first = text;
    ck_assert_uint_le(file_bytes, strlen(first));
    first[file_bytes] = '\0';

    data = vmc_archive_data(archive, &bytes);
    ck_assert_int_eq(vmc_archive_open(&loaded, data, bytes), VMC_OK);
    open_vcd("*,clock.*", 35, 900);
    add_some(signals);
    vmc_vcd_archive(vcd, loaded);
    ck_assert_int_eq(vmc_archive_status(loaded, &trouble), VMC_OK);
    ck_assert_uint_eq(vmc_vcd_file_bytes(vcd), file_bytes);
    change_some(signals, at, 100);
    (void)close_vcd(1000);
    ck_assert_uint_eq(strlen(first) + strlen(text), strlen(whole));
    ck_assert_int_eq(strncmp(whole, first, strlen(first)), 0);
    ck_assert_str_eq(whole + strlen(first), text);
    vmc_archive_free(archive);
    vmc_archive_free(loaded);
    free(whole);
    free(first);
    free(text);
}
END_TEST

START_TEST(an_archive_of_other_signals_is_refused)
{
    struct vmc_archive *archive, *loaded;
    const void *data;
    size_t bytes;

    open_vcd(NULL, 0, UINT64_MAX);
    (void)vmc_vcd_add(vcd, "a", 1);
    ck_assert_int_eq(vmc_archive_new(&archive), VMC_OK);
    vmc_vcd_archive(vcd, archive);
    (void)close_vcd(0);
    free(text);

    data = vmc_archive_data(archive, &bytes);
    ck_assert_int_eq(vmc_archive_open(&loaded, data, bytes), VMC_OK);
    open_vcd(NULL, 0, UINT64_MAX);
    (void)vmc_vcd_add(vcd, "a", 1);
    (void)vmc_vcd_add(vcd, "b", 1);
    vmc_vcd_archive(vcd, loaded);
    ck_assert_int_eq(vmc_archive_status(loaded, &trouble), VMC_E_FORMAT);
    ck_assert_str_eq(trouble.text, "vcd: 1 signals were selected, now 2");
    (void)close_vcd(0);
    vmc_archive_free(archive);
    vmc_archive_free(loaded);
    free(text);
}
END_TEST

/* ---- Edges of it --------------------------------------------------------- */

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
    struct vmc_archive *archive;
    uint32_t signal;

    file = fopen("/dev/full", "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(vmc_vcd_new(&vcd, file, &config, &trouble), VMC_OK);
    signal = vmc_vcd_add(vcd, "a", 64);
    for (uint64_t t = 0; t < 10000; t++) {
        vmc_vcd_change(vcd, t, signal, t);
    }
    ck_assert_int_eq(vmc_archive_new(&archive), VMC_OK);
    vmc_vcd_archive(vcd, archive);
    ck_assert_int_eq(vmc_archive_status(archive, &trouble), VMC_E_IO);
    ck_assert_int_eq(vmc_vcd_end(vcd, 10000), VMC_E_IO);
    vmc_archive_free(archive);
    vmc_vcd_free(vcd);
    (void)fclose(file);
}
END_TEST

static const struct {
    const char *patterns;
    uint64_t from, until;
    uint32_t signals_max;
    enum vmc_status status;
    const char *says;
} refusals[] = {
    {NULL, 0, 1, 0, VMC_E_RANGE, "a waveform has 1 to 65536 signals"},
    {NULL, 0, 1, VMC_VCD_SIGNALS_MAX + 1, VMC_E_RANGE,
     "a waveform has 1 to 65536 signals"},
    {NULL, 5, 5, 4, VMC_E_USAGE,
     "the window of the waveform is empty: from 5 ps until 5 ps"},
    {NULL, 6, 5, 4, VMC_E_USAGE,
     "the window of the waveform is empty: from 6 ps until 5 ps"},
    {"", 0, 5, 4, VMC_E_USAGE, "signals '': a pattern is empty"},
    {"a,", 0, 5, 4, VMC_E_USAGE, "signals 'a,': a pattern is empty"},
    {"a,,b", 0, 5, 4, VMC_E_USAGE, "signals 'a,,b': a pattern is empty"},
    {"a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,"
     "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a",
     0, 5, 4, VMC_E_USAGE, "signals: more than 64 patterns"},
};

START_TEST(what_makes_no_sense_is_refused)
{
    const struct vmc_vcd_config config = {refusals[_i].patterns,
                                          refusals[_i].from, refusals[_i].until,
                                          refusals[_i].signals_max};

    ck_assert_int_eq(vmc_vcd_new(&vcd, stdout, &config, &trouble),
                     refusals[_i].status);
    ck_assert_str_eq(trouble.text, refusals[_i].says);
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
    tcase_add_test(c, initial_values_and_remarks_are_in_the_head);
    tcase_add_loop_test(c, a_window_starts_with_the_values_of_its_start, 0,
                        VMC_COUNT_OF(windows));
    tcase_add_loop_test(c, only_selected_signals_are_written, 0,
                        VMC_COUNT_OF(selections));
    tcase_add_loop_test(c, what_cannot_be_written_is_told_beforehand, 0,
                        VMC_COUNT_OF(checks));
    tcase_add_test(c, clocks_tick_between_the_changes_of_others);
    tcase_add_loop_test(c, a_clock_begins_as_its_edges_have_left_it, 0, 15);
    tcase_add_test(c, many_signals_have_different_codes_and_wide_values_fit);
    tcase_add_loop_test(
        c, any_values_at_any_times_are_written_as_a_plain_writer_would, 0, 5);
    tcase_add_loop_test(c, a_waveform_goes_on_from_an_archive, 0, 100);
    tcase_add_test(c, an_archive_of_other_signals_is_refused);
    tcase_add_test(c, nothing_at_all_is_still_a_file);
    tcase_add_test(c, a_full_disk_is_noticed);
    tcase_add_loop_test(c, what_makes_no_sense_is_refused, 0,
                        VMC_COUNT_OF(refusals));
    return s;
}
