/* SPDX-License-Identifier: MIT */
/* Telling a run. Events are collected while it is made again; every question
 * of the report is then a search in them: the last step that freed this
 * object, the last section that the offender has closed, and so on. */
#include "vcpu/report.h"

#include <stdlib.h>
#include <string.h>

#include "vcpu/life_priv.h"

enum { STACK_STEPS = 4, NO_STEP = -1, WORDS_BYTES = 64 };

struct story {
    const struct vmc_life_program *program;
    struct vmc_life_state state;
    struct vmc_life_event *events;
    char (*words)[WORDS_BYTES]; /* of each step */
    uint32_t count;
    struct vmc_life_violation violation;
    FILE *to;
};

static bool is_enabled(const struct vmc_life_program *program,
                       const struct vmc_life_state *state, uint16_t step)
{
    uint16_t steps[VMC_LIFE_STEPS_MAX];
    uint32_t count = vmc_life_enabled(program, state, steps);

    for (uint32_t i = 0; i < count; i++) {
        if (steps[i] == step) {
            return true;
        }
    }
    return false;
}

enum vmc_rule vmc_life_replay(const struct vmc_life_program *program,
                              const uint16_t *steps, uint32_t count,
                              const struct vmc_hash128 *expected, uint32_t *at)
{
    struct vmc_life_state state;
    struct vmc_life_event event;
    struct vmc_hash128 hash;

    memset(&state, 0, sizeof(state));
    vmc_life_start(program, &state);
    for (*at = 0; *at < count; (*at)++) {
        if (!is_enabled(program, &state, steps[*at])) {
            return VMC_V36_NOT_DETERMINISTIC;
        }
        if (!vmc_life_step(program, &state, steps[*at], &event, NULL)) {
            (*at)++;
            return (enum vmc_rule)event.violation.rule;
        }
    }
    hash = vmc_life_hash(program, &state);
    if (expected != NULL &&
        (hash.low != expected->low || hash.high != expected->high)) {
        return VMC_V36_NOT_DETERMINISTIC;
    }
    return VMC_RULE_NONE;
}

static uint8_t op_of(const struct story *story, int step)
{
    return story->program->code[story->events[step].pc].op;
}

static void print_step(const struct story *story, int step)
{
    const struct vmc_life_event *event = &story->events[step];
    char task[64], result[64];

    (void)fprintf(story->to, "    %4d %-14s %s", step,
                  vmc_life_task_name(story->program, &story->state, event->task,
                                     task, sizeof(task)),
                  story->words[step]);
    if (event->result.kind != VMC_VALUE_POISON) {
        (void)fprintf(story->to, " -> %s",
                      vmc_life_value_name(story->program, &event->result,
                                          result, sizeof(result)));
    }
    if (vmc_life_line(story->program, event->pc) != 0) {
        (void)fprintf(story->to, "   (line %u)",
                      vmc_life_line(story->program, event->pc));
    }
    (void)fputc('\n', story->to);
}

/* The last steps of the task that made @step, up to it. */
static void print_stack(const struct story *story, const char *title, int step)
{
    int steps[STACK_STEPS], count = 0;

    if (step == NO_STEP) {
        return;
    }
    (void)fprintf(story->to, "  %s:\n", title);
    for (int i = step; i >= 0 && count < STACK_STEPS; i--) {
        if (story->events[i].task == story->events[step].task) {
            steps[count++] = i;
        }
    }
    while (count-- > 0) {
        print_step(story, steps[count]);
    }
}

/* The last step before @before that did @op to the object in question. */
static int last_op(const struct story *story, enum vmc_life_op op, int before)
{
    for (int i = before - 1; i >= 0; i--) {
        const struct vmc_life_value *subject = op == VMC_OP_ALLOC
                                                   ? &story->events[i].result
                                                   : &story->events[i].subject;

        if (op_of(story, i) == op && subject->kind == VMC_VALUE_OBJECT &&
            subject->index == story->violation.object &&
            subject->generation == story->violation.generation) {
            return i;
        }
    }
    return NO_STEP;
}

/* The section of the offender that would have covered the access. */
static void print_section(const struct story *story)
{
    int close = NO_STEP, depth = 0;

    for (int i = (int)story->count - 1; i >= 0; i--) {
        if (story->events[i].task != story->violation.task) {
            continue;
        }
        if (op_of(story, i) == VMC_OP_RCU_UNLOCK ||
            op_of(story, i) == VMC_OP_SRCU_UNLOCK) {
            close = depth++ == 0 && close == NO_STEP ? i : close;
        }
        if (op_of(story, i) == VMC_OP_RCU_LOCK ||
            op_of(story, i) == VMC_OP_SRCU_LOCK) {
            if (close != NO_STEP && --depth == 0) {
                (void)fprintf(story->to,
                              "  the section that should have protected was "
                              "opened in step %d and closed in step %d\n",
                              i, close);
                return;
            }
        }
    }
    if (close == NO_STEP) {
        (void)fprintf(story->to,
                      "  no section of this task has ever protected it\n");
    }
}

/* Who holds references to @object, and the circle they may form. */
static void print_holders(const struct story *story, uint8_t object)
{
    const struct vmc_life_program *program = story->program;
    const struct vmc_life_object *it = &story->state.objects[object];
    char name[64];
    struct vmc_life_value value = {.kind = VMC_VALUE_OBJECT,
                                   .index = object,
                                   .generation = story->violation.generation};
    bool is_gone = it->generation != value.generation;

    (void)vmc_life_value_name(program, &value, name, sizeof(name));
    (void)fprintf(story->to, "  %s %s", name,
                  is_gone ? "is gone; its references:" : "has count");
    if (!is_gone) {
        (void)fprintf(story->to, " %d", it->count);
    }
    for (uint32_t tag = 0; tag < VMC_LIFE_TAGS_MAX && !is_gone; tag++) {
        if (it->tags[tag] != 0) {
            (void)fprintf(story->to, ", %u for %s", it->tags[tag],
                          vmc_life_tag_name(tag));
        }
    }
    (void)fputc('\n', story->to);
    for (int i = 0; i < (int)story->count; i++) {
        const struct vmc_life_event *event = &story->events[i];
        uint8_t op = op_of(story, i);

        if ((op == VMC_OP_GET || op == VMC_OP_INC || op == VMC_OP_DEC) &&
            event->subject.kind == VMC_VALUE_OBJECT &&
            event->subject.index == object) {
            (void)fprintf(story->to, "   %s %s:\n",
                          op == VMC_OP_DEC ? "dropped" : "taken",
                          vmc_life_tag_name(program->code[event->pc].b.index));
            print_step(story, i);
        }
    }
    for (uint32_t i = 0; i < program->shared_count; i++) {
        const struct vmc_life_value *shared = &story->state.shared[i];

        if ((program->shared_flags[i] & VMC_SHARED_OWNS) != 0 &&
            shared->kind == VMC_VALUE_OBJECT && shared->index == object &&
            (it->flags & VMC_OBJECT_USES_VM) != 0) {
            (void)fprintf(story->to,
                          "  nobody can break the circle VM -> %s -> %s -> "
                          "VM\n",
                          program->shared_names[i], name);
        }
    }
}

/* Who holds the lock that @operand of @me names, plus 1. */
static uint8_t lock_owner(const struct vmc_life_state *state,
                          const struct vmc_life_task *me,
                          const struct vmc_life_operand *operand)
{
    uint8_t lock = operand->index;

    if (operand->kind == VMC_OPERAND_MUTEX) {
        lock =
            (uint8_t)(VMC_LIFE_DECLARED_LOCKS_MAX +
                      (operand->base_is_local ? me->locals[operand->base].index
                                              : operand->base));
    }
    return lock < VMC_LIFE_LOCKS_MAX ? state->owners[lock] : 0;
}

/* Who waits for whom when nothing can go on. */
static void print_waits(const struct story *story)
{
    const struct vmc_life_state *state = &story->state;
    char task[64], other[64];

    for (uint8_t i = 0; i < state->task_count; i++) {
        const struct vmc_life_task *me = &state->tasks[i];
        const struct vmc_life_instr *instr = &story->program->code[me->pc];
        uint8_t owner = 0;

        if (me->is_done) {
            continue;
        }
        (void)fprintf(
            story->to, "  %s stands at \"%s\"",
            vmc_life_task_name(story->program, state, i, task, sizeof(task)),
            vmc_life_step_text(story->program, state,
                               (uint16_t)(i * VMC_LIFE_ALTERNATIVES), other,
                               sizeof(other)));
        if (instr->op == VMC_OP_LOCK) {
            owner = lock_owner(state, me, &instr->a);
        }
        if (owner != 0) {
            (void)fprintf(story->to, ", which %s holds",
                          vmc_life_task_name(story->program, state, owner - 1U,
                                             other, sizeof(other)));
        }
        for (uint64_t wait = me->wait; wait != 0; wait &= wait - 1) {
            uint32_t who = vmc_bits_low(wait);

            who = me->wait_kind == VMC_WAIT_SRCU ? who / VMC_LIFE_READERS_MAX
                                                 : who;
            (void)fprintf(story->to, ", waits for %s",
                          vmc_life_task_name(story->program, state, who, other,
                                             sizeof(other)));
        }
        (void)fputc('\n', story->to);
    }
}

static void print_story(const struct story *story)
{
    const struct vmc_life_violation *violation = &story->violation;
    char text[256];
    int last = (int)story->count - 1, before;

    (void)fprintf(story->to, "%s\n",
                  vmc_life_describe(story->program, &story->state, violation,
                                    text, sizeof(text)));
    if (violation->task < story->state.task_count && last >= 0 &&
        violation->rule != VMC_V21_NO_PROGRESS) {
        print_stack(story, "broken by", last);
    }
    if (violation->rule == VMC_V21_NO_PROGRESS) {
        print_waits(story);
    }
    if (violation->object == VMC_LIFE_NOBODY) {
        return;
    }
    before = last_op(story, VMC_OP_FREE, (int)story->count);
    print_stack(story, "freed by", before);
    print_stack(story, "callback queued by",
                last_op(story, VMC_OP_CALL_RCU, (int)story->count));
    print_stack(story, "work queued by",
                last_op(story, VMC_OP_GRACE, (int)story->count));
    if (last_op(story, VMC_OP_ALLOC, (int)story->count) != NO_STEP) {
        print_stack(story, "created by",
                    last_op(story, VMC_OP_ALLOC, (int)story->count));
    } else {
        (void)fprintf(story->to, "  created before the first step\n");
    }
    print_holders(story, violation->object);
    if (violation->rule == VMC_V01_USE_AFTER_FREE ||
        violation->rule == VMC_V02_NO_TOKEN) {
        print_section(story);
    }
}

/* Make the run and keep what each step says. */
static enum vmc_status collect(struct story *story, const uint16_t *steps,
                               uint32_t count)
{
    const struct vmc_life_program *program = story->program;
    bool goes_on = true;

    vmc_life_start(program, &story->state);
    while (goes_on && story->count < count) {
        uint16_t step = steps[story->count];

        if (!is_enabled(program, &story->state, step)) {
            return VMC_E_USAGE;
        }
        (void)vmc_life_step_text(program, &story->state, step,
                                 story->words[story->count],
                                 sizeof(story->words[0]));
        goes_on = vmc_life_step(program, &story->state, step,
                                &story->events[story->count++], NULL);
    }
    if (!goes_on) {
        story->violation = story->events[story->count - 1].violation;
    } else {
        uint16_t none[VMC_LIFE_STEPS_MAX];

        if (vmc_life_enabled(program, &story->state, none) == 0) {
            (void)vmc_life_finish(program, &story->state, &story->violation,
                                  NULL);
        }
    }
    return VMC_OK;
}

enum vmc_status vmc_life_report(const struct vmc_life_program *program,
                                const uint16_t *steps, uint32_t count, FILE *to)
{
    struct story *story = calloc(1, sizeof(*story));
    enum vmc_status status = VMC_E_NOMEM;

    if (story == NULL) {
        return VMC_E_NOMEM;
    }
    story->program = program;
    story->to = to;
    story->events = calloc((size_t)count + 1, sizeof(*story->events));
    story->words = calloc((size_t)count + 1, sizeof(*story->words));
    if (story->events != NULL && story->words != NULL) {
        status = collect(story, steps, count);
    }
    if (status == VMC_OK && story->violation.rule != VMC_RULE_NONE) {
        print_story(story);
    } else if (status == VMC_OK) {
        (void)fprintf(to, "no rule broken in %u steps\n", story->count);
    }
    free(story->events);
    free(story->words);
    free(story);
    return status;
}
