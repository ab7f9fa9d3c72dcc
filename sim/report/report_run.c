/* SPDX-License-Identifier: MIT */
#include "sim/report/report_run.h"

#include <stdlib.h>
#include <string.h>

#include "sim/report/report_findings.h"
#include "sim/report/report_gallery.h"
#include "sim/report/report_html.h"
#include "sim/report/report_numbers.h"
#include "sim/report/report_sweep.h"

enum { PATH_BYTES_MAX = 1024 };

/* ---- Reading ------------------------------------------------------------ */

/* Take the last part of the path @path as the name, without the endings that
 * say what kind of file it is: "traces/rcu-4vcpu.ftrace.txt.zst" is rcu-4vcpu.
 */
static void take_name(struct report_run *run, const char *path)
{
    static const char *const endings[] = {".zst", ".vmct", ".txt",
                                          ".log", ".qemu", ".ftrace"};
    size_t end = strlen(path), start;

    while (end > 1 && path[end - 1] == '/') {
        end--;
    }
    start = end;
    while (start > 0 && path[start - 1] != '/') {
        start--;
    }
    (void)snprintf(run->name, sizeof(run->name), "%.*s", (int)(end - start),
                   path + start);
    for (size_t i = 0; i < VMC_COUNT_OF(endings); i++) {
        size_t bytes = strlen(run->name), ending = strlen(endings[i]);

        if (bytes > ending &&
            strcmp(run->name + bytes - ending, endings[i]) == 0) {
            run->name[bytes - ending] = '\0';
        }
    }
}

void report_run_use_folder(struct report_run *run)
{
    take_name(run, run->dir);
}

enum vmc_status report_run_init(struct report_run *run, const char *dir,
                                struct vmc_error *error)
{
    char path[PATH_BYTES_MAX];
    json_error_t where;
    const char *input;

    (void)snprintf(path, sizeof(path), "%s/report.json", dir);
    *run = (struct report_run){.dir = dir,
                               .root = json_load_file(path, 0, &where)};
    if (run->root == NULL) {
        run->root = report_sweep_describe(dir);
    }
    if (run->root == NULL) {
        return vmc_fail(error, VMC_E_FORMAT, "%s:%d: %s", path, where.line,
                        where.text);
    }
    input = json_string_value(html_dig(run->root, "input"));
    take_name(run, input != NULL ? input : dir);
    return VMC_OK;
}

void report_run_fini(struct report_run *run)
{
    json_decref(run->root);
    run->root = NULL;
}

/* ---- Headlines ---------------------------------------------------------- */

/* Figures that a reader may look for, where a run has them. Bad ones are to be
 * 0. */
static const struct headline {
    const char *path, *words;
    bool is_bad;
} headlines[] = {
    {"interrupts.recorded_latency_ns.p50", "recorded latency, median", false},
    {"interrupts.recorded_latency_ns.p99", "recorded, 99 of 100", false},
    {"interrupts.simulated_latency_ns.p50", "simulated latency, median", false},
    {"interrupts.register_reads", "recorded register reads", false},
    {"interrupts.mismatches", "reads that the model got wrong", true},
    {"interrupts.delivered", "interrupts delivered", false},
    {"interrupts.spurious", "spurious dispatches", false},
    {"interrupts.lost", "interrupts lost", true},
    {"balloon.inflated_pfns", "pages inflated", false},
    {"balloon.recorded_ms", "recorded balloon time", false},
    {"balloon.simulated_ms", "simulated balloon time", false},
    {"balloon.total_ms", "simulated balloon time", false},
    {"bus.userspace_exits", "exits to user space", false},
    {"bus.recorded_exit_ns.p50", "from exit to resumption, median", false},
    {"bus.mismatches", "accesses served by another", true},
    {"explore.schedules", "schedules", false},
    {"explore.failing", "of them break a rule", true},
    {"explore.states", "states", false},
    {"rcu.grace_periods", "grace periods", false},
    {"rcu.grace_period_ns.p50", "grace period, median", false},
    {"rcu.violations", "RCU rules broken", true},
};

const char *report_headline(uint32_t index, const char **words)
{
    if (index >= VMC_COUNT_OF(headlines)) {
        return NULL;
    }
    *words = headlines[index].words;
    return headlines[index].path;
}

static void write_headlines(FILE *page, const json_t *root)
{
    bool is_any = false;

    for (size_t i = 0; i < VMC_COUNT_OF(headlines); i++) {
        const json_t *value = html_dig(root, headlines[i].path);
        bool is_bad = headlines[i].is_bad && json_number_value(value) != 0;

        if (value != NULL && !json_is_null(value)) {
            if (!is_any) {
                (void)fputs("<ul class=\"head\">\n", page);
                is_any = true;
            }
            (void)fprintf(page, "<li><b%s>", is_bad ? " class=\"bad\"" : "");
            html_value(page, headlines[i].path, value);
            (void)fprintf(page, "</b>%s</li>\n", headlines[i].words);
        }
    }
    if (is_any) {
        (void)fputs("</ul>\n", page);
    }
}

/* ---- The section -------------------------------------------------------- */

/* Put the text file DIR/@name into the page as it is, if there is one. */
static void write_listing(FILE *page, const char *dir, const char *name)
{
    char path[PATH_BYTES_MAX], line[1024];
    FILE *text;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    text = fopen(path, "re");
    if (text == NULL) {
        return;
    }
    (void)fputs("<pre tabindex=\"0\">\n", page);
    while (fgets(line, sizeof(line), text) != NULL) {
        html_text(page, line);
    }
    (void)fputs("</pre>\n", page);
    (void)fclose(text);
}

/* "traces/x.zst, semantics qemu, 433 625 records; version, fingerprint". */
static void write_what(FILE *page, const json_t *root)
{
    static const struct {
        const char *before, *path, *after;
    } words[] = {
        {"", "input", ""},
        {"semantics ", "semantics", ""},
        {"", "trace.records", " records"},
        {"vmcycle ", "version", ""},
        {"fingerprint ", "fingerprint", ""},
    };
    const json_t *profiles = html_dig(root, "profiles"), *profile;
    const char *comma = "";
    size_t p;

    (void)fputs("<p class=\"sub\">", page);
    for (size_t i = 0; i < VMC_COUNT_OF(words); i++) {
        const json_t *value = html_dig(root, words[i].path);

        if (value != NULL && !json_is_null(value)) {
            (void)fprintf(page, "%s%s", comma, words[i].before);
            html_value(page, words[i].path, value);
            (void)fputs(words[i].after, page);
            comma = ", ";
        }
    }
    json_array_foreach((json_t *)profiles, p, profile)
    {
        (void)fputs(p == 0 ? ", timing of " : " and ", page);
        html_value(page, "", json_object_get(profile, "name"));
    }
    (void)fputs("</p>\n", page);
}

void report_run_write(FILE *page, const struct report_run *run, uint32_t index,
                      uint32_t *pictures)
{
    (void)fprintf(page, "<section id=\"run-%u\">\n<h2>", (unsigned)index);
    html_text(page, run->name);
    (void)fputs("</h2>\n", page);
    write_what(page, run->root);
    write_headlines(page, run->root);
    gallery_write(page, run->dir, pictures);
    write_listing(page, run->dir, "counterexample.txt");
    report_sweep_write(page, run->dir, pictures);
    findings_write(page, run);
    numbers_write(page, run->root);
    (void)fputs("</section>\n", page);
}
