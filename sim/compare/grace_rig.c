/* SPDX-License-Identifier: MIT */
/*
 * Destroying a vCPU is a chain of waits (spec section 7.3):
 *
 *     lock, grace period, callback, worker starts, [second grace period],
 *     unload and free
 *
 * The second one is that of kernels before 6.13, where loading a vCPU whose
 * pid is another's waits for readers of the old pid; the worker does that.
 */
#include "sim/compare/grace_rig.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "event/clock.h"
#include "sim/interrupted.h"

/* Assumed: a mutex, a worker that starts, an unload and a free. */
#define LOCK_TICKS  (UINT64_C(200) * VMC_TICKS_PER_NS)
#define START_TICKS (UINT64_C(5) * VMC_TICKS_PER_US)
#define FREE_TICKS  (UINT64_C(20) * VMC_TICKS_PER_US)

enum { EVENTS_MAX = 8192, MS_US = 1000 };
enum what { WORK, FREED };

struct rig {
    struct vmc_engine *events;
    struct vmc_grace *grace;
    struct grace_result *result;
    const struct destroy_load *load; /* NULL when waits are measured */
    uint64_t begin_tick, jiffy_ticks, done;
    uint16_t handler;
};

static const struct {
    const char *name, *words;
} designs[DESTROY_DESIGNS] = {
    {"v4", "call_rcu, then a worker that waits for a second grace period"},
    {"f1", "call_rcu, then a worker"},
    {"f2", "a grace period of SRCU, then a worker"},
    {"f3", "nothing until the VM dies"},
    {"f4", "parked, nothing dies"},
};

static const struct {
    const char *name;
    enum vmc_cpu_mode mode;
} modes[] = {
    {"idle", VMC_CPU_IDLE},
    {"user", VMC_CPU_USER},
    {"kernel", VMC_CPU_KERNEL},
    {"guest", VMC_CPU_GUEST},
};

const char *destroy_design_name(enum destroy_design design)
{
    return designs[design].name;
}

const char *destroy_design_words(enum destroy_design design)
{
    return designs[design].words;
}

bool grace_rig_mode(const char *word, enum vmc_cpu_mode *mode)
{
    for (size_t i = 0; i < VMC_COUNT_OF(modes); i++) {
        if (strcmp(modes[i].name, word) == 0) {
            *mode = modes[i].mode;
            return true;
        }
    }
    return false;
}

const char *grace_rig_mode_name(enum vmc_cpu_mode mode)
{
    for (size_t i = 0; i < VMC_COUNT_OF(modes); i++) {
        if (modes[i].mode == mode) {
            return modes[i].name;
        }
    }
    return "offline";
}

static void finish_one(struct rig *rig)
{
    uint64_t ticks = vmc_engine_now_tick(rig->events) - rig->begin_tick;
    uint64_t jiffies = (ticks + rig->jiffy_ticks / 2) / rig->jiffy_ticks;

    if (jiffies >= GRACE_RIG_JIFFIES) {
        jiffies = GRACE_RIG_JIFFIES - 1;
    }
    vmc_hist_add(&rig->result->ns, ticks / VMC_TICKS_PER_NS);
    rig->result->jiffies[jiffies]++;
    rig->done++;
}

static void later(struct rig *rig, uint64_t delay_ticks, enum what what)
{
    (void)vmc_engine_schedule(rig->events, delay_ticks, VMC_PHASE_DEVICE,
                              rig->handler, what);
}

static void act(void *device, uint64_t what)
{
    struct rig *rig = device;

    if (what == FREED) {
        finish_one(rig);
    } else if (rig->load->design == DESTROY_V4) {
        vmc_grace_synchronize(rig->grace,
                              (uint32_t)(rig->done % rig->load->cpu_count), 0);
    } else {
        later(rig, FREE_TICKS, FREED);
    }
}

static void on_callback(void *owner, uint32_t cpu, uint64_t cookie)
{
    (void)cpu;
    (void)cookie;
    later(owner, START_TICKS, WORK);
}

static void on_synchronized(void *owner, uint64_t cookie)
{
    struct rig *rig = owner;

    (void)cookie;
    if (rig->load == NULL) {
        finish_one(rig);
    } else if (rig->load->design == DESTROY_V4) {
        later(rig, FREE_TICKS, FREED);
    } else {
        for (uint32_t i = 0; i < rig->load->vcpu_count; i++) {
            later(rig, START_TICKS, WORK);
        }
    }
}

static void on_ended(void *owner, uint64_t ticks)
{
    (void)owner;
    (void)ticks;
}

static void on_stalled(void *owner, bool is_srcu, uint64_t age_ticks)
{
    (void)owner;
    (void)is_srcu;
    (void)age_ticks;
}

static const struct vmc_grace_ops grace_ops = {
    .callback = on_callback,
    .synchronized = on_synchronized,
    .ended = on_ended,
    .stalled = on_stalled,
};

static enum vmc_status set_up(struct rig *rig,
                              const struct vmc_grace_config *config,
                              enum vmc_cpu_mode mode)
{
    struct vmc_engine_config limits = {.events_max = EVENTS_MAX,
                                       .handlers_max = 4};
    enum vmc_status status = vmc_engine_new(&rig->events, &limits);

    if (status == VMC_OK) {
        status =
            vmc_grace_new(&rig->grace, rig->events, config, &grace_ops, rig);
    }
    if (status != VMC_OK) {
        return status;
    }
    rig->handler = vmc_engine_add_handler(rig->events, "destroy", 0, act, rig);
    rig->jiffy_ticks = VMC_TICKS_PER_S / config->hz;
    for (uint32_t cpu = 0; cpu < config->cpu_count; cpu++) {
        vmc_grace_set_mode(rig->grace, cpu, mode);
    }
    vmc_engine_run(rig->events, VMC_TICKS_PER_US);
    return VMC_OK;
}

static void tear_down(struct rig *rig)
{
    struct grace_result *result = rig->result;

    for (uint32_t i = 0; i < GRACE_RIG_JIFFIES; i++) {
        if (result->jiffies[i] > result->jiffies[result->mode_jiffies]) {
            result->mode_jiffies = i;
        }
    }
    if (rig->grace != NULL) {
        result->early_ends = vmc_grace_counts(rig->grace)->early_ends;
        result->fingerprint = vmc_engine_fingerprint(rig->events);
    }
    vmc_grace_free(rig->grace);
    vmc_engine_free(rig->events);
}

static bool is_out_of_range(uint32_t hz, uint32_t cpu_count, uint64_t count)
{
    return hz < 1 || hz > 100000 || cpu_count < 1 ||
           cpu_count > VMC_GRACE_CPUS_MAX || count < 1 ||
           count > GRACE_RIG_COUNT_MAX;
}

enum vmc_status grace_rig_wait(const struct grace_waits *waits,
                               struct grace_result *result)
{
    struct rig rig = {.result = result};
    struct vmc_grace_config config;
    struct vmc_rng rng;
    enum vmc_status status;

    memset(result, 0, sizeof(*result));
    if (is_out_of_range(waits->hz, waits->cpu_count, waits->count)) {
        return VMC_E_RANGE;
    }
    config = vmc_grace_defaults(waits->hz, waits->cpu_count);
    config.seed = waits->seed;
    config.wakes_directly = !waits->by_callbacks;
    vmc_rng_init(&rng, waits->seed);
    status = set_up(&rig, &config, waits->mode);
    while (status == VMC_OK && rig.done < waits->count) {
        uint64_t wanted = rig.done + 1;

        if (waits->is_random) { /* 20 to 50 ms after the last */
            vmc_engine_run(rig.events, vmc_engine_now_tick(rig.events) +
                                           20 * MS_US * VMC_TICKS_PER_US +
                                           vmc_rng_below(&rng, 30 * MS_US) *
                                               VMC_TICKS_PER_US);
        }
        rig.begin_tick = vmc_engine_now_tick(rig.events);
        vmc_grace_synchronize(rig.grace, waits->cpu_count - 1, 0);
        while (rig.done < wanted && vmc_engine_step(rig.events)) {
        }
        status = interrupted() ? VMC_END : VMC_OK;
    }
    tear_down(&rig);
    return status;
}

static void close_all(struct rig *rig)
{
    const struct destroy_load *load = rig->load;
    uint64_t wanted = rig->done + load->vcpu_count;

    rig->begin_tick = vmc_engine_now_tick(rig->events);
    for (uint32_t i = 0; i < load->vcpu_count; i++) {
        if (load->design == DESTROY_V4 || load->design == DESTROY_F1) {
            (void)vmc_grace_call(rig->grace, i % load->cpu_count, i);
        } else if (load->design == DESTROY_F3) {
            later(rig, LOCK_TICKS + FREE_TICKS, FREED);
        } else if (load->design == DESTROY_F4) {
            later(rig, LOCK_TICKS, FREED);
        }
    }
    if (load->design == DESTROY_F2) {
        vmc_grace_srcu_synchronize(rig->grace, 0);
    }
    while (rig->done < wanted && vmc_engine_step(rig->events)) {
    }
}

enum vmc_status grace_rig_destroy(const struct destroy_load *load,
                                  struct grace_result *result)
{
    struct rig rig = {.result = result, .load = load};
    struct vmc_grace_config config;
    struct vmc_rng rng;
    enum vmc_status status;

    memset(result, 0, sizeof(*result));
    if (is_out_of_range(load->hz, load->cpu_count, load->rounds) ||
        load->vcpu_count < 1 || load->vcpu_count > GRACE_RIG_VCPUS_MAX) {
        return VMC_E_RANGE;
    }
    config = vmc_grace_defaults(load->hz, load->cpu_count);
    config.seed = load->seed;
    if (config.syncs_max < load->vcpu_count) {
        config.syncs_max = load->vcpu_count;
    }
    vmc_rng_init(&rng, load->seed);
    status = set_up(&rig, &config, load->mode);
    for (uint32_t i = 0; status == VMC_OK && i < load->rounds; i++) {
        vmc_engine_run(rig.events,
                       vmc_engine_now_tick(rig.events) +
                           (20 * MS_US + vmc_rng_below(&rng, 10 * MS_US)) *
                               VMC_TICKS_PER_US);
        close_all(&rig);
        status = interrupted() ? VMC_END : VMC_OK;
    }
    tear_down(&rig);
    return status;
}
