/* SPDX-License-Identifier: MIT */
/*
 * Stretches come when they are over, one after the other on each track. A
 * stretch of work has the stages that it was for inside it, one after the
 * other in their fixed order: the model has no finer time than their sum.
 */
#include "sim/balloon/balloon_run_timeline.h"

static uint32_t track_of(struct balloon_run_timeline *self, uint32_t actor)
{
    if (self->tracks[actor] == 0) {
        self->tracks[actor] =
            1 + vmc_timeline_add_track(self->timeline,
                                       vmc_balloon_actor_is_lock(actor)
                                           ? self->lock_group
                                           : self->thread_group,
                                       vmc_balloon_actor_name(actor));
    }
    return self->tracks[actor] - 1;
}

static const char *arrow_name(bool is_answer)
{
    return is_answer ? "acknowledgement" : "kick";
}

static void begin_arrow(struct balloon_run_timeline *self, uint32_t track,
                        const struct vmc_balloon_span *span, bool is_answer)
{
    if (self->arrow_count < BALLOON_ARROWS_MAX) {
        self->arrows[self->arrow_count].message = span->message;
        self->arrows[self->arrow_count].actor = span->actor;
        self->arrows[self->arrow_count++].is_answer = is_answer;
        vmc_timeline_flow_out(self->timeline, track, span->until_tick,
                              span->message, arrow_name(is_answer));
    }
}

static void end_arrow(struct balloon_run_timeline *self, uint32_t track,
                      const struct vmc_balloon_span *span, bool is_answer)
{
    for (uint32_t i = 0; i < self->arrow_count; i++) {
        if (self->arrows[i].message == span->message &&
            self->arrows[i].is_answer == is_answer) {
            vmc_timeline_flow_in(self->timeline, track, span->from_tick,
                                 span->message, arrow_name(is_answer));
            self->arrows[i] = self->arrows[--self->arrow_count];
            return;
        }
    }
}

static void put_stages(struct balloon_run_timeline *self, uint32_t track,
                       const struct vmc_balloon_span *span)
{
    uint64_t tick = span->from_tick;

    for (uint32_t stage = 0; stage < VMC_STAGE_COUNT; stage++) {
        uint64_t ticks = span->work->ticks[stage];

        if (ticks != 0 && ticks <= span->until_tick - tick) {
            vmc_timeline_begin(self->timeline, track, tick,
                               vmc_balloon_stage_name(stage));
            tick += ticks;
            vmc_timeline_end(self->timeline, track, tick);
        }
    }
}

static void see_span(void *owner, const struct vmc_balloon_span *span)
{
    struct balloon_run_timeline *self = owner;
    uint32_t track = track_of(self, span->actor);

    if (span->until_tick == span->from_tick &&
        span->point == VMC_BALLOON_NO_POINT) {
        return; /* taken and let go at once */
    }
    vmc_timeline_begin(self->timeline, track, span->from_tick, span->worker);
    if (span->point == VMC_BALLOON_SERVE || span->point == VMC_BALLOON_HANDLE) {
        end_arrow(self, track, span, span->point == VMC_BALLOON_HANDLE);
    }
    if (span->work != NULL) {
        put_stages(self, track, span);
    }
    if (span->point == VMC_BALLOON_KICK || span->point == VMC_BALLOON_SERVE) {
        begin_arrow(self, track, span, span->point == VMC_BALLOON_SERVE);
    }
    vmc_timeline_end(self->timeline, track, span->until_tick);
}

static void see_sizes(void *owner, uint64_t tick,
                      const struct vmc_balloon_sizes *sizes)
{
    struct balloon_run_timeline *self = owner;
    const struct {
        const char *name;
        uint64_t bytes;
    } counters[] = {
        {"balloon size, KiB", sizes->balloon},
        {"free in the guest, KiB", sizes->guest_free},
        {"backed by the host, KiB", sizes->host_backed},
    };

    for (uint32_t i = 0; i < VMC_COUNT_OF(counters); i++) {
        vmc_timeline_counter(self->timeline, self->thread_group, tick,
                             counters[i].name, counters[i].bytes / 1024);
    }
}

void balloon_run_timeline_init(struct balloon_run_timeline *self,
                               struct vmc_timeline *timeline)
{
    *self = (struct balloon_run_timeline){
        .watch = {.span = see_span, .sizes = see_sizes, .owner = self},
        .timeline = timeline,
    };
    self->thread_group = vmc_timeline_add_group(timeline, "threads");
    self->lock_group = vmc_timeline_add_group(timeline, "locks");
}

void balloon_run_timeline_finish(struct balloon_run_timeline *self)
{
    for (uint32_t i = 0; i < self->arrow_count; i++) {
        uint32_t track = track_of(self, self->arrows[i].actor);
        uint64_t tick = vmc_timeline_track_tick(self->timeline, track);

        vmc_timeline_begin(self->timeline, track, tick, "never answered");
        vmc_timeline_flow_in(self->timeline, track, tick,
                             self->arrows[i].message,
                             arrow_name(self->arrows[i].is_answer));
        vmc_timeline_end(self->timeline, track, tick);
    }
    self->arrow_count = 0;
}
