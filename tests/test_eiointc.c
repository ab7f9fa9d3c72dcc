/* SPDX-License-Identifier: MIT */
/*
 * The EIOINTC: vectors worked out by hand, and a long random life after each
 * step of which its invariants hold.
 */
#include <stdlib.h>

#include "irq_rig.h"

#include "base/rng.h"

static void start_encoded(enum machine_semantics semantics, uint32_t vcpus)
{
    rig_start(semantics, vcpus);
    W(0, 4, 0x40000004, 8);
    W(0, 4, 0x14c0, 0x02020202);
    W(0, 4, 0x14c4, 0x02020202);
    for (uint32_t i = 0; i < 8; i++) {
        W(0, 4, 0x1600 + 4 * i, ~0U);
    }
}

START_TEST(g7_a_handled_message_comes_back_on_the_new_target)
{
    start_encoded(MACHINE_QEMU, 4);
    W(0, 4, 0x1c44, 2 << 8);
    rig_forget();
    input(69, true);
    EQ(pins(2), HWI1);
    EQ(R(2, 4, 0x1808), 0x20);
    W(2, 8, 0x1808, 0x20);
    EQ(pins(2), 0);
    EQ(rig_line_calls, 2);
    W(0, 4, 0x1608, 0xffffffdf);
    W(0, 4, 0x1c44, 3 << 8);
    EQ(pins(3), 0);
    W(0, 4, 0x1608, ~0U);
    EQ(pins(3), HWI1);
    EQ(rig_events[VMC_EIO_PENDING], 2);
}
END_TEST

START_TEST(g8_two_vectors_on_a_pin_move_it_twice)
{
    start_encoded(MACHINE_QEMU, 1);
    rig_forget();
    input(5, true);
    input(6, true);
    W(0, 4, 0x1800, 1 << 5);
    EQ(pins(0), HWI1);
    W(0, 4, 0x1800, 1 << 6);
    EQ(pins(0), 0);
    EQ(rig_line_calls, 2);
}
END_TEST

START_TEST(g9_a_disabled_vector_waits_for_its_enable_bit)
{
    rig_start(MACHINE_QEMU, 1);
    input(40, true);
    EQ(pins(0), 0);
    W(0, 4, 0x1604, 0x100);
    EQ(pins(0), HWI0);
    W(0, 4, 0x1604, 0);
    EQ(pins(0), 0);
    EQ(R(0, 4, 0x1804), 0);
    W(0, 4, 0x1604, 0x100);
    EQ(pins(0), HWI0);
}
END_TEST

START_TEST(all_vectors_reach_all_of_256_vcpus)
{
    static const uint32_t pin_of_byte[] = {HWI0, HWI1, HWI2, HWI3};

    start_encoded(MACHINE_QEMU, 256);
    W(0, 8, 0x14c0, UINT64_C(0x0804020108040201));
    for (uint32_t v = 0; v < 256; v++) {
        uint32_t target = v * 37 & 0xff;

        W(0, 4, 0x1c00 + (v & ~3U),
          (R(0, 4, 0x1c00 + (v & ~3U)) & ~(UINT64_C(0xff) << (v % 4 * 8))) |
              (uint64_t)target << (v % 4 * 8));
        EQ(vmc_eio_target(&rig.eio, v), target);
    }
    for (uint32_t v = 0; v < 256; v++) {
        uint32_t target = v * 37 & 0xff;

        input(v, true);
        EQ(pins(target), pin_of_byte[v / 32 % 4]);
        EQ(R(target, 8, 0x1800 + v / 64 * 8), UINT64_C(1) << v % 64);
        EQ(vmc_eio_pending_on(&rig.eio, v), target);
        W(target, 8, 0x1800 + v / 64 * 8, UINT64_C(1) << v % 64);
        EQ(pins(target), 0);
        EQ(vmc_eio_pending_on(&rig.eio, v), VMC_EIO_NO_VCPU);
    }
}
END_TEST

START_TEST(a_repeated_message_is_coalesced)
{
    start_encoded(MACHINE_QEMU, 1);
    input(70, true);
    input(70, true);
    EQ(rig_events[VMC_EIO_PENDING], 1);
    EQ(rig_events[VMC_EIO_COALESCED], 1);
    W(0, 4, 0x1808, 1 << 6);
    EQ(rig_events[VMC_EIO_ACKED], 1);
    input(70, true);
    input(70, false);
    EQ(rig_events[VMC_EIO_WITHDRAWN], 1);
}
END_TEST

START_TEST(opening_the_gate_delivers_what_waits)
{
    rig_start(MACHINE_HW, 1);
    W(0, 4, 0x1608, ~0U);
    input(70, true);
    input(71, true);
    EQ(pins(0), 0);
    W(0, 8, 0x420, UINT64_C(1) << 48);
    EQ(R(0, 4, 0x1808), 3 << 6);
    EQ(pins(0), HWI0);
    W(0, 4, 0x1808, 3 << 6);
    W(0, 8, 0x420, UINT64_C(1) << 48); /* open already */
    EQ(pins(0), 0);
}
END_TEST

START_TEST(k0_counts_every_use_of_an_index_it_never_checked)
{
    start_encoded(MACHINE_KVM_K0, 4);
    W(0, 1, 0x1c46, 200);
    EQ(vmc_eio_target(&rig.eio, 70), 200);
    EQ(rig.eio.state.unchecked_uses, 0);
    input(70, true);
    EQ(rig.eio.state.unchecked_uses, 1);
    input(70, false);
    EQ(rig.eio.state.unchecked_uses, 2);
    EQ(vmc_eio_pending_on(&rig.eio, 70), VMC_EIO_NO_VCPU);
}
END_TEST

START_TEST(what_the_controller_refuses_it_says)
{
    static const struct {
        enum machine_semantics semantics;
        uint32_t offset, bytes;
        bool is_taken;
    } accesses[] = {
        {MACHINE_QEMU, 0x200, 4, true},   {MACHINE_QEMU, 0x200, 2, false},
        {MACHINE_QEMU, 0x202, 4, false},  {MACHINE_QEMU, 0x8fc, 8, false},
        {MACHINE_QEMU, 0x900, 4, false},  {MACHINE_QEMU, 0x300, 4, false},
        {MACHINE_KVM_K1, 0x201, 1, true}, {MACHINE_KVM_K1, 0x201, 2, false},
        {MACHINE_KVM_K0, 0x201, 2, true}, {MACHINE_HW, 0x300, 1, true},
        {MACHINE_KVM, 0x8ff, 1, true},
    };

    for (size_t i = 0; i < VMC_COUNT_OF(accesses); i++) {
        uint64_t value = 1;

        rig_start(accesses[i].semantics, 1);
        EQ(vmc_eio_read(&rig.eio, 0, accesses[i].offset, accesses[i].bytes,
                        &value) == VMC_OK,
           accesses[i].is_taken);
        EQ(value, 0);
    }
    rig_start(MACHINE_QEMU, 1);
    EQ(vmc_eio_write(&rig.eio, 0, 0x202, 4, 1), VMC_E_ACCESS);
    EQ(vmc_eio_write(&rig.eio, 1, 0x200, 4, 1), VMC_E_ACCESS); /* no vCPU 1 */
    EQ(vmc_eio_write(&rig.eio, 0, 0x300, 4, 1), VMC_E_ACCESS);
}
END_TEST

START_TEST(registers_read_back_what_was_written_and_holes_do_not)
{
    static const struct {
        uint64_t address;
        uint32_t bytes;
    } stored[] = {
        {0x14a0, 32}, {0x14c0, 8}, {0x1600, 32}, {0x1680, 32}, {0x1c00, 256}};
    static const uint64_t holes[] = {0x1400, 0x149c, 0x14c8, 0x15fc,
                                     0x1620, 0x167c, 0x16a0, 0x1700,
                                     0x171c, 0x17fc, 0x1820, 0x1bfc};

    rig_start(MACHINE_QEMU, 1);
    for (size_t i = 0; i < VMC_COUNT_OF(stored); i++) {
        for (uint32_t offset = 0; offset < stored[i].bytes; offset += 4) {
            W(0, 4, stored[i].address + offset, 0x9e3779b9 * (offset + 1));
        }
    }
    for (size_t i = 0; i < VMC_COUNT_OF(stored); i++) {
        for (uint32_t offset = 0; offset < stored[i].bytes; offset += 4) {
            EQ(R(0, 4, stored[i].address + offset),
               UINT32_C(0x9e3779b9) * (offset + 1));
        }
    }
    for (size_t i = 0; i < VMC_COUNT_OF(holes); i++) {
        W(0, 4, holes[i], ~0U);
        EQ(R(0, 4, holes[i]), 0);
    }
}
END_TEST

/* ---- The invariants ------------------------------------------------------ */

static const struct {
    enum machine_semantics semantics;
    enum vmc_eio_layout layout;
} lives[] = {
    {MACHINE_QEMU, VMC_EIO_LAYOUT_NONE},
    {MACHINE_QEMU, VMC_EIO_LAYOUT_FINAL},
    {MACHINE_KVM_K1, VMC_EIO_LAYOUT_FINAL},
    {MACHINE_KVM_K2, VMC_EIO_LAYOUT_A},
    {MACHINE_KVM, VMC_EIO_LAYOUT_B},
    {MACHINE_HW, VMC_EIO_LAYOUT_NONE},
};

static void random_write(struct vmc_rng *rng, uint32_t vcpus)
{
    static const uint32_t sizes[] = {1, 2, 4, 8};
    uint32_t bytes = sizes[vmc_rng_below(rng, 4)];
    uint32_t offset = (uint32_t)vmc_rng_below(rng, 256) & ~(bytes - 1);
    uint32_t vcpu = (uint32_t)vmc_rng_below(rng, vcpus);
    uint64_t value = vmc_rng_next(rng);

    switch (vmc_rng_below(rng, 4)) {
    case 0:
        W(vcpu, bytes, 0x1600 + offset % 32, value);
        break;
    case 1:
        W(vcpu, bytes, 0x1800 + offset % 32, value);
        break;
    case 2:
        W(vcpu, bytes, 0x1c00 + offset, value);
        break;
    default:
        W(vcpu, bytes, 0x1680 + offset % 32, value);
        break;
    }
}

START_TEST(the_invariants_hold_after_every_step)
{
    struct vmc_rng rng;

    vmc_rng_init(&rng, 1000 + (uint64_t)_i);
    for (uint32_t life = 0; life < 20; life++) {
        uint32_t vcpus = 1 + (uint32_t)vmc_rng_below(&rng, 12);

        rig_start_ids(lives[_i].semantics, lives[_i].layout, vcpus, NULL);
        W(0, 4, 0x14c0, (uint32_t)vmc_rng_next(&rng));
        W(0, 4, 0x14c4, (uint32_t)vmc_rng_next(&rng));
        W(0, 4, 0x40000004, 8 * vmc_rng_below(&rng, 2));
        W(0, 8, 0x420, UINT64_C(1) << 48);
        for (uint32_t i = 0; i < 2000; i++) {
            const char *broken;
            uint32_t where = 0;

            if (vmc_rng_below(&rng, 3) == 0) {
                random_write(&rng, vcpus);
            } else {
                input((uint32_t)vmc_rng_below(&rng, 256),
                      vmc_rng_below(&rng, 2) == 0);
            }
            broken = vmc_eio_check(&rig.eio, &where);
            ck_assert_msg(broken == NULL, "life %u step %u: %s, vCPU %u", life,
                          i, broken, where);
        }
    }
}
END_TEST

START_TEST(each_broken_invariant_is_found)
{
    uint32_t where;

    for (int kind = 0; kind < 6; kind++) {
        struct vmc_eio_state *state = &rig.eio.state;

        start_encoded(MACHINE_QEMU, 2);
        input(5, true);
        ck_assert_ptr_null(vmc_eio_check(&rig.eio, &where));
        switch (kind) {
        case 0:
            state->isr[0] = 0;
            break;
        case 1:
            state->target[5] = 1;
            break;
        case 2:
            state->coreisr[1][0] = 1 << 5;
            state->holds[1][1][0] = 1 << 5;
            state->lines[1] = 2;
            break;
        case 3:
            state->holds[0][2][0] = 1;
            break;
        case 4:
            state->lines[0] = 0;
            break;
        default:
            state->lines[1] = 4;
            break;
        }
        ck_assert_ptr_nonnull(vmc_eio_check(&rig.eio, &where));
    }
}
END_TEST

START_TEST(state_is_saved_and_loaded_as_bytes)
{
    struct vmc_state_map map = {.part_count = 0};
    char *snapshot;
    struct vmc_hash128 hash;

    start_encoded(MACHINE_KVM, 3);
    machine_add_state(&rig, &map);
    snapshot = malloc(map.total_bytes);
    input(5, true);
    W(1, 4, 0x1024, 77);
    vmc_avec_write(&rig.avec, 1 << 12 | 20 << 4);
    rig.msi.state.unchecked_uses = 3;
    PW(1, MACHINE_UART + 7, 9);
    hash = vmc_state_hash(&map);
    vmc_state_save(&map, snapshot);
    W(0, 4, 0x1800, 1 << 5);
    W(1, 4, 0x1024, 78);
    vmc_avec_settle(&rig.avec, 1);
    rig.msi.state.unchecked_uses = 4;
    PW(1, MACHINE_UART + 7, 8);
    ck_assert(vmc_state_hash(&map).low != hash.low);
    vmc_state_load(&map, snapshot);
    EQ(vmc_state_hash(&map).low, hash.low);
    EQ(pins(0), HWI1);
    EQ(vmc_avec_take(&rig.avec, 1), VMC_AVEC_NONE);
    vmc_avec_settle(&rig.avec, 1);
    EQ(vmc_avec_take(&rig.avec, 1), 20);
    EQ(rig.msi.state.unchecked_uses, 3);
    EQ(PR(1, MACHINE_UART + 7), 9);
    W(0, 4, 0x1800, 1 << 5);
    EQ(pins(0), 0);
    free(snapshot);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("eiointc");
    TCase *c = tcase_create("eiointc");

    suite_add_tcase(s, c);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, g7_a_handled_message_comes_back_on_the_new_target);
    tcase_add_test(c, g8_two_vectors_on_a_pin_move_it_twice);
    tcase_add_test(c, g9_a_disabled_vector_waits_for_its_enable_bit);
    tcase_add_test(c, all_vectors_reach_all_of_256_vcpus);
    tcase_add_test(c, a_repeated_message_is_coalesced);
    tcase_add_test(c, opening_the_gate_delivers_what_waits);
    tcase_add_test(c, k0_counts_every_use_of_an_index_it_never_checked);
    tcase_add_test(c, what_the_controller_refuses_it_says);
    tcase_add_test(c, registers_read_back_what_was_written_and_holes_do_not);
    tcase_add_loop_test(c, the_invariants_hold_after_every_step, 0,
                        VMC_COUNT_OF(lives));
    tcase_add_test(c, each_broken_invariant_is_found);
    tcase_add_test(c, state_is_saved_and_loaded_as_bytes);
    return s;
}
