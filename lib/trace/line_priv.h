/* SPDX-License-Identifier: MIT */
/**
 * line_priv.h - one line of text to one record, for both importers.
 */
#ifndef VMC_TRACE_LINE_PRIV_H
#define VMC_TRACE_LINE_PRIV_H

#include "base/base.h"
#include "trace/record.h"
#include "trace/texts.h"

enum vmc_line_format { VMC_LINE_QEMU, VMC_LINE_FTRACE };

enum vmc_line_result {
    VMC_LINE_RECORD,  /**< *record is complete, but for its time */
    VMC_LINE_NOTHING, /**< blank or a comment */
    VMC_LINE_UNKNOWN, /**< an event, or something, that nobody lists */
    VMC_LINE_BAD,     /**< a listed event that cannot be read */
};

struct vmc_line_parser;

/** What a line says beside its record. */
struct vmc_line {
    uint64_t stamp_ns; /**< absolute, as printed */
    const char *name;  /**< of the event, in the line; also when unknown */
    size_t name_bytes;
};

/** A parser of lines of @format; NULL when memory is short. */
struct vmc_line_parser *vmc_line_parser_new(enum vmc_line_format format);
/** NULL is allowed. */
void vmc_line_parser_free(struct vmc_line_parser *parser);

/** The format it was made for. */
enum vmc_line_format vmc_line_format(const struct vmc_line_parser *parser);

/**
 * Read the line from @at to @end, without its newline. The byte at @end must
 * be readable and no part of a number ('\n' is none).
 */
enum vmc_line_result vmc_line_parse(struct vmc_line_parser *parser,
                                    const char *at, const char *end,
                                    struct vmc_texts *texts,
                                    struct vmc_line *line,
                                    struct vmc_record *record);

/** True when the line looks like one of @format. */
bool vmc_line_looks_like(enum vmc_line_format format, const char *at,
                         const char *end);

#endif
