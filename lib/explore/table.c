/* SPDX-License-Identifier: MIT */
/*
 * Hashes stand in a dense array; slots are an open-addressed index into it,
 * each with 32 bits of the hash, so that hardly ever a hash is looked at that
 * is not the one. Free slots cost 8 bytes and not 16, and to rehash is to read
 * one array from its beginning to its end.
 */
#include "explore/table.h"

#include <stdlib.h>

enum { ROOM_FIRST = 1024 };

void vmc_table_fini(struct vmc_table *table)
{
    free(table->hashes);
    free(table->slots);
    *table = (struct vmc_table){0};
}

/* Number + 1 below, some bits of @hash above; the rest of them chose the slot.
 */
static uint64_t slot_word(struct vmc_hash128 hash, uint32_t number)
{
    return (hash.high & ~(uint64_t)UINT32_MAX) | (number + 1U);
}

/* The slot of @hash, or the free one where it belongs. */
static uint64_t find_slot(const struct vmc_table *table,
                          struct vmc_hash128 hash)
{
    uint64_t mask = table->slot_count - 1, slot = hash.low & mask, word;

    for (; (word = table->slots[slot]) != 0; slot = (slot + 1) & mask) {
        const struct vmc_hash128 *at;

        if ((word ^ hash.high) >> 32 != 0) {
            continue;
        }
        at = &table->hashes[(uint32_t)word - 1];
        if (at->low == hash.low && at->high == hash.high) {
            break;
        }
    }
    return slot;
}

uint32_t vmc_table_find(const struct vmc_table *table, struct vmc_hash128 hash)
{
    uint64_t word =
        table->count == 0 ? 0 : table->slots[find_slot(table, hash)];

    return word == 0 ? VMC_TABLE_NONE : (uint32_t)word - 1;
}

static enum vmc_status grow_slots(struct vmc_table *table)
{
    uint64_t count =
        table->slot_count == 0 ? 2 * ROOM_FIRST : 2 * table->slot_count;
    uint64_t *slots = calloc(count, sizeof(*slots));

    if (slots == NULL) {
        return VMC_E_NOMEM;
    }
    free(table->slots);
    table->slots = slots;
    table->slot_count = count;
    for (uint32_t i = 0; i < table->count; i++) {
        slots[find_slot(table, table->hashes[i])] =
            slot_word(table->hashes[i], i);
    }
    return VMC_OK;
}

static enum vmc_status grow_hashes(struct vmc_table *table)
{
    uint32_t room = table->room == 0 ? ROOM_FIRST : 2 * table->room;
    struct vmc_hash128 *hashes =
        realloc(table->hashes, room * sizeof(*table->hashes));

    if (hashes == NULL) {
        return VMC_E_NOMEM;
    }
    table->hashes = hashes;
    table->room = room;
    return VMC_OK;
}

/* Make room for one more; slots may move. */
static enum vmc_status make_room(struct vmc_table *table)
{
    if (table->count == VMC_TABLE_STATES_MAX) {
        return VMC_E_RANGE;
    }
    if (table->count == table->room && grow_hashes(table) != VMC_OK) {
        return VMC_E_NOMEM;
    }
    return 4 * ((uint64_t)table->count + 1) > 3 * table->slot_count
               ? grow_slots(table)
               : VMC_OK;
}

enum vmc_status vmc_table_add(struct vmc_table *table, struct vmc_hash128 hash,
                              uint32_t *number, bool *is_new)
{
    uint64_t slot = table->count == 0 ? 0 : find_slot(table, hash);
    uint64_t slot_count = table->slot_count;
    enum vmc_status status;

    *is_new = table->count == 0 || table->slots[slot] == 0;
    if (!*is_new) {
        *number = (uint32_t)table->slots[slot] - 1;
        return VMC_OK;
    }
    status = make_room(table);
    if (status != VMC_OK) {
        return status;
    }
    if (table->count == 0 || table->slot_count != slot_count) {
        slot = find_slot(table, hash);
    }
    table->slots[slot] = slot_word(hash, table->count);
    table->hashes[table->count] = hash;
    *number = table->count++;
    return VMC_OK;
}

/* Add the @count hashes that come next. */
static void load_hashes(struct vmc_table *table, uint32_t count,
                        struct vmc_archive *archive)
{
    struct vmc_hash128 *hashes = calloc(count, sizeof(*hashes));
    enum vmc_status status = hashes != NULL ? VMC_OK : VMC_E_NOMEM;

    if (hashes != NULL) {
        vmc_archive_bytes(archive, "hashes", hashes, count * sizeof(*hashes));
    }
    for (uint32_t i = 0;
         status == VMC_OK && i < count && vmc_archive_is_good(archive); i++) {
        uint32_t number;
        bool is_new;

        status = vmc_table_add(table, hashes[i], &number, &is_new);
        if (status == VMC_OK && !is_new) {
            vmc_archive_fail(archive, VMC_E_FORMAT, "a hash comes twice");
        }
    }
    free(hashes);
    if (status != VMC_OK) {
        vmc_archive_fail(archive, status, "%s", vmc_status_name(status));
    }
}

void vmc_table_archive(struct vmc_table *table, struct vmc_archive *archive)
{
    uint32_t count = (uint32_t)vmc_archive_count(archive, "count", table->count,
                                                 VMC_TABLE_STATES_MAX);

    assert(!vmc_archive_is_loading(archive) || table->count == 0);
    if (count == 0) {
        return;
    }
    if (vmc_archive_is_loading(archive)) {
        load_hashes(table, count, archive);
    } else {
        vmc_archive_bytes(archive, "hashes", table->hashes,
                          count * sizeof(*table->hashes));
    }
}

uint64_t vmc_table_bytes(const struct vmc_table *table)
{
    return table->room * sizeof(*table->hashes) +
           table->slot_count * sizeof(*table->slots);
}
