/* SPDX-License-Identifier: MIT */
/* What backs a guest: each way to give memory up and to find it again, against
 * a twin that knows single pages only. */
#include "balloon/host.h"

#include <string.h>

#include "base/rng.h"
#include "suite.h"

enum { PAGES = 4096, FRAMES = PAGES / VMC_FRAME_PAGES };

static struct vmc_host make(uint32_t host_page_bytes, bool has_thp)
{
    struct vmc_host host;

    ck_assert_int_eq(
        vmc_host_init(
            &host, &(struct vmc_host_config){.page_max = PAGES,
                                             .host_page_bytes = host_page_bytes,
                                             .has_thp = has_thp}),
        VMC_OK);
    return host;
}

static void audit(const struct vmc_host *host)
{
    struct vmc_error error = {""};

    ck_assert_msg(vmc_host_audit(host, &error) == VMC_OK, "%s", error.text);
}

START_TEST(a_page_out_of_a_huge_page_splits_it_for_good)
{
    struct vmc_host host = make(4096, true);
    struct vmc_host_effect effect = {0};

    vmc_host_touch(&host, 0, 1, &effect);
    ck_assert_uint_eq(effect.faults_huge, 1);
    ck_assert_uint_eq(vmc_host_backed_bytes(&host), 2 << 20);
    vmc_host_discard_singly(&host, 7, 1, &effect);
    ck_assert_uint_eq(effect.splits, 1);
    ck_assert_uint_eq(effect.entries_huge, 1);
    ck_assert_uint_eq(effect.flushes, 0); /* no 4 KiB entry was there */
    ck_assert_uint_eq(effect.zapped_small, 1);
    ck_assert(!vmc_host_is_present(&host, 7) && vmc_host_is_present(&host, 8));
    ck_assert(!vmc_host_is_mapped(&host, 8));
    vmc_host_discard_singly(&host, 0, 512, &effect);
    ck_assert_uint_eq(effect.splits, 1);
    ck_assert_uint_eq(effect.zapped_small, 512);
    ck_assert_uint_eq(vmc_host_backed_bytes(&host), 0);
    vmc_host_touch(&host, 0, 512, &effect);
    ck_assert_uint_eq(effect.faults_huge, 1); /* the table has stayed */
    ck_assert_uint_eq(effect.faults_small, 512);
    ck_assert_uint_eq(vmc_host_huge_bytes(&host), 0);
    audit(&host);
    vmc_host_fini(&host);
}
END_TEST

START_TEST(a_whole_huge_page_goes_with_its_table_and_comes_back)
{
    struct vmc_host host = make(4096, true);
    struct vmc_host_effect effect = {0};

    vmc_host_touch(&host, 0, PAGES, &effect);
    vmc_host_discard(&host, 512, 512, &effect);
    ck_assert_uint_eq(effect.huge, 1);
    vmc_host_discard(&host, 1024, 1024, &effect);
    ck_assert_uint_eq(effect.huge_bulk, 2);
    ck_assert_uint_eq(effect.tables_freed, 3);
    ck_assert_uint_eq(effect.splits, 0);
    vmc_host_touch(&host, 600, 1, &effect);
    ck_assert_uint_eq(effect.faults_huge, FRAMES + 1);
    audit(&host);
    vmc_host_fini(&host);
}
END_TEST

START_TEST(a_call_that_misses_a_page_of_a_huge_page_splits_it)
{
    struct vmc_host host = make(4096, true);
    struct vmc_host_effect effect = {0};

    vmc_host_touch(&host, 0, PAGES, &effect);
    vmc_host_discard(&host, 1, 1022, &effect);
    ck_assert_uint_eq(effect.splits, 2);
    ck_assert_uint_eq(effect.huge + effect.huge_bulk, 0);
    ck_assert(vmc_host_is_present(&host, 0));
    ck_assert(vmc_host_is_present(&host, 1023));
    ck_assert_uint_eq(effect.pages_freed, 1022);
    audit(&host);
    vmc_host_fini(&host);
}
END_TEST

START_TEST(stage_2_is_flushed_once_a_call)
{
    struct vmc_host host = make(4096, false);
    struct vmc_host_effect singly = {0}, once = {0}, ignored = {0};

    vmc_host_touch(&host, 0, 1024, &ignored);
    vmc_host_discard_singly(&host, 0, 512, &singly);
    vmc_host_discard(&host, 512, 512, &once);
    ck_assert_uint_eq(singly.flushes, 512);
    ck_assert_uint_eq(singly.calls, 512);
    ck_assert_uint_eq(once.flushes, 1);
    ck_assert_uint_eq(once.calls, 1);
    ck_assert_uint_eq(once.zapped_bulk, 512);
    ck_assert_uint_eq(once.entries_small, 512);
    memset(&once, 0, sizeof(once));
    vmc_host_discard(&host, 0, PAGES, &once);
    ck_assert_uint_eq(once.calls, 1);
    ck_assert_uint_eq(once.flushes + once.host_flushes + once.pages_freed, 0);
    vmc_host_fini(&host);
}
END_TEST

START_TEST(a_larger_host_page_goes_when_all_of_it_came_in_a_row)
{
    struct vmc_host host = make(65536, false);
    struct vmc_host_effect effect = {0};
    struct vmc_partial partial = {0};

    vmc_host_touch(&host, 0, 64, &effect);
    for (uint32_t i = 16; i-- > 0;) {
        vmc_host_inflate(&host, &partial, 16 + i, &effect);
        ck_assert_uint_eq(effect.calls, i == 0);
    }
    ck_assert_uint_eq(effect.pages_freed, 16);
    /* A foreign page in between loses what had come. */
    for (uint32_t i = 0; i < 16; i++) {
        vmc_host_inflate(&host, &partial, 32 + i, &effect);
        if (i == 7) {
            vmc_host_inflate(&host, &partial, 0, &effect);
        }
    }
    ck_assert_uint_eq(effect.calls, 1);
    ck_assert_uint_eq(vmc_host_backed_bytes(&host), 48 * 4096);
    vmc_host_discard(&host, 4, 16, &effect);
    ck_assert_uint_eq(effect.refused, 1);
    ck_assert_uint_eq(vmc_host_backed_bytes(&host), 48 * 4096);
    /* One that comes twice counts once. */
    memset(&partial, 0, sizeof(partial));
    for (uint32_t i = 0; i < 16; i++) {
        vmc_host_inflate(&host, &partial, 48 + i / 2, &effect);
    }
    ck_assert_uint_eq(effect.calls, 1);
    audit(&host);
    vmc_host_fini(&host);
}
END_TEST

/* A host page of 16 KiB is four pages, in any order but in a row. */
START_TEST(a_host_page_of_16_kib_goes_with_its_four)
{
    struct vmc_host host = make(16384, false);
    struct vmc_host_effect effect = {0};
    struct vmc_partial partial = {0};
    static const uint32_t order[] = {6, 4, 7, 5};

    vmc_host_touch(&host, 0, 1, &effect);
    ck_assert_uint_eq(vmc_host_backed_bytes(&host), 16384);
    vmc_host_touch(&host, 4, 4, &effect);
    for (uint32_t i = 0; i < 4; i++) {
        vmc_host_inflate(&host, &partial, order[i], &effect);
        ck_assert_uint_eq(effect.calls, i == 3);
    }
    ck_assert_uint_eq(effect.pages_freed, 4);
    ck_assert_uint_eq(vmc_host_backed_bytes(&host), 16384);
    vmc_host_discard(&host, 2, 4, &effect);
    ck_assert_uint_eq(effect.refused, 1);
    audit(&host);
    vmc_host_fini(&host);
}
END_TEST

START_TEST(an_element_of_256_pages_never_frees_a_hugetlb_page)
{
    struct vmc_host host = make(2 << 20, false);
    struct vmc_host_effect effect = {0};

    vmc_host_touch(&host, 0, PAGES, &effect);
    ck_assert_uint_eq(effect.faults_huge, FRAMES);
    for (uint32_t element = 0; element < 16; element++) {
        struct vmc_partial partial = {0};

        for (uint32_t i = 0; i < 256; i++) {
            vmc_host_inflate(&host, &partial, element * 256 + i, &effect);
        }
    }
    ck_assert_uint_eq(effect.calls, 0);
    ck_assert_uint_eq(vmc_host_backed_bytes(&host), PAGES << 12);
    vmc_host_discard(&host, 0, 512, &effect);
    ck_assert_uint_eq(effect.huge, 1);
    audit(&host);
    vmc_host_fini(&host);
}
END_TEST

START_TEST(pinning_backs_everything_and_is_undone_frame_by_frame)
{
    struct vmc_host host = make(4096, true);
    struct vmc_host_effect effect = {0};

    vmc_host_touch(&host, 0, 512, &effect);
    vmc_host_discard_singly(&host, 3, 1, &effect);
    vmc_host_pin(&host, 0, PAGES, &effect);
    ck_assert_uint_eq(effect.pinned, FRAMES);
    ck_assert_uint_eq(effect.faults_small, 1);
    ck_assert_uint_eq(vmc_host_backed_bytes(&host), PAGES << 12);
    audit(&host);
    vmc_host_unpin(&host, 512, 1024, &effect);
    ck_assert_uint_eq(effect.unpinned, 2);
    ck_assert_uint_eq(host.pinned_frames, FRAMES - 2);
    vmc_host_discard(&host, 512, 1024, &effect);
    audit(&host);
    host.frames[0].present[0] = 0; /* a pinned page that is lost */
    ck_assert_int_ne(vmc_host_audit(&host, NULL), VMC_OK);
    vmc_host_fini(&host);
}
END_TEST

START_TEST(an_evicted_frame_is_installed_before_use)
{
    struct vmc_host host = make(4096, true);
    struct vmc_host_effect effect = {0};

    host.frames[2].is_evicted = true;
    vmc_host_touch(&host, 1024, 512, &effect);
    vmc_host_touch(&host, 1024, 512, &effect);
    ck_assert_uint_eq(effect.installs, 1);
    ck_assert_uint_eq(effect.faults_huge, 1);
    vmc_host_fini(&host);
}
END_TEST

/* Ranges against single pages: same backing, same pages freed and found. */
/* The device may reach a frame as soon as the guest has it. */
START_TEST(with_vfio_an_installed_frame_is_whole_and_pinned)
{
    static const bool thp[] = {true, false};
    struct vmc_host host = make(4096, thp[_i]);
    struct vmc_host_effect effect = {0};

    host.config.has_vfio = true;
    host.frames[1].is_evicted = true;
    vmc_host_touch(&host, 512, 1, &effect);
    ck_assert_uint_eq(effect.installs, 1);
    ck_assert_uint_eq(effect.pinned, 1);
    ck_assert_uint_eq(host.pinned_frames, 1);
    ck_assert_uint_eq(vmc_host_backed_bytes(&host), 2 << 20);
    vmc_host_touch(&host, 512, 512, &effect);
    vmc_host_touch(&host, 0, 1, &effect); /* never evicted: as it was */
    ck_assert_uint_eq(effect.pinned, 1);
    audit(&host);
    vmc_host_fini(&host);
}
END_TEST

START_TEST(random_operations_keep_the_books_right)
{
    struct vmc_rng rng;
    struct vmc_host host = make(4096, (_i & 1) != 0);
    struct vmc_host twin = make(4096, (_i & 1) != 0);
    struct vmc_host_effect a = {0}, b = {0};

    vmc_rng_init(&rng, (uint64_t)_i);
    for (uint32_t step = 0; step < 400; step++) {
        uint64_t page = vmc_rng_below(&rng, PAGES);
        uint64_t count = 1 + vmc_rng_below(&rng, PAGES - page);
        uint64_t before = vmc_host_backed_bytes(&host);
        struct vmc_host_effect effect = {0};

        count = vmc_rng_below(&rng, 2) == 0 ? count : 1 + count % 9;
        count = count < PAGES - page ? count : PAGES - page;
        if (vmc_rng_below(&rng, 2) == 0) {
            vmc_host_touch(&host, page, count, &a);
            for (uint64_t i = 0; i < count; i++) {
                vmc_host_touch(&twin, page + i, 1, &b);
                ck_assert(vmc_host_is_mapped(&host, page + i));
            }
        } else {
            vmc_host_discard_singly(&host, page, count, &effect);
            for (uint64_t i = 0; i < count; i++) {
                vmc_host_discard(&twin, page + i, 1, &b);
                ck_assert(!vmc_host_is_present(&host, page + i));
            }
            ck_assert_uint_eq(before - vmc_host_backed_bytes(&host),
                              effect.pages_freed << 12);
            for (size_t i = 0; i < sizeof(a) / sizeof(uint64_t); i++) {
                ((uint64_t *)(void *)&a)[i] += ((uint64_t *)(void *)&effect)[i];
            }
        }
        ck_assert_uint_eq(vmc_host_backed_bytes(&host),
                          vmc_host_backed_bytes(&twin));
        for (uint32_t i = 0; i < FRAMES; i++) {
            ck_assert_int_eq(host.frames[i].backing, twin.frames[i].backing);
            ck_assert_int_eq(host.frames[i].is_mapped,
                             twin.frames[i].is_mapped);
            ck_assert(host.frames[i].backing != VMC_FRAME_TABLE ||
                      memcmp(&host.frames[i], &twin.frames[i],
                             offsetof(struct vmc_frame, backing)) == 0);
        }
        audit(&host);
    }
    ck_assert_mem_eq(&a, &b, sizeof(a));
    vmc_host_fini(&host);
    vmc_host_fini(&twin);
}
END_TEST

START_TEST(only_known_host_pages_are_taken)
{
    static const struct vmc_host_config bad[] = {
        {.page_max = 0, .host_page_bytes = 4096},
        {.page_max = 512, .host_page_bytes = 8192},
        {.page_max = UINT64_C(1) << 33, .host_page_bytes = 4096}};
    struct vmc_host host;

    ck_assert_int_eq(vmc_host_init(&host, &bad[_i]), VMC_E_RANGE);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("host");
    TCase *c = tcase_create("host");

    tcase_set_timeout(c, 60);
    tcase_add_test(c, a_page_out_of_a_huge_page_splits_it_for_good);
    tcase_add_test(c, a_whole_huge_page_goes_with_its_table_and_comes_back);
    tcase_add_test(c, a_call_that_misses_a_page_of_a_huge_page_splits_it);
    tcase_add_test(c, stage_2_is_flushed_once_a_call);
    tcase_add_test(c, a_larger_host_page_goes_when_all_of_it_came_in_a_row);
    tcase_add_test(c, a_host_page_of_16_kib_goes_with_its_four);
    tcase_add_test(c, an_element_of_256_pages_never_frees_a_hugetlb_page);
    tcase_add_test(c, pinning_backs_everything_and_is_undone_frame_by_frame);
    tcase_add_test(c, an_evicted_frame_is_installed_before_use);
    tcase_add_loop_test(c, with_vfio_an_installed_frame_is_whole_and_pinned, 0,
                        2);
    tcase_add_loop_test(c, random_operations_keep_the_books_right, 0, 8);
    tcase_add_loop_test(c, only_known_host_pages_are_taken, 0, 3);
    suite_add_tcase(s, c);
    return s;
}
