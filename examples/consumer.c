/* SPDX-License-Identifier: MIT */
/* The smallest program that uses the library: one event, one cycle later. */
#include <event/clock.h>
#include <event/event.h>
#include <stdio.h>

static void say_when(void *engine, uint64_t argument)
{
    (void)printf("event %u at tick %u\n", (unsigned)argument,
                 (unsigned)vmc_engine_now_tick(engine));
}

int main(void)
{
    const struct vmc_engine_config config = {.events_max = 16,
                                             .handlers_max = 1};
    const struct vmc_clock clock = {.period_ticks = 400}; /* 2.5 GHz */
    struct vmc_engine *engine;
    uint16_t handler;

    if (vmc_engine_new(&engine, &config) != VMC_OK) {
        return 1;
    }
    handler = vmc_engine_add_handler(engine, "example", 0, say_when, engine);
    vmc_engine_schedule(engine, vmc_clock_ticks(&clock, 1), VMC_PHASE_DEVICE,
                        handler, 42);
    (void)vmc_engine_run_all(engine);
    vmc_engine_free(engine);
    return 0;
}
