/* SPDX-License-Identifier: MIT */
/**
 * sweep_log.h - jobs.tsv: which points of a sweep ended, and how.
 *
 * The log is only added to, a whole line at a time and under a lock, so that
 * any number of processes may share a folder, on one machine or, where the
 * file system locks, on many. A line that a crash left unfinished is no line.
 */
#ifndef VMC_SIM_SWEEP_SWEEP_LOG_H
#define VMC_SIM_SWEEP_SWEEP_LOG_H

#include "sim/sweep/sweep.h"

/** What the log knows about a point. */
enum sweep_state {
    SWEEP_UNTRIED = 0,
    SWEEP_FAILED, /**< bad input, crashed, killed, or its result is gone */
    SWEEP_ENDED,  /**< ran to its end and has a result, whatever it found */
};

/** How the run of one point came out. */
struct sweep_outcome {
    uint32_t point;
    uint32_t exit_status; /**< a signal counts as a shell counts it */
    int64_t ms;
};

/** True when it ran to its end, whatever it found. */
bool sweep_has_ended(uint64_t exit_status);

/**
 * Hold the folder @dir against other processes. -1 when its file system has no
 * locks; then nothing is held.
 */
int sweep_lock(const char *dir);

/**
 * Keep the points @first to @last from other processes, so that none is run by
 * two at once: wait until nobody else keeps any of them, or a signal has come.
 * Returns  what sweep_unlock() gives back; -1 as sweep_lock(). It ends with the
 *          process, too, and with its copies.
 */
int sweep_claim(const char *dir, uint32_t first, uint32_t last);

/** Let go of what sweep_lock() or sweep_claim() returned. */
void sweep_unlock(int lock);

/**
 * Read the log into @states, which has an enum sweep_state for every point by
 * number, [0] unused, and is all SWEEP_UNTRIED. No log is an empty one.
 * Fails    VMC_E_IO, VMC_E_FORMAT with file and line.
 */
enum vmc_status sweep_log_read(const struct sweep *sweep, const char *dir,
                               uint8_t *states, struct vmc_error *error);

/**
 * Count the points that nobody has tried, and those that have no result.
 * Fails    As sweep_log_read(); VMC_E_NOMEM.
 */
enum vmc_status sweep_log_count(const struct sweep *sweep, const char *dir,
                                uint32_t *untried, uint32_t *missing,
                                struct vmc_error *error);

/**
 * Add a line; the fingerprint is taken from the result of the point.
 * Fails    VMC_E_IO.
 */
enum vmc_status sweep_log_add(const struct sweep *sweep, const char *dir,
                              const struct sweep_outcome *outcome,
                              struct vmc_error *error);

#endif
