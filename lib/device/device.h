/* SPDX-License-Identifier: MIT */
/**
 * device.h - what a device model is to the rest of the machine.
 *
 * A device answers accesses, through its ops table, and drives wires. It knows
 * the engine; it knows neither the bus it sits on, nor the other devices, nor
 * the trace. sim/ joins them.
 *
 * All that a run changes in a device lies in one struct of plain data, without
 * a pointer, that it lists in a state map (state.h); what is wired or
 * configured lies beside it. That is what makes a whole machine savable.
 */
#ifndef VMC_DEVICE_DEVICE_H
#define VMC_DEVICE_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

/**
 * One read or write, on its way from a vCPU to a device and back. The issuer
 * owns it; nobody keeps a pointer to it after returning.
 */
struct vmc_txn {
    uint64_t offset_bytes;   /**< in: counted from the start of the region */
    uint64_t data;           /**< in for a write, out for a read */
    uint64_t latency_cycles; /**< in and out: each station adds its share */
    uint32_t vcpu;           /**< in: index of who asks */
    uint8_t size_bytes;      /**< in: 1, 2, 4 or 8 */
    bool is_write;           /**< in */
};

struct vmc_device;

/**
 * The behaviour of a kind of device: one constant table for each kind.
 * read and write answer VMC_OK, or VMC_E_ACCESS having changed nothing.
 */
struct vmc_device_ops {
    const char *kind;
    uint8_t sizes_bytes; /**< the access sizes it takes, OR-ed together */
    void (*reset)(struct vmc_device *device);
    enum vmc_status (*read)(struct vmc_device *device, struct vmc_txn *txn);
    enum vmc_status (*write)(struct vmc_device *device,
                             const struct vmc_txn *txn);
};

/** Embedded by every device model, which finds itself from it. */
struct vmc_device {
    const struct vmc_device_ops *ops;
    uint64_t access_cycles; /**< charged for every access, failed or not */
};

/**
 * Carry out @txn: the one way to reach a device. Checks the size, so no device
 * has to.
 * Fails    VMC_E_ACCESS.
 */
enum vmc_status vmc_device_access(struct vmc_device *device,
                                  struct vmc_txn *txn);

/** Called with the level that a source sets; @line as given to connect(). */
typedef void vmc_wire_fn(void *sink, uint32_t line, bool level);

/**
 * A connection from one source to one sink. It holds no level: whether a
 * repeated level means something is the affair of the two ends (for real
 * interrupt lines it does).
 */
struct vmc_wire {
    vmc_wire_fn *set;
    void *sink; /**< borrowed: must outlive the source */
    uint32_t line;
};

/** Lead @wire to a sink. Asserts that it leads nowhere yet. */
void vmc_wire_connect(struct vmc_wire *wire, vmc_wire_fn *set, void *sink,
                      uint32_t line);

/** Tell the sink @level. A wire that leads nowhere swallows it. */
void vmc_wire_set(const struct vmc_wire *wire, bool level);

#endif
