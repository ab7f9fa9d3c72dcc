/* SPDX-License-Identifier: MIT */
#include "sim/machine/waveform.h"

#include <inttypes.h>

#include "sim/interrupted.h"
#include "sim/options.h"

enum option_key {
    OPTION_VCD = 1024, /* apart from the keys of the commands */
    OPTION_VCD_SIGNALS,
    OPTION_VCD_FROM,
    OPTION_VCD_UNTIL,
};

static const struct argp_option option_table[] = {
    {"vcd", OPTION_VCD, "FILE", 0, "write a waveform of the simulated run", 0},
    {"vcd-signals", OPTION_VCD_SIGNALS, "GLOB[,GLOB]", 0,
     "only signals that match, as 'cpu0.*'; clocks only when a pattern begins "
     "with their name, as 'clock.*'",
     0},
    {"vcd-from", OPTION_VCD_FROM, "TIME", 0,
     "only what happens from then on, as '1.5 ms'", 0},
    {"vcd-until", OPTION_VCD_UNTIL, "TIME", 0, "and up to then", 0},
    {0}};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct waveform_options *options = state->input;

    switch (key) {
    case OPTION_VCD:
        options->path = argument;
        return 0;
    case OPTION_VCD_SIGNALS:
        options->signals = argument;
        return 0;
    case OPTION_VCD_FROM:
        options->from_tick = option_time(state, "--vcd-from", argument);
        options->from_text = argument;
        return 0;
    case OPTION_VCD_UNTIL:
        options->until_tick = option_time(state, "--vcd-until", argument);
        options->until_text = argument;
        if (options->until_tick == 0) {
            argp_error(state, "--vcd-until '%s': nothing is before it",
                       argument);
        }
        return 0;
    case ARGP_KEY_END:
        if (options->path == NULL &&
            (options->signals != NULL || options->from_text != NULL ||
             options->until_text != NULL)) {
            argp_error(state, "which signals and when, but no --vcd FILE");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp waveform_argp = {option_table, parse_option, 0, 0, 0, 0, 0};

enum vmc_status waveform_open(struct waveform *waveform,
                              const struct waveform_options *options,
                              uint32_t signals_max, struct vmc_error *error)
{
    const struct vmc_vcd_config config = {
        .patterns = options->signals,
        .from_tick = options->from_tick,
        .until_tick =
            options->until_tick != 0 ? options->until_tick : UINT64_MAX,
        .signals_max = signals_max,
    };
    enum vmc_status status;

    *waveform = (struct waveform){.options = *options};
    if (config.from_tick >= config.until_tick) {
        return vmc_fail(error, VMC_E_USAGE,
                        "the window of the waveform is empty: --vcd-from '%s' "
                        "is not before --vcd-until '%s'",
                        options->from_text, options->until_text);
    }
    status = vmc_outfile_open(&waveform->file, options->path, error);
    return status == VMC_OK
               ? vmc_vcd_new(&waveform->vcd, vmc_outfile_stream(waveform->file),
                             &config, error)
               : status;
}

enum vmc_status waveform_ready(const struct waveform *waveform,
                               struct vmc_error *error)
{
    struct vmc_error why = {""};
    enum vmc_status status = vmc_vcd_check(waveform->vcd, &why);

    return status == VMC_OK ? VMC_OK
                            : vmc_fail(error, status, "--vcd: %s", why.text);
}

enum vmc_status waveform_finish(struct waveform *waveform, uint64_t tick,
                                struct vmc_error *error)
{
    enum vmc_status status;

    if (tick < waveform->options.from_tick) {
        return vmc_fail(error, VMC_E_USAGE,
                        "no waveform: the run ended at %" PRIu64
                        " ps, before --vcd-from '%s'",
                        tick, waveform->options.from_text);
    }
    (void)vmc_vcd_end(waveform->vcd, tick); /* commit finds what it did not */
    if (interrupted_cut()) {
        (void)fprintf(
            vmc_outfile_stream(waveform->file),
            "$comment interrupted by %s: this is not the whole $end\n",
            interrupted_name());
    }
    status = vmc_outfile_commit(waveform->file, error);
    waveform->file = NULL;
    return status;
}

void waveform_archive(struct waveform *waveform, struct vmc_archive *archive)
{
    vmc_vcd_archive(waveform->vcd, archive);
    vmc_outfile_archive(waveform->file, archive);
}

void waveform_free(struct waveform *waveform)
{
    vmc_vcd_free(waveform->vcd);
    vmc_outfile_abandon(waveform->file);
    *waveform = (struct waveform){.file = NULL};
}
