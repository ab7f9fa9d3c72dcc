/* SPDX-License-Identifier: MIT */
/*
 * Port accesses on x86, after arch/x86/kvm/x86.c and emulate.c of Linux 6.12.
 *
 *     instruction of count elements
 *       |-- done --|-- batch --|
 *                     ^ cursor: elements of the batch that were offered
 *
 * OUT is a batch of one, and so is each element of REP OUTS. REP INS reads
 * ahead as much as its buffer and the page it writes to hold. If the first
 * element of a batch is refused the batch goes to user space. If a later one
 * is, its device has been taken off meanwhile: from 5.12 on the rest is then
 * dropped, or reads as 0; before, the whole batch went to user space.
 */
#include "ioregion/frontend.h"

#include <errno.h>
#include <string.h>

#include "ioregion/frontend_priv.h"

static uint8_t *element(struct vmc_front_vcpu *vcpu, uint32_t number)
{
    return vcpu->string + (size_t)number * vcpu->pio.size;
}

static void emit(struct vmc_front *front, struct vmc_front_vcpu *vcpu)
{
    struct vmc_bus_access first = {.len = vcpu->pio.size};

    memcpy(first.data, element(vcpu, vcpu->pio.done), vcpu->pio.size);
    vmc_front_emit(front, (struct vmc_front_event){
                              .kind = vcpu->pio.is_in ? VMC_EVENT_PIO_READ
                                                      : VMC_EVENT_PIO_WRITE,
                              .vcpu = vcpu->index,
                              .addr = vcpu->pio.port,
                              .len = vcpu->pio.size,
                              .count = vcpu->pio.batch,
                              .value = vmc_bus_value(&first)});
}

static int exit_with_batch(struct vmc_front_vcpu *vcpu)
{
    size_t bytes = (size_t)vcpu->pio.batch * vcpu->pio.size;

    if (vcpu->pio.is_in) {
        memset(vcpu->run.io_data, 0, bytes);
    } else {
        memcpy(vcpu->run.io_data, element(vcpu, vcpu->pio.done), bytes);
    }
    vcpu->pending = VMC_PENDING_PIO;
    vcpu->run.exit_reason = VMC_EXIT_IO;
    vcpu->run.io = (struct vmc_kvm_exit_io){.direction = !vcpu->pio.is_in,
                                            .size = vcpu->pio.size,
                                            .port = vcpu->pio.port,
                                            .count = vcpu->pio.batch,
                                            .data_offset = 4096};
    return VMC_FRONT_EXIT;
}

/* The batch has its data: IN puts it into the register. */
static void end_batch(struct vmc_front *front, struct vmc_front_vcpu *vcpu)
{
    if (vcpu->pio.is_in) {
        emit(front, vcpu);
    }
    if (vcpu->pio.is_in && !vcpu->pio.is_string) {
        /* 4 bytes clear the upper half, 1 and 2 leave what is above them. */
        uint64_t kept =
            vcpu->pio.size == 4 ? 0 : vcpu->rax >> 8 * vcpu->pio.size;
        struct vmc_bus_access got = {.len = vcpu->pio.size};

        memcpy(got.data, vcpu->string, vcpu->pio.size);
        vcpu->rax = kept << 8 * vcpu->pio.size | vmc_bus_value(&got);
    }
    vcpu->pio.done += vcpu->pio.batch;
    vcpu->pio.batch = vcpu->pio.cursor = 0;
}

static int offer_batch(struct vmc_front *front, struct vmc_front_vcpu *vcpu)
{
    uint8_t size = vcpu->pio.size;

    for (; vcpu->pio.cursor < vcpu->pio.batch; vcpu->pio.cursor++) {
        uint32_t number = vcpu->pio.done + vcpu->pio.cursor;
        struct vmc_bus_access access = {
            .addr = vcpu->pio.port, .len = size, .vcpu = vcpu->index};
        int result;

        memcpy(access.data, element(vcpu, number), size);
        result = vmc_front_offer(front, VMC_BUS_PIO, &access, !vcpu->pio.is_in);
        if (vmc_front_is_interrupted(front, result)) {
            return vmc_front_interrupt(vcpu, VMC_PENDING_PIO_AGAIN);
        }
        if (result != 0) {
            if (vcpu->pio.cursor == 0 ||
                vmc_bus_config(front->bus)->version < VMC_K6_12) {
                return exit_with_batch(vcpu);
            }
            if (vcpu->pio.is_in) {
                memset(element(vcpu, number), 0,
                       (size_t)size * (vcpu->pio.batch - vcpu->pio.cursor));
            }
            break;
        }
        if (vcpu->pio.is_in) {
            memcpy(element(vcpu, number), access.data, size);
        }
    }
    end_batch(front, vcpu);
    return VMC_FRONT_GUEST;
}

static uint32_t batch_of(const struct vmc_front_vcpu *vcpu)
{
    uint32_t batch = vcpu->pio.count - vcpu->pio.done;
    uint32_t ahead = VMC_FRONT_READ_AHEAD_BYTES / vcpu->pio.size;
    uint32_t used = vcpu->pio.done * vcpu->pio.size;

    if (!vcpu->pio.is_in) {
        return vcpu->pio.is_batched ? batch : 1;
    }
    batch = batch < ahead ? batch : ahead;
    if (used < vcpu->pio.room_bytes) {
        /* The kernel compares bytes of the page with elements here. */
        uint32_t room = vcpu->pio.room_bytes - used;

        batch = batch < room ? batch : room;
    }
    return batch;
}

int vmc_front_pio_go_on(struct vmc_front *front, struct vmc_front_vcpu *vcpu)
{
    int result = VMC_FRONT_GUEST;

    while (result == VMC_FRONT_GUEST && vcpu->pio.done < vcpu->pio.count) {
        vcpu->pio.batch = batch_of(vcpu);
        if (!vcpu->pio.is_in) {
            emit(front, vcpu);
        }
        result = offer_batch(front, vcpu);
    }
    return result;
}

int vmc_front_pio_again(struct vmc_front *front, struct vmc_front_vcpu *vcpu)
{
    return offer_batch(front, vcpu);
}

void vmc_front_pio_complete(struct vmc_front *front,
                            struct vmc_front_vcpu *vcpu)
{
    if (vcpu->pio.is_in) {
        memcpy(element(vcpu, vcpu->pio.done), vcpu->run.io_data,
               (size_t)vcpu->pio.batch * vcpu->pio.size);
    }
    end_batch(front, vcpu);
}

static int begin(struct vmc_front *front, struct vmc_front_vcpu *vcpu,
                 const struct vmc_front_string *string, bool is_string)
{
    assert(vcpu->pending == VMC_PENDING_NONE);
    assert(front->config.arch == VMC_ARCH_X86);
    assert(string->size == 1 || string->size == 2 || string->size == 4);
    assert(string->count <= VMC_FRONT_STRING_BYTES_MAX / string->size);
    memset(&vcpu->pio, 0, sizeof(vcpu->pio));
    vcpu->pio.port = string->port;
    vcpu->pio.size = string->size;
    vcpu->pio.is_in = string->is_in;
    vcpu->pio.is_string = is_string;
    vcpu->pio.is_batched = string->is_batched;
    vcpu->pio.count = string->count;
    vcpu->pio.room_bytes = string->room_bytes;
    return vmc_front_return(front, vcpu, vmc_front_pio_go_on(front, vcpu));
}

int vmc_front_out(struct vmc_front *front, struct vmc_front_vcpu *vcpu,
                  uint16_t port, uint8_t size)
{
    for (uint32_t i = 0; i < 4; i++) {
        vcpu->string[i] = (uint8_t)(vcpu->rax >> 8 * i);
    }
    return begin(
        front, vcpu,
        &(struct vmc_front_string){.port = port, .size = size, .count = 1},
        false);
}

int vmc_front_in(struct vmc_front *front, struct vmc_front_vcpu *vcpu,
                 uint16_t port, uint8_t size)
{
    return begin(front, vcpu,
                 &(struct vmc_front_string){
                     .port = port, .size = size, .is_in = true, .count = 1},
                 false);
}

int vmc_front_rep(struct vmc_front *front, struct vmc_front_vcpu *vcpu,
                  const struct vmc_front_string *string)
{
    return begin(front, vcpu, string, true);
}
