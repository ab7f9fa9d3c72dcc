/* SPDX-License-Identifier: MIT */
/**
 * walk_priv.h - single runs from the start to an end, by a rule of choice.
 */
#ifndef VMC_EXPLORE_WALK_PRIV_H
#define VMC_EXPLORE_WALK_PRIV_H

#include "base/rng.h"
#include "explore/search_priv.h"

/** Choose one of the @count steps, which are at least one; @depth steps of
 * this run were made before. */
typedef uint16_t vmc_choose_fn(void *context, struct vmc_searcher *searcher,
                               uint32_t depth, const uint16_t *steps,
                               uint32_t count);

/**
 * Make the runs that the searcher asks for and fill its result.
 * Fails    VMC_E_NOMEM.
 */
enum vmc_status vmc_runs(struct vmc_searcher *searcher, vmc_choose_fn *choose,
                         void *context);

/** Make run number @run in @state with room for its steps in @path. False:
 * the budget is used up, and the run does not count. */
bool vmc_run_once(struct vmc_searcher *searcher, uint64_t run,
                  vmc_choose_fn *choose, void *context, void *state,
                  uint16_t *path);

#endif
