/* SPDX-License-Identifier: MIT */
/*
 * A vector's slices are written when its status bit is cleared, all at once:
 * only then it is known whether it was delivered, withdrawn or never seen, and
 * so whether an arrow leaves. Its track has nothing else, so time does not run
 * back there. The device's handler follows on the vCPU; its slice is written at
 * its end, for that is what the vCPU tells. It began at the clear or where the
 * one before it ended. By then the vector may be on its way again.
 */
#include "sim/machine/irq_timeline.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAME_BYTES = 64,
    NO_GROUP = VMC_TIMELINE_GROUPS_MAX,
    WORD_VECTORS = 64, /* a vCPU handles one status word at a time */
};

/* One vector, or the IPIs to one vCPU. */
struct journey {
    uint32_t track; /* + 1; 0: none yet */
    uint64_t raised_tick, pending_tick, seen_tick;
    uint64_t coalesced; /* raised again on the way */
    bool is_raised, is_pending, is_seen;
};

/* All that changes; plain data. */
struct irq_timeline_state {
    uint32_t vcpu_group, device_group; /* NO_GROUP: not added yet */
    uint32_t vcpu_tracks[GUEST_VCPUS_MAX];
    enum irqsim_vcpu_mode modes[GUEST_VCPUS_MAX];
    uint64_t handler_ticks[GUEST_VCPUS_MAX]; /* the next one begins there */
    struct journey vectors[VMC_ROUTER_VECTORS], ipis[GUEST_VCPUS_MAX];
    uint64_t arrows; /* begun so far */
    /* Arrows to handlers that have not run yet; 0: none. */
    uint64_t to_handle[GUEST_VCPUS_MAX][WORD_VECTORS];
    uint32_t pending_count;
};

struct irq_timeline {
    struct vmc_timeline *timeline;
    const struct irqsim *sim;
    struct irq_timeline_state state;
};

/* ---- Groups and tracks -------------------------------------------------- */

static void add_groups(struct irq_timeline *self)
{
    struct irq_timeline_state *state = &self->state;
    char name[NAME_BYTES];

    if (state->vcpu_group != NO_GROUP) {
        return;
    }
    state->vcpu_group =
        vmc_timeline_add_group(self->timeline, "vCPUs, simulated");
    state->device_group =
        vmc_timeline_add_group(self->timeline, "interrupts, simulated");
    for (uint32_t i = 0; i < self->sim->config.guest.vcpu_count; i++) {
        (void)snprintf(name, sizeof(name), "vCPU %" PRIu32, i);
        state->vcpu_tracks[i] =
            vmc_timeline_add_track(self->timeline, state->vcpu_group, name);
    }
}

static uint32_t device_track(struct irq_timeline *self, struct journey *journey,
                             const char *name)
{
    if (journey->track == 0) {
        journey->track =
            1 + vmc_timeline_add_track(self->timeline, self->state.device_group,
                                       name);
    }
    return journey->track - 1;
}

static uint32_t vector_track(struct irq_timeline *self, uint32_t vector)
{
    uint32_t pin = self->sim->state.pic_pins[vector];
    char name[NAME_BYTES];

    if (pin != 0) {
        (void)snprintf(name, sizeof(name), "vector %" PRIu32 ", pin %" PRIu32,
                       vector, pin - 1);
    } else {
        (void)snprintf(name, sizeof(name), "vector %" PRIu32, vector);
    }
    return device_track(self, &self->state.vectors[vector], name);
}

/* ---- What a vCPU does --------------------------------------------------- */

static const char *mode_name(const struct irq_timeline *self, uint32_t vcpu,
                             enum irqsim_vcpu_mode mode)
{
    if (mode == IRQSIM_HANDLING) {
        return "handler";
    }
    if (self->state.modes[vcpu] == IRQSIM_HANDLING) {
        return "taken again";
    }
    return self->sim->state.vcpus[vcpu].was_idle ? "wake" : "kick";
}

static bool has_slice(enum irqsim_vcpu_mode mode)
{
    return mode == IRQSIM_ENTERING || mode == IRQSIM_HANDLING;
}

static void see_mode(void *watcher, uint64_t tick, uint32_t vcpu,
                     enum irqsim_vcpu_mode mode)
{
    struct irq_timeline *self = watcher;
    uint32_t track;

    add_groups(self);
    track = self->state.vcpu_tracks[vcpu];
    if (has_slice(self->state.modes[vcpu])) {
        vmc_timeline_end(self->timeline, track, tick);
    }
    if (has_slice(mode)) {
        vmc_timeline_begin(self->timeline, track, tick,
                           mode_name(self, vcpu, mode));
    }
    self->state.modes[vcpu] = mode;
    self->state.handler_ticks[vcpu] = tick;
}

/* ---- What becomes of a vector ------------------------------------------- */

static void count_pending(struct irq_timeline *self, uint64_t tick,
                          struct journey *journey, bool is_pending)
{
    if (journey->is_pending == is_pending) {
        return;
    }
    journey->is_pending = is_pending;
    self->state.pending_count += is_pending ? 1U : UINT32_MAX;
    vmc_timeline_counter(self->timeline, self->state.device_group, tick,
                         "pending vectors", self->state.pending_count);
}

static void put_stage(struct irq_timeline *self, uint32_t track, uint64_t from,
                      uint64_t until, const char *name)
{
    vmc_timeline_begin(self->timeline, track, from, name);
    vmc_timeline_end(self->timeline, track, until);
}

/* Write the slices of a journey that ends at @tick as @what; @arrow leaves it,
 * or 0. */
static void put_journey(struct irq_timeline *self, struct journey *journey,
                        uint32_t track, uint64_t tick, const char *what,
                        uint64_t arrow)
{
    const struct vmc_timeline_arg args[] = {{"coalesced", journey->coalesced}};
    bool was_pending = journey->pending_tick != 0;
    uint64_t pending = was_pending ? journey->pending_tick : tick;

    vmc_timeline_begin_with(self->timeline, track, journey->raised_tick, what,
                            args, journey->coalesced > 0);
    if (arrow != 0) {
        vmc_timeline_flow_out(self->timeline, track, journey->raised_tick,
                              arrow, "interrupt");
    }
    put_stage(self, track, journey->raised_tick, pending, "on its way");
    if (was_pending) {
        put_stage(self, track, pending,
                  journey->is_seen ? journey->seen_tick : tick, "pending");
    }
    if (journey->is_seen) {
        put_stage(self, track, journey->seen_tick, tick, "seen");
    }
    vmc_timeline_end(self->timeline, track, tick);
    *journey = (struct journey){.track = journey->track,
                                .is_pending = journey->is_pending};
}

static void raise_vector(struct irq_timeline *self, uint64_t tick,
                         uint32_t vector)
{
    struct journey *journey = &self->state.vectors[vector];

    if (journey->is_raised) {
        journey->coalesced++;
        return;
    }
    (void)vector_track(self, vector);
    journey->is_raised = true;
    journey->raised_tick = tick;
}

static void cleared(struct irq_timeline *self, uint64_t tick, uint32_t vcpu,
                    uint32_t vector)
{
    struct journey *journey = &self->state.vectors[vector];

    count_pending(self, tick, journey, false);
    self->state.handler_ticks[vcpu] = tick;
    if (journey->is_seen) {
        self->state.to_handle[vcpu][vector % WORD_VECTORS] =
            ++self->state.arrows;
        put_journey(self, journey, vector_track(self, vector), tick,
                    "delivered", self->state.arrows);
    }
}

static void handled(struct irq_timeline *self, uint64_t tick, uint32_t vcpu,
                    uint32_t vector)
{
    uint64_t *arrow = &self->state.to_handle[vcpu][vector % WORD_VECTORS];
    uint32_t track = self->state.vcpu_tracks[vcpu];
    char name[NAME_BYTES];

    (void)snprintf(name, sizeof(name), "vector %" PRIu32, vector);
    vmc_timeline_begin(self->timeline, track, self->state.handler_ticks[vcpu],
                       name);
    if (*arrow != 0) {
        vmc_timeline_flow_in(self->timeline, track,
                             self->state.handler_ticks[vcpu], *arrow,
                             "interrupt");
        *arrow = 0;
    }
    vmc_timeline_end(self->timeline, track, tick);
    self->state.handler_ticks[vcpu] = tick;
}

static void see_vector(void *watcher, uint64_t tick, uint32_t vcpu,
                       uint32_t vector, const char *what)
{
    struct irq_timeline *self = watcher;
    struct journey *journey = &self->state.vectors[vector];

    add_groups(self);
    if (strcmp(what, "raise") == 0) {
        raise_vector(self, tick, vector);
    } else if (strcmp(what, "pending") == 0) {
        journey->pending_tick = tick;
        count_pending(self, tick, journey, true);
    } else if (strcmp(what, "withdrawn") == 0) {
        count_pending(self, tick, journey, false);
        if (journey->is_raised) {
            put_journey(self, journey, vector_track(self, vector), tick, what,
                        0);
        }
    } else if (strcmp(what, "seen") == 0 && journey->is_raised &&
               !journey->is_seen) {
        journey->is_seen = true;
        journey->seen_tick = tick;
    } else if (strcmp(what, "clear") == 0) {
        cleared(self, tick, vcpu, vector);
    } else if (strcmp(what, "handled") == 0) {
        handled(self, tick, vcpu, vector);
    }
}

/* ---- IPIs --------------------------------------------------------------- */

static void see_ipi(void *watcher, uint64_t tick, uint32_t vcpu, bool is_sent)
{
    struct irq_timeline *self = watcher;
    struct journey *journey = &self->state.ipis[vcpu];
    char name[NAME_BYTES];
    uint32_t track;

    add_groups(self);
    if (is_sent) {
        journey->coalesced += journey->is_raised;
        if (!journey->is_raised) {
            journey->is_raised = true;
            journey->raised_tick = tick;
        }
        return;
    }
    if (!journey->is_raised) {
        return;
    }
    (void)snprintf(name, sizeof(name), "IPI to vCPU %" PRIu32, vcpu);
    track = device_track(self, journey, name);
    vmc_timeline_begin(self->timeline, track, journey->raised_tick, "IPI");
    if (vmc_timeline_depth(self->timeline, self->state.vcpu_tracks[vcpu]) > 0) {
        self->state.arrows++;
        vmc_timeline_flow_out(self->timeline, track, journey->raised_tick,
                              self->state.arrows, "IPI");
        vmc_timeline_flow_in(self->timeline, self->state.vcpu_tracks[vcpu],
                             tick, self->state.arrows, "IPI");
    }
    vmc_timeline_end(self->timeline, track, tick);
    *journey = (struct journey){.track = journey->track};
}

static const struct irqsim_observer observer = {
    .mode = see_mode, .vector = see_vector, .ipi = see_ipi};

/* ---- Life --------------------------------------------------------------- */

enum vmc_status irq_timeline_new(struct irq_timeline **out,
                                 struct vmc_timeline *timeline,
                                 struct irqsim *sim)
{
    struct irq_timeline *self = calloc(1, sizeof(*self));

    *out = self;
    if (self == NULL) {
        return VMC_E_NOMEM;
    }
    self->timeline = timeline;
    self->sim = sim;
    self->state.vcpu_group = self->state.device_group = NO_GROUP;
    irqsim_observe(sim, &observer, self);
    return VMC_OK;
}

void irq_timeline_finish(struct irq_timeline *self, uint64_t tick)
{
    for (uint32_t vector = 0; vector < VMC_ROUTER_VECTORS; vector++) {
        struct journey *journey = &self->state.vectors[vector];

        if (journey->is_raised) {
            put_journey(self, journey, vector_track(self, vector), tick,
                        "unfinished", 0);
        }
    }
}

void irq_timeline_archive(struct irq_timeline *self,
                          struct vmc_archive *archive)
{
    VMC_ARCHIVE(archive, self->state);
}

void irq_timeline_free(struct irq_timeline *self)
{
    free(self);
}
