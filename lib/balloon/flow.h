/* SPDX-License-Identifier: MIT */
/**
 * flow.h - who does something, on which thread, under which lock.
 *
 * A flow is a sequence of steps: the size worker of a balloon with the host's
 * answer to it, a vCPU that touches memory, a timer's work. One step takes
 * time on an actor (a vCPU thread, the VMM's main loop, an I/O thread) or a
 * lock (the big lock, the host's mm lock, KVM's MMU lock), then the next step
 * runs. Actors and locks are the same thing: one holder, the others wait in
 * the order they came.
 *
 * A step is a number, so that a flow is plain data; the function that knows
 * the numbers is given once, with vmc_flow_init().
 *
 * Units    Ticks of 1 ps.
 */
#ifndef VMC_BALLOON_FLOW_H
#define VMC_BALLOON_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "balloon/costs.h"
#include "event/event.h"

enum { VMC_ACTOR_WAITERS_MAX = 32 };

/** A thread or a lock. Zeroed memory is a free one. Plain data. */
struct vmc_actor {
    uint16_t waiters[VMC_ACTOR_WAITERS_MAX]; /**< handlers of flows, a ring */
    uint32_t waiter_first, waiter_count;
    uint16_t holder; /**< handler of the flow */
    bool is_held;
    uint64_t held_since_tick;
    uint64_t held_ticks;    /**< how long it was held, all told */
    uint64_t longest_ticks; /**< the longest time at once */
    uint64_t waits;         /**< how often a flow had to wait */
};

/** Time spent, by stage. */
struct vmc_account {
    uint64_t ticks[VMC_STAGE_COUNT];
};

/** The sum of all stages. */
uint64_t vmc_account_total(const struct vmc_account *account);

/** Add @from to @into, stage by stage. */
void vmc_account_add(struct vmc_account *into, const struct vmc_account *from);

struct vmc_flow;

/** Run the step @step of @flow. */
typedef void vmc_flow_fn(struct vmc_flow *flow, uint32_t step);

/** @flow is about to let @actor go, which was for @work; NULL: it held it as a
 * lock. */
typedef void vmc_flow_watch_fn(struct vmc_flow *flow, uint32_t actor,
                               const struct vmc_account *work);

/** @flow has begun to work, to sleep, to hold or to wait, or has let go. */
typedef void vmc_flow_notice_fn(struct vmc_flow *flow);

/** One sequence of steps. */
struct vmc_flow {
    struct vmc_engine *engine;
    vmc_flow_fn *run;
    void *owner;              /**< for @run */
    struct vmc_actor *actors; /**< the table that actor numbers index */
    struct vmc_account *account;
    vmc_flow_watch_fn *watch;   /**< NULL after vmc_flow_init() */
    vmc_flow_notice_fn *notice; /**< likewise */
    uint16_t handler;

    /** What it is doing; all that changes while time runs. */
    struct vmc_flow_state {
        uint64_t event; /**< the one pending, or VMC_EVENT_NONE */
        uint64_t work_ticks, asked_tick;
        struct vmc_account work; /**< the stages that work_ticks is for */
        uint32_t next_step;
        uint8_t actor;
        bool is_waiting; /**< for an actor */
        bool is_locking; /**< to hold on, rather than to work */
        bool is_busy;    /**< has a step to come */
        bool is_parked;  /**< until somebody resumes it */
        uint8_t stage;   /**< that parked time is charged to */
    } state;
};

/** The actor of work that occupies nobody: a wire, a sleep. */
enum { VMC_ACTOR_NOBODY = 0xff };

/**
 * Make @flow idle and add its handler to @engine, under the name @kind.
 * Owner    @engine, @actors, @account and @owner are borrowed for its life.
 */
void vmc_flow_init(struct vmc_flow *flow, struct vmc_engine *engine,
                   const char *kind, uint32_t instance, vmc_flow_fn *run,
                   void *owner);

/** Run @next_step after @ticks of work on @actor, waiting for it if need be. */
void vmc_flow_work(struct vmc_flow *flow, uint32_t actor,
                   enum vmc_balloon_stage stage, uint64_t ticks,
                   uint32_t next_step);

/** The same for work of several stages at once. */
void vmc_flow_work_all(struct vmc_flow *flow, uint32_t actor,
                       const struct vmc_account *work, uint32_t next_step);

/** Run @next_step holding @lock, which stays held until vmc_flow_unlock(). */
void vmc_flow_lock(struct vmc_flow *flow, uint32_t lock, uint32_t next_step);

/** Let @lock go; the longest waiting flow gets it. Asserts @flow holds it. */
void vmc_flow_unlock(struct vmc_flow *flow, uint32_t lock);

/** True when @flow could have @lock at once. */
bool vmc_flow_can_lock(const struct vmc_flow *flow, uint32_t lock);

/** True when @flow holds @lock. */
bool vmc_flow_holds(const struct vmc_flow *flow, uint32_t lock);

/** Run @next_step in @ticks, charged to @stage, occupying nobody. */
void vmc_flow_sleep(struct vmc_flow *flow, enum vmc_balloon_stage stage,
                    uint64_t ticks, uint32_t next_step);

/**
 * Wait, occupying nobody, until vmc_flow_resume(); then run @next_step. The
 * time is charged to @stage.
 */
void vmc_flow_park(struct vmc_flow *flow, enum vmc_balloon_stage stage,
                   uint32_t next_step);

/** Let a parked flow go on in this tick. False when it is not parked. */
bool vmc_flow_resume(struct vmc_flow *flow);

/** True from the first step asked for until a step asks for no other. */
bool vmc_flow_is_busy(const struct vmc_flow *flow);

#endif
