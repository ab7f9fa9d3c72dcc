/* SPDX-License-Identifier: MIT */
/*
 * The head of the file (scopes, variables, initial values) is written when the
 * first change inside the window comes, because the initial values are what
 * the signals have then. Changes go through a buffer of our own: a scalar is
 * three or four bytes, and stdio's locking would cost more than making them.
 */
#include "trace/vcd.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    BUFFER_BYTES = 1 << 16,
    CHANGE_BYTES_MAX = 128, /* a time stamp and a 64-bit value */
    CODE_FIRST = '!',
    CODE_COUNT = 94, /* printable characters, '!' to '~' */
    CODE_BYTES_MAX = 5,
};

struct signal {
    uint64_t value;
    uint32_t width_bits;
    bool is_known;
    char code[CODE_BYTES_MAX];
    uint8_t code_bytes;
};

struct vmc_vcd {
    FILE *file;
    char *pattern;
    struct signal *signals;
    char (*names)[VMC_VCD_NAME_BYTES_MAX];
    uint32_t signal_count, signals_max;
    uint64_t from_tick, until_tick, tick, changes;
    bool is_started, has_failed;
    size_t used_bytes;
    char buffer[BUFFER_BYTES];
};

enum vmc_status vmc_vcd_new(struct vmc_vcd **out, FILE *file,
                            const struct vmc_vcd_config *config)
{
    struct vmc_vcd *vcd;

    *out = NULL;
    if (config->signals_max < 1 || config->signals_max > VMC_VCD_SIGNALS_MAX) {
        return VMC_E_RANGE;
    }
    vcd = calloc(1, sizeof(*vcd));
    if (vcd == NULL) {
        return VMC_E_NOMEM;
    }
    vcd->file = file;
    vcd->from_tick = config->from_tick;
    vcd->until_tick = config->until_tick;
    vcd->signals_max = config->signals_max;
    vcd->signals = calloc(config->signals_max, sizeof(*vcd->signals));
    vcd->names = calloc(config->signals_max, sizeof(*vcd->names));
    if (config->pattern != NULL) {
        vcd->pattern = strdup(config->pattern);
    }
    if (vcd->signals == NULL || vcd->names == NULL ||
        (config->pattern != NULL && vcd->pattern == NULL)) {
        vmc_vcd_free(vcd);
        return VMC_E_NOMEM;
    }
    *out = vcd;
    return VMC_OK;
}

void vmc_vcd_free(struct vmc_vcd *vcd)
{
    if (vcd == NULL) {
        return;
    }
    free(vcd->pattern);
    free(vcd->signals);
    free(vcd->names);
    free(vcd);
}

/* The short name that a signal has in the file: its number in base 94. */
static void make_code(struct signal *signal, uint32_t number)
{
    do {
        signal->code[signal->code_bytes++] =
            (char)(CODE_FIRST + number % CODE_COUNT);
        number /= CODE_COUNT;
    } while (number > 0);
    assert(signal->code_bytes <= CODE_BYTES_MAX);
}

uint32_t vmc_vcd_add(struct vmc_vcd *vcd, const char *name, uint32_t width_bits)
{
    struct signal *signal;

    assert(!vcd->is_started);
    assert(width_bits >= 1 && width_bits <= 64);
    assert(strlen(name) < VMC_VCD_NAME_BYTES_MAX);
    if (vcd->pattern != NULL && fnmatch(vcd->pattern, name, 0) != 0) {
        return VMC_VCD_NOT_SELECTED;
    }
    assert(vcd->signal_count < vcd->signals_max);
    signal = &vcd->signals[vcd->signal_count];
    signal->width_bits = width_bits;
    make_code(signal, vcd->signal_count);
    (void)snprintf(vcd->names[vcd->signal_count], VMC_VCD_NAME_BYTES_MAX, "%s",
                   name);
    return vcd->signal_count++;
}

static void flush(struct vmc_vcd *vcd)
{
    if (fwrite(vcd->buffer, 1, vcd->used_bytes, vcd->file) != vcd->used_bytes) {
        vcd->has_failed = true;
    }
    vcd->used_bytes = 0;
}

static void put(struct vmc_vcd *vcd, const char *text, size_t bytes)
{
    memcpy(vcd->buffer + vcd->used_bytes, text, bytes);
    vcd->used_bytes += bytes;
}

static void put_time(struct vmc_vcd *vcd, uint64_t tick)
{
    char text[24];
    size_t at = sizeof(text);

    text[--at] = '\n';
    do {
        text[--at] = (char)('0' + tick % 10);
        tick /= 10;
    } while (tick > 0);
    text[--at] = '#';
    put(vcd, text + at, sizeof(text) - at);
}

static void put_value(struct vmc_vcd *vcd, const struct signal *signal)
{
    char text[CHANGE_BYTES_MAX];
    size_t at = 0;

    if (signal->width_bits == 1) {
        text[at++] = !signal->is_known ? 'x' : signal->value & 1 ? '1' : '0';
    } else {
        uint32_t bits =
            signal->value == 0 ? 1 : vmc_bits_top(signal->value) + 1;

        text[at++] = 'b';
        for (uint32_t i = signal->is_known ? bits : 0; i > 0; i--) {
            text[at++] = (signal->value >> (i - 1) & 1) != 0 ? '1' : '0';
        }
        if (!signal->is_known) {
            text[at++] = 'x';
        }
        text[at++] = ' ';
    }
    memcpy(text + at, signal->code, signal->code_bytes);
    at += signal->code_bytes;
    text[at++] = '\n';
    put(vcd, text, at);
}

/* How many leading characters of @a and @b are common whole scopes. */
static size_t common_scopes(const char *a, const char *b)
{
    size_t common = 0;

    for (size_t i = 0; a[i] != '\0' && a[i] == b[i]; i++) {
        if (a[i] == '.') {
            common = i + 1;
        }
    }
    return common;
}

static void leave_scopes(struct vmc_vcd *vcd, const char *name, size_t from)
{
    for (const char *dot = strchr(name + from, '.'); dot != NULL;
         dot = strchr(dot + 1, '.')) {
        (void)fprintf(vcd->file, "$upscope $end\n");
    }
}

static void enter_scopes(struct vmc_vcd *vcd, const char *name, size_t from)
{
    const char *at = name + from;
    const char *dot;

    while ((dot = strchr(at, '.')) != NULL) {
        (void)fprintf(vcd->file, "$scope module %.*s $end\n", (int)(dot - at),
                      at);
        at = dot + 1;
    }
}

static const char *last_part(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot != NULL ? dot + 1 : name;
}

static void start(struct vmc_vcd *vcd, uint64_t tick)
{
    const char *previous = "";

    (void)fprintf(vcd->file, "$version vmcycle $end\n$timescale 1ps $end\n");
    for (uint32_t i = 0; i < vcd->signal_count; i++) {
        const struct signal *signal = &vcd->signals[i];
        size_t common = common_scopes(previous, vcd->names[i]);

        leave_scopes(vcd, previous, common);
        enter_scopes(vcd, vcd->names[i], common);
        (void)fprintf(vcd->file, "$var wire %" PRIu32 " %.*s %s $end\n",
                      signal->width_bits, (int)signal->code_bytes, signal->code,
                      last_part(vcd->names[i]));
        previous = vcd->names[i];
    }
    leave_scopes(vcd, previous, 0);
    (void)fprintf(vcd->file, "$enddefinitions $end\n#%" PRIu64 "\n$dumpvars\n",
                  tick);
    for (uint32_t i = 0; i < vcd->signal_count; i++) {
        if (vcd->used_bytes + CHANGE_BYTES_MAX > BUFFER_BYTES) {
            flush(vcd);
        }
        put_value(vcd, &vcd->signals[i]);
    }
    put(vcd, "$end\n", 5);
    vcd->is_started = true;
    vcd->tick = tick;
}

void vmc_vcd_change(struct vmc_vcd *vcd, uint64_t tick, uint32_t signal_number,
                    uint64_t value)
{
    struct signal *signal;

    if (signal_number == VMC_VCD_NOT_SELECTED) {
        return;
    }
    assert(signal_number < vcd->signal_count);
    signal = &vcd->signals[signal_number];
    if (signal->width_bits < 64) {
        value &= (UINT64_C(1) << signal->width_bits) - 1;
    }
    if ((signal->is_known && signal->value == value) ||
        tick > vcd->until_tick) {
        return;
    }
    if (tick >= vcd->from_tick && !vcd->is_started) {
        start(vcd, vcd->from_tick);
    }
    signal->is_known = true;
    signal->value = value;
    if (!vcd->is_started) {
        return;
    }
    assert(tick >= vcd->tick);
    if (vcd->used_bytes + CHANGE_BYTES_MAX > BUFFER_BYTES) {
        flush(vcd);
    }
    if (tick != vcd->tick) {
        put_time(vcd, tick);
        vcd->tick = tick;
    }
    put_value(vcd, signal);
    vcd->changes++;
}

enum vmc_status vmc_vcd_end(struct vmc_vcd *vcd, uint64_t tick)
{
    if (tick > vcd->until_tick) {
        tick = vcd->until_tick;
    }
    if (!vcd->is_started) {
        start(vcd, vcd->from_tick);
    }
    if (vcd->used_bytes + CHANGE_BYTES_MAX > BUFFER_BYTES) {
        flush(vcd);
    }
    if (tick > vcd->tick) {
        put_time(vcd, tick);
        vcd->tick = tick;
    }
    flush(vcd);
    return vcd->has_failed || ferror(vcd->file) != 0 ? VMC_E_IO : VMC_OK;
}

uint64_t vmc_vcd_change_count(const struct vmc_vcd *vcd)
{
    return vcd->changes;
}
