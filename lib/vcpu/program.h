/* SPDX-License-Identifier: MIT */
/**
 * program.h - what a scenario file compiles to: constant while runs go on.
 *
 * A scenario is compiled for one of its variants and one setting of its
 * parameters; docs/scenarios.md is the manual of the language. Procedures are
 * expanded in place, conditions on the variant are settled while compiling,
 * so a program is straight code with jumps.
 */
#ifndef VMC_VCPU_PROGRAM_H
#define VMC_VCPU_PROGRAM_H

#include "base/base.h"
#include "vcpu/life.h"
#include "vcpu/rules.h"

enum {
    VMC_LIFE_NAME_BYTES = 40,
    VMC_LIFE_TITLE_BYTES = 128,
    VMC_LIFE_CODE_MAX = 4096,
    VMC_LIFE_VARIANTS_MAX = 16,
    VMC_LIFE_FLAGS_MAX = 48,
    VMC_LIFE_PARAMS_MAX = 8,
    VMC_LIFE_HANDLERS_MAX = 8,
};

/** The operations; program.c has their words and shapes. */
enum vmc_life_op {
    /* Control flow: part of the step before it. */
    VMC_OP_END,
    VMC_OP_JUMP,
    VMC_OP_JUMP_FALSE, /**< a */
    VMC_OP_JUMP_TRUE,
    VMC_OP_COMPARE, /**< dst = a (flag: == != < <=) b */
    VMC_OP_MOVE,
    VMC_OP_POISON,
    VMC_OP_PLUS, /**< dst = a + b */
    VMC_OP_FAIL, /**< rule in flag, a is the object or nothing */
    VMC_OP_VISIBLE,
    /* Visible operations. */
    VMC_OP_RCU_LOCK = VMC_OP_VISIBLE,
    VMC_OP_RCU_UNLOCK,
    VMC_OP_SRCU_LOCK,
    VMC_OP_SRCU_UNLOCK,
    VMC_OP_LOCK,
    VMC_OP_UNLOCK,
    VMC_OP_FIRST,
    VMC_OP_NEXT,
    VMC_OP_GET,
    VMC_OP_INC,
    VMC_OP_DEC,
    VMC_OP_USE,
    VMC_OP_LIST_ADD,
    VMC_OP_LIST_ADD_TAIL,
    VMC_OP_LIST_DEL,
    VMC_OP_LIST_INIT,
    VMC_OP_CALL_RCU,
    VMC_OP_CALL_SRCU,
    VMC_OP_QUEUE,
    VMC_OP_FREE,
    VMC_OP_VM_GET,
    VMC_OP_VM_PUT,
    VMC_OP_VM_DROP, /**< put without destroying; VM_FREE does that */
    VMC_OP_VM_FREE,
    VMC_OP_VM_CREATE,
    VMC_OP_LOAD,
    VMC_OP_STORE,
    VMC_OP_SWAP,
    VMC_OP_ADD,
    VMC_OP_SYNC_START,
    VMC_OP_SYNC_END,
    VMC_OP_SSYNC_START,
    VMC_OP_SSYNC_END,
    VMC_OP_BARRIER,
    VMC_OP_FLUSH,
    VMC_OP_PREEMPT_OFF,
    VMC_OP_PREEMPT_ON,
    VMC_OP_SLEEP,
    VMC_OP_ALLOC,
    VMC_OP_FD_INSTALL,
    VMC_OP_ONLINE_ADD,
    VMC_OP_GUEST_ENTER,
    VMC_OP_GUEST_EXIT,
    VMC_OP_TRANSLATE,
    VMC_OP_KICK,
    VMC_OP_FLUSHED,
    VMC_OP_MODULE_EXIT,
    VMC_OP_DELIVER,
    VMC_OP_CHOOSE, /**< dst = the alternative; a of them */
    VMC_OP_GRACE,  /**< the one operation of a grace period */
    VMC_OP_COUNT
};

/** What an operand names. */
enum vmc_operand_kind {
    VMC_OPERAND_NONE,
    VMC_OPERAND_LOCAL,  /**< index */
    VMC_OPERAND_OBJECT, /**< index, as declared */
    VMC_OPERAND_INT,    /**< value */
    VMC_OPERAND_NULL,
    VMC_OPERAND_ID,    /**< the id of the object in base */
    VMC_OPERAND_LOCK,  /**< index */
    VMC_OPERAND_MUTEX, /**< that of the vCPU in base */
    VMC_OPERAND_SHARED,
    VMC_OPERAND_SHARED_AT, /**< index + the local value, below limit */
    VMC_OPERAND_FIELD,     /**< field index of the object in base */
    VMC_OPERAND_TAG,
    VMC_OPERAND_DOMAIN,
    VMC_OPERAND_QUEUE,
    VMC_OPERAND_HANDLER,
    VMC_OPERAND_VM_FD
};

/** What an operation works on. */
struct vmc_life_operand {
    uint8_t kind; /**< enum vmc_operand_kind */
    uint8_t index;
    uint8_t base_is_local; /**< else base is a declared object */
    uint8_t base;          /**< for ID, MUTEX and FIELD; limit of SHARED_AT */
    int16_t value;
};

/** One instruction, which is one visible step or none. */
struct vmc_life_instr {
    uint8_t op;  /**< enum vmc_life_op */
    uint8_t dst; /**< local, or VMC_LIFE_NOBODY */
    uint8_t flag;
    uint8_t guard; /**< shared pointer that must be set, plus 1 */
    uint16_t target;
    uint16_t line; /**< 0 in a built-in procedure */
    uint16_t column;
    struct vmc_life_operand a, b, c;
};

/** Where the invisible code behind a visible operation can lead. */
enum vmc_arrival { VMC_ARRIVES_AT_BARRIER = 1, VMC_ARRIVES_AT_FLUSH = 2 };

/** How two numbers are compared. */
enum vmc_compare { VMC_EQ, VMC_NE, VMC_LT, VMC_LE };

/** What the file says must come out for one variant. */
struct vmc_life_variant {
    char name[VMC_LIFE_NAME_BYTES];
    uint64_t rules; /**< any of these must be found, a bit each */
    uint64_t notes; /**< each of these must be noted */
    bool must_pass;
    bool is_open; /**< the file says nothing about it */
};

/** What is declared of a shared variable. */
enum vmc_shared_flag {
    VMC_SHARED_OWNS = 1,   /**< the pointer owns a reference */
    VMC_SHARED_IS_INT = 2, /**< a number, not a pointer */
    VMC_SHARED_IS_SUM = 4, /**< must equal the sum of a field */
    VMC_SHARED_LASTS = 8,  /**< what it names lives as long as the VM */
};

/** Models of interrupt controllers that a scenario can name. */
enum vmc_life_controller {
    VMC_LIFE_NO_CONTROLLER,
    VMC_LIFE_QEMU,
    VMC_LIFE_KVM,
    VMC_LIFE_HW
};

/** A compiled scenario. The fields are for reading. */
struct vmc_life_program {
    char path[256];
    char name[VMC_LIFE_NAME_BYTES];
    char title[VMC_LIFE_TITLE_BYTES];
    struct vmc_life_variant variants[VMC_LIFE_VARIANTS_MAX];
    uint32_t variant_count;
    uint32_t variant; /**< the one it is compiled for */
    char flags[VMC_LIFE_FLAGS_MAX][VMC_LIFE_NAME_BYTES];
    uint32_t flag_count;
    char params[VMC_LIFE_PARAMS_MAX][VMC_LIFE_NAME_BYTES];
    int32_t param_values[VMC_LIFE_PARAMS_MAX];
    uint32_t param_count;
    uint8_t classes[VMC_RULE_COUNT]; /**< enum vmc_rule_class, or off */
    uint8_t is_off[VMC_RULE_COUNT];

    struct vmc_life_instr code[VMC_LIFE_CODE_MAX];
    uint32_t code_count;
    uint16_t task_entries[VMC_LIFE_TASKS_MAX];
    uint8_t task_cpus[VMC_LIFE_TASKS_MAX];
    char task_names[VMC_LIFE_TASKS_MAX][VMC_LIFE_NAME_BYTES];
    uint32_t task_count, tasks_limit;
    uint16_t handler_entries[VMC_LIFE_HANDLERS_MAX];
    char handler_names[VMC_LIFE_HANDLERS_MAX][VMC_LIFE_NAME_BYTES];
    uint32_t handler_count;
    uint16_t grace_pc; /**< where spawned grace periods stand */

    char lock_names[VMC_LIFE_DECLARED_LOCKS_MAX][VMC_LIFE_NAME_BYTES];
    uint8_t lock_is_spin[VMC_LIFE_DECLARED_LOCKS_MAX];
    uint32_t lock_count;
    char shared_names[VMC_LIFE_SHARED_MAX][VMC_LIFE_NAME_BYTES];
    uint8_t shared_flags[VMC_LIFE_SHARED_MAX]; /**< enum vmc_shared_flag */
    uint8_t shared_sums[VMC_LIFE_SHARED_MAX];  /**< the field summed */
    uint32_t shared_count;
    char field_names[VMC_LIFE_FIELDS_MAX][VMC_LIFE_NAME_BYTES];
    uint32_t field_count;
    char domain_names[VMC_LIFE_DOMAINS_MAX][VMC_LIFE_NAME_BYTES];
    uint32_t domain_count;
    char queue_names[VMC_LIFE_QUEUES_MAX][VMC_LIFE_NAME_BYTES];
    uint8_t queue_is_single[VMC_LIFE_QUEUES_MAX];
    uint32_t queue_count; /**< queue 0 is the system's */
    char object_names[VMC_LIFE_OBJECTS_MAX][VMC_LIFE_NAME_BYTES];
    uint32_t object_count;
    uint8_t online_lock;  /**< under which online changes, or NOBODY */
    uint8_t zombies_max;  /**< 0 for no limit */
    uint8_t stall_s;      /**< a wait this long is a stall */
    bool is_id_unique;    /**< no zombie may have the id of a live one */
    bool is_consolidated; /**< preemption off is a read section too */
    bool is_unchecked;    /**< skip what only rules need: for benchmarks */
    bool is_unordered;    /**< callbacks of a CPU may overtake */
    uint8_t controller;   /**< enum vmc_life_controller; for whoever has it */
    bool saturates;       /**< counts are of the refcount_t kind */

    struct vmc_life_state start;
};

/** A setting that replaces what the file says, as name and number. */
struct vmc_life_setting {
    const char *name;
    int32_t value;
};

/** How a scenario is to be compiled. Strings are borrowed for the call. */
struct vmc_life_config {
    const char *variant;      /**< NULL is the first one of the file */
    const char *const *flags; /**< more switches to turn on, as "D05" */
    uint32_t flag_count;      /**< how many switches */
    const struct vmc_life_setting *params; /**< values other than its own */
    uint32_t param_count;                  /**< how many values */
};

/**
 * Compile the scenario file @path.
 * Owner    *@out is the caller's, for vmc_life_program_free(); NULL on
 *          failure.
 * Fails    VMC_E_IO, VMC_E_NOMEM; VMC_E_FORMAT with "FILE:LINE:COLUMN: what"
 *          in @error; VMC_E_USAGE for an unknown variant or parameter;
 *          VMC_E_RANGE for one beyond the limits of a model.
 */
enum vmc_status vmc_life_compile(struct vmc_life_program **out,
                                 const char *path,
                                 const struct vmc_life_config *config,
                                 struct vmc_error *error);

/** The same for a scenario in memory; @path is its name in messages. */
enum vmc_status vmc_life_compile_text(struct vmc_life_program **out,
                                      const char *path, const char *text,
                                      const struct vmc_life_config *config,
                                      struct vmc_error *error);

/** Free @program. NULL is allowed. */
void vmc_life_program_free(struct vmc_life_program *program);

/**
 * True when what was found is what the file expects of the variant: a pass
 * for @rule 0, else one of the rules it names.
 */
bool vmc_life_is_expected(const struct vmc_life_program *program,
                          enum vmc_rule rule);

/** True when @watch has noted every warning that the file asks for. */
bool vmc_life_are_notes_expected(const struct vmc_life_program *program,
                                 const struct vmc_life_watch *watch);

/**
 * The worst note of @watch: a rule of class fatal that was told over many
 * runs (V15, V17, V24). NULL when there is none.
 */
const struct vmc_life_violation *
vmc_life_worst_note(const struct vmc_life_program *program,
                    const struct vmc_life_watch *watch);

/** The word and shape of @op; see program.c. */
const char *vmc_life_op_word(enum vmc_life_op op);
const char *vmc_life_op_shape(enum vmc_life_op op);

#endif
