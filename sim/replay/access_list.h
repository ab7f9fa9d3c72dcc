/* SPDX-License-Identifier: MIT */
/**
 * access_list.h - the accesses of a recorded guest, kept, with the time that
 * the guest took between them.
 *
 * What a vCPU did after an access took as long as the recording says, whatever
 * served the access. So the time from the end of one access to the begin of the
 * next is the guest's; the access itself is what a simulation replaces. Where
 * the log does not show an end, it is taken to be as long as the exits whose
 * end it shows are in the middle.
 *
 * Units    Times are ns.
 */
#ifndef VMC_SIM_REPLAY_ACCESS_LIST_H
#define VMC_SIM_REPLAY_ACCESS_LIST_H

#include "sim/replay/bus_log.h"
#include "sim/replay/bus_ranges.h"
#include "stats/histogram.h"

/** One access of a list. */
struct listed_access {
    uint64_t guest_ns; /**< what its vCPU did before, since its last access */
    uint32_t next;     /**< the vCPU's next one, or ACCESS_LIST_END */
    uint32_t probes;   /**< of the search of the bus */
    uint32_t count;    /**< elements of a string instruction */
    uint16_t range;    /**< of the bus_ranges */
    uint8_t space;     /**< enum bus_space */
    bool is_write, is_fast, did_exit;
};

#define ACCESS_LIST_END UINT32_MAX

struct access_list {
    struct listed_access *accesses;
    uint32_t count, room;
    uint32_t first[BUS_LOG_THREADS_MAX]; /**< of each vCPU */
    uint32_t vcpu_count;
    uint64_t exit_ns; /**< in the middle, of those whose end is known */
    struct vmc_hist *recorded_ns; /**< exits whose end is known */
};

/**
 * Read the trace at @path. @meta_path may be NULL; @ranges is begun.
 * Owner    *@list is the caller's, for access_list_free(), also on failure.
 * Fails    as vmc_reader_open() and vmc_reader_next(); VMC_E_FORMAT when there
 *          is no access in it; VMC_E_NOMEM.
 */
enum vmc_status access_list_read(struct access_list *list, const char *path,
                                 const char *meta_path,
                                 struct bus_ranges *ranges,
                                 uint32_t ring_entries,
                                 struct vmc_error *error);

void access_list_free(struct access_list *list);

#endif
