/* SPDX-License-Identifier: MIT */
/*
 * Two bits a component: one says that it acts at the coming edge, one that it
 * was woken at this edge and joins when the walk is over.
 */
#include "event/edge.h"

#include <stdlib.h>

enum { COMPONENTS_MAX = 1 << 20, WORD_BITS = 64 };

struct component {
    vmc_edge_fn *act;
    void *device;
};

struct words {
    uint64_t awake, waking;
};

/* Plain data, the words behind it. */
struct state {
    uint64_t edge_tick; /* of the pending event, or UINT64_MAX */
    struct words words[];
};

struct vmc_edge {
    struct vmc_edge_config config;
    uint32_t component_count, word_count;
    uint16_t handler;
    struct component *components;
    struct state *state;
};

/* Ask for the first edge after now. */
static void ask(struct vmc_edge *edge)
{
    uint64_t now_tick = vmc_engine_now_tick(edge->config.engine);
    uint64_t delay_ticks =
        1 + vmc_clock_delay_ticks(&edge->config.clock, now_tick + 1, 0);

    edge->state->edge_tick = now_tick + delay_ticks;
    vmc_engine_schedule(edge->config.engine, delay_ticks, edge->config.phase,
                        edge->handler, 0);
}

static void walk_word(struct vmc_edge *edge, uint32_t word, uint64_t cycle)
{
    const struct words *words = &edge->state->words[word];
    uint64_t left = words->awake;

    while (left != 0) {
        const struct component *component =
            &edge->components[word * WORD_BITS + vmc_bits_low(left)];

        component->act(component->device, cycle);
        left &= left - 1;
        left &= words->awake; /* some may have been put to sleep */
    }
}

static void walk(void *device, uint64_t argument)
{
    struct vmc_edge *edge = device;
    uint64_t any = 0;
    uint64_t cycle = vmc_clock_cycle_at(
        &edge->config.clock, vmc_engine_now_tick(edge->config.engine));

    (void)argument;
    for (uint32_t i = 0; i < edge->word_count; i++) {
        walk_word(edge, i, cycle);
    }
    for (uint32_t i = 0; i < edge->word_count; i++) {
        struct words *words = &edge->state->words[i];

        words->awake |= words->waking;
        words->waking = 0;
        any |= words->awake;
    }
    edge->state->edge_tick = UINT64_MAX;
    if (any != 0) {
        ask(edge);
    }
}

enum vmc_status vmc_edge_new(struct vmc_edge **out,
                             const struct vmc_edge_config *config)
{
    struct vmc_edge *edge;

    *out = NULL;
    if (config->components_max < 1 || config->components_max > COMPONENTS_MAX ||
        config->clock.period_ticks < 1 || config->phase >= VMC_PHASE_COUNT) {
        return VMC_E_RANGE;
    }
    edge = calloc(1, sizeof(*edge));
    if (edge == NULL) {
        return VMC_E_NOMEM;
    }
    edge->config = *config;
    edge->word_count = (uint32_t)vmc_div_up(config->components_max, WORD_BITS);
    edge->components = calloc(config->components_max, sizeof(struct component));
    edge->state = calloc(1, sizeof(struct state) +
                                edge->word_count * sizeof(struct words));
    if (edge->components == NULL || edge->state == NULL) {
        vmc_edge_free(edge);
        return VMC_E_NOMEM;
    }
    edge->state->edge_tick = UINT64_MAX;
    edge->handler = vmc_engine_add_handler(config->engine, config->kind,
                                           config->instance, walk, edge);
    *out = edge;
    return VMC_OK;
}

void vmc_edge_free(struct vmc_edge *edge)
{
    if (edge == NULL) {
        return;
    }
    free(edge->components);
    free(edge->state);
    free(edge);
}

uint32_t vmc_edge_add(struct vmc_edge *edge, vmc_edge_fn *act, void *device)
{
    assert(edge->component_count < edge->config.components_max);
    edge->components[edge->component_count] =
        (struct component){.act = act, .device = device};
    return edge->component_count++;
}

void vmc_edge_wake(struct vmc_edge *edge, uint32_t component)
{
    struct words *words = &edge->state->words[component / WORD_BITS];
    uint64_t bit = UINT64_C(1) << component % WORD_BITS;

    assert(component < edge->component_count);
    if (edge->state->edge_tick == vmc_engine_now_tick(edge->config.engine)) {
        words->waking |= bit;
        return;
    }
    words->awake |= bit;
    if (edge->state->edge_tick == UINT64_MAX) {
        ask(edge);
    }
}

void vmc_edge_sleep(struct vmc_edge *edge, uint32_t component)
{
    struct words *words = &edge->state->words[component / WORD_BITS];
    uint64_t bit = UINT64_C(1) << component % WORD_BITS;

    assert(component < edge->component_count);
    words->awake &= ~bit;
    words->waking &= ~bit;
}

bool vmc_edge_is_awake(const struct vmc_edge *edge, uint32_t component)
{
    const struct words *words = &edge->state->words[component / WORD_BITS];

    assert(component < edge->component_count);
    return ((words->awake | words->waking) >> component % WORD_BITS & 1) != 0;
}

void *vmc_edge_state(struct vmc_edge *edge, size_t *size_bytes)
{
    *size_bytes =
        sizeof(struct state) + edge->word_count * sizeof(struct words);
    return edge->state;
}
