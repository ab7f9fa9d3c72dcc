/* SPDX-License-Identifier: MIT */
#include "sim/explore/story_vcd.h"

#include <inttypes.h>
#include <string.h>

enum {
    STEP_TICKS = 1000000,
    STEP_BITS = 16,
    TASK_BITS = 6,
    COUNT_BITS = 8,
    REFERENCES_BITS = 32,
    STATE_BITS = 6,
    STATES_MAX = (1 << STATE_BITS) - 1,
    NAME_BYTES = 2 * STORY_NAME_BYTES,
    SIGNALS_MAX =
        4 + 4 * STORY_LANES_MAX + STORY_LOCKS_MAX + 3 * STORY_OBJECTS_MAX,
};

struct writer {
    struct vmc_vcd *vcd;
    const struct story *story;
    uint32_t step, task, line, is_broken;
    struct {
        uint32_t holds[STORY_HOLDS], is_done;
    } tasks[STORY_LANES_MAX];
    uint32_t owners[STORY_LOCKS_MAX];
    struct {
        uint32_t count, state, is_there;
    } objects[STORY_OBJECTS_MAX];
    const char *states[STATES_MAX]; /* in the order of their first showing */
    uint32_t state_count;
};

/* The last moment knows all lanes: those that were spawned come at the end. */
static const struct story_moment *last_moment(const struct story *story)
{
    return &story->moments[story->step_count];
}

/* ---- Names -------------------------------------------------------------- */

/* A name as a scope: letters, digits and underlines. Those of scenarios begin
 * with a letter. */
static void make_scope(char *to, size_t bytes, const char *name)
{
    (void)snprintf(to, bytes, "%s", name);
    for (; *to != '\0'; to++) {
        bool is_good = (*to >= 'a' && *to <= 'z') ||
                       (*to >= 'A' && *to <= 'Z') || (*to >= '0' && *to <= '9');

        if (!is_good) {
            *to = '_';
        }
    }
}

/* The scope of a lane; a lane that is called as one before has its number, from
 * 1, behind its name. */
static void lane_scope(const struct story_moment *moment, uint32_t lane,
                       char *to, size_t bytes)
{
    bool is_taken = false;
    size_t used;

    make_scope(to, bytes, moment->lanes[lane].name);
    for (uint32_t i = 0; i < moment->lane_count && !is_taken; i++) {
        char other[STORY_NAME_BYTES];

        make_scope(other, sizeof(other), moment->lanes[i].name);
        is_taken = i != lane && strcmp(other, to) == 0;
    }
    if (is_taken) {
        used = strlen(to);
        (void)snprintf(to + used, bytes - used, "_%u", (unsigned)lane + 1);
    }
}

static uint32_t add(struct writer *self, const char *scope, const char *name,
                    const char *what, uint32_t width_bits)
{
    char text[2 * NAME_BYTES];
    uint32_t signal;

    (void)snprintf(text, sizeof(text), "%s.%s%s%s", scope, name,
                   what[0] != '\0' ? "." : "", what);
    signal = vmc_vcd_add(self->vcd, text, width_bits);
    vmc_vcd_set(self->vcd, signal, 0);
    return signal;
}

static void add_tasks(struct writer *self)
{
    static const char *const holds[] = {[STORY_SECTION] = "sections",
                                        [STORY_LOCK] = "locks",
                                        [STORY_REFERENCE] = "references"};
    const struct story_moment *last = last_moment(self->story);
    char name[NAME_BYTES], remark[2 * NAME_BYTES];

    static_assert(VMC_COUNT_OF(holds) == STORY_HOLDS, "a name a kind");
    for (uint32_t lane = 0; lane < last->lane_count; lane++) {
        lane_scope(last, lane, name, sizeof(name));
        for (uint32_t i = 0; i < STORY_HOLDS; i++) {
            self->tasks[lane].holds[i] =
                add(self, "task", name, holds[i], COUNT_BITS);
        }
        self->tasks[lane].is_done = add(self, "task", name, "is_done", 1);
        (void)snprintf(remark, sizeof(remark), "task %u: %s",
                       (unsigned)lane + 1, last->lanes[lane].name);
        vmc_vcd_remark(self->vcd, remark);
    }
}

static void add_locks(struct writer *self)
{
    const struct story_moment *last = last_moment(self->story);
    char name[NAME_BYTES];

    for (uint32_t i = 0; i < last->lock_count; i++) {
        self->owners[i] = VMC_VCD_NOT_SELECTED;
        if (last->locks[i].name[0] != '\0') {
            make_scope(name, sizeof(name), last->locks[i].name);
            self->owners[i] = add(self, "lock", name, "owner", TASK_BITS);
        }
    }
}

static uint32_t state_number(struct writer *self, const char *state)
{
    for (uint32_t i = 0; i < self->state_count; i++) {
        if (strcmp(self->states[i], state) == 0) {
            return i + 1;
        }
    }
    if (self->state_count < STATES_MAX) {
        self->states[self->state_count++] = state;
        return self->state_count;
    }
    return 0;
}

/* Objects have their place for a name; what lives there changes. */
static void add_objects(struct writer *self)
{
    const struct story *story = self->story;
    char name[NAME_BYTES], remark[2 * NAME_BYTES];

    for (uint32_t i = 0; i < last_moment(story)->object_count; i++) {
        (void)snprintf(name, sizeof(name), "object%u", (unsigned)i + 1);
        self->objects[i].count = add(self, name, "count", "", REFERENCES_BITS);
        self->objects[i].state = add(self, name, "state", "", STATE_BITS);
        self->objects[i].is_there = add(self, name, "is_there", "", 1);
        (void)snprintf(remark, sizeof(remark), "%s: %s", name,
                       last_moment(story)->objects[i].name);
        vmc_vcd_remark(self->vcd, remark);
    }
    for (uint32_t m = 0; m <= story->step_count; m++) {
        for (uint32_t i = 0; i < story->moments[m].object_count; i++) {
            (void)state_number(self, story->moments[m].objects[i].state);
        }
    }
    for (uint32_t i = 0; i < self->state_count; i++) {
        (void)snprintf(remark, sizeof(remark), "state %u: %s", (unsigned)i + 1,
                       self->states[i]);
        vmc_vcd_remark(self->vcd, remark);
    }
}

static void add_signals(struct writer *self)
{
    vmc_vcd_remark(self->vcd, self->story->head);
    self->step = add(self, "run", "step", "", STEP_BITS);
    self->task = add(self, "run", "task", "", TASK_BITS);
    self->line = add(self, "run", "line", "", STEP_BITS);
    self->is_broken = add(self, "run", "is_broken", "", 1);
    add_tasks(self);
    add_locks(self);
    add_objects(self);
}

/* ---- Changes ------------------------------------------------------------ */

/* What holds from the start on is no change. */
static void put(struct writer *self, uint64_t tick, uint32_t signal,
                uint64_t value)
{
    if (tick == 0) {
        vmc_vcd_set(self->vcd, signal, value);
    } else {
        vmc_vcd_change(self->vcd, tick, signal, value);
    }
}

static void show_moment(struct writer *self, uint64_t tick,
                        const struct story_moment *moment)
{
    for (uint32_t i = 0; i < moment->lane_count; i++) {
        for (uint32_t k = 0; k < STORY_HOLDS; k++) {
            put(self, tick, self->tasks[i].holds[k], moment->lanes[i].holds[k]);
        }
        put(self, tick, self->tasks[i].is_done, moment->lanes[i].is_done);
    }
    for (uint32_t i = 0; i < moment->lock_count; i++) {
        uint8_t owner = moment->locks[i].owner;

        put(self, tick, self->owners[i],
            owner != STORY_NOBODY ? owner + 1U : 0);
    }
    for (uint32_t i = 0; i < moment->object_count; i++) {
        const struct story_object *object = &moment->objects[i];

        put(self, tick, self->objects[i].count,
            (uint64_t)(int64_t)object->count);
        put(self, tick, self->objects[i].state,
            state_number(self, object->state));
        put(self, tick, self->objects[i].is_there, !object->is_gone);
    }
}

static void show_steps(struct writer *self)
{
    const struct story *story = self->story;

    for (uint32_t i = 0; i <= story->step_count; i++) {
        const struct story_step *step =
            i < story->step_count ? &story->steps[i] : NULL;
        uint64_t tick = (uint64_t)i * STEP_TICKS;
        bool is_last = i + 1 == story->step_count;

        show_moment(self, tick, &story->moments[i]);
        put(self, tick, self->step, i);
        put(self, tick, self->task, step != NULL ? step->lane + 1U : 0);
        put(self, tick, self->line, step != NULL ? step->line : 0);
        put(self, tick, self->is_broken, is_last && story->ends_broken);
    }
}

enum vmc_status story_vcd_write(const struct waveform_options *options,
                                const struct story *story,
                                struct vmc_error *error)
{
    struct writer self = {.story = story};
    struct waveform waveform;
    enum vmc_status status =
        waveform_open(&waveform, options, SIGNALS_MAX, error);

    if (status == VMC_OK) {
        self.vcd = waveform.vcd;
        add_signals(&self);
        status = waveform_ready(&waveform, error);
    }
    if (status == VMC_OK) {
        show_steps(&self);
        status = waveform_finish(
            &waveform, (uint64_t)story->step_count * STEP_TICKS, error);
    }
    waveform_free(&waveform);
    return status;
}
