/* SPDX-License-Identifier: MIT */
/*
 * Data aborts of arm64, after arch/arm64/kvm/mmio.c of Linux 6.12. The syndrome
 * says width, register and direction, so nothing is decoded and nothing is cut:
 * one call of the bus with the whole width.
 */
#include "ioregion/frontend.h"

#include <errno.h>
#include <string.h>

#include "ioregion/frontend_priv.h"

static uint64_t number_of(const uint8_t *data, uint32_t len)
{
    struct vmc_bus_access access = {.len = (int32_t)len};

    memcpy(access.data, data, len);
    return vmc_bus_value(&access);
}

/* A load has its bytes: it extends them as the syndrome says. */
static void end_load(struct vmc_front *front, struct vmc_front_vcpu *vcpu,
                     const uint8_t *data)
{
    uint32_t len = vcpu->mmio.size_bytes;

    memcpy(vcpu->data, data, len);
    vmc_front_emit_mmio(front, vcpu->index, VMC_EVENT_MMIO_READ, vcpu->mmio.gpa,
                        len, data);
    vcpu->value = vmc_front_extend(number_of(data, len), len,
                                   vcpu->mmio.is_signed && len < 8);
    if (!vcpu->mmio.is_64bit) {
        vcpu->value &= UINT32_MAX;
    }
}

static int without_syndrome(struct vmc_front *front,
                            struct vmc_front_vcpu *vcpu,
                            const struct vmc_front_abort *abort)
{
    if (front->config.is_protected) {
        vcpu->fault = VMC_FAULT_ABORT;
        return VMC_FRONT_GUEST;
    }
    if (!front->config.reports_nisv) {
        return -ENOSYS;
    }
    vcpu->run.exit_reason = VMC_EXIT_ARM_NISV;
    vcpu->run.arm_nisv.esr_iss = abort->esr_iss;
    vcpu->run.arm_nisv.fault_ipa = abort->gpa;
    return VMC_FRONT_EXIT;
}

static int serve(struct vmc_front *front, struct vmc_front_vcpu *vcpu)
{
    bool is_write = vcpu->mmio.is_write;
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
        front->counts.mmio_exit_kernel++;
        if (!is_write) {
            end_load(front, vcpu, access.data);
        }
        return VMC_FRONT_GUEST;
    }
    front->counts.mmio_exit_user++;
    return vmc_front_exit_mmio(front, vcpu, access.addr, vcpu->mmio.size_bytes,
                               is_write ? vcpu->data : NULL);
}

int vmc_front_arm64(struct vmc_front *front, struct vmc_front_vcpu *vcpu,
                    const struct vmc_front_abort *abort)
{
    struct vmc_bus_access access = {.len = (int32_t)abort->size_bytes};

    assert(vcpu->pending == VMC_PENDING_NONE);
    assert(front->config.arch == VMC_ARCH_ARM64);
    vcpu->fault = VMC_FAULT_NONE;
    if (!abort->has_syndrome) {
        return vmc_front_return(front, vcpu,
                                without_syndrome(front, vcpu, abort));
    }
    assert(abort->size_bytes >= 1 && abort->size_bytes <= 8);
    memset(&vcpu->mmio, 0, sizeof(vcpu->mmio));
    vcpu->mmio.gpa = abort->gpa;
    vcpu->mmio.size_bytes = abort->size_bytes;
    vcpu->mmio.is_write = abort->is_write;
    vcpu->mmio.is_signed = abort->is_signed;
    vcpu->mmio.is_64bit = abort->is_64bit;
    if (abort->is_write) {
        vmc_bus_set_value(&access, abort->value);
        memcpy(vcpu->data, access.data, abort->size_bytes);
    }
    if (vmc_front_ram(front, abort->gpa, vcpu->data, abort->size_bytes,
                      abort->is_write)) {
        vcpu->value = number_of(vcpu->data, abort->size_bytes);
        return VMC_FRONT_GUEST;
    }
    vmc_front_emit_mmio(
        front, vcpu->index,
        abort->is_write ? VMC_EVENT_MMIO_WRITE : VMC_EVENT_MMIO_UNSATISFIED,
        abort->gpa, abort->size_bytes, abort->is_write ? vcpu->data : NULL);
    return vmc_front_return(front, vcpu, serve(front, vcpu));
}

int vmc_front_arm64_again(struct vmc_front *front, struct vmc_front_vcpu *vcpu)
{
    return serve(front, vcpu);
}

void vmc_front_arm64_complete(struct vmc_front *front,
                              struct vmc_front_vcpu *vcpu)
{
    if (!vcpu->mmio.is_write) {
        end_load(front, vcpu, vcpu->run.mmio.data);
    }
}
