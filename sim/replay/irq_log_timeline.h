/* SPDX-License-Identifier: MIT */
/**
 * irq_log_timeline.h - recorded interrupts on a timeline, beside the simulated
 * ones of irq_timeline.h.
 *
 * Each vector that was raised has a track: from its input to the read that
 * showed it and to the write that cleared it, or what else became of it. Each
 * vCPU has one: from a status read that showed something to the write that
 * cleared it, with arrows from the vectors shown; IPIs that it sent, with
 * arrows to the reads that found them. A counter shows the vectors pending.
 *
 * What becomes of a vector is the business of interrupt_log.h; here its flights
 * are drawn when that has ended them.
 */
#ifndef VMC_SIM_REPLAY_IRQ_LOG_TIMELINE_H
#define VMC_SIM_REPLAY_IRQ_LOG_TIMELINE_H

#include "base/archive.h"
#include "sim/replay/interrupt_log.h"
#include "trace/timeline.h"

struct irq_log_timeline;

/**
 * Make one for @vcpu_count vCPUs; groups and tracks are added when something
 * happens.
 * Owner    *@out is the caller's, for irq_log_timeline_free(); NULL on failure.
 *          @timeline and @log are borrowed.
 * Fails    VMC_E_NOMEM.
 */
enum vmc_status irq_log_timeline_new(struct irq_log_timeline **out,
                                     struct vmc_timeline *timeline,
                                     const struct interrupt_log *log,
                                     uint32_t vcpu_count);

/** The log may just have changed the flight of @vector. */
void irq_log_timeline_vector(struct irq_log_timeline *self,
                             struct log_place place, uint32_t vector);

/** @vcpu has cleared @bits, which were pending, of status word @word. */
void irq_log_timeline_cleared(struct irq_log_timeline *self,
                              struct log_place place, uint32_t vcpu,
                              uint32_t word, uint32_t bits);

/** A read of status word @word by @vcpu has shown the bits @shown first. */
void irq_log_timeline_shown(struct irq_log_timeline *self,
                            struct log_place place, uint32_t vcpu,
                            uint32_t word, uint32_t shown);

/** @vcpu does something else than reading its status: that ends its slice. */
void irq_log_timeline_access(struct irq_log_timeline *self,
                             struct log_place place, uint32_t vcpu);

/** @sender has sent IPI @bit to @target; @is_new: it was not on its way. */
void irq_log_timeline_ipi_sent(struct irq_log_timeline *self,
                               struct log_place place, uint32_t sender,
                               uint32_t target, uint32_t bit, bool is_new);

/** @vcpu has read its IPI status, which has shown @shown first. */
void irq_log_timeline_ipi_read(struct irq_log_timeline *self,
                               struct log_place place, uint32_t vcpu,
                               uint32_t shown);

/** The recording has ended: show what is open. */
void irq_log_timeline_finish(struct irq_log_timeline *self);

/** Save what records have changed to @archive, or load it. */
void irq_log_timeline_archive(struct irq_log_timeline *self,
                              struct vmc_archive *archive);

/** Free @self. NULL is allowed. */
void irq_log_timeline_free(struct irq_log_timeline *self);

#endif
