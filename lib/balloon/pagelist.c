/* SPDX-License-Identifier: MIT */
#include "balloon/pagelist.h"

#include <stdlib.h>
#include <string.h>

enum { RUN_PAGES_MAX = INT32_MAX };

enum vmc_status vmc_pagelist_init(struct vmc_pagelist *list, uint64_t page_max)
{
    *list = (struct vmc_pagelist){0};
    if (page_max >= UINT32_MAX) {
        return VMC_E_RANGE;
    }
    list->run_max = (uint32_t)page_max + 1;
    list->runs = calloc(list->run_max, sizeof(*list->runs));
    return list->runs != NULL ? VMC_OK : VMC_E_NOMEM;
}

void vmc_pagelist_fini(struct vmc_pagelist *list)
{
    free(list->runs);
    *list = (struct vmc_pagelist){0};
}

static uint32_t after(struct vmc_page_run run)
{
    return vmc_page_run_at(run, run.count);
}

bool vmc_page_run_join(struct vmc_page_run *top, struct vmc_page_run run)
{
    struct vmc_page_run joined = *top;

    if (top->count == 1) {
        joined.is_descending =
            run.count == 1 ? run.first + 1 == top->first : run.is_descending;
    }
    if ((run.count > 1 && run.is_descending != joined.is_descending) ||
        after(joined) != run.first ||
        joined.count > RUN_PAGES_MAX - run.count) {
        return false;
    }
    joined.count += run.count;
    *top = joined;
    return true;
}

void vmc_pagelist_push(struct vmc_pagelist *list, struct vmc_page_run run)
{
    assert(run.count > 0);
    list->page_count += run.count;
    if (list->run_count > 0 &&
        vmc_page_run_join(&list->runs[list->run_count - 1], run)) {
        return;
    }
    assert(list->run_count < list->run_max);
    list->runs[list->run_count++] = run;
}

struct vmc_page_run vmc_pagelist_pop(struct vmc_pagelist *list,
                                     uint32_t page_max)
{
    struct vmc_page_run *top, taken;

    assert(list->run_count > 0 && page_max > 0);
    top = &list->runs[list->run_count - 1];
    taken = *top;
    taken.count = top->count < page_max ? top->count : page_max & RUN_PAGES_MAX;
    taken.first = vmc_page_run_at(*top, top->count - 1);
    taken.is_descending = !top->is_descending;
    if (taken.count == 1) {
        taken.is_descending = 0;
    }
    top->count -= taken.count;
    if (top->count == 0) {
        list->run_count--;
    }
    list->page_count -= taken.count;
    return taken;
}

/* The run that holds @pfn and where in it; false when none does. The newest
 * are looked at first. */
static bool find(const struct vmc_pagelist *list, uint32_t pfn, uint32_t *run,
                 uint32_t *index)
{
    for (uint32_t i = list->run_count; i-- > 0;) {
        uint32_t low = vmc_page_run_low(list->runs[i]);

        if (pfn >= low && pfn - low < list->runs[i].count) {
            *run = i;
            *index = list->runs[i].is_descending ? list->runs[i].first - pfn
                                                 : pfn - low;
            return true;
        }
    }
    return false;
}

bool vmc_pagelist_has(const struct vmc_pagelist *list, uint32_t pfn)
{
    uint32_t run, index;

    return find(list, pfn, &run, &index);
}

bool vmc_pagelist_remove(struct vmc_pagelist *list, uint32_t pfn)
{
    struct vmc_page_run before, behind;
    uint32_t at, index, pieces = 0;

    if (!find(list, pfn, &at, &index)) {
        return false;
    }
    before = behind = list->runs[at];
    before.count = index & RUN_PAGES_MAX;
    behind.first = vmc_page_run_at(behind, index + 1);
    behind.count = (behind.count - index - 1) & RUN_PAGES_MAX;
    pieces += before.count > 0;
    pieces += behind.count > 0;
    assert(list->run_count - 1 + pieces <= list->run_max);
    memmove(&list->runs[at + pieces], &list->runs[at + 1],
            (list->run_count - at - 1) * sizeof(*list->runs));
    if (before.count > 0) {
        list->runs[at++] = before;
    }
    if (behind.count > 0) {
        list->runs[at] = behind;
    }
    list->run_count = list->run_count - 1 + pieces;
    list->page_count--;
    return true;
}
