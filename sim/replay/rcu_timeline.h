/* SPDX-License-Identifier: MIT */
/**
 * rcu_timeline.h - a recorded RCU trace on a timeline, and what was predicted.
 *
 * Each flavour has a track with its grace periods. Each CPU has one with its
 * interrupt handlers, its call_rcu and its batches of callbacks; an arrow leads
 * from the call to the callback, or to the end of the trace where it has not
 * run by then. A counter shows how many callbacks are outstanding.
 */
#ifndef VMC_SIM_REPLAY_RCU_TIMELINE_H
#define VMC_SIM_REPLAY_RCU_TIMELINE_H

#include "sim/replay/rcu_log.h"
#include "trace/reader.h"
#include "trace/timeline.h"

struct rcu_timeline;

/**
 * Make one; groups and tracks are added when something happens.
 * Owner    *@out is the caller's, for rcu_timeline_free(); NULL on failure.
 *          @timeline and @reader are borrowed.
 * Fails    VMC_E_NOMEM.
 */
enum vmc_status rcu_timeline_new(struct rcu_timeline **out,
                                 struct vmc_timeline *timeline,
                                 const struct vmc_reader *reader);

/** Take @record of RCU or of an interrupt, after @log has. */
void rcu_timeline_record(struct rcu_timeline *self,
                         const struct vmc_record *record,
                         const struct rcu_log *log);

/** A grace period of the prediction that took @ticks ends at @tick. */
void rcu_timeline_predicted(struct rcu_timeline *self, uint64_t tick,
                            uint64_t ticks);

/** So many callbacks are outstanding in the prediction from @tick on. */
void rcu_timeline_predicted_pending(struct rcu_timeline *self, uint64_t tick,
                                    uint64_t pending);

/** Save or load all that records have changed, but for the timeline. */
void rcu_timeline_archive(struct rcu_timeline *self,
                          struct vmc_archive *archive);

/** The trace has ended: show what @log has outstanding. */
void rcu_timeline_finish(struct rcu_timeline *self, const struct rcu_log *log);

/** Free @self. NULL is allowed. */
void rcu_timeline_free(struct rcu_timeline *self);

#endif
