/* SPDX-License-Identifier: MIT */
/**
 * quantity.h - a number with its unit, as profiles and options write it.
 */
#ifndef VMC_PROFILE_QUANTITY_H
#define VMC_PROFILE_QUANTITY_H

#include "base/base.h"

/** A time in ticks of 1 ps, or a plain number. */
struct vmc_quantity {
    uint64_t value;
    bool is_time;
};

/**
 * Read "NUMBER [UNIT]": ps, ns, us, ms, s, MHz and GHz (the period), cycles
 * of a clock with @period_ticks (0 when there is none), or no unit. The number
 * may have a fraction if the result is whole; a period is rounded to the
 * nearest tick.
 * Fails    VMC_E_FORMAT or VMC_E_RANGE, with what was expected in @error.
 */
enum vmc_status vmc_quantity_parse(struct vmc_quantity *out, const char *text,
                                   uint64_t period_ticks,
                                   struct vmc_error *error);

#endif
