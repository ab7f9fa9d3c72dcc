/* SPDX-License-Identifier: MIT */
/**
 * watch.h - who had which thread and which lock, while a scenario runs.
 *
 * For timelines there are stretches, each told when it is over: those of one
 * thread or lock come in order, but those of different ones do not. For
 * waveforms there are moments, which come in the order of time and tell how
 * everything stands.
 *
 * Units    Ticks of 1 ps.
 */
#ifndef VMC_BALLOON_WATCH_H
#define VMC_BALLOON_WATCH_H

#include "balloon/flow.h"

enum {
    VMC_BALLOON_ACTORS = 9,
    VMC_BALLOON_WORKERS = 8,
    VMC_BALLOON_QUEUES = 5,
};

/** What a stretch is to a message that goes to the host and back. */
enum vmc_balloon_point {
    VMC_BALLOON_NO_POINT,
    VMC_BALLOON_KICK,  /**< the vCPU; ends with the kick */
    VMC_BALLOON_SERVE, /**< the main loop; begins with its waking up to the
                          kick, ends with the interrupt */
    VMC_BALLOON_HANDLE /**< the vCPU; its handler of that interrupt */
};

/** A stretch of time in which a worker had a thread or a lock. */
struct vmc_balloon_span {
    uint32_t actor;     /**< below VMC_BALLOON_ACTORS */
    const char *worker; /**< its kind, as "balloon-size" */
    uint64_t from_tick, until_tick;
    const struct vmc_account *work; /**< what it was for; NULL: held only */
    enum vmc_balloon_point point;
    uint64_t message; /**< number of the kick, from 1; with a point */
};

/** How much lies where, in bytes. */
struct vmc_balloon_sizes {
    uint64_t balloon, guest_free, host_backed;
};

/** How everything stands. */
struct vmc_balloon_moment {
    uint64_t tick;
    struct {
        uint32_t owner;   /**< 1 + the number of the worker; 0: nobody */
        uint32_t waiters; /**< behind it */
    } actors[VMC_BALLOON_ACTORS];
    struct {
        uint32_t in_flight; /**< messages that the driver has not got back */
        uint32_t available; /**< of those, not yet taken by the device */
        uint32_t used;      /**< of those, given back by it */
    } queues[VMC_BALLOON_QUEUES];
    struct vmc_balloon_sizes sizes;
};

/** Who is told. Borrowed while the scenario runs; a call that is not wanted is
 * NULL. */
struct vmc_balloon_watch {
    void (*span)(void *owner, const struct vmc_balloon_span *span);
    /** At the end of a stretch, when one of them has changed. */
    void (*sizes)(void *owner, uint64_t tick,
                  const struct vmc_balloon_sizes *sizes);
    /** A worker has begun to work, to sleep, to hold or to wait, has let go or
     * got an answer. Nothing that is told of here need be new. */
    void (*moment)(void *owner, const struct vmc_balloon_moment *moment);
    void *owner;
    const struct vmc_balloon_watch *next; /**< told too; NULL: nobody else */
};

/** The name of @actor: "main loop", "big lock". */
const char *vmc_balloon_actor_name(uint32_t actor);

/** True for a lock, false for a thread. */
bool vmc_balloon_actor_is_lock(uint32_t actor);

/** The name of @worker, 0 to VMC_BALLOON_WORKERS - 1: "balloon-size". */
const char *vmc_balloon_worker_name(uint32_t worker);

#endif
