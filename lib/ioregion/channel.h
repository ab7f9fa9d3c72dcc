/* SPDX-License-Identifier: MIT */
/**
 * channel.h - one pair of descriptors and the vCPUs that share it: who may
 * send, how far a command has gone, which answers are still to come.
 *
 * A channel never blocks and owns no descriptor. It asks a table {write, read}
 * and says what it waits for; the simulator and a loop around poll() drive the
 * same machine:
 *
 *      begin -> TURN -> SEND -> RECEIVE -> done       a posted write is done
 *                 \______\________\_____-> failed     when it has been sent
 *
 * An access keeps byte cursors, so that a signal, a short write or a short
 * read neither loses nor repeats a byte. An access that gives up after its
 * first byte leaves the rest of its command, and the answer to it, to the
 * channel: the rest is sent before the next command, the answer is owed and
 * thrown away when it comes. Until then the channel is SUSPECT. Bytes that
 * nobody owes, an end of file or an error make it DEAD: from then on it touches
 * no descriptor.
 *
 * Turns are given in the order of arrival, of vCPUs at the same time.
 *
 * Units    Points in time are ticks of whoever drives it.
 * Owner    The caller owns channel and accesses: plain data without pointers.
 * Threads  One at a time; with several, a lock around every call.
 */
#ifndef VMC_IOREGION_CHANNEL_H
#define VMC_IOREGION_CHANNEL_H

#include "ioregion/wire.h"

enum { VMC_CHANNEL_WAITERS_MAX = 64 };

/** What a read or write answers that would have to wait. */
#define VMC_CHANNEL_WOULD_BLOCK INT64_MIN

/**
 * The two descriptors. Neither function blocks or raises SIGPIPE. Both answer
 * the bytes moved (1 to @size_bytes; a read 0 at end of file),
 * VMC_CHANNEL_WOULD_BLOCK, or a negated errno; -EAGAIN only where O_NONBLOCK
 * is set, and nobody may wait.
 */
struct vmc_channel_ops {
    int64_t (*write)(void *ends, const void *bytes, size_t size_bytes);
    int64_t (*read)(void *ends, void *bytes, size_t size_bytes);
};

/** The table and its object, and what kind of descriptor answers. */
struct vmc_channel_ends {
    const struct vmc_channel_ops *ops;
    void *ends;
    bool keeps_messages; /**< a message longer than asked for is cut */
};

/** Why an access failed. */
enum vmc_channel_cause {
    VMC_CAUSE_NONE,
    VMC_CAUSE_AGAIN,    /**< O_NONBLOCK was set behind our back */
    VMC_CAUSE_EOF,      /**< the device has closed its end */
    VMC_CAUSE_PIPE,     /**< EPIPE, ECONNRESET: the device is gone */
    VMC_CAUSE_IO,       /**< another error of the descriptor */
    VMC_CAUSE_PROTOCOL, /**< bytes that nobody asked for */
    VMC_CAUSE_DEVICE,   /**< the device says that it failed */
    VMC_CAUSE_TIMEOUT,  /**< no answer in time */
    VMC_CAUSE_REMOVED,  /**< the region went while the answer was due */
    VMC_CAUSE_CLOSED,   /**< the vCPU went */
    VMC_CAUSE_DEAD,     /**< the channel died before */
    VMC_CAUSE_COUNT
};

/** What can be expected of a channel. */
enum vmc_channel_health {
    VMC_CHANNEL_OPEN,
    VMC_CHANNEL_SUSPECT, /**< answers are owed that nobody waits for */
    VMC_CHANNEL_DEAD,
};

/** Where an access stands. */
enum vmc_channel_stage {
    VMC_ACCESS_IDLE,    /**< finished, or never begun */
    VMC_ACCESS_ASIDE,   /**< interrupted, holds nothing; steps queue again */
    VMC_ACCESS_TURN,    /**< in the queue */
    VMC_ACCESS_SEND,    /**< the head of the queue: owns the channel */
    VMC_ACCESS_RECEIVE, /**< owns it, its answer is to come */
};

/** One access of one vCPU on its way. At most one a vCPU. */
struct vmc_channel_access {
    enum vmc_channel_stage stage;
    enum vmc_channel_cause cause; /**< once it has failed */
    int32_t error;                /**< the errno behind the cause, or 0 */
    uint32_t vcpu;
    uint8_t command[VMC_IOREGION_COMMAND_BYTES];
    uint8_t response[VMC_IOREGION_RESPONSE_BYTES]; /**< once it is done */
    uint8_t sent_bytes;
    bool wants_response, is_retired;
    /** When it gives up; UINT64_MAX for never. While it is interrupted its
     * keeper must see to that, with abort(). */
    uint64_t deadline;
};

/** A channel. The fields belong to channel.c. */
struct vmc_channel {
    enum vmc_channel_health health;
    uint64_t timeout_ticks; /**< from the turn to the answer; 0 for never */
    uint32_t owed_count;    /**< whole or partial answers to be thrown away */
    uint8_t left[VMC_IOREGION_COMMAND_BYTES]; /**< a command given up */
    uint8_t left_bytes;                       /**< its unsent rest */
    uint8_t in[VMC_IOREGION_RESPONSE_BYTES];  /**< the oldest answer */
    uint8_t in_bytes;                         /**< how much of it is there */
    uint32_t waiter_count;
    struct {
        uint64_t arrival;
        uint32_t vcpu;
    } waiters[VMC_CHANNEL_WAITERS_MAX]; /**< [0] owns the channel */
    /** For checks and reports: commands begun on the wire, by their answer. */
    uint64_t posted_count, asked_count, answered_count, discarded_count;
    uint64_t failed_counts[VMC_CAUSE_COUNT];
};

/** What became of a step. */
enum vmc_channel_want {
    VMC_CHANNEL_DONE,
    VMC_CHANNEL_FAILED, /**< for the reason in the access */
    VMC_CHANNEL_GONE,   /**< region retired, nothing sent: as if never there */
    VMC_CHANNEL_WAIT_TURN,
    VMC_CHANNEL_WAIT_WRITE,
    VMC_CHANNEL_WAIT_READ,
};

/** An open channel without users. @timeout_ticks 0: answers may take forever.
 */
void vmc_channel_init(struct vmc_channel *channel, uint64_t timeout_ticks);

/**
 * Prepare @access: the 32 bytes of @command are to be sent for @vcpu. The
 * first step queues it.
 * Asserts  @access is idle.
 */
void vmc_channel_begin(struct vmc_channel_access *access, uint32_t vcpu,
                       const uint8_t *command, bool wants_response);

/**
 * Go as far as the descriptors let it. To be repeated when what it waits for
 * may be there, or the deadline has come; a completed access wins over both a
 * deadline and a signal of the same time. After the first three results the
 * access is idle and the next in the queue may step.
 * Asserts  @access is not idle, and there is room in the queue.
 */
enum vmc_channel_want vmc_channel_step(struct vmc_channel *channel,
                                       struct vmc_channel_access *access,
                                       const struct vmc_channel_ends *ends,
                                       uint64_t now);

/**
 * A signal calls the vCPU away from an access that is not done. Before its
 * first byte it leaves the queue; after, it keeps the channel until it steps
 * again or is aborted.
 * Returns  true when it keeps the channel.
 */
bool vmc_channel_interrupt(struct vmc_channel *channel,
                           struct vmc_channel_access *access);

/**
 * The region of @access is being removed: unless a byte has been sent its next
 * step says GONE; if one has, it may go on until @deadline at most.
 */
void vmc_channel_retire(struct vmc_channel_access *access, uint64_t deadline);

/** End @access for @cause now: its vCPU is closed, say. Idle is allowed. */
void vmc_channel_abort(struct vmc_channel *channel,
                       struct vmc_channel_access *access,
                       enum vmc_channel_cause cause);

/**
 * Throw away late answers that are there already, so that a SUSPECT channel
 * may recover without traffic. Does nothing while a vCPU owns the channel.
 */
void vmc_channel_drain(struct vmc_channel *channel,
                       const struct vmc_channel_ends *ends);

/**
 * Forget the answers owed, because their descriptor is closed: none will come.
 * Nobody may be waiting for one.
 */
void vmc_channel_forgive(struct vmc_channel *channel);

/** True when the next step of @access would not say WAIT_TURN. */
bool vmc_channel_is_turn(const struct vmc_channel *channel,
                         const struct vmc_channel_access *access);

/** What is wrong with the books of @channel, or NULL. Static storage. */
const char *vmc_channel_check(const struct vmc_channel *channel);

/** "timeout", say. Static storage. */
const char *vmc_channel_cause_name(enum vmc_channel_cause cause);

#endif
