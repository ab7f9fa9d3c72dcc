/* SPDX-License-Identifier: MIT */
/**
 * bus.h - the buses of a VM: which devices a guest's access is offered to.
 *
 * A VM has four buses. Each is an array of ranges in an order that depends on
 * when they were registered. An access is looked for by a binary search whose
 * comparison is no total order once ranges nest, so the search can miss a
 * range that holds the access; that is what KVM does, and what this does. The
 * linear mode finds every range, in the order of the array.
 *
 * Readers run inside a section, from vmc_bus_enter() to vmc_bus_leave(). A
 * change is published at once, but the call that made it returns, in the time
 * of the VM, only when the sections that began before it have ended. Until
 * then it holds the VM's slots_lock and every other change has to wait.
 *
 * Errors   The negative numbers of <errno.h>, as the ioctl would return them.
 * Units    Addresses and sizes are bytes.
 * Owner    The registrant owns a device; after a successful registration the
 *          bus calls ops->destroy once when it lets go of it.
 * Threads  One VM, one thread. Nothing is allocated after vmc_bus_new().
 */
#ifndef VMC_IOREGION_BUS_H
#define VMC_IOREGION_BUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

/** The buses of a VM, with KVM's numbers. */
enum vmc_bus_index {
    VMC_BUS_MMIO,
    VMC_BUS_PIO,
    VMC_BUS_CCW,  /**< virtio-ccw notifications of s390 */
    VMC_BUS_FAST, /**< MMIO writes that are served before decoding */
    VMC_BUS_COUNT
};

/** The kernel whose behaviour is followed. */
enum vmc_kvm_version { VMC_K5_11, VMC_K6_12, VMC_K6_18, VMC_K_COUNT };

/** How an access is looked for. */
enum vmc_bus_lookup { VMC_BUS_FAITHFUL, VMC_BUS_LINEAR };

/** What a device is. Only IOEVENTFD does not count towards the limit. */
enum vmc_bus_kind {
    VMC_BUS_KERNEL, /**< a device model inside KVM */
    VMC_BUS_IOEVENTFD,
    VMC_BUS_ZONE, /**< of coalesced MMIO or PIO */
    VMC_BUS_IOREGION,
    VMC_BUS_KIND_COUNT
};

enum {
    VMC_BUS_DEVICES_MAX = 1000, /**< NR_IOBUS_DEVS of Linux 6.12 */
    VMC_BUS_FRONTS_MAX = 4,
    VMC_BUS_CHUNK_BYTES_MAX = 8,
    /** A change found slots_lock taken: nothing happened, call again later. */
    VMC_BUS_LOCKED = 1
};

struct vmc_bus_device;

/**
 * One call of the bus: at most 8 bytes at one address. The issuer owns it.
 * The bus fills what is marked out; a device fills @data of a read.
 */
struct vmc_bus_access {
    uint64_t addr;
    int32_t len;   /**< 1 to 8; 0 on the FAST bus, which knows no width */
    uint32_t vcpu; /**< index of who asks */
    uint8_t data[VMC_BUS_CHUNK_BYTES_MAX]; /**< in guest memory order */
    struct vmc_bus_device *server;         /**< out: who handled it, or NULL */
    uint32_t probes; /**< out: ranges compared by the search */
    uint32_t walked; /**< out: steps back from its hit to the first candidate */
    uint32_t tried;  /**< out: candidates it was offered to */
};

/**
 * The behaviour of a kind of device. Each answers 0 when it has handled the
 * access, -EOPNOTSUPP when it is not its business, or another negative errno.
 * A NULL read or write answers -EOPNOTSUPP; a NULL destroy does nothing.
 */
struct vmc_bus_ops {
    const char *kind;
    int (*read)(struct vmc_bus_device *device, struct vmc_bus_access *access);
    int (*write)(struct vmc_bus_device *device,
                 const struct vmc_bus_access *access);
    void (*destroy)(struct vmc_bus_device *device);
};

/** Embedded by every device on a bus, which finds itself from it. */
struct vmc_bus_device {
    const struct vmc_bus_ops *ops;
    enum vmc_bus_kind kind;
};

/** One range as it stands in the array. */
struct vmc_bus_range {
    uint64_t addr;
    uint64_t size_bytes; /**< as the registrant gave it */
    int32_t len; /**< what the bus made of it: the low 32 bits, signed */
    struct vmc_bus_device *device;
};

/** How a VM's buses behave, and how much room they have. */
struct vmc_bus_config {
    enum vmc_kvm_version version; /**< the kernel that is followed */
    enum vmc_bus_lookup lookup;   /**< with KVM's misses, or without */
    /** The loop over candidates ends at an error other than -EOPNOTSUPP, and
     * returns it, as in the posted ioregionfd. Mainline goes on. */
    bool stops_on_error;
    uint32_t devices_max; /**< a bus, ioeventfds not counted */
    uint32_t ranges_max;  /**< of one bus; beyond it there is no memory */
};

/** A walk over the candidates of one access; see vmc_bus_walk_start(). */
struct vmc_bus_walk {
    uint64_t addr;
    int32_t len;
    enum vmc_bus_index index;
    uint32_t version; /**< of the array it looks at */
    uint32_t at;      /**< the candidate it stands on */
    uint32_t probes, walked, tried;
};

struct vmc_bus;

/** Mainline 6.12: faithful, 1000 devices, room for 4096 ranges a bus. */
struct vmc_bus_config vmc_bus_defaults(void);

/**
 * Make the four buses of a VM, all empty.
 * Owner    *@out is the caller's, for vmc_bus_free(); @config is copied.
 * Fails    VMC_E_RANGE, VMC_E_NOMEM; *@out is then NULL.
 */
enum vmc_status vmc_bus_new(struct vmc_bus **out,
                            const struct vmc_bus_config *config);

/** Destroy all devices and free the buses. NULL is allowed. */
void vmc_bus_free(struct vmc_bus *bus);

/** The configuration it was made with. */
const struct vmc_bus_config *vmc_bus_config(const struct vmc_bus *bus);

/**
 * Put @device at [@addr, @addr + @size_bytes). The size is cut to a signed 32
 * bit number, as in KVM: 2^32 becomes 0, which matches the exact address.
 * Returns  0; -ENOMEM when the bus is gone; -ENOSPC when it has its devices;
 *          -ENOMEM when there is no memory for the array; VMC_BUS_LOCKED.
 *          The first of them that applies.
 * Order    Before 6.18 it waits for a grace period, see vmc_bus_is_quiet().
 */
int vmc_bus_register(struct vmc_bus *bus, enum vmc_bus_index index,
                     uint64_t addr, uint64_t size_bytes,
                     struct vmc_bus_device *device);

/**
 * Take @device off. Its destroy is called when the grace period is over; in
 * 5.11 not at all, there the caller has to do it.
 * Returns  0, also when it was not there or the bus is gone; -ENOMEM when the
 *          smaller array cannot be allocated: then all devices of that bus are
 *          gone, and destroyed; VMC_BUS_LOCKED.
 * Order    It waits for a grace period, see vmc_bus_is_quiet().
 */
int vmc_bus_unregister(struct vmc_bus *bus, enum vmc_bus_index index,
                       struct vmc_bus_device *device);

/** Begin a section of a reader. Returns what vmc_bus_leave() wants. */
uint32_t vmc_bus_enter(struct vmc_bus *bus);

/** End the section; calls destroy of the devices that waited for it. */
void vmc_bus_leave(struct vmc_bus *bus, uint32_t reader);

/** The ticket of the last change; 0 before the first one that waits. */
uint64_t vmc_bus_ticket(const struct vmc_bus *bus);

/** True when the call that made the change with @ticket has returned. */
bool vmc_bus_is_over(const struct vmc_bus *bus, uint64_t ticket);

/** True when slots_lock is free: no change waits for readers. */
bool vmc_bus_is_quiet(const struct vmc_bus *bus);

/**
 * Offer an access to the candidates in turn until one handles it.
 * Returns  0 handled; -EOPNOTSUPP no candidate took it; -ENOMEM the bus is
 *          gone; another error with config.stops_on_error only.
 */
int vmc_bus_read(struct vmc_bus *bus, enum vmc_bus_index index,
                 struct vmc_bus_access *access);
int vmc_bus_write(struct vmc_bus *bus, enum vmc_bus_index index,
                  struct vmc_bus_access *access);

/**
 * Write, trying range number @cookie first (virtio-ccw).
 * Returns  the number of the range that handled it, to be the next cookie;
 *          -EOPNOTSUPP, -ENOMEM.
 */
int vmc_bus_write_cookie(struct vmc_bus *bus, enum vmc_bus_index index,
                         struct vmc_bus_access *access, int64_t cookie);

/** The first candidate for a byte at @addr, or NULL. */
struct vmc_bus_device *vmc_bus_device_at(const struct vmc_bus *bus,
                                         enum vmc_bus_index index,
                                         uint64_t addr);

/**
 * The number of the first candidate for {@addr, @len}, or -1. Fills the counts
 * of @access when it is not NULL. This is the search alone.
 */
int64_t vmc_bus_find(const struct vmc_bus *bus, enum vmc_bus_index index,
                     uint64_t addr, int32_t len, struct vmc_bus_access *access);

/**
 * The same as read and write, a candidate at a time, for an access that takes
 * time: it goes on over the array it began with, whatever is changed meanwhile.
 * Returns  0 when @walk stands on a candidate; -EOPNOTSUPP; -ENOMEM. Only
 *          after 0 is there something to stop.
 * Order    Inside a section from start to stop.
 */
int vmc_bus_walk_start(struct vmc_bus *bus, enum vmc_bus_index index,
                       uint64_t addr, int32_t len, struct vmc_bus_walk *walk);

/** The device that @walk stands on. */
struct vmc_bus_device *vmc_bus_walk_device(const struct vmc_bus *bus,
                                           const struct vmc_bus_walk *walk);

/** Go to the next candidate. False when there is none; stop it then too. */
bool vmc_bus_walk_next(const struct vmc_bus *bus, struct vmc_bus_walk *walk);

/** Let go of the array. */
void vmc_bus_walk_stop(struct vmc_bus *bus, struct vmc_bus_walk *walk);

/** How many ranges the bus has now, and how many of them are ioeventfds. */
uint32_t vmc_bus_range_count(const struct vmc_bus *bus,
                             enum vmc_bus_index index);
uint32_t vmc_bus_ioeventfd_count(const struct vmc_bus *bus,
                                 enum vmc_bus_index index);

/** Range number @at, in the order of the array. Asserts that there is one. */
struct vmc_bus_range vmc_bus_range(const struct vmc_bus *bus,
                                   enum vmc_bus_index index, uint32_t at);

/**
 * The first range that shares a byte with [@addr, @addr + @size_bytes) and is
 * of a kind in @kinds (1 << enum vmc_bus_kind, OR-ed), devices in front of the
 * bus included as VMC_BUS_KERNEL. What reaches beyond 2^64 is cut there; a
 * range of size 0 counts as @zero_bytes.
 * Returns  false when there is none; *@found is then unchanged. It may be
 *          NULL.
 */
bool vmc_bus_overlaps(const struct vmc_bus *bus, enum vmc_bus_index index,
                      uint64_t addr, uint64_t size_bytes, uint32_t kinds,
                      uint64_t zero_bytes, struct vmc_bus_range *found);

/**
 * Put a device in front of the MMIO bus, as the local APIC is: a front end
 * offers it the access before the search. It takes no place in the array.
 * Asserts  there is room.
 */
void vmc_bus_add_front(struct vmc_bus *bus, uint64_t addr, uint64_t size_bytes,
                       struct vmc_bus_device *device);

/** The device in front that holds all of {@addr, @len}, or NULL. */
struct vmc_bus_device *vmc_bus_front_at(const struct vmc_bus *bus,
                                        uint64_t addr, int32_t len);

/** True when a device of @kind may not stand in that range. */
typedef bool vmc_bus_veto_fn(void *owner, enum vmc_bus_index index,
                             uint64_t addr, uint64_t size_bytes,
                             enum vmc_bus_kind kind);

/**
 * Let @veto be asked, with @owner, about every new ioeventfd and zone: regions
 * refuse them their addresses. There is one judge; NULL for none.
 */
void vmc_bus_set_veto(struct vmc_bus *bus, vmc_bus_veto_fn *veto, void *owner);

/** What the judge says. */
bool vmc_bus_is_vetoed(const struct vmc_bus *bus, enum vmc_bus_index index,
                       uint64_t addr, uint64_t size_bytes,
                       enum vmc_bus_kind kind);

/** True after a failed shrink of that bus. */
bool vmc_bus_is_gone(const struct vmc_bus *bus, enum vmc_bus_index index);

/**
 * Let the @count-th array allocation from now on fail, and no other; 1 is the
 * next one, 0 none.
 */
void vmc_bus_fail_allocation(struct vmc_bus *bus, uint32_t count);

/** The bytes of @access as a little-endian number of its width. */
uint64_t vmc_bus_value(const struct vmc_bus_access *access);

/** Put the low bytes of @value into the bytes of @access. */
void vmc_bus_set_value(struct vmc_bus_access *access, uint64_t value);

/** Call one device: the one way to reach it. */
int vmc_bus_device_read(struct vmc_bus_device *device,
                        struct vmc_bus_access *access);
int vmc_bus_device_write(struct vmc_bus_device *device,
                         const struct vmc_bus_access *access);

#endif
