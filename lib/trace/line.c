/* SPDX-License-Identifier: MIT */
/*
 * A line is what stands before the event (who and when), its name, and its
 * arguments. Lines that follow each other mostly share thread and second, so
 * the head of the last one is kept: where its bytes come again, they are not
 * read again.
 */
#include "trace/line_priv.h"

#include <stdlib.h>
#include <string.h>

#include "trace/events_priv.h"
#include "trace/pattern_priv.h"

enum { STAMP_DIGITS = 9, CPU_DIGITS_MIN = 3, HEAD_BYTES_MAX = 32 };

struct vmc_line_parser {
    enum vmc_line_format format;
    struct vmc_event_table *events;
    /* "TID@SECONDS." of the last QEMU line, and what it said. */
    uint32_t head_bytes;
    uint32_t thread;
    uint64_t seconds_ns;
    char head[HEAD_BYTES_MAX];
};

/* "restart" and "error" stand in the place of a reason: the number is then an
 * errno (include/trace/events/kvm.h prints both with one format). */
static void fix_userspace_exit(const struct vmc_texts *texts,
                               struct vmc_record *record)
{
    const char *name = vmc_texts_get(texts, record->args[1]);

    if (strcmp(name, "restart") == 0 || strcmp(name, "error") == 0) {
        record->args[2] = record->args[0];
        record->args[0] = 0;
    }
}

static enum vmc_line_result parse_event(const struct vmc_line_parser *parser,
                                        const char *at, const char *end,
                                        struct vmc_texts *texts,
                                        const struct vmc_line *line,
                                        struct vmc_record *record)
{
    uint32_t count;
    const struct vmc_event *event =
        vmc_event_find(parser->events, line->name, line->name_bytes, &count);

    if (event == NULL) {
        return VMC_LINE_UNKNOWN;
    }
    at = vmc_scan_blanks(at, end);
    for (; count > 0; event++, count--) {
        memset(record->args, 0, sizeof(record->args));
        if (vmc_pattern_match(event->pattern, at, end, texts, record)) {
            record->kind = (uint16_t)event->kind;
            record->args[0] += event->base;
            if (event->kind == VMC_REC_KVM_USERSPACE_EXIT) {
                fix_userspace_exit(texts, record);
            }
            return VMC_LINE_RECORD;
        }
    }
    return VMC_LINE_BAD;
}

/* ---- What stands before the event --------------------------------------- */

/* The digits behind a decimal point, up to nine, as ns. */
static const char *scan_fraction(const char *at, const char *end, uint64_t *ns)
{
    uint64_t scale = 1000000000;
    const char *start;

    *ns = 0;
    for (start = at; at < end && at - start < STAMP_DIGITS; at++) {
        unsigned digit = (unsigned char)*at - (unsigned)'0';

        if (digit > 9) {
            break;
        }
        scale /= 10;
        *ns += digit * scale;
    }
    return at > start ? at : NULL;
}

/* "SECONDS." as ns. */
static const char *scan_whole_seconds(const char *at, const char *end,
                                      uint64_t *ns)
{
    uint64_t seconds;

    at = vmc_scan_decimal(at, end, &seconds);
    if (at == NULL || at == end || *at != '.' ||
        seconds > UINT64_MAX / 1000000000 - 1) {
        return NULL;
    }
    *ns = seconds * 1000000000;
    return at + 1;
}

/* "SECONDS.FRACTION". */
static const char *scan_seconds(const char *at, const char *end,
                                uint64_t *stamp_ns)
{
    uint64_t fraction_ns;

    at = scan_whole_seconds(at, end, stamp_ns);
    if (at == NULL) {
        return NULL;
    }
    at = scan_fraction(at, end, &fraction_ns);
    *stamp_ns += fraction_ns;
    return at;
}

/* Days from 1970-01-01, by counting whole 400-year eras. */
static uint64_t days_of(uint64_t year, uint64_t month, uint64_t day)
{
    uint64_t y = year - (month <= 2);
    uint64_t era = y / 400;
    uint64_t of_era = y % 400;
    uint64_t of_year =
        (153 * (month + (month > 2 ? -3ULL : 9ULL)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year -
           719468;
}

/* "2026-11-21T07:33:25.123456Z ", as QEMU prints with -msg timestamp=on. */
static const char *scan_iso(const char *at, const char *end, uint64_t *stamp_ns)
{
    static const struct {
        char after;
        uint32_t digits, min, max;
    } parts[] = {{'-', 4, 1970, 2500},
                 {'-', 2, 1, 12},
                 {'T', 2, 1, 31},
                 {':', 2, 0, 23},
                 {':', 2, 0, 59}};
    uint64_t values[VMC_COUNT_OF(parts)];
    uint64_t seconds_ns;

    for (size_t i = 0; i < VMC_COUNT_OF(parts); i++) {
        const char *next = vmc_scan_decimal(at, end, &values[i]);

        if (next == NULL || next - at != parts[i].digits || next == end ||
            *next != parts[i].after || values[i] < parts[i].min ||
            values[i] > parts[i].max) {
            return NULL;
        }
        at = next + 1;
    }
    at = scan_seconds(at, end, &seconds_ns);
    if (at == NULL || at == end || *at != 'Z') {
        return NULL;
    }
    *stamp_ns =
        ((days_of(values[0], values[1], values[2]) * 24 + values[3]) * 60 +
         values[4]) *
            UINT64_C(60000000000) +
        seconds_ns;
    return at + 1;
}

/* "TID@SECONDS.": keep it, for the next line. */
static const char *scan_new_head(struct vmc_line_parser *parser, const char *at,
                                 const char *end)
{
    uint64_t thread;
    const char *next = vmc_scan_decimal(at, end, &thread);

    if (next == NULL || next == end || *next != '@' || thread > UINT32_MAX) {
        return NULL;
    }
    next = scan_whole_seconds(next + 1, end, &parser->seconds_ns);
    if (next == NULL) {
        parser->head_bytes = 0;
        return NULL;
    }
    parser->thread = (uint32_t)thread;
    parser->head_bytes = 0;
    if (next - at <= HEAD_BYTES_MAX) {
        parser->head_bytes = (uint32_t)(next - at);
        memcpy(parser->head, at, parser->head_bytes);
    }
    return next;
}

/* "TID@SECONDS.MICROS:" or an ISO stamp. NULL when it is neither. */
static const char *scan_qemu_head(struct vmc_line_parser *parser,
                                  const char *at, const char *end,
                                  struct vmc_record *record, uint64_t *stamp_ns)
{
    uint64_t fraction_ns;
    const char *next;

    if (parser->head_bytes > 0 && (size_t)(end - at) > parser->head_bytes &&
        memcmp(at, parser->head, parser->head_bytes) == 0) {
        next = at + parser->head_bytes;
    } else {
        next = scan_new_head(parser, at, end);
    }
    record->cpu = record->flags = 0;
    if (next != NULL) {
        next = scan_fraction(next, end, &fraction_ns);
        record->thread = parser->thread;
        *stamp_ns = parser->seconds_ns + fraction_ns;
        return next != NULL && next < end && *next == ':' ? next + 1 : NULL;
    }
    record->thread = 0;
    next = scan_iso(at, end, stamp_ns);
    return next != NULL ? vmc_scan_blanks(next, end) : NULL;
}

static bool is_digit(char c)
{
    return (unsigned char)c - (unsigned)'0' <= 9;
}

/* The '[' of "[003]": three digits at least, which the name of a task that
 * happens to hold brackets seldom has. */
static const char *find_cpu(const char *at, const char *end)
{
    for (; at < end; at++) {
        const char *digits = at + 1;

        if (*at != '[') {
            continue;
        }
        while (digits < end && is_digit(*digits)) {
            digits++;
        }
        if (digits >= at + CPU_DIGITS_MIN + 1 && digits < end &&
            *digits == ']') {
            return at;
        }
    }
    return NULL;
}

/* "   COMM-PID    (TGID) [CPU] FLAGS SECONDS.MICROS: " (spec section 18.3). */
static const char *scan_ftrace_head(const char *at, const char *end,
                                    struct vmc_record *record,
                                    uint64_t *stamp_ns)
{
    static const char idle[] = "<idle>";
    const char *bracket = find_cpu(at, end);
    const char *dash = bracket;
    const char *comm = vmc_scan_blanks(at, end);
    const char *flags;
    uint64_t pid, cpu;

    if (bracket == NULL) {
        return NULL;
    }
    while (dash > at && *dash != '-') {
        dash--;
    }
    if (dash == at || vmc_scan_decimal(dash + 1, end, &pid) == NULL) {
        return NULL;
    }
    flags = vmc_scan_decimal(bracket + 1, end, &cpu);
    if (flags == NULL || cpu > UINT8_MAX || pid > UINT32_MAX) {
        return NULL;
    }
    flags = vmc_scan_blanks(flags + 1, end);
    record->thread = (uint32_t)pid;
    record->cpu = (uint8_t)cpu;
    record->flags = 0;
    if ((size_t)(dash - comm) == sizeof(idle) - 1 &&
        memcmp(comm, idle, sizeof(idle) - 1) == 0) {
        record->flags |= VMC_REC_IDLE_TASK;
    }
    if (end - flags >= 3) {
        record->flags |= memchr("dDbX", flags[0], 4) ? VMC_REC_IRQS_OFF : 0;
        record->flags |=
            memchr("NnpBbLl", flags[1], 7) ? VMC_REC_NEED_RESCHED : 0;
        record->flags |= memchr("ZzHh", flags[2], 4) ? VMC_REC_HARDIRQ : 0;
        record->flags |= memchr("Hs", flags[2], 2) ? VMC_REC_SOFTIRQ : 0;
    }
    while (flags < end && *flags != ' ') {
        flags++;
    }
    at = scan_seconds(vmc_scan_blanks(flags, end), end, stamp_ns);
    return at != NULL && at < end && *at == ':' ? vmc_scan_blanks(at + 1, end)
                                                : NULL;
}

struct vmc_line_parser *vmc_line_parser_new(enum vmc_line_format format)
{
    struct vmc_line_parser *parser = calloc(1, sizeof(*parser));

    if (parser == NULL) {
        return NULL;
    }
    parser->format = format;
    parser->events = vmc_event_table_new();
    if (parser->events == NULL) {
        free(parser);
        return NULL;
    }
    return parser;
}

void vmc_line_parser_free(struct vmc_line_parser *parser)
{
    if (parser != NULL) {
        vmc_event_table_free(parser->events);
        free(parser);
    }
}

enum vmc_line_format vmc_line_format(const struct vmc_line_parser *parser)
{
    return parser->format;
}

/* The name of the event at @at. A name that is no string is none. */
static const char *scan_name(enum vmc_line_format format, const char *at,
                             const char *end, struct vmc_line *line)
{
    const char *name_end = memchr(at, ' ', (size_t)(end - at));

    if (name_end == NULL) {
        name_end = end;
    }
    line->name = at;
    if (format == VMC_LINE_FTRACE) {
        const char *colon = memchr(at, ':', (size_t)(name_end - at));

        name_end = colon != NULL ? colon : name_end;
    }
    line->name_bytes = (size_t)(name_end - at);
    if (memchr(at, '\0', line->name_bytes) != NULL) {
        line->name_bytes = 0;
    }
    return name_end < end && *name_end == ':' ? name_end + 1 : name_end;
}

enum vmc_line_result vmc_line_parse(struct vmc_line_parser *parser,
                                    const char *at, const char *end,
                                    struct vmc_texts *texts,
                                    struct vmc_line *line,
                                    struct vmc_record *record)
{
    const char *start = at;

    if (end > at && end[-1] == '\r') {
        end--;
    }
    if (vmc_scan_blanks(at, end) == end || *at == '#') {
        return VMC_LINE_NOTHING;
    }
    at = parser->format == VMC_LINE_QEMU
             ? scan_qemu_head(parser, at, end, record, &line->stamp_ns)
             : scan_ftrace_head(at, end, record, &line->stamp_ns);
    if (at == NULL) {
        line->name = start;
        line->name_bytes = 0;
        return VMC_LINE_UNKNOWN;
    }
    at = scan_name(parser->format, at, end, line);
    return parse_event(parser, at, end, texts, line, record);
}

bool vmc_line_looks_like(enum vmc_line_format format, const char *at,
                         const char *end)
{
    static const char tracer[] = "# tracer:";
    struct vmc_line_parser parser = {.format = format};
    struct vmc_record record = {0};
    uint64_t stamp_ns;

    if (format == VMC_LINE_QEMU) {
        return scan_qemu_head(&parser, at, end, &record, &stamp_ns) != NULL;
    }
    return ((size_t)(end - at) >= sizeof(tracer) - 1 &&
            memcmp(at, tracer, sizeof(tracer) - 1) == 0) ||
           scan_ftrace_head(at, end, &record, &stamp_ns) != NULL;
}
