/* SPDX-License-Identifier: MIT */
/*
 * Messages are told in the order in which they were answered. One driver has
 * one message under way, but a log may hold others, so each slice begins where
 * its track is, if that is later.
 */
#include "sim/balloon/balloon_timeline.h"

#include <inttypes.h>
#include <stdio.h>

#include "sim/machine/timeline_file.h"

enum { NAME_BYTES = 64, HOSTS_MAX = 32, PAGE_KIB = 4 };

struct drawing {
    struct vmc_timeline *timeline;
    uint32_t group, guest;
    struct {
        uint32_t thread, track;
    } hosts[HOSTS_MAX];
    uint32_t host_count;
};

/* The track of @thread; those beyond the limit share one. */
static uint32_t host_track(struct drawing *drawing, uint32_t thread)
{
    char name[NAME_BYTES];

    for (uint32_t i = 0; i < drawing->host_count; i++) {
        if (drawing->hosts[i].thread == thread) {
            return drawing->hosts[i].track;
        }
    }
    if (drawing->host_count == HOSTS_MAX) {
        return drawing->hosts[HOSTS_MAX - 1].track;
    }
    (void)snprintf(name, sizeof(name), "host thread %" PRIu32, thread);
    drawing->hosts[drawing->host_count].thread = thread;
    drawing->hosts[drawing->host_count].track =
        vmc_timeline_add_track(drawing->timeline, drawing->group, name);
    return drawing->hosts[drawing->host_count++].track;
}

static uint64_t not_before(const struct drawing *drawing, uint32_t track,
                           uint64_t tick)
{
    uint64_t least = vmc_timeline_track_tick(drawing->timeline, track);

    return tick > least ? tick : least;
}

static void draw_message(struct drawing *drawing,
                         const struct balloon_log_message *message,
                         uint64_t number)
{
    const struct vmc_timeline_arg pages = {"pages", message->pages};
    struct vmc_timeline *timeline = drawing->timeline;
    uint32_t guest = drawing->guest;
    uint32_t host = host_track(drawing, message->thread);
    uint64_t kicked_ns = message->time_ns - message->host_ns;
    uint64_t kick = not_before(drawing, guest, timeline_tick(kicked_ns));
    uint64_t pop = not_before(drawing, host, timeline_tick(message->popped_ns));
    uint64_t done = timeline_tick(message->time_ns);

    pop = pop > kick ? pop : kick;
    done = done > pop ? done : pop;
    if (message->guest_ns > 0) {
        uint64_t from = not_before(
            drawing, guest, timeline_tick(kicked_ns - message->guest_ns));

        if (from < kick) {
            vmc_timeline_begin_with(timeline, guest, from, "fill", &pages, 1);
            vmc_timeline_end(timeline, guest, kick);
        }
    }
    vmc_timeline_begin(timeline, guest, kick, "wait for the host");
    vmc_timeline_flow_out(timeline, guest, kick, number, "kick");
    vmc_timeline_begin_with(timeline, host, pop,
                            message->is_deflate ? "deflate" : "inflate", &pages,
                            1);
    vmc_timeline_flow_in(timeline, host, pop, number, "kick");
    vmc_timeline_flow_out(timeline, host, done, number, "acknowledgement");
    vmc_timeline_end(timeline, host, done);
    vmc_timeline_flow_in(timeline, guest, done, number, "acknowledgement");
    vmc_timeline_end(timeline, guest, done);
}

static void draw_sizes(const struct drawing *drawing,
                       const struct balloon_log_message *message,
                       uint64_t ram_kib)
{
    uint64_t tick = timeline_tick(message->time_ns);
    uint64_t held_kib = message->held * PAGE_KIB;

    vmc_timeline_counter(drawing->timeline, drawing->group, tick,
                         "balloon size, KiB", held_kib);
    if (ram_kib > held_kib) {
        vmc_timeline_counter(drawing->timeline, drawing->group, tick,
                             "left to the guest, KiB", ram_kib - held_kib);
    }
}

void balloon_timeline_write(struct vmc_timeline *timeline,
                            const struct balloon_log *log)
{
    uint64_t count, ram_kib = balloon_log_counts(log)->ram_bytes / 1024;
    const struct balloon_log_message *messages =
        balloon_log_messages(log, &count);
    struct drawing drawing = {.timeline = timeline};

    if (count == 0) {
        return;
    }
    drawing.group = vmc_timeline_add_group(timeline, "balloon, recorded");
    drawing.guest =
        vmc_timeline_add_track(timeline, drawing.group, "guest driver");
    for (uint64_t i = 0; i < count; i++) {
        draw_message(&drawing, &messages[i], i + 1);
        draw_sizes(&drawing, &messages[i], ram_kib);
    }
}
