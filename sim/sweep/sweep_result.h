/* SPDX-License-Identifier: MIT */
/**
 * sweep_result.h - the results of points, number by number.
 *
 * A number has the name of the way to it: "stages_ms.send", and with the place
 * in a list, from 0, "irq.2.dispatch_ns". Lists of more than 64, such as of all
 * that was found, have none.
 */
#ifndef VMC_SIM_SWEEP_SWEEP_RESULT_H
#define VMC_SIM_SWEEP_SWEEP_RESULT_H

#include <jansson.h>

#include "sim/sweep/sweep.h"

/**
 * The result of @point, or NULL when there is none yet: one that a signal has
 * cut short is none.
 * Owner    the caller's, for json_decref(), which takes NULL.
 */
json_t *sweep_load_result(const char *dir, uint32_t point);

enum {
    SWEEP_NAME_BYTES_MAX = 256
}; /**< of a number; longer ones are left out */

/** Called for a number or fingerprint of a result: "stages_ms.send". */
typedef void sweep_number_fn(void *owner, const char *name,
                             const json_t *value);

/** Call @on_number with @owner for what is in the result @root, which may be
 * NULL, in its order. What differs between equal runs (wall times) is left
 * out. */
void sweep_each_number(const json_t *root, sweep_number_fn *on_number,
                       void *owner);

/** The number called @name in the result @root, which may be NULL. */
bool sweep_find_number(const json_t *root, const char *name, double *value);

/** Write the names of the numbers in @root to @text, as many as there is room
 * for. */
void sweep_list_numbers(const json_t *root, char *text, size_t room_bytes);

#endif
