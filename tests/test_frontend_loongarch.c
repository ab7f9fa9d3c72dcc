/* SPDX-License-Identifier: MIT */
/* LoongArch: the instruction word is decoded, and 6.12 asks no bus. */
#include "ioregion/frontend.h"

#include "bus_rig.h"
#include "front_rig.h"
#include "suite.h"

/* Words with rj = 5 and rd = 4: assembled by hand from the manual. */
static const struct {
    const char *text;
    uint32_t word;
    uint32_t size_bytes;
    bool is_write;
    uint64_t value; /* of a load that gets 83 84 85 86 87 88 89 8a */
} words[] = {
    {"ld.b", 0x280000a4, 1, false, UINT64_C(0xffffffffffffff83)},
    {"ld.h", 0x284000a4, 2, false, UINT64_C(0xffffffffffff8483)},
    {"ld.w", 0x288000a4, 4, false, UINT64_C(0xffffffff86858483)},
    {"ld.d", 0x28c000a4, 8, false, UINT64_C(0x8a89888786858483)},
    {"ld.bu", 0x2a0000a4, 1, false, 0x83},
    {"ld.hu", 0x2a4000a4, 2, false, 0x8483},
    {"ld.wu", 0x2a8000a4, 4, false, 0x86858483},
    {"ld.w with an offset", 0x28bffca4, 4, false, UINT64_C(0xffffffff86858483)},
    {"st.b", 0x290000a4, 1, true, 0},
    {"st.h", 0x294000a4, 2, true, 0},
    {"st.w", 0x298000a4, 4, true, 0},
    {"st.d", 0x29c000a4, 8, true, 0},
    {"ldptr.w", 0x240000a4, 4, false, UINT64_C(0xffffffff86858483)},
    {"stptr.w", 0x250000a4, 4, true, 0},
    {"ldptr.d", 0x260000a4, 8, false, UINT64_C(0x8a89888786858483)},
    {"stptr.d", 0x270000a4, 8, true, 0},
    {"ldx.b", 0x380018a4, 1, false, UINT64_C(0xffffffffffffff83)},
    {"ldx.h", 0x380418a4, 2, false, UINT64_C(0xffffffffffff8483)},
    {"ldx.w", 0x380818a4, 4, false, UINT64_C(0xffffffff86858483)},
    {"ldx.d", 0x380c18a4, 8, false, UINT64_C(0x8a89888786858483)},
    {"stx.b", 0x381018a4, 1, true, 0},
    {"stx.h", 0x381418a4, 2, true, 0},
    {"stx.w", 0x381818a4, 4, true, 0},
    {"stx.d", 0x381c18a4, 8, true, 0},
    {"ldx.bu", 0x382018a4, 1, false, 0x83},
    {"ldx.hu", 0x382418a4, 2, false, 0x8483},
    {"ldx.wu", 0x382818a4, 4, false, 0x86858483},
};

enum { ST_W = 0x298000a4, LD_W = 0x288000a4 };

static void set_up(void)
{
    rig_start(VMC_ARCH_LOONGARCH, VMC_K6_12);
}

START_TEST(a_word_says_width_direction_and_sign)
{
    struct vmc_kvm_exit_mmio *mmio = &rig.vcpu.run.mmio;

    rig.vcpu.pc = 0x100;
    ck_assert_int_eq(vmc_front_loongarch(&rig.front, &rig.vcpu, words[_i].word,
                                         0x1fe00000,
                                         UINT64_C(0x8877665544332211)),
                     VMC_FRONT_EXIT);
    ck_assert_msg(mmio->len == words[_i].size_bytes &&
                      mmio->is_write == words[_i].is_write,
                  "%s: %u bytes", words[_i].text, mmio->len);
    ck_assert_uint_eq(mmio->phys_addr, 0x1fe00000);
    ck_assert_uint_eq(rig.vcpu.pc, words[_i].is_write ? 0x104 : 0x100);
    if (words[_i].is_write) {
        ck_assert_mem_eq(mmio->data, "\x11\x22\x33\x44\x55\x66\x77\x88",
                         words[_i].size_bytes);
    }
    for (uint8_t i = 0; !words[_i].is_write && i < 8; i++) {
        mmio->data[i] = (uint8_t)(0x83 + i);
    }
    ck_assert_int_eq(vmc_front_run(&rig.front, &rig.vcpu), VMC_FRONT_GUEST);
    ck_assert_uint_eq(rig.vcpu.pc, 0x104);
    ck_assert_uint_eq(rig.vcpu.rd, 4);
    if (!words[_i].is_write) {
        ck_assert_uint_eq(rig.vcpu.value, words[_i].value);
    }
}
END_TEST

static const uint32_t strangers[] = {
    0,          UINT32_MAX, 0x2ac000a4, /* preld */
    0x2b0000a4,                         /* fld.s */
    0x200000a4,                         /* ll.w */
    0x382c18a4,                         /* preldx */
    0x383018a4,                         /* fldx.s */
};

START_TEST(another_word_is_an_address_error)
{
    ck_assert_int_eq(vmc_front_loongarch(&rig.front, &rig.vcpu, strangers[_i],
                                         0x1fe00000, 0),
                     VMC_FRONT_GUEST);
    ck_assert_int_eq(rig.vcpu.fault, VMC_FAULT_ADDRESS);
    ck_assert_str_eq(rig.events, "");
}
END_TEST

START_TEST(an_address_beyond_the_vm_is_an_address_error)
{
    rig.front.config.gpa_limit = UINT64_C(1) << 40;
    ck_assert_int_eq(
        vmc_front_loongarch(&rig.front, &rig.vcpu, LD_W, UINT64_C(1) << 40, 0),
        VMC_FRONT_GUEST);
    ck_assert_int_eq(rig.vcpu.fault, VMC_FAULT_ADDRESS);
    ck_assert_int_eq(vmc_front_loongarch(&rig.front, &rig.vcpu, LD_W,
                                         (UINT64_C(1) << 40) - 4, 0),
                     VMC_FRONT_EXIT);
    ck_assert_int_eq(rig.vcpu.fault, VMC_FAULT_NONE);
}
END_TEST

START_TEST(tv_81_an_ioeventfd_is_registered_and_never_fires)
{
    ck_assert_int_eq(rig_event(0x1fe00000, 4, 0, 0, 0), 0);
    ck_assert_int_eq(rig_zone(0x1fe00100, 16, 0), 0);
    rig_serve(vmc_front_loongarch(&rig.front, &rig.vcpu, ST_W, 0x1fe00000, 1));
    rig_serve(vmc_front_loongarch(&rig.front, &rig.vcpu, ST_W, 0x1fe00100, 1));
    ck_assert_str_eq(rig.log, "x1fe00000+4 x1fe00100+4");
    ck_assert_uint_eq(rig.front.counts.bus + rig.front.counts.refused, 0);
}
END_TEST

START_TEST(later_kernels_ask_the_bus)
{
    struct probe_device device = probe_make(VMC_BUS_KERNEL, 0);

    rig_stop();
    rig_start(VMC_ARCH_LOONGARCH, VMC_K6_18);
    ck_assert_int_eq(rig_event(0x1fe00000, 4, 0, 0, 0), 0);
    rig_serve(vmc_front_loongarch(&rig.front, &rig.vcpu, ST_W, 0x1fe00000, 1));
    ck_assert_str_eq(rig.log, "e0");
    ck_assert_int_eq(
        vmc_bus_register(rig.bus, VMC_BUS_MMIO, 0x1000, 16, &device.device), 0);
    rig.vcpu.pc = 0;
    rig.events[0] = '\0';
    rig_serve(vmc_front_loongarch(&rig.front, &rig.vcpu, LD_W, 0x1008, 0));
    ck_assert_uint_eq(rig.vcpu.value, 0x5a5a5a5a);
    ck_assert_uint_eq(rig.vcpu.pc, 4);
    ck_assert_str_eq(rig.events,
                     "mmio unsatisfied-read len 4 gpa 0x1008 val 0x0 "
                     "mmio read len 4 gpa 0x1008 val 0x5a5a5a5a");
    ck_assert_int_eq(vmc_bus_unregister(rig.bus, VMC_BUS_MMIO, &device.device),
                     0);
}
END_TEST

START_TEST(tracing_of_a_load_and_a_store)
{
    rig_serve(
        vmc_front_loongarch(&rig.front, &rig.vcpu, ST_W, 0x1fe00000, 0x55));
    rig_serve(vmc_front_loongarch(&rig.front, &rig.vcpu, LD_W, 0x1fe00000, 0));
    ck_assert_str_eq(rig.events,
                     "mmio write len 4 gpa 0x1fe00000 val 0x55 "
                     "reason KVM_EXIT_MMIO (6) "
                     "mmio unsatisfied-read len 4 gpa 0x1fe00000 val 0x0 "
                     "reason KVM_EXIT_MMIO (6) "
                     "mmio read len 4 gpa 0x1fe00000 val 0x36251403");
}
END_TEST

START_TEST(an_iocsr_access_exits_with_its_own_reason)
{
    struct vmc_kvm_exit_mmio *mmio = &rig.vcpu.run.mmio;

    ck_assert_int_eq(vmc_front_iocsr(&rig.front, &rig.vcpu, 0x420, 8, false, 0),
                     VMC_FRONT_EXIT);
    ck_assert_uint_eq(rig.vcpu.run.exit_reason, 38);
    ck_assert_uint_eq(mmio->phys_addr, 0x420);
    ck_assert_uint_eq(mmio->len, 8);
    memset(mmio->data, 0x81, 8);
    rig.vcpu.run.exit_reason = VMC_EXIT_MMIO; /* it may, it does not matter */
    ck_assert_int_eq(vmc_front_run(&rig.front, &rig.vcpu), VMC_FRONT_GUEST);
    ck_assert_uint_eq(rig.vcpu.value, UINT64_C(0x8181818181818181));
    ck_assert_int_eq(
        vmc_front_iocsr(&rig.front, &rig.vcpu, 0x1040, 4, true, 0x80000000),
        VMC_FRONT_EXIT);
    ck_assert_uint_eq(mmio->is_write, 1);
    ck_assert_mem_eq(mmio->data, "\0\0\0\x80", 4);
    ck_assert_str_eq(rig.events, "reason 0x26 (38) reason 0x26 (38)");
    ck_assert_uint_eq(rig.front.counts.exits_iocsr, 2);
}
END_TEST

START_TEST(memory_is_no_exit)
{
    struct vmc_front_slot slot = {
        .gpa = 0x10000, .size_bytes = 0x4000, .host = rig.memory};

    ck_assert_int_eq(vmc_front_set_slot(&rig.front, 0, &slot), 0);
    ck_assert_int_eq(
        vmc_front_loongarch(&rig.front, &rig.vcpu, ST_W, 0x10004, 0x80000001),
        VMC_FRONT_GUEST);
    ck_assert_int_eq(
        vmc_front_loongarch(&rig.front, &rig.vcpu, LD_W, 0x10004, 0),
        VMC_FRONT_GUEST);
    ck_assert_uint_eq(rig.vcpu.value, UINT64_C(0xffffffff80000001));
    ck_assert_uint_eq(rig.vcpu.pc, 8);
}
END_TEST

static int interrupted_read(struct vmc_bus_device *device,
                            struct vmc_bus_access *access)
{
    access->data[0] = 7;
    return probe_of(device)->reads++ == 0 ? -EINTR : 0;
}

static const struct vmc_bus_ops interrupted_ops = {.kind = "interrupted",
                                                   .read = interrupted_read};

START_TEST(an_interrupted_handler_is_called_again)
{
    struct vmc_bus_config config = vmc_bus_defaults();
    struct probe_device other = probe_make(VMC_BUS_IOREGION, 0);
    struct vmc_front front;
    struct vmc_bus *bus;

    other.device.ops = &interrupted_ops;
    config.stops_on_error = true;
    config.version = VMC_K6_18;
    bus = bus_make(config);
    vmc_front_init(&front, bus, &rig.front.config);
    ck_assert_int_eq(
        vmc_bus_register(bus, VMC_BUS_MMIO, 0x1000, 4, &other.device), 0);
    ck_assert_int_eq(vmc_front_loongarch(&front, &rig.vcpu, LD_W, 0x1000, 0),
                     -EINTR);
    ck_assert_uint_eq(rig.vcpu.pc, 0);
    ck_assert_int_eq(vmc_front_run(&front, &rig.vcpu), VMC_FRONT_GUEST);
    ck_assert_uint_eq(rig.vcpu.value, 7);
    ck_assert_uint_eq(rig.vcpu.pc, 4);
    vmc_bus_free(bus);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("frontend_loongarch");
    TCase *c = tcase_create("frontend_loongarch");

    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, set_up, rig_stop);
    tcase_add_loop_test(c, a_word_says_width_direction_and_sign, 0,
                        (int)VMC_COUNT_OF(words));
    tcase_add_loop_test(c, another_word_is_an_address_error, 0,
                        (int)VMC_COUNT_OF(strangers));
    tcase_add_test(c, an_address_beyond_the_vm_is_an_address_error);
    tcase_add_test(c, tv_81_an_ioeventfd_is_registered_and_never_fires);
    tcase_add_test(c, later_kernels_ask_the_bus);
    tcase_add_test(c, tracing_of_a_load_and_a_store);
    tcase_add_test(c, an_iocsr_access_exits_with_its_own_reason);
    tcase_add_test(c, memory_is_no_exit);
    tcase_add_test(c, an_interrupted_handler_is_called_again);
    return s;
}
