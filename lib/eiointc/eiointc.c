/* SPDX-License-Identifier: MIT */
/*
 * Two primitives do all the work. raise() makes a vector pending on its target
 * if it is enabled, lower() takes it away:
 *
 *     latch (isr) --enable--> status bit of the target --+
 *                                                        v
 *                              set of the pin that IPMAP names --> pin level
 *
 * A pin is up exactly while its set is not empty. The set that lower() clears
 * is the one that IPMAP names *now*; if IPMAP was changed in between, the
 * vector stays in the old set and its pin stays up. That is what QEMU and KVM
 * do (spec 3.3 and observation E6), and why sets are kept and not computed.
 *
 * Registers are written in one place for all sizes: an access becomes a value
 * and a mask inside the aligned 64-bit word that it touches.
 */
#include "eiointc/eiointc.h"

#include <string.h>

enum {
    BLOCK_BYTES = 0x20,
    GROUP_VECTORS = 32, /* vectors that share a byte of IPMAP */
    CORE_BITS = 0xf,
    CONFIG_ENABLE = 1 << 1,
    CONFIG_INT_ENCODE = 1 << 2,
    CONFIG_CPU_ENCODE = 1 << 3,
    LAYOUT_A_CPU_ENCODE = 1 << 15,
    LAYOUT_B_INT_ENCODE = 1 << 0,
    LAYOUT_B_CPU_ENCODE = 1 << 1,
    PIN_ENCODED_MASK = 0xff,
};

/* ---- Semantics ---------------------------------------------------------- */

struct vmc_eio_semantics
vmc_eio_semantics_of(enum vmc_eio_implementation implementation)
{
    struct vmc_eio_semantics s = {
        .sizes_bytes = 1 | 2 | 4 | 8,
        .has_int_encode = true,
        .ids_are_looked_up = true,
        .lowers_redundantly = true,
        .zero_route = VMC_EIO_ZERO_KEEPS,
        .redecode = VMC_EIO_REDECODE_GROUP,
        .restore = VMC_EIO_RESTORE_RAW_ID,
        .virt_moves_words = true,
        .virt_is_always_there = true,
        .reset = VMC_EIO_RESET_ZEROES,
    };

    switch (implementation) {
    case VMC_EIO_QEMU:
        s.sizes_bytes = 4 | 8;
        s.splits_words = true;
        s.has_int_encode = false;
        s.virt_moves_words = false;
        s.virt_is_always_there = false;
        s.reset = VMC_EIO_RESET_KEEPS;
        s.zero_route = VMC_EIO_ZERO_IS_CPU0;
        s.redecode = VMC_EIO_REDECODE_WORD;
        s.restore = VMC_EIO_RESTORE_FORGETS;
        break;
    case VMC_EIO_KVM_K0:
        s.ids_are_looked_up = false;
        s.aligns_down = true;
        s.latches_outside_lock = true;
        s.zero_route = VMC_EIO_ZERO_INVALID;
        s.redecode = VMC_EIO_REDECODE_WIDTH;
        break;
    case VMC_EIO_KVM_K1:
        s.latches_outside_lock = true;
        s.redecode = VMC_EIO_REDECODE_WIDTH;
        break;
    case VMC_EIO_KVM_K2:
        break;
    case VMC_EIO_KVM_K3: /* B-41 was read in K0 to K2; assumed gone in K3 */
        s.reset = VMC_EIO_RESET_CLEARS;
        break;
    case VMC_EIO_HW:
        s.ack_clears_latch = true;
        s.isr_is_readable = true;
        s.has_nodes = true;
        s.rotates = true;
        s.pins_are_checked = true;
        s.pins_follow = true;
        s.gate_is_needed = true;
        s.lowers_redundantly = false;
        s.virt_moves_words = false;
        s.virt_is_always_there = false;
        s.redecode = VMC_EIO_REDECODE_WIDTH;
        s.reset = VMC_EIO_RESET_CLEARS;
        s.restore = VMC_EIO_RESTORE_RIGHT;
        break;
    }
    return s;
}

/* ---- Bits --------------------------------------------------------------- */

static uint64_t bit_of(uint32_t vector)
{
    return UINT64_C(1) << vector % 64;
}

static bool has_bit(const uint64_t *words, uint32_t vector)
{
    return (words[vector / 64] & bit_of(vector)) != 0;
}

static void put_bit(uint64_t *words, uint32_t vector, bool value)
{
    if (value) {
        words[vector / 64] |= bit_of(vector);
    } else {
        words[vector / 64] &= ~bit_of(vector);
    }
}

static bool is_empty(const uint64_t *words)
{
    return (words[0] | words[1] | words[2] | words[3]) == 0;
}

/* ---- Banks -------------------------------------------------------------- */

/* The registers that @vcpu sees. */
static struct vmc_eio_bank *bank_of(struct vmc_eio *eio, uint32_t vcpu)
{
    return &eio->state
                .banks[eio->config.semantics.has_nodes
                           ? eio->config.physical_ids[vcpu] / VMC_EIO_NODE_CPUS
                           : 0];
}

/* The registers of the node where inputs arrive. */
static struct vmc_eio_bank *home_of(struct vmc_eio *eio)
{
    return &eio->state.banks[eio->config.home_node];
}

/* A vector passes the node where it arrives and the one where it ends. */
static bool is_enabled(struct vmc_eio *eio, uint32_t vector, uint32_t vcpu)
{
    return has_bit(home_of(eio)->enable, vector) &&
           (!eio->config.semantics.has_nodes ||
            has_bit(bank_of(eio, vcpu)->enable, vector));
}

/* ---- Pins --------------------------------------------------------------- */

/* The pin that IPMAP names for the group of @vector (spec 3.3). */
static uint32_t pin_of(struct vmc_eio *eio, uint32_t vcpu, uint32_t vector)
{
    uint32_t byte =
        (uint32_t)(bank_of(eio, vcpu)->ipmap >> (vector / GROUP_VECTORS * 8)) &
        0xff;

    if (eio->config.semantics.has_int_encode &&
        (eio->state.status & CONFIG_INT_ENCODE) != 0) {
        if (byte >= VMC_EIO_PINS) {
            /* Unchecked in KVM; there it writes beyond the sets. */
            eio->state.unchecked_uses +=
                !eio->config.semantics.pins_are_checked;
            return VMC_EIO_PINS;
        }
        return byte;
    }
    return (byte & CORE_BITS) != 0 ? vmc_bits_low(byte) : 0;
}

static void set_line(struct vmc_eio *eio, uint32_t vcpu, uint32_t pin,
                     bool level)
{
    uint8_t bit = (uint8_t)(1U << pin);

    if (level) {
        eio->state.lines[vcpu] |= bit;
    } else {
        eio->state.lines[vcpu] &= (uint8_t)~bit;
    }
    eio->ops->set_pin(eio->owner, vcpu, pin, level);
}

static void hold_pin(struct vmc_eio *eio, uint32_t vcpu, uint32_t vector)
{
    uint32_t pin = pin_of(eio, vcpu, vector);
    uint64_t *set;
    bool was_empty;

    if (pin == VMC_EIO_PINS) {
        return;
    }
    set = eio->state.holds[vcpu][pin];
    was_empty = is_empty(set);
    put_bit(set, vector, true);
    if (was_empty) {
        set_line(eio, vcpu, pin, true);
    }
}

static void release_pin(struct vmc_eio *eio, uint32_t vcpu, uint32_t vector)
{
    uint32_t pin = pin_of(eio, vcpu, vector);
    uint64_t *set;
    bool was_held;

    if (pin == VMC_EIO_PINS) {
        return;
    }
    set = eio->state.holds[vcpu][pin];
    was_held = has_bit(set, vector);
    put_bit(set, vector, false);
    if (is_empty(set) &&
        (was_held || eio->config.semantics.lowers_redundantly)) {
        set_line(eio, vcpu, pin, false);
    }
}

/* ---- The two primitives ------------------------------------------------- */

/* Where the next one of a rotating vector goes. Filled by route decoding. */
static uint32_t rotate(struct vmc_eio *eio, uint32_t vector);

static void raise(struct vmc_eio *eio, uint32_t vector)
{
    uint32_t vcpu = eio->state.target[vector];

    if (eio->config.semantics.gate_is_needed && !eio->state.is_gate_open) {
        return;
    }
    if (vcpu >= eio->config.vcpu_count) {
        eio->state.unchecked_uses += has_bit(home_of(eio)->enable, vector);
        return;
    }
    if (!is_enabled(eio, vector, vcpu)) {
        return;
    }
    if (has_bit(eio->state.coreisr[vcpu], vector)) {
        eio->ops->note(eio->owner, VMC_EIO_COALESCED, vector, vcpu);
    } else {
        if (eio->config.semantics.rotates) {
            vcpu = rotate(eio, vector);
        }
        put_bit(eio->state.coreisr[vcpu], vector, true);
        eio->ops->note(eio->owner, VMC_EIO_PENDING, vector, vcpu);
    }
    hold_pin(eio, vcpu, vector);
}

static void lower(struct vmc_eio *eio, uint32_t vector)
{
    uint32_t vcpu = eio->state.target[vector];

    if (vcpu >= eio->config.vcpu_count) {
        eio->state.unchecked_uses++;
        return;
    }
    if (has_bit(eio->state.coreisr[vcpu], vector)) {
        put_bit(eio->state.coreisr[vcpu], vector, false);
        eio->ops->note(eio->owner, VMC_EIO_WITHDRAWN, vector, vcpu);
    }
    release_pin(eio, vcpu, vector);
}

bool vmc_eio_begin_input(struct vmc_eio *eio, uint32_t vector, bool level)
{
    assert(vector < VMC_EIO_VECTORS);
    put_bit(eio->state.isr, vector, level);
    if (eio->config.semantics.latches_outside_lock) {
        return true;
    }
    vmc_eio_end_input(eio, vector, level);
    return false;
}

void vmc_eio_end_input(struct vmc_eio *eio, uint32_t vector, bool level)
{
    assert(vector < VMC_EIO_VECTORS);
    if (level) {
        raise(eio, vector);
    } else {
        lower(eio, vector);
    }
}

void vmc_eio_set_input(struct vmc_eio *eio, uint32_t vector, bool level)
{
    if (vmc_eio_begin_input(eio, vector, level)) {
        vmc_eio_end_input(eio, vector, level);
    }
}

/* ---- Routes ------------------------------------------------------------- */

static uint32_t index_of(const struct vmc_eio *eio, uint32_t id)
{
    if (!eio->config.semantics.ids_are_looked_up) {
        return id;
    }
    return id < VMC_EIO_VCPUS_MAX ? eio->index_of_id[id] : VMC_EIO_NO_VCPU;
}

/* The nodes that route byte @byte of @node names: a bitmap (spec 3.2). None
 * means the node itself. */
static uint32_t nodes_of(const struct vmc_eio *eio, uint32_t node, uint8_t byte)
{
    uint32_t selector = byte >> 4;
    uint32_t nodes = (uint32_t)(eio->state.banks[node].nodetype[selector / 4] >>
                                (selector % 4 * 16)) &
                     0xffff;

    return nodes != 0 ? nodes : UINT32_C(1) << node;
}

/* The cores of @node that take @vector when it was sent there. A node other
 * than home has a route of its own, which must lead to itself; while that is
 * 0 the bitmap of the home node goes with the vector. */
static uint32_t cores_of(const struct vmc_eio *eio, uint32_t node,
                         uint32_t vector)
{
    uint32_t home = eio->config.home_node;
    uint8_t byte = eio->state.banks[node].coremap[vector];

    if (node == home || byte == 0) {
        return eio->state.banks[home].coremap[vector] & CORE_BITS;
    }
    return (nodes_of(eio, node, byte) >> node & 1) != 0 ? byte & CORE_BITS : 0;
}

/*
 * The real part: finds the @turn-th existing CPU in node-major order, counting
 * round; with turn 0 that is the lowest.
 */
static uint32_t decode_nodes(const struct vmc_eio *eio, uint32_t vector,
                             uint32_t turn)
{
    uint32_t home = eio->config.home_node;
    uint32_t nodes =
        nodes_of(eio, home, eio->state.banks[home].coremap[vector]);
    uint32_t found[VMC_EIO_NODES * VMC_EIO_NODE_CPUS];
    uint32_t count = 0;

    for (uint32_t node = 0; node < VMC_EIO_NODES; node++) {
        uint32_t cores =
            (nodes >> node & 1) != 0 ? cores_of(eio, node, vector) : 0;

        for (uint32_t core = 0; core < VMC_EIO_NODE_CPUS; core++) {
            uint32_t index;

            if ((cores >> core & 1) == 0) {
                continue;
            }
            index = index_of(eio, node * VMC_EIO_NODE_CPUS + core);
            if (index < eio->config.vcpu_count) {
                found[count++] = index;
            }
        }
    }
    return count > 0 ? found[turn % count] : VMC_EIO_NO_VCPU;
}

static bool is_encoded(const struct vmc_eio *eio)
{
    return (eio->state.status & CONFIG_CPU_ENCODE) != 0;
}

/* The vCPU that the route of @vector names, or VMC_EIO_NO_VCPU: keep the old.
 */
static uint32_t decode_route(const struct vmc_eio *eio, uint32_t vector)
{
    uint8_t byte = eio->state.banks[eio->config.home_node].coremap[vector];

    if (is_encoded(eio)) {
        return index_of(eio, byte);
    }
    if (eio->config.semantics.has_nodes) {
        return decode_nodes(eio, vector, 0);
    }
    if (byte == 0 && eio->config.semantics.zero_route != VMC_EIO_ZERO_IS_CPU0) {
        return eio->config.semantics.zero_route == VMC_EIO_ZERO_KEEPS
                   ? VMC_EIO_NO_VCPU
                   : 0xff; /* K0: stored in a byte, and later an index */
    }
    return index_of(eio, (byte & CORE_BITS) != 0 ? vmc_bits_low(byte) : 0);
}

static uint32_t rotate(struct vmc_eio *eio, uint32_t vector)
{
    uint32_t vcpu;

    if (is_encoded(eio) || !has_bit(home_of(eio)->bounce, vector)) {
        return eio->state.target[vector];
    }
    vcpu = decode_nodes(eio, vector, eio->state.rotation[vector]);
    if (vcpu == VMC_EIO_NO_VCPU) {
        return eio->state.target[vector];
    }
    eio->state.rotation[vector]++;
    eio->state.target[vector] = (uint16_t)vcpu;
    return vcpu;
}

/* Decode the route of @vector again and move what is latched (spec 3.5 no. 4).
 */
static void reroute(struct vmc_eio *eio, uint32_t vector)
{
    uint32_t vcpu = decode_route(eio, vector);

    if (vcpu == VMC_EIO_NO_VCPU || vcpu == eio->state.target[vector]) {
        return;
    }
    if (!has_bit(eio->state.isr, vector)) {
        eio->state.target[vector] = (uint16_t)vcpu;
        return;
    }
    lower(eio, vector);
    eio->state.target[vector] = (uint16_t)vcpu;
    raise(eio, vector);
}

static void write_routes(struct vmc_eio *eio, struct vmc_eio_bank *bank,
                         uint32_t first, uint32_t size_bytes, uint64_t value)
{
    uint32_t count = size_bytes;

    assert(first + size_bytes <= VMC_EIO_VECTORS);
    for (uint32_t i = 0; i < size_bytes; i++) {
        bank->coremap[first + i] = (uint8_t)(value >> (8 * i));
    }
    if (eio->config.semantics.redecode == VMC_EIO_REDECODE_WORD) {
        first &= ~3U;
        count = 4;
    } else if (eio->config.semantics.redecode == VMC_EIO_REDECODE_GROUP) {
        first &= ~7U;
        count = 8;
    }
    for (uint32_t i = 0; i < count; i++) {
        reroute(eio, first + i);
    }
}

/* ---- Registers ---------------------------------------------------------- */

/* Whether the registers of @bank decide about @vector as it is routed now. */
static bool concerns(struct vmc_eio *eio, const struct vmc_eio_bank *bank,
                     uint32_t vector)
{
    return bank == home_of(eio) ||
           bank == bank_of(eio, eio->state.target[vector]);
}

static void write_enable(struct vmc_eio *eio, struct vmc_eio_bank *bank,
                         uint32_t word, uint64_t value)
{
    uint64_t old = bank->enable[word];
    uint64_t latched = eio->state.isr[word];
    uint64_t on = value & ~old & latched;
    uint64_t off = old & ~value & latched;

    bank->enable[word] = value;
    for (; on != 0; on &= on - 1) {
        uint32_t vector = 64 * word + vmc_bits_low(on);

        if (concerns(eio, bank, vector)) {
            raise(eio, vector);
        }
    }
    for (; off != 0; off &= off - 1) {
        uint32_t vector = 64 * word + vmc_bits_low(off);

        if (concerns(eio, bank, vector)) {
            lower(eio, vector);
        }
    }
}

static void write_coreisr(struct vmc_eio *eio, uint32_t vcpu, uint32_t word,
                          uint64_t value)
{
    uint64_t acked = eio->state.coreisr[vcpu][word] & value;

    eio->state.coreisr[vcpu][word] &= ~value;
    for (; acked != 0; acked &= acked - 1) {
        uint32_t vector = 64 * word + vmc_bits_low(acked);

        if (eio->config.semantics.ack_clears_latch) {
            put_bit(eio->state.isr, vector, false);
        }
        eio->ops->note(eio->owner, VMC_EIO_ACKED, vector, vcpu);
        lower(eio, vector);
    }
}

/* Take what is pending on the vCPUs of @bank from its pins, or put it back. */
static void move_pins(struct vmc_eio *eio, const struct vmc_eio_bank *bank,
                      void (*move)(struct vmc_eio *eio, uint32_t vcpu,
                                   uint32_t vector))
{
    for (uint32_t vcpu = 0; vcpu < eio->config.vcpu_count; vcpu++) {
        for (uint32_t i = 0; i < VMC_EIO_WORDS && bank == bank_of(eio, vcpu);
             i++) {
            uint64_t bits = eio->state.coreisr[vcpu][i];

            for (; bits != 0; bits &= bits - 1) {
                move(eio, vcpu, 64 * i + vmc_bits_low(bits));
            }
        }
    }
}

static void write_ipmap(struct vmc_eio *eio, struct vmc_eio_bank *bank,
                        uint64_t value)
{
    if (!eio->config.semantics.pins_follow) {
        bank->ipmap = value;
        return;
    }
    move_pins(eio, bank, release_pin);
    bank->ipmap = value;
    move_pins(eio, bank, hold_pin);
}

static bool is_inside(uint32_t offset, uint32_t block, uint32_t bytes)
{
    return offset >= block && offset < block + bytes;
}

/* The storage of the aligned 64-bit word at @offset, for what is plain
 * storage when read; NULL for a hole and for what needs a look. */
static uint64_t *storage_at(struct vmc_eio *eio, uint32_t vcpu, uint32_t offset)
{
    static const struct {
        uint32_t block;
        size_t offset_bytes;
    } blocks[] = {
        {VMC_EIO_ENABLE, offsetof(struct vmc_eio_bank, enable)},
        {VMC_EIO_BOUNCE, offsetof(struct vmc_eio_bank, bounce)},
        {VMC_EIO_NODETYPE, offsetof(struct vmc_eio_bank, nodetype)},
    };

    if (is_inside(offset, VMC_EIO_COREISR, BLOCK_BYTES)) {
        return &eio->state.coreisr[vcpu][(offset - VMC_EIO_COREISR) / 8];
    }
    for (size_t i = 0; i < VMC_COUNT_OF(blocks); i++) {
        if (is_inside(offset, blocks[i].block, BLOCK_BYTES)) {
            return (uint64_t *)(void *)((char *)bank_of(eio, vcpu) +
                                        blocks[i].offset_bytes) +
                   (offset - blocks[i].block) / 8;
        }
    }
    if (is_inside(offset, VMC_EIO_IPMAP, 8)) {
        return &bank_of(eio, vcpu)->ipmap;
    }
    if (eio->config.semantics.isr_is_readable &&
        is_inside(offset, VMC_EIO_ISR, BLOCK_BYTES)) {
        return &eio->state.isr[(offset - VMC_EIO_ISR) / 8];
    }
    return NULL;
}

static bool takes(const struct vmc_eio *eio, uint32_t vcpu, uint32_t offset,
                  uint32_t size_bytes)
{
    return (eio->config.semantics.sizes_bytes & size_bytes) != 0 &&
           offset % size_bytes == 0 &&
           offset + size_bytes <= VMC_EIO_WINDOW_BYTES &&
           vcpu < eio->config.vcpu_count;
}

static uint64_t ones(uint32_t size_bytes)
{
    return size_bytes == 8 ? ~UINT64_C(0)
                           : (UINT64_C(1) << (8 * size_bytes)) - 1;
}

enum vmc_status vmc_eio_read(struct vmc_eio *eio, uint32_t vcpu,
                             uint32_t offset_bytes, uint32_t size_bytes,
                             uint64_t *value)
{
    const uint64_t *word;

    *value = 0;
    if (eio->config.semantics.aligns_down) {
        offset_bytes &= ~(size_bytes - 1);
    }
    if (!takes(eio, vcpu, offset_bytes, size_bytes)) {
        return VMC_E_ACCESS;
    }
    if (is_inside(offset_bytes, VMC_EIO_COREMAP, VMC_EIO_VECTORS)) {
        const uint8_t *route =
            &bank_of(eio, vcpu)->coremap[offset_bytes - VMC_EIO_COREMAP];

        for (uint32_t i = size_bytes; i-- > 0;) {
            *value = *value << 8 | route[i];
        }
        return VMC_OK;
    }
    word = storage_at(eio, vcpu, offset_bytes);
    if (word == NULL) {
        return VMC_E_ACCESS;
    }
    *value = *word >> (offset_bytes % 8 * 8) & ones(size_bytes);
    return VMC_OK;
}

static enum vmc_status write_word(struct vmc_eio *eio, uint32_t vcpu,
                                  uint32_t offset, uint32_t size_bytes,
                                  uint64_t value)
{
    struct vmc_eio_bank *bank = bank_of(eio, vcpu);
    uint32_t shift = offset % 8 * 8;
    uint64_t mask = ones(size_bytes) << shift;
    uint64_t *word;

    value = value << shift & mask;
    if (is_inside(offset, VMC_EIO_ENABLE, BLOCK_BYTES)) {
        uint32_t index = (offset - VMC_EIO_ENABLE) / 8;

        write_enable(eio, bank, index, (bank->enable[index] & ~mask) | value);
        return VMC_OK;
    }
    if (is_inside(offset, VMC_EIO_COREISR, BLOCK_BYTES)) {
        write_coreisr(eio, vcpu, (offset - VMC_EIO_COREISR) / 8, value);
        return VMC_OK;
    }
    if (is_inside(offset, VMC_EIO_COREMAP, VMC_EIO_VECTORS)) {
        write_routes(eio, bank, offset - VMC_EIO_COREMAP, size_bytes,
                     value >> shift);
        return VMC_OK;
    }
    if (is_inside(offset, VMC_EIO_IPMAP, 8)) {
        write_ipmap(eio, bank, (bank->ipmap & ~mask) | value);
        return VMC_OK;
    }
    word = storage_at(eio, vcpu, offset);
    if (word == NULL || is_inside(offset, VMC_EIO_ISR, BLOCK_BYTES)) {
        return VMC_E_ACCESS;
    }
    *word = (*word & ~mask) | value;
    return VMC_OK;
}

enum vmc_status vmc_eio_write(struct vmc_eio *eio, uint32_t vcpu,
                              uint32_t offset_bytes, uint32_t size_bytes,
                              uint64_t value)
{
    if (eio->config.semantics.aligns_down) {
        offset_bytes &= ~(size_bytes - 1);
    }
    if (!takes(eio, vcpu, offset_bytes, size_bytes)) {
        return VMC_E_ACCESS;
    }
    if (size_bytes == 8 && eio->config.semantics.splits_words) {
        (void)write_word(eio, vcpu, offset_bytes, 4, value & ones(4));
        return write_word(eio, vcpu, offset_bytes + 4, 4, value >> 32);
    }
    return write_word(eio, vcpu, offset_bytes, size_bytes, value);
}

/* ---- The virtual window ------------------------------------------------- */

uint32_t vmc_eio_config_bits(const struct vmc_eio *eio)
{
    return eio->state.status;
}

/* ENABLE locks everything but a write of 0, even of the same value (spec 4.2).
 */
void vmc_eio_write_config(struct vmc_eio *eio, uint32_t value)
{
    if ((eio->state.status & CONFIG_ENABLE) != 0 && value != 0) {
        return;
    }
    eio->state.status = value & eio->config.features;
}

/* What the two registers of the layout read as. */
static uint64_t virtual_words(const struct vmc_eio *eio)
{
    uint32_t features = eio->config.features;
    uint32_t status = eio->state.status;

    switch (eio->config.layout) {
    case VMC_EIO_LAYOUT_A:
        return ((features & VMC_EIO_HAS_CPU_ENCODE) != 0 ? 1U : 0U) |
               ((status & CONFIG_CPU_ENCODE) != 0 ? LAYOUT_A_CPU_ENCODE : 0U);
    case VMC_EIO_LAYOUT_B:
        features = ((features & VMC_EIO_HAS_INT_ENCODE) != 0 ? 1U : 0U) |
                   ((features & VMC_EIO_HAS_CPU_ENCODE) != 0 ? 2U : 0U);
        status = ((status & CONFIG_INT_ENCODE) != 0 ? LAYOUT_B_INT_ENCODE : 0) |
                 ((status & CONFIG_CPU_ENCODE) != 0 ? LAYOUT_B_CPU_ENCODE : 0);
        break;
    case VMC_EIO_LAYOUT_FINAL:
    case VMC_EIO_LAYOUT_NONE:
        break;
    }
    return (uint64_t)status << 32 | features;
}

static bool virtual_takes(const struct vmc_eio *eio, uint32_t offset,
                          uint32_t size_bytes)
{
    return eio->config.layout != VMC_EIO_LAYOUT_NONE &&
           (size_bytes == 4 || size_bytes == 8) && offset % size_bytes == 0 &&
           offset + size_bytes <= 8;
}

enum vmc_status vmc_eio_virt_read(struct vmc_eio *eio, uint32_t offset_bytes,
                                  uint32_t size_bytes, uint64_t *value)
{
    *value = 0;
    if (eio->config.semantics.virt_moves_words &&
        eio->config.layout != VMC_EIO_LAYOUT_NONE) {
        if (offset_bytes == VMC_EIO_VIRT_FEATURES ||
            offset_bytes == VMC_EIO_VIRT_CONFIG) {
            *value = virtual_words(eio) >> (8 * offset_bytes) & ones(4) &
                     ones(size_bytes);
        }
        return VMC_OK;
    }
    if (!virtual_takes(eio, offset_bytes, size_bytes)) {
        return VMC_E_ACCESS;
    }
    *value = virtual_words(eio) >> (8 * offset_bytes) & ones(size_bytes);
    return VMC_OK;
}

/* A write to the register that holds the controls of the layout. */
static void write_controls(struct vmc_eio *eio, uint32_t value)
{
    uint32_t bits = value;

    if (eio->config.layout == VMC_EIO_LAYOUT_A) {
        bits = (value & LAYOUT_A_CPU_ENCODE) != 0 ? CONFIG_CPU_ENCODE : 0;
    } else if (eio->config.layout == VMC_EIO_LAYOUT_B) {
        bits = ((value & LAYOUT_B_INT_ENCODE) != 0 ? CONFIG_INT_ENCODE : 0) |
               ((value & LAYOUT_B_CPU_ENCODE) != 0 ? CONFIG_CPU_ENCODE : 0);
    }
    vmc_eio_write_config(eio, bits);
}

enum vmc_status vmc_eio_virt_write(struct vmc_eio *eio, uint32_t offset_bytes,
                                   uint32_t size_bytes, uint64_t value)
{
    uint32_t controls = eio->config.layout == VMC_EIO_LAYOUT_A
                            ? VMC_EIO_VIRT_FEATURES
                            : VMC_EIO_VIRT_CONFIG;

    if (eio->config.semantics.virt_moves_words &&
        eio->config.layout != VMC_EIO_LAYOUT_NONE) {
        if (offset_bytes == controls) {
            write_controls(eio, (uint32_t)value);
        }
        return VMC_OK;
    }
    if (!virtual_takes(eio, offset_bytes, size_bytes)) {
        return VMC_E_ACCESS;
    }
    if (offset_bytes <= controls && controls < offset_bytes + size_bytes) {
        write_controls(eio,
                       (uint32_t)(value >> (8 * (controls - offset_bytes))));
    }
    return VMC_OK;
}

void vmc_eio_open_gate(struct vmc_eio *eio, bool is_open)
{
    bool was_open = eio->state.is_gate_open;

    eio->state.is_gate_open = is_open;
    if (!eio->config.semantics.gate_is_needed || was_open || !is_open) {
        return;
    }
    for (uint32_t i = 0; i < VMC_EIO_VECTORS; i++) {
        if (has_bit(eio->state.isr, i)) {
            raise(eio, i);
        }
    }
}

/* ---- Life --------------------------------------------------------------- */

enum vmc_status vmc_eio_init(struct vmc_eio *eio,
                             const struct vmc_eio_config *config,
                             const struct vmc_eio_ops *ops, void *owner)
{
    if (config->vcpu_count < 1 || config->vcpu_count > VMC_EIO_VCPUS_MAX ||
        config->home_node >= VMC_EIO_NODES) {
        return VMC_E_RANGE;
    }
    memset(&eio->state, 0, sizeof(eio->state));
    eio->config = *config;
    eio->ops = ops;
    eio->owner = owner;
    if (config->layout == VMC_EIO_LAYOUT_A ||
        config->layout == VMC_EIO_LAYOUT_B) {
        eio->config.features &= ~(uint32_t)VMC_EIO_HAS_ENABLE;
    }
    if (config->semantics.virt_is_always_there &&
        (config->features & VMC_EIO_HAS_EXTENSION) == 0) {
        eio->config.layout = VMC_EIO_LAYOUT_FINAL; /* spec 4.1, 4.2 */
        eio->state.status = CONFIG_ENABLE;
    }
    for (uint32_t i = 0; i < VMC_EIO_VCPUS_MAX; i++) {
        eio->index_of_id[i] = VMC_EIO_NO_VCPU;
    }
    for (uint32_t i = 0; i < config->vcpu_count; i++) {
        uint32_t id = config->physical_ids[i];

        if (id >= VMC_EIO_VCPUS_MAX ||
            eio->index_of_id[id] != VMC_EIO_NO_VCPU) {
            return VMC_E_RANGE;
        }
        eio->index_of_id[id] = (uint16_t)i;
    }
    return VMC_OK;
}

static void lower_lines(struct vmc_eio *eio)
{
    for (uint32_t vcpu = 0; vcpu < eio->config.vcpu_count; vcpu++) {
        for (uint32_t lines = eio->state.lines[vcpu]; lines != 0;
             lines &= lines - 1) {
            set_line(eio, vcpu, vmc_bits_low(lines), false);
        }
    }
}

void vmc_eio_reset(struct vmc_eio *eio)
{
    switch (eio->config.semantics.reset) {
    case VMC_EIO_RESET_KEEPS:
        eio->state.status = 0;
        break;
    case VMC_EIO_RESET_ZEROES: /* the vCPUs' own reset lowers their lines */
        lower_lines(eio);
        eio->state.status = 0;
        memset(eio->state.banks, 0, sizeof(eio->state.banks));
        memset(eio->state.isr, 0, sizeof(eio->state.isr));
        memset(eio->state.coreisr, 0, sizeof(eio->state.coreisr));
        break;
    case VMC_EIO_RESET_CLEARS:
        lower_lines(eio);
        memset(&eio->state, 0, sizeof(eio->state));
        break;
    }
}

uint32_t vmc_eio_target(const struct vmc_eio *eio, uint32_t vector)
{
    return eio->state.target[vector];
}

uint32_t vmc_eio_pending_on(const struct vmc_eio *eio, uint32_t vector)
{
    uint32_t vcpu = eio->state.target[vector];

    return vcpu < eio->config.vcpu_count &&
                   has_bit(eio->state.coreisr[vcpu], vector)
               ? vcpu
               : VMC_EIO_NO_VCPU;
}

/* The vCPU whose status a restore looks at to rebuild the set of @vector. */
static uint32_t restored_vcpu(const struct vmc_eio *eio, uint32_t vector)
{
    if (eio->config.semantics.restore == VMC_EIO_RESTORE_RAW_ID) {
        return index_of(
            eio, eio->state.banks[eio->config.home_node].coremap[vector]);
    }
    return eio->state.target[vector];
}

void vmc_eio_restore(struct vmc_eio *eio)
{
    memset(eio->state.holds, 0, sizeof(eio->state.holds));
    for (uint32_t i = 0; i < VMC_EIO_VECTORS; i++) {
        uint32_t decoded = decode_route(eio, i);

        if (decoded < eio->config.vcpu_count) {
            eio->state.target[i] = (uint16_t)decoded;
        }
    }
    if (eio->config.semantics.restore == VMC_EIO_RESTORE_FORGETS) {
        return;
    }
    for (uint32_t i = 0; i < VMC_EIO_VECTORS; i++) {
        uint32_t vcpu = restored_vcpu(eio, i);
        uint32_t pin;

        if (vcpu >= eio->config.vcpu_count ||
            !has_bit(eio->state.coreisr[vcpu], i)) {
            continue;
        }
        pin = pin_of(eio, vcpu, i);
        if (pin < VMC_EIO_PINS) {
            put_bit(eio->state.holds[vcpu][pin], i, true);
        }
    }
}

const char *vmc_eio_check(const struct vmc_eio *eio, uint32_t *vcpu)
{
    const struct vmc_eio_bank *home = &eio->state.banks[eio->config.home_node];
    uint64_t seen[VMC_EIO_WORDS] = {0};

    for (uint32_t c = 0; c < eio->config.vcpu_count; c++) {
        *vcpu = c;
        for (uint32_t w = 0; w < VMC_EIO_WORDS; w++) {
            uint64_t pending = eio->state.coreisr[c][w];
            uint64_t held = 0;

            if ((pending & ~(eio->state.isr[w] & home->enable[w])) != 0) {
                return "I1: pending, and not both latched and enabled";
            }
            if ((pending & seen[w]) != 0) {
                return "I4: pending on two vCPUs";
            }
            seen[w] |= pending;
            for (uint32_t p = 0; p < VMC_EIO_PINS; p++) {
                held |= eio->state.holds[c][p][w];
            }
            if (held != pending) {
                return "I2: the sets of the pins are not what is pending";
            }
            for (uint64_t bits = pending; bits != 0; bits &= bits - 1) {
                if (eio->state.target[64 * w + vmc_bits_low(bits)] != c) {
                    return "I1: pending elsewhere than on its target";
                }
            }
        }
        for (uint32_t p = 0; p < VMC_EIO_PINS; p++) {
            if ((eio->state.lines[c] >> p & 1) ==
                is_empty(eio->state.holds[c][p])) {
                return "I3: a pin is not what its set says";
            }
        }
        if (is_empty(eio->state.coreisr[c]) && eio->state.lines[c] != 0) {
            return "I5: nothing pending, and a pin is up";
        }
    }
    return NULL;
}

void vmc_eio_add_state(struct vmc_eio *eio, struct vmc_state_map *map)
{
    vmc_state_add(map, "eiointc", &eio->state, sizeof(eio->state));
}
