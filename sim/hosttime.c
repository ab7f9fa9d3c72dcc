/* SPDX-License-Identifier: MIT */
#include "sim/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_EVERY = 100000, SHOW_AFTER_MS = 1000, SHOW_EVERY_MS = 200 };

int64_t host_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint64_t host_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void progress_start(struct progress *progress, const char *what,
                    const char *unit)
{
    *progress = (struct progress){.what = what,
                                  .unit = unit,
                                  .next_look = LOOK_EVERY,
                                  .start_ms = host_now_ms(),
                                  .is_terminal = isatty(STDERR_FILENO) != 0};
    progress->shown_ms = progress->start_ms + SHOW_AFTER_MS - SHOW_EVERY_MS;
}

void progress_add(struct progress *progress, uint64_t count)
{
    int64_t now_ms;

    progress->done += count;
    if (!progress->is_terminal || progress->done < progress->next_look) {
        return;
    }
    progress->next_look = progress->done + LOOK_EVERY;
    now_ms = host_now_ms();
    if (now_ms - progress->shown_ms >= SHOW_EVERY_MS) {
        progress->shown_ms = now_ms;
        (void)fprintf(stderr, "\r%s: %" PRIu64 " %s, %" PRId64 " s",
                      progress->what, progress->done, progress->unit,
                      (now_ms - progress->start_ms) / 1000);
        (void)fflush(stderr);
    }
}

void progress_end(struct progress *progress)
{
    if (progress->is_terminal &&
        progress->shown_ms >= progress->start_ms + SHOW_AFTER_MS) {
        (void)fprintf(stderr, "\r\033[K");
    }
}
