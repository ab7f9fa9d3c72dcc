/* SPDX-License-Identifier: MIT */
/**
 * options.h - what the options of several commands have in common.
 *
 * Each call ends the program with a line that names the option, as argp_error()
 * does, when the argument does not fit.
 */
#ifndef VMC_SIM_OPTIONS_H
#define VMC_SIM_OPTIONS_H

#include <argp.h>
#include <stdint.h>

/** So often --set may be given. */
enum { OPTION_SETTINGS_MAX = 64 };

/** The number @text from @min to @max, which @option, as "--vcpus", was given.
 */
uint64_t option_number(struct argp_state *state, const char *option,
                       const char *text, uint64_t min, uint64_t max);

/** The size, up to @max_bytes, which @option was given, as 2M. */
uint64_t option_size(struct argp_state *state, const char *option,
                     const char *text, uint64_t max_bytes);

/** The time in ticks which @option was given, as 1.5ms. */
uint64_t option_time(struct argp_state *state, const char *option,
                     const char *text);

/** Put @text, borrowed, behind the *@count texts of @list, which has room for
 * @max. */
void option_add(struct argp_state *state, const char *option, const char **list,
                uint32_t *count, uint32_t max, const char *text);

/** Put @text, borrowed, in *@place, where there may be one: "one trace at a
 * time", with @what, "trace". */
void option_take_one(struct argp_state *state, const char **place,
                     const char *text, const char *what);

#endif
