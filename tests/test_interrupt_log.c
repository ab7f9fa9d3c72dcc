/* SPDX-License-Identifier: MIT */
/* The book-keeping of recorded interrupts: each ends in exactly one count. */
#include "sim/replay/interrupt_log.h"

#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/rng.h"
#include "suite.h"

static struct interrupt_log *book;

static void set_up(void)
{
    book = calloc(1, sizeof(*book));
    ck_assert_ptr_nonnull(book);
}

static void tear_down(void)
{
    free(book);
}

static struct log_place at(uint64_t time_ns)
{
    return (struct log_place){time_ns, time_ns + 1};
}

START_TEST(a_plain_interrupt_is_delivered_and_timed)
{
    log_input(book, at(100), 40, true, false, 2);
    ck_assert_uint_eq(log_status_read(book, at(150), 2, 1, 1 << 8), 1 << 8);
    ck_assert_uint_eq(log_status_read(book, at(160), 2, 1, 1 << 8), 0);
    log_status_clear(book, at(170), 2, 1, 1 << 8);
    log_finish(book);
    ck_assert_uint_eq(book->counts.raised, 1);
    ck_assert_uint_eq(book->counts.delivered, 1);
    ck_assert_uint_eq(book->seen_ns.max, 50);
    ck_assert_uint_eq(book->cleared_ns.max, 70);
    ck_assert_uint_eq(book->map[2][40], 1);
    ck_assert_uint_eq(book->counts.unfinished, 0);
    ck_assert(log_adds_up(book));
}
END_TEST

START_TEST(a_second_message_before_the_read_coalesces)
{
    log_input(book, at(100), 40, true, false, 2);
    log_input(book, at(110), 40, true, true, 2);
    (void)log_status_read(book, at(150), 2, 1, 1 << 8);
    log_input(book, at(155), 40, true, true, 2); /* seen, not cleared */
    log_finish(book);
    ck_assert_uint_eq(book->counts.coalesced, 2);
    ck_assert_uint_eq(book->counts.delivered, 1);
    ck_assert_uint_eq(book->seen_ns.count, 1);
    ck_assert_uint_eq(book->seen_ns.max, 50); /* from the first message */
    ck_assert(log_adds_up(book));
}
END_TEST

START_TEST(a_message_to_a_disabled_vector_waits_for_its_enable)
{
    log_input(book, at(100), 40, true, false, LOG_NO_VCPU);
    log_moved(book, at(130), 40, 3);
    (void)log_status_read(book, at(150), 3, 1, 1 << 8);
    log_finish(book);
    ck_assert_uint_eq(book->counts.delivered, 1);
    ck_assert_uint_eq(book->counts.redelivered, 0);
    ck_assert_uint_eq(book->seen_ns.max, 50);
    ck_assert(log_adds_up(book));
}
END_TEST

START_TEST(one_that_is_never_enabled_counts_as_masked)
{
    log_input(book, at(100), 40, true, false, LOG_NO_VCPU);
    log_input(book, at(110), 41, true, false, LOG_NO_VCPU);
    log_input(book, at(120), 41, false, false, LOG_NO_VCPU);
    log_finish(book);
    ck_assert_uint_eq(book->counts.masked, 2);
    ck_assert_uint_eq(book->counts.unfinished, 0);
    ck_assert(log_adds_up(book));
}
END_TEST

START_TEST(a_stale_latch_that_comes_through_again_is_named)
{
    log_input(book, at(100), 40, true, false, 2);
    (void)log_status_read(book, at(150), 2, 1, 1 << 8);
    log_status_clear(book, at(151), 2, 1, 1 << 8);
    log_moved(book, at(200), 40, 3);
    (void)log_status_read(book, at(230), 3, 1, 1 << 8);
    log_finish(book);
    ck_assert_uint_eq(book->counts.redelivered, 1);
    ck_assert_uint_eq(book->counts.delivered, 2);
    ck_assert_uint_eq(book->finding_count, 1);
    ck_assert_uint_eq(book->findings[0].kind, LOG_REDELIVERED);
    ck_assert_uint_eq(book->findings[0].line, 201);
    ck_assert_uint_eq(book->findings[0].vcpu, 3);
    ck_assert(log_adds_up(book));
}
END_TEST

START_TEST(a_vector_on_its_way_is_moved_and_not_doubled)
{
    log_input(book, at(100), 40, true, false, 2);
    log_moved(book, at(110), 40, LOG_NO_VCPU); /* masked by the driver */
    log_moved(book, at(120), 40, 3);           /* and routed elsewhere */
    (void)log_status_read(book, at(150), 3, 1, 1 << 8);
    log_finish(book);
    ck_assert_uint_eq(book->counts.delivered, 1);
    ck_assert_uint_eq(book->counts.redelivered, 0);
    ck_assert_uint_eq(book->seen_ns.max, 50);
    ck_assert(log_adds_up(book));
}
END_TEST

START_TEST(a_line_that_falls_unseen_is_withdrawn)
{
    log_input(book, at(100), 40, true, false, 2);
    log_input(book, at(110), 40, false, true, LOG_NO_VCPU);
    log_finish(book);
    ck_assert_uint_eq(book->counts.withdrawn, 1);
    ck_assert_uint_eq(book->findings[0].kind, LOG_WITHDRAWN);
    ck_assert(log_adds_up(book));
}
END_TEST

START_TEST(a_bit_that_is_cleared_unread_is_lost)
{
    log_input(book, at(100), 40, true, false, 2);
    log_status_clear(book, at(110), 2, 1, 1 << 8);
    log_finish(book);
    ck_assert_uint_eq(book->counts.lost, 1);
    ck_assert_uint_eq(book->findings[0].kind, LOG_LOST);
    ck_assert_uint_eq(book->findings[0].line, 111);
    ck_assert(log_adds_up(book));
}
END_TEST

START_TEST(what_is_pending_at_the_end_is_unfinished)
{
    log_input(book, at(100), 40, true, false, 2);
    log_finish(book);
    ck_assert_uint_eq(book->counts.unfinished, 1);
    ck_assert_uint_eq(book->finding_count, 1);
    ck_assert_uint_eq(book->findings[0].kind, LOG_UNFINISHED);
    ck_assert_uint_eq(book->findings[0].line, 101);
    ck_assert(log_adds_up(book));
}
END_TEST

START_TEST(many_of_a_kind_leave_room_for_another)
{
    for (uint64_t i = 0; i < LOG_FINDINGS_MAX + 5; i++) {
        (void)log_status_read(book, at(i), 1, 0, 0);
        log_other_access(book, 1);
    }
    log_input(book, at(9000), 40, true, false, 2);
    log_status_clear(book, at(9001), 2, 1, 1 << 8);
    log_finish(book);
    ck_assert_uint_eq(book->counts.spurious, LOG_FINDINGS_MAX + 5);
    ck_assert_uint_eq(book->finding_count, LOG_FINDINGS_MAX + 1);
    ck_assert_uint_eq(book->findings[LOG_FINDINGS_MAX].kind, LOG_LOST);
}
END_TEST

/* Words that a vCPU reads, and how many dispatches found nothing. */
static const struct {
    const char *what;
    struct {
        uint32_t word, value; /* word 8: another access; 9: the end */
    } reads[20];
    uint64_t spurious;
} dispatches[] = {
    {"all words empty",
     {{0, 0}, {1, 0}, {2, 0}, {3, 0}, {4, 0}, {5, 0}, {6, 0}, {7, 0}, {9, 0}},
     1},
    {"one word set",
     {{0, 0}, {1, 4}, {2, 0}, {3, 0}, {4, 0}, {5, 0}, {6, 0}, {7, 0}, {9, 0}},
     0},
    {"twice nothing", {{0, 0}, {1, 0}, {0, 0}, {1, 0}, {9, 0}}, 2},
    {"nothing, then something", {{0, 0}, {1, 0}, {0, 0}, {1, 1}, {9, 0}}, 1},
    {"another access ends it", {{2, 0}, {3, 0}, {8, 0}, {4, 1}, {9, 0}}, 1},
};

START_TEST(a_dispatch_that_finds_nothing_is_spurious)
{
    for (int i = 0; dispatches[_i].reads[i].word != 9; i++) {
        if (dispatches[_i].reads[i].word == 8) {
            log_other_access(book, 1);
        } else {
            (void)log_status_read(book, at((uint64_t)i), 1,
                                  dispatches[_i].reads[i].word,
                                  dispatches[_i].reads[i].value);
        }
    }
    log_finish(book);
    ck_assert_msg(book->counts.spurious == dispatches[_i].spurious,
                  "%s: %u spurious", dispatches[_i].what,
                  (unsigned)book->counts.spurious);
    if (book->counts.spurious > 0) {
        ck_assert_uint_eq(book->findings[0].vector, LOG_VECTORS);
        ck_assert_uint_eq(book->findings[0].line, 1);
    }
}
END_TEST

START_TEST(an_ipi_is_timed_from_its_first_send)
{
    log_ipi_sent(book, at(100), 3, 2);
    log_ipi_sent(book, at(110), 3, 2);
    log_ipi_sent(book, at(120), 3, 1);
    ck_assert_uint_eq(log_ipi_status_read(book, at(150), 3, 0x16), 0x6);
    ck_assert_uint_eq(log_ipi_status_read(book, at(160), 3, 0x16), 0);
    ck_assert_uint_eq(book->counts.ipi_sent, 3);
    ck_assert_uint_eq(book->counts.ipi_coalesced, 1);
    ck_assert_uint_eq(book->counts.ipi_seen, 2);
    ck_assert_uint_eq(book->ipi_ns.min, 30);
    ck_assert_uint_eq(book->ipi_ns.max, 50);
}
END_TEST

/* Any order of calls that a controller can make keeps the sum. The twin here
 * is a controller of eight vectors on two vCPUs, as simple as it can be. */
START_TEST(the_counts_add_up_for_any_history)
{
    bool latch[8] = {false}, enabled[8] = {false};
    uint32_t pending[8], route[8] = {0};
    struct vmc_rng rng;

    vmc_rng_init(&rng, (uint64_t)_i);
    for (int v = 0; v < 8; v++) {
        pending[v] = LOG_NO_VCPU;
    }
    for (uint64_t t = 0; t < 2000; t++) {
        uint32_t v = (uint32_t)vmc_rng_below(&rng, 8);
        uint32_t vcpu = (uint32_t)vmc_rng_below(&rng, 2);
        uint32_t before = pending[v], bits = 0;

        switch (vmc_rng_below(&rng, 6)) {
        case 0:
        case 1:
            latch[v] = true;
            pending[v] = enabled[v] ? route[v] : pending[v];
            log_input(book, at(t), v, true, before != LOG_NO_VCPU, pending[v]);
            break;
        case 2:
            latch[v] = false;
            pending[v] = LOG_NO_VCPU;
            log_input(book, at(t), v, false, before != LOG_NO_VCPU,
                      LOG_NO_VCPU);
            break;
        case 3:
            enabled[v] = !enabled[v];
            route[v] = vcpu;
            if (latch[v]) {
                pending[v] = enabled[v] ? vcpu : LOG_NO_VCPU;
            }
            if (pending[v] != before) {
                log_moved(book, at(t), v, pending[v]);
            }
            break;
        default:
            for (uint32_t i = 0; i < 8; i++) {
                bits |= pending[i] == vcpu ? 1U << i : 0;
            }
            if (vmc_rng_below(&rng, 2) == 0) {
                (void)log_status_read(book, at(t), vcpu, 0, bits);
            } else {
                bits &= (uint32_t)vmc_rng_next(&rng);
                log_status_clear(book, at(t), vcpu, 0, bits);
                for (uint32_t i = 0; i < 8; i++) {
                    pending[i] =
                        (bits >> i & 1) != 0 ? LOG_NO_VCPU : pending[i];
                }
            }
        }
    }
    log_finish(book);
    ck_assert_msg(log_adds_up(book), "seed %d", _i);
    ck_assert_uint_gt(book->counts.lost, 0);
    ck_assert_uint_gt(book->counts.redelivered, 0);
    ck_assert_uint_gt(book->counts.withdrawn, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("interrupt log");
    TCase *c = tcase_create("interrupt log");

    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, a_plain_interrupt_is_delivered_and_timed);
    tcase_add_test(c, a_second_message_before_the_read_coalesces);
    tcase_add_test(c, a_message_to_a_disabled_vector_waits_for_its_enable);
    tcase_add_test(c, one_that_is_never_enabled_counts_as_masked);
    tcase_add_test(c, a_stale_latch_that_comes_through_again_is_named);
    tcase_add_test(c, a_vector_on_its_way_is_moved_and_not_doubled);
    tcase_add_test(c, a_line_that_falls_unseen_is_withdrawn);
    tcase_add_test(c, a_bit_that_is_cleared_unread_is_lost);
    tcase_add_test(c, what_is_pending_at_the_end_is_unfinished);
    tcase_add_test(c, many_of_a_kind_leave_room_for_another);
    tcase_add_loop_test(c, a_dispatch_that_finds_nothing_is_spurious, 0,
                        (int)VMC_COUNT_OF(dispatches));
    tcase_add_test(c, an_ipi_is_timed_from_its_first_send);
    tcase_add_loop_test(c, the_counts_add_up_for_any_history, 0, 50);
    return s;
}
