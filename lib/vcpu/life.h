/* SPDX-License-Identifier: MIT */
/**
 * life.h - a VM, its vCPUs and the tasks that use them, one visible step at a
 * time.
 *
 * A program (program.h) is what a scenario file compiles to; it never changes.
 * Everything that a run changes is one struct vmc_life_state: plain data
 * without a pointer, so that copying the bytes is a snapshot and comparing
 * them is comparing states. At every moment some tasks can make a step; who
 * goes next is the caller's choice, and that is the only freedom there is.
 *
 * Grace periods here are as weak as they may be ("engine P"): one may end at
 * any moment once every read section that was open when it was asked for has
 * closed. Ends of grace periods, callbacks and work items are tasks of their
 * own, so a caller can put them off as long as it likes.
 *
 * Rules are checked in every step. Some can only be told over many runs (lock
 * order) or are warnings; those are noted in a struct vmc_life_watch.
 *
 * Units    A step is one visible operation with all the invisible control flow
 *          up to the next one.
 * Owner    The caller owns states and watches; nothing is allocated here.
 * Threads  A program may be shared; a state and a watch may not.
 */
#ifndef VMC_VCPU_LIFE_H
#define VMC_VCPU_LIFE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/hash.h"
#include "vcpu/rules.h"

struct vmc_life_program;

/** Limits of a model; larger scenarios are refused with their line. */
enum {
    VMC_LIFE_TASKS_MAX = 20, /**< declared and spawned together */
    VMC_LIFE_OBJECTS_MAX = 8,
    VMC_LIFE_LOCKS_MAX = 16, /**< declared ones, then a mutex each vCPU */
    VMC_LIFE_DECLARED_LOCKS_MAX = 8,
    VMC_LIFE_SHARED_MAX = 12,
    VMC_LIFE_LOCALS_MAX = 12,
    VMC_LIFE_TAGS_MAX = 8,
    VMC_LIFE_FIELDS_MAX = 3,
    VMC_LIFE_DOMAINS_MAX = 4,
    VMC_LIFE_READERS_MAX = 3, /**< SRCU readers a task has open at once */
    VMC_LIFE_QUEUES_MAX = 4,
    VMC_LIFE_STEPS_MAX = 32,    /**< enabled at once */
    VMC_LIFE_ACCESSES_MAX = 16, /**< resources that one step touches */
    VMC_LIFE_ALTERNATIVES = 8,  /**< of one data choice */
    VMC_LIFE_NOBODY = 0xff,     /**< no object, no task */
};

/** The main state of a vCPU; the order is that of a life. */
enum vmc_vcpu_state {
    VMC_VCPU_NONE,
    VMC_VCPU_ALLOC,
    VMC_VCPU_READY,
    VMC_VCPU_EXPOSED, /**< its fd is installed, it is on no list yet */
    VMC_VCPU_LISTED,
    VMC_VCPU_DYING, /**< the count fell to 0 */
    VMC_VCPU_UNLISTED,
    VMC_VCPU_GPWAIT,
    VMC_VCPU_CBDONE,
    VMC_VCPU_ZAPPING,
    VMC_VCPU_FREED
};

/** From being made to being freed. */
enum vmc_vm_state {
    VMC_VM_NONE,
    VMC_VM_BUILD,
    VMC_VM_LIVE,
    VMC_VM_ORPHAN, /**< its fd is closed, somebody still uses it */
    VMC_VM_FREED
};

/** What a value is. A local that nobody has written is VMC_VALUE_POISON. */
enum vmc_value_kind {
    VMC_VALUE_POISON,
    VMC_VALUE_NULL,
    VMC_VALUE_OBJECT,
    VMC_VALUE_INT
};

/** Why a task may touch the object that a value names. */
enum vmc_proof {
    VMC_PROOF_NONE,
    VMC_PROOF_RCU,  /**< found in the section numbered serial */
    VMC_PROOF_SRCU, /**< found under SRCU domain by */
    VMC_PROOF_LOCK, /**< found under lock by */
    VMC_PROOF_OWNER /**< not published yet, or named by the scenario */
};

/** A token: a handle and what makes it good. Also an integer or nothing. */
struct vmc_life_value {
    uint8_t kind;        /**< enum vmc_value_kind */
    uint8_t index;       /**< of the object */
    uint16_t generation; /**< of the object, or the bits of an int16_t */
    uint8_t proof;       /**< enum vmc_proof */
    uint8_t by;          /**< lock or domain */
    uint8_t tag;         /**< reference held through this token, plus 1 */
    uint8_t serial;      /**< of the section */
};

/** What is true of an object. */
enum vmc_object_flag {
    VMC_OBJECT_IS_VCPU = 1,
    VMC_OBJECT_ON_LIST = 2,
    VMC_OBJECT_HEAD_QUEUED = 4,
    VMC_OBJECT_WORK_QUEUED = 8,
    VMC_OBJECT_USES_VM = 16, /**< owns one of the VM's users */
    VMC_OBJECT_IN_GUEST = 32,
    VMC_OBJECT_WAS_LISTED = 64,
    VMC_OBJECT_LOADED = 128,
};

/** The VM or one of its vCPUs. */
struct vmc_life_object {
    uint16_t generation;
    uint16_t flags; /**< enum vmc_object_flag, OR-ed */
    int16_t count;
    int16_t id;
    uint8_t state;  /**< enum vmc_vcpu_state */
    uint8_t epoch;  /**< the translation that a guest has seen */
    uint8_t next;   /**< kept when it leaves the list, as RCU demands */
    uint8_t loader; /**< task that has it loaded, plus 1 */
    uint16_t next_generation;
    uint16_t pad;
    uint8_t tags[VMC_LIFE_TAGS_MAX]; /**< references by who they are for */
    struct vmc_life_value fields[VMC_LIFE_FIELDS_MAX];
};

/** Where a task comes from. */
enum vmc_task_kind {
    VMC_TASK_PROGRAM, /**< declared in the scenario */
    VMC_TASK_GRACE,   /**< a grace period and its callback */
    VMC_TASK_WORK     /**< a work item */
};

/** What the bits of a task's wait stand for. */
enum vmc_wait_kind {
    VMC_WAIT_NONE,
    VMC_WAIT_RCU,  /**< tasks inside a read section */
    VMC_WAIT_SRCU, /**< task * VMC_LIFE_READERS_MAX + reader */
    VMC_WAIT_ITEMS /**< tasks that must end */
};

/** Where a task stands. */
struct vmc_life_task {
    uint64_t history; /**< hash of all results it has been given */
    uint64_t wait;    /**< who it waits for: tasks, readers or items */
    uint16_t locks;   /**< held, one bit each */
    uint16_t pc;
    uint8_t kind;    /**< enum vmc_task_kind */
    uint8_t object;  /**< the subject of a spawned task */
    uint8_t cpu;     /**< where its callbacks queue */
    uint8_t queue;   /**< of a work item, plus 1; 0 is the system's */
    int8_t nest;     /**< depth of RCU sections */
    uint8_t serial;  /**< of the last outermost section */
    uint8_t atomic;  /**< preemption or interrupts switched off, depth */
    uint8_t is_done; /**< ran to its end */
    uint8_t readers[VMC_LIFE_READERS_MAX]; /**< domain * 2 + index + 1 */
    uint8_t handler;     /**< of a grace period: the work it will start */
    uint8_t wait_kind;   /**< enum vmc_wait_kind: what wait means */
    uint8_t spawner;     /**< task that started it */
    uint16_t generation; /**< of its subject when it was spawned */
    uint16_t loaded;     /**< shared variables read in this operation */
    uint8_t is_started;  /**< a work item that has been picked up */
    uint8_t pad[3];
    struct vmc_life_value locals[VMC_LIFE_LOCALS_MAX];
};

/** All that a run changes. Compare and hash with the calls below. */
struct vmc_life_state {
    uint8_t task_count;
    uint8_t list_head;
    uint8_t is_list_ready;
    uint8_t vm_state; /**< enum vmc_vm_state */
    int16_t vm_users;
    int16_t vm_online;
    uint16_t list_head_generation;
    uint8_t epoch;       /**< of the guest's translations */
    uint8_t domain_flip; /**< current reader index, a bit each domain */
    uint8_t is_text_gone;
    uint8_t object_count;
    uint8_t is_vm_fd_open;
    uint8_t lost_count; /**< interrupts that went to a dying vCPU */
    uint8_t owners[VMC_LIFE_LOCKS_MAX]; /**< task plus 1 */
    struct vmc_life_value shared[VMC_LIFE_SHARED_MAX];
    struct vmc_life_object objects[VMC_LIFE_OBJECTS_MAX];
    struct vmc_life_task tasks[VMC_LIFE_TASKS_MAX];
};

/** A broken rule, and where. */
struct vmc_life_violation {
    uint8_t rule;        /**< enum vmc_rule; 0 when none */
    uint8_t task;        /**< who broke it, or VMC_LIFE_NOBODY */
    uint8_t object;      /**< or VMC_LIFE_NOBODY */
    uint8_t detail;      /**< a lock, a tag: what the rule is about */
    uint16_t generation; /**< of the object, when it was meant */
    uint16_t pc;
};

/** What a step did: for schedule files, reports and pictures. */
struct vmc_life_event {
    uint8_t task;
    uint8_t alternative;
    uint8_t spawned; /**< task that it started, or VMC_LIFE_NOBODY */
    uint8_t pad;
    uint16_t pc;
    uint16_t pad2;
    struct vmc_life_value subject; /**< object it acted on, or poison */
    struct vmc_life_value result;  /**< what it gave back, or poison */
    struct vmc_life_violation violation;
};

/** How a step touches a resource. */
enum vmc_access_mode {
    VMC_MODE_READ,
    VMC_MODE_WRITE,
    VMC_MODE_COMMUTES /**< with others of its like, not with the two above */
};

/** One resource that a step touches; numbers differ for different things. */
struct vmc_life_access {
    uint16_t resource;
    uint16_t mode; /**< enum vmc_access_mode */
};

enum { VMC_LIFE_NODES_MAX = 32, VMC_LIFE_NOTES_MAX = 64 };

/**
 * What is noted beside the runs of one scenario: broken rules that do not end
 * a run, and the order in which locks and waits follow one another, over all
 * runs. Zeroed memory is an empty watch.
 */
struct vmc_life_watch {
    uint32_t edges[VMC_LIFE_NODES_MAX]; /**< bit j of i: j wanted under i */
    uint32_t note_count;
    uint32_t near_misses; /**< gets that failed on a dead object */
    uint16_t written[VMC_LIFE_TASKS_MAX]; /**< shared pointers, by task */
    uint16_t reread[VMC_LIFE_TASKS_MAX];  /**< read twice in an operation */
    struct vmc_life_violation notes[VMC_LIFE_NOTES_MAX]; /**< each once */
};

/** Bytes of a state that runs of @program use; the rest stays zero. */
size_t vmc_life_state_bytes(const struct vmc_life_program *program);

/** Put the start of @program into *@state. */
void vmc_life_start(const struct vmc_life_program *program,
                    struct vmc_life_state *state);

/**
 * List the steps that can be made: task * VMC_LIFE_ALTERNATIVES + alternative.
 * Order    by task, declared ones first, spawned ones as they were spawned.
 * Returns  how many, at most VMC_LIFE_STEPS_MAX.
 */
uint32_t vmc_life_enabled(const struct vmc_life_program *program,
                          const struct vmc_life_state *state, uint16_t *steps);

/**
 * Make @step. *@event says what it did; @watch may be NULL.
 * Returns  false when a fatal rule was broken; the state is then of no use.
 * Asserts  @step is enabled.
 */
bool vmc_life_step(const struct vmc_life_program *program,
                   struct vmc_life_state *state, uint16_t step,
                   struct vmc_life_event *event, struct vmc_life_watch *watch);

/**
 * Judge a state in which nothing is enabled: deadlock, leaks, what is left.
 * Returns  false with *@violation filled when a rule is broken.
 */
bool vmc_life_finish(const struct vmc_life_program *program,
                     const struct vmc_life_state *state,
                     struct vmc_life_violation *violation,
                     struct vmc_life_watch *watch);

/**
 * What the next step of @task, enabled or not, touches.
 * Returns  how many accesses; 0 when the task has ended.
 */
uint32_t vmc_life_footprint(const struct vmc_life_program *program,
                            const struct vmc_life_state *state, uint32_t task,
                            struct vmc_life_access *accesses);

/** A hash that two states share when the model cannot tell them apart. */
struct vmc_hash128 vmc_life_hash(const struct vmc_life_program *program,
                                 const struct vmc_life_state *state);

/** The task's name, as "gp(A)" for a spawned one. Returns @text. */
const char *vmc_life_task_name(const struct vmc_life_program *program,
                               const struct vmc_life_state *state,
                               uint32_t task, char *text, size_t bytes);

/** "A#1", "null", "3", "-" for nothing. Returns @text. */
const char *vmc_life_value_name(const struct vmc_life_program *program,
                                const struct vmc_life_value *value, char *text,
                                size_t bytes);

/** The word that the scenario uses for the operation at @pc. */
const char *vmc_life_op_name(const struct vmc_life_program *program,
                             uint16_t pc);

/** What @step will do in @state, as the scenario would write it with values in
 * place of names: "get A#1 cand". Returns @text. */
const char *vmc_life_step_text(const struct vmc_life_program *program,
                               const struct vmc_life_state *state,
                               uint16_t step, char *text, size_t bytes);

/** Whom references tagged @tag are for: "fd". Asserts it is one. */
const char *vmc_life_tag_name(uint32_t tag);

/** Line in the scenario of the operation at @pc; 0 in a built-in procedure. */
uint32_t vmc_life_line(const struct vmc_life_program *program, uint16_t pc);

/** One line for a person: what was broken, by whom, on what. */
const char *vmc_life_describe(const struct vmc_life_program *program,
                              const struct vmc_life_state *state,
                              const struct vmc_life_violation *violation,
                              char *text, size_t bytes);

#endif
