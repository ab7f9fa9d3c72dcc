/* SPDX-License-Identifier: MIT */
/**
 * balloon_answer.h - what vmcycle balloon tells of a run.
 */
#ifndef VMC_SIM_BALLOON_BALLOON_ANSWER_H
#define VMC_SIM_BALLOON_BALLOON_ANSWER_H

#include <stdio.h>

#include "sim/balloon/balloon_options.h"

/** The keys of design.md. Owner: the caller, for json_decref(). */
json_t *balloon_answer_json(const struct balloon_options *options,
                            const struct vmc_balloon_result *result,
                            int64_t wall_ms);

/** The same in a few lines for people. */
void balloon_answer_print(const struct balloon_options *options,
                          const struct vmc_balloon_result *result,
                          int64_t wall_ms, FILE *table);

/**
 * The folder @options->report_path with rows, pictures and page; @root is what
 * balloon_answer_json() gave.
 * Fails    VMC_E_IO, VMC_E_NOMEM.
 */
enum vmc_status balloon_answer_report(const struct balloon_options *options,
                                      const struct vmc_balloon_result *result,
                                      json_t *root, struct vmc_error *error);

#endif
