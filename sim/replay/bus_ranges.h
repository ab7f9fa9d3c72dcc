/* SPDX-License-Identifier: MIT */
/**
 * bus_ranges.h - which device lies where: what was named on the command line,
 * what is known of the usual machines, and the rest by ports and pages.
 *
 * Every address finds a range. The first that fits is taken: those that were
 * added, in their order, then the known devices, then a range made for the 16
 * ports, the page of 4 KiB or the 256 IOCSR addresses around it.
 */
#ifndef VMC_SIM_REPLAY_BUS_RANGES_H
#define VMC_SIM_REPLAY_BUS_RANGES_H

#include "base/base.h"
#include "sim/replay/bus_log.h"

enum { BUS_RANGES_MAX = 512, BUS_RANGE_NAME_BYTES = 48 };

/** Who is expected to serve a range. */
enum bus_claim {
    BUS_CLAIM_NONE,   /**< nothing is known of it; the log will tell */
    BUS_CLAIM_USER,   /**< user space */
    BUS_CLAIM_KERNEL, /**< a device in the kernel, reads and writes */
    BUS_CLAIM_RING,   /**< coalesced: writes, while there is room */
    BUS_CLAIM_EVENT,  /**< an ioeventfd: writes */
    BUS_CLAIM_COUNT
};

/** "none", "exit", "kernel", "coalesced", "ioeventfd". */
const char *bus_claim_name(enum bus_claim claim);

struct bus_range {
    char name[BUS_RANGE_NAME_BYTES];
    uint64_t first, last; /**< inclusive */
    uint8_t space;        /**< enum bus_space */
    uint8_t claim;        /**< enum bus_claim */
    bool is_added;        /**< by the command line or a file */
};

struct bus_ranges;

/** Make the known ranges. Fails VMC_E_NOMEM. */
enum vmc_status bus_ranges_new(struct bus_ranges **out);
void bus_ranges_free(struct bus_ranges *ranges);

/**
 * Add "START-END[:pio|mmio|iocsr] [NAME [CLAIM]]": END is the last address; a
 * range that ends below 0x10000 is ports unless it says mmio.
 * Fails    VMC_E_USAGE with a line in @error.
 */
enum vmc_status bus_ranges_add(struct bus_ranges *ranges, const char *text,
                               struct vmc_error *error);

/** Add each line of the file at @path; # begins a comment. Fails VMC_E_IO,
 * VMC_E_USAGE with file and line in @error. */
enum vmc_status bus_ranges_add_file(struct bus_ranges *ranges, const char *path,
                                    struct vmc_error *error);

/** Nothing will be added any more: the known ranges come behind what was. */
void bus_ranges_begin(struct bus_ranges *ranges);

/** The number of the range of @addr, after bus_ranges_begin(); made when it is
 * new. */
uint32_t bus_ranges_find(struct bus_ranges *ranges, enum bus_space space,
                         uint64_t addr);

/** Save or load the ranges that were made since bus_ranges_begin(). A load
 * fails where other ranges were added before it. */
void bus_ranges_archive(struct bus_ranges *ranges, struct vmc_archive *archive);

/** How many there are, how many of them were added, and one of them. */
uint32_t bus_ranges_count(const struct bus_ranges *ranges);
uint32_t bus_ranges_added(const struct bus_ranges *ranges);
const struct bus_range *bus_ranges_at(const struct bus_ranges *ranges,
                                      uint32_t index);

#endif
