/* SPDX-License-Identifier: MIT */
/*
 * What all front ends share: memory slots, the way to the bus, the return to
 * user space and the way back.
 *
 *     instruction --> slots --> device in front --> bus --> exit record
 *          ^                                                     |
 *          +--- complete <--- KVM_RUN <--- user space <----------+
 *
 * KVM_RUN first finishes the access whose record user space has answered, and
 * only then looks at immediate_exit and at signals; a second record of the same
 * access so comes before both (Documentation/virt/kvm/api.rst, KVM_RUN).
 */
#include "ioregion/frontend.h"

#include <errno.h>
#include <string.h>

#include "ioregion/frontend_priv.h"

_Static_assert(sizeof(struct vmc_kvm_exit_mmio) == 24, "as in the ABI");
_Static_assert(sizeof(struct vmc_kvm_exit_io) == 16, "as in the ABI");

struct vmc_front_config vmc_front_defaults(enum vmc_arch arch)
{
    return (struct vmc_front_config){
        .arch = arch, .page_bytes = arch == VMC_ARCH_LOONGARCH ? 16384 : 4096};
}

void vmc_front_init(struct vmc_front *front, struct vmc_bus *bus,
                    const struct vmc_front_config *config)
{
    assert(config->page_bytes != 0 &&
           (config->page_bytes & (config->page_bytes - 1)) == 0);
    *front = (struct vmc_front){.config = *config, .bus = bus};
}

void vmc_front_on_event(struct vmc_front *front, vmc_front_event_fn *event,
                        void *owner)
{
    front->event = event;
    front->owner = owner;
}

/* ---- Guest memory ------------------------------------------------------- */

int vmc_front_set_slot(struct vmc_front *front, uint32_t slot,
                       const struct vmc_front_slot *memory)
{
    uint64_t mask = front->config.page_bytes - 1;
    uint64_t end = memory->gpa + memory->size_bytes;

    if (slot >= VMC_FRONT_SLOTS_MAX ||
        ((memory->gpa | memory->size_bytes) & mask) != 0 || end < memory->gpa ||
        (memory->size_bytes == 0 && front->slots[slot].size_bytes == 0)) {
        return -EINVAL;
    }
    if (!vmc_bus_is_quiet(front->bus)) {
        return VMC_BUS_LOCKED;
    }
    for (uint32_t i = 0; i < VMC_FRONT_SLOTS_MAX; i++) {
        const struct vmc_front_slot *other = &front->slots[i];

        if (i != slot && memory->gpa < other->gpa + other->size_bytes &&
            other->gpa < end) {
            return -EEXIST;
        }
    }
    front->slots[slot] = *memory;
    return 0;
}

const struct vmc_front_slot *vmc_front_slot_at(const struct vmc_front *front,
                                               uint64_t gpa)
{
    for (uint32_t i = 0; i < VMC_FRONT_SLOTS_MAX; i++) {
        if (gpa - front->slots[i].gpa < front->slots[i].size_bytes) {
            return &front->slots[i];
        }
    }
    return NULL;
}

bool vmc_front_ram(struct vmc_front *front, uint64_t gpa, uint8_t *data,
                   uint32_t len, bool is_write)
{
    const struct vmc_front_slot *slot = vmc_front_slot_at(front, gpa);

    if (slot == NULL || (is_write && slot->is_readonly)) {
        return false;
    }
    front->counts.ram++;
    if (slot->host == NULL) {
        if (!is_write) {
            memset(data, 0, len);
        }
        return true;
    }
    if (is_write) {
        memcpy(slot->host + (gpa - slot->gpa), data, len);
    } else {
        memcpy(data, slot->host + (gpa - slot->gpa), len);
    }
    return true;
}

/* ---- The bus ------------------------------------------------------------ */

int vmc_front_offer(struct vmc_front *front, enum vmc_bus_index index,
                    struct vmc_bus_access *access, bool is_write)
{
    struct vmc_bus_device *device =
        index == VMC_BUS_MMIO
            ? vmc_bus_front_at(front->bus, access->addr, access->len)
            : NULL;
    uint32_t reader = vmc_bus_enter(front->bus);
    int result = -EOPNOTSUPP;

    if (device != NULL) {
        result = is_write ? vmc_bus_device_write(device, access)
                          : vmc_bus_device_read(device, access);
    }
    if (device != NULL && result == 0) {
        access->server = device;
        front->counts.fronts++;
    } else {
        result = is_write ? vmc_bus_write(front->bus, index, access)
                          : vmc_bus_read(front->bus, index, access);
        if (result == 0) {
            front->counts.bus++;
        } else {
            front->counts.refused++;
        }
    }
    vmc_bus_leave(front->bus, reader);
    return result;
}

/* ---- Back to user space ------------------------------------------------- */

bool vmc_front_is_interrupted(const struct vmc_front *front, int result)
{
    return result == -EINTR && vmc_bus_config(front->bus)->stops_on_error;
}

int vmc_front_interrupt(struct vmc_front_vcpu *vcpu,
                        enum vmc_front_pending pending)
{
    vcpu->pending = pending;
    vcpu->run.exit_reason = VMC_EXIT_INTR;
    return -EINTR;
}

void vmc_front_emit(struct vmc_front *front, struct vmc_front_event event)
{
    if (front->event != NULL) {
        front->event(front->owner, &event);
    }
}

void vmc_front_emit_mmio(struct vmc_front *front, uint32_t vcpu,
                         enum vmc_front_event_kind kind, uint64_t gpa,
                         uint32_t len, const uint8_t *data)
{
    struct vmc_front_event event = {
        .kind = kind, .vcpu = vcpu, .addr = gpa, .len = len};

    for (uint32_t i = len < 8 ? len : 8; data != NULL && i-- > 0;) {
        event.value = event.value << 8 | data[i];
    }
    vmc_front_emit(front, event);
}

int vmc_front_return(struct vmc_front *front, struct vmc_front_vcpu *vcpu,
                     int result)
{
    if (result > 0) {
        return result;
    }
    if (result == 0) {
        switch (vcpu->run.exit_reason) {
        case VMC_EXIT_MMIO:
            front->counts.exits_mmio++;
            break;
        case VMC_EXIT_IO:
            front->counts.exits_io++;
            break;
        case VMC_EXIT_LOONGARCH_IOCSR:
            front->counts.exits_iocsr++;
            break;
        default:
            front->counts.exits_other++;
        }
    }
    vmc_front_emit(front,
                   (struct vmc_front_event){.kind = VMC_EVENT_USERSPACE_EXIT,
                                            .vcpu = vcpu->index,
                                            .reason = vcpu->run.exit_reason,
                                            .result = result});
    return result;
}

int vmc_front_exit_mmio(struct vmc_front *front, struct vmc_front_vcpu *vcpu,
                        uint64_t gpa, uint32_t len, const uint8_t *data)
{
    struct vmc_kvm_exit_mmio *mmio = &vcpu->run.mmio;

    (void)front;
    assert(len <= sizeof(mmio->data));
    vcpu->pending = VMC_PENDING_MMIO;
    vcpu->run.exit_reason = VMC_EXIT_MMIO;
    mmio->phys_addr = gpa;
    mmio->len = len;
    mmio->is_write = data != NULL;
    if (data != NULL) {
        memcpy(mmio->data, data, len);
    }
    return VMC_FRONT_EXIT;
}

uint64_t vmc_front_extend(uint64_t value, uint32_t size_bytes, bool is_signed)
{
    uint32_t unused_bits = 64 - 8 * size_bytes;

    assert(size_bytes >= 1 && size_bytes <= 8);
    value <<= unused_bits;
    return is_signed ? (uint64_t)((int64_t)value >> unused_bits)
                     : value >> unused_bits;
}

/* ---- And back ----------------------------------------------------------- */

/* Finish what is pending. Another exit of the same access comes first. */
static int complete(struct vmc_front *front, struct vmc_front_vcpu *vcpu)
{
    enum vmc_front_pending pending = vcpu->pending;

    vcpu->pending = VMC_PENDING_NONE;
    switch (pending) {
    case VMC_PENDING_NONE:
        break;
    case VMC_PENDING_MMIO:
        if (front->config.arch == VMC_ARCH_X86) {
            return vmc_front_x86_complete(front, vcpu);
        }
        if (front->config.arch == VMC_ARCH_ARM64) {
            vmc_front_arm64_complete(front, vcpu);
        } else {
            vmc_front_loongarch_complete(front, vcpu, false);
        }
        break;
    case VMC_PENDING_MMIO_AGAIN:
        if (front->config.arch == VMC_ARCH_X86) {
            return vmc_front_x86_again(front, vcpu);
        }
        return front->config.arch == VMC_ARCH_ARM64
                   ? vmc_front_arm64_again(front, vcpu)
                   : vmc_front_loongarch_again(front, vcpu);
    case VMC_PENDING_PIO:
        vmc_front_pio_complete(front, vcpu);
        break;
    case VMC_PENDING_PIO_AGAIN:
        return vmc_front_pio_again(front, vcpu);
    case VMC_PENDING_IOCSR:
        vmc_front_loongarch_complete(front, vcpu, true);
        break;
    }
    return VMC_FRONT_GUEST;
}

int vmc_front_run(struct vmc_front *front, struct vmc_front_vcpu *vcpu)
{
    int result = complete(front, vcpu);

    if (result <= 0) {
        return vmc_front_return(front, vcpu, result);
    }
    if (vcpu->run.immediate_exit) {
        return vmc_front_return(front, vcpu, -EINTR);
    }
    if (vcpu->is_signalled) {
        vcpu->run.exit_reason = VMC_EXIT_INTR;
        return vmc_front_return(front, vcpu, -EINTR);
    }
    return vmc_front_return(front, vcpu, vmc_front_pio_go_on(front, vcpu));
}
