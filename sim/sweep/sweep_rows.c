/* SPDX-License-Identifier: MIT */
/*
 * Results are looked at twice: for the columns there are, in the order in which
 * the points bring them, then for the rows. Those of the first points are kept
 * in between, the others are read again, so that memory does not grow with the
 * number of points.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/report/report.h"
#include "sim/sweep/sweep_rows.h"
#include "sim/sweep/sweep_run.h"

enum {
    PATH_BYTES_MAX = 4096,
    COLUMNS_MAX = 4096,
    NAME_BYTES_MAX = 256,
    LIST_MAX = 64,
    KEPT_MAX = 1000,
};

struct columns {
    char names[COLUMNS_MAX][NAME_BYTES_MAX];
    uint32_t count, last; /* the one found last */
    bool has_more;        /* than there is room for */
};

/* What differs between two runs that did the same. */
static bool is_of_the_host(const char *key)
{
    return strcmp(key, "wall_ms") == 0 || strcmp(key, "version") == 0;
}

/* Called for every number and fingerprint of a result: "stages_ms.send". */
typedef void leaf_fn(void *owner, const char *name, const json_t *value);

static void walk(const json_t *value, const char *name, leaf_fn *on_leaf,
                 void *owner);

/* Go on with @value, which is called @key in what is called @prefix. */
static void walk_into(const json_t *value, const char *prefix, const char *key,
                      leaf_fn *on_leaf, void *owner)
{
    char name[NAME_BYTES_MAX];
    int bytes = snprintf(name, sizeof(name), "%s%s%s", prefix,
                         prefix[0] != '\0' ? "." : "", key);

    if (bytes < (int)sizeof(name)) {
        walk(value, name, on_leaf, owner);
    }
}

static void walk(const json_t *value, const char *name, leaf_fn *on_leaf,
                 void *owner)
{
    const char *key;
    json_t *inner;
    size_t i;

    if (json_is_number(value) || json_is_string(value)) {
        on_leaf(owner, name, value);
    }
    json_object_foreach((json_t *)value, key, inner)
    {
        if (!is_of_the_host(key) &&
            (!json_is_string(inner) || strcmp(key, "fingerprint") == 0)) {
            walk_into(inner, name, key, on_leaf, owner);
        }
    }
    if (json_array_size(value) > LIST_MAX) {
        return;
    }
    json_array_foreach(value, i, inner)
    {
        char place[24];

        (void)snprintf(place, sizeof(place), "%zu", i);
        if (!json_is_string(inner)) {
            walk_into(inner, name, place, on_leaf, owner);
        }
    }
}

json_t *sweep_load_result(const char *dir, uint32_t point)
{
    char path[PATH_BYTES_MAX];
    json_t *root;

    (void)snprintf(path, sizeof(path), "%s/points/%" PRIu32 ".json", dir,
                   point);
    root = json_load_file(path, 0, NULL);
    if (json_is_true(json_object_get(root, "interrupted"))) {
        json_decref(root);
        root = NULL;
    }
    return root;
}

struct wanted {
    const char *name;
    double *value;
    bool is_found;
};

static void compare_name(void *owner, const char *name, const json_t *value)
{
    struct wanted *wanted = owner;

    if (json_is_number(value) && strcmp(name, wanted->name) == 0) {
        *wanted->value = json_number_value(value);
        wanted->is_found = true;
    }
}

bool sweep_find_number(const json_t *root, const char *name, double *value)
{
    struct wanted wanted = {.name = name, .value = value};

    walk(root, "", compare_name, &wanted);
    return wanted.is_found;
}

struct names {
    char *text;
    size_t used, room;
};

static void add_name(void *owner, const char *name, const json_t *value)
{
    struct names *names = owner;
    int bytes;

    if (names->used + strlen(name) + 3 > names->room || json_is_string(value)) {
        return;
    }
    bytes = snprintf(names->text + names->used, names->room - names->used,
                     "%s%s", names->used > 0 ? ", " : "", name);
    names->used += (size_t)bytes;
}

void sweep_list_numbers(const json_t *root, char *text, size_t room_bytes)
{
    struct names names = {.text = text, .room = room_bytes};

    text[0] = '\0';
    walk(root, "", add_name, &names);
}

/* ---- Columns ------------------------------------------------------------ */

/* The column called @name, or the number of columns. Results have their numbers
 * in the same order, so it is looked for behind the one found last. */
static uint32_t find_column(const struct columns *columns, const char *name,
                            uint32_t *last)
{
    for (uint32_t i = 0; i < columns->count; i++) {
        uint32_t at = (*last + 1 + i) % columns->count;

        if (strcmp(columns->names[at], name) == 0) {
            *last = at;
            return at;
        }
    }
    return columns->count;
}

static void add_column(void *owner, const char *name, const json_t *value)
{
    struct columns *columns = owner;

    (void)value;
    if (find_column(columns, name, &columns->last) < columns->count) {
        return;
    }
    if (columns->count == COLUMNS_MAX) {
        columns->has_more = true;
        return;
    }
    columns->last = columns->count;
    (void)snprintf(columns->names[columns->count++], NAME_BYTES_MAX, "%s",
                   name);
}

/* A result laid out by column. */
struct row {
    const struct columns *columns;
    uint32_t last;
    const json_t *values[COLUMNS_MAX];
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

/* What writing the rows takes. */
struct rows {
    const struct sweep *sweep;
    const char *dir;
    struct columns columns;
    json_t *kept[KEPT_MAX]; /* results of the first points, from the first look
                               to the second */
};

/* The first look: for the columns. Returns how many points have no result. */
static uint32_t look(struct rows *rows)
{
    uint32_t missing = 0;

    for (uint32_t point = 1; point <= rows->sweep->point_count; point++) {
        json_t *root = sweep_load_result(rows->dir, point);

        missing += root == NULL;
        walk(root, "", add_column, &rows->columns);
        if (point <= KEPT_MAX) {
            rows->kept[point - 1] = root;
        } else {
            json_decref(root);
        }
    }
    return missing;
}

static void write_rows(struct rows *rows, FILE *file)
{
    write_head(file, rows->sweep, &rows->columns);
    for (uint32_t point = 1; point <= rows->sweep->point_count; point++) {
        struct row row = {.columns = &rows->columns};
        json_t *root = point <= KEPT_MAX ? rows->kept[point - 1]
                                         : sweep_load_result(rows->dir, point);

        if (root != NULL) {
            walk(root, "", add_cell, &row);
            write_row(file, rows->sweep, point, &row);
        }
        if (point > KEPT_MAX) {
            json_decref(root);
        }
    }
}

static void free_rows(struct rows *rows)
{
    for (size_t i = 0; i < KEPT_MAX; i++) {
        json_decref(rows->kept[i]);
    }
    free(rows);
}

enum vmc_status sweep_write_rows(const struct sweep *sweep, const char *dir,
                                 uint32_t *missing, struct vmc_error *error)
{
    struct rows *rows = calloc(1, sizeof(*rows));
    struct vmc_outfile *out;
    enum vmc_status status;
    int lock;

    *missing = 0;
    if (rows == NULL) {
        return VMC_E_NOMEM;
    }
    rows->sweep = sweep;
    rows->dir = dir;
    lock = sweep_lock(dir);
    *missing = look(rows);
    status = report_open_rows(&out, dir, "rows.tsv", error);
    if (status == VMC_OK) {
        write_rows(rows, vmc_outfile_stream(out));
        status = vmc_outfile_commit(out, error);
    }
    if (rows->columns.has_more) {
        (void)fprintf(stderr,
                      "vmcycle: %s/rows.tsv: the results have more than %d "
                      "numbers; the rest is in %s/points\n",
                      dir, COLUMNS_MAX, dir);
    }
    sweep_unlock(lock);
    free_rows(rows);
    return status;
}
