/* SPDX-License-Identifier: MIT */
/*
 * Free blocks hang in one list for each zone, order and migrate type, linked
 * by page number. A block is always taken from the head of the smallest order
 * that has one, and what is left of it goes to the heads below, the lower half
 * first to be split; so blocks taken one after the other ascend until the
 * larger one is used up. The lists below were empty, or the block would have
 * come from there: a run can therefore be carved out in one step, and leaves
 * at most one piece of each order.
 *
 * The list that a block belongs to follows from its page and order, so only
 * heads carry links, and a page has no other record than its byte.
 */
#include "balloon/memmap_priv.h"

#include <string.h>

/* Where a request looks when its own type has nothing (spec 2.4). */
static const uint8_t fallbacks[PCP_TYPES][2] = {
    [VMC_TYPE_UNMOVABLE] = {VMC_TYPE_RECLAIMABLE, VMC_TYPE_MOVABLE},
    [VMC_TYPE_MOVABLE] = {VMC_TYPE_RECLAIMABLE, VMC_TYPE_UNMOVABLE},
    [VMC_TYPE_RECLAIMABLE] = {VMC_TYPE_UNMOVABLE, VMC_TYPE_MOVABLE},
};

void buddy_link(struct vmc_memmap *map, uint32_t page, uint32_t order,
                bool at_tail)
{
    struct zone *zone = &map->zones[zone_of(map, page)];
    uint32_t type = type_of(map, page);
    struct free_list *list = &zone->lists[order][type];
    struct links *links = &map->links[page];

    map->states[page] = (uint8_t)(PAGE_HEAD | order);
    if (list->count == 0) {
        *links = (struct links){VMC_PAGE_NONE, VMC_PAGE_NONE};
        list->first = list->last = page;
        zone->ready[type] |= UINT32_C(1) << order;
    } else if (at_tail) {
        *links = (struct links){VMC_PAGE_NONE, list->last};
        map->links[list->last].next = page;
        list->last = page;
    } else {
        *links = (struct links){list->first, VMC_PAGE_NONE};
        map->links[list->first].prev = page;
        list->first = page;
    }
    list->count++;
}

uint32_t buddy_unlink(struct vmc_memmap *map, uint32_t page)
{
    struct zone *zone = &map->zones[zone_of(map, page)];
    uint32_t order = map->states[page] & PAGE_ORDER;
    uint32_t type = type_of(map, page);
    struct free_list *list = &zone->lists[order][type];
    struct links links = map->links[page];

    assert(page_is_head(map, page) && list->count > 0);
    *(links.next != VMC_PAGE_NONE ? &map->links[links.next].prev
                                  : &list->last) = links.prev;
    *(links.prev != VMC_PAGE_NONE ? &map->links[links.prev].next
                                  : &list->first) = links.next;
    map->states[page] = VMC_PAGE_FREE;
    if (--list->count == 0) {
        zone->ready[type] &= ~(UINT32_C(1) << order);
    }
    return order;
}

/* Types that keep to themselves: no merging with pageblocks of another. */
static bool may_merge(const struct vmc_memmap *map, uint32_t page,
                      uint32_t buddy, uint32_t order)
{
    uint32_t a = type_of(map, page), b = type_of(map, buddy);

    return order < map->pageblock_order || a == b ||
           (a < PCP_TYPES && b < PCP_TYPES);
}

static void set_types(struct vmc_memmap *map, uint32_t page, uint32_t order,
                      uint32_t type)
{
    uint32_t first = page >> map->pageblock_order;
    uint32_t count = order > map->pageblock_order
                         ? UINT32_C(1) << (order - map->pageblock_order)
                         : 1;

    memset(&map->types[first], (int)type, count);
}

void buddy_insert(struct vmc_memmap *map, uint32_t page, uint32_t order,
                  bool at_tail)
{
    const struct zone *zone = &map->zones[zone_of(map, page)];
    uint32_t type = type_of(map, page);

    while (order < map->order_max) {
        uint32_t buddy = page ^ UINT32_C(1) << order;

        if (buddy < zone->first || buddy >= zone->end ||
            !page_is_free(map, buddy, order) ||
            !may_merge(map, page, buddy, order)) {
            break;
        }
        (void)buddy_unlink(map, buddy);
        if (order >= map->pageblock_order) {
            set_types(map, buddy, order, type);
        }
        page &= ~(UINT32_C(1) << order);
        order++;
    }
    /* A block whose larger buddy is free waits at the tail: left alone, it
     * will soon become a larger one. */
    if (!at_tail && order + 1 < map->order_max) {
        uint32_t larger = page & ~(UINT32_C(1) << order);

        larger ^= UINT32_C(2) << order;
        at_tail = larger >= zone->first && larger < zone->end &&
                  page_is_free(map, larger, order + 1);
    }
    buddy_link(map, page, order, at_tail);
}

void buddy_carve(struct vmc_memmap *map, uint32_t head, uint32_t order,
                 uint32_t first, uint32_t count)
{
    uint32_t end = head + (UINT32_C(1) << order), at = first + count;

    while (at < end) {
        uint32_t piece = vmc_memmap_order_at(map, at, end - at);

        buddy_link(map, at, piece, false);
        at += UINT32_C(1) << piece;
    }
    while (head < first) {
        uint32_t piece = vmc_memmap_order_at(map, head, first - head);

        buddy_link(map, head, piece, false);
        head += UINT32_C(1) << piece;
    }
    map->zones[zone_of(map, first)].free -= count;
}

/* ---- Blocks of other types -----------------------------------------------*/

/* Pages of a pageblock that are free or that @type may share it with. */
static uint32_t like_pages(const struct vmc_memmap *map, uint32_t first,
                           uint32_t end, uint32_t type)
{
    uint32_t count = 0;

    for (uint32_t page = first; page < end; page++) {
        enum vmc_page_state state = vmc_memmap_state(map, page);

        count +=
            state == VMC_PAGE_FREE ||
            (type == VMC_TYPE_MOVABLE) == (state != VMC_PAGE_USED_UNMOVABLE &&
                                           state != VMC_PAGE_USED_RECLAIMABLE);
    }
    return count;
}

/* Make the pageblock of @page one of @type, with all its free blocks. */
static void claim_pageblock(struct vmc_memmap *map, uint32_t page,
                            uint32_t type)
{
    uint32_t size = UINT32_C(1) << map->pageblock_order;
    uint32_t first = page & ~(size - 1), end = first + size;

    end = end < map->page_max ? end : map->page_max;
    for (uint32_t at = first; at < end; at++) {
        if (page_is_head(map, at)) {
            uint8_t flag = map->states[at] & PAGE_REPORTED;
            uint32_t order = buddy_unlink(map, at);
            uint32_t old = type_of(map, at);

            map->types[at >> map->pageblock_order] = (uint8_t)type;
            buddy_link(map, at, order, false);
            map->states[at] |= flag;
            map->types[at >> map->pageblock_order] = (uint8_t)old;
            at += (UINT32_C(1) << order) - 1;
        }
    }
    map->types[first >> map->pageblock_order] = (uint8_t)type;
}

/* Move a free block to @type, with its pageblock or pageblocks when that is
 * worth it. False when the block must be used where it is. */
static bool claim(struct vmc_memmap *map, uint32_t page, uint32_t order,
                  uint32_t type)
{
    uint32_t size = UINT32_C(1) << map->pageblock_order;
    uint32_t first = page & ~(size - 1);

    if (order >= map->pageblock_order) {
        (void)buddy_unlink(map, page);
        set_types(map, page, order, type);
        buddy_link(map, page, order, false);
        return true;
    }
    if (type == VMC_TYPE_MOVABLE && order < map->pageblock_order / 2) {
        return false;
    }
    if (first + size > map->page_max ||
        like_pages(map, first, first + size, type) < size / 2) {
        return false;
    }
    claim_pageblock(map, page, type);
    return true;
}

/* The largest block of another type is tried first, for a whole pageblock;
 * else the smallest that holds @order is broken into. */
static uint32_t find_fallback(struct vmc_memmap *map, struct zone *zone,
                              uint32_t order, uint32_t type)
{
    const uint8_t *others = fallbacks[type];

    for (uint32_t at = map->order_max + 1; at-- > order;) {
        for (uint32_t i = 0; i < 2; i++) {
            if ((zone->ready[others[i]] >> at & 1) != 0) {
                uint32_t page = zone->lists[at][others[i]].first;

                if (claim(map, page, at, type)) {
                    return page;
                }
            }
        }
    }
    for (uint32_t at = order; at <= map->order_max; at++) {
        for (uint32_t i = 0; i < 2; i++) {
            if ((zone->ready[others[i]] >> at & 1) != 0) {
                return zone->lists[at][others[i]].first;
            }
        }
    }
    return VMC_PAGE_NONE;
}

/* ---- Taking --------------------------------------------------------------*/

/* The block to take from; one of another type is made one of @type first, if
 * it comes to that. */
static uint32_t find_block(struct vmc_memmap *map, uint32_t number,
                           uint32_t order, uint32_t type)
{
    struct zone *zone = &map->zones[number];
    uint32_t ready = zone->ready[type] >> order << order;

    if (ready == 0) {
        uint32_t page = type < PCP_TYPES ? find_fallback(map, zone, order, type)
                                         : VMC_PAGE_NONE;

        ready = zone->ready[type] >> order << order;
        if (ready == 0) {
            return page;
        }
    }
    return zone->lists[vmc_bits_low(ready)][type].first;
}

uint32_t buddy_take(struct vmc_memmap *map, uint32_t zone, uint32_t order,
                    uint32_t type, uint32_t page_max, uint32_t *page)
{
    uint32_t head = find_block(map, zone, order, type), size, count;

    assert(page_max >= UINT32_C(1) << order);
    if (head == VMC_PAGE_NONE) {
        return 0;
    }
    count = page_max >> order << order;
    /* Broken into, a block of another type is not used up: the next request
     * looks for a pageblock again. */
    if (type_of(map, head) != type) {
        count = UINT32_C(1) << order;
    }
    size = buddy_unlink(map, head);
    count = count < UINT32_C(1) << size ? count : UINT32_C(1) << size;
    buddy_carve(map, head, size, head, count);
    *page = head;
    return count;
}
