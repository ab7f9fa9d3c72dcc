/* SPDX-License-Identifier: MIT */
/*
 * All texts of the file lie one behind the other in one buffer; lists and
 * ranges are spread out into it when they are read, so a point is found by
 * arithmetic alone.
 */
#include "sim/sweep.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "sim/command.h"

static const char set_prefix[] = "set ";

/* A file on its way in. inih stops at the first handler that says 0. */
struct reading {
    struct sweep *sweep;
    struct vmc_error why;
    bool has_failed;
};

static int refuse(struct reading *reading, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int refuse(struct reading *reading, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(reading->why.text, sizeof(reading->why.text), format, args);
    va_end(args);
    reading->has_failed = true;
    return 0;
}

/* Keep @bytes of @text; NULL when there is no room. */
static const char *keep(struct sweep *sweep, const char *text, size_t bytes)
{
    char *kept = sweep->text + sweep->text_bytes;

    if (bytes + 1 > SWEEP_TEXT_MAX - sweep->text_bytes) {
        return NULL;
    }
    memcpy(kept, text, bytes);
    kept[bytes] = '\0';
    sweep->text_bytes += (uint32_t)bytes + 1;
    return kept;
}

static bool add_value(struct sweep *sweep, struct sweep_key *key,
                      const char *text, size_t bytes)
{
    const char *value = keep(sweep, text, bytes);

    if (value == NULL || key->value_count == SWEEP_VALUES_MAX) {
        return false;
    }
    key->values[key->value_count++] = value;
    return true;
}

/* ---- Values ------------------------------------------------------------- */

/* A number and the unit behind it, "16G": *@unit points at the unit. */
static bool scan_number(const char **at, uint64_t *number, const char **unit,
                        size_t *unit_bytes)
{
    char *end;

    if (!isdigit((unsigned char)**at)) {
        return false;
    }
    errno = 0;
    *number = strtoull(*at, &end, 10);
    *unit = end;
    while (isalpha((unsigned char)*end)) {
        end++;
    }
    *unit_bytes = (size_t)(end - *unit);
    *at = end;
    return errno == 0;
}

struct range {
    uint64_t first, last, step;
    bool multiplies;
    const char *unit;
    size_t unit_bytes;
};

/* "FIRST..LAST", with "+STEP" or "*FACTOR" behind it; +1 without. */
static bool scan_range(const char *text, struct range *range)
{
    const char *unit;
    size_t unit_bytes;

    if (!scan_number(&text, &range->first, &range->unit, &range->unit_bytes) ||
        strncmp(text, "..", 2) != 0) {
        return false;
    }
    text += 2;
    if (!scan_number(&text, &range->last, &unit, &unit_bytes) ||
        unit_bytes != range->unit_bytes ||
        memcmp(unit, range->unit, unit_bytes) != 0) {
        return false;
    }
    text += strspn(text, " ");
    range->multiplies = *text == '*';
    range->step = 1;
    if (*text == '*' || *text == '+') {
        text++;
        if (!scan_number(&text, &range->step, &unit, &unit_bytes)) {
            return false;
        }
    }
    return *text == '\0' && range->first <= range->last &&
           range->step >= (range->multiplies ? 2U : 1U) &&
           (!range->multiplies || range->first > 0);
}

static bool add_range(struct sweep *sweep, struct sweep_key *key,
                      const struct range *range)
{
    for (uint64_t value = range->first;;) {
        char text[64];
        int bytes = snprintf(text, sizeof(text), "%" PRIu64 "%.*s", value,
                             (int)range->unit_bytes, range->unit);

        if (bytes >= (int)sizeof(text) ||
            !add_value(sweep, key, text, (size_t)bytes)) {
            return false;
        }
        if (range->multiplies ? value > range->last / range->step
                              : range->last - value < range->step) {
            return true;
        }
        value = range->multiplies ? value * range->step : value + range->step;
    }
}

/* One of the values between the commas. */
static int add_item(struct reading *reading, struct sweep_key *key,
                    const char *item, size_t bytes)
{
    char text[256];
    struct range range;
    bool is_kept;

    while (bytes > 0 && item[bytes - 1] == ' ') {
        bytes--;
    }
    if (bytes == 0 || bytes >= sizeof(text)) {
        return refuse(reading, "%s: expected values between the commas",
                      key->name);
    }
    memcpy(text, item, bytes);
    text[bytes] = '\0';
    if (strstr(text, "..") == NULL) {
        is_kept = add_value(reading->sweep, key, text, bytes);
    } else if (scan_range(text, &range)) {
        is_kept = add_range(reading->sweep, key, &range);
    } else {
        return refuse(reading,
                      "%s: '%s' is no range; expected FIRST..LAST, then "
                      "+STEP or *FACTOR, one unit for both ends",
                      key->name, text);
    }
    return is_kept ? 1
                   : refuse(reading, "%s: more than %d values, or too long",
                            key->name, SWEEP_VALUES_MAX);
}

static int add_key(struct reading *reading, const char *name, const char *list)
{
    struct sweep *sweep = reading->sweep;
    struct sweep_key *key = &sweep->keys[sweep->key_count];

    for (uint32_t i = 0; i < sweep->key_count; i++) {
        if (strcmp(sweep->keys[i].name, name) == 0) {
            return refuse(reading, "%s: varied twice", name);
        }
    }
    if (sweep->key_count == SWEEP_KEYS_MAX) {
        return refuse(reading, "more than %d keys are varied", SWEEP_KEYS_MAX);
    }
    key->name = keep(sweep, name, strlen(name));
    if (key->name == NULL) {
        return refuse(reading, "the file is too long");
    }
    for (;;) {
        size_t bytes = strcspn(list, ",");

        if (!add_item(reading, key, list, bytes)) {
            return 0;
        }
        list += bytes;
        if (*list == '\0') {
            break;
        }
        list += 1 + strspn(list + 1, " ");
    }
    sweep->key_count++;
    return 1;
}

/* ---- The file ----------------------------------------------------------- */

static int read_run(struct reading *reading, const char *value)
{
    struct sweep *sweep = reading->sweep;

    sweep->word_count = 0;
    for (value += strspn(value, " "); *value != '\0';) {
        size_t bytes = strcspn(value, " ");
        const char *word = keep(sweep, value, bytes);

        if (word == NULL || sweep->word_count == SWEEP_WORDS_MAX) {
            return refuse(reading, "run: more than %d words", SWEEP_WORDS_MAX);
        }
        sweep->words[sweep->word_count++] = word;
        value += bytes + strspn(value + bytes, " ");
    }
    if (sweep->word_count == 0) {
        return refuse(reading, "run: expected a command of vmcycle");
    }
    sweep->command = sweep->words[0];
    if (strcmp(sweep->command, "sweep") == 0) {
        return refuse(reading, "run: a sweep of sweeps");
    }
    if (command_find(sweep->command) == NULL) {
        return refuse(reading, "run: no command '%s'", sweep->command);
    }
    return 1;
}

static int on_pair(void *owner, const char *section, const char *name,
                   const char *value)
{
    struct reading *reading = owner;
    struct sweep *sweep = reading->sweep;

    if (strcmp(section, "vary") == 0) {
        return add_key(reading, name, value);
    }
    if (strcmp(section, "sweep") != 0) {
        return refuse(reading, "section [%s]; expected [sweep] and [vary]",
                      section);
    }
    if (strcmp(name, "run") == 0) {
        return read_run(reading, value);
    }
    if (strcmp(name, "mode") == 0 &&
        (strcmp(value, "cross") == 0 || strcmp(value, "zip") == 0)) {
        sweep->is_zip = value[0] == 'z';
        return 1;
    }
    if (strcmp(name, "seed") == 0 &&
        vmc_parse_u64(&sweep->seed, value) == VMC_OK) {
        sweep->has_seed = true;
        return 1;
    }
    return refuse(reading,
                  "%s = %s; expected run = COMMAND, mode = cross or zip, "
                  "seed = N",
                  name, value);
}

/* How many points the keys make. */
static enum vmc_status count_points(struct sweep *sweep, const char *path,
                                    struct vmc_error *error)
{
    uint64_t points = 1;

    if (sweep->command == NULL || sweep->key_count == 0) {
        return vmc_fail(error, VMC_E_FORMAT, "%s: expected %s", path,
                        sweep->command == NULL ? "run = COMMAND in [sweep]"
                                               : "something in [vary]");
    }
    for (uint32_t i = 0; i < sweep->key_count; i++) {
        const struct sweep_key *key = &sweep->keys[i];

        if (sweep->is_zip && key->value_count != sweep->keys[0].value_count) {
            return vmc_fail(error, VMC_E_FORMAT,
                            "%s: %s has %" PRIu32 " values and %s %" PRIu32
                            "; mode = zip needs as many for each",
                            path, key->name, key->value_count,
                            sweep->keys[0].name, sweep->keys[0].value_count);
        }
        points = sweep->is_zip ? key->value_count : points * key->value_count;
        if (points > SWEEP_POINTS_MAX) {
            return vmc_fail(error, VMC_E_RANGE, "%s: more than %d points", path,
                            SWEEP_POINTS_MAX);
        }
    }
    sweep->point_count = (uint32_t)points;
    return VMC_OK;
}

enum vmc_status sweep_load(struct sweep **out, const char *path,
                           struct vmc_error *error)
{
    struct reading reading = {.why = {""}};
    FILE *file = fopen(path, "r");
    enum vmc_status status;
    int line;

    *out = NULL;
    if (file == NULL) {
        return vmc_fail(error, VMC_E_IO, "%s: %s", path, strerror(errno));
    }
    reading.sweep = calloc(1, sizeof(*reading.sweep));
    if (reading.sweep == NULL) {
        (void)fclose(file);
        return VMC_E_NOMEM;
    }
    line = ini_parse_file(file, on_pair, &reading);
    (void)fclose(file);
    if (line != 0) {
        status = vmc_fail(error, VMC_E_FORMAT, "%s:%d: %s", path, line,
                          reading.has_failed ? reading.why.text
                                             : "expected KEY = VALUE");
    } else {
        status = count_points(reading.sweep, path, error);
    }
    if (status != VMC_OK) {
        sweep_free(reading.sweep);
        return status;
    }
    *out = reading.sweep;
    return VMC_OK;
}

void sweep_free(struct sweep *sweep)
{
    free(sweep);
}

/* ---- Points ------------------------------------------------------------- */

const char *sweep_value(const struct sweep *sweep, uint32_t point, uint32_t key)
{
    uint32_t place = point - 1;

    assert(point >= 1 && point <= sweep->point_count);
    assert(key < sweep->key_count);
    if (!sweep->is_zip) {
        for (uint32_t i = sweep->key_count - 1; i > key; i--) {
            place /= sweep->keys[i].value_count;
        }
        place %= sweep->keys[key].value_count;
    }
    return sweep->keys[key].values[place];
}

uint64_t sweep_point_seed(const struct sweep *sweep, uint32_t point)
{
    return vmc_hash_fold(vmc_hash_fold(0, sweep->seed), point) >> 1;
}

static bool add_word(struct sweep_arguments *arguments, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool add_word(struct sweep_arguments *arguments, const char *format, ...)
{
    size_t room = SWEEP_TEXT_MAX - arguments->text_bytes;
    char *word = arguments->text + arguments->text_bytes;
    va_list args;
    int bytes;

    va_start(args, format);
    bytes = vsnprintf(word, room, format, args);
    va_end(args);
    if (bytes < 0 || (size_t)bytes >= room) {
        return false;
    }
    arguments->text_bytes += (uint32_t)bytes + 1;
    arguments->words[arguments->count++] = word;
    return true;
}

enum vmc_status sweep_arguments(struct sweep_arguments *arguments,
                                const struct sweep *sweep, uint32_t point)
{
    bool is_good = true;

    arguments->count = arguments->text_bytes = 0;
    for (uint32_t i = 0; i < sweep->word_count; i++) {
        is_good = is_good && add_word(arguments, "%s", sweep->words[i]);
    }
    for (uint32_t i = 0; i < sweep->key_count; i++) {
        const char *name = sweep->keys[i].name;
        const char *value = sweep_value(sweep, point, i);

        if (strncmp(name, set_prefix, sizeof(set_prefix) - 1) == 0) {
            is_good = is_good && add_word(arguments, "--set=%s=%s",
                                          name + sizeof(set_prefix) - 1, value);
        } else {
            is_good = is_good && add_word(arguments, "--%s=%s", name, value);
        }
    }
    if (sweep->has_seed) {
        is_good = is_good && add_word(arguments, "--seed=%" PRIu64,
                                      sweep_point_seed(sweep, point));
    }
    arguments->words[arguments->count] = NULL;
    return is_good ? VMC_OK : VMC_E_RANGE;
}
