/* SPDX-License-Identifier: MIT */
/* Histograms against the sorted samples themselves. */
#include "stats/histogram.h"

#include <stdlib.h>

#include "archive_rig.h"
#include "base/base.h"
#include "base/rng.h"
#include "suite.h"

enum { SAMPLES = 3000 };

static struct vmc_hist hist, other, joint;
static uint64_t samples[SAMPLES];

START_TEST(buckets_follow_each_other_without_gap)
{
    ck_assert_uint_eq(vmc_hist_bucket_low(0), 0);
    for (uint32_t i = 0; i < VMC_HIST_BUCKETS; i++) {
        uint64_t low = vmc_hist_bucket_low(i), high = vmc_hist_bucket_high(i);

        ck_assert_uint_le(low, high);
        ck_assert(i < 256 ? low == high && low == i
                          : (high - low + 1) * 128 <= low);
        if (i + 1 < VMC_HIST_BUCKETS) {
            ck_assert_uint_eq(vmc_hist_bucket_low(i + 1), high + 1);
        } else {
            ck_assert_uint_eq(high, UINT64_MAX);
        }
    }
}
END_TEST

START_TEST(both_ends_of_a_bucket_fall_into_it)
{
    for (uint32_t i = 0; i < VMC_HIST_BUCKETS; i++) {
        vmc_hist_add(&hist, vmc_hist_bucket_low(i));
        vmc_hist_add(&hist, vmc_hist_bucket_high(i));
        ck_assert_uint_eq(hist.buckets[i], 2);
    }
}
END_TEST

START_TEST(an_empty_histogram_says_zero)
{
    struct vmc_hist_summary summary = vmc_hist_summarize(&hist);

    ck_assert(summary.count == 0 && summary.min == 0 && summary.p50 == 0 &&
              summary.p999 == 0 && summary.max == 0 && summary.mean == 0);
    vmc_hist_add(&other, 5);
    vmc_hist_merge(&other, &hist);
    ck_assert_uint_eq(other.min, 5);
    vmc_hist_merge(&hist, &other);
    ck_assert_uint_eq(hist.min, 5);
    ck_assert_uint_eq(hist.count, 1);
}
END_TEST

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void draw_samples(uint64_t seed)
{
    struct vmc_rng rng;

    vmc_rng_init(&rng, seed);
    for (uint32_t i = 0; i < SAMPLES; i++) {
        samples[i] = vmc_rng_next(&rng) >> (8 * seed % 60 + i % 4);
    }
}

START_TEST(quantiles_are_the_sorted_samples_within_a_bucket)
{
    static const uint32_t quantiles[] = {0,      1,      100000, 500000,
                                         900000, 990000, 999000, 1000000};

    draw_samples((uint64_t)_i);
    for (uint32_t i = 0; i < SAMPLES; i++) {
        vmc_hist_add(&hist, samples[i]);
    }
    qsort(samples, SAMPLES, sizeof(samples[0]), compare);
    ck_assert_uint_eq(hist.min, samples[0]);
    ck_assert_uint_eq(hist.max, samples[SAMPLES - 1]);
    for (size_t i = 0; i < VMC_COUNT_OF(quantiles); i++) {
        uint64_t rank = vmc_div_up((uint64_t)SAMPLES * quantiles[i], 1000000);
        uint64_t exact = samples[rank == 0 ? 0 : rank - 1];
        uint64_t found = vmc_hist_quantile(&hist, quantiles[i]);

        ck_assert_msg(found >= exact && found - exact <= exact / 128,
                      "seed %d: quantile %u is %llu, not %llu", _i,
                      quantiles[i], (unsigned long long)found,
                      (unsigned long long)exact);
    }
}
END_TEST

START_TEST(a_merge_is_as_if_never_split)
{
    draw_samples((uint64_t)_i);
    for (uint32_t i = 0; i < SAMPLES; i++) {
        vmc_hist_add(i % 3 == 0 ? &hist : &other, samples[i]);
        vmc_hist_add(&joint, samples[i]);
    }
    vmc_hist_merge(&hist, &other);
    ck_assert_mem_eq(&hist, &joint, sizeof(hist));
}
END_TEST

START_TEST(the_mean_is_exact_and_rounded)
{
    vmc_hist_add(&hist, 1);
    vmc_hist_add(&hist, 2);
    ck_assert_uint_eq(vmc_hist_summarize(&hist).mean, 2);
    vmc_hist_add(&hist, 1);
    ck_assert_uint_eq(vmc_hist_summarize(&hist).mean, 1);
    for (int i = 0; i < 5; i++) {
        vmc_hist_add(&other, UINT64_MAX - (uint64_t)i);
    }
    ck_assert_uint_eq(vmc_hist_summarize(&other).mean, UINT64_MAX - 2);
    vmc_hist_merge(&other, &other);
    ck_assert_uint_eq(vmc_hist_summarize(&other).mean, UINT64_MAX - 2);
}
END_TEST

static void archive_hist(struct vmc_hist *of, struct vmc_archive *archive)
{
    vmc_hist_archive(of, "hist", archive);
}

/* Whatever is in the other one before; and few buckets take few bytes. */
START_TEST(an_archived_histogram_is_the_same)
{
    static const uint64_t cases[][3] = {
        {0, 0, 0},   {1, 0, 0},          {1, UINT64_MAX, 0},
        {3, 5, 700}, {3, 0, UINT64_MAX},
    };
    const uint64_t *row = cases[_i / 2];

    for (uint64_t i = 0; i < row[0]; i++) {
        vmc_hist_add(&hist, row[1 + i % 2]);
    }
    for (uint64_t i = 0; i < 100 && _i % 2 != 0; i++) {
        vmc_hist_add(&other, i * i * i * i * i * i);
    }
    ARCHIVE_CARRY(archive_hist, &hist, &other);
    ck_assert_mem_eq(&hist, &other, sizeof(hist));
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("histogram");
    TCase *c = tcase_create("histogram");

    suite_add_tcase(s, c);
    tcase_add_test(c, buckets_follow_each_other_without_gap);
    tcase_add_test(c, both_ends_of_a_bucket_fall_into_it);
    tcase_add_test(c, an_empty_histogram_says_zero);
    tcase_add_loop_test(c, quantiles_are_the_sorted_samples_within_a_bucket, 0,
                        8);
    tcase_add_loop_test(c, a_merge_is_as_if_never_split, 0, 8);
    tcase_add_loop_test(c, an_archived_histogram_is_the_same, 0, 10);
    tcase_add_test(c, the_mean_is_exact_and_rounded);
    return s;
}
