/* SPDX-License-Identifier: MIT */
#include "sim/sweep/sweep_table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/sweep/sweep_result.h"

enum { KEPT_MAX = 1000 };

struct columns {
    char names[SWEEP_COLUMNS_MAX][SWEEP_NAME_BYTES_MAX];
    uint32_t count;
    uint32_t last; /* the one found last */
    bool is_cut;   /* there was no room for all */
};

struct sweep_table {
    const struct sweep *sweep;
    const char *dir;
    uint32_t first, last; /* points */
    uint32_t missing;
    struct columns columns;
    json_t *kept[KEPT_MAX]; /* results of the first points of the range */
};

/* ---- Columns ------------------------------------------------------------ */

/* The column called @name, or the number of columns. Results have their numbers
 * in the same order, so it is looked for behind the one found last. */
static uint32_t find_column(const struct columns *columns, const char *name,
                            uint32_t *last)
{
    uint32_t at = *last;

    for (uint32_t i = 0; i < columns->count; i++) {
        at = at + 1 < columns->count ? at + 1 : 0;
        if (strcmp(columns->names[at], name) == 0) {
            *last = at;
            return at;
        }
    }
    return columns->count;
}

static void add_number(void *owner, const char *name, const json_t *value)
{
    (void)value;
    (void)sweep_table_add_column(owner, name);
}

bool sweep_table_add_column(struct sweep_table *table, const char *name)
{
    struct columns *columns = &table->columns;

    if (find_column(columns, name, &columns->last) < columns->count) {
        return true;
    }
    if (columns->count == SWEEP_COLUMNS_MAX) {
        columns->is_cut = true;
        return false;
    }
    columns->last = columns->count;
    (void)snprintf(columns->names[columns->count++], SWEEP_NAME_BYTES_MAX, "%s",
                   name);
    return true;
}

enum vmc_status sweep_table_new(struct sweep_table **out,
                                const struct sweep *sweep, const char *dir,
                                uint32_t first, uint32_t last)
{
    struct sweep_table *table = calloc(1, sizeof(*table));

    *out = table;
    if (table == NULL) {
        return VMC_E_NOMEM;
    }
    table->sweep = sweep;
    table->dir = dir;
    table->first = first;
    table->last = last;
    for (uint32_t point = first; point <= last; point++) {
        json_t *root = sweep_load_result(dir, point);

        table->missing += root == NULL;
        sweep_each_number(root, add_number, table);
        if (point - first < KEPT_MAX) {
            table->kept[point - first] = root;
        } else {
            json_decref(root);
        }
    }
    return VMC_OK;
}

void sweep_table_free(struct sweep_table *table)
{
    if (table == NULL) {
        return;
    }
    for (uint32_t i = 0; i < KEPT_MAX; i++) {
        json_decref(table->kept[i]);
    }
    free(table);
}

uint32_t sweep_table_missing(const struct sweep_table *table)
{
    return table->missing;
}

uint32_t sweep_table_column_count(const struct sweep_table *table)
{
    return table->columns.count;
}

const char *sweep_table_column(const struct sweep_table *table, uint32_t index)
{
    assert(index < table->columns.count);
    return table->columns.names[index];
}

void sweep_table_clear_columns(struct sweep_table *table)
{
    table->columns.count = 0;
    table->columns.last = 0;
}

bool sweep_table_is_cut(const struct sweep_table *table)
{
    return table->columns.is_cut;
}

/* ---- Rows --------------------------------------------------------------- */

/* A result laid out by column. */
struct row {
    const struct columns *columns;
    uint32_t last;
    const json_t *values[SWEEP_COLUMNS_MAX];
};

static void add_cell(void *owner, const char *name, const json_t *value)
{
    struct row *row = owner;
    uint32_t column = find_column(row->columns, name, &row->last);

    if (column < row->columns->count) {
        row->values[column] = value;
    }
}

static void write_cell(FILE *file, const json_t *value)
{
    if (json_is_string(value)) {
        (void)fputs(json_string_value(value), file);
    } else if (json_is_integer(value)) {
        (void)fprintf(file, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else if (json_is_real(value)) {
        (void)fprintf(file, "%.15g", json_real_value(value));
    }
}

void sweep_table_write_head(const struct sweep_table *table, FILE *file)
{
    (void)fputs("point", file);
    for (uint32_t i = 0; i < table->sweep->key_count; i++) {
        (void)fprintf(file, "\t%s", table->sweep->keys[i].name);
    }
    for (uint32_t i = 0; i < table->columns.count; i++) {
        (void)fprintf(file, "\t%s", table->columns.names[i]);
    }
    (void)fputc('\n', file);
}

static void write_row(const struct sweep_table *table, uint32_t point,
                      const json_t *root, FILE *file)
{
    struct row row = {.columns = &table->columns};

    sweep_each_number(root, add_cell, &row);
    (void)fprintf(file, "%" PRIu32, point);
    for (uint32_t i = 0; i < table->sweep->key_count; i++) {
        (void)fprintf(file, "\t%s", sweep_value(table->sweep, point, i));
    }
    for (uint32_t i = 0; i < table->columns.count; i++) {
        (void)fputc('\t', file);
        write_cell(file, row.values[i]);
    }
    (void)fputc('\n', file);
}

void sweep_table_write_rows(const struct sweep_table *table, FILE *file)
{
    for (uint32_t point = table->first; point <= table->last; point++) {
        bool is_kept = point - table->first < KEPT_MAX;
        json_t *root = is_kept ? table->kept[point - table->first]
                               : sweep_load_result(table->dir, point);

        if (root != NULL) {
            write_row(table, point, root, file);
        }
        if (!is_kept) {
            json_decref(root);
        }
    }
}
