/* SPDX-License-Identifier: MIT */
/**
 * sweep_rows.h - rows.tsv, the results of all points of a sweep.
 */
#ifndef VMC_SIM_SWEEP_SWEEP_ROWS_H
#define VMC_SIM_SWEEP_SWEEP_ROWS_H

#include "sim/sweep/sweep.h"

/**
 * Write rows.tsv of all points that have a result; *@missing is how many have
 * none. Every number in a result is a column, but for what differs between
 * equal runs (wall times). Up to @workers processes read the results; how many
 * makes no difference to what is written.
 * Fails    VMC_E_IO, VMC_E_NOMEM; an old rows.tsv then stays.
 */
enum vmc_status sweep_write_rows(const struct sweep *sweep, const char *dir,
                                 uint32_t workers, uint32_t *missing,
                                 struct vmc_error *error);

#endif
