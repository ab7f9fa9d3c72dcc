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

enum rung {
    RUNG_BOUND_1,
    RUNG_STATEFUL,
    RUNG_DPOR,
    RUNG_BOUND_2,
    RUNG_SAMPLES, /* this and all that follow */
};

static const struct {
    enum vmc_strategy strategy;
    uint32_t preemptions_max, pct_depth;
} rungs[] = {
    [RUNG_BOUND_1] = {.strategy = VMC_STRATEGY_PREEMPTION,
                      .preemptions_max = 1},
    [RUNG_STATEFUL] = {.strategy = VMC_STRATEGY_STATEFUL},
    [RUNG_DPOR] = {.strategy = VMC_STRATEGY_DPOR},
    [RUNG_BOUND_2] = {.strategy = VMC_STRATEGY_PREEMPTION,
                      .preemptions_max = 2},
    [RUNG_SAMPLES] = {.strategy = VMC_STRATEGY_PCT, .pct_depth = 2},
    {.strategy = VMC_STRATEGY_PCT, .pct_depth = 3},
    {.strategy = VMC_STRATEGY_RANDOM},
};

struct ladder {
    struct vmc_searcher *searcher;
    struct vmc_search_config config; /* of the rung */
    struct vmc_search_keeper keeper; /* that only one rung goes on from */
    struct vmc_search_result *rung;
    uint32_t at; /* the rung in hand */
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
static enum vmc_status climb(struct ladder *ladder)
{
    struct vmc_searcher *searcher = ladder->searcher;
    enum vmc_strategy strategy = rungs[ladder->at].strategy;
    uint64_t steps_max = searcher->config->budget.steps_max;
    uint64_t steps = searcher->result->steps;
    enum vmc_status status;

    ladder->config.strategy = strategy;
    ladder->config.preemptions_max = rungs[ladder->at].preemptions_max;
    ladder->config.pct_depth = rungs[ladder->at].pct_depth;
    ladder->config.runs = SAMPLE_RUNS;
    ladder->config.budget = searcher->config->budget;
    ladder->config.budget.steps_max = steps_max != 0 ? steps_max - steps : 0;
    if (strategy == VMC_STRATEGY_DPOR &&
        (steps_max == 0 || steps_max - steps > DPOR_STEPS_MAX)) {
        ladder->config.budget.steps_max = DPOR_STEPS_MAX;
    }
    status = vmc_search_inside(searcher, ladder->rung, &ladder->config);
    ladder->keeper.resume = NULL;
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

/* Whether what the rung has found is to stand. A search that was bounded stays
 * so: random runs may find a failure, and add nothing else to what is known. */
static bool is_taken(const struct ladder *ladder)
{
    switch (ladder->at) {
    case RUNG_BOUND_1:
        return true;
    case RUNG_STATEFUL:
        return ladder->rung->is_complete ||
               !is_decided(ladder->searcher->result);
    case RUNG_DPOR:
        return is_decided(ladder->rung);
    case RUNG_BOUND_2:
        return ladder->rung->is_complete;
    default:
        return ladder->rung->has_schedule;
    }
}

/* Whether the rungs from this one on are not climbed any more. */
static bool is_the_end(const struct ladder *ladder)
{
    const struct vmc_search_result *result = ladder->searcher->result;

    switch (ladder->at) {
    case RUNG_BOUND_1:
        return false;
    case RUNG_STATEFUL:
        return is_over(ladder);
    case RUNG_DPOR:
    case RUNG_BOUND_2:
        return is_decided(result) || is_over(ladder);
    default:
        return result->has_schedule || is_over(ladder);
    }
}

static void stand(void *strategy, struct vmc_archive *archive)
{
    struct ladder *ladder = strategy;

    ladder->at = (uint32_t)vmc_archive_count(archive, "rung", ladder->at,
                                             VMC_COUNT_OF(rungs) - 1);
}

static enum vmc_status climb_all(struct ladder *ladder)
{
    const struct vmc_searcher *searcher = ladder->searcher;
    bool is_resumed;
    enum vmc_status status =
        vmc_searcher_begin(ladder->searcher, stand, ladder, true, &is_resumed);

    for (; status == VMC_OK && ladder->at < VMC_COUNT_OF(rungs); ladder->at++) {
        if (!is_resumed && is_the_end(ladder)) {
            break;
        }
        if (ladder->at == RUNG_DPOR && searcher->ops->footprint == NULL) {
            continue;
        }
        is_resumed = false;
        status = climb(ladder);
        if (status == VMC_OK && is_taken(ladder)) {
            take(ladder);
        }
    }
    return status;
}

enum vmc_status vmc_strategy_ladder(struct vmc_searcher *searcher)
{
    struct ladder ladder = {.searcher = searcher, .config = *searcher->config};
    enum vmc_status status = VMC_E_NOMEM;

    if (searcher->config->keeper != NULL) {
        ladder.keeper = *searcher->config->keeper;
        ladder.config.keeper = &ladder.keeper;
    }
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
