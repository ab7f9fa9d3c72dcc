/* SPDX-License-Identifier: MIT */
/* ns-3: Simulator::Schedule() with its default scheduler, or with the one that
 * a fourth argument names, as ns3::HeapScheduler. */
#include <ns3/core-module.h>

#include "bench/peers/hold.h"

static void fire()
{
    ns3::Simulator::Schedule(
        ns3::NanoSeconds(static_cast<int64_t>(hold_next())), &fire);
}

int main(int argc, char **argv)
{
    hold_begin(argc, argv);
    if (argc > 4) {
        ns3::ObjectFactory factory;

        factory.SetTypeId(argv[4]);
        ns3::Simulator::SetScheduler(factory);
    }
    for (uint32_t i = 0; i < hold_held; i++) {
        ns3::Simulator::Schedule(
            ns3::NanoSeconds(static_cast<int64_t>(hold_draw())), &fire);
    }
    ns3::Simulator::Run();
    return 0;
}
