/* SPDX-License-Identifier: MIT */
/**
 * bus_timeline.h - the accesses of a recorded KVM guest on a timeline.
 *
 * Each vCPU thread has a track with its accesses, named by address range, and
 * inside each who served it; where the log has exits and entries of the guest,
 * a second one with these. Interrupt lines have tracks of their own, from the
 * raise to the acknowledgement, with an arrow to the thread that acknowledged.
 * Beside them stand the same accesses as the model has them in time.
 */
#ifndef VMC_SIM_REPLAY_BUS_TIMELINE_H
#define VMC_SIM_REPLAY_BUS_TIMELINE_H

#include "ioregion/dispatch.h"
#include "sim/replay/bus_log.h"
#include "sim/replay/bus_ranges.h"
#include "sim/machine/irq_lines.h"
#include "trace/reader.h"
#include "trace/timeline.h"

struct bus_timeline;

/**
 * Make one; groups and tracks are added when something happens.
 * Owner    *@out is the caller's, for bus_timeline_free(); NULL on failure.
 *          The others are borrowed.
 * Fails    VMC_E_NOMEM.
 */
enum vmc_status bus_timeline_new(struct bus_timeline **out,
                                 struct vmc_timeline *timeline,
                                 const struct vmc_reader *reader,
                                 const struct bus_log *log);

/** Show @access of @range, which @mode served. */
void bus_timeline_access(struct bus_timeline *self,
                         const struct bus_access *access,
                         const struct bus_range *range, enum vmc_dispatch mode);

/** The model has ended, at @tick, an access of thread @thread that took @ticks.
 */
void bus_timeline_simulated(struct bus_timeline *self, uint32_t thread,
                            uint64_t tick, uint64_t ticks,
                            const struct bus_range *range, bool is_write,
                            enum vmc_dispatch mode);

/** Take a record of an exit, an entry or an interrupt; others are passed over.
 * @ack is what irq_lines_take() made of it. */
void bus_timeline_record(struct bus_timeline *self,
                         const struct vmc_record *record, struct irq_ack ack);

/** Save or load all that records have changed, but for the timeline. */
void bus_timeline_archive(struct bus_timeline *self,
                          struct vmc_archive *archive);

/** The trace has ended: show the lines of @irqs that nobody acknowledged, and
 * end what is open. */
void bus_timeline_finish(struct bus_timeline *self,
                         const struct irq_lines *irqs);

/** Free @self. NULL is allowed. */
void bus_timeline_free(struct bus_timeline *self);

#endif
