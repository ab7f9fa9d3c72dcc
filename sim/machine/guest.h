/* SPDX-License-Identifier: MIT */
/**
 * guest.h - the register accesses that a Linux guest makes, in its order.
 *
 * A routine is one thing that a guest's drivers do: set up the router, move an
 * interrupt to another vCPU, dispatch what is pending, send an IPI. It gives
 * out one access after the other and is told what each read returned; whoever
 * runs it decides what an access costs. The same routine therefore serves to
 * count accesses, to time them and to check a model.
 *
 * The sequences are those of drivers/irqchip/irq-loongson-{eiointc,pch-pic}.c
 * and arch/loongarch/kernel/smp.c, as spec section 13 lists them. They differ
 * by driver generation:
 *
 *   L0  2022: writes every status word back, pending or not
 *   L1  Linux 6.12: writes back only what is pending
 *   L2  knows the virtual extension (encoded routes)
 *   L3  one CPU pin for each 64 vectors when it runs in a guest
 *   L4  as L3; 32-bit words on 32-bit kernels, which we do not model
 *
 * Owner    A routine is plain data of the caller; copying it copies its place.
 */
#ifndef VMC_SIM_MACHINE_GUEST_H
#define VMC_SIM_MACHINE_GUEST_H

#include <stdbool.h>
#include <stdint.h>

enum { GUEST_VCPUS_MAX = 256, GUEST_VECTORS_MAX = 256 };

enum guest_generation { GUEST_L0, GUEST_L1, GUEST_L2, GUEST_L3, GUEST_L4 };

/** Where the guest finds and how it drives the virtual extension. */
enum guest_extension {
    GUEST_EXTENSION_NONE,  /**< bitmap routes, four CPUs a node */
    GUEST_EXTENSION_FINAL, /**< FEATURES and CONFIG, as merged */
    GUEST_EXTENSION_A,     /**< one register, as proposed on 19 Aug 2024 */
    GUEST_EXTENSION_B,     /**< two registers, as proposed on 20 Aug 2024 */
};

/** What the guest's drivers know about their machine. Plain data. */
struct guest {
    enum guest_generation generation;
    enum guest_extension extension;
    bool is_encoded;       /**< found out by GUEST_EXTENSION_INIT */
    uint32_t vector_count; /**< 256, or 128 on a LS2K0500 */
    uint32_t vcpu_count;
    uint16_t physical_ids[GUEST_VCPUS_MAX];
    uint8_t online[GUEST_VCPUS_MAX];
    uint16_t node_map;  /**< ACPI: nodes that this controller serves */
    uint8_t parent_pin; /**< ACPI cascade - 2: the CPU pin of the vectors */
};

enum guest_bus { GUEST_IOCSR, GUEST_MMIO };

/** One access of a guest. */
struct guest_access {
    uint64_t address, data; /**< data: of a write */
    uint8_t bus;            /**< enum guest_bus */
    uint8_t size_bytes;
    bool is_write;
};

enum guest_routine_kind {
    GUEST_EXTENSION_INIT, /**< discover and enable the virtual extension */
    GUEST_ROUTER_INIT,    /**< vcpu: comes online */
    GUEST_SET_AFFINITY,   /**< vector, to vcpu target */
    GUEST_DISPATCH,       /**< pin: serve what is pending */
    GUEST_IPI_SEND,       /**< action, to vcpu target */
    GUEST_IPI_RECEIVE,
    GUEST_MAIL_SEND,       /**< data, to mailbox 0 of vcpu target */
    GUEST_BOOT_SECONDARY,  /**< vcpu target: mailbox, then IPI */
    GUEST_SECONDARY_START, /**< what the booted vCPU does itself */
    GUEST_PIC_INIT,        /**< base vector in data */
    GUEST_PIC_SET_TYPE,    /**< pin; data: enum guest_trigger */
    GUEST_PIC_ALLOC,       /**< pin, vector */
    GUEST_PIC_MASK,        /**< pin */
    GUEST_PIC_UNMASK,      /**< pin */
    GUEST_PIC_ACK,         /**< pin */
    GUEST_ROUTINE_COUNT
};

enum guest_trigger {
    GUEST_LEVEL_HIGH,
    GUEST_LEVEL_LOW,
    GUEST_EDGE_RISING,
    GUEST_EDGE_FALLING
};

/** A routine on its way. Fields above the rule are set by who starts it. */
struct guest_routine {
    enum guest_routine_kind kind;
    uint32_t vcpu, target, vector, pin, action;
    uint64_t data;
    /* ---- */
    uint32_t step;
    uint32_t index;        /**< of the item that a loop is at */
    uint64_t read;         /**< what the last read returned */
    uint64_t pending;      /**< dispatch: bits of the word just acknowledged */
    uint32_t pending_base; /**< dispatch: vector of bit 0 of pending */
    uint32_t words_pending;
};

/**
 * Give out the next access of @routine in *@access. @read is what the one
 * before returned, if it was a read.
 * GUEST_EXTENSION_INIT sets @guest->is_encoded on its way.
 * Returns  false when the routine has ended; *@access is then untouched.
 */
bool guest_next(struct guest *guest, struct guest_routine *routine,
                uint64_t read, struct guest_access *access);

/** The name of @kind, for tables. */
const char *guest_routine_name(enum guest_routine_kind kind);

/** Vectors that share CPU pin @pin; dispatch reads the words of these. */
bool guest_is_multi_pin(const struct guest *guest);

/** CPUs of one node as the driver sees it: 4, or 256 with encoded routes. */
uint32_t guest_cores_per_node(const struct guest *guest);

#endif
