/* SPDX-License-Identifier: MIT */
#include "event/arena_priv.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/base.h"

enum { ALIGN_BYTES = 256, HUGE_PAGE_BYTES = 2 << 20 };

/* What lies before the first element. */
struct header {
    void *allocation;
};

void *vmc_arena_new(size_t count, size_t element_bytes)
{
    size_t bytes = count * element_bytes;
    bool is_huge = bytes >= HUGE_PAGE_BYTES;
    size_t align_bytes = is_huge ? HUGE_PAGE_BYTES : ALIGN_BYTES;
    size_t padded_bytes = vmc_div_up(bytes, align_bytes) * align_bytes;
    char *allocation =
        calloc(1, padded_bytes + align_bytes + sizeof(struct header));
    size_t past;
    char *arena;

    if (allocation == NULL) {
        return NULL;
    }
    arena = allocation + sizeof(struct header);
    past = (uintptr_t)arena % align_bytes;
    arena += past == 0 ? 0 : align_bytes - past;
    ((struct header *)(void *)arena)[-1].allocation = allocation;
    if (is_huge) {
#ifdef MADV_HUGEPAGE
        (void)madvise(arena, padded_bytes, MADV_HUGEPAGE); /* advice only */
#endif
        memset(arena, 0, padded_bytes); /* faults now, not while time runs */
    }
    return arena;
}

void vmc_arena_free(void *arena)
{
    if (arena != NULL) {
        free(((struct header *)arena)[-1].allocation);
    }
}
