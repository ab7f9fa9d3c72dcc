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
#include "balloon/wire.h"

/** Threads and locks. A guest has its own of each, but for what it shares. */
enum vm_role {
    ROLE_VCPU_WORKER, /**< the vCPU that the kernel worker runs on */
    ROLE_VCPU_OTHER,  /**< one more: memory pressure, a program that touches */
    ROLE_MAIN,        /**< the VMM's main loop */
    ROLE_IO,          /**< its I/O thread */
    ROLE_BALLOON,     /**< mutex of the driver */
    ROLE_PAGES,       /**< lock of its list of pages */
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
    WORKER_HINT,
    WORKER_HINT_HOST,
    WORKER_COMPACT,
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
    BUFFER_HINT_START,
    BUFFER_HINT_STOP,
    BUFFER_RAM = 1 << 12 /**< from here: guest-physical addresses + this */
};

/** Driver and device have not agreed on what a message is. */
enum vm_misread {
    MISREAD_NONE,
    MISREAD_PFNS,    /**< page numbers are read as records of the bitmap */
    MISREAD_RECORDS, /**< records are read as page numbers */
};

struct vm;
struct vm_worker;

typedef void vm_step_fn(struct vm_worker *worker, uint32_t step);

struct vm_worker {
    struct vmc_flow flow;
    struct vm *vm;
    vm_step_fn *step;
    const char *kind;
    uint8_t vcpu_role;
    uint64_t units; /**< that this run of the driver may move */

    struct {
        struct vmc_vq_element element;
        struct vmc_account served;
        uint64_t kicked_tick, popped_tick;
        uint32_t return_step, entry;
        uint32_t position; /**< word of the message that comes next */
        uint8_t queue;
        enum vmc_status status; /**< of the last worker_tell() */
    } tell;

    struct vmc_partial partial; /**< of the element being served */

    struct {
        enum vmc_balloon_point point; /**< the last that its message came to */
        uint64_t message;
    } watched;
};

/** A mechanism: how its driver moves pages. */
struct vm_driver {
    uint32_t unit_pages; /**< of a balloon page */
    /** Have @units in the balloon; NULL: by the size worker. */
    void (*resize)(struct vm *vm, uint64_t units);
    /** Begin to move worker->units, or a part of it; end with size_moved(). */
    void (*fill)(struct vm_worker *worker);
    void (*leak)(struct vm_worker *worker);
    vm_step_fn *step;
};

/** What the host of a migration wants of free page hinting. */
enum vm_hint_status { HINT_STOP, HINT_REQUESTED, HINT_START, HINT_DONE };

enum {
    HINT_ID_STOP = 0,
    HINT_ID_DONE = 1,
};

/** The first id of a request; ids go up and wrap to it (spec 4.6). */
#define HINT_ID_MIN UINT32_C(0x80000000)

/** Free page hinting, both sides. */
struct vm_hint {
    /* The host. Bitmaps have a bit for each balloon page. */
    uint64_t *dirty; /**< still to be sent */
    uint64_t *log;   /**< written since the last sync */
    enum vm_hint_status status;
    uint32_t next_id;
    bool is_migrating, is_logging;
    bool is_polling;        /**< its thread looks at the queue by itself */
    uint64_t cleared_pages; /**< dirty bits that hints have cleared */
    uint64_t lost_pages;    /**< written, and nobody noted it */

    /* The guest. */
    struct vmc_pagelist hinted;
    uint32_t active_id;
    uint8_t start_bytes[4], stop_bytes[4];
    bool has_news; /**< the configuration has changed */
};

/** The statistics queue, both sides. */
struct vm_stats {
    uint8_t bytes[VMC_STAT_TAGS * VMC_STAT_BYTES];
    uint64_t values[VMC_STAT_TAGS]; /**< as the host has read them */
    uint64_t answers, polls;
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
    struct vm_worker *parked[QUEUE_COUNT]; /**< waiting for an interrupt */
    struct vmc_account account;
    struct vmc_account aside; /**< of who is not part of the operation */

    /* The driver. Units are those of the mechanism. */
    struct vmc_pagelist balloon, fresh;
    struct vmc_pagelist leaving; /**< off the list, not yet free */
    struct vmc_pagelist program; /**< pages of one that touches memory */
    uint64_t held_units, wanted_units;
    uint32_t read_target; /**< what the size worker read last */
    bool is_out_of_memory;
    uint64_t seen_units;
    uint32_t idle_rounds; /**< of the size worker, without a page */
    uint32_t reversals;   /**< it went the other way than the round before */
    bool was_short;       /**< that round had too few */

    struct {
        uint8_t pfns[PFNS_MAX * 4];
        uint32_t pfn_count;
        uint64_t pairs[PFNS_MAX];      /**< page and count, 32 bits each */
        uint64_t next_pairs[PFNS_MAX]; /**< taken, and not yet under the lock */
        uint32_t next_pair_count;
        uint32_t pair_count;
        uint64_t header;
        uint64_t words[RESPONSE_WORDS];
        uint32_t word_count;
        uint8_t request[24];
        uint8_t response[VMC_MEM_RESPONSE_BYTES];
    } payload;

    struct bitmap *bitmap; /**< of the bitmap drivers */

    uint64_t touch_left, touch_locked_ticks;
    uint64_t oom_calls, oom_pages, oom_kills;
    bool has_oom_taken; /**< since the target was set */
    uint64_t oom_held;  /**< units in the balloon before the notifier */
    struct vmc_page_run moving_from, moving_to; /**< of compaction */
    struct vmc_pagelist isolated;               /**< by it, not yet moved */
    uint64_t soft_pages; /**< reclaimed softly, all told */
    uint64_t migrate_left, migrated, migrate_refused;
    /** virtio-mem. A unit is 64 device blocks of 2 MiB. */
    struct {
        uint64_t *unplugged; /**< the device's: a bit a block */
        uint64_t unplugged_blocks;
        uint32_t busy_answers; /**< that are still to come */
        uint32_t parts;        /**< blocks unplugged, not yet a unit */
        uint32_t back;         /**< blocks plugged, not yet a unit */
        uint32_t retries;
        uint64_t retry_ticks; /**< the last wait for a device that is busy */
        uint32_t plugged_end; /**< all from here on is unplugged; 0: unknown */
    } mem;
    struct vm_hint hint;
    struct vm_stats stats;
    uint64_t used_bytes; /**< by the idle guest itself */
    uint32_t recorded_run,
        recorded_page; /**< next to take of config.recorded */
    uint64_t messages, pages_told, bad_addresses, duplicates;
    uint64_t done_tick; /**< when the last operation was over */
    const char *crash;  /**< what a defect has wrecked */
    uint32_t tells;     /**< messages that a driver wanted to send */
    uint64_t refused_messages, unnamed_messages, payload_bytes;
    enum vm_misread misread;
    bool has_failed_probe, is_device_broken;
    uint32_t isolations; /**< of pages of the balloon, by compaction */
    uint32_t passes;

    /** Of page reporting: one walk over one list. */
    struct {
        uint64_t blocks[REPORT_BLOCKS_MAX];
        uint32_t count;
        struct vmc_free_area area;
        int64_t budget;
        bool is_requested;
    } report;
    bool is_inhibited; /**< discards are disabled */

    /** Direct compaction: where its two scanners are in each zone. */
    struct {
        uint32_t migrate[VMC_ZONE_COUNT], free[VMC_ZONE_COUNT];
        uint32_t failed_order; /**< no use to ask for one, or a larger one */
        uint64_t ticks;        /**< of work, not yet accounted */
    } compact;
    struct check check; /**< the invariants, held against all this */
    uint64_t watched_kicks;
    uint64_t log_lines;                     /**< told to config.on_record */
    struct vmc_balloon_sizes watched_sizes; /**< as they were told last */
};

/** The actor number of @role. */
static inline uint32_t vm_actor(const struct vm *vm, enum vm_role role)
{
    return vm->actor_of[role];
}

/** The defect @number of the host, or of whoever speaks to it, is switched on.
 */
static inline bool vm_has_defect(const struct vm *vm, uint32_t number)
{
    return (vm->config.defects >> number & 1) != 0;
}

/** A deflate frees before it tells. A device that must be told is told first.
 */
static inline bool vm_frees_first(const struct vm *vm)
{
    return vm->config.machine.frees_first != 0 && !vm->config.has_must_tell;
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

/** Give the lists of CPUs back to the buddy lists. */
static inline void vm_drain(struct vm *vm)
{
    vmc_memmap_drain(vm->map);
}
/** The same, with one round of direct compaction when no list has one; what
 * that took is in compact_ticks(). */
uint32_t vm_take_block_hard(struct vm *vm, uint32_t order);

/** End the program that has punched holes into memory: free what it holds. */
void vm_end_holder(struct vm *vm);

/* ---- compact.c -----------------------------------------------------------*/

/** Make a free block of @order, if moving pages can. */
bool vm_compact(struct vm *vm, uint32_t order);

/** Begin anew: both scanners at the ends of their zones. */
void compact_reset(struct vm *vm);

/** The work that was done since it was last asked for. */
uint64_t compact_ticks(struct vm *vm);

/** How many pages are free. */
uint64_t vm_free_pages(const struct vm *vm);

/** How many pages the guest believes it manages: those in the balloon are not
 * among them, unless it may take them back when it is out of memory. */
uint64_t vm_managed_pages(const struct vm *vm);

/* ---- device_log.c --------------------------------------------------------*/

/* Tell config.on_record, if there is one, what QEMU would log: */

/** a new target; */
void vm_log_target(struct vm *vm);
/** the driver reads the configuration, */
void vm_log_config_read(struct vm *vm);
/** or writes what it holds; */
void vm_log_config_written(struct vm *vm, uint32_t old_units);
/** the device takes @worker's message, */
void vm_log_popped(struct vm_worker *worker);
/** lets go of pages that are no entries of an array of numbers, */
void vm_log_discard(struct vm *vm, uint64_t page, uint64_t count);
/** answers virtio-mem, */
void vm_log_request(struct vm *vm, struct vmc_mem_request request,
                    struct vmc_mem_response response);
/** gives @worker's message back, with all of its pages. */
void vm_log_answered(struct vm_worker *worker);

/* ---- watch.c -------------------------------------------------------------*/

/** Tell config.watch of what a worker lets go. */
vmc_flow_watch_fn vm_watch;

/** Tell all watchers how everything stands. */
vmc_flow_notice_fn vm_notice;

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

/** Have @worker's driver move up to @units out of the balloon. */
void worker_leak(struct vm_worker *worker, uint64_t units);

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

/** Fill @survey with what lies where now. */
void vm_survey(const struct vm *vm, struct vmc_balloon_survey *survey);

/* ---- The drivers ---------------------------------------------------------*/

extern const struct vm_driver driver_pfn, driver_bitmap, driver_extent,
    driver_contiguous, driver_huge, driver_virtio_mem, driver_hyperalloc,
    driver_reporting, driver_hinting;

/** Answer a request of virtio-mem. */
void serve_mem_request(struct vm_worker *worker);

/** Report all free memory, in as many passes as it takes. */
void vm_report(struct vm *vm);

/** Let the host reclaim all free frames of the shared allocator; they stay
 * free, but have to be installed before use. */
void vm_reclaim_soft(struct vm *vm);

/* ---- hint.c: free page hinting -------------------------------------------*/

enum vmc_status hint_init(struct vm *vm);
void hint_fini(struct vm *vm);

/** A migration begins: everything is dirty, writes are logged, hints wanted. */
void hint_begin(struct vm *vm);

/** Once more: what was written is dirty again; new hints are wanted. */
void hint_sync(struct vm *vm);

/** The migration is over; the guest gets its hinted pages back. */
void hint_finish(struct vm *vm);

/** The guest is short of memory: give hinted blocks back, rounded up to whole
 * blocks. Returns how many balloon pages. */
uint64_t hint_shrink(struct vm *vm, uint64_t pages);

/** The guest writes to these pages. */
void hint_write(struct vm *vm, uint64_t pfn, uint64_t count);

/** How many balloon pages are still to be sent. */
uint64_t hint_dirty_pages(const struct vm *vm);

/* ---- stats.c, migrate.c, pressure.c --------------------------------------*/

/** Answer the host's polls, until no other worker has anything to do. */
void vm_stats_start(struct vm *vm);

/** Let compaction move @pages of the balloon, one after the other. */
void vm_migrate(struct vm *vm, uint64_t pages);

/** Out of memory, on behalf of the program that touches: deflate some, then
 * let it go on. False when there is nothing to be had. */
bool oom_notify(struct vm *vm);

/** What it asks for: 256 pages, or one unit that is larger. */
uint64_t vm_oom_units(const struct vm *vm);

/** The driver is done with what oom_notify() has asked for. */
void oom_moved(struct vm_worker *worker);

/** Let a program take and touch @pages, and keep them on vm->program. */
void vm_touch(struct vm *vm, uint64_t pages);

/** It was out of memory, and may try again. */
void vm_touch_go_on(struct vm *vm);

/** Let it give back all that it has. */
void vm_touch_end(struct vm *vm);

/** Append one page number to the PFN array. */
void payload_put_pfn(struct vm *vm, uint32_t pfn);

/** The page number at @index of the array. */
uint32_t payload_pfn(const struct vm *vm, uint32_t index);

#endif
