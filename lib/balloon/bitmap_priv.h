/* SPDX-License-Identifier: MIT */
/*
 * bitmap_priv.h - a driver that collects pages in a bitmap: its state, and the
 * parts it is made of. driver_bitmap.c has the steps; bitmap_encode.c turns
 * pages into bits and bits into records; bitmap_probe.c is its beginning and
 * its end.
 */
#ifndef VMC_BALLOON_BITMAP_PRIV_H
#define VMC_BALLOON_BITMAP_PRIV_H

#include "balloon/vm_priv.h"
#include "balloon/wire.h"

enum {
    CHUNKS_MAX = 32,
    CHUNK_PAGES = 262144, /* 32 KiB of bits: 1 GiB */
    CHUNK_WORDS = CHUNK_PAGES / 64,
    CHUNK_BYTES = CHUNK_PAGES / 8,
};

/* How a run is written. */
enum bitmap_format { FORMAT_V4, FORMAT_V6, FORMAT_CHUNK, FORMAT_SG };

/* What a pointer of the driver is worth. */
enum bitmap_pointer { POINTER_NULL, POINTER_LIVE, POINTER_WILD };

struct bitmap {
    uint64_t bits[CHUNKS_MAX * CHUNK_WORDS];
    uint32_t chunk_count;
    enum bitmap_format format;
    uint64_t defects;
    struct vmc_wire_faults faults; /* of the writer, by defects and guest */

    /* Of the operation under way, under the driver's lock. */
    bool is_leak, is_oom;
    bool has_failed;      /* a message could not be sent */
    bool can_overrun;     /* D8: the buffer is full, and one more is put */
    uint32_t resets_seen; /* when pages were taken */
    uint32_t isolations_seen;
    uint32_t min, max; /* pages; max is one past the last */
    uint32_t window;   /* where the bitmap begins */
    uint32_t window_pages;
    uint32_t scan, scan_end; /* bits of the window */
    uint32_t told_until;     /* pages below it the host knows */
    uint32_t runs;           /* of the message */
    struct vmc_vq_buffer buffers[VMC_VQ_CHAIN_MAX];

    uint32_t resets;   /* D13: how often anybody has begun a range */
    uint32_t inserted; /* pages, all told */
    uint16_t last_id;  /* of a message */
    bool is_degraded;  /* fewer chunks than the guest needs */

    /* What the probe has allocated. */
    enum bitmap_pointer header, chunk, data;
    uint64_t allocated_bytes, live_bytes;
    uint32_t wild_frees;
};

static inline bool has_defect(const struct bitmap *bitmap, uint32_t number)
{
    return (bitmap->defects >> number & 1) != 0;
}

/* The pages of the call under way: taken, or on their way back. */
static inline struct vmc_pagelist *bitmap_pages(struct vm *vm)
{
    return vm->bitmap->is_leak ? &vm->leaving : &vm->fresh;
}

/* ---- bitmap_encode.c -----------------------------------------------------*/

/* The range of the pages of this call, and its first window. */
void bitmap_begin(struct vm *vm);

/* Set the bits of this window. Returns what that takes. */
uint64_t bitmap_fill_window(struct vm *vm);

/* Write records until the message is full or the window is scanned. */
void bitmap_scan(struct vm *vm);

/* The buffers of the message; returns how many. */
uint32_t bitmap_message(struct vm *vm, struct vmc_vq_buffer **buffers);

/* The next window; the loop goes by the size of the first. */
void bitmap_end_window(struct vm *vm);

/* Forget the records. */
static inline void bitmap_clear_message(struct vm *vm)
{
    vm->payload.word_count = vm->bitmap->runs = 0;
}

/* ---- bitmap_probe.c ------------------------------------------------------*/

/* Choose defects and driver by the mechanism, and allocate. */
void bitmap_probe(struct vm *vm);

/* The driver goes; what it leaves behind is in vm->bitmap. */
void bitmap_remove(struct vm *vm);

#endif
