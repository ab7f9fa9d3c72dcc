/* SPDX-License-Identifier: MIT */
/**
 * grace.h - grace periods in time, "engine T": what waiting for RCU costs.
 *
 * The engine does what tree RCU does, one event a step: a kernel thread starts
 * a grace period, every CPU that is not idle must notice it and pass a
 * quiescent state, idle ones are found by scans that a coarse timer starts,
 * and callbacks run in batches on the CPU that queued them once that CPU has
 * noticed the end. Expedited grace periods and SRCU have their own paths.
 *
 * Everything it allows the permissive engine of life.h allows too. That is
 * checked at every end of a grace period: each reader that was inside a
 * section when it began must have left it (rule V20).
 *
 * Units    Times are ticks of the engine, 1 ps. A jiffy is 1/hz of a second.
 * Owner    Nothing is allocated after vmc_grace_new().
 */
#ifndef VMC_VCPU_GRACE_H
#define VMC_VCPU_GRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/archive.h"
#include "base/base.h"
#include "event/event.h"

enum { VMC_GRACE_CPUS_MAX = 256, VMC_GRACE_READERS_MAX = 64 };

/** What a CPU does. In IDLE and GUEST RCU does not wait for it. */
enum vmc_cpu_mode {
    VMC_CPU_IDLE,
    VMC_CPU_USER,   /**< a task that never leaves user mode by itself */
    VMC_CPU_KERNEL, /**< system calls without end */
    VMC_CPU_GUEST,
    VMC_CPU_OFFLINE
};

/** Numbers of the model; vmc_grace_defaults() says where each is from. */
struct vmc_grace_config {
    uint32_t hz;                /**< ticks of the host's timer in a second */
    uint32_t cpu_count;         /**< 1 to VMC_GRACE_CPUS_MAX */
    uint32_t first_fqs_jiffies; /**< until hold-outs are looked for */
    uint32_t next_fqs_jiffies;  /**< and again after each scan */
    uint32_t sched_qs_jiffies;  /**< after these hold-outs are rescheduled */
    uint32_t leaf_fanout;       /**< CPUs of a leaf of the tree */
    uint32_t batch_limit;       /**< callbacks at once */
    uint32_t batch_divisor;     /**< or the queue over 2^this, if more */
    uint32_t callbacks_max;     /**< queued at once on a CPU */
    uint32_t syncs_max;         /**< waiting at once */
    uint32_t stall_s;           /**< after so many seconds a stall is told */
    uint64_t wake_ticks;        /**< a thread on an idle CPU starts */
    uint64_t finish_ticks;      /**< from the last report to the waiter */
    uint64_t init_ticks;        /**< for every leaf */
    uint64_t invoke_ticks;      /**< for every callback */
    uint64_t batch_ticks_max;   /**< run time of one batch */
    uint64_t ipi_min_ticks;     /**< an expedited CPU answers at the earliest */
    uint64_t ipi_max_ticks;     /**< and at the latest */
    uint64_t srcu_poll_ticks;   /**< between two looks at readers of SRCU */
    /** How often a woken thread runs at once on a CPU busy with a program. */
    uint32_t user_preempt_per_mille;
    /** The same for a CPU busy in the kernel. */
    uint32_t kernel_preempt_per_mille;
    uint32_t noise_per_mille; /**< an idle CPU is found busy by a scan */
    bool guest_is_idle;       /**< else entry is a momentary state only */
    bool wakes_directly;      /**< waiters, without a callback */
    uint64_t seed;            /**< of the phase and the noise */
};

/** What the engine tells its owner. All are called at the engine's time. */
struct vmc_grace_ops {
    /** The callback queued with @cookie on @cpu runs. */
    void (*callback)(void *owner, uint32_t cpu, uint64_t cookie);
    /** The wait that was begun with @cookie is over. */
    void (*synchronized)(void *owner, uint64_t cookie);
    /** A grace period that took @ticks from its start is over. */
    void (*ended)(void *owner, uint64_t ticks);
    /** A grace period, or with @is_srcu one of SRCU, is @age_ticks old. */
    void (*stalled)(void *owner, bool is_srcu, uint64_t age_ticks);
};

/** What has happened so far. */
struct vmc_grace_counts {
    uint64_t started, ended;           /**< normal grace periods */
    uint64_t expedited, srcu_ended;    /**< the others, when they end */
    uint64_t queued, invoked, batches; /**< of callbacks */
    uint64_t scans;                    /**< for CPUs that have not reported */
    uint64_t on_behalf;                /**< idle ones, found by a scan */
    uint64_t reports;                  /**< of CPUs, these among them */
    uint64_t forced;                   /**< made to reschedule by a scan */
    uint64_t refused;    /**< callbacks that found the queue full */
    uint64_t early_ends; /**< rule V20 broken; 0 unless the engine is wrong */
    uint64_t stalls;     /**< that were told */
    uint64_t last_ticks; /**< length of the last grace period */
};

struct vmc_grace;

/** The numbers of Linux for @hz and @cpu_count; each is cited in grace.c. */
struct vmc_grace_config vmc_grace_defaults(uint32_t hz, uint32_t cpu_count);

/**
 * Make an engine at the time of @events, every CPU idle.
 * Owner    *@out is the caller's, for vmc_grace_free(); @events, @ops and
 *          @owner are borrowed for its life, @config is copied.
 * Fails    VMC_E_RANGE, VMC_E_NOMEM.
 */
enum vmc_status vmc_grace_new(struct vmc_grace **out, struct vmc_engine *events,
                              const struct vmc_grace_config *config,
                              const struct vmc_grace_ops *ops, void *owner);

/** Free it. NULL is allowed. */
void vmc_grace_free(struct vmc_grace *grace);

/** @cpu does something else from now on. Leaving a mode is a context switch. */
void vmc_grace_set_mode(struct vmc_grace *grace, uint32_t cpu,
                        enum vmc_cpu_mode mode);

/**
 * Whether a tick in kernel code is a quiescent state, as it is where readers
 * can be preempted and leave a mark. True to begin with; in a kernel that does
 * not preempt (flavour rcu_sched) only user mode, idle and switches count.
 */
void vmc_grace_set_preemptible(struct vmc_grace *grace, bool is_preemptible);

/** @cpu has switched tasks: a quiescent state unless a reader is on it. */
void vmc_grace_switch(struct vmc_grace *grace, uint32_t cpu);

/** Queue a callback on @cpu. False when its queue is full. */
bool vmc_grace_call(struct vmc_grace *grace, uint32_t cpu, uint64_t cookie);

/**
 * Wait for a grace period on @cpu; ops->synchronized() tells when it is over.
 * Asserts  fewer than syncs_max wait.
 */
void vmc_grace_synchronize(struct vmc_grace *grace, uint32_t cpu,
                           uint64_t cookie);

/** The same, by interrupts to all CPUs that are not idle. One at a time. */
void vmc_grace_expedite(struct vmc_grace *grace, uint64_t cookie);

/** Open or close the section of @reader, which runs on @cpu. */
void vmc_grace_read_lock(struct vmc_grace *grace, uint32_t reader,
                         uint32_t cpu);
void vmc_grace_read_unlock(struct vmc_grace *grace, uint32_t reader);

/** The same for the one SRCU domain. Returns the index to unlock with. */
uint32_t vmc_grace_srcu_lock(struct vmc_grace *grace);
void vmc_grace_srcu_unlock(struct vmc_grace *grace, uint32_t index);

/** Wait for the readers of the SRCU domain. One at a time. */
void vmc_grace_srcu_synchronize(struct vmc_grace *grace, uint64_t cookie);

/** End the running grace period now, whatever its readers: to test V20. */
void vmc_grace_force_end(struct vmc_grace *grace);

/** Save or load all that a run has changed, but not the engine's events, which
 * belong together with it. */
void vmc_grace_archive(struct vmc_grace *grace, struct vmc_archive *archive);

/** What has been counted. Lives as long as @grace. */
const struct vmc_grace_counts *vmc_grace_counts(const struct vmc_grace *grace);

#endif
