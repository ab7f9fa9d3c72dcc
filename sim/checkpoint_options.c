/* SPDX-License-Identifier: MIT */
#include "sim/checkpoint_options.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "event/clock.h"
#include "profile/quantity.h"
#include "sim/report/report.h"

static const struct argp_option option_table[] = {
    {"checkpoint-every", OPTION_CHECKPOINT_EVERY, "TIME", 0,
     "write a checkpoint into the folder of --checkpoint whenever so much "
     "simulated time has passed, as 10us or 1.5ms",
     0},
    {"checkpoint", OPTION_CHECKPOINT, "DIR", 0,
     "folder for checkpoints: NUMBER.ckpt, and interrupted.ckpt when SIGINT "
     "or SIGTERM ends the run",
     0},
    {"resume", OPTION_RESUME, "FILE", 0,
     "go on from this checkpoint, on the same input with the same options", 0},
    {0}};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct checkpoint_options *options = state->input;

    switch (key) {
    case OPTION_CHECKPOINT_EVERY:
        options->every = argument;
        return 0;
    case OPTION_CHECKPOINT:
        options->folder = argument;
        return 0;
    case OPTION_RESUME:
        options->resume = argument;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp checkpoint_options_parser = {
    option_table, parse_option, NULL, NULL, NULL, NULL, NULL};

static enum vmc_status make_folder(const char *path, struct vmc_error *error)
{
    enum vmc_status status = report_make_folder(path, error);
    struct stat found;

    if (status == VMC_OK &&
        (stat(path, &found) != 0 || !S_ISDIR(found.st_mode))) {
        status = vmc_fail(error, VMC_E_IO, "%s: is no folder", path);
    }
    return status;
}

enum vmc_status checkpoint_options_check(struct checkpoint_options *options,
                                         struct vmc_error *error)
{
    struct vmc_quantity every = {.value = 0};
    struct vmc_error reason = {""};

    if (options->every != NULL) {
        if (options->folder == NULL) {
            return vmc_fail(error, VMC_E_USAGE,
                            "--checkpoint-every needs --checkpoint DIR");
        }
        if (vmc_quantity_parse(&every, options->every, 0, &reason) != VMC_OK) {
            return vmc_fail(error, VMC_E_USAGE, "--checkpoint-every: %s",
                            reason.text);
        }
        if (!every.is_time || every.value < VMC_TICKS_PER_NS) {
            return vmc_fail(error, VMC_E_USAGE,
                            "--checkpoint-every: '%s' is no time of at least "
                            "1 ns, as 10us",
                            options->every);
        }
    }
    options->every_ticks = every.value;
    return options->folder != NULL ? make_folder(options->folder, error)
                                   : VMC_OK;
}

void checkpoint_options_path(const struct checkpoint_options *options,
                             uint64_t number, char *path, size_t room)
{
    if (number == CHECKPOINT_INTERRUPTED) {
        (void)snprintf(path, room, "%s/interrupted.ckpt", options->folder);
    } else {
        (void)snprintf(path, room, "%s/%06" PRIu64 ".ckpt", options->folder,
                       number);
    }
}
