/* SPDX-License-Identifier: MIT */
#include "sim/command.h"

#include <argp.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

enum { TABLE_BYTES_MIN = 32 << 10 };

static const struct command commands[] = {
    {"explore", "search the schedules of a scenario", command_explore},
    {"balloon", "time a balloon scenario", command_balloon},
    {"device", "serve registers to a virtual machine", command_device},
    {"golden", "run golden vectors", command_golden},
    {"import", "turn a trace into the native format", command_import},
    {"info", "say what a trace holds", command_info},
    {"dump", "print the records of a trace", command_dump},
    {"compare", "give the same input to two or more designs", command_compare},
    {"profiles", "list the timing profiles", command_profiles},
    {"replay", "replay a recorded trace against the models", command_replay},
    {"report", "make one page of several runs", command_report},
    {"sweep", "run a command over a design space", command_sweep},
    {"version", "print the version", command_version},
};

void command_prepare(void)
{
    /* Tables are made for the largest machine and used by small ones. From this
     * size on they come from the kernel, as pages that cost nothing before
     * something is written to them. */
    (void)mallopt(M_MMAP_THRESHOLD, TABLE_BYTES_MIN);
    argp_err_exit_status = EXIT_BAD_INPUT;
}

const struct command *command_at(size_t index)
{
    return index < VMC_COUNT_OF(commands) ? &commands[index] : NULL;
}

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < VMC_COUNT_OF(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

int command_failed(enum vmc_status status, const struct vmc_error *error)
{
    (void)fprintf(stderr, "vmcycle: %s\n",
                  error->text[0] != '\0' ? error->text
                                         : vmc_status_name(status));
    return status == VMC_E_NOMEM ? EXIT_INTERNAL : EXIT_BAD_INPUT;
}

static bool is_standard_output(const char *path)
{
    return path != NULL && strcmp(path, "-") == 0;
}

FILE *command_table(const char *json_path)
{
    return is_standard_output(json_path) ? stderr : stdout;
}

FILE *command_table_beside(const char *json_path, const char *perfetto_path,
                           const char *vcd_path)
{
    return is_standard_output(json_path) || is_standard_output(perfetto_path) ||
                   is_standard_output(vcd_path)
               ? stderr
               : stdout;
}

int command_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)printf("vmcycle %s\n", VMCYCLE_VERSION);
    return EXIT_GOOD;
}
