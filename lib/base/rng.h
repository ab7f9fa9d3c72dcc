/* SPDX-License-Identifier: MIT */
/**
 * rng.h - the only source of chance: a seeded generator, equal everywhere.
 *
 * A generator is 32 bytes of plain data; copying it copies its future. The
 * algorithm is xoshiro256** (Blackman and Vigna, 2018), seeded by SplitMix64.
 */
#ifndef VMC_BASE_RNG_H
#define VMC_BASE_RNG_H

#include <stdint.h>

/** The state of one stream of numbers. */
struct vmc_rng {
    uint64_t state[4];
};

/** Start the stream that belongs to @seed; every seed is a good one. */
void vmc_rng_init(struct vmc_rng *rng, uint64_t seed);

/** The next 64 bits. */
uint64_t vmc_rng_next(struct vmc_rng *rng);

/** A number from 0 to @limit - 1, each equally likely. Asserts @limit > 0. */
uint64_t vmc_rng_below(struct vmc_rng *rng, uint64_t limit);

/**
 * A sample of the exponential distribution with mean @mean, rounded to an
 * integer. Made in integer arithmetic only, so it is the same everywhere.
 * Asserts  @mean < 2^40.
 */
uint64_t vmc_rng_exponential(struct vmc_rng *rng, uint64_t mean);

/** A seed for the part @index of a run that itself has @seed. */
uint64_t vmc_seed_derive(uint64_t seed, uint64_t index);

#endif
