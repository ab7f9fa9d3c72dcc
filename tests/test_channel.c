/* SPDX-License-Identifier: MIT */
/* The shared descriptor, step by step, against a device that the test plays:
 * cursors, debts, turns, deadlines, and every way a descriptor can refuse. */
#include "ioregion/channel.h"

#include <errno.h>
#include <string.h>

#include "base/rng.h"
#include "suite.h"

enum { FIFO_BYTES = 1 << 14, VCPUS = 4 };

#define NEVER UINT64_MAX

/* What the test lets the two descriptors do. */
static struct device {
    uint8_t sent[FIFO_BYTES], answers[FIFO_BYTES];
    size_t sent_bytes, room_bytes; /* written so far; may still be written */
    size_t answer_bytes, answer_at;
    size_t chunk_bytes; /* at most so many in one call; 0 for any number */
    int64_t write_error, read_error; /* said when there is nothing else */
    size_t message_bytes; /* of the next message; the rest of it is lost */
    bool touched;
} device;

static struct vmc_channel channel;
static struct vmc_channel_access vcpus[VCPUS];

static int64_t device_write(void *ends, const void *bytes, size_t size_bytes)
{
    size_t count = size_bytes;

    ck_assert_ptr_eq(ends, &device);
    device.touched = true;
    if (device.write_error != 0) {
        return device.write_error;
    }
    count = count < device.room_bytes ? count : device.room_bytes;
    if (device.chunk_bytes != 0 && count > device.chunk_bytes) {
        count = device.chunk_bytes;
    }
    if (count == 0) {
        return VMC_CHANNEL_WOULD_BLOCK;
    }
    memcpy(&device.sent[device.sent_bytes], bytes, count);
    device.sent_bytes += count;
    device.room_bytes -= count;
    return (int64_t)count;
}

static int64_t device_read(void *ends, void *bytes, size_t size_bytes)
{
    size_t there = device.answer_bytes - device.answer_at;
    size_t count = size_bytes < there ? size_bytes : there;

    ck_assert_ptr_eq(ends, &device);
    device.touched = true;
    if (count == 0) {
        return device.read_error == 1   ? 0
               : device.read_error != 0 ? device.read_error
                                        : VMC_CHANNEL_WOULD_BLOCK;
    }
    if (device.chunk_bytes != 0 && count > device.chunk_bytes) {
        count = device.chunk_bytes;
    }
    memcpy(bytes, &device.answers[device.answer_at], count);
    device.answer_at += count;
    if (device.message_bytes != 0) { /* a message goes as a whole */
        device.answer_at += device.message_bytes - count;
        device.message_bytes = 0;
    }
    return (int64_t)count;
}

static const struct vmc_channel_ops ops = {.write = device_write,
                                           .read = device_read};
static struct vmc_channel_ends ends = {.ops = &ops, .ends = &device};

static void set_up(void)
{
    memset(&device, 0, sizeof(device));
    memset(vcpus, 0, sizeof(vcpus));
    device.room_bytes = FIFO_BYTES;
    vmc_channel_init(&channel, 0);
}

/* vCPU @vcpu asks for a word at offset @offset. */
static void begin(uint32_t vcpu, uint64_t offset, bool is_posted)
{
    const struct vmc_ioregion_command command = {
        .offset_bytes = offset,
        .size_bytes = 8,
        .is_write = is_posted,
        .wants_response = !is_posted,
    };
    uint8_t bytes[32];

    vmc_ioregion_put_command(
        bytes, &command, (struct vmc_ioregion_format){VMC_IOREGION_H, false});
    vmc_channel_begin(&vcpus[vcpu], vcpu, bytes, !is_posted);
}

static enum vmc_channel_want step_at(uint32_t vcpu, uint64_t now)
{
    enum vmc_channel_want want =
        vmc_channel_step(&channel, &vcpus[vcpu], &ends, now);
    const char *wrong = vmc_channel_check(&channel);

    ck_assert_msg(wrong == NULL, "%s", wrong);
    return want;
}

static enum vmc_channel_want step(uint32_t vcpu)
{
    return step_at(vcpu, 0);
}

/* The first @size_bytes of an answer with @data. */
static void answer_part(uint64_t data, size_t from, size_t size_bytes)
{
    uint8_t bytes[64];

    memset(bytes, 0, sizeof(bytes));
    memcpy(bytes, &data, 8);
    memcpy(&device.answers[device.answer_bytes], &bytes[from], size_bytes);
    device.answer_bytes += size_bytes;
}

static void answer(uint64_t data)
{
    answer_part(data, 0, 32);
}

static uint64_t value_of(uint32_t vcpu)
{
    return vmc_ioregion_get_response(
               vcpus[vcpu].response, 8,
               (struct vmc_ioregion_format){VMC_IOREGION_H, false})
        .data;
}

/* The offset in command number @index on the wire. */
static uint64_t offset_sent(size_t index)
{
    struct vmc_ioregion_command command;

    ck_assert_uint_ge(device.sent_bytes, index * 32 + 32);
    ck_assert_int_eq(vmc_ioregion_get_command(
                         &command, &device.sent[index * 32], 32,
                         (struct vmc_ioregion_format){VMC_IOREGION_H, false},
                         NULL),
                     VMC_OK);
    return command.offset_bytes;
}

START_TEST(a_question_waits_for_its_whole_answer)
{
    set_up();
    begin(0, 0x10, false);
    ck_assert_int_eq(step(0), VMC_CHANNEL_WAIT_READ);
    ck_assert_uint_eq(offset_sent(0), 0x10);
    answer_part(42, 0, 20); /* TV-62, D50 */
    ck_assert_int_eq(step(0), VMC_CHANNEL_WAIT_READ);
    answer_part(42, 20, 12);
    ck_assert_int_eq(step(0), VMC_CHANNEL_DONE);
    ck_assert_uint_eq(value_of(0), 42);
    ck_assert_uint_eq(device.sent_bytes, 32);
}
END_TEST

START_TEST(a_posted_write_is_done_when_it_is_out)
{
    set_up();
    device.room_bytes = 40; /* TV-67 in small: a full buffer blocks */
    begin(0, 1, true);
    ck_assert_int_eq(step(0), VMC_CHANNEL_DONE);
    begin(0, 2, true);
    ck_assert_int_eq(step(0), VMC_CHANNEL_WAIT_WRITE);
    ck_assert_int_eq(step(0), VMC_CHANNEL_WAIT_WRITE);
    device.room_bytes = 100;
    ck_assert_int_eq(step(0), VMC_CHANNEL_DONE);
    ck_assert_uint_eq(offset_sent(1), 2);
    ck_assert_uint_eq(device.sent_bytes, 64);
}
END_TEST

/* However both ends cut their bytes, each gets what the other sent. */
START_TEST(chunks_of_any_size_make_whole_commands_and_answers)
{
    set_up();
    device.chunk_bytes = (size_t)_i;
    for (uint64_t i = 0; i < 20; i++) {
        enum vmc_channel_want want;

        begin(0, 100 + i, false);
        answer_part(i, 0, 0);
        ck_assert_int_eq(step(0), VMC_CHANNEL_WAIT_READ);
        answer(7 * i);
        while ((want = step(0)) == VMC_CHANNEL_WAIT_READ) {
        }
        ck_assert_int_eq(want, VMC_CHANNEL_DONE);
        ck_assert_uint_eq(offset_sent(i), 100 + i);
        ck_assert_uint_eq(value_of(0), 7 * i);
    }
}
END_TEST

/* TV-68, D34, D50: at every byte of the command a signal comes. */
START_TEST(a_signal_neither_loses_nor_repeats_a_byte)
{
    set_up();
    device.room_bytes = (size_t)_i;
    begin(0, 5, false);
    ck_assert_int_eq(step(0),
                     _i < 32 ? VMC_CHANNEL_WAIT_WRITE : VMC_CHANNEL_WAIT_READ);
    ck_assert_int_eq(vmc_channel_interrupt(&channel, &vcpus[0]), _i > 0);
    ck_assert_uint_eq(channel.waiter_count, _i > 0);
    device.room_bytes = FIFO_BYTES;
    ck_assert_int_eq(step(0), VMC_CHANNEL_WAIT_READ);
    vmc_channel_interrupt(&channel, &vcpus[0]);
    answer_part(9, 0, 13);
    ck_assert_int_eq(step(0), VMC_CHANNEL_WAIT_READ);
    vmc_channel_interrupt(&channel, &vcpus[0]);
    answer_part(9, 13, 19);
    ck_assert_int_eq(step(0), VMC_CHANNEL_DONE);
    ck_assert_uint_eq(value_of(0), 9);
    ck_assert_uint_eq(device.sent_bytes, 32);
    ck_assert_uint_eq(offset_sent(0), 5);
}
END_TEST

/* What a descriptor may answer, while sending (after so many bytes) or while
 * receiving, and what becomes of access and channel. */
static const struct {
    const char *what;
    bool is_write;
    size_t after_bytes;
    int64_t error; /* 1 for end of file */
    enum vmc_channel_cause cause;
    enum vmc_channel_health health;
    uint32_t owed_count;
} refusals[] = {
    {"TV-64, D07: flag flipped, nothing sent", true, 0, -EAGAIN,
     VMC_CAUSE_AGAIN, VMC_CHANNEL_OPEN, 0},
    {"flag flipped amid the command", true, 7, -EAGAIN, VMC_CAUSE_AGAIN,
     VMC_CHANNEL_SUSPECT, 1},
    {"TV-64: flag flipped, no answer yet", false, 0, -EAGAIN, VMC_CAUSE_AGAIN,
     VMC_CHANNEL_SUSPECT, 1},
    {"flag flipped amid the answer", false, 31, -EAGAIN, VMC_CAUSE_AGAIN,
     VMC_CHANNEL_SUSPECT, 1},
    {"TV-66, D57: no peer", true, 0, -EPIPE, VMC_CAUSE_PIPE, VMC_CHANNEL_DEAD,
     0},
    {"no peer amid the command", true, 7, -EPIPE, VMC_CAUSE_PIPE,
     VMC_CHANNEL_DEAD, 0},
    {"TV-65: closed after the command", false, 0, 1, VMC_CAUSE_EOF,
     VMC_CHANNEL_DEAD, 0},
    {"closed amid the answer", false, 31, 1, VMC_CAUSE_EOF, VMC_CHANNEL_DEAD,
     0},
    {"closed with commands unread", false, 0, -ECONNRESET, VMC_CAUSE_PIPE,
     VMC_CHANNEL_DEAD, 0},
    {"a nonsense descriptor", true, 0, -EINVAL, VMC_CAUSE_IO, VMC_CHANNEL_DEAD,
     0},
    {"an error of the medium", false, 4, -EIO, VMC_CAUSE_IO, VMC_CHANNEL_DEAD,
     0},
};

START_TEST(a_refusal_has_a_cause_and_consequences)
{
    enum vmc_channel_want want;

    set_up();
    if (refusals[_i].is_write) {
        begin(0, 5, false);
        device.room_bytes = refusals[_i].after_bytes;
        if (refusals[_i].after_bytes != 0) {
            ck_assert_int_eq(step(0), VMC_CHANNEL_WAIT_WRITE);
        }
        device.write_error = refusals[_i].error;
    } else {
        begin(0, 5, false);
        ck_assert_int_eq(step(0), VMC_CHANNEL_WAIT_READ);
        answer_part(0, 0, refusals[_i].after_bytes);
        device.read_error = refusals[_i].error;
    }
    want = step(0);
    ck_assert_msg(want == VMC_CHANNEL_FAILED, "%s: %d", refusals[_i].what,
                  want);
    ck_assert_int_eq(vcpus[0].cause, refusals[_i].cause);
    ck_assert_int_eq(vcpus[0].error,
                     refusals[_i].error < 0 ? -refusals[_i].error : 0);
    ck_assert_int_eq(channel.health, refusals[_i].health);
    ck_assert_uint_eq(channel.owed_count, refusals[_i].owed_count);
    ck_assert_uint_eq(channel.waiter_count, 0);
    device.touched = false;
    device.write_error = device.read_error = 0;
    device.room_bytes = FIFO_BYTES;
    begin(1, 6, false);
    if (refusals[_i].health == VMC_CHANNEL_DEAD) {
        ck_assert_int_eq(step(1), VMC_CHANNEL_FAILED);
        ck_assert_int_eq(vcpus[1].cause, VMC_CAUSE_DEAD);
        ck_assert(!device.touched);
        return;
    }
    ck_assert_int_eq(step(1), VMC_CHANNEL_WAIT_READ);
    if (refusals[_i].owed_count != 0) { /* the late one is nobody's */
        answer_part(66, refusals[_i].is_write ? 0 : refusals[_i].after_bytes,
                    32 -
                        (refusals[_i].is_write ? 0 : refusals[_i].after_bytes));
        ck_assert_int_eq(step(1), VMC_CHANNEL_WAIT_READ);
        ck_assert_int_eq(channel.health, VMC_CHANNEL_OPEN);
        ck_assert_uint_eq(offset_sent(0), 5);
    }
    answer(77);
    ck_assert_int_eq(step(1), VMC_CHANNEL_DONE);
    ck_assert_uint_eq(value_of(1), 77);
    ck_assert_uint_eq(offset_sent(device.sent_bytes / 32 - 1), 6);
    ck_assert_uint_eq(device.sent_bytes % 32, 0);
}
END_TEST

/* D58 and the fault table: an answer that comes too late. */
START_TEST(a_late_answer_is_given_to_nobody)
{
    set_up();
    channel.timeout_ticks = 100;
    begin(0, 1, false);
    ck_assert_int_eq(step_at(0, 1000), VMC_CHANNEL_WAIT_READ);
    ck_assert_uint_eq(vcpus[0].deadline, 1100);
    ck_assert_int_eq(step_at(0, 1099), VMC_CHANNEL_WAIT_READ);
    ck_assert_int_eq(step_at(0, 1100), VMC_CHANNEL_FAILED);
    ck_assert_int_eq(vcpus[0].cause, VMC_CAUSE_TIMEOUT);
    ck_assert_int_eq(channel.health, VMC_CHANNEL_SUSPECT);
    begin(0, 2, false);
    ck_assert_int_eq(step_at(0, 2000), VMC_CHANNEL_WAIT_READ);
    ck_assert_int_eq(step_at(0, 2100), VMC_CHANNEL_FAILED);
    ck_assert_uint_eq(channel.owed_count, 2);
    answer(11);
    vmc_channel_drain(&channel, &ends);
    ck_assert_uint_eq(channel.owed_count, 1);
    begin(0, 3, false);
    ck_assert_int_eq(step_at(0, 3000), VMC_CHANNEL_WAIT_READ);
    answer(22);
    answer(33);
    ck_assert_int_eq(step_at(0, 3100), VMC_CHANNEL_DONE);
    ck_assert_uint_eq(value_of(0), 33);
    ck_assert_int_eq(channel.health, VMC_CHANNEL_OPEN);
    ck_assert_uint_eq(channel.discarded_count, 2);
}
END_TEST

START_TEST(an_answer_to_no_question_is_the_end)
{
    set_up();
    begin(0, 1, false);
    ck_assert_int_eq(step(0), VMC_CHANNEL_WAIT_READ);
    answer(1);
    answer(2);
    ck_assert_int_eq(step(0), VMC_CHANNEL_DONE);
    if (_i == 0) { /* seen by the next question */
        begin(0, 1, false);
        ck_assert_int_eq(step(0), VMC_CHANNEL_FAILED);
        ck_assert_int_eq(vcpus[0].cause, VMC_CAUSE_PROTOCOL);
        ck_assert_uint_eq(device.sent_bytes, 32);
    } else {
        vmc_channel_drain(&channel, &ends);
    }
    ck_assert_int_eq(channel.health, VMC_CHANNEL_DEAD);
}
END_TEST

/* What it waits for when it is not in the queue has no deadline; and removal
 * makes one earlier, never later. */
START_TEST(the_earlier_deadline_counts)
{
    set_up();
    channel.timeout_ticks = 10;
    device.room_bytes = 0;
    begin(0, 1, false);
    ck_assert_int_eq(step_at(0, 0), VMC_CHANNEL_WAIT_WRITE);
    ck_assert_uint_eq(vcpus[0].deadline, 10);
    ck_assert(!vmc_channel_interrupt(&channel, &vcpus[0]));
    ck_assert_uint_eq(vcpus[0].deadline, NEVER);
    device.room_bytes = FIFO_BYTES;
    ck_assert_int_eq(step_at(0, 100), VMC_CHANNEL_WAIT_READ);
    vmc_channel_retire(&vcpus[0], 200);
    ck_assert_uint_eq(vcpus[0].deadline, 110);
    vmc_channel_retire(&vcpus[0], 105);
    ck_assert_uint_eq(vcpus[0].deadline, 105);
}
END_TEST

/* A reset is said once: whoever hears it first must not forget it. */
START_TEST(a_reset_before_the_question_is_heard)
{
    set_up();
    device.read_error = -ECONNRESET;
    if (_i == 0) {
        begin(0, 1, false);
        ck_assert_int_eq(step(0), VMC_CHANNEL_FAILED);
        ck_assert_int_eq(vcpus[0].cause, VMC_CAUSE_PIPE);
        ck_assert_int_eq(vcpus[0].error, ECONNRESET);
        ck_assert_uint_eq(device.sent_bytes, 0);
    } else {
        vmc_channel_drain(&channel, &ends);
    }
    ck_assert_int_eq(channel.health, VMC_CHANNEL_DEAD);
}
END_TEST

START_TEST(an_answer_to_half_a_question_is_the_end)
{
    set_up();
    device.room_bytes = 20;
    begin(0, 1, false);
    ck_assert_int_eq(step(0), VMC_CHANNEL_WAIT_WRITE);
    answer(1);
    device.room_bytes = FIFO_BYTES;
    ck_assert_int_eq(step(0), VMC_CHANNEL_FAILED);
    ck_assert_int_eq(vcpus[0].cause, VMC_CAUSE_PROTOCOL);
    ck_assert_int_eq(channel.health, VMC_CHANNEL_DEAD);
}
END_TEST

/* TV-63: where messages have ends, an answer has one length. */
START_TEST(a_long_message_is_refused)
{
    static const struct {
        size_t sizes[2];
        bool is_good;
    } rows[] = {{{32, 0}, true},
                {{48, 0}, false},
                {{33, 0}, false},
                {{16, 16}, true},
                {{16, 17}, false}};

    set_up();
    ends.keeps_messages = true;
    begin(0, 1, false);
    ck_assert_int_eq(step(0), VMC_CHANNEL_WAIT_READ);
    for (size_t i = 0, at = 0; i < 2 && rows[_i].sizes[i] != 0; i++) {
        enum vmc_channel_want want;

        device.message_bytes = rows[_i].sizes[i];
        answer_part(0x1234, at, device.message_bytes);
        at += device.message_bytes;
        want = step(0);
        ck_assert_int_eq(want, at < 32            ? VMC_CHANNEL_WAIT_READ
                               : rows[_i].is_good ? VMC_CHANNEL_DONE
                                                  : VMC_CHANNEL_FAILED);
    }
    if (!rows[_i].is_good) {
        ck_assert_int_eq(vcpus[0].cause, VMC_CAUSE_PROTOCOL);
        ck_assert_int_eq(channel.health, VMC_CHANNEL_DEAD);
    }
    ends.keeps_messages = false;
}
END_TEST

START_TEST(a_device_may_say_that_it_failed)
{
    set_up();
    begin(0, 1, false);
    ck_assert_int_eq(step(0), VMC_CHANNEL_WAIT_READ);
    answer(1);
    device.answers[8] = 1;
    ck_assert_int_eq(step(0), VMC_CHANNEL_FAILED);
    ck_assert_int_eq(vcpus[0].cause, VMC_CAUSE_DEVICE);
    ck_assert_int_eq(channel.health, VMC_CHANNEL_OPEN);
    begin(0, 2, false);
    ck_assert_int_eq(step(0), VMC_CHANNEL_WAIT_READ);
    answer(7);
    ck_assert_int_eq(step(0), VMC_CHANNEL_DONE);
    ck_assert_uint_eq(value_of(0), 7);
}
END_TEST

/* TV-70, D62. */
START_TEST(turns_are_in_order_of_arrival_then_of_vcpu)
{
    set_up();
    for (uint32_t vcpu = 0; vcpu < VCPUS; vcpu++) {
        begin(vcpu, 10 + vcpu, false);
    }
    ck_assert_int_eq(step_at(3, 5), VMC_CHANNEL_WAIT_READ);
    ck_assert_int_eq(step_at(2, 6), VMC_CHANNEL_WAIT_TURN);
    ck_assert_int_eq(step_at(1, 7), VMC_CHANNEL_WAIT_TURN);
    ck_assert_int_eq(step_at(0, 7), VMC_CHANNEL_WAIT_TURN);
    for (uint32_t i = 0, order[] = {3, 2, 0, 1}; i < VCPUS; i++) {
        for (uint32_t vcpu = 0; vcpu < VCPUS; vcpu++) {
            if (vcpus[vcpu].stage == VMC_ACCESS_TURN) {
                ck_assert_int_eq(vmc_channel_is_turn(&channel, &vcpus[vcpu]),
                                 vcpu == order[i]);
            }
        }
        if (i != 0) {
            ck_assert_int_eq(step_at(order[i], 8), VMC_CHANNEL_WAIT_READ);
        }
        answer(i);
        ck_assert_int_eq(step_at(order[i], 8), VMC_CHANNEL_DONE);
        ck_assert_uint_eq(offset_sent(i), 10 + order[i]);
        ck_assert_uint_eq(value_of(order[i]), i);
    }
    /* A newcomer does not pass those who wait, though nobody owns it. */
    begin(0, 1, false);
    begin(1, 2, false);
    begin(2, 3, false);
    ck_assert_int_eq(step_at(0, 20), VMC_CHANNEL_WAIT_READ);
    ck_assert_int_eq(step_at(1, 21), VMC_CHANNEL_WAIT_TURN);
    answer(0);
    ck_assert_int_eq(step_at(0, 22), VMC_CHANNEL_DONE);
    ck_assert_int_eq(step_at(2, 22), VMC_CHANNEL_WAIT_TURN);
    ck_assert_int_eq(step_at(1, 22), VMC_CHANNEL_WAIT_READ);
}
END_TEST

/* D42: interrupted while waiting for its turn, it owns nothing. */
START_TEST(a_signal_in_the_queue_gives_up_the_place)
{
    set_up();
    begin(0, 1, false);
    begin(1, 2, false);
    begin(2, 3, false);
    ck_assert_int_eq(step_at(0, 1), VMC_CHANNEL_WAIT_READ);
    ck_assert_int_eq(step_at(1, 2), VMC_CHANNEL_WAIT_TURN);
    ck_assert_int_eq(step_at(2, 3), VMC_CHANNEL_WAIT_TURN);
    ck_assert(!vmc_channel_interrupt(&channel, &vcpus[1]));
    answer(1);
    ck_assert_int_eq(step_at(0, 4), VMC_CHANNEL_DONE);
    ck_assert_int_eq(step_at(1, 4), VMC_CHANNEL_WAIT_TURN);
    ck_assert_int_eq(step_at(2, 4), VMC_CHANNEL_WAIT_READ);
    ck_assert_uint_eq(offset_sent(1), 3);
    ck_assert_uint_eq(device.sent_bytes, 64);
}
END_TEST

/* D51 and spec 8.3: at every byte of the command its vCPU is closed. */
START_TEST(a_closed_vcpu_leaves_its_debts)
{
    set_up();
    device.room_bytes = (size_t)_i;
    begin(0, 1, _i % 2 != 0);
    begin(1, 2, false);
    (void)step(0);
    if (vcpus[0].stage == VMC_ACCESS_IDLE) {
        return; /* a posted write that was out */
    }
    ck_assert_int_eq(step(1), VMC_CHANNEL_WAIT_TURN);
    vmc_channel_interrupt(&channel, &vcpus[0]);
    vmc_channel_abort(&channel, &vcpus[0], VMC_CAUSE_CLOSED);
    vmc_channel_abort(&channel, &vcpus[0], VMC_CAUSE_CLOSED);
    ck_assert_uint_eq(channel.failed_counts[VMC_CAUSE_CLOSED], 1);
    ck_assert_uint_eq(channel.owed_count, _i != 0 && _i % 2 == 0);
    device.room_bytes = FIFO_BYTES;
    ck_assert_int_eq(step(1), VMC_CHANNEL_WAIT_READ);
    if (channel.owed_count != 0) {
        answer(11);
    }
    answer(22);
    ck_assert_int_eq(step(1), VMC_CHANNEL_DONE);
    ck_assert_uint_eq(value_of(1), 22);
    ck_assert_uint_eq(device.sent_bytes, _i == 0 ? 32 : 64);
    ck_assert_uint_eq(offset_sent(_i == 0 ? 0 : 1), 2);
}
END_TEST

/* TV-72. */
START_TEST(removal_ends_an_access_by_its_deadline)
{
    set_up();
    for (uint32_t vcpu = 0; vcpu < 3; vcpu++) {
        begin(vcpu, vcpu, false);
        ck_assert_int_eq(step_at(vcpu, vcpu), vcpu == 0
                                                  ? VMC_CHANNEL_WAIT_READ
                                                  : VMC_CHANNEL_WAIT_TURN);
    }
    vmc_channel_retire(&vcpus[0], 50);
    vmc_channel_retire(&vcpus[1], 50);
    ck_assert(vmc_channel_is_turn(&channel, &vcpus[1]));
    ck_assert_int_eq(step_at(1, 10), VMC_CHANNEL_GONE);
    ck_assert_int_eq(step_at(0, 49), VMC_CHANNEL_WAIT_READ);
    if (_i == 0) { /* it may still come */
        answer(1);
        ck_assert_int_eq(step_at(0, 50), VMC_CHANNEL_DONE);
        ck_assert_int_eq(step_at(2, 50), VMC_CHANNEL_WAIT_READ);
    } else {
        ck_assert_int_eq(step_at(0, 50), VMC_CHANNEL_FAILED);
        ck_assert_int_eq(vcpus[0].cause, VMC_CAUSE_REMOVED);
        ck_assert_uint_eq(channel.owed_count, 1);
        ck_assert_int_eq(step_at(2, 50), VMC_CHANNEL_WAIT_READ);
        answer(1);
    }
    answer(2);
    ck_assert_int_eq(step_at(2, 51), VMC_CHANNEL_DONE);
    ck_assert_uint_eq(value_of(2), 2);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("channel");
    TCase *c = tcase_create("channel");

    tcase_add_test(c, a_question_waits_for_its_whole_answer);
    tcase_add_test(c, a_posted_write_is_done_when_it_is_out);
    tcase_add_loop_test(c, chunks_of_any_size_make_whole_commands_and_answers,
                        1, 34);
    tcase_add_loop_test(c, a_signal_neither_loses_nor_repeats_a_byte, 0, 33);
    tcase_add_loop_test(c, a_refusal_has_a_cause_and_consequences, 0,
                        VMC_COUNT_OF(refusals));
    tcase_add_test(c, a_late_answer_is_given_to_nobody);
    tcase_add_loop_test(c, an_answer_to_no_question_is_the_end, 0, 2);
    tcase_add_test(c, the_earlier_deadline_counts);
    tcase_add_loop_test(c, a_reset_before_the_question_is_heard, 0, 2);
    tcase_add_test(c, an_answer_to_half_a_question_is_the_end);
    tcase_add_loop_test(c, a_long_message_is_refused, 0, 5);
    tcase_add_test(c, a_device_may_say_that_it_failed);
    tcase_add_test(c, turns_are_in_order_of_arrival_then_of_vcpu);
    tcase_add_test(c, a_signal_in_the_queue_gives_up_the_place);
    tcase_add_loop_test(c, a_closed_vcpu_leaves_its_debts, 0, 33);
    tcase_add_loop_test(c, removal_ends_an_access_by_its_deadline, 0, 2);
    suite_add_tcase(s, c);
    return s;
}
