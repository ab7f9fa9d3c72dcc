/* SPDX-License-Identifier: MIT */
/* The IOCSR bus: who answers, which sizes, and commands that act as another. */
#include "irq_rig.h"

static const struct {
    const char *what;
    uint32_t bytes;
    uint64_t address;
    uint64_t qemu, kvm, hw; /* of a read after power-on */
} reads[] = {
    {"version", 8, 0x0, 0x11, 0x11, 0x11},
    {"features", 8, 0x8, 0x1c, 0x81c, 0x3ff},
    {"vendor", 8, 0x10, UINT64_C(0x6e6f73676e6f6f4c),
     UINT64_C(0x6e6f73676e6f6f4c), UINT64_C(0x6e6f73676e6f6f4c)},
    {"low half of the name", 4, 0x20, 0x30354133, 0x30354133, 0x30354133},
    {"one byte of the vendor", 1, 0x11, 0, 0x6f, 0x6f},
    {"misaligned", 4, 0x1022, 0, 0, 0},
    {"a hole", 4, 0x2000, 0, 0, 0},
    {"beyond the virtual window", 4, 0x40001000, 0, 0, 0},
    {"virtual features", 4, 0x40000000, 0xb, 0xb, 0xf},
    {"size of 3", 3, 0x1002, 0, 0, 0},
    {"size of 3 in the window", 3, 0x40000000, 0, 0, 0},
    {"size of 16", 16, 0x0, 0, 0, 0},
};

START_TEST(a_read_after_power_on_gives_what_the_spec_says)
{
    rig_start(MACHINE_QEMU, 2);
    EQ(R(1, reads[_i].bytes, reads[_i].address), reads[_i].qemu);
    rig_start(MACHINE_KVM, 2);
    EQ(R(1, reads[_i].bytes, reads[_i].address), reads[_i].kvm);
    rig_start(MACHINE_HW, 2);
    EQ(R(1, reads[_i].bytes, reads[_i].address), reads[_i].hw);
}
END_TEST

/* One access on a machine of its own; how many would have ended QEMU. */
static const struct {
    bool is_write;
    uint32_t bytes;
    uint64_t address, value;
    uint64_t fatal;
} fatals[] = {
    {false, 8, 0x0, 0, 0},
    {false, 4, 0x8, 0, 0},
    {false, 8, 0x420, 0, 0},
    {false, 4, 0x4, 0, 1},
    {false, 8, 0x28, 0, 1},
    {true, 4, 0x8, 0, 1},
    {true, 8, 0x420, 0, 0},
    {false, 1, 0x4, 0, 0},
    {false, 8, 0x1048, 0, 1},
    {false, 4, 0x1048, 0, 0},
    {false, 8, 0x1158, 0, 1},
    {true, 8, 0x1050, 5, 0},
    {false, 4, 0x40000008, 0, 1},
    {true, 8, 0x40000ff8, 0, 1},
    {false, 4, 0x40000004, 0, 0},
    {true, 8, 0x1158, 0x408, 1},
    {true, 8, 0x1158, 0x420, 0},
    {true, 8, 0x1158, 0x12c0408, 0}, /* no such CPU */
};

START_TEST(what_ends_qemu_is_counted_and_does_nothing)
{
    struct vmc_state_map map = {.part_count = 0};
    struct vmc_hash128 before;

    rig_start(MACHINE_QEMU, 2);
    vmc_eio_add_state(&rig.eio, &map);
    vmc_ipi_add_state(&rig.iocsr.ipi, &map);
    before = vmc_state_hash(&map);
    if (fatals[_i].is_write) {
        W(0, fatals[_i].bytes, fatals[_i].address, fatals[_i].value);
    } else {
        (void)R(0, fatals[_i].bytes, fatals[_i].address);
    }
    EQ(machine_fatal_accesses(&rig), fatals[_i].fatal);
    EQ(vmc_state_hash(&map).low, before.low);
    rig_start(MACHINE_KVM, 2);
    if (fatals[_i].is_write) {
        W(0, fatals[_i].bytes, fatals[_i].address, fatals[_i].value);
    } else {
        (void)R(0, fatals[_i].bytes, fatals[_i].address);
    }
    EQ(machine_fatal_accesses(&rig), 0);
}
END_TEST

START_TEST(a_mask_bit_keeps_its_byte)
{
    rig_start(MACHINE_QEMU, 2);
    for (uint32_t mask = 0; mask < 16; mask++) { /* G12 for 0b0110 */
        uint32_t expected = 0xaabbccdd;

        for (uint32_t i = 0; i < 4; i++) {
            if ((mask >> i & 1) != 0) {
                expected &= ~(UINT32_C(0xff) << (8 * i));
                expected |= 0x11223344 & (UINT32_C(0xff) << (8 * i));
            }
        }
        W(1, 4, 0x1024, 0x11223344);
        W(0, 8, 0x1048,
          UINT64_C(0xaabbccdd) << 32 | 1 << 16 | mask << 27 | 1 << 2);
        EQ(R(1, 4, 0x1024), expected);
        W(1, 4, 0x1024, 0x11223344);
        W(0, 8, 0x1158,
          UINT64_C(0xaabbccdd) << 32 | 1 << 16 | mask << 27 | 0x1024);
        EQ(R(1, 4, 0x1024), expected);
        EQ(R(0, 4, 0x1024), 0);
    }
}
END_TEST

START_TEST(any_send_acts_in_the_bank_of_its_target)
{
    rig_start(MACHINE_QEMU, 4);
    W(0, 4, 0x1608, ~0U);
    W(0, 4, 0x1c40, 0x02); /* vector 64 to CPU 1 */
    input(64, true);
    W(0, 8, 0x1158, UINT64_C(1) << 32 | 0x1808);
    EQ(R(1, 4, 0x1808), 1);
    W(0, 8, 0x1158, UINT64_C(1) << 32 | 1 << 16 | 0x1808);
    EQ(R(1, 4, 0x1808), 0);
    EQ(pins(1), 0);
}
END_TEST

START_TEST(a_command_to_nobody_does_nothing)
{
    static const uint16_t ids[] = {0, 1, 2, 4, 5, 6};

    rig_start_ids(MACHINE_QEMU, VMC_EIO_LAYOUT_FINAL, 6, ids);
    for (uint32_t i = 0; i < 6; i++) {
        W(i, 4, 0x1004, ~0U);
    }
    W(0, 4, 0x1040, 3 << 16 | 1);   /* no id 3 */
    W(0, 4, 0x1040, 300 << 16 | 1); /* beyond all ids */
    for (uint32_t i = 0; i < 6; i++) {
        EQ(pins(i), 0);
    }
    W(0, 4, 0x1040, 4U << 16 | 0x80000001);
    EQ(pins(3), IPI_PIN);
    EQ(R(3, 4, 0x1000), 2);
    EQ(pins(4), 0);
}
END_TEST

START_TEST(commands_do_not_nest)
{
    rig_start(MACHINE_QEMU, 2);
    W(1, 4, 0x1004, ~0U);
    W(0, 8, 0x1158, UINT64_C(0x10003) << 32 | 0x1040); /* IPI_SEND does */
    EQ(R(1, 4, 0x1000), 8);
    W(0, 8, 0x1158, UINT64_C(5) << 32 | 0x1048);
    W(0, 8, 0x1158, UINT64_C(5) << 32 | 0x1158);
    EQ(R(0, 4, 0x1020), 0);
    /* Where 4 bytes are taken these would clear half a mailbox. */
    rig_start(MACHINE_KVM, 2);
    W(0, 4, 0x1020, 7);
    W(0, 8, 0x1158, 0x1048);
    W(0, 8, 0x1158, UINT64_C(0x1020) << 32 | 0x1158);
    EQ(R(0, 4, 0x1020), 7);
}
END_TEST

START_TEST(an_eight_byte_store_is_two_words_low_first)
{
    rig_start(MACHINE_QEMU, 1);
    W(0, 4, 0x1004, ~0U);
    W(0, 8, 0x1008, UINT64_C(0x200000003)); /* SET 3, CLEAR 2 */
    EQ(R(0, 8, 0x1000), UINT64_C(0xffffffff00000001));
}
END_TEST

START_TEST(misc_func_reads_as_each_implementation_has_it)
{
    uint64_t gate = UINT64_C(1) << 48;

    rig_start_ids(MACHINE_QEMU, VMC_EIO_LAYOUT_NONE, 1, NULL);
    EQ(R(0, 8, 0x420), gate);
    W(0, 8, 0x420, 0);
    EQ(R(0, 8, 0x420), gate);
    rig_start(MACHINE_QEMU, 1);
    EQ(R(0, 8, 0x420), 0);
    W(0, 4, 0x420, 0xffffffff); /* cannot reach bit 48 */
    EQ(R(0, 8, 0x420), 0);
    W(0, 8, 0x420, gate);
    EQ(R(0, 8, 0x420), gate);
    rig_start(MACHINE_KVM, 1);
    W(0, 8, 0x420, gate);
    EQ(R(0, 8, 0x420), 0);
    rig_start(MACHINE_HW, 1);
    W(0, 2, 0x426, 1);
    EQ(R(0, 8, 0x420), gate);
}
END_TEST

START_TEST(mailboxes_have_bytes_where_bytes_are_taken)
{
    rig_start(MACHINE_KVM, 1);
    W(0, 8, 0x1020, UINT64_C(0x8877665544332211));
    W(0, 1, 0x1023, 0xaa);
    W(0, 2, 0x1026, 0xbbcc);
    EQ(R(0, 8, 0x1020), UINT64_C(0xbbcc6655aa332211));
    EQ(R(0, 2, 0x1022), 0xaa33);
    rig_start(MACHINE_QEMU, 1);
    W(0, 1, 0x1020, 0xaa);
    EQ(R(0, 8, 0x1020), 0);
}
END_TEST

START_TEST(the_counters_are_part_of_the_state)
{
    struct vmc_state_map map = {.part_count = 0};
    struct vmc_hash128 before;

    rig_start(MACHINE_QEMU, 1);
    machine_add_state(&rig, &map);
    before = vmc_state_hash(&map);
    (void)R(0, 4, 0x4);
    ck_assert(vmc_state_hash(&map).low != before.low);
}
END_TEST

START_TEST(what_no_kernel_device_claims_goes_to_user_space)
{
    static const struct {
        uint64_t address;
        uint32_t bytes;
        uint64_t old, new; /* accesses that leave the kernel: K2, K3 */
    } accesses[] = {
        {0x8, 8, 2, 2},        {0x420, 8, 2, 2},      {0x2000, 4, 2, 2},
        {0x2001, 4, 2, 2},     {0x1020, 4, 0, 0},     {0x1600, 4, 0, 0},
        {0x1700, 4, 2, 0},     {0x1601, 4, 2, 0},     {0x1021, 4, 0, 0},
        {0x40000004, 4, 0, 0}, {0x40000002, 4, 0, 0}, {0x40001000, 4, 2, 2},
    };

    for (size_t i = 0; i < VMC_COUNT_OF(accesses); i++) {
        rig_start(MACHINE_KVM_K2, 1);
        (void)R(0, accesses[i].bytes, accesses[i].address);
        W(0, accesses[i].bytes, accesses[i].address, 0);
        EQ(rig.iocsr.state.user_accesses, accesses[i].old);
        rig_start(MACHINE_KVM, 1);
        (void)R(0, accesses[i].bytes, accesses[i].address);
        W(0, accesses[i].bytes, accesses[i].address, 0);
        EQ(rig.iocsr.state.user_accesses, accesses[i].new);
        rig_start(MACHINE_QEMU, 1);
        (void)R(0, accesses[i].bytes, accesses[i].address);
        EQ(rig.iocsr.state.user_accesses, 0);
    }
}
END_TEST

START_TEST(ids_outside_their_limits_are_refused)
{
    static const struct {
        uint32_t count;
        uint16_t id0, id1;
    } bad[] = {{0, 0, 1}, {257, 0, 1}, {2, 0, 256}, {2, 3, 3}};

    for (size_t i = 0; i < VMC_COUNT_OF(bad); i++) {
        struct machine_config config = {.vcpu_count = bad[i].count};

        config.physical_ids[0] = bad[i].id0;
        config.physical_ids[1] = bad[i].id1;
        ck_assert_int_eq(machine_init(&rig, &config), VMC_E_RANGE);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("iocsr");
    TCase *c = tcase_create("iocsr");

    suite_add_tcase(s, c);
    tcase_add_loop_test(c, a_read_after_power_on_gives_what_the_spec_says, 0,
                        VMC_COUNT_OF(reads));
    tcase_add_loop_test(c, what_ends_qemu_is_counted_and_does_nothing, 0,
                        VMC_COUNT_OF(fatals));
    tcase_add_test(c, a_mask_bit_keeps_its_byte);
    tcase_add_test(c, any_send_acts_in_the_bank_of_its_target);
    tcase_add_test(c, a_command_to_nobody_does_nothing);
    tcase_add_test(c, commands_do_not_nest);
    tcase_add_test(c, an_eight_byte_store_is_two_words_low_first);
    tcase_add_test(c, misc_func_reads_as_each_implementation_has_it);
    tcase_add_test(c, mailboxes_have_bytes_where_bytes_are_taken);
    tcase_add_test(c, the_counters_are_part_of_the_state);
    tcase_add_test(c, what_no_kernel_device_claims_goes_to_user_space);
    tcase_add_test(c, ids_outside_their_limits_are_refused);
    return s;
}
