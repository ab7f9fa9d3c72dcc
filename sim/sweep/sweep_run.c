/* SPDX-License-Identifier: MIT */
/*
 * The parent only starts and waits. A dealer says which points are its own to
 * run: all that are left of a range here, or what another process hands out.
 */
#include "sim/sweep/sweep_run.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/command.h"
#include "sim/interrupted.h"
#include "sim/progress.h"
#include "sim/report/report.h"
#include "sim/sweep/sweep_point.h"
#include "stats/outfile.h"

enum { PATH_BYTES_MAX = 4096, NAP_US_MIN = 50, NAP_US_MAX = 2000 };

static void path_of(char *path, const char *dir, const char *name)
{
    (void)snprintf(path, PATH_BYTES_MAX, "%s/%s", dir, name);
}

/* ---- The folder --------------------------------------------------------- */

/* True when @file holds what @sweep was read from. */
static bool is_equal(FILE *file, const struct sweep *sweep)
{
    size_t at = 0;
    int c;

    while ((c = getc(file)) != EOF && at < sweep->source_bytes &&
           (unsigned char)sweep->source[at] == c) {
        at++;
    }
    return c == EOF && at == sweep->source_bytes;
}

static enum vmc_status write_source(const char *path, const struct sweep *sweep,
                                    struct vmc_error *error)
{
    struct vmc_outfile *out;
    enum vmc_status status = vmc_outfile_open(&out, path, error);

    if (status != VMC_OK) {
        return status;
    }
    (void)fwrite(sweep->source, 1, sweep->source_bytes,
                 vmc_outfile_stream(out));
    return vmc_outfile_commit(out, error);
}

enum vmc_status sweep_open_folder(const char *dir, const struct sweep *sweep,
                                  struct vmc_error *error)
{
    char path[PATH_BYTES_MAX];
    FILE *kept;
    enum vmc_status status = report_make_folder(dir, error);
    int lock;

    path_of(path, dir, "points");
    if (status == VMC_OK) {
        status = report_make_folder(path, error);
    }
    if (status != VMC_OK) {
        return status;
    }
    lock = sweep_lock(dir);
    path_of(path, dir, "sweep.ini");
    kept = fopen(path, "re");
    if (kept == NULL) {
        status = errno == ENOENT ? write_source(path, sweep, error)
                                 : vmc_fail(error, VMC_E_IO, "%s: %s", path,
                                            strerror(errno));
    } else {
        if (!is_equal(kept, sweep)) {
            status = vmc_fail(error, VMC_E_FORMAT,
                              "%s: holds another sweep than %s; expected an "
                              "empty folder or one of the same file",
                              dir, sweep->path);
        }
        (void)fclose(kept);
    }
    sweep_unlock(lock);
    return status;
}

/* ---- Workers ------------------------------------------------------------ */

struct worker {
    pid_t pid; /* 0: idle */
    uint32_t point;
    int64_t start_ms;
};

static enum vmc_status start(struct worker *worker, const struct sweep_run *run,
                             struct sweep_dealer *dealer, uint32_t point,
                             struct vmc_error *error)
{
    const struct sweep_place place = {run->sweep, run->dir, run->program};
    pid_t pid = dealer->start != NULL ? dealer->start(dealer, point, error)
                                      : sweep_point_start(&place, point, error);

    if (pid < 0) {
        return VMC_E_IO;
    }
    *worker = (struct worker){pid, point, host_now_ms()};
    return VMC_OK;
}

/* Take what one child left; the place of its worker is free again. */
static enum vmc_status end_worker(struct worker *worker, int wait_status,
                                  const struct sweep_run *run,
                                  struct sweep_dealer *dealer,
                                  struct vmc_error *error)
{
    const struct sweep_place place = {run->sweep, run->dir, run->program};
    struct sweep_outcome outcome = {.point = worker->point,
                                    .exit_status =
                                        sweep_exit_status(wait_status),
                                    .ms = host_now_ms() - worker->start_ms};

    worker->pid = 0;
    sweep_point_end(&place, outcome.point);
    return dealer->take(dealer, &outcome, error);
}

/* Look for a child that has ended; wait for one when @waits. *@has_ended says
 * whether one has. */
static enum vmc_status reap(struct worker *workers, const struct sweep_run *run,
                            bool waits, bool *has_ended,
                            struct sweep_dealer *dealer,
                            struct vmc_error *error)
{
    int wait_status;
    pid_t pid;

    *has_ended = false;
    do {
        pid = waits ? interrupted_wait(&wait_status)
                    : waitpid(-1, &wait_status, WNOHANG);
    } while (pid < 0 && errno == EINTR);
    for (uint32_t i = 0; i < run->workers && pid > 0; i++) {
        if (workers[i].pid == pid) {
            *has_ended = true;
            return end_worker(&workers[i], wait_status, run, dealer, error);
        }
    }
    return pid >= 0 ? VMC_OK
                    : vmc_fail(error, VMC_E_IO, "cannot wait for a worker: %s",
                               strerror(errno));
}

/* Sleep longer the longer nothing has happened: short points are answered at
 * once, and long ones leave the processor to themselves. */
static void nap(uint32_t *nap_us)
{
    struct timespec pause = {.tv_nsec = (long)*nap_us * 1000};

    (void)nanosleep(&pause, NULL);
    *nap_us = *nap_us * 2 < NAP_US_MAX ? *nap_us * 2 : NAP_US_MAX;
}

/* A signal came: those that are under way end, too, and soon. */
static void end_all(const struct worker *workers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (workers[i].pid != 0) {
            (void)kill(workers[i].pid, SIGTERM);
        }
    }
}

enum vmc_status sweep_run_dealt(const struct sweep_run *run,
                                struct sweep_dealer *dealer,
                                struct vmc_error *error)
{
    struct worker workers[SWEEP_WORKERS_MAX] = {{0}};
    uint32_t busy = 0, nap_us = NAP_US_MIN;
    enum vmc_status status = VMC_OK;
    enum sweep_deal deal = SWEEP_LATER;
    bool is_ending = false;

    assert(run->workers >= 1 && run->workers <= SWEEP_WORKERS_MAX);
    while (status == VMC_OK && (deal != SWEEP_OVER || busy > 0)) {
        bool has_acted = false, has_ended = false;

        if (interrupted() && !is_ending) {
            is_ending = true;
            end_all(workers, run->workers);
        }
        if (dealer->must_serve) {
            status = dealer->serve(dealer, &has_acted, error);
        }
        for (uint32_t i = 0; i < run->workers && status == VMC_OK; i++) {
            uint32_t point;

            if (workers[i].pid != 0) {
                continue;
            }
            deal = dealer->next(dealer, &point);
            if (deal != SWEEP_DEAL) {
                break;
            }
            status = start(&workers[i], run, dealer, point, error);
            busy += status == VMC_OK;
            has_acted = true;
        }
        if (status == VMC_OK && busy > 0) {
            status = reap(workers, run, !dealer->must_serve, &has_ended, dealer,
                          error);
            busy -= has_ended;
        }
        if (has_acted || has_ended) {
            nap_us = NAP_US_MIN;
        } else if (deal != SWEEP_OVER || busy > 0) {
            nap(&nap_us);
        }
    }
    while (busy > 0 && waitpid(-1, NULL, 0) > 0) {
        busy--; /* those that were under way when something failed */
    }
    return status;
}

/* ---- Points of this process alone ---------------------------------------- */

static enum sweep_deal deal_own(struct sweep_dealer *dealer, uint32_t *point)
{
    struct sweep_own_dealer *own =
        VMC_CONTAINER_OF(dealer, struct sweep_own_dealer, dealer);

    while (own->point <= own->run->last &&
           own->states[own->point] == SWEEP_ENDED) {
        own->run->skipped++;
        own->point++;
    }
    *point = own->point;
    if (own->point > own->run->last) {
        return SWEEP_OVER;
    }
    if (interrupted()) {
        own->run->is_cut = true;
        return SWEEP_OVER;
    }
    own->point++;
    return SWEEP_DEAL;
}

void sweep_own_count(struct sweep_own_dealer *own,
                     const struct sweep_outcome *outcome)
{
    own->run->ran++;
    own->run->mismatched += outcome->exit_status == EXIT_MISMATCH;
    own->run->failed += !sweep_has_ended(outcome->exit_status);
    progress_add(&own->progress, 1);
}

static enum vmc_status take_own(struct sweep_dealer *dealer,
                                const struct sweep_outcome *outcome,
                                struct vmc_error *error)
{
    struct sweep_own_dealer *own =
        VMC_CONTAINER_OF(dealer, struct sweep_own_dealer, dealer);

    if (interrupted() && !sweep_has_ended(outcome->exit_status)) {
        own->run->is_cut = true; /* as if it had never begun */
        return VMC_OK;
    }
    sweep_own_count(own, outcome);
    return sweep_log_add(own->run->sweep, own->run->dir, outcome, error);
}

static enum vmc_status serve_nobody(struct sweep_dealer *dealer,
                                    bool *has_acted, struct vmc_error *error)
{
    (void)dealer;
    (void)has_acted;
    (void)error;
    return VMC_OK;
}

enum vmc_status sweep_own_start(struct sweep_own_dealer *own,
                                struct sweep_run *run, struct vmc_error *error)
{
    *own = (struct sweep_own_dealer){
        .dealer = {.next = deal_own, .take = take_own, .serve = serve_nobody},
        .run = run,
        .states = calloc((size_t)run->sweep->point_count + 1, 1),
        .point = run->first};
    progress_start(&own->progress, "sweep", "points");
    return own->states != NULL
               ? sweep_log_read(run->sweep, run->dir, own->states, error)
               : VMC_E_NOMEM;
}

void sweep_own_end(struct sweep_own_dealer *own)
{
    progress_end(&own->progress);
    free(own->states);
}

enum vmc_status sweep_run_points(struct sweep_run *run, struct vmc_error *error)
{
    struct sweep_own_dealer own;
    struct sweep_dealer *shared = NULL;
    enum vmc_status status = sweep_own_start(&own, run, error);

    if (status == VMC_OK) {
        status = sweep_share_new(&shared, &own);
    }
    if (status == VMC_OK) {
        status =
            sweep_run_dealt(run, shared != NULL ? shared : &own.dealer, error);
    }
    sweep_share_free(shared);
    sweep_own_end(&own);
    return status;
}
