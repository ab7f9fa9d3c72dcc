/* SPDX-License-Identifier: MIT */
/**
 * model.h - what can be explored: anything that can be saved and stepped.
 *
 * A model has a state of fixed size without pointers, in which some steps can
 * be made; which of them comes next is the only freedom there is. A run is a
 * schedule: the steps in their order. It ends when no step is left, or with
 * the step that breaks a rule.
 */
#ifndef VMC_EXPLORE_MODEL_H
#define VMC_EXPLORE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

enum { VMC_MODEL_STEPS_MAX = 64 };

/** The behaviour of a kind of model. All calls get @model, which is constant
 * while a search runs but for what it notes beside the runs. */
struct vmc_model_ops {
    /** Bytes of a state. */
    size_t (*state_bytes)(const void *model);

    /** Put the first state into @state. */
    void (*start)(void *model, void *state);

    /** List the steps that @state allows, at most VMC_MODEL_STEPS_MAX, in an
     * order that depends on the state only. Returns how many. */
    uint32_t (*enabled)(void *model, const void *state, uint16_t *steps);

    /** Make @step. False when it broke the rule *@rule, not 0; the state is
     * then of no use. */
    bool (*step)(void *model, void *state, uint16_t step, uint32_t *rule);

    /** Judge a state without steps: deadlock, leaks. False likewise. */
    bool (*finish)(void *model, const void *state, uint32_t *rule);

    /** Equal for states that the model cannot tell apart. */
    struct vmc_hash128 (*hash)(void *model, const void *state);

    /** The task that makes @step; a task has at most one step at a time, of
     * which there may be alternatives. A switch away from a task that could go
     * on is a preemption. NULL: every step is a task of its own. */
    uint32_t (*task)(const void *model, uint16_t step);
};

#endif
