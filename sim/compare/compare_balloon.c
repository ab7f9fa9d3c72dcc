/* SPDX-License-Identifier: MIT */
/* vmcycle compare --balloon: the pages of a recorded guest, in the order it
 * took them, through several mechanisms on one machine. */
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "event/clock.h"
#include "sim/balloon/balloon.h"
#include "sim/command.h"
#include "sim/compare/compare.h"
#include "sim/interrupted.h"
#include "sim/options.h"
#include "sim/progress.h"
#include "sim/report/report.h"
#include "stats/json.h"

enum { LIST_BYTES_MAX = 256, BARS_MAX = 16 };
enum { OPTION_BALLOON = 256, OPTION_MACHINE, OPTION_REPORT, OPTION_SET };

struct options {
    const char *list, *trace_path, *machine, *json_path, *report_path;
    const char *settings[OPTION_SETTINGS_MAX];
    uint32_t setting_count;
};

static const struct argp_option option_table[] = {
    {"balloon", OPTION_BALLOON, "LIST", 0,
     "mechanisms with commas between: pfn, bitmap, bitmap-fixed, chunk, sg, "
     "contiguous",
     0},
    {"machine", OPTION_MACHINE, "NAME|FILE", 0,
     "profile: m1-2016 (default), m2-2025 or a file", 0},
    {"set", OPTION_SET, "SECTION.KEY=VALUE", 0,
     "replace one number of the profile", 0},
    {"report", OPTION_REPORT, "DIR", 0,
     "write a picture of the stages of each, and a page with it", 0},
    {"json", 'j', "FILE", 0, "write the result as JSON; - is standard output",
     0},
    {0}};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case OPTION_BALLOON:
        options->list = argument;
        return 0;
    case OPTION_MACHINE:
        options->machine = argument;
        return 0;
    case OPTION_SET:
        option_add(state, "--set", options->settings, &options->setting_count,
                   OPTION_SETTINGS_MAX, argument);
        return 0;
    case OPTION_REPORT:
        options->report_path = argument;
        return 0;
    case 'j':
        options->json_path = argument;
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
    "Let a recorded guest move the same pages in the same order by other "
    "mechanisms.",
    0,
    0,
    0};

static enum vmc_status read_log(struct balloon_log *log, const char *path,
                                struct vmc_error *error)
{
    struct vmc_reader *reader;
    const struct vmc_record *records;
    uint32_t count;
    enum vmc_status status = interrupted_open(&reader, path, NULL, error);

    if (status != VMC_OK) {
        return status;
    }
    balloon_log_set_page(log, vmc_reader_meta(reader, "guest_page_size"));
    while ((status = vmc_reader_next(reader, &records, &count, error)) ==
           VMC_OK) {
        for (uint32_t i = 0; i < count; i++) {
            const char *text = records[i].kind == VMC_REC_BALLOON_OUTPUT &&
                                       balloon_log_wants_section(log)
                                   ? vmc_reader_text(reader, records[i].args[1])
                                   : NULL;

            balloon_log_record(log, &records[i], text);
        }
    }
    vmc_reader_close(reader);
    balloon_log_end(log);
    if (status == VMC_END && balloon_log_counts(log)->inflated_pfns == 0 &&
        !interrupted()) {
        return vmc_fail(error, VMC_E_FORMAT,
                        "%s: no balloon was inflated in it", path);
    }
    return status == VMC_END ? balloon_log_status(log) : status;
}

/* Balloon pages of a fixed larger size do not follow from single pages. */
static enum vmc_status choose(enum vmc_balloon_mechanism *mechanism,
                              const char *name, struct vmc_error *error)
{
    enum vmc_status status = balloon_mechanism(mechanism, name, error);

    if (status == VMC_OK && *mechanism > VMC_MECHANISM_CONTIGUOUS) {
        return vmc_fail(error, VMC_E_USAGE,
                        "%s does not move single pages, so it cannot follow a "
                        "recording of them",
                        name);
    }
    return status;
}

static json_t *describe(const char *name,
                        const struct vmc_balloon_result *result)
{
    json_t *json = json_object(), *stages = json_object();

    for (uint32_t i = 0; i < VMC_STAGE_COUNT; i++) {
        json_object_set_new(stages, vmc_balloon_stage_name(i),
                            json_real((double)result->stages.ticks[i] / 1e9));
    }
    json_object_set_new(json, "mechanism", json_string(name));
    json_object_set_new(json, "pages", vmc_json_u64(result->pages));
    json_object_set_new(json, "messages", vmc_json_u64(result->messages));
    json_object_set_new(json, "total_ms",
                        json_real((double)result->total_ticks / 1e9));
    json_object_set_new(json, "stages_ms", stages);
    json_object_set_new(json, "broken",
                        result->broken[0] != '\0' ? json_string(result->broken)
                                                  : json_null());
    json_object_set_new(json, "fingerprint", vmc_json_hex(result->fingerprint));
    return json;
}

static enum vmc_status write_report(const char *dir,
                                    const struct balloon_bar *bars,
                                    uint32_t count, json_t *root,
                                    struct vmc_error *error)
{
    enum vmc_status status = report_make_folder(dir, error);

    if (status == VMC_OK) {
        status = balloon_report_stages(dir, bars, count, error);
    }
    return status == VMC_OK ? report_write(root, dir, error) : status;
}

static enum vmc_status load_machine(struct balloon_machine *machine,
                                    const struct options *options,
                                    struct vmc_error *error)
{
    struct vmc_profile *profile;
    enum vmc_status status =
        vmc_profile_load_changed(&profile, options->machine, options->settings,
                                 options->setting_count, error);

    if (status == VMC_OK) {
        status = balloon_read(machine, profile, error);
    }
    vmc_profile_free(profile);
    return status;
}

static enum vmc_status compare_all(const struct options *options,
                                   const struct balloon_log *log, json_t *root,
                                   FILE *table, struct vmc_error *error)
{
    json_t *list = json_object_get(root, "balloon");
    struct balloon_bar bars[BARS_MAX];
    uint32_t bar_count = 0;
    bool is_cut = false;
    struct progress progress;
    struct balloon_machine machine;
    char names[LIST_BYTES_MAX], *rest = names;
    enum vmc_status status = load_machine(&machine, options, error);

    if (status != VMC_OK) {
        return status;
    }
    if (strlen(options->list) >= sizeof(names)) {
        return vmc_fail(error, VMC_E_USAGE, "the list is too long");
    }
    (void)snprintf(names, sizeof(names), "%s", options->list);
    (void)fprintf(table, "%-14s %10s %9s %12s\n", "mechanism", "pages",
                  "messages", "total ms");
    progress_start(&progress, "compare", "mechanisms");
    for (char *name = strtok_r(rest, ",", &rest);
         name != NULL && !(is_cut = interrupted());
         name = strtok_r(NULL, ",", &rest)) {
        enum vmc_balloon_mechanism mechanism;
        struct vmc_balloon_result result;

        status = choose(&mechanism, name, error);
        if (status == VMC_OK) {
            status = balloon_replay(&result, log, &machine, mechanism, error);
        }
        if (status != VMC_OK) {
            return status;
        }
        (void)fprintf(table, "%-14s %10" PRIu64 " %9" PRIu64 " %12.3f  %s\n",
                      name, result.pages, result.messages,
                      (double)result.total_ticks / 1e9, result.broken);
        progress_add(&progress, 1);
        if (bar_count < BARS_MAX) {
            bars[bar_count++] = (struct balloon_bar){name, result.stages};
        }
        json_array_append_new(list, describe(name, &result));
    }
    progress_end(&progress);
    interrupted_tell(root, table, is_cut, "the mechanisms above");
    return options->report_path != NULL
               ? write_report(options->report_path, bars, bar_count, root,
                              error)
               : VMC_OK;
}

int compare_balloon(int argc, char **argv)
{
    struct options options = {.machine = "m1-2016"};
    struct vmc_error error = {""};
    struct balloon_log *log;
    enum vmc_status status;
    json_t *root, *list;

    argp_parse(&parser, argc, argv, 0, NULL, &options);
    status = balloon_log_new(&log);
    if (status != VMC_OK) {
        return command_failed(status, &error);
    }
    root = json_object();
    list = json_array();
    json_object_set_new(root, "version", json_string(VMCYCLE_VERSION));
    json_object_set_new(root, "machine", json_string(options.machine));
    json_object_set_new(root, "input", json_string(options.trace_path));
    json_object_set_new(root, "balloon", list);
    status = read_log(log, options.trace_path, &error);
    if (status == VMC_OK) {
        status = compare_all(&options, log, root,
                             command_table(options.json_path), &error);
    }
    if (status == VMC_OK && options.json_path != NULL) {
        status = vmc_json_write(root, options.json_path, &error);
    }
    json_decref(root);
    balloon_log_free(log);
    return status == VMC_OK ? EXIT_GOOD : command_failed(status, &error);
}
