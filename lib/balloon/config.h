/* SPDX-License-Identifier: MIT */
/**
 * config.h - the configuration space of a balloon device, byte by byte.
 *
 *     offset  field                   present
 *          0  num_pages               always
 *          4  actual                  always; the driver writes it
 *          8  free_page_hint_cmd_id   with feature 3
 *         12  poison_val              with feature 4; the driver writes it
 *
 * All fields are little-endian, with legacy drivers too. A field exists only
 * if the space reaches that far: QEMU exposes 8, 12 or 16 bytes.
 *
 * A legacy transport accesses bytes, so the device sees every intermediate
 * value of a field that is written.
 */
#ifndef VMC_BALLOON_CONFIG_H
#define VMC_BALLOON_CONFIG_H

#include "base/base.h"

/** Feature bits of the balloon device. */
enum vmc_balloon_feature {
    VMC_BALLOON_MUST_TELL_HOST = 0,
    VMC_BALLOON_STATS_VQ = 1,
    VMC_BALLOON_DEFLATE_ON_OOM = 2,
    VMC_BALLOON_FREE_PAGE_HINT = 3,
    VMC_BALLOON_PAGE_POISON = 4,
    VMC_BALLOON_PAGE_REPORTING = 5,
    VMC_BALLOON_PAGE_BITMAP = 32, /**< bit 3 of its series: numbers collide */
    VMC_BALLOON_SG = 33,          /**< likewise */
};

/** Offsets of the fields. */
enum vmc_balloon_field {
    VMC_CONFIG_NUM_PAGES = 0,
    VMC_CONFIG_ACTUAL = 4,
    VMC_CONFIG_HINT_ID = 8,
    VMC_CONFIG_POISON = 12,
};

enum { VMC_CONFIG_BYTES_MAX = 16 };

/** Plain data. */
struct vmc_balloon_config_space {
    uint8_t bytes[VMC_CONFIG_BYTES_MAX];
    uint32_t size_bytes;
    bool is_legacy; /**< accessed byte by byte */
    uint64_t accesses;
    uint64_t actual_changes; /**< values of actual that the device has seen */
};

/** All zero, sized for @features (bit masks of enum vmc_balloon_feature). */
void vmc_config_init(struct vmc_balloon_config_space *config, uint64_t features,
                     bool is_legacy);

/** The value of @field, as the device keeps it; 0 beyond the end. */
uint32_t vmc_config_get(const struct vmc_balloon_config_space *config,
                        enum vmc_balloon_field field);

/** Set @field from the device's side. Ignored beyond the end. */
void vmc_config_set(struct vmc_balloon_config_space *config,
                    enum vmc_balloon_field field, uint32_t value);

/**
 * Read @size_bytes at @offset_bytes from the guest's side.
 * Fails    VMC_E_ACCESS outside the space.
 */
enum vmc_status vmc_config_read(struct vmc_balloon_config_space *config,
                                uint32_t offset_bytes, uint32_t size_bytes,
                                uint32_t *value);

/**
 * Write from the guest's side. Only actual and poison_val change; a write to
 * another field is swallowed, as the device does.
 * Fails    VMC_E_ACCESS outside the space.
 */
enum vmc_status vmc_config_write(struct vmc_balloon_config_space *config,
                                 uint32_t offset_bytes, uint32_t size_bytes,
                                 uint32_t value);

/** Write a whole field as the transport does: in one access or in four. */
void vmc_config_write_field(struct vmc_balloon_config_space *config,
                            enum vmc_balloon_field field, uint32_t value);

/** How many accesses one field takes: 1, or 4 with a legacy transport. */
uint32_t
vmc_config_field_accesses(const struct vmc_balloon_config_space *config);

#endif
