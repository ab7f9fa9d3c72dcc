/* SPDX-License-Identifier: MIT */
/* The memory of a guest: what a text says is what is there, a run is what so
 * many single calls give, and whatever happens, every page is in one place. */
#include "balloon/memmap.h"

#include <string.h>

#include "base/rng.h"
#include "suite.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* Recorded with traces/balloon-7of8g-4vcpu, before and after its inflate. */
static const char recorded[] =
    "Node 0, zone    DMA32      1      2      2      2      2      1      1 "
    "     1      1      1      2    277 \n"
    "Node 0, zone   Normal      1      1      1      1      2      0      1 "
    "     1      2      0      0    715 \n";
static const char recorded_after[] =
    "Node 0, zone    DMA32      1      1      2      1      1      0      1 "
    "     0      1      1      2     90 \n"
    "Node 0, zone   Normal      1      1      2      1      2      0      2 "
    "     1      0      0      1      4 \n";

static struct vmc_memmap *make(struct vmc_memmap_config config)
{
    struct vmc_memmap *map;
    struct vmc_error error = {""};
    enum vmc_status status = vmc_memmap_new(&map, &config, &error);

    ck_assert_msg(status == VMC_OK, "%s", error.text);
    return map;
}

static struct vmc_memmap_config config_of(enum vmc_layout layout,
                                          uint64_t ram_bytes)
{
    struct vmc_memmap_config config = {.page_bytes = 4096};

    vmc_memmap_lay_out(&config, layout, ram_bytes);
    return config;
}

static void audit(const struct vmc_memmap *map)
{
    struct vmc_error error = {""};

    ck_assert_msg(vmc_memmap_audit(map, &error) == VMC_OK, "%s", error.text);
}

/* ---- Where RAM is --------------------------------------------------------*/

START_TEST(an_address_is_found_in_its_block_or_nowhere)
{
    static const struct {
        enum vmc_layout layout;
        uint64_t ram, at, size, offset;
        bool is_there;
    } rows[] = {
        {VMC_LAYOUT_I440FX, 8 * GIB, 0, 4096, 0, true},
        {VMC_LAYOUT_I440FX, 8 * GIB, 0xa0000, 4096, 0, false},
        {VMC_LAYOUT_I440FX, 8 * GIB, 0xbffff000, 4096, 0xbffff000, true},
        {VMC_LAYOUT_I440FX, 8 * GIB, 0xbffff000, 8192, 0, false},
        {VMC_LAYOUT_I440FX, 8 * GIB, 0xc0000000, 4096, 0, false},
        {VMC_LAYOUT_I440FX, 8 * GIB, 4 * GIB, 4096, 3 * GIB, true},
        {VMC_LAYOUT_I440FX, 8 * GIB, 9 * GIB - 4096, 4096, 8 * GIB - 4096,
         true},
        {VMC_LAYOUT_I440FX, 8 * GIB, 9 * GIB, 4096, 0, false},
        {VMC_LAYOUT_I440FX, 8 * GIB, UINT64_MAX - 4095, 4096, 0, false},
        {VMC_LAYOUT_I440FX, 3 * GIB, 3 * GIB - 4096, 4096, 3 * GIB - 4096,
         true},
        {VMC_LAYOUT_Q35, 4 * GIB, 2 * GIB, 4096, 0, false},
        {VMC_LAYOUT_Q35, 4 * GIB, 4 * GIB, 4096, 2 * GIB, true},
        {VMC_LAYOUT_VIRT, 8 * GIB, 256 * MIB, 4096, 0, false},
        {VMC_LAYOUT_VIRT, 8 * GIB, 2 * GIB, 4096, 256 * MIB, true},
    };
    struct vmc_memmap *map = make(config_of(rows[_i].layout, rows[_i].ram));
    uint64_t offset = 0;

    ck_assert_uint_eq(
        vmc_memmap_region(map, rows[_i].at, rows[_i].size, &offset) != NULL,
        rows[_i].is_there);
    ck_assert_uint_eq(offset, rows[_i].offset);
    vmc_memmap_free(map);
}
END_TEST

START_TEST(a_guest_of_8_gib_has_9_gib_of_addresses)
{
    struct vmc_memmap *map = make(config_of(VMC_LAYOUT_I440FX, 8 * GIB));

    ck_assert_uint_eq(vmc_memmap_page_max(map), 0x240000);
    ck_assert_uint_eq(vmc_memmap_ram_pages(map), (8 * GIB >> 12) - 0x61);
    ck_assert_uint_eq(vmc_memmap_zone(map, VMC_ZONE_DMA).end_page, 4096);
    ck_assert_uint_eq(vmc_memmap_zone(map, VMC_ZONE_NORMAL).first_page,
                      1U << 20);
    ck_assert(!vmc_memmap_is_ram(map, 0x9f, 1));
    ck_assert(vmc_memmap_is_ram(map, 0x100, 0xc0000 - 0x100));
    ck_assert(!vmc_memmap_is_ram(map, 0x23ffff, 2));
    audit(map);
    vmc_memmap_free(map);
}
END_TEST

START_TEST(pages_of_16_and_64_kib_have_larger_blocks)
{
    static const struct {
        uint32_t page_bytes, order_max, pageblock_order;
    } rows[] = {{4096, 10, 9}, {16384, 11, 11}, {65536, 13, 13}};
    struct vmc_memmap_config config = {.page_bytes = rows[_i].page_bytes};
    struct vmc_memmap *map;

    vmc_memmap_lay_out(&config, VMC_LAYOUT_VIRT, 4 * GIB);
    map = make(config);
    ck_assert_uint_eq(vmc_memmap_order_max(map), rows[_i].order_max);
    ck_assert_uint_eq(vmc_memmap_pageblock_order(map),
                      rows[_i].pageblock_order);
    ck_assert_uint_eq(vmc_memmap_count(map, VMC_PAGE_FREE),
                      4 * GIB / rows[_i].page_bytes);
    audit(map);
    vmc_memmap_free(map);
}
END_TEST

START_TEST(what_makes_no_guest_is_refused)
{
    struct vmc_memmap_config good = config_of(VMC_LAYOUT_FLAT, 64 * MIB), bad;
    struct vmc_memmap *map;
    struct vmc_error error;
    static const char *const names[] = {
        "idel",
        "frag:101",
        "frag:",
        "punch:1Q",
        "punch:",
        "Node 0, zone DMA32 1 2 3 4\nNode 0, zone Normal 1\n",
        "Node 1, zone DMA32 0 0 0 0 0 0 0 0 0 0 0\n",
        "Node 0, zone Device 0 0 0 0 0 0 0 0 0 0 0\n",
        "Node 0, zone Normal 0 0 0 0 0 0 0 0 0 0 1\n",
        "Node 0, zone DMA32 0 0 0 0 0 0 0 0 0 0 99999\n",
        "Node 0, zone DMA32 0 0 0 0 0 0 0 0 0 0 12 x\n",
        "Node 0, zone DMA32 99999999999999999999 0\n"};

    for (size_t i = 0; i < VMC_COUNT_OF(names); i++) {
        bad = good;
        bad.fragmentation = names[i];
        ck_assert_msg(vmc_memmap_new(&map, &bad, &error) != VMC_OK, "%s",
                      names[i]);
        ck_assert_ptr_null(map);
    }
    bad = good;
    bad.page_bytes = 8192;
    ck_assert_int_eq(vmc_memmap_new(&map, &bad, &error), VMC_E_RANGE);
    bad = good;
    bad.used_bytes = 64 * MIB;
    ck_assert_int_eq(vmc_memmap_new(&map, &bad, &error), VMC_E_RANGE);
    bad = good;
    bad.region_count = 0;
    ck_assert_int_eq(vmc_memmap_new(&map, &bad, &error), VMC_E_RANGE);
    bad = good;
    bad.regions[1] = bad.regions[0];
    bad.region_count = 2;
    ck_assert_int_eq(vmc_memmap_new(&map, &bad, &error), VMC_E_RANGE);
}
END_TEST

/* ---- From a real system --------------------------------------------------*/

START_TEST(a_buddyinfo_comes_out_as_it_went_in)
{
    const char *texts[] = {recorded, recorded_after};
    struct vmc_memmap_config config = config_of(VMC_LAYOUT_VIRT, 8 * GIB);
    char text[1024];
    struct vmc_memmap *map;

    config.fragmentation = texts[_i % 2];
    config.seed = (uint64_t)_i / 2;
    map = make(config);
    audit(map);
    ck_assert_uint_lt(vmc_memmap_buddyinfo(map, text, sizeof(text)),
                      sizeof(text));
    ck_assert_str_eq(text, texts[_i % 2]);
    vmc_memmap_free(map);
}
END_TEST

START_TEST(a_text_may_have_come_over_a_serial_line)
{
    struct vmc_memmap_config config = config_of(VMC_LAYOUT_VIRT, 8 * GIB);
    struct vmc_memmap *map;

    config.fragmentation = "Node 0, zone Normal 1 0 2 0 0 0 0 0 0 0 9 \r\n";
    map = make(config);
    ck_assert_uint_eq(vmc_memmap_count(map, VMC_PAGE_FREE), 9 + 9 * 1024);
    vmc_memmap_free(map);
}
END_TEST

static const char pagetypeinfo[] =
    "Page block order: 9\n"
    "Pages per block:  512\n"
    "\n"
    "Free pages count per migrate type at order       0      1      2      3 "
    "     4      5      6      7      8      9     10 \n"
    "Node    0, zone    DMA32, type    Unmovable      5      4      3      2 "
    "     1      0      1      0      1      0      1 \n"
    "Node    0, zone    DMA32, type      Movable     89     86     58     10 "
    "     8      6      4      2      1      3    100 \n"
    "Node    0, zone    DMA32, type  Reclaimable      2      2      2      0 "
    "     0      0      0      0      0      1      0 \n"
    "Node    0, zone    DMA32, type   HighAtomic      0      0      0      0 "
    "     0      0      0      0      0      0      0 \n"
    "Node    0, zone    DMA32, type      Isolate      0      0      0      0 "
    "     0      0      0      0      0      0      0 \n"
    "\n"
    "Number of blocks type     Unmovable      Movable  Reclaimable   "
    "HighAtomic      Isolate \n"
    "Node 0, zone    DMA32           10          494            8            "
    "0            0 \n";

START_TEST(blocks_are_placed_in_pageblocks_of_their_type)
{
    struct vmc_memmap_config config = config_of(VMC_LAYOUT_FLAT, GIB);
    static const uint32_t counts[3][11] = {
        {5, 4, 3, 2, 1, 0, 1, 0, 1, 0, 1},
        {89, 86, 58, 10, 8, 6, 4, 2, 1, 3, 100},
        {2, 2, 2, 0, 0, 0, 0, 0, 0, 1, 0}};
    struct vmc_memmap *map;
    uint32_t types[VMC_TYPE_COUNT] = {0};

    config.dma_end_bytes = 0;
    config.fragmentation = pagetypeinfo;
    config.seed = (uint64_t)_i;
    map = make(config);
    audit(map);
    for (uint32_t type = 0; type < 3; type++) {
        for (uint32_t order = 0; order < 11; order++) {
            ck_assert_uint_eq(
                vmc_memmap_area_count(
                    map, (struct vmc_free_area){VMC_ZONE_DMA32, order, type}),
                counts[type][order]);
        }
    }
    for (uint32_t page = 0; page < vmc_memmap_page_max(map); page += 512) {
        types[vmc_memmap_type(map, page)]++;
    }
    ck_assert_uint_eq(types[VMC_TYPE_UNMOVABLE], 10);
    ck_assert_uint_eq(types[VMC_TYPE_MOVABLE], 494);
    ck_assert_uint_eq(types[VMC_TYPE_RECLAIMABLE], 8);
    vmc_memmap_free(map);
}
END_TEST

/* The recorded guest: 7 GiB in single pages. What is known of its order: zone
 * Normal first, then DMA32 from its smallest block on; all runs upwards; each
 * zone's largest blocks upwards, without a gap where the zone has none. The
 * recording has 20 runs; it switches zones once, when Normal has 10 116 pages
 * left by Linux' rules, and takes blocks of DMA32 of just these sizes. */
START_TEST(the_recorded_inflate_takes_the_same_blocks)
{
    static const uint32_t dma32[] = {1,  2,  2,  4,  4,   8,   8,
                                     16, 16, 32, 64, 128, 256, 512};
    struct vmc_memmap_config config = config_of(VMC_LAYOUT_VIRT, 8 * GIB);
    struct vmc_page_request request = {.type = VMC_TYPE_MOVABLE,
                                       .state = VMC_PAGE_BALLOON};
    static struct vmc_page_run runs[64];
    struct vmc_memmap *map;
    uint32_t run_count, taken, low = 0, at = 0;
    uint64_t normal = 0, first_size = 0;

    config.fragmentation = recorded;
    config.cpu_count = 4;
    map = make(config);
    taken = vmc_memmap_take(map, &request, 1835008, runs, 64, &run_count);
    ck_assert_uint_eq(taken, 1835008);
    ck_assert_uint_le(run_count, 40);
    for (uint32_t i = 0; i < run_count; i++) {
        ck_assert(!runs[i].is_descending);
        if (runs[i].first >= 1U << 20) {
            ck_assert_uint_eq(low, 0); /* never back to Normal */
            normal += runs[i].count;
        } else {
            low++;
        }
    }
    ck_assert_uint_gt(low, 0);
    /* 1 453 411 were recorded; the recorded guest itself used up to 2 000. */
    ck_assert_uint_ge(normal, 1453411);
    ck_assert_uint_le(normal, 1453411 + 2200);
    /* In DMA32, blocks go from the smallest up: sizes add up run by run. */
    for (uint32_t i = run_count - low, k = 0; i < run_count && k < 14; i++) {
        for (at = 0; at < runs[i].count && k < 14; k++) {
            at += dma32[k];
            first_size += dma32[k];
        }
        ck_assert_uint_le(at, runs[i].count);
    }
    ck_assert_uint_eq(first_size, 1053);
    audit(map);
    vmc_memmap_free(map);
}
END_TEST

/* ---- Taking --------------------------------------------------------------*/

START_TEST(pages_of_one_block_come_upwards_and_a_balloon_goes_to_normal_first)
{
    struct vmc_memmap_config config = config_of(VMC_LAYOUT_I440FX, 8 * GIB);
    struct vmc_page_request request = {.type = VMC_TYPE_MOVABLE,
                                       .state = VMC_PAGE_INFLATING};
    struct vmc_memmap *map = make(config);
    uint32_t pages[1024];

    ck_assert_uint_eq(vmc_memmap_take_blocks(map, &request, 1024, pages), 1024);
    for (uint32_t i = 0; i < 1024; i++) {
        ck_assert_uint_eq(pages[i], (1U << 20) + i);
        ck_assert_int_eq(vmc_memmap_state(map, pages[i]), VMC_PAGE_INFLATING);
    }
    vmc_memmap_free(map);
}
END_TEST

START_TEST(memory_ends_at_the_low_watermarks)
{
    struct vmc_memmap_config config = config_of(VMC_LAYOUT_FLAT, 256 * MIB);
    struct vmc_page_request request = {.type = VMC_TYPE_MOVABLE,
                                       .state = VMC_PAGE_BALLOON,
                                       .order = (uint32_t)_i};
    struct vmc_memmap *map;
    static uint32_t blocks[65536];
    uint32_t got;
    uint64_t keep = 0;

    config.cpu_count = 0;
    map = make(config);
    got = vmc_memmap_take_blocks(map, &request, 65536, blocks);
    for (uint32_t z = 0; z < VMC_ZONE_COUNT; z++) {
        struct vmc_zone_facts facts = vmc_memmap_zone(map, z);

        ck_assert_uint_ge(facts.free, facts.low);
        ck_assert(facts.present == 0 ||
                  (facts.min > 0 && facts.min < facts.low));
        keep += facts.free;
    }
    ck_assert_uint_eq(keep + ((uint64_t)got << _i), 65536);
    ck_assert_uint_eq(vmc_memmap_take_blocks(map, &request, 1, blocks), 0);
    vmc_memmap_free(map);
}
END_TEST

START_TEST(a_request_of_another_type_takes_over_a_whole_pageblock)
{
    struct vmc_memmap_config config = config_of(VMC_LAYOUT_FLAT, 64 * MIB);
    struct vmc_page_request request = {.type = VMC_TYPE_UNMOVABLE,
                                       .state = VMC_PAGE_USED_UNMOVABLE};
    struct vmc_memmap *map = make(config);
    uint32_t page;

    ck_assert_uint_eq(vmc_memmap_take_blocks(map, &request, 1, &page), 1);
    ck_assert_int_eq(vmc_memmap_type(map, page), VMC_TYPE_UNMOVABLE);
    ck_assert_int_eq(vmc_memmap_type(map, page ^ 512), VMC_TYPE_UNMOVABLE);
    ck_assert_int_eq(vmc_memmap_type(map, page ^ 1024), VMC_TYPE_MOVABLE);
    audit(map);
    vmc_memmap_free(map);
}
END_TEST

/* ---- Runs are single calls -----------------------------------------------*/

static bool same(const struct vmc_memmap *a, const struct vmc_memmap *b)
{
    for (uint32_t page = 0; page < vmc_memmap_page_max(a); page++) {
        if (vmc_memmap_state(a, page) != vmc_memmap_state(b, page)) {
            return false;
        }
    }
    for (uint32_t z = 0; z < VMC_ZONE_COUNT; z++) {
        for (uint32_t order = 0; order <= vmc_memmap_order_max(a); order++) {
            for (uint32_t type = 0; type < VMC_TYPE_COUNT; type++) {
                struct vmc_free_area area = {z, order, type};
                uint32_t x = vmc_memmap_area_first(a, area);
                uint32_t y = vmc_memmap_area_first(b, area);

                while (x == y && x != VMC_PAGE_NONE) {
                    x = vmc_memmap_area_next(a, x);
                    y = vmc_memmap_area_next(b, y);
                }
                if (x != y) {
                    return false;
                }
            }
        }
    }
    return true;
}

enum { LIVE_MAX = 4096 };

/* What is taken now. */
struct live {
    uint32_t pages[LIVE_MAX], orders[LIVE_MAX], count;
};

static struct vmc_memmap_config random_config(struct vmc_rng *rng)
{
    static const char *const names[] = {NULL, "frag:30", "frag:100", "punch:8M",
                                        "punch:1M"};
    static const uint32_t page_bytes[] = {4096, 4096, 16384, 65536};
    struct vmc_memmap_config config = {.page_bytes =
                                           page_bytes[vmc_rng_below(rng, 4)]};
    uint64_t ram = (24 + vmc_rng_below(rng, 40)) * MIB;

    if (config.page_bytes == 65536) {
        ram *= 4;
    }
    config.min_free_bytes = 0;
    vmc_memmap_lay_out(&config, (enum vmc_layout)vmc_rng_below(rng, 4), ram);
    if (vmc_rng_below(rng, 4) == 0) {
        config.movable_bytes = 16 * MIB + vmc_rng_below(rng, 2) * 4 * MIB;
        config.dma_end_bytes = 0;
        config.dma32_end_bytes = 8 * MIB;
    }
    config.min_free_bytes = vmc_rng_below(rng, 3) * MIB;
    config.cpu_count = (uint32_t)vmc_rng_below(rng, 4);
    config.used_bytes = vmc_rng_below(rng, 8) * MIB;
    config.fragmentation = names[vmc_rng_below(rng, VMC_COUNT_OF(names))];
    config.seed = vmc_rng_next(rng);
    return config;
}

static struct vmc_page_request random_request(struct vmc_rng *rng,
                                              uint32_t cpus, uint32_t order_max)
{
    static const uint8_t orders[] = {0, 0, 0, 0, 1, 2, 3, 9, 5, 10};
    struct vmc_page_request request = {
        .order = orders[vmc_rng_below(rng, sizeof(orders))],
        .type = (enum vmc_migrate_type)vmc_rng_below(rng, 3),
        .cpu = cpus > 0 ? (uint32_t)vmc_rng_below(rng, cpus) : 0,
        .state = VMC_PAGE_USED_MOVABLE};

    if (vmc_rng_below(rng, 2) == 0) {
        request.type = VMC_TYPE_MOVABLE;
        request.state = VMC_PAGE_BALLOON;
    }
    if (request.order > order_max) {
        request.order = order_max;
    }
    return request;
}

/* Take by runs from @map, one by one from @twin. */
static void take_both(struct vmc_memmap *map, struct vmc_memmap *twin,
                      const struct vmc_page_request *request, uint32_t max,
                      uint32_t run_max, struct live *live)
{
    struct vmc_page_run runs[8], single;
    uint32_t run_count, one, got;

    got = vmc_memmap_take(map, request, max, runs, run_max, &run_count);
    ck_assert_uint_le(run_count, run_max);
    for (uint32_t i = 0; i < run_count; i++) {
        for (uint32_t k = 0; k < runs[i].count; k += 1U << request->order) {
            ck_assert_uint_eq(
                vmc_memmap_take(twin, request, 1, &single, 1, &one), 1);
            ck_assert_uint_eq(single.first, runs[i].first + k);
            live->pages[live->count] = single.first;
            live->orders[live->count++] = request->order;
            got--;
        }
    }
    ck_assert_uint_eq(got, 0);
}

static void give_both(struct vmc_memmap *map, struct vmc_memmap *twin,
                      struct vmc_rng *rng, uint32_t cpu, struct live *live)
{
    uint32_t i = (uint32_t)vmc_rng_below(rng, live->count);

    vmc_memmap_give(map, live->pages[i], live->orders[i], cpu);
    vmc_memmap_give(twin, live->pages[i], live->orders[i], cpu);
    live->count--;
    live->pages[i] = live->pages[live->count];
    live->orders[i] = live->orders[live->count];
}

/* Report the head of some list, as page reporting does. */
static void report_both(struct vmc_memmap *map, struct vmc_memmap *twin,
                        struct vmc_rng *rng)
{
    struct vmc_free_area area = {
        (uint32_t)vmc_rng_below(rng, VMC_ZONE_COUNT),
        (uint32_t)vmc_rng_below(rng, vmc_memmap_order_max(map) + 1),
        VMC_TYPE_MOVABLE};
    uint32_t page = vmc_memmap_area_first(map, area);

    if (page != VMC_PAGE_NONE) {
        ck_assert_uint_eq(vmc_memmap_take_head(map, page), area.order);
        (void)vmc_memmap_take_head(twin, page);
        vmc_memmap_give_reported(map, page, area.order);
        vmc_memmap_give_reported(twin, page, area.order);
        page = vmc_memmap_area_first(map, area);
        if (page != VMC_PAGE_NONE) {
            uint32_t next = vmc_memmap_area_next(map, page);

            vmc_memmap_rotate(map, next != VMC_PAGE_NONE ? next : page);
            vmc_memmap_rotate(twin, next != VMC_PAGE_NONE ? next : page);
        }
    }
}

/* A thousand guests in fifty tests. */
START_TEST(random_operations_keep_every_page_in_one_place)
{
    struct vmc_rng rng;
    static struct live live;

    vmc_rng_init(&rng, 0xba11 + (uint64_t)_i);
    for (uint32_t guest = 0; guest < 20; guest++) {
        struct vmc_memmap_config config = random_config(&rng);
        struct vmc_memmap *map = make(config), *twin = make(config);

        live.count = 0;
        ck_assert(same(map, twin));
        for (uint32_t step = 0; step < 40; step++) {
            struct vmc_page_request request = random_request(
                &rng, config.cpu_count, vmc_memmap_order_max(map));
            uint32_t room = (LIVE_MAX - live.count) / 4;

            if (vmc_rng_below(&rng, 3) > 0 && room > 0) {
                take_both(map, twin, &request,
                          1 + (uint32_t)vmc_rng_below(&rng, room),
                          1 + (uint32_t)vmc_rng_below(&rng, 8), &live);
            }
            for (uint64_t n = vmc_rng_below(&rng, 400); n > 0 && live.count > 0;
                 n--) {
                give_both(map, twin, &rng, request.cpu, &live);
            }
            if (vmc_rng_below(&rng, 8) == 0) {
                report_both(map, twin, &rng);
            }
            ck_assert(vmc_memmap_adds_up(map));
        }
        audit(map);
        ck_assert(same(map, twin));
        while (live.count > 0) {
            give_both(map, twin, &rng, 0, &live);
        }
        vmc_memmap_drain(map);
        vmc_memmap_drain(twin);
        audit(map);
        ck_assert(same(map, twin));
        vmc_memmap_free(map);
        vmc_memmap_free(twin);
    }
}
END_TEST

/* ---- Giving --------------------------------------------------------------*/

START_TEST(given_back_memory_merges_to_what_it_was)
{
    struct vmc_memmap_config config = config_of(VMC_LAYOUT_FLAT, 128 * MIB);
    struct vmc_page_request request = {.type = VMC_TYPE_MOVABLE,
                                       .state = VMC_PAGE_BALLOON};
    char before[1024], after[1024];
    struct vmc_page_run runs[64];
    struct vmc_memmap *map;
    uint32_t run_count;

    config.cpu_count = (uint32_t)_i;
    map = make(config);
    (void)vmc_memmap_buddyinfo(map, before, sizeof(before));
    ck_assert_uint_eq(
        vmc_memmap_take(map, &request, 20000, runs, 64, &run_count), 20000);
    for (uint32_t i = 0; i < run_count; i++) {
        vmc_memmap_mark(map, runs[i].first, runs[i].count, VMC_PAGE_DEFLATING);
        vmc_memmap_give_run(map, runs[i], 0);
    }
    vmc_memmap_drain(map);
    (void)vmc_memmap_buddyinfo(map, after, sizeof(after));
    ck_assert_str_eq(before, after);
    audit(map);
    vmc_memmap_free(map);
}
END_TEST

START_TEST(a_list_of_a_cpu_is_refilled_by_63)
{
    struct vmc_memmap_config config = config_of(VMC_LAYOUT_I440FX, 8 * GIB);
    struct vmc_page_request request = {.type = VMC_TYPE_MOVABLE,
                                       .state = VMC_PAGE_BALLOON};
    struct vmc_memmap *map;
    uint32_t page;

    config.cpu_count = 2;
    map = make(config);
    ck_assert_uint_eq(vmc_memmap_take_blocks(map, &request, 1, &page), 1);
    ck_assert_uint_eq(vmc_memmap_count(map, VMC_PAGE_PCP), 62);
    request.cpu = 1;
    ck_assert_uint_eq(vmc_memmap_take_blocks(map, &request, 1, &page), 1);
    ck_assert_uint_eq(vmc_memmap_count(map, VMC_PAGE_PCP), 124);
    ck_assert_uint_eq(page, (1U << 20) + 63);
    vmc_memmap_free(map);
}
END_TEST

START_TEST(a_report_lasts_until_the_block_is_split_merged_or_taken)
{
    struct vmc_memmap_config config = config_of(VMC_LAYOUT_FLAT, 64 * MIB);
    struct vmc_free_area area = {VMC_ZONE_DMA32, 10, VMC_TYPE_MOVABLE};
    struct vmc_page_request request = {.type = VMC_TYPE_MOVABLE,
                                       .state = VMC_PAGE_BALLOON};
    struct vmc_memmap *map = make(config);
    uint32_t head = vmc_memmap_area_first(map, area), page;

    ck_assert_uint_eq(vmc_memmap_take_head(map, head), 10);
    ck_assert(
        vmc_memmap_all_in(map, head, 1024, VMC_PAGE_MASK(VMC_PAGE_REPORTING)));
    vmc_memmap_give_reported(map, head, 10);
    ck_assert(vmc_memmap_is_reported(map, head));
    ck_assert_uint_ne(vmc_memmap_area_first(map, area), head); /* at the tail */
    vmc_memmap_rotate(map, head);
    ck_assert_uint_eq(vmc_memmap_area_first(map, area), head);
    audit(map);
    ck_assert_uint_eq(vmc_memmap_take_blocks(map, &request, 1, &page), 1);
    ck_assert_uint_eq(page, head);
    vmc_memmap_give(map, page, 0, 0);
    ck_assert(!vmc_memmap_is_reported(map, head));
    audit(map);
    vmc_memmap_free(map);
}
END_TEST

START_TEST(a_range_is_isolated_out_of_its_blocks_and_given_back)
{
    struct vmc_memmap_config config = config_of(VMC_LAYOUT_FLAT, 64 * MIB);
    struct vmc_memmap *map;
    char before[1024], after[1024];

    config.cpu_count = 1;
    map = make(config);
    (void)vmc_memmap_buddyinfo(map, before, sizeof(before));
    ck_assert_uint_eq(vmc_memmap_isolate(map, 5001, 3333, VMC_PAGE_UNPLUGGED),
                      3333);
    ck_assert(
        vmc_memmap_all_in(map, 5001, 3333, VMC_PAGE_MASK(VMC_PAGE_UNPLUGGED)));
    ck_assert(
        !vmc_memmap_all_in(map, 5000, 2, VMC_PAGE_MASK(VMC_PAGE_UNPLUGGED)));
    audit(map);
    vmc_memmap_give_range(map, 5001, 3333);
    (void)vmc_memmap_buddyinfo(map, after, sizeof(after));
    ck_assert_str_eq(before, after);
    audit(map);
    vmc_memmap_free(map);
}
END_TEST

START_TEST(a_block_that_will_grow_waits_at_the_tail)
{
    struct vmc_free_area area = {VMC_ZONE_DMA32, 0, VMC_TYPE_MOVABLE};
    struct vmc_memmap *map = make(config_of(VMC_LAYOUT_FLAT, 64 * MIB));

    /* Of 0 to 15, 10 to 11 are free: 8 waits for 9, then grows to 8 to 11. */
    ck_assert_uint_eq(
        vmc_memmap_isolate(map, 8192, 1024, VMC_PAGE_USED_MOVABLE), 1024);
    vmc_memmap_give(map, 8192 + 100, 0, 0);
    vmc_memmap_give_range(map, 8192 + 10, 2);
    vmc_memmap_give(map, 8192 + 8, 0, 0);
    ck_assert_uint_eq(vmc_memmap_area_first(map, area), 8192 + 100);
    vmc_memmap_give(map, 8192 + 200, 0, 0);
    ck_assert_uint_eq(vmc_memmap_area_first(map, area), 8192 + 200);
    audit(map);
    vmc_memmap_free(map);
}
END_TEST

START_TEST(a_page_is_not_freed_twice)
{
    struct vmc_memmap *map = make(config_of(VMC_LAYOUT_FLAT, 64 * MIB));

    vmc_memmap_give(map, 5000, 0, 0);
}
END_TEST

START_TEST(a_guest_of_1_tib_can_be_had)
{
    struct vmc_memmap_config config = config_of(VMC_LAYOUT_I440FX, 1024 * GIB);
    struct vmc_memmap *map;

    config.page_bytes = 65536;
    map = make(config);
    ck_assert_uint_eq(vmc_memmap_page_max(map), (1025 * GIB) >> 16);
    vmc_memmap_free(map);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("memmap");
    TCase *c = tcase_create("memmap");

    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, an_address_is_found_in_its_block_or_nowhere, 0, 14);
    tcase_add_test(c, a_guest_of_8_gib_has_9_gib_of_addresses);
    tcase_add_loop_test(c, pages_of_16_and_64_kib_have_larger_blocks, 0, 3);
    tcase_add_test(c, what_makes_no_guest_is_refused);
    tcase_add_loop_test(c, a_buddyinfo_comes_out_as_it_went_in, 0, 6);
    tcase_add_loop_test(c, blocks_are_placed_in_pageblocks_of_their_type, 0, 4);
    tcase_add_test(c, the_recorded_inflate_takes_the_same_blocks);
    tcase_add_test(
        c, pages_of_one_block_come_upwards_and_a_balloon_goes_to_normal_first);
    tcase_add_loop_test(c, memory_ends_at_the_low_watermarks, 0, 11);
    tcase_add_test(c, a_request_of_another_type_takes_over_a_whole_pageblock);
    tcase_add_loop_test(c, random_operations_keep_every_page_in_one_place, 0,
                        50);
    tcase_add_loop_test(c, given_back_memory_merges_to_what_it_was, 0, 2);
    tcase_add_test(c, a_list_of_a_cpu_is_refilled_by_63);
    tcase_add_test(c, a_report_lasts_until_the_block_is_split_merged_or_taken);
    tcase_add_test(c, a_range_is_isolated_out_of_its_blocks_and_given_back);
    tcase_add_test(c, a_text_may_have_come_over_a_serial_line);
    tcase_add_test(c, a_block_that_will_grow_waits_at_the_tail);
    tcase_add_test_raise_signal(c, a_page_is_not_freed_twice, 6);
    tcase_add_test(c, a_guest_of_1_tib_can_be_had);
    suite_add_tcase(s, c);
    return s;
}
