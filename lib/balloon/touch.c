/* SPDX-License-Identifier: MIT */
/*
 * A program in the guest that takes memory and touches it, on one vCPU: one
 * event for each run of pages, or for each page when somebody could look in
 * between. The pages stay its own until vm_touch_end().
 */
#include "balloon/vm_priv.h"

enum { RUN_PAGES = 1024 };

static void touch_step(struct vm_worker *worker, uint32_t step)
{
    struct vm *vm = worker->vm;
    uint32_t most = vm->config.is_stepped ? 1 : RUN_PAGES;
    struct vmc_host_effect effect = {0};
    struct vmc_page_run run = {0};

    assert(step == STEP_DRIVER);
    (void)step;
    vm->done_tick = vmc_engine_now_tick(vm->engine);
    if (vm->touch_left > 0) {
        run = vm_take(vm,
                      vm->touch_left < most ? (uint32_t)vm->touch_left : most);
    }
    if (run.count == 0) {
        return;
    }
    vm_mark(vm, run.first, run.count, VMC_PAGE_USED_MOVABLE);
    vm_use(vm, run.first, run.count, &effect);
    vmc_pagelist_push(&vm->program, run);
    vm->touch_left -= run.count < vm->touch_left ? run.count : vm->touch_left;
    worker->tell.served = (struct vmc_account){0};
    charge_effect(vm, &effect, &worker->tell.served);
    vmc_flow_work_all(&worker->flow, vm_actor(vm, ROLE_VCPU_OTHER),
                      &worker->tell.served, STEP_DRIVER);
}

void vm_touch(struct vm *vm, uint64_t pages)
{
    struct vm_worker *worker = &vm->workers[WORKER_TOUCH];

    worker->step = touch_step;
    vm->touch_left = pages;
    worker_start(worker, STEP_DRIVER);
}

void vm_touch_end(struct vm *vm)
{
    while (vm->program.page_count > 0) {
        struct vmc_page_run run = vmc_pagelist_pop(&vm->program, UINT32_MAX);

        vm_give(vm, vmc_page_run_low(run), run.count);
    }
}
