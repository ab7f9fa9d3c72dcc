/* SPDX-License-Identifier: MIT */
/*
 * Drivers that collect pages in a bitmap and tell the host of its runs: the
 * page bitmap of 2016 (spec 4.3), as posted or without its defects, and its
 * successors, which write the same runs as pairs of words or as descriptors
 * (spec 4.4).
 *
 *     take pages -> set their bits, window by window -> scan -> send when the
 *     buffer is full and at the end of a window
 *
 * Each known defect is behind a bit of bitmap->defects, at the place where the
 * driver as posted goes wrong. One that would corrupt the guest's memory stops
 * the run instead and says so in vm->crash.
 */
#include "balloon/bitmap_priv.h"

#include <string.h>

enum {
    STEP_TAKE = STEP_DRIVER,
    STEP_TAKEN,
    STEP_QUEUE,
    STEP_WINDOW,
    STEP_SCAN,
    STEP_SEND,
    STEP_TOLD,
    STEP_FINISH,
    STEP_SLEPT,
    STEP_DEQUEUE,
    STEP_RELEASED,
    WORDS_RESERVE = 64,
    SG_PAGES_MAX = 0xfffff,
};

static bool has_defect(const struct bitmap *bitmap, uint32_t number)
{
    return (bitmap->defects >> number & 1) != 0;
}

static uint32_t pages_now(const struct vm *vm, uint64_t pages)
{
    if (!has_defect(vm->bitmap, 15) && pages > CHUNK_PAGES) {
        return CHUNK_PAGES;
    }
    return (uint32_t)pages;
}

/* ---- Pages ---------------------------------------------------------------*/

static void fill(struct vm_worker *worker)
{
    worker_lock(worker, ROLE_BALLOON, STEP_TAKE);
}

static void take(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    uint32_t wanted = pages_now(vm, worker->units);

    while (vm->fresh.page_count < wanted) {
        struct vmc_page_run run =
            vm_take(vm, wanted - (uint32_t)vm->fresh.page_count);

        if (run.count == 0) {
            break;
        }
        vmc_pagelist_push(&vm->fresh, run);
    }
    vm->is_out_of_memory = vm->fresh.page_count < wanted;
    worker_work(worker, VMC_STAGE_ALLOC,
                vm_guest_pages(vm, vm->fresh.page_count) *
                    vm->costs->guest.alloc,
                STEP_TAKEN);
}

static void queue(struct vm *vm)
{
    for (uint32_t i = 0; i < vm->fresh.run_count; i++) {
        struct vmc_page_run run = vm->fresh.runs[i];

        vm_mark(vm, vmc_page_run_low(run), run.count, VMC_PAGE_BALLOON);
        vmc_pagelist_push(&vm->balloon, run);
    }
    vm->held_units += vm->fresh.page_count;
}

static void leak(struct vm_worker *worker)
{
    worker_lock(worker, ROLE_BALLOON, STEP_DEQUEUE);
}

static void dequeue(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    uint64_t pages = vm_guest_pages(vm, pages_now(vm, worker->units))
                     << vm->page_order;

    while (pages > 0 && vm->balloon.page_count > 0) {
        struct vmc_page_run run = vmc_pagelist_pop(
            &vm->balloon, pages < INT32_MAX ? (uint32_t)pages : INT32_MAX);

        vm_mark(vm, vmc_page_run_low(run), run.count, VMC_PAGE_DEFLATING);
        vmc_pagelist_push(&vm->fresh, run);
        vm->held_units -= run.count;
        pages -= run.count;
    }
}

static void release(struct vm *vm)
{
    while (vm->fresh.page_count > 0) {
        struct vmc_page_run run = vmc_pagelist_pop(&vm->fresh, UINT32_MAX);

        vm_give_run(vm, run);
    }
}

/* ---- Windows -------------------------------------------------------------*/

static uint32_t chunks_for(const struct vm *vm)
{
    uint32_t chunks =
        (uint32_t)vmc_div_up(vmc_div_up(vm_page_max(vm), 64) * 64, CHUNK_PAGES);

    return chunks < CHUNKS_MAX ? chunks : CHUNKS_MAX;
}

/* The range of the pages of this call, and the first window. */
static void begin_windows(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    struct bitmap *bitmap = vm->bitmap;
    uint32_t low = UINT32_MAX, high = 0;

    for (uint32_t i = 0; i < vm->fresh.run_count; i++) {
        struct vmc_page_run run = vm->fresh.runs[i];
        uint32_t first = vmc_page_run_low(run), last = first + run.count - 1;

        low = first < low ? first : low;
        high = last > high ? last : high;
    }
    bitmap->chunk_count = chunks_for(vm);
    bitmap->window_pages = bitmap->chunk_count * CHUNK_PAGES;
    bitmap->min = low / 64 * 64;
    /* D3: the round-up leaves out a last page that is a multiple of 64. */
    bitmap->max =
        has_defect(bitmap, 3) ? (high + 63) / 64 * 64 : (high / 64 + 1) * 64;
    bitmap->window = bitmap->min;
    bitmap->told_until = bitmap->min;
    if (vm->fresh.page_count == 0) {
        bitmap->max = bitmap->min;
    }
    worker->flow.run(&worker->flow, STEP_WINDOW);
}

static void set_bits(uint64_t *words, uint32_t from, uint32_t count)
{
    while (count > 0) {
        uint32_t bit = from % 64, here = 64 - bit;

        here = here < count ? here : count;
        words[from / 64] |=
            (here == 64 ? ~UINT64_C(0) : (UINT64_C(1) << here) - 1) << bit;
        from += here;
        count -= here;
    }
}

/* Set the bits of @list's pages in the window; returns how many. */
static uint32_t set_list(struct vm *vm, const struct vmc_pagelist *list)
{
    struct bitmap *bitmap = vm->bitmap;
    uint64_t window_end = (uint64_t)bitmap->window + bitmap->window_pages;
    uint32_t total = 0;

    for (uint32_t i = 0; i < list->run_count; i++) {
        uint64_t low = vmc_page_run_low(list->runs[i]);
        uint64_t end = low + list->runs[i].count;

        low = low > bitmap->window ? low : bitmap->window;
        end = end < window_end ? end : window_end;
        if (low >= end) {
            continue;
        }
        end -= bitmap->window;
        low -= bitmap->window;
        /* D2: the chunks beyond the first are gone since the last send. */
        if (end > (uint64_t)bitmap->chunk_count * CHUNK_PAGES) {
            vm->crash = "D2: a bit was set in a chunk that is gone";
            end = (uint64_t)bitmap->chunk_count * CHUNK_PAGES;
            if (low >= end) {
                continue;
            }
        }
        set_bits(bitmap->bits, (uint32_t)low, (uint32_t)(end - low));
        total += (uint32_t)(end - low);
        if (end > bitmap->scan_end) {
            bitmap->scan_end = (uint32_t)end;
        }
    }
    return total;
}

static void window(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    const struct vmc_guest_costs *guest = &vm->costs->guest;
    struct bitmap *bitmap = vm->bitmap;
    /* D4: the whole balloon is told again, not what is new. */
    bool is_all = has_defect(bitmap, 4) && !bitmap->is_leak;
    const struct vmc_pagelist *list = is_all ? &vm->balloon : &vm->fresh;
    bool walks = bitmap->format != FORMAT_SG;
    uint64_t ticks;

    if (bitmap->window >= bitmap->max || vm->crash != NULL) {
        worker->flow.run(&worker->flow, STEP_FINISH);
        return;
    }
    memset(bitmap->bits, 0,
           (size_t)bitmap->chunk_count * CHUNK_WORDS * sizeof(uint64_t));
    bitmap->scan = bitmap->scan_end = 0;
    ticks = set_list(vm, list) * guest->set_bit;
    if (walks) {
        ticks += list->page_count * guest->list_walk +
                 bitmap->chunk_count * guest->clear_chunk;
    }
    worker_work(worker, VMC_STAGE_ENCODE, ticks, STEP_SCAN);
}

/* ---- Scanning ------------------------------------------------------------*/

/* The next bit from @at on that is @is_set, or @end. */
static uint32_t next_bit(const uint64_t *words, uint32_t at, uint32_t end,
                         bool is_set)
{
    while (at < end) {
        uint64_t word = is_set ? words[at / 64] : ~words[at / 64];

        word >>= at % 64;
        if (word != 0) {
            at += vmc_bits_low(word);
            return at < end ? at : end;
        }
        at = (at / 64 + 1) * 64;
    }
    return end;
}

static bool is_full(const struct vm *vm)
{
    return vm->bitmap->format == FORMAT_SG
               ? vm->bitmap->runs == VMC_VQ_CHAIN_MAX
               : vm->payload.word_count > RESPONSE_WORDS - WORDS_RESERVE;
}

static uint32_t put_run(struct vm *vm, uint32_t from, uint32_t end)
{
    struct bitmap *bitmap = vm->bitmap;
    struct vmc_wire_faults faults = {0};
    uint64_t *words = &vm->payload.words[vm->payload.word_count];
    uint64_t pfn = (uint64_t)bitmap->window + from;
    uint32_t next = end;

    switch (bitmap->format) {
    case FORMAT_V4:
        /* A run never goes over the end of a chunk. */
        end = end < (from / CHUNK_PAGES + 1) * CHUNK_PAGES
                  ? end
                  : (from / CHUNK_PAGES + 1) * CHUNK_PAGES;
        vm->payload.word_count += vmc_wire_put_run(
            words, bitmap->bits, bitmap->window, from, end, &next, &faults);
        break;
    case FORMAT_CHUNK:
        words[0] = pfn << 12;
        words[1] = (uint64_t)(end - from) << 12;
        vm->payload.word_count += 2;
        break;
    case FORMAT_SG:
        if (end - from > SG_PAGES_MAX) {
            next = end = from + SG_PAGES_MAX;
        }
        bitmap->buffers[bitmap->runs] =
            (struct vmc_vq_buffer){.address = BUFFER_RAM + (pfn << 12),
                                   .size_bytes = (end - from) << 12,
                                   .is_writable = true};
        vm->payload.word_count += 2;
        break;
    }
    bitmap->runs++;
    return next;
}

static void scan(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    struct bitmap *bitmap = vm->bitmap;

    while (vm->crash == NULL) {
        uint32_t from =
            next_bit(bitmap->bits, bitmap->scan, bitmap->scan_end, true);

        bitmap->scan = from;
        if (from == bitmap->scan_end) {
            break;
        }
        if (from >= bitmap->chunk_count * CHUNK_PAGES) {
            vm->crash = "D1: the chunk being scanned was freed by a send";
            break;
        }
        if (vm->payload.word_count > RESPONSE_WORDS - VMC_WIRE_RUN_WORDS_MAX) {
            vm->crash = "D8: records were written past the buffer";
            break;
        }
        if (is_full(vm)) {
            break;
        }
        bitmap->scan = put_run(
            vm, from, next_bit(bitmap->bits, from, bitmap->scan_end, false));
    }
    worker_work(worker, VMC_STAGE_ENCODE,
                vm->payload.word_count * vm->costs->guest.word, STEP_SEND);
}

static void end_window(struct vm_worker *worker)
{
    struct bitmap *bitmap = worker->vm->bitmap;

    bitmap->window += bitmap->window_pages;
    if (!has_defect(bitmap, 2)) {
        bitmap->chunk_count = chunks_for(worker->vm);
    }
    worker->flow.run(&worker->flow, STEP_WINDOW);
}

static void send(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    struct bitmap *bitmap = vm->bitmap;
    enum vm_queue queue = bitmap->is_leak ? QUEUE_DEFLATE : QUEUE_INFLATE;
    uint32_t size_bytes = vm->payload.word_count * 8;
    struct vmc_vq_buffer words[] = {
        {.address = BUFFER_HEADER, .size_bytes = 8},
        {.address = BUFFER_RESPONSE, .size_bytes = size_bytes},
    };

    if (bitmap->runs == 0 && vm->payload.word_count == 0) {
        end_window(worker);
        return;
    }
    vm->payload.header = (uint64_t)size_bytes << 32;
    if (bitmap->format == FORMAT_SG) {
        worker_tell(worker, queue, bitmap->buffers, bitmap->runs, STEP_TOLD);
    } else if (bitmap->format == FORMAT_CHUNK) {
        worker_tell(worker, queue, &words[1], 1, STEP_TOLD);
    } else {
        worker_tell(worker, queue, words, 2, STEP_TOLD);
    }
}

/* ---- The end -------------------------------------------------------------*/

/* D7 without the defect: what the host was not told of goes back to where it
 * came from. Pages below told_until were told. */
static void take_back(struct vm *vm)
{
    struct bitmap *bitmap = vm->bitmap;
    uint64_t left = vm->fresh.page_count;

    if (bitmap->is_leak) {
        struct vmc_pagelist *list = &vm->fresh;
        uint32_t kept = 0;

        for (uint64_t i = 0; i < left; i++) {
            struct vmc_page_run run = vmc_pagelist_pop(list, 1);

            if (run.first < bitmap->told_until) {
                kept++;
                vm_give(vm, run.first, 1);
            } else {
                vm_mark(vm, run.first, 1, VMC_PAGE_BALLOON);
                vmc_pagelist_push(&vm->balloon, run);
                vm->held_units++;
            }
        }
        (void)kept;
        return;
    }
    vmc_pagelist_clear(&vm->fresh);
    for (uint64_t i = 0; i < left; i++) {
        struct vmc_page_run run = vmc_pagelist_pop(&vm->balloon, 1);

        if (run.first < bitmap->told_until) {
            vmc_pagelist_push(&vm->fresh, run);
        } else {
            vm_give(vm, run.first, 1);
            vm->held_units--;
        }
    }
    while (vm->fresh.page_count > 0) {
        vmc_pagelist_push(&vm->balloon,
                          vmc_pagelist_pop(&vm->fresh, UINT32_MAX));
    }
}

static void told(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    struct bitmap *bitmap = vm->bitmap;

    if (worker->tell.status != VMC_OK && !has_defect(bitmap, 7)) {
        vm->payload.word_count = bitmap->runs = 0;
        take_back(vm);
        bitmap->window = bitmap->max;
        worker->flow.run(&worker->flow, STEP_WINDOW);
        return;
    }
    if (worker->tell.status == VMC_OK) {
        vm->payload.word_count = bitmap->runs = 0;
        bitmap->told_until = bitmap->window + bitmap->scan;
        /* D1, D2: send gives up all chunks but the first. */
        if (bitmap->scan < bitmap->scan_end ? has_defect(bitmap, 1)
                                            : has_defect(bitmap, 2)) {
            bitmap->chunk_count = 1;
        }
    }
    if (bitmap->scan < bitmap->scan_end) {
        worker->flow.run(&worker->flow, STEP_SCAN);
    } else {
        end_window(worker);
    }
}

static void finish(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;

    if (vm->bitmap->is_leak) {
        worker_work(worker, VMC_STAGE_ALLOC,
                    vm_guest_pages(vm, vm->fresh.page_count) *
                        vm->costs->guest.free,
                    STEP_RELEASED);
        return;
    }
    vmc_pagelist_clear(&vm->fresh);
    worker_unlock(worker, ROLE_BALLOON);
    if (vm->is_out_of_memory && !has_defect(vm->bitmap, 16)) {
        vmc_flow_sleep(&worker->flow, VMC_STAGE_SLEEP,
                       vm->costs->guest.retry_sleep, STEP_SLEPT);
    } else {
        size_moved(worker);
    }
}

static void step(struct vm_worker *worker, uint32_t step)
{
    struct vm *vm = worker->vm;

    switch (step) {
    case STEP_TAKE:
        worker->vm->bitmap->is_leak = false;
        take(worker);
        return;
    case STEP_TAKEN:
        if (vm->is_out_of_memory && has_defect(vm->bitmap, 16)) {
            vm->is_out_of_memory = false;
            vmc_flow_sleep(&worker->flow, VMC_STAGE_SLEEP,
                           vm->costs->guest.retry_sleep, STEP_QUEUE);
            return;
        }
        worker->flow.run(&worker->flow, STEP_QUEUE);
        return;
    case STEP_QUEUE:
        queue(vm);
        begin_windows(worker);
        return;
    case STEP_WINDOW:
        window(worker);
        return;
    case STEP_SCAN:
        scan(worker);
        return;
    case STEP_SEND:
        send(worker);
        return;
    case STEP_TOLD:
        told(worker);
        return;
    case STEP_FINISH:
        finish(worker);
        return;
    case STEP_SLEPT:
        size_moved(worker);
        return;
    case STEP_DEQUEUE:
        worker->vm->bitmap->is_leak = true;
        dequeue(worker);
        begin_windows(worker);
        return;
    default:
        assert(step == STEP_RELEASED);
        release(vm);
        worker_unlock(worker, ROLE_BALLOON);
        size_moved(worker);
    }
}

const struct vm_driver driver_bitmap = {
    .unit_pages = 1, .fill = fill, .leak = leak, .step = step};
