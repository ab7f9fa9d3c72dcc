/* SPDX-License-Identifier: MIT */
/*
 * A router is idle or serves one vector; a bitmap says which others wait. An
 * event marks the end of a service and, when somebody waits, the start of the
 * next one at the same edge:
 *
 *     enter ---> waiting ---> serving ---end---> finish, or hop to its node
 *                   ^                                       |
 *                   +------------- arrive <-----------------+
 *
 * The argument of both events is node << 8 | vector; a router that was woken
 * and has yet to choose serves nobody (WOKEN).
 */
#include "eiointc/router.h"

enum { NODE_SHIFT = 8, VECTOR_MASK = 0xff };

/* state.serving: idle, woken, or the vector that is being served. */
enum { IDLE = 0, WOKEN = 1, SERVING = 2 };

static bool has_waiting(const struct vmc_router *router, uint32_t node)
{
    uint64_t any = 0;

    for (uint32_t i = 0; i < VMC_ROUTER_VECTORS / 64; i++) {
        any |= router->state.waiting[node][i];
    }
    return any != 0;
}

static uint32_t take_lowest(struct vmc_router *router, uint32_t node)
{
    uint64_t *words = router->state.waiting[node];

    for (uint32_t i = 0; i < VMC_ROUTER_VECTORS / 64; i++) {
        if (words[i] != 0) {
            uint32_t vector = 64 * i + vmc_bits_low(words[i]);

            words[i] &= words[i] - 1;
            return vector;
        }
    }
    assert(false); /* nobody waits */
    return 0;
}

static void tell(const struct vmc_router *router, uint32_t node)
{
    if (VMC_WATCHED(router->ops->changed != NULL)) {
        router->ops->changed(router->owner, node);
    }
}

/* Wake an idle router at the next edge that is at or after now. Which vector
 * it takes is decided there, when all that arrived before the edge waits. */
static void start_service(struct vmc_router *router, uint32_t node)
{
    uint64_t now_tick = vmc_engine_now_tick(router->engine);
    uint64_t edge_ticks =
        vmc_clock_delay_ticks(&router->config.clock, now_tick, 0);

    router->state.serving[node] = WOKEN;
    vmc_engine_schedule(router->engine, edge_ticks, VMC_PHASE_DEVICE,
                        router->serve_handler, (uint64_t)node << NODE_SHIFT);
}

static bool wait_at(struct vmc_router *router, uint32_t node, uint32_t vector)
{
    uint64_t *word = &router->state.waiting[node][vector / 64];
    uint64_t bit = UINT64_C(1) << vector % 64;
    uint64_t now_tick = vmc_engine_now_tick(router->engine);

    if ((*word & bit) != 0) {
        return false;
    }
    *word |= bit;
    router->state.since_tick[node][vector] =
        now_tick + vmc_clock_delay_ticks(&router->config.clock, now_tick, 0);
    if (router->state.serving[node] == IDLE) {
        start_service(router, node);
    }
    tell(router, node);
    return true;
}

/* The end of a service: the vector acts here, or goes to the node it is for. */
static void end_service(struct vmc_router *router, uint32_t node,
                        uint32_t vector)
{
    uint32_t target = router->ops->node_of(router->owner, vector);

    assert(target < router->config.node_count);
    if (target == node) {
        router->ops->finish(router->owner, node, vector);
    } else {
        vmc_engine_schedule(router->engine, router->config.hop_ticks,
                            VMC_PHASE_WIRE, router->arrive_handler,
                            (uint64_t)target << NODE_SHIFT | vector);
    }
}

/* An edge of the node clock: end what is being served, begin the next. */
static void serve(void *device, uint64_t argument)
{
    struct vmc_router *router = device;
    uint32_t node = (uint32_t)(argument >> NODE_SHIFT);
    uint32_t serving = router->state.serving[node];
    uint32_t vector;

    if (serving >= SERVING) {
        end_service(router, node, serving - SERVING);
    }
    if (!has_waiting(router, node)) {
        router->state.serving[node] = IDLE;
        tell(router, node);
        return;
    }
    vector = take_lowest(router, node);
    router->state.serving[node] = vector + SERVING;
    router->state.served++;
    router->state.wait_ticks += vmc_engine_now_tick(router->engine) -
                                router->state.since_tick[node][vector];
    vmc_engine_schedule(router->engine, router->config.vector_ticks,
                        VMC_PHASE_DEVICE, router->serve_handler,
                        (uint64_t)node << NODE_SHIFT);
    tell(router, node);
}

static void arrive(void *device, uint64_t argument)
{
    (void)wait_at(device, (uint32_t)(argument >> NODE_SHIFT),
                  argument & VECTOR_MASK);
}

bool vmc_router_enter(struct vmc_router *router, uint32_t vector)
{
    assert(vector < VMC_ROUTER_VECTORS);
    return wait_at(router, router->config.home_node, vector);
}

uint32_t vmc_router_serving(const struct vmc_router *router, uint32_t node)
{
    uint32_t serving = router->state.serving[node];

    return serving >= SERVING ? serving - SERVING : VMC_ROUTER_VECTORS;
}

uint32_t vmc_router_depth(const struct vmc_router *router, uint32_t node)
{
    uint32_t depth = 0;

    for (uint32_t i = 0; i < VMC_ROUTER_VECTORS / 64; i++) {
        depth += (uint32_t)__builtin_popcountll(router->state.waiting[node][i]);
    }
    return depth;
}

enum vmc_status vmc_router_init(struct vmc_router *router,
                                const struct vmc_router_config *config,
                                struct vmc_engine *engine,
                                const struct vmc_router_ops *ops, void *owner)
{
    if (config->node_count < 1 || config->node_count > VMC_ROUTER_NODES_MAX ||
        config->home_node >= config->node_count || config->vector_ticks == 0 ||
        config->clock.period_ticks == 0) {
        return VMC_E_RANGE;
    }
    *router = (struct vmc_router){
        .config = *config, .engine = engine, .ops = ops, .owner = owner};
    router->serve_handler =
        vmc_engine_add_handler(engine, "router", 0, serve, router);
    router->arrive_handler =
        vmc_engine_add_handler(engine, "router-hop", 0, arrive, router);
    return VMC_OK;
}
