/* SPDX-License-Identifier: MIT */
/*
 * Three passes.
 *
 * 1. By cost. A cost is one number, the first count above the second, and
 *    every step adds to it; so the states are looked at in the order of their
 *    cost (Dijkstra), and the first failure that comes up is a smallest one.
 *    Whether the next step is a preemption depends on who ran last, so a state
 *    is looked at once for each task that ran last and could go on. What costs
 *    more than the schedule at hand is never looked at.
 *
 * 2. By hand, when the first pass runs out of states: leave out stretches of
 *    decisions, and let a task that was preempted go on, as long as that makes
 *    it smaller. A decision that cannot be made is passed over.
 *
 * 3. Marks: leave out one decision after the other, from the end; what is left
 *    must fail with no decision passed over.
 */
#include "explore/minimise.h"

#include <stdlib.h>
#include <string.h>

enum { NO_TASK = 0xffff, NO_SLOT = INT32_MAX, WORK_FACTOR = 64 };

/* A state that was reached, and how. */
struct node {
    uint64_t cost;
    uint32_t parent, slot; /* of its bytes, or NO_SLOT when it fails */
    uint16_t step, task;   /* task: who ran last, if it could go on */
};

struct seen {
    struct vmc_hash128 key; /* high is never 0 where used */
    uint64_t cost;
};

struct minimiser {
    const struct vmc_model_ops *ops;
    void *model;
    struct vmc_minimal *minimal;
    enum vmc_minimise_order order;
    uint64_t states_max, bound;
    size_t state_bytes;
    unsigned char *scratch; /* two states */

    struct node *nodes;
    uint32_t node_count, node_room;
    uint32_t *heap; /* of nodes, by cost, then by number */
    uint32_t heap_count;
    struct seen *seen;
    uint64_t seen_mask;
    unsigned char *slots;
    uint32_t *free_slots;
    uint32_t slot_count, slot_room, free_count;
    uint64_t work, work_max; /* steps made in passes 2 and 3 */
};

static uint64_t cost_of(const struct minimiser *it, uint32_t preemptions,
                        uint32_t steps)
{
    return it->order == VMC_MINIMISE_PREEMPTIONS
               ? (uint64_t)preemptions << 32 | steps
               : (uint64_t)steps << 32 | preemptions;
}

static uint32_t steps_of(const struct minimiser *it, uint64_t cost)
{
    return (uint32_t)(it->order == VMC_MINIMISE_PREEMPTIONS ? cost
                                                            : cost >> 32);
}

static uint32_t task_of(const struct minimiser *it, uint16_t step)
{
    return it->ops->task != NULL ? it->ops->task(it->model, step) : NO_TASK;
}

/* @task if it has one of the @count enabled @steps, else NO_TASK. */
static uint16_t can_go_on(const struct minimiser *it, uint32_t task,
                          const uint16_t *steps, uint32_t count)
{
    for (uint32_t i = 0; i < count && task != NO_TASK; i++) {
        if (task_of(it, steps[i]) == task) {
            return (uint16_t)task;
        }
    }
    return NO_TASK;
}

/* ---- Runs --------------------------------------------------------------- */

/* What became of a list of decisions. */
struct run {
    uint32_t rule;        /* 0 when it broke none */
    uint32_t preemptions; /* up to there */
    bool is_whole;        /* every decision could be made, up to there */
};

/* Make the decisions @steps but for those in @without; note in *@made, unless
 * NULL, which were made. */
static struct run make_run(struct minimiser *it, const uint16_t *steps,
                           uint32_t count, const bool *without,
                           struct vmc_schedule *made)
{
    struct run run = {.is_whole = true};
    uint16_t enabled[VMC_MODEL_STEPS_MAX];
    uint32_t enabled_count, last = NO_TASK;
    unsigned char *state = it->scratch;

    if (made != NULL) {
        made->step_count = 0;
    }
    it->ops->start(it->model, state);
    for (uint32_t i = 0; i < count && run.rule == 0; i++) {
        bool is_enabled = false;
        uint32_t task = task_of(it, steps[i]);

        if (without != NULL && without[i]) {
            continue;
        }
        it->work++;
        enabled_count = it->ops->enabled(it->model, state, enabled);
        for (uint32_t k = 0; k < enabled_count && !is_enabled; k++) {
            is_enabled = enabled[k] == steps[i];
        }
        if (!is_enabled) {
            run.is_whole = false;
            continue;
        }
        if (task != last &&
            can_go_on(it, last, enabled, enabled_count) != NO_TASK) {
            run.preemptions++;
        }
        last = task;
        if (made != NULL) {
            made->steps[made->step_count++] = steps[i];
        }
        (void)it->ops->step(it->model, state, steps[i], &run.rule);
    }
    if (run.rule == 0 && it->ops->enabled(it->model, state, enabled) == 0) {
        (void)it->ops->finish(it->model, state, &run.rule);
    }
    return run;
}

/* ---- First pass --------------------------------------------------------- */

static bool comes_before(const struct minimiser *it, uint32_t a, uint32_t b)
{
    return it->nodes[a].cost != it->nodes[b].cost
               ? it->nodes[a].cost < it->nodes[b].cost
               : a < b;
}

static void heap_push(struct minimiser *it, uint32_t node)
{
    uint32_t at = it->heap_count++;

    while (at > 0 && comes_before(it, node, it->heap[(at - 1) / 2])) {
        it->heap[at] = it->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    it->heap[at] = node;
}

static uint32_t heap_pop(struct minimiser *it)
{
    uint32_t first = it->heap[0], node = it->heap[--it->heap_count], at = 0;

    for (;;) {
        uint32_t child = 2 * at + 1;

        if (child + 1 < it->heap_count &&
            comes_before(it, it->heap[child + 1], it->heap[child])) {
            child++;
        }
        if (child >= it->heap_count ||
            comes_before(it, node, it->heap[child])) {
            break;
        }
        it->heap[at] = it->heap[child];
        at = child;
    }
    it->heap[at] = node;
    return first;
}

/* Note that @hash was reached with @cost while @task could go on. False when
 * that is nothing new. */
static bool is_news(struct minimiser *it, struct vmc_hash128 hash,
                    uint16_t task, uint64_t cost)
{
    uint64_t slot;

    hash.low = vmc_hash_fold(hash.low, task);
    hash.high |= 1;
    slot = hash.low & it->seen_mask;
    while (it->seen[slot].key.high != 0 &&
           (it->seen[slot].key.low != hash.low ||
            it->seen[slot].key.high != hash.high)) {
        slot = (slot + 1) & it->seen_mask;
    }
    if (it->seen[slot].key.high != 0 && it->seen[slot].cost <= cost) {
        return false;
    }
    it->seen[slot] = (struct seen){hash, cost};
    return true;
}

static bool grow(void **array, size_t item_bytes, uint32_t room)
{
    void *larger = realloc(*array, item_bytes * room);

    if (larger != NULL) {
        *array = larger;
    }
    return larger != NULL;
}

/* Room for the bytes of one more state. NO_SLOT when memory is short. */
static uint32_t take_slot(struct minimiser *it)
{
    if (it->free_count > 0) {
        return it->free_slots[--it->free_count];
    }
    if (it->slot_count == it->slot_room) {
        uint32_t room = it->slot_room == 0 ? 1024 : 2 * it->slot_room;

        if (!grow((void **)&it->slots, it->state_bytes, room) ||
            !grow((void **)&it->free_slots, sizeof(*it->free_slots), room)) {
            return NO_SLOT;
        }
        it->slot_room = room;
    }
    return it->slot_count++;
}

static unsigned char *slot_at(const struct minimiser *it, uint32_t slot)
{
    return it->slots + slot * it->state_bytes;
}

/* Add a node; @state is NULL for a failure. */
static enum vmc_status add_node(struct minimiser *it, const struct node *node,
                                const unsigned char *state)
{
    uint32_t slot = NO_SLOT;

    if (it->node_count == it->node_room) {
        uint32_t room = it->node_room == 0 ? 1024 : 2 * it->node_room;

        if (!grow((void **)&it->nodes, sizeof(*it->nodes), room) ||
            !grow((void **)&it->heap, sizeof(*it->heap), room)) {
            return VMC_E_NOMEM;
        }
        it->node_room = room;
    }
    if (state != NULL) {
        slot = take_slot(it);
        if (slot == NO_SLOT) {
            return VMC_E_NOMEM;
        }
        memcpy(slot_at(it, slot), state, it->state_bytes);
    }
    it->nodes[it->node_count] = *node;
    it->nodes[it->node_count].slot = slot;
    heap_push(it, it->node_count++);
    return VMC_OK;
}

/* Put the steps that lead to @node into the result. */
static void read_back(struct minimiser *it, uint32_t node)
{
    struct vmc_schedule *schedule = &it->minimal->schedule;
    uint32_t count = 0;

    for (uint32_t i = node; i != 0; i = it->nodes[i].parent) {
        count++;
    }
    assert(count <= VMC_SCHEDULE_STEPS_MAX);
    schedule->step_count = count;
    for (uint32_t i = node; i != 0; i = it->nodes[i].parent) {
        schedule->steps[--count] = it->nodes[i].step;
    }
}

/* Make every step of @node. VMC_OK: it goes on; VMC_END: it was a failure at
 * the end of a run. */
static enum vmc_status expand(struct minimiser *it, uint32_t number)
{
    struct node node = it->nodes[number], child;
    unsigned char *state = it->scratch, *next = it->scratch + it->state_bytes;
    uint16_t steps[VMC_MODEL_STEPS_MAX];
    enum vmc_status status = VMC_OK;
    uint32_t count, rule = 0;

    memcpy(state, slot_at(it, node.slot), it->state_bytes);
    it->free_slots[it->free_count++] = node.slot;
    count = it->ops->enabled(it->model, state, steps);
    if (count == 0) {
        return !it->ops->finish(it->model, state, &rule) &&
                       rule == it->minimal->rule
                   ? VMC_END
                   : VMC_OK;
    }
    for (uint32_t i = 0; i < count && status == VMC_OK; i++) {
        uint32_t task = task_of(it, steps[i]);
        bool is_preemption = node.task != NO_TASK && node.task != task;

        child = (struct node){
            .cost = node.cost + cost_of(it, is_preemption, 1),
            .parent = number,
            .step = steps[i],
            .task = NO_TASK,
        };
        if (child.cost > it->bound ||
            steps_of(it, child.cost) > VMC_SCHEDULE_STEPS_MAX) {
            continue;
        }
        memcpy(next, state, it->state_bytes);
        if (!it->ops->step(it->model, next, steps[i], &rule)) {
            if (rule == it->minimal->rule) {
                status = add_node(it, &child, NULL);
            }
            continue;
        }
        if (it->ops->task != NULL) {
            uint16_t enabled[VMC_MODEL_STEPS_MAX];

            child.task = can_go_on(it, task, enabled,
                                   it->ops->enabled(it->model, next, enabled));
        }
        if (is_news(it, it->ops->hash(it->model, next), child.task,
                    child.cost)) {
            status = add_node(it, &child, next);
        }
    }
    return status;
}

static enum vmc_status by_cost(struct minimiser *it)
{
    const struct node start = {.task = NO_TASK};
    enum vmc_status status;

    it->ops->start(it->model, it->scratch);
    status = add_node(it, &start, it->scratch);
    while (status == VMC_OK && it->heap_count > 0) {
        uint32_t number = heap_pop(it);

        if (it->nodes[number].slot == NO_SLOT) {
            status = VMC_END;
        } else if (it->node_count >= it->states_max) {
            break;
        } else {
            status = expand(it, number);
        }
        if (status == VMC_END) {
            read_back(it, number);
        }
    }
    it->minimal->states = it->node_count;
    it->minimal->is_proven = status == VMC_END;
    return status == VMC_END ? VMC_OK : status;
}

/* ---- Second pass -------------------------------------------------------- */

/* Take @steps in place of what there is if they fail and are smaller. */
static bool accept(struct minimiser *it, const uint16_t *steps, uint32_t count,
                   const bool *without, struct vmc_schedule *made)
{
    struct run run = make_run(it, steps, count, without, made);
    uint64_t cost = cost_of(it, run.preemptions, made->step_count);

    if (run.rule != it->minimal->rule || cost >= it->bound) {
        return false;
    }
    it->bound = cost;
    it->minimal->schedule = *made;
    return true;
}

/* Leave out stretches, long ones first. */
static bool leave_out(struct minimiser *it, bool *without,
                      struct vmc_schedule *made)
{
    bool is_better = false;

    for (uint32_t length = it->minimal->schedule.step_count / 2; length > 0;
         length /= 2) {
        uint32_t at = 0;

        while (at + length <= it->minimal->schedule.step_count &&
               it->work < it->work_max) {
            memset(without, 0, VMC_SCHEDULE_STEPS_MAX * sizeof(*without));
            memset(without + at, 1, length * sizeof(*without));
            if (accept(it, it->minimal->schedule.steps,
                       it->minimal->schedule.step_count, without, made)) {
                is_better = true;
            } else {
                at++;
            }
        }
    }
    return is_better;
}

/* Let each task go on where another was let in, with its next step. */
static bool go_on(struct minimiser *it, uint16_t *steps,
                  struct vmc_schedule *made)
{
    const struct vmc_schedule *schedule = &it->minimal->schedule;
    bool is_better = false;

    for (uint32_t i = 1; i < schedule->step_count; i++) {
        uint32_t count = schedule->step_count, from = i;
        uint32_t task = task_of(it, schedule->steps[i - 1]);

        while (from < count && task_of(it, schedule->steps[from]) != task) {
            from++;
        }
        if (from == i || from == count || it->work >= it->work_max) {
            continue;
        }
        memcpy(steps, schedule->steps, count * sizeof(*steps));
        memmove(steps + i + 1, steps + i, (from - i) * sizeof(*steps));
        steps[i] = schedule->steps[from];
        is_better = accept(it, steps, count, NULL, made) || is_better;
    }
    return is_better;
}

static enum vmc_status by_hand(struct minimiser *it)
{
    bool *without = calloc(VMC_SCHEDULE_STEPS_MAX, sizeof(*without));
    uint16_t *steps = calloc(VMC_SCHEDULE_STEPS_MAX, sizeof(*steps));
    struct vmc_schedule *made = calloc(1, sizeof(*made));
    enum vmc_status status = VMC_E_NOMEM;

    if (without != NULL && steps != NULL && made != NULL) {
        bool is_better = true;

        while (is_better && it->work < it->work_max) {
            is_better = leave_out(it, without, made);
            is_better =
                (it->ops->task != NULL && go_on(it, steps, made)) || is_better;
        }
        status = VMC_OK;
    }
    free(without);
    free(steps);
    free(made);
    return status;
}

/* ---- Third pass --------------------------------------------------------- */

static void mark_idle(struct minimiser *it)
{
    const struct vmc_schedule *schedule = &it->minimal->schedule;
    bool *is_idle = it->minimal->is_idle, has_changed = true;

    it->work = 0;
    while (has_changed) {
        has_changed = false;
        for (uint32_t i = schedule->step_count; i-- > 0;) {
            struct run run;

            if (is_idle[i] || it->work >= it->work_max) {
                continue;
            }
            is_idle[i] = true;
            run = make_run(it, schedule->steps, schedule->step_count, is_idle,
                           NULL);
            if (run.rule == it->minimal->rule && run.is_whole) {
                it->minimal->idle_count++;
                has_changed = true;
            } else {
                is_idle[i] = false;
            }
        }
    }
}

static enum vmc_status run_all(struct minimiser *it,
                               const struct vmc_schedule *failing)
{
    struct vmc_minimal *minimal = it->minimal;
    enum vmc_status status;
    struct run run = make_run(it, failing->steps, failing->step_count, NULL,
                              &minimal->schedule);

    if (!run.is_whole || run.rule == 0) {
        return VMC_E_USAGE;
    }
    minimal->rule = run.rule;
    it->bound = cost_of(it, run.preemptions, minimal->schedule.step_count);
    status = by_cost(it);
    if (status == VMC_OK && !minimal->is_proven) {
        status = by_hand(it);
    }
    if (status != VMC_OK) {
        return status;
    }
    minimal->preemption_count =
        make_run(it, minimal->schedule.steps, minimal->schedule.step_count,
                 NULL, NULL)
            .preemptions;
    mark_idle(it);
    return VMC_OK;
}

enum vmc_status vmc_minimise(struct vmc_minimal *minimal,
                             const struct vmc_schedule *failing,
                             enum vmc_minimise_order order, uint64_t states_max,
                             const struct vmc_model_ops *ops, void *model)
{
    struct minimiser it = {.ops = ops,
                           .model = model,
                           .minimal = minimal,
                           .order = order,
                           .states_max = states_max,
                           .work_max = WORK_FACTOR * states_max};
    enum vmc_status status = VMC_E_NOMEM;

    if (states_max < 1 || states_max > VMC_SEARCH_STATES_MAX) {
        return VMC_E_RANGE;
    }
    memset(minimal, 0, sizeof(*minimal));
    it.state_bytes = ops->state_bytes(model);
    it.scratch = calloc(2, it.state_bytes);
    it.seen_mask =
        vmc_round_up_pow2(2 * (states_max + VMC_MODEL_STEPS_MAX)) - 1;
    it.seen = calloc(it.seen_mask + 1, sizeof(*it.seen));
    if (it.scratch != NULL && it.seen != NULL) {
        status = run_all(&it, failing);
    }
    free(it.scratch);
    free(it.seen);
    free(it.nodes);
    free(it.heap);
    free(it.slots);
    free(it.free_slots);
    return status;
}
