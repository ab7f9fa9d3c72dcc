/* SPDX-License-Identifier: MIT */
/*
 * States on the explorer's side hold only the bytes that runs of the program
 * use; a step works on a whole state, whose rest is zero.
 */
#include "sim/explore_vcpu.h"

#include <string.h>

static size_t vcpu_state_bytes(const void *model)
{
    const struct explore_vcpu *self = model;

    return vmc_life_state_bytes(self->program);
}

static void vcpu_start(void *model, void *state)
{
    const struct explore_vcpu *self = model;
    struct vmc_life_state whole;

    vmc_life_start(self->program, &whole);
    memcpy(state, &whole, vmc_life_state_bytes(self->program));
}

void explore_vcpu_widen(const struct explore_vcpu *self,
                        struct vmc_life_state *whole, const void *state)
{
    size_t bytes = vmc_life_state_bytes(self->program);

    memcpy(whole, state, bytes);
    memset((unsigned char *)whole + bytes, 0, sizeof(*whole) - bytes);
}

static uint32_t vcpu_enabled(void *model, const void *state, uint16_t *steps)
{
    const struct explore_vcpu *self = model;
    struct vmc_life_state whole;

    static_assert((int)VMC_LIFE_STEPS_MAX <= (int)VMC_MODEL_STEPS_MAX,
                  "all steps fit");
    explore_vcpu_widen(self, &whole, state);
    return vmc_life_enabled(self->program, &whole, steps);
}

static bool vcpu_step(void *model, void *state, uint16_t step, uint32_t *rule)
{
    struct explore_vcpu *self = model;
    struct vmc_life_state whole;
    struct vmc_life_event event;

    explore_vcpu_widen(self, &whole, state);
    if (!vmc_life_step(self->program, &whole, step, &event, &self->watch)) {
        *rule = event.violation.rule;
        return false;
    }
    memcpy(state, &whole, vmc_life_state_bytes(self->program));
    return true;
}

static bool vcpu_finish(void *model, const void *state, uint32_t *rule)
{
    struct explore_vcpu *self = model;
    struct vmc_life_state whole;
    struct vmc_life_violation violation;

    explore_vcpu_widen(self, &whole, state);
    if (vmc_life_finish(self->program, &whole, &violation, &self->watch)) {
        return true;
    }
    *rule = violation.rule;
    return false;
}

static struct vmc_hash128 vcpu_hash(void *model, const void *state)
{
    const struct explore_vcpu *self = model;
    struct vmc_life_state whole;

    explore_vcpu_widen(self, &whole, state);
    return vmc_life_hash(self->program, &whole);
}

static uint32_t vcpu_task(const void *model, uint16_t step)
{
    (void)model;
    return step / VMC_LIFE_ALTERNATIVES;
}

const struct vmc_model_ops explore_vcpu_ops = {
    .state_bytes = vcpu_state_bytes,
    .start = vcpu_start,
    .enabled = vcpu_enabled,
    .step = vcpu_step,
    .finish = vcpu_finish,
    .hash = vcpu_hash,
    .task = vcpu_task,
};
