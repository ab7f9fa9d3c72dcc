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
 *     sensitivity.tsv  the numbers of a sensitivity, by their effect
 *
 * Whatever interrupted a sweep, the points that ended are in jobs.tsv and are
 * not run again; a folder may be filled by several processes and machines,
 * each with its part of the points.
 */
#ifndef VMC_SIM_SWEEP_SWEEP_RUN_H
#define VMC_SIM_SWEEP_SWEEP_RUN_H

#include <sys/types.h>

#include "sim/progress.h"
#include "sim/sweep/sweep_log.h"

enum { SWEEP_WORKERS_MAX = 256 };

/** What to run, and what became of it. */
struct sweep_run {
    const struct sweep *sweep;
    const char *dir;
    uint32_t first, last; /**< points, from 1 */
    uint32_t workers;
    const char *program; /**< that runs a point; NULL: a copy of this one */
    bool is_alone;       /**< each point from its start, nothing shared */
    uint32_t skipped, ran, failed; /**< failed: bad input, crashed, killed */
    uint32_t mismatched;           /**< ended with exit status 1 */
    bool is_cut; /**< a signal came before all points had ended */
};

/**
 * Make the folder, or check that it is of the same sweep.
 * Fails    VMC_E_IO; VMC_E_FORMAT when the folder is of another sweep.
 */
enum vmc_status sweep_open_folder(const char *dir, const struct sweep *sweep,
                                  struct vmc_error *error);

/** What a dealer says when it is asked for a point. When a signal has come, see
 * interrupted.h, those that are under way are ended, and there are no more. */
enum sweep_deal {
    SWEEP_DEAL,  /**< here is one */
    SWEEP_LATER, /**< there may be more; ask again */
    SWEEP_OVER,  /**< there will be no more */
};

/** Where points come from, and where their outcomes go. */
struct sweep_dealer {
    enum sweep_deal (*next)(struct sweep_dealer *dealer, uint32_t *point);
    enum vmc_status (*take)(struct sweep_dealer *dealer,
                            const struct sweep_outcome *outcome,
                            struct vmc_error *error);
    /** Do what does not wait, such as messages; *@has_acted says whether there
     * was any. It is called over and over while points are under way. */
    enum vmc_status (*serve)(struct sweep_dealer *dealer, bool *has_acted,
                             struct vmc_error *error);
    /** Start what @point stands for; NULL: a process of the point alone. */
    pid_t (*start)(struct sweep_dealer *dealer, uint32_t point,
                   struct vmc_error *error);
    bool must_serve; /**< false: serve() is not called, and waiting is free */
};

/**
 * Run what @dealer gives, up to run->workers points at once, until it is over.
 * Fails    VMC_E_IO, and what dealer->take() fails with; the points that were
 *          under way have ended then, too.
 */
enum vmc_status sweep_run_dealt(const struct sweep_run *run,
                                struct sweep_dealer *dealer,
                                struct vmc_error *error);

/** Deals the points of a range that have not ended, and logs outcomes. */
struct sweep_own_dealer {
    struct sweep_dealer dealer;
    struct sweep_run *run;
    uint8_t *states; /**< from the log, by number */
    uint32_t point;  /**< to look at next */
    struct progress progress;
};

/**
 * Make @own deal the points that run->first to run->last has left.
 * Owner    sweep_own_end() frees what it holds, after failures, too.
 * Fails    VMC_E_IO, VMC_E_FORMAT for a jobs.tsv that is none, VMC_E_NOMEM.
 */
enum vmc_status sweep_own_start(struct sweep_own_dealer *own,
                                struct sweep_run *run, struct vmc_error *error);

void sweep_own_end(struct sweep_own_dealer *own);

/** Count the outcome of a point that is in the log. */
void sweep_own_count(struct sweep_own_dealer *own,
                     const struct sweep_outcome *outcome);

/** What runs the points of a sweep: this process, or one of many. */
struct sweep_engine {
    enum vmc_status (*run_points)(struct sweep_run *run,
                                  struct vmc_error *error);
    bool is_first;       /**< of its processes: keeps the folder, and prints */
    uint32_t workers;    /**< a process has by default; 0: one a processor */
    const char *program; /**< as in struct sweep_run */
};

/** A dealer whose points are started by processes that may have begun what
 * several have in common, as share.h says.
 * Owner    sweep_share_free(); NULL on failure, and for points that are to be
 *          programs.
 *          @own is borrowed.
 * Fails    VMC_E_NOMEM. */
enum vmc_status sweep_share_new(struct sweep_dealer **out,
                                struct sweep_own_dealer *own);
void sweep_share_free(struct sweep_dealer *dealer);

/** Children of this process. Fails as sweep_own_start() and
 * sweep_run_dealt() do. */
enum vmc_status sweep_run_points(struct sweep_run *run,
                                 struct vmc_error *error);

/** The command, with its points run by @engine; returns an exit status. */
int sweep_main(int argc, char **argv, const struct sweep_engine *engine);

#endif
