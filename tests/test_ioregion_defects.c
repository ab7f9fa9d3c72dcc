/* SPDX-License-Identifier: MIT */
/* The catalogue of defects: what a guest or a VMM sees of each under the code
 * as it was posted, beside what H does. Those of registration are rows of
 * test_region.c; those that are about the text of a patch are in the README. */
#include "ioregion/region_run.h"

#include "region_rig.h"

#define R1          VMC_REGION_R1
#define R3          VMC_REGION_R3
#define H           VMC_REGION_H
#define DONE        VMC_REGION_RUN_DONE
#define WAIT        VMC_REGION_RUN_WAIT
#define EXIT        VMC_REGION_RUN_EXIT
#define INTERRUPTED VMC_REGION_RUN_EINTR

enum { BASE = 0x10000 };

static void set_up(enum vmc_region_profile profile)
{
    rig_set_up(profile);
    ck_assert_int_eq(rig_add(BASE, 0x1000, 0, 0), 0);
}

static void set_up_kind(enum vmc_region_profile profile,
                        enum vmc_socket_kind kind)
{
    set_up(profile);
    vmc_socket_init(&rig.sockets[0], kind);
}

static uint32_t commands(uint32_t at)
{
    uint8_t bytes[32];
    uint32_t count = 0;

    while (rig_take_bytes(at, bytes)) {
        count++;
    }
    return count;
}

static bool is_mmio(uint32_t vcpu)
{
    return rig_exit(vcpu)->reason == VMC_REGION_EXIT_MMIO;
}

static bool is_failure(uint32_t vcpu)
{
    return rig_exit(vcpu)->reason == VMC_REGION_EXIT_FAILURE;
}

/* An access of vCPU 0 is interrupted after its command is out. */
static void interrupt(void)
{
    ck_assert_int_eq(rig_read(0, BASE, 4), WAIT);
    vmc_region_vcpu_signal(&rig.vcpus[0]);
    ck_assert_int_eq(rig_run(0), INTERRUPTED);
}

START_TEST(d06_a_stub_answers_with_what_was_there)
{
    struct vmc_regions_config config = vmc_regions_defaults();
    const struct vmc_region_vcpu_config vcpu = {0};

    config.profile = R1;
    config.is_stub = true;
    rig_set_up_as(&config, VMC_K5_11, &vcpu, VMC_SOCKET_STREAM);
    ck_assert_int_eq(rig_add(BASE, 8, 0, 0), 0);
    ck_assert_int_eq(rig_read(0, BASE, 4), DONE);
    ck_assert_uint_eq(rig_value(0, 4), 0xeeeeeeee);
    ck_assert_int_eq(rig_write(0, BASE, 4, 1), DONE);
    ck_assert_uint_eq(commands(0), 0);
    rig_tear_down();
    set_up(H);
    ck_assert_int_eq(rig_read(0, BASE, 4), WAIT);
    rig_tear_down();
}
END_TEST

/* D10: R1 stores the flag and looks at it no more; later ones and H use it. */
START_TEST(d10_a_posted_write_does_not_wait)
{
    for (int profile = R1; profile <= H; profile++) {
        struct vmc_ioregion_command command;

        rig_set_up((enum vmc_region_profile)profile);
        ck_assert_int_eq(rig_add(BASE, 8, VMC_REGION_POSTED_WRITES, 0), 0);
        ck_assert_int_eq(rig_write(0, BASE, 4, 1), DONE);
        ck_assert(rig_take(0, &command));
        ck_assert(!command.wants_response);
        ck_assert_int_eq(rig_read(0, BASE, 4), WAIT);
        ck_assert(rig_take(0, &command));
        ck_assert(command.wants_response);
        rig_tear_down();
    }
}
END_TEST

/* TV-20, TV-22: an int takes what it can of the size. */
START_TEST(d13_a_size_beyond_an_int_is_another_size)
{
    struct vmc_ioregion_command command;

    rig_set_up(R3);
    ck_assert_int_eq(rig_add(0x10000000, 0x80000000, 0, 0), 0);
    ck_assert_int_eq(rig_write(0, 0xa0000000, 4, 1), WAIT);
    ck_assert(rig_take(0, &command));
    ck_assert_uint_eq(command.offset_bytes, 0x90000000); /* beyond its size */
    rig_answer(0, 0);
    ck_assert_int_eq(rig_run(0), DONE);
    rig_tear_down();

    rig_set_up(R3); /* TV-21: it matches nothing */
    ck_assert_int_eq(rig_add(0xc0000000 + 0x40000000ULL, 0x80000000, 0, 0), 0);
    ck_assert_int_eq(rig_write(0, 0x100000000, 4, 1), EXIT);
    rig_tear_down();

    rig_set_up(R1); /* TV-22: only its first address */
    ck_assert_int_eq(rig_add(0x10000, UINT64_C(1) << 32, 0, 0), 0);
    ck_assert_int_eq(rig_write(0, 0x10000, 4, 1), WAIT);
    rig_answer(0, 0);
    ck_assert_int_eq(rig_run(0), DONE);
    ck_assert_int_eq(rig_write(0, 0x10004, 4, 1), EXIT);
    rig_tear_down();
}
END_TEST

/* D14: most accesses of a region that ends at 2^64 miss it. */
START_TEST(d14_the_top_is_mostly_out_of_reach)
{
    rig_set_up(R1);
    ck_assert_int_eq(rig_add(UINT64_MAX - 15, 16, 0, 0), 0);
    ck_assert_int_eq(rig_write(0, UINT64_MAX - 15, 8, 1), EXIT);
    ck_assert_int_eq(rig_run(0), DONE);
    ck_assert_int_eq(rig_write(0, UINT64_MAX - 7, 8, 1), WAIT);
    rig_tear_down();
}
END_TEST

/* D15: an eventfd for commands refuses each; EINVAL, and nobody is told. */
START_TEST(d15_an_eventfd_is_found_out_at_each_access)
{
    struct vmc_kvm_ioregion args = {.guest_paddr = BASE, .memory_size = 8};

    for (int profile = R1; profile <= R3; profile++) {
        rig_set_up((enum vmc_region_profile)profile);
        args.read_fd = args.write_fd = vmc_iofile_open(
            &rig.files, &(struct vmc_iofile){.kind = VMC_IOFILE_EVENTFD});
        ck_assert_int_eq(vmc_region_set(rig.regions, &args, 0), 0);
        ck_assert_int_eq(rig_read(0, BASE, 4), EXIT);
        ck_assert(is_mmio(0));
        ck_assert_int_eq(rig.vcpus[0].rfc_error, EINVAL);
        rig_tear_down();
    }
}
END_TEST

/* D20, TV-72: a removal waits for a process that does not answer. */
START_TEST(d20_removal_waits_for_the_device)
{
    for (int profile = R1; profile <= H; profile++) {
        set_up((enum vmc_region_profile)profile);
        ck_assert_int_eq(rig_read(0, BASE, 4), WAIT);
        ck_assert_int_eq(rig_remove(BASE, 0x1000, 0), 0);
        rig.now = UINT64_C(1) << 60;
        if (profile == H) {
            ck_assert_int_eq(rig_run(0), EXIT);
            ck_assert_int_eq(rig_exit(0)->cause, VMC_CAUSE_REMOVED);
            ck_assert(vmc_bus_is_quiet(rig.bus));
        } else {
            ck_assert_int_eq(rig_run(0), WAIT);
            ck_assert(!vmc_bus_is_quiet(rig.bus)); /* slots_lock is held */
            ck_assert_int_eq(rig_add(0x90000, 8, 0, 1), VMC_BUS_LOCKED);
            ck_assert_int_eq(rig_zone(0x90000, 8), VMC_BUS_LOCKED);
            rig_answer(0, 0);
            ck_assert_int_eq(rig_run(0), DONE);
            ck_assert(vmc_bus_is_quiet(rig.bus));
        }
        rig_tear_down();
    }
}
END_TEST

/* D21: the remover frees, and the newer bus frees. */
START_TEST(d21_a_region_is_freed_twice_by_a_newer_bus)
{
    for (int profile = R1; profile <= H; profile++) {
        for (int version = VMC_K5_11; version < VMC_K_COUNT; version++) {
            struct vmc_regions_config config = vmc_regions_defaults();
            const struct vmc_region_vcpu_config vcpu = {0};

            config.profile = (enum vmc_region_profile)profile;
            rig_set_up_as(&config, (enum vmc_kvm_version)version, &vcpu,
                          VMC_SOCKET_STREAM);
            rig.regions->checker = NULL;
            ck_assert_int_eq(rig_add(BASE, 16, 0, 0), 0);
            ck_assert_int_eq(rig_remove(BASE, 16, 0), 0);
            ck_assert_uint_eq(rig.regions->double_free_count,
                              profile != H && version != VMC_K5_11);
            ck_assert_uint_eq(vmc_iofiles_held_count(&rig.files), 0);
            rig_tear_down();
        }
    }
}
END_TEST

/* D07, D32, TV-64: a flag flipped after registration. */
START_TEST(d32_a_flag_flipped_leaves_an_answer_behind)
{
    for (int profile = R1; profile <= H; profile++) {
        set_up((enum vmc_region_profile)profile);
        ck_assert_int_eq(rig_read(0, BASE, 4), WAIT);
        vmc_iofile_set_nonblocking(&rig.files, rig.fds[0], true);
        ck_assert_int_eq(rig_run(0), EXIT);
        ck_assert_int_eq(is_failure(0), profile == H);
        if (profile != H) {
            ck_assert_int_eq(rig.vcpus[0].rfc_error,
                             profile == R1 ? EAGAIN : EINVAL);
        }
        ck_assert_int_eq(rig_run(0), DONE);
        vmc_iofile_set_nonblocking(&rig.files, rig.fds[0], false);
        rig_answer(0, 0xbad); /* late */
        ck_assert_int_eq(rig_read(0, BASE + 8, 4), profile == H ? WAIT : DONE);
        if (profile == H) {
            rig_answer(0, 0x900d);
            ck_assert_int_eq(rig_run(0), DONE);
        }
        ck_assert_uint_eq(rig_value(0, 4), profile == H ? 0x900d : 0xbad);
        rig_tear_down();
    }
}
END_TEST

/* D34: R1 has no way to come back from a signal. */
START_TEST(d34_r1_gives_up_an_access_for_a_signal)
{
    set_up(R1);
    ck_assert_int_eq(rig_read(0, BASE, 4), WAIT);
    vmc_region_vcpu_signal(&rig.vcpus[0]);
    ck_assert_int_eq(rig_run(0), EXIT);
    ck_assert(is_mmio(0));
    ck_assert_int_eq(rig_run(0), DONE);
    rig_answer(0, 0xbad);
    ck_assert_int_eq(rig_read(0, BASE + 8, 4), DONE);
    ck_assert_uint_eq(rig_value(0, 4), 0xbad);
    rig_tear_down();
    set_up(H);
    interrupt();
    rig_answer(0, 0x900d);
    ck_assert_int_eq(rig_run(0), DONE);
    rig_tear_down();
}
END_TEST

/* D35 and spec 9: R1 has neither lock nor numbers: answers go astray. */
START_TEST(d35_without_a_lock_answers_go_astray)
{
    for (int profile = R1; profile <= H; profile++) {
        set_up((enum vmc_region_profile)profile);
        ck_assert_int_eq(rig_read(0, BASE, 4), WAIT);
        ck_assert_int_eq(rig_read(1, BASE + 8, 4), WAIT);
        ck_assert_uint_eq(commands(0), profile == R1 ? 2 : 1);
        rig_answer(0, 0);
        ck_assert_int_eq(rig_run(1), profile == R1 ? DONE : WAIT);
        rig_tear_down();
    }
}
END_TEST

/* D42: a wait for the lock that a signal ends is taken for the lock. */
START_TEST(d42_a_signal_makes_two_owners)
{
    for (int profile = R3; profile <= H; profile++) {
        set_up((enum vmc_region_profile)profile);
        ck_assert_int_eq(rig_read(0, BASE, 4), WAIT);
        ck_assert_int_eq(rig_read(1, BASE + 8, 4), WAIT);
        vmc_region_vcpu_signal(&rig.vcpus[1]);
        ck_assert_int_eq(rig_run(1), INTERRUPTED);
        ck_assert_uint_eq(commands(0), profile == R3 ? 2 : 1);
        rig_tear_down();
    }
}
END_TEST

/* D45: a sizeless region in front has no file to compare with. */
START_TEST(d45_a_sizeless_region_in_front_is_a_null_pointer)
{
    for (int profile = R3; profile <= H; profile++) {
        rig_set_up((enum vmc_region_profile)profile);
        ck_assert_int_eq(rig_add(BASE, 0, VMC_REGION_POSTED_WRITES, 0), 0);
        ck_assert_int_eq(rig_add(BASE + 0x100, 8, 0, 0),
                         profile == R3 ? VMC_REGION_OOPS : 0);
        rig_tear_down();
        rig_set_up((enum vmc_region_profile)profile); /* behind, it is well */
        ck_assert_int_eq(rig_add(BASE + 0x100, 8, 0, 0), 0);
        ck_assert_int_eq(rig_add(BASE, 0, VMC_REGION_POSTED_WRITES, 0), 0);
        ck_assert_int_eq(rig_add(BASE + 0x200, 8, 0, 0), 0);
        rig_tear_down();
    }
}
END_TEST

/* D46: the first reference is taken from a count of 0. */
START_TEST(d46_the_first_reference_is_taken_from_nothing)
{
    for (int profile = R3; profile <= H; profile++) {
        set_up((enum vmc_region_profile)profile);
        ck_assert_uint_eq(rig.regions->refcount_warning_count, profile == R3);
        rig_tear_down();
    }
}
END_TEST

/* D47: two files with one inode number, on two file systems. */
START_TEST(d47_an_inode_number_is_no_identity)
{
    for (int profile = R3; profile <= H; profile++) {
        struct vmc_iofile *files;

        rig_set_up((enum vmc_region_profile)profile);
        rig.regions->checker = NULL;
        files = rig.files.files;
        files[1].inode = files[0].inode;
        ck_assert_int_eq(rig_add(BASE, 8, 0, 0), 0);
        ck_assert_int_eq(rig_add(BASE + 8, 8, 0, 1), 0);
        ck_assert_int_eq(rig_read(0, BASE, 4), WAIT);
        ck_assert_int_eq(rig_read(1, BASE + 8, 4), WAIT);
        ck_assert_uint_eq(commands(1), profile == H); /* else it is locked */
        rig_answer(0, 0);
        ck_assert_int_eq(rig_run(0), DONE);
        ck_assert_int_eq(rig_run(1), WAIT);
        if (profile == R3) { /* it even goes to the first one's socket */
            rig_answer(0, 0);
        } else {
            rig_answer(1, 0);
        }
        ck_assert_int_eq(rig_run(1), DONE);
        ck_assert_int_eq(rig_remove(BASE + 8, 8, 0), 0);
        ck_assert_int_eq(files[0].kernel_count, profile == R3 ? 1 : 2);
        ck_assert_int_eq(files[1].kernel_count, profile == R3 ? 1 : 0);
        rig_tear_down();
    }
}
END_TEST

/* D47, TV-71: ports and memory on one file do not see each other. */
START_TEST(d47_two_buses_do_not_share_a_lock)
{
    for (int profile = R3; profile <= H; profile++) {
        set_up((enum vmc_region_profile)profile);
        ck_assert_int_eq(rig_add(0x500, 8, VMC_REGION_PIO, 0), 0);
        ck_assert_int_eq(rig_read(0, BASE, 4), WAIT);
        vmc_region_vcpu_access(
            &rig.vcpus[1], &(struct vmc_region_access){
                               .bus = VMC_BUS_PIO, .addr = 0x500, .len = 4});
        ck_assert_int_eq(rig_run(1), WAIT);
        ck_assert_uint_eq(commands(0), profile == R3 ? 2 : 1);
        rig_tear_down();
    }
}
END_TEST

/* D48: user space writes to the exit reason. */
START_TEST(d48_the_exit_reason_is_not_ours)
{
    for (int profile = R3; profile <= H; profile++) {
        set_up((enum vmc_region_profile)profile);
        interrupt();
        rig_exit(0)->reason = VMC_REGION_EXIT_MMIO;
        memcpy(rig_exit(0)->data, "\xad\x0b\0\0", 4);
        rig_answer(0, 0x900d);
        ck_assert_int_eq(rig_run(0), DONE);
        ck_assert_uint_eq(rig_value(0, 4), profile == R3 ? 0xbad : 0x900d);
        rig_tear_down();
    }
}
END_TEST

/* D49: the memory of an interrupted access belongs to whoever comes next. */
START_TEST(d49_an_interrupted_access_misleads_the_next)
{
    for (int profile = R3; profile <= H; profile++) {
        set_up((enum vmc_region_profile)profile);
        ck_assert_int_eq(rig_add(0x20000, 8, 0, 1), 0);
        interrupt();
        ck_assert_int_eq(rig_remove(BASE, 0x1000, 0), 0);
        ck_assert_int_eq(rig_run(0), EXIT); /* TV-69 */
        ck_assert(is_mmio(0));
        ck_assert_int_eq(rig_run(0), DONE);
        ck_assert_int_eq(rig_read(0, 0x20000, 4), WAIT);
        ck_assert_uint_eq(commands(1), profile == H); /* R3 waits unasked */
        rig_tear_down();
    }
}
END_TEST

/* D50: half a command, a signal, and the whole command again. */
START_TEST(d50_a_command_cut_by_a_signal_is_sent_again)
{
    for (int profile = R3; profile <= H; profile++) {
        set_up((enum vmc_region_profile)profile);
        rig.sockets[0].chunk_bytes = 20;
        rig.sockets[0].room_bytes = 1; /* one message */
        vmc_region_vcpu_access(
            &rig.vcpus[0], &(struct vmc_region_access){
                               .bus = VMC_BUS_MMIO, .addr = BASE, .len = 4});
        vmc_region_vcpu_signal(&rig.vcpus[0]);
        ck_assert_int_eq(rig_run(0), INTERRUPTED);
        rig.sockets[0].chunk_bytes = 0;
        rig.sockets[0].room_bytes = VMC_SOCKET_ROOM_BYTES;
        ck_assert_int_eq(rig_run(0), WAIT);
        ck_assert_uint_eq(rig.sockets[0].flows[VMC_SOCKET_KERNEL].count,
                          profile == R3 ? 52 : 32);
        rig_tear_down();
    }
}
END_TEST

/* D50 and TV-62: an answer in two parts, without and with a signal. */
START_TEST(d50_half_an_answer_is_thrown_away)
{
    for (int profile = R1; profile <= H; profile++) {
        bool has_signal = _i != 0 && profile != R1;
        enum vmc_region_run run;

        set_up((enum vmc_region_profile)profile);
        ck_assert_int_eq(rig_read(0, BASE, 4), WAIT);
        rig_answer_part(0, 0x900d, 0, 20);
        if (has_signal) {
            vmc_region_vcpu_signal(&rig.vcpus[0]);
        }
        run = rig_run(0);
        if (has_signal) {
            ck_assert_int_eq(run, INTERRUPTED);
        } else if (profile != H) {
            ck_assert_int_eq(run, EXIT);
            ck_assert(is_mmio(0));
            ck_assert_int_eq(rig.vcpus[0].rfc_error, EIO);
            ck_assert_int_eq(rig_run(0), DONE);
            ck_assert_int_eq(rig_read(0, BASE, 4), WAIT); /* reads the rest */
            rig_tear_down();
            continue;
        }
        rig_answer_part(0, 0x900d, 20, 12);
        ck_assert_int_eq(rig_run(0), profile == H ? DONE : EXIT);
        if (profile == H) {
            ck_assert_uint_eq(rig_value(0, 4), 0x900d);
        }
        rig_tear_down();
    }
}
END_TEST

/* D51: nobody unlocks for a vCPU that is closed. */
START_TEST(d51_a_closed_vcpu_keeps_its_lock)
{
    for (int profile = R3; profile <= H; profile++) {
        set_up((enum vmc_region_profile)profile);
        interrupt();
        commands(0);
        vmc_region_vcpu_close(&rig.vcpus[0]);
        ck_assert_int_eq(rig_read(1, BASE, 4), WAIT);
        ck_assert_uint_eq(commands(0), profile == H); /* R3: for ever */
        rig_tear_down();
    }
}
END_TEST

/* D53 is a choice, under H, of the vCPU: test_region_run.c, TV-73. */
START_TEST(d53_a_device_sees_half_a_store)
{
    for (int profile = R1; profile <= H; profile++) {
        rig_set_up((enum vmc_region_profile)profile);
        ck_assert_int_eq(rig_add(BASE, 0x2000, 0, 0), 0);
        ck_assert_int_eq(rig_write(0, BASE + 0xfff, 4, 1), WAIT);
        rig_answer(0, 0);
        ck_assert_int_eq(rig_run(0), EXIT);
        ck_assert_uint_eq(rig_exit(0)->len, 3);
        ck_assert_uint_eq(commands(0), 1);
        rig_tear_down();
    }
}
END_TEST

/* D54: an architecture that takes -EINTR for "not handled". */
START_TEST(d54_an_interrupted_access_is_taken_for_a_miss)
{
    for (int profile = R3; profile <= H; profile++) {
        set_up((enum vmc_region_profile)profile);
        rig.vcpus[0].config.drops_eintr = true;
        ck_assert_int_eq(rig_read(0, BASE, 4), WAIT);
        vmc_region_vcpu_signal(&rig.vcpus[0]);
        ck_assert_int_eq(rig_run(0), profile == R3 ? EXIT : INTERRUPTED);
        ck_assert_int_eq(is_mmio(0), profile == R3);
        rig_answer(0, 0x11);
        ck_assert_int_eq(rig_run(0), DONE);
        if (profile == R3) { /* the next question gets that answer */
            commands(0);
            ck_assert_int_eq(rig_read(0, BASE + 8, 4), DONE);
            ck_assert_uint_eq(rig_value(0, 4), 0x11);
            ck_assert_uint_eq(commands(0), 0); /* without being asked */
        }
        rig_tear_down();
    }
}
END_TEST

/* D56, TV-79. */
START_TEST(d56_a_doorbell_is_read_with_success)
{
    for (int profile = R3; profile <= H; profile++) {
        rig_set_up((enum vmc_region_profile)profile);
        ck_assert_int_eq(rig_add(BASE, 0, VMC_REGION_POSTED_WRITES, 0), 0);
        ck_assert_int_eq(rig_read(0, BASE, 4), profile == R3 ? DONE : EXIT);
        ck_assert_uint_eq(rig_value(0, 4), 0xeeeeeeee);
        ck_assert_uint_eq(commands(0), profile == R3);
        rig_tear_down();
    }
}
END_TEST

/* D57, TV-66: SIGPIPE, with its default action and with a handler. */
START_TEST(d57_a_dead_peer_signals_the_thread)
{
    for (int profile = R1; profile <= H; profile++) {
        for (int kind = 0; kind < VMC_SOCKET_KIND_COUNT; kind++) {
            bool raises = profile != H && kind != VMC_SOCKET_SEQPACKET;

            set_up_kind((enum vmc_region_profile)profile,
                        (enum vmc_socket_kind)kind);
            vmc_socket_close(&rig.sockets[0], VMC_SOCKET_DEVICE);
            rig.vcpus[0].config.handles_sigpipe = _i != 0;
            if (raises && _i != 0 && profile == R3) { /* for ever */
                ck_assert_int_eq(rig_read(0, BASE, 4), INTERRUPTED);
                for (int i = 0; i < 5; i++) {
                    ck_assert_int_eq(rig_run(0), INTERRUPTED);
                }
            } else {
                ck_assert_int_eq(rig_read(0, BASE, 4), EXIT);
                ck_assert_int_eq(rig_exit(0)->reason,
                                 raises && _i == 0 ? VMC_REGION_EXIT_KILLED
                                 : profile == H    ? VMC_REGION_EXIT_FAILURE
                                                   : VMC_REGION_EXIT_MMIO);
            }
            rig_tear_down();
        }
    }
}
END_TEST

/* D58: what a device may not say is not heard. */
START_TEST(d58_a_failure_is_taken_for_a_value)
{
    for (int profile = R1; profile <= H; profile++) {
        uint8_t bytes[32] = {0x55, 0, 0, 0, 0, 0, 0, 0, 1};

        set_up((enum vmc_region_profile)profile);
        ck_assert_int_eq(rig_read(0, BASE, 4), WAIT);
        vmc_socket_write(&rig.sockets[0], VMC_SOCKET_DEVICE, bytes, 32, false);
        ck_assert_int_eq(rig_run(0), profile == H ? EXIT : DONE);
        ck_assert_uint_eq(rig_value(0, 1), profile == H ? 0xee : 0x55);
        rig_tear_down();
    }
}
END_TEST

/* D61: v2 walked over all devices at each access; H looks at one region. D62:
 * who comes as the lock is let go of passes those who wait. */
START_TEST(d62_a_newcomer_passes_the_queue)
{
    for (int profile = R3; profile <= H; profile++) {
        set_up((enum vmc_region_profile)profile);
        ck_assert_int_eq(rig_read(0, BASE, 4), WAIT);
        ck_assert_int_eq(rig_read(1, BASE + 8, 4), WAIT);
        ck_assert_int_eq(rig_read(3, BASE + 16, 4), WAIT);
        rig_answer(0, 0);
        ck_assert_int_eq(rig_run(0), DONE);
        commands(0);
        ck_assert_int_eq(rig_run(3), WAIT); /* not woken yet */
        ck_assert_int_eq(rig_read(2, BASE + 24, 4), WAIT);
        ck_assert_uint_eq(commands(0), profile == R3);
        ck_assert_int_eq(rig_run(1), WAIT);
        ck_assert_uint_eq(commands(0), profile == H);
        rig_tear_down();
    }
}
END_TEST

/* Spec 6.6: R1's error is the next candidate's turn, R3's ends the search. */
START_TEST(an_error_ends_the_search_since_r2)
{
    for (int profile = R1; profile <= R3; profile++) {
        set_up((enum vmc_region_profile)profile);
        ck_assert_int_eq(rig_zone(BASE, 0x2000), 0);
        vmc_iofile_set_nonblocking(&rig.files, rig.fds[0], true);
        ck_assert_int_eq(rig_write(0, BASE, 4, 1), profile == R1 ? DONE : EXIT);
        ck_assert_uint_eq(vmc_coalesced_ring(rig.coalesced)->last,
                          profile == R1);
        rig_tear_down();
    }
}
END_TEST

/* TV-65: and H keeps off a channel that is dead. */
START_TEST(an_end_of_file_is_an_error_each_time)
{
    for (int profile = R1; profile <= H; profile++) {
        set_up((enum vmc_region_profile)profile);
        ck_assert_int_eq(rig_read(0, BASE, 4), WAIT);
        commands(0);
        vmc_socket_shut_write(&rig.sockets[0], VMC_SOCKET_DEVICE);
        for (int i = 0; i < 2; i++) {
            ck_assert_int_eq(i == 0 ? rig_run(0) : rig_read(0, BASE, 4), EXIT);
            ck_assert_int_eq(is_mmio(0), profile != H);
            ck_assert_int_eq(rig_run(0), DONE);
        }
        ck_assert_uint_eq(commands(0), profile != H);
        rig_tear_down();
    }
}
END_TEST

/* TV-63, fault table: what R takes for an answer. */
START_TEST(an_answer_too_many_puts_all_later_ones_off_by_one)
{
    for (int profile = R1; profile <= H; profile++) {
        set_up((enum vmc_region_profile)profile);
        ck_assert_int_eq(rig_read(0, BASE, 4), WAIT);
        rig_answer(0, 1);
        rig_answer(0, 2);
        ck_assert_int_eq(rig_run(0), DONE);
        ck_assert_int_eq(rig_read(0, BASE, 4), profile == H ? EXIT : DONE);
        if (profile == H) {
            ck_assert_int_eq(rig_exit(0)->cause, VMC_CAUSE_PROTOCOL);
        } else {
            ck_assert_uint_eq(rig_value(0, 4), 2);
        }
        rig_tear_down();
        set_up_kind((enum vmc_region_profile)profile, VMC_SOCKET_SEQPACKET);
        ck_assert_int_eq(rig_read(0, BASE, 4), WAIT);
        rig_answer_part(0, 1, 0, 48);
        ck_assert_int_eq(rig_run(0), profile == H ? EXIT : DONE);
        rig_tear_down();
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ioregion_defects");
    TCase *c = tcase_create("defects");

    tcase_add_test(c, d06_a_stub_answers_with_what_was_there);
    tcase_add_test(c, d10_a_posted_write_does_not_wait);
    tcase_add_test(c, d13_a_size_beyond_an_int_is_another_size);
    tcase_add_test(c, d14_the_top_is_mostly_out_of_reach);
    tcase_add_test(c, d15_an_eventfd_is_found_out_at_each_access);
    tcase_add_test(c, d20_removal_waits_for_the_device);
    tcase_add_test(c, d21_a_region_is_freed_twice_by_a_newer_bus);
    tcase_add_test(c, d32_a_flag_flipped_leaves_an_answer_behind);
    tcase_add_test(c, d34_r1_gives_up_an_access_for_a_signal);
    tcase_add_test(c, d35_without_a_lock_answers_go_astray);
    tcase_add_test(c, d42_a_signal_makes_two_owners);
    tcase_add_test(c, d45_a_sizeless_region_in_front_is_a_null_pointer);
    tcase_add_test(c, d46_the_first_reference_is_taken_from_nothing);
    tcase_add_test(c, d47_an_inode_number_is_no_identity);
    tcase_add_test(c, d47_two_buses_do_not_share_a_lock);
    tcase_add_test(c, d48_the_exit_reason_is_not_ours);
    tcase_add_test(c, d49_an_interrupted_access_misleads_the_next);
    tcase_add_test(c, d50_a_command_cut_by_a_signal_is_sent_again);
    tcase_add_loop_test(c, d50_half_an_answer_is_thrown_away, 0, 2);
    tcase_add_test(c, d51_a_closed_vcpu_keeps_its_lock);
    tcase_add_test(c, d53_a_device_sees_half_a_store);
    tcase_add_test(c, d54_an_interrupted_access_is_taken_for_a_miss);
    tcase_add_test(c, d56_a_doorbell_is_read_with_success);
    tcase_add_loop_test(c, d57_a_dead_peer_signals_the_thread, 0, 2);
    tcase_add_test(c, d58_a_failure_is_taken_for_a_value);
    tcase_add_test(c, d62_a_newcomer_passes_the_queue);
    tcase_add_test(c, an_error_ends_the_search_since_r2);
    tcase_add_test(c, an_end_of_file_is_an_error_each_time);
    tcase_add_test(c, an_answer_too_many_puts_all_later_ones_off_by_one);
    suite_add_tcase(s, c);
    return s;
}
