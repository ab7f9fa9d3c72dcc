/* SPDX-License-Identifier: MIT */
/* Profiles: every number has a unit and a source, and a wrong line is named. */
#include "profile/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "profile/quantity.h"
#include "suite.h"

static char path[64];

static void write_profile(const char *text)
{
    FILE *file;
    int fd;

    (void)snprintf(path, sizeof(path), "/tmp/vmcycle-profile-XXXXXX");
    fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    file = fdopen(fd, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static enum vmc_status load(struct vmc_profile **out, const char *text,
                            struct vmc_error *error)
{
    char name[80];
    enum vmc_status status;

    write_profile(text);
    (void)snprintf(name, sizeof(name), "%s", path);
    status = vmc_profile_load(out, name, error);
    (void)unlink(path);
    return status;
}

static const struct {
    const char *text;
    uint64_t period_ticks, value;
    bool is_time;
    enum vmc_status status;
} quantities[] = {
    {"5", 0, 5, false, VMC_OK},
    {"5 ps", 0, 5, true, VMC_OK},
    {"900 ns", 0, 900000, true, VMC_OK},
    {"0.89 us", 0, 890000, true, VMC_OK},
    {"2.5us", 0, 2500000, true, VMC_OK},
    {"1.5 ms", 0, 1500000000, true, VMC_OK},
    {"2 s", 0, UINT64_C(2000000000000), true, VMC_OK},
    {"3 cycles", 400, 1200, true, VMC_OK},
    {"1 cycle", 400, 400, true, VMC_OK},
    {"0.5 cycles", 400, 200, true, VMC_OK},
    {"2.5 GHz", 0, 400, true, VMC_OK},
    {"2.2 GHz", 0, 455, true, VMC_OK},
    {"100 MHz", 0, 10000, true, VMC_OK},
    {"3 cycles", 0, 0, false, VMC_E_FORMAT},
    {"0.0005 ns", 0, 0, false, VMC_E_FORMAT},
    {"0.5", 0, 0, false, VMC_E_FORMAT},
    {"-1 ns", 0, 0, false, VMC_E_FORMAT},
    {"ns", 0, 0, false, VMC_E_FORMAT},
    {"", 0, 0, false, VMC_E_FORMAT},
    {"5 parsecs", 0, 0, false, VMC_E_FORMAT},
    {"1.2.3 ns", 0, 0, false, VMC_E_FORMAT},
    {"0 GHz", 0, 0, false, VMC_E_RANGE},
    {"99999999999 s", 0, 0, false, VMC_E_RANGE},
    {"18446744073709551616", 0, 0, false, VMC_E_FORMAT},
};

START_TEST(a_quantity_is_read_exactly_or_refused)
{
    struct vmc_quantity quantity = {.value = 77};
    struct vmc_error error = {""};
    enum vmc_status status = vmc_quantity_parse(
        &quantity, quantities[_i].text, quantities[_i].period_ticks, &error);

    ck_assert_msg((status == VMC_OK) == (quantities[_i].status == VMC_OK),
                  "'%s': %s", quantities[_i].text, error.text);
    if (status == VMC_OK) {
        ck_assert_uint_eq(quantity.value, quantities[_i].value);
        ck_assert_int_eq(quantity.is_time, quantities[_i].is_time);
    } else {
        ck_assert_str_ne(error.text, "");
    }
}
END_TEST

static const char good[] = "[clocks]\n"
                           "cpu = 2 GHz ; datasheet\n"
                           "\n"
                           "[pin]\n"
                           "clock = cpu\n"
                           "latency = 3 cycles  ; assumed: a guess\n"
                           "count = 4           ; page 7\n";

START_TEST(a_profile_gives_values_sources_and_lines)
{
    struct vmc_profile *profile = NULL;
    struct vmc_error error = {""};
    const struct vmc_profile_entry *entry;

    ck_assert_msg(load(&profile, good, &error) == VMC_OK, "%s", error.text);
    ck_assert_uint_eq(vmc_profile_count(profile), 3);
    entry = vmc_profile_at(profile, 1);
    ck_assert_str_eq(entry->section, "pin");
    ck_assert_str_eq(entry->key, "latency");
    ck_assert_str_eq(entry->source, "assumed: a guess");
    ck_assert_uint_eq(entry->value, 1500);
    ck_assert_uint_eq(entry->line, 6);
    ck_assert(entry->is_assumed && entry->is_time);
    entry = vmc_profile_at(profile, 2);
    ck_assert(!entry->is_assumed && !entry->is_time);
    ck_assert(vmc_profile_has(profile, "pin"));
    ck_assert(!vmc_profile_has(profile, "router"));
    vmc_profile_free(profile);
}
END_TEST

struct pin {
    uint64_t latency_ticks, count;
};

static const struct vmc_profile_key pin_keys[] = {
    {"latency", offsetof(struct pin, latency_ticks), true},
    {"count", offsetof(struct pin, count), false},
};

START_TEST(a_profile_loads_with_changes_or_not_at_all)
{
    static const char *const changes[] = {"irqsim.none=7", "nonsense"};
    static const char *const good_changes[] = {"balloon_send.pop=7 ns",
                                               "balloon_send.pop=8 ns"};
    struct vmc_profile *profile = (struct vmc_profile *)&changes;
    struct vmc_error error = {""};
    bool is_seen = false;

    ck_assert_int_eq(
        vmc_profile_load_changed(&profile, "m1-2016", changes, 2, &error),
        VMC_E_USAGE);
    ck_assert_ptr_null(profile);
    ck_assert_str_ne(error.text, "");
    ck_assert_int_eq(
        vmc_profile_load_changed(&profile, "m1-2016", good_changes, 2, &error),
        VMC_OK);
    for (uint32_t i = 0; i < vmc_profile_count(profile); i++) {
        const struct vmc_profile_entry *entry = vmc_profile_at(profile, i);

        if (strcmp(entry->section, "balloon_send") == 0 &&
            strcmp(entry->key, "pop") == 0) {
            is_seen = true;
            ck_assert_uint_eq(entry->value, 8000);
        }
    }
    ck_assert(is_seen);
    vmc_profile_free(profile);
}
END_TEST

START_TEST(a_section_fills_a_struct)
{
    struct vmc_profile *profile = NULL;
    struct vmc_error error = {""};
    struct pin pin = {0, 0};

    ck_assert_int_eq(load(&profile, good, &error), VMC_OK);
    ck_assert_int_eq(vmc_profile_set(profile, "pin.latency=7 ns", &error),
                     VMC_OK);
    ck_assert_int_eq(
        vmc_profile_read(profile, "pin", pin_keys, 2, &pin, &error), VMC_OK);
    ck_assert_uint_eq(pin.latency_ticks, 7000);
    ck_assert_uint_eq(pin.count, 4);
    ck_assert_int_eq(vmc_profile_set(profile, "pin.count=7 ns", &error),
                     VMC_E_FORMAT);
    ck_assert_int_eq(vmc_profile_set(profile, "pin.width=7", &error),
                     VMC_E_USAGE);
    ck_assert_int_eq(vmc_profile_set(profile, "nonsense", &error), VMC_E_USAGE);
    vmc_profile_free(profile);
}
END_TEST

/* The value of @name, "section.key". */
static uint64_t value_of(const struct vmc_profile *profile, const char *name)
{
    for (uint32_t i = 0; i < vmc_profile_count(profile); i++) {
        const struct vmc_profile_entry *entry = vmc_profile_at(profile, i);
        size_t bytes = strlen(entry->section);

        if (strncmp(name, entry->section, bytes) == 0 &&
            strcmp(name + bytes + 1, entry->key) == 0) {
            return entry->value;
        }
    }
    ck_abort_msg("no %s", name);
}

START_TEST(what_counts_cycles_follows_its_clock)
{
    static const char text[] = "[clocks]\n"
                               "cpu = 2 GHz ; made up\n"
                               "bus = 100 MHz ; made up\n"
                               "[a]\n"
                               "clock = cpu\n"
                               "in_cycles = 3 cycles ; made up\n"
                               "half = 0.5 cycles ; made up\n"
                               "in_time = 40 ns ; made up\n"
                               "[b]\n"
                               "clock = bus\n"
                               "in_cycles = 3 cycles ; made up\n";
    struct vmc_profile *profile = NULL;
    struct vmc_error error = {""};

    ck_assert_int_eq(load(&profile, text, &error), VMC_OK);
    ck_assert_uint_eq(value_of(profile, "a.in_cycles"), 1500);
    ck_assert_int_eq(vmc_profile_set(profile, "clocks.cpu=801 ps", &error),
                     VMC_OK);
    ck_assert_uint_eq(value_of(profile, "a.in_cycles"), 2403);
    ck_assert_uint_eq(value_of(profile, "a.half"), 401); /* of 400.5 */
    ck_assert_uint_eq(value_of(profile, "a.in_time"), 40000);
    ck_assert_uint_eq(value_of(profile, "b.in_cycles"), 30000);
    /* A cycle that is set is one of the clock as it is now. */
    ck_assert_int_eq(vmc_profile_set(profile, "a.in_time=2 cycles", &error),
                     VMC_OK);
    ck_assert_uint_eq(value_of(profile, "a.in_time"), 1602);
    ck_assert_int_eq(vmc_profile_set(profile, "a.in_cycles=1 ns", &error),
                     VMC_OK);
    ck_assert_int_eq(vmc_profile_set(profile, "clocks.cpu=1 GHz", &error),
                     VMC_OK);
    ck_assert_uint_eq(value_of(profile, "a.in_time"), 2000);
    ck_assert_uint_eq(value_of(profile, "a.in_cycles"), 1000);
    ck_assert_int_eq(vmc_profile_set(profile, "clocks.cpu=0 ps", &error),
                     VMC_E_RANGE);
    ck_assert_uint_eq(value_of(profile, "clocks.cpu"), 1000);
    vmc_profile_free(profile);
}
END_TEST

START_TEST(a_key_too_many_too_few_or_of_the_wrong_kind_is_named)
{
    struct vmc_profile *profile = NULL;
    struct vmc_error error = {""};
    struct pin pin;
    struct vmc_profile_key keys[3] = {
        pin_keys[0], pin_keys[1], {"width", 0, false}};

    ck_assert_int_eq(load(&profile, good, &error), VMC_OK);
    ck_assert_int_eq(vmc_profile_read(profile, "pin", keys, 1, &pin, &error),
                     VMC_E_FORMAT);
    ck_assert_ptr_nonnull(strstr(error.text, "line 7"));
    ck_assert_ptr_nonnull(strstr(error.text, "'count'"));
    ck_assert_int_eq(vmc_profile_read(profile, "pin", keys, 3, &pin, &error),
                     VMC_E_FORMAT);
    ck_assert_ptr_nonnull(strstr(error.text, "lacks the key 'width'"));
    keys[1].is_time = true;
    ck_assert_int_eq(vmc_profile_read(profile, "pin", keys, 2, &pin, &error),
                     VMC_E_FORMAT);
    ck_assert_ptr_nonnull(strstr(error.text, "line 7"));
    vmc_profile_free(profile);
}
END_TEST

/* A wrong file, and what its message must contain. */
static const struct {
    const char *text, *message;
} faults[] = {
    {"latency = 1 ns ; x\n", ":1: 'latency' stands before"},
    {"[pin]\nlatency = 1 ns\n", ":2: pin.latency has no source"},
    {"[pin]\nlatency = 1 ns ;  \n", ":2: pin.latency has no source"},
    {"[pin]\nlatency 1 ns ; x\n", ":2: expected [section]"},
    {"[pin\nlatency = 1 ns ; x\n", ":1: expected [section]"},
    {"[pin]\nlatency = soon ; x\n", ":2: pin.latency: 'soon' is no number"},
    {"[pin]\na = 1 ; x\na = 2 ; x\n", ":3: pin.a is there already"},
    {"[pin]\nclock = cpu\n", ":2: section [clocks] has no clock 'cpu'"},
    {"[clocks]\ncpu = 3 ; x\n[pin]\nclock = cpu\n", ":4: section [clocks]"},
    {"[clocks]\nc = 1 ns ; x\n[p]\nclock = c\nclock = c\n", ":5: section [p]"},
};

START_TEST(a_wrong_line_is_named)
{
    struct vmc_profile *profile = NULL;
    struct vmc_error error = {""};

    ck_assert_int_eq(load(&profile, faults[_i].text, &error), VMC_E_FORMAT);
    ck_assert_ptr_null(profile);
    ck_assert_msg(strstr(error.text, faults[_i].message) != NULL,
                  "'%s' does not contain '%s'", error.text, faults[_i].message);
}
END_TEST

START_TEST(a_line_without_end_is_refused)
{
    struct vmc_profile *profile = NULL;
    struct vmc_error error = {""};
    static char text[5000];

    memset(text, 'x', sizeof(text) - 1);
    memcpy(text, "[pin]\n", 6);
    ck_assert_int_eq(load(&profile, text, &error), VMC_E_FORMAT);
    ck_assert_ptr_nonnull(strstr(error.text, ":2: longer than"));
}
END_TEST

START_TEST(a_missing_profile_is_named)
{
    struct vmc_profile *profile = NULL;
    struct vmc_error error = {""};

    ck_assert_int_eq(vmc_profile_load(&profile, "no-such", &error), VMC_E_IO);
    ck_assert_ptr_nonnull(strstr(error.text, "no-such"));
    vmc_profile_free(NULL);
}
END_TEST

/* The profiles that are shipped load, by name. */
static const char *const shipped[] = {"unit", "native", "3c5000-kvm",
                                      "3c5000-qemu"};

START_TEST(a_shipped_profile_loads)
{
    struct vmc_profile *profile = NULL;
    struct vmc_error error = {""};

    ck_assert_msg(vmc_profile_load(&profile, shipped[_i], &error) == VMC_OK,
                  "%s", error.text);
    ck_assert_str_eq(vmc_profile_name(profile), shipped[_i]);
    ck_assert(vmc_profile_has(profile, "clocks"));
    vmc_profile_free(profile);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("profile");
    TCase *c = tcase_create("profile");

    suite_add_tcase(s, c);
    tcase_add_loop_test(c, a_quantity_is_read_exactly_or_refused, 0,
                        (int)VMC_COUNT_OF(quantities));
    tcase_add_test(c, a_profile_gives_values_sources_and_lines);
    tcase_add_test(c, a_profile_loads_with_changes_or_not_at_all);
    tcase_add_test(c, a_section_fills_a_struct);
    tcase_add_test(c, what_counts_cycles_follows_its_clock);
    tcase_add_test(c, a_key_too_many_too_few_or_of_the_wrong_kind_is_named);
    tcase_add_loop_test(c, a_wrong_line_is_named, 0, (int)VMC_COUNT_OF(faults));
    tcase_add_test(c, a_line_without_end_is_refused);
    tcase_add_test(c, a_missing_profile_is_named);
    tcase_add_loop_test(c, a_shipped_profile_loads, 0,
                        (int)VMC_COUNT_OF(shipped));
    return s;
}
