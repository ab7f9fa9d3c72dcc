/* SPDX-License-Identifier: MIT */
/**
 * measure.h - what benchmarks share: host time and medians.
 *
 * Time is the CPU time of the process, so that others on the machine disturb
 * a figure less; still compare only what ran in turns in one process.
 */
#ifndef VMC_BENCH_MEASURE_H
#define VMC_BENCH_MEASURE_H

#include <stddef.h>
#include <stdlib.h>
#include <time.h>

/** CPU seconds that this process has used. */
static inline double bench_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static inline int bench_compare(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/** The median of @values, which are sorted by the way. */
static inline double bench_median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), bench_compare);
    return values[count / 2];
}

#endif
