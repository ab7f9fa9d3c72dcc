/* SPDX-License-Identifier: MIT */
/**
 * archive_rig.h - state carried from one object to another by an archive, as a
 * checkpoint does it from one process to another.
 */
#ifndef VMC_TESTS_ARCHIVE_RIG_H
#define VMC_TESTS_ARCHIVE_RIG_H

#include <check.h>

#include "base/archive.h"

/**
 * Save @from by @function, and load that into @into, which was made alike. Both
 * are what @function takes first.
 */
#define ARCHIVE_CARRY(function, from, into)                                    \
    do {                                                                       \
        struct vmc_archive *saved_, *loaded_;                                  \
        struct vmc_error error_ = {""};                                        \
        size_t size_bytes_;                                                    \
        const void *data_;                                                     \
                                                                               \
        ck_assert_int_eq(vmc_archive_new(&saved_), VMC_OK);                    \
        function(from, saved_);                                                \
        ck_assert_int_eq(vmc_archive_status(saved_, NULL), VMC_OK);            \
        data_ = vmc_archive_data(saved_, &size_bytes_);                        \
        ck_assert_int_eq(vmc_archive_open(&loaded_, data_, size_bytes_),       \
                         VMC_OK);                                              \
        function(into, loaded_);                                               \
        ck_assert_msg(vmc_archive_status(loaded_, &error_) == VMC_OK, "%s",    \
                      error_.text);                                            \
        vmc_archive_free(loaded_);                                             \
        vmc_archive_free(saved_);                                              \
    } while (0)

/** Save @from and load it into @into, which does not fit: with @line. */
#define ARCHIVE_REFUSE(function, from, into, line)                             \
    do {                                                                       \
        struct vmc_archive *saved_, *loaded_;                                  \
        struct vmc_error error_ = {""};                                        \
        size_t size_bytes_;                                                    \
        const void *data_;                                                     \
                                                                               \
        ck_assert_int_eq(vmc_archive_new(&saved_), VMC_OK);                    \
        function(from, saved_);                                                \
        data_ = vmc_archive_data(saved_, &size_bytes_);                        \
        ck_assert_int_eq(vmc_archive_open(&loaded_, data_, size_bytes_),       \
                         VMC_OK);                                              \
        function(into, loaded_);                                               \
        ck_assert_int_eq(vmc_archive_status(loaded_, &error_), VMC_E_FORMAT);  \
        ck_assert_msg(strstr(error_.text, line) != NULL, "%s", error_.text);   \
        vmc_archive_free(loaded_);                                             \
        vmc_archive_free(saved_);                                              \
    } while (0)

#endif
