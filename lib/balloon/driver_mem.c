/* SPDX-License-Identifier: MIT */
/*
 * virtio-mem (spec 4.9): a unit is a memory block of 128 MiB, taken from the
 * top of the guest's memory. The driver isolates the whole block, moving away
 * what is in use, and asks the device to unplug it; only then is it removed.
 * Of a block that cannot be emptied the driver takes parts of 2 MiB, each with
 * a request of its own, and goes on with the next lower block.
 *
 * One request is a message like any other, and the driver looks at what is
 * requested of it before each, so the size worker's cadence is its own too.
 */
#include "balloon/vm_priv.h"

#include "balloon/wire.h"

enum { BLOCK_PAGES = 32768 };

enum {
    STEP_FILL_ISOLATED = STEP_DRIVER,
    STEP_FILL_TOLD,
    STEP_LEAK_TOLD,
    STEP_LEAK_ADDED,
    STEP_RETRY,
    RETRIES_MAX = 10, /* then a run ends; the real driver goes on */
};

/* Linux drivers/virtio/virtio_mem.c, VIRTIO_MEM_RETRY_TIMER_MIN_MS and _MAX_MS:
 * 50 s and 5 min. */
#define RETRY_MIN_TICKS (UINT64_C(50) * 1000000000000)
#define RETRY_MAX_TICKS (UINT64_C(300) * 1000000000000)

enum { BLOCK_DEVICE_BLOCKS = 64 };

static uint32_t device_blocks(struct vmc_page_run run)
{
    uint32_t pages = run.count;

    return pages / HUGE_PAGES;
}

/* A request of 24 bytes and room for a response of 10 (spec 5.5). */
static void tell_request(struct vm_worker *worker, uint16_t type,
                         struct vmc_page_run run, uint32_t return_step)
{
    static const struct vmc_vq_buffer buffers[] = {
        {.address = BUFFER_REQUEST, .size_bytes = VMC_MEM_REQUEST_BYTES},
        {.address = BUFFER_REQUEST,
         .size_bytes = VMC_MEM_RESPONSE_BYTES,
         .is_writable = true},
    };

    vmc_mem_put_request(
        worker->vm->payload.request,
        (struct vmc_mem_request){
            .type = type,
            .address_bytes = (uint64_t)vmc_page_run_low(run) << PAGE_SHIFT,
            .block_count = (uint16_t)device_blocks(run)});
    worker_tell(worker, QUEUE_INFLATE, buffers, 2, return_step);
}

/* Give back what was isolated of a block that has to stay. */
static void keep_block(struct vm *vm, uint32_t pfn, uint32_t count)
{
    while (vm->leaving.page_count > 0) {
        vm_give_run(vm, vmc_pagelist_pop(&vm->leaving, UINT32_MAX));
    }
    for (uint32_t i = 0; i < count; i += 1U << vm->page_order) {
        if (vm_state(vm, pfn + i) == VMC_PAGE_INFLATING) {
            vm_give(vm, pfn + i, UINT64_C(1) << vm->page_order);
        }
    }
}

/* Only what is free or movable can be emptied. */
static bool can_empty(const struct vm *vm, uint32_t pfn, uint32_t count)
{
    const uint32_t mask = VMC_PAGE_MASK(VMC_PAGE_FREE) |
                          VMC_PAGE_MASK(VMC_PAGE_PCP) |
                          VMC_PAGE_MASK(VMC_PAGE_USED_MOVABLE);

    return vmc_memmap_all_in(vm->map, pfn >> vm->page_order,
                             count >> vm->page_order, mask);
}

static struct vmc_page_run part_of(uint32_t from, uint32_t end)
{
    return (struct vmc_page_run){
        .first = from, .count = end > from ? (end - from) & INT32_MAX : 0};
}

/* Take what lies in the block off the program's list; returns how many. */
static uint64_t leave_program(struct vm *vm, uint32_t pfn, uint32_t count)
{
    uint64_t left = 0;

    assert(vm->fresh.page_count == 0);
    while (vm->program.page_count > 0) {
        struct vmc_page_run run = vmc_pagelist_pop(&vm->program, INT32_MAX);
        uint32_t low = vmc_page_run_low(run), end = low + run.count;
        uint32_t from = low > pfn ? low : pfn;
        uint32_t until = end < pfn + count ? end : pfn + count;

        if (from >= until) {
            vmc_pagelist_push(&vm->fresh, run);
            continue;
        }
        left += until - from;
        if (low < from) {
            vmc_pagelist_push(&vm->fresh, part_of(low, from));
        }
        if (until < end) {
            vmc_pagelist_push(&vm->fresh, part_of(until, end));
        }
    }
    while (vm->fresh.page_count > 0) {
        vmc_pagelist_push(&vm->program,
                          vmc_pagelist_pop(&vm->fresh, INT32_MAX));
    }
    return left;
}

/* Move what is in use elsewhere and take what is free. False: it stays. */
static bool empty_block(struct vm *vm, uint32_t pfn, uint32_t pages,
                        uint64_t *moved)
{
    uint64_t program_pages;

    if (!can_empty(vm, pfn, pages)) {
        return false;
    }
    *moved = pages - vm_isolate(vm, pfn, pages, VMC_PAGE_INFLATING);
    while (vm->leaving.page_count < *moved) {
        uint64_t left = *moved - vm->leaving.page_count;
        struct vmc_page_run run = vm_take(vm, (uint32_t)left);

        if (run.count == 0) {
            keep_block(vm, pfn, pages);
            return false;
        }
        vmc_pagelist_push(&vm->leaving, run);
    }
    program_pages = leave_program(vm, pfn, pages);
    while (vm->leaving.page_count > 0) {
        struct vmc_page_run run = vmc_pagelist_pop(&vm->leaving, UINT32_MAX);
        uint32_t count =
            run.count < program_pages ? run.count : (uint32_t)program_pages;
        struct vmc_host_effect effect = {0};

        vm_mark(vm, vmc_page_run_low(run), run.count, VMC_PAGE_USED_MOVABLE);
        vm_use(vm, vmc_page_run_low(run), run.count, &effect);
        if (count > 0) {
            vmc_pagelist_push(
                &vm->program,
                part_of(vmc_page_run_low(run), vmc_page_run_low(run) + count));
            program_pages -= count;
        }
    }
    vm_mark(vm, pfn, pages, VMC_PAGE_INFLATING);
    return true;
}

static uint64_t used_frames(const struct vm *vm, uint32_t pfn, uint32_t pages)
{
    uint64_t used = 0;

    for (uint32_t i = 0; i < pages / HUGE_PAGES; i++) {
        const struct vmc_frame *frame = &vm->host.frames[pfn / HUGE_PAGES + i];

        used += frame->is_mapped || frame->backing == VMC_FRAME_TABLE;
    }
    return used;
}

/* ---- Unplugging ----------------------------------------------------------*/

static bool is_plugged(const struct vm *vm, uint32_t pfn)
{
    return vm_state(vm, pfn) != VMC_PAGE_HOLE &&
           vm_state(vm, pfn) != VMC_PAGE_UNPLUGGED;
}

/* Empty the highest device block of the memory block @pfn that can be. */
static struct vmc_page_run take_part(struct vm *vm, uint32_t pfn,
                                     uint64_t *moved)
{
    for (uint32_t at = pfn + BLOCK_PAGES; at > pfn; at -= HUGE_PAGES) {
        uint32_t part = at - HUGE_PAGES;

        if (is_plugged(vm, part) && empty_block(vm, part, HUGE_PAGES, moved)) {
            return part_of(part, at);
        }
    }
    return (struct vmc_page_run){0};
}

static bool is_all_plugged(const struct vm *vm, uint32_t pfn)
{
    for (uint32_t i = 0; i < BLOCK_PAGES; i += HUGE_PAGES) {
        if (!is_plugged(vm, pfn + i)) {
            return false;
        }
    }
    return true;
}

static bool is_all_unplugged(const struct vm *vm, uint32_t pfn)
{
    for (uint32_t i = 0; i < BLOCK_PAGES; i += HUGE_PAGES) {
        if (is_plugged(vm, pfn + i)) {
            return false;
        }
    }
    return true;
}

/* From the highest memory block down: all of it, or else a part of it. What
 * was taken in parts before is completed in parts. Count 0: nothing can go.
 * What is unplugged from the top on is not looked at each time. */
static struct vmc_page_run take_highest(struct vm *vm, uint64_t *moved)
{
    if (vm->mem.plugged_end == 0) {
        vm->mem.plugged_end = vm_page_max(vm) / BLOCK_PAGES * BLOCK_PAGES;
    }
    while (vm->mem.plugged_end >= 2 * BLOCK_PAGES &&
           is_all_unplugged(vm, vm->mem.plugged_end - BLOCK_PAGES)) {
        vm->mem.plugged_end -= BLOCK_PAGES;
    }
    for (uint32_t end = vm->mem.plugged_end; end >= 2 * BLOCK_PAGES;
         end -= BLOCK_PAGES) {
        uint32_t pfn = end - BLOCK_PAGES;
        struct vmc_page_run part;

        if (vm->mem.parts == 0 && is_all_plugged(vm, pfn) &&
            empty_block(vm, pfn, BLOCK_PAGES, moved)) {
            return part_of(pfn, end);
        }
        part = take_part(vm, pfn, moved);
        if (part.count > 0) {
            return part;
        }
    }
    return (struct vmc_page_run){0};
}

static void fill(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    const struct vmc_guest_costs *guest = &vm->costs->guest;
    uint64_t moved = 0, ticks;
    struct vmc_page_run run = take_highest(vm, &moved);

    if (run.count == 0) {
        vm->wanted_units = vm->held_units;
        size_moved(worker);
        return;
    }
    vmc_pagelist_push(&vm->fresh, run);
    /* A part stays in its memory block: nothing is removed, only taken. */
    ticks = run.count == BLOCK_PAGES
                ? vm_guest_pages(vm, BLOCK_PAGES) * guest->hot_remove
                : guest->alloc_huge;
    ticks += used_frames(vm, run.first, run.count) * guest->isolate_used +
             vm_guest_pages(vm, moved) * guest->migrate;
    worker_work(worker, VMC_STAGE_ALLOC, ticks, STEP_FILL_ISOLATED);
}

/* Unplugged, and counted: 64 parts are a unit like a whole block. */
static void unplugged(struct vm_worker *worker, struct vmc_page_run run)
{
    struct vm *vm = worker->vm;

    vm_mark(vm, run.first, run.count, VMC_PAGE_UNPLUGGED);
    vmc_pagelist_push(&vm->balloon, run);
    vm->mem.parts += device_blocks(run);
    if (vm->mem.parts < BLOCK_DEVICE_BLOCKS) {
        fill(worker);
        return;
    }
    vm->mem.parts -= BLOCK_DEVICE_BLOCKS;
    vm->held_units++;
    size_moved(worker);
}

/* ---- Plugging ------------------------------------------------------------*/

static void leak(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    struct vmc_page_run run =
        vmc_pagelist_pop(&vm->balloon, BLOCK_PAGES - vm->mem.back * HUGE_PAGES);

    vmc_pagelist_push(&vm->fresh, run);
    tell_request(worker, VMC_MEM_PLUG, run, STEP_LEAK_TOLD);
}

static void plugged(struct vm_worker *worker, struct vmc_page_run run)
{
    struct vm *vm = worker->vm;

    vm_give(vm, vmc_page_run_low(run), run.count);
    vm->mem.plugged_end = 0;
    vm->mem.back += device_blocks(run);
    if (vm->mem.back < BLOCK_DEVICE_BLOCKS && vm->balloon.page_count > 0) {
        leak(worker);
        return;
    }
    vm->mem.back = 0;
    vm->held_units--;
    size_moved(worker);
}

/* ---- Answers -------------------------------------------------------------*/

/* A unit that was plugged in part is so many parts that are not. */
static void keep_parts(struct vm *vm)
{
    if (vm->mem.back > 0) {
        vm->mem.parts += BLOCK_DEVICE_BLOCKS - vm->mem.back;
        vm->mem.back = 0;
        vm->held_units--;
    }
    if (vm->mem.parts >= BLOCK_DEVICE_BLOCKS) {
        vm->mem.parts -= BLOCK_DEVICE_BLOCKS;
        vm->held_units++;
    }
}

/* What was asked for is not done: as if nothing had been. A device that is
 * busy, because its VM is migrated, is asked again later. */
static void refused(struct vm_worker *worker, struct vmc_page_run run,
                    uint32_t type)
{
    struct vm *vm = worker->vm;

    if (vm_state(vm, vmc_page_run_low(run)) == VMC_PAGE_INFLATING) {
        vm_give(vm, run.first, run.count);
    } else {
        vmc_pagelist_push(&vm->balloon, run);
        keep_parts(vm);
    }
    vm->mem.retries++;
    if (type == VMC_MEM_BUSY && vm->mem.retries <= RETRIES_MAX) {
        vm->mem.retry_ticks = vm->mem.retry_ticks == 0
                                  ? RETRY_MIN_TICKS
                                  : 2 * vm->mem.retry_ticks;
        if (vm->mem.retry_ticks > RETRY_MAX_TICKS) {
            vm->mem.retry_ticks = RETRY_MAX_TICKS;
        }
        vmc_flow_sleep(&worker->flow, VMC_STAGE_SLEEP, vm->mem.retry_ticks,
                       STEP_RETRY);
        return;
    }
    vm->wanted_units = vm->held_units;
    size_moved(worker);
}

static void told(struct vm_worker *worker, uint32_t step)
{
    struct vm *vm = worker->vm;
    struct vmc_page_run run = vmc_pagelist_pop(&vm->fresh, BLOCK_PAGES);
    uint32_t type = vmc_mem_get_response(vm->payload.response).type;

    run = part_of(vmc_page_run_low(run), vmc_page_run_low(run) + run.count);
    if (worker->tell.status != VMC_OK || type != VMC_MEM_ACK) {
        refused(worker, run,
                worker->tell.status != VMC_OK ? VMC_MEM_ERROR : type);
        return;
    }
    vm->mem.retry_ticks = vm->mem.retries = 0;
    if (step == STEP_FILL_TOLD) {
        unplugged(worker, run);
        return;
    }
    vmc_pagelist_push(&vm->fresh, run);
    worker_work(worker, VMC_STAGE_ALLOC,
                run.count == BLOCK_PAGES
                    ? vm_guest_pages(vm, BLOCK_PAGES) * vm->costs->guest.hot_add
                    : device_blocks(run) * vm->costs->guest.free_huge,
                STEP_LEAK_ADDED);
}

static void step(struct vm_worker *worker, uint32_t step)
{
    struct vm *vm = worker->vm;

    switch (step) {
    case STEP_FILL_ISOLATED:
        tell_request(worker, VMC_MEM_UNPLUG, vm->fresh.runs[0], STEP_FILL_TOLD);
        return;
    case STEP_FILL_TOLD:
    case STEP_LEAK_TOLD:
        told(worker, step);
        return;
    case STEP_RETRY:
        size_moved(worker);
        return;
    default:
        assert(step == STEP_LEAK_ADDED);
        plugged(worker, vmc_pagelist_pop(&vm->fresh, BLOCK_PAGES));
    }
}

const struct vm_driver driver_virtio_mem = {
    .unit_pages = BLOCK_PAGES, .fill = fill, .leak = leak, .step = step};
