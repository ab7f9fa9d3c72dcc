/* SPDX-License-Identifier: MIT */
/**
 * explore_irq.h - races of the interrupt path as models that can be explored.
 *
 * Each is an entry of the catalogue of interrupt bugs that is a race: a few
 * tasks (a device, a driver, the handlers of CPUs) act on the real models of
 * lib/eiointc, lib/iocsr and lib/irqchip, and a rule says what must hold. The
 * variant "bug" sets the models up as the implementation that had the bug, the
 * variant "fixed" as the one that has not.
 *
 *     irq:reroute  B-19  a vector is routed anew while its input falls
 *     irq:ipi      B-20  an IPI is sent while the last one is cleared
 *     irq:timer    B-30  a timer expires while software injects
 *     irq:entry    B-37  an interrupt is noted while a vCPU enters the guest
 */
#ifndef VMC_SIM_EXPLORE_EXPLORE_IRQ_H
#define VMC_SIM_EXPLORE_EXPLORE_IRQ_H

#include "eiointc/eiointc.h"
#include "iocsr/ipi.h"
#include "irqchip/kvm_inject.h"
#include "sim/explore/story.h"

struct irq_race;
struct irq_state;

/** A race, and the models that its steps are made on. Fields belong to
 * explore_irq.c; the model must not move. */
struct explore_irq {
    const struct irq_race *race;
    bool is_fixed;
    struct vmc_eio eio;
    struct vmc_ipi ipi;
    struct irq_state *now; /**< the state that a step is being made on */
};

/**
 * Set up the race @name, as "reroute", in @variant, "bug" (also NULL) or
 * "fixed".
 * Fails    VMC_E_USAGE with the names that there are in @error.
 */
enum vmc_status explore_irq_init(struct explore_irq *irq, const char *name,
                                 const char *variant, struct vmc_error *error);

/** "reroute", and a few words. Static. */
const char *explore_irq_name(const struct explore_irq *irq);
const char *explore_irq_title(const struct explore_irq *irq);

/** Its behaviour; the model is a struct explore_irq, a rule the number of a bug
 * in the catalogue. */
extern const struct vmc_model_ops explore_irq_ops;
extern const struct story_words explore_irq_words;

#endif
