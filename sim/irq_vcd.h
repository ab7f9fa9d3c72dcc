/* SPDX-License-Identifier: MIT */
/**
 * irq_vcd.h - the waveform of interrupts in time.
 *
 * Signals, by name:
 *
 *     clock.node, clock.cpu       only when asked for by that name
 *     input.vN                    input of vector N
 *     routerN.vector, .busy       what the router of node N serves, and whether
 *     routerN.depth               how many vectors wait there
 *     eiointc.pending             status bits that are set, of all vCPUs
 *     cpuN.mode                   0 running, 1 idle, 2 entering, 3 handling
 *     cpuN.ISn                    bit n of ESTAT.IS, as the vCPU sees it
 *     cpuN.coreisrW               64 status bits, from vector 64 * W on
 *     cpuN.ipi                    status of its IPI unit
 *
 * It watches a struct irqsim; of what that does not know, the status bits of
 * the controller and IPI units, whoever does has to tell.
 */
#ifndef VMC_SIM_IRQ_VCD_H
#define VMC_SIM_IRQ_VCD_H

#include "sim/irqsim.h"
#include "sim/machine.h"
#include "sim/waveform.h"

struct irq_vcd;

/**
 * Start a waveform of @sim, which acts on @machine.
 * Owner    *@out is the caller's, for irq_vcd_free(); NULL on failure. @sim and
 *          @machine are borrowed for its life; @sim may not run after that.
 * Fails    as waveform_open() and waveform_ready(), with a line in @error.
 */
enum vmc_status irq_vcd_new(struct irq_vcd **out,
                            const struct waveform_options *options,
                            struct irqsim *sim, const struct machine *machine,
                            struct vmc_error *error);

/** The controller has changed the status bit of @vector on @vcpu. */
void irq_vcd_status(struct irq_vcd *vcd, uint32_t vector, uint32_t vcpu);

/** Somebody else than @vcpu may have changed its IPI unit. */
void irq_vcd_ipi(struct irq_vcd *vcd, uint32_t vcpu);

/** Save or load all that a run has changed, the file included. */
void irq_vcd_archive(struct irq_vcd *vcd, struct vmc_archive *archive);

/** As waveform_finish(). */
enum vmc_status irq_vcd_finish(struct irq_vcd *vcd, uint64_t tick,
                               struct vmc_error *error);

/** Free @vcd; a file that was not finished disappears. NULL is allowed. */
void irq_vcd_free(struct irq_vcd *vcd);

#endif
