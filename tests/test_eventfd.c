/* SPDX-License-Identifier: MIT */
/* Descriptors, and what they name: who holds a file, and what it counts. */
#include "ioregion/eventfd.h"

#include <errno.h>

#include "suite.h"

static struct vmc_eventfds *table;

static void set_up(void)
{
    ck_assert_int_eq(vmc_eventfds_new(&table, 4), VMC_OK);
}

static void tear_down(void)
{
    vmc_eventfds_free(table);
}

START_TEST(a_number_leads_to_a_file_of_a_kind)
{
    int fd = vmc_eventfds_open(table, 0);
    int other = vmc_eventfds_open_other(table);
    int copy = vmc_eventfds_dup(table, fd);

    ck_assert_int_eq(fd, 0);
    ck_assert_int_eq(vmc_eventfds_find(table, copy),
                     vmc_eventfds_find(table, fd));
    ck_assert_int_eq(vmc_eventfds_find(table, other), -EINVAL);
    ck_assert_int_eq(vmc_eventfds_find(table, -1), -EBADF);
    ck_assert_int_eq(vmc_eventfds_find(table, 3), -EBADF);
    ck_assert_int_eq(vmc_eventfds_find(table, 4), -EBADF);
    ck_assert_int_eq(vmc_eventfds_dup(table, 3), -EBADF);
    ck_assert_int_eq(vmc_eventfds_close(table, 3), -EBADF);
    ck_assert_int_eq(vmc_eventfds_dup(table, other), 3);
    ck_assert_int_eq(vmc_eventfds_dup(table, other), -EMFILE);
    ck_assert_int_eq(vmc_eventfds_open(table, 0), -EMFILE);
    ck_assert_uint_eq(vmc_eventfds_file_count(table), 2);
}
END_TEST

START_TEST(a_file_lives_while_somebody_holds_it)
{
    int fd = vmc_eventfds_open(table, 5);
    uint32_t file = (uint32_t)vmc_eventfds_find(table, fd);

    vmc_eventfds_get(table, file);
    ck_assert_int_eq(vmc_eventfds_close(table, fd), 0);
    ck_assert_int_eq(vmc_eventfds_find(table, fd), -EBADF);
    ck_assert_uint_eq(vmc_eventfds_file_count(table), 1);
    vmc_eventfds_signal(table, file);
    ck_assert_uint_eq(vmc_eventfds_count(table, file), 6);
    vmc_eventfds_put(table, file);
    ck_assert_uint_eq(vmc_eventfds_file_count(table), 0);
    ck_assert_int_eq(vmc_eventfds_open(table, 0), fd);
    ck_assert_uint_eq(vmc_eventfds_count(table, file), 0);
}
END_TEST

START_TEST(the_kernel_counts_one_further_than_a_process)
{
    int fd = vmc_eventfds_open(table, 0);
    uint32_t file = (uint32_t)vmc_eventfds_find(table, fd);
    uint64_t value = 0;

    ck_assert_int_eq(vmc_eventfds_write(table, fd, UINT64_MAX), -EINVAL);
    ck_assert_int_eq(vmc_eventfds_write(table, fd, UINT64_MAX - 1), 0);
    ck_assert_int_eq(vmc_eventfds_write(table, fd, 1), -EAGAIN);
    vmc_eventfds_signal(table, file);
    ck_assert_uint_eq(vmc_eventfds_count(table, file), UINT64_MAX);
    vmc_eventfds_signal(table, file);
    ck_assert_uint_eq(vmc_eventfds_count(table, file), UINT64_MAX);
    ck_assert_int_eq(vmc_eventfds_read(table, fd, &value), 0);
    ck_assert_uint_eq(value, UINT64_MAX);
    ck_assert_int_eq(vmc_eventfds_read(table, fd, &value), -EAGAIN);
    ck_assert_int_eq(vmc_eventfds_read(table, 3, &value), -EBADF);
    ck_assert_int_eq(vmc_eventfds_write(table, 3, 1), -EBADF);
    ck_assert_int_eq(vmc_eventfds_write(table, fd, 7), 0);
    ck_assert_int_eq(vmc_eventfds_read(table, fd, &value), 0);
    ck_assert_uint_eq(value, 7);
}
END_TEST

START_TEST(all_places_are_used_from_the_first)
{
    int fd = vmc_eventfds_open_other(table);

    ck_assert_int_eq(fd, 0);
    ck_assert_int_eq(vmc_eventfds_find(table, fd), -EINVAL);
    for (int i = 1; i < 4; i++) {
        ck_assert_int_eq(vmc_eventfds_open(table, 0), i);
    }
    ck_assert_int_eq(vmc_eventfds_open(table, 0), -EMFILE);
    ck_assert_int_eq(vmc_eventfds_close(table, 0), 0);
    ck_assert_int_eq(vmc_eventfds_dup(table, 2), 0);
    ck_assert_int_eq(vmc_eventfds_close(table, 2), 0);
    ck_assert_uint_eq(vmc_eventfds_file_count(table), 3);
    ck_assert_int_eq(vmc_eventfds_close(table, 0), 0);
    ck_assert_uint_eq(vmc_eventfds_file_count(table), 2);
}
END_TEST

static void note_file(void *owner, uint32_t file)
{
    *(uint32_t *)owner += 1 + file;
}

START_TEST(a_signal_wakes_even_when_it_adds_nothing)
{
    uint32_t woken = 0;
    uint32_t file = (uint32_t)vmc_eventfds_find(
        table, vmc_eventfds_open(table, UINT64_MAX - 1));

    vmc_eventfds_on_signal(table, note_file, &woken);
    vmc_eventfds_signal(table, file);
    vmc_eventfds_signal(table, file);
    ck_assert_uint_eq(woken, 2 * (1 + file));
}
END_TEST

START_TEST(a_table_has_limits)
{
    struct vmc_eventfds *other;

    ck_assert_int_eq(vmc_eventfds_new(&other, 0), VMC_E_RANGE);
    ck_assert_ptr_null(other);
    ck_assert_int_eq(vmc_eventfds_new(&other, UINT32_MAX), VMC_E_RANGE);
    vmc_eventfds_free(NULL);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("eventfd");
    TCase *c = tcase_create("eventfd");

    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, a_number_leads_to_a_file_of_a_kind);
    tcase_add_test(c, a_file_lives_while_somebody_holds_it);
    tcase_add_test(c, all_places_are_used_from_the_first);
    tcase_add_test(c, the_kernel_counts_one_further_than_a_process);
    tcase_add_test(c, a_signal_wakes_even_when_it_adds_nothing);
    tcase_add_test(c, a_table_has_limits);
    return s;
}
