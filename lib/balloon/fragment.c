/* SPDX-License-Identifier: MIT */
/*
 * The memory of a guest before anything ran.
 *
 * From a text: all memory of a zone is a pool of aligned pieces, kept in the
 * free lists while it lasts. For every order from the top down, each block that
 * the text counts is cut from the smallest piece that is larger: its upper half
 * is the block, the lower half stays in the pool for smaller orders and in
 * the end is in use. So no two buddies are free, and blocks cut one after the
 * other out of a piece follow each other upwards, as what a real allocator has
 * left over of a block does. Blocks of the highest order are pieces as they
 * are. Lists are linked upwards, as a guest has them after its start.
 */
#include "balloon/memmap_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

enum { CHOSEN = PAGE_HEAD | PAGE_REPORTED };

static const char *const zone_names[VMC_ZONE_COUNT] = {"DMA", "DMA32", "Normal",
                                                       "Movable"};
static const char *const type_names[VMC_TYPE_COUNT] = {
    "Unmovable", "Movable", "Reclaimable", "HighAtomic", "CMA", "Isolate"};

/* What a text says about a guest. */
struct wanted {
    uint64_t blocks[VMC_ZONE_COUNT][VMC_TYPE_COUNT][VMC_ORDERS_MAX];
    uint64_t pageblocks[VMC_ZONE_COUNT][VMC_TYPE_COUNT];
    bool has_pageblocks;
};

/* ---- Reading -------------------------------------------------------------*/

static const char *skip_blanks(const char *at)
{
    while (*at == ' ') {
        at++;
    }
    return at;
}

static bool skip_word(const char **at, const char *word)
{
    size_t length = strlen(word);
    const char *start = skip_blanks(*at);

    if (strncmp(start, word, length) != 0) {
        return false;
    }
    *at = start + length;
    return true;
}

/* One of @names, with nothing but a blank or a comma behind it. */
static bool read_name(const char **at, const char *const *names, uint32_t count,
                      uint32_t *index)
{
    const char *start = skip_blanks(*at);
    size_t length = strcspn(start, " ,\r\n");

    for (*index = 0; *index < count; (*index)++) {
        if (strlen(names[*index]) == length &&
            strncmp(start, names[*index], length) == 0) {
            *at = start + length;
            return true;
        }
    }
    return false;
}

/* At the end of a line; a file that went over a serial line has a CR there. */
static bool is_end(const char *at)
{
    at += *at == '\r';
    return *at == '\n' || *at == '\0';
}

/* A count; the kernel writes ">100000" when it stops counting. */
static bool read_count(const char **at, uint64_t *value)
{
    const char *start = skip_blanks(*at), *digit;

    start += *start == '>';
    *value = 0;
    for (digit = start; *digit >= '0' && *digit <= '9'; digit++) {
        if (*value > UINT32_MAX) {
            return false;
        }
        *value = *value * 10 + (uint64_t)(*digit - '0');
    }
    *at = digit;
    return digit > start;
}

static uint32_t read_counts(const char **at, uint64_t *values, uint32_t max)
{
    uint32_t count = 0;
    uint64_t value;

    while (count < max && read_count(at, &value)) {
        values[count++] = value;
    }
    *at = skip_blanks(*at);
    return count;
}

static bool is_text(const char *text)
{
    return text != NULL && strchr(text, '\n') != NULL;
}

uint32_t fragment_order_max(const char *text)
{
    const char *line = is_text(text) ? strstr(text, "zone") : NULL;
    uint64_t values[VMC_ORDERS_MAX];
    uint32_t count, name;

    if (line == NULL) {
        return 0;
    }
    line += 4;
    if (!read_name(&line, zone_names, VMC_ZONE_COUNT, &name)) {
        return 0;
    }
    if (skip_word(&line, ",") &&
        (!skip_word(&line, "type") ||
         !read_name(&line, type_names, VMC_TYPE_COUNT, &name))) {
        return 0;
    }
    count = read_counts(&line, values, VMC_ORDERS_MAX);
    return count > 0 ? count - 1 : 0;
}

/* One row of either file. Rows of buddyinfo have no type: all is movable. */
static bool read_row(const struct vmc_memmap *map, const char *line,
                     bool is_pageblocks, uint32_t type_count,
                     const uint32_t *types, struct wanted *wanted)
{
    uint64_t node, values[VMC_ORDERS_MAX];
    uint32_t zone, type = VMC_TYPE_MOVABLE, count;

    if (!skip_word(&line, "Node") || !read_count(&line, &node) || node != 0 ||
        !skip_word(&line, ",") || !skip_word(&line, "zone") ||
        !read_name(&line, zone_names, VMC_ZONE_COUNT, &zone)) {
        return false;
    }
    if (skip_word(&line, ",") &&
        (!skip_word(&line, "type") ||
         !read_name(&line, type_names, VMC_TYPE_COUNT, &type))) {
        return false;
    }
    count = read_counts(&line, values, VMC_ORDERS_MAX);
    if (!is_end(line)) {
        return false;
    }
    if (is_pageblocks) {
        for (uint32_t i = 0; i < count && i < type_count; i++) {
            wanted->pageblocks[zone][types[i]] = values[i];
        }
        wanted->has_pageblocks = true;
        return count == type_count;
    }
    if (count != map->order_max + 1) {
        return false;
    }
    memcpy(wanted->blocks[zone][type], values, count * sizeof(*values));
    return true;
}

static enum vmc_status read_text(const struct vmc_memmap *map,
                                 struct wanted *wanted, struct vmc_error *error)
{
    uint32_t types[VMC_TYPE_COUNT], type_count = 0, number = 0;
    bool is_pageblocks = false;

    for (const char *line = map->config.fragmentation; *line != '\0';) {
        const char *at = line, *end = strchr(line, '\n');

        number++;
        if (skip_word(&at, "Number of blocks type")) {
            is_pageblocks = true;
            while (type_count < VMC_TYPE_COUNT &&
                   read_name(&at, type_names, VMC_TYPE_COUNT,
                             &types[type_count])) {
                type_count++;
            }
        } else if (skip_word(&at, "Node") &&
                   !read_row(map, line, is_pageblocks, type_count, types,
                             wanted)) {
            return vmc_fail(error, VMC_E_FORMAT,
                            "line %u: a row of buddyinfo or pagetypeinfo with "
                            "%u orders was expected",
                            number, map->order_max + 1);
        }
        if (end == NULL) {
            break;
        }
        line = end + 1;
    }
    return VMC_OK;
}

/* ---- Placing -------------------------------------------------------------*/

/* Types by groups of the largest blocks: the unmovable ones at the bottom, as
 * kernels cluster them, or shuffled by the seed. */
static void assign_types(struct vmc_memmap *map, uint32_t zone_number,
                         const struct wanted *wanted, struct vmc_rng *rng)
{
    static const uint8_t order[VMC_TYPE_COUNT] = {
        VMC_TYPE_UNMOVABLE, VMC_TYPE_RECLAIMABLE, VMC_TYPE_HIGHATOMIC,
        VMC_TYPE_CMA,       VMC_TYPE_ISOLATE,     VMC_TYPE_MOVABLE};
    const struct zone *zone = &map->zones[zone_number];
    uint32_t size = UINT32_C(1) << map->order_max, shift = map->pageblock_order;
    uint32_t per_group = UINT32_C(1) << (map->order_max - shift);
    uint32_t at = zone->first >> shift, end = zone->end >> shift;

    for (uint32_t i = 0; i < VMC_TYPE_COUNT - 1; i++) {
        uint64_t left = wanted->pageblocks[zone_number][order[i]];

        for (; at < end && left > 0; at++) {
            if (vmc_memmap_is_ram(map, (uint64_t)at << shift,
                                  UINT64_C(1) << shift)) {
                map->types[at] = order[i];
                left--;
            }
        }
    }
    if (map->config.seed == 0 || zone->end - zone->first < 2 * size) {
        return;
    }
    for (uint32_t i = (zone->end - zone->first) / size - 1; i > 0; i--) {
        uint32_t first = zone->first >> shift;
        uint8_t *a = &map->types[first + i * per_group];
        uint8_t *b = &map->types[first + per_group * (uint32_t)vmc_rng_below(
                                                         rng, i + 1)];

        for (uint32_t k = 0; k < per_group; k++) {
            uint8_t type = a[k];

            a[k] = b[k];
            b[k] = type;
        }
    }
}

static bool is_one_type(const struct vmc_memmap *map, uint32_t page,
                        uint32_t order)
{
    uint32_t first = page >> map->pageblock_order;
    uint32_t end = (page + (UINT32_C(1) << order) - 1) >> map->pageblock_order;

    while (first < end && map->types[first] == map->types[end]) {
        first++;
    }
    return first == end;
}

/* Everything that is RAM, as pieces of one type each. */
static void fill_pool(struct vmc_memmap *map, struct vmc_rng *rng)
{
    uint32_t page = 0, count;

    while ((count = vmc_memmap_find(
                map, &page, VMC_PAGE_MASK(VMC_PAGE_USED_MOVABLE))) > 0) {
        for (uint32_t end = page + count; page < end;) {
            struct zone *zone = &map->zones[zone_of(map, page)];
            uint32_t stop = end < zone->end ? end : zone->end;
            uint32_t order = vmc_memmap_order_at(map, page, stop - page);

            if (!is_one_type(map, page, order)) {
                order = map->pageblock_order;
            }
            states_set(map, page, UINT64_C(1) << order, VMC_PAGE_FREE);
            zone->free += UINT64_C(1) << order;
            buddy_link(map, page, order,
                       map->config.seed == 0 || (vmc_rng_next(rng) & 1) == 0);
            page += UINT32_C(1) << order;
        }
    }
}

/* Cut one block out of the pool. */
static bool choose(struct vmc_memmap *map, struct zone *zone, uint32_t order,
                   uint32_t type)
{
    uint32_t larger = zone->ready[type] >> order >> 1 << 1 << order;
    uint32_t page, piece;

    if (larger != 0) {
        piece = vmc_bits_low(larger);
        page = zone->lists[piece][type].first;
        (void)buddy_unlink(map, page);
        while (piece-- > order) {
            buddy_link(map, page, piece, false);
            page += UINT32_C(1) << piece;
        }
        map->states[page] = (uint8_t)(CHOSEN | order);
        return true;
    }
    for (page = zone->lists[order][type].count > 0
                    ? zone->lists[order][type].first
                    : VMC_PAGE_NONE;
         page != VMC_PAGE_NONE; page = map->links[page].next) {
        uint32_t buddy = page ^ UINT32_C(1) << order;

        if (order == map->order_max || buddy >= map->page_max ||
            map->states[buddy] != (CHOSEN | order)) {
            (void)buddy_unlink(map, page);
            map->states[page] = (uint8_t)(CHOSEN | order);
            return true;
        }
    }
    return false;
}

static enum vmc_status choose_all(struct vmc_memmap *map,
                                  const struct wanted *wanted,
                                  struct vmc_error *error)
{
    for (uint32_t z = 0; z < VMC_ZONE_COUNT; z++) {
        for (uint32_t order = map->order_max + 1; order-- > 0;) {
            for (uint32_t type = 0; type < VMC_TYPE_COUNT; type++) {
                uint64_t left = wanted->blocks[z][type][order];

                while (left > 0 && choose(map, &map->zones[z], order, type)) {
                    left--;
                }
                if (left > 0) {
                    return vmc_fail(error, VMC_E_FORMAT,
                                    "zone %s has no place for %llu more blocks "
                                    "of order %u and type %s",
                                    zone_names[z], (unsigned long long)left,
                                    order, type_names[type]);
                }
            }
        }
    }
    return VMC_OK;
}

/* Chosen blocks are free, and what is left of the pool is in use. */
static void settle(struct vmc_memmap *map)
{
    static const enum vmc_page_state used[VMC_TYPE_COUNT] = {
        [VMC_TYPE_UNMOVABLE] = VMC_PAGE_USED_UNMOVABLE,
        [VMC_TYPE_MOVABLE] = VMC_PAGE_USED_MOVABLE,
        [VMC_TYPE_RECLAIMABLE] = VMC_PAGE_USED_RECLAIMABLE,
        [VMC_TYPE_HIGHATOMIC] = VMC_PAGE_USED_UNMOVABLE,
        [VMC_TYPE_CMA] = VMC_PAGE_USED_MOVABLE,
        [VMC_TYPE_ISOLATE] = VMC_PAGE_USED_UNMOVABLE,
    };

    for (uint32_t page = 0; page < map->page_max;) {
        uint32_t order = map->states[page] & PAGE_ORDER;

        if (!page_is_head(map, page)) {
            page++;
            continue;
        }
        if ((map->states[page] & PAGE_REPORTED) != 0) {
            buddy_link(map, page, order, true);
        } else {
            map->zones[zone_of(map, page)].free -= UINT64_C(1) << order;
            (void)buddy_unlink(map, page);
            states_set(map, page, UINT64_C(1) << order,
                       used[type_of(map, page)]);
        }
        page += UINT32_C(1) << order;
    }
}

static enum vmc_status from_text(struct vmc_memmap *map,
                                 struct vmc_error *error)
{
    struct wanted *wanted = calloc(1, sizeof(*wanted));
    enum vmc_status status;
    struct vmc_rng rng;

    if (wanted == NULL) {
        return vmc_fail(error, VMC_E_NOMEM, "no memory to read buddyinfo");
    }
    vmc_rng_init(&rng, map->config.seed);
    status = read_text(map, wanted, error);
    if (status == VMC_OK) {
        for (uint32_t z = 0; wanted->has_pageblocks && z < VMC_ZONE_COUNT;
             z++) {
            assign_types(map, z, wanted, &rng);
        }
        fill_pool(map, &rng);
        status = choose_all(map, wanted, error);
    }
    if (status == VMC_OK) {
        settle(map);
    }
    free(wanted);
    return status;
}

/* ---- Synthetic -----------------------------------------------------------*/

/* All but used_bytes, from the bottom, in the largest blocks. Blocks meet at
 * the tail of their list, so that the lowest memory of a zone goes first. */
static void idle(struct vmc_memmap *map)
{
    uint64_t used = map->config.used_bytes >> map->page_shift;
    uint32_t page = 0, count;

    while ((count = vmc_memmap_find(
                map, &page, VMC_PAGE_MASK(VMC_PAGE_USED_MOVABLE))) > 0) {
        uint32_t end = page + count;

        count = count < used ? count : (uint32_t)used;
        used -= count;
        for (page += count; page < end;) {
            struct zone *zone = &map->zones[zone_of(map, page)];
            uint32_t stop = end < zone->end ? end : zone->end;
            uint32_t order = vmc_memmap_order_at(map, page, stop - page);

            states_set(map, page, UINT64_C(1) << order, VMC_PAGE_FREE);
            zone->free += UINT64_C(1) << order;
            buddy_insert(map, page, order, true);
            page += UINT32_C(1) << order;
        }
    }
}

/* Keep one page of every 64 with probability @percent. */
static void scatter(struct vmc_memmap *map, uint64_t percent)
{
    struct vmc_rng rng;

    vmc_rng_init(&rng, map->config.seed);
    for (uint32_t group = 0; group + 64 <= map->page_max; group += 64) {
        bool is_hit = vmc_rng_below(&rng, 100) < percent;
        uint32_t page = group + (uint32_t)vmc_rng_below(&rng, 64);

        if (is_hit && vmc_memmap_state(map, page) == VMC_PAGE_FREE) {
            (void)vmc_memmap_isolate(map, page, 1, VMC_PAGE_USED_MOVABLE);
        }
    }
}

/* Take @bytes and give every second page back (spec 2.6, the generator of the
 * contiguous-pages series). HINTED marks what is taken while it lasts. */
static void punch(struct vmc_memmap *map, uint64_t bytes)
{
    struct vmc_page_request request = {.type = VMC_TYPE_MOVABLE,
                                       .state = VMC_PAGE_HINTED};
    uint64_t left = bytes >> map->page_shift;
    struct vmc_page_run run;
    uint32_t page = 0, count, runs;

    while (left > 0) {
        uint32_t taken = vmc_memmap_take(
            map, &request, left < INT32_MAX ? (uint32_t)left : INT32_MAX, &run,
            1, &runs);

        if (taken == 0) {
            break;
        }
        left -= taken;
    }
    vmc_memmap_drain(map);
    while ((count = vmc_memmap_find(map, &page,
                                    VMC_PAGE_MASK(VMC_PAGE_HINTED))) > 0) {
        states_set(map, page, count, VMC_PAGE_USED_MOVABLE);
        for (uint32_t i = 1; i < count; i += 2) {
            vmc_memmap_give_range(map, page + i, 1);
        }
        page += count;
    }
}

enum vmc_status fragment(struct vmc_memmap *map, struct vmc_error *error)
{
    const char *name = map->config.fragmentation;
    uint64_t value;

    memset(map->types, VMC_TYPE_MOVABLE,
           (map->page_max >> map->pageblock_order) + 1);
    if (is_text(name)) {
        return from_text(map, error);
    }
    if (map->config.used_bytes >> map->page_shift >= map->ram_pages) {
        return vmc_fail(error, VMC_E_RANGE,
                        "the guest uses all of its memory itself");
    }
    idle(map);
    if (name == NULL || strcmp(name, "idle") == 0 ||
        strcmp(name, "idle8") == 0) {
        return VMC_OK;
    }
    if (strncmp(name, "frag:", 5) == 0 &&
        vmc_parse_u64(&value, name + 5) == VMC_OK && value <= 100) {
        scatter(map, value);
        return VMC_OK;
    }
    if (strncmp(name, "punch:", 6) == 0 &&
        vmc_parse_size(&value, name + 6) == VMC_OK) {
        punch(map, value);
        return VMC_OK;
    }
    return vmc_fail(error, VMC_E_USAGE,
                    "fragmentation is idle, frag:PERCENT, punch:SIZE or a "
                    "file, not '%s'",
                    name);
}
