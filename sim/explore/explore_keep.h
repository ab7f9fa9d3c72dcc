/* SPDX-License-Identifier: MIT */
/**
 * explore_keep.h - checkpoints of a search: --checkpoint-every, --checkpoint
 * and --resume of vmcycle explore.
 *
 * The files are those of checkpoint.h; a number N counts states, or runs where
 * a strategy keeps no states. A search that goes on from one ends as the search
 * that was never interrupted, but for the wall time.
 */
#ifndef VMC_SIM_EXPLORE_EXPLORE_KEEP_H
#define VMC_SIM_EXPLORE_EXPLORE_KEEP_H

#include <argp.h>

#include "explore/search.h"
#include "sim/checkpoint.h"
#include "sim/checkpoint_options.h"

/** What was asked for, and what was kept. Zeroed memory is nothing; fields
 * belong to explore_keep.c, but for the terms. */
struct explore_keep {
    struct checkpoint_options options; /**< without every, which is a time */
    uint64_t every;                    /**< 0: only at a signal */
    struct checkpoint_terms terms;     /**< of the search */
    struct vmc_search_keeper keeper;
    struct checkpoint *from; /**< that it goes on from, or NULL */
    uint64_t number, last;   /**< of the last file; done at it */
    bool is_signal, has_kept_signal;
    struct vmc_error error; /**< why the last could not be written */
};

/** Parses the three; its input is a struct explore_keep. */
extern const struct argp explore_keep_argp;

/**
 * Make the folder, read what is to be gone on from, and have @config use both.
 * Owner    explore_keep_close() closes it; @keep must not move until then.
 * Fails    VMC_E_USAGE, VMC_E_IO; VMC_E_FORMAT for what is no checkpoint of
 *          this search; VMC_E_NOMEM. With a line in @error.
 */
enum vmc_status explore_keep_open(struct explore_keep *keep,
                                  struct vmc_search_config *config,
                                  struct vmc_error *error);

/** Put a better line than @error has, if there is one, for a search that has
 * failed with @status. */
void explore_keep_explain(const struct explore_keep *keep,
                          enum vmc_status status, struct vmc_error *error);

/** Whether a search may end at a signal: what was asked for has been kept. */
bool explore_keep_may_end(const struct explore_keep *keep);

/** Say on standard error how to go on after a signal, if there is a way. */
void explore_keep_tell(const struct explore_keep *keep);

/** Close what was opened. */
void explore_keep_close(struct explore_keep *keep);

#endif
