/* SPDX-License-Identifier: MIT */
/* vmcycle compare: finds what is to be compared. */
#include <stdio.h>
#include <string.h>

#include "sim/command.h"
#include "sim/compare/compare.h"
#include "sim/interrupted.h"

static const struct {
    const char *option, *summary;
    int (*run)(int argc, char **argv);
} subjects[] = {
    {"--irq", "interrupt routing: EIOINTC, V-EIOINTC and two alternatives",
     compare_irq},
    {"--balloon", "mechanisms that move the pages of a recorded guest",
     compare_balloon},
    {"--dispatch", "ways to serve the port and memory accesses of a guest",
     compare_dispatch},
    {"--destroy", "what destroying a vCPU costs, by design and tick rate",
     compare_destroy},
    {"--grace", "measured grace periods and those of the timed model",
     compare_grace},
};

static void print_usage(FILE *to)
{
    (void)fprintf(to, "Usage: vmcycle compare SUBJECT [OPTION...]\n\n"
                      "Give the same input to two or more designs.\n\n");
    for (size_t i = 0; i < VMC_COUNT_OF(subjects); i++) {
        (void)fprintf(to, "  %-12s %s\n", subjects[i].option,
                      subjects[i].summary);
    }
    (void)fprintf(to, "\n\"vmcycle compare SUBJECT --help\" tells more.\n");
}

/* True when help is asked for; "--balloon --help" is no list of that name. */
static bool wants_help(int argc, char **argv)
{
    return strcmp(argv[argc - 1], "--help") == 0;
}

int command_compare(int argc, char **argv)
{
    char *help[] = {argv[0], "--help", NULL};

    for (int a = 1; a < argc; a++) {
        for (size_t i = 0; i < VMC_COUNT_OF(subjects); i++) {
            size_t bytes = strlen(subjects[i].option);

            if (strncmp(argv[a], subjects[i].option, bytes) == 0 &&
                (argv[a][bytes] == '\0' || argv[a][bytes] == '=')) {
                interrupted_watch();
                return wants_help(argc, argv) ? subjects[i].run(2, help)
                                              : subjects[i].run(argc, argv);
            }
        }
    }
    if (argc >= 2 && strcmp(argv[1], "--help") == 0) {
        print_usage(stdout);
        return EXIT_GOOD;
    }
    (void)fprintf(stderr, "vmcycle compare: nothing to compare is named\n");
    print_usage(stderr);
    return EXIT_BAD_INPUT;
}
