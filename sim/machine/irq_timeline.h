/* SPDX-License-Identifier: MIT */
/**
 * irq_timeline.h - simulated interrupts on a timeline.
 *
 * It watches a struct irqsim. A vCPU has a track with what it does: it is
 * kicked or woken, it is in its handler, it runs the device's handler of a
 * vector. Each vector that is ever raised has a track among the devices with
 * its stages, from the input to the last access of the handler; an arrow leads
 * from there to the handler that it became. IPIs have a track for each vCPU
 * that they go to. A counter shows how many vectors are pending.
 */
#ifndef VMC_SIM_MACHINE_IRQ_TIMELINE_H
#define VMC_SIM_MACHINE_IRQ_TIMELINE_H

#include "sim/machine/irqsim.h"
#include "trace/timeline.h"

struct irq_timeline;

/**
 * Start to watch @sim. Groups and tracks are added when something happens.
 * Owner    *@out is the caller's, for irq_timeline_free(); NULL on failure.
 *          @timeline and @sim are borrowed; @sim may not run after that.
 * Fails    VMC_E_NOMEM.
 */
enum vmc_status irq_timeline_new(struct irq_timeline **out,
                                 struct vmc_timeline *timeline,
                                 struct irqsim *sim);

/** Save or load all that a run has changed, but for the timeline. */
void irq_timeline_archive(struct irq_timeline *self,
                          struct vmc_archive *archive);

/** The run has ended at @tick: show what is still on its way. */
void irq_timeline_finish(struct irq_timeline *self, uint64_t tick);

/** Free @self. NULL is allowed. */
void irq_timeline_free(struct irq_timeline *self);

#endif
