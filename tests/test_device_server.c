/* SPDX-License-Identifier: MIT */
/* The device's end of the wire, without a process: commands are queued, the
 * peer is shut for writing, serving runs until it has seen everything. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "sim/live/device_server.h"
#include "suite.h"

enum { BYTES = 32, STREAM, PACKET, PIPES };

static const int transports[] = {STREAM, PACKET, PIPES};

/* The two ends: [0] is the guest's, [1] the device's. */
static struct {
    int transport;
    int to[2], from[2];
} wire;

static struct register_file file;
static struct device_server_counts counts;

static void open_wire(int transport)
{
    wire.transport = transport;
    if (transport == PIPES) {
        int pair[2];

        ck_assert_int_eq(pipe(pair), 0);
        wire.to[0] = pair[1];
        wire.to[1] = pair[0];
        ck_assert_int_eq(pipe(pair), 0);
        wire.from[0] = pair[0];
        wire.from[1] = pair[1];
    } else {
        ck_assert_int_eq(
            socketpair(AF_UNIX,
                       transport == STREAM ? SOCK_STREAM : SOCK_SEQPACKET, 0,
                       wire.to),
            0);
        memcpy(wire.from, wire.to, sizeof(wire.to));
    }
    memset(&file, 0, sizeof(file));
    ck_assert_int_eq(
        register_file_add(&file, "0 8 rw 0x8877665544332211", NULL), VMC_OK);
    ck_assert_int_eq(register_file_add(&file, "8 8 tally 0 tally", NULL),
                     VMC_OK);
    ck_assert_int_eq(register_file_add(&file, "16 8 sum 0 sum", NULL), VMC_OK);
}

/* The command of ioregion.md 7.1, third generation. */
static void make_command(uint8_t *bytes, bool is_write, uint8_t exponent,
                         bool wants_answer, uint64_t offset, uint64_t data)
{
    memset(bytes, 0, BYTES);
    bytes[0] = is_write;
    bytes[1] = (uint8_t)(exponent | (wants_answer ? 0x10 : 0));
    memcpy(&bytes[16], &offset, 8);
    memcpy(&bytes[24], &data, 8);
}

static void send_command(bool is_write, uint8_t exponent, bool wants_answer,
                         uint64_t offset, uint64_t data)
{
    uint8_t bytes[BYTES];

    make_command(bytes, is_write, exponent, wants_answer, offset, data);
    ck_assert_int_eq(write(wire.to[0], bytes, BYTES), BYTES);
}

static void serve(struct device_server_config config)
{
    config.read_fd = wire.to[1];
    config.write_fd = wire.from[1];
    config.format.generation = VMC_IOREGION_H;
    config.batch_max = config.batch_max != 0 ? config.batch_max : 64;
    if (wire.transport == PIPES) {
        (void)close(wire.to[0]);
    } else {
        (void)shutdown(wire.to[0], SHUT_WR);
    }
    device_serve(&config, &file, &counts);
}

/* What lies in the guest's end now; *@messages is how many reads gave it. */
static size_t drain(uint8_t *bytes, size_t size_bytes, int *messages)
{
    size_t got = 0;

    *messages = 0;
    ck_assert_int_eq(fcntl(wire.from[0], F_SETFL, O_NONBLOCK), 0);
    for (;;) {
        ssize_t n = read(wire.from[0], bytes + got, size_bytes - got);

        if (n <= 0) {
            return got;
        }
        got += (size_t)n;
        ++*messages;
    }
}

START_TEST(commands_are_served_in_order_and_answered_if_asked)
{
    uint8_t bytes[8 * BYTES];
    int messages;

    open_wire(transports[_i]);
    send_command(false, 1, true, 2, 0);
    send_command(true, 0, true, 2, 0xaa);
    send_command(true, 2, false, 16, 1000);
    send_command(true, 2, false, 16, 1);
    send_command(false, 3, true, 0, 0);
    send_command(false, 2, true, 16, 0);
    serve((struct device_server_config){0});
    ck_assert_uint_eq(drain(bytes, sizeof(bytes), &messages), 4 * BYTES);
    ck_assert_mem_eq(bytes, "\x33\x44\0\0\0\0\0\0\0", 9);
    ck_assert_mem_eq(bytes + BYTES, "\0\0\0\0\0\0\0\0\0", 9);
    ck_assert_mem_eq(bytes + 2 * BYTES, "\x11\x22\xaa\x44\x55\x66\x77\x88", 8);
    ck_assert_mem_eq(bytes + 3 * BYTES, "\xe9\x03\0\0\0\0\0\0", 8);
    ck_assert_int_eq(counts.end, DEVICE_END_CLOSED);
    ck_assert_uint_eq(counts.commands, 6);
    ck_assert_uint_eq(counts.reads, 3);
    ck_assert_uint_eq(counts.writes, 3);
    ck_assert_uint_eq(counts.posted, 2);
    ck_assert_uint_eq(counts.answers, 4);
    ck_assert_uint_eq(counts.batches, 1);
    ck_assert_uint_eq(counts.batch_max, 6);
    if (transports[_i] == PACKET) {
        ck_assert_int_eq(messages, 4);
    }
}
END_TEST

START_TEST(a_batch_has_the_size_that_was_asked_for)
{
    open_wire(transports[_i]);
    for (int i = 0; i < 10; i++) {
        send_command(true, 3, false, 8, 0);
    }
    serve((struct device_server_config){.batch_max = 4});
    ck_assert_uint_eq(counts.batch_max, 4);
    ck_assert_uint_eq(counts.batches, 3);
    ck_assert_uint_eq(register_file_find(&file, "tally")->value, 10);
}
END_TEST

/* Cut the same commands at random places: a stream has no messages. */
START_TEST(a_stream_may_be_cut_anywhere)
{
    enum { COMMANDS = 50 };
    uint8_t bytes[COMMANDS * BYTES];
    struct vmc_rng rng;
    size_t at = 0;
    pid_t child;

    vmc_rng_init(&rng, (uint64_t)_i);
    open_wire(_i % 2 == 0 ? STREAM : PIPES);
    for (size_t i = 0; i < COMMANDS; i++) {
        make_command(bytes + i * BYTES, true, 3, false, 16, i);
    }
    child = fork();
    if (child == 0) {
        (void)close(wire.to[1]);
        while (at < sizeof(bytes)) {
            size_t step = 1 + (size_t)vmc_rng_below(&rng, 80);

            step = step < sizeof(bytes) - at ? step : sizeof(bytes) - at;
            if (write(wire.to[0], bytes + at, step) != (ssize_t)step) {
                _exit(1);
            }
            at += step;
            (void)poll(NULL, 0, (int)vmc_rng_below(&rng, 2));
        }
        _exit(0);
    }
    (void)close(wire.to[0]);
    device_serve(
        &(struct device_server_config){.read_fd = wire.to[1],
                                       .write_fd = wire.from[1],
                                       .format = {VMC_IOREGION_H, false},
                                       .batch_max = 7},
        &file, &counts);
    ck_assert_uint_eq(counts.commands, COMMANDS);
    ck_assert_uint_eq(register_file_find(&file, "sum")->value,
                      COMMANDS * (COMMANDS - 1) / 2);
    ck_assert_int_eq(counts.end, DEVICE_END_CLOSED);
}
END_TEST

static const struct {
    const char *what;
    size_t at;
    uint8_t byte;
    bool is_good;
} bytes_rows[] = {
    {"a write", 0, 1, true},         {"verb 2", 0, 2, false},
    {"verb 0x80", 0, 0x80, false},   {"no answer to a read", 1, 3, false},
    {"eight bytes", 1, 0x13, true},  {"sixteen bytes", 1, 0x14, false},
    {"exponent 15", 1, 0x1f, false}, {"bit 5", 1, 0x30, false},
    {"bit 7", 1, 0x90, false},       {"first pad", 2, 1, false},
    {"last pad", 7, 1, false},       {"any user_data", 8, 0xff, true},
    {"any offset", 23, 0xff, true},  {"any data", 31, 0xff, true},
};

START_TEST(what_has_no_meaning_is_rejected)
{
    for (size_t t = 0; t < VMC_COUNT_OF(transports); t++) {
        uint8_t bytes[2 * BYTES];

        open_wire(transports[t]);
        make_command(bytes, false, 0, true, 0, 0);
        bytes[bytes_rows[_i].at] = bytes_rows[_i].byte;
        ck_assert_int_eq(write(wire.to[0], bytes, BYTES), BYTES);
        send_command(true, 3, false, 8, 0);
        serve((struct device_server_config){0});
        ck_assert_msg(
            counts.end == (bytes_rows[_i].is_good ? DEVICE_END_CLOSED
                                                  : DEVICE_END_REJECTED),
            "%s: %s", bytes_rows[_i].what, device_end_text(counts.end));
        ck_assert_uint_eq(register_file_find(&file, "tally")->value,
                          bytes_rows[_i].is_good);
    }
}
END_TEST

START_TEST(another_length_is_rejected_after_what_came_before)
{
    static const size_t lengths[] = {1, 31, 33, 64};
    uint8_t bytes[64] = {0};

    for (size_t t = 0; t < VMC_COUNT_OF(transports); t++) {
        open_wire(transports[t]);
        make_command(bytes, true, 3, false, 8, 0);
        make_command(bytes + BYTES, true, 3, false, 8, 0);
        send_command(true, 3, false, 8, 0);
        ck_assert_int_eq(write(wire.to[0], bytes, lengths[_i]),
                         (ssize_t)lengths[_i]);
        serve((struct device_server_config){0});
        /* 64 bytes are two commands, except where messages are kept apart. */
        if (lengths[_i] == 64 && transports[t] != PACKET) {
            ck_assert_int_eq(counts.end, DEVICE_END_CLOSED);
            ck_assert_uint_eq(counts.commands, 3);
        } else {
            ck_assert_int_eq(counts.end, DEVICE_END_REJECTED);
            ck_assert_uint_eq(counts.commands,
                              lengths[_i] == 33 && transports[t] != PACKET ? 2
                                                                           : 1);
        }
    }
}
END_TEST

static const struct {
    enum device_answer answer;
    size_t bytes; /* for three reads, the second one spoilt */
    int packets;
    uint64_t answers;
} spoilt_rows[] = {
    {DEVICE_ANSWER_RIGHT, 96, 3, 3}, {DEVICE_ANSWER_SHORT, 96, 4, 3},
    {DEVICE_ANSWER_CUT, 84, 3, 3},   {DEVICE_ANSWER_LONG, 112, 3, 3},
    {DEVICE_ANSWER_LATE, 96, 3, 3},  {DEVICE_ANSWER_TWICE, 128, 4, 4},
    {DEVICE_ANSWER_NEVER, 64, 2, 2}, {DEVICE_ANSWER_FAILED, 96, 3, 3},
};

START_TEST(one_answer_is_spoilt_as_asked)
{
    for (size_t t = 0; t < VMC_COUNT_OF(transports); t++) {
        uint8_t bytes[8 * BYTES];
        int messages;

        open_wire(transports[t]);
        for (int i = 0; i < 3; i++) {
            send_command(false, 0, true, (uint64_t)i, 0);
        }
        serve((struct device_server_config){
            .answer = spoilt_rows[_i].answer, .spoil_at = 2, .delay_us = 1000});
        ck_assert_uint_eq(drain(bytes, sizeof(bytes), &messages),
                          spoilt_rows[_i].bytes);
        if (transports[t] == PACKET) {
            ck_assert_int_eq(messages, spoilt_rows[_i].packets);
        }
        ck_assert_uint_eq(counts.answers, spoilt_rows[_i].answers);
        ck_assert_uint_eq(bytes[0], 0x11);
        ck_assert_uint_eq(bytes[spoilt_rows[_i].bytes - BYTES], 0x33);
        ck_assert_uint_eq(bytes[BYTES + 8],
                          spoilt_rows[_i].answer == DEVICE_ANSWER_FAILED);
    }
}
END_TEST

START_TEST(every_answer_is_spoilt_if_none_is_named)
{
    open_wire(STREAM);
    for (int i = 0; i < 5; i++) {
        send_command(false, 0, true, 0, 0);
    }
    serve((struct device_server_config){.answer = DEVICE_ANSWER_NEVER});
    ck_assert_uint_eq(counts.commands, 5);
    ck_assert_uint_eq(counts.answers, 0);
}
END_TEST

START_TEST(it_ends_unanswered_at_the_command_that_is_named)
{
    uint8_t bytes[8 * BYTES];
    int messages;

    open_wire(transports[_i]);
    for (int i = 0; i < 5; i++) {
        send_command(false, 0, true, 0, 0);
    }
    serve((struct device_server_config){.exit_after = 3});
    ck_assert_int_eq(counts.end, DEVICE_END_EXIT);
    ck_assert_uint_eq(counts.commands, 3);
    ck_assert_uint_eq(drain(bytes, sizeof(bytes), &messages), 2 * BYTES);
}
END_TEST

START_TEST(it_flips_the_descriptor_that_is_named_and_goes_on)
{
    open_wire(transports[_i]);
    for (int i = 0; i < 5; i++) {
        send_command(false, 0, true, 0, 0);
    }
    serve((struct device_server_config){
        .flip_after = 2, .flip_fd = wire.to[1], .batch_max = 1});
    ck_assert_int_ne(fcntl(wire.to[1], F_GETFL) & O_NONBLOCK, 0);
    ck_assert_uint_eq(counts.answers, 5);
    ck_assert_int_eq(counts.end, DEVICE_END_CLOSED);
}
END_TEST

START_TEST(an_access_to_nothing_is_counted_and_fails_if_asked)
{
    uint8_t bytes[8 * BYTES];
    int messages;

    open_wire(STREAM);
    send_command(false, 3, true, 0, 0);
    send_command(false, 3, true, 100, 0);
    serve((struct device_server_config){.fails_unclaimed = _i == 1});
    ck_assert_uint_eq(drain(bytes, sizeof(bytes), &messages), 2 * BYTES);
    ck_assert_uint_eq(bytes[8], 0);
    ck_assert_uint_eq(bytes[BYTES + 8], (unsigned)_i);
    ck_assert_uint_eq(counts.unclaimed, 1);
}
END_TEST

START_TEST(a_dead_guest_is_no_crash)
{
    open_wire(transports[_i]);
    send_command(false, 3, true, 0, 0);
    if (transports[_i] == PIPES) {
        (void)close(wire.from[0]);
        (void)signal(SIGPIPE, SIG_IGN);
    }
    (void)close(wire.to[0]);
    device_serve(
        &(struct device_server_config){.read_fd = wire.to[1],
                                       .write_fd = wire.from[1],
                                       .format = {VMC_IOREGION_H, false},
                                       .batch_max = 64},
        &file, &counts);
    ck_assert_uint_eq(counts.commands, 1);
    ck_assert_int_eq(counts.end, DEVICE_END_BROKEN);
}
END_TEST

/* A socket whose peer closed with answers unread says so by a reset. */
START_TEST(a_guest_that_leaves_its_answers_has_closed)
{
    struct pollfd answer;
    int status;
    pid_t child;

    open_wire(transports[_i]);
    child = fork();
    if (child == 0) {
        (void)close(wire.to[0]);
        (void)close(wire.from[0]);
        device_serve(
            &(struct device_server_config){.read_fd = wire.to[1],
                                           .write_fd = wire.from[1],
                                           .format = {VMC_IOREGION_H, false},
                                           .batch_max = 64},
            &file, &counts);
        _exit((int)counts.end);
    }
    send_command(false, 3, true, 0, 0);
    answer = (struct pollfd){.fd = wire.from[0], .events = POLLIN};
    ck_assert_int_eq(poll(&answer, 1, 20000), 1);
    (void)close(wire.to[1]);
    (void)close(wire.to[0]);
    (void)close(wire.from[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), DEVICE_END_CLOSED);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("device_server");
    TCase *c = tcase_create("device_server");
    const int all = (int)VMC_COUNT_OF(transports);

    suite_add_tcase(s, c);
    tcase_add_loop_test(c, commands_are_served_in_order_and_answered_if_asked,
                        0, all);
    tcase_add_loop_test(c, a_batch_has_the_size_that_was_asked_for, 0, all);
    tcase_add_loop_test(c, a_stream_may_be_cut_anywhere, 0, 4);
    tcase_add_loop_test(c, what_has_no_meaning_is_rejected, 0,
                        (int)VMC_COUNT_OF(bytes_rows));
    tcase_add_loop_test(c, another_length_is_rejected_after_what_came_before, 0,
                        4);
    tcase_add_loop_test(c, one_answer_is_spoilt_as_asked, 0,
                        (int)VMC_COUNT_OF(spoilt_rows));
    tcase_add_test(c, every_answer_is_spoilt_if_none_is_named);
    tcase_add_loop_test(c, it_ends_unanswered_at_the_command_that_is_named, 0,
                        all);
    tcase_add_loop_test(c, it_flips_the_descriptor_that_is_named_and_goes_on, 0,
                        all);
    tcase_add_loop_test(c, an_access_to_nothing_is_counted_and_fails_if_asked,
                        0, 2);
    tcase_add_loop_test(c, a_dead_guest_is_no_crash, 0, all);
    tcase_add_loop_test(c, a_guest_that_leaves_its_answers_has_closed, 0, all);
    return s;
}
