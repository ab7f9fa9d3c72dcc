/* SPDX-License-Identifier: MIT */
/* Every invariant of the balloon: a fault that is planted in the middle of a
 * run makes it fire at that event, and the same run without it is silent. */
#include "balloon/memmap_priv.h"
#include "tests/balloon_rig.h"

#include "suite.h"

enum { MOVED_MIB = 16, PLUGGED_MIB = 256 };

static struct rig rig;
static struct vmc_host_effect effect;

/* ---- When ----------------------------------------------------------------*/

static bool when_inflate_is_out(const struct vm *vm)
{
    return vm->check.sent_pages > 0;
}

static bool when_deflate_is_out(const struct vm *vm)
{
    return vmc_vq_in_flight(&vm->queues[QUEUE_DEFLATE]) > 0;
}

static bool when_something_is_told(const struct vm *vm)
{
    return vm->check.told_pages > 0 && vm->check.sent_pages == 0;
}

static bool when_report_is_out(const struct vm *vm)
{
    return vm->check.reporting_pages > 0;
}

static bool when_frames_are_gone(const struct vm *vm)
{
    return vmc_memmap_count(vm->map, VMC_PAGE_UNPLUGGED) > 0;
}

static bool when_returned(const struct vm *vm)
{
    return vm->check.told_pages > 0 && vm->held_units == 0;
}

/* ---- What ----------------------------------------------------------------*/

static uint32_t first_in(const struct vm *vm, enum vmc_page_state state)
{
    uint32_t page = 0;

    ck_assert_uint_gt(vmc_memmap_find(vm->map, &page, VMC_PAGE_MASK(state)), 0);
    return page;
}

static void free_twice(struct vm *vm)
{
    vm->map->states[first_in(vm, VMC_PAGE_BALLOON)] = VMC_PAGE_FREE;
}

static void discard_what_is_used(struct vm *vm)
{
    vm_discard(vm, first_in(vm, VMC_PAGE_USED_MOVABLE), 1, &effect);
}

/* The driver hands a page of its balloon to a program, untold. */
static void hand_out(struct vm *vm)
{
    uint32_t page = first_in(vm, VMC_PAGE_BALLOON);

    ck_assert(vmc_pagelist_remove(&vm->balloon, page));
    vm->held_units--;
    vmc_memmap_mark(vm->map, page, 1, VMC_PAGE_USED_MOVABLE);
}

static void free_what_is_leaving(struct vm *vm)
{
    vmc_memmap_mark(vm->map, payload_pfn(vm, 3), 1, VMC_PAGE_USED_MOVABLE);
}

static void use_what_is_told(struct vm *vm)
{
    uint32_t page = first_in(vm, VMC_PAGE_BALLOON);

    vm_use(vm, page, 1, &effect);
}

static void tell(struct vm *vm, enum vm_queue queue)
{
    struct vmc_vq_buffer buffer = {.address = BUFFER_PFNS,
                                   .size_bytes = vm->payload.pfn_count * 4};

    worker_tell(&vm->workers[WORKER_OOM], queue, &buffer, 1, STEP_IDLE);
}

static void deflate_what_is_out(struct vm *vm)
{
    tell(vm, QUEUE_DEFLATE);
}

static void deflate_what_never_went(struct vm *vm)
{
    uint32_t page = first_in(vm, VMC_PAGE_FREE);

    vm->payload.pfn_count = 0;
    payload_put_pfn(vm, page);
    tell(vm, QUEUE_DEFLATE);
}

static void tell_again(struct vm *vm)
{
    tell(vm, QUEUE_INFLATE);
}

static void tell_twice_at_once(struct vm *vm)
{
    struct vmc_page_run run = vm_take(vm, 1);

    vm->payload.pfn_count = 0;
    payload_put_pfn(vm, run.first);
    payload_put_pfn(vm, run.first);
    tell(vm, QUEUE_INFLATE);
}

static void tell_a_foreign_page(struct vm *vm)
{
    vm->payload.pfn_count = 0;
    payload_put_pfn(vm, first_in(vm, VMC_PAGE_USED_MOVABLE));
    tell(vm, QUEUE_INFLATE);
}

static void lose_a_count(struct vm *vm)
{
    vm->held_units++;
}

static void use_what_is_reported(struct vm *vm)
{
    vmc_memmap_mark(vm->map, first_in(vm, VMC_PAGE_REPORTING), 1,
                    VMC_PAGE_USED_MOVABLE);
}

static void flag_what_is_no_head(struct vm *vm)
{
    uint32_t page = first_in(vm, VMC_PAGE_USED_MOVABLE);

    vm->map->states[page] |= PAGE_REPORTED;
}

static void back_one_more(struct vm *vm)
{
    vm->host.small_pages++;
}

static void find_without_counting(struct vm *vm)
{
    struct vmc_host_effect unseen = {0};

    vmc_host_touch(&vm->host, first_in(vm, VMC_PAGE_BALLOON), 1, &unseen);
}

static void keep_an_entry(struct vm *vm)
{
    uint32_t page = first_in(vm, VMC_PAGE_BALLOON) + HUGE_PAGES;

    ck_assert(!vmc_host_is_present(&vm->host, page));
    vm->host.frames[page / HUGE_PAGES].is_mapped = true;
}

static void miscount(struct vm *vm)
{
    vm->map->counts[VMC_PAGE_USED_MOVABLE]++;
}

static void misplace_in_a_zone(struct vm *vm)
{
    vm->map->zones[VMC_ZONE_DMA32].free--;
}

static void write_to_the_message(struct vm *vm)
{
    vm->payload.pfns[0] ^= 1;
}

static void write_words(struct vm *vm)
{
    vm->payload.words[0] ^= UINT64_C(1) << 40;
}

static void plug_without_asking(struct vm *vm)
{
    vmc_memmap_mark(vm->map, first_in(vm, VMC_PAGE_UNPLUGGED), 1,
                    VMC_PAGE_USED_MOVABLE);
}

static void forget_to_unplug(struct vm *vm)
{
    vm->held_units++;
}

static void forget_eviction(struct vm *vm)
{
    uint32_t page = first_in(vm, VMC_PAGE_UNPLUGGED);

    vm->host.frames[page / HUGE_PAGES].is_evicted = false;
}

static void forget_returned(struct vm *vm)
{
    for (uint64_t i = 0; i < vmc_memmap_page_max(vm->map) / HUGE_PAGES; i++) {
        if (vm->host.frames[i].is_evicted) {
            vm->host.frames[i].is_evicted = false;
            return;
        }
    }
    ck_abort_msg("no frame is evicted");
}

static void discard_what_is_pinned(struct vm *vm)
{
    uint32_t page = first_in(vm, VMC_PAGE_BALLOON);

    vm->host.frames[page / HUGE_PAGES].is_pinned = true;
    vm_discard(vm, page, 1, &effect);
}

static void unpin_a_part(struct vm *vm)
{
    struct vmc_frame *frame = &vm->host.frames[4];

    ck_assert(frame->is_pinned);
    frame->backing = VMC_FRAME_NONE;
    frame->is_mapped = false;
}

static void discard_inhibited(struct vm *vm)
{
    vm->is_inhibited = true;
    vm_discard(vm, payload_pfn(vm, 0), 1, &effect);
}

static void discard_afterwards(struct vm *vm)
{
    vm_discard(vm, first_in(vm, VMC_PAGE_BALLOON), 1, &effect);
}

/* ---- Rows ----------------------------------------------------------------*/

static const struct {
    uint32_t invariant;
    enum vmc_balloon_mechanism mechanism;
    bool (*when)(const struct vm *vm);
    void (*plant)(struct vm *vm);
    bool has_vfio;
} rows[] = {
    {1, VMC_MECHANISM_PFN, when_something_is_told, free_twice, false},
    {2, VMC_MECHANISM_PFN, when_inflate_is_out, discard_what_is_used, false},
    {2, VMC_MECHANISM_BITMAP_FIXED, when_inflate_is_out, discard_what_is_used,
     false},
    {3, VMC_MECHANISM_PFN, when_something_is_told, hand_out, false},
    {3, VMC_MECHANISM_CONTIGUOUS, when_something_is_told, hand_out, false},
    {3, VMC_MECHANISM_PFN, when_deflate_is_out, free_what_is_leaving, false},
    {3, VMC_MECHANISM_PFN, when_something_is_told, use_what_is_told, false},
    {4, VMC_MECHANISM_PFN, when_inflate_is_out, deflate_what_is_out, false},
    {5, VMC_MECHANISM_PFN, when_something_is_told, lose_a_count, false},
    {5, VMC_MECHANISM_HUGE, when_something_is_told, lose_a_count, false},
    {6, VMC_MECHANISM_PFN, when_something_is_told, deflate_what_never_went,
     false},
    {7, VMC_MECHANISM_PFN, when_something_is_told, tell_again, false},
    {7, VMC_MECHANISM_PFN, when_something_is_told, tell_twice_at_once, false},
    {7, VMC_MECHANISM_PFN, when_something_is_told, tell_a_foreign_page, false},
    {8, VMC_MECHANISM_REPORTING, when_report_is_out, use_what_is_reported,
     false},
    {8, VMC_MECHANISM_REPORTING, when_report_is_out, flag_what_is_no_head,
     false},
    {9, VMC_MECHANISM_PFN, when_inflate_is_out, back_one_more, false},
    {9, VMC_MECHANISM_PFN, when_something_is_told, find_without_counting,
     false},
    {10, VMC_MECHANISM_HUGE, when_something_is_told, keep_an_entry, false},
    {11, VMC_MECHANISM_PFN, when_inflate_is_out, miscount, false},
    {11, VMC_MECHANISM_PFN, when_inflate_is_out, misplace_in_a_zone, false},
    {12, VMC_MECHANISM_PFN, when_inflate_is_out, write_to_the_message, false},
    {12, VMC_MECHANISM_BITMAP_FIXED, when_deflate_is_out, write_words, false},
    {12, VMC_MECHANISM_PFN, when_inflate_is_out, tell_again, false},
    {13, VMC_MECHANISM_VIRTIO_MEM, when_frames_are_gone, plug_without_asking,
     false},
    {13, VMC_MECHANISM_VIRTIO_MEM, when_frames_are_gone, forget_to_unplug,
     true},
    {14, VMC_MECHANISM_HYPERALLOC, when_frames_are_gone, forget_eviction,
     false},
    {14, VMC_MECHANISM_HYPERALLOC, when_returned, forget_returned, true},
    {15, VMC_MECHANISM_PFN, when_something_is_told, discard_what_is_pinned,
     false},
    {15, VMC_MECHANISM_PFN, when_something_is_told, unpin_a_part, true},
    {16, VMC_MECHANISM_PFN, when_inflate_is_out, discard_inhibited, false},
    {16, VMC_MECHANISM_PFN, when_something_is_told, discard_afterwards, false},
};

/* Shrink, grow, report: events go by until the fault can be planted, and then
 * until it is found. Returns whether it was planted. */
static bool pass(uint32_t row, bool plants, bool *is_planted)
{
    struct vm *vm = &rig.vms[0];

    do {
        if (plants && !*is_planted && rows[row].when(vm)) {
            *is_planted = true;
            rows[row].plant(vm);
        }
    } while (rig_step(&rig));
    return check_rest(vm);
}

static void run_row(uint32_t row, bool plants)
{
    struct vmc_balloon_config config = rig_config(rows[row].mechanism);
    struct vm *vm = &rig.vms[0];
    bool is_planted = false;
    bool is_plugged = config.mechanism == VMC_MECHANISM_VIRTIO_MEM;
    uint64_t unit = rig_driver(config.mechanism)->unit_pages;

    config.has_vfio = rows[row].has_vfio;
    config.audit_events = 1;
    if (!is_plugged) {
        config.guest_bytes = UINT64_C(128) << 20;
    }
    rig_start(&rig, &config, 1);
    if (config.mechanism == VMC_MECHANISM_REPORTING) {
        vm_report(vm);
        (void)pass(row, plants, &is_planted);
    } else {
        vm_resize(vm, ((is_plugged ? PLUGGED_MIB : MOVED_MIB) << 8) / unit);
        if (pass(row, plants, &is_planted)) {
            vm_resize(vm, 0);
            (void)pass(row, plants, &is_planted);
        }
    }
    ck_assert_msg(is_planted == plants, "row %u", row);
    ck_assert_msg(vm->check.broken == (plants ? rows[row].invariant : 0),
                  "row %u, I%u: %s", row, rows[row].invariant, vm->check.text);
    rig_end(&rig);
}

START_TEST(a_planted_fault_breaks_its_invariant)
{
    run_row((uint32_t)_i, true);
}
END_TEST

START_TEST(the_same_run_without_it_is_silent)
{
    run_row((uint32_t)_i, false);
}
END_TEST

/* D3 as the driver was posted: a single page, a multiple of 64, is lost; and
 * D4: the whole balloon is told again. */
START_TEST(a_defect_is_found_by_its_invariant)
{
    static const struct {
        uint32_t defect, invariant;
        uint64_t targets[2];
    } posted[] = {{3, 7, {4095, 4096}}, {4, 7, {64, 128}}};
    static const struct vmc_page_run recorded = {
        .first = 0x10fff, .count = 4096, .is_descending = 1};
    struct vmc_balloon_config config = rig_config(VMC_MECHANISM_BITMAP);
    struct vmc_balloon_result result;
    struct vmc_error error = {""};

    config.op = VMC_OP_SHRINK;
    config.targets = posted[_i].targets;
    config.target_count = 2;
    config.recorded = &recorded;
    config.recorded_count = 1;
    ck_assert_int_eq(vmc_balloon_run(&config, &result, &error), VMC_OK);
    ck_assert_msg(result.broken_invariant == 0, "%s", result.broken);
    config.defects = UINT64_C(1) << posted[_i].defect;
    ck_assert_int_eq(vmc_balloon_run(&config, &result, &error), VMC_OK);
    ck_assert_uint_eq(result.broken_invariant, posted[_i].invariant);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("invariant");
    TCase *c = tcase_create("invariant");

    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, a_planted_fault_breaks_its_invariant, 0,
                        VMC_COUNT_OF(rows));
    tcase_add_loop_test(c, the_same_run_without_it_is_silent, 0,
                        VMC_COUNT_OF(rows));
    tcase_add_loop_test(c, a_defect_is_found_by_its_invariant, 0, 2);
    suite_add_tcase(s, c);
    return s;
}
