/* SPDX-License-Identifier: MIT */
/* How fast schedules are searched (B1), and how soon failures are found (B6).
 *
 * Speed: each strategy on W(r,m), the readers and closers of the golden models,
 * with all rules on; stateful also with the rules off that only watch, in
 * turns, which gives their cost. The peer in the same run is a walk over the
 * same states that only copies and hashes them.
 *
 * Detection: runs until the first failure, for the ten scenarios whose hit
 * rates the specification lists, with those rates beside. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bench/measure.h"
#include "explore/search.h"
#include "sim/explore/explore_vcpu.h"

enum { ROUNDS = 5, HIT_RUNS = 4000 };

static struct explore_vcpu model;
static struct vmc_search_result result;

static struct vmc_life_program *compile(const char *path, const char *variant,
                                        int32_t readers, int32_t closers)
{
    struct vmc_life_setting settings[] = {{"r", readers}, {"m", closers}};
    const struct vmc_life_config config = {.variant = variant,
                                           .params = settings,
                                           .param_count = readers > 0 ? 2 : 0};
    struct vmc_life_program *program;
    struct vmc_error error = {""};

    if (vmc_life_compile(&program, path, &config, &error) != VMC_OK) {
        (void)fprintf(stderr, "bench_explore: %s\n", error.text);
        exit(EXIT_FAILURE);
    }
    model = (struct explore_vcpu){.program = program};
    return program;
}

/* Search; returns the seconds it took. */
static double timed(struct vmc_search_config config)
{
    double start = bench_seconds();

    config.budget.states_max = VMC_SEARCH_STATES_MAX;
    if (vmc_search(&result, &explore_vcpu_ops, &model, &config) != VMC_OK) {
        (void)fputs("bench_explore: the search failed\n", stderr);
        exit(EXIT_FAILURE);
    }
    return bench_seconds() - start;
}

static void print_speed(const char *what, double seconds)
{
    uint64_t places = result.states;

    (void)printf("%-34s %7.2f M steps/s", what,
                 (double)result.steps / seconds / 1e6);
    if (places > 0) {
        (void)printf(" %8.0f k new states/s %5.1f B each, %" PRIu64 " of them",
                     (double)places / seconds / 1e3,
                     (double)result.memory_bytes / (double)places, places);
    }
    if (result.executions > 0) {
        (void)printf(" %8.0f k runs/s",
                     (double)(result.executions + result.redundant) / seconds /
                         1e3);
    }
    (void)putchar('\n');
}

/* All rules on and off in turns: the cost of those that only watch. */
static void measure_rules(void)
{
    struct vmc_life_program *program = compile("tests/scenarios/W", NULL, 3, 2);
    const struct vmc_search_config stateful = {.strategy =
                                                   VMC_STRATEGY_STATEFUL};
    const struct vmc_search_config walk = {
        .strategy = VMC_STRATEGY_RANDOM, .runs = 50000, .seed = 1};
    double on[ROUNDS], off[ROUNDS], walk_on[ROUNDS], walk_off[ROUNDS];

    for (int i = 0; i < ROUNDS; i++) {
        program->is_unchecked = true;
        off[i] = timed(stateful);
        walk_off[i] = timed(walk);
        program->is_unchecked = false;
        on[i] = timed(stateful);
        walk_on[i] = timed(walk);
    }
    (void)timed(stateful);
    print_speed("stateful, W(3,2), all rules", bench_median(on, ROUNDS));
    (void)printf("%-34s %7.2f times as long as without rules that watch\n", "",
                 bench_median(on, ROUNDS) / bench_median(off, ROUNDS));
    (void)timed(walk);
    print_speed("random, W(3,2), all rules", bench_median(walk_on, ROUNDS));
    (void)printf("%-34s %7.2f times as long as without rules that watch\n", "",
                 bench_median(walk_on, ROUNDS) /
                     bench_median(walk_off, ROUNDS));
    vmc_life_program_free(program);
}

/* What the search cannot do without: copy a state and hash it, as often. */
static void measure_floor(void)
{
    struct vmc_life_program *program = compile("tests/scenarios/W", NULL, 3, 2);
    static struct vmc_life_state states[2];
    size_t bytes = vmc_life_state_bytes(program);
    uint64_t sum = 0, steps;
    double start, whole, floor;

    whole =
        timed((struct vmc_search_config){.strategy = VMC_STRATEGY_STATEFUL});
    steps = result.steps;
    vmc_life_start(program, &states[0]);
    start = bench_seconds();
    for (uint64_t i = 0; i < steps; i++) {
        memcpy(&states[1], &states[0], bytes);
        states[0].epoch = (uint8_t)i;
        sum += vmc_life_hash(program, &states[1]).low;
    }
    floor = bench_seconds() - start;
    (void)printf("%-34s %7.2f M/s, %zu bytes; the search takes %.1f times as "
                 "long%s\n",
                 "copy and hash alone", (double)steps / floor / 1e6, bytes,
                 whole / floor, sum == 1 ? "." : "");
    vmc_life_program_free(program);
}

static void measure_others(void)
{
    static const struct {
        const char *what;
        struct vmc_search_config config;
        int32_t readers, closers;
    } rows[] = {
        {"preemption to 3, W(3,2)",
         {.strategy = VMC_STRATEGY_PREEMPTION, .preemptions_max = 3},
         3,
         2},
        {"dpor, W(2,1)", {.strategy = VMC_STRATEGY_DPOR}, 2, 1},
        {"pct of depth 3, W(3,2)",
         {.strategy = VMC_STRATEGY_PCT, .pct_depth = 3, .runs = 50000},
         3,
         2},
    };

    for (size_t i = 0; i < VMC_COUNT_OF(rows); i++) {
        struct vmc_life_program *program = compile(
            "tests/scenarios/W", NULL, rows[i].readers, rows[i].closers);

        print_speed(rows[i].what, timed(rows[i].config));
        vmc_life_program_free(program);
    }
}

/* ---- Detection ---------------------------------------------------------- */

/* Hit rates of 4000 runs: uniform walk, then pct of depth 1, 2 and 3, as the
 * specification of the explorer has them (section 9.3). */
static const struct {
    const char *name, *variant;
    double published[4];
} scenarios[] = {
    {"S03", "bug", {.050, 0, .066, .087}},
    {"S05", "bug", {.193, .492, .459, .424}},
    {"S05", "half", {.742, 0, .110, .195}},
    {"S09", "bug", {.015, 0, .042, .051}},
    {"S11", "bug", {.065, 0, .029, .054}},
    {"S12", "bug", {.003, 0, .017, .019}},
    {"S13", "bug", {.130, 0, .089, .124}},
    {"S19", "bug", {.033, 0, .076, .077}},
    {"S20", "bug", {.080, 0, .050, .088}},
    {"S22", "bug", {.014, 0, 0, .023}},
};

static void measure_detection(void)
{
    (void)printf("\nhit rates of %d runs (published), then what finds it "
                 "first: bound, run of dpor, us of stateful\n"
                 "%-10s %14s %14s %14s %14s %6s %6s %8s\n",
                 HIT_RUNS, "scenario", "uniform", "pct d=1", "d=2", "d=3",
                 "bound", "dpor", "stateful");
    for (size_t i = 0; i < VMC_COUNT_OF(scenarios); i++) {
        char path[64];
        struct vmc_life_program *program;
        double seconds;

        (void)snprintf(path, sizeof(path), "tests/scenarios/%s",
                       scenarios[i].name);
        program = compile(path, scenarios[i].variant, 0, 0);
        (void)printf("%-4s %-5s", scenarios[i].name, scenarios[i].variant);
        for (uint32_t depth = 0; depth <= 3; depth++) {
            (void)timed((struct vmc_search_config){
                .strategy = depth == 0 ? VMC_STRATEGY_RANDOM : VMC_STRATEGY_PCT,
                .pct_depth = depth,
                .runs = HIT_RUNS,
                .seed = 1});
            (void)printf("  %5.3f (%5.3f)",
                         (double)(uint64_t)result.failing / HIT_RUNS,
                         scenarios[i].published[depth]);
        }
        (void)timed((struct vmc_search_config){
            .strategy = VMC_STRATEGY_PREEMPTION,
            .preemptions_max = VMC_SEARCH_BOUNDS_MAX - 1});
        for (uint32_t bound = 0; bound < result.bound_count; bound++) {
            if (result.bounds[bound].failing > 0) {
                (void)printf(" %6" PRIu32, bound);
                break;
            }
        }
        (void)timed((struct vmc_search_config){.strategy = VMC_STRATEGY_DPOR});
        (void)printf(" %6" PRIu64, result.first_failing);
        seconds = timed(
            (struct vmc_search_config){.strategy = VMC_STRATEGY_STATEFUL});
        (void)printf(" %8.0f\n", seconds * 1e6);
        vmc_life_program_free(program);
    }
}

int main(void)
{
    measure_rules();
    measure_floor();
    measure_others();
    measure_detection();
    return EXIT_SUCCESS;
}
