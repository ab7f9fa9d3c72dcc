/* SPDX-License-Identifier: MIT */
/**
 * timeline.h - timelines for the Perfetto viewer: Chrome trace event JSON.
 *
 * A timeline has groups (the vCPUs, the devices) of tracks (a vCPU, a host
 * thread, a device, a lock). On a track lie slices (something that takes time)
 * and instants; flows are arrows from one slice to another; counters are curves
 * of a group. Slices of a track nest: one that begins inside another ends
 * inside it. Tracks are shown in the order in which they were added, and may
 * be added at any time.
 *
 * The format is the one that ui.perfetto.dev and chrome://tracing read ("Trace
 * Event Format", phases M, B, E, i, s, f and C; JSON array form).
 *
 * Units    Ticks of 1 ps; the file has microseconds with six decimals, so
 *          nothing is rounded.
 * Threads  One writer, one thread.
 */
#ifndef VMC_TRACE_TIMELINE_H
#define VMC_TRACE_TIMELINE_H

#include <stdio.h>

#include "base/archive.h"
#include "base/base.h"

enum {
    VMC_TIMELINE_GROUPS_MAX = 256,
    VMC_TIMELINE_TRACKS_MAX = 8192,
    VMC_TIMELINE_DEPTH_MAX = 64
};

struct vmc_timeline;

/** What is told of a slice beside its name. */
struct vmc_timeline_arg {
    const char *key;
    uint64_t value;
};

/**
 * Start a timeline that goes to @file.
 * Owner    *@out is the caller's, for vmc_timeline_free(); NULL on failure.
 *          @file is borrowed until then.
 * Fails    VMC_E_NOMEM.
 */
enum vmc_status vmc_timeline_new(struct vmc_timeline **out, FILE *file);

/** Free @timeline; finish it first. NULL is allowed. */
void vmc_timeline_free(struct vmc_timeline *timeline);

/**
 * Write only what lies between @from_tick and @until_tick. Slices are cut to
 * that; one that began before has no numbers. Counters begin with the value
 * that they had. Of an arrow that starts outside, the end is not written, if it
 * is told after its start. To be called before anything has happened.
 * Fails    VMC_E_RANGE unless @from_tick is below @until_tick, VMC_E_NOMEM.
 */
enum vmc_status vmc_timeline_set_window(struct vmc_timeline *timeline,
                                        uint64_t from_tick,
                                        uint64_t until_tick);

/** The latest time that was told, in the window or not. */
uint64_t vmc_timeline_last_tick(const struct vmc_timeline *timeline);

/**
 * Add a group of tracks and counters.
 * Returns  its number.
 * Asserts  there is room.
 */
uint32_t vmc_timeline_add_group(struct vmc_timeline *timeline,
                                const char *name);

/**
 * Add the track @name to @group.
 * Returns  its number.
 * Asserts  there is room.
 */
uint32_t vmc_timeline_add_track(struct vmc_timeline *timeline, uint32_t group,
                                const char *name);

/** How many more tracks there is room for. */
uint32_t vmc_timeline_tracks_left(const struct vmc_timeline *timeline);

/**
 * Begin the slice @name on @track.
 * Asserts  time does not run back on a track, and slices nest no deeper than
 *          VMC_TIMELINE_DEPTH_MAX. The same for the other calls.
 */
void vmc_timeline_begin(struct vmc_timeline *timeline, uint32_t track,
                        uint64_t tick, const char *name);

/** The same, with @count numbers, at most 8, that the viewer shows for it. */
void vmc_timeline_begin_with(struct vmc_timeline *timeline, uint32_t track,
                             uint64_t tick, const char *name,
                             const struct vmc_timeline_arg *args,
                             uint32_t count);

/** End the innermost slice of @track; one that was never begun is no error:
 * the window may have started inside it. */
void vmc_timeline_end(struct vmc_timeline *timeline, uint32_t track,
                      uint64_t tick);

/** Something that takes no time. */
void vmc_timeline_instant(struct vmc_timeline *timeline, uint32_t track,
                          uint64_t tick, const char *name);

/**
 * Start the arrow @flow in the innermost slice of @track. Arrows are told apart
 * by name and number, so each kind may count its own.
 * Asserts  a slice is open.
 */
void vmc_timeline_flow_out(struct vmc_timeline *timeline, uint32_t track,
                           uint64_t tick, uint64_t flow, const char *name);

/** End the arrow @flow in the innermost slice of @track. Asserts as above. */
void vmc_timeline_flow_in(struct vmc_timeline *timeline, uint32_t track,
                          uint64_t tick, uint64_t flow, const char *name);

/** The counter @name of @group has @value from @tick on. */
void vmc_timeline_counter(struct vmc_timeline *timeline, uint32_t group,
                          uint64_t tick, const char *name, uint64_t value);

/** The latest time that @track has; nothing can be put before it. */
uint64_t vmc_timeline_track_tick(const struct vmc_timeline *timeline,
                                 uint32_t track);

/** Slices open on @track. */
uint32_t vmc_timeline_depth(const struct vmc_timeline *timeline,
                            uint32_t track);

/**
 * End all open slices at the latest time of all and close the list, so that
 * the file is whole.
 * Fails    VMC_E_IO when anything could not be written.
 */
enum vmc_status vmc_timeline_finish(struct vmc_timeline *timeline);

/**
 * Save or load all that a run changes; a save first brings the file up to date.
 * To go on elsewhere, the file must be given the same bytes.
 */
void vmc_timeline_archive(struct vmc_timeline *timeline,
                          struct vmc_archive *archive);

/** Events written so far, those that name groups and tracks included. */
uint64_t vmc_timeline_event_count(const struct vmc_timeline *timeline);

#endif
