/* SPDX-License-Identifier: MIT */
/* A bell ends every wait, whenever it is rung: also between the last look and
 * the read. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sim/live/live_bell.h"
#include "suite.h"

enum { ROUNDS = 20000, BYTES = 8 };

static struct live_bell bell;
static int fds[2];

static void set_up(void)
{
    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(live_bell_open(&bell, NULL), VMC_OK);
}

static void tear_down(void)
{
    live_bell_close(&bell);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static enum live_bell_end wait_in_read(int64_t *result)
{
    char bytes[BYTES];

    return live_bell_read(&bell, fds[0], bytes, sizeof(bytes), result);
}

START_TEST(a_read_gives_what_read_gives)
{
    char bytes[BYTES] = "";
    int64_t result = -1;

    ck_assert_int_eq(write(fds[1], "abc", 3), 3);
    ck_assert_int_eq(
        live_bell_read(&bell, fds[0], bytes, sizeof(bytes), &result),
        LIVE_BELL_READY);
    ck_assert_int_eq(result, 3);
    ck_assert_int_eq(memcmp(bytes, "abc", 3), 0);
    ck_assert_int_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    ck_assert_int_eq(wait_in_read(&result), LIVE_BELL_READY);
    ck_assert_int_eq(result, -EAGAIN);
    ck_assert_int_eq(fcntl(fds[0], F_SETFL, 0), 0);
    ck_assert_int_eq(close(fds[1]), 0);
    fds[1] = -1;
    ck_assert_int_eq(wait_in_read(&result), LIVE_BELL_READY);
    ck_assert_int_eq(result, 0);
}
END_TEST

START_TEST(a_bell_that_rang_before_ends_the_next_wait_and_no_other)
{
    int64_t result = 0;

    live_bell_ring(&bell);
    ck_assert_int_eq(wait_in_read(&result), LIVE_BELL_RUNG);
    ck_assert_int_eq(live_bell_poll(&bell, fds[0], POLLIN, 0), LIVE_BELL_QUIET);
    live_bell_ring(&bell);
    live_bell_ring(&bell);
    ck_assert_int_eq(live_bell_poll(&bell, fds[0], POLLIN, -1), LIVE_BELL_RUNG);
    ck_assert_int_eq(write(fds[1], "a", 1), 1);
    ck_assert_int_eq(wait_in_read(&result), LIVE_BELL_READY);
    ck_assert_int_eq(result, 1);
}
END_TEST

START_TEST(a_poll_says_which_of_the_two_it_was)
{
    ck_assert_int_eq(live_bell_poll(&bell, -1, 0, 1), LIVE_BELL_QUIET);
    ck_assert_int_eq(write(fds[1], "a", 1), 1);
    ck_assert_int_eq(live_bell_poll(&bell, fds[0], POLLIN, -1),
                     LIVE_BELL_READY);
    live_bell_ring(&bell);
    ck_assert_int_eq(live_bell_poll(&bell, -1, 0, -1), LIVE_BELL_RUNG);
}
END_TEST

/* ---- Two threads -----------------------------------------------------------
 */

static atomic_uint asked_count, heard_count;
static atomic_bool is_over;

/* Ring as soon as the last ring was heard: at every place of the way to the
 * next wait. */
static void *ring_often(void *context)
{
    (void)context;
    for (unsigned i = 1; i <= ROUNDS; i++) {
        atomic_store(&asked_count, i);
        live_bell_ring(&bell);
        while (atomic_load(&heard_count) != i) {
        }
        for (unsigned spin = 0; spin < i % 512; spin++) {
            (void)atomic_load(&heard_count);
        }
    }
    return NULL;
}

START_TEST(no_ring_is_lost_between_looking_and_reading)
{
    pthread_t thread;
    unsigned heard = 0;

    ck_assert_int_eq(pthread_create(&thread, NULL, ring_often, NULL), 0);
    while (heard < ROUNDS) {
        int64_t result = 0;
        enum live_bell_end end =
            _i == 0 ? wait_in_read(&result)
                    : live_bell_poll(&bell, fds[0], POLLIN, -1);

        ck_assert_int_eq(end, LIVE_BELL_RUNG);
        heard = atomic_load(&asked_count);
        atomic_store(&heard_count, heard);
    }
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

static void on_signal(int number)
{
    (void)number;
}

static void *signal_often(void *victim)
{
    while (!atomic_load(&is_over)) {
        (void)pthread_kill(*(pthread_t *)victim, SIGUSR1);
        (void)poll(NULL, 0, 1);
    }
    return NULL;
}

START_TEST(another_signal_calls_away_too)
{
    struct sigaction action = {.sa_handler = on_signal};
    pthread_t self = pthread_self(), thread;
    int64_t result = 0;
    enum live_bell_end end;

    (void)sigaction(SIGUSR1, &action, NULL);
    ck_assert_int_eq(pthread_create(&thread, NULL, signal_often, &self), 0);
    end = _i == 0 ? wait_in_read(&result)
                  : live_bell_poll(&bell, fds[0], POLLIN, -1);
    atomic_store(&is_over, true);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(end, LIVE_BELL_CALLED);
}
END_TEST

static void *read_elsewhere(void *context)
{
    int64_t *result = context;

    (void)wait_in_read(result);
    return NULL;
}

/* The timer has to follow the bell to its new thread. */
START_TEST(a_bell_may_move_to_another_thread)
{
    pthread_t thread;
    int64_t result = 0, elsewhere = 0;

    live_bell_ring(&bell);
    ck_assert_int_eq(wait_in_read(&result), LIVE_BELL_RUNG);
    ck_assert_int_eq(pthread_create(&thread, NULL, read_elsewhere, &elsewhere),
                     0);
    while (!atomic_load(&bell.is_in_read)) {
    }
    live_bell_ring(&bell);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(elsewhere, -EINTR);
}
END_TEST

static void *ring_soon(void *context)
{
    (void)poll(NULL, 0, 20);
    live_bell_ring(context);
    return NULL;
}

/* A process has only so many timers. */
START_TEST(without_a_timer_a_bell_is_heard_too)
{
    const struct rlimit none = {0, 0};
    pthread_t thread;
    int64_t result = 0;

    ck_assert_int_eq(setrlimit(RLIMIT_SIGPENDING, &none), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, ring_soon, &bell), 0);
    ck_assert_int_eq(wait_in_read(&result), LIVE_BELL_RUNG);
    ck_assert(!bell.has_timer);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(write(fds[1], "a", 1), 1);
    ck_assert_int_eq(wait_in_read(&result), LIVE_BELL_READY);
    ck_assert_int_eq(result, 1);
}
END_TEST

static struct sigaction original;

/* As if it had come just before the read. */
static void swallow(int number)
{
    (void)sigaction(number, &original, NULL);
}

START_TEST(a_signal_in_vain_is_not_the_last)
{
    struct sigaction action = {.sa_handler = swallow, .sa_flags = SA_RESTART};
    pthread_t thread;
    int64_t elsewhere = 0;

    (void)sigaction(LIVE_BELL_SIGNAL, &action, &original);
    ck_assert_int_eq(pthread_create(&thread, NULL, read_elsewhere, &elsewhere),
                     0);
    while (!atomic_load(&bell.is_in_read)) {
    }
    (void)poll(NULL, 0, 20); /* most probably it is in its read by then */
    live_bell_ring(&bell);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(elsewhere, -EINTR);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("live_bell");
    TCase *t = tcase_create("bell");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, a_read_gives_what_read_gives);
    tcase_add_test(t, a_bell_that_rang_before_ends_the_next_wait_and_no_other);
    tcase_add_test(t, a_poll_says_which_of_the_two_it_was);
    tcase_add_loop_test(t, no_ring_is_lost_between_looking_and_reading, 0, 2);
    tcase_add_loop_test(t, another_signal_calls_away_too, 0, 2);
    tcase_add_test(t, a_bell_may_move_to_another_thread);
    tcase_add_test(t, a_signal_in_vain_is_not_the_last);
    tcase_add_test(t, without_a_timer_a_bell_is_heard_too);
    suite_add_tcase(s, t);
    return s;
}
