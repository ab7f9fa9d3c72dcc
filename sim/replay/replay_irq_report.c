/* SPDX-License-Identifier: MIT */
/* What came of a replay of interrupts: rows for pictures, JSON, a table. */
#include <inttypes.h>

#include "event/clock.h"
#include "sim/replay/replay_irq_priv.h"
#include "sim/report/report.h"
#include "stats/json.h"

static void write_hist_rows(const struct replay_irq *self, const char *name,
                            const struct vmc_hist *hist)
{
    struct vmc_outfile *rows;

    if (report_open_rows(&rows, self->context.report_path, name, NULL) ==
        VMC_OK) {
        vmc_hist_write_hgrm(hist, 1000, vmc_outfile_stream(rows));
        (void)vmc_outfile_commit(rows, NULL);
    }
}

/* Columns of the map are the vectors that any vCPU took, in order. */
static void number_columns(const struct replay_irq *self,
                           uint32_t columns[LOG_VECTORS])
{
    uint32_t count = 0;

    for (uint32_t vector = 0; vector < LOG_VECTORS; vector++) {
        bool is_taken = false;

        for (uint32_t vcpu = 0; vcpu < self->vcpu_count; vcpu++) {
            is_taken |= self->log.map[vcpu][vector] > 0;
        }
        columns[vector] = count;
        count += is_taken;
    }
}

static void write_map_rows(const struct replay_irq *self)
{
    uint32_t columns[LOG_VECTORS];
    struct vmc_outfile *rows;

    if (report_open_rows(&rows, self->context.report_path, "map.tsv", NULL) !=
        VMC_OK) {
        return;
    }
    number_columns(self, columns);
    (void)fputs("vector\tvcpu\tinterrupts\tcolumn\n", vmc_outfile_stream(rows));
    for (uint32_t vcpu = 0; vcpu < self->vcpu_count; vcpu++) {
        for (uint32_t vector = 0; vector < LOG_VECTORS; vector++) {
            if (self->log.map[vcpu][vector] > 0) {
                (void)fprintf(
                    vmc_outfile_stream(rows),
                    "%" PRIu32 "\t%" PRIu32 "\t%" PRIu32 "\t%" PRIu32 "\n",
                    vector, vcpu, self->log.map[vcpu][vector], columns[vector]);
            }
        }
    }
    (void)vmc_outfile_commit(rows, NULL);
}

/* Mean ns of a stage over all interrupts that were seen. */
static uint64_t stage_mean_ns(const struct irqsim_counts *counts,
                              enum irqsim_stage stage)
{
    uint64_t count = stage == IRQSIM_CLEAR ? counts->cleared : counts->seen;

    return count > 0 ? counts->stage_ticks[stage] / VMC_TICKS_PER_NS / count
                     : 0;
}

static void write_stage_rows(const struct replay_irq *self)
{
    struct vmc_outfile *rows;
    uint64_t from_ns = 0;

    if (report_open_rows(&rows, self->context.report_path, "stages.tsv",
                         NULL) != VMC_OK) {
        return;
    }
    (void)fputs("stage\tmean_ns\tfrom_ns\n", vmc_outfile_stream(rows));
    for (uint32_t i = 0; i < IRQSIM_STAGE_COUNT; i++) {
        uint64_t mean_ns =
            stage_mean_ns(&self->sim.state.counts, (enum irqsim_stage)i);

        (void)fprintf(
            vmc_outfile_stream(rows), "%s\t%" PRIu64 "\t%" PRIu64 "\n",
            irqsim_stage_name((enum irqsim_stage)i), mean_ns, from_ns);
        from_ns += mean_ns;
    }
    (void)vmc_outfile_commit(rows, NULL);
}

static void write_finding_rows(const struct replay_irq *self)
{
    struct vmc_outfile *rows;

    if (self->log.finding_count == 0 ||
        report_open_rows(&rows, self->context.report_path, "findings.tsv",
                         NULL) != VMC_OK) {
        return;
    }
    (void)fputs("what\tline\tvcpu\tvector\n", vmc_outfile_stream(rows));
    for (uint32_t i = 0; i < self->log.finding_count; i++) {
        const struct log_finding *finding = &self->log.findings[i];

        (void)fprintf(vmc_outfile_stream(rows), "%s\t%" PRIu64 "\t%u\t",
                      log_finding_name(finding->kind), finding->line,
                      finding->vcpu);
        if (finding->vector < LOG_VECTORS) {
            (void)fprintf(vmc_outfile_stream(rows), "%u\n", finding->vector);
        } else {
            (void)fputs("-\n", vmc_outfile_stream(rows));
        }
    }
    (void)vmc_outfile_commit(rows, NULL);
}

void replay_irq_write_rows(struct replay_irq *self)
{
    if (self->context.report_path == NULL) {
        return;
    }
    write_hist_rows(self, "recorded.hgrm", &self->log.seen_ns);
    write_hist_rows(self, "simulated.hgrm", &self->sim.state.seen_ns);
    write_map_rows(self);
    write_stage_rows(self);
    write_finding_rows(self);
    (void)vmc_outfile_commit(self->timeline, NULL);
    (void)vmc_outfile_commit(self->timeline_ipi, NULL);
    self->timeline = self->timeline_ipi = NULL;
}

static json_t *describe_findings(const struct interrupt_log *log)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < log->finding_count; i++) {
        const struct log_finding *finding = &log->findings[i];
        json_t *object = json_object();

        json_object_set_new(object, "what",
                            json_string(log_finding_name(finding->kind)));
        json_object_set_new(object, "line", vmc_json_u64(finding->line));
        json_object_set_new(object, "vcpu", json_integer(finding->vcpu));
        json_object_set_new(object, "vector",
                            finding->vector < LOG_VECTORS
                                ? json_integer(finding->vector)
                                : json_null());
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *describe_vcpus(const struct replay_irq *self)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < self->vcpu_count; i++) {
        json_t *object = json_object();

        json_object_set_new(object, "vcpu", json_integer(i));
        json_object_set_new(object, "delivered",
                            vmc_json_u64(self->log.vcpus[i].delivered));
        json_object_set_new(object, "spurious",
                            vmc_json_u64(self->log.vcpus[i].spurious));
        json_object_set_new(object, "ipis",
                            vmc_json_u64(self->log.vcpus[i].ipis));
        json_object_set_new(object, "status_reads",
                            vmc_json_u64(self->log.vcpus[i].reads));
        json_object_set_new(object, "simulated_entries",
                            vmc_json_u64(self->sim.state.vcpus[i].entries));
        json_object_set_new(object, "simulated_accesses",
                            vmc_json_u64(self->sim.state.vcpus[i].accesses));
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *describe_mismatch(const struct replay_irq *self)
{
    json_t *object;

    if (self->counts.mismatches == 0) {
        return json_null();
    }
    object = json_object();
    json_object_set_new(object, "line", vmc_json_u64(self->counts.first_line));
    json_object_set_new(object, "recorded",
                        vmc_json_hex(self->counts.first_recorded));
    json_object_set_new(object, "model",
                        vmc_json_hex(self->counts.first_found));
    return object;
}

json_t *replay_irq_describe(const struct replay_irq *self)
{
    const struct irqsim_state *sim = &self->sim.state;
    const struct {
        const char *key;
        uint64_t value;
    } rows[] = {
        {"raised", self->log.counts.raised},
        {"delivered", self->log.counts.delivered},
        {"spurious", self->log.counts.spurious},
        {"coalesced", self->log.counts.coalesced},
        {"unfinished", self->log.counts.unfinished},
        {"masked", self->log.counts.masked},
        {"withdrawn", self->log.counts.withdrawn},
        {"redelivered", self->log.counts.redelivered},
        {"lost", self->log.counts.lost},
        {"ipi_sent", self->log.counts.ipi_sent},
        {"ipi_coalesced", self->log.counts.ipi_coalesced},
        {"iocsr_accesses", self->counts.iocsr_accesses},
        {"foreign_accesses", self->counts.foreign_accesses},
        {"ipi_reads", self->counts.ipi_reads},
        {"ipi_mismatches", self->counts.ipi_mismatches},
        {"pch_pic_reads", self->counts.pic_reads},
        {"pch_pic_mismatches", self->counts.pic_mismatches},
        {"inputs_predicted", self->counts.inputs_predicted},
        {"inputs_unexplained", self->counts.inputs_unexplained},
        {"inputs_missing", self->counts.inputs_missing},
        {"simulated_seen", sim->counts.seen},
        {"simulated_coalesced", sim->counts.coalesced},
        {"simulated_spurious", sim->counts.spurious},
        {"simulated_accesses", sim->counts.accesses},
    };
    json_t *json = json_object(), *stages = json_object();

    json_object_set_new(json, "register_reads",
                        vmc_json_u64(self->counts.register_reads));
    json_object_set_new(json, "mismatches",
                        vmc_json_u64(self->counts.mismatches));
    json_object_set_new(json, "first_mismatch", describe_mismatch(self));
    for (size_t i = 0; i < VMC_COUNT_OF(rows); i++) {
        json_object_set_new(json, rows[i].key, vmc_json_u64(rows[i].value));
    }
    json_object_set_new(json, "recorded_latency_ns",
                        vmc_json_hist(&self->log.seen_ns));
    json_object_set_new(json, "simulated_latency_ns",
                        vmc_json_hist(&sim->seen_ns));
    json_object_set_new(json, "recorded_clear_ns",
                        vmc_json_hist(&self->log.cleared_ns));
    json_object_set_new(json, "simulated_clear_ns",
                        vmc_json_hist(&sim->cleared_ns));
    json_object_set_new(json, "recorded_ipi_ns",
                        vmc_json_hist(&self->log.ipi_ns));
    json_object_set_new(json, "simulated_ipi_ns", vmc_json_hist(&sim->ipi_ns));
    for (uint32_t i = 0; i < IRQSIM_STAGE_COUNT; i++) {
        json_object_set_new(
            stages, irqsim_stage_name((enum irqsim_stage)i),
            vmc_json_u64(stage_mean_ns(&sim->counts, (enum irqsim_stage)i)));
    }
    json_object_set_new(json, "stages_ns", stages);
    json_object_set_new(json, "per_cpu", describe_vcpus(self));
    json_object_set_new(json, "findings", describe_findings(&self->log));
    return json;
}

static void print_hist(FILE *table, const char *name,
                       const struct vmc_hist *hist)
{
    struct vmc_hist_summary s = vmc_hist_summarize(hist);

    (void)fprintf(table,
                  "  %-20s %8" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64
                  " %10" PRIu64 " %10" PRIu64 "\n",
                  name, s.count, s.min, s.p50, s.p90, s.p99, s.max);
}

void replay_irq_print(const struct replay_irq *self, FILE *table)
{
    const struct interrupt_log *log = &self->log;

    (void)fprintf(table,
                  "interrupts   %" PRIu64 " register reads checked, %" PRIu64
                  " mismatches\n",
                  self->counts.register_reads, self->counts.mismatches);
    if (self->counts.mismatches > 0) {
        (void)fprintf(table,
                      "             first at line %" PRIu64
                      ": recorded %#" PRIx64 ", model %#" PRIx64 "\n",
                      self->counts.first_line, self->counts.first_recorded,
                      self->counts.first_found);
    }
    (void)fprintf(
        table,
        "             %" PRIu64 " raised, %" PRIu64 " delivered, %" PRIu64
        " coalesced, %" PRIu64 " withdrawn, %" PRIu64 " redelivered, %" PRIu64
        " lost, %" PRIu64 " unfinished\n"
        "             %" PRIu64 " spurious dispatches, %" PRIu64 " IPIs\n",
        log->counts.raised, log->counts.delivered, log->counts.coalesced,
        log->counts.withdrawn, log->counts.redelivered, log->counts.lost,
        log->counts.unfinished, log->counts.spurious, log->counts.ipi_sent);
    (void)fprintf(table, "  %-20s %8s %10s %10s %10s %10s %10s\n",
                  "latency, ns", "count", "min", "p50", "p90", "p99", "max");
    print_hist(table, "recorded, to read", &log->seen_ns);
    print_hist(table, "simulated, to read", &self->sim.state.seen_ns);
    print_hist(table, "recorded, to clear", &log->cleared_ns);
    print_hist(table, "simulated, to clear", &self->sim.state.cleared_ns);
    print_hist(table, "recorded IPI", &log->ipi_ns);
    print_hist(table, "simulated IPI", &self->sim.state.ipi_ns);
    (void)fprintf(table, "  %-20s", "stages, mean ns");
    for (uint32_t i = 0; i < IRQSIM_STAGE_COUNT; i++) {
        (void)fprintf(
            table, " %s %" PRIu64, irqsim_stage_name((enum irqsim_stage)i),
            stage_mean_ns(&self->sim.state.counts, (enum irqsim_stage)i));
    }
    (void)fputc('\n', table);
}
