/* SPDX-License-Identifier: MIT */
/**
 * live_replay.h - a recorded guest against a real device process.
 *
 * Every port and MMIO access of the recording that lies in a range is made
 * again, by threads that are vCPUs, through one descriptor; a range is a
 * region, and its number, from 0, the user_data that the device sees. Accesses
 * elsewhere, across the end of a range, or of a width that the wire has no word
 * for, stay with user space and are only counted.
 *
 * What a device answers is its own affair: reads that differ from the
 * recording are counted.
 */
#ifndef VMC_SIM_LIVE_LIVE_REPLAY_H
#define VMC_SIM_LIVE_LIVE_REPLAY_H

#include <jansson.h>
#include <stdio.h>

#include "ioregion/channel.h"
#include "sim/replay/bus_ranges.h"
#include "sim/live/device_server.h"
#include "sim/live/live.h"
#include "stats/histogram.h"

struct live_replay_config {
    const char *trace_path, *meta_path; /**< meta_path may be NULL */
    const struct bus_ranges *ranges;    /**< not begun; none: everything */
    enum live_transport transport;
    const char *connect_path; /**< serve it by who listens there, or ... */
    const char *command;      /**< ... by this shell command, at 3 and 4, ... */
    struct register_file *file; /**< ... or by a child with these registers */
    struct device_server_config server; /**< how that child behaves */
    bool is_posted;                     /**< writes want no answer */
    uint64_t timeout_ms;                /**< for an answer; 0: for ever */
    uint32_t vcpu_count; /**< each makes all accesses; 1 to LIVE_VCPUS_MAX */
};

/** What happened. Counts are of all vCPUs together but the first three. */
struct live_replay_result {
    uint64_t recorded;      /**< accesses of the recording */
    uint64_t elsewhere;     /**< of them outside every range */
    uint64_t unfit;         /**< across an end, or of a width of no command */
    uint64_t reads, writes; /**< made, each element of a string one */
    uint64_t outcomes[LIVE_OUTCOME_COUNT];
    uint64_t causes[VMC_CAUSE_COUNT];
    uint64_t reads_equal; /**< that answered what was recorded */
    uint64_t discarded;   /**< late answers that came and were thrown away */
    struct vmc_hist round_trip_ns; /**< of those that were served */
    bool is_cut;       /**< a signal came first; made is what is counted */
    int device_status; /**< as of waitpid(); -1: not our process */
};

/**
 * Replay. *@result is large; it is filled when this succeeds, however the
 * accesses ended.
 * Order    while the process has one thread
 * Fails    as vmc_reader_open(); VMC_E_IO when the device cannot be reached,
 *          VMC_E_NOMEM.
 */
enum vmc_status live_replay(struct live_replay_result *result,
                            const struct live_replay_config *config,
                            struct vmc_error *error);

/** As JSON, and as a table for a person. */
json_t *live_replay_json(const struct live_replay_result *result);
void live_replay_print(const struct live_replay_result *result, FILE *table);

/** True when every access was served. */
bool live_replay_is_good(const struct live_replay_result *result);

#endif
