/* SPDX-License-Identifier: MIT */
#include "sim/options.h"

#include <inttypes.h>

#include "base/base.h"
#include "profile/quantity.h"

uint64_t option_number(struct argp_state *state, const char *option,
                       const char *text, uint64_t min, uint64_t max)
{
    uint64_t value = min;

    if (vmc_parse_u64(&value, text) != VMC_OK || value < min || value > max) {
        argp_error(state, "%s '%s': expected %" PRIu64 " to %" PRIu64, option,
                   text, min, max);
    }
    return value;
}

uint64_t option_size(struct argp_state *state, const char *option,
                     const char *text, uint64_t max_bytes)
{
    uint64_t bytes = 0;

    if (vmc_parse_size(&bytes, text) != VMC_OK) {
        argp_error(state, "%s '%s': expected a size, as 64K or 2M", option,
                   text);
    } else if (bytes > max_bytes) {
        argp_error(state, "%s '%s': expected at most %" PRIu64 " bytes", option,
                   text, max_bytes);
    }
    return bytes;
}

uint64_t option_time(struct argp_state *state, const char *option,
                     const char *text)
{
    struct vmc_quantity quantity;
    struct vmc_error error = {""};

    if (vmc_quantity_parse(&quantity, text, 0, &error) != VMC_OK) {
        argp_error(state, "%s '%s': %s", option, text, error.text);
    } else if (!quantity.is_time) {
        argp_error(state, "%s '%s': expected a time with its unit, as 20us",
                   option, text);
    }
    return quantity.value;
}

void option_add(struct argp_state *state, const char *option, const char **list,
                uint32_t *count, uint32_t max, const char *text)
{
    if (*count == max) {
        argp_error(state, "more than %" PRIu32 " times %s", max, option);
        return;
    }
    list[(*count)++] = text;
}

void option_take_one(struct argp_state *state, const char **place,
                     const char *text, const char *what)
{
    if (*place != NULL) {
        argp_error(state, "one %s at a time", what);
    }
    *place = text;
}
