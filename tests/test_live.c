/* SPDX-License-Identifier: MIT */
/* Live device processes: whatever they do, an access ends as the table of
 * ioregion.md 8.2 says, commands are neither lost nor doubled, and nothing
 * stays behind: each test counts descriptors and children before and after.
 *
 * No test looks at the clock to decide; time-outs are there to be hit, or are
 * far longer than anything should take. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "sim/device_server.h"
#include "sim/live.h"
#include "suite.h"

enum {
    USER_DATA = 7,
    POSTED_USER_DATA = 8, /* the same registers, by posted writes */
    CONTROL = 0,          /* rw */
    COUNTER = 8,
    TALLY = 16,
    SUM = 24,
    HOLE = 0x800,
    RAM = 0x1000,
    GRACE_MS = 20000,
    OVERLAPPED = 99, /* exit status of a device */
};

/* ---- A device, its channel, two regions -------------------------------------
 */

struct rig {
    enum live_transport transport;
    struct device_server_config server;
    struct live_process process;
    struct live_channel channel;
    struct live_region region, other, posted;
    struct live_vcpu vcpu;
    bool is_strict; /* no command may come before the last one's answer */
};

static struct rig rig;
static struct register_file file;
static int descriptors_before;

static int count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;

    while (readdir(folder) != NULL) {
        count++;
    }
    (void)closedir(folder);
    return count;
}

static void count_before(void)
{
    descriptors_before = count_descriptors();
}

static void nothing_is_left(void)
{
    ck_assert_int_eq(count_descriptors(), descriptors_before);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_eq(errno, ECHILD);
}

static void describe_registers(void)
{
    static const char *const lines[] = {
        "window 7", "0 8 rw 0x1122334455667788", "8 8 counter", "16 8 tally",
        "24 8 sum", "0x1000 4096 ram",           "window 8",    "0 8 tally",
        "8 8 sum",
    };

    memset(&file, 0, sizeof(file));
    for (size_t i = 0; i < VMC_COUNT_OF(lines); i++) {
        ck_assert_int_eq(register_file_add(&file, lines[i], NULL), VMC_OK);
    }
}

static int run_device(void *context, const struct live_end *device)
{
    struct device_server_config server = rig.server;
    struct device_server_counts counts;

    (void)context;
    (void)signal(SIGPIPE, SIG_IGN);
    server.read_fd = device->read_fd;
    server.write_fd = device->write_fd;
    server.flip_fd = device->read_fd;
    server.batch_max = DEVICE_BATCH_MAX;
    server.format.generation = VMC_IOREGION_H;
    device_serve(&server, &file, &counts);
    if (rig.is_strict && counts.batch_max > 1) {
        return OVERLAPPED;
    }
    return counts.end == DEVICE_END_CLOSED ? 0 : 1 + (int)counts.end;
}

static void start_rig(enum live_transport transport,
                      struct device_server_config server, uint64_t timeout_ms,
                      bool is_strict)
{
    struct live_end guest, device;
    struct vmc_error error = {""};

    memset(&rig, 0, sizeof(rig));
    rig.transport = transport;
    rig.server = server;
    rig.is_strict = is_strict;
    describe_registers();
    ck_assert_int_eq(live_ends_open(&guest, &device, transport, &error),
                     VMC_OK);
    ck_assert_int_eq(
        live_process_fork(&rig.process, run_device, NULL, &device, &error),
        VMC_OK);
    ck_assert_int_eq(
        live_channel_open(&rig.channel, &guest, timeout_ms, &error), VMC_OK);
    ck_assert_int_eq(guest.read_fd, -1); /* the channel has it now */
    ck_assert_int_eq(guest.write_fd, -1);
    live_region_add(&rig.region, &rig.channel, USER_DATA, false);
    live_region_add(&rig.other, &rig.channel, USER_DATA, false);
    live_region_add(&rig.posted, &rig.channel, POSTED_USER_DATA, true);
    ck_assert_int_eq(live_vcpu_open(&rig.vcpu, 0, &error), VMC_OK);
}

static void start(enum live_transport transport,
                  struct device_server_config server, uint64_t timeout_ms)
{
    start_rig(transport, server, timeout_ms, false);
}

/* Close everything; returns how the device process ended. */
static int stop(void)
{
    int status;

    live_region_remove(&rig.region, 0);
    live_region_remove(&rig.other, 0);
    live_region_remove(&rig.posted, 0);
    live_vcpu_close(&rig.vcpu);
    ck_assert_ptr_null(vmc_channel_check(&rig.channel.machine));
    live_channel_close(&rig.channel);
    status = live_process_stop(&rig.process, GRACE_MS);
    nothing_is_left();
    return status;
}

static void stop_well(void)
{
    int status = stop();

    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
}

/* Stop the device, and come back when it stands still. */
static void halt_device(void)
{
    siginfo_t info;

    live_process_signal(&rig.process, SIGSTOP);
    ck_assert_int_eq(waitid(P_PID, (id_t)rig.process.pid, &info, WSTOPPED), 0);
}

static void continue_device(void)
{
    live_process_signal(&rig.process, SIGCONT);
}

/* From now on answers may take @timeout_ms; what went before may have taken
 * any time, for the machine may be busy. */
static void set_timeout(uint64_t timeout_ms)
{
    rig.channel.machine.timeout_ticks = timeout_ms * 1000000;
}

static uint64_t asked_count(void)
{
    uint64_t count;

    (void)pthread_mutex_lock(&rig.channel.lock);
    count = rig.channel.machine.asked_count;
    (void)pthread_mutex_unlock(&rig.channel.lock);
    return count;
}

static enum live_outcome read8(uint64_t offset, struct live_access *access)
{
    *access = (struct live_access){.offset = offset, .size_bytes = 8};
    return live_access(&rig.region, &rig.vcpu, access);
}

static uint64_t value_of(uint64_t offset)
{
    struct live_access access;

    ck_assert_int_eq(read8(offset, &access), LIVE_SERVED);
    return access.data;
}

static enum live_outcome write8(struct live_region *region, uint64_t offset,
                                uint64_t data)
{
    struct live_access access = {
        .offset = offset, .data = data, .size_bytes = 8, .is_write = true};

    return live_access(region, &rig.vcpu, &access);
}

static void fails(uint64_t offset, enum vmc_channel_cause cause)
{
    struct live_access access;

    ck_assert_int_eq(read8(offset, &access), LIVE_FAILED);
    ck_assert_msg(access.cause == cause, "%s: %s, expected %s",
                  live_transport_name(rig.transport),
                  vmc_channel_cause_name(access.cause),
                  vmc_channel_cause_name(cause));
}

/* ---- Serving
 * ---------------------------------------------------------------
 */

/* TV-60. */
START_TEST(an_access_of_each_width_is_served)
{
    start((enum live_transport)_i, (struct device_server_config){0}, 0);
    for (uint8_t size_bytes = 1; size_bytes <= 8; size_bytes *= 2) {
        struct live_access access = {.offset = 8U - size_bytes,
                                     .size_bytes = size_bytes};

        ck_assert_int_eq(live_access(&rig.region, &rig.vcpu, &access),
                         LIVE_SERVED);
        ck_assert_uint_eq(access.data,
                          0x1122334455667788 >> (64 - 8 * size_bytes));
    }
    ck_assert_int_eq(write8(&rig.region, SUM, 40), LIVE_SERVED);
    ck_assert_int_eq(write8(&rig.posted, 8, 41), LIVE_SERVED);
    ck_assert_uint_eq(value_of(SUM), 40);
    ck_assert_uint_eq(rig.region.counts[LIVE_SERVED], 6);
    ck_assert_uint_eq(rig.posted.counts[LIVE_SERVED], 1);
    stop_well();
}
END_TEST

static const struct {
    enum live_transport transport;
    uint32_t count;
} long_runs[] = {
    {LIVE_STREAM, 100000}, {LIVE_SEQPACKET, 20000}, {LIVE_PIPES, 20000}};

/* Random reads and writes, each checked with a twin of the device's file. */
START_TEST(a_hundred_thousand_commands_are_served_once_each)
{
    static struct register_file twin;
    struct vmc_rng rng;

    vmc_rng_init(&rng, 5);
    start(long_runs[_i].transport, (struct device_server_config){0}, 0);
    twin = file;
    for (uint32_t i = 0; i < long_runs[_i].count; i++) {
        bool is_posted = vmc_rng_below(&rng, 4) == 0;
        uint8_t size_bytes = (uint8_t)(1U << vmc_rng_below(&rng, 4));
        struct live_access access = {
            .offset = is_posted ? vmc_rng_below(&rng, 16) / 8 * 8
                                : vmc_rng_below(&rng, 40) * 8,
            .size_bytes = size_bytes,
            .is_write = is_posted || vmc_rng_below(&rng, 2) == 0,
            .data = vmc_rng_next(&rng),
        };
        struct register_access same;

        if (access.offset >= 32) {
            access.offset = RAM + access.offset + vmc_rng_below(&rng, 8);
        }
        same = (struct register_access){
            .user_data = is_posted ? POSTED_USER_DATA : USER_DATA,
            .offset = access.offset,
            .length_bytes = size_bytes,
            .is_write = access.is_write,
            .data = access.data};
        (void)register_file_access(&twin, &same);
        ck_assert_int_eq(live_access(is_posted ? &rig.posted : &rig.region,
                                     &rig.vcpu, &access),
                         LIVE_SERVED);
        if (!access.is_write) {
            ck_assert_msg(access.data == same.data, "command %u", i);
        }
    }
    stop_well();
}
END_TEST

/* ---- Ends of a device ------------------------------------------------------
 */

/* TV-65. 50 lives, each cut off somewhere: by a command it was to die at, or by
 * a signal from another process at a random moment. */
START_TEST(a_killed_device_loses_only_what_was_on_its_way)
{
    struct vmc_rng rng;
    uint32_t lives = 0;

    vmc_rng_init(&rng, 50);
    for (; lives < 50; lives++) {
        uint64_t served = 0, sum = 0;
        uint64_t dies_at = 1 + vmc_rng_below(&rng, 300);
        bool is_kill = lives % 2 == 0;
        pid_t killer = 0;
        int status;

        start(
            (enum live_transport)(lives % LIVE_TRANSPORT_COUNT),
            (struct device_server_config){.exit_after = is_kill ? 0 : dies_at},
            0);
        if (is_kill) {
            killer = fork();
            if (killer == 0) {
                (void)usleep((useconds_t)(dies_at * 10));
                live_process_signal(&rig.process, SIGKILL);
                _exit(0);
            }
        }
        for (;;) {
            struct live_access access = {.offset = SUM,
                                         .size_bytes = 8,
                                         .data = served + 1,
                                         .is_write = served % 2 == 0};
            enum live_outcome outcome =
                live_access(&rig.region, &rig.vcpu, &access);

            if (outcome != LIVE_SERVED) {
                ck_assert_int_eq(outcome, LIVE_FAILED);
                ck_assert(access.cause == VMC_CAUSE_EOF ||
                          access.cause == VMC_CAUSE_PIPE);
                break;
            }
            sum += access.is_write ? access.data : 0;
            if (!access.is_write) {
                ck_assert_uint_eq(access.data, sum);
            }
            served++;
        }
        fails(SUM, VMC_CAUSE_DEAD);
        ck_assert_int_eq(write8(&rig.posted, SUM, 1), LIVE_FAILED);
        if (is_kill) {
            ck_assert_int_eq(waitpid(killer, NULL, 0), killer);
        } else {
            ck_assert_uint_eq(served, dies_at - 1);
        }
        status = stop();
        ck_assert(is_kill ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL
                          : WIFEXITED(status));
    }
}
END_TEST

/* TV-66. */
START_TEST(a_device_that_was_never_there_is_dead_at_once)
{
    struct live_end guest, device;

    start((enum live_transport)_i, (struct device_server_config){0}, 0);
    stop_well();
    /* The default action of SIGPIPE would end this process. */
    (void)signal(SIGPIPE, SIG_DFL);
    ck_assert_int_eq(
        live_ends_open(&guest, &device, (enum live_transport)_i, NULL), VMC_OK);
    live_end_close(&device);
    ck_assert_int_eq(live_channel_open(&rig.channel, &guest, 0, NULL), VMC_OK);
    live_region_add(&rig.region, &rig.channel, USER_DATA, false);
    ck_assert_int_eq(live_vcpu_open(&rig.vcpu, 0, NULL), VMC_OK);
    fails(CONTROL, VMC_CAUSE_PIPE);
    fails(CONTROL, VMC_CAUSE_DEAD);
    live_vcpu_close(&rig.vcpu);
    live_channel_close(&rig.channel);
    nothing_is_left();
}
END_TEST

START_TEST(a_stopped_device_only_takes_longer)
{
    pid_t waker;
    struct live_access access;

    start((enum live_transport)_i, (struct device_server_config){0}, 0);
    ck_assert_uint_eq(value_of(COUNTER), 0);
    halt_device();
    waker = fork();
    if (waker == 0) {
        (void)sleep(1);
        continue_device();
        _exit(0);
    }
    ck_assert_int_eq(read8(COUNTER, &access), LIVE_SERVED);
    ck_assert_uint_eq(access.data, 1);
    ck_assert_uint_eq(value_of(COUNTER), 2);
    ck_assert_int_eq(waitpid(waker, NULL, 0), waker);
    stop_well();
}
END_TEST

START_TEST(a_stopped_device_can_be_killed_and_reaped)
{
    int status;

    start((enum live_transport)_i, (struct device_server_config){0}, 20);
    halt_device();
    fails(CONTROL, VMC_CAUSE_TIMEOUT);
    live_region_remove(&rig.region, 0);
    live_vcpu_close(&rig.vcpu);
    live_channel_close(&rig.channel);
    status = live_process_stop(&rig.process, 10);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(live_process_stop(&rig.process, 10), -1);
    nothing_is_left();
}
END_TEST

/* ---- Answers that are wrong
 * ------------------------------------------------
 */

/* TV-62. */
START_TEST(an_answer_in_two_parts_is_one_on_a_stream)
{
    start((enum live_transport)_i,
          (struct device_server_config){
              .answer = DEVICE_ANSWER_SHORT, .spoil_at = 2, .delay_us = 20000},
          0);
    ck_assert_uint_eq(value_of(COUNTER), 0);
    ck_assert_uint_eq(value_of(COUNTER), 1);
    ck_assert_uint_eq(value_of(COUNTER), 2);
    stop_well();
}
END_TEST

START_TEST(a_cut_answer_is_kept_until_the_rest_comes)
{
    struct pollfd rest;

    start((enum live_transport)_i,
          (struct device_server_config){.answer = DEVICE_ANSWER_CUT,
                                        .spoil_at = 2},
          0);
    ck_assert_uint_eq(value_of(COUNTER), 0);
    set_timeout(20);
    fails(COUNTER, VMC_CAUSE_TIMEOUT);
    ck_assert_uint_eq(rig.channel.machine.owed_count, 1);
    rest = (struct pollfd){.fd = rig.channel.end.read_fd, .events = POLLIN};
    while (rig.channel.machine.in_bytes < 20) {
        ck_assert_int_eq(poll(&rest, 1, GRACE_MS), 1);
        vmc_channel_drain(&rig.channel.machine, &rig.channel.ends);
    }
    ck_assert_uint_eq(rig.channel.machine.in_bytes, 20);
    (void)stop();
}
END_TEST

/* TV-63. */
START_TEST(too_long_an_answer_ends_the_channel)
{
    struct live_access access;

    start((enum live_transport)_i,
          (struct device_server_config){.answer = DEVICE_ANSWER_LONG,
                                        .spoil_at = 2},
          0);
    ck_assert_uint_eq(value_of(COUNTER), 0);
    if (_i == LIVE_SEQPACKET) {
        fails(COUNTER, VMC_CAUSE_PROTOCOL);
    } else {
        /* A stream has no lengths: it is the surplus that shows. */
        ck_assert_uint_eq(value_of(COUNTER), 1);
        ck_assert_int_eq(read8(COUNTER, &access), LIVE_FAILED);
        ck_assert_int_eq(access.cause, VMC_CAUSE_PROTOCOL);
    }
    fails(COUNTER, VMC_CAUSE_DEAD);
    ck_assert_int_eq(rig.channel.machine.health, VMC_CHANNEL_DEAD);
    (void)stop();
}
END_TEST

START_TEST(an_answer_given_twice_ends_the_channel)
{
    struct pollfd second;

    start((enum live_transport)_i,
          (struct device_server_config){.answer = DEVICE_ANSWER_TWICE,
                                        .spoil_at = 2},
          0);
    ck_assert_uint_eq(value_of(COUNTER), 0);
    ck_assert_uint_eq(value_of(COUNTER), 1);
    second = (struct pollfd){.fd = rig.channel.end.read_fd, .events = POLLIN};
    ck_assert_int_eq(poll(&second, 1, GRACE_MS), 1);
    fails(COUNTER, VMC_CAUSE_PROTOCOL);
    fails(COUNTER, VMC_CAUSE_DEAD);
    (void)stop();
}
END_TEST

START_TEST(a_late_answer_goes_to_nobody)
{
    start((enum live_transport)_i, (struct device_server_config){0}, 0);
    ck_assert_uint_eq(value_of(COUNTER), 0);
    halt_device();
    set_timeout(20);
    fails(COUNTER, VMC_CAUSE_TIMEOUT);
    fails(CONTROL, VMC_CAUSE_TIMEOUT);
    ck_assert_int_eq(rig.channel.machine.health, VMC_CHANNEL_SUSPECT);
    ck_assert_uint_eq(rig.channel.machine.owed_count, 2);
    continue_device();
    set_timeout(0);
    ck_assert_uint_eq(value_of(COUNTER), 2);
    ck_assert_int_eq(rig.channel.machine.health, VMC_CHANNEL_OPEN);
    ck_assert_uint_eq(rig.channel.machine.discarded_count, 2);
    stop_well();
}
END_TEST

START_TEST(an_answer_in_time_is_served)
{
    start((enum live_transport)_i,
          (struct device_server_config){.delay_us = 5000}, GRACE_MS);
    ck_assert_uint_eq(value_of(COUNTER), 0);
    ck_assert_uint_eq(value_of(COUNTER), 1);
    stop_well();
}
END_TEST

/* Whoever is slow, the device or the machine the test runs on: a number that
 * is given out is the right one. */
START_TEST(answers_and_deadlines_race_and_none_is_mistaken)
{
    struct live_access access;

    start((enum live_transport)_i,
          (struct device_server_config){.answer = DEVICE_ANSWER_LATE,
                                        .delay_us = 1000},
          1);
    for (uint64_t expected = 0; expected < 200; expected++) {
        if (read8(COUNTER, &access) == LIVE_SERVED) {
            ck_assert_uint_eq(access.data, expected);
        } else {
            ck_assert_int_eq(access.cause, VMC_CAUSE_TIMEOUT);
        }
    }
    set_timeout(0);
    ck_assert_uint_eq(value_of(COUNTER), 200);
    stop_well();
}
END_TEST

/* Each later answer is taken for the one before it, and thrown away. */
START_TEST(an_answer_that_never_comes_is_owed_for_ever)
{
    start((enum live_transport)_i,
          (struct device_server_config){.answer = DEVICE_ANSWER_NEVER,
                                        .spoil_at = 2},
          0);
    ck_assert_uint_eq(value_of(COUNTER), 0);
    set_timeout(20);
    for (uint32_t i = 0; i < 3; i++) {
        fails(COUNTER, VMC_CAUSE_TIMEOUT);
        ck_assert_int_eq(rig.channel.machine.health, VMC_CHANNEL_SUSPECT);
    }
    (void)stop();
}
END_TEST

START_TEST(a_device_may_say_that_it_failed)
{
    start((enum live_transport)_i,
          (struct device_server_config){.answer = DEVICE_ANSWER_FAILED,
                                        .spoil_at = 2,
                                        .fails_unclaimed = true},
          0);
    ck_assert_uint_eq(value_of(COUNTER), 0);
    fails(COUNTER, VMC_CAUSE_DEVICE);
    ck_assert_uint_eq(value_of(COUNTER), 2);
    fails(HOLE, VMC_CAUSE_DEVICE);
    ck_assert_uint_eq(value_of(COUNTER), 3);
    stop_well();
}
END_TEST

/* ---- Flags and full buffers ------------------------------------------------
 */

static void flip(int fd)
{
    ck_assert_int_eq(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) ^ O_NONBLOCK), 0);
}

/* TV-64. */
START_TEST(a_flipped_flag_fails_the_access_and_loses_no_answer)
{
    start((enum live_transport)_i,
          (struct device_server_config){.delay_us = 20000}, 0);
    ck_assert_uint_eq(value_of(COUNTER), 0);
    flip(rig.channel.end.read_fd);
    fails(COUNTER, VMC_CAUSE_AGAIN);
    ck_assert_uint_eq(rig.channel.machine.owed_count, 1);
    flip(rig.channel.end.read_fd);
    ck_assert_uint_eq(value_of(COUNTER), 2);
    ck_assert_uint_eq(rig.channel.machine.owed_count, 0);
    stop_well();
}
END_TEST

START_TEST(a_flag_flipped_by_the_device_does_not_matter_to_it)
{
    start((enum live_transport)_i,
          (struct device_server_config){.flip_after = 2}, 0);
    for (uint64_t i = 0; i < 200; i++) {
        ck_assert_int_eq(write8(&rig.posted, 0, i), LIVE_SERVED);
        ck_assert_uint_eq(value_of(COUNTER), i);
    }
    stop_well();
}
END_TEST

/* Room for commands in a socket, for the buffers that Linux gives by default:
 * TV-67, as observed. Other settings give another number. */
static bool has_default_buffers(void)
{
    char text[32] = "";
    FILE *in = fopen("/proc/sys/net/core/wmem_default", "re");

    if (in != NULL) {
        (void)fgets(text, sizeof(text), in);
        (void)fclose(in);
    }
    return strcmp(text, "212992\n") == 0;
}

START_TEST(a_full_buffer_holds_the_vcpu_and_loses_nothing)
{
    enum { MORE = 20, ROOM = 278 };
    uint64_t absorbed = 0;

    start((enum live_transport)_i, (struct device_server_config){0}, 20);
    halt_device();
    while (write8(&rig.posted, 0, 0) == LIVE_SERVED) {
        absorbed++;
        ck_assert_uint_lt(absorbed, 100000);
    }
    if (_i != LIVE_PIPES && has_default_buffers()) {
        ck_assert_uint_eq(absorbed, ROOM);
    }
    ck_assert_int_eq(rig.channel.machine.health, VMC_CHANNEL_OPEN);
    continue_device();
    set_timeout(0);
    for (int i = 0; i < MORE; i++) {
        ck_assert_int_eq(write8(&rig.posted, 0, 0), LIVE_SERVED);
    }
    rig.region.user_data = POSTED_USER_DATA;
    ck_assert_uint_eq(value_of(0), absorbed + MORE);
    stop_well();
}
END_TEST

START_TEST(nobody_waits_for_a_full_buffer_that_is_not_blocking)
{
    struct live_access access = {.size_bytes = 8, .is_write = true};
    uint64_t absorbed = 0;

    start((enum live_transport)_i, (struct device_server_config){0}, 0);
    halt_device();
    flip(rig.channel.end.write_fd);
    while (live_access(&rig.posted, &rig.vcpu, &access) == LIVE_SERVED) {
        absorbed++;
    }
    ck_assert_int_eq(access.cause, VMC_CAUSE_AGAIN);
    flip(rig.channel.end.write_fd);
    continue_device();
    rig.region.user_data = POSTED_USER_DATA;
    ck_assert_uint_eq(value_of(0), absorbed);
    stop_well();
}
END_TEST

/* ---- Signals ---------------------------------------------------------------
 */

struct kicker {
    pthread_t thread;
    bool uses_signal;
    atomic_bool is_over;
    pthread_t victim;
};

static void on_signal(int number)
{
    (void)number;
}

/* Once the command is out, call the vCPU away until it comes: a signal that
 * arrives before poll() does not end it. */
static void *kick_soon(void *context)
{
    struct kicker *kicker = context;

    while (asked_count() == 0) {
        (void)poll(NULL, 0, 1);
    }
    if (!kicker->uses_signal) {
        live_vcpu_kick(&rig.vcpu);
    }
    while (kicker->uses_signal && !atomic_load(&kicker->is_over)) {
        (void)pthread_kill(kicker->victim, SIGUSR1);
        (void)poll(NULL, 0, 2);
    }
    return NULL;
}

/* TV-68. */
START_TEST(a_signal_interrupts_and_the_access_goes_on_where_it_stood)
{
    struct kicker kicker = {.uses_signal = _i >= LIVE_TRANSPORT_COUNT,
                            .victim = pthread_self()};
    struct sigaction action = {.sa_handler = on_signal};
    struct live_access access = {.offset = COUNTER, .size_bytes = 8};
    enum live_outcome outcome;

    (void)sigaction(SIGUSR1, &action, NULL);
    start((enum live_transport)(_i % LIVE_TRANSPORT_COUNT),
          (struct device_server_config){0}, 0);
    halt_device();
    ck_assert_int_eq(pthread_create(&kicker.thread, NULL, kick_soon, &kicker),
                     0);
    outcome = live_access(&rig.region, &rig.vcpu, &access);
    atomic_store(&kicker.is_over, true);
    ck_assert_int_eq(outcome, LIVE_INTERRUPTED);
    ck_assert_int_eq(pthread_join(kicker.thread, NULL), 0);
    ck_assert_uint_eq(rig.channel.machine.asked_count, 1);
    continue_device();
    ck_assert_int_eq(live_access(&rig.region, &rig.vcpu, &access), LIVE_SERVED);
    ck_assert_uint_eq(access.data, 0);
    ck_assert_uint_eq(rig.channel.machine.asked_count, 1);
    ck_assert_uint_eq(value_of(COUNTER), 1);
    stop_well();
}
END_TEST

START_TEST(another_access_after_a_signal_leaves_the_answer_to_nobody)
{
    struct live_access access = {.offset = COUNTER, .size_bytes = 8};

    start((enum live_transport)_i, (struct device_server_config){0}, 0);
    halt_device();
    live_vcpu_kick(&rig.vcpu);
    ck_assert_int_eq(live_access(&rig.region, &rig.vcpu, &access),
                     LIVE_INTERRUPTED);
    continue_device();
    ck_assert_uint_eq(value_of(CONTROL), 0x1122334455667788);
    ck_assert_uint_eq(value_of(COUNTER), 1);
    ck_assert_uint_eq(rig.channel.machine.discarded_count, 1);
    stop_well();
}
END_TEST

/* cat answers with the command itself: a read of it gives the header. */
START_TEST(an_access_elsewhere_gives_up_what_was_interrupted)
{
    static const char *const argv[] = {"sh", "-c", "exec cat <&3 >&4", NULL};
    struct live_access access = {.offset = COUNTER, .size_bytes = 8};
    struct live_end guest, device;
    struct live_channel second;
    struct live_region region;
    struct live_process process;

    start((enum live_transport)_i, (struct device_server_config){0}, 0);
    ck_assert_int_eq(
        live_ends_open(&guest, &device, (enum live_transport)_i, NULL), VMC_OK);
    ck_assert_int_eq(live_process_spawn(&process, argv, &device, -1, NULL),
                     VMC_OK);
    ck_assert_int_eq(live_channel_open(&second, &guest, 0, NULL), VMC_OK);
    live_region_add(&region, &second, 0, false);
    halt_device();
    live_vcpu_kick(&rig.vcpu);
    ck_assert_int_eq(live_access(&rig.region, &rig.vcpu, &access),
                     LIVE_INTERRUPTED);
    ck_assert_int_eq(live_access(&region, &rig.vcpu, &access), LIVE_SERVED);
    ck_assert_uint_eq(access.data, 0x1300);
    ck_assert_uint_eq(rig.channel.machine.owed_count, 1);
    ck_assert_uint_eq(rig.channel.machine.waiter_count, 0);
    continue_device();
    ck_assert_uint_eq(value_of(COUNTER), 1);
    live_channel_close(&second);
    (void)live_process_stop(&process, GRACE_MS);
    stop_well();
}
END_TEST

START_TEST(a_closed_vcpu_lets_the_others_go_on)
{
    struct live_vcpu gone;
    struct live_access access = {.offset = COUNTER, .size_bytes = 8};

    start((enum live_transport)_i, (struct device_server_config){0}, 0);
    ck_assert_int_eq(live_vcpu_open(&gone, 1, NULL), VMC_OK);
    halt_device();
    live_vcpu_kick(&gone);
    ck_assert_int_eq(live_access(&rig.region, &gone, &access),
                     LIVE_INTERRUPTED);
    continue_device();
    live_vcpu_kick(&rig.vcpu);
    ck_assert_int_eq(read8(COUNTER, &access), LIVE_INTERRUPTED);
    live_vcpu_close(&gone);
    ck_assert_uint_eq(value_of(COUNTER), 1);
    stop_well();
}
END_TEST

/* ---- Removal ---------------------------------------------------------------
 */

struct caller {
    pthread_t thread;
    struct live_vcpu vcpu;
    struct live_region *region;
    enum live_outcome outcome;
    struct live_access access;
};

static void *call_once(void *context)
{
    struct caller *caller = context;

    caller->access = (struct live_access){.offset = COUNTER, .size_bytes = 8};
    caller->outcome =
        live_access(caller->region, &caller->vcpu, &caller->access);
    return NULL;
}

static void wait_until_inside(uint32_t count)
{
    for (;;) {
        uint32_t inside;

        (void)pthread_mutex_lock(&rig.channel.lock);
        inside = rig.channel.machine.waiter_count;
        (void)pthread_mutex_unlock(&rig.channel.lock);
        if (inside == count) {
            return;
        }
        (void)poll(NULL, 0, 1);
    }
}

/* TV-72. */
START_TEST(removal_ends_who_waits_for_an_answer_that_never_comes)
{
    enum { CALLERS = 4 };
    struct caller callers[CALLERS];
    struct live_access access;

    start((enum live_transport)_i,
          (struct device_server_config){.answer = DEVICE_ANSWER_NEVER}, 0);
    for (uint32_t i = 0; i < CALLERS; i++) {
        callers[i].region = &rig.region;
        ck_assert_int_eq(live_vcpu_open(&callers[i].vcpu, 1 + i, NULL), VMC_OK);
        ck_assert_int_eq(
            pthread_create(&callers[i].thread, NULL, call_once, &callers[i]),
            0);
        wait_until_inside(1 + i);
    }
    live_region_remove(&rig.region, 20);
    for (uint32_t i = 0; i < CALLERS; i++) {
        ck_assert_int_eq(pthread_join(callers[i].thread, NULL), 0);
        ck_assert_int_eq(callers[i].outcome, LIVE_UNCLAIMED);
        live_vcpu_close(&callers[i].vcpu);
    }
    ck_assert_uint_eq(rig.region.given_up_count, 1);
    ck_assert_uint_eq(rig.channel.machine.owed_count, 1);
    ck_assert_uint_eq(rig.channel.machine.asked_count, 1);
    ck_assert_int_eq(read8(COUNTER, &access), LIVE_UNCLAIMED);
    (void)stop();
}
END_TEST

START_TEST(removal_lets_an_answer_arrive_that_is_in_time)
{
    struct caller caller = {.region = &rig.region};

    start((enum live_transport)_i, (struct device_server_config){0}, 0);
    halt_device();
    ck_assert_int_eq(live_vcpu_open(&caller.vcpu, 1, NULL), VMC_OK);
    ck_assert_int_eq(pthread_create(&caller.thread, NULL, call_once, &caller),
                     0);
    wait_until_inside(1);
    while (asked_count() == 0) {
        (void)poll(NULL, 0, 1);
    }
    continue_device();
    live_region_remove(&rig.region, GRACE_MS);
    ck_assert_int_eq(pthread_join(caller.thread, NULL), 0);
    ck_assert_int_eq(caller.outcome, LIVE_SERVED);
    ck_assert_uint_eq(caller.access.data, 0);
    live_vcpu_close(&caller.vcpu);
    stop_well();
}
END_TEST

/* TV-69. */
START_TEST(a_region_that_went_during_a_signal_is_no_region)
{
    struct live_access access = {.offset = COUNTER, .size_bytes = 8};

    start((enum live_transport)_i, (struct device_server_config){0}, 0);
    halt_device();
    live_vcpu_kick(&rig.vcpu);
    ck_assert_int_eq(live_access(&rig.region, &rig.vcpu, &access),
                     LIVE_INTERRUPTED);
    live_region_remove(&rig.region, GRACE_MS);
    ck_assert_uint_eq(rig.region.given_up_count, 1);
    continue_device();
    ck_assert_int_eq(live_access(&rig.region, &rig.vcpu, &access),
                     LIVE_UNCLAIMED);
    /* The late answer is not given to the next region on the channel. */
    live_region_add(&rig.region, &rig.channel, USER_DATA, false);
    ck_assert_uint_eq(value_of(CONTROL), 0x1122334455667788);
    stop_well();
}
END_TEST

/* A vCPU that was called away keeps the channel for its answer. Who waits
 * behind it must be told when it gives that up: it is closed, its region goes,
 * or it makes another access. */
START_TEST(who_waits_behind_an_interrupted_vcpu_is_woken)
{
    struct live_access access = {.offset = COUNTER, .size_bytes = 8};
    struct caller caller = {.region = &rig.other};
    struct live_vcpu first;

    start((enum live_transport)(_i % LIVE_TRANSPORT_COUNT),
          (struct device_server_config){0}, 0);
    halt_device();
    ck_assert_int_eq(live_vcpu_open(&first, 1, NULL), VMC_OK);
    ck_assert_int_eq(live_vcpu_open(&caller.vcpu, 2, NULL), VMC_OK);
    live_vcpu_kick(&first);
    ck_assert_int_eq(live_access(&rig.region, &first, &access),
                     LIVE_INTERRUPTED);
    ck_assert_int_eq(pthread_create(&caller.thread, NULL, call_once, &caller),
                     0);
    wait_until_inside(2);
    continue_device();
    switch (_i / LIVE_TRANSPORT_COUNT) {
    case 0:
        live_vcpu_close(&first);
        break;
    case 1:
        live_region_remove(&rig.region, 0);
        break;
    default:
        access.offset = TALLY;
        ck_assert_int_eq(live_access(&rig.region, &first, &access),
                         LIVE_SERVED);
        break;
    }
    ck_assert_int_eq(pthread_join(caller.thread, NULL), 0);
    ck_assert_int_eq(caller.outcome, LIVE_SERVED);
    ck_assert_uint_eq(caller.access.data, 1);
    live_vcpu_close(&caller.vcpu);
    if (first.wake_fd >= 0) {
        live_vcpu_close(&first);
    }
    stop_well();
}
END_TEST

/* One that is called away before its command is out holds nothing. */
START_TEST(an_interrupted_waiter_leaves_the_queue)
{
    struct live_access access = {.offset = COUNTER, .size_bytes = 8};
    struct caller caller = {.region = &rig.region};
    struct live_vcpu first, second;

    start((enum live_transport)_i, (struct device_server_config){0}, 0);
    halt_device();
    ck_assert_int_eq(live_vcpu_open(&first, 1, NULL), VMC_OK);
    ck_assert_int_eq(live_vcpu_open(&second, 2, NULL), VMC_OK);
    ck_assert_int_eq(live_vcpu_open(&caller.vcpu, 3, NULL), VMC_OK);
    live_vcpu_kick(&first);
    ck_assert_int_eq(live_access(&rig.region, &first, &access),
                     LIVE_INTERRUPTED);
    live_vcpu_kick(&second);
    ck_assert_int_eq(live_access(&rig.region, &second, &access),
                     LIVE_INTERRUPTED);
    wait_until_inside(1);
    ck_assert_int_eq(pthread_create(&caller.thread, NULL, call_once, &caller),
                     0);
    wait_until_inside(2);
    continue_device();
    live_vcpu_close(&first);
    ck_assert_int_eq(pthread_join(caller.thread, NULL), 0);
    ck_assert_int_eq(caller.outcome, LIVE_SERVED);
    ck_assert_int_eq(live_access(&rig.region, &second, &access), LIVE_SERVED);
    ck_assert_uint_eq(access.data, 2);
    live_vcpu_close(&second);
    live_vcpu_close(&caller.vcpu);
    stop_well();
}
END_TEST

/* ---- Many vCPUs ------------------------------------------------------------
 */

enum { THREADS = 8, CALLS = 1500 };

struct worker {
    pthread_t thread;
    struct live_vcpu vcpu;
    struct live_region *region;
    uint32_t served, interrupted;
    uint64_t *order; /* by arrival: the turn it had */
};

static void *work(void *context)
{
    struct worker *worker = context;
    uint64_t last = 0;

    for (uint32_t i = 0; i < CALLS; i++) {
        struct live_access access = {.offset = COUNTER, .size_bytes = 8};
        enum live_outcome outcome =
            live_access(worker->region, &worker->vcpu, &access);

        while (outcome == LIVE_INTERRUPTED) {
            worker->interrupted++;
            outcome = live_access(worker->region, &worker->vcpu, &access);
        }
        if (outcome != LIVE_SERVED || (i > 0 && access.data <= last)) {
            break;
        }
        last = access.data;
        worker->order[access.arrival] = access.turn;
        worker->served++;
    }
    return NULL;
}

static void start_workers(struct worker *workers, uint64_t *order)
{
    for (uint32_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){
            .order = order, .region = i % 2 == 0 ? &rig.region : &rig.other};
        ck_assert_int_eq(live_vcpu_open(&workers[i].vcpu, 1 + i, NULL), VMC_OK);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(
            pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
}

/* TV-70 and TV-71: two regions share the descriptor. Each vCPU gets numbers of
 * the one counter: none is lost, none is given twice, and turns come in the
 * order of arrival. */
START_TEST(eight_vcpus_take_turns_in_the_order_of_arrival)
{
    static uint64_t order[THREADS * CALLS];
    static struct worker workers[THREADS];

    start_rig((enum live_transport)_i, (struct device_server_config){0}, 0,
              true);
    start_workers(workers, order);
    for (uint32_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
        ck_assert_uint_eq(workers[i].served, CALLS);
        live_vcpu_close(&workers[i].vcpu);
    }
    for (uint64_t i = 0; i < THREADS * CALLS; i++) {
        ck_assert_uint_eq(order[i], i);
    }
    ck_assert_uint_eq(value_of(COUNTER), THREADS * CALLS);
    stop_well();
}
END_TEST

START_TEST(kicks_at_random_neither_lose_nor_double_a_command)
{
    static uint64_t order[THREADS * CALLS];
    static struct worker workers[THREADS];
    struct vmc_rng rng;
    uint64_t interrupted = 0;

    vmc_rng_init(&rng, 8);
    start((enum live_transport)_i, (struct device_server_config){0}, 0);
    start_workers(workers, order);
    for (int i = 0; i < 1000; i++) {
        live_vcpu_kick(&workers[vmc_rng_below(&rng, THREADS)].vcpu);
        (void)sched_yield();
        (void)pthread_mutex_lock(&rig.channel.lock);
        ck_assert_ptr_null(vmc_channel_check(&rig.channel.machine));
        (void)pthread_mutex_unlock(&rig.channel.lock);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
        ck_assert_uint_eq(workers[i].served, CALLS);
        interrupted += workers[i].interrupted;
        live_vcpu_close(&workers[i].vcpu);
    }
    ck_assert_uint_gt(interrupted, 0);
    ck_assert_uint_eq(value_of(COUNTER), THREADS * CALLS);
    stop_well();
}
END_TEST

struct stayer {
    pthread_t thread;
    struct live_vcpu vcpu;
    _Atomic(struct live_region *) *current; /* NULL: it is over */
    uint64_t served, unclaimed;
    bool is_wrong;
};

static void *stay(void *context)
{
    struct stayer *stayer = context;
    struct live_region *region;

    while ((region = atomic_load(stayer->current)) != NULL) {
        struct live_access access = {
            .offset = TALLY, .size_bytes = 8, .is_write = true};
        enum live_outcome outcome = live_access(region, &stayer->vcpu, &access);

        stayer->served += outcome == LIVE_SERVED;
        stayer->unclaimed += outcome == LIVE_UNCLAIMED;
        stayer->is_wrong |=
            outcome == LIVE_FAILED || outcome == LIVE_INTERRUPTED;
    }
    return NULL;
}

static uint64_t turn_count(void)
{
    uint64_t count;

    (void)pthread_mutex_lock(&rig.channel.lock);
    ck_assert_uint_eq(rig.channel.machine.waiter_count, 0);
    count = rig.channel.turn_count;
    (void)pthread_mutex_unlock(&rig.channel.lock);
    return count;
}

/* When removal has returned nobody is inside, and nobody gets in: the count of
 * served writes stands still until there is another region. The device has done
 * all of them, and those that were given up with their command out. */
START_TEST(regions_go_and_come_under_eight_vcpus)
{
    enum { TIMES = 30 };
    static struct stayer stayers[THREADS];
    static struct live_region regions[TIMES + 1];
    _Atomic(struct live_region *) current = &regions[0];
    uint64_t served = 0, unclaimed = 0, given_up = 0;

    start((enum live_transport)_i, (struct device_server_config){0}, 0);
    for (int i = 0; i <= TIMES; i++) {
        live_region_add(&regions[i], &rig.channel, USER_DATA, false);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        stayers[i] = (struct stayer){.current = &current};
        ck_assert_int_eq(live_vcpu_open(&stayers[i].vcpu, 1 + i, NULL), VMC_OK);
        ck_assert_int_eq(
            pthread_create(&stayers[i].thread, NULL, stay, &stayers[i]), 0);
    }
    for (int i = 0; i < TIMES; i++) {
        uint64_t before;

        (void)poll(NULL, 0, 3);
        live_region_remove(&regions[i], (uint64_t)i % 2 * GRACE_MS);
        before = turn_count();
        (void)poll(NULL, 0, 1);
        ck_assert_uint_eq(turn_count(), before);
        given_up += regions[i].given_up_count;
        atomic_store(&current, &regions[i + 1]);
    }
    atomic_store(&current, NULL);
    for (uint32_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(stayers[i].thread, NULL), 0);
        ck_assert(!stayers[i].is_wrong);
        served += stayers[i].served;
        unclaimed += stayers[i].unclaimed;
        live_vcpu_close(&stayers[i].vcpu);
    }
    ck_assert_uint_gt(unclaimed, 0);
    ck_assert_uint_eq(value_of(TALLY), served + given_up);
    stop_well();
}
END_TEST

START_TEST(eight_vcpus_leave_a_device_that_dies)
{
    static uint64_t order[THREADS * CALLS];
    static struct worker workers[THREADS];
    uint64_t served = 0;

    start((enum live_transport)_i,
          (struct device_server_config){.exit_after = 700}, 0);
    start_workers(workers, order);
    for (uint32_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
        served += workers[i].served;
        live_vcpu_close(&workers[i].vcpu);
    }
    ck_assert_uint_eq(served, 699);
    (void)stop();
}
END_TEST

/* ---- Processes -------------------------------------------------------------
 */

START_TEST(a_program_that_is_not_there_is_an_error)
{
    static const char *const argv[] = {"/nonexistent/device", NULL};
    struct live_end guest, device;
    struct live_process process;
    struct vmc_error error = {""};

    ck_assert_int_eq(
        live_ends_open(&guest, &device, (enum live_transport)_i, &error),
        VMC_OK);
    ck_assert_int_eq(live_process_spawn(&process, argv, &device, -1, &error),
                     VMC_E_IO);
    ck_assert_ptr_nonnull(strstr(error.text, "/nonexistent/device"));
    live_end_close(&guest);
    ck_assert_int_eq(live_process_stop(&process, 0), -1);
    nothing_is_left();
}
END_TEST

/* cat sends commands back, and they are 32 bytes: a read of it gives what
 * stands in the first 8, the header. */
START_TEST(a_spawned_program_has_its_end_at_3_and_4)
{
    static const char *const argv[] = {"sh", "-c", "exec cat <&3 >&4", NULL};
    struct live_end guest, device;
    struct live_channel channel;
    struct live_region region;
    struct live_vcpu vcpu;
    struct live_process process;
    struct live_access access = {.size_bytes = 8};
    int status;

    ck_assert_int_eq(
        live_ends_open(&guest, &device, (enum live_transport)_i, NULL), VMC_OK);
    ck_assert_int_eq(live_process_spawn(&process, argv, &device, -1, NULL),
                     VMC_OK);
    ck_assert_int_eq(live_channel_open(&channel, &guest, 0, NULL), VMC_OK);
    live_region_add(&region, &channel, 0, false);
    ck_assert_int_eq(live_vcpu_open(&vcpu, 0, NULL), VMC_OK);
    ck_assert_int_eq(live_access(&region, &vcpu, &access), LIVE_SERVED);
    ck_assert_uint_eq(access.data, 0x1300);
    live_vcpu_close(&vcpu);
    live_channel_close(&channel);
    status = live_process_stop(&process, GRACE_MS);
    ck_assert(WIFEXITED(status));
    nothing_is_left();
}
END_TEST

START_TEST(a_regular_file_is_no_way_to_a_device)
{
    struct live_end end;
    struct vmc_error error = {""};

    end.read_fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    end.write_fd = end.read_fd;
    ck_assert_int_eq(live_channel_open(&rig.channel, &end, 0, &error),
                     VMC_E_USAGE);
    live_end_close(&end);
    nothing_is_left();
}
END_TEST

Suite *suite(void)
{
    const TTest *const everywhere[] = {
        an_access_of_each_width_is_served,
        a_hundred_thousand_commands_are_served_once_each,
        a_device_that_was_never_there_is_dead_at_once,
        a_stopped_device_only_takes_longer,
        a_stopped_device_can_be_killed_and_reaped,
        too_long_an_answer_ends_the_channel,
        an_answer_given_twice_ends_the_channel,
        a_late_answer_goes_to_nobody,
        an_answer_in_time_is_served,
        answers_and_deadlines_race_and_none_is_mistaken,
        an_answer_that_never_comes_is_owed_for_ever,
        a_device_may_say_that_it_failed,
        a_flipped_flag_fails_the_access_and_loses_no_answer,
        a_flag_flipped_by_the_device_does_not_matter_to_it,
        a_full_buffer_holds_the_vcpu_and_loses_nothing,
        nobody_waits_for_a_full_buffer_that_is_not_blocking,
        another_access_after_a_signal_leaves_the_answer_to_nobody,
        an_access_elsewhere_gives_up_what_was_interrupted,
        a_closed_vcpu_lets_the_others_go_on,
        an_interrupted_waiter_leaves_the_queue,
        removal_ends_who_waits_for_an_answer_that_never_comes,
        removal_lets_an_answer_arrive_that_is_in_time,
        a_region_that_went_during_a_signal_is_no_region,
        eight_vcpus_take_turns_in_the_order_of_arrival,
        kicks_at_random_neither_lose_nor_double_a_command,
        eight_vcpus_leave_a_device_that_dies,
        regions_go_and_come_under_eight_vcpus,
        a_program_that_is_not_there_is_an_error,
        a_spawned_program_has_its_end_at_3_and_4,
    };
    Suite *s = suite_create("live");
    TCase *c = tcase_create("live");

    suite_add_tcase(s, c);
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, count_before, NULL);
    for (size_t i = 0; i < VMC_COUNT_OF(everywhere); i++) {
        tcase_add_loop_test(c, everywhere[i], 0, LIVE_TRANSPORT_COUNT);
    }
    tcase_add_loop_test(
        c, a_signal_interrupts_and_the_access_goes_on_where_it_stood, 0,
        2 * LIVE_TRANSPORT_COUNT);
    tcase_add_loop_test(c, who_waits_behind_an_interrupted_vcpu_is_woken, 0,
                        3 * LIVE_TRANSPORT_COUNT);
    tcase_add_test(c, a_killed_device_loses_only_what_was_on_its_way);
    tcase_add_loop_test(c, an_answer_in_two_parts_is_one_on_a_stream,
                        LIVE_STREAM, LIVE_STREAM + 1);
    tcase_add_loop_test(c, an_answer_in_two_parts_is_one_on_a_stream,
                        LIVE_PIPES, LIVE_PIPES + 1);
    tcase_add_loop_test(c, a_cut_answer_is_kept_until_the_rest_comes,
                        LIVE_STREAM, LIVE_TRANSPORT_COUNT);
    tcase_add_test(c, a_regular_file_is_no_way_to_a_device);
    return s;
}
