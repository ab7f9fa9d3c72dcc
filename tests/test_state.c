/* SPDX-License-Identifier: MIT */
/* A machine's state as bytes: save, load, hash. */
#include "device/state.h"

#include <string.h>

#include "suite.h"

enum { SIGABRT_NUMBER = 6 };

static uint64_t counter;
static struct {
    uint32_t enabled, pending;
} block;
static unsigned char flags[3];

static struct vmc_state_map three_parts(void)
{
    struct vmc_state_map map = {0};

    counter = 7;
    block.enabled = 1;
    block.pending = 2;
    memcpy(flags, "abc", 3);
    vmc_state_add(&map, "counter", &counter, sizeof(counter));
    vmc_state_add(&map, "block", &block, sizeof(block));
    vmc_state_add(&map, "flags", flags, sizeof(flags));
    return map;
}

START_TEST(parts_lie_in_the_order_they_were_added)
{
    struct vmc_state_map map = three_parts();
    unsigned char snapshot[19];

    ck_assert_uint_eq(map.part_count, 3);
    ck_assert_uint_eq(map.total_bytes, sizeof(snapshot));
    vmc_state_save(&map, snapshot);
    ck_assert_mem_eq(snapshot, &counter, 8);
    ck_assert_mem_eq(snapshot + 8, &block, 8);
    ck_assert_mem_eq(snapshot + 16, "abc", 3);
}
END_TEST

START_TEST(load_brings_everything_back)
{
    struct vmc_state_map map = three_parts();
    struct vmc_hash128 before = vmc_state_hash(&map);
    struct vmc_hash128 after;
    unsigned char snapshot[19];

    vmc_state_save(&map, snapshot);
    counter++;
    block.pending = 0;
    flags[2] = 'z';
    after = vmc_state_hash(&map);
    ck_assert(before.low != after.low && before.high != after.high);
    vmc_state_load(&map, snapshot);
    ck_assert_uint_eq(counter, 7);
    ck_assert_uint_eq(block.enabled, 1);
    ck_assert_uint_eq(block.pending, 2);
    ck_assert_mem_eq(flags, "abc", 3);
    after = vmc_state_hash(&map);
    ck_assert(before.low == after.low && before.high == after.high);
}
END_TEST

START_TEST(an_archive_brings_everything_back)
{
    struct vmc_state_map map = three_parts();
    struct vmc_archive *saved, *loaded;
    const void *data;
    size_t size_bytes;

    ck_assert_int_eq(vmc_archive_new(&saved), VMC_OK);
    vmc_state_archive(&map, saved);
    data = vmc_archive_data(saved, &size_bytes);
    counter = 0;
    block.enabled = 9;
    flags[0] = 'z';
    ck_assert_int_eq(vmc_archive_open(&loaded, data, size_bytes), VMC_OK);
    vmc_state_archive(&map, loaded);
    ck_assert_int_eq(vmc_archive_status(loaded, NULL), VMC_OK);
    ck_assert_uint_eq(counter, 7);
    ck_assert_uint_eq(block.enabled, 1);
    ck_assert_uint_eq(block.pending, 2);
    ck_assert_mem_eq(flags, "abc", 3);
    vmc_archive_free(loaded);
    vmc_archive_free(saved);
}
END_TEST

/* A byte changed anywhere changes the hash. */
START_TEST(the_hash_sees_every_byte)
{
    struct vmc_state_map map = three_parts();
    struct vmc_hash128 before = vmc_state_hash(&map);

    for (uint32_t i = 0; i < map.part_count; i++) {
        unsigned char *bytes = map.parts[i].data;

        for (size_t j = 0; j < map.parts[i].size_bytes; j++) {
            struct vmc_hash128 changed;

            bytes[j] ^= 1;
            changed = vmc_state_hash(&map);
            bytes[j] ^= 1;
            ck_assert(changed.low != before.low);
            ck_assert(changed.high != before.high);
        }
    }
}
END_TEST

START_TEST(one_part_too_many_is_a_bug)
{
    struct vmc_state_map map = {0};

    for (int i = 0; i <= VMC_STATE_PARTS_MAX; i++) {
        vmc_state_add(&map, "counter", &counter, sizeof(counter));
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("state");
    TCase *c = tcase_create("state");

    suite_add_tcase(s, c);
    tcase_add_test(c, parts_lie_in_the_order_they_were_added);
    tcase_add_test(c, load_brings_everything_back);
    tcase_add_test(c, an_archive_brings_everything_back);
    tcase_add_test(c, the_hash_sees_every_byte);
    tcase_add_test_raise_signal(c, one_part_too_many_is_a_bug, SIGABRT_NUMBER);
    return s;
}
