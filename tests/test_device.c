/* SPDX-License-Identifier: MIT */
/* The contract of every device: sizes are checked for it, wires carry all. */
#include "device/device.h"

#include "suite.h"

enum { SIGABRT_NUMBER = 6 };

struct toy {
    struct vmc_device device;
    uint64_t value;
    uint32_t reads, writes;
};

static enum vmc_status toy_read(struct vmc_device *device, struct vmc_txn *txn)
{
    struct toy *toy = VMC_CONTAINER_OF(device, struct toy, device);

    toy->reads++;
    if (txn->offset_bytes != 0) {
        return VMC_E_ACCESS;
    }
    txn->data = toy->value;
    return VMC_OK;
}

static enum vmc_status toy_write(struct vmc_device *device,
                                 const struct vmc_txn *txn)
{
    struct toy *toy = VMC_CONTAINER_OF(device, struct toy, device);

    toy->writes++;
    toy->value = txn->data;
    return VMC_OK;
}

static const struct vmc_device_ops ops = {
    .kind = "toy", .sizes_bytes = 4 | 8, .read = toy_read, .write = toy_write};

START_TEST(only_listed_sizes_reach_the_device)
{
    static const bool reaches[] = {
        [1] = false, [2] = false, [4] = true, [8] = true};
    uint32_t expected = reaches[1 << _i];
    struct toy toy = {.device = {.ops = &ops, .access_cycles = 7}, .value = 42};
    struct vmc_txn txn = {.size_bytes = (uint8_t)(1 << _i),
                          .latency_cycles = 5};

    ck_assert_int_eq(vmc_device_access(&toy.device, &txn),
                     expected ? VMC_OK : VMC_E_ACCESS);
    ck_assert_uint_eq(txn.data, expected ? 42 : 0);
    ck_assert_uint_eq(txn.latency_cycles, 12);
    txn.is_write = true;
    txn.data = 9;
    ck_assert_int_eq(vmc_device_access(&toy.device, &txn),
                     expected ? VMC_OK : VMC_E_ACCESS);
    ck_assert_uint_eq(toy.value, expected ? 9 : 42);
    ck_assert_uint_eq(txn.latency_cycles, 19);
    ck_assert_uint_eq(toy.reads, expected);
    ck_assert_uint_eq(toy.writes, expected);
}
END_TEST

START_TEST(the_status_of_the_device_comes_back)
{
    struct toy toy = {.device = {.ops = &ops, .access_cycles = 7}};
    struct vmc_txn txn = {.size_bytes = 4, .offset_bytes = 4};

    ck_assert_int_eq(vmc_device_access(&toy.device, &txn), VMC_E_ACCESS);
    ck_assert_uint_eq(toy.reads, 1);
    ck_assert_uint_eq(txn.latency_cycles, 7);
}
END_TEST

static void note_level(void *sink, uint32_t line, bool level)
{
    int *history = sink;

    ck_assert_uint_eq(line, 3);
    *history = *history * 2 + level;
}

START_TEST(a_wire_carries_every_level_repeated_ones_too)
{
    int history = 1;
    struct vmc_wire wire = {0};

    vmc_wire_set(&wire, true); /* leads nowhere */
    vmc_wire_connect(&wire, note_level, &history, 3);
    for (const char *level = "01101"; *level != '\0'; level++) {
        vmc_wire_set(&wire, *level == '1');
    }
    ck_assert_int_eq(history, 0x2d); /* 1 01101 */
}
END_TEST

START_TEST(a_wire_has_one_sink)
{
    int history = 0;
    struct vmc_wire wire = {0};

    vmc_wire_connect(&wire, note_level, &history, 3);
    vmc_wire_connect(&wire, note_level, &history, 3);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("device");
    TCase *c = tcase_create("device");

    suite_add_tcase(s, c);
    tcase_add_loop_test(c, only_listed_sizes_reach_the_device, 0, 4);
    tcase_add_test(c, the_status_of_the_device_comes_back);
    tcase_add_test(c, a_wire_carries_every_level_repeated_ones_too);
    tcase_add_test_raise_signal(c, a_wire_has_one_sink, SIGABRT_NUMBER);
    return s;
}
