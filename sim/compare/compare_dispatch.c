/* SPDX-License-Identifier: MIT */
/* vmcycle compare --dispatch: the accesses of a recorded guest through several
 * ways of serving them, on one machine. */
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "event/clock.h"
#include "sim/command.h"
#include "sim/compare/compare.h"
#include "sim/compare/design_run.h"
#include "sim/options.h"
#include "sim/replay/dispatch_profile.h"
#include "sim/interrupted.h"
#include "sim/report/report.h"
#include "stats/json.h"

enum { LIST_BYTES_MAX = 256, CHOICES_MAX = 64 };

struct options {
    const char *list, *trace_path, *meta_path, *profile_name, *json_path,
        *report_path, *range_file;
    const char *ranges[CHOICES_MAX], *settings[OPTION_SETTINGS_MAX];
    uint32_t range_count, setting_count, copies;
    bool has_other_cpu, has_vmm_lock, has_fd_for_each_range,
        has_fd_for_each_vcpu;
};

enum option_key {
    OPTION_DISPATCH = 256,
    OPTION_RANGE,
    OPTION_RANGE_FILE,
    OPTION_META,
    OPTION_SET,
    OPTION_REPORT,
    OPTION_OTHER_CPU,
    OPTION_FD_EACH,
    OPTION_FD_EACH_VCPU,
    OPTION_COPIES,
    OPTION_VMM_LOCK,
};

static const struct argp_option option_table[] = {
    {"dispatch", OPTION_DISPATCH, "LIST", 0,
     "designs with commas between: kernel, ioeventfd, coalesced, exit, "
     "process, "
     "ioregion-posted, ioregion-sync; or all",
     0},
    {"range", OPTION_RANGE, "START-END[:pio|mmio]", 0,
     "serve these addresses by the designs; default are all accesses that "
     "exited to user space",
     0},
    {"range-file", OPTION_RANGE_FILE, "FILE", 0, "such ranges, one a line", 0},
    {"profile", 'p', "NAME", 0,
     "timing profile; default is " DISPATCH_PROFILE_DEFAULT, 0},
    {"set", OPTION_SET, "SECTION.KEY=VALUE", 0,
     "replace one number of the profile", 0},
    {"other-cpu", OPTION_OTHER_CPU, 0, 0,
     "the device's process sleeps on an idle CPU of its own", 0},
    {"vmm-lock", OPTION_VMM_LOCK, 0, 0,
     "the VMM looks at one exit at a time, as QEMU with its big lock", 0},
    {"fd-for-each-range", OPTION_FD_EACH, 0, 0,
     "a descriptor and a process for each range, not one for all", 0},
    {"fd-for-each-vcpu", OPTION_FD_EACH_VCPU, 0, 0,
     "a descriptor and a process for each vCPU", 0},
    {"copies", OPTION_COPIES, "N", 0,
     "every vCPU N times, each doing what the recorded one did", 0},
    {"meta", OPTION_META, "FILE", 0,
     "the description of the trace; default is the .meta beside it", 0},
    {"json", 'j', "FILE", 0, "write the result as JSON; - is standard output",
     0},
    {"report", OPTION_REPORT, "DIR", 0, "write rows and a picture into DIR", 0},
    {0}};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case OPTION_DISPATCH:
        options->list = argument;
        return 0;
    case OPTION_RANGE:
        option_add(state, "--range", options->ranges, &options->range_count,
                   CHOICES_MAX, argument);
        return 0;
    case OPTION_RANGE_FILE:
        options->range_file = argument;
        return 0;
    case 'p':
        options->profile_name = argument;
        return 0;
    case OPTION_SET:
        option_add(state, "--set", options->settings, &options->setting_count,
                   OPTION_SETTINGS_MAX, argument);
        return 0;
    case OPTION_OTHER_CPU:
        options->has_other_cpu = true;
        return 0;
    case OPTION_VMM_LOCK:
        options->has_vmm_lock = true;
        return 0;
    case OPTION_FD_EACH:
        options->has_fd_for_each_range = true;
        return 0;
    case OPTION_FD_EACH_VCPU:
        options->has_fd_for_each_vcpu = true;
        return 0;
    case OPTION_COPIES:
        options->copies = (uint32_t)option_number(state, "--copies", argument,
                                                  1, VMC_DISPATCH_VCPUS_MAX);
        return 0;
    case OPTION_META:
        options->meta_path = argument;
        return 0;
    case 'j':
        options->json_path = argument;
        return 0;
    case OPTION_REPORT:
        options->report_path = argument;
        return 0;
    case ARGP_KEY_ARG:
        option_take_one(state, &options->trace_path, argument, "trace");
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "a TRACE is needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    option_table,
    parse_option,
    "TRACE",
    "Serve the accesses of a recorded KVM guest by other designs: what the "
    "vCPUs then wait, and for what.",
    0,
    0,
    0};

/* ---- What is compared -----------------------------------------------------
 */

/* The designs of the list, each once. */
static enum vmc_status parse_designs(enum vmc_dispatch modes[],
                                     uint32_t *mode_count, const char *list,
                                     struct vmc_error *error)
{
    char names[LIST_BYTES_MAX], *rest = names;
    bool has[VMC_DISPATCH_COUNT] = {false};

    *mode_count = 0;
    if (strcmp(list, "all") == 0) {
        for (uint32_t i = 0; i < VMC_DISPATCH_COUNT; i++) {
            modes[(*mode_count)++] = (enum vmc_dispatch)i;
        }
        return VMC_OK;
    }
    if (strlen(list) >= sizeof(names)) {
        return vmc_fail(error, VMC_E_USAGE, "the list is too long");
    }
    (void)snprintf(names, sizeof(names), "%s", list);
    for (char *name; (name = strsep(&rest, ",")) != NULL;) {
        enum vmc_dispatch mode;

        if (!vmc_dispatch_find(&mode, name)) {
            return vmc_fail(error, VMC_E_USAGE,
                            "design '%s': expected kernel, ioeventfd, "
                            "coalesced, exit, process, ioregion-posted or "
                            "ioregion-sync",
                            name);
        }
        if (!has[mode]) {
            has[mode] = true;
            modes[(*mode_count)++] = mode;
        }
    }
    return VMC_OK;
}

static enum vmc_status read_costs(struct vmc_dispatch_costs *costs,
                                  const struct options *options,
                                  struct vmc_error *error)
{
    struct vmc_profile *profile;
    enum vmc_status status = vmc_profile_load_changed(
        &profile, options->profile_name, options->settings,
        options->setting_count, error);

    if (status == VMC_OK) {
        status = dispatch_profile_read(costs, profile, error);
    }
    vmc_profile_free(profile);
    return status;
}

static enum vmc_status read_ranges(struct bus_ranges **ranges,
                                   const struct options *options,
                                   struct vmc_error *error)
{
    enum vmc_status status = bus_ranges_new(ranges);

    for (uint32_t i = 0; i < options->range_count && status == VMC_OK; i++) {
        status = bus_ranges_add(*ranges, options->ranges[i], error);
    }
    if (status == VMC_OK && options->range_file != NULL) {
        status = bus_ranges_add_file(*ranges, options->range_file, error);
    }
    if (status == VMC_OK) {
        bus_ranges_begin(*ranges);
    }
    return status;
}

/* ---- Telling ------------------------------------------------------------- */

static double us(uint64_t ticks)
{
    return (double)ticks / (double)VMC_TICKS_PER_US;
}

static double per_access(const struct design_result *result, uint64_t ticks)
{
    return result->accesses == 0 ? 0 : us(ticks) / (double)result->accesses;
}

static void set_u64(json_t *object, const char *key, uint64_t value)
{
    json_object_set_new(object, key, vmc_json_u64(value));
}

static json_t *describe(const struct design_result *result,
                        const struct design_result *exit)
{
    const struct vmc_dispatch_counts *counts = &result->counts;
    json_t *json = json_object(), *stages = json_object();

    for (uint32_t i = 0; i < VMC_IO_STAGE_COUNT; i++) {
        json_object_set_new(
            stages, vmc_io_stage_name(i),
            json_real(per_access(result, result->stage_ticks[i]) * 1e3));
    }
    json_object_set_new(json, "design",
                        json_string(vmc_dispatch_name(result->mode)));
    set_u64(json, "accesses", result->accesses);
    set_u64(json, "writes", result->writes);
    set_u64(json, "served", result->served);
    set_u64(json, "exits", result->exits);
    set_u64(json, "values_lost", result->values_lost);
    json_object_set_new(json, "latency_ns", vmc_json_hist(&result->latency_ns));
    json_object_set_new(json, "stages_ns", stages);
    json_object_set_new(json, "wait_ms",
                        json_real(us(result->wait_ticks) / 1e3));
    json_object_set_new(
        json, "wait_to_exit",
        json_real(exit->wait_ticks == 0
                      ? 0
                      : (double)result->wait_ticks / (double)exit->wait_ticks));
    json_object_set_new(json, "run_ms",
                        json_real((double)result->run_ns / 1e6));
    set_u64(json, "ring_full", counts->ring_full);
    set_u64(json, "lock_waits", counts->lock_waits);
    set_u64(json, "buffer_waits", counts->buffer_waits);
    set_u64(json, "commands", counts->commands);
    set_u64(json, "commands_done", counts->commands_done);
    set_u64(json, "queue_commands_max", counts->queue_commands_max);
    set_u64(json, "signals", counts->signals);
    set_u64(json, "signals_merged", counts->signals_merged);
    set_u64(json, "process_wakes", counts->process_wakes);
    json_object_set_new(json, "process_ms",
                        json_real(us(counts->process_ticks) / 1e3));
    json_object_set_new(json, "fingerprint", vmc_json_hex(result->fingerprint));
    return json;
}

static void print_head(FILE *table, const struct design_result *exit,
                       const struct access_list *list, uint32_t copies)
{
    (void)fprintf(table,
                  "%" PRIu64 " of %" PRIu64 " accesses chosen: %" PRIu64
                  " reads, %" PRIu64 " writes; %" PRIu32 " vCPUs\n",
                  exit->accesses, (uint64_t)list->count * copies,
                  exit->accesses - exit->writes, exit->writes,
                  list->vcpu_count * copies);
    (void)fprintf(table, "%-16s %8s %8s %9s %9s %9s %9s %10s %7s\n", "us",
                  "served", "exits", "mean", "p50", "p99", "max", "wait ms",
                  "x exit");
}

static void print_row(FILE *table, const struct design_result *result,
                      const struct design_result *exit)
{
    struct vmc_hist_summary sum = vmc_hist_summarize(&result->latency_ns);

    (void)fprintf(table,
                  "%-16s %8" PRIu64 " %8" PRIu64
                  " %9.3f %9.3f %9.3f %9.3f %10.3f %7.3f\n",
                  vmc_dispatch_name(result->mode), result->served,
                  result->exits, (double)sum.mean / 1e3, (double)sum.p50 / 1e3,
                  (double)sum.p99 / 1e3, (double)sum.max / 1e3,
                  us(result->wait_ticks) / 1e3,
                  exit->wait_ticks == 0
                      ? 0
                      : (double)result->wait_ticks / (double)exit->wait_ticks);
}

/* What the columns do not say and a reader should know. */
static void print_notes(FILE *table, const struct design_result *results,
                        uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct design_result *at = &results[i];
        uint64_t reads = at->accesses - at->writes;
        const char *name = vmc_dispatch_name(at->mode);

        if (!vmc_dispatch_serves_reads(at->mode) && reads != 0) {
            (void)fprintf(table,
                          "%s: %" PRIu64 " reads stay exits to user space\n",
                          name, reads);
        }
        if (at->values_lost != 0) {
            (void)fprintf(table,
                          "%s: the values of %" PRIu64 " writes are dropped, "
                          "%" PRIu64 " of %" PRIu64 " signals merged\n",
                          name, at->values_lost, at->counts.signals_merged,
                          at->counts.signals);
        }
        if (at->counts.ring_full != 0) {
            (void)fprintf(table, "%s: %" PRIu64 " writes found the ring full\n",
                          name, at->counts.ring_full);
        }
        if (at->counts.lock_waits + at->counts.buffer_waits != 0) {
            (void)fprintf(table,
                          "%s: %" PRIu64 " waited for a lock, %" PRIu64
                          " for room in the buffer (at most %" PRIu64
                          " commands)\n",
                          name, at->counts.lock_waits, at->counts.buffer_waits,
                          at->counts.queue_commands_max);
        }
    }
}

static enum vmc_status write_rows(const struct design_result *results,
                                  uint32_t count, const json_t *root,
                                  const char *dir, struct vmc_error *error)
{
    struct vmc_outfile *out;
    enum vmc_status status = report_make_folder(dir, error);
    FILE *rows;

    if (status == VMC_OK) {
        status = report_open_rows(&out, dir, "compare-dispatch.tsv", error);
    }
    if (status != VMC_OK) {
        return status;
    }
    rows = vmc_outfile_stream(out);
    (void)fputs("design", rows);
    for (uint32_t s = 0; s < VMC_IO_STAGE_COUNT; s++) {
        (void)fprintf(rows, "\t%s", vmc_io_stage_name(s));
    }
    (void)fputs("\tp50_us\tp99_us\n", rows);
    for (uint32_t i = 0; i < count; i++) {
        struct vmc_hist_summary sum =
            vmc_hist_summarize(&results[i].latency_ns);

        (void)fprintf(rows, "%s", vmc_dispatch_name(results[i].mode));
        for (uint32_t s = 0; s < VMC_IO_STAGE_COUNT; s++) {
            (void)fprintf(rows, "\t%.4f",
                          per_access(&results[i], results[i].stage_ticks[s]));
        }
        (void)fprintf(rows, "\t%.3f\t%.3f\n", (double)sum.p50 / 1e3,
                      (double)sum.p99 / 1e3);
    }
    status = vmc_outfile_commit(out, error);
    return status == VMC_OK ? report_write(root, dir, error) : status;
}

/* ---- The command -----------------------------------------------------------
 */

struct comparison {
    struct options options;
    struct bus_ranges *ranges;
    struct access_list list;
    struct design_choice choice;
    struct design_result exit; /* what all others are held against */
    struct design_result results[VMC_DISPATCH_COUNT];
    enum vmc_dispatch modes[VMC_DISPATCH_COUNT];
    uint32_t mode_count;
    bool is_cut; /* by a signal, before the last */
};

static enum vmc_status prepare(struct comparison *comparison,
                               struct vmc_error *error)
{
    const struct options *options = &comparison->options;
    struct design_choice *choice = &comparison->choice;
    enum vmc_status status = parse_designs(
        comparison->modes, &comparison->mode_count, options->list, error);

    if (status == VMC_OK) {
        status = read_costs(&choice->costs, options, error);
    }
    if (status == VMC_OK) {
        status = read_ranges(&comparison->ranges, options, error);
    }
    if (status == VMC_OK) {
        status = access_list_read(&comparison->list, options->trace_path,
                                  options->meta_path, comparison->ranges,
                                  (uint32_t)choice->costs.ring_entries, error);
    }
    if (status != VMC_OK) {
        return status;
    }
    choice->place.has_other_cpu = options->has_other_cpu;
    choice->place.has_vmm_lock = options->has_vmm_lock;
    choice->ranges = comparison->ranges;
    choice->takes_all_exits = bus_ranges_added(comparison->ranges) == 0;
    choice->has_fd_for_each_range = options->has_fd_for_each_range;
    choice->has_fd_for_each_vcpu = options->has_fd_for_each_vcpu;
    choice->copies = options->copies;
    return VMC_OK;
}

static enum vmc_status run_designs(struct comparison *comparison,
                                   struct vmc_error *error)
{
    enum vmc_status status;

    if (interrupted()) { /* there may be no access at all */
        comparison->is_cut = true;
        comparison->mode_count = 0;
        return VMC_OK;
    }
    status = design_run(&comparison->exit, &comparison->list,
                        &comparison->choice, VMC_DISPATCH_EXIT);
    for (uint32_t i = 0; i < comparison->mode_count && status == VMC_OK; i++) {
        if (interrupted()) {
            comparison->is_cut = true;
            comparison->mode_count = i;
            break;
        }
        status = design_run(&comparison->results[i], &comparison->list,
                            &comparison->choice, comparison->modes[i]);
    }
    if (status != VMC_OK) {
        return vmc_fail(error, status, "%s: %s", comparison->options.trace_path,
                        status == VMC_E_RANGE ? "more vCPUs than are simulated"
                                              : "out of memory");
    }
    if (comparison->exit.accesses == 0) {
        return vmc_fail(error, VMC_E_USAGE,
                        "%s: no access lies in the chosen ranges",
                        comparison->options.trace_path);
    }
    return VMC_OK;
}

static enum vmc_status tell(const struct comparison *comparison,
                            struct vmc_error *error)
{
    const struct options *options = &comparison->options;
    FILE *table = command_table(options->json_path);
    json_t *root = json_object(), *list = json_array();
    uint64_t fingerprint = 0;
    enum vmc_status status = VMC_OK;

    json_object_set_new(root, "version", json_string(VMCYCLE_VERSION));
    json_object_set_new(root, "input", json_string(options->trace_path));
    json_object_set_new(root, "profile", json_string(options->profile_name));
    json_object_set_new(root, "other_cpu",
                        json_boolean(options->has_other_cpu));
    json_object_set_new(root, "vmm_lock", json_boolean(options->has_vmm_lock));
    set_u64(root, "vcpus",
            (uint64_t)comparison->list.vcpu_count * options->copies);
    set_u64(root, "accesses",
            (uint64_t)comparison->list.count * options->copies);
    set_u64(root, "chosen", comparison->exit.accesses);
    json_object_set_new(root, "recorded_exit_ns",
                        vmc_json_hist(comparison->list.recorded_ns));
    json_object_set_new(root, "dispatch", list);
    print_head(table, &comparison->exit, &comparison->list, options->copies);
    for (uint32_t i = 0; i < comparison->mode_count; i++) {
        const struct design_result *result = &comparison->results[i];

        print_row(table, result, &comparison->exit);
        json_array_append_new(list, describe(result, &comparison->exit));
        fingerprint = vmc_hash_fold(fingerprint, result->fingerprint);
    }
    interrupted_tell(root, table, comparison->is_cut, "the designs above");
    print_notes(table, comparison->results, comparison->mode_count);
    json_object_set_new(root, "fingerprint", vmc_json_hex(fingerprint));
    if (options->report_path != NULL) {
        status = write_rows(comparison->results, comparison->mode_count, root,
                            options->report_path, error);
    }
    if (status == VMC_OK && options->json_path != NULL) {
        status = vmc_json_write(root, options->json_path, error);
    }
    json_decref(root);
    return status;
}

int compare_dispatch(int argc, char **argv)
{
    struct comparison *comparison = calloc(1, sizeof(*comparison));
    struct vmc_error error = {"out of memory"};
    enum vmc_status status;

    if (comparison == NULL) {
        return command_failed(VMC_E_NOMEM, &error);
    }
    comparison->options.profile_name = DISPATCH_PROFILE_DEFAULT;
    comparison->options.copies = 1;
    argp_parse(&parser, argc, argv, 0, NULL, &comparison->options);
    status = prepare(comparison, &error);
    if (status == VMC_OK) {
        status = run_designs(comparison, &error);
    }
    if (status == VMC_OK) {
        status = tell(comparison, &error);
    }
    access_list_free(&comparison->list);
    bus_ranges_free(comparison->ranges);
    free(comparison);
    return status == VMC_OK ? EXIT_GOOD : command_failed(status, &error);
}
