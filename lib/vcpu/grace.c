/* SPDX-License-Identifier: MIT */
/* Where a grace period spends its time.
 *
 *   request -> thread runs -> start -> CPUs notice and report -> end -> waiter
 *                                  \-> wait for a tick edge -> scan -/
 *
 * A CPU that is busy notices a grace period at its first tick after the start
 * and can only then pass a quiescent state, so it reports at its second. The
 * CPU that runs the thread has noticed already. Idle CPUs report nothing: the
 * thread waits a jiffy or more and looks at them. That wait is a coarse timer,
 * so it ends on a tick edge, one to two jiffies after it was set.
 *
 * A thread that is woken on a busy CPU either preempts at once or waits for the
 * next tick; a CPU in system calls gives way more often than one in user mode.
 *
 * Numbers marked [HOST] were read from, or measured on, Linux 6.18 with HZ=250
 * on 2 CPUs; formulas are those of the kernel's RCU headers. */
#include "vcpu/grace.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "event/clock.h"

enum {
    EVENT_TICK,
    EVENT_THREAD,
    EVENT_FQS,
    EVENT_DONE,
    EVENT_WAKE,
    EVENT_IPI,
    EVENT_SRCU
};

#define EVERY_CPU UINT32_MAX

struct callback {
    uint64_t cookie;
    uint64_t needs; /* the grace period that must have ended */
};

struct cpu {
    enum vmc_cpu_mode mode;
    uint64_t noticed;      /* last grace period it knows to have started */
    uint64_t ended;        /* last one it knows to have ended */
    bool has_passed;       /* a quiescent state since it noticed */
    bool must_report;      /* the running grace period waits for it */
    bool was_idle;         /* in an extended quiescent state since the start */
    uint32_t readers;      /* open sections on it */
    uint32_t first, count; /* its callbacks, a ring */
    uint32_t waiters;      /* that its callbacks would wake */
};

struct sync {
    uint64_t cookie, needs;
    bool is_used, is_woken;
    uint32_t cpu;
};

/* All that changes, without a pointer. */
struct grace_state {
    struct cpu cpus[VMC_GRACE_CPUS_MAX];
    uint64_t number;    /* of the last grace period that started */
    uint64_t completed; /* of the last that ended */
    uint64_t wanted;    /* up to here somebody needs them */
    uint64_t start_tick, stall_tick;
    uint32_t thread_cpu, reports_missing;
    bool is_running, is_thread_woken, is_ticking;
    bool is_cooperative; /* kernel code is not preempted */
    uint64_t blocking;   /* readers that were inside at the start */
    uint64_t open;       /* readers inside now */
    uint8_t reader_cpu[VMC_GRACE_READERS_MAX];
    uint8_t reader_depth[VMC_GRACE_READERS_MAX];
    /* expedited */
    bool is_expediting;
    uint64_t exp_cookie, exp_blocking;
    uint32_t exp_missing;
    /* SRCU */
    uint32_t srcu_count[2], srcu_index, srcu_scan;
    bool is_srcu_running, has_srcu_stalled;
    uint64_t srcu_cookie, srcu_start_tick, srcu_sleep_jiffies;
    struct vmc_rng rng;
    struct vmc_grace_counts counts;
};

struct vmc_grace {
    struct vmc_grace_config config;
    struct vmc_engine *events;
    const struct vmc_grace_ops *ops;
    void *owner;
    uint16_t handler;
    uint64_t jiffy_ticks;
    struct callback *callbacks; /* callbacks_max for every CPU */
    struct sync *syncs;
    struct grace_state state;
};

struct vmc_grace_config vmc_grace_defaults(uint32_t hz, uint32_t cpu_count)
{
    uint32_t fqs =
        1U + (hz > 250 ? 1U : 0U) + (hz > 500 ? 1U : 0U) + cpu_count / 256;
    uint32_t sched = fqs + 2 * fqs;

    return (struct vmc_grace_config){
        .hz = hz,
        .cpu_count = cpu_count,
        .first_fqs_jiffies = fqs, /* RCU_JIFFIES_TILL_FORCE_QS; [HOST] */
        .next_fqs_jiffies = fqs,
        .sched_qs_jiffies = (sched > hz / 10 ? sched : hz / 10) +
                            cpu_count / 256, /* 85f2b60; [HOST] 25 */
        .leaf_fanout = 16,                   /* [HOST] */
        .batch_limit = 10,                   /* blimit; [HOST] */
        .batch_divisor = 7,                  /* rcu_divisor; [HOST] */
        .callbacks_max = 1 << 14,
        .syncs_max = 256,
        .stall_s = 21,                              /* stallwarn.rst */
        .wake_ticks = 5 * VMC_TICKS_PER_US,         /* assumed */
        .finish_ticks = 200 * VMC_TICKS_PER_US,     /* assumed: a guest's
                                                       idle exits */
        .init_ticks = 200 * VMC_TICKS_PER_NS,       /* assumed */
        .invoke_ticks = 120 * VMC_TICKS_PER_NS,     /* liburcu, 116-159 ns */
        .batch_ticks_max = 3000 * VMC_TICKS_PER_US, /* 3 ms; [HOST] */
        .ipi_min_ticks = 1 * VMC_TICKS_PER_US,      /* assumed, 1-5 us */
        .ipi_max_ticks = 5 * VMC_TICKS_PER_US,
        .srcu_poll_ticks = 5 * VMC_TICKS_PER_US, /* [HOST] */
        /* Assumed, such that two busy CPUs need the measured time [HOST], and
         * most often the measured number of jiffies with any seed. */
        .user_preempt_per_mille = 570,
        .kernel_preempt_per_mille = 850,
        .noise_per_mille = 70,  /* [HOST]: scans that found a CPU busy */
        .guest_is_idle = true,  /* since 2015, in 2011 only an instant */
        .wakes_directly = true, /* since 6.18 up to 16 CPUs; [HOST] */
        .seed = 1,
    };
}

static bool is_idle(const struct vmc_grace *grace, const struct cpu *cpu)
{
    return cpu->mode == VMC_CPU_IDLE || cpu->mode == VMC_CPU_OFFLINE ||
           (cpu->mode == VMC_CPU_GUEST && grace->config.guest_is_idle);
}

static bool chance(struct vmc_grace *grace, uint32_t per_mille)
{
    return vmc_rng_below(&grace->state.rng, 1000) < per_mille;
}

static uint64_t schedule(struct vmc_grace *grace, uint64_t delay_ticks,
                         uint64_t argument)
{
    return vmc_engine_schedule(grace->events, delay_ticks, VMC_PHASE_DEVICE,
                               grace->handler, argument);
}

/* Ticks to the @edges-th tick edge after now; 1 is the next. */
static uint64_t to_edge(const struct vmc_grace *grace, uint64_t edges)
{
    uint64_t now = vmc_engine_now_tick(grace->events);

    return edges * grace->jiffy_ticks - now % grace->jiffy_ticks;
}

/* How long a woken thread waits before it runs on @cpu. */
static uint64_t run_delay(struct vmc_grace *grace, uint32_t cpu)
{
    enum vmc_cpu_mode mode = grace->state.cpus[cpu].mode;

    if ((mode == VMC_CPU_USER &&
         !chance(grace, grace->config.user_preempt_per_mille)) ||
        (mode == VMC_CPU_KERNEL &&
         !chance(grace, grace->config.kernel_preempt_per_mille))) {
        return to_edge(grace, 1) + grace->config.wake_ticks;
    }
    return grace->config.wake_ticks;
}

static void tick_on(struct vmc_grace *grace)
{
    if (!grace->state.is_ticking) {
        grace->state.is_ticking = true;
        schedule(grace, to_edge(grace, 1), EVENT_TICK);
    }
}

/* The scheduler puts a woken thread on an idle CPU if there is one. */
static void place_thread(struct vmc_grace *grace)
{
    struct grace_state *state = &grace->state;

    assert(grace->config.cpu_count > 0);
    for (uint32_t i = 0; i < grace->config.cpu_count; i++) {
        enum vmc_cpu_mode mode = state->cpus[state->thread_cpu].mode;

        if (mode == VMC_CPU_IDLE) {
            return;
        }
        state->thread_cpu = (state->thread_cpu + 1) % grace->config.cpu_count;
    }
    while (state->cpus[state->thread_cpu].mode == VMC_CPU_OFFLINE) {
        state->thread_cpu = (state->thread_cpu + 1) % grace->config.cpu_count;
    }
}

static void wake_thread(struct vmc_grace *grace)
{
    struct grace_state *state = &grace->state;

    tick_on(grace);
    if (!state->is_thread_woken && !state->is_running) {
        uint64_t leaves =
            vmc_div_up(grace->config.cpu_count, grace->config.leaf_fanout);

        state->is_thread_woken = true;
        place_thread(grace);
        schedule(grace,
                 run_delay(grace, state->thread_cpu) +
                     leaves * grace->config.init_ticks,
                 EVENT_THREAD);
    }
}

/* The first grace period that begins wholly after now. */
static uint64_t next_whole(struct vmc_grace *grace)
{
    struct grace_state *state = &grace->state;
    uint64_t needs = state->number + 1;

    if (needs > state->wanted) {
        state->wanted = needs;
    }
    wake_thread(grace);
    return needs;
}

/* ---- A grace period -------------------------------------------------------
 */

static void report_all_done(struct vmc_grace *grace)
{
    schedule(grace, run_delay(grace, grace->state.thread_cpu), EVENT_DONE);
}

static void report(struct vmc_grace *grace, struct cpu *cpu)
{
    if (cpu->must_report) {
        cpu->must_report = false;
        grace->state.counts.reports++;
        if (--grace->state.reports_missing == 0 && grace->state.blocking == 0) {
            report_all_done(grace);
        }
    }
}

static void start(struct vmc_grace *grace)
{
    struct grace_state *state = &grace->state;

    state->is_thread_woken = false;
    state->is_running = true;
    state->number++;
    state->start_tick = vmc_engine_now_tick(grace->events);
    state->stall_tick =
        state->start_tick + grace->config.stall_s * VMC_TICKS_PER_S;
    state->blocking = state->open;
    state->reports_missing = 0;
    state->counts.started++;
    for (uint32_t i = 0; i < grace->config.cpu_count; i++) {
        struct cpu *cpu = &state->cpus[i];

        cpu->must_report = cpu->mode != VMC_CPU_OFFLINE;
        cpu->was_idle = is_idle(grace, cpu);
        state->reports_missing += cpu->must_report;
    }
    /* The thread's own CPU has noticed, and switches when the thread sleeps. */
    state->cpus[state->thread_cpu].noticed = state->number;
    state->cpus[state->thread_cpu].has_passed =
        state->cpus[state->thread_cpu].readers == 0;
    schedule(grace,
             to_edge(grace, 1U + grace->config.first_fqs_jiffies) +
                 grace->config.wake_ticks,
             EVENT_FQS | state->number << 8);
}

/* The thread looks for CPUs that are, or have been, in an extended quiescent
 * state, and after a while makes the others switch. */
static void scan(struct vmc_grace *grace, uint64_t number)
{
    struct grace_state *state = &grace->state;
    uint64_t now = vmc_engine_now_tick(grace->events);
    bool is_late = now - state->start_tick >=
                   grace->config.sched_qs_jiffies * grace->jiffy_ticks;

    if (!state->is_running || number != (state->number & (UINT64_MAX >> 8))) {
        return;
    }
    state->counts.scans++;
    for (uint32_t i = 0; i < grace->config.cpu_count; i++) {
        struct cpu *cpu = &state->cpus[i];
        bool is_found = is_idle(grace, cpu) || cpu->was_idle;

        if (!cpu->must_report) {
            continue;
        }
        if (is_found && is_idle(grace, cpu) && cpu->readers == 0 &&
            chance(grace, grace->config.noise_per_mille)) {
            cpu->noticed = state->number; /* just now it does something */
            cpu->has_passed = false;
            is_found = false;
        }
        if (is_found && cpu->readers == 0) {
            state->counts.on_behalf++;
            report(grace, cpu);
        } else if (is_late && cpu->readers == 0) {
            state->counts.forced++;
            vmc_grace_switch(grace, i);
        }
    }
    if (state->reports_missing != 0 || state->blocking != 0) {
        schedule(grace,
                 to_edge(grace, 1U + grace->config.next_fqs_jiffies) +
                     grace->config.wake_ticks,
                 EVENT_FQS | number << 8);
    }
}

static void wake_waiters(struct vmc_grace *grace, uint32_t cpu)
{
    for (uint32_t i = 0; i < grace->config.syncs_max; i++) {
        struct sync *sync = &grace->syncs[i];

        if (sync->is_used && !sync->is_woken &&
            (cpu == EVERY_CPU || sync->cpu == cpu) &&
            sync->needs <= grace->state.completed) {
            sync->is_woken = true;
            grace->state.cpus[sync->cpu].waiters -=
                !grace->config.wakes_directly;
            schedule(grace,
                     grace->config.finish_ticks + run_delay(grace, sync->cpu),
                     EVENT_WAKE | (uint64_t)i << 8);
        }
    }
}

/* Rule V20, by the permissive engine's guard: nobody is still inside who was
 * when this grace period began. */
static void end(struct vmc_grace *grace)
{
    struct grace_state *state = &grace->state;

    if (!state->is_running) {
        return;
    }
    state->counts.early_ends += state->blocking != 0;
    state->is_running = false;
    state->completed = state->number;
    state->counts.ended++;
    state->counts.last_ticks =
        vmc_engine_now_tick(grace->events) - state->start_tick;
    grace->ops->ended(grace->owner, state->counts.last_ticks);
    state->cpus[state->thread_cpu].ended = state->completed;
    for (uint32_t i = 0; i < grace->config.cpu_count; i++) {
        state->cpus[i].must_report = false;
    }
    if (state->wanted > state->completed) {
        wake_thread(grace);
    }
    if (grace->config.wakes_directly) {
        wake_waiters(grace, EVERY_CPU);
    }
}

void vmc_grace_force_end(struct vmc_grace *grace)
{
    end(grace);
}

/* ---- What a CPU does at a tick --------------------------------------------
 */

static void run_callbacks(struct vmc_grace *grace, uint32_t index)
{
    struct cpu *cpu = &grace->state.cpus[index];
    struct callback *ring =
        grace->callbacks + (size_t)index * grace->config.callbacks_max;
    uint64_t limit = cpu->count >> grace->config.batch_divisor;
    uint64_t most = grace->config.batch_ticks_max / grace->config.invoke_ticks;

    limit =
        limit > grace->config.batch_limit ? limit : grace->config.batch_limit;
    limit = limit < most ? limit : most;
    if (cpu->count != 0 && ring[cpu->first].needs <= cpu->ended) {
        grace->state.counts.batches++;
    }
    while (limit-- > 0 && cpu->count != 0 &&
           ring[cpu->first].needs <= cpu->ended) {
        uint64_t cookie = ring[cpu->first].cookie;

        cpu->first = (cpu->first + 1) % grace->config.callbacks_max;
        cpu->count--;
        grace->state.counts.invoked++;
        grace->ops->callback(grace->owner, index, cookie);
    }
}

static void tick_cpu(struct vmc_grace *grace, uint32_t index)
{
    struct grace_state *state = &grace->state;
    struct cpu *cpu = &state->cpus[index];

    if (cpu->mode == VMC_CPU_OFFLINE ||
        (is_idle(grace, cpu) && cpu->count == 0 && cpu->waiters == 0 &&
         cpu->noticed != state->number)) {
        return; /* its tick is off */
    }
    if (state->is_running && cpu->noticed == state->number) {
        /* The tick interrupts no reader: a quiescent state. */
        cpu->has_passed = cpu->has_passed ||
                          (cpu->readers == 0 && (cpu->mode != VMC_CPU_KERNEL ||
                                                 !state->is_cooperative));
        if (cpu->has_passed) {
            report(grace, cpu);
        }
    } else if (state->is_running) {
        cpu->noticed = state->number;
        cpu->has_passed = is_idle(grace, cpu) && cpu->readers == 0;
    }
    cpu->ended = state->completed;
    if (!grace->config.wakes_directly) {
        wake_waiters(grace, index);
    }
    run_callbacks(grace, index);
}

static void check_stall(struct vmc_grace *grace)
{
    struct grace_state *state = &grace->state;
    uint64_t now = vmc_engine_now_tick(grace->events);

    if (state->is_running && now >= state->stall_tick) {
        state->stall_tick += grace->config.stall_s * VMC_TICKS_PER_S;
        state->counts.stalls++;
        grace->ops->stalled(grace->owner, false, now - state->start_tick);
    }
}

static void tick(struct vmc_grace *grace)
{
    struct grace_state *state = &grace->state;
    uint32_t queued = 0;

    for (uint32_t i = 0; i < grace->config.cpu_count; i++) {
        tick_cpu(grace, i);
        queued += state->cpus[i].count + state->cpus[i].waiters;
    }
    check_stall(grace);
    state->is_ticking = false;
    if (state->is_running || state->is_thread_woken || queued != 0) {
        tick_on(grace);
    }
}

void vmc_grace_switch(struct vmc_grace *grace, uint32_t cpu)
{
    struct cpu *it = &grace->state.cpus[cpu];

    assert(cpu < grace->config.cpu_count);
    if (grace->state.is_running && it->noticed == grace->state.number &&
        it->readers == 0) {
        it->has_passed = true;
    }
}

void vmc_grace_set_preemptible(struct vmc_grace *grace, bool is_preemptible)
{
    grace->state.is_cooperative = !is_preemptible;
}

void vmc_grace_set_mode(struct vmc_grace *grace, uint32_t cpu,
                        enum vmc_cpu_mode mode)
{
    struct cpu *it = &grace->state.cpus[cpu];

    assert(cpu < grace->config.cpu_count);
    vmc_grace_switch(grace, cpu);
    it->mode = mode;
    it->was_idle = it->was_idle || (is_idle(grace, it) && it->readers == 0);
    if (mode == VMC_CPU_OFFLINE) {
        report(grace, it);
    }
}

/* ---- Requests -------------------------------------------------------------
 */

bool vmc_grace_call(struct vmc_grace *grace, uint32_t cpu, uint64_t cookie)
{
    struct cpu *it = &grace->state.cpus[cpu];
    struct callback *ring =
        grace->callbacks + (size_t)cpu * grace->config.callbacks_max;

    assert(cpu < grace->config.cpu_count);
    if (it->count == grace->config.callbacks_max) {
        grace->state.counts.refused++;
        return false;
    }
    ring[(it->first + it->count++) % grace->config.callbacks_max] =
        (struct callback){.cookie = cookie, .needs = next_whole(grace)};
    grace->state.counts.queued++;
    return true;
}

/* Without direct wake-ups a waiter queues a callback that wakes it. */
void vmc_grace_synchronize(struct vmc_grace *grace, uint32_t cpu,
                           uint64_t cookie)
{
    struct sync *sync = grace->syncs;

    while (sync < grace->syncs + grace->config.syncs_max && sync->is_used) {
        sync++;
    }
    assert(sync < grace->syncs + grace->config.syncs_max);
    grace->state.cpus[cpu].waiters += !grace->config.wakes_directly;
    *sync = (struct sync){
        .cookie = cookie,
        .needs = next_whole(grace),
        .is_used = true,
        .cpu = cpu,
    };
}

static void finish_expedited(struct vmc_grace *grace)
{
    struct grace_state *state = &grace->state;

    if (state->is_expediting && state->exp_missing == 0 &&
        state->exp_blocking == 0) {
        state->is_expediting = false;
        state->counts.expedited++;
        grace->ops->synchronized(grace->owner, state->exp_cookie);
    }
}

void vmc_grace_expedite(struct vmc_grace *grace, uint64_t cookie)
{
    struct grace_state *state = &grace->state;
    uint64_t span = grace->config.ipi_max_ticks - grace->config.ipi_min_ticks;

    assert(!state->is_expediting);
    state->is_expediting = true;
    state->exp_cookie = cookie;
    state->exp_blocking = state->open;
    state->exp_missing = 1; /* the worker itself */
    schedule(grace, grace->config.wake_ticks, EVENT_IPI);
    for (uint32_t i = 0; i < grace->config.cpu_count; i++) {
        if (!is_idle(grace, &state->cpus[i])) {
            state->exp_missing++;
            schedule(grace,
                     grace->config.ipi_min_ticks +
                         vmc_rng_below(&state->rng, span + 1),
                     EVENT_IPI);
        }
    }
}

void vmc_grace_read_lock(struct vmc_grace *grace, uint32_t reader, uint32_t cpu)
{
    struct grace_state *state = &grace->state;

    assert(reader < VMC_GRACE_READERS_MAX && cpu < grace->config.cpu_count);
    if (state->reader_depth[reader]++ == 0) {
        state->open |= UINT64_C(1) << reader;
        state->reader_cpu[reader] = (uint8_t)cpu;
        state->cpus[cpu].readers++;
    }
}

void vmc_grace_read_unlock(struct vmc_grace *grace, uint32_t reader)
{
    struct grace_state *state = &grace->state;
    uint64_t bit = UINT64_C(1) << reader;
    bool was_blocking = (state->blocking & bit) != 0;

    assert(reader < VMC_GRACE_READERS_MAX && state->reader_depth[reader] != 0);
    if (--state->reader_depth[reader] != 0) {
        return;
    }
    state->open &= ~bit;
    state->blocking &= ~bit;
    state->exp_blocking &= ~bit;
    state->cpus[state->reader_cpu[reader]].readers--;
    finish_expedited(grace);
    if (was_blocking && state->is_running && state->blocking == 0 &&
        state->reports_missing == 0) {
        report_all_done(grace);
    }
}

/* ---- SRCU: two indices, polled ------------------------------------------- */

uint32_t vmc_grace_srcu_lock(struct vmc_grace *grace)
{
    grace->state.srcu_count[grace->state.srcu_index]++;
    return grace->state.srcu_index;
}

void vmc_grace_srcu_unlock(struct vmc_grace *grace, uint32_t index)
{
    assert(index < 2 && grace->state.srcu_count[index] != 0);
    grace->state.srcu_count[index]--;
}

void vmc_grace_srcu_synchronize(struct vmc_grace *grace, uint64_t cookie)
{
    struct grace_state *state = &grace->state;

    assert(!state->is_srcu_running);
    state->is_srcu_running = true;
    state->has_srcu_stalled = false;
    state->srcu_cookie = cookie;
    state->srcu_start_tick = vmc_engine_now_tick(grace->events);
    state->srcu_sleep_jiffies = 0;
    state->srcu_scan = 0;
    schedule(grace, grace->config.srcu_poll_ticks, EVENT_SRCU);
}

/* First the idle index must be empty, then, after the flip, the other one.
 * Polls come every few microseconds for a jiffy, then ever rarer. */
static void poll_srcu(struct vmc_grace *grace)
{
    struct grace_state *state = &grace->state;
    uint64_t age = vmc_engine_now_tick(grace->events) - state->srcu_start_tick;
    uint64_t delay = grace->config.srcu_poll_ticks;

    if (state->srcu_count[state->srcu_index ^ 1U] == 0) {
        if (state->srcu_scan++ == 1) {
            state->is_srcu_running = false;
            state->counts.srcu_ended++;
            grace->ops->synchronized(grace->owner, state->srcu_cookie);
            return;
        }
        state->srcu_index ^= 1U;
    } else if (age >= grace->jiffy_ticks) {
        state->srcu_sleep_jiffies += state->srcu_sleep_jiffies < 10 ? 1U : 0U;
        delay = state->srcu_sleep_jiffies * grace->jiffy_ticks;
    }
    if (age >= grace->config.stall_s * VMC_TICKS_PER_S &&
        !state->has_srcu_stalled) {
        state->has_srcu_stalled = true;
        state->counts.stalls++;
        grace->ops->stalled(grace->owner, true, age);
    }
    schedule(grace, delay, EVENT_SRCU);
}

/* ---- The engine -----------------------------------------------------------
 */

static void fire(void *device, uint64_t argument)
{
    struct vmc_grace *grace = device;
    struct grace_state *state = &grace->state;
    struct sync *sync;

    switch (argument & 0xff) {
    case EVENT_TICK:
        tick(grace);
        break;
    case EVENT_THREAD:
        start(grace);
        break;
    case EVENT_FQS:
        scan(grace, argument >> 8);
        break;
    case EVENT_DONE:
        end(grace);
        break;
    case EVENT_WAKE:
        sync = &grace->syncs[argument >> 8];
        sync->is_used = false;
        grace->ops->synchronized(grace->owner, sync->cookie);
        break;
    case EVENT_IPI:
        state->exp_missing--;
        finish_expedited(grace);
        break;
    default:
        poll_srcu(grace);
        break;
    }
}

enum vmc_status vmc_grace_new(struct vmc_grace **out, struct vmc_engine *events,
                              const struct vmc_grace_config *config,
                              const struct vmc_grace_ops *ops, void *owner)
{
    struct vmc_grace *grace;

    *out = NULL;
    if (config->hz < 1 || config->hz > 10000 || config->cpu_count < 1 ||
        config->cpu_count > VMC_GRACE_CPUS_MAX || config->leaf_fanout < 1 ||
        config->callbacks_max < 1 || config->syncs_max < 1 ||
        config->invoke_ticks < 1 ||
        config->ipi_max_ticks < config->ipi_min_ticks ||
        config->batch_divisor > 31) {
        return VMC_E_RANGE;
    }
    grace = calloc(1, sizeof(*grace));
    if (grace == NULL) {
        return VMC_E_NOMEM;
    }
    grace->callbacks = calloc((size_t)config->cpu_count * config->callbacks_max,
                              sizeof(*grace->callbacks));
    grace->syncs = calloc(config->syncs_max, sizeof(*grace->syncs));
    if (grace->callbacks == NULL || grace->syncs == NULL) {
        vmc_grace_free(grace);
        return VMC_E_NOMEM;
    }
    grace->config = *config;
    grace->events = events;
    grace->ops = ops;
    grace->owner = owner;
    grace->jiffy_ticks = VMC_TICKS_PER_S / config->hz;
    grace->handler = vmc_engine_add_handler(events, "grace", 0, fire, grace);
    vmc_rng_init(&grace->state.rng, config->seed);
    *out = grace;
    return VMC_OK;
}

void vmc_grace_free(struct vmc_grace *grace)
{
    if (grace != NULL) {
        free(grace->callbacks);
        free(grace->syncs);
        free(grace);
    }
}

const struct vmc_grace_counts *vmc_grace_counts(const struct vmc_grace *grace)
{
    return &grace->state.counts;
}

/* ---- Checkpoints -------------------------------------------------------- */

/* What the state below has been counted and timed by. As numbers of one size,
 * for the struct has gaps. */
static void archive_config(const struct vmc_grace_config *config,
                           struct vmc_archive *archive)
{
    const uint64_t numbers[] = {
        config->hz,
        config->cpu_count,
        config->first_fqs_jiffies,
        config->next_fqs_jiffies,
        config->sched_qs_jiffies,
        config->leaf_fanout,
        config->batch_limit,
        config->batch_divisor,
        config->callbacks_max,
        config->syncs_max,
        config->stall_s,
        config->wake_ticks,
        config->finish_ticks,
        config->init_ticks,
        config->invoke_ticks,
        config->batch_ticks_max,
        config->ipi_min_ticks,
        config->ipi_max_ticks,
        config->srcu_poll_ticks,
        config->user_preempt_per_mille,
        config->kernel_preempt_per_mille,
        config->noise_per_mille,
        config->guest_is_idle,
        config->wakes_directly,
        config->seed,
    };

    vmc_archive_same(archive, "config", numbers, sizeof(numbers));
}

/* The callbacks that wait on @cpu: a ring, so in two pieces. */
static void archive_ring(struct vmc_grace *grace, uint32_t cpu,
                         struct vmc_archive *archive)
{
    uint32_t room = grace->config.callbacks_max;
    struct callback *ring = grace->callbacks + (size_t)cpu * room;
    uint32_t first = grace->state.cpus[cpu].first;
    uint32_t count = grace->state.cpus[cpu].count;
    uint32_t behind = count < room - first ? count : room - first;

    vmc_archive_bytes(archive, "ring", ring + first, behind * sizeof(*ring));
    vmc_archive_bytes(archive, "ring", ring, (count - behind) * sizeof(*ring));
}

void vmc_grace_archive(struct vmc_grace *grace, struct vmc_archive *archive)
{
    vmc_archive_begin(archive, "grace");
    archive_config(&grace->config, archive);
    VMC_ARCHIVE(archive, grace->state);
    for (uint32_t cpu = 0;
         cpu < grace->config.cpu_count && vmc_archive_is_good(archive); cpu++) {
        archive_ring(grace, cpu, archive);
    }
    vmc_archive_bytes(archive, "syncs", grace->syncs,
                      grace->config.syncs_max * sizeof(*grace->syncs));
    vmc_archive_end(archive);
}
