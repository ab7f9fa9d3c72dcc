/* SPDX-License-Identifier: MIT */
/**
 * report_heat.h - latencies over time, counted into cells.
 *
 * Cells are COLUMNS equal parts of the time between the first and the last
 * row, by half powers of two of latency: [2^k, 3 * 2^(k-1)) and
 * [3 * 2^(k-1), 2^(k+1)). Both are whole numbers of ns, so anybody who counts
 * gets the same cells.
 */
#ifndef VMC_SIM_REPORT_REPORT_HEAT_H
#define VMC_SIM_REPORT_REPORT_HEAT_H

#include "base/base.h"

/**
 * Count the rows of DIR/@from (time_ns, vcpu, vector, latency_ns) into cells,
 * and write those that are not empty as DIR/@to.
 * Returns  false when there are no rows.
 */
bool heat_write(const char *dir, const char *from, const char *to);

#endif
