/* SPDX-License-Identifier: MIT */
/* Timelines: jansson reads back what was written, and counts it. */
#include "trace/timeline.h"

#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "archive_rig.h"
#include "suite.h"

static char *text;
static size_t text_bytes;
static FILE *file;
static struct vmc_timeline *timeline;
static json_t *list;

static void set_up(void)
{
    file = open_memstream(&text, &text_bytes);
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(vmc_timeline_new(&timeline, file), VMC_OK);
}

/* What a group and a track of their own write. */
enum { HEAD = 4 };

static uint32_t add_track(const char *name)
{
    return vmc_timeline_add_track(
        timeline, vmc_timeline_add_group(timeline, "group"), name);
}

static void finish(void)
{
    json_error_t error;

    ck_assert_int_eq(vmc_timeline_finish(timeline), VMC_OK);
    vmc_timeline_free(timeline);
    ck_assert_int_eq(fclose(file), 0);
    list = json_loads(text, 0, &error);
    ck_assert_msg(list != NULL, "%s at byte %d", error.text, error.position);
    free(text);
}

static const char *field(size_t event, const char *key)
{
    json_t *value = json_object_get(json_array_get(list, event), key);

    ck_assert_msg(json_is_string(value), "event %zu has no %s", event, key);
    return json_string_value(value);
}

static double time_of(size_t event)
{
    return json_real_value(json_object_get(json_array_get(list, event), "ts"));
}

START_TEST(slices_instants_and_arrows_come_out_as_they_went_in)
{
    uint32_t cpu, device;

    set_up();
    cpu = vmc_timeline_add_track(
        timeline, vmc_timeline_add_group(timeline, "machine"), "vCPU 0");
    device = vmc_timeline_add_track(
        timeline, vmc_timeline_add_group(timeline, "devices"), "balloon");
    vmc_timeline_begin(timeline, device, 1000000, "kick");
    vmc_timeline_flow_out(timeline, device, 1000001, 7, "irq");
    vmc_timeline_end(timeline, device, 2000000);
    vmc_timeline_begin(timeline, cpu, 2500000, "handler");
    vmc_timeline_flow_in(timeline, cpu, 2500000, 7, "irq");
    vmc_timeline_instant(timeline, cpu, 2600000, "seen");
    vmc_timeline_counter(timeline, 0, 2700000, "pending", 3);
    vmc_timeline_end(timeline, cpu, 3000000);
    ck_assert_uint_eq(vmc_timeline_event_count(timeline), 16);
    finish();
    ck_assert_uint_eq(json_array_size(list), 16);
    ck_assert_str_eq(field(0, "name"), "process_name");
    ck_assert_str_eq(field(1, "name"), "process_sort_index");
    ck_assert_str_eq(field(8, "ph"), "B");
    ck_assert_str_eq(field(8, "name"), "kick");
    ck_assert_double_eq(time_of(8), 1.0);
    ck_assert_double_eq(time_of(9), 1.000001);
    ck_assert_str_eq(field(9, "ph"), "s");
    ck_assert_str_eq(field(12, "ph"), "f");
    ck_assert_str_eq(field(13, "ph"), "i");
    ck_assert_str_eq(field(14, "ph"), "C");
    json_decref(list);
}
END_TEST

START_TEST(a_slice_has_its_numbers)
{
    const struct vmc_timeline_arg args[] = {{"line", 7},
                                            {"value", UINT64_MAX / 2}};
    json_t *object;
    uint32_t track;

    set_up();
    track = add_track("t");
    vmc_timeline_begin_with(timeline, track, 1, "slice", args, 2);
    finish();
    object = json_object_get(json_array_get(list, HEAD), "args");
    ck_assert_uint_eq(json_object_size(object), 2);
    ck_assert_int_eq(json_integer_value(json_object_get(object, "line")), 7);
    ck_assert_int_eq(json_integer_value(json_object_get(object, "value")),
                     INT64_MAX);
    json_decref(list);
}
END_TEST

/* Times that are near a carry, to the picosecond. */
START_TEST(no_time_is_rounded)
{
    static const struct {
        uint64_t tick;
        const char *text;
    } cases[] = {
        {0, "\"ts\":0.000000,"},
        {9, "\"ts\":0.000009,"},
        {10, "\"ts\":0.000010,"},
        {999999, "\"ts\":0.999999,"},
        {1000000, "\"ts\":1.000000,"},
        {99999999, "\"ts\":99.999999,"},
        {100000000, "\"ts\":100.000000,"},
        {UINT64_C(18446744073709551615), "\"ts\":18446744073709.551615,"},
    };

    set_up();
    for (size_t i = 0; i < VMC_COUNT_OF(cases); i++) {
        vmc_timeline_instant(timeline, i == 0 ? add_track("t") : 0,
                             cases[i].tick, "now");
    }
    ck_assert_int_eq(vmc_timeline_finish(timeline), VMC_OK);
    vmc_timeline_free(timeline);
    ck_assert_int_eq(fclose(file), 0);
    for (size_t i = 0; i < VMC_COUNT_OF(cases); i++) {
        ck_assert_msg(strstr(text, cases[i].text) != NULL, "%s", cases[i].text);
    }
    free(text);
}
END_TEST

START_TEST(a_track_knows_where_it_is)
{
    uint32_t left, track;

    set_up();
    left = vmc_timeline_tracks_left(timeline);
    track = add_track("t");
    ck_assert_uint_eq(vmc_timeline_tracks_left(timeline), left - 1);
    ck_assert_uint_eq(vmc_timeline_track_tick(timeline, track), 0);
    vmc_timeline_begin(timeline, track, 5, "slice");
    ck_assert_uint_eq(vmc_timeline_track_tick(timeline, track), 5);
    ck_assert_uint_eq(vmc_timeline_depth(timeline, track), 1);
    vmc_timeline_end(timeline, track, 6);
    ck_assert_uint_eq(vmc_timeline_depth(timeline, track), 0);
    vmc_timeline_free(timeline);
    (void)fclose(file);
    free(text);
}
END_TEST

START_TEST(an_arrow_needs_a_slice)
{
    set_up();
    vmc_timeline_flow_out(timeline, add_track("t"), 5, 1, "arrow");
}
END_TEST

START_TEST(time_does_not_run_back)
{
    uint32_t track;

    set_up();
    track = add_track("t");
    vmc_timeline_instant(timeline, track, 5, "now");
    vmc_timeline_instant(timeline, track, 4, "before");
}
END_TEST

START_TEST(open_slices_are_closed_and_extra_ends_dropped)
{
    uint32_t track;

    set_up();
    track = add_track("t");
    vmc_timeline_end(timeline, track, 5);
    vmc_timeline_begin(timeline, track, 6, "outer");
    vmc_timeline_begin(timeline, track, 7, "inner");
    vmc_timeline_instant(timeline, add_track("later"), 10, "now");
    finish();
    ck_assert_uint_eq(json_array_size(list), 2 * HEAD + 5); /* B B i E E */
    ck_assert_str_eq(field(2 * HEAD + 4, "ph"), "E");
    ck_assert_double_eq(time_of(2 * HEAD + 4), 0.00001);
    json_decref(list);
}
END_TEST

START_TEST(any_name_is_a_json_string)
{
    static const char odd[] = "a\"b\\c\n\x01\xc3\xa9";
    char longer[2000];
    uint32_t track;

    memset(longer, '"', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    set_up();
    track = add_track(odd);
    vmc_timeline_instant(timeline, track, 1, longer);
    finish();
    ck_assert_uint_eq(json_array_size(list), HEAD + 1);
    ck_assert_uint_gt(strlen(field(HEAD, "name")), 50);
    json_decref(list);
}
END_TEST

START_TEST(an_empty_timeline_is_an_empty_list)
{
    set_up();
    finish();
    ck_assert_uint_eq(json_array_size(list), 0);
    json_decref(list);
}
END_TEST

START_TEST(many_events_pass_the_buffer)
{
    uint32_t track;

    set_up();
    track = add_track("t");
    for (uint64_t t = 0; t < 5000; t++) {
        vmc_timeline_instant(timeline, track, t, "tick");
    }
    finish();
    ck_assert_uint_eq(json_array_size(list), HEAD + 5000);
    json_decref(list);
}
END_TEST

/* @count events that nest and never end all of them, from @from on. */
static void put_events(struct vmc_timeline *into, uint64_t from, uint64_t count)
{
    for (uint64_t t = from; t < from + count; t++) {
        uint32_t track = (uint32_t)t % 2;

        if (t % 3 != 0 && vmc_timeline_depth(into, track) < 9) {
            vmc_timeline_begin(into, track, t, "slice");
        } else {
            vmc_timeline_end(into, track, t);
        }
    }
}

/* The second half goes to another one, whose file has the same bytes; with
 * _i, of a window from the first half into the second. */
START_TEST(an_archived_timeline_is_gone_on_with)
{
    struct vmc_timeline *first;
    char *first_text;
    size_t first_bytes, half_bytes;
    FILE *first_file = open_memstream(&first_text, &first_bytes);

    ck_assert_ptr_nonnull(first_file);
    ck_assert_int_eq(vmc_timeline_new(&first, first_file), VMC_OK);
    ck_assert(_i == 0 || vmc_timeline_set_window(first, 4000, 6000) == VMC_OK);
    (void)vmc_timeline_add_group(first, "group");
    (void)vmc_timeline_add_track(first, 0, "one");
    (void)vmc_timeline_add_track(first, 0, "two");
    put_events(first, 5, 4000);
    set_up();
    ck_assert(_i == 0 ||
              vmc_timeline_set_window(timeline, 4000, 6000) == VMC_OK);
    (void)add_track("what a fresh run adds is dropped");
    ARCHIVE_CARRY(vmc_timeline_archive, first, timeline);
    ck_assert_int_eq(fflush(first_file), 0);
    half_bytes = first_bytes;
    ck_assert_uint_eq(fwrite(first_text, 1, half_bytes, file), half_bytes);
    put_events(first, 4005, 3000);
    put_events(timeline, 4005, 3000);
    ck_assert_int_eq(vmc_timeline_finish(first), VMC_OK);
    ck_assert_int_eq(vmc_timeline_finish(timeline), VMC_OK);
    ck_assert_uint_eq(vmc_timeline_event_count(first),
                      vmc_timeline_event_count(timeline));
    vmc_timeline_free(first);
    vmc_timeline_free(timeline);
    ck_assert_int_eq(fclose(first_file), 0);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_uint_eq(text_bytes, first_bytes);
    ck_assert_mem_eq(text, first_text, text_bytes);
    free(text);
    free(first_text);
}
END_TEST

/* ---- A window -------------------------------------------------------------
 */

/* "B 10 name", as an event of the file says it, in ticks. */
static const char *told(size_t event)
{
    static char line[96];
    json_t *value = json_array_get(list, HEAD + event);
    json_t *name = json_object_get(value, "name");

    ck_assert_ptr_nonnull(value);
    (void)snprintf(line, sizeof(line), "%s %.0f %s", field(HEAD + event, "ph"),
                   time_of(HEAD + event) * 1e6,
                   name != NULL ? json_string_value(name) : "");
    return line;
}

static void check_told(const char *const *lines, size_t count)
{
    ck_assert_uint_eq(json_array_size(list), HEAD + count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_str_eq(told(i), lines[i]);
    }
    json_decref(list);
}

static uint32_t set_up_window(uint64_t from, uint64_t until)
{
    set_up();
    ck_assert_int_eq(vmc_timeline_set_window(timeline, from, until), VMC_OK);
    return add_track("t");
}

START_TEST(a_window_cuts_slices)
{
    static const char *const lines[] = {"B 10 outer",  "B 10 inner", "E 12 ",
                                        "i 12 in",     "B 15 first", "E 16 ",
                                        "B 19 second", "E 20 ",      "E 20 "};
    uint32_t track = set_up_window(10, 20);

    vmc_timeline_begin(timeline, track, 1, "over before");
    vmc_timeline_end(timeline, track, 5);
    vmc_timeline_begin(timeline, track, 5, "outer");
    vmc_timeline_begin(timeline, track, 6, "inner");
    vmc_timeline_begin(timeline, track, 7, "innermost, over before");
    vmc_timeline_instant(timeline, track, 8, "before");
    vmc_timeline_end(timeline, track, 9);
    vmc_timeline_end(timeline, track, 12);
    vmc_timeline_instant(timeline, track, 12, "in");
    vmc_timeline_begin(timeline, track, 15, "first");
    vmc_timeline_end(timeline, track, 16);
    vmc_timeline_begin(timeline, track, 19, "second");
    vmc_timeline_begin(timeline, track, 20, "after");
    vmc_timeline_instant(timeline, track, 20, "after");
    vmc_timeline_end(timeline, track, 21);
    vmc_timeline_end(timeline, track, 30);
    ck_assert_uint_eq(vmc_timeline_depth(timeline, track), 1);
    ck_assert_uint_eq(vmc_timeline_last_tick(timeline), 30);
    finish();
    check_told(lines, VMC_COUNT_OF(lines));
}
END_TEST

START_TEST(a_window_inside_a_slice_shows_it)
{
    static const char *const lines[] = {"B 10 all the time", "E 20 "};
    uint32_t track = set_up_window(10, 20);

    vmc_timeline_begin(timeline, track, 3, "all the time");
    vmc_timeline_end(timeline, track, 40);
    finish();
    check_told(lines, VMC_COUNT_OF(lines));
}
END_TEST

START_TEST(a_counter_begins_with_what_it_had)
{
    static const char *const lines[] = {"C 10 moving", "C 11 moving",
                                        "C 15 new", "C 10 still"};
    uint32_t track = set_up_window(10, 20);

    vmc_timeline_counter(timeline, 0, 1, "moving", 7);
    vmc_timeline_counter(timeline, 0, 2, "still", 1);
    vmc_timeline_counter(timeline, 0, 9, "moving", 8);
    vmc_timeline_counter(timeline, 0, 11, "moving", 9);
    vmc_timeline_counter(timeline, 0, 15, "new", 3);
    vmc_timeline_counter(timeline, 0, 20, "moving", 10);
    vmc_timeline_instant(timeline, track, 30, "after");
    finish();
    ck_assert_int_eq(
        json_integer_value(json_object_get(
            json_object_get(json_array_get(list, HEAD), "args"), "value")),
        8);
    check_told(lines, VMC_COUNT_OF(lines));
}
END_TEST

START_TEST(an_arrow_from_outside_has_no_end)
{
    static const char *const lines[] = {"B 10 slice", "f 11 told early",
                                        "s 12 in",    "f 13 in",
                                        "s 14 out",   "E 20 "};
    uint32_t track = set_up_window(10, 20);

    vmc_timeline_begin(timeline, track, 1, "slice");
    vmc_timeline_flow_out(timeline, track, 2, 1, "before");
    vmc_timeline_flow_in(timeline, track, 10, 1, "before");
    vmc_timeline_flow_in(timeline, track, 11, 1, "told early");
    vmc_timeline_flow_out(timeline, track, 12, 1, "in");
    vmc_timeline_flow_in(timeline, track, 13, 1, "in");
    vmc_timeline_flow_out(timeline, track, 14, 1, "out");
    vmc_timeline_flow_in(timeline, track, 25, 1, "out");
    vmc_timeline_end(timeline, track, 30);
    finish();
    check_told(lines, VMC_COUNT_OF(lines));
}
END_TEST

START_TEST(a_window_is_not_empty)
{
    set_up();
    ck_assert_int_eq(vmc_timeline_set_window(timeline, 5, 5), VMC_E_RANGE);
    ck_assert_int_eq(vmc_timeline_set_window(timeline, 5, 4), VMC_E_RANGE);
    finish();
    json_decref(list);
}
END_TEST

START_TEST(a_full_disk_is_noticed)
{
    uint32_t track;

    file = fopen("/dev/full", "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(vmc_timeline_new(&timeline, file), VMC_OK);
    track = add_track("t");
    for (uint64_t t = 0; t < 5000; t++) {
        vmc_timeline_instant(timeline, track, t, "tick");
    }
    ck_assert_int_eq(vmc_timeline_finish(timeline), VMC_E_IO);
    vmc_timeline_free(timeline);
    (void)fclose(file);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("timeline");
    TCase *c = tcase_create("timeline");

    suite_add_tcase(s, c);
    tcase_add_test(c, slices_instants_and_arrows_come_out_as_they_went_in);
    tcase_add_test(c, a_slice_has_its_numbers);
    tcase_add_test(c, no_time_is_rounded);
    tcase_add_test(c, a_track_knows_where_it_is);
    tcase_add_test_raise_signal(c, an_arrow_needs_a_slice, SIGABRT);
    tcase_add_test_raise_signal(c, time_does_not_run_back, SIGABRT);
    tcase_add_test(c, open_slices_are_closed_and_extra_ends_dropped);
    tcase_add_test(c, any_name_is_a_json_string);
    tcase_add_test(c, an_empty_timeline_is_an_empty_list);
    tcase_add_test(c, many_events_pass_the_buffer);
    tcase_add_loop_test(c, an_archived_timeline_is_gone_on_with, 0, 2);
    tcase_add_test(c, a_window_cuts_slices);
    tcase_add_test(c, a_window_inside_a_slice_shows_it);
    tcase_add_test(c, a_counter_begins_with_what_it_had);
    tcase_add_test(c, an_arrow_from_outside_has_no_end);
    tcase_add_test(c, a_window_is_not_empty);
    tcase_add_test(c, a_full_disk_is_noticed);
    return s;
}
