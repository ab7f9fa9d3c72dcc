/* SPDX-License-Identifier: MIT */
/*
 * The array of page numbers (spec 4.2), and the same with balloon pages of
 * 2 MiB (spec 4.5): at most 256 numbers a message.
 *
 * Two generations of the driver differ in two ways. The older takes pages
 * under its lock and lists them as they come; the newer takes them first, and
 * lists the last first.
 */
#include "balloon/vm_priv.h"

enum {
    STEP_FILL_LOCKED = STEP_DRIVER,
    STEP_FILL_TAKEN,
    STEP_FILL_QUEUE,
    STEP_FILL_TOLD,
    STEP_LEAK_LOCKED,
    STEP_LEAK_FREED,
    STEP_LEAK_TOLD,
    STEP_LEAK_TOLD_FREED,
};

static bool is_old(const struct vm *vm)
{
    return vm->config.machine.ascending_arrays != 0;
}

/* What @units take out of the allocator, and back into it. */
static uint64_t alloc_ticks(const struct vm *vm, uint32_t units)
{
    return vm->driver->unit_pages == 1
               ? vm_guest_pages(vm, units) * vm->costs->guest.alloc
               : units * vm->costs->guest.alloc_huge;
}

static uint64_t free_ticks(const struct vm *vm, uint32_t units)
{
    return vm->driver->unit_pages == 1
               ? vm_guest_pages(vm, units) * vm->costs->guest.free
               : units * vm->costs->guest.free_huge;
}

/* Take up to @units, onto the list of fresh ones; returns how many. */
static uint32_t take_units(struct vm *vm, uint32_t units)
{
    uint32_t taken = 0;

    while (taken < units) {
        struct vmc_page_run run;

        if (vm->driver->unit_pages == 1) {
            run = vm_take(vm, units - taken);
        } else {
            uint32_t pfn = vm_take_block_hard(vm, HUGE_ORDER);

            run = (struct vmc_page_run){
                .first = pfn, .count = pfn != VMC_PAGE_NONE ? HUGE_PAGES : 0};
        }
        if (run.count == 0) {
            break;
        }
        vmc_pagelist_push(&vm->fresh, run);
        taken += run.count / vm->driver->unit_pages;
    }
    return taken;
}

static void fill_take(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    uint32_t units =
        worker->units < PFNS_MAX ? (uint32_t)worker->units : PFNS_MAX;
    uint32_t taken = take_units(vm, units);

    vm->is_out_of_memory = taken < units;
    worker_work(worker, VMC_STAGE_ALLOC,
                alloc_ticks(vm, taken) + compact_ticks(vm), STEP_FILL_TAKEN);
}

static void fill(struct vm_worker *worker)
{
    if (is_old(worker->vm)) {
        worker_lock(worker, ROLE_BALLOON, STEP_FILL_LOCKED);
    } else {
        fill_take(worker);
    }
}

/* F2: nothing to be had; the partial batch is still sent after the sleep. */
static void fill_taken(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;

    if (vm->is_out_of_memory) {
        vm->is_out_of_memory = false;
        vmc_flow_sleep(&worker->flow, VMC_STAGE_SLEEP,
                       vm->costs->guest.retry_sleep, STEP_FILL_TAKEN);
    } else if (is_old(vm)) {
        worker->flow.run(&worker->flow, STEP_FILL_QUEUE);
    } else {
        worker_lock(worker, ROLE_BALLOON, STEP_FILL_QUEUE);
    }
}

/* Name the pages of @run in the array: a huge unit by its first page, a guest
 * page by all of its balloon pages. */
static void put_run(struct vm *vm, struct vmc_page_run run)
{
    bool is_huge = vm->driver->unit_pages > 1;
    uint32_t step =
        is_huge ? vm->driver->unit_pages : UINT32_C(1) << vm->page_order;

    for (uint32_t i = 0; i < run.count; i += step) {
        uint32_t pfn =
            run.is_descending ? run.first - i - (step - 1) : run.first + i;

        for (uint32_t k = 0; k < (is_huge ? 1 : step); k++) {
            payload_put_pfn(vm, pfn + k);
        }
    }
}

/* Put @run on the balloon list and into the array, in this order. */
static void queue_run(struct vm *vm, struct vmc_page_run run)
{

    vm_mark(vm, vmc_page_run_low(run), run.count, VMC_PAGE_BALLOON);
    vmc_pagelist_push(&vm->balloon, run);
    vm->held_units += run.count / vm->driver->unit_pages;
    put_run(vm, run);
}

static void tell_pfns(struct vm_worker *worker, enum vm_queue queue,
                      uint32_t return_step)
{
    struct vmc_vq_buffer buffer = {.address = BUFFER_PFNS,
                                   .size_bytes =
                                       worker->vm->payload.pfn_count * 4};

    worker_tell(worker, queue, &buffer, 1, return_step);
}

static void fill_queue(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;

    vm->payload.pfn_count = 0;
    if (is_old(vm)) {
        for (uint32_t i = 0; i < vm->fresh.run_count; i++) {
            queue_run(vm, vm->fresh.runs[i]);
        }
        vmc_pagelist_clear(&vm->fresh);
    }
    while (vm->fresh.page_count > 0) {
        queue_run(vm, vmc_pagelist_pop(&vm->fresh, UINT32_MAX));
    }
    if (vm->payload.pfn_count > 0) {
        tell_pfns(worker, QUEUE_INFLATE, STEP_FILL_TOLD);
    } else {
        worker->flow.run(&worker->flow, STEP_FILL_TOLD);
    }
}

static void leak(struct vm_worker *worker)
{
    worker_lock(worker, ROLE_BALLOON, STEP_LEAK_LOCKED);
}

/* K2: off the balloon list, into the array and onto a private list. */
static void leak_locked(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    uint32_t units =
        worker->units < PFNS_MAX ? (uint32_t)worker->units : PFNS_MAX;
    uint64_t pages = vm_guest_pages(vm, units * vm->driver->unit_pages)
                     << vm->page_order;

    vm->payload.pfn_count = 0;
    while (pages > 0 && vm->balloon.page_count > 0) {
        struct vmc_page_run run =
            vmc_pagelist_pop(&vm->balloon, (uint32_t)pages);

        vm_mark(vm, vmc_page_run_low(run), run.count, VMC_PAGE_DEFLATING);
        vmc_pagelist_push(&vm->leaving, run);
        vm->held_units -= run.count / vm->driver->unit_pages;
        put_run(vm, run);
        pages -= run.count;
    }
    if (vm_frees_first(vm)) {
        worker_work(worker, VMC_STAGE_ALLOC,
                    free_ticks(vm, vm->payload.pfn_count), STEP_LEAK_FREED);
    } else {
        tell_pfns(worker, QUEUE_DEFLATE, STEP_LEAK_TOLD);
    }
}

static void release(struct vm *vm)
{
    while (vm->leaving.page_count > 0) {
        struct vmc_page_run run = vmc_pagelist_pop(&vm->leaving, UINT32_MAX);

        vm_give_run(vm, run);
    }
}

static void step(struct vm_worker *worker, uint32_t step)
{
    struct vm *vm = worker->vm;

    switch (step) {
    case STEP_FILL_LOCKED:
        fill_take(worker);
        return;
    case STEP_FILL_TAKEN:
        fill_taken(worker);
        return;
    case STEP_FILL_QUEUE:
        fill_queue(worker);
        return;
    case STEP_FILL_TOLD:
        worker_unlock(worker, ROLE_BALLOON);
        size_moved(worker);
        return;
    case STEP_LEAK_LOCKED:
        leak_locked(worker);
        return;
    case STEP_LEAK_FREED:
        release(vm);
        tell_pfns(worker, QUEUE_DEFLATE, STEP_LEAK_TOLD_FREED);
        return;
    case STEP_LEAK_TOLD:
        worker_work(worker, VMC_STAGE_ALLOC,
                    free_ticks(vm, vm->payload.pfn_count),
                    STEP_LEAK_TOLD_FREED);
        return;
    default:
        assert(step == STEP_LEAK_TOLD_FREED);
        release(vm);
        worker_unlock(worker, ROLE_BALLOON);
        size_moved(worker);
    }
}

const struct vm_driver driver_pfn = {
    .unit_pages = 1, .fill = fill, .leak = leak, .step = step};

const struct vm_driver driver_huge = {
    .unit_pages = HUGE_PAGES, .fill = fill, .leak = leak, .step = step};
