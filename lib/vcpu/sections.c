/* SPDX-License-Identifier: MIT */
/* Read sections, and who waits for them.
 *
 * A waiter keeps a bit for every reader that was there when it began. RCU
 * sections of one task flatten, so a bit is a task; SRCU readers do not, so a
 * bit is one of a task's readers. Closing clears bits, and a waiter may go on
 * at any moment after its last bit has gone: that is engine P. */
#include "vcpu/life_priv.h"

bool vmc_holds_spinlock(const struct vmc_life_program *program,
                        const struct vmc_life_task *task)
{
    for (uint32_t lock = 0; lock < program->lock_count; lock++) {
        if ((task->locks >> lock & 1) != 0 && program->lock_is_spin[lock]) {
            return true;
        }
    }
    return false;
}

bool vmc_may_sleep(const struct vmc_life_program *program,
                   const struct vmc_life_task *task)
{
    return task->kind != VMC_TASK_GRACE && task->nest <= 0 &&
           task->atomic == 0 && !vmc_holds_spinlock(program, task);
}

void vmc_run_might_sleep(struct vmc_run *run)
{
    if (!vmc_may_sleep(run->program, run->me)) {
        vmc_run_break(run, VMC_V05_SLEEP_IN_ATOMIC, VMC_LIFE_NOBODY, 0);
    }
}

static bool is_reader(const struct vmc_life_program *program,
                      const struct vmc_life_task *task)
{
    return task->nest > 0 ||
           (program->is_consolidated &&
            (task->atomic != 0 || vmc_holds_spinlock(program, task)));
}

uint64_t vmc_reader_mask(const struct vmc_life_program *program,
                         const struct vmc_life_state *state)
{
    uint64_t mask = 0;

    for (uint32_t task = 0; task < state->task_count; task++) {
        if (is_reader(program, &state->tasks[task])) {
            mask |= UINT64_C(1) << task;
        }
    }
    return mask;
}

static void clear_waits(struct vmc_life_state *state, enum vmc_wait_kind kind,
                        uint32_t bit)
{
    for (uint32_t task = 0; task < state->task_count; task++) {
        if (state->tasks[task].wait_kind == kind) {
            state->tasks[task].wait &= ~(UINT64_C(1) << bit);
        }
    }
}

void vmc_reader_closed(struct vmc_run *run)
{
    if (!is_reader(run->program, run->me)) {
        clear_waits(run->state, VMC_WAIT_RCU, run->task);
    }
}

void vmc_op_rcu_lock(struct vmc_run *run)
{
    struct vmc_life_task *me = run->me;

    me->nest++;
    if (me->nest == 1) {
        me->serial++;
        me->loaded = 0;
    }
}

void vmc_op_rcu_unlock(struct vmc_run *run)
{
    run->me->nest--;
    if (run->me->nest < 0) {
        vmc_run_break(run, VMC_V03_UNBALANCED_SECTION, VMC_LIFE_NOBODY, 0);
    }
    vmc_reader_closed(run);
}

/* A reader is kept as domain * 2 + index + 1. */
void vmc_op_srcu_lock(struct vmc_run *run)
{
    uint8_t domain = run->instr->a.index;
    uint8_t index = run->state->domain_flip >> domain & 1;

    for (uint32_t i = 0; i < VMC_LIFE_READERS_MAX; i++) {
        if (run->me->readers[i] == 0) {
            run->me->readers[i] = (uint8_t)(domain * 2 + index + 1);
            run->result = vmc_value_int(index);
            return;
        }
    }
    vmc_run_break(run, VMC_V21_NO_PROGRESS, VMC_LIFE_NOBODY,
                  VMC_DETAIL_NO_ROOM);
}

static bool has_reader(const struct vmc_life_task *task, uint8_t domain)
{
    for (uint32_t i = 0; i < VMC_LIFE_READERS_MAX; i++) {
        if (task->readers[i] != 0 && (task->readers[i] - 1) / 2 == domain) {
            return true;
        }
    }
    return false;
}

/* Without an index the newest reader closes; with one, the newest of it. */
void vmc_op_srcu_unlock(struct vmc_run *run)
{
    uint8_t domain = run->instr->a.index;
    struct vmc_life_value index = {0};

    if (run->instr->b.kind != VMC_OPERAND_NONE) {
        index = vmc_run_value(run, &run->instr->b);
    }
    for (uint32_t i = VMC_LIFE_READERS_MAX; i-- > 0 && !run->is_over;) {
        uint8_t reader = run->me->readers[i];

        if (reader != 0 && (reader - 1) / 2 == domain &&
            (index.kind != VMC_VALUE_INT ||
             (reader - 1) % 2 == (int)index.generation)) {
            run->me->readers[i] = 0;
            clear_waits(run->state, VMC_WAIT_SRCU,
                        run->task * VMC_LIFE_READERS_MAX + i);
            return;
        }
    }
    if (!run->is_over) { /* one is open under the other index, or none */
        vmc_run_break(run,
                      has_reader(run->me, domain) ? VMC_V04_HELD_AT_EXIT
                                                  : VMC_V03_UNBALANCED_SECTION,
                      VMC_LIFE_NOBODY, domain);
    }
}

void vmc_op_sync_start(struct vmc_run *run)
{
    if (run->me->nest > 0) {
        vmc_run_break(run, VMC_V16_SYNC_IN_SECTION, VMC_LIFE_NOBODY, 0);
    } else {
        vmc_run_might_sleep(run);
    }
    vmc_run_order_all(run, VMC_NODE_RCU);
    run->me->wait = vmc_reader_mask(run->program, run->state);
    run->me->wait_kind = VMC_WAIT_RCU;
}

void vmc_op_sync_end(struct vmc_run *run)
{
    run->me->wait_kind = VMC_WAIT_NONE;
}

uint64_t vmc_srcu_mask(const struct vmc_life_state *state, uint8_t domain)
{
    uint64_t mask = 0;

    for (uint32_t task = 0; task < state->task_count; task++) {
        for (uint32_t i = 0; i < VMC_LIFE_READERS_MAX; i++) {
            uint8_t reader = state->tasks[task].readers[i];

            if (reader != 0 && (reader - 1) / 2 == domain) {
                mask |= UINT64_C(1) << (task * VMC_LIFE_READERS_MAX + i);
            }
        }
    }
    return mask;
}

void vmc_op_ssync_start(struct vmc_run *run)
{
    uint8_t domain = run->instr->a.index;
    uint64_t mask = vmc_srcu_mask(run->state, domain);

    vmc_run_might_sleep(run);
    if ((mask >> (run->task * VMC_LIFE_READERS_MAX) &
         ((1U << VMC_LIFE_READERS_MAX) - 1)) != 0) {
        vmc_run_break(run, VMC_V16_SYNC_IN_SECTION, VMC_LIFE_NOBODY, domain);
    }
    vmc_run_order_all(run, (uint8_t)(VMC_NODE_SRCU + domain));
    run->state->domain_flip ^= (uint8_t)(1U << domain);
    run->me->wait = mask;
    run->me->wait_kind = VMC_WAIT_SRCU;
}

void vmc_op_ssync_end(struct vmc_run *run)
{
    run->me->wait_kind = VMC_WAIT_NONE;
}

void vmc_op_preempt_off(struct vmc_run *run)
{
    run->me->atomic++;
}

void vmc_op_preempt_on(struct vmc_run *run)
{
    if (run->me->atomic == 0) {
        vmc_run_break(run, VMC_V03_UNBALANCED_SECTION, VMC_LIFE_NOBODY, 1);
        return;
    }
    run->me->atomic--;
    vmc_reader_closed(run);
}

/* Somebody waits for a reader that sleeps longer than a wait may take. Linux
 * has a detector for RCU only; this one looks at SRCU readers. */
void vmc_op_sleep(struct vmc_run *run)
{
    uint64_t mine = ((UINT64_C(1) << VMC_LIFE_READERS_MAX) - 1)
                    << (run->task * VMC_LIFE_READERS_MAX);

    vmc_run_might_sleep(run);
    if (run->instr->a.kind != VMC_OPERAND_INT ||
        run->instr->a.value < run->program->stall_s) {
        return;
    }
    for (uint8_t task = 0; task < run->state->task_count; task++) {
        const struct vmc_life_task *other = &run->state->tasks[task];

        if (other->wait_kind == VMC_WAIT_SRCU && (other->wait & mine) != 0) {
            vmc_run_break(run, VMC_V21_NO_PROGRESS, VMC_LIFE_NOBODY, task);
        }
    }
}
