/* SPDX-License-Identifier: MIT */
/*
 * What the guest's drivers pay for interrupt routing, by design and by number
 * of vCPUs. Each design is a machine and the driver that belongs to it; the
 * driver's own routines run on the machine, and every access that they make is
 * counted and priced. Whether a vector can be sent to every vCPU is tried, not
 * asked: it is moved to each in turn and raised.
 */
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/clock.h"
#include "sim/command.h"
#include "sim/compare/compare.h"
#include "sim/machine/guest.h"
#include "sim/interrupted.h"
#include "sim/machine/irqsim.h"
#include "sim/machine/machine.h"
#include "sim/options.h"
#include "sim/report/report.h"
#include "stats/json.h"

enum { SIZES_MAX = 64, TEST_VECTOR = 69 };

static const struct design {
    const char *name;
    enum vmc_eio_layout layout;
    enum guest_extension extension;
    enum guest_generation generation;
} designs[] = {
    {"eiointc", VMC_EIO_LAYOUT_NONE, GUEST_EXTENSION_NONE, GUEST_L1},
    {"v-eiointc", VMC_EIO_LAYOUT_FINAL, GUEST_EXTENSION_FINAL, GUEST_L2},
    {"alternative-a", VMC_EIO_LAYOUT_A, GUEST_EXTENSION_A, GUEST_L2},
    {"alternative-b", VMC_EIO_LAYOUT_B, GUEST_EXTENSION_B, GUEST_L2},
};

struct options {
    const char *profile_name, *json_path, *report_path;
    uint32_t sizes[SIZES_MAX];
    uint32_t size_count;
    const char *settings[OPTION_SETTINGS_MAX];
    uint32_t setting_count;
};

enum option_key { OPTION_IRQ = 256, OPTION_VCPUS, OPTION_REPORT, OPTION_SET };

static const struct argp_option option_table[] = {
    {"irq", OPTION_IRQ, 0, 0, "compare interrupt routing", 0},
    {"vcpus", OPTION_VCPUS, "LIST", 0,
     "numbers of vCPUs, as 1,4,256; default is 1 to 256 by powers of two", 0},
    {"profile", 'p', "NAME", 0, "timing profile; default is 3c5000-kvm", 0},
    {"set", OPTION_SET, "SECTION.KEY=VALUE", 0,
     "replace one number of the profile", 0},
    {"json", 'j', "FILE", 0, "write the result as JSON; - is standard output",
     0},
    {"report", OPTION_REPORT, "DIR", 0, "write rows and a picture into DIR", 0},
    {0}};

static void parse_sizes(struct argp_state *state, struct options *options,
                        const char *text)
{
    char copy[512];

    (void)snprintf(copy, sizeof(copy), "%s", text);
    options->size_count = 0;
    for (char *word = strtok(copy, ","); word != NULL;
         word = strtok(NULL, ",")) {
        uint64_t size;

        if (vmc_parse_u64(&size, word) != VMC_OK || size < 1 ||
            size > MACHINE_VCPUS_MAX || options->size_count == SIZES_MAX) {
            argp_error(state, "--vcpus '%s': expected 1 to 256", word);
            return;
        }
        options->sizes[options->size_count++] = (uint32_t)size;
    }
    if (options->size_count == 0) {
        argp_error(state, "--vcpus names no number");
    }
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case OPTION_IRQ:
        return 0;
    case OPTION_VCPUS:
        parse_sizes(state, options, argument);
        return 0;
    case 'p':
        options->profile_name = argument;
        return 0;
    case 'j':
        options->json_path = argument;
        return 0;
    case OPTION_SET:
        option_add(state, "--set", options->settings, &options->setting_count,
                   OPTION_SETTINGS_MAX, argument);
        return 0;
    case OPTION_REPORT:
        options->report_path = argument;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    option_table,
    parse_option,
    0,
    "Count and price the accesses of the guest's drivers, for EIOINTC, "
    "V-EIOINTC and the two register layouts that were proposed beside it.",
    0,
    0,
    0};

/* ---- One design --------------------------------------------------------- */

struct bench {
    struct machine machine;
    struct guest guest;
    const struct irqsim_timing *timing;
    uint64_t accesses, ticks;
};

/* One row of the result. */
struct row {
    const char *design;
    uint32_t vcpus;
    uint64_t boot_accesses;     /* all vCPUs coming online, once */
    uint64_t affinity_accesses; /* moving one vector */
    uint64_t affinity_ticks;
    uint64_t dispatch_accesses; /* serving one vector */
    uint64_t dispatch_ticks;
    uint32_t reachable; /* vCPUs that a vector arrives at when sent there */
};

/* Run @routine as @vcpu to its end; counts and prices go to @bench. */
static void run_routine(struct bench *bench, uint32_t vcpu,
                        struct guest_routine routine)
{
    struct guest_access access;
    uint64_t read = 0;

    routine.vcpu = vcpu;
    while (guest_next(&bench->guest, &routine, read, &access)) {
        bench->accesses++;
        bench->ticks += access.bus == GUEST_MMIO ? bench->timing->mmio
                                                 : bench->timing->iocsr;
        read = 0;
        if (access.is_write) {
            machine_iocsr_write(&bench->machine, vcpu, access.address,
                                access.size_bytes, access.data);
        } else {
            read = machine_iocsr_read(&bench->machine, vcpu, access.address,
                                      access.size_bytes);
        }
    }
}

static void restart_counts(struct bench *bench)
{
    bench->accesses = bench->ticks = 0;
}

static enum vmc_status set_up(struct bench *bench, const struct design *design,
                              uint32_t vcpus,
                              const struct irqsim_timing *timing)
{
    struct machine_config config = {.semantics = MACHINE_QEMU,
                                    .layout = design->layout,
                                    .vcpu_count = vcpus};

    bench->timing = timing;
    bench->guest = (struct guest){.generation = design->generation,
                                  .extension = design->extension,
                                  .vector_count = VMC_EIO_VECTORS,
                                  .vcpu_count = vcpus,
                                  .node_map = 0xffff,
                                  .parent_pin = 1};
    for (uint32_t i = 0; i < vcpus; i++) {
        config.physical_ids[i] = (uint16_t)i;
        bench->guest.physical_ids[i] = (uint16_t)i;
        bench->guest.online[i] = 1;
    }
    return machine_init(&bench->machine, &config);
}

static void boot(struct bench *bench)
{
    run_routine(bench, 0, (struct guest_routine){.kind = GUEST_EXTENSION_INIT});
    for (uint32_t i = 0; i < bench->guest.vcpu_count; i++) {
        run_routine(bench, i,
                    (struct guest_routine){.kind = GUEST_ROUTER_INIT});
    }
}

/* Move the vector to every vCPU in turn; at how many does it arrive? */
static uint32_t count_reachable(struct bench *bench)
{
    uint32_t reachable = 0;

    for (uint32_t i = 0; i < bench->guest.vcpu_count; i++) {
        run_routine(bench, 0,
                    (struct guest_routine){.kind = GUEST_SET_AFFINITY,
                                           .vector = TEST_VECTOR,
                                           .target = i});
        machine_set_vector(&bench->machine, TEST_VECTOR, true);
        reachable += vmc_eio_pending_on(&bench->machine.eio, TEST_VECTOR) == i;
        machine_set_vector(&bench->machine, TEST_VECTOR, false);
    }
    return reachable;
}

static void measure(struct bench *bench, struct row *row)
{
    uint32_t last = bench->guest.vcpu_count - 1;
    uint32_t vcpu;

    restart_counts(bench);
    boot(bench);
    row->boot_accesses = bench->accesses;
    restart_counts(bench);
    run_routine(bench, 0,
                (struct guest_routine){.kind = GUEST_SET_AFFINITY,
                                       .vector = TEST_VECTOR,
                                       .target = last});
    row->affinity_accesses = bench->accesses;
    row->affinity_ticks = bench->ticks;
    machine_set_vector(&bench->machine, TEST_VECTOR, true);
    vcpu = vmc_eio_pending_on(&bench->machine.eio, TEST_VECTOR);
    restart_counts(bench);
    run_routine(bench, vcpu,
                (struct guest_routine){.kind = GUEST_DISPATCH, .pin = 1});
    row->dispatch_accesses = bench->accesses;
    row->dispatch_ticks = bench->ticks;
    machine_set_vector(&bench->machine, TEST_VECTOR, false);
    row->reachable = count_reachable(bench);
}

/* ---- Telling ------------------------------------------------------------ */

static json_t *describe(const struct row *row)
{
    json_t *json = json_object();

    json_object_set_new(json, "design", json_string(row->design));
    json_object_set_new(json, "vcpus", json_integer(row->vcpus));
    json_object_set_new(json, "boot_accesses",
                        vmc_json_u64(row->boot_accesses));
    json_object_set_new(json, "affinity_accesses",
                        vmc_json_u64(row->affinity_accesses));
    json_object_set_new(json, "affinity_ns",
                        vmc_json_u64(row->affinity_ticks / VMC_TICKS_PER_NS));
    json_object_set_new(json, "dispatch_accesses",
                        vmc_json_u64(row->dispatch_accesses));
    json_object_set_new(json, "dispatch_ns",
                        vmc_json_u64(row->dispatch_ticks / VMC_TICKS_PER_NS));
    json_object_set_new(json, "reachable_vcpus", json_integer(row->reachable));
    return json;
}

static void print_head(FILE *to)
{
    (void)fprintf(to, "%5s %-14s %9s %9s %12s %9s %12s %10s\n", "vCPUs",
                  "design", "boot", "affinity", "affinity ns", "dispatch",
                  "dispatch ns", "reachable");
}

static void print_row(FILE *to, const struct row *row)
{
    (void)fprintf(
        to,
        "%5" PRIu32 " %-14s %9" PRIu64 " %9" PRIu64 " %12" PRIu64 " %9" PRIu64
        " %12" PRIu64 " %10" PRIu32 "\n",
        row->vcpus, row->design, row->boot_accesses, row->affinity_accesses,
        row->affinity_ticks / VMC_TICKS_PER_NS, row->dispatch_accesses,
        row->dispatch_ticks / VMC_TICKS_PER_NS, row->reachable);
}

static enum vmc_status write_rows(const struct row *rows, uint32_t count,
                                  const json_t *root, const char *dir,
                                  struct vmc_error *error)
{
    struct vmc_outfile *out;
    enum vmc_status status = report_make_folder(dir, error);

    if (status == VMC_OK) {
        status = report_open_rows(&out, dir, "compare-irq.tsv", error);
    }
    if (status != VMC_OK) {
        return status;
    }
    (void)fputs("vcpus\tdesign\tboot\taffinity\treachable\n",
                vmc_outfile_stream(out));
    for (uint32_t i = 0; i < count; i++) {
        (void)fprintf(vmc_outfile_stream(out),
                      "%" PRIu32 "\t%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu32
                      "\n",
                      rows[i].vcpus, rows[i].design, rows[i].boot_accesses,
                      rows[i].affinity_accesses, rows[i].reachable);
    }
    status = vmc_outfile_commit(out, error);
    return status == VMC_OK ? report_write(root, dir, error) : status;
}

static enum vmc_status run_all(const struct options *options,
                               const struct irqsim_timing *timing, json_t *root,
                               FILE *table, struct vmc_error *error)
{
    json_t *list = json_object_get(root, "irq");
    static struct row rows[SIZES_MAX * VMC_COUNT_OF(designs)];
    struct bench *bench = calloc(1, sizeof(*bench));
    enum vmc_status status = VMC_OK;
    uint32_t count = 0;
    bool is_cut = false;

    if (bench == NULL) {
        return VMC_E_NOMEM;
    }
    print_head(table);
    for (uint32_t s = 0; s < options->size_count; s++) {
        for (size_t d = 0; d < VMC_COUNT_OF(designs); d++) {
            struct row *row;

            is_cut = is_cut || interrupted();
            if (is_cut) {
                break;
            }
            row = &rows[count++];
            *row = (struct row){.design = designs[d].name,
                                .vcpus = options->sizes[s]};
            status = set_up(bench, &designs[d], row->vcpus, timing);
            if (status != VMC_OK) {
                break;
            }
            measure(bench, row);
            print_row(table, row);
            json_array_append_new(list, describe(row));
        }
    }
    free(bench);
    interrupted_tell(root, table, is_cut, "the rows above");
    if (status == VMC_OK && options->report_path != NULL) {
        status = write_rows(rows, count, root, options->report_path, error);
    }
    return status;
}

int compare_irq(int argc, char **argv)
{
    struct options options = {.profile_name = "3c5000-kvm"};
    struct vmc_error error = {""};
    struct vmc_profile *profile;
    struct irqsim_timing timing;
    enum vmc_status status;

    for (uint32_t size = 1; size <= MACHINE_VCPUS_MAX; size *= 2) {
        options.sizes[options.size_count++] = size;
    }
    argp_parse(&parser, argc, argv, 0, NULL, &options);
    status = vmc_profile_load_changed(&profile, options.profile_name,
                                      options.settings, options.setting_count,
                                      &error);
    if (status == VMC_OK) {
        status = irqsim_timing_read(&timing, profile, &error);
    }
    if (status == VMC_OK) {
        json_t *root = json_object();

        json_object_set_new(root, "version", json_string(VMCYCLE_VERSION));
        json_object_set_new(root, "profile",
                            json_string(vmc_profile_name(profile)));
        json_object_set_new(root, "irq", json_array());
        status = run_all(&options, &timing, root,
                         command_table(options.json_path), &error);
        if (status == VMC_OK && options.json_path != NULL) {
            status = vmc_json_write(root, options.json_path, &error);
        }
        json_decref(root);
    }
    vmc_profile_free(profile);
    return status == VMC_OK ? EXIT_GOOD : command_failed(status, &error);
}
