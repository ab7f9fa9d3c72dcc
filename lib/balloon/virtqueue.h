/* SPDX-License-Identifier: MIT */
/**
 * virtqueue.h - a split virtqueue: descriptors, available ring, used ring.
 *
 * Both sides live in one struct of plain data, each in its own part; the only
 * thing they share are the rings, as on the wire. Addresses are guest-physical
 * or any other number that driver and device agree on.
 *
 * A message of several buffers takes one descriptor when it goes through an
 * indirect table, else one for each buffer. Indices run freely from 0 to
 * 65535 and around.
 *
 * Threads  The driver's calls belong to the guest, the device's to the VMM.
 */
#ifndef VMC_BALLOON_VIRTQUEUE_H
#define VMC_BALLOON_VIRTQUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

enum {
    VMC_VQ_SIZE_MAX = 1024,
    VMC_VQ_CHAIN_MAX = 128, /**< buffers of a message */
    VMC_VQ_TABLES = 8,      /**< indirect tables, that is messages, at once */
};

/** Descriptor flags of the specification. */
enum { VMC_VQ_NEXT = 1, VMC_VQ_WRITE = 2, VMC_VQ_INDIRECT = 4 };

/** An entry of the descriptor table, as the specification has it. */
struct vmc_vq_descriptor {
    uint64_t address;
    uint32_t size_bytes;
    uint16_t flags, next;
};

/** One buffer of a message. */
struct vmc_vq_buffer {
    uint64_t address;
    uint32_t size_bytes;
    bool is_writable; /**< by the device: an in-buffer */
};

/** Zeroed memory is no queue; vmc_vq_init() makes one. */
struct vmc_virtqueue {
    uint16_t size; /**< descriptors, a power of two */
    bool has_indirect;

    /* Shared memory. */
    struct vmc_vq_descriptor descriptors[VMC_VQ_SIZE_MAX];
    uint16_t available_index, available[VMC_VQ_SIZE_MAX], available_flags;
    uint16_t used_index, used_flags;
    struct {
        uint32_t id, size_bytes;
    } used[VMC_VQ_SIZE_MAX];

    /* The driver's own. */
    uint16_t free_head, free_count, used_seen;
    uint16_t chain_counts[VMC_VQ_SIZE_MAX]; /**< descriptors to free */
    uint64_t tokens[VMC_VQ_SIZE_MAX];

    /* The device's own. */
    uint16_t available_seen;

    /* Guest memory that the driver takes for indirect tables. */
    struct vmc_vq_descriptor tables[VMC_VQ_TABLES][VMC_VQ_CHAIN_MAX];
    uint32_t tables_in_use; /**< a bit each */

    uint32_t fail_adds;               /**< this many adds will fail; a fault */
    uint64_t adds, kicks, interrupts; /**< how often */
};

/** An element that the device has taken. */
struct vmc_vq_element {
    uint32_t id, buffer_count;
    uint64_t token; /**< what the driver gave with it */
    struct vmc_vq_buffer buffers[VMC_VQ_CHAIN_MAX];
};

/** Make an empty queue. Asserts @size is a power of two up to the limit. */
void vmc_vq_init(struct vmc_virtqueue *queue, uint32_t size, bool has_indirect);

/** How many more single-buffer messages the driver can add. */
static inline uint32_t vmc_vq_free_count(const struct vmc_virtqueue *queue)
{
    return queue->free_count;
}

/**
 * Driver: offer a message of @count buffers; @token comes back with the used
 * buffer. Out-buffers come before in-buffers.
 * Fails    VMC_E_RANGE when there is no descriptor, VMC_E_NOMEM when there is
 *          no memory for an indirect table: nothing has changed.
 */
enum vmc_status vmc_vq_add(struct vmc_virtqueue *queue,
                           const struct vmc_vq_buffer *buffers, uint32_t count,
                           uint64_t token);

/** Driver: true when the device wants to be told of what was added. */
bool vmc_vq_kick_prepare(struct vmc_virtqueue *queue);

/** Driver: take one used message. False when there is none. */
bool vmc_vq_get_used(struct vmc_virtqueue *queue, uint64_t *token,
                     uint32_t *written_bytes);

/** Device: take the next element. False when there is none. */
bool vmc_vq_pop(struct vmc_virtqueue *queue, struct vmc_vq_element *element);

/**
 * Device: give @element back with @written_bytes in its in-buffers. True when
 * the driver wants an interrupt.
 */
bool vmc_vq_push(struct vmc_virtqueue *queue,
                 const struct vmc_vq_element *element, uint32_t written_bytes);

/** How many messages the driver has added and not got back. */
uint32_t vmc_vq_in_flight(const struct vmc_virtqueue *queue);

#endif
