/* SPDX-License-Identifier: MIT */
/**
 * report_findings.h - what of a run a person may want to look up: spurious and
 * lost interrupts with their lines, and numbers that nobody has a source for.
 */
#ifndef VMC_SIM_REPORT_REPORT_FINDINGS_H
#define VMC_SIM_REPORT_REPORT_FINDINGS_H

#include "sim/report/report_run.h"

/** Write what was found in @run, kind by kind: how many there are, and the
 * lines of the first. */
void findings_write(FILE *page, const struct report_run *run);

/** Write the assumed numbers of all @count @runs, profile by profile. */
void findings_write_assumed(FILE *page, const struct report_run *runs,
                            uint32_t count);

#endif
