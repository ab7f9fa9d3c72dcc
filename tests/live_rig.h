/* SPDX-License-Identifier: MIT */
/**
 * live_rig.h - a device process, its channel and three regions, under test.
 *
 * start() makes them, stop() ends them and looks that nothing is left: count
 * descriptors first with the fixture count_before(). Two regions reach the same
 * registers and want an answer to every write; the third does not.
 */
#ifndef VMC_TESTS_LIVE_RIG_H
#define VMC_TESTS_LIVE_RIG_H

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/live/device_server.h"
#include "sim/live/live.h"
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

static inline int count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;

    while (readdir(folder) != NULL) {
        count++;
    }
    (void)closedir(folder);
    return count;
}

static inline void count_before(void)
{
    descriptors_before = count_descriptors();
}

static inline void nothing_is_left(void)
{
    ck_assert_int_eq(count_descriptors(), descriptors_before);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_eq(errno, ECHILD);
}

static inline void describe_registers(void)
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

static inline int run_device(void *context, const struct live_end *device)
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

static inline void start_rig(enum live_transport transport,
                             struct device_server_config server,
                             uint64_t timeout_ms, bool is_strict)
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

static inline void start(enum live_transport transport,
                         struct device_server_config server,
                         uint64_t timeout_ms)
{
    start_rig(transport, server, timeout_ms, false);
}

/* Close everything; returns how the device process ended. */
static inline int stop(void)
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

static inline void stop_well(void)
{
    int status = stop();

    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
}

/* Stop the device, and come back when it stands still. */
static inline void halt_device(void)
{
    siginfo_t info;

    live_process_signal(&rig.process, SIGSTOP);
    ck_assert_int_eq(waitid(P_PID, (id_t)rig.process.pid, &info, WSTOPPED), 0);
}

static inline void continue_device(void)
{
    live_process_signal(&rig.process, SIGCONT);
}

/* From now on answers may take @timeout_ms; what went before may have taken
 * any time, for the machine may be busy. */
static inline void set_timeout(uint64_t timeout_ms)
{
    rig.channel.machine.timeout_ticks = timeout_ms * 1000000;
}

static inline uint64_t asked_count(void)
{
    uint64_t count;

    (void)pthread_mutex_lock(&rig.channel.lock);
    count = rig.channel.machine.asked_count;
    (void)pthread_mutex_unlock(&rig.channel.lock);
    return count;
}

static inline enum live_outcome read8(uint64_t offset,
                                      struct live_access *access)
{
    *access = (struct live_access){.offset = offset, .size_bytes = 8};
    return live_access(&rig.region, &rig.vcpu, access);
}

static inline uint64_t value_of(uint64_t offset)
{
    struct live_access access;

    ck_assert_int_eq(read8(offset, &access), LIVE_SERVED);
    return access.data;
}

static inline enum live_outcome write8(struct live_region *region,
                                       uint64_t offset, uint64_t data)
{
    struct live_access access = {
        .offset = offset, .data = data, .size_bytes = 8, .is_write = true};

    return live_access(region, &rig.vcpu, &access);
}

static inline void fails(uint64_t offset, enum vmc_channel_cause cause)
{
    struct live_access access;

    ck_assert_int_eq(read8(offset, &access), LIVE_FAILED);
    ck_assert_msg(access.cause == cause, "%s: %s, expected %s",
                  live_transport_name(rig.transport),
                  vmc_channel_cause_name(access.cause),
                  vmc_channel_cause_name(cause));
}

#endif
