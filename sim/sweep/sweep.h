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
 *     set balloon_host.split = 9 us, 18 us
 *     flag vfio = no, yes
 *     [sensitivity]
 *     of = total_ms
 *     by = 10
 *
 * Every combination is a point; points count from 1, the last key varies
 * fastest. With "mode = zip" the n-th values of all keys are a point. A key
 * is the option --KEY of the command; "set NAME" is --set=NAME=VALUE, "flag
 * NAME" is --NAME or nothing, and trace, scenario and argument are words that
 * are no option. A seed gives each point its own, as --seed. With [sensitivity]
 * each of these points is run as it is, and once more with every number of its
 * profile lowered and raised.
 */
#ifndef VMC_SIM_SWEEP_SWEEP_H
#define VMC_SIM_SWEEP_SWEEP_H

#include <stdint.h>

#include "base/base.h"

enum {
    SWEEP_KEYS_MAX = 16,
    SWEEP_VALUES_MAX = 1024,
    SWEEP_WORDS_MAX = 64,
    SWEEP_SOURCE_MAX = 1 << 20, /**< bytes of a file */
    SWEEP_TEXT_MAX = 1 << 20,   /**< bytes of all values, spread out */
    SWEEP_LINE_MAX = 1 << 16,   /**< bytes of the arguments of a point */
    SWEEP_POINTS_MAX = 1000000,
    SWEEP_NUMBERS_MAX = SWEEP_VALUES_MAX / 2 - 1, /**< two values each */
};

/** What a value of a key becomes. */
enum sweep_key_kind {
    SWEEP_OPTION,   /**< --NAME=VALUE */
    SWEEP_SET,      /**< --set=NAME=VALUE */
    SWEEP_FLAG,     /**< --NAME where it is yes */
    SWEEP_ARGUMENT, /**< VALUE */
    SWEEP_NUMBER,   /**< --set=VALUE, or nothing at "-" */
};

/** One line of [vary]. */
struct sweep_key {
    const char *name; /**< as it stands in the file: "set a.b" */
    const char *word; /**< behind what tells the kind: "a.b" */
    enum sweep_key_kind kind;
    uint32_t value_count;
    const char *values[SWEEP_VALUES_MAX];
};

/** A number of a profile that the sensitivity changes. In ticks when it is a
 * time. */
struct sweep_number {
    const char *name; /**< "section.key" */
    uint64_t value, low, high;
    bool is_time, is_assumed;
};

/** The section [sensitivity]. */
struct sweep_sensitivity {
    const char *of; /**< a number of the result, "stages_ms.send"; NULL: none */
    const char *only;    /**< glob of the numbers; NULL: all */
    const char *profile; /**< whose numbers */
    bool has_sourced;    /**< also those that are not assumed */
    uint32_t by_percent;
    uint32_t number_count;
    uint32_t
        unvaried_count; /**< are 0, or too small to be changed by so much */
    struct sweep_number *numbers;
};

/** A file that was read. Visible, but not for writing. */
struct sweep {
    const char *command;                /**< "balloon" */
    const char *words[SWEEP_WORDS_MAX]; /**< that follow it in every point */
    uint32_t word_count;
    struct sweep_key keys[SWEEP_KEYS_MAX + 1]; /**< last: the numbers, if any */
    uint32_t key_count, point_count;
    uint64_t seed;
    bool has_seed, is_zip;
    struct sweep_sensitivity sensitivity;
    const char *path; /**< for messages */
    char *source;     /**< all of the file */
    size_t source_bytes;
    char text[SWEEP_TEXT_MAX]; /**< that all the others point into */
    uint32_t text_bytes;
};

/**
 * Read the file @path; NULL stands for "[sweep] run = @run". @sensitivity is
 * the text of one more section, or NULL.
 * Owner    *@out is the caller's, for sweep_free(); NULL on failure. @path is
 *          borrowed.
 * Fails    VMC_E_IO, VMC_E_FORMAT with file and line, VMC_E_RANGE, VMC_E_NOMEM;
 *          as vmc_profile_load() where there is a sensitivity.
 */
enum vmc_status sweep_load(struct sweep **out, const char *path,
                           const char *run, const char *sensitivity,
                           struct vmc_error *error);

/**
 * Read the @bytes of @text as a file; @path is what messages call it. Nothing
 * else is opened: a sensitivity has no numbers yet.
 * Owner    as sweep_load(); @text is copied.
 * Fails    as sweep_load().
 */
enum vmc_status sweep_parse(struct sweep **out, const char *path,
                            const char *text, size_t bytes,
                            struct vmc_error *error);

/** NULL is allowed. */
void sweep_free(struct sweep *sweep);

/** The value of key @key at @point, from 1. */
const char *sweep_value(const struct sweep *sweep, uint32_t point,
                        uint32_t key);

/** The seed of @point: its own, the same on every machine. Points that differ
 * in a number of the sensitivity alone have the same. */
uint64_t sweep_point_seed(const struct sweep *sweep, uint32_t point);

/** What a point needs to be run: argv for the program, behind argv[0]. */
struct sweep_arguments {
    char *words[2 + SWEEP_WORDS_MAX + SWEEP_KEYS_MAX + 2];
    uint32_t count;
    char text[SWEEP_LINE_MAX];
    uint32_t text_bytes;
};

/**
 * Make the arguments of @point.
 * Fails    VMC_E_RANGE when they are too long.
 */
enum vmc_status sweep_arguments(struct sweep_arguments *arguments,
                                const struct sweep *sweep, uint32_t point);

#endif
