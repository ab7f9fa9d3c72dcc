/* SPDX-License-Identifier: MIT */
/**
 * wheel_priv.h - the set of pending events, ordered by key and arrival.
 *
 * Private to lib/event/. The struct is visible so that the two steps of nearly
 * every event, into the near run and out of it, need no call; wheel.c holds
 * the rest and the explanation.
 *
 * Units    A key is a tick and a phase in one number, phase lowest.
 * Owner    The engine, which owns the records too. All links are indices.
 */
#ifndef VMC_EVENT_WHEEL_PRIV_H
#define VMC_EVENT_WHEEL_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

enum {
    VMC_WHEEL_DIGIT_BITS = 6,
    VMC_WHEEL_LEVELS = 11, /* 11 digits of 6 bits hold any key */
    VMC_WHEEL_SLOTS = VMC_WHEEL_LEVELS << VMC_WHEEL_DIGIT_BITS,
    VMC_CHUNK_ENTRIES = 16,  /* 256 bytes: four lines, written as a stream */
    VMC_NEAR_MAX = 56,       /* more are slower to insert than to spill */
    VMC_NEAR_ALONE_MAX = 16, /* likewise, while the wheel is empty */
    VMC_NEAR_FILL_MAX = 40,  /* a slot with more is dealt out, not sorted */
    VMC_EVENT_INDEX_BITS = 24,
};

/** What waits: when, and for which event number. */
struct vmc_entry {
    uint64_t key, event;
};

/**
 * The part of an event that stands still, found by the low bits of its
 * number. The generation is odd while the event is pending.
 */
struct vmc_record {
    uint64_t argument; /**< while idle: the index of the next idle record */
    uint64_t state;    /**< generation, and the handler in INDEX_BITS */
};

struct vmc_chunk {
    struct vmc_entry entries[VMC_CHUNK_ENTRIES];
};

/** Entries first to end - 1, counted from the start of chunk head. */
struct vmc_slot {
    uint32_t head, tail; /**< chunks; no meaning while end is 0 */
    uint32_t first, end; /**< first is below VMC_CHUNK_ENTRIES */
};

struct vmc_wheel {
    /* The near run, latest first, next one last. Keys and events lie apart
     * and are moved as single words: a 16-byte load that follows two 8-byte
     * stores waits for both to reach the cache. */
    uint64_t near_keys[VMC_NEAR_MAX];
    uint64_t near_events[VMC_NEAR_MAX];
    uint32_t near_count, near_max; /**< a full near run spills */
    uint32_t batch;     /**< the slot being emptied in place, or SLOTS */
    uint64_t near_end;  /**< what is due before it goes to the near run */
    uint64_t reference; /**< keys are placed by where they differ from it */
    uint64_t levels;    /**< a bit for each level that holds anything */
    uint64_t used[VMC_WHEEL_LEVELS]; /**< a bit for each slot that does */
    struct vmc_slot slots[VMC_WHEEL_SLOTS];
    struct vmc_chunk *chunks;
    uint32_t *chunk_next;
    uint32_t chunk_idle, chunk_fresh, chunk_count;
    const struct vmc_record *records;
};

/**
 * Make @wheel empty, with room for @entries_max at once.
 * Fails    VMC_E_NOMEM.
 */
enum vmc_status vmc_wheel_init(struct vmc_wheel *wheel,
                               const struct vmc_record *records,
                               uint32_t entries_max);

/** Release what init took. */
void vmc_wheel_fini(struct vmc_wheel *wheel);

/** Drop everything; keys will be at least @floor_key. */
void vmc_wheel_clear(struct vmc_wheel *wheel, uint64_t floor_key);

/** Add an entry that is not due before the end of the near run. */
void vmc_wheel_add_far(struct vmc_wheel *wheel, uint64_t key, uint64_t event);

/**
 * Make room in a full near run; its end may come nearer by that. No key below
 * @floor_key will be added any more.
 */
void vmc_wheel_spill(struct vmc_wheel *wheel, uint64_t floor_key);

/**
 * With an empty near run and no batch: put what is due next there. Slots that
 * begin after @limit_key stay closed.
 * Returns  false when there is nothing to put.
 */
bool vmc_wheel_refill(struct vmc_wheel *wheel, uint64_t limit_key);

/** The batch, if any, used up a chunk: go on with the next, or end it. */
void vmc_wheel_batch_turn(struct vmc_wheel *wheel);

/** How many entries share the key of the next one. Asserts there is one. */
uint32_t vmc_wheel_tie_count(const struct vmc_wheel *wheel);

/** Swap the events of the next entry and of the @index-th that ties with it. */
void vmc_wheel_swap(struct vmc_wheel *wheel, uint32_t index);

/** Remove every entry whose event is no longer pending. */
void vmc_wheel_purge(struct vmc_wheel *wheel);

/**
 * Write every entry whose event is pending to @entries, in order.
 * Returns  how many.
 */
uint32_t vmc_wheel_list(const struct vmc_wheel *wheel,
                        struct vmc_entry *entries);

/** The record of @event. */
static inline const struct vmc_record *
vmc_wheel_record(const struct vmc_wheel *wheel, uint64_t event)
{
    return &wheel->records[event & ((1U << VMC_EVENT_INDEX_BITS) - 1)];
}

/** True while @event has neither fired nor been cancelled. */
static inline bool vmc_wheel_is_live(const struct vmc_wheel *wheel,
                                     uint64_t event)
{
    return (vmc_wheel_record(wheel, event)->state ^ event) >>
               VMC_EVENT_INDEX_BITS ==
           0;
}

/** The next entry of the batch. */
static inline const struct vmc_entry *
vmc_wheel_batch_first(const struct vmc_wheel *wheel)
{
    const struct vmc_slot *slot = &wheel->slots[wheel->batch];

    return &wheel->chunks[slot->head].entries[slot->first];
}

/** Drop the next entry, from the near run or else from the batch. */
static inline void vmc_wheel_drop_next(struct vmc_wheel *wheel)
{
    struct vmc_slot *slot;

    if (wheel->near_count > 0) {
        wheel->near_count--;
        return;
    }
    slot = &wheel->slots[wheel->batch];
    slot->first++;
    if (slot->first == slot->end || slot->first == VMC_CHUNK_ENTRIES) {
        vmc_wheel_batch_turn(wheel);
    }
}

/** Take the next entry out. False when its key is above @limit_key. */
static inline bool vmc_wheel_take(struct vmc_wheel *wheel, uint64_t limit_key,
                                  struct vmc_entry *next)
{
    do {
        uint32_t near_count = wheel->near_count;

        if (near_count > 0) {
            next->key = wheel->near_keys[near_count - 1];
            next->event = wheel->near_events[near_count - 1];
            if (next->key > limit_key) {
                return false;
            }
            wheel->near_count = near_count - 1;
            return true;
        }
        if (wheel->batch < VMC_WHEEL_SLOTS) {
            *next = *vmc_wheel_batch_first(wheel);
            if (next->key > limit_key) {
                return false;
            }
            vmc_wheel_drop_next(wheel);
            return true;
        }
    } while (vmc_wheel_refill(wheel, limit_key));
    return false;
}

/** Put an entry where it belongs in a near run that has room. */
static inline void vmc_wheel_near_insert(struct vmc_wheel *wheel, uint64_t key,
                                         uint64_t event)
{
    uint32_t at = wheel->near_count++;

    for (; at > 0 && wheel->near_keys[at - 1] <= key; at--) {
        wheel->near_keys[at] = wheel->near_keys[at - 1];
        wheel->near_events[at] = wheel->near_events[at - 1];
    }
    wheel->near_keys[at] = key;
    wheel->near_events[at] = event;
}

#endif
