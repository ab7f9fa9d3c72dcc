/* SPDX-License-Identifier: MIT */
/*
 * Free descriptors form a list through their next fields, as in the drivers.
 * A message of several buffers lies in an indirect table, a piece of guest
 * memory that one descriptor of the ring points to; its address is here the
 * number of the table. The descriptor that heads a message is its id.
 */
#include "balloon/virtqueue.h"

#include <string.h>

void vmc_vq_init(struct vmc_virtqueue *queue, uint32_t size, bool has_indirect)
{
    assert(size >= 2 && size <= VMC_VQ_SIZE_MAX && (size & (size - 1)) == 0);
    memset(queue, 0, sizeof(*queue));
    queue->size = (uint16_t)size;
    queue->has_indirect = has_indirect;
    queue->free_count = (uint16_t)size;
    for (uint32_t i = 0; i < size; i++) {
        queue->descriptors[i].next = (uint16_t)(i + 1);
    }
}

static struct vmc_vq_descriptor describe(const struct vmc_vq_buffer *buffer,
                                         bool has_next, uint32_t next)
{
    return (struct vmc_vq_descriptor){
        .address = buffer->address,
        .size_bytes = buffer->size_bytes,
        .flags = (uint16_t)((has_next ? VMC_VQ_NEXT : 0) |
                            (buffer->is_writable ? VMC_VQ_WRITE : 0)),
        .next = (uint16_t)next,
    };
}

/* Write the message to a table and one descriptor that points to it. */
static enum vmc_status add_indirect(struct vmc_virtqueue *queue,
                                    const struct vmc_vq_buffer *buffers,
                                    uint32_t count, uint32_t head)
{
    struct vmc_vq_descriptor *descriptor = &queue->descriptors[head];
    uint32_t table = 0;

    while (table < VMC_VQ_TABLES && (queue->tables_in_use >> table & 1) != 0) {
        table++;
    }
    if (table == VMC_VQ_TABLES) {
        return VMC_E_NOMEM;
    }
    queue->tables_in_use |= UINT32_C(1) << table;
    for (uint32_t i = 0; i < count; i++) {
        queue->tables[table][i] = describe(&buffers[i], i + 1 < count, i + 1);
    }
    queue->free_head = descriptor->next;
    *descriptor = (struct vmc_vq_descriptor){
        .address = table,
        .size_bytes = count * 16,
        .flags = VMC_VQ_INDIRECT,
    };
    return VMC_OK;
}

static void add_direct(struct vmc_virtqueue *queue,
                       const struct vmc_vq_buffer *buffers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint16_t self = queue->free_head;
        uint16_t next = queue->descriptors[self].next;

        queue->free_head = next;
        queue->descriptors[self] = describe(&buffers[i], i + 1 < count, next);
    }
}

enum vmc_status vmc_vq_add(struct vmc_virtqueue *queue,
                           const struct vmc_vq_buffer *buffers, uint32_t count,
                           uint64_t token)
{
    bool is_indirect = queue->has_indirect && count > 1;
    uint16_t takes = (uint16_t)(is_indirect ? 1 : count);
    uint16_t head = queue->free_head;

    assert(count >= 1 && count <= VMC_VQ_CHAIN_MAX);
    if (queue->fail_adds > 0) {
        queue->fail_adds--;
        return VMC_E_NOMEM;
    }
    if (queue->free_count < takes) {
        return VMC_E_RANGE;
    }
    if (is_indirect) {
        enum vmc_status status = add_indirect(queue, buffers, count, head);

        if (status != VMC_OK) {
            return status;
        }
    } else {
        add_direct(queue, buffers, count);
    }
    queue->free_count = (uint16_t)(queue->free_count - takes);
    queue->chain_counts[head] = takes;
    queue->tokens[head] = token;
    queue->available[queue->available_index % queue->size] = head;
    queue->available_index++;
    queue->adds++;
    return VMC_OK;
}

bool vmc_vq_kick_prepare(struct vmc_virtqueue *queue)
{
    bool is_wanted = queue->used_flags == 0;

    queue->kicks += is_wanted;
    return is_wanted;
}

bool vmc_vq_get_used(struct vmc_virtqueue *queue, uint64_t *token,
                     uint32_t *written_bytes)
{
    uint32_t slot = queue->used_seen % queue->size;
    uint16_t head, last;

    if (queue->used_seen == queue->used_index) {
        return false;
    }
    queue->used_seen++;
    head = (uint16_t)queue->used[slot].id;
    *token = queue->tokens[head];
    *written_bytes = queue->used[slot].size_bytes;
    if ((queue->descriptors[head].flags & VMC_VQ_INDIRECT) != 0) {
        queue->tables_in_use &=
            ~(UINT32_C(1) << queue->descriptors[head].address);
    }
    last = head;
    for (uint32_t i = 1; i < queue->chain_counts[head]; i++) {
        last = queue->descriptors[last].next;
    }
    queue->descriptors[last].next = queue->free_head;
    queue->free_head = head;
    queue->free_count =
        (uint16_t)(queue->free_count + queue->chain_counts[head]);
    return true;
}

bool vmc_vq_pop(struct vmc_virtqueue *queue, struct vmc_vq_element *element)
{
    const struct vmc_vq_descriptor *table = queue->descriptors;
    uint16_t at;

    if (queue->available_seen == queue->available_index) {
        return false;
    }
    at = queue->available[queue->available_seen % queue->size];
    queue->available_seen++;
    element->id = at;
    element->token = queue->tokens[at];
    element->buffer_count = 0;
    if ((table[at].flags & VMC_VQ_INDIRECT) != 0) {
        table = queue->tables[table[at].address];
        at = 0;
    }
    for (;;) {
        const struct vmc_vq_descriptor *descriptor = &table[at];

        assert(element->buffer_count < VMC_VQ_CHAIN_MAX);
        element->buffers[element->buffer_count++] = (struct vmc_vq_buffer){
            .address = descriptor->address,
            .size_bytes = descriptor->size_bytes,
            .is_writable = (descriptor->flags & VMC_VQ_WRITE) != 0,
        };
        if ((descriptor->flags & VMC_VQ_NEXT) == 0) {
            return true;
        }
        at = descriptor->next;
    }
}

bool vmc_vq_push(struct vmc_virtqueue *queue,
                 const struct vmc_vq_element *element, uint32_t written_bytes)
{
    uint32_t slot = queue->used_index % queue->size;
    bool is_wanted = queue->available_flags == 0;

    queue->used[slot].id = element->id;
    queue->used[slot].size_bytes = written_bytes;
    queue->used_index++;
    queue->interrupts += is_wanted;
    return is_wanted;
}

uint32_t vmc_vq_in_flight(const struct vmc_virtqueue *queue)
{
    return (uint16_t)(queue->available_index - queue->used_seen);
}
