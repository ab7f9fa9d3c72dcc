/* SPDX-License-Identifier: MIT */
/**
 * checkpoint_options.h - --checkpoint-every, --checkpoint and --resume, the
 * same for every command that has them.
 */
#ifndef VMC_SIM_CHECKPOINT_OPTIONS_H
#define VMC_SIM_CHECKPOINT_OPTIONS_H

#include <argp.h>

#include "base/base.h"

/** Keys of the options, far from those of any command. */
enum checkpoint_option_key {
    OPTION_CHECKPOINT_EVERY = 0x1000,
    OPTION_CHECKPOINT,
    OPTION_RESUME,
};

/** What was asked for. Zeroed memory is nothing. */
struct checkpoint_options {
    const char *every;    /**< as it was written, or NULL */
    const char *folder;   /**< where checkpoints go, or NULL */
    const char *resume;   /**< checkpoint to go on from, or NULL */
    uint64_t every_ticks; /**< 0: only when a signal ends the run */
};

/** Parses the three; its input is a struct checkpoint_options. To be a child
 * of a command's parser, which sets child_inputs at ARGP_KEY_INIT. */
extern const struct argp checkpoint_options_parser;

/**
 * Read every, and make the folder.
 * Fails    VMC_E_USAGE for --checkpoint-every without --checkpoint, or what is
 *          no time of at least 1 ns; VMC_E_IO. With a line in @error.
 */
enum vmc_status checkpoint_options_check(struct checkpoint_options *options,
                                         struct vmc_error *error);

/** The number of the checkpoint that a signal makes. */
#define CHECKPOINT_INTERRUPTED UINT64_MAX

/** Put the name of checkpoint @number of the run into @path. */
void checkpoint_options_path(const struct checkpoint_options *options,
                             uint64_t number, char *path, size_t room);

#endif
