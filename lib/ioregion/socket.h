/* SPDX-License-Identifier: MIT */
/**
 * socket.h - simulated descriptors: a pair of connected UNIX sockets, or two
 * pipes, between the kernel and a device process.
 *
 * They move bytes as Linux does where it matters to an ioregionfd: how much one
 * call returns, what becomes of a long message, how many commands fit before a
 * writer has to wait, what a closed peer looks like, and where a signal comes.
 *
 * Units    Bytes.
 * Owner    The caller; a pair is plain data without pointers.
 */
#ifndef VMC_IOREGION_SOCKET_H
#define VMC_IOREGION_SOCKET_H

#include "ioregion/channel.h"

/** What joins the two sides. */
enum vmc_socket_kind {
    VMC_SOCKET_STREAM,
    VMC_SOCKET_SEQPACKET,
    VMC_SOCKET_PIPE, /**< one in each direction */
    VMC_SOCKET_KIND_COUNT
};

/** The two ends of a pair. */
enum vmc_socket_side { VMC_SOCKET_KERNEL, VMC_SOCKET_DEVICE };

enum {
    VMC_SOCKET_RING_BYTES = 1 << 16, /**< what one direction holds at most */
    VMC_SOCKET_MESSAGES_MAX = 1 << 11,
    /** net.core.wmem_default of Linux: room of one direction of a socket. */
    VMC_SOCKET_ROOM_BYTES = 212992,
    /** A message's struct sk_buff (256) and the slab that its bytes and the
     * 320 bytes of struct skb_shared_info share: 512 for a command. That each
     * command is charged 768 is why 278 fit: the 279th finds 278 * 768 >=
     * 212992 charged, the 278th found 277 * 768 < 212992 (spec 6.4). */
    VMC_SOCKET_HEAD_BYTES = 256,
    VMC_SOCKET_SHARED_BYTES = 320,
    VMC_SOCKET_PIPE_BYTES = 65536, /**< 16 pages; small writes share a page */
};

/** One direction. */
struct vmc_socket_flow {
    uint8_t bytes[VMC_SOCKET_RING_BYTES];
    uint32_t head, count;
    uint16_t messages[VMC_SOCKET_MESSAGES_MAX]; /**< unread bytes of each */
    uint16_t charges[VMC_SOCKET_MESSAGES_MAX];
    uint32_t message_head, message_count;
    uint32_t charged_bytes;
    bool is_write_shut, is_read_shut;
};

/** A pair of ends with what is on its way. The fields belong to socket.c. */
struct vmc_socket {
    enum vmc_socket_kind kind;
    uint32_t room_bytes;
    uint32_t chunk_bytes; /**< a fault: at most so many a call; 0 for any */
    struct vmc_socket_flow flows[2]; /**< by the side that writes */
    bool is_nonblocking[2];          /**< O_NONBLOCK of the side's descriptor */
    bool is_reset[2];     /**< the side's next read says ECONNRESET, once */
    uint64_t sigpipes[2]; /**< signals the side's thread has got */
};

/** One end, as a channel's descriptors. */
struct vmc_socket_end {
    struct vmc_socket *socket;
    enum vmc_socket_side side;
    bool raises_sigpipe; /**< writes without MSG_NOSIGNAL */
};

/** An empty, connected pair with the room of @kind. */
void vmc_socket_init(struct vmc_socket *socket, enum vmc_socket_kind kind);

/** Take what is there, or say why not; as vmc_channel_ops.read. */
int64_t vmc_socket_read(struct vmc_socket *socket, enum vmc_socket_side side,
                        void *bytes, size_t size_bytes);

/** Put bytes, all or none, or say why not; as vmc_channel_ops.write. */
int64_t vmc_socket_write(struct vmc_socket *socket, enum vmc_socket_side side,
                         const void *bytes, size_t size_bytes,
                         bool raises_sigpipe);

/** Close the descriptors of @side, or only its writing half. */
void vmc_socket_close(struct vmc_socket *socket, enum vmc_socket_side side);
void vmc_socket_shut_write(struct vmc_socket *socket,
                           enum vmc_socket_side side);

/** True when a read would not wait. */
bool vmc_socket_is_readable(const struct vmc_socket *socket,
                            enum vmc_socket_side side);

/**
 * True when a writer that sleeps is woken: a socket's only once three quarters
 * of its room are free (unix_writable() in net/unix/af_unix.c of Linux 6.12).
 */
bool vmc_socket_wakes_writer(const struct vmc_socket *socket,
                             enum vmc_socket_side side);

/** What a message of @size_bytes takes of the room. */
uint32_t vmc_socket_charge(enum vmc_socket_kind kind, size_t size_bytes);

/** The ends that a channel wants, for the life of @end. */
struct vmc_channel_ends vmc_socket_ends(struct vmc_socket_end *end);

#endif
