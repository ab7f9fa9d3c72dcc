/* SPDX-License-Identifier: MIT */
#include "bench/replay_plugin.h"

#include <stdio.h>
#include <stdlib.h>

#include "bench/measure.h"
#include "sim/replay/replay.h"
#include "sim/replay/replay_rcu.h"
#include "sim/replay/replay_waves.h"

enum { RECORDS_MAX = 1 << 18 };

struct bench_replay {
    struct vmc_reader *reader;
    struct vmc_record *records;
    uint32_t record_count;
    FILE *nowhere;
};

static void close_replay(struct bench_replay *replay)
{
    if (replay->nowhere != NULL) {
        (void)fclose(replay->nowhere);
    }
    vmc_reader_close(replay->reader);
    free(replay->records);
    free(replay);
}

static struct bench_replay *open_replay(const char *path)
{
    struct bench_replay *replay = calloc(1, sizeof(*replay));
    const struct vmc_record *records;
    struct vmc_error error = {""};
    uint32_t count;

    if (replay == NULL) {
        return NULL;
    }
    replay->records = calloc(RECORDS_MAX, sizeof(*replay->records));
    replay->nowhere = fopen("/dev/null", "w");
    if (replay->records == NULL || replay->nowhere == NULL ||
        vmc_reader_open(&replay->reader, path, NULL, &error) != VMC_OK) {
        (void)fprintf(stderr, "%s: %s\n", path, error.text);
        close_replay(replay);
        return NULL;
    }
    while (vmc_reader_next(replay->reader, &records, &count, &error) ==
           VMC_OK) {
        for (uint32_t i = 0; i < count; i++) {
            if (replay->record_count < RECORDS_MAX) {
                replay->records[replay->record_count++] = records[i];
            }
        }
    }
    return replay;
}

static uint32_t record_count(const struct bench_replay *replay)
{
    return replay->record_count;
}

/* The sections of a replay, in their order; the last only looks on. */
static const struct replay_section *const sections[] = {
    &replay_irq, &replay_rcu, &replay_balloon, &replay_bus, &replay_waves};

enum { SECTIONS = sizeof(sections) / sizeof(sections[0]) };

static void take_all(const struct bench_replay *replay, void **states)
{
    for (uint32_t i = 0; i < replay->record_count; i++) {
        for (int s = 0; s < SECTIONS - 1; s++) {
            sections[s]->record(states[s], &replay->records[i]);
        }
    }
}

static double run_replay(const struct bench_replay *replay,
                         const char *vcd_path)
{
    const struct replay_context context = {.reader = replay->reader,
                                           .semantics = "qemu",
                                           .is_checking = true,
                                           .vcd = {.path = vcd_path}};
    struct vmc_error error = {""};
    void *states[SECTIONS] = {NULL};
    double start, seconds;

    for (int s = 0; s < SECTIONS; s++) {
        if (sections[s]->start(&states[s], &context, &error) != VMC_OK) {
            (void)fprintf(stderr, "%s\n", error.text);
            exit(EXIT_FAILURE);
        }
    }
    start = bench_seconds();
    take_all(replay, states);
    for (int s = 0; s < SECTIONS; s++) {
        json_t *json = NULL;

        (void)sections[s]->finish(states[s], &json, replay->nowhere);
        json_decref(json);
    }
    seconds = bench_seconds() - start;
    for (int s = 0; s < SECTIONS; s++) {
        sections[s]->free(states[s]);
    }
    return seconds;
}

const struct bench_replay_calls bench_replay_calls = {
    .open = open_replay,
    .record_count = record_count,
    .run = run_replay,
    .close = close_replay,
};
