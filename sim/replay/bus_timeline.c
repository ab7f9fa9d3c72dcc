/* SPDX-License-Identifier: MIT */
/*
 * Accesses are told when their ends are known, in the order of each thread. An
 * acknowledgement is told at once, so it has a track of its own beside them.
 */
#include "sim/replay/bus_timeline.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/machine/timeline_file.h"

enum { NAME_BYTES = 96 };

enum group { RECORDED, LINES, SIMULATED, GROUP_COUNT };

/* What a thread has tracks for. */
enum lane { ACCESSES, EXITS, ACKS, MODEL, LANE_COUNT };

/* All that changes; plain data. A number of a track or group is + 1; 0: it has
 * not been added yet. */
struct bus_timeline_state {
    uint32_t groups[GROUP_COUNT];
    uint32_t threads[BUS_LOG_THREADS_MAX][LANE_COUNT];
    uint32_t lines[IRQ_LINES_MAX];
    uint64_t arrows, last_tick; /* of the recording */
};

struct bus_timeline {
    struct vmc_timeline *timeline;
    const struct vmc_reader *reader;
    const struct bus_log *log;
    struct bus_timeline_state state;
};

/* ---- Tracks ------------------------------------------------------------- */

static uint32_t group_of(struct bus_timeline *self, enum group group)
{
    static const char *const names[] = {
        [RECORDED] = "KVM threads, recorded",
        [LINES] = "KVM interrupt lines, recorded",
        [SIMULATED] = "KVM threads, simulated",
    };

    static_assert(VMC_COUNT_OF(names) == GROUP_COUNT, "a name a group");
    if (self->state.groups[group] == 0) {
        self->state.groups[group] =
            1 + vmc_timeline_add_group(self->timeline, names[group]);
    }
    return self->state.groups[group] - 1;
}

static uint32_t lane_of(struct bus_timeline *self, uint32_t thread,
                        enum lane lane)
{
    static const char *const names[] = {[ACCESSES] = "",
                                        [EXITS] = ", exits",
                                        [ACKS] = ", interrupts",
                                        [MODEL] = ""};
    uint32_t *track = &self->state.threads[thread][lane];
    char name[NAME_BYTES];

    static_assert(VMC_COUNT_OF(names) == LANE_COUNT, "a name a lane");
    if (*track == 0) {
        (void)snprintf(name, sizeof(name), "thread %" PRIu32 "%s",
                       bus_log_thread(self->log, thread), names[lane]);
        *track =
            1 + vmc_timeline_add_track(
                    self->timeline,
                    group_of(self, lane == MODEL ? SIMULATED : RECORDED), name);
    }
    return *track - 1;
}

static uint32_t line_track(struct bus_timeline *self, uint32_t line)
{
    char name[NAME_BYTES];

    if (self->state.lines[line] == 0) {
        (void)snprintf(name, sizeof(name), "line %" PRIu32, line);
        self->state.lines[line] =
            1 +
            vmc_timeline_add_track(self->timeline, group_of(self, LINES), name);
    }
    return self->state.lines[line] - 1;
}

/* The number of the thread that the record is of; false: it has none yet. */
static bool thread_of(const struct bus_timeline *self, uint32_t id,
                      uint32_t *thread)
{
    uint32_t count = bus_log_thread_count(self->log);

    for (*thread = 0; *thread < count; ++*thread) {
        if (bus_log_thread(self->log, *thread) == id) {
            return true;
        }
    }
    return false;
}

static uint64_t not_before(const struct bus_timeline *self, uint32_t track,
                           uint64_t tick)
{
    uint64_t least = vmc_timeline_track_tick(self->timeline, track);

    return tick > least ? tick : least;
}

/* ---- Accesses ----------------------------------------------------------- */

static const char *served_by(enum vmc_dispatch mode, enum bus_time time)
{
    switch (mode) {
    case VMC_DISPATCH_EXIT:
        return time == BUS_TIME_EXACT   ? "user space"
               : time == BUS_TIME_BOUND ? "user space, at most"
                                        : "user space, time not known";
    case VMC_DISPATCH_IOEVENTFD:
        return "ioeventfd";
    case VMC_DISPATCH_COALESCED:
        return "coalesced ring";
    default:
        return "kernel";
    }
}

static void name_access(char name[NAME_BYTES], const struct bus_range *range,
                        bool is_write)
{
    (void)snprintf(name, NAME_BYTES, "%s %s", range->name,
                   is_write ? "write" : "read");
}

void bus_timeline_access(struct bus_timeline *self,
                         const struct bus_access *access,
                         const struct bus_range *range, enum vmc_dispatch mode)
{
    const struct vmc_timeline_arg args[] = {
        {"line", access->line},      {"address", access->addr},
        {"value", access->value},    {"bytes", access->len},
        {"elements", access->count}, {"exits", access->exits}};
    uint32_t track = lane_of(self, access->thread, ACCESSES);
    uint64_t start = not_before(self, track, timeline_tick(access->start_ns));
    uint64_t end = timeline_tick(access->end_ns);
    char name[NAME_BYTES];

    if (end < start || access->time == BUS_TIME_NONE) {
        end = start;
    }
    name_access(name, range, access->is_write);
    vmc_timeline_begin_with(self->timeline, track, start, name, args,
                            VMC_COUNT_OF(args));
    vmc_timeline_begin(self->timeline, track, start,
                       served_by(mode, access->time));
    vmc_timeline_end(self->timeline, track, end);
    vmc_timeline_end(self->timeline, track, end);
}

void bus_timeline_simulated(struct bus_timeline *self, uint32_t thread,
                            uint64_t tick, uint64_t ticks,
                            const struct bus_range *range, bool is_write,
                            enum vmc_dispatch mode)
{
    uint32_t track = lane_of(self, thread, MODEL);
    uint64_t start = not_before(self, track, tick - ticks);
    char name[NAME_BYTES];

    name_access(name, range, is_write);
    vmc_timeline_begin(self->timeline, track, start, name);
    vmc_timeline_begin(self->timeline, track, start,
                       served_by(mode, BUS_TIME_EXACT));
    vmc_timeline_end(self->timeline, track, tick);
    vmc_timeline_end(self->timeline, track, tick);
}

/* ---- Exits and interrupts ----------------------------------------------- */

static void take_exit(struct bus_timeline *self,
                      const struct vmc_record *record, bool is_entry)
{
    uint64_t tick = timeline_tick(record->time_ns);
    uint32_t thread, track;

    if (!thread_of(self, record->thread, &thread)) {
        return;
    }
    track = lane_of(self, thread, EXITS);
    vmc_timeline_end(self->timeline, track, tick);
    if (!is_entry) {
        const struct vmc_timeline_arg args[] = {{"line", record->line},
                                                {"pc", record->args[1]}};

        vmc_timeline_begin_with(self->timeline, track, tick,
                                vmc_reader_text(self->reader, record->args[2]),
                                args, VMC_COUNT_OF(args));
    }
}

static void show_line(struct bus_timeline *self, uint32_t line,
                      uint64_t since_ns, uint64_t until, const char *what,
                      uint64_t arrow)
{
    uint32_t track = line_track(self, line);
    uint64_t start = not_before(self, track, timeline_tick(since_ns));

    vmc_timeline_begin(self->timeline, track, start, what);
    if (arrow != 0) {
        vmc_timeline_flow_out(self->timeline, track, start, arrow,
                              "acknowledgement of a line");
    }
    vmc_timeline_end(self->timeline, track, until > start ? until : start);
}

/* The thread that acknowledges may be none of those that access. */
static void take_ack(struct bus_timeline *self, const struct vmc_record *record,
                     struct irq_ack ack)
{
    uint64_t tick = timeline_tick(record->time_ns);
    uint32_t thread, track;
    char name[NAME_BYTES];

    if (!ack.was_waiting) {
        return;
    }
    if (!thread_of(self, record->thread, &thread)) {
        show_line(self, ack.line, ack.since_ns, tick, "raised", 0);
        return;
    }
    show_line(self, ack.line, ack.since_ns, tick, "raised",
              ++self->state.arrows);
    (void)snprintf(name, sizeof(name), "acknowledges line %" PRIu32, ack.line);
    track = lane_of(self, thread, ACKS);
    vmc_timeline_begin(self->timeline, track, tick, name);
    vmc_timeline_flow_in(self->timeline, track, tick, self->state.arrows,
                         "acknowledgement of a line");
    vmc_timeline_end(self->timeline, track, tick);
}

void bus_timeline_record(struct bus_timeline *self,
                         const struct vmc_record *record, struct irq_ack ack)
{
    self->state.last_tick = timeline_tick(record->time_ns);
    switch (record->kind) {
    case VMC_REC_KVM_ENTRY:
        take_exit(self, record, true);
        break;
    case VMC_REC_KVM_EXIT:
    case VMC_REC_KVM_EXIT_IDLE:
    case VMC_REC_KVM_EXIT_CACHE:
        take_exit(self, record, false);
        break;
    case VMC_REC_KVM_ACK_IRQ:
        take_ack(self, record, ack);
        break;
    default:
        break;
    }
}

/* ---- Life --------------------------------------------------------------- */

enum vmc_status bus_timeline_new(struct bus_timeline **out,
                                 struct vmc_timeline *timeline,
                                 const struct vmc_reader *reader,
                                 const struct bus_log *log)
{
    struct bus_timeline *self = calloc(1, sizeof(*self));

    *out = self;
    if (self == NULL) {
        return VMC_E_NOMEM;
    }
    self->timeline = timeline;
    self->reader = reader;
    self->log = log;
    return VMC_OK;
}

void bus_timeline_finish(struct bus_timeline *self,
                         const struct irq_lines *irqs)
{
    for (uint32_t line = 0; line < IRQ_LINES_MAX; line++) {
        if (irqs->lines[line].is_waiting) {
            show_line(self, line, irqs->lines[line].since_ns,
                      self->state.last_tick, "raised, not acknowledged", 0);
        }
    }
    for (uint32_t i = 0; i < bus_log_thread_count(self->log); i++) {
        if (self->state.threads[i][EXITS] != 0) {
            vmc_timeline_end(self->timeline, lane_of(self, i, EXITS),
                             self->state.last_tick);
        }
    }
}

void bus_timeline_archive(struct bus_timeline *self,
                          struct vmc_archive *archive)
{
    VMC_ARCHIVE(archive, self->state);
}

void bus_timeline_free(struct bus_timeline *self)
{
    free(self);
}
