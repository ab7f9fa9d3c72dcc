/* SPDX-License-Identifier: MIT */
/*
 * Slices of a CPU nest as contexts do: a batch of callbacks, a callback in it,
 * an interrupt in that. A log may begin inside any of them, and a thread that
 * runs a batch may move to another CPU, so each CPU keeps what kinds of slices
 * are open; an end closes the slices down to one of its kind, or nothing.
 */
#include "sim/replay/rcu_timeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/machine/timeline_file.h"

enum {
    NAME_BYTES = 96,
    DEPTH_MAX = 8, /* contexts of a CPU; deeper ones are not shown */
    FLAVOURS_MAX = 4,
    SEQUENCE_STATE_BITS = 2, /* of a grace period's number (rcu_seq) */
};

enum kind { BATCH, CALLBACK, INTERRUPT };

struct cpu_track {
    uint32_t track; /* + 1; 0: none yet */
    uint32_t depth;
    uint8_t open[DEPTH_MAX]; /* enum kind */
};

/* All that changes; plain data. */
struct rcu_timeline_state {
    uint32_t group, predicted_group; /* + 1 */
    uint32_t predicted_track;
    uint32_t pending;   /* as the counter shows it */
    uint64_t last_tick; /* of the recording */
    struct cpu_track cpus[RCU_CPUS_MAX];
    struct {
        uint64_t name; /* number of the text, + 1 */
        uint32_t track;
    } flavours[FLAVOURS_MAX];
};

struct rcu_timeline {
    struct vmc_timeline *timeline;
    const struct vmc_reader *reader;
    struct rcu_timeline_state state;
};

/* ---- Tracks ------------------------------------------------------------- */

static uint32_t group_of(struct rcu_timeline *self)
{
    if (self->state.group == 0) {
        self->state.group =
            1 + vmc_timeline_add_group(self->timeline, "RCU, recorded");
    }
    return self->state.group - 1;
}

static struct cpu_track *cpu_of(struct rcu_timeline *self, uint32_t number)
{
    struct cpu_track *cpu = &self->state.cpus[number];
    char name[NAME_BYTES];

    if (cpu->track == 0) {
        (void)snprintf(name, sizeof(name), "CPU %u", (unsigned)number);
        cpu->track =
            1 + vmc_timeline_add_track(self->timeline, group_of(self), name);
    }
    return cpu;
}

/* The track of the flavour whose name is text @text, or false. */
static bool flavour_track(struct rcu_timeline *self, uint64_t text,
                          uint32_t *track)
{
    char name[NAME_BYTES];

    for (uint32_t i = 0; i < FLAVOURS_MAX; i++) {
        if (self->state.flavours[i].name == 0) {
            (void)snprintf(name, sizeof(name), "%s grace periods",
                           vmc_reader_text(self->reader, text));
            self->state.flavours[i].name = text + 1;
            self->state.flavours[i].track =
                vmc_timeline_add_track(self->timeline, group_of(self), name);
        }
        if (self->state.flavours[i].name == text + 1) {
            *track = self->state.flavours[i].track;
            return true;
        }
    }
    return false;
}

/* ---- Contexts of a CPU -------------------------------------------------- */

static void enter(struct rcu_timeline *self, const struct vmc_record *record,
                  enum kind kind, const char *name,
                  const struct vmc_timeline_arg *arg)
{
    struct cpu_track *cpu = cpu_of(self, record->cpu);

    if (cpu->depth < DEPTH_MAX) {
        cpu->open[cpu->depth++] = (uint8_t)kind;
        vmc_timeline_begin_with(self->timeline, cpu->track - 1,
                                timeline_tick(record->time_ns), name, arg,
                                arg != NULL);
    }
}

static bool is_open(const struct cpu_track *cpu, enum kind kind)
{
    for (uint32_t i = 0; i < cpu->depth; i++) {
        if (cpu->open[i] == kind) {
            return true;
        }
    }
    return false;
}

/* End the slices of the record's CPU down to the innermost one of @kind. */
static void leave(struct rcu_timeline *self, const struct vmc_record *record,
                  enum kind kind)
{
    struct cpu_track *cpu = cpu_of(self, record->cpu);
    bool is_last = !is_open(cpu, kind);

    while (!is_last) {
        is_last = cpu->open[--cpu->depth] == kind;
        vmc_timeline_end(self->timeline, cpu->track - 1,
                         timeline_tick(record->time_ns));
    }
}

/* ---- Records ------------------------------------------------------------ */

static void take_grace(struct rcu_timeline *self,
                       const struct vmc_record *record)
{
    const char *event = vmc_reader_text(self->reader, record->args[2]);
    const struct vmc_timeline_arg args[] = {
        {"line", record->line},
        {"number", record->args[1] >> SEQUENCE_STATE_BITS}};
    uint64_t tick = timeline_tick(record->time_ns);
    uint32_t track;

    if (!flavour_track(self, record->args[0], &track)) {
        return;
    }
    if (strcmp(event, "start") == 0) {
        if (vmc_timeline_depth(self->timeline, track) > 0) {
            vmc_timeline_end(self->timeline, track, tick);
        }
        vmc_timeline_begin_with(self->timeline, track, tick, "grace period",
                                args, VMC_COUNT_OF(args));
    } else if (strcmp(event, "end") == 0) {
        vmc_timeline_end(self->timeline, track, tick);
    }
}

/* A look at CPUs that have not reported: "fqsstart" and "fqsend" and others. */
static void take_scan(struct rcu_timeline *self,
                      const struct vmc_record *record, const char *name)
{
    uint32_t track;

    if (flavour_track(self, record->args[0], &track)) {
        vmc_timeline_instant(self->timeline, track,
                             timeline_tick(record->time_ns), name);
    }
}

static void take_call(struct rcu_timeline *self,
                      const struct vmc_record *record, struct rcu_step step)
{
    uint32_t track = cpu_of(self, record->cpu)->track - 1;
    uint64_t tick = timeline_tick(record->time_ns);
    const struct vmc_timeline_arg arg = {"line", record->line};
    char name[NAME_BYTES];

    (void)snprintf(name, sizeof(name), "call_rcu %s",
                   vmc_reader_text(self->reader, record->args[2]));
    vmc_timeline_begin_with(self->timeline, track, tick, name, &arg, 1);
    if (step.replaced_line != 0) {
        vmc_timeline_flow_in(self->timeline, track, tick, step.replaced_line,
                             "callback");
    }
    if (step.queued_line != 0) {
        vmc_timeline_flow_out(self->timeline, track, tick, step.queued_line,
                              "callback");
    }
    vmc_timeline_end(self->timeline, track, tick);
}

/* A callback lasts until the next one of its batch, or the batch's end. */
static void take_invoke(struct rcu_timeline *self,
                        const struct vmc_record *record, struct rcu_step step)
{
    const struct cpu_track *cpu = cpu_of(self, record->cpu);
    const struct vmc_timeline_arg arg = {"line", record->line};
    const char *name = record->kind == VMC_REC_RCU_INVOKE
                           ? vmc_reader_text(self->reader, record->args[2])
                           : "kfree_rcu";

    leave(self, record, CALLBACK);
    enter(self, record, CALLBACK, name, &arg);
    if (step.invoked_line != 0) {
        uint64_t tick = timeline_tick(record->time_ns);

        if (cpu->depth > 0) {
            vmc_timeline_flow_in(self->timeline, cpu->track - 1, tick,
                                 step.invoked_line, "callback");
        }
    }
}

static void count_pending(struct rcu_timeline *self,
                          const struct vmc_record *record, uint32_t pending)
{
    if (pending != self->state.pending) {
        self->state.pending = pending;
        vmc_timeline_counter(self->timeline, group_of(self),
                             timeline_tick(record->time_ns),
                             "callbacks outstanding", pending);
    }
}

void rcu_timeline_record(struct rcu_timeline *self,
                         const struct vmc_record *record,
                         const struct rcu_log *log)
{
    struct rcu_step step = rcu_log_step(log);
    struct vmc_timeline_arg arg = {"callbacks", record->args[1]};

    self->state.last_tick = timeline_tick(record->time_ns);
    switch (record->kind) {
    case VMC_REC_IRQ_HANDLER_ENTRY:
        arg = (struct vmc_timeline_arg){"irq", record->args[0]};
        enter(self, record, INTERRUPT,
              vmc_reader_text(self->reader, record->args[1]), &arg);
        break;
    case VMC_REC_IRQ_HANDLER_EXIT:
        leave(self, record, INTERRUPT);
        break;
    case VMC_REC_RCU_GRACE_PERIOD:
        take_grace(self, record);
        break;
    case VMC_REC_RCU_FQS:
        take_scan(self, record, vmc_reader_text(self->reader, record->args[3]));
        break;
    case VMC_REC_RCU_QS_REPORT:
        take_scan(self, record, "quiescent states reported");
        break;
    case VMC_REC_RCU_CALLBACK:
        take_call(self, record, step);
        break;
    case VMC_REC_RCU_BATCH_START:
        enter(self, record, BATCH, "callbacks", &arg);
        break;
    case VMC_REC_RCU_BATCH_END:
        leave(self, record, BATCH);
        break;
    case VMC_REC_RCU_INVOKE:
    case VMC_REC_RCU_INVOKE_KVFREE:
        take_invoke(self, record, step);
        break;
    default:
        break;
    }
    count_pending(self, record, step.pending);
}

/* ---- The prediction ----------------------------------------------------- */

static uint32_t predicted_group(struct rcu_timeline *self)
{
    if (self->state.predicted_group == 0) {
        self->state.predicted_group =
            1 + vmc_timeline_add_group(self->timeline, "RCU, predicted");
        self->state.predicted_track = vmc_timeline_add_track(
            self->timeline, self->state.predicted_group - 1, "grace periods");
    }
    return self->state.predicted_group - 1;
}

void rcu_timeline_predicted(struct rcu_timeline *self, uint64_t tick,
                            uint64_t ticks)
{
    uint64_t least;

    (void)predicted_group(self);
    least =
        vmc_timeline_track_tick(self->timeline, self->state.predicted_track);
    vmc_timeline_begin(self->timeline, self->state.predicted_track,
                       tick - ticks > least ? tick - ticks : least,
                       "grace period");
    vmc_timeline_end(self->timeline, self->state.predicted_track, tick);
}

void rcu_timeline_predicted_pending(struct rcu_timeline *self, uint64_t tick,
                                    uint64_t pending)
{
    vmc_timeline_counter(self->timeline, predicted_group(self), tick,
                         "callbacks outstanding", pending);
}

/* ---- Life --------------------------------------------------------------- */

enum vmc_status rcu_timeline_new(struct rcu_timeline **out,
                                 struct vmc_timeline *timeline,
                                 const struct vmc_reader *reader)
{
    struct rcu_timeline *self = calloc(1, sizeof(*self));

    *out = self;
    if (self == NULL) {
        return VMC_E_NOMEM;
    }
    self->timeline = timeline;
    self->reader = reader;
    return VMC_OK;
}

static void show_pending(void *owner, uint64_t line, uint32_t number)
{
    struct rcu_timeline *self = owner;
    const struct cpu_track *cpu = cpu_of(self, number);
    uint32_t track = cpu->track - 1;
    uint64_t tick = vmc_timeline_track_tick(self->timeline, track);

    if (vmc_timeline_depth(self->timeline, track) == 0) {
        vmc_timeline_begin(self->timeline, track, tick, "not run");
    }
    vmc_timeline_flow_in(self->timeline, track, tick, line, "callback");
}

void rcu_timeline_finish(struct rcu_timeline *self, const struct rcu_log *log)
{
    for (uint32_t i = 0; i < RCU_CPUS_MAX; i++) {
        struct cpu_track *cpu = &self->state.cpus[i];

        for (; cpu->depth > 0; cpu->depth--) {
            uint32_t track = cpu->track - 1;

            vmc_timeline_end(self->timeline, track,
                             vmc_timeline_track_tick(self->timeline, track));
        }
    }
    rcu_log_each_pending(log, show_pending, self);
    for (uint32_t i = 0; i < RCU_CPUS_MAX; i++) {
        if (self->state.cpus[i].track != 0) {
            vmc_timeline_end(self->timeline, self->state.cpus[i].track - 1,
                             self->state.last_tick);
        }
    }
    for (uint32_t i = 0; i < FLAVOURS_MAX; i++) {
        if (self->state.flavours[i].name != 0) {
            vmc_timeline_end(self->timeline, self->state.flavours[i].track,
                             self->state.last_tick);
        }
    }
}

void rcu_timeline_archive(struct rcu_timeline *self,
                          struct vmc_archive *archive)
{
    VMC_ARCHIVE(archive, self->state);
}

void rcu_timeline_free(struct rcu_timeline *self)
{
    free(self);
}
