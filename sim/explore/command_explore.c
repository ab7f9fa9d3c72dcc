/* SPDX-License-Identifier: MIT */
/* vmcycle explore: every schedule of a scenario, or one of them again. */
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explore/minimise.h"
#include "sim/command.h"
#include "sim/explore/counterexample.h"
#include "sim/explore/explore_search.h"
#include "sim/explore/explore_target.h"
#include "sim/interrupted.h"
#include "sim/options.h"
#include "sim/report/report.h"
#include "sim/explore/schedule_file.h"
#include "sim/explore/story_timeline.h"
#include "sim/explore/story_vcd.h"
#include "sim/machine/timeline_file.h"
#include "stats/json.h"
#include "stats/outfile.h"

enum { SETTINGS_MAX = 8, MINIMISE_STATES = 1 << 20 };

struct options {
    const char *path, *json_path, *schedule_path, *write_path;
    const char *timeline_path, *report_path, *perfetto_path;
    struct waveform_options vcd;
    struct vmc_life_config config;
    struct vmc_life_setting params[SETTINGS_MAX];
    char names[SETTINGS_MAX][VMC_LIFE_NAME_BYTES];
    struct explore_search search;
    enum vmc_minimise_order order;
    bool keeps_schedule; /* as it was found */
};

enum option_key {
    OPTION_SCHEDULE = 256,
    OPTION_WRITE,
    OPTION_PARAM,
    OPTION_MINIMISE,
    OPTION_TIMELINE,
    OPTION_PERFETTO,
    OPTION_REPORT,
};

static const struct argp_option option_table[] = {
    {"variant", 'v', "NAME", 0, "variant of the scenario; default is its first",
     0},
    {"param", OPTION_PARAM, "NAME=NUMBER", 0, "set a parameter of the scenario",
     0},
    {"schedule", OPTION_SCHEDULE, "FILE", 0,
     "run the schedule in FILE again, and nothing else", 0},
    {"write-schedule", OPTION_WRITE, "FILE", 0,
     "write a shortest failing schedule", 0},
    {"minimise", OPTION_MINIMISE, "WHAT", 0,
     "what a failing schedule is to have fewest of: preemptions (default) or "
     "steps; no: leave it as it was found",
     0},
    {"timeline", OPTION_TIMELINE, "FILE", 0,
     "draw the failing schedule as a picture (SVG)", 0},
    {"perfetto", OPTION_PERFETTO, "FILE", 0,
     "write the failing schedule, or that of --schedule, as a timeline for "
     "ui.perfetto.dev",
     0},
    {"report", OPTION_REPORT, "DIR", 0,
     "write a page, with the failing schedule as text, as a file and as a "
     "picture",
     0},
    {"json", 'j', "FILE", 0, "write the result as JSON; - is standard output",
     0},
    {0}};

static void read_param(struct argp_state *state, struct options *options,
                       const char *text)
{
    const char *equals = strchr(text, '=');
    uint32_t i = options->config.param_count;
    uint64_t value;

    if (equals == NULL || i == SETTINGS_MAX ||
        (size_t)(equals - text) >= VMC_LIFE_NAME_BYTES ||
        vmc_parse_u64(&value, equals + 1) != VMC_OK || value > INT16_MAX) {
        argp_error(state, "--param '%s': expected NAME=NUMBER", text);
        return;
    }
    (void)snprintf(options->names[i], VMC_LIFE_NAME_BYTES, "%.*s",
                   (int)(equals - text), text);
    options->params[i] =
        (struct vmc_life_setting){options->names[i], (int32_t)value};
    options->config.params = options->params;
    options->config.param_count++;
}

static void read_order(struct argp_state *state, struct options *options,
                       const char *text)
{
    options->keeps_schedule = strcmp(text, "no") == 0;
    options->order = strcmp(text, "steps") == 0 ? VMC_MINIMISE_STEPS
                                                : VMC_MINIMISE_PREEMPTIONS;
    if (!options->keeps_schedule && strcmp(text, "steps") != 0 &&
        strcmp(text, "preemptions") != 0) {
        argp_error(state, "--minimise '%s': expected preemptions, steps or no",
                   text);
    }
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->search;
        state->child_inputs[1] = &options->vcd;
        state->child_inputs[2] = &options->search.keep;
        return 0;
    case 'v':
        options->config.variant = argument;
        return 0;
    case 'j':
        options->json_path = argument;
        return 0;
    case OPTION_PARAM:
        read_param(state, options, argument);
        return 0;
    case OPTION_SCHEDULE:
        options->schedule_path = argument;
        return 0;
    case OPTION_WRITE:
        options->write_path = argument;
        return 0;
    case OPTION_MINIMISE:
        read_order(state, options, argument);
        return 0;
    case OPTION_TIMELINE:
        options->timeline_path = argument;
        return 0;
    case OPTION_PERFETTO:
        options->perfetto_path = argument;
        return 0;
    case OPTION_REPORT:
        options->report_path = argument;
        return 0;
    case ARGP_KEY_ARG:
        option_take_one(state, &options->path, argument, "scenario");
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "a SCENARIO is needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&explore_search_argp, 0, "How to search:", 1},
    {&waveform_argp, 0,
     "Waveforms, for GTKWave, of the failing schedule or that of --schedule; a "
     "step takes 1 us:",
     2},
    {&explore_keep_argp, 0, "Stop and go on:", 3},
    {0}};

static const struct argp parser = {
    option_table,
    parse_option,
    "SCENARIO",
    "Search the schedules of a scenario for one that breaks a rule; count them "
    "all. The language is described in docs/scenarios.md.",
    children,
    0,
    0};

/* What came out, by search or by replay. */
struct outcome {
    struct explore_target target;
    struct vmc_search_result counts;
    struct vmc_schedule schedule;
    struct vmc_minimal minimal; /* of it; rule 0 when it was left alone */
    struct story story;         /* of the schedule, if there is one */
    uint32_t rule;              /* 0: none is broken */
    char why[STORY_TEXT_BYTES];
    bool has_schedule;
    int64_t wall_ms;
};

/* What a search and its checkpoints must agree about. */
static void make_terms(const struct explore_target *target,
                       struct options *options)
{
    struct checkpoint_terms *terms = &options->search.keep.terms;

    checkpoint_add_term(terms, "command", "explore");
    checkpoint_add_term(terms, "scenario", "%s", target->name);
    checkpoint_add_term(terms, "contents of the scenario", "%016" PRIx64,
                        target->source_hash);
    checkpoint_add_term(terms, "--variant", "%s", target->variant);
    for (uint32_t i = 0; i < options->config.param_count; i++) {
        checkpoint_add_term(terms, "--param", "%s=%" PRId32,
                            options->params[i].name, options->params[i].value);
    }
    explore_search_add_terms(&options->search);
}

static enum vmc_status search(struct outcome *outcome, struct options *options,
                              struct vmc_error *error)
{
    const struct told_model *told = &outcome->target.told;
    enum vmc_status status;

    make_terms(&outcome->target, options);
    status = explore_search_run(&options->search, &outcome->counts,
                                told->words->ops, told->model, error);

    if (status == VMC_OK && outcome->counts.has_schedule) {
        outcome->schedule = outcome->counts.schedule;
        outcome->rule = outcome->counts.rule;
        outcome->has_schedule = true;
    } else if (status == VMC_OK) {
        outcome->rule = explore_target_note(&outcome->target, outcome->why);
    }
    return status;
}

static enum vmc_status write_schedule(const struct story *story,
                                      const char *path, struct vmc_error *error)
{
    struct vmc_outfile *out;
    enum vmc_status status = vmc_outfile_open(&out, path, error);

    if (status != VMC_OK) {
        return status;
    }
    schedule_write(vmc_outfile_stream(out), story);
    return vmc_outfile_commit(out, error);
}

static enum vmc_status write_perfetto(const struct story *story,
                                      const char *path, struct vmc_error *error)
{
    const struct timeline_options options = {.path = path};
    struct timeline_file file;
    enum vmc_status status = timeline_file_open(&file, &options, error);

    if (status != VMC_OK) {
        return status;
    }
    story_timeline_write(file.timeline, story);
    return timeline_file_close(&file, error);
}

/* Bring the schedule that was found to its smallest. */
static enum vmc_status minimise(struct outcome *outcome,
                                const struct options *options)
{
    uint64_t budget = options->search.config.budget.states_max;
    uint64_t states_max = budget < MINIMISE_STATES ? budget : MINIMISE_STATES;
    enum vmc_status status;

    explore_target_tell_objects(&outcome->target, true);
    status = vmc_minimise(&outcome->minimal, &outcome->schedule, options->order,
                          states_max, outcome->target.told.words->ops,
                          outcome->target.told.model);
    explore_target_tell_objects(&outcome->target, false);
    if (status == VMC_OK) {
        outcome->schedule = outcome->minimal.schedule;
    }
    return status;
}

/* Tell the schedule that was found or read. */
static enum vmc_status tell(struct outcome *outcome)
{
    enum vmc_status status = story_tell(
        &outcome->story, &outcome->target.told, &outcome->schedule,
        outcome->minimal.rule != 0 ? outcome->minimal.is_idle : NULL);

    if (status == VMC_OK) {
        outcome->rule = outcome->story.rule;
        memcpy(outcome->why, outcome->story.why, sizeof(outcome->why));
    }
    return status;
}

/* The run as text: its timeline, and the stacks of whoever had a part. */
static enum vmc_status print_run(struct outcome *outcome, FILE *to)
{
    const struct told_model *told = &outcome->target.told;

    counterexample_print(&outcome->story, to);
    if (outcome->rule == 0 || told->words->report == NULL) {
        return VMC_OK;
    }
    (void)fputc('\n', to);
    return told->words->report(told->model, &outcome->schedule, to);
}

static enum vmc_status write_text(struct outcome *outcome, const char *dir,
                                  struct vmc_error *error)
{
    struct vmc_outfile *out;
    enum vmc_status status =
        report_open_rows(&out, dir, "counterexample.txt", error);

    if (status != VMC_OK) {
        return status;
    }
    status = print_run(outcome, vmc_outfile_stream(out));
    if (status != VMC_OK) {
        vmc_outfile_abandon(out);
        return status;
    }
    return vmc_outfile_commit(out, error);
}

/* Everything that a reader of DIR gets: the run as text, as a schedule file
 * and as a picture, the result, and a page of it all. */
static enum vmc_status write_report(struct outcome *outcome,
                                    const struct options *options, json_t *root,
                                    struct vmc_error *error)
{
    const char *dir = options->report_path;
    enum vmc_status status = report_make_folder(dir, error);
    char path[1024];
    json_t *page;

    if (status == VMC_OK && outcome->has_schedule) {
        status = write_text(outcome, dir, error);
        (void)snprintf(path, sizeof(path), "%s/schedule", dir);
        if (status == VMC_OK) {
            status = write_schedule(&outcome->story, path, error);
        }
        (void)snprintf(path, sizeof(path), "%s/counterexample.svg", dir);
        if (status == VMC_OK &&
            counterexample_draw(&outcome->story, path, error) != VMC_OK) {
            (void)fprintf(stderr, "vmcycle: %s\n", error->text);
        }
    }
    if (status != VMC_OK) {
        return status;
    }
    page = json_pack("{s:O, s:O, s:O, s:O, s:O}", "interrupted",
                     json_object_get(root, "interrupted"), "input",
                     json_object_get(root, "scenario"), "version",
                     json_object_get(root, "version"), "fingerprint",
                     json_object_get(root, "fingerprint"), "explore", root);
    status = page != NULL ? report_write(page, dir, error) : VMC_E_NOMEM;
    json_decref(page);
    return status;
}

/* ---- Telling ------------------------------------------------------------ */

/* A hash over what was found, and the schedule that is shown. */
static uint64_t fingerprint_of(const struct outcome *outcome)
{
    uint64_t hash = explore_search_fingerprint(&outcome->counts);

    for (uint32_t i = 0; i < outcome->schedule.step_count; i++) {
        hash = vmc_hash_fold(hash, outcome->schedule.steps[i]);
    }
    return hash;
}

/* Whether the variant is meant to end so; null when too little is known. */
static json_t *expected_json(const struct outcome *outcome, bool is_replay)
{
    if (outcome->rule == 0 &&
        (is_replay || outcome->counts.guarantee != VMC_EXHAUSTIVE)) {
        return json_null();
    }
    return json_boolean(
        explore_target_is_expected(&outcome->target, outcome->rule));
}

static const char *verdict_of(const struct outcome *outcome, bool is_replay)
{
    return is_replay && outcome->rule == 0
               ? "passed"
               : explore_search_verdict(&outcome->counts, outcome->rule != 0);
}

static json_t *decisions(const struct vmc_schedule *schedule)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < schedule->step_count; i++) {
        json_array_append_new(list, json_integer(schedule->steps[i]));
    }
    return list;
}

static json_t *describe(const struct outcome *outcome,
                        const struct options *options)
{
    const struct explore_target *target = &outcome->target;
    bool is_replay = options->schedule_path != NULL;
    json_t *root = json_object();

    json_object_set_new(root, "version", json_string(VMCYCLE_VERSION));
    json_object_set_new(root, "scenario", json_string(target->name));
    json_object_set_new(root, "variant", json_string(target->variant));
    if (is_replay) {
        json_object_set_new(root, "strategy", json_string("replay"));
    } else {
        explore_search_describe(&options->search, &outcome->counts, root);
    }
    json_object_set_new(root, "verdict",
                        json_string(verdict_of(outcome, is_replay)));
    if (outcome->rule != 0) {
        json_t *violation = json_object();

        json_object_set_new(violation, "invariant",
                            json_string(target->told.words->rule_name(
                                target->told.model, outcome->rule)));
        json_object_set_new(violation, "step",
                            outcome->has_schedule
                                ? json_integer(outcome->story.step_count)
                                : json_null());
        json_object_set_new(violation, "description",
                            json_string(outcome->why));
        if (outcome->minimal.rule != 0) {
            json_object_set_new(
                violation, "preemptions",
                json_integer(outcome->minimal.preemption_count));
            json_object_set_new(violation, "minimal",
                                json_boolean(outcome->minimal.is_proven));
        }
        if (outcome->has_schedule) {
            json_object_set_new(violation, "schedule",
                                decisions(&outcome->schedule));
        }
        json_object_set_new(root, "violation", violation);
    }
    json_object_set_new(root, "expected", expected_json(outcome, is_replay));
    json_object_set_new(root, "fingerprint",
                        vmc_json_hex(fingerprint_of(outcome)));
    json_object_set_new(root, "wall_ms",
                        json_integer((json_int_t)outcome->wall_ms));
    return root;
}

static void print_outcome(struct outcome *outcome,
                          const struct options *options, FILE *table)
{
    bool is_replay = options->schedule_path != NULL;

    (void)fprintf(table, "%s \"%s\", variant %s\n", outcome->target.name,
                  outcome->target.title, outcome->target.variant);
    if (!is_replay) {
        explore_search_print(&options->search, &outcome->counts, table);
    }
    if (outcome->has_schedule) {
        (void)fputc('\n', table);
        (void)print_run(outcome, table);
        (void)fputc('\n', table);
    }
    if (outcome->minimal.rule != 0) {
        (void)fprintf(
            table, "%" PRIu32 " steps, %" PRIu32 " preemption%s: %s\n",
            outcome->story.step_count, outcome->minimal.preemption_count,
            outcome->minimal.preemption_count == 1 ? "" : "s",
            outcome->minimal.is_proven ? "no schedule breaks the rule with less"
                                       : "the smallest that was found");
    }
    if (outcome->rule != 0) {
        (void)fprintf(table, "violation: %s\n", outcome->why);
    } else {
        (void)fprintf(
            table, "%s: %s\n", verdict_of(outcome, is_replay),
            is_replay ? "this schedule breaks no rule"
            : outcome->counts.guarantee == VMC_EXHAUSTIVE
                ? "exhaustive, no schedule breaks a rule"
                : "no violation as far as was searched, which is not all");
    }
}

/* Write the files that were asked for. */
static enum vmc_status write_files(struct outcome *outcome,
                                   const struct options *options, json_t *root,
                                   struct vmc_error *error)
{
    enum vmc_status status = VMC_OK;

    if (options->json_path != NULL) {
        status = vmc_json_write(root, options->json_path, error);
    }
    if (!outcome->has_schedule &&
        (options->write_path != NULL || options->timeline_path != NULL ||
         options->perfetto_path != NULL || options->vcd.path != NULL)) {
        (void)fputs("vmcycle: no schedule that fails, so none is written or "
                    "drawn\n",
                    stderr);
    }
    if (status == VMC_OK && options->write_path != NULL &&
        outcome->has_schedule) {
        status = write_schedule(&outcome->story, options->write_path, error);
    }
    if (status == VMC_OK && options->timeline_path != NULL &&
        outcome->has_schedule) {
        status =
            counterexample_draw(&outcome->story, options->timeline_path, error);
    }
    if (status == VMC_OK && options->perfetto_path != NULL &&
        outcome->has_schedule) {
        status = write_perfetto(&outcome->story, options->perfetto_path, error);
    }
    if (status == VMC_OK && options->vcd.path != NULL &&
        outcome->has_schedule) {
        status = story_vcd_write(&options->vcd, &outcome->story, error);
    }
    if (status == VMC_OK && options->report_path != NULL) {
        status = write_report(outcome, options, root, error);
    }
    return status;
}

static enum vmc_status run(struct outcome *outcome, struct options *options,
                           struct vmc_error *error)
{
    int64_t start_ms = host_now_ms();
    enum vmc_status status;

    if (options->schedule_path != NULL) {
        status = schedule_read(&outcome->schedule, &outcome->target.told,
                               options->schedule_path, error);
        outcome->has_schedule = status == VMC_OK;
    } else {
        status = search(outcome, options, error);
        if (status == VMC_OK && outcome->has_schedule &&
            !options->keeps_schedule && !interrupted()) {
            status = minimise(outcome, options);
        }
    }
    if (status == VMC_OK && outcome->has_schedule) {
        status = tell(outcome);
    }
    outcome->wall_ms = host_now_ms() - start_ms;
    return status;
}

static FILE *table_of(const struct options *options)
{
    return command_table_beside(options->json_path, options->perfetto_path,
                                options->vcd.path);
}

/* Say when a signal ended the search. */
static void tell_interruption(const struct outcome *outcome,
                              const struct options *options, json_t *root)
{
    char what[64];

    (void)snprintf(what, sizeof(what), "%" PRIu64 " steps",
                   outcome->counts.steps);
    interrupted_tell(root, table_of(options), options->search.is_interrupted,
                     what);
    if (options->search.is_interrupted) {
        explore_keep_tell(&options->search.keep);
    }
}

int command_explore(int argc, char **argv)
{
    struct options options = {.path = NULL};
    struct outcome *outcome = calloc(1, sizeof(*outcome));
    struct vmc_error error = {""};
    enum vmc_status status;
    int end = EXIT_GOOD;

    explore_search_init(&options.search);
    argp_parse(&parser, argc, argv, 0, NULL, &options);
    interrupted_watch();
    if (outcome == NULL) {
        return command_failed(VMC_E_NOMEM, &error);
    }
    status = explore_target_open(&outcome->target, options.path,
                                 &options.config, &error);
    if (status == VMC_OK) {
        status = run(outcome, &options, &error);
    }
    if (status == VMC_OK) {
        json_t *root = describe(outcome, &options);

        tell_interruption(outcome, &options, root);
        print_outcome(outcome, &options, table_of(&options));
        status = write_files(outcome, &options, root, &error);
        json_decref(root);
    }
    if (outcome->rule != 0) {
        end = EXIT_MISMATCH;
    } else if (options.schedule_path == NULL && !outcome->counts.is_complete) {
        end = EXIT_BOUNDED;
    }
    explore_target_close(&outcome->target);
    story_free(&outcome->story);
    free(outcome);
    if (status != VMC_OK) {
        return command_failed(status, &error);
    }
    return end;
}
