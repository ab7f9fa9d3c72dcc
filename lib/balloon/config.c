/* SPDX-License-Identifier: MIT */
#include "balloon/config.h"

#include <string.h>

enum { FIELD_BYTES = 4 };

void vmc_config_init(struct vmc_balloon_config_space *config, uint64_t features,
                     bool is_legacy)
{
    memset(config, 0, sizeof(*config));
    config->is_legacy = is_legacy;
    config->size_bytes = 8;
    if ((features >> VMC_BALLOON_FREE_PAGE_HINT & 1) != 0) {
        config->size_bytes = 12;
    }
    if ((features >> VMC_BALLOON_PAGE_POISON & 1) != 0) {
        config->size_bytes = 16;
    }
}

uint32_t vmc_config_get(const struct vmc_balloon_config_space *config,
                        enum vmc_balloon_field field)
{
    const uint8_t *bytes = &config->bytes[field];

    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 |
           (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static bool is_inside(const struct vmc_balloon_config_space *config,
                      uint32_t offset_bytes, uint32_t size_bytes)
{
    return size_bytes >= 1 && size_bytes <= FIELD_BYTES &&
           offset_bytes < config->size_bytes &&
           size_bytes <= config->size_bytes - offset_bytes;
}

static void store(struct vmc_balloon_config_space *config,
                  uint32_t offset_bytes, uint32_t size_bytes, uint32_t value)
{
    for (uint32_t i = 0; i < size_bytes; i++) {
        config->bytes[offset_bytes + i] = (uint8_t)(value >> (8 * i));
    }
}

void vmc_config_set(struct vmc_balloon_config_space *config,
                    enum vmc_balloon_field field, uint32_t value)
{
    if (is_inside(config, field, FIELD_BYTES)) {
        store(config, field, FIELD_BYTES, value);
    }
}

enum vmc_status vmc_config_read(struct vmc_balloon_config_space *config,
                                uint32_t offset_bytes, uint32_t size_bytes,
                                uint32_t *value)
{
    if (!is_inside(config, offset_bytes, size_bytes)) {
        return VMC_E_ACCESS;
    }
    config->accesses++;
    *value = 0;
    for (uint32_t i = 0; i < size_bytes; i++) {
        *value |= (uint32_t)config->bytes[offset_bytes + i] << (8 * i);
    }
    return VMC_OK;
}

enum vmc_status vmc_config_write(struct vmc_balloon_config_space *config,
                                 uint32_t offset_bytes, uint32_t size_bytes,
                                 uint32_t value)
{
    uint32_t actual = vmc_config_get(config, VMC_CONFIG_ACTUAL);

    if (!is_inside(config, offset_bytes, size_bytes)) {
        return VMC_E_ACCESS;
    }
    config->accesses++;
    for (uint32_t i = 0; i < size_bytes; i++) {
        uint32_t field = (offset_bytes + i) / FIELD_BYTES * FIELD_BYTES;

        if (field == VMC_CONFIG_ACTUAL || field == VMC_CONFIG_POISON) {
            store(config, offset_bytes + i, 1, value >> (8 * i));
        }
    }
    config->actual_changes +=
        vmc_config_get(config, VMC_CONFIG_ACTUAL) != actual;
    return VMC_OK;
}

void vmc_config_write_field(struct vmc_balloon_config_space *config,
                            enum vmc_balloon_field field, uint32_t value)
{
    uint32_t accesses = vmc_config_field_accesses(config);
    uint32_t size_bytes = FIELD_BYTES / accesses;

    for (uint32_t i = 0; i < accesses; i++) {
        (void)vmc_config_write(config, field + i * size_bytes, size_bytes,
                               value >> (8 * i));
    }
}

uint32_t
vmc_config_field_accesses(const struct vmc_balloon_config_space *config)
{
    return config->is_legacy ? FIELD_BYTES : 1;
}
