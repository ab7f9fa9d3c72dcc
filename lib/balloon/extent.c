/* SPDX-License-Identifier: MIT */
/*
 * Records, pairs and in-buffers: each is looked up once, and each range in it
 * is let go with one call. A message is read to its end before anything in it
 * is acted on; one bad record refuses it all.
 */
#include "balloon/extent_priv.h"

#include "balloon/bitmap_priv.h"

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
    vm_log_discard(vm, range.pfn, range.count);
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

/* Bytes of records, in however many buffers they come. A host that relies on
 * the header being alone in its own understands nothing else (D31). */
static bool has_all_bytes(const struct vm_worker *worker)
{
    const struct vm *vm = worker->vm;
    const struct vmc_vq_element *element = &worker->tell.element;
    uint64_t size_bytes = 0;

    for (uint32_t i = 0; i < element->buffer_count; i++) {
        size_bytes += element->buffers[i].size_bytes;
    }
    return (element->buffer_count == 2 || !vm_has_defect(vm, 31)) &&
           size_bytes == (vm->payload.header >> 32) + 8 &&
           vm->payload.header >> 32 == (uint64_t)vm->payload.word_count * 8;
}

/* D32: a host that believes in 4 GiB a chunk has room for a quarter. */
static bool has_room(const struct vm *vm, const struct vmc_wire_range *ranges,
                     uint32_t count)
{
    for (uint32_t i = 0; i < count && vm_has_defect(vm, 32); i++) {
        if (ranges[i].pfn + ranges[i].count > vm_page_max(vm) / 4) {
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

    if (!has_all_bytes(worker)) {
        return false;
    }
    while (at < vm->payload.word_count) {
        if (!get_record(vm, &at, ranges, &count) ||
            !has_room(vm, ranges, count)) {
            return false;
        }
    }
    return true;
}

/* D28: a host that trusts its guest acts on a message as it reads it. */
static bool trust_record(struct vm *vm, uint32_t *at,
                         struct vmc_wire_range *ranges, uint32_t *count)
{
    uint32_t good = 0;

    if (!vmc_wire_get_record(vm->payload.words, vm->payload.word_count, at,
                             ranges, count)) {
        return false;
    }
    for (uint32_t i = 0; i < *count; i++) {
        if (vm_is_ram(vm, ranges[i].pfn, ranges[i].count)) {
            ranges[good++] = ranges[i];
        } else {
            vm->crash = "D28: the host gave up memory that is not the guest's";
        }
    }
    *count = good;
    return true;
}

/* D29: a host that acts on the whole span of a record, set bits or not. */
static void widen(const struct vm *vm, struct vmc_wire_range *ranges,
                  uint32_t *count)
{
    uint64_t first, end;

    if (!vm_has_defect(vm, 29) || *count == 0) {
        return;
    }
    first = ranges[0].pfn / 64 * 64;
    end = ranges[*count - 1].pfn + ranges[*count - 1].count;
    end = vmc_div_up(end, 64) * 64;
    if (vm_is_ram(vm, first, end - first)) {
        ranges[0] = (struct vmc_wire_range){first, end - first};
        *count = 1;
    }
}

static bool serve_record(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    struct vmc_wire_range ranges[VMC_WIRE_RANGES_MAX];
    uint32_t count;
    bool is_careless = vm_has_defect(vm, 28);

    if (worker->tell.entry == 0) {
        worker->tell.position = 0;
        /* The id of a v4 message: bits 16 to 31 of its header. */
        vm->unnamed_messages += (vm->payload.header >> 16 & UINT16_MAX) == 0;
        if (!is_careless && !is_good_message(worker)) {
            vm->bad_addresses++;
            vm->refused_messages++;
            return false;
        }
    }
    if (worker->tell.position >= vm->payload.word_count) {
        return false;
    }
    if (!is_careless) {
        (void)get_record(vm, &worker->tell.position, ranges, &count);
    } else if (!trust_record(vm, &worker->tell.position, ranges, &count)) {
        return false;
    }
    widen(vm, ranges, &count);
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

/* The next range of words in pairs, or of the shorter v6. What does not follow
 * the format ends the message: whatever comes behind cannot be read. */
bool next_listed(const struct vm *vm, uint32_t *at,
                 struct vmc_wire_range *range)
{
    if (*at >= vm->payload.word_count) {
        return false;
    }
    return vm->bitmap->format == FORMAT_V6
               ? vmc_wire_get_v6(vm->payload.words, vm->payload.word_count, at,
                                 range)
               : vmc_wire_get_chunk(vm->payload.words, vm->payload.word_count,
                                    at, range);
}

static bool is_good_list(const struct vm *vm)
{
    struct vmc_wire_range range;
    uint32_t at = 0;

    while (next_listed(vm, &at, &range)) {
        if (!vm_is_ram(vm, range.pfn, range.count)) {
            return false;
        }
    }
    return at >= vm->payload.word_count;
}

static bool serve_chunk(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    struct vmc_wire_range range;

    if (worker->tell.entry == 0) {
        worker->tell.position = 0;
        if (!is_good_list(vm)) {
            vm->bad_addresses++;
            vm->refused_messages++;
            return false;
        }
    }
    if (!next_listed(vm, &worker->tell.position, &range)) {
        return false;
    }
    return serve_listed(worker, range, vm->costs->host.extent_page);
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
