/* SPDX-License-Identifier: MIT */
#include "sim/report/report_parts.h"

#include <stdlib.h>
#include <string.h>

#include "sim/report/report_html.h"

/* Colours of the style sheet by position of a stage, as stages.gp has them. */
static const uint8_t stage_colours[PARTS_MAX] = {8, 6, 2,  4,  5, 10, 1, 3,
                                                 9, 7, 11, 12, 8, 6,  2, 4};

void parts_add(struct parts *parts, const char *name, double ns)
{
    uint32_t i = 0;

    while (i < parts->count && strcmp(parts->at[i].name, name) != 0) {
        i++;
    }
    if (i == PARTS_MAX) {
        return;
    }
    if (i == parts->count) {
        parts->at[i] = (struct part){.name = name, .colour = stage_colours[i]};
        parts->count++;
    }
    parts->at[i].ns += ns;
    parts->total_ns += ns;
}

/* A bar of all parts, as wide as its place. The @number-th of the page. */
void parts_bar(FILE *page, const struct parts *parts, uint32_t number)
{
    const char *before = "";
    double x = 0;
    char text[HTML_TEXT_BYTES];

    (void)fprintf(page,
                  "<svg class=\"bar\" role=\"img\" "
                  "aria-labelledby=\"b%u-t b%u-d\" viewBox=\"0 0 1000 10\" "
                  "preserveAspectRatio=\"none\"><title id=\"b%u-t\">Stages"
                  "</title><desc id=\"b%u-d\">",
                  (unsigned)number, (unsigned)number, (unsigned)number,
                  (unsigned)number);
    for (uint32_t i = 0; i < parts->count; i++) {
        if (parts->at[i].ns > 0) {
            (void)fprintf(page, "%s%s %s", before, parts->at[i].name,
                          html_time(text, parts->at[i].ns / parts->weight));
            before = ", ";
        }
    }
    (void)fputs("</desc>", page);
    for (uint32_t i = 0; i < parts->count; i++) {
        double width = parts->at[i].ns / parts->total_ns * 1000;

        if (width > 0) {
            (void)fprintf(page,
                          "<rect x=\"%.1f\" width=\"%.1f\" height=\"10\" "
                          "fill=\"var(--c%u)\"/>",
                          x, width, (unsigned)parts->at[i].colour);
        }
        x += width;
    }
    (void)fputs("</svg>\n", page);
}

static int by_time(const void *a, const void *b)
{
    double x = ((const struct part *)a)->ns, y = ((const struct part *)b)->ns;

    return (x < y) - (x > y);
}

/* The parts from the largest, each with its colour, time and share. */
void parts_legend(FILE *page, const struct parts *parts)
{
    struct parts sorted = *parts;
    char text[HTML_TEXT_BYTES];

    qsort(sorted.at, sorted.count, sizeof(sorted.at[0]), by_time);
    (void)fputs("<ul class=\"legend\">", page);
    for (uint32_t i = 0; i < sorted.count; i++) {
        double share = 100 * sorted.at[i].ns / sorted.total_ns;

        if (share >= 0.5) {
            (void)fprintf(page, "<li><i style=\"background:var(--c%u)\"></i>",
                          (unsigned)sorted.at[i].colour);
            html_text(page, sorted.at[i].name);
            (void)fprintf(page, " %s, %.0f&nbsp;%%</li>\n",
                          html_time(text, sorted.at[i].ns / sorted.weight),
                          share);
        }
    }
    (void)fputs("</ul>\n", page);
}
