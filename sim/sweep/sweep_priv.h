/* SPDX-License-Identifier: MIT */
/**
 * sweep_priv.h - what the files that read a sweep share.
 */
#ifndef VMC_SIM_SWEEP_SWEEP_PRIV_H
#define VMC_SIM_SWEEP_SWEEP_PRIV_H

#include "sim/sweep/sweep.h"

/** Keep the @bytes of @text in the sweep; NULL when there is no room. */
const char *sweep_keep(struct sweep *sweep, const char *text, size_t bytes);

/**
 * Spread the list @list, "1, 4..16 *2", out into the values of @key.
 * Fails    VMC_E_FORMAT, VMC_E_RANGE with a line in @error that names no file.
 */
enum vmc_status sweep_add_values(struct sweep *sweep, struct sweep_key *key,
                                 const char *list, struct vmc_error *error);

/**
 * Find the numbers of the sensitivity in its profile, and add them as the key
 * that varies fastest.
 * Fails    as vmc_profile_load(); VMC_E_USAGE when it is not known which
 *          profile, or nothing is left of it.
 */
enum vmc_status sweep_add_numbers(struct sweep *sweep, struct vmc_error *error);

/** Count the points; asserts nothing of them was read.
 * Fails    VMC_E_FORMAT, VMC_E_RANGE. */
enum vmc_status sweep_count_points(struct sweep *sweep,
                                   struct vmc_error *error);

#endif
