/* SPDX-License-Identifier: MIT */
/* vmcycle replay: a recorded trace through the models. */
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "sim/assumed.h"
#include "sim/command.h"
#include "sim/interrupted.h"
#include "sim/progress.h"
#include "sim/replay.h"
#include "sim/replay_rcu.h"
#include "sim/report.h"
#include "sim/timeline_file.h"
#include "stats/json.h"

enum { SETTINGS_MAX = 64, RANGES_MAX = 64 };

static const struct replay_section *const sections[] = {
    &replay_irq,
    &replay_rcu,
    &replay_balloon,
    &replay_bus,
};

struct options {
    struct replay_context context;
    const char *trace_path, *meta_path, *json_path, *profile_name;
    const char *perfetto_path;
    const char *settings[SETTINGS_MAX];
    uint32_t setting_count;
    const char *ranges[RANGES_MAX];
};

enum option_key {
    OPTION_CHECK = 256,
    OPTION_NO_CHECK,
    OPTION_META,
    OPTION_SEMANTICS,
    OPTION_SET,
    OPTION_REPORT,
    OPTION_PERFETTO,
    OPTION_RANGE,
    OPTION_RANGE_FILE,
};

static const struct argp_option option_table[] = {
    {"json", 'j', "FILE", 0, "write the result as JSON; - is standard output",
     0},
    {"profile", 'p', "NAME", 0, "timing profile of the simulated latencies", 0},
    {"set", OPTION_SET, "SECTION.KEY=VALUE", 0,
     "replace one number of the profile", 0},
    {"semantics", OPTION_SEMANTICS, "qemu|kvm|hw", 0,
     "which implementation to model; default is what the .meta names", 0},
    {"meta", OPTION_META, "FILE", 0,
     "the description of the trace; default is the .meta beside it", 0},
    {"check", OPTION_CHECK, 0, 0, "compare every recorded read (default)", 0},
    {"no-check", OPTION_NO_CHECK, 0, 0, "do not compare", 0},
    {"report", OPTION_REPORT, "DIR", 0,
     "write rows, pictures and a page into DIR", 0},
    {"perfetto", OPTION_PERFETTO, "FILE", 0,
     "write a timeline of the simulated run, for ui.perfetto.dev", 0},
    {"range", OPTION_RANGE, "START-END[:pio|mmio] [NAME [CLAIM]]", 0,
     "tell accesses to these addresses apart; CLAIM is exit, kernel, coalesced "
     "or ioeventfd, and is checked",
     0},
    {"range-file", OPTION_RANGE_FILE, "FILE", 0, "such ranges, one a line", 0},
    {0}};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->context.vcd;
        return 0;
    case 'j':
        options->json_path = argument;
        return 0;
    case 'p':
        options->profile_name = argument;
        return 0;
    case OPTION_SET:
        if (options->setting_count == SETTINGS_MAX) {
            argp_error(state, "more than %d times --set", SETTINGS_MAX);
        }
        options->settings[options->setting_count++] = argument;
        return 0;
    case OPTION_SEMANTICS:
        options->context.semantics = argument;
        return 0;
    case OPTION_META:
        options->meta_path = argument;
        return 0;
    case OPTION_CHECK:
    case OPTION_NO_CHECK:
        options->context.is_checking = key == OPTION_CHECK;
        return 0;
    case OPTION_REPORT:
        options->context.report_path = argument;
        return 0;
    case OPTION_PERFETTO:
        options->perfetto_path = argument;
        return 0;
    case OPTION_RANGE:
        if (options->context.range_count == RANGES_MAX) {
            argp_error(state, "more than %d times --range", RANGES_MAX);
        }
        options->ranges[options->context.range_count++] = argument;
        options->context.ranges = options->ranges;
        return 0;
    case OPTION_RANGE_FILE:
        options->context.range_file = argument;
        return 0;
    case ARGP_KEY_ARG:
        if (options->trace_path != NULL) {
            argp_error(state, "one trace at a time");
        }
        options->trace_path = argument;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "a TRACE is needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&waveform_argp, 0, "Waveforms, for GTKWave:", 1}, {0}};

static const struct argp parser = {
    option_table,
    parse_option,
    "TRACE",
    "Replay a recorded trace against the models: check every recorded read, "
    "measure recorded and simulated latencies. TRACE is a QEMU log, ftrace "
    "text or .vmct, plain or .zst; - is standard input.",
    children,
    0,
    0};

/* ---- The loop ----------------------------------------------------------- */

struct run {
    struct vmc_reader *reader;
    void *states[VMC_COUNT_OF(sections)];
    struct timeline_file timeline;
    bool is_damaged; /* the trace ended in damage; trouble holds the line */
    struct vmc_error trouble;
};

static enum vmc_status start_sections(struct run *run,
                                      const struct replay_context *context,
                                      struct vmc_error *error)
{
    for (size_t i = 0; i < VMC_COUNT_OF(sections); i++) {
        enum vmc_status status =
            sections[i]->start(&run->states[i], context, error);

        if (status != VMC_OK) {
            return status;
        }
    }
    return VMC_OK;
}

/* Pull all records. Damage ends the trace but not the run: what came before
 * it is good. */
static enum vmc_status pull_records(struct run *run, struct vmc_error *error)
{
    struct progress progress;
    enum vmc_status status = VMC_OK;

    progress_start(&progress, "replay", "records");
    for (;;) {
        const struct vmc_record *records;
        uint32_t count;

        status = vmc_reader_next(run->reader, &records, &count, &run->trouble);
        if (status != VMC_OK) {
            break;
        }
        for (uint32_t i = 0; i < count; i++) {
            for (size_t s = 0; s < VMC_COUNT_OF(sections); s++) {
                sections[s]->record(run->states[s], &records[i]);
            }
        }
        progress_add(&progress, count);
    }
    progress_end(&progress);
    if (status == VMC_E_FORMAT || status == VMC_E_IO) {
        run->is_damaged = true;
        return VMC_OK;
    }
    *error = run->trouble;
    return status == VMC_END ? VMC_OK : status;
}

/* Say when a signal ended the run. */
static void tell_interruption(const struct run *run, json_t *root, FILE *table)
{
    const struct vmc_reader_counts *counts = vmc_reader_counts(run->reader);
    char what[64];

    (void)snprintf(what, sizeof(what), "%" PRIu64 " records", counts->records);
    interrupted_tell(root, table, counts->is_stopped, what);
}

static json_t *describe_trace(const struct vmc_reader *reader, FILE *table)
{
    const struct vmc_reader_counts *counts = vmc_reader_counts(reader);
    json_t *trace = json_object();

    json_object_set_new(trace, "records", vmc_json_u64(counts->records));
    json_object_set_new(trace, "lines", vmc_json_u64(counts->lines));
    json_object_set_new(trace, "skipped_lines",
                        vmc_json_u64(counts->skipped_lines));
    json_object_set_new(trace, "unknown_events",
                        vmc_json_u64(counts->unknown_events));
    json_object_set_new(trace, "time_clamped",
                        vmc_json_u64(counts->time_clamped));
    json_object_set_new(trace, "first_bad_line",
                        counts->first_bad_line != 0
                            ? vmc_json_u64(counts->first_bad_line)
                            : json_null());
    json_object_set_new(trace, "truncated", json_boolean(counts->is_truncated));
    (void)fprintf(table,
                  "trace        %" PRIu64 " records from %" PRIu64 " lines",
                  counts->records, counts->lines);
    if (counts->skipped_lines != 0) {
        (void)fprintf(table,
                      "; %" PRIu64 " not readable, the first is line %" PRIu64,
                      counts->skipped_lines, counts->first_bad_line);
    }
    if (counts->unknown_events != 0) {
        (void)fprintf(table, "; %" PRIu64 " of unknown events",
                      counts->unknown_events);
    }
    (void)fprintf(table, "%s\n", counts->is_truncated ? "; cut short" : "");
    return trace;
}

/* End all sections. Returns false when one of them was not content. */
static bool finish_sections(struct run *run, json_t *root, FILE *table)
{
    bool is_good = true;
    uint64_t fingerprint = 0;

    for (size_t i = 0; i < VMC_COUNT_OF(sections); i++) {
        json_t *json = NULL;

        is_good &= sections[i]->finish(run->states[i], &json, table);
        if (json != NULL) {
            json_object_set_new(root, sections[i]->name, json);
            fingerprint = vmc_hash_fold(
                fingerprint, sections[i]->fingerprint(run->states[i]));
        }
    }
    json_object_set_new(root, "fingerprint", vmc_json_hex(fingerprint));
    return is_good;
}

static void free_run(struct run *run)
{
    for (size_t i = 0; i < VMC_COUNT_OF(sections); i++) {
        sections[i]->free(run->states[i]);
    }
    timeline_file_abandon(&run->timeline);
    vmc_reader_close(run->reader);
}

/* The semantics that the options or the trace name, and a word that is none.
 */
static enum vmc_status choose_semantics(struct replay_context *context,
                                        struct vmc_error *error)
{
    static const char *const known[] = {"qemu", "kvm", "hw"};

    if (context->semantics == NULL) {
        context->semantics = vmc_reader_meta(context->reader, "semantics");
    }
    if (context->semantics == NULL) {
        context->semantics = known[0];
    }
    for (size_t i = 0; i < VMC_COUNT_OF(known); i++) {
        if (strcmp(context->semantics, known[i]) == 0) {
            return VMC_OK;
        }
    }
    return vmc_fail(error, VMC_E_USAGE,
                    "semantics '%s': expected qemu, kvm or hw",
                    context->semantics);
}

/* Open what the options name. What is opened is closed by free_run(). */
static enum vmc_status prepare(struct run *run, struct options *options,
                               struct vmc_profile **profile,
                               struct vmc_error *error)
{
    enum vmc_status status;

    if (options->profile_name != NULL || options->setting_count > 0) {
        status = vmc_profile_load_changed(
            profile,
            options->profile_name != NULL ? options->profile_name
                                          : "3c5000-qemu",
            options->settings, options->setting_count, error);
        if (status != VMC_OK) {
            return status;
        }
    }
    status = interrupted_open(&run->reader, options->trace_path,
                              options->meta_path, error);
    if (status != VMC_OK) {
        return status;
    }
    options->context.profile = *profile;
    options->context.reader = run->reader;
    status = choose_semantics(&options->context, error);
    if (status != VMC_OK) {
        return status;
    }
    if (options->context.report_path != NULL) {
        status = report_make_folder(options->context.report_path, error);
        if (status != VMC_OK) {
            return status;
        }
    }
    status = timeline_file_open(&run->timeline, options->perfetto_path, error);
    if (status != VMC_OK) {
        return status;
    }
    options->context.timeline = run->timeline.timeline;
    return start_sections(run, &options->context, error);
}

static enum vmc_status write_results(const json_t *root,
                                     const struct options *options,
                                     struct vmc_error *error)
{
    enum vmc_status status = VMC_OK;

    if (options->json_path != NULL) {
        status = vmc_json_write(root, options->json_path, error);
    }
    if (status == VMC_OK && options->context.report_path != NULL) {
        status = report_write(root, options->context.report_path, error);
    }
    return status;
}

int command_replay(int argc, char **argv)
{
    struct options options = {
        .context = {.is_checking = true, .assumed = json_object()}};
    struct run run = {0};
    struct vmc_error error = {""};
    struct vmc_profile *profile = NULL;
    enum vmc_status status;
    bool is_good = false;
    FILE *table;

    argp_parse(&parser, argc, argv, 0, NULL, &options);
    interrupted_watch();
    table = command_table(options.json_path);
    status = prepare(&run, &options, &profile, &error);
    if (status == VMC_OK) {
        status = pull_records(&run, &error);
    }
    if (status == VMC_OK) {
        json_t *root = json_object();

        json_object_set_new(root, "version", json_string(VMCYCLE_VERSION));
        json_object_set_new(root, "input", json_string(options.trace_path));
        json_object_set_new(root, "semantics",
                            json_string(options.context.semantics));
        tell_interruption(&run, root, table);
        json_object_set_new(root, "trace", describe_trace(run.reader, table));
        is_good = finish_sections(&run, root, table);
        assumed_tell(root, options.context.assumed, false);
        status = timeline_file_close(&run.timeline, &error);
        if (status == VMC_OK) {
            status = write_results(root, &options, &error);
        }
        json_decref(root);
    }
    free_run(&run);
    vmc_profile_free(profile);
    json_decref(options.context.assumed);
    if (status != VMC_OK) {
        return command_failed(status, &error);
    }
    if (run.is_damaged) {
        return command_failed(VMC_E_FORMAT, &run.trouble);
    }
    return is_good ? EXIT_GOOD : EXIT_MISMATCH;
}
