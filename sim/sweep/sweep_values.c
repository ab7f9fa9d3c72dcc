/* SPDX-License-Identifier: MIT */
/*
 * A list is items between commas. An item in quotes is a value as it stands,
 * one that begins with a digit and has two dots in it is a range, everything
 * else is a value, too: "../a.zst" and "frag:30" are.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/sweep/sweep_priv.h"

enum { ITEM_BYTES_MAX = 256 };

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, " ");
}

static enum vmc_status add_value(struct sweep *sweep, struct sweep_key *key,
                                 const char *text, size_t bytes,
                                 struct vmc_error *error)
{
    const char *value;

    if (key->value_count == SWEEP_VALUES_MAX) {
        return vmc_fail(error, VMC_E_RANGE, "%s: more than %d values",
                        key->name, SWEEP_VALUES_MAX);
    }
    value = sweep_keep(sweep, text, bytes);
    if (value == NULL) {
        return vmc_fail(error, VMC_E_RANGE,
                        "%s: all values together are more than %d bytes",
                        key->name, SWEEP_TEXT_MAX);
    }
    key->values[key->value_count++] = value;
    return VMC_OK;
}

/* ---- Ranges ------------------------------------------------------------- */

/* A whole number and its unit, "16G" or "16 us": with the blank before it. */
struct amount {
    uint64_t number;
    const char *unit;
    size_t unit_bytes;
};

static bool scan_amount(const char **at, struct amount *amount)
{
    const char *unit;
    char *end;

    if (!isdigit((unsigned char)**at)) {
        return false;
    }
    errno = 0;
    amount->number = strtoull(*at, &end, 10);
    unit = skip_blanks(end);
    amount->unit = isalpha((unsigned char)*unit) ? end : unit;
    while (isalpha((unsigned char)*unit)) {
        unit++;
    }
    amount->unit_bytes = (size_t)(unit - amount->unit);
    *at = skip_blanks(unit);
    return errno == 0;
}

struct range {
    struct amount first, last;
    uint64_t step;
    bool multiplies;
};

static bool are_units_equal(const struct amount *a, const struct amount *b)
{
    return a->unit_bytes == b->unit_bytes &&
           memcmp(a->unit, b->unit, a->unit_bytes) == 0;
}

/* "FIRST..LAST", with "+STEP" or "*FACTOR" behind it; +1 without. NULL, or
 * what is wrong. */
static const char *scan_range(const char *text, struct range *range)
{
    static const char form[] =
        "expected FIRST..LAST, then +STEP or *FACTOR, in whole numbers";
    struct amount step = {.number = 1};

    if (!scan_amount(&text, &range->first) || strncmp(text, "..", 2) != 0) {
        return form;
    }
    text = skip_blanks(text + 2);
    if (!scan_amount(&text, &range->last)) {
        return form;
    }
    range->multiplies = *text == '*';
    if (*text == '*' || *text == '+') {
        text = skip_blanks(text + 1);
        if (!scan_amount(&text, &step)) {
            return form;
        }
    }
    range->step = step.number;
    if (*text != '\0') {
        return form;
    }
    if (!are_units_equal(&range->first, &range->last) ||
        (step.unit_bytes > 0 &&
         (range->multiplies || !are_units_equal(&range->first, &step)))) {
        return "its numbers have different units";
    }
    if (range->first.number > range->last.number) {
        return "it ends below its start";
    }
    if (range->multiplies && range->first.number == 0) {
        return "a factor leads nowhere from 0";
    }
    return range->step >= (range->multiplies ? 2U : 1U)
               ? NULL
               : "its step leads nowhere";
}

static enum vmc_status add_range(struct sweep *sweep, struct sweep_key *key,
                                 const struct range *range,
                                 struct vmc_error *error)
{
    uint64_t last = range->last.number;

    for (uint64_t value = range->first.number;;) {
        char text[2 * ITEM_BYTES_MAX];
        int bytes = snprintf(text, sizeof(text), "%" PRIu64 "%.*s", value,
                             (int)range->first.unit_bytes, range->first.unit);
        enum vmc_status status =
            add_value(sweep, key, text, (size_t)bytes, error);

        if (status != VMC_OK) {
            return status;
        }
        if (range->multiplies ? value > last / range->step
                              : last - value < range->step) {
            return VMC_OK;
        }
        value = range->multiplies ? value * range->step : value + range->step;
    }
}

/* ---- Items -------------------------------------------------------------- */

/* The @bytes between two commas, without the blanks around them. */
static enum vmc_status add_item(struct sweep *sweep, struct sweep_key *key,
                                const char *item, size_t bytes,
                                struct vmc_error *error)
{
    char text[ITEM_BYTES_MAX];
    struct range range;
    const char *why;

    if (bytes == 0) {
        return vmc_fail(error, VMC_E_FORMAT,
                        "%s: expected values between the commas", key->name);
    }
    if (bytes >= sizeof(text)) {
        return vmc_fail(error, VMC_E_RANGE,
                        "%s: a value of more than %d bytes, '%.20s...'",
                        key->name, ITEM_BYTES_MAX - 1, item);
    }
    memcpy(text, item, bytes);
    text[bytes] = '\0';
    if (!isdigit((unsigned char)text[0]) || strstr(text, "..") == NULL) {
        return add_value(sweep, key, text, bytes, error);
    }
    why = scan_range(text, &range);
    if (why != NULL) {
        return vmc_fail(error, VMC_E_FORMAT, "%s: '%s' is no range: %s",
                        key->name, text, why);
    }
    return add_range(sweep, key, &range, error);
}

/* An item in quotes; *@list is moved behind it. */
static enum vmc_status add_quoted(struct sweep *sweep, struct sweep_key *key,
                                  const char **list, struct vmc_error *error)
{
    const char *item = *list + 1;
    size_t bytes = strcspn(item, "\"");
    const char *rest = skip_blanks(item + bytes + (item[bytes] == '"'));

    if (item[bytes] != '"' || (*rest != '\0' && *rest != ',')) {
        return vmc_fail(error, VMC_E_FORMAT,
                        "%s: expected a comma behind a closing quote",
                        key->name);
    }
    *list = rest;
    return add_value(sweep, key, item, bytes, error);
}

enum vmc_status sweep_add_values(struct sweep *sweep, struct sweep_key *key,
                                 const char *list, struct vmc_error *error)
{
    for (;;) {
        enum vmc_status status;

        list = skip_blanks(list);
        if (*list == '"') {
            status = add_quoted(sweep, key, &list, error);
        } else {
            size_t length = strcspn(list, ","), bytes = length;

            while (bytes > 0 && list[bytes - 1] == ' ') {
                bytes--;
            }
            status = add_item(sweep, key, list, bytes, error);
            list += length;
        }
        if (status != VMC_OK || *list == '\0') {
            return status;
        }
        list++;
    }
}
