/* SPDX-License-Identifier: MIT */
#include "irqchip/pch_msi.h"

enum { VECTOR_MASK = 0xff };

void vmc_msi_write(struct vmc_msi *msi, uint32_t data)
{
    uint32_t vector = data & VECTOR_MASK;

    if (msi->data_is_checked && data > VECTOR_MASK) {
        return;
    }
    if (vector < VMC_MSI_FIRST_VECTOR && msi->first_is_fatal) {
        msi->fatal_accesses++;
        return;
    }
    msi->set_vector(msi->owner, vector, true);
}
