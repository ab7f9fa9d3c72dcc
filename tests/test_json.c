/* SPDX-License-Identifier: MIT */
/* Results as JSON: numbers keep their value, a histogram its keys. */
#include "stats/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "suite.h"

static void check_dump(json_t *value, const char *expected)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY);

    ck_assert_str_eq(text, expected);
    free(text);
    json_decref(value);
}

START_TEST(numbers_keep_their_value)
{
    check_dump(vmc_json_u64(0), "0");
    check_dump(vmc_json_u64(INT64_MAX), "9223372036854775807");
    check_dump(vmc_json_u64((uint64_t)INT64_MAX + 1),
               "\"9223372036854775808\"");
    check_dump(vmc_json_u64(UINT64_MAX), "\"18446744073709551615\"");
    check_dump(vmc_json_hex(0), "\"0x0000000000000000\"");
    check_dump(vmc_json_hex(UINT64_C(0xfedcba9876543210)),
               "\"0xfedcba9876543210\"");
}
END_TEST

START_TEST(a_histogram_has_its_eight_keys_in_order)
{
    static struct vmc_hist hist;

    for (uint64_t value = 1; value <= 100; value++) {
        vmc_hist_add(&hist, value);
    }
    check_dump(vmc_json_hist(&hist),
               "{\"count\": 100, \"min\": 1, \"p50\": 50, \"p90\": 90, "
               "\"p99\": 99, \"p999\": 100, \"max\": 100, \"mean\": 51}");
}
END_TEST

START_TEST(a_file_is_indented_and_closes_with_a_newline)
{
    char folder[] = P_tmpdir "/vmcycle-test-XXXXXX";
    char path[64], text[64] = "";
    struct vmc_error error = {""};
    json_t *root = json_object();
    FILE *file;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/a.json", folder);
    json_object_set_new(root, "z", vmc_json_u64(1));
    json_object_set_new(root, "a", json_real(0.5));
    ck_assert_int_eq(vmc_json_write(root, path, &error), VMC_OK);
    file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_gt(fread(text, 1, sizeof(text) - 1, file), 0);
    (void)fclose(file);
    ck_assert_str_eq(text, "{\n  \"z\": 1,\n  \"a\": 0.5\n}\n");
    (void)remove(path);
    (void)rmdir(folder);
    json_decref(root);
}
END_TEST

START_TEST(a_file_that_cannot_be_written_is_said)
{
    struct vmc_error error = {""};
    json_t *root = json_object();

    ck_assert_int_eq(vmc_json_write(root, "/nowhere/at/all.json", &error),
                     VMC_E_IO);
    ck_assert_ptr_nonnull(strstr(error.text, "/nowhere/at/all.json"));
    json_decref(root);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("json");
    TCase *c = tcase_create("json");

    suite_add_tcase(s, c);
    tcase_add_test(c, numbers_keep_their_value);
    tcase_add_test(c, a_histogram_has_its_eight_keys_in_order);
    tcase_add_test(c, a_file_is_indented_and_closes_with_a_newline);
    tcase_add_test(c, a_file_that_cannot_be_written_is_said);
    return s;
}
