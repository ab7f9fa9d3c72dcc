/* SPDX-License-Identifier: MIT */
/**
 * histogram.h - log-linear histograms of latencies, exact where it matters.
 *
 * Values below 2 * 128 have a bucket each; above, every power of two is cut
 * into 128 buckets, so a percentile is at most 0.8 % off. Count, sum, minimum
 * and maximum are exact. Two histograms merge exactly: the result is the same
 * however the samples were split.
 *
 * Units    Those of the caller, the same for all samples of a histogram.
 * Owner    The caller; a histogram is plain data without pointers.
 */
#ifndef VMC_STATS_HISTOGRAM_H
#define VMC_STATS_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>

#include "base/archive.h"

enum {
    VMC_HIST_SUB_BITS = 7, /**< 2^7 buckets for each power of two */
    VMC_HIST_BUCKETS = (64 - VMC_HIST_SUB_BITS + 1) << VMC_HIST_SUB_BITS,
};

/** Zeroed memory is an empty histogram. */
struct vmc_hist {
    uint64_t count;
    uint64_t sum_low, sum_high; /**< the 128-bit sum */
    uint64_t min, max;          /**< 0 while empty */
    uint64_t buckets[VMC_HIST_BUCKETS];
};

/** The figures people quote. All 0 for an empty histogram. */
struct vmc_hist_summary {
    uint64_t count;               /**< of values */
    uint64_t min, max;            /**< exact */
    uint64_t p50, p90, p99, p999; /**< as vmc_hist_quantile() has them */
    uint64_t mean;                /**< rounded to the nearest integer */
};

/** Count @value once. O(1). */
void vmc_hist_add(struct vmc_hist *hist, uint64_t value);

/** Add all samples of @from to @into. */
void vmc_hist_merge(struct vmc_hist *into, const struct vmc_hist *from);

/**
 * The smallest value that at least @per_million of a million samples do not
 * exceed, rounded up to its bucket's end and never above max.
 */
uint64_t vmc_hist_quantile(const struct vmc_hist *hist, uint32_t per_million);

/** The usual figures in one go. */
struct vmc_hist_summary vmc_hist_summarize(const struct vmc_hist *hist);

/**
 * Write the distribution as a table that gnuplot and the HdrHistogram viewers
 * read (.hgrm): value, percentile, samples up to it, 1 / (1 - percentile); a
 * line for each bucket that holds samples. Values are divided by @divisor.
 */
void vmc_hist_write_hgrm(const struct vmc_hist *hist, uint64_t divisor,
                         FILE *file);

/** Save or load @hist as the part @name: its buckets from the first to the last
 * that hold samples, for there are many histograms and most are nearly empty.
 */
void vmc_hist_archive(struct vmc_hist *hist, const char *name,
                      struct vmc_archive *archive);

/** The smallest value that falls into bucket @index. */
uint64_t vmc_hist_bucket_low(uint32_t index);

/** The largest value that falls into bucket @index. */
uint64_t vmc_hist_bucket_high(uint32_t index);

#endif
