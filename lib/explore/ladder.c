/* SPDX-License-Identifier: MIT */
/*
 * Rungs, from cheap to strong and, when the strong ones do not reach the end,
 * to what at least says how far it got:
 *
 *     1  preemption, bounds 0 and 1    most failures, in milliseconds
 *     2  stateful                      exact counts
 *     3  dpor                          exhaustive without a table
 *     4  preemption, bound 2
 *     5  pct of depth 2 and 3, random  what is left of the budget
 *
 * The second is always climbed, because it also counts. After it the first
 * rung that finds a failure, or reaches the end, is the last. Each gets the
 * whole budget of states and memory; that of steps is shared, and without one
 * dpor has a limit of its own, so that a search ends by itself.
 */
#include "explore/search_priv.h"

#include <stdlib.h>

enum { DPOR_STEPS_MAX = 20000000, SAMPLE_RUNS = 10000 };

struct ladder {
    struct vmc_searcher *searcher;
    struct vmc_search_config config; /* of the rung */
    struct vmc_search_result *rung;
};

static bool is_over(const struct ladder *ladder)
{
    const struct vmc_search_budget *budget = &ladder->searcher->config->budget;
    uint64_t steps = ladder->searcher->result->steps;

    return (budget->steps_max != 0 && steps >= budget->steps_max) ||
           (budget->is_over != NULL && budget->is_over(budget->context, steps));
}

/* Climb one rung, with the rest of the budget; dpor never gets more steps than
 * its own limit. */
static enum vmc_status climb(struct ladder *ladder, enum vmc_strategy strategy)
{
    struct vmc_searcher *searcher = ladder->searcher;
    uint64_t steps_max = searcher->config->budget.steps_max;
    uint64_t steps = searcher->result->steps;
    enum vmc_status status;

    ladder->config.strategy = strategy;
    ladder->config.budget = searcher->config->budget;
    ladder->config.budget.steps_max = steps_max != 0 ? steps_max - steps : 0;
    if (strategy == VMC_STRATEGY_DPOR &&
        (steps_max == 0 || steps_max - steps > DPOR_STEPS_MAX)) {
        ladder->config.budget.steps_max = DPOR_STEPS_MAX;
    }
    status = vmc_search(ladder->rung, searcher->ops, searcher->model,
                        &ladder->config);
    searcher->result->steps = steps + ladder->rung->steps;
    return status;
}

/* Keep what the bounds say in the result, whatever the verdict comes from. */
static void keep_bounds(struct vmc_search_result *result,
                        const struct vmc_search_result *from)
{
    result->bound_count = from->bound_count;
    for (uint32_t i = 0; i < from->bound_count; i++) {
        result->bounds[i] = from->bounds[i];
    }
}

/* The rung gives the verdict, beside what was known before. */
static void take(struct ladder *ladder)
{
    struct vmc_search_result *result = ladder->searcher->result;
    struct vmc_search_result before;

    before = *result;
    *result = *ladder->rung;
    result->steps = before.steps;
    if (before.memory_bytes > result->memory_bytes) {
        result->memory_bytes = before.memory_bytes;
    }
    if (result->bound_count == 0) {
        keep_bounds(result, &before);
    }
    if (result->states == 0) {
        result->states = before.states;
    }
    if (before.has_schedule) {
        result->has_schedule = true;
        result->rule = before.rule;
        result->schedule = before.schedule;
    }
}

static bool is_decided(const struct vmc_search_result *result)
{
    return result->has_schedule ||
           (result->guarantee == VMC_EXHAUSTIVE && result->is_complete);
}

/* Random runs of all kinds. A search that was bounded stays so: the runs may
 * find a failure, and add nothing else to what is known. */
static enum vmc_status sample(struct ladder *ladder)
{
    struct vmc_search_result *result = ladder->searcher->result;
    static const struct {
        enum vmc_strategy strategy;
        uint32_t depth;
    } kinds[] = {
        {VMC_STRATEGY_PCT, 2}, {VMC_STRATEGY_PCT, 3}, {VMC_STRATEGY_RANDOM, 0}};
    enum vmc_status status = VMC_OK;

    for (size_t i = 0; i < VMC_COUNT_OF(kinds) && status == VMC_OK &&
                       !result->has_schedule && !is_over(ladder);
         i++) {
        ladder->config.pct_depth = kinds[i].depth;
        ladder->config.runs = SAMPLE_RUNS;
        status = climb(ladder, kinds[i].strategy);
        if (status == VMC_OK && ladder->rung->has_schedule) {
            take(ladder);
        }
    }
    return status;
}

/* The bounds 0 to @bound. */
static enum vmc_status climb_bounds(struct ladder *ladder, uint32_t bound)
{
    ladder->config.preemptions_max = bound;
    return climb(ladder, VMC_STRATEGY_PREEMPTION);
}

static enum vmc_status climb_all(struct ladder *ladder)
{
    struct vmc_search_result *result = ladder->searcher->result;
    enum vmc_status status = climb_bounds(ladder, 1);

    if (status != VMC_OK) {
        return status;
    }
    take(ladder);
    if (is_over(ladder)) {
        return VMC_OK;
    }
    status = climb(ladder, VMC_STRATEGY_STATEFUL);
    if (status != VMC_OK) {
        return status;
    }
    if (ladder->rung->is_complete || !is_decided(result)) {
        take(ladder);
    }
    if (is_decided(result) || is_over(ladder)) {
        return VMC_OK;
    }
    if (ladder->searcher->ops->footprint != NULL) {
        status = climb(ladder, VMC_STRATEGY_DPOR);
        if (status == VMC_OK && is_decided(ladder->rung)) {
            take(ladder);
        }
    }
    if (status != VMC_OK || is_decided(result) || is_over(ladder)) {
        return status;
    }
    status = climb_bounds(ladder, 2);
    if (status == VMC_OK && ladder->rung->is_complete) {
        take(ladder);
    }
    return status != VMC_OK ? status : sample(ladder);
}

enum vmc_status vmc_strategy_ladder(struct vmc_searcher *searcher)
{
    struct ladder ladder = {.searcher = searcher, .config = *searcher->config};
    enum vmc_status status = VMC_E_NOMEM;

    ladder.rung = calloc(1, sizeof(*ladder.rung));
    if (ladder.rung != NULL) {
        status = climb_all(&ladder);
    }
    free(ladder.rung);
    /* Asked to look everywhere: less is not all that was asked for. */
    if (searcher->result->guarantee != VMC_EXHAUSTIVE) {
        searcher->result->is_complete = false;
    }
    return status;
}
