/* SPDX-License-Identifier: MIT */
/**
 * srcu.h - sections of readers, and how long a writer waits for them.
 *
 * A reader is inside a section from enter to leave. A writer that has changed
 * something takes a ticket; the ticket is over when every section that had
 * begun before it was taken has ended. Sections that begin later never hold it
 * up. Kernels promise no more than that; they often wait longer.
 *
 * Everything is plain data, so a machine is saved by copying it.
 *
 * Units    Tickets and epochs count grace periods from 1; 0 is over already.
 * Threads  One thread.
 */
#ifndef VMC_IOREGION_SRCU_H
#define VMC_IOREGION_SRCU_H

#include <stdbool.h>
#include <stdint.h>

enum { VMC_SRCU_READERS_MAX = 256 };

/** One domain. All zero is a domain without readers. */
struct vmc_srcu {
    uint64_t epoch; /**< the last ticket that was given out */
    /** Of each reader: the epoch at which it entered, plus 1; 0 outside. */
    uint64_t entered[VMC_SRCU_READERS_MAX];
    uint64_t used[VMC_SRCU_READERS_MAX / 64]; /**< a bit a reader */
    uint32_t reader_count;
};

/**
 * Begin a section.
 * Returns  the number to leave with.
 * Asserts  fewer than VMC_SRCU_READERS_MAX are inside.
 */
uint32_t vmc_srcu_enter(struct vmc_srcu *srcu);

/** End the section that was begun as @reader. Asserts that it was. */
void vmc_srcu_leave(struct vmc_srcu *srcu, uint32_t reader);

/** Take a ticket for the readers that are inside now. */
uint64_t vmc_srcu_start(struct vmc_srcu *srcu);

/**
 * True when all sections that began before @ticket was taken have ended.
 * Cost     the readers that are inside.
 */
bool vmc_srcu_is_over(const struct vmc_srcu *srcu, uint64_t ticket);

#endif
