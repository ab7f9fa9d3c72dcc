/* SPDX-License-Identifier: MIT */
/* The doorbell: what a store of each size raises (observation M1, X1). */
#include "irq_rig.h"

static void start(void)
{
    rig_start(MACHINE_QEMU, 1);
    for (uint32_t i = 0; i < 8; i++) {
        W(0, 4, 0x1600 + 4 * i, ~0U);
    }
}

START_TEST(each_piece_of_a_store_raises_its_low_byte)
{
    PW(4, MACHINE_MSI, 0xabcdef43);
    PW(8, MACHINE_MSI, UINT64_C(0x4500000044));
    PW(1, MACHINE_MSI + 7, 0x46);
    PW(4, MACHINE_MSI + 1, 0x504f4e4d); /* bytes: 4d, 4e and 4f, 50 */
    EQ(R(0, 8, 0x1808), UINT64_C(1) << 3 | 1U << 4 | 1U << 5 | 1U << 6 |
                            1U << 13 | 1U << 14 | 1U << 15 | 1U << 16);
    EQ(PR(8, MACHINE_MSI), 0);
}
END_TEST

START_TEST(a_store_that_leaves_the_window_has_rung_before_it_faults)
{
    EQ(PW(8, MACHINE_MSI + 3, UINT64_C(0x5857565554535251)), VMC_E_ACCESS);
    EQ(R(0, 8, 0x1808), UINT64_C(0x1f) << 17);
    EQ(PW(4, MACHINE_MSI + 8, 0x40), VMC_E_ACCESS);
    EQ(PW(4, MACHINE_MSI - 4, 0x40), VMC_E_ACCESS);
}
END_TEST

START_TEST(a_vector_below_32_would_end_qemu_and_does_nothing)
{
    PW(4, MACHINE_MSI, 31);
    PW(8, MACHINE_MSI, 64); /* the high word rings vector 0 */
    EQ(machine_fatal_accesses(&rig), 2);
    EQ(R(0, 8, 0x1800), 0);
    EQ(R(0, 8, 0x1808), 1);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("pch_msi");
    TCase *c = tcase_create("pch_msi");

    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, start, NULL);
    tcase_add_test(c, each_piece_of_a_store_raises_its_low_byte);
    tcase_add_test(c, a_store_that_leaves_the_window_has_rung_before_it_faults);
    tcase_add_test(c, a_vector_below_32_would_end_qemu_and_does_nothing);
    return s;
}
