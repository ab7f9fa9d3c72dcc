/* SPDX-License-Identifier: MIT */
/**
 * report_numbers.h - every number of a run's results, as tables.
 */
#ifndef VMC_SIM_REPORT_REPORT_NUMBERS_H
#define VMC_SIM_REPORT_REPORT_NUMBERS_H

#include <jansson.h>
#include <stdio.h>

/** Write the results @root: a box for each section, and inside, one for each
 * list of objects. What the page tells elsewhere is left out. */
void numbers_write(FILE *page, json_t *root);

#endif
