/* SPDX-License-Identifier: MIT */
/**
 * bus_view.h - what a model of the machine's buses says to recorded accesses:
 * would it have left to user space, and is that what the log shows?
 *
 * The buses are those of lib/ioregion, with a device on them for each range of
 * which it is known who serves it (bus_ranges.h). The first accesses say
 * whether this machine has that device; from then on the log must agree. Where
 * nothing is known, each address is learned, and what it does later is compared
 * with what it did before: a change is counted, for a guest may well register
 * an eventfd while it runs.
 *
 * Coalesced writes are held against the ring: it is one for the VM, and user
 * space may empty it whenever it runs. A write may exit only when the ring can
 * be full by then, so an exit that comes too early is a mismatch.
 */
#ifndef VMC_SIM_REPLAY_BUS_VIEW_H
#define VMC_SIM_REPLAY_BUS_VIEW_H

#include "sim/replay/bus_log.h"
#include "sim/replay/bus_ranges.h"

enum { BUS_VIEW_MISMATCHES_KEPT = 32, BUS_VIEW_LEARNED_MAX = 16384 };

/** One access that the log and the model see differently. */
struct bus_mismatch {
    uint64_t line, addr;
    uint32_t range;
    bool did_exit; /**< in the log; the model says the reverse */
};

struct bus_view_counts {
    uint64_t checked; /**< accesses that the model had an opinion on */
    uint64_t mismatches;
    uint64_t learned;        /**< addresses that nobody listed */
    uint64_t learned_kernel; /**< of those, served in the kernel at first */
    uint64_t changes;        /**< of those, later served by the other side */
    uint64_t unlearned;      /**< accesses beyond the limit of addresses */
    uint64_t ring_writes;    /**< absorbed */
    uint64_t ring_full;      /**< exited because the ring was full */
    uint64_t ring_exact;     /**< of those, as many after the last as it has */
};

struct bus_view;

/** Make a view on @ranges, which is borrowed and begun. @ring_entries as in
 * KVM: one of them stays empty. Fails VMC_E_NOMEM, VMC_E_RANGE. */
enum vmc_status bus_view_new(struct bus_view **out,
                             const struct bus_ranges *ranges,
                             uint32_t ring_entries);
void bus_view_free(struct bus_view *view);

/** Would the model serve @access, of range @range, in the kernel? */
bool bus_view_claims(struct bus_view *view, const struct bus_access *access,
                     uint32_t range);

/** Is @access like one that nobody listed and that left the last time? */
bool bus_view_leaves(const struct bus_view *view,
                     const struct bus_access *access);

/** Hold @access against the model. False when they differ. *@probes gets how
 * many ranges the search of the bus compared. */
bool bus_view_check(struct bus_view *view, const struct bus_access *access,
                    uint32_t range, uint32_t *probes);

/** Save or load all that accesses have changed; the ranges come before it. */
void bus_view_archive(struct bus_view *view, struct vmc_archive *archive);

const struct bus_view_counts *bus_view_counts(const struct bus_view *view);

/** The @index-th mismatch, NULL past the last that was kept. */
const struct bus_mismatch *bus_view_mismatch(const struct bus_view *view,
                                             uint32_t index);

#endif
