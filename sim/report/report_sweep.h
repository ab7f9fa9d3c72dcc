/* SPDX-License-Identifier: MIT */
/**
 * report_sweep.h - a sweep in a report: its points, sorted by what they came
 * to, and which numbers matter.
 */
#ifndef VMC_SIM_REPORT_REPORT_SWEEP_H
#define VMC_SIM_REPORT_REPORT_SWEEP_H

#include <jansson.h>
#include <stdio.h>

#include "base/base.h"

/** What the page says of the sweep in the folder @dir, as the results of a run:
 * the caller's reference. NULL when @dir holds no rows of one. */
json_t *report_sweep_describe(const char *dir);

/** Write the pictures and tables of the sweep in @dir, if it holds one.
 * *@pictures as in picture_write(). */
void report_sweep_write(FILE *page, const char *dir, uint32_t *pictures);

#endif
