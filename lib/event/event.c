/* SPDX-License-Identifier: MIT */
/*
 * The engine around the wheel: handlers, event numbers, time, and the loop.
 *
 *     number     generation (40 bits) | index (24 bits)
 *     record     argument, generation | handler        stands still
 *     entry      key, number                           travels in the wheel
 *
 * The generation of a record goes up when its event is scheduled and again
 * when it fires or is cancelled, so it is odd while pending. An entry or a
 * caller's number that shows another generation is of an event that is gone.
 * That makes cancelling O(1): only the record is touched, and the entry is
 * dropped when it is met. Idle records form a list, last used first, so an
 * event that schedules its successor finds a record in the cache.
 */
#include "event/event.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/rng.h"
#include "event/arena_priv.h"
#include "event/wheel_priv.h"

enum {
    EVENTS_MAX = 1 << VMC_EVENT_INDEX_BITS,
    PHASE_BITS = 2,
    MAGIC = 0x324d4345,
    STALE_SLACK = 64, /* purging fewer entries than this does not pay */
};

/* In an event number the low bits are an index; in the state of a record they
 * are the handler. The generation lies above, in both. */
static const uint64_t index_mask = EVENTS_MAX - 1;
static const uint64_t generation_step = EVENTS_MAX;

struct handler {
    vmc_event_fn *fire;
    void *device;
    uint64_t identity; /* folded into the fingerprint when it fires */
};

/* What a run changes, but for the records and entries. Without padding. */
struct state {
    uint32_t magic, events_max;
    uint64_t handlers_identity;
    uint64_t now_tick, fired, fingerprint;
    uint64_t scheduled, cancelled; /* what is pending follows from the counts */
    uint64_t free_head;            /* events_max when no record is idle */
    uint64_t is_shuffling;         /* a bool that fills its word */
    struct vmc_rng shuffle;
};

static uint64_t pending_count(const struct state *state)
{
    return state->scheduled - state->fired - state->cancelled;
}

struct vmc_engine {
    struct state state;
    uint32_t handlers_max, handler_count;
    uint32_t stale_count; /* entries whose event was cancelled */
    bool is_stopping;
    struct handler *handlers;
    struct vmc_record *records;
    struct vmc_wheel wheel;
};

enum vmc_status vmc_engine_new(struct vmc_engine **out,
                               const struct vmc_engine_config *config)
{
    struct vmc_engine *engine;

    *out = NULL;
    if (config->events_max < 1 || config->events_max > EVENTS_MAX ||
        config->handlers_max < 1 || config->handlers_max > UINT16_MAX) {
        return VMC_E_RANGE;
    }
    engine = vmc_arena_new(1, sizeof(*engine));
    if (engine == NULL) {
        return VMC_E_NOMEM;
    }
    engine->handlers = calloc(config->handlers_max, sizeof(struct handler));
    engine->records =
        vmc_arena_new(config->events_max, sizeof(struct vmc_record));
    if (engine->handlers == NULL || engine->records == NULL ||
        vmc_wheel_init(&engine->wheel, engine->records,
                       2 * config->events_max + STALE_SLACK + 1) != VMC_OK) {
        vmc_engine_free(engine);
        return VMC_E_NOMEM;
    }
    engine->handlers_max = config->handlers_max;
    engine->state.magic = MAGIC;
    engine->state.events_max = config->events_max;
    for (uint32_t i = 0; i < config->events_max; i++) {
        engine->records[i].argument = i + 1;
    }
    *out = engine;
    return VMC_OK;
}

void vmc_engine_free(struct vmc_engine *engine)
{
    if (engine == NULL) {
        return;
    }
    vmc_wheel_fini(&engine->wheel);
    free(engine->handlers);
    vmc_arena_free(engine->records);
    vmc_arena_free(engine);
}

uint16_t vmc_engine_add_handler(struct vmc_engine *engine, const char *kind,
                                uint32_t instance, vmc_event_fn *fire,
                                void *device)
{
    struct handler *handler;

    assert(engine->handler_count < engine->handlers_max);
    handler = &engine->handlers[engine->handler_count];
    handler->fire = fire;
    handler->device = device;
    handler->identity = vmc_hash_fold(vmc_hash_text(kind), instance);
    engine->state.handlers_identity =
        vmc_hash_fold(engine->state.handlers_identity, handler->identity);
    return (uint16_t)engine->handler_count++;
}

void vmc_engine_shuffle_ties(struct vmc_engine *engine, uint64_t seed)
{
    engine->state.is_shuffling = 1;
    vmc_rng_init(&engine->state.shuffle, seed);
}

uint64_t vmc_engine_now_tick(const struct vmc_engine *engine)
{
    return engine->state.now_tick;
}

/* The smallest key that anything scheduled from now on can have. */
static uint64_t floor_key(const struct vmc_engine *engine)
{
    return engine->state.now_tick << PHASE_BITS;
}

static inline void insert(struct vmc_engine *engine, uint64_t key,
                          uint64_t event)
{
    struct vmc_wheel *wheel = &engine->wheel;

    if (key < wheel->near_end) {
        if (wheel->near_count < wheel->near_max) {
            vmc_wheel_near_insert(wheel, key, event);
            return;
        }
        vmc_wheel_spill(wheel, floor_key(engine));
        if (key < wheel->near_end) {
            vmc_wheel_near_insert(wheel, key, event);
            return;
        }
    }
    vmc_wheel_add_far(wheel, key, event);
}

uint64_t vmc_engine_schedule(struct vmc_engine *engine, uint64_t delay_ticks,
                             enum vmc_phase phase, uint16_t handler,
                             uint64_t argument)
{
    uint64_t index = engine->state.free_head;
    struct vmc_record *record = &engine->records[index];
    uint64_t key, event;

    assert(index < engine->state.events_max); /* fewer are pending */
    assert(handler < engine->handler_count);
    assert(delay_ticks <= VMC_TICK_MAX - engine->state.now_tick);
    assert(phase < VMC_PHASE_COUNT);
    engine->state.scheduled++;
    engine->state.free_head = record->argument;
    record->argument = argument;
    record->state = ((record->state | index_mask) + 1) | handler;
    key =
        (engine->state.now_tick + delay_ticks) << PHASE_BITS | (uint64_t)phase;
    event = (record->state & ~index_mask) | index;
    insert(engine, key, event);
    return event;
}

/* Make the record of a pending event idle. */
static void release(struct vmc_engine *engine, struct vmc_record *record,
                    uint64_t index)
{
    record->state += generation_step;
    record->argument = engine->state.free_head;
    engine->state.free_head = index;
}

bool vmc_engine_is_pending(const struct vmc_engine *engine, uint64_t event)
{
    uint64_t index = event & index_mask;

    return index < engine->state.events_max && (event & generation_step) != 0 &&
           vmc_wheel_is_live(&engine->wheel, event);
}

bool vmc_engine_cancel(struct vmc_engine *engine, uint64_t event)
{
    if (!vmc_engine_is_pending(engine, event)) {
        return false;
    }
    release(engine, &engine->records[event & index_mask], event & index_mask);
    engine->state.cancelled++;
    engine->stale_count++;
    if (engine->stale_count > pending_count(&engine->state) + STALE_SLACK) {
        vmc_wheel_purge(&engine->wheel);
        engine->stale_count = 0;
    }
    return true;
}

uint32_t vmc_engine_pending_count(const struct vmc_engine *engine)
{
    return (uint32_t)pending_count(&engine->state);
}

/* Look at the next pending entry. False when there is none. Cancelled ones
 * that are met on the way are dropped. */
static bool peek(struct vmc_engine *engine, uint64_t *key)
{
    struct vmc_wheel *wheel = &engine->wheel;

    for (;;) {
        struct vmc_entry next;

        if (wheel->near_count > 0) {
            next.key = wheel->near_keys[wheel->near_count - 1];
            next.event = wheel->near_events[wheel->near_count - 1];
        } else if (wheel->batch < VMC_WHEEL_SLOTS) {
            next = *vmc_wheel_batch_first(wheel);
        } else if (vmc_wheel_refill(wheel, UINT64_MAX)) {
            continue;
        } else {
            return false;
        }
        if (vmc_wheel_is_live(wheel, next.event)) {
            *key = next.key;
            return true;
        }
        vmc_wheel_drop_next(wheel);
        engine->stale_count--;
    }
}

uint64_t vmc_engine_next_tick(struct vmc_engine *engine)
{
    uint64_t key;

    return peek(engine, &key) ? key >> PHASE_BITS : UINT64_MAX;
}

/* Bring one of those due next to the front, by chance. Only pending ones may
 * count, so that a loaded engine draws as the saved one would. */
static void shuffle(struct vmc_engine *engine, uint64_t limit_key)
{
    uint64_t count, key;

    if (engine->stale_count > 0) {
        vmc_wheel_purge(&engine->wheel);
        engine->stale_count = 0;
    }
    if (!peek(engine, &key) || key > limit_key) {
        return;
    }
    count = vmc_wheel_tie_count(&engine->wheel);
    if (count > 1) {
        vmc_wheel_swap(&engine->wheel,
                       (uint32_t)vmc_rng_below(&engine->state.shuffle, count));
    }
}

/* Fire the next event unless its key is above @limit_key. */
static bool step(struct vmc_engine *engine, uint64_t limit_key)
{
    const struct handler *handler;
    struct vmc_record *record;
    struct vmc_entry next;
    uint64_t argument;

    if (engine->state.is_shuffling) {
        shuffle(engine, limit_key);
    }
    for (;;) {
        if (!vmc_wheel_take(&engine->wheel, limit_key, &next)) {
            return false;
        }
        record = &engine->records[next.event & index_mask];
        if (((record->state ^ next.event) & ~index_mask) == 0) {
            break;
        }
        engine->stale_count--;
    }
    handler = &engine->handlers[record->state & index_mask];
    argument = record->argument;
    release(engine, record, next.event & index_mask);
    engine->state.now_tick = next.key >> PHASE_BITS;
    engine->state.fingerprint =
        vmc_hash_fold(engine->state.fingerprint ^ handler->identity, next.key);
    engine->state.fired++;
    handler->fire(handler->device, argument);
    return true;
}

bool vmc_engine_step(struct vmc_engine *engine)
{
    return step(engine, UINT64_MAX);
}

uint64_t vmc_engine_run(struct vmc_engine *engine, uint64_t until_tick)
{
    uint64_t fired_before = engine->state.fired;
    uint64_t limit_key = until_tick << PHASE_BITS | (VMC_PHASE_COUNT - 1);

    assert(until_tick >= engine->state.now_tick);
    assert(until_tick <= VMC_TICK_MAX);
    engine->is_stopping = false;
    while (!engine->is_stopping && step(engine, limit_key)) {
    }
    if (!engine->is_stopping) {
        engine->state.now_tick = until_tick;
    }
    return engine->state.fired - fired_before;
}

uint64_t vmc_engine_run_all(struct vmc_engine *engine)
{
    uint64_t fired_before = engine->state.fired;

    engine->is_stopping = false;
    while (!engine->is_stopping && step(engine, UINT64_MAX)) {
    }
    return engine->state.fired - fired_before;
}

void vmc_engine_stop(struct vmc_engine *engine)
{
    engine->is_stopping = true;
}

uint64_t vmc_engine_fired_count(const struct vmc_engine *engine)
{
    return engine->state.fired;
}

uint64_t vmc_engine_fingerprint(const struct vmc_engine *engine)
{
    return engine->state.fingerprint;
}

/*
 * A snapshot is the state, all records, and the pending entries in order: what
 * matters of the wheel, not how it happens to lie there. Room that no entry
 * needs is zero, so equal engines give equal bytes.
 */
size_t vmc_engine_snapshot_bytes(const struct vmc_engine *engine)
{
    return sizeof(struct state) +
           engine->state.events_max *
               (sizeof(struct vmc_record) + sizeof(struct vmc_entry));
}

void vmc_engine_save(const struct vmc_engine *engine, void *snapshot)
{
    size_t records_bytes = engine->state.events_max * sizeof(struct vmc_record);
    char *records = (char *)snapshot + sizeof(struct state);
    struct vmc_entry *entries = (void *)(records + records_bytes);
    uint32_t count;

    memcpy(snapshot, &engine->state, sizeof(struct state));
    memcpy(records, engine->records, records_bytes);
    count = vmc_wheel_list(&engine->wheel, entries);
    assert(count == pending_count(&engine->state));
    memset(entries + count, 0,
           (engine->state.events_max - count) * sizeof(struct vmc_entry));
}

/* True when following the indices of a snapshot stays inside the engine. */
static bool is_sound(const struct vmc_engine *engine, const struct state *state,
                     const struct vmc_record *records,
                     const struct vmc_entry *entries)
{
    uint64_t index = state->free_head;
    uint64_t pending = pending_count(state);

    if (pending > state->events_max) {
        return false;
    }
    for (uint64_t i = 0; i < pending; i++) {
        uint64_t record = entries[i].event & index_mask;

        if (record >= state->events_max ||
            ((entries[i].event ^ records[record].state) & ~index_mask) != 0 ||
            (records[record].state & index_mask) >= engine->handler_count ||
            entries[i].key >> PHASE_BITS < state->now_tick ||
            entries[i].key >> PHASE_BITS > VMC_TICK_MAX ||
            (i > 0 && entries[i].key < entries[i - 1].key)) {
            return false;
        }
    }
    for (uint64_t i = pending; i < state->events_max; i++) {
        if (index >= state->events_max ||
            (records[index].state & generation_step) != 0) {
            return false;
        }
        index = records[index].argument;
    }
    return index == state->events_max;
}

enum vmc_status vmc_engine_load(struct vmc_engine *engine, const void *snapshot)
{
    size_t records_bytes = engine->state.events_max * sizeof(struct vmc_record);
    const char *bytes = (const char *)snapshot + sizeof(struct state);
    const struct vmc_record *records = (const void *)bytes;
    const struct vmc_entry *entries = (const void *)(bytes + records_bytes);
    struct state state;

    memcpy(&state, snapshot, sizeof(state));
    if (state.magic != MAGIC || state.events_max != engine->state.events_max ||
        state.handlers_identity != engine->state.handlers_identity ||
        !is_sound(engine, &state, records, entries)) {
        return VMC_E_FORMAT;
    }
    engine->state = state;
    engine->stale_count = 0;
    memcpy(engine->records, records, records_bytes);
    vmc_wheel_clear(&engine->wheel, floor_key(engine));
    for (uint64_t i = 0; i < pending_count(&state); i++) {
        insert(engine, entries[i].key, entries[i].event);
    }
    return VMC_OK;
}

void vmc_engine_archive(struct vmc_engine *engine, struct vmc_archive *archive)
{
    size_t size_bytes = vmc_engine_snapshot_bytes(engine);
    void *snapshot = malloc(size_bytes);

    if (snapshot == NULL) {
        vmc_archive_fail(archive, VMC_E_NOMEM, "out of memory");
        return;
    }
    if (!vmc_archive_is_loading(archive)) {
        vmc_engine_save(engine, snapshot);
    }
    vmc_archive_bytes(archive, "engine", snapshot, size_bytes);
    if (vmc_archive_is_loading(archive) && vmc_archive_is_good(archive) &&
        vmc_engine_load(engine, snapshot) != VMC_OK) {
        vmc_archive_fail(archive, VMC_E_FORMAT,
                         "'engine' is of another engine, or damaged");
    }
    free(snapshot);
}
