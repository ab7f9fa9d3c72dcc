/* SPDX-License-Identifier: MIT */
/*
 * Direct compaction, one round of it, for a block that no list has (spec 2.4):
 *
 *     zone  | full | x.x.x.x. | .x.x.x.x | x.x.x.x. | free |
 *             -->  migrate                   free <--
 *
 * One scanner goes up and picks the next aligned block that holds free and
 * movable pages only; the other comes down and finds the pages they move to.
 * When they meet, there is nothing left to gain, and until the next operation
 * nobody asks for a block of this order again.
 *
 * Simpler than Linux: a block without any free page is passed over, for it is
 * the kernel's more often than not; and a wholly free pageblock is no place to
 * move to, as there.
 */
#include "balloon/vm_priv.h"

enum {
    MOVABLE = VMC_PAGE_MASK(VMC_PAGE_USED_MOVABLE),
    FREE = VMC_PAGE_MASK(VMC_PAGE_FREE),
};

void compact_reset(struct vm *vm)
{
    for (uint32_t i = 0; i < VMC_ZONE_COUNT; i++) {
        struct vmc_zone_facts facts = vmc_memmap_zone(vm->map, i);

        vm->compact.migrate[i] = facts.first_page;
        vm->compact.free[i] = facts.end_page;
    }
    vm->compact.failed_order = UINT32_MAX;
}

uint64_t compact_ticks(struct vm *vm)
{
    uint64_t ticks = vm->compact.ticks;

    vm->compact.ticks = 0;
    return ticks;
}

/* How many of [@page, @page + @count) have to move; 0: it is not worth it. */
static uint32_t to_move(const struct vm *vm, uint32_t page, uint32_t count)
{
    uint32_t used = 0;

    if (!vmc_memmap_all_in(vm->map, page, count, MOVABLE | FREE)) {
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        used += vmc_memmap_state(vm->map, page + i) == VMC_PAGE_USED_MOVABLE;
    }
    return used < count ? used : 0;
}

/* The next free page below the scanner of @zone, above @floor. */
static uint32_t find_target(struct vm *vm, uint32_t zone, uint32_t floor)
{
    const uint32_t block = UINT32_C(1) << vmc_memmap_pageblock_order(vm->map);
    uint32_t *free = &vm->compact.free[zone];

    while (*free > floor) {
        if (*free % block == 0 && *free >= floor + block &&
            vmc_memmap_all_in(vm->map, *free - block, block, FREE)) {
            *free -= block;
            continue;
        }
        --*free;
        if (vmc_memmap_state(vm->map, *free) == VMC_PAGE_FREE) {
            return *free;
        }
    }
    return VMC_PAGE_NONE;
}

static void move(struct vm *vm, uint32_t from, uint32_t to)
{
    const uint32_t pages = UINT32_C(1) << vm->page_order;
    struct vmc_host_effect effect = {0};
    struct vmc_account work = {0};

    (void)vmc_memmap_isolate(vm->map, to, 1, VMC_PAGE_USED_MOVABLE);
    vm_use(vm, (uint64_t)to << vm->page_order, pages, &effect);
    effect.touches_huge = effect.touches_small = 0; /* the copy is below */
    charge_effect(vm, &effect, &work);
    vm->compact.ticks +=
        vmc_account_total(&work) + pages * vm->costs->guest.migrate;
    vmc_memmap_mark(vm->map, from, 1, VMC_PAGE_INFLATING);
    if (vm->program.page_count > 0) {
        for (uint32_t i = 0; i < pages; i++) {
            if (vmc_pagelist_remove(&vm->program,
                                    (from << vm->page_order) + i)) {
                vmc_pagelist_push(
                    &vm->program,
                    (struct vmc_page_run){.first = (to << vm->page_order) + i,
                                          .count = 1});
            }
        }
    }
}

/* Empty [@page, @page + @count) into what is free above it. */
static bool empty(struct vm *vm, uint32_t zone, uint32_t page, uint32_t count)
{
    bool is_done = true;

    (void)vmc_memmap_isolate(vm->map, page, count, VMC_PAGE_INFLATING);
    for (uint32_t i = 0; i < count && is_done; i++) {
        uint32_t target;

        if (vmc_memmap_state(vm->map, page + i) != VMC_PAGE_USED_MOVABLE) {
            continue;
        }
        target = find_target(vm, zone, page + count);
        is_done = target != VMC_PAGE_NONE;
        if (is_done) {
            move(vm, page + i, target);
        }
    }
    for (uint32_t i = 0; i < count && !is_done; i++) {
        if (vmc_memmap_state(vm->map, page + i) == VMC_PAGE_INFLATING) {
            vmc_memmap_give_range(vm->map, page + i, 1);
        }
    }
    if (is_done) {
        vmc_memmap_give_range(vm->map, page, count);
    }
    return is_done;
}

bool vm_compact(struct vm *vm, uint32_t order)
{
    const uint32_t count = UINT32_C(1) << (order - vm->page_order);

    if (order >= vm->compact.failed_order) {
        return false;
    }
    for (uint32_t zone = VMC_ZONE_COUNT; zone-- > 0;) {
        uint32_t *at = &vm->compact.migrate[zone];

        for (*at += (count - *at % count) % count;
             (uint64_t)*at + count <= vm->compact.free[zone]; *at += count) {
            if (to_move(vm, *at, count) > 0 && empty(vm, zone, *at, count)) {
                return true;
            }
        }
    }
    vm->compact.failed_order = order;
    return false;
}
