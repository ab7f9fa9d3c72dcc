/* SPDX-License-Identifier: MIT */
/*
 * One loop: take a batch, act on its commands in order, send the answers. A
 * batch is what lies in the descriptor already, so taking it never waits for
 * more than its first command. On a stream the end of a batch may be half a
 * command; it stays at the front of the buffer. A SEQPACKET socket keeps
 * messages apart, so one of another length is rejected as soon as it is there.
 *
 * Answers of a batch are sent together, except the ones that are spoilt: those
 * go out one by one, with whatever is wrong with them.
 */
#include "sim/live/device_server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sim/interrupted.h"

enum {
    COMMAND_BYTES = VMC_IOREGION_COMMAND_BYTES,
    ANSWER_BYTES = VMC_IOREGION_RESPONSE_BYTES,
};

struct server {
    const struct device_server_config *config;
    struct register_file *file;
    struct device_server_counts *counts;
    bool reads_packets, writes_socket, is_packet_out;
    bool is_ending; /* something that is no command has been taken */
    uint64_t asked; /* commands so far that want an answer */
    size_t in_bytes, out_bytes;
    uint8_t in[DEVICE_BATCH_MAX * COMMAND_BYTES];
    uint8_t out[DEVICE_BATCH_MAX * ANSWER_BYTES];
    struct mmsghdr messages[DEVICE_BATCH_MAX];
    struct iovec parts[DEVICE_BATCH_MAX];
};

const char *device_answer_name(enum device_answer answer)
{
    static const char *const names[DEVICE_ANSWER_COUNT] = {
        "right", "short", "cut", "long", "late", "twice", "never", "failed"};

    assert(answer < DEVICE_ANSWER_COUNT);
    return names[answer];
}

const char *device_end_text(enum device_end end)
{
    static const char *const texts[] = {
        [DEVICE_END_CLOSED] = "the peer closed",
        [DEVICE_END_EXIT] = "as many commands have come as were asked for",
        [DEVICE_END_REJECTED] = "what came is not a command of 32 bytes",
        [DEVICE_END_BROKEN] = "the descriptor failed",
        [DEVICE_END_STOPPED] = "a signal came",
    };

    assert(end < VMC_COUNT_OF(texts));
    return texts[end];
}

static int socket_type(int fd)
{
    int type = 0;
    socklen_t size_bytes = sizeof(type);

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size_bytes) == 0 ? type
                                                                        : 0;
}

/* Wait until @fd is ready: somebody made it non-blocking. */
static void wait_for(int fd, short events)
{
    struct pollfd entry = {.fd = fd, .events = events};

    (void)poll(&entry, 1, -1);
}

static void sleep_us(uint32_t delay_us)
{
    struct timespec left = {.tv_sec = delay_us / 1000000,
                            .tv_nsec = (long)(delay_us % 1000000) * 1000};

    while (delay_us > 0 && nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

/* ---- Out ---------------------------------------------------------------- */

/* Send all of it, in one message if the socket has messages. */
static bool send_bytes(const struct server *server, const uint8_t *bytes,
                       size_t count)
{
    int fd = server->config->write_fd;

    while (count > 0) {
        ssize_t sent = server->writes_socket
                           ? send(fd, bytes, count, MSG_NOSIGNAL)
                           : write(fd, bytes, count);

        if (sent > 0) {
            bytes += sent;
            count -= (size_t)sent;
        } else if (sent < 0 && errno == EAGAIN) {
            wait_for(fd, POLLOUT);
        } else if (sent == 0 || errno != EINTR) {
            return false;
        }
    }
    return true;
}

static bool flush(struct server *server)
{
    size_t step = server->is_packet_out ? ANSWER_BYTES : server->out_bytes;
    bool is_good = true;

    for (size_t at = 0; is_good && at < server->out_bytes; at += step) {
        is_good = send_bytes(server, &server->out[at], step);
    }
    server->out_bytes = 0;
    return is_good;
}

static bool send_spoilt(struct server *server, const uint8_t *answer)
{
    const struct device_server_config *config = server->config;
    uint8_t twice[2 * ANSWER_BYTES];
    bool is_good = flush(server);

    memcpy(twice, answer, ANSWER_BYTES);
    memcpy(twice + ANSWER_BYTES, answer, ANSWER_BYTES);
    switch (config->answer) {
    case DEVICE_ANSWER_SHORT:
        is_good = is_good && send_bytes(server, answer, DEVICE_SHORT_BYTES);
        sleep_us(config->delay_us);
        return is_good && send_bytes(server, answer + DEVICE_SHORT_BYTES,
                                     ANSWER_BYTES - DEVICE_SHORT_BYTES);
    case DEVICE_ANSWER_CUT:
        return is_good && send_bytes(server, answer, DEVICE_SHORT_BYTES);
    case DEVICE_ANSWER_LONG:
        return is_good && send_bytes(server, twice, DEVICE_LONG_BYTES);
    case DEVICE_ANSWER_LATE:
        sleep_us(config->delay_us);
        return is_good && send_bytes(server, answer, ANSWER_BYTES);
    case DEVICE_ANSWER_TWICE:
        server->counts->answers++;
        return is_good && send_bytes(server, answer, ANSWER_BYTES) &&
               send_bytes(server, answer, ANSWER_BYTES);
    case DEVICE_ANSWER_FAILED:
        return is_good && send_bytes(server, answer, ANSWER_BYTES);
    case DEVICE_ANSWER_RIGHT:
    case DEVICE_ANSWER_NEVER:
    case DEVICE_ANSWER_COUNT:
        break;
    }
    server->counts->answers--;
    return is_good;
}

static bool answer(struct server *server,
                   const struct vmc_ioregion_command *command, uint64_t data,
                   bool has_failed)
{
    const struct device_server_config *config = server->config;
    uint8_t *to = &server->out[server->out_bytes];
    uint64_t number = ++server->asked;
    bool is_spoilt = config->answer != DEVICE_ANSWER_RIGHT &&
                     (config->spoil_at == 0 || config->spoil_at == number);

    server->counts->answers++;
    if (is_spoilt && config->answer == DEVICE_ANSWER_FAILED) {
        has_failed = true;
    }
    vmc_ioregion_put_response(
        to,
        (struct vmc_ioregion_response){.data = data, .is_failed = has_failed},
        command->size_bytes, config->format);
    if (is_spoilt) {
        uint8_t copy[ANSWER_BYTES];

        memcpy(copy, to, ANSWER_BYTES);
        return send_spoilt(server, copy);
    }
    if (config->answer == DEVICE_ANSWER_RIGHT) {
        sleep_us(config->delay_us);
    }
    server->out_bytes += ANSWER_BYTES;
    return true;
}

/* ---- In ----------------------------------------------------------------- */

/* Act on one command. False: serving ends, and counts say why. */
static bool act(struct server *server, const uint8_t *bytes)
{
    const struct device_server_config *config = server->config;
    struct device_server_counts *counts = server->counts;
    struct vmc_ioregion_command command;
    struct register_access access;
    bool is_claimed;

    if (vmc_ioregion_get_command(&command, bytes, COMMAND_BYTES, config->format,
                                 NULL) != VMC_OK) {
        counts->end = DEVICE_END_REJECTED;
        return false;
    }
    counts->commands++;
    counts->reads += !command.is_write;
    counts->writes += command.is_write;
    if (counts->commands == config->flip_after) {
        (void)fcntl(config->flip_fd, F_SETFL,
                    fcntl(config->flip_fd, F_GETFL) | O_NONBLOCK);
    }
    access = (struct register_access){.user_data = command.user_data,
                                      .offset = command.offset_bytes,
                                      .data = command.data,
                                      .length_bytes = command.size_bytes,
                                      .is_write = command.is_write};
    is_claimed = register_file_access(server->file, &access);
    counts->unclaimed += !is_claimed;
    if (counts->commands == config->exit_after) {
        counts->end = DEVICE_END_EXIT;
        return false;
    }
    if (!command.wants_response) {
        counts->posted++;
        return true;
    }
    if (!answer(server, &command, command.is_write ? 0 : access.data,
                !is_claimed && config->fails_unclaimed)) {
        counts->end = DEVICE_END_BROKEN;
        return false;
    }
    return true;
}

/* Take messages, each of which must be one command: the first that is none
 * ends it, and a message of no bytes cannot be told from a closed peer. */
static ssize_t take_packets(struct server *server)
{
    int taken = recvmmsg(server->config->read_fd, server->messages,
                         server->config->batch_max, MSG_WAITFORONE, NULL);

    for (int i = 0; i < taken; i++) {
        const struct mmsghdr *message = &server->messages[i];

        if (message->msg_len != COMMAND_BYTES ||
            (message->msg_hdr.msg_flags & MSG_TRUNC) != 0) {
            server->is_ending = true;
            server->counts->end =
                message->msg_len == 0 ? DEVICE_END_CLOSED : DEVICE_END_REJECTED;
            return (ssize_t)i * COMMAND_BYTES;
        }
    }
    return (ssize_t)taken * COMMAND_BYTES;
}

static void prepare_messages(struct server *server)
{
    for (int i = 0; i < DEVICE_BATCH_MAX; i++) {
        struct msghdr *head = &server->messages[i].msg_hdr;

        server->parts[i] =
            (struct iovec){&server->in[i * COMMAND_BYTES], COMMAND_BYTES};
        head->msg_iov = &server->parts[i];
        head->msg_iovlen = 1;
    }
}

/* Take what is there. Returns bytes, 0 at the end, -1 with errno. */
static ssize_t take_bytes(struct server *server)
{
    return read(server->config->read_fd, &server->in[server->in_bytes],
                server->config->batch_max * COMMAND_BYTES - server->in_bytes);
}

/* Act on all whole commands of the buffer; keep the rest at its front. */
static bool act_on_batch(struct server *server)
{
    size_t count = server->in_bytes / COMMAND_BYTES;
    struct device_server_counts *counts = server->counts;
    bool goes_on = true;

    if (count > 0) {
        counts->batches++;
        counts->batch_max =
            count > counts->batch_max ? count : counts->batch_max;
    }
    for (size_t i = 0; goes_on && i < count; i++) {
        goes_on = act(server, &server->in[i * COMMAND_BYTES]);
    }
    if (!flush(server) && goes_on) {
        counts->end = DEVICE_END_BROKEN;
        return false;
    }
    server->in_bytes -= count * COMMAND_BYTES;
    memmove(server->in, &server->in[count * COMMAND_BYTES], server->in_bytes);
    return goes_on;
}

/* Until the peer ends it, or what comes does. */
static void serve(struct server *server)
{
    const struct device_server_config *config = server->config;
    struct device_server_counts *counts = server->counts;

    while (!server->is_ending) {
        ssize_t got =
            server->reads_packets ? take_packets(server) : take_bytes(server);

        if (got > 0) {
            server->in_bytes += (size_t)got;
            if (!act_on_batch(server)) {
                return;
            }
        } else if (got == 0 && !server->is_ending) {
            counts->end =
                server->in_bytes == 0 ? DEVICE_END_CLOSED : DEVICE_END_REJECTED;
            return;
        } else if (got < 0 && errno == EAGAIN) {
            wait_for(config->read_fd, POLLIN);
        } else if (got < 0 && errno != EINTR) {
            /* A peer that closed with answers unread resets the socket. */
            counts->end =
                errno == ECONNRESET ? DEVICE_END_CLOSED : DEVICE_END_BROKEN;
            return;
        }
    }
}

void device_serve(const struct device_server_config *config,
                  struct register_file *file,
                  struct device_server_counts *counts)
{
    struct server server = {.config = config, .file = file, .counts = counts};
    int out_type = socket_type(config->write_fd);

    assert(config->batch_max >= 1 && config->batch_max <= DEVICE_BATCH_MAX);
    memset(counts, 0, sizeof(*counts));
    server.reads_packets = socket_type(config->read_fd) == SOCK_SEQPACKET;
    server.writes_socket = out_type != 0;
    server.is_packet_out = out_type == SOCK_SEQPACKET;
    prepare_messages(&server);
    interrupted_input(config->read_fd);
    serve(&server);
    interrupted_input(-1);
    if (interrupted() && counts->end != DEVICE_END_EXIT) {
        counts->end = DEVICE_END_STOPPED; /* the handler has ended the input */
    }
}
