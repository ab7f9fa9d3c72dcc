/* SPDX-License-Identifier: MIT */
/* What every balloon driver stands on: costs, flows that wait for threads and
 * locks, the virtqueue, the configuration space, the list of pages. */
#include "balloon/config.h"
#include "balloon/costs.h"
#include "balloon/flow.h"
#include "balloon/pagelist.h"
#include "balloon/virtqueue.h"

#include <string.h>

#include "base/rng.h"
#include "suite.h"

/* ---- Costs ---------------------------------------------------------------*/

START_TEST(a_block_costs_what_lies_between_a_page_and_a_huge_page)
{
    struct vmc_guest_costs costs = {
        .alloc = 100, .alloc_huge = 100 + 511 * 7, .free = 50, .free_huge = 20};

    ck_assert_uint_eq(vmc_cost_alloc(&costs, 0), 100);
    ck_assert_uint_eq(vmc_cost_alloc(&costs, 3), 100 + 7 * 7);
    ck_assert_uint_eq(vmc_cost_alloc(&costs, 9), costs.alloc_huge);
    ck_assert_uint_eq(vmc_cost_alloc(&costs, 10), 100 + 1023 * 7);
    ck_assert_uint_eq(vmc_cost_free(&costs, 9), 50); /* never below a page */
}
END_TEST

START_TEST(a_polling_host_wakes_the_vcpu_sooner)
{
    struct vmc_send_costs costs = {.add = 1,
                                   .kick_exit = 2,
                                   .wake_host = 4,
                                   .pop = 8,
                                   .map_descriptor = 1000,
                                   .push = 16,
                                   .irq = 32,
                                   .wake_vcpu = 10000,
                                   .wake_polled = 64,
                                   .halt_poll = 100,
                                   .isr = 128,
                                   .config_read = 1,
                                   .config_write = 1,
                                   .requeue = 1};

    ck_assert_uint_eq(vmc_cost_round_trip(&costs, 1, 40), 255);
    ck_assert_uint_eq(vmc_cost_round_trip(&costs, 1, 41), 255 - 64 + 10000);
    ck_assert_uint_eq(vmc_cost_round_trip(&costs, 2, 0), 1255 - 64 + 10000);
    ck_assert_uint_eq(vmc_cost_cadence(&costs), 3);
}
END_TEST

/* ---- Flows ---------------------------------------------------------------*/

enum { THREAD, LOCK, FLOWS = 3 };

static struct vmc_actor actors[2];
static struct vmc_account accounts[FLOWS];
static struct vmc_flow flows[FLOWS];
static struct vmc_engine *engine;
static char order[64];

static void note(char letter)
{
    size_t at = strlen(order);

    ck_assert_uint_lt(at + 1, sizeof(order));
    order[at] = letter;
}

/* Step 0: work 100 on the thread; 1: take the lock; 2: hold it for 50; 3: let
 * it go. Letters a, b, c when a flow gets the lock. */
static void run(struct vmc_flow *flow, uint32_t step)
{
    switch (step) {
    case 0:
        vmc_flow_work(flow, THREAD, VMC_STAGE_ALLOC, 100, 1);
        return;
    case 1:
        vmc_flow_lock(flow, LOCK, 2);
        return;
    case 2:
        note((char)('a' + (flow - flows)));
        vmc_flow_sleep(flow, VMC_STAGE_ZAP, 50, 3);
        return;
    default:
        vmc_flow_unlock(flow, LOCK);
    }
}

static void set_up(void)
{
    static const struct vmc_engine_config config = {.events_max = 16,
                                                    .handlers_max = FLOWS};

    memset(actors, 0, sizeof(actors));
    memset(accounts, 0, sizeof(accounts));
    memset(order, 0, sizeof(order));
    ck_assert_int_eq(vmc_engine_new(&engine, &config), VMC_OK);
    for (uint32_t i = 0; i < FLOWS; i++) {
        flows[i].actors = actors;
        flows[i].account = &accounts[i];
        vmc_flow_init(&flows[i], engine, "flow", i, run, NULL);
    }
}

static void tear_down(void)
{
    vmc_engine_free(engine);
}

START_TEST(a_flow_alone_never_waits)
{
    run(&flows[0], 0);
    ck_assert(vmc_flow_is_busy(&flows[0]));
    (void)vmc_engine_run_all(engine);
    ck_assert(!vmc_flow_is_busy(&flows[0]));
    ck_assert_uint_eq(vmc_engine_now_tick(engine), 150);
    ck_assert_uint_eq(accounts[0].ticks[VMC_STAGE_ALLOC], 100);
    ck_assert_uint_eq(accounts[0].ticks[VMC_STAGE_ZAP], 50);
    ck_assert_uint_eq(accounts[0].ticks[VMC_STAGE_WAIT], 0);
    ck_assert_uint_eq(vmc_account_total(&accounts[0]), 150);
    ck_assert(!actors[THREAD].is_held && !actors[LOCK].is_held);
    ck_assert_uint_eq(actors[LOCK].held_ticks, 50);
}
END_TEST

START_TEST(flows_share_a_thread_in_the_order_they_came)
{
    run(&flows[1], 0);
    run(&flows[0], 0);
    run(&flows[2], 0);
    (void)vmc_engine_run_all(engine);
    ck_assert_str_eq(order, "bac");
    ck_assert_uint_eq(vmc_engine_now_tick(engine), 350);
    ck_assert_uint_eq(accounts[1].ticks[VMC_STAGE_WAIT], 0);
    ck_assert_uint_eq(accounts[0].ticks[VMC_STAGE_WAIT], 100);
    ck_assert_uint_eq(accounts[2].ticks[VMC_STAGE_WAIT], 200);
    ck_assert_uint_eq(actors[THREAD].waits, 2);
}
END_TEST

START_TEST(a_lock_passes_to_the_first_who_waits)
{
    run(&flows[2], 1);
    run(&flows[0], 1);
    run(&flows[1], 1);
    ck_assert(!vmc_flow_can_lock(&flows[1], LOCK));
    (void)vmc_engine_run_all(engine);
    ck_assert_str_eq(order, "cab");
    ck_assert_uint_eq(vmc_engine_now_tick(engine), 150);
    ck_assert_uint_eq(actors[LOCK].held_ticks, 150);
    ck_assert(vmc_flow_can_lock(&flows[1], LOCK));
}
END_TEST

/* ---- Virtqueue -----------------------------------------------------------*/

static struct vmc_virtqueue queue;
static struct vmc_vq_buffer chain[VMC_VQ_CHAIN_MAX];
static struct vmc_vq_element element;
static uint64_t token;
static uint32_t written_bytes;

static void fill_chain(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        chain[i] = (struct vmc_vq_buffer){.address = 0x1000 + i,
                                          .size_bytes = 10 + i,
                                          .is_writable = i >= count / 2};
    }
}

/* _i: the number of buffers; odd ones without indirect tables. */
START_TEST(a_message_arrives_as_it_was_sent)
{
    enum { SIZE = 2 * VMC_VQ_CHAIN_MAX };
    uint32_t count = (uint32_t)_i / 2 + 1;

    vmc_vq_init(&queue, SIZE, _i % 2 == 0);
    fill_chain(count);
    ck_assert_int_eq(vmc_vq_add(&queue, chain, count, 77), VMC_OK);
    ck_assert_uint_eq(vmc_vq_free_count(&queue),
                      _i % 2 == 0 ? SIZE - 1 : SIZE - count);
    ck_assert(vmc_vq_kick_prepare(&queue));
    ck_assert(vmc_vq_pop(&queue, &element));
    ck_assert_uint_eq(element.buffer_count, count);
    ck_assert_uint_eq(element.token, 77);
    for (uint32_t i = 0; i < count; i++) {
        ck_assert_uint_eq(element.buffers[i].address, chain[i].address);
        ck_assert_uint_eq(element.buffers[i].size_bytes, chain[i].size_bytes);
        ck_assert(element.buffers[i].is_writable == chain[i].is_writable);
    }
    ck_assert(!vmc_vq_pop(&queue, &element));
    ck_assert(!vmc_vq_get_used(&queue, &token, &written_bytes));
    ck_assert(vmc_vq_push(&queue, &element, 5));
    ck_assert_uint_eq(vmc_vq_in_flight(&queue), 1);
    ck_assert(vmc_vq_get_used(&queue, &token, &written_bytes));
    ck_assert_uint_eq(token, 77);
    ck_assert_uint_eq(written_bytes, 5);
    ck_assert_uint_eq(vmc_vq_free_count(&queue), SIZE);
    ck_assert_uint_eq(vmc_vq_in_flight(&queue), 0);
    ck_assert_uint_eq(queue.tables_in_use, 0);
}
END_TEST

START_TEST(a_full_queue_refuses_and_stays_as_it_is)
{
    vmc_vq_init(&queue, 4, true);
    fill_chain(3);
    for (uint32_t i = 0; i < 4; i++) {
        ck_assert_int_eq(vmc_vq_add(&queue, chain, 3, i), VMC_OK);
    }
    ck_assert_int_eq(vmc_vq_add(&queue, chain, 1, 9), VMC_E_RANGE);
    ck_assert_uint_eq(vmc_vq_in_flight(&queue), 4);
    vmc_vq_init(&queue, 4, false);
    ck_assert_int_eq(vmc_vq_add(&queue, chain, 3, 1), VMC_OK);
    ck_assert_int_eq(vmc_vq_add(&queue, chain, 3, 2), VMC_E_RANGE);
    ck_assert_int_eq(vmc_vq_add(&queue, chain, 1, 3), VMC_OK);
}
END_TEST

START_TEST(an_add_can_be_made_to_fail)
{
    vmc_vq_init(&queue, 4, true);
    fill_chain(2);
    queue.fail_adds = 1;
    ck_assert_int_eq(vmc_vq_add(&queue, chain, 2, 0), VMC_E_NOMEM);
    ck_assert_uint_eq(vmc_vq_in_flight(&queue), 0);
    ck_assert_int_eq(vmc_vq_add(&queue, chain, 2, 0), VMC_OK);
}
END_TEST

/* Judge: two plain counters of what was added and used. Indices wrap at 65536,
 * which 100 000 messages pass. */
START_TEST(rings_go_round_without_losing_a_message)
{
    struct vmc_rng rng;
    uint64_t added = 0, used = 0, taken[8] = {0};
    struct vmc_vq_element elements[8];
    uint32_t in_device = 0;

    vmc_rng_init(&rng, 1);
    vmc_vq_init(&queue, 8, true);
    while (used < 100000) {
        uint64_t draw = vmc_rng_below(&rng, 4);

        fill_chain(1);
        if (draw == 0 && added - used < 8) {
            ck_assert(vmc_vq_add(&queue, chain, 1, added) == VMC_OK);
            added++;
        } else if (draw == 1 && in_device < 8 &&
                   vmc_vq_pop(&queue, &elements[in_device])) {
            taken[in_device] = elements[in_device].token;
            in_device++;
        } else if (draw == 2 && in_device > 0) {
            (void)vmc_vq_push(&queue, &elements[0], 0);
            in_device--;
            memmove(elements, elements + 1, in_device * sizeof(elements[0]));
            memmove(taken, taken + 1, in_device * sizeof(taken[0]));
        } else if (draw == 3 &&
                   vmc_vq_get_used(&queue, &token, &written_bytes)) {
            if (token != used) {
                ck_abort_msg("token %u of %u", (unsigned)token, (unsigned)used);
            }
            used++;
        }
    }
    ck_assert_uint_eq(vmc_vq_in_flight(&queue), added - used);
}
END_TEST

/* ---- Configuration space -------------------------------------------------*/

static const struct {
    uint64_t features;
    uint32_t size_bytes;
} sizes[] = {
    {0, 8},
    {1U << VMC_BALLOON_STATS_VQ, 8},
    {1U << VMC_BALLOON_FREE_PAGE_HINT, 12},
    {1U << VMC_BALLOON_PAGE_POISON, 16},
    {1U << VMC_BALLOON_PAGE_POISON | 1U << VMC_BALLOON_FREE_PAGE_HINT, 16},
};

START_TEST(the_space_is_as_long_as_its_features_need)
{
    struct vmc_balloon_config_space config;
    uint32_t value;

    vmc_config_init(&config, sizes[_i].features, false);
    ck_assert_uint_eq(config.size_bytes, sizes[_i].size_bytes);
    ck_assert_int_eq(
        vmc_config_read(&config, sizes[_i].size_bytes - 4, 4, &value), VMC_OK);
    ck_assert_int_eq(
        vmc_config_read(&config, sizes[_i].size_bytes - 3, 4, &value),
        VMC_E_ACCESS);
    ck_assert_int_eq(vmc_config_write(&config, UINT32_MAX, 2, 0), VMC_E_ACCESS);
}
END_TEST

/* The worked bytes of spec 5.1. */
START_TEST(fields_lie_in_memory_as_the_specification_says)
{
    static const uint8_t expected[] = {0x00, 0x00, 0x1c, 0x00, 0x00, 0x00,
                                       0x10, 0x00, 0x01, 0x00, 0x00, 0x80,
                                       0x00, 0x00, 0x00, 0x00};
    struct vmc_balloon_config_space config;

    vmc_config_init(&config, 1U << VMC_BALLOON_PAGE_POISON, false);
    vmc_config_set(&config, VMC_CONFIG_NUM_PAGES, 0x1c0000);
    vmc_config_write_field(&config, VMC_CONFIG_ACTUAL, 0x100000);
    vmc_config_set(&config, VMC_CONFIG_HINT_ID, 0x80000001);
    ck_assert_mem_eq(config.bytes, expected, sizeof(expected));
    ck_assert_uint_eq(vmc_config_get(&config, VMC_CONFIG_ACTUAL), 0x100000);
}
END_TEST

START_TEST(a_legacy_transport_shows_what_lies_between)
{
    struct vmc_balloon_config_space config;

    vmc_config_init(&config, 0, true);
    vmc_config_write_field(&config, VMC_CONFIG_ACTUAL, 0x01020304);
    ck_assert_uint_eq(config.accesses, 4);
    ck_assert_uint_eq(config.actual_changes, 4);
    vmc_config_init(&config, 0, false);
    vmc_config_write_field(&config, VMC_CONFIG_ACTUAL, 0x01020304);
    ck_assert_uint_eq(config.accesses, 1);
    ck_assert_uint_eq(config.actual_changes, 1);
}
END_TEST

START_TEST(the_guest_cannot_write_its_target)
{
    struct vmc_balloon_config_space config;

    vmc_config_init(&config, 0, false);
    vmc_config_set(&config, VMC_CONFIG_NUM_PAGES, 7);
    ck_assert_int_eq(vmc_config_write(&config, 0, 4, 99), VMC_OK);
    ck_assert_uint_eq(vmc_config_get(&config, VMC_CONFIG_NUM_PAGES), 7);
}
END_TEST

/* ---- The list of pages ---------------------------------------------------*/

static struct vmc_pagelist list;

static void push(uint32_t first, uint32_t count, bool is_descending)
{
    vmc_pagelist_push(&list,
                      (struct vmc_page_run){.first = first,
                                            .count = count & 0xffff,
                                            .is_descending = is_descending});
}

START_TEST(neighbours_share_a_run)
{
    ck_assert_int_eq(vmc_pagelist_init(&list, 100), VMC_OK);
    push(10, 1, false);
    push(11, 1, false);
    push(12, 3, false);
    ck_assert_uint_eq(list.run_count, 1);
    push(20, 1, false);
    push(19, 1, false);
    push(18, 4, true);
    ck_assert_uint_eq(list.run_count, 2);
    push(16, 1, false); /* was pushed already as part of 18..15: no joining */
    ck_assert_uint_eq(list.run_count, 3);
    ck_assert_uint_eq(list.page_count, 12);
    vmc_pagelist_fini(&list);
}
END_TEST

/* Judge: an array of page numbers. Pages come in runs of either direction,
 * go from the head or from anywhere. */
START_TEST(the_list_is_a_stack)
{
    static uint32_t twin[4096];
    uint32_t twin_count = 0, next = 100;
    struct vmc_rng rng;

    vmc_rng_init(&rng, (uint64_t)_i);
    ck_assert_int_eq(vmc_pagelist_init(&list, 4096), VMC_OK);
    for (uint32_t round = 0; round < 2000; round++) {
        uint32_t count = (uint32_t)vmc_rng_below(&rng, 8) + 1;
        uint64_t draw = vmc_rng_below(&rng, 5);

        if (draw < 3 && twin_count + count <= 1000) {
            bool is_descending = draw == 1;
            uint32_t gap = (uint32_t)vmc_rng_below(&rng, 2);

            next += gap;
            push(is_descending ? next + count - 1 : next, count, is_descending);
            for (uint32_t i = 0; i < count; i++) {
                twin[twin_count++] =
                    is_descending ? next + count - 1 - i : next + i;
            }
            next += count;
        } else if (draw == 3 && twin_count > 0) {
            struct vmc_page_run run = vmc_pagelist_pop(&list, count);

            for (uint32_t i = 0; i < run.count; i++) {
                ck_assert_uint_eq(vmc_page_run_at(run, i), twin[--twin_count]);
            }
        } else if (twin_count > 0) {
            uint32_t at = (uint32_t)vmc_rng_below(&rng, twin_count);

            ck_assert(vmc_pagelist_has(&list, twin[at]));
            ck_assert(vmc_pagelist_remove(&list, twin[at]));
            ck_assert(!vmc_pagelist_remove(&list, twin[at]));
            memmove(&twin[at], &twin[at + 1],
                    (--twin_count - at) * sizeof(twin[0]));
        }
        ck_assert_uint_eq(list.page_count, twin_count);
    }
    vmc_pagelist_fini(&list);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("balloon");
    TCase *c = tcase_create("costs");

    suite_add_tcase(s, c);
    tcase_add_test(c, a_block_costs_what_lies_between_a_page_and_a_huge_page);
    tcase_add_test(c, a_polling_host_wakes_the_vcpu_sooner);
    c = tcase_create("flow");
    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, a_flow_alone_never_waits);
    tcase_add_test(c, flows_share_a_thread_in_the_order_they_came);
    tcase_add_test(c, a_lock_passes_to_the_first_who_waits);
    c = tcase_create("virtqueue");
    suite_add_tcase(s, c);
    tcase_add_loop_test(c, a_message_arrives_as_it_was_sent, 0,
                        2 * VMC_VQ_CHAIN_MAX);
    tcase_add_test(c, a_full_queue_refuses_and_stays_as_it_is);
    tcase_add_test(c, an_add_can_be_made_to_fail);
    tcase_add_test(c, rings_go_round_without_losing_a_message);
    c = tcase_create("config");
    suite_add_tcase(s, c);
    tcase_add_loop_test(c, the_space_is_as_long_as_its_features_need, 0,
                        VMC_COUNT_OF(sizes));
    tcase_add_test(c, fields_lie_in_memory_as_the_specification_says);
    tcase_add_test(c, a_legacy_transport_shows_what_lies_between);
    tcase_add_test(c, the_guest_cannot_write_its_target);
    c = tcase_create("pagelist");
    suite_add_tcase(s, c);
    tcase_add_test(c, neighbours_share_a_run);
    tcase_add_loop_test(c, the_list_is_a_stack, 0, 20);
    return s;
}
