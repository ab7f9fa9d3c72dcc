/* SPDX-License-Identifier: MIT */
/**
 * edge.h - components that act on every edge of a clock.
 *
 * A component that has something to do in each cycle need not be an event: all
 * of a clock's components share one event for each edge, which calls those
 * that are awake, in the order they were added. When all sleep, no event is
 * pending and simulated time passes at no cost.
 *
 * Waking is synchronous, as in hardware: whoever is woken at an edge acts from
 * the next edge on, wherever it stands in the order. Falling asleep is at once.
 *
 * Units    A cycle is one of the clock; edges are the multiples of its period.
 * Owner    Opaque; what a run changes is the block that vmc_edge_state() shows.
 */
#ifndef VMC_EVENT_EDGE_H
#define VMC_EVENT_EDGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "event/clock.h"
#include "event/event.h"

struct vmc_edge;

/** Called at an edge; @cycle is its number in the clock domain. */
typedef void vmc_edge_fn(void *device, uint64_t cycle);

/** Which edges, and for how many. */
struct vmc_edge_config {
    struct vmc_engine *engine; /**< borrowed; gets one handler */
    struct vmc_clock clock;    /**< whose edges these are */
    enum vmc_phase phase;      /**< of the edges */
    const char *kind;        /**< with instance, the name in the fingerprint */
    uint32_t instance;       /**< tells edges of one kind apart */
    uint32_t components_max; /**< 1 to 2^20 */
};

/**
 * Make an edge without components.
 * Owner    *@out is the caller's, for vmc_edge_free(); NULL on failure.
 * Fails    VMC_E_RANGE, VMC_E_NOMEM.
 */
enum vmc_status vmc_edge_new(struct vmc_edge **out,
                             const struct vmc_edge_config *config);

/** Free @edge; its engine must not run any more. NULL is allowed. */
void vmc_edge_free(struct vmc_edge *edge);

/**
 * Add a component, asleep, before time runs.
 * Owner    @device is borrowed for the life of @edge.
 * Returns  its number: 0 for the first, one more for each that follows.
 * Asserts  there is room.
 */
uint32_t vmc_edge_add(struct vmc_edge *edge, vmc_edge_fn *act, void *device);

/** Call @component at every edge that is later than now. O(1). */
void vmc_edge_wake(struct vmc_edge *edge, uint32_t component);

/** Do not call @component any more, not even at this edge. O(1). */
void vmc_edge_sleep(struct vmc_edge *edge, uint32_t component);

/** True when @component is awake, or will be at the next edge. */
bool vmc_edge_is_awake(const struct vmc_edge *edge, uint32_t component);

/**
 * The block that a run changes, for a state map: @size_bytes of plain data.
 * Load it together with a snapshot of the engine.
 */
void *vmc_edge_state(struct vmc_edge *edge, size_t *size_bytes);

#endif
