/* SPDX-License-Identifier: MIT */
/**
 * report_style.h - how a report's page looks.
 */
#ifndef VMC_SIM_REPORT_REPORT_STYLE_H
#define VMC_SIM_REPORT_REPORT_STYLE_H

#include <stdio.h>

/** Write the style sheet. */
void style_write(FILE *page);

#endif
