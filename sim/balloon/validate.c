/* SPDX-License-Identifier: MIT */
/*
 * The published measurements that the two machine profiles were fitted to,
 * each run as a scenario and printed beside what was published. The numbers
 * stand here and nowhere in the models: what is simulated comes from events.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim/balloon/balloon.h"
#include "sim/command.h"
#include "sim/interrupted.h"
#include "sim/progress.h"
#include "stats/json.h"

#define GIB (UINT64_C(1) << 30)

enum row_value {
    VALUE_TOTAL,
    VALUE_STAGE,
    VALUE_SECOND_TOUCH,
    VALUE_HUGE_KIB_BEFORE,
    VALUE_HUGE_KIB_AFTER,
};

/* What a row is for: the profiles are fitted to it, or it follows from how
 * things work and from nothing that was fitted. */
enum row_role { ROLE_FITTED, ROLE_STRUCTURE };

struct row {
    const char *id, *what, *machine;
    enum vmc_balloon_mechanism mechanism;
    enum vmc_balloon_op op;
    bool is_touched, has_vfio;
    uint32_t iteration;
    enum row_value value;
    enum vmc_balloon_stage stage;
    double published, tolerance;
    enum row_role role;
    const struct guest *guest; /* NULL: that of the machine's series */
};

/* A guest other than the two that the series of measurements had. */
struct guest {
    uint64_t guest_bytes, move_bytes, touch_bytes, used_bytes;
    const char *fragmentation;
};

/* 1 GiB, holes punched into 800 MiB. What the guest uses itself is what was
 * huge at the start, 911 360 kB, less those 800 MiB. */
static const struct guest punched = {
    .guest_bytes = 1 * GIB,
    .move_bytes = 424 << 20,
    .touch_bytes = 800 << 20,
    .used_bytes = 90 << 20,
    .fragmentation = "punch:800M",
};

/* All that is free is one list of blocks of 4 MiB: 7 GiB, or 256 GiB. */
static const struct guest one_list = {
    .guest_bytes = 12 * GIB,
    .fragmentation = "Node 0, zone      DMA 0 0 0 0 0 0 0 0 0 0 0\n"
                     "Node 0, zone    DMA32 0 0 0 0 0 0 0 0 0 0 0\n"
                     "Node 0, zone   Normal 0 0 0 0 0 0 0 0 0 0 1792\n",
};
static const struct guest long_list = {
    .guest_bytes = 261 * GIB,
    .fragmentation = "Node 0, zone      DMA 0 0 0 0 0 0 0 0 0 0 0\n"
                     "Node 0, zone    DMA32 0 0 0 0 0 0 0 0 0 0 0\n"
                     "Node 0, zone   Normal 0 0 0 0 0 0 0 0 0 0 65536\n",
};

/* Sources: "[PATCH kernel v4 4/7] virtio-balloon: speed up inflate/deflate",
 * 2 Nov 2016 (V1, V3); raw data of HyperAlloc, luhsra/hyperalloc-bench. */
static const struct row rows[] = {
    {"V1", "7 of 8 GiB, page numbers: all", "m1-2016", VMC_MECHANISM_PFN,
     VMC_OP_SHRINK, false, false, 1, VALUE_TOTAL, 0, 4126, 0.02, ROLE_FITTED,
     NULL},
    {"V1", "  allocate", "m1-2016", VMC_MECHANISM_PFN, VMC_OP_SHRINK, false,
     false, 1, VALUE_STAGE, VMC_STAGE_ALLOC, 268.19, 0.02, ROLE_FITTED, NULL},
    {"V1", "  send", "m1-2016", VMC_MECHANISM_PFN, VMC_OP_SHRINK, false, false,
     1, VALUE_STAGE, VMC_STAGE_SEND, 2818.06, 0.02, ROLE_FITTED, NULL},
    {"V1", "  translate", "m1-2016", VMC_MECHANISM_PFN, VMC_OP_SHRINK, false,
     false, 1, VALUE_STAGE, VMC_STAGE_TRANSLATE, 251.69, 0.02, ROLE_FITTED,
     NULL},
    {"V1", "  madvise", "m1-2016", VMC_MECHANISM_PFN, VMC_OP_SHRINK, false,
     false, 1, VALUE_STAGE, VMC_STAGE_MADVISE, 783.94, 0.02, ROLE_FITTED, NULL},
    {"V3", "7 of 8 GiB, page bitmap", "m1-2016", VMC_MECHANISM_BITMAP,
     VMC_OP_SHRINK, false, false, 1, VALUE_TOTAL, 0, 590, 0.02, ROLE_FITTED,
     NULL},
    {"V8", "18 GiB, page numbers, untouched", "m2-2025", VMC_MECHANISM_PFN,
     VMC_OP_SHRINK, false, false, 2, VALUE_TOTAL, 0, 11972, 0.01, ROLE_FITTED,
     NULL},
    {"V9", "18 GiB, given back", "m2-2025", VMC_MECHANISM_PFN, VMC_OP_GROW,
     true, false, 2, VALUE_TOTAL, 0, 8532, 0.01, ROLE_FITTED, NULL},
    {"V11", "18 GiB, page numbers, touched", "m2-2025", VMC_MECHANISM_PFN,
     VMC_OP_SHRINK, true, false, 2, VALUE_TOTAL, 0, 21020, 0.02, ROLE_FITTED,
     NULL},
    {"V14", "18 GiB, huge frames, untouched", "m2-2025", VMC_MECHANISM_HUGE,
     VMC_OP_SHRINK, false, false, 2, VALUE_TOTAL, 0, 69.54, 0.02, ROLE_FITTED,
     NULL},
    {"V16", "18 GiB, huge frames, touched", "m2-2025", VMC_MECHANISM_HUGE,
     VMC_OP_SHRINK, true, false, 2, VALUE_TOTAL, 0, 146.9, 0.03, ROLE_FITTED,
     NULL},
    {"V17", "19 GiB touched again", "m2-2025", VMC_MECHANISM_HUGE, VMC_OP_TOUCH,
     true, false, 2, VALUE_TOTAL, 0, 4423, 0.02, ROLE_FITTED, NULL},
    {"V17", "19 GiB touched once more", "m2-2025", VMC_MECHANISM_HUGE,
     VMC_OP_TOUCH, true, false, 2, VALUE_SECOND_TOUCH, 0, 1117, 0.02,
     ROLE_FITTED, NULL},
    {"V19", "18 GiB, virtio-mem, untouched", "m2-2025",
     VMC_MECHANISM_VIRTIO_MEM, VMC_OP_SHRINK, false, false, 2, VALUE_TOTAL, 0,
     473.6, 0.02, ROLE_FITTED, NULL},
    {"V21", "18 GiB, virtio-mem, plugged", "m2-2025", VMC_MECHANISM_VIRTIO_MEM,
     VMC_OP_GROW, false, false, 2, VALUE_TOTAL, 0, 196.6, 0.02, ROLE_FITTED,
     NULL},
    {"V22", "18 GiB, virtio-mem, VFIO, touched", "m2-2025",
     VMC_MECHANISM_VIRTIO_MEM, VMC_OP_SHRINK, true, true, 2, VALUE_TOTAL, 0,
     881.2, 0.02, ROLE_FITTED, NULL},
    {"V27", "18 GiB, shared allocator, returned", "m2-2025",
     VMC_MECHANISM_HYPERALLOC, VMC_OP_GROW, false, false, 2, VALUE_TOTAL, 0,
     2.347, 0.02, ROLE_FITTED, NULL},
    {"V28", "18 GiB, shared allocator, reclaimed", "m2-2025",
     VMC_MECHANISM_HYPERALLOC, VMC_OP_SHRINK, false, false, 2, VALUE_TOTAL, 0,
     3.974, 0.02, ROLE_FITTED, NULL},
    {"V37", "all of 7 GiB reported, ms", "m2-2025", VMC_MECHANISM_REPORTING,
     VMC_OP_REPORT, false, false, 1, VALUE_TOTAL, 0, 24000, 0.02,
     ROLE_STRUCTURE, &one_list},
    {"V37", "all of 256 GiB reported, ms", "m2-2025", VMC_MECHANISM_REPORTING,
     VMC_OP_REPORT, false, false, 1, VALUE_TOTAL, 0, 32000, 0.05,
     ROLE_STRUCTURE, &long_list},
    {"V40", "huge pages at the start, kB", "m2-2025", VMC_MECHANISM_PFN,
     VMC_OP_SHRINK, false, false, 1, VALUE_HUGE_KIB_BEFORE, 0, 911360, 0.15,
     ROLE_STRUCTURE, &punched},
    {"V40", "  page numbers, inflated", "m2-2025", VMC_MECHANISM_PFN,
     VMC_OP_SHRINK, false, false, 1, VALUE_HUGE_KIB_AFTER, 0, 88064, 0.15,
     ROLE_STRUCTURE, &punched},
    {"V40", "  page numbers, touched again", "m2-2025", VMC_MECHANISM_PFN,
     VMC_OP_TOUCH, false, false, 1, VALUE_HUGE_KIB_AFTER, 0, 65536, 0.15,
     ROLE_STRUCTURE, &punched},
    {"V40", "  contiguous first, inflated", "m2-2025", VMC_MECHANISM_CONTIGUOUS,
     VMC_OP_SHRINK, false, false, 1, VALUE_HUGE_KIB_AFTER, 0, 616448, 0.15,
     ROLE_STRUCTURE, &punched},
    {"V40", "  contiguous first, touched again", "m2-2025",
     VMC_MECHANISM_CONTIGUOUS, VMC_OP_TOUCH, false, false, 1,
     VALUE_HUGE_KIB_AFTER, 0, 907264, 0.15, ROLE_STRUCTURE, &punched},
};

/* In ms, or in kB for huge pages. */
static double simulated(const struct row *row,
                        const struct vmc_balloon_result *result)
{
    switch (row->value) {
    case VALUE_STAGE:
        return (double)result->stages.ticks[row->stage] / 1e9;
    case VALUE_SECOND_TOUCH:
        return (double)result->second_touch_ticks / 1e9;
    case VALUE_HUGE_KIB_BEFORE:
        return (double)(result->huge_bytes_before >> 10);
    case VALUE_HUGE_KIB_AFTER:
        return (double)(result->huge_bytes_after >> 10);
    default:
        return (double)result->total_ticks / 1e9;
    }
}

static enum vmc_status run_row(const struct row *row,
                               struct vmc_balloon_result *result,
                               struct vmc_error *error)
{
    struct balloon_machine machine;
    bool is_first = row->mechanism == VMC_MECHANISM_BITMAP ||
                    strcmp(row->machine, "m1-2016") == 0;
    struct vmc_balloon_config config = {
        .costs = &machine.costs,
        .mechanism = row->mechanism,
        .op = row->op,
        .guest_bytes = (is_first ? 8 : 20) * GIB,
        .move_bytes = (is_first ? 7 : 18) * GIB,
        .iteration = row->iteration,
        .is_touched = row->is_touched,
        .has_vfio = row->has_vfio,
        .seed = 1,
        .defects = VMC_BALLOON_AS_POSTED,
        .is_stopped = interrupted,
    };
    enum vmc_status status = balloon_load(&machine, row->machine, error);

    if (status != VMC_OK) {
        return status;
    }
    config.machine = machine.machine;
    if (row->guest != NULL) {
        config.guest_bytes = row->guest->guest_bytes;
        config.move_bytes = row->guest->move_bytes;
        config.touch_bytes = row->guest->touch_bytes;
        config.machine.used_bytes = row->guest->used_bytes;
        config.fragmentation = row->guest->fragmentation;
    }
    return vmc_balloon_run(&config, result, error);
}

static json_t *describe(const struct row *row, double value, double error)
{
    json_t *json = json_object();

    json_object_set_new(json, "id", json_string(row->id));
    json_object_set_new(json, "what", json_string(row->what));
    json_object_set_new(json, "machine", json_string(row->machine));
    json_object_set_new(json, "published", json_real(row->published));
    json_object_set_new(json, "simulated", json_real(value));
    json_object_set_new(json, "error_percent", json_real(100 * error));
    json_object_set_new(json, "tolerance_percent",
                        json_real(100 * row->tolerance));
    return json;
}

/* Sums over the rows. */
struct totals {
    double log_sum;
    uint32_t fitted, missed, fitted_missed;
    bool is_cut; /* by a signal, before the last row */
};

static void print_row(const struct row *row, double value, double off,
                      struct totals *totals, FILE *table)
{
    bool is_missed = fabs(off) > row->tolerance;

    if (row->role == ROLE_FITTED) {
        totals->log_sum += fabs(log(value / row->published));
        totals->fitted++;
        totals->fitted_missed += is_missed;
    }
    totals->missed += is_missed;
    (void)fprintf(table, "%-4s %-38s %-8s %12.3f %12.3f %+7.2f%% %5.0f%%%s\n",
                  row->id, row->what, row->machine, row->published, value,
                  100 * off, 100 * row->tolerance, is_missed ? "  MISSED" : "");
}

/* What the specification says of a row, when there is nothing to run. */
static void print_absent(FILE *table)
{
    (void)fputs(
        "\nNot in the table: the other rows of the numbers V1 to V40 are held "
        "out; what was\npublished of them is not known here. All rows that "
        "are known were run.\n",
        table);
}

static enum vmc_status run_rows(json_t *list, struct totals *totals,
                                FILE *table, struct vmc_error *error)
{
    struct progress progress;
    enum vmc_status status = VMC_OK;

    progress_start(&progress, "validate", "rows");
    for (uint32_t i = 0; i < VMC_COUNT_OF(rows) && status == VMC_OK; i++) {
        struct vmc_balloon_result result;
        double value, off;

        status = run_row(&rows[i], &result, error);
        if (status == VMC_OK && result.is_stopped) {
            totals->is_cut = true;
            break;
        }
        if (status == VMC_OK && result.broken[0] != '\0') {
            status = vmc_fail(error, VMC_E_FORMAT, "%s: %s", rows[i].id,
                              result.broken);
        }
        if (status != VMC_OK) {
            break;
        }
        value = simulated(&rows[i], &result);
        off = value / rows[i].published - 1;
        print_row(&rows[i], value, off, totals, table);
        json_array_append_new(list, describe(&rows[i], value, off));
        progress_add(&progress, 1);
    }
    progress_end(&progress);
    return status;
}

int balloon_validate(const char *json_path)
{
    FILE *table = command_table(json_path);
    json_t *list = json_array(), *root = json_object();
    struct vmc_error error = {""};
    struct totals totals = {0};
    enum vmc_status status;

    (void)fprintf(table, "%-4s %-38s %-8s %12s %12s %8s %6s\n", "row", "",
                  "machine", "published", "simulated", "error", "limit");
    status = run_rows(list, &totals, table, &error);
    if (status == VMC_OK) {
        uint32_t fitted = totals.fitted > 0 ? totals.fitted : 1;
        double mean = 100 * (exp(totals.log_sum / fitted) - 1);

        (void)fprintf(table,
                      "geometric mean of the errors of fitted rows: %.2f %%; "
                      "%u of %zu rows missed\n",
                      mean, totals.missed, json_array_size(list));
        if (!totals.is_cut) {
            print_absent(table);
        }
        json_object_set_new(root, "version", json_string(VMCYCLE_VERSION));
        json_object_set_new(root, "rows", json_incref(list));
        json_object_set_new(root, "geometric_mean_percent", json_real(mean));
        json_object_set_new(root, "missed", json_integer(totals.missed));
        interrupted_tell(root, table, totals.is_cut, "the rows above");
        if (json_path != NULL) {
            status = vmc_json_write(root, json_path, &error);
        }
    }
    json_decref(list);
    json_decref(root);
    if (status != VMC_OK) {
        return command_failed(status, &error);
    }
    return totals.fitted_missed == 0 ? EXIT_GOOD : EXIT_MISMATCH;
}
