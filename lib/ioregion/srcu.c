/* SPDX-License-Identifier: MIT */
/*
 * A section remembers the epoch it began in; taking a ticket begins the next
 * epoch. A ticket waits for the readers whose epoch is older than itself:
 *
 *     epoch      0     1       2
 *     reader A   |-----+-------+----|      holds tickets 1 and 2
 *     reader B         |  |---------|      entered in epoch 1: ticket 2 only
 *     tickets          1       2
 *
 * Two counters per index, as Linux has them, would be smaller but let a reader
 * that came late hold up a ticket. Exactness is worth one word a reader here.
 */
#include "ioregion/srcu.h"

#include <assert.h>

#include "base/base.h"

uint32_t vmc_srcu_enter(struct vmc_srcu *srcu)
{
    uint32_t word = 0;
    uint32_t reader;

    assert(srcu->reader_count < VMC_SRCU_READERS_MAX);
    while (srcu->used[word] == UINT64_MAX) {
        word++;
    }
    reader = word * 64 + vmc_bits_low(~srcu->used[word]);
    srcu->used[word] |= UINT64_C(1) << reader % 64;
    srcu->entered[reader] = srcu->epoch + 1;
    srcu->reader_count++;
    return reader;
}

void vmc_srcu_leave(struct vmc_srcu *srcu, uint32_t reader)
{
    assert(reader < VMC_SRCU_READERS_MAX && srcu->entered[reader] != 0);
    assert(srcu->reader_count != 0);
    srcu->used[reader / 64] &= ~(UINT64_C(1) << reader % 64);
    srcu->entered[reader] = 0;
    srcu->reader_count--;
}

uint64_t vmc_srcu_start(struct vmc_srcu *srcu)
{
    return ++srcu->epoch;
}

bool vmc_srcu_is_over(const struct vmc_srcu *srcu, uint64_t ticket)
{
    assert(ticket <= srcu->epoch);
    if (srcu->reader_count == 0) {
        return true;
    }
    for (uint32_t word = 0; word < VMC_COUNT_OF(srcu->used); word++) {
        for (uint64_t left = srcu->used[word]; left != 0; left &= left - 1) {
            if (srcu->entered[word * 64 + vmc_bits_low(left)] <= ticket) {
                return false;
            }
        }
    }
    return true;
}
