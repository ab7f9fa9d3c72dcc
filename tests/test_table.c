/* SPDX-License-Identifier: MIT */
/* The table of states against an array that is searched from end to end. */
#include "explore/table.h"

#include "base/rng.h"
#include "suite.h"

enum { HASHES = 6000 };

static struct vmc_hash128 hash_of(uint64_t value)
{
    return vmc_hash128(&value, sizeof(value), 0);
}

START_TEST(numbers_are_given_in_order_and_kept_while_it_grows)
{
    struct vmc_table table = {0};
    uint32_t number;
    bool is_new;

    for (uint32_t i = 0; i < HASHES; i++) {
        ck_assert_uint_eq(vmc_table_find(&table, hash_of(i)), VMC_TABLE_NONE);
        ck_assert_int_eq(vmc_table_add(&table, hash_of(i), &number, &is_new),
                         VMC_OK);
        ck_assert(is_new);
        ck_assert_uint_eq(number, i);
    }
    for (uint32_t i = 0; i < HASHES; i++) {
        ck_assert_uint_eq(vmc_table_find(&table, hash_of(i)), i);
        ck_assert_int_eq(vmc_table_add(&table, hash_of(i), &number, &is_new),
                         VMC_OK);
        ck_assert(!is_new);
        ck_assert_uint_eq(number, i);
    }
    ck_assert_uint_eq(table.count, HASHES);
    vmc_table_fini(&table);
    ck_assert_uint_eq(table.count, 0);
}
END_TEST

/* Hashes that differ in one half only, want one slot, or carry the same bits
 * in it are different ones all the same. */
START_TEST(hashes_that_are_alike_are_told_apart)
{
    static const struct vmc_hash128 alike[] = {
        {0, 0},
        {0, 1},
        {1, 0},
        {1, 1},
        {UINT64_C(1) << 40, 0},
        {UINT64_C(1) << 40, 1},
        {0, UINT64_C(1) << 40},
        {UINT64_MAX, UINT64_MAX},
        {UINT64_MAX, UINT64_MAX - 1},
    };
    struct vmc_table table = {0};
    uint32_t number;
    bool is_new;

    for (uint32_t i = 0; i < VMC_COUNT_OF(alike); i++) {
        ck_assert_int_eq(vmc_table_add(&table, alike[i], &number, &is_new),
                         VMC_OK);
        ck_assert(is_new);
        ck_assert_uint_eq(number, i);
    }
    for (uint32_t i = 0; i < VMC_COUNT_OF(alike); i++) {
        ck_assert_uint_eq(vmc_table_find(&table, alike[i]), i);
    }
    vmc_table_fini(&table);
}
END_TEST

START_TEST(memory_follows_what_was_found)
{
    struct vmc_table table = {0};
    uint32_t number;
    bool is_new;

    ck_assert_uint_eq(vmc_table_bytes(&table), 0);
    for (uint32_t i = 0; i < 100000; i++) {
        ck_assert_int_eq(vmc_table_add(&table, hash_of(i), &number, &is_new),
                         VMC_OK);
        /* 16 to 32 bytes of hashes and 10 to 22 of slots. */
        ck_assert(i < 1024 || vmc_table_bytes(&table) <= 54 * (i + 1));
    }
    vmc_table_fini(&table);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("table");
    TCase *c = tcase_create("table");

    suite_add_tcase(s, c);
    tcase_add_test(c, numbers_are_given_in_order_and_kept_while_it_grows);
    tcase_add_test(c, hashes_that_are_alike_are_told_apart);
    tcase_add_test(c, memory_follows_what_was_found);
    return s;
}
