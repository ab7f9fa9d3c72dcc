/* SPDX-License-Identifier: MIT */
/*
 * The shared allocator of HyperAlloc (spec 4.10). The host takes free frames
 * itself, without a message: each is marked allocated and evicted in shared
 * memory. Frames that were not evicted before are let go in maximal ranges.
 * To return a frame is to clear a mark; nothing is backed until the guest asks
 * for it, when it allocates the frame.
 *
 * In automatic mode the host does so every few seconds with all free frames,
 * but leaves them free: evicted, yet the guest's to allocate.
 */
#include "balloon/vm_priv.h"

enum {
    STEP_TAKEN = STEP_DRIVER,
    STEP_RANGE,
    STEP_RETURNED,
    STEP_TREE,
    STEP_TREE_DONE,
    TREE_FRAMES = 32, /* of LLFree; the host yields behind each (assumed) */
};

/* The host's thread works, with no vCPU: the main loop. */
static void host_work(struct vm_worker *worker, enum vmc_balloon_stage stage,
                      uint64_t ticks, uint32_t next_step)
{
    vmc_flow_work(&worker->flow, vm_actor(worker->vm, ROLE_MAIN), stage, ticks,
                  next_step);
}

/* The zone for old devices comes last, and is never taken. */
static uint32_t take_frame(struct vm *vm)
{
    uint32_t pfn = vm_take_block(vm, HUGE_ORDER);
    struct vmc_zone_facts dma = vmc_memmap_zone(vm->map, VMC_ZONE_DMA);

    if (pfn != VMC_PAGE_NONE && pfn >> vm->page_order < dma.end_page &&
        pfn >> vm->page_order >= dma.first_page) {
        vm_give(vm, pfn, HUGE_PAGES);
        return VMC_PAGE_NONE;
    }
    return pfn;
}

static void resize(struct vm *vm, uint64_t units)
{
    struct vm_worker *worker = &vm->workers[WORKER_SIZE];
    uint64_t frames = 0;

    vm->wanted_units = units;
    while (vm->held_units < units) {
        uint32_t pfn = take_frame(vm);

        if (pfn == VMC_PAGE_NONE) {
            break;
        }
        vmc_pagelist_push(&vm->fresh, (struct vmc_page_run){
                                          .first = pfn, .count = HUGE_PAGES});
        vm->held_units++;
        frames++;
    }
    if (frames > 0) {
        host_work(worker, VMC_STAGE_ALLOC,
                  frames * vm->costs->guest.shared_take, STEP_TAKEN);
        return;
    }
    while (vm->held_units > units) {
        struct vmc_page_run run = vmc_pagelist_pop(&vm->balloon, HUGE_PAGES);

        vm_give(vm, vmc_page_run_low(run), run.count);
        vm->held_units--;
        frames++;
    }
    host_work(worker, VMC_STAGE_ALLOC, frames * vm->costs->guest.shared_return,
              STEP_RETURNED);
}

/* Put what was taken on the list, and find what has to be let go. */
static void taken(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;

    for (uint32_t i = 0; i < vm->fresh.run_count; i++) {
        struct vmc_page_run run = vm->fresh.runs[i];

        vmc_pagelist_push(&vm->balloon, run);
    }
    vmc_pagelist_clear(&vm->fresh);
    worker->tell.entry = 0;
    worker->flow.run(&worker->flow, STEP_RANGE);
}

static bool is_to_let_go(const struct vm *vm, uint32_t frame)
{
    return vm_state(vm, frame * HUGE_PAGES) == VMC_PAGE_INFLATING &&
           !vm->host.frames[frame].is_evicted;
}

/* The next maximal range, from the frame tell.entry on. */
static void let_go_range(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    uint32_t frame = worker->tell.entry, end, frames;
    struct vmc_host_effect effect = {0};

    frames = vm_page_max(vm) / HUGE_PAGES;
    while (frame < frames && !is_to_let_go(vm, frame)) {
        frame++;
    }
    for (end = frame; end < frames && is_to_let_go(vm, end); end++) {
        vm->host.frames[end].is_evicted = true;
    }
    if (frame == end) {
        for (frame = 0; frame < frames; frame++) {
            if (vm_state(vm, frame * HUGE_PAGES) == VMC_PAGE_INFLATING) {
                vm_mark(vm, frame * HUGE_PAGES, HUGE_PAGES, VMC_PAGE_UNPLUGGED);
            }
        }
        worker->flow.run(&worker->flow, STEP_RETURNED);
        return;
    }
    vmc_host_unpin(&vm->host, frame * HUGE_PAGES, (end - frame) * HUGE_PAGES,
                   &effect);
    vm_discard(vm, frame * HUGE_PAGES, (end - frame) * HUGE_PAGES, &effect);
    vm_log_discard(vm, frame * HUGE_PAGES, (end - frame) * HUGE_PAGES);
    vm->pages_told += (uint64_t)(end - frame) * HUGE_PAGES;
    worker->tell.served = (struct vmc_account){0};
    charge_effect(vm, &effect, &worker->tell.served);
    worker->tell.entry = end;
    vmc_flow_work_all(&worker->flow, vm_actor(vm, ROLE_MM),
                      &worker->tell.served, STEP_RANGE);
}

/* ---- Automatic mode ------------------------------------------------------*/

static bool is_free_frame(const struct vm *vm, uint32_t frame)
{
    uint32_t pages = HUGE_PAGES >> vm->page_order;

    return !vm->host.frames[frame].is_evicted &&
           vmc_memmap_all_in(vm->map, (uint64_t)frame * pages, pages,
                             VMC_PAGE_MASK(VMC_PAGE_FREE));
}

/* The first frame behind the zone that is never taken. */
static uint32_t first_frame(const struct vm *vm)
{
    struct vmc_zone_facts dma = vmc_memmap_zone(vm->map, VMC_ZONE_DMA);

    return (uint32_t)vmc_div_up((uint64_t)dma.end_page << vm->page_order,
                                HUGE_PAGES);
}

/* Take what is free of one tree and let go of it, range by range; tell.entry
 * is its first frame. A range never goes over the end of a tree. */
static void reclaim_tree(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    uint32_t frames = vm_page_max(vm) / HUGE_PAGES, count = 0, end;
    struct vmc_host_effect effect = {0};

    if (worker->tell.entry == 0) {
        worker->tell.entry = first_frame(vm);
    }
    if (worker->tell.entry >= frames) {
        vm->done_tick = vmc_engine_now_tick(vm->engine);
        return;
    }
    end = worker->tell.entry + TREE_FRAMES;
    end = end < frames ? end : frames;
    for (uint32_t i = worker->tell.entry; i<end; i += count> 0 ? 0 : 1) {
        uint32_t first = i * HUGE_PAGES;

        for (count = 0; i < end && is_free_frame(vm, i); i++, count++) {
            (void)vm_isolate(vm, i * HUGE_PAGES, HUGE_PAGES,
                             VMC_PAGE_REPORTING);
            vm->host.frames[i].is_evicted = true;
        }
        if (count == 0) {
            continue;
        }
        vmc_host_unpin(&vm->host, first, (uint64_t)count * HUGE_PAGES, &effect);
        vm_discard(vm, first, (uint64_t)count * HUGE_PAGES, &effect);
        vm_log_discard(vm, first, (uint64_t)count * HUGE_PAGES);
        vmc_pagelist_push(
            &vm->fresh,
            (struct vmc_page_run){.first = first,
                                  .count = (count * HUGE_PAGES) & INT32_MAX});
    }
    vm->soft_pages += vm->fresh.page_count;
    worker->tell.entry = end;
    worker->tell.served = (struct vmc_account){0};
    worker->tell.served.ticks[VMC_STAGE_ALLOC] =
        vm->fresh.page_count / HUGE_PAGES * vm->costs->guest.shared_take;
    charge_effect(vm, &effect, &worker->tell.served);
    vmc_flow_work_all(&worker->flow, vm_actor(vm, ROLE_MAIN),
                      &worker->tell.served, STEP_TREE_DONE);
}

/* They are the guest's again, who installs one before it uses it. */
static void tree_done(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;

    while (vm->fresh.page_count > 0) {
        struct vmc_page_run run = vmc_pagelist_pop(&vm->fresh, UINT32_MAX);

        vm_give(vm, vmc_page_run_low(run), run.count);
    }
    worker->flow.run(&worker->flow, STEP_TREE);
}

static void step(struct vm_worker *worker, uint32_t step)
{
    struct vm *vm = worker->vm;

    switch (step) {
    case STEP_TAKEN:
        taken(worker);
        return;
    case STEP_RANGE:
        let_go_range(worker);
        return;
    case STEP_TREE:
        reclaim_tree(worker);
        return;
    case STEP_TREE_DONE:
        tree_done(worker);
        return;
    default:
        assert(step == STEP_RETURNED);
        vm->done_tick = vmc_engine_now_tick(vm->engine);
    }
}

void vm_reclaim_soft(struct vm *vm)
{
    struct vm_worker *worker = &vm->workers[WORKER_SIZE];

    vm_drain(vm);
    worker->tell.entry = 0;
    vmc_flow_sleep(&worker->flow, VMC_STAGE_SLEEP, vm->costs->guest.auto_period,
                   STEP_TREE);
}

const struct vm_driver driver_hyperalloc = {
    .unit_pages = HUGE_PAGES, .resize = resize, .step = step};
