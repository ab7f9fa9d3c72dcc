/* SPDX-License-Identifier: MIT */
/* Callbacks and work items, each a task of its own.
 *
 * Tasks are numbered in the order they are spawned, so "queued before" is a
 * smaller number: that gives the order of callbacks on a CPU and of the items
 * of a queue with one worker without any queue to keep. */
#include "vcpu/life_priv.h"

uint8_t vmc_run_spawn(struct vmc_run *run, enum vmc_task_kind kind,
                      uint8_t object, uint16_t pc)
{
    struct vmc_life_state *state = run->state;
    struct vmc_life_task *task;

    if (state->task_count >= run->program->tasks_limit) {
        vmc_run_break(run, VMC_V21_NO_PROGRESS, object, VMC_DETAIL_NO_ROOM);
        return VMC_LIFE_NOBODY;
    }
    task = &state->tasks[state->task_count];
    task->kind = (uint8_t)kind;
    task->object = object;
    task->generation = state->objects[object].generation;
    task->spawner = run->task;
    task->cpu = run->me->cpu;
    task->pc = pc;
    task->locals[0] = (struct vmc_life_value){
        .kind = VMC_VALUE_OBJECT,
        .index = object,
        .generation = state->objects[object].generation,
        .proof = VMC_PROOF_OWNER,
    };
    run->event->spawned = state->task_count;
    return state->task_count++;
}

/* Queue the callback of the object in operand a; returns its task. */
static uint8_t queue_callback(struct vmc_run *run)
{
    struct vmc_life_object *object = vmc_run_object(run, &run->instr->a);
    uint8_t index = run->event->subject.index, task;

    if (object == NULL) {
        return VMC_LIFE_NOBODY;
    }
    if ((object->flags & VMC_OBJECT_HEAD_QUEUED) != 0) {
        vmc_run_break(run, VMC_V18_HEAD_QUEUED_TWICE, index, 0);
        return VMC_LIFE_NOBODY;
    }
    task = vmc_run_spawn(run, VMC_TASK_GRACE, index, run->program->grace_pc);
    if (task != VMC_LIFE_NOBODY) {
        object->flags |= VMC_OBJECT_HEAD_QUEUED;
        if (object->state == VMC_VCPU_UNLISTED) {
            object->state = VMC_VCPU_GPWAIT;
        }
    }
    return task;
}

void vmc_op_call_rcu(struct vmc_run *run)
{
    uint8_t task = queue_callback(run);

    if (task != VMC_LIFE_NOBODY) {
        run->state->tasks[task].wait =
            vmc_reader_mask(run->program, run->state);
        run->state->tasks[task].wait_kind = VMC_WAIT_RCU;
        run->state->tasks[task].handler = run->instr->b.index;
    }
}

/* The same for an SRCU domain, which the task keeps as its queue. */
void vmc_op_call_srcu(struct vmc_run *run)
{
    uint8_t task = queue_callback(run), domain = run->instr->b.index;

    if (task != VMC_LIFE_NOBODY) {
        run->state->tasks[task].wait = vmc_srcu_mask(run->state, domain);
        run->state->tasks[task].wait_kind = VMC_WAIT_SRCU;
        run->state->tasks[task].queue = domain;
        run->state->tasks[task].handler = run->instr->c.index;
        run->state->domain_flip ^= (uint8_t)(1U << domain);
    }
}

bool vmc_is_behind(const struct vmc_life_program *program,
                   const struct vmc_life_state *state, uint32_t task)
{
    const struct vmc_life_task *me = &state->tasks[task];

    for (uint32_t i = 0; i < task; i++) {
        const struct vmc_life_task *other = &state->tasks[i];

        if (other->is_done || other->kind != me->kind) {
            continue;
        }
        if (me->kind == VMC_TASK_GRACE ? other->cpu == me->cpu
                                       : program->queue_is_single[me->queue] &&
                                             other->queue == me->queue) {
            return true;
        }
    }
    return false;
}

/* The new item runs by itself: bring it to its first visible operation. */
static void start_item(struct vmc_run *run, uint8_t task)
{
    struct vmc_run item = *run;

    item.task = task;
    item.me = &run->state->tasks[task];
    vmc_run_flow(&item);
    run->is_over = item.is_over;
}

static bool queue_item(struct vmc_run *run, uint8_t index, uint8_t handler,
                       uint8_t queue)
{
    uint8_t task = vmc_run_spawn(run, VMC_TASK_WORK, index,
                                 run->program->handler_entries[handler]);

    if (task == VMC_LIFE_NOBODY) {
        return false;
    }
    run->state->objects[index].flags |= VMC_OBJECT_WORK_QUEUED;
    run->state->tasks[task].queue = queue;
    run->state->tasks[task].handler = handler;
    start_item(run, task);
    return true;
}

/* A grace period has ended and its callback runs: it only queues work. */
void vmc_op_grace(struct vmc_run *run)
{
    struct vmc_life_object *object = &run->state->objects[run->me->object];

    run->event->subject = run->me->locals[0];
    if (run->state->is_text_gone) {
        vmc_run_break(run, VMC_V25_TEXT_GONE, run->me->object, 0);
    }
    if (run->me->wait != 0) {
        vmc_run_break(run, VMC_V20_EARLY_GRACE_PERIOD, run->me->object, 0);
    }
    if (vmc_is_behind(run->program, run->state, run->task)) {
        vmc_run_break(run, VMC_V35_CALLBACK_ORDER, run->me->object, 0);
    }
    if (object->generation != run->me->generation) {
        vmc_run_break(run, VMC_V01_USE_AFTER_FREE, run->me->object, 0);
    }
    if (run->is_over) {
        return;
    }
    run->me->wait_kind = VMC_WAIT_NONE;
    object->flags &= (uint16_t)~VMC_OBJECT_HEAD_QUEUED;
    if (object->state == VMC_VCPU_GPWAIT) {
        object->state = VMC_VCPU_CBDONE;
    }
    (void)queue_item(run, run->me->object, run->me->handler, 0);
}

void vmc_op_queue(struct vmc_run *run)
{
    struct vmc_life_object *object = vmc_run_object(run, &run->instr->a);
    uint8_t queue =
        run->instr->c.kind == VMC_OPERAND_QUEUE ? run->instr->c.index : 0;

    if (object == NULL) {
        return;
    }
    run->result = vmc_value_int(0);
    if ((object->flags & VMC_OBJECT_WORK_QUEUED) == 0 &&
        queue_item(run, run->event->subject.index, run->instr->b.index,
                   queue)) {
        run->result = vmc_value_int(1);
    }
}

/* What is pending now must end first; what comes later need not. */
void vmc_run_arrive(struct vmc_run *run)
{
    const struct vmc_life_instr *instr = &run->program->code[run->me->pc];
    const struct vmc_life_state *state = run->state;
    bool is_flush = instr->op == VMC_OP_FLUSH;

    run->me->wait = 0;
    run->me->wait_kind = VMC_WAIT_ITEMS;
    for (uint32_t task = 0; task < state->task_count; task++) {
        const struct vmc_life_task *other = &state->tasks[task];
        bool counts = is_flush ? other->kind == VMC_TASK_WORK &&
                                     other->queue == instr->a.index
                               : other->kind == VMC_TASK_GRACE;

        if (counts && !other->is_done) {
            run->me->wait |= UINT64_C(1) << task;
        }
    }
}

void vmc_op_barrier(struct vmc_run *run)
{
    vmc_run_might_sleep(run);
    run->me->wait_kind = VMC_WAIT_NONE;
    run->me->wait = 0;
}

void vmc_op_flush(struct vmc_run *run)
{
    vmc_run_might_sleep(run);
    if (run->me->kind == VMC_TASK_WORK &&
        run->me->queue == run->instr->a.index) {
        vmc_run_break(run, VMC_V24_WAITS_FOR_ITSELF, run->me->object, 0);
    }
    vmc_run_order_all(run, (uint8_t)(VMC_NODE_QUEUE + run->instr->a.index));
    run->me->wait_kind = VMC_WAIT_NONE;
    run->me->wait = 0;
}

void vmc_op_module_exit(struct vmc_run *run)
{
    run->state->is_text_gone = 1;
}
