/* SPDX-License-Identifier: MIT */
/*
 * The differences D1 to D31 of spec section 15. A row has a probe, what it
 * finds in QEMU, KVM (K3) and the real part, and a switch that is turned by
 * hand, with what the probe finds then. D32 is about a device tree, which
 * nobody here reads.
 */
#include "irq_rig.h"

enum { CPUS = 20, VECTOR = 64 };

static const uint64_t gate = UINT64_C(1) << 48;

static void ring(uint32_t vector)
{
    PW(4, MACHINE_MSI, vector);
}

static void route(uint32_t vector, uint8_t byte)
{
    W(0, 4, 0x1c00 + vector, byte);
}

static void enable_all(void)
{
    W(0, 8, 0x420, gate);
    for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
        for (uint32_t i = 0; i < 8; i++) {
            W(cpu, 4, 0x1600 + 4 * i, ~0U);
        }
    }
}

static uint32_t target(void)
{
    return vmc_eio_target(&rig.eio, VECTOR);
}

static uint64_t d1_comes_back_after_ack(void)
{
    enable_all();
    ring(VECTOR);
    W(0, 4, 0x1808, 1);
    EQ(pins(0), 0);
    W(0, 4, 0x1608, 0);
    W(0, 4, 0x1608, ~0U);
    return pins(0) != 0;
}

static uint64_t d2_isr_reads(void)
{
    ring(VECTOR);
    return R(0, 4, 0x1708);
}

static uint64_t d3_node_bits(void)
{
    W(0, 4, 0x14a0, 0x00020001); /* NODETYPE[1] is node 1 */
    route(VECTOR, 0x12);
    return target();
}

static uint64_t d4_route_0(void)
{
    route(VECTOR, 2);
    EQ(target(), 1);
    route(VECTOR, 0);
    return target();
}

/* Where the next @count raises of a vector went, five bits each. */
static uint64_t sequence(uint32_t count)
{
    uint64_t found = 0;

    for (uint32_t i = 0; i < count; i++) {
        ring(VECTOR);
        found = found << 5 | target();
        W(target(), 4, 0x1808, 1);
    }
    return found;
}

static uint64_t d5_two_cores(void)
{
    enable_all();
    W(0, 4, 0x1688, ~0U);
    route(VECTOR, 6);
    return sequence(3);
}

static uint64_t d6_two_cores_without_bounce(void)
{
    enable_all();
    route(VECTOR, 6);
    return sequence(3);
}

static uint64_t d6_nodes_and_cores(void)
{
    enable_all();
    W(0, 4, 0x1688, ~0U);
    W(0, 4, 0x14a4, 0x0013); /* NODETYPE[2]: nodes 0, 1 and 4 */
    route(VECTOR, 0x27);
    return sequence(9);
}

static uint64_t d7_encoded_pin(void)
{
    W(0, 4, 0x40000004, 4);
    W(0, 8, 0x420, gate | UINT64_C(1) << 49);
    enable_all();
    W(0, 8, 0x420, gate | UINT64_C(1) << 49);
    W(0, 4, 0x14c0, 0x05050505);
    ring(VECTOR);
    return pins(0);
}

static uint64_t d8_no_usable_pin_bit(void)
{
    enable_all();
    W(0, 4, 0x14c0, 0x00101010);
    ring(VECTOR);
    return pins(0);
}

static uint64_t d9_without_gate(void)
{
    W(0, 4, 0x1608, 1);
    ring(VECTOR);
    return pins(0) != 0;
}

static uint64_t d10_reroute_while_pending(void)
{
    enable_all();
    ring(VECTOR);
    route(VECTOR, 4);
    return (pins(0) != 0) | (pins(2) != 0) << 1;
}

static uint64_t d11_redecoded(void)
{
    uint64_t count = 0;

    W(0, 4, 0x1c40, 0x01010101);
    W(0, 4, 0x1c44, 0x01010101);
    W(0, 4, 0x40000004, 8);
    W(0, 4, 0x1c40, 0x01010102);
    for (uint32_t i = 0; i < 8; i++) {
        count += vmc_eio_target(&rig.eio, VECTOR + i) != 0;
    }
    return count;
}

static uint64_t d12_absent_id(void)
{
    W(0, 4, 0x40000004, 8);
    route(VECTOR, 2);
    route(VECTOR, 77);
    return target() << 8 | R(0, 4, 0x1c40);
}

static uint64_t d13_physical_id(void)
{
    struct machine_switches switches = {
        .eio = rig.eio.config.semantics,
        .iocsr = rig.iocsr.semantics,
        .pic = rig.pic.semantics,
        .avec = rig.avec.semantics,
        .virt_features = VMC_EIO_FEATURES_QEMU,
    };
    static const uint16_t ids[] = {0, 1, 2, 4, 5, 6};

    rig_start_with(MACHINE_QEMU, &switches, VMC_EIO_LAYOUT_FINAL, 6, ids);
    W(0, 4, 0x40000004, 8);
    route(VECTOR, 5);
    return target();
}

static uint64_t d14_one_byte(void)
{
    W(0, 1, 0x1609, 0xa5);
    return R(0, 4, 0x1608);
}

static uint64_t d15_narrow_read(void)
{
    W(0, 4, 0x1020, 0x80000000);
    return vmc_iocsr_extend(&rig.iocsr, R(0, 4, 0x1020), 4);
}

static uint64_t d16_ipi_not_enabled(void)
{
    W(0, 4, 0x1040, 1 << 16 | 3);
    return pins(1) != 0;
}

static uint64_t d17_ipi_rest_not_enabled(void)
{
    W(1, 4, 0x1004, 2);
    W(0, 4, 0x1040, 1 << 16 | 1);
    W(0, 4, 0x1040, 1 << 16 | 2);
    W(1, 4, 0x100c, 2);
    return pins(1) != 0;
}

static uint64_t d18_unmask_two(void)
{
    vmc_pic_set_line(&rig.pic, 2, true);
    vmc_pic_set_line(&rig.pic, 3, true);
    PW(4, MACHINE_PIC + 0x20, 0);
    return rig.pic.state.isr;
}

static uint64_t d19_high_twice(void)
{
    PW(4, MACHINE_PIC + 0x60, 4);
    vmc_pic_set_line(&rig.pic, 2, true);
    PW(4, MACHINE_PIC + 0x80, 4);
    vmc_pic_set_line(&rig.pic, 2, true);
    return rig.pic.state.irr;
}

static uint64_t d20_active_low(void)
{
    PW(4, MACHINE_PIC + 0x3e0, 4);
    vmc_pic_set_line(&rig.pic, 2, false);
    return rig.pic.state.irr;
}

static uint64_t d21_request(void)
{
    vmc_pic_set_line(&rig.pic, 2, true);
    return PR(8, MACHINE_PIC + 0x380);
}

static uint64_t d22_masked_in_service(void)
{
    PW(4, MACHINE_PIC + 0x20, 0);
    vmc_pic_set_line(&rig.pic, 2, true);
    PW(4, MACHINE_PIC + 0x20, ~0U);
    return PR(8, MACHINE_PIC + 0x3a0);
}

static uint64_t d23_vector_of_pin_9(void)
{
    return PR(1, MACHINE_PIC + 0x209);
}

static uint64_t d24_first_message(void)
{
    PW(4, MACHINE_AVEC + (1 << 12 | 20 << 4), 0);
    PW(4, MACHINE_AVEC + (1 << 12 | 30 << 4), 0);
    vmc_avec_settle(&rig.avec, 1);
    EQ(pins(1), 1 << VMC_CPU_MESSAGE);
    return vmc_avec_take(&rig.avec, 1);
}

static uint64_t d25_restored_pin(void)
{
    uint32_t where;
    bool is_whole;

    enable_all();
    W(0, 4, 0x1c40, 0x01010101); /* as raw ids they would be CPU 1 */
    ring(VECTOR);
    ring(VECTOR + 1);
    vmc_eio_restore(&rig.eio);
    is_whole = vmc_eio_check(&rig.eio, &where) == NULL;
    W(0, 4, 0x1808, 1);
    return (uint64_t)is_whole << 1 | (pins(0) != 0);
}

static uint64_t d26_bad_virtual_offset(void)
{
    EQ(R(0, 4, 0x40000008), 0);
    return machine_fatal_accesses(&rig);
}

static uint64_t d27_ext_ioi_send(void)
{
    W(0, 4, 0x1140, VECTOR);
    return rig.eio.state.isr[1];
}

static uint64_t d28_blocking(void)
{
    EQ(vmc_iocsr_waits(&rig.iocsr, 0x1048, 0), false);
    EQ(vmc_iocsr_waits(&rig.iocsr, 0x1000, 1U << 31), false);
    return vmc_iocsr_waits(&rig.iocsr, 0x1040, 1U << 31);
}

static uint64_t d29_pins_of_the_bitmap(void)
{
    uint64_t found = 0;

    enable_all();
    for (uint32_t bit = 0; bit < 8; bit++) {
        W(0, 4, 0x14c0, UINT32_C(1) << (16 + bit));
        ring(VECTOR);
        found |= pins(0);
        W(0, 4, 0x1808, 1);
        PW(4, MACHINE_MSI, VECTOR + 1);
        W(0, 4, 0x1808, 2);
    }
    return found;
}

static uint64_t d30_enable_of_another_node(void)
{
    W(4, 4, 0x1600, 0x55);
    return R(0, 4, 0x1600);
}

static uint64_t d31_lower_an_idle_vector(void)
{
    rig_forget();
    input(VECTOR, false);
    return rig_line_lowers;
}

static void isr_readable(struct machine_switches *s)
{
    s->eio.isr_is_readable = true;
}
static void ack_clears(struct machine_switches *s)
{
    s->eio.ack_clears_latch = true;
}
static void nodes(struct machine_switches *s)
{
    s->eio.has_nodes = true;
}
static void zero_keeps(struct machine_switches *s)
{
    s->eio.zero_route = VMC_EIO_ZERO_KEEPS;
}
static void zero_is_0(struct machine_switches *s)
{
    s->eio.zero_route = VMC_EIO_ZERO_IS_CPU0;
}
static void rotates(struct machine_switches *s)
{
    s->eio.rotates = true;
}
static void stays(struct machine_switches *s)
{
    s->eio.rotates = false;
}
static void offers_int_encode(struct machine_switches *s)
{
    s->virt_features |= VMC_EIO_HAS_INT_ENCODE;
}
static void needs_gate(struct machine_switches *s)
{
    s->eio.gate_is_needed = true;
}
static void redecodes_width(struct machine_switches *s)
{
    s->eio.redecode = VMC_EIO_REDECODE_WIDTH;
}
static void redecodes_group(struct machine_switches *s)
{
    s->eio.redecode = VMC_EIO_REDECODE_GROUP;
}
static void index_is_id(struct machine_switches *s)
{
    s->eio.ids_are_looked_up = false;
}
static void takes_bytes(struct machine_switches *s)
{
    s->eio.sizes_bytes = 1 | 2 | 4 | 8;
    s->iocsr.narrow_is_refused = false;
}
static void extends_sign(struct machine_switches *s)
{
    s->iocsr.extends_sign = true;
}
static void ungated(struct machine_switches *s)
{
    s->iocsr.ipi.enable_gates_raise = false;
}
static void enable_acts(struct machine_switches *s)
{
    s->iocsr.ipi.enable_acts = true;
}
static void all_pins(struct machine_switches *s)
{
    s->pic.acts_on_lowest_only = false;
}
static void any_high(struct machine_switches *s)
{
    s->pic.any_high_is_an_edge = true;
}
static void inverts(struct machine_switches *s)
{
    s->pic.polarity_inverts = true;
}
static void shows_request(struct machine_switches *s)
{
    s->pic.request_is_readable = true;
}
static void shows_masked(struct machine_switches *s)
{
    s->pic.status_is_masked = false;
}
static void vector_is_pin(struct machine_switches *s)
{
    s->pic.vectors_start_as_pins = true;
}
static void highest(struct machine_switches *s)
{
    s->avec.takes_lowest = false;
}
static void restores(struct machine_switches *s)
{
    s->eio.restore = VMC_EIO_RESTORE_RIGHT;
}
static void survives(struct machine_switches *s)
{
    s->iocsr.has_fatal_accesses = false;
}
static void sends_vectors(struct machine_switches *s)
{
    s->iocsr.has_ext_ioi_send = true;
}
static void waits(struct machine_switches *s)
{
    s->iocsr.blocking_waits = true;
}
static void lowers_once(struct machine_switches *s)
{
    s->eio.lowers_redundantly = false;
}

enum {
    SEQUENCE_111 = 1 << 10 | 1 << 5 | 1,
    SEQUENCE_121 = 1 << 10 | 2 << 5 | 1
};

/* The manual's example: cores 0 to 2 of nodes 0, 1 and 4. */
static const uint64_t nodes_and_cores =
    UINT64_C(0) << 40 | UINT64_C(1) << 35 | UINT64_C(2) << 30 |
    UINT64_C(4) << 25 | UINT64_C(5) << 20 | UINT64_C(6) << 15 |
    UINT64_C(16) << 10 | UINT64_C(17) << 5 | UINT64_C(18);

static const struct {
    const char *what;
    uint64_t (*probe)(void);
    uint64_t qemu, kvm, hw;
    void (*turn)(struct machine_switches *switches);
    enum machine_semantics base; /* on which the switch is turned */
    uint64_t turned;
} rows[] = {
    {"D1", d1_comes_back_after_ack, 1, 1, 0, ack_clears, MACHINE_QEMU, 0},
    {"D2", d2_isr_reads, 0, 0, 1, isr_readable, MACHINE_KVM, 1},
    {"D3", d3_node_bits, 1, 1, 5, nodes, MACHINE_QEMU, 5},
    {"D4", d4_route_0, 0, 1, 1, zero_keeps, MACHINE_QEMU, 1},
    {"D4", d4_route_0, 0, 1, 1, zero_is_0, MACHINE_KVM, 0},
    {"D5", d5_two_cores, SEQUENCE_111, SEQUENCE_111, SEQUENCE_121, rotates,
     MACHINE_QEMU, SEQUENCE_121},
    {"D6", d6_nodes_and_cores, 0, 0, 0 /* below */, stays, MACHINE_HW, 0},
    {"D6", d6_two_cores_without_bounce, SEQUENCE_111, SEQUENCE_111,
     SEQUENCE_111, rotates, MACHINE_QEMU, SEQUENCE_111},
    {"D7", d7_encoded_pin, HWI0, HWI0, 1 << 7, offers_int_encode, MACHINE_KVM,
     1 << 7},
    {"D8", d8_no_usable_pin_bit, HWI0, HWI0, HWI0, NULL, 0, 0},
    {"D9", d9_without_gate, 1, 1, 0, needs_gate, MACHINE_QEMU, 0},
    {"D10", d10_reroute_while_pending, 2, 2, 2, NULL, 0, 0},
    {"D11", d11_redecoded, 4, 8, 4, redecodes_width, MACHINE_KVM, 4},
    {"D11", d11_redecoded, 4, 8, 4, redecodes_group, MACHINE_QEMU, 8},
    {"D12", d12_absent_id, 2 << 8 | 77, 2 << 8 | 77, 2 << 8 | 77, index_is_id,
     MACHINE_KVM, 77 << 8 | 77},
    {"D13", d13_physical_id, 4, 4, 4, index_is_id, MACHINE_QEMU, 5},
    {"D14", d14_one_byte, 0, 0xa500, 0xa500, takes_bytes, MACHINE_QEMU, 0xa500},
    {"D15", d15_narrow_read, 0x80000000, UINT64_C(0xffffffff80000000),
     UINT64_C(0xffffffff80000000), extends_sign, MACHINE_QEMU,
     UINT64_C(0xffffffff80000000)},
    {"D16", d16_ipi_not_enabled, 0, 1, 0, ungated, MACHINE_QEMU, 1},
    {"D17", d17_ipi_rest_not_enabled, 1, 1, 0, enable_acts, MACHINE_QEMU, 0},
    {"D18", d18_unmask_two, 4, 0xc, 0xc, all_pins, MACHINE_QEMU, 0xc},
    {"D19", d19_high_twice, 0, 4, 0, any_high, MACHINE_QEMU, 4},
    {"D20", d20_active_low, 0, 0, 4, inverts, MACHINE_QEMU, 4},
    {"D21", d21_request, 0, 4, 4, shows_request, MACHINE_QEMU, 4},
    {"D22", d22_masked_in_service, 0, 4, 4, shows_masked, MACHINE_QEMU, 4},
    {"D23", d23_vector_of_pin_9, 0, 9, 9, vector_is_pin, MACHINE_QEMU, 9},
    {"D24", d24_first_message, 20, 30, 30, highest, MACHINE_QEMU, 30},
    {"D25", d25_restored_pin, 0, 0, 3, restores, MACHINE_QEMU, 3},
    {"D26", d26_bad_virtual_offset, 1, 0, 0, survives, MACHINE_QEMU, 0},
    {"D27", d27_ext_ioi_send, 0, 0, 1, sends_vectors, MACHINE_QEMU, 1},
    {"D28", d28_blocking, 0, 0, 1, waits, MACHINE_KVM, 1},
    {"D29", d29_pins_of_the_bitmap, 0x3c, 0x3c, 0x3c, NULL, 0, 0},
    {"D30", d30_enable_of_another_node, 0x55, 0x55, 0, nodes, MACHINE_KVM, 0},
    {"D31", d31_lower_an_idle_vector, 1, 1, 0, lowers_once, MACHINE_KVM, 0},
};

static uint64_t probe(int row, enum machine_semantics semantics, bool is_turned)
{
    struct machine_switches switches = machine_switches_of(semantics);

    if (is_turned) {
        rows[row].turn(&switches);
    }
    rig_start_with(semantics, &switches, VMC_EIO_LAYOUT_FINAL, CPUS, NULL);
    return rows[row].probe();
}

START_TEST(a_difference_is_where_the_table_has_it)
{
    uint64_t hw =
        rows[_i].probe == d6_nodes_and_cores ? nodes_and_cores : rows[_i].hw;
    uint64_t found[3] = {probe(_i, MACHINE_QEMU, false),
                         probe(_i, MACHINE_KVM, false),
                         probe(_i, MACHINE_HW, false)};

    ck_assert_msg(found[0] == rows[_i].qemu && found[1] == rows[_i].kvm &&
                      found[2] == hw,
                  "%s: qemu %#llx kvm %#llx hw %#llx", rows[_i].what,
                  (unsigned long long)found[0], (unsigned long long)found[1],
                  (unsigned long long)found[2]);
}
END_TEST

START_TEST(a_difference_can_be_turned_by_itself)
{
    if (rows[_i].turn != NULL) {
        uint64_t found = probe(_i, rows[_i].base, true);

        ck_assert_msg(found == rows[_i].turned, "%s: %#llx", rows[_i].what,
                      (unsigned long long)found);
    }
}
END_TEST

/* ---- The three layouts of the virtual extension -------------------------- */

static const struct {
    enum vmc_eio_layout layout;
    uint64_t features, control; /* addresses */
    uint32_t shows;             /* of features 0xb after power-on */
    uint32_t encode, encoded;   /* written, and then read */
} layouts[] = {
    {VMC_EIO_LAYOUT_FINAL, 0x40000000, 0x40000004, 0xb, 1 << 3, 1 << 3},
    {VMC_EIO_LAYOUT_A, 0x40000000, 0x40000000, 0x1, 1 << 15, 1 << 15 | 1},
    {VMC_EIO_LAYOUT_B, 0x40000000, 0x40000004, 0x2, 1 << 1, 1 << 1},
};

START_TEST(each_layout_switches_routes_to_physical_ids)
{
    for (int kvm = 0; kvm < 2; kvm++) {
        rig_start_ids(kvm ? MACHINE_KVM : MACHINE_QEMU, layouts[_i].layout, 16,
                      NULL);
        EQ(R(0, 4, layouts[_i].features), layouts[_i].shows);
        route(VECTOR, 12); /* a bitmap: core 2 */
        EQ(target(), 2);
        W(0, 4, layouts[_i].control, layouts[_i].encode);
        EQ(R(0, 4, layouts[_i].control), layouts[_i].encoded);
        route(VECTOR, 12);
        EQ(target(), 12);
        W(0, 4, layouts[_i].control, 0);
        route(VECTOR, 12);
        EQ(target(), 2);
    }
}
END_TEST

START_TEST(only_the_final_layout_can_be_locked)
{
    rig_start_ids(MACHINE_QEMU, layouts[_i].layout, 16, NULL);
    W(0, 8, 0x420, gate);
    W(0, 4, layouts[_i].control, layouts[_i].encode);
    route(VECTOR, 12);
    EQ(target(), layouts[_i].layout == VMC_EIO_LAYOUT_FINAL ? 2 : 12);
}
END_TEST

START_TEST(layout_b_has_the_pin_encoding_in_bit_0)
{
    struct machine_switches switches = machine_switches_of(MACHINE_KVM);

    offers_int_encode(&switches);
    rig_start_with(MACHINE_KVM, &switches, VMC_EIO_LAYOUT_B, 2, NULL);
    EQ(R(0, 4, 0x40000000), 3);
    W(0, 4, 0x40000004, 1);
    EQ(R(0, 4, 0x40000004), 1);
    W(0, 4, 0x14c0, 0x06060606);
    W(0, 4, 0x1608, 1);
    ring(VECTOR);
    EQ(pins(0), 1 << 8);
}
END_TEST

START_TEST(without_the_extension_there_is_nothing_to_switch)
{
    rig_start_ids(MACHINE_QEMU, VMC_EIO_LAYOUT_NONE, 16, NULL);
    W(0, 4, 0x40000004, 8);
    EQ(R(0, 8, 0x40000000), 0);
    route(VECTOR, 12);
    EQ(target(), 2);
    /* KVM's window is there all the same, and locked (spec 4.2). */
    rig_start_ids(MACHINE_KVM, VMC_EIO_LAYOUT_NONE, 16, NULL);
    EQ(R(0, 4, 0x40000000), 0);
    EQ(R(0, 4, 0x40000004), 2);
    W(0, 4, 0x40000004, 8);
    EQ(R(0, 4, 0x40000004), 2);
    W(0, 4, 0x40000004, 0);
    W(0, 4, 0x40000004, 8);
    EQ(R(0, 4, 0x40000004), 0);
}
END_TEST

START_TEST(the_virtual_window_of_others_has_sizes_and_an_end)
{
    static const enum machine_semantics both[] = {MACHINE_QEMU, MACHINE_HW};

    rig_start(both[_i], 2);
    W(0, 4, 0x40000004, 8);
    EQ(R(0, 8, 0x40000000) >> 32, 8);
    W(0, 8, 0x40000000, 0);
    EQ(R(0, 4, 0x40000004), 0);
    W(0, 1, 0x40000004, 8);
    EQ(R(0, 4, 0x40000004), 0);
    rig_start_ids(both[_i], VMC_EIO_LAYOUT_NONE, 2, NULL);
    EQ(R(0, 8, 0x40000000), 0);
}
END_TEST

START_TEST(the_virtual_window_of_kvm_moves_words_whatever_the_size)
{
    rig_start(MACHINE_KVM, 2);
    EQ(R(0, 8, 0x40000000), 0xb); /* and not CONFIG above it */
    EQ(R(0, 1, 0x40000000), 0xb);
    W(0, 8, 0x40000000, UINT64_C(8) << 32);
    EQ(R(0, 4, 0x40000004), 0);
    W(0, 1, 0x40000004, 8);
    EQ(R(0, 2, 0x40000004), 8);
    W(0, 4, 0x40000010, 1);
    EQ(R(0, 4, 0x40000010), 0);
}
END_TEST

/* ---- Nodes of the real part ---------------------------------------------- */

START_TEST(a_remote_node_decides_with_its_own_registers)
{
    rig_start_ids(MACHINE_HW, VMC_EIO_LAYOUT_NONE, 16, NULL);
    enable_all();
    for (uint32_t cpu = 0; cpu < 16; cpu += 4) {
        for (uint32_t i = 0; i < 8; i++) { /* NODETYPE[k] names node k */
            W(cpu, 4, 0x14a0 + 4 * i,
              (UINT32_C(1) << (2 * i + 1)) << 16 | UINT32_C(1) << 2 * i);
        }
    }
    W(8, 4, 0x14c0, 0x02020202);
    W(8, 4, 0x1c40, 0x24); /* node 2: itself, core 2 */
    W(0, 4, 0x1c40, 0x24);
    EQ(target(), 10);
    ring(VECTOR);
    EQ(pins(10), HWI1); /* by the IPMAP of node 2 */
    EQ(R(10, 4, 0x1808), 1);
    W(9, 4, 0x1608, 0); /* any CPU of that node may mask it there */
    EQ(pins(10), 0);
    W(4, 4, 0x1608, 0); /* and one of another node may not */
    W(9, 4, 0x1608, 1);
    EQ(pins(10), HWI1);
    W(10, 4, 0x1808, 1);
    EQ(pins(10), 0);
    W(8, 4, 0x1c40, 0x11); /* it sends on to node 1: taken by nobody there */
    W(0, 4, 0x1c40, 0x24);
    EQ(target(), 10);
}
END_TEST

START_TEST(an_unchecked_pin_is_counted_and_a_checked_one_dropped)
{
    for (int checked = 0; checked < 2; checked++) {
        struct machine_switches switches = machine_switches_of(MACHINE_KVM);

        offers_int_encode(&switches);
        switches.eio.pins_are_checked = checked != 0;
        rig_start_with(MACHINE_KVM, &switches, VMC_EIO_LAYOUT_FINAL, 2, NULL);
        W(0, 4, 0x40000004, 4);
        W(0, 4, 0x14c0, 0x09090909);
        W(0, 4, 0x1608, 1);
        ring(VECTOR);
        EQ(pins(0), 0);
        EQ(rig.eio.state.unchecked_uses, checked ? 0 : 1);
    }
}
END_TEST

START_TEST(names_of_semantics_are_known)
{
    static const char *const names[] = {"qemu",   "kvm",    "kvm-k0", "kvm-k1",
                                        "kvm-k2", "kvm-k3", "hw"};
    enum machine_semantics found = MACHINE_HW;

    for (size_t i = 0; i < VMC_COUNT_OF(names); i++) {
        ck_assert_int_eq(machine_semantics_named(&found, names[i]), VMC_OK);
    }
    ck_assert_int_eq(machine_semantics_named(&found, "kvm-k4"), VMC_E_USAGE);
    ck_assert_int_eq(found, MACHINE_HW);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("semantics");
    TCase *c = tcase_create("semantics");

    suite_add_tcase(s, c);
    tcase_add_loop_test(c, a_difference_is_where_the_table_has_it, 0,
                        VMC_COUNT_OF(rows));
    tcase_add_loop_test(c, a_difference_can_be_turned_by_itself, 0,
                        VMC_COUNT_OF(rows));
    tcase_add_loop_test(c, each_layout_switches_routes_to_physical_ids, 0,
                        VMC_COUNT_OF(layouts));
    tcase_add_loop_test(c, only_the_final_layout_can_be_locked, 0,
                        VMC_COUNT_OF(layouts));
    tcase_add_test(c, layout_b_has_the_pin_encoding_in_bit_0);
    tcase_add_test(c, without_the_extension_there_is_nothing_to_switch);
    tcase_add_loop_test(c, the_virtual_window_of_others_has_sizes_and_an_end, 0,
                        2);
    tcase_add_test(c, the_virtual_window_of_kvm_moves_words_whatever_the_size);
    tcase_add_test(c, a_remote_node_decides_with_its_own_registers);
    tcase_add_test(c, an_unchecked_pin_is_counted_and_a_checked_one_dropped);
    tcase_add_test(c, names_of_semantics_are_known);
    return s;
}
