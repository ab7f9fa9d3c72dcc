/* SPDX-License-Identifier: MIT */
/*
 * The guest's memory and what backs it, set up for a scenario: an idle guest
 * that has touched what it keeps for itself, and nothing else. With VFIO all
 * of it is backed and pinned from the start.
 */
#include "balloon/vm_priv.h"

#include <stdlib.h>
#include <string.h>

#include "balloon/bitmap_priv.h"

enum { USED_SHARE = 8, COSTLY_ORDER = 3 };

static const struct backing {
    const char *name;
    uint32_t host_page_bytes;
    bool has_thp;
} backings[] = {
    {"anon", 4096, true},   {"anon-4k", 4096, false},
    {"shmem", 4096, false}, {"16k", 16384, false},
    {"64k", 65536, false},  {"hugetlb", HUGE_PAGES << PAGE_SHIFT, false},
};

static const struct backing *find_backing(const char *name)
{
    for (uint32_t i = 0; i < VMC_COUNT_OF(backings); i++) {
        if (strcmp(name == NULL ? "anon" : name, backings[i].name) == 0) {
            return &backings[i];
        }
    }
    return NULL;
}

static enum vmc_status init_map(struct vm *vm, struct vmc_error *error)
{
    uint64_t guest_bytes = vm->config.guest_bytes;
    uint64_t used_bytes = vm->config.machine.used_bytes;
    struct vmc_memmap_config config = {
        .page_bytes = vm->config.page_bytes,
        .cpu_count = vm->config.cpu_lists,
        .fragmentation = vm->config.fragmentation,
        .seed = vm->config.seed,
    };

    if (config.page_bytes == 0) {
        vm->config.page_bytes = config.page_bytes = 1 << PAGE_SHIFT;
    }
    if ((config.page_bytes != 1 << 12 && config.page_bytes != 1 << 14 &&
         config.page_bytes != 1 << 16) ||
        config.cpu_count > VMC_CPUS_MAX) {
        return vmc_fail(error, VMC_E_RANGE,
                        "guest pages are 4, 16 or 64 KiB, lists of CPUs at "
                        "most %d",
                        VMC_CPUS_MAX);
    }
    vm->page_order = vmc_bits_top(config.page_bytes) - PAGE_SHIFT;
    if (guest_bytes % (HUGE_PAGES << PAGE_SHIFT) != 0 ||
        guest_bytes < 64 << 20 || guest_bytes > UINT64_C(4) << 40) {
        return vmc_fail(error, VMC_E_RANGE,
                        "a guest has 64 MiB to 4 TiB, in steps of 2 MiB");
    }
    /* An idle guest keeps at most an eighth for itself. */
    if (vm->config.recorded != NULL) {
        used_bytes = 0;
    }
    config.used_bytes = used_bytes < guest_bytes / USED_SHARE
                            ? used_bytes
                            : guest_bytes / USED_SHARE;
    vm->used_bytes = config.used_bytes;
    vmc_memmap_lay_out(&config, vm->config.layout, guest_bytes);
    config.min_free_bytes =
        vmc_memmap_min_free(guest_bytes, vm->config.page_bytes, 3, false);
    return vmc_memmap_new(&vm->map, &config, error);
}

/* What is in use was touched; with VFIO everything is there. */
static void back(struct vm *vm)
{
    const uint32_t ram = ~VMC_PAGE_MASK(VMC_PAGE_HOLE);
    const uint32_t idle =
        VMC_PAGE_MASK(VMC_PAGE_HOLE) | VMC_PAGE_MASK(VMC_PAGE_FREE) |
        VMC_PAGE_MASK(VMC_PAGE_PCP) | VMC_PAGE_MASK(VMC_PAGE_RESERVED);
    struct vmc_host_effect effect = {0};
    uint32_t page = 0, count;

    while ((count = vmc_memmap_find(vm->map, &page, ~idle)) > 0) {
        vmc_host_touch(&vm->host, (uint64_t)page << vm->page_order,
                       (uint64_t)count << vm->page_order, &effect);
        page += count;
    }
    for (page = 0; vm->config.has_vfio &&
                   (count = vmc_memmap_find(vm->map, &page, ram)) > 0;
         page += count) {
        const uint32_t frame = HUGE_PAGES >> vm->page_order;
        uint64_t first = (uint64_t)(page / frame) * HUGE_PAGES;
        uint64_t end = vmc_div_up((uint64_t)page + count, frame);

        vmc_host_pin(&vm->host, first, end * HUGE_PAGES - first, &effect);
    }
}

enum vmc_status vm_init_memory(struct vm *vm, struct vmc_error *error)
{
    const struct backing *backing = find_backing(vm->config.backing);
    struct vmc_host_config host = {0};
    struct vmc_pagelist *lists[] = {&vm->balloon, &vm->fresh, &vm->leaving,
                                    &vm->program, &vm->isolated};
    enum vmc_status status;

    if (backing == NULL) {
        return vmc_fail(
            error, VMC_E_USAGE,
            "backing '%s': expected anon, anon-4k, shmem, 16k, 64k or "
            "hugetlb",
            vm->config.backing);
    }
    status = init_map(vm, error);
    if (status != VMC_OK) {
        return status;
    }
    host.page_max = vm_page_max(vm);
    host.host_page_bytes = backing->host_page_bytes;
    host.has_thp = backing->has_thp;
    host.has_vfio = vm->config.has_vfio;
    status = vmc_host_init(&vm->host, &host);
    for (uint32_t i = 0; i < VMC_COUNT_OF(lists) && status == VMC_OK; i++) {
        status = vmc_pagelist_init(lists[i], host.page_max);
    }
    vm->bitmap = calloc(1, sizeof(*vm->bitmap));
    vm->mem.unplugged = calloc(host.page_max / HUGE_PAGES / 64 + 1, 8);
    vm->mem.busy_answers = vm->config.faults.busy_answers;
    if (status != VMC_OK || vm->bitmap == NULL || vm->mem.unplugged == NULL) {
        return vmc_fail(error, VMC_E_NOMEM, "no memory for a guest");
    }
    back(vm);
    if (vm->config.mechanism == VMC_MECHANISM_HINTING &&
        hint_init(vm) != VMC_OK) {
        return vmc_fail(error, VMC_E_NOMEM, "no memory for a migration");
    }
    return check_init(vm) == VMC_OK
               ? VMC_OK
               : vmc_fail(error, VMC_E_NOMEM, "no memory for a checker");
}

void vm_fini(struct vm *vm)
{
    vmc_memmap_free(vm->map);
    vmc_host_fini(&vm->host);
    vmc_pagelist_fini(&vm->balloon);
    vmc_pagelist_fini(&vm->fresh);
    vmc_pagelist_fini(&vm->leaving);
    vmc_pagelist_fini(&vm->isolated);
    hint_fini(vm);
    free(vm->mem.unplugged);
    vmc_pagelist_fini(&vm->program);
    free(vm->bitmap);
    check_fini(vm);
}

/* ---- Balloon pages and guest pages ---------------------------------------*/

uint32_t vm_page_max(const struct vm *vm)
{
    return vmc_memmap_page_max(vm->map) << vm->page_order;
}

enum vmc_page_state vm_state(const struct vm *vm, uint32_t pfn)
{
    return vmc_memmap_state(vm->map, pfn >> vm->page_order);
}

bool vm_is_ram(const struct vm *vm, uint64_t pfn, uint64_t count)
{
    uint64_t first = pfn >> vm->page_order;

    return count == 0 ||
           (pfn + count > pfn &&
            vmc_memmap_is_ram(vm->map, first,
                              ((pfn + count - 1) >> vm->page_order) - first +
                                  1));
}

static bool is_whole(const struct vm *vm, uint64_t pfn, uint64_t count)
{
    return ((pfn | count) & ((UINT64_C(1) << vm->page_order) - 1)) == 0;
}

void vm_mark(struct vm *vm, uint32_t pfn, uint64_t count,
             enum vmc_page_state state)
{
    assert(is_whole(vm, pfn, count));
    vmc_memmap_mark(vm->map, pfn >> vm->page_order, count >> vm->page_order,
                    state);
}

void vm_give(struct vm *vm, uint32_t pfn, uint64_t count)
{
    assert(is_whole(vm, pfn, count));
    vmc_memmap_give_range(vm->map, pfn >> vm->page_order,
                          count >> vm->page_order);
}

/* The run of guest pages that @run, of whole ones, is. */
static struct vmc_page_run guest_run(const struct vm *vm,
                                     struct vmc_page_run run)
{
    run.first >>= vm->page_order;
    run.count = ((uint32_t)run.count >> vm->page_order) & INT32_MAX;
    return run;
}

void vm_give_run(struct vm *vm, struct vmc_page_run run)
{
    assert(is_whole(vm, vmc_page_run_low(run), run.count));
    if (vm->config.cpu_lists > 0) {
        vmc_memmap_give_run(vm->map, guest_run(vm, run), 0);
    } else {
        vm_give(vm, vmc_page_run_low(run), run.count);
    }
}

uint64_t vm_isolate(struct vm *vm, uint32_t pfn, uint32_t count,
                    enum vmc_page_state state)
{
    assert(is_whole(vm, pfn, count));
    return vmc_memmap_isolate(vm->map, pfn >> vm->page_order,
                              count >> vm->page_order, state)
           << vm->page_order;
}

uint32_t vm_order_at(const struct vm *vm, uint32_t pfn, uint64_t count)
{
    return vmc_memmap_order_at(vm->map, pfn >> vm->page_order,
                               count >> vm->page_order) +
           vm->page_order;
}

uint32_t vm_order_max(const struct vm *vm)
{
    return vmc_memmap_order_max(vm->map) + vm->page_order;
}

uint64_t vm_guest_pages(const struct vm *vm, uint64_t count)
{
    return (count + (UINT64_C(1) << vm->page_order) - 1) >> vm->page_order;
}

/* ---- Taking --------------------------------------------------------------*/

static const struct vmc_page_request page_request = {
    .type = VMC_TYPE_MOVABLE, .state = VMC_PAGE_INFLATING};

/* What is left of the recorded run that comes next; count 0 at the end. */
static struct vmc_page_run recorded_left(const struct vm *vm)
{
    struct vmc_page_run run = {0};

    if (vm->recorded_run < vm->config.recorded_count) {
        run = vm->config.recorded[vm->recorded_run];
        run.first = vmc_page_run_at(run, vm->recorded_page);
        run.count = (run.count - vm->recorded_page) & INT32_MAX;
    }
    return run;
}

static void recorded_go(struct vm *vm, uint32_t pages)
{
    vm->recorded_page += pages;
    if (vm->recorded_page == vm->config.recorded[vm->recorded_run].count) {
        vm->recorded_run++;
        vm->recorded_page = 0;
    }
}

static bool all_free(const struct vm *vm, uint32_t pfn, uint32_t count)
{
    return vmc_memmap_all_in(vm->map, pfn >> vm->page_order,
                             vm_guest_pages(vm, count),
                             VMC_PAGE_MASK(VMC_PAGE_FREE));
}

/* Pages that this map does not know to be free are left out. */
static struct vmc_page_run take_recorded(struct vm *vm, uint32_t page_max)
{
    struct vmc_page_run run;

    while ((run = recorded_left(vm)).count > 0) {
        uint32_t low;

        run.count = (run.count < page_max ? run.count : page_max) & INT32_MAX;
        low = vmc_page_run_low(run);
        if (!is_whole(vm, low, run.count) || !all_free(vm, low, run.count)) {
            run.count = 1;
            low = run.first;
        }
        recorded_go(vm, run.count);
        if (is_whole(vm, low, run.count) &&
            vm_isolate(vm, low, run.count, VMC_PAGE_INFLATING) == run.count) {
            return run;
        }
    }
    return run;
}

static uint32_t take_recorded_block(struct vm *vm, uint32_t order)
{
    struct vmc_page_run run = recorded_left(vm);
    uint32_t pages = UINT32_C(1) << order, low;

    if (order == 0) {
        run = take_recorded(vm, 1);
        return run.count == 1 ? run.first : VMC_PAGE_NONE;
    }
    if (run.count < pages) {
        return VMC_PAGE_NONE;
    }
    run.count = pages & INT32_MAX;
    low = vmc_page_run_low(run);
    if ((low & (pages - 1)) != 0 || !all_free(vm, low, pages)) {
        return VMC_PAGE_NONE;
    }
    recorded_go(vm, pages);
    (void)vm_isolate(vm, low, pages, VMC_PAGE_INFLATING);
    return low;
}

struct vmc_page_run vm_take(struct vm *vm, uint32_t page_max)
{
    struct vmc_page_run run = {0};
    uint32_t run_count;

    if (vm->config.recorded != NULL) {
        return take_recorded(vm, page_max);
    }
    (void)vmc_memmap_take(vm->map, &page_request,
                          (uint32_t)vm_guest_pages(vm, page_max), &run, 1,
                          &run_count);
    run.first <<= vm->page_order;
    run.count = ((uint32_t)run.count << vm->page_order) & INT32_MAX;
    return run;
}

uint32_t vm_take_block(struct vm *vm, uint32_t order)
{
    struct vmc_page_request request = page_request;
    uint32_t page;

    if (vm->config.recorded != NULL) {
        return take_recorded_block(vm, order);
    }
    assert(order >= vm->page_order);
    request.order = order - vm->page_order;
    return vmc_memmap_take_blocks(vm->map, &request, 1, &page) == 1
               ? page << vm->page_order
               : VMC_PAGE_NONE;
}

uint32_t vm_take_block_hard(struct vm *vm, uint32_t order)
{
    uint32_t page = vm_take_block(vm, order);

    /* Costly orders only: below, Linux reclaims instead. */
    if (page == VMC_PAGE_NONE && order > COSTLY_ORDER &&
        vm->config.recorded == NULL && vm_compact(vm, order)) {
        page = vm_take_block(vm, order);
    }
    return page;
}

/* It has all that is in use beyond what the idle guest uses itself, which lies
 * at the bottom. */
void vm_end_holder(struct vm *vm)
{
    uint64_t kept = vm->used_bytes >> (PAGE_SHIFT + vm->page_order);
    uint32_t page = 0, count;

    assert(vm->program.page_count == 0);
    while ((count = vmc_memmap_find(
                vm->map, &page, VMC_PAGE_MASK(VMC_PAGE_USED_MOVABLE))) > 0) {
        uint32_t skipped = count < kept ? count : (uint32_t)kept;

        kept -= skipped;
        vmc_memmap_give_range(vm->map, page + skipped, count - skipped);
        page += count;
    }
}

uint64_t vm_free_pages(const struct vm *vm)
{
    return (vmc_memmap_count(vm->map, VMC_PAGE_FREE) +
            vmc_memmap_count(vm->map, VMC_PAGE_PCP))
           << vm->page_order;
}

uint64_t vm_managed_pages(const struct vm *vm)
{
    uint64_t managed = 0;

    for (uint32_t zone = 0; zone < VMC_ZONE_COUNT; zone++) {
        managed += vmc_memmap_zone(vm->map, zone).managed;
    }
    managed <<= vm->page_order;
    return vm->config.has_deflate_on_oom ? managed
                                         : managed - vm->balloon.page_count;
}
