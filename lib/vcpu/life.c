/* SPDX-License-Identifier: MIT */
/* Which steps there are, making one, and judging the end.
 *
 * A task always stands at its next visible operation: a step carries that out
 * and then runs the invisible instructions behind it. Every result is folded
 * into the task's history, so program counter and locals follow from the
 * history, and a state is told from another by histories and shared state. */
#include "vcpu/life.h"

#include <string.h>

#include "vcpu/life_priv.h"

static vmc_op_fn *const ops[VMC_OP_COUNT] = {
    [VMC_OP_RCU_LOCK] = vmc_op_rcu_lock,
    [VMC_OP_RCU_UNLOCK] = vmc_op_rcu_unlock,
    [VMC_OP_SRCU_LOCK] = vmc_op_srcu_lock,
    [VMC_OP_SRCU_UNLOCK] = vmc_op_srcu_unlock,
    [VMC_OP_LOCK] = vmc_op_lock,
    [VMC_OP_UNLOCK] = vmc_op_unlock,
    [VMC_OP_FIRST] = vmc_op_first,
    [VMC_OP_NEXT] = vmc_op_next,
    [VMC_OP_GET] = vmc_op_get,
    [VMC_OP_INC] = vmc_op_inc,
    [VMC_OP_DEC] = vmc_op_dec,
    [VMC_OP_USE] = vmc_op_use,
    [VMC_OP_LIST_ADD] = vmc_op_list_add,
    [VMC_OP_LIST_ADD_TAIL] = vmc_op_list_add_tail,
    [VMC_OP_LIST_DEL] = vmc_op_list_del,
    [VMC_OP_LIST_INIT] = vmc_op_list_init,
    [VMC_OP_CALL_RCU] = vmc_op_call_rcu,
    [VMC_OP_CALL_SRCU] = vmc_op_call_srcu,
    [VMC_OP_QUEUE] = vmc_op_queue,
    [VMC_OP_FREE] = vmc_op_free,
    [VMC_OP_VM_GET] = vmc_op_vm_get,
    [VMC_OP_VM_PUT] = vmc_op_vm_put,
    [VMC_OP_VM_DROP] = vmc_op_vm_drop,
    [VMC_OP_VM_FREE] = vmc_op_vm_free,
    [VMC_OP_VM_CREATE] = vmc_op_vm_create,
    [VMC_OP_LOAD] = vmc_op_load,
    [VMC_OP_STORE] = vmc_op_store,
    [VMC_OP_SWAP] = vmc_op_swap,
    [VMC_OP_ADD] = vmc_op_add,
    [VMC_OP_SYNC_START] = vmc_op_sync_start,
    [VMC_OP_SYNC_END] = vmc_op_sync_end,
    [VMC_OP_SSYNC_START] = vmc_op_ssync_start,
    [VMC_OP_SSYNC_END] = vmc_op_ssync_end,
    [VMC_OP_BARRIER] = vmc_op_barrier,
    [VMC_OP_FLUSH] = vmc_op_flush,
    [VMC_OP_PREEMPT_OFF] = vmc_op_preempt_off,
    [VMC_OP_PREEMPT_ON] = vmc_op_preempt_on,
    [VMC_OP_SLEEP] = vmc_op_sleep,
    [VMC_OP_ALLOC] = vmc_op_alloc,
    [VMC_OP_FD_INSTALL] = vmc_op_fd_install,
    [VMC_OP_ONLINE_ADD] = vmc_op_online_add,
    [VMC_OP_GUEST_ENTER] = vmc_op_guest_enter,
    [VMC_OP_GUEST_EXIT] = vmc_op_guest_exit,
    [VMC_OP_TRANSLATE] = vmc_op_translate,
    [VMC_OP_KICK] = vmc_op_kick,
    [VMC_OP_FLUSHED] = vmc_op_flushed,
    [VMC_OP_MODULE_EXIT] = vmc_op_module_exit,
    [VMC_OP_DELIVER] = vmc_op_deliver,
    [VMC_OP_CHOOSE] = vmc_op_choose,
    [VMC_OP_GRACE] = vmc_op_grace,
};

size_t vmc_life_state_bytes(const struct vmc_life_program *program)
{
    return offsetof(struct vmc_life_state, tasks) +
           program->tasks_limit * sizeof(struct vmc_life_task);
}

void vmc_life_start(const struct vmc_life_program *program,
                    struct vmc_life_state *state)
{
    memcpy(state, &program->start, vmc_life_state_bytes(program));
}

/* How many tasks a run can have: without loops that queue or allocate, a
 * grace period and an item for every object, beside what is declared. */
static uint32_t tasks_limit(const struct vmc_life_program *program)
{
    uint32_t limit = program->task_count + 2 * program->object_count;

    for (uint32_t i = 0; i < program->code_count; i++) {
        uint8_t op = program->code[i].op;

        if (op == VMC_OP_QUEUE || op == VMC_OP_ALLOC) {
            return VMC_LIFE_TASKS_MAX;
        }
    }
    return limit < VMC_LIFE_TASKS_MAX ? limit : VMC_LIFE_TASKS_MAX;
}

/* Mark in @instr where the code from @pc on can come to rest. */
static void mark_arrivals(const struct vmc_life_program *program,
                          struct vmc_life_instr *instr, uint16_t pc,
                          uint8_t *seen)
{
    while (!seen[pc]) {
        const struct vmc_life_instr *next = &program->code[pc];

        seen[pc] = 1;
        if (next->op == VMC_OP_BARRIER) {
            instr->flag |= VMC_ARRIVES_AT_BARRIER;
        } else if (next->op == VMC_OP_FLUSH) {
            instr->flag |= VMC_ARRIVES_AT_FLUSH;
        }
        if (next->op >= VMC_OP_VISIBLE || next->op == VMC_OP_END) {
            return;
        }
        if (next->op == VMC_OP_JUMP_FALSE || next->op == VMC_OP_JUMP_TRUE) {
            mark_arrivals(program, instr, next->target, seen);
        }
        pc = next->op == VMC_OP_JUMP ? next->target : (uint16_t)(pc + 1);
    }
}

void vmc_life_set_start(struct vmc_life_program *program)
{
    struct vmc_life_event event = {0};
    struct vmc_run run = {
        .program = program, .state = &program->start, .event = &event};

    for (uint32_t i = 0; i < program->code_count; i++) {
        uint8_t seen[VMC_LIFE_CODE_MAX] = {0};

        if (program->code[i].op >= VMC_OP_VISIBLE &&
            i + 1 < program->code_count) {
            mark_arrivals(program, &program->code[i], (uint16_t)(i + 1), seen);
        }
    }
    program->tasks_limit = tasks_limit(program);
    program->start.task_count = (uint8_t)program->task_count;
    for (uint8_t task = 0; task < program->task_count; task++) {
        run.task = task;
        run.me = &program->start.tasks[task];
        run.me->pc = program->task_entries[task];
        run.me->cpu = program->task_cpus[task];
        run.me->object = VMC_LIFE_NOBODY;
        run.me->spawner = VMC_LIFE_NOBODY;
        run.is_over = false;
        vmc_run_flow(&run);
    }
}

/* Whether the lock at @operand could be taken, or asking for it is wrong. */
static bool can_lock(const struct vmc_life_program *program,
                     const struct vmc_life_state *state, uint32_t task,
                     const struct vmc_life_operand *operand)
{
    const struct vmc_life_task *me = &state->tasks[task];
    uint8_t lock = operand->index;
    bool is_spin = false;

    if (operand->kind == VMC_OPERAND_MUTEX) {
        struct vmc_life_value base = {.index = operand->base,
                                      .kind = VMC_VALUE_OBJECT};

        if (operand->base_is_local) {
            base = me->locals[operand->base];
        }
        if (base.kind != VMC_VALUE_OBJECT) {
            return true; /* and breaks a rule */
        }
        lock = (uint8_t)(VMC_LIFE_DECLARED_LOCKS_MAX + base.index);
    } else {
        is_spin = program->lock_is_spin[lock];
    }
    return state->owners[lock] == 0 || state->owners[lock] == task + 1 ||
           (!is_spin && !vmc_may_sleep(program, me));
}

static bool can_step(const struct vmc_life_program *program,
                     const struct vmc_life_state *state, uint32_t task)
{
    const struct vmc_life_task *me = &state->tasks[task];
    const struct vmc_life_instr *instr = &program->code[me->pc];

    if (me->is_done) {
        return false;
    }
    if (me->kind != VMC_TASK_PROGRAM && !me->is_started &&
        !(me->kind == VMC_TASK_GRACE && program->is_unordered) &&
        vmc_is_behind(program, state, task)) {
        return false;
    }
    if (instr->guard != 0 &&
        !vmc_value_truth(&state->shared[instr->guard - 1])) {
        return false;
    }
    switch (instr->op) {
    case VMC_OP_LOCK:
        return can_lock(program, state, task, &instr->a);
    case VMC_OP_SYNC_END:
    case VMC_OP_SSYNC_END:
    case VMC_OP_GRACE:
        return me->wait == 0;
    case VMC_OP_BARRIER:
    case VMC_OP_FLUSH:
        if (!vmc_may_sleep(program, me) ||
            (instr->op == VMC_OP_FLUSH && me->kind == VMC_TASK_WORK &&
             me->queue == instr->a.index)) {
            return true; /* and breaks a rule */
        }
        for (uint64_t wait = me->wait; wait != 0; wait &= wait - 1) {
            if (!state->tasks[vmc_bits_low(wait)].is_done) {
                return false;
            }
        }
        return true;
    default:
        return true;
    }
}

uint32_t vmc_life_enabled(const struct vmc_life_program *program,
                          const struct vmc_life_state *state, uint16_t *steps)
{
    uint32_t count = 0;

    for (uint32_t task = 0; task < state->task_count; task++) {
        const struct vmc_life_instr *instr =
            &program->code[state->tasks[task].pc];
        int alternatives = instr->op == VMC_OP_CHOOSE ? instr->a.value : 1;

        if (!can_step(program, state, task)) {
            continue;
        }
        for (int i = 0; i < alternatives && count < VMC_LIFE_STEPS_MAX; i++) {
            steps[count++] =
                (uint16_t)(task * VMC_LIFE_ALTERNATIVES + (uint32_t)i);
        }
    }
    return count;
}

static uint64_t value_bits(const struct vmc_life_value *value)
{
    return (uint64_t)value->kind << 32 | (uint64_t)value->index << 16 |
           value->generation;
}

/* A work item has been picked up by a worker. */
static void pick_up(struct vmc_run *run)
{
    struct vmc_life_object *object = &run->state->objects[run->me->object];

    run->me->is_started = 1;
    if (run->state->is_text_gone) {
        vmc_run_break(run, VMC_V25_TEXT_GONE, run->me->object, 0);
    }
    object->flags &= (uint16_t)~VMC_OBJECT_WORK_QUEUED;
    if (object->state == VMC_VCPU_CBDONE) {
        object->state = VMC_VCPU_ZAPPING;
    }
}

bool vmc_life_step(const struct vmc_life_program *program,
                   struct vmc_life_state *state, uint16_t step,
                   struct vmc_life_event *event, struct vmc_life_watch *watch)
{
    uint8_t task = (uint8_t)(step / VMC_LIFE_ALTERNATIVES);
    struct vmc_run run = {
        .program = program,
        .state = state,
        .watch = watch,
        .event = event,
        .task = task,
    };

    assert(task < state->task_count && can_step(program, state, task));
    run.me = &state->tasks[task];
    run.instr = &program->code[run.me->pc];
    *event = (struct vmc_life_event){
        .task = task,
        .alternative = step % VMC_LIFE_ALTERNATIVES,
        .spawned = VMC_LIFE_NOBODY,
        .pc = run.me->pc,
    };
    if (run.me->kind == VMC_TASK_WORK && !run.me->is_started) {
        pick_up(&run);
    }
    if (run.instr->op < VMC_OP_VISIBLE) { /* went wrong before any step */
        vmc_run_flow(&run);
        if (!run.is_over) { /* it was the length of its way that was wrong */
            vmc_run_endless(&run);
        }
    } else if (!run.is_over) {
        ops[run.instr->op](&run);
    }
    event->result = run.result;
    if (run.is_over) {
        return false;
    }
    run.me->history =
        vmc_hash_fold(run.me->history + 1, value_bits(&run.result));
    if (run.instr->dst != VMC_LIFE_NOBODY) {
        run.me->locals[run.instr->dst] = run.result;
    }
    run.me->pc++;
    vmc_run_flow(&run);
    return !run.is_over;
}

/* A task that can never go on. Grace periods that are held up count too. */
static bool find_stuck(const struct vmc_life_program *program,
                       const struct vmc_life_state *state,
                       struct vmc_life_violation *violation)
{
    for (uint8_t task = 0; task < state->task_count; task++) {
        const struct vmc_life_task *me = &state->tasks[task];

        if (!me->is_done && !program->is_off[VMC_V21_NO_PROGRESS]) {
            *violation = (struct vmc_life_violation){
                .rule = VMC_V21_NO_PROGRESS,
                .task = task,
                .object = me->object,
                .generation = me->generation,
                .pc = me->pc,
            };
            return true;
        }
    }
    return false;
}

/* References that nobody can drop any more, by the tags they carry. */
static bool is_leaked(const struct vmc_life_object *object, uint8_t *tag)
{
    static const uint8_t passing[] = {3, 4, 5}; /* ioctl, cand, internal */
    bool is_vcpu = (object->flags & VMC_OBJECT_IS_VCPU) != 0;

    if (object->state == VMC_VCPU_NONE || object->state == VMC_VCPU_FREED) {
        return false;
    }
    for (size_t i = 0; i < sizeof(passing); i++) {
        if (object->tags[passing[i]] != 0) {
            *tag = passing[i];
            return true;
        }
    }
    *tag = VMC_LIFE_NOBODY;
    for (uint8_t i = 0; i < VMC_LIFE_TAGS_MAX; i++) {
        if (object->tags[i] != 0) {
            *tag = i;
        }
    }
    return object->tags[is_vcpu ? 0 : 6] == 0;
}

static bool find_leak(const struct vmc_life_state *state,
                      struct vmc_life_violation *violation)
{
    bool has_fd = state->is_vm_fd_open != 0;
    uint8_t tag;

    violation->rule = VMC_V10_LEAK;
    violation->task = VMC_LIFE_NOBODY;
    violation->object = VMC_LIFE_NOBODY;
    for (uint8_t i = 0; i < state->object_count; i++) {
        if (is_leaked(&state->objects[i], &tag)) {
            violation->object = i;
            violation->generation = state->objects[i].generation;
            violation->detail = tag;
            return true;
        }
        has_fd = has_fd || state->objects[i].tags[0] != 0;
    }
    violation->detail = VMC_LIFE_NOBODY;
    return !has_fd && state->vm_state != VMC_VM_FREED &&
           state->vm_state != VMC_VM_NONE;
}

bool vmc_life_finish(const struct vmc_life_program *program,
                     const struct vmc_life_state *state,
                     struct vmc_life_violation *violation,
                     struct vmc_life_watch *watch)
{
    (void)watch;
    *violation = (struct vmc_life_violation){0};
    if (find_stuck(program, state, violation)) {
        return false;
    }
    if (!program->is_off[VMC_V10_LEAK] && find_leak(state, violation)) {
        return false;
    }
    *violation = (struct vmc_life_violation){.task = VMC_LIFE_NOBODY,
                                             .object = VMC_LIFE_NOBODY};
    if (!program->is_off[VMC_V33_AGGREGATE] &&
        !vmc_sums_agree(program, state)) {
        violation->rule = VMC_V33_AGGREGATE;
        return false;
    }
    return true;
}

struct vmc_hash128 vmc_life_hash(const struct vmc_life_program *program,
                                 const struct vmc_life_state *state)
{
    enum { TASK_BYTES = offsetof(struct vmc_life_task, locals) };
    unsigned char bytes[sizeof(*state)];
    size_t used = offsetof(struct vmc_life_state, objects) +
                  state->object_count * sizeof(state->objects[0]);

    (void)program;
    memcpy(bytes, state, used);
    for (uint32_t task = 0; task < state->task_count; task++) {
        memcpy(bytes + used, &state->tasks[task], TASK_BYTES);
        used += TASK_BYTES;
    }
    return vmc_hash128(bytes, used, 0);
}
