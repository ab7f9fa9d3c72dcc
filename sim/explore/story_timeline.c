/* SPDX-License-Identifier: MIT */
#include "sim/explore/story_timeline.h"

#include <string.h>

enum { STEP_TICKS = 1000000, NAME_BYTES = 2 * STORY_NAME_BYTES };

/* What a task can hold that keeps others waiting or out of the way. */
static const struct {
    enum story_hold hold;
    const char *name;
} holds[] = {{STORY_SECTION, "read section"}, {STORY_LOCK, "locks"}};

static uint64_t tick_of(uint32_t step)
{
    return (uint64_t)step * STEP_TICKS;
}

/* The last moment knows all lanes: those that were spawned come at the end. */
static const struct story_moment *last_moment(const struct story *story)
{
    return &story->moments[story->step_count];
}

/* Does @lane make a step after step @after? */
static bool makes_step(const struct story *story, uint8_t lane, uint32_t after)
{
    for (uint32_t i = after + 1; i < story->step_count; i++) {
        if (story->steps[i].lane == lane) {
            return true;
        }
    }
    return false;
}

/* ---- Tasks -------------------------------------------------------------- */

/* An arrow has the number of the lane that it starts, + 1: a lane starts once.
 */
static void draw_step(struct vmc_timeline *timeline, const struct story *story,
                      uint32_t number, uint32_t track, bool *is_awaited)
{
    const struct story_step *step = &story->steps[number];
    const struct vmc_timeline_arg args[] = {
        {"step", number}, {"line of the scenario", step->line}};
    bool is_breaking = story->ends_broken && number + 1 == story->step_count;

    vmc_timeline_begin_with(timeline, track, tick_of(number), step->what, args,
                            step->line != 0 ? 2 : 1);
    if (is_awaited[step->lane]) {
        vmc_timeline_flow_in(timeline, track, tick_of(number), step->lane + 1U,
                             "starts");
        is_awaited[step->lane] = false;
    }
    if (step->spawned < STORY_LANES_MAX && !is_awaited[step->spawned] &&
        makes_step(story, step->spawned, number)) {
        vmc_timeline_flow_out(timeline, track, tick_of(number),
                              step->spawned + 1U, "starts");
        is_awaited[step->spawned] = true;
    }
    if (is_breaking) {
        vmc_timeline_instant(timeline, track, tick_of(number),
                             story->rule_name);
    }
    vmc_timeline_end(timeline, track, tick_of(number + 1));
}

static void draw_steps(struct vmc_timeline *timeline, const struct story *story)
{
    uint32_t group = vmc_timeline_add_group(timeline, "tasks");
    uint32_t tracks[STORY_LANES_MAX];
    bool is_awaited[STORY_LANES_MAX] = {false};

    for (uint32_t i = 0; i < last_moment(story)->lane_count; i++) {
        tracks[i] = vmc_timeline_add_track(timeline, group,
                                           last_moment(story)->lanes[i].name);
    }
    for (uint32_t i = 0; i < story->step_count; i++) {
        uint8_t lane = story->steps[i].lane;

        if (lane < last_moment(story)->lane_count) {
            draw_step(timeline, story, i, tracks[lane], is_awaited);
        }
    }
}

/* A slice for as long as @lane holds as many as it does. */
static void draw_hold(struct vmc_timeline *timeline, const struct story *story,
                      uint32_t *group, uint32_t lane, uint32_t which)
{
    uint32_t held = 0, track = 0;
    bool has_track = false;
    char name[NAME_BYTES];

    for (uint32_t i = 0; i <= story->step_count; i++) {
        const struct story_moment *moment = &story->moments[i];
        uint32_t now = lane < moment->lane_count
                           ? moment->lanes[lane].holds[holds[which].hold]
                           : 0;

        if (now == held) {
            continue;
        }
        if (*group == VMC_TIMELINE_GROUPS_MAX) {
            *group = vmc_timeline_add_group(timeline, "locks and sections");
        }
        if (!has_track) {
            (void)snprintf(name, sizeof(name), "%s: %s",
                           last_moment(story)->lanes[lane].name,
                           holds[which].name);
            track = vmc_timeline_add_track(timeline, *group, name);
            has_track = true;
        }
        vmc_timeline_end(timeline, track, tick_of(i));
        if (now > 0) {
            (void)snprintf(name, sizeof(name), "%u", (unsigned)now);
            vmc_timeline_begin(timeline, track, tick_of(i), name);
        }
        held = now;
    }
    if (held > 0) {
        vmc_timeline_end(timeline, track, tick_of(story->step_count));
    }
}

static void draw_holds(struct vmc_timeline *timeline, const struct story *story)
{
    uint32_t group = VMC_TIMELINE_GROUPS_MAX; /* not added yet */

    for (uint32_t lane = 0; lane < last_moment(story)->lane_count; lane++) {
        for (uint32_t which = 0; which < VMC_COUNT_OF(holds); which++) {
            draw_hold(timeline, story, &group, lane, which);
        }
    }
}

/* ---- Objects ------------------------------------------------------------ */

static bool is_same(const struct story_object *a, const struct story_object *b)
{
    return a->is_gone == b->is_gone && strcmp(a->name, b->name) == 0 &&
           strcmp(a->state, b->state) == 0;
}

static void draw_object(struct vmc_timeline *timeline,
                        const struct story *story, uint32_t group,
                        uint32_t index)
{
    static const struct story_object nothing = {.is_gone = true};
    const struct story_object *last = &nothing;
    char name[NAME_BYTES + 16];
    uint32_t track;

    (void)snprintf(name, sizeof(name), "object %u", (unsigned)index + 1);
    track = vmc_timeline_add_track(timeline, group, name);
    for (uint32_t i = 0; i <= story->step_count; i++) {
        const struct story_moment *moment = &story->moments[i];
        const struct story_object *now =
            index < moment->object_count ? &moment->objects[index] : &nothing;

        if (!is_same(now, last)) {
            vmc_timeline_end(timeline, track, tick_of(i));
            if (!now->is_gone) {
                (void)snprintf(name, sizeof(name), "%s %s", now->name,
                               now->state);
                vmc_timeline_begin(timeline, track, tick_of(i), name);
            }
        }
        if (now->count != last->count) {
            (void)snprintf(name, sizeof(name), "references of object %u",
                           (unsigned)index + 1);
            vmc_timeline_counter(timeline, group, tick_of(i), name,
                                 now->count > 0 ? (uint64_t)now->count : 0);
        }
        last = now;
    }
    vmc_timeline_end(timeline, track, tick_of(story->step_count));
}

void story_timeline_write(struct vmc_timeline *timeline,
                          const struct story *story)
{
    draw_steps(timeline, story);
    draw_holds(timeline, story);
    if (last_moment(story)->object_count > 0) {
        uint32_t group = vmc_timeline_add_group(timeline, "objects");

        for (uint32_t i = 0; i < last_moment(story)->object_count; i++) {
            draw_object(timeline, story, group, i);
        }
    }
}
