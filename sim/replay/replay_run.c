/* SPDX-License-Identifier: MIT */
#include "sim/replay/replay_run.h"

#include <inttypes.h>
#include <limits.h>

#include "base/hash.h"
#include "event/clock.h"
#include "sim/progress.h"
#include "sim/replay/replay_rcu.h"
#include "sim/replay/replay_waves.h"
#include "stats/json.h"

static const struct replay_section *const sections[] = {
    &replay_irq, &replay_rcu, &replay_balloon, &replay_bus, &replay_waves,
};

static_assert(VMC_COUNT_OF(sections) == REPLAY_SECTIONS, "a state a section");

static const char position_name[] = "position of the replay";

/* ---- Checkpoints -------------------------------------------------------- */

static void archive_run(struct replay_run *run,
                        struct replay_position *position,
                        struct vmc_archive *archive)
{
    vmc_archive_bytes(archive, position_name, position, sizeof(*position));
    for (size_t i = 0; i < VMC_COUNT_OF(sections); i++) {
        vmc_archive_begin(archive, sections[i]->name);
        sections[i]->archive(run->states[i], archive);
        vmc_archive_end(archive);
    }
    timeline_file_archive(&run->timeline, archive);
}

static enum vmc_status save(struct replay_run *run, uint64_t number,
                            struct vmc_error *error)
{
    struct vmc_archive *archive;
    char path[PATH_MAX];
    enum vmc_status status = vmc_archive_new(&archive);

    if (status != VMC_OK) {
        return vmc_fail(error, status, "no memory for a checkpoint");
    }
    archive_run(run, &run->position, archive);
    checkpoint_options_path(run->options, number, path, sizeof(path));
    status = checkpoint_write(path, &run->terms, archive, error);
    vmc_archive_free(archive);
    return status;
}

/* The number of the checkpoint that is the last at @time_ns. */
static uint64_t number_at(const struct replay_run *run, uint64_t time_ns)
{
    uint64_t every_ticks = run->options->every_ticks;

    return every_ticks == 0
               ? 0
               : (uint64_t)((vmc_u128)time_ns * VMC_TICKS_PER_NS / every_ticks);
}

/* When a checkpoint is due next, at @time_ns. Never, if nobody asked. */
static uint64_t next_after(const struct replay_run *run, uint64_t time_ns)
{
    uint64_t every_ticks = run->options->every_ticks;
    vmc_u128 tick = ((vmc_u128)number_at(run, time_ns) + 1) * every_ticks;
    vmc_u128 next_ns = (tick + VMC_TICKS_PER_NS - 1) / VMC_TICKS_PER_NS;

    return every_ticks == 0 || next_ns > UINT64_MAX ? UINT64_MAX
                                                    : (uint64_t)next_ns;
}

static enum vmc_status load(struct replay_run *run, struct vmc_error *error)
{
    struct checkpoint *checkpoint;
    enum vmc_status status =
        checkpoint_open(&checkpoint, run->options->resume, &run->terms, error);

    if (status != VMC_OK) {
        return status;
    }
    archive_run(run, &run->to, checkpoint_body(checkpoint));
    status = checkpoint_check(checkpoint, error);
    checkpoint_close(checkpoint);
    run->next_ns = next_after(run, run->to.time_ns);
    return status;
}

enum vmc_status replay_run_position(struct replay_position *position,
                                    struct checkpoint *checkpoint)
{
    struct vmc_archive *body = checkpoint_body(checkpoint);

    vmc_archive_bytes(body, position_name, position, sizeof(*position));
    return vmc_archive_is_good(body) ? VMC_OK : VMC_E_FORMAT;
}

/* ---- Records ------------------------------------------------------------ */

/* The last section only looks on: it has its records by itself, and costs
 * nothing when nobody asked for it. */
static void deliver(struct replay_run *run, const struct vmc_record *records,
                    uint32_t count)
{
    enum { WATCHER = REPLAY_SECTIONS - 1 };

    for (uint32_t i = 0; i < count; i++) {
        for (size_t s = 0; s < WATCHER; s++) {
            sections[s]->record(run->states[s], &records[i]);
        }
    }
    for (uint32_t i = 0; run->states[WATCHER] != NULL && i < count; i++) {
        sections[WATCHER]->record(run->states[WATCHER], &records[i]);
    }
}

/* @count records are behind us. */
static void pass(struct replay_run *run, const struct vmc_record *records,
                 uint32_t count)
{
    if (run->options->folder != NULL || run->options->resume != NULL) {
        run->position.crc =
            vmc_crc32c(run->position.crc, records, count * sizeof(*records));
        run->position.time_ns = records[count - 1].time_ns;
    }
    run->position.records += count;
}

/* Run past what the checkpoint has seen. Returns how many records that is. */
static uint32_t run_past(struct replay_run *run,
                         const struct vmc_record *records, uint32_t count)
{
    uint64_t left = run->to.records - run->position.records;

    if (left < count) {
        count = (uint32_t)left;
    }
    if (count > 0) {
        pass(run, records, count);
    }
    return count;
}

/* Is what was run past what the checkpoint has seen? */
static enum vmc_status check_trace(const struct replay_run *run,
                                   struct vmc_error *error)
{
    if (run->position.records < run->to.records) {
        return vmc_fail(error, VMC_E_FORMAT,
                        "%s: is of another trace: it lies behind %" PRIu64
                        " records, and here are %" PRIu64,
                        run->options->resume, run->to.records,
                        run->position.records);
    }
    if (run->position.records == run->to.records &&
        run->position.crc != run->to.crc) {
        return vmc_fail(error, VMC_E_FORMAT,
                        "%s: is of another trace: the %" PRIu64
                        " records before it differ",
                        run->options->resume, run->to.records);
    }
    return VMC_OK;
}

/* How many of @count records come before the next checkpoint. */
static uint32_t count_before(const struct replay_run *run,
                             const struct vmc_record *records, uint32_t count)
{
    uint32_t before = 0;

    if (records[count - 1].time_ns < run->next_ns) {
        return count;
    }
    while (records[before].time_ns < run->next_ns) {
        before++;
    }
    return before;
}

static enum vmc_status take_batch(struct replay_run *run,
                                  const struct vmc_record *records,
                                  uint32_t count, struct vmc_error *error)
{
    uint32_t done = 0;
    enum vmc_status status = VMC_OK;

    if (run->position.records < run->to.records) {
        done = run_past(run, records, count);
        if (run->position.records == run->to.records) {
            status = check_trace(run, error);
        }
    }
    while (status == VMC_OK && done < count) {
        uint32_t before = count_before(run, records + done, count - done);

        if (before > 0) {
            deliver(run, records + done, before);
            pass(run, records + done, before);
            done += before;
        }
        if (done < count) {
            run->position.time_ns = records[done].time_ns;
            run->next_ns = next_after(run, records[done].time_ns);
            status = save(run, number_at(run, records[done].time_ns), error);
        }
    }
    return status;
}

/* The reader has ended, with @status. */
static enum vmc_status end_trace(struct replay_run *run, enum vmc_status status,
                                 struct vmc_error *error)
{
    bool is_stopped = vmc_reader_counts(run->reader)->is_stopped;

    if (status != VMC_END && status != VMC_E_FORMAT && status != VMC_E_IO) {
        *error = run->trouble;
        return status;
    }
    run->is_damaged = status != VMC_END;
    if (run->position.records < run->to.records && is_stopped) {
        return vmc_fail(error, VMC_E_USAGE,
                        "interrupted before the checkpoint was reached; "
                        "nothing is written");
    }
    status = check_trace(run, error);
    if (status == VMC_OK && is_stopped && run->options->folder != NULL) {
        status = save(run, CHECKPOINT_INTERRUPTED, error);
        if (status == VMC_OK) {
            (void)fprintf(stderr,
                          "vmcycle: to go on: --resume %s/interrupted.ckpt\n",
                          run->options->folder);
        }
    }
    return status;
}

/* ---- The run ------------------------------------------------------------ */

enum vmc_status replay_run_start(struct replay_run *run,
                                 const struct replay_context *context,
                                 const struct checkpoint_options *options,
                                 struct vmc_error *error)
{
    run->options = options;
    run->next_ns = next_after(run, 0);
    for (size_t i = 0; i < VMC_COUNT_OF(sections); i++) {
        enum vmc_status status =
            sections[i]->start(&run->states[i], context, error);

        if (status != VMC_OK) {
            return status;
        }
    }
    return options->resume != NULL ? load(run, error) : VMC_OK;
}

enum vmc_status replay_run_pull(struct replay_run *run, struct vmc_error *error)
{
    struct progress progress;
    enum vmc_status taken = VMC_OK, status = VMC_OK;

    progress_start(&progress, "replay", "records");
    while (taken == VMC_OK) {
        const struct vmc_record *records;
        uint32_t count;

        status = vmc_reader_next(run->reader, &records, &count, &run->trouble);
        if (status != VMC_OK) {
            break;
        }
        taken = take_batch(run, records, count, error);
        progress_add(&progress, count);
    }
    progress_end(&progress);
    return taken == VMC_OK ? end_trace(run, status, error) : taken;
}

bool replay_run_finish(struct replay_run *run, json_t *root, FILE *table)
{
    bool is_good = true;
    uint64_t fingerprint = 0;

    for (size_t i = 0; i < VMC_COUNT_OF(sections); i++) {
        json_t *json = NULL;

        is_good &= sections[i]->finish(run->states[i], &json, table);
        if (json != NULL) {
            json_object_set_new(root, sections[i]->name, json);
            fingerprint = vmc_hash_fold(
                fingerprint, sections[i]->fingerprint(run->states[i]));
        }
    }
    json_object_set_new(root, "fingerprint", vmc_json_hex(fingerprint));
    return is_good;
}

void replay_run_free(struct replay_run *run)
{
    for (size_t i = 0; i < VMC_COUNT_OF(sections); i++) {
        sections[i]->free(run->states[i]);
    }
    timeline_file_abandon(&run->timeline);
    vmc_reader_close(run->reader);
}
