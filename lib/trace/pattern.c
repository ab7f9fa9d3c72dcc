/* SPDX-License-Identifier: MIT */
/*
 * A pattern is walked once, beside the line. Nothing is taken back: an event
 * that has several forms has several patterns.
 */
#include "trace/pattern_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *vmc_scan_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t')) {
        at++;
    }
    return at;
}

/* The value of a hexadecimal digit, or 16. */
static unsigned digit_of(char c)
{
    unsigned d = (unsigned char)c - (unsigned)'0';

    if (d <= 9) {
        return d;
    }
    d = ((unsigned char)c | 0x20U) - (unsigned)'a';
    return d < 6 ? d + 10 : 16;
}

/* NULL when there is no number, or one beyond 64 bits. */
static const char *scan_hex(const char *at, const char *end, bool needs_prefix,
                            uint64_t *value)
{
    uint64_t number = 0;
    const char *start;

    if (end - at > 2 && at[0] == '0' && (at[1] | 0x20) == 'x') {
        at += 2;
    } else if (needs_prefix) {
        return NULL;
    }
    for (start = at; at < end; at++) {
        unsigned digit = digit_of(*at);

        if (digit == 16) {
            break;
        }
        if (number >> 60 != 0) {
            return NULL;
        }
        number = number << 4 | digit;
    }
    *value = number;
    return at > start ? at : NULL;
}

/* "(nil)" is how a C library prints no pointer. */
static const char *scan_pointer(const char *at, const char *end,
                                uint64_t *value)
{
    static const char nil[] = "(nil)";

    if ((size_t)(end - at) >= sizeof(nil) - 1 &&
        memcmp(at, nil, sizeof(nil) - 1) == 0) {
        *value = 0;
        return at + sizeof(nil) - 1;
    }
    return scan_hex(at, end, true, value);
}

const char *vmc_scan_decimal(const char *at, const char *end, uint64_t *value)
{
    bool is_negative = at < end && *at == '-';
    uint64_t number = 0;
    const char *start;

    at += is_negative;
    for (start = at; at < end; at++) {
        unsigned digit = (unsigned char)*at - (unsigned)'0';

        if (digit > 9) {
            break;
        }
        if (number > (UINT64_MAX - digit) / 10) {
            return NULL;
        }
        number = number * 10 + digit;
    }
    *value = is_negative ? -number : number;
    return at > start ? at : NULL;
}

/* Text up to the pattern's next character (a blank also stops a word). */
static const char *scan_text(const char *at, const char *end, char stop,
                             bool is_word, const char **text_end)
{
    const char *start = at;

    while (at < end && *at != stop && !(is_word && *at == ' ')) {
        at++;
    }
    *text_end = at;
    while (!is_word && *text_end > start && (*text_end)[-1] == ' ') {
        (*text_end)--;
    }
    return *text_end > start ? at : NULL;
}

/* Text up to the literal that follows in the pattern, for which one character
 * is too little: " pin ", " seglen: ". */
static const char *scan_until(const char *at, const char *end,
                              const char *pattern, const char **text_end)
{
    char literal[32] = "";
    size_t bytes = 0;

    /* The literal ends at its next blank, for blanks may be missing. */
    while (pattern[bytes] != '\0' && pattern[bytes] != '%' &&
           (bytes == 0 || pattern[bytes] != ' ') &&
           bytes < sizeof(literal) - 1) {
        literal[bytes] = pattern[bytes];
        bytes++;
    }
    if (bytes <= 1) {
        return scan_text(at, end, literal[0], false, text_end);
    }
    for (const char *p = at; (size_t)(end - p) >= bytes; p++) {
        if (memcmp(p, literal, bytes) == 0) {
            *text_end = p;
            return p > at ? p : NULL;
        }
    }
    return NULL;
}

/* One of the words of "{a|b|c}": *value is its place. */
static const char *scan_choice(const char *at, const char *end,
                               const char **pattern, uint64_t *value)
{
    const char *choice = *pattern + 1;
    const char *found = NULL;
    uint64_t place = 0;

    for (;;) {
        size_t bytes = strcspn(choice, "|}");

        if (found == NULL && (size_t)(end - at) >= bytes &&
            memcmp(at, choice, bytes) == 0) {
            found = at + bytes;
            *value = place;
        }
        place++;
        choice += bytes;
        if (*choice++ == '}') {
            break;
        }
    }
    *pattern = choice;
    return found;
}

/* ---- Patterns ----------------------------------------------------------- */

/* Read one conversion; *pattern stands behind its '%'. NULL: no match. */
static const char *scan_argument(const char *at, const char *end,
                                 const char **pattern, struct vmc_texts *texts,
                                 struct vmc_record *record)
{
    char what = **pattern;
    uint64_t value = 0;
    const char *text = at;
    const char *text_end = end;
    const char *next;

    if (what == '{') {
        next = scan_choice(at, end, pattern, &value);
    } else {
        const char *after = *pattern + 2;

        switch (what) {
        case 'd':
            next = vmc_scan_decimal(at, end, &value);
            break;
        case 'u':
            next = vmc_scan_decimal(at, end, &value);
            value &= UINT32_MAX;
            break;
        case 'x':
        case 'h':
            next = scan_hex(at, end, what == 'x', &value);
            break;
        case 'p':
            next = scan_pointer(at, end, &value);
            break;
        case 'w':
            next = scan_text(at, end, *after, true, &text_end);
            break;
        case 's':
            next = scan_until(at, end, after, &text_end);
            break;
        default: /* r */
            next = end;
            while (text_end > text && text_end[-1] == ' ') {
                text_end--;
            }
            break;
        }
        if (next != NULL && (what == 'w' || what == 's' || what == 'r')) {
            size_t bytes = (size_t)(text_end - text);

            if (memchr(text, '\0', bytes) != NULL) {
                return NULL; /* texts are strings; this is no trace's line */
            }
            value = vmc_texts_number(texts, text, bytes);
        }
        ++*pattern;
    }
    record->args[**pattern - '0'] = value;
    ++*pattern;
    return next;
}

bool vmc_pattern_match(const char *pattern, const char *at, const char *end,
                       struct vmc_texts *texts, struct vmc_record *record)
{
    while (*pattern != '\0') {
        if (*pattern == ' ') {
            at = vmc_scan_blanks(at, end);
            pattern++;
        } else if (*pattern == '%') {
            pattern++;
            at = scan_argument(at, end, &pattern, texts, record);
            if (at == NULL) {
                return false;
            }
        } else {
            if (at == end || *at != *pattern) {
                return false;
            }
            at++;
            pattern++;
        }
    }
    return at == end || vmc_scan_blanks(at, end) == end;
}

/* ---- Printing ------------------------------------------------------------ */

/* The @number-th word of "{a|b|c}"; empty when there are fewer. Moves
 * *pattern behind the list. */
static int print_choice(char *out, size_t size_bytes, const char **pattern,
                        uint64_t number)
{
    const char *choice = *pattern + 1, *found = "";
    int found_bytes = 0;

    for (uint64_t place = 0;; place++) {
        size_t bytes = strcspn(choice, "|}");

        if (place == number) {
            found = choice;
            found_bytes = (int)bytes;
        }
        choice += bytes;
        if (*choice++ == '}') {
            break;
        }
    }
    *pattern = choice;
    return snprintf(out, size_bytes, "%.*s", found_bytes, found);
}

/* One conversion; *pattern stands behind its '%'. */
static int print_argument(char *out, size_t size_bytes, const char **pattern,
                          const struct vmc_record *record,
                          const struct vmc_text_source *texts)
{
    const char *what = *pattern;
    uint64_t value;
    int bytes;

    if (*what == '{') {
        uint64_t number = (uint64_t)(strchr(what, '}')[1] - '0');

        bytes = print_choice(out, size_bytes, pattern, record->args[number]);
        ++*pattern;
        return bytes;
    }
    *pattern += 2;
    value = record->args[what[1] - '0'];
    switch (*what) {
    case 'd':
        return snprintf(out, size_bytes, "%" PRId64, (int64_t)value);
    case 'u':
        return snprintf(out, size_bytes, "%" PRId32, (int32_t)(uint32_t)value);
    case 'x':
        return snprintf(out, size_bytes, "0x%" PRIx64, value);
    case 'h':
        return snprintf(out, size_bytes, "%" PRIx64, value);
    case 'p':
        return value == 0 ? snprintf(out, size_bytes, "(nil)")
                          : snprintf(out, size_bytes, "0x%" PRIx64, value);
    default: /* w, s, r */
        return snprintf(out, size_bytes, "%s",
                        texts->text(texts->owner, value));
    }
}

size_t vmc_pattern_print(char *out, size_t size_bytes, const char *pattern,
                         const struct vmc_record *record,
                         const struct vmc_text_source *texts)
{
    size_t bytes = 0;

    while (*pattern != '\0') {
        size_t left = bytes < size_bytes ? size_bytes - bytes : 0;
        char *at = left > 0 ? out + bytes : NULL;

        if (*pattern == '%') {
            pattern++;
            bytes += (size_t)print_argument(at, left, &pattern, record, texts);
        } else {
            bytes += (size_t)snprintf(at, left, "%c", *pattern++);
        }
    }
    return bytes;
}
