/* SPDX-License-Identifier: MIT */
/**
 * grace_rig.h - grace periods in time, set up for a measurement: what a wait
 * costs, and what it costs to destroy a vCPU.
 *
 * Both run the timed engine of vcpu/grace.h on the event engine, on CPUs that
 * all do the same. Results are histograms in nanoseconds.
 */
#ifndef VMC_SIM_COMPARE_GRACE_RIG_H
#define VMC_SIM_COMPARE_GRACE_RIG_H

#include "base/base.h"
#include "stats/histogram.h"
#include "vcpu/grace.h"

enum {
    GRACE_RIG_JIFFIES = 64, /**< longer waits count as the last */
    GRACE_RIG_VCPUS_MAX = 256,
    GRACE_RIG_COUNT_MAX = 1000000
};

/** Synchronous grace periods, one after the other. */
struct grace_waits {
    uint32_t hz, cpu_count, count;
    enum vmc_cpu_mode mode;
    bool is_random;    /**< each starts at a random phase of a jiffy */
    bool by_callbacks; /**< waiters are woken by a callback, not at once */
    uint64_t seed;
};

/** Ways to destroy a vCPU. */
enum destroy_design {
    DESTROY_V4, /**< call_rcu, then a worker that waits for a second one */
    DESTROY_F1, /**< call_rcu, then a worker */
    DESTROY_F2, /**< the same through SRCU */
    DESTROY_F3, /**< nothing until the VM dies */
    DESTROY_F4, /**< parked: nothing at all */
    DESTROY_DESIGNS
};

struct destroy_load {
    enum destroy_design design;
    uint32_t hz, cpu_count, vcpu_count, rounds;
    enum vmc_cpu_mode mode;
    uint64_t seed;
};

struct grace_result {
    struct vmc_hist ns;
    uint64_t jiffies[GRACE_RIG_JIFFIES]; /**< rounded to the nearest */
    uint32_t mode_jiffies;
    uint64_t early_ends;  /**< grace periods that ended under a reader (V20) */
    uint64_t fingerprint; /**< of the run */
};

/**
 * Run @waits; *@result has the length of each.
 * Returns  VMC_OK; VMC_END when a signal came first, see interrupted.h.
 * Fails    VMC_E_RANGE for a number outside its limits, VMC_E_NOMEM.
 */
enum vmc_status grace_rig_wait(const struct grace_waits *waits,
                               struct grace_result *result);

/**
 * Close all vCPUs at once, as often as @load says; *@result has the time from
 * the close to the end of each vCPU. Returns and fails as above.
 */
enum vmc_status grace_rig_destroy(const struct destroy_load *load,
                                  struct grace_result *result);

/** "v4" and what it does, in a few words. Static. */
const char *destroy_design_name(enum destroy_design design);
const char *destroy_design_words(enum destroy_design design);

/** A load by its word: idle, user, kernel, guest. False when it is none. */
bool grace_rig_mode(const char *word, enum vmc_cpu_mode *mode);
const char *grace_rig_mode_name(enum vmc_cpu_mode mode);

#endif
