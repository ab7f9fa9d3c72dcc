/* SPDX-License-Identifier: MIT */
/**
 * balloon_options.h - the options of vmcycle balloon, and the run they ask for.
 */
#ifndef VMC_SIM_BALLOON_BALLOON_OPTIONS_H
#define VMC_SIM_BALLOON_BALLOON_OPTIONS_H

#include <jansson.h>

#include "sim/balloon/balloon.h"
#include "sim/machine/timeline_file.h"
#include "sim/machine/waveform.h"
#include "sim/options.h"

enum { BALLOON_TEXT_BYTES_MAX = 1 << 16 };

/** What was asked for. Texts are borrowed from the command line. */
struct balloon_options {
    struct vmc_balloon_config config;
    const char *machine, *mechanism, *op, *memory, *json_path, *report_path;
    json_t *assumed;        /**< what assumed_note() notes */
    const char *interrupts; /**< profile; NULL: fixed times */
    const char *log_path;
    struct timeline_options timeline;
    struct waveform_options vcd;
    const char *settings[OPTION_SETTINGS_MAX];
    uint32_t setting_count;
    bool is_validating;
};

/**
 * Read a command line into @options; ends the program when it is wrong.
 * Owner    @options->assumed is the caller's, for json_decref().
 */
void balloon_options_parse(struct balloon_options *options, int argc,
                           char **argv);

/**
 * Load the machine that @options names, with its settings.
 * Fails    as vmc_profile_load_changed() and balloon_read().
 */
enum vmc_status balloon_options_machine(const struct balloon_options *options,
                                        struct balloon_machine *machine,
                                        struct vmc_error *error);

/**
 * Complete @options->config, which from then on refers to @machine, and to
 * @text, of BALLOON_TEXT_BYTES_MAX, where the fragmentation is a file.
 * Fails    as above; VMC_E_USAGE for a name that is none; VMC_E_FORMAT for a
 *          file that @text does not hold.
 */
enum vmc_status balloon_options_prepare(struct balloon_options *options,
                                        struct balloon_machine *machine,
                                        char *text, struct vmc_error *error);

#endif
