/* SPDX-License-Identifier: MIT */
/*
 * The guest's drivers: how many accesses an operation costs, and that the
 * commands are those that Linux writes. The counts are the formulas of spec
 * section 14; the command words are G1 to G6 of section 19.
 */
#include "sim/machine/guest.h"

#include "base/base.h"
#include "suite.h"

enum { LOG_MAX = 512 };

static struct guest guest;
static struct guest_access access_log[LOG_MAX];
static uint32_t access_count;

static void set_up(uint32_t vcpu_count, enum guest_generation generation,
                   bool is_encoded)
{
    guest = (struct guest){.generation = generation,
                           .extension = GUEST_EXTENSION_FINAL,
                           .is_encoded = is_encoded,
                           .vector_count = 256,
                           .vcpu_count = vcpu_count,
                           .node_map = 0xffff,
                           .parent_pin = 1};
    for (uint32_t i = 0; i < vcpu_count; i++) {
        guest.physical_ids[i] = (uint16_t)i;
        guest.online[i] = 1;
    }
}

/* Run @routine; every read returns @read. */
static uint32_t run(struct guest_routine routine, uint64_t read)
{
    access_count = 0;
    while (guest_next(&guest, &routine, read, &access_log[access_count])) {
        access_count++;
        ck_assert_uint_lt(access_count, LOG_MAX);
    }
    return access_count;
}

static const struct {
    const char *what;
    enum guest_generation generation;
    bool is_encoded;
    uint32_t vcpu_count;
    struct guest_routine routine;
    uint64_t read;
    uint32_t accesses;
} counts[] = {
    {"router init of CPU 0",
     GUEST_L1,
     false,
     4,
     {.kind = GUEST_ROUTER_INIT, .vcpu = 0},
     0,
     92},
    {"router init of CPU 1",
     GUEST_L1,
     false,
     4,
     {.kind = GUEST_ROUTER_INIT, .vcpu = 1},
     0,
     0},
    {"router init of CPU 4, bitmap",
     GUEST_L2,
     false,
     8,
     {.kind = GUEST_ROUTER_INIT, .vcpu = 4},
     0,
     92},
    {"router init of CPU 4, encoded",
     GUEST_L2,
     true,
     8,
     {.kind = GUEST_ROUTER_INIT, .vcpu = 4},
     0,
     0},
    {"affinity, bitmap, 4 CPUs",
     GUEST_L1,
     false,
     4,
     {.kind = GUEST_SET_AFFINITY, .vector = 69, .target = 2},
     0,
     6},
    {"affinity, bitmap, 16 CPUs",
     GUEST_L1,
     false,
     16,
     {.kind = GUEST_SET_AFFINITY, .vector = 69, .target = 2},
     0,
     18},
    {"affinity, bitmap, 64 CPUs",
     GUEST_L1,
     false,
     64,
     {.kind = GUEST_SET_AFFINITY, .vector = 69, .target = 2},
     0,
     66},
    {"affinity, bitmap, beyond the node map",
     GUEST_L1,
     false,
     256,
     {.kind = GUEST_SET_AFFINITY, .vector = 69, .target = 2},
     0,
     66},
    {"affinity, encoded, 256 CPUs",
     GUEST_L2,
     true,
     256,
     {.kind = GUEST_SET_AFFINITY, .vector = 69, .target = 200},
     0,
     4},
    {"dispatch L0, nothing pending",
     GUEST_L0,
     false,
     4,
     {.kind = GUEST_DISPATCH},
     0,
     8},
    {"dispatch L1, nothing pending",
     GUEST_L1,
     false,
     4,
     {.kind = GUEST_DISPATCH},
     0,
     4},
    {"dispatch L1, all words pending",
     GUEST_L1,
     false,
     4,
     {.kind = GUEST_DISPATCH},
     1,
     8},
    {"dispatch L3, nothing pending",
     GUEST_L3,
     true,
     4,
     {.kind = GUEST_DISPATCH, .pin = 2},
     0,
     1},
    {"dispatch L3, pending",
     GUEST_L3,
     true,
     4,
     {.kind = GUEST_DISPATCH, .pin = 2},
     1,
     2},
    {"dispatch L3, a pin without vectors",
     GUEST_L3,
     true,
     4,
     {.kind = GUEST_DISPATCH, .pin = 4},
     1,
     0},
    {"extension found",
     GUEST_L2,
     false,
     4,
     {.kind = GUEST_EXTENSION_INIT},
     0xb,
     3},
    {"extension absent",
     GUEST_L2,
     false,
     4,
     {.kind = GUEST_EXTENSION_INIT},
     0,
     1},
    {"driver without extension",
     GUEST_L1,
     false,
     4,
     {.kind = GUEST_EXTENSION_INIT},
     0xb,
     0},
    {"send IPI",
     GUEST_L1,
     false,
     4,
     {.kind = GUEST_IPI_SEND, .target = 1},
     0,
     1},
    {"receive IPI", GUEST_L1, false, 4, {.kind = GUEST_IPI_RECEIVE}, 2, 2},
    {"mailbox",
     GUEST_L1,
     false,
     4,
     {.kind = GUEST_MAIL_SEND, .target = 1},
     0,
     2},
    {"boot secondary",
     GUEST_L1,
     false,
     4,
     {.kind = GUEST_BOOT_SECONDARY, .target = 1},
     0,
     3},
    {"PCH-PIC init", GUEST_L1, false, 4, {.kind = GUEST_PIC_INIT}, 0, 139},
    {"PCH-PIC mask", GUEST_L1, false, 4, {.kind = GUEST_PIC_MASK}, 0, 2},
    {"PCH-PIC unmask", GUEST_L1, false, 4, {.kind = GUEST_PIC_UNMASK}, 0, 3},
    {"PCH-PIC ack, level", GUEST_L1, false, 4, {.kind = GUEST_PIC_ACK}, 0, 1},
    {"PCH-PIC ack, edge", GUEST_L1, false, 4, {.kind = GUEST_PIC_ACK}, 1, 2},
    {"PCH-PIC type", GUEST_L1, false, 4, {.kind = GUEST_PIC_SET_TYPE}, 0, 4},
    {"PCH-PIC allocate", GUEST_L1, false, 4, {.kind = GUEST_PIC_ALLOC}, 0, 1},
};

START_TEST(an_operation_costs_its_number_of_accesses)
{
    set_up(counts[_i].vcpu_count, counts[_i].generation, counts[_i].is_encoded);
    ck_assert_msg(run(counts[_i].routine, counts[_i].read) ==
                      counts[_i].accesses,
                  "%s: %u accesses, expected %u", counts[_i].what, access_count,
                  counts[_i].accesses);
}
END_TEST

START_TEST(a_small_controller_needs_47_accesses)
{
    set_up(4, GUEST_L1, false);
    guest.vector_count = 128;
    ck_assert_uint_eq(run((struct guest_routine){.kind = GUEST_ROUTER_INIT}, 0),
                      47);
}
END_TEST

START_TEST(affinity_commands_are_those_of_linux)
{
    set_up(4, GUEST_L1, false);
    (void)run((struct guest_routine){.kind = GUEST_SET_AFFINITY,
                                     .vector = 69,
                                     .target = 2},
              0);
    ck_assert_uint_eq(access_log[0].address, 0x1158);
    ck_assert_uint_eq(access_log[0].data, UINT64_C(0xffffffdf80001608));
    for (int i = 1; i <= 4; i++) {
        ck_assert_uint_eq(access_log[i].data, UINT64_C(0x00000400e8001c44));
    }
    ck_assert_uint_eq(access_log[5].data, UINT64_C(0xffffffff80001608));
}
END_TEST

START_TEST(affinity_names_the_node_of_a_far_cpu)
{
    set_up(8, GUEST_L1, false);
    ck_assert_uint_eq(run((struct guest_routine){.kind = GUEST_SET_AFFINITY,
                                                 .vector = 69,
                                                 .target = 5},
                          0),
                      10);
    for (int i = 1; i <= 4; i++) {
        ck_assert_uint_eq(access_log[i].data, UINT64_C(0x00001200e8001c44));
        ck_assert_uint_eq(access_log[i + 4].data, UINT64_C(0x00001200e8041c44));
    }
}
END_TEST

START_TEST(ipi_and_mailbox_commands_are_those_of_linux)
{
    set_up(8, GUEST_L1, false);
    (void)run((struct guest_routine){.kind = GUEST_IPI_SEND,
                                     .target = 5,
                                     .action = 2},
              0);
    ck_assert_uint_eq(access_log[0].address, 0x1040);
    ck_assert_uint_eq(access_log[0].data, 0x80050002);
    (void)run((struct guest_routine){.kind = GUEST_MAIL_SEND,
                                     .target = 3,
                                     .data = 0xa0012340},
              0);
    ck_assert_uint_eq(access_log[0].data, UINT64_C(0x0000000080030004));
    ck_assert_uint_eq(access_log[1].data, UINT64_C(0xa001234080030000));
}
END_TEST

START_TEST(the_router_is_set_up_with_the_words_of_linux)
{
    static const uint32_t nodetype[] = {0x00020001, 0x00080004, 0x00200010,
                                        0x00800040, 0x02000100, 0x08000400,
                                        0x20001000, 0x80004000};

    set_up(4, GUEST_L1, false);
    (void)run((struct guest_routine){.kind = GUEST_ROUTER_INIT}, 5);
    ck_assert_uint_eq(access_log[1].address, 0x420);
    ck_assert_uint_eq(access_log[1].data, 5 | UINT64_C(1) << 48);
    for (uint32_t i = 0; i < 8; i++) {
        ck_assert_uint_eq(access_log[2 + i].address, 0x14a0 + 4 * i);
        ck_assert_uint_eq(access_log[2 + i].data, nodetype[i]);
    }
    ck_assert_uint_eq(access_log[10].data, 0x02020202);
    ck_assert_uint_eq(access_log[12].address, 0x1c00);
    ck_assert_uint_eq(access_log[12].data, 0x01010101);
    ck_assert_uint_eq(access_log[76].address, 0x1600);
    ck_assert_uint_eq(access_log[77].address, 0x1680);

    set_up(4, GUEST_L3, true);
    guest.physical_ids[0] = 7 * 256 % 256;
    (void)run((struct guest_routine){.kind = GUEST_ROUTER_INIT}, 0);
    ck_assert_uint_eq(access_log[10].data, 0x02020101);
    ck_assert_uint_eq(access_log[11].data, 0x08080404);
    ck_assert_uint_eq(access_log[12].data, 0);
}
END_TEST

START_TEST(encoded_affinity_changes_one_byte)
{
    set_up(200, GUEST_L2, true);
    (void)run((struct guest_routine){.kind = GUEST_SET_AFFINITY,
                                     .vector = 69,
                                     .target = 199},
              0x11223344);
    ck_assert_uint_eq(access_log[0].address, 0x1608);
    ck_assert_uint_eq(access_log[0].data, 0xffffffdf);
    ck_assert_uint_eq(access_log[1].address, 0x1c44);
    ck_assert(!access_log[1].is_write);
    ck_assert_uint_eq(access_log[2].data, 0x1122c744);
    ck_assert_uint_eq(access_log[3].data, 0xffffffff);
}
END_TEST

/* The registers that each proposal asks for, and what they find there. */
static const struct {
    enum guest_extension extension;
    uint64_t read;
    uint32_t accesses;
    uint64_t address, data; /* of the last write */
} proposals[] = {
    {GUEST_EXTENSION_FINAL, 0xb, 3, 0x40000004, 0xb},
    {GUEST_EXTENSION_A, 0x1, 2, 0x40000000, 0x8001},
    {GUEST_EXTENSION_A, 0x0, 1, 0, 0},
    {GUEST_EXTENSION_B, 0x2, 3, 0x40000004, 0x2},
    {GUEST_EXTENSION_B, 0x1, 1, 0, 0},
};

START_TEST(each_proposal_has_its_registers)
{
    set_up(4, GUEST_L2, false);
    guest.extension = proposals[_i].extension;
    ck_assert_uint_eq(run((struct guest_routine){.kind = GUEST_EXTENSION_INIT},
                          proposals[_i].read),
                      proposals[_i].accesses);
    ck_assert_int_eq(guest.is_encoded, proposals[_i].data != 0);
    if (guest.is_encoded) {
        ck_assert_uint_eq(access_log[access_count - 1].address,
                          proposals[_i].address);
        ck_assert_uint_eq(access_log[access_count - 1].data,
                          proposals[_i].data);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("guest");
    TCase *c = tcase_create("guest");

    suite_add_tcase(s, c);
    tcase_add_loop_test(c, an_operation_costs_its_number_of_accesses, 0,
                        (int)VMC_COUNT_OF(counts));
    tcase_add_test(c, a_small_controller_needs_47_accesses);
    tcase_add_test(c, affinity_commands_are_those_of_linux);
    tcase_add_test(c, affinity_names_the_node_of_a_far_cpu);
    tcase_add_test(c, ipi_and_mailbox_commands_are_those_of_linux);
    tcase_add_test(c, the_router_is_set_up_with_the_words_of_linux);
    tcase_add_test(c, encoded_affinity_changes_one_byte);
    tcase_add_loop_test(c, each_proposal_has_its_registers, 0,
                        (int)VMC_COUNT_OF(proposals));
    return s;
}
