/* SPDX-License-Identifier: MIT */
/* The interrupt inputs of a CPU: levels, priority, entry and return. */
#include "irqchip/cpuintc.h"

#include "base/base.h"
#include "suite.h"

static const struct {
    uint32_t is, lie;
    bool ie;
    int next;
} rows[] = {
    {0, 0x7fff, true, -1},
    {1 << 2, 0x7fff, true, 2},
    {1 << 2, 0x7fff, false, -1},
    {1 << 2, 1 << 3, true, -1},
    {1 << 2 | 1 << 5, 0x7fff, true, 5},
    {1 << 9 | 1 << 10 | 1 << 11 | 1 << 12, 0x7fff, true, VMC_CPU_IPI},
    {1 << 12 | 1 << 14, 0x7fff, true, VMC_CPU_MESSAGE},
    {3, 0x7fff, true, VMC_CPU_SWI1},
    {1 << 2 | 1 << 12, 1 << 2, true, 2},
};

START_TEST(the_highest_enabled_line_is_taken)
{
    struct vmc_cpuintc cpu = {
        .is = rows[_i].is, .lie = rows[_i].lie, .ie = rows[_i].ie};

    ck_assert_int_eq(vmc_cpuintc_next(&cpu), rows[_i].next);
}
END_TEST

START_TEST(a_line_is_a_level_and_leaves_the_others_alone)
{
    struct vmc_cpuintc cpu = {0};

    for (uint32_t i = 0; i < VMC_CPU_LINES; i++) {
        vmc_cpuintc_set(&cpu, i, true);
    }
    vmc_cpuintc_set(&cpu, VMC_CPU_HWI0, false);
    vmc_cpuintc_set(&cpu, VMC_CPU_HWI0, false);
    ck_assert_uint_eq(vmc_cpuintc_estat(&cpu), 0x7ffb);
}
END_TEST

START_TEST(software_writes_its_two_bits_only)
{
    struct vmc_cpuintc cpu = {.is = 1 << 12 | 1};

    vmc_cpuintc_write_estat(&cpu, 0xfffffffe);
    ck_assert_uint_eq(cpu.is, 1 << 12 | 2);
    vmc_cpuintc_write_estat(&cpu, 0);
    ck_assert_uint_eq(cpu.is, 1 << 12);
}
END_TEST

START_TEST(entry_saves_ie_and_return_restores_it)
{
    struct vmc_cpuintc cpu = {.ie = true};

    ck_assert_uint_eq(vmc_cpuintc_enter(&cpu, 12), 0);
    ck_assert(!cpu.ie && cpu.pie);
    vmc_cpuintc_leave(&cpu);
    ck_assert(cpu.ie);
    cpu.vs = 7; /* Linux: 0x200 bytes an entry */
    ck_assert_uint_eq(vmc_cpuintc_enter(&cpu, 14), UINT64_C(78) * 0x200);
}
END_TEST

START_TEST(a_fault_leaves_its_codes_until_the_next_exception)
{
    struct vmc_cpuintc cpu = {.is = 4, .ie = true};

    vmc_cpuintc_fault(&cpu, 8, 1);
    ck_assert_uint_eq(vmc_cpuintc_estat(&cpu), 0x480004);
    ck_assert(!cpu.ie);
    vmc_cpuintc_leave(&cpu);
    (void)vmc_cpuintc_enter(&cpu, 2);
    ck_assert_uint_eq(vmc_cpuintc_estat(&cpu), 4);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("cpuintc");
    TCase *c = tcase_create("cpuintc");

    suite_add_tcase(s, c);
    tcase_add_loop_test(c, the_highest_enabled_line_is_taken, 0,
                        VMC_COUNT_OF(rows));
    tcase_add_test(c, a_line_is_a_level_and_leaves_the_others_alone);
    tcase_add_test(c, software_writes_its_two_bits_only);
    tcase_add_test(c, entry_saves_ie_and_return_restores_it);
    tcase_add_test(c, a_fault_leaves_its_codes_until_the_next_exception);
    return s;
}
