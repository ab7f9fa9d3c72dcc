/* SPDX-License-Identifier: MIT */
/*
 * Drivers that collect pages in a bitmap and tell the host of its runs: the
 * page bitmap of 2016 (spec 4.3), as posted or without its defects, and its
 * successors, which write the same runs as pairs of words or as descriptors
 * (spec 4.4).
 *
 *     take pages -> set their bits, window by window -> scan -> send when the
 *     buffer is full and at the end of a window
 *
 * Each known defect is behind a bit of bitmap->defects, at the place where the
 * driver as posted goes wrong. One that would corrupt the guest's memory stops
 * the run instead and says so in vm->crash; where the wrong pages are told,
 * the invariants say so.
 */
#include "balloon/bitmap_priv.h"

enum {
    STEP_TAKE = STEP_DRIVER,
    STEP_TAKEN,
    STEP_QUEUE,
    STEP_QUEUED,
    STEP_WINDOW,
    STEP_WALK,
    STEP_SCAN,
    STEP_SEND,
    STEP_TOLD,
    STEP_FINISH,
    STEP_SLEPT,
    STEP_DEQUEUE,
    STEP_RELEASED,
};

static uint64_t guest_page(const struct vm *vm)
{
    return UINT64_C(1) << vm->page_order;
}

/* D15: there is no limit to one call, so the lock is held for all of it. */
static uint32_t pages_now(const struct vm *vm, uint64_t pages)
{
    if (!has_defect(vm->bitmap, 15) && pages > CHUNK_PAGES) {
        return CHUNK_PAGES;
    }
    return pages < INT32_MAX ? (uint32_t)pages : INT32_MAX;
}

static bool is_oom(const struct vm_worker *worker)
{
    return worker == &worker->vm->workers[WORKER_OOM];
}

/* ---- Pages ---------------------------------------------------------------*/

static void take(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    uint32_t wanted = pages_now(vm, worker->units);

    vm->bitmap->resets_seen = vm->bitmap->resets;
    while (vm->fresh.page_count < wanted) {
        struct vmc_page_run run =
            vm_take(vm, wanted - (uint32_t)vm->fresh.page_count);

        if (run.count == 0) {
            break;
        }
        vmc_pagelist_push(&vm->fresh, run);
    }
    vm->is_out_of_memory = vm->fresh.page_count < wanted;
    worker_work(worker, VMC_STAGE_ALLOC,
                vm_guest_pages(vm, vm->fresh.page_count) *
                    vm->costs->guest.alloc,
                STEP_TAKEN);
}

static void fill(struct vm_worker *worker)
{
    worker->vm->bitmap->resets++;
    if (has_defect(worker->vm->bitmap, 15)) {
        worker_lock(worker, ROLE_BALLOON, STEP_TAKE);
    } else {
        take(worker);
    }
}

/* The page after which the record of what was taken could not grow (S4). It
 * goes back to the allocator, but only the right driver unlinks it first. */
static void drop_newest(struct vm *vm)
{
    uint32_t page = (uint32_t)guest_page(vm);
    struct vmc_page_run run = vmc_pagelist_pop(&vm->fresh, page);

    if (!has_defect(vm->bitmap, VMC_DEFECT_S(4))) {
        (void)vmc_pagelist_pop(&vm->balloon, page);
        vm->held_units -= page;
    }
    vm_give(vm, vmc_page_run_low(run), page);
}

static void queue(struct vm *vm)
{
    uint32_t before = vm->bitmap->inserted;
    uint32_t fails = vm->config.faults.insert_fails;

    for (uint32_t i = 0; i < vm->fresh.run_count; i++) {
        struct vmc_page_run run = vm->fresh.runs[i];

        vm_mark(vm, vmc_page_run_low(run), run.count, VMC_PAGE_BALLOON);
        vmc_pagelist_push(&vm->balloon, run);
        vm->bitmap->inserted += run.count;
    }
    vm->held_units += vm->fresh.page_count;
    if (fails > before && fails <= vm->bitmap->inserted) {
        drop_newest(vm);
    }
}

static void leak(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;

    vm->bitmap->resets++;
    if (is_oom(worker) && has_defect(vm->bitmap, 14)) {
        vm->crash = "D14: out of memory, and it waits for memory";
        size_moved(worker);
        return;
    }
    worker_lock(worker, ROLE_BALLOON, STEP_DEQUEUE);
}

static void dequeue(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    uint64_t pages = vm_guest_pages(vm, pages_now(vm, worker->units))
                     << vm->page_order;

    while (pages > 0 && vm->balloon.page_count > 0) {
        struct vmc_page_run run = vmc_pagelist_pop(
            &vm->balloon, pages < INT32_MAX ? (uint32_t)pages : INT32_MAX);

        vm_mark(vm, vmc_page_run_low(run), run.count, VMC_PAGE_DEFLATING);
        vmc_pagelist_push(&vm->leaving, run);
        vm->held_units -= run.count;
        pages -= run.count;
    }
}

static void release(struct vm *vm)
{
    while (vm->leaving.page_count > 0) {
        vm_give_run(vm, vmc_pagelist_pop(&vm->leaving, UINT32_MAX));
    }
}

/* Whoever holds the lock says what it is for. */
static void begin(struct vm_worker *worker, bool is_leak)
{
    worker->vm->bitmap->is_leak = is_leak;
    worker->vm->bitmap->is_oom = is_oom(worker);
}

/* ---- The end -------------------------------------------------------------*/

/* D7 without the defect: what the host was not told of goes back to where it
 * came from. Pages below told_until were told. */
static void take_back(struct vm *vm)
{
    struct bitmap *bitmap = vm->bitmap;
    uint32_t page = (uint32_t)guest_page(vm);
    struct vmc_pagelist *from = bitmap->is_leak ? &vm->leaving : &vm->balloon;
    uint64_t left = bitmap_pages(vm)->page_count / page;

    if (!bitmap->is_leak) {
        vmc_pagelist_clear(&vm->fresh);
    }
    for (; left > 0; left--) {
        struct vmc_page_run run = vmc_pagelist_pop(from, page);
        bool was_told = vmc_page_run_low(run) < bitmap->told_until;

        if (bitmap->is_leak && !was_told) {
            vm_mark(vm, vmc_page_run_low(run), page, VMC_PAGE_BALLOON);
            vmc_pagelist_push(&vm->balloon, run);
            vm->held_units += page;
        } else if (!bitmap->is_leak && was_told) {
            vmc_pagelist_push(&vm->fresh, run);
        } else {
            vm_give(vm, vmc_page_run_low(run), page);
            vm->held_units -= bitmap->is_leak ? 0 : page;
        }
    }
    while (vm->fresh.page_count > 0 && !bitmap->is_leak) {
        vmc_pagelist_push(&vm->balloon,
                          vmc_pagelist_pop(&vm->fresh, UINT32_MAX));
    }
}

/* The message was not sent, or nobody answers. */
static void failed(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    struct bitmap *bitmap = vm->bitmap;

    if (vm->is_device_broken) {
        if (has_defect(bitmap, 22)) {
            vm->crash = "D22: it waits for a device that is broken";
        }
    } else if (has_defect(bitmap, 7)) {
        /* D7: nothing happens, and the records stay. D8: nor does the scan
         * end, though the buffer is full. */
        bitmap->can_overrun = has_defect(bitmap, 8);
        if (bitmap->scan < bitmap->scan_end && bitmap->can_overrun) {
            worker->flow.run(&worker->flow, STEP_SCAN);
            return;
        }
        bitmap_end_window(vm);
        worker->flow.run(&worker->flow, STEP_WINDOW);
        return;
    } else {
        take_back(vm);
    }
    bitmap_clear_message(vm);
    bitmap->window = bitmap->max;
    worker->flow.run(&worker->flow, STEP_WINDOW);
}

static void told(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    struct bitmap *bitmap = vm->bitmap;

    if (worker->tell.status != VMC_OK) {
        failed(worker);
        return;
    }
    bitmap_clear_message(vm);
    bitmap->told_until = bitmap->window + bitmap->scan;
    /* D1, D2: send gives up all chunks but the first. */
    if (bitmap->scan < bitmap->scan_end ? has_defect(bitmap, 1)
                                        : has_defect(bitmap, 2)) {
        bitmap->chunk_count = 1;
    }
    if (bitmap->scan < bitmap->scan_end) {
        worker->flow.run(&worker->flow, STEP_SCAN);
    } else {
        bitmap_end_window(vm);
        worker->flow.run(&worker->flow, STEP_WINDOW);
    }
}

static void finish(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;

    if (vm->bitmap->is_leak) {
        worker_work(worker, VMC_STAGE_ALLOC,
                    vm_guest_pages(vm, vm->leaving.page_count) *
                        vm->costs->guest.free,
                    STEP_RELEASED);
        return;
    }
    vmc_pagelist_clear(&vm->fresh);
    worker_unlock(worker, ROLE_BALLOON);
    if (vm->is_out_of_memory && !has_defect(vm->bitmap, 16)) {
        vmc_flow_sleep(&worker->flow, VMC_STAGE_SLEEP,
                       vm->costs->guest.retry_sleep, STEP_SLEPT);
    } else {
        size_moved(worker);
    }
}

/* ---- Windows and messages ------------------------------------------------*/

/* D6: the list is walked without its lock, which compaction takes. */
static void window(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;

    if (vm->bitmap->window >= vm->bitmap->max || vm->crash != NULL) {
        worker->flow.run(&worker->flow, STEP_FINISH);
    } else if (has_defect(vm->bitmap, 6)) {
        worker->flow.run(&worker->flow, STEP_WALK);
    } else {
        worker_lock(worker, ROLE_PAGES, STEP_WALK);
    }
}

static void walk(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;

    vm->bitmap->isolations_seen = vm->isolations;
    worker_work(worker, VMC_STAGE_ENCODE, bitmap_fill_window(vm), STEP_SCAN);
}

static void scan(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;

    if (vmc_flow_holds(&worker->flow, vm_actor(vm, ROLE_PAGES))) {
        worker_unlock(worker, ROLE_PAGES);
    } else if (vm->bitmap->format != FORMAT_SG &&
               vm->isolations != vm->bitmap->isolations_seen) {
        vm->crash = "D6: the list of pages changed while it was walked";
    }
    vm->bitmap->isolations_seen = vm->isolations;
    bitmap_scan(vm);
    worker_work(worker, VMC_STAGE_ENCODE,
                vm->payload.word_count * vm->costs->guest.word, STEP_SEND);
}

static void send(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    struct bitmap *bitmap = vm->bitmap;
    struct vmc_vq_buffer *buffers;
    uint32_t count;
    bool is_sg = bitmap->format == FORMAT_SG;

    if (vm->payload.word_count == 0) {
        bitmap->runs = 0;
        bitmap_end_window(vm);
        worker->flow.run(&worker->flow, STEP_WINDOW);
        return;
    }
    count = bitmap_message(vm, &buffers);
    worker_tell(worker, bitmap->is_leak ? QUEUE_DEFLATE : QUEUE_INFLATE,
                buffers, count, STEP_TOLD);
    /* S5: one used buffer is taken for all of them. S6: the notifier does not
     * wait at all. */
    if (is_sg && bitmap->is_leak &&
        ((has_defect(bitmap, VMC_DEFECT_S(5)) && count > 1) ||
         (has_defect(bitmap, VMC_DEFECT_S(6)) && bitmap->is_oom))) {
        release(vm);
    }
}

static void queue_step(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;

    /* D16: asleep with the lock, before anything is told. */
    if (vm->is_out_of_memory && has_defect(vm->bitmap, 16)) {
        vm->is_out_of_memory = false;
        vmc_flow_sleep(&worker->flow, VMC_STAGE_SLEEP,
                       vm->costs->guest.retry_sleep, STEP_QUEUED);
    } else {
        worker->flow.run(&worker->flow, STEP_QUEUED);
    }
}

static void step(struct vm_worker *worker, uint32_t step)
{
    struct vm *vm = worker->vm;

    switch (step) {
    case STEP_TAKE:
        take(worker);
        return;
    case STEP_TAKEN:
        if (has_defect(vm->bitmap, 15)) {
            worker->flow.run(&worker->flow, STEP_QUEUE);
        } else {
            worker_lock(worker, ROLE_BALLOON, STEP_QUEUE);
        }
        return;
    case STEP_QUEUE:
        begin(worker, false);
        queue_step(worker);
        return;
    case STEP_QUEUED:
        queue(vm);
        bitmap_begin(vm);
        worker->flow.run(&worker->flow, STEP_WINDOW);
        return;
    case STEP_DEQUEUE:
        begin(worker, true);
        dequeue(worker);
        bitmap_begin(vm);
        worker->flow.run(&worker->flow, STEP_WINDOW);
        return;
    case STEP_WINDOW:
        window(worker);
        return;
    case STEP_WALK:
        walk(worker);
        return;
    case STEP_SCAN:
        scan(worker);
        return;
    case STEP_SEND:
        send(worker);
        return;
    case STEP_TOLD:
        told(worker);
        return;
    case STEP_FINISH:
        finish(worker);
        return;
    case STEP_SLEPT:
        size_moved(worker);
        return;
    default:
        assert(step == STEP_RELEASED);
        release(vm);
        worker_unlock(worker, ROLE_BALLOON);
        size_moved(worker);
    }
}

const struct vm_driver driver_bitmap = {
    .unit_pages = 1, .fill = fill, .leak = leak, .step = step};
