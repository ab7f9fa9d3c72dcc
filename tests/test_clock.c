/* SPDX-License-Identifier: MIT */
/* Cycles of a clock domain, and the ticks they are. */
#include "event/clock.h"

#include "base/base.h"
#include "base/rng.h"
#include "suite.h"

enum { SIGABRT_NUMBER = 6 };

static const struct {
    uint64_t period_ticks, now_tick, cycles, delay_ticks;
} delays[] = {
    {400, 0, 0, 0},     {400, 0, 1, 400}, {400, 400, 0, 0},
    {400, 1, 0, 399},   {400, 399, 0, 1}, {400, 399, 2, 801},
    {400, 401, 1, 799}, {1, 12345, 7, 7}, {333, 1000, 0, 332},
    {333, 999, 3, 999},
};

START_TEST(a_delay_ends_on_an_edge)
{
    struct vmc_clock clock = {delays[_i].period_ticks};

    ck_assert_uint_eq(
        vmc_clock_delay_ticks(&clock, delays[_i].now_tick, delays[_i].cycles),
        delays[_i].delay_ticks);
}
END_TEST

/* Against the definition: edges are the multiples of the period. */
START_TEST(edges_are_multiples_of_the_period)
{
    struct vmc_rng rng;

    vmc_rng_init(&rng, 6);
    for (int i = 0; i < 1000; i++) {
        struct vmc_clock clock = {1 + vmc_rng_below(&rng, 50)};
        uint64_t now_tick = vmc_rng_below(&rng, 500);
        uint64_t cycles = vmc_rng_below(&rng, 5);
        uint64_t edges = 0, at;

        for (uint64_t tick = 1; tick <= now_tick; tick++) {
            edges += tick % clock.period_ticks == 0;
        }
        ck_assert_uint_eq(vmc_clock_cycle_at(&clock, now_tick), edges);
        at = now_tick + vmc_clock_delay_ticks(&clock, now_tick, cycles);
        ck_assert_uint_eq(at % clock.period_ticks, 0);
        ck_assert_uint_ge(at, now_tick + cycles * clock.period_ticks);
        ck_assert_uint_lt(at, now_tick + (cycles + 1) * clock.period_ticks);
        ck_assert_uint_eq(vmc_clock_ticks(&clock, cycles),
                          cycles * clock.period_ticks);
    }
}
END_TEST

START_TEST(units_fit_together)
{
    ck_assert_uint_eq(VMC_TICKS_PER_S, 1000000 * VMC_TICKS_PER_US);
    ck_assert_uint_eq(VMC_TICKS_PER_US, 1000 * VMC_TICKS_PER_NS);
}
END_TEST

START_TEST(ticks_beyond_64_bits_are_a_bug)
{
    struct vmc_clock clock = {1000};

    ck_assert_uint_eq(vmc_clock_ticks(&clock, UINT64_MAX / 1000),
                      UINT64_MAX / 1000 * 1000);
    (void)vmc_clock_ticks(&clock, UINT64_MAX / 1000 + 1);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("clock");
    TCase *c = tcase_create("clock");

    suite_add_tcase(s, c);
    tcase_add_loop_test(c, a_delay_ends_on_an_edge, 0,
                        (int)VMC_COUNT_OF(delays));
    tcase_add_test(c, edges_are_multiples_of_the_period);
    tcase_add_test(c, units_fit_together);
    tcase_add_test_raise_signal(c, ticks_beyond_64_bits_are_a_bug,
                                SIGABRT_NUMBER);
    return s;
}
