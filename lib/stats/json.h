/* SPDX-License-Identifier: MIT */
/**
 * json.h - results as JSON (RFC 8259), by jansson, in one shape everywhere.
 *
 * Owner    What a function here returns is a new reference, the caller's.
 */
#ifndef VMC_STATS_JSON_H
#define VMC_STATS_JSON_H

#include <jansson.h>

#include "base/base.h"
#include "stats/histogram.h"

/** The object {count, min, p50, p90, p99, p999, max, mean}. */
json_t *vmc_json_hist(const struct vmc_hist *hist);

/**
 * An unsigned number. JSON integers of jansson are signed, so from 2^63 up it
 * is written as the decimal text.
 */
json_t *vmc_json_u64(uint64_t value);

/** The text "0x..." with 16 digits: for fingerprints and addresses. */
json_t *vmc_json_hex(uint64_t value);

/**
 * Copy the text @from to @to, of @room bytes, so that JSON can hold it: as it
 * is where it is UTF-8, else with every byte beyond ASCII as \xNN.
 * Returns  @to. Cut to what fits.
 */
const char *vmc_json_utf8(char *to, size_t room, const char *from);

/**
 * Write @root to the file @path, "-" for standard output: indented, keys in
 * the order they were set, a newline at the end. A file appears whole under
 * its name or not at all.
 * Fails    VMC_E_IO, with a line in @error.
 */
enum vmc_status vmc_json_write(const json_t *root, const char *path,
                               struct vmc_error *error);

#endif
