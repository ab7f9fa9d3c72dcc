/* SPDX-License-Identifier: MIT */
#include "sim/explore/explore_search.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "sim/interrupted.h"
#include "sim/options.h"
#include "stats/json.h"

enum {
    STATES_DEFAULT = 1 << 22,
    RUNS_DEFAULT = 10000,
    PCT_DEPTH_DEFAULT = 2, /* most failures are that deep or less */
    PREEMPTIONS_DEFAULT = 2,
    NUMBER_BYTES = 48,
};

enum option_key {
    OPTION_STRATEGY = 512,
    OPTION_SEED,
    OPTION_STATES,
    OPTION_BUDGET,
    OPTION_TIME_LIMIT,
    OPTION_RUNS,
    OPTION_PREEMPTIONS,
    OPTION_DEPTH,
};

static const struct argp_option option_table[] = {
    {"strategy", OPTION_STRATEGY, "NAME", 0,
     "stateful, dpor, preemption, pct, random or ladder (default): the cheap "
     "ones first, then the strong ones",
     1},
    {"budget", OPTION_BUDGET, "NAME=N,...", 0,
     "what a search may use: states, steps, memory (bytes, or 512M)", 1},
    {"states", OPTION_STATES, "N", 0,
     "the same as --budget states=N; default is 4194304", 1},
    {"time-limit", OPTION_TIME_LIMIT, "SECONDS", 0,
     "end the search then; the result is no longer the same on every machine",
     1},
    {"preemptions", OPTION_PREEMPTIONS, "C", 0,
     "preemption: search the bounds 0 to C; default is 2", 1},
    {"depth", OPTION_DEPTH, "D", 0,
     "pct: look for failures of this depth; default is 2", 1},
    {"runs", OPTION_RUNS, "N", 0,
     "pct, random: how many runs; default is 10000", 1},
    {"seed", OPTION_SEED, "N", 0, "pct, random, ladder: default is 1", 1},
    {0}};

void explore_search_init(struct explore_search *search)
{
    *search = (struct explore_search){
        .config = {.strategy = VMC_STRATEGY_LADDER,
                   .budget = {.states_max = STATES_DEFAULT},
                   .preemptions_max = PREEMPTIONS_DEFAULT,
                   .pct_depth = PCT_DEPTH_DEFAULT,
                   .runs = RUNS_DEFAULT,
                   .seed = 1}};
}

/* One NAME=N of --budget. */
static void read_limit(struct argp_state *state,
                       struct vmc_search_budget *budget, const char *text)
{
    const char *number = strchr(text, '=');
    size_t length = number != NULL ? (size_t)(number - text) : 0;

    if (length == 6 && strncmp(text, "states", length) == 0) {
        budget->states_max = option_number(state, "--budget states", number + 1,
                                           1, VMC_SEARCH_STATES_MAX);
    } else if (length == 5 && strncmp(text, "steps", length) == 0) {
        budget->steps_max =
            option_number(state, "--budget steps", number + 1, 1, UINT64_MAX);
    } else if (length == 6 && strncmp(text, "memory", length) == 0) {
        if (vmc_parse_size(&budget->memory_bytes_max, number + 1) != VMC_OK ||
            budget->memory_bytes_max == 0) {
            argp_error(state, "--budget memory '%s': expected a size",
                       number + 1);
        }
    } else {
        argp_error(state,
                   "--budget '%s': expected states=N, steps=N or memory=N",
                   text);
    }
}

static void read_budget(struct argp_state *state,
                        struct vmc_search_budget *budget, const char *text)
{
    char item[64];

    while (*text != '\0') {
        size_t length = strcspn(text, ",");

        (void)snprintf(item, sizeof(item), "%.*s", (int)length, text);
        read_limit(state, budget, item);
        text += length + (text[length] == ',');
    }
}

static void read_time_limit(struct argp_state *state,
                            struct explore_search *search, const char *text)
{
    search->time_limit_ms =
        1000 * option_number(state, "--time-limit", text, 1, 1000000000);
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct explore_search *search = state->input;
    struct vmc_search_config *config = &search->config;

    switch (key) {
    case OPTION_STRATEGY:
        if (!vmc_strategy_find(&config->strategy, argument)) {
            argp_error(state,
                       "--strategy '%s': expected stateful, dpor, preemption, "
                       "pct, random or ladder",
                       argument);
        }
        return 0;
    case OPTION_SEED:
        config->seed = option_number(state, "--seed", argument, 0, UINT64_MAX);
        return 0;
    case OPTION_STATES:
        config->budget.states_max = option_number(state, "--states", argument,
                                                  1, VMC_SEARCH_STATES_MAX);
        return 0;
    case OPTION_BUDGET:
        read_budget(state, &config->budget, argument);
        return 0;
    case OPTION_TIME_LIMIT:
        read_time_limit(state, search, argument);
        return 0;
    case OPTION_RUNS:
        config->runs = option_number(state, "--runs", argument, 1, UINT64_MAX);
        return 0;
    case OPTION_PREEMPTIONS:
        config->preemptions_max =
            (uint32_t)option_number(state, "--preemptions", argument, 0,
                                    (uint64_t)VMC_SEARCH_BOUNDS_MAX - 1);
        return 0;
    case OPTION_DEPTH:
        config->pct_depth = (uint32_t)option_number(state, "--depth", argument,
                                                    1, VMC_PCT_DEPTH_MAX);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp explore_search_argp = {.options = option_table,
                                         .parser = parse_option};

void explore_search_add_terms(struct explore_search *search)
{
    struct checkpoint_terms *terms = &search->keep.terms;
    const struct vmc_search_config *config = &search->config;

    checkpoint_add_term(terms, "--strategy", "%s",
                        vmc_strategy_name(config->strategy));
    checkpoint_add_term(terms, "--seed", "%" PRIu64, config->seed);
    checkpoint_add_term(terms, "--budget states", "%" PRIu64,
                        config->budget.states_max);
    checkpoint_add_term(terms, "--budget steps", "%" PRIu64,
                        config->budget.steps_max);
    checkpoint_add_term(terms, "--budget memory", "%" PRIu64,
                        config->budget.memory_bytes_max);
    checkpoint_add_term(terms, "--preemptions", "%" PRIu32,
                        config->preemptions_max);
    checkpoint_add_term(terms, "--depth", "%" PRIu32, config->pct_depth);
    checkpoint_add_term(terms, "--runs", "%" PRIu64, config->runs);
}

/* ---- Running ------------------------------------------------------------ */

static bool is_over(void *context, uint64_t steps)
{
    struct explore_search *search = context;

    /* Strategies of a ladder count their steps anew. */
    if (steps < search->steps_shown) {
        search->steps_shown = 0;
    }
    progress_add(&search->progress, steps - search->steps_shown);
    search->steps_shown = steps;
    if (interrupted() && explore_keep_may_end(&search->keep)) {
        search->is_interrupted = true;
        return true;
    }
    return search->time_limit_ms != 0 &&
           host_now_ms() - search->start_ms >= (int64_t)search->time_limit_ms;
}

enum vmc_status explore_search_run(struct explore_search *search,
                                   struct vmc_search_result *result,
                                   const struct vmc_model_ops *ops, void *model,
                                   struct vmc_error *error)
{
    enum vmc_status status;

    if (search->config.strategy == VMC_STRATEGY_DPOR &&
        ops->footprint == NULL) {
        return vmc_fail(error, VMC_E_USAGE,
                        "--strategy dpor: this model does not say what its "
                        "steps touch");
    }
    status = explore_keep_open(&search->keep, &search->config, error);
    if (status != VMC_OK) {
        return status;
    }
    search->config.budget.is_over = is_over;
    search->config.budget.context = search;
    search->start_ms = host_now_ms();
    progress_start(&search->progress, "explore", "steps");
    status = vmc_search(result, ops, model, &search->config);
    progress_end(&search->progress);
    if (status != VMC_OK) {
        (void)vmc_fail(error, status, "strategy %s: %s",
                       vmc_strategy_name(search->config.strategy),
                       vmc_status_name(status));
        explore_keep_explain(&search->keep, status, error);
    }
    explore_keep_close(&search->keep);
    return status;
}

const char *explore_search_verdict(const struct vmc_search_result *result,
                                   bool is_violation)
{
    if (is_violation) {
        return "violation";
    }
    return result->guarantee == VMC_EXHAUSTIVE
               ? "clean"
               : vmc_guarantee_name(result->guarantee);
}

uint64_t explore_search_fingerprint(const struct vmc_search_result *result)
{
    uint64_t hash = vmc_hash_fold(result->states, result->steps);

    hash = vmc_hash_fold(hash, (uint64_t)result->schedules);
    hash = vmc_hash_fold(hash, (uint64_t)result->failing);
    hash = vmc_hash_fold(hash, result->executions);
    for (uint32_t i = 0; i < result->schedule.step_count; i++) {
        hash = vmc_hash_fold(hash, result->schedule.steps[i]);
    }
    return hash;
}

/* ---- Telling ------------------------------------------------------------ */

/* What ended the search early, if something did. */
static const char *limit_name(const struct explore_search *search,
                              const struct vmc_search_result *result)
{
    return search->is_interrupted ? "signal" : vmc_limit_name(result->limit);
}

/* A 128-bit number in decimal digits. Returns where they begin. */
static const char *u128_text(vmc_u128 value, char text[NUMBER_BYTES])
{
    size_t at = NUMBER_BYTES - 1;

    text[at] = '\0';
    do {
        text[--at] = (char)('0' + (int)(value % 10));
        value /= 10;
    } while (value > 0);
    return &text[at];
}

static double probability(uint64_t q62)
{
    return (double)q62 / (double)VMC_CERTAIN_Q62;
}

/* Chance of at least one hit in @runs runs that hit with @each. */
static double chance_of_any(double each, uint64_t runs)
{
    return -expm1((double)runs * log1p(-each));
}

/* The interval that holds the share of failing runs with 95 %, after Wilson
 * (JASA 1927). */
static void interval(const struct vmc_search_result *result, double *low,
                     double *high)
{
    const double z = 1.959963985;
    double runs = (double)result->executions;
    double share = (double)(uint64_t)result->failing / runs;
    double middle = share + z * z / (2 * runs);
    double width =
        z * sqrt(share * (1 - share) / runs + z * z / (4 * runs * runs));

    *low = fmax(0, (middle - width) / (1 + z * z / runs));
    *high = fmin(1, (middle + width) / (1 + z * z / runs));
}

static void print_guarantee(const struct explore_search *search,
                            const struct vmc_search_result *result, FILE *to)
{
    static const char *const words[] = {"EXHAUSTIVE", "BOUNDED", "SAMPLED"};

    (void)fprintf(to, "%s", words[result->guarantee]);
    if (result->guarantee == VMC_SAMPLED) {
        (void)fprintf(to, "(%" PRIu64 " runs", result->executions);
        if (result->strategy == VMC_STRATEGY_PCT) {
            (void)fprintf(to, ", depth %" PRIu32 ", p >= %.3g",
                          result->pct_depth,
                          chance_of_any(probability(result->pct_q62),
                                        result->executions));
        }
    } else if (result->guarantee == VMC_BOUNDED && result->bound_count > 0) {
        (void)fprintf(to, "(%" PRIu32 " preemption%s", result->bound_count - 1,
                      result->bound_count == 2 ? "" : "s");
    } else if (result->guarantee == VMC_BOUNDED) {
        (void)fprintf(to, "(budget");
    } else {
        (void)fprintf(to, "(every order of steps");
    }
    (void)fprintf(to, "), any task may go next; by %s",
                  vmc_strategy_name(result->strategy));
    if (search->config.strategy != result->strategy) {
        (void)fprintf(to, ", on the %s",
                      vmc_strategy_name(search->config.strategy));
    }
    if (search->is_interrupted) {
        (void)fprintf(to, "; interrupted by %s", interrupted_name());
    } else if (result->limit != VMC_LIMIT_NONE) {
        (void)fprintf(to, "; the budget of %s was used up",
                      vmc_limit_name(result->limit));
    }
    (void)fputc('\n', to);
}

static void print_bounds(const struct vmc_search_result *result, FILE *to)
{
    char all[NUMBER_BYTES], failing[NUMBER_BYTES];

    for (uint32_t i = 0; i < result->bound_count; i++) {
        const struct vmc_bound_counts *bound = &result->bounds[i];

        (void)fprintf(to,
                      "at most %" PRIu32 " preemption%s: %s schedules, %s of "
                      "them fail%s\n",
                      i, i == 1 ? "" : "s", u128_text(bound->schedules, all),
                      u128_text(bound->failing, failing),
                      bound->is_all ? "; there are no others" : "");
    }
}

static void print_runs(const struct vmc_search_result *result, FILE *to)
{
    double low, high;

    if (result->strategy == VMC_STRATEGY_DPOR) {
        (void)fprintf(to,
                      "%" PRIu64 " executions, and %" PRIu64
                      " given up as redundant\n",
                      result->executions, result->redundant);
    } else if (result->executions > 0) {
        interval(result, &low, &high);
        (void)fprintf(to,
                      "a run fails with probability %.4g (95 %%: %.4g to "
                      "%.4g)\n",
                      (double)(uint64_t)result->failing /
                          (double)result->executions,
                      low, high);
    }
    if (result->strategy == VMC_STRATEGY_PCT) {
        (void)fprintf(to,
                      "a run of depth %" PRIu32 " with %" PRIu32
                      " tasks and %" PRIu32 " steps is promised %.4g\n",
                      result->pct_depth, result->task_count, result->depth,
                      probability(result->pct_q62));
    }
    if (result->first_failing > 0) {
        (void)fprintf(to, "the first that failed was number %" PRIu64 "\n",
                      result->first_failing);
    }
}

void explore_search_print(const struct explore_search *search,
                          const struct vmc_search_result *result, FILE *to)
{
    char schedules[NUMBER_BYTES], failing[NUMBER_BYTES];
    bool is_all = result->counts_are_exact || result->guarantee == VMC_SAMPLED;

    (void)fprintf(to, "%s%s schedules%s, %s of them fail; ",
                  is_all || result->executions > 0 ? "" : "at least ",
                  u128_text(result->schedules, schedules),
                  result->executions > 0 ? " were run" : "",
                  u128_text(result->failing, failing));
    if (result->states > 0) {
        (void)fprintf(to, "%" PRIu64 " states, ", result->states);
    }
    (void)fprintf(to, "%" PRIu32 " steps at most\n", result->depth);
    print_bounds(result, to);
    print_runs(result, to);
    if (result->has_failure_q62 && result->failure_q62 > 0) {
        (void)fprintf(to, "a uniform random walk fails with probability %.6g\n",
                      probability(result->failure_q62));
    }
    if (result->has_cycle) {
        (void)fputs("some schedules never end; they are not counted\n", to);
    }
    if (result->has_overflow) {
        (void)fputs("a count does not fit into 128 bits\n", to);
    }
    print_guarantee(search, result, to);
}

/* Always a number; beyond 63 bits the nearest that a double can hold. */
static json_t *u128_json(vmc_u128 value)
{
    return value <= INT64_MAX ? json_integer((json_int_t)value)
                              : json_real((double)value);
}

static void set_count(json_t *root, const char *name, const char *text_name,
                      vmc_u128 value)
{
    char text[NUMBER_BYTES];

    json_object_set_new(root, name, u128_json(value));
    json_object_set_new(root, text_name, json_string(u128_text(value, text)));
}

static json_t *bounds_json(const struct vmc_search_result *result)
{
    json_t *array = json_array();

    for (uint32_t i = 0; i < result->bound_count; i++) {
        json_t *row = json_object();

        json_object_set_new(row, "bound", json_integer(i));
        set_count(row, "schedules", "schedules_text",
                  result->bounds[i].schedules);
        set_count(row, "failing", "failing_text", result->bounds[i].failing);
        json_object_set_new(row, "is_all",
                            json_boolean(result->bounds[i].is_all));
        json_array_append_new(array, row);
    }
    return array;
}

static void describe_runs(const struct vmc_search_result *result, json_t *root)
{
    double low, high;

    json_object_set_new(root, "executions", vmc_json_u64(result->executions));
    json_object_set_new(root, "first_failing",
                        vmc_json_u64(result->first_failing));
    if (result->strategy == VMC_STRATEGY_DPOR) {
        json_object_set_new(root, "redundant", vmc_json_u64(result->redundant));
        return;
    }
    if (result->executions > 0) {
        interval(result, &low, &high);
        json_object_set_new(root, "failure_estimate",
                            json_pack("{s:f, s:f, s:f}", "share",
                                      (double)(uint64_t)result->failing /
                                          (double)result->executions,
                                      "low95", low, "high95", high));
    }
    if (result->strategy == VMC_STRATEGY_PCT) {
        double each = probability(result->pct_q62);

        json_object_set_new(
            root, "pct",
            json_pack("{s:i, s:i, s:i, s:f, s:f}", "depth",
                      (int)result->pct_depth, "tasks", (int)result->task_count,
                      "steps", (int)result->depth, "promised_each", each,
                      "promised", chance_of_any(each, result->executions)));
    }
}

void explore_search_describe(const struct explore_search *search,
                             const struct vmc_search_result *result,
                             json_t *root)
{
    json_object_set_new(
        root, "strategy",
        json_string(vmc_strategy_name(search->config.strategy)));
    json_object_set_new(root, "verdict_by",
                        json_string(vmc_strategy_name(result->strategy)));
    json_object_set_new(root, "mode", json_string("all"));
    json_object_set_new(root, "guarantee",
                        json_string(vmc_guarantee_name(result->guarantee)));
    json_object_set_new(root, "limit", json_string(limit_name(search, result)));
    json_object_set_new(root, "seed", vmc_json_u64(search->config.seed));
    set_count(root, "schedules", "schedules_text", result->schedules);
    set_count(root, "failing", "failing_text", result->failing);
    json_object_set_new(root, "counts_exact",
                        json_boolean(result->counts_are_exact));
    json_object_set_new(root, "states", vmc_json_u64(result->states));
    json_object_set_new(root, "steps", vmc_json_u64(result->steps));
    json_object_set_new(root, "depth", json_integer(result->depth));
    json_object_set_new(root, "memory_bytes",
                        vmc_json_u64(result->memory_bytes));
    json_object_set_new(root, "complete",
                        json_boolean(result->guarantee == VMC_EXHAUSTIVE));
    json_object_set_new(root, "finished", json_boolean(result->is_complete));
    json_object_set_new(root, "cycle", json_boolean(result->has_cycle));
    json_object_set_new(root, "overflow", json_boolean(result->has_overflow));
    json_object_set_new(root, "preemptions", bounds_json(result));
    if (result->has_failure_q62) {
        json_object_set_new(root, "failure_probability",
                            json_real(probability(result->failure_q62)));
    }
    describe_runs(result, root);
}
