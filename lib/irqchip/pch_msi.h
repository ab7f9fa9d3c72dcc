/* SPDX-License-Identifier: MIT */
/**
 * pch_msi.h - the doorbell that turns message writes into vectors.
 *
 * A store raises the vector in its low byte; nothing ever lowers it. The
 * doorbell has no state.
 */
#ifndef VMC_IRQCHIP_PCH_MSI_H
#define VMC_IRQCHIP_PCH_MSI_H

#include <stdbool.h>
#include <stdint.h>

enum { VMC_MSI_WINDOW_BYTES = 8, VMC_MSI_FIRST_VECTOR = 32 };

/** The doorbell, with the ways in which implementations differ. */
struct vmc_msi {
    bool first_is_fatal;    /**< X1: a vector below the first ends QEMU */
    bool data_is_unchecked; /**< B-34: all bits of it are an index */
    /** All that a run changes. */
    struct vmc_msi_state {
        uint64_t fatal_accesses; /**< that would have ended QEMU */
        uint64_t unchecked_uses; /**< that would have hit other memory */
    } state;
    void (*set_vector)(void *owner, uint32_t vector, bool level);
    void *owner;
};

/** One piece of a store, 1 to 4 bytes of @data; 8 bytes are two pieces. */
void vmc_msi_write(struct vmc_msi *msi, uint32_t data);

#endif
