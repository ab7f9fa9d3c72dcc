/* SPDX-License-Identifier: MIT */
/* Few preemptions first: most failures need one or two (Musuvathi and Qadeer,
 * PLDI 2007), and schedules with few are few. What was found for bound c is a
 * part of what bound c + 1 needs, so the sequence costs what its last member
 * does. When no schedule has more preemptions, the search was exhaustive. */
#include "explore/count_priv.h"

struct bounds {
    struct vmc_counter *counter;
    uint32_t bound; /* in hand */
};

static void stand(void *strategy, struct vmc_archive *archive)
{
    struct bounds *bounds = strategy;

    VMC_ARCHIVE(archive, bounds->bound);
    vmc_counter_archive(bounds->counter, archive);
}

/* Search one bound to its end, or until the budget is used up. */
static enum vmc_status search_bound(struct vmc_searcher *searcher,
                                    struct vmc_counter *counter, uint32_t bound)
{
    struct vmc_search_result *result = searcher->result;
    struct vmc_counts counts = {0};
    enum vmc_status status = vmc_counter_run(counter, bound, &counts);

    if (status != VMC_OK) {
        return status;
    }
    result->states = vmc_counter_places(counter);
    result->schedules = counts.schedules;
    result->failing = counts.failing;
    result->depth = counts.depth;
    if (result->limit != VMC_LIMIT_NONE) {
        return VMC_END;
    }
    result->bounds[result->bound_count++] = (struct vmc_bound_counts){
        .schedules = counts.schedules,
        .failing = counts.failing,
        .is_all = !counts.is_cut && !result->has_cycle,
    };
    return counts.is_cut ? VMC_OK : VMC_END;
}

enum vmc_status vmc_strategy_preemption(struct vmc_searcher *searcher)
{
    struct vmc_search_result *result = searcher->result;
    struct bounds bounds = {.counter = vmc_counter_new(searcher)};
    enum vmc_status status = VMC_E_NOMEM;
    bool is_all, is_resumed;

    if (bounds.counter != NULL) {
        status =
            vmc_searcher_begin(searcher, stand, &bounds, false, &is_resumed);
    }
    for (;
         status == VMC_OK && bounds.bound <= searcher->config->preemptions_max;
         bounds.bound++) {
        status = search_bound(searcher, bounds.counter, bounds.bound);
    }
    vmc_counter_free(bounds.counter);
    is_all = result->bound_count > 0 &&
             result->bounds[result->bound_count - 1].is_all;
    result->is_complete = result->limit == VMC_LIMIT_NONE;
    result->guarantee = is_all ? VMC_EXHAUSTIVE : VMC_BOUNDED;
    result->counts_are_exact = is_all && !result->has_overflow;
    return status == VMC_END ? VMC_OK : status;
}
