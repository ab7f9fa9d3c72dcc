/* SPDX-License-Identifier: MIT */
/**
 * search.h - every schedule of a model, by visiting every state once.
 *
 * Two searches. The first goes depth first, keeps for each state how many
 * schedules start there and how many of them fail, and so counts all schedules
 * exactly without running each. The second goes breadth first and finds a
 * failing schedule that no other is shorter than.
 *
 * Owner    A result is plain data of the caller.
 */
#ifndef VMC_EXPLORE_SEARCH_H
#define VMC_EXPLORE_SEARCH_H

#include "base/base.h"
#include "explore/model.h"

enum { VMC_SCHEDULE_STEPS_MAX = 4096, VMC_SEARCH_STATES_MAX = 1 << 26 };

struct vmc_search_budget {
    uint64_t states_max; /**< 1 to VMC_SEARCH_STATES_MAX */
};

/** Steps in their order. */
struct vmc_schedule {
    uint32_t step_count;
    uint16_t steps[VMC_SCHEDULE_STEPS_MAX];
};

struct vmc_search_result {
    vmc_u128 schedules, failing; /**< exact when complete */
    uint64_t states;             /**< different ones that were reached */
    uint64_t steps;              /**< made in the first search */
    uint32_t depth;              /**< steps of the longest schedule */
    bool is_complete;            /**< every state was visited */
    bool has_cycle;    /**< schedules without end; they are not counted */
    bool has_overflow; /**< a count does not fit into 128 bits */
};

/**
 * Count the schedules of @model.
 * Fails    VMC_E_NOMEM; VMC_E_RANGE for a budget or a depth beyond the limits.
 *          An exhausted budget is no failure: is_complete is then false and
 *          the counts are those of the part that was seen.
 */
enum vmc_status vmc_search_count(struct vmc_search_result *result,
                                 const struct vmc_model_ops *ops, void *model,
                                 const struct vmc_search_budget *budget);

/**
 * Find a shortest schedule that breaks a rule.
 * Returns  VMC_OK with *@schedule, whose last step or whose end breaks *@rule;
 *          VMC_END when there is none within the budget.
 * Fails    VMC_E_NOMEM, VMC_E_RANGE.
 */
enum vmc_status vmc_search_shortest(struct vmc_schedule *schedule,
                                    uint32_t *rule,
                                    const struct vmc_model_ops *ops,
                                    void *model,
                                    const struct vmc_search_budget *budget);

#endif
