/* SPDX-License-Identifier: MIT */
/*
 * The page is plain HTML with one style sheet inside, readable on a phone and
 * in the dark. Pictures are SVG put into the page as they are, each with a
 * text that says what it shows. What the page says about numbers comes from
 * report.json; it is shown whole, section by section, after the headlines.
 */
#include "sim/report.h"

#include <errno.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stats/json.h"

extern char **environ;

enum { PATH_BYTES_MAX = 1024, DEPTH_MAX = 8 };

/* Every picture: the rows it needs, its script, and the words for those who do
 * not see it. Without a script it is drawn by whoever writes its rows. */
static const struct picture {
    const char *rows, *script, *image, *text;
} pictures[] = {
    {"recorded.hgrm", "latency.gp", "latency.svg",
     "Percentile curves of interrupt latency, recorded and simulated"},
    {"stages.tsv", "stages.gp", "stages.svg",
     "Mean time of each stage of a simulated interrupt"},
    {"map.tsv", "map.gp", "map.svg",
     "Interrupts taken by each vCPU, for each vector"},
    {"timeline.tsv", "timeline.gp", "timeline.svg",
     "Latency of each interrupt over the time of the run"},
    {"balloon.tsv", "balloon.gp", "balloon.svg",
     "Balloon size over time, and where the time of a message goes"},
    {"balloon-stages.tsv", "balloon-stages.gp", "balloon-stages.svg",
     "Where the simulated time of a balloon operation goes: a bar for each "
     "mechanism, stage upon stage, in ms"},
    {"balloon-map.tsv", "balloon-map.gp", "balloon-map.svg",
     "Guest memory before and after the operation, by address: holes, what is "
     "in use, free and how it is backed, and what is in the balloon"},
    {"rcu.tsv", "rcu.gp", "rcu.svg",
     "Grace periods and callback latency, recorded and predicted"},
    {"bus.tsv", "bus.gp", "bus.svg",
     "Time from exit to resumption by address range"},
    {NULL, NULL, "counterexample.svg",
     "A run that breaks a rule: what each task does, step by step, and what it "
     "holds"},
};

static void join_path(char *path, const char *dir, const char *name)
{
    (void)snprintf(path, PATH_BYTES_MAX, "%s/%s", dir, name);
}

enum vmc_status report_make_folder(const char *path, struct vmc_error *error)
{
    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        return vmc_fail(error, VMC_E_IO, "%s: cannot make the folder: %s", path,
                        strerror(errno));
    }
    return VMC_OK;
}

enum vmc_status report_open_rows(struct vmc_outfile **out, const char *dir,
                                 const char *name, struct vmc_error *error)
{
    char path[PATH_BYTES_MAX];

    join_path(path, dir, name);
    return vmc_outfile_open(out, path, error);
}

/* ---- Pictures ----------------------------------------------------------- */

/* The folder that holds the gnuplot scripts, or NULL. */
static const char *plots_folder(void)
{
    const char *folders[] = {getenv("VMCYCLE_PLOTS"), "sim",
                             VMCYCLE_DATADIR "/plots"};

    for (size_t i = 0; i < VMC_COUNT_OF(folders); i++) {
        char path[PATH_BYTES_MAX];

        if (folders[i] != NULL) {
            join_path(path, folders[i], "style.gp");
            if (access(path, R_OK) == 0) {
                return folders[i];
            }
        }
    }
    return NULL;
}

bool report_plot(const char *dir, const char *script)
{
    const char *plots = plots_folder();
    char setting[2 * PATH_BYTES_MAX + 32], path[PATH_BYTES_MAX];
    char *arguments[] = {"gnuplot", "-e", setting, path, NULL};
    pid_t child;
    int status;

    /* gnuplot would read a quote in a name as the end of it. */
    if (plots == NULL || strchr(dir, '\'') != NULL) {
        return false;
    }
    (void)snprintf(setting, sizeof(setting), "plots='%s'; dir='%s'", plots,
                   dir);
    join_path(path, plots, script);
    if (access(path, R_OK) != 0 ||
        posix_spawnp(&child, arguments[0], NULL, NULL, arguments, environ) !=
            0) {
        return false;
    }
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return false;
        }
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ---- The page ----------------------------------------------------------- */

static const char page_head[] =
    "<!DOCTYPE html>\n"
    "<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<title>vmcycle report</title>\n"
    "<style>\n"
    ":root{color-scheme:light dark;--line:#8884;--soft:#8882}\n"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:auto;"
    "padding:1rem}\n"
    "h1,h2,h3{line-height:1.2}\n"
    "table{border-collapse:collapse;margin:.5rem 0 1.5rem;"
    "font-variant-numeric:tabular-nums}\n"
    "td,th{padding:.15rem .8rem .15rem 0;border-bottom:1px solid var(--line);"
    "text-align:left;vertical-align:top}\n"
    "td.n{text-align:right}\n"
    ".head{display:flex;flex-wrap:wrap;gap:1rem;padding:0;list-style:none}\n"
    ".head li{background:var(--soft);border-radius:.5rem;padding:.6rem 1rem}\n"
    ".head b{display:block;font-size:1.5rem}\n"
    ".bad{color:#c0392b}\n"
    "figure{margin:1rem 0}\n"
    "figure svg{max-width:100%;height:auto;background:#fff;"
    "border-radius:.5rem}\n"
    "pre{overflow-x:auto;font-size:.8rem;line-height:1.3}\n"
    "details>summary{cursor:pointer}\n"
    "</style></head><body>\n";

static void write_text(FILE *page, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '<':
            (void)fputs("&lt;", page);
            break;
        case '>':
            (void)fputs("&gt;", page);
            break;
        case '&':
            (void)fputs("&amp;", page);
            break;
        case '"':
            (void)fputs("&quot;", page);
            break;
        default:
            (void)fputc(*text, page);
        }
    }
}

enum vmc_status report_name_picture(const char *from, const char *path,
                                    const char *title, const char *text,
                                    struct vmc_error *error)
{
    FILE *image = fopen(from, "re");
    struct vmc_outfile *out;
    enum vmc_status status;
    char line[4096];

    if (image == NULL) {
        return vmc_fail(error, VMC_E_IO, "%s: %s", from, strerror(errno));
    }
    status = vmc_outfile_open(&out, path, error);
    while (status == VMC_OK && fgets(line, sizeof(line), image) != NULL) {
        FILE *to = vmc_outfile_stream(out);

        if (strncmp(line, "<title>", 7) == 0) {
            (void)fputs("<title>", to);
            write_text(to, title);
            (void)fputs("</title>\n<desc>", to);
            write_text(to, text);
            (void)fputs("</desc>\n", to);
        } else if (strncmp(line, "<desc>", 6) != 0) {
            (void)fputs(line, to);
        }
    }
    (void)fclose(image);
    return status == VMC_OK ? vmc_outfile_commit(out, error) : status;
}

static void draw_pictures(const char *dir)
{
    for (size_t i = 0; i < VMC_COUNT_OF(pictures); i++) {
        char path[PATH_BYTES_MAX];

        if (pictures[i].script == NULL) {
            continue;
        }
        join_path(path, dir, pictures[i].rows);
        if (access(path, R_OK) != 0) {
            continue;
        }
        if (!report_plot(dir, pictures[i].script)) {
            (void)fprintf(stderr, "vmcycle: no picture %s of %s\n",
                          pictures[i].image, dir);
            continue;
        }
        join_path(path, dir, pictures[i].image);
        (void)report_name_picture(path, path, pictures[i].image,
                                  pictures[i].text, NULL);
    }
}

static void write_value(FILE *page, const json_t *value)
{
    if (json_is_string(value)) {
        write_text(page, json_string_value(value));
    } else if (json_is_integer(value)) {
        (void)fprintf(page, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else if (json_is_real(value)) {
        (void)fprintf(page, "%g", json_real_value(value));
    } else if (json_is_boolean(value)) {
        (void)fputs(json_is_true(value) ? "yes" : "no", page);
    } else {
        (void)fputs("&ndash;", page);
    }
}

/* The rows of an object; objects inside it are named a.b, arrays counted. */
static void write_rows(FILE *page, json_t *object, const char *prefix,
                       int depth)
{
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value)
    {
        char name[256];

        (void)snprintf(name, sizeof(name), "%s%s%s", prefix,
                       *prefix != '\0' ? "." : "", key);
        if (json_is_object(value) && depth < DEPTH_MAX) {
            write_rows(page, value, name, depth + 1);
            continue;
        }
        (void)fputs("<tr><td>", page);
        write_text(page, name);
        (void)fputs("</td><td class=\"n\">", page);
        if (json_is_array(value)) {
            (void)fprintf(page, "%zu entries", json_array_size(value));
        } else {
            write_value(page, value);
        }
        (void)fputs("</td></tr>\n", page);
    }
}

static json_t *dig(const json_t *root, const char *section, const char *key,
                   const char *leaf)
{
    json_t *found = json_object_get(json_object_get(root, section), key);

    return leaf != NULL ? json_object_get(found, leaf) : found;
}

static void write_headline(FILE *page, const json_t *value, const char *unit,
                           const char *words, bool is_bad)
{
    if (value == NULL || json_is_null(value)) {
        return;
    }
    (void)fprintf(page, "<li><b%s>", is_bad ? " class=\"bad\"" : "");
    write_value(page, value);
    (void)fprintf(page, "%s</b>%s</li>\n", unit, words);
}

/* What a reader wants to know first: how long, and does the model agree. */
static void write_headlines(FILE *page, const json_t *root)
{
    const json_t *mismatches = dig(root, "interrupts", "mismatches", NULL);
    const json_t *violations = dig(root, "rcu", "violations", NULL);
    const json_t *failing = dig(root, "explore", "failing", NULL);

    (void)fputs("<ul class=\"head\">\n", page);
    write_headline(page, dig(root, "interrupts", "recorded_latency_ns", "p50"),
                   " ns", "recorded latency, median", false);
    write_headline(page, dig(root, "interrupts", "recorded_latency_ns", "p99"),
                   " ns", "recorded, 99 of 100", false);
    write_headline(page, dig(root, "interrupts", "simulated_latency_ns", "p50"),
                   " ns", "simulated latency, median", false);
    write_headline(page, dig(root, "interrupts", "register_reads", NULL), "",
                   "recorded register reads", false);
    write_headline(page, mismatches, "", "reads that the model got wrong",
                   json_integer_value(mismatches) != 0);
    write_headline(page, dig(root, "interrupts", "spurious", NULL), "",
                   "spurious dispatches", false);
    write_headline(page, dig(root, "balloon", "inflated_pfns", NULL), "",
                   "pages inflated", false);
    write_headline(page, dig(root, "balloon", "recorded_ms", NULL), " ms",
                   "recorded balloon time", false);
    write_headline(page, dig(root, "balloon", "total_ms", NULL), " ms",
                   "simulated balloon time", false);
    write_headline(page, dig(root, "bus", "userspace_exits", NULL), "",
                   "exits to user space", false);
    write_headline(page, dig(root, "bus", "recorded_exit_ns", "p50"), " ns",
                   "from exit to resumption, median", false);
    write_headline(page, dig(root, "explore", "schedules", NULL), "",
                   "schedules", false);
    write_headline(page, failing, "", "of them break a rule",
                   failing != NULL && json_integer_value(failing) != 0);
    write_headline(page, dig(root, "explore", "states", NULL), "", "states",
                   false);
    write_headline(page, dig(root, "rcu", "grace_periods", NULL), "",
                   "grace periods", false);
    write_headline(page, dig(root, "rcu", "grace_period_ns", "p50"), " ns",
                   "grace period, median", false);
    write_headline(page, violations, "", "RCU rules broken",
                   json_integer_value(violations) != 0);
    (void)fputs("</ul>\n", page);
}

/* Put the SVG at @path into the page, from its <svg tag on. */
static void write_picture(FILE *page, const char *path, const char *text)
{
    FILE *image = fopen(path, "rbe");
    char line[4096];
    bool is_inside = false;

    if (image == NULL) {
        return;
    }
    (void)fprintf(page, "<figure role=\"img\" aria-label=\"");
    write_text(page, text);
    (void)fputs("\">\n", page);
    while (fgets(line, sizeof(line), image) != NULL) {
        char *start = is_inside ? line : strstr(line, "<svg");

        if (start != NULL) {
            is_inside = true;
            (void)fputs(start, page);
        }
    }
    (void)fclose(image);
    (void)fputs("<figcaption>", page);
    write_text(page, text);
    (void)fputs("</figcaption></figure>\n", page);
}

/* Put the text file at @path into the page as it is, if there is one. */
static void write_listing(FILE *page, const char *path)
{
    FILE *text = fopen(path, "re");
    char line[1024];

    if (text == NULL) {
        return;
    }
    (void)fputs("<pre>\n", page);
    while (fgets(line, sizeof(line), text) != NULL) {
        write_text(page, line);
    }
    (void)fputs("</pre>\n", page);
    (void)fclose(text);
}

static enum vmc_status write_run(FILE *page, const char *dir,
                                 struct vmc_error *error)
{
    char path[PATH_BYTES_MAX];
    json_error_t where;
    json_t *root, *value;
    const char *key;

    join_path(path, dir, "report.json");
    root = json_load_file(path, 0, &where);
    if (root == NULL) {
        return vmc_fail(error, VMC_E_FORMAT, "%s:%d: %s", path, where.line,
                        where.text);
    }
    (void)fputs("<h2>", page);
    value = json_object_get(root, "input");
    write_text(page, json_is_string(value) ? json_string_value(value) : dir);
    (void)fputs("</h2>\n", page);
    write_headlines(page, root);
    for (size_t i = 0; i < VMC_COUNT_OF(pictures); i++) {
        join_path(path, dir, pictures[i].image);
        write_picture(page, path, pictures[i].text);
    }
    join_path(path, dir, "counterexample.txt");
    write_listing(page, path);
    json_object_foreach(root, key, value)
    {
        if (!json_is_object(value)) {
            continue;
        }
        (void)fputs("<details><summary>", page);
        write_text(page, key);
        (void)fputs("</summary><table>\n", page);
        write_rows(page, value, "", 0);
        (void)fputs("</table></details>\n", page);
    }
    (void)fputs("<p>version ", page);
    write_value(page, json_object_get(root, "version"));
    (void)fputs(", fingerprint ", page);
    write_value(page, json_object_get(root, "fingerprint"));
    (void)fputs("</p>\n", page);
    json_decref(root);
    return VMC_OK;
}

enum vmc_status report_write_page(const char *path, const char *const *dirs,
                                  uint32_t dir_count, struct vmc_error *error)
{
    struct vmc_outfile *out;
    enum vmc_status status = vmc_outfile_open(&out, path, error);
    FILE *page;

    if (status != VMC_OK) {
        return status;
    }
    page = vmc_outfile_stream(out);
    (void)fputs(page_head, page);
    (void)fputs("<h1>vmcycle report</h1>\n", page);
    for (uint32_t i = 0; i < dir_count; i++) {
        status = write_run(page, dirs[i], error);
        if (status != VMC_OK) {
            vmc_outfile_abandon(out);
            return status;
        }
    }
    (void)fputs("</body></html>\n", page);
    return vmc_outfile_commit(out, error);
}

enum vmc_status report_write(const json_t *root, const char *dir,
                             struct vmc_error *error)
{
    char path[PATH_BYTES_MAX];
    enum vmc_status status;

    join_path(path, dir, "report.json");
    status = vmc_json_write(root, path, error);
    if (status != VMC_OK) {
        return status;
    }
    draw_pictures(dir);
    join_path(path, dir, "index.html");
    return report_write_page(path, &dir, 1, error);
}
