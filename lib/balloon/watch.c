/* SPDX-License-Identifier: MIT */
/* A flow tells of what it lets go; here it becomes a stretch of a named actor,
 * and a place in the way of a message: the vCPU kicks, the main loop serves,
 * the vCPU handles the interrupt. A worker has one message under way. */
#include "balloon/watch.h"

#include "balloon/vm_priv.h"

static const struct {
    const char *name;
    bool is_lock;
} actors[] = {
    [ROLE_VCPU_WORKER] = {"vCPU of the driver", false},
    [ROLE_VCPU_OTHER] = {"vCPU of others", false},
    [ROLE_MAIN] = {"main loop", false},
    [ROLE_IO] = {"I/O thread", false},
    [ROLE_BALLOON] = {"driver's mutex", true},
    [ROLE_PAGES] = {"lock of the page list", true},
    [ROLE_BQL] = {"big lock", true},
    [ROLE_MM] = {"mm lock", true},
    [ROLE_MMU] = {"MMU lock", true},
};

static_assert(VMC_COUNT_OF(actors) == ROLE_COUNT, "a name an actor");
static_assert(VMC_BALLOON_ACTORS == (int)ROLE_COUNT, "as watch.h has it");
static_assert(VMC_BALLOON_WORKERS == (int)WORKER_COUNT, "likewise");
static_assert(VMC_BALLOON_QUEUES == (int)QUEUE_COUNT, "likewise");

const char *vmc_balloon_actor_name(uint32_t actor)
{
    assert(actor < ROLE_COUNT);
    return actors[actor].name;
}

bool vmc_balloon_actor_is_lock(uint32_t actor)
{
    assert(actor < ROLE_COUNT);
    return actors[actor].is_lock;
}

static enum vmc_balloon_point point_of(struct vm_worker *worker,
                                       enum vm_role role, uint32_t next_step)
{
    enum vmc_balloon_point *point = &worker->watched.point;

    if (next_step == STEP_TELL_WAKE && role == worker->vcpu_role) {
        worker->watched.message = ++worker->vm->watched_kicks;
        return *point = VMC_BALLOON_KICK;
    }
    if (*point == VMC_BALLOON_KICK && role == ROLE_MAIN) {
        return *point = VMC_BALLOON_SERVE;
    }
    if (*point == VMC_BALLOON_SERVE && role == worker->vcpu_role &&
        next_step == STEP_TELL_DONE) {
        *point = VMC_BALLOON_NO_POINT;
        return VMC_BALLOON_HANDLE;
    }
    return VMC_BALLOON_NO_POINT;
}

static struct vmc_balloon_sizes sizes_of(const struct vm *vm)
{
    return (struct vmc_balloon_sizes){
        .balloon = vm->held_units * vm->driver->unit_pages << PAGE_SHIFT,
        .guest_free = vm_free_pages(vm) << PAGE_SHIFT,
        .host_backed = vmc_host_backed_bytes(&vm->host),
    };
}

static void tell_sizes(struct vm *vm, uint64_t tick)
{
    struct vmc_balloon_sizes *last = &vm->watched_sizes;
    struct vmc_balloon_sizes sizes = sizes_of(vm);

    if (sizes.balloon != last->balloon ||
        sizes.guest_free != last->guest_free ||
        sizes.host_backed != last->host_backed) {
        *last = sizes;
        for (const struct vmc_balloon_watch *watch = vm->config.watch;
             watch != NULL; watch = watch->next) {
            if (watch->sizes != NULL) {
                watch->sizes(watch->owner, tick, &sizes);
            }
        }
    }
}

void vm_watch(struct vmc_flow *flow, uint32_t actor,
              const struct vmc_account *work)
{
    struct vm_worker *worker = flow->owner;
    struct vm *vm = worker->vm;
    struct vmc_balloon_span span = {
        .actor = actor - vm->actor_of[0],
        .worker = worker->kind,
        .from_tick = flow->actors[actor].held_since_tick,
        .until_tick = vmc_engine_now_tick(vm->engine),
        .work = work,
    };

    span.point = point_of(worker, (enum vm_role)span.actor,
                          work != NULL ? flow->state.next_step : STEP_IDLE);
    span.message = worker->watched.message;
    for (const struct vmc_balloon_watch *watch = vm->config.watch;
         watch != NULL; watch = watch->next) {
        if (watch->span != NULL) {
            watch->span(watch->owner, &span);
        }
    }
    tell_sizes(vm, span.until_tick);
}

/* Which worker of this guest @handler is, from 1; 0 for one of another. */
static uint32_t worker_of(const struct vm *vm, uint16_t handler)
{
    for (uint32_t i = 0; i < WORKER_COUNT; i++) {
        if (vm->workers[i].flow.handler == handler) {
            return i + 1;
        }
    }
    return 0;
}

void vm_notice(struct vmc_flow *flow)
{
    const struct vm_worker *worker = flow->owner;
    const struct vm *vm = worker->vm;
    struct vmc_balloon_moment moment = {.tick = vmc_engine_now_tick(vm->engine),
                                        .sizes = sizes_of(vm)};

    for (uint32_t role = 0; role < ROLE_COUNT; role++) {
        const struct vmc_actor *actor = &vm->actors[vm_actor(vm, role)];

        moment.actors[role].owner =
            actor->is_held ? worker_of(vm, actor->holder) : 0;
        moment.actors[role].waiters = actor->waiter_count;
    }
    for (uint32_t i = 0; i < QUEUE_COUNT; i++) {
        const struct vmc_virtqueue *queue = &vm->queues[i];

        moment.queues[i].in_flight = vmc_vq_in_flight(queue);
        moment.queues[i].available =
            (uint16_t)(queue->available_index - queue->available_seen);
        moment.queues[i].used =
            (uint16_t)(queue->used_index - queue->used_seen);
    }
    for (const struct vmc_balloon_watch *watch = vm->config.watch;
         watch != NULL; watch = watch->next) {
        if (watch->moment != NULL) {
            watch->moment(watch->owner, &moment);
        }
    }
}
