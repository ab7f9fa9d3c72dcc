/* SPDX-License-Identifier: MIT */
/*
 * The beginning and the end of the page bitmap driver: three allocations, any
 * of which may fail, after the features have been agreed on. Only what becomes
 * of the pointers is modelled: freed twice, never freed, never set.
 *
 * Features: bit 3 of the series is bit 3 of the standard, where it means
 * something else (D30). A driver that gives the feature up by itself leaves a
 * device behind that goes on reading records (D19).
 */
#include "balloon/bitmap_priv.h"

enum { HEADER_BYTES = 8, DATA_BYTES = RESPONSE_WORDS * 8 };

enum outcome { OUTCOME_BITMAP, OUTCOME_PFNS, OUTCOME_FAILED };

static bool allocate(struct vm *vm, uint32_t number,
                     enum bitmap_pointer *pointer, uint32_t size_bytes)
{
    if (vm->config.faults.probe_fails == number) {
        *pointer = POINTER_NULL;
        return false;
    }
    *pointer = POINTER_LIVE;
    vm->bitmap->allocated_bytes += size_bytes;
    vm->bitmap->live_bytes += size_bytes;
    return true;
}

/* @after is what the pointer is worth then: NULL when it is cleared. */
static void release(struct bitmap *bitmap, enum bitmap_pointer *pointer,
                    uint32_t size_bytes, enum bitmap_pointer after)
{
    if (*pointer == POINTER_LIVE) {
        bitmap->live_bytes -= size_bytes;
    } else if (*pointer == POINTER_WILD) {
        bitmap->wild_frees++;
    }
    *pointer = after;
}

static bool allocate_all(struct vm *vm)
{
    struct bitmap *bitmap = vm->bitmap;
    enum bitmap_pointer after =
        has_defect(bitmap, 18) ? POINTER_WILD : POINTER_NULL;

    /* D17: the structure comes from an allocator that does not zero. */
    bitmap->header = bitmap->chunk = bitmap->data =
        has_defect(bitmap, 17) ? POINTER_WILD : POINTER_NULL;
    if (!allocate(vm, 1, &bitmap->header, HEADER_BYTES)) {
        return false;
    }
    if (!allocate(vm, 2, &bitmap->chunk, CHUNK_BYTES)) {
        release(bitmap, &bitmap->header, HEADER_BYTES, after);
        bitmap->data = POINTER_NULL;
        return false;
    }
    if (!allocate(vm, 3, &bitmap->data, DATA_BYTES)) {
        release(bitmap, &bitmap->chunk, CHUNK_BYTES, after);
        release(bitmap, &bitmap->header, HEADER_BYTES, after);
        return false;
    }
    return true;
}

void bitmap_remove(struct vm *vm)
{
    struct bitmap *bitmap = vm->bitmap;

    /* D20: the response buffer is forgotten. */
    if (!has_defect(bitmap, 20)) {
        release(bitmap, &bitmap->data, DATA_BYTES, POINTER_NULL);
    }
    release(bitmap, &bitmap->chunk, CHUNK_BYTES, POINTER_NULL);
    release(bitmap, &bitmap->header, HEADER_BYTES, POINTER_NULL);
}

static enum outcome probe(struct vm *vm)
{
    const struct vmc_balloon_faults *faults = &vm->config.faults;
    struct bitmap *bitmap = vm->bitmap;
    /* D30: whoever offers bit 3 is taken for a device of the series. */
    bool is_offered = !faults->lacks_feature &&
                      (!faults->is_standard_device || has_defect(bitmap, 30));

    /* D21: allocated whether offered or not. */
    if (!is_offered && !has_defect(bitmap, 21)) {
        return OUTCOME_PFNS;
    }
    if (!allocate_all(vm)) {
        if (!is_offered) {
            return OUTCOME_PFNS;
        }
        vm->misread = MISREAD_PFNS;
        return has_defect(bitmap, 19) ? OUTCOME_PFNS : OUTCOME_FAILED;
    }
    if (!is_offered) {
        return OUTCOME_PFNS;
    }
    if (faults->is_standard_device) {
        vm->misread = MISREAD_RECORDS;
    }
    return OUTCOME_BITMAP;
}

void bitmap_probe(struct vm *vm)
{
    const uint64_t successors = ~(VMC_DEFECT(33) - 1);
    struct bitmap *bitmap = vm->bitmap;

    switch (vm->config.mechanism) {
    case VMC_MECHANISM_BITMAP:
        bitmap->defects = vm->config.defects;
        break;
    case VMC_MECHANISM_CHUNK:
    case VMC_MECHANISM_SG:
        /* They kept what costs time: no limit, whole chunks, whole lists. */
        bitmap->defects = VMC_DEFECT(5) | VMC_DEFECT(15) | VMC_DEFECT(26) |
                          (vm->config.defects & successors);
        bitmap->format = vm->config.mechanism == VMC_MECHANISM_SG ? FORMAT_SG
                         : has_defect(bitmap, VMC_DEFECT_S(1))    ? FORMAT_V6
                                                               : FORMAT_CHUNK;
        break;
    default:
        bitmap->defects = 0;
    }
    if (vm->config.faults.is_big_endian) {
        bitmap->faults.swaps_tail = has_defect(bitmap, 9);
        bitmap->faults.swaps_fields = has_defect(bitmap, 10);
        bitmap->faults.swaps_parts = has_defect(bitmap, VMC_DEFECT_S(3));
    }
    bitmap->faults.packs_4096 = has_defect(bitmap, VMC_DEFECT_S(1));
    if (has_defect(bitmap, 12)) {
        bitmap->faults.extra_shift = vm->page_order;
    }
    if (vm->config.mechanism != VMC_MECHANISM_BITMAP &&
        vm->config.mechanism != VMC_MECHANISM_BITMAP_FIXED) {
        return;
    }
    switch (probe(vm)) {
    case OUTCOME_PFNS:
        vm->driver = &driver_pfn;
        return;
    case OUTCOME_FAILED:
        vm->has_failed_probe = true;
        return;
    default:
        return;
    }
}
