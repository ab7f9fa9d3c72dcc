/* SPDX-License-Identifier: MIT */
/**
 * balloon_timeline.h - a recorded balloon on a timeline.
 *
 * The guest's driver has a track: it fills a message, kicks, and waits for the
 * answer. Each host thread that served messages has one with its work. Arrows
 * lead from the kick to that work, and from there to the acknowledgement.
 * Counters show the balloon's size and what it leaves to the guest.
 */
#ifndef VMC_SIM_BALLOON_BALLOON_TIMELINE_H
#define VMC_SIM_BALLOON_BALLOON_TIMELINE_H

#include "sim/balloon/balloon_log.h"
#include "trace/timeline.h"

/** Write what @log has, once its trace has ended. */
void balloon_timeline_write(struct vmc_timeline *timeline,
                            const struct balloon_log *log);

#endif
