/* SPDX-License-Identifier: MIT */
/**
 * profile.h - timing profiles: named numbers, each with its unit and source.
 *
 * A profile is an INI file (read by inih). Every value is a number with a unit
 * and, in the comment that ends its line, the source it comes from:
 *
 *     [iocsr]
 *     exit_in_kernel = 900 ns     ; mail of 4 Aug 2025, derived in README
 *     port           = 4 cycles   ; assumed
 *
 * Units are ps, ns, us, ms, s (kept as ticks of 1 ps), cycles of the clock that
 * the section names with `clock = NAME` (a period of section [clocks]), and
 * none at all for plain numbers. A line without a source is an error, so that
 * "where does this come from" always has an answer; the source `assumed` says
 * that there is none.
 *
 * A model lists the keys it reads in a table of struct vmc_profile_key; a key
 * in one of its sections that nobody lists is an error with its line.
 */
#ifndef VMC_PROFILE_PROFILE_H
#define VMC_PROFILE_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

struct vmc_profile;

/** What one number of a profile is. Strings live as long as the profile. */
struct vmc_profile_entry {
    const char *section, *key, *source;
    uint64_t value; /**< ticks for times and cycles, else the plain number */
    uint32_t line;
    bool is_time;    /**< given with a unit of time or in cycles */
    bool is_cycles;  /**< given in cycles of its section's clock */
    bool is_assumed; /**< its source is, or begins with, the word assumed */
};

/** One number that a model reads: the uint64_t at @offset_bytes of its struct.
 */
struct vmc_profile_key {
    const char *key;
    size_t offset_bytes;
    bool is_time; /**< must be, or must not be, a time */
};

/**
 * Load the profile @name: a path when it contains a '/' or ends in .ini, else
 * NAME.ini in $VMCYCLE_PROFILES, ./profiles or the installed folder.
 * Owner    *@out is the caller's, for vmc_profile_free(); NULL on failure.
 * Fails    VMC_E_IO, VMC_E_FORMAT, VMC_E_NOMEM, with file and line in @error.
 */
enum vmc_status vmc_profile_load(struct vmc_profile **out, const char *name,
                                 struct vmc_error *error);

/**
 * Load the profile @name and replace @change_count of its numbers, each as
 * vmc_profile_set() takes it.
 * Owner    as vmc_profile_load(): NULL on any failure.
 * Fails    as the two.
 */
enum vmc_status vmc_profile_load_changed(struct vmc_profile **out,
                                         const char *name,
                                         const char *const *changes,
                                         uint32_t change_count,
                                         struct vmc_error *error);

/** Free @profile. NULL is allowed. */
void vmc_profile_free(struct vmc_profile *profile);

/** Its name, without folder and .ini. */
const char *vmc_profile_name(const struct vmc_profile *profile);

/** How many numbers it has, and the @index-th of them in file order. */
uint32_t vmc_profile_count(const struct vmc_profile *profile);
const struct vmc_profile_entry *
vmc_profile_at(const struct vmc_profile *profile, uint32_t index);

/**
 * Fill the struct at @out from section @section: each of the @key_count @keys
 * must be there, and no other.
 * Fails    VMC_E_FORMAT with a line in @error; @out is then unspecified.
 */
enum vmc_status vmc_profile_read(const struct vmc_profile *profile,
                                 const char *section,
                                 const struct vmc_profile_key *keys,
                                 uint32_t key_count, void *out,
                                 struct vmc_error *error);

/** True when the profile has a section of this name. */
bool vmc_profile_has(const struct vmc_profile *profile, const char *section);

/**
 * Replace one number, given as "section.key=VALUE UNIT", keeping its source as
 * "set by hand". For sweeps and what-ifs. With a clock of [clocks], all that is
 * given in its cycles changes, to the nearest tick.
 * Fails    VMC_E_USAGE when there is no such key, VMC_E_FORMAT on the value,
 *          VMC_E_RANGE for a clock without a period.
 */
enum vmc_status vmc_profile_set(struct vmc_profile *profile,
                                const char *assignment,
                                struct vmc_error *error);

#endif
