/* SPDX-License-Identifier: MIT */
/**
 * router.h - when a vector moves: the pipeline in front of the EIOINTC.
 *
 * Each node has a router that handles one vector every few cycles of the node
 * clock, the lowest-numbered waiting one first. A vector whose route leads to
 * another node is handed over and waits there again. What an input does to the
 * registers is the affair of the functional model; the router only says when.
 *
 * The pipeline is this project's assumption: no manual describes it (see the
 * folder's README). With one node and no contention it is a constant delay.
 *
 * Units    Ticks; work starts on edges of the node clock.
 * Owner    The caller's storage. struct vmc_router_state is plain data.
 */
#ifndef VMC_EIOINTC_ROUTER_H
#define VMC_EIOINTC_ROUTER_H

#include <stdint.h>

#include "event/clock.h"
#include "event/event.h"

enum { VMC_ROUTER_VECTORS = 256, VMC_ROUTER_NODES_MAX = 64 };

/** How the router is joined to the rest. All calls get @owner. */
struct vmc_router_ops {
    /** The node whose router has to finish @vector, by its route now. */
    uint32_t (*node_of)(void *owner, uint32_t vector);

    /** The router of @node has finished @vector: let the input act. */
    void (*finish)(void *owner, uint32_t node, uint32_t vector);

    /** The router of @node serves or has waiting other vectors than before.
     * May be NULL: for those who watch. */
    void (*changed)(void *owner, uint32_t node);
};

/** How the routers are joined, and how fast they are. */
struct vmc_router_config {
    struct vmc_clock clock; /**< of the nodes */
    uint64_t vector_ticks;  /**< one vector through one router; not 0 */
    uint64_t hop_ticks;     /**< from router to router */
    uint32_t node_count;    /**< 1 to VMC_ROUTER_NODES_MAX */
    uint32_t home_node;     /**< where device inputs arrive */
};

/** All that a run changes. */
struct vmc_router_state {
    uint64_t waiting[VMC_ROUTER_NODES_MAX][VMC_ROUTER_VECTORS / 64];
    uint32_t serving[VMC_ROUTER_NODES_MAX]; /**< see router.c */
    uint64_t served;                        /**< vectors handled, all nodes */
    uint64_t wait_ticks; /**< sum of the time between edge and service */
    uint64_t since_tick[VMC_ROUTER_NODES_MAX][VMC_ROUTER_VECTORS];
};

/** The routers of a machine. The fields belong to router.c. */
struct vmc_router {
    struct vmc_router_state state;
    struct vmc_router_config config;
    struct vmc_engine *engine;
    const struct vmc_router_ops *ops;
    void *owner;
    uint16_t serve_handler, arrive_handler;
};

/**
 * Make *@router empty and add its handlers to @engine.
 * Owner    @engine, @ops and @owner are borrowed for the life of @router.
 * Fails    VMC_E_RANGE when a number of @config is outside its limits.
 */
enum vmc_status vmc_router_init(struct vmc_router *router,
                                const struct vmc_router_config *config,
                                struct vmc_engine *engine,
                                const struct vmc_router_ops *ops, void *owner);

/**
 * The input of @vector has changed: let it pass. One that waits already at the
 * home node is not entered twice; it will act on what the input is then.
 * Returns  false when it was waiting already.
 */
bool vmc_router_enter(struct vmc_router *router, uint32_t vector);

/** The vector that the router of @node serves, or VMC_ROUTER_VECTORS. */
uint32_t vmc_router_serving(const struct vmc_router *router, uint32_t node);

/** How many vectors wait at the router of @node. */
uint32_t vmc_router_depth(const struct vmc_router *router, uint32_t node);

#endif
