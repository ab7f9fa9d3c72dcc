/* SPDX-License-Identifier: MIT */
/**
 * writer.h - native traces out; format.md describes them byte by byte.
 *
 * Units    As record.h.
 * Threads  One writer, one thread.
 */
#ifndef VMC_TRACE_WRITER_H
#define VMC_TRACE_WRITER_H

#include <stdio.h>

#include "base/base.h"
#include "trace/reader.h"
#include "trace/record.h"

struct vmc_writer;

/**
 * Start a native trace that goes to @file, with the metadata of @source; the
 * texts that records name are those of @source too.
 * Owner    *@out is the caller's, for vmc_writer_free(); NULL on failure.
 *          @file and @source are borrowed until then.
 * Fails    VMC_E_NOMEM, VMC_E_IO.
 */
enum vmc_status vmc_writer_new(struct vmc_writer **out, FILE *file,
                               const struct vmc_reader *source);

/** Free @writer; end it first. NULL is allowed. */
void vmc_writer_free(struct vmc_writer *writer);

/**
 * Append @count records, which are in the order of their times.
 * Fails    VMC_E_IO.
 */
enum vmc_status vmc_writer_add(struct vmc_writer *writer,
                               const struct vmc_record *records,
                               uint32_t count);

/**
 * Write what is left, and the counts that @source has at its end.
 * Fails    VMC_E_IO, VMC_E_NOMEM.
 */
enum vmc_status vmc_writer_end(struct vmc_writer *writer,
                               struct vmc_reader *source);

#endif
