/* SPDX-License-Identifier: MIT */
/* References, the list, and shared variables.
 *
 * An object that has left the list keeps its next pointer, freed or not, as
 * list_del_rcu() leaves it: a walker standing on it finds its way on, and one
 * that comes too late is told by the generation. */
#include "vcpu/life_priv.h"

enum { SATURATED = INT16_MIN / 2 };

/* The link that leads to object @index; NULL when none does. */
static uint8_t *link_to(struct vmc_life_state *state, uint8_t index,
                        uint16_t **generation)
{
    uint8_t *link = &state->list_head;

    *generation = &state->list_head_generation;
    for (uint32_t i = 0; i <= state->object_count; i++) {
        if (*link == index) {
            return link;
        }
        if (*link == VMC_LIFE_NOBODY) {
            return NULL;
        }
        *generation = &state->objects[*link].next_generation;
        link = &state->objects[*link].next;
    }
    return NULL;
}

void vmc_op_first(struct vmc_run *run)
{
    const struct vmc_life_state *state = run->state;

    if (!state->is_list_ready) {
        vmc_run_break(run, VMC_V23_NOT_INITIALISED, VMC_LIFE_NOBODY, 2);
    }
    if (!run->is_over) {
        run->result =
            vmc_run_token(run, state->list_head, state->list_head_generation);
    }
}

void vmc_op_next(struct vmc_run *run)
{
    const struct vmc_life_object *object = vmc_run_object(run, &run->instr->a);

    if (object != NULL) {
        run->result = vmc_run_token(run, object->next, object->next_generation);
    }
}

/* The token in a local remembers the reference that was taken through it. */
static void tag_local(struct vmc_run *run, uint8_t tag)
{
    const struct vmc_life_operand *operand = &run->instr->a;

    if (operand->kind == VMC_OPERAND_LOCAL) {
        run->me->locals[operand->index].tag = tag;
    }
}

static void own_local(struct vmc_run *run)
{
    const struct vmc_life_operand *operand = &run->instr->a;

    if (operand->kind == VMC_OPERAND_LOCAL) {
        run->me->locals[operand->index].proof = VMC_PROOF_OWNER;
    }
}

void vmc_op_get(struct vmc_run *run)
{
    struct vmc_life_object *object = vmc_run_object(run, &run->instr->a);

    if (object == NULL) {
        return;
    }
    run->result = vmc_value_int(object->count > 0);
    if (object->count > 0) {
        object->count++;
        object->tags[run->instr->b.index]++;
        tag_local(run, (uint8_t)(run->instr->b.index + 1));
    } else if (run->watch != NULL && object->count == 0) {
        run->watch->near_misses++;
    }
}

void vmc_op_inc(struct vmc_run *run)
{
    struct vmc_life_object *object = vmc_run_object(run, &run->instr->a);

    if (object == NULL) {
        return;
    }
    if (object->count == 0) {
        vmc_run_break(run, VMC_V06_RESURRECTION, run->event->subject.index,
                      run->instr->b.index);
    }
    if (object->count != SATURATED) {
        object->count++;
    }
    object->tags[run->instr->b.index]++;
    tag_local(run, (uint8_t)(run->instr->b.index + 1));
}

/* A count below zero: refcount_t sticks far away and only warns. */
static void underflow(struct vmc_run *run, struct vmc_life_object *object)
{
    if (run->program->saturates) {
        object->count = SATURATED;
        vmc_run_break(run, VMC_V08_SATURATED, run->event->subject.index,
                      run->instr->b.index);
    } else {
        vmc_run_break(run, VMC_V07_UNDERFLOW, run->event->subject.index,
                      run->instr->b.index);
    }
}

/* Pointers that name @index and own nothing; with @fields those in vCPUs. */
static bool is_named(const struct vmc_run *run, uint8_t index,
                     uint16_t generation)
{
    if (run->program->is_unchecked) {
        return false;
    }
    for (uint32_t i = 0; i < run->program->shared_count; i++) {
        const struct vmc_life_value *value = &run->state->shared[i];

        if ((run->program->shared_flags[i] & VMC_SHARED_IS_INT) == 0 &&
            value->kind == VMC_VALUE_OBJECT && value->index == index &&
            value->generation == generation) {
            return true;
        }
    }
    return false;
}

void vmc_op_dec(struct vmc_run *run)
{
    struct vmc_life_object *object = vmc_run_object(run, &run->instr->a);
    uint8_t tag = run->instr->b.index;

    run->result = vmc_value_int(0);
    if (object == NULL || object->count == SATURATED) {
        return;
    }
    if (object->count <= 0 || object->tags[tag] == 0) {
        underflow(run, object);
        return;
    }
    object->count--;
    object->tags[tag]--;
    tag_local(run, 0);
    run->result = vmc_value_int(object->count == 0);
    if (object->count == 0) {
        own_local(run); /* nobody else can reach it for long */
        object->state = VMC_VCPU_DYING;
        if (is_named(run, run->event->subject.index, object->generation)) {
            vmc_run_break(run, VMC_V26_STILL_PUBLISHED,
                          run->event->subject.index, tag);
        }
    }
}

void vmc_op_use(struct vmc_run *run)
{
    (void)vmc_run_object(run, &run->instr->a);
}

static void check_identity(struct vmc_run *run,
                           const struct vmc_life_object *object)
{
    const struct vmc_life_state *state = run->state;

    for (uint8_t i = 0; i < state->object_count; i++) {
        const struct vmc_life_object *other = &state->objects[i];
        bool counts = run->program->is_id_unique
                          ? (other->flags & VMC_OBJECT_WAS_LISTED) != 0
                          : (other->flags & VMC_OBJECT_ON_LIST) != 0;

        if (other != object && counts && other->state != VMC_VCPU_FREED &&
            other->id == object->id) {
            vmc_run_break(run, VMC_V28_IDENTITY, run->event->subject.index, i);
        }
    }
}

static void list_add(struct vmc_run *run, bool at_tail)
{
    struct vmc_life_state *state = run->state;
    struct vmc_life_object *object = vmc_run_object(run, &run->instr->a);
    uint8_t index = run->event->subject.index, *link = &state->list_head;
    uint16_t *generation = &state->list_head_generation;

    if (object == NULL) {
        return;
    }
    if ((object->flags & VMC_OBJECT_ON_LIST) != 0) {
        vmc_run_break(run, VMC_V22_LIST_DAMAGE, index, 0);
        return;
    }
    if (!state->is_list_ready) {
        vmc_run_break(run, VMC_V23_NOT_INITIALISED, VMC_LIFE_NOBODY, 2);
    }
    check_identity(run, object);
    if (at_tail) {
        link = link_to(state, VMC_LIFE_NOBODY, &generation);
        assert(link != NULL);
    }
    object->next = *link;
    object->next_generation = *generation;
    *link = index;
    *generation = object->generation;
    object->flags |= VMC_OBJECT_ON_LIST | VMC_OBJECT_WAS_LISTED;
    if (object->state < VMC_VCPU_LISTED) {
        object->state = VMC_VCPU_LISTED;
    }
}

void vmc_op_list_add(struct vmc_run *run)
{
    list_add(run, false);
}

void vmc_op_list_add_tail(struct vmc_run *run)
{
    list_add(run, true);
}

uint32_t vmc_zombie_count(const struct vmc_life_state *state)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < state->object_count; i++) {
        uint16_t flags = state->objects[i].flags;

        count += (flags & VMC_OBJECT_WAS_LISTED) != 0 &&
                 (flags & VMC_OBJECT_ON_LIST) == 0 &&
                 state->objects[i].state != VMC_VCPU_FREED;
    }
    return count;
}

void vmc_op_list_del(struct vmc_run *run)
{
    struct vmc_life_object *object = vmc_run_object(run, &run->instr->a);
    uint8_t index = run->event->subject.index, *link;
    uint16_t *generation;

    if (object == NULL) {
        return;
    }
    link = link_to(run->state, index, &generation);
    if ((object->flags & VMC_OBJECT_ON_LIST) == 0 || link == NULL) {
        vmc_run_break(run, VMC_V22_LIST_DAMAGE, index, 1);
        return;
    }
    *link = object->next;
    *generation = object->next_generation;
    object->flags &= (uint16_t)~VMC_OBJECT_ON_LIST;
    if (object->state == VMC_VCPU_DYING) {
        object->state = VMC_VCPU_UNLISTED;
    }
    if (run->program->zombies_max != 0 &&
        vmc_zombie_count(run->state) > run->program->zombies_max) {
        vmc_run_break(run, VMC_V29_TOO_MANY_ZOMBIES, index, 0);
    }
}

void vmc_op_list_init(struct vmc_run *run)
{
    run->state->is_list_ready = 1;
}

bool vmc_sums_agree(const struct vmc_life_program *program,
                    const struct vmc_life_state *state)
{
    for (uint32_t i = 0; i < program->shared_count; i++) {
        int sum = 0;

        if ((program->shared_flags[i] & VMC_SHARED_IS_SUM) == 0) {
            continue;
        }
        for (uint32_t j = 0; j < state->object_count; j++) {
            const struct vmc_life_object *object = &state->objects[j];
            const struct vmc_life_value *field =
                &object->fields[program->shared_sums[i]];

            if (object->state != VMC_VCPU_FREED &&
                field->kind == VMC_VALUE_INT) {
                sum += (int16_t)field->generation;
            }
        }
        if (sum != (int16_t)state->shared[i].generation) {
            return false;
        }
    }
    return true;
}

/* What must not be so when @object is freed. */
static void check_free(struct vmc_run *run,
                       const struct vmc_life_object *object, uint8_t index)
{
    bool is_unpublished = object->count == 1 &&
                          (object->flags & VMC_OBJECT_WAS_LISTED) == 0 &&
                          object->state <= VMC_VCPU_READY;
    bool is_vcpu = (object->flags & VMC_OBJECT_IS_VCPU) != 0;
    bool is_dead =
        object->count == 0 && (!is_vcpu || object->state >= VMC_VCPU_DYING);

    if (run->state->owners[VMC_LIFE_DECLARED_LOCKS_MAX + index] != 0) {
        vmc_run_break(run, VMC_V14_NOT_OWNER, index,
                      (uint8_t)(VMC_LIFE_DECLARED_LOCKS_MAX + index));
    }
    if ((object->flags & (VMC_OBJECT_HEAD_QUEUED | VMC_OBJECT_WORK_QUEUED)) !=
        0) {
        vmc_run_break(run, VMC_V19_FREED_WHILE_QUEUED, index, 0);
    }
    if ((!is_unpublished && !is_dead) ||
        (object->flags & (VMC_OBJECT_ON_LIST | VMC_OBJECT_IN_GUEST)) != 0) {
        vmc_run_break(run, VMC_V09_FREED_IN_WRONG_STATE, index, object->state);
    }
    if (is_named(run, index, object->generation)) {
        vmc_run_break(run, VMC_V34_DANGLING, index, 0);
    }
}

void vmc_op_free(struct vmc_run *run)
{
    struct vmc_life_object *object = vmc_run_object(run, &run->instr->a);
    uint8_t index = run->event->subject.index;

    if (object == NULL) {
        return;
    }
    check_free(run, object, index);
    if (run->is_over) {
        return;
    }
    object->generation++;
    object->state = VMC_VCPU_FREED;
    object->count = 0;
    for (uint32_t tag = 0; tag < VMC_LIFE_TAGS_MAX; tag++) {
        object->tags[tag] = 0;
    }
    if (!vmc_sums_agree(run->program, run->state)) {
        vmc_run_break(run, VMC_V33_AGGREGATE, index, 0);
    }
}

/* ---- Shared variables ---------------------------------------------------- */

/* Who has written what, and who has read it twice for one decision: both in
 * different tasks, in whatever run, is V27. */
static void note_double(struct vmc_run *run, uint8_t variable, bool is_write)
{
    struct vmc_life_watch *watch = run->watch;
    uint16_t bit = (uint16_t)(1U << variable);

    if (run->program->is_unchecked ||
        (run->program->shared_flags[variable] & VMC_SHARED_IS_INT) != 0) {
        return;
    }
    if (!is_write) {
        if ((run->me->loaded & bit) == 0) {
            run->me->loaded |= bit;
            return;
        }
    }
    if (watch == NULL || run->task >= run->program->task_count) {
        return;
    }
    if (is_write) {
        watch->written[run->task] |= bit;
    } else {
        watch->reread[run->task] |= bit;
    }
    for (uint32_t other = 0; other < run->program->task_count; other++) {
        if (other != run->task &&
            ((is_write ? watch->reread : watch->written)[other] & bit) != 0) {
            vmc_run_break(run, VMC_V27_DOUBLE_LOAD, VMC_LIFE_NOBODY, variable);
        }
    }
}

static void note_access(struct vmc_run *run, bool is_write)
{
    if (run->instr->a.kind == VMC_OPERAND_SHARED) {
        note_double(run, run->instr->a.index, is_write);
    }
}

/* Flags of the variable in operand a; a field has none. */
static uint8_t shared_flags(const struct vmc_run *run)
{
    const struct vmc_life_operand *operand = &run->instr->a;

    return operand->kind == VMC_OPERAND_FIELD
               ? 0
               : run->program->shared_flags[operand->index];
}

/* The reference that an owning pointer had goes to whoever has read the old
 * value and now overwrites it. */
static void take_over(struct vmc_run *run, const struct vmc_life_value *old)
{
    if ((shared_flags(run) & VMC_SHARED_OWNS) == 0 ||
        old->kind != VMC_VALUE_OBJECT) {
        return;
    }
    for (uint32_t i = 0; i < VMC_LIFE_LOCALS_MAX; i++) {
        struct vmc_life_value *local = &run->me->locals[i];

        if (local->kind == VMC_VALUE_OBJECT && local->index == old->index &&
            local->generation == old->generation) {
            local->proof = VMC_PROOF_OWNER;
        }
    }
}

void vmc_op_load(struct vmc_run *run)
{
    const struct vmc_life_value *shared = vmc_run_shared(run, &run->instr->a);

    if (shared == NULL) {
        return;
    }
    note_access(run, false);
    run->result = *shared;
    if (shared->kind == VMC_VALUE_OBJECT) {
        run->result = vmc_run_token(run, shared->index, shared->generation);
        if ((shared_flags(run) & VMC_SHARED_LASTS) != 0) {
            run->result.proof = VMC_PROOF_OWNER;
        }
    }
}

/* What is stored is a bare handle: the proof stays with who had it. */
static struct vmc_life_value bare(struct vmc_life_value value)
{
    value.proof = value.by = value.tag = value.serial = 0;
    return value;
}

void vmc_op_store(struct vmc_run *run)
{
    struct vmc_life_value value = vmc_run_value(run, &run->instr->b);
    struct vmc_life_value *shared = vmc_run_shared(run, &run->instr->a);

    if (shared != NULL && !run->is_over) {
        note_access(run, true);
        take_over(run, shared);
        *shared = bare(value);
    }
}

void vmc_op_swap(struct vmc_run *run)
{
    struct vmc_life_value value = vmc_run_value(run, &run->instr->b);
    struct vmc_life_value *shared = vmc_run_shared(run, &run->instr->a);

    if (shared != NULL && !run->is_over) {
        note_access(run, true);
        run->result = *shared;
        if (shared->kind == VMC_VALUE_OBJECT) {
            run->result = vmc_run_token(run, shared->index, shared->generation);
            if ((shared_flags(run) & (VMC_SHARED_OWNS | VMC_SHARED_LASTS)) !=
                0) {
                run->result.proof = VMC_PROOF_OWNER;
            }
        }
        *shared = bare(value);
    }
}

void vmc_op_add(struct vmc_run *run)
{
    struct vmc_life_value value = vmc_run_value(run, &run->instr->b);
    struct vmc_life_value *shared = vmc_run_shared(run, &run->instr->a);

    if (shared == NULL || run->is_over) {
        return;
    }
    note_access(run, true);
    shared->kind = VMC_VALUE_INT;
    shared->generation = (uint16_t)(shared->generation + value.generation);
    run->result = *shared;
}
