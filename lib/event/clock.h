/* SPDX-License-Identifier: MIT */
/**
 * clock.h - clock domains: integer cycles on top of ticks of 1 ps.
 *
 * A domain has a period in ticks, and its edges are the multiples of it.
 * Models count in cycles of their domain and act on its edges.
 */
#ifndef VMC_EVENT_CLOCK_H
#define VMC_EVENT_CLOCK_H

#include <stdint.h>

#define VMC_TICKS_PER_S  UINT64_C(1000000000000) /**< ticks in a second */
#define VMC_TICKS_PER_US UINT64_C(1000000)       /**< in a microsecond */
#define VMC_TICKS_PER_NS UINT64_C(1000)          /**< in a nanosecond */

/** One clock domain. Plain data; copy it freely. */
struct vmc_clock {
    uint64_t period_ticks; /**< at least 1 */
};

/** Ticks that @cycles take. Asserts the product fits in 64 bits. */
uint64_t vmc_clock_ticks(const struct vmc_clock *clock, uint64_t cycles);

/** How many edges lie in (0, @tick]: the number of the last edge reached. */
uint64_t vmc_clock_cycle_at(const struct vmc_clock *clock, uint64_t tick);

/**
 * The delay from @now_tick to the edge @cycles after the next one; an edge at
 * @now_tick itself is the next one.
 */
uint64_t vmc_clock_delay_ticks(const struct vmc_clock *clock, uint64_t now_tick,
                               uint64_t cycles);

#endif
