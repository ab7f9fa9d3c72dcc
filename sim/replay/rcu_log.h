/* SPDX-License-Identifier: MIT */
/**
 * rcu_log.h - recorded grace periods and callbacks, checked as they pass.
 *
 * Three things must hold in every log. A callback runs only after a whole
 * grace period that began after it was queued. Callbacks queued on one CPU run
 * in the order they were queued, as long as that CPU stays online. A grace
 * period ends only when every CPU that it waited for has been reported, by
 * itself or on its behalf.
 *
 * A callback that breaks several of these is one violation.
 */
#ifndef VMC_SIM_REPLAY_RCU_LOG_H
#define VMC_SIM_REPLAY_RCU_LOG_H

#include <stdio.h>

#include "base/archive.h"
#include "base/base.h"
#include "stats/histogram.h"
#include "trace/record.h"

enum {
    RCU_CPUS_MAX = 256,
    RCU_NODES_MAX = 64, /* of the tree: 16 CPUs a leaf, 64 below the root */
    RCU_FLAVOURS_MAX = 4,
    RCU_TEXT_BYTES = 160,
};

/** What was counted and measured. */
struct rcu_counts {
    uint64_t started, ended; /**< grace periods */
    uint64_t queued, invoked;
    uint64_t unmatched;   /**< invoked, but queued before the log began */
    uint64_t requeued;    /**< queued again without having run */
    uint64_t pending_max; /**< callbacks outstanding at once */
    uint64_t reports;     /**< lines that report quiescent states */
    uint64_t on_behalf;   /**< CPUs that were found idle */
    uint64_t batches, batch_limited;
    uint64_t synchronized; /**< waits for a grace period that ended */
    uint64_t offlined;     /**< times that a CPU left */
    uint64_t early, disordered, unreported, early_sync; /**< violations */
    uint64_t first_line; /**< of the first violation; 0 for none */
    char first_text[RCU_TEXT_BYTES];
    uint32_t cpu_count;
    struct vmc_hist grace_ns, latency_ns, sync_ns, batch_size;
};

struct rcu_log;

/**
 * Make an empty log.
 * Owner    *@out is the caller's, for rcu_log_free().
 * Fails    VMC_E_NOMEM.
 */
enum vmc_status rcu_log_new(struct rcu_log **out);

/** Free it. NULL is allowed. */
void rcu_log_free(struct rcu_log *log);

/**
 * Take one record. @text is the string that its event argument names (see
 * rcu_log_text_arg()), or "".
 * Fails    VMC_E_NOMEM when more callbacks are outstanding than fit.
 */
enum vmc_status rcu_log_take(struct rcu_log *log,
                             const struct vmc_record *record, const char *text);

/** What the last record was to callbacks; a line is 0 where there is none. */
struct rcu_step {
    uint64_t queued_line;   /**< a callback was queued in this line, the last */
    uint64_t replaced_line; /**< it was queued in this one already, and so gone
                             */
    uint64_t invoked_line;  /**< the one queued in this line runs */
    uint32_t pending;       /**< callbacks outstanding now */
};
struct rcu_step rcu_log_step(const struct rcu_log *log);

/** Call @see with the line and CPU of every callback that has not run. */
void rcu_log_each_pending(const struct rcu_log *log,
                          void (*see)(void *owner, uint64_t line, uint32_t cpu),
                          void *owner);

/** Which argument of a record of @kind rcu_log_take() wants as text, or -1. */
int rcu_log_text_arg(uint16_t kind);

/** What has been counted so far. Lives as long as @log. */
const struct rcu_counts *rcu_log_counts(const struct rcu_log *log);

/** Save or load all that records have changed. */
void rcu_log_archive(struct rcu_log *log, struct vmc_archive *archive);

/** All violations together. */
uint64_t rcu_log_violations(const struct rcu_log *log);

#endif
