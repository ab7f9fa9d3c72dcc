/* SPDX-License-Identifier: MIT */
/*
 * Free page hinting (spec 4.6). While a guest is migrated, its host keeps a
 * bitmap of the pages that are still to be sent. The guest takes all free
 * memory in the largest blocks and names them; their bits are cleared.
 *
 *     host                                guest
 *     new id, configuration interrupt --> read it; out-buffer with the id
 *     START when the id is the newest <-- in-buffers, one a block, no waiting
 *     clear bits of each                  out-buffer with the id STOP
 *     STOP                            <--
 *     DONE, interrupt ------------------> give all blocks back
 *
 * A hint is advisory: the guest may take a block back at any time. That is
 * safe because writes are logged from before the first hint, in a log of its
 * own, which is added to the bitmap after the hints are.
 */
#include "balloon/vm_priv.h"

#include <stdlib.h>

enum {
    STEP_READ = STEP_DRIVER,
    STEP_READ_LOCKED,
    STEP_READ_DONE,
    STEP_START_ADDED,
    STEP_BLOCK,
    STEP_STOP_ADDED,
    STEP_HOST_POLL,
};

enum { WORD_BITS = 64, ID_BYTES = 4 };

static size_t bitmap_words(const struct vm *vm)
{
    return vm_page_max(vm) / WORD_BITS + 1;
}

enum vmc_status hint_init(struct vm *vm)
{
    struct vm_hint *hint = &vm->hint;

    hint->dirty = calloc(bitmap_words(vm), sizeof(uint64_t));
    hint->log = calloc(bitmap_words(vm), sizeof(uint64_t));
    hint->next_id = HINT_ID_MIN;
    return hint->dirty != NULL && hint->log != NULL
               ? vmc_pagelist_init(&hint->hinted, vm_page_max(vm))
               : VMC_E_NOMEM;
}

void hint_fini(struct vm *vm)
{
    free(vm->hint.dirty);
    free(vm->hint.log);
    vmc_pagelist_fini(&vm->hint.hinted);
}

/* ---- Bits ----------------------------------------------------------------*/

static void put_bits(uint64_t *words, uint64_t from, uint64_t count,
                     bool is_set)
{
    while (count > 0) {
        uint64_t bit = from % WORD_BITS, here = WORD_BITS - bit, mask;

        here = here < count ? here : count;
        mask = (here == WORD_BITS ? ~UINT64_C(0) : (UINT64_C(1) << here) - 1)
               << bit;
        words[from / WORD_BITS] = is_set ? words[from / WORD_BITS] | mask
                                         : words[from / WORD_BITS] & ~mask;
        from += here;
        count -= here;
    }
}

uint64_t hint_dirty_pages(const struct vm *vm)
{
    uint64_t count = 0;

    for (size_t i = 0; vm->hint.dirty != NULL && i < bitmap_words(vm); i++) {
        count += (uint32_t)__builtin_popcountll(vm->hint.dirty[i]);
    }
    return count;
}

void hint_write(struct vm *vm, uint64_t pfn, uint64_t count)
{
    struct vm_hint *hint = &vm->hint;

    if (!hint->is_migrating) {
        return;
    }
    if (hint->is_logging) {
        put_bits(hint->log, pfn, count, true);
    } else {
        hint->lost_pages += count;
    }
}

/* ---- The guest -----------------------------------------------------------*/

static void send_ticks(struct vm_worker *worker, uint64_t ticks,
                       uint32_t next_step)
{
    worker_work(worker, VMC_STAGE_SEND, ticks, next_step);
}

/* The host's thread looks at the queue: at once when it polls, else it has to
 * be woken with a kick. Returns what that takes the guest. */
static uint64_t kick(struct vm *vm)
{
    struct vm_worker *host = &vm->workers[WORKER_HINT_HOST];

    if (vm->hint.is_polling || vmc_flow_is_busy(&host->flow)) {
        if (!vmc_flow_is_busy(&host->flow)) {
            worker_start(host, STEP_HOST_POLL);
        }
        return 0;
    }
    (void)vmc_vq_kick_prepare(&vm->queues[QUEUE_HINT]);
    vmc_flow_sleep(&host->flow, VMC_STAGE_SEND,
                   vm->costs->send.kick_exit + vm->costs->send.wake_host,
                   STEP_HOST_POLL);
    return vm->costs->send.kick_exit;
}

static void drain(struct vm *vm)
{
    uint64_t token;
    uint32_t written_bytes;

    while (vmc_vq_get_used(&vm->queues[QUEUE_HINT], &token, &written_bytes)) {
    }
}

static void send_id(struct vm_worker *worker, enum vm_buffer buffer,
                    uint32_t next_step)
{
    struct vm *vm = worker->vm;
    struct vmc_vq_buffer id = {.address = buffer, .size_bytes = ID_BYTES};

    drain(vm);
    (void)vmc_vq_add(&vm->queues[QUEUE_HINT], &id, 1, worker->flow.handler);
    send_ticks(worker, vm->costs->send.add + kick(vm), next_step);
}

/* Give hinted blocks back, newest first, while @pages are wanted. */
static uint64_t give_back(struct vm *vm, uint64_t pages)
{
    uint32_t block = UINT32_C(1) << vm_order_max(vm);
    uint64_t given = 0;

    while (given < pages && vm->hint.hinted.page_count > 0) {
        struct vmc_page_run run = vmc_pagelist_pop(&vm->hint.hinted, block);

        vm_give(vm, vmc_page_run_low(run), run.count);
        given += run.count;
    }
    return given;
}

uint64_t hint_shrink(struct vm *vm, uint64_t pages)
{
    return give_back(vm, pages);
}

/* H1: what the configuration says. */
static void read_done(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    uint32_t id = vmc_config_get(&vm->space, VMC_CONFIG_HINT_ID);

    worker_unlock(worker, ROLE_BQL);
    vm->space.accesses += vmc_config_field_accesses(&vm->space);
    vm->hint.has_news = false;
    if (id == HINT_ID_DONE) {
        (void)give_back(vm, UINT64_MAX);
    } else if (id != HINT_ID_STOP && id != vm->hint.active_id) {
        vm->hint.active_id = id;
        vmc_wire_put_pfn(vm->hint.start_bytes, id, false);
        vmc_wire_put_pfn(vm->hint.stop_bytes, HINT_ID_STOP, false);
        send_id(worker, BUFFER_HINT_START, STEP_BLOCK);
    }
}

/* H3: one block. A ring that is full but for the descriptor of the stop id
 * takes no more until the host has used some. */
static void block(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    const struct vmc_guest_costs *guest = &vm->costs->guest;
    struct vmc_virtqueue *queue = &vm->queues[QUEUE_HINT];
    uint32_t order = vm_order_max(vm), pfn;
    uint64_t ticks = vmc_cost_alloc(guest, order - vm->page_order);
    struct vmc_page_run run;
    struct vmc_vq_buffer buffer;

    drain(vm);
    pfn = vm->hint.has_news ? VMC_PAGE_NONE : vm_take_block(vm, order);
    if (pfn == VMC_PAGE_NONE) {
        send_id(worker, BUFFER_HINT_STOP, STEP_STOP_ADDED);
        return;
    }
    run = (struct vmc_page_run){.first = pfn,
                                .count = (UINT32_C(1) << order) & INT32_MAX};
    if (vmc_vq_free_count(queue) <= 1) {
        vm_give(vm, pfn, run.count);
        worker_work(worker, VMC_STAGE_ALLOC,
                    ticks + vmc_cost_free(guest, order - vm->page_order),
                    STEP_BLOCK);
        return;
    }
    vm_mark(vm, pfn, run.count, VMC_PAGE_HINTED);
    vmc_pagelist_push(&vm->hint.hinted, run);
    buffer = (struct vmc_vq_buffer){
        .address = BUFFER_RAM + ((uint64_t)pfn << PAGE_SHIFT),
        .size_bytes = UINT32_C(1) << (order + PAGE_SHIFT),
        .is_writable = true};
    (void)vmc_vq_add(queue, &buffer, 1, worker->flow.handler);
    worker->tell.served = (struct vmc_account){0};
    worker->tell.served.ticks[VMC_STAGE_ALLOC] = ticks;
    worker->tell.served.ticks[VMC_STAGE_SEND] = vm->costs->send.add + kick(vm);
    vmc_flow_work_all(&worker->flow, vm_actor(vm, worker->vcpu_role),
                      &worker->tell.served, STEP_BLOCK);
}

/* ---- The host ------------------------------------------------------------*/

/* The id in an out-buffer, as it lies in the guest's memory. */
static uint32_t id_of(const struct vm *vm, const struct vmc_vq_buffer *buffer)
{
    return vmc_wire_get_pfn(buffer->address == BUFFER_HINT_START
                                ? vm->hint.start_bytes
                                : vm->hint.stop_bytes,
                            false);
}

static void serve_hint(struct vm *vm, const struct vmc_vq_buffer *buffer)
{
    struct vm_hint *hint = &vm->hint;

    if (!buffer->is_writable) {
        if (hint->status == HINT_REQUESTED &&
            id_of(vm, buffer) ==
                vmc_config_get(&vm->space, VMC_CONFIG_HINT_ID)) {
            hint->status = HINT_START;
        } else if (hint->status == HINT_START) {
            hint->status = HINT_STOP;
            vm->done_tick = vmc_engine_now_tick(vm->engine);
        }
        return;
    }
    if (hint->status == HINT_START) {
        uint64_t pfn = (buffer->address - BUFFER_RAM) >> PAGE_SHIFT;
        uint64_t count = buffer->size_bytes >> PAGE_SHIFT;

        if (!vm_is_ram(vm, pfn, count)) {
            vm->bad_addresses++;
            return;
        }
        put_bits(hint->dirty, pfn, count, false);
        hint->cleared_pages += count;
    }
}

/* One element; the thread goes on by itself while hints are coming. */
static void host_poll(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    const struct vmc_send_costs *send = &vm->costs->send;

    if (!vmc_vq_pop(&vm->queues[QUEUE_HINT], &worker->tell.element)) {
        vm->hint.is_polling = vm->hint.status == HINT_START;
        return;
    }
    vm->messages++;
    serve_hint(vm, &worker->tell.element.buffers[0]);
    (void)vmc_vq_push(&vm->queues[QUEUE_HINT], &worker->tell.element, 0);
    worker->tell.served = (struct vmc_account){0};
    worker->tell.served.ticks[VMC_STAGE_SEND] = send->pop + send->push;
    worker->tell.served.ticks[VMC_STAGE_TRANSLATE] = vm->costs->host.translate;
    vmc_flow_work_all(&worker->flow, vm_actor(vm, ROLE_IO),
                      &worker->tell.served, STEP_HOST_POLL);
}

static void step(struct vm_worker *worker, uint32_t step)
{
    struct vm *vm = worker->vm;

    switch (step) {
    case STEP_READ:
        worker_lock(worker, ROLE_BQL, STEP_READ_LOCKED);
        return;
    case STEP_READ_LOCKED:
        send_ticks(worker,
                   vm->costs->send.config_read *
                       vmc_config_field_accesses(&vm->space),
                   STEP_READ_DONE);
        return;
    case STEP_READ_DONE:
        read_done(worker);
        return;
    case STEP_BLOCK:
        block(worker);
        return;
    case STEP_STOP_ADDED:
        if (vm->hint.has_news) {
            worker->flow.run(&worker->flow, STEP_READ);
        }
        return;
    default:
        assert(step == STEP_HOST_POLL);
        host_poll(worker);
    }
}

/* The configuration has changed: an interrupt, and the worker looks. */
static void announce(struct vm *vm, uint32_t id)
{
    struct vm_worker *guest = &vm->workers[WORKER_HINT];

    guest->step = vm->workers[WORKER_HINT_HOST].step = step;
    vmc_config_set(&vm->space, VMC_CONFIG_HINT_ID, id);
    vm->hint.has_news = true;
    if (!vmc_flow_is_busy(&guest->flow)) {
        vmc_flow_sleep(&guest->flow, VMC_STAGE_SEND,
                       vm->costs->send.irq + vm->costs->send.wake_vcpu +
                           vm->costs->send.isr,
                       STEP_READ);
    }
}

static void request(struct vm *vm)
{
    uint32_t id = vm->hint.next_id;

    vm->hint.next_id = id == UINT32_MAX ? HINT_ID_MIN : id + 1;
    vm->hint.status = HINT_REQUESTED;
    announce(vm, id);
}

void hint_begin(struct vm *vm)
{
    const uint32_t ram = ~VMC_PAGE_MASK(VMC_PAGE_HOLE);
    uint32_t page = 0, count;

    /* S7: the log is switched on with the first sync. */
    vm->hint.is_migrating = true;
    vm->hint.is_logging = !vm_has_defect(vm, VMC_DEFECT_S(7));
    while ((count = vmc_memmap_find(vm->map, &page, ram)) > 0) {
        put_bits(vm->hint.dirty, (uint64_t)page << vm->page_order,
                 (uint64_t)count << vm->page_order, true);
        page += count;
    }
    request(vm);
}

void hint_sync(struct vm *vm)
{
    assert(vm->hint.is_migrating);
    vm->hint.status = HINT_STOP;
    vm->hint.is_logging = true;
    for (size_t i = 0; i < bitmap_words(vm); i++) {
        vm->hint.dirty[i] |= vm->hint.log[i];
        vm->hint.log[i] = 0;
    }
    request(vm);
}

void hint_finish(struct vm *vm)
{
    vm->hint.status = HINT_DONE;
    vm->hint.is_migrating = vm->hint.is_logging = false;
    announce(vm, HINT_ID_DONE);
}

const struct vm_driver driver_hinting = {.unit_pages = 1, .step = step};
