/* SPDX-License-Identifier: MIT */
/*
 * Out of memory (spec 4.2). A program that gets no page calls the notifiers;
 * the balloon's lets go of up to 256 pages, tells the host and writes actual,
 * all on the program's own thread, and the program tries again. Nobody asks
 * the size worker to take them back: that waits for the next change of target.
 *
 * Without the feature, or with an empty balloon, the program is killed.
 */
#include "balloon/vm_priv.h"

enum { OOM_PAGES = 256 };

bool oom_notify(struct vm *vm)
{
    struct vm_worker *worker = &vm->workers[WORKER_OOM];

    if (!vm->config.has_deflate_on_oom || vm->driver->leak == NULL ||
        vm->balloon.page_count == 0 || vm->crash != NULL) {
        vm->oom_kills++;
        return false;
    }
    vm->oom_calls++;
    vm->oom_held = vm->held_units;
    vm->has_oom_taken = true;
    worker->step = vm->driver->step;
    worker_leak(worker, vm_oom_units(vm));
    return true;
}

uint64_t vm_oom_units(const struct vm *vm)
{
    return vmc_div_up(OOM_PAGES, vm->driver->unit_pages);
}

/* Only what came back counts; with none the program is killed. */
void oom_moved(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    uint64_t freed =
        vm->oom_held > vm->held_units ? vm->oom_held - vm->held_units : 0;

    vm->oom_pages += freed * vm->driver->unit_pages;
    if (freed > 0) {
        vm_touch_go_on(vm);
    } else {
        vm->oom_kills++;
    }
}
