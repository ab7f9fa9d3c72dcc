/* SPDX-License-Identifier: MIT */
/*
 * The balloon section of a replay: the log is checked (balloon_log.c), and the
 * same pages go in the same order through the model of the page number array.
 * A recording does not say what its machine is like, so the simulated times
 * are those of a profile that has balloon numbers: the one asked for, or
 * m1-2016.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "event/clock.h"
#include "sim/assumed.h"
#include "sim/balloon/balloon.h"
#include "sim/balloon/balloon_timeline.h"
#include "sim/replay/replay.h"
#include "sim/report/report.h"
#include "stats/json.h"

static const char default_machine[] = "m1-2016";

enum { ROWS_MAX = 2000 }; /* of a picture */

struct section {
    const struct replay_context *context;
    struct replay_context copy;
    struct balloon_log *log;
    struct vmc_balloon_result simulated;
};

static enum vmc_status start(void **state, const struct replay_context *context,
                             struct vmc_error *error)
{
    struct section *section = calloc(1, sizeof(*section));

    *state = section;
    if (section == NULL || balloon_log_new(&section->log) != VMC_OK) {
        return vmc_fail(error, VMC_E_NOMEM, "no memory for the balloon");
    }
    section->copy = *context;
    section->context = &section->copy;
    if (context->reader != NULL) {
        balloon_log_set_page(
            section->log, vmc_reader_meta(context->reader, "guest_page_size"));
    }
    return VMC_OK;
}

static void record(void *state, const struct vmc_record *record)
{
    struct section *section = state;
    const char *text = NULL;

    if (record->kind == VMC_REC_BALLOON_OUTPUT &&
        balloon_log_wants_section(section->log)) {
        text = vmc_reader_text(section->context->reader, record->args[1]);
    }
    balloon_log_record(section->log, record, text);
}

static void archive(void *state, struct vmc_archive *archive)
{
    struct section *section = state;

    balloon_log_archive(section->log, archive);
}

static enum vmc_status simulate(struct section *section,
                                struct vmc_error *error)
{
    struct balloon_machine machine;
    const struct vmc_profile *profile = section->context->profile;
    struct vmc_profile *own = NULL;
    enum vmc_status status = VMC_OK;

    if (profile == NULL || !vmc_profile_has(profile, "balloon_send")) {
        status = vmc_profile_load(&own, default_machine, error);
        profile = own;
    }
    if (status == VMC_OK) {
        status = balloon_read(&machine, profile, error);
    }
    if (status == VMC_OK) {
        assumed_note(section->context->assumed, replay_balloon.name, profile,
                     assumed_balloon);
    }
    vmc_profile_free(own);
    if (status == VMC_OK) {
        status = balloon_replay(&section->simulated, section->log, &machine,
                                VMC_MECHANISM_PFN, error);
    }
    return status;
}

static double ms_of_ticks(uint64_t ticks)
{
    return (double)ticks / (double)(1000 * VMC_TICKS_PER_US);
}

static json_t *describe(const struct section *section, bool is_simulated)
{
    const struct balloon_log_counts *counts = balloon_log_counts(section->log);
    const struct {
        const char *key;
        uint64_t value;
    } numbers[] = {
        {"inflated_pfns", counts->inflated_pfns},
        {"deflated_pfns", counts->deflated_pfns},
        {"messages", counts->messages},
        {"duplicate_pfns", counts->duplicate_pfns},
        {"never_told", counts->never_told},
        {"outside_ram", counts->outside_ram},
        {"unknown_pfns", counts->unknown_pfns},
        {"held_pfns", counts->held},
        {"config_reads", counts->config_reads},
        {"config_writes", counts->config_writes},
        {"wrong_actual", counts->wrong_actual},
        {"wrong_target", counts->wrong_target},
        {"ram_bytes", counts->ram_bytes},
        {"discards", counts->discards},
        {"discarded_bytes", counts->discarded_bytes},
        {"reports", counts->reports},
        {"reported_bytes", counts->reported_bytes},
    };
    json_t *json = json_object(), *stages = json_object();

    for (uint32_t i = 0; i < VMC_COUNT_OF(numbers); i++) {
        json_object_set_new(json, numbers[i].key,
                            vmc_json_u64(numbers[i].value));
    }
    json_object_set_new(json, "recorded_ms",
                        json_real((double)counts->recorded_ns / 1e6));
    json_object_set_new(json, "host_ns_per_message",
                        vmc_json_hist(balloon_log_host_ns(section->log)));
    json_object_set_new(json, "guest_ns_per_message",
                        vmc_json_hist(balloon_log_guest_ns(section->log)));
    if (!is_simulated) {
        json_decref(stages);
        return json;
    }
    for (uint32_t i = 0; i < VMC_STAGE_COUNT; i++) {
        json_object_set_new(
            stages, vmc_balloon_stage_name(i),
            json_real(ms_of_ticks(section->simulated.stages.ticks[i])));
    }
    json_object_set_new(json, "simulated_ms",
                        json_real(ms_of_ticks(section->simulated.total_ticks)));
    json_object_set_new(json, "simulated_messages",
                        vmc_json_u64(section->simulated.messages));
    json_object_set_new(json, "simulated_pages",
                        vmc_json_u64(section->simulated.pages));
    json_object_set_new(json, "stages_ms", stages);
    return json;
}

static void print(const struct section *section, bool is_simulated, FILE *table)
{
    const struct balloon_log_counts *counts = balloon_log_counts(section->log);
    struct vmc_hist_summary host =
        vmc_hist_summarize(balloon_log_host_ns(section->log));
    struct vmc_hist_summary guest =
        vmc_hist_summarize(balloon_log_guest_ns(section->log));

    (void)fprintf(table,
                  "balloon      %" PRIu64 " pages inflated, %" PRIu64
                  " deflated, %" PRIu64 " messages\n",
                  counts->inflated_pfns, counts->deflated_pfns,
                  counts->messages);
    (void)fprintf(table,
                  "             %" PRIu64 " told twice, %" PRIu64
                  " never told, %" PRIu64 " outside RAM, %" PRIu64
                  " back that were not gone\n",
                  counts->duplicate_pfns, counts->never_told,
                  counts->outside_ram, counts->unknown_pfns);
    (void)fprintf(table,
                  "             a message: host %" PRIu64 " us, guest %" PRIu64
                  " us (mean); in all %.3f ms\n",
                  host.mean / 1000, guest.mean / 1000,
                  (double)counts->recorded_ns / 1e6);
    if (is_simulated) {
        (void)fprintf(table,
                      "             simulated: %.3f ms, %" PRIu64 " messages\n",
                      ms_of_ticks(section->simulated.total_ticks),
                      section->simulated.messages);
    }
}

/* Rows of the picture: size, and what the messages since the last row took. */
static void write_rows(const struct section *section)
{
    uint64_t count, step;
    const struct balloon_log_message *messages =
        balloon_log_messages(section->log, &count);
    struct vmc_outfile *rows;

    if (section->context->report_path == NULL ||
        report_open_rows(&rows, section->context->report_path, "balloon.tsv",
                         NULL) != VMC_OK) {
        return;
    }
    (void)fputs("time_ns\tpages\thost_ns\tguest_ns\n",
                vmc_outfile_stream(rows));
    step = vmc_div_up(count, ROWS_MAX);
    for (uint64_t i = 0; i < count; i += step) {
        uint64_t host_ns = 0, guest_ns = 0, last = i;

        do {
            host_ns += messages[last].host_ns;
            guest_ns += messages[last].guest_ns;
            last++;
        } while (last < count && last < i + step);
        (void)fprintf(vmc_outfile_stream(rows),
                      "%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\n",
                      messages[last - 1].time_ns, messages[last - 1].held,
                      host_ns / (last - i), guest_ns / (last - i));
    }
    (void)vmc_outfile_commit(rows, NULL);
}

static bool finish(void *state, json_t **json, FILE *table)
{
    struct section *section = state;
    const struct balloon_log_counts *counts = balloon_log_counts(section->log);
    struct vmc_error error = {""};
    bool is_simulated = false;

    balloon_log_end(section->log);
    if (counts->messages == 0 && counts->reports == 0) {
        return true;
    }
    if ((counts->ram_bytes != 0 || counts->guessed_bytes != 0) &&
        balloon_log_status(section->log) == VMC_OK) {
        is_simulated = simulate(section, &error) == VMC_OK;
    }
    *json = describe(section, is_simulated);
    print(section, is_simulated, table);
    if (error.text[0] != '\0') {
        (void)fprintf(table, "             not simulated: %s\n", error.text);
    }
    write_rows(section);
    if (section->context->timeline != NULL) {
        balloon_timeline_write(section->context->timeline, section->log);
    }
    return balloon_log_status(section->log) == VMC_OK &&
           counts->duplicate_pfns == 0 && counts->never_told == 0 &&
           counts->outside_ram == 0 && counts->unknown_pfns == 0;
}

static uint64_t fingerprint(const void *state)
{
    return ((const struct section *)state)->simulated.fingerprint;
}

static void release(void *state)
{
    struct section *section = state;

    if (section != NULL) {
        balloon_log_free(section->log);
        free(section);
    }
}

const struct replay_section replay_balloon = {
    .name = "balloon",
    .start = start,
    .record = record,
    .archive = archive,
    .finish = finish,
    .fingerprint = fingerprint,
    .free = release,
};
