/* SPDX-License-Identifier: MIT */
/* The invariants I1 to I5 of spec section 3.6, on any state. */
#include "eiointc/eiointc_priv.h"

const char *vmc_eio_check(const struct vmc_eio *eio, uint32_t *vcpu)
{
    const struct vmc_eio_bank *home = &eio->state.banks[eio->config.home_node];
    uint64_t seen[VMC_EIO_WORDS] = {0};

    for (uint32_t c = 0; c < eio->config.vcpu_count; c++) {
        *vcpu = c;
        for (uint32_t w = 0; w < VMC_EIO_WORDS; w++) {
            uint64_t pending = eio->state.coreisr[c][w];
            uint64_t held = 0;

            if ((pending & ~(eio->state.isr[w] & home->enable[w])) != 0) {
                return "I1: pending, and not both latched and enabled";
            }
            if ((pending & seen[w]) != 0) {
                return "I4: pending on two vCPUs";
            }
            seen[w] |= pending;
            for (uint32_t p = 0; p < VMC_EIO_PINS; p++) {
                held |= eio->state.holds[c][p][w];
            }
            if (held != pending) {
                return "I2: the sets of the pins are not what is pending";
            }
            for (uint64_t bits = pending; bits != 0; bits &= bits - 1) {
                if (eio->state.target[64 * w + vmc_bits_low(bits)] != c) {
                    return "I1: pending elsewhere than on its target";
                }
            }
        }
        for (uint32_t p = 0; p < VMC_EIO_PINS; p++) {
            if ((eio->state.lines[c] >> p & 1) ==
                is_empty(eio->state.holds[c][p])) {
                return "I3: a pin is not what its set says";
            }
        }
        if (is_empty(eio->state.coreisr[c]) && eio->state.lines[c] != 0) {
            return "I5: nothing pending, and a pin is up";
        }
    }
    return NULL;
}
