/* SPDX-License-Identifier: MIT */
/**
 * report_answers.h - the first screen of a report: how long did it take, where
 * did the time go, did the model agree with what was recorded.
 */
#ifndef VMC_SIM_REPORT_REPORT_ANSWERS_H
#define VMC_SIM_REPORT_REPORT_ANSWERS_H

#include "sim/report/report_run.h"

/** Write the three answers that the @count @runs give together, and, of
 * several runs, a table of what each of them says. */
void answers_write(FILE *page, const struct report_run *runs, uint32_t count);

#endif
