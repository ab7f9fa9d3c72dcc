/* SPDX-License-Identifier: MIT */
/**
 * ioeventfd.h - guest writes that raise an eventfd and do nothing else.
 *
 * The ioctl KVM_IOEVENTFD with its errors in their order. A registration holds
 * the file of its eventfd, not the descriptor: when all descriptors are closed
 * the writes are still taken, and their events are lost.
 *
 * Errors   Negative numbers of <errno.h>.
 * Threads  One VM, one thread. Nothing is allocated after the _new().
 */
#ifndef VMC_IOREGION_IOEVENTFD_H
#define VMC_IOREGION_IOEVENTFD_H

#include <stdint.h>

#include "base/base.h"
#include "ioregion/bus.h"
#include "ioregion/eventfd.h"

/** Bits of flags. 0x10 means nothing, and is accepted all the same. */
enum {
    VMC_IOEVENTFD_DATAMATCH = 1,
    VMC_IOEVENTFD_PIO = 2,
    VMC_IOEVENTFD_DEASSIGN = 4,
    VMC_IOEVENTFD_CCW = 8,
    VMC_IOEVENTFD_FLAGS = 0x1f
};

enum {
    VMC_IOEVENTFD_REQUEST = 0x4040ae79, /**< the word of the ioctl */
    VMC_CAP_IOEVENTFD = 36,
    VMC_CAP_IOEVENTFD_NO_LENGTH = 100,
    VMC_CAP_IOEVENTFD_ANY_LENGTH = 122
};

/** What the ioctl takes: struct kvm_ioeventfd, 64 bytes. */
struct vmc_kvm_ioeventfd {
    uint64_t datamatch;
    uint64_t addr;
    uint32_t len; /**< 1, 2, 4, 8; 0 for an access of any width */
    int32_t fd;
    uint32_t flags;
    uint8_t pad[36]; /**< nobody looks at it */
};

/** One registration, in the order of the list. */
struct vmc_ioeventfd_info {
    enum vmc_bus_index bus; /**< that it was put on */
    uint64_t addr;          /**< where */
    uint32_t len;           /**< 0 takes a write of any width */
    bool is_wildcard;       /**< it takes any value */
    uint64_t datamatch;     /**< else only this one */
    uint32_t file;          /**< the eventfd that it raises */
};

struct vmc_ioeventfds;

/**
 * Make an empty list on @bus for at most @count_max registrations.
 * Owner    @bus and @files are borrowed for its life.
 * Fails    VMC_E_RANGE, VMC_E_NOMEM; *@out is then NULL.
 */
enum vmc_status vmc_ioeventfds_new(struct vmc_ioeventfds **out,
                                   struct vmc_bus *bus,
                                   struct vmc_eventfds *files,
                                   uint32_t count_max);

/**
 * Free the list. NULL is allowed.
 * Order    After vmc_bus_free(), which lets go of the files.
 */
void vmc_ioeventfds_free(struct vmc_ioeventfds *list);

/**
 * Do the ioctl with @args; NULL stands for memory that cannot be read.
 * Returns  0; -EFAULT, -EINVAL, -EBADF, -ENOMEM, -EEXIST, -ENOSPC, -ENOENT, or
 *          VMC_BUS_LOCKED, in the order that KVM finds them.
 */
int vmc_ioeventfd(struct vmc_ioeventfds *list,
                  const struct vmc_kvm_ioeventfd *args);

/** How many there are; one without length on MMIO counts twice. */
uint32_t vmc_ioeventfds_count(const struct vmc_ioeventfds *list);

/**
 * Registration number @at, in the order in which they were made.
 * Asserts  there is one.
 */
struct vmc_ioeventfd_info vmc_ioeventfds_at(const struct vmc_ioeventfds *list,
                                            uint32_t at);

#endif
