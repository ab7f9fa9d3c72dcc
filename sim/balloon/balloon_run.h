/* SPDX-License-Identifier: MIT */
/**
 * balloon_run.h - one run of vmcycle balloon, from its options to its outputs.
 */
#ifndef VMC_SIM_BALLOON_BALLOON_RUN_H
#define VMC_SIM_BALLOON_BALLOON_RUN_H

#include "sim/balloon/balloon_options.h"

/** Who says, before each cycle, what it is to do. */
struct balloon_chooser {
    /** As vmc_balloon_config.choose, with this as its owner. */
    bool (*choose)(void *chooser, uint32_t cycle, enum vmc_balloon_op *op);
    /** The run's, whose costs choose() may change; set when it begins. */
    struct balloon_machine *machine;
    /** Set by choose() when what comes is the run to tell of. When it never
     * is, the run has no outputs. */
    bool is_run;
};

/**
 * Run what @options ask for and write what they name. @chooser is NULL for a
 * run as the options say.
 * Returns  an exit status.
 */
int balloon_run(struct balloon_options *options,
                struct balloon_chooser *chooser);

#endif
