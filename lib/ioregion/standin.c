/* SPDX-License-Identifier: MIT */
/*
 * Addresses and lengths: Linux 6.12, arch/x86/kvm/ioapic.h, lapic.h, i8259.c.
 * Each range handles whatever falls into it.
 */
#include "ioregion/standin.h"

#include <string.h>

static const struct {
    enum vmc_bus_index bus;
    uint64_t addr, size_bytes;
} places[VMC_STANDIN_COUNT] = {
    [VMC_STANDIN_LAPIC] = {VMC_BUS_MMIO, 0xfee00000, 0x1000},
    [VMC_STANDIN_IOAPIC] = {VMC_BUS_MMIO, 0xfec00000, 0x100},
    [VMC_STANDIN_PIC_MASTER] = {VMC_BUS_PIO, 0x20, 2},
    [VMC_STANDIN_PIC_SLAVE] = {VMC_BUS_PIO, 0xa0, 2},
    [VMC_STANDIN_PIC_ELCR] = {VMC_BUS_PIO, 0x4d0, 2},
};

static int standin_read(struct vmc_bus_device *device,
                        struct vmc_bus_access *access)
{
    struct vmc_standin *part =
        VMC_CONTAINER_OF(device, struct vmc_standin, device);

    part->reads++;
    part->last_addr = access->addr;
    vmc_bus_set_value(access, part->last_value);
    return 0;
}

static int standin_write(struct vmc_bus_device *device,
                         const struct vmc_bus_access *access)
{
    struct vmc_standin *part =
        VMC_CONTAINER_OF(device, struct vmc_standin, device);

    part->writes++;
    part->last_addr = access->addr;
    part->last_value = vmc_bus_value(access);
    return 0;
}

static const struct vmc_bus_ops ops = {
    .kind = "standin", .read = standin_read, .write = standin_write};

int vmc_standins_add(struct vmc_standins *standins, struct vmc_bus *bus)
{
    int result = 0;

    memset(standins, 0, sizeof(*standins));
    for (int i = 0; i < VMC_STANDIN_COUNT && result == 0; i++) {
        struct vmc_bus_device *device = &standins->parts[i].device;

        *device = (struct vmc_bus_device){.ops = &ops, .kind = VMC_BUS_KERNEL};
        if (i == VMC_STANDIN_LAPIC) {
            vmc_bus_add_front(bus, places[i].addr, places[i].size_bytes,
                              device);
        } else {
            result = vmc_bus_register(bus, places[i].bus, places[i].addr,
                                      places[i].size_bytes, device);
        }
    }
    return result;
}
