/* SPDX-License-Identifier: MIT */
/*
 * A vCPU walks its plan. Most stages touch nothing that others see; as many of
 * them as follow each other are one event. These are not private:
 *
 *     SEND     first takes the descriptor (ioregionfd), then a place in the
 *              socket's buffer; the place is given back when the process reads
 *     SWITCH   the first of a plan that waits for an answer: the vCPU sleeps,
 *              and the process continues it where it left
 *     SIGNAL   wakes the process, or finds it awake
 *     RING     finds room or turns the rest of the plan into an exit
 *     VMM      takes the VMM's lock and works off the ring, where there is one
 *
 * The process of a channel is a server with a queue: it sleeps, is woken by
 * whoever finds it asleep, and handles what there is until nothing is left.
 *
 * A writer that found the buffer full is not woken by the first free place:
 * Linux wakes it when three quarters of the buffer are free (seen on 6.18:
 * 278 commands block, 69 are left when the writer goes on).
 */
#include "ioregion/dispatch_sim.h"

#include <stdlib.h>

enum { NOBODY = UINT16_MAX };

/* vCPUs in line, each named by a number and linked through its next. */
struct line {
    uint16_t first, last;
};

/* One owner at a time, in the order they came. */
struct lock {
    uint16_t owner; /* or NOBODY */
    struct line takers;
};

struct vcpu {
    struct vmc_io_access access;
    enum vmc_dispatch mode; /* as really served */
    uint32_t at;            /* the stage of its plan that it is in */
    uint32_t loops_left;    /* of a string instruction */
    uint32_t channel;
    uint64_t start_tick; /* of the access */
    uint64_t stage_tick; /* of the stage, or of the wait before it */
    uint16_t next;       /* in the line it stands in */
    bool is_busy;
    bool has_begun;  /* the stage it is in */
    bool is_waiting; /* for the descriptor or a place, or just got it */
    bool found_full; /* the ring: it exits, and the VMM drains */
    bool has_place;  /* in the buffer, for the command it sends */
    bool has_woken;  /* the process was asleep when its command came */
};

enum server_mode { SERVER_ASLEEP, SERVER_WOKEN, SERVER_HANDLING };

struct channel {
    struct lock descriptor;
    struct line senders;                     /* for a place in the buffer */
    uint16_t queue[VMC_DISPATCH_SOCKET_MAX]; /* who waits, or NOBODY */
    uint32_t queue_first, queue_count;
    uint32_t places_taken; /* queued, and those being written */
    enum server_mode server;
    uint16_t handled; /* the vCPU whose command is handled, or NOBODY */
    bool is_signalled;
};

struct state {
    struct vcpu vcpus[VMC_DISPATCH_VCPUS_MAX];
    struct channel channels[VMC_DISPATCH_CHANNELS_MAX];
    struct lock vmm;
    uint32_t ring_entries;
    struct vmc_dispatch_counts counts;
};

/* The plan of a mode, for writes or reads; found once. */
struct plan {
    enum vmc_io_stage stages[VMC_DISPATCH_PLAN_MAX];
    uint32_t count, loop_first, loop_end;
    bool has_loop;
};

struct vmc_dispatch_sim {
    struct plan plans[VMC_DISPATCH_COUNT][2];
    struct vmc_engine *engine;
    struct vmc_dispatch_sim_config config;
    vmc_dispatch_done_fn *done;
    void *owner;
    uint16_t step_handler, serve_handler;
    struct state state;
};

static const struct plan *plan_of(const struct vmc_dispatch_sim *sim,
                                  const struct vcpu *vcpu)
{
    return &sim->plans[vcpu->mode][vcpu->access.is_write];
}

static uint64_t now(const struct vmc_dispatch_sim *sim)
{
    return vmc_engine_now_tick(sim->engine);
}

static void spend(struct vmc_dispatch_sim *sim, enum vmc_io_stage stage,
                  uint64_t ticks)
{
    sim->state.counts.stage_ticks[stage] += ticks;
}

/* ---- Lines -------------------------------------------------------------- */

static void line_push(struct vmc_dispatch_sim *sim, struct line *line,
                      uint16_t number)
{
    sim->state.vcpus[number].next = NOBODY;
    if (line->first == NOBODY) {
        line->first = number;
    } else {
        sim->state.vcpus[line->last].next = number;
    }
    line->last = number;
}

static uint16_t line_pop(struct vmc_dispatch_sim *sim, struct line *line)
{
    uint16_t number = line->first;

    assert(number != NOBODY);
    line->first = sim->state.vcpus[number].next;
    return number;
}

/* ---- The process behind a channel --------------------------------------- */

static void continue_after(struct vmc_dispatch_sim *sim, uint32_t number,
                           uint64_t ticks)
{
    (void)vmc_engine_schedule(sim->engine, ticks, VMC_PHASE_VCPU,
                              sim->step_handler, number);
}

static void serve_after(struct vmc_dispatch_sim *sim, uint32_t number,
                        uint64_t ticks)
{
    (void)vmc_engine_schedule(sim->engine, ticks, VMC_PHASE_DEVICE,
                              sim->serve_handler, number);
}

static uint64_t switch_ticks(const struct vmc_dispatch_sim *sim)
{
    static const struct vmc_io_access any = {.space = VMC_IO_MMIO};

    return vmc_dispatch_stage_ticks(&sim->config.costs, &sim->config.place,
                                    VMC_IO_SWITCH, &any);
}

/* Something was brought. True when the process had to be woken for it. */
static bool wake_server(struct vmc_dispatch_sim *sim, uint32_t number)
{
    struct channel *channel = &sim->state.channels[number];

    if (channel->server != SERVER_ASLEEP) {
        return false;
    }
    channel->server = SERVER_WOKEN;
    sim->state.counts.process_wakes++;
    serve_after(sim, number, switch_ticks(sim));
    return true;
}

/* A blocked sender, once it runs again, finds its place kept for it. */
static void let_senders_in(struct vmc_dispatch_sim *sim,
                           struct channel *channel)
{
    const struct vmc_dispatch_costs *costs = &sim->config.costs;

    if (channel->senders.first == NOBODY ||
        channel->places_taken > costs->socket_resume) {
        return;
    }
    while (channel->senders.first != NOBODY &&
           channel->places_taken < costs->socket_commands) {
        uint16_t number = line_pop(sim, &channel->senders);
        struct vcpu *vcpu = &sim->state.vcpus[number];

        channel->places_taken++;
        vcpu->has_place = true;
        continue_after(sim, number, costs->handoff);
    }
}

/* Take the next thing to do, or go to sleep. */
static void serve_next(struct vmc_dispatch_sim *sim, uint32_t number)
{
    struct channel *channel = &sim->state.channels[number];
    const struct vmc_dispatch_costs *costs = &sim->config.costs;
    uint64_t ticks = costs->receive + costs->process;
    struct vcpu *vcpu;

    channel->handled = NOBODY;
    if (channel->is_signalled) {
        channel->is_signalled = false;
    } else if (channel->queue_count > 0) {
        channel->handled = channel->queue[channel->queue_first];
        channel->queue_first =
            (channel->queue_first + 1) % VMC_DISPATCH_SOCKET_MAX;
        channel->queue_count--;
        channel->places_taken--;
        sim->state.counts.commands_done++;
        let_senders_in(sim, channel);
    } else {
        channel->server = SERVER_ASLEEP;
        return;
    }
    channel->server = SERVER_HANDLING;
    if (channel->handled != NOBODY) {
        uint64_t woke = 0;

        vcpu = &sim->state.vcpus[channel->handled];
        woke = vcpu->has_woken ? switch_ticks(sim) : 0;
        spend(sim, VMC_IO_SWITCH, woke);
        spend(sim, VMC_IO_QUEUE, now(sim) - vcpu->stage_tick - woke);
        spend(sim, VMC_IO_PROCESS, ticks);
        spend(sim, VMC_IO_REPLY, costs->reply + costs->wake);
        ticks += costs->reply + costs->wake;
    }
    sim->state.counts.process_ticks += ticks;
    serve_after(sim, number, ticks);
}

static void serve(void *device, uint64_t argument)
{
    struct vmc_dispatch_sim *sim = device;
    struct channel *channel = &sim->state.channels[argument];

    if (channel->server == SERVER_HANDLING && channel->handled != NOBODY) {
        struct vcpu *vcpu = &sim->state.vcpus[channel->handled];
        const struct plan *plan;

        /* The answer is there; the vCPU's thread has been made runnable and
         * goes on behind the second SWITCH of its plan. */
        plan = plan_of(sim, vcpu);
        while (plan->stages[vcpu->at] != VMC_IO_REPLY) {
            vcpu->at++;
        }
        vcpu->at++;
        assert(plan->stages[vcpu->at] == VMC_IO_SWITCH && vcpu->has_begun);
        spend(sim, VMC_IO_SWITCH, switch_ticks(sim));
        continue_after(sim, channel->handled, switch_ticks(sim));
    }
    serve_next(sim, (uint32_t)argument);
}

/* ---- Locks ------------------------------------------------------ */

static bool needs_descriptor(const struct vcpu *vcpu)
{
    return vcpu->mode == VMC_DISPATCH_SYNC || vcpu->mode == VMC_DISPATCH_POSTED;
}

static void release(struct vmc_dispatch_sim *sim, struct lock *lock)
{
    lock->owner = NOBODY;
    if (lock->takers.first != NOBODY) {
        lock->owner = line_pop(sim, &lock->takers);
        continue_after(sim, lock->owner, sim->config.costs.handoff);
    }
}

/* ---- One vCPU ------------------------------------------------------------ */

/* True when @lock is @number's; else it stands in line. */
static bool take(struct vmc_dispatch_sim *sim, struct lock *lock,
                 uint32_t number)
{
    struct vcpu *vcpu = &sim->state.vcpus[number];

    if (lock->owner == number) {
        return true;
    }
    if (lock->owner == NOBODY) {
        lock->owner = (uint16_t)number;
        return true;
    }
    sim->state.counts.lock_waits++;
    vcpu->is_waiting = true;
    line_push(sim, &lock->takers, (uint16_t)number);
    return false;
}

static bool take_place(struct vmc_dispatch_sim *sim, uint32_t number)
{
    struct vcpu *vcpu = &sim->state.vcpus[number];
    struct channel *channel = &sim->state.channels[vcpu->channel];

    if (vcpu->has_place) {
        return true;
    }
    if (channel->senders.first == NOBODY &&
        channel->places_taken < sim->config.costs.socket_commands) {
        channel->places_taken++;
        vcpu->has_place = true;
        return true;
    }
    sim->state.counts.buffer_waits++;
    vcpu->is_waiting = true;
    line_push(sim, &channel->senders, (uint16_t)number);
    return false;
}

/* What @vcpu waited since its stage was due. */
static void end_wait(struct vmc_dispatch_sim *sim, struct vcpu *vcpu,
                     enum vmc_io_stage stage)
{
    spend(sim, stage, now(sim) - vcpu->stage_tick);
    vcpu->stage_tick = now(sim);
}

/* SEND: false while the vCPU waits for the descriptor or for room. */
static bool may_send(struct vmc_dispatch_sim *sim, uint32_t number)
{
    struct vcpu *vcpu = &sim->state.vcpus[number];
    struct lock *lock = &sim->state.channels[vcpu->channel].descriptor;

    if (!vcpu->has_place) {
        if (needs_descriptor(vcpu) && !take(sim, lock, number)) {
            return false;
        }
        end_wait(sim, vcpu, VMC_IO_LOCK);
    }
    if (!take_place(sim, number)) {
        return false;
    }
    end_wait(sim, vcpu, VMC_IO_FULL);
    return true;
}

static void use_plan(const struct vmc_dispatch_sim *sim, struct vcpu *vcpu,
                     enum vmc_dispatch mode)
{
    vcpu->mode = mode;
    vcpu->loops_left = plan_of(sim, vcpu)->has_loop && vcpu->access.elements > 1
                           ? vcpu->access.elements - 1
                           : 0;
}

/* A full ring: what is left of the plan is that of an exit. */
static void take_ring(struct vmc_dispatch_sim *sim, struct vcpu *vcpu)
{
    struct state *state = &sim->state;

    if (state->ring_entries + 1 < sim->config.costs.ring_entries) {
        state->ring_entries++;
        return;
    }
    state->counts.ring_full++;
    vcpu->found_full = true;
    use_plan(sim, vcpu, VMC_DISPATCH_EXIT);
    assert(plan_of(sim, vcpu)->stages[vcpu->at] == VMC_IO_LEAVE);
}

static uint64_t drain_ring(struct vmc_dispatch_sim *sim)
{
    struct state *state = &sim->state;
    const struct vmc_dispatch_costs *costs = &sim->config.costs;
    uint64_t ticks = (costs->drain + costs->process) * state->ring_entries;

    state->counts.ring_drained += state->ring_entries;
    state->ring_entries = 0;
    return ticks;
}

/* True when @stage touches nothing that others see: it is only time. */
static bool is_private(const struct vmc_dispatch_sim *sim,
                       const struct vcpu *vcpu, enum vmc_io_stage stage)
{
    switch (stage) {
    case VMC_IO_RING:
    case VMC_IO_SIGNAL:
    case VMC_IO_SEND:
    case VMC_IO_SWITCH:
        return false;
    case VMC_IO_VMM:
    case VMC_IO_MODEL:
        return !sim->config.place.has_vmm_lock && !sim->config.do_exits_drain &&
               !vcpu->found_full;
    default:
        return true;
    }
}

static uint64_t stage_ticks(struct vmc_dispatch_sim *sim,
                            const struct vcpu *vcpu, enum vmc_io_stage stage)
{
    uint64_t ticks = vmc_dispatch_stage_ticks(
        &sim->config.costs, &sim->config.place, stage, &vcpu->access);

    if ((stage == VMC_IO_SEND || stage == VMC_IO_SIGNAL) &&
        sim->state.channels[vcpu->channel].server != SERVER_ASLEEP) {
        ticks -= sim->config.costs.wake;
    }
    spend(sim, stage, ticks);
    return ticks;
}

/* After @ticks, and the private stages that come next, one event. */
static void go_on(struct vmc_dispatch_sim *sim, uint32_t number, uint64_t ticks)
{
    struct vcpu *vcpu = &sim->state.vcpus[number];
    const struct plan *plan = plan_of(sim, vcpu);

    for (;;) {
        if (vcpu->loops_left > 0 && vcpu->at == plan->loop_end) {
            vcpu->loops_left--;
            vcpu->at = plan->loop_first;
        }
        if (vcpu->at == plan->count ||
            !is_private(sim, vcpu, plan->stages[vcpu->at])) {
            break;
        }
        ticks += stage_ticks(sim, vcpu, plan->stages[vcpu->at]);
        vcpu->at++;
    }
    vcpu->has_begun = vcpu->is_waiting = false;
    continue_after(sim, number, ticks);
}

/* True when others see how @stage begins, but not that it ends. */
static bool ends_quietly(const struct vmc_dispatch_sim *sim,
                         enum vmc_io_stage stage)
{
    return stage == VMC_IO_RING ||
           ((stage == VMC_IO_VMM || stage == VMC_IO_MODEL) &&
            !sim->config.place.has_vmm_lock);
}

static void begin_stage(struct vmc_dispatch_sim *sim, uint32_t number)
{
    struct vcpu *vcpu = &sim->state.vcpus[number];
    enum vmc_io_stage stage = plan_of(sim, vcpu)->stages[vcpu->at];
    uint64_t ticks;

    switch (stage) {
    case VMC_IO_RING:
        take_ring(sim, vcpu);
        if (vcpu->found_full) {
            go_on(sim, number, 0);
            return;
        }
        break;
    case VMC_IO_SEND:
        if (!may_send(sim, number)) {
            return;
        }
        break;
    case VMC_IO_VMM:
    case VMC_IO_MODEL:
        if (sim->config.place.has_vmm_lock) {
            if (!take(sim, &sim->state.vmm, number)) {
                return;
            }
            end_wait(sim, vcpu, VMC_IO_LOCK);
        }
        break;
    default:
        break;
    }
    ticks = stage_ticks(sim, vcpu, stage);
    if ((stage == VMC_IO_VMM || stage == VMC_IO_MODEL) &&
        (sim->config.do_exits_drain || vcpu->found_full)) {
        uint64_t drain = drain_ring(sim);

        spend(sim, VMC_IO_DRAIN, drain);
        ticks += drain;
    }
    if (ends_quietly(sim, stage)) {
        vcpu->at++;
        go_on(sim, number, ticks);
        return;
    }
    vcpu->has_begun = true;
    continue_after(sim, number, ticks);
}

/* SEND has ended: the command is in the buffer. Returns true when the vCPU
 * now sleeps until it is answered. */
static bool sent(struct vmc_dispatch_sim *sim, uint32_t number)
{
    struct vcpu *vcpu = &sim->state.vcpus[number];
    struct channel *channel = &sim->state.channels[vcpu->channel];
    bool is_posted = vcpu->mode == VMC_DISPATCH_POSTED;
    uint32_t last =
        (channel->queue_first + channel->queue_count) % VMC_DISPATCH_SOCKET_MAX;

    assert(channel->queue_count < sim->config.costs.socket_commands);
    channel->queue[last] = is_posted ? NOBODY : (uint16_t)number;
    channel->queue_count++;
    sim->state.counts.commands++;
    if (channel->queue_count > sim->state.counts.queue_commands_max) {
        sim->state.counts.queue_commands_max = channel->queue_count;
    }
    vcpu->has_place = false;
    vcpu->stage_tick = now(sim);
    vcpu->has_woken = wake_server(sim, vcpu->channel);
    if (is_posted) {
        release(sim, &channel->descriptor);
    }
    return !is_posted;
}

static void signalled(struct vmc_dispatch_sim *sim, const struct vcpu *vcpu)
{
    struct channel *channel = &sim->state.channels[vcpu->channel];

    sim->state.counts.signals++;
    sim->state.counts.signals_merged += channel->is_signalled;
    channel->is_signalled = true;
    (void)wake_server(sim, vcpu->channel);
}

static void end_access(struct vmc_dispatch_sim *sim, uint32_t number)
{
    struct vcpu *vcpu = &sim->state.vcpus[number];

    vcpu->is_busy = false;
    sim->state.counts.by_mode[vcpu->mode]++;
    sim->done(sim->owner, number, now(sim) - vcpu->start_tick);
}

/* The stage it is in has ended, or may begin, or what it waited for has
 * come. */
static void step(void *device, uint64_t argument)
{
    struct vmc_dispatch_sim *sim = device;
    uint32_t number = (uint32_t)argument;
    struct vcpu *vcpu = &sim->state.vcpus[number];
    const struct plan *plan = plan_of(sim, vcpu);
    enum vmc_io_stage stage;

    assert(vcpu->is_busy);
    if (vcpu->at == plan->count) {
        end_access(sim, number);
        return;
    }
    stage = plan->stages[vcpu->at];
    if (!vcpu->has_begun) {
        if (!vcpu->is_waiting) {
            vcpu->stage_tick = now(sim);
        }
        begin_stage(sim, number);
        return;
    }
    if (stage == VMC_IO_SIGNAL) {
        signalled(sim, vcpu);
    } else if (stage == VMC_IO_SEND && sent(sim, number)) {
        return;
    } else if (stage == VMC_IO_SWITCH && needs_descriptor(vcpu)) {
        release(sim, &sim->state.channels[vcpu->channel].descriptor);
    } else if ((stage == VMC_IO_VMM || stage == VMC_IO_MODEL) &&
               sim->config.place.has_vmm_lock) {
        release(sim, &sim->state.vmm);
    }
    vcpu->at++;
    go_on(sim, number, 0);
}

/* ---- Outside --------------------------------------------------------------
 */

enum vmc_status
vmc_dispatch_sim_new(struct vmc_dispatch_sim **out, struct vmc_engine *engine,
                     const struct vmc_dispatch_sim_config *config,
                     vmc_dispatch_done_fn *done, void *owner)
{
    struct vmc_dispatch_sim *sim;

    *out = NULL;
    if (config->vcpu_count < 1 || config->vcpu_count > VMC_DISPATCH_VCPUS_MAX ||
        config->channel_count < 1 ||
        config->channel_count > VMC_DISPATCH_CHANNELS_MAX ||
        !vmc_dispatch_costs_are_sane(&config->costs)) {
        return VMC_E_RANGE;
    }
    sim = calloc(1, sizeof(*sim));
    if (sim == NULL) {
        return VMC_E_NOMEM;
    }
    for (uint32_t i = 0; i < VMC_DISPATCH_COUNT; i++) {
        for (uint32_t write = 0; write < 2; write++) {
            struct plan *plan = &sim->plans[i][write];

            plan->count = vmc_dispatch_plan(i, write != 0, plan->stages);
            plan->has_loop = vmc_dispatch_loop(i, write != 0, &plan->loop_first,
                                               &plan->loop_end);
        }
    }
    sim->engine = engine;
    sim->config = *config;
    sim->done = done;
    sim->owner = owner;
    sim->step_handler =
        vmc_engine_add_handler(engine, "dispatch-vcpu", 0, step, sim);
    sim->serve_handler =
        vmc_engine_add_handler(engine, "dispatch-process", 0, serve, sim);
    for (uint32_t i = 0; i < config->channel_count; i++) {
        struct channel *channel = &sim->state.channels[i];

        channel->descriptor.owner = channel->handled = NOBODY;
        channel->descriptor.takers.first = channel->senders.first = NOBODY;
    }
    sim->state.vmm.owner = sim->state.vmm.takers.first = NOBODY;
    *out = sim;
    return VMC_OK;
}

void vmc_dispatch_sim_free(struct vmc_dispatch_sim *sim)
{
    free(sim);
}

void vmc_dispatch_sim_add_state(struct vmc_dispatch_sim *sim,
                                struct vmc_state_map *map)
{
    vmc_state_add(map, "dispatch", &sim->state, sizeof(sim->state));
}

void vmc_dispatch_submit(struct vmc_dispatch_sim *sim, uint32_t vcpu,
                         enum vmc_dispatch mode, uint32_t channel,
                         const struct vmc_io_access *access)
{
    struct vcpu *to = &sim->state.vcpus[vcpu];

    assert(vcpu < sim->config.vcpu_count);
    assert(channel < sim->config.channel_count && !to->is_busy);
    /* One by one, so that the state has no bytes but its own. */
    to->access.space = access->space;
    to->access.is_write = access->is_write;
    to->access.probes = access->probes;
    to->access.elements = access->elements;
    to->channel = channel;
    to->at = 0;
    to->start_tick = now(sim);
    to->is_busy = true;
    to->found_full = false;
    use_plan(sim, to, vmc_dispatch_effective(mode, access->is_write));
    sim->state.counts.accesses++;
    sim->state.counts.writes += access->is_write;
    go_on(sim, vcpu, 0);
}

bool vmc_dispatch_is_busy(const struct vmc_dispatch_sim *sim, uint32_t vcpu)
{
    assert(vcpu < sim->config.vcpu_count);
    return sim->state.vcpus[vcpu].is_busy;
}

const struct vmc_dispatch_counts *
vmc_dispatch_sim_counts(const struct vmc_dispatch_sim *sim)
{
    return &sim->state.counts;
}

uint32_t vmc_dispatch_ring_entries(const struct vmc_dispatch_sim *sim)
{
    return sim->state.ring_entries;
}
