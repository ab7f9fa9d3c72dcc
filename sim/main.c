/* SPDX-License-Identifier: MIT */
/* The program: finds the command and runs it. */
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "sim/command.h"

static const struct command commands[] = {
    {"golden", "run golden vectors", command_golden},
    {"import", "turn a trace into the native format", command_import},
    {"info", "say what a trace holds", command_info},
    {"dump", "print the records of a trace", command_dump},
    {"compare", "give the same input to two or more designs", command_compare},
    {"profiles", "list the timing profiles", command_profiles},
    {"replay", "replay a recorded trace against the models", command_replay},
    {"report", "make one page of several runs", command_report},
    {"version", "print the version", command_version},
};

static void print_usage(FILE *to)
{
    (void)fprintf(to, "Usage: vmcycle COMMAND [OPTION...]\n\n"
                      "Simulate virtual-machine hardware, cycle by cycle.\n\n");
    for (size_t i = 0; i < VMC_COUNT_OF(commands); i++) {
        (void)fprintf(to, "  %-10s %s\n", commands[i].name,
                      commands[i].summary);
    }
    (void)fprintf(to, "\n\"vmcycle COMMAND --help\" tells more.\n");
}

int main(int argc, char **argv)
{
    static char full_name[64];

    argp_err_exit_status = EXIT_BAD_INPUT;
    if (argc >= 2 && strcmp(argv[1], "--help") == 0) {
        print_usage(stdout);
        return EXIT_GOOD;
    }
    if (argc >= 2 && strcmp(argv[1], "--version") == 0) {
        argv[1] += 2;
    }
    for (size_t i = 0; argc >= 2 && i < VMC_COUNT_OF(commands); i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            (void)snprintf(full_name, sizeof(full_name), "vmcycle %s", argv[1]);
            argv[1] = full_name;
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    if (argc >= 2) {
        (void)fprintf(stderr, "vmcycle: no command '%s'\n", argv[1]);
    }
    print_usage(stderr);
    return EXIT_BAD_INPUT;
}
