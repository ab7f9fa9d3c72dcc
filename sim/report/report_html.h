/* SPDX-License-Identifier: MIT */
/**
 * report_html.h - words and numbers of a report's page, as HTML.
 *
 * Numbers are written for reading: with a unit that leaves one to three digits
 * before the point, and with digits in groups. The exact value goes with them
 * in the element <data>.
 */
#ifndef VMC_SIM_REPORT_REPORT_HTML_H
#define VMC_SIM_REPORT_REPORT_HTML_H

#include <jansson.h>
#include <stdio.h>

#include "base/base.h"

enum { HTML_TEXT_BYTES = 64 };

/** Write @text with what HTML would take for its own replaced. */
void html_text(FILE *page, const char *text);

/**
 * "24.1 µs" for a time of @ns, in @text of HTML_TEXT_BYTES.
 * Returns  @text.
 */
const char *html_time(char *text, double ns);

/** "13 322" for @value, in groups of three; as html_time(). */
const char *html_count(char *text, uint64_t value);

/** The number @value, which the results call @name, as html_value() would
 * write it; as html_time(). */
const char *html_number_text(char *text, const char *name, double value);

/**
 * Write the number @value, which the results call @name: a time where a part
 * of the name ends in _ns or _ms, with its unit. What is no number is written
 * as it is, and null as a dash.
 */
void html_value(FILE *page, const char *name, const json_t *value);

/** Write the page's head, up to and with the tag <body>; @title is its name. */
void html_head(FILE *page, const char *title);

/** The member @path of @root, as "interrupts.recorded_latency_ns.p50"; NULL
 * when it is not there. */
json_t *html_dig(const json_t *root, const char *path);

/** The number at @path, or 0. */
double html_number(const json_t *root, const char *path);

#endif
