/* SPDX-License-Identifier: MIT */
/**
 * outfile.h - output files that appear whole or not at all.
 *
 * What is written goes to NAME.part beside the file; commit() gives it its
 * name. Whoever reads under that name never meets half a file, even when the
 * program was killed. "-" is standard output; that, a device and a pipe are
 * written directly.
 */
#ifndef VMC_STATS_OUTFILE_H
#define VMC_STATS_OUTFILE_H

#include <stdio.h>

#include "base/archive.h"
#include "base/base.h"

struct vmc_outfile;

/**
 * Open @path for writing; an old file under that name stays until commit.
 * Owner    *@out is the caller's until commit() or abandon(); NULL on failure.
 * Fails    VMC_E_IO with a line in @error, VMC_E_NOMEM.
 */
enum vmc_status vmc_outfile_open(struct vmc_outfile **out, const char *path,
                                 struct vmc_error *error);

/** The stream to write to, borrowed. */
FILE *vmc_outfile_stream(struct vmc_outfile *out);

/**
 * Finish the file, give it its name and free @out, whatever the result.
 * Fails    VMC_E_IO with a line in @error when anything was not written.
 */
enum vmc_status vmc_outfile_commit(struct vmc_outfile *out,
                                   struct vmc_error *error);

/**
 * Save or load all that was written so far: a load replaces the content, and
 * writing goes on behind it.
 * Fails    through @archive: VMC_E_USAGE for standard output, a device or a
 *          pipe, which cannot be read back; VMC_E_IO, VMC_E_NOMEM.
 */
void vmc_outfile_archive(struct vmc_outfile *out, struct vmc_archive *archive);

/** Remove what was written and free @out. NULL is allowed. */
void vmc_outfile_abandon(struct vmc_outfile *out);

#endif
