/* SPDX-License-Identifier: MIT */
/**
 * texts.h - strings of a trace, each kept once and named by a number.
 *
 * Numbers count from 1 in the order of first appearance; 0 is the empty text.
 * The store has a limit, so that a hostile trace cannot eat the memory; beyond
 * it every new text becomes the same one, "(too many texts)".
 */
#ifndef VMC_TRACE_TEXTS_H
#define VMC_TRACE_TEXTS_H

#include "base/base.h"

enum {
    VMC_TEXTS_MAX = 1 << 16,
    VMC_TEXT_BYTES_MAX = 255,
    VMC_TEXTS_BYTES_MAX = 1 << 22
};

struct vmc_texts;

/** An empty store, or NULL when memory is short. */
struct vmc_texts *vmc_texts_new(void);

/** NULL is allowed. */
void vmc_texts_free(struct vmc_texts *texts);

/** The number of the @size_bytes at @text, cut to VMC_TEXT_BYTES_MAX. O(1). */
uint32_t vmc_texts_number(struct vmc_texts *texts, const char *text,
                          size_t size_bytes);

/** The text with @number; "" for one that was never given out. */
const char *vmc_texts_get(const struct vmc_texts *texts, uint64_t number);

/** How many there are; the last has this number. */
uint32_t vmc_texts_count(const struct vmc_texts *texts);

#endif
