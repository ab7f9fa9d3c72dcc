/* SPDX-License-Identifier: MIT */
/**
 * standin.h - ranges of KVM's interrupt controllers, without the controllers.
 *
 * A VM with an interrupt controller in the kernel has ranges on its buses
 * before user space adds any, and a local APIC in front of them. Here each
 * remembers the last write and counts, which is all that dispatch can see.
 */
#ifndef VMC_IOREGION_STANDIN_H
#define VMC_IOREGION_STANDIN_H

#include <stdint.h>

#include "ioregion/bus.h"

/** The parts of an x86 interrupt controller, as KVM_CREATE_IRQCHIP adds them.
 */
enum vmc_standin_part {
    VMC_STANDIN_LAPIC,      /**< 0xfee00000, 4 KiB, in front of the MMIO bus */
    VMC_STANDIN_IOAPIC,     /**< 0xfec00000, 256 bytes, MMIO */
    VMC_STANDIN_PIC_MASTER, /**< ports 0x20 and 0x21 */
    VMC_STANDIN_PIC_SLAVE,  /**< ports 0xa0 and 0xa1 */
    VMC_STANDIN_PIC_ELCR,   /**< ports 0x4d0 and 0x4d1 */
    VMC_STANDIN_COUNT
};

/** One of them. */
struct vmc_standin {
    struct vmc_bus_device device;
    uint64_t reads, writes, last_addr, last_value;
};

/** All of a VM's. The caller's storage, which must outlive the bus. */
struct vmc_standins {
    struct vmc_standin parts[VMC_STANDIN_COUNT];
};

/**
 * Put all parts of @standins on @bus.
 * Returns  0; what vmc_bus_register() says: those before it are then there.
 */
int vmc_standins_add(struct vmc_standins *standins, struct vmc_bus *bus);

#endif
