/* SPDX-License-Identifier: MIT */
/**
 * report_run.h - one run of a report, and its part of the page.
 */
#ifndef VMC_SIM_REPORT_REPORT_RUN_H
#define VMC_SIM_REPORT_REPORT_RUN_H

#include <jansson.h>
#include <stdio.h>

#include "base/base.h"

enum { RUN_NAME_BYTES = 160 };

/** A run, or a sweep of runs, as its folder tells it. */
struct report_run {
    const char *dir; /**< borrowed */
    json_t *root;    /**< its report.json */
    char name[RUN_NAME_BYTES];
};

/**
 * Read the folder @dir. The name is that of the input, without folders and
 * without the endings that say what kind of file it is.
 * Owner    report_run_fini() releases what is read.
 * Fails    VMC_E_FORMAT with a line in @error; nothing is to be released then.
 */
enum vmc_status report_run_init(struct report_run *run, const char *dir,
                                struct vmc_error *error);

/** Call @run by its folder instead. */
void report_run_use_folder(struct report_run *run);

/** Release what report_run_init() read. */
void report_run_fini(struct report_run *run);

/** The path of the @index-th figure that a run's section begins with, and its
 * *@words; NULL when there are no more. */
const char *report_headline(uint32_t index, const char **words);

/** Write the section of @run, the @index-th of the page: headlines, pictures,
 * what to look up, every number. *@pictures as in picture_write(). */
void report_run_write(FILE *page, const struct report_run *run, uint32_t index,
                      uint32_t *pictures);

#endif
