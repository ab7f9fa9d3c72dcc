/* SPDX-License-Identifier: MIT */
/**
 * pch_pic.h - the interrupt controller of the 7A1000 bridge: up to 64 input
 * pins become vectors of the EIOINTC.
 *
 * A pin has a request bit (irr), which its line sets, and a service bit (isr),
 * which is 1 while its vector is raised. Level pins follow their line; edge
 * pins keep a request until INT_CLEAR takes it back. Implementations differ;
 * struct vmc_pic_semantics names how (spec section 15, D18 to D23).
 *
 * Offsets are those of the MMIO window.
 *
 * Owner    The caller's storage. struct vmc_pic_state is plain data.
 */
#ifndef VMC_IRQCHIP_PCH_PIC_H
#define VMC_IRQCHIP_PCH_PIC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"
#include "device/state.h"

enum { VMC_PIC_PINS = 64, VMC_PIC_WINDOW_BYTES = 0x1000 };

/** Registers (spec section 6). */
enum vmc_pic_register {
    VMC_PIC_ID = 0x000,
    VMC_PIC_MASK = 0x020,
    VMC_PIC_HTMSI_EN = 0x040,
    VMC_PIC_EDGE = 0x060,
    VMC_PIC_CLEAR = 0x080,
    VMC_PIC_AUTO0 = 0x0c0,
    VMC_PIC_AUTO1 = 0x0e0,
    VMC_PIC_ROUTE = 0x100,
    VMC_PIC_VECTOR = 0x200,
    VMC_PIC_OUTPUT0 = 0x300, /**< in service at output INTn0 */
    VMC_PIC_OUTPUT1 = 0x320,
    VMC_PIC_REQUEST = 0x380,
    VMC_PIC_STATUS = 0x3a0,
    VMC_PIC_POLARITY = 0x3e0,
};

/** Every way in which implementations differ. */
struct vmc_pic_semantics {
    uint64_t id;                /**< value of INT_ID */
    bool acts_on_lowest_only;   /**< D18: one pin for each write */
    bool clear_takes_levels;    /**< D18: INT_CLEAR of an edge bit takes all */
    bool any_high_is_an_edge;   /**< D19 */
    bool polarity_inverts;      /**< D20 */
    bool routes_are_stored;     /**< ROUTE_ENTRY */
    bool request_is_readable;   /**< D21 */
    bool status_is_masked;      /**< D22: STATUS reads isr & ~mask */
    bool status_is_writable;    /**< P5: QEMU before it was made read-only */
    bool vectors_start_as_pins; /**< D23 */
    bool words_need_words;      /**< S3: word registers refuse 1 and 2 bytes */
    bool has_outputs; /**< D20: HTMSI_EN chooses between a vector and the two
                         outputs; ROUTE and AUTO_CTRL choose the output */
    bool edge_falls_quietly; /**< B-6: the fall of an edge takes it back */
    uint32_t vectors_max;    /**< pins above lead nowhere */
    uint32_t fatal_vector;   /**< X5: from here on QEMU ends; 0: none */
};

/** All that a run changes: the registers, by their names in the manual. */
struct vmc_pic_state {
    uint64_t mask, htmsi_en, edge, polarity, auto0, auto1;
    uint64_t irr, isr;
    uint64_t last;       /**< lines as reported last, for edges */
    uint64_t lines;      /**< lines as they are at the pins */
    uint64_t outputs[2]; /**< pins in service at INTn0 and INTn1 */
    uint8_t last_output; /**< for AUTO_CTRL's rotation */
    uint8_t vector[VMC_PIC_PINS], route[VMC_PIC_PINS];
    uint64_t fatal_accesses;
};

/** A controller. The fields are for reading. */
struct vmc_pic {
    struct vmc_pic_state state;
    struct vmc_pic_semantics semantics;
    /** Vector @vector of the EIOINTC has @level. */
    void (*set_vector)(void *owner, uint32_t vector, bool level);
    void *owner;
};

/** The semantics of QEMU 10.0.2, of KVM, and of the manual. */
struct vmc_pic_semantics vmc_pic_semantics_qemu(void);
struct vmc_pic_semantics vmc_pic_semantics_kvm(void);
struct vmc_pic_semantics vmc_pic_semantics_hw(void);

/** Make *@pic as after power-on. @owner is borrowed. */
void vmc_pic_init(struct vmc_pic *pic,
                  const struct vmc_pic_semantics *semantics,
                  void (*set_vector)(void *owner, uint32_t vector, bool level),
                  void *owner);

/** As after power-on; vectors that are raised stay so in the EIOINTC. */
void vmc_pic_reset(struct vmc_pic *pic);

/** The line at @pin is reported with @level; repeats count (P7). */
void vmc_pic_set_line(struct vmc_pic *pic, uint32_t pin, bool level);

/**
 * Read @size_bytes at @offset_bytes, which is aligned to it.
 * Fails    VMC_E_ACCESS for a size that the register refuses; *@value is 0.
 */
enum vmc_status vmc_pic_read(struct vmc_pic *pic, uint32_t offset_bytes,
                             uint32_t size_bytes, uint64_t *value);

/** Write likewise. */
enum vmc_status vmc_pic_write(struct vmc_pic *pic, uint32_t offset_bytes,
                              uint32_t size_bytes, uint64_t value);

/** Add its state to @map. */
void vmc_pic_add_state(struct vmc_pic *pic, struct vmc_state_map *map);

#endif
