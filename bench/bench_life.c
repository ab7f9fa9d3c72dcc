/* SPDX-License-Identifier: MIT */
/* How fast scenarios run: visible steps a second with all rules on, the same
 * with the rules that cost most off, and new states a second of a search that
 * hashes every state (B1). The peer in the same run is the bare copy of a
 * state, which every search pays. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/rng.h"
#include "vcpu/life.h"
#include "vcpu/program.h"

enum { STEPS = 3000000, SLOTS = 1 << 20, DEPTH_MAX = 256 };

static double now_s(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Random runs from start to end, again and again. */
static double walk(const struct vmc_life_program *program,
                   struct vmc_life_watch *watch)
{
    static struct vmc_life_state state;
    struct vmc_life_event event;
    uint16_t steps[VMC_LIFE_STEPS_MAX];
    struct vmc_rng rng;
    double start = now_s();

    vmc_rng_init(&rng, 1);
    vmc_life_start(program, &state);
    for (uint32_t i = 0; i < STEPS; i++) {
        uint32_t count = vmc_life_enabled(program, &state, steps);

        if (count == 0 ||
            !vmc_life_step(program, &state, steps[vmc_rng_below(&rng, count)],
                           &event, watch)) {
            vmc_life_start(program, &state);
        }
    }
    return STEPS / (now_s() - start);
}

static struct vmc_hash128 *seen;
static struct vmc_life_state path[DEPTH_MAX];
static uint64_t states, edges;

static bool is_new(struct vmc_hash128 hash)
{
    size_t i = hash.low % SLOTS;

    while (seen[i].low != 0 || seen[i].high != 0) {
        if (seen[i].low == hash.low && seen[i].high == hash.high) {
            return false;
        }
        i = (i + 1) % SLOTS;
    }
    seen[i] = hash;
    return true;
}

static void search(const struct vmc_life_program *program, uint32_t depth,
                   struct vmc_life_watch *watch)
{
    size_t size_bytes = vmc_life_state_bytes(program);
    struct vmc_life_event event;
    uint16_t steps[VMC_LIFE_STEPS_MAX];
    uint32_t count = vmc_life_enabled(program, &path[depth], steps);

    for (uint32_t i = 0; i < count; i++) {
        memcpy(&path[depth + 1], &path[depth], size_bytes);
        edges++;
        if (vmc_life_step(program, &path[depth + 1], steps[i], &event, watch) &&
            is_new(vmc_life_hash(program, &path[depth + 1]))) {
            states++;
            search(program, depth + 1, watch);
        }
    }
}

static struct vmc_life_program *compile(const char *path_name, int32_t readers,
                                        int32_t closers)
{
    struct vmc_life_setting settings[] = {{"r", readers}, {"m", closers}};
    struct vmc_life_config config = {.params = settings,
                                     .param_count = readers > 0 ? 2 : 0};
    struct vmc_life_program *program;
    struct vmc_error error = {""};

    if (vmc_life_compile(&program, path_name, &config, &error) != VMC_OK) {
        (void)fprintf(stderr, "bench_life: %s\n", error.text);
        exit(EXIT_FAILURE);
    }
    return program;
}

int main(void)
{
    struct vmc_life_program *program = compile("tests/scenarios/W", 2, 2);
    static struct vmc_life_watch watch;
    double with_rules, without, start, spent;

    walk(program, &watch); /* warm */
    with_rules = walk(program, &watch);
    program->is_unchecked = true;
    without = walk(program, NULL);
    (void)printf("random runs of W(2,2), all rules   %8.2f M steps/s\n",
                 with_rules / 1e6);
    (void)printf("the same, token and order rules off  %8.2f M steps/s, "
                 "ratio %.2f\n",
                 without / 1e6, without / with_rules);
    vmc_life_program_free(program);

    program = compile("tests/scenarios/W", 3, 2);
    seen = calloc(SLOTS, sizeof(*seen));
    if (seen == NULL) {
        return EXIT_FAILURE;
    }
    memset(&watch, 0, sizeof(watch));
    vmc_life_start(program, &path[0]);
    start = now_s();
    search(program, 0, &watch);
    spent = now_s() - start;
    (void)printf("search of W(3,2)                   %8.0f k new states/s, "
                 "%.2f M steps/s, %llu states\n",
                 (double)states / spent / 1e3, (double)edges / spent / 1e6,
                 (unsigned long long)states);
    start = now_s();
    for (uint64_t i = 0; i < edges; i++) {
        memcpy(&path[1 + i % 8], &path[i % 2], vmc_life_state_bytes(program));
        __asm__ volatile("" : : "r"(path) : "memory");
    }
    (void)printf("copies of its state alone          %8.2f M/s, %zu bytes, "
                 "%.0f %% of the search\n",
                 (double)edges / (now_s() - start) / 1e6,
                 vmc_life_state_bytes(program),
                 100.0 * (now_s() - start) / spent);
    free(seen);
    vmc_life_program_free(program);
    return EXIT_SUCCESS;
}
