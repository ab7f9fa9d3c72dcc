/* SPDX-License-Identifier: MIT */
/* The native reader, fed with anything. Checksums would keep nearly all of it
 * out, so the input is also tried with its checksums made right. */
#include "tests/fuzz/fuzz_trace.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

static uint32_t get(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
           (uint32_t)at[3] << 24;
}

static void put(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

/* Walk the parts of @data as far as they make sense and mend their sums. */
static void mend(uint8_t *data, size_t size_bytes)
{
    size_t at = 16;

    if (size_bytes < at || get(data + 8) > size_bytes - at) {
        return;
    }
    put(data + 12,
        vmc_crc32c(vmc_crc32c(0, data, 12), data + 16, get(data + 8)));
    at += get(data + 8);
    while (size_bytes - at >= 40 && memcmp(data + at, "VBLK", 4) == 0) {
        uint32_t packed = get(data + at + 12);

        if (packed > size_bytes - at - 40) {
            return;
        }
        put(data + at + 36,
            vmc_crc32c(vmc_crc32c(0, data + at, 36), data + at + 40, packed));
        at += 40 + packed;
    }
    if (size_bytes - at >= 32 && memcmp(data + at, "VSUM", 4) == 0) {
        uint32_t packed = get(data + at + 8);

        if (packed <= size_bytes - at - 32) {
            put(data + at + 12, vmc_crc32c(vmc_crc32c(0, data + at, 12),
                                           data + at + 16, packed));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    uint8_t *copy = malloc(size_bytes + 1);

    if (copy == NULL) {
        return 0;
    }
    memcpy(copy, data, size_bytes);
    (void)read_trace(copy, size_bytes);
    mend(copy, size_bytes);
    (void)read_trace(copy, size_bytes);
    free(copy);
    return 0;
}
