/* SPDX-License-Identifier: MIT */
/**
 * costs.h - what one operation of guest, transport and host takes.
 *
 * One struct of numbers, the same for every mechanism: a machine is described
 * once, and no driver has a number of its own. sim/ fills it from a profile,
 * where each number has its source.
 *
 * Units    Ticks of 1 ps.
 */
#ifndef VMC_BALLOON_COSTS_H
#define VMC_BALLOON_COSTS_H

#include <stdint.h>

/** Where the time of an operation goes. */
enum vmc_balloon_stage {
    VMC_STAGE_ALLOC,     /**< guest: pages out of or into the allocator */
    VMC_STAGE_ENCODE,    /**< guest: bitmaps, lists and records */
    VMC_STAGE_SEND,      /**< all of a message that is not a page's */
    VMC_STAGE_TRANSLATE, /**< host: from the wire to a host address */
    VMC_STAGE_MADVISE,   /**< host: the call, when there is nothing to do */
    VMC_STAGE_ZAP,       /**< host: page table entries and pages given up */
    VMC_STAGE_FLUSH,     /**< host: stage-2 entries and their flush */
    VMC_STAGE_FAULT,     /**< first touch of memory that is not there */
    VMC_STAGE_PIN,       /**< VFIO: map, unmap, pin, unpin */
    VMC_STAGE_TOUCH,     /**< guest: use of memory that is there */
    VMC_STAGE_SLEEP,     /**< guest: waiting for free memory, for a timer */
    VMC_STAGE_WAIT,      /**< waiting for a lock or a thread */
    VMC_STAGE_COUNT
};

/** Lower-case name of @stage, as in the JSON; never NULL. */
const char *vmc_balloon_stage_name(enum vmc_balloon_stage stage);

/** One message to the host and back, apart from its pages (spec 3.2, 3.3). */
struct vmc_send_costs {
    uint64_t add;            /**< descriptors and available ring */
    uint64_t kick_exit;      /**< doorbell, an exit handled in the kernel */
    uint64_t wake_host;      /**< until the VMM's main loop runs */
    uint64_t pop;            /**< take the element */
    uint64_t map_descriptor; /**< each buffer after the first */
    uint64_t push;           /**< used ring */
    uint64_t irq;            /**< interrupt message until the vCPU is kicked */
    uint64_t wake_vcpu;      /**< a sleeping vCPU until it runs its task */
    uint64_t wake_polled;    /**< the same while the host still polls */
    uint64_t halt_poll;      /**< how long the host polls for a halted vCPU */
    uint64_t isr;            /**< handler, used ring, wake-up of the waiter */
    uint64_t config_read;    /**< exit to user space */
    uint64_t config_write;   /**< likewise */
    uint64_t requeue;        /**< the work item, until it runs again */
};

/** What the guest's kernel and its programs do themselves. */
struct vmc_guest_costs {
    uint64_t alloc, free;           /**< one page, with list and accounts */
    uint64_t alloc_huge, free_huge; /**< the same for an order-9 block */
    uint64_t list_walk;             /**< visit one page of the balloon list */
    uint64_t set_bit;               /**< one page of the bitmap */
    uint64_t clear_chunk;           /**< 32 KiB of bitmap */
    uint64_t word;                  /**< one word of a response */
    uint64_t touch;                 /**< take and touch a page mapped huge */
    uint64_t touch_small;           /**< the same mapped by 4 KiB entries */
    uint64_t hot_add, hot_remove;   /**< a page of a memory block */
    uint64_t isolate_used;          /**< an order-9 block that was in use */
    uint64_t shared_take;           /**< frame of the shared allocator */
    uint64_t shared_return;         /**< the same given back */
    uint64_t hypercall;             /**< an install, per frame */
    uint64_t migrate;               /**< copy one page elsewhere */
    uint64_t retry_sleep;           /**< no page to be had */
    uint64_t report_delay;          /**< before a pass of page reporting */
    uint64_t auto_period; /**< before a pass over the shared allocator */
};

/** What the host does for a message, a touch, or an assigned device. */
struct vmc_host_costs {
    uint64_t translate;      /**< address to RAM block, one entry */
    uint64_t extent_page;    /**< a page of a bitmap or extent, beside it */
    uint64_t madvise_empty;  /**< DONTNEED where nothing is */
    uint64_t willneed;       /**< the advice that pages come back, a call */
    uint64_t zap_small;      /**< a 4 KiB page in a call of its own */
    uint64_t zap_small_bulk; /**< a 4 KiB page of a longer call */
    uint64_t flush_small;    /**< 4 KiB stage-2 entries, once a call */
    uint64_t split;          /**< first 4 KiB out of a huge page */
    uint64_t zap_huge;       /**< a huge page in a call of its own */
    uint64_t zap_huge_bulk;  /**< a huge page of a longer call */
    uint64_t fault_huge;     /**< stage-2 fault, 2 MiB found and cleared */
    uint64_t fault_small;    /**< stage-2 fault without clearing */
    uint64_t clear_small;    /**< find and clear 4 KiB */
    uint64_t map_huge;       /**< stage-2 fault on a present huge page */
    uint64_t vfio_unmap, vfio_map; /**< 2 MiB, with pinning */
};

/** All costs of a machine. */
struct vmc_balloon_costs {
    struct vmc_send_costs send;   /**< of a message */
    struct vmc_guest_costs guest; /**< of the guest's own work */
    struct vmc_host_costs host;   /**< of the host's work */
};

/** Take a block of @order; between a page and a huge page it is linear. */
uint64_t vmc_cost_alloc(const struct vmc_guest_costs *costs, uint32_t order);

/** Give a block of @order back. */
uint64_t vmc_cost_free(const struct vmc_guest_costs *costs, uint32_t order);

/**
 * A message to the host and back when nobody is in its way and the host needs
 * @served for its entries. T_rt' of the closed forms.
 */
uint64_t vmc_cost_round_trip(const struct vmc_send_costs *costs,
                             uint32_t descriptors, uint64_t served);

/** The two configuration accesses and the requeue of one worker run. */
uint64_t vmc_cost_cadence(const struct vmc_send_costs *costs);

#endif
