/* SPDX-License-Identifier: MIT */
/*
 * virtio-mem (spec 4.9): a unit is a memory block of 128 MiB, taken from the
 * top of the guest's memory. The driver isolates the whole block, moving away
 * what is in use, and asks the device to unplug it; only then is it removed.
 * A block that cannot be emptied is left alone.
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
};

enum { BLOCK_DEVICE_BLOCKS = 64 };

/* A request of 24 bytes and room for a response of 10 (spec 5.5). */
static void tell_request(struct vm_worker *worker, uint16_t type, uint32_t pfn,
                         uint32_t return_step)
{
    static const struct vmc_vq_buffer buffers[] = {
        {.address = BUFFER_REQUEST, .size_bytes = VMC_MEM_REQUEST_BYTES},
        {.address = BUFFER_REQUEST,
         .size_bytes = VMC_MEM_RESPONSE_BYTES,
         .is_writable = true},
    };

    vmc_mem_put_request(
        worker->vm->payload.request,
        (struct vmc_mem_request){.type = type,
                                 .address_bytes = (uint64_t)pfn << PAGE_SHIFT,
                                 .block_count = BLOCK_DEVICE_BLOCKS});
    worker_tell(worker, QUEUE_INFLATE, buffers, 2, return_step);
}

/* Give back what was isolated of a block that has to stay. */
static void keep_block(struct vm *vm, uint32_t pfn)
{
    while (vm->leaving.page_count > 0) {
        vm_give_run(vm, vmc_pagelist_pop(&vm->leaving, UINT32_MAX));
    }
    for (uint32_t i = 0; i < BLOCK_PAGES; i += 1U << vm->page_order) {
        if (vm_state(vm, pfn + i) == VMC_PAGE_INFLATING) {
            vm_give(vm, pfn + i, UINT64_C(1) << vm->page_order);
        }
    }
}

/* Only what is free or movable can be emptied. */
static bool can_empty(const struct vm *vm, uint32_t pfn)
{
    const uint32_t mask = VMC_PAGE_MASK(VMC_PAGE_FREE) |
                          VMC_PAGE_MASK(VMC_PAGE_PCP) |
                          VMC_PAGE_MASK(VMC_PAGE_USED_MOVABLE);

    return vmc_memmap_all_in(vm->map, pfn >> vm->page_order,
                             BLOCK_PAGES >> vm->page_order, mask);
}

static struct vmc_page_run part_of(uint32_t from, uint32_t end)
{
    return (struct vmc_page_run){
        .first = from, .count = end > from ? (end - from) & INT32_MAX : 0};
}

/* Take what lies in the block off the program's list; returns how many. */
static uint64_t leave_program(struct vm *vm, uint32_t pfn)
{
    uint64_t left = 0;

    assert(vm->fresh.page_count == 0);
    while (vm->program.page_count > 0) {
        struct vmc_page_run run = vmc_pagelist_pop(&vm->program, INT32_MAX);
        uint32_t low = vmc_page_run_low(run), end = low + run.count;
        uint32_t from = low > pfn ? low : pfn;
        uint32_t until = end < pfn + BLOCK_PAGES ? end : pfn + BLOCK_PAGES;

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
static bool empty_block(struct vm *vm, uint32_t pfn, uint64_t *moved)
{
    uint64_t program_pages;

    if (!can_empty(vm, pfn)) {
        return false;
    }
    *moved = BLOCK_PAGES - vm_isolate(vm, pfn, BLOCK_PAGES, VMC_PAGE_INFLATING);
    while (vm->leaving.page_count < *moved) {
        uint64_t left = *moved - vm->leaving.page_count;
        struct vmc_page_run run = vm_take(vm, (uint32_t)left);

        if (run.count == 0) {
            keep_block(vm, pfn);
            return false;
        }
        vmc_pagelist_push(&vm->leaving, run);
    }
    program_pages = leave_program(vm, pfn);
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
    vm_mark(vm, pfn, BLOCK_PAGES, VMC_PAGE_INFLATING);
    return true;
}

static uint64_t used_frames(const struct vm *vm, uint32_t pfn)
{
    uint64_t used = 0;

    for (uint32_t i = 0; i < BLOCK_PAGES / HUGE_PAGES; i++) {
        const struct vmc_frame *frame = &vm->host.frames[pfn / HUGE_PAGES + i];

        used += frame->is_mapped || frame->backing == VMC_FRAME_TABLE;
    }
    return used;
}

/* The highest block that is plugged and RAM, or VMC_PAGE_NONE. */
static uint32_t highest_block(const struct vm *vm)
{
    for (uint32_t end = vm_page_max(vm); end >= 2 * BLOCK_PAGES;
         end -= BLOCK_PAGES) {
        uint32_t pfn = end - BLOCK_PAGES;

        if (pfn % BLOCK_PAGES == 0 && vm_state(vm, pfn) != VMC_PAGE_HOLE &&
            vm_state(vm, pfn) != VMC_PAGE_UNPLUGGED) {
            return pfn;
        }
    }
    return VMC_PAGE_NONE;
}

static void fill(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    const struct vmc_guest_costs *guest = &vm->costs->guest;
    uint32_t pfn = highest_block(vm);
    uint64_t moved = 0, used;

    if (pfn != VMC_PAGE_NONE) {
        used = used_frames(vm, pfn);
    }
    if (pfn == VMC_PAGE_NONE || !empty_block(vm, pfn, &moved)) {
        vm->wanted_units = vm->held_units;
        size_moved(worker);
        return;
    }
    vmc_pagelist_push(
        &vm->fresh, (struct vmc_page_run){.first = pfn, .count = BLOCK_PAGES});
    worker_work(worker, VMC_STAGE_ALLOC,
                vm_guest_pages(vm, BLOCK_PAGES) * guest->hot_remove +
                    used * guest->isolate_used +
                    vm_guest_pages(vm, moved) * guest->migrate,
                STEP_FILL_ISOLATED);
}

static void leak(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    struct vmc_page_run run = vmc_pagelist_pop(&vm->balloon, BLOCK_PAGES);

    vmc_pagelist_push(&vm->fresh, run);
    tell_request(worker, VMC_MEM_PLUG, vmc_page_run_low(run), STEP_LEAK_TOLD);
}

static void step(struct vm_worker *worker, uint32_t step)
{
    struct vm *vm = worker->vm;
    struct vmc_page_run run = vm->fresh.runs[0];
    uint32_t pfn = vmc_page_run_low(run);

    switch (step) {
    case STEP_FILL_ISOLATED:
        tell_request(worker, VMC_MEM_UNPLUG, pfn, STEP_FILL_TOLD);
        return;
    case STEP_FILL_TOLD:
        vm_mark(vm, pfn, BLOCK_PAGES, VMC_PAGE_UNPLUGGED);
        vmc_pagelist_push(&vm->balloon, run);
        vmc_pagelist_clear(&vm->fresh);
        vm->held_units++;
        size_moved(worker);
        return;
    case STEP_LEAK_TOLD:
        worker_work(worker, VMC_STAGE_ALLOC,
                    vm_guest_pages(vm, BLOCK_PAGES) * vm->costs->guest.hot_add,
                    STEP_LEAK_ADDED);
        return;
    default:
        assert(step == STEP_LEAK_ADDED);
        vm_give(vm, pfn, BLOCK_PAGES);
        vmc_pagelist_clear(&vm->fresh);
        vm->held_units--;
        size_moved(worker);
    }
}

/* The device: populate before, discard after, as VFIO needs it. */
void serve_mem_request(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    struct vmc_host_effect effect = {0};
    struct vmc_mem_request request;
    uint64_t page, pages;

    if (!vmc_mem_get_request(vm->payload.request,
                             worker->tell.element.buffers[0].size_bytes,
                             &request)) {
        vm->bad_addresses++;
        return;
    }
    page = request.address_bytes >> PAGE_SHIFT;
    pages = (uint64_t)request.block_count * HUGE_PAGES;
    if (pages == 0 || page % HUGE_PAGES != 0 || !vm_is_ram(vm, page, pages)) {
        vm->bad_addresses++;
        return;
    }
    if (request.type == VMC_MEM_UNPLUG) {
        vmc_host_unpin(&vm->host, page, pages, &effect);
        vm_discard(vm, page, pages, &effect);
        vm->pages_told += pages;
    } else if (vm->config.has_vfio) {
        vm_pin(vm, page, pages, &effect);
    }
    charge_effect(vm, &effect, &worker->tell.served);
}

const struct vm_driver driver_virtio_mem = {
    .unit_pages = BLOCK_PAGES, .fill = fill, .leak = leak, .step = step};
