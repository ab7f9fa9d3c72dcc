/* SPDX-License-Identifier: MIT */
/*
 * A sweep's folder has rows.tsv: point, what was varied, seed, then results.
 * Which result the reader is after is what the sensitivity names, else the
 * first of a list that varies, else the first number behind the seed that does.
 */
#include "sim/report/report_sweep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/report/report_html.h"
#include "sim/report/report_picture.h"
#include "sim/report/report_plot.h"
#include "sim/report/report_rows.h"

enum { SHOWN_MAX = 100, RESULTS_MAX = 10, GROUPS_MAX = 8, NUMBERS_MAX = 40 };

static const char *const wanted[] = {
    "total_ms",
    "interrupts.simulated_latency_ns.p50",
    "bus.simulated_exit_ns.p50",
    "balloon.simulated_ms",
    "rcu.predicted.grace_period_ns.p50",
    "schedules",
};

static double number_at(const struct report_rows *rows, uint32_t row,
                        uint32_t column)
{
    const char *text = report_rows_at(rows, row, column);
    char *end;
    double value = strtod(text, &end);

    return end != text && *end == '\0' ? value : NAN;
}

static bool is_number(const struct report_rows *rows, uint32_t column)
{
    return rows->count > 0 && !isnan(number_at(rows, 0, column));
}

/* Columns up to this one say what was varied; the first is the point. */
static uint32_t results_from(const struct report_rows *rows)
{
    static const char *const firsts[] = {"seed", "iteration", "pages",
                                         "trace.records"};
    uint32_t from = rows->columns;

    for (size_t i = 0; i < VMC_COUNT_OF(firsts); i++) {
        uint32_t found = report_rows_find(rows, firsts[i]);

        from = found < from ? found : from;
    }
    return from < rows->columns ? from : 1;
}

/* The column of the result that the points are sorted by. */
static uint32_t result_of(const struct report_rows *rows)
{
    uint32_t from = results_from(rows);

    for (size_t i = 0; i < VMC_COUNT_OF(wanted); i++) {
        uint32_t column = report_rows_find(rows, wanted[i]);

        if (column < rows->columns && report_rows_varies(rows, column)) {
            return column;
        }
    }
    for (uint32_t column = from; column < rows->columns; column++) {
        if (strcmp(report_rows_name(rows, column), "seed") != 0 &&
            is_number(rows, column) && report_rows_varies(rows, column)) {
            return column;
        }
    }
    return rows->columns;
}

/* ---- The picture -------------------------------------------------------- */

/* The different cells of column @column in @groups. Returns how many; 0 when
 * they are more than GROUPS_MAX. */
static uint32_t groups_of(const struct report_rows *rows, uint32_t column,
                          const char *groups[GROUPS_MAX])
{
    uint32_t count = 0;

    for (uint32_t row = 0; row < rows->count; row++) {
        const char *cell = report_rows_at(rows, row, column);
        uint32_t g = 0;

        while (g < count && strcmp(groups[g], cell) != 0) {
            g++;
        }
        if (g == count && count == GROUPS_MAX) {
            return 0;
        }
        if (g == count) {
            groups[count++] = cell;
        }
    }
    return count;
}

static void write_plot(FILE *page, const char *script, const char *settings,
                       const char *title, const char *text, uint32_t *pictures)
{
    FILE *picture;

    if (plot_to_stream(&picture, script, settings, title, text) == VMC_OK) {
        (void)fputs("<div class=\"pictures\">\n", page);
        (void)picture_write(page, picture, pictures);
        (void)fputs("</div>\n", page);
        (void)fclose(picture);
    }
}

static void write_picture(FILE *page, const char *dir,
                          const struct report_rows *rows, uint32_t result,
                          uint32_t *pictures)
{
    const char *groups[GROUPS_MAX], *name = report_rows_name(rows, result);
    uint32_t by = results_from(rows) > 1 ? 1 : 0, count = 0;
    char *settings = NULL, text[512], low[HTML_TEXT_BYTES],
         high[HTML_TEXT_BYTES];
    double least = INFINITY, most = -INFINITY;
    size_t bytes;
    FILE *to = open_memstream(&settings, &bytes);

    if (to == NULL) {
        return;
    }
    for (uint32_t row = 0; row < rows->count; row++) {
        least = fmin(least, number_at(rows, row, result));
        most = fmax(most, number_at(rows, row, result));
    }
    if (by > 0) {
        count = groups_of(rows, by, groups);
    }
    (void)fputs("dir = ", to);
    plot_put_string(to, dir);
    (void)fputs("; ", to);
    (void)fputs("what = ", to);
    plot_put_string(to, name);
    (void)fputs("; ", to);
    (void)fprintf(to, "result = %u; by = %u; groups = %u; array group[%d]; ",
                  (unsigned)result + 1, (unsigned)by + 1, (unsigned)count,
                  GROUPS_MAX);
    for (uint32_t g = 0; g < count; g++) {
        (void)fprintf(to, "group[%u] = ", (unsigned)g + 1);
        plot_put_string(to, groups[g]);
        (void)fputs("; ", to);
    }
    (void)fclose(to);
    (void)snprintf(text, sizeof(text), "%s of each point, %s to %s%s%s.", name,
                   html_number_text(low, name, least),
                   html_number_text(high, name, most),
                   count > 0 ? ", in the colour of " : "",
                   count > 0 ? report_rows_name(rows, by) : "");
    write_plot(page, "sweep.gp", settings, "Results of the points", text,
               pictures);
    free(settings);
}

/* ---- The points --------------------------------------------------------- */

struct ranked {
    double value;
    uint32_t row;
};

/* From the least; what is no number comes last. */
static int by_value(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    if (isnan(x->value) != isnan(y->value)) {
        return isnan(x->value) ? 1 : -1;
    }
    if (x->value < y->value || x->value > y->value) {
        return x->value < y->value ? -1 : 1;
    }
    return (x->row > y->row) - (x->row < y->row);
}

/* Columns that the table shows: the point, what was varied, the result, and
 * others that vary. */
static uint32_t choose(const struct report_rows *rows, uint32_t result,
                       uint32_t *columns, uint32_t room)
{
    uint32_t from = results_from(rows), count = 0;

    for (uint32_t c = 0; c < from && count < room; c++) {
        columns[count++] = c;
    }
    columns[count++] = result;
    for (uint32_t c = from, more = 0;
         c < rows->columns && count < room && more < RESULTS_MAX; c++) {
        if (c != result && strcmp(report_rows_name(rows, c), "seed") != 0 &&
            is_number(rows, c) && report_rows_varies(rows, c)) {
            columns[count++] = c;
            more++;
        }
    }
    return count;
}

static void write_cell(FILE *page, const struct report_rows *rows, uint32_t row,
                       uint32_t column, bool is_result)
{
    const char *text = report_rows_at(rows, row, column);
    double value = number_at(rows, row, column);
    char words[HTML_TEXT_BYTES];

    (void)fprintf(page, "<td%s>", isnan(value) ? "" : " class=\"n\"");
    if (isnan(value) || !is_result) {
        html_text(page, text);
    } else {
        (void)fprintf(
            page, "<data value=\"%s\">%s</data>", text,
            html_number_text(words, report_rows_name(rows, column), value));
    }
    (void)fputs("</td>", page);
}

static void write_table(FILE *page, const struct report_rows *rows,
                        uint32_t result)
{
    uint32_t columns[64], from = results_from(rows);
    uint32_t column_count = choose(rows, result, columns, 63);
    struct ranked *order = calloc(rows->count + 1, sizeof(*order));
    char text[HTML_TEXT_BYTES];

    if (order == NULL) {
        return;
    }
    for (uint32_t row = 0; row < rows->count; row++) {
        order[row] = (struct ranked){number_at(rows, row, result), row};
    }
    qsort(order, rows->count, sizeof(*order), by_value);
    (void)fputs("<div class=\"wide\" tabindex=\"0\" role=\"region\" "
                "aria-label=\"Points\">\n<table>\n<caption>Points, the least ",
                page);
    html_text(page, report_rows_name(rows, result));
    (void)fputs(" first</caption>\n<thead><tr>", page);
    for (uint32_t c = 0; c < column_count; c++) {
        (void)fprintf(page, "<th scope=\"col\"%s%s>",
                      is_number(rows, columns[c]) ? " class=\"n\"" : "",
                      columns[c] == result ? " aria-sort=\"ascending\"" : "");
        html_text(page, report_rows_name(rows, columns[c]));
        (void)fputs("</th>", page);
    }
    (void)fputs("</tr></thead>\n<tbody>\n", page);
    for (uint32_t i = 0; i < rows->count && i < SHOWN_MAX; i++) {
        (void)fputs("<tr>", page);
        for (uint32_t c = 0; c < column_count; c++) {
            write_cell(page, rows, order[i].row, columns[c],
                       columns[c] >= from);
        }
        (void)fputs("</tr>\n", page);
    }
    (void)fputs("</tbody></table>\n</div>\n", page);
    if (rows->count > SHOWN_MAX) {
        (void)fprintf(page,
                      "<p class=\"more\">%s more points in rows.tsv.</p>\n",
                      html_count(text, rows->count - SHOWN_MAX));
    }
    free(order);
}

/* ---- Which numbers matter ----------------------------------------------- */

static void write_sensitivity(FILE *page, const char *dir, uint32_t *pictures)
{
    static const char *const names[] = {"rank",         "number",
                                        "assumed",      "low_percent",
                                        "high_percent", "elasticity"};
    struct report_rows rows;
    char *settings = NULL;
    size_t bytes;
    FILE *to;

    if (!report_rows_init(&rows, dir, "sensitivity.tsv")) {
        return;
    }
    (void)fputs("<h3>Which numbers matter</h3>\n", page);
    to = open_memstream(&settings, &bytes);
    if (to != NULL) {
        (void)fputs("dir = ", to);
        plot_put_string(to, dir);
        (void)fputs("; ", to);
        (void)fclose(to);
        write_plot(page, "tornado.gp", settings, "Which numbers matter",
                   "How much the result changes when a number of the profile "
                   "is lowered and raised; the numbers that matter most.",
                   pictures);
        free(settings);
    }
    (void)fputs("<details><summary>Numbers by their effect</summary>\n"
                "<div class=\"wide\"><table>\n<thead><tr>",
                page);
    for (size_t i = 0; i < VMC_COUNT_OF(names); i++) {
        (void)fprintf(page, "<th scope=\"col\"%s>%s</th>",
                      i == 1 ? "" : " class=\"n\"", names[i]);
    }
    (void)fputs("</tr></thead>\n<tbody>\n", page);
    for (uint32_t row = 0; row < rows.count && row < NUMBERS_MAX; row++) {
        (void)fputs("<tr>", page);
        for (size_t i = 0; i < VMC_COUNT_OF(names); i++) {
            uint32_t column = report_rows_find(&rows, names[i]);

            (void)fprintf(page, "<td%s>", i == 1 ? "" : " class=\"n\"");
            if (column < rows.columns) {
                html_text(page, report_rows_at(&rows, row, column));
            }
            (void)fputs("</td>", page);
        }
        (void)fputs("</tr>\n", page);
    }
    (void)fputs("</tbody></table></div>\n</details>\n", page);
    report_rows_fini(&rows);
}

/* ---- The sweep ---------------------------------------------------------- */

json_t *report_sweep_describe(const char *dir)
{
    struct report_rows rows;
    json_t *root = NULL;

    if (report_rows_init(&rows, dir, "rows.tsv")) {
        root = json_pack("{s:s}", "input", dir);
        report_rows_fini(&rows);
    }
    return root;
}

void report_sweep_write(FILE *page, const char *dir, uint32_t *pictures)
{
    struct report_rows rows;
    char text[HTML_TEXT_BYTES];
    uint32_t result;

    if (!report_rows_init(&rows, dir, "rows.tsv")) {
        return;
    }
    (void)fprintf(page, "<p>A sweep of %s points.</p>\n",
                  html_count(text, rows.count));
    write_sensitivity(page, dir, pictures);
    result = result_of(&rows);
    if (result < rows.columns) {
        (void)fputs("<h3>Points</h3>\n", page);
        write_picture(page, dir, &rows, result, pictures);
        write_table(page, &rows, result);
    }
    report_rows_fini(&rows);
}
