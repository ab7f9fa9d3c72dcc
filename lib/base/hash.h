/* SPDX-License-Identifier: MIT */
/**
 * hash.h - checksums of files and fingerprints of runs.
 *
 * Both are defined on bytes and integers, never on addresses, and give the
 * same value on every machine.
 */
#ifndef VMC_BASE_HASH_H
#define VMC_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/**
 * CRC32C (Castagnoli, RFC 3720 appendix B.4) of @size_bytes at @data, going
 * on from @crc; start with 0.
 */
uint32_t vmc_crc32c(uint32_t crc, const void *data, size_t size_bytes);

/** The same, computed without the processor's instruction: for processors
 * that lack it, and as a judge of the other. Slow. */
uint32_t vmc_crc32c_plain(uint32_t crc, const void *data, size_t size_bytes);

/** Two independent 64-bit halves. */
struct vmc_hash128 {
    uint64_t low, high;
};

/** A 128-bit hash of bytes, for telling states apart; not for secrets. */
struct vmc_hash128 vmc_hash128(const void *data, size_t size_bytes,
                               uint64_t seed);

/** A 64-bit hash of a NUL-terminated text (FNV-1a). */
uint64_t vmc_hash_text(const char *text);

/** Fold @value into the running hash @hash; the order of folds matters. */
static inline uint64_t vmc_hash_fold(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9fb21c651e98df25);
    return hash ^ hash >> 32;
}

#endif
