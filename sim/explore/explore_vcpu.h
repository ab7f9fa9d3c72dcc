/* SPDX-License-Identifier: MIT */
/**
 * explore_vcpu.h - a scenario of vCPUs as a model that can be explored.
 */
#ifndef VMC_SIM_EXPLORE_EXPLORE_VCPU_H
#define VMC_SIM_EXPLORE_EXPLORE_VCPU_H

#include "explore/model.h"
#include "sim/explore/story.h"
#include "vcpu/life.h"
#include "vcpu/program.h"

/** A compiled scenario and what is noted beside its runs. */
struct explore_vcpu {
    const struct vmc_life_program *program;
    struct vmc_life_watch watch;
    bool tells_objects; /**< a rule broken on another object is another rule:
                           its number is explore_vcpu_failure() */
};

/** Its behaviour; the model is a struct explore_vcpu, a rule an enum
 * vmc_rule. */
extern const struct vmc_model_ops explore_vcpu_ops;

/** The same in words. */
extern const struct story_words explore_vcpu_words;

/** The number of @violation for the explorer: its rule, and from bit 8 on its
 * object, if @self tells objects. */
uint32_t explore_vcpu_failure(const struct explore_vcpu *self,
                              const struct vmc_life_violation *violation);

/** Put the bytes of @state into a whole state. */
void explore_vcpu_widen(const struct explore_vcpu *self,
                        struct vmc_life_state *whole, const void *state);

#endif
