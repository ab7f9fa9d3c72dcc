/* SPDX-License-Identifier: MIT */
/*
 * The engine against a slow, obviously right one: an array that is searched
 * from end to end for the event due next. Both get the same random calls, from
 * outside and from inside handlers, and must do the same.
 */
#include "event/event.h"

#include <stdlib.h>
#include <string.h>

#include "archive_rig.h"
#include "base/rng.h"
#include "suite.h"

enum {
    SIGABRT_NUMBER = 6,
    EVENTS_MAX = 600,
    STEPS = 3000,
    SEEDS = 60,
    HANDLERS = 3,
};

struct waiting {
    uint64_t tick, arrival, argument, event;
    unsigned phase;
    uint16_t handler;
};

/* The judge is plain data, so that it is saved by copying it. */
struct judge {
    struct waiting waiting[EVENTS_MAX];
    uint32_t count;
    uint64_t now_tick, arrivals, fired;
    uint64_t gone; /* the number of an event that is no more */
};

static struct vmc_engine *engine;
static struct judge judge, saved;
static struct vmc_rng rng;
static uint32_t seed;
static uint64_t fire_ticks[EVENTS_MAX];
static uint32_t fire_count;

#define CHECK(condition) ck_assert_msg(condition, "seed %u", seed)

static uint32_t judge_next(void)
{
    uint32_t best = 0;

    for (uint32_t i = 1; i < judge.count; i++) {
        const struct waiting *a = &judge.waiting[i], *b = &judge.waiting[best];

        if (a->tick != b->tick     ? a->tick < b->tick
            : a->phase != b->phase ? a->phase < b->phase
                                   : a->arrival < b->arrival) {
            best = i;
        }
    }
    return best;
}

static void judge_remove(uint32_t i)
{
    judge.gone = judge.waiting[i].event;
    judge.waiting[i] = judge.waiting[--judge.count];
}

/* Every seed mixes its own kind of distances. */
static uint64_t random_span(void)
{
    switch ((seed + vmc_rng_below(&rng, 8) / 7) % 6) {
    case 0: /* ties */
        return vmc_rng_below(&rng, 4);
    case 1: /* cycles of a 2.5 GHz clock */
        return 400 * vmc_rng_below(&rng, 65);
    case 2: /* all in one far tick */
        return (UINT64_C(1) << 30) - judge.now_tick % (UINT64_C(1) << 30);
    case 3:
        return vmc_rng_below(&rng, UINT64_C(1) << 45);
    case 4: /* borders of powers of two */
        return (UINT64_C(1) << vmc_rng_below(&rng, 45)) -
               vmc_rng_below(&rng, 2);
    default: /* every size alike */
        return vmc_rng_next(&rng) >> (19 + vmc_rng_below(&rng, 45));
    }
}

static void schedule_at(uint64_t delay_ticks, unsigned phase)
{
    struct waiting *added = &judge.waiting[judge.count];

    if (judge.count == EVENTS_MAX) {
        return;
    }
    added->tick = judge.now_tick + delay_ticks;
    added->phase = phase;
    added->handler = (uint16_t)vmc_rng_below(&rng, HANDLERS);
    added->argument = vmc_rng_next(&rng);
    added->arrival = judge.arrivals++;
    added->event =
        vmc_engine_schedule(engine, delay_ticks, (enum vmc_phase)phase,
                            added->handler, added->argument);
    CHECK(added->event != VMC_EVENT_NONE);
    judge.count++;
}

static void schedule_one(void)
{
    schedule_at(random_span(), (unsigned)vmc_rng_below(&rng, VMC_PHASE_COUNT));
}

/* Many at once: of one tick and phase, or close together. Either is more than
 * the near run takes. */
static void schedule_burst(void)
{
    uint64_t apart_ticks = vmc_rng_below(&rng, 2) * 500;
    uint64_t delay_ticks = random_span();
    unsigned phase = (unsigned)vmc_rng_below(&rng, VMC_PHASE_COUNT);

    for (uint64_t i = vmc_rng_below(&rng, 150); i > 0; i--) {
        schedule_at(apart_ticks == 0 ? delay_ticks
                                     : vmc_rng_below(&rng, apart_ticks),
                    phase);
    }
}

static void cancel_one(void)
{
    uint32_t i;

    CHECK(!vmc_engine_cancel(engine, judge.gone));
    if (judge.count > 0) {
        i = (uint32_t)vmc_rng_below(&rng, judge.count);
        CHECK(vmc_engine_is_pending(engine, judge.waiting[i].event));
        CHECK(vmc_engine_cancel(engine, judge.waiting[i].event));
        judge_remove(i);
        CHECK(!vmc_engine_is_pending(engine, judge.gone));
    }
}

static void on_fire(void *device, uint64_t argument)
{
    uint32_t i = judge_next();
    const struct waiting *due = &judge.waiting[i];

    CHECK(judge.count > 0);
    CHECK(due->argument == argument);
    CHECK((char *)device - (char *)&judge == due->handler);
    CHECK(vmc_engine_now_tick(engine) == due->tick);
    CHECK(!vmc_engine_is_pending(engine, due->event));
    judge.now_tick = due->tick;
    judge.fired++;
    judge_remove(i);
    if (vmc_rng_below(&rng, 3) == 0) {
        schedule_one();
    }
    if (vmc_rng_below(&rng, 8) == 0) {
        cancel_one();
    }
}

static void check_same(void)
{
    CHECK(vmc_engine_now_tick(engine) == judge.now_tick);
    CHECK(vmc_engine_pending_count(engine) == judge.count);
    CHECK(vmc_engine_fired_count(engine) == judge.fired);
    CHECK(vmc_engine_next_tick(engine) ==
          (judge.count == 0 ? UINT64_MAX : judge.waiting[judge_next()].tick));
}

static struct vmc_engine *new_engine(uint32_t events_max)
{
    const struct vmc_engine_config config = {events_max, HANDLERS};
    struct vmc_engine *made;

    ck_assert_int_eq(vmc_engine_new(&made, &config), VMC_OK);
    for (uint16_t i = 0; i < HANDLERS; i++) {
        ck_assert_uint_eq(vmc_engine_add_handler(made, "test", i, on_fire,
                                                 (char *)&judge + i),
                          i);
    }
    return made;
}

static void random_step(char *snapshot)
{
    uint64_t fired_before = judge.fired;
    uint64_t until_tick = judge.now_tick;

    switch (vmc_rng_below(&rng, 16)) {
    case 0:
        until_tick += random_span();
        CHECK(vmc_engine_run(engine, until_tick) == judge.fired - fired_before);
        judge.now_tick = until_tick;
        break;
    case 1:
    case 2:
        CHECK(vmc_engine_step(engine) == (judge.fired > fired_before));
        break;
    case 3:
    case 4:
        cancel_one();
        break;
    case 5:
        if (vmc_rng_below(&rng, 8) == 0) {
            vmc_engine_save(engine, snapshot);
            saved = judge;
        }
        break;
    case 6:
        if (vmc_rng_below(&rng, 16) == 0) {
            schedule_burst();
        }
        break;
    case 7:
        if (vmc_rng_below(&rng, 64) == 0) {
            for (uint32_t i = judge.count; i > 0; i--) {
                cancel_one();
            }
        }
        break;
    case 8:
        if (vmc_rng_below(&rng, 32) == 0) {
            ck_assert_int_eq(vmc_engine_load(engine, snapshot), VMC_OK);
            judge = saved;
        }
        break;
    default:
        schedule_one();
    }
}

START_TEST(fires_like_a_searched_array)
{
    char *snapshot;

    seed = (uint32_t)_i;
    vmc_rng_init(&rng, seed);
    engine = new_engine(EVENTS_MAX);
    snapshot = malloc(vmc_engine_snapshot_bytes(engine));
    ck_assert_ptr_nonnull(snapshot);
    vmc_engine_save(engine, snapshot);
    saved = judge;
    for (int step = 0; step < STEPS; step++) {
        random_step(snapshot);
        check_same();
    }
    /* Handlers start fewer events than fire, so this comes to an end. */
    (void)vmc_engine_run_all(engine);
    check_same();
    CHECK(judge.count == 0);
    free(snapshot);
    vmc_engine_free(engine);
}
END_TEST

/* A load that keeps itself alive: each event that fires starts another, a
 * function of its argument alone. */
struct world {
    struct vmc_engine *engine;
    uint64_t sum;
};

static void go_on(void *device, uint64_t argument)
{
    struct world *world = device;
    uint64_t next = argument * UINT64_C(6364136223846793005) + 1442695;

    world->sum = world->sum * 31 + argument;
    vmc_engine_schedule(world->engine, (next >> 40) % 100 * (next >> 60),
                        (enum vmc_phase)(next >> 50 & 3), 0, next);
}

static struct world new_world(void)
{
    const struct vmc_engine_config config = {EVENTS_MAX, 1};
    struct world world = {0};

    ck_assert_int_eq(vmc_engine_new(&world.engine, &config), VMC_OK);
    return world;
}

static void fill_world(struct world *world)
{
    (void)vmc_engine_add_handler(world->engine, "world", 0, go_on, world);
}

START_TEST(a_loaded_engine_goes_on_as_the_saved_one)
{
    struct world first = new_world(), second = new_world();
    size_t bytes = vmc_engine_snapshot_bytes(first.engine);
    char *snapshot = malloc(bytes), *again = malloc(bytes);
    uint64_t sum_then;

    ck_assert(snapshot != NULL && again != NULL);
    fill_world(&first);
    fill_world(&second);
    for (uint64_t i = 0; i < 20 + 30 * (uint64_t)_i; i++) {
        vmc_engine_schedule(first.engine, i % 7, VMC_PHASE_WIRE, 0, i);
    }
    for (int i = 0; i < 1000 + 17 * _i; i++) {
        ck_assert(vmc_engine_step(first.engine));
    }
    memset(snapshot, 0x55, bytes);
    memset(again, 0xaa, bytes);
    vmc_engine_save(first.engine, snapshot);
    vmc_engine_save(first.engine, again);
    ck_assert_mem_eq(snapshot, again, bytes); /* every byte is written */
    sum_then = first.sum;
    for (int i = 0; i < 3000; i++) {
        ck_assert(vmc_engine_step(first.engine));
    }
    second.sum = sum_then; /* another engine, as in another process */
    ck_assert_int_eq(vmc_engine_load(second.engine, snapshot), VMC_OK);
    vmc_engine_save(second.engine, again);
    ck_assert_mem_eq(snapshot, again, bytes);
    for (int i = 0; i < 3000; i++) {
        ck_assert(vmc_engine_step(second.engine));
    }
    ck_assert_uint_eq(first.sum, second.sum);
    ck_assert_uint_eq(vmc_engine_fingerprint(first.engine),
                      vmc_engine_fingerprint(second.engine));
    vmc_engine_save(first.engine, snapshot);
    vmc_engine_save(second.engine, again);
    ck_assert_mem_eq(snapshot, again, bytes);
    free(snapshot);
    free(again);
    vmc_engine_free(first.engine);
    vmc_engine_free(second.engine);
}
END_TEST

START_TEST(an_archived_engine_goes_on_as_the_first)
{
    const struct vmc_engine_config config = {EVENTS_MAX, 2};
    struct world first = new_world(), second = new_world(), other = {0};

    fill_world(&first);
    fill_world(&second);
    for (uint64_t i = 0; i < 20; i++) {
        vmc_engine_schedule(first.engine, i % 7, VMC_PHASE_WIRE, 0, i);
    }
    for (int i = 0; i < 500; i++) {
        ck_assert(vmc_engine_step(first.engine));
    }
    ARCHIVE_CARRY(vmc_engine_archive, first.engine, second.engine);
    second.sum = first.sum;
    for (int i = 0; i < 500; i++) {
        ck_assert(vmc_engine_step(first.engine));
        ck_assert(vmc_engine_step(second.engine));
    }
    ck_assert_uint_eq(first.sum, second.sum);
    ck_assert_uint_eq(vmc_engine_fingerprint(first.engine),
                      vmc_engine_fingerprint(second.engine));
    ck_assert_int_eq(vmc_engine_new(&other.engine, &config), VMC_OK);
    (void)vmc_engine_add_handler(other.engine, "moon", 0, go_on, &other);
    ARCHIVE_REFUSE(vmc_engine_archive, first.engine, other.engine,
                   "of another engine");
    vmc_engine_free(first.engine);
    vmc_engine_free(second.engine);
    vmc_engine_free(other.engine);
}
END_TEST

static void note_tick(void *device, uint64_t argument)
{
    (void)argument;
    fire_ticks[fire_count++] = vmc_engine_now_tick(device);
}

static uint16_t set_up_small(uint32_t events_max)
{
    const struct vmc_engine_config config = {events_max, 2};

    ck_assert_int_eq(vmc_engine_new(&engine, &config), VMC_OK);
    return vmc_engine_add_handler(engine, "small", 0, note_tick, engine);
}

START_TEST(the_last_tick_is_reached)
{
    uint16_t handler = set_up_small(4);

    vmc_engine_schedule(engine, VMC_TICK_MAX, VMC_PHASE_OBSERVER, handler, 0);
    vmc_engine_schedule(engine, VMC_TICK_MAX, VMC_PHASE_WIRE, handler, 0);
    vmc_engine_schedule(engine, 1, VMC_PHASE_WIRE, handler, 0);
    ck_assert_uint_eq(vmc_engine_run(engine, VMC_TICK_MAX - 1), 1);
    vmc_engine_schedule(engine, 1, VMC_PHASE_DEVICE, handler, 0);
    ck_assert_uint_eq(vmc_engine_run(engine, VMC_TICK_MAX), 3);
    vmc_engine_schedule(engine, 0, VMC_PHASE_WIRE, handler, 0);
    ck_assert_uint_eq(vmc_engine_run_all(engine), 1);
    ck_assert_uint_eq(fire_ticks[4], VMC_TICK_MAX);
    ck_assert_uint_eq(vmc_engine_next_tick(engine), UINT64_MAX);
    ck_assert(!vmc_engine_step(engine));
    vmc_engine_free(engine);
}
END_TEST

static void count_and_stop(void *device, uint64_t argument)
{
    fire_count++;
    if (argument == 1) {
        vmc_engine_stop(device);
    }
}

START_TEST(stop_ends_the_run_after_this_event)
{
    const struct vmc_engine_config config = {8, 1};

    ck_assert_int_eq(vmc_engine_new(&engine, &config), VMC_OK);
    (void)vmc_engine_add_handler(engine, "stop", 0, count_and_stop, engine);
    for (uint64_t i = 0; i < 4; i++) {
        vmc_engine_schedule(engine, 10, VMC_PHASE_WIRE, 0, i);
    }
    ck_assert_uint_eq(vmc_engine_run(engine, 100), 2);
    ck_assert_uint_eq(vmc_engine_now_tick(engine), 10);
    ck_assert_uint_eq(vmc_engine_run(engine, 100), 2);
    ck_assert_uint_eq(vmc_engine_now_tick(engine), 100);
    vmc_engine_schedule(engine, 1, VMC_PHASE_WIRE, 0, 1);
    vmc_engine_schedule(engine, 2, VMC_PHASE_WIRE, 0, 0);
    ck_assert_uint_eq(vmc_engine_run_all(engine), 1);
    ck_assert_uint_eq(vmc_engine_run_all(engine), 1);
    ck_assert_uint_eq(vmc_engine_now_tick(engine), 102);
    vmc_engine_free(engine);
}
END_TEST

/* Each change of the run alone must show in the fingerprint. */
static uint64_t fingerprint_of(const char *kind, uint32_t instance,
                               uint64_t delay_ticks, enum vmc_phase phase,
                               uint64_t argument)
{
    const struct vmc_engine_config config = {8, 1};
    uint64_t fingerprint;

    ck_assert_int_eq(vmc_engine_new(&engine, &config), VMC_OK);
    (void)vmc_engine_add_handler(engine, kind, instance, count_and_stop,
                                 engine);
    vmc_engine_schedule(engine, delay_ticks, phase, 0, argument);
    ck_assert_uint_eq(vmc_engine_run_all(engine), 1);
    fingerprint = vmc_engine_fingerprint(engine);
    vmc_engine_free(engine);
    return fingerprint;
}

START_TEST(the_fingerprint_is_tick_phase_kind_and_instance)
{
    uint64_t plain = fingerprint_of("a", 0, 5, VMC_PHASE_WIRE, 0);

    ck_assert_uint_ne(plain, 0);
    ck_assert_uint_eq(plain, fingerprint_of("a", 0, 5, VMC_PHASE_WIRE, 9));
    ck_assert_uint_ne(plain, fingerprint_of("b", 0, 5, VMC_PHASE_WIRE, 0));
    ck_assert_uint_ne(plain, fingerprint_of("a", 1, 5, VMC_PHASE_WIRE, 0));
    ck_assert_uint_ne(plain, fingerprint_of("a", 0, 6, VMC_PHASE_WIRE, 0));
    ck_assert_uint_ne(plain, fingerprint_of("a", 0, 5, VMC_PHASE_VCPU, 0));
}
END_TEST

/* Events that are cancelled before their time must not fill the engine. */
START_TEST(cancelling_for_ever_needs_no_room)
{
    uint16_t handler = set_up_small(5);

    vmc_rng_init(&rng, 7);
    vmc_engine_schedule(engine, VMC_TICK_MAX, VMC_PHASE_WIRE, handler, 0);
    for (int i = 0; i < 200000; i++) {
        uint64_t events[4];

        for (int j = 0; j < 4; j++) {
            events[j] =
                vmc_engine_schedule(engine, vmc_rng_next(&rng) >> (20 + i % 44),
                                    VMC_PHASE_WIRE, handler, 0);
        }
        for (int j = 0; j < 4; j++) {
            ck_assert(vmc_engine_cancel(engine, events[j]));
            ck_assert(!vmc_engine_cancel(engine, events[j]));
        }
    }
    ck_assert_uint_eq(vmc_engine_pending_count(engine), 1);
    ck_assert_uint_eq(vmc_engine_run_all(engine), 1);
    vmc_engine_free(engine);
}
END_TEST

/* With that many others pending, the last cancellation is the one that makes
 * stale entries the majority: the whole batch goes in one purge. */
enum { DOOMED = 200, OTHERS = DOOMED - 65 };

static uint64_t doomed[DOOMED + 1];

static void cancel_the_others(void *device, uint64_t argument)
{
    fire_count++;
    if (argument == 0) {
        for (size_t i = 1; i < VMC_COUNT_OF(doomed); i++) {
            ck_assert(vmc_engine_cancel(device, doomed[i]));
        }
        vmc_engine_schedule(device, 1, VMC_PHASE_DEVICE, 0, 1);
        vmc_engine_schedule(device, 1, VMC_PHASE_DEVICE, 0, 2);
    }
}

/* Dense ticks in the last phase: the slot of the last key of a run begins
 * exactly where the run ends. */
START_TEST(a_run_fires_the_last_phase_of_its_last_tick)
{
    const struct vmc_engine_config config = {3000, 1};

    ck_assert_int_eq(vmc_engine_new(&engine, &config), VMC_OK);
    (void)vmc_engine_add_handler(engine, "c", 0, count_and_stop, engine);
    for (uint64_t i = 0; i < 2000; i++) {
        vmc_engine_schedule(engine, i / 100, VMC_PHASE_OBSERVER, 0, 0);
    }
    for (uint64_t tick = 0; tick < 20; tick++) {
        ck_assert_uint_eq(vmc_engine_run(engine, tick), 100);
    }
    vmc_engine_free(engine);
}
END_TEST

START_TEST(one_event_may_cancel_all_that_are_due_with_it)
{
    const struct vmc_engine_config config = {500, 1};

    ck_assert_int_eq(vmc_engine_new(&engine, &config), VMC_OK);
    (void)vmc_engine_add_handler(engine, "c", 0, cancel_the_others, engine);
    for (size_t i = 0; i < VMC_COUNT_OF(doomed); i++) {
        doomed[i] = vmc_engine_schedule(engine, 70000, VMC_PHASE_DEVICE, 0, i);
    }
    ck_assert_uint_eq(vmc_engine_run_all(engine), 3);
    ck_assert_uint_eq(vmc_engine_now_tick(engine), 70001);
    vmc_engine_free(engine);
}
END_TEST

START_TEST(a_number_that_was_never_given_is_not_pending)
{
    uint16_t handler = set_up_small(2);
    uint64_t event = vmc_engine_schedule(engine, 1, VMC_PHASE_WIRE, handler, 0);

    ck_assert(!vmc_engine_is_pending(engine, VMC_EVENT_NONE));
    ck_assert(!vmc_engine_cancel(engine, VMC_EVENT_NONE));
    ck_assert(!vmc_engine_cancel(engine, UINT64_MAX));
    ck_assert(!vmc_engine_cancel(engine, event + 1));
    ck_assert(!vmc_engine_cancel(engine, event + (UINT64_C(1) << 32)));
    ck_assert(vmc_engine_is_pending(engine, event));
    vmc_engine_free(engine);
    vmc_engine_free(NULL);
}
END_TEST

START_TEST(a_config_outside_its_limits_is_refused)
{
    static const struct vmc_engine_config configs[] = {
        {0, 1}, {(1 << 24) + 1, 1}, {1, 0}, {1, 65536}};

    for (size_t i = 0; i < VMC_COUNT_OF(configs); i++) {
        engine = (struct vmc_engine *)&judge;
        ck_assert_int_eq(vmc_engine_new(&engine, &configs[i]), VMC_E_RANGE);
        ck_assert_ptr_null(engine);
    }
}
END_TEST

/* A snapshot ends with 16 bytes for each record, the next idle one first, and
 * as many for each event. */
START_TEST(a_snapshot_with_a_broken_list_of_idle_records_is_refused)
{
    enum { RECORDS = 8, RECORD_BYTES = 16 };
    struct vmc_engine *idle = new_engine(RECORDS);
    size_t bytes = vmc_engine_snapshot_bytes(idle);
    char *snapshot = malloc(bytes), *records;

    ck_assert_ptr_nonnull(snapshot);
    records = snapshot + bytes - 2 * (size_t)RECORDS * RECORD_BYTES;
    vmc_engine_save(idle, snapshot);
    for (int i = 0; i < RECORDS; i++) {
        char *link = records + i * RECORD_BYTES;
        uint64_t next;

        memcpy(&next, link, sizeof(next));
        for (uint64_t other = 0; other <= RECORDS + 1; other++) {
            memcpy(link, &other, sizeof(other));
            ck_assert_int_eq(vmc_engine_load(idle, snapshot),
                             other == next ? VMC_OK : VMC_E_FORMAT);
        }
        memcpy(link, &next, sizeof(next));
    }
    free(snapshot);
    vmc_engine_free(idle);
}
END_TEST

START_TEST(a_foreign_snapshot_is_refused)
{
    struct vmc_engine *small = new_engine(7), *large = new_engine(8);
    size_t bytes = vmc_engine_snapshot_bytes(large);
    char *snapshot = malloc(bytes);
    uint16_t handler;

    ck_assert_ptr_nonnull(snapshot);
    ck_assert_uint_lt(vmc_engine_snapshot_bytes(small), bytes);
    vmc_engine_save(large, snapshot);
    ck_assert_int_eq(vmc_engine_load(small, snapshot), VMC_E_FORMAT);
    snapshot[0] = (char)(snapshot[0] ^ 1);
    ck_assert_int_eq(vmc_engine_load(large, snapshot), VMC_E_FORMAT);
    snapshot[0] = (char)(snapshot[0] ^ 1);
    ck_assert_int_eq(vmc_engine_load(large, snapshot), VMC_OK);
    handler = set_up_small(8);
    vmc_engine_schedule(engine, 3, VMC_PHASE_WIRE, handler, 0);
    ck_assert_int_eq(vmc_engine_load(engine, snapshot), VMC_E_FORMAT);
    ck_assert_uint_eq(vmc_engine_next_tick(engine), 3); /* unchanged */
    free(snapshot);
    vmc_engine_free(small);
    vmc_engine_free(large);
    vmc_engine_free(engine);
}
END_TEST

/* An explorer takes thousands of snapshots a second of such engines. */
START_TEST(the_snapshot_of_a_small_engine_is_small)
{
    (void)set_up_small(64);
    ck_assert_uint_le(vmc_engine_snapshot_bytes(engine), 64 * 80 + 256);
    vmc_engine_free(engine);
}
END_TEST

/* ---- Ties shuffled --------------------------------------------------------
 */
enum { TIED = 100 };

static uint64_t fired_arguments[4 * TIED];

static void note_argument(void *device, uint64_t argument)
{
    (void)device;
    fired_arguments[fire_count++] = argument;
}

static void run_shuffled(uint64_t shuffle_seed, uint32_t tied, bool in_steps)
{
    const struct vmc_engine_config config = {4 * TIED, 1};
    uint64_t cancelled = VMC_EVENT_NONE;

    fire_count = 0;
    ck_assert_int_eq(vmc_engine_new(&engine, &config), VMC_OK);
    (void)vmc_engine_add_handler(engine, "tie", 0, note_argument, NULL);
    vmc_engine_shuffle_ties(engine, shuffle_seed);
    for (uint64_t i = 0; i < tied; i++) {
        vmc_engine_schedule(engine, 5, VMC_PHASE_VCPU, 0, tied + i);
        vmc_engine_schedule(engine, 5, VMC_PHASE_DEVICE, 0, i);
        if (i == tied / 2) {
            cancelled =
                vmc_engine_schedule(engine, 5, VMC_PHASE_DEVICE, 0, 9999);
        }
        vmc_engine_schedule(engine, 6, VMC_PHASE_WIRE, 0, 2 * tied + i);
    }
    ck_assert(vmc_engine_cancel(engine, cancelled));
    for (uint64_t tick = 0; in_steps && tick < 7; tick++) {
        (void)vmc_engine_run(engine, tick);
    }
    (void)vmc_engine_run_all(engine);
    ck_assert_uint_eq(fire_count, 3 * tied);
    vmc_engine_free(engine);
}

/* Few ties lie in the near run, many in a batch. */
START_TEST(shuffled_ties_stay_in_their_tick_and_phase)
{
    uint32_t tied = _i == 0 ? 8 : TIED;
    uint64_t first_order[3 * TIED];
    uint32_t moved = 0;

    run_shuffled(1, tied, false);
    for (uint32_t group = 0; group < 3; group++) {
        uint32_t seen = 0;

        for (uint32_t i = group * tied; i < (group + 1) * tied; i++) {
            ck_assert_uint_eq(fired_arguments[i] / tied, group);
            seen += (uint32_t)fired_arguments[i];
            moved += fired_arguments[i] != i;
        }
        ck_assert_uint_eq(seen, tied * (group * tied) + tied * (tied - 1) / 2);
    }
    ck_assert_uint_gt(moved, tied);
    memcpy(first_order, fired_arguments, sizeof(first_order));
    run_shuffled(1, tied, true); /* however it is run */
    ck_assert_mem_eq(first_order, fired_arguments, 3 * tied * sizeof(uint64_t));
    run_shuffled(2, tied, false);
    ck_assert_mem_ne(first_order, fired_arguments, 3 * tied * sizeof(uint64_t));
}
END_TEST

/* Each of three ties is first about as often as any other. */
START_TEST(every_tie_may_come_first)
{
    uint32_t first[3] = {0};

    for (uint64_t shuffle_seed = 0; shuffle_seed < 3000; shuffle_seed++) {
        run_shuffled(shuffle_seed, 3, false);
        first[fired_arguments[0]]++;
    }
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_gt(first[i], 900);
        ck_assert_uint_lt(first[i], 1100);
    }
}
END_TEST

START_TEST(a_damaged_snapshot_is_refused)
{
    size_t bytes;
    unsigned char *snapshot;
    uint16_t handler = set_up_small(20);
    uint32_t refused = 0;

    for (uint64_t i = 0; i < 15; i++) {
        vmc_engine_schedule(engine, i * i, VMC_PHASE_WIRE, handler, i);
    }
    (void)vmc_engine_run(engine, 30);
    bytes = vmc_engine_snapshot_bytes(engine);
    snapshot = malloc(bytes);
    ck_assert_ptr_nonnull(snapshot);
    vmc_engine_save(engine, snapshot);
    for (size_t i = 0; i < bytes; i++) {
        struct vmc_engine *kept = engine;

        /* What is not refused must still run to its end. */
        snapshot[i] ^= 0x80;
        (void)set_up_small(20);
        if (vmc_engine_load(engine, snapshot) == VMC_OK) {
            fire_count = 0;
            (void)vmc_engine_run_all(engine);
        } else {
            refused++;
        }
        snapshot[i] ^= 0x80;
        vmc_engine_free(engine);
        engine = kept;
    }
    ck_assert_uint_gt(refused, 100);
    ck_assert_int_eq(vmc_engine_load(engine, snapshot), VMC_OK);
    free(snapshot);
    vmc_engine_free(engine);
}
END_TEST

START_TEST(our_own_mistakes_abort)
{
    uint16_t handler = set_up_small(1);

    switch (_i) {
    case 0: /* one event too many */
        vmc_engine_schedule(engine, 1, VMC_PHASE_WIRE, handler, 0);
        vmc_engine_schedule(engine, 1, VMC_PHASE_WIRE, handler, 0);
        break;
    case 1: /* beyond the last tick */
        (void)vmc_engine_run(engine, 1);
        vmc_engine_schedule(engine, VMC_TICK_MAX, VMC_PHASE_WIRE, handler, 0);
        break;
    case 2:
        vmc_engine_schedule(engine, 1, VMC_PHASE_WIRE, 1, 0);
        break;
    case 3:
        vmc_engine_schedule(engine, 1, VMC_PHASE_COUNT, handler, 0);
        break;
    case 4: /* back in time */
        (void)vmc_engine_run(engine, 5);
        (void)vmc_engine_run(engine, 4);
        break;
    default: /* a handler too many */
        (void)vmc_engine_add_handler(engine, "b", 0, note_tick, NULL);
        (void)vmc_engine_add_handler(engine, "c", 0, note_tick, NULL);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("event");
    TCase *c = tcase_create("event");

    suite_add_tcase(s, c);
    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, fires_like_a_searched_array, 0, SEEDS);
    tcase_add_loop_test(c, a_loaded_engine_goes_on_as_the_saved_one, 0, 12);
    tcase_add_test(c, an_archived_engine_goes_on_as_the_first);
    tcase_add_test(c, the_last_tick_is_reached);
    tcase_add_test(c, stop_ends_the_run_after_this_event);
    tcase_add_test(c, the_fingerprint_is_tick_phase_kind_and_instance);
    tcase_add_test(c, cancelling_for_ever_needs_no_room);
    tcase_add_test(c, a_run_fires_the_last_phase_of_its_last_tick);
    tcase_add_test(c, one_event_may_cancel_all_that_are_due_with_it);
    tcase_add_test(c, a_number_that_was_never_given_is_not_pending);
    tcase_add_test(c, a_config_outside_its_limits_is_refused);
    tcase_add_test(c, a_foreign_snapshot_is_refused);
    tcase_add_test(c, a_snapshot_with_a_broken_list_of_idle_records_is_refused);
    tcase_add_test(c, the_snapshot_of_a_small_engine_is_small);
    tcase_add_loop_test(c, shuffled_ties_stay_in_their_tick_and_phase, 0, 2);
    tcase_add_test(c, every_tie_may_come_first);
    tcase_add_test(c, a_damaged_snapshot_is_refused);
    tcase_add_loop_test_raise_signal(c, our_own_mistakes_abort, SIGABRT_NUMBER,
                                     0, 6);
    return s;
}
