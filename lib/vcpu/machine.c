/* SPDX-License-Identifier: MIT */
/* The VM, and what its vCPUs do in the guest.
 *
 * Translations stand for everything that a broadcast must reach: translate
 * makes those that guests use stale, kick makes one guest forget them, and
 * flushed says that the broadcast is over, so no guest may still use an old
 * one. */
#include "vcpu/life_priv.h"

static void check_users(struct vmc_run *run)
{
    const struct vmc_life_state *state = run->state;
    int users = state->is_vm_fd_open != 0;

    if (run->program->is_unchecked) {
        return;
    }

    for (uint32_t i = 0; i < state->object_count; i++) {
        users += (state->objects[i].flags & VMC_OBJECT_USES_VM) != 0;
    }
    if (users != state->vm_users) {
        vmc_run_break(run, VMC_V12_COUNTERS_DIFFER, VMC_LIFE_NOBODY, 0);
    }
}

/* The flags of the vCPU whose share of the VM is meant; NULL for the fd. */
static struct vmc_life_object *sharer(struct vmc_run *run)
{
    const struct vmc_life_operand *operand = &run->instr->a;
    struct vmc_life_value value;

    if (operand->kind == VMC_OPERAND_VM_FD) {
        return NULL;
    }
    value = vmc_run_value(run, operand);
    if (value.kind != VMC_VALUE_OBJECT) {
        vmc_run_break(run, VMC_V23_NOT_INITIALISED, VMC_LIFE_NOBODY, 0);
        run->is_over = true;
        return NULL;
    }
    /* Its share outlives the vCPU: it is dropped after the free. */
    run->event->subject = value;
    return &run->state->objects[value.index];
}

void vmc_op_vm_get(struct vmc_run *run)
{
    struct vmc_life_object *object = sharer(run);

    if (run->is_over) {
        return;
    }
    if (run->state->vm_state == VMC_VM_FREED) {
        vmc_run_break(run, VMC_V11_VM_BEFORE_VCPU, VMC_LIFE_NOBODY, 1);
    }
    run->state->vm_users++;
    if (object == NULL) {
        run->state->is_vm_fd_open = 1;
    } else {
        object->flags |= VMC_OBJECT_USES_VM;
    }
    check_users(run);
}

/* The last user is gone: the VM is destroyed where the put was made. */
static void destroy_vm(struct vmc_run *run)
{
    const struct vmc_life_state *state = run->state;

    for (uint8_t i = 0; i < state->object_count; i++) {
        const struct vmc_life_object *object = &state->objects[i];

        if ((object->flags & VMC_OBJECT_IS_VCPU) != 0 &&
            object->state != VMC_VCPU_FREED && object->state != VMC_VCPU_NONE) {
            vmc_run_break(run, VMC_V11_VM_BEFORE_VCPU, i, 0);
        }
    }
    run->state->vm_state = VMC_VM_FREED;
}

/* Drop one user; the VM may be left without any. */
static void drop_user(struct vmc_run *run)
{
    struct vmc_life_state *state = run->state;
    struct vmc_life_object *object = sharer(run);

    if (run->is_over) {
        return;
    }
    if (state->vm_state == VMC_VM_FREED) {
        vmc_run_break(run, VMC_V11_VM_BEFORE_VCPU, VMC_LIFE_NOBODY, 1);
        return;
    }
    if (object == NULL ? state->is_vm_fd_open == 0
                       : (object->flags & VMC_OBJECT_USES_VM) == 0) {
        vmc_run_break(run, VMC_V07_UNDERFLOW, VMC_LIFE_NOBODY, 0);
        return;
    }
    state->vm_users--;
    if (object == NULL) {
        state->is_vm_fd_open = 0;
        state->vm_state = VMC_VM_ORPHAN;
    } else {
        object->flags &= (uint16_t)~VMC_OBJECT_USES_VM;
    }
    run->result = vmc_value_int(state->vm_users == 0);
    check_users(run);
}

void vmc_op_vm_put(struct vmc_run *run)
{
    drop_user(run);
    if (run->state->vm_users == 0 && !run->is_over) {
        destroy_vm(run);
    }
}

void vmc_op_vm_drop(struct vmc_run *run)
{
    drop_user(run);
}

void vmc_op_vm_free(struct vmc_run *run)
{
    if (run->state->vm_users != 0) {
        vmc_run_break(run, VMC_V12_COUNTERS_DIFFER, VMC_LIFE_NOBODY, 0);
    } else {
        destroy_vm(run);
    }
}

void vmc_op_vm_create(struct vmc_run *run)
{
    run->state->vm_state = VMC_VM_LIVE;
    run->state->is_vm_fd_open = 1;
    run->state->vm_users++;
    check_users(run);
}

/* A slot that nobody has used yet, else one that has become free. */
void vmc_op_alloc(struct vmc_run *run)
{
    struct vmc_life_state *state = run->state;
    struct vmc_life_value id = vmc_run_value(run, &run->instr->a);
    uint8_t index = state->object_count;

    if (run->is_over) {
        return;
    }
    if (index == VMC_LIFE_OBJECTS_MAX) {
        for (index = 0; index < VMC_LIFE_OBJECTS_MAX; index++) {
            if (state->objects[index].state == VMC_VCPU_FREED &&
                (state->objects[index].flags & VMC_OBJECT_USES_VM) == 0) {
                break;
            }
        }
    } else {
        state->object_count++;
    }
    if (index == VMC_LIFE_OBJECTS_MAX) {
        run->result.kind = VMC_VALUE_NULL; /* no memory */
        return;
    }
    state->objects[index] = (struct vmc_life_object){
        .generation = state->objects[index].generation,
        .flags = VMC_OBJECT_IS_VCPU,
        .state = VMC_VCPU_READY,
        .next = VMC_LIFE_NOBODY,
        .id = (int16_t)id.generation,
        .count = 1,
        .tags = {1},
    };
    for (uint32_t i = 0; i < run->program->field_count; i++) {
        state->objects[index].fields[i].kind = VMC_VALUE_NULL;
    }
    run->result = (struct vmc_life_value){
        .kind = VMC_VALUE_OBJECT,
        .index = index,
        .generation = state->objects[index].generation,
        .proof = VMC_PROOF_OWNER,
    };
}

void vmc_op_fd_install(struct vmc_run *run)
{
    struct vmc_life_object *object = vmc_run_object(run, &run->instr->a);
    struct vmc_life_value *shared;

    if (object == NULL) {
        return;
    }
    if (object->state == VMC_VCPU_READY) {
        object->state = VMC_VCPU_EXPOSED;
    }
    if (run->instr->b.kind != VMC_OPERAND_NONE) {
        shared = vmc_run_shared(run, &run->instr->b);
        if (shared != NULL) {
            *shared = (struct vmc_life_value){
                .kind = VMC_VALUE_OBJECT,
                .index = run->event->subject.index,
                .generation = object->generation,
            };
        }
    }
}

void vmc_op_online_add(struct vmc_run *run)
{
    struct vmc_life_value value = vmc_run_value(run, &run->instr->a);

    run->state->vm_online =
        (int16_t)(run->state->vm_online + (int16_t)value.generation);
    run->result = vmc_value_int(run->state->vm_online);
}

void vmc_op_guest_enter(struct vmc_run *run)
{
    struct vmc_life_object *object = vmc_run_object(run, &run->instr->a);
    uint8_t index = run->event->subject.index;

    if (object == NULL) {
        return;
    }
    if (object->state < VMC_VCPU_READY || object->state >= VMC_VCPU_DYING ||
        (object->flags & VMC_OBJECT_IN_GUEST) != 0) {
        vmc_run_break(run, VMC_V09_FREED_IN_WRONG_STATE, index, object->state);
    }
    object->flags |= VMC_OBJECT_IN_GUEST;
    object->epoch = run->state->epoch;
    object->loader = (uint8_t)(run->task + 1);
}

void vmc_op_guest_exit(struct vmc_run *run)
{
    struct vmc_life_object *object = vmc_run_object(run, &run->instr->a);

    if (object != NULL) {
        object->flags &= (uint16_t)~VMC_OBJECT_IN_GUEST;
        object->loader = 0;
    }
}

void vmc_op_translate(struct vmc_run *run)
{
    run->state->epoch++;
}

void vmc_op_kick(struct vmc_run *run)
{
    struct vmc_life_object *object = vmc_run_object(run, &run->instr->a);

    if (object != NULL) {
        object->epoch = run->state->epoch;
    }
}

void vmc_op_flushed(struct vmc_run *run)
{
    const struct vmc_life_state *state = run->state;

    for (uint8_t i = 0; i < state->object_count; i++) {
        const struct vmc_life_object *object = &state->objects[i];

        if ((object->flags & VMC_OBJECT_IN_GUEST) != 0 &&
            object->epoch != state->epoch) {
            vmc_run_break(run, VMC_V30_MISSED_BROADCAST, i, 0);
        }
    }
}

/* An interrupt reaches a vCPU; a dying one will never take it. */
void vmc_op_deliver(struct vmc_run *run)
{
    const struct vmc_life_object *object = vmc_run_object(run, &run->instr->a);

    if (object != NULL && object->count == 0) {
        run->state->lost_count++;
        vmc_run_break(run, VMC_V32_INTERRUPT_LOST, run->event->subject.index,
                      0);
    }
}

void vmc_op_choose(struct vmc_run *run)
{
    run->result = vmc_value_int(run->event->alternative);
}
