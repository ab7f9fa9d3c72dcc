/* SPDX-License-Identifier: MIT */
/* A small machine to search: tasks that read, write, lock, wait, choose and
 * start each other, with footprints. It notes the ends that runs come to, so
 * that two searches can be compared by what they have seen. */
#ifndef VMC_TESTS_TOY_MODEL_H
#define VMC_TESTS_TOY_MODEL_H

#include <assert.h>
#include <string.h>

#include "explore/model.h"

enum { TOY_TASKS = 6, TOY_LENGTH = 8, TOY_VARS = 4, TOY_ENDS_MAX = 4096 };

enum toy_op {
    TOY_END,
    TOY_READ,  /* local = var */
    TOY_WRITE, /* var = 4 local + task + 1 */
    TOY_ADD,   /* var += 1; commutes with others of its kind */
    TOY_LOCK,
    TOY_UNLOCK,
    TOY_AWAIT,  /* can go on only when var is not 0 */
    TOY_CHOOSE, /* local = 0 or 1 */
    TOY_SPAWN,  /* the next task starts */
    TOY_TEST,   /* breaks rule 1 when var is 0 */
    TOY_NEVER,  /* breaks rule 2 when var is not 0 */
};

struct toy_instr {
    uint8_t op, var;
};

struct toy {
    struct toy_instr code[TOY_TASKS][TOY_LENGTH];
    uint32_t start_count; /* tasks from the beginning */
    uint32_t bad_value;   /* rule 3: var 0 may not end so; 0: any may */
    bool may_deadlock;    /* else rule 4 */
    struct vmc_hash128 ends[TOY_ENDS_MAX];
    uint32_t end_count;
};

struct toy_state {
    uint32_t task_count;
    uint32_t vars[TOY_VARS], locals[TOY_TASKS];
    uint8_t owners[TOY_VARS], pcs[TOY_TASKS];
};

static struct toy_instr toy_next(const struct toy *toy,
                                 const struct toy_state *state, uint32_t task)
{
    static const struct toy_instr end = {TOY_END, 0};

    return state->pcs[task] < TOY_LENGTH ? toy->code[task][state->pcs[task]]
                                         : end;
}

static size_t toy_bytes(const void *model)
{
    (void)model;
    return sizeof(struct toy_state);
}

static void toy_start(void *model, void *state)
{
    const struct toy *toy = model;
    struct toy_state *s = state;

    memset(s, 0, sizeof(*s));
    s->task_count = toy->start_count;
}

static uint32_t toy_enabled(void *model, const void *state, uint16_t *steps)
{
    const struct toy *toy = model;
    const struct toy_state *s = state;
    uint32_t count = 0;

    for (uint32_t i = 0; i < s->task_count; i++) {
        struct toy_instr next = toy_next(toy, s, i);

        if (next.op == TOY_END ||
            (next.op == TOY_LOCK && s->owners[next.var] != 0) ||
            (next.op == TOY_AWAIT && s->vars[next.var] == 0)) {
            continue;
        }
        steps[count++] = (uint16_t)(2 * i);
        if (next.op == TOY_CHOOSE) {
            steps[count++] = (uint16_t)(2 * i + 1);
        }
    }
    return count;
}

static bool toy_step(void *model, void *state, uint16_t step, uint32_t *rule)
{
    const struct toy *toy = model;
    struct toy_state *s = state;
    uint32_t task = step / 2;
    struct toy_instr next = toy_next(toy, s, task);
    uint32_t *var = &s->vars[next.var];

    s->pcs[task]++;
    switch (next.op) {
    case TOY_READ:
        s->locals[task] = *var;
        break;
    case TOY_WRITE:
        *var = (4 * s->locals[task] + task + 1) & 0xff;
        break;
    case TOY_ADD:
        *var += 1;
        break;
    case TOY_LOCK:
        s->owners[next.var] = (uint8_t)(task + 1);
        break;
    case TOY_UNLOCK:
        s->owners[next.var] = 0;
        break;
    case TOY_CHOOSE:
        s->locals[task] = step % 2;
        break;
    case TOY_SPAWN:
        s->task_count += s->task_count < TOY_TASKS;
        break;
    case TOY_TEST:
        *rule = 1;
        return *var != 0;
    case TOY_NEVER:
        *rule = 2;
        return *var == 0;
    default:
        break;
    }
    return true;
}

static struct vmc_hash128 toy_hash(void *model, const void *state)
{
    (void)model;
    return vmc_hash128(state, sizeof(struct toy_state), 0);
}

static bool toy_finish(void *model, const void *state, uint32_t *rule)
{
    struct toy *toy = model;
    const struct toy_state *s = state;
    struct vmc_hash128 hash = toy_hash(model, state);
    uint32_t i = 0;

    while (i < toy->end_count && toy->ends[i].low != hash.low) {
        i++;
    }
    if (i == toy->end_count) {
        assert(i < TOY_ENDS_MAX);
        toy->ends[toy->end_count++] = hash;
    }
    *rule = 3;
    if (toy->bad_value != 0 && s->vars[0] == toy->bad_value) {
        return false;
    }
    *rule = 4;
    for (uint32_t task = 0; task < s->task_count && !toy->may_deadlock;
         task++) {
        if (toy_next(toy, s, task).op != TOY_END) {
            return false;
        }
    }
    return true;
}

static uint32_t toy_task(const void *model, uint16_t step)
{
    (void)model;
    return step / 2;
}

static uint32_t toy_task_count(const void *model, const void *state)
{
    const struct toy_state *s = state;

    (void)model;
    return s->task_count;
}

static uint32_t toy_footprint(const void *model, const void *state,
                              uint32_t task, struct vmc_access *accesses)
{
    struct toy_instr next = toy_next(model, state, task);
    uint16_t kind = VMC_ACCESS_READ;

    switch (next.op) {
    case TOY_END:
        return 0;
    case TOY_CHOOSE: /* nothing that others see */
        accesses[0] =
            (struct vmc_access){(uint16_t)(100 + task), VMC_ACCESS_WRITE};
        return 1;
    case TOY_SPAWN:
        accesses[0] = (struct vmc_access){99, VMC_ACCESS_WRITE};
        return 1;
    case TOY_LOCK:
    case TOY_UNLOCK:
        accesses[0] =
            (struct vmc_access){(uint16_t)(10 + next.var), VMC_ACCESS_WRITE};
        return 1;
    case TOY_WRITE:
        kind = VMC_ACCESS_WRITE;
        break;
    case TOY_ADD:
        kind = VMC_ACCESS_COMMUTES;
        break;
    default:
        break;
    }
    accesses[0] = (struct vmc_access){next.var, kind};
    return 1;
}

static const struct vmc_model_ops toy_ops = {
    .state_bytes = toy_bytes,
    .start = toy_start,
    .enabled = toy_enabled,
    .step = toy_step,
    .finish = toy_finish,
    .hash = toy_hash,
    .task = toy_task,
    .task_count = toy_task_count,
    .footprint = toy_footprint,
};

#endif
