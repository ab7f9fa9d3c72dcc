/* SPDX-License-Identifier: MIT */
/*
 * One event is one line of JSON. Names are given by our own code or come from
 * a recording, so they are escaped; everything else is a number. Lines are
 * made in a buffer, because fprintf for each field would be most of the cost.
 *
 * All that changes but the buffer is struct timeline_state, plain data.
 */
#include "trace/timeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

enum {
    BUFFER_BYTES = 1 << 16,
    LINE_BYTES_MAX = 4096,
    NAME_BYTES_MAX = 256, /* of a name in the file, escapes included */
    ARGS_MAX = 8,
    TICKS_PER_US = 1000000,
    HELD_BYTES = 48, /* of a name that may have to be written later */
    HELD_DEPTH_MAX = 4,
    HELD_COUNTERS_MAX = 1024,
    ARROWS_MAX = 1 << 16,
};

struct track {
    uint32_t group, depth;
    uint64_t tick;
};

struct timeline_state {
    uint32_t group_count, track_count;
    uint64_t events, last_tick;
    struct track tracks[VMC_TIMELINE_TRACKS_MAX];
};

/* The slices of a track, by depth. */
struct window_track {
    uint64_t drawn; /* bit N: the slice of depth N is in the file */
    uint64_t held;  /* bit N: it began before the window, and has a name */
    char names[HELD_DEPTH_MAX][HELD_BYTES];
};

struct held_counter {
    uint32_t group;
    char name[HELD_BYTES];
    uint64_t value;
};

/* What a window has to know of what it does not show; plain data, too. */
struct window {
    uint64_t from_tick, until_tick;
    struct window_track tracks[VMC_TIMELINE_TRACKS_MAX];
    struct held_counter counters[HELD_COUNTERS_MAX];
    uint32_t counter_count;
    /* Arrows that have started, each in the place that its hash says: the hash,
     * odd when its start is in the file. Another may have pushed one out. */
    uint64_t arrows[ARROWS_MAX];
};

struct vmc_timeline {
    FILE *file;
    struct timeline_state state;
    struct window *window; /* NULL: everything is written */
    bool has_failed;
    size_t used_bytes;
    char buffer[BUFFER_BYTES];
};

/* ---- Text --------------------------------------------------------------- */

static void flush(struct vmc_timeline *timeline)
{
    if (fwrite(timeline->buffer, 1, timeline->used_bytes, timeline->file) !=
        timeline->used_bytes) {
        timeline->has_failed = true;
    }
    timeline->used_bytes = 0;
}

static void put_bytes(struct vmc_timeline *timeline, const char *text,
                      size_t bytes)
{
    memcpy(timeline->buffer + timeline->used_bytes, text, bytes);
    timeline->used_bytes += bytes;
}

/* A literal, whose length the compiler knows. */
#define PUT(timeline, text) put_bytes(timeline, text, sizeof(text) - 1)

/* Write @value so that it ends before @end; returns where it begins. */
static char *digits_before(char *end, uint64_t value)
{
    static const char pairs[] = "00010203040506070809"
                                "10111213141516171819"
                                "20212223242526272829"
                                "30313233343536373839"
                                "40414243444546474849"
                                "50515253545556575859"
                                "60616263646566676869"
                                "70717273747576777879"
                                "80818283848586878889"
                                "90919293949596979899";

    while (value >= 100) {
        end -= 2;
        memcpy(end, pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        end -= 2;
        memcpy(end, pairs + value * 2, 2);
    } else {
        *--end = (char)('0' + value);
    }
    return end;
}

static void put_number(struct vmc_timeline *timeline, uint64_t value)
{
    char text[24];
    char *end = text + sizeof(text);
    char *start = digits_before(end, value);

    put_bytes(timeline, start, (size_t)(end - start));
}

/* The decimals are those of 1 000 000 + part, whose first digit gives way to
 * the point. */
static void put_time(struct vmc_timeline *timeline, uint64_t tick)
{
    char text[32];
    char *end = text + sizeof(text);
    char *start = digits_before(end, TICKS_PER_US + tick % TICKS_PER_US);

    *start = '.';
    start = digits_before(start, tick / TICKS_PER_US);
    put_bytes(timeline, start, (size_t)(end - start));
}

/* One character of a JSON string (RFC 8259, section 7). Returns its length. */
static size_t escape(char *at, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";

    if (c == '"' || c == '\\') {
        at[0] = '\\';
        at[1] = (char)c;
        return 2;
    }
    if (c < 0x20 || c >= 0x7f) {
        memcpy(at, "\\u00", 4);
        at[4] = digits[c >> 4];
        at[5] = digits[c & 0xf];
        return 6;
    }
    at[0] = (char)c;
    return 1;
}

/* A name as a string. Too long a one is cut. */
static void put_name(struct vmc_timeline *timeline, const char *name)
{
    char *start = timeline->buffer + timeline->used_bytes;
    char *at = start;

    *at++ = '"';
    for (; *name != '\0' && at < start + NAME_BYTES_MAX - 8; name++) {
        at += escape(at, (unsigned char)*name);
    }
    *at++ = '"';
    timeline->used_bytes += (size_t)(at - start);
}

/* ---- Events ------------------------------------------------------------- */

/* Begin a line: {"ph":"X","pid":P,"tid":T,"ts":... Groups and tracks are shown
 * from 1, for a process 0 is hidden by some viewers. */
static void open_event(struct vmc_timeline *timeline, char phase,
                       uint32_t group, uint32_t track, uint64_t tick)
{
    char head[] = ",\n{\"ph\":\"?\",\"pid\":";

    if (timeline->used_bytes + LINE_BYTES_MAX > BUFFER_BYTES) {
        flush(timeline);
    }
    if (timeline->state.events++ == 0) {
        head[0] = '[';
    }
    head[9] = phase;
    put_bytes(timeline, head, sizeof(head) - 1);
    put_number(timeline, group + 1);
    PUT(timeline, ",\"tid\":");
    put_number(timeline, track + 1);
    PUT(timeline, ",\"ts\":");
    put_time(timeline, tick);
}

static void put_event_name(struct vmc_timeline *timeline, const char *name)
{
    PUT(timeline, ",\"name\":");
    put_name(timeline, name);
}

static void note_tick(struct vmc_timeline *timeline, uint64_t tick)
{
    if (tick > timeline->state.last_tick) {
        timeline->state.last_tick = tick;
    }
}

static struct track *track_at(struct vmc_timeline *timeline, uint32_t number,
                              uint64_t tick)
{
    struct track *track = &timeline->state.tracks[number];

    assert(number < timeline->state.track_count);
    assert(tick >= track->tick);
    track->tick = tick;
    note_tick(timeline, tick);
    return track;
}

/* Metadata: what @what says of a group or a track stands in "args". */
static void put_label(struct vmc_timeline *timeline, const char *what,
                      uint32_t group, uint32_t track, const char *name)
{
    open_event(timeline, 'M', group, track, 0);
    put_event_name(timeline, what);
    PUT(timeline, ",\"args\":{\"name\":");
    put_name(timeline, name);
    PUT(timeline, "}}");
}

static void put_order(struct vmc_timeline *timeline, const char *what,
                      uint32_t group, uint32_t track, uint32_t place)
{
    open_event(timeline, 'M', group, track, 0);
    put_event_name(timeline, what);
    PUT(timeline, ",\"args\":{\"sort_index\":");
    put_number(timeline, place);
    PUT(timeline, "}}");
}

/* ---- The window --------------------------------------------------------- */

static uint64_t bit(uint32_t depth)
{
    return UINT64_C(1) << depth;
}

static bool is_in(const struct window *window, uint64_t tick)
{
    return tick >= window->from_tick && tick < window->until_tick;
}

/* @tick was told of the track @number; the window has begun by then. Slices
 * that are still open begin with it. */
static void draw_held(struct vmc_timeline *timeline, uint32_t number)
{
    const struct track *track = &timeline->state.tracks[number];
    struct window *window = timeline->window;
    struct window_track *shown = &window->tracks[number];

    for (uint32_t i = 0; shown->held != 0 && i < HELD_DEPTH_MAX; i++) {
        if ((shown->held & bit(i)) != 0) {
            open_event(timeline, 'B', track->group, number, window->from_tick);
            put_event_name(timeline, shown->names[i]);
            PUT(timeline, "}");
            shown->drawn |= bit(i);
        }
    }
    shown->held = 0;
}

/* A slice begins. Whether it is to be written now. */
static bool begin_in_window(struct vmc_timeline *timeline, uint32_t number,
                            uint64_t tick, const char *name)
{
    uint32_t depth = timeline->state.tracks[number].depth;
    struct window *window = timeline->window;
    struct window_track *shown = &window->tracks[number];

    shown->drawn &= ~bit(depth);
    if (tick < window->from_tick) {
        if (depth < HELD_DEPTH_MAX) {
            (void)snprintf(shown->names[depth], HELD_BYTES, "%s", name);
            shown->held |= bit(depth);
        }
        return false;
    }
    draw_held(timeline, number);
    if (tick >= window->until_tick) {
        return false;
    }
    shown->drawn |= bit(depth);
    return true;
}

/* The slice of depth @depth, which is open no more, ended at *@tick. Whether
 * that is to be written, with the *@tick that is said then. */
static bool end_in_window(struct vmc_timeline *timeline, uint32_t number,
                          uint32_t depth, uint64_t *tick)
{
    const struct window *window = timeline->window;
    struct window_track *shown = &timeline->window->tracks[number];

    if (*tick < window->from_tick) {
        shown->held &= ~bit(depth); /* over before the window begins */
    } else {
        draw_held(timeline, number);
    }
    if (*tick > window->until_tick) {
        *tick = window->until_tick;
    }
    return (shown->drawn & bit(depth)) != 0;
}

/* Whether an arrow's start or end is to be written. The end goes where its
 * start goes; when that is told later, and that happens, it is taken to be
 * shown. */
static bool arrow_in_window(struct vmc_timeline *timeline, char phase,
                            uint32_t number, uint64_t tick, uint64_t flow,
                            const char *name)
{
    uint32_t depth = timeline->state.tracks[number].depth;
    struct window *window = timeline->window;
    uint64_t hidden = vmc_hash_fold(vmc_hash_text(name), flow) & ~UINT64_C(1);
    uint64_t *place = &window->arrows[(hidden >> 1) % ARROWS_MAX];
    bool is_hidden = !is_in(window, tick);

    if (!is_hidden) {
        draw_held(timeline, number);
        is_hidden = (window->tracks[number].drawn & bit(depth - 1)) == 0;
    }
    if (phase == 's') {
        *place = is_hidden ? hidden : hidden | 1;
    } else if ((*place | 1) == (hidden | 1)) {
        is_hidden |= *place == hidden;
        *place = 0;
    }
    return !is_hidden;
}

/* The place of a counter among those that have a value from before the window,
 * or their number. */
static uint32_t find_held(const struct window *window, uint32_t group,
                          const char *name)
{
    uint32_t i = 0;

    while (i < window->counter_count &&
           (window->counters[i].group != group ||
            strncmp(window->counters[i].name, name, HELD_BYTES - 1) != 0)) {
        i++;
    }
    return i;
}

static void hold_counter(struct window *window, uint32_t group,
                         const char *name, uint64_t value)
{
    uint32_t i = find_held(window, group, name);

    if (i == HELD_COUNTERS_MAX) {
        return;
    }
    if (i == window->counter_count) {
        window->counter_count++;
        window->counters[i].group = group;
        (void)snprintf(window->counters[i].name, HELD_BYTES, "%s", name);
    }
    window->counters[i].value = value;
}

/* ---- The interface ------------------------------------------------------ */

enum vmc_status vmc_timeline_new(struct vmc_timeline **out, FILE *file)
{
    *out = calloc(1, sizeof(**out));
    if (*out == NULL) {
        return VMC_E_NOMEM;
    }
    (*out)->file = file;
    return VMC_OK;
}

void vmc_timeline_free(struct vmc_timeline *timeline)
{
    if (timeline != NULL) {
        free(timeline->window);
        free(timeline);
    }
}

enum vmc_status vmc_timeline_set_window(struct vmc_timeline *timeline,
                                        uint64_t from_tick, uint64_t until_tick)
{
    assert(timeline->window == NULL && timeline->state.last_tick == 0);
    if (from_tick >= until_tick) {
        return VMC_E_RANGE;
    }
    timeline->window = calloc(1, sizeof(*timeline->window));
    if (timeline->window == NULL) {
        return VMC_E_NOMEM;
    }
    timeline->window->from_tick = from_tick;
    timeline->window->until_tick = until_tick;
    return VMC_OK;
}

uint64_t vmc_timeline_last_tick(const struct vmc_timeline *timeline)
{
    return timeline->state.last_tick;
}

uint32_t vmc_timeline_add_group(struct vmc_timeline *timeline, const char *name)
{
    uint32_t number = timeline->state.group_count;

    assert(number < VMC_TIMELINE_GROUPS_MAX);
    timeline->state.group_count++;
    put_label(timeline, "process_name", number, 0, name);
    put_order(timeline, "process_sort_index", number, 0, number);
    return number;
}

uint32_t vmc_timeline_add_track(struct vmc_timeline *timeline, uint32_t group,
                                const char *name)
{
    uint32_t number = timeline->state.track_count;

    assert(group < timeline->state.group_count);
    assert(number < VMC_TIMELINE_TRACKS_MAX);
    timeline->state.track_count++;
    timeline->state.tracks[number].group = group;
    put_label(timeline, "thread_name", group, number, name);
    put_order(timeline, "thread_sort_index", group, number, number);
    return number;
}

uint32_t vmc_timeline_tracks_left(const struct vmc_timeline *timeline)
{
    return VMC_TIMELINE_TRACKS_MAX - timeline->state.track_count;
}

void vmc_timeline_begin_with(struct vmc_timeline *timeline, uint32_t number,
                             uint64_t tick, const char *name,
                             const struct vmc_timeline_arg *args,
                             uint32_t count)
{
    struct track *track = track_at(timeline, number, tick);
    bool is_shown;

    assert(track->depth < VMC_TIMELINE_DEPTH_MAX && count <= ARGS_MAX);
    is_shown = timeline->window == NULL ||
               begin_in_window(timeline, number, tick, name);
    track->depth++;
    if (!is_shown) {
        return;
    }
    open_event(timeline, 'B', track->group, number, tick);
    put_event_name(timeline, name);
    for (uint32_t i = 0; i < count; i++) {
        if (i == 0) {
            PUT(timeline, ",\"args\":{");
        } else {
            PUT(timeline, ",");
        }
        put_name(timeline, args[i].key);
        PUT(timeline, ":");
        put_number(timeline, args[i].value);
    }
    if (count > 0) {
        PUT(timeline, "}");
    }
    PUT(timeline, "}");
}

void vmc_timeline_begin(struct vmc_timeline *timeline, uint32_t number,
                        uint64_t tick, const char *name)
{
    vmc_timeline_begin_with(timeline, number, tick, name, NULL, 0);
}

void vmc_timeline_end(struct vmc_timeline *timeline, uint32_t number,
                      uint64_t tick)
{
    struct track *track = track_at(timeline, number, tick);

    if (track->depth == 0) {
        return;
    }
    track->depth--;
    if (timeline->window == NULL ||
        end_in_window(timeline, number, track->depth, &tick)) {
        open_event(timeline, 'E', track->group, number, tick);
        PUT(timeline, "}");
    }
}

void vmc_timeline_instant(struct vmc_timeline *timeline, uint32_t number,
                          uint64_t tick, const char *name)
{
    const struct track *track = track_at(timeline, number, tick);

    if (timeline->window != NULL && !is_in(timeline->window, tick)) {
        return;
    }
    open_event(timeline, 'i', track->group, number, tick);
    PUT(timeline, ",\"s\":\"t\"");
    put_event_name(timeline, name);
    PUT(timeline, "}");
}

static void put_flow(struct vmc_timeline *timeline, char phase, uint32_t number,
                     uint64_t tick, uint64_t flow, const char *name)
{
    const struct track *track = track_at(timeline, number, tick);

    assert(track->depth > 0);
    if (timeline->window != NULL &&
        !arrow_in_window(timeline, phase, number, tick, flow, name)) {
        return;
    }
    open_event(timeline, phase, track->group, number, tick);
    PUT(timeline, ",\"cat\":\"flow\",\"bp\":\"e\",\"id\":");
    put_number(timeline, flow);
    put_event_name(timeline, name);
    PUT(timeline, "}");
}

void vmc_timeline_flow_out(struct vmc_timeline *timeline, uint32_t track,
                           uint64_t tick, uint64_t flow, const char *name)
{
    put_flow(timeline, 's', track, tick, flow, name);
}

void vmc_timeline_flow_in(struct vmc_timeline *timeline, uint32_t track,
                          uint64_t tick, uint64_t flow, const char *name)
{
    put_flow(timeline, 'f', track, tick, flow, name);
}

static void put_counter(struct vmc_timeline *timeline, uint32_t group,
                        uint64_t tick, const char *name, uint64_t value)
{
    open_event(timeline, 'C', group, 0, tick);
    put_event_name(timeline, name);
    PUT(timeline, ",\"args\":{\"value\":");
    put_number(timeline, value);
    PUT(timeline, "}}");
}

/* The window begins for the counter @index of those held, if there is one. */
static void draw_counter(struct vmc_timeline *timeline, uint32_t index)
{
    struct window *window = timeline->window;
    const struct held_counter *held = &window->counters[index];

    if (index == window->counter_count) {
        return;
    }
    put_counter(timeline, held->group, window->from_tick, held->name,
                held->value);
    window->counter_count--;
    memmove(&window->counters[index], &window->counters[index + 1],
            (window->counter_count - index) * sizeof(*held));
}

void vmc_timeline_counter(struct vmc_timeline *timeline, uint32_t group,
                          uint64_t tick, const char *name, uint64_t value)
{
    struct window *window = timeline->window;

    assert(group < timeline->state.group_count);
    note_tick(timeline, tick);
    if (window != NULL && tick < window->from_tick) {
        hold_counter(window, group, name, value);
        return;
    }
    if (window != NULL && window->counter_count > 0) {
        draw_counter(timeline, find_held(window, group, name));
    }
    if (window == NULL || tick < window->until_tick) {
        put_counter(timeline, group, tick, name, value);
    }
}

uint64_t vmc_timeline_track_tick(const struct vmc_timeline *timeline,
                                 uint32_t track)
{
    assert(track < timeline->state.track_count);
    return timeline->state.tracks[track].tick;
}

uint32_t vmc_timeline_depth(const struct vmc_timeline *timeline, uint32_t track)
{
    assert(track < timeline->state.track_count);
    return timeline->state.tracks[track].depth;
}

/* Counters that have not changed since the window began. */
static void finish_counters(struct vmc_timeline *timeline)
{
    struct window *window = timeline->window;

    if (window != NULL && timeline->state.last_tick >= window->from_tick) {
        while (window->counter_count > 0) {
            draw_counter(timeline, 0);
        }
    }
}

enum vmc_status vmc_timeline_finish(struct vmc_timeline *timeline)
{
    for (uint32_t i = 0; i < timeline->state.track_count; i++) {
        while (timeline->state.tracks[i].depth > 0) {
            vmc_timeline_end(timeline, i, timeline->state.last_tick);
        }
    }
    finish_counters(timeline);
    if (timeline->used_bytes + LINE_BYTES_MAX > BUFFER_BYTES) {
        flush(timeline);
    }
    if (timeline->state.events == 0) {
        PUT(timeline, "[");
    }
    PUT(timeline, "\n]\n");
    flush(timeline);
    return timeline->has_failed || ferror(timeline->file) != 0 ? VMC_E_IO
                                                               : VMC_OK;
}

uint64_t vmc_timeline_event_count(const struct vmc_timeline *timeline)
{
    return timeline->state.events;
}

/* What a load finds in the buffer belongs to the file that it replaces. */
void vmc_timeline_archive(struct vmc_timeline *timeline,
                          struct vmc_archive *archive)
{
    if (vmc_archive_is_loading(archive)) {
        timeline->used_bytes = 0;
    } else {
        flush(timeline);
    }
    if (timeline->has_failed) {
        vmc_archive_fail(archive, VMC_E_IO, "the timeline cannot be written");
    }
    VMC_ARCHIVE(archive, timeline->state);
    if (timeline->window != NULL) {
        VMC_ARCHIVE(archive, *timeline->window);
    }
}
