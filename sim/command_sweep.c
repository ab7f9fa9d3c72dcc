/* SPDX-License-Identifier: MIT */
/* vmcycle sweep: one command over a design space. */
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/command.h"
#include "sim/sweep_run.h"
#include "stats/json.h"

struct options {
    const char *path, *dir, *json_path;
    uint64_t first, last; /* 0: from the first, to the last */
    uint64_t workers;
    bool lists, merges;
    const struct sweep_engine *engine;
};

enum option_key { OPTION_LIST = 256, OPTION_MERGE, OPTION_POINTS };

static const struct argp_option option_table[] = {
    {"output", 'o', "DIR", 0,
     "the folder of the sweep; one that is there is gone on with", 0},
    {"jobs", 'j', "N", 0, "points at once (a worker a processor)", 0},
    {"points", OPTION_POINTS, "A-B", 0, "run only these points, or one", 0},
    {"list", OPTION_LIST, NULL, 0, "print the points and what each runs", 0},
    {"merge", OPTION_MERGE, NULL, 0,
     "run nothing: only write the rows of what is there", 0},
    {"json", 'j' + 256, "FILE", 0,
     "write the result as JSON; - is standard output", 0},
    {0}};

/* "A-B" or "A", both from 1. */
static bool read_points(struct options *options, const char *text)
{
    const char *dash = strchr(text, '-');
    char first[32];
    size_t bytes = dash != NULL ? (size_t)(dash - text) : strlen(text);

    if (bytes == 0 || bytes >= sizeof(first)) {
        return false;
    }
    memcpy(first, text, bytes);
    first[bytes] = '\0';
    return vmc_parse_u64(&options->first, first) == VMC_OK &&
           vmc_parse_u64(&options->last, dash != NULL ? dash + 1 : first) ==
               VMC_OK &&
           options->first >= 1 && options->first <= options->last;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case 'o':
        options->dir = argument;
        return 0;
    case 'j':
        if (vmc_parse_u64(&options->workers, argument) != VMC_OK ||
            options->workers < 1 || options->workers > SWEEP_WORKERS_MAX) {
            argp_error(state, "--jobs: '%s'; expected 1 to %d", argument,
                       SWEEP_WORKERS_MAX);
        }
        return 0;
    case 'j' + 256:
        options->json_path = argument;
        return 0;
    case OPTION_POINTS:
        if (!read_points(options, argument)) {
            argp_error(state, "--points: '%s'; expected A-B, from 1", argument);
        }
        return 0;
    case OPTION_LIST:
        options->lists = true;
        return 0;
    case OPTION_MERGE:
        options->merges = true;
        return 0;
    case ARGP_KEY_ARG:
        if (options->path != NULL) {
            argp_error(state, "one sweep at a time");
        }
        options->path = argument;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "a FILE is needed");
        return 0;
    case ARGP_KEY_END:
        if (options->dir == NULL && !options->lists) {
            argp_error(state, "-o DIR is needed");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    option_table,
    parse_option,
    "FILE",
    "Run one command over a design space. FILE names the command and what is "
    "varied; the rows come out the same, however many points run at once and "
    "whatever interrupted them.",
    0,
    0,
    0};

static int list_points(const struct sweep *sweep, const struct options *options)
{
    static struct sweep_arguments arguments;

    for (uint32_t point = (uint32_t)options->first; point <= options->last;
         point++) {
        if (sweep_arguments(&arguments, sweep, point) != VMC_OK) {
            return EXIT_BAD_INPUT;
        }
        (void)printf("%" PRIu32 "\tvmcycle", point);
        for (uint32_t i = 0; i < arguments.count; i++) {
            const char *word = arguments.words[i];

            (void)printf(strchr(word, ' ') != NULL ? " '%s'" : " %s", word);
        }
        (void)putchar('\n');
    }
    return EXIT_GOOD;
}

static json_t *describe(const struct sweep_run *run, uint32_t missing)
{
    const struct {
        const char *key;
        uint32_t value;
    } rows[] = {{"points", run->sweep->point_count}, {"ran", run->ran},
                {"skipped", run->skipped},           {"failed", run->failed},
                {"mismatched", run->mismatched},     {"missing", missing}};
    json_t *root = json_object();

    json_object_set_new(root, "version", json_string(VMCYCLE_VERSION));
    if (run->sweep->has_seed) {
        json_object_set_new(root, "seed", vmc_json_u64(run->sweep->seed));
    }
    for (size_t i = 0; i < VMC_COUNT_OF(rows); i++) {
        json_object_set_new(root, rows[i].key, vmc_json_u64(rows[i].value));
    }
    return root;
}

/* The rows are written by whoever ends last of those that share a folder: by
 * one that ran all points, or found no point left that nobody has tried. */
static enum vmc_status finish(const struct sweep_run *run,
                              const struct options *options, uint32_t *missing,
                              bool *has_rows, struct vmc_error *error)
{
    const struct sweep *sweep = run->sweep;
    bool is_part = run->first > 1 || run->last < sweep->point_count;
    uint32_t untried = 0;
    enum vmc_status status = VMC_OK;

    if (is_part && !options->merges) {
        status = sweep_log_count(sweep, run->dir, &untried, missing, error);
    }
    *has_rows = status == VMC_OK && untried == 0;
    return *has_rows ? sweep_write_rows(sweep, run->dir, missing, error)
                     : status;
}

static int run_sweep(const struct sweep *sweep, const struct options *options)
{
    struct sweep_run run = {.sweep = sweep,
                            .dir = options->dir,
                            .first = (uint32_t)options->first,
                            .last = (uint32_t)options->last,
                            .workers = (uint32_t)options->workers,
                            .program = NULL};
    struct vmc_error error = {""};
    uint32_t missing = 0;
    enum vmc_status status = VMC_OK;
    bool has_rows = false;

    if (options->engine->is_first) {
        status = sweep_open_folder(options->dir, options->path, &error);
    }
    if (status == VMC_OK && !options->merges) {
        status = options->engine->run_points(&run, &error);
    }
    if (status == VMC_OK && !options->engine->is_first) {
        return EXIT_GOOD; /* the first has all outcomes */
    }
    if (status == VMC_OK) {
        status = finish(&run, options, &missing, &has_rows, &error);
    }
    if (status == VMC_OK) {
        (void)fprintf(command_table(options->json_path),
                      "%" PRIu32 " points: %" PRIu32 " run now, %" PRIu32
                      " before, %" PRIu32 " failed, %" PRIu32
                      " not as expected, %" PRIu32 " missing\n%s%s\n",
                      sweep->point_count, run.ran, run.skipped, run.failed,
                      run.mismatched, missing, options->dir,
                      has_rows ? "/rows.tsv"
                               : ": no rows yet, other parts are missing");
    }
    if (status == VMC_OK && options->json_path != NULL) {
        json_t *root = describe(&run, missing);

        status = vmc_json_write(root, options->json_path, &error);
        json_decref(root);
    }
    if (status != VMC_OK) {
        return command_failed(status, &error);
    }
    return run.failed + run.mismatched > 0 || (options->merges && missing > 0)
               ? EXIT_MISMATCH
               : EXIT_GOOD;
}

static uint32_t processor_count(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    return processors < 1                   ? 1
           : processors > SWEEP_WORKERS_MAX ? SWEEP_WORKERS_MAX
                                            : (uint32_t)processors;
}

int sweep_main(int argc, char **argv, const struct sweep_engine *engine)
{
    struct options options = {
        .engine = engine,
        .workers = engine->workers > 0 ? engine->workers : processor_count()};
    struct vmc_error error = {""};
    struct sweep *sweep;
    enum vmc_status status;
    int end;

    argp_parse(&parser, argc, argv, 0, NULL, &options);
    status = sweep_load(&sweep, options.path, &error);
    if (status == VMC_OK && options.last > sweep->point_count) {
        status = vmc_fail(&error, VMC_E_RANGE,
                          "%s: --points: there are %" PRIu32 " points",
                          options.path, sweep->point_count);
        sweep_free(sweep);
    }
    if (status != VMC_OK) {
        return command_failed(status, &error);
    }
    if (options.first == 0) {
        options.first = 1;
        options.last = sweep->point_count;
    }
    end = options.lists ? list_points(sweep, &options)
                        : run_sweep(sweep, &options);
    sweep_free(sweep);
    return end;
}

int command_sweep(int argc, char **argv)
{
    static const struct sweep_engine alone = {.run_points = sweep_run_points,
                                              .is_first = true};

    return sweep_main(argc, argv, &alone);
}
