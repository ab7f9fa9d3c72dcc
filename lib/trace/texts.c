/* SPDX-License-Identifier: MIT */
#include "trace/texts.h"

#include <stdlib.h>
#include <string.h>

enum {
    SLOTS_MIN = 256,
    CHUNK_BYTES = 1 << 16,
    CHUNKS_MAX = VMC_TEXTS_BYTES_MAX / CHUNK_BYTES,
    RESERVE_BYTES = 32, /* at the start of the first chunk, for overflow */
};

static_assert(VMC_TEXT_BYTES_MAX <= UINT8_MAX, "a length is one byte");

static const char overflow[] = "(too many texts)";

static_assert(sizeof(overflow) <= RESERVE_BYTES, "there is room for it");

/* By number. */
struct text {
    uint32_t start; /* chunk and place in it */
    uint32_t size_bytes;
};

struct vmc_texts {
    uint32_t count, used_bytes; /* of all chunks; a text is inside one */
    uint32_t slot_count;        /* a power of two; half of them are numbers */
    uint32_t *slots;            /* number, or 0 */
    struct text *texts;         /* slot_count / 2 of them */
    char *chunks[CHUNKS_MAX];   /* that never move */
};

static char *bytes_at(const struct vmc_texts *texts, uint32_t start)
{
    return texts->chunks[start / CHUNK_BYTES] + start % CHUNK_BYTES;
}

struct vmc_texts *vmc_texts_new(void)
{
    struct vmc_texts *texts = calloc(1, sizeof(*texts));

    if (texts == NULL) {
        return NULL;
    }
    texts->slot_count = SLOTS_MIN;
    texts->used_bytes = RESERVE_BYTES;
    texts->slots = calloc(SLOTS_MIN, sizeof(*texts->slots));
    texts->texts = calloc(SLOTS_MIN / 2, sizeof(*texts->texts));
    texts->chunks[0] = malloc(CHUNK_BYTES);
    if (texts->slots == NULL || texts->texts == NULL ||
        texts->chunks[0] == NULL) {
        vmc_texts_free(texts);
        return NULL;
    }
    return texts;
}

void vmc_texts_free(struct vmc_texts *texts)
{
    if (texts == NULL) {
        return;
    }
    for (uint32_t i = 0; i < CHUNKS_MAX; i++) {
        free(texts->chunks[i]);
    }
    free(texts->slots);
    free(texts->texts);
    free(texts);
}

/* Eight bytes at a time; a text of eight or more ends with the last eight. */
static uint32_t hash_of(const char *text, size_t size_bytes)
{
    uint64_t hash = size_bytes, part;
    size_t at = 0;

    if (size_bytes < sizeof(part)) {
        for (part = 0; at < size_bytes; at++) {
            part = part << 8 | (unsigned char)text[at];
        }
    } else {
        for (; at + sizeof(part) < size_bytes; at += sizeof(part)) {
            memcpy(&part, text + at, sizeof(part));
            hash = (hash ^ part) * UINT64_C(0x9e3779b97f4a7c15);
            hash ^= hash >> 32;
        }
        memcpy(&part, text + size_bytes - sizeof(part), sizeof(part));
    }
    hash = (hash ^ part) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(hash >> 40);
}

/* The slot of the text, or the empty one where it would stand. */
static uint32_t find_slot(const struct vmc_texts *texts, const char *text,
                          size_t size_bytes)
{
    uint32_t mask = texts->slot_count - 1;
    uint32_t slot = hash_of(text, size_bytes) & mask;

    while (texts->slots[slot] != 0) {
        const struct text *found = &texts->texts[texts->slots[slot]];

        if (found->size_bytes == size_bytes &&
            memcmp(bytes_at(texts, found->start), text, size_bytes) == 0) {
            break;
        }
        slot = (slot + 1) & mask;
    }
    return slot;
}

/* Twice the slots. False when memory is short; nothing has changed then. */
static bool grow(struct vmc_texts *texts)
{
    uint32_t slot_count = 2 * texts->slot_count, mask = slot_count - 1;
    uint32_t *slots = calloc(slot_count, sizeof(*slots));
    struct text *larger =
        realloc(texts->texts, slot_count / 2 * sizeof(*larger));

    texts->texts = larger != NULL ? larger : texts->texts;
    if (slots == NULL || larger == NULL) {
        free(slots);
        return false;
    }
    for (uint32_t number = 1; number <= texts->count; number++) {
        const struct text *text = &larger[number];
        uint32_t slot =
            hash_of(bytes_at(texts, text->start), text->size_bytes) & mask;

        while (slots[slot] != 0) {
            slot = (slot + 1) & mask;
        }
        slots[slot] = number;
    }
    free(texts->slots);
    texts->slots = slots;
    texts->slot_count = slot_count;
    return true;
}

/* Room for one text more, and for the one that stands for all that come too
 * late. */
static bool make_room(struct vmc_texts *texts, size_t size_bytes)
{
    uint32_t left = CHUNK_BYTES - texts->used_bytes % CHUNK_BYTES;
    uint32_t start = texts->used_bytes;
    char **chunk;

    if (texts->count + 2 > VMC_TEXTS_MAX ||
        (texts->count + 3 > texts->slot_count / 2 && !grow(texts))) {
        return false;
    }
    if (left < size_bytes + 1) {
        start += left;
    }
    if (start + size_bytes + 1 > VMC_TEXTS_BYTES_MAX) {
        return false;
    }
    chunk = &texts->chunks[start / CHUNK_BYTES];
    if (*chunk == NULL) {
        *chunk = malloc(CHUNK_BYTES);
    }
    if (*chunk == NULL) {
        return false;
    }
    texts->used_bytes = start;
    return true;
}

static uint32_t append(struct vmc_texts *texts, uint32_t start,
                       const char *text, size_t size_bytes)
{
    uint32_t number = ++texts->count;
    char *to = bytes_at(texts, start);

    texts->texts[number] = (struct text){start, (uint32_t)size_bytes};
    texts->slots[find_slot(texts, text, size_bytes)] = number;
    memcpy(to, text, size_bytes);
    to[size_bytes] = '\0';
    return number;
}

uint32_t vmc_texts_number(struct vmc_texts *texts, const char *text,
                          size_t size_bytes)
{
    uint32_t number;

    if (size_bytes == 0) {
        return 0;
    }
    if (size_bytes > VMC_TEXT_BYTES_MAX) {
        size_bytes = VMC_TEXT_BYTES_MAX;
    }
    number = texts->slots[find_slot(texts, text, size_bytes)];
    if (number != 0) {
        return number;
    }
    if (make_room(texts, size_bytes)) {
        number = append(texts, texts->used_bytes, text, size_bytes);
        texts->used_bytes += (uint32_t)size_bytes + 1;
        return number;
    }
    number = texts->slots[find_slot(texts, overflow, sizeof(overflow) - 1)];
    return number != 0 ? number
                       : append(texts, 0, overflow, sizeof(overflow) - 1);
}

const char *vmc_texts_get(const struct vmc_texts *texts, uint64_t number)
{
    if (number == 0 || number > texts->count) {
        return "";
    }
    return bytes_at(texts, texts->texts[number].start);
}

uint32_t vmc_texts_count(const struct vmc_texts *texts)
{
    return texts->count;
}
