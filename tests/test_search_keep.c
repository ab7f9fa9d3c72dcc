/* SPDX-License-Identifier: MIT */
/*
 * Searches that are kept and gone on with: wherever that is, by whichever
 * strategy, on models with and without failures, the result is that of the
 * search that nobody kept, byte for byte, and so is what the model has noted.
 */
#include "base/rng.h"
#include "explore/search.h"

#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "toy_model.h"

enum { MODELS = 12, PLACES = 7 };

/* A random model: two or three tasks of up to four instructions. */
static void make_toy(struct toy *toy, uint64_t seed)
{
    static const uint8_t ops[] = {TOY_READ, TOY_WRITE,  TOY_ADD,
                                  TOY_ADD,  TOY_CHOOSE, TOY_AWAIT};
    struct vmc_rng rng;

    memset(toy, 0, sizeof(*toy));
    vmc_rng_init(&rng, seed);
    toy->start_count = 2 + (uint32_t)vmc_rng_below(&rng, 2);
    toy->bad_value = (uint32_t)vmc_rng_below(&rng, 12);
    toy->may_deadlock = seed % 2 == 0;
    for (uint32_t task = 0; task < toy->start_count; task++) {
        uint32_t length = 2 + (uint32_t)vmc_rng_below(&rng, 3);

        for (uint32_t at = 0; at < length; at++) {
            toy->code[task][at] =
                (struct toy_instr){ops[vmc_rng_below(&rng, sizeof(ops))],
                                   (uint8_t)vmc_rng_below(&rng, 2)};
        }
    }
}

static void archive_toy(void *model, struct vmc_archive *archive)
{
    struct toy *toy = model;

    VMC_ARCHIVE(archive, toy->ends);
    VMC_ARCHIVE(archive, toy->end_count);
}

/* Keeps the search once, at the chance number @wanted, and ends it then. */
struct keeper {
    struct vmc_search_keeper head;
    uint64_t chances, wanted;
    uint32_t own; /* something that the keeper itself must know */
    unsigned char *bytes;
    size_t size_bytes;
    bool goes_on;
};

static bool is_due(void *context, uint64_t done)
{
    struct keeper *keeper = context;

    (void)done;
    return keeper->chances++ == keeper->wanted;
}

static void archive_own(void *context, struct vmc_archive *archive)
{
    struct keeper *keeper = context;

    VMC_ARCHIVE(archive, keeper->own);
}

static enum vmc_status keep(void *context, const struct vmc_archive *where)
{
    struct keeper *keeper = context;
    const void *data = vmc_archive_data(where, &keeper->size_bytes);

    keeper->bytes = malloc(keeper->size_bytes);
    ck_assert_ptr_nonnull(keeper->bytes);
    memcpy(keeper->bytes, data, keeper->size_bytes);
    return keeper->goes_on ? VMC_OK : VMC_E_IO;
}

static struct keeper keeper_at(uint64_t wanted)
{
    return (struct keeper){
        .head = {.is_due = is_due, .archive = archive_own, .keep = keep},
        .wanted = wanted,
        .own = 7};
}

static enum vmc_status search(struct vmc_search_result *result, struct toy *toy,
                              enum vmc_strategy strategy, struct keeper *keeper)
{
    struct vmc_search_config config = {
        .strategy = strategy,
        .keeper = keeper != NULL ? &keeper->head : NULL,
        /* With few states a ladder goes on to its last rungs. */
        .budget = {.states_max =
                       strategy == VMC_STRATEGY_LADDER ? 40 : 1 << 20},
        .preemptions_max = 3,
        .pct_depth = 2,
        .runs = 60,
        .seed = 5};
    struct vmc_model_ops ops = toy_ops;

    ops.archive = archive_toy;
    if (strategy == VMC_STRATEGY_LADDER) {
        ops.footprint = NULL;
    }
    if (keeper != NULL) {
        keeper->head.context = keeper;
    }
    memset(result, 0, sizeof(*result));
    return vmc_search(result, &ops, toy, &config);
}

static struct toy whole_toy, toy;
static struct vmc_search_result whole, result;

/* Keep at @wanted, then go on in a new search on a new model. */
static void go_on_from(enum vmc_strategy strategy, uint64_t seed,
                       uint64_t wanted)
{
    struct keeper first = keeper_at(wanted), second = keeper_at(UINT64_MAX);

    make_toy(&toy, seed);
    ck_assert_int_eq(search(&result, &toy, strategy, &first), VMC_E_IO);
    make_toy(&toy, seed);
    second.own = 0;
    ck_assert_int_eq(
        vmc_archive_open(&second.head.resume, first.bytes, first.size_bytes),
        VMC_OK);
    ck_assert_int_eq(search(&result, &toy, strategy, &second), VMC_OK);
    ck_assert_msg(memcmp(&result, &whole, sizeof(whole)) == 0,
                  "%s, model %d, kept at %d: another result",
                  vmc_strategy_name(strategy), (int)seed, (int)wanted);
    ck_assert_msg(memcmp(&toy, &whole_toy, sizeof(toy)) == 0,
                  "%s, model %d, kept at %d: other notes",
                  vmc_strategy_name(strategy), (int)seed, (int)wanted);
    ck_assert_uint_eq(second.own, 7);
    vmc_archive_free(second.head.resume);
    free(first.bytes);
}

START_TEST(a_search_goes_on_from_anywhere_to_the_same_end)
{
    enum vmc_strategy strategy = (enum vmc_strategy)_i;

    for (uint64_t seed = 0; seed < MODELS; seed++) {
        struct keeper counting = keeper_at(UINT64_MAX);

        make_toy(&whole_toy, seed);
        ck_assert_int_eq(search(&whole, &whole_toy, strategy, NULL), VMC_OK);
        make_toy(&toy, seed);
        ck_assert_int_eq(search(&result, &toy, strategy, &counting), VMC_OK);
        ck_assert_msg(memcmp(&result, &whole, sizeof(whole)) == 0,
                      "to be asked changes nothing");
        ck_assert_uint_ge(counting.chances, 2);
        for (uint64_t i = 0; i < PLACES; i++) {
            go_on_from(strategy, seed, i * (counting.chances - 1) / PLACES);
        }
        go_on_from(strategy, seed, counting.chances - 1);
    }
}
END_TEST

START_TEST(keeping_does_not_disturb)
{
    struct keeper keeper = keeper_at(9);

    keeper.goes_on = true;
    make_toy(&whole_toy, 3);
    make_toy(&toy, 3);
    ck_assert_int_eq(search(&whole, &whole_toy, VMC_STRATEGY_STATEFUL, NULL),
                     VMC_OK);
    ck_assert_int_eq(search(&result, &toy, VMC_STRATEGY_STATEFUL, &keeper),
                     VMC_OK);
    ck_assert_ptr_nonnull(keeper.bytes);
    ck_assert_int_eq(memcmp(&result, &whole, sizeof(whole)), 0);
    free(keeper.bytes);
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
    struct keeper first = keeper_at(9);

    make_toy(&toy, 3);
    ck_assert_int_eq(search(&result, &toy, VMC_STRATEGY_STATEFUL, &first),
                     VMC_E_IO);
    /* Cut anywhere, and of another strategy. */
    for (size_t bytes = 0; bytes < first.size_bytes; bytes += 97) {
        struct keeper second = keeper_at(UINT64_MAX);

        ck_assert_int_eq(
            vmc_archive_open(&second.head.resume, first.bytes, bytes), VMC_OK);
        ck_assert_int_eq(search(&result, &toy, VMC_STRATEGY_STATEFUL, &second),
                         VMC_E_FORMAT);
        vmc_archive_free(second.head.resume);
    }
    for (int i = 0; i < VMC_STRATEGY_COUNT; i++) {
        struct keeper second = keeper_at(UINT64_MAX);
        enum vmc_status expected =
            i == VMC_STRATEGY_STATEFUL ? VMC_OK : VMC_E_FORMAT;

        ck_assert_int_eq(vmc_archive_open(&second.head.resume, first.bytes,
                                          first.size_bytes),
                         VMC_OK);
        ck_assert_int_eq(search(&result, &toy, (enum vmc_strategy)i, &second),
                         expected);
        vmc_archive_free(second.head.resume);
    }
    free(first.bytes);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("search_keep");
    TCase *c = tcase_create("keep");

    suite_add_tcase(s, c);
    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, a_search_goes_on_from_anywhere_to_the_same_end, 0,
                        VMC_STRATEGY_COUNT);
    tcase_add_test(c, keeping_does_not_disturb);
    tcase_add_test(c, what_does_not_fit_is_refused);
    return s;
}
