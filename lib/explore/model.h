/* SPDX-License-Identifier: MIT */
/**
 * model.h - what can be explored: anything that can be saved and stepped.
 *
 * A model has a state of fixed size without pointers, in which some steps can
 * be made; which of them comes next is the only freedom there is. A run is a
 * schedule: the steps in their order. It ends when no step is left, or with
 * the step that breaks a rule.
 *
 * The first six calls are all that a search needs. Who also says which task
 * makes a step can ask for few preemptions; who also says what a step touches
 * can have schedules left out that only swap steps which do not meet.
 */
#ifndef VMC_EXPLORE_MODEL_H
#define VMC_EXPLORE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/archive.h"
#include "base/hash.h"

enum {
    VMC_MODEL_STEPS_MAX = 64,
    VMC_MODEL_TASKS_MAX = 64,
    VMC_MODEL_ACCESSES_MAX = 32
};

/** How a step touches a resource. */
enum vmc_access_kind {
    VMC_ACCESS_READ,
    VMC_ACCESS_WRITE,
    VMC_ACCESS_COMMUTES /**< with others of its kind only */
};

/** One resource that a step touches. Two steps of different tasks depend on
 * each other when they share a resource, unless both read it or both commute.
 * What decides whether a step can be made counts as touched. */
struct vmc_access {
    uint16_t resource; /**< different numbers for different things */
    uint16_t kind;     /**< enum vmc_access_kind */
};

/** The behaviour of a kind of model. All calls get @model, which is constant
 * while a search runs but for what it notes beside the runs. */
struct vmc_model_ops {
    /** Bytes of a state, a multiple of its alignment. */
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

    /** How many tasks there are in @state, ended ones too, at most
     * VMC_MODEL_TASKS_MAX. They are numbered from 0; steps may add more at the
     * end. NULL for a model without footprints. */
    uint32_t (*task_count)(const void *model, const void *state);

    /** List what the next step of @task touches, whether it can be made now or
     * not; this may change only when the task itself makes a step. Returns how
     * many, at most VMC_MODEL_ACCESSES_MAX; 0 when the task has ended. NULL:
     * every two steps depend on each other, and DPOR has nothing to go by. */
    uint32_t (*footprint)(const void *model, const void *state, uint32_t task,
                          struct vmc_access *accesses);

    /** Save or load what the model has noted beside the runs, for a search
     * that is kept. NULL: it notes nothing. */
    void (*archive)(void *model, struct vmc_archive *archive);
};

#endif
