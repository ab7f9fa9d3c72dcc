/* SPDX-License-Identifier: MIT */
/* vmcycle replay: a recorded trace through the models. */
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "sim/assumed.h"
#include "sim/command.h"
#include "sim/interrupted.h"
#include "sim/options.h"
#include "sim/replay/replay_run.h"
#include "sim/report/report.h"
#include "sim/share.h"
#include "stats/json.h"

enum {
    RANGES_MAX = 64,
    NOTED_MAX = 256,
};

struct options {
    struct replay_context context;
    const char *trace_path, *meta_path, *json_path, *profile_name;
    struct timeline_options timeline;
    const char *settings[OPTION_SETTINGS_MAX];
    uint32_t setting_count;
    const char *ranges[RANGES_MAX];
    struct checkpoint_options checkpoint;
    struct {
        int key;
        const char *argument;
    } noted[NOTED_MAX]; /* as they came */
    uint32_t noted_count;
};

enum option_key {
    OPTION_CHECK = 256,
    OPTION_NO_CHECK,
    OPTION_META,
    OPTION_SEMANTICS,
    OPTION_SET,
    OPTION_REPORT,
    OPTION_RANGE,
    OPTION_RANGE_FILE,
    OPTION_END, /* no option; beyond are keys of argp itself */
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
    {"range", OPTION_RANGE, "START-END[:pio|mmio] [NAME [CLAIM]]", 0,
     "tell accesses to these addresses apart; CLAIM is exit, kernel, coalesced "
     "or ioeventfd, and is checked",
     0},
    {"range-file", OPTION_RANGE_FILE, "FILE", 0, "such ranges, one a line", 0},
    {0}};

/* Whether a checkpoint is good only for a run with the same option. Not when it
 * says where to write, or when what it comes to is told anyway (make_terms()).
 */
static bool is_term(int key)
{
    switch (key) {
    case 'j':
    case OPTION_META:
    case OPTION_SEMANTICS:
    case OPTION_CHECK:
    case OPTION_NO_CHECK:
        return false;
    default:
        return true;
    }
}

static void note_option(struct options *options, int key, const char *argument,
                        struct argp_state *state)
{
    if (options->noted_count == NOTED_MAX) {
        argp_error(state, "too many options");
    }
    options->noted[options->noted_count].key = key;
    options->noted[options->noted_count].argument =
        argument == NULL || key == OPTION_REPORT ? "yes" : argument;
    options->noted_count++;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;

    if (key > 0 && key < OPTION_END && is_term(key)) {
        note_option(options, key, argument, state);
    }
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->context.vcd;
        state->child_inputs[1] = &options->timeline;
        state->child_inputs[2] = &options->checkpoint;
        return 0;
    case 'j':
        options->json_path = argument;
        return 0;
    case 'p':
        options->profile_name = argument;
        return 0;
    case OPTION_SET:
        option_add(state, "--set", options->settings, &options->setting_count,
                   OPTION_SETTINGS_MAX, argument);
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
    case OPTION_RANGE:
        option_add(state, "--range", options->ranges,
                   &options->context.range_count, RANGES_MAX, argument);
        options->context.ranges = options->ranges;
        return 0;
    case OPTION_RANGE_FILE:
        options->context.range_file = argument;
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

static const struct argp_child children[] = {
    {&waveform_argp, 0, "Waveforms, for GTKWave:", 1},
    {&timeline_argp, 0, "Timelines, for Perfetto:", 2},
    {&checkpoint_options_parser, 0, "Stop and go on:", 3},
    {0}};

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

/* ---- The run ------------------------------------------------------------ */

/* Say when a signal ended the run. */
static void tell_interruption(const struct replay_run *run, json_t *root,
                              FILE *table)
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

/* The term of @option: all arguments that it was given, if any. */
static void add_option_term(struct checkpoint_terms *terms,
                            const struct options *options,
                            const struct argp_option *option)
{
    char name[CHECKPOINT_NAME_BYTES], *value = NULL;
    size_t bytes = 0;
    FILE *stream = NULL;

    for (uint32_t i = 0; i < options->noted_count; i++) {
        if (options->noted[i].key != option->key) {
            continue;
        }
        if (stream == NULL) {
            stream = open_memstream(&value, &bytes);
        } else {
            (void)fputs(", ", stream);
        }
        if (stream == NULL) {
            return;
        }
        (void)fputs(options->noted[i].argument, stream);
    }
    if (stream != NULL) {
        (void)fclose(stream);
        (void)snprintf(name, sizeof(name), "--%s", option->name);
        checkpoint_add_term(terms, name, "%s", value);
        free(value);
    }
}

static void add_waveform_terms(struct checkpoint_terms *terms,
                               const struct waveform_options *vcd)
{
    if (vcd->path != NULL) {
        checkpoint_add_term(terms, "--vcd", "yes");
        checkpoint_add_term(terms, "--vcd-from", "%" PRIu64 " ps",
                            vcd->from_tick);
        checkpoint_add_term(terms, "--vcd-until", "%" PRIu64 " ps",
                            vcd->until_tick);
    }
    if (vcd->signals != NULL) {
        checkpoint_add_term(terms, "--vcd-signals", "%s", vcd->signals);
    }
}

static void add_timeline_terms(struct checkpoint_terms *terms,
                               const struct timeline_options *timeline)
{
    if (timeline->path != NULL) {
        checkpoint_add_term(terms, "--perfetto", "yes");
        checkpoint_add_term(terms, "--perfetto-from", "%" PRIu64 " ps",
                            timeline->from_tick);
        checkpoint_add_term(terms, "--perfetto-until", "%" PRIu64 " ps",
                            timeline->until_tick);
    }
}

/* What a run and its checkpoints must agree about. */
static void make_terms(struct checkpoint_terms *terms,
                       const struct options *options)
{
    const struct replay_context *context = &options->context;
    uint64_t meta = 0, numbers = 0;
    const char *key, *value;

    for (uint32_t i = 0;
         (key = vmc_reader_meta_at(context->reader, i, &value)) != NULL; i++) {
        meta = vmc_hash_fold(vmc_hash_fold(meta, vmc_hash_text(key)),
                             vmc_hash_text(value));
    }
    for (uint32_t i = 0;
         context->profile != NULL && i < vmc_profile_count(context->profile);
         i++) {
        const struct vmc_profile_entry *entry =
            vmc_profile_at(context->profile, i);

        numbers = vmc_hash_fold(numbers, vmc_hash_text(entry->section));
        numbers = vmc_hash_fold(numbers, vmc_hash_text(entry->key));
        numbers = vmc_hash_fold(numbers, entry->value);
    }
    for (size_t i = 0; option_table[i].name != NULL; i++) {
        add_option_term(terms, options, &option_table[i]);
    }
    add_waveform_terms(terms, &context->vcd);
    add_timeline_terms(terms, &options->timeline);
    checkpoint_add_term(terms, "command", "replay");
    checkpoint_add_term(terms, "format of the trace", "%s",
                        vmc_reader_format(context->reader));
    checkpoint_add_term(terms, "metadata of the trace", "%016" PRIx64, meta);
    checkpoint_add_term(terms, "semantics", "%s", context->semantics);
    checkpoint_add_term(terms, "check", "%s",
                        context->is_checking ? "yes" : "no");
    checkpoint_add_term(terms, "numbers of the profile", "%016" PRIx64,
                        numbers);
}

/* Open what the options name. What is opened is closed by
 * replay_run_free(). */
static enum vmc_status prepare(struct replay_run *run, struct options *options,
                               struct vmc_profile **profile,
                               struct vmc_error *error)
{
    enum vmc_status status =
        checkpoint_options_check(&options->checkpoint, error);

    if (status != VMC_OK) {
        return status;
    }
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
    if (run->reader == NULL) {
        status = interrupted_open(&run->reader, options->trace_path,
                                  options->meta_path, error);
        if (status != VMC_OK) {
            return status;
        }
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
    status = timeline_file_open(&run->timeline, &options->timeline, error);
    if (status != VMC_OK) {
        return status;
    }
    options->context.timeline = run->timeline.timeline;
    make_terms(&run->terms, options);
    return replay_run_start(run, &options->context, &options->checkpoint,
                            error);
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

/* @reader is one of the trace that has been opened, or NULL. It is closed. */
static int replay(int argc, char **argv, struct vmc_reader *reader)
{
    struct options options = {
        .context = {.is_checking = true, .assumed = json_object()}};
    struct replay_run run = {.reader = reader};
    struct vmc_error error = {""};
    struct vmc_profile *profile = NULL;
    enum vmc_status status;
    bool is_good = false;
    FILE *table;

    argp_parse(&parser, argc, argv, 0, NULL, &options);
    interrupted_watch();
    table = command_table_beside(options.json_path, options.timeline.path,
                                 options.context.vcd.path);
    status = prepare(&run, &options, &profile, &error);
    if (status == VMC_OK) {
        status = replay_run_pull(&run, &error);
    }
    if (status == VMC_OK) {
        json_t *root = json_object();

        json_object_set_new(root, "version", json_string(VMCYCLE_VERSION));
        json_object_set_new(root, "input", json_string(options.trace_path));
        json_object_set_new(root, "semantics",
                            json_string(options.context.semantics));
        tell_interruption(&run, root, table);
        json_object_set_new(root, "trace", describe_trace(run.reader, table));
        is_good = replay_run_finish(&run, root, table);
        assumed_tell(root, options.context.assumed, false);
        status = timeline_file_close(&run.timeline, &error);
        if (status == VMC_OK) {
            status = write_results(root, &options, &error);
        }
        json_decref(root);
    }
    replay_run_free(&run);
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

int command_replay(int argc, char **argv)
{
    return replay(argc, argv, NULL);
}

/* ---- Replays that begin alike -------------------------------------------- */

/* About half a gigabyte, all of which a trunk holds. */
enum { KEPT_RECORDS_MAX = 5000000 };

/* What the runs of a trunk have in common is the trace, read. */
static int run_shared(struct share *share)
{
    struct options options = {.trace_path = NULL};
    struct vmc_reader *reader = NULL;
    struct vmc_error error;
    int argc;
    char **argv = share_arguments(share, 0, &argc);
    enum vmc_status status;

    if (argv == NULL) {
        return EXIT_BAD_INPUT;
    }
    argp_parse(&parser, argc, argv, 0, NULL, &options);
    status = interrupted_open(&reader, options.trace_path, options.meta_path,
                              &error);
    if (status == VMC_OK) {
        status = vmc_reader_keep(reader, KEPT_RECORDS_MAX, &error);
    }
    for (uint32_t i = 0; i < share_count(share) && status == VMC_OK; i++) {
        if (share_part(share, i)) {
            argv = share_arguments(share, i, &argc);
            return argv != NULL ? replay(argc, argv, reader) : EXIT_BAD_INPUT;
        }
    }
    vmc_reader_close(reader);
    return status == VMC_OK ? EXIT_GOOD : EXIT_BAD_INPUT;
}

static const char *const late_options[] = {"profile", "set",        "semantics",
                                           "check",   "no-check",   "report",
                                           "range",   "range-file", NULL};

const struct shared_command shared_replay = {
    .name = "replay", .late = late_options, .run = run_shared};
