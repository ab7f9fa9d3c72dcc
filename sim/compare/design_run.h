/* SPDX-License-Identifier: MIT */
/**
 * design_run.h - recorded accesses served in another way than they were.
 *
 * Accesses of the chosen ranges go to one design; all others go the way they
 * went. Each vCPU waits for its access and then does what it did in the
 * recording, for as long; so a quicker design makes a shorter run. Copies of
 * the vCPUs, each a microsecond behind the one before, show what a design does
 * when several make such accesses at once.
 *
 * Units    Ticks of 1 ps, ns where a name says so.
 */
#ifndef VMC_SIM_COMPARE_DESIGN_RUN_H
#define VMC_SIM_COMPARE_DESIGN_RUN_H

#include "ioregion/dispatch_sim.h"
#include "sim/replay/access_list.h"

/** Which accesses a design serves, and where its process lives. */
struct design_choice {
    struct vmc_dispatch_costs costs;
    struct vmc_dispatch_place place;
    const struct bus_ranges *ranges;
    bool takes_all_exits; /**< no range was chosen: all that exited */
    /** A descriptor with a process for each range or each vCPU, up to
     * VMC_DISPATCH_CHANNELS_MAX; else one for all. */
    bool has_fd_for_each_range, has_fd_for_each_vcpu;
    uint32_t copies; /**< of each vCPU, one doing what the other does */
};

/** What a design did to the chosen accesses. */
struct design_result {
    enum vmc_dispatch mode;
    uint64_t accesses, writes; /**< chosen; strings count as one */
    uint64_t served;           /**< by the design itself */
    uint64_t exits;            /**< by user space: reads it does not serve, or
                                    a full ring */
    uint64_t values_lost;      /**< writes of which an eventfd keeps no value */
    uint64_t wait_ticks;       /**< of all vCPUs, for these accesses */
    uint64_t stage_ticks[VMC_IO_STAGE_COUNT];
    uint64_t run_ns; /**< until the last vCPU is done */
    uint64_t fingerprint;
    struct vmc_dispatch_counts counts; /**< with the other accesses */
    struct vmc_hist latency_ns;
};

/** Run @list through @mode. Fails VMC_E_NOMEM; VMC_E_RANGE when that is more
 * vCPUs than are simulated. */
enum vmc_status design_run(struct design_result *result,
                           const struct access_list *list,
                           const struct design_choice *choice,
                           enum vmc_dispatch mode);

#endif
