/* SPDX-License-Identifier: MIT */
#include "stats/histogram.h"

#include <string.h>

#include <inttypes.h>

#include "base/base.h"

enum { SUB_COUNT = 1 << VMC_HIST_SUB_BITS };

static uint32_t bucket_of(uint64_t value)
{
    unsigned shift;

    if (value < SUB_COUNT) {
        return (uint32_t)value;
    }
    shift = vmc_bits_top(value) - VMC_HIST_SUB_BITS;
    return (shift << VMC_HIST_SUB_BITS) + (uint32_t)(value >> shift);
}

uint64_t vmc_hist_bucket_low(uint32_t index)
{
    uint32_t shift = index >> VMC_HIST_SUB_BITS;

    assert(index < VMC_HIST_BUCKETS);
    if (shift <= 1) {
        return index;
    }
    shift--;
    return (uint64_t)(index - (shift << VMC_HIST_SUB_BITS)) << shift;
}

uint64_t vmc_hist_bucket_high(uint32_t index)
{
    assert(index < VMC_HIST_BUCKETS);
    if (index == VMC_HIST_BUCKETS - 1) {
        return UINT64_MAX;
    }
    return vmc_hist_bucket_low(index + 1) - 1;
}

void vmc_hist_add(struct vmc_hist *hist, uint64_t value)
{
    if (hist->count == 0 || value < hist->min) {
        hist->min = value;
    }
    if (value > hist->max) {
        hist->max = value;
    }
    hist->count++;
    hist->sum_high +=
        __builtin_add_overflow(hist->sum_low, value, &hist->sum_low);
    hist->buckets[bucket_of(value)]++;
}

void vmc_hist_merge(struct vmc_hist *into, const struct vmc_hist *from)
{
    if (from->count == 0) {
        return;
    }
    if (into->count == 0 || from->min < into->min) {
        into->min = from->min;
    }
    if (from->max > into->max) {
        into->max = from->max;
    }
    into->count += from->count;
    into->sum_high += from->sum_high;
    into->sum_high +=
        __builtin_add_overflow(into->sum_low, from->sum_low, &into->sum_low);
    for (uint32_t i = 0; i < VMC_HIST_BUCKETS; i++) {
        into->buckets[i] += from->buckets[i];
    }
}

uint64_t vmc_hist_quantile(const struct vmc_hist *hist, uint32_t per_million)
{
    vmc_u128 wanted = (vmc_u128)hist->count * per_million;
    uint64_t seen = 0;

    assert(per_million <= 1000000);
    for (uint32_t i = 0; i < VMC_HIST_BUCKETS && hist->count > 0; i++) {
        seen += hist->buckets[i];
        if (hist->buckets[i] > 0 && (vmc_u128)seen * 1000000 >= wanted) {
            uint64_t high = vmc_hist_bucket_high(i);

            return high < hist->max ? high : hist->max;
        }
    }
    return hist->max;
}

struct vmc_hist_summary vmc_hist_summarize(const struct vmc_hist *hist)
{
    struct vmc_hist_summary summary = {
        .count = hist->count,
        .min = hist->min,
        .p50 = vmc_hist_quantile(hist, 500000),
        .p90 = vmc_hist_quantile(hist, 900000),
        .p99 = vmc_hist_quantile(hist, 990000),
        .p999 = vmc_hist_quantile(hist, 999000),
        .max = hist->max,
    };

    if (hist->count > 0) {
        vmc_u128 sum = (vmc_u128)hist->sum_high << 64 | hist->sum_low;

        summary.mean = (uint64_t)((sum + hist->count / 2) / hist->count);
    }
    return summary;
}

void vmc_hist_write_hgrm(const struct vmc_hist *hist, uint64_t divisor,
                         FILE *file)
{
    uint64_t seen = 0;

    (void)fprintf(file, "%12s %16s %12s %18s\n", "Value", "Percentile",
                  "TotalCount", "1/(1-Percentile)");
    for (uint32_t i = 0; i < VMC_HIST_BUCKETS && hist->count > 0; i++) {
        uint64_t high = vmc_hist_bucket_high(i);
        uint64_t left;

        if (hist->buckets[i] == 0) {
            continue;
        }
        seen += hist->buckets[i];
        left = hist->count - seen;
        high = high < hist->max ? high : hist->max;
        (void)fprintf(file, "%12" PRIu64 ".%03" PRIu64, high / divisor,
                      high % divisor * 1000 / divisor);
        (void)fprintf(file, " %16.12f %12" PRIu64,
                      (double)seen / (double)hist->count, seen);
        if (left > 0) {
            (void)fprintf(file, " %18.2f\n",
                          (double)hist->count / (double)left);
        } else {
            (void)fprintf(file, "\n"); /* the maximum: at infinity */
        }
    }
}

/* ---- Checkpoints -------------------------------------------------------- */

/* The buckets that hold samples lie in [@first, @end). */
static void find_used(const struct vmc_hist *hist, uint64_t *first,
                      uint64_t *end)
{
    *first = 0;
    *end = hist->count > 0 ? VMC_HIST_BUCKETS : 0;
    while (*first < *end && hist->buckets[*first] == 0) {
        ++*first;
    }
    while (*first < *end && hist->buckets[*end - 1] == 0) {
        --*end;
    }
}

void vmc_hist_archive(struct vmc_hist *hist, const char *name,
                      struct vmc_archive *archive)
{
    uint64_t first, end;

    find_used(hist, &first, &end);
    if (vmc_archive_is_loading(archive) && vmc_archive_is_good(archive)) {
        memset(hist->buckets + first, 0,
               (end - first) * sizeof(hist->buckets[0]));
    }
    vmc_archive_begin(archive, name);
    vmc_archive_bytes(archive, "sums", hist,
                      offsetof(struct vmc_hist, buckets));
    first = vmc_archive_count(archive, "first", first, VMC_HIST_BUCKETS);
    end = vmc_archive_count(archive, "end", end, VMC_HIST_BUCKETS);
    if (first <= end) {
        vmc_archive_bytes(archive, "buckets", hist->buckets + first,
                          (end - first) * sizeof(hist->buckets[0]));
    } else {
        vmc_archive_fail(archive, VMC_E_FORMAT, "no such buckets");
    }
    vmc_archive_end(archive);
}
