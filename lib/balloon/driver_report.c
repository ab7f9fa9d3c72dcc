/* SPDX-License-Identifier: MIT */
/*
 * Free page reporting (spec 4.7). A pass begins two seconds after it was asked
 * for and walks each list of large free blocks: 32 blocks are isolated, sent
 * and put back at the tail, flagged. A budget ends the walk before the list
 * does, so that a long list takes several passes; the last one finds nothing
 * that is not flagged.
 *
 * The order of the list is what makes this work: what was not reported yet
 * stays in front, in the order it had.
 */
#include "balloon/vm_priv.h"

enum {
    STEP_PASS = STEP_DRIVER,
    STEP_TOLD,
    STEP_ZONE_TOLD,
    BUDGET_DIVISOR = 16,
    ORDER_BITS = 4,
    ORDER_MASK = (1 << ORDER_BITS) - 1,
};

static uint32_t first_unreported(const struct vm *vm)
{
    uint32_t page = vmc_memmap_area_first(vm->map, vm->report.area);

    while (page != VMC_PAGE_NONE && vmc_memmap_is_reported(vm->map, page)) {
        page = vmc_memmap_area_next(vm->map, page);
    }
    return page;
}

static void send(struct vm_worker *worker, uint32_t return_step)
{
    struct vm *vm = worker->vm;
    struct vmc_vq_buffer buffers[REPORT_BLOCKS_MAX];

    for (uint32_t i = 0; i < vm->report.count; i++) {
        uint64_t page = vm->report.blocks[i] >> ORDER_BITS << vm->page_order;

        buffers[i] = (struct vmc_vq_buffer){
            .address = BUFFER_RAM + (page << PAGE_SHIFT),
            .size_bytes = UINT32_C(1) << (PAGE_SHIFT + vm->page_order +
                                          (vm->report.blocks[i] & ORDER_MASK)),
            .is_writable = true};
    }
    worker_tell(worker, QUEUE_REPORT, buffers, vm->report.count, return_step);
}

/* The device did not take the batch: back unflagged, and the pass is over. */
static void give_up(struct vm *vm)
{
    for (uint32_t i = 0; i < vm->report.count; i++) {
        vmc_memmap_give_range(
            vm->map, (uint32_t)(vm->report.blocks[i] >> ORDER_BITS),
            UINT64_C(1) << (vm->report.blocks[i] & ORDER_MASK));
    }
    vm->report.count = 0;
    vm->report.is_requested = false;
    vm->done_tick = vmc_engine_now_tick(vm->engine);
}

static void put_back(struct vm *vm)
{
    for (uint32_t i = 0; i < vm->report.count; i++) {
        vmc_memmap_give_reported(vm->map,
                                 (uint32_t)(vm->report.blocks[i] >> ORDER_BITS),
                                 (uint32_t)(vm->report.blocks[i] & ORDER_MASK));
    }
    vm->report.count = 0;
}

/* P1: how many full batches this list may send before it has to wait. */
static void begin_list(struct vm *vm)
{
    vm->report.budget =
        (int64_t)vmc_div_up(vmc_memmap_area_count(vm->map, vm->report.area),
                            REPORT_BLOCKS_MAX * BUDGET_DIVISOR);
}

/* A zone that is short of memory is left alone. */
static bool can_report(const struct vm *vm, uint32_t zone)
{
    struct vmc_zone_facts facts = vmc_memmap_zone(vm->map, zone);

    return facts.first_page < facts.end_page &&
           facts.free >= facts.low + ((uint64_t)REPORT_BLOCKS_MAX
                                      << vmc_memmap_pageblock_order(vm->map));
}

static void begin_zone(struct vm *vm, uint32_t zone)
{
    while (zone < VMC_ZONE_COUNT && !can_report(vm, zone)) {
        zone++;
    }
    vm->report.area = (struct vmc_free_area){
        .zone = zone, .order = vmc_memmap_pageblock_order(vm->map)};
    if (zone < VMC_ZONE_COUNT) {
        begin_list(vm);
    }
}

/* The next list of the zone; false when it was the last. */
static bool next_list(struct vm *vm)
{
    struct vmc_free_area *area = &vm->report.area;

    if (++area->type == VMC_TYPE_ISOLATE) {
        area->type = 0;
        area->order++;
    }
    if (area->order > vmc_memmap_order_max(vm->map)) {
        return false;
    }
    begin_list(vm);
    return true;
}

/* Isolate until the batch is full or the zone is done. */
static void walk(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    bool has_more = vm->report.area.zone < VMC_ZONE_COUNT;

    while (has_more) {
        uint32_t page = first_unreported(vm);

        if (page == VMC_PAGE_NONE) {
            has_more = next_list(vm);
        } else if (vm->report.budget < 0) {
            vm->report.is_requested = true;
            vmc_memmap_rotate(vm->map, page);
            has_more = next_list(vm);
        } else if (vm->report.count < REPORT_BLOCKS_MAX) {
            uint64_t order = vmc_memmap_take_head(vm->map, page);

            vm->report.blocks[vm->report.count++] =
                (uint64_t)page << ORDER_BITS | order;
        } else {
            vmc_memmap_rotate(vm->map, page);
            send(worker, STEP_TOLD);
            return;
        }
    }
    if (vm->report.count > 0) {
        send(worker, STEP_ZONE_TOLD);
    } else {
        worker->flow.run(&worker->flow, STEP_ZONE_TOLD);
    }
}

/* P4: once more in two seconds, or done. */
static void end_pass(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;

    vm->done_tick = vmc_engine_now_tick(vm->engine);
    if (vm->report.is_requested) {
        vmc_flow_sleep(&worker->flow, VMC_STAGE_SLEEP,
                       vm->costs->guest.report_delay, STEP_PASS);
    }
}

static void step(struct vm_worker *worker, uint32_t step)
{
    struct vm *vm = worker->vm;

    if (step != STEP_PASS && vm->report.count > 0 &&
        worker->tell.status != VMC_OK) {
        give_up(vm);
        return;
    }
    switch (step) {
    case STEP_PASS:
        vm->passes++;
        vm->report.is_requested = false;
        begin_zone(vm, 0);
        walk(worker);
        return;
    case STEP_TOLD:
        put_back(vm);
        vm->report.budget--;
        walk(worker);
        return;
    default:
        assert(step == STEP_ZONE_TOLD);
        put_back(vm);
        if (vm->report.area.zone < VMC_ZONE_COUNT) {
            begin_zone(vm, vm->report.area.zone + 1);
        }
        if (vm->report.area.zone < VMC_ZONE_COUNT) {
            walk(worker);
        } else {
            end_pass(worker);
        }
    }
}

void vm_report(struct vm *vm)
{
    struct vm_worker *worker = &vm->workers[WORKER_REPORT];

    worker->step = step;
    vmc_flow_sleep(&worker->flow, VMC_STAGE_SLEEP,
                   vm->costs->guest.report_delay, STEP_PASS);
}

const struct vm_driver driver_reporting = {.unit_pages = 1, .step = step};
