/* SPDX-License-Identifier: MIT */
#include "event/arena_priv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/base.h"

enum { ALIGN_BYTES = 256, HUGE_PAGE_BYTES = 2 << 20 };

void *vmc_arena_new(size_t count, size_t element_bytes)
{
    size_t bytes = count * element_bytes;
    size_t align_bytes =
        bytes < HUGE_PAGE_BYTES ? ALIGN_BYTES : HUGE_PAGE_BYTES;
    size_t padded_bytes = vmc_div_up(bytes, align_bytes) * align_bytes;
    void *arena = aligned_alloc(align_bytes, padded_bytes);

    if (arena == NULL) {
        return NULL;
    }
#ifdef MADV_HUGEPAGE
    if (align_bytes == HUGE_PAGE_BYTES) {
        (void)madvise(arena, padded_bytes, MADV_HUGEPAGE); /* advice only */
    }
#endif
    return memset(arena, 0, padded_bytes);
}
