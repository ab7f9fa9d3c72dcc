/* SPDX-License-Identifier: MIT */
/* The closed forms of the specification (9.3) against the events, in a guest
 * that nobody disturbs: equal to the tick, for many sizes and every mechanism.
 * And where somebody does disturb it: not equal, and the invariants hold. */
#include "base/rng.h"
#include "tests/balloon_rig.h"

#include "suite.h"

enum { BLOCK_PAGES = 32768, ALL_MIB = 500 };

static const struct vmc_send_costs *const send = &rig_costs.send;
static const struct vmc_guest_costs *const guest = &rig_costs.guest;
static const struct vmc_host_costs *const host = &rig_costs.host;

static struct rig rig;
static struct vm *const vm = &rig.vms[0];

/* ---- Terms ---------------------------------------------------------------*/

/* A message and its answer, T_rt' of the specification. */
static uint64_t round_trip(uint64_t descriptors)
{
    return send->add + send->kick_exit + send->wake_host + send->pop +
           (descriptors - 1) * send->map_descriptor + send->push + send->irq +
           send->wake_vcpu + send->isr;
}

/* What each run of the size worker adds: T_rt - T_rt'. */
static uint64_t cadence(void)
{
    return send->requeue + send->config_read + send->config_write;
}

/* ---- Runs ----------------------------------------------------------------*/

/* Between operations time does not stand still, but nothing happens in it. */
static uint64_t resize(uint64_t units)
{
    uint64_t begun = vmc_engine_now_tick(rig.engine);

    vm_resize(vm, units);
    rig_run(&rig);
    return vm->done_tick - begun;
}

/* Touch every free page and give all of them back. */
static void touch_all(void)
{
    vm_touch(vm, vm_free_pages(vm));
    rig_run(&rig);
    vm_touch_end(vm);
}

/* Nothing of the guest is backed before: not even what it uses. */
static void start(enum vmc_balloon_mechanism mechanism, const char *backing,
                  bool has_vfio)
{
    struct vmc_balloon_config config = rig_config(mechanism);

    config.machine.used_bytes = 0;
    config.backing = backing;
    config.has_vfio = has_vfio;
    rig_start(&rig, &config, 1);
}

/* What the host backed before an operation, page by page, and what of it lies
 * in a list now. */
enum { PAGES_MAX = 1 << 17 };

static bool was_present[PAGES_MAX], was_huge[PAGES_MAX / HUGE_PAGES];

static void look(void)
{
    for (uint32_t page = 0; page < PAGES_MAX; page++) {
        was_present[page] = vmc_host_is_present(&vm->host, page);
        was_huge[page / HUGE_PAGES] =
            vm->host.frames[page / HUGE_PAGES].backing == VMC_FRAME_HUGE;
    }
}

struct lying {
    uint64_t frames, huge, present;
};

static struct lying lying_in(const struct vmc_pagelist *list)
{
    static bool seen[PAGES_MAX / HUGE_PAGES];
    struct lying lying = {0};

    memset(seen, 0, sizeof(seen));
    for (uint32_t i = 0; i < list->run_count; i++) {
        struct vmc_page_run run = list->runs[i];

        for (uint32_t k = 0; k < run.count; k++) {
            uint32_t page = vmc_page_run_at(run, k), frame = page / HUGE_PAGES;

            lying.present += was_present[page];
            lying.frames += !seen[frame];
            lying.huge += !seen[frame] && was_huge[frame];
            seen[frame] = true;
        }
    }
    return lying;
}

/* ---- Page numbers --------------------------------------------------------*/

static const uint32_t sizes[] = {1,    2,    255,  256,   257,   511,   512,
                                 1000, 4096, 9999, 32768, 70001, 122880};

START_TEST(page_numbers_untouched)
{
    uint64_t pages = sizes[_i], messages = vmc_div_up(pages, 256);

    for (uint64_t old = 0; old < 2; old++) {
        start(VMC_MECHANISM_PFN, "anon", false);
        vm->config.machine.ascending_arrays = old;
        ck_assert_uint_eq(
            resize(pages),
            messages * (round_trip(1) + cadence()) +
                pages * (guest->alloc + host->translate + host->madvise_empty));
        ck_assert_uint_eq(vm->messages, messages);
        ck_assert_uint_eq(
            resize(0),
            messages * (round_trip(1) + cadence()) +
                pages * (guest->free + host->translate + host->willneed));
        rig_end(&rig);
    }
}
END_TEST

START_TEST(page_numbers_of_4_kib_tables)
{
    uint64_t pages = sizes[_i], messages = vmc_div_up(pages, 256), ticks;
    struct lying lying;

    start(VMC_MECHANISM_PFN, "anon-4k", false);
    touch_all();
    look();
    ticks = resize(pages);
    lying = lying_in(&vm->balloon);
    ck_assert_uint_gt(lying.present, 0);
    ck_assert_uint_eq(
        ticks,
        messages * (round_trip(1) + cadence()) +
            pages * (guest->alloc + host->translate + host->madvise_empty) +
            lying.present * (host->zap_small + host->flush_small));
    rig_end(&rig);
}
END_TEST

/* The first page out of a huge page splits it, and takes its stage-2 entry:
 * no page pays for a flush. */
START_TEST(page_numbers_of_huge_pages)
{
    uint64_t pages = sizes[_i], messages = vmc_div_up(pages, 256), ticks;
    struct lying lying;

    start(VMC_MECHANISM_PFN, "anon", false);
    touch_all();
    look();
    ticks = resize(pages);
    lying = lying_in(&vm->balloon);
    ck_assert_uint_gt(lying.huge, 0);
    ck_assert_uint_eq(
        ticks,
        messages * (round_trip(1) + cadence()) +
            pages * (guest->alloc + host->translate + host->madvise_empty) +
            lying.present * host->zap_small + lying.huge * host->split);
    rig_end(&rig);
}
END_TEST

/* ---- Bitmaps and extents -------------------------------------------------*/

struct encoded {
    uint64_t words, records, runs;
    uint64_t first, end; /* from the lowest page to past the highest */
    uint64_t lone;       /* records that a header alone says */
};

/* A range as records of version 4: an own count, not the encoder's. */
static void encode(struct encoded *encoded, uint64_t from, uint64_t end)
{
    uint64_t first = from / 64, last = (end - 1) / 64;
    bool has_head = from % 64 != 0, has_tail = end % 64 != 0;
    uint64_t middle = last - first + 1 - has_head - has_tail;

    if (encoded->runs++ == 0) {
        encoded->first = from;
    }
    encoded->end = end;
    encoded->lone += first == last && (has_head || has_tail) &&
                     ((end - from) & (end - from - 1)) == 0 &&
                     from % (end - from) == 0;
    if (has_head && has_tail && first == last) {
        middle = 0;
        has_tail = false;
    } else if (first == last && (has_head || has_tail)) {
        middle = 0;
    }
    encoded->records += (uint64_t)has_head + has_tail;
    encoded->words += 2 * ((uint64_t)has_head + has_tail);
    for (; middle > 0; middle &= middle - 1) {
        encoded->records++;
        encoded->words++;
    }
}

/* The runs of a balloon, in the order of their pages. */
static struct encoded encode_balloon(uint64_t from_page, uint64_t pages)
{
    static uint8_t in_balloon[1 << 18];
    struct encoded encoded = {0};
    uint64_t at = 0, skipped = 0;

    memset(in_balloon, 0, sizeof(in_balloon));
    for (uint32_t i = 0; i < vm->balloon.run_count; i++) {
        struct vmc_page_run run = vm->balloon.runs[i];

        for (uint32_t k = 0; k < run.count; k++, skipped++) {
            in_balloon[vmc_page_run_at(run, k)] =
                skipped >= from_page && skipped < from_page + pages;
        }
    }
    while (at < sizeof(in_balloon)) {
        uint64_t from = at;

        while (at < sizeof(in_balloon) && in_balloon[at]) {
            at++;
        }
        if (at > from) {
            encode(&encoded, from, at);
        }
        at++;
    }
    return encoded;
}

/* What is cleared of a chunk: the words that the range lies in. */
static uint64_t clear_ticks(const struct encoded *encoded)
{
    uint64_t words = (encoded->end + 63) / 64 - encoded->first / 64;

    return guest->clear_chunk * words / 4096;
}

/* One message and one window: a guest of 512 MiB has one chunk. */
START_TEST(page_bitmap)
{
    uint64_t pages = sizes[_i], fill;
    struct encoded encoded;

    start(VMC_MECHANISM_BITMAP_FIXED, "anon", false);
    fill = resize(pages);
    encoded = encode_balloon(0, pages);
    ck_assert_uint_eq(vm->messages, 1);
    ck_assert_uint_eq(
        fill, pages * (guest->alloc + guest->list_walk + guest->set_bit) +
                  clear_ticks(&encoded) +
                  (encoded.words - encoded.lone) * guest->word + round_trip(2) +
                  encoded.records * (host->translate + host->madvise_empty) +
                  pages * host->extent_page + cadence());
    ck_assert_uint_eq(
        resize(0), pages * (guest->free + guest->list_walk + guest->set_bit) +
                       clear_ticks(&encoded) +
                       (encoded.words - encoded.lone) * guest->word +
                       round_trip(2) +
                       encoded.records * (host->translate + host->willneed) +
                       pages * host->extent_page + cadence());
    rig_end(&rig);
}
END_TEST

START_TEST(chunks_and_descriptors)
{
    uint64_t pages = sizes[_i], fill;
    struct encoded encoded;

    start(VMC_MECHANISM_CHUNK, "anon", false);
    fill = resize(pages);
    encoded = encode_balloon(0, pages);
    ck_assert_uint_eq(fill, pages * (guest->alloc + guest->list_walk +
                                     guest->set_bit + host->extent_page) +
                                guest->clear_chunk +
                                2 * encoded.runs * guest->word + round_trip(1) +
                                encoded.runs *
                                    (host->translate + host->madvise_empty) +
                                cadence());
    rig_end(&rig);
    start(VMC_MECHANISM_SG, "anon", false);
    fill = resize(pages);
    encoded = encode_balloon(0, pages);
    ck_assert_uint_eq(
        fill, pages * (guest->alloc + guest->set_bit + host->extent_page) +
                  2 * encoded.runs * guest->word + round_trip(encoded.runs) +
                  encoded.runs * (host->translate + host->madvise_empty) +
                  cadence());
    rig_end(&rig);
}
END_TEST

/* Blocks of 4 MiB, then the powers of two of what is left. */
START_TEST(contiguous_pages)
{
    uint64_t pages = sizes[_i], blocks = pages / 1024, alloc, messages = 1;

    alloc = blocks * vmc_cost_alloc(guest, 10);
    for (uint64_t order = 0; order < 10; order++) {
        if ((pages >> order & 1) != 0) {
            alloc += vmc_cost_alloc(guest, (uint32_t)order);
            blocks++;
        }
    }
    start(VMC_MECHANISM_CONTIGUOUS, "anon", false);
    ck_assert_uint_lt(blocks, 256);
    ck_assert_uint_eq(resize(pages),
                      alloc + messages * (round_trip(1) + cadence()) +
                          blocks * (host->translate + host->madvise_empty));
    rig_end(&rig);
}
END_TEST

/* ---- Huge frames, memory blocks, shared frames ---------------------------*/

static const uint32_t frame_counts[] = {1, 2, 17, 100, 239};

START_TEST(huge_frames)
{
    uint64_t frames = frame_counts[_i];
    uint64_t one = guest->alloc_huge + host->translate + host->madvise_empty;
    uint64_t ticks;

    start(VMC_MECHANISM_HUGE, "anon", false);
    ck_assert_uint_eq(resize(frames), round_trip(1) + cadence() + frames * one);
    ck_assert_uint_eq(
        resize(0),
        round_trip(1) + cadence() +
            frames * (guest->free_huge + host->translate + host->willneed));
    touch_all();
    look();
    ticks = resize(frames);
    ck_assert(frames == 1 || lying_in(&vm->balloon).huge > 0);
    ck_assert_uint_eq(ticks, round_trip(1) + cadence() + frames * one +
                                 lying_in(&vm->balloon).huge * host->zap_huge);
    rig_end(&rig);
}
END_TEST

/* _i: 0 untouched, 1 touched, 2 and 3 the same with a device assigned. Pinned
 * memory is there whether the guest touched it or not; only what it touched
 * has a stage-2 entry and is work for the guest. */
START_TEST(memory_blocks)
{
    const uint64_t vfio = (uint64_t)_i / 2, frames = 64;
    const uint64_t block = round_trip(2) + cadence();

    start(VMC_MECHANISM_VIRTIO_MEM, "anon", vfio != 0);
    if (_i % 2 != 0) {
        touch_all();
    }
    for (uint64_t blocks = 1; blocks <= 2; blocks++) {
        uint64_t worked = 0, backed = 0, ticks;

        for (uint64_t i = 256 - blocks * frames;
             i < 256 - (blocks - 1) * frames; i++) {
            worked += vm->host.frames[i].is_mapped;
            backed += vm->host.frames[i].backing == VMC_FRAME_HUGE;
        }
        ticks = resize(blocks);
        ck_assert_uint_eq(ticks, block + BLOCK_PAGES * guest->hot_remove +
                                     worked * guest->isolate_used +
                                     host->madvise_empty +
                                     backed * host->zap_huge_bulk +
                                     vfio * frames * host->vfio_unmap);
        ck_assert(_i == 0 || backed > 60);
    }
    ck_assert_uint_eq(
        resize(0), 2 * (block + BLOCK_PAGES * guest->hot_add +
                        vfio * frames * (host->fault_huge + host->vfio_map)));
    rig_end(&rig);
}
END_TEST

START_TEST(shared_frames)
{
    uint64_t frames = 200, vfio = (uint64_t)_i, begun, others;
    uint64_t there = vfio != 0 ? frames : 0;
    struct lying lying;

    start(VMC_MECHANISM_HYPERALLOC, "anon", vfio != 0);
    ck_assert_uint_eq(resize(frames), frames * guest->shared_take +
                                          host->madvise_empty +
                                          there * host->zap_huge_bulk +
                                          vfio * frames * host->vfio_unmap);
    ck_assert_uint_eq(resize(0), frames * guest->shared_return);
    begun = vmc_engine_now_tick(rig.engine);
    vm_touch(vm, vm_free_pages(vm));
    rig_run(&rig);
    lying = lying_in(&vm->program);
    others = lying.frames - frames;
    ck_assert_uint_eq(
        vm->done_tick - begun,
        frames * (host->fault_huge + guest->hypercall + vfio * host->vfio_map) +
            others * (vfio != 0 ? host->map_huge : host->fault_huge) +
            vm->program.page_count * guest->touch);
    rig_end(&rig);
}
END_TEST

START_TEST(touching_again)
{
    uint64_t begun, pages;

    start(VMC_MECHANISM_PFN, "anon-4k", false);
    pages = vm_free_pages(vm);
    begun = vmc_engine_now_tick(rig.engine);
    vm_touch(vm, pages);
    rig_run(&rig);
    pages = vm->program.page_count;
    ck_assert_uint_eq(
        vm->done_tick - begun,
        pages * (guest->touch + host->fault_small + host->clear_small));
    rig_end(&rig);
    start(VMC_MECHANISM_PFN, "anon", false);
    begun = vmc_engine_now_tick(rig.engine);
    vm_touch(vm, 200 * HUGE_PAGES);
    rig_run(&rig);
    ck_assert_uint_eq(vm->done_tick - begun,
                      200 * (host->fault_huge + HUGE_PAGES * guest->touch));
    rig_end(&rig);
}
END_TEST

/* ---- Under load ----------------------------------------------------------*/

/* Two guests whose devices share one host thread, at the same time. */
START_TEST(two_guests_on_one_thread_wait_for_each_other)
{
    const uint64_t pages = 20000, messages = vmc_div_up(pages, 256);
    struct vmc_balloon_config configs[2];
    uint64_t alone =
        messages * (round_trip(1) + cadence()) +
        pages * (guest->alloc + host->translate + host->madvise_empty);

    for (uint32_t i = 0; i < 2; i++) {
        configs[i] =
            rig_config(i == 0 ? VMC_MECHANISM_PFN : VMC_MECHANISM_BITMAP_FIXED);
        configs[i].machine.used_bytes = 0;
        configs[i].guest_bytes = UINT64_C(128) << 20;
        configs[i].audit_events = 97;
    }
    for (int shared = 0; shared < 2; shared++) {
        rig_start(&rig, configs, 2);
        if (shared != 0) {
            rig.vms[1].actor_of[ROLE_MAIN] = rig.vms[0].actor_of[ROLE_MAIN];
        }
        vm_resize(&rig.vms[0], pages);
        vm_resize(&rig.vms[1], pages);
        rig_run(&rig);
        ck_assert_uint_eq(rig.vms[0].held_units, pages);
        ck_assert_uint_eq(rig.vms[1].held_units, pages);
        if (shared == 0) {
            ck_assert_uint_eq(rig.vms[0].done_tick, alone);
            ck_assert_uint_eq(rig.vms[0].account.ticks[VMC_STAGE_WAIT], 0);
            ck_assert_uint_eq(rig.vms[1].account.ticks[VMC_STAGE_WAIT], 0);
        } else {
            ck_assert_uint_gt(rig.vms[0].done_tick, alone);
            ck_assert_uint_gt(rig.vms[0].account.ticks[VMC_STAGE_WAIT], 0);
        }
        rig_end(&rig);
    }
}
END_TEST

/* A program touches memory on another vCPU while the balloon inflates: its
 * faults and the discards want KVM's MMU lock. */
START_TEST(a_vcpu_that_touches_pages_is_in_the_way)
{
    const uint64_t pages = 8192, messages = vmc_div_up(pages, 256);
    struct vmc_balloon_config config = rig_config(VMC_MECHANISM_PFN);
    uint64_t alone =
        messages * (round_trip(1) + cadence()) +
        pages * (guest->alloc + host->translate + host->madvise_empty);

    config.machine.used_bytes = 0;
    config.guest_bytes = UINT64_C(128) << 20;
    config.backing = "anon-4k";
    config.audit_events = 31;
    config.is_stepped = _i != 0;
    rig_start(&rig, &config, 1);
    vm_touch(vm, 4096);
    vm_resize(vm, pages);
    rig_run(&rig);
    ck_assert_uint_eq(vm->held_units, pages);
    ck_assert_uint_eq(vm->program.page_count, 4096);
    ck_assert_uint_gt(vm->actors[vm_actor(vm, ROLE_MMU)].waits, 0);
    ck_assert_uint_gt(vm->account.ticks[VMC_STAGE_WAIT], 0);
    ck_assert_uint_ne(vm->done_tick, alone);
    rig_end(&rig);
}
END_TEST

/* ---- Summed and page by page ---------------------------------------------*/

static const struct {
    const char *fragmentation, *backing;
    bool is_touched;
} memories[] = {
    {"idle", "anon", false},     {"idle", "anon", true},
    {"frag:40", "anon", true},   {"frag:40", "anon-4k", true},
    {"punch:64M", "anon", true}, {"frag:10", "64k", true},
    {"idle", "hugetlb", true},
};

static struct vmc_balloon_result outcome(uint32_t mechanism, uint32_t memory,
                                         enum vmc_balloon_op op,
                                         bool is_stepped)
{
    struct vmc_balloon_config config = rig_config(mechanism);
    uint64_t unit = rig_driver(mechanism)->unit_pages;
    struct vmc_balloon_result result;
    struct vmc_error error = {""};

    config.guest_bytes = UINT64_C(512) << 20;
    config.move_bytes =
        unit == BLOCK_PAGES ? UINT64_C(128) << 20 : UINT64_C(48) << 20;
    config.touch_bytes = UINT64_C(96) << 20;
    config.op = op;
    config.is_touched = memories[memory].is_touched;
    config.fragmentation = memories[memory].fragmentation;
    config.backing = memories[memory].backing;
    config.is_stepped = is_stepped;
    ck_assert_msg(vmc_balloon_run(&config, &result, &error) == VMC_OK, "%s",
                  error.text);
    ck_assert_str_eq(result.broken, "");
    return result;
}

/* _i: mechanism and memory. */
START_TEST(a_message_in_one_step_takes_what_its_pages_take)
{
    uint32_t mechanism = (uint32_t)_i / VMC_COUNT_OF(memories);
    uint32_t memory = (uint32_t)_i % VMC_COUNT_OF(memories);
    bool reports = mechanism == VMC_MECHANISM_REPORTING ||
                   mechanism == VMC_MECHANISM_HINTING;

    for (int op = reports ? VMC_OP_REPORT : VMC_OP_SHRINK;
         op <= (reports ? VMC_OP_REPORT : VMC_OP_TOUCH); op++) {
        struct vmc_balloon_result summed =
            outcome(mechanism, memory, (enum vmc_balloon_op)op, false);
        struct vmc_balloon_result stepped =
            outcome(mechanism, memory, (enum vmc_balloon_op)op, true);

        ck_assert_uint_eq(summed.total_ticks, stepped.total_ticks);
        ck_assert_uint_eq(summed.messages, stepped.messages);
        ck_assert_uint_eq(summed.pages, stepped.pages);
        ck_assert_uint_eq(summed.host_bytes_after, stepped.host_bytes_after);
        ck_assert_uint_eq(summed.huge_bytes_after, stepped.huge_bytes_after);
        for (uint32_t stage = 0; stage < VMC_STAGE_COUNT; stage++) {
            ck_assert_msg(summed.stages.ticks[stage] ==
                              stepped.stages.ticks[stage],
                          "stage %s", vmc_balloon_stage_name(stage));
        }
        ck_assert_uint_ge(stepped.events, summed.events);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("balloon_closed");
    TCase *c = tcase_create("closed forms");

    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, page_numbers_untouched, 0, VMC_COUNT_OF(sizes));
    tcase_add_loop_test(c, page_numbers_of_4_kib_tables, 0,
                        VMC_COUNT_OF(sizes));
    tcase_add_loop_test(c, page_numbers_of_huge_pages, 0, VMC_COUNT_OF(sizes));
    tcase_add_loop_test(c, page_bitmap, 0, VMC_COUNT_OF(sizes));
    tcase_add_loop_test(c, chunks_and_descriptors, 0, VMC_COUNT_OF(sizes));
    tcase_add_loop_test(c, contiguous_pages, 0, VMC_COUNT_OF(sizes));
    tcase_add_loop_test(c, huge_frames, 0, VMC_COUNT_OF(frame_counts));
    tcase_add_loop_test(c, memory_blocks, 0, 4);
    tcase_add_loop_test(c, shared_frames, 0, 2);
    tcase_add_test(c, touching_again);
    suite_add_tcase(s, c);
    c = tcase_create("load");
    tcase_set_timeout(c, 60);
    tcase_add_test(c, two_guests_on_one_thread_wait_for_each_other);
    tcase_add_loop_test(c, a_vcpu_that_touches_pages_is_in_the_way, 0, 2);
    suite_add_tcase(s, c);
    c = tcase_create("sums");
    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, a_message_in_one_step_takes_what_its_pages_take, 0,
                        VMC_MECHANISM_COUNT * (int)VMC_COUNT_OF(memories));
    suite_add_tcase(s, c);
    return s;
}
