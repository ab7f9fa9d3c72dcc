/* SPDX-License-Identifier: MIT */
/**
 * report_gallery.h - which pictures a run can have, and what each of them says.
 */
#ifndef VMC_SIM_REPORT_REPORT_GALLERY_H
#define VMC_SIM_REPORT_REPORT_GALLERY_H

#include <jansson.h>
#include <stdio.h>

#include "base/base.h"

/** Draw every picture whose rows lie in @dir; their words take numbers from
 * the results @root. What cannot be drawn is told on standard error. */
void gallery_draw(const char *dir, const json_t *root);

/** Put the pictures of @dir into @page; *@number goes on as in
 * picture_write(). */
void gallery_write(FILE *page, const char *dir, uint32_t *number);

#endif
