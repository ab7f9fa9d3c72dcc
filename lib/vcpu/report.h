/* SPDX-License-Identifier: MIT */
/**
 * report.h - the story of one run: what was broken, and how it came to that.
 *
 * A run is the list of its steps, so it can be told after the fact: the report
 * makes the run once more and writes down what it sees.
 */
#ifndef VMC_VCPU_REPORT_H
#define VMC_VCPU_REPORT_H

#include <stdio.h>

#include "vcpu/life.h"
#include "vcpu/program.h"

/**
 * Make the run @steps once more.
 * Returns  VMC_V36_NOT_DETERMINISTIC when a step of it cannot be made, or when
 *          its last state does not have the hash @expected (NULL: any); else
 *          the rule that the run breaks, or VMC_RULE_NONE. *@at is the number
 *          of steps made.
 */
enum vmc_rule vmc_life_replay(const struct vmc_life_program *program,
                              const uint16_t *steps, uint32_t count,
                              const struct vmc_hash128 *expected, uint32_t *at);

/**
 * Write the report of the run @steps to @to: the broken rule, who holds the
 * object and through what, the steps of the access, of the free and of the
 * creation, who called call_rcu and who queued the work, and the read section
 * that should have protected.
 * Fails    VMC_E_USAGE when @steps is no run of @program, VMC_E_NOMEM.
 */
enum vmc_status vmc_life_report(const struct vmc_life_program *program,
                                const uint16_t *steps, uint32_t count,
                                FILE *to);

#endif
