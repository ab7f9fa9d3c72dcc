/* SPDX-License-Identifier: MIT */
#include "sim/report/report_overlay.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/report/report_html.h"
#include "sim/report/report_picture.h"
#include "sim/report/report_plot.h"

enum { PATH_BYTES_MAX = 1024, RUNS_MAX = 8 };

/* What can be laid over each other: rows that each run must have, the script,
 * and what each run's words are: a figure of its results. */
static const struct overlay {
    const char *rows, *script, *title, *text, *figure;
} overlays[] = {
    {"recorded.hgrm", "overlay.gp", "Interrupt latency of the runs",
     "Percentile curves of interrupt latency, recorded and, dashed, simulated. "
     "Recorded medians:",
     "interrupts.recorded_latency_ns.p50"},
    {"stages.tsv", "overlay-stages.gp", "Stages of the runs",
     "Where the time of a simulated interrupt goes, stage after stage, a bar a "
     "run. Simulated means:",
     "interrupts.simulated_clear_ns.mean"},
    {"rcu.tsv", "overlay-rcu.gp", "Grace periods of the runs",
     "Percentile curves of grace periods, recorded and, dashed, predicted. "
     "Recorded medians:",
     "rcu.grace_period_ns.p50"},
    {"balloon-stages.tsv", "overlay-balloon.gp",
     "Stages of the balloon operations",
     "Where the simulated time of a balloon operation goes, stage after stage, "
     "a bar a run. In all:",
     "balloon.total_ms"},
};

/* Tell the script its folders and names. Returns of how many runs. */
static uint32_t describe(const struct overlay *overlay,
                         const struct report_run *runs, uint32_t count,
                         FILE *settings, FILE *text)
{
    uint32_t used = 0;

    (void)fprintf(settings, "array dir[%d]; array name[%d]; ", RUNS_MAX,
                  RUNS_MAX);
    (void)fputs(overlay->text, text);
    for (uint32_t r = 0; r < count && used < RUNS_MAX; r++) {
        char path[PATH_BYTES_MAX], time[HTML_TEXT_BYTES];

        (void)snprintf(path, sizeof(path), "%s/%s", runs[r].dir, overlay->rows);
        /* A script may hand the name to a shell: no quote ends it there. */
        if (strchr(path, '\'') != NULL || access(path, R_OK) != 0) {
            continue;
        }
        (void)fprintf(
            text, "%s %s %s", used > 0 ? "," : "", runs[r].name,
            html_number_text(time, overlay->figure,
                             html_number(runs[r].root, overlay->figure)));
        used++;
        (void)fprintf(settings, "dir[%u] = ", (unsigned)used);
        plot_put_string(settings, runs[r].dir);
        (void)fprintf(settings, "; name[%u] = ", (unsigned)used);
        plot_put_string(settings, runs[r].name);
        (void)fputs("; ", settings);
    }
    (void)fprintf(settings, "runs = %u", (unsigned)used);
    (void)fputc('.', text);
    return used;
}

static void write_overlay(FILE *page, const struct overlay *overlay,
                          const struct report_run *runs, uint32_t count,
                          uint32_t *pictures)
{
    char *settings = NULL, *text = NULL;
    size_t bytes;
    FILE *to_settings = open_memstream(&settings, &bytes);
    FILE *to_text = open_memstream(&text, &bytes);
    FILE *picture;
    uint32_t used = 0;

    if (to_settings != NULL && to_text != NULL) {
        used = describe(overlay, runs, count, to_settings, to_text);
    }
    if (to_settings != NULL) {
        (void)fclose(to_settings);
    }
    if (to_text != NULL) {
        (void)fclose(to_text);
    }
    if (used > 1 && plot_to_stream(&picture, overlay->script, settings,
                                   overlay->title, text) == VMC_OK) {
        (void)picture_write(page, picture, pictures);
        (void)fclose(picture);
    }
    free(settings);
    free(text);
}

void overlay_write(FILE *page, const struct report_run *runs, uint32_t count,
                   uint32_t *pictures)
{
    (void)fputs("<div class=\"pictures\">\n", page);
    for (size_t i = 0; i < VMC_COUNT_OF(overlays); i++) {
        write_overlay(page, &overlays[i], runs, count, pictures);
    }
    (void)fputs("</div>\n", page);
}
