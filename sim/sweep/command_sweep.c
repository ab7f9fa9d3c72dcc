/* SPDX-License-Identifier: MIT */
/* vmcycle sweep: one command over a design space. */
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/command.h"
#include "sim/interrupted.h"
#include "sim/options.h"
#include "sim/sweep/sweep_launch.h"
#include "sim/sweep/sweep_rank.h"
#include "sim/sweep/sweep_rows.h"
#include "sim/sweep/sweep_run.h"
#include "stats/json.h"

enum { SECTION_BYTES_MAX = 1024 };

struct options {
    const char *path, *dir, *json_path;
    uint64_t first, last; /* 0: from the first, to the last */
    uint64_t workers;
    bool lists, merges;
    const char *run, *sensitivity, *by, *only, *profile;
    bool has_sourced, is_alone;
    const struct sweep_engine *engine;
};

enum option_key {
    OPTION_LIST = 256,
    OPTION_MERGE,
    OPTION_POINTS,
    OPTION_RUN,
    OPTION_SENSITIVITY,
    OPTION_BY,
    OPTION_ALL,
    OPTION_ONLY,
    OPTION_PROFILE,
    OPTION_NO_SHARE,
};

static const struct argp_option option_table[] = {
    {"output", 'o', "DIR", 0,
     "the folder of the sweep; one that is there is gone on with", 0},
    {"jobs", 'j', "N", 0, "points at once (a worker a processor)", 0},
    {"points", OPTION_POINTS, "A-B", 0, "run only these points, or one", 0},
    {"list", OPTION_LIST, NULL, 0, "print the points and what each runs", 0},
    {"merge", OPTION_MERGE, NULL, 0,
     "run nothing: only write the rows of what is there", 0},
    {"run", OPTION_RUN, "COMMAND", 0, "this command, instead of a FILE", 0},
    {"sensitivity", OPTION_SENSITIVITY, "RESULT", 0,
     "rank the numbers of the profile by their effect on RESULT, as total_ms "
     "or stages_ms.send",
     0},
    {"by", OPTION_BY, "PERCENT", 0, "lower and raise each by so much (10)", 0},
    {"all", OPTION_ALL, NULL, 0, "numbers with a source, too", 0},
    {"only", OPTION_ONLY, "GLOB", 0, "numbers that match, as 'balloon_send.*'",
     0},
    {"profile", OPTION_PROFILE, "NAME", 0,
     "whose numbers; default is the one that the command names", 0},
    {"no-share", OPTION_NO_SHARE, NULL, 0,
     "let each point load and warm up by itself, even what several have in "
     "common",
     0},
    {"json", 'j' + 256, "FILE", 0,
     "write the result as JSON; - is standard output", 0},
    {0}};

/* The options that make a section [sensitivity]. */
static bool parse_sensitivity(struct options *options, int key,
                              const char *argument)
{
    switch (key) {
    case OPTION_SENSITIVITY:
        options->sensitivity = argument;
        return true;
    case OPTION_BY:
        options->by = argument;
        return true;
    case OPTION_ONLY:
        options->only = argument;
        return true;
    case OPTION_PROFILE:
        options->profile = argument;
        return true;
    case OPTION_ALL:
        options->has_sourced = true;
        return true;
    default:
        return false;
    }
}

/* That section; NULL when none was asked for. */
static const char *make_section(const struct options *options, char *text,
                                size_t room)
{
    if (options->sensitivity == NULL) {
        return NULL;
    }
    (void)snprintf(text, room, "of = %s\n%s%s%s%s%s%s%s%s%s%s",
                   options->sensitivity, options->by != NULL ? "by = " : "",
                   options->by != NULL ? options->by : "",
                   options->by != NULL ? "\n" : "",
                   options->has_sourced ? "numbers = all\n" : "",
                   options->only != NULL ? "only = " : "",
                   options->only != NULL ? options->only : "",
                   options->only != NULL ? "\n" : "",
                   options->profile != NULL ? "profile = " : "",
                   options->profile != NULL ? options->profile : "",
                   options->profile != NULL ? "\n" : "");
    return text;
}

static void check_options(const struct options *options,
                          struct argp_state *state)
{
    if (options->dir == NULL && !options->lists) {
        argp_error(state, "-o DIR is needed");
    }
    if ((options->path == NULL) == (options->run == NULL)) {
        argp_error(state, "a FILE is needed, or --run");
    }
    if (options->sensitivity == NULL &&
        (options->by != NULL || options->only != NULL ||
         options->profile != NULL || options->has_sourced)) {
        argp_error(state, "--sensitivity RESULT is needed");
    }
}

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
        options->workers =
            option_number(state, "--jobs", argument, 1, SWEEP_WORKERS_MAX);
        return 0;
    case 'j' + 256:
        options->json_path = argument;
        return 0;
    case OPTION_POINTS:
        if (!read_points(options, argument)) {
            argp_error(state, "--points: '%s'; expected A-B, from 1", argument);
        }
        return 0;
    case OPTION_RUN:
        options->run = argument;
        return 0;
    case OPTION_NO_SHARE:
        options->is_alone = true;
        return 0;
    case OPTION_LIST:
        options->lists = true;
        return 0;
    case OPTION_MERGE:
        options->merges = true;
        return 0;
    case ARGP_KEY_ARG:
        option_take_one(state, &options->path, argument, "sweep");
        return 0;
    case ARGP_KEY_END:
        check_options(options, state);
        return 0;
    default:
        return parse_sensitivity(options, key, argument) ? 0 : ARGP_ERR_UNKNOWN;
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

    if ((is_part && !options->merges) || run->is_cut) {
        status = sweep_log_count(sweep, run->dir, &untried, missing, error);
    }
    *has_rows = status == VMC_OK && untried == 0 && !run->is_cut;
    /* A program that runs points does so because copies of this one would not
     * do, for reading neither. */
    return *has_rows ? sweep_write_rows(sweep, run->dir,
                                        run->program == NULL ? run->workers : 1,
                                        missing, error)
                     : status;
}

/* Say when a signal ended the sweep. */
static void tell_interruption(const struct sweep_run *run, json_t *root,
                              FILE *table)
{
    char what[64];

    (void)snprintf(what, sizeof(what), "%" PRIu32 " points",
                   run->ran + run->skipped);
    interrupted_tell(root, table, run->is_cut, what);
}

static int run_sweep(const struct sweep *sweep, const struct options *options)
{
    struct sweep_run run = {.sweep = sweep,
                            .dir = options->dir,
                            .first = (uint32_t)options->first,
                            .last = (uint32_t)options->last,
                            .workers = (uint32_t)options->workers,
                            .is_alone = options->is_alone,
                            .program = options->engine->program};
    struct vmc_error error = {""};
    uint32_t missing = 0;
    enum vmc_status status = VMC_OK;
    json_t *ranking = NULL;
    bool has_rows = false;
    int claim = -1;

    if (options->engine->is_first) {
        status = sweep_open_folder(options->dir, sweep, &error);
    }
    if (status == VMC_OK && !options->merges) {
        if (options->engine->is_first) {
            claim = sweep_claim(run.dir, run.first, run.last);
        }
        status = options->engine->run_points(&run, &error);
        sweep_unlock(claim);
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
                      has_rows     ? "/rows.tsv"
                      : run.is_cut ? ": no rows yet; the same command goes on"
                                   : ": no rows yet, other parts are missing");
    }
    if (status == VMC_OK && has_rows && sweep->sensitivity.of != NULL) {
        status = sweep_rank(&ranking, sweep, options->dir,
                            command_table(options->json_path), &error);
        if (status == VMC_OK) {
            (void)fprintf(command_table(options->json_path),
                          "\n%s/sensitivity.tsv\n", options->dir);
        }
    }
    if (status == VMC_OK) {
        json_t *root = describe(&run, missing);

        if (ranking != NULL) {
            json_object_set(root, "sensitivity", ranking);
        }
        tell_interruption(&run, root, command_table(options->json_path));
        if (options->json_path != NULL) {
            status = vmc_json_write(root, options->json_path, &error);
        }
        json_decref(root);
    }
    json_decref(ranking);
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

/* True when mpirun wants this process to share the points with others, and
 * MPI is not loaded yet. */
static bool must_launch(const struct options *options)
{
    return options->engine->run_points == sweep_run_points &&
           sweep_launch_ranks() > 1 && !options->merges;
}

int sweep_main(int argc, char **argv, const struct sweep_engine *engine)
{
    struct options options = {
        .engine = engine,
        .workers = engine->workers > 0 ? engine->workers : processor_count()};
    struct vmc_error error = {""};
    struct sweep *sweep;
    enum vmc_status status;
    char section[SECTION_BYTES_MAX];
    int end;

    argp_parse(&parser, argc, argv, 0, NULL, &options);
    if ((options.lists || options.merges) && sweep_launch_rank() > 0) {
        return EXIT_GOOD; /* once is enough */
    }
    interrupted_watch();
    status =
        sweep_load(&sweep, options.path, options.run,
                   make_section(&options, section, sizeof(section)), &error);
    if (status == VMC_OK && options.last > sweep->point_count) {
        status = vmc_fail(&error, VMC_E_RANGE,
                          "%s: --points: there are %" PRIu32 " points",
                          sweep->path, sweep->point_count);
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
          : must_launch(&options)
              ? command_failed(sweep_launch_mpi(argv, &error), &error)
              : run_sweep(sweep, &options);
    sweep_free(sweep);
    return interrupted_exit(end);
}

int command_sweep(int argc, char **argv)
{
    static const struct sweep_engine alone = {.run_points = sweep_run_points,
                                              .is_first = true};

    return sweep_main(argc, argv, &alone);
}
