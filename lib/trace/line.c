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

enum { STAMP_DIGITS = 9, CPU_DIGITS_MIN = 3, HEAD_BYTES_MAX = 96 };

/* All that stands before the fraction of the second, and what it said. */
struct head {
    uint32_t bytes; /* 0: none is kept */
    uint32_t thread;
    uint8_t cpu, flags;
    uint64_t seconds_ns;
    char text[HEAD_BYTES_MAX];
};

struct vmc_line_parser {
    enum vmc_line_format format;
    struct vmc_event_table *events;
    struct head head; /* of the last line */
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

/* "TID@SECONDS." */
static const char *scan_qemu_head(struct head *head, const char *at,
                                  const char *end)
{
    uint64_t thread;

    at = vmc_scan_decimal(at, end, &thread);
    if (at == NULL || at == end || *at != '@' || thread > UINT32_MAX) {
        return NULL;
    }
    head->thread = (uint32_t)thread;
    head->cpu = head->flags = 0;
    return scan_whole_seconds(at + 1, end, &head->seconds_ns);
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

/* "   COMM-PID    (TGID) [CPU] FLAGS SECONDS." (spec section 18.3). */
static const char *scan_ftrace_head(struct head *head, const char *at,
                                    const char *end)
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
    head->thread = (uint32_t)pid;
    head->cpu = (uint8_t)cpu;
    head->flags = 0;
    if ((size_t)(dash - comm) == sizeof(idle) - 1 &&
        memcmp(comm, idle, sizeof(idle) - 1) == 0) {
        head->flags |= VMC_REC_IDLE_TASK;
    }
    if (end - flags >= 3) {
        head->flags |= memchr("dDbX", flags[0], 4) ? VMC_REC_IRQS_OFF : 0;
        head->flags |=
            memchr("NnpBbLl", flags[1], 7) ? VMC_REC_NEED_RESCHED : 0;
        head->flags |= memchr("ZzHh", flags[2], 4) ? VMC_REC_HARDIRQ : 0;
        head->flags |= memchr("Hs", flags[2], 2) ? VMC_REC_SOFTIRQ : 0;
    }
    while (flags < end && *flags != ' ') {
        flags++;
    }
    return scan_whole_seconds(vmc_scan_blanks(flags, end), end,
                              &head->seconds_ns);
}

/* The head at @at: that of the last line, or one that is read and kept. */
static const char *scan_head(struct vmc_line_parser *parser, const char *at,
                             const char *end)
{
    struct head *head = &parser->head;
    const char *next;

    if (head->bytes > 0 && (size_t)(end - at) > head->bytes &&
        memcmp(at, head->text, head->bytes) == 0) {
        return at + head->bytes;
    }
    next = parser->format == VMC_LINE_QEMU ? scan_qemu_head(head, at, end)
                                           : scan_ftrace_head(head, at, end);
    head->bytes = 0;
    if (next != NULL && next - at <= HEAD_BYTES_MAX) {
        head->bytes = (uint32_t)(next - at);
        memcpy(head->text, at, head->bytes);
    }
    return next;
}

/* What stands before the name of the event: a head and a fraction, or the
 * stamp that newer QEMUs print. NULL when it is none of them. */
static const char *scan_front(struct vmc_line_parser *parser, const char *at,
                              const char *end, struct vmc_record *record,
                              uint64_t *stamp_ns)
{
    const char *next = scan_head(parser, at, end);
    uint64_t fraction_ns;

    if (next == NULL) {
        record->thread = record->cpu = record->flags = 0;
        next = parser->format == VMC_LINE_QEMU ? scan_iso(at, end, stamp_ns)
                                               : NULL;
        return next != NULL ? vmc_scan_blanks(next, end) : NULL;
    }
    record->thread = parser->head.thread;
    record->cpu = parser->head.cpu;
    record->flags = parser->head.flags;
    next = scan_fraction(next, end, &fraction_ns);
    *stamp_ns = parser->head.seconds_ns + fraction_ns;
    return next != NULL && next < end && *next == ':'
               ? vmc_scan_blanks(next + 1, end)
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
    at = scan_front(parser, at, end, record, &line->stamp_ns);
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

    return (format == VMC_LINE_FTRACE &&
            (size_t)(end - at) >= sizeof(tracer) - 1 &&
            memcmp(at, tracer, sizeof(tracer) - 1) == 0) ||
           scan_front(&parser, at, end, &record, &stamp_ns) != NULL;
}
