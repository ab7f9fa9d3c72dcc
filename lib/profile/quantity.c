/* SPDX-License-Identifier: MIT */
#include "profile/quantity.h"

#include <string.h>

enum { FRACTION_DIGITS_MAX = 12 };

/* A decimal number as an integer over a power of ten. */
struct decimal {
    uint64_t digits, scale;
};

static enum vmc_status parse_decimal(struct decimal *out, const char **text)
{
    const char *at = *text;
    bool is_fraction = false;
    unsigned fraction_digits = 0;

    *out = (struct decimal){.digits = 0, .scale = 1};
    if (*at < '0' || *at > '9') {
        return VMC_E_FORMAT;
    }
    for (; (*at >= '0' && *at <= '9') || (*at == '.' && !is_fraction); at++) {
        if (*at == '.') {
            is_fraction = true;
            continue;
        }
        if (is_fraction && ++fraction_digits > FRACTION_DIGITS_MAX) {
            return VMC_E_RANGE;
        }
        if (__builtin_mul_overflow(out->digits, 10, &out->digits) ||
            __builtin_add_overflow(out->digits, (uint64_t)(*at - '0'),
                                   &out->digits)) {
            return VMC_E_RANGE;
        }
        out->scale *= is_fraction ? 10 : 1;
    }
    *text = at + strspn(at, " \t");
    return VMC_OK;
}

/* The period of a frequency of digits/scale times @hertz, in ps. */
static enum vmc_status period_of(uint64_t *out, struct decimal number,
                                 uint64_t hertz)
{
    static const uint64_t ps_per_s = UINT64_C(1000000000000);
    vmc_u128 numerator = (vmc_u128)ps_per_s * number.scale;
    vmc_u128 denominator = (vmc_u128)number.digits * hertz;

    if (denominator == 0 || numerator / denominator == 0) {
        return VMC_E_RANGE;
    }
    *out = (uint64_t)((numerator + denominator / 2) / denominator);
    return VMC_OK;
}

enum vmc_status vmc_quantity_parse(struct vmc_quantity *out, const char *text,
                                   uint64_t period_ticks,
                                   struct vmc_error *error)
{
    const struct {
        const char *name;
        uint64_t factor;
        bool is_time, is_frequency;
    } units[] = {
        {"", 1, false, false},
        {"ps", 1, true, false},
        {"ns", 1000, true, false},
        {"us", 1000000, true, false},
        {"ms", 1000000000, true, false},
        {"s", UINT64_C(1000000000000), true, false},
        {"cycle", period_ticks, true, false},
        {"cycles", period_ticks, true, false},
        {"MHz", 1000000, true, true},
        {"GHz", 1000000000, true, true},
    };
    struct decimal number;
    const char *unit = text;
    vmc_u128 product;

    if (parse_decimal(&number, &unit) != VMC_OK) {
        return vmc_fail(error, VMC_E_FORMAT,
                        "'%s' is no number with a unit of ps, ns, us, ms, s, "
                        "cycles, MHz or GHz",
                        text);
    }
    for (size_t i = 0; i < VMC_COUNT_OF(units); i++) {
        if (strcmp(unit, units[i].name) != 0) {
            continue;
        }
        out->is_time = units[i].is_time;
        if (units[i].is_frequency) {
            if (period_of(&out->value, number, units[i].factor) != VMC_OK) {
                return vmc_fail(error, VMC_E_RANGE,
                                "'%s' has no period of at least 1 ps", text);
            }
            return VMC_OK;
        }
        if (units[i].factor == 0) {
            return vmc_fail(error, VMC_E_FORMAT,
                            "'%s' counts cycles, and the section names no "
                            "clock",
                            text);
        }
        product = (vmc_u128)number.digits * units[i].factor;
        if (product % number.scale != 0) {
            return vmc_fail(error, VMC_E_FORMAT, "'%s' is not a whole number%s",
                            text, units[i].is_time ? " of ps" : "");
        }
        product /= number.scale;
        if (product > UINT64_MAX) {
            return vmc_fail(error, VMC_E_RANGE, "'%s' is too large", text);
        }
        out->value = (uint64_t)product;
        return VMC_OK;
    }
    return vmc_fail(error, VMC_E_FORMAT,
                    "'%s' has the unknown unit '%s'; known are ps, ns, us, "
                    "ms, s, cycles, MHz and GHz",
                    text, unit);
}
