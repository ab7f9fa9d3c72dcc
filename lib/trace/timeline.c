/* SPDX-License-Identifier: MIT */
/*
 * One event is one line of JSON. Names are given by our own code or come from
 * a recording, so they are escaped; everything else is a number. Lines are
 * made in a buffer, because fprintf for each field would be most of the cost.
 */
#include "trace/timeline.h"

#include <stdlib.h>
#include <string.h>

enum {
    BUFFER_BYTES = 1 << 16,
    LINE_BYTES_MAX = 1024,
    NAME_BYTES_MAX = 256, /* of a name in the file, escapes included */
    TICKS_PER_US = 1000000,
    US_DECIMALS = 6,
};

struct track {
    uint32_t group, depth;
    uint64_t tick;
};

struct vmc_timeline {
    FILE *file;
    struct track tracks[VMC_TIMELINE_TRACKS_MAX];
    uint32_t track_count;
    uint64_t events;
    bool has_failed;
    size_t used_bytes;
    char buffer[BUFFER_BYTES];
};

static void flush(struct vmc_timeline *timeline)
{
    if (fwrite(timeline->buffer, 1, timeline->used_bytes, timeline->file) !=
        timeline->used_bytes) {
        timeline->has_failed = true;
    }
    timeline->used_bytes = 0;
}

static void put(struct vmc_timeline *timeline, const char *text)
{
    size_t bytes = strlen(text);

    memcpy(timeline->buffer + timeline->used_bytes, text, bytes);
    timeline->used_bytes += bytes;
}

static void put_number(struct vmc_timeline *timeline, uint64_t value)
{
    char text[24];
    size_t at = sizeof(text);

    text[--at] = '\0';
    do {
        text[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    put(timeline, text + at);
}

static void put_time(struct vmc_timeline *timeline, uint64_t tick)
{
    char decimals[US_DECIMALS + 2] = ".";
    uint64_t part = tick % TICKS_PER_US;

    for (int i = US_DECIMALS; i > 0; i--) {
        decimals[i] = (char)('0' + part % 10);
        part /= 10;
    }
    put_number(timeline, tick / TICKS_PER_US);
    put(timeline, decimals);
}

/* A JSON string (RFC 8259, section 7). Too long a name is cut. */
static void put_name(struct vmc_timeline *timeline, const char *name)
{
    static const char digits[] = "0123456789abcdef";
    char text[NAME_BYTES_MAX];
    size_t at = 0;

    text[at++] = '"';
    for (; *name != '\0' && at < sizeof(text) - 8; name++) {
        unsigned char c = (unsigned char)*name;

        if (c == '"' || c == '\\') {
            text[at++] = '\\';
            text[at++] = (char)c;
        } else if (c < 0x20 || c >= 0x7f) {
            memcpy(text + at, "\\u00", 4);
            text[at + 4] = digits[c >> 4];
            text[at + 5] = digits[c & 0xf];
            at += 6;
        } else {
            text[at++] = (char)c;
        }
    }
    text[at++] = '"';
    text[at] = '\0';
    put(timeline, text);
}

/* Begin a line: {"ph":"X","pid":P,"tid":T,"ts":... Groups and tracks are shown
 * from 1, for a process 0 is hidden by some viewers. */
static void open_event(struct vmc_timeline *timeline, char phase,
                       uint32_t group, uint32_t track, uint64_t tick)
{
    char head[] = "{\"ph\":\"?\",\"pid\":";

    if (timeline->used_bytes + LINE_BYTES_MAX > BUFFER_BYTES) {
        flush(timeline);
    }
    put(timeline, timeline->events++ == 0 ? "[\n" : ",\n");
    head[7] = phase;
    put(timeline, head);
    put_number(timeline, group + 1);
    put(timeline, ",\"tid\":");
    put_number(timeline, track + 1);
    put(timeline, ",\"ts\":");
    put_time(timeline, tick);
}

static void close_with_name(struct vmc_timeline *timeline, const char *name)
{
    put(timeline, ",\"name\":");
    put_name(timeline, name);
    put(timeline, "}");
}

static struct track *track_at(struct vmc_timeline *timeline, uint32_t number,
                              uint64_t tick)
{
    struct track *track = &timeline->tracks[number];

    assert(number < timeline->track_count);
    assert(tick >= track->tick);
    track->tick = tick;
    return track;
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
    free(timeline);
}

/* Metadata: the name of a group or a track stands in "args". */
static void put_metadata(struct vmc_timeline *timeline, const char *what,
                         uint32_t group, uint32_t track, const char *name)
{
    open_event(timeline, 'M', group, track, 0);
    put(timeline, ",\"name\":");
    put_name(timeline, what);
    put(timeline, ",\"args\":{\"name\":");
    put_name(timeline, name);
    put(timeline, "}}");
}

uint32_t vmc_timeline_add_track(struct vmc_timeline *timeline, uint32_t group,
                                const char *name)
{
    uint32_t number = timeline->track_count;

    assert(number < VMC_TIMELINE_TRACKS_MAX);
    timeline->track_count++;
    timeline->tracks[number].group = group;
    put_metadata(timeline, "thread_name", group, number, name);
    return number;
}

void vmc_timeline_name_group(struct vmc_timeline *timeline, uint32_t group,
                             const char *name)
{
    put_metadata(timeline, "process_name", group, 0, name);
}

void vmc_timeline_begin(struct vmc_timeline *timeline, uint32_t number,
                        uint64_t tick, const char *name)
{
    struct track *track = track_at(timeline, number, tick);

    assert(track->depth < VMC_TIMELINE_DEPTH_MAX);
    track->depth++;
    open_event(timeline, 'B', track->group, number, tick);
    close_with_name(timeline, name);
}

void vmc_timeline_end(struct vmc_timeline *timeline, uint32_t number,
                      uint64_t tick)
{
    struct track *track = track_at(timeline, number, tick);

    if (track->depth > 0) {
        track->depth--;
        open_event(timeline, 'E', track->group, number, tick);
        put(timeline, "}");
    }
}

void vmc_timeline_instant(struct vmc_timeline *timeline, uint32_t number,
                          uint64_t tick, const char *name)
{
    const struct track *track = track_at(timeline, number, tick);

    open_event(timeline, 'i', track->group, number, tick);
    put(timeline, ",\"s\":\"t\"");
    close_with_name(timeline, name);
}

static void put_flow(struct vmc_timeline *timeline, char phase, uint32_t number,
                     uint64_t tick, uint64_t flow, const char *name)
{
    const struct track *track = track_at(timeline, number, tick);

    open_event(timeline, phase, track->group, number, tick);
    put(timeline, ",\"cat\":\"flow\",\"bp\":\"e\",\"id\":");
    put_number(timeline, flow);
    close_with_name(timeline, name);
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

void vmc_timeline_counter(struct vmc_timeline *timeline, uint32_t group,
                          uint64_t tick, const char *name, uint64_t value)
{
    open_event(timeline, 'C', group, 0, tick);
    put(timeline, ",\"name\":");
    put_name(timeline, name);
    put(timeline, ",\"args\":{\"value\":");
    put_number(timeline, value);
    put(timeline, "}}");
}

enum vmc_status vmc_timeline_finish(struct vmc_timeline *timeline,
                                    uint64_t tick)
{
    for (uint32_t i = 0; i < timeline->track_count; i++) {
        struct track *track = &timeline->tracks[i];

        while (track->depth > 0) {
            vmc_timeline_end(timeline, i,
                             tick > track->tick ? tick : track->tick);
        }
    }
    if (timeline->used_bytes + LINE_BYTES_MAX > BUFFER_BYTES) {
        flush(timeline);
    }
    put(timeline, timeline->events == 0 ? "[\n]\n" : "\n]\n");
    flush(timeline);
    return timeline->has_failed || ferror(timeline->file) != 0 ? VMC_E_IO
                                                               : VMC_OK;
}

uint64_t vmc_timeline_event_count(const struct vmc_timeline *timeline)
{
    return timeline->events;
}
