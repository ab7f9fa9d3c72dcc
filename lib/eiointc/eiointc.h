/* SPDX-License-Identifier: MIT */
/**
 * eiointc.h - the extended I/O interrupt controller of LoongArch, and its
 * virtual extension.
 *
 * 256 vectors come in; each has an enable bit, a route that names a vCPU by
 * its physical id, and a latch that remembers its input. A vector that is
 * latched and enabled is pending on one vCPU: a bit of that vCPU's status
 * register (COREISR), and a member of the set that holds up one of its pins.
 * Writing a status bit as 1 clears it.
 *
 * Implementations differ in many small ways; struct vmc_eio_semantics names
 * every difference. It is functional: what is done happens at once, in the
 * order of the calls.
 *
 * Offsets are those of the IOCSR window that starts at 0x1400.
 *
 * Owner    The caller's storage. struct vmc_eio_state is plain data.
 * Cost     An input, or a status access, is O(1).
 */
#ifndef VMC_EIOINTC_EIOINTC_H
#define VMC_EIOINTC_EIOINTC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"
#include "device/state.h"

enum {
    VMC_EIO_VECTORS = 256,
    VMC_EIO_WORDS = VMC_EIO_VECTORS / 64,
    VMC_EIO_VCPUS_MAX = 256,
    VMC_EIO_PINS = 8,
    VMC_EIO_NODES = 16,    /**< that NODETYPE can name */
    VMC_EIO_NODE_CPUS = 4, /**< of one node of the real part */
    VMC_EIO_BANKS = VMC_EIO_VCPUS_MAX / VMC_EIO_NODE_CPUS,
    VMC_EIO_NO_VCPU = 0xffff /**< no such vCPU; pending nowhere */
};

/** Register blocks, as offsets from 0x1400 (spec section 2.2). */
enum vmc_eio_register {
    VMC_EIO_NODETYPE = 0x0a0,
    VMC_EIO_IPMAP = 0x0c0,
    VMC_EIO_ENABLE = 0x200,
    VMC_EIO_BOUNCE = 0x280,
    VMC_EIO_ISR = 0x300,
    VMC_EIO_COREISR = 0x400,
    VMC_EIO_COREMAP = 0x800,
    VMC_EIO_WINDOW_BYTES = 0x900,
};

/** The virtual window at IOCSR 0x40000000, and the bits of its registers. */
enum vmc_eio_virtual {
    VMC_EIO_VIRT_FEATURES = 0,
    VMC_EIO_VIRT_CONFIG = 4,
    VMC_EIO_HAS_EXTENSION = 1 << 0,
    VMC_EIO_HAS_ENABLE = 1 << 1,
    VMC_EIO_HAS_INT_ENCODE = 1 << 2,
    VMC_EIO_HAS_CPU_ENCODE = 1 << 3,
    VMC_EIO_FEATURES_QEMU = 0xb,
};

/**
 * Which registers carry the extension. A and B were proposed in review and
 * not merged (19 and 20 Aug 2024); they do the same with other bits.
 */
enum vmc_eio_layout {
    VMC_EIO_LAYOUT_NONE,  /**< no virtual window */
    VMC_EIO_LAYOUT_FINAL, /**< FEATURES and CONFIG, bits as above */
    VMC_EIO_LAYOUT_A,     /**< one register: bit 0 has, bit 15 CPU_ENCODE */
    VMC_EIO_LAYOUT_B,     /**< two: bit 0 INT_ENCODE, bit 1 CPU_ENCODE */
};

/** What a bitmap route without a usable core bit means (D4). */
enum vmc_eio_zero_route {
    VMC_EIO_ZERO_IS_CPU0,
    VMC_EIO_ZERO_KEEPS,   /**< the old target stays */
    VMC_EIO_ZERO_INVALID, /**< K0: an index that nobody checked */
};

/** How many routes are decoded again when some are written (D11). */
enum vmc_eio_redecode {
    VMC_EIO_REDECODE_WORD,  /**< the four of the 32-bit word */
    VMC_EIO_REDECODE_WIDTH, /**< those that were written */
    VMC_EIO_REDECODE_GROUP, /**< the eight of the aligned 64-bit group */
};

/** What a restore does with the sets that hold up the pins (D25). */
enum vmc_eio_restore {
    VMC_EIO_RESTORE_FORGETS, /**< they come back empty */
    VMC_EIO_RESTORE_RAW_ID,  /**< rebuilt, the raw route byte taken as an id */
    VMC_EIO_RESTORE_RIGHT,
};

/** What a system reset clears (R1, B-41). */
enum vmc_eio_reset_kind {
    VMC_EIO_RESET_KEEPS,  /**< VIRT_CONFIG only (QEMU 10.0.2) */
    VMC_EIO_RESET_ZEROES, /**< registers, but not the sets of the pins */
    VMC_EIO_RESET_CLEARS, /**< everything */
};

/** Every way in which implementations differ. Numbers are those of the table
 * in spec section 15. */
struct vmc_eio_semantics {
    uint8_t sizes_bytes;   /**< D14: access sizes, OR-ed */
    bool splits_words;     /**< 8 bytes are two accesses of 4 */
    bool aligns_down;      /**< B-13: K0 does not look at alignment */
    bool virt_moves_words; /**< D26: any size moves 4 bytes, no window end */
    bool virt_is_always_there; /**< even with no feature to show */
    bool ack_clears_latch;     /**< D1 */
    bool isr_is_readable;      /**< D2 */
    bool has_nodes;            /**< D3, D30: registers for each 4-CPU node */
    bool rotates;              /**< D5, D6: BOUNCE means something */
    bool has_int_encode;       /**< D7 */
    bool pins_follow;        /**< B-22: a changed IPMAP moves what is pending */
    bool pins_are_checked;   /**< D7: an encoded pin above 7 is dropped */
    bool gate_is_needed;     /**< D9: nothing without EXT_IOI_EN */
    bool ids_are_looked_up;  /**< D12, D13; K0 takes an id as an index */
    bool lowers_redundantly; /**< D31 */
    bool latches_outside_lock;          /**< B-19: K0, K1 */
    enum vmc_eio_zero_route zero_route; /**< D4 */
    enum vmc_eio_redecode redecode;     /**< D11 */
    enum vmc_eio_restore restore;       /**< D25 */
    enum vmc_eio_reset_kind reset;      /**< R1, B-41 */
};

/** Names of implementations and of generations of the one in KVM. */
enum vmc_eio_implementation {
    VMC_EIO_QEMU,
    VMC_EIO_KVM_K0,
    VMC_EIO_KVM_K1,
    VMC_EIO_KVM_K2,
    VMC_EIO_KVM_K3,
    VMC_EIO_HW,
};

/** The semantics of @implementation, each field by spec section 15. */
struct vmc_eio_semantics
vmc_eio_semantics_of(enum vmc_eio_implementation implementation);

/** What happened to a vector, for whoever keeps the books. */
enum vmc_eio_event {
    VMC_EIO_PENDING,   /**< its status bit was set on vcpu */
    VMC_EIO_COALESCED, /**< it was raised while pending */
    VMC_EIO_WITHDRAWN, /**< its status bit was cleared by input or mask */
    VMC_EIO_ACKED,     /**< its status bit was cleared by the vCPU */
};

/** How the controller is joined to the rest. Both get @owner; neither is
 * optional. */
struct vmc_eio_ops {
    /** Pin @pin of @vcpu has @level; may repeat a level (D31). */
    void (*set_pin)(void *owner, uint32_t vcpu, uint32_t pin, bool level);
    void (*note)(void *owner, enum vmc_eio_event event, uint32_t vector,
                 uint32_t vcpu);
};

/** What a controller is like, and who is there. */
struct vmc_eio_config {
    struct vmc_eio_semantics semantics; /**< whose behaviour is followed */
    enum vmc_eio_layout layout;         /**< of the virtual window */
    uint32_t features;   /**< bits of VIRT_FEATURES that are offered */
    uint32_t vcpu_count; /**< 1 to VMC_EIO_VCPUS_MAX */
    uint32_t home_node;  /**< where inputs arrive, of a part with nodes */
    uint16_t physical_ids[VMC_EIO_VCPUS_MAX]; /**< by index; each below 256 */
};

/** The registers that a node of the real part has for itself. Others have
 * one set, the first. */
struct vmc_eio_bank {
    uint64_t enable[VMC_EIO_WORDS], bounce[VMC_EIO_WORDS];
    uint64_t nodetype[4]; /**< sixteen 16-bit maps */
    uint64_t ipmap;       /**< eight bytes */
    uint8_t coremap[VMC_EIO_VECTORS];
};

/** All that a run changes. */
struct vmc_eio_state {
    struct vmc_eio_bank banks[VMC_EIO_BANKS];
    uint64_t isr[VMC_EIO_WORDS];
    uint16_t target[VMC_EIO_VECTORS]; /**< decoded route: a vCPU's index */
    uint8_t rotation[VMC_EIO_VECTORS];
    uint64_t coreisr[VMC_EIO_VCPUS_MAX][VMC_EIO_WORDS];
    uint64_t holds[VMC_EIO_VCPUS_MAX][VMC_EIO_PINS][VMC_EIO_WORDS];
    uint8_t lines[VMC_EIO_VCPUS_MAX]; /**< levels of the pins */
    uint32_t status;                  /**< VIRT_CONFIG */
    bool is_gate_open;                /**< MISC_FUNC.EXT_IOI_EN */
    uint64_t unchecked_uses; /**< of an index or pin that K0 did not check */
};

/** A controller. The fields are for reading. */
struct vmc_eio {
    struct vmc_eio_state state;
    struct vmc_eio_config config;
    uint16_t index_of_id[VMC_EIO_VCPUS_MAX];
    const struct vmc_eio_ops *ops;
    void *owner;
};

/**
 * Make *@eio as after power-on.
 * Owner    @ops and @owner are borrowed for its life; @config is copied.
 * Fails    VMC_E_RANGE when a count or an id is outside its limits, or an id
 *          is given twice.
 */
enum vmc_status vmc_eio_init(struct vmc_eio *eio,
                             const struct vmc_eio_config *config,
                             const struct vmc_eio_ops *ops, void *owner);

/** A system reset: what it clears is a matter of semantics. */
void vmc_eio_reset(struct vmc_eio *eio);

/** The input of @vector has @level. Asserts @vector < VMC_EIO_VECTORS. */
void vmc_eio_set_input(struct vmc_eio *eio, uint32_t vector, bool level);

/**
 * The same in the two steps of K0 and K1, which change the latch before they
 * take their lock; somebody else may act in between.
 * Returns  true when the second step is still due: vmc_eio_end_input(). False
 *          from implementations that have only one step, which is then done.
 */
bool vmc_eio_begin_input(struct vmc_eio *eio, uint32_t vector, bool level);
void vmc_eio_end_input(struct vmc_eio *eio, uint32_t vector, bool level);

/**
 * Read @size_bytes at @offset_bytes as @vcpu.
 * Fails    VMC_E_ACCESS for a size or alignment that the implementation does
 *          not take, and for a hole; *@value is then 0.
 */
enum vmc_status vmc_eio_read(struct vmc_eio *eio, uint32_t vcpu,
                             uint32_t offset_bytes, uint32_t size_bytes,
                             uint64_t *value);

/** Write likewise; a failing write changes nothing. */
enum vmc_status vmc_eio_write(struct vmc_eio *eio, uint32_t vcpu,
                              uint32_t offset_bytes, uint32_t size_bytes,
                              uint64_t value);

/** Read the virtual window; VMC_E_ACCESS when there is none, or nothing. */
enum vmc_status vmc_eio_virt_read(struct vmc_eio *eio, uint32_t offset_bytes,
                                  uint32_t size_bytes, uint64_t *value);

/** Write the virtual window, likewise. */
enum vmc_status vmc_eio_virt_write(struct vmc_eio *eio, uint32_t offset_bytes,
                                   uint32_t size_bytes, uint64_t value);

/** VIRT_CONFIG in the bits of the final layout. */
uint32_t vmc_eio_config_bits(const struct vmc_eio *eio);

/** Write VIRT_CONFIG under its rules, in the bits of the final layout. */
void vmc_eio_write_config(struct vmc_eio *eio, uint32_t value);

/** MISC_FUNC.EXT_IOI_EN has been written (D9). */
void vmc_eio_open_gate(struct vmc_eio *eio, bool is_open);

/** The index of the vCPU that @vector goes to now. */
uint32_t vmc_eio_target(const struct vmc_eio *eio, uint32_t vector);

/** The vCPU that @vector is pending on, or VMC_EIO_NO_VCPU. */
uint32_t vmc_eio_pending_on(const struct vmc_eio *eio, uint32_t vector);

/** Do what a save and a restore do to the derived state (D25). */
void vmc_eio_restore(struct vmc_eio *eio);

/**
 * Check the invariants of spec section 3.6.
 * Returns  NULL, or which one is broken (static); *@vcpu then says where.
 */
const char *vmc_eio_check(const struct vmc_eio *eio, uint32_t *vcpu);

/** Add its state to @map. */
void vmc_eio_add_state(struct vmc_eio *eio, struct vmc_state_map *map);

#endif
