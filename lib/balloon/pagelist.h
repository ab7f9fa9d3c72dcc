/* SPDX-License-Identifier: MIT */
/**
 * pagelist.h - the pages in a balloon, newest first, kept as runs.
 *
 * The order is part of the model: it decides which pages come back first. A
 * page costs nothing beside its run; in the worst case, when no two pages that
 * follow each other are neighbours, it costs the 8 bytes of a run.
 *
 * Owner    The caller: vmc_pagelist_init() takes address space for the worst
 *          case, of which the host only backs what is used.
 */
#ifndef VMC_BALLOON_PAGELIST_H
#define VMC_BALLOON_PAGELIST_H

#include "base/base.h"

/** Pages that were added one after the other: first, first + step, ... */
struct vmc_page_run {
    uint32_t first;
    uint32_t count : 31;
    uint32_t is_descending : 1;
};

/** A list. The fields are for reading. */
struct vmc_pagelist {
    struct vmc_page_run *runs; /**< a stack; the last is the newest */
    uint64_t page_count;
    uint32_t run_count, run_max;
};

/**
 * Make @run, which was added after @top, a part of it. False when its pages do
 * not go on where @top ends; one page alone has no direction and goes on in
 * either.
 */
bool vmc_page_run_join(struct vmc_page_run *top, struct vmc_page_run run);

/** Make an empty list for @page_max pages. Fails VMC_E_NOMEM. */
enum vmc_status vmc_pagelist_init(struct vmc_pagelist *list, uint64_t page_max);

/** Free the runs. A zeroed list is allowed. */
void vmc_pagelist_fini(struct vmc_pagelist *list);

/** Forget all pages. */
static inline void vmc_pagelist_clear(struct vmc_pagelist *list)
{
    list->run_count = 0;
    list->page_count = 0;
}

/** Add @run at the head. Asserts there is room. */
void vmc_pagelist_push(struct vmc_pagelist *list, struct vmc_page_run run);

/**
 * Take up to @page_max pages from the head, as far as they are one run; the
 * run returned lists them in the order they came off. Asserts the list has
 * pages and @page_max is not 0.
 */
struct vmc_page_run vmc_pagelist_pop(struct vmc_pagelist *list,
                                     uint32_t page_max);

/** Take the page @pfn out, wherever it is. False when it is not there. */
bool vmc_pagelist_remove(struct vmc_pagelist *list, uint32_t pfn);

/** True when @pfn is on the list. */
bool vmc_pagelist_has(const struct vmc_pagelist *list, uint32_t pfn);

/** The lowest page of @run. */
static inline uint32_t vmc_page_run_low(struct vmc_page_run run)
{
    return run.is_descending ? run.first - (run.count - 1) : run.first;
}

/** The page at @index of @run. */
static inline uint32_t vmc_page_run_at(struct vmc_page_run run, uint32_t index)
{
    return run.is_descending ? run.first - index : run.first + index;
}

#endif
