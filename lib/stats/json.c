/* SPDX-License-Identifier: MIT */
#include "stats/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "stats/outfile.h"

json_t *vmc_json_u64(uint64_t value)
{
    char text[32];

    if (value <= INT64_MAX) {
        return json_integer((json_int_t)value);
    }
    (void)snprintf(text, sizeof(text), "%" PRIu64, value);
    return json_string(text);
}

json_t *vmc_json_hex(uint64_t value)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "0x%016" PRIx64, value);
    return json_string(text);
}

const char *vmc_json_utf8(char *to, size_t room, const char *from)
{
    json_t *probe = json_string(from);
    size_t at = 0;

    for (; *from != '\0' && at + 1 < room; from++) {
        if (probe != NULL || (unsigned char)*from < 0x80) {
            to[at++] = *from;
        } else if (at + 5 <= room) {
            at += (size_t)snprintf(to + at, room - at, "\\x%02x",
                                   (unsigned char)*from);
        } else {
            break;
        }
    }
    to[at] = '\0';
    json_decref(probe);
    return to;
}

json_t *vmc_json_hist(const struct vmc_hist *hist)
{
    struct vmc_hist_summary summary = vmc_hist_summarize(hist);
    const struct {
        const char *key;
        uint64_t value;
    } rows[] = {
        {"count", summary.count}, {"min", summary.min},
        {"p50", summary.p50},     {"p90", summary.p90},
        {"p99", summary.p99},     {"p999", summary.p999},
        {"max", summary.max},     {"mean", summary.mean},
    };
    json_t *object = json_object();

    for (size_t i = 0; i < VMC_COUNT_OF(rows); i++) {
        json_object_set_new(object, rows[i].key, vmc_json_u64(rows[i].value));
    }
    return object;
}

enum vmc_status vmc_json_write(const json_t *root, const char *path,
                               struct vmc_error *error)
{
    struct vmc_outfile *out;
    enum vmc_status status = vmc_outfile_open(&out, path, error);

    if (status != VMC_OK) {
        return status;
    }
    if (json_dumpf(root, vmc_outfile_stream(out),
                   JSON_INDENT(2) | JSON_REAL_PRECISION(15)) != 0) {
        vmc_outfile_abandon(out);
        return vmc_fail(error, VMC_E_IO, "%s: cannot write JSON: %s", path,
                        strerror(errno));
    }
    (void)fputc('\n', vmc_outfile_stream(out));
    return vmc_outfile_commit(out, error);
}
