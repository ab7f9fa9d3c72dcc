/* SPDX-License-Identifier: MIT */
/**
 * balloon_irq.h - the balloon's interrupts through the LoongArch machine: a
 * message to PCH-MSI, the EIOINTC, a pin of a vCPU, and the guest's handler,
 * each at the price of an interrupt profile.
 *
 * Owner    The caller's storage; pointers inside point into itself, so it may
 *          not be moved.
 */
#ifndef VMC_SIM_BALLOON_BALLOON_IRQ_H
#define VMC_SIM_BALLOON_BALLOON_IRQ_H

#include "balloon/balloon.h"
#include "sim/machine/irq_vcd.h"
#include "sim/machine/irqsim.h"
#include "sim/machine/machine.h"

/** The first vector of messages; interrupt n of the balloon has the n-th. */
enum { BALLOON_IRQ_VECTOR = 64 };

struct balloon_irq {
    struct vmc_engine *engine;
    struct machine machine;
    struct irqsim sim;
    struct vmc_balloon_port port; /**< for the scenario */
    struct irq_vcd *vcd; /**< told of status bits; NULL: nobody. Borrowed */
};

/**
 * Set up a machine with @vcpu_count vCPUs, whose vCPU 0 takes the balloon's
 * interrupts, with the latencies of @profile.
 * Owner    balloon_irq_fini() frees what it holds.
 * Fails    VMC_E_RANGE, VMC_E_FORMAT with a line in @error, VMC_E_NOMEM.
 */
enum vmc_status balloon_irq_init(struct balloon_irq *irq,
                                 enum machine_semantics semantics,
                                 uint32_t vcpu_count,
                                 const struct vmc_profile *profile,
                                 struct vmc_error *error);
void balloon_irq_fini(struct balloon_irq *irq);

#endif
