/* SPDX-License-Identifier: MIT */
/* What the bus section of a replay says: JSON, a table, rows for a picture. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/replay/replay_bus_priv.h"
#include "sim/report/report.h"
#include "stats/json.h"

enum { TABLE_ROWS_MAX = 40 /* of ranges, most exits first */ };

static void set_u64(json_t *object, const char *key, uint64_t value)
{
    json_object_set_new(object, key, vmc_json_u64(value));
}

static json_t *range_json(const struct bus_section *section, uint32_t index)
{
    const struct bus_range *range = bus_ranges_at(section->ranges, index);
    const struct range_sums *sums = &section->sums[index];
    json_t *json = json_object();

    json_object_set_new(json, "name", json_string(range->name));
    json_object_set_new(json, "space",
                        json_string(bus_space_name(range->space)));
    json_object_set_new(json, "first", vmc_json_hex(range->first));
    json_object_set_new(json, "last", vmc_json_hex(range->last));
    json_object_set_new(json, "claim",
                        json_string(bus_claim_name(range->claim)));
    set_u64(json, "reads", sums->reads);
    set_u64(json, "writes", sums->writes);
    set_u64(json, "exits", sums->exits);
    set_u64(json, "kernel", sums->kernel);
    json_object_set_new(json, "recorded_exit_ns",
                        vmc_json_hist(&sums->recorded_ns));
    json_object_set_new(json, "recorded_exit_bound_ns",
                        vmc_json_hist(&sums->bound_ns));
    json_object_set_new(json, "simulated_exit_ns",
                        vmc_json_hist(&sums->simulated_ns));
    return json;
}

/* The ranges with accesses, most exits first, in @order. Returns how many. */
static uint32_t sort_ranges(const struct bus_section *section,
                            uint32_t order[BUS_RANGES_MAX])
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < bus_ranges_count(section->ranges); i++) {
        uint32_t at = count;

        if (section->sums[i].exits + section->sums[i].kernel == 0) {
            continue;
        }
        for (; at > 0 &&
               section->sums[order[at - 1]].exits < section->sums[i].exits;
             at--) {
            order[at] = order[at - 1];
        }
        order[at] = i;
        count++;
    }
    return count;
}

static json_t *mismatches_json(const struct bus_section *section)
{
    const struct bus_mismatch *at;
    json_t *list = json_array();

    for (uint32_t i = 0; (at = bus_view_mismatch(section->view, i)) != NULL;
         i++) {
        json_t *json = json_object();

        set_u64(json, "line", at->line);
        json_object_set_new(json, "addr", vmc_json_hex(at->addr));
        json_object_set_new(
            json, "range",
            json_string(bus_ranges_at(section->ranges, at->range)->name));
        json_object_set_new(json, "recorded",
                            json_string(at->did_exit ? "exit" : "kernel"));
        json_array_append_new(list, json);
    }
    return list;
}

static json_t *lines_json(const struct bus_log_counts *counts)
{
    json_t *json = json_object();

    set_u64(json, "mmio_unsatisfied_reads", counts->mmio_unsatisfied);
    set_u64(json, "fast_mmio", counts->fast_mmio);
    set_u64(json, "iocsr_reads", counts->iocsr_reads);
    set_u64(json, "iocsr_writes", counts->iocsr_writes);
    set_u64(json, "iocsr_unsatisfied_reads", counts->iocsr_unsatisfied);
    set_u64(json, "ioregionfd_commands", counts->ioregionfd_commands);
    set_u64(json, "ioregionfd_responses", counts->ioregionfd_responses);
    set_u64(json, "pio_elements", counts->pio_elements);
    set_u64(json, "entries", counts->entries);
    set_u64(json, "exits", counts->exits);
    set_u64(json, "userspace_exits_io", counts->exits_io);
    set_u64(json, "userspace_exits_mmio", counts->exits_mmio);
    set_u64(json, "userspace_exits_iocsr", counts->exits_iocsr);
    set_u64(json, "userspace_exits_restarted", counts->exits_restarted);
    set_u64(json, "userspace_exits_other", counts->exits_other);
    set_u64(json, "userspace_exits_unexplained", counts->exits_loose);
    set_u64(json, "interrupt_lines_set", counts->set_irqs);
    set_u64(json, "interrupts_acknowledged", counts->acked_irqs);
    set_u64(json, "message_interrupts", counts->msi_irqs);
    set_u64(json, "wakeups", counts->wakeups);
    set_u64(json, "split_reads", counts->split_reads);
    set_u64(json, "split_writes", counts->split_writes);
    set_u64(json, "guessed", counts->guesses);
    set_u64(json, "threads_beyond_limit", counts->threads_many);
    return json;
}

static json_t *interrupts_json(const struct irq_lines *irqs)
{
    json_t *json = json_object(), *list = json_array();

    for (uint32_t gsi = 0; gsi < IRQ_LINES_MAX; gsi++) {
        const struct irq_line *line = &irqs->lines[gsi];
        json_t *one;

        if (line->set + line->acked == 0) {
            continue;
        }
        one = json_object();
        set_u64(one, "gsi", gsi);
        set_u64(one, "set", line->set);
        set_u64(one, "raised", line->raised);
        set_u64(one, "merged", line->merged);
        set_u64(one, "acknowledged", line->acked);
        set_u64(one, "unasked", line->unasked);
        json_array_append_new(list, one);
    }
    json_object_set_new(json, "lines", list);
    json_object_set_new(json, "wait_ns", vmc_json_hist(&irqs->wait_ns));
    set_u64(json, "beyond_limit", irqs->beyond);
    return json;
}

static json_t *model_json(const struct bus_view_counts *counts)
{
    json_t *json = json_object();

    set_u64(json, "checked", counts->checked);
    set_u64(json, "learned", counts->learned);
    set_u64(json, "learned_kernel", counts->learned_kernel);
    set_u64(json, "changes", counts->changes);
    set_u64(json, "unlearned", counts->unlearned);
    set_u64(json, "ring_writes", counts->ring_writes);
    set_u64(json, "ring_full", counts->ring_full);
    set_u64(json, "ring_full_exact", counts->ring_exact);
    return json;
}

static json_t *to_json(const struct bus_section *section, const uint32_t *order,
                       uint32_t range_count)
{
    const struct bus_log_counts *counts = bus_log_counts(section->log);
    const struct bus_view_counts *seen = bus_view_counts(section->view);
    const struct bus_mismatch *first = bus_view_mismatch(section->view, 0);
    json_t *json = json_object(), *list = json_array();

    set_u64(json, "mmio_reads", counts->mmio_reads);
    set_u64(json, "mmio_writes", counts->mmio_writes);
    set_u64(json, "pio_reads", counts->pio_reads);
    set_u64(json, "pio_writes", counts->pio_writes);
    set_u64(json, "userspace_exits", counts->userspace_exits);
    json_object_set_new(json, "recorded_exit_ns",
                        vmc_json_hist(&section->recorded_ns));
    json_object_set_new(json, "recorded_exit_bound_ns",
                        vmc_json_hist(&section->bound_ns));
    json_object_set_new(json, "recorded_kernel_ns",
                        vmc_json_hist(&section->kernel_ns));
    json_object_set_new(json, "simulated_exit_ns",
                        vmc_json_hist(&section->simulated_ns));
    json_object_set_new(json, "simulated_kernel_ns",
                        vmc_json_hist(&section->simulated_kernel_ns));
    if (section->region_ns.count != 0) {
        json_object_set_new(json, "ioregionfd_response_ns",
                            vmc_json_hist(&section->region_ns));
    }
    set_u64(json, "mismatches", seen->mismatches);
    json_object_set_new(json, "first_mismatch",
                        first != NULL ? vmc_json_u64(first->line)
                                      : json_null());
    json_object_set_new(json, "mismatch_list", mismatches_json(section));
    json_object_set_new(json, "lines", lines_json(counts));
    json_object_set_new(json, "interrupt_lines",
                        interrupts_json(&section->irqs));
    json_object_set_new(json, "model", model_json(seen));
    for (uint32_t i = 0; i < range_count; i++) {
        json_array_append_new(list, range_json(section, order[i]));
    }
    json_object_set_new(json, "ranges", list);
    return json;
}

/* "12.3", or a dash for a histogram that holds nothing. */
static const char *us_text(char text[16], const struct vmc_hist *hist,
                           uint64_t ns)
{
    if (hist->count == 0) {
        return "-";
    }
    (void)snprintf(text, 16, "%.1f", (double)ns / 1e3);
    return text;
}

static void print_ranges(const struct bus_section *section,
                         const uint32_t *order, uint32_t count, FILE *table)
{
    uint64_t exits = 0;

    (void)fprintf(table, "  %-24s %-5s %7s %7s %7s %7s | %8s %8s | %8s | %8s\n",
                  "us", "", "reads", "writes", "exits", "kernel", "p50", "p99",
                  "at most", "model");
    for (uint32_t i = 0; i < count && i < TABLE_ROWS_MAX; i++) {
        const struct bus_range *range =
            bus_ranges_at(section->ranges, order[i]);
        const struct range_sums *sums = &section->sums[order[i]];
        struct vmc_hist_summary recorded =
            vmc_hist_summarize(&sums->recorded_ns);
        char p50[16], p99[16], bound[16], model[16];

        (void)fprintf(table,
                      "  %-24.24s %-5s %7" PRIu64 " %7" PRIu64 " %7" PRIu64
                      " %7" PRIu64 " | %8s %8s | %8s | %8s\n",
                      range->name, bus_space_name(range->space), sums->reads,
                      sums->writes, sums->exits, sums->kernel,
                      us_text(p50, &sums->recorded_ns, recorded.p50),
                      us_text(p99, &sums->recorded_ns, recorded.p99),
                      us_text(bound, &sums->bound_ns,
                              vmc_hist_quantile(&sums->bound_ns, 500000)),
                      us_text(model, &sums->simulated_ns,
                              vmc_hist_quantile(&sums->simulated_ns, 500000)));
    }
    for (uint32_t i = TABLE_ROWS_MAX; i < count; i++) {
        exits += section->sums[order[i]].exits;
    }
    if (count > TABLE_ROWS_MAX) {
        (void)fprintf(table,
                      "  %" PRIu32 " more ranges with %" PRIu64 " exits\n",
                      count - TABLE_ROWS_MAX, exits);
    }
}

static void print_check(const struct bus_section *section, FILE *table)
{
    const struct bus_view_counts *seen = bus_view_counts(section->view);
    const struct bus_mismatch *first = bus_view_mismatch(section->view, 0);

    (void)fprintf(table,
                  "  model        %" PRIu64 " accesses checked, %" PRIu64
                  " differ; ring took %" PRIu64 " writes, was full %" PRIu64
                  " times (%" PRIu64 " to the write); %" PRIu64
                  " addresses learned, %" PRIu64 " changed sides\n",
                  seen->checked, seen->mismatches, seen->ring_writes,
                  seen->ring_full, seen->ring_exact, seen->learned,
                  seen->changes);
    if (first != NULL) {
        (void)fprintf(
            table, "  line %" PRIu64 ": 0x%" PRIx64 " of %s: the log has %s\n",
            first->line, first->addr,
            bus_ranges_at(section->ranges, first->range)->name,
            first->did_exit ? "an exit, the model none"
                            : "no exit, the model one");
    }
}

static void print_interrupts(const struct irq_lines *irqs, FILE *table)
{
    struct vmc_hist_summary wait = vmc_hist_summarize(&irqs->wait_ns);
    uint64_t set = 0, raised = 0, merged = 0, acked = 0;

    for (uint32_t gsi = 0; gsi < IRQ_LINES_MAX; gsi++) {
        set += irqs->lines[gsi].set;
        raised += irqs->lines[gsi].raised;
        merged += irqs->lines[gsi].merged;
        acked += irqs->lines[gsi].acked;
    }
    if (set + acked == 0) {
        return;
    }
    (void)fprintf(table,
                  "  interrupts   lines set %" PRIu64 " times, raised %" PRIu64
                  ", %" PRIu64 " of them merged; %" PRIu64
                  " acknowledged, after p50 %.1f us, p99 %.1f us\n",
                  set, raised, merged, acked, (double)wait.p50 / 1e3,
                  (double)wait.p99 / 1e3);
}

static void print_table(const struct bus_section *section,
                        const uint32_t *order, uint32_t count, FILE *table)
{
    const struct bus_log_counts *counts = bus_log_counts(section->log);
    struct vmc_hist_summary recorded =
        vmc_hist_summarize(&section->recorded_ns);

    (void)fprintf(table,
                  "bus: mmio %" PRIu64 " reads, %" PRIu64
                  " writes; pio %" PRIu64 " reads, %" PRIu64 " writes; %" PRIu64
                  " exits to user space\n",
                  counts->mmio_reads, counts->mmio_writes, counts->pio_reads,
                  counts->pio_writes, counts->userspace_exits);
    (void)fprintf(table,
                  "  exit to resumption: %" PRIu64
                  " known, p50 %.1f us, p99 %.1f us; of %" PRIu64
                  " only that it was before the next event\n",
                  recorded.count, (double)recorded.p50 / 1e3,
                  (double)recorded.p99 / 1e3, section->bound_ns.count);
    print_check(section, table);
    print_interrupts(&section->irqs, table);
    print_ranges(section, order, count, table);
}

static void write_report(const struct bus_section *section,
                         const uint32_t *order, uint32_t count)
{
    struct vmc_outfile *out;
    struct vmc_error error = {""};
    FILE *rows;

    if (report_open_rows(&out, section->context->report_path, "bus.tsv",
                         &error) != VMC_OK) {
        (void)fprintf(stderr, "vmcycle: %s\n", error.text);
        return;
    }
    rows = vmc_outfile_stream(out);
    (void)fputs("range\tspace\treads\twrites\texits\tkernel\trecorded\tmin_ns\t"
                "p50_ns\tp99_ns\tmax_ns\tbound\tbound_p50_ns\tmodel_p50_ns\n",
                rows);
    for (uint32_t i = 0; i < count; i++) {
        const struct range_sums *sums = &section->sums[order[i]];
        const struct bus_range *range =
            bus_ranges_at(section->ranges, order[i]);
        struct vmc_hist_summary sum = vmc_hist_summarize(&sums->recorded_ns);

        (void)fprintf(rows,
                      "%s\t%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64
                      "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64
                      "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\n",
                      range->name, bus_space_name(range->space), sums->reads,
                      sums->writes, sums->exits, sums->kernel, sum.count,
                      sum.min, sum.p50, sum.p99, sum.max, sums->bound_ns.count,
                      vmc_hist_quantile(&sums->bound_ns, 500000),
                      vmc_hist_quantile(&sums->simulated_ns, 500000));
    }
    if (vmc_outfile_commit(out, &error) != VMC_OK) {
        (void)fprintf(stderr, "vmcycle: %s\n", error.text);
    }
}

json_t *bus_report(const struct bus_section *section, FILE *table)
{
    uint32_t order[BUS_RANGES_MAX];
    uint32_t count = sort_ranges(section, order);

    print_table(section, order, count, table);
    if (section->context->report_path != NULL) {
        write_report(section, order, count);
    }
    return to_json(section, order, count);
}
