/* SPDX-License-Identifier: MIT */
/*
 * Results are read twice: for the columns there are, in the order in which the
 * points bring them, then for the rows. So memory does not grow with the
 * number of points.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/report.h"
#include "sim/sweep_run.h"

enum { PATH_BYTES_MAX = 4096, COLUMNS_MAX = 1024, NAME_BYTES_MAX = 256 };

struct columns {
    char names[COLUMNS_MAX][NAME_BYTES_MAX];
    uint32_t count;
};

/* What differs between two runs that did the same. */
static bool is_of_the_host(const char *key)
{
    return strcmp(key, "wall_ms") == 0 || strcmp(key, "version") == 0;
}

/* Called for every number and fingerprint of a result: "stages_ms.send". */
typedef void leaf_fn(void *owner, const char *name, const json_t *value);

static void walk(const json_t *object, const char *prefix, leaf_fn *on_leaf,
                 void *owner)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)object, key, value)
    {
        char name[NAME_BYTES_MAX];
        int bytes = snprintf(name, sizeof(name), "%s%s%s", prefix,
                             prefix[0] != '\0' ? "." : "", key);

        if (bytes >= (int)sizeof(name) || is_of_the_host(key)) {
            continue;
        }
        if (json_is_object(value)) {
            walk(value, name, on_leaf, owner);
        } else if (json_is_number(value) || strcmp(key, "fingerprint") == 0) {
            on_leaf(owner, name, value);
        }
    }
}

static json_t *load_point(const char *dir, uint32_t point)
{
    char path[PATH_BYTES_MAX];

    (void)snprintf(path, sizeof(path), "%s/points/%" PRIu32 ".json", dir,
                   point);
    return json_load_file(path, 0, NULL);
}

static void add_column(void *owner, const char *name, const json_t *value)
{
    struct columns *columns = owner;

    (void)value;
    for (uint32_t i = 0; i < columns->count; i++) {
        if (strcmp(columns->names[i], name) == 0) {
            return;
        }
    }
    if (columns->count < COLUMNS_MAX) {
        (void)snprintf(columns->names[columns->count++], NAME_BYTES_MAX, "%s",
                       name);
    }
}

/* A result laid out by column. */
struct row {
    const struct columns *columns;
    const json_t *values[COLUMNS_MAX];
};

static void add_cell(void *owner, const char *name, const json_t *value)
{
    struct row *row = owner;

    for (uint32_t i = 0; i < row->columns->count; i++) {
        if (strcmp(row->columns->names[i], name) == 0) {
            row->values[i] = value;
            return;
        }
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

static void write_head(FILE *file, const struct sweep *sweep,
                       const struct columns *columns)
{
    (void)fputs("point", file);
    for (uint32_t i = 0; i < sweep->key_count; i++) {
        (void)fprintf(file, "\t%s", sweep->keys[i].name);
    }
    for (uint32_t i = 0; i < columns->count; i++) {
        (void)fprintf(file, "\t%s", columns->names[i]);
    }
    (void)fputc('\n', file);
}

static void write_row(FILE *file, const struct sweep *sweep, uint32_t point,
                      const struct row *row)
{
    (void)fprintf(file, "%" PRIu32, point);
    for (uint32_t i = 0; i < sweep->key_count; i++) {
        (void)fprintf(file, "\t%s", sweep_value(sweep, point, i));
    }
    for (uint32_t i = 0; i < row->columns->count; i++) {
        (void)fputc('\t', file);
        write_cell(file, row->values[i]);
    }
    (void)fputc('\n', file);
}

enum vmc_status sweep_write_rows(const struct sweep *sweep, const char *dir,
                                 uint32_t *missing, struct vmc_error *error)
{
    struct columns *columns = calloc(1, sizeof(*columns));
    struct vmc_outfile *out;
    enum vmc_status status;
    int lock;

    *missing = 0;
    if (columns == NULL) {
        return VMC_E_NOMEM;
    }
    lock = sweep_lock(dir);
    for (uint32_t point = 1; point <= sweep->point_count; point++) {
        json_t *root = load_point(dir, point);

        *missing += root == NULL;
        walk(root, "", add_column, columns);
        json_decref(root);
    }
    status = report_open_rows(&out, dir, "rows.tsv", error);
    if (status == VMC_OK) {
        write_head(vmc_outfile_stream(out), sweep, columns);
        for (uint32_t point = 1; point <= sweep->point_count; point++) {
            struct row row = {.columns = columns};
            json_t *root = load_point(dir, point);

            if (root != NULL) {
                walk(root, "", add_cell, &row);
                write_row(vmc_outfile_stream(out), sweep, point, &row);
                json_decref(root);
            }
        }
        status = vmc_outfile_commit(out, error);
    }
    sweep_unlock(lock);
    free(columns);
    return status;
}
