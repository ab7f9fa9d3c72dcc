/* SPDX-License-Identifier: MIT */
/* Accesses through descriptors, hardened: the vectors 60 to 80 of the
 * specification, each with the device played by hand. */
#include "ioregion/region_run.h"

#include "region_rig.h"

#define H           VMC_REGION_H
#define DONE        VMC_REGION_RUN_DONE
#define WAIT        VMC_REGION_RUN_WAIT
#define EXIT        VMC_REGION_RUN_EXIT
#define INTERRUPTED VMC_REGION_RUN_EINTR

enum { BASE = 0x10000, SECOND = 1000 };

/* A VM of kind @kind with one region of 4 KiB on socket 0. */
static void set_up_kind(enum vmc_socket_kind kind, uint64_t timeout_ticks)
{
    struct vmc_regions_config config = vmc_regions_defaults();
    const struct vmc_region_vcpu_config vcpu = {0};

    config.regions_max = RIG_CHANNELS;
    config.timeout_ticks = timeout_ticks;
    config.removal_ticks = SECOND;
    rig_set_up_as(&config, VMC_K6_12, &vcpu, kind);
    ck_assert_int_eq(rig_add(BASE, 0x1000, 0, 0), 0);
}

static void set_up(void)
{
    set_up_kind(VMC_SOCKET_STREAM, 0);
}

static void assert_taken(uint32_t at, bool is_write, uint64_t offset,
                         uint32_t size_bytes, uint64_t data)
{
    struct vmc_ioregion_command command;

    ck_assert(rig_take(at, &command));
    ck_assert_int_eq(command.is_write, is_write);
    ck_assert_uint_eq(command.offset_bytes, offset);
    ck_assert_uint_eq(command.size_bytes, size_bytes);
    ck_assert_uint_eq(command.data, data);
    ck_assert_uint_eq(command.user_data, at + 1);
}

static void assert_exit(uint32_t vcpu, enum vmc_region_exit_reason reason,
                        uint64_t addr, uint32_t len)
{
    ck_assert_int_eq(rig_exit(vcpu)->reason, reason);
    ck_assert_uint_eq(rig_exit(vcpu)->addr, addr);
    ck_assert_uint_eq(rig_exit(vcpu)->len, len);
}

START_TEST(tv60_a_write_waits_for_its_acknowledgement)
{
    static const uint8_t wanted[32] = {
        1,    0x12, 0, 0, 0, 0, 0, 0, 1,    0,    0,    0,    0, 0, 0, 0,
        0x10, 0,    0, 0, 0, 0, 0, 0, 0xef, 0xbe, 0xad, 0xde, 0, 0, 0, 0};
    uint8_t bytes[32];

    set_up();
    ck_assert_int_eq(rig_write(0, BASE + 0x10, 4, 0xdeadbeef), WAIT);
    ck_assert(rig_take_bytes(0, bytes));
    ck_assert_mem_eq(bytes, wanted, 32);
    ck_assert_int_eq(rig_run(0), WAIT);
    rig_answer_part(0, UINT64_MAX, 0, 31);
    ck_assert_int_eq(rig_run(0), WAIT);
    rig_answer_part(0, 0, 31, 1);
    ck_assert_int_eq(rig_run(0), DONE);
    rig_tear_down();
}
END_TEST

START_TEST(tv61_a_read_takes_its_width)
{
    set_up();
    ck_assert_int_eq(rig_read(0, BASE, 2), WAIT);
    assert_taken(0, false, 0, 2, 0);
    rig_answer(0, 0xffffffffffffbeef);
    ck_assert_int_eq(rig_run(0), DONE);
    ck_assert_uint_eq(rig_value(0, 2), 0xbeef);
    ck_assert_uint_eq(rig_value(0, 8), 0xeeeeeeeeeeeebeef);
    rig_tear_down();
}
END_TEST

START_TEST(tv62_a_short_answer_is_completed)
{
    set_up_kind((enum vmc_socket_kind)_i, 0);
    ck_assert_int_eq(rig_read(0, BASE, 4), WAIT);
    assert_taken(0, false, 0, 4, 0);
    rig_answer_part(0, 0x12345678, 0, 20);
    ck_assert_int_eq(rig_run(0), WAIT);
    rig_answer_part(0, 0x12345678, 20, 12);
    ck_assert_int_eq(rig_run(0), DONE);
    ck_assert_uint_eq(rig_value(0, 4), 0x12345678);
    rig_tear_down();
}
END_TEST

START_TEST(tv63_a_long_answer_is_a_violation)
{
    bool is_seqpacket = _i == VMC_SOCKET_SEQPACKET;

    set_up_kind((enum vmc_socket_kind)_i, 0);
    ck_assert_int_eq(rig_read(0, BASE, 4), WAIT);
    assert_taken(0, false, 0, 4, 0);
    rig_answer_part(0, 7, 0, 48);
    if (!is_seqpacket) { /* a stream has no ends: the next question sees it */
        ck_assert_int_eq(rig_run(0), DONE);
        ck_assert_int_eq(rig_read(0, BASE, 4), EXIT);
    } else {
        ck_assert_int_eq(rig_run(0), EXIT);
    }
    assert_exit(0, VMC_REGION_EXIT_FAILURE, BASE, 4);
    ck_assert_int_eq(rig_exit(0)->cause, VMC_CAUSE_PROTOCOL);
    ck_assert_uint_eq(rig_exit(0)->user_data, 1);
    rig_exit(0)->data[0] = 0x77; /* user space answers itself */
    ck_assert_int_eq(rig_run(0), DONE);
    ck_assert_uint_eq(rig_value(0, 1), 0x77);
    ck_assert_int_eq(rig_write(0, BASE, 4, 1), EXIT);
    ck_assert_int_eq(rig_exit(0)->cause, VMC_CAUSE_DEAD);
    rig_tear_down();
}
END_TEST

START_TEST(tv64_a_flag_flipped_is_a_failure)
{
    set_up();
    ck_assert_int_eq(rig_read(0, BASE, 4), WAIT);
    assert_taken(0, false, 0, 4, 0);
    vmc_iofile_set_nonblocking(&rig.files, rig.fds[0], true);
    ck_assert_int_eq(rig_run(0), EXIT);
    ck_assert_int_eq(rig_exit(0)->cause, VMC_CAUSE_AGAIN);
    ck_assert_int_eq(rig_exit(0)->error, EAGAIN);
    ck_assert_uint_eq(rig.regions->channels[0].machine.owed_count, 1);
    ck_assert_int_eq(rig_run(0), DONE);
    vmc_iofile_set_nonblocking(&rig.files, rig.fds[0], false);
    ck_assert_int_eq(rig_read(0, BASE, 4), WAIT);
    rig_answer(0, 0xbad);
    rig_answer(0, 0x900d);
    ck_assert_int_eq(rig_run(0), DONE);
    ck_assert_uint_eq(rig_value(0, 4), 0x900d);
    rig_tear_down();
}
END_TEST

START_TEST(tv65_a_peer_that_closes_ends_the_channel)
{
    set_up_kind((enum vmc_socket_kind)_i, 0);
    ck_assert_int_eq(rig_read(0, BASE, 4), WAIT);
    assert_taken(0, false, 0, 4, 0);
    vmc_socket_close(&rig.sockets[0], VMC_SOCKET_DEVICE);
    ck_assert_int_eq(rig_run(0), EXIT);
    ck_assert_int_eq(rig_exit(0)->cause, VMC_CAUSE_EOF);
    ck_assert_int_eq(rig.regions->channels[0].machine.health, VMC_CHANNEL_DEAD);
    rig_tear_down();
}
END_TEST

START_TEST(tv66_a_dead_peer_kills_nobody)
{
    set_up_kind((enum vmc_socket_kind)_i, 0);
    vmc_socket_close(&rig.sockets[0], VMC_SOCKET_DEVICE);
    ck_assert_int_eq(rig_read(0, BASE, 4), EXIT);
    assert_exit(0, VMC_REGION_EXIT_FAILURE, BASE, 4);
    ck_assert_int_eq(rig_exit(0)->cause, VMC_CAUSE_PIPE);
    ck_assert_int_eq(rig_exit(0)->error, EPIPE);
    ck_assert_uint_eq(rig.sockets[0].sigpipes[VMC_SOCKET_KERNEL], 0);
    rig_tear_down();
}
END_TEST

START_TEST(tv67_posted_writes_block_when_the_buffer_is_full)
{
    uint32_t fits = _i == VMC_SOCKET_PIPE ? 2048 : 278;

    set_up_kind((enum vmc_socket_kind)_i, 0);
    rig.regions->checker = NULL; /* it watches 512 commands at most */
    ck_assert_int_eq(rig_add(0x20000, 0x1000, VMC_REGION_POSTED_WRITES, 1), 0);
    for (uint32_t i = 0; i < fits; i++) {
        ck_assert_int_eq(rig_write(0, 0x20000, 1, i), DONE);
    }
    ck_assert_int_eq(rig_write(0, 0x20008, 1, 0x5a), WAIT);
    ck_assert(!vmc_region_vcpu_may_go(&rig.vcpus[0], 0));
    for (uint32_t i = 0; i < fits; i++) {
        assert_taken(1, true, 0, 1, i & 0xff);
    }
    ck_assert(vmc_region_vcpu_may_go(&rig.vcpus[0], 0));
    ck_assert_int_eq(rig_run(0), DONE);
    assert_taken(1, true, 8, 1, 0x5a);
    rig_tear_down();
}
END_TEST

START_TEST(tv68_a_signal_is_resumed)
{
    struct vmc_ioregion_command command;

    set_up();
    ck_assert_int_eq(rig_read(0, BASE, 4), WAIT);
    for (int i = 0; i < 3; i++) {
        vmc_region_vcpu_signal(&rig.vcpus[0]);
        ck_assert_int_eq(rig_run(0), INTERRUPTED);
        ck_assert_int_eq(rig_exit(0)->reason, VMC_REGION_EXIT_INTR);
        ck_assert(vmc_bus_is_quiet(rig.bus));
        rig_exit(0)->reason = VMC_REGION_EXIT_MMIO; /* D48: it may */
        ck_assert_int_eq(rig_run(0), WAIT);
    }
    assert_taken(0, false, 0, 4, 0);
    ck_assert(!rig_take(0, &command));
    rig_answer(0, 42);
    vmc_region_vcpu_signal(&rig.vcpus[0]); /* a completed step wins */
    ck_assert_int_eq(rig_run(0), DONE);
    ck_assert_uint_eq(rig_value(0, 4), 42);
    rig_tear_down();
}
END_TEST

/* With a second region on the descriptor, and without. */
START_TEST(tv69_an_interrupted_access_may_find_its_region_gone)
{
    set_up();
    if (_i != 0) {
        ck_assert_int_eq(rig_add(0x20000, 0x1000, 0, 0), 0);
    }
    ck_assert_int_eq(rig_read(0, BASE, 4), WAIT);
    assert_taken(0, false, 0, 4, 0);
    vmc_region_vcpu_signal(&rig.vcpus[0]);
    ck_assert_int_eq(rig_run(0), INTERRUPTED);
    ck_assert_int_eq(rig_remove(BASE, 0x1000, 0), 0);
    ck_assert(vmc_bus_is_quiet(rig.bus));
    if (_i == 0) { /* a new region in its place is another one */
        ck_assert_int_eq(rig_add(0x20000, 0x1000, 0, 0), 0);
    }
    ck_assert_int_eq(rig_run(0), EXIT);
    assert_exit(0, VMC_REGION_EXIT_MMIO, BASE, 4);
    ck_assert_int_eq(rig_run(0), DONE);
    ck_assert_int_eq(rig_read(1, 0x20000, 4), WAIT);
    rig_answer(0, 0xbad);
    ck_assert_int_eq(rig_run(1), WAIT);
    rig_answer(0, 0x900d);
    ck_assert_int_eq(rig_run(1), DONE);
    ck_assert_uint_eq(rig_value(1, 4), 0x900d);
    rig_tear_down();
}
END_TEST

START_TEST(tv70_two_vcpus_take_turns)
{
    struct vmc_ioregion_command command;

    set_up();
    ck_assert_int_eq(rig_read(0, BASE, 4), WAIT);
    ck_assert_int_eq(rig_read(1, BASE + 8, 4), WAIT);
    ck_assert(!vmc_region_vcpu_may_go(&rig.vcpus[1], 0));
    for (uint64_t i = 0; i < 8; i++) {
        uint32_t vcpu = i % 2;

        assert_taken(0, false, 8 * vcpu, 4, 0);
        ck_assert(!rig_take(0, &command));
        rig_answer(0, i);
        ck_assert_int_eq(rig_run(vcpu), DONE);
        ck_assert_uint_eq(rig_value(vcpu, 4), i);
        ck_assert_int_eq(rig_read(vcpu, BASE + 8 * vcpu, 4), WAIT);
        ck_assert_int_eq(rig_run(!vcpu), WAIT);
    }
    rig_tear_down();
}
END_TEST

static enum vmc_region_run port_read(uint32_t vcpu, uint16_t port, uint32_t len)
{
    vmc_region_vcpu_access(&rig.vcpus[vcpu],
                           &(struct vmc_region_access){
                               .bus = VMC_BUS_PIO, .addr = port, .len = len});
    return rig_run(vcpu);
}

START_TEST(tv71_ports_and_memory_share_a_descriptor)
{
    struct vmc_ioregion_command command;

    set_up();
    ck_assert_int_eq(rig_add(0x500, 4, VMC_REGION_PIO, 0), 0);
    ck_assert_int_eq(rig_read(0, BASE + 8, 4), WAIT);
    ck_assert_int_eq(port_read(1, 0x502, 2), WAIT);
    assert_taken(0, false, 8, 4, 0);
    ck_assert(!rig_take(0, &command));
    rig_answer(0, 1);
    ck_assert_int_eq(rig_run(0), DONE);
    ck_assert_int_eq(rig_run(1), WAIT);
    assert_taken(0, false, 2, 2, 0);
    rig_answer(0, 2);
    ck_assert_int_eq(rig_run(1), DONE);
    ck_assert_int_eq(port_read(1, 0x503, 2), EXIT);
    assert_exit(1, VMC_REGION_EXIT_IO, 0x503, 2);
    rig_tear_down();
}
END_TEST

START_TEST(tv72_removal_has_a_deadline)
{
    set_up();
    ck_assert_int_eq(rig_read(0, BASE, 4), WAIT);
    ck_assert_int_eq(rig_read(1, BASE, 4), WAIT);
    rig.now = 5;
    ck_assert_int_eq(rig_remove(BASE, 0x1000, 0), 0);
    ck_assert(!vmc_bus_is_quiet(rig.bus));
    ck_assert_int_eq(rig_add(BASE, 0x1000, 0, 1), VMC_BUS_LOCKED);
    ck_assert(vmc_region_vcpu_may_go(&rig.vcpus[1], rig.now));
    ck_assert_int_eq(rig_run(1), EXIT);
    assert_exit(1, VMC_REGION_EXIT_MMIO, BASE, 4);
    ck_assert_uint_eq(vmc_region_vcpu_deadline(&rig.vcpus[0]), 5 + SECOND);
    ck_assert_int_eq(rig_read(2, BASE, 4), EXIT); /* one that starts after */
    rig.now = 4 + SECOND;
    ck_assert_int_eq(rig_run(0), WAIT);
    if (_i == 0) {
        rig.now++;
        ck_assert_int_eq(rig_run(0), EXIT);
        assert_exit(0, VMC_REGION_EXIT_FAILURE, BASE, 4);
        ck_assert_int_eq(rig_exit(0)->cause, VMC_CAUSE_REMOVED);
    } else { /* one that started before may still be served */
        assert_taken(0, false, 0, 4, 0);
        rig_answer(0, 99);
        ck_assert_int_eq(rig_run(0), DONE);
        ck_assert_uint_eq(rig_value(0, 4), 99);
    }
    ck_assert(vmc_bus_is_quiet(rig.bus));
    ck_assert_uint_eq(vmc_iofiles_held_count(&rig.files), 0);
    rig_tear_down();
}
END_TEST

START_TEST(tv73_a_crossing_store_goes_in_two)
{
    struct vmc_ioregion_command command;
    bool splits = _i != 0;

    set_up();
    ck_assert_int_eq(rig_remove(BASE, 0x1000, 0), 0);
    ck_assert_int_eq(rig_add(BASE, 0x2000, 0, 0), 0);
    rig.vcpus[0].config.splits_odd = splits; /* D53 */
    ck_assert_int_eq(rig_write(0, BASE + 0xfff, 4, 0xddccbbaa), WAIT);
    assert_taken(0, true, 0xfff, 1, 0xaa);
    rig_answer(0, 0);
    if (!splits) {
        ck_assert_int_eq(rig_run(0), EXIT);
        assert_exit(0, VMC_REGION_EXIT_MMIO, BASE + 0x1000, 3);
        ck_assert_mem_eq(rig_exit(0)->data, "\xbb\xcc\xdd", 3);
        ck_assert_int_eq(rig_run(0), DONE);
    } else {
        ck_assert_int_eq(rig_run(0), WAIT);
        assert_taken(0, true, 0x1000, 2, 0xccbb);
        rig_answer(0, 0);
        ck_assert_int_eq(rig_run(0), WAIT);
        assert_taken(0, true, 0x1002, 1, 0xdd);
        rig_answer(0, 0);
        ck_assert_int_eq(rig_run(0), DONE);
    }
    ck_assert(!rig_take(0, &command));
    rig_tear_down();
}
END_TEST

/* The four cases of spec 8.3, a signal in each part. D52: no second part
 * before the first is finished. */
START_TEST(a_signal_in_a_crossing_access_stops_it_there)
{
    struct vmc_ioregion_command command;
    bool first = _i != 1, second = _i != 0, two = _i == 3;

    set_up();
    ck_assert_int_eq(rig_remove(BASE, 0x1000, 0), 0);
    if (first) {
        ck_assert_int_eq(rig_add(BASE, second && !two ? 0x2000 : 0x1000, 0, 0),
                         0);
    }
    if (second && (two || !first)) {
        ck_assert_int_eq(rig_add(BASE + 0x1000, 0x1000, 0, two ? 1 : 0), 0);
    }
    ck_assert_int_eq(rig_read(0, BASE + 0xffe, 4), WAIT);
    for (int part = first ? 0 : 1; part < (second ? 2 : 1); part++) {
        uint32_t at = part == 1 && two;

        vmc_region_vcpu_signal(&rig.vcpus[0]);
        ck_assert_int_eq(rig_run(0), INTERRUPTED);
        ck_assert_int_eq(rig_run(0), WAIT);
        ck_assert(rig_take(at, &command));
        ck_assert_uint_eq(command.size_bytes, 2);
        ck_assert(!rig_take(0, &command) && !rig_take(1, &command));
        rig_answer(at, 0x1111U << part);
        if (part == 0 && second) {
            ck_assert_int_eq(rig_run(0), WAIT);
        }
    }
    if (first && second) {
        ck_assert_int_eq(rig_run(0), DONE);
        ck_assert_uint_eq(rig_value(0, 4), 0x22221111);
    } else {
        ck_assert_int_eq(rig_run(0), EXIT);
        assert_exit(0, VMC_REGION_EXIT_MMIO, BASE + (first ? 0x1000 : 0xffe),
                    2);
        rig_exit(0)->data[0] = 0x33;
        ck_assert_int_eq(rig_run(0), DONE);
        ck_assert_uint_eq(rig_value(0, 4) & (first ? 0xffff : 0xffff0000),
                          first ? 0x1111 : 0x22220000);
    }
    rig_tear_down();
}
END_TEST

START_TEST(tv78_one_descriptor_keeps_the_order)
{
    set_up();
    ck_assert_int_eq(rig_add(0x20000, 8, VMC_REGION_POSTED_WRITES, 0), 0);
    ck_assert_int_eq(rig_add(0x30000, 8, 0, 1), 0);
    ck_assert_int_eq(rig_write(0, 0x20000, 4, 5), DONE);
    ck_assert_int_eq(rig_read(0, BASE, 4), WAIT); /* same descriptor */
    assert_taken(0, true, 0, 4, 5);
    assert_taken(0, false, 0, 4, 0);
    rig_answer(0, 0);
    ck_assert_int_eq(rig_run(0), DONE);
    ck_assert_int_eq(rig_write(0, 0x20000, 4, 6), DONE);
    ck_assert_int_eq(rig_read(0, 0x30000, 4), WAIT); /* another: any order */
    assert_taken(1, false, 0, 4, 0);
    assert_taken(0, true, 0, 4, 6);
    rig_tear_down();
}
END_TEST

START_TEST(tv79_a_doorbell_cannot_be_read)
{
    struct vmc_ioregion_command command;

    set_up();
    ck_assert_int_eq(rig_add(0x20000, 0, VMC_REGION_POSTED_WRITES, 0), 0);
    ck_assert_int_eq(rig_read(0, 0x20000, 4), EXIT); /* D56 */
    assert_exit(0, VMC_REGION_EXIT_MMIO, 0x20000, 4);
    ck_assert_int_eq(rig_run(0), DONE);
    ck_assert(!rig_take(0, &command));
    ck_assert_int_eq(rig_write(0, 0x20000, 2, 0xabcd), DONE);
    assert_taken(0, true, 0, 2, 0xabcd);
    ck_assert_int_eq(rig_write(0, 0x20001, 2, 0xabcd), EXIT);
    rig_tear_down();
}
END_TEST

START_TEST(a_fast_doorbell_knows_neither_width_nor_direction)
{
    struct vmc_region_access access = {.bus = VMC_BUS_MMIO,
                                       .addr = 0x20000,
                                       .len = 4,
                                       .tries_fast = true,
                                       .data = {1, 2, 3, 4}};
    uint8_t bytes[32];

    set_up();
    ck_assert_int_eq(rig_add(0x20000, 0, VMC_REGION_POSTED_WRITES, 0), 0);
    vmc_region_vcpu_access(&rig.vcpus[0], &access); /* a load */
    ck_assert_int_eq(rig_run(0), DONE);
    ck_assert_uint_eq(rig_value(0, 4), 0x04030201); /* unchanged */
    ck_assert(rig_take_bytes(0, bytes));
    ck_assert_uint_eq(bytes[0], 1);
    ck_assert_uint_eq(bytes[1], 0);
    ck_assert_uint_eq(bytes[24], 0);
    access.addr = BASE; /* not on that bus: it is decoded after all */
    vmc_region_vcpu_access(&rig.vcpus[0], &access);
    ck_assert_int_eq(rig_run(0), WAIT);
    assert_taken(0, false, 0, 4, 0);
    rig_tear_down();
}
END_TEST

START_TEST(tv80_a_pending_read_is_finished_first)
{
    set_up();
    ck_assert_int_eq(rig_read(0, 0x90000, 4), EXIT);
    assert_exit(0, VMC_REGION_EXIT_MMIO, 0x90000, 4);
    memcpy(rig_exit(0)->data, "\x78\x56\x34\x12", 4);
    vmc_region_vcpu_signal(&rig.vcpus[0]); /* immediate_exit does the same */
    ck_assert_int_eq(rig_run(0), INTERRUPTED);
    ck_assert_uint_eq(rig_value(0, 4), 0x12345678);
    ck_assert_int_eq(rig_exit(0)->reason, VMC_REGION_EXIT_MMIO);
    ck_assert_int_eq(rig.vcpus[0].stage, VMC_REGION_IDLE);
    rig_tear_down();
}
END_TEST

START_TEST(accesses_hit_by_the_rules_of_the_bus)
{
    set_up();
    ck_assert_int_eq(rig_add(BASE + 0x1000, 0x1000, 0, 0), 0);
    ck_assert_int_eq(rig_write(0, BASE + 3, 2, 0x1234), WAIT); /* unaligned */
    assert_taken(0, true, 3, 2, 0x1234);
    rig_answer(0, 0);
    ck_assert_int_eq(rig_run(0), DONE);
    ck_assert_int_eq(rig_write(0, BASE - 2, 4, 0xccddaabb), WAIT);
    assert_taken(0, true, 0, 2, 0xccdd); /* before the first half goes out */
    rig_answer(0, 0);
    ck_assert_int_eq(rig_run(0), EXIT);
    assert_exit(0, VMC_REGION_EXIT_MMIO, BASE - 2, 2);
    rig_tear_down();

    set_up();
    ck_assert_int_eq(rig_remove(BASE, 0x1000, 0), 0);
    ck_assert_int_eq(rig_add(BASE, 8, 0, 0), 0);
    ck_assert_int_eq(rig_add(BASE + 8, 8, 0, 0), 0);
    ck_assert_int_eq(rig_write(0, BASE + 6, 4, 1), EXIT); /* over two */
    assert_exit(0, VMC_REGION_EXIT_MMIO, BASE + 6, 4);
    ck_assert_int_eq(rig_run(0), DONE);
    vmc_region_vcpu_access(
        &rig.vcpus[0],
        &(struct vmc_region_access){
            .bus = VMC_BUS_MMIO, .addr = BASE, .len = 16, .is_write = true});
    for (uint64_t i = 0; i < 2; i++) { /* 16 bytes: two commands */
        ck_assert_int_eq(rig_run(0), WAIT);
        assert_taken(0, true, 0, 8, 0);
        rig_answer(0, 0);
    }
    ck_assert_int_eq(rig_run(0), DONE);
    rig_tear_down();
}
END_TEST

START_TEST(a_silent_device_times_out)
{
    set_up_kind(VMC_SOCKET_STREAM, 100);
    rig.now = 1000;
    ck_assert_int_eq(rig_read(0, BASE, 4), WAIT);
    ck_assert_uint_eq(vmc_region_vcpu_deadline(&rig.vcpus[0]), 1100);
    if (_i != 0) { /* while its vCPU is away in user space */
        vmc_region_vcpu_signal(&rig.vcpus[0]);
        ck_assert_int_eq(rig_run(0), INTERRUPTED);
        vmc_region_vcpu_expire(&rig.vcpus[0], 1099);
        ck_assert_int_eq(rig_read(1, BASE, 4), WAIT);
        rig.now = 1100;
        vmc_region_vcpu_expire(&rig.vcpus[0], rig.now);
        rig_check();
        ck_assert(vmc_region_vcpu_may_go(&rig.vcpus[1], rig.now));
    }
    rig.now = 1100;
    ck_assert_int_eq(rig_run(0), EXIT);
    ck_assert_int_eq(rig_exit(0)->cause, VMC_CAUSE_TIMEOUT);
    ck_assert_int_eq(rig.regions->channels[0].machine.health,
                     VMC_CHANNEL_SUSPECT);
    rig_tear_down();
}
END_TEST

START_TEST(a_failure_may_look_like_a_miss)
{
    set_up();
    rig.vcpus[0].config.falls_back = true;
    vmc_socket_close(&rig.sockets[0], VMC_SOCKET_DEVICE);
    ck_assert_int_eq(rig_read(0, BASE + 4, 4), EXIT);
    assert_exit(0, VMC_REGION_EXIT_MMIO, BASE + 4, 4);
    rig_exit(0)->data[0] = 9;
    ck_assert_int_eq(rig_run(0), DONE);
    ck_assert_uint_eq(rig_value(0, 1), 9);
    rig_tear_down();
}
END_TEST

START_TEST(a_device_that_fails_says_so)
{
    uint8_t bytes[32];

    set_up();
    ck_assert_int_eq(rig_write(0, BASE, 4, 0xabcd), WAIT);
    vmc_ioregion_put_response(
        bytes, (struct vmc_ioregion_response){0, true}, 4,
        (struct vmc_ioregion_format){VMC_IOREGION_H, false});
    vmc_socket_write(&rig.sockets[0], VMC_SOCKET_DEVICE, bytes, 32, false);
    ck_assert_int_eq(rig_run(0), EXIT);
    ck_assert_int_eq(rig_exit(0)->cause, VMC_CAUSE_DEVICE);
    ck_assert(rig_exit(0)->is_write);
    ck_assert_mem_eq(rig_exit(0)->data, "\xcd\xab\0\0", 4);
    ck_assert_int_eq(rig_run(0), DONE);
    rig_tear_down();
}
END_TEST

START_TEST(a_closed_vcpu_frees_its_channel)
{
    set_up();
    ck_assert_int_eq(rig_read(0, BASE, 4), WAIT);
    ck_assert_int_eq(rig_read(1, BASE + 8, 4), WAIT);
    vmc_region_vcpu_signal(&rig.vcpus[0]);
    ck_assert_int_eq(rig_run(0), INTERRUPTED);
    vmc_region_vcpu_close(&rig.vcpus[0]); /* D51 */
    rig_check();
    ck_assert_int_eq(rig_run(1), WAIT);
    rig_answer(0, 0xbad);
    rig_answer(0, 0x900d);
    ck_assert_int_eq(rig_run(1), DONE);
    ck_assert_uint_eq(rig_value(1, 4), 0x900d);
    rig_tear_down();
}
END_TEST

static int front_read(struct vmc_bus_device *device,
                      struct vmc_bus_access *access)
{
    (void)device;
    vmc_bus_set_value(access, 0x1a91c);
    return 0;
}

/* The local APIC is moved over a region while a vCPU is away. */
START_TEST(a_device_of_the_kernel_may_come_in_between)
{
    static const struct vmc_bus_ops ops = {.kind = "lapic", .read = front_read};
    struct vmc_bus_device lapic = {.ops = &ops, .kind = VMC_BUS_KERNEL};

    set_up();
    ck_assert_int_eq(rig_read(0, BASE, 4), WAIT);
    vmc_region_vcpu_signal(&rig.vcpus[0]);
    ck_assert_int_eq(rig_run(0), INTERRUPTED);
    vmc_bus_add_front(rig.bus, BASE, 0x100, &lapic);
    ck_assert_int_eq(rig_run(0), DONE);
    ck_assert_uint_eq(rig_value(0, 4), 0x1a91c);
    ck_assert_uint_eq(rig.regions->channels[0].machine.owed_count, 1);
    ck_assert_int_eq(rig_read(0, BASE + 0x100, 4), WAIT);
    rig_answer(0, 0xbad);
    rig_answer(0, 0x900d);
    ck_assert_int_eq(rig_run(0), DONE);
    ck_assert_uint_eq(rig_value(0, 4), 0x900d);
    rig_tear_down();
}
END_TEST

/* What has been served of a split store stays so; the rest finds no region. */
START_TEST(removal_ends_a_split_store_between_its_pieces)
{
    set_up();
    rig.vcpus[0].config.splits_odd = true;
    ck_assert_int_eq(rig_write(0, BASE + 0xffd, 8, 0x8877665544332211), WAIT);
    assert_taken(0, true, 0xffd, 1, 0x11);
    ck_assert_int_eq(rig_remove(BASE, 0x1000, 0), 0);
    rig_answer(0, 0);
    ck_assert_int_eq(rig_run(0), EXIT);
    assert_exit(0, VMC_REGION_EXIT_MMIO, BASE + 0xffe, 2);
    ck_assert_mem_eq(rig_exit(0)->data, "\x22\x33", 2);
    ck_assert(vmc_bus_is_quiet(rig.bus));
    ck_assert(rig.check.is_removed[1]); /* generation 1 was freed */
    ck_assert_int_eq(rig_run(0), EXIT);
    assert_exit(0, VMC_REGION_EXIT_MMIO, BASE + 0x1000, 5);
    ck_assert_int_eq(rig_run(0), DONE);
    rig_tear_down();
}
END_TEST

/* A descriptor whose last region went while it was owed an answer, and half a
 * command was out, comes back: its process cannot tell. */
START_TEST(debts_outlive_the_regions)
{
    struct vmc_ioregion_command command;

    set_up();
    rig.sockets[0].chunk_bytes = 20; /* 20 + 12, then as the room allows */
    rig.sockets[0].room_bytes = 1;   /* one message */
    ck_assert_int_eq(rig_read(0, BASE, 4), WAIT);
    vmc_region_vcpu_signal(&rig.vcpus[0]);
    ck_assert_int_eq(rig_run(0), INTERRUPTED);
    ck_assert_int_eq(rig_remove(BASE, 0x1000, 0), 0);
    ck_assert_uint_eq(vmc_regions_used_count(rig.regions), 0);
    ck_assert_int_eq(rig_run(0), EXIT);
    ck_assert_int_eq(rig_run(0), DONE);
    ck_assert_int_eq(rig_add(BASE, 0x1000, 0, 0), 0);
    rig.sockets[0].chunk_bytes = 0;
    rig.sockets[0].room_bytes = VMC_SOCKET_ROOM_BYTES;
    ck_assert_int_eq(rig_read(0, BASE + 8, 4), WAIT);
    ck_assert(rig_take(0, &command));
    ck_assert_uint_eq(command.offset_bytes, 0);
    ck_assert(rig_take(0, &command));
    ck_assert_uint_eq(command.offset_bytes, 8);
    rig_answer(0, 1);
    rig_answer(0, 2);
    ck_assert_int_eq(rig_run(0), DONE);
    ck_assert_uint_eq(rig_value(0, 4), 2);
    rig_tear_down();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("region_run");
    TCase *c = tcase_create("region_run");

    tcase_add_test(c, tv60_a_write_waits_for_its_acknowledgement);
    tcase_add_test(c, tv61_a_read_takes_its_width);
    tcase_add_loop_test(c, tv62_a_short_answer_is_completed, 0, 3);
    tcase_add_loop_test(c, tv63_a_long_answer_is_a_violation, 0, 3);
    tcase_add_test(c, tv64_a_flag_flipped_is_a_failure);
    tcase_add_loop_test(c, tv65_a_peer_that_closes_ends_the_channel, 0, 3);
    tcase_add_loop_test(c, tv66_a_dead_peer_kills_nobody, 0, 3);
    tcase_add_loop_test(c, tv67_posted_writes_block_when_the_buffer_is_full, 0,
                        3);
    tcase_add_test(c, tv68_a_signal_is_resumed);
    tcase_add_loop_test(c, tv69_an_interrupted_access_may_find_its_region_gone,
                        0, 2);
    tcase_add_test(c, tv70_two_vcpus_take_turns);
    tcase_add_test(c, tv71_ports_and_memory_share_a_descriptor);
    tcase_add_loop_test(c, tv72_removal_has_a_deadline, 0, 2);
    tcase_add_loop_test(c, tv73_a_crossing_store_goes_in_two, 0, 2);
    tcase_add_loop_test(c, a_signal_in_a_crossing_access_stops_it_there, 0, 4);
    tcase_add_test(c, tv78_one_descriptor_keeps_the_order);
    tcase_add_test(c, tv79_a_doorbell_cannot_be_read);
    tcase_add_test(c, a_fast_doorbell_knows_neither_width_nor_direction);
    tcase_add_test(c, tv80_a_pending_read_is_finished_first);
    tcase_add_test(c, accesses_hit_by_the_rules_of_the_bus);
    tcase_add_loop_test(c, a_silent_device_times_out, 0, 2);
    tcase_add_test(c, a_failure_may_look_like_a_miss);
    tcase_add_test(c, a_device_that_fails_says_so);
    tcase_add_test(c, a_closed_vcpu_frees_its_channel);
    tcase_add_test(c, a_device_of_the_kernel_may_come_in_between);
    tcase_add_test(c, removal_ends_a_split_store_between_its_pieces);
    tcase_add_test(c, debts_outlive_the_regions);
    suite_add_tcase(s, c);
    return s;
}
