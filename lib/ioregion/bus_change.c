/* SPDX-License-Identifier: MIT */
/*
 * How a bus is changed, and when the change has returned.
 *
 * An array that a walk looks at is never changed: the change is then made in a
 * copy, as KVM always does it. Since a change waits for the readers of the one
 * before, few copies are ever needed; a kernel that does not wait when it
 * registers (6.18) can run out of them, and then there is no memory.
 */
#include <errno.h>
#include <string.h>

#include "ioregion/bus_priv.h"

static bool allocate(struct vmc_bus *bus)
{
    return bus->allocations_left == 0 || --bus->allocations_left != 0;
}

void vmc_bus_fail_allocation(struct vmc_bus *bus, uint32_t count)
{
    bus->allocations_left = count;
}

/* The array to change: the current one, or a copy when a walk looks at it.
 * NULL when all copies are looked at. */
static struct vmc_bus_version *editable(struct vmc_bus *bus,
                                        enum vmc_bus_index index)
{
    struct vmc_bus_table *table = &bus->tables[index];
    struct vmc_bus_version *now = &table->versions[table->current];

    if (now->walks == 0) {
        return now;
    }
    for (uint32_t v = 0; v < VMC_BUS_VERSIONS; v++) {
        struct vmc_bus_version *copy = &table->versions[v];

        if (copy->walks == 0) {
            memcpy(copy->spans, now->spans, now->count * sizeof(*now->spans));
            memcpy(copy->entries, now->entries,
                   now->count * sizeof(*now->entries));
            copy->count = now->count;
            copy->ioeventfd_count = now->ioeventfd_count;
            table->current = v;
            return copy;
        }
    }
    return NULL;
}

static bool is_apart(const struct vmc_bus_version *version)
{
    const struct vmc_bus_span *spans = version->spans;

    for (uint32_t at = 0; at < version->count; at++) {
        if (spans[at].end < spans[at].start ||
            (at > 0 && (spans[at].start < spans[at - 1].end ||
                        spans[at].start == spans[at - 1].start))) {
            return false;
        }
    }
    return true;
}

int vmc_bus_register_locked(struct vmc_bus *bus, enum vmc_bus_index index,
                            uint64_t addr, uint64_t size_bytes,
                            struct vmc_bus_device *device)
{
    const struct vmc_bus_version *now = vmc_bus_current(bus, index);
    struct vmc_bus_span span = {
        addr, addr + vmc_bus_extend((int32_t)(uint32_t)size_bytes)};
    struct vmc_bus_version *version;
    uint32_t at = 0;

    if (bus->tables[index].is_gone) {
        return -ENOMEM;
    }
    if (now->count - now->ioeventfd_count >= bus->config.devices_max) {
        return -ENOSPC;
    }
    if (!allocate(bus) || now->count == bus->config.ranges_max) {
        return -ENOMEM;
    }
    version = editable(bus, index);
    if (version == NULL) {
        return -ENOMEM;
    }
    while (at < version->count &&
           vmc_bus_compare(version->spans[at].start,
                           version->spans[at].end - version->spans[at].start,
                           &span) <= 0) {
        at++;
    }
    memmove(&version->spans[at + 1], &version->spans[at],
            (version->count - at) * sizeof(*version->spans));
    memmove(&version->entries[at + 1], &version->entries[at],
            (version->count - at) * sizeof(*version->entries));
    version->spans[at] = span;
    version->entries[at] = (struct vmc_bus_entry){device, size_bytes};
    version->count++;
    version->ioeventfd_count += device->kind == VMC_BUS_IOEVENTFD;
    version->is_apart = is_apart(version);
    if (bus->config.version < VMC_K6_18) {
        bus->ticket = vmc_srcu_start(&bus->readers);
    }
    return 0;
}

int vmc_bus_register(struct vmc_bus *bus, enum vmc_bus_index index,
                     uint64_t addr, uint64_t size_bytes,
                     struct vmc_bus_device *device)
{
    assert(device->kind < VMC_BUS_KIND_COUNT && device->ops != NULL);
    return vmc_bus_is_quiet(bus)
               ? vmc_bus_register_locked(bus, index, addr, size_bytes, device)
               : VMC_BUS_LOCKED;
}

void vmc_bus_reap(struct vmc_bus *bus)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < bus->dying_count; i++) {
        struct vmc_bus_dying one = bus->dying[i];

        if (vmc_bus_is_over(bus, one.ticket)) {
            vmc_bus_destroy(one.device);
        } else {
            bus->dying[kept++] = one;
        }
    }
    bus->dying_count = kept;
}

static void let_die(struct vmc_bus *bus, struct vmc_bus_device *device)
{
    assert(bus->dying_count < bus->config.ranges_max * VMC_BUS_COUNT);
    bus->dying[bus->dying_count++] =
        (struct vmc_bus_dying){device, bus->ticket};
}

/* The smaller array could not be allocated: the bus is given up. @kept lives
 * on, for the caller of the removal to destroy. */
static int drop(struct vmc_bus *bus, enum vmc_bus_index index,
                const struct vmc_bus_device *kept)
{
    struct vmc_bus_table *table = &bus->tables[index];
    const struct vmc_bus_version *version = &table->versions[table->current];

    table->is_gone = true;
    bus->ticket = vmc_srcu_start(&bus->readers);
    for (uint32_t i = 0; i < version->count; i++) {
        if (version->entries[i].device != kept) {
            let_die(bus, version->entries[i].device);
        }
    }
    return -ENOMEM;
}

static int take_off(struct vmc_bus *bus, enum vmc_bus_index index,
                    struct vmc_bus_device *device, bool is_destroyed)
{
    const struct vmc_bus_version *now = vmc_bus_current(bus, index);
    struct vmc_bus_version *version;
    uint32_t at = 0;

    if (bus->tables[index].is_gone) {
        return 0;
    }
    while (at < now->count && now->entries[at].device != device) {
        at++;
    }
    if (at == now->count) {
        return 0;
    }
    version = allocate(bus) ? editable(bus, index) : NULL;
    if (version == NULL) {
        return drop(bus, index, is_destroyed ? NULL : device);
    }
    version->count--;
    version->ioeventfd_count -= device->kind == VMC_BUS_IOEVENTFD;
    memmove(&version->spans[at], &version->spans[at + 1],
            (version->count - at) * sizeof(*version->spans));
    memmove(&version->entries[at], &version->entries[at + 1],
            (version->count - at) * sizeof(*version->entries));
    version->is_apart = is_apart(version);
    bus->ticket = vmc_srcu_start(&bus->readers);
    if (is_destroyed) {
        let_die(bus, device);
    }
    return 0;
}

int vmc_bus_remove_locked(struct vmc_bus *bus, enum vmc_bus_index index,
                          struct vmc_bus_device *device)
{
    return take_off(bus, index, device, true);
}

int vmc_bus_unregister(struct vmc_bus *bus, enum vmc_bus_index index,
                       struct vmc_bus_device *device)
{
    int result;

    if (!vmc_bus_is_quiet(bus)) {
        return VMC_BUS_LOCKED;
    }
    result = take_off(bus, index, device, bus->config.version >= VMC_K6_12);
    vmc_bus_reap(bus);
    return result;
}

/* ---- Readers ------------------------------------------------------------ */

uint32_t vmc_bus_enter(struct vmc_bus *bus)
{
    return vmc_srcu_enter(&bus->readers);
}

void vmc_bus_leave(struct vmc_bus *bus, uint32_t reader)
{
    vmc_srcu_leave(&bus->readers, reader);
    if (bus->dying_count != 0) {
        vmc_bus_reap(bus);
    }
}

uint64_t vmc_bus_ticket(const struct vmc_bus *bus)
{
    return bus->ticket;
}

bool vmc_bus_is_over(const struct vmc_bus *bus, uint64_t ticket)
{
    return vmc_srcu_is_over(&bus->readers, ticket);
}

bool vmc_bus_is_quiet(const struct vmc_bus *bus)
{
    return vmc_bus_is_over(bus, bus->ticket);
}
