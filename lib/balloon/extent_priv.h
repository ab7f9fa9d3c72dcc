/* SPDX-License-Identifier: MIT */
/*
 * extent_priv.h - the host's side of messages that name ranges.
 */
#ifndef VMC_BALLOON_EXTENT_PRIV_H
#define VMC_BALLOON_EXTENT_PRIV_H

#include "balloon/vm_priv.h"

/** Serve the next entry of the message, whatever its format. False when there
 * is none, or when the message was refused. */
bool serve_extent(struct vm_worker *worker);

/** The next range of a message of words, from *@at on. False at the end, and
 * where it does not follow its format. */
bool next_listed(const struct vm *vm, uint32_t *at,
                 struct vmc_wire_range *range);

#endif
