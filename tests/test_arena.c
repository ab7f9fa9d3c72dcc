/* SPDX-License-Identifier: MIT */
/* Memory of the engine's tables. */
#include "event/arena_priv.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

/* What other tests have left in the heap must not shine through. */
static void soil_heap(size_t bytes)
{
    unsigned char *soiled = malloc(bytes);

    ck_assert_ptr_nonnull(soiled);
    for (size_t i = 0; i < bytes; i++) {
        soiled[i] = 0xa5;
    }
    free(soiled);
}

static void check_arena(size_t count, size_t element_bytes, size_t align_bytes)
{
    size_t bytes = count * element_bytes, used = 0;
    unsigned char *arena;

    soil_heap(bytes + 4096);
    arena = vmc_arena_new(count, element_bytes);
    ck_assert_ptr_nonnull(arena);
    ck_assert_uint_eq((uintptr_t)arena % align_bytes, 0);
    for (size_t i = 0; i < bytes; i++) {
        used += arena[i] != 0;
        arena[i] = 0x5a;
    }
    ck_assert_uint_eq(used, 0);
    vmc_arena_free(arena);
}

START_TEST(is_zero_and_aligned)
{
    static const size_t counts[] = {1, 3, 255, 256, 257, 4096, 20000, 131071};

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        check_arena(counts[i], 1, 256);
        check_arena(counts[i], 12, 256);
    }
}
END_TEST

START_TEST(large_ones_lie_on_huge_pages)
{
    check_arena(2 << 20, 1, 2 << 20);
    check_arena(100003, 48, 2 << 20);
}
END_TEST

START_TEST(many_live_side_by_side)
{
    unsigned char *arenas[20];

    for (size_t i = 0; i < 20; i++) {
        arenas[i] = vmc_arena_new(300 * i + 1, 7);
        ck_assert_ptr_nonnull(arenas[i]);
        memset(arenas[i], (int)i + 1, (300 * i + 1) * 7);
    }
    for (size_t i = 0; i < 20; i++) {
        ck_assert_uint_eq(arenas[i][0], i + 1);
        ck_assert_uint_eq(arenas[i][(300 * i + 1) * 7 - 1], i + 1);
        vmc_arena_free(arenas[i]);
    }
    vmc_arena_free(NULL);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("arena");
    TCase *c = tcase_create("arena");

    suite_add_tcase(s, c);
    tcase_add_test(c, is_zero_and_aligned);
    tcase_add_test(c, large_ones_lie_on_huge_pages);
    tcase_add_test(c, many_live_side_by_side);
    return s;
}
