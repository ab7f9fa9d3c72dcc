/* SPDX-License-Identifier: MIT */
/**
 * irqsim.h - an interrupt in time: from the input of the controller to the
 * handler of a vCPU.
 *
 *     input -> router -> COREISR -> pin -> kick or wake -> entry
 *           -> dispatch: status reads -> clear -> device handler -> leave
 *
 * The controller is functional and acts at once; this part decides when it is
 * asked. It sees the controller through an ops table, so that a controller
 * that does not exist yet can be timed like the ones that do. The vCPUs run
 * the guest's own dispatch routines (guest.h), each access at the price that
 * the timing profile names.
 *
 * A vCPU runs guest code, idles, or handles interrupts. It goes idle some time
 * after its last handler; a pin then wakes it, which costs more than a kick.
 * In a handler it takes no other interrupt: what comes waits, or is found by
 * the status reads that are still to come.
 *
 * Units    Ticks of 1 ps.
 * Owner    The caller's storage; struct irqsim_state is plain data.
 */
#ifndef VMC_SIM_MACHINE_IRQSIM_H
#define VMC_SIM_MACHINE_IRQSIM_H

#include "device/state.h"
#include "eiointc/router.h"
#include "event/event.h"
#include "profile/profile.h"
#include "sim/machine/guest.h"
#include "stats/histogram.h"

enum {
    IRQSIM_LINES = 13,   /**< ESTAT.IS bits 0 to 12 */
    IRQSIM_HWI0 = 2,     /**< bit of the first pin of the EIOINTC */
    IRQSIM_IPI_LINE = 12 /**< bit of the IPI unit's pin */
};

/** One latency for each stage, in ticks; read from a timing profile. */
struct irqsim_timing {
    uint64_t node_period, cpu_period;
    uint64_t router_vector, router_hop;
    uint64_t pin_latency;
    uint64_t kick, wake, entry, leave, idle_after;
    uint64_t iocsr, mmio, csr, hypercall;
    uint64_t dispatch, handler, ipi_action;
};

/** Fill @timing from the sections of @profile that belong to interrupts. */
enum vmc_status irqsim_timing_read(struct irqsim_timing *timing,
                                   const struct vmc_profile *profile,
                                   struct vmc_error *error);

/** The controller, as far as time is concerned. All calls get @machine. */
struct irqsim_ops {
    void (*set_input)(void *machine, uint32_t vector, bool level);
    /** Carry out @access by @vcpu; returns what a read gives, else 0. */
    uint64_t (*access)(void *machine, uint32_t vcpu,
                       const struct guest_access *access);
    /** The vCPU that the route of @vector names now. */
    uint32_t (*target_of)(void *machine, uint32_t vector);
};

/** Where the time of an interrupt goes. */
enum irqsim_stage {
    IRQSIM_ROUTER,   /**< waiting for and passing the routers, hops */
    IRQSIM_PIN,      /**< from the status bit to the vCPU's pin */
    IRQSIM_BUSY,     /**< the vCPU was in another handler */
    IRQSIM_KICK,     /**< making a running vCPU look */
    IRQSIM_WAKE,     /**< waking an idle one */
    IRQSIM_ENTRY,    /**< exception entry */
    IRQSIM_DISPATCH, /**< from the handler to the read that shows it */
    IRQSIM_CLEAR,    /**< from there to the write that clears it */
    IRQSIM_STAGE_COUNT
};

/** The name of @stage in tables and JSON. */
const char *irqsim_stage_name(enum irqsim_stage stage);

enum irqsim_vcpu_mode {
    IRQSIM_RUNNING,
    IRQSIM_IDLE,
    IRQSIM_ENTERING, /**< kicked or woken, not in the handler yet */
    IRQSIM_HANDLING,
};

/** One vCPU. Plain data. */
struct irqsim_vcpu {
    enum irqsim_vcpu_mode mode;
    uint32_t lines;     /**< levels as the vCPU sees them, ESTAT.IS */
    uint32_t to_serve;  /**< bits of ESTAT that this entry still serves */
    uint64_t to_handle; /**< bits of the word just cleared */
    uint32_t handle_base;
    uint32_t ipi_actions;
    uint64_t noticed_tick; /**< start of the kick or wake */
    uint64_t entry_tick;   /**< start of the exception entry */
    uint64_t handler_tick; /**< first instruction of the handler */
    bool was_idle;
    bool has_access;
    uint64_t idle_event;
    uint32_t flow; /**< enum flow of irqsim.c: place in a vector's handling */
    struct guest_routine routine, flow_routine;
    struct guest_access access;
    uint64_t entries, accesses, spurious;
};

/** One vector or IPI bit on its way. */
struct irqsim_flight {
    uint64_t raised_tick, pending_tick, seen_tick;
    bool is_raised, is_pending, is_seen;
};

struct irqsim_counts {
    uint64_t raised, coalesced, seen, cleared, spurious, accesses, ipis;
    uint64_t stage_ticks[IRQSIM_STAGE_COUNT];
};

struct irqsim_state {
    struct irqsim_vcpu vcpus[GUEST_VCPUS_MAX];
    struct irqsim_flight vectors[VMC_ROUTER_VECTORS];
    struct irqsim_flight ipis[GUEST_VCPUS_MAX];
    uint64_t levels[VMC_ROUTER_VECTORS / 64];   /**< inputs as they are */
    uint64_t is_level[VMC_ROUTER_VECTORS / 64]; /**< lowered by the handler */
    uint8_t pic_pins[VMC_ROUTER_VECTORS]; /**< + 1; 0 when not of the PCH-PIC */
    struct irqsim_counts counts;
    struct vmc_hist seen_ns;    /**< raised to seen, ns */
    struct vmc_hist cleared_ns; /**< raised to cleared, ns */
    struct vmc_hist ipi_ns;     /**< IPI sent to seen, ns */
};

enum { IRQSIM_WATCHES_MAX = 4 };

/**
 * Told of every change, for rows, waveforms and tests; any of them may be NULL.
 * A vector is, in this order, "raise", "pending", "seen", "clear" and, when the
 * device's handler has run, "handled"; or "withdrawn" before it was seen.
 */
struct irqsim_observer {
    void (*line)(void *watcher, uint64_t tick, uint32_t vcpu, uint32_t line,
                 bool level);
    void (*mode)(void *watcher, uint64_t tick, uint32_t vcpu,
                 enum irqsim_vcpu_mode mode);
    void (*vector)(void *watcher, uint64_t tick, uint32_t vcpu, uint32_t vector,
                   const char *what);
    /** An IPI was sent to @vcpu, or it has read its unit's status. */
    void (*ipi)(void *watcher, uint64_t tick, uint32_t vcpu, bool is_sent);
    /** A device has set the input of @vector. */
    void (*input)(void *watcher, uint64_t tick, uint32_t vector, bool level);
    /** The router of @node serves or has waiting other vectors. */
    void (*router)(void *watcher, uint64_t tick, uint32_t node);
    /** An access of @vcpu to its IPI unit has acted. */
    void (*access)(void *watcher, uint64_t tick, uint32_t vcpu);
};

/** One that is told, and whom it passes on. */
struct irqsim_watch {
    const struct irqsim_observer *observer;
    void *watcher;
};

struct irqsim_config {
    struct irqsim_timing timing;
    struct guest guest;
    uint32_t node_count; /**< routers: 1 for qemu and kvm, more for hw */
    uint32_t cores_per_node;
};

struct irqsim {
    struct irqsim_state state;
    struct vmc_router router;
    struct irqsim_config config;
    struct vmc_engine *engine;
    const struct irqsim_ops *ops;
    void *machine;
    struct irqsim_watch watches[IRQSIM_WATCHES_MAX];
    uint32_t watch_count;
    uint16_t line_handler, enter_handler, step_handler, leave_handler,
        idle_handler;
};

/**
 * Make *@sim quiet: all vCPUs idle, no input set.
 * Owner    All pointers are borrowed for the life of @sim; @config is copied.
 * Fails    VMC_E_RANGE when a number of @config is outside its limits.
 */
enum vmc_status irqsim_init(struct irqsim *sim,
                            const struct irqsim_config *config,
                            struct vmc_engine *engine,
                            const struct irqsim_ops *ops, void *machine);

/** Have @observer called, too, with @watcher. Asserts there is room. */
void irqsim_observe(struct irqsim *sim, const struct irqsim_observer *observer,
                    void *watcher);

/**
 * A device sets the input of @vector, now. @is_level: its line stays up until
 * the device's handler has run, which lowers it.
 */
void irqsim_input(struct irqsim *sim, uint32_t vector, bool level,
                  bool is_level);

/**
 * @vector comes from input @pin of the PCH-PIC, so its handling takes the
 * accesses of the level or edge flow of that driver.
 */
void irqsim_set_pic_pin(struct irqsim *sim, uint32_t vector, uint32_t pin);

/** An IPI has been sent to @vcpu, now; the unit's pin follows by itself. */
void irqsim_ipi_sent(struct irqsim *sim, uint32_t vcpu);

/**
 * The controller sets a pin of @vcpu: @line is the bit of ESTAT. To be called
 * from the controller's wires.
 */
void irqsim_set_line(struct irqsim *sim, uint32_t vcpu, uint32_t line,
                     bool level);

/** The functional model has set the status bit of @vector. For the stages. */
void irqsim_vector_pending(struct irqsim *sim, uint32_t vector);

/** What one access costs. */
uint64_t irqsim_access_ticks(const struct irqsim *sim,
                             const struct guest_access *access);

/** Vectors raised and neither seen nor withdrawn yet. */
uint32_t irqsim_unfinished(const struct irqsim *sim);

/** Add all that runs change to @map. */
void irqsim_add_state(struct irqsim *sim, struct vmc_state_map *map);

#endif
