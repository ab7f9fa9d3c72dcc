/* SPDX-License-Identifier: MIT */
/**
 * ipi.h - the inter-processor interrupt unit of each vCPU, with its mailboxes.
 *
 * A unit has 32 status bits, an enable mask, four mailboxes of 64 bits and one
 * pin. Implementations differ in what the mask does to the pin; see struct
 * vmc_ipi_semantics. Offsets are those of the IOCSR window at 0x1000.
 *
 * Owner    The caller's storage. struct vmc_ipi_state is plain data.
 */
#ifndef VMC_IOCSR_IPI_H
#define VMC_IOCSR_IPI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"
#include "device/state.h"

enum { VMC_IPI_VCPUS_MAX = 256, VMC_IPI_MAIL_WORDS = 8 };

/** Registers, as offsets from 0x1000. */
enum vmc_ipi_register {
    VMC_IPI_STATUS = 0x00,
    VMC_IPI_EN = 0x04,
    VMC_IPI_SET = 0x08,
    VMC_IPI_CLEAR = 0x0c,
    VMC_IPI_MAIL = 0x20, /**< eight words of 32 bits */
    VMC_IPI_MAIL_END = 0x40,
};

/** Differences D16 and D17 of spec section 15, and B-20. */
struct vmc_ipi_semantics {
    bool enable_gates_raise; /**< SET raises only for enabled bits */
    bool enable_acts;        /**< the pin follows status & enable at once */
    bool raise_needs_empty;  /**< SET raises only if status was 0 */
    bool lower_needs_enable; /**< CLEAR to 0 lowers only if enable is not 0 */
    bool set_is_dead;        /**< SET does nothing (KVM before 6.18) */
    bool line_is_separate;   /**< B-20: the pin moves after the lock is left */
};

/** One unit. */
struct vmc_ipi_unit {
    uint32_t status, enable;
    uint32_t mail[VMC_IPI_MAIL_WORDS];
    bool line;
};

/** All that a run changes. */
struct vmc_ipi_state {
    struct vmc_ipi_unit units[VMC_IPI_VCPUS_MAX];
};

/** The units of a machine. The fields are for reading. */
struct vmc_ipi {
    struct vmc_ipi_state state;
    struct vmc_ipi_semantics semantics;
    uint32_t vcpu_count;
    void (*set_pin)(void *owner, uint32_t vcpu, bool level);
    void *owner;
};

/**
 * Make all units as after power-on.
 * Owner    @owner is borrowed; @set_pin hears of the pins, may repeat a level.
 * Fails    VMC_E_RANGE.
 */
enum vmc_status
vmc_ipi_init(struct vmc_ipi *ipi, const struct vmc_ipi_semantics *semantics,
             uint32_t vcpu_count,
             void (*set_pin)(void *owner, uint32_t vcpu, bool level),
             void *owner);

/** Read the 32-bit register at @offset_bytes of @vcpu; holes read 0. */
uint32_t vmc_ipi_read(const struct vmc_ipi *ipi, uint32_t vcpu,
                      uint32_t offset_bytes);

/** Write likewise; what cannot be written is left alone. */
void vmc_ipi_write(struct vmc_ipi *ipi, uint32_t vcpu, uint32_t offset_bytes,
                   uint32_t value);

/**
 * Clear @bits of @vcpu's status in the two steps of an implementation that
 * moves the pin after it has left its lock; others may act in between.
 * Returns  true when the pin is still to be lowered, by vmc_ipi_end_clear().
 */
bool vmc_ipi_begin_clear(struct vmc_ipi *ipi, uint32_t vcpu, uint32_t bits);
void vmc_ipi_end_clear(struct vmc_ipi *ipi, uint32_t vcpu);

/** Make all units as after power-on; pins that are up are lowered. */
void vmc_ipi_reset(struct vmc_ipi *ipi);

/** Set @bits of @vcpu's status, as IPI_SEND does. */
void vmc_ipi_send(struct vmc_ipi *ipi, uint32_t vcpu, uint32_t bits);

/** Add its state to @map. */
void vmc_ipi_add_state(struct vmc_ipi *ipi, struct vmc_state_map *map);

#endif
