/* SPDX-License-Identifier: MIT */
/* Runs that take any of the steps there are, all with the same chance. Run i
 * depends on the seed and i only, so any of them can be made again. */
#include "explore/walk_priv.h"

#include <stdlib.h>

/* A run needs its number alone, and that is in the result. */
static void stand(void *strategy, struct vmc_archive *archive)
{
    (void)strategy;
    (void)archive;
}

enum vmc_status vmc_runs(struct vmc_searcher *searcher, vmc_choose_fn *choose,
                         void *context)
{
    struct vmc_search_result *result = searcher->result;
    uint64_t runs = searcher->config->runs;
    void *state = calloc(1, searcher->state_bytes);
    uint16_t *path = calloc(VMC_SCHEDULE_STEPS_MAX, sizeof(*path));
    enum vmc_status status;
    bool is_resumed;

    if (state == NULL || path == NULL) {
        free(state);
        free(path);
        return VMC_E_NOMEM;
    }
    status = vmc_searcher_begin(searcher, stand, NULL, false, &is_resumed);
    while (status == VMC_OK && result->executions < runs) {
        status = vmc_searcher_keep(searcher, result->executions);
        if (status != VMC_OK || !vmc_run_once(searcher, result->executions,
                                              choose, context, state, path)) {
            break;
        }
    }
    free(state);
    free(path);
    result->schedules = result->executions;
    result->is_complete = result->executions == runs;
    result->guarantee = VMC_SAMPLED;
    return status;
}

bool vmc_run_once(struct vmc_searcher *searcher, uint64_t run,
                  vmc_choose_fn *choose, void *context, void *state,
                  uint16_t *path)
{
    struct vmc_search_result *result = searcher->result;
    const struct vmc_model_ops *ops = searcher->ops;
    uint16_t steps[VMC_MODEL_STEPS_MAX];
    uint32_t depth = 0, rule = 0;
    bool is_good = true;
    uint32_t count;

    ops->start(searcher->model, state);
    while (is_good &&
           (count = ops->enabled(searcher->model, state, steps)) > 0) {
        if (depth == VMC_SCHEDULE_STEPS_MAX) {
            result->limit = VMC_LIMIT_DEPTH;
            return false;
        }
        if (!vmc_searcher_may_step(searcher)) {
            return false;
        }
        path[depth] = choose(context, searcher, depth, steps, count);
        is_good = ops->step(searcher->model, state, path[depth++], &rule);
    }
    is_good = is_good && ops->finish(searcher->model, state, &rule);
    result->executions = run + 1;
    if (depth > result->depth) {
        result->depth = depth;
    }
    if (!is_good) {
        result->failing++;
        if (result->first_failing == 0) {
            result->first_failing = run + 1;
        }
        vmc_searcher_fail(searcher, rule, path, depth);
    }
    return true;
}

/* ---- Any step ----------------------------------------------------------- */

struct uniform {
    struct vmc_rng rng;
};

static uint16_t choose_any(void *context, struct vmc_searcher *searcher,
                           uint32_t depth, const uint16_t *steps,
                           uint32_t count)
{
    struct uniform *uniform = context;
    uint16_t step;

    if (depth == 0) {
        vmc_rng_init(&uniform->rng,
                     vmc_seed_derive(searcher->config->seed,
                                     searcher->result->executions));
    }
    step = steps[vmc_rng_below(&uniform->rng, count)];
    (void)vmc_searcher_task(searcher, step); /* counted */
    return step;
}

enum vmc_status vmc_strategy_random(struct vmc_searcher *searcher)
{
    struct uniform uniform;

    return vmc_runs(searcher, choose_any, &uniform);
}
