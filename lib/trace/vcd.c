/* SPDX-License-Identifier: MIT */
/*
 * The head of the file (scopes, variables, initial values) is written when the
 * first change inside the window comes, because the initial values are what
 * the signals have then.
 *
 * Changes go through a buffer of our own, and nothing of one is formatted that
 * could have been before: the code of a signal with its newline is eight bytes
 * that are stored as they are, binary digits come eight at a time from a
 * table, and of a time stamp only the low digits are made anew while those
 * above stay the same.
 *
 *     #1234|56789012      kept | made
 *     b1011 "!            digits from the table | one store
 */
#include "trace/vcd.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    BUFFER_BYTES = 1 << 16,
    CHANGE_BYTES_MAX = 128, /* a time stamp and a 64-bit value, and slack */
    CODE_FIRST = '!',
    CODE_COUNT = 94, /* printable characters, '!' to '~' */
    TAIL_BYTES = 8, /* of which a blank, three of code and a newline are used */
    LOW_DIGITS = 8, /* of a time stamp, made anew */
    HIGH_BYTES = 16,
    REMARK_BYTES = 4096,
    OFFERED_BYTES = 400, /* what fits into an error line beside the rest */
};

static const uint64_t low_limit = 100000000; /* 10^LOW_DIGITS */

struct signal {
    char tail[TAIL_BYTES]; /* what follows the value: " CODE\n", no blank after
                              a single bit */
    uint8_t tail_bytes, width_bits;
};

struct clock {
    const char *name; /* in names */
    uint64_t period_ticks;
    uint32_t signal;
};

/* What a run changes, but for the values. */
struct state {
    uint64_t tick, changes, file_bytes, is_started;
    uint64_t clock_ticks[VMC_VCD_CLOCKS_MAX]; /* the next edge of each */
    uint64_t clock_tick; /* the next of all; UINT64_MAX: none */
};

struct vmc_vcd {
    FILE *file;
    struct state state;
    uint64_t *values; /* of the signals, by number */
    bool *is_known;
    struct signal *signals;
    char (*names)[VMC_VCD_NAME_BYTES_MAX];
    uint32_t signal_count, signals_max;
    uint64_t from_tick, until_tick;
    bool has_failed;

    struct clock clocks[VMC_VCD_CLOCKS_MAX];
    uint32_t clock_count;

    char *patterns[VMC_VCD_PATTERNS_MAX]; /* into pattern_text */
    bool is_matched[VMC_VCD_PATTERNS_MAX];
    uint32_t pattern_count;
    char *pattern_text;
    char offered[OFFERED_BYTES], remarks[REMARK_BYTES];

    uint64_t high; /* the tick over low_limit that high_text shows */
    char high_text[HIGH_BYTES];
    uint32_t high_bytes;
    char digits[256][8]; /* the bits of a byte, highest first */
    size_t used_bytes;
    char buffer[BUFFER_BYTES];
};

/* ---- Selection ---------------------------------------------------------- */

static enum vmc_status split_patterns(struct vmc_vcd *vcd, const char *text,
                                      struct vmc_error *error)
{
    char *at;

    if (text == NULL) {
        return VMC_OK;
    }
    vcd->pattern_text = at = strdup(text);
    if (at == NULL) {
        return VMC_E_NOMEM;
    }
    do {
        char *comma = strchr(at, ',');

        if (comma != NULL) {
            *comma = '\0';
        }
        if (*at == '\0') {
            return vmc_fail(error, VMC_E_USAGE,
                            "signals '%s': a pattern is empty", text);
        }
        if (vcd->pattern_count == VMC_VCD_PATTERNS_MAX) {
            return vmc_fail(error, VMC_E_USAGE,
                            "signals: more than %d patterns",
                            VMC_VCD_PATTERNS_MAX);
        }
        vcd->patterns[vcd->pattern_count++] = at;
        at = comma != NULL ? comma + 1 : NULL;
    } while (at != NULL);
    return VMC_OK;
}

/* Every pattern is tried, to know of those that match nothing at all. */
static bool is_selected(struct vmc_vcd *vcd, const char *name, bool is_clock)
{
    bool is_found = vcd->pattern_count == 0 && !is_clock;

    for (uint32_t i = 0; i < vcd->pattern_count; i++) {
        if ((!is_clock || vcd->patterns[i][0] == name[0]) &&
            fnmatch(vcd->patterns[i], name, 0) == 0) {
            vcd->is_matched[i] = is_found = true;
        }
    }
    return is_found;
}

/* Note that there is a signal called @name, its numbers replaced by *, so that
 * it is a pattern and stands for all of its kind. */
static void offer(struct vmc_vcd *vcd, const char *name)
{
    char kind[VMC_VCD_NAME_BYTES_MAX + 4] = ", ";
    size_t at = 2, used = strlen(vcd->offered);
    const char *found;

    for (; *name != '\0'; name++) {
        bool is_digit = *name >= '0' && *name <= '9';

        if (!is_digit) {
            kind[at++] = *name;
        } else if (kind[at - 1] != '*') {
            kind[at++] = '*';
        }
    }
    kind[at] = '\0';
    found = strstr(vcd->offered, kind);
    if ((found != NULL && (found[at] == ',' || found[at] == '\0')) ||
        used + at >= OFFERED_BYTES) {
        return;
    }
    memcpy(vcd->offered + used, kind, at + 1);
}

static enum vmc_status check_clocks(const struct vmc_vcd *vcd,
                                    struct vmc_error *error)
{
    uint64_t edges = 0;

    for (uint32_t i = 0; i < vcd->clock_count; i++) {
        const struct clock *clock = &vcd->clocks[i];

        if (vcd->until_tick == UINT64_MAX) {
            return vmc_fail(error, VMC_E_USAGE,
                            "a clock needs a window with an end: %s has a "
                            "period of %" PRIu64 " ps",
                            clock->name, clock->period_ticks);
        }
        if (clock->period_ticks < 2) {
            return vmc_fail(error, VMC_E_USAGE,
                            "%s has a period of 1 ps, which has no half",
                            clock->name);
        }
        edges += (vcd->until_tick - vcd->from_tick) / (clock->period_ticks / 2);
        if (edges > VMC_VCD_EDGES_MAX) {
            return vmc_fail(error, VMC_E_USAGE,
                            "%s has too many edges in the window: %" PRIu64
                            " of at most %" PRIu64 "; make it narrower",
                            clock->name, edges, VMC_VCD_EDGES_MAX);
        }
    }
    return VMC_OK;
}

enum vmc_status vmc_vcd_check(const struct vmc_vcd *vcd,
                              struct vmc_error *error)
{
    for (uint32_t i = 0; i < vcd->pattern_count; i++) {
        if (!vcd->is_matched[i]) {
            return vmc_fail(
                error, VMC_E_USAGE, "no signal matches '%.64s'; there are: %s",
                vcd->patterns[i],
                vcd->offered[0] != '\0' ? vcd->offered + 2 : "none");
        }
    }
    return check_clocks(vcd, error);
}

/* ---- Life --------------------------------------------------------------- */

static void make_digits(struct vmc_vcd *vcd)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        for (uint32_t bit = 0; bit < 8; bit++) {
            vcd->digits[byte][7 - bit] = (byte >> bit & 1) != 0 ? '1' : '0';
        }
    }
}

enum vmc_status vmc_vcd_new(struct vmc_vcd **out, FILE *file,
                            const struct vmc_vcd_config *config,
                            struct vmc_error *error)
{
    struct vmc_vcd *vcd;
    enum vmc_status status;

    *out = NULL;
    if (config->signals_max < 1 || config->signals_max > VMC_VCD_SIGNALS_MAX) {
        return vmc_fail(error, VMC_E_RANGE, "a waveform has 1 to %d signals",
                        VMC_VCD_SIGNALS_MAX);
    }
    if (config->from_tick >= config->until_tick) {
        return vmc_fail(error, VMC_E_USAGE,
                        "the window of the waveform is empty: from %" PRIu64
                        " ps until %" PRIu64 " ps",
                        config->from_tick, config->until_tick);
    }
    vcd = calloc(1, sizeof(*vcd));
    if (vcd == NULL) {
        return VMC_E_NOMEM;
    }
    vcd->file = file;
    vcd->from_tick = config->from_tick;
    vcd->until_tick = config->until_tick;
    vcd->signals_max = config->signals_max;
    vcd->state.clock_tick = UINT64_MAX;
    vcd->high = UINT64_MAX;
    make_digits(vcd);
    vcd->values = calloc(config->signals_max, sizeof(*vcd->values));
    vcd->is_known = calloc(config->signals_max, sizeof(*vcd->is_known));
    vcd->signals = calloc(config->signals_max, sizeof(*vcd->signals));
    vcd->names = calloc(config->signals_max, sizeof(*vcd->names));
    status = vcd->values != NULL && vcd->is_known != NULL &&
                     vcd->signals != NULL && vcd->names != NULL
                 ? split_patterns(vcd, config->patterns, error)
                 : VMC_E_NOMEM;
    if (status != VMC_OK) {
        vmc_vcd_free(vcd);
        return status;
    }
    *out = vcd;
    return VMC_OK;
}

void vmc_vcd_free(struct vmc_vcd *vcd)
{
    if (vcd == NULL) {
        return;
    }
    free(vcd->pattern_text);
    free(vcd->values);
    free(vcd->is_known);
    free(vcd->signals);
    free(vcd->names);
    free(vcd);
}

/* ---- Signals ------------------------------------------------------------ */

/* The short name that a signal has in the file: its number in base 94. */
static void make_tail(struct signal *signal, uint32_t number)
{
    uint8_t at = 0;

    if (signal->width_bits > 1) {
        signal->tail[at++] = ' ';
    }
    do {
        signal->tail[at++] = (char)(CODE_FIRST + number % CODE_COUNT);
        number /= CODE_COUNT;
    } while (number > 0);
    signal->tail[at++] = '\n';
    assert(at <= TAIL_BYTES);
    signal->tail_bytes = at;
}

static uint32_t add(struct vmc_vcd *vcd, const char *name, uint32_t width_bits,
                    bool is_clock)
{
    struct signal *signal;

    assert(!vcd->state.is_started);
    assert(width_bits >= 1 && width_bits <= VMC_VCD_WIDTH_BITS_MAX);
    assert(strlen(name) < VMC_VCD_NAME_BYTES_MAX);
    offer(vcd, name);
    if (!is_selected(vcd, name, is_clock)) {
        return VMC_VCD_NOT_SELECTED;
    }
    assert(vcd->signal_count < vcd->signals_max);
    signal = &vcd->signals[vcd->signal_count];
    signal->width_bits = (uint8_t)width_bits;
    make_tail(signal, vcd->signal_count);
    (void)snprintf(vcd->names[vcd->signal_count], VMC_VCD_NAME_BYTES_MAX, "%s",
                   name);
    return vcd->signal_count++;
}

uint32_t vmc_vcd_add(struct vmc_vcd *vcd, const char *name, uint32_t width_bits)
{
    return add(vcd, name, width_bits, false);
}

void vmc_vcd_add_clock(struct vmc_vcd *vcd, const char *name,
                       uint64_t period_ticks)
{
    uint32_t signal = add(vcd, name, 1, true);

    assert(period_ticks > 0);
    if (signal == VMC_VCD_NOT_SELECTED) {
        return;
    }
    assert(vcd->clock_count < VMC_VCD_CLOCKS_MAX);
    vcd->clocks[vcd->clock_count++] =
        (struct clock){.name = vcd->names[signal],
                       .period_ticks = period_ticks,
                       .signal = signal};
}

void vmc_vcd_remark(struct vmc_vcd *vcd, const char *text)
{
    size_t used = strlen(vcd->remarks);

    (void)snprintf(vcd->remarks + used, REMARK_BYTES - used, "    %s\n", text);
}

static uint64_t cut(const struct signal *signal, uint64_t value)
{
    return value & UINT64_MAX >> (VMC_VCD_WIDTH_BITS_MAX - signal->width_bits);
}

void vmc_vcd_set(struct vmc_vcd *vcd, uint32_t signal, uint64_t value)
{
    assert(!vcd->state.is_started);
    if (signal != VMC_VCD_NOT_SELECTED) {
        assert(signal < vcd->signal_count);
        vcd->values[signal] = cut(&vcd->signals[signal], value);
        vcd->is_known[signal] = true;
    }
}

/* ---- Text --------------------------------------------------------------- */

static void flush(struct vmc_vcd *vcd)
{
    if (fwrite(vcd->buffer, 1, vcd->used_bytes, vcd->file) != vcd->used_bytes) {
        vcd->has_failed = true;
    }
    vcd->state.file_bytes += vcd->used_bytes;
    vcd->used_bytes = 0;
}

/* Make room for one change with its time. */
static void make_room(struct vmc_vcd *vcd)
{
    if (vcd->used_bytes > BUFFER_BYTES - CHANGE_BYTES_MAX) {
        flush(vcd);
    }
}

static void put_text(struct vmc_vcd *vcd, const char *text)
{
    for (; *text != '\0'; text++) {
        make_room(vcd);
        vcd->buffer[vcd->used_bytes++] = *text;
    }
}

/* Write @number with @digit_count digits, leading zeros among them. */
static void put_digits(char *to, uint64_t number, uint32_t digit_count)
{
    for (uint32_t i = digit_count; i > 0; i--) {
        to[i - 1] = (char)('0' + number % 10);
        number /= 10;
    }
}

static uint32_t count_digits(uint64_t number)
{
    uint32_t count = 1;

    for (; number >= 10; number /= 10) {
        count++;
    }
    return count;
}

static void put_time(struct vmc_vcd *vcd, uint64_t tick)
{
    char *to = vcd->buffer + vcd->used_bytes;
    uint64_t high = tick / low_limit;
    uint32_t low_digits = LOW_DIGITS;

    if (high != vcd->high) {
        vcd->high = high;
        vcd->high_bytes = high > 0 ? count_digits(high) : 0;
        put_digits(vcd->high_text, high, vcd->high_bytes);
    }
    *to++ = '#';
    memcpy(to, vcd->high_text, HIGH_BYTES);
    to += vcd->high_bytes;
    if (high == 0) {
        low_digits = count_digits(tick);
    }
    put_digits(to, tick % low_limit, low_digits);
    to += low_digits;
    *to++ = '\n';
    vcd->used_bytes = (size_t)(to - vcd->buffer);
}

static void put_value(struct vmc_vcd *vcd, uint32_t number)
{
    const struct signal *signal = &vcd->signals[number];
    uint64_t value = vcd->values[number];
    char *to = vcd->buffer + vcd->used_bytes;

    if (signal->width_bits > 1) {
        *to++ = 'b';
    }
    if (!vcd->is_known[number]) {
        *to++ = 'x';
    } else if (value <= 1) {
        *to++ = (char)('0' + value);
    } else {
        uint32_t bits = vmc_bits_top(value) + 1;
        uint64_t left = value << (VMC_VCD_WIDTH_BITS_MAX - bits);

        for (uint32_t i = 0; i < bits; i += 8) {
            memcpy(to + i, vcd->digits[left >> 56], 8);
            left <<= 8;
        }
        to += bits;
    }
    memcpy(to, signal->tail, TAIL_BYTES);
    to += signal->tail_bytes;
    vcd->used_bytes = (size_t)(to - vcd->buffer);
}

/* ---- The head ----------------------------------------------------------- */

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
        put_text(vcd, "$upscope $end\n");
    }
}

static void enter_scopes(struct vmc_vcd *vcd, const char *name, size_t from)
{
    char line[VMC_VCD_NAME_BYTES_MAX + 32];
    const char *at = name + from;
    const char *dot;

    while ((dot = strchr(at, '.')) != NULL) {
        (void)snprintf(line, sizeof(line), "$scope module %.*s $end\n",
                       (int)(dot - at), at);
        put_text(vcd, line);
        at = dot + 1;
    }
}

static const char *last_part(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot != NULL ? dot + 1 : name;
}

static void put_variable(struct vmc_vcd *vcd, uint32_t number)
{
    const struct signal *signal = &vcd->signals[number];
    bool has_blank = signal->width_bits > 1;
    char line[VMC_VCD_NAME_BYTES_MAX + 32];

    (void)snprintf(line, sizeof(line), "$var wire %u %.*s %s $end\n",
                   (unsigned)signal->width_bits,
                   (int)signal->tail_bytes - 1 - (int)has_blank,
                   signal->tail + has_blank, last_part(vcd->names[number]));
    put_text(vcd, line);
}

/* The clocks stand at @tick as their edges up to it have left them. */
static void start_clocks(struct vmc_vcd *vcd, uint64_t tick)
{
    for (uint32_t i = 0; i < vcd->clock_count; i++) {
        const struct clock *clock = &vcd->clocks[i];
        uint64_t phase = tick % clock->period_ticks;
        uint64_t half = clock->period_ticks / 2;
        bool is_high = phase < half;

        vcd->is_known[clock->signal] = true;
        vcd->values[clock->signal] = is_high;
        vcd->state.clock_ticks[i] =
            tick - phase + (is_high ? half : clock->period_ticks);
        if (vcd->state.clock_ticks[i] < vcd->state.clock_tick) {
            vcd->state.clock_tick = vcd->state.clock_ticks[i];
        }
    }
}

static void start(struct vmc_vcd *vcd, uint64_t tick)
{
    const char *previous = "";

    put_text(vcd, "$version vmcycle $end\n");
    if (vcd->remarks[0] != '\0') {
        put_text(vcd, "$comment\n");
        put_text(vcd, vcd->remarks);
        put_text(vcd, "$end\n");
    }
    put_text(vcd, "$timescale 1ps $end\n");
    for (uint32_t i = 0; i < vcd->signal_count; i++) {
        size_t common = common_scopes(previous, vcd->names[i]);

        leave_scopes(vcd, previous, common);
        enter_scopes(vcd, vcd->names[i], common);
        put_variable(vcd, i);
        previous = vcd->names[i];
    }
    leave_scopes(vcd, previous, 0);
    put_text(vcd, "$enddefinitions $end\n");
    make_room(vcd);
    put_time(vcd, tick);
    put_text(vcd, "$dumpvars\n");
    start_clocks(vcd, tick);
    for (uint32_t i = 0; i < vcd->signal_count; i++) {
        make_room(vcd);
        put_value(vcd, i);
    }
    put_text(vcd, "$end\n");
    vcd->state.is_started = true;
    vcd->state.tick = tick;
}

/* ---- Changes ------------------------------------------------------------ */

static void write_change(struct vmc_vcd *vcd, uint64_t tick, uint32_t signal,
                         uint64_t value)
{
    make_room(vcd);
    if (tick != vcd->state.tick) {
        put_time(vcd, tick);
        vcd->state.tick = tick;
    }
    vcd->is_known[signal] = true;
    vcd->values[signal] = value;
    put_value(vcd, signal);
    vcd->state.changes++;
}

/* Write all edges of clocks up to @tick. */
static void write_edges(struct vmc_vcd *vcd, uint64_t tick)
{
    struct state *state = &vcd->state;

    while (state->clock_tick <= tick) {
        uint64_t now = state->clock_tick;

        state->clock_tick = UINT64_MAX;
        for (uint32_t i = 0; i < vcd->clock_count; i++) {
            const struct clock *clock = &vcd->clocks[i];

            if (state->clock_ticks[i] == now) {
                uint64_t half = clock->period_ticks / 2;
                uint64_t level = vcd->values[clock->signal] ^ 1;

                state->clock_ticks[i] +=
                    level != 0 ? half : clock->period_ticks - half;
                write_change(vcd, now, clock->signal, level);
            }
            if (state->clock_ticks[i] < state->clock_tick) {
                state->clock_tick = state->clock_ticks[i];
            }
        }
    }
}

void vmc_vcd_change(struct vmc_vcd *vcd, uint64_t tick, uint32_t signal,
                    uint64_t value)
{
    if (signal == VMC_VCD_NOT_SELECTED) {
        return;
    }
    assert(signal < vcd->signal_count);
    value = cut(&vcd->signals[signal], value);
    if ((vcd->values[signal] == value && vcd->is_known[signal]) ||
        tick > vcd->until_tick) {
        return;
    }
    if (!vcd->state.is_started) {
        if (tick < vcd->from_tick) {
            vcd->is_known[signal] = true;
            vcd->values[signal] = value;
            return;
        }
        start(vcd, vcd->from_tick);
    }
    assert(tick >= vcd->state.tick);
    if (tick >= vcd->state.clock_tick) {
        write_edges(vcd, tick);
    }
    write_change(vcd, tick, signal, value);
}

enum vmc_status vmc_vcd_end(struct vmc_vcd *vcd, uint64_t tick)
{
    if (tick > vcd->until_tick) {
        tick = vcd->until_tick;
    }
    if (!vcd->state.is_started) {
        start(vcd, vcd->from_tick);
    }
    write_edges(vcd, tick);
    make_room(vcd);
    if (tick > vcd->state.tick) {
        put_time(vcd, tick);
        vcd->state.tick = tick;
    }
    flush(vcd);
    return vcd->has_failed || ferror(vcd->file) != 0 ? VMC_E_IO : VMC_OK;
}

uint64_t vmc_vcd_change_count(const struct vmc_vcd *vcd)
{
    return vcd->state.changes;
}

/* ---- To go on in another process ---------------------------------------- */

void vmc_vcd_archive(struct vmc_vcd *vcd, struct vmc_archive *archive)
{
    uint32_t signal_count = vcd->signal_count;

    if (!vmc_archive_is_loading(archive)) {
        flush(vcd);
        if (vcd->has_failed || fflush(vcd->file) != 0) {
            vmc_archive_fail(archive, VMC_E_IO, "the waveform: cannot write");
        }
    }
    vmc_archive_begin(archive, "vcd");
    VMC_ARCHIVE(archive, signal_count);
    if (signal_count != vcd->signal_count) {
        vmc_archive_fail(archive, VMC_E_FORMAT,
                         "%" PRIu32 " signals were selected, now %" PRIu32,
                         signal_count, vcd->signal_count);
    }
    vmc_archive_bytes(archive, "state", &vcd->state, sizeof(vcd->state));
    vmc_archive_bytes(archive, "values", vcd->values,
                      signal_count * sizeof(vcd->values[0]));
    vmc_archive_bytes(archive, "known", vcd->is_known, signal_count);
    vmc_archive_end(archive);
}

uint64_t vmc_vcd_file_bytes(const struct vmc_vcd *vcd)
{
    return vcd->state.file_bytes;
}
