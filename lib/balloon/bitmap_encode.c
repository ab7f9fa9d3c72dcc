/* SPDX-License-Identifier: MIT */
/*
 * From pages to bits, and from bits to records (spec 4.3, B3 to B6). The
 * bitmap covers a window of the guest's memory, as many chunks of 1 GiB as
 * could be had; the whole range takes one window after the other.
 */
#include "balloon/bitmap_priv.h"

#include <string.h>

enum {
    WORDS_RESERVE = 64,
    SG_PAGES_MAX = 0xfffff,
    V4_ID_SHIFT = 16,
    BITMAP_LENGTH_SHIFT = 58,
};

/* ---- Windows -------------------------------------------------------------*/

static uint32_t chunks_needed(const struct vm *vm)
{
    /* D12: the highest page is asked for in pages of the guest. */
    uint64_t pages = has_defect(vm->bitmap, 12) ? vmc_memmap_page_max(vm->map)
                                                : vm_page_max(vm);
    uint32_t chunks =
        (uint32_t)vmc_div_up(vmc_div_up(pages, 64) * 64, CHUNK_PAGES);

    return chunks < CHUNKS_MAX ? chunks : CHUNKS_MAX;
}

static uint32_t chunks_for(const struct vm *vm)
{
    uint32_t needed = chunks_needed(vm), most = vm->config.faults.chunk_max;

    return most != 0 && most < needed ? most : needed;
}

void bitmap_begin(struct vm *vm)
{
    struct bitmap *bitmap = vm->bitmap;
    const struct vmc_pagelist *pages = bitmap_pages(vm);
    uint32_t low = UINT32_MAX, high = 0;

    for (uint32_t i = 0; i < pages->run_count; i++) {
        struct vmc_page_run run = pages->runs[i];
        uint32_t first = vmc_page_run_low(run), last = first + run.count - 1;

        low = first < low ? first : low;
        high = last > high ? last : high;
    }
    bitmap->chunk_count = chunks_for(vm);
    /* D24: nobody hears of it when chunks are missing. */
    bitmap->is_degraded |=
        bitmap->chunk_count < chunks_needed(vm) && !has_defect(bitmap, 24);
    bitmap->window_pages = bitmap->chunk_count * CHUNK_PAGES;
    bitmap->min = low / 64 * 64;
    /* D3: the round-up leaves out a last page that is a multiple of 64. */
    bitmap->max =
        has_defect(bitmap, 3) ? (high + 63) / 64 * 64 : (high / 64 + 1) * 64;
    /* D13: whoever else has begun a range meanwhile has emptied this one. */
    if (pages->page_count == 0 || (has_defect(bitmap, 13) && !bitmap->is_leak &&
                                   bitmap->resets != bitmap->resets_seen)) {
        bitmap->max = bitmap->min;
    }
    bitmap->window = bitmap->min;
    bitmap->told_until = bitmap->min;
    bitmap->has_failed = bitmap->can_overrun = false;
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

/* The bits of [@from, @from + @count) of the window. */
static void set_run(struct vm *vm, uint32_t from, uint32_t count)
{
    uint32_t step = UINT32_C(1) << vm->bitmap->faults.extra_shift;

    if (step == 1) {
        set_bits(vm->bitmap->bits, from, count);
        return;
    }
    /* D12: one bit a guest page, at the number of its first balloon page. */
    for (uint32_t at = from; at < from + count; at += step) {
        set_bits(vm->bitmap->bits, at, 1);
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
        set_run(vm, (uint32_t)low, (uint32_t)(end - low));
        total += (uint32_t)(end - low);
        if (end > bitmap->scan_end) {
            bitmap->scan_end = (uint32_t)end;
        }
    }
    return total;
}

uint64_t bitmap_fill_window(struct vm *vm)
{
    const struct vmc_guest_costs *guest = &vm->costs->guest;
    struct bitmap *bitmap = vm->bitmap;
    /* D4: the whole balloon is told again, not what is new. */
    bool is_all = has_defect(bitmap, 4) && !bitmap->is_leak;
    const struct vmc_pagelist *list = is_all ? &vm->balloon : bitmap_pages(vm);
    uint64_t ticks, visited;
    uint32_t bits;

    memset(bitmap->bits, 0,
           (size_t)bitmap->chunk_count * CHUNK_WORDS * sizeof(uint64_t));
    bitmap->scan = bitmap->scan_end = 0;
    bits = set_list(vm, list);
    ticks = bits * guest->set_bit;
    if (bitmap->format == FORMAT_SG) {
        return ticks;
    }
    /* D5: each window walks the whole list, not its own part of it. */
    visited = has_defect(bitmap, 5) ? list->page_count : bits;
    ticks += visited * guest->list_walk;
    /* D26: whole chunks are cleared, however few of their words are used. */
    ticks += has_defect(bitmap, 26)
                 ? bitmap->chunk_count * guest->clear_chunk
                 : guest->clear_chunk * vmc_div_up(bitmap->scan_end, 64) /
                       CHUNK_WORDS;
    return ticks;
}

void bitmap_end_window(struct vm *vm)
{
    struct bitmap *bitmap = vm->bitmap;

    bitmap->window += bitmap->window_pages;
    if (!has_defect(bitmap, 2)) {
        bitmap->chunk_count = chunks_for(vm);
    }
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

/* True when [@from, @end) is all that its word holds, and one aligned block:
 * a header alone then says it in half the space. */
static bool is_lone_block(const struct bitmap *bitmap, uint32_t from,
                          uint32_t end)
{
    uint32_t count = end - from, bit = from % 64;
    uint64_t mask;

    if (count >= 64 || (count & (count - 1)) != 0 || from % count != 0) {
        return false;
    }
    mask = ((UINT64_C(1) << count) - 1) << bit;
    return bitmap->bits[from / 64] == mask;
}

static uint32_t put_v4(struct vm *vm, uint64_t *words, uint32_t from,
                       uint32_t end)
{
    struct bitmap *bitmap = vm->bitmap;
    uint32_t next;

    /* D25: a lone page takes a header and a word of bits. */
    if (!has_defect(bitmap, 25) && is_lone_block(bitmap, from, end)) {
        words[0] = vmc_wire_header((uint64_t)bitmap->window + from,
                                   PAGE_SHIFT + vmc_bits_top(end - from), 0);
        vm->payload.word_count++;
        return end;
    }
    /* A run never goes over the end of a chunk. */
    if (end > (from / CHUNK_PAGES + 1) * CHUNK_PAGES) {
        end = (from / CHUNK_PAGES + 1) * CHUNK_PAGES;
    }
    vm->payload.word_count += vmc_wire_put_run(
        words, bitmap->bits, bitmap->window, from, end, &next, &bitmap->faults);
    return next;
}

static uint32_t put_run(struct vm *vm, uint32_t from, uint32_t end)
{
    struct bitmap *bitmap = vm->bitmap;
    uint64_t *words = &vm->payload.words[vm->payload.word_count];
    uint64_t pfn = (uint64_t)bitmap->window + from;
    uint32_t count;

    bitmap->runs++;
    switch (bitmap->format) {
    case FORMAT_V4:
        return put_v4(vm, words, from, end);
    case FORMAT_V6:
    case FORMAT_CHUNK:
        count = bitmap->format == FORMAT_V6
                    ? vmc_wire_put_v6_faulty(
                          words, (struct vmc_wire_range){pfn, end - from},
                          &bitmap->faults)
                    : vmc_wire_put_chunk_faulty(
                          words, (struct vmc_wire_range){pfn, end - from},
                          &bitmap->faults);
        /* S2: the place of the next record is always the first. */
        if (!has_defect(bitmap, VMC_DEFECT_S(2))) {
            vm->payload.word_count += count;
        }
        return end;
    default:
        if (end - from > SG_PAGES_MAX) {
            end = from + SG_PAGES_MAX;
        }
        /* Out of memory there is no bitmap: each page is its own buffer. */
        if (bitmap->is_oom) {
            end = from + (UINT32_C(1) << vm->page_order);
        }
        bitmap->buffers[bitmap->runs - 1] =
            (struct vmc_vq_buffer){.address = BUFFER_RAM + (pfn << PAGE_SHIFT),
                                   .size_bytes = (end - from) << PAGE_SHIFT,
                                   .is_writable = true};
        vm->payload.word_count += 2;
        return end;
    }
}

void bitmap_scan(struct vm *vm)
{
    struct bitmap *bitmap = vm->bitmap;

    while (vm->crash == NULL) {
        uint32_t from =
            next_bit(bitmap->bits, bitmap->scan, bitmap->scan_end, true);

        bitmap->scan = from;
        if (from == bitmap->scan_end) {
            return;
        }
        if (from >= bitmap->chunk_count * CHUNK_PAGES) {
            vm->crash = "D1: the chunk being scanned was freed by a send";
            return;
        }
        if (vm->payload.word_count > RESPONSE_WORDS - VMC_WIRE_RUN_WORDS_MAX) {
            vm->crash = "D8: records were written past the buffer";
            return;
        }
        if (is_full(vm) && !bitmap->can_overrun) {
            return;
        }
        bitmap->can_overrun = false;
        bitmap->scan = put_run(
            vm, from, next_bit(bitmap->bits, from, bitmap->scan_end, false));
    }
}

/* ---- Messages ------------------------------------------------------------*/

static void store_half(struct vm *vm, uint32_t at, uint32_t half)
{
    uint64_t *word = &vm->payload.words[at / 2];
    uint32_t shift = at % 2 * 32;

    *word = (*word & ~(UINT64_C(0xffffffff) << shift)) | (uint64_t)half
                                                             << shift;
}

/* D11: a driver of 32 bits goes on by 4 bytes where it has written 8, so each
 * word is half hidden under the next, and says that 4 bytes of bitmap follow.
 * In place: what is written lies below what is still to be read. */
static void overlap_words(struct vm *vm)
{
    uint32_t count = vm->payload.word_count, bits = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint64_t word = vm->payload.words[i];

        if (bits > 0) {
            bits--;
        } else {
            bits = (uint32_t)(word >> BITMAP_LENGTH_SHIFT) / 8;
            if (bits > 0) {
                word = (word & ((UINT64_C(1) << BITMAP_LENGTH_SHIFT) - 1)) |
                       UINT64_C(4) << BITMAP_LENGTH_SHIFT;
            }
        }
        store_half(vm, i, (uint32_t)word);
        if (i + 1 == count) {
            store_half(vm, i + 1, (uint32_t)(word >> 32));
        }
    }
    vm->payload.word_count = (count + 1) / 2;
}

/* The header of a v4 message. */
static void put_header(struct vm *vm)
{
    struct bitmap *bitmap = vm->bitmap;
    uint32_t size_bytes = vm->payload.word_count * 8;

    vm->payload.header = vmc_wire_response(size_bytes);
    /* D10: in a big-endian guest the fields lie in the order of the CPU. */
    if (bitmap->faults.swaps_fields) {
        vm->payload.header = (uint64_t)__builtin_bswap32(size_bytes) << 32;
    }
    /* D27: all messages have the same id, none. */
    if (!has_defect(bitmap, 27)) {
        bitmap->last_id = (uint16_t)(bitmap->last_id % UINT16_MAX + 1);
        vm->payload.header |= (uint64_t)bitmap->last_id << V4_ID_SHIFT;
    }
}

uint32_t bitmap_message(struct vm *vm, struct vmc_vq_buffer **buffers)
{
    struct bitmap *bitmap = vm->bitmap;

    *buffers = bitmap->buffers;
    if (bitmap->format == FORMAT_SG) {
        return bitmap->runs;
    }
    if (bitmap->format == FORMAT_V4) {
        if (vm->config.faults.is_32bit && has_defect(bitmap, 11)) {
            overlap_words(vm);
        }
        put_header(vm);
    }
    bitmap->buffers[0] = (struct vmc_vq_buffer){
        .address = BUFFER_RESPONSE, .size_bytes = vm->payload.word_count * 8};
    if (bitmap->format != FORMAT_V4) {
        return 1;
    }
    bitmap->buffers[1] = bitmap->buffers[0];
    bitmap->buffers[0] =
        (struct vmc_vq_buffer){.address = BUFFER_HEADER, .size_bytes = 8};
    if (vm->config.faults.has_one_buffer) {
        bitmap->buffers[0].size_bytes += bitmap->buffers[1].size_bytes;
        return 1;
    }
    return 2;
}
