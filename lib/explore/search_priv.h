/* SPDX-License-Identifier: MIT */
/**
 * search_priv.h - what the strategies share.
 */
#ifndef VMC_EXPLORE_SEARCH_PRIV_H
#define VMC_EXPLORE_SEARCH_PRIV_H

#include "explore/search.h"

#define VMC_NO_TASK UINT32_MAX

/** Saves or loads where a strategy stands, beside the result. */
typedef void vmc_stand_fn(void *strategy, struct vmc_archive *archive);

/** One search: the model, what it may cost, and what came out so far. */
struct vmc_searcher {
    const struct vmc_model_ops *ops;
    void *model;
    const struct vmc_search_config *config;
    struct vmc_search_result *result;
    size_t state_bytes; /**< of a place for a state, alignment included */
    struct vmc_searcher *outer; /**< whose rung this is, or NULL */
    vmc_stand_fn *stand;        /**< of the strategy, see below */
    void *stands;
};

/** Begin: an empty result, with the strategy that it will be from. */
void vmc_searcher_init(struct vmc_searcher *searcher,
                       enum vmc_strategy strategy,
                       struct vmc_search_result *result,
                       const struct vmc_model_ops *ops, void *model,
                       const struct vmc_search_config *config);

/** Account for one step. False when the budget is used up; the result then
 * says by what. */
bool vmc_searcher_may_step(struct vmc_searcher *searcher);

/** Account for tables of @bytes and @states. False likewise. */
bool vmc_searcher_may_hold(struct vmc_searcher *searcher, uint64_t states,
                           uint64_t bytes);

/** The task of @step; seen for the count of tasks. */
uint32_t vmc_searcher_task(struct vmc_searcher *searcher, uint16_t step);

/** Whether @last made one of the steps before and could make one of @steps. */
bool vmc_searcher_can_go_on(struct vmc_searcher *searcher, uint32_t last,
                            const uint16_t *steps, uint32_t count);

/** Note a failing schedule, unless there is one. @steps has @count of them. */
void vmc_searcher_fail(struct vmc_searcher *searcher, uint32_t rule,
                       const uint16_t *steps, uint32_t count);

/**
 * From now on @stand, called with @strategy, tells where the strategy stands.
 * *@is_resumed says that it was just loaded, and the result with it; @is_outer
 * that a search inside this one loads the rest.
 * Fails    VMC_E_FORMAT, VMC_E_NOMEM when what was to be loaded does not fit.
 */
enum vmc_status vmc_searcher_begin(struct vmc_searcher *searcher,
                                   vmc_stand_fn *stand, void *strategy,
                                   bool is_outer, bool *is_resumed);

/** Have it kept where the search stands, when that is due; @done as in struct
 * vmc_search_keeper. Fails as the keeper does. */
enum vmc_status vmc_searcher_keep(struct vmc_searcher *searcher, uint64_t done);

/** vmc_search() of the model of @outer, as a part of it. */
enum vmc_status vmc_search_inside(struct vmc_searcher *outer,
                                  struct vmc_search_result *result,
                                  const struct vmc_search_config *config);

enum vmc_status vmc_strategy_stateful(struct vmc_searcher *searcher);
enum vmc_status vmc_strategy_preemption(struct vmc_searcher *searcher);
enum vmc_status vmc_strategy_dpor(struct vmc_searcher *searcher);
enum vmc_status vmc_strategy_pct(struct vmc_searcher *searcher);
enum vmc_status vmc_strategy_random(struct vmc_searcher *searcher);
enum vmc_status vmc_strategy_ladder(struct vmc_searcher *searcher);

#endif
