/* SPDX-License-Identifier: MIT */
/* What a balloon does beside moving pages: hints, statistics, out of memory,
 * poison, compaction, automatic reclaim, and guest pages that are not 4 KiB. */
#include "tests/balloon_rig.h"

#include "suite.h"

static struct rig rig;
static struct vm *vm;

static void start(struct vmc_balloon_config config)
{
    config.audit_events = 64;
    rig_start(&rig, &config, 1);
    vm = &rig.vms[0];
}

static uint64_t pages_in(enum vmc_page_state state)
{
    return vmc_memmap_count(vm->map, state) << vm->page_order;
}

static uint64_t backed(void)
{
    return vmc_host_backed_bytes(&vm->host) >> 12;
}

/* ---- Hinting -------------------------------------------------------------*/

START_TEST(hints_clear_the_dirty_bits_of_all_free_blocks)
{
    uint64_t free_pages, ram;

    start(rig_config(VMC_MECHANISM_HINTING));
    free_pages = vm_free_pages(vm);
    ram = vmc_memmap_ram_pages(vm->map);
    hint_begin(vm);
    ck_assert_uint_eq(hint_dirty_pages(vm), ram);
    rig_run(&rig);
    ck_assert_int_eq(vm->hint.status, HINT_STOP);
    ck_assert_uint_eq(pages_in(VMC_PAGE_HINTED), vm->hint.cleared_pages);
    ck_assert_uint_eq(hint_dirty_pages(vm), ram - vm->hint.cleared_pages);
    ck_assert_uint_gt(vm->hint.cleared_pages, free_pages * 9 / 10);
    /* Start id, a block each, stop id. */
    ck_assert_uint_eq(vm->messages, vm->hint.cleared_pages / 1024 + 2);
    hint_finish(vm);
    rig_run(&rig);
    ck_assert_uint_eq(pages_in(VMC_PAGE_HINTED), 0);
    ck_assert_uint_eq(vm_free_pages(vm), free_pages);
    rig_end(&rig);
}
END_TEST

START_TEST(ids_wrap_to_the_first_and_never_to_a_reserved_one)
{
    start(rig_config(VMC_MECHANISM_HINTING));
    vm->hint.next_id = UINT32_MAX;
    hint_begin(vm);
    rig_run(&rig);
    ck_assert_uint_eq(vm->hint.active_id, UINT32_MAX);
    hint_sync(vm);
    rig_run(&rig);
    ck_assert_uint_eq(vm->hint.active_id, 0x80000000);
    ck_assert_uint_eq(vm->hint.next_id, 0x80000001);
    rig_end(&rig);
}
END_TEST

/* The host stops before the guest's first message arrives, as it does before
 * each sync: what still comes is of an old request. */
START_TEST(hints_of_an_old_request_clear_nothing)
{
    start(rig_config(VMC_MECHANISM_HINTING));
    hint_begin(vm);
    while (pages_in(VMC_PAGE_HINTED) == 0) {
        ck_assert(rig_step(&rig));
    }
    vm->hint.status = HINT_STOP;
    rig_run(&rig);
    ck_assert_uint_eq(vm->hint.cleared_pages, 0);
    ck_assert_int_eq(vm->hint.status, HINT_STOP);
    rig_end(&rig);
}
END_TEST

START_TEST(a_new_request_is_answered_in_the_middle_of_the_old)
{
    start(rig_config(VMC_MECHANISM_HINTING));
    hint_begin(vm);
    while (vm->hint.cleared_pages < 10 * 1024) {
        ck_assert(rig_step(&rig));
    }
    hint_sync(vm);
    rig_run(&rig);
    ck_assert_uint_eq(vm->hint.active_id, HINT_ID_MIN + 1);
    ck_assert_uint_gt(vm->hint.cleared_pages, 20 * 1024);
    rig_end(&rig);
}
END_TEST

/* A ring of 1024 keeps one descriptor for the id that ends the list. */
START_TEST(a_full_ring_waits_for_the_host)
{
    struct vmc_balloon_costs slow = rig_costs;
    struct vmc_balloon_config config = rig_config(VMC_MECHANISM_HINTING);

    slow.send.wake_host = 100 * UINT64_C(1000000);
    config.costs = &slow;
    config.guest_bytes = UINT64_C(6) << 30;
    config.audit_events = 0;
    rig_start(&rig, &config, 1);
    vm = &rig.vms[0];
    hint_begin(vm);
    while (vmc_vq_free_count(&vm->queues[QUEUE_HINT]) > 1) {
        ck_assert(rig_step(&rig));
    }
    /* Many a block is taken and freed again before the host looks. */
    for (uint32_t i = 0; i < 100; i++) {
        ck_assert(rig_step(&rig));
        ck_assert_uint_eq(vmc_vq_free_count(&vm->queues[QUEUE_HINT]), 1);
    }
    ck_assert_uint_eq(vm->hint.cleared_pages, 0);
    rig_run(&rig);
    ck_assert_uint_gt(vm->hint.cleared_pages, 1400 * 1024);
    ck_assert_uint_eq(pages_in(VMC_PAGE_HINTED), vm->hint.cleared_pages);
    rig_end(&rig);
}
END_TEST

/* S7. A block that the guest takes back and writes to is dirty again, if
 * writes were logged from before the first hint. */
START_TEST(a_hinted_page_that_is_written_is_sent_again)
{
    bool is_late = _i == 1;
    struct vmc_balloon_config config = rig_config(VMC_MECHANISM_HINTING);
    uint64_t dirty;

    config.defects = is_late ? VMC_DEFECT(VMC_DEFECT_S(7)) : 0;
    start(config);
    hint_begin(vm);
    rig_run(&rig);
    dirty = hint_dirty_pages(vm);
    ck_assert_uint_eq(hint_shrink(vm, 1500), 2048); /* whole blocks */
    vm_touch(vm, 1000);
    rig_run(&rig);
    vm_touch_end(vm);
    hint_sync(vm);
    ck_assert_uint_eq(vm->hint.lost_pages, is_late ? 1000 : 0);
    ck_assert_uint_eq(hint_dirty_pages(vm), dirty + (is_late ? 0 : 1000));
    rig_run(&rig);
    /* The log is of what was written since; nothing was. */
    dirty = hint_dirty_pages(vm);
    hint_sync(vm);
    ck_assert_uint_eq(hint_dirty_pages(vm), dirty);
    rig_run(&rig);
    rig_end(&rig);
}
END_TEST

/* ---- Statistics ----------------------------------------------------------*/

START_TEST(statistics_are_asked_for_once_a_period_and_answered)
{
    struct vmc_balloon_config config = rig_config(VMC_MECHANISM_PFN);

    config.stats_ticks = UINT64_C(1000000);
    start(config);
    vm_stats_start(vm);
    vm_resize(vm, 4096);
    rig_run(&rig);
    ck_assert_uint_gt(vm->stats.polls, 3);
    ck_assert_uint_eq(vm->stats.answers, vm->stats.polls + 1);
    ck_assert_uint_eq(vm->messages, 16 + vm->stats.answers);
    /* The last answer may be a batch of pages old. */
    ck_assert_uint_le(vm->stats.values[5], (vm_managed_pages(vm) + 256) << 12);
    ck_assert_uint_ge(vm->stats.values[5], vm_managed_pages(vm) << 12);
    ck_assert_uint_le(vm->stats.values[4], (vm_free_pages(vm) + 256) << 12);
    ck_assert_uint_ge(vm->stats.values[4], vm_free_pages(vm) << 12);
    /* What the poll takes is not part of what is timed. */
    ck_assert_uint_eq(vm->account.ticks[VMC_STAGE_SLEEP], 0);
    rig_end(&rig);
}
END_TEST

/* ---- Out of memory -------------------------------------------------------*/

static const enum vmc_balloon_mechanism oom_mechanisms[] = {
    VMC_MECHANISM_PFN, VMC_MECHANISM_BITMAP_FIXED, VMC_MECHANISM_CHUNK,
    VMC_MECHANISM_SG,  VMC_MECHANISM_CONTIGUOUS,   VMC_MECHANISM_HUGE,
};

START_TEST(a_program_out_of_memory_takes_it_from_the_balloon)
{
    struct vmc_balloon_config config = rig_config(oom_mechanisms[_i / 2]);
    bool can_deflate = _i % 2 == 0;
    uint64_t free_pages, units, held, managed, messages;

    config.has_deflate_on_oom = can_deflate;
    start(config);
    managed = vm_managed_pages(vm);
    units = 65536 / vm->driver->unit_pages;
    vm_resize(vm, units);
    rig_run(&rig);
    held = vm->held_units;
    ck_assert_uint_eq(held, units);
    ck_assert_uint_eq(vm_managed_pages(vm),
                      can_deflate ? managed : managed - 65536);
    free_pages = vm_free_pages(vm);
    messages = vm->messages;
    vm_touch(vm, free_pages + 4096);
    rig_run(&rig);
    if (can_deflate) {
        ck_assert_uint_eq(vm->program.page_count, free_pages + 4096);
        ck_assert_uint_eq(vm->oom_kills, 0);
        ck_assert_uint_eq(vm->oom_pages,
                          (held - vm->held_units) * vm->driver->unit_pages);
        ck_assert_uint_eq(vm->oom_pages, vm->oom_calls * vm_oom_units(vm) *
                                             vm->driver->unit_pages);
        ck_assert_uint_eq(vmc_config_get(&vm->space, VMC_CONFIG_ACTUAL),
                          vm->held_units);
        /* Descriptors: one a page, 128 a message. */
        ck_assert_uint_eq(vm->messages - messages,
                          vm->oom_calls *
                              (config.mechanism == VMC_MECHANISM_SG ? 2 : 1));
    } else {
        ck_assert_uint_le(vm->program.page_count, free_pages);
        ck_assert_uint_eq(vm->oom_kills, 1);
        ck_assert_uint_eq(vm->held_units, held);
    }
    rig_end(&rig);
}
END_TEST

START_TEST(an_empty_balloon_does_not_save_a_program)
{
    struct vmc_balloon_config config = rig_config(VMC_MECHANISM_PFN);

    config.has_deflate_on_oom = true;
    start(config);
    vm_resize(vm, 512);
    rig_run(&rig);
    vm_touch(vm, UINT32_MAX);
    rig_run(&rig);
    ck_assert_uint_eq(vm->oom_calls, 2);
    ck_assert_uint_eq(vm->oom_kills, 1);
    ck_assert_uint_eq(vm->held_units, 0);
    rig_end(&rig);
}
END_TEST

/* The host cannot be told, so nothing comes out of the balloon. */
START_TEST(a_notifier_that_frees_nothing_is_not_called_again)
{
    struct vmc_balloon_config config = rig_config(VMC_MECHANISM_BITMAP_FIXED);

    config.has_deflate_on_oom = true;
    config.faults.fail_add_first = 2;
    config.faults.fail_add_count = UINT32_MAX;
    start(config);
    vm_resize(vm, 4096);
    rig_run(&rig);
    vm_touch(vm, UINT32_MAX);
    rig_run(&rig);
    ck_assert_uint_eq(vm->oom_calls, 1);
    ck_assert_uint_eq(vm->oom_kills, 1);
    ck_assert_uint_eq(vm->held_units, 4096);
    rig_end(&rig);
}
END_TEST

/* ---- Must tell host ------------------------------------------------------*/

/* The benchmark's driver frees first; a device that must be told is not
 * overtaken, and the checker, which is strict then, agrees. */
START_TEST(a_device_that_must_be_told_is_told_first)
{
    struct vmc_balloon_config config = rig_config(VMC_MECHANISM_PFN);
    bool must_tell = _i == 1, was_early = false;

    config.machine.frees_first = 1;
    config.has_must_tell = must_tell;
    start(config);
    vm_resize(vm, 256);
    rig_run(&rig);
    vm_resize(vm, 0);
    while (rig_step(&rig)) {
        was_early |= vm->check.told_pages > 0 &&
                     pages_in(VMC_PAGE_BALLOON) == 0 &&
                     pages_in(VMC_PAGE_DEFLATING) == 0;
    }
    ck_assert(was_early == !must_tell);
    ck_assert(check_rest(vm));
    rig_end(&rig);
}
END_TEST

/* ---- Poison --------------------------------------------------------------*/

START_TEST(poisoned_pages_are_reported_and_stay)
{
    struct vmc_balloon_config config = rig_config(VMC_MECHANISM_REPORTING);
    bool is_poisoned = _i == 1;
    struct vmc_free_area area = {.order = 10, .type = VMC_TYPE_MOVABLE};
    uint64_t before, messages;

    config.poison_byte = is_poisoned ? 0xaa : 0;
    start(config);
    ck_assert_uint_eq(vmc_config_get(&vm->space, VMC_CONFIG_POISON),
                      is_poisoned ? 0xaaaaaaaa : 0);
    vm_touch(vm, 100000);
    rig_run(&rig);
    vm_touch_end(vm);
    before = backed();
    vm_report(vm);
    rig_run(&rig);
    ck_assert(is_poisoned ? backed() == before : backed() + 90000 < before);
    while (vmc_memmap_area_count(vm->map, area) == 0) {
        ck_assert_uint_lt(++area.zone, VMC_ZONE_COUNT);
    }
    ck_assert(
        vmc_memmap_is_reported(vm->map, vmc_memmap_area_first(vm->map, area)));
    /* It is all flagged now, so nobody asks again. */
    messages = vm->messages;
    vm_report(vm);
    rig_run(&rig);
    ck_assert_uint_eq(vm->messages, messages);
    rig_end(&rig);
}
END_TEST

/* ---- Compaction ----------------------------------------------------------*/

static const enum vmc_balloon_mechanism movers[] = {
    VMC_MECHANISM_PFN,   VMC_MECHANISM_BITMAP, VMC_MECHANISM_BITMAP_FIXED,
    VMC_MECHANISM_CHUNK, VMC_MECHANISM_SG,     VMC_MECHANISM_CONTIGUOUS,
};

START_TEST(a_moved_page_is_told_twice_and_its_place_is_free)
{
    struct vmc_balloon_config config = rig_config(movers[_i]);
    uint64_t messages, held, pages = UINT64_C(1) << (_i % 3 * 2);

    config.page_bytes = UINT32_C(4096) << (_i % 3 * 2);
    start(config);
    vm_resize(vm, 4096);
    rig_run(&rig);
    messages = vm->messages;
    held = vm->held_units;
    vm_migrate(vm, 7);
    rig_run(&rig);
    ck_assert_uint_eq(vm->migrated, 7 * pages);
    ck_assert_uint_eq(vm->migrate_refused, 0);
    ck_assert_uint_eq(vm->messages - messages, 14);
    ck_assert_uint_eq(vm->held_units, held);
    ck_assert_uint_eq(pages_in(VMC_PAGE_BALLOON), held);
    ck_assert_uint_eq(vm->check.told_pages, held);
    ck_assert(check_all(vm));
    vm_resize(vm, 0);
    rig_run(&rig);
    ck_assert_uint_eq(vm->check.told_pages, 0);
    rig_end(&rig);
}
END_TEST

START_TEST(compaction_does_not_wait_for_the_driver)
{
    start(rig_config(VMC_MECHANISM_PFN));
    vm_resize(vm, 2048);
    while (vm->check.sent_pages == 0) {
        ck_assert(rig_step(&rig));
    }
    vm_migrate(vm, 3);
    rig_run(&rig);
    ck_assert_uint_eq(vm->migrate_refused, 3);
    ck_assert_uint_eq(vm->migrated, 0);
    ck_assert_uint_eq(pages_in(VMC_PAGE_ISOLATED), 0);
    rig_end(&rig);
}
END_TEST

/* ---- Automatic reclaim ---------------------------------------------------*/

static uint32_t evicted_frames(void)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < vm_page_max(vm) / 512; i++) {
        count += vm->host.frames[i].is_evicted;
    }
    return count;
}

START_TEST(softly_reclaimed_frames_are_free_and_installed_before_use)
{
    struct vmc_balloon_config config = rig_config(VMC_MECHANISM_HYPERALLOC);
    uint64_t free_pages, zap;
    uint32_t evicted;

    config.has_vfio = _i == 1;
    start(config);
    vm_touch(vm, 100000);
    rig_run(&rig);
    vm_touch_end(vm);
    free_pages = vm_free_pages(vm);
    vm_reclaim_soft(vm);
    rig_run(&rig);
    evicted = evicted_frames();
    ck_assert_uint_eq(vm_free_pages(vm), free_pages);
    ck_assert_uint_eq(vm->soft_pages, (uint64_t)evicted * 512);
    ck_assert_uint_gt(vm->soft_pages, free_pages - 2048);
    ck_assert_uint_le(backed(), vmc_memmap_ram_pages(vm->map) - vm->soft_pages);
    /* A second pass finds nothing that is not evicted. */
    vm_reclaim_soft(vm);
    rig_run(&rig);
    ck_assert_uint_eq(vm->soft_pages, (uint64_t)evicted * 512);
    /* To take such a frame for good needs no unmapping. */
    zap = vm->account.ticks[VMC_STAGE_ZAP] + vm->account.ticks[VMC_STAGE_PIN];
    vm_resize(vm, 16);
    rig_run(&rig);
    ck_assert_uint_eq(vm->account.ticks[VMC_STAGE_ZAP] +
                          vm->account.ticks[VMC_STAGE_PIN],
                      zap);
    vm_resize(vm, 0);
    rig_run(&rig);
    vm_touch(vm, 512);
    rig_run(&rig);
    ck_assert_uint_eq(evicted_frames(), evicted - 1);
    ck_assert_uint_eq(vm->host.pinned_frames,
                      config.has_vfio
                          ? vmc_memmap_ram_pages(vm->map) / 512 - evicted + 1
                          : 0);
    rig_end(&rig);
}
END_TEST

/* Below 16 MiB nothing is taken, for good or softly, whatever is asked. */
START_TEST(frames_for_old_devices_are_never_reclaimed)
{
    struct vmc_balloon_config config = rig_config(VMC_MECHANISM_HYPERALLOC);
    struct vmc_zone_facts dma;

    config.layout = VMC_LAYOUT_I440FX;
    config.machine.used_bytes = 0;
    start(config);
    dma = vmc_memmap_zone(vm->map, VMC_ZONE_DMA);
    ck_assert_uint_gt(dma.free, 2048);
    if (_i == 0) {
        vm_resize(vm, 256);
    } else {
        vm_reclaim_soft(vm);
    }
    rig_run(&rig);
    for (uint32_t frame = 0; frame < 256; frame++) {
        if (vm->host.frames[frame].is_evicted) {
            ck_assert_uint_ge(frame, 8);
        }
    }
    ck_assert_uint_eq(vmc_memmap_zone(vm->map, VMC_ZONE_DMA).free, dma.free);
    ck_assert_uint_gt(evicted_frames(), 230);
    rig_end(&rig);
}
END_TEST

/* ---- Guest pages ---------------------------------------------------------*/

static const struct {
    uint32_t page_bytes, ascending;
    uint64_t target, held;
    bool is_oscillating;
} targets[] = {
    {4096, 1, 1001, 1001, false},  {4096, 0, 1001, 1001, false},
    {16384, 0, 1001, 1004, false}, {65536, 0, 1001, 1008, false},
    {65536, 1, 1008, 1008, false}, {65536, 1, 1001, 0, true},
    {16384, 1, 1001, 0, true},
};

/* B3. A newer driver rounds the target up; the older goes to and fro. */
START_TEST(a_target_inside_a_guest_page_is_rounded_or_never_met)
{
    struct vmc_balloon_config config = rig_config(VMC_MECHANISM_PFN);

    config.page_bytes = targets[_i].page_bytes;
    config.machine.ascending_arrays = targets[_i].ascending;
    start(config);
    vm_resize(vm, targets[_i].target);
    rig_run(&rig);
    ck_assert((vm->reversals > IDLE_ROUNDS_MAX) == targets[_i].is_oscillating);
    if (!targets[_i].is_oscillating) {
        ck_assert_uint_eq(vm->held_units, targets[_i].held);
        ck_assert_uint_eq(vm->messages, vmc_div_up(targets[_i].held, 256));
    }
    rig_end(&rig);
}
END_TEST

static const struct {
    uint32_t page_bytes, cpu_lists;
    const char *backing;
} pages[] = {
    {4096, 0, "anon"},     {4096, 4, "anon"},  {16384, 0, "anon"},
    {16384, 2, "64k"},     {65536, 0, "anon"}, {65536, 3, "64k"},
    {4096, 2, "64k"},      {4096, 0, "16k"},   {16384, 0, "16k"},
    {65536, 0, "hugetlb"}, {4096, 0, "shmem"},
};

/* Every mechanism, to and fro, with guest pages of each size on each host. */
START_TEST(all_that_went_comes_back_whatever_a_page_is)
{
    uint32_t row = (uint32_t)_i % VMC_COUNT_OF(pages);
    struct vmc_balloon_config config =
        rig_config((enum vmc_balloon_mechanism)(_i / VMC_COUNT_OF(pages)));
    uint64_t free_pages, units;

    config.page_bytes = pages[row].page_bytes;
    config.cpu_lists = pages[row].cpu_lists;
    config.backing = pages[row].backing;
    /* D12 is about these very pages. */
    config.defects = VMC_BALLOON_AS_POSTED & ~VMC_DEFECT(12);
    start(config);
    free_pages = vm_free_pages(vm);
    units = 65536 / vm->driver->unit_pages;
    for (uint32_t round = 0; round < 2; round++) {
        vm_touch(vm, 50000);
        rig_run(&rig);
        vm_touch_end(vm);
        vm_resize(vm, units);
        rig_run(&rig);
        ck_assert_ptr_null(vm->crash);
        ck_assert_uint_eq(vm->held_units, units);
        ck_assert_uint_eq(vm_free_pages(vm), free_pages - 65536);
        vm_resize(vm, 0);
        rig_run(&rig);
        ck_assert_uint_eq(vm->held_units, 0);
        ck_assert_uint_eq(vm_free_pages(vm), free_pages);
        ck_assert(check_all(vm));
    }
    rig_end(&rig);
}
END_TEST

/* A guest page of 64 KiB is sixteen numbers in a row, which is what a host
 * with pages of 64 KiB needs to give one up. */
START_TEST(a_larger_guest_page_frees_a_host_page_of_its_size)
{
    struct vmc_balloon_config config = rig_config(VMC_MECHANISM_PFN);
    uint64_t before;

    config.page_bytes = 65536;
    config.backing = "64k";
    start(config);
    vm_touch(vm, 65536);
    rig_run(&rig);
    vm_touch_end(vm);
    before = backed();
    vm_resize(vm, 4096);
    rig_run(&rig);
    ck_assert_uint_eq(before - backed(), 4096);
    rig_end(&rig);
}
END_TEST

/* Its length has 32 bits, in whole pages. */
START_TEST(a_descriptor_is_shorter_than_4_gib)
{
    struct vmc_balloon_config config = rig_config(VMC_MECHANISM_SG);
    const uint64_t moved = UINT64_C(5) << 18;

    /* All of it lies in one run of the zone above 4 GiB. */
    config.guest_bytes = UINT64_C(12) << 30;
    rig_start(&rig, &config, 1);
    vm = &rig.vms[0];
    vm_resize(vm, moved);
    rig_run(&rig);
    ck_assert_uint_eq(vm->held_units, moved);
    ck_assert_uint_eq(vm->pages_told, moved);
    ck_assert_uint_eq(vm->bad_addresses, 0);
    rig_end(&rig);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("balloon_features");
    TCase *c = tcase_create("features");

    tcase_set_timeout(c, 60);
    suite_add_tcase(s, c);
    tcase_add_test(c, hints_clear_the_dirty_bits_of_all_free_blocks);
    tcase_add_test(c, ids_wrap_to_the_first_and_never_to_a_reserved_one);
    tcase_add_test(c, hints_of_an_old_request_clear_nothing);
    tcase_add_test(c, a_new_request_is_answered_in_the_middle_of_the_old);
    tcase_add_test(c, a_full_ring_waits_for_the_host);
    tcase_add_loop_test(c, a_hinted_page_that_is_written_is_sent_again, 0, 2);
    tcase_add_test(c, statistics_are_asked_for_once_a_period_and_answered);
    tcase_add_loop_test(c, a_program_out_of_memory_takes_it_from_the_balloon, 0,
                        2 * VMC_COUNT_OF(oom_mechanisms));
    tcase_add_test(c, an_empty_balloon_does_not_save_a_program);
    tcase_add_test(c, a_notifier_that_frees_nothing_is_not_called_again);
    tcase_add_test(c, a_descriptor_is_shorter_than_4_gib);
    tcase_add_loop_test(c, a_device_that_must_be_told_is_told_first, 0, 2);
    tcase_add_loop_test(c, poisoned_pages_are_reported_and_stay, 0, 2);
    tcase_add_loop_test(c, a_moved_page_is_told_twice_and_its_place_is_free, 0,
                        VMC_COUNT_OF(movers));
    tcase_add_test(c, compaction_does_not_wait_for_the_driver);
    tcase_add_loop_test(
        c, softly_reclaimed_frames_are_free_and_installed_before_use, 0, 2);
    tcase_add_loop_test(c, frames_for_old_devices_are_never_reclaimed, 0, 2);
    tcase_add_loop_test(c, a_target_inside_a_guest_page_is_rounded_or_never_met,
                        0, VMC_COUNT_OF(targets));
    tcase_add_loop_test(c, all_that_went_comes_back_whatever_a_page_is, 0,
                        VMC_COUNT_OF(pages) * VMC_MECHANISM_REPORTING);
    tcase_add_test(c, a_larger_guest_page_frees_a_host_page_of_its_size);
    return s;
}
