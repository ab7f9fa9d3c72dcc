/* SPDX-License-Identifier: MIT */
/**
 * sweep_point.h - one point of a sweep as a process of its own.
 *
 * Nothing of one point can reach another, and a crash is one failed point. The
 * process is a copy of this one that calls the command, which need not be
 * loaded anew, and dies with its parent; or another program, where a copy of
 * this one would not do.
 */
#ifndef VMC_SIM_SWEEP_SWEEP_POINT_H
#define VMC_SIM_SWEEP_SWEEP_POINT_H

#include <sys/types.h>

#include "sim/sweep/sweep.h"

/** What all points of a sweep have in common. Borrowed by the calls below. */
struct sweep_place {
    const struct sweep *sweep;
    const char *dir;
    const char *program; /**< NULL: a copy of this process */
};

/** The command line of a point: argv[0] to argv[argc - 1], then NULL. */
struct sweep_line {
    int argc;
    char *
        argv[sizeof(((struct sweep_arguments *)0)->words) / sizeof(char *) + 4];
    char name[64], json[4096];
    struct sweep_arguments arguments;
};

/**
 * Make the command line of @point, which writes its result where it belongs.
 * Owner    It points into itself.
 * Fails    VMC_E_RANGE when it is too long.
 */
enum vmc_status sweep_point_line(struct sweep_line *line,
                                 const struct sweep_place *place,
                                 uint32_t point);

/** Copy this process, as fork() does. The copy dies with this one. */
pid_t sweep_fork(void);

/** In a new process: from now on, what it prints is what @point has printed.
 * False, with a message, when that cannot be. */
bool sweep_point_redirect(const struct sweep_place *place, uint32_t point);

/**
 * Start @point: its result goes to points/POINT.json, what it prints to
 * points/POINT.txt.
 * Returns  the process, or -1 with a line in @error.
 */
pid_t sweep_point_start(const struct sweep_place *place, uint32_t point,
                        struct vmc_error *error);

/** Give what @point has printed its name; its process has ended. */
void sweep_point_end(const struct sweep_place *place, uint32_t point);

/** What a shell calls the exit status that waitpid() has told: 128 and the
 * signal for a process that a signal has ended. */
uint32_t sweep_exit_status(int wait_status);

#endif
