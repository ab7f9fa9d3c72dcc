/* SPDX-License-Identifier: MIT */
/**
 * region_run.h - a vCPU that accesses its buses where some ranges are served
 * through descriptors: it may have to wait, be interrupted, and resume.
 *
 * An instruction is cut at pages and into chunks of 8 bytes at most. What the
 * buses take is served there; what they refuse leaves by an exit, after all
 * that is served inside. One call of run() is one KVM_RUN, as far as it gets:
 *
 *     access() -> run() -> WAIT ... run() -> DONE      the guest goes on
 *                   |                   \--> EXIT      user space looks at it,
 *                   \--> EINTR (a signal)              then run() again
 *
 * Before the guest leaves by an exit for a read, user space puts the value
 * into exit.data; it may answer a failure in the same way.
 *
 * A vCPU may instead be driven by a front end (frontend.h), which knows slots,
 * other architectures and string instructions. A region then answers -EINTR
 * for as long as it must wait, and the front end's next run asks it again; a
 * failure looks like a miss. It does so only under H, for a vCPU that was made
 * with init() and is in no access of its own, and on a bus that stops on
 * errors; else it is not its business.
 *
 * Units    Bytes; points in time are ticks.
 * Owner    The caller; after init() a vCPU may not move.
 */
#ifndef VMC_IOREGION_REGION_RUN_H
#define VMC_IOREGION_REGION_RUN_H

#include "ioregion/region.h"

enum { VMC_REGION_ACCESS_BYTES_MAX = 16, VMC_REGION_PARTS_MAX = 2 };

/** Why KVM_RUN has returned; KVM's numbers, but for the last two. */
enum vmc_region_exit_reason {
    VMC_REGION_EXIT_NONE = 0,
    VMC_REGION_EXIT_IO = 2,
    VMC_REGION_EXIT_MMIO = 6,
    VMC_REGION_EXIT_INTR = 10,
    VMC_REGION_EXIT_FAILURE = 100, /**< H: IOREGIONFD_FAILURE, of our own */
    VMC_REGION_EXIT_KILLED = 101,  /**< the VMM has died of SIGPIPE */
};

/** The record of an exit; user space may write all of it. */
struct vmc_region_exit {
    enum vmc_region_exit_reason reason;
    enum vmc_bus_index bus;
    uint64_t addr;
    uint32_t len;
    bool is_write;
    uint8_t data[8];
    uint64_t user_data;           /**< of the region that failed */
    enum vmc_channel_cause cause; /**< of a failure */
    int32_t error;
};

/** How a vCPU is set up. */
struct vmc_region_vcpu_config {
    bool falls_back;  /**< H: a failure looks like a miss, an exit of MMIO */
    bool splits_odd;  /**< H: 3, 5, 6, 7 bytes go as aligned powers of two */
    bool drops_eintr; /**< R3: an architecture that does not know EINTR */
    bool handles_sigpipe; /**< R1, R3: the VMM has a handler */
};

/** An instruction's access. */
struct vmc_region_access {
    enum vmc_bus_index bus; /**< MMIO or PIO */
    uint64_t addr;
    uint32_t len; /**< up to 16 on MMIO; 1, 2 or 4 on PIO */
    bool is_write;
    bool tries_fast; /**< the FAST bus first, as VMX does */
    uint8_t data[VMC_REGION_ACCESS_BYTES_MAX]; /**< a read is put here */
};

/** How vmc_region_vcpu_run() ends. */
enum vmc_region_run {
    VMC_REGION_RUN_DONE,
    VMC_REGION_RUN_WAIT,
    VMC_REGION_RUN_EXIT,
    VMC_REGION_RUN_EINTR,
};

/** Where a chunk stands. */
enum vmc_region_stage {
    VMC_REGION_IDLE,
    VMC_REGION_NEXT,    /**< the next chunk is to be looked for */
    VMC_REGION_SERVING, /**< a candidate has it */
    VMC_REGION_AWAY,    /**< interrupted, to be looked for again */
    VMC_REGION_OUTSIDE, /**< an exit of a fragment, or of a failure */
};

/** R3's memory of an interrupted access, as posted. */
enum vmc_rfc_state { VMC_RFC_LOCK, VMC_RFC_SEND, VMC_RFC_REPLY };

/** A vCPU. Fields but exit belong to this module. */
struct vmc_region_vcpu {
    struct vmc_region_exit exit;
    struct vmc_regions *regions;
    struct vmc_region_vcpu_config config;
    uint32_t id;
    bool has_signal;
    struct vmc_region_access now; /**< the instruction */
    enum vmc_region_stage stage;
    struct {
        uint32_t offset, len, done;
    } parts[VMC_REGION_PARTS_MAX], fragments[VMC_REGION_PARTS_MAX];
    uint32_t part, part_count, fragment, fragment_count;
    uint32_t piece_done; /**< bytes of the chunk that are served */
    bool is_failure;     /**< the exit is one of a failure */
    bool is_fast;        /**< the FAST bus is being tried */
    bool is_inside, has_walk;
    uint32_t reader;
    struct vmc_bus_walk walk;
    int32_t region;             /**< that serves, or -1 */
    uint64_t region_generation; /**< it had then */
    struct vmc_channel_access access;
    enum vmc_channel_want want; /**< of its last step */
    bool has_expired;           /**< failed while it was away */
    /** R1 and R3. */
    enum vmc_rfc_state rfc_state;
    bool is_rfc_started, is_rfc_interrupted;
    uint64_t rfc_ticket; /**< in the queue for the lock; 0 outside */
    int32_t rfc_error;   /**< of the last access; nobody is told */
};

/** Make an idle vCPU, number @id, of the VM of @regions. */
void vmc_region_vcpu_init(struct vmc_region_vcpu *vcpu,
                          struct vmc_regions *regions, uint32_t id,
                          const struct vmc_region_vcpu_config *config);

/** Begin an instruction. Asserts it is idle, and the widths. */
void vmc_region_vcpu_access(struct vmc_region_vcpu *vcpu,
                            const struct vmc_region_access *access);

/** KVM_RUN at @now, until something must be waited for. */
enum vmc_region_run vmc_region_vcpu_run(struct vmc_region_vcpu *vcpu,
                                        uint64_t now);

/**
 * A signal is pending: a run() that would wait returns EINTR instead. One that
 * completes an exit does so first, and leaves its reason as it was.
 */
void vmc_region_vcpu_signal(struct vmc_region_vcpu *vcpu);

/** When it gives up waiting, inside or away; UINT64_MAX for never. */
uint64_t vmc_region_vcpu_deadline(const struct vmc_region_vcpu *vcpu);

/** Give up an interrupted access whose deadline has come. */
void vmc_region_vcpu_expire(struct vmc_region_vcpu *vcpu, uint64_t now);

/** Close the vCPU's descriptor: it is idle then. In R3 a lock stays. */
void vmc_region_vcpu_close(struct vmc_region_vcpu *vcpu);

/** True when run() would get further than WAIT, as far as one can tell. */
bool vmc_region_vcpu_may_go(const struct vmc_region_vcpu *vcpu, uint64_t now);

#endif
