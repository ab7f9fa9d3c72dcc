/* SPDX-License-Identifier: MIT */
/* Values, tokens, and the invisible instructions between two visible steps.
 *
 * An access is checked twice: against the generation of the object, which
 * tells a use after free in the run that meets it, and against the proof in
 * the token, which tells that there is nothing to prevent one (V02). */
#include "vcpu/life_priv.h"

enum { FLOW_MAX = 10000 };

struct vmc_life_value vmc_value_int(int16_t value)
{
    return (struct vmc_life_value){.kind = VMC_VALUE_INT,
                                   .generation = (uint16_t)value};
}

bool vmc_value_truth(const struct vmc_life_value *value)
{
    return value->kind == VMC_VALUE_OBJECT ||
           (value->kind == VMC_VALUE_INT && value->generation != 0);
}

static bool has_noted(const struct vmc_life_watch *watch,
                      const struct vmc_life_violation *violation)
{
    for (uint32_t i = 0; i < watch->note_count; i++) {
        if (watch->notes[i].rule == violation->rule &&
            watch->notes[i].pc == violation->pc) {
            return true;
        }
    }
    return false;
}

void vmc_run_break(struct vmc_run *run, enum vmc_rule rule, uint8_t object,
                   uint8_t detail)
{
    struct vmc_life_violation violation = {
        .rule = (uint8_t)rule,
        .task = run->task,
        .object = object,
        .detail = detail,
        .pc = run->me->pc,
    };

    if (run->is_over || run->program->is_off[rule]) {
        return;
    }
    if (object != VMC_LIFE_NOBODY) {
        violation.generation = run->state->objects[object].generation;
    }
    if (run->program->classes[rule] != VMC_RULE_WARN) {
        run->is_over = true;
        run->event->violation = violation;
    } else if (run->watch != NULL &&
               run->watch->note_count < VMC_LIFE_NOTES_MAX &&
               !has_noted(run->watch, &violation)) {
        run->watch->notes[run->watch->note_count++] = violation;
    }
}

/* What protects an object that run->me finds at this moment. */
struct vmc_life_value vmc_run_token(const struct vmc_run *run, uint8_t index,
                                    uint16_t generation)
{
    const struct vmc_life_task *me = run->me;
    struct vmc_life_value value = {
        .kind = VMC_VALUE_OBJECT,
        .index = index,
        .generation = generation,
    };

    if (index == VMC_LIFE_NOBODY) {
        return (struct vmc_life_value){.kind = VMC_VALUE_NULL};
    }
    if (me->nest > 0) {
        value.proof = VMC_PROOF_RCU;
        value.serial = me->serial;
        return value;
    }
    for (uint32_t i = VMC_LIFE_READERS_MAX; i-- > 0;) {
        if (me->readers[i] != 0) {
            value.proof = VMC_PROOF_SRCU;
            value.by = (uint8_t)((me->readers[i] - 1) / 2);
            return value;
        }
    }
    if (me->locks != 0) {
        value.proof = VMC_PROOF_LOCK;
        value.by = (uint8_t)vmc_bits_low(me->locks);
    }
    return value;
}

static bool is_covered(const struct vmc_run *run,
                       const struct vmc_life_value *value)
{
    const struct vmc_life_object *object = &run->state->objects[value->index];
    const struct vmc_life_task *me = run->me;

    if (value->tag != 0 && object->tags[value->tag - 1] != 0) {
        return true;
    }
    switch (value->proof) {
    case VMC_PROOF_RCU:
        return me->nest > 0 && value->serial == me->serial;
    case VMC_PROOF_SRCU:
        for (uint32_t i = 0; i < VMC_LIFE_READERS_MAX; i++) {
            if (me->readers[i] != 0 && (me->readers[i] - 1) / 2 == value->by) {
                return true;
            }
        }
        return false;
    case VMC_PROOF_LOCK:
        return (me->locks >> value->by & 1) != 0;
    default:
        return value->proof == VMC_PROOF_OWNER;
    }
}

static struct vmc_life_value base_value(const struct vmc_run *run,
                                        const struct vmc_life_operand *operand)
{
    if (operand->base_is_local) {
        return run->me->locals[operand->base];
    }
    return (struct vmc_life_value){
        .kind = VMC_VALUE_OBJECT,
        .index = operand->base,
        .proof = VMC_PROOF_OWNER,
    };
}

/* Check an access through @value; NULL and poison are no objects. */
static struct vmc_life_object *deref(struct vmc_run *run,
                                     const struct vmc_life_value *value)
{
    struct vmc_life_object *object;

    if (value->kind == VMC_VALUE_POISON) {
        vmc_run_break(run, VMC_V31_POISONED_LOCAL, VMC_LIFE_NOBODY, 0);
        run->is_over = true;
        return NULL;
    }
    if (value->kind != VMC_VALUE_OBJECT) {
        vmc_run_break(run, VMC_V23_NOT_INITIALISED, VMC_LIFE_NOBODY, 0);
        run->is_over = true;
        return NULL;
    }
    object = &run->state->objects[value->index];
    run->event->subject = *value;
    if (object->generation != value->generation) {
        vmc_run_break(run, VMC_V01_USE_AFTER_FREE, value->index, 0);
        run->event->violation.generation = value->generation;
        if (run->is_over) {
            return NULL;
        }
    } else if (!run->program->is_unchecked && !is_covered(run, value)) {
        vmc_run_break(run, VMC_V02_NO_TOKEN, value->index, 0);
    }
    return run->is_over ? NULL : object;
}

struct vmc_life_value vmc_run_value(struct vmc_run *run,
                                    const struct vmc_life_operand *operand)
{
    struct vmc_life_value value = {.kind = VMC_VALUE_NULL};
    struct vmc_life_object *object;

    switch (operand->kind) {
    case VMC_OPERAND_LOCAL:
        value = run->me->locals[operand->index];
        if (value.kind == VMC_VALUE_POISON) {
            vmc_run_break(run, VMC_V31_POISONED_LOCAL, VMC_LIFE_NOBODY, 0);
        }
        return value;
    case VMC_OPERAND_OBJECT:
        value.kind = VMC_VALUE_OBJECT;
        value.index = operand->index;
        value.proof = VMC_PROOF_OWNER;
        return value;
    case VMC_OPERAND_INT:
        return vmc_value_int(operand->value);
    case VMC_OPERAND_ID:
        value = base_value(run, operand);
        object = deref(run, &value);
        return vmc_value_int(object != NULL ? object->id : 0);
    default:
        return value;
    }
}

struct vmc_life_object *vmc_run_object(struct vmc_run *run,
                                       const struct vmc_life_operand *operand)
{
    struct vmc_life_value value = vmc_run_value(run, operand);

    return run->is_over ? NULL : deref(run, &value);
}

uint8_t vmc_run_lock(struct vmc_run *run,
                     const struct vmc_life_operand *operand)
{
    struct vmc_life_value value;

    if (operand->kind == VMC_OPERAND_LOCK) {
        return operand->index;
    }
    value = base_value(run, operand);
    (void)deref(run, &value);
    return (uint8_t)(VMC_LIFE_DECLARED_LOCKS_MAX +
                     (run->is_over ? 0 : value.index));
}

struct vmc_life_value *vmc_run_shared(struct vmc_run *run,
                                      const struct vmc_life_operand *operand)
{
    struct vmc_life_value value;
    struct vmc_life_object *object;

    if (operand->kind == VMC_OPERAND_SHARED) {
        return &run->state->shared[operand->index];
    }
    if (operand->kind == VMC_OPERAND_SHARED_AT) {
        int16_t offset;

        value = run->me->locals[operand->value];
        offset = (int16_t)value.generation;
        if (value.kind != VMC_VALUE_INT || offset < 0 ||
            offset >= operand->base) {
            vmc_run_break(run, VMC_V23_NOT_INITIALISED, VMC_LIFE_NOBODY, 1);
            run->is_over = true;
            return NULL;
        }
        return &run->state->shared[operand->index + offset];
    }
    value = base_value(run, operand);
    object = deref(run, &value);
    return object != NULL ? &object->fields[operand->index] : NULL;
}

static bool compare(uint8_t how, const struct vmc_life_value *a,
                    const struct vmc_life_value *b)
{
    bool is_equal = a->kind == b->kind &&
                    (a->kind == VMC_VALUE_NULL ||
                     (a->index == b->index && a->generation == b->generation));
    int16_t x = (int16_t)a->generation, y = (int16_t)b->generation;

    switch (how) {
    case VMC_EQ:
        return is_equal;
    case VMC_NE:
        return !is_equal;
    case VMC_LT:
        return x < y;
    default:
        return x <= y;
    }
}

/* A task has run to its end: it must leave nothing behind. */
static void end_task(struct vmc_run *run)
{
    struct vmc_life_task *me = run->me;
    bool has_reader = false;

    for (uint32_t i = 0; i < VMC_LIFE_READERS_MAX; i++) {
        has_reader = has_reader || me->readers[i] != 0;
    }
    me->is_done = 1;
    if (me->nest != 0 || has_reader || me->locks != 0 || me->atomic != 0) {
        vmc_run_break(run, VMC_V04_HELD_AT_EXIT, VMC_LIFE_NOBODY, 0);
    }
}

static void invisible(struct vmc_run *run, const struct vmc_life_instr *instr)
{
    struct vmc_life_task *me = run->me;
    struct vmc_life_value a = {0}, b = {0};

    me->pc++;
    switch (instr->op) {
    case VMC_OP_JUMP:
        me->pc = instr->target;
        return;
    case VMC_OP_POISON:
        me->locals[instr->dst] = a;
        return;
    case VMC_OP_FAIL:
        if (instr->a.kind != VMC_OPERAND_NONE) {
            a = vmc_run_value(run, &instr->a);
        }
        vmc_run_break(run, (enum vmc_rule)instr->flag,
                      a.kind == VMC_VALUE_OBJECT ? a.index : VMC_LIFE_NOBODY,
                      0);
        return;
    default:
        break;
    }
    a = vmc_run_value(run, &instr->a);
    switch (instr->op) {
    case VMC_OP_JUMP_FALSE:
        me->pc = vmc_value_truth(&a) ? me->pc : instr->target;
        break;
    case VMC_OP_JUMP_TRUE:
        me->pc = vmc_value_truth(&a) ? instr->target : me->pc;
        break;
    case VMC_OP_MOVE:
        me->locals[instr->dst] = a;
        break;
    case VMC_OP_COMPARE:
        b = vmc_run_value(run, &instr->b);
        me->locals[instr->dst] = vmc_value_int(compare(instr->flag, &a, &b));
        break;
    default: /* VMC_OP_PLUS */
        b = vmc_run_value(run, &instr->b);
        me->locals[instr->dst] =
            vmc_value_int((int16_t)(a.generation + b.generation));
        break;
    }
}

void vmc_run_endless(struct vmc_run *run)
{
    run->event->violation = (struct vmc_life_violation){
        .rule = VMC_V21_NO_PROGRESS,
        .task = run->task,
        .object = VMC_LIFE_NOBODY,
        .pc = run->me->pc,
    };
    run->is_over = true;
}

void vmc_run_flow(struct vmc_run *run)
{
    for (int i = 0; i < FLOW_MAX && !run->is_over; i++) {
        const struct vmc_life_instr *instr = &run->program->code[run->me->pc];

        if (instr->op == VMC_OP_END) {
            end_task(run);
            return;
        }
        if (instr->op >= VMC_OP_VISIBLE) {
            if (instr->op == VMC_OP_BARRIER || instr->op == VMC_OP_FLUSH) {
                vmc_run_arrive(run);
            }
            return;
        }
        invisible(run, instr);
        if (run->is_over) { /* stand where it went wrong */
            run->me->pc = (uint16_t)(instr - run->program->code);
        }
    }
    if (!run->is_over) {
        vmc_run_endless(run);
    }
}
