/* SPDX-License-Identifier: MIT */
/**
 * irq_life.h - interrupts meet life: the interrupt controller joined to the
 * life of the vCPUs it delivers to.
 *
 * A scenario's `deliver x` routes a vector to x and raises it in a real
 * controller model; `guest_enter x` takes and acknowledges what is pending
 * there; `free x` loses what was sent to x and is still pending. The controller
 * knows ids, not objects: a vCPU that is plugged with the id of one that is
 * gone finds what that one has left behind, a stray interrupt. At every moment
 *
 *     accepted = taken + lost + pending
 *
 * The struct is plain data but for the program and the controller's own
 * pointers to constant tables: irq_life_copy() is a snapshot.
 */
#ifndef VMC_SIM_MACHINE_IRQ_LIFE_H
#define VMC_SIM_MACHINE_IRQ_LIFE_H

#include "base/base.h"
#include "eiointc/eiointc.h"
#include "vcpu/life.h"

enum { IRQ_LIFE_DELIVERIES_MAX = VMC_EIO_VECTORS / 4 };

struct irq_life {
    const struct vmc_life_program *program;
    struct vmc_life_state life;
    struct vmc_eio eio;
    uint32_t accepted, taken, lost;
    uint32_t refused; /**< that had no vCPU or no vector there */
    uint32_t dying;   /**< accepted by a vCPU whose count was 0 */
    uint32_t stray;   /**< taken by another vCPU than it was sent to */
    uint8_t sent_to[IRQ_LIFE_DELIVERIES_MAX]; /**< object of each delivery */
};

/**
 * Start @program with a controller of @implementation.
 * Fails    VMC_E_RANGE.
 */
enum vmc_status irq_life_init(struct irq_life *it,
                              const struct vmc_life_program *program,
                              enum vmc_eio_implementation implementation);

/** Make *@to a snapshot of @from. */
void irq_life_copy(struct irq_life *to, const struct irq_life *from);

/** As vmc_life_step(), with the controller following. */
bool irq_life_step(struct irq_life *it, uint16_t step,
                   struct vmc_life_event *event, struct vmc_life_watch *watch);

/** Interrupts pending on any vCPU now. */
uint32_t irq_life_pending(const struct irq_life *it);

/** NULL while the books balance and the controller is sound, else why not. */
const char *irq_life_check(const struct irq_life *it);

#endif
