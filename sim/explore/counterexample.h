/* SPDX-License-Identifier: MIT */
/**
 * counterexample.h - one run, drawn: for a terminal, and as a picture.
 *
 * Both show the same: a column for each task, time running down, in each
 * column when the task is inside a read section, holds locks and references;
 * beside them what becomes of each object. The step that breaks the rule is
 * marked, and so are steps that the failure does not depend on.
 */
#ifndef VMC_SIM_EXPLORE_COUNTEREXAMPLE_H
#define VMC_SIM_EXPLORE_COUNTEREXAMPLE_H

#include <stdio.h>

#include "sim/explore/story.h"

/** Draw @story for a terminal. */
void counterexample_print(const struct story *story, FILE *to);

/** Write the rows that counterexample.gp draws; see counterexample.c. */
void counterexample_rows(const struct story *story, FILE *to);

/** What the picture shows, for those who do not see it: a line each for the
 * verdict and every step. */
void counterexample_describe(const struct story *story, FILE *to);

/**
 * Draw @story as the SVG @path, with its title and description inside.
 * Fails    VMC_E_IO, also when gnuplot or its script is missing or fails.
 */
enum vmc_status counterexample_draw(const struct story *story, const char *path,
                                    struct vmc_error *error);

#endif
