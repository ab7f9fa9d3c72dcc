/* SPDX-License-Identifier: MIT */
/*
 * The map is walked twice: along the lists, where each block must be a head of
 * its list's order, type and zone; and along the pages, where each must be in
 * one place, and blocks must be as many as the lists have.
 */
#include "balloon/memmap_priv.h"

struct tally {
    uint64_t states[VMC_PAGE_STATE_COUNT];
    uint64_t zone_free[VMC_ZONE_COUNT], zone_pcp[VMC_ZONE_COUNT];
    uint64_t heads, linked;
};

static enum vmc_status wrong(struct vmc_error *error, uint32_t page,
                             const char *what)
{
    return vmc_fail(error, VMC_E_FORMAT, "page 0x%x %s", page, what);
}

bool vmc_memmap_adds_up(const struct vmc_memmap *map)
{
    uint64_t sum = 0, free = 0, pcp = 0;

    for (uint32_t i = 0; i < VMC_PAGE_STATE_COUNT; i++) {
        sum += map->counts[i];
    }
    for (uint32_t i = 0; i < VMC_ZONE_COUNT; i++) {
        free += map->zones[i].free;
        pcp += map->zones[i].pcp_pages;
    }
    return sum == map->page_max &&
           map->page_max - map->counts[VMC_PAGE_HOLE] == map->ram_pages &&
           free == map->counts[VMC_PAGE_FREE] &&
           pcp == map->counts[VMC_PAGE_PCP];
}

static enum vmc_status audit_list(const struct vmc_memmap *map, uint32_t zone,
                                  uint32_t order, uint32_t type,
                                  struct tally *tally, struct vmc_error *error)
{
    const struct free_list *list = &map->zones[zone].lists[order][type];
    uint32_t page = list->first, prev = VMC_PAGE_NONE;

    if ((map->zones[zone].ready[type] >> order & 1) != (list->count > 0)) {
        return wrong(error, page, "is in a list whose mark disagrees (I11)");
    }
    for (uint64_t i = 0; i < list->count; i++) {
        if (page >= map->page_max || !page_is_free(map, page, order) ||
            map->links[page].prev != prev || zone_of(map, page) != zone ||
            type_of(map, page) != type) {
            return wrong(error, page, "is in a list and not its block (I1)");
        }
        prev = page;
        page = map->links[page].next;
        tally->linked++;
    }
    if (list->count > 0 && (page != VMC_PAGE_NONE || prev != list->last)) {
        return wrong(error, page, "comes after the end of a list (I1)");
    }
    return VMC_OK;
}

/* A free block: aligned, all its other pages plain FREE, and no free buddy. */
static enum vmc_status audit_block(const struct vmc_memmap *map, uint32_t page,
                                   struct vmc_error *error)
{
    uint32_t order = map->states[page] & PAGE_ORDER;
    uint32_t size = UINT32_C(1) << order, buddy = page ^ size;
    const struct zone *zone = &map->zones[zone_of(map, page)];

    if (page % size != 0 || order > map->order_max || page + size > zone->end) {
        return wrong(error, page, "heads a block that cannot be (I8)");
    }
    for (uint32_t i = 1; i < size; i++) {
        if (map->states[page + i] != VMC_PAGE_FREE) {
            return wrong(error, page + i, "is not free inside a block (I1)");
        }
    }
    if (order < map->order_max && buddy >= zone->first && buddy < zone->end &&
        page_is_free(map, buddy, order) &&
        type_of(map, page) == type_of(map, buddy)) {
        return wrong(error, page, "and its buddy are free and apart (I11)");
    }
    return VMC_OK;
}

static enum vmc_status audit_pages(const struct vmc_memmap *map,
                                   struct tally *tally, struct vmc_error *error)
{
    for (uint32_t page = 0; page < map->page_max;) {
        enum vmc_page_state state = vmc_memmap_state(map, page);
        uint32_t size = 1;

        if (page_is_head(map, page)) {
            enum vmc_status status = audit_block(map, page, error);

            if (status != VMC_OK) {
                return status;
            }
            size <<= map->states[page] & PAGE_ORDER;
            tally->heads++;
        } else if ((map->states[page] & PAGE_REPORTED) != 0) {
            return wrong(error, page, "is reported and heads no block (I8)");
        } else if (state == VMC_PAGE_FREE || state >= VMC_PAGE_STATE_COUNT) {
            return wrong(error, page, "is free and in no block (I1)");
        }
        tally->states[state] += size;
        if (state == VMC_PAGE_FREE) {
            tally->zone_free[zone_of(map, page)] += size;
        } else if (state == VMC_PAGE_PCP) {
            tally->zone_pcp[zone_of(map, page)] += size;
        }
        page += size;
    }
    return VMC_OK;
}

static enum vmc_status audit_pcp(const struct vmc_memmap *map,
                                 const struct pcp *pcp, uint64_t *pages,
                                 struct vmc_error *error)
{
    uint64_t before = *pages;

    for (uint32_t i = 0; i < VMC_COUNT_OF(pcp->rings); i++) {
        const struct pcp_ring *ring = &pcp->rings[i];
        uint32_t slot = i / PCP_TYPES;
        uint32_t order = slot < PCP_ORDERS - 1 ? slot : map->pageblock_order;

        for (uint32_t k = 0; k < ring->count; k++) {
            uint32_t page = ring->pages[(ring->first + k) % PCP_RING];

            if (!vmc_memmap_all_in(map, page, UINT64_C(1) << order,
                                   VMC_PAGE_MASK(VMC_PAGE_PCP))) {
                return wrong(error, page, "is on a CPU's list by mistake (I1)");
            }
            *pages += UINT64_C(1) << order;
        }
    }
    return *pages - before == pcp->page_count
               ? VMC_OK
               : vmc_fail(error, VMC_E_FORMAT, "a CPU's list is miscounted");
}

enum vmc_status vmc_memmap_audit(const struct vmc_memmap *map,
                                 struct vmc_error *error)
{
    struct tally tally = {0};
    enum vmc_status status = audit_pages(map, &tally, error);

    for (uint32_t z = 0; z < VMC_ZONE_COUNT && status == VMC_OK; z++) {
        const struct zone *zone = &map->zones[z];
        uint64_t pages = 0;

        for (uint32_t i = 0;
             i < (map->order_max + 1) * VMC_TYPE_COUNT && status == VMC_OK;
             i++) {
            status = audit_list(map, z, i / VMC_TYPE_COUNT, i % VMC_TYPE_COUNT,
                                &tally, error);
        }
        for (uint32_t cpu = 0; cpu < map->config.cpu_count && status == VMC_OK;
             cpu++) {
            status = audit_pcp(map, &map->pcps[z * map->config.cpu_count + cpu],
                               &pages, error);
        }
        if (status == VMC_OK && (tally.zone_free[z] != zone->free ||
                                 tally.zone_pcp[z] != zone->pcp_pages ||
                                 pages != zone->pcp_pages)) {
            status = vmc_fail(error, VMC_E_FORMAT,
                              "zone %u counts %llu free pages and has %llu "
                              "(I11)",
                              z, (unsigned long long)zone->free,
                              (unsigned long long)tally.zone_free[z]);
        }
    }
    if (status != VMC_OK) {
        return status;
    }
    for (uint32_t i = 0; i < VMC_PAGE_STATE_COUNT; i++) {
        if (tally.states[i] != map->counts[i]) {
            return vmc_fail(error, VMC_E_FORMAT,
                            "%llu pages are in state %u, not %llu (I11)",
                            (unsigned long long)tally.states[i], i,
                            (unsigned long long)map->counts[i]);
        }
    }
    if (tally.heads != tally.linked || !vmc_memmap_adds_up(map)) {
        return vmc_fail(
            error, VMC_E_FORMAT, "%llu blocks are free, %llu are in lists (I1)",
            (unsigned long long)tally.heads, (unsigned long long)tally.linked);
    }
    return VMC_OK;
}
