/* SPDX-License-Identifier: MIT */
/*
 * vm_priv.h - one guest with its balloon device, as the drivers see it.
 *
 * A worker is a flow with a name: the size worker, a statistics answer, a pass
 * of page reporting. Its steps below STEP_DRIVER are the same for all: reading
 * and writing the configuration, and telling the host. The rest are its
 * driver's. A message is always told in one way, worker_tell(): the buffers
 * are added and the queue kicked, the VMM's main loop wakes up, takes the
 * element, serves it, gives it back and interrupts, the vCPU wakes up.
 */
#ifndef VMC_BALLOON_VM_PRIV_H
#define VMC_BALLOON_VM_PRIV_H

#include "balloon/balloon.h"
#include "balloon/check_priv.h"
#include "balloon/config.h"
#include "balloon/flow.h"
#include "balloon/host.h"
#include "balloon/memmap.h"
#include "balloon/pagelist.h"
#include "balloon/virtqueue.h"

/** Threads and locks. A guest has its own of each, but for what it shares. */
enum vm_role {
    ROLE_VCPU_WORKER, /**< the vCPU that the kernel worker runs on */
    ROLE_VCPU_OTHER,  /**< one more: memory pressure, a program that touches */
    ROLE_MAIN,        /**< the VMM's main loop */
    ROLE_IO,          /**< its I/O thread */
    ROLE_BALLOON,     /**< mutex of the driver */
    ROLE_BQL,         /**< big lock of the VMM */
    ROLE_MM,          /**< mm lock of the VMM's process */
    ROLE_MMU,         /**< KVM's */
    ROLE_COUNT
};

enum vm_queue {
    QUEUE_INFLATE,
    QUEUE_DEFLATE,
    QUEUE_STATS,
    QUEUE_HINT,
    QUEUE_REPORT,
    QUEUE_COUNT
};

enum vm_worker_number {
    WORKER_SIZE,
    WORKER_OOM,
    WORKER_STATS,
    WORKER_REPORT,
    WORKER_TOUCH,
    WORKER_COUNT
};

/** Steps that every worker has. */
enum vm_step {
    STEP_IDLE,
    STEP_SIZE_RUN,
    STEP_SIZE_READ,
    STEP_SIZE_READ_LOCKED,
    STEP_SIZE_READ_DONE,
    STEP_SIZE_WRITE_LOCKED,
    STEP_SIZE_WRITE_DONE,
    STEP_TELL_KICK,
    STEP_TELL_WAKE,
    STEP_TELL_AWAKE,
    STEP_TELL_BQL,
    STEP_TELL_POP,
    STEP_TELL_MM,
    STEP_TELL_SERVE,
    STEP_TELL_ENTRY,
    STEP_TELL_PUSH,
    STEP_TELL_PUSHED,
    STEP_TELL_ISR,
    STEP_TELL_DONE,
    STEP_DRIVER = 64
};

enum {
    PFNS_MAX = 256,
    RESPONSE_WORDS = 4096,
    REPORT_BLOCKS_MAX = 32,
    HUGE_ORDER = 9,
    HUGE_PAGES = 1 << HUGE_ORDER,
    PAGE_SHIFT = 12,
    IDLE_ROUNDS_MAX = 10,
};

/** Addresses of buffers: which part of the payload. */
enum vm_buffer {
    BUFFER_PFNS = 1,
    BUFFER_PAIRS,
    BUFFER_HEADER,
    BUFFER_RESPONSE,
    BUFFER_REQUEST,
    BUFFER_STATS,
    BUFFER_RAM = 1 << 12 /**< from here: guest-physical addresses + this */
};

struct vm;
struct vm_worker;

typedef void vm_step_fn(struct vm_worker *worker, uint32_t step);

struct vm_worker {
    struct vmc_flow flow;
    struct vm *vm;
    vm_step_fn *step;
    uint8_t vcpu_role;

    struct {
        struct vmc_vq_element element;
        struct vmc_account served;
        uint64_t kicked_tick;
        uint32_t return_step, entry;
        uint32_t position; /**< word of the message that comes next */
        uint8_t queue;
        enum vmc_status status; /**< of the last worker_tell() */
    } tell;

    struct vmc_partial partial; /**< of the element being served */
};

/** A mechanism: how its driver moves pages. */
struct vm_driver {
    uint32_t unit_pages; /**< of a balloon page */
    /** Have @units in the balloon; NULL: by the size worker. */
    void (*resize)(struct vm *vm, uint64_t units);
    /** Begin to move @units; end with size_moved(). */
    void (*fill)(struct vm_worker *worker, uint64_t units);
    void (*leak)(struct vm_worker *worker, uint64_t units);
    vm_step_fn *step;
};

struct vm {
    struct vmc_balloon_config config;
    const struct vmc_balloon_costs *costs;
    const struct vm_driver *driver;
    struct vmc_engine *engine;
    struct vmc_actor *actors;
    uint8_t actor_of[ROLE_COUNT];
    struct vmc_memmap *map;
    uint32_t page_order; /**< a guest page is 2^page_order balloon pages */
    struct vmc_host host;

    struct vmc_virtqueue queues[QUEUE_COUNT];
    struct vmc_balloon_config_space space;
    struct vm_worker workers[WORKER_COUNT];
    struct vmc_account account;

    /* The driver. Units are those of the mechanism. */
    struct vmc_pagelist balloon, fresh;
    struct vmc_pagelist program; /**< pages of one that touches memory */
    uint64_t held_units, wanted_units;
    bool is_out_of_memory;
    uint64_t seen_units;
    uint32_t idle_rounds; /**< of the size worker, without a page */
    uint32_t reversals;   /**< it went the other way than the round before */
    bool was_short;       /**< that round had too few */

    struct {
        uint8_t pfns[PFNS_MAX * 4];
        uint32_t pfn_count;
        uint64_t pairs[PFNS_MAX]; /**< page and count, 32 bits each */
        uint32_t pair_count;
        uint64_t header;
        uint64_t words[RESPONSE_WORDS];
        uint32_t word_count;
        uint8_t request[24];
    } payload;

    struct bitmap *bitmap; /**< of the bitmap drivers */

    uint64_t touch_left, touch_locked_ticks;
    uint32_t recorded_run,
        recorded_page; /**< next to take of config.recorded */
    uint64_t messages, pages_told, bad_addresses, duplicates;
    uint64_t done_tick; /**< when the last operation was over */
    const char *crash;  /**< what a defect has wrecked */
    uint32_t passes;

    /** Of page reporting: one walk over one list. */
    struct {
        uint64_t blocks[REPORT_BLOCKS_MAX];
        uint32_t count;
        struct vmc_free_area area;
        int64_t budget;
        bool is_requested;
    } report;
    bool is_inhibited;  /**< discards are disabled */
    struct check check; /**< the invariants, held against all this */
};

/** The actor number of @role. */
static inline uint32_t vm_actor(const struct vm *vm, enum vm_role role)
{
    return vm->actor_of[role];
}

/**
 * Make the guest number @number of @engine, with ROLE_COUNT actors of its own
 * from @actors on. Fails as vmc_balloon_run(); vm_fini() is then not needed.
 */
enum vmc_status vm_init(struct vm *vm, const struct vmc_balloon_config *config,
                        struct vmc_engine *engine, struct vmc_actor *actors,
                        uint32_t number, struct vmc_error *error);
void vm_fini(struct vm *vm);

/* ---- vm_memory.c: pages of the guest -------------------------------------*/

/* The drivers and the wire speak of balloon pages of 4 KiB; the guest's own
 * pages may be larger. These are the only calls that know both. */

enum vmc_status vm_init_memory(struct vm *vm, struct vmc_error *error);

/** One past the highest balloon page. */
uint32_t vm_page_max(const struct vm *vm);

/** Where the balloon page @pfn is. */
enum vmc_page_state vm_state(const struct vm *vm, uint32_t pfn);

/** True when all of [@pfn, @pfn + @count) is RAM the guest may name. */
bool vm_is_ram(const struct vm *vm, uint64_t pfn, uint64_t count);

/** Make whole guest pages @state. */
void vm_mark(struct vm *vm, uint32_t pfn, uint64_t count,
             enum vmc_page_state state);

/** Free whole guest pages, straight into the buddy lists. */
void vm_give(struct vm *vm, uint32_t pfn, uint64_t count);

/** Free the pages of @run in its order, through the lists of a CPU if the
 * guest has them. */
void vm_give_run(struct vm *vm, struct vmc_page_run run);

/** Take what is free in a range; returns how many balloon pages. */
uint64_t vm_isolate(struct vm *vm, uint32_t pfn, uint32_t count,
                    enum vmc_page_state state);

/** The highest order, of balloon pages, that @pfn is aligned to and @count
 * pages hold. */
uint32_t vm_order_at(const struct vm *vm, uint32_t pfn, uint64_t count);

/** The highest order of a block, in balloon pages. */
uint32_t vm_order_max(const struct vm *vm);

/** How many guest pages @count balloon pages are, rounded up. */
uint64_t vm_guest_pages(const struct vm *vm, uint64_t count);

/** Take single guest pages that come one after the other, up to @page_max
 * balloon pages rounded up; count 0 when there is none. */
struct vmc_page_run vm_take(struct vm *vm, uint32_t page_max);

/** Take one block of @order; VMC_PAGE_NONE when there is none. */
uint32_t vm_take_block(struct vm *vm, uint32_t order);

/** How many pages are free. */
uint64_t vm_free_pages(const struct vm *vm);

/* ---- vm.c: workers -------------------------------------------------------*/

/** Work on the vCPU of @worker. */
void worker_work(struct vm_worker *worker, enum vmc_balloon_stage stage,
                 uint64_t ticks, uint32_t next_step);

/** Take, let go, the lock @role. */
void worker_lock(struct vm_worker *worker, enum vm_role role,
                 uint32_t next_step);
void worker_unlock(struct vm_worker *worker, enum vm_role role);

/**
 * Send @count @buffers through @queue and wait for the answer; then run
 * @return_step, with the outcome in worker->tell.status.
 */
void worker_tell(struct vm_worker *worker, enum vm_queue queue,
                 const struct vmc_vq_buffer *buffers, uint32_t count,
                 uint32_t return_step);

/** The driver has moved what it could of what it was asked for. */
void size_moved(struct vm_worker *worker);

/** Ask for @units in the balloon, and let the size worker run. */
void vm_resize(struct vm *vm, uint64_t units);

/** Begin one step of @worker from outside. Asserts it is idle. */
void worker_start(struct vm_worker *worker, uint32_t step);

/* ---- serve.c: the host's side -------------------------------------------*/

/** Serve the whole of worker->tell.element; the cost goes to tell.served. */
void serve(struct vm_worker *worker);

/** Serve the entry number worker->tell.entry alone. False: there is none. */
bool serve_entry(struct vm_worker *worker);

/** Charge @effect to @account. */
void charge_effect(const struct vm *vm, const struct vmc_host_effect *effect,
                   struct vmc_account *account);

/* ---- The drivers ---------------------------------------------------------*/

extern const struct vm_driver driver_pfn, driver_bitmap, driver_extent,
    driver_contiguous, driver_huge, driver_virtio_mem, driver_hyperalloc,
    driver_reporting;

/** Answer a request of virtio-mem. */
void serve_mem_request(struct vm_worker *worker);

/** Report all free memory, in as many passes as it takes. */
void vm_report(struct vm *vm);

/** Let a program take and touch @pages, and keep them on vm->program. */
void vm_touch(struct vm *vm, uint64_t pages);

/** Let it give back all that it has. */
void vm_touch_end(struct vm *vm);

/** Append one page number to the PFN array. */
void payload_put_pfn(struct vm *vm, uint32_t pfn);

/** The page number at @index of the array. */
uint32_t payload_pfn(const struct vm *vm, uint32_t index);

#endif
