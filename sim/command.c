/* SPDX-License-Identifier: MIT */
#include "sim/command.h"

#include <stdio.h>
#include <string.h>

int command_failed(enum vmc_status status, const struct vmc_error *error)
{
    (void)fprintf(stderr, "vmcycle: %s\n",
                  error->text[0] != '\0' ? error->text
                                         : vmc_status_name(status));
    return status == VMC_E_NOMEM ? EXIT_INTERNAL : EXIT_BAD_INPUT;
}

FILE *command_table(const char *json_path)
{
    return json_path != NULL && strcmp(json_path, "-") == 0 ? stderr : stdout;
}

int command_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)printf("vmcycle %s\n", VMCYCLE_VERSION);
    return EXIT_GOOD;
}
