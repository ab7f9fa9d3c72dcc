/* SPDX-License-Identifier: MIT */
/*
 * Pending events wait in three places, each due after the one before it:
 *
 *     near run     a small sorted array; everything due before near_end
 *     batch        one slot that holds one key, emptied in place
 *     wheel        11 levels of 64 slots, unsorted
 *
 *     now                near_end
 *      |---- near run ----|------------------- wheel -------------------->
 *                         [][][][][]  level 0, a slot is one key
 *                                   [    ][    ][    ]  level 1, 64 keys
 *                                                     [           ] ...
 *
 * Read a key as digits in base 64. An entry lies at the level of the highest
 * digit in which its key differs from the reference, in the slot that this
 * digit names. Three facts follow, and the code rests on them:
 *
 *   1. Whatever lies at a lower level is due before anything at a higher one;
 *      within a level, the lower slot is due first. Two bit scans find it.
 *   2. The place of an entry is a function of its key and the reference, so
 *      equal keys share a slot, and appending keeps their arrival order: no
 *      sequence number is stored or compared.
 *   3. The reference may move up to the start of the first slot, when that
 *      slot is taken out, without any other entry changing its place.
 *
 * When the near run is empty, the first slot is taken out. One with few
 * entries is sorted into the near run as it is, whatever its level: sparse
 * events never walk down the levels. One with many is dealt out to the levels
 * below. One with a single key is emptied in place, from any level: that is
 * what a clock makes whose period is not a power of two, and it saves such
 * events the digits below their period.
 *
 * A slot is a list of chunks of 16 entries of 16 bytes: dealing it out reads
 * and writes memory in streams, and the one random access of an event, to its
 * record, is prefetched when its entry is dealt out or its chunk is next.
 *
 * The near run takes all that is due before its end, so it may fill up. Then
 * its later half spills into the wheel and the end moves down. What is spilled
 * may lie below the reference, after a look at an event far ahead: then the
 * reference is wound back first (see wind_back).
 *
 * An entry whose event was cancelled stays until it is due, or until the
 * engine sees that such entries are in the majority and has them purged; so
 * there are never more than about twice as many entries as events.
 */
#include "event/wheel_priv.h"

#include <stdlib.h>
#include <string.h>

#include "event/arena_priv.h"

enum {
    DIGITS = 1 << VMC_WHEEL_DIGIT_BITS,
    NO_CHUNK = -1,
    /* Records of a slot this large would push each other out of the cache
     * before they are used: 4096 lines are 256 KiB. */
    PREFETCH_ENTRIES_MAX = 4096,
    NEAR_FILL_ENOUGH = 12, /* then no further slot is taken in one go */
    /* Order in a filling: bits of the key above the place in it, 31 bits. */
    RANK_BITS = 6,
    ORDER_BITS = 24,
    LANES = 4,
};

typedef int32_t lanes __attribute__((vector_size(LANES * sizeof(int32_t))));

enum vmc_status vmc_wheel_init(struct vmc_wheel *wheel,
                               const struct vmc_record *records,
                               uint32_t entries_max)
{
    /* A chunk for each full 16 entries and a part-filled one for each slot in
     * use, one more for each that was begun at level 0, one while dealing. */
    uint32_t slots_max =
        entries_max < VMC_WHEEL_SLOTS ? entries_max : VMC_WHEEL_SLOTS;
    uint32_t chunk_count =
        entries_max / VMC_CHUNK_ENTRIES + slots_max + DIGITS + 1;

    memset(wheel, 0, sizeof(*wheel));
    wheel->records = records;
    wheel->chunk_count = chunk_count;
    wheel->chunks = vmc_arena_new(chunk_count, sizeof(struct vmc_chunk));
    wheel->chunk_next = vmc_arena_new(chunk_count, sizeof(uint32_t));
    if (wheel->chunks == NULL || wheel->chunk_next == NULL) {
        vmc_wheel_fini(wheel);
        return VMC_E_NOMEM;
    }
    vmc_wheel_clear(wheel, 0);
    return VMC_OK;
}

void vmc_wheel_fini(struct vmc_wheel *wheel)
{
    vmc_arena_free(wheel->chunks);
    vmc_arena_free(wheel->chunk_next);
    wheel->chunks = NULL;
    wheel->chunk_next = NULL;
}

static unsigned shift_of(uint32_t level)
{
    return level * VMC_WHEEL_DIGIT_BITS;
}

static void mark_empty(struct vmc_wheel *wheel, uint32_t index)
{
    uint32_t level = index / DIGITS;

    wheel->slots[index] = (struct vmc_slot){0};
    wheel->used[level] &= ~(UINT64_C(1) << index % DIGITS);
    if (wheel->used[level] == 0) {
        wheel->levels &= ~(UINT64_C(1) << level);
    }
}

static void mark_used(struct vmc_wheel *wheel, uint32_t index)
{
    wheel->used[index / DIGITS] |= UINT64_C(1) << index % DIGITS;
    wheel->levels |= UINT64_C(1) << index / DIGITS;
}

static uint32_t first_slot(const struct vmc_wheel *wheel)
{
    uint32_t level = vmc_bits_low(wheel->levels);

    return level * DIGITS + vmc_bits_low(wheel->used[level]);
}

static void end_near(struct vmc_wheel *wheel, uint64_t key)
{
    wheel->near_end = key;
    wheel->near_max = VMC_NEAR_MAX;
}

/* The wheel is empty: the near run is all there is, while it stays short. */
static void end_near_nowhere(struct vmc_wheel *wheel)
{
    wheel->near_end = UINT64_MAX;
    wheel->near_max = VMC_NEAR_ALONE_MAX;
}

void vmc_wheel_clear(struct vmc_wheel *wheel, uint64_t floor_key)
{
    while (wheel->levels != 0) {
        mark_empty(wheel, first_slot(wheel));
    }
    wheel->chunk_idle = (uint32_t)NO_CHUNK;
    wheel->chunk_fresh = 0;
    wheel->near_count = 0;
    end_near_nowhere(wheel);
    wheel->batch = VMC_WHEEL_SLOTS;
    wheel->reference = floor_key;
}

/* Chunks come back in the order of use, so the next one is in the cache. */
static uint32_t take_chunk(struct vmc_wheel *wheel)
{
    uint32_t chunk = wheel->chunk_idle;

    if (chunk == (uint32_t)NO_CHUNK) {
        chunk = wheel->chunk_fresh++;
        assert(chunk < wheel->chunk_count);
    } else {
        wheel->chunk_idle = wheel->chunk_next[chunk];
    }
    return chunk;
}

/* Give @chunk back. Returns the one that followed it. */
static uint32_t give_chunk(struct vmc_wheel *wheel, uint32_t chunk)
{
    uint32_t next = wheel->chunk_next[chunk];

    wheel->chunk_next[chunk] = wheel->chunk_idle;
    wheel->chunk_idle = chunk;
    return next;
}

static struct vmc_entry *entry_at(const struct vmc_wheel *wheel, uint32_t chunk,
                                  uint32_t at)
{
    return &wheel->chunks[chunk].entries[at];
}

static void append_to_new_chunk(struct vmc_wheel *wheel, uint32_t index,
                                uint64_t key, uint64_t event)
{
    struct vmc_slot *slot = &wheel->slots[index];
    uint32_t chunk = take_chunk(wheel);

    wheel->chunk_next[chunk] = (uint32_t)NO_CHUNK;
    if (slot->end == 0) {
        slot->head = chunk;
        mark_used(wheel, index);
    } else {
        wheel->chunk_next[slot->tail] = chunk;
    }
    slot->tail = chunk;
    slot->end++;
    *entry_at(wheel, chunk, 0) = (struct vmc_entry){.key = key, .event = event};
}

static inline void append(struct vmc_wheel *wheel, uint32_t index, uint64_t key,
                          uint64_t event)
{
    struct vmc_slot *slot = &wheel->slots[index];
    uint32_t at = slot->end % VMC_CHUNK_ENTRIES;
    struct vmc_entry *entry;

    if (at == 0) {
        append_to_new_chunk(wheel, index, key, event);
        return;
    }
    entry = entry_at(wheel, slot->tail, at);
    entry->key = key;
    entry->event = event;
    slot->end++;
}

/* Fact 2: where a key lies. */
static inline uint32_t slot_of(const struct vmc_wheel *wheel, uint64_t key)
{
    uint32_t level =
        vmc_bits_top((key ^ wheel->reference) | 1) / VMC_WHEEL_DIGIT_BITS;

    return level * DIGITS + (uint32_t)(key >> shift_of(level)) % DIGITS;
}

static inline void place(struct vmc_wheel *wheel, uint64_t key, uint64_t event)
{
    append(wheel, slot_of(wheel, key), key, event);
}

static void prefetch_record(const struct vmc_wheel *wheel, uint64_t event)
{
    __builtin_prefetch(vmc_wheel_record(wheel, event), 1);
}

/* Take the entries of a slot out and place each of them anew. */
static void deal_out(struct vmc_wheel *wheel, uint32_t index)
{
    struct vmc_slot slot = wheel->slots[index];
    bool prefetches = slot.end <= PREFETCH_ENTRIES_MAX;
    uint32_t chunk = slot.head;

    mark_empty(wheel, index);
    while (slot.first < slot.end) {
        const struct vmc_entry *entries = wheel->chunks[chunk].entries;
        uint32_t end =
            slot.end < VMC_CHUNK_ENTRIES ? slot.end : VMC_CHUNK_ENTRIES;

        for (uint32_t i = slot.first; i < end; i++) {
            if (prefetches) {
                prefetch_record(wheel, entries[i].event);
            }
            place(wheel, entries[i].key, entries[i].event);
        }
        chunk = give_chunk(wheel, chunk);
        slot.first = 0;
        slot.end -= end;
    }
}

/* True when all keys of a slot are one. Most slots say no at a glance. */
static bool has_one_key(const struct vmc_wheel *wheel,
                        const struct vmc_slot *slot)
{
    uint64_t key = wheel->chunks[slot->head].entries[slot->first].key;
    uint32_t chunk = slot->head;

    for (uint32_t i = slot->first, end = slot->end; i < end; i++) {
        if (i == VMC_CHUNK_ENTRIES) {
            chunk = wheel->chunk_next[chunk];
            i = 0;
            end -= VMC_CHUNK_ENTRIES;
        }
        if (wheel->chunks[chunk].entries[i].key != key) {
            return false;
        }
    }
    return true;
}

static void prefetch_chunk_records(const struct vmc_wheel *wheel,
                                   uint32_t chunk)
{
    for (uint32_t i = 0; i < VMC_CHUNK_ENTRIES; i++) {
        prefetch_record(wheel, wheel->chunks[chunk].entries[i].event);
    }
}

/* The batch comes to a new chunk: bring the records of the chunk after the
 * next, and the entries of the one after that. A chunk of events takes about
 * as long as a miss, so one chunk ahead would be late. */
static void prefetch_ahead(const struct vmc_wheel *wheel,
                           const struct vmc_slot *slot)
{
    uint32_t chunk = slot->head;

    if (slot->end < 3 * VMC_CHUNK_ENTRIES) {
        return;
    }
    chunk = wheel->chunk_next[wheel->chunk_next[chunk]];
    prefetch_chunk_records(wheel, chunk);
    chunk = wheel->chunk_next[chunk];
    if (chunk != (uint32_t)NO_CHUNK) {
        for (uint32_t i = 0; i < VMC_CHUNK_ENTRIES; i += 4) {
            __builtin_prefetch(&wheel->chunks[chunk].entries[i]);
        }
    }
}

/* Bring what prefetch_ahead() would have brought two chunks ago. */
static void prefetch_head(const struct vmc_wheel *wheel,
                          const struct vmc_slot *slot)
{
    if (slot->end >= 2 * VMC_CHUNK_ENTRIES) {
        prefetch_chunk_records(wheel, slot->head);
        prefetch_chunk_records(wheel, wheel->chunk_next[slot->head]);
        prefetch_ahead(wheel, slot);
    }
}

/* Empty a slot of one key where its chunks are. At level 0, relative to that
 * key, later arrivals at the same key find it. */
static void begin_batch(struct vmc_wheel *wheel, uint32_t index)
{
    struct vmc_slot slot = wheel->slots[index];
    uint64_t key = wheel->chunks[slot.head].entries[slot.first].key;
    uint32_t target = (uint32_t)key % DIGITS;

    if (index != target) {
        mark_empty(wheel, index);
        wheel->slots[target] = slot;
        mark_used(wheel, target);
    }
    wheel->batch = target;
    wheel->reference = key;
    end_near(wheel, key);
    prefetch_head(wheel, &slot);
}

/* Entries on their way into the near run, and their order in 32 bits each. */
struct filling {
    uint64_t keys[VMC_NEAR_FILL_MAX], events[VMC_NEAR_FILL_MAX];
    union {
        lanes wide[VMC_NEAR_FILL_MAX / LANES];
        int32_t one[VMC_NEAR_FILL_MAX];
    } order;
    uint64_t start; /* no key is before it */
    unsigned shift; /* how many low bits of a key the order leaves out */
    uint32_t count;
};

/* Take all entries of a slot out. */
static void gather(struct vmc_wheel *wheel, uint32_t index,
                   struct filling *filling)
{
    struct vmc_slot slot = wheel->slots[index];
    uint32_t chunk = slot.head;
    uint32_t count = filling->count;

    mark_empty(wheel, index);
    for (uint32_t i = slot.first; i < slot.end; i++, count++) {
        const struct vmc_entry *entry;

        if (i == VMC_CHUNK_ENTRIES) {
            chunk = give_chunk(wheel, chunk);
            i = 0;
            slot.end -= VMC_CHUNK_ENTRIES;
        }
        entry = &wheel->chunks[chunk].entries[i];
        prefetch_record(wheel, entry->event);
        filling->keys[count] = entry->key;
        filling->events[count] = entry->event;
        filling->order.one[count] = (int32_t)((entry->key - filling->start) >>
                                                  filling->shift << RANK_BITS |
                                              count);
    }
    (void)give_chunk(wheel, chunk);
    filling->count = count;
}

/*
 * Sort by rank: the place of an entry is how many others come before it. All
 * are compared with all, four at a time. For so few that is faster than a sort
 * that branches on every comparison, which no processor can predict.
 */
static void sort_into_near(struct vmc_wheel *wheel, struct filling *filling)
{
    uint32_t count = filling->count;
    uint32_t blocks = (count + LANES - 1) / LANES;

    for (uint32_t i = count; i < blocks * LANES; i++) {
        filling->order.one[i] = INT32_MAX;
    }
    for (uint32_t i = 0; i < count; i++) {
        int32_t own = filling->order.one[i];
        lanes minus_rank = {0};
        uint32_t at;

        for (uint32_t j = 0; j < blocks; j++) {
            minus_rank += filling->order.wide[j] < (lanes){own, own, own, own};
        }
        at = count - 1 +
             (uint32_t)(minus_rank[0] + minus_rank[1] + minus_rank[2] +
                        minus_rank[3]);
        wheel->near_keys[at] = filling->keys[i];
        wheel->near_events[at] = filling->events[i];
    }
    wheel->near_count = count;
}

/* Put right what differs in the bits that the order left out: little, if the
 * slot is wide and its entries are few. */
static void sort_near_fully(struct vmc_wheel *wheel)
{
    uint32_t count = wheel->near_count;

    for (uint32_t i = 1; i < count; i++) {
        uint64_t key = wheel->near_keys[i];
        uint64_t event = wheel->near_events[i];
        uint32_t at = i;

        for (; at > 0 && wheel->near_keys[at - 1] < key; at--) {
            wheel->near_keys[at] = wheel->near_keys[at - 1];
            wheel->near_events[at] = wheel->near_events[at - 1];
        }
        wheel->near_keys[at] = key;
        wheel->near_events[at] = event;
    }
}

static uint64_t start_of(const struct vmc_wheel *wheel, uint32_t index)
{
    uint64_t slot_keys = UINT64_C(1) << shift_of(index / DIGITS);
    /* At the top level the product is 0 in 64 bits and the mask full. */
    uint64_t below_mask = slot_keys * DIGITS - 1;

    return (wheel->reference & ~below_mask) + index % DIGITS * slot_keys;
}

/* Sort a slot with few entries into the empty near run; slots beside it too,
 * while they are nearly empty. */
static void fill_near(struct vmc_wheel *wheel, uint32_t index,
                      uint64_t limit_key)
{
    uint32_t level = index / DIGITS;
    unsigned level_bits = shift_of(level + 1);
    struct filling filling;

    filling.start = wheel->reference;
    filling.shift = level_bits > ORDER_BITS ? level_bits - ORDER_BITS : 0;
    filling.count = 0;
    do {
        const struct vmc_slot *slot;

        wheel->reference = start_of(wheel, index);
        gather(wheel, index, &filling);
        if (wheel->used[level] == 0) {
            break;
        }
        index = level * DIGITS + vmc_bits_low(wheel->used[level]);
        slot = &wheel->slots[index];
        if (filling.count + slot->end - slot->first > NEAR_FILL_ENOUGH) {
            break;
        }
    } while (start_of(wheel, index) <= limit_key);
    sort_into_near(wheel, &filling);
    if (filling.shift > 0) {
        sort_near_fully(wheel);
    }
    if (wheel->levels == 0 && filling.count <= VMC_NEAR_ALONE_MAX / 2) {
        end_near_nowhere(wheel);
    } else {
        end_near(wheel, wheel->reference + (UINT64_C(1) << shift_of(level)));
    }
}

bool vmc_wheel_refill(struct vmc_wheel *wheel, uint64_t limit_key)
{
    assert(wheel->near_count == 0 && wheel->batch == VMC_WHEEL_SLOTS);
    while (wheel->levels != 0) {
        uint32_t index = first_slot(wheel);
        const struct vmc_slot *slot = &wheel->slots[index];
        uint64_t start = start_of(wheel, index);

        if (start > limit_key) {
            return false;
        }
        wheel->reference = start;
        end_near(wheel, start);
        if (slot->end - slot->first <= VMC_NEAR_FILL_MAX) {
            fill_near(wheel, index, limit_key);
            return true;
        }
        if (index < DIGITS || has_one_key(wheel, slot)) {
            begin_batch(wheel, index);
            return true;
        }
        deal_out(wheel, index);
    }
    end_near_nowhere(wheel);
    return false;
}

void vmc_wheel_batch_turn(struct vmc_wheel *wheel)
{
    struct vmc_slot *slot = &wheel->slots[wheel->batch];

    if (slot->first == slot->end) {
        (void)give_chunk(wheel, slot->head);
        mark_empty(wheel, wheel->batch);
        wheel->batch = VMC_WHEEL_SLOTS;
    } else {
        slot->head = give_chunk(wheel, slot->head);
        slot->first = 0;
        slot->end -= VMC_CHUNK_ENTRIES;
        prefetch_ahead(wheel, slot);
    }
}

/*
 * Move the reference down to @key. Let D be the highest digit in which the two
 * differ. Entries at level D and above keep their place; those below share
 * digit D with the old reference and all belong in the slot at level D that
 * this digit names. It is empty, for nothing lies where the reference is.
 */
static void wind_back(struct vmc_wheel *wheel, uint64_t key)
{
    uint64_t differing = wheel->reference ^ key;
    uint32_t top_level = vmc_bits_top(differing) / VMC_WHEEL_DIGIT_BITS;

    wheel->batch = VMC_WHEEL_SLOTS;
    wheel->reference = key;
    while (wheel->levels != 0 && vmc_bits_low(wheel->levels) < top_level) {
        deal_out(wheel, first_slot(wheel));
    }
}

/* Send the later half of the near run to the wheel, cutting between different
 * keys. Equal keys stay together, so their order is kept. */
void vmc_wheel_spill(struct vmc_wheel *wheel, uint64_t floor_key)
{
    uint32_t cut = wheel->near_count / 2;

    if (wheel->levels == 0) {
        wheel->reference = floor_key;
    } else if (floor_key < wheel->reference) {
        wind_back(wheel, floor_key);
    }
    end_near(wheel, wheel->near_keys[cut]);
    while (cut < wheel->near_count &&
           wheel->near_keys[cut] == wheel->near_end) {
        cut++;
    }
    for (uint32_t i = cut; i > 0; i--) {
        place(wheel, wheel->near_keys[i - 1], wheel->near_events[i - 1]);
    }
    wheel->near_count -= cut;
    memmove(wheel->near_keys, wheel->near_keys + cut,
            wheel->near_count * sizeof(uint64_t));
    memmove(wheel->near_events, wheel->near_events + cut,
            wheel->near_count * sizeof(uint64_t));
}

void vmc_wheel_add_far(struct vmc_wheel *wheel, uint64_t key, uint64_t event)
{
    place(wheel, key, event);
}

uint32_t vmc_wheel_tie_count(const struct vmc_wheel *wheel)
{
    const uint64_t *keys = wheel->near_keys;
    uint32_t at = wheel->near_count;

    if (at > 0) {
        while (at > 0 && keys[at - 1] == keys[wheel->near_count - 1]) {
            at--;
        }
        return wheel->near_count - at;
    }
    assert(wheel->batch < VMC_WHEEL_SLOTS);
    return wheel->slots[wheel->batch].end - wheel->slots[wheel->batch].first;
}

void vmc_wheel_swap(struct vmc_wheel *wheel, uint32_t index)
{
    uint64_t *next, *other, kept;

    if (wheel->near_count > 0) {
        next = &wheel->near_events[wheel->near_count - 1];
        other = next - index;
    } else {
        const struct vmc_slot *slot = &wheel->slots[wheel->batch];
        uint32_t chunk = slot->head;

        next = &wheel->chunks[chunk].entries[slot->first].event;
        index += slot->first;
        for (; index >= VMC_CHUNK_ENTRIES; index -= VMC_CHUNK_ENTRIES) {
            chunk = wheel->chunk_next[chunk];
        }
        other = &wheel->chunks[chunk].entries[index].event;
    }
    kept = *next;
    *next = *other;
    *other = kept;
}

static void purge_slot(struct vmc_wheel *wheel, uint32_t index)
{
    struct vmc_slot slot = wheel->slots[index];
    uint32_t chunk = slot.head;

    mark_empty(wheel, index);
    while (slot.first < slot.end) {
        const struct vmc_entry *entries = wheel->chunks[chunk].entries;
        uint32_t end =
            slot.end < VMC_CHUNK_ENTRIES ? slot.end : VMC_CHUNK_ENTRIES;

        for (uint32_t i = slot.first; i < end; i++) {
            if (vmc_wheel_is_live(wheel, entries[i].event)) {
                append(wheel, index, entries[i].key, entries[i].event);
            }
        }
        chunk = give_chunk(wheel, chunk);
        slot.first = 0;
        slot.end -= end;
    }
    if (wheel->batch == index && wheel->slots[index].end == 0) {
        wheel->batch = VMC_WHEEL_SLOTS;
    }
}

void vmc_wheel_purge(struct vmc_wheel *wheel)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < wheel->near_count; i++) {
        if (vmc_wheel_is_live(wheel, wheel->near_events[i])) {
            wheel->near_keys[kept] = wheel->near_keys[i];
            wheel->near_events[kept++] = wheel->near_events[i];
        }
    }
    wheel->near_count = kept;
    for (uint32_t level = 0; level < VMC_WHEEL_LEVELS; level++) {
        for (uint64_t left = wheel->used[level]; left != 0; left &= left - 1) {
            purge_slot(wheel, level * DIGITS + vmc_bits_low(left));
        }
    }
}

/* Heapsort, for it needs no room; @keys are all different. */
static bool is_after(const struct vmc_entry *a, const struct vmc_entry *b)
{
    return a->key != b->key ? a->key > b->key : a->event > b->event;
}

static void sift_down(struct vmc_entry *entries, uint32_t at, uint32_t count)
{
    struct vmc_entry moved = entries[at];
    uint32_t child;

    for (; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count &&
            is_after(&entries[child + 1], &entries[child])) {
            child++;
        }
        if (!is_after(&entries[child], &moved)) {
            break;
        }
        entries[at] = entries[child];
    }
    entries[at] = moved;
}

static void sort(struct vmc_entry *entries, uint32_t count)
{
    for (uint32_t i = count / 2; i > 0; i--) {
        sift_down(entries, i - 1, count);
    }
    for (uint32_t left = count; left > 1; left--) {
        struct vmc_entry last = entries[left - 1];

        entries[left - 1] = entries[0];
        entries[0] = last;
        sift_down(entries, 0, left - 1);
    }
}

/* Copy the pending entries of a slot in order. While they are sorted, the
 * place in the slot stands where the generation was, and breaks ties. */
static uint32_t list_slot(const struct vmc_wheel *wheel,
                          const struct vmc_slot *slot,
                          struct vmc_entry *entries)
{
    const uint64_t index_mask = (UINT64_C(1) << VMC_EVENT_INDEX_BITS) - 1;
    uint32_t chunk = slot->head;
    uint32_t count = 0;

    for (uint32_t i = slot->first, end = slot->end; i < end; i++) {
        const struct vmc_entry *entry;

        if (i == VMC_CHUNK_ENTRIES) {
            chunk = wheel->chunk_next[chunk];
            i = 0;
            end -= VMC_CHUNK_ENTRIES;
        }
        entry = &wheel->chunks[chunk].entries[i];
        if (vmc_wheel_is_live(wheel, entry->event)) {
            entries[count].key = entry->key;
            entries[count].event = (entry->event & index_mask) |
                                   (uint64_t)count << VMC_EVENT_INDEX_BITS;
            count++;
        }
    }
    sort(entries, count);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t index = entries[i].event & index_mask;

        entries[i].event = (wheel->records[index].state & ~index_mask) | index;
    }
    return count;
}

uint32_t vmc_wheel_list(const struct vmc_wheel *wheel,
                        struct vmc_entry *entries)
{
    uint32_t count = 0;

    for (uint32_t i = wheel->near_count; i > 0; i--) {
        if (vmc_wheel_is_live(wheel, wheel->near_events[i - 1])) {
            entries[count].key = wheel->near_keys[i - 1];
            entries[count++].event = wheel->near_events[i - 1];
        }
    }
    for (uint32_t level = 0; level < VMC_WHEEL_LEVELS; level++) {
        for (uint64_t left = wheel->used[level]; left != 0; left &= left - 1) {
            const struct vmc_slot *slot =
                &wheel->slots[level * DIGITS + vmc_bits_low(left)];

            count += list_slot(wheel, slot, entries + count);
        }
    }
    return count;
}
