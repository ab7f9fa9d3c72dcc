/* SPDX-License-Identifier: MIT */
/**
 * replay_plugin.h - all sections of a replay as an object that can be loaded,
 * so that one process can hold two builds of it and time them in turns.
 *
 * The Makefile links it twice: from the objects that everybody uses, and from
 * the same sources built with VMC_WITHOUT_WATCHERS.
 */
#ifndef VMC_BENCH_REPLAY_PLUGIN_H
#define VMC_BENCH_REPLAY_PLUGIN_H

#include <stdint.h>

struct bench_replay;

/** What the object exports, under the name bench_replay_calls. */
struct bench_replay_calls {
    /** Read all of the trace @path; NULL and a line on standard error when
     * that fails. */
    struct bench_replay *(*open)(const char *path);
    /** How many records it has. */
    uint32_t (*record_count)(const struct bench_replay *replay);
    /** CPU seconds that one replay takes; with a waveform in @vcd_path, if
     * that is not NULL. */
    double (*run)(const struct bench_replay *replay, const char *vcd_path);
    void (*close)(struct bench_replay *replay);
};

extern const struct bench_replay_calls bench_replay_calls;

#endif
