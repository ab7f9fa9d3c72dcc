/* SPDX-License-Identifier: MIT */
#include "event/clock.h"

#include "base/base.h"

uint64_t vmc_clock_ticks(const struct vmc_clock *clock, uint64_t cycles)
{
    uint64_t ticks;
    bool overflows =
        __builtin_mul_overflow(clock->period_ticks, cycles, &ticks);

    assert(!overflows);
    return ticks;
}

uint64_t vmc_clock_cycle_at(const struct vmc_clock *clock, uint64_t tick)
{
    assert(clock->period_ticks > 0);
    return tick / clock->period_ticks;
}

uint64_t vmc_clock_delay_ticks(const struct vmc_clock *clock, uint64_t now_tick,
                               uint64_t cycles)
{
    uint64_t edge_cycle;

    assert(clock->period_ticks > 0);
    edge_cycle = vmc_div_up(now_tick, clock->period_ticks);
    return vmc_clock_ticks(clock, edge_cycle + cycles) - now_tick;
}
