/* SPDX-License-Identifier: MIT */
/*
 * Every strategy, on models whose numbers are known, and on random ones, where
 * the judge is a search that remembers nothing: it runs every schedule.
 */
#include "explore/search.h"

#include <string.h>

#include "base/rng.h"
#include "suite.h"
#include "toy_model.h"

static struct vmc_search_result result;

static const struct vmc_search_budget large = {.states_max = 1 << 20};

static void search(struct toy *toy, enum vmc_strategy strategy)
{
    const struct vmc_search_config config = {
        .strategy = strategy,
        .budget = large,
        .preemptions_max = VMC_SEARCH_BOUNDS_MAX - 1,
        .pct_depth = 2,
        .runs = 2000,
        .seed = 1,
    };

    ck_assert_int_eq(vmc_search(&result, &toy_ops, toy, &config), VMC_OK);
}

/* ---- The judge ---------------------------------------------------------- */

struct judge {
    uint64_t schedules, failing;
    uint64_t within[VMC_SEARCH_BOUNDS_MAX]; /* exactly so many preemptions */
    uint64_t failing_within[VMC_SEARCH_BOUNDS_MAX];
    uint64_t limit;
};

static void judge_end(struct judge *judge, uint32_t preemptions, bool is_good)
{
    judge->schedules++;
    judge->failing += !is_good;
    if (preemptions < VMC_SEARCH_BOUNDS_MAX) {
        judge->within[preemptions]++;
        judge->failing_within[preemptions] += !is_good;
    }
}

static void judge_all(struct judge *judge, struct toy *toy,
                      const struct toy_state *state, uint32_t last,
                      uint32_t preemptions)
{
    uint16_t steps[VMC_MODEL_STEPS_MAX];
    uint32_t count = toy_enabled(toy, state, steps), rule;
    bool can_go_on = false;

    if (judge->schedules > judge->limit) {
        return;
    }
    if (count == 0) {
        judge_end(judge, preemptions, toy_finish(toy, state, &rule));
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        can_go_on = can_go_on || steps[i] / 2 == last;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct toy_state next = *state;
        uint32_t task = steps[i] / 2;
        uint32_t now = preemptions + (can_go_on && task != last);

        if (toy_step(toy, &next, steps[i], &rule)) {
            judge_all(judge, toy, &next, task, now);
        } else {
            judge_end(judge, now, false);
        }
    }
}

static struct judge judge_of(struct toy *toy)
{
    struct judge judge = {.limit = 40000};
    struct toy_state state;

    toy_start(toy, &state);
    toy->end_count = 0;
    judge_all(&judge, toy, &state, TOY_TASKS, 0);
    return judge;
}

/* ---- Random models ------------------------------------------------------ */

static struct toy random_toy(uint64_t seed)
{
    static const uint8_t ops[] = {TOY_READ, TOY_WRITE, TOY_ADD,   TOY_CHOOSE,
                                  TOY_READ, TOY_WRITE, TOY_AWAIT, TOY_LOCK};
    struct toy toy = {.may_deadlock = seed % 2 == 0};
    struct vmc_rng rng;

    vmc_rng_init(&rng, seed);
    toy.start_count = 2 + (uint32_t)vmc_rng_below(&rng, 2);
    toy.bad_value = (uint32_t)vmc_rng_below(&rng, 16);
    for (uint32_t task = 0; task < 4; task++) {
        uint32_t length = 1 + (uint32_t)vmc_rng_below(&rng, 3), at = 0;

        while (at < length) {
            struct toy_instr *instr = &toy.code[task][at++];

            instr->op = ops[vmc_rng_below(&rng, sizeof(ops))];
            instr->var = (uint8_t)vmc_rng_below(&rng, 2);
            if (instr->op == TOY_LOCK) { /* around what follows */
                toy.code[task][at] = (struct toy_instr){TOY_WRITE, 0};
                toy.code[task][at + 1] =
                    (struct toy_instr){TOY_UNLOCK, instr->var};
                break;
            }
        }
        if (task == 0 && seed % 3 == 0) {
            toy.code[0][0].op = TOY_SPAWN;
        }
        if (task == 1 && seed % 5 == 0) {
            toy.code[1][1] = (struct toy_instr){TOY_NEVER, 0};
        }
    }
    return toy;
}

START_TEST(counts_are_those_of_running_every_schedule)
{
    uint32_t judged = 0, failed = 0;

    for (uint64_t seed = 0; seed < 300; seed++) {
        struct toy toy = random_toy(seed);
        struct judge judge = judge_of(&toy);
        uint64_t schedules = 0, failing = 0;

        if (judge.schedules > judge.limit) {
            continue;
        }
        judged++;
        failed += judge.failing > 0;
        search(&toy, VMC_STRATEGY_STATEFUL);
        ck_assert(result.counts_are_exact);
        ck_assert_uint_eq((uint64_t)result.schedules, judge.schedules);
        ck_assert_uint_eq((uint64_t)result.failing, judge.failing);
        ck_assert(result.has_schedule == (judge.failing > 0));
        search(&toy, VMC_STRATEGY_PREEMPTION);
        for (uint32_t i = 0; i < result.bound_count; i++) {
            schedules += judge.within[i];
            failing += judge.failing_within[i];
            ck_assert_uint_eq((uint64_t)result.bounds[i].schedules, schedules);
            ck_assert_uint_eq((uint64_t)result.bounds[i].failing, failing);
            ck_assert(result.bounds[i].is_all ==
                      (schedules == judge.schedules));
        }
        ck_assert((result.guarantee == VMC_EXHAUSTIVE) ==
                  (schedules == judge.schedules));
    }
    ck_assert_uint_gt(judged, 200);
    ck_assert_uint_gt(failed, 50);
    ck_assert_uint_lt(failed, judged - 50);
}
END_TEST

static bool has_end(const struct toy *toy, struct vmc_hash128 hash)
{
    for (uint32_t i = 0; i < toy->end_count; i++) {
        if (toy->ends[i].low == hash.low) {
            return true;
        }
    }
    return false;
}

START_TEST(dpor_comes_to_every_end_and_no_other)
{
    uint64_t runs = 0, schedules = 0;

    for (uint64_t seed = 0; seed < 4000; seed++) {
        struct toy toy = random_toy(seed), reduced = toy;
        bool has_failed, is_broken;

        search(&toy, VMC_STRATEGY_STATEFUL);
        schedules += (uint64_t)result.schedules;
        has_failed = result.failing > 0;
        is_broken = result.has_schedule && result.rule == 2;
        search(&reduced, VMC_STRATEGY_DPOR);
        runs += result.executions + result.redundant;
        ck_assert_int_eq(result.guarantee, VMC_EXHAUSTIVE);
        ck_assert_msg(has_failed == (result.failing > 0), "seed %d", (int)seed);
        ck_assert(result.executions <= schedules);
        if (is_broken || result.rule == 2) {
            continue; /* runs were cut short, so ends may be missed */
        }
        ck_assert_msg(toy.end_count == reduced.end_count,
                      "seed %d: %u ends, %u by dpor", (int)seed, toy.end_count,
                      reduced.end_count);
        for (uint32_t i = 0; i < toy.end_count; i++) {
            ck_assert(has_end(&reduced, toy.ends[i]));
        }
    }
    ck_assert_uint_lt(10 * runs, schedules);
}
END_TEST

/* ---- Known ones --------------------------------------------------------- */

/* What DPOR has to run: one schedule for each order of what meets. */
static const struct {
    const char *what;
    struct toy toy;
    uint64_t executions, failing, redundant;
} reductions[] = {
    {"nothing meets",
     {.start_count = 3,
      .code = {{{TOY_WRITE, 0}, {TOY_WRITE, 0}},
               {{TOY_WRITE, 1}, {TOY_WRITE, 1}},
               {{TOY_WRITE, 2}, {TOY_WRITE, 2}}}},
     1,
     0,
     0},
    {"three writers of one variable: 3!",
     {.start_count = 3,
      .code = {{{TOY_WRITE, 0}}, {{TOY_WRITE, 0}}, {{TOY_WRITE, 0}}}},
     6,
     0,
     0},
    {"readers do not meet",
     {.start_count = 3,
      .code = {{{TOY_READ, 0}}, {{TOY_READ, 0}}, {{TOY_READ, 0}}}},
     1,
     0,
     0},
    {"what commutes does not meet",
     {.start_count = 3,
      .code = {{{TOY_ADD, 0}}, {{TOY_ADD, 0}}, {{TOY_ADD, 0}}}},
     1,
     0,
     0},
    {"a writer before, between or after two readers: 4",
     {.start_count = 3,
      .code = {{{TOY_WRITE, 0}}, {{TOY_READ, 0}}, {{TOY_READ, 0}}}},
     4,
     0,
     0},
    {"a choice is made both ways",
     {.start_count = 1, .code = {{{TOY_CHOOSE, 0}, {TOY_WRITE, 0}}}},
     2,
     0,
     0},
    {"two locks in two orders: three runs, one of them a deadlock",
     {.start_count = 2,
      .code =
          {{{TOY_LOCK, 0}, {TOY_LOCK, 1}, {TOY_UNLOCK, 1}, {TOY_UNLOCK, 0}},
           {{TOY_LOCK, 1}, {TOY_LOCK, 0}, {TOY_UNLOCK, 0}, {TOY_UNLOCK, 1}}}},
     3,
     1,
     1},
    {"who is waited for must come first",
     {.start_count = 2,
      .code = {{{TOY_AWAIT, 0}, {TOY_TEST, 0}}, {{TOY_WRITE, 0}}}},
     1,
     0,
     0},
    {"what a spawner did before is before what it spawned",
     {.start_count = 2,
      .code = {{{TOY_WRITE, 0}, {TOY_SPAWN, 0}},
               {{TOY_WRITE, 1}},
               {{TOY_WRITE, 0}}}},
     1,
     0,
     0},
    {"a spawned task comes after its spawner, and not before the other",
     {.start_count = 2,
      .code = {{{TOY_SPAWN, 0}}, {{TOY_WRITE, 0}}, {{TOY_NEVER, 0}}}},
     2,
     1,
     0},
};

START_TEST(dpor_runs_one_schedule_for_each_order_of_what_meets)
{
    struct toy toy = reductions[_i].toy;

    search(&toy, VMC_STRATEGY_DPOR);
    ck_assert_msg(result.executions == reductions[_i].executions &&
                      (uint64_t)result.failing == reductions[_i].failing,
                  "%s: %d runs, %d fail", reductions[_i].what,
                  (int)result.executions, (int)result.failing);
    ck_assert(result.is_complete &&
              result.redundant == reductions[_i].redundant);
}
END_TEST

/* A lost update: both read before either writes. */
static const struct toy lost_update = {
    .start_count = 2,
    .bad_value = 1, /* task 0 writes 1 if it read 0; so it wrote last */
    .code = {{{TOY_READ, 0}, {TOY_WRITE, 0}}, {{TOY_READ, 0}, {TOY_WRITE, 0}}},
};

START_TEST(every_strategy_finds_a_lost_update)
{
    static const struct {
        enum vmc_strategy strategy;
        enum vmc_guarantee guarantee;
    } found[] = {
        {VMC_STRATEGY_STATEFUL, VMC_EXHAUSTIVE},
        {VMC_STRATEGY_PREEMPTION, VMC_EXHAUSTIVE},
        {VMC_STRATEGY_DPOR, VMC_EXHAUSTIVE},
        {VMC_STRATEGY_PCT, VMC_SAMPLED},
        {VMC_STRATEGY_RANDOM, VMC_SAMPLED},
        {VMC_STRATEGY_LADDER, VMC_EXHAUSTIVE},
    };
    struct toy toy = lost_update;
    struct toy_state state;
    uint32_t rule = 0;

    search(&toy, found[_i].strategy);
    ck_assert_int_eq(result.guarantee, found[_i].guarantee);
    ck_assert(result.has_schedule && result.failing > 0);
    ck_assert_uint_eq(result.rule, 3);
    toy_start(&toy, &state);
    for (uint32_t i = 0; i < result.schedule.step_count; i++) {
        ck_assert(toy_step(&toy, &state, result.schedule.steps[i], &rule));
    }
    ck_assert(!toy_finish(&toy, &state, &rule));
}
END_TEST

START_TEST(chances_are_exact_where_they_can_be_counted)
{
    struct toy toy = lost_update;
    uint64_t runs = 2000, failing;

    /* 6 schedules; those that fail are 0 1 1 0 and 1 0 1 0. A walk takes each
     * of its first two or three steps with 1/2: 1/8 each. */
    search(&toy, VMC_STRATEGY_STATEFUL);
    ck_assert_uint_eq((uint64_t)result.schedules, 6);
    ck_assert_uint_eq((uint64_t)result.failing, 2);
    ck_assert_uint_eq(result.failure_q62, VMC_CERTAIN_Q62 / 4);
    search(&toy, VMC_STRATEGY_RANDOM);
    failing = (uint64_t)result.failing;
    ck_assert_uint_eq(result.executions, runs);
    ck_assert(failing > runs / 5 && failing < 3 * runs / 10);
    /* 2 tasks, 4 steps, depth 2: at least one run in eight. */
    search(&toy, VMC_STRATEGY_PCT);
    ck_assert_uint_eq(result.pct_q62, VMC_CERTAIN_Q62 / 8);
    ck_assert((uint64_t)result.failing > runs / 9);
}
END_TEST

START_TEST(samples_depend_on_the_seed_and_on_nothing_else)
{
    static const enum vmc_strategy strategies[] = {VMC_STRATEGY_PCT,
                                                   VMC_STRATEGY_RANDOM};
    static struct vmc_search_result again;

    for (size_t i = 0; i < VMC_COUNT_OF(strategies); i++) {
        struct vmc_search_config config = {
            .strategy = strategies[i],
            .budget = large,
            .pct_depth = 2,
            .runs = 500,
            .seed = 7,
        };
        struct toy toy = lost_update;

        ck_assert_int_eq(vmc_search(&result, &toy_ops, &toy, &config), VMC_OK);
        ck_assert_int_eq(vmc_search(&again, &toy_ops, &toy, &config), VMC_OK);
        ck_assert_uint_eq(result.first_failing, again.first_failing);
        ck_assert_uint_eq(result.steps, again.steps);
        ck_assert((uint64_t)result.failing == (uint64_t)again.failing);
        config.seed = 8;
        ck_assert_int_eq(vmc_search(&again, &toy_ops, &toy, &config), VMC_OK);
        ck_assert((uint64_t)result.failing != (uint64_t)again.failing);
    }
}
END_TEST

/* Five tasks of five steps each that all meet: too many for any budget here.
 */
static struct toy crowd(void)
{
    struct toy toy = {.start_count = 5};

    for (uint32_t task = 0; task < 5; task++) {
        for (uint32_t i = 0; i < 5; i++) {
            toy.code[task][i] = (struct toy_instr){TOY_WRITE, (uint8_t)(i % 3)};
        }
    }
    return toy;
}

static bool is_late(void *context, uint64_t steps)
{
    uint32_t *asked = context;

    (void)steps;
    return ++*asked > 10;
}

START_TEST(what_was_not_all_is_never_exhaustive)
{
    static const struct {
        enum vmc_strategy strategy;
        enum vmc_guarantee guarantee;
    } rows[] = {
        {VMC_STRATEGY_STATEFUL, VMC_BOUNDED},
        {VMC_STRATEGY_PREEMPTION, VMC_BOUNDED},
        {VMC_STRATEGY_DPOR, VMC_BOUNDED},
        {VMC_STRATEGY_PCT, VMC_SAMPLED},
        {VMC_STRATEGY_RANDOM, VMC_SAMPLED},
        {VMC_STRATEGY_LADDER, VMC_BOUNDED},
    };
    struct toy toy = crowd();
    uint32_t asked = 0;
    struct vmc_search_config config = {
        .strategy = rows[_i].strategy,
        .budget = {.states_max = 1 << 20, .steps_max = 3000},
        .preemptions_max = 3,
        .pct_depth = 3,
        .runs = 1 << 20,
    };

    ck_assert_int_eq(vmc_search(&result, &toy_ops, &toy, &config), VMC_OK);
    ck_assert_int_eq(result.guarantee, rows[_i].guarantee);
    ck_assert(!result.is_complete && !result.counts_are_exact);
    ck_assert(result.steps <= 3000);
    ck_assert(rows[_i].strategy == VMC_STRATEGY_LADDER ||
              result.limit == VMC_LIMIT_STEPS);
    config.budget = (struct vmc_search_budget){
        .states_max = 1 << 20, .is_over = is_late, .context = &asked};
    ck_assert_int_eq(vmc_search(&result, &toy_ops, &toy, &config), VMC_OK);
    ck_assert_int_eq(result.guarantee, rows[_i].guarantee);
    ck_assert(!result.is_complete);
    ck_assert(asked > 10);
}
END_TEST

START_TEST(bounds_that_were_searched_are_complete_in_themselves)
{
    struct toy toy = crowd();
    const struct vmc_search_config config = {
        .strategy = VMC_STRATEGY_PREEMPTION,
        .budget = large,
        .preemptions_max = 0,
    };

    ck_assert_int_eq(vmc_search(&result, &toy_ops, &toy, &config), VMC_OK);
    ck_assert_uint_eq((uint64_t)result.schedules, 120); /* 5! */
    ck_assert_int_eq(result.guarantee, VMC_BOUNDED);
    ck_assert(result.is_complete && !result.bounds[0].is_all);
}
END_TEST

START_TEST(the_ladder_goes_on_where_states_do_not_suffice)
{
    struct toy toy = lost_update;
    struct vmc_search_config config = {.strategy = VMC_STRATEGY_LADDER,
                                       .budget = {.states_max = 2}};

    toy.bad_value = 0;
    ck_assert_int_eq(vmc_search(&result, &toy_ops, &toy, &config), VMC_OK);
    ck_assert_int_eq(result.strategy, VMC_STRATEGY_DPOR);
    ck_assert_int_eq(result.guarantee, VMC_EXHAUSTIVE);
    ck_assert(result.is_complete && !result.has_schedule);
    toy = lost_update;
    ck_assert_int_eq(vmc_search(&result, &toy_ops, &toy, &config), VMC_OK);
    ck_assert(result.has_schedule);
}
END_TEST

START_TEST(a_bound_is_all_that_a_ladder_may_reach)
{
    struct vmc_model_ops ops = toy_ops;
    struct toy toy = crowd();
    const struct vmc_search_config config = {.strategy = VMC_STRATEGY_LADDER,
                                             .budget = {.states_max = 60000}};

    ops.footprint = NULL; /* so that there is no dpor */
    ck_assert_int_eq(vmc_search(&result, &ops, &toy, &config), VMC_OK);
    ck_assert_int_eq(result.strategy, VMC_STRATEGY_PREEMPTION);
    ck_assert_int_eq(result.guarantee, VMC_BOUNDED);
    ck_assert_uint_eq(result.bound_count, 3);
    ck_assert(!result.is_complete && !result.has_schedule);
}
END_TEST

START_TEST(names_of_strategies_are_found_again)
{
    enum vmc_strategy none;

    for (int i = 0; i < VMC_STRATEGY_COUNT; i++) {
        enum vmc_strategy strategy = VMC_STRATEGY_COUNT;

        ck_assert(vmc_strategy_find(&strategy,
                                    vmc_strategy_name((enum vmc_strategy)i)));
        ck_assert_int_eq((int)strategy, i);
    }
    ck_assert(!vmc_strategy_find(&none, "luck"));
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("explore");
    TCase *c = tcase_create("strategies");

    suite_add_tcase(s, c);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, counts_are_those_of_running_every_schedule);
    tcase_add_test(c, dpor_comes_to_every_end_and_no_other);
    tcase_add_loop_test(c, dpor_runs_one_schedule_for_each_order_of_what_meets,
                        0, (int)VMC_COUNT_OF(reductions));
    tcase_add_loop_test(c, every_strategy_finds_a_lost_update, 0,
                        VMC_STRATEGY_COUNT);
    tcase_add_test(c, chances_are_exact_where_they_can_be_counted);
    tcase_add_test(c, samples_depend_on_the_seed_and_on_nothing_else);
    tcase_add_loop_test(c, what_was_not_all_is_never_exhaustive, 0,
                        VMC_STRATEGY_COUNT);
    tcase_add_test(c, bounds_that_were_searched_are_complete_in_themselves);
    tcase_add_test(c, the_ladder_goes_on_where_states_do_not_suffice);
    tcase_add_test(c, a_bound_is_all_that_a_ladder_may_reach);
    tcase_add_test(c, names_of_strategies_are_found_again);
    return s;
}
