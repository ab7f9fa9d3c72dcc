/* SPDX-License-Identifier: MIT */
/**
 * balloon.h - a balloon machine out of a timing profile.
 */
#ifndef VMC_SIM_BALLOON_BALLOON_H
#define VMC_SIM_BALLOON_BALLOON_H

#include "balloon/balloon.h"
#include "profile/profile.h"
#include "sim/balloon/balloon_log.h"

/** What a profile says about a balloon machine. */
struct balloon_machine {
    struct vmc_balloon_costs costs;
    struct vmc_balloon_machine machine;
};

/**
 * Read the sections balloon_send, balloon_guest, balloon_host and
 * balloon_machine of @profile.
 * Fails    VMC_E_FORMAT with a line in @error.
 */
enum vmc_status balloon_read(struct balloon_machine *out,
                             const struct vmc_profile *profile,
                             struct vmc_error *error);

/** The same from the profile called @name, as vmc_profile_load() finds it. */
enum vmc_status balloon_load(struct balloon_machine *out, const char *name,
                             struct vmc_error *error);

/** The number of the mechanism called @name.
 * Fails    VMC_E_USAGE with a line in @error that lists all. */
enum vmc_status balloon_mechanism(enum vmc_balloon_mechanism *out,
                                  const char *name, struct vmc_error *error);

/** The operation called @name: inflate, deflate, reclaim, return, plug,
 * unplug, install, retouch or report. Fails as balloon_mechanism(). */
enum vmc_status balloon_op(enum vmc_balloon_op *out, const char *name,
                           struct vmc_error *error);

/** The set of defects that @text names: all, none, or D1,S5. Fails as above. */
enum vmc_status balloon_defects(uint64_t *out, const char *text,
                                struct vmc_error *error);

/** The faults that @text names, as add=3,big-endian. Fails as above. */
enum vmc_status balloon_faults(struct vmc_balloon_faults *out, const char *text,
                               struct vmc_error *error);

/**
 * Run what @log has recorded through @mechanism on @machine: the same pages in
 * the same order, to the same targets.
 * Fails    as vmc_balloon_run().
 */
enum vmc_status balloon_replay(struct vmc_balloon_result *result,
                               const struct balloon_log *log,
                               const struct balloon_machine *machine,
                               enum vmc_balloon_mechanism mechanism,
                               struct vmc_error *error);

/** One bar of a picture. */
struct balloon_bar {
    const char *name;
    struct vmc_account stages;
};

/** Write the rows of the picture of stages into @dir. Fails VMC_E_IO. */
enum vmc_status balloon_report_stages(const char *dir,
                                      const struct balloon_bar *bars,
                                      uint32_t count, struct vmc_error *error);

/** Write the rows of the picture of memory into @dir. Fails VMC_E_IO. */
enum vmc_status balloon_report_map(const char *dir,
                                   const struct vmc_balloon_survey *before,
                                   const struct vmc_balloon_survey *after,
                                   struct vmc_error *error);

/** Run the table of published results and print it, one line each. Returns an
 * exit status: EXIT_MISMATCH when one that the profiles were fitted to is
 * outside its tolerance; others are marked and counted. */
int balloon_validate(const char *json_path);

#endif
