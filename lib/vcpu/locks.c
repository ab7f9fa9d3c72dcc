/* SPDX-License-Identifier: MIT */
/* Locks with owners, and the order in which they are taken.
 *
 * The order graph outlives a run: an edge says that somebody, in some run of
 * this scenario, wanted the second while holding the first. A cycle in it is a
 * deadlock that some run can meet, whether or not one has. All mutexes of
 * vCPUs are one node, as they are one class to lockdep. */
#include "vcpu/life_priv.h"

static uint8_t node_of(uint8_t lock)
{
    return lock < VMC_NODE_VCPU_MUTEX ? lock : VMC_NODE_VCPU_MUTEX;
}

/* Nodes reachable from @node. */
static uint32_t reach(const struct vmc_life_watch *watch, uint8_t node)
{
    uint32_t seen = UINT32_C(1) << node, next = seen;

    while (next != 0) {
        unsigned one = vmc_bits_low(next);

        next &= next - 1;
        next |= watch->edges[one] & ~seen;
        seen |= watch->edges[one];
    }
    return seen;
}

/* The rule that a cycle through @held -> @wanted breaks: by what lies on it. */
static enum vmc_rule cycle_rule(const struct vmc_life_watch *watch,
                                uint8_t held, uint8_t wanted)
{
    uint32_t on_cycle = 0;

    for (uint8_t node = 0; node < VMC_LIFE_NODES_MAX; node++) {
        if ((reach(watch, wanted) >> node & 1) != 0 &&
            (reach(watch, node) >> held & 1) != 0) {
            on_cycle |= UINT32_C(1) << node;
        }
    }
    if ((on_cycle >> VMC_NODE_SRCU & 0xf) != 0) {
        return VMC_V17_SRCU_LOCK_CYCLE;
    }
    if (on_cycle >> VMC_NODE_QUEUE != 0) {
        return VMC_V24_WAITS_FOR_ITSELF;
    }
    return VMC_V15_LOCK_ORDER;
}

/* A cycle is noted and the run goes on: it may still run into it. */
static void note_cycle(struct vmc_run *run, enum vmc_rule rule, uint8_t held,
                       uint8_t wanted)
{
    struct vmc_life_watch *watch = run->watch;

    if (watch->note_count < VMC_LIFE_NOTES_MAX && !run->program->is_off[rule]) {
        watch->notes[watch->note_count++] = (struct vmc_life_violation){
            .rule = (uint8_t)rule,
            .task = run->task,
            .object = VMC_LIFE_NOBODY,
            .detail = (uint8_t)(held << 4 | (wanted & 0xf)),
            .pc = run->me->pc,
        };
    }
}

void vmc_run_order(struct vmc_run *run, uint8_t held, uint8_t wanted)
{
    struct vmc_life_watch *watch = run->watch;

    if (watch == NULL || held == wanted ||
        (watch->edges[held] >> wanted & 1) != 0) {
        return;
    }
    watch->edges[held] |= UINT32_C(1) << wanted;
    if ((reach(watch, wanted) >> held & 1) != 0) {
        note_cycle(run, cycle_rule(watch, held, wanted), held, wanted);
    }
}

void vmc_run_order_all(struct vmc_run *run, uint8_t wanted)
{
    uint32_t locks = run->me->locks;

    if (run->program->is_unchecked) {
        return;
    }

    for (; run->watch != NULL && locks != 0; locks &= locks - 1) {
        vmc_run_order(run, node_of((uint8_t)vmc_bits_low(locks)), wanted);
    }
    for (uint32_t i = 0; i < VMC_LIFE_READERS_MAX; i++) {
        if (run->me->readers[i] != 0) {
            vmc_run_order(
                run, (uint8_t)(VMC_NODE_SRCU + (run->me->readers[i] - 1) / 2),
                wanted);
        }
    }
    if (run->me->kind == VMC_TASK_WORK) {
        vmc_run_order(run, (uint8_t)(VMC_NODE_QUEUE + run->me->queue), wanted);
    }
}

void vmc_op_lock(struct vmc_run *run)
{
    uint8_t lock = vmc_run_lock(run, &run->instr->a);
    bool is_spin;

    if (run->is_over) {
        return;
    }
    is_spin =
        lock < VMC_LIFE_DECLARED_LOCKS_MAX && run->program->lock_is_spin[lock];
    if (run->state->owners[lock] == run->task + 1) {
        vmc_run_break(run, VMC_V13_RECURSIVE_LOCK, VMC_LIFE_NOBODY, lock);
        return;
    }
    if (!is_spin) {
        vmc_run_might_sleep(run);
        if (run->is_over) {
            return;
        }
    }
    vmc_run_order_all(run, node_of(lock));
    if (run->state->owners[lock] != 0) {
        return; /* it only came here to be told off */
    }
    run->state->owners[lock] = (uint8_t)(run->task + 1);
    run->me->locks |= (uint16_t)(1U << lock);
    run->me->loaded = 0;
}

static uint32_t listed_count(const struct vmc_life_state *state)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < state->object_count; i++) {
        count += (state->objects[i].flags & VMC_OBJECT_ON_LIST) != 0;
    }
    return count;
}

void vmc_op_unlock(struct vmc_run *run)
{
    uint8_t lock = vmc_run_lock(run, &run->instr->a);

    if (run->is_over) {
        return;
    }
    if (run->state->owners[lock] != run->task + 1) {
        vmc_run_break(run, VMC_V14_NOT_OWNER, VMC_LIFE_NOBODY, lock);
        return;
    }
    run->state->owners[lock] = 0;
    run->me->locks &= (uint16_t) ~(1U << lock);
    vmc_reader_closed(run);
    if (lock == run->program->online_lock &&
        run->state->vm_online != (int)listed_count(run->state)) {
        vmc_run_break(run, VMC_V12_COUNTERS_DIFFER, VMC_LIFE_NOBODY, 1);
    }
}
