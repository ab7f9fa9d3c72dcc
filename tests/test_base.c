/* SPDX-License-Identifier: MIT */
/* Status names, error lines, numbers out of text, and bit helpers. */
#include "base/base.h"

#include <string.h>

#include "base/rng.h"
#include "suite.h"

START_TEST(every_status_has_its_own_name)
{
    static const enum vmc_status all[] = {
        VMC_OK,       VMC_END,     VMC_E_NOMEM,  VMC_E_IO,
        VMC_E_FORMAT, VMC_E_RANGE, VMC_E_ACCESS, VMC_E_USAGE};

    for (size_t i = 0; i < VMC_COUNT_OF(all); i++) {
        ck_assert_str_ne(vmc_status_name(all[i]), "unknown status");
        for (size_t j = 0; j < i; j++) {
            ck_assert_str_ne(vmc_status_name(all[i]), vmc_status_name(all[j]));
        }
    }
    ck_assert_str_eq(vmc_status_name((enum vmc_status)99), "unknown status");
}
END_TEST

START_TEST(fail_writes_the_line_and_hands_the_status_back)
{
    struct vmc_error error = {"untouched"};
    char long_text[2 * VMC_ERROR_BYTES_MAX];

    ck_assert_int_eq(vmc_fail(NULL, VMC_E_IO, "%d", 1), VMC_E_IO);
    ck_assert_int_eq(vmc_fail(&error, VMC_E_RANGE, "f:%d: %s", 7, "no"),
                     VMC_E_RANGE);
    ck_assert_str_eq(error.text, "f:7: no");
    memset(long_text, 'x', sizeof(long_text));
    long_text[sizeof(long_text) - 1] = '\0';
    ck_assert_int_eq(vmc_fail(&error, VMC_E_IO, "%s", long_text), VMC_E_IO);
    ck_assert_uint_eq(strlen(error.text), VMC_ERROR_BYTES_MAX - 1);
}
END_TEST

static const struct {
    const char *text;
    enum vmc_status status;
    uint64_t value;
} numbers[] = {
    {"0", VMC_OK, 0},
    {"18446744073709551615", VMC_OK, UINT64_MAX},
    {"18446744073709551616", VMC_E_RANGE, 0},
    {"99999999999999999999", VMC_E_RANGE, 0},
    {"0x0", VMC_OK, 0},
    {"0XffffFFFFffffFFFF", VMC_OK, UINT64_MAX},
    {"0x10000000000000000", VMC_E_RANGE, 0},
    {"007", VMC_OK, 7},
    {"", VMC_E_FORMAT, 0},
    {"0x", VMC_E_FORMAT, 0},
    {"-1", VMC_E_FORMAT, 0},
    {"+1", VMC_E_FORMAT, 0},
    {" 1", VMC_E_FORMAT, 0},
    {"1 ", VMC_E_FORMAT, 0},
    {"12a", VMC_E_FORMAT, 0},
    {"0xg", VMC_E_FORMAT, 0},
    {"1.5", VMC_E_FORMAT, 0},
};

START_TEST(a_number_is_read_whole_or_not_at_all)
{
    uint64_t value = 42;

    ck_assert_msg(vmc_parse_u64(&value, numbers[_i].text) == numbers[_i].status,
                  "'%s'", numbers[_i].text);
    ck_assert_uint_eq(value, numbers[_i].status == VMC_OK ? numbers[_i].value
                                                          : UINT64_C(42));
}
END_TEST

static const struct {
    const char *text;
    enum vmc_status status;
    uint64_t value;
} sizes[] = {
    {"4096", VMC_OK, 4096},
    {"4K", VMC_OK, 4096},
    {"4k", VMC_OK, 4096},
    {"4KiB", VMC_OK, 4096},
    {"4KB", VMC_OK, 4096},
    {"4B", VMC_OK, 4},
    {"0x10M", VMC_OK, UINT64_C(16) << 20},
    {"8G", VMC_OK, UINT64_C(8) << 30},
    {"16777215T", VMC_OK, UINT64_C(16777215) << 40},
    {"16777216T", VMC_E_RANGE, 0},
    {"K", VMC_E_FORMAT, 0},
    {"", VMC_E_FORMAT, 0},
    {"4Q", VMC_E_FORMAT, 0},
    {"4KK", VMC_E_FORMAT, 0},
    {"4Kib", VMC_E_FORMAT, 0},
    {"4iB", VMC_E_FORMAT, 0},
    {"99999999999999999999K", VMC_E_RANGE, 0},
};

START_TEST(a_size_takes_its_unit)
{
    uint64_t value = 42;

    ck_assert_msg(vmc_parse_size(&value, sizes[_i].text) == sizes[_i].status,
                  "'%s'", sizes[_i].text);
    ck_assert_uint_eq(value, sizes[_i].status == VMC_OK ? sizes[_i].value
                                                        : UINT64_C(42));
}
END_TEST

START_TEST(bit_helpers_agree_with_loops)
{
    struct vmc_rng rng;

    vmc_rng_init(&rng, 1);
    for (int i = 0; i < 2000; i++) {
        uint64_t bits = vmc_rng_next(&rng) >> (i % 64) | 1;
        uint64_t divisor = (vmc_rng_next(&rng) >> (i % 60)) + 1;
        unsigned top = 63, low = 0;
        uint64_t power = 1;

        bits <<= i % 7;
        bits += bits == 0;
        while ((bits >> top & 1) == 0) {
            top--;
        }
        while ((bits >> low & 1) == 0) {
            low++;
        }
        ck_assert_uint_eq(vmc_bits_top(bits), top);
        ck_assert_uint_eq(vmc_bits_low(bits), low);
        ck_assert_uint_eq(vmc_div_up(bits, divisor),
                          (uint64_t)(((vmc_u128)bits + divisor - 1) / divisor));
        if (bits <= UINT64_C(1) << 63) {
            while (power < bits) {
                power *= 2;
            }
            ck_assert_uint_eq(vmc_round_up_pow2(bits), power);
        }
    }
    ck_assert_uint_eq(vmc_round_up_pow2(0), 1);
    ck_assert_uint_eq(vmc_div_up(UINT64_MAX, 1), UINT64_MAX);
}
END_TEST

START_TEST(a_struct_is_found_from_its_member)
{
    struct outer {
        char before;
        int inner;
    } outer;

    ck_assert_ptr_eq(VMC_CONTAINER_OF(&outer.inner, struct outer, inner),
                     &outer);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("base");
    TCase *c = tcase_create("base");

    suite_add_tcase(s, c);
    tcase_add_test(c, every_status_has_its_own_name);
    tcase_add_test(c, fail_writes_the_line_and_hands_the_status_back);
    tcase_add_loop_test(c, a_number_is_read_whole_or_not_at_all, 0,
                        (int)VMC_COUNT_OF(numbers));
    tcase_add_loop_test(c, a_size_takes_its_unit, 0, (int)VMC_COUNT_OF(sizes));
    tcase_add_test(c, bit_helpers_agree_with_loops);
    tcase_add_test(c, a_struct_is_found_from_its_member);
    return s;
}
