/* SPDX-License-Identifier: MIT */
/*
 * Records, pairs and in-buffers: each is looked up once, and each range in it
 * is let go with one call. A message is read to its end before anything in it
 * is acted on; one bad record refuses it all.
 */
#include "balloon/extent_priv.h"

#include "balloon/wire.h"

/* One range: let go of it, or announce its return. */
static void serve_range(struct vm_worker *worker, struct vmc_wire_range range,
                        uint64_t page_ticks)
{
    struct vm *vm = worker->vm;
    struct vmc_account *served = &worker->tell.served;
    struct vmc_host_effect effect = {0};

    served->ticks[VMC_STAGE_TRANSLATE] += range.count * page_ticks;
    if (worker->tell.queue == QUEUE_DEFLATE) {
        served->ticks[VMC_STAGE_MADVISE] += vm->costs->host.willneed;
        return;
    }
    vm->pages_told += range.count;
    /* Poisoned pages must not come back as zeroes: a report is acknowledged,
     * and nothing is let go of (spec 8.2, S8). */
    if (vm->is_inhibited ||
        (worker->tell.queue == QUEUE_REPORT &&
         vmc_config_get(&vm->space, VMC_CONFIG_POISON) != 0)) {
        return;
    }
    vm_discard(vm, (uint32_t)range.pfn, (uint32_t)range.count, &effect);
    charge_effect(vm, &effect, served);
}

/* The record at *@at; false when it is malformed or names what is no RAM. */
static bool get_record(const struct vm *vm, uint32_t *at,
                       struct vmc_wire_range *ranges, uint32_t *count)
{
    if (!vmc_wire_get_record(vm->payload.words, vm->payload.word_count, at,
                             ranges, count)) {
        return false;
    }
    for (uint32_t i = 0; i < *count; i++) {
        if (!vm_is_ram(vm, ranges[i].pfn, ranges[i].count)) {
            return false;
        }
    }
    return true;
}

/* The whole message, before any of it is acted on. */
static bool is_good_message(const struct vm_worker *worker)
{
    const struct vm *vm = worker->vm;
    struct vmc_wire_range ranges[VMC_WIRE_RANGES_MAX];
    uint32_t at = 0, count;

    if (vm->payload.header >> 32 !=
            worker->tell.element.buffers[1].size_bytes ||
        vm->payload.header >> 32 != (uint64_t)vm->payload.word_count * 8) {
        return false;
    }
    while (at < vm->payload.word_count) {
        if (!get_record(vm, &at, ranges, &count)) {
            return false;
        }
    }
    return true;
}

static bool serve_record(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    struct vmc_wire_range ranges[VMC_WIRE_RANGES_MAX];
    uint32_t count;

    if (worker->tell.entry == 0) {
        worker->tell.position = 0;
        if (!is_good_message(worker)) {
            vm->bad_addresses++;
            return false;
        }
    }
    if (worker->tell.position >= vm->payload.word_count) {
        return false;
    }
    (void)get_record(vm, &worker->tell.position, ranges, &count);
    worker->tell.served.ticks[VMC_STAGE_TRANSLATE] += vm->costs->host.translate;
    for (uint32_t i = 0; i < count; i++) {
        serve_range(worker, ranges[i], vm->costs->host.extent_page);
    }
    return true;
}

/* A list of ranges, read from wherever the format keeps them. */
static bool serve_listed(struct vm_worker *worker, struct vmc_wire_range range,
                         uint64_t page_ticks)
{
    struct vm *vm = worker->vm;

    worker->tell.served.ticks[VMC_STAGE_TRANSLATE] += vm->costs->host.translate;
    if (!vm_is_ram(vm, range.pfn, range.count)) {
        vm->bad_addresses++;
        return true;
    }
    serve_range(worker, range, page_ticks);
    return true;
}

static bool serve_chunk(struct vm_worker *worker)
{
    const uint64_t *words = worker->vm->payload.words;
    uint32_t at = worker->tell.entry * 2;

    if (at + 1 >= worker->vm->payload.word_count) {
        return false;
    }
    return serve_listed(
        worker, (struct vmc_wire_range){words[at] >> 12, words[at + 1] >> 12},
        worker->vm->costs->host.extent_page);
}

static bool serve_pair(struct vm_worker *worker)
{
    const struct vm *vm = worker->vm;
    uint64_t pair;

    if (worker->tell.entry >= vm->payload.pair_count) {
        return false;
    }
    pair = vm->payload.pairs[worker->tell.entry];
    return serve_listed(
        worker, (struct vmc_wire_range){pair & UINT32_MAX, pair >> 32}, 0);
}

/* An in-buffer is the memory itself. QEMU finds the block from the address it
 * has mapped and discards it in one go; the series of 2017 went page by page.
 */
static bool serve_buffer(struct vm_worker *worker)
{
    const struct vmc_vq_element *element = &worker->tell.element;
    const struct vmc_vq_buffer *buffer = &element->buffers[worker->tell.entry];
    bool is_balloon = worker->tell.queue == QUEUE_INFLATE ||
                      worker->tell.queue == QUEUE_DEFLATE;

    if (worker->tell.entry >= element->buffer_count) {
        return false;
    }
    return serve_listed(
        worker,
        (struct vmc_wire_range){(buffer->address - BUFFER_RAM) >> 12,
                                buffer->size_bytes >> 12},
        is_balloon ? worker->vm->costs->host.extent_page : 0);
}

bool serve_extent(struct vm_worker *worker)
{
    switch (worker->tell.element.buffers[0].address) {
    case BUFFER_HEADER:
        return serve_record(worker);
    case BUFFER_RESPONSE:
        return serve_chunk(worker);
    case BUFFER_PAIRS:
        return serve_pair(worker);
    case BUFFER_STATS:
        return false;
    case BUFFER_REQUEST:
        if (worker->tell.entry == 0) {
            serve_mem_request(worker);
            return true;
        }
        return false;
    default:
        return serve_buffer(worker);
    }
}
