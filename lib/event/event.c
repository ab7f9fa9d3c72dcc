/* SPDX-License-Identifier: MIT */
/*
 * Events wait in a binary heap of (key, arrival) with key = tick and phase in
 * one number. The record of an event stands still in an arena; the heap holds
 * its index.
 */
#include "event/event.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

enum { EVENTS_MAX = 1 << 24, PHASE_BITS = 2, MAGIC = 0x564d4345 };

struct handler {
    vmc_event_fn *fire;
    void *device;
    uint64_t identity; /* folded into the fingerprint when it fires */
};

struct record {
    uint64_t key;
    uint64_t arrival;
    uint64_t argument;
    uint32_t generation;
    uint32_t heap_index; /* while idle: the next free record */
    uint16_t handler;
    bool is_pending;
};

struct header {
    uint32_t magic, events_max;
    uint64_t handlers_identity;
    uint64_t now_tick, arrivals, fired, fingerprint;
    uint32_t pending_count, free_head;
    bool is_stopping;
};

struct vmc_engine {
    struct header state;
    uint32_t handlers_max, handler_count;
    struct handler *handlers;
    struct record *records;
    uint32_t *heap;
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
    engine = calloc(1, sizeof(*engine));
    if (engine == NULL) {
        return VMC_E_NOMEM;
    }
    engine->handlers = calloc(config->handlers_max, sizeof(struct handler));
    engine->records = calloc(config->events_max, sizeof(struct record));
    engine->heap = calloc(config->events_max, sizeof(uint32_t));
    if (engine->handlers == NULL || engine->records == NULL ||
        engine->heap == NULL) {
        vmc_engine_free(engine);
        return VMC_E_NOMEM;
    }
    engine->handlers_max = config->handlers_max;
    engine->state.magic = MAGIC;
    engine->state.events_max = config->events_max;
    for (uint32_t i = 0; i < config->events_max; i++) {
        engine->records[i].generation = 1;
        engine->records[i].heap_index = i + 1;
    }
    *out = engine;
    return VMC_OK;
}

void vmc_engine_free(struct vmc_engine *engine)
{
    if (engine == NULL) {
        return;
    }
    free(engine->handlers);
    free(engine->records);
    free(engine->heap);
    free(engine);
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

uint64_t vmc_engine_now_tick(const struct vmc_engine *engine)
{
    return engine->state.now_tick;
}

static bool is_before(const struct record *a, const struct record *b)
{
    return a->key != b->key ? a->key < b->key : a->arrival < b->arrival;
}

static void put_at(struct vmc_engine *engine, uint32_t at, uint32_t index)
{
    engine->heap[at] = index;
    engine->records[index].heap_index = at;
}

static void sift_up(struct vmc_engine *engine, uint32_t at, uint32_t index)
{
    while (at > 0) {
        uint32_t parent = (at - 1) / 2;

        if (!is_before(&engine->records[index],
                       &engine->records[engine->heap[parent]])) {
            break;
        }
        put_at(engine, at, engine->heap[parent]);
        at = parent;
    }
    put_at(engine, at, index);
}

static void sift_down(struct vmc_engine *engine, uint32_t at, uint32_t index)
{
    uint32_t count = engine->state.pending_count;

    for (;;) {
        uint32_t child = 2 * at + 1;

        if (child >= count) {
            break;
        }
        if (child + 1 < count &&
            is_before(&engine->records[engine->heap[child + 1]],
                      &engine->records[engine->heap[child]])) {
            child++;
        }
        if (!is_before(&engine->records[engine->heap[child]],
                       &engine->records[index])) {
            break;
        }
        put_at(engine, at, engine->heap[child]);
        at = child;
    }
    put_at(engine, at, index);
}

uint64_t vmc_engine_schedule(struct vmc_engine *engine, uint64_t delay_ticks,
                             enum vmc_phase phase, uint16_t handler,
                             uint64_t argument)
{
    uint32_t index = engine->state.free_head;
    struct record *record = &engine->records[index];

    assert(engine->state.pending_count < engine->state.events_max);
    assert(handler < engine->handler_count);
    assert(delay_ticks <= VMC_TICK_MAX - engine->state.now_tick);
    assert(phase < VMC_PHASE_COUNT);
    engine->state.free_head = record->heap_index;
    record->key =
        (engine->state.now_tick + delay_ticks) << PHASE_BITS | (uint64_t)phase;
    record->arrival = engine->state.arrivals++;
    record->argument = argument;
    record->handler = handler;
    record->is_pending = true;
    sift_up(engine, engine->state.pending_count++, index);
    return (uint64_t)record->generation << 32 | index;
}

static void remove_at(struct vmc_engine *engine, uint32_t at)
{
    uint32_t index = engine->heap[at];
    uint32_t last = engine->heap[--engine->state.pending_count];
    struct record *record = &engine->records[index];

    if (at < engine->state.pending_count) {
        if (is_before(&engine->records[last], record)) {
            sift_up(engine, at, last);
        } else {
            sift_down(engine, at, last);
        }
    }
    record->is_pending = false;
    record->generation += record->generation == UINT32_MAX ? 2 : 1;
    record->heap_index = engine->state.free_head;
    engine->state.free_head = index;
}

bool vmc_engine_is_pending(const struct vmc_engine *engine, uint64_t event)
{
    uint32_t index = (uint32_t)event;

    return index < engine->state.events_max &&
           engine->records[index].is_pending &&
           engine->records[index].generation == event >> 32;
}

bool vmc_engine_cancel(struct vmc_engine *engine, uint64_t event)
{
    if (!vmc_engine_is_pending(engine, event)) {
        return false;
    }
    remove_at(engine, engine->records[(uint32_t)event].heap_index);
    return true;
}

uint32_t vmc_engine_pending_count(const struct vmc_engine *engine)
{
    return engine->state.pending_count;
}

uint64_t vmc_engine_next_tick(struct vmc_engine *engine)
{
    if (engine->state.pending_count == 0) {
        return UINT64_MAX;
    }
    return engine->records[engine->heap[0]].key >> PHASE_BITS;
}

bool vmc_engine_step(struct vmc_engine *engine)
{
    const struct record *record;
    const struct handler *handler;
    uint64_t argument, tick;

    if (engine->state.pending_count == 0) {
        return false;
    }
    record = &engine->records[engine->heap[0]];
    handler = &engine->handlers[record->handler];
    argument = record->argument;
    tick = record->key >> PHASE_BITS;
    engine->state.now_tick = tick;
    engine->state.fingerprint = vmc_hash_fold(
        engine->state.fingerprint ^ handler->identity, record->key);
    engine->state.fired++;
    remove_at(engine, 0);
    handler->fire(handler->device, argument);
    return true;
}

uint64_t vmc_engine_run(struct vmc_engine *engine, uint64_t until_tick)
{
    uint64_t fired_before = engine->state.fired;

    assert(until_tick >= engine->state.now_tick);
    engine->state.is_stopping = false;
    while (!engine->state.is_stopping &&
           vmc_engine_next_tick(engine) <= until_tick) {
        vmc_engine_step(engine);
    }
    if (!engine->state.is_stopping) {
        engine->state.now_tick = until_tick;
    }
    return engine->state.fired - fired_before;
}

uint64_t vmc_engine_run_all(struct vmc_engine *engine)
{
    uint64_t fired_before = engine->state.fired;

    engine->state.is_stopping = false;
    while (!engine->state.is_stopping && vmc_engine_step(engine)) {
    }
    return engine->state.fired - fired_before;
}

void vmc_engine_stop(struct vmc_engine *engine)
{
    engine->state.is_stopping = true;
}

uint64_t vmc_engine_fired_count(const struct vmc_engine *engine)
{
    return engine->state.fired;
}

uint64_t vmc_engine_fingerprint(const struct vmc_engine *engine)
{
    return engine->state.fingerprint;
}

static size_t records_bytes(const struct vmc_engine *engine)
{
    return engine->state.events_max * sizeof(struct record);
}

static size_t heap_bytes(const struct vmc_engine *engine)
{
    return engine->state.events_max * sizeof(uint32_t);
}

size_t vmc_engine_snapshot_bytes(const struct vmc_engine *engine)
{
    return sizeof(struct header) + records_bytes(engine) + heap_bytes(engine);
}

void vmc_engine_save(const struct vmc_engine *engine, void *snapshot)
{
    char *at = snapshot;

    memcpy(at, &engine->state, sizeof(struct header));
    at += sizeof(struct header);
    memcpy(at, engine->records, records_bytes(engine));
    memcpy(at + records_bytes(engine), engine->heap, heap_bytes(engine));
}

enum vmc_status vmc_engine_load(struct vmc_engine *engine, const void *snapshot)
{
    const char *at = snapshot;
    struct header header;

    memcpy(&header, at, sizeof(header));
    if (header.magic != MAGIC ||
        header.events_max != engine->state.events_max ||
        header.handlers_identity != engine->state.handlers_identity) {
        return VMC_E_FORMAT;
    }
    engine->state = header;
    at += sizeof(struct header);
    memcpy(engine->records, at, records_bytes(engine));
    memcpy(engine->heap, at + records_bytes(engine), heap_bytes(engine));
    return VMC_OK;
}
