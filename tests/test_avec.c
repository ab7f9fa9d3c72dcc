/* SPDX-License-Identifier: MIT */
/* Message interrupts: the doorbell, the order of vectors, late posting. */
#include "irqchip/avec.h"

#include "suite.h"

static struct vmc_avec avec;
static uint32_t lines; /* a bit a vCPU */
static const uint16_t ids[] = {0, 1, 4};

static void hear(void *owner, uint32_t vcpu, bool level)
{
    (void)owner;
    lines = level ? lines | 1U << vcpu : lines & ~(1U << vcpu);
}

static void start(const struct vmc_avec_semantics *semantics)
{
    lines = 0;
    ck_assert_int_eq(vmc_avec_init(&avec, semantics, 3, ids, hear, NULL),
                     VMC_OK);
}

static void ring(uint32_t id, uint32_t vector)
{
    vmc_avec_write(&avec, id << 12 | vector << 4);
}

START_TEST(the_highest_vector_comes_first_except_in_qemu)
{
    struct vmc_avec_semantics all[] = {vmc_avec_semantics_qemu(),
                                       vmc_avec_semantics_kvm(),
                                       vmc_avec_semantics_hw()};
    static const uint32_t order[][3] = {
        {16, 70, 255}, {255, 70, 16}, {255, 70, 16}};

    start(&all[_i]);
    ring(1, 70);
    ring(1, 255);
    ring(1, 16);
    ring(1, 16);
    vmc_avec_settle(&avec, 1);
    ck_assert_uint_eq(lines, 2);
    for (uint32_t i = 0; i < 3; i++) {
        ck_assert_uint_eq(lines, 2);
        ck_assert_uint_eq(vmc_avec_take(&avec, 1), order[_i][i]);
    }
    ck_assert_uint_eq(lines, 0);
    ck_assert_uint_eq(vmc_avec_take(&avec, 1), VMC_AVEC_NONE);
}
END_TEST

START_TEST(vectors_below_the_threshold_wait)
{
    struct vmc_avec_semantics hw = vmc_avec_semantics_hw();
    struct vmc_avec_semantics qemu = vmc_avec_semantics_qemu();

    start(&hw);
    vmc_avec_set_threshold(&avec, 0, 100);
    ring(0, 99);
    ck_assert_uint_eq(lines, 0);
    ck_assert_uint_eq(vmc_avec_take(&avec, 0), VMC_AVEC_NONE);
    vmc_avec_set_threshold(&avec, 0, 99);
    ck_assert_uint_eq(lines, 1);
    ck_assert_uint_eq(vmc_avec_take(&avec, 0), 99);
    start(&qemu);
    vmc_avec_set_threshold(&avec, 0, 100);
    ring(0, 99);
    vmc_avec_settle(&avec, 0);
    ck_assert_uint_eq(vmc_avec_take(&avec, 0), 99);
}
END_TEST

START_TEST(qemu_raises_the_line_of_an_index_and_the_vector_of_an_id)
{
    struct vmc_avec_semantics qemu = vmc_avec_semantics_qemu();
    struct vmc_avec_semantics kvm = vmc_avec_semantics_kvm();

    start(&qemu);
    ring(1, 20);
    ck_assert_uint_eq(lines, 2);
    ring(4, 20); /* id 4 is index 2; there is no index 4 */
    ck_assert_uint_eq(lines, 2);
    vmc_avec_settle(&avec, 2);
    ck_assert_uint_eq(lines, 2); /* the vector is there, and no line */
    ck_assert_uint_eq(vmc_avec_take(&avec, 2), 20);
    start(&kvm);
    ring(4, 20);
    ck_assert_uint_eq(lines, 4);
}
END_TEST

START_TEST(a_vector_that_is_posted_during_a_read_is_not_lost)
{
    struct vmc_avec_semantics all[] = {vmc_avec_semantics_qemu(),
                                       vmc_avec_semantics_kvm()};

    start(&all[_i]);
    ring(1, 20);
    vmc_avec_settle(&avec, 1);
    ring(1, 21);
    ck_assert_uint_eq(vmc_avec_take(&avec, 1), 20);
    ck_assert_uint_eq(lines, 0);
    vmc_avec_settle(&avec, 1);
    ck_assert_uint_eq(lines, 2);
    ck_assert_uint_eq(vmc_avec_take(&avec, 1), 21);
    vmc_avec_settle(&avec, 1);
    ck_assert_uint_eq(lines, 0);
}
END_TEST

START_TEST(a_cpu_that_is_not_there_gets_nothing)
{
    struct vmc_avec_semantics qemu = vmc_avec_semantics_qemu();
    struct vmc_avec_semantics kvm = vmc_avec_semantics_kvm();

    start(&qemu);
    ring(3, 20); /* B-32 */
    ck_assert_uint_eq(avec.state.fatal_accesses, 1);
    start(&kvm);
    ring(3, 20);
    ring(300, 20); /* nine bits of id reach beyond all ids */
    ck_assert_uint_eq(avec.state.fatal_accesses, 0);
    ck_assert_uint_eq(lines, 0);
}
END_TEST

START_TEST(limits_are_checked)
{
    struct vmc_avec_semantics hw = vmc_avec_semantics_hw();
    static const uint16_t bad[] = {256};

    ck_assert_int_eq(vmc_avec_init(&avec, &hw, 0, ids, hear, NULL),
                     VMC_E_RANGE);
    ck_assert_int_eq(vmc_avec_init(&avec, &hw, 257, ids, hear, NULL),
                     VMC_E_RANGE);
    ck_assert_int_eq(vmc_avec_init(&avec, &hw, 1, bad, hear, NULL),
                     VMC_E_RANGE);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("avec");
    TCase *c = tcase_create("avec");

    suite_add_tcase(s, c);
    tcase_add_loop_test(c, the_highest_vector_comes_first_except_in_qemu, 0, 3);
    tcase_add_test(c, vectors_below_the_threshold_wait);
    tcase_add_test(c, qemu_raises_the_line_of_an_index_and_the_vector_of_an_id);
    tcase_add_loop_test(c, a_vector_that_is_posted_during_a_read_is_not_lost, 0,
                        2);
    tcase_add_test(c, a_cpu_that_is_not_there_gets_nothing);
    tcase_add_test(c, limits_are_checked);
    return s;
}
