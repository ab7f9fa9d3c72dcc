/* SPDX-License-Identifier: MIT */
/*
 * Requests go zone by zone, each guarded by its low watermark, through the
 * list of the CPU. That list is refilled from the buddy lists by batches at
 * its end and used from its front, so while nothing is given back, a run goes
 * through it unchanged. Whole batches therefore go straight to the caller;
 * only what the last one has left over is put on the list.
 *
 * The watermark is looked at for each block, but the free count behind it only
 * moves when a batch does: between two refills all blocks pass, or none.
 */
#include "balloon/memmap_priv.h"

/* Where runs go; a run that cannot be written must not be taken. */
struct sink {
    struct vmc_page_run *runs;
    uint32_t run_max, run_count;
    bool is_full; /* the next page would have begun a new run */
};

/* Is there room for @page, which is what a request would get now? */
static bool sink_has_room(struct sink *sink, uint32_t page)
{
    const struct vmc_page_run *last;

    if (sink->run_count < sink->run_max) {
        return true;
    }
    last = &sink->runs[sink->run_count - 1];
    sink->is_full = page == VMC_PAGE_NONE || last->first + last->count != page;
    return !sink->is_full;
}

/* The same for the next block of the buddy lists. Blocks of another type are
 * not looked at, as that would change them. */
static bool sink_has_room_for_next(struct sink *sink, const struct zone *zone,
                                   const struct vmc_page_request *request)
{
    uint32_t ready = zone->ready[request->type] >> request->order
                                                       << request->order;

    return sink_has_room(
        sink, ready != 0 ? zone->lists[vmc_bits_low(ready)][request->type].first
                         : VMC_PAGE_NONE);
}

static void sink_put(struct sink *sink, uint32_t page, uint32_t count)
{
    if (sink->run_count > 0) {
        struct vmc_page_run *last = &sink->runs[sink->run_count - 1];

        if (last->first + last->count == page) {
            last->count = (last->count + count) & INT32_MAX;
            return;
        }
    }
    assert(sink->run_count < sink->run_max);
    sink->runs[sink->run_count++] =
        (struct vmc_page_run){.first = page, .count = count & INT32_MAX};
}

/* ---- The list of a CPU ---------------------------------------------------*/

static struct pcp *pcp_of(const struct vmc_memmap *map, uint32_t zone,
                          uint32_t cpu)
{
    assert(cpu < map->config.cpu_count);
    return &map->pcps[zone * map->config.cpu_count + cpu];
}

/* The ring for blocks like these, or NULL when they have none. */
static struct pcp_ring *ring_of(const struct vmc_memmap *map, struct pcp *pcp,
                                uint32_t order, uint32_t type)
{
    uint32_t slot = order < PCP_ORDERS - 1 ? order : PCP_ORDERS - 1;

    if (type >= PCP_TYPES ||
        (order >= PCP_ORDERS - 1 && order != map->pageblock_order)) {
        return NULL;
    }
    return &pcp->rings[slot * PCP_TYPES + type];
}

static uint32_t *ring_at(struct pcp_ring *ring, uint32_t index)
{
    return &ring->pages[(ring->first + index) % PCP_RING];
}

/* How many blocks of @order a refill brings. */
static uint32_t batch_of(const struct zone *zone, uint32_t order)
{
    uint32_t batch = zone->batch >> order;

    return order == 0 ? zone->batch : batch > 2 ? batch : 2;
}

/* Put up to @block_count blocks at the end of the ring. */
static uint32_t refill(struct vmc_memmap *map, uint32_t zone, struct pcp *pcp,
                       struct pcp_ring *ring, uint32_t order, uint32_t type,
                       uint32_t block_count)
{
    uint32_t done = 0;

    while (done < block_count) {
        uint32_t page;
        uint32_t count = buddy_take(map, zone, order, type,
                                    (block_count - done) << order, &page);

        if (count == 0) {
            break;
        }
        states_set(map, page, count, VMC_PAGE_PCP);
        pcp->page_count += count;
        map->zones[zone].pcp_pages += count;
        for (uint32_t at = page; at < page + count; at += 1U << order) {
            *ring_at(ring, ring->count++) = at;
            done++;
        }
    }
    return done;
}

/* Free blocks from the back, list by list in turn, until @page_count went. */
static void flush(struct vmc_memmap *map, uint32_t zone, struct pcp *pcp,
                  uint32_t page_count)
{
    uint32_t gone = 0;

    while (gone < page_count && pcp->page_count > 0) {
        struct pcp_ring *ring = &pcp->rings[pcp->turn];
        uint32_t slot = pcp->turn / PCP_TYPES, order, page;

        pcp->turn = (pcp->turn + 1) % VMC_COUNT_OF(pcp->rings);
        if (ring->count == 0) {
            continue;
        }
        order = slot < PCP_ORDERS - 1 ? slot : map->pageblock_order;
        page = *ring_at(ring, --ring->count);
        states_set(map, page, UINT64_C(1) << order, VMC_PAGE_FREE);
        map->zones[zone].free += UINT64_C(1) << order;
        map->zones[zone].pcp_pages -= UINT64_C(1) << order;
        pcp->page_count -= UINT32_C(1) << order;
        gone += UINT32_C(1) << order;
        buddy_insert(map, page, order, false);
    }
}

void vmc_memmap_drain(struct vmc_memmap *map)
{
    for (uint32_t zone = 0; zone < VMC_ZONE_COUNT; zone++) {
        for (uint32_t cpu = 0; cpu < map->config.cpu_count; cpu++) {
            flush(map, zone, pcp_of(map, zone, cpu), UINT32_MAX);
        }
    }
}

/* ---- Taking --------------------------------------------------------------*/

/* Take up to @block_max blocks from the front of the ring. */
static uint32_t use_ring(struct vmc_memmap *map, uint32_t zone, struct pcp *pcp,
                         struct pcp_ring *ring,
                         const struct vmc_page_request *request,
                         uint32_t block_max, struct sink *sink)
{
    uint32_t size = UINT32_C(1) << request->order, done = 0;

    while (done < block_max && ring->count > 0) {
        uint32_t page = *ring_at(ring, 0), run = 1;

        if (!sink_has_room(sink, page)) {
            break;
        }
        while (run < block_max - done && run < ring->count &&
               *ring_at(ring, run) == page + run * size) {
            run++;
        }
        ring->first = (ring->first + run) % PCP_RING;
        ring->count -= run;
        pcp->page_count -= run * size;
        map->zones[zone].pcp_pages -= (uint64_t)run * size;
        states_set(map, page, (uint64_t)run * size, request->state);
        sink_put(sink, page, run * size);
        done += run;
    }
    return done;
}

/* Take up to @block_max blocks straight out of the buddy lists. */
static uint32_t use_buddy(struct vmc_memmap *map, uint32_t zone,
                          const struct vmc_page_request *request,
                          uint32_t block_max, struct sink *sink)
{
    uint32_t done = 0, page, count;

    while (done < block_max &&
           sink_has_room_for_next(sink, &map->zones[zone], request)) {
        count = buddy_take(map, zone, request->order, request->type,
                           (block_max - done) << request->order, &page);
        if (count == 0) {
            break;
        }
        states_set(map, page, count, request->state);
        sink_put(sink, page, count);
        done += count >> request->order;
    }
    return done;
}

/* How many blocks may go before the zone is at its low watermark. */
static uint32_t spare_blocks(const struct zone *zone, uint32_t class,
                             uint32_t order, uint32_t block_max)
{
    uint64_t keep = zone->low + zone->reserve[class], spare;

    if (zone->free < keep) {
        return 0;
    }
    spare = (zone->free - keep) >> order;
    return spare < block_max ? (uint32_t)spare : block_max;
}

/* Whole batches for the caller; what the last leaves over goes on the ring, as
 * it does when the caller can write no more runs. */
static uint32_t use_batches(struct vmc_memmap *map, uint32_t zone,
                            struct pcp *pcp, struct pcp_ring *ring,
                            const struct vmc_page_request *request,
                            uint32_t batches, struct sink *sink)
{
    uint32_t batch = batch_of(&map->zones[zone], request->order);
    uint32_t done = use_buddy(map, zone, request, batches * batch, sink);

    if (done % batch != 0) {
        (void)refill(map, zone, pcp, ring, request->order, request->type,
                     batch - done % batch);
    }
    return done;
}

static uint32_t use_pcp(struct vmc_memmap *map, uint32_t zone, uint32_t class,
                        struct pcp *pcp, struct pcp_ring *ring,
                        const struct vmc_page_request *request,
                        uint32_t block_max, struct sink *sink)
{
    const struct zone *facts = &map->zones[zone];
    uint32_t batch = batch_of(facts, request->order), done = 0;

    while (done < block_max &&
           spare_blocks(facts, class, request->order, 1) > 0) {
        uint32_t spare = spare_blocks(facts, class, request->order, UINT32_MAX);
        uint32_t batches = (spare - 1) / batch, count;

        if (ring->count == 0 && batches > 0 && block_max - done >= batch) {
            uint32_t whole = (block_max - done) / batch;

            count = use_batches(map, zone, pcp, ring, request,
                                whole < batches ? whole : batches, sink);
            done += count;
            if (count == 0 || count % batch != 0) {
                break;
            }
            continue;
        }
        if (ring->count == 0 &&
            (!sink_has_room_for_next(sink, facts, request) ||
             refill(map, zone, pcp, ring, request->order, request->type,
                    batch) == 0)) {
            break;
        }
        /* The block that a refill was for comes with it; the next one has to
         * pass the watermark again. */
        count = use_ring(map, zone, pcp, ring, request,
                         spare_blocks(facts, class, request->order, 1) > 0
                             ? block_max - done
                             : 1,
                         sink);
        done += count;
        if (count == 0) {
            break;
        }
    }
    return done;
}

static uint32_t take_from_zone(struct vmc_memmap *map, uint32_t zone,
                               uint32_t class,
                               const struct vmc_page_request *request,
                               uint32_t block_max, struct sink *sink)
{
    struct pcp *pcp;
    struct pcp_ring *ring;

    if (map->config.cpu_count > 0) {
        pcp = pcp_of(map, zone, request->cpu);
        ring = ring_of(map, pcp, request->order, request->type);
        if (ring != NULL) {
            return use_pcp(map, zone, class, pcp, ring, request, block_max,
                           sink);
        }
    }
    return use_buddy(
        map, zone, request,
        spare_blocks(&map->zones[zone], class, request->order, block_max),
        sink);
}

uint32_t vmc_memmap_take(struct vmc_memmap *map,
                         const struct vmc_page_request *request,
                         uint32_t block_max, struct vmc_page_run *runs,
                         uint32_t run_max, uint32_t *run_count)
{
    struct sink sink = {.runs = runs, .run_max = run_max};
    uint32_t class = request->type == VMC_TYPE_MOVABLE, done = 0;
    uint32_t zone = class == 1 ? VMC_ZONE_MOVABLE + 1 : VMC_ZONE_NORMAL + 1;

    assert(request->order <= map->order_max && run_max > 0);
    assert(request->state != VMC_PAGE_FREE && request->state != VMC_PAGE_PCP);
    assert(block_max <= UINT32_MAX >> request->order);
    while (zone-- > 0 && done < block_max && !sink.is_full) {
        done +=
            take_from_zone(map, zone, class, request, block_max - done, &sink);
    }
    *run_count = sink.run_count;
    return done;
}

uint32_t vmc_memmap_take_blocks(struct vmc_memmap *map,
                                const struct vmc_page_request *request,
                                uint32_t block_max, uint32_t *blocks)
{
    struct vmc_page_run runs[16];
    uint32_t done = 0, run_count;

    while (done < block_max &&
           vmc_memmap_take(map, request, block_max - done, runs,
                           VMC_COUNT_OF(runs), &run_count) > 0) {
        for (uint32_t i = 0; i < run_count; i++) {
            for (uint32_t k = 0; k < runs[i].count;
                 k += UINT32_C(1) << request->order) {
                blocks[done++] = runs[i].first + k;
            }
        }
    }
    return done;
}

/* ---- Giving --------------------------------------------------------------*/

void vmc_memmap_give(struct vmc_memmap *map, uint32_t page, uint32_t order,
                     uint32_t cpu)
{
    uint32_t zone = zone_of(map, page);
    struct pcp_ring *ring = NULL;
    struct pcp *pcp = NULL;

    assert(vmc_memmap_state(map, page) != VMC_PAGE_FREE);
    assert(vmc_memmap_state(map, page) != VMC_PAGE_PCP);
    if (map->config.cpu_count > 0) {
        pcp = pcp_of(map, zone, cpu);
        ring = ring_of(map, pcp, order, type_of(map, page));
    }
    if (ring == NULL) {
        states_set(map, page, UINT64_C(1) << order, VMC_PAGE_FREE);
        map->zones[zone].free += UINT64_C(1) << order;
        buddy_insert(map, page, order, false);
        return;
    }
    states_set(map, page, UINT64_C(1) << order, VMC_PAGE_PCP);
    ring->first = (ring->first + PCP_RING - 1) % PCP_RING;
    ring->pages[ring->first] = page;
    ring->count++;
    pcp->page_count += UINT32_C(1) << order;
    map->zones[zone].pcp_pages += UINT64_C(1) << order;
    if (pcp->page_count >= map->zones[zone].pcp_high) {
        flush(map, zone, pcp, map->zones[zone].batch);
    }
}

void vmc_memmap_give_run(struct vmc_memmap *map, struct vmc_page_run run,
                         uint32_t cpu)
{
    for (uint32_t i = 0; i < run.count; i++) {
        vmc_memmap_give(map, vmc_page_run_at(run, i), 0, cpu);
    }
}
