/* SPDX-License-Identifier: MIT */
/* Declarations: what exists when a run starts, and which tasks there are.
 *
 * Variants are looked up in a first pass over the lines, because `when` may
 * stand anywhere; the second pass does everything else in the order of the
 * file, so a name is declared before it is used. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vcpu/life_priv.h"
#include "vcpu/parse_priv.h"
#include "vcpu/protocol.h"

enum {
    FILE_BYTES_MAX = 1 << 20,
    SEED_DEFECTS = 33,
    STALL_S = 21, /* of Linux, Documentation/RCU/stallwarn.rst */
};

static void declarations(struct vmc_parser *parser);

static void add_global(struct vmc_parser *parser, const char *text,
                       enum vmc_operand_kind kind, uint32_t index,
                       int32_t value)
{
    struct vmc_life_operand operand = {
        .kind = (uint8_t)kind,
        .index = (uint8_t)index,
        .value = (int16_t)value,
    };

    if (parser->status == VMC_OK && vmc_parse_find(parser, text) != NULL) {
        parser->at--;
        vmc_parse_fail(parser, "this name is taken");
        return;
    }
    vmc_parse_add_name(parser, text, operand);
    parser->global_count = parser->scope = parser->name_count;
}

static void add_flag(struct vmc_parser *parser, const char *name)
{
    struct vmc_life_program *program = parser->program;

    if (program->flag_count == VMC_LIFE_FLAGS_MAX) {
        vmc_parse_fail(parser, "too many switches");
        return;
    }
    if (!vmc_parse_has_flag(parser, name)) {
        (void)snprintf(program->flags[program->flag_count++],
                       VMC_LIFE_NAME_BYTES, "%s", name);
    }
    if (strcmp(name, "seed") == 0) {
        for (int i = 1; i <= SEED_DEFECTS; i++) {
            char defect[VMC_LIFE_NAME_BYTES];

            (void)snprintf(defect, sizeof(defect), "D%02d", i);
            add_flag(parser, defect);
        }
    }
}

/* The names of rules up to another word or the end of the line. */
static uint64_t rule_list(struct vmc_parser *parser)
{
    char text[VMC_LIFE_NAME_BYTES];
    uint64_t rules = 0;

    while (parser->status == VMC_OK &&
           vmc_parse_token(parser)->kind == VMC_TOKEN_WORD &&
           !vmc_token_is(vmc_parse_token(parser), "warn")) {
        enum vmc_rule rule;

        vmc_parse_word(parser, text);
        rule = vmc_rule_find(text);
        if (rule == VMC_RULE_NONE) {
            parser->at--;
            vmc_parse_fail(parser, "no such rule");
        }
        rules |= UINT64_C(1) << rule;
    }
    return rules;
}

/* The words after `variant NAME FLAGS... expect`. */
static void expectation(struct vmc_parser *parser,
                        struct vmc_life_variant *variant)
{
    if (vmc_parse_take(parser, "pass")) {
        variant->must_pass = true;
    } else if (vmc_parse_take(parser, "anything")) {
        variant->is_open = true;
    } else {
        vmc_parse_need(parser, "fail");
        variant->rules = rule_list(parser);
    }
    if (vmc_parse_take(parser, "warn")) {
        variant->notes = rule_list(parser);
    }
}

/* One `variant` line. Its flags are switched on if it is the one wanted. */
static void variant_line(struct vmc_parser *parser)
{
    struct vmc_life_program *program = parser->program;
    const char *wanted = parser->config->variant;
    char text[VMC_LIFE_NAME_BYTES];
    struct vmc_life_variant *variant;
    bool is_wanted;

    if (program->variant_count == VMC_LIFE_VARIANTS_MAX) {
        vmc_parse_fail(parser, "too many variants");
        return;
    }
    variant = &program->variants[program->variant_count];
    vmc_parse_word(parser, variant->name);
    is_wanted = wanted == NULL ? program->variant_count == 0
                               : strcmp(wanted, variant->name) == 0;
    if (is_wanted) {
        program->variant = program->variant_count;
        add_flag(parser, variant->name);
    }
    program->variant_count++;
    while (parser->status == VMC_OK && !vmc_parse_take(parser, "expect")) {
        vmc_parse_word(parser, text);
        if (is_wanted) {
            add_flag(parser, text);
        }
    }
    expectation(parser, variant);
    vmc_parse_line_end(parser);
}

static void find_variants(struct vmc_parser *parser)
{
    struct vmc_life_program *program = parser->program;
    uint32_t start = parser->at;
    bool at_line_start = true;

    while (parser->status == VMC_OK &&
           vmc_parse_token(parser)->kind != VMC_TOKEN_END) {
        if (at_line_start && vmc_parse_take(parser, "variant")) {
            variant_line(parser);
            continue;
        }
        at_line_start = vmc_parse_token(parser)->kind == VMC_TOKEN_LINE;
        parser->at++;
    }
    parser->at = start;
    for (uint32_t i = 0; i < parser->config->flag_count; i++) {
        add_flag(parser, parser->config->flags[i]);
    }
    if (program->variant_count == 0) {
        program->variant_count = 1;
        (void)snprintf(program->variants[0].name, VMC_LIFE_NAME_BYTES,
                       "default");
        program->variants[0].is_open = true;
    }
    if (parser->status == VMC_OK && parser->config->variant != NULL &&
        strcmp(program->variants[program->variant].name,
               parser->config->variant) != 0) {
        char names[256] = "";
        size_t used = 0;

        for (uint32_t i = 0; i < program->variant_count; i++) {
            used += (size_t)snprintf(names + used, sizeof(names) - used,
                                     " %.12s", program->variants[i].name);
        }
        parser->status = vmc_fail(parser->error, VMC_E_USAGE,
                                  "%s: no variant '%s'; it has"
                                  "%s",
                                  parser->path, parser->config->variant, names);
    }
}

static void param_line(struct vmc_parser *parser)
{
    struct vmc_life_program *program = parser->program;
    char text[VMC_LIFE_NAME_BYTES];
    int32_t value;

    vmc_parse_word(parser, text);
    vmc_parse_need(parser, "=");
    value = vmc_parse_constant(parser);
    if (program->param_count == VMC_LIFE_PARAMS_MAX) {
        vmc_parse_fail(parser, "too many parameters");
        return;
    }
    for (uint32_t i = 0; i < parser->config->param_count; i++) {
        if (strcmp(parser->config->params[i].name, text) == 0) {
            value = parser->config->params[i].value;
            if (value < INT16_MIN || value > INT16_MAX) {
                vmc_parse_fail(parser, "parameter outside 16 bits");
                return;
            }
        }
    }
    (void)snprintf(program->params[program->param_count], VMC_LIFE_NAME_BYTES,
                   "%s", text);
    program->param_values[program->param_count++] = value;
    add_global(parser, text, VMC_OPERAND_INT, 0, value);
}

static void rule_line(struct vmc_parser *parser)
{
    char text[VMC_LIFE_NAME_BYTES];
    enum vmc_rule rule;

    vmc_parse_word(parser, text);
    rule = vmc_rule_find(text);
    if (rule == VMC_RULE_NONE) {
        parser->at--;
        vmc_parse_fail(parser, "no such rule");
    } else if (vmc_parse_take(parser, "off")) {
        parser->program->is_off[rule] = 1;
    } else if (vmc_parse_take(parser, "warn")) {
        parser->program->classes[rule] = VMC_RULE_WARN;
    } else {
        vmc_parse_need(parser, "fatal");
        parser->program->classes[rule] = VMC_RULE_FATAL;
    }
}

/* Put object @index at the tail of the starting list. */
static void list_at_start(struct vmc_life_state *start, uint8_t index)
{
    uint8_t *link = &start->list_head;

    while (*link != VMC_LIFE_NOBODY) {
        link = &start->objects[*link].next;
    }
    *link = index;
    start->vm_online++;
}

/* What follows the name of a vCPU or object. */
static void object_options(struct vmc_parser *parser,
                           struct vmc_life_object *object)
{
    while (parser->status == VMC_OK &&
           vmc_parse_token(parser)->kind == VMC_TOKEN_WORD) {
        if (vmc_parse_take(parser, "id")) {
            object->id = (int16_t)vmc_parse_constant(parser);
        } else if (vmc_parse_take(parser, "unlisted")) {
            object->state = VMC_VCPU_READY;
        } else if (vmc_parse_take(parser, "noref")) {
            object->flags &= (uint16_t)~VMC_OBJECT_USES_VM;
        } else if (vmc_parse_take(parser, "refs")) {
            object->tags[0] = object->tags[6] = 0;
            while (vmc_parse_token(parser)->kind == VMC_TOKEN_WORD) {
                struct vmc_life_operand tag = vmc_parse_operand(parser);

                if (tag.kind != VMC_OPERAND_TAG) {
                    vmc_parse_fail(parser, "expected a tag");
                    return;
                }
                object->tags[tag.index]++;
            }
        } else {
            vmc_parse_fail(parser, "expected id, unlisted, noref or refs");
        }
    }
}

/* `vcpu A, B options` and `object T options`; one or several of each. */
static void object_line(struct vmc_parser *parser, bool is_vcpu)
{
    struct vmc_life_program *program = parser->program;
    struct vmc_life_state *start = &program->start;
    struct vmc_life_object prototype = {
        .next = VMC_LIFE_NOBODY,
        .state = VMC_VCPU_LISTED,
        .id = INT16_MIN,
    };
    uint8_t first = (uint8_t)program->object_count;
    char text[VMC_LIFE_NAME_BYTES];

    prototype.tags[is_vcpu ? 0 : 6] = 1;
    if (is_vcpu) {
        prototype.flags = VMC_OBJECT_IS_VCPU | VMC_OBJECT_USES_VM;
    }
    do {
        int32_t from = 0, to = 0;
        bool is_family;

        vmc_parse_word(parser, text);
        is_family = vmc_parse_take(parser, "[");
        if (is_family) {
            from = 1;
            to = vmc_parse_constant(parser);
            vmc_parse_need(parser, "]");
        }
        for (int32_t i = from; i <= to && parser->status == VMC_OK; i++) {
            char name[VMC_LIFE_NAME_BYTES];

            if (program->object_count == VMC_LIFE_OBJECTS_MAX) {
                vmc_parse_fail(parser, "too many objects");
                return;
            }
            (void)snprintf(name, sizeof(name), is_family ? "%.20s[%d]" : "%s",
                           text, (int)i);
            add_global(parser, name, VMC_OPERAND_OBJECT, program->object_count,
                       0);
            memcpy(program->object_names[program->object_count++], name,
                   sizeof(name));
        }
    } while (vmc_parse_take(parser, ","));
    object_options(parser, &prototype);
    for (uint8_t i = first; i < program->object_count; i++) {
        struct vmc_life_object *object = &start->objects[i];

        *object = prototype;
        if (object->id == INT16_MIN) {
            object->id = i;
        }
        for (int tag = 0; tag < VMC_LIFE_TAGS_MAX; tag++) {
            object->count = (int16_t)(object->count + object->tags[tag]);
        }
        if ((object->flags & VMC_OBJECT_USES_VM) != 0) {
            start->vm_users++;
        }
        if (is_vcpu && object->state == VMC_VCPU_LISTED) {
            object->flags |= VMC_OBJECT_ON_LIST | VMC_OBJECT_WAS_LISTED;
            list_at_start(start, i);
        }
    }
    start->object_count = (uint8_t)program->object_count;
}

static void lock_line(struct vmc_parser *parser, bool is_spin)
{
    struct vmc_life_program *program = parser->program;
    char text[VMC_LIFE_NAME_BYTES];

    do {
        vmc_parse_word(parser, text);
        if (program->lock_count == VMC_LIFE_DECLARED_LOCKS_MAX) {
            vmc_parse_fail(parser, "too many locks");
            return;
        }
        (void)snprintf(program->lock_names[program->lock_count],
                       VMC_LIFE_NAME_BYTES, "%s", text);
        program->lock_is_spin[program->lock_count] = is_spin;
        add_global(parser, text, VMC_OPERAND_LOCK, program->lock_count++, 0);
    } while (vmc_parse_take(parser, ","));
}

static void domain_line(struct vmc_parser *parser)
{
    struct vmc_life_program *program = parser->program;
    char text[VMC_LIFE_NAME_BYTES];

    vmc_parse_word(parser, text);
    if (program->domain_count == VMC_LIFE_DOMAINS_MAX) {
        vmc_parse_fail(parser, "too many SRCU domains");
        return;
    }
    (void)snprintf(program->domain_names[program->domain_count],
                   VMC_LIFE_NAME_BYTES, "%s", text);
    add_global(parser, text, VMC_OPERAND_DOMAIN, program->domain_count++, 0);
}

static void queue_line(struct vmc_parser *parser)
{
    struct vmc_life_program *program = parser->program;
    char text[VMC_LIFE_NAME_BYTES];

    vmc_parse_word(parser, text);
    if (program->queue_count == VMC_LIFE_QUEUES_MAX) {
        vmc_parse_fail(parser, "too many work queues");
        return;
    }
    (void)snprintf(program->queue_names[program->queue_count],
                   VMC_LIFE_NAME_BYTES, "%s", text);
    program->queue_is_single[program->queue_count] =
        vmc_parse_take(parser, "single");
    add_global(parser, text, VMC_OPERAND_QUEUE, program->queue_count++, 0);
}

static struct vmc_life_value start_value(struct vmc_parser *parser)
{
    struct vmc_life_operand operand = vmc_parse_operand(parser);
    struct vmc_life_value value = {.kind = VMC_VALUE_NULL};

    if (operand.kind == VMC_OPERAND_OBJECT) {
        value.kind = VMC_VALUE_OBJECT;
        value.index = operand.index;
    } else if (operand.kind == VMC_OPERAND_INT) {
        value.kind = VMC_VALUE_INT;
        value.generation = (uint16_t)operand.value;
    } else if (operand.kind != VMC_OPERAND_NULL) {
        vmc_parse_fail(parser, "expected an object, null or a number");
    }
    return value;
}

/* `pointer NAME`, `pointer NAME[n]` and `counter NAME`, with options. */
static void shared_line(struct vmc_parser *parser, bool is_int)
{
    struct vmc_life_program *program = parser->program;
    struct vmc_life_value value = {.kind =
                                       is_int ? VMC_VALUE_INT : VMC_VALUE_NULL};
    uint8_t flags = is_int ? VMC_SHARED_IS_INT : 0, field = 0;
    char text[VMC_LIFE_NAME_BYTES], name[VMC_LIFE_NAME_BYTES];
    int32_t count = 0;

    vmc_parse_word(parser, text);
    if (vmc_parse_take(parser, "[")) {
        count = vmc_parse_constant(parser);
        vmc_parse_need(parser, "]");
    }
    if (vmc_parse_take(parser, "owns")) {
        flags |= VMC_SHARED_OWNS;
    } else if (vmc_parse_take(parser, "lasting")) {
        flags |= VMC_SHARED_LASTS;
    }
    if (vmc_parse_take(parser, "sums")) {
        vmc_parse_word(parser, name);
        while (field < program->field_count &&
               strcmp(program->field_names[field], name) != 0) {
            field++;
        }
        if (field == program->field_count) {
            vmc_parse_fail(parser, "no such field");
        }
        flags |= VMC_SHARED_IS_SUM;
    }
    if (vmc_parse_take(parser, "=")) {
        value = start_value(parser);
    }
    for (int32_t i = 0; i < (count > 0 ? count : 1); i++) {
        if (program->shared_count == VMC_LIFE_SHARED_MAX) {
            vmc_parse_fail(parser, "too many shared variables");
            return;
        }
        (void)snprintf(name, sizeof(name), count > 0 ? "%.20s[%d]" : "%s", text,
                       (int)i);
        memcpy(program->shared_names[program->shared_count], name,
               sizeof(name));
        program->shared_flags[program->shared_count] = flags;
        program->shared_sums[program->shared_count] = field;
        program->start.shared[program->shared_count] = value;
        add_global(parser, name, VMC_OPERAND_SHARED, program->shared_count++,
                   0);
    }
}

/* `field NAME` or `field NAME = V`: a value in every vCPU. */
static void field_line(struct vmc_parser *parser)
{
    struct vmc_life_program *program = parser->program;
    uint32_t field = program->field_count;

    if (field == VMC_LIFE_FIELDS_MAX) {
        vmc_parse_fail(parser, "too many fields");
        return;
    }
    vmc_parse_word(parser, program->field_names[field]);
    program->field_count++;
    for (int i = 0; i < VMC_LIFE_OBJECTS_MAX; i++) {
        program->start.objects[i].fields[field].kind = VMC_VALUE_NULL;
    }
}

/* `set OBJECT.field = V` or `set NAME = V`: what is there at the start. */
static void set_line(struct vmc_parser *parser)
{
    struct vmc_life_operand operand = vmc_parse_operand(parser);

    if (operand.kind == VMC_OPERAND_SHARED) {
        vmc_parse_need(parser, "=");
        parser->program->start.shared[operand.index] = start_value(parser);
        return;
    }

    vmc_parse_need(parser, "=");
    if (parser->status == VMC_OK &&
        (operand.kind != VMC_OPERAND_FIELD || operand.base_is_local)) {
        vmc_parse_fail(parser, "expected OBJECT.field before the sign");
        return;
    }
    parser->program->start.objects[operand.base].fields[operand.index] =
        start_value(parser);
}

static void proc_line(struct vmc_parser *parser)
{
    struct vmc_proc *proc = &parser->procs[parser->proc_count];
    uint32_t params = 0;

    if (parser->proc_count == VMC_PARSE_PROCS_MAX) {
        vmc_parse_fail(parser, "too many procedures");
        return;
    }
    vmc_parse_word(parser, proc->name);
    proc->params = parser->at;
    while (parser->status == VMC_OK &&
           vmc_parse_token(parser)->kind == VMC_TOKEN_WORD) {
        parser->at++;
        if (++params > VMC_PARSE_ARGS_MAX) {
            vmc_parse_fail(parser, "too many parameters");
        }
    }
    vmc_parse_line_end(parser);
    proc->body = parser->at;
    parser->proc_count++;
    vmc_parse_skip(parser, false);
    vmc_parse_need(parser, "end");
}

/* The body of a task or work procedure, up to its `end`. */
static void body(struct vmc_parser *parser)
{
    struct vmc_life_instr end = {.op = VMC_OP_END};

    parser->guard = 0;
    vmc_parse_body(parser);
    vmc_parse_emit(parser, end);
    parser->name_count = parser->global_count;
    parser->scope = parser->global_count;
    parser->local_count = 0;
}

static void work_line(struct vmc_parser *parser)
{
    struct vmc_life_program *program = parser->program;
    struct vmc_life_operand operand = {.kind = VMC_OPERAND_LOCAL};
    uint32_t handler = program->handler_count;
    char text[VMC_LIFE_NAME_BYTES];

    vmc_parse_word(parser, text);
    if (strcmp(text, "zap") == 0) {
        handler = 0; /* replaces the one that exists in every scenario */
    } else if (handler == VMC_LIFE_HANDLERS_MAX) {
        vmc_parse_fail(parser, "too many work procedures");
        return;
    } else {
        (void)snprintf(program->handler_names[handler], VMC_LIFE_NAME_BYTES,
                       "%s", text);
        program->handler_count++;
        add_global(parser, text, VMC_OPERAND_HANDLER, handler, 0);
    }
    vmc_parse_word(parser, text);
    vmc_parse_line_end(parser);
    vmc_parse_add_name(parser, text, operand);
    parser->local_count = 1;
    program->handler_entries[handler] = (uint16_t)program->code_count;
    body(parser);
    vmc_parse_need(parser, "end");
}

/* `task NAME`, `task NAME[i in a .. b]`, `task NAME on N`. */
static void task_line(struct vmc_parser *parser)
{
    struct vmc_life_program *program = parser->program;
    char text[VMC_LIFE_NAME_BYTES], variable[VMC_LIFE_NAME_BYTES] = "";
    int32_t from = 0, to = 0, cpu = -1;
    uint32_t start;

    vmc_parse_word(parser, text);
    if (vmc_parse_take(parser, "[")) {
        vmc_parse_word(parser, variable);
        vmc_parse_need(parser, "in");
        from = vmc_parse_constant(parser);
        vmc_parse_need(parser, "..");
        to = vmc_parse_constant(parser);
        vmc_parse_need(parser, "]");
    }
    if (vmc_parse_take(parser, "on")) {
        cpu = vmc_parse_constant(parser);
    }
    vmc_parse_line_end(parser);
    start = parser->at;
    if (from > to) {
        vmc_parse_skip(parser, false);
    }
    for (int32_t i = from; i <= to && parser->status == VMC_OK; i++) {
        uint32_t task = program->task_count;

        parser->at = start;
        if (task == VMC_LIFE_TASKS_MAX) {
            vmc_parse_fail(parser, "too many tasks");
            return;
        }
        if (variable[0] != '\0') {
            struct vmc_life_operand operand = {.kind = VMC_OPERAND_INT,
                                               .value = (int16_t)i};

            vmc_parse_add_name(parser, variable, operand);
            (void)snprintf(program->task_names[task], VMC_LIFE_NAME_BYTES,
                           "%.20s[%d]", text, (int)i);
        } else {
            memcpy(program->task_names[task], text, sizeof(text));
        }
        program->task_entries[task] = (uint16_t)program->code_count;
        program->task_cpus[task] = (uint8_t)(cpu >= 0 ? cpu : (int32_t)task);
        program->task_count++;
        body(parser);
    }
    vmc_parse_need(parser, "end");
}

static void vm_line(struct vmc_parser *parser)
{
    struct vmc_life_state *start = &parser->program->start;

    if (vmc_parse_take(parser, "absent")) {
        start->vm_state = VMC_VM_NONE;
        start->is_list_ready = 0;
        start->is_vm_fd_open = 0;
        start->vm_users = 0;
    } else if (vmc_parse_take(parser, "closed")) {
        start->vm_state = VMC_VM_ORPHAN;
        start->is_vm_fd_open = 0;
        start->vm_users--;
    } else {
        vmc_parse_fail(parser, "expected absent or closed");
    }
}

static void limit_line(struct vmc_parser *parser)
{
    if (vmc_parse_take(parser, "stall")) {
        parser->program->stall_s = (uint8_t)vmc_parse_constant(parser);
        return;
    }
    vmc_parse_need(parser, "zombies");
    parser->program->zombies_max = (uint8_t)vmc_parse_constant(parser);
}

/* controller KIND */
static void controller_line(struct vmc_parser *parser)
{
    if (vmc_parse_take(parser, "qemu")) {
        parser->program->controller = VMC_LIFE_QEMU;
    } else if (vmc_parse_take(parser, "kvm")) {
        parser->program->controller = VMC_LIFE_KVM;
    } else if (vmc_parse_take(parser, "hw")) {
        parser->program->controller = VMC_LIFE_HW;
    } else {
        vmc_parse_fail(parser, "expected qemu, kvm or hw");
    }
}

static void online_line(struct vmc_parser *parser)
{
    struct vmc_life_operand operand;

    vmc_parse_need(parser, "under");
    operand = vmc_parse_operand(parser);
    if (operand.kind != VMC_OPERAND_LOCK) {
        vmc_parse_fail(parser, "expected a lock");
    }
    parser->program->online_lock = operand.index;
}

void vmc_parse_when(struct vmc_parser *parser,
                    void (*branch)(struct vmc_parser *parser))
{
    bool is_true = vmc_parse_flags(parser);

    vmc_parse_line_end(parser);
    if (is_true) {
        branch(parser);
    } else {
        vmc_parse_skip(parser, true);
    }
    if (vmc_parse_take(parser, "else")) {
        vmc_parse_line_end(parser);
        if (is_true) {
            vmc_parse_skip(parser, false);
        } else {
            branch(parser);
        }
    }
}

static void top_when(struct vmc_parser *parser)
{
    vmc_parse_when(parser, declarations);
    vmc_parse_need(parser, "end");
}

static void scenario_line(struct vmc_parser *parser)
{
    struct vmc_life_program *program = parser->program;
    const struct vmc_token *token;

    vmc_parse_word(parser, program->name);
    token = vmc_parse_token(parser);
    if (token->kind == VMC_TOKEN_STRING) {
        (void)snprintf(program->title, sizeof(program->title), "%.*s",
                       (int)token->length, token->text);
        parser->at++;
    }
}

static bool declaration(struct vmc_parser *parser)
{
    if (vmc_parse_take(parser, "scenario")) {
        scenario_line(parser);
    } else if (vmc_parse_take(parser, "variant")) {
        while (vmc_parse_token(parser)->kind != VMC_TOKEN_LINE) {
            parser->at++; /* read by the first pass */
        }
    } else if (vmc_parse_take(parser, "param")) {
        param_line(parser);
    } else if (vmc_parse_take(parser, "rule")) {
        rule_line(parser);
    } else if (vmc_parse_take(parser, "vm")) {
        vm_line(parser);
    } else if (vmc_parse_take(parser, "vcpu")) {
        object_line(parser, true);
    } else if (vmc_parse_take(parser, "object")) {
        object_line(parser, false);
    } else if (vmc_parse_take(parser, "mutex")) {
        lock_line(parser, false);
    } else if (vmc_parse_take(parser, "spinlock")) {
        lock_line(parser, true);
    } else if (vmc_parse_take(parser, "srcu")) {
        domain_line(parser);
    } else if (vmc_parse_take(parser, "queue")) {
        queue_line(parser);
    } else if (vmc_parse_take(parser, "pointer")) {
        shared_line(parser, false);
    } else if (vmc_parse_take(parser, "counter")) {
        shared_line(parser, true);
    } else if (vmc_parse_take(parser, "field")) {
        field_line(parser);
    } else if (vmc_parse_take(parser, "set")) {
        set_line(parser);
    } else if (vmc_parse_take(parser, "limit")) {
        limit_line(parser);
    } else if (vmc_parse_take(parser, "online")) {
        online_line(parser);
    } else if (vmc_parse_take(parser, "controller")) {
        controller_line(parser);
    } else if (vmc_parse_take(parser, "unique_ids")) {
        parser->program->is_id_unique = true;
    } else if (vmc_parse_take(parser, "unordered_callbacks")) {
        parser->program->is_unordered = true;
    } else if (vmc_parse_take(parser, "saturating_counts")) {
        parser->program->saturates = true;
    } else if (vmc_parse_take(parser, "consolidated_rcu")) {
        parser->program->is_consolidated = true;
    } else if (vmc_parse_take(parser, "proc")) {
        proc_line(parser);
    } else if (vmc_parse_take(parser, "work")) {
        work_line(parser);
    } else if (vmc_parse_take(parser, "task")) {
        task_line(parser);
    } else if (vmc_parse_take(parser, "when")) {
        top_when(parser);
    } else {
        return vmc_parse_fail(parser, "expected a declaration");
    }
    return true;
}

static void declarations(struct vmc_parser *parser)
{
    while (parser->status == VMC_OK) {
        const struct vmc_token *token = vmc_parse_token(parser);

        if (token->kind == VMC_TOKEN_END || vmc_token_is(token, "end") ||
            vmc_token_is(token, "else")) {
            return;
        }
        if (declaration(parser)) {
            vmc_parse_line_end(parser);
        }
    }
}

/* The code that every scenario has: the grace period, and a plain zap. */
static void common_code(struct vmc_parser *parser)
{
    struct vmc_life_program *program = parser->program;
    struct vmc_life_operand self = {.kind = VMC_OPERAND_LOCAL};
    struct vmc_life_instr instr = {.op = VMC_OP_GRACE, .dst = VMC_LIFE_NOBODY};

    program->grace_pc = vmc_parse_emit(parser, instr);
    instr.op = VMC_OP_END;
    vmc_parse_emit(parser, instr);
    program->handler_entries[0] = (uint16_t)program->code_count;
    (void)snprintf(program->handler_names[0], VMC_LIFE_NAME_BYTES, "zap");
    program->handler_count = 1;
    add_global(parser, "zap", VMC_OPERAND_HANDLER, 0, 0);
    instr.a = self;
    instr.op = VMC_OP_FREE;
    vmc_parse_emit(parser, instr);
    instr.op = VMC_OP_VM_PUT;
    vmc_parse_emit(parser, instr);
    instr.op = VMC_OP_END;
    vmc_parse_emit(parser, instr);
}

static void set_up(struct vmc_parser *parser)
{
    struct vmc_life_program *program = parser->program;
    struct vmc_life_state *start = &program->start;

    for (int rule = 0; rule < VMC_RULE_COUNT; rule++) {
        program->classes[rule] =
            (uint8_t)vmc_rule_info((enum vmc_rule)rule)->class_default;
    }
    program->online_lock = VMC_LIFE_NOBODY;
    program->stall_s = STALL_S;
    program->queue_count = 1;
    (void)snprintf(program->queue_names[0], VMC_LIFE_NAME_BYTES, "system");
    start->list_head = VMC_LIFE_NOBODY;
    start->is_list_ready = 1;
    start->vm_state = VMC_VM_LIVE;
    start->is_vm_fd_open = 1;
    start->vm_users = 1;
    for (int i = 0; i < VMC_LIFE_OBJECTS_MAX; i++) {
        start->objects[i].next = VMC_LIFE_NOBODY;
    }
    for (uint32_t i = 0; i < VMC_LIFE_TAGS_MAX; i++) {
        add_global(parser, vmc_life_tag_name(i), VMC_OPERAND_TAG, i, 0);
    }
    add_global(parser, "system", VMC_OPERAND_QUEUE, 0, 0);
    common_code(parser);
}

static void unknown_params(struct vmc_parser *parser)
{
    const struct vmc_life_program *program = parser->program;

    for (uint32_t i = 0; i < parser->config->param_count; i++) {
        bool is_known = false;

        for (uint32_t j = 0; j < program->param_count; j++) {
            is_known = is_known || strcmp(program->params[j],
                                          parser->config->params[i].name) == 0;
        }
        if (!is_known && parser->status == VMC_OK) {
            parser->status =
                vmc_fail(parser->error, VMC_E_USAGE, "%s: no parameter '%s'",
                         parser->path, parser->config->params[i].name);
        }
    }
}

static void compile(struct vmc_parser *parser, const char *text)
{
    uint32_t file;

    parser->status = vmc_scan_text(&parser->scan, parser->path,
                                   vmc_life_protocol(), true, parser->error);
    if (parser->status != VMC_OK) {
        return;
    }
    set_up(parser);
    file = parser->scan.count - 1;
    parser->status =
        vmc_scan_text(&parser->scan, parser->path, text, false, parser->error);
    parser->at = file;
    find_variants(parser);
    parser->at = 0;
    declarations(parser);
    if (parser->status == VMC_OK &&
        vmc_parse_token(parser)->kind != VMC_TOKEN_END) {
        vmc_parse_fail(parser, "nothing is open here");
    }
    if (parser->status == VMC_OK && parser->program->task_count == 0) {
        parser->status =
            vmc_fail(parser->error, VMC_E_FORMAT,
                     "%s:1:1: no task in this scenario", parser->path);
    }
    unknown_params(parser);
}

enum vmc_status vmc_life_compile_text(struct vmc_life_program **out,
                                      const char *path, const char *text,
                                      const struct vmc_life_config *config,
                                      struct vmc_error *error)
{
    static const struct vmc_life_config plain;
    struct vmc_parser *parser = calloc(1, sizeof(*parser));
    enum vmc_status status;

    *out = NULL;
    if (parser == NULL ||
        (parser->program = calloc(1, sizeof(*parser->program))) == NULL) {
        free(parser);
        return vmc_fail(error, VMC_E_NOMEM, "out of memory");
    }
    parser->config = config != NULL ? config : &plain;
    parser->path = path;
    parser->error = error;
    (void)snprintf(parser->program->path, sizeof(parser->program->path), "%s",
                   path);
    compile(parser, text);
    status = parser->status;
    if (status == VMC_OK) {
        vmc_life_set_start(parser->program);
        *out = parser->program;
    } else {
        free(parser->program);
    }
    free(parser->scan.tokens);
    free(parser);
    return status;
}

enum vmc_status vmc_life_compile(struct vmc_life_program **out,
                                 const char *path,
                                 const struct vmc_life_config *config,
                                 struct vmc_error *error)
{
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, FILE_BYTES_MAX + 1);
    enum vmc_status status;
    size_t size_bytes;

    *out = NULL;
    if (file == NULL || text == NULL) {
        status = file == NULL
                     ? vmc_fail(error, VMC_E_IO, "%s: cannot be read", path)
                     : vmc_fail(error, VMC_E_NOMEM, "out of memory");
        if (file != NULL) {
            (void)fclose(file);
        }
        free(text);
        return status;
    }
    size_bytes = fread(text, 1, FILE_BYTES_MAX + 1, file);
    if (ferror(file) != 0) {
        status = vmc_fail(error, VMC_E_IO, "%s: cannot be read", path);
    } else if (size_bytes > FILE_BYTES_MAX) {
        status = vmc_fail(error, VMC_E_RANGE, "%s: over 1 MiB", path);
    } else {
        status = vmc_life_compile_text(out, path, text, config, error);
    }
    (void)fclose(file);
    free(text);
    return status;
}
