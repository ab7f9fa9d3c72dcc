/* SPDX-License-Identifier: MIT */
/* Wire formats: the worked bytes of the specification in both directions, every
 * short run, and what must be refused. */
#include "balloon/wire.h"

#include <string.h>

#include "base/rng.h"
#include "suite.h"

enum { BYTES_MAX = 512 };

/* Bytes of a text like "00 1c ff". */
static size_t from_hex(uint8_t *bytes, const char *text)
{
    static const char digits[] = "0123456789abcdef";
    size_t count = 0;

    for (; *text != '\0'; text += text[2] == ' ' ? 3 : 2) {
        bytes[count++] = (uint8_t)((strchr(digits, text[0]) - digits) << 4 |
                                   (strchr(digits, text[1]) - digits));
        if (text[2] == '\0') {
            break;
        }
    }
    return count;
}

/* The records of a set of pages of one group of 1 << 16, as a driver makes
 * them. Returns the bytes of the whole message. */
static size_t encode(uint8_t *bytes, const uint64_t *bits, uint32_t end,
                     uint64_t base)
{
    static uint64_t words[8192];
    struct vmc_wire_faults right = {0};
    uint32_t count = 0, at = 0, next;
    uint64_t header;

    while (at < end) {
        uint32_t stop;

        if ((bits[at / 64] >> at % 64 & 1) == 0) {
            at++;
            continue;
        }
        for (stop = at;
             stop < end && (bits[stop / 64] >> stop % 64 & 1) != 0;) {
            stop++;
        }
        count += vmc_wire_put_run(&words[count], bits, base, at, stop, &next,
                                  &right);
        at = next;
    }
    header = vmc_wire_response(count * 8);
    vmc_wire_store(bytes, &header, 1);
    vmc_wire_store(bytes + 8, words, count);
    return 8 + (size_t)count * 8;
}

static bool any(const void *owner, struct vmc_wire_range range)
{
    (void)owner;
    (void)range;
    return true;
}

static bool below(const void *owner, struct vmc_wire_range range)
{
    const uint64_t *end = owner;

    return range.count <= *end && range.pfn <= *end - range.count;
}

/* Set the bits that a message names; each only once. */
static void decode(enum vmc_wire_format format, const uint8_t *bytes,
                   size_t size, uint64_t base, uint64_t *bits)
{
    struct vmc_wire_cursor cursor;
    struct vmc_wire_range range;
    enum vmc_status status;
    bool is_new = true;

    ck_assert_int_eq(vmc_wire_check(format, bytes, size, any, NULL), VMC_OK);
    vmc_wire_open(&cursor, format, bytes, size);
    while ((status = vmc_wire_next(&cursor, &range)) == VMC_OK) {
        for (uint64_t i = 0; i < range.count; i++) {
            uint64_t bit = range.pfn + i - base;

            is_new = is_new && (bits[bit / 64] >> bit % 64 & 1) == 0;
            bits[bit / 64] |= UINT64_C(1) << bit % 64;
        }
    }
    ck_assert_int_eq(status, VMC_END);
    ck_assert(is_new);
}

static void set(uint64_t *bits, uint32_t from, uint32_t end)
{
    for (uint32_t i = from; i < end; i++) {
        bits[i / 64] |= UINT64_C(1) << i % 64;
    }
}

/* ---- Page bitmap ---------------------------------------------------------*/

static const struct {
    uint64_t base;
    uint32_t runs[3][2];
    const char *hex;
} examples[] = {
    {0x10000,
     {{5, 0x69}},
     "00 00 00 00 20 00 00 00 00 00 01 00 00 00 c0 20 e0 ff ff ff ff ff ff ff "
     "40 00 01 00 00 00 c0 20 ff ff ff ff ff 01 00 00"},
    {0x10000,
     {{0, 1000}},
     "00 00 00 00 30 00 00 00 c0 03 01 00 00 00 c0 20 ff ff ff ff ff 00 00 00 "
     "00 00 01 00 00 00 50 01 00 02 01 00 00 00 40 01 00 03 01 00 00 00 30 01 "
     "80 03 01 00 00 00 20 01"},
    {0x20000,
     {{3, 5}, {0x10, 0x12}},
     "00 00 00 00 10 00 00 00 00 00 02 00 00 00 c0 20 18 00 03 00 00 00 00 00"},
    {0x40000,
     {{0, 0x1c00}},
     "00 00 00 00 18 00 00 00 00 00 04 00 00 00 80 01 00 10 04 00 00 00 70 01 "
     "00 18 04 00 00 00 60 01"},
};

START_TEST(the_worked_bitmaps_are_written_and_read)
{
    static uint64_t bits[256], back[256];
    uint8_t bytes[BYTES_MAX], wanted[BYTES_MAX];
    size_t size, wanted_size = from_hex(wanted, examples[_i].hex);

    for (uint32_t i = 0; i < 3; i++) {
        set(bits, examples[_i].runs[i][0], examples[_i].runs[i][1]);
    }
    size = encode(bytes, bits, sizeof(bits) * 8, examples[_i].base);
    ck_assert_uint_eq(size, wanted_size);
    ck_assert_mem_eq(bytes, wanted, size);
    decode(VMC_WIRE_BITMAP, wanted, wanted_size, examples[_i].base, back);
    ck_assert_mem_eq(back, bits, sizeof(bits));
}
END_TEST

START_TEST(every_short_run_comes_back_in_few_words)
{
    static uint64_t bits[16], back[16];
    static uint8_t bytes[1024];

    for (uint32_t from = 0; from < 192; from++) {
        for (uint32_t count = 1; count < 500; count += 1 + from % 7) {
            size_t size;

            memset(bits, 0, sizeof(bits));
            memset(back, 0, sizeof(back));
            set(bits, from, from + count);
            size = encode(bytes, bits, sizeof(bits) * 8, 0);
            if (size > 8 + 8 * 7) {
                ck_abort_msg("%u pages from %u take %zu bytes", count, from,
                             size);
            }
            decode(VMC_WIRE_BITMAP, bytes, size, 0, back);
            if (memcmp(back, bits, sizeof(bits)) != 0) {
                ck_abort_msg("%u pages from %u come back wrong", count, from);
            }
        }
    }
}
END_TEST

START_TEST(random_sets_lose_nothing_and_invent_nothing)
{
    static uint64_t bits[256], back[256];
    static uint8_t bytes[65536];
    struct vmc_rng rng;

    vmc_rng_init(&rng, 77);
    for (uint32_t set_number = 0; set_number < 1000; set_number++) {
        memset(bits, 0, sizeof(bits));
        memset(back, 0, sizeof(back));
        for (uint64_t n = 1 + vmc_rng_below(&rng, 60); n > 0; n--) {
            uint32_t from = (uint32_t)vmc_rng_below(&rng, 16000);

            set(bits, from, from + 1 + (uint32_t)vmc_rng_below(&rng, 300));
        }
        decode(VMC_WIRE_BITMAP, bytes,
               encode(bytes, bits, sizeof(bits) * 8, 0x80000), 0x80000, back);
        ck_assert_mem_eq(back, bits, sizeof(bits));
    }
}
END_TEST

/* ---- The other formats ---------------------------------------------------*/

static const struct {
    enum vmc_wire_format format;
    struct vmc_wire_range range;
    const char *hex;
} ranges[] = {
    {VMC_WIRE_V6, {0x40000, 512}, "00 02 00 40 00 00 00 00"},
    {VMC_WIRE_V6,
     {0x40000, 0x1c00},
     "00 00 00 40 00 00 00 00 00 1c 00 00 00 00 00 00"},
    {VMC_WIRE_V6,
     {0x40000, 4096},
     "00 00 00 40 00 00 00 00 00 10 00 00 00 00 00 00"},
    {VMC_WIRE_V6, {0x40000, 4095}, "ff 0f 00 40 00 00 00 00"},
    {VMC_WIRE_CHUNK,
     {0x40000, 4096},
     "00 00 00 40 00 00 00 00 00 00 00 01 00 00 00 00"},
    {VMC_WIRE_PAIRS, {0x12345, 0x400}, "45 23 01 00 00 04 00 00"},
};

START_TEST(ranges_are_written_and_read)
{
    uint8_t bytes[BYTES_MAX], wanted[BYTES_MAX];
    size_t size = from_hex(wanted, ranges[_i].hex);
    uint64_t words[2];
    struct vmc_wire_cursor cursor;
    struct vmc_wire_range range;

    if (ranges[_i].format == VMC_WIRE_V6) {
        vmc_wire_store(bytes, words, vmc_wire_put_v6(words, ranges[_i].range));
    } else if (ranges[_i].format == VMC_WIRE_CHUNK) {
        vmc_wire_put_chunk(words, ranges[_i].range);
        vmc_wire_store(bytes, words, 2);
    } else {
        words[0] = ranges[_i].range.pfn | ranges[_i].range.count << 32;
        vmc_wire_store(bytes, words, 1);
    }
    ck_assert_mem_eq(bytes, wanted, size);
    vmc_wire_open(&cursor, ranges[_i].format, wanted, size);
    ck_assert_int_eq(vmc_wire_next(&cursor, &range), VMC_OK);
    ck_assert_uint_eq(range.pfn, ranges[_i].range.pfn);
    ck_assert_uint_eq(range.count, ranges[_i].range.count);
    ck_assert_int_eq(vmc_wire_next(&cursor, &range), VMC_END);
}
END_TEST

START_TEST(page_numbers_are_read_in_both_orders_and_a_rest_is_lost)
{
    static const uint32_t pfns[] = {0x100000, 0x100001, 0x100002, 0x23ffff};
    uint8_t bytes[BYTES_MAX], wanted[BYTES_MAX];
    struct vmc_wire_cursor cursor;
    struct vmc_wire_range range;

    ck_assert_uint_eq(
        from_hex(wanted, "00 00 10 00 01 00 10 00 02 00 10 00 ff ff 23 00"),
        16);
    for (uint32_t i = 0; i < 4; i++) {
        vmc_wire_put_pfn(bytes + 4 * i, pfns[i], false);
    }
    ck_assert_mem_eq(bytes, wanted, 16);
    for (uint32_t i = 0; _i == 1 && i < 4; i++) {
        vmc_wire_put_pfn(bytes + 4 * i, pfns[i], true);
    }
    ck_assert_uint_eq(bytes[0], 0);
    ck_assert_uint_eq(bytes[2 - _i], 0x10);
    vmc_wire_open(&cursor, VMC_WIRE_PFNS, bytes, 19);
    cursor.is_big_endian = _i == 1;
    for (uint32_t i = 0; i < 4; i++) {
        ck_assert_int_eq(vmc_wire_next(&cursor, &range), VMC_OK);
        ck_assert_uint_eq(range.pfn, pfns[i]);
        ck_assert_uint_eq(range.count, 1);
    }
    ck_assert_int_eq(vmc_wire_next(&cursor, &range), VMC_END);
}
END_TEST

START_TEST(the_other_queues_have_their_records)
{
    uint8_t bytes[24], wanted[24];
    struct vmc_wire_stat stat = {4, 844943360};
    struct vmc_mem_request request = {VMC_MEM_PLUG, 0x140000000, 64};
    struct vmc_mem_response response = {VMC_MEM_BUSY, 2};

    (void)from_hex(wanted, "04 00 00 d0 5c 32 00 00 00 00");
    vmc_wire_put_stat(bytes, stat);
    ck_assert_mem_eq(bytes, wanted, VMC_STAT_BYTES);
    ck_assert_uint_eq(vmc_wire_get_stat(wanted).tag, 4);
    ck_assert_uint_eq(vmc_wire_get_stat(wanted).value, 844943360);

    (void)from_hex(wanted, "00 00 00 00 00 00 00 00 00 00 00 40 01 00 00 00 40 "
                           "00 00 00 00 00 00 00");
    vmc_mem_put_request(bytes, request);
    ck_assert_mem_eq(bytes, wanted, VMC_MEM_REQUEST_BYTES);
    request = (struct vmc_mem_request){0};
    ck_assert(vmc_mem_get_request(wanted, 24, &request));
    ck_assert_uint_eq(request.address_bytes, 0x140000000);
    ck_assert_uint_eq(request.block_count, 64);
    ck_assert(!vmc_mem_get_request(wanted, 23, &request));
    wanted[0] = 4;
    ck_assert(!vmc_mem_get_request(wanted, 24, &request));

    (void)from_hex(wanted, "02 00 00 00 00 00 00 00 02 00");
    vmc_mem_put_response(bytes, response);
    ck_assert_mem_eq(bytes, wanted, VMC_MEM_RESPONSE_BYTES);
    ck_assert_uint_eq(vmc_mem_get_response(wanted).type, VMC_MEM_BUSY);
    ck_assert_uint_eq(vmc_mem_get_response(wanted).state, 2);
}
END_TEST

/* ---- What is refused -----------------------------------------------------*/

/* D28 and D29: each with a good record before it, which must not be acted on.
 */
static const struct {
    enum vmc_wire_format format;
    bool is_good;
    const char *hex;
} messages[] = {
    {VMC_WIRE_BITMAP, true, "00 00 00 00 00 00 00 00"},
    {VMC_WIRE_BITMAP, true, /* a word without a bit is no harm */
     "00 00 00 00 10 00 00 00 00 00 02 00 00 00 c0 20 00 00 00 00 00 00 00 00"},
    {VMC_WIRE_BITMAP, true, /* rounding reaches below and above: not set */
     "00 00 00 00 10 00 00 00 c0 ff 0f 00 00 00 c0 20 00 00 00 00 00 00 00 80"},
    {VMC_WIRE_BITMAP, false, "00 00 00 00"},
    {VMC_WIRE_BITMAP, false, /* more announced than there is */
     "00 00 00 00 10 00 00 00 00 00 04 00 00 00 80 01"},
    {VMC_WIRE_BITMAP, false, /* less */
     "00 00 00 00 00 00 00 00 00 00 04 00 00 00 80 01"},
    {VMC_WIRE_BITMAP, false, /* half a word */
     "00 00 00 00 0c 00 00 00 00 00 04 00 00 00 80 01 00 00 00 00"},
    {VMC_WIRE_BITMAP, false, /* shift 11 */
     "00 00 00 00 08 00 00 00 00 00 04 00 00 00 b0 00"},
    {VMC_WIRE_BITMAP, false, /* shift 63 */
     "00 00 00 00 08 00 00 00 00 00 00 00 00 00 f0 03"},
    {VMC_WIRE_BITMAP, false, /* start not aligned to the shift */
     "00 00 00 00 08 00 00 00 01 00 04 00 00 00 80 01"},
    {VMC_WIRE_BITMAP, false, /* 4 bytes of bitmap */
     "00 00 00 00 10 00 00 00 00 00 04 00 00 00 c0 10 00 00 00 00 00 00 00 00"},
    {VMC_WIRE_BITMAP, false, /* bitmap cut off */
     "00 00 00 00 08 00 00 00 00 00 02 00 00 00 c0 20"},
    {VMC_WIRE_BITMAP, false, /* good, then beyond RAM */
     "00 00 00 00 10 00 00 00 00 00 04 00 00 00 80 01 00 00 20 00 00 00 80 01"},
    {VMC_WIRE_BITMAP, false, /* the last page number there can be, twice */
     "00 00 00 00 10 00 00 00 ff ff ff ff ff ff cf 20 03 00 00 00 00 00 00 00"},
    {VMC_WIRE_V6, true, "00 02 00 40 00 00 00 00"},
    {VMC_WIRE_V6, false, "00 00 00 40 00 00 00 00"},
    {VMC_WIRE_V6, false, "00 00 00 40 00 00 00 00 00 00 00 00 00 00 00 00"},
    {VMC_WIRE_V6, false, "00 00 00 40 00 00 00 00 ff ff ff ff ff ff ff ff"},
    {VMC_WIRE_V6, false, "00 02 00 40 00 00 00"},
    {VMC_WIRE_CHUNK, false, "00 00 00 40 00 00 00 00"},
    {VMC_WIRE_CHUNK, false, "00 00 00 40 00 00 00 00 00 00 00 00 00 00 00 00"},
    {VMC_WIRE_CHUNK, false, "01 00 00 40 00 00 00 00 00 10 00 00 00 00 00 00"},
    {VMC_WIRE_CHUNK, false, "00 00 00 40 00 00 00 00 00 f0 ff ff ff ff ff ff"},
    {VMC_WIRE_PAIRS, false, "45 23 01 00 00 00 00 00"},
    {VMC_WIRE_PAIRS, false, "45 23 01 00 ff ff ff ff"},
    {VMC_WIRE_PAIRS, true, "45 23 01 00 01 00 00 00"},
};

START_TEST(a_message_with_anything_wrong_is_refused_whole)
{
    const uint64_t ram_pages = 0x100000;
    uint8_t bytes[BYTES_MAX];
    size_t size = from_hex(bytes, messages[_i].hex);

    ck_assert_int_eq(vmc_wire_check(messages[_i].format, bytes, size, below,
                                    &ram_pages) == VMC_OK,
                     messages[_i].is_good);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("wire");
    TCase *c = tcase_create("wire");

    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, the_worked_bitmaps_are_written_and_read, 0,
                        VMC_COUNT_OF(examples));
    tcase_add_test(c, every_short_run_comes_back_in_few_words);
    tcase_add_test(c, random_sets_lose_nothing_and_invent_nothing);
    tcase_add_loop_test(c, ranges_are_written_and_read, 0,
                        VMC_COUNT_OF(ranges));
    tcase_add_loop_test(
        c, page_numbers_are_read_in_both_orders_and_a_rest_is_lost, 0, 2);
    tcase_add_test(c, the_other_queues_have_their_records);
    tcase_add_loop_test(c, a_message_with_anything_wrong_is_refused_whole, 0,
                        VMC_COUNT_OF(messages));
    suite_add_tcase(s, c);
    return s;
}
