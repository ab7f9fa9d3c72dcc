/* SPDX-License-Identifier: MIT */
/**
 * waveform.h - the options of a command that writes a waveform, and its file.
 *
 * A command takes the options as a child of its argp parser, opens the file,
 * adds its signals to ->vcd, and says when they are all there; then a selection
 * that names none of them is an error before anything has been simulated.
 */
#ifndef VMC_SIM_MACHINE_WAVEFORM_H
#define VMC_SIM_MACHINE_WAVEFORM_H

#include <argp.h>

#include "stats/outfile.h"
#include "trace/vcd.h"

/** What was asked for. Zeroed memory is no waveform at all. */
struct waveform_options {
    const char *path;    /**< NULL: none */
    const char *signals; /**< patterns; NULL: all but clocks */
    uint64_t from_tick;
    uint64_t until_tick;                /**< 0: to the end */
    const char *from_text, *until_text; /**< as they were written */
};

/** --vcd, --vcd-signals, --vcd-from, --vcd-until; the input is a struct
 * waveform_options. */
extern const struct argp waveform_argp;

struct waveform {
    struct vmc_outfile *file;
    struct vmc_vcd *vcd;
    struct waveform_options options;
};

/**
 * Open the file that @options name.
 * Owner    *@waveform is for waveform_finish() and waveform_free(), also when
 *          this fails.
 * Fails    VMC_E_USAGE, VMC_E_IO, VMC_E_NOMEM, with a line in @error.
 */
enum vmc_status waveform_open(struct waveform *waveform,
                              const struct waveform_options *options,
                              uint32_t signals_max, struct vmc_error *error);

/**
 * All signals have been added.
 * Fails    VMC_E_USAGE as vmc_vcd_check(), the option named in @error.
 */
enum vmc_status waveform_ready(const struct waveform *waveform,
                               struct vmc_error *error);

/**
 * The run has ended at @tick: complete the file and give it its name.
 * Fails    VMC_E_IO; VMC_E_USAGE when the window had not even begun, and no
 *          file appears. With a line in @error.
 */
enum vmc_status waveform_finish(struct waveform *waveform, uint64_t tick,
                                struct vmc_error *error);

/** Save or load the waveform and its file. Fails through @archive, as
 * vmc_outfile_archive() does. */
void waveform_archive(struct waveform *waveform, struct vmc_archive *archive);

/** Free what is left; a file that was not finished disappears. */
void waveform_free(struct waveform *waveform);

#endif
