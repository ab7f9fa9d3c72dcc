/* SPDX-License-Identifier: MIT */
/* The generator against published sequences and plain arithmetic. */
#include "base/rng.h"

#include <math.h>

#include "base/base.h"
#include "suite.h"

/* SplitMix64 from 1234567: the sequence of the Rosetta Code task. */
START_TEST(a_seed_is_spread_by_splitmix64)
{
    struct vmc_rng rng;

    vmc_rng_init(&rng, 1234567);
    ck_assert_uint_eq(rng.state[0], UINT64_C(6457827717110365317));
    ck_assert_uint_eq(rng.state[1], UINT64_C(3203168211198807973));
    ck_assert_uint_eq(rng.state[2], UINT64_C(9817491932198370423));
    ck_assert_uint_eq(rng.state[3], UINT64_C(4593380528125082431));
}
END_TEST

/* From the state 1, 2, 3, 4; the same as in the rand_xoshiro crate's tests. */
START_TEST(the_sequence_is_xoshiro256starstar)
{
    static const uint64_t expected[] = {11520, 0, 1509978240,
                                        UINT64_C(1215971899390074240)};
    struct vmc_rng rng = {{1, 2, 3, 4}};

    for (size_t i = 0; i < VMC_COUNT_OF(expected); i++) {
        ck_assert_uint_eq(vmc_rng_next(&rng), expected[i]);
    }
}
END_TEST

/* Pearson's chi squared over the buckets: 36.1 is its 99.99 % point for 11
 * degrees of freedom, and the seed is fixed. */
START_TEST(below_is_even)
{
    enum { LIMIT = 12, DRAWS = 120000 };
    uint32_t counts[LIMIT] = {0};
    double chi_squared = 0;
    struct vmc_rng rng;

    vmc_rng_init(&rng, 3);
    for (int i = 0; i < DRAWS; i++) {
        counts[vmc_rng_below(&rng, LIMIT)]++;
    }
    for (int i = 0; i < LIMIT; i++) {
        double off = counts[i] - (double)DRAWS / LIMIT;

        chi_squared += off * off / ((double)DRAWS / LIMIT);
    }
    ck_assert_msg(chi_squared < 36.1, "chi squared %.1f", chi_squared);
}
END_TEST

START_TEST(below_keeps_its_limit)
{
    struct vmc_rng rng;
    uint64_t limit = UINT64_C(3) << 62; /* a quarter is drawn again */
    uint32_t upper_half = 0;

    vmc_rng_init(&rng, 4);
    for (int i = 0; i < 3000; i++) {
        uint64_t value = vmc_rng_below(&rng, limit);

        ck_assert_uint_lt(value, limit);
        ck_assert_uint_eq(vmc_rng_below(&rng, 1), 0);
        upper_half += value >= limit / 2;
    }
    ck_assert_uint_gt(upper_half, 1350);
    ck_assert_uint_lt(upper_half, 1650);
}
END_TEST

/* Each sample against the floating-point formula on the same draw. */
START_TEST(exponential_follows_the_logarithm)
{
    static const uint64_t means[] = {0, 1, 7, 1000, 1000000, 1099511627775};
    uint64_t mean = means[_i];
    double sum = 0;
    struct vmc_rng rng;

    vmc_rng_init(&rng, 5);
    for (int i = 0; i < 100000; i++) {
        struct vmc_rng twin = rng;
        double u = ((double)vmc_rng_next(&twin) + 0.5) / 18446744073709551616.;
        double expected = -log(u) * (double)mean;
        double found = (double)vmc_rng_exponential(&rng, mean);

        ck_assert_msg(fabs(found - expected) <= 1 + (double)mean * 1e-9,
                      "draw %d: %.1f, not %.1f", i, found, expected);
        sum += found;
    }
    ck_assert_msg(fabs(sum / 100000 - (double)mean) <= 0.05 * (double)mean,
                  "mean %.2f", sum / 100000);
}
END_TEST

START_TEST(derived_seeds_differ)
{
    enum { SEEDS = 30, INDICES = 30 };
    uint64_t seen[SEEDS * INDICES];
    uint32_t count = 0;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        for (uint64_t index = 0; index < INDICES; index++) {
            seen[count++] = vmc_seed_derive(seed, index);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            ck_assert_uint_ne(seen[i], seen[j]);
        }
    }
    ck_assert_uint_eq(vmc_seed_derive(7, 9), vmc_seed_derive(7, 9));
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("rng");
    TCase *c = tcase_create("rng");

    suite_add_tcase(s, c);
    tcase_add_test(c, a_seed_is_spread_by_splitmix64);
    tcase_add_test(c, the_sequence_is_xoshiro256starstar);
    tcase_add_test(c, below_is_even);
    tcase_add_test(c, below_keeps_its_limit);
    tcase_add_loop_test(c, exponential_follows_the_logarithm, 0, 6);
    tcase_add_test(c, derived_seeds_differ);
    return s;
}
