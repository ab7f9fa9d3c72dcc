/* SPDX-License-Identifier: MIT */
/*
 * The bug catalogue B-1 to B-41 of spec section 16. A row has a probe and what
 * it finds in QEMU 10.0.2, in the four generations of KVM and in the real
 * part: a known bug shows where its implementation has it, and not elsewhere.
 * Bugs that were fixed before these have a switch, which is turned at the end;
 * or, when the model has nothing that could be wrong in that way, a row that
 * finds the right behaviour everywhere. B-16, B-24, B-26, B-27 and B-29 are
 * about memory and locks of the implementation; see the READMEs.
 */
#include "irqchip/kvm_inject.h"

#include "irq_rig.h"

enum { CPUS = 8, VECTOR = 64, MODELS = 6, QEMU = 0, HW = 5 };

static const enum machine_semantics models[MODELS] = {
    MACHINE_QEMU,   MACHINE_KVM_K0, MACHINE_KVM_K1,
    MACHINE_KVM_K2, MACHINE_KVM,    MACHINE_HW};
static const uint16_t sparse_ids[] = {0, 1, 2, 4, 5, 6};
static const uint64_t gate = UINT64_C(1) << 48;

static struct machine_switches switches;
static enum machine_semantics model;

static void start(uint32_t vcpus, const uint16_t *ids)
{
    rig_start_with(model, &switches, VMC_EIO_LAYOUT_FINAL, vcpus, ids);
    if (model == MACHINE_HW) {
        W(0, 8, 0x420, gate);
    }
    for (uint32_t vcpu = 0; vcpu < vcpus; vcpu++) {
        for (uint32_t i = 0; i < 8; i++) {
            W(vcpu, 4, 0x1600 + 4 * i, ~0U);
        }
        W(vcpu, 4, 0x1004, ~0U);
    }
    rig_forget();
}

static void ring(uint32_t vector)
{
    PW(4, MACHINE_MSI, vector);
}

static uint32_t all_pins(void)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < rig.vcpu_count; i++) {
        found |= (uint32_t)(pins(i) != 0) << i;
    }
    return found;
}

/* ---- EIOINTC --------------------------------------------------------------
 */

static uint64_t b1_only_the_moved_vector_moves(void)
{
    W(0, 4, 0x1c40, 0x01010101);
    ring(VECTOR + 2);
    W(0, 4, 0x1c40, 0x01040102); /* vector 64 to CPU 1, 66 to CPU 2 */
    return (uint64_t)all_pins() << 32 | R(2, 4, 0x1808);
}

static uint64_t b2_beyond_coreisr(void)
{
    uint64_t found = 0;

    ring(VECTOR);
    for (uint32_t offset = 0x1820; offset < 0x1c00; offset += 4) {
        W(0, 4, offset, ~0U);
        found |= R(0, 4, offset);
    }
    return found;
}

static uint64_t b3_bank_of_the_requester(void)
{
    uint64_t found = 0;

    W(0, 4, 0x1c40, 4); /* to CPU 2 */
    ring(VECTOR);
    ring(255);
    for (uint32_t vcpu = 0; vcpu < 4; vcpu++) {
        found = found << 8 | R(vcpu, 4, 0x1808);
    }
    return found << 32 | R(0, 4, 0x181c);
}

static uint64_t b4_half_of_a_word(void)
{
    input(40, true);
    return R(0, 4, 0x1800) << 32 | R(0, 4, 0x1804);
}

static uint64_t b10_target_by_physical_id(void)
{
    start(6, sparse_ids);
    W(0, 4, 0x40000004, 8);
    W(0, 4, 0x1c40, 5);
    ring(VECTOR);
    return all_pins();
}

static uint64_t b10_ipi_by_physical_id(void)
{
    start(6, sparse_ids);
    W(0, 4, 0x1040, 5 << 16 | 1);
    return all_pins();
}

static uint64_t b12_neighbours_of_a_byte(void)
{
    uint64_t found = 0;

    W(0, 4, 0x1c40, 0x01010101);
    W(0, 4, 0x40000004, 8);
    W(0, 1, 0x1c40, 2);
    for (uint32_t i = 0; i < 4; i++) {
        found = found << 4 | vmc_eio_target(&rig.eio, VECTOR + i);
    }
    return found;
}

static uint64_t b13_misaligned(void)
{
    uint64_t user = rig.iocsr.state.user_accesses;

    W(0, 4, 0x1682, 0x77);
    return (rig.iocsr.state.user_accesses - user) << 32 | R(0, 4, 0x1680);
}

static uint64_t b14_another_node_comes_online(void)
{
    W(0, 4, 0x1c40, 4);
    ring(VECTOR);
    W(2, 4, 0x1808, 1);
    W(4, 4, 0x1c40, 0x01010101); /* router_init of CPU 4 */
    return vmc_eio_target(&rig.eio, VECTOR) << 8 | all_pins();
}

static uint64_t b15_affinity_to_id_5(void)
{
    W(0, 4, 0x14a0, 0x00020001);
    W(4, 4, 0x14a0, 0x00020001);
    W(4, 4, 0x1c40, 0x12);
    W(0, 4, 0x1c40, 0x12);
    ring(VECTOR);
    return all_pins();
}

static uint64_t b17_locked_config(void)
{
    uint64_t found = 0;

    W(0, 4, 0x40000004, 2);
    W(0, 4, 0x40000004, 10);
    for (uint32_t i = 0; i < 8; i++) { /* G11 */
        W(0, 4, 0x1c40 + 4 * i, i);
        found = found << 4 | vmc_eio_target(&rig.eio, VECTOR + 4 * i);
    }
    return R(0, 4, 0x40000004) << 32 | found;
}

static uint64_t b18_extra_after_affinity(void)
{
    ring(VECTOR);
    W(0, 4, 0x1808, 1);
    rig_forget();
    W(0, 4, 0x1608, ~1U);
    W(0, 4, 0x1c40, 2);
    EQ(all_pins(), 0);
    W(0, 4, 0x1608, ~0U);
    return rig_events[VMC_EIO_PENDING] << 8 | all_pins();
}

static uint64_t b19_reroute_between_latch_and_lock(void)
{
    bool is_due;

    input(VECTOR, true);
    is_due = vmc_eio_begin_input(&rig.eio, VECTOR, false);
    W(0, 4, 0x1c40, 2);
    if (is_due) {
        vmc_eio_end_input(&rig.eio, VECTOR, false);
    }
    W(0, 4, 0x1808, 1); /* the old CPU tries to acknowledge */
    return all_pins();
}

static uint64_t b21_restored_pin(void)
{
    W(0, 4, 0x1c40, 0x01010101);
    ring(VECTOR);
    ring(VECTOR + 1);
    vmc_eio_restore(&rig.eio);
    W(0, 4, 0x1808, 1);
    return pins(0);
}

static uint64_t b22_ipmap_while_pending(void)
{
    ring(VECTOR);
    W(0, 4, 0x14c0, 0x02020202);
    W(0, 4, 0x1808, 1);
    return pins(0);
}

static uint64_t b35_one_line_at_a_time(void)
{
    W(0, 4, 0x14c0, 0x08040201);
    W(0, 4, 0x1040, 0x1f);
    input(5, true);
    input(40, true);
    input(41, true);
    input(70, true);
    input(40, false);
    return pins(0);
}

static uint64_t b36_enable_by_words_and_by_double_words(void)
{
    uint64_t found;

    W(0, 4, 0x1618, 0);
    input(200, true);
    W(0, 4, 0x1618, 1 << 8);
    found = R(0, 4, 0x1818);
    W(0, 8, 0x1618, 0);
    EQ(R(0, 4, 0x1818), 0);
    W(0, 8, 0x1618, 1 << 8);
    return found << 32 | R(0, 4, 0x1818);
}

static uint64_t b39_zero_acknowledges_nothing(void)
{
    ring(VECTOR);
    for (uint32_t i = 0; i < 4; i++) {
        W(0, 8, 0x1800 + 8 * i, 0);
    }
    return R(0, 4, 0x1808) << 32 | pins(0) | rig_events[VMC_EIO_ACKED] << 16;
}

static uint64_t b41_reset_with_a_pending_vector(void)
{
    W(0, 4, 0x14c0, 0x02020202);
    ring(VECTOR);
    machine_reset(&rig);
    if (model == MACHINE_HW) {
        W(0, 8, 0x420, gate);
    }
    W(0, 4, 0x14c0, 0x02020202);
    W(0, 4, 0x1608, ~0U);
    if (model == MACHINE_QEMU) { /* keeps everything, the pin too (R1) */
        EQ(pins(0), HWI1);
        W(0, 4, 0x1808, 1);
    }
    EQ(pins(0), 0);
    ring(VECTOR + 1);
    return pins(0);
}

/* ---- IPI and commands -----------------------------------------------------
 */

static uint64_t b8_masked_bytes(void)
{
    W(1, 4, 0x1020, 0x11223344);
    W(0, 8, 0x1048, UINT64_C(0xaabbccdd) << 32 | 6 << 27 | 1 << 16);
    return R(1, 4, 0x1020);
}

static uint64_t status_seen;

static void see_status(void *owner, uint32_t vcpu, uint32_t line, bool level)
{
    (void)owner;
    if (line == VMC_CPU_IPI && level) {
        status_seen = R(vcpu, 4, 0x1000);
    }
}

static uint64_t b9_status_before_line(void)
{
    status_seen = 0;
    rig.hooks.line = see_status;
    W(0, 4, 0x1040, 1 << 16 | 3);
    return status_seen;
}

static uint64_t b11_four_mailboxes(void)
{
    uint64_t found = 0;

    for (uint32_t i = 0; i < 4; i++) {
        W(1, 8, 0x1020 + 8 * i, i + 1);
    }
    for (uint32_t i = 0; i < 4; i++) {
        found = found << 8 | R(1, 8, 0x1020 + 8 * i);
    }
    return found;
}

static uint64_t b20_send_between_clear_and_line(void)
{
    bool is_due;

    W(0, 4, 0x1040, 1 << 16 | 1);
    is_due = vmc_ipi_begin_clear(&rig.iocsr.ipi, 1, 2);
    W(0, 4, 0x1040, 1 << 16 | 2);
    if (is_due) {
        vmc_ipi_end_clear(&rig.iocsr.ipi, 1);
    }
    W(0, 4, 0x1040, 1 << 16 | 3); /* and every later one */
    return R(1, 4, 0x1000) << 32 | pins(1);
}

static uint64_t b28_bad_offset_leaves_the_kernel(void)
{
    uint64_t before = rig.iocsr.state.user_accesses;

    EQ(R(0, 4, 0x1500), 0);
    W(0, 4, 0x1500, 1);
    return rig.iocsr.state.user_accesses - before;
}

static uint64_t b32_accesses_that_end_qemu(void)
{
    (void)R(0, 4, 0x100);
    (void)R(0, 4, 0x40000008);
    ring(5);
    PW(4, MACHINE_AVEC + (200 << 12 | 16 << 4), 0);
    return machine_fatal_accesses(&rig);
}

/* ---- PCH-PIC and PCH-MSI --------------------------------------------------
 */

static uint64_t b6_pulse_while_masked(void)
{
    PW(4, MACHINE_PIC + 0x60, 8);
    vmc_pic_set_line(&rig.pic, 3, true);
    vmc_pic_set_line(&rig.pic, 3, false);
    PW(4, MACHINE_PIC + 0x20, ~8U);
    return rig.pic.state.isr;
}

static uint64_t b7_vector_is_the_data(void)
{
    uint64_t wrong = 0;

    for (uint32_t vector = 32; vector < 256; vector++) {
        ring(vector);
        wrong += vmc_eio_pending_on(&rig.eio, vector) != 0;
        W(0, 8, 0x1800 + vector / 64 * 8, UINT64_C(1) << vector % 64);
        wrong += all_pins();
    }
    return wrong;
}

static uint64_t b23_two_pins_in_one_write(void)
{
    uint64_t found;

    PW(4, MACHINE_PIC + 0x60, 4);
    vmc_pic_set_line(&rig.pic, 2, true);
    vmc_pic_set_line(&rig.pic, 3, true);
    PW(4, MACHINE_PIC + 0x20, ~0xcU);
    found = rig.pic.state.isr;
    PW(4, MACHINE_PIC + 0x80, 0xc); /* an edge and a level */
    return found << 8 | rig.pic.state.irr;
}

static uint64_t b25_writable_status(void)
{
    PW(4, MACHINE_PIC + 0x3a0, 0xf0);
    return rig.pic.state.isr;
}

static uint64_t b34_message_data_of_nine_bits(void)
{
    PW(4, MACHINE_MSI, 256 + VECTOR);
    return R(0, 4, 0x1808) << 8 | rig.msi.state.unchecked_uses;
}

/* ---- Into the guest -------------------------------------------------------
 */

static struct vmc_kvm_vcpu kvm;
static struct vmc_cpuintc cpu;

static void note_line(void *owner, uint32_t vcpu, uint32_t line, bool level)
{
    (void)owner;
    (void)vcpu;
    (void)vmc_kvm_note(&kvm, line, level, false);
}

static uint64_t b38_kicks_of_a_low_line_lowered(void)
{
    kvm = (struct vmc_kvm_vcpu){.place = VMC_KVM_IN_GUEST};
    rig.hooks.line = note_line;
    input(VECTOR, false);
    input(VECTOR, false);
    vmc_kvm_enter(&kvm, &rig.cpus[0]);
    EQ(pins(0), 0);
    return kvm.kicks;
}

static uint64_t b40_line_before_vector(void)
{
    uint64_t found;

    PW(4, MACHINE_AVEC + (1 << 12 | 20 << 4), 0);
    EQ(pins(1), 1 << VMC_CPU_MESSAGE);
    found = vmc_avec_take(&rig.avec, 1) == VMC_AVEC_NONE;
    if (found != 0) { /* interrupted again, until the vector is there */
        EQ(pins(1), 1 << VMC_CPU_MESSAGE);
        vmc_avec_settle(&rig.avec, 1);
        EQ(vmc_avec_take(&rig.avec, 1), 20);
    }
    EQ(pins(1), 0);
    return found;
}

#define ALL(value)                                                             \
    {                                                                          \
        value, value, value, value, value, value                               \
    }

static const struct {
    const char *id;
    uint64_t (*probe)(void);
    uint64_t expected[MODELS]; /* QEMU, K0 to K3, HW */
} rows[] = {
    {"B-1", b1_only_the_moved_vector_moves, ALL(UINT64_C(4) << 32 | 4)},
    {"B-2", b2_beyond_coreisr, ALL(0)},
    {"B-3", b3_bank_of_the_requester,
     ALL(UINT64_C(0x00000100) << 32 | UINT64_C(0x80000000))},
    {"B-4", b4_half_of_a_word, ALL(0x100)},
    {"B-6", b6_pulse_while_masked, ALL(8)},
    {"B-7", b7_vector_is_the_data, ALL(0)},
    {"B-8", b8_masked_bytes, ALL(0xaa2233dd)},
    {"B-9", b9_status_before_line, ALL(8)},
    {"B-10", b10_target_by_physical_id, {16, 32, 16, 16, 16, 16}},
    {"B-10", b10_ipi_by_physical_id, ALL(16)},
    {"B-11", b11_four_mailboxes, ALL(0x01020304)},
    {"B-12",
     b12_neighbours_of_a_byte,
     {0, 0x2000, 0x2000, 0x2111, 0x2111, 0x2000}},
    {"B-13",
     b13_misaligned,
     {0, 0x77, UINT64_C(1) << 32, UINT64_C(1) << 32, 0, 0}},
    {"B-14", b14_another_node_comes_online, {1, 1, 1, 1, 1, 2 << 8}},
    {"B-15", b15_affinity_to_id_5, {2, 2, 2, 2, 2, 32}},
    /* K0 takes byte 0 for an index of 255 that it does not check (D4). */
    {"B-17",
     b17_locked_config,
     {UINT64_C(2) << 32 | 0x00102010, UINT64_C(0xff0102010),
      UINT64_C(2) << 32 | 0x00102010, UINT64_C(2) << 32 | 0x00102010,
      UINT64_C(2) << 32 | 0x00102010, UINT64_C(2) << 32 | 0x00102010}},
    {"B-18", b18_extra_after_affinity, {0x102, 0x102, 0x102, 0x102, 0x102, 0}},
    {"B-19", b19_reroute_between_latch_and_lock, {0, 1, 1, 0, 0, 0}},
    {"B-20",
     b20_send_between_clear_and_line,
     {UINT64_C(12) << 32 | IPI_PIN, UINT64_C(12) << 32 | IPI_PIN,
      UINT64_C(12) << 32, UINT64_C(12) << 32, UINT64_C(12) << 32,
      UINT64_C(12) << 32 | IPI_PIN}},
    {"B-21", b21_restored_pin, {0, 0, 0, 0, 0, HWI0}},
    {"B-22", b22_ipmap_while_pending, {HWI0, HWI0, HWI0, HWI0, HWI0, 0}},
    {"B-23",
     b23_two_pins_in_one_write,
     {0x400, 0xc08, 0xc08, 0xc08, 0xc08, 0xc08}},
    {"B-25", b25_writable_status, {0xf0, 0, 0, 0, 0, 0}},
    {"B-28", b28_bad_offset_leaves_the_kernel, {0, 2, 2, 2, 0, 0}},
    {"B-32", b32_accesses_that_end_qemu, {4, 0, 0, 0, 0, 0}},
    {"B-34", b34_message_data_of_nine_bits, {0x100, 1, 1, 1, 1, 0x100}},
    {"B-35", b35_one_line_at_a_time, ALL(IPI_PIN | HWI0 | HWI1 | HWI2)},
    {"B-36", b36_enable_by_words_and_by_double_words,
     ALL(UINT64_C(0x100) << 32 | 0x100)},
    {"B-38", b38_kicks_of_a_low_line_lowered, {2, 2, 2, 2, 2, 0}},
    {"B-39", b39_zero_acknowledges_nothing, ALL(UINT64_C(1) << 32 | HWI0)},
    {"B-40", b40_line_before_vector, {1, 1, 1, 1, 1, 0}},
    {"B-41", b41_reset_with_a_pending_vector, {HWI1, 0, 0, 0, HWI1, HWI1}},
};

static uint64_t probe(int row, int which)
{
    model = models[which];
    start(CPUS, NULL);
    return rows[row].probe();
}

START_TEST(a_known_bug_shows_where_it_is_and_nowhere_else)
{
    for (int i = 0; i < MODELS; i++) {
        uint64_t found;

        switches = machine_switches_of(models[i]);
        found = probe(_i, i);
        ck_assert_msg(found == rows[_i].expected[i], "%s, model %d: %#llx",
                      rows[_i].id, i, (unsigned long long)found);
    }
}
END_TEST

/* ---- Bugs older than these, and bugs with a switch of their own -----------
 */

START_TEST(b5_a_pin_encoding_that_is_offered_but_not_done)
{
    model = MACHINE_QEMU;
    for (int bug = 0; bug < 2; bug++) {
        switches = machine_switches_of(MACHINE_QEMU);
        switches.virt_features |= bug ? VMC_EIO_HAS_INT_ENCODE : 0;
        start(1, NULL);
        W(0, 4, 0x40000004, 4);
        EQ(R(0, 4, 0x40000004), bug ? 4 : 0);
        W(0, 4, 0x14c0, 0x03030303);
        ring(VECTOR);
        EQ(pins(0), HWI0); /* not HWI3 */
    }
}
END_TEST

START_TEST(b6_b8_old_faults_come_back_with_their_switch)
{
    model = MACHINE_QEMU;
    switches = machine_switches_of(model);
    switches.pic.edge_falls_quietly = true;
    switches.iocsr.mask_is_ignored = true;
    start(2, NULL);
    EQ(b6_pulse_while_masked(), 0);
    EQ(b8_masked_bytes(), 0xaabbccdd);
}
END_TEST

START_TEST(b19_the_old_cpu_is_interrupted_for_ever)
{
    model = MACHINE_KVM_K1;
    switches = machine_switches_of(model);
    start(4, NULL);
    (void)b19_reroute_between_latch_and_lock();
    for (int i = 0; i < 10; i++) {
        EQ(R(0, 4, 0x1808), 0); /* nothing to serve */
        W(0, 4, 0x1808, ~0U);
        EQ(pins(0), HWI0);
    }
}
END_TEST

START_TEST(b30_a_timer_that_expires_while_software_injects)
{
    for (int fixed = 0; fixed < 2; fixed++) {
        uint32_t read;

        cpu = (struct vmc_cpuintc){.is = 0};
        read = cpu.is;
        vmc_cpuintc_set(&cpu, VMC_CPU_TIMER, true);
        vmc_kvm_write_line(&cpu, read, VMC_CPU_SWI0, 3, 1000, fixed != 0);
        EQ(cpu.is, fixed ? 1U << VMC_CPU_TIMER | 1 : 1);
    }
    /* One that did not expire is not made up. */
    cpu = (struct vmc_cpuintc){.is = 0};
    vmc_kvm_write_line(&cpu, 0, VMC_CPU_IPI, 1000, 998, true);
    EQ(cpu.is, 1U << VMC_CPU_IPI);
}
END_TEST

START_TEST(b31_phantom_vectors_from_a_stale_word)
{
    model = MACHINE_KVM;
    for (int bug = 0; bug < 2; bug++) {
        uint32_t count = 0;

        switches = machine_switches_of(model);
        switches.avec.repeats_stale_words = bug != 0;
        start(2, NULL);
        PW(4, MACHINE_AVEC + (1 << 12 | 70 << 4), 0);
        vmc_avec_settle(&rig.avec, 1);
        while (vmc_avec_take(&rig.avec, 1) != VMC_AVEC_NONE) {
            count++;
        }
        EQ(count, bug ? 3 : 1); /* 70, and 134 and 198 out of nothing */
    }
}
END_TEST

static uint64_t reached[4];

static void reach(void *owner, uint32_t id)
{
    (void)owner;
    reached[id / 64] |= UINT64_C(1) << id % 64;
}

START_TEST(b33_the_second_word_of_a_paravirtual_ipi)
{
    for (int bug = 0; bug < 2; bug++) {
        memset(reached, 0, sizeof(reached));
        EQ(vmc_kvm_pv_ipi(1, 5, 64, bug != 0, reach, NULL), 3);
        EQ(reached[1], bug ? 5 : 1);
        EQ(reached[2], bug ? 0 : 5);
    }
}
END_TEST

/* A note at each of the three moments of an entry must be in the guest then,
 * or have kicked it out again. */
START_TEST(b37_a_note_at_any_moment_of_an_entry_is_not_left_behind)
{
    static const enum vmc_kvm_entry order[2][VMC_KVM_ENTRY_STEPS] = {
        {VMC_KVM_PUBLISH, VMC_KVM_COLLECT}, {VMC_KVM_COLLECT, VMC_KVM_PUBLISH}};

    for (int bug = 0; bug < 2; bug++) {
        for (int moment = 0; moment <= VMC_KVM_ENTRY_STEPS; moment++) {
            kvm = (struct vmc_kvm_vcpu){.place = VMC_KVM_OUTSIDE};
            cpu = (struct vmc_cpuintc){.is = 0};
            for (int step = 0; step <= VMC_KVM_ENTRY_STEPS; step++) {
                if (step == moment) {
                    (void)vmc_kvm_note(&kvm, VMC_CPU_HWI0, true, false);
                }
                if (step < VMC_KVM_ENTRY_STEPS) {
                    vmc_kvm_enter_step(&kvm, &cpu, order[bug][step]);
                }
            }
            EQ(cpu.is != 0 || kvm.must_exit, !(bug && moment == 1));
        }
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("bugs");
    TCase *c = tcase_create("bugs");

    suite_add_tcase(s, c);
    tcase_add_loop_test(c, a_known_bug_shows_where_it_is_and_nowhere_else, 0,
                        VMC_COUNT_OF(rows));
    tcase_add_test(c, b5_a_pin_encoding_that_is_offered_but_not_done);
    tcase_add_test(c, b6_b8_old_faults_come_back_with_their_switch);
    tcase_add_test(c, b19_the_old_cpu_is_interrupted_for_ever);
    tcase_add_test(c, b30_a_timer_that_expires_while_software_injects);
    tcase_add_test(c, b31_phantom_vectors_from_a_stale_word);
    tcase_add_test(c, b33_the_second_word_of_a_paravirtual_ipi);
    tcase_add_test(c, b37_a_note_at_any_moment_of_an_entry_is_not_left_behind);
    return s;
}
