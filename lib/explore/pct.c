/* SPDX-License-Identifier: MIT */
/*
 * Probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi and
 * Nagarakatte, ASPLOS 2010). Every task draws a priority; always the highest
 * that can make a step does. At d - 1 moments, drawn from all moments of a
 * run, whoever is about to step falls below all others. With n tasks and k
 * steps a run hits a failure of depth d with probability 1 / (n k^(d-1)) or
 * more.
 *
 * n and k are not known before. A run without changes measures them; when a
 * later one is longer, the next draws from the longer span, and what is
 * promised is what the largest n and k give.
 */
#include "explore/walk_priv.h"

#include <stdlib.h>

struct pct {
    struct vmc_rng rng;
    uint64_t priorities[UINT16_MAX + 1]; /* by task */
    uint32_t task_count;                 /* with a priority */
    uint32_t changes[VMC_PCT_DEPTH_MAX]; /* steps before which one falls */
    uint32_t change_count, span;
};

/* All that is drawn is above all to which tasks fall. */
static uint64_t draw_priority(struct pct *pct)
{
    return vmc_rng_next(&pct->rng) | UINT64_C(1) << 63;
}

static void begin_run(struct pct *pct, struct vmc_searcher *searcher)
{
    const struct vmc_search_result *result = searcher->result;

    vmc_rng_init(&pct->rng,
                 vmc_seed_derive(searcher->config->seed, result->executions));
    pct->task_count = 0;
    pct->span = result->depth;
    pct->change_count = pct->span > 0 ? searcher->config->pct_depth - 1 : 0;
    for (uint32_t i = 0; i < pct->change_count; i++) {
        pct->changes[i] = (uint32_t)vmc_rng_below(&pct->rng, pct->span);
    }
}

/* The place in @steps of the first step by the task with the highest
 * priority. */
static uint32_t highest(struct pct *pct, struct vmc_searcher *searcher,
                        const uint16_t *steps, uint32_t count)
{
    uint32_t best = 0, best_task = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t task = vmc_searcher_task(searcher, steps[i]);

        while (pct->task_count <= task) {
            pct->priorities[pct->task_count++] = draw_priority(pct);
        }
        if (i == 0 || pct->priorities[task] > pct->priorities[best_task]) {
            best = i;
            best_task = task;
        }
    }
    return best;
}

/* One of the alternatives of @task. */
static uint16_t any_of_task(struct pct *pct, struct vmc_searcher *searcher,
                            uint32_t task, const uint16_t *steps,
                            uint32_t count)
{
    uint16_t alternatives[VMC_MODEL_STEPS_MAX] = {0};
    uint32_t found = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (vmc_searcher_task(searcher, steps[i]) == task) {
            alternatives[found++] = steps[i];
        }
    }
    assert(found > 0);
    return alternatives[vmc_rng_below(&pct->rng, found)];
}

static uint16_t choose_by_priority(void *context, struct vmc_searcher *searcher,
                                   uint32_t depth, const uint16_t *steps,
                                   uint32_t count)
{
    struct pct *pct = context;
    uint32_t best, task;

    if (depth == 0) {
        begin_run(pct, searcher);
    }
    best = highest(pct, searcher, steps, count);
    for (uint32_t i = 0; i < pct->change_count; i++) {
        if (pct->changes[i] == depth) {
            task = vmc_searcher_task(searcher, steps[best]);
            pct->priorities[task] = pct->change_count - i;
            best = highest(pct, searcher, steps, count);
        }
    }
    return any_of_task(pct, searcher, vmc_searcher_task(searcher, steps[best]),
                       steps, count);
}

/* 1 / (n k^(d-1)), rounded down. */
static uint64_t promised_q62(uint32_t tasks, uint32_t steps, uint32_t depth)
{
    uint64_t probability = VMC_CERTAIN_Q62 / (tasks > 0 ? tasks : 1);

    for (uint32_t i = 1; i < depth; i++) {
        probability /= steps > 0 ? steps : 1;
    }
    return probability;
}

enum vmc_status vmc_strategy_pct(struct vmc_searcher *searcher)
{
    struct vmc_search_result *result = searcher->result;
    struct pct *pct = calloc(1, sizeof(*pct));
    enum vmc_status status = VMC_E_NOMEM;

    if (pct != NULL) {
        status = vmc_runs(searcher, choose_by_priority, pct);
    }
    free(pct);
    result->pct_depth = searcher->config->pct_depth;
    result->pct_q62 =
        promised_q62(result->task_count, result->depth, result->pct_depth);
    return status;
}
