/* SPDX-License-Identifier: MIT */
/*
 * bitmap_priv.h - the state of a driver that collects pages in a bitmap.
 */
#ifndef VMC_BALLOON_BITMAP_PRIV_H
#define VMC_BALLOON_BITMAP_PRIV_H

#include "balloon/vm_priv.h"
#include "balloon/wire.h"

enum {
    CHUNKS_MAX = 32,
    CHUNK_PAGES = 262144, /* 32 KiB of bits: 1 GiB */
    CHUNK_WORDS = CHUNK_PAGES / 64,
};

/* How a run is written. */
enum bitmap_format { FORMAT_V4, FORMAT_CHUNK, FORMAT_SG };

struct bitmap {
    uint64_t bits[CHUNKS_MAX * CHUNK_WORDS];
    uint32_t chunk_count;
    enum bitmap_format format;
    uint64_t defects;

    /* Of the operation under way. */
    bool is_leak;
    uint32_t min, max; /* pages; max is one past the last */
    uint32_t window;   /* where the bitmap begins */
    uint32_t window_pages;
    uint32_t scan, scan_end; /* bits of the window */
    uint32_t told_until;     /* pages below it the host knows */
    uint32_t runs;           /* of the message */
    struct vmc_vq_buffer buffers[VMC_VQ_CHAIN_MAX];
};

#endif
