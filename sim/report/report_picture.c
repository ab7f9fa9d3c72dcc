/* SPDX-License-Identifier: MIT */
/*
 * Pictures on their way into the page. gnuplot writes for a white sheet, with
 * ids that are the same in every picture and definitions that most of them do
 * not use. The page takes over the shapes and the words, and changes the rest:
 *
 *     <svg viewBox=...>           role="img", labelled by its title and text
 *     the white sheet             left out
 *     rgb(  0, 114, 178)          var(--c1), so that a dark page has its own
 *     id='gpPt5', href='#gpPt5'   id='p7-gpPt5', in the 7th picture
 *     titles of single curves     left out: they are gnuplot's commands
 */
#include "sim/report/report_picture.h"

#include <stdlib.h>
#include <string.h>

#include "sim/report/report_html.h"

enum { PICTURE_BYTES_MAX = 1 << 24, WIDE_FROM = 700 };

/* ---- Colours ------------------------------------------------------------ */

/* The colours of the scripts, and what the page's style sheet calls them. */
static const struct {
    uint32_t rgb;
    const char *name;
} colours[] = {
    {0x000000, "currentColor"}, {0x111111, "currentColor"},
    {0xffffff, "var(--bg)"},    {0x333333, "var(--soft)"},
    {0x777777, "var(--soft)"},  {0x888888, "var(--soft)"},
    {0x999999, "var(--soft)"},  {0xbbbbbb, "var(--line)"},
    {0xdddddd, "var(--grid)"},  {0x555555, "var(--c8)"},
    {0x0072b2, "var(--c1)"},    {0xd55e00, "var(--c2)"},
    {0x009e73, "var(--c3)"},    {0xcc79a7, "var(--c4)"},
    {0xe69f00, "var(--c5)"},    {0x56b4e9, "var(--c6)"},
    {0xf0e442, "var(--c7)"},    {0x882255, "var(--c9)"},
    {0x44aa99, "var(--c10)"},   {0x999933, "var(--c11)"},
    {0x332288, "var(--c12)"},   {0xa6d5f2, "var(--pale)"},
    {0xc0392b, "var(--bad)"},   {0xf6d5d1, "var(--badbg)"},
    {0xdeebf7, "var(--h0)"},    {0xc6dbef, "var(--h1)"},
    {0x9ecae1, "var(--h2)"},    {0x6baed6, "var(--h3)"},
    {0x4292c6, "var(--h4)"},    {0x2171b5, "var(--h5)"},
    {0x08519c, "var(--h6)"},    {0x08306b, "var(--h7)"},
};

static void put_colour(FILE *page, uint32_t rgb)
{
    for (size_t i = 0; i < VMC_COUNT_OF(colours); i++) {
        if (colours[i].rgb == rgb) {
            (void)fputs(colours[i].name, page);
            return;
        }
    }
    (void)fprintf(page, "#%06x", (unsigned)rgb);
}

/* Read "rgb(  0, 114, 178)" or "#0072b2" at @text. Returns its length, or 0:
 * it is no colour. */
static size_t read_colour(const char *text, uint32_t *rgb)
{
    char *end = (char *)text;

    if (strncmp(text, "rgb(", 4) == 0) {
        end += 3;
        *rgb = 0;
        for (int i = 0; i < 3; i++) {
            *rgb = *rgb << 8 | (uint32_t)(strtoul(end + 1, &end, 10) & 0xff);
        }
        return *end == ')' ? (size_t)(end + 1 - text) : 0;
    }
    if (text[0] == '#' && strspn(text + 1, "0123456789abcdefABCDEF") == 6) {
        *rgb = (uint32_t)strtoul(text + 1, NULL, 16);
        return 7;
    }
    return 0;
}

/* ---- Shapes ------------------------------------------------------------- */

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Write the shapes from @from to @end, each id with the prefix "p@number-". */
static void put_shapes(FILE *page, const char *from, const char *end,
                       uint32_t number)
{
    static const char font[] = " font-family=\"sans-serif\"";
    static const char href[] = "xlink:href='#";
    static const char black[] = "\"black\"";

    while (from < end) {
        const char *close;
        uint32_t rgb;
        size_t bytes;

        if (starts(from, "<title>") &&
            (close = strstr(from, "</title>")) != NULL && close < end) {
            from = close + strlen("</title>");
        } else if (starts(from, font)) {
            from += strlen(font);
        } else if (starts(from, href)) {
            (void)fprintf(page, "href='#p%u-", (unsigned)number);
            from += strlen(href);
        } else if (starts(from, " id='") || starts(from, " id=\"")) {
            (void)fprintf(page, "%.5sp%u-", from, (unsigned)number);
            from += 5;
        } else if (starts(from, "url(#")) {
            (void)fprintf(page, "url(#p%u-", (unsigned)number);
            from += 5;
        } else if (starts(from, black)) {
            (void)fputs("\"currentColor\"", page);
            from += strlen(black);
        } else if ((bytes = read_colour(from, &rgb)) > 0) {
            put_colour(page, rgb);
            from += bytes;
        } else {
            if (*from != '\t' && (*from != '\n' || from[1] != '\n')) {
                (void)fputc(*from, page);
            }
            from++;
        }
    }
}

/* Write what is drawn between @from and @end: without the sheet, and without
 * the definitions of point shapes where no point is drawn. */
static void put_drawing(FILE *page, const char *from, const char *end,
                        uint32_t number)
{
    const char *sheet = strstr(from, "<rect");
    const char *defs = strstr(from, "<defs>");
    const char *shapes = defs != NULL ? strstr(defs, "</defs>") : NULL;

    if (sheet != NULL && defs != NULL && sheet < defs) {
        put_shapes(page, from, sheet, number);
        from = strchr(sheet, '>') + 1;
    }
    if (shapes != NULL && shapes < end) {
        const char *filter = strstr(defs, "<filter");

        put_shapes(page, from, defs, number);
        from = shapes + strlen("</defs>");
        if (strstr(from, "href='#gp") != NULL) {
            put_shapes(page, defs,
                       filter != NULL && filter < shapes ? filter : shapes,
                       number);
            (void)fputs("</defs>", page);
        }
    }
    put_shapes(page, from, end, number);
}

/* What stands between @open and @close in @svg; the empty text when nothing
 * does. Not ended by a zero: *@bytes long. */
static const char *between(const char *svg, const char *open, const char *close,
                           size_t *bytes)
{
    const char *from = strstr(svg, open);
    const char *end = from != NULL ? strstr(from + strlen(open), close) : NULL;

    *bytes = 0;
    if (end == NULL) {
        return "";
    }
    from += strlen(open);
    *bytes = (size_t)(end - from);
    return from;
}

/* Put the picture @svg into the page. Its title and description are escaped
 * already. */
static void put_figure(FILE *page, const char *svg, uint32_t number)
{
    size_t title_bytes, text_bytes, box_bytes;
    const char *title = between(svg, "<title>", "</title>", &title_bytes);
    const char *text = between(svg, "<desc>", "</desc>", &text_bytes);
    const char *box = between(svg, "viewBox=\"", "\"", &box_bytes);
    const char *from = text_bytes > 0 ? text + text_bytes : strstr(svg, "<svg");
    const char *end = from != NULL ? strstr(from, "</svg>") : NULL;
    bool is_list = memchr(text, '\n', text_bytes) != NULL;
    unsigned long width = 0;
    unsigned n = (unsigned)number;
    char least[64] = "";

    if (box_bytes < strlen("0 0 1 1") || end == NULL) {
        return;
    }
    if (title_bytes == 0) {
        title = "Picture";
        title_bytes = strlen(title);
    }
    if (text_bytes == 0) {
        text = title;
        text_bytes = title_bytes;
    }
    from = strchr(from, '>');
    width = strtoul(box + strlen("0 0 "), NULL, 10);
    if (width > WIDE_FROM) {
        /* Letters would get too small on a phone: the figure scrolls. */
        (void)snprintf(least, sizeof(least), " style=\"min-width:%lupx\"",
                       width * 4 / 5);
    }
    (void)fprintf(page,
                  "<figure%s>\n<svg%s role=\"img\" aria-labelledby=\"p%u-t "
                  "p%u-d\" viewBox=\"%.*s\">\n<title id=\"p%u-t\">%.*s</title>"
                  "\n<desc id=\"p%u-d\">%.*s</desc>\n",
                  width > WIDE_FROM ? " class=\"wide\"" : "", least, n, n,
                  (int)box_bytes, box, n, (int)title_bytes, title, n,
                  (int)text_bytes, text);
    put_drawing(page, from + 1, end, number);
    (void)fprintf(page,
                  "</svg>\n<figcaption aria-hidden=\"true\">%.*s</figcaption>\n"
                  "</figure>\n",
                  (int)(is_list ? title_bytes : text_bytes),
                  is_list ? title : text);
}

/* All of @file as text, the caller's to free; NULL when it cannot be had, and
 * where it would bring a program into the page. */
static char *read_all(FILE *file)
{
    char *text = NULL;
    long bytes = -1;

    if (fseek(file, 0, SEEK_END) == 0) {
        bytes = ftell(file);
    }
    if (bytes > 0 && bytes < PICTURE_BYTES_MAX) {
        text = malloc((size_t)bytes + 1);
    }
    if (text != NULL) {
        rewind(file);
        text[fread(text, 1, (size_t)bytes, file)] = '\0';
        if (strstr(text, "<script") != NULL) {
            free(text);
            text = NULL;
        }
    }
    return text;
}

bool picture_write(FILE *page, FILE *file, uint32_t *number)
{
    char *svg = read_all(file);

    if (svg == NULL) {
        return false;
    }
    put_figure(page, svg, ++*number);
    free(svg);
    return true;
}
