/* SPDX-License-Identifier: MIT */
/* What words mean: tokens taken one by one, names looked up, arguments read. */
#include <stdio.h>
#include <string.h>

#include "vcpu/parse_priv.h"

bool vmc_parse_fail(struct vmc_parser *parser, const char *what)
{
    const struct vmc_token *token = &parser->scan.tokens[parser->at];

    if (parser->status != VMC_OK) {
        return false;
    }
    if (token->line == 0) { /* in a built-in text: blame its caller */
        parser->status =
            vmc_fail(parser->error, VMC_E_FORMAT, "%s: built-in, at '%.*s': %s",
                     parser->path, (int)token->length, token->text, what);
    } else if (token->kind == VMC_TOKEN_LINE || token->kind == VMC_TOKEN_END) {
        parser->status =
            vmc_fail(parser->error, VMC_E_FORMAT,
                     "%s:%u:%u: %s, found the "
                     "end of the line",
                     parser->path, token->line, token->column, what);
    } else {
        parser->status =
            vmc_fail(parser->error, VMC_E_FORMAT, "%s:%u:%u: %s, found '%.*s'",
                     parser->path, token->line, token->column, what,
                     (int)token->length, token->text);
    }
    return false;
}

const struct vmc_token *vmc_parse_token(const struct vmc_parser *parser)
{
    return &parser->scan.tokens[parser->at];
}

bool vmc_parse_take(struct vmc_parser *parser, const char *text)
{
    if (parser->status != VMC_OK ||
        !vmc_token_is(vmc_parse_token(parser), text)) {
        return false;
    }
    parser->at++;
    return true;
}

void vmc_parse_need(struct vmc_parser *parser, const char *text)
{
    char what[64];

    if (!vmc_parse_take(parser, text)) {
        (void)snprintf(what, sizeof(what), "expected '%s'", text);
        vmc_parse_fail(parser, what);
    }
}

static void copy_word(char *name, const struct vmc_token *token)
{
    (void)snprintf(name, VMC_LIFE_NAME_BYTES, "%.*s", (int)token->length,
                   token->text);
}

void vmc_parse_word(struct vmc_parser *parser, char *name)
{
    const struct vmc_token *token = vmc_parse_token(parser);

    name[0] = '\0';
    if (parser->status != VMC_OK) {
        return;
    }
    if (token->kind != VMC_TOKEN_WORD) {
        vmc_parse_fail(parser, "expected a name");
        return;
    }
    copy_word(name, token);
    parser->at++;
}

void vmc_parse_line_end(struct vmc_parser *parser)
{
    const struct vmc_token *token = vmc_parse_token(parser);

    if (parser->status != VMC_OK || token->kind == VMC_TOKEN_END) {
        return;
    }
    if (token->kind != VMC_TOKEN_LINE) {
        vmc_parse_fail(parser, "expected the end of the line");
        return;
    }
    parser->at++;
}

const struct vmc_name *vmc_parse_find(const struct vmc_parser *parser,
                                      const char *text)
{
    for (uint32_t i = parser->name_count; i-- > 0;) {
        bool is_seen = i >= parser->scope || i < parser->global_count;

        if (is_seen && strcmp(parser->names[i].text, text) == 0) {
            return &parser->names[i];
        }
    }
    return NULL;
}

void vmc_parse_add_name(struct vmc_parser *parser, const char *text,
                        struct vmc_life_operand operand)
{
    if (parser->status != VMC_OK) {
        return;
    }
    if (parser->name_count == VMC_PARSE_NAMES_MAX) {
        vmc_parse_fail(parser, "too many names");
        return;
    }
    (void)snprintf(parser->names[parser->name_count].text, VMC_LIFE_NAME_BYTES,
                   "%s", text);
    parser->names[parser->name_count++].operand = operand;
}

static int32_t one_constant(struct vmc_parser *parser)
{
    const struct vmc_token *token = vmc_parse_token(parser);
    char text[VMC_LIFE_NAME_BYTES];
    const struct vmc_name *name;

    if (parser->status != VMC_OK) {
        return 0;
    }
    if (vmc_parse_take(parser, "-")) {
        return -one_constant(parser);
    }
    if (token->kind == VMC_TOKEN_NUMBER) {
        parser->at++;
        return token->number;
    }
    copy_word(text, token);
    name = token->kind == VMC_TOKEN_WORD ? vmc_parse_find(parser, text) : NULL;
    if (name == NULL || name->operand.kind != VMC_OPERAND_INT) {
        vmc_parse_fail(parser, "expected a number or a parameter");
        return 0;
    }
    parser->at++;
    return name->operand.value;
}

int32_t vmc_parse_constant(struct vmc_parser *parser)
{
    int32_t sum = one_constant(parser);

    for (;;) {
        if (vmc_parse_take(parser, "+")) {
            sum += one_constant(parser);
        } else if (vmc_parse_take(parser, "-")) {
            sum -= one_constant(parser);
        } else {
            break;
        }
    }
    if (sum < INT16_MIN || sum > INT16_MAX) {
        vmc_parse_fail(parser, "number outside 16 bits");
        return 0;
    }
    return sum;
}

void vmc_parse_indexed(struct vmc_parser *parser, char *name)
{
    char text[VMC_LIFE_NAME_BYTES];

    vmc_parse_word(parser, text);
    (void)snprintf(name, VMC_LIFE_NAME_BYTES, "%s", text);
    if (vmc_parse_take(parser, "[")) {
        text[VMC_LIFE_NAME_BYTES - 10] = '\0';
        (void)snprintf(name, VMC_LIFE_NAME_BYTES, "%.20s[%d]", text,
                       (int)vmc_parse_constant(parser));
        vmc_parse_need(parser, "]");
    }
}

/* NAME[local]: one of a family of shared variables, told at run time. */
static struct vmc_life_operand shared_at(struct vmc_parser *parser,
                                         const char *family)
{
    char text[VMC_LIFE_NAME_BYTES], first[2 * VMC_LIFE_NAME_BYTES];
    const struct vmc_name *local, *base = NULL;
    struct vmc_life_operand operand = {.kind = VMC_OPERAND_SHARED_AT};
    uint8_t limit = 0;

    vmc_parse_word(parser, text);
    local = vmc_parse_find(parser, text);
    for (int i = 0; i < VMC_LIFE_SHARED_MAX; i++) {
        const struct vmc_name *member;

        (void)snprintf(first, sizeof(first), "%.20s[%d]", family, i);
        member = vmc_parse_find(parser, first);
        if (member == NULL || member->operand.kind != VMC_OPERAND_SHARED) {
            break;
        }
        base = base != NULL ? base : member;
        limit++;
    }
    if (base == NULL || local == NULL ||
        local->operand.kind != VMC_OPERAND_LOCAL) {
        vmc_parse_fail(parser, "expected an index into shared variables");
        return operand;
    }
    operand.index = base->operand.index;
    operand.base = limit;
    operand.value = local->operand.index;
    vmc_parse_need(parser, "]");
    return operand;
}

/* OBJECT.id, OBJECT.mutex or OBJECT.field, the dot already taken. */
static struct vmc_life_operand member(struct vmc_parser *parser,
                                      struct vmc_life_operand base)
{
    struct vmc_life_operand operand = {
        .base_is_local = base.kind == VMC_OPERAND_LOCAL,
        .base = base.index,
    };
    char text[VMC_LIFE_NAME_BYTES];

    if (base.kind != VMC_OPERAND_LOCAL && base.kind != VMC_OPERAND_OBJECT) {
        vmc_parse_fail(parser, "only an object has members");
        return operand;
    }
    vmc_parse_word(parser, text);
    if (strcmp(text, "id") == 0) {
        operand.kind = VMC_OPERAND_ID;
        return operand;
    }
    if (strcmp(text, "mutex") == 0) {
        operand.kind = VMC_OPERAND_MUTEX;
        return operand;
    }
    for (uint32_t i = 0; i < parser->program->field_count; i++) {
        if (strcmp(parser->program->field_names[i], text) == 0) {
            operand.kind = VMC_OPERAND_FIELD;
            operand.index = (uint8_t)i;
            return operand;
        }
    }
    parser->at--;
    vmc_parse_fail(parser, "no such member");
    return operand;
}

struct vmc_life_operand vmc_parse_operand(struct vmc_parser *parser)
{
    struct vmc_life_operand operand = {.kind = VMC_OPERAND_NONE};
    const struct vmc_token *token = vmc_parse_token(parser);
    const struct vmc_name *name;
    char text[VMC_LIFE_NAME_BYTES];

    if (parser->status != VMC_OK) {
        return operand;
    }
    if (token->kind == VMC_TOKEN_NUMBER || vmc_token_is(token, "-")) {
        operand.kind = VMC_OPERAND_INT;
        operand.value = (int16_t)vmc_parse_constant(parser);
        return operand;
    }
    if (vmc_parse_take(parser, "null")) {
        operand.kind = VMC_OPERAND_NULL;
        return operand;
    }
    if (token->kind == VMC_TOKEN_WORD && vmc_token_is(token + 1, "[") &&
        token[2].kind == VMC_TOKEN_WORD) {
        copy_word(text, &token[2]);
        name = vmc_parse_find(parser, text);
        if (name != NULL && name->operand.kind == VMC_OPERAND_LOCAL) {
            copy_word(text, token);
            parser->at += 2;
            return shared_at(parser, text);
        }
    }
    vmc_parse_indexed(parser, text);
    if (parser->status != VMC_OK) {
        return operand;
    }
    name = vmc_parse_find(parser, text);
    if (name == NULL) {
        parser->at = (uint32_t)(token - parser->scan.tokens);
        vmc_parse_fail(parser, "no such name");
        return operand;
    }
    if (vmc_parse_take(parser, ".")) {
        return member(parser, name->operand);
    }
    if (name->operand.kind == VMC_OPERAND_INT &&
        (vmc_token_is(vmc_parse_token(parser), "+") ||
         vmc_token_is(vmc_parse_token(parser), "-"))) {
        parser->at--;
        operand.kind = VMC_OPERAND_INT;
        operand.value = (int16_t)vmc_parse_constant(parser);
        return operand;
    }
    return name->operand;
}

bool vmc_parse_has_flag(const struct vmc_parser *parser, const char *name)
{
    const struct vmc_life_program *program = parser->program;

    for (uint32_t i = 0; i < program->flag_count; i++) {
        if (strcmp(program->flags[i], name) == 0) {
            return true;
        }
    }
    return false;
}

bool vmc_parse_flags(struct vmc_parser *parser)
{
    bool is_not = vmc_parse_take(parser, "not");
    bool any = false;
    char text[VMC_LIFE_NAME_BYTES];

    do {
        vmc_parse_word(parser, text);
        any = vmc_parse_has_flag(parser, text) || any;
    } while (vmc_parse_take(parser, "or"));
    return any != is_not;
}

/* True when a line that begins with @token opens a block. */
static bool opens_block(const struct vmc_token *token)
{
    static const char *const openers[] = {"when",   "if",   "while", "for",
                                          "task",   "proc", "work",  "choose",
                                          "repeat", "each", "loop"};

    for (size_t i = 0; i < VMC_COUNT_OF(openers); i++) {
        if (vmc_token_is(token, openers[i])) {
            return true;
        }
    }
    return false;
}

void vmc_parse_skip(struct vmc_parser *parser, bool to_else)
{
    uint32_t depth = 0;

    while (parser->status == VMC_OK) {
        const struct vmc_token *token = vmc_parse_token(parser);

        if (token->kind == VMC_TOKEN_END) {
            vmc_parse_fail(parser, "expected 'end'");
            return;
        }
        if (vmc_token_is(token, "end") && depth-- == 0) {
            return;
        }
        if (to_else && depth == 0 && vmc_token_is(token, "else")) {
            return;
        }
        depth += opens_block(token);
        while (token->kind != VMC_TOKEN_LINE) {
            token++;
        }
        parser->at = (uint32_t)(token - parser->scan.tokens) + 1;
    }
}
