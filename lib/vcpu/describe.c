/* SPDX-License-Identifier: MIT */
/* Names and sentences: what a step, a value or a broken rule reads like. */
#include <stdio.h>
#include <string.h>

#include "vcpu/life_priv.h"

static const char *object_name(const struct vmc_life_program *program,
                               uint8_t index, char *text, size_t bytes)
{
    if (index < program->object_count) {
        return program->object_names[index];
    }
    (void)snprintf(text, bytes, "vcpu%u", index);
    return text;
}

const char *vmc_life_task_name(const struct vmc_life_program *program,
                               const struct vmc_life_state *state,
                               uint32_t task, char *text, size_t bytes)
{
    const struct vmc_life_task *me = &state->tasks[task];
    char name[VMC_LIFE_NAME_BYTES];

    if (task < program->task_count) {
        (void)snprintf(text, bytes, "%s", program->task_names[task]);
    } else {
        (void)snprintf(text, bytes, "%s(%s)",
                       me->kind == VMC_TASK_GRACE
                           ? "gp"
                           : program->handler_names[me->handler],
                       object_name(program, me->object, name, sizeof(name)));
    }
    return text;
}

const char *vmc_life_value_name(const struct vmc_life_program *program,
                                const struct vmc_life_value *value, char *text,
                                size_t bytes)
{
    char name[VMC_LIFE_NAME_BYTES];

    switch (value->kind) {
    case VMC_VALUE_NULL:
        (void)snprintf(text, bytes, "null");
        break;
    case VMC_VALUE_INT:
        (void)snprintf(text, bytes, "%d", (int16_t)value->generation);
        break;
    case VMC_VALUE_OBJECT:
        (void)snprintf(text, bytes, "%s#%u",
                       object_name(program, value->index, name, sizeof(name)),
                       value->generation + 1U);
        break;
    default:
        (void)snprintf(text, bytes, "-");
        break;
    }
    return text;
}

const char *vmc_life_op_name(const struct vmc_life_program *program,
                             uint16_t pc)
{
    assert(pc < program->code_count);
    return vmc_life_op_word((enum vmc_life_op)program->code[pc].op);
}

static void base_name(const struct vmc_life_program *program,
                      const struct vmc_life_task *me,
                      const struct vmc_life_operand *operand, char *text,
                      size_t bytes)
{
    uint8_t index = operand->base;

    if (operand->base_is_local) {
        (void)vmc_life_value_name(program, &me->locals[operand->base], text,
                                  bytes);
        return;
    }
    (void)snprintf(text, bytes, "%s", object_name(program, index, text, bytes));
}

/* What @operand stands for, as the scenario would write it. */
static void operand_name(const struct vmc_life_program *program,
                         const struct vmc_life_state *state, uint32_t task,
                         const struct vmc_life_operand *operand, char *text,
                         size_t bytes)
{
    const struct vmc_life_task *me = &state->tasks[task];
    char base[VMC_LIFE_NAME_BYTES + 8];
    struct vmc_life_value value = {.kind = VMC_VALUE_OBJECT,
                                   .index = operand->index};

    switch (operand->kind) {
    case VMC_OPERAND_LOCAL:
        (void)vmc_life_value_name(program, &me->locals[operand->index], text,
                                  bytes);
        return;
    case VMC_OPERAND_OBJECT:
        value.generation = state->objects[operand->index].generation;
        (void)vmc_life_value_name(program, &value, text, bytes);
        return;
    case VMC_OPERAND_INT:
        (void)snprintf(text, bytes, "%d", operand->value);
        return;
    case VMC_OPERAND_NULL:
        (void)snprintf(text, bytes, "null");
        return;
    case VMC_OPERAND_LOCK:
        (void)snprintf(text, bytes, "%s", program->lock_names[operand->index]);
        return;
    case VMC_OPERAND_ID:
    case VMC_OPERAND_MUTEX:
    case VMC_OPERAND_FIELD:
        base_name(program, me, operand, base, sizeof(base));
        (void)snprintf(text, bytes, "%s.%s", base,
                       operand->kind == VMC_OPERAND_ID ? "id"
                       : operand->kind == VMC_OPERAND_MUTEX
                           ? "mutex"
                           : program->field_names[operand->index]);
        return;
    case VMC_OPERAND_SHARED:
    case VMC_OPERAND_SHARED_AT:
        (void)snprintf(text, bytes, "%s",
                       program->shared_names[operand->index]);
        return;
    case VMC_OPERAND_TAG:
        (void)snprintf(text, bytes, "%s", vmc_life_tag_name(operand->index));
        return;
    case VMC_OPERAND_DOMAIN:
        (void)snprintf(text, bytes, "%s",
                       program->domain_names[operand->index]);
        return;
    case VMC_OPERAND_QUEUE:
        (void)snprintf(text, bytes, "%s", program->queue_names[operand->index]);
        return;
    case VMC_OPERAND_HANDLER:
        (void)snprintf(text, bytes, "%s",
                       program->handler_names[operand->index]);
        return;
    default: /* VMC_OPERAND_VM_FD */
        (void)snprintf(text, bytes, "fd");
        return;
    }
}

const char *vmc_life_tag_name(uint32_t tag)
{
    static const char *const tags[VMC_LIFE_TAGS_MAX] = {
        "fd", "bsp", "boost", "ioctl", "cand", "internal", "own", "user"};

    assert(tag < VMC_LIFE_TAGS_MAX);
    return tags[tag];
}

const char *vmc_life_step_text(const struct vmc_life_program *program,
                               const struct vmc_life_state *state,
                               uint16_t step, char *text, size_t bytes)
{
    uint32_t task = step / VMC_LIFE_ALTERNATIVES;
    const struct vmc_life_task *me = &state->tasks[task];
    const struct vmc_life_instr *instr = &program->code[me->pc];
    const struct vmc_life_operand *const operands[] = {&instr->a, &instr->b,
                                                       &instr->c};
    char name[2 * VMC_LIFE_NAME_BYTES];
    struct vmc_life_value value = {.kind = VMC_VALUE_OBJECT,
                                   .index = me->object,
                                   .generation = me->generation};
    size_t used;

    (void)snprintf(text, bytes, "%s",
                   vmc_life_op_word((enum vmc_life_op)instr->op));
    if (instr->op == VMC_OP_CHOOSE) {
        (void)snprintf(text, bytes, "choose %d", step % VMC_LIFE_ALTERNATIVES);
        return text;
    }
    if (instr->op == VMC_OP_GRACE) {
        used = strlen(text);
        (void)snprintf(
            text + used, bytes - used, " %s",
            vmc_life_value_name(program, &value, name, sizeof(name)));
        return text;
    }
    for (size_t i = 0; i < VMC_COUNT_OF(operands); i++) {
        if (operands[i]->kind != VMC_OPERAND_NONE) {
            operand_name(program, state, task, operands[i], name, sizeof(name));
            used = strlen(text);
            (void)snprintf(text + used, bytes - used, " %s", name);
        }
    }
    return text;
}

uint32_t vmc_life_line(const struct vmc_life_program *program, uint16_t pc)
{
    assert(pc < program->code_count);
    return program->code[pc].line;
}

const char *vmc_life_describe(const struct vmc_life_program *program,
                              const struct vmc_life_state *state,
                              const struct vmc_life_violation *violation,
                              char *text, size_t bytes)
{
    const struct vmc_rule_info *info =
        vmc_rule_info((enum vmc_rule)violation->rule);
    char task[64], name[VMC_LIFE_NAME_BYTES], object[64] = "";

    if (violation->task < state->task_count) {
        (void)vmc_life_task_name(program, state, violation->task, task,
                                 sizeof(task));
    } else {
        (void)snprintf(task, sizeof(task), "at the end");
    }
    if (violation->object != VMC_LIFE_NOBODY) {
        (void)snprintf(
            object, sizeof(object), " on %s#%u",
            object_name(program, violation->object, name, sizeof(name)),
            violation->generation + 1U);
    }
    (void)snprintf(
        text, bytes, "%s %s: %s%s%s", info->id, info->title, task, object,
        violation->detail == VMC_DETAIL_NO_ROOM ? " (the model has no room)"
                                                : "");
    return text;
}
