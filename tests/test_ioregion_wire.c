/* SPDX-License-Identifier: MIT */
/* The bytes between kernel and device: the worked examples of the specification
 * in both directions, every command there and back, and what a device refuses.
 */
#include "ioregion/wire.h"

#include <string.h>

#include "base/rng.h"
#include "suite.h"

#define P20 VMC_IOREGION_P20
#define R1  VMC_IOREGION_R1
#define R3  VMC_IOREGION_R3
#define H   VMC_IOREGION_H

/* Bytes of a text like "01 12 00"; what is left of 32 is zero. */
static void from_hex(uint8_t bytes[32], const char *text)
{
    static const char digits[] = "0123456789abcdef";

    memset(bytes, 0, 32);
    for (uint32_t i = 0; *text != '\0'; i++) {
        bytes[i] = (uint8_t)((strchr(digits, text[0]) - digits) << 4 |
                             (strchr(digits, text[1]) - digits));
        text += text[2] == ' ' ? 3 : 2;
    }
}

/* Spec 7.2, and its words of the older generations in whole commands. */
static const struct {
    const char *what;
    struct vmc_ioregion_format format;
    struct vmc_ioregion_command command;
    const char *hex;
} examples[] = {
    {"TV-60: R3 write of 4",
     {R3, false},
     {0x1122334455667788, 0x10, 0xdeadbeef, 4, true, true, false},
     "01 12 00 00 00 00 00 00 88 77 66 55 44 33 22 11 "
     "10 00 00 00 00 00 00 00 ef be ad de"},
    {"H is the same",
     {H, false},
     {0x1122334455667788, 0x10, 0xdeadbeef, 4, true, true, false},
     "01 12 00 00 00 00 00 00 88 77 66 55 44 33 22 11 "
     "10 00 00 00 00 00 00 00 ef be ad de"},
    {"R3 read of 8",
     {R3, false},
     {7, 0x18, 0, 8, false, true, false},
     "00 13 00 00 00 00 00 00 07 00 00 00 00 00 00 00 18"},
    {"R3 posted write of 1",
     {R3, false},
     {7, 3, 0x5a, 1, true, false, false},
     "01 00 00 00 00 00 00 00 07 00 00 00 00 00 00 00 "
     "03 00 00 00 00 00 00 00 5a"},
    {"R1 write of 4",
     {R1, false},
     {7, 0x10, 0xdeadbeef, 4, true, true, false},
     "61 00 00 00 00 00 00 00 07 00 00 00 00 00 00 00 "
     "10 00 00 00 00 00 00 00 ef be ad de"},
    {"R1 read of 8", {R1, false}, {0, 0, 0, 8, false, true, false}, "70"},
    {"R1 posted write of 1",
     {R1, false},
     {0, 0, 0, 1, true, false, false},
     "01"},
    {"R1 read of 1", {R1, false}, {0, 0, 0, 1, false, true, false}, "40"},
    {"R1 write of 2", {R1, false}, {0, 0, 0, 2, true, true, false}, "51"},
    {"P20 write of 4, no response",
     {P20, false},
     {0x0a0b0c0d, 0xfe000010, 0xdeadbeef, 4, true, false, false},
     "a1 00 00 00 0d 0c 0b 0a 10 00 00 fe 00 00 00 00 ef be ad de"},
    {"P20 write of 2 to a port",
     {P20, false},
     {0, 0x3f8, 0x1234, 2, true, true, true},
     "51 00 00 00 00 00 00 00 f8 03 00 00 00 00 00 00 34 12"},
    {"P20 read of 8", {P20, false}, {0, 0, 0, 8, false, true, false}, "30"},
    {"R3 big-endian: the bit-field from its other end, data as bytes",
     {R3, true},
     {7, 0x10, 0xdeadbeef, 4, true, true, false},
     "01 28 00 00 00 00 00 00 00 00 00 00 00 00 00 07 "
     "00 00 00 00 00 00 00 10 ef be ad de"},
    {"H big-endian: masks, data as bytes",
     {H, true},
     {7, 0x10, 0xdeadbeef, 4, true, true, false},
     "01 12 00 00 00 00 00 00 00 00 00 00 00 00 00 07 "
     "00 00 00 00 00 00 00 10 ef be ad de"},
    {"D31: R1 big-endian: data as a number",
     {R1, true},
     {7, 0x10, 0xdeadbeef, 4, true, true, false},
     "00 00 00 61 00 00 00 00 00 00 00 00 00 00 00 07 "
     "00 00 00 00 00 00 00 10 00 00 00 00 de ad be ef"},
};

START_TEST(the_worked_commands_are_written_and_read)
{
    const struct vmc_ioregion_command *want = &examples[_i].command;
    struct vmc_ioregion_command got;
    uint8_t expected[32], bytes[32];

    from_hex(expected, examples[_i].hex);
    memset(bytes, 0xee, sizeof(bytes));
    vmc_ioregion_put_command(bytes, want, examples[_i].format);
    ck_assert_msg(memcmp(bytes, expected, 32) == 0, "%s: bytes differ",
                  examples[_i].what);
    ck_assert_int_eq(
        vmc_ioregion_get_command(&got, expected, 32, examples[_i].format, NULL),
        VMC_OK);
    ck_assert_uint_eq(got.user_data, want->user_data);
    ck_assert_uint_eq(got.offset_bytes, want->offset_bytes);
    ck_assert_uint_eq(got.data, want->data);
    ck_assert_uint_eq(got.size_bytes, want->size_bytes);
    ck_assert_int_eq(got.is_write, want->is_write);
    ck_assert_int_eq(got.wants_response, want->wants_response);
    ck_assert_int_eq(got.is_pio, want->is_pio);
}
END_TEST

START_TEST(a_sizeless_doorbell_looks_like_a_posted_byte)
{
    const struct vmc_ioregion_command doorbell = {
        .user_data = 9, .is_write = true, .data = 0x77};
    struct vmc_ioregion_command got;
    uint8_t expected[32], bytes[32];

    from_hex(expected, "01 00 00 00 00 00 00 00 09");
    vmc_ioregion_put_command(bytes, &doorbell,
                             (struct vmc_ioregion_format){R3, false});
    ck_assert_mem_eq(bytes, expected, 32);
    ck_assert_int_eq(
        vmc_ioregion_get_command(&got, bytes, 32,
                                 (struct vmc_ioregion_format){R3, false}, NULL),
        VMC_OK);
    ck_assert_uint_eq(got.size_bytes, 1);
}
END_TEST

START_TEST(every_command_comes_back_in_every_format)
{
    struct vmc_ioregion_format format = {(enum vmc_ioregion_generation)(_i / 2),
                                         _i % 2 != 0};
    struct vmc_rng rng;

    vmc_rng_init(&rng, (uint64_t)_i);
    for (int round = 0; round < 2000; round++) {
        uint64_t bits = vmc_rng_next(&rng);
        struct vmc_ioregion_command got,
            sent = {
                .user_data = vmc_rng_next(&rng),
                .offset_bytes = vmc_rng_next(&rng),
                .data = vmc_rng_next(&rng),
                .size_bytes = (uint8_t)(1U << (bits & 3)),
                .is_write = (bits & 4) != 0,
                .wants_response = (bits & 12) != 12,
                .is_pio =
                    format.generation == VMC_IOREGION_P20 && (bits & 16) != 0,
            };
        uint8_t bytes[32];

        sent.user_data &=
            format.generation == VMC_IOREGION_P20 ? UINT32_MAX : UINT64_MAX;
        vmc_ioregion_put_command(bytes, &sent, format);
        ck_assert_int_eq(
            vmc_ioregion_get_command(&got, bytes, 32, format, NULL), VMC_OK);
        sent.data =
            !sent.is_write ? 0
            : sent.size_bytes == 8
                ? sent.data
                : sent.data & ((UINT64_C(1) << 8 * sent.size_bytes) - 1);
        ck_assert_uint_eq(got.user_data, sent.user_data);
        ck_assert_uint_eq(got.offset_bytes, sent.offset_bytes);
        ck_assert_uint_eq(got.data, sent.data);
        ck_assert_uint_eq(got.size_bytes, sent.size_bytes);
        ck_assert_int_eq(got.is_write, sent.is_write);
        ck_assert_int_eq(got.wants_response, sent.wants_response);
        ck_assert_int_eq(got.is_pio, sent.is_pio);
    }
}
END_TEST

/* What a device meets and does not know. */
static const struct {
    const char *what;
    enum vmc_ioregion_generation generation;
    size_t size_bytes;
    const char *hex;
    bool is_good;
} strange[] = {
    {"31 bytes", H, 31, "01", false},
    {"33 bytes", H, 33, "01", false},
    {"none", R3, 0, "01", false},
    {"an unknown command", R3, 32, "02 10", false},
    {"R1: an unknown command", R1, 32, "42", false},
    {"P20: an unknown command", P20, 32, "0f", false},
    {"16 bytes wide", R3, 32, "01 14", false},
    {"2^15 bytes wide", H, 32, "01 1f", false},
    {"8 bytes wide", H, 32, "01 13", true},
    {"a reserved flag, R3", R3, 32, "01 30", true},
    {"a reserved flag, H", H, 32, "01 30", false},
    {"the highest reserved flag, H", H, 32, "01 90", false},
    {"a reserved byte, R3", R3, 32, "01 10 00 00 00 00 00 01", true},
    {"the first reserved byte, H", H, 32, "01 10 01", false},
    {"the last reserved byte, H", H, 32, "01 10 00 00 00 00 00 80", false},
    {"a posted read, R3", R3, 32, "00 00", true},
    {"a posted read, H", H, 32, "00 00", false},
};

START_TEST(a_device_refuses_what_it_does_not_know)
{
    struct vmc_ioregion_command command = {.user_data = 42};
    struct vmc_error error = {""};
    uint8_t bytes[33] = {0};
    enum vmc_status status;

    from_hex(bytes, strange[_i].hex);
    status = vmc_ioregion_get_command(
        &command, bytes, strange[_i].size_bytes,
        (struct vmc_ioregion_format){strange[_i].generation, false}, &error);
    ck_assert_msg(status == (strange[_i].is_good ? VMC_OK : VMC_E_FORMAT),
                  "%s: %s", strange[_i].what, vmc_status_name(status));
    ck_assert_int_eq(error.text[0] == '\0', strange[_i].is_good);
    ck_assert_uint_eq(command.user_data, strange[_i].is_good ? 0 : 42);
}
END_TEST

static const struct {
    const char *what;
    struct vmc_ioregion_format format;
    uint8_t size_bytes;
    struct vmc_ioregion_response response;
    const char *hex;
} responses[] = {
    {"a read of 2", {R3, false}, 2, {0xbeef, false}, "ef be"},
    {"a write", {H, false}, 4, {0, false}, ""},
    {"a failure", {H, false}, 4, {0, true}, "00 00 00 00 00 00 00 00 01"},
    {"a failure, big-endian",
     {H, true},
     4,
     {0, true},
     "00 00 00 00 00 00 00 00 01"},
    {"P20, a failure, big-endian",
     {P20, true},
     4,
     {0, true},
     "00 00 00 00 00 00 00 00 00 00 00 01"},
    {"R1 big-endian",
     {R1, true},
     2,
     {0xbeef, false},
     "00 00 00 00 00 00 be ef"},
    {"R3 big-endian", {R3, true}, 2, {0xbeef, false}, "ef be"},
    {"a read of 8",
     {R3, false},
     8,
     {0x1122334455667788, false},
     "88 77 66 55 44 33 22 11"},
};

START_TEST(the_worked_responses_are_written_and_read)
{
    struct vmc_ioregion_response got;
    uint8_t expected[32], bytes[32];

    from_hex(expected, responses[_i].hex);
    memset(bytes, 0xee, sizeof(bytes));
    vmc_ioregion_put_response(bytes, responses[_i].response,
                              responses[_i].size_bytes, responses[_i].format);
    ck_assert_msg(memcmp(bytes, expected, 32) == 0, "%s: bytes differ",
                  responses[_i].what);
    got = vmc_ioregion_get_response(expected, responses[_i].size_bytes,
                                    responses[_i].format);
    ck_assert_uint_eq(got.data, responses[_i].response.data);
    ck_assert_int_eq(got.is_failed, responses[_i].response.is_failed);
}
END_TEST

/* TV-61; D58: up to R3 the failure bit is one of 24 bytes nobody reads. */
START_TEST(of_a_response_only_what_has_a_name_is_read)
{
    struct vmc_ioregion_format format = {H, false};
    struct vmc_ioregion_response got;
    uint8_t bytes[32];

    memset(bytes, 0xff, sizeof(bytes));
    from_hex(bytes, "ef be ff ff ff ff ff ff");
    got = vmc_ioregion_get_response(bytes, 2, format);
    ck_assert_uint_eq(got.data, 0xbeef);
    memset(&bytes[8], 0xff, 24);
    for (int generation = 0; generation < VMC_IOREGION_GENERATION_COUNT;
         generation++) {
        format.generation = (enum vmc_ioregion_generation)generation;
        got = vmc_ioregion_get_response(bytes, 2, format);
        ck_assert_uint_eq(got.data, 0xbeef);
        ck_assert_int_eq(got.is_failed, generation == P20 || generation == H);
    }
    bytes[8] = 0xfe;
    format.generation = VMC_IOREGION_H;
    ck_assert(!vmc_ioregion_get_response(bytes, 2, format).is_failed);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ioregion_wire");
    TCase *c = tcase_create("wire");

    tcase_add_loop_test(c, the_worked_commands_are_written_and_read, 0,
                        VMC_COUNT_OF(examples));
    tcase_add_test(c, a_sizeless_doorbell_looks_like_a_posted_byte);
    tcase_add_loop_test(c, every_command_comes_back_in_every_format, 0,
                        2 * VMC_IOREGION_GENERATION_COUNT);
    tcase_add_loop_test(c, a_device_refuses_what_it_does_not_know, 0,
                        VMC_COUNT_OF(strange));
    tcase_add_loop_test(c, the_worked_responses_are_written_and_read, 0,
                        VMC_COUNT_OF(responses));
    tcase_add_test(c, of_a_response_only_what_has_a_name_is_read);
    suite_add_tcase(s, c);
    return s;
}
