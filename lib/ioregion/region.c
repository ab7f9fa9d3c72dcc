/* SPDX-License-Identifier: MIT */
/*
 * Each profile is a list of checks, in the order in which its code makes them;
 * then all go the same way: collision, channel, bus, and for a sizeless region
 * of MMIO the FAST bus too.
 *
 * A region lives from there until the bus has let go of its devices, for a vCPU
 * may be inside it all that time. It holds a reference for each of its two
 * descriptors, also when both name one file.
 *
 * What R1 and R3 do wrong is done in few places, marked by the number that the
 * catalogue of defects gives it (spec 10).
 */
#include "ioregion/region.h"

#include <errno.h>
#include <stdlib.h>

#include "ioregion/bus_priv.h"
#include "ioregion/iocheck.h"
#include "ioregion/region_priv.h"

enum { NONE = -1, CRASH = -10000, SIZELESS_BYTES = 8 };

#define SIZE_BYTES_MAX   UINT64_C(0x7fffffff)
#define PORTS_END        UINT64_C(0x10000)
#define TICKS_PER_SECOND UINT64_C(1000000000000)

static_assert(sizeof(struct vmc_kvm_ioregion) == 64, "as in the ABI");

struct vmc_regions_config vmc_regions_defaults(void)
{
    return (struct vmc_regions_config){.profile = VMC_REGION_H,
                                       .capability = VMC_REGION_CAPABILITY,
                                       .regions_max = 64,
                                       .removal_ticks = TICKS_PER_SECOND};
}

int vmc_regions_check_extension(const struct vmc_regions *regions,
                                uint32_t capability)
{
    return capability == regions->config.capability &&
           !regions->config.is_unconfigured;
}

void vmc_regions_fail_allocation(struct vmc_regions *regions, uint32_t count)
{
    regions->fail_at = count;
}

static bool allocate(struct vmc_regions *regions)
{
    return regions->fail_at == 0 || --regions->fail_at != 0;
}

/* ---- Collisions --------------------------------------------------------- */

bool vmc_region_overlap(enum vmc_region_profile profile, uint64_t old_addr,
                        uint64_t old_bytes, uint64_t new_addr,
                        uint64_t new_bytes)
{
    uint64_t zero = profile == VMC_REGION_H ? 1 : SIZELESS_BYTES;
    uint64_t old_span = (old_bytes == 0 ? zero : old_bytes) - 1;
    uint64_t new_span = (new_bytes == 0 ? zero : new_bytes) - 1;

    if (profile != VMC_REGION_H) { /* D01, D04: inclusive ends, >=, a wrap */
        return !(new_addr + new_span < old_addr ||
                 new_addr >= old_addr + old_span);
    }
    if (old_span > UINT64_MAX - old_addr) {
        old_span = UINT64_MAX - old_addr;
    }
    if (new_span > UINT64_MAX - new_addr) {
        new_span = UINT64_MAX - new_addr;
    }
    return new_addr <= old_addr + old_span && old_addr <= new_addr + new_span;
}

static bool hits_region(const struct vmc_regions *regions,
                        enum vmc_bus_index bus, uint64_t addr,
                        uint64_t size_bytes)
{
    for (uint32_t i = 0; i < regions->config.regions_max; i++) {
        const struct vmc_region *region = &regions->regions[i];

        if (region->state == VMC_REGION_LIVE && region->bus == bus &&
            vmc_region_overlap(regions->config.profile, region->addr,
                               region->size_bytes, addr, size_bytes)) {
            return true;
        }
    }
    return false;
}

static bool hits_ioeventfd(const struct vmc_regions *regions,
                           enum vmc_bus_index bus, uint64_t addr,
                           uint64_t size_bytes)
{
    uint32_t count = vmc_bus_range_count(regions->bus, bus);

    for (uint32_t i = 0; i < count; i++) {
        struct vmc_bus_range range = vmc_bus_range(regions->bus, bus, i);

        if (range.device->kind == VMC_BUS_IOEVENTFD &&
            vmc_region_overlap(regions->config.profile, range.addr,
                               range.size_bytes, addr, size_bytes)) {
            return true;
        }
    }
    return false;
}

static bool collides(const struct vmc_regions *regions, enum vmc_bus_index bus,
                     uint64_t addr, uint64_t size_bytes)
{
    const uint32_t others = 1U << VMC_BUS_ZONE | 1U << VMC_BUS_KERNEL;

    return hits_region(regions, bus, addr, size_bytes) ||
           hits_ioeventfd(regions, bus, addr, size_bytes) ||
           (regions->config.profile == VMC_REGION_H && /* D18 */
            vmc_bus_overlaps(regions->bus, bus, addr, size_bytes, others, 1,
                             NULL));
}

/* A new ioeventfd or zone asks. */
static bool veto(void *owner, enum vmc_bus_index bus, uint64_t addr,
                 uint64_t size_bytes, enum vmc_bus_kind kind)
{
    const struct vmc_regions *regions = owner;

    if (bus != VMC_BUS_MMIO && bus != VMC_BUS_PIO) {
        return false;
    }
    if (kind == VMC_BUS_ZONE && regions->config.profile != VMC_REGION_H) {
        return false;
    }
    return hits_region(regions, bus, addr, size_bytes);
}

/* ---- Channels ----------------------------------------------------------- */

static int64_t ends_write(void *ends, const void *bytes, size_t size_bytes)
{
    const struct vmc_region_channel *channel = ends;

    return channel->write_end.socket == NULL
               ? -EINVAL /* an eventfd, say: each write is refused */
               : vmc_socket_write(channel->write_end.socket, VMC_SOCKET_KERNEL,
                                  bytes, size_bytes,
                                  channel->write_end.raises_sigpipe);
}

static int64_t ends_read(void *ends, void *bytes, size_t size_bytes)
{
    const struct vmc_region_channel *channel = ends;

    return channel->read_end.socket == NULL
               ? -EINVAL
               : vmc_socket_read(channel->read_end.socket, VMC_SOCKET_KERNEL,
                                 bytes, size_bytes);
}

struct vmc_channel_ends vmc_region_ends(struct vmc_region_channel *channel)
{
    static const struct vmc_channel_ops ops = {.write = ends_write,
                                               .read = ends_read};

    return (struct vmc_channel_ends){.ops = &ops,
                                     .ends = channel,
                                     .keeps_messages =
                                         channel->read_end.socket != NULL &&
                                         channel->read_end.socket->kind ==
                                             VMC_SOCKET_SEQPACKET};
}

static void point_ends(struct vmc_regions *regions,
                       struct vmc_region_channel *channel)
{
    const struct vmc_iofile *files = regions->files->files;

    channel->write_end = (struct vmc_socket_end){
        .socket = files[channel->write_file].socket,
        .raises_sigpipe = regions->config.profile != VMC_REGION_H};
    channel->read_end = (struct vmc_socket_end){
        .socket = channel->read_file == NONE
                      ? NULL
                      : files[channel->read_file].socket};
}

static bool has_debts(const struct vmc_channel *machine)
{
    return machine->health != VMC_CHANNEL_OPEN || machine->left_bytes != 0;
}

static uint64_t opening_of(const struct vmc_regions *regions, int32_t file)
{
    return file == NONE ? 0 : regions->files->files[file].opening;
}

/* True when @channel, free now, belonged to the files of @region, while they
 * stayed open. Without a response file the command file decides. */
static bool was_of(const struct vmc_regions *regions,
                   const struct vmc_region_channel *channel,
                   const struct vmc_region *region)
{
    uint64_t read = opening_of(regions, region->read_file);

    return channel->write_opening == opening_of(regions, region->write_file) &&
           (channel->read_opening == read || channel->read_opening == 0 ||
            read == 0);
}

/* A free place. Best is the one that the same files had before: what it owes
 * them is still owed. Worst is another one with debts. */
static int32_t free_channel(const struct vmc_regions *regions,
                            const struct vmc_region *region)
{
    int32_t best = NONE;

    for (uint32_t i = 0; i < regions->config.regions_max; i++) {
        const struct vmc_region_channel *channel = &regions->channels[i];

        if (channel->region_count != 0) {
            continue;
        }
        if (was_of(regions, channel, region)) {
            return (int32_t)i;
        }
        if (best == NONE || (has_debts(&regions->channels[best].machine) &&
                             !has_debts(&channel->machine))) {
            best = (int32_t)i;
        }
    }
    assert(best != NONE); /* there are as many as regions */
    return best;
}

/* The response file that the channel had, if it is open yet. */
static int32_t old_reader(const struct vmc_regions *regions,
                          const struct vmc_region_channel *channel)
{
    return channel->read_opening != 0 &&
                   regions->files->files[channel->read_file].is_open &&
                   opening_of(regions, channel->read_file) ==
                       channel->read_opening
               ? channel->read_file
               : NONE;
}

static int32_t new_channel(struct vmc_regions *regions,
                           const struct vmc_region *region)
{
    int32_t at = free_channel(regions, region), read_file = region->read_file;
    struct vmc_region_channel *channel = &regions->channels[at];
    struct vmc_channel machine;

    vmc_channel_init(&machine, regions->config.timeout_ticks);
    if (regions->config.profile == VMC_REGION_H &&
        was_of(regions, channel, region)) {
        machine = channel->machine;
        if (read_file == NONE) {
            read_file = old_reader(regions, channel);
        }
        if (read_file == NONE) {
            vmc_channel_forgive(&machine);
        }
    }
    *channel = (struct vmc_region_channel){
        .read_file = read_file,
        .write_file = region->write_file,
        .read_opening = opening_of(regions, read_file),
        .write_opening = opening_of(regions, region->write_file),
        .bus = region->bus,
        .inode = read_file == NONE ? 0 : regions->files->files[read_file].inode,
        .machine = machine};
    point_ends(regions, channel);
    return at;
}

/* H: one response file, one channel, in the whole VM. A region without one
 * joins whoever sends on its command file, so that commands keep their order
 * and their borders. -1 for none yet, -EINVAL for one response file that two
 * command files would share. */
static int find_channel_h(struct vmc_regions *regions,
                          const struct vmc_region *region)
{
    for (uint32_t i = 0; i < regions->config.regions_max; i++) {
        struct vmc_region_channel *channel = &regions->channels[i];
        bool same_write = channel->write_file == region->write_file;
        bool same_read = channel->read_file == region->read_file;

        if (channel->region_count == 0) {
            continue;
        }
        if (region->read_file != NONE && same_read && !same_write) {
            return -EINVAL;
        }
        if (same_write && (same_read || region->read_file == NONE ||
                           channel->read_file == NONE)) {
            return (int)i;
        }
    }
    return NONE;
}

/* R3 walks the list of the bus and compares inode numbers (D47). A sizeless
 * region has no response file, and the code does not ask (D45). */
static int find_channel_r3(const struct vmc_regions *regions,
                           const struct vmc_region *region)
{
    uint64_t inode = regions->files->files[region->read_file].inode;
    uint32_t last = 0;

    for (;;) {
        const struct vmc_region *next = NULL;

        for (uint32_t i = 0; i < regions->config.regions_max; i++) {
            const struct vmc_region *other = &regions->regions[i];

            if (other->state == VMC_REGION_LIVE && other->bus == region->bus &&
                other->order > last &&
                (next == NULL || other->order < next->order)) {
                next = other;
            }
        }
        if (next == NULL) {
            return NONE;
        }
        if (next->read_file == NONE) {
            return CRASH;
        }
        if (regions->files->files[next->read_file].inode == inode) {
            return next->channel;
        }
        last = next->order;
    }
}

static int join_channel(struct vmc_regions *regions, struct vmc_region *region)
{
    enum vmc_region_profile profile = regions->config.profile;
    bool has_context = profile == VMC_REGION_H ||
                       (profile == VMC_REGION_R3 && region->read_file != NONE);
    struct vmc_region_channel *channel;
    int at = NONE;

    if (profile == VMC_REGION_H) {
        at = find_channel_h(regions, region);
    } else if (profile == VMC_REGION_R3 && region->read_file != NONE) {
        at = find_channel_r3(regions, region);
    }
    if (at < NONE) {
        return at;
    }
    if (at == NONE) {
        if (has_context && !allocate(regions)) {
            return -ENOMEM;
        }
        at = new_channel(regions, region);
    }
    channel = &regions->channels[at];
    if (profile == VMC_REGION_R3 && has_context && channel->ref_count++ == 0) {
        regions->refcount_warning_count++; /* D46: taken from nothing */
    }
    if (channel->read_file == NONE && region->read_file != NONE) {
        channel->read_file = region->read_file;
        channel->read_opening = opening_of(regions, region->read_file);
        point_ends(regions, channel);
    }
    region->put_file =
        profile == VMC_REGION_R3 ? channel->read_file : region->read_file;
    region->channel = at;
    channel->region_count++;
    return 0;
}

static bool has_reader(const struct vmc_regions *regions, int32_t at)
{
    for (uint32_t i = 0; i < regions->config.regions_max; i++) {
        if (regions->regions[i].state != VMC_REGION_FREE &&
            regions->regions[i].channel == at &&
            regions->regions[i].read_file != NONE) {
            return true;
        }
    }
    return false;
}

/* The last region with a response file is gone, others still send: answers
 * that are owed are owed by a file that is not held any more. */
static void leave_channel(struct vmc_regions *regions, int32_t at)
{
    struct vmc_region_channel *channel = &regions->channels[at];

    channel->region_count--;
    if (channel->region_count != 0 && !has_reader(regions, at) &&
        channel->read_file != channel->write_file &&
        regions->config.profile == VMC_REGION_H) {
        channel->read_file = NONE;
        channel->read_opening = 0;
        vmc_channel_forgive(&channel->machine);
        point_ends(regions, channel);
    }
}

/* ---- Ends of a region --------------------------------------------------- */

static void release(struct vmc_region *region)
{
    struct vmc_regions *regions = region->regions;

    if (region->state == VMC_REGION_FREE) {
        regions->double_free_count++; /* D21 */
        return;
    }
    vmc_iofile_put(regions->files, region->write_file);
    vmc_iofile_put(regions->files, region->put_file);
    region->state = VMC_REGION_FREE;
    vmc_iocheck_removed(regions->checker, region->generation);
    leave_channel(regions, region->channel);
}

struct vmc_region *vmc_region_of(struct vmc_bus_device *device)
{
    assert(device->kind == VMC_BUS_IOREGION);
    return VMC_CONTAINER_OF(device, struct vmc_region, device);
}

static void one_less(struct vmc_region *region)
{
    if (region->state == VMC_REGION_FREE) {
        region->regions->double_free_count++;
        return;
    }
    assert(region->device_count > 0);
    region->state = VMC_REGION_DYING; /* also when its bus was given up */
    if (--region->device_count == 0) {
        release(region);
    }
}

static void destroy(struct vmc_bus_device *device)
{
    one_less(vmc_region_of(device));
}

static void destroy_fast(struct vmc_bus_device *device)
{
    one_less(VMC_CONTAINER_OF(device, struct vmc_region, fast));
}

void vmc_regions_reap(struct vmc_regions *regions)
{
    for (uint32_t i = 0; i < regions->config.regions_max; i++) {
        struct vmc_region *region = &regions->regions[i];

        if (region->is_freed_by_remover &&
            vmc_bus_is_over(regions->bus, region->ticket)) {
            region->is_freed_by_remover = false;
            region->device_count = 0;
            release(region);
        }
    }
}

/* ---- Removal ------------------------------------------------------------ */

static enum vmc_bus_index bus_of(const struct vmc_kvm_ioregion *args)
{
    return (args->flags & VMC_REGION_PIO) != 0 ? VMC_BUS_PIO : VMC_BUS_MMIO;
}

static struct vmc_region *find(struct vmc_regions *regions,
                               const struct vmc_kvm_ioregion *args)
{
    struct vmc_region *first = NULL;

    for (uint32_t i = 0; i < regions->config.regions_max; i++) {
        struct vmc_region *region = &regions->regions[i];

        if (region->state == VMC_REGION_LIVE && region->bus == bus_of(args) &&
            region->addr == args->guest_paddr &&
            region->size_bytes == args->memory_size &&
            (first == NULL || region->order < first->order)) {
            first = region;
        }
    }
    return first;
}

/* R1 and R3 free the region themselves, as the bus of 5.11 left them to; on a
 * later one it is destroyed twice (D21). */
static int remove_as_posted(struct vmc_regions *regions,
                            struct vmc_region *region)
{
    bool has_twin = region->device_count == 2;
    enum vmc_bus_index bus = region->bus;

    region->state = VMC_REGION_DYING;
    region->is_freed_by_remover = true;
    if (vmc_bus_config(regions->bus)->version == VMC_K5_11) {
        (void)vmc_bus_unregister(regions->bus, bus, &region->device);
        region->ticket = vmc_bus_ticket(regions->bus);
        if (has_twin && vmc_bus_is_quiet(regions->bus)) {
            (void)vmc_bus_unregister(regions->bus, VMC_BUS_FAST, &region->fast);
            region->ticket = vmc_bus_ticket(regions->bus);
        }
    } else {
        (void)vmc_bus_remove_locked(regions->bus, bus, &region->device);
        if (has_twin) {
            (void)vmc_bus_remove_locked(regions->bus, VMC_BUS_FAST,
                                        &region->fast);
        }
        region->ticket = vmc_bus_ticket(regions->bus);
        vmc_bus_reap(regions->bus);
    }
    vmc_regions_reap(regions);
    return 0;
}

/* The smaller array could not be allocated: all regions of the bus go (D22). */
static void retire_bus(struct vmc_regions *regions, enum vmc_bus_index bus,
                       uint64_t now)
{
    for (uint32_t i = 0; i < regions->config.regions_max; i++) {
        struct vmc_region *region = &regions->regions[i];

        if (region->state == VMC_REGION_LIVE && region->bus == bus) {
            region->state = VMC_REGION_DYING;
            vmc_region_retire(regions, region, now);
            if (region->device_count == 2) {
                (void)vmc_bus_remove_locked(regions->bus, VMC_BUS_FAST,
                                            &region->fast);
            }
        }
    }
}

static int remove_region(struct vmc_regions *regions,
                         const struct vmc_kvm_ioregion *args, uint64_t now)
{
    struct vmc_region *region;
    bool has_twin;
    int result;

    if (!vmc_bus_is_quiet(regions->bus)) {
        return VMC_BUS_LOCKED;
    }
    region = find(regions, args);
    if (region == NULL) {
        return -ENOENT;
    }
    if (regions->config.profile != VMC_REGION_H) {
        return remove_as_posted(regions, region);
    }
    has_twin = region->device_count == 2;
    region->state = VMC_REGION_DYING;
    vmc_region_retire(regions, region, now);
    result = vmc_bus_remove_locked(regions->bus, region->bus, &region->device);
    if (has_twin) {
        (void)vmc_bus_remove_locked(regions->bus, VMC_BUS_FAST, &region->fast);
    }
    if (result != 0) {
        retire_bus(regions, region->bus, now);
    }
    vmc_bus_reap(regions->bus);
    return result;
}

/* ---- Adding ------------------------------------------------------------- */

static int read_region(struct vmc_bus_device *device,
                       struct vmc_bus_access *access)
{
    return vmc_region_bus_read(vmc_region_of(device), access);
}

static int write_region(struct vmc_bus_device *device,
                        const struct vmc_bus_access *access)
{
    return vmc_region_bus_write(vmc_region_of(device), access);
}

static int write_fast(struct vmc_bus_device *device,
                      const struct vmc_bus_access *access)
{
    return vmc_region_bus_write(
        VMC_CONTAINER_OF(device, struct vmc_region, fast), access);
}

static const struct vmc_bus_ops region_ops = {.kind = "ioregion",
                                              .read = read_region,
                                              .write = write_region,
                                              .destroy = destroy};
static const struct vmc_bus_ops fast_ops = {
    .kind = "ioregion", .write = write_fast, .destroy = destroy_fast};

static int put_on_buses(struct vmc_regions *regions, struct vmc_region *region)
{
    struct vmc_bus *bus = regions->bus;
    bool has_twin = region->size_bytes == 0 && region->bus == VMC_BUS_MMIO;
    int result = vmc_bus_register_locked(bus, region->bus, region->addr,
                                         region->size_bytes, &region->device);

    if (result != 0) { /* no bus will let go of it */
        region->state = VMC_REGION_DYING;
        release(region);
        return result;
    }
    region->device_count = 1;
    region->state = VMC_REGION_LIVE;
    if (!has_twin) {
        return 0;
    }
    result = vmc_bus_register_locked(bus, VMC_BUS_FAST, region->addr,
                                     region->size_bytes, &region->fast);
    if (result == 0) {
        region->device_count = 2;
        return 0;
    }
    region->state = VMC_REGION_DYING; /* freed when its readers are out */
    (void)vmc_bus_remove_locked(bus, region->bus, &region->device);
    vmc_bus_reap(bus);
    return result;
}

/* With both files found: the part of the ioctl under slots_lock. */
static int add(struct vmc_regions *regions, const struct vmc_kvm_ioregion *args,
               int read_file, int write_file)
{
    enum vmc_bus_index bus = bus_of(args);
    struct vmc_region *region = NULL;
    int result;

    for (uint32_t i = 0; i < regions->config.regions_max; i++) {
        if (regions->regions[i].state == VMC_REGION_FREE &&
            !regions->regions[i].is_freed_by_remover) {
            region = &regions->regions[i];
            break;
        }
    }
    if (region == NULL || !allocate(regions)) {
        return -ENOMEM;
    }
    if (!vmc_bus_is_quiet(regions->bus)) {
        return VMC_BUS_LOCKED;
    }
    if (collides(regions, bus, args->guest_paddr, args->memory_size)) {
        return -EEXIST;
    }
    *region = (struct vmc_region){
        .generation = ++regions->generation,
        .bus = bus,
        .addr = args->guest_paddr,
        .size_bytes = args->memory_size,
        .user_data = args->user_data,
        .is_posted = (args->flags & VMC_REGION_POSTED_WRITES) != 0,
        .read_file = read_file,
        .write_file = write_file,
        .order = ++regions->order,
        .device = {.ops = &region_ops, .kind = VMC_BUS_IOREGION},
        .fast = {.ops = &fast_ops, .kind = VMC_BUS_IOREGION},
        .regions = regions};
    result = join_channel(regions, region);
    if (result != 0) {
        return result == CRASH ? VMC_REGION_OOPS : result;
    }
    vmc_iofile_get(regions->files, read_file);
    vmc_iofile_get(regions->files, write_file);
    return put_on_buses(regions, region);
}

static int set_r1(struct vmc_regions *regions,
                  const struct vmc_kvm_ioregion *args, uint64_t now)
{
    uint64_t last = args->guest_paddr + args->memory_size - 1;
    int read_file, write_file;

    if (args->read_fd == NONE || args->write_fd == NONE) { /* D05, D19 */
        return args->read_fd != args->write_fd
                   ? -EINVAL
                   : remove_region(regions, args, now);
    }
    if (args->memory_size == 0 || last < args->guest_paddr ||
        (args->flags &
         ~(uint32_t)(VMC_REGION_PIO | VMC_REGION_POSTED_WRITES)) != 0) {
        return -EINVAL;
    }
    read_file = vmc_iofile_find(regions->files, args->read_fd);
    write_file = vmc_iofile_find(regions->files, args->write_fd);
    if (read_file < 0 || write_file < 0) {
        return -EBADF;
    }
    if (regions->files->files[read_file].is_nonblocking ||
        regions->files->files[write_file].is_nonblocking) {
        return -EINVAL;
    }
    return add(regions, args, read_file, write_file);
}

static bool has_unknown_flags(const struct vmc_kvm_ioregion *args)
{
    return (args->flags & ~(uint32_t)(VMC_REGION_PIO | VMC_REGION_DEASSIGN |
                                      VMC_REGION_POSTED_WRITES)) != 0;
}

static bool is_unposted_sizeless(const struct vmc_kvm_ioregion *args)
{
    return args->memory_size == 0 &&
           (args->flags & VMC_REGION_POSTED_WRITES) == 0;
}

static int set_r3(struct vmc_regions *regions,
                  const struct vmc_kvm_ioregion *args, uint64_t now)
{
    int read_file = NONE, write_file;

    if (has_unknown_flags(args)) {
        return -EINVAL;
    }
    if ((args->flags & VMC_REGION_DEASSIGN) != 0) {
        return remove_region(regions, args, now);
    }
    if (args->guest_paddr + args->memory_size < args->guest_paddr ||
        is_unposted_sizeless(args)) {
        return -EINVAL;
    }
    write_file = vmc_iofile_find(regions->files, args->write_fd);
    if (write_file < 0) {
        return -EBADF;
    }
    if (args->memory_size != 0) {
        read_file = vmc_iofile_find(regions->files, args->read_fd);
        if (read_file < 0) {
            return -EBADF;
        }
    }
    return add(regions, args, read_file, write_file);
}

static bool is_padded(const struct vmc_kvm_ioregion *args)
{
    uint32_t bits = 0;

    for (uint32_t i = 0; i < sizeof(args->pad); i++) {
        bits |= args->pad[i];
    }
    return bits == 0;
}

static int check_h(const struct vmc_regions *regions,
                   const struct vmc_kvm_ioregion *args)
{
    uint64_t end = args->guest_paddr + args->memory_size;

    if (has_unknown_flags(args) ||
        (!regions->config.ignores_pad && !is_padded(args))) {
        return -EINVAL;
    }
    if ((args->flags & VMC_REGION_DEASSIGN) != 0) {
        return 0;
    }
    return is_unposted_sizeless(args) || end < args->guest_paddr ||
                   args->memory_size > SIZE_BYTES_MAX ||
                   (bus_of(args) == VMC_BUS_PIO && end > PORTS_END)
               ? -EINVAL
               : 0;
}

static int set_h(struct vmc_regions *regions,
                 const struct vmc_kvm_ioregion *args, uint64_t now)
{
    const struct vmc_iofile *files = regions->files->files;
    int result = check_h(regions, args), read_file = NONE, write_file;

    if (result != 0) {
        return result;
    }
    if ((args->flags & VMC_REGION_DEASSIGN) != 0) {
        return remove_region(regions, args, now);
    }
    write_file = vmc_iofile_find(regions->files, args->write_fd);
    if (write_file < 0 || !files[write_file].can_write) {
        return -EBADF;
    }
    if (args->memory_size != 0) {
        read_file = vmc_iofile_find(regions->files, args->read_fd);
        if (read_file < 0) {
            return -EBADF;
        }
        if (!files[read_file].can_read) {
            return -EINVAL;
        }
    }
    for (int i = 0; i < 2; i++) { /* kinds of both first, then flags of both */
        if (i == 0 ? files[write_file].kind != VMC_IOFILE_SOCKET
                   : files[write_file].is_nonblocking) {
            return -EINVAL;
        }
        if (read_file != NONE &&
            (i == 0 ? files[read_file].kind != VMC_IOFILE_SOCKET
                    : files[read_file].is_nonblocking)) {
            return -EINVAL;
        }
    }
    return add(regions, args, read_file, write_file);
}

int vmc_region_set(struct vmc_regions *regions,
                   const struct vmc_kvm_ioregion *args, uint64_t now)
{
    if (regions->config.is_unconfigured) {
        return -ENOSYS;
    }
    if (args == NULL) {
        return -EFAULT;
    }
    regions->now = now;
    vmc_regions_reap(regions);
    switch (regions->config.profile) {
    case VMC_REGION_R1:
        return set_r1(regions, args, now);
    case VMC_REGION_R3:
        return set_r3(regions, args, now);
    case VMC_REGION_H:
    case VMC_REGION_PROFILE_COUNT:
    default:
        return set_h(regions, args, now);
    }
}

/* ---- The table ---------------------------------------------------------- */

enum vmc_status vmc_regions_new(struct vmc_regions **out, struct vmc_bus *bus,
                                struct vmc_iofiles *files,
                                const struct vmc_regions_config *config)
{
    struct vmc_regions *regions;

    *out = NULL;
    if (config->profile >= VMC_REGION_PROFILE_COUNT ||
        config->regions_max == 0 || config->regions_max > VMC_REGIONS_MAX) {
        return VMC_E_RANGE;
    }
    regions = calloc(1, sizeof(*regions));
    if (regions == NULL) {
        return VMC_E_NOMEM;
    }
    *regions =
        (struct vmc_regions){.config = *config, .bus = bus, .files = files};
    regions->regions = calloc(config->regions_max, sizeof(struct vmc_region));
    regions->channels =
        calloc(config->regions_max, sizeof(struct vmc_region_channel));
    if (regions->regions == NULL || regions->channels == NULL) {
        vmc_regions_free(regions);
        return VMC_E_NOMEM;
    }
    vmc_bus_set_veto(bus, veto, regions);
    *out = regions;
    return VMC_OK;
}

void vmc_regions_free(struct vmc_regions *regions)
{
    if (regions != NULL) {
        free(regions->regions);
        free(regions->channels);
        free(regions);
    }
}

static uint32_t count_from(const struct vmc_regions *regions,
                           enum vmc_region_state least,
                           enum vmc_region_state most)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < regions->config.regions_max; i++) {
        count += regions->regions[i].state >= least &&
                 regions->regions[i].state <= most;
    }
    return count;
}

void vmc_regions_set_now(struct vmc_regions *regions, uint64_t now)
{
    regions->now = now;
}

uint32_t vmc_regions_live_count(const struct vmc_regions *regions)
{
    return count_from(regions, VMC_REGION_LIVE, VMC_REGION_LIVE);
}

uint32_t vmc_regions_used_count(const struct vmc_regions *regions)
{
    return count_from(regions, VMC_REGION_LIVE, VMC_REGION_DYING);
}
