/* SPDX-License-Identifier: MIT */
/*
 * CRC32C is taken from the processor where it has the instruction (x86 SSE4.2)
 * and computed bit by bit elsewhere, which is slow and right. Neither keeps a
 * table, so there is no state and nothing to set up.
 */
#include "base/hash.h"

#include <string.h>

#include "base/base.h"

static const uint32_t crc32c_polynomial = UINT32_C(0x82f63b78);

static uint32_t crc_of_byte(uint32_t byte)
{
    for (int i = 0; i < 8; i++) {
        byte = byte >> 1 ^ ((byte & 1) != 0 ? crc32c_polynomial : 0);
    }
    return byte;
}

static uint64_t load_u64(const unsigned char *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

/* One byte at a time, bit by bit: no table to be shared between threads. */
static uint32_t crc_bytes_plain(uint32_t crc, const unsigned char *at,
                                size_t size_bytes)
{
    for (size_t i = 0; i < size_bytes; i++) {
        crc = crc >> 8 ^ crc_of_byte((crc ^ at[i]) & 0xff);
    }
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t
crc_bytes_sse42(uint32_t crc, const unsigned char *at, size_t size_bytes)
{
    uint64_t wide = crc;

    for (; size_bytes >= 8; size_bytes -= 8, at += 8) {
        wide = __builtin_ia32_crc32di(wide, load_u64(at));
    }
    crc = (uint32_t)wide;
    for (; size_bytes > 0; size_bytes--, at++) {
        crc = __builtin_ia32_crc32qi(crc, *at);
    }
    return crc;
}
#endif

uint32_t vmc_crc32c_plain(uint32_t crc, const void *data, size_t size_bytes)
{
    return ~crc_bytes_plain(~crc, data, size_bytes);
}

uint32_t vmc_crc32c(uint32_t crc, const void *data, size_t size_bytes)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) {
        return ~crc_bytes_sse42(~crc, data, size_bytes);
    }
#endif
    return vmc_crc32c_plain(crc, data, size_bytes);
}

static uint64_t multiply_fold(uint64_t a, uint64_t b)
{
    vmc_u128 product = (vmc_u128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Two lanes eat 16 bytes a step; each is a folded 128-bit product, and both
 * see every byte, so that the halves of the result are independent. */
struct vmc_hash128 vmc_hash128(const void *data, size_t size_bytes,
                               uint64_t seed)
{
    static const uint64_t k[] = {
        UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xc2b2ae3d27d4eb4f),
        UINT64_C(0x165667b19e3779f9), UINT64_C(0xd6e8feb86659fd93)};
    const unsigned char *at = data;
    uint64_t a = seed ^ k[0];
    uint64_t b = seed ^ k[1] ^ size_bytes;
    unsigned char tail[16] = {0};
    uint64_t x, y;

    for (size_t left = size_bytes; left >= 16; left -= 16, at += 16) {
        x = load_u64(at);
        y = load_u64(at + 8);
        a = multiply_fold(a ^ x ^ k[2], y ^ k[0]) + b;
        b = multiply_fold(b ^ y ^ k[3], x ^ k[1]) + a;
    }
    memcpy(tail, at, size_bytes % 16);
    x = load_u64(tail);
    y = load_u64(tail + 8);
    a = multiply_fold(a ^ x ^ k[2], y ^ k[0]) + b;
    b = multiply_fold(b ^ y ^ k[3], x ^ k[1]) + a;
    return (struct vmc_hash128){.low = multiply_fold(a ^ k[3], b ^ k[2]),
                                .high = multiply_fold(b ^ k[0], a ^ k[1])};
}

uint64_t vmc_hash_text(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    }
    return hash;
}
