/* SPDX-License-Identifier: MIT */
#include "sim/machine/timeline_file.h"

#include "sim/interrupted.h"

enum vmc_status timeline_file_open(struct timeline_file *out, const char *path,
                                   struct vmc_error *error)
{
    enum vmc_status status;

    *out = (struct timeline_file){NULL, NULL};
    if (path == NULL) {
        return VMC_OK;
    }
    status = vmc_outfile_open(&out->file, path, error);
    if (status == VMC_OK) {
        status =
            vmc_timeline_new(&out->timeline, vmc_outfile_stream(out->file));
    }
    if (status != VMC_OK) {
        timeline_file_abandon(out);
    }
    return status;
}

enum vmc_status timeline_file_close(struct timeline_file *out,
                                    struct vmc_error *error)
{
    enum vmc_status status;

    if (out->timeline == NULL) {
        return VMC_OK;
    }
    if (interrupted_cut() &&
        vmc_timeline_tracks_left(out->timeline) < VMC_TIMELINE_TRACKS_MAX) {
        vmc_timeline_instant(out->timeline, 0,
                             vmc_timeline_track_tick(out->timeline, 0),
                             "interrupted: this is not the whole");
    }
    (void)vmc_timeline_finish(out->timeline);
    status = vmc_outfile_commit(out->file, error); /* sees every failed write */
    out->file = NULL;
    timeline_file_abandon(out);
    return status;
}

void timeline_file_archive(struct timeline_file *file,
                           struct vmc_archive *archive)
{
    if (file->timeline != NULL) {
        vmc_archive_begin(archive, "timeline");
        vmc_timeline_archive(file->timeline, archive);
        vmc_outfile_archive(file->file, archive);
        vmc_archive_end(archive);
    }
}

void timeline_file_abandon(struct timeline_file *out)
{
    vmc_timeline_free(out->timeline);
    vmc_outfile_abandon(out->file);
    *out = (struct timeline_file){NULL, NULL};
}
