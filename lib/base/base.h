/* SPDX-License-Identifier: MIT */
/**
 * base.h - the few words every other module speaks: results, errors and bits.
 *
 * This is the bottom layer. It includes no other module and holds no state.
 */
#ifndef VMC_BASE_BASE_H
#define VMC_BASE_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * The result of a call that can fail for reasons outside the program.
 * A mistake inside the program is an assert(), never one of these.
 */
enum vmc_status {
    VMC_OK = 0,
    VMC_END = 1,       /**< no more of it; success, and nothing came out */
    VMC_E_NOMEM = -1,  /**< the host is out of memory */
    VMC_E_IO = -2,     /**< a file could not be opened, read or written */
    VMC_E_FORMAT = -3, /**< a file does not follow its format */
    VMC_E_RANGE = -4,  /**< a configured number is outside its limits */
    VMC_E_ACCESS = -5, /**< no register answers this offset, size, direction */
    VMC_E_USAGE = -6,  /**< a name or an option that nobody knows */
};

enum { VMC_ERROR_BYTES_MAX = 512 };

/**
 * What went wrong, in one line for a person: "FILE:LINE: what was expected".
 * Filled by the call that returns the failing status, else left untouched.
 */
struct vmc_error {
    char text[VMC_ERROR_BYTES_MAX];
};

/** A short lower-case name for messages; never NULL. Static storage. */
const char *vmc_status_name(enum vmc_status status);

/**
 * Put a printf-style line into @error and hand @status back, so that a
 * failing branch is one statement. Too long a line is cut. NULL is allowed.
 */
enum vmc_status vmc_fail(struct vmc_error *error, enum vmc_status status,
                         const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/**
 * Read all of @text as an unsigned number: decimal, or hexadecimal after 0x.
 * Fails    VMC_E_FORMAT on an empty text, a sign, a foreign character;
 *          VMC_E_RANGE beyond 64 bits. *@out is then unchanged.
 */
enum vmc_status vmc_parse_u64(uint64_t *out, const char *text);

/**
 * Read a size: a number with an optional K, M, G or T (powers of 1024),
 * which "iB" or "B" may follow.
 * Fails    as vmc_parse_u64().
 */
enum vmc_status vmc_parse_size(uint64_t *out, const char *text);

/** The struct of type @type whose member @member lives at @ptr. */
#define VMC_CONTAINER_OF(ptr, type, member)                                    \
    ((type *)(void *)(((char *)(ptr)) - offsetof(type, member)))

/** 128 bits, for products that must not overflow; gcc and clang have it. */
__extension__ typedef unsigned __int128 vmc_u128;

/**
 * @is_watched: whether there is somebody who only looks on. Every place that
 * tells of a change for the sake of watchers asks with this. The benchmark of
 * waveforms builds all once more with VMC_WITHOUT_WATCHERS, where nobody ever
 * is, and compares, so that it is known what asking costs. The compiler keeps
 * what watchers need out of the way of everybody else.
 */
#ifdef VMC_WITHOUT_WATCHERS
#define VMC_WATCHED(is_watched) (false && (is_watched))
#else
#define VMC_WATCHED(is_watched) (__builtin_expect((is_watched), 0) != 0)
#endif

/** How many elements the array @array has. */
#define VMC_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/** Position of the highest set bit. Asserts @bits is not 0. */
static inline unsigned vmc_bits_top(uint64_t bits)
{
    assert(bits != 0);
    return 63U - (unsigned)__builtin_clzll(bits);
}

/** Position of the lowest set bit. Asserts @bits is not 0. */
static inline unsigned vmc_bits_low(uint64_t bits)
{
    assert(bits != 0);
    return (unsigned)__builtin_ctzll(bits);
}

/** The smallest power of two that is at least @value. Asserts it exists. */
static inline uint64_t vmc_round_up_pow2(uint64_t value)
{
    assert(value <= UINT64_C(1) << 63);
    return value <= 1 ? 1 : UINT64_C(1) << (vmc_bits_top(value - 1) + 1);
}

/** @value / @divisor, rounded up. Asserts @divisor is not 0. */
static inline uint64_t vmc_div_up(uint64_t value, uint64_t divisor)
{
    assert(divisor != 0);
    return value / divisor + (value % divisor != 0);
}

#endif
