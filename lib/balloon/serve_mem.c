/* SPDX-License-Identifier: MIT */
/*
 * The device of virtio-mem (spec 4.9): which blocks of 2 MiB are plugged, and
 * what it answers. It populates before a plug is acknowledged and discards
 * before an unplug is, as an assigned device needs it. A request is refused
 * whole: with an error when it makes no sense, with a no when it would exceed
 * what was asked of the guest, as busy while the VM is migrated.
 */
#include "balloon/vm_priv.h"

enum { UNIT_BLOCKS = 64, STATE_PLUGGED = 0, STATE_UNPLUGGED, STATE_MIXED };

static bool is_unplugged(const struct vm *vm, uint64_t block)
{
    return (vm->mem.unplugged[block / 64] >> block % 64 & 1) != 0;
}

static uint64_t count_unplugged(const struct vm *vm, uint64_t block,
                                uint64_t count)
{
    uint64_t unplugged = 0;

    for (uint64_t i = 0; i < count; i++) {
        unplugged += is_unplugged(vm, block + i);
    }
    return unplugged;
}

static void set_unplugged(struct vm *vm, uint64_t block, uint64_t count,
                          bool is_set)
{
    for (uint64_t i = block; i < block + count; i++) {
        uint64_t mask = UINT64_C(1) << i % 64;

        vm->mem.unplugged[i / 64] = is_set ? vm->mem.unplugged[i / 64] | mask
                                           : vm->mem.unplugged[i / 64] & ~mask;
    }
    vm->mem.unplugged_blocks += is_set ? count : (uint64_t)0 - count;
}

static void unplug(struct vm *vm, uint64_t block, uint64_t count,
                   struct vmc_host_effect *effect)
{
    vmc_host_unpin(&vm->host, block * HUGE_PAGES, count * HUGE_PAGES, effect);
    vm_discard(vm, block * HUGE_PAGES, count * HUGE_PAGES, effect);
    vm_log_discard(vm, block * HUGE_PAGES, count * HUGE_PAGES);
    vm->pages_told += count * HUGE_PAGES;
    set_unplugged(vm, block, count, true);
}

static enum vmc_mem_response_type plug(struct vm *vm, uint64_t block,
                                       uint64_t count,
                                       struct vmc_host_effect *effect)
{
    uint64_t wanted =
        (uint64_t)vmc_config_get(&vm->space, VMC_CONFIG_NUM_PAGES) *
        UNIT_BLOCKS;

    if (vm->mem.unplugged_blocks < wanted + count) {
        return VMC_MEM_NACK;
    }
    if (vm->config.has_vfio) {
        vm_pin(vm, block * HUGE_PAGES, count * HUGE_PAGES, effect);
    }
    set_unplugged(vm, block, count, false);
    return VMC_MEM_ACK;
}

/* All that the guest has given up is given up at once: after a reset. */
static void unplug_all(struct vm *vm, struct vmc_host_effect *effect)
{
    uint64_t blocks = vm_page_max(vm) / HUGE_PAGES;

    for (uint64_t i = 0; i < blocks; i++) {
        if (!is_unplugged(vm, i) && vm_is_ram(vm, i * HUGE_PAGES, HUGE_PAGES)) {
            unplug(vm, i, 1, effect);
        }
    }
}

static struct vmc_mem_response answer(struct vm *vm,
                                      struct vmc_mem_request request,
                                      struct vmc_host_effect *effect)
{
    struct vmc_mem_response response = {.type = VMC_MEM_ACK};
    uint64_t page = request.address_bytes >> PAGE_SHIFT;
    uint64_t count = request.block_count, block = page / HUGE_PAGES, unplugged;

    if (request.type != VMC_MEM_STATE && vm->mem.busy_answers > 0) {
        vm->mem.busy_answers--;
        response.type = VMC_MEM_BUSY;
        return response;
    }
    if (request.type == VMC_MEM_UNPLUG_ALL) {
        unplug_all(vm, effect);
        return response;
    }
    if (count == 0 || request.address_bytes % (HUGE_PAGES << PAGE_SHIFT) != 0 ||
        !vm_is_ram(vm, page, count * HUGE_PAGES)) {
        response.type = VMC_MEM_ERROR;
        return response;
    }
    unplugged = count_unplugged(vm, block, count);
    if (request.type == VMC_MEM_STATE) {
        response.state = unplugged == 0       ? STATE_PLUGGED
                         : unplugged == count ? STATE_UNPLUGGED
                                              : STATE_MIXED;
    } else if (unplugged != (request.type == VMC_MEM_PLUG ? count : 0)) {
        response.type = VMC_MEM_ERROR;
    } else if (request.type == VMC_MEM_PLUG) {
        response.type = (uint16_t)plug(vm, block, count, effect);
    } else {
        unplug(vm, block, count, effect);
    }
    return response;
}

void serve_mem_request(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    struct vmc_host_effect effect = {0};
    struct vmc_mem_response response = {.type = VMC_MEM_ERROR};
    struct vmc_mem_request request = {.type = UINT16_MAX};

    if (vmc_mem_get_request(vm->payload.request,
                            worker->tell.element.buffers[0].size_bytes,
                            &request)) {
        response = answer(vm, request, &effect);
    }
    if (response.type != VMC_MEM_ACK) {
        vm->refused_messages++;
        vm->bad_addresses += response.type == VMC_MEM_ERROR;
    }
    vm_log_request(vm, request, response);
    vmc_mem_put_response(vm->payload.response, response);
    charge_effect(vm, &effect, &worker->tell.served);
}
