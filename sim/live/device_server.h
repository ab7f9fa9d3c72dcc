/* SPDX-License-Identifier: MIT */
/**
 * device_server.h - a device process: a register file behind descriptors.
 *
 * Takes commands of the ioregion wire protocol from one descriptor and answers
 * on another, which may be the same one: a socket, or two pipes. It reads
 * whole commands, as many at once as are there, and ends at the first thing
 * that is none: what stands behind it cannot be understood any more.
 *
 * For tests it can misbehave: one answer, or every one, is spoilt.
 *
 * Owner    The caller owns the descriptors, and the register file.
 */
#ifndef VMC_SIM_LIVE_DEVICE_SERVER_H
#define VMC_SIM_LIVE_DEVICE_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"
#include "ioregion/wire.h"
#include "sim/live/register_file.h"

enum { DEVICE_BATCH_MAX = 64, DEVICE_SHORT_BYTES = 20, DEVICE_LONG_BYTES = 48 };

/** What is done to the answers that are spoilt. */
enum device_answer {
    DEVICE_ANSWER_RIGHT,
    DEVICE_ANSWER_SHORT,  /**< 20 bytes; the other 12 after the delay */
    DEVICE_ANSWER_CUT,    /**< 20 bytes, and no more */
    DEVICE_ANSWER_LONG,   /**< 48 bytes */
    DEVICE_ANSWER_LATE,   /**< after the delay */
    DEVICE_ANSWER_TWICE,  /**< the whole answer two times */
    DEVICE_ANSWER_NEVER,  /**< none */
    DEVICE_ANSWER_FAILED, /**< with the FAILED bit */
    DEVICE_ANSWER_COUNT
};

struct device_server_config {
    int read_fd, write_fd;
    struct vmc_ioregion_format format;
    uint32_t batch_max;        /**< commands that a read takes; 1 to 64 */
    enum device_answer answer; /**< what is done to the answers it spoils */
    uint64_t spoil_at;         /**< the only one spoilt, from 1; 0: all */
    uint32_t delay_us;   /**< before each answer; if some are spoilt by being
                            short or late, before (the rest of) those */
    uint64_t exit_after; /**< end at this command, unanswered; 0: never */
    uint64_t flip_after; /**< make flip_fd non-blocking at this command */
    int flip_fd;
    bool fails_unclaimed; /**< FAILED for an access to no register */
};

/** Why serving ended. */
enum device_end {
    DEVICE_END_CLOSED,   /**< the peer closed, between two commands */
    DEVICE_END_EXIT,     /**< exit_after commands have come */
    DEVICE_END_REJECTED, /**< what came was no command, or half of one */
    DEVICE_END_BROKEN,   /**< a descriptor failed: the peer died */
    DEVICE_END_STOPPED,  /**< a signal came, see interrupted.h */
};

struct device_server_counts {
    uint64_t commands, reads, writes, posted;
    uint64_t answers;   /**< that were begun, a doubled one twice */
    uint64_t batches;   /**< reads that brought at least one command */
    uint64_t batch_max; /**< the most that one brought */
    uint64_t unclaimed; /**< accesses to bytes without a register */
    enum device_end end;
};

/**
 * Serve until the peer closes or does not keep the protocol. No memory is
 * allocated and nothing is printed, so a forked child may call it.
 * Owner    *@file is changed; *@counts is filled whatever happens.
 * Threads  one for a pair of descriptors.
 */
void device_serve(const struct device_server_config *config,
                  struct register_file *file,
                  struct device_server_counts *counts);

/** The word for @answer in options. */
const char *device_answer_name(enum device_answer answer);

/** One line for a person that says how it ended. */
const char *device_end_text(enum device_end end);

#endif
