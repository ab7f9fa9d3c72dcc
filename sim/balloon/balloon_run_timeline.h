/* SPDX-License-Identifier: MIT */
/**
 * balloon_run_timeline.h - a simulated balloon scenario on a timeline.
 *
 * A track for each thread (vCPUs, the VMM's main loop and I/O thread) and each
 * lock that is used; on it, who has it and for what. Arrows lead from a kick to
 * the main loop that serves it, and from its interrupt to the vCPU's handler.
 * Counters show the balloon's size, free memory of the guest, and what the host
 * backs.
 */
#ifndef VMC_SIM_BALLOON_BALLOON_RUN_TIMELINE_H
#define VMC_SIM_BALLOON_BALLOON_RUN_TIMELINE_H

#include "balloon/watch.h"
#include "trace/timeline.h"

enum { BALLOON_ARROWS_MAX = 16 }; /* a worker has one message under way */

struct balloon_run_timeline {
    struct vmc_balloon_watch watch; /**< for the scenario's configuration */
    struct vmc_timeline *timeline;
    uint32_t thread_group, lock_group;
    uint32_t tracks[VMC_BALLOON_ACTORS]; /**< + 1; 0: not added yet */
    /** Kicks that nobody has served yet, and interrupts that nobody has
     * handled. */
    struct {
        uint64_t message;
        uint32_t actor; /**< where it begins */
        bool is_answer;
    } arrows[BALLOON_ARROWS_MAX];
    uint32_t arrow_count;
};

/**
 * Begin.
 * Owner    The caller's storage, which may not be moved; @timeline is borrowed
 *          for its life.
 */
void balloon_run_timeline_init(struct balloon_run_timeline *self,
                               struct vmc_timeline *timeline);

/** The scenario has ended, perhaps in the middle of a message. */
void balloon_run_timeline_finish(struct balloon_run_timeline *self);

#endif
