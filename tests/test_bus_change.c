/* SPDX-License-Identifier: MIT */
/* Limits of a bus, what a failed change leaves, and when a change is over. */
#include "ioregion/bus.h"

#include "base/rng.h"
#include "bus_rig.h"
#include "suite.h"

enum { MANY = 1001 };

static struct probe_device devices[MANY];

static struct vmc_bus *full_bus(enum vmc_bus_kind kind, int count)
{
    struct vmc_bus *bus = bus_make(vmc_bus_defaults());

    for (int i = 0; i < count; i++) {
        devices[i] = probe_make(kind, 0);
        ck_assert_int_eq(vmc_bus_register(bus, VMC_BUS_MMIO,
                                          0x1000 + 16U * (uint64_t)i, 16,
                                          &devices[i].device),
                         0);
    }
    devices[MANY - 1] = probe_make(kind, 0);
    return bus;
}

static int add_last(struct vmc_bus *bus, enum vmc_bus_index index,
                    enum vmc_bus_kind kind)
{
    devices[MANY - 1].device.kind = kind;
    return vmc_bus_register(bus, index, 0x500, 4, &devices[MANY - 1].device);
}

START_TEST(a_bus_takes_1000_devices_and_then_nothing)
{
    struct vmc_bus *bus = full_bus(VMC_BUS_ZONE, 1000);

    ck_assert_int_eq(add_last(bus, VMC_BUS_MMIO, VMC_BUS_ZONE), -ENOSPC);
    ck_assert_int_eq(add_last(bus, VMC_BUS_MMIO, VMC_BUS_IOEVENTFD), -ENOSPC);
    ck_assert_int_eq(add_last(bus, VMC_BUS_PIO, VMC_BUS_ZONE), 0);
    ck_assert_uint_eq(vmc_bus_range_count(bus, VMC_BUS_MMIO), 1000);
    vmc_bus_free(bus);
    ck_assert_uint_eq(devices[MANY - 1].destroyed, 1);
}
END_TEST

START_TEST(ioeventfds_do_not_count)
{
    struct vmc_bus *bus = full_bus(VMC_BUS_IOEVENTFD, 1000);

    ck_assert_uint_eq(vmc_bus_ioeventfd_count(bus, VMC_BUS_MMIO), 1000);
    ck_assert_int_eq(add_last(bus, VMC_BUS_MMIO, VMC_BUS_ZONE), 0);
    ck_assert_int_eq(vmc_bus_unregister(bus, VMC_BUS_MMIO, &devices[0].device),
                     0);
    ck_assert_uint_eq(vmc_bus_ioeventfd_count(bus, VMC_BUS_MMIO), 999);
    vmc_bus_free(bus);
}
END_TEST

START_TEST(the_limit_is_found_before_the_lack_of_memory)
{
    struct vmc_bus *bus = full_bus(VMC_BUS_ZONE, 1000);

    vmc_bus_fail_allocation(bus, 1);
    ck_assert_int_eq(add_last(bus, VMC_BUS_MMIO, VMC_BUS_ZONE), -ENOSPC);
    ck_assert_int_eq(add_last(bus, VMC_BUS_PIO, VMC_BUS_ZONE), -ENOMEM);
    ck_assert_int_eq(add_last(bus, VMC_BUS_PIO, VMC_BUS_ZONE), 0);
    vmc_bus_free(bus);
}
END_TEST

START_TEST(a_full_array_is_a_lack_of_memory)
{
    struct vmc_bus_config config = vmc_bus_defaults();
    struct vmc_bus *bus;

    config.ranges_max = 1;
    bus = bus_make(config);
    devices[0] = probe_make(VMC_BUS_IOEVENTFD, 0);
    devices[MANY - 1] = probe_make(VMC_BUS_IOEVENTFD, 0);
    ck_assert_int_eq(
        vmc_bus_register(bus, VMC_BUS_MMIO, 0x1000, 4, &devices[0].device), 0);
    ck_assert_int_eq(add_last(bus, VMC_BUS_MMIO, VMC_BUS_IOEVENTFD), -ENOMEM);
    vmc_bus_free(bus);
    ck_assert_uint_eq(devices[MANY - 1].destroyed, 0);
}
END_TEST

/* After a failed shrink: who is destroyed, and what the bus answers. */
START_TEST(a_failed_shrink_drops_the_whole_bus)
{
    enum vmc_kvm_version version = (enum vmc_kvm_version)_i;
    struct vmc_bus_config config = vmc_bus_defaults();
    struct vmc_bus_access access = {.addr = 0x1000, .len = 4};
    struct vmc_bus *bus;

    config.version = version;
    bus = bus_make(config);
    for (int i = 0; i < 3; i++) {
        devices[i] = probe_make(VMC_BUS_ZONE, 0);
        ck_assert_int_eq(vmc_bus_register(bus, VMC_BUS_MMIO,
                                          0x1000 + 16U * (uint64_t)i, 16,
                                          &devices[i].device),
                         0);
    }
    ck_assert_int_eq(
        vmc_bus_unregister(bus, VMC_BUS_MMIO, &devices[MANY - 1].device), 0);
    vmc_bus_fail_allocation(bus, 1);
    ck_assert_int_eq(vmc_bus_unregister(bus, VMC_BUS_MMIO, &devices[1].device),
                     -ENOMEM);
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(devices[i].destroyed,
                          version == VMC_K5_11 && i == 1 ? 0 : 1);
    }
    ck_assert(vmc_bus_is_gone(bus, VMC_BUS_MMIO));
    ck_assert(!vmc_bus_is_gone(bus, VMC_BUS_PIO));
    ck_assert_uint_eq(vmc_bus_range_count(bus, VMC_BUS_MMIO), 0);
    ck_assert_int_eq(vmc_bus_read(bus, VMC_BUS_MMIO, &access), -ENOMEM);
    ck_assert_int_eq(vmc_bus_write(bus, VMC_BUS_MMIO, &access), -ENOMEM);
    ck_assert_int_eq(vmc_bus_write_cookie(bus, VMC_BUS_MMIO, &access, 0),
                     -ENOMEM);
    ck_assert_int_eq(vmc_bus_find(bus, VMC_BUS_MMIO, 0x1000, 4, NULL), -1);
    ck_assert_int_eq(
        vmc_bus_register(bus, VMC_BUS_MMIO, 0x1000, 4, &devices[1].device),
        -ENOMEM);
    ck_assert_int_eq(vmc_bus_unregister(bus, VMC_BUS_MMIO, &devices[0].device),
                     0);
    vmc_bus_free(bus);
    ck_assert_uint_eq(devices[0].destroyed, 1);
}
END_TEST

/* ---- Publication -------------------------------------------------------- */

static struct vmc_bus *bus_of_one(enum vmc_kvm_version version)
{
    struct vmc_bus_config config = vmc_bus_defaults();
    struct vmc_bus *bus;

    config.version = version;
    bus = bus_make(config);
    devices[0] = probe_make(VMC_BUS_KERNEL, 0);
    devices[1] = probe_make(VMC_BUS_KERNEL, 0);
    devices[2] = probe_make(VMC_BUS_KERNEL, 0);
    ck_assert_int_eq(
        vmc_bus_register(bus, VMC_BUS_MMIO, 0x1000, 16, &devices[0].device), 0);
    return bus;
}

START_TEST(a_removal_returns_when_older_sections_have_ended)
{
    enum vmc_kvm_version version = (enum vmc_kvm_version)_i;
    struct vmc_bus *bus = bus_of_one(version);
    struct vmc_bus_access access = {.addr = 0x1000, .len = 4};
    uint32_t old = vmc_bus_enter(bus);
    uint32_t young;
    uint64_t ticket;

    ck_assert_int_eq(vmc_bus_unregister(bus, VMC_BUS_MMIO, &devices[0].device),
                     0);
    ticket = vmc_bus_ticket(bus);
    ck_assert(!vmc_bus_is_over(bus, ticket));
    ck_assert(!vmc_bus_is_quiet(bus));
    /* Published at once, although nobody has returned. */
    ck_assert_int_eq(vmc_bus_write(bus, VMC_BUS_MMIO, &access), -EOPNOTSUPP);
    young = vmc_bus_enter(bus);
    ck_assert_int_eq(
        vmc_bus_register(bus, VMC_BUS_PIO, 0x60, 1, &devices[1].device),
        VMC_BUS_LOCKED);
    ck_assert_int_eq(vmc_bus_unregister(bus, VMC_BUS_PIO, &devices[1].device),
                     VMC_BUS_LOCKED);
    ck_assert_uint_eq(devices[0].destroyed, 0);
    vmc_bus_leave(bus, old);
    ck_assert(vmc_bus_is_over(bus, ticket));
    ck_assert_uint_eq(devices[0].destroyed, version == VMC_K5_11 ? 0 : 1);
    ck_assert_int_eq(
        vmc_bus_register(bus, VMC_BUS_PIO, 0x60, 1, &devices[1].device), 0);
    vmc_bus_leave(bus, young);
    vmc_bus_free(bus);
    ck_assert_uint_eq(devices[0].destroyed, version == VMC_K5_11 ? 0 : 1);
}
END_TEST

START_TEST(a_registration_waits_before_6_18)
{
    enum vmc_kvm_version version = (enum vmc_kvm_version)_i;
    struct vmc_bus *bus = bus_of_one(version);
    struct vmc_bus_access access = {.addr = 0x2000, .len = 4};
    uint32_t reader = vmc_bus_enter(bus);

    ck_assert_int_eq(
        vmc_bus_register(bus, VMC_BUS_MMIO, 0x2000, 16, &devices[1].device), 0);
    ck_assert_int_eq(vmc_bus_is_quiet(bus), version == VMC_K6_18);
    ck_assert_int_eq(vmc_bus_write(bus, VMC_BUS_MMIO, &access), 0);
    vmc_bus_leave(bus, reader);
    ck_assert(vmc_bus_is_quiet(bus));
    vmc_bus_free(bus);
}
END_TEST

START_TEST(a_walk_goes_on_over_the_array_it_began_with)
{
    struct vmc_bus *bus = bus_of_one(VMC_K6_12);
    struct vmc_bus_access access = {.addr = 0x1000, .len = 4};
    struct vmc_bus_walk walk;
    uint32_t reader;

    ck_assert_int_eq(
        vmc_bus_register(bus, VMC_BUS_MMIO, 0x1000, 32, &devices[1].device), 0);
    reader = vmc_bus_enter(bus);
    ck_assert_int_eq(vmc_bus_walk_start(bus, VMC_BUS_MMIO, 0x1000, 4, &walk),
                     0);
    ck_assert_ptr_eq(vmc_bus_walk_device(bus, &walk), &devices[0].device);
    ck_assert_int_eq(vmc_bus_unregister(bus, VMC_BUS_MMIO, &devices[1].device),
                     0);
    devices[0].result = -EOPNOTSUPP;
    ck_assert_int_eq(vmc_bus_write(bus, VMC_BUS_MMIO, &access), -EOPNOTSUPP);
    ck_assert(vmc_bus_walk_next(bus, &walk));
    ck_assert_ptr_eq(vmc_bus_walk_device(bus, &walk), &devices[1].device);
    ck_assert_uint_eq(devices[1].destroyed, 0);
    ck_assert(!vmc_bus_walk_next(bus, &walk));
    vmc_bus_walk_stop(bus, &walk);
    vmc_bus_leave(bus, reader);
    ck_assert_uint_eq(devices[1].destroyed, 1);
    ck_assert_uint_eq(vmc_bus_range_count(bus, VMC_BUS_MMIO), 1);
    vmc_bus_free(bus);
}
END_TEST

START_TEST(a_dropped_bus_still_serves_the_walks_in_it)
{
    struct vmc_bus *bus = bus_of_one(VMC_K6_12);
    struct vmc_bus_walk walk;
    uint32_t reader = vmc_bus_enter(bus);

    ck_assert_int_eq(vmc_bus_walk_start(bus, VMC_BUS_MMIO, 0x1000, 4, &walk),
                     0);
    vmc_bus_fail_allocation(bus, 1);
    ck_assert_int_eq(vmc_bus_unregister(bus, VMC_BUS_MMIO, &devices[0].device),
                     -ENOMEM);
    ck_assert_ptr_eq(vmc_bus_walk_device(bus, &walk), &devices[0].device);
    ck_assert_uint_eq(devices[0].destroyed, 0);
    vmc_bus_walk_stop(bus, &walk);
    vmc_bus_leave(bus, reader);
    ck_assert_uint_eq(devices[0].destroyed, 1);
    vmc_bus_free(bus);
    ck_assert_uint_eq(devices[0].destroyed, 1);
}
END_TEST

START_TEST(registering_without_waiting_can_run_out_of_arrays)
{
    struct vmc_bus *bus = bus_of_one(VMC_K6_18);
    struct vmc_bus_walk walks[16];
    uint32_t reader = vmc_bus_enter(bus);
    int count = 0;
    int result = 0;

    while (result == 0 && count < 16) {
        ck_assert_int_eq(
            vmc_bus_walk_start(bus, VMC_BUS_MMIO, 0x1000, 4, &walks[count++]),
            0);
        devices[count] = probe_make(VMC_BUS_KERNEL, 0);
        result =
            vmc_bus_register(bus, VMC_BUS_MMIO, 0x2000 + 16U * (uint64_t)count,
                             16, &devices[count].device);
    }
    ck_assert_int_eq(result, -ENOMEM);
    ck_assert_int_eq(count, 8);
    while (count > 0) {
        vmc_bus_walk_stop(bus, &walks[--count]);
    }
    vmc_bus_leave(bus, reader);
    ck_assert_uint_eq(vmc_bus_range_count(bus, VMC_BUS_MMIO), 8);
    vmc_bus_free(bus);
}
END_TEST

/* ---- Readers that take time, and a writer ----------------------------------
 */

enum { READERS = 6, POOL = 40, STEPS = 4000 };

/* A reader with a walk, and the candidates that it has to see, whatever is
 * changed while it stands. */
struct slow_reader {
    bool is_inside, has_walk;
    uint32_t number;
    uint64_t since; /* the step at which its section began */
    struct vmc_bus_walk walk;
    struct vmc_bus_device *wanted[POOL];
    uint32_t wanted_count, seen_count;
};

static struct slow_reader readers[READERS];
static uint64_t removed[POOL]; /* the step, 0 while it is registered */

static void begin_walk(struct vmc_bus *bus, struct slow_reader *reader,
                       uint64_t addr)
{
    struct vmc_bus_walk walk;

    reader->wanted_count = reader->seen_count = 0;
    if (vmc_bus_walk_start(bus, VMC_BUS_MMIO, addr, 1, &walk) != 0) {
        return;
    }
    do {
        reader->wanted[reader->wanted_count++] =
            vmc_bus_walk_device(bus, &walk);
    } while (vmc_bus_walk_next(bus, &walk));
    vmc_bus_walk_stop(bus, &walk);
    reader->has_walk =
        vmc_bus_walk_start(bus, VMC_BUS_MMIO, addr, 1, &reader->walk) == 0;
    ck_assert(reader->has_walk);
}

static void go_on(struct vmc_bus *bus, struct slow_reader *reader)
{
    struct vmc_bus_device *device = vmc_bus_walk_device(bus, &reader->walk);

    ck_assert_ptr_eq(device, reader->wanted[reader->seen_count++]);
    ck_assert_uint_eq(probe_of(device)->destroyed, 0);
    if (!vmc_bus_walk_next(bus, &reader->walk)) {
        ck_assert_uint_eq(reader->seen_count, reader->wanted_count);
        vmc_bus_walk_stop(bus, &reader->walk);
        reader->has_walk = false;
    }
}

static void read_a_step(struct vmc_bus *bus, struct slow_reader *reader,
                        struct vmc_rng *rng, uint64_t step)
{
    if (!reader->is_inside) {
        reader->is_inside = true;
        reader->number = vmc_bus_enter(bus);
        reader->since = step;
    } else if (reader->has_walk) {
        go_on(bus, reader);
    } else if (vmc_rng_below(rng, 3) == 0) {
        vmc_bus_leave(bus, reader->number);
        reader->is_inside = false;
    } else {
        begin_walk(bus, reader, 0x1000 + vmc_rng_below(rng, 32));
    }
}

static void write_a_step(struct vmc_bus *bus, struct vmc_rng *rng,
                         uint64_t step)
{
    uint32_t i = (uint32_t)vmc_rng_below(rng, POOL);
    bool is_quiet = vmc_bus_is_quiet(bus);
    int result;

    if (removed[i] == 0) {
        result = vmc_bus_unregister(bus, VMC_BUS_MMIO, &devices[i].device);
        removed[i] = is_quiet ? step : 0;
    } else if (devices[i].destroyed == 1) {
        devices[i] = probe_make(VMC_BUS_KERNEL, 0);
        result =
            vmc_bus_register(bus, VMC_BUS_MMIO, 0x1000 + vmc_rng_below(rng, 24),
                             1 + vmc_rng_below(rng, 12), &devices[i].device);
        removed[i] = is_quiet ? 0 : removed[i];
        devices[i].destroyed = !is_quiet;
    } else {
        return;
    }
    ck_assert_int_eq(result, is_quiet ? 0 : VMC_BUS_LOCKED);
}

START_TEST(random_changes_leave_every_reader_what_it_saw)
{
    struct vmc_bus_config config = vmc_bus_defaults();
    struct vmc_rng rng;
    struct vmc_bus *bus;

    config.version = _i % 2 == 0 ? VMC_K6_12 : VMC_K6_18;
    bus = bus_make(config);
    vmc_rng_init(&rng, (uint64_t)_i);
    memset(readers, 0, sizeof(readers));
    for (int i = 0; i < POOL; i++) {
        devices[i].destroyed = 1;
        removed[i] = 1;
    }
    for (uint64_t step = 2; step < STEPS; step++) {
        uint64_t oldest = UINT64_MAX;
        uint32_t wrong = 0;

        if (vmc_rng_below(&rng, 3) == 0) {
            write_a_step(bus, &rng, step);
        } else {
            read_a_step(bus, &readers[vmc_rng_below(&rng, READERS)], &rng,
                        step);
        }
        for (int i = 0; i < READERS; i++) {
            if (readers[i].is_inside && readers[i].since < oldest) {
                oldest = readers[i].since;
            }
        }
        for (int i = 0; i < POOL; i++) {
            wrong += devices[i].destroyed !=
                     (removed[i] != 0 && removed[i] < oldest);
        }
        ck_assert_uint_eq(wrong, 0);
    }
    for (int i = 0; i < READERS; i++) {
        while (readers[i].has_walk) {
            go_on(bus, &readers[i]);
        }
        if (readers[i].is_inside) {
            vmc_bus_leave(bus, readers[i].number);
        }
    }
    vmc_bus_free(bus);
    for (int i = 0; i < POOL; i++) {
        ck_assert_uint_eq(devices[i].destroyed, 1);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("bus_change");
    TCase *c = tcase_create("bus_change");

    suite_add_tcase(s, c);
    tcase_add_test(c, a_bus_takes_1000_devices_and_then_nothing);
    tcase_add_test(c, ioeventfds_do_not_count);
    tcase_add_test(c, the_limit_is_found_before_the_lack_of_memory);
    tcase_add_test(c, a_full_array_is_a_lack_of_memory);
    tcase_add_loop_test(c, a_failed_shrink_drops_the_whole_bus, 0, VMC_K_COUNT);
    tcase_add_loop_test(c, a_removal_returns_when_older_sections_have_ended, 0,
                        VMC_K_COUNT);
    tcase_add_loop_test(c, a_registration_waits_before_6_18, 0, VMC_K_COUNT);
    tcase_add_test(c, a_walk_goes_on_over_the_array_it_began_with);
    tcase_add_test(c, a_dropped_bus_still_serves_the_walks_in_it);
    tcase_add_test(c, registering_without_waiting_can_run_out_of_arrays);
    tcase_add_loop_test(c, random_changes_leave_every_reader_what_it_saw, 0,
                        30);
    return s;
}
