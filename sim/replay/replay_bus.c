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
#include <stdlib.h>

#include "event/clock.h"
#include "sim/assumed.h"
#include "sim/replay/dispatch_profile.h"
#include "sim/replay/replay_bus_priv.h"

enum { STRING_MAX = 4096 /* elements that one line can sensibly be */ };

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

static bool leaves(void *owner, const struct bus_access *access)
{
    const struct bus_section *section = owner;

    return bus_view_leaves(section->view, access);
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
    if (VMC_WATCHED(section->tracks != NULL)) {
        bus_timeline_simulated(section->tracks, vcpu,
                               vmc_engine_now_tick(section->engine), ticks,
                               bus_ranges_at(section->ranges, access->range),
                               access->is_write, access->mode);
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
        (struct under_way){.range = range,
                           .mode = mode_of(section, access, range),
                           .is_exit = access->exits > 0,
                           .is_write = access->is_write};
    vmc_dispatch_submit(section->sim, access->thread,
                        section->under_way[access->thread].mode, 0, &io);
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
    if (VMC_WATCHED(section->tracks != NULL)) {
        bus_timeline_access(section->tracks, access,
                            bus_ranges_at(section->ranges, range),
                            mode_of(section, access, range));
    }
    simulate(section, access, range, probes);
}

static const struct bus_log_ops log_ops = {
    .claims = claims, .leaves = leaves, .access = take_access};

/* ---- Start and end of the section ---------------------------------------- */

static void bus_free(void *state)
{
    struct bus_section *section = state;

    if (section != NULL) {
        bus_timeline_free(section->tracks);
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
    const struct vmc_profile *profile = context->profile;
    struct vmc_profile *own = NULL;
    enum vmc_status status = VMC_OK;

    if (profile == NULL || !vmc_profile_has(profile, "dispatch")) {
        status = vmc_profile_load(&own, DISPATCH_PROFILE_DEFAULT, error);
        profile = own;
    }
    if (status == VMC_OK) {
        status = dispatch_profile_read(costs, profile, error);
    }
    if (status == VMC_OK) {
        assumed_note(context->assumed, replay_bus.name, profile,
                     assumed_dispatch);
    }
    vmc_profile_free(own);
    return status;
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
    section->costs = config.costs;
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
    if (status == VMC_OK && section->context->timeline != NULL) {
        status = bus_timeline_new(&section->tracks, section->context->timeline,
                                  section->context->reader, section->log);
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
    const struct vmc_reader *reader = section->context->reader;
    struct irq_ack ack;
    const char *reason;

    if (record->kind < VMC_REC_KVM_ENTRY) {
        return; /* what QEMU has logged */
    }
    reason = record->kind == VMC_REC_KVM_USERSPACE_EXIT
                 ? vmc_reader_text(reader, record->args[1])
                 : "";
    if (record->kind == VMC_REC_IOREGIONFD_RESP) {
        vmc_hist_add(&section->region_ns, record->args[2]);
    }
    bus_log_take(section->log, record, reason);
    ack = irq_lines_take(&section->irqs, record,
                         record->kind == VMC_REC_KVM_ACK_IRQ
                             ? vmc_reader_text(reader, record->args[0])
                             : "");
    if (VMC_WATCHED(section->tracks != NULL)) {
        bus_timeline_record(section->tracks, record, ack);
    }
}

static void bus_archive(void *state, struct vmc_archive *archive)
{
    struct bus_section *section = state;
    struct vmc_state_map map = {.part_count = 0};

    /* All of them are uint64_t: there are no gaps to compare. */
    vmc_archive_same(archive, "costs", &section->costs, sizeof(section->costs));
    bus_log_archive(section->log, archive);
    bus_ranges_archive(section->ranges, archive);
    bus_view_archive(section->view, archive);
    vmc_engine_archive(section->engine, archive);
    vmc_dispatch_sim_add_state(section->sim, &map);
    vmc_state_archive(&map, archive);
    VMC_ARCHIVE(archive, section->under_way);
    vmc_hist_archive(&section->recorded_ns, "recorded_ns", archive);
    vmc_hist_archive(&section->bound_ns, "bound_ns", archive);
    vmc_hist_archive(&section->kernel_ns, "kernel_ns", archive);
    vmc_hist_archive(&section->simulated_ns, "simulated_ns", archive);
    vmc_hist_archive(&section->simulated_kernel_ns, "simulated_kernel_ns",
                     archive);
    vmc_hist_archive(&section->region_ns, "region_ns", archive);
    VMC_ARCHIVE(archive, section->irqs);
    if (VMC_WATCHED(section->tracks != NULL)) {
        bus_timeline_archive(section->tracks, archive);
    }
    for (uint32_t i = 0; i < bus_ranges_count(section->ranges); i++) {
        struct range_sums *sums = &section->sums[i];

        VMC_ARCHIVE(archive, sums->reads);
        VMC_ARCHIVE(archive, sums->writes);
        VMC_ARCHIVE(archive, sums->exits);
        VMC_ARCHIVE(archive, sums->kernel);
        vmc_hist_archive(&sums->recorded_ns, "recorded_ns", archive);
        vmc_hist_archive(&sums->bound_ns, "bound_ns", archive);
        vmc_hist_archive(&sums->simulated_ns, "simulated_ns", archive);
    }
}

static bool has_any(const struct bus_log_counts *counts)
{
    return counts->mmio_reads + counts->mmio_writes + counts->mmio_unsatisfied +
               counts->pio_reads + counts->pio_writes + counts->iocsr_reads +
               counts->iocsr_writes + counts->iocsr_unsatisfied +
               counts->fast_mmio + counts->userspace_exits + counts->set_irqs +
               counts->acked_irqs !=
           0;
}

static bool bus_finish(void *state, json_t **json, FILE *table)
{
    struct bus_section *section = state;

    *json = NULL;
    bus_log_end(section->log);
    (void)vmc_engine_run_all(section->engine);
    if (!has_any(bus_log_counts(section->log))) {
        return true;
    }
    if (VMC_WATCHED(section->tracks != NULL)) {
        bus_timeline_finish(section->tracks, &section->irqs);
    }
    *json = bus_report(section, table);
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
    .archive = bus_archive,
    .finish = bus_finish,
    .fingerprint = bus_fingerprint,
    .free = bus_free,
};
