/* SPDX-License-Identifier: MIT */
/**
 * dispatch_profile.h - the costs of accesses, out of a timing profile.
 */
#ifndef VMC_SIM_REPLAY_DISPATCH_PROFILE_H
#define VMC_SIM_REPLAY_DISPATCH_PROFILE_H

#include "ioregion/dispatch.h"
#include "profile/profile.h"

/** The profile of accesses that is used where none is named. */
#define DISPATCH_PROFILE_DEFAULT "x86-2012"

/**
 * Fill @costs from the section [dispatch] of @profile.
 * Fails    VMC_E_FORMAT, VMC_E_RANGE, with a line in @error.
 */
enum vmc_status dispatch_profile_read(struct vmc_dispatch_costs *costs,
                                      const struct vmc_profile *profile,
                                      struct vmc_error *error);

/** The same from the profile called @name. Fails as vmc_profile_load() too. */
enum vmc_status dispatch_profile_load(struct vmc_dispatch_costs *costs,
                                      const char *name,
                                      struct vmc_error *error);

#endif
