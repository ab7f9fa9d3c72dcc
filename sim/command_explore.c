/* SPDX-License-Identifier: MIT */
/* vmcycle explore: every schedule of a scenario, or one of them again. */
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/command.h"
#include "sim/explore_vcpu.h"
#include "sim/progress.h"
#include "sim/schedule_file.h"
#include "stats/json.h"
#include "stats/outfile.h"
#include "vcpu/rules.h"

enum { SETTINGS_MAX = 8, DESCRIPTION_BYTES = 256, STATES_DEFAULT = 1 << 22 };

struct options {
    const char *path, *json_path, *schedule_path, *write_path;
    struct vmc_life_config config;
    struct vmc_life_setting params[SETTINGS_MAX];
    char names[SETTINGS_MAX][VMC_LIFE_NAME_BYTES];
    struct vmc_search_budget budget;
};

enum option_key {
    OPTION_SCHEDULE = 256,
    OPTION_WRITE,
    OPTION_STATES,
    OPTION_PARAM,
};

static const struct argp_option option_table[] = {
    {"variant", 'v', "NAME", 0, "variant of the scenario; default is its first",
     0},
    {"param", OPTION_PARAM, "NAME=NUMBER", 0, "set a parameter of the scenario",
     0},
    {"states", OPTION_STATES, "N", 0,
     "visit at most N states; default is 4194304", 0},
    {"schedule", OPTION_SCHEDULE, "FILE", 0,
     "run the schedule in FILE again, and nothing else", 0},
    {"write-schedule", OPTION_WRITE, "FILE", 0,
     "write a shortest failing schedule", 0},
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

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case 'v':
        options->config.variant = argument;
        return 0;
    case 'j':
        options->json_path = argument;
        return 0;
    case OPTION_PARAM:
        read_param(state, options, argument);
        return 0;
    case OPTION_STATES:
        if (vmc_parse_u64(&options->budget.states_max, argument) != VMC_OK ||
            options->budget.states_max < 1 ||
            options->budget.states_max > VMC_SEARCH_STATES_MAX) {
            argp_error(state, "--states '%s': expected 1 to %d", argument,
                       VMC_SEARCH_STATES_MAX);
        }
        return 0;
    case OPTION_SCHEDULE:
        options->schedule_path = argument;
        return 0;
    case OPTION_WRITE:
        options->write_path = argument;
        return 0;
    case ARGP_KEY_ARG:
        if (options->path != NULL) {
            argp_error(state, "one scenario at a time");
        }
        options->path = argument;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "a SCENARIO is needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    option_table,
    parse_option,
    "SCENARIO",
    "Search the schedules of a scenario for one that breaks a rule; count them "
    "all. The language is described in docs/scenarios.md.",
    0,
    0,
    0};

/* What came out, by search or by replay. */
struct outcome {
    struct vmc_search_result counts;
    struct vmc_schedule schedule;
    struct schedule_end end;
    uint32_t rule; /* enum vmc_rule */
    bool has_schedule;
    int64_t wall_ms;
};

/* A 128-bit number in decimal digits. Returns where they begin. */
static const char *u128_text(vmc_u128 value, char text[40])
{
    char *at = text + 39;

    *at = '\0';
    do {
        *--at = (char)('0' + (int)(value % 10));
        value /= 10;
    } while (value > 0);
    return at;
}

static json_t *u128_json(vmc_u128 value)
{
    char text[40];

    return value <= INT64_MAX ? json_integer((json_int_t)value)
                              : json_string(u128_text(value, text));
}

static enum vmc_status search(struct outcome *outcome,
                              const struct options *options,
                              const struct vmc_life_program *program)
{
    struct explore_vcpu *model = calloc(1, sizeof(*model));
    enum vmc_status status;

    if (model == NULL) {
        return VMC_E_NOMEM;
    }
    model->program = program;
    status = vmc_search_count(&outcome->counts, &explore_vcpu_ops, model,
                              &options->budget);
    if (status == VMC_OK && outcome->counts.failing > 0) {
        status =
            vmc_search_shortest(&outcome->schedule, &outcome->rule,
                                &explore_vcpu_ops, model, &options->budget);
        outcome->has_schedule = status == VMC_OK;
    } else if (status == VMC_OK) {
        const struct vmc_life_violation *note =
            vmc_life_worst_note(program, &model->watch);

        outcome->rule = note != NULL ? note->rule : 0;
        if (note != NULL) {
            outcome->end.violation = *note;
            vmc_life_start(program, &outcome->end.state);
        }
    }
    free(model);
    return status == VMC_END ? VMC_OK : status;
}

static enum vmc_status write_schedule(struct outcome *outcome,
                                      const struct options *options,
                                      const struct vmc_life_program *program,
                                      struct vmc_error *error)
{
    struct vmc_outfile *out;
    enum vmc_status status = vmc_outfile_open(
        &out, options->write_path != NULL ? options->write_path : "/dev/null",
        error);

    if (status != VMC_OK) {
        return status;
    }
    schedule_write(vmc_outfile_stream(out), program, &outcome->schedule,
                   &outcome->end);
    return vmc_outfile_commit(out, error);
}

/* ---- Telling ------------------------------------------------------------ */

static void describe_violation(const struct outcome *outcome,
                               const struct vmc_life_program *program,
                               char text[DESCRIPTION_BYTES])
{
    (void)vmc_life_describe(program, &outcome->end.state,
                            &outcome->end.violation, text, DESCRIPTION_BYTES);
}

/* A hash over what was found: counts, and the schedule step by step. */
static uint64_t fingerprint_of(const struct outcome *outcome)
{
    const struct vmc_search_result *counts = &outcome->counts;
    uint64_t hash = vmc_hash_fold(counts->states, counts->steps);

    hash = vmc_hash_fold(hash, (uint64_t)counts->schedules);
    hash = vmc_hash_fold(hash, (uint64_t)counts->failing);
    for (uint32_t i = 0; i < outcome->schedule.step_count; i++) {
        hash = vmc_hash_fold(hash, outcome->schedule.steps[i]);
    }
    return hash;
}

static json_t *describe(const struct outcome *outcome,
                        const struct vmc_life_program *program, bool is_replay)
{
    json_t *root = json_object();
    char text[DESCRIPTION_BYTES];

    json_object_set_new(root, "version", json_string(VMCYCLE_VERSION));
    json_object_set_new(root, "scenario", json_string(program->name));
    json_object_set_new(root, "variant",
                        json_string(program->variants[program->variant].name));
    json_object_set_new(root, "strategy",
                        json_string(is_replay ? "replay" : "stateful"));
    if (!is_replay) {
        json_object_set_new(root, "schedules",
                            u128_json(outcome->counts.schedules));
        json_object_set_new(root, "failing",
                            u128_json(outcome->counts.failing));
        json_object_set_new(root, "states",
                            vmc_json_u64(outcome->counts.states));
        json_object_set_new(root, "steps", vmc_json_u64(outcome->counts.steps));
        json_object_set_new(root, "depth", json_integer(outcome->counts.depth));
        json_object_set_new(root, "complete",
                            json_boolean(outcome->counts.is_complete));
    }
    json_object_set_new(
        root, "verdict",
        json_string(outcome->rule != 0 || outcome->counts.failing > 0
                        ? "violation"
                        : "clean"));
    if (outcome->rule != 0) {
        json_t *violation = json_object();

        describe_violation(outcome, program, text);
        json_object_set_new(
            violation, "invariant",
            json_string(vmc_rule_info((enum vmc_rule)outcome->rule)->id));
        json_object_set_new(violation, "step",
                            outcome->has_schedule || is_replay
                                ? json_integer(outcome->end.step_count)
                                : json_null());
        json_object_set_new(violation, "description", json_string(text));
        json_object_set_new(root, "violation", violation);
    }
    json_object_set_new(root, "expected",
                        json_boolean(vmc_life_is_expected(
                            program, (enum vmc_rule)outcome->rule)));
    json_object_set_new(root, "fingerprint",
                        vmc_json_hex(fingerprint_of(outcome)));
    json_object_set_new(root, "wall_ms",
                        json_integer((json_int_t)outcome->wall_ms));
    return root;
}

static void print_outcome(const struct outcome *outcome,
                          const struct vmc_life_program *program, FILE *table)
{
    char text[DESCRIPTION_BYTES], schedules[40], failing[40];

    (void)fprintf(table, "%s \"%s\", variant %s\n", program->name,
                  program->title, program->variants[program->variant].name);
    if (outcome->counts.states > 0) {
        (void)fprintf(table,
                      "%s schedules, %s of them fail; %" PRIu64
                      " states, %" PRIu32 " steps at most\n",
                      u128_text(outcome->counts.schedules, schedules),
                      u128_text(outcome->counts.failing, failing),
                      outcome->counts.states, outcome->counts.depth);
    }
    if (outcome->has_schedule) {
        schedule_draw(table, program, &outcome->schedule);
    }
    if (outcome->rule != 0) {
        describe_violation(outcome, program, text);
        (void)fprintf(table, "violation: %s\n", text);
    } else if (outcome->counts.failing > 0) {
        (void)fputs("violation: more --states find its shortest schedule\n",
                    table);
    } else {
        (void)fprintf(table, "clean: %s\n",
                      outcome->counts.is_complete
                          ? "exhaustive, no schedule breaks a rule"
                          : "as far as was searched");
    }
}

static enum vmc_status run(struct outcome *outcome,
                           const struct options *options,
                           const struct vmc_life_program *program,
                           struct vmc_error *error)
{
    int64_t start_ms = host_now_ms();
    enum vmc_status status;

    if (options->schedule_path != NULL) {
        status = schedule_replay(options->schedule_path, program, &outcome->end,
                                 error);
        outcome->rule = outcome->end.violation.rule;
        outcome->has_schedule = false;
    } else {
        status = search(outcome, options, program);
        if (status == VMC_OK && outcome->has_schedule) {
            status = write_schedule(outcome, options, program, error);
        }
    }
    outcome->wall_ms = host_now_ms() - start_ms;
    return status;
}

int command_explore(int argc, char **argv)
{
    struct options options = {.budget = {.states_max = STATES_DEFAULT}};
    struct outcome *outcome = calloc(1, sizeof(*outcome));
    struct vmc_life_program *program = NULL;
    struct vmc_error error = {""};
    enum vmc_status status;
    bool is_failing;

    argp_parse(&parser, argc, argv, 0, NULL, &options);
    if (outcome == NULL) {
        return command_failed(VMC_E_NOMEM, &error);
    }
    status = vmc_life_compile(&program, options.path, &options.config, &error);
    if (status == VMC_OK) {
        status = run(outcome, &options, program, &error);
    }
    if (status == VMC_OK) {
        json_t *root =
            describe(outcome, program, options.schedule_path != NULL);

        print_outcome(outcome, program, command_table(options.json_path));
        if (options.json_path != NULL) {
            status = vmc_json_write(root, options.json_path, &error);
        }
        json_decref(root);
    }
    is_failing = outcome->rule != 0 || outcome->counts.failing > 0;
    vmc_life_program_free(program);
    free(outcome);
    if (status != VMC_OK) {
        return command_failed(status, &error);
    }
    return is_failing ? EXIT_MISMATCH : EXIT_GOOD;
}
