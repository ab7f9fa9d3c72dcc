/* SPDX-License-Identifier: MIT */
/*
 * The shared allocator of HyperAlloc (spec 4.10). The host takes free frames
 * itself, without a message: each is marked allocated and evicted in shared
 * memory. Frames that were not evicted before are let go in maximal ranges.
 * To return a frame is to clear a mark; nothing is backed until the guest asks
 * for it, when it allocates the frame.
 */
#include "balloon/vm_priv.h"

enum { STEP_TAKEN = STEP_DRIVER, STEP_RANGE, STEP_RETURNED };

/* The host's thread works, with no vCPU: the main loop. */
static void host_work(struct vm_worker *worker, enum vmc_balloon_stage stage,
                      uint64_t ticks, uint32_t next_step)
{
    vmc_flow_work(&worker->flow, vm_actor(worker->vm, ROLE_MAIN), stage, ticks,
                  next_step);
}

static void resize(struct vm *vm, uint64_t units)
{
    struct vm_worker *worker = &vm->workers[WORKER_SIZE];
    uint64_t frames = 0;

    vm->wanted_units = units;
    while (vm->held_units < units) {
        uint32_t pfn = vm_take_block(vm, HUGE_ORDER);

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
    vm->pages_told += (uint64_t)(end - frame) * HUGE_PAGES;
    worker->tell.served = (struct vmc_account){0};
    charge_effect(vm, &effect, &worker->tell.served);
    worker->tell.entry = end;
    vmc_flow_work_all(&worker->flow, vm_actor(vm, ROLE_MM),
                      &worker->tell.served, STEP_RANGE);
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
    default:
        assert(step == STEP_RETURNED);
        vm->done_tick = vmc_engine_now_tick(vm->engine);
    }
}

const struct vm_driver driver_hyperalloc = {
    .unit_pages = HUGE_PAGES, .resize = resize, .step = step};
