/* SPDX-License-Identifier: MIT */
/**
 * schedule_file.h - a schedule as text: written, shown, and run again.
 *
 *     vmcycle-schedule 1
 *     scenario S03 variant bug
 *     0 d0 spin rcu_lock - -> -
 *     ...
 *     14 d0 spin use A#1 -> V01
 *     end 14 V01
 *
 * Each line has the decision (dN, the step's number), and what it did: task,
 * operation, subject, result. A replay makes the decisions again and compares
 * every line with what the model does now.
 */
#ifndef VMC_SIM_SCHEDULE_FILE_H
#define VMC_SIM_SCHEDULE_FILE_H

#include <stdio.h>

#include "explore/search.h"
#include "vcpu/program.h"

enum { SCHEDULE_LINE_BYTES = 256 };

/** How a run of a schedule ended. */
struct schedule_end {
    uint32_t step_count;
    struct vmc_life_violation violation; /**< rule 0: none */
    struct vmc_life_state state;         /**< before the last step */
};

/** Run @schedule and write it to @file as described above. */
void schedule_write(FILE *file, const struct vmc_life_program *program,
                    const struct vmc_schedule *schedule,
                    struct schedule_end *end);

/**
 * Run the schedule file at @path again.
 * Fails    VMC_E_IO; VMC_E_FORMAT with "FILE:LINE: ..." when a line is none or
 *          the run goes another way; VMC_E_RANGE for too long a schedule.
 */
enum vmc_status schedule_replay(const char *path,
                                const struct vmc_life_program *program,
                                struct schedule_end *end,
                                struct vmc_error *error);

/** Print @schedule for a terminal: a column for each task. */
void schedule_draw(FILE *file, const struct vmc_life_program *program,
                   const struct vmc_schedule *schedule);

#endif
