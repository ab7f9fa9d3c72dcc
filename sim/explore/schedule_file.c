/* SPDX-License-Identifier: MIT */
/* A file is read line by line while its run is made; the first line that is
 * not what the run says is where it diverges. */
#include "sim/explore/schedule_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char first_line[] = "vmcycle-schedule 1";

static void step_line(char text[SCHEDULE_LINE_BYTES], uint32_t number,
                      const struct story_step *said)
{
    (void)snprintf(text, SCHEDULE_LINE_BYTES, "%" PRIu32 " d%u %s %s -> %s",
                   number, (unsigned)said->step, said->task, said->what,
                   said->result);
}

static void end_line(char text[SCHEDULE_LINE_BYTES], uint32_t step_count,
                     const char *rule, struct vmc_hash128 hash)
{
    (void)snprintf(text, SCHEDULE_LINE_BYTES,
                   "end %" PRIu32 " %s hash %016" PRIx64 "%016" PRIx64,
                   step_count, rule, hash.high, hash.low);
}

void schedule_write(FILE *file, const struct story *story)
{
    char text[SCHEDULE_LINE_BYTES];

    (void)fprintf(file, "%s\n%s\n", first_line, story->head);
    for (uint32_t i = 0; i < story->step_count; i++) {
        step_line(text, i, &story->steps[i]);
        (void)fprintf(file, "%s\n", text);
    }
    end_line(text, story->step_count, story->rule_name, story->hash);
    (void)fprintf(file, "%s\n", text);
}

/* ---- Replay ------------------------------------------------------------- */

struct replay {
    const struct told_model *told;
    const char *path;
    struct vmc_schedule *schedule;
    unsigned char *state, *before;
    size_t state_bytes;
    struct vmc_hash128 hash;
    struct vmc_error *error;
    uint32_t line, rule;
    bool is_short, has_ended;
};

static enum vmc_status wrong(const struct replay *replay, const char *expected)
{
    return vmc_fail(replay->error, VMC_E_FORMAT, "%s:%" PRIu32 ": expected %s",
                    replay->path, replay->line, expected);
}

static enum vmc_status diverges(const struct replay *replay, const char *found,
                                const char *expected)
{
    return vmc_fail(replay->error, VMC_E_FORMAT,
                    "%s:%" PRIu32 ": diverges: the file has '%.90s', the run "
                    "has '%.90s'",
                    replay->path, replay->line, found, expected);
}

/* The step is not one that can be made: say which can. */
static enum vmc_status cannot(const struct replay *replay, const char *found)
{
    const struct story_words *words = replay->told->words;
    uint16_t steps[VMC_MODEL_STEPS_MAX];
    uint32_t count = 0;
    char text[SCHEDULE_LINE_BYTES] = "";
    size_t used = 0;

    if (replay->rule == 0) {
        count = words->ops->enabled(replay->told->model, replay->state, steps);
    }
    for (uint32_t i = 0; i < count && used + 12 < sizeof(text); i++) {
        (void)snprintf(text + used, sizeof(text) - used, "%sd%u",
                       i > 0 ? " " : "", (unsigned)steps[i]);
        used = strlen(text);
    }
    return vmc_fail(replay->error, VMC_E_FORMAT,
                    "%s:%" PRIu32 ": diverges: the file has '%.90s', the run "
                    "%s%.60s",
                    replay->path, replay->line, found,
                    replay->rule != 0 ? "is over: a rule is broken"
                    : count == 0      ? "is over: nobody can make a step"
                                      : "allows only ",
                    text);
}

/* Make @step; @line is the whole line, or NULL for a decision alone. */
static enum vmc_status take_step(struct replay *replay, const char *number,
                                 const char *line)
{
    const struct told_model *told = replay->told;
    struct vmc_schedule *schedule = replay->schedule;
    struct story_step said;
    char text[SCHEDULE_LINE_BYTES], why[STORY_TEXT_BYTES];
    uint64_t step;

    if (schedule->step_count == VMC_SCHEDULE_STEPS_MAX) {
        return vmc_fail(replay->error, VMC_E_RANGE,
                        "%s:%" PRIu32 ": over %d steps", replay->path,
                        replay->line, VMC_SCHEDULE_STEPS_MAX);
    }
    if (vmc_parse_u64(&step, number) != VMC_OK) {
        return wrong(replay, "a number of a step");
    }
    if (replay->rule != 0 || step > UINT16_MAX ||
        !story_is_enabled(told, replay->state, (uint16_t)step)) {
        return cannot(replay, line != NULL ? line : number);
    }
    memset(&said, 0, sizeof(said));
    memcpy(replay->before, replay->state, replay->state_bytes);
    if (!told->words->step(told->model, replay->state, (uint16_t)step, &said,
                           &replay->rule, why)) {
        memcpy(replay->state, replay->before, replay->state_bytes);
    }
    replay->hash = story_fold(replay->hash, &said);
    step_line(text, schedule->step_count, &said);
    schedule->steps[schedule->step_count++] = (uint16_t)step;
    return line == NULL || strcmp(text, line) == 0
               ? VMC_OK
               : diverges(replay, line, text);
}

/* "N dSTEP TASK OPERATION -> RESULT" */
static enum vmc_status take_told_step(struct replay *replay, const char *line)
{
    const char *decision = strchr(line, ' ');
    char number[16];

    if (decision == NULL || decision[1] != 'd') {
        return wrong(replay, "'N dSTEP TASK OPERATION -> RESULT', or 'end'");
    }
    decision += 2;
    (void)snprintf(number, sizeof(number), "%.*s", (int)strcspn(decision, " "),
                   decision);
    return take_step(replay, number, line);
}

/* "d STEP STEP ..." */
static enum vmc_status take_decisions(struct replay *replay, const char *at)
{
    enum vmc_status status = VMC_OK;

    replay->is_short = true;
    while (status == VMC_OK && *(at += strspn(at, " ")) != '\0') {
        char number[16];

        (void)snprintf(number, sizeof(number), "%.*s", (int)strcspn(at, " "),
                       at);
        status = take_step(replay, number, NULL);
        at += strcspn(at, " ");
    }
    return status;
}

static enum vmc_status take_end(struct replay *replay, const char *line)
{
    const struct told_model *told = replay->told;
    char text[SCHEDULE_LINE_BYTES], why[STORY_TEXT_BYTES];
    uint16_t steps[VMC_MODEL_STEPS_MAX];

    replay->has_ended = true;
    if (replay->rule == 0 &&
        told->words->ops->enabled(told->model, replay->state, steps) == 0) {
        (void)told->words->finish(told->model, replay->state, &replay->rule,
                                  why);
    }
    end_line(text, replay->schedule->step_count,
             replay->rule != 0
                 ? told->words->rule_name(told->model, replay->rule)
                 : "-",
             story_fold_end(replay->hash, told, replay->state, replay->rule));
    return strcmp(line, text) == 0 ? VMC_OK : diverges(replay, line, text);
}

static enum vmc_status take_line(struct replay *replay, const char *line)
{
    char head[STORY_TEXT_BYTES];

    replay->line++;
    if (replay->line == 1) {
        return strcmp(line, first_line) == 0
                   ? VMC_OK
                   : wrong(replay, "'vmcycle-schedule 1'");
    }
    if (replay->line == 2) {
        replay->told->words->head(replay->told->model, head);
        return strcmp(line, head) == 0 ? VMC_OK : diverges(replay, line, head);
    }
    if (replay->has_ended) {
        return wrong(replay, "nothing after the end");
    }
    if (strncmp(line, "end ", 4) == 0) {
        return take_end(replay, line);
    }
    return strncmp(line, "d ", 2) == 0 ? take_decisions(replay, line + 2)
                                       : take_told_step(replay, line);
}

static enum vmc_status take_all(struct replay *replay, const char *text,
                                size_t size_bytes)
{
    enum vmc_status status = VMC_OK;
    const char *end = text + size_bytes;

    while (status == VMC_OK && text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        size_t bytes = (size_t)((stop != NULL ? stop : end) - text);
        char line[SCHEDULE_LINE_BYTES];

        if (bytes >= sizeof(line) || memchr(text, '\0', bytes) != NULL) {
            replay->line++;
            return wrong(replay, "a line of text, at most 511 bytes");
        }
        memcpy(line, text, bytes);
        line[bytes] = '\0';
        status = take_line(replay, line);
        text += bytes + 1;
    }
    if (status == VMC_OK && !replay->has_ended && !replay->is_short) {
        replay->line++;
        return wrong(replay, "'end'; the file is cut short");
    }
    return status;
}

enum vmc_status schedule_parse(struct vmc_schedule *schedule,
                               const struct told_model *told, const char *path,
                               const char *text, size_t size_bytes,
                               struct vmc_error *error)
{
    struct replay replay = {
        .told = told, .path = path, .schedule = schedule, .error = error};
    enum vmc_status status = VMC_E_NOMEM;

    schedule->step_count = 0;
    replay.state_bytes = told->words->ops->state_bytes(told->model);
    replay.state = calloc(2, replay.state_bytes);
    if (replay.state != NULL) {
        replay.before = replay.state + replay.state_bytes;
        told->words->ops->start(told->model, replay.state);
        status = take_all(&replay, text, size_bytes);
    }
    free(replay.state);
    return status;
}

enum vmc_status schedule_read(struct vmc_schedule *schedule,
                              const struct told_model *told, const char *path,
                              struct vmc_error *error)
{
    enum vmc_status status = VMC_E_NOMEM;
    FILE *file = fopen(path, "rbe");
    char *text;
    size_t bytes;

    if (file == NULL) {
        return vmc_fail(error, VMC_E_IO, "%s: %s", path, strerror(errno));
    }
    text = malloc(SCHEDULE_FILE_BYTES_MAX);
    if (text != NULL) {
        bytes = fread(text, 1, SCHEDULE_FILE_BYTES_MAX, file);
        if (ferror(file) != 0) {
            status = vmc_fail(error, VMC_E_IO, "%s: cannot be read", path);
        } else if (bytes == SCHEDULE_FILE_BYTES_MAX) {
            status = vmc_fail(error, VMC_E_RANGE, "%s: over %d bytes", path,
                              SCHEDULE_FILE_BYTES_MAX - 1);
        } else {
            status = schedule_parse(schedule, told, path, text, bytes, error);
        }
    }
    free(text);
    (void)fclose(file);
    return status;
}
