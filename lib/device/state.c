/* SPDX-License-Identifier: MIT */
#include "device/state.h"

#include <string.h>

void vmc_state_add(struct vmc_state_map *map, const char *name, void *data,
                   size_t size_bytes)
{
    assert(map->part_count < VMC_STATE_PARTS_MAX);
    map->parts[map->part_count].name = name;
    map->parts[map->part_count].data = data;
    map->parts[map->part_count].size_bytes = size_bytes;
    map->part_count++;
    map->total_bytes += size_bytes;
}

void vmc_state_save(const struct vmc_state_map *map, void *snapshot)
{
    char *at = snapshot;

    for (uint32_t i = 0; i < map->part_count; i++) {
        memcpy(at, map->parts[i].data, map->parts[i].size_bytes);
        at += map->parts[i].size_bytes;
    }
}

void vmc_state_load(const struct vmc_state_map *map, const void *snapshot)
{
    const char *at = snapshot;

    for (uint32_t i = 0; i < map->part_count; i++) {
        memcpy(map->parts[i].data, at, map->parts[i].size_bytes);
        at += map->parts[i].size_bytes;
    }
}

void vmc_state_archive(const struct vmc_state_map *map,
                       struct vmc_archive *archive)
{
    for (uint32_t i = 0; i < map->part_count; i++) {
        vmc_archive_bytes(archive, map->parts[i].name, map->parts[i].data,
                          map->parts[i].size_bytes);
    }
}

struct vmc_hash128 vmc_state_hash(const struct vmc_state_map *map)
{
    struct vmc_hash128 hash = {0, 0};

    for (uint32_t i = 0; i < map->part_count; i++) {
        hash = vmc_hash128(map->parts[i].data, map->parts[i].size_bytes,
                           hash.low ^ hash.high);
    }
    return hash;
}
