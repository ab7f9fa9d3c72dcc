/* SPDX-License-Identifier: MIT */
/**
 * machine.h - the LoongArch interrupt path, joined: IOCSR bus, IPI units,
 * EIOINTC, PCH-PIC, PCH-MSI, UARTs and the inputs of the CPUs.
 *
 *     UART --> PCH-PIC --+
 *     store to doorbell -+--> EIOINTC --> pins of a CPU <-- IPI unit
 *
 * The machine is functional: an operation acts at once. Time is put around it
 * by irqsim.h.
 *
 * Owner    The caller's storage, about 150 KiB; pointers inside it point into
 *          itself, so it may not be moved.
 */
#ifndef VMC_SIM_MACHINE_MACHINE_H
#define VMC_SIM_MACHINE_MACHINE_H

#include "eiointc/eiointc.h"
#include "iocsr/iocsr.h"
#include "irqchip/avec.h"
#include "irqchip/cpuintc.h"
#include "irqchip/pch_msi.h"
#include "irqchip/pch_pic.h"
#include "irqchip/uart.h"

enum { MACHINE_VCPUS_MAX = 256, MACHINE_UARTS = 4, MACHINE_UART_PIN = 2 };

/** Physical addresses of the `virt` machine (spec sections 6, 7). */
enum machine_address {
    MACHINE_PIC = 0x10000000,
    MACHINE_UART = 0x1fe001e0, /**< each further one 0x100 above */
    MACHINE_AVEC = 0x2fe00000, /**< where message interrupts exist */
    MACHINE_MSI = 0x2ff00000,
};

/** What an access to nothing raises: Ecode 8, EsubCode 1 (ADEM). */
enum { MACHINE_ADEM = 0x108 };

/** Semantics of all parts at once. */
enum machine_semantics {
    MACHINE_QEMU,
    MACHINE_KVM,    /**< the newest generation, K3 */
    MACHINE_KVM_K0, /**< the generations before it */
    MACHINE_KVM_K1,
    MACHINE_KVM_K2,
    MACHINE_HW,
};

/** Every switch of every part, by the name of the difference. */
struct machine_switches {
    struct vmc_eio_semantics eio;
    struct vmc_iocsr_semantics iocsr;
    struct vmc_pic_semantics pic;
    struct vmc_avec_semantics avec;
    bool msi_first_is_fatal;    /**< X1: vectors below 32 end QEMU */
    bool msi_data_is_unchecked; /**< B-34 */
    bool misaligned_is_split;   /**< S5: by the CPU, into smaller accesses */
    uint32_t virt_features;     /**< of the virtual extension, if there is one;
                                   INT_ENCODE counts without it too */
};

/** The switches as @semantics has them. */
struct machine_switches machine_switches_of(enum machine_semantics semantics);

/** Whoever wants to hear of things. A NULL entry is not called. */
struct machine_hooks {
    /** Line @line (bit of ESTAT) of @vcpu is set; levels may repeat. */
    void (*line)(void *owner, uint32_t vcpu, uint32_t line, bool level);
    void (*vector)(void *owner, enum vmc_eio_event event, uint32_t vector,
                   uint32_t vcpu);
    /** PCH-PIC or MSI set a vector. If present, it stands in for the EIOINTC,
     * which then gets its inputs by machine_set_vector() alone. */
    void (*input)(void *owner, uint32_t vector, bool level);
    void *owner;
};

struct machine_config {
    enum machine_semantics semantics;
    enum vmc_eio_layout layout; /**< of the virtual extension */
    bool has_messages;          /**< AVEC: its doorbell, and MISC_FUNC bit 51 */
    uint32_t vcpu_count;
    uint16_t physical_ids[MACHINE_VCPUS_MAX];
    struct machine_hooks hooks;
    /** Some switches set by hand; NULL: all as @semantics has them. */
    const struct machine_switches *switches;
};

struct machine {
    struct vmc_iocsr iocsr;
    struct vmc_eio eio;
    struct vmc_pic pic;
    struct vmc_msi msi;
    struct vmc_avec avec;
    struct vmc_uart uarts[MACHINE_UARTS];
    struct vmc_cpuintc cpus[MACHINE_VCPUS_MAX];
    uint32_t vcpu_count;
    bool has_messages, misaligned_is_split;
    struct machine_hooks hooks;
};

/**
 * Make *@machine as after power-on.
 * Fails    VMC_E_RANGE when a count or an id of @config is out of its limits.
 */
enum vmc_status machine_init(struct machine *machine,
                             const struct machine_config *config);

/** The semantics that @name names: qemu, kvm, kvm-k0 to kvm-k3, hw.
 * Fails    VMC_E_USAGE; *@out is unchanged. */
enum vmc_status machine_semantics_named(enum machine_semantics *out,
                                        const char *name);

/** A system reset while power stays on. */
void machine_reset(struct machine *machine);

/** Read or write the IOCSR space as @vcpu; a read gives the bytes only. */
uint64_t machine_iocsr_read(struct machine *machine, uint32_t vcpu,
                            uint64_t address, uint32_t size_bytes);
void machine_iocsr_write(struct machine *machine, uint32_t vcpu,
                         uint64_t address, uint32_t size_bytes, uint64_t value);

/**
 * Read or write a physical address as a CPU does: a misaligned access is taken
 * apart, and what came before a refused piece has happened.
 * Fails    VMC_E_ACCESS: the CPU gets the ADEM exception.
 */
enum vmc_status machine_mmio_read(struct machine *machine, uint64_t address,
                                  uint32_t size_bytes, uint64_t *value);
enum vmc_status machine_mmio_write(struct machine *machine, uint64_t address,
                                   uint32_t size_bytes, uint64_t value);

/** The input of EIOINTC vector @vector, past PCH-PIC and MSI. */
void machine_set_vector(struct machine *machine, uint32_t vector, bool level);

/** Accesses so far that would have ended QEMU 10.0.2. */
uint64_t machine_fatal_accesses(const struct machine *machine);

/** Add all state to @map. */
void machine_add_state(struct machine *machine, struct vmc_state_map *map);

#endif
