/* SPDX-License-Identifier: MIT */
/* State as bytes: what is saved is what is loaded, or nothing is. */
#include "base/archive.h"

#include <stdlib.h>
#include <string.h>

#include "suite.h"

enum { SIGABRT_NUMBER = 6, BYTES_MAX = 4096 };

/* Something with one of each kind of part. */
struct thing {
    uint32_t total;
    uint64_t values[3];
    uint32_t *items;
    uint32_t item_count, item_room;
    char note[8];
};

static void thing_archive(struct thing *thing, struct vmc_archive *archive)
{
    void *items = thing->items;

    vmc_archive_begin(archive, "thing");
    VMC_ARCHIVE(archive, thing->total);
    vmc_archive_begin(archive, "inner");
    vmc_archive_bytes(archive, "values", thing->values, sizeof(thing->values));
    vmc_archive_array(archive, "items", &items, &thing->item_count,
                      &thing->item_room, sizeof(*thing->items));
    thing->items = items;
    vmc_archive_end(archive);
    VMC_ARCHIVE(archive, thing->note);
    vmc_archive_end(archive);
}

static struct thing full_thing(void)
{
    struct thing thing = {.total = 7, .values = {1, 2, 3}, .note = "hello"};

    thing.items = calloc(4, sizeof(uint32_t));
    ck_assert_ptr_nonnull(thing.items);
    thing.item_room = 4;
    thing.item_count = 3;
    for (uint32_t i = 0; i < 3; i++) {
        thing.items[i] = 10 * i;
    }
    return thing;
}

/* The bytes of the full thing; returns how many. */
static size_t save_thing(unsigned char *bytes)
{
    struct thing thing = full_thing();
    struct vmc_archive *archive;
    struct vmc_error error;
    const void *data;
    size_t size_bytes;

    ck_assert_int_eq(vmc_archive_new(&archive), VMC_OK);
    ck_assert(!vmc_archive_is_loading(archive));
    thing_archive(&thing, archive);
    ck_assert_int_eq(vmc_archive_status(archive, &error), VMC_OK);
    data = vmc_archive_data(archive, &size_bytes);
    ck_assert_uint_le(size_bytes, BYTES_MAX);
    memcpy(bytes, data, size_bytes);
    vmc_archive_free(archive);
    free(thing.items);
    return size_bytes;
}

static enum vmc_status load_thing(struct thing *thing, const void *bytes,
                                  size_t size_bytes, struct vmc_error *error)
{
    struct vmc_archive *archive;
    enum vmc_status status;

    ck_assert_int_eq(vmc_archive_open(&archive, bytes, size_bytes), VMC_OK);
    ck_assert(vmc_archive_is_loading(archive));
    thing_archive(thing, archive);
    status = vmc_archive_status(archive, error);
    ck_assert(vmc_archive_is_good(archive) || status != VMC_OK);
    vmc_archive_free(archive);
    return status;
}

START_TEST(what_is_saved_is_what_is_loaded)
{
    unsigned char bytes[BYTES_MAX];
    size_t size_bytes = save_thing(bytes);
    struct thing expected = full_thing();
    struct thing thing = {0};
    struct vmc_error error;

    ck_assert_int_eq(load_thing(&thing, bytes, size_bytes, &error), VMC_OK);
    ck_assert_uint_eq(thing.total, 7);
    ck_assert_mem_eq(thing.values, expected.values, sizeof(thing.values));
    ck_assert_uint_eq(thing.item_count, 3);
    ck_assert_uint_ge(thing.item_room, 3);
    ck_assert_mem_eq(thing.items, expected.items, 3 * sizeof(uint32_t));
    ck_assert_str_eq(thing.note, "hello");
    free(thing.items);
    free(expected.items);
}
END_TEST

START_TEST(room_that_is_there_is_used_and_what_is_behind_is_emptied)
{
    unsigned char bytes[BYTES_MAX];
    size_t size_bytes = save_thing(bytes);
    uint32_t *items = malloc(5 * sizeof(uint32_t));
    struct thing thing = {.items = items, .item_count = 5, .item_room = 5};
    struct vmc_error error;

    memset(items, 0xff, 5 * sizeof(uint32_t));
    ck_assert_int_eq(load_thing(&thing, bytes, size_bytes, &error), VMC_OK);
    ck_assert_ptr_eq(thing.items, items);
    ck_assert_uint_eq(thing.item_room, 5);
    ck_assert_uint_eq(thing.item_count, 3);
    ck_assert_uint_eq(thing.items[2], 20);
    ck_assert_uint_eq(thing.items[3], 0);
    ck_assert_uint_eq(thing.items[4], 0);
    free(items);
}
END_TEST

/* Wherever it is cut, that is said, and no part is half loaded. */
START_TEST(a_cut_is_noticed_everywhere)
{
    unsigned char bytes[BYTES_MAX];
    size_t size_bytes = save_thing(bytes);

    for (size_t cut = 0; cut < size_bytes; cut++) {
        unsigned char *copy = malloc(cut + 1); /* so that ASan sees the end */
        struct thing thing = {0};
        struct vmc_error error = {""};

        memcpy(copy, bytes, cut);
        copy = realloc(copy, cut > 0 ? cut : 1);
        ck_assert_int_eq(load_thing(&thing, copy, cut, &error), VMC_E_FORMAT);
        ck_assert_str_ne(error.text, "");
        ck_assert(thing.total == 0 || thing.total == 7);
        ck_assert(thing.values[0] == 0 || thing.values[2] == 3);
        ck_assert_str_eq(thing.note, ""); /* the last part */
        free(thing.items);
        free(copy);
    }
}
END_TEST

/* Damage of any one byte is noticed, or changes values only: nothing is read
 * or written beyond what there is (for the sanitizers). */
START_TEST(damage_stays_within_the_bytes)
{
    unsigned char bytes[BYTES_MAX];
    size_t size_bytes = save_thing(bytes);

    for (size_t i = 0; i < 8 * size_bytes; i++) {
        unsigned char *copy = malloc(size_bytes);
        struct thing thing = {0};
        struct vmc_error error;

        memcpy(copy, bytes, size_bytes);
        copy[i / 8] ^= (unsigned char)(1 << i % 8);
        (void)load_thing(&thing, copy, size_bytes, &error);
        free(thing.items);
        free(copy);
    }
}
END_TEST

START_TEST(what_is_left_over_is_noticed)
{
    unsigned char bytes[BYTES_MAX];
    size_t size_bytes = save_thing(bytes);
    struct thing thing = {0};
    struct vmc_error error;

    bytes[size_bytes] = 0;
    ck_assert_int_eq(load_thing(&thing, bytes, size_bytes + 1, &error),
                     VMC_E_FORMAT);
    ck_assert_str_eq(error.text, "1 bytes are left over");
    free(thing.items);
}
END_TEST

/* Save one part @name of @size_bytes in section "a/b", load it otherwise. */
static enum vmc_status load_other(const char *name, size_t size_bytes,
                                  const char *other_name,
                                  size_t other_size_bytes,
                                  struct vmc_error *error)
{
    unsigned char part[16] = "sixteen bytes..";
    unsigned char untouched[16] = {0};
    struct vmc_archive *to, *from;
    enum vmc_status status;
    const void *data;
    size_t data_bytes;

    ck_assert_int_eq(vmc_archive_new(&to), VMC_OK);
    vmc_archive_begin(to, "a");
    vmc_archive_begin(to, "b");
    vmc_archive_bytes(to, name, part, size_bytes);
    vmc_archive_end(to);
    vmc_archive_end(to);
    data = vmc_archive_data(to, &data_bytes);
    ck_assert_int_eq(vmc_archive_open(&from, data, data_bytes), VMC_OK);
    memset(part, 0, sizeof(part));
    vmc_archive_begin(from, "a");
    vmc_archive_begin(from, "b");
    vmc_archive_bytes(from, other_name, part, other_size_bytes);
    vmc_archive_end(from);
    vmc_archive_end(from);
    status = vmc_archive_status(from, error);
    if (status != VMC_OK) {
        ck_assert_mem_eq(part, untouched, sizeof(part));
    }
    vmc_archive_free(from);
    vmc_archive_free(to);
    return status;
}

START_TEST(a_part_must_have_its_name_and_its_length)
{
    struct vmc_error error = {""};

    ck_assert_int_eq(load_other("x", 8, "x", 8, &error), VMC_OK);
    ck_assert_int_eq(load_other("x", 8, "y", 8, &error), VMC_E_FORMAT);
    ck_assert_str_eq(error.text, "a/b: has 'x' where 'y' should be");
    ck_assert_int_eq(load_other("x", 8, "xx", 8, &error), VMC_E_FORMAT);
    ck_assert_int_eq(load_other("x", 8, "x", 9, &error), VMC_E_FORMAT);
    ck_assert_str_eq(error.text, "a/b: 'x' has 8 bytes, and 9 here");
    ck_assert_int_eq(load_other("x", 9, "x", 8, &error), VMC_E_FORMAT);
}
END_TEST

START_TEST(a_section_must_be_used_up)
{
    unsigned char part[2] = "a";
    struct vmc_archive *to, *from;
    struct vmc_error error = {""};
    const void *data;
    size_t size_bytes;

    ck_assert_int_eq(vmc_archive_new(&to), VMC_OK);
    vmc_archive_begin(to, "outer");
    vmc_archive_bytes(to, "one", part, 1);
    vmc_archive_bytes(to, "two", part, 1);
    vmc_archive_end(to);
    vmc_archive_bytes(to, "three", part, 1);
    data = vmc_archive_data(to, &size_bytes);
    ck_assert_int_eq(vmc_archive_open(&from, data, size_bytes), VMC_OK);
    vmc_archive_begin(from, "outer");
    vmc_archive_bytes(from, "one", part, 1);
    vmc_archive_end(from);
    ck_assert_int_eq(vmc_archive_status(from, &error), VMC_E_FORMAT);
    ck_assert_str_eq(error.text, "outer: 13 bytes are left over");
    vmc_archive_free(from);

    /* Nor may a part reach over the end of its section. */
    ck_assert_int_eq(vmc_archive_open(&from, data, size_bytes), VMC_OK);
    vmc_archive_begin(from, "outer");
    vmc_archive_bytes(from, "one", part, 1);
    vmc_archive_bytes(from, "two", part, 1);
    vmc_archive_bytes(from, "three", part, 1);
    ck_assert_int_eq(vmc_archive_status(from, &error), VMC_E_FORMAT);
    ck_assert_str_eq(error.text, "outer: it ends where 'three' should be");
    vmc_archive_free(from);
    vmc_archive_free(to);
}
END_TEST

START_TEST(the_first_failure_stays_and_stops_everything)
{
    unsigned char bytes[BYTES_MAX];
    size_t size_bytes = save_thing(bytes);
    struct vmc_archive *archive;
    struct thing thing = {0};
    struct vmc_error error = {""};

    ck_assert_int_eq(vmc_archive_open(&archive, bytes, size_bytes), VMC_OK);
    vmc_archive_fail(archive, VMC_E_RANGE, "%d is %s", 5, "too much");
    vmc_archive_fail(archive, VMC_E_IO, "late");
    thing_archive(&thing, archive);
    ck_assert_uint_eq(thing.total, 0);
    ck_assert_ptr_null(thing.items);
    ck_assert_uint_eq(vmc_archive_count(archive, "n", 3, 9), 0);
    ck_assert(!vmc_archive_is_good(archive));
    ck_assert_int_eq(vmc_archive_status(archive, &error), VMC_E_RANGE);
    ck_assert_str_eq(error.text, "5 is too much");
    vmc_archive_free(archive);
    vmc_archive_free(NULL);
}
END_TEST

START_TEST(a_count_has_its_limit)
{
    static const struct {
        uint64_t count, count_max;
        enum vmc_status status;
    } cases[] = {
        {0, 0, VMC_OK},
        {5, 5, VMC_OK},
        {6, 5, VMC_E_FORMAT},
        {UINT64_MAX, UINT64_MAX, VMC_OK},
    };

    for (size_t i = 0; i < VMC_COUNT_OF(cases); i++) {
        struct vmc_archive *to, *from;
        const void *data;
        size_t size_bytes;
        uint64_t count;

        ck_assert_int_eq(vmc_archive_new(&to), VMC_OK);
        ck_assert_uint_eq(
            vmc_archive_count(to, "n", cases[i].count, UINT64_MAX),
            cases[i].count);
        data = vmc_archive_data(to, &size_bytes);
        ck_assert_int_eq(vmc_archive_open(&from, data, size_bytes), VMC_OK);
        count = vmc_archive_count(from, "n", 1, cases[i].count_max);
        ck_assert_int_eq(vmc_archive_status(from, NULL), cases[i].status);
        ck_assert_uint_eq(count,
                          cases[i].status == VMC_OK ? cases[i].count : 0);
        vmc_archive_free(from);
        vmc_archive_free(to);
    }
}
END_TEST

START_TEST(what_was_configured_must_be_the_same)
{
    struct vmc_archive *to, *from;
    struct vmc_error error = {""};
    const void *data;
    size_t size_bytes;
    char word[] = "one";

    ck_assert_int_eq(vmc_archive_new(&to), VMC_OK);
    vmc_archive_same(to, "word", word, sizeof(word));
    data = vmc_archive_data(to, &size_bytes);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(vmc_archive_open(&from, data, size_bytes), VMC_OK);
        vmc_archive_same(from, "word", word, sizeof(word));
        ck_assert_int_eq(vmc_archive_status(from, &error),
                         i == 0 ? VMC_OK : VMC_E_FORMAT);
        vmc_archive_free(from);
        word[2] = 'f';
    }
    ck_assert_str_eq(word, "onf"); /* not loaded */
    ck_assert_str_eq(error.text, "'word' is not what it was then");
    vmc_archive_free(to);
}
END_TEST

START_TEST(an_empty_array_and_a_large_part_go_through)
{
    enum { LARGE_BYTES = 300000 };
    unsigned char *large = malloc(LARGE_BYTES);
    unsigned char *copy = calloc(1, LARGE_BYTES);
    struct vmc_archive *to, *from;
    uint32_t count = 0, room = 0;
    void *items = NULL;
    const void *data;
    size_t size_bytes;

    for (size_t i = 0; i < LARGE_BYTES; i++) {
        large[i] = (unsigned char)(i * 7);
    }
    ck_assert_int_eq(vmc_archive_new(&to), VMC_OK);
    vmc_archive_array(to, "none", &items, &count, &room, 8);
    vmc_archive_bytes(to, "large", large, LARGE_BYTES);
    data = vmc_archive_data(to, &size_bytes);
    ck_assert_int_eq(vmc_archive_open(&from, data, size_bytes), VMC_OK);
    vmc_archive_array(from, "none", &items, &count, &room, 8);
    vmc_archive_bytes(from, "large", copy, LARGE_BYTES);
    ck_assert_int_eq(vmc_archive_status(from, NULL), VMC_OK);
    ck_assert_ptr_null(items);
    ck_assert_mem_eq(copy, large, LARGE_BYTES);
    vmc_archive_free(from);
    vmc_archive_free(to);
    free(large);
    free(copy);
}
END_TEST

START_TEST(a_name_too_long_is_a_bug)
{
    struct vmc_archive *archive;
    char name[VMC_ARCHIVE_NAME_BYTES_MAX + 1];
    char part = 0;

    memset(name, 'n', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    ck_assert_int_eq(vmc_archive_new(&archive), VMC_OK);
    vmc_archive_bytes(archive, name, &part, 1);
}
END_TEST

START_TEST(an_end_without_a_begin_is_a_bug)
{
    struct vmc_archive *archive;

    ck_assert_int_eq(vmc_archive_new(&archive), VMC_OK);
    vmc_archive_end(archive);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("archive");
    TCase *c = tcase_create("archive");

    suite_add_tcase(s, c);
    tcase_add_test(c, what_is_saved_is_what_is_loaded);
    tcase_add_test(c, room_that_is_there_is_used_and_what_is_behind_is_emptied);
    tcase_add_test(c, a_cut_is_noticed_everywhere);
    tcase_add_test(c, damage_stays_within_the_bytes);
    tcase_add_test(c, what_is_left_over_is_noticed);
    tcase_add_test(c, a_part_must_have_its_name_and_its_length);
    tcase_add_test(c, a_section_must_be_used_up);
    tcase_add_test(c, the_first_failure_stays_and_stops_everything);
    tcase_add_test(c, a_count_has_its_limit);
    tcase_add_test(c, what_was_configured_must_be_the_same);
    tcase_add_test(c, an_empty_array_and_a_large_part_go_through);
    tcase_add_test_raise_signal(c, a_name_too_long_is_a_bug, SIGABRT_NUMBER);
    tcase_add_test_raise_signal(c, an_end_without_a_begin_is_a_bug,
                                SIGABRT_NUMBER);
    return s;
}
