/* SPDX-License-Identifier: MIT */
#include "base/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *vmc_status_name(enum vmc_status status)
{
    switch (status) {
    case VMC_OK:
        return "ok";
    case VMC_END:
        return "end";
    case VMC_E_NOMEM:
        return "out of memory";
    case VMC_E_IO:
        return "input or output failed";
    case VMC_E_FORMAT:
        return "bad format";
    case VMC_E_RANGE:
        return "out of range";
    case VMC_E_ACCESS:
        return "bad access";
    case VMC_E_USAGE:
        return "bad usage";
    }
    return "unknown status";
}

enum vmc_status vmc_fail(struct vmc_error *error, enum vmc_status status,
                         const char *format, ...)
{
    va_list args;

    if (error == NULL) {
        return status;
    }
    va_start(args, format);
    (void)vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    return status;
}

static unsigned digit_of(char c)
{
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0');
    }
    if (c >= 'a' && c <= 'f') {
        return (unsigned)(c - 'a') + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return (unsigned)(c - 'A') + 10;
    }
    return 16;
}

/* Read digits up to the first character that is none; *end points there. */
static enum vmc_status parse_digits(uint64_t *out, const char *text,
                                    const char **end)
{
    unsigned base = 10;
    uint64_t value = 0;
    const char *at = text;

    if (at[0] == '0' && (at[1] == 'x' || at[1] == 'X')) {
        base = 16;
        at += 2;
    }
    if (digit_of(*at) >= base) {
        return VMC_E_FORMAT;
    }
    for (; digit_of(*at) < base; at++) {
        if (__builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, digit_of(*at), &value)) {
            return VMC_E_RANGE;
        }
    }
    *out = value;
    *end = at;
    return VMC_OK;
}

enum vmc_status vmc_parse_u64(uint64_t *out, const char *text)
{
    uint64_t value;
    const char *end;
    enum vmc_status status = parse_digits(&value, text, &end);

    if (status != VMC_OK) {
        return status;
    }
    if (*end != '\0') {
        return VMC_E_FORMAT;
    }
    *out = value;
    return VMC_OK;
}

enum vmc_status vmc_parse_size(uint64_t *out, const char *text)
{
    static const char units[] = "KMGT";
    uint64_t value;
    const char *end;
    const char *unit;
    enum vmc_status status = parse_digits(&value, text, &end);

    if (status != VMC_OK) {
        return status;
    }
    unit = *end != '\0' ? strchr(units, *end == 'k' ? 'K' : *end) : NULL;
    if (unit != NULL) {
        unsigned shift = 10 * (unsigned)(unit - units + 1);

        if (value > UINT64_MAX >> shift) {
            return VMC_E_RANGE;
        }
        value <<= shift;
        end += end[1] == 'i' ? 2 : 1;
    }
    end += *end == 'B';
    if (*end != '\0') {
        return VMC_E_FORMAT;
    }
    *out = value;
    return VMC_OK;
}
