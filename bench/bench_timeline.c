/* SPDX-License-Identifier: MIT */
/*
 * Timelines: events a second into a file, beside fprintf() of the same text.
 *
 * Rows: what, million events/s (medians of batches).
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "bench/measure.h"
#include "trace/timeline.h"

enum { BATCHES = 7, ROUNDS = 200000, EVENTS_IN_ROUND = 4 };

static FILE *file;

/* A slice with an arrow into it, and a counter. */
static bool write_events(void)
{
    struct vmc_timeline *timeline;
    uint32_t group, track;

    rewind(file);
    if (vmc_timeline_new(&timeline, file) != VMC_OK) {
        return false;
    }
    group = vmc_timeline_add_group(timeline, "vCPUs");
    track = vmc_timeline_add_track(timeline, group, "vCPU 0");
    for (uint64_t i = 0; i < ROUNDS; i++) {
        uint64_t tick = i * 12345678;

        vmc_timeline_begin(timeline, track, tick, "handler");
        vmc_timeline_flow_in(timeline, track, tick, i, "interrupt");
        vmc_timeline_counter(timeline, group, tick, "pending", i % 5);
        vmc_timeline_end(timeline, track, tick + 1234567);
    }
    (void)vmc_timeline_finish(timeline);
    vmc_timeline_free(timeline);
    return true;
}

static bool print_events(void)
{
    rewind(file);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        double us = (double)(i * 12345678) / 1e6;

        (void)fprintf(file,
                      ",\n{\"ph\":\"B\",\"pid\":1,\"tid\":1,\"ts\":%.6f,"
                      "\"name\":\"%s\"}",
                      us, "handler");
        (void)fprintf(file,
                      ",\n{\"ph\":\"f\",\"pid\":1,\"tid\":1,\"ts\":%.6f,"
                      "\"cat\":\"flow\",\"bp\":\"e\",\"id\":%" PRIu64
                      ",\"name\":\"%s\"}",
                      us, i, "interrupt");
        (void)fprintf(file,
                      ",\n{\"ph\":\"C\",\"pid\":1,\"tid\":1,\"ts\":%.6f,"
                      "\"name\":\"%s\",\"args\":{\"value\":%" PRIu64 "}}",
                      us, "pending", i % 5);
        (void)fprintf(file, ",\n{\"ph\":\"E\",\"pid\":1,\"tid\":1,\"ts\":%.6f}",
                      us + 1.234567);
    }
    return true;
}

static double batch_rate(bool (*work)(void))
{
    double rates[BATCHES];

    if (!work()) {
        return 0;
    }
    for (int i = 0; i < BATCHES; i++) {
        double seconds = bench_seconds();

        (void)work();
        rates[i] = ROUNDS * (double)EVENTS_IN_ROUND / 1e6 /
                   (bench_seconds() - seconds);
    }
    return bench_median(rates, BATCHES);
}

int main(void)
{
    double ours, peer;

    file = tmpfile();
    if (file == NULL) {
        return 1;
    }
    ours = batch_rate(write_events);
    peer = batch_rate(print_events);
    (void)printf("timeline, M events/s  %6.2f   fprintf %6.2f   ratio %.1f\n",
                 ours, peer, ours / peer);
    (void)fclose(file);
    return 0;
}
