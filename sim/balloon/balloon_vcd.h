/* SPDX-License-Identifier: MIT */
/**
 * balloon_vcd.h - the waveform of a balloon scenario.
 *
 * Signals, by name:
 *
 *     vcpu.driver, vcpu.others, host.main_loop, host.io_thread,
 *     lock.driver, lock.pages, lock.bql, lock.mm, lock.mmu, and of each
 *         .owner                  the worker that has it, 0: nobody
 *         .waiters                how many are behind it
 *     queue.inflate, .deflate, .stats, .hint, .report, and of each
 *         .in_flight              messages that the driver has not got back
 *         .available, .used       of those, on their way to the device and back
 *     memory.balloon, .guest_free, .host_backed
 *                                 bytes
 *
 * The head of the file says which worker is which number.
 */
#ifndef VMC_SIM_BALLOON_BALLOON_VCD_H
#define VMC_SIM_BALLOON_BALLOON_VCD_H

#include "balloon/watch.h"
#include "trace/vcd.h"

enum {
    BALLOON_VCD_SIGNALS_MAX =
        2 * VMC_BALLOON_ACTORS + 3 * VMC_BALLOON_QUEUES + 3
};

struct balloon_vcd {
    struct vmc_balloon_watch watch; /**< for the scenario's configuration */
    struct vmc_vcd *vcd;
    struct {
        uint32_t owner, waiters;
    } actors[VMC_BALLOON_ACTORS];
    struct {
        uint32_t in_flight, available, used;
    } queues[VMC_BALLOON_QUEUES];
    uint32_t balloon, guest_free, host_backed;
    uint64_t last_tick; /**< of what has been told */
};

/**
 * Add the signals to @vcd.
 * Owner    The caller's storage, which may not be moved; @vcd is borrowed for
 *          its life.
 */
void balloon_vcd_init(struct balloon_vcd *self, struct vmc_vcd *vcd);

#endif
