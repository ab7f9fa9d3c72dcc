/* SPDX-License-Identifier: MIT */
/* Files that appear whole or not at all. */
#include "stats/outfile.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive_rig.h"
#include "suite.h"

static char folder[] = P_tmpdir "/vmcycle-test-XXXXXX";
static char path[64], part_path[64];

static void set_up(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/rows", folder);
    (void)snprintf(part_path, sizeof(part_path), "%s/rows.part", folder);
}

static void tear_down(void)
{
    (void)remove(path);
    (void)remove(part_path);
    ck_assert_int_eq(rmdir(folder), 0);
}

static bool exists(const char *name)
{
    return access(name, F_OK) == 0;
}

static void check_content(const char *expected)
{
    char text[32] = "";
    FILE *file = fopen(path, "r");

    ck_assert_ptr_nonnull(file);
    (void)fread(text, 1, sizeof(text) - 1, file);
    (void)fclose(file);
    ck_assert_str_eq(text, expected);
}

static void write_rows(const char *text)
{
    struct vmc_outfile *out;
    struct vmc_error error;

    ck_assert_int_eq(vmc_outfile_open(&out, path, &error), VMC_OK);
    (void)fputs(text, vmc_outfile_stream(out));
    ck_assert_int_eq(vmc_outfile_commit(out, &error), VMC_OK);
}

START_TEST(a_file_gets_its_name_on_commit)
{
    struct vmc_outfile *out;
    struct vmc_error error;

    ck_assert_int_eq(vmc_outfile_open(&out, path, &error), VMC_OK);
    (void)fputs("row\n", vmc_outfile_stream(out));
    ck_assert(!exists(path) && exists(part_path));
    ck_assert_int_eq(vmc_outfile_commit(out, &error), VMC_OK);
    ck_assert(exists(path) && !exists(part_path));
    check_content("row\n");
}
END_TEST

START_TEST(what_is_abandoned_leaves_the_old_file)
{
    struct vmc_outfile *out;
    struct vmc_error error;

    write_rows("old\n");
    ck_assert_int_eq(vmc_outfile_open(&out, path, &error), VMC_OK);
    (void)fputs("new\n", vmc_outfile_stream(out));
    vmc_outfile_abandon(out);
    vmc_outfile_abandon(NULL);
    ck_assert(!exists(part_path));
    check_content("old\n");
    write_rows("new\n");
    check_content("new\n");
}
END_TEST

START_TEST(a_missing_folder_is_said)
{
    struct vmc_outfile *out;
    struct vmc_error error = {""};

    ck_assert_int_eq(vmc_outfile_open(&out, "/nowhere/at/all", &error),
                     VMC_E_IO);
    ck_assert_ptr_null(out);
    ck_assert_ptr_nonnull(strstr(error.text, "/nowhere/at/all: cannot open"));
}
END_TEST

START_TEST(a_name_that_is_a_folder_is_said_and_nothing_stays)
{
    struct vmc_outfile *out;
    struct vmc_error error = {""};

    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert_int_eq(vmc_outfile_open(&out, path, &error), VMC_OK);
    ck_assert_int_eq(vmc_outfile_commit(out, &error), VMC_E_IO);
    ck_assert_ptr_nonnull(strstr(error.text, "cannot write"));
    ck_assert(!exists(part_path));
}
END_TEST

START_TEST(standard_output_is_written_directly)
{
    struct vmc_outfile *out;
    struct vmc_error error = {""};

    ck_assert_ptr_nonnull(freopen(path, "w", stdout));
    ck_assert_int_eq(vmc_outfile_open(&out, "-", &error), VMC_OK);
    (void)fputs("row\n", vmc_outfile_stream(out));
    ck_assert_int_eq(vmc_outfile_commit(out, &error), VMC_OK);
    check_content("row\n");
    ck_assert_int_eq(vmc_outfile_open(&out, "-", &error), VMC_OK);
    vmc_outfile_abandon(out);
    ck_assert_int_ge(fputs("more\n", stdout), 0); /* still open */
}
END_TEST

START_TEST(a_full_device_is_said)
{
    struct vmc_outfile *out;
    struct vmc_error error = {""};

    ck_assert_ptr_nonnull(freopen("/dev/full", "w", stdout));
    ck_assert_int_eq(vmc_outfile_open(&out, "-", &error), VMC_OK);
    (void)fputs("row\n", vmc_outfile_stream(out));
    ck_assert_int_eq(vmc_outfile_commit(out, &error), VMC_E_IO);
    ck_assert_ptr_nonnull(strstr(error.text, "standard output"));
}
END_TEST

/* Written in two processes, as it were, the second of which had begun with
 * something else. */
START_TEST(an_archived_file_is_gone_on_with)
{
    static const char *const begun[] = {"", "a longer beginning than that"};
    struct vmc_outfile *first, *second;
    struct vmc_error error;
    char other_path[80];

    (void)snprintf(other_path, sizeof(other_path), "%s.first", path);
    ck_assert_int_eq(vmc_outfile_open(&first, other_path, &error), VMC_OK);
    ck_assert_int_eq(vmc_outfile_open(&second, path, &error), VMC_OK);
    (void)fputs("one\n", vmc_outfile_stream(first));
    (void)fputs(begun[_i], vmc_outfile_stream(second));
    ARCHIVE_CARRY(vmc_outfile_archive, first, second);
    (void)fputs("two\n", vmc_outfile_stream(first));
    (void)fputs("2\n", vmc_outfile_stream(second));
    ARCHIVE_CARRY(vmc_outfile_archive, second, second);
    (void)fputs("3\n", vmc_outfile_stream(second));
    ck_assert_int_eq(vmc_outfile_commit(second, &error), VMC_OK);
    check_content("one\n2\n3\n");
    ck_assert_int_eq(vmc_outfile_commit(first, &error), VMC_OK);
    ck_assert_int_eq(rename(other_path, path), 0);
    check_content("one\ntwo\n");
}
END_TEST

START_TEST(what_cannot_be_read_back_is_not_archived)
{
    struct vmc_outfile *out;
    struct vmc_archive *archive;
    struct vmc_error error = {""};

    ck_assert_int_eq(
        vmc_outfile_open(&out, _i == 0 ? "-" : "/dev/null", &error), VMC_OK);
    ck_assert_int_eq(vmc_archive_new(&archive), VMC_OK);
    vmc_outfile_archive(out, archive);
    ck_assert_int_eq(vmc_archive_status(archive, &error), VMC_E_USAGE);
    ck_assert_ptr_nonnull(strstr(error.text, "cannot be part of a checkpoint"));
    vmc_archive_free(archive);
    vmc_outfile_abandon(out);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("outfile");
    TCase *c = tcase_create("outfile");

    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, a_file_gets_its_name_on_commit);
    tcase_add_test(c, what_is_abandoned_leaves_the_old_file);
    tcase_add_test(c, a_missing_folder_is_said);
    tcase_add_test(c, a_name_that_is_a_folder_is_said_and_nothing_stays);
    tcase_add_test(c, standard_output_is_written_directly);
    tcase_add_test(c, a_full_device_is_said);
    tcase_add_loop_test(c, an_archived_file_is_gone_on_with, 0, 2);
    tcase_add_loop_test(c, what_cannot_be_read_back_is_not_archived, 0, 2);
    return s;
}
