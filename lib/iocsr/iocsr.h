/* SPDX-License-Identifier: MIT */
/**
 * iocsr.h - the IOCSR bus: which register answers an access of a vCPU.
 *
 *     0x0 - 0x427         identity, features, MISC_FUNC
 *     0x1000 - 0x115f     IPI unit of the vCPU; IPI_SEND, MAIL_SEND, ANY_SEND
 *     0x1400 - 0x1cff     EIOINTC
 *     0x40000000 - ...    virtual window of the EIOINTC
 *
 * Bus and EIOINTC meet through an ops table. An access never faults: what no
 * register takes reads 0 and writes nothing. Some accesses end QEMU 10.0.2
 * itself (spec "operations that end QEMU"); they are counted and do nothing.
 *
 * Owner    The caller's storage. struct vmc_iocsr_state is plain data.
 */
#ifndef VMC_IOCSR_IOCSR_H
#define VMC_IOCSR_IOCSR_H

#include "device/state.h"
#include "iocsr/ipi.h"

/** Addresses of the space (spec section 2.2). */
enum vmc_iocsr_address {
    VMC_IOCSR_VERSION = 0x0,
    VMC_IOCSR_FEATURES = 0x8,
    VMC_IOCSR_VENDOR = 0x10,
    VMC_IOCSR_CPUNAME = 0x20,
    VMC_IOCSR_MISC_FUNC = 0x420,
    VMC_IOCSR_MISC_END = 0x428,
    VMC_IOCSR_IPI = 0x1000,
    VMC_IOCSR_IPI_SEND = 0x1040,
    VMC_IOCSR_MAIL_SEND = 0x1048,
    VMC_IOCSR_EXT_IOI_SEND = 0x1140,
    VMC_IOCSR_ANY_SEND = 0x1158,
    VMC_IOCSR_IPI_END = 0x1160,
    VMC_IOCSR_EXTIOI = 0x1400,
    VMC_IOCSR_EXTIOI_END = 0x1d00,
    VMC_IOCSR_VIRT = 0x40000000,
    VMC_IOCSR_VIRT_END = 0x40001000,
};

/** What FEATURES says (spec section 2.3). */
enum vmc_iocsr_features {
    VMC_IOCSR_FEATURES_TCG = 0x1c,
    VMC_IOCSR_FEATURES_KVM = 0x81c,
    VMC_IOCSR_FEATURES_HW = 0x3ff,
    VMC_IOCSR_FEATURES_MESSAGES = 0x8000,
};

/** Differences D9, D14, D15, D26 to D28 of spec section 15, and B-28. */
struct vmc_iocsr_semantics {
    uint64_t features;        /**< value of FEATURES */
    bool narrow_is_refused;   /**< 1 and 2 bytes reach no register */
    bool extends_sign;        /**< D15: narrow reads */
    bool misc_is_stored;      /**< MISC_FUNC: bits as written (HW) */
    bool misc_is_absent;      /**< in-kernel chip: reads 0, ignores writes */
    bool has_ext_ioi_send;    /**< D27 */
    bool sends_take_any_size; /**< MAIL_SEND and ANY_SEND (KVM) */
    bool has_fatal_accesses;  /**< QEMU 10.0.2 aborts on some */
    bool blocking_waits;      /**< D28: bit 31 of a command holds its sender */
    bool is_in_kernel;        /**< what nobody claims goes to user space */
    bool errors_go_to_user;   /**< B-28: K0 to K2 hand their refusals on */
    bool aligns_down;         /**< B-13: K0 does not look at alignment */
    bool mask_is_ignored;     /**< B-8: MAIL_SEND and ANY_SEND of old QEMU */
    bool reset_keeps_units;   /**< R1: IPI units and mailboxes of QEMU */
    bool has_messages;        /**< MISC_FUNC.AVEC_EN exists, and sticks */
    struct vmc_ipi_semantics ipi; /**< those of the IPI units */
};

/** The EIOINTC as the bus sees it. All get @owner. */
struct vmc_iocsr_ops {
    /** Offsets from 0x1400; VMC_E_ACCESS and a value of 0 when refused. */
    enum vmc_status (*extioi_read)(void *owner, uint32_t vcpu, uint32_t offset,
                                   uint32_t size_bytes, uint64_t *value);
    enum vmc_status (*extioi_write)(void *owner, uint32_t vcpu, uint32_t offset,
                                    uint32_t size_bytes, uint64_t value);
    /** Offsets from 0x40000000. */
    uint64_t (*virt_read)(void *owner, uint32_t offset, uint32_t size_bytes);
    void (*virt_write)(void *owner, uint32_t offset, uint32_t size_bytes,
                       uint64_t value);
    bool (*has_virt)(void *owner);
    /** VIRT_CONFIG, for MISC_FUNC mirrors it. */
    uint32_t (*virt_config)(void *owner);
    void (*write_virt_config)(void *owner, uint32_t value);
    /** MISC_FUNC.EXT_IOI_EN of a part that stores it. */
    void (*open_gate)(void *owner, bool is_open);
    /** EXT_IOI_send: set a vector. */
    void (*set_vector)(void *owner, uint32_t vector);
};

/** All that a run changes, but for the IPI units. */
struct vmc_iocsr_state {
    uint64_t misc;           /**< of a part that stores it */
    uint64_t fatal_accesses; /**< that would have ended QEMU */
    uint64_t user_accesses;  /**< that an in-kernel chip sent to user space */
};

/** The bus of a machine. The fields are for reading. */
struct vmc_iocsr {
    struct vmc_iocsr_state state;
    struct vmc_iocsr_semantics semantics;
    struct vmc_ipi ipi;
    const struct vmc_iocsr_ops *ops;
    void *owner;
    uint16_t index_of_id[VMC_IPI_VCPUS_MAX];
};

/** The semantics that QEMU 10.0.2 has under TCG. */
struct vmc_iocsr_semantics vmc_iocsr_semantics_qemu(void);
/** KVM with its in-kernel controllers, generation K@generation, 0 to 3. */
struct vmc_iocsr_semantics vmc_iocsr_semantics_kvm(uint32_t generation);
/** The manual's. */
struct vmc_iocsr_semantics vmc_iocsr_semantics_hw(void);

/**
 * Make the bus and the IPI units of @vcpu_count vCPUs as after power-on.
 * Owner    @ops, @owner are borrowed; @physical_ids is copied.
 * Fails    VMC_E_RANGE.
 */
enum vmc_status
vmc_iocsr_init(struct vmc_iocsr *bus,
               const struct vmc_iocsr_semantics *semantics, uint32_t vcpu_count,
               const uint16_t *physical_ids, const struct vmc_iocsr_ops *ops,
               void (*set_ipi_pin)(void *owner, uint32_t vcpu, bool level),
               void *owner);

/**
 * Read @size_bytes at @address as @vcpu. Never fails.
 * Returns  the bytes, not extended; vmc_iocsr_extend() does that.
 */
uint64_t vmc_iocsr_read(struct vmc_iocsr *bus, uint32_t vcpu, uint64_t address,
                        uint32_t size_bytes);

/** Write likewise. Bits of @value beyond the size are ignored. */
void vmc_iocsr_write(struct vmc_iocsr *bus, uint32_t vcpu, uint64_t address,
                     uint32_t size_bytes, uint64_t value);

/**
 * Whether the sender of command @value at @address waits until it is carried
 * out (D28). What that costs is a matter of time, not of this model.
 */
bool vmc_iocsr_waits(const struct vmc_iocsr *bus, uint64_t address,
                     uint64_t value);

/** A system reset; the IPI units of QEMU 10.0.2 keep their state (R1). */
void vmc_iocsr_reset(struct vmc_iocsr *bus);

/** What a vCPU's register holds after a read of @size_bytes gave @value. */
uint64_t vmc_iocsr_extend(const struct vmc_iocsr *bus, uint64_t value,
                          uint32_t size_bytes);

/** Add its state to @map. */
void vmc_iocsr_add_state(struct vmc_iocsr *bus, struct vmc_state_map *map);

#endif
