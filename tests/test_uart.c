/* SPDX-License-Identifier: MIT */
/* The UART as a source of level interrupts (observations U1 to U3). */
#include "irqchip/uart.h"

#include "suite.h"

static struct vmc_uart uart;
static char reports[64]; /* one character a report: 1 or 0 */
static size_t report_count;

static void hear(void *sink, uint32_t line, bool level)
{
    (void)sink;
    ck_assert_uint_eq(line, 2);
    ck_assert_uint_lt(report_count, sizeof(reports) - 1);
    reports[report_count++] = level ? '1' : '0';
    reports[report_count] = '\0';
}

static void start(void)
{
    vmc_uart_init(&uart);
    vmc_wire_connect(&uart.line, hear, NULL, 2);
    report_count = 0;
    reports[0] = '\0';
}

START_TEST(power_on_values_are_those_of_the_golden_files)
{
    static const uint8_t values[] = {0, 0, 1, 0, 8, 0x60, 0xb0, 0};

    for (uint32_t i = 0; i < VMC_UART_REGISTERS; i++) {
        ck_assert_uint_eq(vmc_uart_read(&uart, i), values[i]);
    }
}
END_TEST

START_TEST(only_a_changed_enable_bit_is_an_evaluation)
{
    vmc_uart_write(&uart, 1, 2);
    vmc_uart_write(&uart, 1, 2);
    vmc_uart_write(&uart, 1, 0xf2);
    ck_assert_str_eq(reports, "1");
    vmc_uart_write(&uart, 1, 3);
    ck_assert_str_eq(reports, "11");
    vmc_uart_write(&uart, 1, 0);
    ck_assert_str_eq(reports, "110");
}
END_TEST

START_TEST(a_sent_byte_pulses_the_line)
{
    vmc_uart_write(&uart, 1, 2);
    vmc_uart_write(&uart, 0, 0x41);
    ck_assert_str_eq(reports, "101");
}
END_TEST

START_TEST(reading_the_cause_takes_it_back_once)
{
    vmc_uart_write(&uart, 1, 2);
    ck_assert_uint_eq(vmc_uart_read(&uart, 2), 2);
    ck_assert_uint_eq(vmc_uart_read(&uart, 2), 1);
    ck_assert_str_eq(reports, "10");
}
END_TEST

START_TEST(reading_data_reports_the_line_again)
{
    vmc_uart_write(&uart, 1, 2);
    ck_assert_uint_eq(vmc_uart_read(&uart, 0), 0);
    ck_assert_str_eq(reports, "11");
}
END_TEST

START_TEST(plain_registers_store_the_bits_they_have)
{
    vmc_uart_write(&uart, 2, 0x01); /* FIFOs on */
    ck_assert_uint_eq(vmc_uart_read(&uart, 2), 0xc1);
    vmc_uart_write(&uart, 2, 0);
    ck_assert_uint_eq(vmc_uart_read(&uart, 2), 0x01);
    ck_assert_str_eq(reports, "00"); /* each write is an evaluation */
    vmc_uart_write(&uart, 3, 0x80);  /* the divider covers data and IER */
    vmc_uart_write(&uart, 0, 0x12);
    vmc_uart_write(&uart, 1, 0x34);
    ck_assert_uint_eq(vmc_uart_read(&uart, 0), 0x12);
    ck_assert_uint_eq(vmc_uart_read(&uart, 1), 0x34);
    vmc_uart_write(&uart, 3, 0x03);
    ck_assert_uint_eq(vmc_uart_read(&uart, 3), 0x03);
    ck_assert_uint_eq(vmc_uart_read(&uart, 1), 0);
    vmc_uart_write(&uart, 4, 0xff);
    ck_assert_uint_eq(vmc_uart_read(&uart, 4), 0x1f);
    vmc_uart_write(&uart, 5, 0);
    ck_assert_uint_eq(vmc_uart_read(&uart, 5), 0x60);
    vmc_uart_write(&uart, 7, 0xa7);
    ck_assert_uint_eq(vmc_uart_read(&uart, 7), 0xa7);
}
END_TEST

START_TEST(a_reset_lowers_the_line)
{
    vmc_uart_write(&uart, 1, 2);
    vmc_uart_reset(&uart);
    ck_assert_str_eq(reports, "10");
    ck_assert_uint_eq(vmc_uart_read(&uart, 1), 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("uart");
    TCase *c = tcase_create("uart");

    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, start, NULL);
    tcase_add_test(c, power_on_values_are_those_of_the_golden_files);
    tcase_add_test(c, only_a_changed_enable_bit_is_an_evaluation);
    tcase_add_test(c, a_sent_byte_pulses_the_line);
    tcase_add_test(c, reading_the_cause_takes_it_back_once);
    tcase_add_test(c, reading_data_reports_the_line_again);
    tcase_add_test(c, plain_registers_store_the_bits_they_have);
    tcase_add_test(c, a_reset_lowers_the_line);
    return s;
}
