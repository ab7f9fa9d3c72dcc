/* SPDX-License-Identifier: MIT */
/**
 * vcd.h - waveforms for GTKWave, Surfer and the like: value change dump.
 *
 * The format is that of IEEE 1364-2005, section 18, its four-state form.
 * Signals are added first, with dotted names that become scopes; then changes
 * are written as time goes on. A change to the value that a signal has already
 * is dropped.
 *
 * Selection: only signals that match a glob pattern are written, and only the
 * time from one tick to another; everything else costs a test and a branch.
 *
 * Units    Ticks of 1 ps, which is the time scale of the file.
 * Threads  One writer, one thread.
 */
#ifndef VMC_TRACE_VCD_H
#define VMC_TRACE_VCD_H

#include <stdio.h>

#include "base/base.h"

enum { VMC_VCD_SIGNALS_MAX = 65536, VMC_VCD_NAME_BYTES_MAX = 128 };

/** What vmc_vcd_add() returns for a signal that is not selected. */
#define VMC_VCD_NOT_SELECTED UINT32_MAX

struct vmc_vcd;

struct vmc_vcd_config {
    const char *pattern; /**< fnmatch(3) over the dotted name; NULL: all */
    uint64_t from_tick;  /**< changes before it set the initial values */
    uint64_t until_tick; /**< changes after it are dropped */
    uint32_t signals_max;
};

/**
 * Start a waveform that goes to @file.
 * Owner    *@out is the caller's, for vmc_vcd_free(); NULL on failure. @file
 *          is borrowed until then. The pattern is copied.
 * Fails    VMC_E_NOMEM; VMC_E_RANGE for more than VMC_VCD_SIGNALS_MAX signals.
 */
enum vmc_status vmc_vcd_new(struct vmc_vcd **out, FILE *file,
                            const struct vmc_vcd_config *config);

/** Free @vcd. What was written is not closed by it. NULL is allowed. */
void vmc_vcd_free(struct vmc_vcd *vcd);

/**
 * Add a signal of @width_bits, 1 to 64; it is x until its first change. All
 * signals of a scope have to be added one after the other.
 * Returns  its number, or VMC_VCD_NOT_SELECTED, which is a good number for
 *          vmc_vcd_change() too.
 * Asserts  no change has been written, the name is short, there is room.
 */
uint32_t vmc_vcd_add(struct vmc_vcd *vcd, const char *name,
                     uint32_t width_bits);

/**
 * @signal has @value from @tick on.
 * Asserts  @tick is not before that of the last change.
 */
void vmc_vcd_change(struct vmc_vcd *vcd, uint64_t tick, uint32_t signal,
                    uint64_t value);

/**
 * Write the last time stamp. A file without it is still readable.
 * Fails    VMC_E_IO when anything could not be written.
 */
enum vmc_status vmc_vcd_end(struct vmc_vcd *vcd, uint64_t tick);

/** Changes written so far. */
uint64_t vmc_vcd_change_count(const struct vmc_vcd *vcd);

#endif
