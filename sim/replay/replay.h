/* SPDX-License-Identifier: MIT */
/**
 * replay.h - a recorded trace run through the models, section by section.
 *
 * The reader is pulled by one loop (command_replay.c). Every record goes to
 * every section in turn; a section keeps its own machine, takes the records it
 * understands and, at the end, adds one object to the JSON and prints its
 * table. Sections do not know each other.
 */
#ifndef VMC_SIM_REPLAY_REPLAY_H
#define VMC_SIM_REPLAY_REPLAY_H

#include <jansson.h>
#include <stdio.h>

#include "base/archive.h"
#include "base/base.h"
#include "profile/profile.h"
#include "sim/machine/waveform.h"
#include "trace/reader.h"
#include "trace/timeline.h"

/** What a section may look at when it starts. Borrowed until it is freed. */
struct replay_context {
    const struct vmc_reader *reader;   /**< for metadata and texts */
    const struct vmc_profile *profile; /**< timing; NULL for its default */
    const char *semantics;             /**< qemu, kvm or hw */
    const char *report_path;           /**< folder for rows, or NULL */
    struct waveform_options vcd;       /**< waveform to write, if any */
    struct vmc_timeline *timeline;     /**< to add tracks to, or NULL */
    bool is_checking;                  /**< compare recorded reads */
    const char *const *ranges;         /**< address ranges to tell apart */
    uint32_t range_count;
    const char *range_file; /**< more of them, a line each, or NULL */
    json_t *assumed;        /**< for assumed_note(), or NULL */
};

struct replay_section {
    const char *name; /**< its key in the JSON */

    /** Make its state; NULL when it is not wanted. Fails as usual, with a line
     * in @error. */
    enum vmc_status (*start)(void **state, const struct replay_context *context,
                             struct vmc_error *error);

    /** Take one record; kinds that are not its affair it ignores. */
    void (*record)(void *state, const struct vmc_record *record);

    /**
     * Save all that records have changed to @archive, or load it into a state
     * that was started with the same context. Called between two records.
     */
    void (*archive)(void *state, struct vmc_archive *archive);

    /**
     * The trace has ended. Returns false when something did not match or an
     * invariant broke. *@json gets its object, or stays NULL when the trace
     * had nothing for it; the table for a person goes to @table.
     */
    bool (*finish)(void *state, json_t **json, FILE *table);

    /** The fingerprint of what it simulated in time; 0 when it did not. */
    uint64_t (*fingerprint)(const void *state);

    /** Free the state. NULL is allowed. */
    void (*free)(void *state);
};

/** The sections there are. */
extern const struct replay_section replay_irq, replay_balloon, replay_bus;

#endif
