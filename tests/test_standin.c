/* SPDX-License-Identifier: MIT */
/* Interrupt controllers in the kernel: the room they leave on the buses. */
#include "ioregion/standin.h"

#include "front_rig.h"
#include "suite.h"

static void set_up(void)
{
    rig_start(VMC_ARCH_X86, VMC_K6_12);
    ck_assert_int_eq(vmc_standins_add(&rig.standins, rig.bus), 0);
}

START_TEST(tv_49_zones_that_fit_beside_them)
{
    for (uint32_t pio = 0; pio < 2; pio++) {
        uint64_t count = 0;

        while (rig_zone(0x1000 + 16 * count, 16, pio) == 0) {
            count++;
        }
        ck_assert_uint_eq(count, pio == 0 ? 999 : 997);
        ck_assert_int_eq(rig_zone(0x1000, 16, pio), -ENOSPC);
        for (uint64_t i = 0; i < count; i++) {
            ck_assert_int_eq(rig_unzone(0x1000 + 16 * i, 16, pio), 0);
        }
    }
}
END_TEST

START_TEST(tv_48_the_limit_holds_ioeventfds_back_too)
{
    for (uint64_t i = 0; i < 999; i++) {
        ck_assert_int_eq(rig_zone(0x10000 + 16 * i, 16, 0), 0);
    }
    ck_assert_int_eq(rig_zone(0x1000, 16, 0), -ENOSPC);
    ck_assert_int_eq(rig_event(0x1000, 4, 0, 0, 0), -ENOSPC);
    ck_assert_int_eq(rig_unzone(0x10000, 16, 0), 0);
    ck_assert_int_eq(rig_event(0x1000, 4, 0, 0, 0), 0);
    ck_assert_int_eq(rig_zone(0x10000, 16, 0), 0);
    ck_assert_int_eq(rig_event(0x2000, 4, 0, 0, 0), -ENOSPC);
    ck_assert_int_eq(rig_zone(0x500, 4, 1), 0);
}
END_TEST

START_TEST(each_answers_in_its_range)
{
    static const struct {
        bool is_port;
        uint64_t addr;
        uint32_t len;
        const char *log;
    } places[] = {
        {false, 0xfee00000, 4, "l"},
        {false, 0xfee00ffc, 4, "l"},
        {false, 0xfec00000, 4, "k"},
        {false, 0xfec000fc, 4, "k"},
        {false, 0xfec00100, 4, "xfec00100+4"},
        {true, 0x20, 1, "k"},
        {true, 0xa1, 1, "k"},
        {true, 0x4d0, 2, "k"},
        {true, 0x21, 2, "x21*1x2=34"},
    };

    rig.vcpu.rax = 0x1234;
    for (size_t i = 0; i < VMC_COUNT_OF(places); i++) {
        rig.log[0] = '\0';
        rig_serve(places[i].is_port
                      ? vmc_front_out(&rig.front, &rig.vcpu,
                                      (uint16_t)places[i].addr,
                                      (uint8_t)places[i].len)
                      : vmc_front_x86(&rig.front, &rig.vcpu, places[i].addr,
                                      places[i].len, true));
        ck_assert_str_eq(rig.log, places[i].log);
    }
    ck_assert_int_eq(vmc_front_in(&rig.front, &rig.vcpu, 0xa1, 1),
                     VMC_FRONT_GUEST);
    ck_assert_uint_eq(rig.standins.parts[VMC_STANDIN_PIC_SLAVE].reads, 1);
    ck_assert_uint_eq(rig.vcpu.rax, 0x1234);
}
END_TEST

START_TEST(a_bus_without_memory_is_told)
{
    static struct vmc_standins other; /* outlives the bus */

    vmc_bus_fail_allocation(rig.bus, 2);
    ck_assert_int_eq(vmc_standins_add(&other, rig.bus), -ENOMEM);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("standin");
    TCase *c = tcase_create("standin");

    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, set_up, rig_stop);
    tcase_add_test(c, tv_49_zones_that_fit_beside_them);
    tcase_add_test(c, tv_48_the_limit_holds_ioeventfds_back_too);
    tcase_add_test(c, each_answers_in_its_range);
    tcase_add_test(c, a_bus_without_memory_is_told);
    return s;
}
