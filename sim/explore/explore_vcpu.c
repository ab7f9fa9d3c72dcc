/* SPDX-License-Identifier: MIT */
/*
 * States on the explorer's side hold only the bytes that runs of the program
 * use. Steps work on them as they stand: nothing of lib/vcpu looks at a task
 * beyond those that the program can have.
 */
#include "sim/explore/explore_vcpu.h"

#include <string.h>

static size_t vcpu_state_bytes(const void *model)
{
    const struct explore_vcpu *self = model;

    return vmc_life_state_bytes(self->program);
}

static void vcpu_start(void *model, void *state)
{
    const struct explore_vcpu *self = model;

    vmc_life_start(self->program, state);
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

    static_assert((int)VMC_LIFE_STEPS_MAX <= (int)VMC_MODEL_STEPS_MAX,
                  "all steps fit");
    return vmc_life_enabled(self->program, state, steps);
}

uint32_t explore_vcpu_failure(const struct explore_vcpu *self,
                              const struct vmc_life_violation *violation)
{
    return violation->rule |
           (self->tells_objects && violation->object != VMC_LIFE_NOBODY
                ? (violation->object + 1U) << 8
                : 0);
}

static bool vcpu_step(void *model, void *state, uint16_t step, uint32_t *rule)
{
    struct explore_vcpu *self = model;
    struct vmc_life_event event;

    if (vmc_life_step(self->program, state, step, &event, &self->watch)) {
        return true;
    }
    *rule = explore_vcpu_failure(self, &event.violation);
    return false;
}

static bool vcpu_finish(void *model, const void *state, uint32_t *rule)
{
    struct explore_vcpu *self = model;
    struct vmc_life_violation violation;

    if (vmc_life_finish(self->program, state, &violation, &self->watch)) {
        return true;
    }
    *rule = explore_vcpu_failure(self, &violation);
    return false;
}

static struct vmc_hash128 vcpu_hash(void *model, const void *state)
{
    const struct explore_vcpu *self = model;

    return vmc_life_hash(self->program, state);
}

static uint32_t vcpu_task_count(const void *model, const void *state)
{
    const struct vmc_life_state *life = state;

    (void)model;
    static_assert((int)VMC_LIFE_TASKS_MAX <= (int)VMC_MODEL_TASKS_MAX,
                  "all tasks fit");
    return life->task_count;
}

static uint32_t vcpu_footprint(const void *model, const void *state,
                               uint32_t task, struct vmc_access *accesses)
{
    static const uint16_t kinds[] = {
        [VMC_MODE_READ] = VMC_ACCESS_READ,
        [VMC_MODE_WRITE] = VMC_ACCESS_WRITE,
        [VMC_MODE_COMMUTES] = VMC_ACCESS_COMMUTES,
    };
    const struct explore_vcpu *self = model;
    struct vmc_life_access found[VMC_LIFE_ACCESSES_MAX];
    uint32_t count = vmc_life_footprint(self->program, state, task, found);

    static_assert((int)VMC_LIFE_ACCESSES_MAX <= (int)VMC_MODEL_ACCESSES_MAX,
                  "all accesses fit");
    for (uint32_t i = 0; i < count; i++) {
        accesses[i] =
            (struct vmc_access){found[i].resource, kinds[found[i].mode]};
    }
    return count;
}

static uint32_t vcpu_task(const void *model, uint16_t step)
{
    (void)model;
    return step / VMC_LIFE_ALTERNATIVES;
}

static void vcpu_archive(void *model, struct vmc_archive *archive)
{
    struct explore_vcpu *self = model;

    VMC_ARCHIVE(archive, self->watch);
}

const struct vmc_model_ops explore_vcpu_ops = {
    .state_bytes = vcpu_state_bytes,
    .start = vcpu_start,
    .enabled = vcpu_enabled,
    .step = vcpu_step,
    .finish = vcpu_finish,
    .hash = vcpu_hash,
    .task = vcpu_task,
    .task_count = vcpu_task_count,
    .footprint = vcpu_footprint,
    .archive = vcpu_archive,
};
