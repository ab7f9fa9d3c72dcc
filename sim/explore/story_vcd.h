/* SPDX-License-Identifier: MIT */
/**
 * story_vcd.h - one run of a model as a waveform.
 *
 * A run has no time but its order, so every step takes one microsecond, as on
 * the timeline: what a step has changed is seen when it ends. Signals, by name:
 *
 *     run.step, .task, .line      the step under way, from 0; who makes it,
 * from 1; its line in the scenario run.is_broken               the step that
 * breaks a rule task.NAME.sections, .locks, .references, .is_done
 *     lock.NAME.owner             the task that has it, from 1; 0: nobody
 *     objectN.count, .state, .is_there
 *
 * The head of the file says which task, and which state, is which number.
 */
#ifndef VMC_SIM_EXPLORE_STORY_VCD_H
#define VMC_SIM_EXPLORE_STORY_VCD_H

#include "sim/explore/story.h"
#include "sim/machine/waveform.h"

/**
 * Write @story to the file that @options name.
 * Fails    VMC_E_IO, VMC_E_USAGE, VMC_E_NOMEM, with a line in @error.
 */
enum vmc_status story_vcd_write(const struct waveform_options *options,
                                const struct story *story,
                                struct vmc_error *error);

#endif
