/* SPDX-License-Identifier: MIT */
/*
 * KVM_IOEVENTFD: each error in its place, collisions, matching, removal. Rows
 * that start with TV are the vectors of KVM's behaviour.
 */
#include "ioregion/ioeventfd.h"

#include "base/rng.h"
#include "bus_rig.h"
#include "suite.h"

enum {
    DM = VMC_IOEVENTFD_DATAMATCH,
    PIO = VMC_IOEVENTFD_PIO,
    DE = VMC_IOEVENTFD_DEASSIGN,
    CCW = VMC_IOEVENTFD_CCW,
    E1 = 0, /* descriptors that set_up() makes */
    E2 = 1,
    E1_COPY = 2,
    PIPE = 3,
    STEPS = 12
};

static struct vmc_bus *bus;
static struct vmc_eventfds *files;
static struct vmc_ioeventfds *list;

static void set_up_with(uint32_t count_max)
{
    bus = bus_make(vmc_bus_defaults());
    ck_assert_int_eq(vmc_eventfds_new(&files, 64), VMC_OK);
    ck_assert_int_eq(vmc_ioeventfds_new(&list, bus, files, count_max), VMC_OK);
    ck_assert_int_eq(vmc_eventfds_open(files, 0), E1);
    ck_assert_int_eq(vmc_eventfds_open(files, 0), E2);
    ck_assert_int_eq(vmc_eventfds_dup(files, E1), E1_COPY);
    ck_assert_int_eq(vmc_eventfds_open_other(files), PIPE);
}

static void set_up(void)
{
    set_up_with(4000);
}

static void tear_down(void)
{
    vmc_bus_free(bus);
    ck_assert_uint_eq(vmc_ioeventfds_count(list), 0);
    for (int fd = 0; fd < 64; fd++) {
        (void)vmc_eventfds_close(files, fd);
    }
    ck_assert_uint_eq(vmc_eventfds_file_count(files), 0);
    vmc_ioeventfds_free(list);
    vmc_eventfds_free(files);
}

static uint64_t count_of(int fd)
{
    return vmc_eventfds_count(files, (uint32_t)vmc_eventfds_find(files, fd));
}

/* ---- Sequences of ioctls and writes ------------------------------------- */

/* An ioctl; or with width != 0 a write of that many bytes to the MMIO bus,
 * or to the PIO bus with flag PIO, and the descriptor whose count then grows:
 * NOBODY when it goes on to user space. */
struct step {
    struct vmc_kvm_ioeventfd args;
    int32_t width;
    uint64_t value;
    int result;
};

enum { NOBODY = -1 };

#define SET(a, l, f, d, m, r)                                                  \
    {                                                                          \
        .args = {.addr = (a),                                                  \
                 .len = (l),                                                   \
                 .flags = (f),                                                 \
                 .fd = (d),                                                    \
                 .datamatch = (m)},                                            \
        .result = (r)                                                          \
    }
#define HIT(a, w, v, r)                                                        \
    {                                                                          \
        .args = {.addr = (a)}, .width = (w), .value = (v), .result = (r)       \
    }
#define LAST UINT64_MAX

static const struct {
    const char *what;
    struct step steps[STEPS]; /* ends at an address of 0 */
} rows[] = {
    {"TV-43 widths and flags",
     {SET(0x1000, 3, 0, E1, 0, -EINVAL), SET(0x1000, 16, 0, E1, 0, -EINVAL),
      SET(0x1000, 3, 0, -1, 0, -EINVAL), SET(0x1000, 4, 0x20, E1, 0, -EINVAL),
      SET(0x1000, 4, 0x10, E1, 0, 0), SET(0x2000, 0, DM, E1, 0, -EINVAL)}},
    {"widths beyond 8",
     {SET(0x1000, 32, 0, E1, 0, -EINVAL), SET(0x1000, 33, 0, E1, 0, -EINVAL),
      SET(0x1000, 36, 0, E1, 0, -EINVAL), SET(0x1000, 5, 0, E1, 0, -EINVAL),
      SET(0x1000, UINT32_MAX, 0, E1, 0, -EINVAL)}},
    {"TV-44 descriptors",
     {SET(0x1000, 4, 0, -1, 0, -EBADF), SET(0x1000, 4, 0, PIPE, 0, -EINVAL),
      SET(0x1000, 4, 0, E1, 0, 0), SET(0x1000, 4, 0, -1, 0, -EBADF),
      SET(0x1000, 4, 0, 63, 0, -EBADF)}},
    {"TV-45 collisions of a wildcard",
     {SET(0x1000, 4, 0, E1, 0, 0), SET(0x1000, 4, 0, E2, 0, -EEXIST),
      SET(0x1000, 4, DM, E2, 5, -EEXIST), SET(0x1000, 2, 0, E2, 0, 0),
      SET(0x1000, 0, 0, E2, 0, -EEXIST), SET(0x1002, 4, 0, E2, 0, 0),
      SET(0x1000, 4, PIO, E2, 0, 0), SET(0x1000, 4, CCW, E2, 0, 0)}},
    {"TV-46 datamatch",
     {SET(0x1000, 4, DM, E1, 1, 0), SET(0x1000, 4, DM, E2, 2, 0),
      SET(0x1000, 4, DM, E2, 1, -EEXIST), SET(0x1000, 4, 0, E2, 0, -EEXIST),
      HIT(0x1000, 4, 1, E1), HIT(0x1000, 4, 2, E2), HIT(0x1000, 4, 3, NOBODY),
      HIT(0x1000, 8, 1, NOBODY), HIT(0x1000, 2, 1, NOBODY),
      HIT(0x1001, 2, 0, NOBODY)}},
    {"TV-47 a match that no byte can have",
     {SET(0x1000, 1, DM, E1, 0x1ff, 0), HIT(0x1000, 1, 0xff, NOBODY)}},
    {"TV-47 removal",
     {SET(0x1000, 4, 0, E1, 0, 0), SET(0x1000, 4, DE | 0x40, E1, 0, 0),
      SET(0x1000, 4, DE, E1, 0, -ENOENT), SET(0x1000, 4, 0, E1, 0, 0),
      SET(0x1000, 4, DE, E1_COPY, 0, 0), SET(0x1000, 4, DM, E1, 7, 0),
      SET(0x1000, 4, DE | DM, E1, 8, -ENOENT),
      SET(0x1000, 4, DE, E1, 7, -ENOENT),
      SET(0x1000, 4, DE | DM, E2, 7, -ENOENT),
      SET(0x1000, 4, DE | DM | PIO, E1, 7, -ENOENT),
      SET(0x1000, 4, DE | DM, E1, 7, 0)}},
    {"removal looks at the descriptor first, and at no width",
     {SET(0x1000, 3, DE, -1, 0, -EBADF), SET(0x1000, 3, DE, PIPE, 0, -EINVAL),
      SET(0x1000, 3, DE, E1, 0, -ENOENT), SET(LAST, 8, DE, E1, 0, -ENOENT)}},
    {"TV-51 the top of the address space",
     {SET(LAST - 7, 8, 0, E1, 0, -EINVAL), SET(LAST - 8, 8, 0, E1, 0, 0),
      SET(LAST, 0, 0, E1, 0, 0), SET(LAST, 1, 0, E1, 0, -EINVAL)}},
    {"the range comes before the flags, those before the descriptor",
     {SET(LAST, 1, 0x20, -1, 0, -EINVAL), SET(0x1000, 4, 0x20, -1, 0, -EINVAL),
      SET(0x1000, 0, DM, -1, 0, -EINVAL)}},
    {"no length takes every width",
     {SET(0x1000, 0, 0, E1, 0, 0), HIT(0x1000, 1, 9, E1), HIT(0x1000, 4, 0, E1),
      HIT(0x1000, 8, 1, E1), HIT(0x1001, 1, 0, NOBODY),
      SET(0x1000, 4, 0, E2, 0, -EEXIST), SET(0x1000, 0, DE, E1, 0, 0),
      HIT(0x1000, 4, 0, NOBODY), SET(0x1000, 4, 0, E2, 0, 0),
      HIT(0x1000, 4, 0, E2)}},
    {"two buses: PIO wins over the channel flag",
     {SET(0x1000, 4, PIO | CCW, E1, 0, 0), SET(0x1000, 4, PIO, E2, 0, -EEXIST),
      SET(0x1000, 4, CCW, E2, 0, 0), HIT(0x1000, 4, 0, NOBODY)}},
    {"TV-40 an odd address",
     {SET(0x1001, 4, 0, E1, 0, 0), HIT(0x1001, 4, 0, E1),
      HIT(0x1000, 4, 0, NOBODY)}},
    {"a match of 64 bits",
     {SET(0x1000, 8, DM, E1, LAST, 0), HIT(0x1000, 8, LAST, E1),
      HIT(0x1000, 8, LAST >> 1, NOBODY)}},
};

static int write_to(uint64_t addr, int32_t width, uint64_t value)
{
    struct vmc_bus_access access = {.addr = addr, .len = width};
    uint64_t before[2] = {count_of(E1), count_of(E2)};
    int result;

    vmc_bus_set_value(&access, value);
    result = vmc_bus_write(bus, VMC_BUS_MMIO, &access);
    for (int fd = E1; fd <= E2; fd++) {
        if (count_of(fd) != before[fd]) {
            ck_assert_uint_eq(count_of(fd), before[fd] + 1);
            ck_assert_uint_eq(count_of(!fd), before[!fd]);
            ck_assert_int_eq(result, 0);
            return fd;
        }
    }
    ck_assert_int_eq(result, -EOPNOTSUPP);
    return NOBODY;
}

START_TEST(every_rule_has_its_error)
{
    for (int i = 0; i < STEPS && rows[_i].steps[i].args.addr != 0; i++) {
        const struct step *step = &rows[_i].steps[i];
        int result = step->width == 0
                         ? vmc_ioeventfd(list, &step->args)
                         : write_to(step->args.addr, step->width, step->value);

        ck_assert_msg(result == step->result, "%s, step %d: %d", rows[_i].what,
                      i, result);
    }
}
END_TEST

START_TEST(unreadable_arguments_fault)
{
    ck_assert_int_eq(vmc_ioeventfd(list, NULL), -EFAULT);
}
END_TEST

START_TEST(reads_pass_through)
{
    struct vmc_kvm_ioeventfd args = {.addr = 0x1000, .len = 4, .fd = E1};
    struct vmc_bus_access access = {.addr = 0x1000, .len = 4};

    ck_assert_int_eq(vmc_ioeventfd(list, &args), 0);
    ck_assert_int_eq(vmc_bus_read(bus, VMC_BUS_MMIO, &access), -EOPNOTSUPP);
    ck_assert_uint_eq(access.tried, 1);
    ck_assert_uint_eq(count_of(E1), 0);
}
END_TEST

START_TEST(tv_50_3000_of_them_leave_the_bus_its_devices)
{
    struct probe_device zone = probe_make(VMC_BUS_ZONE, 0);

    for (uint64_t i = 0; i < 3000; i++) {
        struct vmc_kvm_ioeventfd args = {
            .addr = 0x10000 + 8 * i, .len = 4, .fd = E1};

        ck_assert_int_eq(vmc_ioeventfd(list, &args), 0);
    }
    ck_assert_uint_eq(vmc_bus_ioeventfd_count(bus, VMC_BUS_MMIO), 3000);
    ck_assert_int_eq(
        vmc_bus_register(bus, VMC_BUS_MMIO, 0x1000, 16, &zone.device), 0);
    ck_assert_int_eq(write_to(0x10000 + 8 * 1234, 4, 0), E1);
    ck_assert_int_eq(vmc_bus_unregister(bus, VMC_BUS_MMIO, &zone.device), 0);
}
END_TEST

START_TEST(tv_52_a_counter_saturates)
{
    struct vmc_kvm_ioeventfd args = {.addr = 0x1000, .len = 4};
    struct vmc_bus_access access = {.addr = 0x1000, .len = 4};

    args.fd = vmc_eventfds_open(files, UINT64_MAX - 1);
    ck_assert_int_eq(vmc_ioeventfd(list, &args), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(vmc_bus_write(bus, VMC_BUS_MMIO, &access), 0);
        ck_assert_uint_eq(count_of(args.fd), UINT64_MAX);
    }
}
END_TEST

START_TEST(tv_53_a_closed_descriptor_loses_events_not_writes)
{
    struct vmc_kvm_ioeventfd args = {.addr = 0x1000, .len = 4};
    struct vmc_bus_access access = {.addr = 0x1000, .len = 4};
    uint32_t file_count = vmc_eventfds_file_count(files);

    args.fd = vmc_eventfds_open(files, 0);
    ck_assert_int_eq(vmc_ioeventfd(list, &args), 0);
    ck_assert_int_eq(vmc_eventfds_close(files, args.fd), 0);
    ck_assert_uint_eq(vmc_eventfds_file_count(files), file_count + 1);
    ck_assert_int_eq(vmc_bus_write(bus, VMC_BUS_MMIO, &access), 0);
    /* No descriptor leads to it any more, so nobody can take it off. */
    args.flags = DE;
    ck_assert_int_eq(vmc_ioeventfd(list, &args), -EBADF);
    ck_assert_uint_eq(vmc_ioeventfds_count(list), 1);
}
END_TEST

/* ---- The twin on the FAST bus ------------------------------------------- */

static const struct vmc_kvm_ioeventfd doorbell = {
    .addr = 0x1000, .len = 0, .fd = E1};

START_TEST(one_without_length_has_a_fast_twin)
{
    struct vmc_bus_access access = {.addr = 0x1000, .len = 0};
    struct vmc_kvm_ioeventfd args = doorbell;

    ck_assert_int_eq(vmc_ioeventfd(list, &args), 0);
    ck_assert_uint_eq(vmc_ioeventfds_count(list), 2);
    ck_assert_uint_eq(vmc_ioeventfds_at(list, 0).bus, VMC_BUS_MMIO);
    ck_assert_uint_eq(vmc_ioeventfds_at(list, 1).bus, VMC_BUS_FAST);
    ck_assert_uint_eq(vmc_bus_ioeventfd_count(bus, VMC_BUS_FAST), 1);
    ck_assert_int_eq(vmc_bus_write(bus, VMC_BUS_FAST, &access), 0);
    ck_assert_uint_eq(count_of(E1), 1);
    args.flags = DE;
    ck_assert_int_eq(vmc_ioeventfd(list, &args), 0);
    ck_assert_uint_eq(vmc_bus_range_count(bus, VMC_BUS_FAST), 0);
    ck_assert_int_eq(vmc_bus_write(bus, VMC_BUS_FAST, &access), -EOPNOTSUPP);
}
END_TEST

START_TEST(ports_have_no_fast_twin)
{
    struct vmc_kvm_ioeventfd args = doorbell;

    args.flags = PIO;
    ck_assert_int_eq(vmc_ioeventfd(list, &args), 0);
    ck_assert_uint_eq(vmc_ioeventfds_count(list), 1);
    ck_assert_uint_eq(vmc_bus_range_count(bus, VMC_BUS_FAST), 0);
}
END_TEST

/* The second allocation of an array is that of the FAST bus. */
START_TEST(a_twin_that_fails_takes_the_first_half_back)
{
    uint32_t file_count = vmc_eventfds_file_count(files);

    vmc_bus_fail_allocation(bus, 2);
    ck_assert_int_eq(vmc_ioeventfd(list, &doorbell), -ENOMEM);
    ck_assert_uint_eq(vmc_ioeventfds_count(list), 0);
    ck_assert_uint_eq(vmc_bus_range_count(bus, VMC_BUS_MMIO), 0);
    ck_assert_uint_eq(vmc_bus_range_count(bus, VMC_BUS_FAST), 0);
    ck_assert_int_eq(vmc_ioeventfd(list, &doorbell), 0);
    ck_assert_uint_eq(vmc_eventfds_file_count(files), file_count);
}
END_TEST

START_TEST(there_is_memory_for_so_many)
{
    struct vmc_kvm_ioeventfd args = {.addr = 0x2000, .len = 4, .fd = E1};

    tear_down();
    set_up_with(2);
    ck_assert_int_eq(vmc_ioeventfd(list, &args), 0);
    ck_assert_int_eq(vmc_ioeventfd(list, &doorbell), -ENOMEM);
    ck_assert_uint_eq(vmc_ioeventfds_count(list), 1);
    args.addr = 0x3000;
    for (int i = 0; i < 3; i++) { /* what fails takes no place */
        vmc_bus_fail_allocation(bus, 1);
        ck_assert_int_eq(vmc_ioeventfd(list, &args), -ENOMEM);
    }
    ck_assert_int_eq(vmc_ioeventfd(list, &args), 0);
    args.fd = -1;
    ck_assert_int_eq(vmc_ioeventfd(list, &args), -EBADF);
    args.fd = E1; /* a lack of memory is found before a collision */
    ck_assert_int_eq(vmc_ioeventfd(list, &args), -ENOMEM);
}
END_TEST

START_TEST(a_full_bus_refuses_and_forgets)
{
    static struct probe_device zones[1000];
    struct vmc_kvm_ioeventfd args = {.addr = 0x1000, .len = 4, .fd = E1};

    for (uint64_t i = 0; i < 1000; i++) {
        zones[i] = probe_make(VMC_BUS_ZONE, -EOPNOTSUPP);
        ck_assert_int_eq(vmc_bus_register(bus, VMC_BUS_MMIO, 0x10000 + 16 * i,
                                          16, &zones[i].device),
                         0);
    }
    ck_assert_int_eq(vmc_ioeventfd(list, &args), -ENOSPC);
    ck_assert_uint_eq(vmc_ioeventfds_count(list), 0);
    args.flags = PIO;
    ck_assert_int_eq(vmc_ioeventfd(list, &args), 0);
}
END_TEST

START_TEST(removal_is_well_even_when_the_bus_is_lost)
{
    struct vmc_kvm_ioeventfd args = {.addr = 0x2000, .len = 4, .fd = E1};

    ck_assert_int_eq(vmc_ioeventfd(list, &args), 0);
    args.addr = 0x3000;
    ck_assert_int_eq(vmc_ioeventfd(list, &args), 0);
    vmc_bus_fail_allocation(bus, 1);
    args.flags = DE;
    ck_assert_int_eq(vmc_ioeventfd(list, &args), 0);
    ck_assert(vmc_bus_is_gone(bus, VMC_BUS_MMIO));
    ck_assert_uint_eq(vmc_ioeventfds_count(list), 0);
    args.flags = 0;
    ck_assert_int_eq(vmc_ioeventfd(list, &args), -ENOMEM);
}
END_TEST

/* In 5.11 the ioctl destroys what it took off; the outcome is the same. */
START_TEST(a_reader_holds_a_removal_up)
{
    struct vmc_bus_config config = vmc_bus_defaults();
    struct vmc_kvm_ioeventfd args = doorbell;
    uint32_t reader;

    vmc_bus_free(bus);
    vmc_ioeventfds_free(list);
    config.version = (enum vmc_kvm_version)_i;
    bus = bus_make(config);
    ck_assert_int_eq(vmc_ioeventfds_new(&list, bus, files, 8), VMC_OK);
    ck_assert_int_eq(vmc_ioeventfd(list, &args), 0);
    reader = vmc_bus_enter(bus);
    args.flags = DE;
    ck_assert_int_eq(vmc_ioeventfd(list, &args), 0);
    ck_assert_uint_eq(vmc_bus_range_count(bus, VMC_BUS_MMIO), 0);
    ck_assert_uint_eq(vmc_ioeventfds_count(list), 2);
    args.flags = 0;
    ck_assert_int_eq(vmc_ioeventfd(list, &args), VMC_BUS_LOCKED);
    args.len = 3;
    ck_assert_int_eq(vmc_ioeventfd(list, &args), -EINVAL);
    vmc_bus_leave(bus, reader);
    ck_assert_uint_eq(vmc_ioeventfds_count(list), 0);
    ck_assert_int_eq(vmc_ioeventfd(list, &doorbell), 0);
}
END_TEST

/* ---- The twin: a plain table of what is registered ---------------------- */

START_TEST(random_registrations_agree_with_a_plain_table)
{
    static const uint32_t lens[] = {0, 1, 2, 4, 8};
    struct {
        struct vmc_kvm_ioeventfd args;
        bool is_used;
    } table[64] = {0};
    struct vmc_rng rng;

    vmc_rng_init(&rng, (uint64_t)_i);
    for (int step = 0; step < 2000; step++) {
        struct vmc_kvm_ioeventfd args = {
            .addr = 0x1000 + vmc_rng_below(&rng, 3),
            .len = lens[vmc_rng_below(&rng, 5)],
            .fd = (int)vmc_rng_below(&rng, 2),
            .flags = vmc_rng_below(&rng, 2) ? DM : 0,
            .datamatch = vmc_rng_below(&rng, 3)};
        bool is_removal = vmc_rng_below(&rng, 3) == 0;
        int wanted = is_removal ? -ENOENT : 0;
        int place = -1;

        for (int i = 63; i >= 0; i--) {
            const struct vmc_kvm_ioeventfd *old = &table[i].args;
            bool is_any = ((old->flags | args.flags) & DM) == 0 ||
                          ((old->flags ^ args.flags) & DM) != 0;

            if (!table[i].is_used) {
                place = is_removal ? place : i;
            } else if (is_removal) {
                if (old->addr == args.addr && old->len == args.len &&
                    old->fd == args.fd && old->flags == args.flags &&
                    (args.flags == 0 || old->datamatch == args.datamatch)) {
                    wanted = 0;
                    place = i;
                }
            } else if (old->addr == args.addr &&
                       (old->len == 0 || args.len == 0 ||
                        (old->len == args.len &&
                         (is_any || old->datamatch == args.datamatch)))) {
                wanted = -EEXIST;
            }
        }
        if (args.len == 0 && args.flags == DM) {
            wanted = is_removal ? -ENOENT : -EINVAL;
        }
        args.flags |= is_removal ? DE : 0;
        ck_assert_int_eq(vmc_ioeventfd(list, &args), wanted);
        if (wanted == 0) {
            table[place].args = args;
            table[place].is_used = !is_removal;
        }
    }
}
END_TEST

START_TEST(a_list_has_limits)
{
    struct vmc_ioeventfds *other;

    ck_assert_int_eq(vmc_ioeventfds_new(&other, bus, files, 0), VMC_E_RANGE);
    ck_assert_ptr_null(other);
    ck_assert_int_eq(vmc_ioeventfds_new(&other, bus, files, UINT32_MAX),
                     VMC_E_RANGE);
    vmc_ioeventfds_free(NULL);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ioeventfd");
    TCase *c = tcase_create("ioeventfd");

    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_loop_test(c, every_rule_has_its_error, 0,
                        (int)VMC_COUNT_OF(rows));
    tcase_add_test(c, unreadable_arguments_fault);
    tcase_add_test(c, reads_pass_through);
    tcase_add_test(c, tv_50_3000_of_them_leave_the_bus_its_devices);
    tcase_add_test(c, tv_52_a_counter_saturates);
    tcase_add_test(c, tv_53_a_closed_descriptor_loses_events_not_writes);
    tcase_add_test(c, one_without_length_has_a_fast_twin);
    tcase_add_test(c, ports_have_no_fast_twin);
    tcase_add_test(c, a_twin_that_fails_takes_the_first_half_back);
    tcase_add_test(c, there_is_memory_for_so_many);
    tcase_add_test(c, a_full_bus_refuses_and_forgets);
    tcase_add_test(c, removal_is_well_even_when_the_bus_is_lost);
    tcase_add_loop_test(c, a_reader_holds_a_removal_up, 0, VMC_K_COUNT);
    tcase_add_loop_test(c, random_registrations_agree_with_a_plain_table, 0,
                        20);
    tcase_add_test(c, a_list_has_limits);
    return s;
}
