/* SPDX-License-Identifier: MIT */
/**
 * explore_life.h - a scenario whose interrupts go through a real controller.
 *
 * For scenarios that name a controller. Each step is one of the scenario, with
 * sim/machine/irq_life.h following it; the state is that of both. Beside the
 * rules of the scenario, the books must balance and the controller be sound
 * (V32 when not); and where V32 is fatal, no interrupt may be lost with a vCPU
 * or reach another than it was sent to.
 */
#ifndef VMC_SIM_EXPLORE_EXPLORE_LIFE_H
#define VMC_SIM_EXPLORE_EXPLORE_LIFE_H

#include "sim/explore/explore_vcpu.h"
#include "sim/machine/irq_life.h"

enum { EXPLORE_LIFE_CPUS = 4 };

/** What a run changes of the controller and the books. */
struct life_books {
    struct vmc_eio_bank bank;
    uint64_t isr[VMC_EIO_WORDS];
    uint64_t coreisr[EXPLORE_LIFE_CPUS][VMC_EIO_WORDS];
    uint64_t holds[EXPLORE_LIFE_CPUS][VMC_EIO_PINS][VMC_EIO_WORDS];
    uint16_t target[VMC_EIO_VECTORS];
    uint32_t accepted, taken, lost, refused, dying, stray;
    uint8_t lines[EXPLORE_LIFE_CPUS];
    uint8_t sent_to[IRQ_LIFE_DELIVERIES_MAX];
};

/** The scenario, and the models that its steps are made on. */
struct explore_life {
    struct explore_vcpu vcpu;
    struct irq_life it;
    struct life_books start;
};

/**
 * Set up @program, which names a controller.
 * Owner    @program is borrowed.
 * Fails    VMC_E_RANGE.
 */
enum vmc_status explore_life_init(struct explore_life *self,
                                  const struct vmc_life_program *program);

/** Its behaviour; the model is a struct explore_life, a rule an enum
 * vmc_rule. */
extern const struct vmc_model_ops explore_life_ops;
extern const struct story_words explore_life_words;

#endif
