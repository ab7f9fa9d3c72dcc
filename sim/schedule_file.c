/* SPDX-License-Identifier: MIT */
#include "sim/schedule_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "vcpu/rules.h"

enum { COLUMN_BYTES = 26, NAME_BYTES = 64 };

static const char first_line[] = "vmcycle-schedule 1";

static bool is_enabled(const struct vmc_life_program *program,
                       const struct vmc_life_state *state, uint32_t step)
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

/* Make @step and put the line that tells of it into @text. False: a rule
 * broke, and *@end knows which. */
static bool step_line(const struct vmc_life_program *program,
                      struct vmc_life_state *state, uint16_t step,
                      struct schedule_end *end, char *text)
{
    char task[NAME_BYTES], subject[NAME_BYTES], result[NAME_BYTES];
    struct vmc_life_event event;
    bool is_good;

    (void)vmc_life_task_name(program, state, step / VMC_LIFE_ALTERNATIVES, task,
                             sizeof(task));
    end->state = *state;
    is_good = vmc_life_step(program, state, step, &event, NULL);
    end->violation = event.violation;
    (void)vmc_life_value_name(program, &event.subject, subject,
                              sizeof(subject));
    (void)vmc_life_value_name(program, &event.result, result, sizeof(result));
    (void)snprintf(text, SCHEDULE_LINE_BYTES, "%" PRIu32 " d%u %s %s %s -> %s",
                   end->step_count++, (unsigned)step, task,
                   vmc_life_op_name(program, event.pc), subject,
                   is_good ? result : vmc_rule_info(event.violation.rule)->id);
    return is_good;
}

/* The line that closes a schedule after its last step. */
static void end_line(const struct vmc_life_program *program,
                     const struct vmc_life_state *state, bool is_good,
                     struct schedule_end *end, char *text)
{
    uint16_t steps[VMC_LIFE_STEPS_MAX];

    if (is_good) {
        end->violation = (struct vmc_life_violation){.rule = 0};
        end->state = *state;
        if (vmc_life_enabled(program, state, steps) == 0) {
            (void)vmc_life_finish(program, state, &end->violation, NULL);
        }
    }
    (void)snprintf(
        text, SCHEDULE_LINE_BYTES, "end %" PRIu32 " %s", end->step_count,
        end->violation.rule != 0 ? vmc_rule_info(end->violation.rule)->id
                                 : "-");
}

static void head_line(const struct vmc_life_program *program, char *text)
{
    (void)snprintf(text, SCHEDULE_LINE_BYTES, "scenario %s variant %s",
                   program->name, program->variants[program->variant].name);
}

void schedule_write(FILE *file, const struct vmc_life_program *program,
                    const struct vmc_schedule *schedule,
                    struct schedule_end *end)
{
    struct vmc_life_state state;
    char text[SCHEDULE_LINE_BYTES];
    bool is_good = true;

    memset(end, 0, sizeof(*end));
    vmc_life_start(program, &state);
    head_line(program, text);
    (void)fprintf(file, "%s\n%s\n", first_line, text);
    for (uint32_t i = 0; i < schedule->step_count && is_good; i++) {
        is_good = step_line(program, &state, schedule->steps[i], end, text);
        (void)fprintf(file, "%s\n", text);
    }
    end_line(program, &state, is_good, end, text);
    (void)fprintf(file, "%s\n", text);
}

/* ---- Replay ------------------------------------------------------------- */

struct replay {
    const struct vmc_life_program *program;
    const char *path;
    struct vmc_life_state state;
    struct schedule_end *end;
    uint32_t line;
    bool is_good, has_ended;
};

static enum vmc_status diverges(const struct replay *replay, const char *found,
                                const char *expected, struct vmc_error *error)
{
    return vmc_fail(error, VMC_E_FORMAT,
                    "%s:%" PRIu32 ": diverges: the file has '%.100s', the run "
                    "has '%.100s'",
                    replay->path, replay->line, found, expected);
}

static enum vmc_status take_step(struct replay *replay, const char *line,
                                 struct vmc_error *error)
{
    char text[SCHEDULE_LINE_BYTES], number[16];
    const char *decision = strchr(line, ' ');
    uint64_t step;

    if (decision == NULL || decision[1] != 'd') {
        return vmc_fail(error, VMC_E_FORMAT,
                        "%s:%" PRIu32 ": expected 'N dSTEP TASK OPERATION "
                        "SUBJECT -> RESULT', or 'end'",
                        replay->path, replay->line);
    }
    decision += 2;
    (void)snprintf(number, sizeof(number), "%.*s", (int)strcspn(decision, " "),
                   decision);
    if (vmc_parse_u64(&step, number) != VMC_OK || !replay->is_good ||
        !is_enabled(replay->program, &replay->state, (uint32_t)step)) {
        return vmc_fail(error, VMC_E_FORMAT,
                        "%s:%" PRIu32 ": diverges: step '%s' cannot be made "
                        "here",
                        replay->path, replay->line, number);
    }
    if (replay->end->step_count == VMC_SCHEDULE_STEPS_MAX) {
        return vmc_fail(error, VMC_E_RANGE, "%s:%" PRIu32 ": over %d steps",
                        replay->path, replay->line, VMC_SCHEDULE_STEPS_MAX);
    }
    replay->is_good = step_line(replay->program, &replay->state, (uint16_t)step,
                                replay->end, text);
    return strcmp(text, line) == 0 ? VMC_OK
                                   : diverges(replay, line, text, error);
}

static enum vmc_status take_line(struct replay *replay, const char *line,
                                 struct vmc_error *error)
{
    char text[SCHEDULE_LINE_BYTES];

    replay->line++;
    if (replay->line == 1) {
        return strcmp(line, first_line) == 0
                   ? VMC_OK
                   : vmc_fail(error, VMC_E_FORMAT, "%s:1: expected '%s'",
                              replay->path, first_line);
    }
    if (replay->line == 2) {
        head_line(replay->program, text);
        return strcmp(line, text) == 0 ? VMC_OK
                                       : diverges(replay, line, text, error);
    }
    if (replay->has_ended) {
        return vmc_fail(error, VMC_E_FORMAT,
                        "%s:%" PRIu32 ": expected nothing after the end",
                        replay->path, replay->line);
    }
    if (strncmp(line, "end ", 4) == 0) {
        replay->has_ended = true;
        end_line(replay->program, &replay->state, replay->is_good, replay->end,
                 text);
        return strcmp(line, text) == 0 ? VMC_OK
                                       : diverges(replay, line, text, error);
    }
    return take_step(replay, line, error);
}

enum vmc_status schedule_replay(const char *path,
                                const struct vmc_life_program *program,
                                struct schedule_end *end,
                                struct vmc_error *error)
{
    struct replay replay = {
        .program = program, .path = path, .end = end, .is_good = true};
    char line[SCHEDULE_LINE_BYTES];
    enum vmc_status status = VMC_OK;
    FILE *file = fopen(path, "re");

    if (file == NULL) {
        return vmc_fail(error, VMC_E_IO, "%s: %s", path, strerror(errno));
    }
    memset(end, 0, sizeof(*end));
    vmc_life_start(program, &replay.state);
    while (status == VMC_OK && fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        status = take_line(&replay, line, error);
    }
    (void)fclose(file);
    if (status == VMC_OK && !replay.has_ended) {
        status = vmc_fail(error, VMC_E_FORMAT,
                          "%s:%" PRIu32 ": cut short, expected 'end'", path,
                          replay.line + 1);
    }
    return status;
}

/* ---- Picture ------------------------------------------------------------ */

void schedule_draw(FILE *file, const struct vmc_life_program *program,
                   const struct vmc_schedule *schedule)
{
    struct vmc_life_state state;
    char name[NAME_BYTES], subject[NAME_BYTES], cell[4 * NAME_BYTES];

    vmc_life_start(program, &state);
    for (uint32_t i = 0; i < schedule->step_count; i++) {
        uint16_t step = schedule->steps[i];
        uint32_t task = step / VMC_LIFE_ALTERNATIVES;
        struct vmc_life_event event;
        bool is_good;

        (void)vmc_life_task_name(program, &state, task, name, sizeof(name));
        is_good = vmc_life_step(program, &state, step, &event, NULL);
        (void)vmc_life_value_name(program, &event.subject, subject,
                                  sizeof(subject));
        (void)snprintf(cell, sizeof(cell), "%s: %s %s", name,
                       vmc_life_op_name(program, event.pc), subject);
        (void)fprintf(file, "%4" PRIu32 " %*s%s%s\n", i,
                      (int)(task < 4 ? task : 4) * COLUMN_BYTES, "", cell,
                      is_good ? "" : "   <-- broken here");
    }
}
