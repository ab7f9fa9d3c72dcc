/* SPDX-License-Identifier: MIT */
/*
 * Results are turned into whole numbers of 14 to 15 digits, all of one case by
 * the same power of ten; from there on everything is integers. Products of two
 * of them and a scale of 10^5 stay below 2^127.
 */
#include "sim/sweep/sweep_rank.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/report/report.h"
#include "sim/sweep/sweep_result.h"
#include "stats/json.h"

__extension__ typedef __int128 wide;

enum {
    PERCENT_UNIT = 1000,     /* a thousandth of a percent is the last digit */
    ELASTICITY_UNIT = 10000, /* a ten-thousandth is */
    NAMES_BYTES_MAX = 400,
};

/* One number in one case: what came out with it lowered and raised, where a
 * point has not failed. */
struct effect {
    const struct sweep_number *number;
    bool has_low, has_high;
    double low, high;
    int64_t low_percent, high_percent; /* of the result, in PERCENT_UNIT */
    int64_t elasticity;                /* in ELASTICITY_UNIT */
    bool has_ratios;                   /* the last three; not where base is 0 */
    uint64_t size;                     /* that the order goes by */
};

/* One point of [vary]. */
struct effects {
    const struct sweep *sweep;
    const char *dir;
    uint32_t base_point;
    double base;
    bool has_base;
    uint32_t count, missing_count, idle_count;
    struct effect of[SWEEP_NUMBERS_MAX];
};

static bool is_known(const struct effect *effect)
{
    return effect->has_low || effect->has_high;
}

/* ---- Arithmetic --------------------------------------------------------- */

/* @value / @divisor, to the nearest, and to the largest that there is. */
static int64_t divide(wide value, wide divisor)
{
    wide half = (divisor < 0 ? -divisor : divisor) / 2;
    wide quotient = (value + (value < 0 ? -half : half)) / divisor;

    if (quotient > INT64_MAX || quotient < -INT64_MAX) {
        return quotient < 0 ? -INT64_MAX : INT64_MAX;
    }
    return (int64_t)quotient;
}

/* The power of ten that gives @value 15 digits, or fewer if it is tiny. */
static double scale_of(double value)
{
    double scale = 1;

    for (int i = 0; i < 15 && fabs(value) * scale < 1e14; i++) {
        scale *= 10;
    }
    return scale;
}

static int64_t whole(double value, double scale)
{
    double scaled = value * scale;

    return fabs(scaled) < 9e18 ? llrint(scaled)
                               : (scaled < 0 ? -INT64_MAX : INT64_MAX);
}

static uint64_t distance(int64_t a, int64_t b)
{
    return a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;
}

static void measure(struct effect *effect, double base_value)
{
    const struct sweep_number *number = effect->number;
    uint64_t from = effect->has_low ? number->low : number->value;
    uint64_t to = effect->has_high ? number->high : number->value;
    double scale = scale_of(base_value);
    int64_t base = whole(base_value, scale);
    int64_t low = whole(effect->low, scale), high = whole(effect->high, scale);
    uint64_t down = distance(low, base), up = distance(high, base);

    effect->size = down > up ? down : up;
    effect->has_ratios = base != 0;
    if (base == 0) {
        return;
    }
    effect->low_percent = divide(((wide)low - base) * 100 * PERCENT_UNIT, base);
    effect->high_percent =
        divide(((wide)high - base) * 100 * PERCENT_UNIT, base);
    /* (change of the result / result) / (change of the number / number); both
     * changes in parts of 10^12, so that nothing overflows */
    effect->elasticity =
        divide((wide)divide(((wide)high - low) * 1000000000000, base) *
                   ELASTICITY_UNIT,
               divide(((wide)to - from) * 1000000000000, (wide)number->value));
}

/* ---- Results ------------------------------------------------------------ */

static bool look_up(const struct effects *effects, uint32_t point,
                    double *value)
{
    json_t *root = sweep_load_result(effects->dir, point);
    bool is_there =
        sweep_find_number(root, effects->sweep->sensitivity.of, value);

    json_decref(root);
    return is_there;
}

/* Largest first; what is missing and what has none, in the profile's order. */
static int by_size(const void *a, const void *b)
{
    const struct effect *x = a, *y = b;

    if (is_known(x) != is_known(y)) {
        return is_known(x) ? -1 : 1;
    }
    if (x->size != y->size) {
        return x->size > y->size ? -1 : 1;
    }
    return (x->number > y->number) - (x->number < y->number);
}

static void fill(struct effects *effects)
{
    const struct sweep_sensitivity *sensitivity = &effects->sweep->sensitivity;

    effects->count = sensitivity->number_count;
    effects->missing_count = effects->idle_count = 0;
    effects->has_base = look_up(effects, effects->base_point, &effects->base);
    for (uint32_t i = 0; i < effects->count; i++) {
        struct effect *effect = &effects->of[i];
        uint32_t point = effects->base_point + 1 + 2 * i;

        *effect = (struct effect){.number = &sensitivity->numbers[i]};
        effect->low = effect->high = effects->base;
        if (effects->has_base) {
            effect->has_low = look_up(effects, point, &effect->low);
            effect->has_high = look_up(effects, point + 1, &effect->high);
        }
        if (is_known(effect)) {
            measure(effect, effects->base);
        }
        effects->missing_count += !is_known(effect);
        effects->idle_count += is_known(effect) && effect->size == 0;
    }
    qsort(effects->of, effects->count, sizeof(effects->of[0]), by_size);
}

/* ---- Out ---------------------------------------------------------------- */

/* "-1.234" for -1234 and a unit of 1000. */
static void decimal(char text[64], int64_t value, int64_t unit)
{
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    int digits = unit == PERCENT_UNIT ? 3 : 4;

    (void)snprintf(text, 64, "%s%" PRIu64 ".%0*" PRIu64, value < 0 ? "-" : "",
                   size / (uint64_t)unit, digits, size % (uint64_t)unit);
}

/* The values of the case, each behind a tab, or between @before and commas. */
static void name_case(char *text, size_t room, const struct effects *effects)
{
    const struct sweep *sweep = effects->sweep;
    size_t used = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i + 1 < sweep->key_count && used < room; i++) {
        int bytes = snprintf(text + used, room - used, "%s%s = %s",
                             i > 0 ? ", " : "", sweep->keys[i].name,
                             sweep_value(sweep, effects->base_point, i));

        used += bytes > 0 ? (size_t)bytes : 0;
    }
}

static void write_head(FILE *file, const struct sweep *sweep)
{
    for (uint32_t i = 0; i + 1 < sweep->key_count; i++) {
        (void)fprintf(file, "%s\t", sweep->keys[i].name);
    }
    (void)fputs("rank\tnumber\tvalue\tunit\tassumed\tlow\tbase\thigh\t"
                "low_percent\thigh_percent\telasticity\n",
                file);
}

/* A value behind a tab, where there is one. */
static void write_result(FILE *file, bool is_there, double value)
{
    (void)fputc('\t', file);
    if (is_there) {
        (void)fprintf(file, "%.15g", value);
    }
}

/* The ratios, each in at least @width columns behind @before; "-" for what is
 * not known. */
static void write_ratios(FILE *file, const struct effect *effect,
                         const char *before, int width)
{
    const struct {
        bool is_there;
        int64_t value, unit;
    } ratios[] = {
        {effect->has_low, effect->low_percent, PERCENT_UNIT},
        {effect->has_high, effect->high_percent, PERCENT_UNIT},
        {true, effect->elasticity, ELASTICITY_UNIT},
    };

    for (size_t i = 0; i < VMC_COUNT_OF(ratios); i++) {
        char text[64] = "-";

        if (effect->has_ratios && ratios[i].is_there) {
            decimal(text, ratios[i].value, ratios[i].unit);
        }
        (void)fprintf(file, "%s%*s", before, width, text);
    }
}

static void write_effect(FILE *file, const struct effects *effects,
                         uint32_t index)
{
    const struct effect *effect = &effects->of[index];
    const struct sweep_number *number = effect->number;
    const struct sweep *sweep = effects->sweep;

    for (uint32_t i = 0; i + 1 < sweep->key_count; i++) {
        (void)fprintf(file, "%s\t", sweep_value(sweep, effects->base_point, i));
    }
    (void)fprintf(file, "%" PRIu32 "\t%s\t%" PRIu64 "\t%s\t%d", index + 1,
                  number->name, number->value, number->is_time ? "ps" : "1",
                  number->is_assumed);
    write_result(file, effect->has_low, effect->low);
    write_result(file, is_known(effect), effects->base);
    write_result(file, effect->has_high, effect->high);
    write_ratios(file, effect, "\t", 0);
    (void)fputc('\n', file);
}

static void print_number(FILE *table, const struct sweep_number *number)
{
    if (number->is_time) {
        (void)fprintf(table, "%12" PRIu64 ".%03" PRIu64 " ns",
                      number->value / 1000, number->value % 1000);
    } else {
        (void)fprintf(table, "%12" PRIu64 "       ", number->value);
    }
}

static void print_case(FILE *table, const struct effects *effects)
{
    const struct sweep_sensitivity *sensitivity = &effects->sweep->sensitivity;
    char name[NAMES_BYTES_MAX];

    name_case(name, sizeof(name), effects);
    (void)fprintf(table, "\n%s%s%s = %.15g; effect of %" PRIu32 " %% on it\n",
                  name, name[0] != '\0' ? ": " : "", sensitivity->of,
                  effects->base, sensitivity->by_percent);
    (void)fprintf(table, "%-32s %19s %11s %11s %11s\n", "number", "value",
                  "lowered, %", "raised, %", "elasticity");
    for (uint32_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->of[i];

        if (!is_known(effect) || effect->size == 0) {
            continue;
        }
        (void)fprintf(table, "%-32s ", effect->number->name);
        print_number(table, effect->number);
        if (effect->has_ratios) {
            write_ratios(table, effect, " ", 11);
        } else {
            (void)fprintf(table, " %.15g, %.15g", effect->low, effect->high);
        }
        (void)fputs(effect->number->is_assumed ? "\n" : "  sourced\n", table);
    }
    if (effects->idle_count > 0) {
        (void)fprintf(table, "%" PRIu32 " more have no effect\n",
                      effects->idle_count);
    }
    if (effects->missing_count > 0) {
        (void)fprintf(table, "%" PRIu32 " more have no result\n",
                      effects->missing_count);
    }
}

static json_t *describe_effect(const struct effect *effect)
{
    const struct sweep_number *number = effect->number;
    json_t *object = json_object();
    const struct {
        const char *key;
        bool is_there;
        double value;
    } reals[] = {
        {"low", effect->has_low, effect->low},
        {"high", effect->has_high, effect->high},
        {"low_percent", effect->has_low && effect->has_ratios,
         (double)effect->low_percent / PERCENT_UNIT},
        {"high_percent", effect->has_high && effect->has_ratios,
         (double)effect->high_percent / PERCENT_UNIT},
        {"elasticity", effect->has_ratios,
         (double)effect->elasticity / ELASTICITY_UNIT},
    };

    json_object_set_new(object, "number", json_string(number->name));
    json_object_set_new(object, number->is_time ? "ps" : "value",
                        vmc_json_u64(number->value));
    json_object_set_new(object, "assumed", json_boolean(number->is_assumed));
    for (size_t i = 0; i < VMC_COUNT_OF(reals); i++) {
        if (reals[i].is_there) {
            json_object_set_new(object, reals[i].key,
                                json_real(reals[i].value));
        }
    }
    return object;
}

static json_t *describe_case(const struct effects *effects)
{
    const struct sweep *sweep = effects->sweep;
    json_t *object = json_object(), *values = json_object();
    json_t *list = json_array();

    for (uint32_t i = 0; i + 1 < sweep->key_count; i++) {
        json_object_set_new(
            values, sweep->keys[i].name,
            json_string(sweep_value(sweep, effects->base_point, i)));
    }
    for (uint32_t i = 0; i < effects->count; i++) {
        json_array_append_new(list, describe_effect(&effects->of[i]));
    }
    json_object_set_new(object, "vary", values);
    json_object_set_new(object, "base", json_real(effects->base));
    json_object_set_new(object, "effects", list);
    return object;
}

static json_t *describe_start(const struct sweep_sensitivity *sensitivity)
{
    json_t *object = json_object();

    json_object_set_new(object, "of", json_string(sensitivity->of));
    json_object_set_new(object, "by_percent",
                        json_integer(sensitivity->by_percent));
    json_object_set_new(object, "profile", json_string(sensitivity->profile));
    json_object_set_new(object, "numbers",
                        json_integer(sensitivity->number_count));
    json_object_set_new(object, "unvaried",
                        json_integer(sensitivity->unvaried_count));
    return object;
}

/* ---- All cases ---------------------------------------------------------- */

/* There is a result, and it has no such number. */
static enum vmc_status check_name(const struct effects *effects,
                                  struct vmc_error *error)
{
    json_t *root = sweep_load_result(effects->dir, effects->base_point);
    char names[NAMES_BYTES_MAX] = "";
    enum vmc_status status = VMC_OK;

    if (root != NULL && !effects->has_base) {
        sweep_list_numbers(root, names, sizeof(names));
        status = vmc_fail(error, VMC_E_USAGE,
                          "point %" PRIu32 " has no result '%s' (change it in "
                          "%s/sweep.ini, and --merge that); it has %s",
                          effects->base_point, effects->sweep->sensitivity.of,
                          effects->dir, names);
    }
    json_decref(root);
    return status;
}

static enum vmc_status rank_cases(struct effects *effects, FILE *rows,
                                  FILE *table, json_t *list,
                                  struct vmc_error *error)
{
    const struct sweep *sweep = effects->sweep;
    uint32_t step = sweep->keys[sweep->key_count - 1].value_count;

    write_head(rows, sweep);
    for (uint32_t point = 1; point <= sweep->point_count; point += step) {
        enum vmc_status status;

        effects->base_point = point;
        fill(effects);
        status = check_name(effects, error);
        if (status != VMC_OK) {
            return status;
        }
        if (!effects->has_base) {
            continue;
        }
        print_case(table, effects);
        for (uint32_t i = 0; i < effects->count; i++) {
            write_effect(rows, effects, i);
        }
        json_array_append_new(list, describe_case(effects));
    }
    return VMC_OK;
}

enum vmc_status sweep_rank(json_t **json, const struct sweep *sweep,
                           const char *dir, FILE *table,
                           struct vmc_error *error)
{
    struct effects *effects = calloc(1, sizeof(*effects));
    json_t *list = json_array();
    struct vmc_outfile *out = NULL;
    enum vmc_status status = VMC_E_NOMEM;

    *json = NULL;
    if (effects != NULL) {
        effects->sweep = sweep;
        effects->dir = dir;
        status = report_open_rows(&out, dir, "sensitivity.tsv", error);
    }
    if (status == VMC_OK) {
        status =
            rank_cases(effects, vmc_outfile_stream(out), table, list, error);
        if (status == VMC_OK) {
            status = vmc_outfile_commit(out, error);
        } else {
            vmc_outfile_abandon(out);
        }
    }
    free(effects);
    if (status != VMC_OK) {
        json_decref(list);
        return status;
    }
    *json = describe_start(&sweep->sensitivity);
    json_object_set_new(*json, "cases", list);
    return VMC_OK;
}
