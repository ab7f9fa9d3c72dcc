/* SPDX-License-Identifier: MIT */
/**
 * story_timeline.h - one run of a model on a timeline.
 *
 * A run has no time but its order, so every step takes one microsecond. Each
 * task has a track with its steps, and one with what it holds: read sections,
 * locks. An arrow leads from the step that starts a task, as call_rcu does its
 * callback, to that task's first. Each object has a track with its states and a
 * counter of its references.
 */
#ifndef VMC_SIM_EXPLORE_STORY_TIMELINE_H
#define VMC_SIM_EXPLORE_STORY_TIMELINE_H

#include "sim/explore/story.h"
#include "trace/timeline.h"

/** Write @story, from tick 0 on. */
void story_timeline_write(struct vmc_timeline *timeline,
                          const struct story *story);

#endif
