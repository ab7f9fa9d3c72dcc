/* SPDX-License-Identifier: MIT */
/* Every state once. Programs that end have no cycles, so the counts come for
 * free; with a cycle all states are still visited, but what is counted is
 * only a part. */
#include "explore/count_priv.h"

static void stand(void *strategy, struct vmc_archive *archive)
{
    vmc_counter_archive(strategy, archive);
}

enum vmc_status vmc_strategy_stateful(struct vmc_searcher *searcher)
{
    struct vmc_search_result *result = searcher->result;
    struct vmc_counter *counter = vmc_counter_new(searcher);
    struct vmc_counts counts = {0};
    enum vmc_status status = VMC_E_NOMEM;
    bool is_resumed;

    if (counter != NULL) {
        status =
            vmc_searcher_begin(searcher, stand, counter, false, &is_resumed);
    }
    if (status == VMC_OK) {
        status = vmc_counter_run(counter, VMC_UNBOUNDED, &counts);
        result->states = vmc_counter_places(counter);
    }
    vmc_counter_free(counter);
    result->schedules = counts.schedules;
    result->failing = counts.failing;
    result->depth = counts.depth;
    result->is_complete = result->limit == VMC_LIMIT_NONE;
    result->guarantee = result->is_complete ? VMC_EXHAUSTIVE : VMC_BOUNDED;
    result->counts_are_exact =
        result->is_complete && !result->has_cycle && !result->has_overflow;
    result->has_failure_q62 = result->is_complete && !result->has_cycle;
    result->failure_q62 = counts.failure_q62;
    return status == VMC_END ? VMC_OK : status;
}
