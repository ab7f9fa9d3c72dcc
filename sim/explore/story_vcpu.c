/* SPDX-License-Identifier: MIT */
/* Scenarios in words. A task's own references are the objects that its locals
 * hold a tag for, each counted once. */
#include "sim/explore/explore_vcpu.h"

#include <string.h>

#include "vcpu/report.h"

static const char *const vcpu_states[] = {"none",
                                          "alloc",
                                          "ready",
                                          "exposed",
                                          "listed",
                                          "dying",
                                          "gone off the list",
                                          "waiting",
                                          "callback",
                                          "zapping",
                                          "freed"};

static const char *const other_states[] = {"none",
                                           "alive",
                                           "alive",
                                           "alive",
                                           "listed",
                                           "dying",
                                           "gone off the list",
                                           "waiting",
                                           "callback",
                                           "ending",
                                           "freed"};

static void copy_text(char *to, size_t bytes, const char *from)
{
    (void)snprintf(to, bytes, "%.*s", (int)bytes - 1, from);
}

static void vcpu_head(const void *model, char text[STORY_TEXT_BYTES])
{
    const struct explore_vcpu *self = model;
    const struct vmc_life_program *program = self->program;
    size_t used;

    (void)snprintf(text, STORY_TEXT_BYTES, "scenario %s variant %s",
                   program->name, program->variants[program->variant].name);
    for (uint32_t i = 0; i < program->param_count; i++) {
        used = strlen(text);
        (void)snprintf(text + used, STORY_TEXT_BYTES - used, " %s=%d",
                       program->params[i], program->param_values[i]);
    }
}

static bool vcpu_say_step(void *model, void *state, uint16_t step,
                          struct story_step *said, uint32_t *rule,
                          char why[STORY_TEXT_BYTES])
{
    struct explore_vcpu *self = model;
    const struct vmc_life_program *program = self->program;
    uint32_t task = step / VMC_LIFE_ALTERNATIVES;
    struct vmc_life_state whole, before;
    struct vmc_life_event event;
    char name[2 * VMC_LIFE_NAME_BYTES];
    bool is_good;

    explore_vcpu_widen(self, &whole, state);
    before = whole;
    copy_text(said->task, sizeof(said->task),
              vmc_life_task_name(program, &whole, task, name, sizeof(name)));
    (void)vmc_life_step_text(program, &whole, step, said->what,
                             sizeof(said->what));
    is_good = vmc_life_step(program, &whole, step, &event, NULL);
    said->step = step;
    said->lane = (uint8_t)task;
    said->spawned =
        event.spawned == VMC_LIFE_NOBODY ? STORY_NOBODY : event.spawned;
    said->effect =
        program->code[event.pc].op == VMC_OP_FREE ? STORY_FREES : STORY_PLAIN;
    said->line = vmc_life_line(program, event.pc);
    copy_text(said->subject, sizeof(said->subject),
              vmc_life_value_name(program, &event.subject, name, sizeof(name)));
    copy_text(said->result, sizeof(said->result),
              vmc_life_value_name(program, &event.result, name, sizeof(name)));
    if (is_good) {
        memcpy(state, &whole, vmc_life_state_bytes(program));
        return true;
    }
    *rule = event.violation.rule;
    copy_text(said->result, sizeof(said->result),
              vmc_rule_info((enum vmc_rule) * rule)->id);
    (void)vmc_life_describe(program, &before, &event.violation, why,
                            STORY_TEXT_BYTES);
    return false;
}

static bool vcpu_say_finish(void *model, const void *state, uint32_t *rule,
                            char why[STORY_TEXT_BYTES])
{
    struct explore_vcpu *self = model;
    struct vmc_life_state whole;
    struct vmc_life_violation violation = {.rule = 0};

    explore_vcpu_widen(self, &whole, state);
    if (vmc_life_finish(self->program, &whole, &violation, NULL)) {
        return true;
    }
    *rule = violation.rule;
    (void)vmc_life_describe(self->program, &whole, &violation, why,
                            STORY_TEXT_BYTES);
    return false;
}

static uint8_t reference_count(const struct vmc_life_task *me)
{
    uint16_t seen[VMC_LIFE_LOCALS_MAX] = {0};
    uint8_t count = 0;

    for (uint32_t i = 0; i < VMC_LIFE_LOCALS_MAX; i++) {
        const struct vmc_life_value *local = &me->locals[i];
        uint16_t key = (uint16_t)(local->index << 8 | local->tag);
        bool is_new = local->kind == VMC_VALUE_OBJECT && local->tag != 0;

        for (uint8_t k = 0; k < count && is_new; k++) {
            is_new = seen[k] != key;
        }
        if (is_new) {
            seen[count++] = key;
        }
    }
    return count;
}

static void look_at_task(const struct vmc_life_program *program,
                         const struct vmc_life_state *state, uint32_t task,
                         struct story_lane *lane)
{
    const struct vmc_life_task *me = &state->tasks[task];
    char name[2 * VMC_LIFE_NAME_BYTES];
    uint8_t sections = me->nest > 0 ? (uint8_t)me->nest : 0;

    copy_text(lane->name, sizeof(lane->name),
              vmc_life_task_name(program, state, task, name, sizeof(name)));
    for (uint32_t i = 0; i < VMC_LIFE_READERS_MAX; i++) {
        sections = (uint8_t)(sections + (me->readers[i] != 0));
    }
    lane->holds[STORY_SECTION] = (uint8_t)(sections + me->atomic);
    lane->holds[STORY_LOCK] = (uint8_t)__builtin_popcount(me->locks);
    lane->holds[STORY_REFERENCE] = reference_count(me);
    lane->is_done = me->is_done != 0;
    lane->is_spawned = task >= program->task_count;
}

/* The declared locks, then a mutex for each vCPU; between them are places
 * without a name. */
static void look_at_locks(const struct vmc_life_program *program,
                          const struct vmc_life_state *state,
                          struct story_moment *moment)
{
    static_assert((int)VMC_LIFE_LOCKS_MAX <= (int)STORY_LOCKS_MAX,
                  "a story has room for every lock");
    moment->lock_count = VMC_LIFE_LOCKS_MAX;
    for (uint32_t i = 0; i < VMC_LIFE_LOCKS_MAX; i++) {
        struct story_lock *lock = &moment->locks[i];

        lock->owner =
            state->owners[i] != 0 ? state->owners[i] - 1 : STORY_NOBODY;
        if (i < program->lock_count) {
            copy_text(lock->name, sizeof(lock->name), program->lock_names[i]);
        } else if (i >= VMC_LIFE_DECLARED_LOCKS_MAX &&
                   i - VMC_LIFE_DECLARED_LOCKS_MAX < state->object_count) {
            (void)snprintf(lock->name, sizeof(lock->name), "mutex %u",
                           (unsigned)i - VMC_LIFE_DECLARED_LOCKS_MAX + 1);
        }
    }
}

static void vcpu_look(void *model, const void *state,
                      struct story_moment *moment)
{
    const struct explore_vcpu *self = model;
    const struct vmc_life_program *program = self->program;
    struct vmc_life_state whole;

    static_assert((int)VMC_LIFE_TASKS_MAX <= (int)STORY_LANES_MAX &&
                      (int)VMC_LIFE_OBJECTS_MAX <= (int)STORY_OBJECTS_MAX,
                  "a story has room for every task and object");
    explore_vcpu_widen(self, &whole, state);
    moment->lane_count = whole.task_count;
    for (uint32_t task = 0; task < whole.task_count; task++) {
        look_at_task(program, &whole, task, &moment->lanes[task]);
    }
    look_at_locks(program, &whole, moment);
    moment->object_count = whole.object_count;
    for (uint8_t i = 0; i < whole.object_count; i++) {
        const struct vmc_life_object *object = &whole.objects[i];
        struct story_object *shown = &moment->objects[i];
        struct vmc_life_value value = {.kind = VMC_VALUE_OBJECT,
                                       .index = i,
                                       .generation = object->generation};
        char name[2 * VMC_LIFE_NAME_BYTES];

        shown->is_gone =
            object->state == VMC_VCPU_NONE || object->state == VMC_VCPU_FREED;
        if (object->state == VMC_VCPU_FREED && value.generation > 0) {
            value.generation--; /* freeing has already moved it on */
        }
        copy_text(shown->name, sizeof(shown->name),
                  vmc_life_value_name(program, &value, name, sizeof(name)));
        copy_text(shown->state, sizeof(shown->state),
                  ((object->flags & VMC_OBJECT_IS_VCPU) != 0
                       ? vcpu_states
                       : other_states)[object->state]);
        shown->count = object->count;
    }
}

static const char *vcpu_rule_name(const void *model, uint32_t rule)
{
    (void)model;
    return vmc_rule_info((enum vmc_rule)rule)->id;
}

static enum vmc_status
vcpu_report(void *model, const struct vmc_schedule *schedule, FILE *to)
{
    const struct explore_vcpu *self = model;

    return vmc_life_report(self->program, schedule->steps, schedule->step_count,
                           to);
}

const struct story_words explore_vcpu_words = {
    .ops = &explore_vcpu_ops,
    .head = vcpu_head,
    .step = vcpu_say_step,
    .finish = vcpu_say_finish,
    .look = vcpu_look,
    .rule_name = vcpu_rule_name,
    .report = vcpu_report,
};
