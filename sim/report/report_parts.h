/* SPDX-License-Identifier: MIT */
/**
 * report_parts.h - a time and the stages that it is the sum of, as a bar.
 */
#ifndef VMC_SIM_REPORT_REPORT_PARTS_H
#define VMC_SIM_REPORT_REPORT_PARTS_H

#include <stdint.h>
#include <stdio.h>

enum { PARTS_MAX = 16 };

/** Zeroed memory is a time without parts. Names are borrowed. */
struct parts {
    struct part {
        const char *name;
        double ns; /**< of all that happened */
        uint8_t colour;
    } at[PARTS_MAX];
    uint32_t count;
    double total_ns;
    double weight; /**< how many happened */
};

/** Add @ns to the part @name, which is the next one when it is new. Those
 * beyond PARTS_MAX are left out. */
void parts_add(struct parts *parts, const char *name, double ns);

/** Write a bar of all parts, as wide as its place; the @number-th of the page.
 */
void parts_bar(FILE *page, const struct parts *parts, uint32_t number);

/** Write the parts from the largest, each with colour, mean time and share. */
void parts_legend(FILE *page, const struct parts *parts);

#endif
