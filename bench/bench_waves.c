/* SPDX-License-Identifier: MIT */
/*
 * What waveforms cost.
 *
 * Off: the same replay by two builds of the same sources, loaded into this
 * process and timed in turns. One is what everybody runs; in the other, every
 * question whether somebody is watching is compiled away. Where the pages of
 * an object happen to lie in memory makes more of a difference than that, up to
 * 8 % between two copies of the same file. So each comparison is made with many
 * fresh copies: in each of these placements the builds run in turns, and the
 * median of the ratios is taken, then the median over all placements. A second
 * copy of the first build takes part: what it differs by is the error.
 *
 * On: changes a second of the writer, beside one that calls fprintf() for each
 * change, as is usual; both write to /dev/null, so that no disk is measured.
 */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "bench/measure.h"
#include "bench/replay_plugin.h"
#include "trace/vcd.h"

enum {
    PLACES = 16,
    TURNS = 15,
    PATH_BYTES = 4096,
    CHANGES = 4000000,
    ROUNDS = 5,
    SIGNALS = 128,
};

static const char *const paths[] = {
    "traces/eiointc-4vcpu.qemu.log.zst",
    "traces/veiointc-16vcpu.qemu.log.zst",
    "traces/balloon-1g-2vcpu.qemu.log.zst",
    "traces/kvm-bios-pc.ftrace.txt.zst",
    "traces/rcu-4vcpu.ftrace.txt.zst",
};

/* ---- Off ---------------------------------------------------------------- */

struct build {
    void *object;
    const struct bench_replay_calls *calls;
};

static void copy_file(const char *from, const char *to)
{
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    char block[4096];
    size_t bytes;

    if (in == NULL || out == NULL) {
        perror(in == NULL ? from : to);
        exit(EXIT_FAILURE);
    }
    while ((bytes = fread(block, 1, sizeof(block), in)) > 0) {
        if (fwrite(block, 1, bytes, out) != bytes) {
            perror(to);
            exit(EXIT_FAILURE);
        }
    }
    (void)fclose(in);
    (void)fclose(out);
}

/* Load the object @name of @dir as a fresh file, which has pages of its own. */
static struct build load(const char *dir, const char *name)
{
    char from[PATH_BYTES], to[PATH_BYTES];
    struct build build;

    (void)snprintf(from, sizeof(from), "%s/%s", dir, name);
    (void)snprintf(to, sizeof(to), "%s/%s.copy", dir, name);
    copy_file(from, to);
    build.object = dlopen(to, RTLD_NOW | RTLD_LOCAL);
    (void)remove(to);
    build.calls =
        build.object != NULL ? dlsym(build.object, "bench_replay_calls") : NULL;
    if (build.calls == NULL) {
        (void)fprintf(stderr, "%s\n", dlerror());
        exit(EXIT_FAILURE);
    }
    return build;
}

enum { WATCHED, UNWATCHED, COPY, BUILDS };

/* The median of the ratios of what @a and @b took. */
static double ratio(double seconds[BUILDS][TURNS], int a, int b)
{
    double ratios[TURNS];

    for (int t = 0; t < TURNS; t++) {
        ratios[t] = seconds[a][t] / seconds[b][t];
    }
    return bench_median(ratios, TURNS);
}

/* All builds replay the records that the first one has read, so that they find
 * the same input in the same place. */
static void take_turns(double seconds[BUILDS][TURNS],
                       const struct build *builds,
                       const struct bench_replay *replay)
{
    for (int t = -1; t < TURNS; t++) { /* the first turn only warms up */
        for (int i = 0; i < BUILDS; i++) {
            int build = (i + t + BUILDS) % BUILDS;
            double took = builds[build].calls->run(replay, NULL);

            if (t >= 0) {
                seconds[build][t] = took;
            }
        }
    }
}

static void compare(const char *dir, const char *path)
{
    static double overhead[PLACES], noise[PLACES], rate[PLACES];

    for (int place = 0; place < PLACES; place++) {
        struct build builds[BUILDS];
        double seconds[BUILDS][TURNS];
        struct bench_replay *replay;

        for (int i = 0; i < BUILDS; i++) {
            int build = (i + place) % BUILDS;

            builds[build] = load(dir, build == UNWATCHED ? "replay-unwatched.so"
                                                         : "replay-watched.so");
        }
        replay = builds[WATCHED].calls->open(path);
        if (replay == NULL) {
            exit(EXIT_FAILURE);
        }
        take_turns(seconds, builds, replay);
        overhead[place] = ratio(seconds, WATCHED, UNWATCHED) - 1;
        noise[place] = ratio(seconds, WATCHED, COPY) - 1;
        rate[place] = builds[WATCHED].calls->record_count(replay) /
                      bench_median(seconds[WATCHED], TURNS);
        builds[WATCHED].calls->close(replay);
        for (int i = 0; i < BUILDS; i++) {
            (void)dlclose(builds[i].object);
        }
    }
    (void)printf("%-40s %11.1f %+8.2f%% %+8.2f%%\n", path,
                 bench_median(rate, PLACES) / 1e6,
                 bench_median(overhead, PLACES) * 100,
                 bench_median(noise, PLACES) * 100);
    /* Sorted by now: a quarter is below the one, a quarter above the other. */
    (void)printf("%-40s %11s %+4.1f/%+4.1f %+4.1f/%+4.1f\n",
                 "  quartiles over placements", "", overhead[PLACES / 4] * 100,
                 overhead[PLACES * 3 / 4] * 100, noise[PLACES / 4] * 100,
                 noise[PLACES * 3 / 4] * 100);
}

static void show_off(const char *dir)
{
    (void)printf("%-40s %11s %9s %9s\n", "replay, nobody watching",
                 "M records/s", "overhead", "of itself");
    for (size_t p = 0; p < sizeof(paths) / sizeof(paths[0]); p++) {
        compare(dir, paths[p]);
    }
}

/* ---- On ----------------------------------------------------------------- */

/* What is written: widths of signals, and what they change to. */
struct load {
    const char *name;
    uint32_t width_bits;
    uint32_t changes_a_tick;
};

static const struct load loads[] = {
    {"one bit, each at its own time", 1, 1},
    {"one bit, four at a time", 1, 4},
    {"eight bits, each at its own time", 8, 1},
    {"64 bits, each at its own time", 64, 1},
};

/* The next value: different from @value, so that it is a change. */
static uint64_t next_value(const struct load *work, struct vmc_rng *rng,
                           uint64_t value)
{
    uint64_t mask = UINT64_MAX >> (64 - work->width_bits);
    uint64_t next = work->width_bits == 1 ? value ^ 1 : vmc_rng_next(rng);

    next &= mask;
    return next != value ? next : next ^ 1;
}

/* Values and times are drawn before, for they cost as much as writing. */
struct change {
    uint64_t tick, value;
    uint32_t signal;
};

static void draw(struct change *changes, const struct load *work)
{
    uint64_t values[SIGNALS] = {0}, tick = UINT64_C(3000000000000);
    struct vmc_rng rng;

    vmc_rng_init(&rng, 1);
    for (int i = 0; i < CHANGES; i++) {
        uint32_t signal = (uint32_t)vmc_rng_below(&rng, SIGNALS);

        if (i % (int)work->changes_a_tick == 0) {
            tick += 1 + vmc_rng_below(&rng, 1000000);
        }
        values[signal] = next_value(work, &rng, values[signal]);
        changes[i] = (struct change){tick, values[signal], signal};
    }
}

static double write_ours(const struct change *changes, const struct load *work,
                         FILE *to)
{
    const struct vmc_vcd_config config = {NULL, 0, UINT64_MAX, SIGNALS};
    struct vmc_vcd *vcd;
    double start = bench_seconds();

    if (vmc_vcd_new(&vcd, to, &config, NULL) != VMC_OK) {
        exit(EXIT_FAILURE);
    }
    for (uint32_t i = 0; i < SIGNALS; i++) {
        char name[32];

        (void)snprintf(name, sizeof(name), "s%u", (unsigned)i);
        vmc_vcd_set(vcd, vmc_vcd_add(vcd, name, work->width_bits), 0);
    }
    for (int i = 0; i < CHANGES; i++) {
        vmc_vcd_change(vcd, changes[i].tick, changes[i].signal,
                       changes[i].value);
    }
    (void)vmc_vcd_end(vcd, changes[CHANGES - 1].tick);
    if (vmc_vcd_change_count(vcd) != CHANGES) {
        (void)fprintf(stderr, "not all changes were written\n");
    }
    vmc_vcd_free(vcd);
    return bench_seconds() - start;
}

static double write_plainly(const struct change *changes,
                            const struct load *work, FILE *to)
{
    uint64_t shown_tick = UINT64_MAX;
    double start = bench_seconds();

    for (int i = 0; i < CHANGES; i++) {
        if (changes[i].tick != shown_tick) {
            (void)fprintf(to, "#%" PRIu64 "\n", changes[i].tick);
            shown_tick = changes[i].tick;
        }
        if (work->width_bits == 1) {
            (void)fprintf(to, "%u!%u\n", (unsigned)changes[i].value,
                          (unsigned)changes[i].signal);
        } else {
            char bits[65] = "";
            uint32_t at = 0;

            for (uint32_t bit = work->width_bits; bit > 0; bit--) {
                bits[at++] =
                    (changes[i].value >> (bit - 1) & 1) != 0 ? '1' : '0';
            }
            (void)fprintf(to, "b%s !%u\n", bits, (unsigned)changes[i].signal);
        }
    }
    return bench_seconds() - start;
}

static void show_on(void)
{
    struct change *changes = calloc(CHANGES, sizeof(*changes));
    FILE *nowhere = fopen("/dev/null", "w");

    if (changes == NULL || nowhere == NULL) {
        exit(EXIT_FAILURE);
    }
    (void)printf("\n%-40s %11s %9s %9s\n", "waveform, changes written", "M/s",
                 "fprintf", "ratio");
    for (size_t l = 0; l < sizeof(loads) / sizeof(loads[0]); l++) {
        double ours[ROUNDS], theirs[ROUNDS], a, b;

        draw(changes, &loads[l]);
        for (int r = 0; r < ROUNDS; r++) {
            ours[r] = write_ours(changes, &loads[l], nowhere);
            theirs[r] = write_plainly(changes, &loads[l], nowhere);
        }
        a = CHANGES / bench_median(ours, ROUNDS) / 1e6;
        b = CHANGES / bench_median(theirs, ROUNDS) / 1e6;
        (void)printf("%-40s %11.1f %9.1f %9.1f\n", loads[l].name, a, b, a / b);
    }
    (void)fclose(nowhere);
    free(changes);
}

/* A whole replay with a waveform of all signals. */
static void show_replay(const char *dir)
{
    struct build build = load(dir, "replay-watched.so");
    struct bench_replay *replay = build.calls->open(paths[0]);
    double with[ROUNDS * 3], without[ROUNDS * 3];

    if (replay == NULL) {
        exit(EXIT_FAILURE);
    }
    for (int r = 0; r < ROUNDS * 3; r++) {
        with[r] = build.calls->run(replay, "/dev/null");
        without[r] = build.calls->run(replay, NULL);
    }
    (void)printf("\n%-40s %11.2f times as long\n",
                 "replay with a waveform of all signals",
                 bench_median(with, ROUNDS * 3) /
                     bench_median(without, ROUNDS * 3));
    build.calls->close(replay);
    (void)dlclose(build.object);
}

int main(int argc, char **argv)
{
    char dir[PATH_BYTES];
    char *slash;

    /* The builds to compare lie beside this program. */
    (void)snprintf(dir, sizeof(dir), "%s", argc > 0 ? argv[0] : "");
    slash = strrchr(dir, '/');
    if (slash == NULL) {
        (void)fprintf(stderr, "run it by its path\n");
        return EXIT_FAILURE;
    }
    *slash = '\0';
    show_off(dir);
    show_on();
    show_replay(dir);
    return EXIT_SUCCESS;
}
