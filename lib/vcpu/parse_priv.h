/* SPDX-License-Identifier: MIT */
/**
 * parse_priv.h - the compiler's own state, shared by its three files.
 *
 * parse.c reads declarations, code.c statements, names.c finds what a name
 * means. On an error the first message stays and every later call returns at
 * once, so callers look at parser->status only where they loop.
 */
#ifndef VMC_VCPU_PARSE_PRIV_H
#define VMC_VCPU_PARSE_PRIV_H

#include "vcpu/program.h"
#include "vcpu/scan_priv.h"

enum {
    VMC_PARSE_NAMES_MAX = 128,
    VMC_PARSE_PROCS_MAX = 64,
    VMC_PARSE_ARGS_MAX = 8,
    VMC_PARSE_PATCHES_MAX = 64,
    VMC_PARSE_DEPTH_MAX = 16, /**< procedures inside procedures */
};

struct vmc_name {
    char text[VMC_LIFE_NAME_BYTES];
    struct vmc_life_operand operand;
};

struct vmc_proc {
    char name[VMC_LIFE_NAME_BYTES];
    uint32_t params, body; /**< tokens */
};

/** Jumps that lead to a place not reached yet. */
struct vmc_patches {
    uint16_t at[VMC_PARSE_PATCHES_MAX];
    uint32_t count;
};

struct vmc_loop {
    struct vmc_patches breaks, continues;
    struct vmc_loop *outer;
};

struct vmc_call {
    struct vmc_patches returns;
    uint8_t dst;
};

struct vmc_parser {
    struct vmc_life_program *program;
    const struct vmc_life_config *config;
    const char *path;
    struct vmc_error *error;
    enum vmc_status status;
    struct vmc_scan scan;
    uint32_t at; /**< the token that is read next */
    struct vmc_name names[VMC_PARSE_NAMES_MAX]; /**< later ones hide */
    uint32_t name_count;
    uint32_t scope;        /**< names from here on are of this procedure */
    uint32_t global_count; /**< names below are seen everywhere */
    struct vmc_proc procs[VMC_PARSE_PROCS_MAX];
    uint32_t proc_count;
    struct vmc_loop *loop;
    struct vmc_call *call;
    uint32_t depth;
    uint8_t local_count;
    uint8_t guard; /**< for the next visible operation */
};

/* ---- names.c --------------------------------------------------------------
 */

/** Fail at the token now read, once. Returns false. */
bool vmc_parse_fail(struct vmc_parser *parser, const char *what);

const struct vmc_token *vmc_parse_token(const struct vmc_parser *parser);
/** Take the token if it is @text. */
bool vmc_parse_take(struct vmc_parser *parser, const char *text);
/** Take it, or fail: "expected @text". */
void vmc_parse_need(struct vmc_parser *parser, const char *text);
/** Take a word into @name, which has VMC_LIFE_NAME_BYTES. */
void vmc_parse_word(struct vmc_parser *parser, char *name);
void vmc_parse_line_end(struct vmc_parser *parser);

void vmc_parse_add_name(struct vmc_parser *parser, const char *text,
                        struct vmc_life_operand operand);
const struct vmc_name *vmc_parse_find(const struct vmc_parser *parser,
                                      const char *text);

/** Read a number: digits, parameters and sums of them. */
int32_t vmc_parse_constant(struct vmc_parser *parser);

/** Read anything that can stand as an argument. */
struct vmc_life_operand vmc_parse_operand(struct vmc_parser *parser);

/** Read NAME or NAME[constant] into @name. */
void vmc_parse_indexed(struct vmc_parser *parser, char *name);

/** Evaluate the condition of `when`: flags, joined by `or`, after `not`. */
bool vmc_parse_flags(struct vmc_parser *parser);
bool vmc_parse_has_flag(const struct vmc_parser *parser, const char *name);

/** Skip lines until the `end`, or `else` if @to_else, of this block. */
void vmc_parse_skip(struct vmc_parser *parser, bool to_else);

/** Behind "when": the flags, then what @branch reads of the one that holds,
 * up to what ends the block. */
void vmc_parse_when(struct vmc_parser *parser,
                    void (*branch)(struct vmc_parser *parser));

/* ---- code.c ---------------------------------------------------------------
 */

/** Compile statements up to an `end` or `else`, which is not taken. */
void vmc_parse_statements(struct vmc_parser *parser);

/** The same for a whole task or work procedure, which `return` leaves. */
void vmc_parse_body(struct vmc_parser *parser);

/** Append an instruction; returns where it is. */
uint16_t vmc_parse_emit(struct vmc_parser *parser, struct vmc_life_instr instr);

#endif
