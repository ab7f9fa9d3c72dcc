/* SPDX-License-Identifier: MIT */
/*
 * Objects are rows of name and value, objects inside them a.b; a list of
 * objects is a table of its own, a column for each value of the first one.
 */
#include "sim/report/report_numbers.h"

#include <string.h>

#include "base/base.h"
#include "sim/report/report_html.h"

enum { NAME_BYTES = 160, COLUMNS_MAX = 40, ROWS_MAX = 64, DEPTH_MAX = 8 };

/* Lists that have a place of their own on the page, or none: a schedule is
 * told as a counterexample. */
static const char *const told_elsewhere[] = {"findings", "mismatch_list",
                                             "assumed", "profiles", "schedule"};

static bool is_told_elsewhere(const char *key)
{
    for (size_t i = 0; i < VMC_COUNT_OF(told_elsewhere); i++) {
        if (strcmp(key, told_elsewhere[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void join(char *name, const char *prefix, const char *key)
{
    (void)snprintf(name, NAME_BYTES, "%s%s%s", prefix,
                   prefix[0] != '\0' ? "." : "", key);
}

static void write_cell(FILE *page, const char *name, const json_t *value)
{
    (void)fprintf(page, "<td%s>", json_is_number(value) ? " class=\"n\"" : "");
    html_value(page, name, value);
    (void)fputs("</td>", page);
}

/* ---- Lists -------------------------------------------------------------- */

struct columns {
    char paths[COLUMNS_MAX][NAME_BYTES];
    uint32_t count;
};

static void add_columns(struct columns *columns, json_t *object,
                        const char *prefix, int depth)
{
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value)
    {
        char name[NAME_BYTES];

        join(name, prefix, key);
        if (json_is_object(value) && depth < DEPTH_MAX) {
            add_columns(columns, value, name, depth + 1);
        } else if (!json_is_array(value) && columns->count < COLUMNS_MAX) {
            memcpy(columns->paths[columns->count++], name, NAME_BYTES);
        }
    }
}

static void write_list(FILE *page, const char *name, const json_t *list)
{
    struct columns columns = {.count = 0};
    const json_t *entry;
    size_t i;
    char text[HTML_TEXT_BYTES];

    add_columns(&columns, json_array_get(list, 0), "", 0);
    (void)fputs("<details><summary>", page);
    html_text(page, name);
    (void)fprintf(page,
                  ", %s entries</summary>\n<div class=\"wide\" tabindex=\"0\" "
                  "role=\"region\" aria-label=\"",
                  html_count(text, json_array_size(list)));
    html_text(page, name);
    (void)fputs("\">\n<table><thead><tr>", page);
    for (uint32_t c = 0; c < columns.count; c++) {
        (void)fprintf(
            page, "<th scope=\"col\"%s>",
            json_is_number(html_dig(json_array_get(list, 0), columns.paths[c]))
                ? " class=\"n\""
                : "");
        html_text(page, columns.paths[c]);
        (void)fputs("</th>", page);
    }
    (void)fputs("</tr></thead>\n<tbody>\n", page);
    json_array_foreach((json_t *)list, i, entry)
    {
        if (i == ROWS_MAX) {
            break;
        }
        (void)fputs("<tr>", page);
        for (uint32_t c = 0; c < columns.count; c++) {
            write_cell(page, columns.paths[c],
                       html_dig(entry, columns.paths[c]));
        }
        (void)fputs("</tr>\n", page);
    }
    (void)fputs("</tbody></table></div>\n", page);
    if (json_array_size(list) > ROWS_MAX) {
        (void)fprintf(page, "<p class=\"more\">%s more in report.json.</p>\n",
                      html_count(text, json_array_size(list) - ROWS_MAX));
    }
    (void)fputs("</details>\n", page);
}

static bool is_list_of_objects(const json_t *value)
{
    return json_is_object(json_array_get(value, 0));
}

/* Write the lists of objects inside @object, at any depth. */
static void write_lists(FILE *page, json_t *object, const char *prefix,
                        int depth)
{
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value)
    {
        char name[NAME_BYTES];

        join(name, prefix, key);
        if (json_is_object(value) && depth < DEPTH_MAX) {
            write_lists(page, value, name, depth + 1);
        } else if (is_list_of_objects(value) && !is_told_elsewhere(key)) {
            write_list(page, name, value);
        }
    }
}

/* ---- Objects ------------------------------------------------------------ */

static void write_rows(FILE *page, json_t *object, const char *prefix,
                       int depth)
{
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value)
    {
        char name[NAME_BYTES];

        join(name, prefix, key);
        if (json_is_object(value) && depth < DEPTH_MAX) {
            write_rows(page, value, name, depth + 1);
        } else if (!json_is_array(value)) {
            (void)fputs("<tr><th scope=\"row\">", page);
            html_text(page, name);
            (void)fputs("</th>", page);
            write_cell(page, name, value);
            (void)fputs("</tr>\n", page);
        }
    }
}

static void write_section(FILE *page, const char *name, json_t *section)
{
    (void)fputs("<details><summary>", page);
    html_text(page, name);
    (void)fputs("</summary>\n<table><tbody>\n", page);
    write_rows(page, section, "", 0);
    (void)fputs("</tbody></table>\n", page);
    write_lists(page, section, "", 0);
    (void)fputs("</details>\n", page);
}

void numbers_write(FILE *page, json_t *root)
{
    const char *key;
    json_t *value;
    bool is_any = false;

    json_object_foreach(root, key, value)
    {
        bool is_list = is_list_of_objects(value) && !is_told_elsewhere(key);

        if (!is_list && !json_is_object(value)) {
            continue;
        }
        if (!is_any) {
            (void)fputs("<h3>Every number</h3>\n", page);
            is_any = true;
        }
        if (is_list) {
            write_list(page, key, value);
        } else {
            write_section(page, key, value);
        }
    }
}
