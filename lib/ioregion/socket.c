/* SPDX-License-Identifier: MIT */
/*
 * A direction is a ring of bytes and beside it a ring of what each write put
 * there. Streams ignore the borders when they read, but keep them for the
 * accounts: a message gives its charge back when its last byte is read, so a
 * stream that is read by halves stays as full as it was.
 */
#include "ioregion/socket.h"

#include <errno.h>

void vmc_socket_init(struct vmc_socket *socket, enum vmc_socket_kind kind)
{
    *socket = (struct vmc_socket){.kind = kind,
                                  .room_bytes = kind == VMC_SOCKET_PIPE
                                                    ? VMC_SOCKET_PIPE_BYTES
                                                    : VMC_SOCKET_ROOM_BYTES};
}

uint32_t vmc_socket_charge(enum vmc_socket_kind kind, size_t size_bytes)
{
    assert(size_bytes <= UINT16_MAX / 2);
    return kind == VMC_SOCKET_PIPE
               ? (uint32_t)size_bytes
               : VMC_SOCKET_HEAD_BYTES +
                     (uint32_t)vmc_round_up_pow2(size_bytes +
                                                 VMC_SOCKET_SHARED_BYTES);
}

static enum vmc_socket_side other(enum vmc_socket_side side)
{
    return side == VMC_SOCKET_KERNEL ? VMC_SOCKET_DEVICE : VMC_SOCKET_KERNEL;
}

/* ---- Reading ------------------------------------------------------------ */

static void take_bytes(struct vmc_socket_flow *flow, uint8_t *bytes,
                       uint32_t count)
{
    assert(count <= flow->count);
    for (uint32_t i = 0; i < count; i++) {
        if (bytes != NULL) {
            bytes[i] = flow->bytes[flow->head];
        }
        flow->head = (flow->head + 1) % VMC_SOCKET_RING_BYTES;
    }
    flow->count -= count;
}

/* Strike @count bytes off the oldest messages, and what is read up. */
static void settle(struct vmc_socket_flow *flow, uint32_t count)
{
    while (count != 0) {
        uint16_t *left = &flow->messages[flow->message_head];
        uint32_t share = count < *left ? count : *left;

        *left = (uint16_t)(*left - share);
        count -= share;
        if (*left == 0) {
            flow->charged_bytes -= flow->charges[flow->message_head];
            flow->message_head =
                (flow->message_head + 1) % VMC_SOCKET_MESSAGES_MAX;
            flow->message_count--;
        }
    }
}

static bool take_reset(struct vmc_socket *socket, enum vmc_socket_side side)
{
    bool is_reset = socket->is_reset[side];

    socket->is_reset[side] = false;
    return is_reset;
}

int64_t vmc_socket_read(struct vmc_socket *socket, enum vmc_socket_side side,
                        void *bytes, size_t size_bytes)
{
    struct vmc_socket_flow *flow = &socket->flows[other(side)];
    bool keeps_messages = socket->kind == VMC_SOCKET_SEQPACKET;
    uint32_t there = keeps_messages && flow->count != 0
                         ? flow->messages[flow->message_head]
                         : flow->count;
    uint32_t count = size_bytes < there ? (uint32_t)size_bytes : there;

    if (there == 0) {
        if (take_reset(socket, side)) {
            return -ECONNRESET;
        }
        if (flow->is_write_shut) {
            return 0;
        }
        return socket->is_nonblocking[side] ? -EAGAIN : VMC_CHANNEL_WOULD_BLOCK;
    }
    if (!keeps_messages && socket->chunk_bytes != 0 &&
        count > socket->chunk_bytes) {
        count = socket->chunk_bytes;
    }
    take_bytes(flow, bytes, count);
    if (keeps_messages) { /* the rest of a long message is lost */
        take_bytes(flow, NULL, there - count);
        settle(flow, there);
    } else {
        settle(flow, count);
    }
    return count;
}

/* ---- Writing ------------------------------------------------------------ */

static bool has_room(const struct vmc_socket *socket,
                     const struct vmc_socket_flow *flow, size_t size_bytes)
{
    if (size_bytes > VMC_SOCKET_RING_BYTES - flow->count ||
        flow->message_count == VMC_SOCKET_MESSAGES_MAX) {
        return false;
    }
    if (socket->kind == VMC_SOCKET_PIPE) { /* up to PIPE_BUF all or nothing */
        return flow->charged_bytes + size_bytes <= socket->room_bytes;
    }
    return flow->charged_bytes < socket->room_bytes;
}

int64_t vmc_socket_write(struct vmc_socket *socket, enum vmc_socket_side side,
                         const void *bytes, size_t size_bytes,
                         bool raises_sigpipe)
{
    struct vmc_socket_flow *flow = &socket->flows[side];
    const uint8_t *from = bytes;
    uint32_t tail, charge;

    if (flow->is_read_shut || flow->is_write_shut) {
        if (raises_sigpipe && socket->kind != VMC_SOCKET_SEQPACKET) {
            socket->sigpipes[side]++;
        }
        return -EPIPE;
    }
    if (socket->kind != VMC_SOCKET_SEQPACKET && socket->chunk_bytes != 0 &&
        size_bytes > socket->chunk_bytes) {
        size_bytes = socket->chunk_bytes;
    }
    if (!has_room(socket, flow, size_bytes)) {
        return socket->is_nonblocking[side] ? -EAGAIN : VMC_CHANNEL_WOULD_BLOCK;
    }
    if (size_bytes == 0) {
        return 0;
    }
    charge = vmc_socket_charge(socket->kind, size_bytes);
    for (uint32_t i = 0; i < size_bytes; i++) {
        flow->bytes[(flow->head + flow->count + i) % VMC_SOCKET_RING_BYTES] =
            from[i];
    }
    flow->count += (uint32_t)size_bytes;
    tail = (flow->message_head + flow->message_count) % VMC_SOCKET_MESSAGES_MAX;
    flow->messages[tail] = (uint16_t)size_bytes;
    flow->charges[tail] = (uint16_t)charge;
    flow->charged_bytes += charge;
    flow->message_count++;
    return (int64_t)size_bytes;
}

bool vmc_socket_wakes_writer(const struct vmc_socket *socket,
                             enum vmc_socket_side side)
{
    const struct vmc_socket_flow *flow = &socket->flows[side];

    if (flow->is_read_shut || flow->is_write_shut) {
        return true;
    }
    return socket->kind == VMC_SOCKET_PIPE
               ? has_room(socket, flow, 1)
               : flow->charged_bytes <= socket->room_bytes / 4;
}

bool vmc_socket_is_readable(const struct vmc_socket *socket,
                            enum vmc_socket_side side)
{
    const struct vmc_socket_flow *flow = &socket->flows[other(side)];

    return flow->count != 0 || flow->is_write_shut || socket->is_reset[side];
}

/* ---- Closing ------------------------------------------------------------ */

void vmc_socket_shut_write(struct vmc_socket *socket, enum vmc_socket_side side)
{
    socket->flows[side].is_write_shut = true;
}

void vmc_socket_close(struct vmc_socket *socket, enum vmc_socket_side side)
{
    struct vmc_socket_flow *incoming = &socket->flows[other(side)];

    if (incoming->count != 0 && socket->kind != VMC_SOCKET_PIPE) {
        socket->is_reset[other(side)] = true;
    }
    take_bytes(incoming, NULL, incoming->count);
    incoming->message_count = 0;
    incoming->charged_bytes = 0;
    incoming->is_read_shut = true;
    socket->flows[side].is_write_shut = true;
}

/* ---- As the descriptors of a channel ------------------------------------ */

static int64_t end_write(void *ends, const void *bytes, size_t size_bytes)
{
    const struct vmc_socket_end *end = ends;

    return vmc_socket_write(end->socket, end->side, bytes, size_bytes,
                            end->raises_sigpipe);
}

static int64_t end_read(void *ends, void *bytes, size_t size_bytes)
{
    const struct vmc_socket_end *end = ends;

    return vmc_socket_read(end->socket, end->side, bytes, size_bytes);
}

struct vmc_channel_ends vmc_socket_ends(struct vmc_socket_end *end)
{
    static const struct vmc_channel_ops ops = {.write = end_write,
                                               .read = end_read};

    return (struct vmc_channel_ends){.ops = &ops,
                                     .ends = end,
                                     .keeps_messages = end->socket->kind ==
                                                       VMC_SOCKET_SEQPACKET};
}
