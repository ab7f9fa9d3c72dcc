/* SPDX-License-Identifier: MIT */
/* Statements become instructions as they are read, with jumps patched when
 * their target is reached. A procedure is expanded where it is called, by
 * reading its tokens once more with its parameters bound to the arguments, so
 * there is no call stack while a run goes on. */
#include <stdio.h>
#include <string.h>

#include "vcpu/parse_priv.h"

uint16_t vmc_parse_emit(struct vmc_parser *parser, struct vmc_life_instr instr)
{
    struct vmc_life_program *program = parser->program;
    const struct vmc_token *token = vmc_parse_token(parser);

    if (parser->status != VMC_OK) {
        return 0;
    }
    if (program->code_count == VMC_LIFE_CODE_MAX) {
        vmc_parse_fail(parser, "too much code for one scenario");
        return 0;
    }
    if (instr.line == 0) {
        instr.line = (uint16_t)token->line;
        instr.column = token->column;
    }
    if (instr.op >= VMC_OP_VISIBLE) {
        instr.guard = parser->guard;
        parser->guard = 0;
    }
    program->code[program->code_count] = instr;
    return (uint16_t)program->code_count++;
}

static uint16_t here(const struct vmc_parser *parser)
{
    return (uint16_t)parser->program->code_count;
}

static void patch_later(struct vmc_parser *parser, struct vmc_patches *patches,
                        uint16_t at)
{
    if (patches->count == VMC_PARSE_PATCHES_MAX) {
        vmc_parse_fail(parser, "too many jumps out of one block");
        return;
    }
    patches->at[patches->count++] = at;
}

static void patch_all(struct vmc_parser *parser,
                      const struct vmc_patches *patches)
{
    for (uint32_t i = 0; i < patches->count; i++) {
        parser->program->code[patches->at[i]].target = here(parser);
    }
}

static uint16_t emit_jump(struct vmc_parser *parser, enum vmc_life_op op,
                          uint8_t local, uint16_t target)
{
    struct vmc_life_instr instr = {
        .op = (uint8_t)op,
        .dst = VMC_LIFE_NOBODY,
        .target = target,
        .a = {.kind = VMC_OPERAND_LOCAL, .index = local},
    };

    return vmc_parse_emit(parser, instr);
}

static uint8_t new_local(struct vmc_parser *parser)
{
    if (parser->local_count == VMC_LIFE_LOCALS_MAX) {
        vmc_parse_fail(parser, "too many variables in one task");
        return 0;
    }
    return parser->local_count++;
}

static void emit_move(struct vmc_parser *parser, uint8_t dst,
                      struct vmc_life_operand from)
{
    struct vmc_life_instr instr = {.op = VMC_OP_MOVE, .dst = dst, .a = from};

    vmc_parse_emit(parser, instr);
}

static struct vmc_life_operand int_operand(int16_t value)
{
    return (struct vmc_life_operand){.kind = VMC_OPERAND_INT, .value = value};
}

static int find_op(const struct vmc_token *token)
{
    for (int op = VMC_OP_VISIBLE; op < VMC_OP_CHOOSE; op++) {
        if (op != VMC_OP_SYNC_END && op != VMC_OP_SSYNC_END &&
            vmc_token_is(token, vmc_life_op_word((enum vmc_life_op)op))) {
            return op;
        }
    }
    return 0;
}

static const struct vmc_proc *find_proc(const struct vmc_parser *parser,
                                        const struct vmc_token *token)
{
    for (uint32_t i = parser->proc_count; i-- > 0;) {
        if (vmc_token_is(token, parser->procs[i].name)) {
            return &parser->procs[i];
        }
    }
    return NULL;
}

/* Whether @operand may stand for the letter @shape. */
static bool fits(char shape, const struct vmc_life_operand *operand)
{
    switch (shape) {
    case 'v':
        return operand->kind == VMC_OPERAND_LOCAL ||
               operand->kind == VMC_OPERAND_OBJECT;
    case 'n':
        return operand->kind <= VMC_OPERAND_ID;
    case 's':
        return operand->kind >= VMC_OPERAND_SHARED &&
               operand->kind <= VMC_OPERAND_FIELD;
    case 'l':
        return operand->kind == VMC_OPERAND_LOCK ||
               operand->kind == VMC_OPERAND_MUTEX;
    case 't':
        return operand->kind == VMC_OPERAND_TAG;
    case 'd':
        return operand->kind == VMC_OPERAND_DOMAIN;
    case 'q':
        return operand->kind == VMC_OPERAND_QUEUE;
    case 'h':
        return operand->kind == VMC_OPERAND_HANDLER;
    case 'f':
        return operand->kind == VMC_OPERAND_LOCAL ||
               operand->kind == VMC_OPERAND_OBJECT ||
               operand->kind == VMC_OPERAND_VM_FD;
    default:
        return false;
    }
}

static const char *wanted(char shape)
{
    switch (shape) {
    case 's':
        return "expected a shared variable or a field";
    case 'l':
        return "expected a lock";
    case 't':
        return "expected a tag";
    case 'd':
        return "expected an SRCU domain";
    case 'q':
        return "expected a work queue";
    case 'h':
        return "expected a work procedure";
    case 'n':
        return "expected a value";
    default:
        return "expected an object";
    }
}

static struct vmc_life_operand argument(struct vmc_parser *parser, char shape)
{
    uint32_t start = parser->at;
    struct vmc_life_operand operand = vmc_parse_operand(parser);

    if (shape == 'f' && operand.kind == VMC_OPERAND_TAG && operand.index == 0) {
        operand.kind = VMC_OPERAND_VM_FD;
    }
    if (parser->status == VMC_OK && !fits(shape, &operand)) {
        parser->at = start;
        vmc_parse_fail(parser, wanted(shape));
    }
    return operand;
}

static bool at_value(const struct vmc_parser *parser)
{
    const struct vmc_token *token = vmc_parse_token(parser);

    return token->kind == VMC_TOKEN_WORD || token->kind == VMC_TOKEN_NUMBER;
}

/* One visible operation, its word at the cursor. */
static void operation(struct vmc_parser *parser, enum vmc_life_op op,
                      uint8_t dst)
{
    const struct vmc_token *token = vmc_parse_token(parser);
    struct vmc_life_instr instr = {
        .op = (uint8_t)op,
        .dst = dst,
        .line = (uint16_t)token->line,
        .column = token->column,
    };
    struct vmc_life_operand *const slots[] = {&instr.a, &instr.b, &instr.c};
    uint32_t used = 0;
    bool gives = false;

    for (const char *s = vmc_life_op_shape(op); *s != '\0'; s++) {
        gives = gives || *s == '>';
    }
    if (dst != VMC_LIFE_NOBODY && !gives) {
        vmc_parse_fail(parser, "this operation gives no result");
    }
    parser->at++;
    for (const char *s = vmc_life_op_shape(op); *s != '\0' && *s != '>'; s++) {
        if (*s == '?' && !at_value(parser)) {
            break;
        }
        if (*s != '?') {
            *slots[used++] = argument(parser, *s);
        }
    }
    vmc_parse_emit(parser, instr);
    if (op == VMC_OP_SYNC_START || op == VMC_OP_SSYNC_START) {
        instr.op = op == VMC_OP_SYNC_START ? VMC_OP_SYNC_END : VMC_OP_SSYNC_END;
        vmc_parse_emit(parser, instr);
    }
}

/* Expand a procedure, its name at the cursor; its result goes to @dst. */
static void expand(struct vmc_parser *parser, const struct vmc_proc *proc,
                   uint8_t dst)
{
    struct vmc_call call = {.dst = dst}, *outer_call = parser->call;
    struct vmc_loop *outer_loop = parser->loop;
    struct vmc_life_operand args[VMC_PARSE_ARGS_MAX];
    const struct vmc_token *param = &parser->scan.tokens[proc->params];
    uint32_t names = parser->name_count, scope = parser->scope, count = 0, at;
    uint8_t locals = parser->local_count;

    if (parser->depth == VMC_PARSE_DEPTH_MAX) {
        vmc_parse_fail(parser, "procedures call one another without end");
        return;
    }
    parser->at++;
    for (; param->kind == VMC_TOKEN_WORD; param++, count++) {
        args[count] = vmc_parse_operand(parser);
    }
    if (dst != VMC_LIFE_NOBODY) {
        emit_move(parser, dst, int_operand(0));
    }
    at = parser->at;
    parser->scope = names;
    for (uint32_t i = 0; i < count; i++) {
        char text[VMC_LIFE_NAME_BYTES];

        parser->at = proc->params + i;
        vmc_parse_word(parser, text);
        vmc_parse_add_name(parser, text, args[i]);
    }
    parser->at = proc->body;
    parser->call = &call;
    parser->loop = NULL;
    parser->depth++;
    vmc_parse_statements(parser);
    patch_all(parser, &call.returns);
    parser->depth--;
    parser->call = outer_call;
    parser->loop = outer_loop;
    parser->name_count = names;
    parser->scope = scope;
    parser->local_count = locals;
    if (parser->status == VMC_OK) {
        parser->at = at;
    }
}

/* Anything with a value: operation, procedure, operand or sum, into @dst. */
static void expression(struct vmc_parser *parser, uint8_t dst)
{
    const struct vmc_token *token = vmc_parse_token(parser);
    int op = find_op(token);
    const struct vmc_proc *proc = find_proc(parser, token);
    struct vmc_life_instr instr = {.op = VMC_OP_PLUS, .dst = dst};

    if (op != 0) {
        operation(parser, (enum vmc_life_op)op, dst);
        return;
    }
    if (proc != NULL) {
        expand(parser, proc, dst);
        return;
    }
    instr.a = vmc_parse_operand(parser);
    if (parser->status == VMC_OK && !fits('n', &instr.a)) {
        vmc_parse_fail(parser, "expected a value (load reads a shared one)");
    }
    if (vmc_parse_take(parser, "+")) {
        instr.b = argument(parser, 'n');
        vmc_parse_emit(parser, instr);
    } else {
        emit_move(parser, dst, instr.a);
    }
}

/* A condition; its truth goes to the local that is returned. */
static uint8_t condition(struct vmc_parser *parser, bool *is_not)
{
    static const struct {
        const char *sign;
        enum vmc_compare compare;
    } compares[] = {
        {"==", VMC_EQ}, {"!=", VMC_NE}, {"<=", VMC_LE}, {"<", VMC_LT}};
    uint8_t local;

    *is_not = vmc_parse_take(parser, "not");
    local = new_local(parser);
    expression(parser, local);
    for (size_t i = 0; i < VMC_COUNT_OF(compares); i++) {
        if (vmc_parse_take(parser, compares[i].sign)) {
            struct vmc_life_instr instr = {
                .op = VMC_OP_COMPARE,
                .dst = local,
                .flag = (uint8_t)compares[i].compare,
                .a = {.kind = VMC_OPERAND_LOCAL, .index = local},
            };

            instr.b = argument(parser, 'n');
            vmc_parse_emit(parser, instr);
            break;
        }
    }
    parser->local_count--; /* it is looked at once, at once */
    return local;
}

static void block_end(struct vmc_parser *parser)
{
    vmc_parse_need(parser, "end");
    vmc_parse_line_end(parser);
}

static void if_statement(struct vmc_parser *parser)
{
    struct vmc_patches past_then = {0}, past_else = {0};
    bool is_not;
    uint8_t local = condition(parser, &is_not);

    vmc_parse_line_end(parser);
    patch_later(parser, &past_then,
                emit_jump(parser, is_not ? VMC_OP_JUMP_TRUE : VMC_OP_JUMP_FALSE,
                          local, 0));
    vmc_parse_statements(parser);
    if (vmc_parse_take(parser, "else")) {
        patch_later(parser, &past_else, emit_jump(parser, VMC_OP_JUMP, 0, 0));
        patch_all(parser, &past_then);
        past_then.count = 0;
        if (vmc_parse_take(parser, "if")) {
            if_statement(parser);
            patch_all(parser, &past_else);
            return;
        }
        vmc_parse_line_end(parser);
        vmc_parse_statements(parser);
    }
    patch_all(parser, &past_then);
    patch_all(parser, &past_else);
    block_end(parser);
}

static void while_statement(struct vmc_parser *parser, bool is_endless)
{
    struct vmc_loop loop = {.outer = parser->loop};
    uint16_t top = here(parser);

    if (!is_endless) {
        bool is_not;
        uint8_t local = condition(parser, &is_not);

        patch_later(parser, &loop.breaks,
                    emit_jump(parser,
                              is_not ? VMC_OP_JUMP_TRUE : VMC_OP_JUMP_FALSE,
                              local, 0));
    }
    vmc_parse_line_end(parser);
    parser->loop = &loop;
    vmc_parse_statements(parser);
    parser->loop = loop.outer;
    for (uint32_t i = 0; i < loop.continues.count; i++) {
        parser->program->code[loop.continues.at[i]].target = top;
    }
    emit_jump(parser, VMC_OP_JUMP, 0, top);
    patch_all(parser, &loop.breaks);
    block_end(parser);
}

/* A local of the name at the cursor, made if there is none. */
static uint8_t local_for(struct vmc_parser *parser)
{
    char text[VMC_LIFE_NAME_BYTES];
    const struct vmc_name *name;
    struct vmc_life_operand operand = {.kind = VMC_OPERAND_LOCAL};

    vmc_parse_word(parser, text);
    name = vmc_parse_find(parser, text);
    if (name != NULL && name->operand.kind == VMC_OPERAND_LOCAL) {
        return name->operand.index;
    }
    if (name != NULL) {
        parser->at--;
        vmc_parse_fail(parser, "this name cannot be assigned to "
                               "(store writes a shared one)");
        return 0;
    }
    operand.index = new_local(parser);
    vmc_parse_add_name(parser, text, operand);
    return operand.index;
}

/* for VAR in list: first and next, with the step at the end of each round. */
static void for_statement(struct vmc_parser *parser)
{
    struct vmc_loop loop = {.outer = parser->loop};
    uint8_t local = local_for(parser);
    struct vmc_life_instr step = {.op = VMC_OP_FIRST, .dst = local};
    uint16_t top;

    vmc_parse_need(parser, "in");
    vmc_parse_need(parser, "list");
    vmc_parse_emit(parser, step);
    vmc_parse_line_end(parser);
    top = here(parser);
    patch_later(parser, &loop.breaks,
                emit_jump(parser, VMC_OP_JUMP_FALSE, local, 0));
    parser->loop = &loop;
    vmc_parse_statements(parser);
    parser->loop = loop.outer;
    patch_all(parser, &loop.continues);
    step.op = VMC_OP_NEXT;
    step.a =
        (struct vmc_life_operand){.kind = VMC_OPERAND_LOCAL, .index = local};
    vmc_parse_emit(parser, step);
    emit_jump(parser, VMC_OP_JUMP, 0, top);
    patch_all(parser, &loop.breaks);
    block_end(parser);
}

/* repeat N: a counted loop; the count is a local like any other. */
static void repeat_statement(struct vmc_parser *parser)
{
    struct vmc_loop loop = {.outer = parser->loop};
    int32_t rounds = vmc_parse_constant(parser);
    uint8_t local = new_local(parser);
    struct vmc_life_instr minus = {
        .op = VMC_OP_PLUS,
        .dst = local,
        .a = {.kind = VMC_OPERAND_LOCAL, .index = local},
        .b = int_operand(-1),
    };
    uint16_t top;

    vmc_parse_line_end(parser);
    emit_move(parser, local, int_operand((int16_t)rounds));
    top = here(parser);
    patch_later(parser, &loop.breaks,
                emit_jump(parser, VMC_OP_JUMP_FALSE, local, 0));
    parser->loop = &loop;
    vmc_parse_statements(parser);
    parser->loop = loop.outer;
    patch_all(parser, &loop.continues);
    vmc_parse_emit(parser, minus);
    emit_jump(parser, VMC_OP_JUMP, 0, top);
    patch_all(parser, &loop.breaks);
    block_end(parser);
}

/* each NAME in A .. B: the body once for each number, while compiling. */
static void each_statement(struct vmc_parser *parser)
{
    char text[VMC_LIFE_NAME_BYTES];
    int32_t first, last;
    uint32_t names = parser->name_count, body;
    uint8_t locals = parser->local_count;

    vmc_parse_word(parser, text);
    vmc_parse_need(parser, "in");
    first = vmc_parse_constant(parser);
    vmc_parse_need(parser, "..");
    last = vmc_parse_constant(parser);
    vmc_parse_line_end(parser);
    body = parser->at;
    if (first > last) {
        vmc_parse_skip(parser, false);
    }
    for (int32_t i = first; i <= last && parser->status == VMC_OK; i++) {
        parser->at = body;
        vmc_parse_add_name(parser, text, int_operand((int16_t)i));
        vmc_parse_statements(parser);
        parser->name_count = names;
        parser->local_count = locals;
    }
    block_end(parser);
}

/* choose / or / end: which branch is a decision of the explorer. */
static void choose_statement(struct vmc_parser *parser)
{
    uint8_t local = new_local(parser), branch = 0;
    struct vmc_life_instr choose = {.op = VMC_OP_CHOOSE, .dst = local};
    struct vmc_life_instr compare = {
        .op = VMC_OP_COMPARE,
        .dst = local,
        .flag = VMC_EQ,
        .a = {.kind = VMC_OPERAND_LOCAL, .index = local},
    };
    struct vmc_patches ends = {0};
    uint8_t truth = new_local(parser);
    uint16_t at = vmc_parse_emit(parser, choose);

    do {
        struct vmc_patches next = {0};

        vmc_parse_line_end(parser);
        compare.dst = truth;
        compare.b = int_operand(branch++);
        vmc_parse_emit(parser, compare);
        patch_later(parser, &next,
                    emit_jump(parser, VMC_OP_JUMP_FALSE, truth, 0));
        vmc_parse_statements(parser);
        patch_later(parser, &ends, emit_jump(parser, VMC_OP_JUMP, 0, 0));
        patch_all(parser, &next);
    } while (vmc_parse_take(parser, "or"));
    if (branch > VMC_LIFE_ALTERNATIVES) {
        vmc_parse_fail(parser, "too many branches in one choice");
    }
    if (parser->status == VMC_OK) {
        parser->program->code[at].a = int_operand(branch);
    }
    patch_all(parser, &ends);
    block_end(parser);
    parser->local_count = local;
}

static void when_statement(struct vmc_parser *parser)
{
    vmc_parse_when(parser, vmc_parse_statements);
    block_end(parser);
}

static void return_statement(struct vmc_parser *parser)
{
    if (at_value(parser)) {
        if (parser->call->dst != VMC_LIFE_NOBODY) {
            expression(parser, parser->call->dst);
        } else {
            (void)argument(parser, 'n');
        }
    }
    patch_later(parser, &parser->call->returns,
                emit_jump(parser, VMC_OP_JUMP, 0, 0));
}

/* fail Vnn [object] */
static void fail_statement(struct vmc_parser *parser)
{
    char text[VMC_LIFE_NAME_BYTES];
    struct vmc_life_instr instr = {.op = VMC_OP_FAIL, .dst = VMC_LIFE_NOBODY};

    vmc_parse_word(parser, text);
    instr.flag = (uint8_t)vmc_rule_find(text);
    if (instr.flag == VMC_RULE_NONE) {
        parser->at--;
        vmc_parse_fail(parser, "no such rule");
    }
    if (at_value(parser)) {
        instr.a = argument(parser, 'v');
    }
    vmc_parse_emit(parser, instr);
}

static void leave_loop(struct vmc_parser *parser, bool is_break)
{
    if (parser->loop == NULL) {
        parser->at--;
        vmc_parse_fail(parser, "not inside a loop");
        return;
    }
    patch_later(parser,
                is_break ? &parser->loop->breaks : &parser->loop->continues,
                emit_jump(parser, VMC_OP_JUMP, 0, 0));
}

static void guard_statement(struct vmc_parser *parser)
{
    struct vmc_life_operand operand = argument(parser, 's');

    if (operand.kind != VMC_OPERAND_SHARED) {
        vmc_parse_fail(parser, "a guard is one shared variable");
    }
    parser->guard = (uint8_t)(operand.index + 1);
}

static void var_statement(struct vmc_parser *parser)
{
    struct vmc_life_instr instr = {.op = VMC_OP_POISON};

    instr.dst = local_for(parser);
    vmc_parse_emit(parser, instr);
}

/* A statement that begins with its own word and ends with the line. */
static bool simple_statement(struct vmc_parser *parser)
{
    if (vmc_parse_take(parser, "break")) {
        leave_loop(parser, true);
    } else if (vmc_parse_take(parser, "continue")) {
        leave_loop(parser, false);
    } else if (vmc_parse_take(parser, "return")) {
        return_statement(parser);
    } else if (vmc_parse_take(parser, "fail")) {
        fail_statement(parser);
    } else if (vmc_parse_take(parser, "guard")) {
        guard_statement(parser);
    } else if (vmc_parse_take(parser, "var")) {
        var_statement(parser);
    } else if (vmc_parse_take(parser, "pass")) {
        return true; /* nothing, said aloud */
    } else {
        return false;
    }
    return true;
}

static bool block_statement(struct vmc_parser *parser)
{
    if (vmc_parse_take(parser, "if")) {
        if_statement(parser);
    } else if (vmc_parse_take(parser, "while")) {
        while_statement(parser, false);
    } else if (vmc_parse_take(parser, "loop")) {
        while_statement(parser, true);
    } else if (vmc_parse_take(parser, "for")) {
        for_statement(parser);
    } else if (vmc_parse_take(parser, "repeat")) {
        repeat_statement(parser);
    } else if (vmc_parse_take(parser, "each")) {
        each_statement(parser);
    } else if (vmc_parse_take(parser, "choose")) {
        choose_statement(parser);
    } else if (vmc_parse_take(parser, "when")) {
        when_statement(parser);
    } else {
        return false;
    }
    return true;
}

static void statement(struct vmc_parser *parser)
{
    const struct vmc_token *token = vmc_parse_token(parser);
    int op = find_op(token);
    const struct vmc_proc *proc = find_proc(parser, token);

    if (token->kind != VMC_TOKEN_WORD) {
        vmc_parse_fail(parser, "expected a statement");
        return;
    }
    if (vmc_token_is(token + 1, "=")) {
        uint8_t local = local_for(parser);

        parser->at++;
        expression(parser, local);
    } else if (op != 0) {
        operation(parser, (enum vmc_life_op)op, VMC_LIFE_NOBODY);
    } else if (proc != NULL) {
        expand(parser, proc, VMC_LIFE_NOBODY);
    } else if (!simple_statement(parser)) {
        if (!block_statement(parser)) {
            vmc_parse_fail(parser, "no such operation or procedure");
        }
        return;
    }
    vmc_parse_line_end(parser);
}

void vmc_parse_statements(struct vmc_parser *parser)
{
    while (parser->status == VMC_OK) {
        const struct vmc_token *token = vmc_parse_token(parser);

        if (token->kind == VMC_TOKEN_END || vmc_token_is(token, "end") ||
            vmc_token_is(token, "else") || vmc_token_is(token, "or")) {
            return;
        }
        statement(parser);
    }
}

void vmc_parse_body(struct vmc_parser *parser)
{
    struct vmc_call call = {.dst = VMC_LIFE_NOBODY};

    parser->call = &call;
    vmc_parse_statements(parser);
    patch_all(parser, &call.returns);
    parser->call = NULL;
}
