/* SPDX-License-Identifier: MIT */
/**
 * report_rows.h - a file of rows, read whole: tab-separated, the first line
 * names the columns.
 */
#ifndef VMC_SIM_REPORT_REPORT_ROWS_H
#define VMC_SIM_REPORT_REPORT_ROWS_H

#include <stdint.h>

#include "base/base.h"

struct report_rows {
    char *text;         /**< all of the file, cut into cells */
    const char **cells; /**< row by row, the names first */
    uint32_t columns, count;
};

/**
 * Read DIR/@name. Lines with another number of cells than the first end it.
 * Owner    report_rows_fini() releases what is read.
 * Returns  false, with nothing to release, when there is no such file.
 */
bool report_rows_init(struct report_rows *rows, const char *dir,
                      const char *name);

/** Release what report_rows_init() read. */
void report_rows_fini(struct report_rows *rows);

/** The name of column @column. Asserts there is one. */
const char *report_rows_name(const struct report_rows *rows, uint32_t column);

/** The cell of row @row, from 0. Asserts there is one. */
const char *report_rows_at(const struct report_rows *rows, uint32_t row,
                           uint32_t column);

/** The column called @name, or the number of columns. */
uint32_t report_rows_find(const struct report_rows *rows, const char *name);

/** True when two rows have different cells in @column. */
bool report_rows_varies(const struct report_rows *rows, uint32_t column);

#endif
