/* SPDX-License-Identifier: MIT */
/**
 * command.h - what a command of the program is, and how it ends.
 */
#ifndef VMC_SIM_COMMAND_H
#define VMC_SIM_COMMAND_H

#include <stdio.h>

#include "base/base.h"

/** Exit statuses, the same for every command. */
enum exit_status {
    EXIT_GOOD = 0,
    EXIT_MISMATCH = 1, /**< it ran, and something did not match or broke */
    EXIT_BAD_INPUT = 2,
    EXIT_INTERNAL = 3,
    EXIT_BOUNDED = 4, /**< nothing broke, and not all was looked at */
};

/** One command: vmcycle NAME [options]. */
struct command {
    const char *name, *summary;
    /** argv[0] is "vmcycle NAME"; returns an exit status. */
    int (*run)(int argc, char **argv);
};

/** The @index-th command, in the order of the help; NULL past the last. */
const struct command *command_at(size_t index);

/** The command called @name, or NULL. */
const struct command *command_find(const char *name);

/** What a program does before it runs a command: exit statuses of bad options,
 * and where memory comes from. */
void command_prepare(void);

/** Print "vmcycle: @error" to standard error; returns EXIT_BAD_INPUT, or
 * EXIT_INTERNAL when @status is VMC_E_NOMEM. */
int command_failed(enum vmc_status status, const struct vmc_error *error);

/** Where tables go: standard output, unless @json_path is "-" and takes it. */
FILE *command_table(const char *json_path);

/** The same for a command that can also write a timeline and a waveform there.
 * NULL: none. */
FILE *command_table_beside(const char *json_path, const char *perfetto_path,
                           const char *vcd_path);

int command_balloon(int argc, char **argv);
int command_compare(int argc, char **argv);
int command_device(int argc, char **argv);
int command_dump(int argc, char **argv);
int command_explore(int argc, char **argv);
int command_golden(int argc, char **argv);
int command_import(int argc, char **argv);
int command_info(int argc, char **argv);
int command_profiles(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_report(int argc, char **argv);
int command_sweep(int argc, char **argv);
int command_version(int argc, char **argv);

#endif
