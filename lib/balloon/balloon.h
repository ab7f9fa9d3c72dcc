/* SPDX-License-Identifier: MIT */
/**
 * balloon.h - how long it takes to move memory between a guest and its host.
 *
 * One call runs a scenario: a guest is set up, the cycles before the one asked
 * for are run, and one operation of it is timed, stage by stage. Everything
 * happens as events of an engine: messages, wake-ups, work on threads, locks.
 *
 * A cycle is the one of the published measurements: touch nearly all memory,
 * shrink, grow, touch again. Without touching, a cycle is shrink and grow.
 *
 * Units    Ticks of 1 ps; sizes in bytes, pages of 4 KiB.
 */
#ifndef VMC_BALLOON_BALLOON_H
#define VMC_BALLOON_BALLOON_H

#include "balloon/costs.h"
#include "balloon/flow.h"
#include "balloon/memmap.h"
#include "balloon/watch.h"
#include "base/base.h"
#include "device/device.h"
#include "event/event.h"
#include "trace/record.h"

/** How memory moves. */
enum vmc_balloon_mechanism {
    VMC_MECHANISM_PFN,          /**< array of 256 page numbers */
    VMC_MECHANISM_BITMAP,       /**< bitmap of 2016, as posted */
    VMC_MECHANISM_BITMAP_FIXED, /**< the same without its defects */
    VMC_MECHANISM_CHUNK,        /**< {base, size} words */
    VMC_MECHANISM_SG,           /**< a descriptor a run */
    VMC_MECHANISM_CONTIGUOUS,   /**< the largest blocks first */
    VMC_MECHANISM_HUGE,         /**< a balloon page is 2 MiB */
    VMC_MECHANISM_VIRTIO_MEM,   /**< memory blocks of 128 MiB */
    VMC_MECHANISM_HYPERALLOC,   /**< the host takes frames itself */
    VMC_MECHANISM_REPORTING,    /**< free page reporting */
    VMC_MECHANISM_HINTING,      /**< free page hinting, for a migration */
    VMC_MECHANISM_COUNT
};

/** What is timed. */
enum vmc_balloon_op {
    VMC_OP_SHRINK,   /**< inflate, unplug, reclaim */
    VMC_OP_GROW,     /**< deflate, plug, return */
    VMC_OP_TOUCH,    /**< re-touch, install */
    VMC_OP_REPORT,   /**< report, hint, or reclaim softly, all that is free */
    VMC_OP_PRESSURE, /**< touch, with a part of memory in the balloon */
    VMC_OP_MIGRATE,  /**< let compaction move pages of the balloon */
    VMC_BALLOON_OP_COUNT
};

/** Facts of a machine beside its costs. */
struct vmc_balloon_machine {
    uint64_t vcpus;            /**< of the guest */
    uint64_t legacy_config;    /**< 1: configuration byte by byte */
    uint64_t ascending_arrays; /**< 1: PFN arrays in order of allocation */
    uint64_t frees_first;      /**< 1: a deflate frees before it tells */
    uint64_t used_bytes;       /**< what an idle guest keeps for itself */
};

/** The number of defect Sn of the successors; that of Dn is n (spec 8). */
#define VMC_DEFECT_S(n) (32 + (n))

/** The set that holds only defect @number. */
#define VMC_DEFECT(number) (UINT64_C(1) << (number))

/** All defects of the bitmap driver, as it was posted: D1 to D27, and D30. The
 * others are those of a host, or of a successor. */
#define VMC_BALLOON_AS_POSTED                                                  \
    ((VMC_DEFECT(28) - VMC_DEFECT(1)) | VMC_DEFECT(30))

/** What goes wrong around a driver: the triggers of the defects of spec 8. */
struct vmc_balloon_faults {
    /** Adds to the inflate, deflate and reporting queues that fail: so many,
     * from the first-th on, counted from 1. */
    uint32_t fail_add_first, fail_add_count;
    uint32_t chunk_max;    /**< chunks of bitmap that can be had; 0: all */
    uint32_t probe_fails;  /**< allocation of the probe: 1 to 3; 0: none */
    uint32_t breaks_after; /**< the device is broken after so many messages */
    uint32_t insert_fails; /**< the page, from 1, that is not inserted (S4) */
    uint32_t busy_answers; /**< of virtio-mem, from the first request on */
    bool is_big_endian, is_32bit; /**< the guest */
    bool has_one_buffer;          /**< header and records in one buffer */
    bool is_standard_device;      /**< it does not know the page bitmap */
    bool lacks_feature;           /**< it does not offer it */
};

enum { VMC_BALLOON_CELLS = 1024 };

/** What lies in a piece of memory, in pages of 4 KiB: where they are, and how
 * many of them the host backs, by pages of either size. */
struct vmc_balloon_cell {
    uint32_t hole, free, used, balloon;
    uint32_t small, huge;
};

/** All of memory, piece by piece, by address. */
struct vmc_balloon_survey {
    uint64_t cell_pages;
    uint32_t cell_count;
    struct vmc_balloon_cell cells[VMC_BALLOON_CELLS];
};

/** Interrupts of the device: a change of its configuration, and used buffers
 * of each queue. */
enum { VMC_BALLOON_IRQ_CONFIG, VMC_BALLOON_IRQ_QUEUES, VMC_BALLOON_IRQS = 6 };

/**
 * Where the device's interrupts go, instead of taking the fixed times of the
 * profile from the main loop to the vCPU's handler. Plain data of the caller,
 * zeroed but for engine and wires: a message's interrupt sets its wire, and
 * the driver goes on when vmc_balloon_interrupted() says that the guest's
 * handler has run.
 */
struct vmc_balloon_port {
    struct vmc_engine *engine; /**< that both sides live on; borrowed */
    struct vmc_wire wires[VMC_BALLOON_IRQS];
    void *vm; /**< while a scenario runs */
    uint64_t raised, taken, lost;
};

/** The guest's handler of @irq has run. One that nobody waits for is lost. */
void vmc_balloon_interrupted(struct vmc_balloon_port *port, uint32_t irq);

/** A scenario. Copied during the call; strings are static or borrowed. */
struct vmc_balloon_config {
    const struct vmc_balloon_costs *costs; /**< of the machine */
    struct vmc_balloon_machine machine;    /**< its other facts */
    enum vmc_balloon_mechanism mechanism;  /**< how memory moves */
    enum vmc_balloon_op op;                /**< what is timed */
    uint64_t guest_bytes;                  /**< all its memory */
    uint64_t move_bytes;  /**< how much moves; touched, with VMC_OP_TOUCH */
    uint64_t touch_bytes; /**< a cycle touches this much; 0: all but 1 GiB */
    uint32_t iteration;   /**< 1: the first cycle */
    bool is_touched;      /**< cycles touch memory */
    bool has_vfio;        /**< a device is assigned: memory is pinned */
    const char *backing;  /**< anon, anon-4k, shmem, 16k, 64k, hugetlb */
    const char *fragmentation; /**< a name, or the text of /proc/buddyinfo */
    uint64_t seed;             /**< of everything that is drawn */
    bool has_deflate_on_oom;   /**< feature 2: out of memory, it deflates */
    bool has_must_tell;        /**< feature 0: tell, then free */
    uint8_t poison_byte;       /**< free pages hold it; 0: not poisoned */
    uint64_t stats_ticks;      /**< the host polls so often; 0: never */
    uint32_t migrate_pages;    /**< VMC_OP_MIGRATE: so many; 0: 256 */
    uint32_t page_bytes;       /**< of the guest: 4096 (0), 16384 or 65536 */
    uint32_t cpu_lists; /**< CPUs with free lists of their own; 0: none */
    uint64_t defects;   /**< a set of VMC_DEFECT(number) */
    struct vmc_balloon_faults faults; /**< what triggers them */
    bool is_stepped;                  /**< an event for every page */
    uint32_t audit_events; /**< all pages are checked every so many; 0: never */
    enum vmc_layout layout; /**< where RAM lies */

    /** Pages to take, in this order, instead of asking the allocator: those of
     * a recorded guest. Borrowed for the call. Only mechanisms that move single
     * pages or blocks of any order can follow it. */
    const struct vmc_page_run *recorded;
    uint32_t recorded_count; /**< how many runs these are */

    /** Where interrupts go; NULL: they take the times of the profile. Borrowed
     * for the call. */
    struct vmc_balloon_port *port;

    /** Who is told of threads and locks; NULL: nobody. Borrowed for the call.
     */
    const struct vmc_balloon_watch *watch;

    /** Gets what QEMU would log of the device, from the first cycle on; NULL:
     * nobody. Text 1 of a record is the name of RAM. */
    void (*on_record)(void *owner, const struct vmc_record *record);
    void *record_owner; /**< for on_record */

    /** Memory before what is timed, and after it. Filled during the call; NULL:
     * not wanted, as it takes a look at every page. */
    struct vmc_balloon_survey *before;
    struct vmc_balloon_survey *after; /**< likewise */

    /** Called now and then with how many events have fired since the last
     * call, for a progress bar; NULL: not. */
    void (*on_progress)(void *owner, uint64_t events);
    void *progress_owner; /**< for on_progress */

    /** Asked after each event; true ends the run there. NULL: never. */
    bool (*is_stopped)(void);

    /** Asked before each cycle, from 1, instead of iteration and op: *@op is
     * to be timed in it, and it is the last, or with VMC_BALLOON_OP_COUNT
     * nothing is, and another follows; false ends the run before it. The costs
     * may be changed here before the first cycle, and no later. NULL: not
     * asked. */
    bool (*choose)(void *owner, uint32_t cycle, enum vmc_balloon_op *op);
    void *choose_owner; /**< for choose */

    /** Instead of cycles: have so many pages in the balloon, one after the
     * other; all of it is timed. Borrowed for the call. */
    const uint64_t *targets;
    uint32_t target_count; /**< how many; 0: cycles */
};

/** What came out. */
struct vmc_balloon_result {
    uint64_t pages;       /**< of 4 KiB that the operation moved or touched */
    uint64_t messages;    /**< to the host and back */
    uint64_t total_ticks; /**< the time of it all */
    struct vmc_account stages;   /**< where that went */
    uint64_t second_touch_ticks; /**< VMC_OP_TOUCH: once more, all there */
    uint64_t passes;             /**< of page reporting */
    uint64_t bad_addresses;      /**< pages outside RAM that the host refused */
    uint64_t refused_messages;   /**< whole: malformed, or not understood */
    uint64_t unnamed_messages;   /**< of the page bitmap, without an id */
    uint64_t payload_bytes;      /**< of all messages */
    uint64_t longest_lock_ticks; /**< the driver's lock, at once */
    uint64_t actual_changes;     /**< values of actual that the host saw */
    uint64_t probe_bytes;        /**< that the page bitmap has allocated */
    uint64_t leaked_bytes;       /**< of them not freed by its removal */
    uint32_t wild_frees;         /**< of what was free, or never was */
    bool is_degraded;            /**< fewer chunks than the guest needs */
    bool has_failed_probe;       /**< there is no balloon */
    bool is_oscillating;    /**< the target lies inside a guest page: no end */
    uint64_t stats_answers; /**< of the statistics queue */
    uint64_t oom_calls;     /**< of the notifier */
    uint64_t oom_pages;     /**< that it has deflated */
    uint64_t oom_kills;     /**< a program did not get its memory */
    uint64_t migrated, migrate_refused; /**< pages; tries while it was busy */
    uint64_t dirty_pages;   /**< of VMC_MECHANISM_HINTING: still to be sent */
    uint64_t managed_pages; /**< that the guest believes it has */
    uint64_t host_bytes_before, host_bytes_after; /**< backed by the host */
    uint64_t huge_bytes_before, huge_bytes_after; /**< by huge pages */
    uint64_t fingerprint, events; /**< of the engine, all cycles */
    /** The run was stopped: times are those until then, and what was begun,
     * such as a stage or a message, may be counted whole. */
    bool is_stopped;
    uint32_t broken_invariant; /**< 0: none; its number in spec order */
    char broken[256];          /**< what broke it */
};

/** Names of the options; NULL for none of that number. */
const char *vmc_balloon_mechanism_name(uint32_t mechanism);

/**
 * Run a scenario.
 * Fails    VMC_E_RANGE when the numbers do not go together, VMC_E_USAGE on an
 *          unknown name, VMC_E_FORMAT on a buddyinfo text, VMC_E_NOMEM; with
 *          a line in @error.
 * Cost     Allocates about 16 bytes a page of the guest, for the call.
 */
enum vmc_status vmc_balloon_run(const struct vmc_balloon_config *config,
                                struct vmc_balloon_result *result,
                                struct vmc_error *error);

#endif
