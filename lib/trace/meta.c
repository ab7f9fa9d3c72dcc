/* SPDX-License-Identifier: MIT */
#include "trace/meta.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t put(struct vmc_meta *meta, const char *text, size_t bytes)
{
    uint32_t at = meta->used_bytes;

    memcpy(meta->bytes + at, text, bytes);
    meta->bytes[at + bytes] = '\0';
    meta->used_bytes += (uint32_t)bytes + 1;
    return at;
}

static enum vmc_status set_pair(struct vmc_meta *meta, const char *key,
                                size_t key_bytes, const char *value,
                                size_t value_bytes)
{
    uint32_t i;

    if (meta->pair_count == VMC_META_PAIRS_MAX ||
        meta->used_bytes + key_bytes + value_bytes + 2 > VMC_META_BYTES_MAX) {
        return VMC_E_RANGE;
    }
    for (i = 0; i < meta->pair_count; i++) {
        const char *kept = meta->bytes + meta->pairs[i].key;

        if (strncmp(kept, key, key_bytes) == 0 && kept[key_bytes] == '\0') {
            break;
        }
    }
    if (i == meta->pair_count) {
        meta->pairs[i].key = put(meta, key, key_bytes);
        meta->pair_count++;
    }
    meta->pairs[i].value = put(meta, value, value_bytes);
    return VMC_OK;
}

enum vmc_status vmc_meta_set(struct vmc_meta *meta, const char *key,
                             const char *value)
{
    return set_pair(meta, key, strlen(key), value, strlen(value));
}

const char *vmc_meta_get(const struct vmc_meta *meta, const char *key)
{
    for (uint32_t i = 0; i < meta->pair_count; i++) {
        if (strcmp(meta->bytes + meta->pairs[i].key, key) == 0) {
            return meta->bytes + meta->pairs[i].value;
        }
    }
    return NULL;
}

/* Narrow [*at, *end) to what lies between its blanks. */
static void trim(const char **at, const char **end)
{
    while (*at < *end && strchr(" \t\r", **at) != NULL) {
        ++*at;
    }
    while (*at < *end && strchr(" \t\r", (*end)[-1]) != NULL) {
        --*end;
    }
}

static enum vmc_status parse_line(struct vmc_meta *meta, const char *at,
                                  const char *end)
{
    const char *equals, *key_end, *value;

    trim(&at, &end);
    if (at == end || *at == '#' || *at == ';') {
        return VMC_OK;
    }
    equals = memchr(at, '=', (size_t)(end - at));
    if (equals == NULL || memchr(at, '\0', (size_t)(end - at)) != NULL) {
        return VMC_E_FORMAT;
    }
    key_end = equals;
    value = equals + 1;
    trim(&at, &key_end);
    trim(&value, &end);
    if (at == key_end) {
        return VMC_E_FORMAT;
    }
    return set_pair(meta, at, (size_t)(key_end - at), value,
                    (size_t)(end - value));
}

enum vmc_status vmc_meta_parse(struct vmc_meta *meta, const char *text,
                               size_t size_bytes, const char *name,
                               struct vmc_error *error)
{
    const char *end = text + size_bytes;
    uint32_t line = 0;

    for (const char *at = text; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *line_end = newline != NULL ? newline : end;
        enum vmc_status status = parse_line(meta, at, line_end);

        line++;
        if (status == VMC_E_RANGE) {
            return vmc_fail(error, VMC_E_FORMAT,
                            "%s:%" PRIu32 ": more than %d pairs or %d bytes",
                            name, line, VMC_META_PAIRS_MAX, VMC_META_BYTES_MAX);
        }
        if (status != VMC_OK) {
            return vmc_fail(error, VMC_E_FORMAT,
                            "%s:%" PRIu32 ": expected key = value", name, line);
        }
        at = newline != NULL ? newline + 1 : end;
    }
    return VMC_OK;
}

enum vmc_status vmc_meta_load(struct vmc_meta *meta, const char *path,
                              struct vmc_error *error)
{
    FILE *file = fopen(path, "re");
    char *text = malloc(VMC_META_BYTES_MAX);
    enum vmc_status status = VMC_E_NOMEM;

    if (file == NULL) {
        status = vmc_fail(error, VMC_E_IO, "%s: %s", path, strerror(errno));
    } else if (text != NULL) {
        size_t bytes = fread(text, 1, VMC_META_BYTES_MAX, file);

        if (ferror(file) != 0) {
            status = vmc_fail(error, VMC_E_IO, "%s: %s", path, strerror(errno));
        } else if (bytes == VMC_META_BYTES_MAX) {
            status =
                vmc_fail(error, VMC_E_FORMAT,
                         "%s: %d bytes or more, expected key = value lines",
                         path, VMC_META_BYTES_MAX);
        } else {
            status = vmc_meta_parse(meta, text, bytes, path, error);
        }
    }
    free(text);
    if (file != NULL) {
        (void)fclose(file);
    }
    return status;
}

bool vmc_meta_path(char *path, size_t size_bytes, const char *trace_path)
{
    static const char *const endings[] = {
        ".qemu", ".ftrace", ".log", ".txt", ".vmct", ".zst", ".trace", ".perf"};
    const char *slash = strrchr(trace_path, '/');
    const char *name = slash != NULL ? slash + 1 : trace_path;
    const char *stop = name + strlen(name);
    int written;

    for (size_t i = 0; i < VMC_COUNT_OF(endings); i++) {
        const char *found = strstr(name, endings[i]);

        if (found != NULL && found < stop) {
            stop = found;
        }
    }
    written = snprintf(path, size_bytes, "%.*s.meta", (int)(stop - trace_path),
                       trace_path);
    return written > 0 && (size_t)written < size_bytes;
}
