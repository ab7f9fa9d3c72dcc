/* SPDX-License-Identifier: MIT */
/**
 * hold.h - the hold model as every peer runs it.
 *
 *     hold_begin(argc, argv)      HELD EVENTS DISTRIBUTION
 *     schedule HELD events, each after hold_draw()
 *     when one fires: schedule it again after hold_next()
 *
 * hold_next() counts and takes the time. When all batches are done it prints
 * the median of ns an event and ends the process. C and C++.
 */
#ifndef VMC_PEERS_HOLD_H
#define VMC_PEERS_HOLD_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { HOLD_INCREMENTS = 1 << 16, HOLD_BATCHES = 5 };

static uint32_t hold_held, hold_events, hold_drawn, hold_left;
static int hold_batch = -1; /* the first one warms up */
static uint64_t hold_increments[HOLD_INCREMENTS];
static double hold_began_ns, hold_ns[HOLD_BATCHES];

static double hold_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void hold_begin(int argc, char **argv)
{
    uint64_t bits = 88172645463325252; /* xorshift64, Marsaglia 2003 */
    int is_exponential;

    if (argc < 4) {
        fprintf(stderr, "usage: %s HELD EVENTS small|exponential\n", argv[0]);
        exit(2);
    }
    hold_held = (uint32_t)strtoul(argv[1], NULL, 10);
    hold_events = hold_left = (uint32_t)strtoul(argv[2], NULL, 10);
    is_exponential = argv[3][0] == 'e';
    for (int i = 0; i < HOLD_INCREMENTS; i++) {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        hold_increments[i] =
            is_exponential
                ? 1 + (uint64_t)(-1e6 * log(((double)bits + 1) / 0x1p64))
                : 1 + (bits >> 32) % 64;
    }
}

static uint64_t hold_draw(void)
{
    return hold_increments[hold_drawn++ % HOLD_INCREMENTS];
}

static int hold_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void hold_close_batch(void)
{
    double now_ns = hold_now_ns();

    if (hold_batch >= 0) {
        hold_ns[hold_batch] = (now_ns - hold_began_ns) / hold_events;
    }
    if (++hold_batch == HOLD_BATCHES) {
        qsort(hold_ns, HOLD_BATCHES, sizeof(hold_ns[0]), hold_compare);
        printf("%.1f\n", hold_ns[HOLD_BATCHES / 2]);
        fflush(stdout);
        _Exit(0);
    }
    hold_left = hold_events;
    hold_began_ns = hold_now_ns();
}

static uint64_t hold_next(void)
{
    if (--hold_left == 0) {
        hold_close_batch();
    }
    return hold_draw();
}

#endif
