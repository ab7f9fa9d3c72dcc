/* SPDX-License-Identifier: MIT */
#include "sim/balloon/balloon_answer.h"

#include <inttypes.h>

#include "event/clock.h"
#include "sim/assumed.h"
#include "sim/report/report.h"
#include "stats/json.h"

static double ms_of(uint64_t ticks)
{
    return (double)ticks / 1e9;
}

static double gib_per_s(const struct vmc_balloon_result *result)
{
    double seconds = (double)result->total_ticks / (double)VMC_TICKS_PER_S;

    return seconds > 0 ? (double)result->pages * 4096 / (1 << 30) / seconds : 0;
}

json_t *balloon_answer_json(const struct balloon_options *options,
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

void balloon_answer_print(const struct balloon_options *options,
                          const struct vmc_balloon_result *result,
                          int64_t wall_ms, FILE *table)
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

enum vmc_status balloon_answer_report(const struct balloon_options *options,
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
