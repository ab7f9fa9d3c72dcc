/* SPDX-License-Identifier: MIT */
/* What a step touches, so that an explorer can tell which steps commute.
 *
 * Two steps of different tasks depend on each other when they share a
 * resource, unless both only read it or both commute. Enabledness is a
 * dependency too: a grace period may end only when sections have closed, so
 * both touch RCU; an item may only start when those before it have ended. */
#include "vcpu/life_priv.h"

/* Resources; those of an object are 8 apart. */
enum {
    RES_RCU = 1,
    RES_LIST,
    RES_VM,
    RES_VM_COUNT,
    RES_ONLINE,
    RES_TEXT,
    RES_EPOCH,
    RES_SLOTS,
    RES_SPAWN,
    RES_LOST,
    RES_SRCU = 16,
    RES_QUEUE = 24,
    RES_LOCK = 32,
    RES_SHARED = 64,
    RES_OBJECT = 128,
    RES_COUNT = 0, /* offsets inside an object */
    RES_BODY = 1,
    RES_HEAD = 2,
    RES_GUEST = 3,
    RES_FIELD = 4,
};

struct footprint {
    struct vmc_life_access *accesses;
    uint32_t count;
};

static void touch(struct footprint *print, uint32_t resource,
                  enum vmc_access_mode mode)
{
    for (uint32_t i = 0; i < print->count; i++) {
        if (print->accesses[i].resource == resource) {
            if (print->accesses[i].mode != mode) {
                print->accesses[i].mode = VMC_MODE_WRITE;
            }
            return;
        }
    }
    assert(print->count < VMC_LIFE_ACCESSES_MAX);
    print->accesses[print->count].resource = (uint16_t)resource;
    print->accesses[print->count++].mode = (uint16_t)mode;
}

static uint8_t object_of(const struct vmc_life_task *me,
                         const struct vmc_life_operand *operand)
{
    struct vmc_life_value value = {0};

    switch (operand->kind) {
    case VMC_OPERAND_OBJECT:
        return operand->index;
    case VMC_OPERAND_LOCAL:
        value = me->locals[operand->index];
        break;
    case VMC_OPERAND_MUTEX:
    case VMC_OPERAND_FIELD:
    case VMC_OPERAND_ID:
        if (!operand->base_is_local) {
            return operand->base;
        }
        value = me->locals[operand->base];
        break;
    default:
        break;
    }
    return value.kind == VMC_VALUE_OBJECT ? value.index : VMC_LIFE_NOBODY;
}

static void touch_object(struct footprint *print, uint8_t object,
                         uint32_t offset, enum vmc_access_mode mode)
{
    if (object != VMC_LIFE_NOBODY) {
        touch(print, RES_OBJECT + object * 8U + offset, mode);
    }
}

static void touch_shared(struct footprint *print,
                         const struct vmc_life_task *me,
                         const struct vmc_life_operand *operand,
                         enum vmc_access_mode mode)
{
    uint32_t resource = (uint32_t)RES_SHARED + operand->index;

    if (operand->kind == VMC_OPERAND_SHARED_AT) {
        const struct vmc_life_value *at = &me->locals[operand->value];
        uint32_t offset = at->generation;

        if (offset < operand->base) {
            resource += offset;
        }
    }
    if (operand->kind == VMC_OPERAND_FIELD) {
        uint8_t object = object_of(me, operand);

        touch_object(print, object, RES_BODY, VMC_MODE_READ);
        touch_object(print, object, RES_FIELD + operand->index, mode);
        return;
    }
    touch(print, resource, mode);
}

static void touch_lock(struct footprint *print, const struct vmc_life_task *me,
                       const struct vmc_life_operand *operand)
{
    uint32_t lock = operand->index;

    if (operand->kind == VMC_OPERAND_MUTEX) {
        uint8_t object = object_of(me, operand);

        touch_object(print, object, RES_BODY, VMC_MODE_READ);
        lock = VMC_LIFE_DECLARED_LOCKS_MAX +
               (object != VMC_LIFE_NOBODY ? object : 0);
    }
    touch(print, RES_LOCK + lock, VMC_MODE_WRITE);
}

/* Operations on the object in operand a. */
static void object_op(struct footprint *print, uint8_t op, uint8_t object)
{
    touch_object(print, object, RES_BODY,
                 op == VMC_OP_FREE ? VMC_MODE_WRITE : VMC_MODE_READ);
    switch (op) {
    case VMC_OP_GET:
    case VMC_OP_INC:
    case VMC_OP_DEC:
    case VMC_OP_FD_INSTALL:
        touch_object(print, object, RES_COUNT, VMC_MODE_WRITE);
        break;
    case VMC_OP_DELIVER:
        touch_object(print, object, RES_COUNT, VMC_MODE_READ);
        touch(print, RES_LOST, VMC_MODE_COMMUTES);
        break;
    case VMC_OP_NEXT:
        touch(print, RES_LIST, VMC_MODE_READ);
        break;
    case VMC_OP_LIST_ADD:
    case VMC_OP_LIST_ADD_TAIL:
    case VMC_OP_LIST_DEL:
        touch(print, RES_LIST, VMC_MODE_WRITE);
        touch(print, RES_VM, VMC_MODE_READ); /* who else is alive */
        touch_object(print, object, RES_COUNT, VMC_MODE_READ);
        break;
    case VMC_OP_CALL_RCU:
        touch_object(print, object, RES_HEAD, VMC_MODE_WRITE);
        touch(print, RES_RCU, VMC_MODE_WRITE);
        touch(print, RES_SPAWN, VMC_MODE_WRITE);
        break;
    case VMC_OP_CALL_SRCU:
        touch_object(print, object, RES_HEAD, VMC_MODE_WRITE);
        touch(print, RES_SPAWN, VMC_MODE_WRITE);
        break;
    case VMC_OP_GUEST_ENTER:
        touch_object(print, object, RES_COUNT, VMC_MODE_READ);
        touch_object(print, object, RES_GUEST, VMC_MODE_WRITE);
        touch(print, RES_EPOCH, VMC_MODE_READ);
        break;
    case VMC_OP_GUEST_EXIT:
    case VMC_OP_KICK:
        touch_object(print, object, RES_GUEST, VMC_MODE_WRITE);
        touch(print, RES_EPOCH, VMC_MODE_READ);
        break;
    case VMC_OP_FREE:
        touch(print, RES_VM, VMC_MODE_WRITE);
        touch_object(print, object, RES_HEAD, VMC_MODE_WRITE);
        break;
    default:
        break;
    }
}

static void work_op(struct footprint *print, const struct vmc_life_task *me,
                    const struct vmc_life_instr *instr, uint8_t object)
{
    switch (instr->op) {
    case VMC_OP_GRACE:
        touch(print,
              me->wait_kind == VMC_WAIT_SRCU ? (uint32_t)RES_SRCU + me->queue
                                             : (uint32_t)RES_RCU,
              VMC_MODE_WRITE);
        touch_object(print, me->object, RES_HEAD, VMC_MODE_WRITE);
        touch(print, RES_QUEUE, VMC_MODE_WRITE);
        touch(print, RES_SPAWN, VMC_MODE_WRITE);
        touch(print, RES_TEXT, VMC_MODE_READ);
        break;
    case VMC_OP_QUEUE:
        touch(print, RES_SPAWN, VMC_MODE_WRITE);
        touch_object(print, object, RES_BODY, VMC_MODE_READ);
        touch_object(print, object, RES_HEAD, VMC_MODE_WRITE);
        touch(print,
              RES_QUEUE +
                  (instr->c.kind == VMC_OPERAND_QUEUE ? instr->c.index : 0U),
              VMC_MODE_WRITE);
        break;
    case VMC_OP_BARRIER:
        touch(print, RES_RCU, VMC_MODE_WRITE);
        break;
    case VMC_OP_FLUSH:
        touch(print, RES_QUEUE + instr->a.index, VMC_MODE_WRITE);
        break;
    default: /* VMC_OP_MODULE_EXIT */
        touch(print, RES_TEXT, VMC_MODE_WRITE);
        break;
    }
}

static void section_op(struct footprint *print,
                       const struct vmc_life_instr *instr)
{
    switch (instr->op) {
    case VMC_OP_RCU_LOCK:
    case VMC_OP_RCU_UNLOCK:
    case VMC_OP_PREEMPT_OFF:
    case VMC_OP_PREEMPT_ON:
        touch(print, RES_RCU, VMC_MODE_COMMUTES);
        break;
    case VMC_OP_SYNC_START:
    case VMC_OP_SYNC_END:
        touch(print, RES_RCU, VMC_MODE_WRITE);
        break;
    case VMC_OP_SRCU_LOCK:
    case VMC_OP_SRCU_UNLOCK:
        touch(print, RES_SRCU + instr->a.index, VMC_MODE_COMMUTES);
        break;
    default: /* VMC_OP_SSYNC_START, VMC_OP_SSYNC_END */
        touch(print, RES_SRCU + instr->a.index, VMC_MODE_WRITE);
        break;
    }
}

static void machine_op(struct footprint *print,
                       const struct vmc_life_instr *instr, uint8_t object)
{
    switch (instr->op) {
    case VMC_OP_FIRST:
    case VMC_OP_LIST_INIT:
        touch(print, RES_VM, VMC_MODE_READ);
        touch(print, RES_LIST,
              instr->op == VMC_OP_FIRST ? VMC_MODE_READ : VMC_MODE_WRITE);
        break;
    case VMC_OP_VM_GET:
    case VMC_OP_VM_PUT:
    case VMC_OP_VM_DROP:
    case VMC_OP_VM_FREE:
    case VMC_OP_VM_CREATE:
        touch(print, RES_VM_COUNT, VMC_MODE_WRITE);
        touch(print, RES_VM, VMC_MODE_WRITE);
        break;
    case VMC_OP_ALLOC:
        touch(print, RES_SLOTS, VMC_MODE_WRITE);
        touch(print, RES_VM, VMC_MODE_WRITE);
        break;
    case VMC_OP_ONLINE_ADD:
        touch(print, RES_ONLINE, VMC_MODE_WRITE);
        break;
    case VMC_OP_TRANSLATE:
    case VMC_OP_FLUSHED:
        touch(print, RES_EPOCH, VMC_MODE_WRITE);
        break;
    default:
        break;
    }
    (void)object;
}

/* A step that brings its task to rcu_barrier or flush looks there at what is
 * pending, so it depends on what is queued. */
static void arrival(struct footprint *print,
                    const struct vmc_life_program *program,
                    const struct vmc_life_instr *instr)
{
    if ((instr->flag & VMC_ARRIVES_AT_BARRIER) != 0) {
        touch(print, RES_RCU, VMC_MODE_WRITE);
        touch(print, RES_SPAWN, VMC_MODE_READ);
    }
    for (uint32_t i = 0;
         (instr->flag & VMC_ARRIVES_AT_FLUSH) != 0 && i < program->queue_count;
         i++) {
        touch(print, RES_QUEUE + i, VMC_MODE_WRITE);
    }
}

uint32_t vmc_life_footprint(const struct vmc_life_program *program,
                            const struct vmc_life_state *state, uint32_t task,
                            struct vmc_life_access *accesses)
{
    const struct vmc_life_task *me = &state->tasks[task];
    const struct vmc_life_instr *instr = &program->code[me->pc];
    struct footprint print = {.accesses = accesses};
    uint8_t object;

    if (me->is_done) {
        return 0;
    }
    object = object_of(me, &instr->a);
    if (instr->guard != 0) {
        touch(&print, RES_SHARED + instr->guard - 1U, VMC_MODE_READ);
    }
    if (me->kind == VMC_TASK_WORK) { /* its end may let others go on */
        touch(&print, RES_QUEUE + (uint32_t)me->queue,
              program->queue_is_single[me->queue] ? VMC_MODE_WRITE
                                                  : VMC_MODE_READ);
        if (!me->is_started) {
            touch(&print, RES_TEXT, VMC_MODE_READ);
        }
    }
    arrival(&print, program, instr);
    if (instr->op <= VMC_OP_SRCU_UNLOCK ||
        (instr->op >= VMC_OP_SYNC_START && instr->op <= VMC_OP_SSYNC_END) ||
        instr->op == VMC_OP_PREEMPT_OFF || instr->op == VMC_OP_PREEMPT_ON) {
        section_op(&print, instr);
    } else if (instr->op == VMC_OP_SLEEP) {
        for (uint32_t i = 0; i < VMC_LIFE_READERS_MAX; i++) {
            if (me->readers[i] != 0) {
                touch(&print, RES_SRCU + (me->readers[i] - 1U) / 2,
                      VMC_MODE_READ);
            }
        }
    } else if (instr->op == VMC_OP_LOCK || instr->op == VMC_OP_UNLOCK) {
        touch_lock(&print, me, &instr->a);
        if (instr->op == VMC_OP_UNLOCK &&
            instr->a.index == program->online_lock) {
            touch(&print, RES_LIST, VMC_MODE_READ);
            touch(&print, RES_ONLINE, VMC_MODE_READ);
        }
        if (program->is_consolidated && instr->a.kind == VMC_OPERAND_LOCK) {
            touch(&print, RES_RCU, VMC_MODE_COMMUTES);
        }
    } else if (instr->op == VMC_OP_LOAD) {
        touch_shared(&print, me, &instr->a, VMC_MODE_READ);
    } else if (instr->op >= VMC_OP_STORE && instr->op <= VMC_OP_ADD) {
        touch_shared(&print, me, &instr->a, VMC_MODE_WRITE);
    } else if (instr->op == VMC_OP_QUEUE || instr->op == VMC_OP_BARRIER ||
               instr->op == VMC_OP_FLUSH || instr->op == VMC_OP_GRACE ||
               instr->op == VMC_OP_MODULE_EXIT) {
        work_op(&print, me, instr, object);
    } else if (instr->op == VMC_OP_FD_INSTALL) {
        object_op(&print, instr->op, object);
        if (instr->b.kind != VMC_OPERAND_NONE) {
            touch_shared(&print, me, &instr->b, VMC_MODE_WRITE);
        }
    } else if (instr->op == VMC_OP_CALL_SRCU) {
        object_op(&print, instr->op, object);
        touch(&print, RES_SRCU + (uint32_t)instr->b.index, VMC_MODE_WRITE);
    } else {
        if (instr->op < VMC_OP_VM_GET || instr->op > VMC_OP_VM_CREATE) {
            object_op(&print, instr->op, object);
        }
        machine_op(&print, instr, object);
    }
    return print.count;
}
