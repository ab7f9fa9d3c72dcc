/* SPDX-License-Identifier: MIT */
/**
 * search.h - looking for a schedule of a model that breaks a rule.
 *
 * Every strategy fills the same result, and the result says what it is worth:
 * exhaustive (no schedule breaks a rule, or here is one), bounded (as much is
 * true of the schedules inside a bound), or sampled (of those that were run).
 *
 *     stateful    every state once, depth first; counts all schedules exactly
 *     preemption  all schedules with at most 0, 1, 2... preemptions
 *     dpor        one run for each order of the steps that meet, with sleep
 *                 sets; needs footprints
 *     pct         runs by random priorities that change now and then
 *     random      runs that take any step, all alike
 *     ladder      the cheap ones first, then the strong ones, as far as the
 *                 budget reaches
 *
 * Units    Probabilities are in units of 2^-62, see VMC_CERTAIN_Q62.
 * Owner    A result is plain data of the caller.
 */
#ifndef VMC_EXPLORE_SEARCH_H
#define VMC_EXPLORE_SEARCH_H

#include "base/base.h"
#include "explore/model.h"

enum {
    VMC_SCHEDULE_STEPS_MAX = 4096,
    VMC_SEARCH_STATES_MAX = 1 << 29,
    VMC_SEARCH_BOUNDS_MAX = 8, /**< preemption bounds 0 to 7 */
    VMC_PCT_DEPTH_MAX = 16
};

#define VMC_CERTAIN_Q62 (UINT64_C(1) << 62) /**< probability 1 */

/** How to search; see the head of this file. */
enum vmc_strategy {
    VMC_STRATEGY_STATEFUL,
    VMC_STRATEGY_PREEMPTION,
    VMC_STRATEGY_DPOR,
    VMC_STRATEGY_PCT,
    VMC_STRATEGY_RANDOM,
    VMC_STRATEGY_LADDER,
    VMC_STRATEGY_COUNT
};

/** What a result without a violation is worth. */
enum vmc_guarantee { VMC_EXHAUSTIVE, VMC_BOUNDED, VMC_SAMPLED };

/** What ended a search early. */
enum vmc_search_limit {
    VMC_LIMIT_NONE,
    VMC_LIMIT_STATES,
    VMC_LIMIT_STEPS,
    VMC_LIMIT_MEMORY,
    VMC_LIMIT_DEPTH, /**< a schedule reached VMC_SCHEDULE_STEPS_MAX */
    VMC_LIMIT_TIME,  /**< is_over said so */
};

/** What a search may use. */
struct vmc_search_budget {
    uint64_t states_max;       /**< 1 to VMC_SEARCH_STATES_MAX */
    uint64_t steps_max;        /**< 0: any number */
    uint64_t memory_bytes_max; /**< of tables; 0: any number */
    /** Asked every few hundred steps with @context; true ends the search. The
     * host's clock belongs here, and a progress bar. NULL: never ends it. */
    bool (*is_over)(void *context, uint64_t steps);
    void *context;
};

/** Who keeps where a search stands, so that it can be gone on with. */
struct vmc_search_keeper {
    /** Asked between two steps, or two runs, with what the strategy has done:
     * states met, or runs made. True: keep() is to follow. */
    bool (*is_due)(void *context, uint64_t done);

    /** Save or load what the keeper itself must know; NULL for nothing. */
    void (*archive)(void *context, struct vmc_archive *archive);

    /** Keep @where, all that the search needs. It goes on after VMC_OK; any
     * other status ends it and is returned. */
    enum vmc_status (*keep)(void *context, const struct vmc_archive *where);

    void *context; /**< for all of them */

    /** What was kept, to go on from; NULL: begin. The model and the rest of
     * the configuration must be the same then as now. */
    struct vmc_archive *resume;
};

/** What to search, and how far. */
struct vmc_search_config {
    enum vmc_strategy strategy;             /**< how to search */
    const struct vmc_search_keeper *keeper; /**< NULL: nothing is kept */
    struct vmc_search_budget budget;        /**< and with how much */
    uint32_t preemptions_max; /**< preemption: the last bound; below
                                   VMC_SEARCH_BOUNDS_MAX */
    uint32_t pct_depth;       /**< pct: 1 to VMC_PCT_DEPTH_MAX */
    uint64_t runs;            /**< pct, random: how many, at least 1 */
    uint64_t seed;            /**< pct, random, ladder */
};

/** Steps in their order. */
struct vmc_schedule {
    uint32_t step_count;
    uint16_t steps[VMC_SCHEDULE_STEPS_MAX];
};

/** The schedules with at most so many preemptions. */
struct vmc_bound_counts {
    vmc_u128 schedules; /**< all of them */
    vmc_u128 failing;   /**< those that break a rule */
    bool is_all;        /**< there are none with more */
};

/** What a search has found, and what that is worth. */
struct vmc_search_result {
    enum vmc_strategy strategy;   /**< that the verdict comes from */
    enum vmc_guarantee guarantee; /**< what no violation is worth */
    enum vmc_search_limit limit;  /**< what ended the search */
    /** All of them when exhaustive and counts_are_exact, those within the
     * bound, or those that were run. */
    vmc_u128 schedules, failing;
    bool counts_are_exact; /**< else they are lower bounds of all there are */
    bool is_complete;      /**< the strategy did all that it was asked for */
    bool has_cycle;        /**< schedules without end; they are not counted */
    bool has_overflow;     /**< a count does not fit, and stays at the most */
    uint64_t states;       /**< different ones that were reached, or 0 */
    uint64_t steps;        /**< made in all */
    uint64_t memory_bytes; /**< of tables, at the end */
    uint32_t depth;        /**< steps of the longest schedule seen */
    uint32_t task_count;   /**< most tasks seen at once, by their steps */

    /** Of runs that take any step with the same chance, those that fail; at
     * most depth units of 2^-62 too low. Only after stateful. */
    uint64_t failure_q62;
    bool has_failure_q62; /**< else it is not known */

    uint64_t executions;    /**< dpor, pct, random: runs made to their end */
    uint64_t redundant;     /**< dpor: runs given up, all that is left asleep */
    uint64_t first_failing; /**< the run that failed first, from 1; 0: none */
    uint32_t pct_depth;     /**< that first_failing or the guarantee is for */
    /** A run of pct hits a failure of that depth, if there is one, at least
     * with this probability. */
    uint64_t pct_q62;

    uint32_t bound_count; /**< bounds that were searched to their end */
    struct vmc_bound_counts bounds[VMC_SEARCH_BOUNDS_MAX]; /**< from 0 on */

    bool has_schedule;            /**< failed: the first failing schedule met */
    uint32_t rule;                /**< that it breaks */
    struct vmc_schedule schedule; /**< only if has_schedule */
};

/** The word for @strategy; that of none beyond VMC_STRATEGY_COUNT. */
const char *vmc_strategy_name(enum vmc_strategy strategy);

/** Put the strategy called @name into *@strategy. False: there is none. */
bool vmc_strategy_find(enum vmc_strategy *strategy, const char *name);

/** "exhaustive", "bounded", "sampled". */
const char *vmc_guarantee_name(enum vmc_guarantee guarantee);

/** "states" and so on; "none". */
const char *vmc_limit_name(enum vmc_search_limit limit);

/**
 * Search @model as @config says. One that is kept and gone on with gives the
 * same result as one that was not.
 * Fails    VMC_E_NOMEM; VMC_E_RANGE for a number in @config beyond its limits;
 *          VMC_E_FORMAT when what is to be gone on from does not fit; as the
 *          keeper's keep(). An exhausted budget is no failure: is_complete is
 *          then false.
 */
enum vmc_status vmc_search(struct vmc_search_result *result,
                           const struct vmc_model_ops *ops, void *model,
                           const struct vmc_search_config *config);

/** The strategy stateful: count the schedules of @model. Fails likewise. */
enum vmc_status vmc_search_count(struct vmc_search_result *result,
                                 const struct vmc_model_ops *ops, void *model,
                                 const struct vmc_search_budget *budget);

#endif
