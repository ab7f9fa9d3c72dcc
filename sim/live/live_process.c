/* SPDX-License-Identifier: MIT */
/*
 * Ends are moved above descriptor 9 when they are made, so that putting them
 * at 3 and 4 of a child never overwrites one that is still needed. A pidfd
 * tells of the end of a process without a signal handler, and with a time-out.
 */
#include "sim/live/live_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FIRST_FD = 10 };

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
    }
    *fd = -1;
}

void live_end_close(struct live_end *end)
{
    if (end->write_fd == end->read_fd) {
        end->write_fd = -1;
    }
    close_fd(&end->read_fd);
    close_fd(&end->write_fd);
}

const char *live_transport_name(enum live_transport transport)
{
    static const char *const names[LIVE_TRANSPORT_COUNT] = {
        "stream", "seqpacket", "pipes"};

    assert(transport < LIVE_TRANSPORT_COUNT);
    return names[transport];
}

/* Make a pair; [0] reads and [1] writes when it is a pipe. */
static bool open_pair(int pair[2], enum live_transport transport)
{
    int low[2];
    bool is_open =
        transport == LIVE_PIPES
            ? pipe2(low, O_CLOEXEC) == 0
            : socketpair(
                  AF_UNIX,
                  (transport == LIVE_STREAM ? SOCK_STREAM : SOCK_SEQPACKET) |
                      SOCK_CLOEXEC,
                  0, low) == 0;

    pair[0] = -1;
    pair[1] = -1;
    for (int i = 0; is_open && i < 2; i++) {
        pair[i] = fcntl(low[i], F_DUPFD_CLOEXEC, FIRST_FD);
        close_fd(&low[i]);
    }
    if (pair[0] < 0 || pair[1] < 0) {
        close_fd(&pair[0]);
        close_fd(&pair[1]);
        return false;
    }
    return true;
}

enum vmc_status live_ends_open(struct live_end *guest, struct live_end *device,
                               enum live_transport transport,
                               struct vmc_error *error)
{
    int pair[2];

    *guest = (struct live_end){-1, -1};
    *device = *guest;
    if (open_pair(pair, transport)) {
        if (transport != LIVE_PIPES) {
            *guest = (struct live_end){pair[0], pair[0]};
            *device = (struct live_end){pair[1], pair[1]};
            return VMC_OK;
        }
        device->read_fd = pair[0];
        guest->write_fd = pair[1];
        if (open_pair(pair, transport)) {
            guest->read_fd = pair[0];
            device->write_fd = pair[1];
            return VMC_OK;
        }
    }
    (void)vmc_fail(error, VMC_E_IO, "no descriptors for a device: %s",
                   strerror(errno));
    live_end_close(guest);
    live_end_close(device);
    return VMC_E_IO;
}

/* ---- Starting ----------------------------------------------------------- */

static enum vmc_status watch(struct live_process *process, pid_t pid,
                             struct vmc_error *error)
{
    int pid_fd = pidfd_open(pid, 0);

    if (pid_fd < 0) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        return vmc_fail(error, VMC_E_IO, "a process cannot be watched: %s",
                        strerror(errno));
    }
    *process = (struct live_process){.pid = pid, .pid_fd = pid_fd};
    return VMC_OK;
}

/* What posix_spawn() is to do with descriptors and signals. */
static int describe(posix_spawn_file_actions_t *actions,
                    posix_spawnattr_t *attributes,
                    const struct live_end *device, int kept_fd)
{
    sigset_t none, pipes;
    int first_closed = LIVE_CHILD_WRITE_FD + 1;
    int failure = posix_spawn_file_actions_adddup2(actions, device->read_fd,
                                                   LIVE_CHILD_READ_FD);

    if (failure == 0) {
        failure = posix_spawn_file_actions_adddup2(actions, device->write_fd,
                                                   LIVE_CHILD_WRITE_FD);
    }
    if (failure == 0 && kept_fd >= 0) {
        failure = posix_spawn_file_actions_adddup2(actions, kept_fd,
                                                   LIVE_CHILD_KEPT_FD);
        first_closed = LIVE_CHILD_KEPT_FD + 1;
    }
    if (failure == 0) {
        failure =
            posix_spawn_file_actions_addclosefrom_np(actions, first_closed);
    }
    (void)sigemptyset(&none);
    (void)sigemptyset(&pipes);
    (void)sigaddset(&pipes, SIGPIPE);
    if (failure == 0) {
        failure = posix_spawnattr_setsigmask(attributes, &none);
    }
    if (failure == 0) {
        failure = posix_spawnattr_setsigdefault(attributes, &pipes);
    }
    return failure != 0 ? failure
                        : posix_spawnattr_setflags(attributes,
                                                   POSIX_SPAWN_SETSIGMASK |
                                                       POSIX_SPAWN_SETSIGDEF);
}

/* The vector has only strings that are not written to. */
static char *const *as_vector(const char *const *argv)
{
    union {
        const char *const *in;
        char *const *out;
    } cast = {.in = argv};

    return cast.out;
}

enum vmc_status live_process_spawn(struct live_process *process,
                                   const char *const argv[],
                                   struct live_end *device, int kept_fd,
                                   struct vmc_error *error)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    extern char **environ;
    pid_t pid = 0;
    int copy_fd = -1, failure;

    *process = (struct live_process){.pid = 0, .pid_fd = -1};
    if (kept_fd >= 0) {
        copy_fd = fcntl(kept_fd, F_DUPFD_CLOEXEC, FIRST_FD);
    }
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawnattr_init(&attributes);
    failure = describe(&actions, &attributes, device, copy_fd);
    if (failure == 0) {
        failure = posix_spawnp(&pid, argv[0], &actions, &attributes,
                               as_vector(argv), environ);
    }
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    close_fd(&copy_fd);
    live_end_close(device);
    if (failure != 0) {
        return vmc_fail(error, VMC_E_IO, "%s: %s", argv[0], strerror(failure));
    }
    return watch(process, pid, error);
}

/* In the child: close all descriptors but 0 to 2 and @device. */
static void keep_only(const struct live_end *device)
{
    unsigned low = (unsigned)device->read_fd, high = (unsigned)device->write_fd;

    if (low > high) {
        unsigned swap = low;

        low = high;
        high = swap;
    }
    (void)close_range(3, low - 1, 0);
    if (high > low + 1) {
        (void)close_range(low + 1, high - 1, 0);
    }
    (void)close_range(high + 1, ~0U, 0);
}

enum vmc_status live_process_fork(struct live_process *process,
                                  live_child_fn *child, void *context,
                                  struct live_end *device,
                                  struct vmc_error *error)
{
    pid_t pid = fork();

    *process = (struct live_process){.pid = 0, .pid_fd = -1};
    if (pid == 0) {
        keep_only(device);
        _exit(child(context, device));
    }
    live_end_close(device);
    if (pid < 0) {
        return vmc_fail(error, errno == ENOMEM ? VMC_E_NOMEM : VMC_E_IO,
                        "no process for a device: %s", strerror(errno));
    }
    return watch(process, pid, error);
}

/* ---- Ending ------------------------------------------------------------- */

void live_process_signal(const struct live_process *process, int number)
{
    if (process->pid != 0) {
        (void)pidfd_send_signal(process->pid_fd, number, NULL, 0);
    }
}

bool live_process_wait(struct live_process *process, int timeout_ms,
                       int *wait_status)
{
    struct pollfd entry = {.fd = process->pid_fd, .events = POLLIN};
    int status = -1, ready;

    if (process->pid != 0) {
        do {
            ready = poll(&entry, 1, timeout_ms);
        } while (ready < 0 && errno == EINTR);
        if (ready == 0) {
            return false;
        }
        while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR) {
        }
        close_fd(&process->pid_fd);
        process->pid = 0;
    }
    if (wait_status != NULL) {
        *wait_status = status;
    }
    return true;
}

int live_process_stop(struct live_process *process, int grace_ms)
{
    int status = -1;

    if (!live_process_wait(process, grace_ms, &status)) {
        live_process_signal(process, SIGKILL);
        (void)live_process_wait(process, -1, &status);
    }
    return status;
}
