/* SPDX-License-Identifier: MIT */
/*
 * Linux 6.12, virt/kvm/coalesced_mmio.c, for all rules.
 *
 *      first            last
 *        v                v
 *     |  A  B  C  D  E  F  .  .  .  |     one entry always stays empty
 *
 * The kernel reads last from the ring too, so a VMM may move it; a value that
 * is not in the ring makes it full. It never asks whether first is.
 */
#include "ioregion/coalesced.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ioregion/bus_priv.h"

enum { PAGE_BYTES_MAX = 1 << 16, ZONES_MAX = 1 << 20 };

struct zone {
    struct vmc_bus_device device;
    struct vmc_coalesced *owner;
    struct vmc_kvm_zone range;
    bool is_used;
};

struct vmc_coalesced {
    struct vmc_bus *bus;
    struct vmc_kvm_ring *ring;
    uint32_t entry_count;
    struct zone *zones;
    uint32_t zones_max, zone_count;
};

_Static_assert(sizeof(struct vmc_kvm_zone) == 16, "as in the ABI");
_Static_assert(sizeof(struct vmc_kvm_coalesced) == 24, "as in the ABI");
_Static_assert(offsetof(struct vmc_kvm_ring, entries) == 8, "as in the ABI");

uint32_t vmc_coalesced_entry_count(uint32_t page_bytes)
{
    return (page_bytes - (uint32_t)sizeof(struct vmc_kvm_ring)) /
           (uint32_t)sizeof(struct vmc_kvm_coalesced);
}

enum vmc_status vmc_coalesced_new(struct vmc_coalesced **out,
                                  struct vmc_bus *bus, uint32_t page_bytes,
                                  uint32_t zones_max)
{
    struct vmc_coalesced *coalesced;

    *out = NULL;
    if (page_bytes < 64 || page_bytes > PAGE_BYTES_MAX || zones_max == 0 ||
        zones_max > ZONES_MAX) {
        return VMC_E_RANGE;
    }
    coalesced = calloc(1, sizeof(*coalesced));
    if (coalesced == NULL) {
        return VMC_E_NOMEM;
    }
    coalesced->bus = bus;
    coalesced->entry_count = vmc_coalesced_entry_count(page_bytes);
    coalesced->zones_max = zones_max;
    coalesced->ring = calloc(1, page_bytes);
    coalesced->zones = calloc(zones_max, sizeof(*coalesced->zones));
    if (coalesced->ring == NULL || coalesced->zones == NULL) {
        vmc_coalesced_free(coalesced);
        return VMC_E_NOMEM;
    }
    *out = coalesced;
    return VMC_OK;
}

void vmc_coalesced_free(struct vmc_coalesced *coalesced)
{
    if (coalesced != NULL) {
        free(coalesced->ring);
        free(coalesced->zones);
        free(coalesced);
    }
}

struct vmc_kvm_ring *vmc_coalesced_ring(struct vmc_coalesced *coalesced)
{
    return coalesced->ring;
}

/* Sums are of 64 bits, unlike those of the bus, but a length is an int. */
static bool holds(const struct vmc_kvm_zone *zone, uint64_t addr, int32_t len)
{
    uint64_t end = addr + (uint64_t)(uint32_t)len;

    return len >= 0 && end >= addr && addr >= zone->addr &&
           end <= zone->addr + zone->size;
}

static int zone_write(struct vmc_bus_device *device,
                      const struct vmc_bus_access *access)
{
    const struct zone *zone = VMC_CONTAINER_OF(device, struct zone, device);
    struct vmc_kvm_ring *ring = zone->owner->ring;
    uint32_t count = zone->owner->entry_count;
    uint32_t last = ring->last;
    struct vmc_kvm_coalesced *entry;

    if (!holds(&zone->range, access->addr, access->len) || last >= count ||
        (last + 1) % count == ring->first) {
        return -EOPNOTSUPP;
    }
    assert(access->len <= VMC_BUS_CHUNK_BYTES_MAX);
    entry = &ring->entries[last];
    entry->phys_addr = access->addr;
    entry->len = (uint32_t)access->len;
    entry->pio = zone->range.pio;
    memcpy(entry->data, access->data, (size_t)access->len);
    ring->last = (last + 1) % count;
    return 0;
}

static void zone_destroy(struct vmc_bus_device *device)
{
    struct zone *zone = VMC_CONTAINER_OF(device, struct zone, device);

    zone->is_used = false;
    zone->owner->zone_count--;
}

static const struct vmc_bus_ops ops = {
    .kind = "coalesced", .write = zone_write, .destroy = zone_destroy};

static int check(const struct vmc_kvm_zone *zone)
{
    if (zone == NULL) {
        return -EFAULT;
    }
    return zone->pio > 1 ? -EINVAL : 0;
}

int vmc_coalesced_register(struct vmc_coalesced *coalesced,
                           const struct vmc_kvm_zone *zone)
{
    uint32_t at = 0;
    int result = check(zone);

    if (result < 0) {
        return result;
    }
    while (at < coalesced->zones_max && coalesced->zones[at].is_used) {
        at++;
    }
    if (at == coalesced->zones_max) {
        return -ENOMEM;
    }
    if (vmc_bus_is_vetoed(coalesced->bus,
                          zone->pio == 0 ? VMC_BUS_MMIO : VMC_BUS_PIO,
                          zone->addr, zone->size, VMC_BUS_ZONE)) {
        return -EEXIST;
    }
    coalesced->zones[at] =
        (struct zone){.device = {.ops = &ops, .kind = VMC_BUS_ZONE},
                      .owner = coalesced,
                      .range = *zone};
    result = vmc_bus_register(
        coalesced->bus, zone->pio == 0 ? VMC_BUS_MMIO : VMC_BUS_PIO, zone->addr,
        zone->size, &coalesced->zones[at].device);
    if (result == 0) {
        coalesced->zones[at].is_used = true;
        coalesced->zone_count++;
    }
    return result;
}

int vmc_coalesced_unregister(struct vmc_coalesced *coalesced,
                             const struct vmc_kvm_zone *zone)
{
    int result = check(zone);

    if (result < 0) {
        return result;
    }
    if (!vmc_bus_is_quiet(coalesced->bus)) {
        return VMC_BUS_LOCKED;
    }
    for (uint32_t at = 0; at < coalesced->zones_max; at++) {
        struct zone *other = &coalesced->zones[at];

        if (other->is_used && other->range.pio == zone->pio &&
            holds(&other->range, zone->addr, (int32_t)zone->size) &&
            vmc_bus_remove_locked(coalesced->bus,
                                  zone->pio == 0 ? VMC_BUS_MMIO : VMC_BUS_PIO,
                                  &other->device) < 0) {
            break; /* the bus is gone, and all its zones with it */
        }
    }
    vmc_bus_reap(coalesced->bus);
    return 0;
}

uint32_t vmc_coalesced_zone_count(const struct vmc_coalesced *coalesced)
{
    return coalesced->zone_count;
}

bool vmc_coalesced_take(struct vmc_coalesced *coalesced,
                        struct vmc_kvm_coalesced *entry)
{
    struct vmc_kvm_ring *ring = coalesced->ring;

    if (ring->first == ring->last || ring->first >= coalesced->entry_count ||
        ring->last >= coalesced->entry_count) {
        return false;
    }
    *entry = ring->entries[ring->first];
    ring->first = (ring->first + 1) % coalesced->entry_count;
    return true;
}
