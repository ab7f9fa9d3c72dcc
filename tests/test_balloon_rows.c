/* SPDX-License-Identifier: MIT */
/* Rows of the specification that are counts, not times: passes of free page
 * reporting, the cadence of a driver that is short of memory. */
#include <stdio.h>

#include "event/clock.h"
#include "tests/balloon_rig.h"

#include "suite.h"

static struct rig rig;
static struct vm *const vm = &rig.vms[0];

/* ---- Passes (4.7, U10) ---------------------------------------------------*/

static const struct {
    uint32_t blocks, passes;
} lists[] = {{100, 2},   {512, 8},    {1792, 12},
             {2048, 13}, {10000, 15}, {65536, 16}};

/* One list of so many blocks of 4 MiB, in the zone Normal, and nothing else. */
static void start_with_one_list(uint32_t blocks)
{
    static char text[256];
    struct vmc_balloon_config config = rig_config(VMC_MECHANISM_REPORTING);

    (void)snprintf(text, sizeof(text),
                   "Node 0, zone      DMA 0 0 0 0 0 0 0 0 0 0 0\n"
                   "Node 0, zone    DMA32 0 0 0 0 0 0 0 0 0 0 0\n"
                   "Node 0, zone   Normal 0 0 0 0 0 0 0 0 0 0 %u\n",
                   blocks);
    config.guest_bytes = (UINT64_C(5) << 30) + ((uint64_t)blocks << 22);
    config.fragmentation = text;
    config.layout = VMC_LAYOUT_I440FX;
    rig_start(&rig, &config, 1);
    ck_assert_uint_eq(vm_free_pages(vm), (uint64_t)blocks << 10);
}

START_TEST(a_list_is_reported_in_as_many_passes)
{
    uint32_t blocks = lists[_i].blocks;

    start_with_one_list(blocks);
    vm_report(vm);
    rig_run(&rig);
    ck_assert_uint_eq(vm->passes, lists[_i].passes);
    ck_assert_uint_eq(vm->pages_told, (uint64_t)blocks << 10);
    ck_assert_uint_eq(vm->messages, vmc_div_up(blocks, REPORT_BLOCKS_MAX));
    ck_assert_uint_eq(vm->account.ticks[VMC_STAGE_SLEEP],
                      lists[_i].passes * rig_costs.guest.report_delay);
    ck_assert(check_all(vm));
    rig_end(&rig);
}
END_TEST

/* Judge: the rule of 4.7 on a bare number. A pass over n blocks of which some
 * are left sends (ceil(n / 512) + 1) batches of 32. */
START_TEST(any_list_is_reported_in_the_passes_of_the_rule)
{
    uint32_t blocks = 40 + (uint32_t)_i * 397, left = blocks, passes = 0;

    while (left > 0) {
        uint32_t most = ((uint32_t)vmc_div_up(blocks, 512) + 1) * 32;

        left -= left < most ? left : most;
        passes++;
    }
    start_with_one_list(blocks);
    vm_report(vm);
    rig_run(&rig);
    ck_assert_uint_eq(vm->passes, passes);
    rig_end(&rig);
}
END_TEST

/* ---- Short of memory (8.3, B2) -------------------------------------------*/

static const uint32_t mechanisms[] = {
    VMC_MECHANISM_PFN, VMC_MECHANISM_BITMAP_FIXED, VMC_MECHANISM_CONTIGUOUS,
    VMC_MECHANISM_HUGE};

/* More is asked for than is free: what there is goes, then the driver looks
 * again every 200 ms, and goes on when something was freed. */
START_TEST(a_driver_short_of_memory_looks_again_every_200_ms)
{
    struct vmc_balloon_config config = rig_config(mechanisms[_i]);
    uint64_t unit = rig_driver(mechanisms[_i])->unit_pages;
    uint64_t sleep = rig_costs.guest.retry_sleep, held, sleeps;

    config.audit_events = 200;
    config.guest_bytes = UINT64_C(64) << 20;
    rig_start(&rig, &config, 1);
    vm_touch(vm, 4096);
    rig_run(&rig);
    vm_resize(vm, 16000 / unit);
    rig_run(&rig);
    held = vm->held_units;
    ck_assert_uint_gt(held, 0);
    ck_assert_uint_lt(held, 16000 / unit);
    sleeps = vm->account.ticks[VMC_STAGE_SLEEP];
    ck_assert_uint_eq(sleeps % sleep, 0);
    ck_assert_uint_ge(sleeps / sleep, IDLE_ROUNDS_MAX);
    vm_touch_end(vm);
    vm_resize(vm, 15000 / unit);
    rig_run(&rig);
    ck_assert_uint_gt(vm->held_units, held);
    rig_end(&rig);
}
END_TEST

/* Memory comes free little by little while the driver waits: not more than 256
 * pages go every 200 ms. */
START_TEST(what_is_freed_meanwhile_goes_at_the_next_look)
{
    struct vmc_balloon_config config = rig_config(VMC_MECHANISM_PFN);
    const uint64_t sleep = rig_costs.guest.retry_sleep;
    uint64_t told, looks = 0;

    config.guest_bytes = UINT64_C(64) << 20;
    rig_start(&rig, &config, 1);
    vm_touch(vm, 4096);
    rig_run(&rig);
    vm_resize(vm, 16000);
    while (vm->account.ticks[VMC_STAGE_SLEEP] == 0) {
        ck_assert(rig_step(&rig));
    }
    while (vm->program.page_count > 0) {
        struct vmc_page_run run = vmc_pagelist_pop(&vm->program, 100);
        uint64_t slept = vm->account.ticks[VMC_STAGE_SLEEP];

        told = vm->held_units;
        vm_give(vm, vmc_page_run_low(run), run.count);
        while (vm->account.ticks[VMC_STAGE_SLEEP] == slept) {
            ck_assert(rig_step(&rig));
        }
        ck_assert_uint_eq(vm->account.ticks[VMC_STAGE_SLEEP] - slept, sleep);
        ck_assert_uint_le(vm->held_units - told, 256);
        looks++;
    }
    ck_assert_uint_gt(looks, 40);
    rig_run(&rig);
    rig_end(&rig);
}
END_TEST

/* ---- An inhibited period (8.3, B6) ---------------------------------------*/

static uint64_t backed_in_balloon(void)
{
    uint64_t pages = 0;

    for (uint32_t i = 0; i < vm->balloon.run_count; i++) {
        struct vmc_page_run run = vm->balloon.runs[i];

        for (uint32_t k = 0; k < run.count; k++) {
            pages += vmc_host_is_present(&vm->host, vmc_page_run_at(run, k));
        }
    }
    return pages;
}

/* Somebody inhibits discards for a while in the middle of an inflate: messages
 * are answered all the same, what they name stays backed, and nobody comes
 * back for it when the period is over. */
START_TEST(what_was_told_while_inhibited_stays_backed)
{
    struct vmc_balloon_config config = rig_config(VMC_MECHANISM_PFN);
    uint64_t first, last, before, after;

    config.guest_bytes = UINT64_C(64) << 20;
    config.backing = "anon-4k";
    config.audit_events = 20;
    rig_start(&rig, &config, 1);
    vm_touch(vm, vm_free_pages(vm));
    rig_run(&rig);
    vm_touch_end(vm);
    before = vmc_host_backed_bytes(&vm->host) >> PAGE_SHIFT;
    vm_resize(vm, 4096);
    while (vm->check.told_pages < 1024) {
        ck_assert(rig_step(&rig));
    }
    first = vm->check.told_pages;
    vm->is_inhibited = true;
    while (vm->check.told_pages < 3072) {
        ck_assert(rig_step(&rig));
    }
    last = vm->check.told_pages;
    vm->is_inhibited = false;
    rig_run(&rig);
    ck_assert_uint_eq(vm->held_units, 4096);
    ck_assert_uint_eq(vm->messages, 16);
    ck_assert_uint_eq(vm->check.told_pages, 4096);
    ck_assert_uint_eq(backed_in_balloon(), last - first);
    /* Of the other pages each went, but for a reserve that nobody touched. */
    after = vmc_host_backed_bytes(&vm->host) >> PAGE_SHIFT;
    ck_assert_uint_le(before - after, 4096 - (last - first));
    ck_assert_uint_ge(before - after, 4096 - (last - first) - 512);
    rig_end(&rig);
}
END_TEST

/* ---- A target that changes half way --------------------------------------*/

START_TEST(a_new_target_is_seen_at_the_next_look)
{
    struct vmc_balloon_config config = rig_config(mechanisms[_i]);
    uint64_t unit = rig_driver(mechanisms[_i])->unit_pages;
    uint64_t most;

    config.audit_events = 50;
    config.guest_bytes = UINT64_C(128) << 20;
    rig_start(&rig, &config, 1);
    vm_resize(vm, 16384 / unit);
    while (vm->check.sent_pages == 0) {
        ck_assert(rig_step(&rig));
    }
    vm_resize(vm, 1024 / unit);
    /* What is on its way still gets there. */
    most = vm->held_units > 1024 / unit ? vm->held_units : 1024 / unit;
    while (rig_step(&rig)) {
        ck_assert_uint_le(vm->held_units, most);
    }
    ck_assert(check_rest(vm));
    ck_assert_uint_eq(vm->held_units, 1024 / unit);
    ck_assert_uint_eq(vm->check.told_pages, 1024);
    rig_end(&rig);
}
END_TEST

/* ---- The survey of memory ------------------------------------------------*/

/* The cells of a survey are all of memory, and what they say is backed is what
 * the host backs. */
START_TEST(a_survey_leaves_no_page_out)
{
    static struct vmc_balloon_survey before, after;
    struct vmc_balloon_config config = rig_config(mechanisms[_i]);
    struct vmc_balloon_result result;
    struct vmc_error error = {""};
    const struct vmc_balloon_survey *const surveys[] = {&before, &after};

    config.op = VMC_OP_SHRINK;
    config.move_bytes = UINT64_C(128) << 20;
    config.touch_bytes = UINT64_C(300) << 20;
    config.is_touched = true;
    config.layout = VMC_LAYOUT_VIRT;
    config.backing = _i % 2 == 0 ? "anon" : "anon-4k";
    config.before = &before;
    config.after = &after;
    ck_assert_int_eq(vmc_balloon_run(&config, &result, &error), VMC_OK);
    for (uint32_t i = 0; i < 2; i++) {
        struct vmc_balloon_cell sum = {0};
        uint64_t ram;

        for (uint32_t k = 0; k < surveys[i]->cell_count; k++) {
            sum.hole += surveys[i]->cells[k].hole;
            sum.free += surveys[i]->cells[k].free;
            sum.used += surveys[i]->cells[k].used;
            sum.balloon += surveys[i]->cells[k].balloon;
            sum.small += surveys[i]->cells[k].small;
            sum.huge += surveys[i]->cells[k].huge;
        }
        ram = (uint64_t)sum.free + sum.used + sum.balloon;
        ck_assert_uint_eq(ram, config.guest_bytes >> 12);
        ck_assert_uint_gt(sum.hole, 0);
        ck_assert_uint_eq(sum.balloon, i == 0 ? 0 : result.pages);
        ck_assert_uint_eq((uint64_t)(sum.small + sum.huge) << 12,
                          i == 0 ? result.host_bytes_before
                                 : result.host_bytes_after);
        ck_assert_uint_eq((uint64_t)sum.huge << 12,
                          i == 0 ? result.huge_bytes_before
                                 : result.huge_bytes_after);
    }
}
END_TEST

static void count_events(void *owner, uint64_t events)
{
    *(uint64_t *)owner += events;
}

START_TEST(progress_is_told_now_and_then)
{
    struct vmc_balloon_config config = rig_config(VMC_MECHANISM_PFN);
    struct vmc_balloon_result result;
    struct vmc_error error = {""};
    uint64_t events = 0;

    config.op = VMC_OP_SHRINK;
    config.move_bytes = UINT64_C(300) << 20;
    config.on_progress = count_events;
    config.progress_owner = &events;
    ck_assert_int_eq(vmc_balloon_run(&config, &result, &error), VMC_OK);
    ck_assert_uint_gt(events, 0);
    ck_assert_uint_le(events, result.events);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("balloon_rows");
    TCase *c = tcase_create("reporting");

    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, a_list_is_reported_in_as_many_passes, 0,
                        VMC_COUNT_OF(lists));
    tcase_add_loop_test(c, any_list_is_reported_in_the_passes_of_the_rule, 0,
                        10);
    suite_add_tcase(s, c);
    c = tcase_create("cadence");
    tcase_add_loop_test(c, a_driver_short_of_memory_looks_again_every_200_ms, 0,
                        VMC_COUNT_OF(mechanisms));
    tcase_add_test(c, what_is_freed_meanwhile_goes_at_the_next_look);
    suite_add_tcase(s, c);
    c = tcase_create("half way");
    tcase_add_test(c, what_was_told_while_inhibited_stays_backed);
    tcase_add_loop_test(c, a_new_target_is_seen_at_the_next_look, 0,
                        VMC_COUNT_OF(mechanisms));
    suite_add_tcase(s, c);
    c = tcase_create("pictures");
    tcase_add_loop_test(c, a_survey_leaves_no_page_out, 0,
                        VMC_COUNT_OF(mechanisms));
    tcase_add_test(c, progress_is_told_now_and_then);
    suite_add_tcase(s, c);
    return s;
}
