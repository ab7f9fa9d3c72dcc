/* SPDX-License-Identifier: MIT */
/**
 * meta.h - "key = value" pairs that describe a trace.
 */
#ifndef VMC_TRACE_META_H
#define VMC_TRACE_META_H

#include "base/base.h"

enum { VMC_META_PAIRS_MAX = 256, VMC_META_BYTES_MAX = 1 << 16 };

/** Pairs in the order they were set; a later one of the same key wins. */
struct vmc_meta {
    uint32_t pair_count, used_bytes;
    struct {
        uint32_t key, value; /* offsets into bytes */
    } pairs[VMC_META_PAIRS_MAX];
    char bytes[VMC_META_BYTES_MAX];
};

/**
 * Add the pairs of @size_bytes of text at @text: one a line, '#' and ';' begin
 * comments. @name is for messages.
 * Fails    VMC_E_FORMAT with name and line in @error.
 */
enum vmc_status vmc_meta_parse(struct vmc_meta *meta, const char *text,
                               size_t size_bytes, const char *name,
                               struct vmc_error *error);

/**
 * Add the pairs of the file at @path.
 * Fails    VMC_E_IO, VMC_E_FORMAT, with a line in @error.
 */
enum vmc_status vmc_meta_load(struct vmc_meta *meta, const char *path,
                              struct vmc_error *error);

/** Set one pair. Fails  VMC_E_RANGE when there is no room. */
enum vmc_status vmc_meta_set(struct vmc_meta *meta, const char *key,
                             const char *value);

/** The value of @key, or NULL. */
const char *vmc_meta_get(const struct vmc_meta *meta, const char *key);

/**
 * The path of the .meta that belongs to the trace at @trace_path: what comes
 * before the first of .qemu, .ftrace, .log, .txt, .vmct or .zst in its last
 * part, and .meta. False when it does not fit into @size_bytes.
 */
bool vmc_meta_path(char *path, size_t size_bytes, const char *trace_path);

#endif
