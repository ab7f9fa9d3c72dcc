/* SPDX-License-Identifier: MIT */
#include "base/rng.h"

#include "base/base.h"

static uint64_t rotate_left(uint64_t bits, unsigned count)
{
    return bits << count | bits >> (64 - count);
}

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void vmc_rng_init(struct vmc_rng *rng, uint64_t seed)
{
    for (unsigned i = 0; i < VMC_COUNT_OF(rng->state); i++) {
        rng->state[i] = splitmix64(&seed);
    }
}

uint64_t vmc_rng_next(struct vmc_rng *rng)
{
    uint64_t *s = rng->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

/* Multiply-and-reject: the high half of a 128-bit product is the sample, and
 * the few low halves that would favour some samples are drawn again. */
uint64_t vmc_rng_below(struct vmc_rng *rng, uint64_t limit)
{
    uint64_t reject_below;
    vmc_u128 product;

    assert(limit > 0);
    reject_below = -limit % limit;
    do {
        product = (vmc_u128)vmc_rng_next(rng) * limit;
    } while ((uint64_t)product < reject_below);
    return (uint64_t)(product >> 64);
}

/* -log2(u) for u = bits / 2^64, in units of 2^-32: the integer part is the
 * count of leading zeros, each fraction bit comes from squaring the rest. */
static uint64_t minus_log2_q32(uint64_t bits)
{
    unsigned top = vmc_bits_top(bits | 1);
    uint64_t mantissa = (bits | 1) << (63 - top);
    uint64_t fraction = 0;

    for (unsigned i = 0; i < 32; i++) {
        vmc_u128 square = (vmc_u128)mantissa * mantissa;

        fraction <<= 1;
        if (square >> 127 != 0) {
            fraction |= 1;
            mantissa = (uint64_t)(square >> 64);
        } else {
            mantissa = (uint64_t)(square >> 63);
        }
    }
    return ((uint64_t)(64 - top) << 32) - fraction;
}

uint64_t vmc_rng_exponential(struct vmc_rng *rng, uint64_t mean)
{
    static const uint64_t ln2_q32 = UINT64_C(2977044472);
    vmc_u128 sample;

    assert(mean < UINT64_C(1) << 40);
    sample = (vmc_u128)minus_log2_q32(vmc_rng_next(rng)) * ln2_q32;
    sample = (sample >> 32) * mean;
    return (uint64_t)((sample + (UINT64_C(1) << 31)) >> 32);
}

uint64_t vmc_seed_derive(uint64_t seed, uint64_t index)
{
    uint64_t state =
        seed ^ rotate_left(index * UINT64_C(0xd1342543de82ef95), 32);

    (void)splitmix64(&state);
    return splitmix64(&state);
}
