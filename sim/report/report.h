/* SPDX-License-Identifier: MIT */
/**
 * report.h - what a person opens after a run: one page with its pictures.
 *
 * A run folder holds report.json, the rows (.tsv, .hgrm) and the pictures that
 * gnuplot made of them. The page is made from these files alone, so it can be
 * made again, of several runs, years later. It loads nothing from elsewhere.
 */
#ifndef VMC_SIM_REPORT_REPORT_H
#define VMC_SIM_REPORT_REPORT_H

#include <jansson.h>

#include "base/base.h"
#include "stats/outfile.h"

/** Make the folder @path unless it is there. Fails VMC_E_IO. */
enum vmc_status report_make_folder(const char *path, struct vmc_error *error);

/**
 * Open DIR/NAME for writing rows.
 * Fails    as vmc_outfile_open().
 */
enum vmc_status report_open_rows(struct vmc_outfile **out, const char *dir,
                                 const char *name, struct vmc_error *error);

/**
 * Write @root as DIR/report.json, draw every picture whose rows lie in @dir
 * and write DIR/index.html.
 * Fails    VMC_E_IO with a line in @error. A missing gnuplot is no failure:
 *          the page then says that there are no pictures.
 */
enum vmc_status report_write(const json_t *root, const char *dir,
                             struct vmc_error *error);

/**
 * Write one page, @path, of the @dir_count run folders @dirs. Several are
 * compared with the one at index @reference.
 * Fails    VMC_E_IO, VMC_E_FORMAT with a line in @error.
 */
enum vmc_status report_write_page(const char *path, const char *const *dirs,
                                  uint32_t dir_count, uint32_t reference,
                                  struct vmc_error *error);

/** Draw one picture, @image: run script @script over the rows in @dir, and put
 * @title and @text in place of what gnuplot says of itself. False when gnuplot
 * or the script is missing or fails. */
bool report_plot(const char *dir, const char *script, const char *image,
                 const char *title, const char *text);

/**
 * Copy the SVG @from to @path, which may be the same, with @title and @text in
 * place of what gnuplot says of itself: what a reader who does not see it gets.
 * Fails    VMC_E_IO.
 */
enum vmc_status report_name_picture(const char *from, const char *path,
                                    const char *title, const char *text,
                                    struct vmc_error *error);

#endif
