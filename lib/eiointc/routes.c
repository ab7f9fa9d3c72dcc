/* SPDX-License-Identifier: MIT */
/*
 * From a route byte to a vCPU. What a byte means depends on the mode and on the
 * implementation; whether the answer is used at once, later or never is the
 * affair of eiointc.c.
 */
#include "eiointc/eiointc_priv.h"

uint32_t vmc_eio_index_of(const struct vmc_eio *eio, uint32_t id)
{
    if (!eio->config.semantics.ids_are_looked_up) {
        return id;
    }
    return id < VMC_EIO_VCPUS_MAX ? eio->index_of_id[id] : VMC_EIO_NO_VCPU;
}

/* The nodes that route byte @byte of @node names: a bitmap (spec 3.2). None
 * means the node itself. */
static uint32_t nodes_of(const struct vmc_eio *eio, uint32_t node, uint8_t byte)
{
    uint32_t selector = byte >> 4;
    uint32_t nodes = (uint32_t)(eio->state.banks[node].nodetype[selector / 4] >>
                                (selector % 4 * 16)) &
                     0xffff;

    return nodes != 0 ? nodes : UINT32_C(1) << node;
}

/* The cores of @node that take @vector when it was sent there. A node other
 * than home has a route of its own, which must lead to itself; while that is
 * 0 the bitmap of the home node goes with the vector. */
static uint32_t cores_of(const struct vmc_eio *eio, uint32_t node,
                         uint32_t vector)
{
    uint32_t home = eio->config.home_node;
    uint8_t byte = eio->state.banks[node].coremap[vector];

    if (node == home || byte == 0) {
        return eio->state.banks[home].coremap[vector] & CORE_BITS;
    }
    return (nodes_of(eio, node, byte) >> node & 1) != 0 ? byte & CORE_BITS : 0;
}

/*
 * The real part: finds the @turn-th existing CPU in node-major order, counting
 * round; with turn 0 that is the lowest.
 */
uint32_t vmc_eio_decode_turn(const struct vmc_eio *eio, uint32_t vector,
                             uint32_t turn)
{
    uint32_t home = eio->config.home_node;
    uint32_t nodes =
        nodes_of(eio, home, eio->state.banks[home].coremap[vector]);
    uint32_t found[VMC_EIO_NODES * VMC_EIO_NODE_CPUS];
    uint32_t count = 0;

    for (uint32_t node = 0; node < VMC_EIO_NODES; node++) {
        uint32_t cores =
            (nodes >> node & 1) != 0 ? cores_of(eio, node, vector) : 0;

        for (uint32_t core = 0; core < VMC_EIO_NODE_CPUS; core++) {
            uint32_t index;

            if ((cores >> core & 1) == 0) {
                continue;
            }
            index = vmc_eio_index_of(eio, node * VMC_EIO_NODE_CPUS + core);
            if (index < eio->config.vcpu_count) {
                found[count++] = index;
            }
        }
    }
    return count > 0 ? found[turn % count] : VMC_EIO_NO_VCPU;
}

/* The vCPU that the route of @vector names, or VMC_EIO_NO_VCPU: keep the old.
 */
uint32_t vmc_eio_decode_route(const struct vmc_eio *eio, uint32_t vector)
{
    uint8_t byte = eio->state.banks[eio->config.home_node].coremap[vector];

    if (is_encoded(eio)) {
        return vmc_eio_index_of(eio, byte);
    }
    if (eio->config.semantics.has_nodes) {
        return vmc_eio_decode_turn(eio, vector, 0);
    }
    if (byte == 0 && eio->config.semantics.zero_route != VMC_EIO_ZERO_IS_CPU0) {
        return eio->config.semantics.zero_route == VMC_EIO_ZERO_KEEPS
                   ? VMC_EIO_NO_VCPU
                   : 0xff; /* K0: stored in a byte, and later an index */
    }
    return vmc_eio_index_of(eio,
                            (byte & CORE_BITS) != 0 ? vmc_bits_low(byte) : 0);
}
