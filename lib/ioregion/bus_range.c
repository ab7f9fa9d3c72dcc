/* SPDX-License-Identifier: MIT */
/* What stands on a bus, and the bytes of an access as a number. */
#include "ioregion/bus_priv.h"

uint32_t vmc_bus_range_count(const struct vmc_bus *bus,
                             enum vmc_bus_index index)
{
    return vmc_bus_is_gone(bus, index) ? 0 : vmc_bus_current(bus, index)->count;
}

uint32_t vmc_bus_ioeventfd_count(const struct vmc_bus *bus,
                                 enum vmc_bus_index index)
{
    return vmc_bus_is_gone(bus, index)
               ? 0
               : vmc_bus_current(bus, index)->ioeventfd_count;
}

struct vmc_bus_range vmc_bus_range(const struct vmc_bus *bus,
                                   enum vmc_bus_index index, uint32_t at)
{
    const struct vmc_bus_version *version = vmc_bus_current(bus, index);

    assert(at < version->count);
    return (struct vmc_bus_range){
        .addr = version->spans[at].start,
        .size_bytes = version->entries[at].size_bytes,
        .len = (int32_t)(uint32_t)version->entries[at].size_bytes,
        .device = version->entries[at].device};
}

static bool overlap(uint64_t first_addr, uint64_t first_bytes,
                    uint64_t second_addr, uint64_t second_bytes)
{
    uint64_t first_room = UINT64_MAX - first_addr;
    uint64_t second_room = UINT64_MAX - second_addr;
    uint64_t first_last, second_last;

    if (first_bytes == 0 || second_bytes == 0) {
        return false;
    }
    first_last = first_addr +
                 (first_bytes - 1 < first_room ? first_bytes - 1 : first_room);
    second_last =
        second_addr +
        (second_bytes - 1 < second_room ? second_bytes - 1 : second_room);
    return first_addr <= second_last && second_addr <= first_last;
}

bool vmc_bus_overlaps(const struct vmc_bus *bus, enum vmc_bus_index index,
                      uint64_t addr, uint64_t size_bytes, uint32_t kinds,
                      uint64_t zero_bytes, struct vmc_bus_range *found)
{
    uint32_t count = vmc_bus_range_count(bus, index);
    uint32_t fronts = index == VMC_BUS_MMIO ? bus->front_count : 0;

    for (uint32_t i = 0; i < count + fronts; i++) {
        struct vmc_bus_range range;

        if (i < count) {
            range = vmc_bus_range(bus, index, i);
        } else {
            range = (struct vmc_bus_range){
                .addr = bus->fronts[i - count].addr,
                .size_bytes = bus->fronts[i - count].size_bytes,
                .device = bus->fronts[i - count].device};
        }
        if ((kinds & 1U << range.device->kind) != 0 &&
            overlap(addr, size_bytes == 0 ? zero_bytes : size_bytes, range.addr,
                    range.size_bytes == 0 ? zero_bytes : range.size_bytes)) {
            if (found != NULL) {
                *found = range;
            }
            return true;
        }
    }
    return false;
}

void vmc_bus_set_veto(struct vmc_bus *bus, vmc_bus_veto_fn *veto, void *owner)
{
    bus->veto = veto;
    bus->veto_owner = owner;
}

bool vmc_bus_is_vetoed(const struct vmc_bus *bus, enum vmc_bus_index index,
                       uint64_t addr, uint64_t size_bytes,
                       enum vmc_bus_kind kind)
{
    return bus->veto != NULL &&
           bus->veto(bus->veto_owner, index, addr, size_bytes, kind);
}

void vmc_bus_add_front(struct vmc_bus *bus, uint64_t addr, uint64_t size_bytes,
                       struct vmc_bus_device *device)
{
    assert(bus->front_count < VMC_BUS_FRONTS_MAX);
    bus->fronts[bus->front_count].addr = addr;
    bus->fronts[bus->front_count].size_bytes = size_bytes;
    bus->fronts[bus->front_count++].device = device;
}

struct vmc_bus_device *vmc_bus_front_at(const struct vmc_bus *bus,
                                        uint64_t addr, int32_t len)
{
    for (uint32_t i = 0; i < bus->front_count; i++) {
        uint64_t offset_bytes = addr - bus->fronts[i].addr;

        if (offset_bytes < bus->fronts[i].size_bytes &&
            (uint64_t)len <= bus->fronts[i].size_bytes - offset_bytes) {
            return bus->fronts[i].device;
        }
    }
    return NULL;
}

bool vmc_bus_is_gone(const struct vmc_bus *bus, enum vmc_bus_index index)
{
    return bus->tables[index].is_gone;
}

uint64_t vmc_bus_value(const struct vmc_bus_access *access)
{
    uint64_t value = 0;

    assert(access->len >= 0 && access->len <= VMC_BUS_CHUNK_BYTES_MAX);
    for (int32_t i = access->len - 1; i >= 0; i--) {
        value = value << 8 | access->data[i];
    }
    return value;
}

void vmc_bus_set_value(struct vmc_bus_access *access, uint64_t value)
{
    assert(access->len >= 0 && access->len <= VMC_BUS_CHUNK_BYTES_MAX);
    for (int32_t i = 0; i < access->len; i++) {
        access->data[i] = (uint8_t)(value >> 8 * i);
    }
}
