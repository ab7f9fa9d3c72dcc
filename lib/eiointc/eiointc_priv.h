/* SPDX-License-Identifier: MIT */
/*
 * eiointc_priv.h - what the files of the EIOINTC share: bits of its registers,
 * and the decoding of routes.
 */
#ifndef VMC_EIOINTC_EIOINTC_PRIV_H
#define VMC_EIOINTC_EIOINTC_PRIV_H

#include "eiointc/eiointc.h"

enum {
    CORE_BITS = 0xf, /* of a route byte or an IPMAP byte */
    CONFIG_ENABLE = 1 << 1,
    CONFIG_INT_ENCODE = 1 << 2,
    CONFIG_CPU_ENCODE = 1 << 3,
};

static inline uint64_t bit_of(uint32_t vector)
{
    return UINT64_C(1) << vector % 64;
}

static inline bool has_bit(const uint64_t *words, uint32_t vector)
{
    return (words[vector / 64] & bit_of(vector)) != 0;
}

static inline void put_bit(uint64_t *words, uint32_t vector, bool value)
{
    if (value) {
        words[vector / 64] |= bit_of(vector);
    } else {
        words[vector / 64] &= ~bit_of(vector);
    }
}

static inline bool is_empty(const uint64_t *words)
{
    return (words[0] | words[1] | words[2] | words[3]) == 0;
}

/* The bits of a value of @size_bytes. */
static inline uint64_t ones(uint32_t size_bytes)
{
    return size_bytes == 8 ? ~UINT64_C(0)
                           : (UINT64_C(1) << (8 * size_bytes)) - 1;
}

/* The vCPU with physical id @id; K0 takes the id for the index. */
uint32_t vmc_eio_index_of(const struct vmc_eio *eio, uint32_t id);

/* The vCPU that the route of @vector names, or VMC_EIO_NO_VCPU: keep the old.
 */
uint32_t vmc_eio_decode_route(const struct vmc_eio *eio, uint32_t vector);

/* The @turn-th of the vCPUs that a route of the real part names, counting
 * round, or VMC_EIO_NO_VCPU. */
uint32_t vmc_eio_decode_turn(const struct vmc_eio *eio, uint32_t vector,
                             uint32_t turn);

/* Whether routes are physical ids now. */
static inline bool is_encoded(const struct vmc_eio *eio)
{
    return (eio->state.status & CONFIG_CPU_ENCODE) != 0;
}

#endif
