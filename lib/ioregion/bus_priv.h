/* SPDX-License-Identifier: MIT */
/**
 * bus_priv.h - what a VM's buses are made of, for the files that make them;
 * and changes under one hold of slots_lock, for registrants that make several.
 */
#ifndef VMC_IOREGION_BUS_PRIV_H
#define VMC_IOREGION_BUS_PRIV_H

#include <assert.h>

#include "ioregion/bus.h"
#include "ioregion/srcu.h"

enum { VMC_BUS_VERSIONS = 8 };

struct vmc_bus_span {
    uint64_t start, end; /* end is exclusive, modulo 2^64 */
};

struct vmc_bus_entry {
    struct vmc_bus_device *device;
    uint64_t size_bytes;
};

struct vmc_bus_version {
    struct vmc_bus_span *spans;
    struct vmc_bus_entry *entries;
    uint32_t count, ioeventfd_count;
    uint32_t walks; /* that look at it */
    bool is_apart;  /* no two ranges meet, and none wraps */
};

struct vmc_bus_table {
    struct vmc_bus_version versions[VMC_BUS_VERSIONS];
    uint32_t current;
    bool is_gone;
};

struct vmc_bus_dying {
    struct vmc_bus_device *device;
    uint64_t ticket;
};

struct vmc_bus {
    struct vmc_bus_config config;
    struct vmc_bus_table tables[VMC_BUS_COUNT];
    struct vmc_srcu readers;
    uint64_t ticket; /* of the last change that waits */
    uint32_t allocations_left;
    struct vmc_bus_dying *dying;
    uint32_t dying_count;
    struct {
        uint64_t addr, size_bytes;
        struct vmc_bus_device *device;
    } fronts[VMC_BUS_FRONTS_MAX];
    uint32_t front_count;
    vmc_bus_veto_fn *veto;
    void *veto_owner;
};

/** The array that a reader sees who looks now. */
static inline const struct vmc_bus_version *
vmc_bus_current(const struct vmc_bus *bus, enum vmc_bus_index index)
{
    const struct vmc_bus_table *table = &bus->tables[index];

    assert(index < VMC_BUS_COUNT);
    return &table->versions[table->current];
}

/** The bus lets go of @device. */
static inline void vmc_bus_destroy(struct vmc_bus_device *device)
{
    if (device->ops->destroy != NULL) {
        device->ops->destroy(device);
    }
}

/** A length as it is added to an address: signed, 32 bits. */
static inline uint64_t vmc_bus_extend(int32_t len)
{
    return (uint64_t)(int64_t)len;
}

/** Where [@addr, @addr + @len) stands to @range; see bus.c. */
static inline int vmc_bus_compare(uint64_t addr, uint64_t len,
                                  const struct vmc_bus_span *range)
{
    uint64_t end = range->end == range->start ? addr : addr + len;

    if (addr < range->start) {
        return -1;
    }
    return end > range->end;
}

/** As vmc_bus_register(), with slots_lock held already. */
int vmc_bus_register_locked(struct vmc_bus *bus, enum vmc_bus_index index,
                            uint64_t addr, uint64_t size_bytes,
                            struct vmc_bus_device *device);

/**
 * As vmc_bus_unregister(), with slots_lock held already; @device is destroyed
 * in every version. To be followed by vmc_bus_reap() when the lock is let go.
 */
int vmc_bus_remove_locked(struct vmc_bus *bus, enum vmc_bus_index index,
                          struct vmc_bus_device *device);

/** Call destroy of the devices whose grace period is over. */
void vmc_bus_reap(struct vmc_bus *bus);

#endif
