/* SPDX-License-Identifier: MIT */
/* The rows of the balloon's pictures: stages of each mechanism, one upon the
 * other, and what lies where in memory before and after. */
#include <inttypes.h>
#include <stdio.h>

#include "sim/balloon/balloon.h"
#include "sim/report/report.h"

enum vmc_status balloon_report_stages(const char *dir,
                                      const struct balloon_bar *bars,
                                      uint32_t count, struct vmc_error *error)
{
    struct vmc_outfile *rows;
    enum vmc_status status =
        report_open_rows(&rows, dir, "balloon-stages.tsv", error);

    if (status != VMC_OK) {
        return status;
    }
    (void)fputs("mechanism", vmc_outfile_stream(rows));
    for (uint32_t stage = 0; stage < VMC_STAGE_COUNT; stage++) {
        (void)fprintf(vmc_outfile_stream(rows), "\t%s",
                      vmc_balloon_stage_name(stage));
    }
    (void)fputc('\n', vmc_outfile_stream(rows));
    for (uint32_t i = 0; i < count; i++) {
        (void)fprintf(vmc_outfile_stream(rows), "%s", bars[i].name);
        for (uint32_t stage = 0; stage < VMC_STAGE_COUNT; stage++) {
            (void)fprintf(vmc_outfile_stream(rows), "\t%.6f",
                          (double)bars[i].stages.ticks[stage] / 1e9);
        }
        (void)fputc('\n', vmc_outfile_stream(rows));
    }
    return vmc_outfile_commit(rows, error);
}

/* What most of a cell is, and how most of that is backed. */
static uint32_t colour_of(const struct vmc_balloon_cell *cell)
{
    enum {
        HOLE = 0xdddddd,
        USED = 0x555555,
        FREE = 0xa6d5f2,
        FREE_HUGE = 0x0072b2,
        FREE_SMALL = 0x56b4e9,
        BALLOON = 0xe69f00,
        BALLOON_BACKED = 0xd55e00,
    };
    uint32_t backed = cell->small + cell->huge;

    if (cell->balloon >= cell->free && cell->balloon >= cell->used &&
        cell->balloon > 0) {
        /* What is in use beside it is backed in any case. */
        return backed > cell->used + cell->balloon / 2 ? BALLOON_BACKED
                                                       : BALLOON;
    }
    if (cell->free >= cell->used && cell->free > 0) {
        if (backed < (cell->free + cell->used) / 2) {
            return FREE;
        }
        return cell->huge >= cell->small ? FREE_HUGE : FREE_SMALL;
    }
    return cell->used > 0 ? USED : HOLE;
}

static void write_cells(FILE *rows, const char *panel,
                        const struct vmc_balloon_survey *survey)
{
    for (uint32_t i = 0; i < survey->cell_count; i++) {
        (void)fprintf(rows, "%s\t%" PRIu32 "\t%" PRIu32 "\n", panel, i,
                      colour_of(&survey->cells[i]));
    }
}

enum vmc_status balloon_report_map(const char *dir,
                                   const struct vmc_balloon_survey *before,
                                   const struct vmc_balloon_survey *after,
                                   struct vmc_error *error)
{
    struct vmc_outfile *rows;
    enum vmc_status status =
        report_open_rows(&rows, dir, "balloon-map.tsv", error);

    if (status != VMC_OK) {
        return status;
    }
    (void)fputs("panel\tcell\tcolour\n", vmc_outfile_stream(rows));
    write_cells(vmc_outfile_stream(rows), "before", before);
    write_cells(vmc_outfile_stream(rows), "after", after);
    return vmc_outfile_commit(rows, error);
}
