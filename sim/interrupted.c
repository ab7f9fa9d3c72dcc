/* SPDX-License-Identifier: MIT */
/*
 * A handler may do little: it notes the signal. Ways of waiting would not
 * notice that, because calls of the system are restarted, and because the
 * signal may come just before the call:
 *
 *   read()     The handler puts /dev/null in the place of the descriptor. The
 *              call that is restarted, or made next, finds the end of a file.
 *   waitpid(), The signals are blocked but while sigsuspend() or ppoll() waits,
 *   accept()   for them as for a child or a peer.
 */
#include "sim/interrupted.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base.h"
#include "sim/progress.h"

static const int watched[] = {SIGINT, SIGTERM};

/* A handler has no other way to know. */
static atomic_int came;
static atomic_int_least64_t came_ms;
static atomic_bool has_cut;
static atomic_int input_fd = -1, nothing_fd = -1;

static void end_input(void)
{
    int fd = atomic_load(&input_fd);

    if (fd >= 0) {
        (void)dup2(atomic_load(&nothing_fd), fd);
    }
}

static void note(int number)
{
    int none = 0, before = errno;

    if (atomic_compare_exchange_strong(&came, &none, number)) {
        atomic_store(&came_ms, host_now_ms());
        end_input();
    } else if (host_now_ms() - atomic_load(&came_ms) >= INTERRUPTED_ONE_MS) {
        (void)signal(number, SIG_DFL);
        (void)raise(number); /* as soon as this returns */
    }
    errno = before;
}

void interrupted_watch(void)
{
    struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};

    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < VMC_COUNT_OF(watched); i++) {
        (void)sigaddset(&action.sa_mask, watched[i]);
    }
    for (size_t i = 0; i < VMC_COUNT_OF(watched); i++) {
        struct sigaction old;

        if (sigaction(watched[i], NULL, &old) == 0 &&
            old.sa_handler != SIG_IGN) {
            (void)sigaction(watched[i], &action, NULL);
        }
    }
}

bool interrupted(void)
{
    return atomic_load_explicit(&came, memory_order_relaxed) != 0;
}

bool interrupted_ends(void)
{
    if (interrupted()) {
        atomic_store(&has_cut, true);
    }
    return interrupted();
}

bool interrupted_cut(void)
{
    return atomic_load(&has_cut);
}

const char *interrupted_name(void)
{
    int number = atomic_load(&came);

    return number == SIGINT ? "SIGINT" : number == SIGTERM ? "SIGTERM" : "";
}

int interrupted_exit(int end)
{
    int number = atomic_load(&came);

    return number != 0 ? 128 + number : end;
}

void interrupted_input(int fd)
{
    if (fd >= 0 && atomic_load(&nothing_fd) < 0) {
        atomic_store(&nothing_fd, open("/dev/null", O_RDONLY | O_CLOEXEC));
    }
    atomic_store(&input_fd, atomic_load(&nothing_fd) >= 0 ? fd : -1);
    if (interrupted()) {
        end_input(); /* the handler came before it knew the descriptor */
    }
}

enum vmc_status interrupted_open(struct vmc_reader **out, const char *path,
                                 const char *meta_path, struct vmc_error *error)
{
    enum vmc_status status;

    if (strcmp(path, "-") == 0) {
        interrupted_input(STDIN_FILENO);
    }
    status = vmc_reader_open(out, path, meta_path, error);
    if (status == VMC_OK) {
        vmc_reader_stop_when(*out, interrupted_ends);
    }
    return status;
}

/* Block what is watched; *@inside is what waiting is to block instead. */
static void hold_back(sigset_t *before, sigset_t *inside)
{
    sigset_t held;

    (void)sigemptyset(&held);
    for (size_t i = 0; i < VMC_COUNT_OF(watched); i++) {
        (void)sigaddset(&held, watched[i]);
    }
    (void)sigaddset(&held, SIGCHLD);
    (void)pthread_sigmask(SIG_BLOCK, &held, before);
    *inside = *before;
    (void)sigdelset(inside, SIGCHLD);
}

bool interrupted_poll(int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    sigset_t before, inside;
    int ready = 0;

    hold_back(&before, &inside);
    while (ready <= 0 && !interrupted()) {
        ready = ppoll(&entry, 1, NULL, &inside);
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ready > 0;
}

/* Its only purpose is to end sigsuspend(). */
static void child_ended(int number)
{
    (void)number;
}

pid_t interrupted_wait(int *wait_status)
{
    struct sigaction action = {.sa_handler = child_ended,
                               .sa_flags = SA_RESTART},
                     old_action;
    sigset_t before, inside;
    pid_t pid;

    (void)sigemptyset(&action.sa_mask);
    hold_back(&before, &inside);
    (void)sigaction(SIGCHLD, &action, &old_action);
    while ((pid = waitpid(-1, wait_status, WNOHANG)) == 0 && !interrupted()) {
        (void)sigsuspend(&inside);
    }
    (void)sigaction(SIGCHLD, &old_action, NULL);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pid;
}

void interrupted_tell(json_t *root, FILE *table, bool is_partial,
                      const char *what)
{
    if (root != NULL) {
        json_object_set_new(root, "interrupted", json_boolean(is_partial));
    }
    if (!is_partial) {
        return;
    }
    (void)fprintf(table, "interrupted  by %s after %s: this is not the whole\n",
                  interrupted_name(), what);
    if (table != stderr) {
        (void)fprintf(stderr,
                      "vmcycle: interrupted by %s after %s; what is written "
                      "is of these alone, and says so\n",
                      interrupted_name(), what);
    }
}
