/* SPDX-License-Identifier: MIT */
/* Accesses in time: alone they cost what the closed form says, together they
 * wait for each other in the order they came. */
#include "ioregion/dispatch_sim.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "suite.h"

enum { VCPUS_MAX = 8, SAMPLES_MAX = 4096 };

static const struct vmc_dispatch_costs plain = {
    .exit = 1000,
    .decode_mmio = 900,
    .decode_in = 800,
    .lookup = 70,
    .probe = 11,
    .device = 450,
    .signal = 300,
    .wake = 810,
    .ring = 120,
    .drain = 130,
    .leave = 5500,
    .vmm = 2010,
    .enter = 5400,
    .complete_read = 40,
    .send = 1510,
    .schedule = 7700,
    .idle_wake = 3000,
    .receive = 1490,
    .process = 2030,
    .reply = 3050,
    .handoff = 6000,
    .entry = 1100,
    .ring_entries = 170,
    .socket_commands = 278,
    .socket_resume = 69,
};

static struct vmc_engine *engine;
static struct vmc_dispatch_sim *sim;

/* What ended, in order. */
static struct {
    uint32_t vcpu;
    uint64_t ticks, end_tick;
} samples[SAMPLES_MAX];
static uint32_t sample_count;

/* What a vCPU does when its access has ended: the same again, until its
 * number of repeats is used up. */
static struct {
    enum vmc_dispatch mode;
    struct vmc_io_access access;
    uint32_t repeats;
} habits[VCPUS_MAX];

static void ended(void *owner, uint32_t vcpu, uint64_t ticks)
{
    (void)owner;
    ck_assert_uint_lt(sample_count, SAMPLES_MAX);
    samples[sample_count].vcpu = vcpu;
    samples[sample_count].ticks = ticks;
    samples[sample_count++].end_tick = vmc_engine_now_tick(engine);
    if (habits[vcpu].repeats > 0) {
        habits[vcpu].repeats--;
        vmc_dispatch_submit(sim, vcpu, habits[vcpu].mode, 0,
                            &habits[vcpu].access);
    }
}

static void set_up_with(const struct vmc_dispatch_costs *costs,
                        bool has_other_cpu, bool do_exits_drain)
{
    struct vmc_engine_config events = {.events_max = 64, .handlers_max = 4};
    struct vmc_dispatch_sim_config config = {
        .costs = *costs,
        .place = {.has_other_cpu = has_other_cpu},
        .vcpu_count = VCPUS_MAX,
        .channel_count = 2,
        .do_exits_drain = do_exits_drain,
    };

    ck_assert_int_eq(vmc_engine_new(&engine, &events), VMC_OK);
    ck_assert_int_eq(vmc_dispatch_sim_new(&sim, engine, &config, ended, NULL),
                     VMC_OK);
    memset(habits, 0, sizeof(habits));
    sample_count = 0;
}

static void set_up(void)
{
    set_up_with(&plain, false, false);
}

static void tear_down(void)
{
    vmc_dispatch_sim_free(sim);
    vmc_engine_free(engine);
}

static void start(uint32_t vcpu, enum vmc_dispatch mode, bool is_write,
                  uint32_t repeats)
{
    habits[vcpu].mode = mode;
    habits[vcpu].access = (struct vmc_io_access){
        .space = VMC_IO_MMIO, .is_write = is_write, .probes = 3};
    habits[vcpu].repeats = repeats;
    vmc_dispatch_submit(sim, vcpu, mode, 0, &habits[vcpu].access);
}

START_TEST(alone_the_simulation_takes_what_the_closed_form_says)
{
    enum vmc_dispatch mode = (enum vmc_dispatch)(_i / 12);
    struct vmc_io_access access = {.space = (enum vmc_io_space)(_i / 4 % 3),
                                   .is_write = _i % 2 == 0,
                                   .probes = (uint32_t)_i};
    struct vmc_dispatch_place place = {.has_other_cpu = _i / 2 % 2 == 0};
    uint64_t by_stage = 0;

    tear_down();
    set_up_with(&plain, place.has_other_cpu, false);
    for (uint32_t n = 0; n < 3; n++) { /* each finds everything asleep again */
        vmc_dispatch_submit(sim, 1, mode, 1, &access);
        vmc_engine_run_all(engine);
        ck_assert_uint_eq(sample_count, n + 1);
        ck_assert_uint_eq(samples[n].ticks,
                          vmc_dispatch_ticks(&plain, &place, mode, &access));
    }
    for (uint32_t stage = 0; stage < VMC_IO_STAGE_COUNT; stage++) {
        by_stage += vmc_dispatch_sim_counts(sim)->stage_ticks[stage];
    }
    ck_assert_uint_eq(by_stage, 3 * samples[0].ticks);
    ck_assert(!vmc_dispatch_is_busy(sim, 1));
}
END_TEST

START_TEST(each_element_of_a_string_is_looked_up_and_served_anew)
{
    enum vmc_dispatch mode = (enum vmc_dispatch)_i;
    struct vmc_io_access access = {.space = VMC_IO_PIO, .probes = 4};
    struct vmc_dispatch_place place = {.has_other_cpu = false};
    uint64_t one, five;

    for (uint32_t n = 0; n < 2; n++) {
        access.elements = n == 0 ? 1 : 5;
        vmc_dispatch_submit(sim, 0, mode, 0, &access);
        vmc_engine_run_all(engine);
        ck_assert_uint_eq(samples[n].ticks,
                          vmc_dispatch_ticks(&plain, &place, mode, &access));
    }
    one = samples[0].ticks;
    five = samples[1].ticks;
    switch (vmc_dispatch_effective(mode, false)) {
    case VMC_DISPATCH_EXIT:
        ck_assert_uint_eq(five, one);
        break;
    case VMC_DISPATCH_KERNEL:
        ck_assert_uint_eq(five - one,
                          4 * (plain.lookup + 4 * plain.probe + plain.device));
        break;
    default:
        ck_assert_uint_eq(five - one,
                          4 * (plain.send + plain.receive + plain.process +
                               plain.reply + 2 * (plain.wake + plain.schedule) +
                               (mode == VMC_DISPATCH_PROCESS
                                    ? 0
                                    : plain.lookup + 4 * plain.probe)));
        ck_assert_uint_eq(vmc_dispatch_sim_counts(sim)->commands_done, 6);
    }
}
END_TEST

START_TEST(one_descriptor_serves_vcpus_in_the_order_they_came)
{
    const struct vmc_dispatch_counts *counts = vmc_dispatch_sim_counts(sim);
    uint64_t alone, held;

    for (uint32_t vcpu = 0; vcpu < 4; vcpu++) {
        start((vcpu * 3 + 2) % 4, VMC_DISPATCH_SYNC, true, 0);
    }
    vmc_engine_run_all(engine);
    alone = samples[0].ticks;
    /* From the begin of SEND to the answer, then the next one is told. */
    held = alone - plain.exit - plain.decode_mmio - plain.lookup -
           3 * plain.probe - plain.entry + plain.handoff;
    for (uint32_t n = 0; n < 4; n++) {
        ck_assert_uint_eq(samples[n].vcpu, (n * 3 + 2) % 4);
        ck_assert_uint_eq(samples[n].ticks, alone + n * held);
    }
    ck_assert_uint_eq(counts->lock_waits, 3);
    ck_assert_uint_eq(counts->stage_ticks[VMC_IO_LOCK], (1 + 2 + 3) * held);
    ck_assert_uint_eq(counts->commands_done, 4);
    ck_assert_uint_eq(counts->queue_commands_max, 1);
}
END_TEST

START_TEST(a_vmm_with_a_lock_looks_at_one_exit_at_a_time)
{
    const struct vmc_dispatch_counts *counts;
    struct vmc_dispatch_sim_config config = {.costs = plain,
                                             .place = {.has_vmm_lock = true},
                                             .vcpu_count = VCPUS_MAX,
                                             .channel_count = 2};
    uint64_t held = plain.vmm + plain.process + plain.handoff;

    vmc_dispatch_sim_free(sim);
    ck_assert_int_eq(vmc_dispatch_sim_new(&sim, engine, &config, ended, NULL),
                     VMC_OK);
    counts = vmc_dispatch_sim_counts(sim);
    start(5, VMC_DISPATCH_COALESCED, true, 0);
    vmc_engine_run_all(engine);
    sample_count = 0;
    for (uint32_t vcpu = 0; vcpu < 4; vcpu++) {
        start((vcpu * 3 + 1) % 4, VMC_DISPATCH_EXIT, true, 0);
    }
    vmc_engine_run_all(engine);
    ck_assert_uint_eq(vmc_dispatch_ring_entries(sim), 1); /* left alone */
    for (uint32_t n = 0; n < 4; n++) {
        ck_assert_uint_eq(samples[n].vcpu, (n * 3 + 1) % 4);
        ck_assert_uint_eq(samples[n].ticks, samples[0].ticks + n * held);
    }
    ck_assert_uint_eq(samples[0].ticks,
                      vmc_dispatch_ticks(&plain, &config.place,
                                         VMC_DISPATCH_EXIT, &habits[0].access));
    ck_assert_uint_eq(counts->lock_waits, 3);
    ck_assert_uint_eq(counts->stage_ticks[VMC_IO_LOCK], (1 + 2 + 3) * held);
}
END_TEST

START_TEST(two_descriptors_do_not_wait_for_each_other)
{
    struct vmc_io_access access = {.space = VMC_IO_PIO, .probes = 1};

    vmc_dispatch_submit(sim, 0, VMC_DISPATCH_SYNC, 0, &access);
    vmc_dispatch_submit(sim, 1, VMC_DISPATCH_SYNC, 1, &access);
    vmc_engine_run_all(engine);
    ck_assert_uint_eq(samples[0].ticks, samples[1].ticks);
    ck_assert_uint_eq(vmc_dispatch_sim_counts(sim)->lock_waits, 0);
}
END_TEST

START_TEST(designs_without_anything_shared_are_the_same_under_load)
{
    static const enum vmc_dispatch modes[] = {VMC_DISPATCH_KERNEL,
                                              VMC_DISPATCH_EXIT};

    for (uint32_t vcpu = 0; vcpu < VCPUS_MAX; vcpu++) {
        start(vcpu, modes[_i], true, 20);
    }
    vmc_engine_run_all(engine);
    ck_assert_uint_eq(sample_count, VCPUS_MAX * 21);
    for (uint32_t n = 1; n < sample_count; n++) {
        ck_assert_uint_eq(samples[n].ticks, samples[0].ticks);
    }
}
END_TEST

START_TEST(a_posted_write_leaves_the_process_working_alone)
{
    const struct vmc_dispatch_counts *counts = vmc_dispatch_sim_counts(sim);

    start(0, VMC_DISPATCH_POSTED, true, 0);
    while (sample_count == 0) {
        ck_assert(vmc_engine_step(engine));
    }
    ck_assert_uint_eq(counts->commands, 1);
    ck_assert_uint_eq(counts->commands_done, 0);
    vmc_engine_run_all(engine);
    ck_assert_uint_eq(counts->commands_done, 1);
    ck_assert_uint_eq(counts->process_ticks, plain.receive + plain.process);
    ck_assert_uint_eq(sample_count, 1);
}
END_TEST

/* The process needs a second for each command: the buffer fills. */
START_TEST(a_full_buffer_blocks_until_three_quarters_are_free)
{
    const struct vmc_dispatch_counts *counts;
    struct vmc_dispatch_costs slow = plain;
    uint64_t quick, room_tick;

    slow.process = UINT64_C(1000000000);
    slow.schedule = UINT64_C(1000000000);
    tear_down();
    set_up_with(&slow, false, false);
    counts = vmc_dispatch_sim_counts(sim);
    start(0, VMC_DISPATCH_POSTED, true, 700);
    while (counts->buffer_waits == 0) {
        ck_assert(vmc_engine_step(engine));
    }
    /* None has been read: the 279th write blocks. */
    ck_assert_uint_eq(sample_count, 278);
    ck_assert_uint_eq(counts->commands_done, 0);
    ck_assert_uint_eq(counts->queue_commands_max, 278);
    while (counts->commands_done < 278 - 69) {
        ck_assert(vmc_engine_step(engine));
    }
    ck_assert_uint_eq(sample_count, 278);
    room_tick = vmc_engine_now_tick(engine);
    while (sample_count == 278) {
        ck_assert(vmc_engine_step(engine));
    }
    ck_assert_uint_eq(samples[278].end_tick,
                      room_tick + slow.handoff + slow.send + slow.entry);
    ck_assert_uint_eq(counts->commands_done, 278 - 69);
    quick = samples[1].ticks;
    ck_assert_uint_gt(samples[278].ticks, 208 * slow.process);
    vmc_engine_run_all(engine);
    ck_assert_uint_eq(sample_count, 701);
    ck_assert_uint_eq(counts->commands_done, 701);
    /* In between it writes as fast as ever: 209 places at a time. */
    ck_assert_uint_eq(samples[279].ticks, quick);
    ck_assert_uint_eq(counts->buffer_waits, (701 - 278 + 208) / 209);
}
END_TEST

/* Two places, given out again when both are free. A newcomer that finds one
 * free stands behind those who wait. */
START_TEST(nobody_passes_a_line_for_the_buffer)
{
    const struct vmc_dispatch_counts *counts;
    struct vmc_dispatch_costs small = plain;

    small.socket_commands = 2;
    small.socket_resume = 0;
    small.process = 1000000; /* the newcomer sends while it works */
    tear_down();
    set_up_with(&small, false, false);
    counts = vmc_dispatch_sim_counts(sim);
    for (uint32_t vcpu = 0; vcpu < 4; vcpu++) {
        start(vcpu, VMC_DISPATCH_PROCESS, true, 0);
    }
    while (counts->commands_done == 0) {
        ck_assert(vmc_engine_step(engine));
    }
    ck_assert_uint_eq(counts->buffer_waits, 2);
    start(4, VMC_DISPATCH_PROCESS, true, 0);
    vmc_engine_run_all(engine);
    ck_assert_uint_eq(sample_count, 5);
    for (uint32_t n = 0; n < 5; n++) {
        ck_assert_uint_eq(samples[n].vcpu, n);
    }
    ck_assert_uint_eq(counts->buffer_waits, 3);
    ck_assert_uint_le(counts->queue_commands_max, 2);
}
END_TEST

START_TEST(posted_writes_of_many_outrun_one_process)
{
    const struct vmc_dispatch_counts *counts = vmc_dispatch_sim_counts(sim);
    uint64_t last_ticks = 0;

    for (uint32_t vcpu = 0; vcpu < VCPUS_MAX; vcpu++) {
        start(vcpu, VMC_DISPATCH_POSTED, true, 400);
    }
    vmc_engine_run_all(engine);
    for (uint32_t n = 0; n < sample_count; n++) {
        last_ticks =
            samples[n].ticks > last_ticks ? samples[n].ticks : last_ticks;
    }
    ck_assert_uint_eq(counts->commands_done, VCPUS_MAX * 401);
    ck_assert_uint_gt(counts->lock_waits, 0);
    ck_assert_uint_gt(last_ticks, samples[0].ticks);
}
END_TEST

START_TEST(the_ring_takes_169_writes_and_the_170th_exits)
{
    const struct vmc_dispatch_counts *counts = vmc_dispatch_sim_counts(sim);
    struct vmc_io_access access = {
        .space = VMC_IO_MMIO, .is_write = true, .probes = 3};
    struct vmc_dispatch_place place = {.has_other_cpu = false};
    uint64_t absorbed =
        vmc_dispatch_ticks(&plain, &place, VMC_DISPATCH_COALESCED, &access);
    uint64_t sum = 0;

    start(0, VMC_DISPATCH_COALESCED, true, 339);
    vmc_engine_run_all(engine);
    for (uint32_t n = 0; n < 340; n++) {
        bool is_full = n % 170 == 169;

        ck_assert_msg((samples[n].ticks != absorbed) == is_full, "write %u", n);
        sum += samples[n].ticks;
    }
    ck_assert_uint_eq(counts->ring_full, 2);
    ck_assert_uint_eq(counts->ring_drained, 2 * 169);
    ck_assert_uint_eq(counts->by_mode[VMC_DISPATCH_COALESCED], 338);
    ck_assert_uint_eq(counts->by_mode[VMC_DISPATCH_EXIT], 2);
    ck_assert_uint_eq(vmc_dispatch_ring_entries(sim), 0);
    ck_assert_uint_eq(sum / 340,
                      vmc_dispatch_coalesced_ticks(&plain, &place, &access));
}
END_TEST

START_TEST(an_exit_drains_the_ring_only_where_that_is_the_habit)
{
    tear_down();
    set_up_with(&plain, false, _i == 1);
    start(0, VMC_DISPATCH_COALESCED, true, 9);
    vmc_engine_run_all(engine);
    ck_assert_uint_eq(vmc_dispatch_ring_entries(sim), 10);
    start(1, VMC_DISPATCH_EXIT, true, 0);
    vmc_engine_run_all(engine);
    ck_assert_uint_eq(vmc_dispatch_ring_entries(sim), _i == 1 ? 0 : 10);
    ck_assert_uint_eq(vmc_dispatch_sim_counts(sim)->stage_ticks[VMC_IO_DRAIN],
                      _i == 1 ? 10 * (plain.drain + plain.process) : 0);
}
END_TEST

START_TEST(signals_that_come_before_the_process_looks_are_one)
{
    const struct vmc_dispatch_counts *counts = vmc_dispatch_sim_counts(sim);

    for (uint32_t vcpu = 0; vcpu < 5; vcpu++) {
        start(vcpu, VMC_DISPATCH_IOEVENTFD, true, 0);
    }
    vmc_engine_run_all(engine);
    ck_assert_uint_eq(counts->signals, 5);
    ck_assert_uint_eq(counts->signals_merged, 4);
    ck_assert_uint_eq(counts->process_wakes, 1);
    ck_assert_uint_eq(counts->process_ticks, plain.receive + plain.process);
    /* Only who finds it asleep pays for waking it. */
    start(0, VMC_DISPATCH_IOEVENTFD, true, 1);
    vmc_engine_run_all(engine);
    ck_assert_uint_eq(samples[5].ticks - samples[6].ticks, plain.wake);
}
END_TEST

START_TEST(forwarded_accesses_queue_in_the_process)
{
    const struct vmc_dispatch_counts *counts = vmc_dispatch_sim_counts(sim);
    uint64_t server = plain.receive + plain.process + plain.reply + plain.wake;

    for (uint32_t vcpu = 0; vcpu < 3; vcpu++) {
        start(vcpu, VMC_DISPATCH_PROCESS, false, 0);
    }
    vmc_engine_run_all(engine);
    /* All are sent at once, the first of them alone has woken it. */
    ck_assert_uint_eq(samples[1].ticks, samples[0].ticks + server);
    ck_assert_uint_eq(samples[2].ticks, samples[0].ticks + 2 * server);
    ck_assert_uint_eq(counts->queue_commands_max, 3);
    ck_assert_uint_eq(counts->lock_waits, 0);
    ck_assert_uint_eq(counts->stage_ticks[VMC_IO_QUEUE],
                      3 * server + 2 * plain.schedule);
}
END_TEST

/* Random mixes: nothing is lost, nothing is left, time is accounted for. */
START_TEST(every_access_ends_once_and_its_time_is_its_stages)
{
    const struct vmc_dispatch_counts *counts = vmc_dispatch_sim_counts(sim);
    struct vmc_rng rng;
    uint64_t sum = 0, by_stage = 0, expected = 0;

    vmc_rng_init(&rng, (uint64_t)_i + 1);
    for (uint32_t vcpu = 0; vcpu < VCPUS_MAX; vcpu++) {
        enum vmc_dispatch mode =
            (enum vmc_dispatch)vmc_rng_below(&rng, VMC_DISPATCH_COUNT);
        uint32_t repeats = (uint32_t)vmc_rng_below(&rng, 300);

        start(vcpu, mode, vmc_rng_below(&rng, 4) != 0, repeats);
        expected += repeats + 1U;
    }
    vmc_engine_run_all(engine);
    ck_assert_uint_eq(sample_count, expected);
    ck_assert_uint_eq(counts->accesses, expected);
    ck_assert_uint_eq(counts->commands, counts->commands_done);
    for (uint32_t n = 0; n < sample_count; n++) {
        sum += samples[n].ticks;
    }
    for (uint32_t stage = 0; stage < VMC_IO_STAGE_COUNT; stage++) {
        by_stage += counts->stage_ticks[stage];
    }
    ck_assert_uint_eq(sum, by_stage);
    for (uint32_t vcpu = 0; vcpu < VCPUS_MAX; vcpu++) {
        ck_assert(!vmc_dispatch_is_busy(sim, vcpu));
    }
}
END_TEST

START_TEST(a_run_goes_on_from_a_snapshot_as_it_would_have)
{
    static uint64_t engine_bytes[4096];
    struct vmc_state_map map = {0};
    void *saved;
    uint64_t fingerprint, ends;
    uint32_t count;

    vmc_dispatch_sim_add_state(sim, &map);
    saved = malloc(map.total_bytes);
    ck_assert_ptr_nonnull(saved);
    for (uint32_t vcpu = 0; vcpu < 4; vcpu++) {
        start(vcpu, VMC_DISPATCH_SYNC, true, 0);
    }
    for (uint32_t n = 0; n < 8; n++) {
        ck_assert(vmc_engine_step(engine));
    }
    ck_assert_uint_le(vmc_engine_snapshot_bytes(engine), sizeof(engine_bytes));
    vmc_engine_save(engine, engine_bytes);
    vmc_state_save(&map, saved);
    ck_assert_uint_eq(sample_count, 0);
    vmc_engine_run_all(engine);
    fingerprint = vmc_engine_fingerprint(engine);
    ends = vmc_engine_now_tick(engine);
    count = sample_count;
    sample_count = 0;
    ck_assert_int_eq(vmc_engine_load(engine, engine_bytes), VMC_OK);
    vmc_state_load(&map, saved);
    vmc_engine_run_all(engine);
    ck_assert_uint_eq(vmc_engine_fingerprint(engine), fingerprint);
    ck_assert_uint_eq(vmc_engine_now_tick(engine), ends);
    ck_assert_uint_eq(sample_count, count);
    free(saved);
}
END_TEST

START_TEST(bad_numbers_of_a_configuration_are_refused)
{
    struct vmc_dispatch_sim_config config = {
        .costs = plain, .vcpu_count = 1, .channel_count = 1};
    struct vmc_dispatch_sim *other = NULL;

    config.vcpu_count = 0;
    ck_assert_int_eq(vmc_dispatch_sim_new(&other, engine, &config, ended, NULL),
                     VMC_E_RANGE);
    config.vcpu_count = VMC_DISPATCH_VCPUS_MAX + 1;
    ck_assert_int_eq(vmc_dispatch_sim_new(&other, engine, &config, ended, NULL),
                     VMC_E_RANGE);
    config.vcpu_count = 1;
    config.channel_count = VMC_DISPATCH_CHANNELS_MAX + 1;
    ck_assert_int_eq(vmc_dispatch_sim_new(&other, engine, &config, ended, NULL),
                     VMC_E_RANGE);
    config.channel_count = 1;
    config.costs.ring_entries = 0;
    ck_assert_int_eq(vmc_dispatch_sim_new(&other, engine, &config, ended, NULL),
                     VMC_E_RANGE);
    ck_assert_ptr_null(other);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("dispatch_sim");
    TCase *c = tcase_create("dispatch_sim");

    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_loop_test(c, alone_the_simulation_takes_what_the_closed_form_says,
                        0, 12 * VMC_DISPATCH_COUNT);
    tcase_add_loop_test(c,
                        each_element_of_a_string_is_looked_up_and_served_anew,
                        0, VMC_DISPATCH_COUNT);
    tcase_add_test(c, one_descriptor_serves_vcpus_in_the_order_they_came);
    tcase_add_test(c, a_vmm_with_a_lock_looks_at_one_exit_at_a_time);
    tcase_add_test(c, two_descriptors_do_not_wait_for_each_other);
    tcase_add_loop_test(
        c, designs_without_anything_shared_are_the_same_under_load, 0, 2);
    tcase_add_test(c, a_posted_write_leaves_the_process_working_alone);
    tcase_add_test(c, a_full_buffer_blocks_until_three_quarters_are_free);
    tcase_add_test(c, nobody_passes_a_line_for_the_buffer);
    tcase_add_test(c, posted_writes_of_many_outrun_one_process);
    tcase_add_test(c, the_ring_takes_169_writes_and_the_170th_exits);
    tcase_add_loop_test(c, an_exit_drains_the_ring_only_where_that_is_the_habit,
                        0, 2);
    tcase_add_test(c, signals_that_come_before_the_process_looks_are_one);
    tcase_add_test(c, forwarded_accesses_queue_in_the_process);
    tcase_add_loop_test(c, every_access_ends_once_and_its_time_is_its_stages, 0,
                        20);
    tcase_add_test(c, a_run_goes_on_from_a_snapshot_as_it_would_have);
    tcase_add_test(c, bad_numbers_of_a_configuration_are_refused);
    return s;
}
