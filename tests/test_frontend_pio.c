/* SPDX-License-Identifier: MIT */
/*
 * Ports on x86: single accesses, strings, and devices that vanish in a batch.
 * Rows that start with TV are the vectors of KVM's behaviour.
 */
#include "ioregion/frontend.h"

#include "bus_rig.h"
#include "front_rig.h"
#include "suite.h"

static void set_up(void)
{
    rig_start(VMC_ARCH_X86, VMC_K6_12);
}

static void out(uint16_t port, uint8_t size, uint64_t value)
{
    rig.log[0] = rig.events[0] = '\0';
    rig.vcpu.rax = value;
    rig_serve(vmc_front_out(&rig.front, &rig.vcpu, port, size));
}

static void rep(const struct vmc_front_string *string)
{
    rig.log[0] = rig.events[0] = '\0';
    rig_serve(vmc_front_rep(&rig.front, &rig.vcpu, string));
}

START_TEST(tv_41_each_element_of_a_string_is_on_its_own)
{
    ck_assert_int_eq(
        rig_event(0x500, 1, VMC_IOEVENTFD_PIO | VMC_IOEVENTFD_DATAMATCH, 1, 0),
        0);
    memcpy(rig.vcpu.string, "\1\2\1", 3);
    rep(&(struct vmc_front_string){.port = 0x500, .size = 1, .count = 3});
    ck_assert_str_eq(rig.log, "e0 x500*1x1=02 e0");
    ck_assert_str_eq(rig.events, "pio_write at 0x500 size 1 count 1 val 0x1  "
                                 "pio_write at 0x500 size 1 count 1 val 0x2  "
                                 "reason KVM_EXIT_IO (2) "
                                 "pio_write at 0x500 size 1 count 1 val 0x1 ");
}
END_TEST

START_TEST(tv_42_a_range_past_the_last_port)
{
    ck_assert_int_eq(rig_zone(0xfffe, 4, 1), 0);
    out(0xfffe, 4, 0x12345678);
    ck_assert_str_eq(rig.log, "rfffe+4");
    out(0xffff, 4, 0);
    ck_assert_str_eq(rig.log, "xffff*1x4=00");
}
END_TEST

START_TEST(a_refused_port_exits_with_its_value)
{
    out(0x500, 4, 0xdeadbeef);
    ck_assert_uint_eq(rig.vcpu.run.io.direction, 1);
    ck_assert_uint_eq(rig.vcpu.run.io.size, 4);
    ck_assert_uint_eq(rig.vcpu.run.io.port, 0x500);
    ck_assert_uint_eq(rig.vcpu.run.io.count, 1);
    ck_assert_uint_eq(rig.vcpu.run.io.data_offset, 4096);
    ck_assert_mem_eq(rig.vcpu.run.io_data, "\xef\xbe\xad\xde", 4);
    ck_assert_str_eq(rig.events,
                     "pio_write at 0x500 size 4 count 1 val 0xdeadbeef  "
                     "reason KVM_EXIT_IO (2)");
    ck_assert_uint_eq(rig.front.counts.exits_io, 1);
}
END_TEST

static const struct {
    uint8_t size;
    uint64_t rax;
} merges[] = {
    {1, UINT64_C(0x1122334455667703)},
    {2, UINT64_C(0x1122334455661403)},
    {4, 0x36251403},
};

/* The same whether the kernel answers or user space. */
START_TEST(in_merges_or_extends)
{
    struct probe_device device = probe_make(VMC_BUS_KERNEL, 0);
    uint64_t fives = (UINT64_C(1) << 8 * merges[_i].size) - 1;

    rig.vcpu.rax = UINT64_C(0x1122334455667788);
    rig_serve(vmc_front_in(&rig.front, &rig.vcpu, 0x60, merges[_i].size));
    ck_assert_uint_eq(rig.vcpu.rax, merges[_i].rax);
    ck_assert_int_eq(
        vmc_bus_register(rig.bus, VMC_BUS_PIO, 0x60, 4, &device.device), 0);
    rig_serve(vmc_front_in(&rig.front, &rig.vcpu, 0x60, merges[_i].size));
    ck_assert_uint_eq(rig.vcpu.rax & fives, 0x5a5a5a5a & fives);
    ck_assert_uint_eq(rig.vcpu.rax & ~fives, merges[_i].rax & ~fives);
    ck_assert_int_eq(vmc_bus_unregister(rig.bus, VMC_BUS_PIO, &device.device),
                     0);
}
END_TEST

START_TEST(in_is_traced_when_it_is_done)
{
    rig_serve(vmc_front_in(&rig.front, &rig.vcpu, 0x60, 2));
    ck_assert_str_eq(rig.events, "reason KVM_EXIT_IO (2) "
                                 "pio_read at 0x60 size 2 count 1 val 0x1403 ");
}
END_TEST

START_TEST(a_load_from_a_port_waits_for_its_answer)
{
    rig.vcpu.rax = 0;
    rig.vcpu.run.io_data[0] = 0x99;
    ck_assert_int_eq(vmc_front_in(&rig.front, &rig.vcpu, 0x60, 1),
                     VMC_FRONT_EXIT);
    ck_assert_uint_eq(rig.vcpu.run.io_data[0], 0);
    rig.vcpu.run.io_data[0] = 0x42;
    rig.vcpu.is_signalled = true;
    ck_assert_int_eq(vmc_front_run(&rig.front, &rig.vcpu), -EINTR);
    ck_assert_uint_eq(rig.vcpu.run.exit_reason, VMC_EXIT_INTR);
    ck_assert_uint_eq(rig.vcpu.rax, 0x42);
}
END_TEST

/* An immediate exit stands between two elements of a string. */
START_TEST(a_string_goes_on_where_it_was)
{
    memcpy(rig.vcpu.string, "\1\2", 2);
    ck_assert_int_eq(vmc_front_rep(&rig.front, &rig.vcpu,
                                   &(struct vmc_front_string){
                                       .port = 0x500, .size = 1, .count = 2}),
                     VMC_FRONT_EXIT);
    rig.vcpu.run.immediate_exit = 1;
    ck_assert_int_eq(vmc_front_run(&rig.front, &rig.vcpu), -EINTR);
    rig.vcpu.run.immediate_exit = 0;
    ck_assert_int_eq(vmc_front_run(&rig.front, &rig.vcpu), VMC_FRONT_EXIT);
    ck_assert_uint_eq(rig.vcpu.run.io_data[0], 2);
    ck_assert_int_eq(vmc_front_run(&rig.front, &rig.vcpu), VMC_FRONT_GUEST);
}
END_TEST

static const struct {
    const char *what;
    struct vmc_front_string string;
    const char *log;
} strings[] = {
    {"all of it at once",
     {.port = 0x60, .size = 2, .is_in = true, .count = 8},
     "x60*8x2=00"},
    {"as much as the buffer holds",
     {.port = 0x60, .size = 4, .is_in = true, .count = 600},
     "x60*256x4=00 x60*256x4=00 x60*88x4=00"},
    {"as much as the page holds",
     {.port = 0x60, .size = 1, .is_in = true, .count = 20, .room_bytes = 6},
     "x60*6x1=00 x60*14x1=00"},
    {"bytes of the page, but elements",
     {.port = 0x60, .size = 4, .is_in = true, .count = 8, .room_bytes = 4},
     "x60*4x4=00 x60*4x4=00"},
    {"one byte to the end of the page",
     {.port = 0x60, .size = 1, .is_in = true, .count = 9, .room_bytes = 1},
     "x60*1x1=00 x60*8x1=00"},
    {"the end of the page in the second batch",
     {.port = 0x60, .size = 4, .is_in = true, .count = 600, .room_bytes = 1100},
     "x60*256x4=00 x60*76x4=00 x60*256x4=00 x60*12x4=00"},
    {"out, all at once",
     {.port = 0x60, .size = 1, .count = 5, .is_batched = true},
     "x60*5x1=00"},
    {"nothing at all", {.port = 0x60, .size = 1, .count = 0}, ""},
};

START_TEST(a_string_is_read_ahead)
{
    rig.vcpu.rax = 0x1234;
    rep(&strings[_i].string);
    ck_assert_uint_eq(rig.vcpu.rax, 0x1234);
    ck_assert_msg(strcmp(rig.log, strings[_i].log) == 0, "%s: %s",
                  strings[_i].what, rig.log);
    for (uint32_t i = 0; strings[_i].string.is_in && i < 1; i++) {
        ck_assert_uint_eq(rig.vcpu.string[i], rig_byte(i));
    }
}
END_TEST

/* ---- A device that is taken off in the middle of a batch ----------------- */

static struct probe_device vanishing;

static int vanishing_read(struct vmc_bus_device *device,
                          struct vmc_bus_access *access)
{
    (void)device;
    memset(access->data, 0x5a, (size_t)access->len);
    return vanishing.reads++ < 2 ? 0 : -EOPNOTSUPP;
}

static int vanishing_write(struct vmc_bus_device *device,
                           const struct vmc_bus_access *access)
{
    (void)device;
    (void)access;
    return vanishing.writes++ < 2 ? 0 : -EOPNOTSUPP;
}

static const struct vmc_bus_ops vanishing_ops = {
    .kind = "vanishing", .read = vanishing_read, .write = vanishing_write};

START_TEST(the_rest_of_a_batch_is_lost_or_goes_out_whole)
{
    enum vmc_kvm_version version = (enum vmc_kvm_version)_i;

    for (int is_in = 0; is_in < 2; is_in++) {
        rig_stop();
        rig_start(VMC_ARCH_X86, version);
        vanishing = probe_make(VMC_BUS_KERNEL, 0);
        vanishing.device.ops = &vanishing_ops;
        ck_assert_int_eq(
            vmc_bus_register(rig.bus, VMC_BUS_PIO, 0x60, 4, &vanishing.device),
            0);
        memset(rig.vcpu.string, 0x77, 8);
        rep(&(struct vmc_front_string){.port = 0x60,
                                       .size = 1,
                                       .is_in = is_in != 0,
                                       .is_batched = true,
                                       .count = 4});
        if (version == VMC_K5_11) {
            ck_assert_str_eq(rig.log, is_in ? "x60*4x1=00" : "x60*4x1=77");
        } else {
            ck_assert_str_eq(rig.log, "");
            ck_assert_mem_eq(
                rig.vcpu.string,
                is_in ? "\x5a\x5a\0\0\x77\x77" : "\x77\x77\x77\x77\x77\x77", 6);
        }
        ck_assert_uint_eq(is_in ? vanishing.reads : vanishing.writes, 3);
    }
}
END_TEST

/* ---- A handler that is interrupted ----------------------------------------
 */

static int interrupted_write(struct vmc_bus_device *device,
                             const struct vmc_bus_access *access)
{
    struct probe_device *probe = probe_of(device);

    probe->last = *access;
    return probe->writes++ == 1 ? -EINTR : 0;
}

static const struct vmc_bus_ops interrupted_ops = {.kind = "interrupted",
                                                   .write = interrupted_write};

START_TEST(an_interrupted_element_is_offered_again)
{
    struct vmc_bus_config config = vmc_bus_defaults();
    struct probe_device device = probe_make(VMC_BUS_IOREGION, 0);
    struct vmc_front front;
    struct vmc_bus *bus;

    device.device.ops = &interrupted_ops;
    config.stops_on_error = true;
    bus = bus_make(config);
    vmc_front_init(&front, bus, &rig.front.config);
    ck_assert_int_eq(
        vmc_bus_register(bus, VMC_BUS_PIO, 0x60, 1, &device.device), 0);
    memcpy(rig.vcpu.string, "\1\2\3", 3);
    ck_assert_int_eq(vmc_front_rep(&front, &rig.vcpu,
                                   &(struct vmc_front_string){
                                       .port = 0x60, .size = 1, .count = 3}),
                     -EINTR);
    ck_assert_uint_eq(device.last.data[0], 2);
    ck_assert_uint_eq(rig.vcpu.run.exit_reason, VMC_EXIT_INTR);
    ck_assert_int_eq(vmc_front_run(&front, &rig.vcpu), VMC_FRONT_GUEST);
    ck_assert_uint_eq(device.writes, 4);
    ck_assert_uint_eq(device.last.data[0], 3);
    vmc_bus_free(bus);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("frontend_pio");
    TCase *c = tcase_create("frontend_pio");

    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, set_up, rig_stop);
    tcase_add_test(c, tv_41_each_element_of_a_string_is_on_its_own);
    tcase_add_test(c, tv_42_a_range_past_the_last_port);
    tcase_add_test(c, a_refused_port_exits_with_its_value);
    tcase_add_loop_test(c, in_merges_or_extends, 0, (int)VMC_COUNT_OF(merges));
    tcase_add_test(c, in_is_traced_when_it_is_done);
    tcase_add_test(c, a_load_from_a_port_waits_for_its_answer);
    tcase_add_test(c, a_string_goes_on_where_it_was);
    tcase_add_loop_test(c, a_string_is_read_ahead, 0,
                        (int)VMC_COUNT_OF(strings));
    tcase_add_loop_test(c, the_rest_of_a_batch_is_lost_or_goes_out_whole, 0,
                        VMC_K_COUNT);
    tcase_add_test(c, an_interrupted_element_is_offered_again);
    return s;
}
