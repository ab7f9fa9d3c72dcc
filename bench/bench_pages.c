/* SPDX-License-Identifier: MIT */
/* Page paths: what taking, marking, discarding and giving back a page costs,
 * for 7 of 8 GiB, by runs and one by one; the peer is a plain memset of as
 * many bytes as there are states. */
#include "balloon/host.h"
#include "balloon/memmap.h"

#include <stdio.h>
#include <string.h>

#include "bench/measure.h"

enum { PAGES = 1835008, ROUNDS = 5, CHUNK = 256, RUNS = 16 };

static struct vmc_page_run runs[PAGES];
static uint32_t run_count;

enum step { TAKE_RUNS, TAKE_SINGLY, MARK, DISCARD, TOUCH, GIVE, PEER, STEPS };

static const char *const names[STEPS] = {
    [TAKE_RUNS] = "take, 256 at a time",
    [TAKE_SINGLY] = "take, one by one",
    [MARK] = "mark, 256 at a time",
    [DISCARD] = "discard singly, of a table",
    [TOUCH] = "touch, into a table",
    [GIVE] = "give, one by one",
    [PEER] = "memset of a state",
};

static uint32_t take(struct vmc_memmap *map, uint32_t chunk)
{
    struct vmc_page_request request = {.type = VMC_TYPE_MOVABLE,
                                       .state = VMC_PAGE_INFLATING};
    uint32_t taken = 0, got, count;

    run_count = 0;
    while (taken < PAGES &&
           (got = vmc_memmap_take(map, &request,
                                  chunk < PAGES - taken ? chunk : PAGES - taken,
                                  &runs[run_count], RUNS, &count)) > 0) {
        taken += got;
        run_count += count;
    }
    return taken;
}

static void give(struct vmc_memmap *map)
{
    for (uint32_t i = 0; i < run_count; i++) {
        vmc_memmap_give_run(map, runs[i], 0);
    }
}

static void round_trip(struct vmc_memmap *map, struct vmc_host *host,
                       double *seconds)
{
    struct vmc_host_effect effect = {0};
    static uint8_t peer[PAGES];
    double at = bench_seconds(), now;

#define LAP(step)                                                              \
    now = bench_seconds();                                                     \
    seconds[step] = now - at;                                                  \
    at = now
    (void)take(map, 1);
    LAP(TAKE_SINGLY);
    give(map);
    LAP(GIVE);
    (void)take(map, CHUNK);
    LAP(TAKE_RUNS);
    for (uint32_t i = 0; i < run_count; i++) {
        vmc_memmap_mark(map, runs[i].first, runs[i].count, VMC_PAGE_BALLOON);
    }
    LAP(MARK);
    for (uint32_t i = 0; i < run_count; i++) {
        vmc_host_touch(host, runs[i].first, runs[i].count, &effect);
    }
    LAP(TOUCH);
    for (uint32_t i = 0; i < run_count; i++) {
        vmc_host_discard_singly(host, runs[i].first, runs[i].count, &effect);
    }
    LAP(DISCARD);
    give(map);
    at = bench_seconds();
    for (uint32_t i = 0; i + CHUNK <= PAGES; i += CHUNK) {
        memset(&peer[i], (int)i, CHUNK);
        __asm__ volatile("" : : "r"(peer) : "memory");
    }
    LAP(PEER);
}

int main(void)
{
    struct vmc_memmap_config config = {.page_bytes = 4096, .cpu_count = 4};
    double seconds[STEPS][ROUNDS], one[STEPS];
    struct vmc_memmap *map;
    struct vmc_error error;
    struct vmc_host host;
    double peer;

    vmc_memmap_lay_out(&config, VMC_LAYOUT_I440FX, UINT64_C(8) << 30);
    if (vmc_memmap_new(&map, &config, &error) != VMC_OK ||
        vmc_host_init(&host, &(struct vmc_host_config){
                                 .page_max = vmc_memmap_page_max(map),
                                 .host_page_bytes = 4096}) != VMC_OK) {
        return 1;
    }
    for (uint32_t i = 0; i < ROUNDS; i++) {
        round_trip(map, &host, one);
        for (uint32_t step = 0; step < STEPS; step++) {
            seconds[step][i] = one[step];
        }
    }
    peer = bench_median(seconds[PEER], ROUNDS);
    for (uint32_t step = 0; step < STEPS; step++) {
        double median = bench_median(seconds[step], ROUNDS);

        printf("pages: %-28s %8.2f ns a page %8.1f ms  %6.1f x memset\n",
               names[step], median / PAGES * 1e9, median * 1e3, median / peer);
    }
    printf("pages: memory %.2f bytes a page\n",
           9.0 + (double)sizeof(struct vmc_frame) / VMC_FRAME_PAGES);
    vmc_memmap_free(map);
    vmc_host_fini(&host);
    return 0;
}
