/* SPDX-License-Identifier: MIT */
/**
 * sweep_table.h - results as a table: a row a point, a column a number.
 *
 * Results are looked at twice: for the columns there are, in the order in which
 * the points bring them, then for the rows. Those of the first points are kept
 * in between, the others are read again, so that memory does not grow with the
 * number of points.
 */
#ifndef VMC_SIM_SWEEP_SWEEP_TABLE_H
#define VMC_SIM_SWEEP_SWEEP_TABLE_H

#include <stdio.h>

#include "sim/sweep/sweep.h"

enum { SWEEP_COLUMNS_MAX = 4096 };

/** The table of a range of points. */
struct sweep_table;

/**
 * Look at the results of points @first to @last in the folder @dir.
 * Owner    sweep_table_free(); @sweep and @dir are borrowed.
 * Fails    VMC_E_NOMEM.
 */
enum vmc_status sweep_table_new(struct sweep_table **out,
                                const struct sweep *sweep, const char *dir,
                                uint32_t first, uint32_t last);
void sweep_table_free(struct sweep_table *table);

/** How many of the points have no result. */
uint32_t sweep_table_missing(const struct sweep_table *table);

/** The columns: how many, and the name of the @index-th. */
uint32_t sweep_table_column_count(const struct sweep_table *table);
const char *sweep_table_column(const struct sweep_table *table, uint32_t index);

/** Add the column @name where there is none of that name yet. False when there
 * are SWEEP_COLUMNS_MAX others. */
bool sweep_table_add_column(struct sweep_table *table, const char *name);

/** Have no columns, so that others can be added. */
void sweep_table_clear_columns(struct sweep_table *table);

/** True when results had more numbers than there may be columns. */
bool sweep_table_is_cut(const struct sweep_table *table);

/** Write the names of the columns, with those of the keys before them. */
void sweep_table_write_head(const struct sweep_table *table, FILE *file);

/** Write the rows of the points that have a result. The bytes depend on the
 * results and the columns alone. */
void sweep_table_write_rows(const struct sweep_table *table, FILE *file);

#endif
