/* SPDX-License-Identifier: MIT */
/**
 * report_picture.h - a picture that gnuplot drew, put into a report's page.
 *
 * A picture is a file of the run's folder, with a title and a description
 * inside, that any viewer shows. In the page it takes the page's colours, and
 * its ids get a prefix of their own: no two elements of a page may share one.
 */
#ifndef VMC_SIM_REPORT_REPORT_PICTURE_H
#define VMC_SIM_REPORT_REPORT_PICTURE_H

#include <stdio.h>

#include "base/base.h"

/**
 * Put the SVG in @file into @page. *@number counts the pictures of the page
 * and goes on.
 * Returns  false, with nothing written, when there is no picture in @file.
 */
bool picture_write(FILE *page, FILE *file, uint32_t *number);

#endif
