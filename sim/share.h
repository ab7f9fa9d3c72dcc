/* SPDX-License-Identifier: MIT */
/**
 * share.h - runs of one command that begin alike, and are begun once.
 *
 * A trunk is a process that does what its runs have in common: loads a trace,
 * sets a guest up, runs the cycles before the one that is timed. Where a run
 * parts from the others, it becomes a copy of the trunk, which goes on as its
 * own arguments say; the trunk waits for it, and goes on to where the next one
 * parts. What comes out is the same, byte for byte, as if each had begun by
 * itself. A run that the trunk has not made is made without it.
 */
#ifndef VMC_SIM_SHARE_H
#define VMC_SIM_SHARE_H

#include <stdbool.h>
#include <stdint.h>

/** The runs of a trunk. */
struct share;

/** A command that can be a trunk. */
struct shared_command {
    const char *name;
    /** What may vary among the runs of a trunk, as "set"; ends with NULL. */
    const char *const *late;
    /** Runs with other --set have less in common than what else may vary. */
    bool is_settings_first;
    /** Be the trunk. In it the return value tells nobody anything; in a run,
     * it is the exit status. */
    int (*run)(struct share *share);
};

extern const struct shared_command shared_balloon, shared_replay;

/** How many runs there are. Their numbers are below that. */
uint32_t share_count(const struct share *share);

/** The value of option @name in run @run, where it varies; else NULL. */
const char *share_value(const struct share *share, uint32_t run,
                        const char *name);

/** Whether runs @a and @b have all their --set alike. */
bool share_has_same_settings(const struct share *share, uint32_t a, uint32_t b);

/**
 * The arguments of run @run, as its command is called with them.
 * Owner    the process's, to its end; NULL when they are too long.
 */
char **share_arguments(struct share *share, uint32_t run, int *argc);

/**
 * Let run @run part. True in its own process; false in the trunk, once the run
 * has ended, or at once if it had parted before, from this trunk or another.
 */
bool share_part(struct share *share, uint32_t run);

/** Whether the trunk has nothing more to do: all runs have parted, or somebody
 * wants it to end. */
bool share_is_over(struct share *share);

#endif
