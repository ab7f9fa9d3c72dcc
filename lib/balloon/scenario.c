/* SPDX-License-Identifier: MIT */
/*
 * A scenario: cycles of touch, shrink, grow and touch again, one operation of
 * which is timed. The engine runs until it has nothing left to do after each
 * operation; between two operations lie ten seconds in which nothing happens.
 */
#include "balloon/balloon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balloon/bitmap_priv.h"
#include "event/clock.h"

enum { EVENTS_MAX = 64, MIGRATE_PAGES = 256, PROGRESS_EVENTS = 4096 };

#define PAUSE_TICKS (10 * VMC_TICKS_PER_S)
#define GIB         (UINT64_C(1) << 30)

static const struct {
    const char *name;
    const struct vm_driver *driver;
} mechanisms[VMC_MECHANISM_COUNT] = {
    [VMC_MECHANISM_PFN] = {"pfn", &driver_pfn},
    [VMC_MECHANISM_BITMAP] = {"bitmap", &driver_bitmap},
    [VMC_MECHANISM_BITMAP_FIXED] = {"bitmap-fixed", &driver_bitmap},
    [VMC_MECHANISM_CHUNK] = {"chunk", &driver_bitmap},
    [VMC_MECHANISM_SG] = {"sg", &driver_bitmap},
    [VMC_MECHANISM_CONTIGUOUS] = {"contiguous", &driver_contiguous},
    [VMC_MECHANISM_HUGE] = {"huge", &driver_huge},
    [VMC_MECHANISM_VIRTIO_MEM] = {"virtio-mem", &driver_virtio_mem},
    [VMC_MECHANISM_HYPERALLOC] = {"hyperalloc", &driver_hyperalloc},
    [VMC_MECHANISM_REPORTING] = {"reporting", &driver_reporting},
    [VMC_MECHANISM_HINTING] = {"hinting", &driver_hinting},
};

const char *vmc_balloon_mechanism_name(uint32_t mechanism)
{
    return mechanism < VMC_MECHANISM_COUNT ? mechanisms[mechanism].name : NULL;
}

struct scenario {
    struct vmc_balloon_config config;
    struct vmc_engine *engine;
    struct vmc_actor actors[ROLE_COUNT];
    struct vm vm;
    uint64_t touch_pages, move_units;
    bool is_stopped; /* from outside, between two events */
};

/* What an operation did, as the difference of two states. */
struct mark {
    uint64_t tick, messages;
    struct vmc_account account;
};

static struct mark mark_now(const struct scenario *scenario)
{
    return (struct mark){vmc_engine_now_tick(scenario->engine),
                         scenario->vm.messages, scenario->vm.account};
}

/* The program that made the holes does not live to see its memory touched. */
static bool is_punched(const struct vmc_balloon_config *config)
{
    return config->fragmentation != NULL &&
           strncmp(config->fragmentation, "punch:", 6) == 0;
}

static void shrink(struct scenario *scenario)
{
    vm_stats_start(&scenario->vm);
    vm_resize(&scenario->vm, scenario->move_units);
}

static void grow(struct scenario *scenario)
{
    vm_stats_start(&scenario->vm);
    vm_resize(&scenario->vm, 0);
}

static bool is_broken(const struct scenario *scenario)
{
    return scenario->vm.check.broken != 0;
}

/* Nothing more is to be done in this run. */
static bool is_over(const struct scenario *scenario)
{
    return is_broken(scenario) || scenario->is_stopped;
}

/* Until nothing is left to do, an event breaks an invariant or somebody stops
 * it. */
static void run(struct scenario *scenario)
{
    const struct vmc_balloon_config *config = &scenario->config;
    uint64_t fired = 0;

    while (!is_over(scenario) && vmc_engine_step(scenario->engine)) {
        (void)check_event(&scenario->vm);
        scenario->is_stopped =
            config->is_stopped != NULL && config->is_stopped();
        if (config->on_progress != NULL && ++fired % PROGRESS_EVENTS == 0) {
            config->on_progress(config->progress_owner, PROGRESS_EVENTS);
        }
    }
    if (!is_over(scenario)) {
        (void)check_rest(&scenario->vm);
    }
}

static void pause(struct scenario *scenario)
{
    if (scenario->is_stopped) {
        return;
    }
    (void)vmc_engine_run(scenario->engine,
                         vmc_engine_now_tick(scenario->engine) + PAUSE_TICKS);
}

static void touch(struct scenario *scenario)
{
    vm_touch(&scenario->vm, scenario->touch_pages);
    run(scenario);
}

/* The interval from the command until the device knows that it is done. */
static void finish(struct scenario *scenario, const struct mark *before,
                   struct vmc_balloon_result *result)
{
    const struct vm *vm = &scenario->vm;

    uint64_t end = scenario->is_stopped ? vmc_engine_now_tick(scenario->engine)
                                        : vm->done_tick;

    result->total_ticks = end > before->tick ? end - before->tick : 0;
    result->messages = vm->messages - before->messages;
    for (uint32_t stage = 0; stage < VMC_STAGE_COUNT; stage++) {
        result->stages.ticks[stage] =
            vm->account.ticks[stage] - before->account.ticks[stage];
    }
    if (scenario->config.after != NULL) {
        vm_survey(vm, scenario->config.after);
    }
    result->host_bytes_after = vmc_host_backed_bytes(&vm->host);
    result->huge_bytes_after = vm->host.huge_frames * HUGE_PAGES << PAGE_SHIFT;
    result->fingerprint = vmc_engine_fingerprint(scenario->engine);
    result->events = vmc_engine_fired_count(scenario->engine);
    result->passes = vm->passes;
    result->bad_addresses = vm->bad_addresses;
    result->stats_answers = vm->stats.answers;
    result->oom_calls = vm->oom_calls;
    result->oom_pages = vm->oom_pages;
    result->oom_kills = vm->oom_kills;
    result->migrated = vm->migrated;
    result->migrate_refused = vm->migrate_refused;
    result->dirty_pages = hint_dirty_pages(vm);
    result->refused_messages = vm->refused_messages;
    result->unnamed_messages = vm->unnamed_messages;
    result->payload_bytes = vm->payload_bytes;
    result->longest_lock_ticks =
        vm->actors[vm_actor(vm, ROLE_BALLOON)].longest_ticks;
    result->actual_changes = vm->space.actual_changes;
    result->probe_bytes = vm->bitmap->allocated_bytes;
    result->is_degraded = vm->bitmap->is_degraded;
    result->has_failed_probe = vm->has_failed_probe;
    result->managed_pages = vm_managed_pages(vm);
    result->is_oscillating = vm->reversals > IDLE_ROUNDS_MAX;
    if (vm->crash != NULL) {
        (void)snprintf(result->broken, sizeof(result->broken), "%s", vm->crash);
    } else if (is_broken(scenario)) {
        result->broken_invariant = vm->check.broken;
        (void)snprintf(result->broken, sizeof(result->broken), "%s",
                       vm->check.text);
    }
}

static void begin(struct scenario *scenario, struct mark *before,
                  struct vmc_balloon_result *result)
{
    *before = mark_now(scenario);
    if (scenario->config.before != NULL) {
        vm_survey(&scenario->vm, scenario->config.before);
    }
    result->host_bytes_before = vmc_host_backed_bytes(&scenario->vm.host);
    result->huge_bytes_before = scenario->vm.host.huge_frames * HUGE_PAGES
                                << PAGE_SHIFT;
}

/* Tell the host of all that is free, in the way of the mechanism. */
static void report(struct scenario *scenario, const struct mark *before,
                   struct vmc_balloon_result *result)
{
    struct vm *vm = &scenario->vm;

    switch (scenario->config.mechanism) {
    case VMC_MECHANISM_HINTING:
        hint_begin(vm);
        run(scenario);
        result->pages = vm->hint.cleared_pages;
        finish(scenario, before, result);
        if (!is_over(scenario)) {
            hint_finish(vm);
            run(scenario);
        }
        return;
    case VMC_MECHANISM_HYPERALLOC:
        vm_reclaim_soft(vm);
        run(scenario);
        result->pages = vm->soft_pages;
        break;
    default:
        vm_report(vm);
        run(scenario);
        result->pages = vm->pages_told;
    }
    finish(scenario, before, result);
}

/* What is done with a part of memory in the balloon. */
static void strain(struct scenario *scenario, enum vmc_balloon_op timed,
                   struct vmc_balloon_result *result)
{
    struct vm *vm = &scenario->vm;
    struct mark before;

    begin(scenario, &before, result);
    if (timed == VMC_OP_MIGRATE) {
        vm_migrate(vm, scenario->config.migrate_pages != 0
                           ? scenario->config.migrate_pages
                           : MIGRATE_PAGES);
        run(scenario);
        result->pages = vm->migrated;
    } else {
        touch(scenario);
        result->pages = vm->program.page_count;
    }
    finish(scenario, &before, result);
    vm_touch_end(vm);
}

/* Page reporting and hinting alone move nothing. */
static bool can_move(const struct vm *vm)
{
    return vm->driver->resize != NULL || vm->driver->fill != NULL;
}

/* One cycle; the operation @timed of it is measured. */
static void cycle(struct scenario *scenario, enum vmc_balloon_op timed,
                  struct vmc_balloon_result *result)
{
    struct vm *vm = &scenario->vm;
    struct mark before;

    if (scenario->config.is_touched) {
        touch(scenario);
        vm_touch_end(vm);
        pause(scenario);
    }
    begin(scenario, &before, result);
    if (scenario->is_stopped) {
        finish(scenario, &before, result);
        return;
    }
    if (timed == VMC_OP_REPORT || !can_move(vm)) {
        report(scenario, &before, result);
        return;
    }
    shrink(scenario);
    run(scenario);
    if (timed == VMC_OP_SHRINK || is_over(scenario)) {
        result->pages = vm->held_units * vm->driver->unit_pages;
        finish(scenario, &before, result);
        return;
    }
    pause(scenario);
    if (timed == VMC_OP_PRESSURE || timed == VMC_OP_MIGRATE) {
        strain(scenario, timed, result);
        return;
    }
    begin(scenario, &before, result);
    result->pages = vm->held_units * vm->driver->unit_pages;
    grow(scenario);
    run(scenario);
    if (timed == VMC_OP_GROW || is_over(scenario)) {
        finish(scenario, &before, result);
        return;
    }
    pause(scenario);
    if (!scenario->config.is_touched && timed != VMC_OP_TOUCH) {
        return;
    }
    if (is_punched(&scenario->config)) {
        vm_end_holder(vm);
    }
    begin(scenario, &before, result);
    touch(scenario);
    result->pages = vm->program.page_count;
    if (timed == VMC_OP_TOUCH || is_over(scenario)) {
        finish(scenario, &before, result);
        vm_touch_end(vm);
        if (scenario->is_stopped) {
            return;
        }
        before = mark_now(scenario);
        touch(scenario);
        result->second_touch_ticks = vm->done_tick - before.tick;
    }
    vm_touch_end(vm);
}

/* The sizes of a cycle: how much the touch takes, how much the shrink. */
static enum vmc_status plan(struct scenario *scenario, struct vmc_error *error)
{
    const struct vmc_balloon_config *config = &scenario->config;
    uint64_t unit_bytes = (uint64_t)scenario->vm.driver->unit_pages
                          << PAGE_SHIFT;
    uint64_t move = config->move_bytes, touched = config->touch_bytes;
    uint64_t free_bytes = vm_free_pages(&scenario->vm) << PAGE_SHIFT;

    if (config->op != VMC_OP_REPORT && !can_move(&scenario->vm)) {
        return vmc_fail(error, VMC_E_RANGE,
                        "this mechanism only reports what is free");
    }
    if (config->op == VMC_OP_MIGRATE && (scenario->vm.driver->unit_pages != 1 ||
                                         scenario->vm.driver->leak == NULL)) {
        return vmc_fail(error, VMC_E_RANGE,
                        "only single balloon pages can be migrated");
    }
    if (move % unit_bytes != 0) {
        return vmc_fail(error, VMC_E_RANGE,
                        "what moves is a multiple of %llu KiB, the "
                        "mechanism's unit",
                        (unsigned long long)unit_bytes >> 10);
    }
    if (touched == 0) {
        touched = config->guest_bytes > 4 * GIB ? config->guest_bytes - GIB
                                                : free_bytes / 20 * 19;
    }
    if (config->op == VMC_OP_TOUCH && config->touch_bytes == 0) {
        /* What moves is what is touched; the cycle before leaves the guest
         * the 2 GiB of the published method, if it has as much. */
        uint64_t most = config->guest_bytes > 4 * GIB
                            ? config->guest_bytes - 2 * GIB
                            : move;

        touched = touched > move ? touched : move;
        move = move < most ? move : most;
    }
    if (move > config->guest_bytes) {
        return vmc_fail(error, VMC_E_RANGE,
                        "a guest cannot give more than it has");
    }
    if (is_punched(config)) {
        free_bytes = config->guest_bytes; /* what is held will be free */
    }
    scenario->touch_pages =
        (touched < free_bytes ? touched : free_bytes) >> PAGE_SHIFT;
    scenario->move_units = move / unit_bytes;
    return VMC_OK;
}

/* Targets instead of cycles. Each operation is timed by itself; between them
 * nothing happens. */
static void follow_targets(struct scenario *scenario,
                           struct vmc_balloon_result *result)
{
    const struct vmc_balloon_config *config = &scenario->config;
    struct vm *vm = &scenario->vm;
    struct mark start, before;
    uint64_t total = 0;

    begin(scenario, &start, result);
    for (uint32_t i = 0; i < config->target_count && !is_over(scenario); i++) {
        uint64_t held = vm->held_units;

        before = mark_now(scenario);
        vm_resize(vm, config->targets[i] / vm->driver->unit_pages);
        run(scenario);
        total += (scenario->is_stopped ? vmc_engine_now_tick(scenario->engine)
                                       : vm->done_tick) -
                 before.tick;
        result->pages += (vm->held_units > held ? vm->held_units - held
                                                : held - vm->held_units) *
                         vm->driver->unit_pages;
        pause(scenario);
    }
    finish(scenario, &start, result);
    result->total_ticks = total;
}

static enum vmc_status run_scenario(struct scenario *scenario,
                                    struct vmc_balloon_result *result,
                                    struct vmc_error *error)
{
    const struct vmc_balloon_config *config = &scenario->config;
    enum vmc_status status = plan(scenario, error);
    bool has_ended = false;

    if (status != VMC_OK) {
        return status;
    }
    if (config->target_count > 0) {
        follow_targets(scenario, result);
        return VMC_OK;
    }
    for (uint32_t i = 1; !has_ended && !is_over(scenario); i++) {
        enum vmc_balloon_op timed =
            i == config->iteration ? config->op : VMC_BALLOON_OP_COUNT;

        if (config->choose != NULL &&
            !config->choose(config->choose_owner, i, &timed)) {
            break;
        }
        cycle(scenario, timed, result);
        has_ended = timed != VMC_BALLOON_OP_COUNT;
    }
    return VMC_OK;
}

enum vmc_status vmc_balloon_run(const struct vmc_balloon_config *config,
                                struct vmc_balloon_result *result,
                                struct vmc_error *error)
{
    static const struct vmc_engine_config limits = {
        .events_max = EVENTS_MAX, .handlers_max = WORKER_COUNT};
    struct scenario *scenario;
    enum vmc_status status;

    *result = (struct vmc_balloon_result){0};
    if (config->mechanism >= VMC_MECHANISM_COUNT ||
        config->op >= VMC_BALLOON_OP_COUNT || config->iteration == 0) {
        return vmc_fail(error, VMC_E_RANGE, "iterations count from 1");
    }
    scenario = calloc(1, sizeof(*scenario));
    if (scenario == NULL) {
        return VMC_E_NOMEM;
    }
    scenario->config = *config;
    if (config->port != NULL) {
        scenario->engine = config->port->engine;
        config->port->vm = &scenario->vm;
        status = VMC_OK;
    } else {
        status = vmc_engine_new(&scenario->engine, &limits);
    }
    if (status == VMC_OK) {
        scenario->vm.driver = mechanisms[config->mechanism].driver;
        status = vm_init(&scenario->vm, config, scenario->engine,
                         scenario->actors, 0, error);
    }
    if (status == VMC_OK) {
        status = run_scenario(scenario, result, error);
        result->is_stopped = scenario->is_stopped;
        if (!scenario->is_stopped) {
            bitmap_remove(&scenario->vm);
            result->leaked_bytes = scenario->vm.bitmap->live_bytes;
            result->wild_frees = scenario->vm.bitmap->wild_frees;
        }
        vm_fini(&scenario->vm);
    }
    if (config->port != NULL) {
        config->port->vm = NULL;
    } else {
        vmc_engine_free(scenario->engine);
    }
    free(scenario);
    return status;
}
