/* SPDX-License-Identifier: MIT */
/*
 * The statistics queue (spec 4.8). The driver always has one buffer out; the
 * host keeps it and gives it back when it wants news. The driver fills it anew
 * and sends it; only then does the host's timer run again, so a guest that
 * does not answer is not asked twice.
 */
#include "balloon/vm_priv.h"

enum {
    STEP_FILLED = STEP_DRIVER,
    STEP_KICKED,
    STEP_AWAKE,
    STEP_BQL,
    STEP_POPPED,
    STEP_TIMER,
    STEP_TIMER_BQL,
    STEP_PUSHED,
    STEP_ISR,
    STEP_TOLD,
};

/* Tags of the specification that this guest has a value for. */
enum { TAG_FREE = 4, TAG_TOTAL = 5, TAG_AVAILABLE = 6, TAG_OOM_KILLS = 10 };

static void fill(struct vm *vm)
{
    uint64_t free_bytes = vm_free_pages(vm) << PAGE_SHIFT;

    for (uint16_t tag = 0; tag < VMC_STAT_TAGS; tag++) {
        struct vmc_wire_stat stat = {.tag = tag};

        if (tag == TAG_FREE || tag == TAG_AVAILABLE) {
            stat.value = free_bytes;
        } else if (tag == TAG_TOTAL) {
            stat.value = vm_managed_pages(vm) << PAGE_SHIFT;
        } else if (tag == TAG_OOM_KILLS) {
            stat.value = vm->oom_kills;
        }
        vmc_wire_put_stat(&vm->stats.bytes[(size_t)tag * VMC_STAT_BYTES], stat);
    }
}

/* The host reads whole records and skips tags that it does not know. */
static void read_answer(struct vm *vm, uint32_t size_bytes)
{
    for (uint32_t at = 0; at + VMC_STAT_BYTES <= size_bytes;
         at += VMC_STAT_BYTES) {
        struct vmc_wire_stat stat = vmc_wire_get_stat(&vm->stats.bytes[at]);

        if (stat.tag < VMC_STAT_TAGS) {
            vm->stats.values[stat.tag] = stat.value;
        }
    }
    vm->stats.answers++;
}

static void answer(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    struct vmc_vq_buffer buffer = {.address = BUFFER_STATS,
                                   .size_bytes = sizeof(vm->stats.bytes)};

    fill(vm);
    (void)vmc_vq_add(&vm->queues[QUEUE_STATS], &buffer, 1,
                     worker->flow.handler);
    worker_work(worker, VMC_STAGE_SEND,
                vm->costs->send.add + VMC_STAT_TAGS * vm->costs->guest.word,
                STEP_FILLED);
}

/* True while there is a reason to poll: an operation is under way. */
static bool is_wanted(const struct vm *vm)
{
    for (uint32_t i = 0; i < WORKER_COUNT; i++) {
        if (i != WORKER_STATS && vmc_flow_is_busy(&vm->workers[i].flow)) {
            return true;
        }
    }
    return false;
}

static void popped(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;

    (void)vmc_vq_pop(&vm->queues[QUEUE_STATS], &worker->tell.element);
    vm->messages++;
    read_answer(vm, worker->tell.element.buffers[0].size_bytes);
    worker_unlock(worker, ROLE_BQL);
    worker_unlock(worker, ROLE_MAIN);
    vmc_flow_sleep(&worker->flow, VMC_STAGE_SLEEP, vm->config.stats_ticks,
                   STEP_TIMER);
}

/* The buffer goes back: that is the question. */
static void pushed(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;

    (void)vmc_vq_push(&vm->queues[QUEUE_STATS], &worker->tell.element, 0);
    vm->stats.polls++;
    worker_unlock(worker, ROLE_BQL);
    worker_unlock(worker, ROLE_MAIN);
    vmc_flow_sleep(&worker->flow, VMC_STAGE_SEND, vm->costs->send.wake_vcpu,
                   STEP_ISR);
}

static void told(struct vm_worker *worker)
{
    uint64_t token;
    uint32_t written_bytes;

    (void)vmc_vq_get_used(&worker->vm->queues[QUEUE_STATS], &token,
                          &written_bytes);
    answer(worker);
}

static void step(struct vm_worker *worker, uint32_t step)
{
    struct vm *vm = worker->vm;
    const struct vmc_send_costs *send = &vm->costs->send;

    switch (step) {
    case STEP_FILLED:
        (void)vmc_vq_kick_prepare(&vm->queues[QUEUE_STATS]);
        worker_work(worker, VMC_STAGE_SEND, send->kick_exit, STEP_KICKED);
        return;
    case STEP_KICKED:
        vmc_flow_sleep(&worker->flow, VMC_STAGE_SEND, send->wake_host,
                       STEP_AWAKE);
        return;
    case STEP_AWAKE:
        worker_lock(worker, ROLE_MAIN, STEP_BQL);
        return;
    case STEP_BQL:
        worker_lock(worker, ROLE_BQL, STEP_POPPED);
        return;
    case STEP_POPPED:
        popped(worker);
        return;
    case STEP_TIMER:
        if (is_wanted(vm)) {
            worker_lock(worker, ROLE_MAIN, STEP_TIMER_BQL);
        }
        return;
    case STEP_TIMER_BQL:
        worker_lock(worker, ROLE_BQL, STEP_PUSHED);
        return;
    case STEP_PUSHED:
        pushed(worker);
        return;
    case STEP_ISR:
        worker_work(worker, VMC_STAGE_SEND, send->isr, STEP_TOLD);
        return;
    default:
        assert(step == STEP_TOLD);
        told(worker);
    }
}

void vm_stats_start(struct vm *vm)
{
    struct vm_worker *worker = &vm->workers[WORKER_STATS];
    uint64_t token;
    uint32_t written_bytes;

    if (vm->config.stats_ticks == 0 || vmc_flow_is_busy(&worker->flow)) {
        return;
    }
    worker->step = step;
    if (vmc_vq_in_flight(&vm->queues[QUEUE_STATS]) > 0) {
        /* The host still has the buffer of the last operation. */
        (void)vmc_vq_push(&vm->queues[QUEUE_STATS], &worker->tell.element, 0);
        (void)vmc_vq_get_used(&vm->queues[QUEUE_STATS], &token, &written_bytes);
    }
    answer(worker);
}
