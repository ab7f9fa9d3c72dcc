/* SPDX-License-Identifier: MIT */
/**
 * coalesced.h - guest writes that are put into a ring, for the VMM to find.
 *
 * Zones on the MMIO and PIO buses of a VM share one ring, which lies in memory
 * that the VMM sees: it moves first, the kernel moves last, and neither trusts
 * the other. A zone that cannot take a write lets it go on to the next
 * candidate, or to user space.
 *
 * Errors   Negative numbers of <errno.h>.
 * Threads  One VM, one thread. Nothing is allocated after the _new().
 */
#ifndef VMC_IOREGION_COALESCED_H
#define VMC_IOREGION_COALESCED_H

#include <stdint.h>

#include "base/base.h"
#include "ioregion/bus.h"

enum {
    VMC_COALESCED_REGISTER = 0x4010ae67, /**< words of the two ioctls */
    VMC_COALESCED_UNREGISTER = 0x4010ae68
};

/** What the ioctls take: struct kvm_coalesced_mmio_zone, 16 bytes. */
struct vmc_kvm_zone {
    uint64_t addr;
    uint32_t size;
    uint32_t pio; /**< 0 or 1 */
};

/** One write in the ring: struct kvm_coalesced_mmio, 24 bytes. */
struct vmc_kvm_coalesced {
    uint64_t phys_addr;
    uint32_t len;
    uint32_t pio;
    uint8_t data[8]; /**< beyond @len: what an older write left there */
};

/** The ring, as it lies in memory: struct kvm_coalesced_mmio_ring. */
struct vmc_kvm_ring {
    uint32_t first, last;
    struct vmc_kvm_coalesced entries[];
};

struct vmc_coalesced;

/** How many entries a ring of one page has. */
uint32_t vmc_coalesced_entry_count(uint32_t page_bytes);

/**
 * Make a VM's ring of @page_bytes, empty, and room for @zones_max zones.
 * Owner    @bus is borrowed for its life.
 * Fails    VMC_E_RANGE, VMC_E_NOMEM; *@out is then NULL.
 */
enum vmc_status vmc_coalesced_new(struct vmc_coalesced **out,
                                  struct vmc_bus *bus, uint32_t page_bytes,
                                  uint32_t zones_max);

/** Free it. NULL is allowed. Order: after vmc_bus_free(). */
void vmc_coalesced_free(struct vmc_coalesced *coalesced);

/**
 * The ring, to be read and written like the VMM does: @page_bytes of plain
 * data, which is all that accesses change.
 */
struct vmc_kvm_ring *vmc_coalesced_ring(struct vmc_coalesced *coalesced);

/**
 * Add a zone; NULL stands for memory that cannot be read.
 * Returns  0; -EFAULT; -EINVAL when pio is neither 0 nor 1; -ENOMEM; what
 *          vmc_bus_register() says. Nothing else is looked at.
 */
int vmc_coalesced_register(struct vmc_coalesced *coalesced,
                           const struct vmc_kvm_zone *zone);

/**
 * Remove every zone of that bus that holds all of @zone.
 * Returns  0, also when there was none; -EFAULT; -EINVAL; VMC_BUS_LOCKED.
 */
int vmc_coalesced_unregister(struct vmc_coalesced *coalesced,
                             const struct vmc_kvm_zone *zone);

/** How many zones there are. */
uint32_t vmc_coalesced_zone_count(const struct vmc_coalesced *coalesced);

/**
 * Take the oldest entry out, as a careful VMM does.
 * Returns  false when the ring is empty, or its indices are not in it.
 */
bool vmc_coalesced_take(struct vmc_coalesced *coalesced,
                        struct vmc_kvm_coalesced *entry);

#endif
