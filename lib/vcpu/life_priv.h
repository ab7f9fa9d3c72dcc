/* SPDX-License-Identifier: MIT */
/**
 * life_priv.h - one step while it is being made, and who carries it out.
 *
 * Operations are split by subject: sections.c (read sections and grace
 * periods), locks.c, objects.c (references, the list, shared variables),
 * work.c (callbacks and queues), machine.c (the VM and its guests). flow.c
 * runs the invisible instructions in between.
 */
#ifndef VMC_VCPU_LIFE_PRIV_H
#define VMC_VCPU_LIFE_PRIV_H

#include "vcpu/life.h"
#include "vcpu/program.h"

/** A step in the making. */
struct vmc_run {
    const struct vmc_life_program *program;
    struct vmc_life_state *state;
    struct vmc_life_watch *watch; /**< or NULL */
    struct vmc_life_event *event;
    struct vmc_life_task *me;
    const struct vmc_life_instr *instr;
    uint8_t task;
    bool is_over; /**< a fatal rule was broken */
    struct vmc_life_value result;
};

/** Nodes of the graph of what is wanted while what is held. */
enum {
    VMC_NODE_VCPU_MUTEX = VMC_LIFE_DECLARED_LOCKS_MAX, /**< one class */
    VMC_NODE_SRCU = 16,
    VMC_NODE_RCU = 20,
    VMC_NODE_QUEUE = 24,
};

/** Detail of V21 when a scenario outgrows the model. */
enum { VMC_DETAIL_NO_ROOM = 0xfe };

typedef void vmc_op_fn(struct vmc_run *run);

/** Note that @rule is broken; ends the run if it is fatal. */
void vmc_run_break(struct vmc_run *run, enum vmc_rule rule, uint8_t object,
                   uint8_t detail);

/** Add the edge @held -> @wanted to the watch; a cycle breaks a rule. */
void vmc_run_order(struct vmc_run *run, uint8_t held, uint8_t wanted);
/** The same from everything that the running task holds. */
void vmc_run_order_all(struct vmc_run *run, uint8_t wanted);

/** What @operand stands for. Reading poison breaks V31. */
struct vmc_life_value vmc_run_value(struct vmc_run *run,
                                    const struct vmc_life_operand *operand);
/**
 * The object that @operand names, checked for life and for a token.
 * Returns  NULL when the run is over.
 */
struct vmc_life_object *vmc_run_object(struct vmc_run *run,
                                       const struct vmc_life_operand *operand);
uint8_t vmc_run_lock(struct vmc_run *run,
                     const struct vmc_life_operand *operand);
/** The variable or field that @operand names; NULL when the run is over. */
struct vmc_life_value *vmc_run_shared(struct vmc_run *run,
                                      const struct vmc_life_operand *operand);

/** Run invisible instructions of run->me up to the next visible one. */
void vmc_run_flow(struct vmc_run *run);
/** End the run: its task goes round without a visible operation. Breaks V21,
 * also where that is off, for such a run cannot go on. */
void vmc_run_endless(struct vmc_run *run);

/** A token for object @index as run->me has found it just now. */
struct vmc_life_value vmc_run_token(const struct vmc_run *run, uint8_t index,
                                    uint16_t generation);
struct vmc_life_value vmc_value_int(int16_t value);
bool vmc_value_truth(const struct vmc_life_value *value);

bool vmc_may_sleep(const struct vmc_life_program *program,
                   const struct vmc_life_task *task);
bool vmc_holds_spinlock(const struct vmc_life_program *program,
                        const struct vmc_life_task *task);
/** Break V05 if run->me may not sleep here. */
void vmc_run_might_sleep(struct vmc_run *run);
/** Tasks inside a read section, a bit each. */
uint64_t vmc_reader_mask(const struct vmc_life_program *program,
                         const struct vmc_life_state *state);
/** Readers of SRCU @domain: task * VMC_LIFE_READERS_MAX + reader. */
uint64_t vmc_srcu_mask(const struct vmc_life_state *state, uint8_t domain);
/** After run->me closed something: it may be no reader any more. */
void vmc_reader_closed(struct vmc_run *run);

/** Start a task; returns its number or NOBODY when there is no room. */
uint8_t vmc_run_spawn(struct vmc_run *run, enum vmc_task_kind kind,
                      uint8_t object, uint16_t pc);
/** Whether grace period or item @task must still wait for its turn. */
bool vmc_is_behind(const struct vmc_life_program *program,
                   const struct vmc_life_state *state, uint32_t task);
/** What a task that has arrived at rcu_barrier or flush waits for. */
void vmc_run_arrive(struct vmc_run *run);

/** Fill in the tasks of program->start and run them to their first step. */
void vmc_life_set_start(struct vmc_life_program *program);

uint32_t vmc_zombie_count(const struct vmc_life_state *state);
bool vmc_sums_agree(const struct vmc_life_program *program,
                    const struct vmc_life_state *state);

vmc_op_fn vmc_op_rcu_lock, vmc_op_rcu_unlock, vmc_op_srcu_lock,
    vmc_op_srcu_unlock, vmc_op_sync_start, vmc_op_sync_end, vmc_op_ssync_start,
    vmc_op_ssync_end, vmc_op_preempt_off, vmc_op_preempt_on, vmc_op_sleep;
vmc_op_fn vmc_op_lock, vmc_op_unlock;
vmc_op_fn vmc_op_first, vmc_op_next, vmc_op_get, vmc_op_inc, vmc_op_dec,
    vmc_op_use, vmc_op_list_add, vmc_op_list_add_tail, vmc_op_list_del,
    vmc_op_list_init, vmc_op_free, vmc_op_load, vmc_op_store, vmc_op_swap,
    vmc_op_add;
vmc_op_fn vmc_op_call_rcu, vmc_op_call_srcu, vmc_op_grace, vmc_op_queue,
    vmc_op_barrier, vmc_op_flush, vmc_op_module_exit;
vmc_op_fn vmc_op_vm_get, vmc_op_vm_put, vmc_op_vm_drop, vmc_op_vm_free,
    vmc_op_vm_create, vmc_op_alloc, vmc_op_fd_install, vmc_op_online_add,
    vmc_op_guest_enter, vmc_op_guest_exit, vmc_op_translate, vmc_op_kick,
    vmc_op_flushed, vmc_op_deliver, vmc_op_choose;

#endif
