/* SPDX-License-Identifier: MIT */
/* Checkpoint files: terms, damage, and what is told about them. */
#include "sim/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "suite.h"

enum { BYTES_MAX = 4096 };

static char folder[] = P_tmpdir "/vmcycle-test-XXXXXX";
static char path[64];
static uint64_t numbers[4];

static void set_up(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/1.ckpt", folder);
}

static void tear_down(void)
{
    (void)remove(path);
    ck_assert_int_eq(rmdir(folder), 0);
}

static struct checkpoint_terms some_terms(void)
{
    struct checkpoint_terms terms = {.count = 0};

    checkpoint_add_term(&terms, "command", "replay");
    checkpoint_add_term(&terms, "--set", "%s=%d", "a.b", 5);
    return terms;
}

static void archive_numbers(struct vmc_archive *archive)
{
    vmc_archive_begin(archive, "state");
    vmc_archive_bytes(archive, "numbers", numbers, sizeof(numbers));
    vmc_archive_end(archive);
}

static void write_checkpoint(const struct checkpoint_terms *terms)
{
    struct vmc_archive *archive;
    struct vmc_error error = {""};

    for (uint64_t i = 0; i < 4; i++) {
        numbers[i] = i + 1;
    }
    ck_assert_int_eq(vmc_archive_new(&archive), VMC_OK);
    archive_numbers(archive);
    ck_assert_int_eq(checkpoint_write(path, terms, archive, &error), VMC_OK);
    vmc_archive_free(archive);
    memset(numbers, 0, sizeof(numbers));
}

/* Open, load and close. */
static enum vmc_status read_checkpoint(const struct checkpoint_terms *terms,
                                       struct vmc_error *error)
{
    struct checkpoint *checkpoint;
    enum vmc_status status = checkpoint_open(&checkpoint, path, terms, error);

    if (status == VMC_OK) {
        archive_numbers(checkpoint_body(checkpoint));
        status = checkpoint_check(checkpoint, error);
    } else {
        ck_assert_ptr_null(checkpoint);
    }
    checkpoint_close(checkpoint);
    return status;
}

static size_t read_bytes(unsigned char *bytes)
{
    FILE *file = fopen(path, "rb");
    size_t size_bytes;

    ck_assert_ptr_nonnull(file);
    size_bytes = fread(bytes, 1, BYTES_MAX, file);
    (void)fclose(file);
    ck_assert_uint_lt(size_bytes, BYTES_MAX);
    return size_bytes;
}

static void write_bytes(const unsigned char *bytes, size_t size_bytes)
{
    FILE *file = fopen(path, "wb");

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, size_bytes, file), size_bytes);
    (void)fclose(file);
}

START_TEST(what_is_written_is_read)
{
    struct checkpoint_terms terms = some_terms();
    struct vmc_error error = {""};

    write_checkpoint(&terms);
    ck_assert_int_eq(read_checkpoint(&terms, &error), VMC_OK);
    ck_assert_uint_eq(numbers[0], 1);
    ck_assert_uint_eq(numbers[3], 4);
    checkpoint_close(NULL);
}
END_TEST

START_TEST(the_same_state_is_the_same_file)
{
    struct checkpoint_terms terms = some_terms();
    unsigned char first[BYTES_MAX], second[BYTES_MAX];
    size_t size_bytes;

    write_checkpoint(&terms);
    size_bytes = read_bytes(first);
    write_checkpoint(&terms);
    ck_assert_uint_eq(read_bytes(second), size_bytes);
    ck_assert_mem_eq(first, second, size_bytes);
}
END_TEST

/* Each bit of the file, and each length. */
START_TEST(damage_is_noticed_wherever_it_is)
{
    struct checkpoint_terms terms = some_terms();
    unsigned char bytes[BYTES_MAX];
    struct vmc_error error;
    size_t size_bytes;

    write_checkpoint(&terms);
    size_bytes = read_bytes(bytes);
    for (size_t i = 0; i < 8 * size_bytes; i++) {
        bytes[i / 8] ^= (unsigned char)(1 << i % 8);
        write_bytes(bytes, size_bytes);
        bytes[i / 8] ^= (unsigned char)(1 << i % 8);
        error.text[0] = '\0';
        ck_assert_int_eq(read_checkpoint(&terms, &error), VMC_E_FORMAT);
        ck_assert_ptr_nonnull(strstr(error.text, path));
    }
    for (size_t cut = 0; cut < size_bytes; cut++) {
        write_bytes(bytes, cut);
        error.text[0] = '\0';
        ck_assert_int_eq(read_checkpoint(&terms, &error), VMC_E_FORMAT);
        ck_assert_ptr_nonnull(
            strstr(error.text, cut < 8 ? "is no checkpoint" : "is cut short"));
    }
    ck_assert_uint_eq(numbers[0], 0);
}
END_TEST

START_TEST(each_wrong_byte_of_the_head_has_its_line)
{
    static const struct {
        size_t at_bytes;
        const char *line;
    } cases[] = {
        {0, "is no checkpoint"},   {8, "has checkpoint format 3, expected 1"},
        {12, "byte order"},        {16, "bytes, expected"},
        {24, "checksum is wrong"}, {40, "checksum is wrong"},
        {60, "checksum is wrong"},
    };
    struct checkpoint_terms terms = some_terms();
    unsigned char bytes[BYTES_MAX];
    size_t size_bytes;

    write_checkpoint(&terms);
    size_bytes = read_bytes(bytes);
    for (size_t i = 0; i < VMC_COUNT_OF(cases); i++) {
        struct vmc_error error = {""};

        bytes[cases[i].at_bytes] ^= 2;
        write_bytes(bytes, size_bytes);
        bytes[cases[i].at_bytes] ^= 2;
        ck_assert_int_eq(read_checkpoint(&terms, &error), VMC_E_FORMAT);
        ck_assert_msg(strstr(error.text, cases[i].line) != NULL, "%s",
                      error.text);
    }
}
END_TEST

START_TEST(other_terms_are_refused)
{
    static const struct {
        const char *set, *more, *line;
    } cases[] = {
        {"a.b=5", NULL, NULL},
        {"a.b=6", NULL, "--set was 'a.b=5' there and is 'a.b=6' here"},
        {NULL, NULL, "--set was 'a.b=5' there and is not given here"},
        {"a.b=5", "x", "--more was not given there and is 'x' here"},
    };
    struct checkpoint_terms written = some_terms();

    write_checkpoint(&written);
    for (size_t i = 0; i < VMC_COUNT_OF(cases); i++) {
        struct checkpoint_terms terms = {.count = 0};
        struct vmc_error error = {""};

        if (cases[i].more != NULL) {
            checkpoint_add_term(&terms, "--more", "%s", cases[i].more);
        }
        if (cases[i].set != NULL) {
            checkpoint_add_term(&terms, "--set", "%s", cases[i].set);
        }
        checkpoint_add_term(&terms, "command", "replay"); /* in any order */
        ck_assert_int_eq(read_checkpoint(&terms, &error),
                         cases[i].line == NULL ? VMC_OK : VMC_E_FORMAT);
        ck_assert_msg(cases[i].line == NULL ||
                          strstr(error.text, cases[i].line) != NULL,
                      "%s", error.text);
    }
}
END_TEST

/* What is beyond the room of a value counts all the same. */
START_TEST(long_values_are_told_apart)
{
    struct checkpoint_terms terms = {.count = 0};
    char value[2 * CHECKPOINT_VALUE_BYTES];

    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    checkpoint_add_term(&terms, "one", "%s", value);
    checkpoint_add_term(&terms, "same", "%s", value);
    value[sizeof(value) - 2] = 'w';
    checkpoint_add_term(&terms, "other", "%s", value);
    value[CHECKPOINT_VALUE_BYTES - 1] = '\0';
    checkpoint_add_term(&terms, "fits", "%s", value);
    ck_assert_str_eq(terms.terms[0].value, terms.terms[1].value);
    ck_assert_str_ne(terms.terms[0].value, terms.terms[2].value);
    ck_assert_uint_eq(strlen(terms.terms[2].value), CHECKPOINT_VALUE_BYTES - 1);
    ck_assert_str_eq(terms.terms[3].value, value);
}
END_TEST

START_TEST(a_checkpoint_is_known_by_its_beginning)
{
    struct checkpoint_terms terms = some_terms();
    struct checkpoint *checkpoint;
    struct vmc_error error = {""};

    ck_assert(!checkpoint_is(path)); /* not there */
    write_bytes((const unsigned char *)"VMCKPT\r", 7);
    ck_assert(!checkpoint_is(path));
    write_bytes((const unsigned char *)"VMCKPT\n\n", 8);
    ck_assert(!checkpoint_is(path));
    ck_assert(!checkpoint_is(folder));
    write_checkpoint(&terms);
    ck_assert(checkpoint_is(path));
    ck_assert_int_eq(checkpoint_open(&checkpoint, path, NULL, &error), VMC_OK);
    ck_assert_uint_eq(checkpoint_terms(checkpoint)->count, 2);
    ck_assert_str_eq(checkpoint_terms(checkpoint)->terms[1].name, "--set");
    ck_assert_str_eq(checkpoint_terms(checkpoint)->terms[1].value, "a.b=5");
    checkpoint_close(checkpoint);
}
END_TEST

START_TEST(a_body_that_does_not_fit_is_told)
{
    struct checkpoint_terms terms = some_terms();
    struct checkpoint *checkpoint;
    struct vmc_error error = {""};

    write_checkpoint(&terms);
    ck_assert_int_eq(checkpoint_open(&checkpoint, path, &terms, &error),
                     VMC_OK);
    vmc_archive_begin(checkpoint_body(checkpoint), "state");
    vmc_archive_bytes(checkpoint_body(checkpoint), "numbers", numbers, 8);
    vmc_archive_end(checkpoint_body(checkpoint));
    ck_assert_int_eq(checkpoint_check(checkpoint, &error), VMC_E_FORMAT);
    ck_assert_ptr_nonnull(strstr(error.text, path));
    ck_assert_ptr_nonnull(strstr(error.text, "does not fit this run: state: "
                                             "'numbers' has 32 bytes, and 8"));
    checkpoint_close(checkpoint);
}
END_TEST

START_TEST(what_could_not_be_saved_is_not_written)
{
    struct checkpoint_terms terms = some_terms();
    struct vmc_archive *archive;
    struct vmc_error error = {""};

    ck_assert_int_eq(vmc_archive_new(&archive), VMC_OK);
    vmc_archive_fail(archive, VMC_E_USAGE, "not this");
    ck_assert_int_eq(checkpoint_write(path, &terms, archive, &error),
                     VMC_E_USAGE);
    ck_assert_ptr_nonnull(strstr(error.text, "not this"));
    ck_assert_int_ne(access(path, F_OK), 0);
    vmc_archive_free(archive);

    ck_assert_int_eq(vmc_archive_new(&archive), VMC_OK);
    ck_assert_int_eq(
        checkpoint_write("/nowhere/at/all", &terms, archive, &error), VMC_E_IO);
    vmc_archive_free(archive);
    ck_assert_int_eq(read_checkpoint(&terms, &error), VMC_E_IO);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("checkpoint");
    TCase *c = tcase_create("checkpoint");

    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, what_is_written_is_read);
    tcase_add_test(c, the_same_state_is_the_same_file);
    tcase_add_test(c, damage_is_noticed_wherever_it_is);
    tcase_add_test(c, each_wrong_byte_of_the_head_has_its_line);
    tcase_add_test(c, other_terms_are_refused);
    tcase_add_test(c, long_values_are_told_apart);
    tcase_add_test(c, a_checkpoint_is_known_by_its_beginning);
    tcase_add_test(c, a_body_that_does_not_fit_is_told);
    tcase_add_test(c, what_could_not_be_saved_is_not_written);
    return s;
}
