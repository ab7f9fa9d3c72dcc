/* SPDX-License-Identifier: MIT */
/**
 * report_compare.h - several runs side by side: their curves in one picture,
 * and every number that two of them share.
 */
#ifndef VMC_SIM_REPORT_REPORT_COMPARE_H
#define VMC_SIM_REPORT_REPORT_COMPARE_H

#include "sim/report/report_run.h"

/**
 * Write the comparison of the @count @runs with the one at index @reference.
 * A number is a row, a run a column; what differs from the reference says by
 * how much, and stands out the more the larger that is. *@pictures as in
 * picture_write().
 * Asserts  @reference < @count.
 */
void compare_write(FILE *page, const struct report_run *runs, uint32_t count,
                   uint32_t reference, uint32_t *pictures);

#endif
