/* SPDX-License-Identifier: MIT */
/* A point is found by arithmetic alone: its number is read as digits, one a
 * key, the last the fastest. */
#include "sim/sweep/sweep.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "sim/sweep/sweep_priv.h"

enum vmc_status sweep_count_points(struct sweep *sweep, struct vmc_error *error)
{
    uint64_t points = 1;

    for (uint32_t i = 0; i < sweep->key_count; i++) {
        const struct sweep_key *key = &sweep->keys[i];

        if (sweep->is_zip && key->value_count != sweep->keys[0].value_count) {
            return vmc_fail(error, VMC_E_FORMAT,
                            "%s: %s has %" PRIu32 " values and %s %" PRIu32
                            "; mode = zip needs as many for each",
                            sweep->path, key->name, key->value_count,
                            sweep->keys[0].name, sweep->keys[0].value_count);
        }
        points = sweep->is_zip ? key->value_count : points * key->value_count;
        if (points > SWEEP_POINTS_MAX) {
            return vmc_fail(error, VMC_E_RANGE, "%s: more than %d points",
                            sweep->path, SWEEP_POINTS_MAX);
        }
    }
    sweep->point_count = (uint32_t)points;
    return VMC_OK;
}

void sweep_free(struct sweep *sweep)
{
    if (sweep != NULL) {
        free(sweep->sensitivity.numbers);
        free(sweep->source);
        free(sweep);
    }
}

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

/* A changed number is to be the only difference: it has the seed of the point
 * without it. */
uint64_t sweep_point_seed(const struct sweep *sweep, uint32_t point)
{
    if (sweep->sensitivity.number_count > 0) {
        point -= (point - 1) % sweep->keys[sweep->key_count - 1].value_count;
    }
    return vmc_hash_fold(vmc_hash_fold(0, sweep->seed), point) >> 1;
}

static bool add_word(struct sweep_arguments *arguments, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool add_word(struct sweep_arguments *arguments, const char *format, ...)
{
    size_t room = SWEEP_LINE_MAX - arguments->text_bytes;
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

/* The word that @value of @key is; true, too, when it is none. */
static bool add_key(struct sweep_arguments *arguments,
                    const struct sweep_key *key, const char *value)
{
    switch (key->kind) {
    case SWEEP_SET:
        return add_word(arguments, "--set=%s=%s", key->word, value);
    case SWEEP_FLAG:
        return strcmp(value, "yes") != 0 ||
               add_word(arguments, "--%s", key->word);
    case SWEEP_ARGUMENT:
        return add_word(arguments, "%s", value);
    case SWEEP_NUMBER:
        return strcmp(value, "-") == 0 ||
               add_word(arguments, "--set=%s", value);
    default:
        return add_word(arguments, "--%s=%s", key->word, value);
    }
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
        is_good = is_good && add_key(arguments, &sweep->keys[i],
                                     sweep_value(sweep, point, i));
    }
    if (sweep->has_seed) {
        is_good = is_good && add_word(arguments, "--seed=%" PRIu64,
                                      sweep_point_seed(sweep, point));
    }
    arguments->words[arguments->count] = NULL;
    return is_good ? VMC_OK : VMC_E_RANGE;
}
