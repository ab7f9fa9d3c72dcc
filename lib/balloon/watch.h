/* SPDX-License-Identifier: MIT */
/**
 * watch.h - who had which thread and which lock, while a scenario runs.
 *
 * For timelines. A stretch is told when it is over, so those of one thread or
 * lock come in order, but those of different ones do not.
 *
 * Units    Ticks of 1 ps.
 */
#ifndef VMC_BALLOON_WATCH_H
#define VMC_BALLOON_WATCH_H

#include "balloon/flow.h"

enum { VMC_BALLOON_ACTORS = 9 };

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

/** Who is told. Borrowed while the scenario runs; nothing may be NULL. */
struct vmc_balloon_watch {
    void (*span)(void *owner, const struct vmc_balloon_span *span);
    /** At the end of a stretch, when one of them has changed. */
    void (*sizes)(void *owner, uint64_t tick,
                  const struct vmc_balloon_sizes *sizes);
    void *owner;
};

/** The name of @actor: "main loop", "big lock". */
const char *vmc_balloon_actor_name(uint32_t actor);

/** True for a lock, false for a thread. */
bool vmc_balloon_actor_is_lock(uint32_t actor);

#endif
