/* SPDX-License-Identifier: MIT */
/*
 * The virtual window. State is kept in the bits of the final layout; the other
 * two are translated at the border.
 */
#include "eiointc/eiointc_priv.h"

enum {
    LAYOUT_A_CPU_ENCODE = 1 << 15,
    LAYOUT_B_INT_ENCODE = 1 << 0,
    LAYOUT_B_CPU_ENCODE = 1 << 1,
};

uint32_t vmc_eio_config_bits(const struct vmc_eio *eio)
{
    return eio->state.status;
}

/* ENABLE locks everything but a write of 0, even of the same value (spec 4.2).
 */
void vmc_eio_write_config(struct vmc_eio *eio, uint32_t value)
{
    if ((eio->state.status & CONFIG_ENABLE) != 0 && value != 0) {
        return;
    }
    eio->state.status = value & eio->config.features;
}

/* What the two registers of the layout read as. */
static uint64_t virtual_words(const struct vmc_eio *eio)
{
    uint32_t features = eio->config.features;
    uint32_t status = eio->state.status;

    switch (eio->config.layout) {
    case VMC_EIO_LAYOUT_A:
        return ((features & VMC_EIO_HAS_CPU_ENCODE) != 0 ? 1U : 0U) |
               ((status & CONFIG_CPU_ENCODE) != 0 ? LAYOUT_A_CPU_ENCODE : 0U);
    case VMC_EIO_LAYOUT_B:
        features = ((features & VMC_EIO_HAS_INT_ENCODE) != 0 ? 1U : 0U) |
                   ((features & VMC_EIO_HAS_CPU_ENCODE) != 0 ? 2U : 0U);
        status = ((status & CONFIG_INT_ENCODE) != 0 ? LAYOUT_B_INT_ENCODE : 0) |
                 ((status & CONFIG_CPU_ENCODE) != 0 ? LAYOUT_B_CPU_ENCODE : 0);
        break;
    case VMC_EIO_LAYOUT_FINAL:
    case VMC_EIO_LAYOUT_NONE:
        break;
    }
    return (uint64_t)status << 32 | features;
}

static bool virtual_takes(const struct vmc_eio *eio, uint32_t offset,
                          uint32_t size_bytes)
{
    return eio->config.layout != VMC_EIO_LAYOUT_NONE &&
           (size_bytes == 4 || size_bytes == 8) && offset % size_bytes == 0 &&
           offset + size_bytes <= 8;
}

enum vmc_status vmc_eio_virt_read(struct vmc_eio *eio, uint32_t offset_bytes,
                                  uint32_t size_bytes, uint64_t *value)
{
    *value = 0;
    if (eio->config.semantics.virt_moves_words &&
        eio->config.layout != VMC_EIO_LAYOUT_NONE) {
        if (offset_bytes == VMC_EIO_VIRT_FEATURES ||
            offset_bytes == VMC_EIO_VIRT_CONFIG) {
            *value = virtual_words(eio) >> (8 * offset_bytes) & ones(4) &
                     ones(size_bytes);
        }
        return VMC_OK;
    }
    if (!virtual_takes(eio, offset_bytes, size_bytes)) {
        return VMC_E_ACCESS;
    }
    *value = virtual_words(eio) >> (8 * offset_bytes) & ones(size_bytes);
    return VMC_OK;
}

/* A write to the register that holds the controls of the layout. */
static void write_controls(struct vmc_eio *eio, uint32_t value)
{
    uint32_t bits = value;

    if (eio->config.layout == VMC_EIO_LAYOUT_A) {
        bits = (value & LAYOUT_A_CPU_ENCODE) != 0 ? CONFIG_CPU_ENCODE : 0;
    } else if (eio->config.layout == VMC_EIO_LAYOUT_B) {
        bits = ((value & LAYOUT_B_INT_ENCODE) != 0 ? CONFIG_INT_ENCODE : 0) |
               ((value & LAYOUT_B_CPU_ENCODE) != 0 ? CONFIG_CPU_ENCODE : 0);
    }
    vmc_eio_write_config(eio, bits);
}

enum vmc_status vmc_eio_virt_write(struct vmc_eio *eio, uint32_t offset_bytes,
                                   uint32_t size_bytes, uint64_t value)
{
    uint32_t controls = eio->config.layout == VMC_EIO_LAYOUT_A
                            ? VMC_EIO_VIRT_FEATURES
                            : VMC_EIO_VIRT_CONFIG;

    if (eio->config.semantics.virt_moves_words &&
        eio->config.layout != VMC_EIO_LAYOUT_NONE) {
        if (offset_bytes == controls) {
            write_controls(eio, (uint32_t)value);
        }
        return VMC_OK;
    }
    if (!virtual_takes(eio, offset_bytes, size_bytes)) {
        return VMC_E_ACCESS;
    }
    if (offset_bytes <= controls && controls < offset_bytes + size_bytes) {
        write_controls(eio,
                       (uint32_t)(value >> (8 * (controls - offset_bytes))));
    }
    return VMC_OK;
}
