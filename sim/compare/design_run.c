/* SPDX-License-Identifier: MIT */
/* A closed loop: a vCPU's next access is scheduled when the one before has
 * ended, after the time that the guest took. */
#include "sim/compare/design_run.h"

#include <stdlib.h>
#include <string.h>

#include "event/clock.h"

enum { STRING_MAX = 4096, EVENTS_SPARE = 64, COPY_PART = 100 };

struct vcpu {
    uint32_t at; /* its access under way, or the next one */
    bool is_chosen;
};

struct run {
    const struct access_list *list;
    const struct design_choice *choice;
    struct design_result *result;
    struct vmc_engine *engine;
    struct vmc_dispatch_sim *sim;
    uint16_t guest_handler;
    struct vcpu vcpus[VMC_DISPATCH_VCPUS_MAX];
};

static bool is_chosen(const struct run *run, const struct listed_access *access)
{
    if (run->choice->takes_all_exits) {
        return access->did_exit;
    }
    return bus_ranges_at(run->choice->ranges, access->range)->is_added;
}

static struct vmc_io_access io_of(const struct listed_access *access)
{
    return (struct vmc_io_access){
        .space = access->is_fast             ? VMC_IO_MMIO_FAST
                 : access->space == BUS_MMIO ? VMC_IO_MMIO
                                             : VMC_IO_PIO,
        .is_write = access->is_write,
        .probes = access->probes,
        .elements = access->count < STRING_MAX ? access->count : STRING_MAX,
    };
}

/* The way an access went in the recording. */
static enum vmc_dispatch recorded_mode(const struct listed_access *access)
{
    return access->did_exit ? VMC_DISPATCH_EXIT : VMC_DISPATCH_KERNEL;
}

static void schedule_next(struct run *run, uint32_t number)
{
    const struct vcpu *vcpu = &run->vcpus[number];
    uint64_t guest_ns;

    if (vcpu->at == ACCESS_LIST_END) {
        return;
    }
    guest_ns = run->list->accesses[vcpu->at].guest_ns;
    if (guest_ns > (VMC_TICK_MAX - vmc_engine_now_tick(run->engine)) / 8 /
                       VMC_TICKS_PER_NS) {
        guest_ns = 0; /* stamps of days: the guest slept, let it not */
    }
    guest_ns += guest_ns / COPY_PART * (number / run->list->vcpu_count);
    (void)vmc_engine_schedule(run->engine, guest_ns * VMC_TICKS_PER_NS,
                              VMC_PHASE_VCPU, run->guest_handler, number);
}

/* What other accesses spent is not the design's. They wait for nothing, so it
 * is what their plan says. */
static void take_out(struct run *run, const struct listed_access *access)
{
    enum vmc_io_stage stages[VMC_DISPATCH_PLAN_MAX];
    struct vmc_io_access io = io_of(access);
    enum vmc_dispatch mode = recorded_mode(access);
    uint32_t first, end;
    uint32_t count = vmc_dispatch_plan(mode, access->is_write, stages);
    bool loops = vmc_dispatch_loop(mode, access->is_write, &first, &end);

    for (uint32_t i = 0; i < count; i++) {
        uint64_t times =
            loops && i >= first && i < end && io.elements > 1 ? io.elements : 1;

        run->result->stage_ticks[stages[i]] -=
            times * vmc_dispatch_stage_ticks(&run->choice->costs,
                                             &run->choice->place, stages[i],
                                             &io);
    }
}

static void submit(void *owner, uint64_t argument)
{
    struct run *run = owner;
    uint32_t number = (uint32_t)argument;
    struct vcpu *vcpu = &run->vcpus[number];
    const struct listed_access *access = &run->list->accesses[vcpu->at];
    struct vmc_io_access io = io_of(access);
    uint32_t channel = run->choice->has_fd_for_each_range  ? access->range
                       : run->choice->has_fd_for_each_vcpu ? number
                                                           : 0;

    vcpu->is_chosen = is_chosen(run, access);
    if (!vcpu->is_chosen) {
        take_out(run, access);
    }
    vmc_dispatch_submit(run->sim, number,
                        vcpu->is_chosen ? run->result->mode
                                        : recorded_mode(access),
                        channel % VMC_DISPATCH_CHANNELS_MAX, &io);
}

static void ended(void *owner, uint32_t number, uint64_t ticks)
{
    struct run *run = owner;
    struct vcpu *vcpu = &run->vcpus[number];
    const struct listed_access *access = &run->list->accesses[vcpu->at];
    struct design_result *result = run->result;

    if (vcpu->is_chosen) {
        bool is_served =
            access->is_write || vmc_dispatch_serves_reads(result->mode);

        result->accesses++;
        result->writes += access->is_write;
        result->served += is_served;
        result->exits += !is_served;
        result->values_lost +=
            access->is_write && result->mode == VMC_DISPATCH_IOEVENTFD;
        result->wait_ticks += ticks;
        vmc_hist_add(&result->latency_ns,
                     (ticks + VMC_TICKS_PER_NS / 2) / VMC_TICKS_PER_NS);
    }
    result->run_ns = vmc_engine_now_tick(run->engine) / VMC_TICKS_PER_NS;
    vcpu->at = access->next;
    schedule_next(run, number);
}

static enum vmc_status start(struct run *run)
{
    struct vmc_engine_config events = {
        .events_max = 2 * VMC_DISPATCH_VCPUS_MAX + EVENTS_SPARE,
        .handlers_max = 4};
    struct vmc_dispatch_sim_config config = {
        .costs = run->choice->costs,
        .place = run->choice->place,
        .vcpu_count = VMC_DISPATCH_VCPUS_MAX,
        .channel_count = VMC_DISPATCH_CHANNELS_MAX,
    };
    enum vmc_status status = vmc_engine_new(&run->engine, &events);

    if (status == VMC_OK) {
        status =
            vmc_dispatch_sim_new(&run->sim, run->engine, &config, ended, run);
    }
    if (status == VMC_OK) {
        run->guest_handler =
            vmc_engine_add_handler(run->engine, "guest", 0, submit, run);
    }
    return status;
}

enum vmc_status design_run(struct design_result *result,
                           const struct access_list *list,
                           const struct design_choice *choice,
                           enum vmc_dispatch mode)
{
    struct run *run = calloc(1, sizeof(*run));
    enum vmc_status status;

    *result = (struct design_result){.mode = mode};
    if (run == NULL) {
        return VMC_E_NOMEM;
    }
    run->list = list;
    run->choice = choice;
    run->result = result;
    assert(choice->copies >= 1);
    status =
        (uint64_t)list->vcpu_count * choice->copies <= VMC_DISPATCH_VCPUS_MAX
            ? start(run)
            : VMC_E_RANGE;
    if (status == VMC_OK) {
        const struct vmc_dispatch_counts *counts =
            vmc_dispatch_sim_counts(run->sim);

        for (uint32_t i = 0; i < list->vcpu_count * choice->copies; i++) {
            run->vcpus[i].at = list->first[i % list->vcpu_count];
            schedule_next(run, i);
        }
        (void)vmc_engine_run_all(run->engine);
        result->counts = *counts;
        for (uint32_t i = 0; i < VMC_IO_STAGE_COUNT; i++) {
            result->stage_ticks[i] += counts->stage_ticks[i];
        }
        result->served -= counts->ring_full;
        result->exits += counts->ring_full;
        result->fingerprint = vmc_engine_fingerprint(run->engine);
    }
    vmc_dispatch_sim_free(run->sim);
    vmc_engine_free(run->engine);
    free(run);
    return status;
}
