/* SPDX-License-Identifier: MIT */
/*
 * MMIO on x86, after arch/x86/kvm/x86.c of Linux 6.12.
 *
 *     access    |------------- 12 bytes -------------|
 *     parts     |-- page one --|------ page two -----|
 *     chunks    |      5       |       7             |   at most 8 bytes
 *
 * Each part is offered chunk by chunk from its low end; the first refusal ends
 * the part, and what is left of it becomes a fragment for user space. Parts in
 * guest memory are copied. Only when all parts have been through this does the
 * first fragment exit, 8 bytes at a time.
 *
 * A handler that was interrupted (posted ioregionfd) is called again with the
 * same chunk: the cursor stands on it.
 */
#include "ioregion/frontend.h"

#include <errno.h>
#include <string.h>

#include "ioregion/frontend_priv.h"

static uint32_t min_u32(uint32_t one, uint32_t other)
{
    return one < other ? one : other;
}

/* Bytes from the cursor to the end of its page or of the access. */
static uint32_t part_bytes(const struct vmc_front *front,
                           const struct vmc_front_vcpu *vcpu)
{
    uint64_t at = vcpu->mmio.gpa + vcpu->mmio.cursor;
    uint64_t room_bytes =
        front->config.page_bytes - (at & (front->config.page_bytes - 1));
    uint32_t left_bytes = vcpu->mmio.size_bytes - vcpu->mmio.cursor;

    return room_bytes < left_bytes ? (uint32_t)room_bytes : left_bytes;
}

static int offer_chunk(struct vmc_front *front, struct vmc_front_vcpu *vcpu,
                       uint32_t len)
{
    uint8_t *data = vcpu->data + vcpu->mmio.cursor;
    struct vmc_bus_access access = {.addr = vcpu->mmio.gpa + vcpu->mmio.cursor,
                                    .len = (int32_t)len,
                                    .vcpu = vcpu->index};
    int result;

    memcpy(access.data, data, len);
    result = vmc_front_offer(front, VMC_BUS_MMIO, &access, vcpu->mmio.is_write);
    if (result == 0 && !vcpu->mmio.is_write) {
        memcpy(data, access.data, len);
        vmc_front_emit_mmio(front, vcpu->index, VMC_EVENT_MMIO_READ,
                            access.addr, len, data);
    }
    return result;
}

static void add_fragment(struct vmc_front_vcpu *vcpu, uint32_t len)
{
    uint32_t i = vcpu->mmio.fragment_count++;

    assert(i < VMC_FRONT_FRAGMENTS_MAX);
    vcpu->mmio.fragments[i].gpa = vcpu->mmio.gpa + vcpu->mmio.cursor;
    vcpu->mmio.fragments[i].at = vcpu->mmio.cursor;
    vcpu->mmio.fragments[i].len = len;
}

static int exit_with_fragment(struct vmc_front *front,
                              struct vmc_front_vcpu *vcpu)
{
    uint32_t i = vcpu->mmio.fragment;

    return vmc_front_exit_mmio(
        front, vcpu, vcpu->mmio.fragments[i].gpa,
        min_u32(vcpu->mmio.fragments[i].len, 8),
        vcpu->mmio.is_write ? vcpu->data + vcpu->mmio.fragments[i].at : NULL);
}

/* The kernel names the first address but the length of the last part. */
static void emit_unsatisfied(struct vmc_front *front,
                             const struct vmc_front_vcpu *vcpu)
{
    uint64_t last = vcpu->mmio.gpa + vcpu->mmio.size_bytes - 1;
    uint64_t mask = front->config.page_bytes - 1;
    bool has_crossed = ((vcpu->mmio.gpa ^ last) & ~mask) != 0;

    vmc_front_emit_mmio(front, vcpu->index, VMC_EVENT_MMIO_UNSATISFIED,
                        vcpu->mmio.fragments[0].gpa,
                        has_crossed ? (uint32_t)(last & mask) + 1
                                    : vcpu->mmio.size_bytes,
                        NULL);
}

static int dispatch(struct vmc_front *front, struct vmc_front_vcpu *vcpu)
{
    while (vcpu->mmio.cursor < vcpu->mmio.size_bytes) {
        uint32_t left_bytes = part_bytes(front, vcpu);
        uint32_t len = min_u32(left_bytes, VMC_BUS_CHUNK_BYTES_MAX);
        uint64_t gpa = vcpu->mmio.gpa + vcpu->mmio.cursor;
        uint8_t *data = vcpu->data + vcpu->mmio.cursor;
        int result;

        if (!vcpu->mmio.has_begun_part) {
            if (vmc_front_ram(front, gpa, data, left_bytes,
                              vcpu->mmio.is_write)) {
                vcpu->mmio.cursor += left_bytes;
                continue;
            }
            if (vcpu->mmio.is_write) {
                vmc_front_emit_mmio(front, vcpu->index, VMC_EVENT_MMIO_WRITE,
                                    gpa, left_bytes, data);
            }
            vcpu->mmio.has_begun_part = true;
        }
        result = offer_chunk(front, vcpu, len);
        if (vmc_front_is_interrupted(front, result)) {
            return vmc_front_interrupt(vcpu, VMC_PENDING_MMIO_AGAIN);
        }
        if (result != 0) {
            add_fragment(vcpu, left_bytes);
            len = left_bytes;
        }
        vcpu->mmio.cursor += len;
        vcpu->mmio.has_begun_part = len < left_bytes;
    }
    if (vcpu->mmio.fragment_count == 0) {
        return VMC_FRONT_GUEST;
    }
    if (!vcpu->mmio.is_write) {
        emit_unsatisfied(front, vcpu);
    }
    return exit_with_fragment(front, vcpu);
}

/* An EPT misconfiguration is looked up by address before anything is decoded;
 * the value of a store is lost, and a load gets nothing. */
static bool is_fast(struct vmc_front *front, struct vmc_front_vcpu *vcpu,
                    uint64_t gpa)
{
    struct vmc_bus_access access = {.addr = gpa, .vcpu = vcpu->index};
    uint32_t reader;
    int result;

    if (!front->config.has_fast_mmio || vmc_front_slot_at(front, gpa) != NULL) {
        return false;
    }
    reader = vmc_bus_enter(front->bus);
    result = vmc_bus_write(front->bus, VMC_BUS_FAST, &access);
    vmc_bus_leave(front->bus, reader);
    if (result != 0) {
        return false;
    }
    front->counts.fast++;
    vmc_front_emit(front, (struct vmc_front_event){.kind = VMC_EVENT_FAST_MMIO,
                                                   .vcpu = vcpu->index,
                                                   .addr = gpa});
    return true;
}

int vmc_front_x86(struct vmc_front *front, struct vmc_front_vcpu *vcpu,
                  uint64_t gpa, uint32_t size_bytes, bool is_write)
{
    assert(vcpu->pending == VMC_PENDING_NONE);
    assert(front->config.arch == VMC_ARCH_X86);
    assert(size_bytes >= 1 && size_bytes <= VMC_FRONT_ACCESS_BYTES_MAX &&
           size_bytes <= front->config.page_bytes);
    if (is_fast(front, vcpu, gpa)) {
        return VMC_FRONT_GUEST;
    }
    memset(&vcpu->mmio, 0, sizeof(vcpu->mmio));
    vcpu->mmio.gpa = gpa;
    vcpu->mmio.size_bytes = size_bytes;
    vcpu->mmio.is_write = is_write;
    return vmc_front_return(front, vcpu, dispatch(front, vcpu));
}

int vmc_front_x86_again(struct vmc_front *front, struct vmc_front_vcpu *vcpu)
{
    return dispatch(front, vcpu);
}

int vmc_front_x86_complete(struct vmc_front *front, struct vmc_front_vcpu *vcpu)
{
    uint32_t i = vcpu->mmio.fragment;
    uint32_t len = min_u32(vcpu->mmio.fragments[i].len, 8);

    if (!vcpu->mmio.is_write) {
        memcpy(vcpu->data + vcpu->mmio.fragments[i].at, vcpu->run.mmio.data,
               len);
    }
    if (vcpu->mmio.fragments[i].len <= 8) {
        vcpu->mmio.fragment++;
    } else {
        vcpu->mmio.fragments[i].gpa += len;
        vcpu->mmio.fragments[i].at += len;
        vcpu->mmio.fragments[i].len -= len;
    }
    if (vcpu->mmio.fragment < vcpu->mmio.fragment_count) {
        return exit_with_fragment(front, vcpu);
    }
    if (!vcpu->mmio.is_write) {
        vmc_front_emit_mmio(front, vcpu->index, VMC_EVENT_MMIO_READ,
                            vcpu->mmio.fragments[0].gpa, vcpu->mmio.size_bytes,
                            vcpu->data);
    }
    return VMC_FRONT_GUEST;
}
