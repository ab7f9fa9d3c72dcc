/* SPDX-License-Identifier: MIT */
/* What becomes of a vector on a timeline: each case is what a simulation tells,
 * and the slices, arrows and counts that come of it. */
#include "sim/machine/irq_timeline.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

enum { TOLD_MAX = 12, TICKS_PER_US = 1000000 };

struct told {
    uint32_t us, vcpu, vector;
    const char *what; /* of a vector; "enter", "run" of a vCPU */
};

static const struct {
    const char *name;
    struct told told[TOLD_MAX];
    const char *expected; /* phase, time and name of each event */
} cases[] = {
    {"handled",
     {{1, 0, 40, "raise"},
      {2, 0, 40, "pending"},
      {3, 1, 0, "enter"},
      {4, 1, 40, "seen"},
      {5, 1, 40, "clear"},
      {7, 1, 40, "handled"},
      {8, 1, 0, "run"}},
     "C2=1 B3 handler C5=0 B1 delivered s1 B1 on its way E2 B2 pending E4 "
     "B4 seen E5 E5 B5 vector 40 f5 E7 E8 "},
    {"two of one word, one handler after the other",
     {{1, 0, 40, "raise"},
      {1, 0, 41, "raise"},
      {2, 0, 40, "pending"},
      {2, 0, 41, "pending"},
      {3, 0, 0, "enter"},
      {4, 0, 40, "seen"},
      {4, 0, 41, "seen"},
      {5, 0, 40, "clear"},
      {5, 0, 41, "clear"},
      {6, 0, 40, "handled"},
      {9, 0, 41, "handled"},
      {9, 0, 0, "run"}},
     "C2=1 C2=2 B3 handler C5=1 B1 delivered s1 B1 on its way E2 B2 pending E4 "
     "B4 seen E5 E5 C5=0 B1 delivered s1 B1 on its way E2 B2 pending E4 "
     "B4 seen E5 E5 B5 vector 40 f5 E6 B6 vector 41 f6 E9 E9 "},
    {"withdrawn before anybody looked",
     {{1, 0, 40, "raise"}, {2, 0, 40, "pending"}, {3, 0, 40, "withdrawn"}},
     "C2=1 C3=0 B1 withdrawn B1 on its way E2 B2 pending E3 E3 "},
    {"withdrawn on its way",
     {{1, 0, 40, "raise"}, {3, 0, 40, "withdrawn"}},
     "B1 withdrawn B1 on its way E3 E3 "},
    {"raised three times, seen once",
     {{1, 0, 40, "raise"},
      {2, 0, 40, "pending"},
      {3, 0, 40, "raise"},
      {4, 0, 40, "raise"},
      {5, 0, 40, "seen"},
      {6, 0, 40, "clear"},
      {7, 0, 0, "enter"},
      {8, 0, 40, "handled"},
      {9, 0, 0, "run"}},
     "C2=1 C6=0 B1 delivered (2) s1 B1 on its way E2 B2 pending E5 B5 seen E6 "
     "E6 B7 handler B7 vector 40 f7 E8 E9 "},
    {"raised again while its handler runs",
     {{1, 0, 40, "raise"},
      {2, 0, 40, "pending"},
      {3, 0, 0, "enter"},
      {4, 0, 40, "seen"},
      {5, 0, 40, "clear"},
      {6, 0, 40, "raise"},
      {7, 0, 40, "handled"},
      {8, 0, 0, "run"}},
     "C2=1 B3 handler C5=0 B1 delivered s1 B1 on its way E2 B2 pending E4 "
     "B4 seen E5 E5 B5 vector 40 f5 E7 E8 B6 unfinished B6 on its way E9 E9 "},
    {"seen, and nothing was raised",
     {{1, 0, 0, "enter"},
      {2, 0, 40, "seen"},
      {3, 0, 40, "clear"},
      {4, 0, 40, "handled"},
      {5, 0, 0, "run"}},
     "B1 handler B3 vector 40 E4 E5 "},
};

static void tell(const struct irqsim_watch *watch, const struct told *told)
{
    uint64_t tick = (uint64_t)told->us * TICKS_PER_US;

    if (strcmp(told->what, "enter") == 0 || strcmp(told->what, "run") == 0) {
        watch->observer->mode(watch->watcher, tick, told->vcpu,
                              told->what[0] == 'e' ? IRQSIM_HANDLING
                                                   : IRQSIM_RUNNING);
    } else {
        watch->observer->vector(watch->watcher, tick, told->vcpu, told->vector,
                                told->what);
    }
}

/* The events of @list but those that name tracks, as the table has them. */
static void describe(const json_t *list, char *text, size_t bytes)
{
    size_t i, used = 0;
    json_t *event;

    json_array_foreach(list, i, event)
    {
        const char *phase = json_string_value(json_object_get(event, "ph"));
        const char *name = json_string_value(json_object_get(event, "name"));
        json_t *args = json_object_get(event, "args");
        double us = json_real_value(json_object_get(event, "ts"));

        if (phase[0] == 'M') {
            continue;
        }
        used +=
            (size_t)snprintf(text + used, bytes - used, "%s%.0f", phase, us);
        if (phase[0] == 'C') {
            used += (size_t)snprintf(
                text + used, bytes - used, "=%" JSON_INTEGER_FORMAT,
                json_integer_value(json_object_get(args, "value")));
        } else if (phase[0] == 'B') {
            used += (size_t)snprintf(text + used, bytes - used, " %s", name);
        }
        if (phase[0] == 'B' && args != NULL) {
            used += (size_t)snprintf(
                text + used, bytes - used, " (%" JSON_INTEGER_FORMAT ")",
                json_integer_value(json_object_get(args, "coalesced")));
        }
        used += (size_t)snprintf(text + used, bytes - used, " ");
    }
}

START_TEST(a_vector_becomes_slices_and_an_arrow)
{
    struct irqsim *sim = calloc(1, sizeof(*sim));
    struct vmc_timeline *timeline;
    struct irq_timeline *tracks;
    char *text, found[4096] = "";
    size_t bytes;
    FILE *file = open_memstream(&text, &bytes);
    json_t *list;

    ck_assert_ptr_nonnull(sim);
    ck_assert_ptr_nonnull(file);
    sim->config.guest.vcpu_count = 2;
    ck_assert_int_eq(vmc_timeline_new(&timeline, file), VMC_OK);
    ck_assert_int_eq(irq_timeline_new(&tracks, timeline, sim), VMC_OK);
    for (const struct told *told = cases[_i].told;
         told < cases[_i].told + TOLD_MAX && told->what != NULL; told++) {
        tell(&sim->watches[0], told);
    }
    irq_timeline_finish(tracks, UINT64_C(9) * TICKS_PER_US);
    ck_assert_int_eq(vmc_timeline_finish(timeline), VMC_OK);
    irq_timeline_free(tracks);
    vmc_timeline_free(timeline);
    ck_assert_int_eq(fclose(file), 0);
    list = json_loads(text, 0, NULL);
    ck_assert_ptr_nonnull(list);
    describe(list, found, sizeof(found));
    ck_assert_msg(strcmp(found, cases[_i].expected) == 0,
                  "%s: found\n%s\nexpected\n%s", cases[_i].name, found,
                  cases[_i].expected);
    json_decref(list);
    free(text);
    free(sim);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("irq_timeline");
    TCase *c = tcase_create("irq_timeline");

    suite_add_tcase(s, c);
    tcase_add_loop_test(c, a_vector_becomes_slices_and_an_arrow, 0,
                        VMC_COUNT_OF(cases));
    return s;
}
