/* SPDX-License-Identifier: MIT */
/**
 * event.h - simulated time, and the order of everything that happens in it.
 *
 * An engine fires its events by tick, then by phase, then in the order they
 * were scheduled. Nothing else takes part: no address, no hash, no host clock.
 * The same calls therefore give the same run on every machine.
 *
 * An event names its handler by the number that vmc_engine_add_handler() gave
 * out and carries one 64-bit argument. No pointer is part of it, so an engine
 * can be saved as bytes and loaded into another process that added the same
 * handlers in the same order.
 *
 * Units    A tick is 1 ps. A name in _tick is a point in time, in _ticks a
 *          duration; _cycle and _cycles likewise, counted in a clock domain.
 * Owner    The engine owns its events; a caller holds numbers only. Nothing is
 *          allocated after vmc_engine_new().
 * Threads  One engine, one thread. Two engines share no state.
 */
#ifndef VMC_EVENT_EVENT_H
#define VMC_EVENT_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/archive.h"
#include "base/base.h"

/**
 * Order inside a tick. Wires settle before devices act on them, a vCPU samples
 * what devices did in this tick, and whoever only watches comes last.
 */
enum vmc_phase {
    VMC_PHASE_WIRE,
    VMC_PHASE_DEVICE,
    VMC_PHASE_VCPU,
    VMC_PHASE_OBSERVER,
    VMC_PHASE_COUNT
};

/** The last tick that exists: 2^60 - 1, about 13 days. */
#define VMC_TICK_MAX ((UINT64_C(1) << 60) - 1)

/** What vmc_engine_schedule() never returns: the number of no event. */
#define VMC_EVENT_NONE UINT64_C(0)

struct vmc_engine;

/**
 * Called when an event fires. The event is gone by then; the handler may
 * schedule and cancel any other, at this tick too.
 */
typedef void vmc_event_fn(void *device, uint64_t argument);

/** How much room an engine has. */
struct vmc_engine_config {
    uint32_t events_max;   /**< pending at once, 1 to 2^24 */
    uint32_t handlers_max; /**< 1 to 65535 */
};

/**
 * Make an engine at tick 0 with nothing pending.
 * Owner    *@out is the caller's, for vmc_engine_free(); NULL on failure.
 * Fails    VMC_E_RANGE, VMC_E_NOMEM.
 */
enum vmc_status vmc_engine_new(struct vmc_engine **out,
                               const struct vmc_engine_config *config);

/** Free @engine with all that is pending. NULL is allowed. */
void vmc_engine_free(struct vmc_engine *engine);

/**
 * Add a handler, before time runs: @fire will be called with @device.
 * @kind and @instance name it in the fingerprint, as "eiointc", 0.
 * Owner    @device is borrowed for the life of @engine, @kind is static.
 * Returns  its number: 0 for the first, one more for each that follows.
 * Asserts  there is room.
 */
uint16_t vmc_engine_add_handler(struct vmc_engine *engine, const char *kind,
                                uint32_t instance, vmc_event_fn *fire,
                                void *device);

/**
 * From now on, let chance decide in which order events of one tick and phase
 * fire, instead of arrival. A model whose results change with @seed rests on
 * an order that hardware does not promise.
 * Order    Tick and phase hold as ever; the same seed gives the same run.
 * Cost     A step is O(events due with it); for tests.
 */
void vmc_engine_shuffle_ties(struct vmc_engine *engine, uint64_t seed);

/** The tick of the event now firing, else the last one reached. */
uint64_t vmc_engine_now_tick(const struct vmc_engine *engine);

/**
 * Fire @handler with @argument @delay_ticks from now, in @phase.
 * Order    A delay of 0 fires in this tick: after what is pending in the same
 *          phase, and at once if @phase has already passed.
 * Returns  the event's number, good until it fires or is cancelled.
 * Asserts  fewer than events_max are pending, the tick is <= VMC_TICK_MAX.
 * Cost     O(1).
 */
uint64_t vmc_engine_schedule(struct vmc_engine *engine, uint64_t delay_ticks,
                             enum vmc_phase phase, uint16_t handler,
                             uint64_t argument);

/**
 * Take @event back. False when it has fired or was cancelled before, or is
 * VMC_EVENT_NONE: an old number is not mistaken for a new event, until its
 * record has been used 2^39 times. O(1), amortised.
 */
bool vmc_engine_cancel(struct vmc_engine *engine, uint64_t event);

/** True from schedule() until @event fires or is cancelled. */
bool vmc_engine_is_pending(const struct vmc_engine *engine, uint64_t event);

/** How many events are pending. */
uint32_t vmc_engine_pending_count(const struct vmc_engine *engine);

/** The tick of the next event, or UINT64_MAX when none is pending. */
uint64_t vmc_engine_next_tick(struct vmc_engine *engine);

/** Fire the next event, however far away. False when there is none. */
bool vmc_engine_step(struct vmc_engine *engine);

/**
 * Fire every event due at or before @until_tick, then stand at that tick.
 * Returns  the number fired.
 * Asserts  @until_tick is not in the past and is <= VMC_TICK_MAX.
 */
uint64_t vmc_engine_run(struct vmc_engine *engine, uint64_t until_tick);

/** Fire events until none is pending or vmc_engine_stop(). Returns how many. */
uint64_t vmc_engine_run_all(struct vmc_engine *engine);

/** Make the run that calls the current handler return after it. */
void vmc_engine_stop(struct vmc_engine *engine);

/** How many events have fired since the engine was made. */
uint64_t vmc_engine_fired_count(const struct vmc_engine *engine);

/**
 * A hash over the sequence of (tick, phase, kind, instance) of all that has
 * fired. Two runs that show the same did the same, in the same order.
 */
uint64_t vmc_engine_fingerprint(const struct vmc_engine *engine);

/** Bytes that vmc_engine_save() writes: about 32 for each of events_max. */
size_t vmc_engine_snapshot_bytes(const struct vmc_engine *engine);

/**
 * Write time, order, fingerprint and every pending event to @snapshot, which
 * is aligned for uint64_t. The same run gives the same bytes.
 */
void vmc_engine_save(const struct vmc_engine *engine, void *snapshot);

/**
 * Go back, or on, to what @snapshot holds; event numbers in it are good again.
 * Asserts  nothing is firing.
 * Fails    VMC_E_FORMAT when it is no snapshot, one that was damaged, or one of
 *          an engine with another config or other handlers. @engine is then
 *          unchanged.
 */
enum vmc_status vmc_engine_load(struct vmc_engine *engine,
                                const void *snapshot);

/** Save or load such a snapshot as a part of @archive. Asserts as the two. */
void vmc_engine_archive(struct vmc_engine *engine, struct vmc_archive *archive);

#endif
