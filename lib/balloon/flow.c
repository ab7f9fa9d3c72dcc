/* SPDX-License-Identifier: MIT */
/*
 * A flow has at most one event pending: the end of its work, or the news that
 * the actor it waits for is its own now. An actor that is let go passes to the
 * first waiter in the same tick, so nobody can slip in between.
 */
#include "balloon/flow.h"

static void fire(void *device, uint64_t argument);

uint64_t vmc_account_total(const struct vmc_account *account)
{
    uint64_t total = 0;

    for (uint32_t stage = 0; stage < VMC_STAGE_COUNT; stage++) {
        total += account->ticks[stage];
    }
    return total;
}

void vmc_account_add(struct vmc_account *into, const struct vmc_account *from)
{
    for (uint32_t stage = 0; stage < VMC_STAGE_COUNT; stage++) {
        into->ticks[stage] += from->ticks[stage];
    }
}

void vmc_flow_init(struct vmc_flow *flow, struct vmc_engine *engine,
                   const char *kind, uint32_t instance, vmc_flow_fn *run,
                   void *owner)
{
    flow->engine = engine;
    flow->run = run;
    flow->owner = owner;
    flow->watch = NULL;
    flow->notice = NULL;
    flow->state = (struct vmc_flow_state){.event = VMC_EVENT_NONE};
    flow->handler = vmc_engine_add_handler(engine, kind, instance, fire, flow);
}

static void take(struct vmc_flow *flow, struct vmc_actor *actor)
{
    assert(!actor->is_held);
    actor->is_held = true;
    actor->holder = flow->handler;
    actor->held_since_tick = vmc_engine_now_tick(flow->engine);
}

static void notice(struct vmc_flow *flow)
{
    if (VMC_WATCHED(flow->notice != NULL)) {
        flow->notice(flow);
    }
}

static void let_go(struct vmc_flow *flow, uint32_t actor_number,
                   const struct vmc_account *work)
{
    struct vmc_actor *actor = &flow->actors[actor_number];
    uint16_t next;
    uint64_t ticks = vmc_engine_now_tick(flow->engine) - actor->held_since_tick;

    assert(actor->is_held && actor->holder == flow->handler);
    if (VMC_WATCHED(flow->watch != NULL)) {
        flow->watch(flow, actor_number, work);
    }
    actor->held_ticks += ticks;
    actor->longest_ticks =
        ticks > actor->longest_ticks ? ticks : actor->longest_ticks;
    actor->is_held = false;
    if (actor->waiter_count == 0) {
        notice(flow);
        return;
    }
    next = actor->waiters[actor->waiter_first];
    actor->waiter_first = (actor->waiter_first + 1) % VMC_ACTOR_WAITERS_MAX;
    actor->waiter_count--;
    actor->is_held = true;
    actor->holder = next;
    actor->held_since_tick = vmc_engine_now_tick(flow->engine);
    (void)vmc_engine_schedule(flow->engine, 0, VMC_PHASE_DEVICE, next, 0);
    notice(flow);
}

/* The actor, if any, is ours: work on it, or go on holding it. */
static void begin(struct vmc_flow *flow)
{
    struct vmc_flow_state *state = &flow->state;
    uint64_t now = vmc_engine_now_tick(flow->engine);

    flow->account->ticks[VMC_STAGE_WAIT] += now - state->asked_tick;
    state->is_waiting = false;
    state->event = vmc_engine_schedule(flow->engine, state->work_ticks,
                                       VMC_PHASE_DEVICE, flow->handler, 0);
}

static void end(struct vmc_flow *flow)
{
    struct vmc_flow_state *state = &flow->state;

    state->event = VMC_EVENT_NONE;
    vmc_account_add(flow->account, &state->work);
    if (state->actor != VMC_ACTOR_NOBODY && !state->is_locking) {
        let_go(flow, state->actor, &state->work);
    }
    state->is_busy = false;
    flow->run(flow, state->next_step);
}

static void fire(void *device, uint64_t argument)
{
    struct vmc_flow *flow = device;

    (void)argument;
    if (flow->state.is_waiting) {
        begin(flow);
    } else {
        end(flow);
    }
}

static void ask(struct vmc_flow *flow, uint32_t actor_number)
{
    struct vmc_flow_state *state = &flow->state;
    struct vmc_actor *actor;

    assert(!state->is_busy);
    state->is_busy = true;
    state->actor = (uint8_t)actor_number;
    state->asked_tick = vmc_engine_now_tick(flow->engine);
    if (actor_number == VMC_ACTOR_NOBODY) {
        begin(flow);
        notice(flow);
        return;
    }
    actor = &flow->actors[actor_number];
    if (!actor->is_held) {
        take(flow, actor);
        begin(flow);
        notice(flow);
        return;
    }
    assert(actor->holder != flow->handler);
    assert(actor->waiter_count < VMC_ACTOR_WAITERS_MAX);
    actor->waiters[(actor->waiter_first + actor->waiter_count) %
                   VMC_ACTOR_WAITERS_MAX] = flow->handler;
    actor->waiter_count++;
    actor->waits++;
    state->is_waiting = true;
    notice(flow);
}

void vmc_flow_work_all(struct vmc_flow *flow, uint32_t actor,
                       const struct vmc_account *work, uint32_t next_step)
{
    flow->state.work = *work;
    flow->state.work_ticks = vmc_account_total(work);
    flow->state.next_step = next_step;
    flow->state.is_locking = false;
    ask(flow, actor);
}

void vmc_flow_work(struct vmc_flow *flow, uint32_t actor,
                   enum vmc_balloon_stage stage, uint64_t ticks,
                   uint32_t next_step)
{
    struct vmc_account work = {0};

    work.ticks[stage] = ticks;
    vmc_flow_work_all(flow, actor, &work, next_step);
}

void vmc_flow_lock(struct vmc_flow *flow, uint32_t lock, uint32_t next_step)
{
    flow->state.work = (struct vmc_account){0};
    flow->state.work_ticks = 0;
    flow->state.next_step = next_step;
    flow->state.is_locking = true;
    ask(flow, lock);
}

void vmc_flow_unlock(struct vmc_flow *flow, uint32_t lock)
{
    let_go(flow, lock, NULL);
}

bool vmc_flow_can_lock(const struct vmc_flow *flow, uint32_t lock)
{
    return !flow->actors[lock].is_held;
}

bool vmc_flow_holds(const struct vmc_flow *flow, uint32_t lock)
{
    return flow->actors[lock].is_held &&
           flow->actors[lock].holder == flow->handler;
}

void vmc_flow_sleep(struct vmc_flow *flow, enum vmc_balloon_stage stage,
                    uint64_t ticks, uint32_t next_step)
{
    vmc_flow_work(flow, VMC_ACTOR_NOBODY, stage, ticks, next_step);
}

void vmc_flow_park(struct vmc_flow *flow, enum vmc_balloon_stage stage,
                   uint32_t next_step)
{
    struct vmc_flow_state *state = &flow->state;

    assert(!state->is_busy);
    state->is_busy = state->is_parked = true;
    state->is_locking = false;
    state->actor = VMC_ACTOR_NOBODY;
    state->stage = (uint8_t)stage;
    state->asked_tick = vmc_engine_now_tick(flow->engine);
    state->next_step = next_step;
    notice(flow);
}

bool vmc_flow_resume(struct vmc_flow *flow)
{
    struct vmc_flow_state *state = &flow->state;

    if (!state->is_parked) {
        return false;
    }
    state->is_parked = false;
    state->work = (struct vmc_account){0};
    state->work.ticks[state->stage] =
        vmc_engine_now_tick(flow->engine) - state->asked_tick;
    state->event = vmc_engine_schedule(flow->engine, 0, VMC_PHASE_DEVICE,
                                       flow->handler, 0);
    return true;
}

bool vmc_flow_is_busy(const struct vmc_flow *flow)
{
    return flow->state.is_busy;
}
