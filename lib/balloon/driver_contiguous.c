/* SPDX-License-Identifier: MIT */
/*
 * Contiguous pages (spec 4.5): the largest blocks first, down to single pages,
 * 256 pairs of page and count a message. On the way back, pages that lie
 * together are named together.
 */
#include "balloon/vm_priv.h"

enum {
    STEP_FILL_TAKEN = STEP_DRIVER,
    STEP_FILL_QUEUE,
    STEP_FILL_TOLD,
    STEP_LEAK_LOCKED,
    STEP_LEAK_TOLD,
    STEP_LEAK_FREED,
};

static uint64_t pair_of(struct vmc_page_run run)
{
    return vmc_page_run_low(run) | (uint64_t)run.count << 32;
}

static void tell_pairs(struct vm_worker *worker, enum vm_queue queue,
                       uint32_t return_step)
{
    struct vmc_vq_buffer buffer = {.address = BUFFER_PAIRS,
                                   .size_bytes =
                                       worker->vm->payload.pair_count * 8};

    worker_tell(worker, queue, &buffer, 1, return_step);
}

static void fill(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    uint64_t ticks = 0, units = worker->units;
    uint32_t order = vm_order_max(vm);

    vm->payload.next_pair_count = 0;
    while (units > 0 && vm->payload.next_pair_count < PFNS_MAX) {
        struct vmc_page_run run;

        while (order > vm->page_order && UINT64_C(1) << order > units) {
            order--;
        }
        run.first = vm_take_block_hard(vm, order);
        run.count = (UINT32_C(1) << order) & INT32_MAX;
        run.is_descending = 0;
        if (run.first == VMC_PAGE_NONE) {
            if (order-- == vm->page_order) {
                vm->is_out_of_memory = true;
                break;
            }
            continue;
        }
        ticks += vmc_cost_alloc(&vm->costs->guest, order - vm->page_order);
        vm->payload.next_pairs[vm->payload.next_pair_count++] = pair_of(run);
        vmc_pagelist_push(&vm->fresh, run);
        units -= run.count < units ? run.count : units;
        if (vm->config.recorded != NULL) {
            order = vm_order_max(vm); /* what comes next may be larger again */
        }
    }
    worker_work(worker, VMC_STAGE_ALLOC, ticks + compact_ticks(vm),
                STEP_FILL_TAKEN);
}

static void fill_taken(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;

    if (vm->is_out_of_memory) {
        vm->is_out_of_memory = false;
        vmc_flow_sleep(&worker->flow, VMC_STAGE_SLEEP,
                       vm->costs->guest.retry_sleep, STEP_FILL_TAKEN);
        return;
    }
    worker_lock(worker, ROLE_BALLOON, STEP_FILL_QUEUE);
}

static void fill_queue(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;

    for (uint32_t i = 0; i < vm->fresh.run_count; i++) {
        struct vmc_page_run run = vm->fresh.runs[i];

        vm_mark(vm, vmc_page_run_low(run), run.count, VMC_PAGE_BALLOON);
        vmc_pagelist_push(&vm->balloon, run);
        vm->held_units += run.count;
    }
    vmc_pagelist_clear(&vm->fresh);
    vm->payload.pair_count = vm->payload.next_pair_count;
    for (uint32_t i = 0; i < vm->payload.pair_count; i++) {
        vm->payload.pairs[i] = vm->payload.next_pairs[i];
    }
    if (vm->payload.pair_count > 0) {
        tell_pairs(worker, QUEUE_INFLATE, STEP_FILL_TOLD);
    } else {
        worker->flow.run(&worker->flow, STEP_FILL_TOLD);
    }
}

static void leak(struct vm_worker *worker)
{
    worker_lock(worker, ROLE_BALLOON, STEP_LEAK_LOCKED);
}

static void leak_locked(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    uint64_t pages = vm_guest_pages(vm, worker->units) << vm->page_order;

    vm->payload.pair_count = 0;
    while (pages > 0 && vm->balloon.page_count > 0 &&
           vm->payload.pair_count < PFNS_MAX) {
        struct vmc_page_run run = vmc_pagelist_pop(
            &vm->balloon, pages < INT32_MAX ? (uint32_t)pages : INT32_MAX);

        vm_mark(vm, vmc_page_run_low(run), run.count, VMC_PAGE_DEFLATING);
        vmc_pagelist_push(&vm->leaving, run);
        vm->payload.pairs[vm->payload.pair_count++] = pair_of(run);
        vm->held_units -= run.count;
        pages -= run.count;
    }
    tell_pairs(worker, QUEUE_DEFLATE, STEP_LEAK_TOLD);
}

static void leak_told(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    uint64_t ticks = 0;

    while (vm->leaving.page_count > 0) {
        struct vmc_page_run run = vmc_pagelist_pop(&vm->leaving, UINT32_MAX);
        uint32_t pfn = vmc_page_run_low(run), left = run.count;

        while (left > 0) {
            uint32_t order = vm_order_at(vm, pfn, left);

            ticks += vmc_cost_free(&vm->costs->guest, order - vm->page_order);
            vm_give(vm, pfn, UINT32_C(1) << order);
            pfn += UINT32_C(1) << order;
            left -= UINT32_C(1) << order;
        }
    }
    worker_work(worker, VMC_STAGE_ALLOC, ticks, STEP_LEAK_FREED);
}

static void step(struct vm_worker *worker, uint32_t step)
{
    switch (step) {
    case STEP_FILL_TAKEN:
        fill_taken(worker);
        return;
    case STEP_FILL_QUEUE:
        fill_queue(worker);
        return;
    case STEP_LEAK_LOCKED:
        leak_locked(worker);
        return;
    case STEP_LEAK_TOLD:
        leak_told(worker);
        return;
    default:
        assert(step == STEP_FILL_TOLD || step == STEP_LEAK_FREED);
        worker_unlock(worker, ROLE_BALLOON);
        size_moved(worker);
    }
}

const struct vm_driver driver_contiguous = {
    .unit_pages = 1, .fill = fill, .leak = leak, .step = step};
