/* SPDX-License-Identifier: MIT */
/**
 * source_priv.h - what the two kinds of trace, text and native, are to the
 * reader: something that fills a batch of records.
 */
#ifndef VMC_TRACE_SOURCE_PRIV_H
#define VMC_TRACE_SOURCE_PRIV_H

#include "trace/input.h"
#include "trace/line_priv.h"
#include "trace/meta.h"
#include "trace/native_priv.h"
#include "trace/reader.h"

enum { VMC_BATCH_RECORDS = 1024, VMC_UNKNOWN_MAX = 4096 };

struct vmc_native; /* native_source.c */

struct vmc_reader {
    struct vmc_input *input;
    struct vmc_texts *texts;
    struct vmc_meta meta;
    struct vmc_reader_counts counts;
    /* Text */
    struct vmc_line_parser *parser;
    uint64_t start_ns;
    bool has_start, is_skipping_line;
    /* Native */
    struct vmc_native *native;
    uint64_t block_count;
    /* Unknown events: names by number, and how often each came. */
    struct vmc_texts *unknown;
    uint64_t unknown_counts[VMC_UNKNOWN_MAX + 1];
    uint16_t unknown_order[VMC_UNKNOWN_MAX];
    bool is_ordered;
    bool has_ended;
    bool (*is_stopped)(void); /* NULL: nobody stops it */
    enum vmc_status damage;   /* met behind the records last given out */
    struct vmc_error damage_error;
    uint64_t last_time_ns;
    /* What vmc_reader_keep() has read, and what came behind it. */
    bool is_kept;
    struct vmc_record *kept;
    uint64_t kept_count, kept_at;
    enum vmc_status kept_end;
    struct vmc_record batch[VMC_BATCH_RECORDS];
};

/** Whether somebody wants no more; the counts then say so. */
bool vmc_reader_is_stopped(struct vmc_reader *reader);

/** Fill the batch with *@count records. Any other status than VMC_OK, that is
 * VMC_END or damage, is what comes behind them; there is nothing after it. */
enum vmc_status vmc_text_fill(struct vmc_reader *reader, uint32_t *count,
                              struct vmc_error *error);
enum vmc_status vmc_native_fill(struct vmc_reader *reader, uint32_t *count,
                                struct vmc_error *error);

/** Read header and metadata of a native trace. */
enum vmc_status vmc_native_start(struct vmc_reader *reader,
                                 struct vmc_error *error);
void vmc_native_free(struct vmc_native *native);

/** Count an unknown event @count times. */
void vmc_reader_count_unknown(struct vmc_reader *reader, const char *name,
                              size_t name_bytes, uint64_t count);

#endif
