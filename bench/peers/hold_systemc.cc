/* SPDX-License-Identifier: MIT */
/* SystemC (IEEE 1666): one sc_event_queue, one method that it triggers. */
#include <systemc>

#include "bench/peers/hold.h"

struct holder : sc_core::sc_module {
    sc_core::sc_event_queue queue;

    SC_HAS_PROCESS(holder);
    explicit holder(sc_core::sc_module_name name) : sc_module(name)
    {
        SC_METHOD(fire);
        sensitive << queue;
        dont_initialize();
    }
    void notify(uint64_t cycles)
    {
        queue.notify(sc_core::sc_time(400.0 * static_cast<double>(cycles),
                                      sc_core::SC_PS));
    }
    void fire()
    {
        notify(hold_next());
    }
};

int sc_main(int argc, char **argv)
{
    holder top("top");

    hold_begin(argc, argv);
    for (uint32_t i = 0; i < hold_held; i++) {
        top.notify(hold_draw());
    }
    sc_core::sc_start();
    return 0;
}
