/* SPDX-License-Identifier: MIT */
/**
 * state.h - where the changing state of a machine lies, so that it can be
 * saved, restored, compared and hashed as bytes.
 *
 * Every model adds the plain data that its runs change. The order of adding is
 * the order of the bytes, so two machines built the same way can exchange
 * snapshots.
 */
#ifndef VMC_DEVICE_STATE_H
#define VMC_DEVICE_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/archive.h"
#include "base/base.h"
#include "base/hash.h"

enum { VMC_STATE_PARTS_MAX = 64 };

/** The parts of one machine, in the order they were added. */
struct vmc_state_map {
    struct {
        const char *name;
        void *data;
        size_t size_bytes;
    } parts[VMC_STATE_PARTS_MAX];
    uint32_t part_count;
    size_t total_bytes;
};

/**
 * Add @size_bytes at @data, under @name.
 * Owner    @data is borrowed and @name static, for as long as @map is used.
 * Asserts  there is room.
 */
void vmc_state_add(struct vmc_state_map *map, const char *name, void *data,
                   size_t size_bytes);

/** Copy all parts to @snapshot, which has total_bytes. */
void vmc_state_save(const struct vmc_state_map *map, void *snapshot);

/** Copy @snapshot, which has total_bytes, back into all parts. */
void vmc_state_load(const struct vmc_state_map *map, const void *snapshot);

/** Save all parts to @archive, or load them from it, each under its name. */
void vmc_state_archive(const struct vmc_state_map *map,
                       struct vmc_archive *archive);

/** A hash of all parts as they are now. */
struct vmc_hash128 vmc_state_hash(const struct vmc_state_map *map);

#endif
