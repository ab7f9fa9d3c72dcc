/* SPDX-License-Identifier: MIT */
/**
 * count_priv.h - schedules counted without running each: depth first over
 * states, keeping for each how many schedules go on from there.
 */
#ifndef VMC_EXPLORE_COUNT_PRIV_H
#define VMC_EXPLORE_COUNT_PRIV_H

#include "explore/search_priv.h"

/** Any number of preemptions. */
#define VMC_UNBOUNDED UINT32_MAX

/** What came out for one bound. */
struct vmc_counts {
    vmc_u128 schedules, failing;
    uint64_t failure_q62; /**< of a uniform walk; without a bound only */
    uint32_t depth;
    bool is_cut; /**< the bound left schedules out */
};

struct vmc_counter;

/** A counter for @searcher, which must outlive it; NULL: out of memory. */
struct vmc_counter *vmc_counter_new(struct vmc_searcher *searcher);

/** Free @counter. NULL is allowed. */
void vmc_counter_free(struct vmc_counter *counter);

/**
 * Count the schedules with at most @bound preemptions. When the budget ends
 * first, the result of the searcher has a limit and the counts are those of
 * the part that was seen.
 * Fails    VMC_E_NOMEM, VMC_E_RANGE for more than 2^30 states.
 * Order    what one call has found the next one uses, so bounds should rise;
 *          VMC_UNBOUNDED and other bounds may not be mixed.
 */
enum vmc_status vmc_counter_run(struct vmc_counter *counter, uint32_t bound,
                                struct vmc_counts *counts);

/** Save where @counter stands, or load it into a new one: the next
 * vmc_counter_run(), for the same bound, goes on from there. */
void vmc_counter_archive(struct vmc_counter *counter,
                         struct vmc_archive *archive);

/** Different places met: states, or with a bound states with who came last
 * and what is left of the bound. */
uint32_t vmc_counter_places(const struct vmc_counter *counter);

#endif
