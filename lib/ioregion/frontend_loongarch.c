/* SPDX-License-Identifier: MIT */
/*
 * MMIO and IOCSR of LoongArch, after arch/loongarch/kvm/exit.c of Linux 6.12.
 * The faulting instruction word is in a CSR, so guest memory is not read to
 * decode it. 6.12 never asks the bus, although it lets ioeventfds and zones be
 * registered; that later kernels ask it is not confirmed and hangs on 6.18.
 *
 * Opcodes: LoongArch Reference Manual, volume 1, formats 2RI12, 2RI14 and 3R.
 * A store moves the PC before it exits, a load when it is complete.
 */
#include "ioregion/frontend.h"

#include <errno.h>
#include <string.h>

#include "ioregion/frontend_priv.h"

struct access_kind {
    uint32_t opcode; /* of the word shifted right by @shift */
    uint8_t shift, size_bytes;
    bool is_write, is_signed;
};

enum { FORMAT_2RI12 = 22, FORMAT_2RI14 = 24, FORMAT_3R = 15 };

static const struct access_kind kinds[] = {
    {0x0a0, FORMAT_2RI12, 1, false, true},  /* ld.b */
    {0x0a1, FORMAT_2RI12, 2, false, true},  /* ld.h */
    {0x0a2, FORMAT_2RI12, 4, false, true},  /* ld.w */
    {0x0a3, FORMAT_2RI12, 8, false, true},  /* ld.d */
    {0x0a4, FORMAT_2RI12, 1, true, false},  /* st.b */
    {0x0a5, FORMAT_2RI12, 2, true, false},  /* st.h */
    {0x0a6, FORMAT_2RI12, 4, true, false},  /* st.w */
    {0x0a7, FORMAT_2RI12, 8, true, false},  /* st.d */
    {0x0a8, FORMAT_2RI12, 1, false, false}, /* ld.bu */
    {0x0a9, FORMAT_2RI12, 2, false, false}, /* ld.hu */
    {0x0aa, FORMAT_2RI12, 4, false, false}, /* ld.wu */
    {0x24, FORMAT_2RI14, 4, false, true},   /* ldptr.w */
    {0x25, FORMAT_2RI14, 4, true, false},   /* stptr.w */
    {0x26, FORMAT_2RI14, 8, false, true},   /* ldptr.d */
    {0x27, FORMAT_2RI14, 8, true, false},   /* stptr.d */
    {0x7000, FORMAT_3R, 1, false, true},    /* ldx.b */
    {0x7008, FORMAT_3R, 2, false, true},    /* ldx.h */
    {0x7010, FORMAT_3R, 4, false, true},    /* ldx.w */
    {0x7018, FORMAT_3R, 8, false, true},    /* ldx.d */
    {0x7020, FORMAT_3R, 1, true, false},    /* stx.b */
    {0x7028, FORMAT_3R, 2, true, false},    /* stx.h */
    {0x7030, FORMAT_3R, 4, true, false},    /* stx.w */
    {0x7038, FORMAT_3R, 8, true, false},    /* stx.d */
    {0x7040, FORMAT_3R, 1, false, false},   /* ldx.bu */
    {0x7048, FORMAT_3R, 2, false, false},   /* ldx.hu */
    {0x7050, FORMAT_3R, 4, false, false},   /* ldx.wu */
};

enum { REGISTER_MASK = 0x1f, INSTRUCTION_BYTES = 4 };

static const struct access_kind *decode(uint32_t badi)
{
    for (size_t i = 0; i < VMC_COUNT_OF(kinds); i++) {
        if (badi >> kinds[i].shift == kinds[i].opcode) {
            return &kinds[i];
        }
    }
    return NULL;
}

static void end_load(struct vmc_front_vcpu *vcpu, const uint8_t *data)
{
    struct vmc_bus_access got = {.len = (int32_t)vcpu->mmio.size_bytes};

    memcpy(got.data, data, vcpu->mmio.size_bytes);
    memcpy(vcpu->data, data, vcpu->mmio.size_bytes);
    vcpu->value = vmc_front_extend(vmc_bus_value(&got), vcpu->mmio.size_bytes,
                                   vcpu->mmio.is_signed);
    vcpu->pc += INSTRUCTION_BYTES;
}

static int serve(struct vmc_front *front, struct vmc_front_vcpu *vcpu)
{
    bool is_write = vcpu->mmio.is_write;

    if (vmc_bus_config(front->bus)->version >= VMC_K6_18) {
        struct vmc_bus_access access = {.addr = vcpu->mmio.gpa,
                                        .len = (int32_t)vcpu->mmio.size_bytes,
                                        .vcpu = vcpu->index};
        int result;

        memcpy(access.data, vcpu->data, vcpu->mmio.size_bytes);
        result = vmc_front_offer(front, VMC_BUS_MMIO, &access, is_write);
        if (vmc_front_is_interrupted(front, result)) {
            return vmc_front_interrupt(vcpu, VMC_PENDING_MMIO_AGAIN);
        }
        if (result == 0) {
            if (!is_write) {
                vmc_front_emit_mmio(front, vcpu->index, VMC_EVENT_MMIO_READ,
                                    vcpu->mmio.gpa, vcpu->mmio.size_bytes,
                                    access.data);
                end_load(vcpu, access.data);
            }
            return VMC_FRONT_GUEST;
        }
    }
    return vmc_front_exit_mmio(front, vcpu, vcpu->mmio.gpa,
                               vcpu->mmio.size_bytes,
                               is_write ? vcpu->data : NULL);
}

static void begin(struct vmc_front_vcpu *vcpu, uint64_t gpa,
                  uint32_t size_bytes, bool is_write, uint64_t value)
{
    struct vmc_bus_access access = {.len = (int32_t)size_bytes};

    memset(&vcpu->mmio, 0, sizeof(vcpu->mmio));
    vcpu->mmio.gpa = gpa;
    vcpu->mmio.size_bytes = size_bytes;
    vcpu->mmio.is_write = is_write;
    if (is_write) {
        vmc_bus_set_value(&access, value);
        memcpy(vcpu->data, access.data, size_bytes);
        vcpu->pc += INSTRUCTION_BYTES;
    }
}

int vmc_front_loongarch(struct vmc_front *front, struct vmc_front_vcpu *vcpu,
                        uint32_t badi, uint64_t gpa, uint64_t value)
{
    const struct access_kind *kind = decode(badi);

    assert(vcpu->pending == VMC_PENDING_NONE);
    assert(front->config.arch == VMC_ARCH_LOONGARCH);
    vcpu->fault = VMC_FAULT_NONE;
    if (kind == NULL ||
        (front->config.gpa_limit != 0 && gpa >= front->config.gpa_limit)) {
        vcpu->fault = VMC_FAULT_ADDRESS;
        return VMC_FRONT_GUEST;
    }
    begin(vcpu, gpa, kind->size_bytes, kind->is_write, value);
    vcpu->mmio.is_signed = kind->is_signed;
    vcpu->rd = badi & REGISTER_MASK;
    if (vmc_front_ram(front, gpa, vcpu->data, kind->size_bytes,
                      kind->is_write)) {
        if (!kind->is_write) {
            end_load(vcpu, vcpu->data);
        }
        return VMC_FRONT_GUEST;
    }
    vmc_front_emit_mmio(
        front, vcpu->index,
        kind->is_write ? VMC_EVENT_MMIO_WRITE : VMC_EVENT_MMIO_UNSATISFIED, gpa,
        kind->size_bytes, kind->is_write ? vcpu->data : NULL);
    return vmc_front_return(front, vcpu, serve(front, vcpu));
}

int vmc_front_loongarch_again(struct vmc_front *front,
                              struct vmc_front_vcpu *vcpu)
{
    return serve(front, vcpu);
}

int vmc_front_iocsr(struct vmc_front *front, struct vmc_front_vcpu *vcpu,
                    uint32_t addr, uint32_t size_bytes, bool is_write,
                    uint64_t value)
{
    assert(vcpu->pending == VMC_PENDING_NONE);
    assert(front->config.arch == VMC_ARCH_LOONGARCH);
    begin(vcpu, addr, size_bytes, is_write, value);
    (void)vmc_front_exit_mmio(front, vcpu, addr, size_bytes,
                              is_write ? vcpu->data : NULL);
    vcpu->pending = VMC_PENDING_IOCSR;
    vcpu->run.exit_reason = VMC_EXIT_LOONGARCH_IOCSR;
    return vmc_front_return(front, vcpu, VMC_FRONT_EXIT);
}

void vmc_front_loongarch_complete(struct vmc_front *front,
                                  struct vmc_front_vcpu *vcpu, bool is_iocsr)
{
    if (vcpu->mmio.is_write) {
        return;
    }
    if (!is_iocsr) {
        vmc_front_emit_mmio(front, vcpu->index, VMC_EVENT_MMIO_READ,
                            vcpu->mmio.gpa, vcpu->mmio.size_bytes,
                            vcpu->run.mmio.data);
    }
    end_load(vcpu, vcpu->run.mmio.data);
}
