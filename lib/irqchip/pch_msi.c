/* SPDX-License-Identifier: MIT */
#include "irqchip/pch_msi.h"

enum { VECTOR_MASK = 0xff };

void vmc_msi_write(struct vmc_msi *msi, uint32_t data)
{
    uint32_t vector = data & VECTOR_MASK;

    if (msi->data_is_unchecked && data > VECTOR_MASK) {
        msi->state.unchecked_uses++;
        return;
    }
    if (vector < VMC_MSI_FIRST_VECTOR && msi->first_is_fatal) {
        msi->state.fatal_accesses++;
        return;
    }
    msi->set_vector(msi->owner, vector, true);
}
