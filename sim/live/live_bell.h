/* SPDX-License-Identifier: MIT */
/**
 * live_bell.h - waiting for a descriptor so that others can call one away.
 *
 * A bell belongs to one thread at a time, which waits with it; any thread may
 * ring. Whoever is rung, or was rung since the last wait, comes back and looks
 * again; ringing once too often is harmless.
 *
 * There are two ways to wait. poll() watches the descriptor and the bell; it
 * knows of time-outs. A blocking read is half the system calls, and does with
 * O_NONBLOCK what a read of the kernel does: it comes back with EAGAIN. A bell
 * cannot be heard in a read, so it is a signal there (LIVE_BELL_SIGNAL, real
 * time), of a timer that repeats until the thread is out: one that comes
 * between the last look at the bell and the read is not the last.
 *
 * Units    Time-outs are milliseconds.
 * Threads  live_bell_ring() may be called by any thread and signal handler.
 */
#ifndef VMC_SIM_LIVE_LIVE_BELL_H
#define VMC_SIM_LIVE_LIVE_BELL_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/types.h>
#include <time.h>

#include "base/base.h"

/** The signal of bells in this process; the C library keeps the first two. */
#define LIVE_BELL_SIGNAL (SIGRTMIN + 3)

struct live_bell {
    int fd; /**< an eventfd; readable once it was rung */
    timer_t timer;
    pthread_t thread; /**< that the timer signals, once it has one */
    bool has_timer;
    atomic_bool is_rung;    /**< since the last wait */
    atomic_bool is_in_read; /**< about to read, in it, or just out of it */
    atomic_bool has_signalled;
};

/** How a wait has ended. */
enum live_bell_end {
    LIVE_BELL_READY,  /**< the descriptor is, or the read has a result */
    LIVE_BELL_QUIET,  /**< the time is over */
    LIVE_BELL_RUNG,   /**< or may have been */
    LIVE_BELL_CALLED, /**< another signal came, without SA_RESTART */
};

/** Make a bell. Fails VMC_E_IO when there is no descriptor left. */
enum vmc_status live_bell_open(struct live_bell *bell, struct vmc_error *error);

/** End a bell that nobody waits with. */
void live_bell_close(struct live_bell *bell);

/** Call the thread away from its wait, or from the next one. */
void live_bell_ring(struct live_bell *bell);

/** Wait with poll(2) for @events of @fd, -1 for none but the bell; @timeout_ms
 * is -1 for ever. */
enum live_bell_end live_bell_poll(struct live_bell *bell, int fd, short events,
                                  int timeout_ms);

/**
 * Wait in read(2). *@result is what it gave or a negated errno, if the end is
 * LIVE_BELL_READY; nothing has been read in the other cases.
 */
enum live_bell_end live_bell_read(struct live_bell *bell, int fd, void *bytes,
                                  size_t size_bytes, int64_t *result);

#endif
