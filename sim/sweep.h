/* SPDX-License-Identifier: MIT */
/**
 * sweep.h - a design space in a file: one command, and what is varied.
 *
 *     [sweep]
 *     run = balloon --machine m2-2025 --guest 20G
 *     seed = 7
 *     [vary]
 *     mechanism = pfn, bitmap, sg
 *     move = 1G..16G *2
 *     set balloon.u_unmap = 1 us, 2 us
 *
 * Every combination is a point; points count from 1, the last key varies
 * fastest. With "mode = zip" the n-th values of all keys are a point. A key
 * is the option --KEY of the command; "set NAME" is --set=NAME=VALUE. A seed
 * gives each point its own, as --seed.
 */
#ifndef VMC_SIM_SWEEP_H
#define VMC_SIM_SWEEP_H

#include <stdint.h>

#include "base/base.h"

enum {
    SWEEP_KEYS_MAX = 16,
    SWEEP_VALUES_MAX = 1024,
    SWEEP_WORDS_MAX = 64,
    SWEEP_TEXT_MAX = 1 << 16,
    SWEEP_POINTS_MAX = 1000000,
};

/** One line of [vary]. */
struct sweep_key {
    const char *name;
    const char *values[SWEEP_VALUES_MAX];
    uint32_t value_count;
};

/** A file that was read. Visible, but not for writing. */
struct sweep {
    const char *command;                /**< "balloon" */
    const char *words[SWEEP_WORDS_MAX]; /**< that follow it in every point */
    uint32_t word_count;
    struct sweep_key keys[SWEEP_KEYS_MAX];
    uint32_t key_count, point_count;
    uint64_t seed;
    bool has_seed, is_zip;
    char text[SWEEP_TEXT_MAX]; /**< that all the others point into */
    uint32_t text_bytes;
};

/**
 * Read the file @path.
 * Owner    *@out is the caller's, for sweep_free(); NULL on failure.
 * Fails    VMC_E_IO, VMC_E_FORMAT with file and line, VMC_E_NOMEM.
 */
enum vmc_status sweep_load(struct sweep **out, const char *path,
                           struct vmc_error *error);

/** NULL is allowed. */
void sweep_free(struct sweep *sweep);

/** The value of key @key at @point, from 1. */
const char *sweep_value(const struct sweep *sweep, uint32_t point,
                        uint32_t key);

/** The seed of @point: its own, the same on every machine. */
uint64_t sweep_point_seed(const struct sweep *sweep, uint32_t point);

/** What a point needs to be run: argv for the program, behind argv[0]. */
struct sweep_arguments {
    char *words[2 + SWEEP_WORDS_MAX + SWEEP_KEYS_MAX + 2];
    uint32_t count;
    char text[SWEEP_TEXT_MAX];
    uint32_t text_bytes;
};

/**
 * Make the arguments of @point.
 * Fails    VMC_E_RANGE when they are too long.
 */
enum vmc_status sweep_arguments(struct sweep_arguments *arguments,
                                const struct sweep *sweep, uint32_t point);

#endif
