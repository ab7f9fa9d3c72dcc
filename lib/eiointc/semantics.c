/* SPDX-License-Identifier: MIT */
/* What spec section 15 says of each implementation. */
#include "eiointc/eiointc.h"

struct vmc_eio_semantics
vmc_eio_semantics_of(enum vmc_eio_implementation implementation)
{
    struct vmc_eio_semantics s = {
        .sizes_bytes = 1 | 2 | 4 | 8,
        .has_int_encode = true,
        .ids_are_looked_up = true,
        .lowers_redundantly = true,
        .zero_route = VMC_EIO_ZERO_KEEPS,
        .redecode = VMC_EIO_REDECODE_GROUP,
        .restore = VMC_EIO_RESTORE_RAW_ID,
        .virt_moves_words = true,
        .virt_is_always_there = true,
        .reset = VMC_EIO_RESET_ZEROES,
    };

    switch (implementation) {
    case VMC_EIO_QEMU:
        s.sizes_bytes = 4 | 8;
        s.splits_words = true;
        s.has_int_encode = false;
        s.virt_moves_words = false;
        s.virt_is_always_there = false;
        s.reset = VMC_EIO_RESET_KEEPS;
        s.zero_route = VMC_EIO_ZERO_IS_CPU0;
        s.redecode = VMC_EIO_REDECODE_WORD;
        s.restore = VMC_EIO_RESTORE_FORGETS;
        break;
    case VMC_EIO_KVM_K0:
        s.ids_are_looked_up = false;
        s.aligns_down = true;
        s.latches_outside_lock = true;
        s.zero_route = VMC_EIO_ZERO_INVALID;
        s.redecode = VMC_EIO_REDECODE_WIDTH;
        break;
    case VMC_EIO_KVM_K1:
        s.latches_outside_lock = true;
        s.redecode = VMC_EIO_REDECODE_WIDTH;
        break;
    case VMC_EIO_KVM_K2:
        break;
    case VMC_EIO_KVM_K3: /* B-41 was read in K0 to K2; assumed gone in K3 */
        s.reset = VMC_EIO_RESET_CLEARS;
        break;
    case VMC_EIO_HW:
        s.ack_clears_latch = true;
        s.isr_is_readable = true;
        s.has_nodes = true;
        s.rotates = true;
        s.pins_are_checked = true;
        s.pins_follow = true;
        s.gate_is_needed = true;
        s.lowers_redundantly = false;
        s.virt_moves_words = false;
        s.virt_is_always_there = false;
        s.redecode = VMC_EIO_REDECODE_WIDTH;
        s.reset = VMC_EIO_RESET_CLEARS;
        s.restore = VMC_EIO_RESTORE_RIGHT;
        break;
    }
    return s;
}
