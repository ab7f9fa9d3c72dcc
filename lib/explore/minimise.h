/* SPDX-License-Identifier: MIT */
/**
 * minimise.h - from a schedule that fails to one that shows why.
 *
 * Of all schedules that break the same rule, the one with the fewest
 * preemptions, and of those one with the fewest steps; or the other way round.
 * A preemption is a switch away from a task that could have gone on. Then every
 * step is marked without which the rest still breaks the rule.
 *
 * The result depends on the model alone where it is proven, else on the model
 * and the schedule to begin with; never on anything else.
 */
#ifndef VMC_EXPLORE_MINIMISE_H
#define VMC_EXPLORE_MINIMISE_H

#include "base/base.h"
#include "explore/model.h"
#include "explore/search.h"

/** What counts first. */
enum vmc_minimise_order {
    VMC_MINIMISE_PREEMPTIONS,
    VMC_MINIMISE_STEPS,
};

/** A smallest failing schedule. */
struct vmc_minimal {
    struct vmc_schedule schedule;
    uint32_t rule;             /**< that it breaks, with its last step or end */
    uint32_t preemption_count; /**< in it */
    uint32_t idle_count;
    bool is_proven;  /**< no schedule that breaks the rule comes before it */
    uint64_t states; /**< looked at */
    bool is_idle[VMC_SCHEDULE_STEPS_MAX]; /**< it fails without these too */
};

/**
 * Make the smallest of @failing, which breaks a rule of @model.
 * Returns  VMC_OK with *@minimal; is_proven is false when @states_max states
 *          were not enough to look at all that comes before it.
 * Fails    VMC_E_USAGE when @failing is no run of @model or breaks nothing;
 *          VMC_E_RANGE for a budget outside 1 to VMC_SEARCH_STATES_MAX;
 *          VMC_E_NOMEM.
 * Cost     memory for the states at the edge of what was looked at.
 */
enum vmc_status vmc_minimise(struct vmc_minimal *minimal,
                             const struct vmc_schedule *failing,
                             enum vmc_minimise_order order, uint64_t states_max,
                             const struct vmc_model_ops *ops, void *model);

#endif
