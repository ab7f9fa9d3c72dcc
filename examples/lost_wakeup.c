/* SPDX-License-Identifier: MIT */
/*
 * A scenario of one's own, searched by the explorer: a task waits for a flag
 * that another one sets. The waiter that looks at the flag first and goes to
 * sleep afterwards can miss its only wake-up; the one that says before its look
 * that it is about to sleep cannot.
 *
 *     waiter (right only)  announce        setter   set the flag
 *                          look                     wake who is asleep
 *                          sleep, unless the flag was seen
 *                          (go on when woken)
 */
#include <explore/minimise.h>
#include <explore/search.h>
#include <stdio.h>

enum task { WAITER, SETTER, TASKS };
enum waiter { ANNOUNCE, LOOK, SLEEP, ASLEEP, DONE };
enum { SET, WAKE, GONE };
enum { FLAG = 1, QUEUE = 2 };  /* what steps touch */
enum { RULE_SLEEPS_ON = 1 };   /* numbers of rules begin at 1 */
enum { STATES_MAX = 1 << 16 }; /* far more than there are */

/* What does not change while a search runs. */
struct scenario {
    bool announces;
};

/* What does. All bytes have a name, for the state is hashed as it lies. */
struct state {
    uint8_t at[TASKS]; /* where each task stands */
    bool has_flag, has_seen, is_queued;
};

static size_t state_bytes(const void *model)
{
    (void)model;
    return sizeof(struct state);
}

static void start(void *model, void *state)
{
    const struct scenario *scenario = model;

    *(struct state *)state =
        (struct state){.at = {scenario->announces ? ANNOUNCE : LOOK, SET}};
}

/* A step has the number of its task: each has only one way to go on. */
static uint32_t enabled(void *model, const void *state, uint16_t *steps)
{
    const struct state *s = state;
    uint32_t count = 0;

    (void)model;
    if (s->at[WAITER] < ASLEEP || (s->at[WAITER] == ASLEEP && !s->is_queued)) {
        steps[count++] = WAITER;
    }
    if (s->at[SETTER] != GONE) {
        steps[count++] = SETTER;
    }
    return count;
}

static bool step(void *model, void *state, uint16_t task, uint32_t *rule)
{
    const struct scenario *scenario = model;
    struct state *s = state;

    (void)rule;
    if (task == SETTER) {
        if (s->at[SETTER]++ == SET) {
            s->has_flag = true;
        } else {
            s->is_queued = false; /* who stands there may go on */
        }
        return true;
    }
    switch (s->at[WAITER]++) {
    case ANNOUNCE:
        s->is_queued = true;
        break;
    case LOOK:
        s->has_seen = s->has_flag;
        break;
    case SLEEP:
        if (s->has_seen) {
            s->at[WAITER] = DONE;
        } else if (!scenario->announces) {
            s->is_queued = true;
        }
        break;
    default:
        break;
    }
    return true;
}

/* Nobody can go on; so everybody has to be through. */
static bool finish(void *model, const void *state, uint32_t *rule)
{
    const struct state *s = state;

    (void)model;
    *rule = RULE_SLEEPS_ON;
    return s->at[WAITER] == DONE;
}

static struct vmc_hash128 hash(void *model, const void *state)
{
    (void)model;
    return vmc_hash128(state, sizeof(struct state), 0);
}

static uint32_t task_of(const void *model, uint16_t step_number)
{
    (void)model;
    return step_number;
}

static uint32_t task_count(const void *model, const void *state)
{
    (void)model;
    (void)state;
    return TASKS;
}

/* What the next step of a task touches: with this, DPOR leaves out schedules
 * that only swap steps which do not meet. */
static uint32_t footprint(const void *model, const void *state, uint32_t task,
                          struct vmc_access *accesses)
{
    static const struct vmc_access of[TASKS][DONE + 1] = {
        [WAITER] = {[ANNOUNCE] = {QUEUE, VMC_ACCESS_WRITE},
                    [LOOK] = {FLAG, VMC_ACCESS_READ},
                    [SLEEP] = {QUEUE, VMC_ACCESS_WRITE},
                    [ASLEEP] = {QUEUE, VMC_ACCESS_READ}},
        [SETTER] = {[SET] = {FLAG, VMC_ACCESS_WRITE},
                    [WAKE] = {QUEUE, VMC_ACCESS_WRITE}},
    };
    const struct state *s = state;

    (void)model;
    accesses[0] = of[task][s->at[task]];
    return s->at[task] < (task == WAITER ? DONE : GONE);
}

static const struct vmc_model_ops ops = {
    .state_bytes = state_bytes,
    .start = start,
    .enabled = enabled,
    .step = step,
    .finish = finish,
    .hash = hash,
    .task = task_of,
    .task_count = task_count,
    .footprint = footprint,
};

/* The steps of the smallest failing schedule, by the names of their tasks. */
static bool print_smallest(struct scenario *scenario,
                           const struct vmc_schedule *failing)
{
    static struct vmc_minimal smallest;

    if (vmc_minimise(&smallest, failing, VMC_MINIMISE_PREEMPTIONS, STATES_MAX,
                     &ops, scenario) != VMC_OK) {
        return false;
    }
    (void)printf("  with %u preemption:", smallest.preemption_count);
    for (uint32_t i = 0; i < smallest.schedule.step_count; i++) {
        (void)printf(" %s", smallest.schedule.steps[i] == WAITER ? "waiter"
                                                                 : "setter");
    }
    (void)printf(smallest.is_proven ? "; none has less\n" : "\n");
    return true;
}

static bool search(struct scenario *scenario, enum vmc_strategy strategy)
{
    static struct vmc_search_result result; /* too large for the stack */
    const struct vmc_search_config config = {
        .strategy = strategy, .budget = {.states_max = STATES_MAX}};

    if (vmc_search(&result, &ops, scenario, &config) != VMC_OK) {
        return false;
    }
    (void)printf("%s, %s: %s, %u schedules, %u fail\n",
                 scenario->announces ? "announce, look, sleep" : "look, sleep",
                 vmc_strategy_name(strategy),
                 vmc_guarantee_name(result.guarantee),
                 (unsigned)result.schedules, (unsigned)result.failing);
    return !result.has_schedule || print_smallest(scenario, &result.schedule);
}

int main(void)
{
    struct scenario wrong = {.announces = false}, right = {.announces = true};
    bool is_good = search(&wrong, VMC_STRATEGY_STATEFUL) &&
                   search(&wrong, VMC_STRATEGY_DPOR) &&
                   search(&right, VMC_STRATEGY_STATEFUL) &&
                   search(&right, VMC_STRATEGY_DPOR);

    return is_good ? 0 : 1;
}
