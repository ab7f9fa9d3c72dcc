/* SPDX-License-Identifier: MIT */
/* Regions under the front ends of the architectures: what is cut where, what
 * memory keeps for itself, and waits that are interruptions. */
#include "ioregion/frontend.h"

#include "region_rig.h"

enum { BASE = 0x10000 };

static struct vmc_front front;
static struct vmc_front_vcpu guest;

static void set_up(enum vmc_arch arch, uint64_t timeout_ticks)
{
    struct vmc_regions_config config = vmc_regions_defaults();
    struct vmc_front_config front_config = vmc_front_defaults(arch);
    const struct vmc_region_vcpu_config vcpu = {0};

    config.regions_max = RIG_CHANNELS;
    config.timeout_ticks = timeout_ticks;
    rig_set_up_as(&config, VMC_K6_18, &vcpu, VMC_SOCKET_STREAM);
    front_config.has_fast_mmio = arch == VMC_ARCH_X86;
    vmc_front_init(&front, rig.bus, &front_config);
    memset(&guest, 0, sizeof(guest));
    ck_assert_int_eq(rig_add(BASE, 0x2000, 0, 0), 0);
}

static void assert_command(bool is_write, uint64_t offset, uint32_t size_bytes,
                           uint64_t data)
{
    struct vmc_ioregion_command command;

    ck_assert(rig_take(0, &command));
    ck_assert_int_eq(command.is_write, is_write);
    ck_assert_uint_eq(command.offset_bytes, offset);
    ck_assert_uint_eq(command.size_bytes, size_bytes);
    ck_assert_uint_eq(command.data, data);
    rig_check();
}

START_TEST(x86_cuts_at_pages_and_leaves_odd_widths)
{
    set_up(VMC_ARCH_X86, 0);
    memcpy(guest.data, "\x11\x22\x33\x44", 4);
    ck_assert_int_eq(vmc_front_x86(&front, &guest, BASE + 0xfff, 4, true),
                     -EINTR);
    assert_command(true, 0xfff, 1, 0x11); /* TV-73 */
    ck_assert_int_eq(vmc_front_run(&front, &guest), -EINTR);
    rig_answer(0, 0);
    ck_assert_int_eq(vmc_front_run(&front, &guest), VMC_FRONT_EXIT);
    ck_assert_uint_eq(guest.run.mmio.phys_addr, BASE + 0x1000);
    ck_assert_uint_eq(guest.run.mmio.len, 3);
    ck_assert_int_eq(vmc_front_run(&front, &guest), VMC_FRONT_GUEST);
    rig_tear_down();
}
END_TEST

START_TEST(arm64_cuts_nothing)
{
    struct vmc_front_abort abort = {.gpa = BASE + 0xffc,
                                    .size_bytes = 8,
                                    .has_syndrome = true,
                                    .is_64bit = true};

    set_up(VMC_ARCH_ARM64, 0);
    ck_assert_int_eq(vmc_front_arm64(&front, &guest, &abort), -EINTR);
    assert_command(false, 0xffc, 8, 0);
    rig_answer(0, 0x1122334455667788);
    ck_assert_int_eq(vmc_front_run(&front, &guest), VMC_FRONT_GUEST);
    ck_assert_uint_eq(guest.value, 0x1122334455667788);
    rig_tear_down();
}
END_TEST

START_TEST(memory_comes_before_a_region)
{
    static uint8_t page[4096];
    struct vmc_ioregion_command command;

    set_up(VMC_ARCH_X86, 0);
    ck_assert_int_eq(
        vmc_front_set_slot(&front, 0,
                           &(struct vmc_front_slot){.gpa = BASE,
                                                    .size_bytes = sizeof(page),
                                                    .host = page}),
        0);
    guest.data[0] = 0x5a;
    ck_assert_int_eq(vmc_front_x86(&front, &guest, BASE, 1, true),
                     VMC_FRONT_GUEST);
    ck_assert_uint_eq(page[0], 0x5a);
    ck_assert(!rig_take(0, &command));
    rig_tear_down();
}
END_TEST

START_TEST(a_doorbell_is_found_on_both_buses)
{
    struct vmc_ioregion_command command;

    set_up(VMC_ARCH_X86, 0);
    ck_assert_int_eq(rig_add(0x20000, 0, VMC_REGION_POSTED_WRITES, 0), 0);
    guest.data[0] = 7;
    ck_assert_int_eq(vmc_front_x86(&front, &guest, 0x20000, 4, true),
                     VMC_FRONT_GUEST);
    assert_command(true, 0, 1, 0); /* the FAST bus knows no width */
    front.config.has_fast_mmio = false;
    ck_assert_int_eq(vmc_front_x86(&front, &guest, 0x20000, 4, true),
                     VMC_FRONT_GUEST);
    assert_command(true, 0, 4, 7);
    ck_assert_int_eq(vmc_front_x86(&front, &guest, 0x20000, 4, false),
                     VMC_FRONT_EXIT); /* D56 */
    ck_assert(!rig_take(0, &command));
    rig_tear_down();
}
END_TEST

START_TEST(ports_go_element_by_element)
{
    static const struct vmc_front_string outs = {
        .port = 0x500, .size = 1, .count = 3};

    set_up(VMC_ARCH_X86, 0);
    ck_assert_int_eq(rig_add(0x500, 4, VMC_REGION_PIO, 0), 0);
    memcpy(guest.string, "\1\2\3", 3);
    ck_assert_int_eq(vmc_front_rep(&front, &guest, &outs), -EINTR);
    for (uint64_t i = 1; i <= 3; i++) {
        assert_command(true, 0, 1, i);
        rig_answer(0, 0);
        ck_assert_int_eq(vmc_front_run(&front, &guest),
                         i == 3 ? VMC_FRONT_GUEST : -EINTR);
    }
    rig_tear_down();
}
END_TEST

/* TV-69: the answer of a region that has gone is nobody's. */
START_TEST(a_region_may_go_while_it_waits)
{
    set_up(VMC_ARCH_X86, 0);
    ck_assert_int_eq(rig_add(0x20000, 8, 0, 0), 0);
    ck_assert_int_eq(vmc_front_x86(&front, &guest, BASE, 4, false), -EINTR);
    assert_command(false, 0, 4, 0);
    ck_assert_int_eq(rig_remove(BASE, 0x2000, 0), 0);
    ck_assert(vmc_bus_is_quiet(rig.bus));
    ck_assert_int_eq(vmc_front_run(&front, &guest), VMC_FRONT_EXIT);
    ck_assert_int_eq(vmc_front_run(&front, &guest), VMC_FRONT_GUEST);
    ck_assert_int_eq(vmc_front_x86(&front, &guest, 0x20000, 4, false), -EINTR);
    rig_answer(0, 0xbad);
    rig_answer(0, 0x900d);
    ck_assert_int_eq(vmc_front_run(&front, &guest), VMC_FRONT_GUEST);
    ck_assert_mem_eq(guest.data, "\x0d\x90\0\0", 4);
    rig_tear_down();
}
END_TEST

START_TEST(a_failure_looks_like_a_miss)
{
    set_up(VMC_ARCH_X86, 10);
    ck_assert_int_eq(vmc_front_x86(&front, &guest, BASE, 4, false), -EINTR);
    vmc_regions_set_now(rig.regions, 10);
    if (_i != 0) {
        vmc_region_vcpu_expire(&rig.vcpus[0], 10);
    }
    ck_assert_int_eq(vmc_front_run(&front, &guest), VMC_FRONT_EXIT);
    ck_assert_uint_eq(guest.run.exit_reason, VMC_EXIT_MMIO);
    ck_assert_int_eq(rig.vcpus[0].access.cause, VMC_CAUSE_TIMEOUT);
    ck_assert_int_eq(vmc_front_run(&front, &guest), VMC_FRONT_GUEST);
    ck_assert_uint_eq(rig.regions->channels[0].machine.owed_count, 1);
    rig_tear_down();
}
END_TEST

/* Whoever calls with something else has given the first access up. */
START_TEST(another_piece_is_another_access)
{
    struct vmc_bus_access access = {.addr = BASE, .len = 4};

    set_up(VMC_ARCH_X86, 0);
    ck_assert_int_eq(vmc_bus_read(rig.bus, VMC_BUS_MMIO, &access), -EINTR);
    assert_command(false, 0, 4, 0);
    access.addr = BASE + 8;
    ck_assert_int_eq(vmc_bus_read(rig.bus, VMC_BUS_MMIO, &access), -EINTR);
    assert_command(false, 8, 4, 0);
    rig_answer(0, 0xbad);
    rig_answer(0, 0x900d);
    ck_assert_int_eq(vmc_bus_read(rig.bus, VMC_BUS_MMIO, &access), 0);
    ck_assert_uint_eq(vmc_bus_value(&access), 0x900d);
    rig_tear_down();
}
END_TEST

/* A bus that goes on after errors would take a wait for a miss. */
START_TEST(a_bus_that_does_not_stop_is_not_served)
{
    struct vmc_bus_config bus = vmc_bus_defaults();
    struct vmc_regions_config config = vmc_regions_defaults();
    struct vmc_bus_access access = {.addr = BASE, .len = 4};

    set_up(VMC_ARCH_X86, 0);
    access.vcpu = RIG_VCPUS; /* nor is a vCPU that nobody made */
    ck_assert_int_eq(vmc_bus_read(rig.bus, VMC_BUS_MMIO, &access), -EOPNOTSUPP);
    rig_tear_down();
    rig_set_up(VMC_REGION_H);
    vmc_regions_free(rig.regions);
    vmc_bus_free(rig.bus);
    ck_assert_int_eq(vmc_bus_new(&rig.bus, &bus), VMC_OK);
    ck_assert_int_eq(
        vmc_regions_new(&rig.regions, rig.bus, &rig.files, &config), VMC_OK);
    for (uint32_t i = 0; i < RIG_VCPUS; i++) {
        vmc_region_vcpu_init(&rig.vcpus[i], rig.regions, i,
                             &(struct vmc_region_vcpu_config){0});
    }
    ck_assert_int_eq(rig_add(BASE, 8, 0, 0), 0);
    access.vcpu = 0;
    ck_assert_int_eq(vmc_bus_read(rig.bus, VMC_BUS_MMIO, &access), -EOPNOTSUPP);
    ck_assert_uint_eq(rig.sockets[0].flows[VMC_SOCKET_KERNEL].count, 0);
    rig_tear_down();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("region_bus");
    TCase *c = tcase_create("region_bus");

    tcase_add_test(c, x86_cuts_at_pages_and_leaves_odd_widths);
    tcase_add_test(c, arm64_cuts_nothing);
    tcase_add_test(c, memory_comes_before_a_region);
    tcase_add_test(c, a_doorbell_is_found_on_both_buses);
    tcase_add_test(c, ports_go_element_by_element);
    tcase_add_test(c, a_region_may_go_while_it_waits);
    tcase_add_test(c, another_piece_is_another_access);
    tcase_add_loop_test(c, a_failure_looks_like_a_miss, 0, 2);
    tcase_add_test(c, a_bus_that_does_not_stop_is_not_served);
    suite_add_tcase(s, c);
    return s;
}
