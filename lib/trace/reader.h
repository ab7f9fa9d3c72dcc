/* SPDX-License-Identifier: MIT */
/**
 * reader.h - recordings in: whichever format, one record after the other.
 *
 * The reader looks at the first bytes to tell what it has: native .vmct, QEMU
 * log or ftrace text, each plain or inside zstd, from a file or a pipe. It is
 * pulled, calls nobody, and its memory does not grow with the trace.
 *
 * A line that it does not know is counted by event name. A line that it knows
 * but cannot read is skipped and counted. Damage in a native file ends the
 * trace after the last whole block before it.
 */
#ifndef VMC_TRACE_READER_H
#define VMC_TRACE_READER_H

#include <stdint.h>

#include "base/base.h"
#include "trace/record.h"

struct vmc_reader;

/** What the reader has met so far; complete after VMC_END. */
struct vmc_reader_counts {
    uint64_t records;        /**< that were handed out */
    uint64_t lines;          /**< of the text they came from */
    uint64_t skipped_lines;  /**< of a known event, but not readable */
    uint64_t unknown_events; /**< lines of events that nobody lists */
    uint64_t time_clamped;   /**< stamps that ran back and were held */
    uint64_t first_bad_line; /**< the first skipped one; 0 when none */
    bool is_truncated;       /**< the trace ended in the middle or in damage */
    bool is_stopped;         /**< or rather vmc_reader_stop_when() ended it */
};

/**
 * Open the trace at @path; "-" is standard input. @meta_path names the .meta
 * to use; NULL means the one beside the trace, which may be missing.
 * Owner    *@out is the caller's, for vmc_reader_close(); NULL on failure.
 * Fails    VMC_E_IO, VMC_E_FORMAT, VMC_E_NOMEM, with a line in @error.
 */
enum vmc_status vmc_reader_open(struct vmc_reader **out, const char *path,
                                const char *meta_path, struct vmc_error *error);

/**
 * Open a trace that lies in memory: @size_bytes at @data, borrowed until
 * close. @name is for messages; there is no .meta.
 */
enum vmc_status vmc_reader_open_memory(struct vmc_reader **out,
                                       const void *data, size_t size_bytes,
                                       const char *name,
                                       struct vmc_error *error);

/** What the trace is: "vmct", "qemu-log" or "ftrace". */
const char *vmc_reader_format(const struct vmc_reader *reader);

/** Blocks read so far of a native trace; 0 for text. */
uint64_t vmc_reader_block_count(const struct vmc_reader *reader);

/** Close it and free everything. NULL is allowed. */
void vmc_reader_close(struct vmc_reader *reader);

/**
 * Read some records. *@records points at @count of them until the next call.
 * Returns  VMC_OK with *@count > 0, or VMC_END.
 * Fails    VMC_E_FORMAT, VMC_E_IO at damage, with a line in @error: all before
 *          it has been given out, and the next call returns VMC_END.
 */
enum vmc_status vmc_reader_next(struct vmc_reader *reader,
                                const struct vmc_record **records,
                                uint32_t *count, struct vmc_error *error);

/**
 * Ask @is_stopped before each batch; when it says so the trace ends there, as
 * one that was cut: the next call returns VMC_END, and no half line counts as
 * a record. NULL, at first: never.
 */
void vmc_reader_stop_when(struct vmc_reader *reader, bool (*is_stopped)(void));

/**
 * Read all that is left into memory, from where vmc_reader_next() then gives
 * it as it would have: for a process whose copies are to go on from there.
 * Counts, texts and unknown events are complete from now on.
 * Fails    VMC_E_RANGE when there are more than @records_max, VMC_E_NOMEM; the
 *          reader can then only be closed.
 * Cost     Allocates a struct vmc_record a record, until close.
 */
enum vmc_status vmc_reader_keep(struct vmc_reader *reader, uint64_t records_max,
                                struct vmc_error *error);

/** The string that a text arg of a record names. Lives until close. */
const char *vmc_reader_text(const struct vmc_reader *reader, uint64_t number);

/** What has been counted so far. */
const struct vmc_reader_counts *
vmc_reader_counts(const struct vmc_reader *reader);

/** The value of @key in the metadata, or NULL. Lives until close. */
const char *vmc_reader_meta(const struct vmc_reader *reader, const char *key);

/** The @index-th key = value pair of the metadata; NULL past the last. */
const char *vmc_reader_meta_at(const struct vmc_reader *reader, uint32_t index,
                               const char **value);

/** How many texts there are; their numbers are 1 to this. */
uint32_t vmc_reader_text_count(const struct vmc_reader *reader);

/** The name and count of the @index-th unknown event, by name; NULL past it. */
const char *vmc_reader_unknown_at(struct vmc_reader *reader, uint32_t index,
                                  uint64_t *count);

#endif
