/* SPDX-License-Identifier: MIT */
/* What the strategies share: names, budgets, the first failing schedule. */
#include "explore/search.h"

#include <string.h>

#include "explore/search_priv.h"

enum { ASK_EVERY = 256 }; /* steps, a power of two */

typedef enum vmc_status strategy_fn(struct vmc_searcher *searcher);

static const struct {
    const char *name;
    strategy_fn *run;
} strategies[VMC_STRATEGY_COUNT] = {
    [VMC_STRATEGY_STATEFUL] = {"stateful", vmc_strategy_stateful},
    [VMC_STRATEGY_PREEMPTION] = {"preemption", vmc_strategy_preemption},
    [VMC_STRATEGY_DPOR] = {"dpor", vmc_strategy_dpor},
    [VMC_STRATEGY_PCT] = {"pct", vmc_strategy_pct},
    [VMC_STRATEGY_RANDOM] = {"random", vmc_strategy_random},
    [VMC_STRATEGY_LADDER] = {"ladder", vmc_strategy_ladder},
};

const char *vmc_strategy_name(enum vmc_strategy strategy)
{
    return strategy < VMC_STRATEGY_COUNT ? strategies[strategy].name : "none";
}

bool vmc_strategy_find(enum vmc_strategy *strategy, const char *name)
{
    for (int i = 0; i < VMC_STRATEGY_COUNT; i++) {
        if (strcmp(strategies[i].name, name) == 0) {
            *strategy = (enum vmc_strategy)i;
            return true;
        }
    }
    return false;
}

const char *vmc_guarantee_name(enum vmc_guarantee guarantee)
{
    static const char *const names[] = {"exhaustive", "bounded", "sampled"};

    assert(guarantee < VMC_COUNT_OF(names));
    return names[guarantee];
}

const char *vmc_limit_name(enum vmc_search_limit limit)
{
    static const char *const names[] = {"none",   "states", "steps",
                                        "memory", "depth",  "time"};

    assert(limit < VMC_COUNT_OF(names));
    return names[limit];
}

void vmc_searcher_init(struct vmc_searcher *searcher,
                       enum vmc_strategy strategy,
                       struct vmc_search_result *result,
                       const struct vmc_model_ops *ops, void *model,
                       const struct vmc_search_config *config)
{
    enum { ALIGN = _Alignof(max_align_t) };
    size_t bytes = ops->state_bytes(model);

    *searcher = (struct vmc_searcher){
        .ops = ops,
        .model = model,
        .config = config,
        .result = result,
        .state_bytes = (bytes + ALIGN - 1) / ALIGN * ALIGN,
    };
    memset(result, 0, offsetof(struct vmc_search_result, schedule));
    result->schedule.step_count = 0;
    result->strategy = strategy;
}

static bool end_by(struct vmc_searcher *searcher, enum vmc_search_limit limit)
{
    if (searcher->result->limit == VMC_LIMIT_NONE) {
        searcher->result->limit = limit;
    }
    return false;
}

bool vmc_searcher_may_step(struct vmc_searcher *searcher)
{
    const struct vmc_search_budget *budget = &searcher->config->budget;
    uint64_t steps = searcher->result->steps;

    if (budget->steps_max != 0 && steps >= budget->steps_max) {
        return end_by(searcher, VMC_LIMIT_STEPS);
    }
    if (steps % ASK_EVERY == 0 && budget->is_over != NULL &&
        budget->is_over(budget->context, steps)) {
        return end_by(searcher, VMC_LIMIT_TIME);
    }
    searcher->result->steps = steps + 1;
    return true;
}

bool vmc_searcher_may_hold(struct vmc_searcher *searcher, uint64_t states,
                           uint64_t bytes)
{
    const struct vmc_search_budget *budget = &searcher->config->budget;

    searcher->result->memory_bytes = bytes;
    if (states > budget->states_max) {
        return end_by(searcher, VMC_LIMIT_STATES);
    }
    if (budget->memory_bytes_max != 0 && bytes > budget->memory_bytes_max) {
        return end_by(searcher, VMC_LIMIT_MEMORY);
    }
    return true;
}

uint32_t vmc_searcher_task(struct vmc_searcher *searcher, uint16_t step)
{
    uint32_t task = searcher->ops->task != NULL
                        ? searcher->ops->task(searcher->model, step)
                        : step;

    if (task >= searcher->result->task_count) {
        searcher->result->task_count = task + 1;
    }
    return task;
}

bool vmc_searcher_can_go_on(struct vmc_searcher *searcher, uint32_t last,
                            const uint16_t *steps, uint32_t count)
{
    for (uint32_t i = 0; i < count && last != VMC_NO_TASK; i++) {
        if (vmc_searcher_task(searcher, steps[i]) == last) {
            return true;
        }
    }
    return false;
}

void vmc_searcher_fail(struct vmc_searcher *searcher, uint32_t rule,
                       const uint16_t *steps, uint32_t count)
{
    struct vmc_search_result *result = searcher->result;

    if (result->has_schedule) {
        return;
    }
    assert(count <= VMC_SCHEDULE_STEPS_MAX);
    result->has_schedule = true;
    result->rule = rule;
    result->schedule.step_count = count;
    memcpy(result->schedule.steps, steps, count * sizeof(*steps));
}

/* ---- Keeping and going on ----------------------------------------------- */

/* The schedule's steps behind the last are nobody's. */
static void archive_result(struct vmc_search_result *result,
                           struct vmc_archive *archive)
{
    uint32_t *count = &result->schedule.step_count;

    vmc_archive_bytes(archive, "result", result,
                      offsetof(struct vmc_search_result, schedule));
    *count = (uint32_t)vmc_archive_count(archive, "steps", *count,
                                         VMC_SCHEDULE_STEPS_MAX);
    vmc_archive_bytes(archive, "schedule", result->schedule.steps,
                      *count * sizeof(result->schedule.steps[0]));
}

/* What all searches around this one and in it have in common. */
static void archive_common(struct vmc_searcher *searcher,
                           struct vmc_archive *archive)
{
    const struct vmc_search_keeper *keeper = searcher->config->keeper;

    if (keeper->archive != NULL) {
        keeper->archive(keeper->context, archive);
    }
    if (searcher->ops->archive != NULL) {
        searcher->ops->archive(searcher->model, archive);
    }
}

static void archive_own(struct vmc_searcher *searcher,
                        struct vmc_archive *archive)
{
    vmc_archive_begin(archive, vmc_strategy_name(searcher->config->strategy));
    archive_result(searcher->result, archive);
    searcher->stand(searcher->stands, archive);
    vmc_archive_end(archive);
}

/* From the outermost to this one: in this order they begin again. */
static void save_all(struct vmc_searcher *searcher, struct vmc_archive *archive)
{
    if (searcher->outer != NULL) {
        save_all(searcher->outer, archive);
    } else {
        archive_common(searcher, archive);
    }
    archive_own(searcher, archive);
}

enum vmc_status vmc_searcher_begin(struct vmc_searcher *searcher,
                                   vmc_stand_fn *stand, void *strategy,
                                   bool is_outer, bool *is_resumed)
{
    const struct vmc_search_keeper *keeper = searcher->config->keeper;

    searcher->stand = stand;
    searcher->stands = strategy;
    *is_resumed = keeper != NULL && keeper->resume != NULL;
    if (!*is_resumed) {
        return VMC_OK;
    }
    if (searcher->outer == NULL) {
        archive_common(searcher, keeper->resume);
    }
    archive_own(searcher, keeper->resume);
    if (is_outer && vmc_archive_is_good(keeper->resume)) {
        return VMC_OK;
    }
    return vmc_archive_status(keeper->resume, NULL);
}

enum vmc_status vmc_searcher_keep(struct vmc_searcher *searcher, uint64_t done)
{
    const struct vmc_search_keeper *keeper = searcher->config->keeper;
    struct vmc_archive *archive;
    enum vmc_status status;

    if (keeper == NULL || !keeper->is_due(keeper->context, done)) {
        return VMC_OK;
    }
    status = vmc_archive_new(&archive);
    if (status == VMC_OK) {
        save_all(searcher, archive);
        status = vmc_archive_status(archive, NULL);
    }
    if (status == VMC_OK) {
        status = keeper->keep(keeper->context, archive);
    }
    vmc_archive_free(archive);
    return status;
}

/* ---- Searching ---------------------------------------------------------- */

static bool is_bad(const struct vmc_search_config *config)
{
    const struct vmc_search_budget *budget = &config->budget;
    bool is_pct = config->strategy == VMC_STRATEGY_PCT;

    return (unsigned)config->strategy >= VMC_STRATEGY_COUNT ||
           budget->states_max < 1 ||
           budget->states_max > VMC_SEARCH_STATES_MAX ||
           (config->strategy == VMC_STRATEGY_PREEMPTION &&
            config->preemptions_max >= VMC_SEARCH_BOUNDS_MAX) ||
           (is_pct &&
            (config->pct_depth < 1 || config->pct_depth > VMC_PCT_DEPTH_MAX)) ||
           ((is_pct || config->strategy == VMC_STRATEGY_RANDOM) &&
            config->runs < 1);
}

enum vmc_status vmc_search(struct vmc_search_result *result,
                           const struct vmc_model_ops *ops, void *model,
                           const struct vmc_search_config *config)
{
    struct vmc_searcher searcher;

    if (is_bad(config)) {
        return VMC_E_RANGE;
    }
    vmc_searcher_init(&searcher, config->strategy, result, ops, model, config);
    return strategies[config->strategy].run(&searcher);
}

enum vmc_status vmc_search_inside(struct vmc_searcher *outer,
                                  struct vmc_search_result *result,
                                  const struct vmc_search_config *config)
{
    struct vmc_searcher searcher;

    if (is_bad(config)) {
        return VMC_E_RANGE;
    }
    vmc_searcher_init(&searcher, config->strategy, result, outer->ops,
                      outer->model, config);
    searcher.outer = outer;
    return strategies[config->strategy].run(&searcher);
}

enum vmc_status vmc_search_count(struct vmc_search_result *result,
                                 const struct vmc_model_ops *ops, void *model,
                                 const struct vmc_search_budget *budget)
{
    const struct vmc_search_config config = {.strategy = VMC_STRATEGY_STATEFUL,
                                             .budget = *budget};

    return vmc_search(result, ops, model, &config);
}
