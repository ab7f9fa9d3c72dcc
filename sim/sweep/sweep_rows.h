/* SPDX-License-Identifier: MIT */
/**
 * sweep_rows.h - the results of points, number by number.
 *
 * A number has the name of the way to it: "stages_ms.send", and with the place
 * in a list, from 0, "irq.2.dispatch_ns". Lists of more than 64, such as of all
 * that was found, have none.
 */
#ifndef VMC_SIM_SWEEP_SWEEP_ROWS_H
#define VMC_SIM_SWEEP_SWEEP_ROWS_H

#include <jansson.h>

#include "sim/sweep/sweep.h"

/**
 * The result of @point, or NULL when there is none yet: one that a signal has
 * cut short is none.
 * Owner    the caller's, for json_decref(), which takes NULL.
 */
json_t *sweep_load_result(const char *dir, uint32_t point);

/** The number called @name in the result @root, which may be NULL. */
bool sweep_find_number(const json_t *root, const char *name, double *value);

/** Write the names of the numbers in @root to @text, as many as there is room
 * for. */
void sweep_list_numbers(const json_t *root, char *text, size_t room_bytes);

#endif
