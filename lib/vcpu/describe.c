/* SPDX-License-Identifier: MIT */
/* Names and sentences: what a step, a value or a broken rule reads like. */
#include <stdio.h>

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
