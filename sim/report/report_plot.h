/* SPDX-License-Identifier: MIT */
/**
 * report_plot.h - the scripts that draw, and gnuplot that runs them.
 */
#ifndef VMC_SIM_REPORT_REPORT_PLOT_H
#define VMC_SIM_REPORT_REPORT_PLOT_H

#include <stdio.h>

#include "base/base.h"

/** Write @text as a string of gnuplot, for the settings of a script. */
void plot_put_string(FILE *settings, const char *text);

/**
 * Draw with script @script after the gnuplot assignments @settings.
 * Owner    *@out is the caller's: the picture, named by @title and @text, in a
 *          file without a name. NULL on failure.
 * Fails    VMC_E_IO: no gnuplot, no script, or one that draws nothing.
 */
enum vmc_status plot_to_stream(FILE **out, const char *script,
                               const char *settings, const char *title,
                               const char *text);

#endif
