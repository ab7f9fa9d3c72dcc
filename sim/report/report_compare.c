/* SPDX-License-Identifier: MIT */
/*
 * A number is known by its path, as interrupts.recorded_latency_ns.p50. Rows
 * are the paths that at least two runs have, in the order in which the runs
 * bring them; lists have no paths, for the third of a list is not the third of
 * another one.
 *
 *     mark       the difference is, of the reference
 *     =          nothing
 *     d1 (thin)  below 10 %
 *     d2         below 50 %
 *     d3 (boxed) more, or the reference is 0
 */
#include "sim/report/report_compare.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/report/report_html.h"
#include "sim/report/report_overlay.h"

enum { PATH_BYTES_MAX = 256, DEPTH_MAX = 8 };

/* From how many per cent on a difference is marked so. */
static const double some_percent = 10, much_percent = 50, factor_percent = 1000;

/* ---- Rows --------------------------------------------------------------- */

/* Count each number of @object in @paths, an object of path: how many runs. */
static void add_paths(json_t *paths, const json_t *object, const char *prefix,
                      int depth)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)object, key, value)
    {
        char path[PATH_BYTES_MAX];

        if (snprintf(path, sizeof(path), "%s%s%s", prefix,
                     prefix[0] != '\0' ? "." : "", key) >= (int)sizeof(path) ||
            strchr(key, '.') != NULL) {
            continue;
        }
        if (json_is_object(value) && depth < DEPTH_MAX) {
            add_paths(paths, value, path, depth + 1);
        } else if (json_is_number(value)) {
            json_int_t count = json_integer_value(json_object_get(paths, path));

            json_object_set_new(paths, path, json_integer(count + 1));
        }
    }
}

static bool is_same(const struct report_run *runs, uint32_t count,
                    const char *path)
{
    for (uint32_t r = 1; r < count; r++) {
        if (!json_equal(html_dig(runs[0].root, path),
                        html_dig(runs[r].root, path))) {
            return false;
        }
    }
    return true;
}

/* By how much @value differs from @reference, in words that have a sign. */
static void write_difference(FILE *page, const char *path, double value,
                             double reference)
{
    double percent =
        reference != 0 ? 100 * (value - reference) / fabs(reference) : INFINITY;
    const char *arrow = value > reference ? "▲" : "▼";
    char text[HTML_TEXT_BYTES];

    if (value == reference) {
        (void)fputs("<span class=\"d\">=</span>", page);
        return;
    }
    (void)fprintf(page, "<span class=\"d d%d\"><span>%s ",
                  fabs(percent) < some_percent   ? 1
                  : fabs(percent) < much_percent ? 2
                                                 : 3,
                  arrow);
    if (isinf(percent)) {
        (void)fprintf(page, "%s%s", value > 0 ? "+" : "−",
                      html_number_text(text, path, fabs(value)));
    } else if (percent >= factor_percent) {
        (void)fprintf(page, "×%.1f", value / reference);
    } else {
        (void)fprintf(page, "%s%.1f&nbsp;%%", percent > 0 ? "+" : "−",
                      fabs(percent));
    }
    (void)fputs("</span></span>", page);
}

static void write_row(FILE *page, const struct report_run *runs, uint32_t count,
                      uint32_t reference, const char *path, const char *words)
{
    const json_t *base = html_dig(runs[reference].root, path);

    (void)fprintf(page, "<tr%s><th scope=\"row\">",
                  is_same(runs, count, path) ? " class=\"same\"" : "");
    html_text(page, words);
    (void)fputs("</th>", page);
    for (uint32_t r = 0; r < count; r++) {
        const json_t *value = html_dig(runs[r].root, path);

        (void)fputs("<td class=\"n\">", page);
        html_value(page, path, value);
        if (r != reference && json_is_number(base) && json_is_number(value)) {
            write_difference(page, path, json_number_value(value),
                             json_number_value(base));
        }
        (void)fputs("</td>", page);
    }
    (void)fputs("</tr>\n", page);
}

/* ---- Tables ------------------------------------------------------------- */

static void open_table(FILE *page, const struct report_run *runs,
                       uint32_t count, uint32_t reference, const char *name)
{
    (void)fprintf(page,
                  "<div class=\"wide\" tabindex=\"0\" role=\"region\" "
                  "aria-label=\"Comparison: %s\">\n<table class=\"compare\">\n"
                  "<thead><tr><th scope=\"col\">number</th>",
                  name);
    for (uint32_t r = 0; r < count; r++) {
        (void)fputs("<th scope=\"col\" class=\"n\">", page);
        html_text(page, runs[r].name);
        if (r == reference) {
            (void)fputs("<span class=\"d\">reference</span>", page);
        }
        (void)fputs("</th>", page);
    }
    (void)fputs("</tr></thead>\n<tbody>\n", page);
}

static void close_table(FILE *page)
{
    (void)fputs("</tbody></table>\n</div>\n", page);
}

/* The figures that a run's section begins with. */
static void write_headlines(FILE *page, const struct report_run *runs,
                            uint32_t count, uint32_t reference,
                            const json_t *paths)
{
    const char *path, *words;

    open_table(page, runs, count, reference, "headlines");
    for (uint32_t i = 0; (path = report_headline(i, &words)) != NULL; i++) {
        if (json_integer_value(json_object_get(paths, path)) > 1) {
            write_row(page, runs, count, reference, path, words);
        }
    }
    close_table(page);
}

/* All shared numbers, a table for each section of the results. */
static void write_sections(FILE *page, const struct report_run *runs,
                           uint32_t count, uint32_t reference, json_t *paths)
{
    char open[PATH_BYTES_MAX] = "";
    const char *path;
    json_t *having;

    json_object_foreach(paths, path, having)
    {
        size_t bytes = strcspn(path, ".");
        char section[PATH_BYTES_MAX];

        if (json_integer_value(having) < 2) {
            continue;
        }
        (void)snprintf(section, sizeof(section), "%.*s",
                       path[bytes] == '.' ? (int)bytes : (int)strlen("run"),
                       path[bytes] == '.' ? path : "run");
        if (strcmp(section, open) != 0) {
            if (open[0] != '\0') {
                close_table(page);
                (void)fputs("</details>\n", page);
            }
            (void)snprintf(open, sizeof(open), "%s", section);
            (void)fputs("<details><summary>", page);
            html_text(page, section);
            (void)fputs("</summary>\n", page);
            open_table(page, runs, count, reference, section);
        }
        write_row(page, runs, count, reference, path,
                  path[bytes] == '.' ? path + bytes + 1 : path);
    }
    if (open[0] != '\0') {
        close_table(page);
        (void)fputs("</details>\n", page);
    }
}

void compare_write(FILE *page, const struct report_run *runs, uint32_t count,
                   uint32_t reference, uint32_t *pictures)
{
    json_t *paths = json_object(), *having;
    const char *path;
    char text[HTML_TEXT_BYTES];
    uint64_t shared = 0, same = 0;

    assert(reference < count);
    for (uint32_t r = 0; r < count; r++) {
        add_paths(paths, runs[r].root, "", 0);
    }
    json_object_foreach(paths, path, having)
    {
        if (json_integer_value(having) > 1) {
            shared++;
            same += is_same(runs, count, path);
        }
    }
    if (shared == 0) {
        json_decref(paths);
        return;
    }
    (void)fputs("<section id=\"comparison\">\n<h2>Comparison</h2>\n", page);
    overlay_write(page, runs, count, pictures);
    (void)fprintf(page, "<p>Of %s numbers that two runs or more share, ",
                  html_count(text, shared));
    (void)fprintf(page, "%s are the same in all. Differences are from ",
                  html_count(text, same));
    html_text(page, runs[reference].name);
    (void)fputs(". <label><input type=\"checkbox\" class=\"hide\"> only what "
                "differs</label></p>\n",
                page);
    write_headlines(page, runs, count, reference, paths);
    (void)fputs("<h3>Every shared number</h3>\n", page);
    write_sections(page, runs, count, reference, paths);
    (void)fputs("</section>\n", page);
    json_decref(paths);
}
