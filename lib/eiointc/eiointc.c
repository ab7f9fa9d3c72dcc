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
#include <string.h>

#include "eiointc/eiointc_priv.h"

enum {
    BLOCK_BYTES = 0x20,
    GROUP_VECTORS = 32, /* vectors that share a byte of IPMAP */
};

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

static uint32_t rotate(struct vmc_eio *eio, uint32_t vector)
{
    uint32_t vcpu;

    if (is_encoded(eio) || !has_bit(home_of(eio)->bounce, vector)) {
        return eio->state.target[vector];
    }
    vcpu = vmc_eio_decode_turn(eio, vector, eio->state.rotation[vector]);
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
    uint32_t vcpu = vmc_eio_decode_route(eio, vector);

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
        return vmc_eio_index_of(
            eio, eio->state.banks[eio->config.home_node].coremap[vector]);
    }
    return eio->state.target[vector];
}

void vmc_eio_restore(struct vmc_eio *eio)
{
    memset(eio->state.holds, 0, sizeof(eio->state.holds));
    for (uint32_t i = 0; i < VMC_EIO_VECTORS; i++) {
        uint32_t decoded = vmc_eio_decode_route(eio, i);

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

void vmc_eio_add_state(struct vmc_eio *eio, struct vmc_state_map *map)
{
    vmc_state_add(map, "eiointc", &eio->state, sizeof(eio->state));
}
