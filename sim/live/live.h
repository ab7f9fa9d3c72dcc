/* SPDX-License-Identifier: MIT */
/**
 * live.h - the guest's side of a region file descriptor, on real descriptors.
 *
 * The machine of ioregion/channel.h decides what happens; here are the threads
 * that are vCPUs, the descriptors, the host's clock and signals around it:
 *
 *     vCPU thread --live_access()--> region --> channel --> device process
 *
 * A vCPU thread that must wait does so in read() or poll(), and its bell
 * (live_bell.h) calls it away. Whatever the device process does, an access
 * ends: it is served, fails with a cause, is taken back by a signal, or finds
 * its region gone. A silent device holds a vCPU until a time-out, a kick or
 * removal.
 *
 * Units    Names say ms; the machine's ticks are nanoseconds of the host.
 * Threads  Each vCPU is one thread. Kicks, adding and removing regions may
 *          come from any thread; the rest says so.
 */
#ifndef VMC_SIM_LIVE_LIVE_H
#define VMC_SIM_LIVE_LIVE_H

#include <pthread.h>
#include <stdatomic.h>

#include "ioregion/channel.h"
#include "sim/live/live_bell.h"
#include "sim/live/live_process.h"

enum { LIVE_VCPUS_MAX = VMC_CHANNEL_WAITERS_MAX };

/** Why an access has ended. */
enum live_outcome {
    LIVE_SERVED,      /**< the device did it; a read has its data */
    LIVE_INTERRUPTED, /**< a kick or a signal; the same access may resume it */
    LIVE_UNCLAIMED,   /**< the region is gone: an exit as of no region */
    LIVE_FAILED,      /**< the failure exit, with a cause */
    LIVE_OUTCOME_COUNT
};

/** A vCPU: what it is waiting for, and how to wake it. */
struct live_vcpu {
    uint32_t id; /**< below LIVE_VCPUS_MAX; no other has it on a channel */
    struct live_bell bell;
    atomic_bool is_kicked;
    bool is_inside; /**< in live_access(); guarded by the channel's lock */
    struct live_channel *channel; /**< of the access on its way, or NULL */
    struct live_region *region;
    struct vmc_channel_access access;
    uint64_t offset, arrival;
    uint8_t size_bytes;
    bool is_write;
};

/** What is known about the descriptors, for one step of the machine. */
struct live_hints {
    bool has_just_sent;   /**< an answer cannot be there yet */
    bool refuses_to_wait; /**< O_NONBLOCK was found where it should not be */
    bool is_readable;     /**< poll() has said so */
    bool has_result;      /**< a read that waited has given this: */
    int64_t result;       /**< bytes, or a negated errno */
    uint8_t bytes[VMC_IOREGION_RESPONSE_BYTES + 1];
};

/** One pair of descriptors, and the regions and vCPUs that share it. */
struct live_channel {
    pthread_mutex_t lock;
    pthread_cond_t is_left; /**< somebody has left live_access() */
    struct vmc_channel machine;
    struct vmc_channel_ends ends;
    struct vmc_ioregion_format format;
    struct live_end end;
    struct live_vcpu *vcpus[LIVE_VCPUS_MAX]; /**< with an access on its way */
    uint64_t arrival_count, turn_count, step_count;
    bool reads_socket, writes_socket;
    uint32_t unread_bytes;   /**< in a pipe, at most */
    struct live_hints hints; /**< of the step that is being made */
};

/** A window that a device serves. */
struct live_region {
    struct live_channel *channel;
    uint64_t user_data;
    bool is_posted; /**< writes want no answer */
    bool is_dying;
    uint32_t inside_count;
    uint64_t counts[LIVE_OUTCOME_COUNT]; /**< how accesses ended */
    uint64_t given_up_count; /**< whose command was out when it was removed */
};

/** One access of a vCPU. */
struct live_access {
    uint64_t offset; /**< from the start of the region */
    uint64_t data;   /**< to be written; when a read was served, what it gave */
    uint8_t size_bytes;
    bool is_write;
    enum vmc_channel_cause cause; /**< after LIVE_FAILED */
    int error;                    /**< the errno behind it, or 0 */
    uint64_t arrival; /**< in which order it came to the channel, from 0 */
    uint64_t turn;    /**< in which order those that were served ended */
};

/** Make a vCPU. A signal whose handler has SA_RESTART does not take its
 * accesses back. Fails VMC_E_IO when there is no descriptor left. */
enum vmc_status live_vcpu_open(struct live_vcpu *vcpu, uint32_t id,
                               struct vmc_error *error);

/**
 * End a vCPU; an access that was interrupted is given up: if its command has
 * gone out, the channel owes the answer to nobody.
 * Order    not while its thread is in live_access(); the channel still lives
 */
void live_vcpu_close(struct live_vcpu *vcpu);

/** Call the vCPU away from what it waits for, now or the next time it waits.
 * May be called by a signal handler. */
void live_vcpu_kick(struct live_vcpu *vcpu);

/**
 * Take over @end, the guest's end, which becomes -1; it should be blocking.
 * Answers may take @timeout_ms, 0 for ever. If it is a pipe, SIGPIPE is ignored
 * by the process from now on, unless it has a handler.
 * Fails    VMC_E_USAGE when an end is no socket and no pipe.
 */
enum vmc_status live_channel_open(struct live_channel *channel,
                                  struct live_end *end, uint64_t timeout_ms,
                                  struct vmc_error *error);

/** Close the descriptors. Asserts nobody has an access on its way. */
void live_channel_close(struct live_channel *channel);

/** Join @region to @channel; nobody may use it yet. @user_data is what the
 * device sees. */
void live_region_add(struct live_region *region, struct live_channel *channel,
                     uint64_t user_data, bool is_posted);

/**
 * Remove @region: who waits for a turn leaves at once; who has sent a command
 * may wait for its answer @deadline_ms longer. When this returns nobody is in
 * live_access() for it, and nobody gets in.
 * Order    another region may be removed at the same time by another thread
 */
void live_region_remove(struct live_region *region, uint64_t deadline_ms);

/**
 * Do @access for @vcpu, in this thread. After LIVE_INTERRUPTED the same access
 * goes on where it stood; another one gives it up.
 * Asserts  the size is 1, 2, 4 or 8.
 */
enum live_outcome live_access(struct live_region *region,
                              struct live_vcpu *vcpu,
                              struct live_access *access);

/** "served", say. Static storage. */
const char *live_outcome_name(enum live_outcome outcome);

#endif
