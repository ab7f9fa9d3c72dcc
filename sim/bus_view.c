/* SPDX-License-Identifier: MIT */
#include "sim/bus_view.h"

#include <stdlib.h>

enum { SLOTS = 2 * BUS_VIEW_LEARNED_MAX };

/* What the log has shown so far of a range whose owner is known. */
enum presence { PRESENCE_UNKNOWN, PRESENCE_HERE, PRESENCE_ABSENT };

/* Who served an address that nobody listed: the key holds its space, its
 * direction and the address. */
struct learned {
    uint64_t addr;
    uint8_t key; /* space * 2 + is_write + 1; 0 is free */
    bool is_kernel;
};

struct bus_view {
    const struct bus_ranges *ranges;
    struct bus_view_counts counts;
    uint8_t presence[BUS_RANGES_MAX]; /* enum presence */
    struct learned learned[SLOTS];
    uint32_t ring_usable;    /* entries that it takes */
    uint32_t ring_level_max; /* at most so many lie in it */
    struct bus_mismatch mismatches[BUS_VIEW_MISMATCHES_KEPT];
};

enum vmc_status bus_view_new(struct bus_view **out,
                             const struct bus_ranges *ranges,
                             uint32_t ring_entries)
{
    assert(ring_entries >= 2);
    *out = calloc(1, sizeof(**out));
    if (*out == NULL) {
        return VMC_E_NOMEM;
    }
    (*out)->ranges = ranges;
    (*out)->ring_usable = ring_entries - 1;
    /* The recording may begin when it is full already. */
    (*out)->ring_level_max = (*out)->ring_usable;
    return VMC_OK;
}

void bus_view_free(struct bus_view *view)
{
    free(view);
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

/* Does the claim speak of this direction at all? */
static bool is_about(enum bus_claim claim, bool is_write)
{
    return claim == BUS_CLAIM_KERNEL ||
           (is_write && (claim == BUS_CLAIM_RING || claim == BUS_CLAIM_EVENT));
}

bool bus_view_claims(const struct bus_view *view,
                     const struct bus_access *access, uint32_t range)
{
    enum bus_claim claim = bus_ranges_at(view->ranges, range)->claim;

    if (claim == BUS_CLAIM_NONE) {
        uint32_t slot = find_learned(view, access);

        return slot != SLOTS && view->learned[slot].key != 0 &&
               view->learned[slot].is_kernel;
    }
    return is_about(claim, access->is_write) &&
           view->presence[range] != PRESENCE_ABSENT;
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

/* A range that the kernel serves always, or never: the first access tells. */
static bool check_fixed(struct bus_view *view, const struct bus_access *access,
                        uint32_t range)
{
    bool did_exit = access->exits > 0;

    if (view->presence[range] == PRESENCE_UNKNOWN) {
        view->presence[range] = did_exit ? PRESENCE_ABSENT : PRESENCE_HERE;
    }
    return did_exit == (view->presence[range] == PRESENCE_ABSENT) ||
           differ(view, access, range);
}

/* A write that the ring takes while there is room. */
static bool check_ring(struct bus_view *view, const struct bus_access *access,
                       uint32_t range)
{
    bool may_be_full = view->ring_level_max >= view->ring_usable;

    if (view->presence[range] == PRESENCE_ABSENT) {
        return access->exits > 0 || differ(view, access, range);
    }
    if (access->exits == 0) {
        view->presence[range] = PRESENCE_HERE;
        view->counts.ring_writes++;
        view->ring_level_max++;
        return true;
    }
    if (!may_be_full && view->presence[range] == PRESENCE_UNKNOWN) {
        view->presence[range] = PRESENCE_ABSENT;
        return true;
    }
    view->counts.ring_full++;
    view->counts.ring_exact += view->ring_level_max == view->ring_usable;
    view->ring_level_max = 0; /* user space empties it now */
    return may_be_full || differ(view, access, range);
}

bool bus_view_check(struct bus_view *view, const struct bus_access *access,
                    uint32_t range)
{
    enum bus_claim claim = bus_ranges_at(view->ranges, range)->claim;

    if (claim == BUS_CLAIM_NONE) {
        learn(view, access);
        return true;
    }
    view->counts.checked++;
    if (!is_about(claim, access->is_write)) {
        return access->exits > 0 || view->presence[range] == PRESENCE_ABSENT ||
               differ(view, access, range);
    }
    return claim == BUS_CLAIM_RING ? check_ring(view, access, range)
                                   : check_fixed(view, access, range);
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
