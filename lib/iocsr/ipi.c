/* SPDX-License-Identifier: MIT */
/*
 * QEMU looks at the mask when a bit is set and when the last one is cleared,
 * and at no other time; so a pin can be stuck, or missing, until the next of
 * these (observations I1 to I3). KVM never looks at it.
 */
#include "iocsr/ipi.h"

#include <string.h>

enum vmc_status
vmc_ipi_init(struct vmc_ipi *ipi, const struct vmc_ipi_semantics *semantics,
             uint32_t vcpu_count,
             void (*set_pin)(void *owner, uint32_t vcpu, bool level),
             void *owner)
{
    if (vcpu_count < 1 || vcpu_count > VMC_IPI_VCPUS_MAX) {
        return VMC_E_RANGE;
    }
    memset(&ipi->state, 0, sizeof(ipi->state));
    ipi->semantics = *semantics;
    ipi->vcpu_count = vcpu_count;
    ipi->set_pin = set_pin;
    ipi->owner = owner;
    return VMC_OK;
}

static void set_line(struct vmc_ipi *ipi, uint32_t vcpu, bool level)
{
    ipi->state.units[vcpu].line = level;
    ipi->set_pin(ipi->owner, vcpu, level);
}

/* The pin of a unit whose mask acts at once. */
static void follow(struct vmc_ipi *ipi, uint32_t vcpu)
{
    const struct vmc_ipi_unit *unit = &ipi->state.units[vcpu];
    bool level = (unit->status & unit->enable) != 0;

    if (level != unit->line) {
        set_line(ipi, vcpu, level);
    }
}

void vmc_ipi_send(struct vmc_ipi *ipi, uint32_t vcpu, uint32_t bits)
{
    struct vmc_ipi_unit *unit = &ipi->state.units[vcpu];
    bool was_empty = unit->status == 0;

    unit->status |= bits;
    if (ipi->semantics.enable_acts) {
        follow(ipi, vcpu);
    } else if (ipi->semantics.enable_gates_raise
                   ? (unit->status & unit->enable) != 0
                   : (!ipi->semantics.raise_needs_empty || was_empty) &&
                         bits != 0) {
        set_line(ipi, vcpu, true);
    }
}

bool vmc_ipi_begin_clear(struct vmc_ipi *ipi, uint32_t vcpu, uint32_t bits)
{
    struct vmc_ipi_unit *unit = &ipi->state.units[vcpu];

    unit->status &= ~bits;
    if (ipi->semantics.enable_acts) {
        follow(ipi, vcpu);
        return false;
    }
    if (unit->status != 0 ||
        (ipi->semantics.lower_needs_enable && unit->enable == 0)) {
        return false;
    }
    if (ipi->semantics.line_is_separate) {
        return true;
    }
    set_line(ipi, vcpu, false);
    return false;
}

void vmc_ipi_end_clear(struct vmc_ipi *ipi, uint32_t vcpu)
{
    set_line(ipi, vcpu, false);
}

static void clear(struct vmc_ipi *ipi, uint32_t vcpu, uint32_t bits)
{
    if (vmc_ipi_begin_clear(ipi, vcpu, bits)) {
        vmc_ipi_end_clear(ipi, vcpu);
    }
}

void vmc_ipi_reset(struct vmc_ipi *ipi)
{
    for (uint32_t vcpu = 0; vcpu < ipi->vcpu_count; vcpu++) {
        if (ipi->state.units[vcpu].line) {
            set_line(ipi, vcpu, false);
        }
    }
    memset(&ipi->state, 0, sizeof(ipi->state));
}

uint32_t vmc_ipi_read(const struct vmc_ipi *ipi, uint32_t vcpu,
                      uint32_t offset_bytes)
{
    const struct vmc_ipi_unit *unit = &ipi->state.units[vcpu];

    assert(vcpu < ipi->vcpu_count);
    if (offset_bytes >= VMC_IPI_MAIL && offset_bytes < VMC_IPI_MAIL_END) {
        return unit->mail[(offset_bytes - VMC_IPI_MAIL) / 4];
    }
    switch (offset_bytes) {
    case VMC_IPI_STATUS:
        return unit->status;
    case VMC_IPI_EN:
        return unit->enable;
    default:
        return 0;
    }
}

void vmc_ipi_write(struct vmc_ipi *ipi, uint32_t vcpu, uint32_t offset_bytes,
                   uint32_t value)
{
    struct vmc_ipi_unit *unit = &ipi->state.units[vcpu];

    assert(vcpu < ipi->vcpu_count);
    if (offset_bytes >= VMC_IPI_MAIL && offset_bytes < VMC_IPI_MAIL_END) {
        unit->mail[(offset_bytes - VMC_IPI_MAIL) / 4] = value;
        return;
    }
    switch (offset_bytes) {
    case VMC_IPI_EN:
        unit->enable = value;
        if (ipi->semantics.enable_acts) {
            follow(ipi, vcpu);
        }
        break;
    case VMC_IPI_SET:
        if (!ipi->semantics.set_is_dead) {
            vmc_ipi_send(ipi, vcpu, value);
        }
        break;
    case VMC_IPI_CLEAR:
        clear(ipi, vcpu, value);
        break;
    default:
        break;
    }
}

void vmc_ipi_add_state(struct vmc_ipi *ipi, struct vmc_state_map *map)
{
    vmc_state_add(map, "ipi", &ipi->state, sizeof(ipi->state));
}
