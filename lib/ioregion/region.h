/* SPDX-License-Identifier: MIT */
/**
 * region.h - the ioctl KVM_SET_IOREGION: ranges of a guest that are served by
 * the process at the other end of a descriptor.
 *
 * Three behaviours, chosen when the table is made: R1 and R3 as they were
 * posted to the list (December 2020, February 2021) with their defects, and H,
 * which is what they meant. Regions that share a descriptor share a channel.
 *
 * Errors   Negative numbers of <errno.h>.
 * Threads  One VM, one thread. Nothing is allocated after vmc_regions_new().
 */
#ifndef VMC_IOREGION_REGION_H
#define VMC_IOREGION_REGION_H

#include "ioregion/bus.h"
#include "ioregion/channel.h"
#include "ioregion/iofile.h"

/** Whose behaviour. */
enum vmc_region_profile {
    VMC_REGION_R1,
    VMC_REGION_R3,
    VMC_REGION_H,
    VMC_REGION_PROFILE_COUNT
};

/** Bits of flags. */
enum {
    VMC_REGION_PIO = 1,
    VMC_REGION_POSTED_WRITES = 2,
    VMC_REGION_DEASSIGN = 4, /**< R3 and H; R1 removes by a descriptor of -1 */
};

enum {
    VMC_REGION_REQUEST = 0x4040ae49, /**< the word of the ioctl */
    /** As posted. Mainline has given 191 to something else; VMSH took 195. */
    VMC_REGION_CAPABILITY = 191,
    VMC_REGIONS_MAX = 1024,
    VMC_REGION_VCPUS_MAX = VMC_CHANNEL_WAITERS_MAX,
    /** A kernel with this code would have followed a NULL pointer. */
    VMC_REGION_OOPS = 2,
};

/** What the ioctl takes: struct kvm_ioregion, 64 bytes. */
struct vmc_kvm_ioregion {
    uint64_t guest_paddr, memory_size, user_data;
    int32_t read_fd, write_fd; /**< R1: rfd, wfd */
    uint32_t flags;
    uint8_t pad[28];
};

/** Whose behaviour is followed, and its limits. */
struct vmc_regions_config {
    enum vmc_region_profile profile; /**< which of the three behaviours */
    uint32_t capability;             /**< the number that answers 1 */
    bool is_unconfigured;            /**< a kernel built without it: ENOSYS */
    bool is_stub;           /**< R1 without its second patch: serves nothing */
    bool ignores_pad;       /**< H: take any pad */
    uint32_t regions_max;   /**< 1 to VMC_REGIONS_MAX */
    uint64_t timeout_ticks; /**< H: for an answer; 0 for never */
    uint64_t removal_ticks; /**< H: how long removal waits for an answer */
};

/** From registration to the end of its grace period. */
enum vmc_region_state { VMC_REGION_FREE, VMC_REGION_LIVE, VMC_REGION_DYING };

/** A registered region. The fields belong to this module. */
struct vmc_region {
    enum vmc_region_state state;
    uint64_t generation; /**< no two regions of a VM have the same */
    enum vmc_bus_index bus;
    uint64_t addr, size_bytes, user_data;
    bool is_posted;
    int32_t read_file, write_file; /**< -1 for none */
    int32_t put_file; /**< what is let go of for the read file, see D47 */
    int32_t channel;
    uint32_t order;        /**< of registration: the place in the list */
    uint32_t device_count; /**< of its two that are on a bus */
    uint64_t ticket;       /**< R: freed by the remover when this is over */
    bool is_freed_by_remover;
    struct vmc_bus_device device, fast;
    struct vmc_regions *regions;
};

/** What regions with one response file share. */
struct vmc_region_channel {
    uint32_t region_count;
    int32_t read_file, write_file;
    uint64_t read_opening, write_opening; /**< outlive the regions */
    uint64_t inode;                       /**< R3: of the response file */
    enum vmc_bus_index bus;     /**< R3: of the list it was found on */
    struct vmc_channel machine; /**< H */
    bool is_busy;               /**< R3: its lock */
    int32_t ref_count;          /**< R3: its own count, as posted */
    struct vmc_socket_end read_end, write_end;
};

struct vmc_region_vcpu;
struct vmc_iocheck;

/** A VM's regions and channels. The fields are for reading. */
struct vmc_regions {
    struct vmc_regions_config config;
    struct vmc_bus *bus;
    struct vmc_iofiles *files;
    struct vmc_region *regions;
    struct vmc_region_channel *channels; /**< as many as regions */
    struct vmc_region_vcpu *vcpus[VMC_REGION_VCPUS_MAX];
    uint32_t vcpu_count;
    uint64_t now;                /**< of the last call that said it */
    struct vmc_iocheck *checker; /**< told of everything; or NULL */
    uint64_t generation;
    uint32_t order;
    uint64_t rfc_ticket; /**< of the last one to wait for a lock */
    uint32_t fail_at;    /**< the allocation that fails, counted down */
    /** What the posted code does wrong, counted. */
    uint64_t double_free_count, refcount_warning_count;
};

/** H, capability 191, 64 regions, no time-out, 1 s of 1 ps for removal. */
struct vmc_regions_config vmc_regions_defaults(void);

/**
 * Make an empty table.
 * Owner    @bus and @files are borrowed for its life. It becomes the bus's
 *          judge of new ioeventfds and zones, see vmc_bus_set_veto().
 * Fails    VMC_E_RANGE, VMC_E_NOMEM; *@out is then NULL.
 */
enum vmc_status vmc_regions_new(struct vmc_regions **out, struct vmc_bus *bus,
                                struct vmc_iofiles *files,
                                const struct vmc_regions_config *config);

/** Free it. NULL is allowed. Order: after vmc_bus_free(). */
void vmc_regions_free(struct vmc_regions *regions);

/** What KVM_CHECK_EXTENSION answers for @capability. */
int vmc_regions_check_extension(const struct vmc_regions *regions,
                                uint32_t capability);

/**
 * Do the ioctl with @args at @now; NULL stands for memory that cannot be read.
 * A removal has returned, in the time of the VM, when vmc_bus_is_quiet().
 * Returns  0; the first error in the order of the profile; VMC_BUS_LOCKED;
 *          VMC_REGION_OOPS.
 */
int vmc_region_set(struct vmc_regions *regions,
                   const struct vmc_kvm_ioregion *args, uint64_t now);

/** Say what time it is, for accesses that come from a front end. */
void vmc_regions_set_now(struct vmc_regions *regions, uint64_t now);

/** Free regions whose remover has waited long enough. After every leave. */
void vmc_regions_reap(struct vmc_regions *regions);

/** True when two ranges collide, as @profile sees it; 0 bytes count as 8, in H
 * as 1. */
bool vmc_region_overlap(enum vmc_region_profile profile, uint64_t old_addr,
                        uint64_t old_bytes, uint64_t new_addr,
                        uint64_t new_bytes);

/** How many regions are registered, and how many are not freed yet. */
uint32_t vmc_regions_live_count(const struct vmc_regions *regions);
uint32_t vmc_regions_used_count(const struct vmc_regions *regions);

/** Let the @count-th allocation from now on fail, and no other. */
void vmc_regions_fail_allocation(struct vmc_regions *regions, uint32_t count);

/** The region that @device is of. Asserts it is one. */
struct vmc_region *vmc_region_of(struct vmc_bus_device *device);

/** The descriptors of a region's channel. */
struct vmc_channel_ends vmc_region_ends(struct vmc_region_channel *channel);

#endif
