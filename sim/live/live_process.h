/* SPDX-License-Identifier: MIT */
/**
 * live_process.h - a device process, its descriptors, and its end.
 *
 * Whatever a device process does, it is reaped once and its descriptors are
 * closed once: nothing stays behind but what it wrote.
 *
 * Owner    Descriptors are close-on-exec and belong to the struct they are in.
 */
#ifndef VMC_SIM_LIVE_LIVE_PROCESS_H
#define VMC_SIM_LIVE_LIVE_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/base.h"

/** What joins the guest and the device. */
enum live_transport {
    LIVE_STREAM,    /**< a pair of SOCK_STREAM sockets */
    LIVE_SEQPACKET, /**< a pair of SOCK_SEQPACKET sockets */
    LIVE_PIPES,     /**< two pipes */
    LIVE_TRANSPORT_COUNT
};

/** One end: where it reads and where it writes; a socket is both. */
struct live_end {
    int read_fd, write_fd;
};

enum {
    LIVE_CHILD_READ_FD = 3, /**< where a spawned process finds its end */
    LIVE_CHILD_WRITE_FD = 4,
    LIVE_CHILD_KEPT_FD = 5, /**< and, if it is given one, another one */
};

/** A process that was started and has not been reaped. */
struct live_process {
    pid_t pid; /**< 0 when there is none */
    int pid_fd;
};

/** Make both ends. Fails VMC_E_IO; both are then closed (-1). */
enum vmc_status live_ends_open(struct live_end *guest, struct live_end *device,
                               enum live_transport transport,
                               struct vmc_error *error);

/** Close what is open; the descriptors become -1. */
void live_end_close(struct live_end *end);

/** The word for @transport in options and tables. */
const char *live_transport_name(enum live_transport transport);

/**
 * Start @argv with @device as its descriptors 3 and 4, and a copy of @kept_fd
 * as 5 unless that is -1. All others are closed in it but 0 to 2; @device is
 * closed here. The process has no signal blocked and SIGPIPE by default.
 * Fails    VMC_E_IO when there is no such program; @device is closed too.
 */
enum vmc_status live_process_spawn(struct live_process *process,
                                   const char *const argv[],
                                   struct live_end *device, int kept_fd,
                                   struct vmc_error *error);

/** What a forked child does; its exit status is what this returns. */
typedef int live_child_fn(void *context, const struct live_end *device);

/**
 * Start a child that runs @child and ends. It has no descriptors but 0 to 2
 * and @device, which is closed here.
 * Order    call it while this process has one thread
 * Fails    VMC_E_IO, VMC_E_NOMEM; @device is closed too.
 */
enum vmc_status live_process_fork(struct live_process *process,
                                  live_child_fn *child, void *context,
                                  struct live_end *device,
                                  struct vmc_error *error);

/** Send it a signal; nothing happens when it has ended or was reaped. */
void live_process_signal(const struct live_process *process, int number);

/**
 * Wait until it ends, @timeout_ms at most (-1: for ever), and reap it.
 * Returns  false when it still runs; else *@wait_status is as of waitpid(), or
 *          -1 when there was no process. @wait_status may be NULL.
 */
bool live_process_wait(struct live_process *process, int timeout_ms,
                       int *wait_status);

/** Wait @grace_ms for it to end, then kill it, stopped or not; reap it.
 * Returns  the status of waitpid(), or -1 when there was no process. */
int live_process_stop(struct live_process *process, int grace_ms);

#endif
