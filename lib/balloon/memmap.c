/* SPDX-License-Identifier: MIT */
/*
 * One byte a page says where it is; everything that is asked about ranges is a
 * walk over bytes, and the numbers of pages in each state are kept beside.
 */
#include "balloon/memmap_priv.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const zone_names[VMC_ZONE_COUNT] = {"DMA", "DMA32", "Normal",
                                                       "Movable"};

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* ---- Configurations ------------------------------------------------------*/

static void add_region(struct vmc_memmap_config *config, uint64_t start,
                       uint64_t size, uint64_t offset)
{
    if (size > 0) {
        config->regions[config->region_count++] =
            (struct vmc_memory_region){.start_bytes = start,
                                       .size_bytes = size,
                                       .offset_bytes = offset,
                                       .kind = VMC_REGION_RAM};
    }
}

/* Low RAM with the hole of a PC below 1 MiB (spec 2.1). */
static void add_pc_low(struct vmc_memmap_config *config, uint64_t low)
{
    const uint64_t conventional = UINT64_C(0x9f000);

    add_region(config, 0, low < conventional ? low : conventional, 0);
    if (low > MIB) {
        add_region(config, MIB, low - MIB, MIB);
    }
}

void vmc_memmap_lay_out(struct vmc_memmap_config *config,
                        enum vmc_layout layout, uint64_t ram_bytes)
{
    uint64_t low = ram_bytes, zones;

    config->region_count = 0;
    config->dma_end_bytes = layout == VMC_LAYOUT_VIRT ? 0 : 16 * MIB;
    config->dma32_end_bytes = 4 * GIB;
    config->movable_bytes = 0;
    switch (layout) {
    case VMC_LAYOUT_I440FX: /* QEMU hw/i386/pc_piix.c: max_ram_below_4g */
        low = ram_bytes >= UINT64_C(0xe0000000) ? 3 * GIB : ram_bytes;
        add_pc_low(config, low);
        break;
    case VMC_LAYOUT_Q35: /* QEMU hw/i386/pc_q35.c */
        low = ram_bytes >= UINT64_C(0xb0000000) ? 2 * GIB : ram_bytes;
        add_pc_low(config, low);
        break;
    case VMC_LAYOUT_VIRT: /* QEMU hw/loongarch/virt.c */
        low = ram_bytes < 256 * MIB ? ram_bytes : 256 * MIB;
        add_region(config, 0, low, 0);
        break;
    case VMC_LAYOUT_FLAT:
        add_region(config, 0, low, 0);
        break;
    }
    add_region(config, layout == VMC_LAYOUT_VIRT ? 2 * GIB : 4 * GIB,
               ram_bytes - low, low);
    zones = 1 + (ram_bytes - low > 0);
    config->min_free_bytes =
        vmc_memmap_min_free(ram_bytes, config->page_bytes, (uint32_t)zones,
                            config->page_bytes == 4096);
}

static uint64_t square_root(uint64_t value)
{
    uint64_t root = 0;

    for (uint64_t bit = UINT64_C(1) << 31; bit > 0; bit >>= 1) {
        if ((root + bit) * (root + bit) <= value) {
            root += bit;
        }
    }
    return root;
}

/* mm/page_alloc.c: 4 * sqrt(KiB), from 128 KiB to 256 MiB. khugepaged wants two
 * pageblocks a zone, and one for each pair of three types. */
uint64_t vmc_memmap_min_free(uint64_t ram_bytes, uint32_t page_bytes,
                             uint32_t zones, bool has_thp)
{
    uint64_t kib = 4 * square_root(ram_bytes >> 10), wanted;
    uint64_t pageblock =
        UINT64_C(512) * 4096 * (page_bytes / 4096) * (page_bytes / 4096);

    kib = kib < 128 ? 128 : kib > 262144 ? 262144 : kib;
    wanted = pageblock * zones * (2 + 3 * 3);
    if (has_thp && wanted > kib << 10) {
        return wanted < ram_bytes / 20 ? wanted : ram_bytes / 20;
    }
    return kib << 10;
}

/* ---- States --------------------------------------------------------------*/

void states_set(struct vmc_memmap *map, uint32_t page, uint64_t count,
                enum vmc_page_state state)
{
    uint8_t *bytes = &map->states[page];

    assert(count > 0 && page + count <= map->page_max);
    if (count == 1 || memcmp(bytes, bytes + 1, count - 1) == 0) {
        map->counts[vmc_memmap_state(map, page)] -= count;
    } else {
        for (uint64_t i = 0; i < count; i++) {
            map->counts[vmc_memmap_state(map, page + (uint32_t)i)]--;
        }
    }
    map->counts[state] += count;
    memset(bytes, (int)state, count);
}

void vmc_memmap_mark(struct vmc_memmap *map, uint32_t page, uint64_t count,
                     enum vmc_page_state state)
{
    bool is_allowed = true;

    assert(state != VMC_PAGE_FREE && state != VMC_PAGE_PCP);
    assert(page + count <= map->page_max);
    for (uint64_t i = 0; i < count; i++) {
        uint8_t old = map->states[page + i];

        is_allowed &= old != VMC_PAGE_HOLE && old != VMC_PAGE_FREE &&
                      old != VMC_PAGE_PCP && old < PAGE_HEAD;
    }
    assert(is_allowed);
    states_set(map, page, count, state);
}

enum vmc_page_state vmc_memmap_state(const struct vmc_memmap *map,
                                     uint32_t page)
{
    assert(page < map->page_max);
    return page_is_head(map, page) ? VMC_PAGE_FREE
                                   : (enum vmc_page_state)map->states[page];
}

uint64_t vmc_memmap_count(const struct vmc_memmap *map,
                          enum vmc_page_state state)
{
    return map->counts[state];
}

bool vmc_memmap_all_in(const struct vmc_memmap *map, uint64_t page,
                       uint64_t count, uint32_t mask)
{
    if (count > map->page_max || page > map->page_max - count) {
        return false;
    }
    for (uint64_t i = page; i < page + count; i++) {
        if ((mask >> vmc_memmap_state(map, (uint32_t)i) & 1) == 0) {
            return false;
        }
    }
    return true;
}

bool vmc_memmap_is_ram(const struct vmc_memmap *map, uint64_t page,
                       uint64_t count)
{
    if (count > map->page_max || page > map->page_max - count) {
        return false;
    }
    return count == 0 ||
           memchr(&map->states[page], VMC_PAGE_HOLE, count) == NULL;
}

const struct vmc_memory_region *vmc_memmap_region(const struct vmc_memmap *map,
                                                  uint64_t at_bytes,
                                                  uint64_t size_bytes,
                                                  uint64_t *offset_bytes)
{
    for (uint32_t i = 0; i < map->config.region_count; i++) {
        const struct vmc_memory_region *region = &map->config.regions[i];

        if (at_bytes >= region->start_bytes &&
            at_bytes - region->start_bytes < region->size_bytes) {
            uint64_t inside = at_bytes - region->start_bytes;

            if (region->kind == VMC_REGION_ROM ||
                size_bytes > region->size_bytes - inside) {
                return NULL;
            }
            *offset_bytes = region->offset_bytes + inside;
            return region;
        }
    }
    return NULL;
}

uint32_t vmc_memmap_find(const struct vmc_memmap *map, uint32_t *page,
                         uint32_t mask)
{
    uint32_t at = *page, end;

    while (at < map->page_max && (mask >> vmc_memmap_state(map, at) & 1) == 0) {
        at++;
    }
    end = at;
    while (end < map->page_max &&
           (mask >> vmc_memmap_state(map, end) & 1) != 0) {
        end++;
    }
    *page = at;
    return end - at;
}

/* ---- Facts ---------------------------------------------------------------*/

uint32_t vmc_memmap_page_max(const struct vmc_memmap *map)
{
    return map->page_max;
}

uint64_t vmc_memmap_ram_pages(const struct vmc_memmap *map)
{
    return map->ram_pages;
}

uint32_t vmc_memmap_order_max(const struct vmc_memmap *map)
{
    return map->order_max;
}

uint32_t vmc_memmap_pageblock_order(const struct vmc_memmap *map)
{
    return map->pageblock_order;
}

enum vmc_migrate_type vmc_memmap_type(const struct vmc_memmap *map,
                                      uint32_t page)
{
    assert(page < map->page_max);
    return (enum vmc_migrate_type)type_of(map, page);
}

struct vmc_zone_facts vmc_memmap_zone(const struct vmc_memmap *map,
                                      enum vmc_zone number)
{
    const struct zone *zone = &map->zones[number];

    return (struct vmc_zone_facts){.first_page = zone->first,
                                   .end_page = zone->end,
                                   .present = zone->present,
                                   .managed = zone->managed,
                                   .free = zone->free,
                                   .pcp = zone->pcp_pages,
                                   .min = zone->min,
                                   .low = zone->low,
                                   .high = zone->high};
}

static const struct free_list *list_of(const struct vmc_memmap *map,
                                       struct vmc_free_area area)
{
    assert(area.zone < VMC_ZONE_COUNT && area.order <= map->order_max &&
           area.type < VMC_TYPE_COUNT);
    return &map->zones[area.zone].lists[area.order][area.type];
}

uint64_t vmc_memmap_area_count(const struct vmc_memmap *map,
                               struct vmc_free_area area)
{
    return list_of(map, area)->count;
}

uint32_t vmc_memmap_area_first(const struct vmc_memmap *map,
                               struct vmc_free_area area)
{
    const struct free_list *list = list_of(map, area);

    return list->count > 0 ? list->first : VMC_PAGE_NONE;
}

uint32_t vmc_memmap_area_next(const struct vmc_memmap *map, uint32_t page)
{
    assert(page_is_head(map, page));
    return map->links[page].next;
}

bool vmc_memmap_is_reported(const struct vmc_memmap *map, uint32_t page)
{
    return page_is_head(map, page) && (map->states[page] & PAGE_REPORTED) != 0;
}

uint32_t vmc_memmap_order_at(const struct vmc_memmap *map, uint32_t page,
                             uint64_t count)
{
    uint32_t order = vmc_bits_top(count);

    order = order < map->order_max ? order : map->order_max;
    if (page != 0 && vmc_bits_low(page) < order) {
        order = vmc_bits_low(page);
    }
    return order;
}

/* Append printf-style; *length counts on beyond the end of @text. */
__attribute__((format(printf, 4, 5))) static void
print(char *text, size_t size, size_t *length, const char *format, ...)
{
    char piece[64];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(piece, sizeof(piece), format, args);
    va_end(args);
    if (*length < size) {
        (void)snprintf(text + *length, size - *length, "%s", piece);
    }
    *length += (size_t)n;
}

size_t vmc_memmap_buddyinfo(const struct vmc_memmap *map, char *text,
                            size_t size_bytes)
{
    size_t length = 0;

    for (uint32_t z = 0; z < VMC_ZONE_COUNT; z++) {
        const struct zone *zone = &map->zones[z];

        if (zone->present == 0) {
            continue;
        }
        print(text, size_bytes, &length, "Node 0, zone %8s ", zone_names[z]);
        for (uint32_t order = 0; order <= map->order_max; order++) {
            uint64_t count = 0;

            for (uint32_t type = 0; type < VMC_TYPE_COUNT; type++) {
                count += zone->lists[order][type].count;
            }
            print(text, size_bytes, &length, "%6" PRIu64 " ", count);
        }
        print(text, size_bytes, &length, "\n");
    }
    return length;
}

/* ---- Taking and giving ranges --------------------------------------------*/

uint64_t vmc_memmap_isolate(struct vmc_memmap *map, uint32_t page,
                            uint32_t count, enum vmc_page_state state)
{
    uint32_t end = page + count, at = page;
    uint64_t taken = 0;

    assert(end <= map->page_max);
    vmc_memmap_drain(map);
    while (at < end) {
        uint32_t head = at, order, until;

        if (vmc_memmap_state(map, at) != VMC_PAGE_FREE) {
            at++;
            continue;
        }
        for (order = 0; !page_is_head(map, head); order++) {
            head = at & ~((UINT32_C(2) << order) - 1);
        }
        order = buddy_unlink(map, head);
        until = head + (UINT32_C(1) << order);
        until = until < end ? until : end;
        buddy_carve(map, head, order, at, until - at);
        states_set(map, at, until - at, state);
        taken += until - at;
        at = until;
    }
    return taken;
}

uint32_t vmc_memmap_take_head(struct vmc_memmap *map, uint32_t page)
{
    uint32_t order = buddy_unlink(map, page);

    map->zones[zone_of(map, page)].free -= UINT64_C(1) << order;
    states_set(map, page, UINT64_C(1) << order, VMC_PAGE_REPORTING);
    return order;
}

void vmc_memmap_give_range(struct vmc_memmap *map, uint32_t page,
                           uint64_t count)
{
    while (count > 0) {
        uint32_t order = vmc_memmap_order_at(map, page, count);
        uint32_t size = UINT32_C(1) << order;
        struct zone *zone = &map->zones[zone_of(map, page)];

        if (page + size > zone->end) {
            order = vmc_memmap_order_at(map, page, zone->end - page);
            size = UINT32_C(1) << order;
        }
        states_set(map, page, size, VMC_PAGE_FREE);
        zone->free += size;
        buddy_insert(map, page, order, false);
        page += size;
        count -= size;
    }
}

void vmc_memmap_give_reported(struct vmc_memmap *map, uint32_t page,
                              uint32_t order)
{
    states_set(map, page, UINT64_C(1) << order, VMC_PAGE_FREE);
    map->zones[zone_of(map, page)].free += UINT64_C(1) << order;
    buddy_insert(map, page, order, true);
    if (page_is_free(map, page, order)) {
        map->states[page] |= PAGE_REPORTED;
    }
}

void vmc_memmap_rotate(struct vmc_memmap *map, uint32_t page)
{
    uint32_t order = map->states[page] & PAGE_ORDER;
    struct free_list *list =
        &map->zones[zone_of(map, page)].lists[order][type_of(map, page)];
    uint32_t prev = map->links[page].prev;

    assert(page_is_head(map, page));
    if (page == list->first) {
        return;
    }
    map->links[list->last].next = list->first;
    map->links[list->first].prev = list->last;
    map->links[prev].next = VMC_PAGE_NONE;
    map->links[page].prev = VMC_PAGE_NONE;
    list->last = prev;
    list->first = page;
}

/* ---- Making --------------------------------------------------------------*/

static void make_zones(struct vmc_memmap *map)
{
    const struct vmc_memmap_config *config = &map->config;
    uint64_t ends[VMC_ZONE_COUNT] = {
        config->dma_end_bytes, config->dma32_end_bytes,
        config->movable_bytes > 0 ? config->movable_bytes : UINT64_MAX,
        UINT64_MAX};
    uint32_t first = 0;

    for (uint32_t i = 0; i < VMC_ZONE_COUNT; i++) {
        uint64_t end = ends[i] >> map->page_shift;

        end = end < map->page_max ? end : map->page_max;
        map->zones[i].first = first;
        map->zones[i].end = end > first ? (uint32_t)end : first;
        first = map->zones[i].end;
    }
}

static void add_ram(struct vmc_memmap *map,
                    const struct vmc_memory_region *region)
{
    uint64_t mask = (UINT64_C(1) << map->page_shift) - 1;
    uint64_t first = (region->start_bytes + mask) >> map->page_shift;
    uint64_t end =
        (region->start_bytes + region->size_bytes) >> map->page_shift;

    for (uint64_t page = first; page < end; page++) {
        struct zone *zone = &map->zones[zone_of(map, (uint32_t)page)];

        zone->present++;
        zone->managed += region->kind == VMC_REGION_RAM;
    }
    if (end > first) {
        states_set(map, (uint32_t)first, end - first,
                   region->kind == VMC_REGION_RAM ? VMC_PAGE_USED_MOVABLE
                                                  : VMC_PAGE_RESERVED);
        map->ram_pages += end - first;
    }
}

/* mm/page_alloc.c: min in proportion to size; low and high a quarter of it or
 * a thousandth of the zone above. A request that could use a higher zone leaves
 * a lower one its share of what the higher ones have: lowmem_reserve_ratio. */
static void set_watermarks(struct vmc_memmap *map)
{
    static const uint32_t ratios[VMC_ZONE_COUNT] = {256, 256, 32, 1};
    uint64_t min = map->config.min_free_bytes >> map->page_shift, above = 0;
    uint64_t lowmem = 0, pages_256k = (UINT64_C(1) << 18) >> map->page_shift;

    for (uint32_t i = 0; i < VMC_ZONE_MOVABLE; i++) {
        lowmem += map->zones[i].managed;
    }
    for (uint32_t i = VMC_ZONE_COUNT; i-- > 0;) {
        struct zone *zone = &map->zones[i];
        uint64_t movable = map->zones[VMC_ZONE_MOVABLE].managed;
        uint64_t step, batch = zone->managed >> 12;

        zone->min = i < VMC_ZONE_MOVABLE && lowmem > 0
                        ? min * zone->managed / lowmem
                        : 0;
        step = zone->managed / 1000;
        step = step > zone->min / 4 ? step : zone->min / 4;
        step = map->config.min_free_bytes > 0 ? step : 0;
        zone->low = zone->min + step;
        zone->high = zone->low + step;
        if (map->config.min_free_bytes > 0 && i < VMC_ZONE_MOVABLE) {
            zone->reserve[1] = above / ratios[i];
            zone->reserve[0] = (above - movable) / ratios[i];
        }
        above += zone->managed;
        batch = batch < pages_256k ? batch : pages_256k;
        zone->batch =
            batch <= 1 ? 1
                       : (UINT32_C(1) << vmc_bits_top(batch + batch / 2)) - 1;
        zone->pcp_high = 6 * zone->batch;
    }
}

static enum vmc_status check_config(const struct vmc_memmap_config *config,
                                    struct vmc_error *error)
{
    uint64_t end = 0;

    if (config->page_bytes != 4096 && config->page_bytes != 16384 &&
        config->page_bytes != 65536) {
        return vmc_fail(error, VMC_E_RANGE,
                        "guest pages are of 4096, 16384 or 65536 bytes, not %u",
                        config->page_bytes);
    }
    if (config->region_count < 1 ||
        config->region_count > VMC_MEMORY_REGIONS_MAX ||
        config->cpu_count > VMC_CPUS_MAX ||
        config->order_max >= VMC_ORDERS_MAX) {
        return vmc_fail(error, VMC_E_RANGE,
                        "a guest has 1 to %d regions, at most %d CPUs and "
                        "orders below %d",
                        VMC_MEMORY_REGIONS_MAX, VMC_CPUS_MAX, VMC_ORDERS_MAX);
    }
    for (uint32_t i = 0; i < config->region_count; i++) {
        const struct vmc_memory_region *region = &config->regions[i];

        if (region->start_bytes < end || region->size_bytes == 0 ||
            region->size_bytes >= UINT64_C(1) << 44 ||
            region->start_bytes >= (UINT64_C(1) << 44) - region->size_bytes) {
            return vmc_fail(error, VMC_E_RANGE,
                            "region %u is empty, below the end of the one "
                            "before, or beyond 16 TiB",
                            i);
        }
        end = region->start_bytes + region->size_bytes;
    }
    return VMC_OK;
}

static enum vmc_status allocate(struct vmc_memmap *map)
{
    const struct vmc_memmap_config *config = &map->config;
    const struct vmc_memory_region *last =
        &config->regions[config->region_count - 1];
    uint64_t pages = (last->start_bytes + last->size_bytes) >> map->page_shift;

    map->page_max = (uint32_t)pages;
    if (pages == 0 || pages >= UINT32_MAX) {
        return VMC_E_RANGE;
    }
    map->states = calloc(pages, 1);
    map->types = calloc((pages >> map->pageblock_order) +
                            (UINT64_C(1) << (VMC_ORDERS_MAX - 1)),
                        1);
    map->links = calloc(pages, sizeof(*map->links));
    map->pcps = calloc((size_t)VMC_ZONE_COUNT * config->cpu_count + 1,
                       sizeof(*map->pcps));
    return map->states != NULL && map->types != NULL && map->links != NULL &&
                   map->pcps != NULL
               ? VMC_OK
               : VMC_E_NOMEM;
}

enum vmc_status vmc_memmap_new(struct vmc_memmap **out,
                               const struct vmc_memmap_config *config,
                               struct vmc_error *error)
{
    enum vmc_status status = check_config(config, error);
    struct vmc_memmap *map;
    uint32_t text_order;

    *out = NULL;
    if (status != VMC_OK) {
        return status;
    }
    map = calloc(1, sizeof(*map));
    if (map == NULL) {
        return vmc_fail(error, VMC_E_NOMEM, "no memory for a guest");
    }
    map->config = *config;
    map->page_shift = vmc_bits_top(config->page_bytes);
    /* A pageblock is what a page table of one page maps. */
    map->pageblock_order = map->page_shift - 3;
    text_order = fragment_order_max(config->fragmentation);
    map->order_max = text_order > 0          ? text_order
                     : config->order_max > 0 ? config->order_max
                     : map->page_shift == 12 ? 10
                                             : map->pageblock_order;
    if (map->pageblock_order > map->order_max) {
        map->pageblock_order = map->order_max;
    }
    status = map->order_max < VMC_ORDERS_MAX ? allocate(map) : VMC_E_RANGE;
    if (status != VMC_OK) {
        vmc_memmap_free(map);
        return vmc_fail(error, status, "a guest of this size cannot be kept");
    }
    map->counts[VMC_PAGE_HOLE] = map->page_max;
    make_zones(map);
    for (uint32_t i = 0; i < config->region_count; i++) {
        if (config->regions[i].kind != VMC_REGION_ROM) {
            add_ram(map, &config->regions[i]);
        }
    }
    set_watermarks(map);
    status = fragment(map, error);
    map->config.fragmentation = NULL;
    if (status != VMC_OK) {
        vmc_memmap_free(map);
        return status;
    }
    *out = map;
    return VMC_OK;
}

void vmc_memmap_free(struct vmc_memmap *map)
{
    if (map != NULL) {
        free(map->states);
        free(map->types);
        free(map->links);
        free(map->pcps);
        free(map);
    }
}
