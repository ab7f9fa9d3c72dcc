/* SPDX-License-Identifier: MIT */
/**
 * dispatch.h - what one port or memory access of a guest costs, by the way it
 * is served.
 *
 * An access leaves the guest, is looked up on a bus and served by one of seven
 * designs. Each design is a list of stages, each stage has one number, and the
 * sum is what the vCPU waits when nobody is in its way. What happens when
 * somebody is, is in dispatch_sim.h.
 *
 * Units    Ticks of 1 ps.
 */
#ifndef VMC_IOREGION_DISPATCH_H
#define VMC_IOREGION_DISPATCH_H

#include <stdbool.h>
#include <stdint.h>

/** Who serves an access, and how it gets there. */
enum vmc_dispatch {
    VMC_DISPATCH_KERNEL,    /**< a device model inside KVM */
    VMC_DISPATCH_IOEVENTFD, /**< a counter is raised, the value is dropped */
    VMC_DISPATCH_COALESCED, /**< a ring that the VMM empties later */
    VMC_DISPATCH_EXIT,      /**< exit to user space, device in the VMM */
    VMC_DISPATCH_PROCESS,   /**< the VMM passes it on to another process */
    VMC_DISPATCH_POSTED,    /**< ioregionfd: writes do not wait, reads do */
    VMC_DISPATCH_SYNC,      /**< ioregionfd: every access waits */
    VMC_DISPATCH_COUNT
};

/** Where the time of an access goes. */
enum vmc_io_stage {
    VMC_IO_EXIT,    /**< EX: leave the guest, save its state */
    VMC_IO_DECODE,  /**< DE: fetch and decode the instruction */
    VMC_IO_LOOKUP,  /**< LK: LAPIC test and search of the bus */
    VMC_IO_DEVICE,  /**< DV: handler of a device in the kernel */
    VMC_IO_SIGNAL,  /**< SG: raise an eventfd, wake who sleeps on it */
    VMC_IO_RING,    /**< RG: append to the coalesced ring */
    VMC_IO_LEAVE,   /**< UO: return of the ioctl to the VMM */
    VMC_IO_VMM,     /**< VM: the VMM finds the device, elsewhere */
    VMC_IO_MODEL,   /**< VM: the same, and the device is here and works */
    VMC_IO_DRAIN,   /**< VM: the VMM works off a full coalesced ring */
    VMC_IO_ENTER,   /**< UI: the ioctl again; a read is completed */
    VMC_IO_SEND,    /**< TX: write the command, wake the other process */
    VMC_IO_SWITCH,  /**< SC: until the woken task runs */
    VMC_IO_PROCESS, /**< DP: the other process reads and handles it */
    VMC_IO_REPLY,   /**< RX: answer, and wake the vCPU's thread */
    VMC_IO_ENTRY,   /**< EN: load the guest's state, go on */
    VMC_IO_LOCK,    /**< waiting for the descriptor, or the VMM's lock */
    VMC_IO_FULL,    /**< waiting for room in the socket's buffer */
    VMC_IO_QUEUE,   /**< waiting behind other commands in the process */
    VMC_IO_STAGE_COUNT
};

/** What the instruction was; decides what there is to decode. */
enum vmc_io_space {
    VMC_IO_MMIO,
    VMC_IO_MMIO_FAST, /**< EPT misconfiguration: no decode, by address only */
    VMC_IO_PIO,
    VMC_IO_SPACE_COUNT
};

/** One access of a guest, as far as its time is concerned. */
struct vmc_io_access {
    enum vmc_io_space space;
    bool is_write;
    uint32_t probes;   /**< ranges compared while the bus was searched */
    uint32_t elements; /**< of a string instruction; 0 and 1 are one access */
};

enum {
    VMC_DISPATCH_RING_MAX = 4096,   /**< entries of a coalesced ring */
    VMC_DISPATCH_SOCKET_MAX = 4096, /**< commands in a socket's buffer */
    VMC_DISPATCH_PLAN_MAX = 16,     /**< stages of one access */
};

/** What one machine needs for each stage. */
struct vmc_dispatch_costs {
    uint64_t exit, entry;   /**< from the guest to the kernel, and back */
    uint64_t decode_mmio;   /**< a load or store to memory */
    uint64_t decode_in;     /**< IN; on x86 it is emulated */
    uint64_t decode_out;    /**< OUT; on x86 the exit says it all */
    uint64_t lookup;        /**< a search without its comparisons */
    uint64_t probe;         /**< one comparison */
    uint64_t device;        /**< handler of a device in the kernel */
    uint64_t signal;        /**< raise an eventfd */
    uint64_t wake;          /**< make one sleeping task runnable */
    uint64_t ring;          /**< append to the coalesced ring */
    uint64_t drain;         /**< the VMM's work on one entry of that ring */
    uint64_t leave;         /**< from the kernel to the VMM */
    uint64_t vmm;           /**< its own work for an access */
    uint64_t enter;         /**< and back into the kernel */
    uint64_t complete_read; /**< emulation that ends a read, on the way in */
    uint64_t send;          /**< write a command, nobody to be woken */
    uint64_t schedule;      /**< a woken task until it runs, same CPU */
    uint64_t idle_wake;     /**< more, when it sleeps on an idle other CPU */
    uint64_t receive;       /**< read one command or eventfd */
    uint64_t process;       /**< what the device does for one access */
    uint64_t reply;         /**< write and read one answer */
    uint64_t handoff; /**< a lock or place set free until the next one runs */
    uint64_t ring_entries;    /**< entries of the ring; one stays empty */
    uint64_t socket_commands; /**< commands a socket takes before it blocks */
    uint64_t socket_resume;   /**< a blocked writer goes on at this many */
};

/** How the other side is set up. */
struct vmc_dispatch_place {
    /** The process runs on a CPU of its own, which is idle when it sleeps. */
    bool has_other_cpu;
    /** The VMM looks at one exit at a time, as QEMU with its big lock. */
    bool has_vmm_lock;
};

/** The name of @mode in options, tables and JSON; never NULL. */
const char *vmc_dispatch_name(enum vmc_dispatch mode);

/** The mode called @name. False when there is none; *@mode is unchanged. */
bool vmc_dispatch_find(enum vmc_dispatch *mode, const char *name);

/** A lower-case word for @stage, and its two letters of the literature. */
const char *vmc_io_stage_name(enum vmc_io_stage stage);
const char *vmc_io_stage_letters(enum vmc_io_stage stage);

/** True when @mode serves reads too; the others leave them to an exit. */
bool vmc_dispatch_serves_reads(enum vmc_dispatch mode);

/** The mode that really serves a read or write which is set up for @mode. */
enum vmc_dispatch vmc_dispatch_effective(enum vmc_dispatch mode, bool is_write);

/**
 * The stages that the vCPU goes through, in order, when nothing is in its way
 * and the other side sleeps.
 * Returns  how many were put into @stages.
 */
uint32_t vmc_dispatch_plan(enum vmc_dispatch mode, bool is_write,
                           enum vmc_io_stage stages[VMC_DISPATCH_PLAN_MAX]);

/**
 * The stages of the plan that each element of a string instruction goes
 * through anew: those from *@first up to before *@end. In the kernel that is
 * all but the exit and the entry; user space gets all elements at once.
 * Returns  false when there are none.
 */
bool vmc_dispatch_loop(enum vmc_dispatch mode, bool is_write, uint32_t *first,
                       uint32_t *end);

/** What @stage takes for @access when the other side sleeps. */
uint64_t vmc_dispatch_stage_ticks(const struct vmc_dispatch_costs *costs,
                                  const struct vmc_dispatch_place *place,
                                  enum vmc_io_stage stage,
                                  const struct vmc_io_access *access);

/**
 * From leaving the guest to its next instruction: the sum of the plan, with
 * its loop for each further element.
 */
uint64_t vmc_dispatch_ticks(const struct vmc_dispatch_costs *costs,
                            const struct vmc_dispatch_place *place,
                            enum vmc_dispatch mode,
                            const struct vmc_io_access *access);

/**
 * What a coalesced write costs on average while nothing but a full ring makes
 * the VMM look: ring_entries - 1 are absorbed, the next one exits and all are
 * worked off. Rounded down.
 */
uint64_t vmc_dispatch_coalesced_ticks(const struct vmc_dispatch_costs *costs,
                                      const struct vmc_dispatch_place *place,
                                      const struct vmc_io_access *access);

/** False when a number of @costs is beyond what the models take. */
bool vmc_dispatch_costs_are_sane(const struct vmc_dispatch_costs *costs);

#endif
