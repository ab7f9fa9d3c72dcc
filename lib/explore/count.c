/* SPDX-License-Identifier: MIT */
/*
 * The path from the start to the present place is a stack of frames, each with
 * the sums so far; what a finished place has summed up is kept by its number
 * in the table, so a place that is met again adds its sums at once. A place
 * that is met again while it is still on the path closes a cycle.
 *
 * Without a bound a place is a state. With one, schedules that go on from a
 * state also depend on the task that came last and on the preemptions left, so
 * a place is all three.
 *
 * Columns beside the table are as long as its room: 18 bytes a place, and 24
 * more from the first failing schedule on.
 */
#include "explore/count_priv.h"

#include <stdlib.h>
#include <string.h>

#include "explore/table.h"

enum {
    DEPTH_BITS = 0x3fff, /* of a column entry; the two above are flags */
    PLACE_IS_OPEN = 0x4000,
    PLACE_IS_CUT = 0x8000,
};

static_assert((int)VMC_SCHEDULE_STEPS_MAX < (int)DEPTH_BITS, "depths fit");

struct frame {
    uint32_t place, last, left;
    uint32_t step_count, next, depth;
    bool can_go_on; /* the task that came last */
    bool is_cut;
    vmc_u128 schedules, failing, failure_q62;
    uint16_t steps[VMC_MODEL_STEPS_MAX];
};

/* What follows from a place. */
struct sums {
    vmc_u128 schedules, failing;
    uint64_t failure_q62;
    uint32_t depth;
    bool is_cut;
};

struct vmc_counter {
    struct vmc_searcher *searcher;
    struct vmc_table table;
    vmc_u128 *schedules, *failing; /* by place; failing from the first on */
    uint64_t *failure_q62;
    uint16_t *marks; /* depth and flags */
    uint32_t room;
    struct frame *frames;
    unsigned char *states; /* one for each frame, and one more */
    uint16_t *path;        /* steps that led to the frames, and one more */
    uint32_t depth;        /* the last frame */
    bool is_bounded, is_over, is_resumed;
};

struct vmc_counter *vmc_counter_new(struct vmc_searcher *searcher)
{
    struct vmc_counter *counter = calloc(1, sizeof(*counter));

    if (counter == NULL) {
        return NULL;
    }
    counter->searcher = searcher;
    counter->frames = calloc(VMC_SCHEDULE_STEPS_MAX, sizeof(*counter->frames));
    counter->states = calloc(VMC_SCHEDULE_STEPS_MAX + 1, searcher->state_bytes);
    counter->path = calloc(VMC_SCHEDULE_STEPS_MAX + 1, sizeof(*counter->path));
    if (counter->frames == NULL || counter->states == NULL ||
        counter->path == NULL) {
        vmc_counter_free(counter);
        return NULL;
    }
    return counter;
}

void vmc_counter_free(struct vmc_counter *counter)
{
    if (counter == NULL) {
        return;
    }
    vmc_table_fini(&counter->table);
    free(counter->schedules);
    free(counter->failing);
    free(counter->failure_q62);
    free(counter->marks);
    free(counter->frames);
    free(counter->states);
    free(counter->path);
    free(counter);
}

uint32_t vmc_counter_places(const struct vmc_counter *counter)
{
    return counter->table.count;
}

/* ---- Columns ------------------------------------------------------------ */

static uint64_t bytes_held(const struct vmc_counter *counter)
{
    uint64_t each = sizeof(*counter->schedules) + sizeof(*counter->marks);

    if (counter->failing != NULL) {
        each += sizeof(*counter->failing) + sizeof(*counter->failure_q62);
    }
    return vmc_table_bytes(&counter->table) + counter->room * each;
}

/* Columns of failures are zero until the first one, and absent. */
static enum vmc_status add_failure_columns(struct vmc_counter *counter)
{
    counter->failing = calloc(counter->room, sizeof(*counter->failing));
    counter->failure_q62 = calloc(counter->room, sizeof(*counter->failure_q62));
    return counter->failing != NULL && counter->failure_q62 != NULL
               ? VMC_OK
               : VMC_E_NOMEM;
}

static enum vmc_status resize_columns(struct vmc_counter *counter)
{
    uint32_t room = counter->table.room;
    vmc_u128 *schedules =
        realloc(counter->schedules, room * sizeof(*schedules));
    uint16_t *marks;

    if (schedules == NULL) {
        return VMC_E_NOMEM;
    }
    counter->schedules = schedules;
    marks = realloc(counter->marks, room * sizeof(*marks));
    if (marks == NULL) {
        return VMC_E_NOMEM;
    }
    counter->marks = marks;
    if (counter->failing != NULL) {
        vmc_u128 *failing = realloc(counter->failing, room * sizeof(*failing));
        uint64_t *failure_q62;

        if (failing == NULL) {
            return VMC_E_NOMEM;
        }
        counter->failing = failing;
        failure_q62 =
            realloc(counter->failure_q62, room * sizeof(*failure_q62));
        if (failure_q62 == NULL) {
            return VMC_E_NOMEM;
        }
        counter->failure_q62 = failure_q62;
    }
    counter->room = room;
    return VMC_OK;
}

static struct sums sums_of(const struct vmc_counter *counter, uint32_t place)
{
    struct sums sums = {
        .schedules = counter->schedules[place],
        .depth = counter->marks[place] & DEPTH_BITS,
        .is_cut = (counter->marks[place] & PLACE_IS_CUT) != 0,
    };

    if (counter->failing != NULL) {
        sums.failing = counter->failing[place];
        sums.failure_q62 = counter->failure_q62[place];
    }
    return sums;
}

/* The columns and the table, which have an entry for each place. */
static void archive_places(struct vmc_counter *counter,
                           struct vmc_archive *archive)
{
    bool has_failing = counter->failing != NULL;
    uint32_t count;

    vmc_table_archive(&counter->table, archive);
    VMC_ARCHIVE(archive, has_failing);
    count = counter->table.count;
    if (vmc_archive_is_loading(archive) && vmc_archive_is_good(archive) &&
        count > 0 &&
        (resize_columns(counter) != VMC_OK ||
         (has_failing && add_failure_columns(counter) != VMC_OK))) {
        vmc_archive_fail(archive, VMC_E_NOMEM, "out of memory");
    }
    if (count == 0 || !vmc_archive_is_good(archive)) {
        return;
    }
    vmc_archive_bytes(archive, "schedules", counter->schedules,
                      count * sizeof(*counter->schedules));
    vmc_archive_bytes(archive, "marks", counter->marks,
                      count * sizeof(*counter->marks));
    if (has_failing) {
        vmc_archive_bytes(archive, "failing", counter->failing,
                          count * sizeof(*counter->failing));
        vmc_archive_bytes(archive, "failure_q62", counter->failure_q62,
                          count * sizeof(*counter->failure_q62));
    }
}

void vmc_counter_archive(struct vmc_counter *counter,
                         struct vmc_archive *archive)
{
    archive_places(counter, archive);
    VMC_ARCHIVE(archive, counter->is_bounded);
    counter->depth = (uint32_t)vmc_archive_count(
        archive, "depth", counter->depth, (uint64_t)VMC_SCHEDULE_STEPS_MAX - 1);
    if (!vmc_archive_is_good(archive)) {
        return;
    }
    vmc_archive_bytes(archive, "frames", counter->frames,
                      (counter->depth + 1) * sizeof(*counter->frames));
    vmc_archive_bytes(archive, "states", counter->states,
                      (counter->depth + 1) * counter->searcher->state_bytes);
    vmc_archive_bytes(archive, "path", counter->path,
                      counter->depth * sizeof(*counter->path));
    counter->is_resumed = vmc_archive_is_loading(archive);
}

/* ---- Places ------------------------------------------------------------- */

static unsigned char *state_at(const struct vmc_counter *counter,
                               uint32_t depth)
{
    return counter->states + depth * counter->searcher->state_bytes;
}

/* The key of the state at @depth when @last came before it. */
static struct vmc_hash128 key_at(const struct vmc_counter *counter,
                                 uint32_t depth, uint32_t last, uint32_t left)
{
    const struct vmc_searcher *searcher = counter->searcher;
    struct vmc_hash128 hash =
        searcher->ops->hash(searcher->model, state_at(counter, depth));

    if (counter->is_bounded) {
        uint64_t more = (uint64_t)(last + 1) << 32 | left;

        hash.low = vmc_hash_fold(hash.low, more);
        hash.high = vmc_hash_fold(hash.high, ~more);
    }
    return hash;
}

static void add(struct vmc_searcher *searcher, vmc_u128 *sum, vmc_u128 value)
{
    if (__builtin_add_overflow(*sum, value, sum)) {
        *sum = ~(vmc_u128)0;
        searcher->result->has_overflow = true;
    }
}

static void add_child(struct vmc_counter *counter, struct frame *frame,
                      const struct sums *child)
{
    add(counter->searcher, &frame->schedules, child->schedules);
    add(counter->searcher, &frame->failing, child->failing);
    frame->failure_q62 += child->failure_q62;
    frame->is_cut = frame->is_cut || child->is_cut;
    if (child->depth + 1 > frame->depth) {
        frame->depth = child->depth + 1;
    }
}

/* Judge the end that @frame at @depth is. */
static void judge(struct vmc_counter *counter, struct frame *frame,
                  uint32_t depth)
{
    struct vmc_searcher *searcher = counter->searcher;
    uint32_t rule = 0;

    frame->schedules = 1;
    if (!searcher->ops->finish(searcher->model, state_at(counter, depth),
                               &rule)) {
        frame->failing = 1;
        frame->failure_q62 = VMC_CERTAIN_Q62;
        vmc_searcher_fail(searcher, rule, counter->path, depth);
    }
}

/* Enter the new place at @depth, whose frame has last and left set. */
static void open_frame(struct vmc_counter *counter, uint32_t depth,
                       uint32_t place)
{
    struct vmc_searcher *searcher = counter->searcher;
    struct frame *frame = &counter->frames[depth];

    counter->marks[place] = PLACE_IS_OPEN;
    counter->schedules[place] = 0;
    if (counter->failing != NULL) {
        counter->failing[place] = 0;
        counter->failure_q62[place] = 0;
    }
    frame->place = place;
    frame->schedules = frame->failing = frame->failure_q62 = 0;
    frame->next = frame->depth = 0;
    frame->is_cut = false;
    frame->step_count = searcher->ops->enabled(
        searcher->model, state_at(counter, depth), frame->steps);
    assert(frame->step_count <= VMC_MODEL_STEPS_MAX);
    if (frame->step_count == 0) {
        judge(counter, frame, depth);
    } else if (counter->is_bounded) {
        frame->can_go_on = vmc_searcher_can_go_on(
            searcher, frame->last, frame->steps, frame->step_count);
    }
}

static enum vmc_status close_frame(struct vmc_counter *counter,
                                   const struct frame *frame)
{
    uint32_t place = frame->place;

    counter->schedules[place] = frame->schedules;
    counter->marks[place] =
        (uint16_t)(frame->depth | (frame->is_cut ? PLACE_IS_CUT : 0U));
    if (frame->failing == 0) {
        return VMC_OK;
    }
    if (counter->failing == NULL && add_failure_columns(counter) != VMC_OK) {
        return VMC_E_NOMEM;
    }
    counter->failing[place] = frame->failing;
    counter->failure_q62[place] =
        (uint64_t)(frame->failure_q62 /
                   (frame->step_count != 0 ? frame->step_count : 1));
    return VMC_OK;
}

/* Whether one more place fits into the budget. */
static bool may_add(const struct vmc_counter *counter, uint32_t depth)
{
    const struct vmc_search_budget *budget = &counter->searcher->config->budget;

    return depth < VMC_SCHEDULE_STEPS_MAX &&
           counter->table.count < budget->states_max &&
           (budget->memory_bytes_max == 0 ||
            bytes_held(counter) <= budget->memory_bytes_max);
}

/* A new place at @depth is not entered. */
static void give_up(struct vmc_counter *counter, uint32_t depth)
{
    if (depth == VMC_SCHEDULE_STEPS_MAX) {
        counter->searcher->result->limit = VMC_LIMIT_DEPTH;
    } else {
        counter->is_over = !vmc_searcher_may_hold(
            counter->searcher, (uint64_t)counter->table.count + 1,
            bytes_held(counter));
    }
}

/* What goes on from @place is known, or it is on the path. */
static void meet_again(struct vmc_counter *counter, struct frame *parent,
                       uint32_t place)
{
    if ((counter->marks[place] & PLACE_IS_OPEN) != 0) {
        counter->searcher->result->has_cycle = true;
    } else {
        struct sums sums = sums_of(counter, place);

        add_child(counter, parent, &sums);
    }
}

/* Look the state at @depth up. VMC_OK: it is new and its frame is open.
 * VMC_END: it adds to the frame before it, or the budget is used up. */
static enum vmc_status enter(struct vmc_counter *counter, uint32_t depth,
                             struct frame *parent, uint32_t last, uint32_t left)
{
    struct vmc_hash128 key = key_at(counter, depth, last, left);
    uint32_t place = VMC_TABLE_NONE;
    enum vmc_status status = VMC_OK;
    bool is_new = false;

    if (may_add(counter, depth)) {
        status = vmc_table_add(&counter->table, key, &place, &is_new);
    } else {
        place = vmc_table_find(&counter->table, key);
    }
    if (status == VMC_OK && place == VMC_TABLE_NONE) {
        give_up(counter, depth);
        return VMC_END;
    }
    if (status == VMC_OK && !is_new) {
        meet_again(counter, parent, place);
        return VMC_END;
    }
    if (status == VMC_OK && counter->room != counter->table.room) {
        status = resize_columns(counter);
    }
    if (status == VMC_OK) {
        counter->frames[depth].last = last;
        counter->frames[depth].left = left;
        open_frame(counter, depth, place);
    }
    return status;
}

/* Make the next step of the frame at @depth; returns as enter() does. */
static enum vmc_status make_step(struct vmc_counter *counter, uint32_t depth)
{
    struct vmc_searcher *searcher = counter->searcher;
    struct frame *frame = &counter->frames[depth];
    uint16_t step = frame->steps[frame->next++];
    uint32_t task = VMC_NO_TASK, left = frame->left, rule = 0;
    unsigned char *state = state_at(counter, depth + 1);

    if (counter->is_bounded) {
        task = vmc_searcher_task(searcher, step);
        if (task != frame->last && frame->can_go_on) {
            if (left == 0) {
                frame->is_cut = true;
                return VMC_END;
            }
            left--;
        }
    }
    if (!vmc_searcher_may_step(searcher)) {
        counter->is_over = true;
        return VMC_END;
    }
    memcpy(state, state_at(counter, depth), searcher->state_bytes);
    counter->path[depth] = step;
    if (!searcher->ops->step(searcher->model, state, step, &rule)) {
        const struct sums broken = {
            .schedules = 1, .failing = 1, .failure_q62 = VMC_CERTAIN_Q62};

        vmc_searcher_fail(searcher, rule, counter->path, depth + 1);
        add_child(counter, frame, &broken);
        return VMC_END;
    }
    return enter(counter, depth + 1, frame, task, left);
}

/* Enter the start. */
static enum vmc_status begin(struct vmc_counter *counter, uint32_t bound)
{
    struct vmc_searcher *searcher = counter->searcher;
    struct frame root = {.place = 0};

    counter->depth = 0;
    counter->is_bounded = bound != VMC_UNBOUNDED;
    searcher->ops->start(searcher->model, state_at(counter, 0));
    return enter(counter, 0, &root, VMC_NO_TASK,
                 counter->is_bounded ? bound : 0);
}

enum vmc_status vmc_counter_run(struct vmc_counter *counter, uint32_t bound,
                                struct vmc_counts *counts)
{
    struct vmc_searcher *searcher = counter->searcher;
    enum vmc_status status = VMC_OK;

    if (!counter->is_resumed) {
        status = begin(counter, bound);
    }
    counter->is_resumed = false;
    while (status == VMC_OK) {
        uint32_t depth = counter->depth;
        struct frame *frame = &counter->frames[depth];

        status = vmc_searcher_keep(searcher, counter->table.count);
        if (status != VMC_OK) {
            break;
        }
        if (frame->next < frame->step_count && !counter->is_over) {
            status = make_step(counter, depth);
            counter->depth += status == VMC_OK;
            status = status == VMC_END ? VMC_OK : status;
            continue;
        }
        status = close_frame(counter, frame);
        if (depth == 0 || status != VMC_OK) {
            break;
        }
        counter->depth--;
        {
            struct sums sums = sums_of(counter, frame->place);

            add_child(counter, &counter->frames[depth - 1], &sums);
        }
    }
    if (status != VMC_OK) {
        return status;
    }
    *counts = (struct vmc_counts){
        .schedules = counter->frames[0].schedules,
        .failing = counter->frames[0].failing,
        .failure_q62 = sums_of(counter, counter->frames[0].place).failure_q62,
        .depth = counter->frames[0].depth,
        .is_cut = counter->frames[0].is_cut,
    };
    searcher->result->memory_bytes = bytes_held(counter);
    return VMC_OK;
}
