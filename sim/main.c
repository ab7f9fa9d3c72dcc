/* SPDX-License-Identifier: MIT */
/* The program: finds the command and runs it. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/command.h"
#include "sim/interrupted.h"

static void print_usage(FILE *to)
{
    (void)fprintf(to, "Usage: vmcycle COMMAND [OPTION...]\n\n"
                      "Simulate virtual-machine hardware, cycle by cycle.\n\n");
    for (size_t i = 0; command_at(i) != NULL; i++) {
        (void)fprintf(to, "  %-10s %s\n", command_at(i)->name,
                      command_at(i)->summary);
    }
    (void)fprintf(to,
                  "\n\"vmcycle COMMAND --help\" tells more. SIGINT and SIGTERM "
                  "end a command in\norder, with exit status 130 or 143 "
                  "and outputs that say so.\n");
}

/* Name @folder, relative to the program's own, in @variable, unless it is set
 * or @local is here. So the program finds its data wherever it is called from,
 * in the build tree and when it was installed elsewhere. */
static void find_data(const char *variable, const char *local,
                      const char *const folders[2])
{
    char program[PATH_MAX], path[2 * PATH_MAX];
    ssize_t bytes = readlink("/proc/self/exe", program, sizeof(program) - 1);
    char *slash;

    if (getenv(variable) != NULL || access(local, R_OK) == 0 || bytes <= 0) {
        return;
    }
    program[bytes] = '\0';
    slash = strrchr(program, '/');
    if (slash == NULL) {
        return;
    }
    *slash = '\0';
    for (int i = 0; i < 2; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", program, folders[i]);
        if (access(path, R_OK) == 0) {
            (void)setenv(variable, path, 0);
            return;
        }
    }
}

int main(int argc, char **argv)
{
    static const char *const profiles[] = {"../share/vmcycle/profiles",
                                           "../../profiles"};
    static const char *const plots[] = {"../share/vmcycle/plots", "../../sim"};
    static const char *const scenarios[] = {"../share/vmcycle/scenarios",
                                            "../../tests/scenarios"};
    static char full_name[64];
    const struct command *command;

    command_prepare();
    find_data("VMCYCLE_PROFILES", "profiles", profiles);
    find_data("VMCYCLE_PLOTS", "sim/report/style.gp", plots);
    find_data("VMCYCLE_SCENARIOS", "tests/scenarios", scenarios);
    if (argc >= 2 && strcmp(argv[1], "--help") == 0) {
        print_usage(stdout);
        return EXIT_GOOD;
    }
    if (argc >= 2 && strcmp(argv[1], "--version") == 0) {
        argv[1] += 2;
    }
    command = argc >= 2 ? command_find(argv[1]) : NULL;
    if (command != NULL) {
        (void)snprintf(full_name, sizeof(full_name), "vmcycle %s", argv[1]);
        argv[1] = full_name;
        return interrupted_exit(command->run(argc - 1, argv + 1));
    }
    if (argc >= 2) {
        (void)fprintf(stderr, "vmcycle: no command '%s'\n", argv[1]);
    }
    print_usage(stderr);
    return EXIT_BAD_INPUT;
}
