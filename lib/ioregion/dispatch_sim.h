/* SPDX-License-Identifier: MIT */
/**
 * dispatch_sim.h - accesses of several vCPUs in time, with everything in their
 * way that is shared.
 *
 * Each vCPU has one access under way at most and goes through the stages of
 * dispatch.h. It waits in four places, always first come, first served:
 *
 *     the descriptor   one command with an answer at a time (ioregionfd)
 *     the VMM          one exit at a time, where it has a lock for that
 *     the buffer       of the socket, when the process does not keep up
 *     the process      that handles one command after the other
 *
 * A channel is a descriptor with the one process behind it, for ioregionfd,
 * for an eventfd, and for the VMM that passes accesses on. The process sleeps
 * while it has nothing to do and is woken by whoever brings something.
 *
 * The coalesced ring is one for all vCPUs; a write that finds it full exits,
 * and the VMM then works off what is in it.
 *
 * Units    Ticks of 1 ps.
 * Owner    The engine is borrowed; its other users may share it. Nothing is
 *          allocated after vmc_dispatch_sim_new().
 */
#ifndef VMC_IOREGION_DISPATCH_SIM_H
#define VMC_IOREGION_DISPATCH_SIM_H

#include "base/base.h"
#include "device/state.h"
#include "event/event.h"
#include "ioregion/dispatch.h"

enum { VMC_DISPATCH_VCPUS_MAX = 256, VMC_DISPATCH_CHANNELS_MAX = 16 };

struct vmc_dispatch_sim;

/** Who makes accesses, and what each part of one costs. */
struct vmc_dispatch_sim_config {
    struct vmc_dispatch_costs costs; /**< of the machine */
    struct vmc_dispatch_place place; /**< how its other side is set up */
    uint32_t vcpu_count;             /**< 1 to VMC_DISPATCH_VCPUS_MAX */
    uint32_t channel_count;          /**< 1 to VMC_DISPATCH_CHANNELS_MAX */
    bool do_exits_drain; /**< every exit works off the ring, not only full */
};

/** What has happened since the start. */
struct vmc_dispatch_counts {
    uint64_t accesses;                        /**< all that were submitted */
    uint64_t writes;                          /**< of them */
    uint64_t by_mode[VMC_DISPATCH_COUNT];     /**< as really served */
    uint64_t stage_ticks[VMC_IO_STAGE_COUNT]; /**< time spent in each */
    uint64_t ring_full;          /**< coalesced writes that had to exit */
    uint64_t ring_drained;       /**< entries worked off by the VMM */
    uint64_t lock_waits;         /**< accesses that found a lock taken */
    uint64_t buffer_waits;       /**< accesses that found the buffer full */
    uint64_t commands;           /**< given to a process */
    uint64_t commands_done;      /**< handled by it */
    uint64_t signals;            /**< of eventfds */
    uint64_t signals_merged;     /**< of them those that found it not 0 */
    uint64_t process_wakes;      /**< how often a process had to be woken */
    uint64_t process_ticks;      /**< its time for commands and signals */
    uint64_t queue_commands_max; /**< most commands in one buffer */
};

/**
 * An access has ended: @ticks after vmc_dispatch_submit() the guest goes on.
 * The vCPU is free and may submit the next from inside.
 */
typedef void vmc_dispatch_done_fn(void *owner, uint32_t vcpu, uint64_t ticks);

/**
 * Make a simulation on @engine, in which no vCPU does anything yet.
 * Owner    *@out is the caller's, for vmc_dispatch_sim_free(); NULL on failure.
 *          It adds two handlers and has at most vcpu_count + channel_count
 *          events pending.
 * Fails    VMC_E_RANGE, VMC_E_NOMEM.
 */
enum vmc_status
vmc_dispatch_sim_new(struct vmc_dispatch_sim **out, struct vmc_engine *engine,
                     const struct vmc_dispatch_sim_config *config,
                     vmc_dispatch_done_fn *done, void *owner);

/** Free @sim, after the last event has fired. NULL is allowed. */
void vmc_dispatch_sim_free(struct vmc_dispatch_sim *sim);

/** Add what changes to @map. */
void vmc_dispatch_sim_add_state(struct vmc_dispatch_sim *sim,
                                struct vmc_state_map *map);

/**
 * @vcpu leaves the guest now, for an access that @mode serves through
 * @channel.
 * Asserts  @vcpu has no access under way; the numbers are in range.
 */
void vmc_dispatch_submit(struct vmc_dispatch_sim *sim, uint32_t vcpu,
                         enum vmc_dispatch mode, uint32_t channel,
                         const struct vmc_io_access *access);

/** True while @vcpu has an access under way. */
bool vmc_dispatch_is_busy(const struct vmc_dispatch_sim *sim, uint32_t vcpu);

/** What has been counted so far. */
const struct vmc_dispatch_counts *
vmc_dispatch_sim_counts(const struct vmc_dispatch_sim *sim);

/** Entries that lie in the coalesced ring. */
uint32_t vmc_dispatch_ring_entries(const struct vmc_dispatch_sim *sim);

#endif
