/* SPDX-License-Identifier: MIT */
/* Words, numbers, strings and signs. '#' starts a comment, a line ends a
 * statement. Nothing else is known about the language here. */
#include "vcpu/scan_priv.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *const signs[] = {"==", "!=", "<=", "..", "<", "=", "[",
                                    "]",  ",",  "+",  "-",  "(", ")", "."};

bool vmc_token_is(const struct vmc_token *token, const char *text)
{
    return (token->kind == VMC_TOKEN_WORD || token->kind == VMC_TOKEN_SIGN) &&
           strlen(text) == token->length &&
           memcmp(token->text, text, token->length) == 0;
}

static bool is_word_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Where the word or number at @text ends. */
static const char *word_end(const char *text)
{
    while (is_word_char(*text)) {
        text++;
    }
    return text;
}

/* Fill @token from @text; returns what follows it, or NULL for nothing known.
 */
static const char *scan_one(struct vmc_token *token, const char *text)
{
    const char *end = NULL;

    token->text = text;
    if (isdigit((unsigned char)*text)) {
        int32_t number = 0;

        for (end = text; isdigit((unsigned char)*end); end++) {
            number = number * 10 + (*end - '0');
            if (number > 100000000) {
                return NULL;
            }
        }
        token->kind = VMC_TOKEN_NUMBER;
        token->number = number;
        if (is_word_char(*end)) {
            return NULL;
        }
    } else if (is_word_char(*text)) {
        token->kind = VMC_TOKEN_WORD;
        end = word_end(text);
    } else if (*text == '"') {
        token->kind = VMC_TOKEN_STRING;
        token->text = text + 1;
        for (end = text + 1; *end != '"'; end++) {
            if (*end == '\0' || *end == '\n') {
                return NULL;
            }
        }
        if (end - text > UINT16_MAX) {
            return NULL;
        }
        token->length = (uint16_t)(end - text - 1);
        return end + 1;
    } else {
        token->kind = VMC_TOKEN_SIGN;
        for (size_t i = 0; i < VMC_COUNT_OF(signs) && end == NULL; i++) {
            if (strncmp(text, signs[i], strlen(signs[i])) == 0) {
                end = text + strlen(signs[i]);
            }
        }
        if (end == NULL) {
            return NULL;
        }
    }
    if (end - text >= VMC_SCAN_WORD_BYTES) {
        return NULL;
    }
    token->length = (uint16_t)(end - text);
    return end;
}

static enum vmc_status push(struct vmc_scan *scan,
                            const struct vmc_token *token, const char *path,
                            struct vmc_error *error)
{
    if (scan->count == VMC_SCAN_TOKENS_MAX) {
        return vmc_fail(error, VMC_E_RANGE, "%s:%u:%u: too long a scenario",
                        path, token->line, token->column);
    }
    scan->tokens[scan->count++] = *token;
    return VMC_OK;
}

enum vmc_status vmc_scan_text(struct vmc_scan *scan, const char *path,
                              const char *text, bool is_built_in,
                              struct vmc_error *error)
{
    uint32_t line = 1;
    const char *line_start = text;
    enum vmc_status status = VMC_OK;

    if (scan->tokens == NULL) {
        scan->tokens = calloc(VMC_SCAN_TOKENS_MAX, sizeof(*scan->tokens));
        if (scan->tokens == NULL) {
            return vmc_fail(error, VMC_E_NOMEM, "out of memory");
        }
    } else {
        scan->count -= scan->count != 0 ? 1 : 0; /* the end token */
    }
    while (status == VMC_OK) {
        struct vmc_token token = {.text = text, .line = is_built_in ? 0 : line};
        const char *next = text + 1;
        ptrdiff_t column = text - line_start + 1;

        token.column = column < UINT16_MAX ? (uint16_t)column : UINT16_MAX;
        if (*text == '#') {
            next = text + strcspn(text, "\n");
        } else if (*text == '\n' || *text == '\0') {
            bool is_end = *text == '\0';

            token.kind = VMC_TOKEN_LINE;
            if (scan->count != 0 &&
                scan->tokens[scan->count - 1].kind != VMC_TOKEN_LINE) {
                status = push(scan, &token, path, error);
            }
            token.kind = VMC_TOKEN_END;
            if (is_end) {
                return status != VMC_OK ? status
                                        : push(scan, &token, path, error);
            }
            line++;
            line_start = text + 1;
        } else if (!isspace((unsigned char)*text)) {
            next = scan_one(&token, text);
            if (next == NULL) {
                return vmc_fail(error, VMC_E_FORMAT,
                                "%s:%u:%u: no word, number or \"string\"", path,
                                line, token.column);
            }
            status = push(scan, &token, path, error);
        }
        text = next;
    }
    return status;
}
