/* SPDX-License-Identifier: MIT */
/* Direct compaction: what moves, where it goes, what it takes, and when nobody
 * tries any more. A guest of 128 MiB: 16 in use at the bottom, then 48 of which
 * every second page is free, then free memory. */
#include "tests/balloon_rig.h"

#include "suite.h"

enum { BLOCK = 1024, OWN_PAGES = 16 << 8, PAGES = 128 << 8 };

static struct rig rig;
static struct vm *const vm = &rig.vms[0];

static void set_up(void)
{
    struct vmc_balloon_config config = rig_config(VMC_MECHANISM_CONTIGUOUS);

    config.guest_bytes = UINT64_C(128) << 20;
    config.fragmentation = "punch:48M";
    rig_start(&rig, &config, 1);
    compact_reset(vm);
}

static void tear_down(void)
{
    rig_end(&rig);
}

static uint32_t count_in(uint32_t page, uint32_t count,
                         enum vmc_page_state state)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < count; i++) {
        found += vm_state(vm, page + i) == state;
    }
    return found;
}

/* Take all blocks of 4 MiB that there are. */
static void take_all(void)
{
    while (vm_take_block(vm, 10) != VMC_PAGE_NONE) {
    }
}

START_TEST(a_block_is_emptied_into_the_holes_above_it)
{
    uint64_t used, free_before, backed;
    uint32_t page = VMC_PAGE_NONE, moved;

    take_all();
    used = vmc_memmap_count(vm->map, VMC_PAGE_USED_MOVABLE);
    free_before = vm_free_pages(vm);
    backed = vmc_host_backed_bytes(&vm->host);
    /* The lowest block that is part in use. */
    for (uint32_t at = 0; at < PAGES && page == VMC_PAGE_NONE; at += BLOCK) {
        uint32_t in_use = count_in(at, BLOCK, VMC_PAGE_USED_MOVABLE);

        if (in_use > 0 && in_use < BLOCK &&
            in_use + count_in(at, BLOCK, VMC_PAGE_FREE) == BLOCK) {
            page = at;
        }
    }
    ck_assert_uint_ne(page, VMC_PAGE_NONE);
    moved = count_in(page, BLOCK, VMC_PAGE_USED_MOVABLE);
    ck_assert(vm_compact(vm, 10));
    ck_assert_uint_eq(count_in(page, BLOCK, VMC_PAGE_FREE), BLOCK);
    ck_assert_uint_eq(vmc_memmap_count(vm->map, VMC_PAGE_USED_MOVABLE), used);
    ck_assert_uint_eq(vm_free_pages(vm), free_before);
    /* The holes were backed, by the huge pages around them. */
    ck_assert_uint_eq(vmc_host_backed_bytes(&vm->host), backed);
    ck_assert_uint_eq(compact_ticks(vm), moved * rig_costs.guest.migrate);
    ck_assert_uint_eq(compact_ticks(vm), 0);
    ck_assert(check_event(vm) && check_all(vm));
    ck_assert_uint_eq(vm_take_block(vm, 10), page);
}
END_TEST

START_TEST(it_ends_when_the_scanners_meet)
{
    uint32_t blocks = 0;

    const uint32_t full = OWN_PAGES + BLOCK;

    take_all();
    (void)vm_isolate(vm, full, BLOCK, VMC_PAGE_USED_MOVABLE);
    ck_assert_uint_eq(count_in(full, BLOCK, VMC_PAGE_USED_MOVABLE), BLOCK);
    while (vm_compact(vm, 10)) {
        (void)vm_take_block(vm, 10); /* unless memory is short by now */
        blocks++;
    }
    /* 22 MiB of holes are five blocks; at most one is lost at the ends. */
    ck_assert_uint_ge(blocks, 4);
    ck_assert_uint_le(blocks, 5);
    /* A block that is in use as a whole is left where it is. */
    ck_assert_uint_eq(count_in(0, OWN_PAGES, VMC_PAGE_USED_MOVABLE), OWN_PAGES);
    ck_assert_uint_eq(count_in(full, BLOCK, VMC_PAGE_USED_MOVABLE), BLOCK);
    ck_assert(check_all(vm));
}
END_TEST

START_TEST(a_wholly_free_pageblock_is_no_place_to_move_to)
{
    uint32_t block, kept;

    take_all();
    kept = PAGES - HUGE_PAGES;
    vm_mark(vm, kept, HUGE_PAGES, VMC_PAGE_INFLATING);
    vm_give(vm, kept, HUGE_PAGES);
    ck_assert(vm_compact(vm, 10));
    block = vm_take_block(vm, 10);
    ck_assert_uint_lt(block, kept);
    ck_assert_uint_eq(count_in(kept, HUGE_PAGES, VMC_PAGE_FREE), HUGE_PAGES);
}
END_TEST

/* What failed once is not tried again before the next operation, even if it
 * could be done by now; smaller blocks are. */
START_TEST(a_failure_is_remembered_until_the_next_operation)
{
    take_all();
    while (vm_compact(vm, 10)) {
    }
    vm_end_holder(vm); /* now there is room for everything */
    /* A block to empty, and a pageblock with room for it. */
    (void)vm_isolate(vm, OWN_PAGES, 1, VMC_PAGE_USED_MOVABLE);
    (void)vm_isolate(vm, OWN_PAGES + BLOCK + 7, 1, VMC_PAGE_USED_MOVABLE);
    vm->compact.migrate[VMC_ZONE_DMA32] = OWN_PAGES;
    vm->compact.free[VMC_ZONE_DMA32] = PAGES;
    ck_assert(!vm_compact(vm, 10));
    ck_assert_uint_eq(compact_ticks(vm) % rig_costs.guest.migrate, 0);
    compact_reset(vm);
    ck_assert(vm_compact(vm, 10));
}
END_TEST

/* The program that holds pages finds them at their new place. */
START_TEST(a_program_keeps_its_pages)
{
    uint64_t used = vmc_memmap_count(vm->map, VMC_PAGE_USED_MOVABLE);
    uint64_t held;

    vm_touch(vm, 1000);
    rig_run(&rig);
    held = vm->program.page_count;
    take_all();
    ck_assert(vm_compact(vm, 10));
    ck_assert_uint_eq(vm->program.page_count, held);
    for (uint32_t i = 0; i < vm->program.run_count; i++) {
        struct vmc_page_run run = vm->program.runs[i];

        ck_assert_uint_eq(
            count_in(vmc_page_run_low(run), run.count, VMC_PAGE_USED_MOVABLE),
            run.count);
    }
    vm_touch_end(vm);
    ck_assert_uint_eq(vmc_memmap_count(vm->map, VMC_PAGE_USED_MOVABLE), used);
    ck_assert(check_all(vm));
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("compact");
    TCase *c = tcase_create("compact");

    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, a_block_is_emptied_into_the_holes_above_it);
    tcase_add_test(c, it_ends_when_the_scanners_meet);
    tcase_add_test(c, a_wholly_free_pageblock_is_no_place_to_move_to);
    tcase_add_test(c, a_failure_is_remembered_until_the_next_operation);
    tcase_add_test(c, a_program_keeps_its_pages);
    suite_add_tcase(s, c);
    return s;
}
