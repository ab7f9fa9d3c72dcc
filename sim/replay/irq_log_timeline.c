/* SPDX-License-Identifier: MIT */
/*
 * A vCPU's track is written as the log goes. A vector's slices are written when
 * its flight has ended, for only then is known what it was; the arrow to the
 * read has by then been begun at its head.
 */
#include "sim/replay/irq_log_timeline.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/machine/timeline_file.h"

enum {
    NAME_BYTES = 64,
    NO_GROUP = VMC_TIMELINE_GROUPS_MAX,
    WORD_VECTORS = 32,
};

static const char arrow_name[] = "interrupt, recorded";
static const char ipi_arrow_name[] = "IPI, recorded";

/* All that changes; plain data. */
struct irq_log_timeline_state {
    uint32_t vcpu_group, vector_group; /* NO_GROUP: not added yet */
    uint32_t vcpu_tracks[LOG_VCPUS_MAX];
    uint32_t vector_tracks[LOG_VECTORS]; /* + 1; 0: none yet */
    bool is_serving[LOG_VCPUS_MAX];      /* its slice is open */
    /* Arrows whose other end is still to come, by number; 0: none. */
    uint64_t shown[LOG_VECTORS], ipis[LOG_VCPUS_MAX][LOG_IPI_BITS];
    struct log_flight flights[LOG_VECTORS]; /* as they were seen last */
    uint64_t arrows, last_ns;
    uint32_t pending;
};

struct irq_log_timeline {
    struct vmc_timeline *timeline;
    const struct interrupt_log *log;
    uint32_t vcpu_count;
    struct irq_log_timeline_state state;
};

/* ---- Tracks ------------------------------------------------------------- */

/* Something happens at @place: groups are there, and the time is known. */
static uint64_t begin_at(struct irq_log_timeline *self, struct log_place place)
{
    struct irq_log_timeline_state *state = &self->state;
    char name[NAME_BYTES];

    state->last_ns = place.time_ns;
    if (state->vcpu_group == NO_GROUP) {
        state->vcpu_group =
            vmc_timeline_add_group(self->timeline, "vCPUs, recorded");
        state->vector_group =
            vmc_timeline_add_group(self->timeline, "interrupts, recorded");
        for (uint32_t i = 0; i < self->vcpu_count; i++) {
            (void)snprintf(name, sizeof(name), "vCPU %" PRIu32, i);
            state->vcpu_tracks[i] =
                vmc_timeline_add_track(self->timeline, state->vcpu_group, name);
        }
    }
    return timeline_tick(place.time_ns);
}

static uint32_t vector_track(struct irq_log_timeline *self, uint32_t vector)
{
    uint32_t *track = &self->state.vector_tracks[vector];
    char name[NAME_BYTES];

    if (*track == 0) {
        (void)snprintf(name, sizeof(name), "vector %" PRIu32, vector);
        *track = 1 + vmc_timeline_add_track(self->timeline,
                                            self->state.vector_group, name);
    }
    return *track - 1;
}

/* ---- Vectors ------------------------------------------------------------ */

static void count_pending(struct irq_log_timeline *self, uint64_t tick)
{
    uint32_t pending = 0;

    for (uint32_t i = 0; i < LOG_VECTORS; i++) {
        const struct log_flight *flight = &self->log->vectors[i];

        pending += flight->is_open && flight->is_pending;
    }
    if (pending != self->state.pending) {
        self->state.pending = pending;
        vmc_timeline_counter(self->timeline, self->state.vector_group, tick,
                             "pending vectors", pending);
    }
}

static void put_stage(struct irq_log_timeline *self, uint32_t track,
                      uint64_t from, uint64_t until, const char *name)
{
    vmc_timeline_begin(self->timeline, track, from, name);
    vmc_timeline_end(self->timeline, track, until);
}

/* @flight of @vector ends at @tick. */
static void draw_flight(struct irq_log_timeline *self, uint32_t vector,
                        const struct log_flight *flight, uint64_t tick,
                        const char *unseen)
{
    const struct vmc_timeline_arg arg = {"line", flight->raised_line};
    uint32_t track = vector_track(self, vector);
    uint64_t raised = timeline_tick(flight->raised_ns);
    uint64_t seen = timeline_tick(flight->seen_ns);
    const char *name = flight->is_seen
                           ? flight->is_from_input ? "delivered" : "redelivered"
                       : flight->is_from_input ? unseen
                                               : "redelivered, not read";

    vmc_timeline_begin_with(self->timeline, track, raised, name, &arg, 1);
    if (self->state.shown[vector] != 0) {
        vmc_timeline_flow_out(self->timeline, track, raised,
                              self->state.shown[vector], arrow_name);
        self->state.shown[vector] = 0;
    }
    put_stage(self, track, raised, flight->is_seen ? seen : tick,
              "until it was read");
    if (flight->is_seen) {
        put_stage(self, track, seen, tick, "until it was cleared");
    }
    vmc_timeline_end(self->timeline, track, tick);
}

/* Look at @vector again; the end of a flight that nobody read is @unseen. */
static void look_at(struct irq_log_timeline *self, struct log_place place,
                    uint32_t vector, const char *unseen)
{
    const struct log_flight *now = &self->log->vectors[vector];
    struct log_flight *before = &self->state.flights[vector];
    uint64_t tick = begin_at(self, place);
    bool is_another = now->raised_line != before->raised_line ||
                      now->raised_ns != before->raised_ns;

    if (before->is_open && (!now->is_open || is_another)) {
        draw_flight(self, vector, before, tick, unseen);
    }
    memcpy(before, now, sizeof(*before));
    count_pending(self, tick);
}

void irq_log_timeline_vector(struct irq_log_timeline *self,
                             struct log_place place, uint32_t vector)
{
    look_at(self, place, vector,
            self->state.flights[vector].is_pending ? "withdrawn" : "masked");
}

/* ---- vCPUs -------------------------------------------------------------- */

/* "vector 35" or "vectors 35 38 ...". */
static void name_vectors(char name[NAME_BYTES], uint32_t word, uint32_t shown)
{
    int used = snprintf(name, NAME_BYTES, "%s",
                        (shown & (shown - 1)) == 0 ? "vector" : "vectors");

    for (; shown != 0 && used < NAME_BYTES - 8; shown &= shown - 1) {
        used += snprintf(name + used, NAME_BYTES - (size_t)used, " %" PRIu32,
                         word * WORD_VECTORS + vmc_bits_low(shown));
    }
    if (shown != 0) {
        (void)snprintf(name + used, NAME_BYTES - (size_t)used, " ...");
    }
}

void irq_log_timeline_access(struct irq_log_timeline *self,
                             struct log_place place, uint32_t vcpu)
{
    if (self->state.is_serving[vcpu]) {
        self->state.is_serving[vcpu] = false;
        vmc_timeline_end(self->timeline, self->state.vcpu_tracks[vcpu],
                         begin_at(self, place));
    }
}

void irq_log_timeline_cleared(struct irq_log_timeline *self,
                              struct log_place place, uint32_t vcpu,
                              uint32_t word, uint32_t bits)
{
    for (; bits != 0; bits &= bits - 1) {
        look_at(self, place, word * WORD_VECTORS + vmc_bits_low(bits), "lost");
    }
    irq_log_timeline_access(self, place, vcpu);
}

void irq_log_timeline_shown(struct irq_log_timeline *self,
                            struct log_place place, uint32_t vcpu,
                            uint32_t word, uint32_t shown)
{
    const struct vmc_timeline_arg arg = {"line", place.line};
    uint64_t tick = begin_at(self, place);
    uint32_t track = self->state.vcpu_tracks[vcpu];
    char name[NAME_BYTES];

    irq_log_timeline_access(self, place, vcpu);
    if (shown == 0) {
        return;
    }
    name_vectors(name, word, shown);
    vmc_timeline_begin_with(self->timeline, track, tick, name, &arg, 1);
    self->state.is_serving[vcpu] = true;
    for (; shown != 0; shown &= shown - 1) {
        uint32_t vector = word * WORD_VECTORS + vmc_bits_low(shown);

        look_at(self, place, vector, "");
        self->state.shown[vector] = ++self->state.arrows;
        vmc_timeline_flow_in(self->timeline, track, tick, self->state.arrows,
                             arrow_name);
    }
}

void irq_log_timeline_ipi_sent(struct irq_log_timeline *self,
                               struct log_place place, uint32_t sender,
                               uint32_t target, uint32_t bit, bool is_new)
{
    const struct vmc_timeline_arg args[] = {{"line", place.line},
                                            {"number", bit}};
    uint64_t tick = begin_at(self, place);
    uint32_t track = self->state.vcpu_tracks[sender];
    char name[NAME_BYTES];

    (void)snprintf(name, sizeof(name), "sends an IPI to vCPU %" PRIu32, target);
    vmc_timeline_begin_with(self->timeline, track, tick, name, args,
                            VMC_COUNT_OF(args));
    if (is_new) {
        self->state.ipis[target][bit] = ++self->state.arrows;
        vmc_timeline_flow_out(self->timeline, track, tick, self->state.arrows,
                              ipi_arrow_name);
    }
    vmc_timeline_end(self->timeline, track, tick);
}

static void end_ipi(struct irq_log_timeline *self, uint32_t vcpu, uint32_t bit,
                    uint64_t tick)
{
    if (self->state.ipis[vcpu][bit] != 0) {
        vmc_timeline_flow_in(self->timeline, self->state.vcpu_tracks[vcpu],
                             tick, self->state.ipis[vcpu][bit], ipi_arrow_name);
        self->state.ipis[vcpu][bit] = 0;
    }
}

void irq_log_timeline_ipi_read(struct irq_log_timeline *self,
                               struct log_place place, uint32_t vcpu,
                               uint32_t shown)
{
    const struct vmc_timeline_arg arg = {"line", place.line};
    uint64_t tick = begin_at(self, place);
    uint32_t track = self->state.vcpu_tracks[vcpu];

    if (shown == 0) {
        return;
    }
    vmc_timeline_begin_with(self->timeline, track, tick, "reads its IPIs", &arg,
                            1);
    for (; shown != 0; shown &= shown - 1) {
        end_ipi(self, vcpu, vmc_bits_low(shown), tick);
    }
    vmc_timeline_end(self->timeline, track, tick);
}

/* ---- Life --------------------------------------------------------------- */

enum vmc_status irq_log_timeline_new(struct irq_log_timeline **out,
                                     struct vmc_timeline *timeline,
                                     const struct interrupt_log *log,
                                     uint32_t vcpu_count)
{
    struct irq_log_timeline *self = calloc(1, sizeof(*self));

    *out = self;
    if (self == NULL) {
        return VMC_E_NOMEM;
    }
    self->timeline = timeline;
    self->log = log;
    self->vcpu_count = vcpu_count;
    self->state.vcpu_group = self->state.vector_group = NO_GROUP;
    return VMC_OK;
}

static void finish_vcpu(struct irq_log_timeline *self, uint32_t vcpu,
                        uint64_t tick)
{
    uint32_t track = self->state.vcpu_tracks[vcpu];
    bool has_open = false;

    vmc_timeline_end(self->timeline, track, tick);
    self->state.is_serving[vcpu] = false;
    for (uint32_t bit = 0; bit < LOG_IPI_BITS; bit++) {
        has_open |= self->state.ipis[vcpu][bit] != 0;
    }
    if (!has_open) {
        return;
    }
    vmc_timeline_begin(self->timeline, track, tick, "IPIs not read");
    for (uint32_t bit = 0; bit < LOG_IPI_BITS; bit++) {
        end_ipi(self, vcpu, bit, tick);
    }
    vmc_timeline_end(self->timeline, track, tick);
}

void irq_log_timeline_finish(struct irq_log_timeline *self)
{
    uint64_t tick = timeline_tick(self->state.last_ns);

    if (self->state.vcpu_group == NO_GROUP) {
        return;
    }
    for (uint32_t vcpu = 0; vcpu < self->vcpu_count; vcpu++) {
        finish_vcpu(self, vcpu, tick);
    }
    for (uint32_t vector = 0; vector < LOG_VECTORS; vector++) {
        const struct log_flight *flight = &self->log->vectors[vector];

        if (flight->is_open) {
            draw_flight(self, vector, flight, tick,
                        flight->is_pending ? "unfinished" : "masked");
        }
    }
}

void irq_log_timeline_archive(struct irq_log_timeline *self,
                              struct vmc_archive *archive)
{
    VMC_ARCHIVE(archive, self->state);
}

void irq_log_timeline_free(struct irq_log_timeline *self)
{
    free(self);
}
