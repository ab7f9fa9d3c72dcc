/* SPDX-License-Identifier: MIT */
/*
 * vmcycle compare --grace: synchronous grace periods that were measured beside
 * those of the timed model.
 *
 * The first four rows were measured on Linux 6.18.44 (HZ=250, preemptible RCU)
 * in a guest of two vCPUs on an AMD EPYC, by the global membarrier command; the
 * model was fitted to them, and must meet mean and mode within 15 per cent. The
 * others are from commit messages of the series on the latency of
 * synchronize_rcu (Fernandes, 2025); they are shown, not required.
 */
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "sim/command.h"
#include "sim/compare/compare.h"
#include "sim/compare/grace_rig.h"
#include "sim/interrupted.h"
#include "sim/options.h"
#include "stats/json.h"

enum { TOLERANCE_PER_CENT = 15, COUNT_DEFAULT = 1000, SHOWN_JIFFIES = 8 };

struct row {
    const char *what;
    uint32_t hz, cpu_count;
    enum vmc_cpu_mode mode;
    bool is_random, by_callbacks;
    uint32_t mean_us;                    /* measured; 0: nobody has */
    uint32_t mode_jiffies;               /* measured; 0: not told */
    bool is_required;                    /* within the tolerance */
    uint32_t jiffies[SHOWN_JIFFIES + 1]; /* measured, the last: and more */
};

static const struct row measured[] = {
    {"idle, back to back",
     250,
     2,
     VMC_CPU_IDLE,
     false,
     false,
     8400,
     2,
     true,
     {0, 25, 903, 36, 21, 14, 0, 1}},
    {"idle, random phase",
     250,
     2,
     VMC_CPU_IDLE,
     true,
     false,
     7030,
     2,
     true,
     {0, 358, 536, 84, 19, 3}},
    {"busy in user mode",
     250,
     2,
     VMC_CPU_USER,
     false,
     false,
     14090,
     3,
     true,
     {2, 72, 148, 202, 193, 89, 55, 23, 16}},
    {"busy in system calls",
     250,
     2,
     VMC_CPU_KERNEL,
     false,
     false,
     9750,
     2,
     true,
     {0, 39, 301, 73, 72, 13, 2}},
    {"mostly idle VM", 1000, 2, VMC_CPU_IDLE, true, false, 4000, 0, false, {0}},
    {"36 CPUs, by callbacks",
     1000,
     36,
     VMC_CPU_IDLE,
     true,
     true,
     9500,
     0,
     false,
     {0}},
    {"36 CPUs, woken directly",
     1000,
     36,
     VMC_CPU_IDLE,
     true,
     false,
     4000,
     0,
     false,
     {0}},
};

struct options {
    struct row own; /* what the command line describes */
    bool has_own;
    uint64_t count, seed;
    const char *json_path;
};

enum option_key {
    OPTION_GRACE = 256,
    OPTION_HZ,
    OPTION_CPUS,
    OPTION_LOAD,
    OPTION_RANDOM,
    OPTION_CALLBACKS,
    OPTION_COUNT,
    OPTION_SEED,
};

static const struct argp_option option_table[] = {
    {"grace", OPTION_GRACE, 0, 0,
     "compare measured grace periods with the model's; or, with one of the "
     "next options, show the model's alone",
     0},
    {"hz", OPTION_HZ, "N", 0, "tick rate; 250", 0},
    {"cpus", OPTION_CPUS, "N", 0, "CPUs; 2", 0},
    {"load", OPTION_LOAD, "WORD", 0, "idle, user, kernel or guest; idle", 0},
    {"random-phase", OPTION_RANDOM, 0, 0,
     "each begins at a random moment, not right after the last", 0},
    {"by-callbacks", OPTION_CALLBACKS, 0, 0,
     "waiters are woken by a callback, as before 2024", 0},
    {"count", OPTION_COUNT, "N", 0, "grace periods of each row; 1000", 0},
    {"seed", OPTION_SEED, "N", 0, "of the phase and the noise; 1", 0},
    {"json", 'j', "FILE", 0, "write the result as JSON; - is standard output",
     0},
    {0}};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;
    struct row *own = &options->own;

    options->has_own =
        options->has_own || (key > OPTION_GRACE && key < OPTION_COUNT);
    switch (key) {
    case OPTION_GRACE:
        return 0;
    case OPTION_HZ:
        own->hz = (uint32_t)option_number(state, "--hz", argument, 1, 10000);
        return 0;
    case OPTION_CPUS:
        own->cpu_count = (uint32_t)option_number(state, "--cpus", argument, 1,
                                                 VMC_GRACE_CPUS_MAX);
        return 0;
    case OPTION_LOAD:
        if (!grace_rig_mode(argument, &own->mode)) {
            argp_error(state, "--load '%s': expected idle, user, kernel, guest",
                       argument);
        }
        return 0;
    case OPTION_RANDOM:
        own->is_random = true;
        return 0;
    case OPTION_CALLBACKS:
        own->by_callbacks = true;
        return 0;
    case OPTION_COUNT:
        options->count =
            option_number(state, "--count", argument, 1, GRACE_RIG_COUNT_MAX);
        return 0;
    case OPTION_SEED:
        options->seed = option_number(state, "--seed", argument, 1, UINT64_MAX);
        return 0;
    case 'j':
        options->json_path = argument;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    option_table,
    parse_option,
    0,
    "Measured synchronous grace periods beside those of the timed model.",
    0,
    0,
    0};

/* ---- Telling ------------------------------------------------------------ */

static bool is_met(const struct row *row, uint64_t mean_us, uint32_t mode)
{
    return mean_us * 100 >=
               (uint64_t)row->mean_us * (100 - TOLERANCE_PER_CENT) &&
           mean_us * 100 <=
               (uint64_t)row->mean_us * (100 + TOLERANCE_PER_CENT) &&
           mode == row->mode_jiffies;
}

static json_t *counts_json(const uint64_t *counts, uint32_t count)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < count; i++) {
        json_array_append_new(list, vmc_json_u64(counts[i]));
    }
    return list;
}

/* The share of each number of jiffies, in per mille. */
static void print_shares(FILE *table, const char *who, const uint64_t *counts,
                         uint32_t count)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < count; i++) {
        sum += counts[i];
    }
    (void)fprintf(table, "  %-12s", who);
    for (uint32_t i = 0; i < count; i++) {
        (void)fprintf(table, " %6" PRIu64, (1000 * counts[i] + sum / 2) / sum);
    }
    (void)fputc('\n', table);
}

static void print_distribution(FILE *table, const struct row *row,
                               const struct grace_result *result)
{
    uint64_t recorded[SHOWN_JIFFIES + 1], simulated[SHOWN_JIFFIES + 1] = {0};

    for (uint32_t i = 0; i < GRACE_RIG_JIFFIES; i++) {
        simulated[i < SHOWN_JIFFIES ? i : SHOWN_JIFFIES] += result->jiffies[i];
    }
    (void)fprintf(table, "%s, per mille\n  jiffies     ", row->what);
    for (int i = 0; i <= SHOWN_JIFFIES; i++) {
        (void)fprintf(table, " %5d%c", i, i == SHOWN_JIFFIES ? '+' : ' ');
    }
    (void)fputc('\n', table);
    if (row->is_required) {
        for (int i = 0; i <= SHOWN_JIFFIES; i++) {
            recorded[i] = row->jiffies[i];
        }
        print_shares(table, "measured", recorded, SHOWN_JIFFIES + 1);
    }
    print_shares(table, "simulated", simulated, SHOWN_JIFFIES + 1);
}

static void print_row(FILE *table, const struct row *row,
                      const struct vmc_hist_summary *summary,
                      const struct grace_result *result, bool is_good)
{
    (void)fprintf(table, "%-24s %5" PRIu32 " %5" PRIu32, row->what, row->hz,
                  row->cpu_count);
    if (row->mean_us != 0) {
        (void)fprintf(table, " %9.2f", row->mean_us / 1000.0);
    } else {
        (void)fprintf(table, " %9s", "-");
    }
    (void)fprintf(table, " %9.2f", (double)summary->mean / 1e6);
    if (row->mean_us != 0) {
        (void)fprintf(table, " %+5.1f %%",
                      (double)summary->mean / 10.0 / row->mean_us - 100.0);
    } else {
        (void)fprintf(table, " %7s", "-");
    }
    if (row->mode_jiffies != 0) {
        (void)fprintf(table, " %6" PRIu32, row->mode_jiffies);
    } else {
        (void)fprintf(table, " %6s", "-");
    }
    (void)fprintf(table, " %6" PRIu32 " %9.2f%s\n", result->mode_jiffies,
                  (double)summary->max / 1e6, is_good ? "" : "  MISSED");
}

static json_t *describe(const struct row *row,
                        const struct grace_result *result, bool is_good)
{
    json_t *json = json_object();

    json_object_set_new(json, "what", json_string(row->what));
    json_object_set_new(json, "hz", json_integer(row->hz));
    json_object_set_new(json, "cpus", json_integer(row->cpu_count));
    json_object_set_new(json, "load",
                        json_string(grace_rig_mode_name(row->mode)));
    json_object_set_new(json, "measured_mean_us",
                        row->mean_us != 0 ? json_integer(row->mean_us)
                                          : json_null());
    json_object_set_new(json, "measured_mode_jiffies",
                        row->mode_jiffies != 0 ? json_integer(row->mode_jiffies)
                                               : json_null());
    json_object_set_new(json, "simulated_ns", vmc_json_hist(&result->ns));
    json_object_set_new(json, "simulated_mode_jiffies",
                        json_integer(result->mode_jiffies));
    json_object_set_new(json, "simulated_jiffies",
                        counts_json(result->jiffies, GRACE_RIG_JIFFIES));
    json_object_set_new(json, "early_ends", vmc_json_u64(result->early_ends));
    json_object_set_new(json, "required", json_boolean(row->is_required));
    json_object_set_new(json, "met", json_boolean(is_good));
    return json;
}

/* Run and print @count rows. *@missed counts those that are required and not
 * met. */
static enum vmc_status run_rows(const struct options *options,
                                const struct row *rows, size_t count,
                                json_t *list, uint64_t *fingerprint,
                                uint32_t *missed, bool *is_cut)
{
    static struct grace_result results[VMC_COUNT_OF(measured)];
    FILE *table = command_table(options->json_path);
    size_t done = 0;

    (void)fprintf(table, "%-24s %5s %5s %9s %9s %7s %6s %6s %9s\n",
                  "grace periods", "HZ", "CPUs", "measured", "simulated", "",
                  "mode", "mode", "max");
    (void)fprintf(table, "%-24s %5s %5s %9s %9s %7s %6s %6s %9s\n", "", "", "",
                  "ms", "ms", "", "meas.", "simul.", "ms");
    for (; done < count && !interrupted(); done++) {
        struct grace_waits waits = {
            .hz = rows[done].hz,
            .cpu_count = rows[done].cpu_count,
            .count = (uint32_t)options->count,
            .mode = rows[done].mode,
            .is_random = rows[done].is_random,
            .by_callbacks = rows[done].by_callbacks,
            .seed = options->seed,
        };
        struct vmc_hist_summary summary;
        enum vmc_status status = grace_rig_wait(&waits, &results[done]);
        bool is_good;

        if (status == VMC_END) {
            break;
        }
        if (status != VMC_OK) {
            return status;
        }
        summary = vmc_hist_summarize(&results[done].ns);
        is_good = !rows[done].is_required ||
                  is_met(&rows[done], (uint64_t)summary.mean / 1000,
                         results[done].mode_jiffies);
        *missed += !is_good;
        *fingerprint = vmc_hash_fold(*fingerprint, results[done].fingerprint);
        print_row(table, &rows[done], &summary, &results[done], is_good);
        json_array_append_new(list,
                              describe(&rows[done], &results[done], is_good));
    }
    (void)fputc('\n', table);
    for (size_t i = 0; i < done; i++) {
        if (rows[i].is_required || options->has_own) {
            print_distribution(table, &rows[i], &results[i]);
        }
    }
    *is_cut = done < count;
    return VMC_OK;
}

int compare_grace(int argc, char **argv)
{
    struct options options = {
        .own = {.what = "as described", .hz = 250, .cpu_count = 2},
        .count = COUNT_DEFAULT,
        .seed = 1,
    };
    struct vmc_error error = {""};
    enum vmc_status status;
    uint64_t fingerprint = 0;
    uint32_t missed = 0;
    bool is_cut = false;
    json_t *root, *list;

    options.own.mode = VMC_CPU_IDLE;
    argp_parse(&parser, argc, argv, 0, NULL, &options);
    root = json_object();
    list = json_array();
    json_object_set_new(root, "version", json_string(VMCYCLE_VERSION));
    json_object_set_new(root, "seed", vmc_json_u64(options.seed));
    json_object_set_new(root, "grace", list);
    if (options.has_own) {
        status = run_rows(&options, &options.own, 1, list, &fingerprint,
                          &missed, &is_cut);
    } else {
        status = run_rows(&options, measured, VMC_COUNT_OF(measured), list,
                          &fingerprint, &missed, &is_cut);
    }
    json_object_set_new(root, "fingerprint", vmc_json_hex(fingerprint));
    interrupted_tell(root, command_table(options.json_path), is_cut,
                     "the rows above");
    if (status == VMC_OK && options.json_path != NULL) {
        status = vmc_json_write(root, options.json_path, &error);
    }
    json_decref(root);
    if (status != VMC_OK) {
        return command_failed(status, &error);
    }
    return missed == 0 ? EXIT_GOOD : EXIT_MISMATCH;
}
