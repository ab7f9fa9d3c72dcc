/* SPDX-License-Identifier: MIT */
/*
 * One lock a channel is around every call of its machine, and around nothing
 * that waits: a step tries its descriptors without blocking. A vCPU that has
 * to wait leaves the lock. Whoever changes what somebody waits for (the turn,
 * a kick, removal) notes it under the lock and rings the vCPU's bell, which
 * only says "look again".
 *
 * An answer without a time-out is waited for in a read: the owner of the turn
 * is the only one who reads, so what comes is kept and given to the next step.
 * The other waits are polls.
 *
 * What the machine must be told about a descriptor that would block is whether
 * one may wait for it: not when somebody has set O_NONBLOCK, as a blocking
 * read of a kernel would come back too. The read does that by itself; before a
 * poll the flags are looked at.
 *
 * A pipe has no write that does not block, but it has room for PIPE_BUF bytes
 * at least; with less than that unread it need not be asked.
 *
 * A read right after the command went out is not tried: an answer takes a
 * switch of processes at least, and has to be waited for anyway.
 */
#include "sim/live/live.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/progress.h"

enum { NS_PER_MS = 1000000 };

const char *live_outcome_name(enum live_outcome outcome)
{
    static const char *const names[LIVE_OUTCOME_COUNT] = {
        "served", "interrupted", "unclaimed", "failed"};

    assert(outcome < LIVE_OUTCOME_COUNT);
    return names[outcome];
}

/* ---- Descriptors --------------------------------------------------------- */

static bool is_ready(int fd, short events)
{
    struct pollfd entry = {.fd = fd, .events = events};

    return poll(&entry, 1, 0) > 0;
}

/* What a call gave, in the words of struct vmc_channel_ops. */
static int64_t result_of(const struct live_channel *channel, ssize_t moved)
{
    if (moved >= 0) {
        return moved;
    }
    if (errno == EAGAIN || errno == EINTR) {
        return channel->hints.refuses_to_wait ? -EAGAIN
                                              : VMC_CHANNEL_WOULD_BLOCK;
    }
    return -errno;
}

static int64_t write_end(void *ends, const void *bytes, size_t size_bytes)
{
    struct live_channel *channel = ends;
    int fd = channel->end.write_fd;
    ssize_t moved;

    if (channel->writes_socket) {
        moved = send(fd, bytes, size_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    } else if (channel->unread_bytes + size_bytes <= PIPE_BUF ||
               is_ready(fd, POLLOUT)) {
        moved = write(fd, bytes, size_bytes);
        channel->unread_bytes += moved > 0 ? (uint32_t)moved : 0;
    } else {
        moved = -1;
        errno = EAGAIN;
    }
    channel->hints.has_just_sent = moved > 0;
    return result_of(channel, moved);
}

static int64_t read_end(void *ends, void *bytes, size_t size_bytes)
{
    struct live_channel *channel = ends;
    int fd = channel->end.read_fd;
    ssize_t moved;

    if (channel->hints.has_result) {
        int64_t result = channel->hints.result;

        channel->hints.has_result = false;
        assert(result <= (int64_t)size_bytes);
        if (result > 0) {
            memcpy(bytes, channel->hints.bytes, (size_t)result);
        }
        return result;
    }
    if (channel->hints.has_just_sent) {
        moved = -1;
        errno = EAGAIN;
    } else if (channel->reads_socket) {
        moved = recv(fd, bytes, size_bytes, MSG_DONTWAIT);
    } else if (channel->hints.is_readable || is_ready(fd, POLLIN)) {
        moved = read(fd, bytes, size_bytes);
    } else {
        moved = -1;
        errno = EAGAIN;
    }
    channel->hints.has_just_sent = false;
    channel->hints.is_readable = false;
    return result_of(channel, moved);
}

static const struct vmc_channel_ops ops = {.write = write_end,
                                           .read = read_end};

/* The type of a socket, 0 for a pipe, -1 for anything else. */
static int type_of(int fd)
{
    struct stat status;
    int type = -1;
    socklen_t size_bytes = sizeof(type);

    if (fstat(fd, &status) != 0) {
        return -1;
    }
    if (S_ISFIFO(status.st_mode)) {
        return 0;
    }
    return S_ISSOCK(status.st_mode) &&
                   getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size_bytes) == 0
               ? type
               : -1;
}

static void ignore_broken_pipes(void)
{
    struct sigaction action;

    if (sigaction(SIGPIPE, NULL, &action) == 0 &&
        (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_DFL) {
        action.sa_handler = SIG_IGN;
        (void)sigaction(SIGPIPE, &action, NULL);
    }
}

enum vmc_status live_channel_open(struct live_channel *channel,
                                  struct live_end *end, uint64_t timeout_ms,
                                  struct vmc_error *error)
{
    int read_type = type_of(end->read_fd), write_type = type_of(end->write_fd);

    if (read_type < 0 || write_type < 0) {
        return vmc_fail(error, VMC_E_USAGE,
                        "a device is behind a socket or two pipes");
    }
    memset(channel, 0, sizeof(*channel));
    (void)pthread_mutex_init(&channel->lock, NULL);
    (void)pthread_cond_init(&channel->is_left, NULL);
    vmc_channel_init(&channel->machine, timeout_ms * NS_PER_MS);
    channel->format = (struct vmc_ioregion_format){
        .generation = VMC_IOREGION_H,
        .is_big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__};
    channel->end = *end;
    channel->reads_socket = read_type != 0;
    channel->writes_socket = write_type != 0;
    channel->ends = (struct vmc_channel_ends){.ops = &ops,
                                              .ends = channel,
                                              .keeps_messages =
                                                  read_type == SOCK_SEQPACKET};
    *end = (struct live_end){-1, -1};
    if (write_type == 0) {
        ignore_broken_pipes();
    }
    return VMC_OK;
}

void live_channel_close(struct live_channel *channel)
{
    assert(channel->machine.waiter_count == 0);
    live_end_close(&channel->end);
    (void)pthread_cond_destroy(&channel->is_left);
    (void)pthread_mutex_destroy(&channel->lock);
}

/* ---- vCPUs --------------------------------------------------------------- */

/* Tell who has the turn now, if it waits for it in another thread. */
static void ring_next(const struct live_channel *channel,
                      const struct live_vcpu *self)
{
    struct live_vcpu *next;

    if (channel->machine.waiter_count == 0) {
        return;
    }
    next = channel->vcpus[channel->machine.waiters[0].vcpu];
    assert(next != NULL);
    if (next != self && next->is_inside &&
        next->access.stage == VMC_ACCESS_TURN) {
        live_bell_ring(&next->bell);
    }
}

enum vmc_status live_vcpu_open(struct live_vcpu *vcpu, uint32_t id,
                               struct vmc_error *error)
{
    assert(id < LIVE_VCPUS_MAX);
    memset(vcpu, 0, sizeof(*vcpu));
    vcpu->id = id;
    return live_bell_open(&vcpu->bell, error);
}

void live_vcpu_kick(struct live_vcpu *vcpu)
{
    atomic_store(&vcpu->is_kicked, true);
    live_bell_ring(&vcpu->bell);
}

/* Give up what @vcpu has begun, if anything; the lock is held. */
static void give_up(struct live_channel *channel, struct live_vcpu *vcpu,
                    enum vmc_channel_cause cause)
{
    if (vcpu->access.stage != VMC_ACCESS_IDLE) {
        vmc_channel_abort(&channel->machine, &vcpu->access, cause);
    }
    channel->vcpus[vcpu->id] = NULL;
    ring_next(channel, vcpu);
}

void live_vcpu_close(struct live_vcpu *vcpu)
{
    struct live_channel *channel = vcpu->channel;

    if (channel != NULL) {
        (void)pthread_mutex_lock(&channel->lock);
        assert(!vcpu->is_inside);
        if (channel->vcpus[vcpu->id] == vcpu) {
            give_up(channel, vcpu, VMC_CAUSE_CLOSED);
        }
        (void)pthread_mutex_unlock(&channel->lock);
        vcpu->channel = NULL;
    }
    live_bell_close(&vcpu->bell);
}

/* ---- Accesses -------------------------------------------------------------
 */

/* True when @fd may not be waited for. */
static bool is_nonblocking(int fd)
{
    return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
}

/* Milliseconds until @deadline, rounded up; -1 for ever. */
static int timeout_of(uint64_t deadline)
{
    uint64_t now, left_ms;

    if (deadline == UINT64_MAX) {
        return -1;
    }
    now = host_now_ns();
    left_ms = deadline > now ? vmc_div_up(deadline - now, NS_PER_MS) : 0;
    return left_ms < INT32_MAX ? (int)left_ms : INT32_MAX;
}

/* How much of an answer is to come, and the byte by which a long message
 * shows. */
static size_t missing_bytes(const struct live_channel *channel)
{
    return (size_t)VMC_IOREGION_RESPONSE_BYTES - channel->machine.in_bytes +
           (channel->ends.keeps_messages ? 1 : 0);
}

/* Wait for @events of @fd, unless it may not be waited for. */
static enum live_bell_end poll_for(struct live_vcpu *vcpu, int fd, short events,
                                   uint64_t deadline, struct live_hints *hints)
{
    enum live_bell_end end;

    if (fd >= 0 && is_nonblocking(fd)) {
        hints->refuses_to_wait = true;
        return LIVE_BELL_READY;
    }
    end = live_bell_poll(&vcpu->bell, fd, events, timeout_of(deadline));
    hints->is_readable = end == LIVE_BELL_READY && events == POLLIN;
    return end;
}

/* Wait until @want may be there. The lock is not held, but for an answer the
 * turn is. True: a signal came. */
static bool wait_for(const struct live_channel *channel, struct live_vcpu *vcpu,
                     enum vmc_channel_want want, uint64_t deadline,
                     struct live_hints *hints)
{
    enum live_bell_end end;

    *hints = (struct live_hints){.is_readable = false};
    if (want == VMC_CHANNEL_WAIT_TURN) {
        end = poll_for(vcpu, -1, 0, deadline, hints);
    } else if (want == VMC_CHANNEL_WAIT_WRITE) {
        end = poll_for(vcpu, channel->end.write_fd, POLLOUT, deadline, hints);
    } else if (deadline != UINT64_MAX) {
        end = poll_for(vcpu, channel->end.read_fd, POLLIN, deadline, hints);
    } else {
        end = live_bell_read(&vcpu->bell, channel->end.read_fd, hints->bytes,
                             missing_bytes(channel), &hints->result);
        hints->has_result = end == LIVE_BELL_READY;
    }
    return end == LIVE_BELL_CALLED;
}

/* Without a time-out the clock is not asked: a count does, and tells those who
 * come later from those who came before. */
static uint64_t now_for(struct live_channel *channel,
                        const struct live_vcpu *vcpu)
{
    return channel->machine.timeout_ticks == 0 &&
                   vcpu->access.deadline == UINT64_MAX
               ? ++channel->step_count
               : host_now_ns();
}

/* R1 and R3 have no bit for failure: what stands there means nothing. */
static bool can_fail(struct vmc_ioregion_format format)
{
    return format.generation == VMC_IOREGION_P20 ||
           format.generation == VMC_IOREGION_H;
}

/* Step until it is done or called away. The lock is held, but for waiting. */
static enum live_outcome drive(struct live_channel *channel,
                               struct live_vcpu *vcpu)
{
    struct vmc_channel_access *access = &vcpu->access;
    struct live_hints hints = {.is_readable = false};
    bool has_signal = false;

    for (;;) {
        enum vmc_channel_want want;
        uint64_t deadline;

        channel->hints = hints;
        want = vmc_channel_step(&channel->machine, access, &channel->ends,
                                now_for(channel, vcpu));
        deadline = access->deadline;
        if (want == VMC_CHANNEL_FAILED && access->cause == VMC_CAUSE_DEVICE &&
            !can_fail(channel->format)) {
            want = VMC_CHANNEL_DONE;
        }
        if (want == VMC_CHANNEL_DONE) {
            if (access->wants_response) {
                channel->unread_bytes = 0; /* it has read this, the last */
            }
            return LIVE_SERVED;
        }
        if (want == VMC_CHANNEL_FAILED || want == VMC_CHANNEL_GONE) {
            return want == VMC_CHANNEL_GONE ||
                           access->cause == VMC_CAUSE_REMOVED
                       ? LIVE_UNCLAIMED
                       : LIVE_FAILED;
        }
        if (has_signal || atomic_exchange(&vcpu->is_kicked, false)) {
            (void)vmc_channel_interrupt(&channel->machine, access);
            return LIVE_INTERRUPTED;
        }
        (void)pthread_mutex_unlock(&channel->lock);
        has_signal = wait_for(channel, vcpu, want, deadline, &hints);
        (void)pthread_mutex_lock(&channel->lock);
    }
}

static bool is_same(const struct live_vcpu *vcpu,
                    const struct live_region *region,
                    const struct live_access *access)
{
    return vcpu->region == region && vcpu->offset == access->offset &&
           vcpu->size_bytes == access->size_bytes &&
           vcpu->is_write == access->is_write;
}

static void begin(struct live_region *region, struct live_vcpu *vcpu,
                  const struct live_access *access)
{
    struct live_channel *channel = region->channel;
    uint8_t bytes[VMC_IOREGION_COMMAND_BYTES];
    struct vmc_ioregion_command command = {
        .user_data = region->user_data,
        .offset_bytes = access->offset,
        .data = access->is_write ? access->data : 0,
        .size_bytes = access->size_bytes,
        .is_write = access->is_write,
        .wants_response = !access->is_write || !region->is_posted,
    };

    vmc_ioregion_put_command(bytes, &command, channel->format);
    vmc_channel_begin(&vcpu->access, vcpu->id, bytes, command.wants_response);
    assert(channel->vcpus[vcpu->id] == NULL);
    channel->vcpus[vcpu->id] = vcpu;
    vcpu->channel = channel;
    vcpu->region = region;
    vcpu->offset = access->offset;
    vcpu->size_bytes = access->size_bytes;
    vcpu->is_write = access->is_write;
    vcpu->arrival = channel->arrival_count++;
}

/* The access has ended, or was interrupted; the lock is held. */
static void leave(struct live_region *region, struct live_vcpu *vcpu,
                  struct live_access *access, enum live_outcome outcome)
{
    struct live_channel *channel = region->channel;

    access->arrival = vcpu->arrival;
    if (outcome == LIVE_SERVED) {
        access->turn = channel->turn_count++;
        if (!access->is_write) {
            access->data =
                vmc_ioregion_get_response(vcpu->access.response,
                                          access->size_bytes, channel->format)
                    .data;
        }
    }
    if (outcome == LIVE_FAILED) {
        access->cause = vcpu->access.cause;
        access->error = vcpu->access.error;
    }
    if (outcome != LIVE_INTERRUPTED) {
        channel->vcpus[vcpu->id] = NULL;
    }
    if (outcome == LIVE_UNCLAIMED && vcpu->access.cause == VMC_CAUSE_REMOVED) {
        region->given_up_count++;
    }
    ring_next(channel, vcpu);
    vcpu->is_inside = false;
    region->counts[outcome]++;
    region->inside_count--;
    if (region->is_dying) {
        (void)pthread_cond_broadcast(&channel->is_left);
    }
}

enum live_outcome live_access(struct live_region *region,
                              struct live_vcpu *vcpu,
                              struct live_access *access)
{
    struct live_channel *channel = region->channel;
    enum live_outcome outcome = LIVE_UNCLAIMED;

    if (vcpu->channel != NULL && vcpu->channel != channel) {
        /* What it had begun elsewhere is another access than this. */
        (void)pthread_mutex_lock(&vcpu->channel->lock);
        if (vcpu->channel->vcpus[vcpu->id] == vcpu) {
            give_up(vcpu->channel, vcpu, VMC_CAUSE_CLOSED);
        }
        (void)pthread_mutex_unlock(&vcpu->channel->lock);
        vcpu->channel = NULL;
    }
    (void)pthread_mutex_lock(&channel->lock);
    if (vcpu->access.stage != VMC_ACCESS_IDLE &&
        !is_same(vcpu, region, access)) {
        give_up(channel, vcpu, VMC_CAUSE_CLOSED);
    }
    access->cause = VMC_CAUSE_NONE;
    access->error = 0;
    if (!region->is_dying) {
        if (vcpu->access.stage == VMC_ACCESS_IDLE) {
            begin(region, vcpu, access);
        }
        vcpu->is_inside = true;
        region->inside_count++;
        outcome = drive(channel, vcpu);
        leave(region, vcpu, access, outcome);
    } else {
        region->counts[outcome]++;
    }
    (void)pthread_mutex_unlock(&channel->lock);
    return outcome;
}

/* ---- Regions --------------------------------------------------------------
 */

void live_region_add(struct live_region *region, struct live_channel *channel,
                     uint64_t user_data, bool is_posted)
{
    *region = (struct live_region){
        .channel = channel, .user_data = user_data, .is_posted = is_posted};
}

void live_region_remove(struct live_region *region, uint64_t deadline_ms)
{
    struct live_channel *channel = region->channel;
    uint64_t deadline = host_now_ns() + deadline_ms * NS_PER_MS;

    (void)pthread_mutex_lock(&channel->lock);
    region->is_dying = true;
    for (uint32_t i = 0; i < LIVE_VCPUS_MAX; i++) {
        struct live_vcpu *vcpu = channel->vcpus[i];

        if (vcpu == NULL || vcpu->region != region) {
            continue;
        }
        if (vcpu->is_inside) {
            vmc_channel_retire(&vcpu->access, deadline);
            live_bell_ring(&vcpu->bell);
        } else {
            region->given_up_count += vcpu->access.sent_bytes != 0;
            give_up(channel, vcpu, VMC_CAUSE_REMOVED);
        }
    }
    while (region->inside_count > 0) {
        (void)pthread_cond_wait(&channel->is_left, &channel->lock);
    }
    (void)pthread_mutex_unlock(&channel->lock);
}
