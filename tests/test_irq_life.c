/* SPDX-License-Identifier: MIT */
/* Interrupts to vCPUs that are destroyed, unplugged and parked: all orders of
 * a scenario, with a real controller model beside it. */
#include "sim/machine/irq_life.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "vcpu/program.h"

enum { DEPTH_MAX = 64, SEEN_MAX = 1 << 14 };

static struct irq_life *path;
static uint32_t lost_max, dying_max, taken_max, stray_max, runs;

static struct vmc_hash128 seen[SEEN_MAX]; /* zero where free */

/* Whether *@it has been visited: life, controller and books together. */
static bool is_known(const struct irq_life *it)
{
    struct {
        struct vmc_hash128 life, eio;
        uint32_t books[6];
        uint8_t sent_to[IRQ_LIFE_DELIVERIES_MAX];
    } whole;
    struct vmc_hash128 hash;
    uint64_t slot;

    memset(&whole, 0, sizeof(whole));
    whole.life = vmc_life_hash(it->program, &it->life);
    whole.eio = vmc_hash128(&it->eio.state, sizeof(it->eio.state), 0);
    memcpy(whole.books, &it->accepted, sizeof(whole.books));
    memcpy(whole.sent_to, it->sent_to, sizeof(whole.sent_to));
    hash = vmc_hash128(&whole, sizeof(whole), 1);
    hash.high |= 1;
    for (slot = hash.low % SEEN_MAX; seen[slot].high != 0;
         slot = (slot + 1) % SEEN_MAX) {
        if (seen[slot].low == hash.low && seen[slot].high == hash.high) {
            return true;
        }
    }
    seen[slot] = hash;
    return false;
}

static void visit(uint32_t depth)
{
    uint16_t steps[VMC_LIFE_STEPS_MAX];
    struct irq_life *it = &path[depth];
    uint32_t count = vmc_life_enabled(it->program, &it->life, steps);
    struct vmc_life_event event;

    ck_assert_uint_lt(depth + 1, DEPTH_MAX);
    if (count == 0) {
        lost_max = it->lost > lost_max ? it->lost : lost_max;
        dying_max = it->dying > dying_max ? it->dying : dying_max;
        stray_max = it->stray > stray_max ? it->stray : stray_max;
        taken_max = it->taken > taken_max ? it->taken : taken_max;
        ck_assert_uint_eq(it->accepted, 1);
        runs++;
    }
    for (uint32_t i = 0; i < count; i++) {
        const char *broken;

        irq_life_copy(&path[depth + 1], it);
        ck_assert(irq_life_step(&path[depth + 1], steps[i], &event, NULL));
        broken = irq_life_check(&path[depth + 1]);
        ck_assert_msg(broken == NULL, "%s", broken);
        if (!is_known(&path[depth + 1])) {
            visit(depth + 1);
        }
    }
}

static const struct {
    const char *name, *variant;
    uint32_t lost, dying, stray; /* at most, in any order */
} rows[] = {
    {"I01", "destroy", 1, 1, 0},     {"I01", "f1", 1, 1, 0},
    {"I01", "offline", 0, 0, 0},     {"I02", "f4", 0, 0, 0},
    {"I03", "unplug", 0, 0, 0},      {"I03", "f1", 0, 0, 0},
    {"I03", "f4", 0, 0, 0},          {"I03", "surprise", 1, 1, 1},
    {"I03", "f4_surprise", 0, 0, 0},
};

static const enum vmc_eio_implementation implementations[] = {
    VMC_EIO_QEMU, VMC_EIO_KVM_K3, VMC_EIO_HW};

START_TEST(no_interrupt_is_lost_but_to_the_dead)
{
    size_t row = (size_t)_i / VMC_COUNT_OF(implementations);
    struct vmc_life_config config = {.variant = rows[row].variant};
    struct vmc_life_program *program;
    struct vmc_error error = {""};
    char file[64];

    (void)snprintf(file, sizeof(file), "tests/scenarios/%s", rows[row].name);
    ck_assert_msg(vmc_life_compile(&program, file, &config, &error) == VMC_OK,
                  "%s", error.text);
    path = calloc(DEPTH_MAX, sizeof(*path));
    ck_assert_ptr_nonnull(path);
    ck_assert_int_eq(
        irq_life_init(
            path, program,
            implementations[(size_t)_i % VMC_COUNT_OF(implementations)]),
        VMC_OK);
    lost_max = dying_max = taken_max = stray_max = runs = 0;
    memset(seen, 0, sizeof(seen));
    visit(0);
    ck_assert_uint_ge(runs, 1);
    ck_assert_uint_eq(taken_max, 1);
    ck_assert_uint_eq(lost_max, rows[row].lost);
    ck_assert_uint_eq(dying_max, rows[row].dying);
    ck_assert_uint_eq(stray_max, rows[row].stray);
    free(path);
    vmc_life_program_free(program);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("irq_life");
    TCase *c = tcase_create("irq_life");

    suite_add_tcase(s, c);
    tcase_set_timeout(c, 60);
    tcase_add_loop_test(
        c, no_interrupt_is_lost_but_to_the_dead, 0,
        (int)(VMC_COUNT_OF(rows) * VMC_COUNT_OF(implementations)));
    return s;
}
