/* SPDX-License-Identifier: MIT */
/* Guest and host together: a thousand guests inflate, deflate and touch at
 * random, with the invariants of both maps on after every operation. */
#include "balloon/host.h"
#include "balloon/memmap.h"

#include "base/rng.h"
#include "suite.h"

enum { RUNS_MAX = 64, STEPS = 24 };

static struct vmc_page_run held[RUNS_MAX];
static uint32_t held_count;

static void inflate(struct vmc_memmap *map, struct vmc_host *host,
                    struct vmc_rng *rng, bool is_singly)
{
    struct vmc_page_request request = {.type = VMC_TYPE_MOVABLE,
                                       .state = VMC_PAGE_INFLATING};
    struct vmc_host_effect effect = {0};
    uint64_t before = vmc_host_backed_bytes(host);
    uint32_t count;

    (void)vmc_memmap_take(map, &request, 1 + (uint32_t)vmc_rng_below(rng, 512),
                          &held[held_count], RUNS_MAX - held_count, &count);
    for (; count > 0; count--, held_count++) {
        struct vmc_page_run run = held[held_count];

        vmc_memmap_mark(map, run.first, run.count, VMC_PAGE_BALLOON);
        ck_assert(vmc_memmap_all_in(map, run.first, run.count,
                                    VMC_PAGE_MASK(VMC_PAGE_BALLOON)));
        if (is_singly) {
            vmc_host_discard_singly(host, run.first, run.count, &effect);
        } else {
            vmc_host_discard(host, run.first, run.count, &effect);
        }
    }
    ck_assert_uint_eq(before - vmc_host_backed_bytes(host),
                      effect.pages_freed << 12);
}

static void deflate(struct vmc_memmap *map, struct vmc_host *host,
                    struct vmc_rng *rng)
{
    uint32_t i = (uint32_t)vmc_rng_below(rng, held_count);
    struct vmc_page_run run = held[i];

    held[i] = held[--held_count];
    for (uint32_t k = 0; k < run.count; k++) {
        ck_assert(!vmc_host_is_present(host, run.first + k));
    }
    vmc_memmap_mark(map, run.first, run.count, VMC_PAGE_DEFLATING);
    vmc_memmap_give_run(map, run, 0);
}

/* A program uses what is not in the balloon. */
static void touch(const struct vmc_memmap *map, struct vmc_host *host,
                  struct vmc_rng *rng)
{
    struct vmc_host_effect effect = {0};
    uint32_t page = (uint32_t)vmc_rng_below(rng, vmc_memmap_page_max(map));
    uint32_t count = vmc_memmap_find(map, &page,
                                     VMC_PAGE_MASK(VMC_PAGE_FREE) |
                                         VMC_PAGE_MASK(VMC_PAGE_USED_MOVABLE));

    vmc_host_touch(host, page, count < 300 ? count : 300, &effect);
}

START_TEST(a_thousand_guests_keep_all_invariants)
{
    struct vmc_error error = {""};
    struct vmc_rng rng;

    vmc_rng_init(&rng, 0xc4ec + (uint64_t)_i);
    for (uint32_t guest = 0; guest < 50; guest++) {
        struct vmc_memmap_config config = {.page_bytes = 4096};
        struct vmc_host host;
        struct vmc_memmap *map;
        bool is_singly = vmc_rng_below(&rng, 2) == 0;

        vmc_memmap_lay_out(&config, (enum vmc_layout)vmc_rng_below(&rng, 4),
                           (18 + vmc_rng_below(&rng, 14)) << 20);
        config.cpu_count = (uint32_t)vmc_rng_below(&rng, 2);
        config.seed = vmc_rng_next(&rng);
        config.fragmentation = vmc_rng_below(&rng, 2) == 0 ? "frag:40" : NULL;
        ck_assert_int_eq(vmc_memmap_new(&map, &config, &error), VMC_OK);
        ck_assert_int_eq(
            vmc_host_init(&host,
                          &(struct vmc_host_config){
                              .page_max = vmc_memmap_page_max(map),
                              .host_page_bytes = 4096,
                              /* a huge page would bring back what is held */
                              .has_thp = false}),
            VMC_OK);
        held_count = 0;
        for (uint32_t step = 0; step < STEPS; step++) {
            uint64_t what = vmc_rng_below(&rng, 3);

            if (what == 0 && held_count < RUNS_MAX) {
                inflate(map, &host, &rng, is_singly);
            } else if (what == 1 && held_count > 0) {
                deflate(map, &host, &rng);
            } else {
                touch(map, &host, &rng);
            }
            ck_assert(vmc_memmap_adds_up(map));
            ck_assert_msg(vmc_memmap_audit(map, &error) == VMC_OK, "%s",
                          error.text);
            ck_assert_msg(vmc_host_audit(&host, &error) == VMC_OK, "%s",
                          error.text);
        }
        vmc_memmap_free(map);
        vmc_host_fini(&host);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("balloon_check");
    TCase *c = tcase_create("balloon_check");

    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, a_thousand_guests_keep_all_invariants, 0, 20);
    suite_add_tcase(s, c);
    return s;
}
