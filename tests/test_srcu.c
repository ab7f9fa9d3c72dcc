/* SPDX-License-Identifier: MIT */
/* Sections of readers: a ticket waits for the older ones and for no other. */
#include "ioregion/srcu.h"

#include <signal.h>

#include "base/rng.h"
#include "suite.h"

START_TEST(a_ticket_without_readers_is_over_at_once)
{
    struct vmc_srcu srcu = {0};

    ck_assert(vmc_srcu_is_over(&srcu, 0));
    ck_assert(vmc_srcu_is_over(&srcu, vmc_srcu_start(&srcu)));
}
END_TEST

START_TEST(a_ticket_waits_for_older_sections_only)
{
    struct vmc_srcu srcu = {0};
    uint32_t old = vmc_srcu_enter(&srcu);
    uint64_t first = vmc_srcu_start(&srcu);
    uint32_t young = vmc_srcu_enter(&srcu);
    uint64_t second = vmc_srcu_start(&srcu);

    ck_assert(!vmc_srcu_is_over(&srcu, first));
    vmc_srcu_leave(&srcu, old);
    ck_assert(vmc_srcu_is_over(&srcu, first));
    ck_assert(!vmc_srcu_is_over(&srcu, second));
    vmc_srcu_leave(&srcu, young);
    ck_assert(vmc_srcu_is_over(&srcu, second));
}
END_TEST

START_TEST(all_readers_can_be_inside)
{
    struct vmc_srcu srcu = {0};
    bool seen[VMC_SRCU_READERS_MAX] = {false};

    for (int i = 0; i < VMC_SRCU_READERS_MAX; i++) {
        uint32_t reader = vmc_srcu_enter(&srcu);

        ck_assert(!seen[reader]);
        seen[reader] = true;
    }
    for (uint32_t i = 0; i < VMC_SRCU_READERS_MAX; i++) {
        uint64_t ticket = vmc_srcu_start(&srcu);

        ck_assert(!vmc_srcu_is_over(&srcu, ticket));
        vmc_srcu_leave(&srcu, VMC_SRCU_READERS_MAX - 1 - i);
    }
    ck_assert(vmc_srcu_is_over(&srcu, srcu.epoch));
}
END_TEST

START_TEST(leaving_twice_is_a_mistake_of_ours)
{
    struct vmc_srcu srcu = {0};
    uint32_t reader = vmc_srcu_enter(&srcu);

    (void)vmc_srcu_enter(&srcu);
    vmc_srcu_leave(&srcu, reader);
    vmc_srcu_leave(&srcu, reader);
}
END_TEST

/* The twin: every section and every ticket with the step at which it came. */
START_TEST(random_sections_agree_with_a_list_of_begin_times)
{
    struct vmc_rng rng;
    struct vmc_srcu srcu = {0};
    uint64_t began[32] = {0}, taken[2001] = {0};
    uint32_t reader[32] = {0};

    vmc_rng_init(&rng, (uint64_t)_i);
    for (uint64_t step = 1; step <= 2000; step++) {
        uint32_t slot = (uint32_t)vmc_rng_below(&rng, 32);
        uint64_t oldest = UINT64_MAX;

        if (vmc_rng_below(&rng, 4) == 0) {
            taken[vmc_srcu_start(&srcu)] = step;
        } else if (began[slot] == 0) {
            reader[slot] = vmc_srcu_enter(&srcu);
            began[slot] = step;
        } else {
            vmc_srcu_leave(&srcu, reader[slot]);
            began[slot] = 0;
        }
        for (int i = 0; i < 32; i++) {
            if (began[i] != 0 && began[i] < oldest) {
                oldest = began[i];
            }
        }
        for (uint64_t t = srcu.epoch > 20 ? srcu.epoch - 20 : 1;
             t <= srcu.epoch; t++) {
            ck_assert_int_eq(vmc_srcu_is_over(&srcu, t), taken[t] < oldest);
        }
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("srcu");
    TCase *c = tcase_create("srcu");

    suite_add_tcase(s, c);
    tcase_add_test(c, a_ticket_without_readers_is_over_at_once);
    tcase_add_test(c, a_ticket_waits_for_older_sections_only);
    tcase_add_test(c, all_readers_can_be_inside);
    tcase_add_test_raise_signal(c, leaving_twice_is_a_mistake_of_ours, SIGABRT);
    tcase_add_loop_test(c, random_sections_agree_with_a_list_of_begin_times, 0,
                        20);
    return s;
}
