/* SPDX-License-Identifier: MIT */
/*
 * Every vCPU is a small state machine on the engine:
 *
 *     RUNNING --line--> ENTERING --kick, entry--> HANDLING --leave--> RUNNING
 *        |                 ^                          |                  |
 *   idle_after             | wake, entry              +---lines still up-+
 *        v                 |
 *      IDLE ------line-----+
 *
 * HANDLING is a chain of step events. A step first finishes what was under way
 * (an access takes effect at the end of its time), then starts the next thing:
 * the next access of the routine, the handler of a vector that was cleared,
 * the next line of ESTAT. Linux serves the lowest line first and each once an
 * entry (spec section 8).
 *
 * Stages are booked when a status read shows a vector, from the ticks that its
 * flight and the vCPU's entry left behind; each stage ends where the next one
 * begins, so their sum is the latency to the tick.
 */
#include "sim/machine/irqsim.h"

#include "base/base.h"

enum { TICKS_PER_NS = 1000 };

/* Where the handling of one vector is. A level input of the PCH-PIC goes
 * through all of it, an edge input begins at the ack and ends after the
 * handler, a message is the handler alone (spec section 12, F1 to F3). */
enum flow {
    FLOW_NONE,
    FLOW_MASK,
    FLOW_ACK,
    FLOW_HANDLER,
    FLOW_UNMASK,
    FLOW_END
};

static const uint64_t line_bit = 1;

/* ---- Timing ------------------------------------------------------------- */

#define KEY(name, field)                                                       \
    {                                                                          \
        name, offsetof(struct irqsim_timing, field), true                      \
    }

static const struct vmc_profile_key clock_keys[] = {KEY("node", node_period),
                                                    KEY("cpu", cpu_period)};
static const struct vmc_profile_key router_keys[] = {
    KEY("vector", router_vector), KEY("hop", router_hop)};
static const struct vmc_profile_key pin_keys[] = {KEY("latency", pin_latency)};
static const struct vmc_profile_key vcpu_keys[] = {
    KEY("kick", kick), KEY("wake", wake), KEY("entry", entry),
    KEY("leave", leave), KEY("idle_after", idle_after)};
static const struct vmc_profile_key access_keys[] = {
    KEY("iocsr", iocsr), KEY("mmio", mmio), KEY("csr", csr),
    KEY("hypercall", hypercall)};
static const struct vmc_profile_key guest_keys[] = {
    KEY("dispatch", dispatch), KEY("handler", handler),
    KEY("ipi_action", ipi_action)};

#undef KEY

enum vmc_status irqsim_timing_read(struct irqsim_timing *timing,
                                   const struct vmc_profile *profile,
                                   struct vmc_error *error)
{
    static const struct {
        const char *section;
        const struct vmc_profile_key *keys;
        uint32_t key_count;
    } sections[] = {
        {"clocks", clock_keys, VMC_COUNT_OF(clock_keys)},
        {"router", router_keys, VMC_COUNT_OF(router_keys)},
        {"pin", pin_keys, VMC_COUNT_OF(pin_keys)},
        {"vcpu", vcpu_keys, VMC_COUNT_OF(vcpu_keys)},
        {"access", access_keys, VMC_COUNT_OF(access_keys)},
        {"guest", guest_keys, VMC_COUNT_OF(guest_keys)},
    };

    for (size_t i = 0; i < VMC_COUNT_OF(sections); i++) {
        enum vmc_status status =
            vmc_profile_read(profile, sections[i].section, sections[i].keys,
                             sections[i].key_count, timing, error);

        if (status != VMC_OK) {
            return status;
        }
    }
    return VMC_OK;
}

uint64_t irqsim_access_ticks(const struct irqsim *sim,
                             const struct guest_access *access)
{
    return access->bus == GUEST_MMIO ? sim->config.timing.mmio
                                     : sim->config.timing.iocsr;
}

const char *irqsim_stage_name(enum irqsim_stage stage)
{
    static const char *const names[] = {
        [IRQSIM_ROUTER] = "router",     [IRQSIM_PIN] = "pin",
        [IRQSIM_BUSY] = "busy",         [IRQSIM_KICK] = "kick",
        [IRQSIM_WAKE] = "wake",         [IRQSIM_ENTRY] = "entry",
        [IRQSIM_DISPATCH] = "dispatch", [IRQSIM_CLEAR] = "clear",
    };

    static_assert(VMC_COUNT_OF(names) == IRQSIM_STAGE_COUNT, "a name a stage");
    return names[stage];
}

/* ---- Small helpers ------------------------------------------------------ */

static uint64_t now_tick(const struct irqsim *sim)
{
    return vmc_engine_now_tick(sim->engine);
}

static void set_mode(struct irqsim *sim, uint32_t vcpu,
                     enum irqsim_vcpu_mode mode)
{
    sim->state.vcpus[vcpu].mode = mode;
    for (uint32_t i = 0; VMC_WATCHED(i < sim->watch_count); i++) {
        const struct irqsim_watch *watch = &sim->watches[i];

        if (watch->observer->mode != NULL) {
            watch->observer->mode(watch->watcher, now_tick(sim), vcpu, mode);
        }
    }
}

static void tell_vector(struct irqsim *sim, uint32_t vcpu, uint32_t vector,
                        const char *what)
{
    for (uint32_t i = 0; VMC_WATCHED(i < sim->watch_count); i++) {
        const struct irqsim_watch *watch = &sim->watches[i];

        if (watch->observer->vector != NULL) {
            watch->observer->vector(watch->watcher, now_tick(sim), vcpu, vector,
                                    what);
        }
    }
}

static void tell_line(struct irqsim *sim, uint32_t vcpu, uint32_t line,
                      bool level)
{
    for (uint32_t i = 0; VMC_WATCHED(i < sim->watch_count); i++) {
        const struct irqsim_watch *watch = &sim->watches[i];

        if (watch->observer->line != NULL) {
            watch->observer->line(watch->watcher, now_tick(sim), vcpu, line,
                                  level);
        }
    }
}

static void tell_ipi(struct irqsim *sim, uint32_t vcpu, bool is_sent)
{
    for (uint32_t i = 0; VMC_WATCHED(i < sim->watch_count); i++) {
        const struct irqsim_watch *watch = &sim->watches[i];

        if (watch->observer->ipi != NULL) {
            watch->observer->ipi(watch->watcher, now_tick(sim), vcpu, is_sent);
        }
    }
}

static void tell_input(struct irqsim *sim, uint32_t vector, bool level)
{
    for (uint32_t i = 0; VMC_WATCHED(i < sim->watch_count); i++) {
        const struct irqsim_watch *watch = &sim->watches[i];

        if (watch->observer->input != NULL) {
            watch->observer->input(watch->watcher, now_tick(sim), vector,
                                   level);
        }
    }
}

static void tell_access(struct irqsim *sim, uint32_t vcpu)
{
    for (uint32_t i = 0; VMC_WATCHED(i < sim->watch_count); i++) {
        const struct irqsim_watch *watch = &sim->watches[i];

        if (watch->observer->access != NULL) {
            watch->observer->access(watch->watcher, now_tick(sim), vcpu);
        }
    }
}

static void step_after(struct irqsim *sim, uint32_t vcpu, uint64_t ticks)
{
    vmc_engine_schedule(sim->engine, ticks, VMC_PHASE_VCPU, sim->step_handler,
                        vcpu);
}

/* ---- From the input to the pin ------------------------------------------ */

static bool get_bit(const uint64_t *bits, uint32_t vector)
{
    return (bits[vector / 64] >> vector % 64 & 1) != 0;
}

static void put_bit(uint64_t *bits, uint32_t vector, bool value)
{
    uint64_t bit = UINT64_C(1) << vector % 64;

    bits[vector / 64] = (bits[vector / 64] & ~bit) | (value ? bit : 0);
}

void irqsim_input(struct irqsim *sim, uint32_t vector, bool level,
                  bool is_level)
{
    struct irqsim_flight *flight = &sim->state.vectors[vector];

    put_bit(sim->state.levels, vector, level);
    put_bit(sim->state.is_level, vector, is_level);
    if (level) {
        sim->state.counts.raised++;
        if (flight->is_raised && !flight->is_seen) {
            sim->state.counts.coalesced++;
        } else {
            *flight = (struct irqsim_flight){.raised_tick = now_tick(sim),
                                             .is_raised = true};
        }
        tell_vector(sim, 0, vector, "raise");
    } else if (flight->is_raised && !flight->is_seen) {
        flight->is_raised = false; /* before anybody looked */
        tell_vector(sim, 0, vector, "withdrawn");
    }
    tell_input(sim, vector, level);
    (void)vmc_router_enter(&sim->router, vector);
}

void irqsim_set_pic_pin(struct irqsim *sim, uint32_t vector, uint32_t pin)
{
    sim->state.pic_pins[vector] = (uint8_t)(pin + 1);
}

void irqsim_ipi_sent(struct irqsim *sim, uint32_t vcpu)
{
    struct irqsim_flight *flight = &sim->state.ipis[vcpu];

    sim->state.counts.ipis++;
    tell_ipi(sim, vcpu, true);
    if (!flight->is_raised || flight->is_seen) {
        *flight = (struct irqsim_flight){.raised_tick = now_tick(sim),
                                         .pending_tick = now_tick(sim),
                                         .is_raised = true,
                                         .is_pending = true};
    }
}

static uint32_t router_node_of(void *owner, uint32_t vector)
{
    struct irqsim *sim = owner;
    uint32_t target = sim->ops->target_of(sim->machine, vector);
    uint32_t node =
        sim->config.guest.physical_ids[target] / sim->config.cores_per_node;

    return node < sim->config.node_count ? node : sim->config.node_count - 1;
}

static void router_finish(void *owner, uint32_t node, uint32_t vector)
{
    struct irqsim *sim = owner;

    (void)node;
    sim->ops->set_input(sim->machine, vector,
                        get_bit(sim->state.levels, vector));
}

static void router_changed(void *owner, uint32_t node)
{
    struct irqsim *sim = owner;

    for (uint32_t i = 0; VMC_WATCHED(i < sim->watch_count); i++) {
        const struct irqsim_watch *watch = &sim->watches[i];

        if (watch->observer->router != NULL) {
            watch->observer->router(watch->watcher, now_tick(sim), node);
        }
    }
}

static const struct vmc_router_ops router_ops = {.node_of = router_node_of,
                                                 .finish = router_finish};

/* The same for a simulation whose routers are watched. */
static const struct vmc_router_ops watched_router_ops = {
    .node_of = router_node_of,
    .finish = router_finish,
    .changed = router_changed};

void irqsim_vector_pending(struct irqsim *sim, uint32_t vector)
{
    struct irqsim_flight *flight = &sim->state.vectors[vector];

    if (flight->is_raised && !flight->is_pending) {
        flight->is_pending = true;
        flight->pending_tick = now_tick(sim);
        tell_vector(sim, 0, vector, "pending");
    }
}

/* The argument of a line event: vCPU, line and level. */
static uint64_t pack_line(uint32_t vcpu, uint32_t line, bool level)
{
    return (uint64_t)vcpu << 8 | line << 1 | level;
}

void irqsim_set_line(struct irqsim *sim, uint32_t vcpu, uint32_t line,
                     bool level)
{
    vmc_engine_schedule(sim->engine, sim->config.timing.pin_latency,
                        VMC_PHASE_WIRE, sim->line_handler,
                        pack_line(vcpu, line, level));
}

/* ---- From the pin to the handler ---------------------------------------- */

static void enter_soon(struct irqsim *sim, uint32_t index, uint64_t ticks)
{
    struct irqsim_vcpu *vcpu = &sim->state.vcpus[index];

    vcpu->noticed_tick = now_tick(sim);
    vcpu->entry_tick = now_tick(sim) + ticks;
    (void)vmc_engine_cancel(sim->engine, vcpu->idle_event);
    vcpu->idle_event = VMC_EVENT_NONE;
    set_mode(sim, index, IRQSIM_ENTERING);
    vmc_engine_schedule(sim->engine, ticks + sim->config.timing.entry,
                        VMC_PHASE_VCPU, sim->enter_handler, index);
}

static void on_line(void *device, uint64_t argument)
{
    struct irqsim *sim = device;
    uint32_t index = (uint32_t)(argument >> 8);
    uint32_t line = argument >> 1 & 0x7f;
    struct irqsim_vcpu *vcpu = &sim->state.vcpus[index];
    uint32_t bit = (uint32_t)(line_bit << line);
    bool level = (argument & 1) != 0;

    if (((vcpu->lines & bit) != 0) == level) {
        return;
    }
    vcpu->lines ^= bit;
    tell_line(sim, index, line, level);
    if (!level) {
        return;
    }
    if (vcpu->mode == IRQSIM_RUNNING) {
        vcpu->was_idle = false;
        enter_soon(sim, index, sim->config.timing.kick);
    } else if (vcpu->mode == IRQSIM_IDLE) {
        vcpu->was_idle = true;
        enter_soon(sim, index, sim->config.timing.wake);
    }
}

static void on_enter(void *device, uint64_t index)
{
    struct irqsim *sim = device;
    struct irqsim_vcpu *vcpu = &sim->state.vcpus[index];

    vcpu->entries++;
    vcpu->handler_tick = now_tick(sim);
    vcpu->to_handle = 0;
    vcpu->ipi_actions = 0;
    vcpu->has_access = false;
    vcpu->flow = FLOW_NONE;
    vcpu->routine = (struct guest_routine){.kind = GUEST_ROUTINE_COUNT};
    vcpu->to_serve = vcpu->lines;
    set_mode(sim, (uint32_t)index, IRQSIM_HANDLING);
    step_after(sim, (uint32_t)index, sim->config.timing.csr); /* reads ESTAT */
}

static void on_idle(void *device, uint64_t index)
{
    struct irqsim *sim = device;

    sim->state.vcpus[index].idle_event = VMC_EVENT_NONE;
    set_mode(sim, (uint32_t)index, IRQSIM_IDLE);
}

static void on_leave(void *device, uint64_t index)
{
    struct irqsim *sim = device;
    struct irqsim_vcpu *vcpu = &sim->state.vcpus[index];

    if (vcpu->lines != 0) { /* taken again at once, without kick or wake */
        vcpu->was_idle = false;
        enter_soon(sim, (uint32_t)index, 0);
        return;
    }
    set_mode(sim, (uint32_t)index, IRQSIM_RUNNING);
    vcpu->idle_event =
        vmc_engine_schedule(sim->engine, sim->config.timing.idle_after,
                            VMC_PHASE_VCPU, sim->idle_handler, index);
}

/* ---- In the handler ----------------------------------------------------- */

static uint64_t at_most(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t at_least(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Book the stages of a vector that a status read of @vcpu has just shown. */
static void book_stages(struct irqsim *sim, const struct irqsim_vcpu *vcpu,
                        const struct irqsim_flight *flight)
{
    uint64_t *stages = sim->state.counts.stage_ticks;
    uint64_t seen = now_tick(sim);
    uint64_t pending = at_most(flight->pending_tick, seen);
    uint64_t visible = at_most(pending + sim->config.timing.pin_latency, seen);
    uint64_t noticed = at_least(visible, at_most(vcpu->noticed_tick, seen));
    uint64_t entry = at_least(noticed, at_most(vcpu->entry_tick, seen));
    uint64_t handler = at_least(entry, at_most(vcpu->handler_tick, seen));

    stages[IRQSIM_ROUTER] += pending - flight->raised_tick;
    stages[IRQSIM_PIN] += visible - pending;
    stages[IRQSIM_BUSY] += noticed - visible;
    stages[vcpu->was_idle ? IRQSIM_WAKE : IRQSIM_KICK] += entry - noticed;
    stages[IRQSIM_ENTRY] += handler - entry;
    stages[IRQSIM_DISPATCH] += seen - handler;
}

static void see_vector(struct irqsim *sim, uint32_t index, uint32_t vector)
{
    struct irqsim_flight *flight = &sim->state.vectors[vector];

    tell_vector(sim, index, vector, "seen");
    if (!flight->is_raised || flight->is_seen) {
        return;
    }
    irqsim_vector_pending(sim, vector); /* shown, so it is */
    flight->is_seen = true;
    flight->seen_tick = now_tick(sim);
    sim->state.counts.seen++;
    book_stages(sim, &sim->state.vcpus[index], flight);
    vmc_hist_add(&sim->state.seen_ns,
                 (now_tick(sim) - flight->raised_tick) / TICKS_PER_NS);
}

static void clear_vector(struct irqsim *sim, uint32_t index, uint32_t vector)
{
    struct irqsim_flight *flight = &sim->state.vectors[vector];

    tell_vector(sim, index, vector, "clear");
    if (!flight->is_seen) {
        return;
    }
    sim->state.counts.cleared++;
    sim->state.counts.stage_ticks[IRQSIM_CLEAR] +=
        now_tick(sim) - flight->seen_tick;
    vmc_hist_add(&sim->state.cleared_ns,
                 (now_tick(sim) - flight->raised_tick) / TICKS_PER_NS);
    *flight = (struct irqsim_flight){.is_raised = false};
}

static void see_ipi(struct irqsim *sim, uint32_t index)
{
    struct irqsim_flight *flight = &sim->state.ipis[index];

    tell_ipi(sim, index, false);
    if (flight->is_raised && !flight->is_seen) {
        vmc_hist_add(&sim->state.ipi_ns,
                     (now_tick(sim) - flight->raised_tick) / TICKS_PER_NS);
        flight->is_raised = false;
    }
}

/* The access of @index has come to its end: let it act, and note what it
 * shows or clears. Returns what a read gave. */
static uint64_t finish_access(struct irqsim *sim, uint32_t index)
{
    struct irqsim_vcpu *vcpu = &sim->state.vcpus[index];
    const struct guest_access *access = &vcpu->access;
    struct guest_routine *routine = &vcpu->routine;
    uint64_t data = sim->ops->access(sim->machine, index, access);
    uint64_t bits;

    vcpu->accesses++;
    sim->state.counts.accesses++;
    if (vcpu->flow != FLOW_NONE) {
        return data;
    }
    if (routine->kind == GUEST_IPI_RECEIVE) {
        tell_access(sim, index);
        if (!access->is_write) {
            see_ipi(sim, index);
            vcpu->ipi_actions = (uint32_t)__builtin_popcountll(data);
        }
        return data;
    }
    bits = access->is_write ? access->data : data;
    for (uint32_t base = ((uint32_t)access->address & 0x1f) * 8; bits != 0;
         bits &= bits - 1) {
        uint32_t vector = base + vmc_bits_low(bits);

        if (access->is_write) {
            clear_vector(sim, index, vector);
        } else {
            see_vector(sim, index, vector);
        }
    }
    return data;
}

/* A device's handler has run; a level line goes down with it. */
static void finish_handler(struct irqsim *sim, uint32_t index, uint32_t vector)
{
    tell_vector(sim, index, vector, "handled");
    if (get_bit(sim->state.is_level, vector) &&
        get_bit(sim->state.levels, vector)) {
        irqsim_input(sim, vector, false, true);
    }
}

/* Begin the routine for the lowest line that is left. False: none is. */
static bool start_routine(struct irqsim *sim, uint32_t index)
{
    struct irqsim_vcpu *vcpu = &sim->state.vcpus[index];
    uint32_t line;

    if (vcpu->to_serve == 0) {
        return false;
    }
    line = vmc_bits_low(vcpu->to_serve);
    vcpu->to_serve &= vcpu->to_serve - 1;
    vcpu->routine =
        line == IRQSIM_IPI_LINE
            ? (struct guest_routine){.kind = GUEST_IPI_RECEIVE, .vcpu = index}
            : (struct guest_routine){.kind = GUEST_DISPATCH,
                                     .vcpu = index,
                                     .pin = line - IRQSIM_HWI0};
    step_after(sim, index, sim->config.timing.dispatch);
    return true;
}

/* The routine has given out its last access. */
static void end_routine(struct irqsim *sim, struct irqsim_vcpu *vcpu)
{
    if (vcpu->routine.kind == GUEST_DISPATCH &&
        vcpu->routine.words_pending == 0) {
        vcpu->spurious++;
        sim->state.counts.spurious++;
    }
    vcpu->routine.kind = GUEST_ROUTINE_COUNT;
}

/* Set up what stage @flow of @vector does. */
static void begin_flow(struct irqsim *sim, struct irqsim_vcpu *vcpu,
                       uint32_t vector, enum flow flow)
{
    static const enum guest_routine_kind kinds[] = {
        [FLOW_MASK] = GUEST_PIC_MASK,
        [FLOW_ACK] = GUEST_PIC_ACK,
        [FLOW_UNMASK] = GUEST_PIC_UNMASK,
    };

    vcpu->flow = flow;
    if (flow == FLOW_MASK || flow == FLOW_ACK || flow == FLOW_UNMASK) {
        vcpu->flow_routine = (struct guest_routine){
            .kind = kinds[flow], .pin = sim->state.pic_pins[vector] - 1U};
    }
}

static enum flow first_flow(const struct irqsim *sim, uint32_t vector)
{
    if (sim->state.pic_pins[vector] == 0) {
        return FLOW_HANDLER;
    }
    return get_bit(sim->state.is_level, vector) ? FLOW_MASK : FLOW_ACK;
}

static enum flow next_flow(const struct irqsim *sim, uint32_t vector,
                           enum flow flow)
{
    if (flow == FLOW_HANDLER && (sim->state.pic_pins[vector] == 0 ||
                                 !get_bit(sim->state.is_level, vector))) {
        return FLOW_END;
    }
    return flow + 1;
}

/* Go on with the vectors that were cleared; @read is what the last access of
 * a flow gave. False: all of them are handled. */
static bool handle_vectors(struct irqsim *sim, uint32_t index, uint64_t read)
{
    struct irqsim_vcpu *vcpu = &sim->state.vcpus[index];

    while (vcpu->to_handle != 0) {
        uint32_t vector = vcpu->handle_base + vmc_bits_low(vcpu->to_handle);

        switch ((enum flow)vcpu->flow) {
        case FLOW_NONE:
            begin_flow(sim, vcpu, vector, first_flow(sim, vector));
            break;
        case FLOW_HANDLER:
            step_after(sim, index, sim->config.timing.handler);
            return true;
        case FLOW_MASK:
        case FLOW_ACK:
        case FLOW_UNMASK:
            if (guest_next(&sim->config.guest, &vcpu->flow_routine, read,
                           &vcpu->access)) {
                vcpu->has_access = true;
                step_after(sim, index, irqsim_access_ticks(sim, &vcpu->access));
                return true;
            }
            begin_flow(sim, vcpu, vector, next_flow(sim, vector, vcpu->flow));
            break;
        case FLOW_END:
            vcpu->flow = FLOW_NONE;
            vcpu->to_handle &= vcpu->to_handle - 1;
            break;
        }
    }
    return false;
}

static void on_step(void *device, uint64_t argument)
{
    struct irqsim *sim = device;
    uint32_t index = (uint32_t)argument;
    struct irqsim_vcpu *vcpu = &sim->state.vcpus[index];
    uint64_t read = 0;

    if (vcpu->has_access) {
        vcpu->has_access = false;
        read = finish_access(sim, index);
        if (vcpu->flow == FLOW_NONE) {
            vcpu->to_handle = vcpu->routine.pending;
            vcpu->handle_base = vcpu->routine.pending_base;
        }
    } else if (vcpu->flow == FLOW_HANDLER) {
        uint32_t vector = vcpu->handle_base + vmc_bits_low(vcpu->to_handle);

        finish_handler(sim, index, vector);
        begin_flow(sim, vcpu, vector, next_flow(sim, vector, FLOW_HANDLER));
    }
    if (vcpu->to_handle != 0) {
        if (handle_vectors(sim, index, read)) {
            return;
        }
        read = 0;
    }
    if (vcpu->routine.kind != GUEST_ROUTINE_COUNT) {
        if (guest_next(&sim->config.guest, &vcpu->routine, read,
                       &vcpu->access)) {
            vcpu->has_access = true;
            step_after(sim, index, irqsim_access_ticks(sim, &vcpu->access));
            return;
        }
        end_routine(sim, vcpu);
    }
    if (vcpu->ipi_actions > 0) {
        uint64_t ticks = vcpu->ipi_actions * sim->config.timing.ipi_action;

        vcpu->ipi_actions = 0;
        step_after(sim, index, ticks);
        return;
    }
    if (!start_routine(sim, index)) {
        vmc_engine_schedule(sim->engine, sim->config.timing.leave,
                            VMC_PHASE_VCPU, sim->leave_handler, index);
    }
}

/* ---- The outside -------------------------------------------------------- */

enum vmc_status irqsim_init(struct irqsim *sim,
                            const struct irqsim_config *config,
                            struct vmc_engine *engine,
                            const struct irqsim_ops *ops, void *machine)
{
    const struct vmc_router_config router = {
        .clock = {config->timing.node_period},
        .vector_ticks = config->timing.router_vector,
        .hop_ticks = config->timing.router_hop,
        .node_count = config->node_count,
    };
    enum vmc_status status;

    if (config->guest.vcpu_count < 1 ||
        config->guest.vcpu_count > GUEST_VCPUS_MAX ||
        config->cores_per_node < 1) {
        return VMC_E_RANGE;
    }
    *sim = (struct irqsim){
        .config = *config, .engine = engine, .ops = ops, .machine = machine};
    status = vmc_router_init(&sim->router, &router, engine, &router_ops, sim);
    if (status != VMC_OK) {
        return status;
    }
    for (uint32_t i = 0; i < config->guest.vcpu_count; i++) {
        sim->state.vcpus[i].mode = IRQSIM_IDLE;
    }
    sim->line_handler =
        vmc_engine_add_handler(engine, "vcpu-line", 0, on_line, sim);
    sim->enter_handler =
        vmc_engine_add_handler(engine, "vcpu-enter", 0, on_enter, sim);
    sim->step_handler =
        vmc_engine_add_handler(engine, "vcpu-step", 0, on_step, sim);
    sim->leave_handler =
        vmc_engine_add_handler(engine, "vcpu-leave", 0, on_leave, sim);
    sim->idle_handler =
        vmc_engine_add_handler(engine, "vcpu-idle", 0, on_idle, sim);
    return VMC_OK;
}

void irqsim_observe(struct irqsim *sim, const struct irqsim_observer *observer,
                    void *watcher)
{
    assert(sim->watch_count < IRQSIM_WATCHES_MAX);
    sim->watches[sim->watch_count++] = (struct irqsim_watch){observer, watcher};
    if (observer->router != NULL) {
        sim->router.ops = &watched_router_ops;
    }
}

uint32_t irqsim_unfinished(const struct irqsim *sim)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < VMC_ROUTER_VECTORS; i++) {
        const struct irqsim_flight *flight = &sim->state.vectors[i];

        count += flight->is_raised && flight->is_pending && !flight->is_seen;
    }
    return count;
}

void irqsim_add_state(struct irqsim *sim, struct vmc_state_map *map)
{
    vmc_state_add(map, "irqsim", &sim->state, sizeof(sim->state));
    vmc_state_add(map, "router", &sim->router.state, sizeof(sim->router.state));
    vmc_state_add(map, "guest", &sim->config.guest, sizeof(sim->config.guest));
}
