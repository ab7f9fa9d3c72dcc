/* SPDX-License-Identifier: MIT */
/**
 * assumed.h - which numbers of a run have no source.
 *
 * A run's results list them, so that whoever reads a prediction sees what it
 * rests on: `profiles`, each with how many numbers were read from it and how
 * many of these are assumed, and `assumed`, the numbers themselves.
 */
#ifndef VMC_SIM_ASSUMED_H
#define VMC_SIM_ASSUMED_H

#include <jansson.h>

#include "profile/profile.h"

/** The sections that the models of interrupts, of balloons, of exits and of
 * RCU read, for assumed_note(). */
extern const char assumed_irq[], assumed_balloon[], assumed_dispatch[],
    assumed_rcu[];

/**
 * Note in the object @notes, under the key @who, what was read from @profile:
 * the numbers of its @sections (names with a blank between). @notes may be
 * NULL: nobody wants to know.
 */
void assumed_note(json_t *notes, const char *who,
                  const struct vmc_profile *profile, const char *sections);

/**
 * Set `profiles` and `assumed` of the results @root from @notes: from those
 * whose key is one of @root's, or from all of them. A number that two have
 * noted is listed once. Without a note nothing is set.
 */
void assumed_tell(json_t *root, const json_t *notes, bool are_all);

#endif
