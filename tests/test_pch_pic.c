/* SPDX-License-Identifier: MIT */
/*
 * The bridge's controller alone, under the rules of each implementation. What
 * QEMU does in detail is in the golden files; here are the differences.
 */
#include "irqchip/pch_pic.h"

#include <ctype.h>
#include <stdlib.h>

#include "suite.h"

enum { QEMU, KVM, HW, KINDS };
enum { VECTOR_BASE = 8 }; /* pin n has vector n + 8 */

static struct vmc_pic pic;
static uint64_t raised;
static uint32_t call_count;

static void hear(void *owner, uint32_t vector, bool level)
{
    uint64_t bit = UINT64_C(1) << (vector - VECTOR_BASE);

    (void)owner;
    raised = level ? raised | bit : raised & ~bit;
    call_count++;
}

static struct vmc_pic_semantics semantics_of(int kind)
{
    return kind == QEMU  ? vmc_pic_semantics_qemu()
           : kind == KVM ? vmc_pic_semantics_kvm()
                         : vmc_pic_semantics_hw();
}

static void wr(uint32_t offset, uint32_t bytes, uint64_t value)
{
    ck_assert_int_eq(vmc_pic_write(&pic, offset, bytes, value), VMC_OK);
}

static uint64_t rd(uint32_t offset, uint32_t bytes)
{
    uint64_t value;

    ck_assert_int_eq(vmc_pic_read(&pic, offset, bytes, &value), VMC_OK);
    return value;
}

static void start(int kind)
{
    struct vmc_pic_semantics semantics = semantics_of(kind);

    vmc_pic_init(&pic, &semantics, hear, NULL);
    for (uint32_t i = 0; i < 16; i++) {
        wr(VMC_PIC_VECTOR + i, 1, VECTOR_BASE + i);
    }
    wr(VMC_PIC_HTMSI_EN, 8, ~UINT64_C(0));
    raised = call_count = 0;
}

/*
 * A script: +n and -n report line n, m and u mask and unmask all, e and c set
 * EDGE and write INT_CLEAR with the bits that follow in hexadecimal, p writes
 * POLARITY.
 */
static void play(const char *script)
{
    for (const char *at = script; *at != '\0';) {
        char verb = *at++;
        char *end = NULL;
        unsigned long number = 0;

        if (isxdigit((unsigned char)*at)) {
            number = strtoul(at, &end, 16);
            at = end;
        }
        at += *at == ' ';
        switch (verb) {
        case '+':
        case '-':
            vmc_pic_set_line(&pic, (uint32_t)number, verb == '+');
            break;
        case 'm':
            wr(VMC_PIC_MASK, 4, 0xffffffff);
            break;
        case 'u':
            wr(VMC_PIC_MASK, 4, 0);
            break;
        case 'e':
            wr(VMC_PIC_EDGE, 4, number);
            break;
        case 'c':
            wr(VMC_PIC_CLEAR, 4, number);
            break;
        default:
            wr(VMC_PIC_POLARITY, 4, number);
            break;
        }
    }
}

static const struct {
    const char *what, *script;
    uint64_t raised[KINDS], irr[KINDS], isr[KINDS];
} rows[] = {
    {"a level follows", "u +3", {8, 8, 8}, {8, 8, 8}, {8, 8, 8}},
    {"and falls", "u +3 -3", {0, 0, 0}, {0, 0, 0}, {0, 0, 0}},
    {"masked waits", "+3", {0, 0, 0}, {8, 8, 8}, {0, 0, 0}},
    {"masked and gone", "+3 -3 u", {0, 0, 0}, {0, 0, 0}, {0, 0, 0}},
    {"masking does not lower", "u +3 m", {8, 8, 8}, {8, 8, 8}, {8, 8, 8}},
    {"a fall passes the mask", "u +3 m -3", {0, 0, 0}, {0, 0, 0}, {0, 0, 0}},
    {"D18 unmask two",
     "+2 +5 u",
     {4, 0x24, 0x24},
     {0x24, 0x24, 0x24},
     {4, 0x24, 0x24}},
    {"an edge stays", "e8 u +3 -3", {8, 8, 8}, {8, 8, 8}, {8, 8, 8}},
    {"an edge waits for its mask",
     "e8 +3 -3 u",
     {8, 8, 8},
     {8, 8, 8},
     {8, 8, 8}},
    {"INT_CLEAR takes it", "e8 u +3 c8", {0, 0, 0}, {0, 0, 0}, {0, 0, 0}},
    {"D19 high again is no edge",
     "e8 u +3 c8 +3",
     {0, 8, 0},
     {0, 8, 0},
     {0, 8, 0}},
    {"a second edge", "e8 u +3 c8 -3 +3", {8, 8, 8}, {8, 8, 8}, {8, 8, 8}},
    {"INT_CLEAR of a level", "u +3 c8", {8, 8, 8}, {8, 8, 8}, {8, 8, 8}},
    {"D18 INT_CLEAR of both", "e4 u +2 +3 cc", {8, 8, 8}, {0, 8, 8}, {0, 8, 8}},
    {"D20 turned while high", "u +3 p8", {8, 8, 0}, {8, 8, 0}, {8, 8, 0}},
    {"D20 turned while low", "u p8", {0, 0, 8}, {0, 0, 8}, {0, 0, 8}},
    {"edges of two pins",
     "e18 u +3 +4 c18 +3 +4",
     {0x10, 0x18, 0},
     {0, 0x18, 0},
     {0, 0x18, 0}},
    {"D20 active low", "p8 u -3", {0, 0, 8}, {0, 0, 8}, {0, 0, 8}},
    {"D20 inactive high", "p8 u +3", {8, 8, 0}, {8, 8, 0}, {8, 8, 0}},
};

START_TEST(events_move_the_vectors_by_the_rules)
{
    for (int kind = 0; kind < KINDS; kind++) {
        start(kind);
        play(rows[_i].script);
        ck_assert_msg(raised == rows[_i].raised[kind] &&
                          pic.state.irr == rows[_i].irr[kind] &&
                          pic.state.isr == rows[_i].isr[kind],
                      "%s, kind %d: vectors %#x irr %#x isr %#x", rows[_i].what,
                      kind, (unsigned)raised, (unsigned)pic.state.irr,
                      (unsigned)pic.state.isr);
    }
}
END_TEST

START_TEST(power_on_values_are_those_of_the_table)
{
    static const uint64_t id[] = {UINT64_C(0x001f000107000000),
                                  UINT64_C(0x001f000107000000),
                                  UINT64_C(0x003f000107000000)};
    static const uint8_t vector_9[] = {0, 9, 9}, vector_40[] = {0, 0x48, 0x48};

    for (int kind = 0; kind < KINDS; kind++) {
        struct vmc_pic_semantics semantics = semantics_of(kind);

        vmc_pic_init(&pic, &semantics, hear, NULL);
        ck_assert_uint_eq(rd(VMC_PIC_ID, 8), id[kind]);
        ck_assert_uint_eq(rd(VMC_PIC_MASK, 8), ~UINT64_C(0));
        ck_assert_uint_eq(rd(VMC_PIC_EDGE, 8), 0);
        ck_assert_uint_eq(rd(VMC_PIC_ROUTE, 8), UINT64_C(0x0101010101010101));
        ck_assert_uint_eq(rd(VMC_PIC_VECTOR + 9, 1), vector_9[kind]); /* D23 */
        ck_assert_uint_eq(rd(VMC_PIC_VECTOR + 40, 1), vector_40[kind]);
    }
}
END_TEST

START_TEST(request_and_status_read_as_each_has_them)
{
    static const uint64_t request[] = {0, 4, 4}, status[] = {0, 4, 4};

    for (int kind = 0; kind < KINDS; kind++) {
        start(kind);
        play("u +2 m");
        ck_assert_uint_eq(rd(VMC_PIC_REQUEST, 8), request[kind]); /* D21 */
        ck_assert_uint_eq(rd(VMC_PIC_STATUS, 8), status[kind]);   /* D22 */
    }
}
END_TEST

START_TEST(the_table_of_vectors_takes_every_size)
{
    start(QEMU);
    wr(VMC_PIC_VECTOR, 8, UINT64_C(0x0807060504030201));
    ck_assert_uint_eq(rd(VMC_PIC_VECTOR + 2, 2), 0x0403);
    wr(VMC_PIC_VECTOR + 0x3c, 8, ~UINT64_C(0)); /* half of it is no table */
    ck_assert_uint_eq(rd(VMC_PIC_VECTOR + 0x3c, 8), 0xffffffff);
}
END_TEST

START_TEST(word_registers_of_qemu_refuse_narrow_accesses)
{
    uint64_t value = 1;

    start(QEMU);
    ck_assert_int_eq(vmc_pic_read(&pic, VMC_PIC_MASK, 2, &value), VMC_E_ACCESS);
    ck_assert_uint_eq(value, 0);
    ck_assert_int_eq(vmc_pic_write(&pic, VMC_PIC_MASK, 1, 0), VMC_E_ACCESS);
    start(KVM);
    wr(VMC_PIC_MASK, 1, 0xf0);
    ck_assert_uint_eq(rd(VMC_PIC_MASK, 8), ~UINT64_C(0x0f));
}
END_TEST

START_TEST(a_vector_from_64_on_would_end_qemu)
{
    start(QEMU);
    wr(VMC_PIC_VECTOR + 1, 1, 64);
    wr(VMC_PIC_VECTOR + 2, 1, 40); /* leads nowhere */
    play("u +1 +2");
    ck_assert_uint_eq(pic.state.fatal_accesses, 1);
    ck_assert_uint_eq(call_count, 0);
    ck_assert_uint_eq(rd(VMC_PIC_STATUS, 4), 6);
}
END_TEST

START_TEST(inputs_that_share_a_vector_are_not_ored)
{
    start(QEMU);
    wr(VMC_PIC_VECTOR + 1, 1, VECTOR_BASE);
    wr(VMC_PIC_VECTOR + 2, 1, VECTOR_BASE);
    play("u +1 +2 -1");
    ck_assert_uint_eq(raised, 0);
    ck_assert_uint_eq(rd(VMC_PIC_STATUS, 4), 4);
}
END_TEST

/* AUTO_CTRL1 and 0 of four pins that may go to both outputs; the pins then
 * found at each output. */
static const struct {
    uint64_t auto1, auto0, output0, output1;
} outputs[] = {
    {0x0, 0x0, 0xf, 0x0}, /* fixed: the first */
    {0x0, 0xf, 0xa, 0x5}, /* in turn */
    {0xf, 0x0, 0x5, 0xa}, /* the one with less to do */
    {0xf, 0xf, 0x0, 0xf}, /* the one with more to do, the second when equal */
};

START_TEST(without_message_enable_the_real_part_uses_its_outputs)
{
    start(HW);
    wr(VMC_PIC_HTMSI_EN, 8, 0);
    wr(VMC_PIC_ROUTE, 4, 0x03030303);
    wr(VMC_PIC_ROUTE + 4, 2, 0x0201);
    wr(VMC_PIC_AUTO0, 8, outputs[_i].auto0);
    wr(VMC_PIC_AUTO1, 8, outputs[_i].auto1);
    ck_assert_uint_eq(rd(VMC_PIC_AUTO0, 8), outputs[_i].auto0);
    play("u +0 +1 +2 +3");
    ck_assert_uint_eq(raised, 0);
    ck_assert_uint_eq(rd(VMC_PIC_OUTPUT0, 8), outputs[_i].output0);
    ck_assert_uint_eq(rd(VMC_PIC_OUTPUT1, 8), outputs[_i].output1);
    play("+4 +5");
    ck_assert_uint_eq(rd(VMC_PIC_OUTPUT0, 8), outputs[_i].output0 | 0x10);
    ck_assert_uint_eq(rd(VMC_PIC_OUTPUT1, 8), outputs[_i].output1 | 0x20);
    play("-0 -1 -2 -3 -4 -5");
    ck_assert_uint_eq(rd(VMC_PIC_OUTPUT0, 8) | rd(VMC_PIC_OUTPUT1, 8), 0);
    ck_assert_uint_eq(call_count, 0);
}
END_TEST

START_TEST(others_have_no_outputs)
{
    start(KVM);
    wr(VMC_PIC_HTMSI_EN, 8, 0);
    wr(VMC_PIC_AUTO0, 8, ~UINT64_C(0));
    wr(VMC_PIC_AUTO1, 8, ~UINT64_C(0));
    play("u +1");
    ck_assert_uint_eq(raised, 2);
    ck_assert_uint_eq(rd(VMC_PIC_AUTO0, 8) | rd(VMC_PIC_AUTO1, 8), 0);
    ck_assert_uint_eq(rd(VMC_PIC_OUTPUT0, 8) | rd(VMC_PIC_OUTPUT1, 8), 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("pch_pic");
    TCase *c = tcase_create("pch_pic");

    suite_add_tcase(s, c);
    tcase_add_loop_test(c, events_move_the_vectors_by_the_rules, 0,
                        VMC_COUNT_OF(rows));
    tcase_add_test(c, power_on_values_are_those_of_the_table);
    tcase_add_test(c, request_and_status_read_as_each_has_them);
    tcase_add_test(c, the_table_of_vectors_takes_every_size);
    tcase_add_test(c, word_registers_of_qemu_refuse_narrow_accesses);
    tcase_add_test(c, a_vector_from_64_on_would_end_qemu);
    tcase_add_test(c, inputs_that_share_a_vector_are_not_ored);
    tcase_add_loop_test(c,
                        without_message_enable_the_real_part_uses_its_outputs,
                        0, VMC_COUNT_OF(outputs));
    tcase_add_test(c, others_have_no_outputs);
    return s;
}
