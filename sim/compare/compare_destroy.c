/* SPDX-License-Identifier: MIT */
/* vmcycle compare --destroy: what the last close of a vCPU costs, by design, by
 * tick rate and by load: the time until its memory is free. */
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
#include "sim/report/report.h"
#include "stats/json.h"

enum { LIST_MAX = 16, CPUS_DEFAULT = 4, ROUNDS_DEFAULT = 300 };

struct options {
    enum destroy_design designs[LIST_MAX];
    uint32_t hz[LIST_MAX], vcpus[LIST_MAX];
    enum vmc_cpu_mode modes[LIST_MAX];
    uint32_t design_count, hz_count, vcpu_count, mode_count;
    uint64_t cpus, rounds, seed;
    const char *json_path, *report_path;
};

enum option_key {
    OPTION_DESTROY = 256,
    OPTION_HZ,
    OPTION_VCPUS,
    OPTION_LOAD,
    OPTION_CPUS,
    OPTION_ROUNDS,
    OPTION_SEED,
    OPTION_REPORT,
};

static const struct argp_option option_table[] = {
    {"destroy", OPTION_DESTROY, "LIST", OPTION_ARG_OPTIONAL,
     "compare these designs of v4, f1, f2, f3, f4; default is v4,f1,f3", 0},
    {"hz", OPTION_HZ, "LIST", 0, "tick rates; default is 100,250,1000", 0},
    {"vcpus", OPTION_VCPUS, "LIST", 0,
     "vCPUs that are closed at once, 1 to 256; default is 1", 0},
    {"load", OPTION_LOAD, "LIST", 0,
     "what the CPUs do: idle, user, kernel, guest; default is idle,user", 0},
    {"cpus", OPTION_CPUS, "N", 0, "CPUs of the host; default is 4", 0},
    {"rounds", OPTION_ROUNDS, "N", 0, "closes; default is 300", 0},
    {"seed", OPTION_SEED, "N", 0, "of the phase and the noise; default is 1",
     0},
    {"json", 'j', "FILE", 0, "write the result as JSON; - is standard output",
     0},
    {"report", OPTION_REPORT, "DIR", 0, "write rows and a picture into DIR", 0},
    {0}};

static bool add_word(struct options *options, int key, const char *word)
{
    uint64_t number;

    if (key == OPTION_DESTROY) {
        for (int i = 0; i < DESTROY_DESIGNS; i++) {
            if (strcmp(word, destroy_design_name((enum destroy_design)i)) ==
                0) {
                options->designs[options->design_count++] =
                    (enum destroy_design)i;
                return true;
            }
        }
        return false;
    }
    if (key == OPTION_LOAD) {
        return grace_rig_mode(word, &options->modes[options->mode_count++]);
    }
    if (vmc_parse_u64(&number, word) != VMC_OK || number < 1 ||
        number > (key == OPTION_HZ ? 10000 : GRACE_RIG_VCPUS_MAX)) {
        return false;
    }
    if (key == OPTION_HZ) {
        options->hz[options->hz_count++] = (uint32_t)number;
    } else {
        options->vcpus[options->vcpu_count++] = (uint32_t)number;
    }
    return true;
}

static void read_list(struct argp_state *state, int key, const char *text)
{
    struct options *options = state->input;
    uint32_t *count = key == OPTION_DESTROY ? &options->design_count
                      : key == OPTION_HZ    ? &options->hz_count
                      : key == OPTION_LOAD  ? &options->mode_count
                                            : &options->vcpu_count;
    char copy[256];

    *count = 0;
    (void)snprintf(copy, sizeof(copy), "%s", text);
    for (char *word = strtok(copy, ","); word != NULL;
         word = strtok(NULL, ",")) {
        if (*count == LIST_MAX || !add_word(options, key, word)) {
            argp_error(state, "'%s': not one of what --help names", word);
            return;
        }
    }
    if (*count == 0) {
        argp_error(state, "'%s': an empty list", text);
    }
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case OPTION_DESTROY:
        if (argument != NULL) {
            read_list(state, key, argument);
        }
        return 0;
    case OPTION_HZ:
    case OPTION_VCPUS:
    case OPTION_LOAD:
        read_list(state, key, argument);
        return 0;
    case OPTION_CPUS:
        options->cpus =
            option_number(state, "--cpus", argument, 1, VMC_GRACE_CPUS_MAX);
        return 0;
    case OPTION_ROUNDS:
        options->rounds =
            option_number(state, "--rounds", argument, 1, GRACE_RIG_COUNT_MAX);
        return 0;
    case OPTION_SEED:
        options->seed = option_number(state, "--seed", argument, 1, UINT64_MAX);
        return 0;
    case 'j':
        options->json_path = argument;
        return 0;
    case OPTION_REPORT:
        options->report_path = argument;
        return 0;
    case ARGP_KEY_ARG: /* "--destroy LIST" without the "=" */
        read_list(state, OPTION_DESTROY, argument);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    option_table,
    parse_option,
    0,
    "Time from the last close of vCPUs until they are freed, in the timed "
    "model "
    "of grace periods, for the designs of lib/vcpu/README.md.",
    0,
    0,
    0};

/* ---- Telling ------------------------------------------------------------ */

struct output {
    json_t *list;
    FILE *table, *rows; /* rows: or NULL */
    uint64_t fingerprint;
    bool is_cut; /* by a signal, before the last row */
};

/* Grace periods that a design waits for, in the order of the enum. */
static const uint32_t grace_periods[DESTROY_DESIGNS] = {2, 1, 1, 0, 0};

static void put_row(struct output *output, const struct destroy_load *load,
                    const struct grace_result *result)
{
    struct vmc_hist_summary summary = vmc_hist_summarize(&result->ns);
    const char *name = destroy_design_name(load->design);
    const char *mode = grace_rig_mode_name(load->mode);
    json_t *row = json_object();

    json_object_set_new(row, "design", json_string(name));
    json_object_set_new(row, "hz", json_integer(load->hz));
    json_object_set_new(row, "load", json_string(mode));
    json_object_set_new(row, "vcpus", json_integer(load->vcpu_count));
    json_object_set_new(row, "grace_periods",
                        json_integer(grace_periods[load->design]));
    json_object_set_new(row, "destroy_ns", vmc_json_hist(&result->ns));
    json_array_append_new(output->list, row);
    output->fingerprint =
        vmc_hash_fold(output->fingerprint, result->fingerprint);
    (void)fprintf(output->table,
                  "%5" PRIu32 " %-7s %5" PRIu32 "  %-3s %6" PRIu32
                  " %10.3f %10.3f %10.3f %10.3f\n",
                  load->hz, mode, load->vcpu_count, name,
                  grace_periods[load->design], (double)summary.mean / 1e6,
                  (double)summary.p50 / 1e6, (double)summary.p99 / 1e6,
                  (double)summary.max / 1e6);
    if (output->rows != NULL) {
        (void)fprintf(output->rows,
                      "%" PRIu32 "\t%s\t%" PRIu32 "\t%s\t%.4f\t%.4f\t%.4f\n",
                      load->hz, mode, load->vcpu_count, name,
                      (double)summary.mean / 1e6, (double)summary.p50 / 1e6,
                      (double)summary.p99 / 1e6);
    }
}

static enum vmc_status run_designs(struct output *output,
                                   const struct options *options,
                                   struct destroy_load *load)
{
    static struct grace_result result;

    for (uint32_t d = 0; d < options->design_count; d++) {
        enum vmc_status status;

        output->is_cut = output->is_cut || interrupted();
        if (output->is_cut) {
            break;
        }
        load->design = options->designs[d];
        status = grace_rig_destroy(load, &result);
        if (status == VMC_END) {
            output->is_cut = true;
            break;
        }
        if (status != VMC_OK) {
            return status;
        }
        put_row(output, load, &result);
    }
    return VMC_OK;
}

static enum vmc_status run_all(struct output *output,
                               const struct options *options)
{
    struct destroy_load load = {.cpu_count = (uint32_t)options->cpus,
                                .rounds = (uint32_t)options->rounds,
                                .seed = options->seed};
    enum vmc_status status = VMC_OK;

    (void)fprintf(output->table,
                  "Time from the last close until a vCPU is freed, ms; %" PRIu64
                  " CPUs, %" PRIu64 " rounds\n",
                  options->cpus, options->rounds);
    for (uint32_t d = 0; d < options->design_count; d++) {
        (void)fprintf(output->table, "  %s  %s\n",
                      destroy_design_name(options->designs[d]),
                      destroy_design_words(options->designs[d]));
    }
    (void)fprintf(output->table, "%5s %-7s %5s %-4s %6s %10s %10s %10s %10s\n",
                  "HZ", "load", "vCPUs", "", "waits", "mean", "p50", "p99",
                  "max");
    for (uint32_t h = 0; h < options->hz_count; h++) {
        for (uint32_t m = 0; m < options->mode_count; m++) {
            for (uint32_t v = 0; v < options->vcpu_count; v++) {
                load.hz = options->hz[h];
                load.mode = options->modes[m];
                load.vcpu_count = options->vcpus[v];
                status = status == VMC_OK ? run_designs(output, options, &load)
                                          : status;
            }
        }
    }
    return status;
}

static enum vmc_status run_with_rows(struct output *output,
                                     const struct options *options,
                                     struct vmc_error *error)
{
    const char *dir = options->report_path;
    struct vmc_outfile *out;
    enum vmc_status status;

    if (dir == NULL) {
        return run_all(output, options);
    }
    status = report_make_folder(dir, error);
    if (status == VMC_OK) {
        status = report_open_rows(&out, dir, "destroy.tsv", error);
    }
    if (status != VMC_OK) {
        return status;
    }
    output->rows = vmc_outfile_stream(out);
    (void)fputs("hz\tload\tvcpus\tdesign\tmean_ms\tp50_ms\tp99_ms\n",
                output->rows);
    status = run_all(output, options);
    if (status != VMC_OK) {
        vmc_outfile_abandon(out);
        return status;
    }
    return vmc_outfile_commit(out, error);
}

int compare_destroy(int argc, char **argv)
{
    struct options options = {
        .designs = {DESTROY_V4, DESTROY_F1, DESTROY_F3},
        .design_count = 3,
        .hz = {100, 250, 1000},
        .hz_count = 3,
        .modes = {VMC_CPU_IDLE, VMC_CPU_USER},
        .mode_count = 2,
        .vcpus = {1},
        .vcpu_count = 1,
        .cpus = CPUS_DEFAULT,
        .rounds = ROUNDS_DEFAULT,
        .seed = 1,
    };
    struct vmc_error error = {""};
    struct output output = {.rows = NULL};
    enum vmc_status status;
    json_t *root;

    argp_parse(&parser, argc, argv, 0, NULL, &options);
    root = json_object();
    output.list = json_array();
    output.table = command_table(options.json_path);
    json_object_set_new(root, "version", json_string(VMCYCLE_VERSION));
    json_object_set_new(root, "seed", vmc_json_u64(options.seed));
    json_object_set_new(root, "destroy", output.list);
    status = run_with_rows(&output, &options, &error);
    json_object_set_new(root, "fingerprint", vmc_json_hex(output.fingerprint));
    interrupted_tell(root, output.table, output.is_cut, "the rows above");
    if (status == VMC_OK && options.json_path != NULL) {
        status = vmc_json_write(root, options.json_path, &error);
    }
    if (status == VMC_OK && options.report_path != NULL) {
        status = report_write(root, options.report_path, &error);
    }
    json_decref(root);
    return status == VMC_OK ? EXIT_GOOD : command_failed(status, &error);
}
