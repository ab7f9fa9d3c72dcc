/* SPDX-License-Identifier: MIT */
/**
 * schedule_file.h - a schedule as text: written, and run again.
 *
 *     vmcycle-schedule 1
 *     scenario S03 variant bug
 *     0 d0 spin rcu_lock -> -
 *     1 d0 spin first -> A#1
 *     ...
 *     14 d0 spin next A#1 -> V01
 *     end 15 V01 hash 7d0f...
 *
 * Each line has the decision (dN, the step's number), and what it did: task,
 * operation, result. The hash is over all of them and the last state. A replay
 * makes the decisions again and compares every line with what the model does
 * now. Decisions alone are a schedule too, on lines like "d 0 0 8 8".
 */
#ifndef VMC_SIM_EXPLORE_SCHEDULE_FILE_H
#define VMC_SIM_EXPLORE_SCHEDULE_FILE_H

#include <stdio.h>

#include "sim/explore/story.h"

enum { SCHEDULE_LINE_BYTES = 512, SCHEDULE_FILE_BYTES_MAX = 1 << 22 };

/** Write the run of @story. */
void schedule_write(FILE *file, const struct story *story);

/**
 * Run the schedule in the @size_bytes of @text again, on @told, and give its
 * decisions. @path is its name in messages.
 * Fails    VMC_E_FORMAT with "FILE:LINE: ..." when a line is none or the run
 *          goes another way: both are then told; VMC_E_RANGE for too long a
 *          schedule, VMC_E_NOMEM.
 */
enum vmc_status schedule_parse(struct vmc_schedule *schedule,
                               const struct told_model *told, const char *path,
                               const char *text, size_t size_bytes,
                               struct vmc_error *error);

/** The same for the file @path. Fails VMC_E_IO also. */
enum vmc_status schedule_read(struct vmc_schedule *schedule,
                              const struct told_model *told, const char *path,
                              struct vmc_error *error);

#endif
