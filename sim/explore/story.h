/* SPDX-License-Identifier: MIT */
/**
 * story.h - one run of a model, step by step, in words: what schedule files,
 * timelines and pictures are made of.
 *
 * A model that the explorer searches knows numbers only. Beside it stands a
 * struct story_words, which says who makes a step, what it does, and what
 * everybody holds afterwards. story_tell() makes a run once more and keeps
 * these words; everything that a person sees is drawn from them.
 *
 * Owner    A story is the caller's, for story_free(). It borrows nothing.
 */
#ifndef VMC_SIM_EXPLORE_STORY_H
#define VMC_SIM_EXPLORE_STORY_H

#include <stdio.h>

#include "base/base.h"
#include "explore/model.h"
#include "explore/search.h"

enum {
    STORY_NAME_BYTES = 32,
    STORY_TEXT_BYTES = 256,
    STORY_LANES_MAX = 24,
    STORY_OBJECTS_MAX = 8,
    STORY_LOCKS_MAX = 16,
    STORY_NOBODY = 0xff,
};

/** What a lane can hold: how many of each. */
enum story_hold {
    STORY_SECTION,   /**< read sections, interrupts off: what keeps others out
                        of the way without excluding them */
    STORY_LOCK,      /**< locks */
    STORY_REFERENCE, /**< references it has taken itself */
    STORY_HOLDS
};

/** What a step does to its subject, where a picture shows it. */
enum story_effect { STORY_PLAIN, STORY_FREES };

/** One step in words. */
struct story_step {
    uint16_t step;   /**< the decision */
    uint8_t lane;    /**< who makes it */
    uint8_t spawned; /**< lane that it started, or STORY_NOBODY */
    uint8_t effect;  /**< enum story_effect */
    bool is_idle;    /**< the failure does not depend on it */
    uint32_t line;   /**< in the scenario, or 0 */
    char task[STORY_NAME_BYTES];
    char what[2 * STORY_NAME_BYTES]; /**< "get A#1 cand" */
    char subject[STORY_NAME_BYTES];  /**< "A#1", or "-" */
    char result[STORY_NAME_BYTES];   /**< "1", or "-" */
};

struct story_lane {
    char name[STORY_NAME_BYTES];
    uint8_t holds[STORY_HOLDS];
    bool is_done;
    bool is_spawned; /**< not there when the run began */
};

struct story_object {
    char name[STORY_NAME_BYTES], state[STORY_NAME_BYTES];
    int32_t count;
    bool is_gone;  /**< not yet there, or freed */
    bool is_plain; /**< a count of 0 means no more than that */
};

struct story_lock {
    char name[STORY_NAME_BYTES]; /**< empty: there is no such lock */
    uint8_t owner;               /**< a lane, or STORY_NOBODY */
};

/** Everybody at one moment. */
struct story_moment {
    uint32_t lane_count, object_count, lock_count;
    struct story_lane lanes[STORY_LANES_MAX];
    struct story_object objects[STORY_OBJECTS_MAX];
    struct story_lock locks[STORY_LOCKS_MAX];
};

/** The words of a kind of model. A rule is a number as in model.h. */
struct story_words {
    const struct vmc_model_ops *ops;

    /** One line that names what is run: "scenario S03 variant bug". */
    void (*head)(const void *model, char text[STORY_TEXT_BYTES]);

    /** Make @step as ops->step() does and fill *@said. False when it broke
     * *@rule; @why then says so in a sentence. */
    bool (*step)(void *model, void *state, uint16_t step,
                 struct story_step *said, uint32_t *rule,
                 char why[STORY_TEXT_BYTES]);

    /** As ops->finish(), with a sentence. */
    bool (*finish)(void *model, const void *state, uint32_t *rule,
                   char why[STORY_TEXT_BYTES]);

    /** Fill *@moment, which is zeroed. */
    void (*look)(void *model, const void *state, struct story_moment *moment);

    /** The short name of @rule, as "V01". */
    const char *(*rule_name)(const void *model, uint32_t rule);

    /** Write what else is to be said of the run @schedule; may be NULL. */
    enum vmc_status (*report)(void *model, const struct vmc_schedule *schedule,
                              FILE *to);
};

/** A model together with its words. */
struct told_model {
    const struct story_words *words;
    void *model;
};

struct story {
    char head[STORY_TEXT_BYTES];
    uint32_t step_count;
    struct story_step *steps;
    struct story_moment *moments; /**< one more: before, and after each step.
                                     After a broken step: as before it */
    uint32_t rule;                /**< 0: none was broken */
    bool ends_broken;             /**< the last step broke it, not the end */
    char rule_name[STORY_NAME_BYTES];
    char why[STORY_TEXT_BYTES];
    struct vmc_hash128 hash; /**< over all steps with their results, and the
                                last state that is of use */
};

/**
 * Make the run @schedule of @told once more.
 * @is_idle, or NULL, has an entry for each step: see struct story_step.
 * Fails    VMC_E_NOMEM; VMC_E_USAGE when a step cannot be made.
 */
enum vmc_status story_tell(struct story *story, const struct told_model *told,
                           const struct vmc_schedule *schedule,
                           const bool *is_idle);

/** Free what @story holds. */
void story_free(struct story *story);

/** Whether @step is one of those that @state allows. */
bool story_is_enabled(const struct told_model *told, const void *state,
                      uint16_t step);

/** Fold one step into the hash of a run. */
struct vmc_hash128 story_fold(struct vmc_hash128 hash,
                              const struct story_step *said);

/** Fold the state and the verdict at the end of a run into its hash. */
struct vmc_hash128 story_fold_end(struct vmc_hash128 hash,
                                  const struct told_model *told,
                                  const void *state, uint32_t rule);

#endif
