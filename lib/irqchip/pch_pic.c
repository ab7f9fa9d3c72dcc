/* SPDX-License-Identifier: MIT */
/*
 * deliver() and withdraw() are the two things that can happen to a pin; every
 * event names the pins that it concerns and calls one of them. QEMU hands on
 * only the lowest pin that qualifies; that, and the bits that an accepted
 * INT_CLEAR takes with it, are its two surprises (observations P2 and P4).
 */
#include "irqchip/pch_pic.h"

#include <string.h>

enum { BYTES_FIRST = 0x100, BYTES_END = 0x3a0 };

/* How AUTO_CTRL1:AUTO_CTRL0 of a pin choose between the two outputs. */
enum { AUTO_FIXED, AUTO_ROTATE, AUTO_IDLE, AUTO_BUSY };

static const uint64_t id_32_pins = UINT64_C(0x001f000107000000);
static const uint64_t id_64_pins = UINT64_C(0x003f000107000000);

struct vmc_pic_semantics vmc_pic_semantics_qemu(void)
{
    return (struct vmc_pic_semantics){
        .id = id_32_pins,
        .acts_on_lowest_only = true,
        .clear_takes_levels = true,
        .routes_are_stored = true,
        .status_is_masked = true,
        .status_is_writable = true,
        .words_need_words = true,
        .vectors_max = 32,
        .fatal_vector = 64,
    };
}

struct vmc_pic_semantics vmc_pic_semantics_kvm(void)
{
    return (struct vmc_pic_semantics){
        .id = id_32_pins,
        .any_high_is_an_edge = true,
        .request_is_readable = true,
        .vectors_start_as_pins = true,
        .vectors_max = 256,
    };
}

struct vmc_pic_semantics vmc_pic_semantics_hw(void)
{
    return (struct vmc_pic_semantics){
        .id = id_64_pins,
        .polarity_inverts = true,
        .routes_are_stored = true,
        .request_is_readable = true,
        .vectors_start_as_pins = true,
        .has_outputs = true,
        .vectors_max = 256,
    };
}

/* The vectors after reset (spec section 6): the pin's own number; of the
 * manual's table, pins from 32 on start at 0x40. */
static uint8_t first_vector(const struct vmc_pic *pic, uint32_t pin)
{
    if (!pic->semantics.vectors_start_as_pins) {
        return 0;
    }
    return (uint8_t)(pin < 32 ? pin : 0x40 + pin - 32);
}

void vmc_pic_reset(struct vmc_pic *pic)
{
    uint64_t lines = pic->state.lines;

    memset(&pic->state, 0, sizeof(pic->state));
    pic->state.mask = ~UINT64_C(0);
    pic->state.lines = lines;
    for (uint32_t pin = 0; pin < VMC_PIC_PINS; pin++) {
        pic->state.vector[pin] = first_vector(pic, pin);
        pic->state.route[pin] = 1;
    }
}

void vmc_pic_init(struct vmc_pic *pic,
                  const struct vmc_pic_semantics *semantics,
                  void (*set_vector)(void *owner, uint32_t vector, bool level),
                  void *owner)
{
    memset(pic, 0, sizeof(*pic));
    pic->semantics = *semantics;
    pic->set_vector = set_vector;
    pic->owner = owner;
    vmc_pic_reset(pic);
}

/* ---- The two things that happen to pins --------------------------------- */

static void tell_vector(struct vmc_pic *pic, uint32_t pin, bool level)
{
    uint32_t vector = pic->state.vector[pin];

    if (pic->semantics.fatal_vector != 0 &&
        vector >= pic->semantics.fatal_vector) {
        pic->state.fatal_accesses++;
        return;
    }
    if (vector < pic->semantics.vectors_max) {
        pic->set_vector(pic->owner, vector, level);
    }
}

static uint32_t load_of(uint64_t pins)
{
    return (uint32_t)__builtin_popcountll(pins);
}

/* The output that @pin goes to when it sends no vector. Between two that its
 * route allows AUTO_CTRL decides; "idle" and "busy" are read as the one with
 * fewer and with more pins in service, which the manual does not spell out. */
static uint32_t output_of(struct vmc_pic *pic, uint32_t pin)
{
    uint32_t automatic = (uint32_t)(pic->state.auto1 >> pin & 1) << 1 |
                         (uint32_t)(pic->state.auto0 >> pin & 1);
    bool first_is_busier =
        load_of(pic->state.outputs[0]) > load_of(pic->state.outputs[1]);

    if ((pic->state.route[pin] & 3) != 3) {
        return (pic->state.route[pin] & 3) == 2;
    }
    switch (automatic) {
    case AUTO_ROTATE:
        pic->state.last_output ^= 1;
        return pic->state.last_output;
    case AUTO_IDLE:
        return first_is_busier;
    case AUTO_BUSY:
        return !first_is_busier;
    default:
        return 0;
    }
}

static bool sends_vector(const struct vmc_pic *pic, uint32_t pin)
{
    return !pic->semantics.has_outputs || (pic->state.htmsi_en >> pin & 1) != 0;
}

/* Of @pins, the ones that an event hands on: all, or the lowest. */
static uint64_t chosen(const struct vmc_pic *pic, uint64_t pins)
{
    return pic->semantics.acts_on_lowest_only ? pins & -pins : pins;
}

static void deliver(struct vmc_pic *pic, uint64_t pins)
{
    pins = chosen(pic, pins & pic->state.irr & ~pic->state.mask);
    for (; pins != 0; pins &= pins - 1) {
        uint32_t pin = vmc_bits_low(pins);
        uint64_t bit = UINT64_C(1) << pin;

        if (sends_vector(pic, pin)) {
            tell_vector(pic, pin, true);
        } else if ((pic->state.isr & bit) == 0) {
            pic->state.outputs[output_of(pic, pin)] |= bit;
        }
        pic->state.isr |= bit;
    }
}

static void withdraw(struct vmc_pic *pic, uint64_t pins)
{
    pins = chosen(pic, pins & pic->state.isr & ~pic->state.irr);
    for (; pins != 0; pins &= pins - 1) {
        uint32_t pin = vmc_bits_low(pins);

        pic->state.isr &= ~(UINT64_C(1) << pin);
        pic->state.outputs[0] &= ~(UINT64_C(1) << pin);
        pic->state.outputs[1] &= ~(UINT64_C(1) << pin);
        if (sends_vector(pic, pin)) {
            tell_vector(pic, pin, false);
        }
    }
}

static void set_edge_line(struct vmc_pic *pic, uint64_t bit, bool level)
{
    if (level) {
        if (pic->semantics.any_high_is_an_edge ||
            (pic->state.last & bit) == 0) {
            pic->state.irr |= bit;
        }
        pic->state.last |= bit;
        deliver(pic, bit);
        return;
    }
    pic->state.last &= ~bit;
    if (pic->semantics.edge_falls_quietly) {
        pic->state.irr &= ~bit;
    }
    if (!pic->semantics.any_high_is_an_edge) {
        withdraw(pic, bit);
    }
}

void vmc_pic_set_line(struct vmc_pic *pic, uint32_t pin, bool level)
{
    uint64_t bit = UINT64_C(1) << pin;

    assert(pin < VMC_PIC_PINS);
    pic->state.lines = (pic->state.lines & ~bit) | (level ? bit : 0);
    if (pic->semantics.polarity_inverts) {
        level ^= (pic->state.polarity & bit) != 0;
    }
    if ((pic->state.edge & bit) != 0) {
        set_edge_line(pic, bit, level);
        return;
    }
    if (level) {
        pic->state.irr |= bit;
        pic->state.last |= bit;
        deliver(pic, bit);
    } else {
        pic->state.irr &= ~bit;
        pic->state.last &= ~bit;
        withdraw(pic, bit);
    }
}

/* ---- Registers ---------------------------------------------------------- */

static void write_mask(struct vmc_pic *pic, uint64_t value)
{
    uint64_t old = pic->state.mask;

    pic->state.mask = value;
    deliver(pic, old & ~value);
    withdraw(pic, ~old & value);
}

/* A level pin of the real part sees its line in the new sense at once. */
static void write_polarity(struct vmc_pic *pic, uint64_t value)
{
    uint64_t turned = (pic->state.polarity ^ value) & ~pic->state.edge;

    pic->state.polarity = value;
    if (!pic->semantics.polarity_inverts) {
        return;
    }
    for (; turned != 0; turned &= turned - 1) {
        uint32_t pin = vmc_bits_low(turned);

        vmc_pic_set_line(pic, pin, (pic->state.lines >> pin & 1) != 0);
    }
}

/* @bits are written to the half of INT_CLEAR that @half selects. */
static void write_clear(struct vmc_pic *pic, uint64_t bits, uint64_t half)
{
    uint64_t taken = bits & pic->state.edge;

    if (taken == 0) {
        return;
    }
    if (!pic->semantics.clear_takes_levels) {
        taken &= pic->state.irr;
        pic->state.irr &= ~taken;
        withdraw(pic, taken);
        return;
    }
    /* QEMU inverts a 32-bit value for the low half, which clears the bits
     * above it too (observation P4). */
    taken = half == UINT32_MAX ? bits | ~half : bits;
    pic->state.irr &= ~taken;
    withdraw(pic, bits);
    pic->state.isr &= ~taken;
}

static uint64_t register_value(const struct vmc_pic *pic, uint32_t offset)
{
    switch (offset & ~7U) {
    case VMC_PIC_ID:
        return pic->semantics.id;
    case VMC_PIC_MASK:
        return pic->state.mask;
    case VMC_PIC_HTMSI_EN:
        return pic->state.htmsi_en;
    case VMC_PIC_EDGE:
        return pic->state.edge;
    case VMC_PIC_AUTO0:
        return pic->state.auto0;
    case VMC_PIC_AUTO1:
        return pic->state.auto1;
    case VMC_PIC_OUTPUT0:
        return pic->state.outputs[0];
    case VMC_PIC_OUTPUT1:
        return pic->state.outputs[1];
    case VMC_PIC_REQUEST:
        return pic->semantics.request_is_readable ? pic->state.irr : 0;
    case VMC_PIC_STATUS:
        return pic->semantics.status_is_masked
                   ? pic->state.isr & ~pic->state.mask
                   : pic->state.isr;
    case VMC_PIC_POLARITY:
        return pic->state.polarity;
    default:
        return 0;
    }
}

/* Write @value under @mask, both in place inside the 64-bit register. */
static void register_write(struct vmc_pic *pic, uint32_t offset, uint64_t value,
                           uint64_t mask)
{
    uint64_t merged = (register_value(pic, offset) & ~mask) | (value & mask);

    switch (offset & ~7U) {
    case VMC_PIC_MASK:
        write_mask(pic, merged);
        break;
    case VMC_PIC_HTMSI_EN:
        pic->state.htmsi_en = merged;
        break;
    case VMC_PIC_AUTO0:
        pic->state.auto0 = pic->semantics.has_outputs ? merged : 0;
        break;
    case VMC_PIC_AUTO1:
        pic->state.auto1 = pic->semantics.has_outputs ? merged : 0;
        break;
    case VMC_PIC_EDGE:
        pic->state.edge = merged;
        break;
    case VMC_PIC_CLEAR:
        write_clear(pic, value & mask, mask);
        break;
    case VMC_PIC_STATUS:
        if (pic->semantics.status_is_writable) {
            pic->state.isr = (pic->state.isr & ~mask) | (value & mask);
        }
        break;
    case VMC_PIC_POLARITY:
        write_polarity(pic, merged);
        break;
    default:
        break;
    }
}

/* The table byte at @offset, or NULL. */
static uint8_t *table_byte(struct vmc_pic *pic, uint32_t offset)
{
    if (offset >= VMC_PIC_ROUTE && offset < VMC_PIC_ROUTE + VMC_PIC_PINS) {
        return &pic->state.route[offset - VMC_PIC_ROUTE];
    }
    if (offset >= VMC_PIC_VECTOR && offset < VMC_PIC_VECTOR + VMC_PIC_PINS) {
        return &pic->state.vector[offset - VMC_PIC_VECTOR];
    }
    return NULL;
}

static bool is_byte_region(uint32_t offset)
{
    return offset >= BYTES_FIRST && offset < BYTES_END;
}

static bool refuses(const struct vmc_pic *pic, uint32_t offset,
                    uint32_t size_bytes)
{
    return pic->semantics.words_need_words && !is_byte_region(offset) &&
           size_bytes < 4;
}

static uint64_t ones(uint32_t size_bytes)
{
    return size_bytes >= 8 ? ~UINT64_C(0)
                           : (UINT64_C(1) << (8 * size_bytes)) - 1;
}

enum vmc_status vmc_pic_read(struct vmc_pic *pic, uint32_t offset_bytes,
                             uint32_t size_bytes, uint64_t *value)
{
    *value = 0;
    if (refuses(pic, offset_bytes, size_bytes)) {
        return VMC_E_ACCESS;
    }
    if (!is_byte_region(offset_bytes) ||
        (pic->semantics.request_is_readable &&
         (offset_bytes & ~7U) == VMC_PIC_REQUEST) ||
        (pic->semantics.has_outputs &&
         ((offset_bytes & ~7U) == VMC_PIC_OUTPUT0 ||
          (offset_bytes & ~7U) == VMC_PIC_OUTPUT1))) {
        *value = register_value(pic, offset_bytes) >> (offset_bytes % 8 * 8) &
                 ones(size_bytes);
        return VMC_OK;
    }
    for (uint32_t i = size_bytes; i-- > 0;) {
        const uint8_t *byte = table_byte(pic, offset_bytes + i);

        *value = *value << 8 | (byte != NULL ? *byte : 0);
    }
    return VMC_OK;
}

enum vmc_status vmc_pic_write(struct vmc_pic *pic, uint32_t offset_bytes,
                              uint32_t size_bytes, uint64_t value)
{
    uint32_t shift = offset_bytes % 8 * 8;

    if (refuses(pic, offset_bytes, size_bytes)) {
        return VMC_E_ACCESS;
    }
    if (is_byte_region(offset_bytes)) {
        for (uint32_t i = 0; i < size_bytes; i++) {
            uint8_t *byte = table_byte(pic, offset_bytes + i);
            bool is_route = offset_bytes + i < VMC_PIC_VECTOR;

            if (byte != NULL &&
                (!is_route || pic->semantics.routes_are_stored)) {
                *byte = (uint8_t)(value >> (8 * i));
            }
        }
        return VMC_OK;
    }
    if (size_bytes == 8) { /* two words, the low one first */
        register_write(pic, offset_bytes, value, UINT32_MAX);
        register_write(pic, offset_bytes, value, ~(uint64_t)UINT32_MAX);
    } else {
        register_write(pic, offset_bytes, value << shift,
                       ones(size_bytes) << shift);
    }
    return VMC_OK;
}

void vmc_pic_add_state(struct vmc_pic *pic, struct vmc_state_map *map)
{
    vmc_state_add(map, "pch-pic", &pic->state, sizeof(pic->state));
}
