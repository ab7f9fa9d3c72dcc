/* SPDX-License-Identifier: MIT */
/* Lines of KVM's interrupt controllers: levels, sources, acknowledgements. */
#include "sim/machine/irq_lines.h"

#include <string.h>

#include "suite.h"

static struct irq_lines lines;
static uint64_t now_ns;

static void set_up(void)
{
    memset(&lines, 0, sizeof(lines));
    now_ns = 0;
}

static void set(uint64_t gsi, uint64_t level, uint64_t source)
{
    struct vmc_record record = {.kind = VMC_REC_KVM_SET_IRQ,
                                .time_ns = now_ns += 10,
                                .args = {gsi, level, source}};

    irq_lines_take(&lines, &record, "");
}

static void ack(const char *chip, uint64_t pin)
{
    struct vmc_record record = {
        .kind = VMC_REC_KVM_ACK_IRQ, .time_ns = now_ns += 10, .args = {1, pin}};

    irq_lines_take(&lines, &record, chip);
}

START_TEST(a_raise_is_a_change_from_low_to_high)
{
    const struct irq_line *line = &lines.lines[4];

    set(4, 0, 0);
    set(4, 1, 0);
    set(4, 1, 0);
    set(4, 1, 2); /* already high */
    set(4, 0, 0); /* still held by the other */
    set(4, 1, 0);
    ck_assert_uint_eq(line->raised, 1);
    set(4, 0, 2);
    set(4, 0, 0);
    set(4, 1, 63);
    ck_assert_uint_eq(line->raised, 2);
    ck_assert_uint_eq(line->merged, 1);
    ck_assert_uint_eq(line->set, 9);
}
END_TEST

START_TEST(an_interrupt_waits_from_its_first_raise)
{
    set(0, 1, 2);
    set(0, 0, 2);
    set(0, 1, 2); /* merged */
    set(0, 0, 2);
    ack("PIC master", 0);
    ack("PIC master", 0);
    ck_assert_uint_eq(lines.lines[0].acked, 2);
    ck_assert_uint_eq(lines.lines[0].unasked, 1);
    ck_assert_uint_eq(lines.lines[0].merged, 1);
    ck_assert_uint_eq(lines.wait_ns.count, 1);
    ck_assert_uint_eq(lines.wait_ns.max, 40);
    ck_assert(!lines.lines[0].is_waiting);
}
END_TEST

static const struct {
    const char *chip;
    uint64_t pin, gsi;
} pins[] = {{"PIC master", 3, 3},
            {"PIC slave", 0, 8},
            {"PIC slave", 7, 15},
            {"IOAPIC", 0, 0},
            {"IOAPIC", 23, 23}};

START_TEST(each_chip_has_its_lines)
{
    set(pins[_i].gsi, 1, 0);
    ack(pins[_i].chip, pins[_i].pin);
    ck_assert_uint_eq(lines.lines[pins[_i].gsi].acked, 1);
    ck_assert_uint_eq(lines.lines[pins[_i].gsi].unasked, 0);
}
END_TEST

START_TEST(numbers_out_of_range_are_counted)
{
    set(IRQ_LINES_MAX, 1, 0);
    set(0, 1, IRQ_LINE_SOURCES);
    set(UINT64_MAX, 1, 0);
    ack("PIC slave", IRQ_LINES_MAX - 8);
    ack("IOAPIC", UINT64_MAX);
    ck_assert_uint_eq(lines.beyond, 5);
    set(IRQ_LINES_MAX - 1, 1, IRQ_LINE_SOURCES - 1);
    ack("PIC slave", IRQ_LINES_MAX - 9);
    ck_assert_uint_eq(lines.lines[IRQ_LINES_MAX - 1].acked, 1);
    ck_assert_uint_eq(lines.beyond, 5);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("irq_lines");
    TCase *c = tcase_create("irq_lines");

    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, set_up, NULL);
    tcase_add_test(c, a_raise_is_a_change_from_low_to_high);
    tcase_add_test(c, an_interrupt_waits_from_its_first_raise);
    tcase_add_loop_test(c, each_chip_has_its_lines, 0,
                        sizeof(pins) / sizeof(pins[0]));
    tcase_add_test(c, numbers_out_of_range_are_counted);
    return s;
}
