/* SPDX-License-Identifier: MIT */
/**
 * replay_bus_priv.h - the bus section of a replay, as its two halves share it:
 * what it collects (replay_bus.c) and what it says (replay_bus_report.c).
 */
#ifndef VMC_SIM_REPLAY_REPLAY_BUS_PRIV_H
#define VMC_SIM_REPLAY_REPLAY_BUS_PRIV_H

#include "event/event.h"
#include "ioregion/dispatch_sim.h"
#include "sim/replay/bus_log.h"
#include "sim/replay/bus_ranges.h"
#include "sim/replay/bus_timeline.h"
#include "sim/replay/bus_view.h"
#include "sim/machine/irq_lines.h"
#include "sim/replay/replay.h"
#include "stats/histogram.h"

/** What happened in one range. */
struct range_sums {
    uint64_t reads, writes, exits, kernel;
    struct vmc_hist recorded_ns, bound_ns, simulated_ns;
};

/** The access that a simulated vCPU has under way. */
struct under_way {
    uint32_t range;
    enum vmc_dispatch mode;
    bool is_exit, is_write;
};

struct bus_section {
    const struct replay_context *context;
    struct vmc_dispatch_costs costs;
    struct bus_log *log;
    struct bus_ranges *ranges;
    struct bus_view *view;
    struct bus_timeline *tracks; /* NULL: nobody asked for any */
    struct vmc_engine *engine;
    struct vmc_dispatch_sim *sim;
    struct under_way under_way[VMC_DISPATCH_VCPUS_MAX];
    struct vmc_hist recorded_ns, bound_ns, kernel_ns, simulated_ns,
        simulated_kernel_ns, region_ns;
    struct irq_lines irqs;
    struct range_sums sums[BUS_RANGES_MAX];
};

/** The object "bus" of the JSON, as a new reference; the table goes to
 * @table, and rows to the report's folder when there is one. */
json_t *bus_report(const struct bus_section *section, FILE *table);

#endif
