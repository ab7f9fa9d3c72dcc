/* SPDX-License-Identifier: MIT */
/*
 * Compaction moves a page of the balloon (spec 4.8, and 4.3 B8). It takes a
 * page elsewhere, tells the host that this one is in the balloon now, then
 * that the old one is not, and frees the old one. Nothing is copied: there is
 * nothing in a page of the balloon.
 *
 * Pages are isolated under the lock of the list, so a deflate meanwhile finds
 * fewer than it has. The driver's lock is only tried; while an inflate or
 * deflate has it, the page goes back to the list, and the next is tried.
 */
#include "balloon/bitmap_priv.h"

enum {
    STEP_TRY = STEP_DRIVER,
    STEP_ISOLATE,
    STEP_REFUSED,
    STEP_LOCKED,
    STEP_TAKEN,
    STEP_NEW_TOLD,
    STEP_OLD_TOLD,
    STEP_FREED,
    BATCH = 32, /* pages that Linux isolates at once, COMPACT_CLUSTER_MAX */
};

static uint64_t guest_page(const struct vm *vm)
{
    return UINT64_C(1) << vm->page_order;
}

/* The message that names one guest page, in the way of the mechanism. */
static void put_page(struct vm *vm, uint32_t pfn)
{
    uint32_t pages = (uint32_t)guest_page(vm);

    vm->payload.pair_count = vm->payload.pfn_count = 0;
    switch (vm->config.mechanism) {
    case VMC_MECHANISM_BITMAP:
    case VMC_MECHANISM_BITMAP_FIXED:
        vm->payload.words[vm->payload.word_count++] =
            vmc_wire_header(pfn, PAGE_SHIFT + vm->page_order, 0);
        vm->payload.header = vmc_wire_response(vm->payload.word_count * 8);
        return;
    case VMC_MECHANISM_CHUNK:
        if (vm->bitmap->format == FORMAT_V6) {
            vm->payload.word_count = vmc_wire_put_v6(
                vm->payload.words, (struct vmc_wire_range){pfn, pages});
            return;
        }
        vmc_wire_put_chunk(vm->payload.words,
                           (struct vmc_wire_range){pfn, pages});
        vm->payload.word_count = 2;
        return;
    case VMC_MECHANISM_CONTIGUOUS:
        vm->payload.pairs[vm->payload.pair_count++] = pfn | (uint64_t)pages
                                                                << 32;
        return;
    case VMC_MECHANISM_SG:
        return; /* the page is its own message */
    default:
        for (uint32_t i = 0; i < pages; i++) {
            payload_put_pfn(vm, pfn + i);
        }
    }
}

static void tell_page(struct vm_worker *worker, uint32_t pfn,
                      enum vm_queue queue, uint32_t return_step)
{
    struct vm *vm = worker->vm;
    struct vmc_vq_buffer buffers[2] = {{0}};
    uint32_t count = 1;

    put_page(vm, pfn);
    if (vm->config.mechanism == VMC_MECHANISM_SG) {
        buffers[0] = (struct vmc_vq_buffer){
            .address = BUFFER_RAM + ((uint64_t)pfn << PAGE_SHIFT),
            .size_bytes = (uint32_t)guest_page(vm) << PAGE_SHIFT,
            .is_writable = true};
    } else if (vm->payload.pfn_count > 0) {
        buffers[0].address = BUFFER_PFNS;
        buffers[0].size_bytes = vm->payload.pfn_count * 4;
    } else if (vm->payload.pair_count > 0) {
        buffers[0].address = BUFFER_PAIRS;
        buffers[0].size_bytes = vm->payload.pair_count * 8;
    } else if (vm->config.mechanism == VMC_MECHANISM_CHUNK) {
        buffers[0].address = BUFFER_RESPONSE;
        buffers[0].size_bytes = vm->payload.word_count * 8;
    } else {
        buffers[0].address = BUFFER_HEADER;
        buffers[0].size_bytes = 8;
        buffers[1].address = BUFFER_RESPONSE;
        buffers[1].size_bytes = vm->payload.word_count * 8;
        count = 2;
    }
    worker_tell(worker, queue, buffers, count, return_step);
}

/* Isolating is under the lock of the list alone, a batch at a time. */
static void isolate(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    uint64_t pages = vm->migrate_left < BATCH ? vm->migrate_left : BATCH;

    pages <<= vm->page_order;
    while (pages > 0 && vm->balloon.page_count > 0) {
        struct vmc_page_run run =
            vmc_pagelist_pop(&vm->balloon, (uint32_t)pages);

        vm_mark(vm, vmc_page_run_low(run), run.count, VMC_PAGE_ISOLATED);
        vmc_pagelist_push(&vm->isolated, run);
        pages -= run.count;
    }
    vm->isolations++;
    worker_unlock(worker, ROLE_PAGES);
    if (vm->isolated.page_count == 0) {
        vm->migrate_left = 0;
    }
    worker->flow.run(&worker->flow, STEP_TRY);
}

/* Back to the list, at its head. */
static void put_back(struct vm *vm, struct vmc_page_run run)
{
    vm_mark(vm, vmc_page_run_low(run), run.count, VMC_PAGE_BALLOON);
    vmc_pagelist_push(&vm->balloon, run);
}

/* The next isolated page: its place will be elsewhere. */
static void try_page(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;

    vm->done_tick = vmc_engine_now_tick(vm->engine);
    if (vm->isolated.page_count == 0) {
        if (vm->migrate_left > 0 && vm->crash == NULL) {
            worker_lock(worker, ROLE_PAGES, STEP_ISOLATE);
        }
        return;
    }
    vm->migrate_left--;
    vm->moving_from = vmc_pagelist_pop(&vm->isolated, (uint32_t)guest_page(vm));
    if (vmc_flow_can_lock(&worker->flow, vm_actor(vm, ROLE_BALLOON))) {
        worker_lock(worker, ROLE_BALLOON, STEP_LOCKED);
        return;
    }
    vm->migrate_refused++;
    worker_lock(worker, ROLE_PAGES, STEP_REFUSED);
}

static void take(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;

    vm->moving_to = vm_take(vm, 1);
    if (vm->moving_to.count == 0) {
        put_back(vm, vm->moving_from);
        worker_unlock(worker, ROLE_BALLOON);
        worker->flow.run(&worker->flow, STEP_TRY);
        return;
    }
    worker_work(worker, VMC_STAGE_ALLOC, vm->costs->guest.alloc, STEP_TAKEN);
}

/* The host does not know of the new page: as if nothing had been. D23: its
 * record stays and goes out with the next message, on the other queue. */
static void new_told(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    bool is_kept = has_defect(vm->bitmap, 23) && vm->payload.word_count > 0;

    if (worker->tell.status == VMC_OK) {
        vm->payload.word_count = 0;
    } else if (!is_kept) {
        vm->payload.word_count = 0;
        put_back(vm, vm->moving_from);
        vm_give(vm, vm->moving_to.first, guest_page(vm));
        worker_unlock(worker, ROLE_BALLOON);
        worker->flow.run(&worker->flow, STEP_TRY);
        return;
    }
    tell_page(worker, vmc_page_run_low(vm->moving_from), QUEUE_DEFLATE,
              STEP_OLD_TOLD);
}

/* The new page takes the place of the old; of which the host may not know, and
 * then both are in the balloon. */
static void replace(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;

    vm->payload.word_count = 0; /* the next message begins anew */
    put_back(vm, vm->moving_to);
    if (worker->tell.status != VMC_OK) {
        put_back(vm, vm->moving_from);
        vm->held_units += guest_page(vm);
        worker_unlock(worker, ROLE_BALLOON);
        worker->flow.run(&worker->flow, STEP_TRY);
        return;
    }
    vm_mark(vm, vmc_page_run_low(vm->moving_from), guest_page(vm),
            VMC_PAGE_DEFLATING);
    vm->migrated += guest_page(vm);
    worker_work(worker, VMC_STAGE_ALLOC, vm->costs->guest.free, STEP_FREED);
}

static void step(struct vm_worker *worker, uint32_t step)
{
    struct vm *vm = worker->vm;

    switch (step) {
    case STEP_TRY:
        try_page(worker);
        return;
    case STEP_ISOLATE:
        isolate(worker);
        return;
    case STEP_REFUSED:
        put_back(vm, vm->moving_from);
        worker_unlock(worker, ROLE_PAGES);
        worker_work(worker, VMC_STAGE_ALLOC, vm->costs->guest.list_walk,
                    STEP_TRY);
        return;
    case STEP_LOCKED:
        take(worker);
        return;
    case STEP_TAKEN:
        tell_page(worker, vm->moving_to.first, QUEUE_INFLATE, STEP_NEW_TOLD);
        return;
    case STEP_NEW_TOLD:
        new_told(worker);
        return;
    case STEP_OLD_TOLD:
        replace(worker);
        return;
    default:
        assert(step == STEP_FREED);
        vm_give_run(vm, vm->moving_from);
        worker_unlock(worker, ROLE_BALLOON);
        worker->flow.run(&worker->flow, STEP_TRY);
    }
}

void vm_migrate(struct vm *vm, uint64_t pages)
{
    struct vm_worker *worker = &vm->workers[WORKER_COMPACT];

    assert(vm->driver->leak != NULL && vm->driver->unit_pages == 1);
    worker->step = step;
    vm->migrate_left = pages;
    worker_start(worker, STEP_TRY);
}
