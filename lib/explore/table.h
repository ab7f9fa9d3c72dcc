/* SPDX-License-Identifier: MIT */
/**
 * table.h - the states that have been met: 128-bit hashes, numbered from 0 in
 * the order they came.
 *
 * With n states the chance that two share a hash is at most n^2 / 2^129: below
 * 10^-24 for ten million. A number stays good for ever, so whoever knows more
 * of a state keeps it in an array of its own.
 */
#ifndef VMC_EXPLORE_TABLE_H
#define VMC_EXPLORE_TABLE_H

#include "base/archive.h"
#include "base/base.h"
#include "base/hash.h"

enum { VMC_TABLE_STATES_MAX = 1 << 30 };

/** The number of no state. */
#define VMC_TABLE_NONE UINT32_MAX

/** Fields belong to table.c, but for count. Zeroed memory is an empty one. */
struct vmc_table {
    struct vmc_hash128 *hashes; /**< by number */
    uint64_t *slots;            /**< 0 is free */
    uint64_t slot_count;
    uint32_t count, room;
};

/** Release what @table holds; it is then empty. */
void vmc_table_fini(struct vmc_table *table);

/** The number of @hash, or VMC_TABLE_NONE. */
uint32_t vmc_table_find(const struct vmc_table *table, struct vmc_hash128 hash);

/**
 * Put the number of @hash into *@number; *@is_new says whether it came just
 * now.
 * Fails    VMC_E_NOMEM, VMC_E_RANGE beyond VMC_TABLE_STATES_MAX; the table is
 *          then as it was.
 * Cost     16 bytes a state and 8 a slot, both growing by doubling; slots are
 *          at most 3/4 full.
 */
enum vmc_status vmc_table_add(struct vmc_table *table, struct vmc_hash128 hash,
                              uint32_t *number, bool *is_new);

/** Save @table, or load it into an empty one, which then is as if all had been
 * added in the same order. */
void vmc_table_archive(struct vmc_table *table, struct vmc_archive *archive);

/** Bytes that @table holds now. */
uint64_t vmc_table_bytes(const struct vmc_table *table);

#endif
