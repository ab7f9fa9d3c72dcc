/* SPDX-License-Identifier: MIT */
/*
 * memmap_priv.h - the insides of a memory map, shared by its four files:
 * memmap.c (states and facts), buddy.c (free lists), percpu.c (lists of CPUs,
 * taking and giving), fragment.c (the memory before anything ran), and audit.c.
 */
#ifndef VMC_BALLOON_MEMMAP_PRIV_H
#define VMC_BALLOON_MEMMAP_PRIV_H

#include "balloon/memmap.h"

/* The byte of a page is its enum vmc_page_state, or this for the first page of
 * a free block, OR-ed with the order. All other free pages are plain FREE. */
enum {
    PAGE_HEAD = 0x80,
    PAGE_REPORTED = 0x40,
    PAGE_ORDER = 0x0f,
};

enum {
    PCP_TYPES = 3,  /* unmovable, movable, reclaimable */
    PCP_ORDERS = 5, /* 0 to 3 and that of a pageblock */
    PCP_RING = 1024,
    CLASS_COUNT = 2, /* may the request use the zone Movable? */
};

struct free_list {
    uint32_t first, last;
    uint64_t count;
};

/* Blocks in the order they will be taken, in a ring. */
struct pcp_ring {
    uint32_t first, count;
    uint32_t pages[PCP_RING];
};

struct pcp {
    uint32_t page_count, turn;
    struct pcp_ring rings[PCP_ORDERS * PCP_TYPES];
};

struct zone {
    uint32_t first, end;
    uint64_t present, managed, free, pcp_pages;
    uint64_t min, low, high;
    uint64_t reserve[CLASS_COUNT];
    uint32_t batch, pcp_high;
    uint32_t ready[VMC_TYPE_COUNT]; /* orders whose list is not empty */
    struct free_list lists[VMC_ORDERS_MAX][VMC_TYPE_COUNT];
};

struct links {
    uint32_t next, prev;
};

struct vmc_memmap {
    struct vmc_memmap_config config;
    uint32_t page_max, page_shift, order_max, pageblock_order;
    uint64_t ram_pages;
    uint64_t counts[VMC_PAGE_STATE_COUNT];
    struct zone zones[VMC_ZONE_COUNT];
    uint8_t *states;
    uint8_t *types; /* of pageblocks */
    struct links *links;
    struct pcp *pcps; /* of a zone and CPU */
};

static inline bool page_is_head(const struct vmc_memmap *map, uint32_t page)
{
    return (map->states[page] & PAGE_HEAD) != 0;
}

/* True when @page heads a free block of @order. */
static inline bool page_is_free(const struct vmc_memmap *map, uint32_t page,
                                uint32_t order)
{
    return (map->states[page] & ~PAGE_REPORTED) == (PAGE_HEAD | order);
}

static inline uint32_t zone_of(const struct vmc_memmap *map, uint32_t page)
{
    uint32_t zone = VMC_ZONE_COUNT - 1;

    while (page < map->zones[zone].first || page >= map->zones[zone].end) {
        assert(zone > 0);
        zone--;
    }
    return zone;
}

static inline uint32_t type_of(const struct vmc_memmap *map, uint32_t page)
{
    return map->types[page >> map->pageblock_order];
}

/* ---- memmap.c ------------------------------------------------------------*/

/* Make pages @state, whatever they were; their blocks are no longer linked. */
void states_set(struct vmc_memmap *map, uint32_t page, uint64_t count,
                enum vmc_page_state state);

/* ---- buddy.c -------------------------------------------------------------*/

void buddy_link(struct vmc_memmap *map, uint32_t page, uint32_t order,
                bool at_tail);
uint32_t buddy_unlink(struct vmc_memmap *map, uint32_t page);

/* Merge the block with its buddies and link it. Its pages are FREE already,
 * and counted in its zone. */
void buddy_insert(struct vmc_memmap *map, uint32_t page, uint32_t order,
                  bool at_tail);

/* Link what is left of the unlinked block at @head when [@first, @first +
 * @count) is taken out of it. */
void buddy_carve(struct vmc_memmap *map, uint32_t head, uint32_t order,
                 uint32_t first, uint32_t count);

/* Take up to @page_max pages, in blocks of @order, out of the first block that
 * holds one. Returns how many, 0 when there is none; *@page is the first. */
uint32_t buddy_take(struct vmc_memmap *map, uint32_t zone, uint32_t order,
                    uint32_t type, uint32_t page_max, uint32_t *page);

/* ---- fragment.c ----------------------------------------------------------*/

/* The order of the blocks that @config's text speaks of, or 0. */
uint32_t fragment_order_max(const char *text);

/* Bring the map, all USED, to what its configuration says. */
enum vmc_status fragment(struct vmc_memmap *map, struct vmc_error *error);

#endif
