/* SPDX-License-Identifier: MIT */
/* Registration: every check in its order, what collides with what, and that
 * each failure leaves the books as they were. */
#include "ioregion/region.h"

#include "region_rig.h"

#define R1  VMC_REGION_R1
#define R3  VMC_REGION_R3
#define H   VMC_REGION_H
#define TOP UINT64_MAX

/* Spec 15, overlap: existing and new as [start, size). */
static const struct {
    const char *id;
    uint64_t old_addr, old_bytes, new_addr, new_bytes;
    int result_r, result_h;
} overlaps[] = {
    {"TV-01, D02", 0x1000, 1, 0x1000, 1, 0, -EEXIST},
    {"TV-02", 0x1000, 16, 0x1000, 16, -EEXIST, -EEXIST},
    {"TV-03, D01", 0x1000, 16, 0x100f, 1, 0, -EEXIST},
    {"TV-04", 0x100f, 1, 0x1000, 16, -EEXIST, -EEXIST},
    {"TV-05", 0x1000, 16, 0x1010, 16, 0, 0},
    {"TV-06", 0x1000, 16, 0x0ff0, 16, 0, 0},
    {"TV-07", 0x1000, 16, 0x0ff1, 16, -EEXIST, -EEXIST},
    {"TV-08, D01", 0x1000, 16, 0x100f, 16, 0, -EEXIST},
    {"TV-09", 0x1000, 16, 0x100e, 16, -EEXIST, -EEXIST},
    {"TV-10, D01", 0x1000, 1, 0x1000, 2, 0, -EEXIST},
};

START_TEST(regions_overlap_as_their_code_has_it)
{
    for (int profile = R1; profile <= H; profile++) {
        int result;

        rig_set_up((enum vmc_region_profile)profile); /* D40: R3 as R1 */
        ck_assert_int_eq(
            rig_add(overlaps[_i].old_addr, overlaps[_i].old_bytes, 0, 0), 0);
        result = rig_add(overlaps[_i].new_addr, overlaps[_i].new_bytes, 0, 1);
        ck_assert_msg(result == (profile == H ? overlaps[_i].result_h
                                              : overlaps[_i].result_r),
                      "%s, profile %d: %d", overlaps[_i].id, profile, result);
        ck_assert_uint_eq(vmc_regions_live_count(rig.regions),
                          result == 0 ? 2 : 1);
        rig_tear_down();
    }
}
END_TEST

enum other { IOEVENTFD, ZONE };

/* A region and something else, in either order. */
static const struct {
    const char *id;
    enum other other;
    bool region_first;
    uint64_t region_addr, region_bytes, addr;
    uint32_t len;
    int result_r, result_h;
} others[] = {
    {"TV-11, D03", IOEVENTFD, false, 0x1000, 0x100, 0x1000, 1, 0, -EEXIST},
    {"TV-12, D03", IOEVENTFD, true, 0x1000, 0x10, 0x100f, 1, 0, -EEXIST},
    {"TV-13a", IOEVENTFD, true, 0x1000, 0x10, 0x0ffc, 4, 0, 0},
    {"TV-13b", IOEVENTFD, true, 0x1000, 0x10, 0x0ffd, 4, -EEXIST, -EEXIST},
    {"TV-14a", IOEVENTFD, true, 0x1000, 0x10, 0x0ff8, 0, 0, 0},
    {"TV-14b: H takes the exact address", IOEVENTFD, true, 0x1000, 0x10, 0x0ff9,
     0, -EEXIST, 0},
    {"TV-14 the other way", IOEVENTFD, false, 0x1000, 0x10, 0x0ff9, 0, 0, 0},
    {"D04: widened over the top", IOEVENTFD, false, TOP - 16, 16, TOP - 3, 0, 0,
     -EEXIST},
    {"D18", ZONE, false, 0x1000, 0x10, 0x1008, 0x10, 0, -EEXIST},
    {"D18 the other way", ZONE, true, 0x1000, 0x10, 0x1008, 0x10, 0, -EEXIST},
    {"a zone beside it", ZONE, true, 0x1000, 0x10, 0x1010, 0x10, 0, 0},
};

START_TEST(regions_and_others_collide)
{
    for (int profile = R1; profile <= H; profile++) {
        int want = profile == H ? others[_i].result_h : others[_i].result_r;
        int result = 0;

        rig_set_up((enum vmc_region_profile)profile);
        for (int step = 0; step < 2; step++) {
            ck_assert_int_eq(result, 0);
            if ((step == 0) == others[_i].region_first) {
                result = rig_add(others[_i].region_addr,
                                 others[_i].region_bytes, 0, 0);
            } else if (others[_i].other == ZONE) {
                result = rig_zone(others[_i].addr, others[_i].len);
            } else {
                result = rig_ioeventfd(others[_i].addr, others[_i].len, 0);
            }
        }
        ck_assert_msg(result == want, "%s, profile %d: %d", others[_i].id,
                      profile, result);
        rig_tear_down();
    }
}
END_TEST

static struct vmc_bus_device kernel_device;

START_TEST(a_device_of_the_kernel_keeps_its_addresses)
{
    static const struct vmc_bus_ops ops = {.kind = "ioapic"};

    for (int profile = R1; profile <= H; profile++) { /* D18 */
        int want = profile == H ? -EEXIST : 0;

        rig_set_up((enum vmc_region_profile)profile);
        kernel_device =
            (struct vmc_bus_device){.ops = &ops, .kind = VMC_BUS_KERNEL};
        ck_assert_int_eq(vmc_bus_register(rig.bus, VMC_BUS_MMIO, 0xfec00000,
                                          0x100, &kernel_device),
                         0);
        vmc_bus_add_front(rig.bus, 0xfee00000, 0x1000, &kernel_device);
        ck_assert_int_eq(rig_add(0xfec000f0, 0x100, 0, 0), want);
        ck_assert_int_eq(rig_add(0xfee00ff0, 0x100, 0, 0), want);
        ck_assert_int_eq(rig_add(0xfec00200, 0x100, 0, 0), 0);
        rig_tear_down();
    }
}
END_TEST

/* The arguments of one call, spoilt in one or several ways. */
enum fd { GOOD, CLOSED, MINUS_ONE, MINUS_TWO, WRITE_ONLY, READ_ONLY };
enum { EVENTFD = READ_ONLY + 1, REGULAR, DIRECTORY, KVM_FILE, NONBLOCKING };

static const struct {
    const char *id;
    uint64_t addr, size_bytes;
    uint32_t flags;
    int read_fd, write_fd;
    uint8_t pad;
    int results[3]; /* R1, R3, H */
} calls[] = {
    {"a good one", 0x1000, 16, 0, GOOD, GOOD, 0, {0, 0, 0}},
    {"TV-15", 0x500, 4, VMC_REGION_PIO, GOOD, GOOD, 0, {0, 0, 0}},
    {"TV-16, D14", TOP - 7, 8, 0, GOOD, GOOD, 0, {0, -EINVAL, -EINVAL}},
    {"TV-17", TOP - 7, 9, 0, GOOD, GOOD, 0, {-EINVAL, -EINVAL, -EINVAL}},
    {"TV-22, D13",
     0x10000,
     UINT64_C(1) << 32,
     0,
     GOOD,
     GOOD,
     0,
     {0, 0, -EINVAL}},
    {"D13: 2 GiB",
     0x10000,
     UINT64_C(1) << 31,
     0,
     GOOD,
     GOOD,
     0,
     {0, 0, -EINVAL}},
    {"one byte less", 0x10000, 0x7fffffff, 0, GOOD, GOOD, 0, {0, 0, 0}},
    {"TV-23a", 0x1000, 0, 0, GOOD, GOOD, 0, {-EINVAL, -EINVAL, -EINVAL}},
    {"TV-23b",
     0x1000,
     0,
     VMC_REGION_POSTED_WRITES,
     GOOD,
     GOOD,
     0,
     {-EINVAL, 0, 0}},
    {"D19: no response file is needed",
     0x1000,
     0,
     VMC_REGION_POSTED_WRITES,
     MINUS_ONE,
     GOOD,
     0,
     {-EINVAL, 0, 0}},
    {"D17", 0xfff8, 16, VMC_REGION_PIO, GOOD, GOOD, 0, {0, 0, -EINVAL}},
    {"the last port", 0xfff0, 16, VMC_REGION_PIO, GOOD, GOOD, 0, {0, 0, 0}},
    {"D16", 0x1000, 16, 0, GOOD, GOOD, 1, {0, 0, -EINVAL}},
    {"an unknown flag",
     0x1000,
     16,
     0x100,
     GOOD,
     GOOD,
     0,
     {-EINVAL, -EINVAL, -EINVAL}},
    {"a flag of R3", 0x1000, 16, 4, GOOD, GOOD, 0, {-EINVAL, -ENOENT, -ENOENT}},
    {"TV-76", 0x1000, 16, 0, GOOD, MINUS_ONE, 0, {-EINVAL, -EBADF, -EBADF}},
    {"rfd -1", 0x1000, 16, 0, MINUS_ONE, GOOD, 0, {-EINVAL, -EBADF, -EBADF}},
    {"both -1",
     0x1000,
     16,
     0,
     MINUS_ONE,
     MINUS_ONE,
     0,
     {-ENOENT, -EBADF, -EBADF}},
    {"both -2",
     0x1000,
     16,
     0,
     MINUS_TWO,
     MINUS_TWO,
     0,
     {-EBADF, -EBADF, -EBADF}},
    {"closed", 0x1000, 16, 0, CLOSED, GOOD, 0, {-EBADF, -EBADF, -EBADF}},
    {"D15: cannot be read",
     0x1000,
     16,
     0,
     WRITE_ONLY,
     GOOD,
     0,
     {0, 0, -EINVAL}},
    {"D15: cannot be written",
     0x1000,
     16,
     0,
     GOOD,
     READ_ONLY,
     0,
     {0, 0, -EBADF}},
    {"D15: an eventfd", 0x1000, 16, 0, EVENTFD, EVENTFD, 0, {0, 0, -EINVAL}},
    {"D15: a regular file",
     0x1000,
     16,
     0,
     REGULAR,
     REGULAR,
     0,
     {0, 0, -EINVAL}},
    {"D15: a directory", 0x1000, 16, 0, GOOD, DIRECTORY, 0, {0, 0, -EINVAL}},
    {"D15: KVM's own", 0x1000, 16, 0, KVM_FILE, GOOD, 0, {0, 0, -EINVAL}},
    {"D07: O_NONBLOCK, read",
     0x1000,
     16,
     0,
     NONBLOCKING,
     GOOD,
     0,
     {-EINVAL, 0, -EINVAL}},
    {"D07: O_NONBLOCK, write",
     0x1000,
     16,
     0,
     GOOD,
     NONBLOCKING,
     0,
     {-EINVAL, 0, -EINVAL}},
    /* Several at once: which comes first. */
    {"TV-77", 0x8000, 16, 0, CLOSED, NONBLOCKING, 0, {-EBADF, -EBADF, -EBADF}},
    {"size before flags before descriptors",
     0x1000,
     0,
     0x100,
     CLOSED,
     CLOSED,
     0,
     {-EINVAL, -EINVAL, -EINVAL}},
    {"no write before no read",
     0x1000,
     16,
     0,
     WRITE_ONLY,
     CLOSED,
     0,
     {-EBADF, -EBADF, -EBADF}},
    {"descriptors before collision",
     0x8000,
     16,
     0,
     GOOD,
     CLOSED,
     0,
     {-EBADF, -EBADF, -EBADF}},
    {"O_NONBLOCK before collision",
     0x8000,
     16,
     0,
     GOOD,
     NONBLOCKING,
     0,
     {-EINVAL, -EEXIST, -EINVAL}},
    {"collision", 0x8000, 16, 0, GOOD, GOOD, 0, {-EEXIST, -EEXIST, -EEXIST}},
    {"TV-74, D05: removal with a flag",
     0x1000,
     16,
     0x100 | 4,
     MINUS_ONE,
     MINUS_ONE,
     0,
     {-ENOENT, -EINVAL, -EINVAL}},
    {"D16: removal with a pad",
     0x1000,
     16,
     4,
     MINUS_ONE,
     MINUS_ONE,
     7,
     {-ENOENT, -ENOENT, -EINVAL}},
};

static int open_as(int kind)
{
    struct vmc_iofile file = {.can_read = true, .can_write = true};

    switch (kind) {
    case GOOD:
        return rig.fds[1];
    case MINUS_ONE:
        return -1;
    case MINUS_TWO:
        return -2;
    case CLOSED:
        return 100;
    case WRITE_ONLY:
    case READ_ONLY:
    case NONBLOCKING:
        file.socket = &rig.sockets[2];
        file.can_read = kind != WRITE_ONLY;
        file.can_write = kind != READ_ONLY;
        file.is_nonblocking = kind == NONBLOCKING;
        break;
    case EVENTFD:
        file.kind = VMC_IOFILE_EVENTFD;
        break;
    case REGULAR:
        file.kind = VMC_IOFILE_REGULAR;
        break;
    case DIRECTORY:
        file.kind = VMC_IOFILE_DIRECTORY;
        break;
    case KVM_FILE:
    default:
        file.kind = VMC_IOFILE_KVM;
        break;
    }
    return vmc_iofile_open(&rig.files, &file);
}

START_TEST(the_first_check_that_fails_is_heard_of)
{
    for (int profile = R1; profile <= H; profile++) {
        struct vmc_kvm_ioregion args = {.guest_paddr = calls[_i].addr,
                                        .memory_size = calls[_i].size_bytes,
                                        .flags = calls[_i].flags};
        uint32_t held, count;
        int result;

        rig_set_up((enum vmc_region_profile)profile);
        ck_assert_int_eq(rig_add(0x8000, 16, 0, 0), 0);
        held = vmc_iofiles_held_count(&rig.files);
        args.read_fd = open_as(calls[_i].read_fd);
        args.write_fd = open_as(calls[_i].write_fd);
        args.pad[27] = calls[_i].pad;
        result = vmc_region_set(rig.regions, &args, 0);
        ck_assert_msg(result == calls[_i].results[profile],
                      "%s, profile %d: %d", calls[_i].id, profile, result);
        count = (args.memory_size != 0) + 1;
        ck_assert_uint_eq(vmc_iofiles_held_count(&rig.files),
                          held + (result == 0 ? count : 0));
        rig_check();
        rig_tear_down();
    }
}
END_TEST

START_TEST(a_region_is_removed_by_its_exact_range)
{
    static const struct {
        uint64_t addr, size_bytes;
        uint32_t flags;
        int result;
    } rows[] = {{0x1000, 8, 0, -ENOENT}, /* TV-75 */
                {0x0ff0, 0x40, 0, -ENOENT},
                {0x1000, 16, VMC_REGION_PIO, -ENOENT},
                {0x1000, 16, 0, 0},
                {0x1000, 16, 0, -ENOENT}};

    for (int profile = R1; profile <= H; profile++) {
        rig_set_up((enum vmc_region_profile)profile);
        ck_assert_int_eq(rig_add(0x1000, 16, 0, 0), 0);
        for (uint32_t i = 0; i < VMC_COUNT_OF(rows); i++) {
            ck_assert_int_eq(
                rig_remove(rows[i].addr, rows[i].size_bytes, rows[i].flags),
                rows[i].result);
        }
        ck_assert_uint_eq(vmc_iofiles_held_count(&rig.files), 0);
        ck_assert_uint_eq(vmc_bus_range_count(rig.bus, VMC_BUS_MMIO), 0);
        ck_assert_int_eq(rig_add(0x1000, 16, 0, 0), 0);
        rig_tear_down();
    }
}
END_TEST

START_TEST(who_may_have_two_references_holds_two)
{
    rig_set_up(H);
    ck_assert_int_eq(rig_add(0x1000, 16, 0, 0), 0);
    ck_assert_int_eq(rig.files.files[0].kernel_count, 2);
    ck_assert_int_eq(rig_add(0x2000, 0, VMC_REGION_POSTED_WRITES, 0), 0);
    ck_assert_int_eq(rig.files.files[0].kernel_count, 3);
    ck_assert_uint_eq(vmc_bus_range_count(rig.bus, VMC_BUS_FAST), 1);
    ck_assert_int_eq(rig_remove(0x2000, 0, 0), 0);
    ck_assert_uint_eq(vmc_bus_range_count(rig.bus, VMC_BUS_FAST), 0);
    ck_assert_int_eq(rig.files.files[0].kernel_count, 2);
    ck_assert_int_eq(vmc_iofile_close(&rig.files, rig.fds[0]), 0);
    ck_assert(rig.files.files[0].is_open); /* closing does not remove */
    ck_assert_int_eq(rig_remove(0x1000, 16, 0), 0);
    ck_assert(!rig.files.files[0].is_open);
    rig_tear_down();
}
END_TEST

/* Each allocation fails once; the books are as before. D59: FAST too. */
START_TEST(a_failed_allocation_leaves_nothing_behind)
{
    for (int profile = R1; profile <= H; profile++) {
        uint64_t size_bytes = profile == R1 || _i % 2 == 0 ? 16 : 0;
        uint32_t flags = size_bytes == 0 ? VMC_REGION_POSTED_WRITES : 0;
        bool has_context = profile == H || (profile == R3 && size_bytes != 0);
        const bool has[] = {true, has_context, true, size_bytes == 0};
        bool has_allocation = has[_i / 2];
        int result;

        rig_set_up((enum vmc_region_profile)profile);
        if (_i < 4) {
            vmc_regions_fail_allocation(rig.regions, (uint32_t)_i / 2 + 1);
        } else {
            vmc_bus_fail_allocation(rig.bus, (uint32_t)_i / 2 - 1);
        }
        result = rig_add(0x1000, size_bytes, flags, 0);
        if (!has_allocation) {
            ck_assert_int_eq(result, 0);
        } else {
            ck_assert_int_eq(result, -ENOMEM);
            ck_assert_uint_eq(vmc_iofiles_held_count(&rig.files), 0);
            ck_assert_uint_eq(vmc_regions_used_count(rig.regions), 0);
            ck_assert_uint_eq(vmc_bus_range_count(rig.bus, VMC_BUS_MMIO), 0);
            vmc_regions_fail_allocation(rig.regions, 0);
            vmc_bus_fail_allocation(rig.bus, 0);
            ck_assert_int_eq(rig_add(0x1000, size_bytes, flags, 0), 0);
        }
        rig_tear_down();
    }
}
END_TEST

START_TEST(a_bus_has_its_limit)
{
    struct vmc_bus_config bus = vmc_bus_defaults();
    struct vmc_regions_config config = vmc_regions_defaults();

    rig_set_up(H);
    vmc_regions_free(rig.regions);
    vmc_bus_free(rig.bus);
    bus.devices_max = 2; /* D09: a limit is a limit */
    config.regions_max = RIG_CHANNELS;
    ck_assert_int_eq(vmc_bus_new(&rig.bus, &bus), VMC_OK);
    ck_assert_int_eq(
        vmc_regions_new(&rig.regions, rig.bus, &rig.files, &config), VMC_OK);
    rig.regions->checker = &rig.check;
    ck_assert_int_eq(rig_add(0x1000, 16, 0, 0), 0);
    ck_assert_int_eq(rig_add(0x2000, 16, 0, 0), 0);
    ck_assert_int_eq(rig_add(0x3000, 16, 0, 0), -ENOSPC);
    ck_assert_int_eq(rig_add(0x3000, 16, VMC_REGION_PIO, 0), 0);
    ck_assert_int_eq(rig_add(0x2008, 16, 0, 0), -EEXIST); /* before ENOSPC */
    ck_assert_uint_eq(vmc_iofiles_held_count(&rig.files), 6);
    rig.vcpus[0] = rig.vcpus[1] = rig.vcpus[2] = rig.vcpus[3] =
        (struct vmc_region_vcpu){.regions = rig.regions, .region = -1};
    rig_tear_down();
}
END_TEST

START_TEST(one_response_file_has_one_command_file)
{
    struct vmc_kvm_ioregion args = {.guest_paddr = 0x2000, .memory_size = 16};

    rig_set_up(H);
    ck_assert_int_eq(rig_add(0x1000, 16, 0, 0), 0);
    args.read_fd = rig.fds[0];
    args.write_fd = rig.fds[1];
    ck_assert_int_eq(vmc_region_set(rig.regions, &args, 0), -EINVAL);
    args.read_fd = rig.fds[1];
    args.write_fd = rig.fds[0];
    ck_assert_int_eq(vmc_region_set(rig.regions, &args, 0), 0);
    ck_assert_uint_eq(vmc_iofiles_held_count(&rig.files), 4);
    rig_check();
    rig_tear_down();
}
END_TEST

/* D22. */
START_TEST(a_bus_that_is_given_up_takes_its_regions_with_it)
{
    rig_set_up(H);
    ck_assert_int_eq(rig_add(0x1000, 16, 0, 0), 0);
    ck_assert_int_eq(rig_add(0x2000, 0, VMC_REGION_POSTED_WRITES, 1), 0);
    ck_assert_int_eq(rig_add(0x3000, 16, VMC_REGION_PIO, 2), 0);
    vmc_bus_fail_allocation(rig.bus, 1);
    ck_assert_int_eq(rig_remove(0x1000, 16, 0), -ENOMEM);
    rig_check();
    ck_assert_uint_eq(vmc_regions_used_count(rig.regions), 1);
    ck_assert_uint_eq(vmc_iofiles_held_count(&rig.files), 2);
    ck_assert_uint_eq(vmc_bus_range_count(rig.bus, VMC_BUS_FAST), 0);
    ck_assert_int_eq(rig_add(0x1000, 16, 0, 0), -ENOMEM);
    ck_assert_int_eq(rig_remove(0x2000, 0, 0), -ENOENT);
    ck_assert_uint_eq(vmc_iofiles_held_count(&rig.files), 2);
    rig_tear_down();
}
END_TEST

START_TEST(the_kernel_says_what_it_has)
{
    struct vmc_regions_config config = vmc_regions_defaults();
    const struct vmc_region_vcpu_config vcpu = {0};

    rig_set_up(H);
    ck_assert_int_eq(vmc_regions_check_extension(rig.regions, 191), 1);
    ck_assert_int_eq(vmc_regions_check_extension(rig.regions, 195), 0);
    ck_assert_int_eq(vmc_region_set(rig.regions, NULL, 0), -EFAULT);
    rig_tear_down();
    config.capability = 195; /* as VMSH has it */
    rig_set_up_as(&config, VMC_K6_12, &vcpu, VMC_SOCKET_STREAM);
    ck_assert_int_eq(vmc_regions_check_extension(rig.regions, 195), 1);
    rig_tear_down();
    config.is_unconfigured = true; /* D12 */
    rig_set_up_as(&config, VMC_K6_12, &vcpu, VMC_SOCKET_STREAM);
    ck_assert_int_eq(vmc_regions_check_extension(rig.regions, 195), 0);
    ck_assert_int_eq(vmc_region_set(rig.regions, NULL, 0), -ENOSYS);
    rig_tear_down();
}
END_TEST

/* Every pair of short ranges: H's predicate is what bytes say, R's is not. */
START_TEST(h_knows_an_overlap_from_its_bytes)
{
    for (uint64_t a = 0; a < 8; a++) {
        for (uint64_t n = 1; n < 6; n++) {
            for (uint64_t b = 0; b < 8; b++) {
                for (uint64_t m = 1; m < 6; m++) {
                    bool shares = false;

                    for (uint64_t at = a; at < a + n; at++) {
                        shares = shares || (at >= b && at < b + m);
                    }
                    ck_assert_int_eq(
                        vmc_region_overlap(H, TOP - 20 + a, n, TOP - 20 + b, m),
                        shares);
                    ck_assert_int_eq(vmc_region_overlap(H, a, n, b, m), shares);
                    ck_assert_int_eq(vmc_region_overlap(R3, a, n, b, m),
                                     shares && b != a + n - 1);
                }
            }
        }
    }
    ck_assert(vmc_region_overlap(H, TOP - 1, 100, TOP, 100));
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("region");
    TCase *c = tcase_create("region");

    tcase_add_loop_test(c, regions_overlap_as_their_code_has_it, 0,
                        VMC_COUNT_OF(overlaps));
    tcase_add_loop_test(c, regions_and_others_collide, 0, VMC_COUNT_OF(others));
    tcase_add_test(c, a_device_of_the_kernel_keeps_its_addresses);
    tcase_add_loop_test(c, the_first_check_that_fails_is_heard_of, 0,
                        VMC_COUNT_OF(calls));
    tcase_add_test(c, a_region_is_removed_by_its_exact_range);
    tcase_add_test(c, who_may_have_two_references_holds_two);
    tcase_add_loop_test(c, a_failed_allocation_leaves_nothing_behind, 0, 8);
    tcase_add_test(c, a_bus_has_its_limit);
    tcase_add_test(c, one_response_file_has_one_command_file);
    tcase_add_test(c, a_bus_that_is_given_up_takes_its_regions_with_it);
    tcase_add_test(c, the_kernel_says_what_it_has);
    tcase_add_test(c, h_knows_an_overlap_from_its_bytes);
    suite_add_tcase(s, c);
    return s;
}
