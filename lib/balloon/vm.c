/* SPDX-License-Identifier: MIT */
/*
 * The size worker, and how a message goes to the host and back.
 *
 *     guest                            host
 *     add, kick ---------------------> wake the main loop, take BQL
 *     sleep                            pop, serve each entry, push
 *     wake up, handler, used <-------- interrupt
 *
 * The driver waits for the answer, so guest and host never work at the same
 * time for one queue. What a message contains nobody can look into while it
 * is served, unless somebody else wants the locks that each entry takes; then
 * the entries are served one event each (is_stepped), else in one with the sum.
 */
#include "balloon/vm_priv.h"

#include "balloon/bitmap_priv.h"

void worker_work(struct vm_worker *worker, enum vmc_balloon_stage stage,
                 uint64_t ticks, uint32_t next_step)
{
    vmc_flow_work(&worker->flow, vm_actor(worker->vm, worker->vcpu_role), stage,
                  ticks, next_step);
}

void worker_lock(struct vm_worker *worker, enum vm_role role,
                 uint32_t next_step)
{
    vmc_flow_lock(&worker->flow, vm_actor(worker->vm, role), next_step);
}

void worker_unlock(struct vm_worker *worker, enum vm_role role)
{
    vmc_flow_unlock(&worker->flow, vm_actor(worker->vm, role));
}

void worker_start(struct vm_worker *worker, uint32_t step)
{
    assert(!vmc_flow_is_busy(&worker->flow));
    worker->flow.run(&worker->flow, step);
}

/* ---- Interrupts ----------------------------------------------------------*/

static void interrupt(struct vm *vm, uint32_t irq)
{
    vm->config.port->raised++;
    vmc_wire_set(&vm->config.port->wires[irq], true);
}

/* The handler of a configuration interrupt queues the size worker. */
static void target_changed(struct vm *vm)
{
    if (!vmc_flow_is_busy(&vm->workers[WORKER_SIZE].flow)) {
        worker_start(&vm->workers[WORKER_SIZE], STEP_SIZE_RUN);
    }
}

/* The used buffers are in the ring; what lies from here to the driver's
 * handler is a time of the profile, or the interrupt's own way. */
static void wait_for_interrupt(struct vm_worker *worker, uint64_t slept)
{
    struct vm *vm = worker->vm;
    const struct vmc_send_costs *send = &vm->costs->send;

    if (vm->config.port == NULL) {
        vmc_flow_sleep(&worker->flow, VMC_STAGE_SEND,
                       slept <= send->halt_poll ? send->wake_polled
                                                : send->wake_vcpu,
                       STEP_TELL_ISR);
        return;
    }
    vm->parked[worker->tell.queue] = worker;
    vmc_flow_park(&worker->flow, VMC_STAGE_SEND, STEP_TELL_ISR);
    interrupt(vm, VMC_BALLOON_IRQ_QUEUES + worker->tell.queue);
}

void vmc_balloon_interrupted(struct vmc_balloon_port *port, uint32_t irq)
{
    struct vm *vm = port->vm;
    struct vm_worker **parked;

    assert(irq < VMC_BALLOON_IRQS);
    if (vm == NULL) {
        port->lost++;
    } else if (irq == VMC_BALLOON_IRQ_CONFIG) {
        port->taken++;
        target_changed(vm);
    } else {
        parked = &vm->parked[irq - VMC_BALLOON_IRQ_QUEUES];
        if (*parked != NULL && vmc_flow_resume(&(*parked)->flow)) {
            port->taken++;
        } else {
            port->lost++;
        }
        *parked = NULL;
    }
}

/* ---- Telling the host ----------------------------------------------------*/

/* The messages of a balloon are counted; some are to fail. */
static bool is_to_fail(struct vm *vm, enum vm_queue queue)
{
    const struct vmc_balloon_faults *faults = &vm->config.faults;

    if (queue != QUEUE_INFLATE && queue != QUEUE_DEFLATE &&
        queue != QUEUE_REPORT) {
        return false;
    }
    vm->tells++;
    return vm->tells >= faults->fail_add_first &&
           vm->tells - faults->fail_add_first < faults->fail_add_count;
}

void worker_tell(struct vm_worker *worker, enum vm_queue queue,
                 const struct vmc_vq_buffer *buffers, uint32_t count,
                 uint32_t return_step)
{
    struct vmc_virtqueue *vq = &worker->vm->queues[queue];

    worker->tell.queue = (uint8_t)queue;
    worker->tell.return_step = return_step;
    if (is_to_fail(worker->vm, queue)) {
        vq->fail_adds = 1;
    }
    worker->tell.status = vmc_vq_add(vq, buffers, count, worker->flow.handler);
    for (uint32_t i = 0; i < count; i++) {
        worker->vm->payload_bytes +=
            buffers[i].is_writable ? 0 : buffers[i].size_bytes;
    }
    if (worker->tell.status == VMC_OK) {
        check_added(worker, buffers, count);
    }
    worker_work(worker, VMC_STAGE_SEND, worker->vm->costs->send.add,
                worker->tell.status == VMC_OK ? STEP_TELL_KICK : return_step);
}

/* A main loop that is already awake, with work of another guest, takes the
 * queue when it has done with that; else somebody has to wake it. */
static void tell_wake(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    bool is_asleep = vmc_flow_can_lock(&worker->flow, vm_actor(vm, ROLE_MAIN));

    /* Nobody answers any more. */
    if (vm->config.faults.breaks_after != 0 &&
        vm->messages >= vm->config.faults.breaks_after) {
        vm->is_device_broken = true;
        worker->tell.status = VMC_E_IO;
        vmc_flow_sleep(&worker->flow, VMC_STAGE_SEND, 0,
                       worker->tell.return_step);
        return;
    }
    worker->tell.kicked_tick = vmc_engine_now_tick(vm->engine);
    vmc_flow_sleep(&worker->flow, VMC_STAGE_SEND,
                   is_asleep ? vm->costs->send.wake_host : 0, STEP_TELL_AWAKE);
}

static void tell_pop(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    bool is_there =
        vmc_vq_pop(&vm->queues[worker->tell.queue], &worker->tell.element);

    assert(is_there);
    (void)is_there;
    check_popped(worker);
    vm_log_popped(worker);
    vm->messages++;
    vmc_flow_sleep(&worker->flow, VMC_STAGE_SEND,
                   vm->costs->send.pop +
                       (worker->tell.element.buffer_count - 1) *
                           vm->costs->send.map_descriptor,
                   STEP_TELL_MM);
}

static void tell_serve(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;

    worker->tell.served = (struct vmc_account){0};
    worker->tell.entry = 0;
    if (vm->config.is_stepped) {
        worker->flow.run(&worker->flow, STEP_TELL_ENTRY);
        return;
    }
    serve(worker);
    vmc_flow_work_all(&worker->flow, vm_actor(vm, ROLE_MMU),
                      &worker->tell.served, STEP_TELL_PUSH);
}

static void tell_entry(struct vm_worker *worker)
{
    worker->tell.served = (struct vmc_account){0};
    if (serve_entry(worker)) {
        worker->tell.entry++;
        vmc_flow_work_all(&worker->flow, vm_actor(worker->vm, ROLE_MMU),
                          &worker->tell.served, STEP_TELL_ENTRY);
        return;
    }
    worker->flow.run(&worker->flow, STEP_TELL_PUSH);
}

static void tell_push(struct vm_worker *worker)
{
    const struct vmc_send_costs *send = &worker->vm->costs->send;

    worker_unlock(worker, ROLE_MM);
    vmc_flow_sleep(&worker->flow, VMC_STAGE_SEND,
                   send->push +
                       (worker->vm->config.port == NULL ? send->irq : 0),
                   STEP_TELL_PUSHED);
}

static void tell_pushed(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    uint64_t slept = vmc_engine_now_tick(vm->engine) - worker->tell.kicked_tick;

    (void)vmc_vq_push(&vm->queues[worker->tell.queue], &worker->tell.element,
                      0);
    vm_log_answered(worker);
    worker_unlock(worker, ROLE_BQL);
    worker_unlock(worker, ROLE_MAIN);
    wait_for_interrupt(worker, slept);
}

static void tell_done(struct vm_worker *worker)
{
    uint64_t token;
    uint32_t written_bytes;
    bool is_there = vmc_vq_get_used(&worker->vm->queues[worker->tell.queue],
                                    &token, &written_bytes);

    assert(is_there && token == worker->flow.handler);
    (void)is_there;
    check_acked(worker);
    if (VMC_WATCHED(worker->flow.notice != NULL)) {
        worker->flow.notice(&worker->flow); /* the ring is shorter */
    }
    worker->flow.run(&worker->flow, worker->tell.return_step);
}

static void tell_step(struct vm_worker *worker, uint32_t step)
{
    const struct vmc_send_costs *send = &worker->vm->costs->send;

    switch (step) {
    case STEP_TELL_KICK:
        (void)vmc_vq_kick_prepare(&worker->vm->queues[worker->tell.queue]);
        worker_work(worker, VMC_STAGE_SEND, send->kick_exit, STEP_TELL_WAKE);
        return;
    case STEP_TELL_WAKE:
        tell_wake(worker);
        return;
    case STEP_TELL_AWAKE:
        worker_lock(worker, ROLE_MAIN, STEP_TELL_BQL);
        return;
    case STEP_TELL_BQL:
        worker_lock(worker, ROLE_BQL, STEP_TELL_POP);
        return;
    case STEP_TELL_POP:
        tell_pop(worker);
        return;
    case STEP_TELL_MM:
        worker_lock(worker, ROLE_MM, STEP_TELL_SERVE);
        return;
    case STEP_TELL_SERVE:
        tell_serve(worker);
        return;
    case STEP_TELL_ENTRY:
        tell_entry(worker);
        return;
    case STEP_TELL_PUSH:
        tell_push(worker);
        return;
    case STEP_TELL_PUSHED:
        tell_pushed(worker);
        return;
    case STEP_TELL_ISR:
        worker_work(worker, VMC_STAGE_SEND, send->isr, STEP_TELL_DONE);
        return;
    default:
        assert(step == STEP_TELL_DONE);
        tell_done(worker);
    }
}

/* ---- The size worker -----------------------------------------------------*/

/* W1: what is missing, and the driver's part of it. A newer driver rounds the
 * target up to whole guest pages; the older may go to and fro about one that
 * is none (spec 8.3, B3). */
static void size_read_done(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    bool is_short;

    vm_log_config_read(vm);
    worker_unlock(worker, ROLE_BQL);
    vm->read_target = vmc_config_get(&vm->space, VMC_CONFIG_NUM_PAGES);
    vm->wanted_units = vm->read_target;
    vm->space.accesses += vmc_config_field_accesses(&vm->space);
    if (vm->driver->unit_pages == 1 &&
        vm->config.machine.ascending_arrays == 0) {
        vm->wanted_units = vm_guest_pages(vm, vm->wanted_units)
                           << vm->page_order;
    }
    is_short = vm->wanted_units > vm->held_units;
    vm->reversals += is_short != vm->was_short;
    vm->was_short = is_short;
    if (vm->wanted_units > vm->held_units) {
        worker->units = vm->wanted_units - vm->held_units;
        vm->driver->fill(worker);
    } else if (vm->wanted_units < vm->held_units) {
        worker_leak(worker, vm->held_units - vm->wanted_units);
    } else if (vm->config.machine.ascending_arrays != 0) {
        size_moved(worker); /* an older driver writes actual all the same */
    } else {
        vm->done_tick = vmc_engine_now_tick(vm->engine);
    }
}

void worker_leak(struct vm_worker *worker, uint64_t units)
{
    worker->units = units;
    worker->vm->driver->leak(worker);
}

void size_moved(struct vm_worker *worker)
{
    worker_lock(worker, ROLE_BQL, STEP_SIZE_WRITE_LOCKED);
}

/* W3: done, or once more. A target that was set while it ran has queued it
 * again. The real worker goes on for ever when there is no
 * memory to be had; here it gives up after some rounds without a page, so that
 * a run ends. */
static void size_write_done(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    uint32_t old_units = vmc_config_get(&vm->space, VMC_CONFIG_ACTUAL);
    bool is_queued;

    vmc_config_write_field(&vm->space, VMC_CONFIG_ACTUAL,
                           (uint32_t)vm->held_units);
    vm_log_config_written(vm, old_units);
    worker_unlock(worker, ROLE_BQL);
    if (worker == &vm->workers[WORKER_OOM]) {
        oom_moved(worker);
        return;
    }
    vm->done_tick = vmc_engine_now_tick(vm->engine);
    vm->idle_rounds =
        vm->held_units == vm->seen_units ? vm->idle_rounds + 1 : 0;
    vm->seen_units = vm->held_units;
    is_queued =
        vm->read_target != vmc_config_get(&vm->space, VMC_CONFIG_NUM_PAGES);
    if ((vm->wanted_units != vm->held_units || is_queued) &&
        vm->crash == NULL && vm->idle_rounds < IDLE_ROUNDS_MAX &&
        vm->reversals <= IDLE_ROUNDS_MAX && !vm->is_device_broken) {
        worker->flow.run(&worker->flow, STEP_SIZE_RUN);
    }
}

static void size_step(struct vm_worker *worker, uint32_t step)
{
    const struct vmc_send_costs *send = &worker->vm->costs->send;
    uint32_t accesses = vmc_config_field_accesses(&worker->vm->space);

    switch (step) {
    case STEP_SIZE_RUN:
        worker_work(worker, VMC_STAGE_SEND, send->requeue, STEP_SIZE_READ);
        return;
    case STEP_SIZE_READ:
        worker_lock(worker, ROLE_BQL, STEP_SIZE_READ_LOCKED);
        return;
    case STEP_SIZE_READ_LOCKED:
        worker_work(worker, VMC_STAGE_SEND, send->config_read * accesses,
                    STEP_SIZE_READ_DONE);
        return;
    case STEP_SIZE_READ_DONE:
        size_read_done(worker);
        return;
    case STEP_SIZE_WRITE_LOCKED:
        worker_work(worker, VMC_STAGE_SEND, send->config_write * accesses,
                    STEP_SIZE_WRITE_DONE);
        return;
    default:
        assert(step == STEP_SIZE_WRITE_DONE);
        size_write_done(worker);
    }
}

static void worker_run(struct vmc_flow *flow, uint32_t step)
{
    struct vm_worker *worker = flow->owner;

    if (step >= STEP_DRIVER) {
        worker->step(worker, step);
    } else if (step >= STEP_TELL_KICK) {
        tell_step(worker, step);
    } else {
        size_step(worker, step);
    }
}

void vm_resize(struct vm *vm, uint64_t units)
{
    if (vm->has_failed_probe || vm->is_device_broken) {
        vm->done_tick = vmc_engine_now_tick(vm->engine);
        return;
    }
    if (vm->driver->resize != NULL) {
        vm->driver->resize(vm, units);
        return;
    }
    vmc_config_set(&vm->space, VMC_CONFIG_NUM_PAGES, (uint32_t)units);
    vm_log_target(vm);
    vm->idle_rounds = vm->reversals = 0;
    vm->has_oom_taken = false;
    compact_reset(vm);
    if (vm->config.port != NULL) {
        interrupt(vm, VMC_BALLOON_IRQ_CONFIG);
    } else {
        target_changed(vm);
    }
}

/* ---- The PFN array -------------------------------------------------------*/

void payload_put_pfn(struct vm *vm, uint32_t pfn)
{
    assert(vm->payload.pfn_count < PFNS_MAX);
    vmc_wire_put_pfn(&vm->payload.pfns[(size_t)vm->payload.pfn_count++ * 4],
                     pfn, false);
}

uint32_t payload_pfn(const struct vm *vm, uint32_t index)
{
    return vmc_wire_get_pfn(&vm->payload.pfns[(size_t)index * 4], false);
}

/* ---- Setting up ----------------------------------------------------------*/

static const struct {
    const char *kind;
    uint8_t role;
} kinds[WORKER_COUNT] = {
    [WORKER_SIZE] = {"balloon-size", ROLE_VCPU_WORKER},
    [WORKER_OOM] = {"balloon-oom", ROLE_VCPU_OTHER},
    [WORKER_STATS] = {"balloon-stats", ROLE_VCPU_WORKER},
    [WORKER_REPORT] = {"page-reporting", ROLE_VCPU_WORKER},
    [WORKER_TOUCH] = {"touch", ROLE_VCPU_OTHER},
    [WORKER_HINT] = {"balloon-hint", ROLE_VCPU_WORKER},
    [WORKER_HINT_HOST] = {"migration", ROLE_IO},
    [WORKER_COMPACT] = {"compaction", ROLE_VCPU_OTHER},
};

const char *vmc_balloon_worker_name(uint32_t worker)
{
    assert(worker < WORKER_COUNT);
    return kinds[worker].kind;
}

/* Moments cost more than stretches: not for timelines alone. */
static bool wants_moments(const struct vmc_balloon_config *config)
{
    const struct vmc_balloon_watch *watch = config->watch;

    while (watch != NULL && watch->moment == NULL) {
        watch = watch->next;
    }
    return watch != NULL;
}

enum vmc_status vm_init(struct vm *vm, const struct vmc_balloon_config *config,
                        struct vmc_engine *engine, struct vmc_actor *actors,
                        uint32_t number, struct vmc_error *error)
{
    static const uint16_t sizes[QUEUE_COUNT] = {128, 128, 128, 1024, 32};
    uint64_t features = UINT64_C(1) << VMC_BALLOON_PAGE_POISON;
    enum vmc_status status;

    vm->config = *config;
    vm->costs = config->costs;
    vm->engine = engine;
    vm->actors = actors;
    for (uint32_t role = 0; role < ROLE_COUNT; role++) {
        vm->actor_of[role] = (uint8_t)(number * ROLE_COUNT + role);
    }
    status = vm_init_memory(vm, error);
    if (status != VMC_OK) {
        vm_fini(vm);
        return status;
    }
    bitmap_probe(vm);
    /* With pinned pages nobody may discard behind the device's back; only
     * mechanisms that unmap first still can. */
    vm->is_inhibited = config->has_vfio &&
                       config->mechanism != VMC_MECHANISM_VIRTIO_MEM &&
                       config->mechanism != VMC_MECHANISM_HYPERALLOC;
    for (uint32_t i = 0; i < QUEUE_COUNT; i++) {
        vmc_vq_init(&vm->queues[i], sizes[i], true);
    }
    vmc_config_init(&vm->space, features, config->machine.legacy_config != 0);
    if (config->poison_byte != 0) {
        vmc_config_write_field(&vm->space, VMC_CONFIG_POISON,
                               config->poison_byte * UINT32_C(0x01010101));
    }
    for (uint32_t i = 0; i < WORKER_COUNT; i++) {
        struct vm_worker *worker = &vm->workers[i];

        worker->vm = vm;
        worker->kind = kinds[i].kind;
        worker->vcpu_role = kinds[i].role;
        worker->flow.actors = actors;
        worker->flow.account = i == WORKER_STATS ? &vm->aside : &vm->account;
        worker->step = vm->driver->step;
        vmc_flow_init(&worker->flow, engine, kinds[i].kind, number, worker_run,
                      worker);
        worker->flow.watch = config->watch != NULL ? vm_watch : NULL;
        worker->flow.notice = wants_moments(config) ? vm_notice : NULL;
    }
    return VMC_OK;
}
