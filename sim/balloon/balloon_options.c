/* SPDX-License-Identifier: MIT */
#include "sim/balloon/balloon_options.h"

#include <stdio.h>
#include <string.h>

#include "event/clock.h"
#include "sim/assumed.h"
#include "sim/options.h"

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
        &((struct balloon_options *)state->input)->config;

    switch (key) {
    case OPTION_GUEST:
        config->guest_bytes =
            option_size(state, "--guest", argument, UINT64_MAX);
        return 0;
    case OPTION_MOVE:
        config->move_bytes = option_size(state, "--move", argument, UINT64_MAX);
        return 0;
    case OPTION_TOUCH:
        config->touch_bytes =
            option_size(state, "--touch", argument, UINT64_MAX);
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
        config->poison_byte = (uint8_t)option_number(state, "--page-poison",
                                                     argument, 0, UINT8_MAX);
        return 0;
    case OPTION_STATS:
        config->stats_ticks =
            option_number(state, "--stats-period", argument, 0, 999999) *
            (VMC_TICKS_PER_S / 1000);
        return 0;
    case OPTION_PAGES:
        config->migrate_pages =
            (uint32_t)option_number(state, "--pages", argument, 0, INT32_MAX);
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
    struct balloon_options *options = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->vcd;
        state->child_inputs[1] = &options->timeline;
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
    {&waveform_argp, 0, "Waveforms, for GTKWave:", 1},
    {&timeline_argp, 0, "Timelines, for Perfetto:", 2},
    {0}};

static const struct argp parser = {
    option_table,
    parse_option,
    "",
    "Predict how long it takes to move memory between a guest and its host.",
    children,
    0,
    0};
static const struct balloon_options default_options = {
    .config = {.guest_bytes = UINT64_C(20) << 30,
               .iteration = 1,
               .seed = 1,
               .defects = VMC_BALLOON_AS_POSTED},
    .machine = "m2-2025",
    .mechanism = "pfn",
    .op = "inflate",
    .memory = "untouched",
};
void balloon_options_parse(struct balloon_options *options, int argc,
                           char **argv)
{
    *options = default_options;
    options->assumed = json_object();
    argp_parse(&parser, argc, argv, 0, NULL, options);
}

/* A name of a fragmentation may be that of a file. */
static enum vmc_status read_fragmentation(struct vmc_balloon_config *config,
                                          char *text, struct vmc_error *error)
{
    const char *path = config->fragmentation;
    FILE *file = path != NULL ? fopen(path, "re") : NULL;
    size_t bytes;

    if (file == NULL) {
        return VMC_OK;
    }
    bytes = fread(text, 1, BALLOON_TEXT_BYTES_MAX, file);
    (void)fclose(file);
    if (bytes == BALLOON_TEXT_BYTES_MAX) {
        return vmc_fail(error, VMC_E_FORMAT,
                        "%s: expected the text of /proc/buddyinfo or "
                        "/proc/pagetypeinfo, below %d bytes",
                        path, BALLOON_TEXT_BYTES_MAX);
    }
    text[bytes] = '\0';
    config->fragmentation = text;
    return VMC_OK;
}

enum vmc_status balloon_options_machine(const struct balloon_options *options,
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

enum vmc_status balloon_options_prepare(struct balloon_options *options,
                                        struct balloon_machine *machine,
                                        char *text, struct vmc_error *error)
{
    struct vmc_balloon_config *config = &options->config;
    enum vmc_status status = balloon_options_machine(options, machine, error);

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
    config->costs = &machine->costs;
    config->machine = machine->machine;
    return read_fragmentation(config, text, error);
}
