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
#ifndef VMC_SIM_MACHINE_IRQ_VCD_H
#define VMC_SIM_MACHINE_IRQ_VCD_H

#include "sim/machine/irqsim.h"
#include "sim/machine/machine.h"
#include "trace/vcd.h"

/** No more signals than these, clocks among them. */
enum {
    IRQ_VCD_CPU_SIGNALS = 2 + IRQSIM_LINES + VMC_EIO_WORDS,
    IRQ_VCD_SIGNALS_MAX = 2 + VMC_ROUTER_VECTORS + 1 +
                          3 * VMC_ROUTER_NODES_MAX +
                          IRQ_VCD_CPU_SIGNALS * GUEST_VCPUS_MAX
};

struct irq_vcd;

/**
 * Add the signals of @sim, which acts on @machine, to @vcd.
 * Owner    *@out is the caller's, for irq_vcd_free(); NULL on failure. All are
 *          borrowed for its life; @sim may not run after that.
 * Fails    VMC_E_NOMEM.
 */
enum vmc_status irq_vcd_new(struct irq_vcd **out, struct vmc_vcd *vcd,
                            struct irqsim *sim, const struct machine *machine);

/** The controller has changed the status bit of @vector on @vcpu. */
void irq_vcd_status(struct irq_vcd *self, uint32_t vector, uint32_t vcpu);

/** Somebody else than @vcpu may have changed its IPI unit. */
void irq_vcd_ipi(struct irq_vcd *self, uint32_t vcpu);

/** Save or load what the run has changed here; the waveform itself is saved
 * by whoever owns it. */
void irq_vcd_archive(struct irq_vcd *self, struct vmc_archive *archive);

/** Free it. NULL is allowed. */
void irq_vcd_free(struct irq_vcd *self);

#endif
