/* SPDX-License-Identifier: MIT */
/* The words of the language and what each takes.
 *
 * A shape has a letter for each argument: v a token, n any value, s a shared
 * variable or a field, l a lock, t a tag, d an SRCU domain, q a work queue,
 * h a work procedure, f "fd" or a token. A '?' makes what follows optional, a
 * '>' at the end says that the operation gives a result.
 */
#include "vcpu/program.h"

#include <stdlib.h>

static const struct {
    const char *word, *shape;
} words[VMC_OP_COUNT] = {
    [VMC_OP_END] = {"end", ""},
    [VMC_OP_JUMP] = {"jump", ""},
    [VMC_OP_JUMP_FALSE] = {"jump_false", ""},
    [VMC_OP_JUMP_TRUE] = {"jump_true", ""},
    [VMC_OP_COMPARE] = {"compare", ""},
    [VMC_OP_MOVE] = {"move", ""},
    [VMC_OP_POISON] = {"poison", ""},
    [VMC_OP_PLUS] = {"plus", ""},
    [VMC_OP_FAIL] = {"fail", ""},
    [VMC_OP_RCU_LOCK] = {"rcu_lock", ""},
    [VMC_OP_RCU_UNLOCK] = {"rcu_unlock", ""},
    [VMC_OP_SRCU_LOCK] = {"srcu_lock", "d>"},
    [VMC_OP_SRCU_UNLOCK] = {"srcu_unlock", "d?n"},
    [VMC_OP_LOCK] = {"lock", "l"},
    [VMC_OP_UNLOCK] = {"unlock", "l"},
    [VMC_OP_FIRST] = {"first", ">"},
    [VMC_OP_NEXT] = {"next", "v>"},
    [VMC_OP_GET] = {"get", "vt>"},
    [VMC_OP_INC] = {"inc", "vt"},
    [VMC_OP_DEC] = {"dec", "vt>"},
    [VMC_OP_USE] = {"use", "v"},
    [VMC_OP_LIST_ADD] = {"list_add", "v"},
    [VMC_OP_LIST_ADD_TAIL] = {"list_add_tail", "v"},
    [VMC_OP_LIST_DEL] = {"list_del", "v"},
    [VMC_OP_LIST_INIT] = {"list_init", ""},
    [VMC_OP_CALL_RCU] = {"call_rcu", "v?h"},
    [VMC_OP_CALL_SRCU] = {"call_srcu", "vd?h"},
    [VMC_OP_QUEUE] = {"queue_work", "vh?q>"},
    [VMC_OP_FREE] = {"free", "v"},
    [VMC_OP_VM_GET] = {"vm_get", "f"},
    [VMC_OP_VM_PUT] = {"vm_put", "f>"},
    [VMC_OP_VM_DROP] = {"vm_drop", "f>"},
    [VMC_OP_VM_FREE] = {"vm_free", ""},
    [VMC_OP_VM_CREATE] = {"vm_create", ""},
    [VMC_OP_LOAD] = {"load", "s>"},
    [VMC_OP_STORE] = {"store", "sn"},
    [VMC_OP_SWAP] = {"swap", "sn>"},
    [VMC_OP_ADD] = {"add", "sn>"},
    [VMC_OP_SYNC_START] = {"sync_rcu", ""},
    [VMC_OP_SYNC_END] = {"sync_rcu_end", ""},
    [VMC_OP_SSYNC_START] = {"sync_srcu", "d"},
    [VMC_OP_SSYNC_END] = {"sync_srcu_end", "d"},
    [VMC_OP_BARRIER] = {"rcu_barrier", ""},
    [VMC_OP_FLUSH] = {"flush", "q"},
    [VMC_OP_PREEMPT_OFF] = {"preempt_off", ""},
    [VMC_OP_PREEMPT_ON] = {"preempt_on", ""},
    [VMC_OP_SLEEP] = {"sleep", "?n"},
    [VMC_OP_ALLOC] = {"alloc", "n>"},
    [VMC_OP_FD_INSTALL] = {"fd_install", "v?s"},
    [VMC_OP_ONLINE_ADD] = {"online_add", "n>"},
    [VMC_OP_GUEST_ENTER] = {"guest_enter", "v"},
    [VMC_OP_GUEST_EXIT] = {"guest_exit", "v"},
    [VMC_OP_TRANSLATE] = {"translate", ""},
    [VMC_OP_KICK] = {"kick", "v"},
    [VMC_OP_FLUSHED] = {"flushed", ""},
    [VMC_OP_MODULE_EXIT] = {"module_exit", ""},
    [VMC_OP_DELIVER] = {"deliver", "v"},
    [VMC_OP_CHOOSE] = {"choose", ""},
    [VMC_OP_GRACE] = {"gp", ""},
};

bool vmc_life_are_notes_expected(const struct vmc_life_program *program,
                                 const struct vmc_life_watch *watch)
{
    uint64_t missing = program->variants[program->variant].notes;

    for (uint32_t i = 0; i < watch->note_count; i++) {
        missing &= ~(UINT64_C(1) << watch->notes[i].rule);
    }
    return missing == 0;
}

const struct vmc_life_violation *
vmc_life_worst_note(const struct vmc_life_program *program,
                    const struct vmc_life_watch *watch)
{
    for (uint32_t i = 0; i < watch->note_count; i++) {
        if (program->classes[watch->notes[i].rule] == VMC_RULE_FATAL) {
            return &watch->notes[i];
        }
    }
    return NULL;
}

const char *vmc_life_op_word(enum vmc_life_op op)
{
    assert(op < VMC_OP_COUNT);
    return words[op].word;
}

const char *vmc_life_op_shape(enum vmc_life_op op)
{
    assert(op < VMC_OP_COUNT);
    return words[op].shape;
}

void vmc_life_program_free(struct vmc_life_program *program)
{
    free(program);
}

bool vmc_life_is_expected(const struct vmc_life_program *program,
                          enum vmc_rule rule)
{
    const struct vmc_life_variant *variant =
        &program->variants[program->variant];

    if (variant->is_open) {
        return true;
    }
    if (rule == VMC_RULE_NONE) {
        return variant->must_pass;
    }
    return !variant->must_pass &&
           (variant->rules == 0 || (variant->rules >> rule & 1) != 0);
}
