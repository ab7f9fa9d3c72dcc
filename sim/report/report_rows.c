/* SPDX-License-Identifier: MIT */
#include "sim/report/report_rows.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES_MAX = 1024 };

/* The zero-ended content of @file, the caller's to free; NULL when memory is
 * short or the file cannot be read. */
static char *read_all(FILE *file)
{
    size_t room = 1 << 16, bytes = 0;
    char *text = malloc(room);

    while (text != NULL) {
        char *more;

        bytes += fread(text + bytes, 1, room - bytes - 1, file);
        if (bytes < room - 1) {
            text[bytes] = '\0';
            break;
        }
        room *= 2;
        more = realloc(text, room);
        if (more == NULL) {
            free(text);
        }
        text = more;
    }
    return text;
}

static uint32_t count_of(const char *text, char what)
{
    uint32_t count = 0;

    for (; *text != '\0'; text++) {
        count += *text == what;
    }
    return count;
}

/* Cut the line at @text into cells. Returns where the next one begins. */
static char *cut_line(struct report_rows *rows, uint32_t line, char *text)
{
    const char **cells = rows->cells + (size_t)line * rows->columns;
    char *end = strchr(text, '\n');

    *end = '\0';
    if (count_of(text, '\t') + 1 != rows->columns) {
        return NULL;
    }
    for (uint32_t c = 0; c < rows->columns; c++) {
        char *tab = strchr(text, '\t');

        cells[c] = text;
        if (tab != NULL) {
            *tab = '\0';
            text = tab + 1;
        }
    }
    return end + 1;
}

bool report_rows_init(struct report_rows *rows, const char *dir,
                      const char *name)
{
    char path[PATH_BYTES_MAX], *at;
    FILE *file;
    uint32_t lines, done = 0;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    *rows = (struct report_rows){.text = read_all(file)};
    (void)fclose(file);
    if (rows->text == NULL) {
        return false;
    }
    lines = count_of(rows->text, '\n');
    for (at = rows->text; *at != '\0' && *at != '\n'; at++) {
        rows->columns += *at == '\t';
    }
    rows->columns++;
    rows->cells =
        calloc((size_t)lines * rows->columns + 1, sizeof(rows->cells[0]));
    at = rows->cells != NULL ? rows->text : NULL;
    while (at != NULL && done < lines) {
        at = cut_line(rows, done, at);
        done += at != NULL;
    }
    if (done == 0) {
        report_rows_fini(rows);
        return false;
    }
    rows->count = done - 1;
    return true;
}

void report_rows_fini(struct report_rows *rows)
{
    free(rows->text);
    free(rows->cells);
    *rows = (struct report_rows){.text = NULL};
}

const char *report_rows_name(const struct report_rows *rows, uint32_t column)
{
    assert(column < rows->columns);
    return rows->cells[column];
}

const char *report_rows_at(const struct report_rows *rows, uint32_t row,
                           uint32_t column)
{
    assert(row < rows->count && column < rows->columns);
    return rows->cells[(size_t)(row + 1) * rows->columns + column];
}

uint32_t report_rows_find(const struct report_rows *rows, const char *name)
{
    uint32_t column = 0;

    while (column < rows->columns && strcmp(rows->cells[column], name) != 0) {
        column++;
    }
    return column;
}

bool report_rows_varies(const struct report_rows *rows, uint32_t column)
{
    for (uint32_t row = 1; row < rows->count; row++) {
        if (strcmp(report_rows_at(rows, row, column),
                   report_rows_at(rows, 0, column)) != 0) {
            return true;
        }
    }
    return false;
}
