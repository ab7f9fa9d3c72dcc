/* SPDX-License-Identifier: MIT */
/* vmcycle balloon: one balloon scenario, timed stage by stage. */
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/clock.h"
#include "sim/assumed.h"
#include "sim/balloon/balloon.h"
#include "sim/balloon/balloon_drawing.h"
#include "sim/balloon/balloon_irq.h"
#include "sim/balloon/balloon_run_log.h"
#include "sim/command.h"
#include "sim/interrupted.h"
#include "sim/options.h"
#include "sim/progress.h"
#include "sim/report/report.h"
#include "sim/share.h"
#include "stats/json.h"

enum { SETTINGS_MAX = 64, TEXT_BYTES_MAX = 1 << 16 };

struct options {
    struct vmc_balloon_config config;
    const char *machine, *mechanism, *op, *memory, *json_path, *report_path;
    json_t *assumed;        /**< what assumed_note() notes */
    const char *interrupts; /**< profile; NULL: fixed times */
    const char *perfetto_path, *log_path;
    struct waveform_options vcd;
    const char *settings[OPTION_SETTINGS_MAX];
    uint32_t setting_count;
    bool is_validating;
};

enum option_key {
    OPTION_MACHINE = 256,
    OPTION_MECHANISM,
    OPTION_GUEST,
    OPTION_MOVE,
    OPTION_TOUCH,
    OPTION_OP,
    OPTION_MEMORY,
    OPTION_ITERATION,
    OPTION_VFIO,
    OPTION_BACKING,
    OPTION_FRAGMENTATION,
    OPTION_SEED,
    OPTION_SET,
    OPTION_DEFECTS,
    OPTION_FAULTS,
    OPTION_STEPPED,
    OPTION_PAGE_SIZE,
    OPTION_OOM,
    OPTION_MUST_TELL,
    OPTION_POISON,
    OPTION_STATS,
    OPTION_PAGES,
    OPTION_CPU_LISTS,
    OPTION_AUDIT,
    OPTION_INTERRUPTS,
    OPTION_REPORT,
    OPTION_PERFETTO,
    OPTION_LOG,
    OPTION_VALIDATE,
};

static const struct argp_option option_table[] = {
    {"machine", OPTION_MACHINE, "NAME|FILE", 0,
     "profile: m1-2016, m2-2025 (default) or a file", 0},
    {"mechanism", OPTION_MECHANISM, "NAME", 0,
     "pfn (default), bitmap, bitmap-fixed, chunk, sg, contiguous, huge, "
     "virtio-mem, hyperalloc, reporting, hinting",
     0},
    {"guest", OPTION_GUEST, "SIZE", 0, "memory of the guest (20G)", 0},
    {"move", OPTION_MOVE, "SIZE", 0,
     "how much moves; for retouch and install, how much is touched (all but "
     "2G)",
     0},
    {"touch", OPTION_TOUCH, "SIZE", 0,
     "how much a cycle touches (all but 1G of a guest above 4G)", 0},
    {"op", OPTION_OP, "NAME", 0,
     "what is timed: inflate (default), deflate, reclaim, return, plug, "
     "unplug, install, retouch, report, hint, pressure (touch with memory in "
     "the balloon), migrate (compaction moves its pages)",
     0},
    {"memory", OPTION_MEMORY, "untouched|touched", 0,
     "whether cycles touch memory (untouched)", 0},
    {"iteration", OPTION_ITERATION, "N", 0,
     "time the N-th cycle; those before it are run (1)", 0},
    {"vfio", OPTION_VFIO, 0, 0, "a device is assigned: memory is pinned", 0},
    {"backing", OPTION_BACKING, "NAME", 0,
     "anon (default), anon-4k, shmem, 16k, 64k, hugetlb", 0},
    {"fragmentation", OPTION_FRAGMENTATION, "NAME|FILE", 0,
     "idle (default), frag:PERCENT, punch:SIZE, or a copy of /proc/buddyinfo "
     "or /proc/pagetypeinfo",
     0},
    {"seed", OPTION_SEED, "N", 0, "of everything that is drawn (1)", 0},
    {"defects", OPTION_DEFECTS, "LIST", 0,
     "as posted: all of the bitmap driver (default), none, or names as "
     "D1,D3,S5",
     0},
    {"faults", OPTION_FAULTS, "LIST", 0,
     "what triggers them: add=N and adds=N (messages that fail), chunks=N, "
     "probe=N, break=N, insert=N, busy=N, big-endian, 32bit, one-buffer, "
     "standard-device, no-feature",
     0},
    {"deflate-on-oom", OPTION_OOM, 0, 0,
     "a guest out of memory takes from the balloon", 0},
    {"must-tell-host", OPTION_MUST_TELL, 0, 0,
     "a deflate is told before its pages are free", 0},
    {"page-poison", OPTION_POISON, "BYTE", 0,
     "what the guest's free pages hold (0: not poisoned)", 0},
    {"stats-period", OPTION_STATS, "MS", 0,
     "the host asks for statistics so often (never)", 0},
    {"pages", OPTION_PAGES, "N", 0, "how many pages migrate moves (256)", 0},
    {"page-size", OPTION_PAGE_SIZE, "SIZE", 0,
     "of the guest's own pages: 4K (default), 16K, 64K", 0},
    {"cpu-lists", OPTION_CPU_LISTS, "N", 0,
     "CPUs of the guest that keep free pages in lists of their own (0)", 0},
    {"stepped", OPTION_STEPPED, 0, 0, "one event for every page", 0},
    {"set", OPTION_SET, "SECTION.KEY=VALUE", 0,
     "replace one number of the profile", 0},
    {"audit", OPTION_AUDIT, "N", 0,
     "check every page after each N-th event, not only what it touched", 0},
    {"interrupts", OPTION_INTERRUPTS, "NAME|FILE", 0,
     "send the device's interrupts through the LoongArch machine, at the "
     "latencies of this profile (3c5000-kvm, 3c5000-qemu), instead of taking "
     "fixed times",
     0},
    {"report", OPTION_REPORT, "DIR", 0,
     "write pictures of the stages and of memory, and a page with them", 0},
    {"perfetto", OPTION_PERFETTO, "FILE", 0,
     "write a timeline of threads and locks, for ui.perfetto.dev", 0},
    {"log", OPTION_LOG, "FILE", 0,
     "write what QEMU would log of the device, from the first cycle on", 0},
    {"validate", OPTION_VALIDATE, 0, 0,
     "run the published measurements and print them beside the simulated", 0},
    {"json", 'j', "FILE", 0, "write the result as JSON; - is standard output",
     0},
    {0}};

static void set_defects(struct vmc_balloon_config *config, const char *text,
                        bool is_faults, struct argp_state *state)
{
    struct vmc_error error = {""};
    enum vmc_status status =
        is_faults ? balloon_faults(&config->faults, text, &error)
                  : balloon_defects(&config->defects, text, &error);

    if (status != VMC_OK) {
        argp_error(state, "%s", error.text);
    }
}

static error_t parse_scenario(int key, char *argument, struct argp_state *state)
{
    struct vmc_balloon_config *config =
        &((struct options *)state->input)->config;

    switch (key) {
    case OPTION_GUEST:
        config->guest_bytes = option_size(state, "--guest", argument, UINT64_MAX);
        return 0;
    case OPTION_MOVE:
        config->move_bytes = option_size(state, "--move", argument, UINT64_MAX);
        return 0;
    case OPTION_TOUCH:
        config->touch_bytes = option_size(state, "--touch", argument, UINT64_MAX);
        return 0;
    case OPTION_AUDIT:
        config->audit_events =
            (uint32_t)option_number(state, "--audit", argument, 0, UINT32_MAX);
        return 0;
    case OPTION_ITERATION:
        config->iteration = (uint32_t)option_number(state, "--iteration",
                                                    argument, 0, UINT32_MAX);
        return 0;
    case OPTION_VFIO:
        config->has_vfio = true;
        return 0;
    case OPTION_BACKING:
        config->backing = argument;
        return 0;
    case OPTION_FRAGMENTATION:
        config->fragmentation = argument;
        return 0;
    case OPTION_SEED:
        config->seed = option_number(state, "--seed", argument, 0, UINT64_MAX);
        return 0;
    case OPTION_DEFECTS:
    case OPTION_FAULTS:
        set_defects(config, argument, key == OPTION_FAULTS, state);
        return 0;
    case OPTION_OOM:
        config->has_deflate_on_oom = true;
        return 0;
    case OPTION_MUST_TELL:
        config->has_must_tell = true;
        return 0;
    case OPTION_POISON:
        config->poison_byte =
            (uint8_t)option_number(state, "--page-poison", argument, 0, UINT8_MAX);
        return 0;
    case OPTION_STATS:
        config->stats_ticks =
            option_number(state, "--stats-period", argument, 0, 999999) *
            (VMC_TICKS_PER_S / 1000);
        return 0;
    case OPTION_PAGES:
        config->migrate_pages = (uint32_t)option_number(
            state, "--pages", argument, 0, INT32_MAX);
        return 0;
    case OPTION_PAGE_SIZE:
        config->page_bytes =
            (uint32_t)option_size(state, "--page-size", argument, UINT32_MAX);
        return 0;
    case OPTION_CPU_LISTS:
        config->cpu_lists = (uint32_t)option_number(state, "--cpu-lists",
                                                    argument, 0, UINT32_MAX);
        return 0;
    case OPTION_STEPPED:
        config->is_stepped = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->vcd;
        return 0;
    case 'j':
        options->json_path = argument;
        return 0;
    case OPTION_MACHINE:
        options->machine = argument;
        return 0;
    case OPTION_MECHANISM:
        options->mechanism = argument;
        return 0;
    case OPTION_OP:
        options->op = argument;
        return 0;
    case OPTION_MEMORY:
        options->memory = argument;
        return 0;
    case OPTION_SET:
        option_add(state, "--set", options->settings, &options->setting_count,
                   OPTION_SETTINGS_MAX, argument);
        return 0;
    case OPTION_INTERRUPTS:
        options->interrupts = argument;
        return 0;
    case OPTION_REPORT:
        options->report_path = argument;
        return 0;
    case OPTION_LOG:
        options->log_path = argument;
        return 0;
    case OPTION_PERFETTO:
        options->perfetto_path = argument;
        return 0;
    case OPTION_VALIDATE:
        options->is_validating = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s' is not an option", argument);
        return 0;
    default:
        return parse_scenario(key, argument, state);
    }
}

static const struct argp_child children[] = {
    {&waveform_argp, 0, "Waveforms, for GTKWave:", 1}, {0}};

static const struct argp parser = {
    option_table,
    parse_option,
    "",
    "Predict how long it takes to move memory between a guest and its host.",
    children,
    0,
    0};

/* A name of a fragmentation may be that of a file. */
static void read_fragmentation(struct vmc_balloon_config *config, char *text)
{
    FILE *file = config->fragmentation != NULL
                     ? fopen(config->fragmentation, "r")
                     : NULL;

    if (file != NULL) {
        text[fread(text, 1, TEXT_BYTES_MAX - 1, file)] = '\0';
        (void)fclose(file);
        config->fragmentation = text;
    }
}

static enum vmc_status load_machine(const struct options *options,
                                    struct balloon_machine *machine,
                                    struct vmc_error *error)
{
    struct vmc_profile *profile;
    enum vmc_status status =
        vmc_profile_load_changed(&profile, options->machine, options->settings,
                                 options->setting_count, error);

    if (status == VMC_OK) {
        status = balloon_read(machine, profile, error);
    }
    if (status == VMC_OK) {
        assumed_note(options->assumed, "balloon", profile, assumed_balloon);
    }
    vmc_profile_free(profile);
    return status;
}

static enum vmc_status prepare(struct options *options,
                               struct balloon_machine *machine, char *text,
                               struct vmc_error *error)
{
    struct vmc_balloon_config *config = &options->config;
    enum vmc_status status = load_machine(options, machine, error);

    if (status == VMC_OK) {
        status =
            balloon_mechanism(&config->mechanism, options->mechanism, error);
    }
    if (status == VMC_OK) {
        status = balloon_op(&config->op, options->op, error);
    }
    if (status != VMC_OK) {
        return status;
    }
    config->is_touched = strcmp(options->memory, "touched") == 0;
    if (!config->is_touched && strcmp(options->memory, "untouched") != 0) {
        return vmc_fail(error, VMC_E_USAGE,
                        "memory '%s': expected untouched or touched",
                        options->memory);
    }
    if (config->move_bytes == 0) {
        config->move_bytes = config->guest_bytes > UINT64_C(4) << 30
                                 ? config->guest_bytes - (UINT64_C(2) << 30)
                                 : config->guest_bytes / 2;
    }
    read_fragmentation(config, text);
    config->costs = &machine->costs;
    config->machine = machine->machine;
    return VMC_OK;
}

static double ms_of(uint64_t ticks)
{
    return (double)ticks / 1e9;
}

static double gib_per_s(const struct vmc_balloon_result *result)
{
    double seconds = (double)result->total_ticks / (double)VMC_TICKS_PER_S;

    return seconds > 0 ? (double)result->pages * 4096 / (1 << 30) / seconds : 0;
}

static json_t *describe(const struct options *options,
                        const struct vmc_balloon_result *result,
                        int64_t wall_ms)
{
    json_t *root = json_object(), *stages = json_object();
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {
        {"stats_answers", result->stats_answers},
        {"oom_calls", result->oom_calls},
        {"oom_pages", result->oom_pages},
        {"oom_kills", result->oom_kills},
        {"migrated", result->migrated},
        {"migrate_refused", result->migrate_refused},
        {"dirty_pages", result->dirty_pages},
        {"managed_pages", result->managed_pages},
        {"bad_addresses", result->bad_addresses},
        {"oscillates", result->is_oscillating},
        {"refused_messages", result->refused_messages},
        {"unnamed_messages", result->unnamed_messages},
        {"payload_bytes", result->payload_bytes},
        {"longest_lock_ns", result->longest_lock_ticks / 1000},
        {"actual_changes", result->actual_changes},
        {"probe_bytes", result->probe_bytes},
        {"leaked_bytes", result->leaked_bytes},
        {"wild_frees", result->wild_frees},
        {"degraded", result->is_degraded},
        {"failed_probe", result->has_failed_probe},
    };

    for (uint32_t i = 0; i < VMC_STAGE_COUNT; i++) {
        json_object_set_new(stages, vmc_balloon_stage_name(i),
                            json_real(ms_of(result->stages.ticks[i])));
    }
    json_object_set_new(root, "version", json_string(VMCYCLE_VERSION));
    json_object_set_new(root, "seed", vmc_json_u64(options->config.seed));
    json_object_set_new(root, "mechanism", json_string(options->mechanism));
    json_object_set_new(root, "machine", json_string(options->machine));
    json_object_set_new(root, "op", json_string(options->op));
    json_object_set_new(root, "memory", json_string(options->memory));
    json_object_set_new(root, "iteration",
                        json_integer(options->config.iteration));
    json_object_set_new(root, "pages", vmc_json_u64(result->pages));
    json_object_set_new(root, "messages", vmc_json_u64(result->messages));
    json_object_set_new(root, "total_ms",
                        json_real(ms_of(result->total_ticks)));
    json_object_set_new(root, "stages_ms", stages);
    json_object_set_new(root, "gib_per_s", json_real(gib_per_s(result)));
    if (options->config.op == VMC_OP_TOUCH) {
        json_object_set_new(root, "second_touch_ms",
                            json_real(ms_of(result->second_touch_ticks)));
    }
    if (options->config.op == VMC_OP_REPORT) {
        json_object_set_new(root, "passes", vmc_json_u64(result->passes));
    }
    for (uint32_t i = 0; i < VMC_COUNT_OF(counts); i++) {
        if (counts[i].value != 0) {
            json_object_set_new(root, counts[i].name,
                                vmc_json_u64(counts[i].value));
        }
    }
    json_object_set_new(root, "host_bytes_before",
                        vmc_json_u64(result->host_bytes_before));
    json_object_set_new(root, "host_bytes_after",
                        vmc_json_u64(result->host_bytes_after));
    json_object_set_new(root, "huge_bytes_before",
                        vmc_json_u64(result->huge_bytes_before));
    json_object_set_new(root, "huge_bytes_after",
                        vmc_json_u64(result->huge_bytes_after));
    json_object_set_new(root, "broken",
                        result->broken[0] != '\0' ? json_string(result->broken)
                                                  : json_null());
    json_object_set_new(root, "events", vmc_json_u64(result->events));
    json_object_set_new(root, "fingerprint", vmc_json_hex(result->fingerprint));
    json_object_set_new(root, "wall_ms", json_integer(wall_ms));
    return root;
}

static void print(const struct options *options,
                  const struct vmc_balloon_result *result, int64_t wall_ms,
                  FILE *table)
{
    (void)fprintf(table,
                  "%s, %s on %s: %" PRIu64 " pages in %" PRIu64
                  " messages, %.3f ms, %.3f GiB/s\n",
                  options->mechanism, options->op, options->machine,
                  result->pages, result->messages, ms_of(result->total_ticks),
                  gib_per_s(result));
    for (uint32_t i = 0; i < VMC_STAGE_COUNT; i++) {
        uint64_t ticks = result->stages.ticks[i];

        if (ticks != 0) {
            (void)fprintf(table, "  %-10s %14.3f ms %6.1f %%\n",
                          vmc_balloon_stage_name(i), ms_of(ticks),
                          100 * (double)ticks / (double)result->total_ticks);
        }
    }
    if (options->config.op == VMC_OP_TOUCH) {
        (void)fprintf(table, "touched once more: %.3f ms\n",
                      ms_of(result->second_touch_ticks));
    }
    if (result->passes > 0) {
        (void)fprintf(table, "passes: %" PRIu64 "\n", result->passes);
    }
    (void)fprintf(
        table,
        "backed by the host: %" PRIu64 " MiB before, %" PRIu64
        " after; by huge pages %" PRIu64 " and %" PRIu64 "\n",
        result->host_bytes_before >> 20, result->host_bytes_after >> 20,
        result->huge_bytes_before >> 20, result->huge_bytes_after >> 20);
    (void)fprintf(table, "simulated in %lld ms, %" PRIu64 " events\n",
                  (long long)wall_ms, result->events);
    if (result->broken[0] != '\0') {
        (void)fprintf(table, "broken: %s\n", result->broken);
    }
}

/* The folder with rows, pictures and page of one run. */
static enum vmc_status write_report(const struct options *options,
                                    const struct vmc_balloon_result *result,
                                    json_t *root, struct vmc_error *error)
{
    const char *dir = options->report_path;
    const struct balloon_bar bar = {options->mechanism, result->stages};
    enum vmc_status status = report_make_folder(dir, error);
    char title[128];
    json_t *page;

    if (status == VMC_OK) {
        status = balloon_report_stages(dir, &bar, 1, error);
    }
    if (status == VMC_OK) {
        status = balloon_report_map(dir, options->config.before,
                                    options->config.after, error);
    }
    if (status != VMC_OK) {
        return status;
    }
    (void)snprintf(title, sizeof(title), "%s, %s on %s", options->mechanism,
                   options->op, options->machine);
    page = json_pack("{s:s, s:O, s:O, s:O, s:O}", "input", title, "version",
                     json_object_get(root, "version"), "fingerprint",
                     json_object_get(root, "fingerprint"), "interrupted",
                     json_object_get(root, "interrupted"), "balloon", root);
    assumed_tell(page, options->assumed, true);
    status = page != NULL ? report_write(page, dir, error) : VMC_E_NOMEM;
    json_decref(page);
    return status;
}

static enum vmc_status join_interrupts(struct balloon_irq *irq,
                                       const struct options *options,
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

static enum vmc_status simulate_unlogged(struct options *options,
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
static enum vmc_status simulate(struct options *options,
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
static enum vmc_status simulate_drawn(struct options *options,
                                      struct balloon_irq *irq,
                                      struct vmc_balloon_result *result,
                                      struct vmc_error *error)
{
    static struct balloon_drawing drawing;
    enum vmc_status status =
        balloon_drawing_open(&drawing, &options->config.watch,
                             options->perfetto_path, &options->vcd, irq, error);

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

/* ---- Runs that begin alike ----------------------------------------------- */

static const struct options default_options = {
    .config = {.guest_bytes = UINT64_C(20) << 30,
               .iteration = 1,
               .seed = 1,
               .defects = VMC_BALLOON_AS_POSTED},
    .machine = "m2-2025",
    .mechanism = "pfn",
    .op = "inflate",
    .memory = "untouched",
};

/* The runs of a trunk, and how each parts from it. */
struct parting {
    struct share *share;
    struct options *options; /* of the trunk; of the run, once it has parted */
    struct balloon_machine *machine;
    uint32_t *cycles; /* before which a run parts, 0: before anything */
    bool is_run;
};

/* Whether cycles before the timed one, and their sizes, are the same. */
static bool are_alike(enum vmc_balloon_op a, enum vmc_balloon_op b)
{
    static const bool is_plain[VMC_BALLOON_OP_COUNT] = {
        [VMC_OP_SHRINK] = true, [VMC_OP_GROW] = true, [VMC_OP_PRESSURE] = true};

    return a == b || (is_plain[a] && is_plain[b]);
}

/* The options of run @number and its machine. False when they cannot be told
 * here; the run then says why. */
static bool load_run(const struct parting *parting, uint32_t number,
                     struct options *own, struct balloon_machine *machine)
{
    struct vmc_error error;
    int argc;
    char **argv = share_arguments(parting->share, number, &argc);

    if (argv == NULL) {
        return false;
    }
    *own = default_options;
    own->assumed = json_object();
    argp_parse(&parser, argc, argv, 0, NULL, own);
    return load_machine(own, machine, &error) == VMC_OK;
}

/* A guest is set up without the costs, so a run with others parts when that is
 * done; one whose machine is another, or which the trunk's plan would not fit,
 * before. */
static uint32_t parting_cycle(const struct parting *parting, uint32_t number)
{
    const char *op_name = share_value(parting->share, number, "op");
    const char *cycle_name = share_value(parting->share, number, "iteration");
    uint64_t cycle = parting->options->config.iteration;
    enum vmc_balloon_op trunk_op, op;
    struct balloon_machine machine;
    struct options own = default_options;
    struct vmc_error error;
    bool is_alike;

    if (balloon_op(&trunk_op, parting->options->op, &error) != VMC_OK ||
        balloon_op(&op, op_name != NULL ? op_name : parting->options->op,
                   &error) != VMC_OK ||
        !are_alike(trunk_op, op) ||
        (cycle_name != NULL && vmc_parse_u64(&cycle, cycle_name) != VMC_OK) ||
        cycle < 1 || cycle > UINT32_MAX) {
        return 0;
    }
    if (share_has_same_settings(parting->share, 0, number)) {
        return (uint32_t)cycle;
    }
    is_alike = load_run(parting, number, &own, &machine) &&
               memcmp(&machine.machine, &parting->machine->machine,
                      sizeof(machine.machine)) == 0;
    json_decref(own.assumed);
    return is_alike;
}

/* In a run: take over what may differ from the trunk. */
static bool become_run(struct parting *parting, uint32_t number)
{
    struct balloon_machine machine;
    struct options own = default_options;
    struct vmc_error error;

    if (!load_run(parting, number, &own, &machine) ||
        balloon_op(&parting->options->config.op, own.op, &error) != VMC_OK) {
        return false;
    }
    parting->is_run = true;
    (void)json_object_update(parting->options->assumed, own.assumed);
    json_decref(own.assumed);
    parting->options->json_path = own.json_path;
    parting->options->op = own.op;
    parting->options->config.iteration = own.config.iteration;
    parting->machine->costs = machine.costs;
    return true;
}

static bool choose(void *owner, uint32_t cycle, enum vmc_balloon_op *op)
{
    struct parting *parting = owner;
    struct share *share = parting->share;
    const struct vmc_balloon_config *config = &parting->options->config;

    for (uint32_t i = 0; i < share_count(share) && !parting->is_run; i++) {
        if (parting->cycles[i] == cycle && share_part(share, i) &&
            !become_run(parting, i)) {
            (void)fprintf(stderr, "vmcycle: cannot go on from a trunk\n");
            exit(EXIT_INTERNAL);
        }
    }
    *op = parting->is_run && cycle == config->iteration ? config->op
                                                        : VMC_BALLOON_OP_COUNT;
    return parting->is_run || !share_is_over(share);
}

static FILE *table_of(const struct options *options)
{
    return command_table_beside(options->json_path, options->perfetto_path,
                                options->vcd.path);
}

/* ---- The run ------------------------------------------------------------ */

/* @parting is NULL for a run that begins by itself. */
static int run(struct options *options, struct parting *parting)
{
    static char text[TEXT_BYTES_MAX];
    static struct balloon_machine machine; /* the options refer to it */
    struct vmc_balloon_result result;
    struct vmc_error error = {""};
    enum vmc_status status = prepare(options, &machine, text, &error);
    int64_t start_ms = host_now_ms(), wall_ms;
    struct balloon_irq *irq = NULL;
    json_t *root;

    if (status == VMC_OK && options->interrupts != NULL) {
        irq = calloc(1, sizeof(*irq));
        status =
            irq != NULL ? join_interrupts(irq, options, &error) : VMC_E_NOMEM;
        options->config.port = status == VMC_OK ? &irq->port : NULL;
    }
    if (parting != NULL) {
        parting->machine = &machine;
        options->config.choose = choose;
        options->config.choose_owner = parting;
    }
    if (status == VMC_OK) {
        status = simulate_drawn(options, irq, &result, &error);
    }
    if (status != VMC_OK || (parting != NULL && !parting->is_run)) {
        if (irq != NULL) {
            balloon_irq_fini(irq);
            free(irq);
        }
        return command_failed(status, &error);
    }
    wall_ms = host_now_ms() - start_ms;
    root = describe(options, &result, wall_ms);
    tell_interruption(&result, root, table_of(options));
    print(options, &result, wall_ms, table_of(options));
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
        status = write_report(options, &result, root, &error);
    }
    json_decref(root);
    if (status != VMC_OK) {
        return command_failed(status, &error);
    }
    return result.broken[0] == '\0' ? EXIT_GOOD : EXIT_MISMATCH;
}

int command_balloon(int argc, char **argv)
{
    struct options options = default_options;
    int end;

    options.assumed = json_object();
    argp_parse(&parser, argc, argv, 0, NULL, &options);
    interrupted_watch();
    end = options.is_validating ? balloon_validate(options.json_path)
                                : run(&options, NULL);
    json_decref(options.assumed);
    return end;
}

/* Runs that part before anything is done, then the others. */
static int part_runs(struct parting *parting)
{
    struct share *share = parting->share;

    for (uint32_t i = 0; i < share_count(share); i++) {
        parting->cycles[i] = parting_cycle(parting, i);
    }
    for (uint32_t i = 0; i < share_count(share); i++) {
        if (parting->cycles[i] == 0 && share_part(share, i)) {
            int argc;
            char **argv = share_arguments(share, i, &argc);

            return argv != NULL ? command_balloon(argc, argv) : EXIT_BAD_INPUT;
        }
    }
    parting->options->config.iteration = 1; /* choose() knows better */
    return share_is_over(share) ? EXIT_GOOD : run(parting->options, parting);
}

static int run_shared(struct share *share)
{
    struct options options = default_options;
    struct balloon_machine machine;
    struct parting parting = {
        .share = share, .options = &options, .machine = &machine};
    int end = EXIT_BAD_INPUT;

    if (load_run(&parting, 0, &options, &machine) && !options.is_validating &&
        options.report_path == NULL && options.perfetto_path == NULL &&
        options.log_path == NULL) {
        parting.cycles = calloc(share_count(share), sizeof(*parting.cycles));
        end = parting.cycles != NULL ? part_runs(&parting) : EXIT_INTERNAL;
    }
    free(parting.cycles);
    json_decref(options.assumed);
    return end;
}

static const char *const late_options[] = {"iteration", "op", "set", NULL};

const struct shared_command shared_balloon = {
    .name = "balloon",
    .late = late_options,
    .is_settings_first = true, /* the cycles before are those of the costs */
    .run = run_shared};
