/* SPDX-License-Identifier: MIT */
/* Devices that note who called them, for the tests of the bus. */
#ifndef VMC_TESTS_BUS_RIG_H
#define VMC_TESTS_BUS_RIG_H

#include <check.h>
#include <errno.h>
#include <string.h>

#include "base/base.h"
#include "ioregion/bus.h"

/* A device that answers @result and notes what it was asked. */
struct probe_device {
    struct vmc_bus_device device;
    int result;
    uint32_t reads, writes, destroyed;
    struct vmc_bus_access last;
};

static struct probe_device *probe_of(struct vmc_bus_device *device)
{
    return VMC_CONTAINER_OF(device, struct probe_device, device);
}

static int probe_read(struct vmc_bus_device *device,
                      struct vmc_bus_access *access)
{
    struct probe_device *probe = probe_of(device);

    probe->reads++;
    probe->last = *access;
    if (probe->result == 0) {
        memset(access->data, 0x5a, (size_t)access->len);
    }
    return probe->result;
}

static int probe_write(struct vmc_bus_device *device,
                       const struct vmc_bus_access *access)
{
    struct probe_device *probe = probe_of(device);

    probe->writes++;
    probe->last = *access;
    return probe->result;
}

static void probe_destroy(struct vmc_bus_device *device)
{
    probe_of(device)->destroyed++;
}

static const struct vmc_bus_ops probe_ops = {.kind = "probe",
                                             .read = probe_read,
                                             .write = probe_write,
                                             .destroy = probe_destroy};

static inline struct probe_device probe_make(enum vmc_bus_kind kind, int result)
{
    return (struct probe_device){.device = {.ops = &probe_ops, .kind = kind},
                                 .result = result};
}

static inline struct vmc_bus *bus_make(struct vmc_bus_config config)
{
    struct vmc_bus *bus;

    ck_assert_int_eq(vmc_bus_new(&bus, &config), VMC_OK);
    return bus;
}

#endif
