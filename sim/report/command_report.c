/* SPDX-License-Identifier: MIT */
/* vmcycle report: one page of several runs. */
#include <argp.h>
#include <stdio.h>

#include "sim/command.h"
#include "sim/options.h"
#include "sim/report/report.h"

enum { DIRS_MAX = 256 };

struct options {
    const char *path;
    const char *dirs[DIRS_MAX];
    uint32_t dir_count;
    uint64_t reference; /* counted from 1 */
};

static const struct argp_option option_table[] = {
    {"output", 'o', "FILE", 0, "the page to write; default is report.html", 0},
    {"reference", 'r', "N", 0,
     "compare the others with the N-th folder; default is the first", 0},
    {0}};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case 'o':
        options->path = argument;
        return 0;
    case 'r':
        options->reference =
            option_number(state, "--reference", argument, 1, DIRS_MAX);
        return 0;
    case ARGP_KEY_END:
        if (options->reference > options->dir_count && options->dir_count > 0) {
            argp_error(state, "--reference: there are %u folders",
                       (unsigned)options->dir_count);
        }
        return 0;
    case ARGP_KEY_ARG:
        option_add(state, "a folder", options->dirs, &options->dir_count,
                   DIRS_MAX, argument);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "a run folder is needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    option_table,
    parse_option,
    "DIR...",
    "Make one page of the runs whose folders --report wrote.",
    0,
    0,
    0};

int command_report(int argc, char **argv)
{
    struct options options = {.path = "report.html", .reference = 1};
    struct vmc_error error = {""};
    enum vmc_status status;

    argp_parse(&parser, argc, argv, 0, NULL, &options);
    status = report_write_page(options.path, options.dirs, options.dir_count,
                               (uint32_t)options.reference - 1, &error);
    if (status != VMC_OK) {
        return command_failed(status, &error);
    }
    (void)printf("%s\n", options.path);
    return EXIT_GOOD;
}
