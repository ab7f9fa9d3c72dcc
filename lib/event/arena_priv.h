/* SPDX-License-Identifier: MIT */
/**
 * arena_priv.h - memory for large arrays that are read at random.
 *
 * Private to lib/event/. A large array lies on huge pages where the host has
 * them, or each access to it would miss the translation buffer first.
 */
#ifndef VMC_EVENT_ARENA_PRIV_H
#define VMC_EVENT_ARENA_PRIV_H

#include <stddef.h>

/**
 * @count elements of @element_bytes, all zero, on a boundary of 256 bytes.
 * Pages of a small one are the host's to give when they are first written.
 * Owner    The caller, for vmc_arena_free(). NULL when memory is short.
 */
void *vmc_arena_new(size_t count, size_t element_bytes);

/** Free @arena; NULL is allowed. */
void vmc_arena_free(void *arena);

#endif
