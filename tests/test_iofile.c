/* SPDX-License-Identifier: MIT */
/* Descriptors, files, and who holds them. */
#include "ioregion/iofile.h"

#include <errno.h>

#include "suite.h"

static struct vmc_iofiles files;
static struct vmc_socket pair;

START_TEST(a_file_lives_while_it_is_held)
{
    int fd, other, file;

    vmc_iofiles_init(&files);
    vmc_socket_init(&pair, VMC_SOCKET_STREAM);
    fd = vmc_iofile_open_socket(&files, &pair);
    file = vmc_iofile_find(&files, fd);
    other = vmc_iofile_dup(&files, fd);
    ck_assert_int_eq(vmc_iofile_find(&files, other), file);
    ck_assert_int_eq(vmc_iofile_set_nonblocking(&files, other, true), 0);
    ck_assert(pair.is_nonblocking[VMC_SOCKET_KERNEL]);
    vmc_iofile_get(&files, file);
    ck_assert_int_eq(vmc_iofile_close(&files, fd), 0);
    ck_assert_int_eq(vmc_iofile_close(&files, fd), -EBADF);
    ck_assert_int_eq(vmc_iofile_close(&files, other), 0);
    ck_assert_int_eq(vmc_iofile_find(&files, fd), -EBADF);
    ck_assert(!vmc_socket_is_readable(&pair, VMC_SOCKET_DEVICE));
    ck_assert_uint_eq(vmc_iofiles_held_count(&files), 1);
    vmc_iofile_put(&files, file);
    ck_assert(vmc_socket_is_readable(&pair, VMC_SOCKET_DEVICE)); /* its end */
    ck_assert_uint_eq(files.underflow_count, 0);
    vmc_iofile_put(&files, file);
    ck_assert_uint_eq(files.underflow_count, 1);
    vmc_iofile_put(&files, -1);
    ck_assert_uint_eq(files.underflow_count, 1);
}
END_TEST

START_TEST(numbers_run_out_and_come_back)
{
    int fd, last = 0;

    vmc_iofiles_init(&files);
    vmc_socket_init(&pair, VMC_SOCKET_STREAM);
    fd = vmc_iofile_open_socket(&files, &pair);
    ck_assert_int_eq(fd, 0);
    while ((fd = vmc_iofile_dup(&files, 0)) >= 0) {
        last = fd;
    }
    ck_assert_int_eq(fd, -EMFILE);
    ck_assert_int_eq(last, VMC_IOFILE_FDS_MAX - 1);
    ck_assert_int_eq(vmc_iofile_close(&files, 7), 0);
    ck_assert_int_eq(vmc_iofile_dup(&files, 0), 7);
    ck_assert_int_eq(vmc_iofile_dup(&files, -1), -EBADF);
    ck_assert_int_eq(vmc_iofile_dup(&files, VMC_IOFILE_FDS_MAX), -EBADF);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("iofile");
    TCase *c = tcase_create("iofile");

    tcase_add_test(c, a_file_lives_while_it_is_held);
    tcase_add_test(c, numbers_run_out_and_come_back);
    suite_add_tcase(s, c);
    return s;
}
