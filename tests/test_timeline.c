/* SPDX-License-Identifier: MIT */
/* Timelines: jansson reads back what was written, and counts it. */
#include "trace/timeline.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

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

static void finish(uint64_t tick)
{
    json_error_t error;

    ck_assert_int_eq(vmc_timeline_finish(timeline, tick), VMC_OK);
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
    vmc_timeline_name_group(timeline, 0, "machine");
    cpu = vmc_timeline_add_track(timeline, 0, "vCPU 0");
    device = vmc_timeline_add_track(timeline, 1, "balloon");
    vmc_timeline_begin(timeline, device, 1000000, "kick");
    vmc_timeline_flow_out(timeline, device, 1000001, 7, "irq");
    vmc_timeline_end(timeline, device, 2000000);
    vmc_timeline_begin(timeline, cpu, 2500000, "handler");
    vmc_timeline_flow_in(timeline, cpu, 2500000, 7, "irq");
    vmc_timeline_instant(timeline, cpu, 2600000, "seen");
    vmc_timeline_counter(timeline, 0, 2700000, "pending", 3);
    vmc_timeline_end(timeline, cpu, 3000000);
    ck_assert_uint_eq(vmc_timeline_event_count(timeline), 11);
    finish(3000000);
    ck_assert_uint_eq(json_array_size(list), 11);
    ck_assert_str_eq(field(0, "name"), "process_name");
    ck_assert_str_eq(field(3, "ph"), "B");
    ck_assert_str_eq(field(3, "name"), "kick");
    ck_assert_double_eq(time_of(3), 1.0);
    ck_assert_double_eq(time_of(4), 1.000001);
    ck_assert_str_eq(field(4, "ph"), "s");
    ck_assert_str_eq(field(7, "ph"), "f");
    ck_assert_str_eq(field(8, "ph"), "i");
    ck_assert_str_eq(field(9, "ph"), "C");
    json_decref(list);
}
END_TEST

START_TEST(open_slices_are_closed_and_extra_ends_dropped)
{
    uint32_t track;

    set_up();
    track = vmc_timeline_add_track(timeline, 0, "t");
    vmc_timeline_end(timeline, track, 5);
    vmc_timeline_begin(timeline, track, 6, "outer");
    vmc_timeline_begin(timeline, track, 7, "inner");
    finish(10);
    ck_assert_uint_eq(json_array_size(list), 5); /* M B B E E */
    ck_assert_str_eq(field(4, "ph"), "E");
    ck_assert_double_eq(time_of(4), 0.00001);
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
    track = vmc_timeline_add_track(timeline, 0, odd);
    vmc_timeline_instant(timeline, track, 1, longer);
    finish(2);
    ck_assert_uint_eq(json_array_size(list), 2);
    ck_assert_uint_gt(strlen(field(1, "name")), 50);
    json_decref(list);
}
END_TEST

START_TEST(an_empty_timeline_is_an_empty_list)
{
    set_up();
    finish(0);
    ck_assert_uint_eq(json_array_size(list), 0);
    json_decref(list);
}
END_TEST

START_TEST(many_events_pass_the_buffer)
{
    uint32_t track;

    set_up();
    track = vmc_timeline_add_track(timeline, 0, "t");
    for (uint64_t t = 0; t < 5000; t++) {
        vmc_timeline_instant(timeline, track, t, "tick");
    }
    finish(5000);
    ck_assert_uint_eq(json_array_size(list), 5001);
    json_decref(list);
}
END_TEST

START_TEST(a_full_disk_is_noticed)
{
    uint32_t track;

    file = fopen("/dev/full", "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(vmc_timeline_new(&timeline, file), VMC_OK);
    track = vmc_timeline_add_track(timeline, 0, "t");
    for (uint64_t t = 0; t < 5000; t++) {
        vmc_timeline_instant(timeline, track, t, "tick");
    }
    ck_assert_int_eq(vmc_timeline_finish(timeline, 5000), VMC_E_IO);
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
    tcase_add_test(c, open_slices_are_closed_and_extra_ends_dropped);
    tcase_add_test(c, any_name_is_a_json_string);
    tcase_add_test(c, an_empty_timeline_is_an_empty_list);
    tcase_add_test(c, many_events_pass_the_buffer);
    tcase_add_test(c, a_full_disk_is_noticed);
    return s;
}
