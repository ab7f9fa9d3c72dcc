/* SPDX-License-Identifier: MIT */
/*
 * A program in the guest that takes memory and touches it, on one vCPU: one
 * event for each run of pages, or for each page when somebody could look in
 * between. The pages stay its own until vm_touch_end().
 */
#include "balloon/vm_priv.h"

enum { RUN_PAGES = 1024, STEP_TOUCH = STEP_DRIVER, STEP_FAULT };

/* The part of the faults that is under KVM's MMU lock: installing the entry,
 * which waits for whoever zaps others meanwhile. */
static uint64_t locked_ticks(const struct vm *vm,
                             const struct vmc_host_effect *effect,
                             const struct vmc_account *work)
{
    uint64_t faults = effect->faults_huge + effect->faults_small +
                      effect->maps_huge + effect->maps_small;
    uint64_t ticks = faults * vm->costs->host.fault_small;

    return ticks < work->ticks[VMC_STAGE_FAULT] ? ticks
                                                : work->ticks[VMC_STAGE_FAULT];
}

static void touch_run(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    uint32_t most = vm->config.is_stepped ? 1 : RUN_PAGES;
    struct vmc_account *work = &worker->tell.served;
    struct vmc_host_effect effect = {0};
    struct vmc_page_run run = {0};

    vm->done_tick = vmc_engine_now_tick(vm->engine);
    if (vm->touch_left > 0) {
        run = vm_take(vm,
                      vm->touch_left < most ? (uint32_t)vm->touch_left : most);
    }
    if (run.count == 0) {
        if (vm->touch_left > 0) {
            (void)oom_notify(vm);
        }
        return;
    }
    vm_mark(vm, run.first, run.count, VMC_PAGE_USED_MOVABLE);
    hint_write(vm, run.first, run.count);
    vm_use(vm, run.first, run.count, &effect);
    vmc_pagelist_push(&vm->program, run);
    vm->touch_left -= run.count < vm->touch_left ? run.count : vm->touch_left;
    *work = (struct vmc_account){0};
    charge_effect(vm, &effect, work);
    vm->touch_locked_ticks = locked_ticks(vm, &effect, work);
    work->ticks[VMC_STAGE_FAULT] -= vm->touch_locked_ticks;
    vmc_flow_work_all(&worker->flow, vm_actor(vm, ROLE_VCPU_OTHER), work,
                      vm->touch_locked_ticks > 0 ? STEP_FAULT : STEP_TOUCH);
}

static void touch_step(struct vm_worker *worker, uint32_t step)
{
    struct vm *vm = worker->vm;

    if (step == STEP_FAULT) {
        vmc_flow_work(&worker->flow, vm_actor(vm, ROLE_MMU), VMC_STAGE_FAULT,
                      vm->touch_locked_ticks, STEP_TOUCH);
        return;
    }
    assert(step == STEP_TOUCH);
    touch_run(worker);
}

void vm_touch(struct vm *vm, uint64_t pages)
{
    struct vm_worker *worker = &vm->workers[WORKER_TOUCH];

    worker->step = touch_step;
    vm->touch_left = pages;
    worker_start(worker, STEP_TOUCH);
}

void vm_touch_go_on(struct vm *vm)
{
    worker_start(&vm->workers[WORKER_TOUCH], STEP_TOUCH);
}

void vm_touch_end(struct vm *vm)
{
    while (vm->program.page_count > 0) {
        struct vmc_page_run run = vmc_pagelist_pop(&vm->program, UINT32_MAX);

        vm_give(vm, vmc_page_run_low(run), run.count);
    }
}
