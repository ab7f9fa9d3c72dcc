/* SPDX-License-Identifier: MIT */
/* The RCU section of a replay: the log is checked (rcu_log.c), and beside it
 * the timed engine runs the same workload. It is given when each callback was
 * queued and when each CPU went idle or came back, nothing about grace periods,
 * and its grace periods and latencies stand beside the recorded ones. */
#include <stdlib.h>
#include <string.h>

#include "event/clock.h"
#include "event/event.h"
#include "sim/assumed.h"
#include "sim/replay/rcu_log.h"
#include "sim/replay/rcu_timeline.h"
#include "sim/report/report.h"
#include "sim/replay/replay.h"
#include "sim/replay/replay_rcu.h"
#include "stats/json.h"
#include "vcpu/grace.h"

enum {
    PREDICTED_CPUS = 255,
    HZ_DEFAULT = 250,
    HZ_MAX = 10000,
    CALLBACKS_MAX = 4096,
    DRAIN_S = 1, /* the prediction may finish what was queued at the end */
};

struct rcu_section {
    const struct vmc_reader *reader;
    const char *report_path; /* or NULL */
    struct rcu_log *log;
    struct rcu_timeline *tracks; /* NULL: nobody asked for any */
    struct vmc_engine *events;
    struct vmc_grace *grace;
    bool is_online[PREDICTED_CPUS];
    bool has_any;
    uint32_t hz;
    enum vmc_status status; /* the first failure while records passed */
    struct vmc_hist grace_ns, latency_ns;
};

static void show_predicted_pending(struct rcu_section *section)
{
    const struct vmc_grace_counts *counts = vmc_grace_counts(section->grace);

    if (VMC_WATCHED(section->tracks != NULL)) {
        rcu_timeline_predicted_pending(section->tracks,
                                       vmc_engine_now_tick(section->events),
                                       counts->queued - counts->invoked);
    }
}

static void predicted_callback(void *owner, uint32_t cpu, uint64_t cookie)
{
    struct rcu_section *section = owner;
    uint64_t now_ns = vmc_engine_now_tick(section->events) / VMC_TICKS_PER_NS;

    (void)cpu;
    vmc_hist_add(&section->latency_ns, now_ns - cookie);
    show_predicted_pending(section);
}

static void predicted_end(void *owner, uint64_t ticks)
{
    struct rcu_section *section = owner;

    vmc_hist_add(&section->grace_ns, ticks / VMC_TICKS_PER_NS);
    if (VMC_WATCHED(section->tracks != NULL)) {
        rcu_timeline_predicted(section->tracks,
                               vmc_engine_now_tick(section->events), ticks);
    }
}

static void ignore_wait(void *owner, uint64_t cookie)
{
    (void)owner;
    (void)cookie;
}

static void ignore_stall(void *owner, bool is_srcu, uint64_t age_ticks)
{
    (void)owner;
    (void)is_srcu;
    (void)age_ticks;
}

static const struct vmc_grace_ops grace_ops = {
    .callback = predicted_callback,
    .synchronized = ignore_wait,
    .ended = predicted_end,
    .stalled = ignore_stall,
};

/* The tick rate: the key hz of the metadata, or "HZ=" in its source line. */
static uint32_t hz_of(const struct vmc_reader *reader)
{
    const char *text = vmc_reader_meta(reader, "hz");
    const char *source = vmc_reader_meta(reader, "source");
    unsigned long hz;

    if (text == NULL && source != NULL) {
        source = strstr(source, "HZ=");
        text = source != NULL ? source + strlen("HZ=") : NULL;
    }
    hz = text != NULL ? strtoul(text, NULL, 10) : 0;
    return hz >= 1 && hz <= HZ_MAX ? (uint32_t)hz : HZ_DEFAULT;
}

/* The section "rcu" of a timing profile, where it has one. */
struct rcu_timing {
    uint64_t wake, finish, leaf, invoke, batch_max, ipi_min, ipi_max;
    uint64_t srcu_poll, user_preempt, kernel_preempt, noise;
};

#define TIMING(name, is_time)                                                  \
    {                                                                          \
#name, offsetof(struct rcu_timing, name), is_time                      \
    }

static const struct vmc_profile_key timing_keys[] = {
    TIMING(wake, true),          TIMING(finish, true),
    TIMING(leaf, true),          TIMING(invoke, true),
    TIMING(batch_max, true),     TIMING(ipi_min, true),
    TIMING(ipi_max, true),       TIMING(srcu_poll, true),
    TIMING(user_preempt, false), TIMING(kernel_preempt, false),
    TIMING(noise, false),
};

static enum vmc_status read_timing(struct vmc_grace_config *config,
                                   const struct vmc_profile *profile,
                                   json_t *notes, struct vmc_error *error)
{
    struct rcu_timing timing;
    enum vmc_status status;

    if (profile == NULL || !vmc_profile_has(profile, "rcu")) {
        return VMC_OK;
    }
    status = vmc_profile_read(profile, "rcu", timing_keys,
                              VMC_COUNT_OF(timing_keys), &timing, error);
    if (status != VMC_OK) {
        return status;
    }
    if (timing.user_preempt > 1000 || timing.kernel_preempt > 1000 ||
        timing.noise > 1000 || timing.invoke == 0 ||
        timing.ipi_max < timing.ipi_min) {
        return vmc_fail(error, VMC_E_RANGE,
                        "%s: a number of [rcu] is outside its limits",
                        vmc_profile_name(profile));
    }
    assumed_note(notes, replay_rcu.name, profile, assumed_rcu);
    config->wake_ticks = timing.wake;
    config->finish_ticks = timing.finish;
    config->init_ticks = timing.leaf;
    config->invoke_ticks = timing.invoke;
    config->batch_ticks_max = timing.batch_max;
    config->ipi_min_ticks = timing.ipi_min;
    config->ipi_max_ticks = timing.ipi_max;
    config->srcu_poll_ticks = timing.srcu_poll;
    config->user_preempt_per_mille = (uint32_t)timing.user_preempt;
    config->kernel_preempt_per_mille = (uint32_t)timing.kernel_preempt;
    config->noise_per_mille = (uint32_t)timing.noise;
    return VMC_OK;
}

static void rcu_free(void *state)
{
    struct rcu_section *section = state;

    if (section != NULL) {
        vmc_grace_free(section->grace);
        vmc_engine_free(section->events);
        rcu_timeline_free(section->tracks);
        rcu_log_free(section->log);
        free(section);
    }
}

static enum vmc_status rcu_start(void **state,
                                 const struct replay_context *context,
                                 struct vmc_error *error)
{
    struct vmc_engine_config events = {.events_max = 65536, .handlers_max = 4};
    struct rcu_section *section = calloc(1, sizeof(*section));
    struct vmc_grace_config config;
    enum vmc_status status;

    *state = NULL;
    if (section == NULL) {
        return vmc_fail(error, VMC_E_NOMEM, "out of memory");
    }
    section->reader = context->reader;
    section->report_path = context->report_path;
    section->hz = hz_of(context->reader);
    config = vmc_grace_defaults(section->hz, PREDICTED_CPUS);
    config.callbacks_max = CALLBACKS_MAX;
    status = read_timing(&config, context->profile, context->assumed, error);
    if (status != VMC_OK) {
        rcu_free(section);
        return status;
    }
    status = rcu_log_new(&section->log);
    if (status == VMC_OK) {
        status = vmc_engine_new(&section->events, &events);
    }
    if (status == VMC_OK) {
        status = vmc_grace_new(&section->grace, section->events, &config,
                               &grace_ops, section);
    }
    if (status == VMC_OK && context->timeline != NULL) {
        status = rcu_timeline_new(&section->tracks, context->timeline,
                                  context->reader);
    }
    if (status != VMC_OK) {
        rcu_free(section);
        return vmc_fail(error, status, "the RCU section cannot start");
    }
    for (uint32_t cpu = 0; cpu < PREDICTED_CPUS; cpu++) {
        vmc_grace_set_mode(section->grace, cpu, VMC_CPU_OFFLINE);
    }
    *state = section;
    return VMC_OK;
}

/* What the record says to the prediction. */
static void predict(struct rcu_section *section,
                    const struct vmc_record *record)
{
    uint64_t tick = record->time_ns * VMC_TICKS_PER_NS;

    if (record->cpu >= PREDICTED_CPUS ||
        record->time_ns > VMC_TICK_MAX / 2 / VMC_TICKS_PER_NS) {
        return;
    }
    if (tick > vmc_engine_now_tick(section->events)) {
        vmc_engine_run(section->events, tick);
    }
    if (!section->is_online[record->cpu]) {
        section->is_online[record->cpu] = true;
        vmc_grace_set_mode(section->grace, record->cpu, VMC_CPU_KERNEL);
    }
    switch (record->kind) {
    case VMC_REC_RCU_GRACE_PERIOD:
        vmc_grace_set_preemptible(
            section->grace,
            strcmp(vmc_reader_text(section->reader, record->args[0]),
                   "rcu_sched") != 0);
        break;
    case VMC_REC_RCU_WATCHING: /* RCU watches while the nesting is not 0 */
        if (record->args[2] == 0) {
            vmc_grace_set_mode(section->grace, record->cpu, VMC_CPU_IDLE);
        } else if (record->args[1] == 0) {
            vmc_grace_set_mode(section->grace, record->cpu, VMC_CPU_KERNEL);
        }
        break;
    case VMC_REC_RCU_UTILIZATION:
        vmc_grace_switch(section->grace, record->cpu);
        break;
    case VMC_REC_RCU_CALLBACK:
        (void)vmc_grace_call(section->grace, record->cpu, record->time_ns);
        show_predicted_pending(section);
        break;
    default:
        break;
    }
}

/* A CPU is gone once the step that stops it runs; it comes back by logging. */
static void predict_hotplug(struct rcu_section *section,
                            const struct vmc_record *record, const char *text)
{
    uint64_t cpu = record->args[0];

    if (record->kind == VMC_REC_CPUHP_ENTER && cpu < PREDICTED_CPUS &&
        (strcmp(text, "takedown_cpu") == 0 ||
         strcmp(text, "rcutree_dead_cpu") == 0)) {
        section->is_online[cpu] = false;
        vmc_grace_set_mode(section->grace, (uint32_t)cpu, VMC_CPU_OFFLINE);
    }
}

static bool is_switch(const struct rcu_section *section,
                      const struct vmc_record *record)
{
    return record->kind != VMC_REC_RCU_UTILIZATION ||
           strcmp(vmc_reader_text(section->reader, record->args[0]),
                  "End context switch") == 0;
}

static void rcu_record(void *state, const struct vmc_record *record)
{
    struct rcu_section *section = state;
    enum vmc_status status;
    const char *text;
    int arg;

    if (record->kind < VMC_REC_IRQ_HANDLER_ENTRY) {
        return; /* of a host, not of a kernel that traces itself */
    }
    arg = rcu_log_text_arg(record->kind);
    text = arg >= 0 ? vmc_reader_text(section->reader, record->args[arg]) : "";
    status = rcu_log_take(section->log, record, text);
    if (section->status == VMC_OK) {
        section->status = status;
    }
    predict_hotplug(section, record, text);
    if (record->kind >= VMC_REC_RCU_UTILIZATION &&
        record->kind <= VMC_REC_RCU_STALL) {
        section->has_any = true;
        if (is_switch(section, record)) {
            predict(section, record);
        }
    }
    if (VMC_WATCHED(section->tracks != NULL) && section->has_any) {
        rcu_timeline_record(section->tracks, record, section->log);
    }
}

static json_t *to_json(const struct rcu_section *section)
{
    const struct rcu_counts *counts = rcu_log_counts(section->log);
    json_t *first = json_null();

    if (counts->first_line != 0) {
        first =
            json_pack("{s:o, s:s}", "line", vmc_json_u64(counts->first_line),
                      "what", counts->first_text);
    }
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o,"
        " s:o, s:{s:o, s:o, s:o, s:o}, s:o, s:{s:i, s:o, s:o, s:o}}",
        "grace_periods", vmc_json_u64(counts->ended),                   //
        "grace_periods_started", vmc_json_u64(counts->started),         //
        "grace_period_ns", vmc_json_hist(&counts->grace_ns),            //
        "callbacks_queued", vmc_json_u64(counts->queued),               //
        "callbacks_invoked", vmc_json_u64(counts->invoked),             //
        "callbacks_unmatched", vmc_json_u64(counts->unmatched),         //
        "callbacks_outstanding_max", vmc_json_u64(counts->pending_max), //
        "callback_latency_ns", vmc_json_hist(&counts->latency_ns),      //
        "quiescent_reports", vmc_json_u64(counts->reports),             //
        "idle_cpus_found", vmc_json_u64(counts->on_behalf),             //
        "batches", vmc_json_u64(counts->batches),                       //
        "synchronize_ns", vmc_json_hist(&counts->sync_ns),              //
        "violations", vmc_json_u64(rcu_log_violations(section->log)),   //
        "violations_by_kind",                                           //
        "callback_early", vmc_json_u64(counts->early),                  //
        "callback_order", vmc_json_u64(counts->disordered),             //
        "cpu_unreported", vmc_json_u64(counts->unreported),             //
        "synchronize_early", vmc_json_u64(counts->early_sync),          //
        "first_violation", first, "predicted",                          //
        "hz", (int)section->hz,                                         //
        "grace_periods", vmc_json_u64(section->grace_ns.count),         //
        "grace_period_ns", vmc_json_hist(&section->grace_ns),           //
        "callback_latency_ns", vmc_json_hist(&section->latency_ns));
}

static void print_row(FILE *table, const char *what,
                      const struct vmc_hist *hist)
{
    struct vmc_hist_summary sum = vmc_hist_summarize(hist);

    (void)fprintf(table, "  %-28s %8llu %9.3f %9.3f %9.3f %9.3f\n", what,
                  (unsigned long long)sum.count, (double)sum.mean / 1e6,
                  (double)sum.p50 / 1e6, (double)sum.p99 / 1e6,
                  (double)sum.max / 1e6);
}

static void print_table(const struct rcu_section *section, FILE *table)
{
    const struct rcu_counts *counts = rcu_log_counts(section->log);

    (void)fprintf(table,
                  "RCU: %llu grace periods, %llu callbacks queued, %llu "
                  "invoked, %llu violations\n",
                  (unsigned long long)counts->ended,
                  (unsigned long long)counts->queued,
                  (unsigned long long)counts->invoked,
                  (unsigned long long)rcu_log_violations(section->log));
    if (counts->first_line != 0) {
        (void)fprintf(table, "  line %llu: %s\n",
                      (unsigned long long)counts->first_line,
                      counts->first_text);
    }
    (void)fprintf(table, "  %-28s %8s %9s %9s %9s %9s\n", "ms", "count", "mean",
                  "p50", "p99", "max");
    print_row(table, "grace period, recorded", &counts->grace_ns);
    print_row(table, "grace period, predicted", &section->grace_ns);
    print_row(table, "callback, recorded", &counts->latency_ns);
    print_row(table, "callback, predicted", &section->latency_ns);
    if (counts->sync_ns.count != 0) {
        print_row(table, "synchronize, recorded", &counts->sync_ns);
    }
}

/* Curves for rcu.gp, in microseconds. */
static void write_rows(const struct rcu_section *section)
{
    const struct rcu_counts *counts = rcu_log_counts(section->log);
    const struct {
        const char *name;
        const struct vmc_hist *hist;
    } curves[] = {
        {"rcu.tsv", &counts->grace_ns},
        {"rcu-predicted.tsv", &section->grace_ns},
        {"rcu-callback.tsv", &counts->latency_ns},
        {"rcu-callback-predicted.tsv", &section->latency_ns},
    };

    for (size_t i = 0; i < VMC_COUNT_OF(curves); i++) {
        struct vmc_outfile *rows;

        if (report_open_rows(&rows, section->report_path, curves[i].name,
                             NULL) == VMC_OK) {
            vmc_hist_write_hgrm(curves[i].hist, 1000, vmc_outfile_stream(rows));
            (void)vmc_outfile_commit(rows, NULL);
        }
    }
}

static bool rcu_finish(void *state, json_t **json, FILE *table)
{
    struct rcu_section *section = state;

    *json = NULL;
    if (!section->has_any) {
        return true;
    }
    if (vmc_engine_now_tick(section->events) <
        VMC_TICK_MAX - DRAIN_S * VMC_TICKS_PER_S) {
        vmc_engine_run(section->events, vmc_engine_now_tick(section->events) +
                                            DRAIN_S * VMC_TICKS_PER_S);
    }
    if (VMC_WATCHED(section->tracks != NULL)) {
        rcu_timeline_finish(section->tracks, section->log);
    }
    *json = to_json(section);
    print_table(section, table);
    if (section->report_path != NULL) {
        write_rows(section);
    }
    return rcu_log_violations(section->log) == 0 && section->status == VMC_OK;
}

static void rcu_archive(void *state, struct vmc_archive *archive)
{
    struct rcu_section *section = state;

    VMC_ARCHIVE(archive, section->is_online);
    VMC_ARCHIVE(archive, section->has_any);
    VMC_ARCHIVE(archive, section->status);
    VMC_ARCHIVE(archive, section->grace_ns);
    VMC_ARCHIVE(archive, section->latency_ns);
    rcu_log_archive(section->log, archive);
    vmc_engine_archive(section->events, archive);
    vmc_grace_archive(section->grace, archive);
    if (VMC_WATCHED(section->tracks != NULL)) {
        rcu_timeline_archive(section->tracks, archive);
    }
}

static uint64_t rcu_fingerprint(const void *state)
{
    const struct rcu_section *section = state;

    return vmc_engine_fingerprint(section->events);
}

const struct replay_section replay_rcu = {
    .name = "rcu",
    .start = rcu_start,
    .record = rcu_record,
    .archive = rcu_archive,
    .finish = rcu_finish,
    .fingerprint = rcu_fingerprint,
    .free = rcu_free,
};
