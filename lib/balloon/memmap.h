/* SPDX-License-Identifier: MIT */
/**
 * memmap.h - the memory of a guest: regions, zones, the buddy allocator, and
 * where each page is.
 *
 * The allocator keeps what decides which pages come next: lists for each zone,
 * order and migrate type, in their order, and the lists of each CPU. A run is
 * the result of that many single calls in a row, found in one step.
 *
 * A guest page costs 9 bytes: 1 for its state, 8 for the links of a free
 * block, which the host of the simulator backs only where blocks begin. What
 * host.h keeps for 2 MiB is 136 bytes, so a page of 4 KiB costs 9.3 bytes in
 * total, and a guest of 1 TiB at most 2.4 GiB.
 *
 * Units    A page is a guest page, of page_bytes; its number is its address
 *          divided by that. A block of order k has 2^k pages.
 * Owner    Nothing is allocated after vmc_memmap_new().
 */
#ifndef VMC_BALLOON_MEMMAP_H
#define VMC_BALLOON_MEMMAP_H

#include "balloon/pagelist.h"
#include "base/base.h"

enum {
    VMC_MEMORY_REGIONS_MAX = 16,
    VMC_ORDERS_MAX = 16,
    VMC_CPUS_MAX = 64,
};

/** The number of no page. */
#define VMC_PAGE_NONE UINT32_MAX

/** What stands behind a region. */
enum vmc_region_kind {
    VMC_REGION_RAM,
    VMC_REGION_ROM,
    VMC_REGION_RESERVED, /**< RAM that the guest must not use */
};

/** A piece of the guest-physical address space; between them are holes. */
struct vmc_memory_region {
    uint64_t start_bytes, size_bytes;
    uint64_t offset_bytes; /**< in the RAM block that backs it */
    enum vmc_region_kind kind;
};

/** Where RAM lies. */
enum vmc_layout {
    VMC_LAYOUT_I440FX, /**< 3 GiB low if there are 3.5, the rest from 4 GiB */
    VMC_LAYOUT_Q35,    /**< 2 GiB low if there are 2.75 */
    VMC_LAYOUT_VIRT,   /**< LoongArch: 256 MiB low, the rest from 2 GiB */
    VMC_LAYOUT_FLAT,   /**< all from 0 */
};

/** The zones of Linux, from the bottom. */
enum vmc_zone {
    VMC_ZONE_DMA,
    VMC_ZONE_DMA32,
    VMC_ZONE_NORMAL,
    VMC_ZONE_MOVABLE,
    VMC_ZONE_COUNT
};

/** The migrate types of Linux's pageblocks. */
enum vmc_migrate_type {
    VMC_TYPE_UNMOVABLE,
    VMC_TYPE_MOVABLE,
    VMC_TYPE_RECLAIMABLE,
    VMC_TYPE_HIGHATOMIC,
    VMC_TYPE_CMA,
    VMC_TYPE_ISOLATE,
    VMC_TYPE_COUNT
};

/** Where a page is: always in exactly one of these. */
enum vmc_page_state {
    VMC_PAGE_HOLE,
    VMC_PAGE_RESERVED,
    VMC_PAGE_USED_UNMOVABLE,
    VMC_PAGE_USED_MOVABLE,
    VMC_PAGE_USED_RECLAIMABLE,
    VMC_PAGE_FREE,      /**< in the buddy allocator */
    VMC_PAGE_PCP,       /**< on the list of a CPU */
    VMC_PAGE_INFLATING, /**< taken by a driver; the host has not answered */
    VMC_PAGE_BALLOON,   /**< on the driver's list */
    VMC_PAGE_ISOLATED,  /**< on it, but taken by compaction */
    VMC_PAGE_DEFLATING, /**< off the list; the host has not answered */
    VMC_PAGE_REPORTING, /**< isolated by page reporting, not yet answered */
    VMC_PAGE_HINTED,
    VMC_PAGE_UNPLUGGED,
    VMC_PAGE_OFFLINE,
    VMC_PAGE_STATE_COUNT
};

/** The set that holds only @state, for vmc_memmap_all_in(). */
#define VMC_PAGE_MASK(state) (UINT32_C(1) << (state))

/** A guest's memory before anything ran. Copied; text is read in the call. */
struct vmc_memmap_config {
    struct vmc_memory_region regions[VMC_MEMORY_REGIONS_MAX]; /**< upwards */
    uint32_t region_count;                                    /**< at least 1 */
    uint32_t page_bytes;       /**< 4096, 16384 or 65536 */
    uint32_t order_max;        /**< 0: 10, 11 or 13 by page_bytes */
    uint32_t cpu_count;        /**< 0: no lists of CPUs */
    uint64_t dma_end_bytes;    /**< 0: no such zone */
    uint64_t dma32_end_bytes;  /**< 0: no such zone */
    uint64_t movable_bytes;    /**< start of that zone; 0: no such zone */
    uint64_t used_bytes;       /**< kept by the idle guest, from the bottom */
    uint64_t min_free_bytes;   /**< the zones' min watermarks together */
    const char *fragmentation; /**< see vmc_memmap_new() */
    uint64_t seed;             /**< of what fragmentation draws */
};

struct vmc_memmap;

/** What a caller wants. */
struct vmc_page_request {
    uint32_t order;             /**< of each block */
    uint32_t cpu;               /**< whose list is asked first */
    enum vmc_migrate_type type; /**< what the pages are for */
    enum vmc_page_state state;  /**< what the pages become */
};

/** Free blocks of one list. */
struct vmc_free_area {
    uint32_t zone, order, type;
};

/**
 * Fill regions, zones and watermarks of @config for @ram_bytes laid out as
 * @layout; page_bytes must be set. Other fields stay as they are.
 */
void vmc_memmap_lay_out(struct vmc_memmap_config *config,
                        enum vmc_layout layout, uint64_t ram_bytes);

/** Bytes that Linux keeps free in a guest with @ram_bytes: min_free_kbytes,
 * raised by khugepaged for @zones zones if @has_thp. */
uint64_t vmc_memmap_min_free(uint64_t ram_bytes, uint32_t page_bytes,
                             uint32_t zones, bool has_thp);

/**
 * Make the memory. Its fragmentation is NULL or one of
 *     idle, idle8          all free but used_bytes, in the largest blocks
 *     frag:PERCENT         so many of all groups of 64 pages have one in use
 *     punch:SIZE           SIZE was taken, and every second page given back
 *     text of /proc/buddyinfo or of /proc/pagetypeinfo
 * Fails    VMC_E_RANGE, VMC_E_USAGE, VMC_E_FORMAT with a line in @error;
 *          VMC_E_NOMEM. *@map is then NULL.
 */
enum vmc_status vmc_memmap_new(struct vmc_memmap **map,
                               const struct vmc_memmap_config *config,
                               struct vmc_error *error);

/** Free @map. NULL is allowed. */
void vmc_memmap_free(struct vmc_memmap *map);

/* ---- Looking -------------------------------------------------------------*/

/** One past the highest page. */
uint32_t vmc_memmap_page_max(const struct vmc_memmap *map);

/** How many pages are RAM, reserved ones too. */
uint64_t vmc_memmap_ram_pages(const struct vmc_memmap *map);

/** Where @page is. */
enum vmc_page_state vmc_memmap_state(const struct vmc_memmap *map,
                                     uint32_t page);

/** How many pages are in @state. O(1). */
uint64_t vmc_memmap_count(const struct vmc_memmap *map,
                          enum vmc_page_state state);

/** True when [@page, @page + @count) exists and is in the states of @mask. */
bool vmc_memmap_all_in(const struct vmc_memmap *map, uint64_t page,
                       uint64_t count, uint32_t mask);

/** True when [@page, @page + @count) is RAM the guest may name: no hole. */
bool vmc_memmap_is_ram(const struct vmc_memmap *map, uint64_t page,
                       uint64_t count);

/**
 * The RAM region that holds all of [@at_bytes, @at_bytes + @size_bytes), with
 * the offset in its block; NULL when there is none: a bad address.
 */
const struct vmc_memory_region *vmc_memmap_region(const struct vmc_memmap *map,
                                                  uint64_t at_bytes,
                                                  uint64_t size_bytes,
                                                  uint64_t *offset_bytes);

/** The first run at or after *@page in the states of @mask, at most to the
 * end of memory. Returns its length, 0 for none; *@page is its first. */
uint32_t vmc_memmap_find(const struct vmc_memmap *map, uint32_t *page,
                         uint32_t mask);

/** The facts of one zone. */
struct vmc_zone_facts {
    uint32_t first_page, end_page; /**< equal: no such zone */
    uint64_t present;              /**< pages of RAM */
    uint64_t managed;              /**< of them those that the allocator has */
    uint64_t free;                 /**< of them those in its lists */
    uint64_t pcp;                  /**< or in the lists of CPUs */
    uint64_t min, low, high;       /**< watermarks, in pages */
};

/** The facts of @zone as they are now. */
struct vmc_zone_facts vmc_memmap_zone(const struct vmc_memmap *map,
                                      enum vmc_zone zone);

/** Highest order of a block. */
uint32_t vmc_memmap_order_max(const struct vmc_memmap *map);

/** Order of a pageblock, 512 pages of 4 KiB. */
uint32_t vmc_memmap_pageblock_order(const struct vmc_memmap *map);

/** Migrate type of the pageblock of @page. */
enum vmc_migrate_type vmc_memmap_type(const struct vmc_memmap *map,
                                      uint32_t page);

/** How many blocks a list has. */
uint64_t vmc_memmap_area_count(const struct vmc_memmap *map,
                               struct vmc_free_area area);

/** The first block of a list, the one after @page; VMC_PAGE_NONE at the end. */
uint32_t vmc_memmap_area_first(const struct vmc_memmap *map,
                               struct vmc_free_area area);
uint32_t vmc_memmap_area_next(const struct vmc_memmap *map, uint32_t page);

/** True when @page heads a free block that was reported to the host. */
bool vmc_memmap_is_reported(const struct vmc_memmap *map, uint32_t page);

/** Write /proc/buddyinfo as it would read now. Returns its length; cut when
 * it does not fit. */
size_t vmc_memmap_buddyinfo(const struct vmc_memmap *map, char *text,
                            size_t size_bytes);

/* ---- Taking --------------------------------------------------------------*/

/**
 * Take up to @block_max blocks, and write them as runs: a run counts pages,
 * and goes up by blocks of the order. Stops early when memory is short of the
 * low watermarks, or when @run_max runs are full and a new one would begin.
 * Returns  the number of blocks; *@run_count runs were written.
 * Order    as that many calls for one block.
 */
uint32_t vmc_memmap_take(struct vmc_memmap *map,
                         const struct vmc_page_request *request,
                         uint32_t block_max, struct vmc_page_run *runs,
                         uint32_t run_max, uint32_t *run_count);

/** The same, with the first page of each block in @blocks. */
uint32_t vmc_memmap_take_blocks(struct vmc_memmap *map,
                                const struct vmc_page_request *request,
                                uint32_t block_max, uint32_t *blocks);

/** Take what is free in [@page, @page + @count), wherever it is in its lists,
 * and make it @state. Drains the lists of CPUs. Returns how many pages. */
uint64_t vmc_memmap_isolate(struct vmc_memmap *map, uint32_t page,
                            uint32_t count, enum vmc_page_state state);

/** Take the free block that @page heads; it becomes REPORTING. Returns its
 * order. */
uint32_t vmc_memmap_take_head(struct vmc_memmap *map, uint32_t page);

/* ---- Giving --------------------------------------------------------------*/

/** Free a block, through the list of @cpu where its order has one. */
void vmc_memmap_give(struct vmc_memmap *map, uint32_t page, uint32_t order,
                     uint32_t cpu);

/** Free the pages of @run one after the other, in its order. */
void vmc_memmap_give_run(struct vmc_memmap *map, struct vmc_page_run run,
                         uint32_t cpu);

/** Free [@page, @page + @count) in the largest blocks that fit, straight into
 * the buddy lists. */
void vmc_memmap_give_range(struct vmc_memmap *map, uint32_t page,
                           uint64_t count);

/** Free a block at the tail of its list; reported if it did not merge. */
void vmc_memmap_give_reported(struct vmc_memmap *map, uint32_t page,
                              uint32_t order);

/** Turn a list round until the free head @page is its first. */
void vmc_memmap_rotate(struct vmc_memmap *map, uint32_t page);

/** Give all lists of CPUs back to the buddy lists. */
void vmc_memmap_drain(struct vmc_memmap *map);

/**
 * Make [@page, @page + @count) @state.
 * Asserts  none of it is free or on the list of a CPU, before or after.
 */
void vmc_memmap_mark(struct vmc_memmap *map, uint32_t page, uint64_t count,
                     enum vmc_page_state state);

/** The highest order that @page is aligned to and @count pages hold. */
uint32_t vmc_memmap_order_at(const struct vmc_memmap *map, uint32_t page,
                             uint64_t count);

/* ---- Checking ------------------------------------------------------------*/

/**
 * Check everything that can be known from this map alone: each page in one
 * place, lists and states agree, free buddies are merged, counts add up.
 * Fails    VMC_E_FORMAT with the first thing that is wrong in @error.
 * Cost     Visits every page.
 */
enum vmc_status vmc_memmap_audit(const struct vmc_memmap *map,
                                 struct vmc_error *error);

/** The part of it that is O(1): counts of all states add up. */
bool vmc_memmap_adds_up(const struct vmc_memmap *map);

#endif
