/* SPDX-License-Identifier: MIT */
#include "sim/machine/timeline_file.h"

#include <inttypes.h>

#include "sim/interrupted.h"
#include "sim/options.h"

enum option_key {
    OPTION_PERFETTO = 1100, /* apart from the keys of the commands */
    OPTION_PERFETTO_FROM,
    OPTION_PERFETTO_UNTIL,
};

static const struct argp_option option_table[] = {
    {"perfetto", OPTION_PERFETTO, "FILE", 0,
     "write a timeline of the run, for ui.perfetto.dev", 0},
    {"perfetto-from", OPTION_PERFETTO_FROM, "TIME", 0,
     "only what happens from then on, as '1.5 ms'", 0},
    {"perfetto-until", OPTION_PERFETTO_UNTIL, "TIME", 0, "and up to then", 0},
    {0}};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct timeline_options *options = state->input;

    switch (key) {
    case OPTION_PERFETTO:
        options->path = argument;
        return 0;
    case OPTION_PERFETTO_FROM:
        options->from_tick = option_time(state, "--perfetto-from", argument);
        options->from_text = argument;
        return 0;
    case OPTION_PERFETTO_UNTIL:
        options->until_tick = option_time(state, "--perfetto-until", argument);
        options->until_text = argument;
        if (options->until_tick == 0) {
            argp_error(state, "--perfetto-until '%s': nothing is before it",
                       argument);
        }
        return 0;
    case ARGP_KEY_END:
        if (options->path == NULL &&
            (options->from_text != NULL || options->until_text != NULL)) {
            argp_error(state, "a window of time, but no --perfetto FILE");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp timeline_argp = {option_table, parse_option, 0, 0, 0, 0, 0};

static enum vmc_status set_window(const struct timeline_file *out,
                                  struct vmc_error *error)
{
    const struct timeline_options *options = &out->options;
    enum vmc_status status;

    if (options->from_text == NULL && options->until_text == NULL) {
        return VMC_OK;
    }
    status = vmc_timeline_set_window(
        out->timeline, options->from_tick,
        options->until_tick != 0 ? options->until_tick : UINT64_MAX);
    return status == VMC_E_RANGE
               ? vmc_fail(error, VMC_E_USAGE,
                          "the window of the timeline is empty: "
                          "--perfetto-from '%s' is not before "
                          "--perfetto-until '%s'",
                          options->from_text, options->until_text)
               : status;
}

enum vmc_status timeline_file_open(struct timeline_file *out,
                                   const struct timeline_options *options,
                                   struct vmc_error *error)
{
    enum vmc_status status;

    *out = (struct timeline_file){.options = *options};
    if (options->path == NULL) {
        return VMC_OK;
    }
    status = vmc_outfile_open(&out->file, options->path, error);
    if (status == VMC_OK) {
        status =
            vmc_timeline_new(&out->timeline, vmc_outfile_stream(out->file));
    }
    if (status == VMC_OK) {
        status = set_window(out, error);
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
    if (vmc_timeline_last_tick(out->timeline) < out->options.from_tick) {
        status = vmc_fail(error, VMC_E_USAGE,
                          "no timeline: the run ended at %" PRIu64
                          " ps, before --perfetto-from '%s'",
                          vmc_timeline_last_tick(out->timeline),
                          out->options.from_text);
        timeline_file_abandon(out);
        return status;
    }
    if (interrupted_cut() &&
        vmc_timeline_tracks_left(out->timeline) < VMC_TIMELINE_TRACKS_MAX) {
        uint64_t tick = vmc_timeline_track_tick(out->timeline, 0);

        /* Beyond a window, what it shows is the whole. */
        vmc_timeline_instant(
            out->timeline, 0,
            tick > out->options.from_tick ? tick : out->options.from_tick,
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
    out->timeline = NULL;
    out->file = NULL;
}
