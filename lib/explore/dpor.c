/* SPDX-License-Identifier: MIT */
/*
 * Dynamic partial-order reduction (Flanagan and Godefroid, POPL 2005) with
 * sleep sets (Godefroid, LNCS 1032). Two steps that do not depend on each
 * other may swap without any difference, so of all schedules that differ only
 * in that, one is run.
 *
 * A run is extended greedily. When a task makes a step, and whenever one is
 * blocked, every earlier event that its step depends on and that does not
 * happen before it is a race: the other order must be tried at the place of
 * that event. It is enough that somebody is tried there who can begin it; who
 * that is follows the source sets of Abdulla, Aronis, Jonsson and Sagonas
 * (POPL 2014). To add just the racing task, and only for the latest event, as
 * the first paper has it, loses runs as soon as that task is asleep there.
 *
 * A task whose steps have all been tried at a place sleeps in what follows
 * until somebody makes a step that depends on its own.
 *
 * What happens before what is kept as vector clocks: clocks[d][t] is how far
 * into the run the events of task t go that happen before event d, or are it.
 * A task that was spawned starts with the clock of its spawner.
 *
 * States are not remembered: memory is that of one path. A sleep set is only
 * sound without a table of states, unless it is a part of the key.
 */
#include "explore/search_priv.h"

#include <stdlib.h>
#include <string.h>

#define TASK_BIT(task) (UINT64_C(1) << (task))

struct footprint {
    uint32_t count;
    struct vmc_access accesses[VMC_MODEL_ACCESSES_MAX];
};

/* A place on the path, and the event that leads on from it. */
struct place {
    uint64_t enabled, backtrack, done, sleep; /* tasks, a bit each */
    uint16_t clock[VMC_MODEL_TASKS_MAX];      /* of the event */
    uint16_t last_event[VMC_MODEL_TASKS_MAX]; /* of each task, plus 1 */
    uint32_t task_count, step_count;
    uint32_t task;      /* that makes the event */
    uint32_t next_step; /* where its next alternative may stand */
    bool is_chosen;
    struct footprint event;
    uint16_t steps[VMC_MODEL_STEPS_MAX];
};

struct dpor {
    struct vmc_searcher *searcher;
    struct place *places;
    struct footprint *next; /* of every task, at the place in hand */
    unsigned char *states;
    uint16_t *path;
    uint32_t depth; /* the last place */
    bool is_over;
};

static unsigned char *state_at(const struct dpor *dpor, uint32_t depth)
{
    return dpor->states + depth * dpor->searcher->state_bytes;
}

static bool is_dependent(const struct footprint *a, const struct footprint *b)
{
    for (uint32_t i = 0; i < a->count; i++) {
        for (uint32_t j = 0; j < b->count; j++) {
            if (a->accesses[i].resource == b->accesses[j].resource &&
                (a->accesses[i].kind != b->accesses[j].kind ||
                 a->accesses[i].kind == VMC_ACCESS_WRITE)) {
                return true;
            }
        }
    }
    return false;
}

/* How far into the run events of @of happen before the next one of @task, as
 * seen from the place at @depth. */
static uint32_t reach(const struct dpor *dpor, uint32_t depth, uint32_t task,
                      uint32_t of)
{
    uint32_t last = dpor->places[depth].last_event[task];

    return last == 0 ? 0 : dpor->places[last - 1].clock[of];
}

/* ---- Races -------------------------------------------------------------- */

/* Who can begin what follows the place at @at when its event is put off: the
 * events after it that do not happen after it, and then the next step of
 * @task. Whoever has its first event among them with none of them before can
 * be the first. */
static uint64_t initials(const struct dpor *dpor, uint32_t depth, uint32_t at,
                         uint32_t task)
{
    uint32_t put_off = dpor->places[at].task;
    uint32_t firsts[VMC_MODEL_TASKS_MAX]; /* events, by task */
    uint64_t seen = 0, first = 0;
    bool is_free = true; /* the next step of @task */

    for (uint32_t i = at + 1; i < depth; i++) {
        const struct place *place = &dpor->places[i];
        bool is_first = (seen & TASK_BIT(place->task)) == 0;

        if (place->clock[put_off] >= at + 1) {
            continue;
        }
        for (uint64_t left = seen; left != 0 && is_first; left &= left - 1) {
            uint32_t other = vmc_bits_low(left);

            is_first = place->clock[other] < firsts[other] + 1;
        }
        if ((seen & TASK_BIT(place->task)) == 0) {
            firsts[place->task] = i;
            seen |= TASK_BIT(place->task);
        }
        first |= is_first ? TASK_BIT(place->task) : 0;
        is_free = is_free && !is_dependent(&place->event, &dpor->next[task]) &&
                  reach(dpor, depth, task, place->task) < i + 1;
    }
    return is_free && (seen & TASK_BIT(task)) == 0 ? first | TASK_BIT(task)
                                                   : first;
}

/* The event at @at races with the next step of @task: have the other order
 * tried there, unless it will be, or somebody asleep stands for it. */
static void backtrack(struct dpor *dpor, uint32_t depth, uint32_t at,
                      uint32_t task)
{
    struct place *place = &dpor->places[at];
    uint64_t first = initials(dpor, depth, at, task) & place->enabled;

    if (first == 0) { /* nobody we know of: all of them */
        place->backtrack |= place->enabled;
        return;
    }
    if ((first & (place->backtrack | place->sleep)) != 0) {
        return;
    }
    place->backtrack |= (first & TASK_BIT(task)) != 0
                            ? TASK_BIT(task)
                            : TASK_BIT(vmc_bits_low(first));
}

static bool is_race(const struct dpor *dpor, uint32_t depth, uint32_t at,
                    uint32_t task)
{
    const struct place *place = &dpor->places[at];

    return place->task != task &&
           reach(dpor, depth, task, place->task) < at + 1 &&
           is_dependent(&place->event, &dpor->next[task]);
}

/* Find the races of the next step of @task with the events before @depth. */
static void find_races(struct dpor *dpor, uint32_t depth, uint32_t task)
{
    for (uint32_t at = depth; at-- > 0 && dpor->next[task].count > 0;) {
        if (is_race(dpor, depth, at, task)) {
            backtrack(dpor, depth, at, task);
        }
    }
}

/* ---- Places ------------------------------------------------------------- */

static void look_at_footprints(struct dpor *dpor, uint32_t depth)
{
    struct vmc_searcher *searcher = dpor->searcher;
    uint32_t count = dpor->places[depth].task_count;

    for (uint32_t task = 0; task < count; task++) {
        struct footprint *next = &dpor->next[task];

        next->count = searcher->ops->footprint(
            searcher->model, state_at(dpor, depth), task, next->accesses);
        assert(next->count <= VMC_MODEL_ACCESSES_MAX);
    }
}

/* The first task that is to be tried and has not been; NO_TASK: none left. */
static uint32_t next_task(const struct place *place)
{
    uint64_t tasks = place->backtrack & ~place->done & ~place->sleep;

    return tasks != 0 ? vmc_bits_low(tasks) : VMC_NO_TASK;
}

static void end_run(struct dpor *dpor, uint32_t depth, bool is_good,
                    uint32_t rule)
{
    struct vmc_search_result *result = dpor->searcher->result;

    result->executions++;
    if (depth > result->depth) {
        result->depth = depth;
    }
    if (!is_good) {
        result->failing++;
        if (result->first_failing == 0) {
            result->first_failing = result->executions;
        }
        vmc_searcher_fail(dpor->searcher, rule, dpor->path, depth);
    }
}

/* Arrive at @depth, with sleep, last_event and the state set. */
static void arrive(struct dpor *dpor, uint32_t depth)
{
    struct vmc_searcher *searcher = dpor->searcher;
    struct place *place = &dpor->places[depth];
    const void *state = state_at(dpor, depth);
    uint64_t awake;

    place->step_count =
        searcher->ops->enabled(searcher->model, state, place->steps);
    place->enabled = place->backtrack = place->done = 0;
    place->is_chosen = false;
    for (uint32_t i = 0; i < place->step_count; i++) {
        place->enabled |=
            TASK_BIT(vmc_searcher_task(searcher, place->steps[i]));
    }
    look_at_footprints(dpor, depth);
    for (uint32_t task = 0; task < place->task_count; task++) {
        if ((place->enabled & TASK_BIT(task)) == 0) {
            find_races(dpor, depth, task);
        }
    }
    if (place->step_count == 0) {
        uint32_t rule = 0;
        bool is_good = searcher->ops->finish(searcher->model, state, &rule);

        end_run(dpor, depth, is_good, rule);
        return;
    }
    awake = place->enabled & ~place->sleep;
    if (awake == 0) {
        searcher->result->redundant++;
    } else {
        place->backtrack = TASK_BIT(vmc_bits_low(awake));
    }
}

/* The clock of the event that leads on from @depth: all it depends on. */
static void set_clock(struct dpor *dpor, uint32_t depth)
{
    struct place *place = &dpor->places[depth];
    uint16_t *clock = place->clock;
    uint32_t last = place->last_event[place->task];

    memset(place->clock, 0, sizeof(place->clock));
    if (last != 0) {
        memcpy(clock, dpor->places[last - 1].clock,
               VMC_MODEL_TASKS_MAX * sizeof(*clock));
    }
    for (uint32_t at = depth; at-- > 0;) {
        struct place *other = &dpor->places[at];
        const uint16_t *theirs = other->clock;

        if (clock[other->task] >= at + 1 ||
            !is_dependent(&other->event, &place->event)) {
            continue;
        }
        for (uint32_t i = 0; i < place->task_count; i++) {
            clock[i] = theirs[i] > clock[i] ? theirs[i] : clock[i];
        }
    }
    clock[place->task] = (uint16_t)(depth + 1);
}

/* The sleepers that sleep on after the event that leads on from @depth. */
static uint64_t sleepers(const struct dpor *dpor, uint32_t depth)
{
    const struct place *place = &dpor->places[depth];
    uint64_t left = (place->sleep | place->done) & ~TASK_BIT(place->task);
    uint64_t stay = 0;

    for (; left != 0; left &= left - 1) {
        uint32_t task = vmc_bits_low(left);

        if (!is_dependent(&dpor->next[task], &place->event)) {
            stay |= TASK_BIT(task);
        }
    }
    return stay;
}

/* The next alternative of the task in hand, else the next task to be tried.
 * False: nothing is left at this place. */
static bool choose(struct dpor *dpor, struct place *place, uint16_t *step)
{
    for (;;) {
        if (!place->is_chosen) {
            place->task = next_task(place);
            if (place->task == VMC_NO_TASK) {
                return false;
            }
            place->is_chosen = true;
            place->next_step = 0;
        }
        while (place->next_step < place->step_count) {
            *step = place->steps[place->next_step++];
            if (vmc_searcher_task(dpor->searcher, *step) == place->task) {
                return true;
            }
        }
        place->done |= TASK_BIT(place->task);
        place->is_chosen = false;
    }
}

/* Make @step at @depth. True: there is a new place to go on from. */
static bool make_step(struct dpor *dpor, uint32_t depth, uint16_t step)
{
    struct vmc_searcher *searcher = dpor->searcher;
    struct place *place = &dpor->places[depth], *child = place + 1;
    uint32_t rule = 0;

    if (!vmc_searcher_may_step(searcher)) {
        dpor->is_over = true;
        return false;
    }
    look_at_footprints(dpor, depth);
    find_races(dpor, depth, place->task);
    place->event = dpor->next[place->task];
    set_clock(dpor, depth);
    memcpy(state_at(dpor, depth + 1), state_at(dpor, depth),
           searcher->state_bytes);
    dpor->path[depth] = step;
    if (!searcher->ops->step(searcher->model, state_at(dpor, depth + 1), step,
                             &rule)) {
        end_run(dpor, depth + 1, false, rule);
        return false;
    }
    if (depth + 1 == VMC_SCHEDULE_STEPS_MAX) {
        searcher->result->limit = VMC_LIMIT_DEPTH;
        return false;
    }
    child->sleep = sleepers(dpor, depth);
    memcpy(child->last_event, place->last_event, sizeof(child->last_event));
    child->last_event[place->task] = (uint16_t)(depth + 1);
    child->task_count =
        searcher->ops->task_count(searcher->model, state_at(dpor, depth + 1));
    assert(child->task_count <= VMC_MODEL_TASKS_MAX);
    for (uint32_t i = place->task_count; i < child->task_count; i++) {
        child->last_event[i] = (uint16_t)(depth + 1);
    }
    return true;
}

static void stand(void *strategy, struct vmc_archive *archive)
{
    struct dpor *dpor = strategy;

    dpor->depth = (uint32_t)vmc_archive_count(
        archive, "depth", dpor->depth, (uint64_t)VMC_SCHEDULE_STEPS_MAX - 1);
    vmc_archive_bytes(archive, "places", dpor->places,
                      (dpor->depth + 1) * sizeof(*dpor->places));
    vmc_archive_bytes(archive, "states", dpor->states,
                      (dpor->depth + 1) * dpor->searcher->state_bytes);
    vmc_archive_bytes(archive, "path", dpor->path,
                      dpor->depth * sizeof(*dpor->path));
}

static enum vmc_status run_all(struct dpor *dpor)
{
    struct vmc_searcher *searcher = dpor->searcher;
    bool is_resumed;
    enum vmc_status status =
        vmc_searcher_begin(searcher, stand, dpor, false, &is_resumed);
    uint16_t step;

    if (!is_resumed) {
        searcher->ops->start(searcher->model, dpor->states);
        dpor->places[0].task_count =
            searcher->ops->task_count(searcher->model, dpor->states);
        arrive(dpor, 0);
    }
    while (status == VMC_OK && !dpor->is_over) {
        status = vmc_searcher_keep(searcher, searcher->result->executions);
        if (status != VMC_OK) {
            break;
        }
        if (choose(dpor, &dpor->places[dpor->depth], &step)) {
            if (make_step(dpor, dpor->depth, step)) {
                arrive(dpor, ++dpor->depth);
            }
        } else if (dpor->depth == 0) {
            break;
        } else {
            dpor->depth--;
        }
    }
    return status;
}

enum vmc_status vmc_strategy_dpor(struct vmc_searcher *searcher)
{
    struct vmc_search_result *result = searcher->result;
    struct dpor dpor = {.searcher = searcher};
    enum vmc_status status = VMC_E_NOMEM;

    if (searcher->ops->footprint == NULL || searcher->ops->task_count == NULL ||
        searcher->ops->task == NULL) {
        return VMC_E_RANGE;
    }
    dpor.places = calloc(VMC_SCHEDULE_STEPS_MAX, sizeof(*dpor.places));
    dpor.next = calloc(VMC_MODEL_TASKS_MAX, sizeof(*dpor.next));
    dpor.states = calloc(VMC_SCHEDULE_STEPS_MAX + 1, searcher->state_bytes);
    dpor.path = calloc(VMC_SCHEDULE_STEPS_MAX, sizeof(*dpor.path));
    if (dpor.places != NULL && dpor.next != NULL && dpor.states != NULL &&
        dpor.path != NULL) {
        status = run_all(&dpor);
    }
    free(dpor.places);
    free(dpor.next);
    free(dpor.states);
    free(dpor.path);
    result->schedules = result->executions;
    result->is_complete = result->limit == VMC_LIMIT_NONE;
    result->guarantee = result->is_complete ? VMC_EXHAUSTIVE : VMC_BOUNDED;
    return status;
}
