/* SPDX-License-Identifier: MIT */
/*
 * A survey of memory, for a picture: what lies in each of a number of equal
 * pieces of the address space, and how it is backed.
 */
#include "balloon/vm_priv.h"

#include <string.h>

static uint32_t *counter(struct vmc_balloon_cell *cell,
                         enum vmc_page_state state)
{
    switch (state) {
    case VMC_PAGE_HOLE:
        return &cell->hole;
    case VMC_PAGE_FREE:
    case VMC_PAGE_PCP:
    case VMC_PAGE_REPORTING:
        return &cell->free;
    case VMC_PAGE_RESERVED:
    case VMC_PAGE_USED_UNMOVABLE:
    case VMC_PAGE_USED_MOVABLE:
    case VMC_PAGE_USED_RECLAIMABLE:
        return &cell->used;
    default:
        return &cell->balloon;
    }
}

void vm_survey(const struct vm *vm, struct vmc_balloon_survey *survey)
{
    uint64_t page_max = vm_page_max(vm);
    uint64_t frames = vmc_div_up(page_max, HUGE_PAGES);
    uint64_t cell_frames = vmc_div_up(frames, VMC_BALLOON_CELLS);

    memset(survey, 0, sizeof(*survey));
    survey->cell_pages = cell_frames * HUGE_PAGES;
    survey->cell_count = (uint32_t)vmc_div_up(frames, cell_frames);
    for (uint64_t page = 0; page < page_max; page++) {
        struct vmc_balloon_cell *cell =
            &survey->cells[page / survey->cell_pages];

        ++*counter(cell, vm_state(vm, (uint32_t)page));
        if (vmc_host_is_present(&vm->host, page)) {
            bool is_huge =
                vm->host.frames[page / HUGE_PAGES].backing == VMC_FRAME_HUGE;

            cell->huge += is_huge;
            cell->small += !is_huge;
        }
    }
}
