/* SPDX-License-Identifier: MIT */
/* Memory slots, and the order of things at KVM_RUN. */
#include "ioregion/frontend.h"

#include "front_rig.h"
#include "suite.h"

static void set_up(void)
{
    rig_start(VMC_ARCH_X86, VMC_K6_12);
}

static const struct {
    const char *what;
    uint32_t slot;
    uint64_t gpa, size_bytes;
    int result;
} rows[] = {
    {"another", 1, 0x20000, 0x1000, 0},
    {"right behind", 1, 0x12000, 0x1000, 0},
    {"right before", 1, 0xf000, 0x1000, 0},
    {"inside", 1, 0x11000, 0x1000, -EEXIST},
    {"around", 1, 0, 0x100000, -EEXIST},
    {"over the end", 1, 0x11000, 0x2000, -EEXIST},
    {"the same place, moved", 0, 0x11000, 0x1000, 0},
    {"deleted", 0, 0, 0, 0},
    {"deleted twice", 1, 0, 0, -EINVAL},
    {"no such number", VMC_FRONT_SLOTS_MAX, 0x20000, 0x1000, -EINVAL},
    {"an address off the page", 1, 0x20800, 0x1000, -EINVAL},
    {"an odd address", 1, 0x20001, 0x1000, -EINVAL},
    {"a size off the page", 1, 0x20000, 0x800, -EINVAL},
    {"beyond the end", 1, UINT64_MAX - 0xfff, 0x2000, -EINVAL},
};

START_TEST(slots_do_not_meet)
{
    struct vmc_front_slot first = {.gpa = 0x10000, .size_bytes = 0x2000};
    struct vmc_front_slot slot = {.gpa = rows[_i].gpa,
                                  .size_bytes = rows[_i].size_bytes};
    int result;

    ck_assert_int_eq(vmc_front_set_slot(&rig.front, 0, &first), 0);
    result = vmc_front_set_slot(&rig.front, rows[_i].slot, &slot);
    ck_assert_msg(result == rows[_i].result, "%s: %d", rows[_i].what, result);
}
END_TEST

/* Slots and buses share one lock, and a removal holds it. */
START_TEST(a_removal_that_waits_holds_slots_up)
{
    struct vmc_front_slot slot = {.gpa = 0x10000, .size_bytes = 0x1000};
    uint32_t reader;

    ck_assert_int_eq(rig_zone(0x1000, 16, 0), 0);
    reader = vmc_bus_enter(rig.bus);
    ck_assert_int_eq(rig_unzone(0x1000, 16, 0), 0);
    ck_assert_int_eq(vmc_front_set_slot(&rig.front, 0, &slot), VMC_BUS_LOCKED);
    vmc_bus_leave(rig.bus, reader);
    ck_assert_int_eq(vmc_front_set_slot(&rig.front, 0, &slot), 0);
}
END_TEST

START_TEST(memory_without_content_reads_as_zero)
{
    struct vmc_front_slot slot = {.gpa = 0x10000, .size_bytes = 0x1000};

    ck_assert_int_eq(vmc_front_set_slot(&rig.front, 0, &slot), 0);
    memset(rig.vcpu.data, 0xff, 8);
    rig_serve(vmc_front_x86(&rig.front, &rig.vcpu, 0x10000, 8, true));
    rig_serve(vmc_front_x86(&rig.front, &rig.vcpu, 0x10000, 8, false));
    ck_assert_mem_eq(rig.vcpu.data, "\0\0\0\0\0\0\0\0", 8);
    ck_assert_uint_eq(rig.front.counts.ram, 2);
}
END_TEST

START_TEST(run_without_anything_pending_goes_to_the_guest)
{
    ck_assert_int_eq(vmc_front_run(&rig.front, &rig.vcpu), VMC_FRONT_GUEST);
    ck_assert_str_eq(rig.events, "");
    rig.vcpu.is_signalled = true;
    ck_assert_int_eq(vmc_front_run(&rig.front, &rig.vcpu), -EINTR);
    ck_assert_uint_eq(rig.vcpu.run.exit_reason, VMC_EXIT_INTR);
    ck_assert_str_eq(rig.events, "reason restart (4)");
    rig.vcpu.run.exit_reason = 77;
    rig.vcpu.run.immediate_exit = 1; /* comes before signals */
    ck_assert_int_eq(vmc_front_run(&rig.front, &rig.vcpu), -EINTR);
    ck_assert_uint_eq(rig.vcpu.run.exit_reason, 77);
}
END_TEST

/* A vCPU is plain data: a copy in the middle of an access goes on like it. */
START_TEST(a_copy_of_a_vcpu_is_a_snapshot)
{
    struct vmc_front_vcpu copy;

    memset(rig.vcpu.data, 0, 8);
    ck_assert_int_eq(vmc_front_x86(&rig.front, &rig.vcpu, 0x10ffe, 4, false),
                     VMC_FRONT_EXIT);
    copy = rig.vcpu;
    for (int i = 0; i < 2; i++) {
        rig.vcpu = copy;
        rig.log[0] = '\0';
        rig_serve(VMC_FRONT_EXIT);
        ck_assert_str_eq(rig.log, "x10ffe+2 x11000+2");
        ck_assert_uint_eq(rig.vcpu.data[1], rig_byte(0x10fff));
    }
}
END_TEST

static int refuse(struct vmc_bus_device *device,
                  const struct vmc_bus_access *access)
{
    (void)device;
    (void)access;
    return -EOPNOTSUPP;
}

static const struct vmc_bus_ops refusing_ops = {.kind = "refusing",
                                                .write = refuse};

START_TEST(what_a_device_in_front_refuses_goes_to_the_bus)
{
    struct vmc_bus_device front = {.ops = &refusing_ops,
                                   .kind = VMC_BUS_KERNEL};

    vmc_bus_add_front(rig.bus, 0x10000, 0x1000, &front);
    ck_assert_int_eq(rig_zone(0x10000, 16, 0), 0);
    rig_serve(vmc_front_x86(&rig.front, &rig.vcpu, 0x10000, 4, true));
    rig_serve(vmc_front_x86(&rig.front, &rig.vcpu, 0x10020, 4, true));
    ck_assert_str_eq(rig.log, "r10000+4 x10020+4");
    ck_assert_uint_eq(rig.front.counts.fronts, 0);
}
END_TEST

START_TEST(counts_say_who_took_what)
{
    ck_assert_int_eq(vmc_standins_add(&rig.standins, rig.bus), 0);
    rig_serve(vmc_front_x86(&rig.front, &rig.vcpu, 0xfee00000, 4, true));
    rig_serve(vmc_front_x86(&rig.front, &rig.vcpu, 0xfec00000, 4, true));
    rig_serve(vmc_front_x86(&rig.front, &rig.vcpu, 0xfed00000, 16, true));
    rig_serve(vmc_front_out(&rig.front, &rig.vcpu, 0x80, 1));
    ck_assert_uint_eq(rig.front.counts.fronts, 1);
    ck_assert_uint_eq(rig.front.counts.bus, 1);
    ck_assert_uint_eq(rig.front.counts.refused, 2);
    ck_assert_uint_eq(rig.front.counts.exits_mmio, 2);
    ck_assert_uint_eq(rig.front.counts.exits_io, 1);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("frontend");
    TCase *c = tcase_create("frontend");

    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, set_up, rig_stop);
    tcase_add_loop_test(c, slots_do_not_meet, 0, (int)VMC_COUNT_OF(rows));
    tcase_add_test(c, a_removal_that_waits_holds_slots_up);
    tcase_add_test(c, memory_without_content_reads_as_zero);
    tcase_add_test(c, run_without_anything_pending_goes_to_the_guest);
    tcase_add_test(c, a_copy_of_a_vcpu_is_a_snapshot);
    tcase_add_test(c, what_a_device_in_front_refuses_goes_to_the_bus);
    tcase_add_test(c, counts_say_who_took_what);
    return s;
}
