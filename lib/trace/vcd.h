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
 * Clocks would drown the rest, some 10^9 lines a second: one is written only
 * when a pattern names it without a wildcard for its first character, as the
 * shell keeps * away from names that begin with a dot.
 *
 * Units    Ticks of 1 ps, which is the time scale of the file.
 * Threads  One writer, one thread.
 */
#ifndef VMC_TRACE_VCD_H
#define VMC_TRACE_VCD_H

#include <stdio.h>

#include "base/archive.h"
#include "base/base.h"

enum {
    VMC_VCD_SIGNALS_MAX = 65536,
    VMC_VCD_CLOCKS_MAX = 8,
    VMC_VCD_PATTERNS_MAX = 64,
    VMC_VCD_NAME_BYTES_MAX = 128,
    VMC_VCD_WIDTH_BITS_MAX = 64,
};

/** What vmc_vcd_add() returns for a signal that is not selected. */
#define VMC_VCD_NOT_SELECTED UINT32_MAX

/** The most edges that clocks may have in a window: a file of about 1 GB. */
#define VMC_VCD_EDGES_MAX UINT64_C(100000000)

struct vmc_vcd;

/** What of a run goes into the file. */
struct vmc_vcd_config {
    /** fnmatch(3) patterns over dotted names, with commas between them; NULL:
     * everything but clocks. */
    const char *patterns;
    uint64_t from_tick;   /**< changes before it set the initial values */
    uint64_t until_tick;  /**< changes after it are dropped; UINT64_MAX: none */
    uint32_t signals_max; /**< 1 to VMC_VCD_SIGNALS_MAX */
};

/**
 * Start a waveform that goes to @file.
 * Owner    *@out is the caller's, for vmc_vcd_free(); NULL on failure. @file
 *          is borrowed until then. The patterns are copied.
 * Fails    VMC_E_NOMEM; VMC_E_RANGE for more than VMC_VCD_SIGNALS_MAX signals;
 *          VMC_E_USAGE for a window that ends before it begins, an empty
 *          pattern or too many. The last has a line in @error.
 */
enum vmc_status vmc_vcd_new(struct vmc_vcd **out, FILE *file,
                            const struct vmc_vcd_config *config,
                            struct vmc_error *error);

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
 * Add a clock that rises at the multiples of @period_ticks and falls half way.
 * Its edges are written by themselves, between the changes of others.
 * Asserts  as vmc_vcd_add(); no more than VMC_VCD_CLOCKS_MAX clocks; a period
 *          of at least 1.
 */
void vmc_vcd_add_clock(struct vmc_vcd *vcd, const char *name,
                       uint64_t period_ticks);

/**
 * Have a remark in the head of the file, as what the values of a signal mean.
 * Too long a head is cut.
 */
void vmc_vcd_remark(struct vmc_vcd *vcd, const char *text);

/**
 * All signals are added: see whether what was asked for exists.
 * Fails    VMC_E_USAGE with a line in @error: a pattern matches nothing, and
 *          what names there are; a clock without an end of the window, or with
 *          more than VMC_VCD_EDGES_MAX edges in it; one with a period of 1
 *          tick, which has no half.
 */
enum vmc_status vmc_vcd_check(const struct vmc_vcd *vcd,
                              struct vmc_error *error);

/** @signal begins with @value, whatever the time is. Asserts as vmc_vcd_add().
 */
void vmc_vcd_set(struct vmc_vcd *vcd, uint32_t signal, uint64_t value);

/**
 * @signal has @value from @tick on.
 * Asserts  @tick is not before that of the last change.
 * Cost     About 30 ns; nothing is allocated.
 */
void vmc_vcd_change(struct vmc_vcd *vcd, uint64_t tick, uint32_t signal,
                    uint64_t value);

/**
 * Write the last time stamp. A file without it is still readable.
 * Fails    VMC_E_IO when anything could not be written.
 */
enum vmc_status vmc_vcd_end(struct vmc_vcd *vcd, uint64_t tick);

/** Changes written so far, edges of clocks among them. */
uint64_t vmc_vcd_change_count(const struct vmc_vcd *vcd);

/**
 * Save or load all that a run changes: time, counts, the value of each selected
 * signal, and how long the file is; a save first brings the file up to date.
 * To go on in another process, open the file, cut it to
 * vmc_vcd_file_bytes(), with the same configuration and the same signals added.
 * Fails    by way of @archive: VMC_E_IO, VMC_E_FORMAT for other signals.
 */
void vmc_vcd_archive(struct vmc_vcd *vcd, struct vmc_archive *archive);

/** How many bytes have been written, without what is still in the buffer. */
uint64_t vmc_vcd_file_bytes(const struct vmc_vcd *vcd);

#endif
