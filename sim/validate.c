/* SPDX-License-Identifier: MIT */
/*
 * The published measurements that the two machine profiles were fitted to,
 * each run as a scenario and printed beside what was published. The numbers
 * stand here and nowhere in the models: what is simulated comes from events.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim/balloon.h"
#include "sim/command.h"
#include "stats/json.h"

#define GIB (UINT64_C(1) << 30)

enum row_value { VALUE_TOTAL, VALUE_STAGE, VALUE_SECOND_TOUCH };

struct row {
    const char *id, *what, *machine;
    enum vmc_balloon_mechanism mechanism;
    enum vmc_balloon_op op;
    bool is_touched, has_vfio;
    uint32_t iteration;
    enum row_value value;
    enum vmc_balloon_stage stage;
    double published_ms, tolerance;
};

/* Sources: "[PATCH kernel v4 4/7] virtio-balloon: speed up inflate/deflate",
 * 2 Nov 2016 (V1, V3); raw data of HyperAlloc, luhsra/hyperalloc-bench. */
static const struct row rows[] = {
    {"V1", "7 of 8 GiB, page numbers: all", "m1-2016", VMC_MECHANISM_PFN,
     VMC_OP_SHRINK, false, false, 1, VALUE_TOTAL, 0, 4126, 0.02},
    {"V1", "  allocate", "m1-2016", VMC_MECHANISM_PFN, VMC_OP_SHRINK, false,
     false, 1, VALUE_STAGE, VMC_STAGE_ALLOC, 268.19, 0.02},
    {"V1", "  send", "m1-2016", VMC_MECHANISM_PFN, VMC_OP_SHRINK, false, false,
     1, VALUE_STAGE, VMC_STAGE_SEND, 2818.06, 0.02},
    {"V1", "  translate", "m1-2016", VMC_MECHANISM_PFN, VMC_OP_SHRINK, false,
     false, 1, VALUE_STAGE, VMC_STAGE_TRANSLATE, 251.69, 0.02},
    {"V1", "  madvise", "m1-2016", VMC_MECHANISM_PFN, VMC_OP_SHRINK, false,
     false, 1, VALUE_STAGE, VMC_STAGE_MADVISE, 783.94, 0.02},
    {"V3", "7 of 8 GiB, page bitmap", "m1-2016", VMC_MECHANISM_BITMAP,
     VMC_OP_SHRINK, false, false, 1, VALUE_TOTAL, 0, 590, 0.02},
    {"V8", "18 GiB, page numbers, untouched", "m2-2025", VMC_MECHANISM_PFN,
     VMC_OP_SHRINK, false, false, 2, VALUE_TOTAL, 0, 11972, 0.01},
    {"V9", "18 GiB, given back", "m2-2025", VMC_MECHANISM_PFN, VMC_OP_GROW,
     true, false, 2, VALUE_TOTAL, 0, 8532, 0.01},
    {"V11", "18 GiB, page numbers, touched", "m2-2025", VMC_MECHANISM_PFN,
     VMC_OP_SHRINK, true, false, 2, VALUE_TOTAL, 0, 21020, 0.02},
    {"V14", "18 GiB, huge frames, untouched", "m2-2025", VMC_MECHANISM_HUGE,
     VMC_OP_SHRINK, false, false, 2, VALUE_TOTAL, 0, 69.54, 0.02},
    {"V16", "18 GiB, huge frames, touched", "m2-2025", VMC_MECHANISM_HUGE,
     VMC_OP_SHRINK, true, false, 2, VALUE_TOTAL, 0, 146.9, 0.03},
    {"V17", "19 GiB touched again", "m2-2025", VMC_MECHANISM_HUGE, VMC_OP_TOUCH,
     true, false, 2, VALUE_TOTAL, 0, 4423, 0.02},
    {"V17", "19 GiB touched once more", "m2-2025", VMC_MECHANISM_HUGE,
     VMC_OP_TOUCH, true, false, 2, VALUE_SECOND_TOUCH, 0, 1117, 0.02},
    {"V19", "18 GiB, virtio-mem, untouched", "m2-2025",
     VMC_MECHANISM_VIRTIO_MEM, VMC_OP_SHRINK, false, false, 2, VALUE_TOTAL, 0,
     473.6, 0.02},
    {"V21", "18 GiB, virtio-mem, plugged", "m2-2025", VMC_MECHANISM_VIRTIO_MEM,
     VMC_OP_GROW, false, false, 2, VALUE_TOTAL, 0, 196.6, 0.02},
    {"V22", "18 GiB, virtio-mem, VFIO, touched", "m2-2025",
     VMC_MECHANISM_VIRTIO_MEM, VMC_OP_SHRINK, true, true, 2, VALUE_TOTAL, 0,
     881.2, 0.02},
    {"V27", "18 GiB, shared allocator, returned", "m2-2025",
     VMC_MECHANISM_HYPERALLOC, VMC_OP_GROW, false, false, 2, VALUE_TOTAL, 0,
     2.347, 0.02},
    {"V28", "18 GiB, shared allocator, reclaimed", "m2-2025",
     VMC_MECHANISM_HYPERALLOC, VMC_OP_SHRINK, false, false, 2, VALUE_TOTAL, 0,
     3.974, 0.02},
};

static double simulated_ms(const struct row *row,
                           const struct vmc_balloon_result *result)
{
    uint64_t ticks = result->total_ticks;

    if (row->value == VALUE_STAGE) {
        ticks = result->stages.ticks[row->stage];
    } else if (row->value == VALUE_SECOND_TOUCH) {
        ticks = result->second_touch_ticks;
    }
    return (double)ticks / 1e9;
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
    };
    enum vmc_status status = balloon_load(&machine, row->machine, error);

    if (status != VMC_OK) {
        return status;
    }
    config.machine = machine.machine;
    return vmc_balloon_run(&config, result, error);
}

static json_t *describe(const struct row *row, double simulated, double error)
{
    json_t *json = json_object();

    json_object_set_new(json, "id", json_string(row->id));
    json_object_set_new(json, "what", json_string(row->what));
    json_object_set_new(json, "machine", json_string(row->machine));
    json_object_set_new(json, "published_ms", json_real(row->published_ms));
    json_object_set_new(json, "simulated_ms", json_real(simulated));
    json_object_set_new(json, "error_percent", json_real(100 * error));
    json_object_set_new(json, "tolerance_percent",
                        json_real(100 * row->tolerance));
    return json;
}

int balloon_validate(const char *json_path)
{
    FILE *table = command_table(json_path);
    json_t *list = json_array(), *root = json_object();
    struct vmc_error error = {""};
    enum vmc_status status = VMC_OK;
    double log_sum = 0;
    bool is_good = true;

    (void)fprintf(table, "%-4s %-38s %-8s %12s %12s %8s %6s\n", "row", "",
                  "machine", "published ms", "simulated ms", "error", "limit");
    for (uint32_t i = 0; i < VMC_COUNT_OF(rows) && status == VMC_OK; i++) {
        struct vmc_balloon_result result;
        double simulated, off;

        status = run_row(&rows[i], &result, &error);
        if (status != VMC_OK) {
            break;
        }
        simulated = simulated_ms(&rows[i], &result);
        off = simulated / rows[i].published_ms - 1;
        log_sum += fabs(log(simulated / rows[i].published_ms));
        is_good &= fabs(off) <= rows[i].tolerance;
        (void)fprintf(
            table, "%-4s %-38s %-8s %12.3f %12.3f %+7.2f%% %5.0f%%%s\n",
            rows[i].id, rows[i].what, rows[i].machine, rows[i].published_ms,
            simulated, 100 * off, 100 * rows[i].tolerance,
            fabs(off) <= rows[i].tolerance ? "" : "  MISSED");
        json_array_append_new(list, describe(&rows[i], simulated, off));
    }
    if (status == VMC_OK) {
        const size_t count = VMC_COUNT_OF(rows);
        double mean = 100 * (exp(log_sum / (double)count) - 1);

        (void)fprintf(table, "geometric mean of the errors: %.2f %%\n", mean);
        json_object_set_new(root, "version", json_string(VMCYCLE_VERSION));
        json_object_set_new(root, "rows", json_incref(list));
        json_object_set_new(root, "geometric_mean_percent", json_real(mean));
        if (json_path != NULL) {
            status = vmc_json_write(root, json_path, &error);
        }
    }
    json_decref(list);
    json_decref(root);
    if (status != VMC_OK) {
        return command_failed(status, &error);
    }
    return is_good ? EXIT_GOOD : EXIT_MISMATCH;
}
