/* SPDX-License-Identifier: MIT */
/* A story is told by making the run again on one state; of each step remain
 * its words, and of each moment who holds what. */
#include "sim/explore/story.h"

#include <stdlib.h>
#include <string.h>

bool story_is_enabled(const struct told_model *told, const void *state,
                      uint16_t step)
{
    uint16_t steps[VMC_MODEL_STEPS_MAX];
    uint32_t count = told->words->ops->enabled(told->model, state, steps);

    for (uint32_t i = 0; i < count; i++) {
        if (steps[i] == step) {
            return true;
        }
    }
    return false;
}

static struct vmc_hash128 fold(struct vmc_hash128 hash, uint64_t value)
{
    return (struct vmc_hash128){
        .low = vmc_hash_fold(hash.low, value),
        .high = vmc_hash_fold(hash.high, ~value),
    };
}

struct vmc_hash128 story_fold(struct vmc_hash128 hash,
                              const struct story_step *said)
{
    hash = fold(hash, said->step);
    hash = fold(hash, vmc_hash_text(said->task));
    hash = fold(hash, vmc_hash_text(said->what));
    return fold(hash, vmc_hash_text(said->result));
}

struct vmc_hash128 story_fold_end(struct vmc_hash128 hash,
                                  const struct told_model *told,
                                  const void *state, uint32_t rule)
{
    struct vmc_hash128 last = told->words->ops->hash(told->model, state);

    hash = fold(hash, last.low);
    hash = fold(hash, last.high);
    return fold(hash, rule);
}

/* The states a run is made on: the one it is in, and the one before. */
struct stage {
    unsigned char *now, *before;
    size_t bytes;
};

static enum vmc_status tell_step(struct story *story,
                                 const struct told_model *told,
                                 struct stage *stage, uint16_t step)
{
    struct story_step *said = &story->steps[story->step_count];

    if (story->rule != 0 || !story_is_enabled(told, stage->now, step)) {
        return VMC_E_USAGE;
    }
    memcpy(stage->before, stage->now, stage->bytes);
    story->step_count++;
    if (told->words->step(told->model, stage->now, step, said, &story->rule,
                          story->why)) {
        told->words->look(told->model, stage->now,
                          &story->moments[story->step_count]);
    } else {
        memcpy(stage->now, stage->before, stage->bytes);
        story->moments[story->step_count] =
            story->moments[story->step_count - 1];
        story->ends_broken = true;
    }
    story->hash = story_fold(story->hash, said);
    return VMC_OK;
}

static enum vmc_status tell_all(struct story *story,
                                const struct told_model *told,
                                struct stage *stage,
                                const struct vmc_schedule *schedule,
                                const bool *is_idle)
{
    const struct story_words *words = told->words;
    uint16_t none[VMC_MODEL_STEPS_MAX];
    enum vmc_status status = VMC_OK;

    words->head(told->model, story->head);
    words->ops->start(told->model, stage->now);
    words->look(told->model, stage->now, &story->moments[0]);
    for (uint32_t i = 0; i < schedule->step_count && status == VMC_OK; i++) {
        status = tell_step(story, told, stage, schedule->steps[i]);
        if (status == VMC_OK && is_idle != NULL) {
            story->steps[i].is_idle = is_idle[i];
        }
    }
    if (status != VMC_OK) {
        return status;
    }
    if (!story->ends_broken &&
        words->ops->enabled(told->model, stage->now, none) == 0) {
        (void)words->finish(told->model, stage->now, &story->rule, story->why);
    }
    story->hash = story_fold_end(story->hash, told, stage->now, story->rule);
    (void)snprintf(story->rule_name, sizeof(story->rule_name), "%s",
                   story->rule != 0 ? words->rule_name(told->model, story->rule)
                                    : "-");
    return VMC_OK;
}

enum vmc_status story_tell(struct story *story, const struct told_model *told,
                           const struct vmc_schedule *schedule,
                           const bool *is_idle)
{
    struct stage stage = {
        .bytes = told->words->ops->state_bytes(told->model),
    };
    enum vmc_status status = VMC_E_NOMEM;

    memset(story, 0, sizeof(*story));
    stage.now = calloc(2, stage.bytes);
    story->steps = calloc((size_t)schedule->step_count + 1, //
                          sizeof(*story->steps));
    story->moments =
        calloc((size_t)schedule->step_count + 1, sizeof(*story->moments));
    if (stage.now != NULL && story->steps != NULL && story->moments != NULL) {
        stage.before = stage.now + stage.bytes;
        status = tell_all(story, told, &stage, schedule, is_idle);
    }
    free(stage.now);
    if (status != VMC_OK) {
        story_free(story);
    }
    return status;
}

void story_free(struct story *story)
{
    free(story->steps);
    free(story->moments);
    story->steps = NULL;
    story->moments = NULL;
}
