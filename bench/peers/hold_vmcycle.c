/* SPDX-License-Identifier: MIT */
/* Our side of the comparison: cycles of a clock of 2.5 GHz. */
#include "bench/peers/hold.h"
#include "event/event.h"

enum { PERIOD_TICKS = 400 };

static void again(void *device, uint64_t argument)
{
    vmc_engine_schedule(device, hold_next() * PERIOD_TICKS, VMC_PHASE_DEVICE, 0,
                        argument);
}

int main(int argc, char **argv)
{
    struct vmc_engine_config config = {.handlers_max = 1};
    struct vmc_engine *engine;

    hold_begin(argc, argv);
    config.events_max = hold_held;
    if (vmc_engine_new(&engine, &config) != VMC_OK) {
        return 1;
    }
    (void)vmc_engine_add_handler(engine, "hold", 0, again, engine);
    for (uint32_t i = 0; i < hold_held; i++) {
        vmc_engine_schedule(engine, hold_draw() * PERIOD_TICKS,
                            VMC_PHASE_DEVICE, 0, i);
    }
    (void)vmc_engine_run_all(engine);
    return 0;
}
