/* SPDX-License-Identifier: MIT */
/* Live vCPUs: called away by signals, waiting for turns, losing their region,
 * eight at once. Commands and answers of a descriptor alternate, turns come in
 * the order of arrival, nobody is forgotten. */
#include "base/rng.h"
#include "live_rig.h"

/* ---- Signals ---------------------------------------------------------------
 */

struct kicker {
    pthread_t thread;
    bool uses_signal;
    atomic_bool is_over;
    pthread_t victim;
};

static void on_signal(int number)
{
    (void)number;
}

/* Once the command is out, call the vCPU away until it comes: a signal that
 * arrives before the wait does not end it. */
static void *kick_soon(void *context)
{
    struct kicker *kicker = context;

    while (asked_count() == 0) {
        (void)poll(NULL, 0, 1);
    }
    if (!kicker->uses_signal) {
        live_vcpu_kick(&rig.vcpu);
    }
    while (kicker->uses_signal && !atomic_load(&kicker->is_over)) {
        (void)pthread_kill(kicker->victim, SIGUSR1);
        (void)poll(NULL, 0, 2);
    }
    return NULL;
}

/* TV-68. */
START_TEST(a_signal_interrupts_and_the_access_goes_on_where_it_stood)
{
    struct kicker kicker = {.uses_signal = _i >= LIVE_TRANSPORT_COUNT,
                            .victim = pthread_self()};
    struct sigaction action = {.sa_handler = on_signal};
    struct live_access access = {.offset = COUNTER, .size_bytes = 8};
    enum live_outcome outcome;

    (void)sigaction(SIGUSR1, &action, NULL);
    start((enum live_transport)(_i % LIVE_TRANSPORT_COUNT),
          (struct device_server_config){0}, 0);
    halt_device();
    ck_assert_int_eq(pthread_create(&kicker.thread, NULL, kick_soon, &kicker),
                     0);
    outcome = live_access(&rig.region, &rig.vcpu, &access);
    atomic_store(&kicker.is_over, true);
    ck_assert_int_eq(outcome, LIVE_INTERRUPTED);
    ck_assert_int_eq(pthread_join(kicker.thread, NULL), 0);
    ck_assert_uint_eq(rig.channel.machine.asked_count, 1);
    continue_device();
    ck_assert_int_eq(live_access(&rig.region, &rig.vcpu, &access), LIVE_SERVED);
    ck_assert_uint_eq(access.data, 0);
    ck_assert_uint_eq(rig.channel.machine.asked_count, 1);
    ck_assert_uint_eq(value_of(COUNTER), 1);
    stop_well();
}
END_TEST

START_TEST(another_access_after_a_signal_leaves_the_answer_to_nobody)
{
    struct live_access access = {.offset = COUNTER, .size_bytes = 8};

    start((enum live_transport)_i, (struct device_server_config){0}, 0);
    halt_device();
    live_vcpu_kick(&rig.vcpu);
    ck_assert_int_eq(live_access(&rig.region, &rig.vcpu, &access),
                     LIVE_INTERRUPTED);
    continue_device();
    ck_assert_uint_eq(value_of(CONTROL), 0x1122334455667788);
    ck_assert_uint_eq(value_of(COUNTER), 1);
    ck_assert_uint_eq(rig.channel.machine.discarded_count, 1);
    stop_well();
}
END_TEST

/* cat answers with the command itself: a read of it gives the header. */
START_TEST(an_access_elsewhere_gives_up_what_was_interrupted)
{
    static const char *const argv[] = {"sh", "-c", "exec cat <&3 >&4", NULL};
    struct live_access access = {.offset = COUNTER, .size_bytes = 8};
    struct live_end guest, device;
    struct live_channel second;
    struct live_region region;
    struct live_process process;

    start((enum live_transport)_i, (struct device_server_config){0}, 0);
    ck_assert_int_eq(
        live_ends_open(&guest, &device, (enum live_transport)_i, NULL), VMC_OK);
    ck_assert_int_eq(live_process_spawn(&process, argv, &device, -1, NULL),
                     VMC_OK);
    ck_assert_int_eq(live_channel_open(&second, &guest, 0, NULL), VMC_OK);
    live_region_add(&region, &second, 0, false);
    halt_device();
    live_vcpu_kick(&rig.vcpu);
    ck_assert_int_eq(live_access(&rig.region, &rig.vcpu, &access),
                     LIVE_INTERRUPTED);
    ck_assert_int_eq(live_access(&region, &rig.vcpu, &access), LIVE_SERVED);
    ck_assert_uint_eq(access.data, 0x1300);
    ck_assert_uint_eq(rig.channel.machine.owed_count, 1);
    ck_assert_uint_eq(rig.channel.machine.waiter_count, 0);
    continue_device();
    ck_assert_uint_eq(value_of(COUNTER), 1);
    live_channel_close(&second);
    (void)live_process_stop(&process, GRACE_MS);
    stop_well();
}
END_TEST

START_TEST(a_closed_vcpu_lets_the_others_go_on)
{
    struct live_vcpu gone;
    struct live_access access = {.offset = COUNTER, .size_bytes = 8};

    start((enum live_transport)_i, (struct device_server_config){0}, 0);
    ck_assert_int_eq(live_vcpu_open(&gone, 1, NULL), VMC_OK);
    halt_device();
    live_vcpu_kick(&gone);
    ck_assert_int_eq(live_access(&rig.region, &gone, &access),
                     LIVE_INTERRUPTED);
    continue_device();
    live_vcpu_kick(&rig.vcpu);
    ck_assert_int_eq(read8(COUNTER, &access), LIVE_INTERRUPTED);
    live_vcpu_close(&gone);
    ck_assert_uint_eq(value_of(COUNTER), 1);
    stop_well();
}
END_TEST

/* ---- Removal ---------------------------------------------------------------
 */

struct caller {
    pthread_t thread;
    struct live_vcpu vcpu;
    struct live_region *region;
    enum live_outcome outcome;
    struct live_access access;
};

static void *call_once(void *context)
{
    struct caller *caller = context;

    caller->access = (struct live_access){.offset = COUNTER, .size_bytes = 8};
    caller->outcome =
        live_access(caller->region, &caller->vcpu, &caller->access);
    return NULL;
}

static void wait_until_inside(uint32_t count)
{
    for (;;) {
        uint32_t inside;

        (void)pthread_mutex_lock(&rig.channel.lock);
        inside = rig.channel.machine.waiter_count;
        (void)pthread_mutex_unlock(&rig.channel.lock);
        if (inside == count) {
            return;
        }
        (void)poll(NULL, 0, 1);
    }
}

/* TV-72. */
START_TEST(removal_ends_who_waits_for_an_answer_that_never_comes)
{
    enum { CALLERS = 4 };
    struct caller callers[CALLERS];
    struct live_access access;

    start((enum live_transport)_i,
          (struct device_server_config){.answer = DEVICE_ANSWER_NEVER}, 0);
    for (uint32_t i = 0; i < CALLERS; i++) {
        callers[i].region = &rig.region;
        ck_assert_int_eq(live_vcpu_open(&callers[i].vcpu, 1 + i, NULL), VMC_OK);
        ck_assert_int_eq(
            pthread_create(&callers[i].thread, NULL, call_once, &callers[i]),
            0);
        wait_until_inside(1 + i);
    }
    live_region_remove(&rig.region, 20);
    for (uint32_t i = 0; i < CALLERS; i++) {
        ck_assert_int_eq(pthread_join(callers[i].thread, NULL), 0);
        ck_assert_int_eq(callers[i].outcome, LIVE_UNCLAIMED);
        live_vcpu_close(&callers[i].vcpu);
    }
    ck_assert_uint_eq(rig.region.given_up_count, 1);
    ck_assert_uint_eq(rig.channel.machine.owed_count, 1);
    ck_assert_uint_eq(rig.channel.machine.asked_count, 1);
    ck_assert_int_eq(read8(COUNTER, &access), LIVE_UNCLAIMED);
    (void)stop();
}
END_TEST

START_TEST(removal_lets_an_answer_arrive_that_is_in_time)
{
    struct caller caller = {.region = &rig.region};

    start((enum live_transport)_i, (struct device_server_config){0}, 0);
    halt_device();
    ck_assert_int_eq(live_vcpu_open(&caller.vcpu, 1, NULL), VMC_OK);
    ck_assert_int_eq(pthread_create(&caller.thread, NULL, call_once, &caller),
                     0);
    wait_until_inside(1);
    while (asked_count() == 0) {
        (void)poll(NULL, 0, 1);
    }
    continue_device();
    live_region_remove(&rig.region, GRACE_MS);
    ck_assert_int_eq(pthread_join(caller.thread, NULL), 0);
    ck_assert_int_eq(caller.outcome, LIVE_SERVED);
    ck_assert_uint_eq(caller.access.data, 0);
    live_vcpu_close(&caller.vcpu);
    stop_well();
}
END_TEST

/* TV-69. */
START_TEST(a_region_that_went_during_a_signal_is_no_region)
{
    struct live_access access = {.offset = COUNTER, .size_bytes = 8};

    start((enum live_transport)_i, (struct device_server_config){0}, 0);
    halt_device();
    live_vcpu_kick(&rig.vcpu);
    ck_assert_int_eq(live_access(&rig.region, &rig.vcpu, &access),
                     LIVE_INTERRUPTED);
    live_region_remove(&rig.region, GRACE_MS);
    ck_assert_uint_eq(rig.region.given_up_count, 1);
    continue_device();
    ck_assert_int_eq(live_access(&rig.region, &rig.vcpu, &access),
                     LIVE_UNCLAIMED);
    /* The late answer is not given to the next region on the channel. */
    live_region_add(&rig.region, &rig.channel, USER_DATA, false);
    ck_assert_uint_eq(value_of(CONTROL), 0x1122334455667788);
    stop_well();
}
END_TEST

/* A vCPU that was called away keeps the channel for its answer. Who waits
 * behind it must be told when it gives that up: it is closed, its region goes,
 * or it makes another access. */
START_TEST(who_waits_behind_an_interrupted_vcpu_is_woken)
{
    struct live_access access = {.offset = COUNTER, .size_bytes = 8};
    struct caller caller = {.region = &rig.other};
    struct live_vcpu first;

    start((enum live_transport)(_i % LIVE_TRANSPORT_COUNT),
          (struct device_server_config){0}, 0);
    halt_device();
    ck_assert_int_eq(live_vcpu_open(&first, 1, NULL), VMC_OK);
    ck_assert_int_eq(live_vcpu_open(&caller.vcpu, 2, NULL), VMC_OK);
    live_vcpu_kick(&first);
    ck_assert_int_eq(live_access(&rig.region, &first, &access),
                     LIVE_INTERRUPTED);
    ck_assert_int_eq(pthread_create(&caller.thread, NULL, call_once, &caller),
                     0);
    wait_until_inside(2);
    continue_device();
    switch (_i / LIVE_TRANSPORT_COUNT) {
    case 0:
        live_vcpu_close(&first);
        break;
    case 1:
        live_region_remove(&rig.region, 0);
        break;
    default:
        access.offset = TALLY;
        ck_assert_int_eq(live_access(&rig.region, &first, &access),
                         LIVE_SERVED);
        break;
    }
    ck_assert_int_eq(pthread_join(caller.thread, NULL), 0);
    ck_assert_int_eq(caller.outcome, LIVE_SERVED);
    ck_assert_uint_eq(caller.access.data, 1);
    live_vcpu_close(&caller.vcpu);
    if (first.bell.fd >= 0) {
        live_vcpu_close(&first);
    }
    stop_well();
}
END_TEST

/* One that is called away before its command is out holds nothing. */
START_TEST(an_interrupted_waiter_leaves_the_queue)
{
    struct live_access access = {.offset = COUNTER, .size_bytes = 8};
    struct caller caller = {.region = &rig.region};
    struct live_vcpu first, second;

    start((enum live_transport)_i, (struct device_server_config){0}, 0);
    halt_device();
    ck_assert_int_eq(live_vcpu_open(&first, 1, NULL), VMC_OK);
    ck_assert_int_eq(live_vcpu_open(&second, 2, NULL), VMC_OK);
    ck_assert_int_eq(live_vcpu_open(&caller.vcpu, 3, NULL), VMC_OK);
    live_vcpu_kick(&first);
    ck_assert_int_eq(live_access(&rig.region, &first, &access),
                     LIVE_INTERRUPTED);
    live_vcpu_kick(&second);
    ck_assert_int_eq(live_access(&rig.region, &second, &access),
                     LIVE_INTERRUPTED);
    wait_until_inside(1);
    ck_assert_int_eq(pthread_create(&caller.thread, NULL, call_once, &caller),
                     0);
    wait_until_inside(2);
    continue_device();
    live_vcpu_close(&first);
    ck_assert_int_eq(pthread_join(caller.thread, NULL), 0);
    ck_assert_int_eq(caller.outcome, LIVE_SERVED);
    ck_assert_int_eq(live_access(&rig.region, &second, &access), LIVE_SERVED);
    ck_assert_uint_eq(access.data, 2);
    live_vcpu_close(&second);
    live_vcpu_close(&caller.vcpu);
    stop_well();
}
END_TEST

/* ---- Many vCPUs ------------------------------------------------------------
 */

enum { THREADS = 8, CALLS = 1500 };

struct worker {
    pthread_t thread;
    struct live_vcpu vcpu;
    struct live_region *region;
    uint32_t served, interrupted;
    uint64_t *order; /* by arrival: the turn it had */
};

static void *work(void *context)
{
    struct worker *worker = context;
    uint64_t last = 0;

    for (uint32_t i = 0; i < CALLS; i++) {
        struct live_access access = {.offset = COUNTER, .size_bytes = 8};
        enum live_outcome outcome =
            live_access(worker->region, &worker->vcpu, &access);

        while (outcome == LIVE_INTERRUPTED) {
            worker->interrupted++;
            outcome = live_access(worker->region, &worker->vcpu, &access);
        }
        if (outcome != LIVE_SERVED || (i > 0 && access.data <= last)) {
            break;
        }
        last = access.data;
        worker->order[access.arrival] = access.turn;
        worker->served++;
    }
    return NULL;
}

static void start_workers(struct worker *workers, uint64_t *order)
{
    for (uint32_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){
            .order = order, .region = i % 2 == 0 ? &rig.region : &rig.other};
        ck_assert_int_eq(live_vcpu_open(&workers[i].vcpu, 1 + i, NULL), VMC_OK);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(
            pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
}

/* TV-70 and TV-71: two regions share the descriptor. Each vCPU gets numbers of
 * the one counter: none is lost, none is given twice, and turns come in the
 * order of arrival. */
START_TEST(eight_vcpus_take_turns_in_the_order_of_arrival)
{
    static uint64_t order[THREADS * CALLS];
    static struct worker workers[THREADS];

    start_rig((enum live_transport)_i, (struct device_server_config){0}, 0,
              true);
    start_workers(workers, order);
    for (uint32_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
        ck_assert_uint_eq(workers[i].served, CALLS);
        live_vcpu_close(&workers[i].vcpu);
    }
    for (uint64_t i = 0; i < THREADS * CALLS; i++) {
        ck_assert_uint_eq(order[i], i);
    }
    ck_assert_uint_eq(value_of(COUNTER), THREADS * CALLS);
    stop_well();
}
END_TEST

START_TEST(kicks_at_random_neither_lose_nor_double_a_command)
{
    static uint64_t order[THREADS * CALLS];
    static struct worker workers[THREADS];
    struct vmc_rng rng;
    uint64_t interrupted = 0;

    vmc_rng_init(&rng, 8);
    start((enum live_transport)_i, (struct device_server_config){0}, 0);
    start_workers(workers, order);
    for (int i = 0; i < 1000; i++) {
        live_vcpu_kick(&workers[vmc_rng_below(&rng, THREADS)].vcpu);
        (void)sched_yield();
        (void)pthread_mutex_lock(&rig.channel.lock);
        ck_assert_ptr_null(vmc_channel_check(&rig.channel.machine));
        (void)pthread_mutex_unlock(&rig.channel.lock);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
        ck_assert_uint_eq(workers[i].served, CALLS);
        interrupted += workers[i].interrupted;
        live_vcpu_close(&workers[i].vcpu);
    }
    ck_assert_uint_gt(interrupted, 0);
    ck_assert_uint_eq(value_of(COUNTER), THREADS * CALLS);
    stop_well();
}
END_TEST

struct stayer {
    pthread_t thread;
    struct live_vcpu vcpu;
    _Atomic(struct live_region *) *current; /* NULL: it is over */
    uint64_t served, unclaimed;
    bool is_wrong;
};

static void *stay(void *context)
{
    struct stayer *stayer = context;
    struct live_region *region;

    while ((region = atomic_load(stayer->current)) != NULL) {
        struct live_access access = {
            .offset = TALLY, .size_bytes = 8, .is_write = true};
        enum live_outcome outcome = live_access(region, &stayer->vcpu, &access);

        stayer->served += outcome == LIVE_SERVED;
        stayer->unclaimed += outcome == LIVE_UNCLAIMED;
        stayer->is_wrong |=
            outcome == LIVE_FAILED || outcome == LIVE_INTERRUPTED;
    }
    return NULL;
}

static uint64_t turn_count(void)
{
    uint64_t count;

    (void)pthread_mutex_lock(&rig.channel.lock);
    ck_assert_uint_eq(rig.channel.machine.waiter_count, 0);
    count = rig.channel.turn_count;
    (void)pthread_mutex_unlock(&rig.channel.lock);
    return count;
}

/* When removal has returned nobody is inside, and nobody gets in: the count of
 * served writes stands still until there is another region. The device has done
 * all of them, and those that were given up with their command out. */
START_TEST(regions_go_and_come_under_eight_vcpus)
{
    enum { TIMES = 30 };
    static struct stayer stayers[THREADS];
    static struct live_region regions[TIMES + 1];
    _Atomic(struct live_region *) current = &regions[0];
    uint64_t served = 0, unclaimed = 0, given_up = 0;

    start((enum live_transport)_i, (struct device_server_config){0}, 0);
    for (int i = 0; i <= TIMES; i++) {
        live_region_add(&regions[i], &rig.channel, USER_DATA, false);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        stayers[i] = (struct stayer){.current = &current};
        ck_assert_int_eq(live_vcpu_open(&stayers[i].vcpu, 1 + i, NULL), VMC_OK);
        ck_assert_int_eq(
            pthread_create(&stayers[i].thread, NULL, stay, &stayers[i]), 0);
    }
    for (int i = 0; i < TIMES; i++) {
        uint64_t before;

        (void)poll(NULL, 0, 3);
        live_region_remove(&regions[i], (uint64_t)i % 2 * GRACE_MS);
        before = turn_count();
        (void)poll(NULL, 0, 1);
        ck_assert_uint_eq(turn_count(), before);
        given_up += regions[i].given_up_count;
        atomic_store(&current, &regions[i + 1]);
    }
    atomic_store(&current, NULL);
    for (uint32_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(stayers[i].thread, NULL), 0);
        ck_assert(!stayers[i].is_wrong);
        served += stayers[i].served;
        unclaimed += stayers[i].unclaimed;
        live_vcpu_close(&stayers[i].vcpu);
    }
    ck_assert_uint_gt(unclaimed, 0);
    ck_assert_uint_eq(value_of(TALLY), served + given_up);
    stop_well();
}
END_TEST

START_TEST(eight_vcpus_leave_a_device_that_dies)
{
    static uint64_t order[THREADS * CALLS];
    static struct worker workers[THREADS];
    uint64_t served = 0;

    start((enum live_transport)_i,
          (struct device_server_config){.exit_after = 700}, 0);
    start_workers(workers, order);
    for (uint32_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
        served += workers[i].served;
        live_vcpu_close(&workers[i].vcpu);
    }
    ck_assert_uint_eq(served, 699);
    (void)stop();
}
END_TEST

Suite *suite(void)
{
    const TTest *const everywhere[] = {
        another_access_after_a_signal_leaves_the_answer_to_nobody,
        an_access_elsewhere_gives_up_what_was_interrupted,
        a_closed_vcpu_lets_the_others_go_on,
        an_interrupted_waiter_leaves_the_queue,
        removal_ends_who_waits_for_an_answer_that_never_comes,
        removal_lets_an_answer_arrive_that_is_in_time,
        a_region_that_went_during_a_signal_is_no_region,
        eight_vcpus_take_turns_in_the_order_of_arrival,
        kicks_at_random_neither_lose_nor_double_a_command,
        eight_vcpus_leave_a_device_that_dies,
        regions_go_and_come_under_eight_vcpus,
    };
    Suite *s = suite_create("live_vcpus");
    TCase *c = tcase_create("live_vcpus");

    suite_add_tcase(s, c);
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, count_before, NULL);
    for (size_t i = 0; i < VMC_COUNT_OF(everywhere); i++) {
        tcase_add_loop_test(c, everywhere[i], 0, LIVE_TRANSPORT_COUNT);
    }
    tcase_add_loop_test(
        c, a_signal_interrupts_and_the_access_goes_on_where_it_stood, 0,
        2 * LIVE_TRANSPORT_COUNT);
    tcase_add_loop_test(c, who_waits_behind_an_interrupted_vcpu_is_woken, 0,
                        3 * LIVE_TRANSPORT_COUNT);
    return s;
}
