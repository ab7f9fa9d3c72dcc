/* SPDX-License-Identifier: MIT */
#include "device/device.h"

enum vmc_status vmc_device_access(struct vmc_device *device,
                                  struct vmc_txn *txn)
{
    txn->latency_cycles += device->access_cycles;
    if ((device->ops->sizes_bytes & txn->size_bytes) == 0) {
        return VMC_E_ACCESS;
    }
    return txn->is_write ? device->ops->write(device, txn)
                         : device->ops->read(device, txn);
}

void vmc_wire_connect(struct vmc_wire *wire, vmc_wire_fn *set, void *sink,
                      uint32_t line)
{
    assert(wire->set == NULL && set != NULL);
    *wire = (struct vmc_wire){.set = set, .sink = sink, .line = line};
}

void vmc_wire_set(const struct vmc_wire *wire, bool level)
{
    if (wire->set != NULL) {
        wire->set(wire->sink, wire->line, level);
    }
}
