/* SPDX-License-Identifier: MIT */
/*
 * Vectors G10 and G13 to G18 of spec section 19, worked out by hand there. G1
 * to G6 are words that the guest writes (test_guest), G7 to G9 are in
 * test_eiointc, G11 in test_bugs (B-17), G12 in test_iocsr.
 */
#include "irq_rig.h"

enum { VECTOR = 64, PIN = 3, PIN_BIT = 1 << PIN };

START_TEST(g10_the_id_of_the_bridge)
{
    rig_start(MACHINE_QEMU, 1);
    EQ(PR(8, MACHINE_PIC), UINT64_C(0x001f000107000000));
    EQ(PR(4, MACHINE_PIC + 4), 0x001f0001);
    rig_start(MACHINE_KVM, 1);
    EQ(PR(1, MACHINE_PIC + 6), 0x1f);
}
END_TEST

START_TEST(g13_config_takes_all_bits_once)
{
    rig_start(MACHINE_QEMU, 1);
    EQ(R(0, 4, 0x40000000), 0xb);
    W(0, 4, 0x40000000, 0);
    EQ(R(0, 4, 0x40000000), 0xb);
    W(0, 4, 0x40000004, 0xffffffff);
    EQ(R(0, 8, 0x40000000), UINT64_C(0xb0000000b));
    for (uint32_t value = 1; value < 16; value++) {
        W(0, 4, 0x40000004, value);
        EQ(R(0, 4, 0x40000004), 0xb);
    }
    W(0, 4, 0x40000004, 0);
    EQ(R(0, 4, 0x40000004), 0);
}
END_TEST

START_TEST(g14_an_edge_pulse_while_masked)
{
    rig_start(MACHINE_QEMU, 1);
    PW(1, MACHINE_PIC + 0x200 + PIN, 21);
    PW(4, MACHINE_PIC + 0x60, PIN_BIT);
    vmc_pic_set_line(&rig.pic, PIN, true);
    vmc_pic_set_line(&rig.pic, PIN, false);
    EQ(rig.pic.state.irr, PIN_BIT);
    EQ(rig.pic.state.isr, 0);
    PW(4, MACHINE_PIC + 0x20, ~(uint32_t)PIN_BIT);
    EQ(rig.pic.state.isr, PIN_BIT);
    EQ(rig.eio.state.isr[0], 1 << 21);
    PW(4, MACHINE_PIC + 0x80, PIN_BIT);
    EQ(rig.pic.state.irr | rig.pic.state.isr | rig.eio.state.isr[0], 0);
}
END_TEST

START_TEST(g15_the_guest_turns_the_extension_on)
{
    uint64_t gate = UINT64_C(1) << 48;

    rig_start(MACHINE_QEMU, 1);
    EQ(R(0, 4, 0x40000004), 0);
    W(0, 4, 0x40000004, 8);
    EQ(R(0, 4, 0x40000004), 8);
    EQ(R(0, 8, 0x420), 0);
    W(0, 8, 0x420, gate);
    EQ(R(0, 4, 0x40000004), 0xa);
    EQ(R(0, 8, 0x420), gate);
    rig_start(MACHINE_KVM, 1); /* in the kernel it is never locked */
    W(0, 4, 0x40000004, 8);
    EQ(R(0, 8, 0x420), 0);
    W(0, 8, 0x420, gate);
    EQ(R(0, 4, 0x40000004), 8);
    rig_start_ids(MACHINE_QEMU, VMC_EIO_LAYOUT_NONE, 1, NULL);
    EQ(R(0, 4, 0x40000000), 0);
    EQ(R(0, 8, 0x420), gate);
}
END_TEST

/* Targets of vectors 64 to 71 after their bytes were 1 in bitmap mode, the
 * mode changed, and the first byte or word was written again. */
static const struct {
    enum machine_semantics semantics;
    uint32_t bytes;
    uint64_t value;
    uint32_t first;   /* vector from 64 on that is written */
    uint32_t targets; /* four bits each, the first vector highest */
} widths[] = {
    {MACHINE_KVM, 1, 2, 0, 0x21111111},
    {MACHINE_KVM_K2, 1, 2, 0, 0x21111111},
    {MACHINE_KVM_K1, 1, 2, 0, 0x20000000},
    {MACHINE_KVM_K0, 1, 2, 0, 0x20000000},
    {MACHINE_QEMU, 1, 2, 0, 0x00000000},
    {MACHINE_QEMU, 4, 0x01010102, 0, 0x21110000},
    {MACHINE_KVM_K1, 4, 0x01010102, 0, 0x21110000},
    {MACHINE_KVM_K1, 8, UINT64_C(0x0101010101010102), 0, 0x21111111},
    {MACHINE_QEMU, 8, UINT64_C(0x0101010101010102), 0, 0x21111111},
    {MACHINE_KVM, 1, 2, 5, 0x11111211},
    {MACHINE_KVM_K1, 1, 2, 5, 0x00000200},
    {MACHINE_QEMU, 4, 0x01010102, 4, 0x00002111},
};

START_TEST(g16_how_many_routes_a_write_decodes_again)
{
    uint32_t found = 0;

    rig_start(widths[_i].semantics, 4);
    W(0, 8, 0x1c40, UINT64_C(0x0101010101010101));
    W(0, 4, 0x40000004, 8);
    W(0, widths[_i].bytes, 0x1c40 + widths[_i].first, widths[_i].value);
    for (uint32_t i = 0; i < 8; i++) {
        found = found << 4 | vmc_eio_target(&rig.eio, VECTOR + i);
    }
    EQ(found, widths[_i].targets);
}
END_TEST

START_TEST(g17_an_ipi_before_its_enable)
{
    rig_start(MACHINE_QEMU, 1);
    W(0, 4, 0x1040, 1);
    EQ(R(0, 4, 0x1000), 2);
    EQ(pins(0), 0);
    W(0, 4, 0x1004, ~0U);
    EQ(pins(0), 0);
    W(0, 4, 0x1040, 2);
    EQ(pins(0), IPI_PIN);
    W(0, 4, 0x100c, 2);
    EQ(pins(0), IPI_PIN);
    W(0, 4, 0x100c, 4);
    EQ(pins(0), 0);
    rig_start(MACHINE_KVM, 1);
    W(0, 4, 0x1040, 1);
    EQ(pins(0), IPI_PIN);
}
END_TEST

START_TEST(g18_a_level_line_from_the_device_to_the_guest)
{
    for (int kvm = 0; kvm < 2; kvm++) {
        for (int stays = 0; stays < 2; stays++) {
            uint32_t mask = ~(uint32_t)PIN_BIT;

            rig_start(kvm ? MACHINE_KVM : MACHINE_QEMU, 1);
            PW(1, MACHINE_PIC + 0x200 + PIN, 21);
            PW(4, MACHINE_PIC + 0x20, mask);
            W(0, 4, 0x1600, ~0U);
            vmc_pic_set_line(&rig.pic, PIN, true);
            EQ(rig.pic.state.irr & rig.pic.state.isr, PIN_BIT);
            EQ(R(0, 4, 0x1800), 1 << 21);
            W(0, 4, 0x1800, 1 << 21);
            EQ(pins(0), 0);
            EQ(rig.eio.state.isr[0], 1 << 21);
            PW(4, MACHINE_PIC + 0x20, ~0U);
            rig_forget();
            if (!stays) {
                vmc_pic_set_line(&rig.pic, PIN, false);
                EQ(rig.pic.state.irr | rig.pic.state.isr, 0);
                EQ(rig.eio.state.isr[0], 0);
                EQ(rig_line_lowers, 1); /* of a line that is low */
            }
            PW(4, MACHINE_PIC + 0x20, mask);
            EQ(pins(0), stays ? HWI0 : 0);
        }
    }
}
END_TEST

/* R1: what a system reset leaves behind. */
START_TEST(a_reset_of_qemu_keeps_the_eiointc_and_the_mailboxes)
{
    rig_start(MACHINE_QEMU, 2);
    W(0, 4, 0x40000004, 8);
    W(0, 4, 0x1600, ~0U);
    W(0, 4, 0x14c0, 0x02020202);
    W(1, 8, 0x1028, UINT64_C(0x3333333344444444));
    PW(1, MACHINE_PIC + 0x202, 20);
    PW(4, MACHINE_PIC + 0x20, ~4U);
    PW(1, MACHINE_UART + 1, 2);
    input(5, true);
    EQ(R(0, 4, 0x1800), 1 << 20 | 1 << 5);
    machine_reset(&rig);
    EQ(R(0, 4, 0x1800), 1 << 5); /* the UART's line fell on the way */
    EQ(pins(0), HWI1);
    EQ(R(0, 4, 0x1600), 0xffffffff);
    EQ(R(1, 8, 0x1028), UINT64_C(0x3333333344444444));
    EQ(R(0, 4, 0x40000004), 0);
    EQ(PR(8, MACHINE_PIC + 0x20), ~UINT64_C(0));
    EQ(PR(1, MACHINE_UART + 1), 0);
    rig_start(MACHINE_HW, 2);
    W(0, 8, 0x420, UINT64_C(1) << 48);
    W(1, 4, 0x1004, 1);
    W(1, 4, 0x1040, 1 << 16);
    W(0, 4, 0x1600, ~0U);
    input(5, true);
    EQ(pins(1), IPI_PIN);
    machine_reset(&rig);
    EQ(pins(0) | pins(1) | R(0, 8, 0x420) | R(0, 4, 0x1600), 0);
}
END_TEST

START_TEST(accesses_of_memory_are_split_as_the_cpu_does)
{
    rig_start(MACHINE_QEMU, 1);
    EQ(PR(8, MACHINE_PIC + 0x24), 0xffffffff);
    EQ(PR(4, MACHINE_PIC + 0x22), ~UINT64_C(0)); /* refused */
    EQ(PW(4, MACHINE_PIC + 0x39e, ~0U), VMC_E_ACCESS);
    EQ(PR(1, MACHINE_UART + 8), ~UINT64_C(0));
    EQ(PR(2, MACHINE_UART + 5), 0xb060);
    EQ(PW(1, MACHINE_AVEC, 0), VMC_E_ACCESS); /* without messages */
    rig_start(MACHINE_KVM, 1);
    EQ(PW(4, MACHINE_PIC + 0x22, 0), VMC_OK); /* dropped */
    EQ(PR(4, MACHINE_PIC + 0x22), 0);
    EQ(PR(8, MACHINE_PIC + 0x20), ~UINT64_C(0));
}
END_TEST

static uint32_t heard;

static void hear_input(void *owner, uint32_t vector, bool level)
{
    ck_assert_ptr_eq(owner, &rig);
    ck_assert(level);
    heard = vector;
}

START_TEST(a_hook_for_inputs_stands_in_for_the_controller)
{
    rig_start(MACHINE_QEMU, 1);
    W(0, 4, 0x1608, ~0U);
    rig.hooks.input = hear_input;
    rig.hooks.owner = &rig;
    PW(4, MACHINE_MSI, 70);
    EQ(heard, 70);
    EQ(pins(0), 0);
    machine_set_vector(&rig, 70, true);
    EQ(pins(0), HWI0);
}
END_TEST

START_TEST(messages_are_switched_on_in_misc_func_for_good)
{
    struct machine_switches switches = machine_switches_of(MACHINE_QEMU);
    uint64_t bit = UINT64_C(1) << 51;

    rig_start_with(MACHINE_QEMU, &switches, VMC_EIO_LAYOUT_FINAL, 1, NULL);
    EQ(R(0, 8, 0x8), 0x801c);
    EQ(PR(4, MACHINE_AVEC), 0);
    W(0, 8, 0x420, bit);
    EQ(R(0, 8, 0x420), bit);
    W(0, 8, 0x420, 0);
    EQ(R(0, 8, 0x420), bit);
    machine_reset(&rig);
    EQ(R(0, 8, 0x420), 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vectors");
    TCase *c = tcase_create("vectors");

    suite_add_tcase(s, c);
    tcase_add_test(c, g10_the_id_of_the_bridge);
    tcase_add_test(c, g13_config_takes_all_bits_once);
    tcase_add_test(c, g14_an_edge_pulse_while_masked);
    tcase_add_test(c, g15_the_guest_turns_the_extension_on);
    tcase_add_loop_test(c, g16_how_many_routes_a_write_decodes_again, 0,
                        VMC_COUNT_OF(widths));
    tcase_add_test(c, g17_an_ipi_before_its_enable);
    tcase_add_test(c, g18_a_level_line_from_the_device_to_the_guest);
    tcase_add_test(c, a_reset_of_qemu_keeps_the_eiointc_and_the_mailboxes);
    tcase_add_test(c, accesses_of_memory_are_split_as_the_cpu_does);
    tcase_add_test(c, a_hook_for_inputs_stands_in_for_the_controller);
    tcase_add_test(c, messages_are_switched_on_in_misc_func_for_good);
    return s;
}
