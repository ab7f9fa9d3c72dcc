/* SPDX-License-Identifier: MIT */
/**
 * sweep_rank.h - what a sensitivity has found: which number matters how much.
 *
 * For each point of [vary], every number of the profile that was changed, the
 * one with the largest effect first. An elasticity of 0.4 says that the result
 * grows by 0.4 % when the number grows by 1 %. Fractions are kept as whole
 * numbers of their last digit, so all machines write the same bytes.
 */
#ifndef VMC_SIM_SWEEP_SWEEP_RANK_H
#define VMC_SIM_SWEEP_SWEEP_RANK_H

#include <jansson.h>
#include <stdio.h>

#include "sim/sweep/sweep.h"

/**
 * Write DIR/sensitivity.tsv, print the table to @table and make *@json of it.
 * Owner    *@json is the caller's; NULL on failure.
 * Fails    VMC_E_IO, VMC_E_NOMEM; VMC_E_USAGE when the results have no number
 *          of that name, with those they have in @error.
 */
enum vmc_status sweep_rank(json_t **json, const struct sweep *sweep,
                           const char *dir, FILE *table,
                           struct vmc_error *error);

#endif
