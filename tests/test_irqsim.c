/* SPDX-License-Identifier: MIT */
/*
 * Interrupts in time, cycle by cycle: with profile `unit` every stage takes
 * one cycle, and each scenario below says at which cycle what moves. The
 * cycles were worked out by hand from the stages:
 *
 *     0 raised  1 out of the router, status bit set  2 pin seen by the vCPU
 *     3 woken or kicked  4 in the handler  5 ESTAT read  6 routine begins
 *     7 first status read ends ...
 */
#include "sim/machine/irqsim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

enum { VCPUS = 8, LINES_MAX = 64, CYCLE_TICKS = 1000 };

/* A controller as small as one can be: status bits, routes, one pin for all
 * vectors or one for each 64. */
struct plain {
    struct irqsim *sim;
    uint64_t status[VCPUS][4];
    uint32_t route[256];
    uint32_t ipi[VCPUS];
    bool is_multi_pin;
};

static struct plain plain;
static struct irqsim *sim;
static struct vmc_engine *engine;
static char lines[LINES_MAX][48];
static uint32_t line_count;
static bool shows_modes;

static uint32_t pin_of(uint32_t vector)
{
    return IRQSIM_HWI0 + (plain.is_multi_pin ? vector / 64 : 1);
}

static bool pin_level(uint32_t vcpu, uint32_t vector)
{
    const uint64_t *s = plain.status[vcpu];

    return plain.is_multi_pin ? s[vector / 64] != 0
                              : (s[0] | s[1] | s[2] | s[3]) != 0;
}

static void put_status(uint32_t vcpu, uint32_t vector, bool value)
{
    bool before = pin_level(vcpu, vector);
    uint64_t bit = UINT64_C(1) << vector % 64;

    if (value) {
        plain.status[vcpu][vector / 64] |= bit;
    } else {
        plain.status[vcpu][vector / 64] &= ~bit;
    }
    if (pin_level(vcpu, vector) != before) {
        irqsim_set_line(sim, vcpu, pin_of(vector), !before);
    }
}

static void plain_set_input(void *machine, uint32_t vector, bool level)
{
    (void)machine;
    put_status(plain.route[vector], vector, level);
    if (level) {
        irqsim_vector_pending(sim, vector);
    }
}

static uint64_t plain_access(void *machine, uint32_t vcpu,
                             const struct guest_access *access)
{
    (void)machine;
    if (access->bus == GUEST_MMIO) {
        return 0;
    }
    if (access->address == 0x1000) {
        return plain.ipi[vcpu];
    }
    if (access->address == 0x100c) {
        plain.ipi[vcpu] &= ~(uint32_t)access->data;
        if (plain.ipi[vcpu] == 0) {
            irqsim_set_line(sim, vcpu, IRQSIM_IPI_LINE, false);
        }
        return 0;
    }
    if (!access->is_write) {
        return plain.status[vcpu][(access->address & 0x1f) / 8];
    }
    for (uint32_t i = 0; i < 64; i++) {
        if ((access->data >> i & 1) != 0) {
            put_status(vcpu, (uint32_t)(access->address & 0x1f) * 8 + i, false);
        }
    }
    return 0;
}

static uint32_t plain_target_of(void *machine, uint32_t vector)
{
    (void)machine;
    return plain.route[vector];
}

static const struct irqsim_ops plain_ops = {plain_set_input, plain_access,
                                            plain_target_of};

static char *next_line(void)
{
    ck_assert_uint_lt(line_count, LINES_MAX);
    return lines[line_count++];
}

static void show_line(void *watcher, uint64_t tick, uint32_t vcpu,
                      uint32_t line, bool level)
{
    (void)watcher;
    (void)snprintf(next_line(), sizeof(lines[0]), "%u cpu%u IS%u %s",
                   (unsigned)(tick / CYCLE_TICKS), vcpu, line,
                   level ? "up" : "down");
}

static void show_mode(void *watcher, uint64_t tick, uint32_t vcpu,
                      enum irqsim_vcpu_mode mode)
{
    static const char *const names[] = {"runs", "idles", "enters", "handles"};

    (void)watcher;
    if (shows_modes) {
        (void)snprintf(next_line(), sizeof(lines[0]), "%u cpu%u %s",
                       (unsigned)(tick / CYCLE_TICKS), vcpu, names[mode]);
    }
}

static void show_vector(void *watcher, uint64_t tick, uint32_t vcpu,
                        uint32_t vector, const char *what)
{
    (void)watcher;
    (void)snprintf(next_line(), sizeof(lines[0]), "%u cpu%u v%u %s",
                   (unsigned)(tick / CYCLE_TICKS), vcpu, vector, what);
}

static const struct irqsim_observer observer = {
    .line = show_line, .mode = show_mode, .vector = show_vector};

/* What happens to the machine, and when. */
enum action { END, RAISE, LEVEL, LOWER, IPI, MOVE };

struct stimulus {
    uint64_t cycle;
    enum action action;
    uint32_t vector, vcpu; /* MOVE: to vcpu; IPI: to vcpu */
};

static const struct stimulus *stimuli;

static void act(void *device, uint64_t index)
{
    const struct stimulus *s = &stimuli[index];
    uint32_t from = plain.route[s->vector];

    (void)device;
    switch (s->action) {
    case RAISE:
        irqsim_input(sim, s->vector, true, false);
        break;
    case LEVEL:
        irqsim_set_pic_pin(sim, s->vector, 3);
        irqsim_input(sim, s->vector, true, true);
        break;
    case LOWER:
        irqsim_input(sim, s->vector, false, true);
        break;
    case IPI:
        irqsim_ipi_sent(sim, s->vcpu);
        plain.ipi[s->vcpu] |= 2;
        irqsim_set_line(sim, s->vcpu, IRQSIM_IPI_LINE, true);
        break;
    case MOVE:
        plain.route[s->vector] = s->vcpu;
        if ((plain.status[from][s->vector / 64] >> s->vector % 64 & 1) != 0) {
            put_status(from, s->vector, false);
            put_status(s->vcpu, s->vector, true);
        }
        break;
    case END:
        break;
    }
}

static void set_up(enum guest_generation generation, uint32_t node_count)
{
    struct irqsim_config config = {
        .guest = {.generation = generation,
                  .vector_count = 256,
                  .vcpu_count = VCPUS,
                  .node_map = 0xffff,
                  .parent_pin = 1},
        .node_count = node_count,
        .cores_per_node = node_count > 1 ? 4 : 256,
    };
    const struct vmc_engine_config engine_config = {1024, 16};
    struct vmc_profile *profile = NULL;
    struct vmc_error error = {""};

    ck_assert_msg(vmc_profile_load(&profile, "unit", &error) == VMC_OK, "%s",
                  error.text);
    ck_assert_msg(irqsim_timing_read(&config.timing, profile, &error) == VMC_OK,
                  "%s", error.text);
    vmc_profile_free(profile);
    for (uint32_t i = 0; i < VCPUS; i++) {
        config.guest.physical_ids[i] = (uint16_t)i;
        config.guest.online[i] = 1;
    }
    sim = calloc(1, sizeof(*sim));
    ck_assert_ptr_nonnull(sim);
    plain = (struct plain){.sim = sim, .is_multi_pin = generation >= GUEST_L3};
    ck_assert_int_eq(vmc_engine_new(&engine, &engine_config), VMC_OK);
    ck_assert_int_eq(irqsim_init(sim, &config, engine, &plain_ops, NULL),
                     VMC_OK);
    irqsim_observe(sim, &observer, NULL);
    line_count = 0;
}

static void tear_down(void)
{
    vmc_engine_free(engine);
    free(sim);
}

static const struct {
    const char *what;
    enum guest_generation generation;
    uint32_t node_count;
    bool shows_modes;
    struct stimulus in[6];
    const char *out[32];
} scenarios[] = {
    {"a message to an idle vCPU, four status words",
     GUEST_L1,
     1,
     true,
     {{0, RAISE, 69, 0}},
     {"0 cpu0 v69 raise", "1 cpu0 v69 pending", "2 cpu0 IS3 up",
      "2 cpu0 enters", "4 cpu0 handles", "8 cpu0 v69 seen", "9 cpu0 v69 clear",
      "10 cpu0 IS3 down", "10 cpu0 v69 handled", "13 cpu0 runs",
      "14 cpu0 idles"}},
    {"the same, one pin for 64 vectors",
     GUEST_L3,
     1,
     true,
     {{0, RAISE, 69, 0}},
     {"0 cpu0 v69 raise", "1 cpu0 v69 pending", "2 cpu0 IS3 up",
      "2 cpu0 enters", "4 cpu0 handles", "7 cpu0 v69 seen", "8 cpu0 v69 clear",
      "9 cpu0 IS3 down", "9 cpu0 v69 handled", "10 cpu0 runs",
      "11 cpu0 idles"}},
    {"the old driver writes empty words back too",
     GUEST_L0,
     1,
     false,
     {{0, RAISE, 69, 0}},
     {"0 cpu0 v69 raise", "1 cpu0 v69 pending", "2 cpu0 IS3 up",
      "9 cpu0 v69 seen", "10 cpu0 v69 clear", "11 cpu0 IS3 down",
      "11 cpu0 v69 handled"}},
    {"two vCPUs at once: the router takes the lower vector first",
     GUEST_L3,
     1,
     false,
     {{0, RAISE, 70, 1}, {0, MOVE, 69, 1}, {0, RAISE, 69, 1}},
     {"0 cpu0 v70 raise", "0 cpu0 v69 raise", "1 cpu0 v69 pending",
      "2 cpu1 IS3 up", "2 cpu0 v70 pending", "3 cpu0 IS3 up", "7 cpu1 v69 seen",
      "8 cpu0 v70 seen", "8 cpu1 v69 clear", "9 cpu1 IS3 down",
      "9 cpu0 v70 clear", "9 cpu1 v69 handled", "10 cpu0 IS3 down",
      "10 cpu0 v70 handled"}},
    {"two vectors of one word: one read, one write, two handlers",
     GUEST_L3,
     1,
     false,
     {{0, RAISE, 70, 0}, {0, RAISE, 69, 0}},
     {"0 cpu0 v70 raise", "0 cpu0 v69 raise", "1 cpu0 v69 pending",
      "2 cpu0 IS3 up", "2 cpu0 v70 pending", "7 cpu0 v69 seen",
      "7 cpu0 v70 seen", "8 cpu0 v69 clear", "8 cpu0 v70 clear",
      "9 cpu0 IS3 down", "9 cpu0 v69 handled", "10 cpu0 v70 handled"}},
    {"two words: the second is read after the handlers of the first",
     GUEST_L1,
     1,
     false,
     {{0, RAISE, 5, 0}, {0, RAISE, 69, 0}},
     {"0 cpu0 v5 raise", "0 cpu0 v69 raise", "1 cpu0 v5 pending",
      "2 cpu0 IS3 up", "2 cpu0 v69 pending", "7 cpu0 v5 seen",
      "8 cpu0 v5 clear", "9 cpu0 v5 handled", "10 cpu0 v69 seen",
      "11 cpu0 v69 clear", "12 cpu0 IS3 down", "12 cpu0 v69 handled"}},
    {"one that comes before its word is read needs no entry of its own",
     GUEST_L1,
     1,
     true,
     {{0, RAISE, 5, 0}, {6, RAISE, 200, 0}},
     {"0 cpu0 v5 raise", "1 cpu0 v5 pending", "2 cpu0 IS3 up", "2 cpu0 enters",
      "4 cpu0 handles", "6 cpu0 v200 raise", "7 cpu0 v200 pending",
      "7 cpu0 v5 seen", "8 cpu0 v5 clear", "9 cpu0 v5 handled",
      "12 cpu0 v200 seen", "13 cpu0 v200 clear", "14 cpu0 IS3 down",
      "14 cpu0 v200 handled", "15 cpu0 runs", "16 cpu0 idles"}},
    {"one that comes after its word was read: entered again, without a kick",
     GUEST_L1,
     1,
     true,
     {{0, RAISE, 5, 0}, {8, RAISE, 6, 0}},
     {"0 cpu0 v5 raise",   "1 cpu0 v5 pending", "2 cpu0 IS3 up",
      "2 cpu0 enters",     "4 cpu0 handles",    "7 cpu0 v5 seen",
      "8 cpu0 v6 raise",   "8 cpu0 v5 clear",   "9 cpu0 IS3 down",
      "9 cpu0 v6 pending", "9 cpu0 v5 handled", "10 cpu0 IS3 up",
      "13 cpu0 enters",    "14 cpu0 handles",   "17 cpu0 v6 seen",
      "18 cpu0 v6 clear",  "19 cpu0 IS3 down",  "19 cpu0 v6 handled",
      "23 cpu0 runs",      "24 cpu0 idles"}},
    {"two messages before the read are one interrupt",
     GUEST_L3,
     1,
     false,
     {{0, RAISE, 69, 0}, {3, RAISE, 69, 0}},
     {"0 cpu0 v69 raise", "1 cpu0 v69 pending", "2 cpu0 IS3 up",
      "3 cpu0 v69 raise", "7 cpu0 v69 seen", "8 cpu0 v69 clear",
      "9 cpu0 IS3 down", "9 cpu0 v69 handled"}},
    {"an IPI",
     GUEST_L1,
     1,
     true,
     {{0, IPI, 0, 2}},
     {"1 cpu2 IS12 up", "1 cpu2 enters", "3 cpu2 handles", "8 cpu2 IS12 down",
      "9 cpu2 runs", "10 cpu2 idles"}},
    {"an IPI and a vector: Linux serves the lower line first",
     GUEST_L3,
     1,
     false,
     {{0, RAISE, 69, 2}, {0, MOVE, 69, 2}, {1, IPI, 0, 2}},
     {"0 cpu0 v69 raise", "1 cpu0 v69 pending", "2 cpu2 IS12 up",
      "2 cpu2 IS3 up", "7 cpu2 v69 seen", "8 cpu2 v69 clear", "9 cpu2 IS3 down",
      "9 cpu2 v69 handled", "13 cpu2 IS12 down"}},
    {"another node: a hop and a second router",
     GUEST_L3,
     2,
     false,
     {{0, MOVE, 69, 5}, {0, RAISE, 69, 5}},
     {"0 cpu0 v69 raise", "3 cpu0 v69 pending", "4 cpu5 IS3 up",
      "9 cpu5 v69 seen", "10 cpu5 v69 clear", "11 cpu5 IS3 down",
      "11 cpu5 v69 handled"}},
    {"moved while its first vCPU is being woken: that one looks in vain",
     GUEST_L3,
     1,
     true,
     {{0, RAISE, 69, 0}, {3, MOVE, 69, 1}},
     {"0 cpu0 v69 raise", "1 cpu0 v69 pending", "2 cpu0 IS3 up",
      "2 cpu0 enters", "4 cpu0 IS3 down", "4 cpu1 IS3 up", "4 cpu1 enters",
      "4 cpu0 handles", "6 cpu1 handles", "6 cpu0 runs", "7 cpu0 idles",
      "9 cpu1 v69 seen", "10 cpu1 v69 clear", "11 cpu1 IS3 down",
      "11 cpu1 v69 handled", "12 cpu1 runs", "13 cpu1 idles"}},
    {"a level line: masked, acknowledged, lowered by its device, unmasked",
     GUEST_L3,
     1,
     true,
     {{0, LEVEL, 69, 0}},
     {"0 cpu0 v69 raise", "1 cpu0 v69 pending", "2 cpu0 IS3 up",
      "2 cpu0 enters", "4 cpu0 handles", "7 cpu0 v69 seen", "8 cpu0 v69 clear",
      "9 cpu0 IS3 down", "12 cpu0 v69 handled", "16 cpu0 runs",
      "17 cpu0 idles"}},
    {"a level line that falls before anybody looks",
     GUEST_L3,
     1,
     true,
     {{0, LEVEL, 69, 0}, {3, LOWER, 69, 0}},
     {"0 cpu0 v69 raise", "1 cpu0 v69 pending", "2 cpu0 IS3 up",
      "2 cpu0 enters", "3 cpu0 v69 withdrawn", "4 cpu0 handles",
      "5 cpu0 IS3 down", "8 cpu0 runs", "9 cpu0 idles"}},
};

START_TEST(every_wire_moves_at_its_cycle)
{
    uint16_t handler;
    uint32_t expected = 0;

    shows_modes = scenarios[_i].shows_modes;
    set_up(scenarios[_i].generation, scenarios[_i].node_count);
    stimuli = scenarios[_i].in;
    handler = vmc_engine_add_handler(engine, "stimulus", 0, act, NULL);
    for (uint64_t i = 0; stimuli[i].action != END; i++) {
        vmc_engine_schedule(engine, stimuli[i].cycle * CYCLE_TICKS,
                            VMC_PHASE_WIRE, handler, i);
    }
    (void)vmc_engine_run_all(engine);
    for (; scenarios[_i].out[expected] != NULL; expected++) {
        ck_assert_msg(expected < line_count, "%s: nothing after line %u",
                      scenarios[_i].what, expected);
        ck_assert_msg(strcmp(lines[expected], scenarios[_i].out[expected]) == 0,
                      "%s, line %u: '%s', expected '%s'", scenarios[_i].what,
                      expected, lines[expected], scenarios[_i].out[expected]);
    }
    ck_assert_msg(line_count == expected, "%s: also '%s'", scenarios[_i].what,
                  lines[expected]);
    tear_down();
}
END_TEST

/* The stages of one interrupt add up to its latency, to the tick. */
START_TEST(stages_add_up_to_the_latency)
{
    static const struct stimulus two[] = {
        {0, RAISE, 5, 0}, {8, RAISE, 6, 0}, {0, END, 0, 0}};
    uint64_t sum = 0;
    uint16_t handler;

    shows_modes = false;
    set_up(GUEST_L1, 1);
    stimuli = two;
    handler = vmc_engine_add_handler(engine, "stimulus", 0, act, NULL);
    for (uint64_t i = 0; stimuli[i].action != END; i++) {
        vmc_engine_schedule(engine, stimuli[i].cycle * CYCLE_TICKS,
                            VMC_PHASE_WIRE, handler, i);
    }
    (void)vmc_engine_run_all(engine);
    for (int i = 0; i < IRQSIM_STAGE_COUNT; i++) {
        sum += sim->state.counts.stage_ticks[i];
    }
    ck_assert_uint_eq(sim->state.seen_ns.count, 2);
    ck_assert_uint_eq(sum / CYCLE_TICKS, (9 - 0) - 1 + (18 - 8));
    ck_assert_uint_eq(sim->state.cleared_ns.sum_low, 8 + 10);
    ck_assert_uint_eq(sim->state.counts.stage_ticks[IRQSIM_BUSY] / CYCLE_TICKS,
                      3);
    ck_assert_uint_eq(sim->state.counts.stage_ticks[IRQSIM_WAKE] / CYCLE_TICKS,
                      1);
    ck_assert_uint_eq(sim->state.counts.stage_ticks[IRQSIM_KICK] / CYCLE_TICKS,
                      0);
    tear_down();
}
END_TEST

/* A machine that is saved in the middle and loaded again goes on the same. */
START_TEST(a_snapshot_in_the_middle_changes_nothing)
{
    static const struct stimulus in[] = {{0, RAISE, 5, 0},
                                         {0, RAISE, 69, 1},
                                         {6, IPI, 0, 2},
                                         {8, RAISE, 6, 0},
                                         {0, END, 0, 0}};
    struct vmc_state_map map = {0};
    uint64_t fingerprint;
    uint16_t handler;
    char *state, *events;

    shows_modes = false;
    set_up(GUEST_L1, 1);
    stimuli = in;
    handler = vmc_engine_add_handler(engine, "stimulus", 0, act, NULL);
    for (uint64_t i = 0; stimuli[i].action != END; i++) {
        vmc_engine_schedule(engine, stimuli[i].cycle * CYCLE_TICKS,
                            VMC_PHASE_WIRE, handler, i);
    }
    irqsim_add_state(sim, &map);
    vmc_state_add(&map, "plain", &plain, sizeof(plain));
    state = malloc(map.total_bytes);
    events = malloc(vmc_engine_snapshot_bytes(engine));
    ck_assert(state != NULL && events != NULL);
    (void)vmc_engine_run(engine, (uint64_t)_i * CYCLE_TICKS);
    vmc_state_save(&map, state);
    vmc_engine_save(engine, events);
    (void)vmc_engine_run_all(engine);
    fingerprint = vmc_engine_fingerprint(engine);
    line_count = 0;
    vmc_state_load(&map, state);
    ck_assert_int_eq(vmc_engine_load(engine, events), VMC_OK);
    (void)vmc_engine_run_all(engine);
    ck_assert_uint_eq(vmc_engine_fingerprint(engine), fingerprint);
    ck_assert_uint_eq(sim->state.counts.seen, 3);
    free(state);
    free(events);
    tear_down();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("irqsim");
    TCase *c = tcase_create("irqsim");

    suite_add_tcase(s, c);
    tcase_add_loop_test(c, every_wire_moves_at_its_cycle, 0,
                        (int)VMC_COUNT_OF(scenarios));
    tcase_add_test(c, stages_add_up_to_the_latency);
    tcase_add_loop_test(c, a_snapshot_in_the_middle_changes_nothing, 0, 20);
    return s;
}
