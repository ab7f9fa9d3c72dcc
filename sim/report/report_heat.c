/* SPDX-License-Identifier: MIT */
#include "sim/report/report_heat.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/report/report.h"

enum {
    COLUMNS = 40,
    OCTAVES = 64,
    LEVELS = 2 * OCTAVES,
    PATH_BYTES_MAX = 1024,
};

struct heat {
    uint64_t counts[COLUMNS][LEVELS];
    uint64_t first_ns, last_ns;
};

/* ---- Cells -------------------------------------------------------------- */

static uint32_t level_of(uint64_t latency_ns)
{
    uint32_t octave;

    if (latency_ns < 2) {
        return 0; /* both halves of the lowest are one */
    }
    octave = vmc_bits_top(latency_ns);
    return 2 * octave + (uint32_t)(latency_ns >> (octave - 1) & 1);
}

static uint64_t level_low(uint32_t level)
{
    uint64_t octave = UINT64_C(1) << (level / 2);

    return level == 0 ? 0 : octave + level % 2 * (octave / 2);
}

static uint64_t level_high(uint32_t level)
{
    if (level == LEVELS - 1) {
        return UINT64_MAX;
    }
    return level_low(level > 0 ? level + 1 : 2);
}

static uint64_t column_low(const struct heat *heat, uint32_t column)
{
    uint64_t span_ns = heat->last_ns - heat->first_ns + 1;

    /* Rounded up, so that a time is in the column that column_of() says. */
    return heat->first_ns +
           (uint64_t)(((vmc_u128)span_ns * column + COLUMNS - 1) / COLUMNS);
}

static uint32_t column_of(const struct heat *heat, uint64_t time_ns)
{
    uint64_t span_ns = heat->last_ns - heat->first_ns + 1;

    return (uint32_t)((vmc_u128)(time_ns - heat->first_ns) * COLUMNS / span_ns);
}

/* ---- Rows --------------------------------------------------------------- */

/* The next row of @rows. The first line names the columns. */
static bool next_row(FILE *rows, uint64_t *time_ns, uint64_t *latency_ns)
{
    char line[256];

    while (fgets(line, sizeof(line), rows) != NULL) {
        char *last = strrchr(line, '\t');
        size_t time_bytes = strcspn(line, "\t");

        if (last == NULL) {
            continue;
        }
        line[time_bytes] = '\0';
        last[1 + strcspn(last + 1, "\n")] = '\0';
        if (vmc_parse_u64(time_ns, line) == VMC_OK &&
            vmc_parse_u64(latency_ns, last + 1) == VMC_OK) {
            return true;
        }
    }
    return false;
}

/* Twice through the rows: for their span, then for the cells. */
static bool count(struct heat *heat, FILE *rows)
{
    uint64_t time_ns, latency_ns;
    bool is_any = false;

    while (next_row(rows, &time_ns, &latency_ns)) {
        if (!is_any || time_ns < heat->first_ns) {
            heat->first_ns = time_ns;
        }
        if (!is_any || time_ns > heat->last_ns) {
            heat->last_ns = time_ns;
        }
        is_any = true;
    }
    rewind(rows);
    while (is_any && next_row(rows, &time_ns, &latency_ns)) {
        heat->counts[column_of(heat, time_ns)][level_of(latency_ns)]++;
    }
    return is_any;
}

static void write_cells(const struct heat *heat, FILE *out)
{
    (void)fputs("time_low_ns\ttime_high_ns\tlatency_low_ns\tlatency_high_ns\t"
                "interrupts\n",
                out);
    for (uint32_t column = 0; column < COLUMNS; column++) {
        for (uint32_t level = 0; level < LEVELS; level++) {
            if (heat->counts[column][level] > 0) {
                (void)fprintf(out,
                              "%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64
                              "\t%" PRIu64 "\n",
                              column_low(heat, column),
                              column_low(heat, column + 1), level_low(level),
                              level_high(level), heat->counts[column][level]);
            }
        }
    }
}

bool heat_write(const char *dir, const char *from, const char *to)
{
    struct heat heat = {0};
    struct vmc_outfile *out;
    char path[PATH_BYTES_MAX];
    FILE *rows;
    bool is_any;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, from);
    rows = fopen(path, "re");
    if (rows == NULL) {
        return false;
    }
    is_any = count(&heat, rows);
    (void)fclose(rows);
    if (!is_any || report_open_rows(&out, dir, to, NULL) != VMC_OK) {
        return false;
    }
    write_cells(&heat, vmc_outfile_stream(out));
    return vmc_outfile_commit(out, NULL) == VMC_OK;
}
