/* SPDX-License-Identifier: MIT */
/**
 * report_overlay.h - the curves and stages of several runs in one picture.
 */
#ifndef VMC_SIM_REPORT_REPORT_OVERLAY_H
#define VMC_SIM_REPORT_REPORT_OVERLAY_H

#include "sim/report/report_run.h"

/** Draw what at least two of the @count @runs have rows for, the first eight
 * of them, and write it into @page. *@pictures as in picture_write(). */
void overlay_write(FILE *page, const struct report_run *runs, uint32_t count,
                   uint32_t *pictures);

#endif
