/* SPDX-License-Identifier: MIT */
/**
 * progress.h - a line on standard error for work that takes over a second.
 *
 * Shown only on a terminal. Here is the one place of the program that looks at
 * the host's clock; no model depends on what it sees.
 */
#ifndef VMC_SIM_PROGRESS_H
#define VMC_SIM_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/** One piece of work. Fields belong to hosttime.c. */
struct progress {
    const char *what, *unit;
    uint64_t done, next_look;
    int64_t start_ms, shown_ms;
    bool is_terminal;
};

/** Begin to count; the texts are borrowed. */
void progress_start(struct progress *progress, const char *what,
                    const char *unit);

/** @count more are done. Cheap: looks at the clock now and then. */
void progress_add(struct progress *progress, uint64_t count);

/** Remove the line. */
void progress_end(struct progress *progress);

/** Host milliseconds since some start, for wall_ms in results. */
int64_t host_now_ms(void);

/** Host nanoseconds since some start, for time-outs on live descriptors. */
uint64_t host_now_ns(void);

#endif
