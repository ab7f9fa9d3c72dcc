/* SPDX-License-Identifier: MIT */
/**
 * scan_priv.h - a scenario as words, each with its line and column.
 */
#ifndef VMC_VCPU_SCAN_PRIV_H
#define VMC_VCPU_SCAN_PRIV_H

#include <stdint.h>

#include "base/base.h"

enum { VMC_SCAN_WORD_BYTES = 32, VMC_SCAN_TOKENS_MAX = 16384 };

enum vmc_token_kind {
    VMC_TOKEN_WORD,
    VMC_TOKEN_NUMBER,
    VMC_TOKEN_STRING,
    VMC_TOKEN_SIGN, /**< punctuation, one or two characters */
    VMC_TOKEN_LINE, /**< end of a line that was not empty */
    VMC_TOKEN_END
};

struct vmc_token {
    const char *text; /**< in the scanned text, @length characters */
    uint32_t line;    /**< 0 in a built-in text */
    uint16_t column, length;
    uint8_t kind; /**< enum vmc_token_kind */
    int32_t number;
};

struct vmc_scan {
    struct vmc_token *tokens; /**< ends with VMC_TOKEN_END */
    uint32_t count;
};

/**
 * Append the tokens of @text to @scan, the end token replaced. @path names it
 * in messages; with @is_built_in lines are 0.
 * Owner    tokens point into @text; free(scan->tokens) is the caller's.
 * Fails    VMC_E_NOMEM, VMC_E_FORMAT, VMC_E_RANGE.
 */
enum vmc_status vmc_scan_text(struct vmc_scan *scan, const char *path,
                              const char *text, bool is_built_in,
                              struct vmc_error *error);

/** True when @token is exactly @text. */
bool vmc_token_is(const struct vmc_token *token, const char *text);

#endif
