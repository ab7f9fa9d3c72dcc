/* SPDX-License-Identifier: MIT */
/* The bus section of a replay: every access of a KVM guest, by address range.
 *
 *     record -> bus_log -> access -> bus_view   is it what the model expects?
 *                             |
 *                             +----> dispatch_sim   what does it take?
 *
 * The log puts lines together to accesses and knows which of them left to user
 * space and how long that took. The view compares with a model of the buses.
 * The simulation gives each access the price of the way that it took, with the
 * numbers of a timing profile, at the time at which the guest made it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "event/clock.h"
#include "event/event.h"
#include "ioregion/dispatch_sim.h"
#include "sim/bus_log.h"
#include "sim/bus_ranges.h"
#include "sim/bus_view.h"
#include "sim/dispatch_profile.h"
#include "sim/replay.h"
#include "sim/report.h"
#include "stats/json.h"

enum {
    TABLE_ROWS_MAX = 40, /* of ranges, most exits first */
    STRING_MAX = 4096,   /* elements that one line can sensibly stand for */
};

/* What happened in one range. */
struct range_sums {
    uint64_t reads, writes, exits, kernel;
    struct vmc_hist recorded_ns, bound_ns, simulated_ns;
};

/* The access that a simulated vCPU has under way. */
struct under_way {
    uint32_t range;
    bool is_exit;
};

struct bus_section {
    const struct replay_context *context;
    struct bus_log *log;
    struct bus_ranges *ranges;
    struct bus_view *view;
    struct vmc_engine *engine;
    struct vmc_dispatch_sim *sim;
    struct under_way under_way[VMC_DISPATCH_VCPUS_MAX];
    struct vmc_hist recorded_ns, bound_ns, kernel_ns, simulated_ns,
        simulated_kernel_ns, region_ns;
    struct range_sums sums[BUS_RANGES_MAX];
};

/* ---- Accesses ------------------------------------------------------------ */

static uint32_t range_of(struct bus_section *section,
                         const struct bus_access *access)
{
    return bus_ranges_find(section->ranges, access->space, access->addr);
}

static bool claims(void *owner, const struct bus_access *access)
{
    struct bus_section *section = owner;

    return bus_view_claims(section->view, access, range_of(section, access));
}

static void simulated(void *owner, uint32_t vcpu, uint64_t ticks)
{
    struct bus_section *section = owner;
    const struct under_way *access = &section->under_way[vcpu];
    uint64_t ns = (ticks + VMC_TICKS_PER_NS / 2) / VMC_TICKS_PER_NS;

    if (access->is_exit) {
        vmc_hist_add(&section->simulated_ns, ns);
        vmc_hist_add(&section->sums[access->range].simulated_ns, ns);
    } else {
        vmc_hist_add(&section->simulated_kernel_ns, ns);
    }
}

static enum vmc_dispatch mode_of(const struct bus_section *section,
                                 const struct bus_access *access,
                                 uint32_t range)
{
    if (access->exits > 0) {
        return VMC_DISPATCH_EXIT;
    }
    if (access->is_write) {
        switch (bus_ranges_at(section->ranges, range)->claim) {
        case BUS_CLAIM_EVENT:
            return VMC_DISPATCH_IOEVENTFD;
        case BUS_CLAIM_RING:
            return VMC_DISPATCH_COALESCED;
        default:
            break;
        }
    }
    return VMC_DISPATCH_KERNEL;
}

/* The guest makes it when it was recorded, or when its vCPU has ended the one
 * before. */
static void simulate(struct bus_section *section,
                     const struct bus_access *access, uint32_t range,
                     uint32_t probes)
{
    struct vmc_io_access io = {
        .space = access->is_fast             ? VMC_IO_MMIO_FAST
                 : access->space == BUS_MMIO ? VMC_IO_MMIO
                                             : VMC_IO_PIO,
        .is_write = access->is_write,
        .probes = probes,
        .elements = access->count < STRING_MAX ? access->count : STRING_MAX,
    };
    uint64_t tick = access->start_ns * VMC_TICKS_PER_NS;

    if (access->thread >= VMC_DISPATCH_VCPUS_MAX ||
        access->start_ns > VMC_TICK_MAX / 2 / VMC_TICKS_PER_NS) {
        return;
    }
    if (tick > vmc_engine_now_tick(section->engine)) {
        vmc_engine_run(section->engine, tick);
    }
    while (vmc_dispatch_is_busy(section->sim, access->thread)) {
        (void)vmc_engine_step(section->engine);
    }
    section->under_way[access->thread] =
        (struct under_way){.range = range, .is_exit = access->exits > 0};
    vmc_dispatch_submit(section->sim, access->thread,
                        mode_of(section, access, range), 0, &io);
}

static void measure(struct bus_section *section, struct range_sums *sums,
                    const struct bus_access *access)
{
    uint64_t ns = access->end_ns - access->start_ns;

    if (access->time == BUS_TIME_NONE || access->end_ns < access->start_ns) {
        return;
    }
    if (access->exits == 0) {
        if (access->time == BUS_TIME_EXACT) {
            vmc_hist_add(&section->kernel_ns, ns);
        }
    } else if (access->time == BUS_TIME_EXACT) {
        vmc_hist_add(&section->recorded_ns, ns);
        vmc_hist_add(&sums->recorded_ns, ns);
    } else {
        vmc_hist_add(&section->bound_ns, ns);
        vmc_hist_add(&sums->bound_ns, ns);
    }
}

static void take_access(void *owner, const struct bus_access *access)
{
    struct bus_section *section = owner;
    uint32_t range = range_of(section, access);
    struct range_sums *sums = &section->sums[range];
    uint32_t probes;

    sums->reads += !access->is_write;
    sums->writes += access->is_write;
    sums->exits += access->exits > 0;
    sums->kernel += access->exits == 0;
    measure(section, sums, access);
    (void)bus_view_check(section->view, access, range, &probes);
    simulate(section, access, range, probes);
}

static const struct bus_log_ops log_ops = {.claims = claims,
                                           .access = take_access};

/* ---- Start and end of the section ---------------------------------------- */

static void bus_free(void *state)
{
    struct bus_section *section = state;

    if (section != NULL) {
        vmc_dispatch_sim_free(section->sim);
        vmc_engine_free(section->engine);
        bus_view_free(section->view);
        bus_ranges_free(section->ranges);
        bus_log_free(section->log);
        free(section);
    }
}

static enum vmc_status add_ranges(struct bus_ranges *ranges,
                                  const struct replay_context *context,
                                  struct vmc_error *error)
{
    enum vmc_status status = VMC_OK;

    for (uint32_t i = 0; i < context->range_count && status == VMC_OK; i++) {
        status = bus_ranges_add(ranges, context->ranges[i], error);
    }
    if (status == VMC_OK && context->range_file != NULL) {
        status = bus_ranges_add_file(ranges, context->range_file, error);
    }
    return status;
}

static enum vmc_status read_costs(struct vmc_dispatch_costs *costs,
                                  const struct replay_context *context,
                                  struct vmc_error *error)
{
    if (context->profile != NULL &&
        vmc_profile_has(context->profile, "dispatch")) {
        return dispatch_profile_read(costs, context->profile, error);
    }
    return dispatch_profile_load(costs, DISPATCH_PROFILE_DEFAULT, error);
}

/* Entries of the coalesced ring: the rest of a page of the host after 8 bytes,
 * at 24 bytes each (virt/kvm/coalesced_mmio.c). Pages are those of the .meta,
 * else the profile has the number. */
static enum vmc_status read_ring(struct vmc_dispatch_costs *costs,
                                 const struct vmc_reader *reader,
                                 struct vmc_error *error)
{
    const char *text = vmc_reader_meta(reader, "host_page_size");
    uint64_t page_bytes;

    if (text == NULL) {
        return VMC_OK;
    }
    if (vmc_parse_size(&page_bytes, text) != VMC_OK || page_bytes < 4096 ||
        page_bytes > 65536 || (page_bytes & (page_bytes - 1)) != 0) {
        return vmc_fail(error, VMC_E_FORMAT,
                        "meta: host_page_size = %s, expected 4096 to 65536",
                        text);
    }
    costs->ring_entries = (page_bytes - 8) / 24;
    return VMC_OK;
}

static enum vmc_status make_parts(struct bus_section *section,
                                  struct vmc_error *error)
{
    struct vmc_engine_config events = {
        .events_max = VMC_DISPATCH_VCPUS_MAX + 64, .handlers_max = 4};
    struct vmc_dispatch_sim_config config = {
        .vcpu_count = VMC_DISPATCH_VCPUS_MAX,
        .channel_count = 1,
        /* The VMM of the recording may look at any exit; as it does, the ring
         * here is never full earlier than there. */
        .do_exits_drain = true,
    };
    enum vmc_status status = read_costs(&config.costs, section->context, error);

    if (status == VMC_OK) {
        status = read_ring(&config.costs, section->context->reader, error);
    }
    if (status != VMC_OK) {
        return status;
    }
    status = bus_ranges_new(&section->ranges);
    if (status == VMC_OK) {
        status = add_ranges(section->ranges, section->context, error);
        if (status != VMC_OK) {
            return status;
        }
        bus_ranges_begin(section->ranges);
        status = bus_log_new(&section->log, &log_ops, section);
    }
    if (status == VMC_OK) {
        status = bus_view_new(&section->view, section->ranges,
                              (uint32_t)config.costs.ring_entries);
    }
    if (status == VMC_OK) {
        status = vmc_engine_new(&section->engine, &events);
    }
    if (status == VMC_OK) {
        status = vmc_dispatch_sim_new(&section->sim, section->engine, &config,
                                      simulated, section);
    }
    return status == VMC_OK
               ? VMC_OK
               : vmc_fail(error, status, "the bus section cannot start");
}

static enum vmc_status bus_start(void **state,
                                 const struct replay_context *context,
                                 struct vmc_error *error)
{
    struct bus_section *section = calloc(1, sizeof(*section));
    enum vmc_status status;

    *state = NULL;
    if (section == NULL) {
        return vmc_fail(error, VMC_E_NOMEM, "out of memory");
    }
    section->context = context;
    status = make_parts(section, error);
    if (status != VMC_OK) {
        bus_free(section);
        return status;
    }
    *state = section;
    return VMC_OK;
}

static void bus_record(void *state, const struct vmc_record *record)
{
    struct bus_section *section = state;
    const char *reason =
        record->kind == VMC_REC_KVM_USERSPACE_EXIT
            ? vmc_reader_text(section->context->reader, record->args[1])
            : "";

    if (record->kind == VMC_REC_IOREGIONFD_RESP) {
        vmc_hist_add(&section->region_ns, record->args[2]);
    }
    bus_log_take(section->log, record, reason);
}

/* ---- What it says -------------------------------------------------------- */

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

static bool has_any(const struct bus_log_counts *counts)
{
    return counts->mmio_reads + counts->mmio_writes + counts->mmio_unsatisfied +
               counts->pio_reads + counts->pio_writes + counts->iocsr_reads +
               counts->iocsr_writes + counts->iocsr_unsatisfied +
               counts->fast_mmio + counts->userspace_exits !=
           0;
}

static bool bus_finish(void *state, json_t **json, FILE *table)
{
    struct bus_section *section = state;
    uint32_t order[BUS_RANGES_MAX], count;

    *json = NULL;
    bus_log_end(section->log);
    (void)vmc_engine_run_all(section->engine);
    if (!has_any(bus_log_counts(section->log))) {
        return true;
    }
    count = sort_ranges(section, order);
    *json = to_json(section, order, count);
    print_table(section, order, count, table);
    if (section->context->report_path != NULL) {
        write_report(section, order, count);
    }
    return !section->context->is_checking ||
           bus_view_counts(section->view)->mismatches == 0;
}

static uint64_t bus_fingerprint(const void *state)
{
    const struct bus_section *section = state;

    return vmc_engine_fingerprint(section->engine);
}

const struct replay_section replay_bus = {
    .name = "bus",
    .start = bus_start,
    .record = bus_record,
    .finish = bus_finish,
    .fingerprint = bus_fingerprint,
    .free = bus_free,
};
