/* SPDX-License-Identifier: MIT */
/* vmcycle balloon: one balloon scenario, timed stage by stage. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/assumed.h"
#include "sim/balloon/balloon_answer.h"
#include "sim/balloon/balloon_drawing.h"
#include "sim/balloon/balloon_irq.h"
#include "sim/balloon/balloon_run.h"
#include "sim/balloon/balloon_run_log.h"
#include "sim/command.h"
#include "sim/interrupted.h"
#include "sim/progress.h"
#include "stats/json.h"

static enum vmc_status join_interrupts(struct balloon_irq *irq,
                                       const struct balloon_options *options,
                                       struct vmc_error *error)
{
    uint64_t vcpus = options->config.machine.vcpus;
    struct vmc_profile *profile;
    enum vmc_status status =
        vmc_profile_load(&profile, options->interrupts, error);

    if (status == VMC_OK) {
        status = balloon_irq_init(irq, MACHINE_QEMU,
                                  vcpus < UINT32_MAX ? (uint32_t)vcpus : 0,
                                  profile, error);
    }
    if (status == VMC_OK) {
        assumed_note(options->assumed, "interrupts", profile, assumed_irq);
    }
    vmc_profile_free(profile);
    return status;
}

static json_t *describe_interrupts(const struct balloon_irq *irq)
{
    json_t *json = json_object();

    json_object_set_new(json, "raised", vmc_json_u64(irq->port.raised));
    json_object_set_new(json, "taken", vmc_json_u64(irq->port.taken));
    json_object_set_new(json, "lost", vmc_json_u64(irq->port.lost));
    json_object_set_new(json, "latency_ns",
                        vmc_json_hist(&irq->sim.state.cleared_ns));
    return json;
}

static void on_progress(void *owner, uint64_t events)
{
    progress_add(owner, events);
}

static enum vmc_status simulate_unlogged(struct balloon_options *options,
                                         struct vmc_balloon_result *result,
                                         struct vmc_error *error)
{
    static struct vmc_balloon_survey before, after;
    struct progress progress;
    enum vmc_status status;

    if (options->report_path != NULL) {
        options->config.before = &before;
        options->config.after = &after;
    }
    progress_start(&progress, options->mechanism, "events");
    options->config.on_progress = on_progress;
    options->config.progress_owner = &progress;
    options->config.is_stopped = interrupted_ends;
    status = vmc_balloon_run(&options->config, result, error);
    progress_end(&progress);
    return status;
}

/* With the log that was asked for. */
static enum vmc_status simulate(struct balloon_options *options,
                                struct vmc_balloon_result *result,
                                struct vmc_error *error)
{
    struct balloon_run_log log = {0};
    enum vmc_status status = VMC_OK;

    if (options->log_path != NULL) {
        status = balloon_run_log_open(&log, options->log_path, &options->config,
                                      error);
    }
    if (status == VMC_OK) {
        status = simulate_unlogged(options, result, error);
    }
    if (status == VMC_OK && log.out != NULL) {
        status = balloon_run_log_close(&log, error);
    }
    balloon_run_log_abandon(&log);
    return status;
}

/* Say when a signal ended the run. */
static void tell_interruption(const struct vmc_balloon_result *result,
                              json_t *root, FILE *table)
{
    char what[64];

    (void)snprintf(what, sizeof(what), "%" PRIu64 " events", result->events);
    interrupted_tell(root, table, result->is_stopped, what);
}

/* simulate(), drawn as it goes. */
static enum vmc_status simulate_drawn(struct balloon_options *options,
                                      struct balloon_irq *irq,
                                      struct vmc_balloon_result *result,
                                      struct vmc_error *error)
{
    static struct balloon_drawing drawing;
    enum vmc_status status =
        balloon_drawing_open(&drawing, &options->config.watch,
                             &options->timeline, &options->vcd, irq, error);

    if (status == VMC_OK) {
        status = simulate(options, result, error);
    }
    if (status == VMC_OK) {
        status = balloon_drawing_finish(&drawing, error);
    }
    options->config.watch = NULL;
    balloon_drawing_free(&drawing);
    return status;
}
static FILE *table_of(const struct balloon_options *options)
{
    return command_table_beside(options->json_path, options->timeline.path,
                                options->vcd.path);
}
int balloon_run(struct balloon_options *options,
                struct balloon_chooser *chooser)
{
    static char text[BALLOON_TEXT_BYTES_MAX];
    static struct balloon_machine machine; /* the options refer to it */
    struct vmc_balloon_result result;
    struct vmc_error error = {""};
    enum vmc_status status =
        balloon_options_prepare(options, &machine, text, &error);
    int64_t start_ms = host_now_ms(), wall_ms;
    struct balloon_irq *irq = NULL;
    json_t *root;

    if (status == VMC_OK && options->interrupts != NULL) {
        irq = calloc(1, sizeof(*irq));
        status =
            irq != NULL ? join_interrupts(irq, options, &error) : VMC_E_NOMEM;
        options->config.port = status == VMC_OK ? &irq->port : NULL;
    }
    if (chooser != NULL) {
        chooser->machine = &machine;
        options->config.choose = chooser->choose;
        options->config.choose_owner = chooser;
    }
    if (status == VMC_OK) {
        status = simulate_drawn(options, irq, &result, &error);
    }
    if (status != VMC_OK || (chooser != NULL && !chooser->is_run)) {
        if (irq != NULL) {
            balloon_irq_fini(irq);
            free(irq);
        }
        return command_failed(status, &error);
    }
    wall_ms = host_now_ms() - start_ms;
    root = balloon_answer_json(options, &result, wall_ms);
    tell_interruption(&result, root, table_of(options));
    balloon_answer_print(options, &result, wall_ms, table_of(options));
    if (irq != NULL) {
        struct vmc_hist_summary latency =
            vmc_hist_summarize(&irq->sim.state.cleared_ns);

        (void)fprintf(table_of(options),
                      "interrupts: %" PRIu64 " raised, %" PRIu64
                      " taken, %.3f us each (mean)\n",
                      irq->port.raised, irq->port.taken,
                      (double)latency.mean / 1e3);
        json_object_set_new(root, "interrupts", describe_interrupts(irq));
        balloon_irq_fini(irq);
        free(irq);
    }
    if (options->json_path != NULL) {
        status = vmc_json_write(root, options->json_path, &error);
    }
    if (status == VMC_OK && options->report_path != NULL) {
        status = balloon_answer_report(options, &result, root, &error);
    }
    json_decref(root);
    if (status != VMC_OK) {
        return command_failed(status, &error);
    }
    return result.broken[0] == '\0' ? EXIT_GOOD : EXIT_MISMATCH;
}
int command_balloon(int argc, char **argv)
{
    struct balloon_options options;
    int end;

    balloon_options_parse(&options, argc, argv);
    interrupted_watch();
    end = options.is_validating ? balloon_validate(options.json_path)
                                : balloon_run(&options, NULL);
    json_decref(options.assumed);
    return end;
}
