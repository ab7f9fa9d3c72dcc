/* SPDX-License-Identifier: MIT */
/*
 * What QEMU would log of the device (spec 6.9), as records for
 * config.on_record. The pages of an array are served in one event; their lines
 * lie evenly between the pop and the answer, and are told with the answer.
 * Nothing else can be logged in between, because the device works under the big
 * lock.
 *
 * QEMU prints pointers of its own; here they are small numbers that tell the
 * queues apart. Configuration is counted in pages of 4 KiB.
 */
#include "balloon/vm_priv.h"

#include "trace/record.h"

enum { THREAD_MAIN = 1, THREAD_VCPU = 2, TEXT_RAM = 1, TICKS_PER_NS = 1000 };

#define POINTER_DEVICE  UINT64_C(0x10000)
#define POINTER_ELEMENT UINT64_C(0x30000)

static uint64_t pointer_of(enum vm_queue queue)
{
    return UINT64_C(0x20000) + (uint64_t)queue * 0x100;
}

static void tell(struct vm *vm, uint64_t tick, struct vmc_record record)
{
    const struct vmc_balloon_config *config = &vm->config;

    record.time_ns = tick / TICKS_PER_NS;
    record.line = ++vm->log_lines;
    if (record.thread == 0) {
        record.thread = THREAD_MAIN;
    }
    config->on_record(config->record_owner, &record);
}

static bool is_logged(const struct vm *vm)
{
    return vm->config.on_record != NULL;
}

/* A device that is no balloon has another configuration. */
static bool is_balloon(const struct vm *vm)
{
    return vm->driver != &driver_virtio_mem;
}

static uint64_t pages_in(const struct vm *vm, enum vmc_balloon_field field)
{
    return (uint64_t)vmc_config_get(&vm->space, field) * vm->driver->unit_pages;
}

void vm_log_target(struct vm *vm)
{
    uint64_t pages = pages_in(vm, VMC_CONFIG_NUM_PAGES);

    if (is_logged(vm) && is_balloon(vm)) {
        tell(vm, vmc_engine_now_tick(vm->engine),
             (struct vmc_record){
                 .kind = VMC_REC_BALLOON_TO_TARGET,
                 .args = {vm->config.guest_bytes - (pages << PAGE_SHIFT),
                          pages}});
    }
}

void vm_log_config_read(struct vm *vm)
{
    if (is_logged(vm) && is_balloon(vm)) {
        tell(vm, vmc_engine_now_tick(vm->engine),
             (struct vmc_record){.kind = VMC_REC_BALLOON_GET_CONFIG,
                                 .thread = THREAD_VCPU,
                                 .args = {pages_in(vm, VMC_CONFIG_NUM_PAGES),
                                          pages_in(vm, VMC_CONFIG_ACTUAL)}});
    }
}

void vm_log_config_written(struct vm *vm, uint32_t old_units)
{
    if (is_logged(vm) && is_balloon(vm)) {
        tell(vm, vmc_engine_now_tick(vm->engine),
             (struct vmc_record){
                 .kind = VMC_REC_BALLOON_SET_CONFIG,
                 .thread = THREAD_VCPU,
                 .args = {pages_in(vm, VMC_CONFIG_ACTUAL),
                          (uint64_t)old_units * vm->driver->unit_pages}});
    }
}

void vm_log_popped(struct vm_worker *worker)
{
    const struct vmc_vq_element *element = &worker->tell.element;
    uint64_t now = vmc_engine_now_tick(worker->vm->engine);
    enum vm_queue queue = (enum vm_queue)worker->tell.queue;
    uint64_t in_count = 0;

    worker->tell.popped_tick = now;
    if (!is_logged(worker->vm)) {
        return;
    }
    for (uint32_t i = 0; i < element->buffer_count; i++) {
        in_count += element->buffers[i].is_writable;
    }
    tell(worker->vm, now,
         (struct vmc_record){
             .kind = VMC_REC_VIRTIO_QUEUE_NOTIFY,
             .args = {POINTER_DEVICE, queue, pointer_of(queue)}});
    tell(worker->vm, now,
         (struct vmc_record){.kind = VMC_REC_VIRTQUEUE_POP,
                             .args = {pointer_of(queue), POINTER_ELEMENT,
                                      in_count,
                                      element->buffer_count - in_count}});
}

void vm_log_discard(struct vm *vm, uint64_t page, uint64_t count)
{
    if (is_logged(vm)) {
        tell(
            vm, vmc_engine_now_tick(vm->engine),
            (struct vmc_record){.kind = VMC_REC_RAM_DISCARD,
                                .args = {TEXT_RAM, page << PAGE_SHIFT,
                                         count << PAGE_SHIFT, true, false, 0}});
    }
}

/* A request of virtio-mem, and what it was answered. */
void vm_log_request(struct vm *vm, struct vmc_mem_request request,
                    struct vmc_mem_response response)
{
    static const enum vmc_record_kind kinds[] = {
        [VMC_MEM_PLUG] = VMC_REC_MEM_PLUG,
        [VMC_MEM_UNPLUG] = VMC_REC_MEM_UNPLUG,
        [VMC_MEM_UNPLUG_ALL] = VMC_REC_MEM_UNPLUG_ALL,
        [VMC_MEM_STATE] = VMC_REC_MEM_STATE,
    };
    uint64_t now = vmc_engine_now_tick(vm->engine);
    bool has_range = request.type != VMC_MEM_UNPLUG_ALL;

    if (!is_logged(vm) || request.type >= VMC_COUNT_OF(kinds)) {
        return;
    }
    tell(vm, now,
         (struct vmc_record){.kind = (uint16_t)kinds[request.type],
                             .args = {has_range ? request.address_bytes : 0,
                                      has_range ? request.block_count : 0}});
    tell(vm, now,
         (struct vmc_record){.kind = VMC_REC_MEM_RESPONSE,
                             .args = {response.type}});
}

/* One line a page; a huge page is one page too. What lies outside RAM is
 * refused with a line of its own. */
static void log_pages(struct vm_worker *worker, uint64_t now)
{
    struct vm *vm = worker->vm;
    const struct vmc_vq_buffer *buffer = &worker->tell.element.buffers[0];
    uint64_t span = now - worker->tell.popped_tick;
    uint32_t count = buffer->size_bytes / 4;

    if (buffer->address != BUFFER_PFNS || vm->misread != MISREAD_NONE) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t pfn = payload_pfn(vm, i);
        bool is_ram = vm_is_ram(vm, pfn, vm->driver->unit_pages);

        tell(vm, now - span / (count + 1) * (count - i),
             (struct vmc_record){
                 .kind =
                     is_ram ? VMC_REC_BALLOON_OUTPUT : VMC_REC_BALLOON_BAD_ADDR,
                 .args = {(uint64_t)pfn << PAGE_SHIFT, is_ram ? TEXT_RAM : 0}});
    }
}

void vm_log_answered(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    uint64_t now = vmc_engine_now_tick(vm->engine);
    uint64_t vq = pointer_of((enum vm_queue)worker->tell.queue);

    if (!is_logged(vm)) {
        return;
    }
    log_pages(worker, now);
    tell(vm, now,
         (struct vmc_record){.kind = VMC_REC_VIRTQUEUE_FILL,
                             .args = {vq, POINTER_ELEMENT, 0, 0}});
    tell(vm, now,
         (struct vmc_record){.kind = VMC_REC_VIRTQUEUE_FLUSH, .args = {vq, 1}});
    tell(vm, now,
         (struct vmc_record){.kind = VMC_REC_VIRTIO_NOTIFY,
                             .args = {POINTER_DEVICE, vq}});
}
