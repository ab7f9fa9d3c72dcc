/* SPDX-License-Identifier: MIT */
/**
 * replay_run.h - the loop of a replay: records from the reader to every
 * section, checkpoints on the way.
 *
 * A checkpoint lies between two records. It holds what the sections have
 * changed, and where it is: how many records were delivered, and a checksum of
 * them. A run that resumes makes its sections as always, loads them, and lets
 * the reader run past as many records, which nobody sees but the checksum; so
 * it works on any input, standard input included, and notices another trace.
 *
 * Between checkpoints a batch of records costs one comparison for them, and
 * without --checkpoint nothing else.
 */
#ifndef VMC_SIM_REPLAY_REPLAY_RUN_H
#define VMC_SIM_REPLAY_REPLAY_RUN_H

#include <jansson.h>
#include <stdio.h>

#include "sim/checkpoint.h"
#include "sim/checkpoint_options.h"
#include "sim/replay/replay.h"
#include "sim/machine/timeline_file.h"

enum { REPLAY_SECTIONS = 5 };

/** How far a run has come. Plain data, part of a checkpoint. */
struct replay_position {
    uint64_t records; /**< delivered */
    uint64_t time_ns; /**< of the record to come, or of the last at the end */
    uint32_t crc;     /**< of all delivered; kept only for checkpoints */
    uint32_t unused;
};

struct replay_run {
    struct vmc_reader *reader; /**< the run's: closed with it */
    void *states[REPLAY_SECTIONS];
    struct timeline_file timeline; /**< that all sections write to, if any */
    bool is_damaged; /**< the trace ended in damage; trouble has the line */
    struct vmc_error trouble;
    const struct checkpoint_options *options;
    struct checkpoint_terms terms;
    struct replay_position position;
    uint64_t next_ns;          /**< a checkpoint is due at this time */
    struct replay_position to; /**< run past as far as this, seen by nobody */
};

/**
 * Make the sections, for run->reader, and load them from the checkpoint that
 * @options names, if any. What run->terms holds must be as it was then.
 * Owner    @context and @options are borrowed for the life of @run, which is
 *          the caller's for replay_run_free(), also on failure.
 * Fails    as the sections and checkpoint_open() do.
 */
enum vmc_status replay_run_start(struct replay_run *run,
                                 const struct replay_context *context,
                                 const struct checkpoint_options *options,
                                 struct vmc_error *error);

/**
 * Pull all records. Damage ends the trace but not the run: what came before it
 * is good.
 * Fails    VMC_E_FORMAT when the checkpoint is of another trace; as
 *          checkpoint_write() does; VMC_E_NOMEM.
 */
enum vmc_status replay_run_pull(struct replay_run *run,
                                struct vmc_error *error);

/**
 * Where the run was that wrote @checkpoint.
 * Fails    VMC_E_FORMAT when it was no replay.
 */
enum vmc_status replay_run_position(struct replay_position *position,
                                    struct checkpoint *checkpoint);

/** End all sections; their objects and the fingerprint go into @root. Returns
 * false when one of them was not content. */
bool replay_run_finish(struct replay_run *run, json_t *root, FILE *table);

/** Free the sections, drop the timeline unless it was closed, close the reader.
 */
void replay_run_free(struct replay_run *run);

#endif
