/* SPDX-License-Identifier: MIT */
/* What stands on a bus: overlaps, devices in front, the bytes of an access. */
#include "ioregion/bus.h"

#include "bus_rig.h"
#include "suite.h"

static const struct {
    uint64_t addr, size_bytes, other_addr, other_bytes;
    bool overlaps;
} rows[] = {
    {0x1000, 1, 0x1000, 1, true},
    {0x1000, 16, 0x1000, 16, true},
    {0x1000, 16, 0x100f, 1, true},
    {0x100f, 1, 0x1000, 16, true},
    {0x1000, 16, 0x1010, 16, false},
    {0x1000, 16, 0x0ff0, 16, false},
    {0x1000, 16, 0x0ff1, 16, true},
    {0x1000, 16, 0x100f, 16, true},
    {0x1000, 16, 0x100e, 16, true},
    {0x1000, 1, 0x1000, 2, true},
    {UINT64_MAX - 7, 8, 0, 8, false},
    {UINT64_MAX - 7, 64, 0, 8, false},
    {UINT64_MAX, 0, UINT64_MAX - 3, 4, true},
    {0x1000, 0, 0x1007, 1, true},
    {0x1000, 0, 0x1008, 1, false},
    {0, UINT64_MAX, UINT64_MAX, 1, false},
    {UINT64_MAX - 7, 8, UINT64_MAX, 1, true},
    {UINT64_MAX - 7, 7, UINT64_MAX, 1, false},
    {UINT64_MAX - 7, 9, UINT64_MAX, 1, true},
};

START_TEST(an_overlap_is_a_shared_byte_in_either_order)
{
    for (int turn = 0; turn < 2; turn++) {
        struct vmc_bus *bus = bus_make(vmc_bus_defaults());
        struct probe_device probe = probe_make(VMC_BUS_ZONE, 0);
        uint64_t addr = turn ? rows[_i].addr : rows[_i].other_addr;
        uint64_t size = turn ? rows[_i].size_bytes : rows[_i].other_bytes;
        struct vmc_bus_range found = {.addr = 1};
        bool is_hit;

        ck_assert_int_eq(
            vmc_bus_register(bus, VMC_BUS_MMIO,
                             turn ? rows[_i].other_addr : rows[_i].addr,
                             turn ? rows[_i].other_bytes : rows[_i].size_bytes,
                             &probe.device),
            0);
        is_hit = vmc_bus_overlaps(bus, VMC_BUS_MMIO, addr, size,
                                  1U << VMC_BUS_ZONE, 8, &found);
        ck_assert_int_eq(is_hit, rows[_i].overlaps);
        ck_assert_ptr_eq(found.device, is_hit ? &probe.device : NULL);
        ck_assert(!vmc_bus_overlaps(bus, VMC_BUS_MMIO, addr, size,
                                    1U << VMC_BUS_KERNEL, 8, NULL));
        ck_assert(!vmc_bus_overlaps(bus, VMC_BUS_PIO, addr, size, UINT32_MAX, 8,
                                    NULL));
        ck_assert_int_eq(vmc_bus_overlaps(bus, VMC_BUS_MMIO, addr, size,
                                          UINT32_MAX, 0, NULL),
                         is_hit && rows[_i].size_bytes != 0);
        vmc_bus_free(bus);
    }
}
END_TEST

START_TEST(a_range_keeps_its_size_as_given_and_as_cut)
{
    struct vmc_bus *bus = bus_make(vmc_bus_defaults());
    struct probe_device probe = probe_make(VMC_BUS_KERNEL, 0);
    struct vmc_bus_range range;

    ck_assert_int_eq(
        vmc_bus_register(bus, VMC_BUS_MMIO, 0x1000, 0xfffffff0, &probe.device),
        0);
    range = vmc_bus_range(bus, VMC_BUS_MMIO, 0);
    ck_assert_uint_eq(range.addr, 0x1000);
    ck_assert_uint_eq(range.size_bytes, 0xfffffff0);
    ck_assert_int_eq(range.len, -16);
    vmc_bus_free(bus);
}
END_TEST

START_TEST(a_device_in_front_takes_no_place)
{
    struct vmc_bus *bus = bus_make(vmc_bus_defaults());
    struct probe_device probe = probe_make(VMC_BUS_KERNEL, 0);
    struct probe_device other = probe_make(VMC_BUS_ZONE, 0);
    struct vmc_bus_range found;

    vmc_bus_add_front(bus, 0xfee00000, 0x1000, &probe.device);
    ck_assert_uint_eq(vmc_bus_range_count(bus, VMC_BUS_MMIO), 0);
    ck_assert_ptr_eq(vmc_bus_front_at(bus, 0xfee00000, 4), &probe.device);
    ck_assert_ptr_eq(vmc_bus_front_at(bus, 0xfee00ffc, 4), &probe.device);
    ck_assert_ptr_null(vmc_bus_front_at(bus, 0xfee00ffd, 4));
    ck_assert_ptr_null(vmc_bus_front_at(bus, 0xfedffffc, 4));
    ck_assert(vmc_bus_overlaps(bus, VMC_BUS_MMIO, 0xfee00ff0, 0x100,
                               1U << VMC_BUS_KERNEL, 8, NULL));
    ck_assert(!vmc_bus_overlaps(bus, VMC_BUS_PIO, 0xfee00ff0, 0x100,
                                1U << VMC_BUS_KERNEL, 8, NULL));
    ck_assert_int_eq(
        vmc_bus_register(bus, VMC_BUS_MMIO, 0x1000, 16, &other.device), 0);
    ck_assert(vmc_bus_overlaps(bus, VMC_BUS_MMIO, 0xfee00ff0, 0x100, UINT32_MAX,
                               8, &found));
    ck_assert_ptr_eq(found.device, &probe.device);
    ck_assert_uint_eq(found.addr, 0xfee00000);
    ck_assert_uint_eq(found.size_bytes, 0x1000);
    vmc_bus_free(bus);
    ck_assert_uint_eq(probe.destroyed, 0);
    ck_assert_uint_eq(other.destroyed, 1);
}
END_TEST

START_TEST(bytes_and_numbers_are_the_same_thing)
{
    struct vmc_bus_access access = {.len = 3};

    vmc_bus_set_value(&access, 0x44332211);
    ck_assert_mem_eq(access.data, "\x11\x22\x33\x00", 4);
    ck_assert_uint_eq(vmc_bus_value(&access), 0x332211);
    access.len = 8;
    vmc_bus_set_value(&access, UINT64_C(0x8877665544332211));
    ck_assert_uint_eq(vmc_bus_value(&access), UINT64_C(0x8877665544332211));
    access.len = 0;
    ck_assert_uint_eq(vmc_bus_value(&access), 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("bus_range");
    TCase *c = tcase_create("bus_range");

    suite_add_tcase(s, c);
    tcase_add_loop_test(c, an_overlap_is_a_shared_byte_in_either_order, 0,
                        (int)VMC_COUNT_OF(rows));
    tcase_add_test(c, a_range_keeps_its_size_as_given_and_as_cut);
    tcase_add_test(c, a_device_in_front_takes_no_place);
    tcase_add_test(c, bytes_and_numbers_are_the_same_thing);
    return s;
}
