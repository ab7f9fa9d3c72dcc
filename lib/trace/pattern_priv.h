/* SPDX-License-Identifier: MIT */
/**
 * pattern_priv.h - how the arguments of an event are printed, and read back.
 *
 *     %d0   a decimal number, maybe negative, into argument 0
 *     %u0   the same of a 32-bit variable: -1 is 0xffffffff
 *     %x1   a hexadecimal number with 0x, into argument 1
 *     %h2   a hexadecimal number, with or without 0x
 *     %p2   a pointer: like %x, or "(nil)"
 *     %w3   a word, up to a blank or what the pattern has next
 *     %s4   text up to what the pattern has next
 *     %r5   the rest of the line
 *     %{a|b}6   one of the words; the argument is its place in the list
 *
 * A blank in a pattern stands for any number of blanks, also none: QEMU prints
 * "addr: 0x400val: 0x20". Other characters stand for themselves.
 */
#ifndef VMC_TRACE_PATTERN_PRIV_H
#define VMC_TRACE_PATTERN_PRIV_H

#include "base/base.h"
#include "trace/record.h"
#include "trace/texts.h"

/**
 * Read the whole of [@at, @end) as @pattern says, into @record's args. What
 * two writers tore into one line matches nothing, so trailing blanks are all
 * that may be left over. The byte at @end must be readable.
 */
bool vmc_pattern_match(const char *pattern, const char *at, const char *end,
                       struct vmc_texts *texts, struct vmc_record *record);

/** Where vmc_pattern_print() finds the texts of a record's arguments. */
struct vmc_text_source {
    const char *(*text)(const void *owner, uint64_t number);
    const void *owner;
};

/**
 * The other way: print @record's args as @pattern says into @out. Blanks are
 * printed as they stand.
 * Returns  the bytes of the whole, as snprintf(): cut when they do not fit.
 */
size_t vmc_pattern_print(char *out, size_t size_bytes, const char *pattern,
                         const struct vmc_record *record,
                         const struct vmc_text_source *texts);

/** Behind the blanks at @at. */
const char *vmc_scan_blanks(const char *at, const char *end);

/** A decimal number, maybe negative. Returns its end, or NULL when there is
 * none or one beyond 64 bits. */
const char *vmc_scan_decimal(const char *at, const char *end, uint64_t *value);

#endif
