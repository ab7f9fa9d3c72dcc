/* SPDX-License-Identifier: MIT */
/*
 * The ring, and the zones that fill it. Rows that start with TV are the
 * vectors of KVM's behaviour.
 */
#include "ioregion/coalesced.h"

#include "bus_rig.h"
#include "ioregion/ioeventfd.h"
#include "suite.h"

enum { PAGE_BYTES = 4096, ENTRIES = 170, BASE = 0x10000 };

static struct vmc_bus *bus;
static struct vmc_coalesced *coalesced;
static struct vmc_kvm_ring *ring;

static void set_up(void)
{
    bus = bus_make(vmc_bus_defaults());
    ck_assert_int_eq(vmc_coalesced_new(&coalesced, bus, PAGE_BYTES, 1100),
                     VMC_OK);
    ring = vmc_coalesced_ring(coalesced);
}

static void tear_down(void)
{
    vmc_bus_free(bus);
    ck_assert_uint_eq(vmc_coalesced_zone_count(coalesced), 0);
    vmc_coalesced_free(coalesced);
}

static int zone_add(uint64_t addr, uint32_t size, uint32_t pio)
{
    struct vmc_kvm_zone zone = {addr, size, pio};

    return vmc_coalesced_register(coalesced, &zone);
}

static int zone_remove(uint64_t addr, uint32_t size, uint32_t pio)
{
    struct vmc_kvm_zone zone = {addr, size, pio};

    return vmc_coalesced_unregister(coalesced, &zone);
}

static int write_on(enum vmc_bus_index index, uint64_t addr, int32_t len,
                    uint64_t value)
{
    struct vmc_bus_access access = {.addr = addr, .len = len};

    vmc_bus_set_value(&access, value);
    return vmc_bus_write(bus, index, &access);
}

/* True when the write went into the ring. */
static bool absorbs(uint64_t addr, int32_t len)
{
    uint32_t last = ring->last;
    int result = write_on(VMC_BUS_MMIO, addr, len, 0);

    ck_assert_int_eq(result == 0, ring->last != last);
    return result == 0;
}

START_TEST(a_page_has_so_many_entries)
{
    static const uint32_t pages[][2] = {
        {4096, 170}, {8192, 341}, {16384, 682}, {32768, 1365}, {65536, 2730}};

    ck_assert_uint_eq(vmc_coalesced_entry_count(pages[_i][0]), pages[_i][1]);
}
END_TEST

START_TEST(an_entry_lies_in_memory_as_the_abi_says)
{
    static const uint8_t bytes[] = {
        0,    0, 0, 0,    2,    0,    0,    0, /* first, last */
        4,    0, 1, 0,    0,    0,    0,    0, 4, 0, 0, 0, 0,
        0,    0, 0, 0xef, 0xbe, 0xad, 0xde, 0, 0, 0, 0, /* entry 0 */
        0x60, 0, 0, 0,    0,    0,    0,    0, 1, 0, 0, 0, 1,
        0,    0, 0, 0x55, 9,    9,    9,    9, 9, 9, 9 /* entry 1; older bytes
                                                          stay */
    };

    memset(ring->entries[1].data, 9, 8);
    ck_assert_int_eq(zone_add(BASE, 16, 0), 0);
    ck_assert_int_eq(zone_add(0x60, 1, 1), 0);
    ck_assert_int_eq(write_on(VMC_BUS_MMIO, BASE + 4, 4, 0xdeadbeef), 0);
    ck_assert_int_eq(write_on(VMC_BUS_PIO, 0x60, 1, 0x55), 0);
    ck_assert_mem_eq(ring, bytes, sizeof(bytes));
}
END_TEST

START_TEST(tv_54_a_ring_nobody_empties_takes_169)
{
    ck_assert_int_eq(zone_add(BASE, 16, 0), 0);
    for (int i = 0; i < ENTRIES - 1; i++) {
        ck_assert(absorbs(BASE, 4));
    }
    ck_assert(!absorbs(BASE, 4));
    ck_assert_uint_eq(ring->first, 0);
    ck_assert_uint_eq(ring->last, ENTRIES - 1);
}
END_TEST

START_TEST(tv_55_ports_share_the_ring)
{
    ck_assert_int_eq(zone_add(BASE, 16, 0), 0);
    ck_assert_int_eq(zone_add(0x60, 4, 1), 0);
    for (int i = 0; i < ENTRIES - 1; i++) {
        ck_assert(absorbs(BASE, 4));
    }
    ck_assert_int_eq(write_on(VMC_BUS_PIO, 0x60, 1, 0), -EOPNOTSUPP);
    ring->first = 1;
    ck_assert_int_eq(write_on(VMC_BUS_PIO, 0x60, 1, 0), 0);
    ck_assert_uint_eq(ring->entries[ENTRIES - 1].pio, 1);
    ck_assert_uint_eq(ring->last, 0);
}
END_TEST

static const struct {
    uint32_t first, last;
    bool is_absorbed;
    uint32_t last_after;
} indices[] = {
    {0, 170, false, 170},
    {6, 5, false, 5},
    {999, 5, true, 6},
    {0, 169, false, 169},
    {1, 169, true, 0},
    {170, 169, true, 0},
    {0, UINT32_MAX, false, UINT32_MAX},
};

START_TEST(tv_56_indices_are_what_the_vmm_says)
{
    ck_assert_int_eq(zone_add(BASE, 16, 0), 0);
    ring->first = indices[_i].first;
    ring->last = indices[_i].last;
    ck_assert_int_eq(absorbs(BASE, 4), indices[_i].is_absorbed);
    ck_assert_uint_eq(ring->last, indices[_i].last_after);
}
END_TEST

START_TEST(tv_57_a_full_ring_falls_through_to_the_next)
{
    struct vmc_eventfds *files;
    struct vmc_ioeventfds *list;
    struct vmc_kvm_ioeventfd args = {.addr = BASE + 4, .len = 4};

    ck_assert_int_eq(vmc_eventfds_new(&files, 4), VMC_OK);
    ck_assert_int_eq(vmc_ioeventfds_new(&list, bus, files, 4), VMC_OK);
    args.fd = vmc_eventfds_open(files, 0);
    ck_assert_int_eq(zone_add(BASE, 0x1000, 0), 0);
    ck_assert_int_eq(vmc_ioeventfd(list, &args), 0);
    ck_assert(absorbs(BASE + 4, 4));
    ck_assert_uint_eq(vmc_eventfds_count(files, 0), 0);
    ring->first = ring->last + 1;
    ck_assert_int_eq(write_on(VMC_BUS_MMIO, BASE + 4, 4, 0), 0);
    ck_assert_uint_eq(vmc_eventfds_count(files, 0), 1);
    args.flags = VMC_IOEVENTFD_DEASSIGN;
    ck_assert_int_eq(vmc_ioeventfd(list, &args), 0);
    vmc_ioeventfds_free(list);
    vmc_eventfds_free(files);
}
END_TEST

START_TEST(tv_58_size_0_takes_nothing_and_an_end_is_inside)
{
    ck_assert_int_eq(zone_add(BASE + 0x100, 0, 0), 0);
    ck_assert(!absorbs(BASE + 0x100, 1));
    ck_assert_int_eq(zone_add(BASE, 16, 0), 0);
    ck_assert_int_eq(zone_add(BASE, 16, 0), 0);
    ck_assert_int_eq(zone_remove(BASE + 17, 0, 0), 0);
    ck_assert_uint_eq(vmc_coalesced_zone_count(coalesced), 3);
    ck_assert_int_eq(zone_remove(BASE + 16, 0, 0), 0);
    ck_assert_uint_eq(vmc_coalesced_zone_count(coalesced), 1);
    ck_assert(!absorbs(BASE, 4));
}
END_TEST

START_TEST(tv_59_removal_takes_what_holds_the_range)
{
    ck_assert_int_eq(zone_add(BASE, 0x10, 0), 0);
    ck_assert_int_eq(zone_remove(BASE, 0x11, 0), 0);
    ck_assert_int_eq(zone_remove(BASE, 0x10, 1), 0);
    ck_assert_uint_eq(vmc_coalesced_zone_count(coalesced), 1);
    ck_assert_int_eq(zone_remove(BASE, 0x10, 7), -EINVAL);
    ck_assert_int_eq(zone_add(BASE, 0x10, 7), -EINVAL);
    ck_assert_int_eq(zone_remove(BASE + 4, 4, 0), 0);
    ck_assert_uint_eq(vmc_coalesced_zone_count(coalesced), 0);
    ck_assert_int_eq(zone_remove(BASE + 4, 4, 0), 0);
    ck_assert_int_eq(vmc_coalesced_register(coalesced, NULL), -EFAULT);
    ck_assert_int_eq(vmc_coalesced_unregister(coalesced, NULL), -EFAULT);
}
END_TEST

static const struct {
    const char *what;
    uint64_t zone_addr;
    uint32_t zone_size;
    uint64_t addr;
    int32_t len;
    bool is_absorbed;
} places[] = {
    {"TV-28 last byte", BASE, 16, BASE + 15, 1, true},
    {"TV-28 behind it", BASE, 16, BASE + 16, 1, false},
    {"TV-28 last four", BASE, 16, BASE + 12, 4, true},
    {"TV-28 one too far", BASE, 16, BASE + 13, 4, false},
    {"TV-28 last eight", BASE, 16, BASE + 8, 8, true},
    {"odd width", BASE, 16, BASE + 1, 3, true},
    {"TV-20 2 GiB, below their end", 0x10000000, 0x80000000, 0x10000000, 4,
     true},
    {"TV-20 the bus matches, the zone does not", 0x10000000, 0x80000000,
     0xa0000000, 4, false},
    {"TV-21 2 GiB that match nothing", 0xc0000000, 0x80000000, 0xc0000000, 4,
     false},
    {"an end that wraps", UINT64_MAX - 15, 16, UINT64_MAX - 7, 8, false},
    {"an end one below", UINT64_MAX - 16, 16, UINT64_MAX - 8, 8, true},
    {"an access that wraps", UINT64_MAX - 16, 16, UINT64_MAX - 3, 8, false},
};

START_TEST(a_zone_takes_what_lies_in_it)
{
    ck_assert_int_eq(zone_add(places[_i].zone_addr, places[_i].zone_size, 0),
                     0);
    ck_assert_msg(absorbs(places[_i].addr, places[_i].len) ==
                      places[_i].is_absorbed,
                  "%s", places[_i].what);
}
END_TEST

START_TEST(reads_pass_through)
{
    struct vmc_bus_access access = {.addr = BASE, .len = 4};

    ck_assert_int_eq(zone_add(BASE, 16, 0), 0);
    ck_assert_int_eq(vmc_bus_read(bus, VMC_BUS_MMIO, &access), -EOPNOTSUPP);
}
END_TEST

START_TEST(a_range_of_2_gib_removes_nothing)
{
    ck_assert_int_eq(zone_add(0x10000000, 0x80000000, 0), 0);
    ck_assert_int_eq(zone_remove(0x10000000, 0x80000000, 0), 0);
    ck_assert_uint_eq(vmc_coalesced_zone_count(coalesced), 1);
    ck_assert_int_eq(zone_remove(0x10000000, 0x7fffffff, 0), 0);
    ck_assert_uint_eq(vmc_coalesced_zone_count(coalesced), 0);
}
END_TEST

START_TEST(a_careful_vmm_gets_them_in_order)
{
    struct vmc_kvm_coalesced entry;

    ck_assert_int_eq(zone_add(BASE, 16, 0), 0);
    ck_assert(!vmc_coalesced_take(coalesced, &entry));
    for (uint64_t i = 0; i < 1000; i++) {
        ck_assert_int_eq(write_on(VMC_BUS_MMIO, BASE, 4, 2 * i), 0);
        ck_assert_int_eq(write_on(VMC_BUS_MMIO, BASE + 4, 2, 2 * i + 1), 0);
        ck_assert(vmc_coalesced_take(coalesced, &entry));
        ck_assert_uint_eq(entry.phys_addr, BASE);
        ck_assert_uint_eq(entry.data[0], 2 * i & 0xff);
        ck_assert(vmc_coalesced_take(coalesced, &entry));
        ck_assert_uint_eq(entry.len, 2);
        ck_assert_uint_eq(entry.data[1], (2 * i + 1) >> 8 & 0xff);
    }
    ck_assert(!vmc_coalesced_take(coalesced, &entry));
    ring->first = ENTRIES;
    ck_assert(!vmc_coalesced_take(coalesced, &entry));
    ring->first = 0;
    ring->last = ENTRIES;
    ck_assert(!vmc_coalesced_take(coalesced, &entry));
}
END_TEST

START_TEST(zones_run_out)
{
    for (uint64_t i = 0; i < 1000; i++) {
        ck_assert_int_eq(zone_add(BASE + 16 * i, 16, 0), 0);
    }
    ck_assert_int_eq(zone_add(BASE, 16, 0), -ENOSPC);
    ck_assert_int_eq(zone_remove(BASE, 16, 0), 0);
    ck_assert_int_eq(zone_add(BASE, 16, 0), 0);
    for (uint64_t i = 0; i < 100; i++) {
        ck_assert_int_eq(zone_add(0x60 + i, 1, 1), 0);
    }
    ck_assert_int_eq(zone_add(0x500, 1, 1), -ENOMEM);
    vmc_bus_fail_allocation(bus, 1);
    ck_assert_int_eq(zone_remove(0x60, 1, 1), 0);
    ck_assert(vmc_bus_is_gone(bus, VMC_BUS_PIO));
    ck_assert_uint_eq(vmc_coalesced_zone_count(coalesced), 1000);
}
END_TEST

START_TEST(a_reader_holds_a_removal_up)
{
    uint32_t reader;

    ck_assert_int_eq(zone_add(BASE, 16, 0), 0);
    ck_assert_int_eq(zone_add(BASE, 32, 0), 0);
    reader = vmc_bus_enter(bus);
    ck_assert_int_eq(zone_remove(BASE, 16, 0), 0);
    ck_assert_uint_eq(vmc_bus_range_count(bus, VMC_BUS_MMIO), 0);
    ck_assert_uint_eq(vmc_coalesced_zone_count(coalesced), 2);
    ck_assert_int_eq(zone_add(BASE, 16, 0), VMC_BUS_LOCKED);
    ck_assert_int_eq(zone_remove(BASE, 16, 0), VMC_BUS_LOCKED);
    ck_assert_int_eq(zone_remove(BASE, 16, 2), -EINVAL);
    vmc_bus_leave(bus, reader);
    ck_assert_uint_eq(vmc_coalesced_zone_count(coalesced), 0);
}
END_TEST

START_TEST(a_ring_has_limits)
{
    struct vmc_coalesced *other;

    ck_assert_int_eq(vmc_coalesced_new(&other, bus, 32, 4), VMC_E_RANGE);
    ck_assert_ptr_null(other);
    ck_assert_int_eq(vmc_coalesced_new(&other, bus, 1 << 17, 4), VMC_E_RANGE);
    ck_assert_int_eq(vmc_coalesced_new(&other, bus, 4096, 0), VMC_E_RANGE);
    vmc_coalesced_free(NULL);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("coalesced");
    TCase *c = tcase_create("coalesced");

    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_loop_test(c, a_page_has_so_many_entries, 0, 5);
    tcase_add_test(c, an_entry_lies_in_memory_as_the_abi_says);
    tcase_add_test(c, tv_54_a_ring_nobody_empties_takes_169);
    tcase_add_test(c, tv_55_ports_share_the_ring);
    tcase_add_loop_test(c, tv_56_indices_are_what_the_vmm_says, 0,
                        (int)VMC_COUNT_OF(indices));
    tcase_add_test(c, tv_57_a_full_ring_falls_through_to_the_next);
    tcase_add_test(c, tv_58_size_0_takes_nothing_and_an_end_is_inside);
    tcase_add_test(c, tv_59_removal_takes_what_holds_the_range);
    tcase_add_loop_test(c, a_zone_takes_what_lies_in_it, 0,
                        (int)VMC_COUNT_OF(places));
    tcase_add_test(c, reads_pass_through);
    tcase_add_test(c, a_range_of_2_gib_removes_nothing);
    tcase_add_test(c, a_careful_vmm_gets_them_in_order);
    tcase_add_test(c, zones_run_out);
    tcase_add_test(c, a_reader_holds_a_removal_up);
    tcase_add_test(c, a_ring_has_limits);
    return s;
}
