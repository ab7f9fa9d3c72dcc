/* SPDX-License-Identifier: MIT */
/**
 * timeline_file.h - the options of a command that writes a timeline, and its
 * file.
 *
 * The command owns it and lends the timeline to its parts, each of which adds
 * its own groups of tracks: one run, one file.
 */
#ifndef VMC_SIM_MACHINE_TIMELINE_FILE_H
#define VMC_SIM_MACHINE_TIMELINE_FILE_H

#include <argp.h>

#include "stats/outfile.h"
#include "trace/timeline.h"

/** Ticks of @ns of a recording; a time beyond all ticks is the last one. */
static inline uint64_t timeline_tick(uint64_t ns)
{
    const uint64_t ticks_per_ns = 1000;

    return ns > UINT64_MAX / ticks_per_ns ? UINT64_MAX : ns * ticks_per_ns;
}

/** What was asked for. Zeroed memory is no timeline at all. */
struct timeline_options {
    const char *path; /**< NULL: none */
    uint64_t from_tick;
    uint64_t until_tick;                /**< 0: to the end */
    const char *from_text, *until_text; /**< as they were written */
};

/** --perfetto, --perfetto-from, --perfetto-until; the input is a struct
 * timeline_options. */
extern const struct argp timeline_argp;

/** Zeroed memory is one that nobody asked for. */
struct timeline_file {
    struct vmc_outfile *file;
    struct vmc_timeline *timeline; /**< to be lent; NULL: nobody asked */
    struct timeline_options options;
};

/** Open the file that @options name, if any. Fails VMC_E_IO and VMC_E_USAGE
 * with a line in @error, VMC_E_NOMEM. */
enum vmc_status timeline_file_open(struct timeline_file *out,
                                   const struct timeline_options *options,
                                   struct vmc_error *error);

/** The run has ended: complete the file and give it its name. Fails VMC_E_IO;
 * VMC_E_USAGE when the window had not even begun, and no file appears. With a
 * line in @error. Nothing is left to abandon. */
enum vmc_status timeline_file_close(struct timeline_file *out,
                                    struct vmc_error *error);

/** Save or load the timeline and its file, if there is one. Fails through
 * @archive, as vmc_outfile_archive() does. */
void timeline_file_archive(struct timeline_file *file,
                           struct vmc_archive *archive);

/** Remove what was written, unless it was closed. */
void timeline_file_abandon(struct timeline_file *out);

#endif
