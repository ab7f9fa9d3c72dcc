/* SPDX-License-Identifier: MIT */
/* The table of what descriptors do, spec 8.1, a row a test. */
#include "ioregion/socket.h"

#include <errno.h>
#include <string.h>

#include "base/rng.h"
#include "suite.h"

#define STREAM    VMC_SOCKET_STREAM
#define SEQPACKET VMC_SOCKET_SEQPACKET
#define PIPE      VMC_SOCKET_PIPE
#define K         VMC_SOCKET_KERNEL
#define D         VMC_SOCKET_DEVICE

static struct vmc_socket pair;
static uint8_t junk[64];

static int64_t answer(size_t size_bytes)
{
    return vmc_socket_write(&pair, D, junk, size_bytes, true);
}

static int64_t take(size_t size_bytes)
{
    uint8_t bytes[64];

    return vmc_socket_read(&pair, K, bytes, size_bytes);
}

static int64_t command(void)
{
    return vmc_socket_write(&pair, K, junk, 32, true);
}

START_TEST(reads_return_what_the_kind_returns)
{
    const int64_t block = VMC_CHANNEL_WOULD_BLOCK;
    bool is_seq = _i == SEQPACKET;

    vmc_socket_init(&pair, (enum vmc_socket_kind)_i);
    ck_assert_int_eq(answer(20), 20);
    ck_assert_int_eq(take(32), 20);
    answer(48);
    ck_assert_int_eq(take(32), 32);
    ck_assert_int_eq(take(32), is_seq ? block : 16);
    answer(16);
    answer(16);
    ck_assert_int_eq(take(32), is_seq ? 16 : 32);
    ck_assert_int_eq(take(32), is_seq ? 16 : block);
    pair.is_nonblocking[K] = true;
    ck_assert_int_eq(take(32), -EAGAIN);
    pair.is_nonblocking[K] = false;
    ck_assert(!vmc_socket_is_readable(&pair, K));
}
END_TEST

START_TEST(a_closed_peer_shows_as_the_kind_shows_it)
{
    vmc_socket_init(&pair, (enum vmc_socket_kind)_i);
    answer(32);
    vmc_socket_close(&pair, D);
    ck_assert(vmc_socket_is_readable(&pair, K));
    ck_assert_int_eq(take(32), 32); /* what it had said is still there */
    ck_assert_int_eq(take(32), 0);
    ck_assert_int_eq(command(), -EPIPE);
    ck_assert_uint_eq(pair.sigpipes[K], _i != SEQPACKET);
    ck_assert_int_eq(vmc_socket_write(&pair, K, junk, 32, false), -EPIPE);
    ck_assert_uint_eq(pair.sigpipes[K], _i != SEQPACKET);

    vmc_socket_init(&pair, (enum vmc_socket_kind)_i);
    command();
    vmc_socket_close(&pair, D); /* with a command unread */
    ck_assert_int_eq(take(32), _i == PIPE ? 0 : -ECONNRESET);
    ck_assert_int_eq(take(32), 0);

    vmc_socket_init(&pair, (enum vmc_socket_kind)_i);
    vmc_socket_shut_write(&pair, D);
    ck_assert_int_eq(take(32), 0);
    ck_assert_int_eq(command(), 32);
}
END_TEST

/* TV-67. */
START_TEST(so_many_commands_fit)
{
    static const uint32_t fits[] = {
        [STREAM] = 278, [SEQPACKET] = 278, [PIPE] = 2048};
    uint32_t count = 0, wakes_at;
    uint8_t bytes[32];

    vmc_socket_init(&pair, (enum vmc_socket_kind)_i);
    while (command() == 32) {
        count++;
    }
    ck_assert_uint_eq(count, fits[_i]);
    ck_assert_int_eq(command(), VMC_CHANNEL_WOULD_BLOCK);
    pair.is_nonblocking[K] = true;
    ck_assert_int_eq(command(), -EAGAIN);
    for (wakes_at = count; !vmc_socket_wakes_writer(&pair, K); wakes_at--) {
        ck_assert_int_eq(vmc_socket_read(&pair, D, bytes, 32), 32);
    }
    ck_assert_uint_eq(wakes_at, _i == PIPE ? 2047 : 69);
    while (wakes_at-- > 0) {
        ck_assert_int_eq(vmc_socket_read(&pair, D, bytes, 32), 32);
    }
    ck_assert_uint_eq(pair.flows[K].charged_bytes, 0);
    ck_assert_uint_eq(pair.flows[K].message_count, 0);
}
END_TEST

START_TEST(a_message_is_charged_by_its_slab)
{
    ck_assert_uint_eq(vmc_socket_charge(STREAM, 32), 768);
    ck_assert_uint_eq(vmc_socket_charge(SEQPACKET, 192), 768);
    ck_assert_uint_eq(vmc_socket_charge(SEQPACKET, 193), 1280);
    ck_assert_uint_eq(vmc_socket_charge(PIPE, 32), 32);
    /* A message half read takes its whole room. */
    vmc_socket_init(&pair, STREAM);
    answer(32);
    take(31);
    ck_assert_uint_eq(pair.flows[D].charged_bytes, 768);
    take(1);
    ck_assert_uint_eq(pair.flows[D].charged_bytes, 0);
}
END_TEST

START_TEST(bytes_come_out_as_they_went_in)
{
    uint64_t written = 0, taken = 0;
    struct vmc_rng rng;

    vmc_rng_init(&rng, (uint64_t)_i);
    vmc_socket_init(&pair, (enum vmc_socket_kind)(_i % 3));
    pair.chunk_bytes = (uint32_t)(_i / 3);
    for (int round = 0; round < 20000; round++) {
        uint8_t bytes[64];
        uint64_t size = 1 + vmc_rng_below(&rng, 40);
        int64_t moved;

        if (vmc_rng_below(&rng, 2) == 0) {
            for (uint64_t i = 0; i < size; i++) {
                bytes[i] = (uint8_t)((written + i) * 31);
            }
            moved = vmc_socket_write(&pair, K, bytes, size, false);
            written += moved > 0 ? (uint64_t)moved : 0;
        } else {
            moved = vmc_socket_read(&pair, D, bytes, sizeof(bytes));
            for (int64_t i = 0; i < moved; i++, taken++) {
                ck_assert_uint_eq(bytes[i], (uint8_t)(taken * 31));
            }
        }
        ck_assert_uint_eq(pair.flows[K].count, written - taken);
    }
    ck_assert_uint_gt(taken, 5000);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("socket");
    TCase *c = tcase_create("socket");

    tcase_add_loop_test(c, reads_return_what_the_kind_returns, 0,
                        VMC_SOCKET_KIND_COUNT);
    tcase_add_loop_test(c, a_closed_peer_shows_as_the_kind_shows_it, 0,
                        VMC_SOCKET_KIND_COUNT);
    tcase_add_loop_test(c, so_many_commands_fit, 0, VMC_SOCKET_KIND_COUNT);
    tcase_add_test(c, a_message_is_charged_by_its_slab);
    tcase_add_loop_test(c, bytes_come_out_as_they_went_in, 0, 9);
    suite_add_tcase(s, c);
    return s;
}
