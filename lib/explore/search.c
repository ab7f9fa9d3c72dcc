/* SPDX-License-Identifier: MIT */
/*
 * A state is known by its 128-bit hash. With n states the chance that two of
 * them share one is about n^2 / 2^129: below 10^-24 for ten million.
 *
 * Depth first needs the states of one path only: frame i holds the state after
 * i steps, its entry in the table and the sums so far. An entry that is met
 * again while it is still on the path closes a cycle.
 *
 * Breadth first keeps the states of two levels, and for every state the step
 * and the state that led to it; a failing schedule is read back from there.
 */
#include "explore/search.h"

#include <stdlib.h>
#include <string.h>

enum entry_status { ENTRY_FREE, ENTRY_OPEN, ENTRY_DONE };

/* What is known of a state. */
struct entry {
    struct vmc_hash128 hash;
    vmc_u128 schedules, failing;
    uint32_t depth; /* of the longest schedule from here */
    uint8_t status; /* enum entry_status */
};

/* A place on the path. */
struct frame {
    uint64_t slot;
    vmc_u128 schedules, failing;
    uint32_t step_count, next, depth;
    uint16_t steps[VMC_MODEL_STEPS_MAX];
};

struct search {
    const struct vmc_model_ops *ops;
    void *model;
    struct vmc_search_result *result;
    struct entry *entries;
    uint64_t slot_mask, states_max;
    struct frame *frames;
    unsigned char *states; /* one for each frame, and one more */
    size_t state_bytes;
};

static uint64_t slots_for(uint64_t states_max)
{
    return vmc_round_up_pow2(2 * states_max + 2);
}

static bool is_bad_budget(const struct vmc_search_budget *budget)
{
    return budget->states_max < 1 || budget->states_max > VMC_SEARCH_STATES_MAX;
}

/* The slot of @hash, or the free one where it belongs. */
static uint64_t find_slot(const struct search *search, struct vmc_hash128 hash)
{
    uint64_t slot = hash.low & search->slot_mask;

    while (search->entries[slot].status != ENTRY_FREE &&
           (search->entries[slot].hash.low != hash.low ||
            search->entries[slot].hash.high != hash.high)) {
        slot = (slot + 1) & search->slot_mask;
    }
    return slot;
}

static unsigned char *state_at(const struct search *search, uint32_t depth)
{
    return search->states + depth * search->state_bytes;
}

static void add(struct search *search, vmc_u128 *sum, vmc_u128 value)
{
    if (__builtin_add_overflow(*sum, value, sum)) {
        search->result->has_overflow = true;
    }
}

/* Enter the state at @depth, which is new; its end is judged here. */
static void open_frame(struct search *search, uint32_t depth, uint64_t slot,
                       struct vmc_hash128 hash)
{
    struct frame *frame = &search->frames[depth];
    uint32_t rule = 0;

    search->entries[slot] = (struct entry){.hash = hash, .status = ENTRY_OPEN};
    search->result->states++;
    frame->slot = slot;
    frame->schedules = frame->failing = 0;
    frame->next = frame->depth = 0;
    frame->step_count = search->ops->enabled(
        search->model, state_at(search, depth), frame->steps);
    assert(frame->step_count <= VMC_MODEL_STEPS_MAX);
    if (frame->step_count == 0) {
        frame->schedules = 1;
        frame->failing =
            !search->ops->finish(search->model, state_at(search, depth), &rule);
    }
}

static void close_frame(struct search *search, const struct frame *frame)
{
    struct entry *entry = &search->entries[frame->slot];

    entry->schedules = frame->schedules;
    entry->failing = frame->failing;
    entry->depth = frame->depth;
    entry->status = ENTRY_DONE;
}

static void add_child(struct search *search, struct frame *frame,
                      const struct entry *child)
{
    add(search, &frame->schedules, child->schedules);
    add(search, &frame->failing, child->failing);
    if (child->depth + 1 > frame->depth) {
        frame->depth = child->depth + 1;
    }
}

/* Make the next step of the frame at @depth. True when it leads to a state
 * that is to be entered, at @depth + 1. */
static bool make_step(struct search *search, uint32_t depth)
{
    struct frame *frame = &search->frames[depth];
    uint16_t step = frame->steps[frame->next++];
    unsigned char *state = state_at(search, depth + 1);
    struct vmc_hash128 hash;
    uint32_t rule = 0;
    uint64_t slot;

    memcpy(state, state_at(search, depth), search->state_bytes);
    search->result->steps++;
    if (!search->ops->step(search->model, state, step, &rule)) {
        const struct entry broken = {.schedules = 1, .failing = 1};

        add_child(search, frame, &broken);
        return false;
    }
    hash = search->ops->hash(search->model, state);
    slot = find_slot(search, hash);
    switch (search->entries[slot].status) {
    case ENTRY_DONE:
        add_child(search, frame, &search->entries[slot]);
        return false;
    case ENTRY_OPEN:
        search->result->has_cycle = true;
        return false;
    default:
        break;
    }
    if (search->result->states == search->states_max) {
        search->result->is_complete = false;
        return false;
    }
    open_frame(search, depth + 1, slot, hash);
    return true;
}

static enum vmc_status count_all(struct search *search)
{
    struct vmc_hash128 hash;
    uint32_t depth = 0;

    search->ops->start(search->model, state_at(search, 0));
    hash = search->ops->hash(search->model, state_at(search, 0));
    open_frame(search, 0, find_slot(search, hash), hash);
    for (;;) {
        struct frame *frame = &search->frames[depth];

        if (frame->next < frame->step_count) {
            if (depth + 1 == VMC_SCHEDULE_STEPS_MAX) {
                return VMC_E_RANGE;
            }
            depth += make_step(search, depth);
            continue;
        }
        close_frame(search, frame);
        if (depth == 0) {
            break;
        }
        depth--;
        add_child(search, &search->frames[depth],
                  &search->entries[frame->slot]);
    }
    search->result->schedules = search->frames[0].schedules;
    search->result->failing = search->frames[0].failing;
    search->result->depth = search->frames[0].depth;
    return VMC_OK;
}

enum vmc_status vmc_search_count(struct vmc_search_result *result,
                                 const struct vmc_model_ops *ops, void *model,
                                 const struct vmc_search_budget *budget)
{
    struct search search = {.ops = ops, .model = model, .result = result};
    enum vmc_status status = VMC_E_NOMEM;

    if (is_bad_budget(budget)) {
        return VMC_E_RANGE;
    }
    *result = (struct vmc_search_result){.is_complete = true};
    search.states_max = budget->states_max;
    search.slot_mask = slots_for(budget->states_max) - 1;
    search.state_bytes = ops->state_bytes(model);
    search.entries = calloc(search.slot_mask + 1, sizeof(*search.entries));
    search.frames = calloc(VMC_SCHEDULE_STEPS_MAX, sizeof(*search.frames));
    search.states = calloc(VMC_SCHEDULE_STEPS_MAX + 1, search.state_bytes);
    if (search.entries != NULL && search.frames != NULL &&
        search.states != NULL) {
        status = count_all(&search);
    }
    free(search.entries);
    free(search.frames);
    free(search.states);
    return status;
}

/* ---- Breadth first ------------------------------------------------------ */

/* How a state was reached first. */
struct origin {
    uint32_t parent;
    uint16_t step;
};

/* States of one level, and which origin each has. */
struct level {
    unsigned char *states;
    uint32_t *origins;
    uint64_t count, room;
};

struct wave {
    const struct vmc_model_ops *ops;
    void *model;
    struct vmc_hash128 *seen; /* zero where free */
    struct origin *origins;
    uint64_t slot_mask, origin_count, states_max;
    struct level levels[2]; /* the one that is expanded, and the next */
    uint32_t now;           /* which is which */
    size_t state_bytes;
};

/* Remember @hash. False when it is known. */
static bool remember(struct wave *wave, struct vmc_hash128 hash)
{
    uint64_t slot = hash.low & wave->slot_mask;

    hash.high |= 1; /* so that no hash looks like a free slot */
    while (wave->seen[slot].high != 0) {
        if (wave->seen[slot].low == hash.low &&
            wave->seen[slot].high == hash.high) {
            return false;
        }
        slot = (slot + 1) & wave->slot_mask;
    }
    wave->seen[slot] = hash;
    return true;
}

static enum vmc_status push(struct wave *wave, struct level *level,
                            const unsigned char *state, uint32_t origin)
{
    if (level->count == level->room) {
        uint64_t room = level->room == 0 ? 256 : 2 * level->room;
        unsigned char *states =
            realloc(level->states, room * wave->state_bytes);
        uint32_t *origins;

        if (states == NULL) {
            return VMC_E_NOMEM;
        }
        level->states = states;
        origins = realloc(level->origins, room * sizeof(*origins));
        if (origins == NULL) {
            return VMC_E_NOMEM;
        }
        level->origins = origins;
        level->room = room;
    }
    memcpy(level->states + level->count * wave->state_bytes, state,
           wave->state_bytes);
    level->origins[level->count++] = origin;
    return VMC_OK;
}

/* Read back the steps to @origin; @last follows them when it is a step. */
static enum vmc_status read_back(const struct wave *wave,
                                 struct vmc_schedule *schedule, uint32_t origin,
                                 bool has_last, uint16_t last)
{
    uint32_t count = has_last;

    for (uint32_t i = origin; i != 0; i = wave->origins[i].parent) {
        count++;
    }
    if (count > VMC_SCHEDULE_STEPS_MAX) {
        return VMC_E_RANGE;
    }
    schedule->step_count = count;
    if (has_last) {
        schedule->steps[--count] = last;
    }
    for (uint32_t i = origin; i != 0; i = wave->origins[i].parent) {
        schedule->steps[--count] = wave->origins[i].step;
    }
    return VMC_OK;
}

/* Make every step of one state. VMC_OK: a rule broke, *@schedule shows it. */
static enum vmc_status expand(struct wave *wave, const unsigned char *state,
                              uint32_t origin, unsigned char *scratch,
                              struct vmc_schedule *schedule, uint32_t *rule)
{
    uint16_t steps[VMC_MODEL_STEPS_MAX];
    uint32_t count = wave->ops->enabled(wave->model, state, steps);

    if (count == 0 && !wave->ops->finish(wave->model, state, rule)) {
        return read_back(wave, schedule, origin, false, 0);
    }
    for (uint32_t i = 0; i < count; i++) {
        enum vmc_status status;

        memcpy(scratch, state, wave->state_bytes);
        if (!wave->ops->step(wave->model, scratch, steps[i], rule)) {
            return read_back(wave, schedule, origin, true, steps[i]);
        }
        if (wave->origin_count > wave->states_max ||
            !remember(wave, wave->ops->hash(wave->model, scratch))) {
            continue;
        }
        wave->origins[wave->origin_count] = (struct origin){origin, steps[i]};
        status = push(wave, &wave->levels[!wave->now], scratch,
                      (uint32_t)wave->origin_count++);
        if (status != VMC_OK) {
            return status;
        }
    }
    return VMC_END;
}

static enum vmc_status run_wave(struct wave *wave, unsigned char *scratch,
                                struct vmc_schedule *schedule, uint32_t *rule)
{
    enum vmc_status status;

    wave->ops->start(wave->model, scratch);
    (void)remember(wave, wave->ops->hash(wave->model, scratch));
    wave->origin_count = 1; /* origin 0 is the start */
    status = push(wave, &wave->levels[!wave->now], scratch, 0);
    while (status == VMC_OK && wave->levels[!wave->now].count > 0) {
        const struct level *level;

        wave->levels[wave->now].count = 0;
        wave->now = !wave->now;
        level = &wave->levels[wave->now];
        for (uint64_t i = 0; i < level->count; i++) {
            /* Both levels are freed by vmc_search_shortest().
             * NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
            enum vmc_status found =
                expand(wave, level->states + i * wave->state_bytes,
                       level->origins[i], scratch, schedule, rule);

            if (found != VMC_END) {
                return found;
            }
        }
    }
    return status == VMC_OK ? VMC_END : status;
}

enum vmc_status vmc_search_shortest(struct vmc_schedule *schedule,
                                    uint32_t *rule,
                                    const struct vmc_model_ops *ops,
                                    void *model,
                                    const struct vmc_search_budget *budget)
{
    struct wave wave = {.ops = ops, .model = model};
    enum vmc_status status = VMC_E_NOMEM;
    unsigned char *scratch;

    if (is_bad_budget(budget)) {
        return VMC_E_RANGE;
    }
    wave.states_max = budget->states_max;
    wave.slot_mask = slots_for(budget->states_max) - 1;
    wave.state_bytes = ops->state_bytes(model);
    wave.seen = calloc(wave.slot_mask + 1, sizeof(*wave.seen));
    wave.origins = calloc(budget->states_max + 2, sizeof(*wave.origins));
    scratch = calloc(1, wave.state_bytes);
    if (wave.seen != NULL && wave.origins != NULL && scratch != NULL) {
        status = run_wave(&wave, scratch, schedule, rule);
    }
    free(wave.seen);
    free(wave.origins);
    for (int i = 0; i < 2; i++) {
        free(wave.levels[i].states);
        free(wave.levels[i].origins);
    }
    free(scratch);
    return status;
}
