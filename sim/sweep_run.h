/* SPDX-License-Identifier: MIT */
/**
 * sweep_run.h - the points of a sweep, each run by a process of its own.
 *
 * A sweep folder holds
 *
 *     sweep.ini        the file that it was made from
 *     jobs.tsv         a line for each point that has ended, in that order:
 *                      point, seed, exit status, ms, fingerprint
 *     points/N.json    what point N gave; points/N.txt what it printed
 *     rows.tsv         all points as rows, in their order
 *
 * jobs.tsv is only added to, a whole line at a time. Whatever interrupted a
 * sweep, the points that ended are in it and are not run again; a folder may
 * be filled by several machines, each with its part of the points.
 */
#ifndef VMC_SIM_SWEEP_RUN_H
#define VMC_SIM_SWEEP_RUN_H

#include "sim/sweep.h"

enum { SWEEP_WORKERS_MAX = 256 };

/** What to run, and what became of it. */
struct sweep_run {
    const struct sweep *sweep;
    const char *dir;
    uint32_t first, last; /**< points, from 1 */
    uint32_t workers;
    uint32_t skipped, ran, failed; /**< failed: bad input, crashed, killed */
    uint32_t mismatched;           /**< ended with exit status 1 */
};

/**
 * Make the folder, or check that it is of the same sweep.
 * Fails    VMC_E_IO; VMC_E_FORMAT when the folder is of another sweep.
 */
enum vmc_status sweep_open_folder(const char *dir, const char *file,
                                  struct vmc_error *error);

/**
 * Run the points that have not ended yet.
 * Fails    VMC_E_IO, VMC_E_FORMAT for a jobs.tsv that is none, VMC_E_NOMEM.
 */
enum vmc_status sweep_run_points(struct sweep_run *run,
                                 struct vmc_error *error);

/**
 * Write rows.tsv of all points that have a result; *@missing is how many have
 * none. Every number in a result is a column, but for what differs between
 * equal runs (wall times). The bytes depend on the results alone.
 */
enum vmc_status sweep_write_rows(const struct sweep *sweep, const char *dir,
                                 uint32_t *missing, struct vmc_error *error);

#endif
