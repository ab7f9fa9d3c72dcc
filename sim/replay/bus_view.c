/* SPDX-License-Identifier: MIT */
/*
 * Devices are registered as a VM comes to have them: those in the kernel, then
 * the coalesced zones, then the eventfds; the local APIC stands in front of the
 * bus. A range that turns out not to be there is taken off.
 *
 * The ring's level in the log is not known, only a bound: user space may empty
 * it at any time, but surely does after a write that exits because it is full.
 * So a zone here takes every write, and whether it exited is asked afterwards.
 * The bound is kept high on purpose: what nobody listed may be coalesced too.
 */
#include "sim/replay/bus_view.h"

#include <errno.h>
#include <stdlib.h>

#include "ioregion/bus.h"

enum { SLOTS = 2 * BUS_VIEW_LEARNED_MAX };

/* Where x86 has its local APICs, in front of the bus. */
static const uint64_t lapic_addr = 0xfee00000;

/* What the log has shown so far of a range whose owner is known. */
enum presence { PRESENCE_UNKNOWN, PRESENCE_HERE, PRESENCE_ABSENT };

/* Who served an address that nobody listed: the key holds its space, its
 * direction and the address. */
struct learned {
    uint64_t addr;
    uint8_t key; /* space * 2 + is_write + 1; 0 is free */
    bool is_kernel;
};

/* What stands on a bus for a range. */
struct served {
    struct vmc_bus_device device;
    uint32_t range;
};

struct bus_view {
    const struct bus_ranges *ranges;
    struct vmc_bus *bus;
    struct served served[BUS_RANGES_MAX];
    struct bus_view_counts counts;
    uint8_t presence[BUS_RANGES_MAX]; /* enum presence */
    struct learned learned[SLOTS];
    uint32_t ring_usable;    /* entries that it takes */
    uint32_t ring_level_max; /* at most so many lie in it */
    uint32_t threads_more;   /* threads that were seen beside the first */
    struct bus_mismatch mismatches[BUS_VIEW_MISMATCHES_KEPT];
};

/* ---- What stands on the buses -------------------------------------------- */

static int take_read(struct vmc_bus_device *device,
                     struct vmc_bus_access *access)
{
    (void)device;
    (void)access;
    return 0;
}

static int take_write(struct vmc_bus_device *device,
                      const struct vmc_bus_access *access)
{
    (void)device;
    (void)access;
    return 0;
}

static const struct vmc_bus_ops kernel_ops = {
    .kind = "kernel", .read = take_read, .write = take_write};
static const struct vmc_bus_ops ring_ops = {.kind = "zone",
                                            .write = take_write};
static const struct vmc_bus_ops event_ops = {.kind = "ioeventfd",
                                             .write = take_write};

static enum vmc_bus_index bus_of(uint32_t space)
{
    return space == BUS_PIO ? VMC_BUS_PIO : VMC_BUS_MMIO;
}

static enum vmc_status put_on_bus(struct bus_view *view, uint32_t index)
{
    const struct bus_range *range = bus_ranges_at(view->ranges, index);
    struct served *served = &view->served[index];
    uint64_t size_bytes = range->last - range->first + 1;

    served->range = index;
    switch (range->claim) {
    case BUS_CLAIM_RING:
        served->device.ops = &ring_ops;
        served->device.kind = VMC_BUS_ZONE;
        break;
    case BUS_CLAIM_EVENT:
        served->device.ops = &event_ops;
        served->device.kind = VMC_BUS_IOEVENTFD;
        break;
    default:
        served->device.ops = &kernel_ops;
        served->device.kind = VMC_BUS_KERNEL;
    }
    if (range->space == BUS_MMIO && range->first == lapic_addr) {
        vmc_bus_add_front(view->bus, range->first, size_bytes, &served->device);
        return VMC_OK;
    }
    return vmc_bus_register(view->bus, bus_of(range->space), range->first,
                            size_bytes, &served->device) == 0
               ? VMC_OK
               : VMC_E_RANGE;
}

static enum vmc_status fill_buses(struct bus_view *view)
{
    static const enum bus_claim order[] = {BUS_CLAIM_KERNEL, BUS_CLAIM_RING,
                                           BUS_CLAIM_EVENT};
    enum vmc_status status = VMC_OK;

    for (size_t c = 0; c < VMC_COUNT_OF(order); c++) {
        for (uint32_t i = 0;
             i < bus_ranges_count(view->ranges) && status == VMC_OK; i++) {
            const struct bus_range *range = bus_ranges_at(view->ranges, i);

            if (range->claim == order[c] && range->space != BUS_IOCSR) {
                status = put_on_bus(view, i);
            }
        }
    }
    return status;
}

enum vmc_status bus_view_new(struct bus_view **out,
                             const struct bus_ranges *ranges,
                             uint32_t ring_entries)
{
    struct vmc_bus_config config = vmc_bus_defaults();
    struct bus_view *view;
    enum vmc_status status;

    assert(ring_entries >= 2);
    *out = NULL;
    config.version = VMC_K6_18; /* registering does not wait */
    view = calloc(1, sizeof(*view));
    if (view == NULL) {
        return VMC_E_NOMEM;
    }
    view->ranges = ranges;
    view->ring_usable = ring_entries - 1;
    /* The recording may begin when it is full already. */
    view->ring_level_max = view->ring_usable;
    status = vmc_bus_new(&view->bus, &config);
    if (status == VMC_OK) {
        status = fill_buses(view);
    }
    if (status != VMC_OK) {
        bus_view_free(view);
        return status;
    }
    *out = view;
    return VMC_OK;
}

void bus_view_free(struct bus_view *view)
{
    if (view != NULL) {
        vmc_bus_free(view->bus);
        free(view);
    }
}

/* Offer @access to the buses. Returns who has it in the kernel, or NULL. */
static const struct served *
look(struct bus_view *view, const struct bus_access *access, uint32_t *probes)
{
    enum vmc_bus_index index = bus_of(access->space);
    struct vmc_bus_access call = {
        .addr = access->addr,
        .len = access->len < VMC_BUS_CHUNK_BYTES_MAX ? (int32_t)access->len
                                                     : VMC_BUS_CHUNK_BYTES_MAX,
    };
    struct vmc_bus_device *front;
    int result;

    *probes = 0;
    if (access->space == BUS_IOCSR) {
        return NULL;
    }
    front = index == VMC_BUS_MMIO
                ? vmc_bus_front_at(view->bus, call.addr, call.len)
                : NULL;
    if (front != NULL) {
        return VMC_CONTAINER_OF(front, struct served, device);
    }
    result = access->is_write ? vmc_bus_write(view->bus, index, &call)
                              : vmc_bus_read(view->bus, index, &call);
    *probes = call.probes;
    return result == 0 ? VMC_CONTAINER_OF(call.server, struct served, device)
                       : NULL;
}

/* ---- Addresses that nobody listed ---------------------------------------- */

/* Where @access is kept, or the free place for it; SLOTS when all are taken. */
static uint32_t find_learned(const struct bus_view *view,
                             const struct bus_access *access)
{
    uint8_t key = (uint8_t)(access->space * 2 + access->is_write + 1);
    uint32_t slot =
        (uint32_t)((access->addr * 8 + key) * UINT64_C(0x9e3779b97f4a7c15) >>
                   32) %
        SLOTS;

    for (;; slot = (slot + 1) % SLOTS) {
        const struct learned *at = &view->learned[slot];

        if (at->key == key && at->addr == access->addr) {
            return slot;
        }
        if (at->key == 0) {
            return view->counts.learned < BUS_VIEW_LEARNED_MAX ? slot : SLOTS;
        }
    }
}

static void learn(struct bus_view *view, const struct bus_access *access)
{
    uint32_t slot = find_learned(view, access);
    bool is_kernel = access->exits == 0;
    struct learned *at;

    /* For all that is known it may be coalesced, and fill the ring. */
    view->ring_level_max += is_kernel && access->is_write;
    if (slot == SLOTS) {
        view->counts.unlearned++;
        return;
    }
    at = &view->learned[slot];
    if (at->key == 0) {
        at->addr = access->addr;
        at->key = (uint8_t)(access->space * 2 + access->is_write + 1);
        at->is_kernel = is_kernel;
        view->counts.learned++;
        view->counts.learned_kernel += is_kernel;
    } else if (at->is_kernel != is_kernel) {
        at->is_kernel = is_kernel;
        view->counts.changes++;
    }
}

/* ---- The view ------------------------------------------------------------ */

bool bus_view_claims(struct bus_view *view, const struct bus_access *access,
                     uint32_t range)
{
    uint32_t probes, slot;

    if (look(view, access, &probes) != NULL) {
        return true;
    }
    slot = find_learned(view, access);
    return bus_ranges_at(view->ranges, range)->claim == BUS_CLAIM_NONE &&
           slot != SLOTS && view->learned[slot].key != 0 &&
           view->learned[slot].is_kernel;
}

bool bus_view_leaves(const struct bus_view *view,
                     const struct bus_access *access)
{
    uint32_t slot = find_learned(view, access);

    return slot != SLOTS && view->learned[slot].key != 0 &&
           !view->learned[slot].is_kernel;
}

static bool differ(struct bus_view *view, const struct bus_access *access,
                   uint32_t range)
{
    if (view->counts.mismatches < BUS_VIEW_MISMATCHES_KEPT) {
        view->mismatches[view->counts.mismatches] =
            (struct bus_mismatch){.line = access->line,
                                  .addr = access->addr,
                                  .range = range,
                                  .did_exit = access->exits > 0};
    }
    view->counts.mismatches++;
    return false;
}

/* This machine does not have it after all. */
static void take_off(struct bus_view *view, uint32_t range)
{
    view->presence[range] = PRESENCE_ABSENT;
    (void)vmc_bus_unregister(view->bus,
                             bus_of(bus_ranges_at(view->ranges, range)->space),
                             &view->served[range].device);
}

/* Does the claim speak of this direction at all? */
static bool is_about(enum bus_claim claim, bool is_write)
{
    return claim == BUS_CLAIM_KERNEL ||
           (is_write && (claim == BUS_CLAIM_RING || claim == BUS_CLAIM_EVENT));
}

/* A write that the ring takes while there is room. */
static bool check_ring(struct bus_view *view, const struct bus_access *access,
                       uint32_t range)
{
    /* Another thread's write may lie in it that has not been given out yet. */
    bool may_be_full =
        view->ring_level_max + view->threads_more >= view->ring_usable;

    if (access->exits == 0) {
        view->presence[range] = PRESENCE_HERE;
        view->counts.ring_writes++;
        view->ring_level_max++;
        return true;
    }
    if (!may_be_full && view->presence[range] == PRESENCE_UNKNOWN) {
        take_off(view, range);
        return true;
    }
    view->counts.ring_full++;
    view->counts.ring_exact += view->ring_level_max == view->ring_usable;
    view->ring_level_max = 0; /* user space empties it now */
    return may_be_full || differ(view, access, range);
}

bool bus_view_check(struct bus_view *view, const struct bus_access *access,
                    uint32_t range, uint32_t *probes)
{
    const struct served *served = look(view, access, probes);
    enum bus_claim claim = bus_ranges_at(view->ranges, range)->claim;
    bool did_exit = access->exits > 0;

    if (access->thread > view->threads_more) {
        view->threads_more = access->thread;
    }
    if (claim == BUS_CLAIM_NONE && served == NULL) {
        learn(view, access);
        return true;
    }
    view->counts.checked++;
    if (claim == BUS_CLAIM_RING && is_about(claim, access->is_write) &&
        view->presence[range] != PRESENCE_ABSENT) {
        return check_ring(view, access, range);
    }
    if (is_about(claim, access->is_write) &&
        view->presence[range] == PRESENCE_UNKNOWN) {
        view->presence[range] = PRESENCE_HERE;
        if (did_exit && served != NULL && served->range == range) {
            take_off(view, range);
            served = look(view, access, probes);
        }
    }
    return did_exit == (served == NULL) || differ(view, access, range);
}

const struct bus_view_counts *bus_view_counts(const struct bus_view *view)
{
    return &view->counts;
}

const struct bus_mismatch *bus_view_mismatch(const struct bus_view *view,
                                             uint32_t index)
{
    return index < view->counts.mismatches && index < BUS_VIEW_MISMATCHES_KEPT
               ? &view->mismatches[index]
               : NULL;
}

/* The buses hold pointers. But all that happens to them is that ranges are
 * taken off, and in which order makes no difference. */
void bus_view_archive(struct bus_view *view, struct vmc_archive *archive)
{
    vmc_archive_same(archive, "ring_usable", &view->ring_usable,
                     sizeof(view->ring_usable));
    VMC_ARCHIVE(archive, view->counts);
    VMC_ARCHIVE(archive, view->presence);
    VMC_ARCHIVE(archive, view->learned);
    VMC_ARCHIVE(archive, view->ring_level_max);
    VMC_ARCHIVE(archive, view->threads_more);
    VMC_ARCHIVE(archive, view->mismatches);
    for (uint32_t i = 0;
         vmc_archive_is_loading(archive) && vmc_archive_is_good(archive) &&
         i < bus_ranges_count(view->ranges);
         i++) {
        if (view->presence[i] == PRESENCE_ABSENT) {
            take_off(view, i);
        }
    }
}
