/* SPDX-License-Identifier: MIT */
#include "trace/texts.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS = 2 * VMC_TEXTS_MAX };

static_assert(VMC_TEXT_BYTES_MAX <= UINT8_MAX, "a length is one byte");

static const char overflow[] = "(too many texts)";

struct vmc_texts {
    uint32_t count, used_bytes;
    uint32_t starts[VMC_TEXTS_MAX + 1]; /* by number */
    uint8_t lengths[VMC_TEXTS_MAX + 1]; /* by number */
    uint32_t slots[SLOTS];              /* number, or 0 */
    char bytes[VMC_TEXTS_BYTES_MAX];
};

struct vmc_texts *vmc_texts_new(void)
{
    return calloc(1, sizeof(struct vmc_texts));
}

void vmc_texts_free(struct vmc_texts *texts)
{
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

static uint32_t append(struct vmc_texts *texts, uint32_t slot, const char *text,
                       size_t size_bytes)
{
    uint32_t number = ++texts->count;

    texts->starts[number] = texts->used_bytes;
    texts->lengths[number] = (uint8_t)size_bytes;
    memcpy(texts->bytes + texts->used_bytes, text, size_bytes);
    texts->bytes[texts->used_bytes + size_bytes] = '\0';
    texts->used_bytes += (uint32_t)size_bytes + 1;
    texts->slots[slot] = number;
    return number;
}

uint32_t vmc_texts_number(struct vmc_texts *texts, const char *text,
                          size_t size_bytes)
{
    uint32_t slot;

    if (size_bytes == 0) {
        return 0;
    }
    if (size_bytes > VMC_TEXT_BYTES_MAX) {
        size_bytes = VMC_TEXT_BYTES_MAX;
    }
    for (slot = hash_of(text, size_bytes) % SLOTS; texts->slots[slot] != 0;
         slot = (slot + 1) % SLOTS) {
        uint32_t number = texts->slots[slot];

        if (texts->lengths[number] == size_bytes &&
            memcmp(texts->bytes + texts->starts[number], text, size_bytes) ==
                0) {
            return number;
        }
    }
    /* Keep room for the text that stands for all that come too late. */
    if (texts->count + 2 > VMC_TEXTS_MAX ||
        texts->used_bytes + size_bytes + 1 + sizeof(overflow) >
            VMC_TEXTS_BYTES_MAX) {
        if (size_bytes == sizeof(overflow) - 1 &&
            memcmp(text, overflow, size_bytes) == 0) {
            return append(texts, slot, overflow, size_bytes);
        }
        return vmc_texts_number(texts, overflow, sizeof(overflow) - 1);
    }
    return append(texts, slot, text, size_bytes);
}

const char *vmc_texts_get(const struct vmc_texts *texts, uint64_t number)
{
    if (number == 0 || number > texts->count) {
        return "";
    }
    return texts->bytes + texts->starts[number];
}

uint32_t vmc_texts_count(const struct vmc_texts *texts)
{
    return texts->count;
}
