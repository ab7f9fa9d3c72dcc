/* SPDX-License-Identifier: MIT */
/* Data aborts of arm64: one call with the whole width, or an exit. */
#include "ioregion/frontend.h"

#include "bus_rig.h"
#include "front_rig.h"
#include "suite.h"

static struct probe_device device;

static void set_up(void)
{
    rig_start(VMC_ARCH_ARM64, VMC_K6_12);
    device = probe_make(VMC_BUS_KERNEL, 0);
    ck_assert_int_eq(
        vmc_bus_register(rig.bus, VMC_BUS_MMIO, 0x9000000, 64, &device.device),
        0);
}

START_TEST(a_store_keeps_its_width)
{
    uint32_t len = 1U << _i;
    struct vmc_front_abort abort = {.gpa = 0x9000008,
                                    .size_bytes = len,
                                    .is_write = true,
                                    .has_syndrome = true,
                                    .value = UINT64_C(0x8877665544332211)};

    rig_serve(vmc_front_arm64(&rig.front, &rig.vcpu, &abort));
    ck_assert_str_eq(rig.log, "");
    ck_assert_uint_eq(device.writes, 1);
    ck_assert_int_eq(device.last.len, (int)len);
    ck_assert_uint_eq(device.last.data[len - 1], 0x11 * len);
    ck_assert_uint_eq(rig.front.counts.mmio_exit_kernel, 1);
    ck_assert_uint_eq(rig.front.counts.mmio_exit_user, 0);
    /* Past a page, yet in one piece. */
    abort.gpa = 0x8ffffff;
    rig_serve(vmc_front_arm64(&rig.front, &rig.vcpu, &abort));
    ck_assert_uint_eq(rig.front.counts.mmio_exit_user, 1);
    ck_assert_uint_eq(rig.vcpu.run.mmio.len, len);
    ck_assert_uint_eq(rig.vcpu.run.mmio.phys_addr, 0x8ffffff);
    ck_assert_uint_eq(rig.vcpu.run.mmio.is_write, 1);
    ck_assert_uint_eq(rig.vcpu.run.mmio.data[0], 0x11);
}
END_TEST

static const struct {
    uint32_t len;
    bool is_signed, is_64bit;
    uint64_t value;
} loads[] = {
    {1, false, true, 0x83},
    {1, true, true, UINT64_C(0xffffffffffffff83)},
    {1, true, false, 0xffffff83},
    {2, true, true, UINT64_C(0xffffffffffff8483)},
    {4, true, true, UINT64_C(0xffffffff86858483)},
    {4, false, true, 0x86858483},
    {8, false, true, UINT64_C(0x8a89888786858483)},
    {8, true, true, UINT64_C(0x8a89888786858483)},
};

START_TEST(a_load_is_extended_as_the_syndrome_says)
{
    struct vmc_front_abort abort = {.gpa = 0x1000,
                                    .size_bytes = loads[_i].len,
                                    .has_syndrome = true,
                                    .is_signed = loads[_i].is_signed,
                                    .is_64bit = loads[_i].is_64bit};

    ck_assert_int_eq(vmc_front_arm64(&rig.front, &rig.vcpu, &abort),
                     VMC_FRONT_EXIT);
    ck_assert_uint_eq(rig.vcpu.run.mmio.is_write, 0);
    for (uint8_t i = 0; i < 8; i++) {
        rig.vcpu.run.mmio.data[i] = (uint8_t)(0x83 + i);
    }
    ck_assert_int_eq(vmc_front_run(&rig.front, &rig.vcpu), VMC_FRONT_GUEST);
    ck_assert_uint_eq(rig.vcpu.value, loads[_i].value);
}
END_TEST

START_TEST(a_load_is_unsatisfied_even_in_the_kernel)
{
    struct vmc_front_abort abort = {.gpa = 0x9000000,
                                    .size_bytes = 2,
                                    .has_syndrome = true,
                                    .is_64bit = true};

    rig_serve(vmc_front_arm64(&rig.front, &rig.vcpu, &abort));
    ck_assert_str_eq(rig.events,
                     "mmio unsatisfied-read len 2 gpa 0x9000000 val 0x0 "
                     "mmio read len 2 gpa 0x9000000 val 0x5a5a");
    ck_assert_uint_eq(rig.vcpu.value, 0x5a5a);
    ck_assert_uint_eq(rig.front.counts.mmio_exit_kernel, 1);
}
END_TEST

START_TEST(without_a_syndrome_it_depends)
{
    struct vmc_front_abort abort = {.gpa = 0x9000000, .esr_iss = 0x45};

    ck_assert_int_eq(vmc_front_arm64(&rig.front, &rig.vcpu, &abort), -ENOSYS);
    ck_assert_str_eq(rig.events, "reason error (38)");
    rig.front.config.reports_nisv = true;
    ck_assert_int_eq(vmc_front_arm64(&rig.front, &rig.vcpu, &abort),
                     VMC_FRONT_EXIT);
    ck_assert_uint_eq(rig.vcpu.run.exit_reason, VMC_EXIT_ARM_NISV);
    ck_assert_uint_eq(rig.vcpu.run.arm_nisv.esr_iss, 0x45);
    ck_assert_uint_eq(rig.vcpu.run.arm_nisv.fault_ipa, 0x9000000);
    ck_assert_uint_eq(rig.front.counts.exits_other, 1);
    ck_assert_int_eq(vmc_front_run(&rig.front, &rig.vcpu), VMC_FRONT_GUEST);
    rig.front.config.is_protected = true;
    ck_assert_int_eq(vmc_front_arm64(&rig.front, &rig.vcpu, &abort),
                     VMC_FRONT_GUEST);
    ck_assert_int_eq(rig.vcpu.fault, VMC_FAULT_ABORT);
    ck_assert_uint_eq(device.writes + device.reads, 0);
    abort.has_syndrome = true;
    abort.size_bytes = 4;
    rig_serve(vmc_front_arm64(&rig.front, &rig.vcpu, &abort));
    ck_assert_int_eq(rig.vcpu.fault, VMC_FAULT_NONE);
}
END_TEST

START_TEST(memory_is_no_exit)
{
    struct vmc_front_slot slot = {
        .gpa = 0x10000, .size_bytes = 0x1000, .host = rig.memory};
    struct vmc_front_abort abort = {.gpa = 0x10010,
                                    .size_bytes = 4,
                                    .is_write = true,
                                    .has_syndrome = true,
                                    .value = 0x12345678};

    ck_assert_int_eq(vmc_front_set_slot(&rig.front, 3, &slot), 0);
    ck_assert_int_eq(vmc_front_arm64(&rig.front, &rig.vcpu, &abort),
                     VMC_FRONT_GUEST);
    ck_assert_mem_eq(rig.memory + 0x10, "\x78\x56\x34\x12", 4);
    abort.is_write = false;
    ck_assert_int_eq(vmc_front_arm64(&rig.front, &rig.vcpu, &abort),
                     VMC_FRONT_GUEST);
    ck_assert_uint_eq(rig.vcpu.value, 0x12345678);
    ck_assert_str_eq(rig.events, "");
}
END_TEST

static int interrupted_read(struct vmc_bus_device *bus_device,
                            struct vmc_bus_access *access)
{
    access->data[0] = 7;
    return probe_of(bus_device)->reads++ == 0 ? -EINTR : 0;
}

static const struct vmc_bus_ops interrupted_ops = {.kind = "interrupted",
                                                   .read = interrupted_read};

START_TEST(an_interrupted_handler_is_called_again)
{
    struct vmc_bus_config config = vmc_bus_defaults();
    struct vmc_front_abort abort = {
        .gpa = 0x1000, .size_bytes = 1, .has_syndrome = true};
    struct probe_device other = probe_make(VMC_BUS_IOREGION, 0);
    struct vmc_front front;
    struct vmc_bus *bus;

    other.device.ops = &interrupted_ops;
    config.stops_on_error = true;
    bus = bus_make(config);
    vmc_front_init(&front, bus, &rig.front.config);
    ck_assert_int_eq(
        vmc_bus_register(bus, VMC_BUS_MMIO, 0x1000, 4, &other.device), 0);
    ck_assert_int_eq(vmc_front_arm64(&front, &rig.vcpu, &abort), -EINTR);
    ck_assert_int_eq(vmc_front_run(&front, &rig.vcpu), VMC_FRONT_GUEST);
    ck_assert_uint_eq(rig.vcpu.value, 7);
    vmc_bus_free(bus);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("frontend_arm64");
    TCase *c = tcase_create("frontend_arm64");

    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, set_up, rig_stop);
    tcase_add_loop_test(c, a_store_keeps_its_width, 0, 4);
    tcase_add_loop_test(c, a_load_is_extended_as_the_syndrome_says, 0,
                        (int)VMC_COUNT_OF(loads));
    tcase_add_test(c, a_load_is_unsatisfied_even_in_the_kernel);
    tcase_add_test(c, without_a_syndrome_it_depends);
    tcase_add_test(c, memory_is_no_exit);
    tcase_add_test(c, an_interrupted_handler_is_called_again);
    return s;
}
