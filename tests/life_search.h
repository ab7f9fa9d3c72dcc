/* SPDX-License-Identifier: MIT */
/* The plain search that tests of lib/vcpu use: depth first, every state once,
 * counting paths. It is the stupid twin of the explorer and knows no bounds,
 * so only for small scenarios. */
#ifndef VMC_TESTS_LIFE_SEARCH_H
#define VMC_TESTS_LIFE_SEARCH_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "vcpu/life.h"
#include "vcpu/program.h"

enum { SEARCH_SLOTS = 1 << 18, SEARCH_DEPTH_MAX = 4096 };

struct search_entry {
    struct vmc_hash128 hash;
    uint64_t schedules, failing;
    bool is_used;
};

struct search {
    const struct vmc_life_program *program;
    struct search_entry *entries;
    struct vmc_life_state *path; /* the states from the start to here */
    uint32_t state_count;
    uint64_t rules, notes; /* broken, a bit each */
    uint64_t schedules, failing;
    struct vmc_life_watch watch;
};

static struct search_entry *search_slot(struct search *search,
                                        struct vmc_hash128 hash)
{
    size_t i = hash.low % SEARCH_SLOTS;

    while (search->entries[i].is_used &&
           (search->entries[i].hash.low != hash.low ||
            search->entries[i].hash.high != hash.high)) {
        i = (i + 1) % SEARCH_SLOTS;
    }
    return &search->entries[i];
}

static struct search_entry search_visit(struct search *search,
                                        const struct vmc_life_state *state,
                                        int depth)
{
    struct search_entry *slot, entry = {.is_used = true};
    uint16_t steps[VMC_LIFE_STEPS_MAX];
    uint32_t count;

    entry.hash = vmc_life_hash(search->program, state);
    slot = search_slot(search, entry.hash);
    ck_assert_int_lt(depth, SEARCH_DEPTH_MAX);
    if (slot->is_used) {
        return *slot;
    }
    count = vmc_life_enabled(search->program, state, steps);
    if (count == 0) {
        struct vmc_life_violation violation;

        entry.schedules = 1;
        if (!vmc_life_finish(search->program, state, &violation,
                             &search->watch)) {
            entry.failing = 1;
            search->rules |= UINT64_C(1) << violation.rule;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        struct vmc_life_state *next = &search->path[depth + 1];
        struct vmc_life_event event;

        *next = *state;
        if (vmc_life_step(search->program, next, steps[i], &event,
                          &search->watch)) {
            struct search_entry found = search_visit(search, next, depth + 1);

            entry.schedules += found.schedules;
            entry.failing += found.failing;
        } else {
            entry.schedules++;
            entry.failing++;
            search->rules |= UINT64_C(1) << event.violation.rule;
        }
    }
    *search_slot(search, entry.hash) = entry;
    ck_assert_uint_lt(++search->state_count, SEARCH_SLOTS / 2);
    return entry;
}

/* Search all of @program. The caller frees nothing. */
static struct search search_all(const struct vmc_life_program *program)
{
    struct search search = {.program = program};
    struct search_entry entry;

    search.entries = calloc(SEARCH_SLOTS, sizeof(*search.entries));
    ck_assert_ptr_nonnull(search.entries);
    search.path = calloc(SEARCH_DEPTH_MAX + 1, sizeof(*search.path));
    ck_assert_ptr_nonnull(search.path);
    vmc_life_start(program, search.path);
    entry = search_visit(&search, search.path, 0);
    search.schedules = entry.schedules;
    search.failing = entry.failing;
    for (uint32_t i = 0; i < search.watch.note_count; i++) {
        search.notes |= UINT64_C(1) << search.watch.notes[i].rule;
    }
    free(search.entries);
    free(search.path);
    search.entries = NULL;
    search.path = NULL;
    return search;
}

#endif
