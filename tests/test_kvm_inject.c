/* SPDX-License-Identifier: MIT */
/* Notes for a vCPU, kicks, and the entry that applies them. */
#include "irqchip/kvm_inject.h"

#include "base/base.h"
#include "suite.h"

/* Notes on line 3, which shows `before`; then the level after an entry. */
static const struct {
    const char *notes;
    bool before, after;
} rows[] = {
    {"", false, false},   {"", true, true},     {"1", false, true},
    {"10", false, false}, {"01", true, true},   {"0", true, false},
    {"0", false, false},  {"101", false, true}, {"1010", true, false},
};

START_TEST(the_last_note_before_the_entry_wins)
{
    struct vmc_kvm_vcpu vcpu = {0};
    struct vmc_cpuintc cpu = {.is = rows[_i].before ? 8 : 0};

    for (const char *note = rows[_i].notes; *note != '\0'; note++) {
        ck_assert_int_eq(vmc_kvm_note(&vcpu, 3, *note == '1', false),
                         VMC_KVM_NO_KICK);
        ck_assert_uint_eq(cpu.is, rows[_i].before ? 8 : 0);
    }
    vmc_kvm_enter(&vcpu, &cpu);
    ck_assert_uint_eq(cpu.is, rows[_i].after ? 8 : 0);
    ck_assert_uint_eq(vcpu.irq_pending | vcpu.irq_clear, 0);
}
END_TEST

START_TEST(a_note_costs_what_the_place_of_the_vcpu_says)
{
    struct vmc_kvm_vcpu vcpu = {0};
    struct vmc_cpuintc cpu = {0};

    ck_assert_int_eq(vmc_kvm_note(&vcpu, 2, true, false), VMC_KVM_NO_KICK);
    vmc_kvm_enter(&vcpu, &cpu);
    ck_assert_int_eq(vmc_kvm_note(&vcpu, 2, false, true), VMC_KVM_NO_KICK);
    ck_assert(!vcpu.must_exit);
    ck_assert_int_eq(vmc_kvm_note(&vcpu, 2, false, false), VMC_KVM_KICK);
    ck_assert(vcpu.must_exit);
    vmc_kvm_leave(&vcpu, false);
    ck_assert(!vcpu.must_exit);
    vmc_kvm_enter(&vcpu, &cpu);
    vmc_kvm_leave(&vcpu, true);
    ck_assert(!vmc_kvm_is_runnable(&vcpu));
    ck_assert_int_eq(vmc_kvm_note(&vcpu, 2, true, false), VMC_KVM_WAKE);
    ck_assert(vmc_kvm_is_runnable(&vcpu)); /* enabled or not */
    ck_assert_uint_eq(vcpu.kicks, 1);
    ck_assert_uint_eq(vcpu.wakes, 1);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("kvm_inject");
    TCase *c = tcase_create("kvm_inject");

    suite_add_tcase(s, c);
    tcase_add_loop_test(c, the_last_note_before_the_entry_wins, 0,
                        VMC_COUNT_OF(rows));
    tcase_add_test(c, a_note_costs_what_the_place_of_the_vcpu_says);
    return s;
}
