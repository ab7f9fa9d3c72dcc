/* SPDX-License-Identifier: MIT */
/* Checksums against published values, hashes against collisions. */
#include "base/hash.h"

#include <string.h>

#include "base/base.h"
#include "base/rng.h"
#include "suite.h"

/* RFC 3720 appendix B.4, and the usual check value of "123456789". */
START_TEST(crc32c_gives_the_published_values)
{
    unsigned char bytes[32];

    ck_assert_uint_eq(vmc_crc32c(0, "", 0), 0);
    ck_assert_uint_eq(vmc_crc32c(0, "123456789", 9), 0xe3069283);
    memset(bytes, 0, sizeof(bytes));
    ck_assert_uint_eq(vmc_crc32c(0, bytes, sizeof(bytes)), 0x8a9136aa);
    memset(bytes, 0xff, sizeof(bytes));
    ck_assert_uint_eq(vmc_crc32c(0, bytes, sizeof(bytes)), 0x62a8ab43);
    for (unsigned char i = 0; i < 32; i++) {
        bytes[i] = i;
    }
    ck_assert_uint_eq(vmc_crc32c(0, bytes, sizeof(bytes)), 0x46dd794e);
    for (unsigned char i = 0; i < 32; i++) {
        bytes[i] = (unsigned char)(31 - i);
    }
    ck_assert_uint_eq(vmc_crc32c(0, bytes, sizeof(bytes)), 0x113fdb5c);
}
END_TEST

/* The definition: one bit at a time, reflected polynomial. */
static uint32_t slow_crc(const unsigned char *at, size_t size_bytes)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < 8 * size_bytes; i++) {
        uint32_t bit = (crc ^ (uint32_t)at[i / 8] >> (i % 8)) & 1;

        crc = crc >> 1 ^ (bit != 0 ? UINT32_C(0x82f63b78) : 0);
    }
    return ~crc;
}

START_TEST(crc32c_goes_on_where_it_stopped)
{
    unsigned char bytes[100];
    struct vmc_rng rng;

    vmc_rng_init(&rng, 2);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (unsigned char)vmc_rng_next(&rng);
    }
    for (size_t size = 0; size <= sizeof(bytes); size++) {
        size_t cut = size == 0 ? 0 : vmc_rng_below(&rng, size);
        uint32_t first = vmc_crc32c(0, bytes, cut);

        ck_assert_uint_eq(vmc_crc32c(0, bytes, size), slow_crc(bytes, size));
        ck_assert_uint_eq(vmc_crc32c_plain(0, bytes, size),
                          slow_crc(bytes, size));
        ck_assert_uint_eq(vmc_crc32c(first, bytes + cut, size - cut),
                          slow_crc(bytes, size));
    }
}
END_TEST

/* Every prefix and every single-bit change of a text has its own hash, in
 * each half alone. */
START_TEST(hash128_tells_lengths_and_single_bits_apart)
{
    enum { BYTES = 40, HASHES = BYTES + 1 + 8 * BYTES };
    static struct vmc_hash128 seen[HASHES];
    unsigned char bytes[BYTES] = {0};
    uint32_t count = 0;

    for (size_t size = 0; size <= BYTES; size++) {
        seen[count++] = vmc_hash128(bytes, size, 0);
    }
    for (size_t bit = 0; bit < 8 * BYTES; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1U << (bit % 8));
        seen[count++] = vmc_hash128(bytes, BYTES, 0);
        bytes[bit / 8] ^= (unsigned char)(1U << (bit % 8));
    }
    ck_assert_uint_eq(count, HASHES);
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            ck_assert_uint_ne(seen[i].low, seen[j].low);
            ck_assert_uint_ne(seen[i].high, seen[j].high);
        }
    }
}
END_TEST

START_TEST(hash128_depends_on_bytes_and_seed_only)
{
    char here[64] = "the same bytes";
    char there[65] = "?the same bytes";
    struct vmc_hash128 a = vmc_hash128(here, 14, 5);
    struct vmc_hash128 b = vmc_hash128(there + 1, 14, 5);
    struct vmc_hash128 c = vmc_hash128(here, 14, 6);

    ck_assert_uint_eq(a.low, b.low);
    ck_assert_uint_eq(a.high, b.high);
    ck_assert_uint_ne(a.low, c.low);
    ck_assert_uint_ne(a.high, c.high);
}
END_TEST

/* The values of the FNV authors' test suite. */
START_TEST(hash_text_is_fnv_1a)
{
    ck_assert_uint_eq(vmc_hash_text(""), UINT64_C(0xcbf29ce484222325));
    ck_assert_uint_eq(vmc_hash_text("a"), UINT64_C(0xaf63dc4c8601ec8c));
    ck_assert_uint_eq(vmc_hash_text("foobar"), UINT64_C(0x85944171f73967e8));
}
END_TEST

START_TEST(the_order_of_folds_matters)
{
    uint64_t ab = vmc_hash_fold(vmc_hash_fold(0, 1), 2);
    uint64_t ba = vmc_hash_fold(vmc_hash_fold(0, 2), 1);

    ck_assert_uint_ne(ab, ba);
    ck_assert_uint_ne(vmc_hash_fold(ab, 0), ab);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("hash");
    TCase *c = tcase_create("hash");

    suite_add_tcase(s, c);
    tcase_add_test(c, crc32c_gives_the_published_values);
    tcase_add_test(c, crc32c_goes_on_where_it_stopped);
    tcase_add_test(c, hash128_tells_lengths_and_single_bits_apart);
    tcase_add_test(c, hash128_depends_on_bytes_and_seed_only);
    tcase_add_test(c, hash_text_is_fnv_1a);
    tcase_add_test(c, the_order_of_folds_matters);
    return s;
}
