/* SPDX-License-Identifier: MIT */
/**
 * sweep_launch.h - a sweep that mpirun started, as one of many processes.
 *
 * The program itself is not linked with MPI: each of its commands, each point
 * of a sweep, would pay for loading it, and it would not start where MPI is
 * missing. Under mpirun it turns into vmcycle-mpi, the same program with MPI,
 * which is built beside it where Open MPI is installed.
 */
#ifndef VMC_SIM_SWEEP_SWEEP_LAUNCH_H
#define VMC_SIM_SWEEP_SWEEP_LAUNCH_H

#include <stdint.h>

#include "base/base.h"

/** How many processes mpirun started; 1 without it. */
uint32_t sweep_launch_ranks(void);

/** Which of them this is, from 0. */
uint32_t sweep_launch_rank(void);

/**
 * Become vmcycle-mpi, with the arguments @argv of the command. Its argv[0] is
 * the path of this program, for it to start points with.
 * Returns  Only when that cannot be.
 * Fails    VMC_E_IO: there is none, or it does not start.
 */
enum vmc_status sweep_launch_mpi(char **argv, struct vmc_error *error);

#endif
