/* SPDX-License-Identifier: MIT */
/*
 * What has been sent can not be unsent, and a device answers in order. So the
 * channel keeps two debts apart from whoever caused them: left, the rest of a
 * command that must still be written, and owed, the answers still to come for
 * accesses that nobody waits for any longer:
 *
 *      written   | cmd 1 | cmd 2 | cm...          left = the rest of cmd 3
 *      to come           | rsp 2 | rsp 3          owed = 2
 *
 * Both are paid first. The bytes of the oldest answer gather in one buffer of
 * the channel, whoever reads; when it is full it pays a debt, or it is the
 * owner's answer.
 *
 * Until a question is out, what lies in the descriptor must be owed. Bytes
 * that are not mean that the device has answered twice: no later answer could
 * be told from the one before, so the channel dies. A device that sends the
 * surplus between question and answer can not be caught; there are no sequence
 * numbers (spec 9.2).
 */
#include "ioregion/channel.h"

#include <errno.h>
#include <string.h>

void vmc_channel_init(struct vmc_channel *channel, uint64_t timeout_ticks)
{
    *channel = (struct vmc_channel){.timeout_ticks = timeout_ticks};
}

void vmc_channel_begin(struct vmc_channel_access *access, uint32_t vcpu,
                       const uint8_t *command, bool wants_response)
{
    assert(access->stage == VMC_ACCESS_IDLE);
    *access = (struct vmc_channel_access){.stage = VMC_ACCESS_ASIDE,
                                          .vcpu = vcpu,
                                          .wants_response = wants_response,
                                          .deadline = UINT64_MAX};
    memcpy(access->command, command, VMC_IOREGION_COMMAND_BYTES);
}

/* ---- The queue ---------------------------------------------------------- */

static uint32_t place_of(const struct vmc_channel *channel, uint32_t vcpu)
{
    uint32_t place = 0;

    while (place < channel->waiter_count &&
           channel->waiters[place].vcpu != vcpu) {
        place++;
    }
    return place;
}

static bool is_owner(const struct vmc_channel_access *access)
{
    return access->stage >= VMC_ACCESS_SEND;
}

static void join_queue(struct vmc_channel *channel,
                       struct vmc_channel_access *access, uint64_t now)
{
    uint32_t place = channel->waiter_count;

    assert(place < VMC_CHANNEL_WAITERS_MAX);
    assert(place_of(channel, access->vcpu) == place);
    /* Not before the first: whoever has the channel keeps it. */
    while (place > 1 && channel->waiters[place - 1].arrival == now &&
           channel->waiters[place - 1].vcpu > access->vcpu) {
        channel->waiters[place] = channel->waiters[place - 1];
        place--;
    }
    channel->waiters[place].arrival = now;
    channel->waiters[place].vcpu = access->vcpu;
    channel->waiter_count++;
    access->stage = VMC_ACCESS_TURN;
}

static void leave_queue(struct vmc_channel *channel,
                        const struct vmc_channel_access *access)
{
    uint32_t place = place_of(channel, access->vcpu);

    assert(place < channel->waiter_count);
    channel->waiter_count--;
    memmove(&channel->waiters[place], &channel->waiters[place + 1],
            (channel->waiter_count - place) * sizeof(channel->waiters[0]));
}

bool vmc_channel_is_turn(const struct vmc_channel *channel,
                         const struct vmc_channel_access *access)
{
    if (channel->health == VMC_CHANNEL_DEAD || access->is_retired) {
        return true;
    }
    return access->stage == VMC_ACCESS_ASIDE
               ? channel->waiter_count == 0
               : channel->waiter_count != 0 &&
                     channel->waiters[0].vcpu == access->vcpu;
}

/* ---- Endings ------------------------------------------------------------ */

static void finish(struct vmc_channel *channel,
                   struct vmc_channel_access *access)
{
    if (access->stage >= VMC_ACCESS_TURN) {
        leave_queue(channel, access);
    }
    access->stage = VMC_ACCESS_IDLE;
}

/* What the access has begun becomes a debt of the channel. */
static void leave_debts(struct vmc_channel *channel,
                        const struct vmc_channel_access *access)
{
    if (!is_owner(access) || access->sent_bytes == 0) {
        return;
    }
    assert(channel->left_bytes == 0);
    channel->left_bytes =
        (uint8_t)(VMC_IOREGION_COMMAND_BYTES - access->sent_bytes);
    memcpy(channel->left, access->command, sizeof(channel->left));
    if (access->wants_response && channel->health != VMC_CHANNEL_DEAD) {
        channel->owed_count++;
        channel->health = VMC_CHANNEL_SUSPECT;
    }
}

static enum vmc_channel_want fail(struct vmc_channel *channel,
                                  struct vmc_channel_access *access,
                                  enum vmc_channel_cause cause, int32_t error)
{
    access->cause = cause;
    access->error = error;
    channel->failed_counts[cause]++;
    leave_debts(channel, access);
    finish(channel, access);
    return VMC_CHANNEL_FAILED;
}

static void die(struct vmc_channel *channel)
{
    channel->health = VMC_CHANNEL_DEAD;
    channel->owed_count = 0;
    channel->in_bytes = 0;
}

/* What a negative result of a descriptor means. */
static enum vmc_channel_want refuse(struct vmc_channel *channel,
                                    struct vmc_channel_access *access,
                                    int64_t result)
{
    int32_t error = (int32_t)-result;

    assert(result < 0 && result >= -INT32_MAX);
    if (error == EAGAIN) {
        return fail(channel, access, VMC_CAUSE_AGAIN, error);
    }
    die(channel);
    return fail(channel, access,
                error == EPIPE || error == ECONNRESET ? VMC_CAUSE_PIPE
                                                      : VMC_CAUSE_IO,
                error);
}

static enum vmc_channel_want violate(struct vmc_channel *channel,
                                     struct vmc_channel_access *access)
{
    die(channel);
    return fail(channel, access, VMC_CAUSE_PROTOCOL, 0);
}

void vmc_channel_abort(struct vmc_channel *channel,
                       struct vmc_channel_access *access,
                       enum vmc_channel_cause cause)
{
    if (access->stage != VMC_ACCESS_IDLE) {
        (void)fail(channel, access, cause, 0);
    }
}

/* ---- Bytes -------------------------------------------------------------- */

static bool must_wait(int64_t result)
{
    return result == VMC_CHANNEL_WOULD_BLOCK || result == -EINTR;
}

/* Write from a cursor on. 0 when all is out, else what the descriptor said. */
static int64_t write_from(const struct vmc_channel_ends *ends,
                          const uint8_t *command, uint8_t *done_bytes)
{
    while (*done_bytes < VMC_IOREGION_COMMAND_BYTES) {
        size_t rest = (size_t)VMC_IOREGION_COMMAND_BYTES - *done_bytes;
        int64_t result =
            ends->ops->write(ends->ends, &command[*done_bytes], rest);

        if (result == 0) {
            return VMC_CHANNEL_WOULD_BLOCK;
        }
        if (result < 0) {
            return result;
        }
        assert((size_t)result <= rest);
        *done_bytes = (uint8_t)(*done_bytes + result);
    }
    return 0;
}

enum gathered { IS_WHOLE, IS_PARTIAL, IS_TOO_LONG, IS_REFUSED };

/* Read on towards one whole answer. Where messages are kept one byte more than
 * wanted is asked for: it is how a long message shows. */
static enum gathered gather(struct vmc_channel *channel,
                            const struct vmc_channel_ends *ends,
                            int64_t *result)
{
    uint8_t bytes[VMC_IOREGION_RESPONSE_BYTES + 1];
    size_t rest = (size_t)VMC_IOREGION_RESPONSE_BYTES - channel->in_bytes;

    *result = ends->ops->read(ends->ends, bytes,
                              rest + (ends->keeps_messages ? 1 : 0));
    if (*result <= 0) {
        return IS_REFUSED;
    }
    if ((size_t)*result > rest) {
        return IS_TOO_LONG;
    }
    memcpy(&channel->in[channel->in_bytes], bytes, (size_t)*result);
    channel->in_bytes = (uint8_t)(channel->in_bytes + *result);
    return channel->in_bytes == VMC_IOREGION_RESPONSE_BYTES ? IS_WHOLE
                                                            : IS_PARTIAL;
}

static void pay_debt(struct vmc_channel *channel)
{
    assert(channel->owed_count > 0);
    channel->in_bytes = 0;
    channel->discarded_count++;
    channel->owed_count--;
    if (channel->owed_count == 0) {
        channel->health = VMC_CHANNEL_OPEN;
    }
}

/* Read what is there and owed. True when there is more than that. An end of
 * file is left to whoever reads an answer: a device may close its half and
 * still take posted writes. */
static bool has_surplus(struct vmc_channel *channel,
                        const struct vmc_channel_ends *ends, int64_t *result)
{
    for (;;) {
        if (channel->owed_count == 0) {
            uint8_t byte;

            *result = ends->ops->read(ends->ends, &byte, 1);
            return *result > 0;
        }
        switch (gather(channel, ends, result)) {
        case IS_WHOLE:
            pay_debt(channel);
            break;
        case IS_PARTIAL:
            break;
        case IS_TOO_LONG:
            return true;
        case IS_REFUSED:
        default:
            return false;
        }
    }
}

void vmc_channel_forgive(struct vmc_channel *channel)
{
    channel->discarded_count += channel->owed_count;
    channel->owed_count = 0;
    channel->in_bytes = 0;
    if (channel->health == VMC_CHANNEL_SUSPECT) {
        channel->health = VMC_CHANNEL_OPEN;
    }
}

void vmc_channel_drain(struct vmc_channel *channel,
                       const struct vmc_channel_ends *ends)
{
    int64_t result;

    if (channel->waiter_count == 0 && channel->health != VMC_CHANNEL_DEAD) {
        if (has_surplus(channel, ends, &result) || result == -ECONNRESET) {
            die(channel);
        }
    }
}

/* ---- Steps -------------------------------------------------------------- */

/* True when the channel may be used for the command; else *@want says how the
 * access ended or what it waits for. */
static bool is_clear(struct vmc_channel *channel,
                     struct vmc_channel_access *access,
                     const struct vmc_channel_ends *ends,
                     enum vmc_channel_want *want)
{
    uint8_t done = (uint8_t)(VMC_IOREGION_COMMAND_BYTES - channel->left_bytes);
    int64_t result = write_from(ends, channel->left, &done);

    channel->left_bytes = (uint8_t)(VMC_IOREGION_COMMAND_BYTES - done);
    if (result != 0) {
        *want = must_wait(result) ? VMC_CHANNEL_WAIT_WRITE
                                  : refuse(channel, access, result);
        return false;
    }
    if (access->wants_response) { /* nothing can be the answer yet */
        if (has_surplus(channel, ends, &result)) {
            *want = violate(channel, access);
            return false;
        }
        if (result == -ECONNRESET) { /* said once only, so it is kept */
            *want = refuse(channel, access, result);
            return false;
        }
    }
    return true;
}

static enum vmc_channel_want send(struct vmc_channel *channel,
                                  struct vmc_channel_access *access,
                                  const struct vmc_channel_ends *ends)
{
    bool was_begun = access->sent_bytes != 0;
    enum vmc_channel_want want;
    int64_t result;

    if (!is_clear(channel, access, ends, &want)) {
        return want;
    }
    result = write_from(ends, access->command, &access->sent_bytes);
    if (!was_begun && access->sent_bytes != 0) {
        *(access->wants_response ? &channel->asked_count
                                 : &channel->posted_count) += 1;
    }
    if (result != 0) {
        return must_wait(result) ? VMC_CHANNEL_WAIT_WRITE
                                 : refuse(channel, access, result);
    }
    if (!access->wants_response) {
        finish(channel, access);
        return VMC_CHANNEL_DONE;
    }
    access->stage = VMC_ACCESS_RECEIVE;
    return VMC_CHANNEL_WAIT_READ;
}

/* The whole answer to the owner's question is there. */
static enum vmc_channel_want answer(struct vmc_channel *channel,
                                    struct vmc_channel_access *access)
{
    static const struct vmc_ioregion_format format = {VMC_IOREGION_H, false};

    memcpy(access->response, channel->in, sizeof(channel->in));
    channel->in_bytes = 0;
    channel->answered_count++;
    finish(channel, access);
    if (vmc_ioregion_get_response(access->response, 0, format).is_failed) {
        access->cause = VMC_CAUSE_DEVICE;
        channel->failed_counts[VMC_CAUSE_DEVICE]++;
        return VMC_CHANNEL_FAILED;
    }
    return VMC_CHANNEL_DONE;
}

static enum vmc_channel_want receive(struct vmc_channel *channel,
                                     struct vmc_channel_access *access,
                                     const struct vmc_channel_ends *ends)
{
    int64_t result;

    for (;;) {
        switch (gather(channel, ends, &result)) {
        case IS_WHOLE:
            if (channel->owed_count > 0) {
                pay_debt(channel);
                break;
            }
            return answer(channel, access);
        case IS_PARTIAL:
            break;
        case IS_TOO_LONG:
            return violate(channel, access);
        case IS_REFUSED:
        default:
            if (must_wait(result)) {
                return VMC_CHANNEL_WAIT_READ;
            }
            if (result == 0) {
                die(channel);
                return fail(channel, access, VMC_CAUSE_EOF, 0);
            }
            return refuse(channel, access, result);
        }
    }
}

static uint64_t deadline_after(uint64_t now, uint64_t ticks)
{
    return ticks == 0 || ticks > UINT64_MAX - now ? UINT64_MAX : now + ticks;
}

enum vmc_channel_want vmc_channel_step(struct vmc_channel *channel,
                                       struct vmc_channel_access *access,
                                       const struct vmc_channel_ends *ends,
                                       uint64_t now)
{
    enum vmc_channel_want want = VMC_CHANNEL_WAIT_READ;

    assert(access->stage != VMC_ACCESS_IDLE);
    if (access->is_retired && access->sent_bytes == 0) {
        finish(channel, access);
        return VMC_CHANNEL_GONE;
    }
    if (channel->health == VMC_CHANNEL_DEAD) {
        return fail(channel, access, VMC_CAUSE_DEAD, 0);
    }
    if (access->stage == VMC_ACCESS_ASIDE) {
        join_queue(channel, access, now);
    }
    if (access->stage == VMC_ACCESS_TURN) {
        if (!vmc_channel_is_turn(channel, access)) {
            return VMC_CHANNEL_WAIT_TURN;
        }
        access->stage = VMC_ACCESS_SEND;
        access->deadline = deadline_after(now, channel->timeout_ticks);
    }
    if (access->stage == VMC_ACCESS_SEND) {
        want = send(channel, access, ends);
    }
    if (access->stage == VMC_ACCESS_RECEIVE) {
        want = receive(channel, access, ends);
    }
    if (want >= VMC_CHANNEL_WAIT_TURN && now >= access->deadline) {
        return fail(channel, access,
                    access->is_retired ? VMC_CAUSE_REMOVED : VMC_CAUSE_TIMEOUT,
                    0);
    }
    return want;
}

bool vmc_channel_interrupt(struct vmc_channel *channel,
                           struct vmc_channel_access *access)
{
    if (is_owner(access) && access->sent_bytes != 0) {
        return true;
    }
    if (access->stage >= VMC_ACCESS_TURN) {
        finish(channel, access);
        access->stage = VMC_ACCESS_ASIDE;
        access->deadline = UINT64_MAX;
    }
    return false;
}

void vmc_channel_retire(struct vmc_channel_access *access, uint64_t deadline)
{
    assert(access->stage != VMC_ACCESS_IDLE);
    access->is_retired = true;
    if (deadline < access->deadline) {
        access->deadline = deadline;
    }
}

/* ---- Books -------------------------------------------------------------- */

const char *vmc_channel_check(const struct vmc_channel *channel)
{
    bool is_dead = channel->health == VMC_CHANNEL_DEAD;
    uint64_t settled = channel->answered_count + channel->discarded_count +
                       channel->owed_count;

    if (channel->waiter_count > VMC_CHANNEL_WAITERS_MAX) {
        return "more waiters than there is room for";
    }
    for (uint32_t i = 1; i < channel->waiter_count; i++) {
        if (i >= 2 &&
            channel->waiters[i - 1].arrival > channel->waiters[i].arrival) {
            return "a waiter stands before one that came earlier";
        }
        for (uint32_t j = 0; j < i; j++) {
            if (channel->waiters[i].vcpu == channel->waiters[j].vcpu) {
                return "a vCPU waits twice";
            }
        }
    }
    if (is_dead) {
        return NULL;
    }
    if ((channel->health == VMC_CHANNEL_SUSPECT) !=
        (channel->owed_count != 0)) {
        return "suspect without an answer owed, or not in spite of one";
    }
    if (settled > channel->asked_count) {
        return "more answers than questions";
    }
    if (channel->asked_count - settled > 1) {
        return "two questions that wait for an answer";
    }
    if (channel->asked_count != settled && channel->waiter_count == 0) {
        return "a question that nobody waits for, and nobody owes";
    }
    if (channel->in_bytes != 0 && channel->owed_count == 0 &&
        channel->asked_count == settled) {
        return "bytes of an answer to no question";
    }
    return NULL;
}

const char *vmc_channel_cause_name(enum vmc_channel_cause cause)
{
    static const char *const names[] = {
        "none",   "again",   "eof",     "pipe",   "io",   "protocol",
        "device", "timeout", "removed", "closed", "dead",
    };

    static_assert(VMC_COUNT_OF(names) == VMC_CAUSE_COUNT, "a name a cause");
    assert(cause < VMC_CAUSE_COUNT);
    return names[cause];
}
