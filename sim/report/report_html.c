/* SPDX-License-Identifier: MIT */
#include "sim/report/report_html.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "sim/report/report_style.h"

enum { NAME_BYTES_MAX = 128 };

void html_text(FILE *page, const char *text)
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

/* ---- Numbers ------------------------------------------------------------ */

const char *html_time(char *text, double ns)
{
    static const struct {
        double ns;
        const char *unit;
    } units[] = {{1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}, {1, "ns"}};
    size_t i = 0;
    double value;

    while (i + 1 < VMC_COUNT_OF(units) && fabs(ns) < units[i].ns) {
        i++;
    }
    value = ns / units[i].ns;
    if (value == floor(value) && fabs(value) < 1000) {
        (void)snprintf(text, HTML_TEXT_BYTES, "%.0f\u00a0%s", value,
                       units[i].unit);
    } else {
        (void)snprintf(text, HTML_TEXT_BYTES, "%.*f\u00a0%s",
                       fabs(value) < 10    ? 2
                       : fabs(value) < 100 ? 1
                                           : 0,
                       value, units[i].unit);
    }
    return text;
}

const char *html_count(char *text, uint64_t value)
{
    char digits[24];
    size_t count = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, value);
    size_t at = 0;

    for (size_t i = 0; i < count; i++) {
        if (i > 0 && (count - i) % 3 == 0) {
            memcpy(text + at, "\u202f", 3); /* a narrow space, no break */
            at += 3;
        }
        text[at++] = digits[i];
    }
    text[at] = '\0';
    return text;
}

/* The ns of one of the unit in which @name counts, or 0: it is no time. */
static double ns_of_unit(const char *name)
{
    static const struct {
        const char *suffix;
        double ns;
    } units[] = {{"_ns", 1}, {"_us", 1e3}, {"_ms", 1e6}};
    char part[NAME_BYTES_MAX];

    for (const char *start = name; start != NULL;) {
        const char *end = strchr(start, '.');
        size_t bytes = end != NULL ? (size_t)(end - start) : strlen(start);

        (void)snprintf(part, sizeof(part), "%.*s", (int)bytes, start);
        bytes = strlen(part);
        for (size_t i = 0; i < VMC_COUNT_OF(units); i++) {
            size_t suffix_bytes = strlen(units[i].suffix);

            if (bytes > suffix_bytes &&
                strcmp(part + bytes - suffix_bytes, units[i].suffix) == 0) {
                return units[i].ns;
            }
        }
        start = end != NULL ? end + 1 : NULL;
    }
    return 0;
}

const char *html_number_text(char *text, const char *name, double value)
{
    const char *last = strrchr(name, '.');
    double unit_ns = ns_of_unit(name);

    if (last != NULL && strcmp(last, ".count") == 0) {
        unit_ns = 0; /* how many there are of what is counted in ns */
    }
    if (unit_ns > 0) {
        return html_time(text, value * unit_ns);
    }
    if (value >= 0 && value < 0x1p63 && value == floor(value)) {
        return html_count(text, (uint64_t)value);
    }
    (void)snprintf(text, HTML_TEXT_BYTES, "%g", value);
    return text;
}

static void write_number(FILE *page, const char *name, const json_t *value)
{
    char text[HTML_TEXT_BYTES];

    if (json_is_integer(value)) {
        (void)fprintf(page, "<data value=\"%" JSON_INTEGER_FORMAT "\">",
                      json_integer_value(value));
    } else {
        (void)fprintf(page, "<data value=\"%.17g\">", json_number_value(value));
    }
    (void)fprintf(page, "%s</data>",
                  html_number_text(text, name, json_number_value(value)));
}

void html_value(FILE *page, const char *name, const json_t *value)
{
    if (json_is_number(value)) {
        write_number(page, name, value);
    } else if (json_is_string(value)) {
        html_text(page, json_string_value(value));
    } else if (json_is_boolean(value)) {
        (void)fputs(json_is_true(value) ? "yes" : "no", page);
    } else {
        (void)fputs("&ndash;", page);
    }
}

/* ---- Results ------------------------------------------------------------ */

json_t *html_dig(const json_t *root, const char *path)
{
    json_t *found = (json_t *)root;
    char part[NAME_BYTES_MAX];

    while (found != NULL && path != NULL) {
        const char *end = strchr(path, '.');

        (void)snprintf(part, sizeof(part), "%.*s",
                       end != NULL ? (int)(end - path) : (int)strlen(path),
                       path);
        found = json_object_get(found, part);
        path = end != NULL ? end + 1 : NULL;
    }
    return found;
}

double html_number(const json_t *root, const char *path)
{
    return json_number_value(html_dig(root, path));
}

/* ---- The head ------------------------------------------------------------ */

void html_head(FILE *page, const char *title)
{
    (void)fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
                "<meta charset=\"utf-8\">\n"
                "<meta name=\"viewport\" "
                "content=\"width=device-width,initial-scale=1\">\n<title>",
                page);
    html_text(page, title);
    (void)fputs("</title>\n<style>\n", page);
    style_write(page);
    (void)fputs("</style>\n</head>\n<body>\n", page);
}
