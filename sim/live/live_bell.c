/* SPDX-License-Identifier: MIT */
/*
 * Who rings sets is_rung and then looks at is_in_read; who waits sets
 * is_in_read and then looks at is_rung. Both are sequentially consistent, so
 * one of them sees the other: either the read is not begun, or the timer is
 * set and will end it.
 *
 * The timer may also be set when the thread is out of its read already, by
 * somebody who looked too early. Its signal then finds is_in_read false, and
 * the handler stops it.
 */
#include "sim/live/live_bell.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id /* glibc has the field, but no name for it */
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* At once, and every 100 us until somebody has heard it. */
static const struct itimerspec until_heard = {
    .it_value = {.tv_nsec = 1}, .it_interval = {.tv_nsec = 100000}};
static const struct itimerspec stopped;

static void on_signal(int number, siginfo_t *info, void *context)
{
    struct live_bell *bell = info->si_value.sival_ptr;
    int saved_errno = errno;

    (void)number;
    (void)context;
    if (info->si_code == SI_TIMER && bell != NULL) {
        atomic_store(&bell->has_signalled, true);
        if (!atomic_load(&bell->is_in_read)) {
            (void)timer_settime(bell->timer, 0, &stopped, NULL);
        }
    }
    errno = saved_errno;
}

enum vmc_status live_bell_open(struct live_bell *bell, struct vmc_error *error)
{
    struct sigaction action = {.sa_sigaction = on_signal,
                               .sa_flags = SA_SIGINFO};

    memset(bell, 0, sizeof(*bell));
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(LIVE_BELL_SIGNAL, &action, NULL);
    bell->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return bell->fd < 0
               ? vmc_fail(error, VMC_E_IO, "no descriptor for a vCPU: %s",
                          strerror(errno))
               : VMC_OK;
}

void live_bell_close(struct live_bell *bell)
{
    if (bell->has_timer) {
        (void)timer_delete(bell->timer);
        bell->has_timer = false;
    }
    (void)close(bell->fd);
    bell->fd = -1;
}

void live_bell_ring(struct live_bell *bell)
{
    const uint64_t one = 1;
    int saved_errno = errno;

    atomic_store(&bell->is_rung, true);
    /* It fails only when the bell has rung 2^64 times and nobody looked. */
    (void)!write(bell->fd, &one, sizeof(one));
    if (atomic_load(&bell->is_in_read)) {
        (void)timer_settime(bell->timer, 0, &until_heard, NULL);
    }
    errno = saved_errno;
}

/* Forget that it rang. What was changed before a ring between these two lines
 * is seen too: the caller looks after this. */
static void hear(struct live_bell *bell)
{
    uint64_t rings;

    atomic_store(&bell->is_rung, false);
    (void)!read(bell->fd, &rings, sizeof(rings));
}

enum live_bell_end live_bell_poll(struct live_bell *bell, int fd, short events,
                                  int timeout_ms)
{
    struct pollfd entries[2] = {{.fd = bell->fd, .events = POLLIN},
                                {.fd = fd, .events = events}};
    int ready;

    atomic_store(&bell->has_signalled, false);
    ready = poll(entries, 2, timeout_ms);
    if (ready < 0) {
        return atomic_load(&bell->has_signalled) ? LIVE_BELL_RUNG
                                                 : LIVE_BELL_CALLED;
    }
    if (entries[0].revents != 0) {
        hear(bell);
    }
    if (entries[1].revents != 0) {
        return LIVE_BELL_READY;
    }
    return ready == 0 ? LIVE_BELL_QUIET : LIVE_BELL_RUNG;
}

/* The timer has to know the thread; vCPUs seldom change theirs. */
static bool has_timer_here(struct live_bell *bell)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID,
                             .sigev_signo = LIVE_BELL_SIGNAL,
                             .sigev_value.sival_ptr = bell};

    if (bell->has_timer && pthread_equal(bell->thread, pthread_self())) {
        return true;
    }
    if (bell->has_timer) {
        (void)timer_delete(bell->timer);
    }
    event.sigev_notify_thread_id = gettid();
    bell->thread = pthread_self();
    bell->has_timer = timer_create(CLOCK_MONOTONIC, &event, &bell->timer) == 0;
    return bell->has_timer;
}

enum live_bell_end live_bell_read(struct live_bell *bell, int fd, void *bytes,
                                  size_t size_bytes, int64_t *result)
{
    bool has_timer = has_timer_here(bell), was_rung;
    ssize_t moved = -1;

    if (!has_timer) { /* the process has too many: the read must not wait */
        enum live_bell_end end = live_bell_poll(bell, fd, POLLIN, -1);

        if (end != LIVE_BELL_READY) {
            return end;
        }
    }
    atomic_store(&bell->has_signalled, false);
    atomic_store(&bell->is_in_read, has_timer);
    errno = EINTR;
    if (!atomic_load(&bell->is_rung)) {
        moved = read(fd, bytes, size_bytes);
    }
    *result = moved >= 0 ? moved : -errno;
    atomic_store(&bell->is_in_read, false);
    was_rung = atomic_load(&bell->has_signalled);
    if (was_rung) {
        (void)timer_settime(bell->timer, 0, &stopped, NULL);
    }
    if (atomic_load(&bell->is_rung)) {
        hear(bell);
        was_rung = true;
    }
    if (*result != -EINTR) {
        return LIVE_BELL_READY;
    }
    return was_rung ? LIVE_BELL_RUNG : LIVE_BELL_CALLED;
}
