/* SPDX-License-Identifier: MIT */
/*
 * Linux 6.12, virt/kvm/eventfd.c, for all rules and their order.
 *
 * The entries are places of one array, linked in the order in which they were
 * made, for a removal takes the first that fits. An entry is its own device on
 * a bus. One without length on the MMIO bus has a twin on the FAST bus, which
 * is an entry like any other.
 */
#include "ioregion/ioeventfd.h"

#include <errno.h>
#include <stdlib.h>

#include "ioregion/bus_priv.h"

enum { COUNT_MAX = 1 << 20, NONE = -1 };

struct ioeventfd {
    struct vmc_bus_device device;
    struct vmc_ioeventfds *list;
    struct vmc_ioeventfd_info info;
    int32_t next, previous; /* in the list; next alone in the free list */
};

struct vmc_ioeventfds {
    struct vmc_bus *bus;
    struct vmc_eventfds *files;
    struct ioeventfd *entries;
    int32_t first, last, free;
    uint32_t count;
};

_Static_assert(sizeof(struct vmc_kvm_ioeventfd) == 64, "as in the ABI");

enum vmc_status vmc_ioeventfds_new(struct vmc_ioeventfds **out,
                                   struct vmc_bus *bus,
                                   struct vmc_eventfds *files,
                                   uint32_t count_max)
{
    struct vmc_ioeventfds *list;

    *out = NULL;
    if (count_max == 0 || count_max > COUNT_MAX) {
        return VMC_E_RANGE;
    }
    list = calloc(1, sizeof(*list));
    if (list == NULL) {
        return VMC_E_NOMEM;
    }
    *list = (struct vmc_ioeventfds){
        .bus = bus, .files = files, .first = NONE, .last = NONE};
    list->entries = calloc(count_max, sizeof(*list->entries));
    if (list->entries == NULL) {
        free(list);
        return VMC_E_NOMEM;
    }
    for (uint32_t i = 0; i < count_max; i++) {
        list->entries[i].next = i + 1 < count_max ? (int32_t)i + 1 : NONE;
    }
    *out = list;
    return VMC_OK;
}

void vmc_ioeventfds_free(struct vmc_ioeventfds *list)
{
    if (list != NULL) {
        free(list->entries);
        free(list);
    }
}

/* ---- The list ----------------------------------------------------------- */

static void link_last(struct vmc_ioeventfds *list, int32_t at)
{
    list->entries[at].next = NONE;
    list->entries[at].previous = list->last;
    if (list->last == NONE) {
        list->first = at;
    } else {
        list->entries[list->last].next = at;
    }
    list->last = at;
    list->count++;
}

static void unlink_entry(struct vmc_ioeventfds *list, int32_t at)
{
    int32_t next = list->entries[at].next;
    int32_t previous = list->entries[at].previous;

    if (next == NONE) {
        list->last = previous;
    } else {
        list->entries[next].previous = previous;
    }
    if (previous == NONE) {
        list->first = next;
    } else {
        list->entries[previous].next = next;
    }
    list->count--;
    list->entries[at].next = list->free;
    list->free = at;
}

/* ---- The device --------------------------------------------------------- */

static struct ioeventfd *entry_of(struct vmc_bus_device *device)
{
    return VMC_CONTAINER_OF(device, struct ioeventfd, device);
}

static int entry_write(struct vmc_bus_device *device,
                       const struct vmc_bus_access *access)
{
    const struct ioeventfd *entry = entry_of(device);
    const struct vmc_ioeventfd_info *info = &entry->info;

    /* A match is compared at its full 64 bits, whatever the width. */
    if (access->addr != info->addr ||
        (info->len != 0 &&
         (access->len != (int32_t)info->len ||
          (!info->is_wildcard && vmc_bus_value(access) != info->datamatch)))) {
        return -EOPNOTSUPP;
    }
    vmc_eventfds_signal(entry->list->files, info->file);
    return 0;
}

static void entry_destroy(struct vmc_bus_device *device)
{
    struct ioeventfd *entry = entry_of(device);

    vmc_eventfds_put(entry->list->files, entry->info.file);
    unlink_entry(entry->list, (int32_t)(entry - entry->list->entries));
}

static const struct vmc_bus_ops ops = {
    .kind = "ioeventfd", .write = entry_write, .destroy = entry_destroy};

/* ---- The ioctl ---------------------------------------------------------- */

static bool collides(const struct vmc_ioeventfd_info *one,
                     const struct vmc_ioeventfd_info *other)
{
    return one->bus == other->bus && one->addr == other->addr &&
           (one->len == 0 || other->len == 0 ||
            (one->len == other->len &&
             (one->is_wildcard || other->is_wildcard ||
              one->datamatch == other->datamatch)));
}

static struct vmc_ioeventfd_info info_of(const struct vmc_kvm_ioeventfd *args,
                                         enum vmc_bus_index bus)
{
    bool is_wildcard = (args->flags & VMC_IOEVENTFD_DATAMATCH) == 0;

    return (struct vmc_ioeventfd_info){.bus = bus,
                                       .addr = args->addr,
                                       .len = args->len,
                                       .is_wildcard = is_wildcard,
                                       .datamatch =
                                           is_wildcard ? 0 : args->datamatch};
}

static int assign_on(struct vmc_ioeventfds *list, enum vmc_bus_index bus,
                     const struct vmc_kvm_ioeventfd *args)
{
    struct vmc_ioeventfd_info info = info_of(args, bus);
    int file = vmc_eventfds_find(list->files, args->fd);
    int32_t at = list->free;
    struct ioeventfd *entry;
    int result;

    if (file < 0) {
        return file;
    }
    if (at == NONE) {
        return -ENOMEM;
    }
    info.file = (uint32_t)file;
    for (int32_t i = list->first; i != NONE; i = list->entries[i].next) {
        if (collides(&list->entries[i].info, &info)) {
            return -EEXIST;
        }
    }
    if (vmc_bus_is_vetoed(list->bus, bus, args->addr, args->len,
                          VMC_BUS_IOEVENTFD)) {
        return -EEXIST;
    }
    entry = &list->entries[at];
    list->free = entry->next;
    entry->device =
        (struct vmc_bus_device){.ops = &ops, .kind = VMC_BUS_IOEVENTFD};
    entry->list = list;
    entry->info = info;
    result = vmc_bus_register_locked(list->bus, bus, args->addr, args->len,
                                     &entry->device);
    if (result < 0) {
        entry->next = list->free;
        list->free = at;
        return result;
    }
    vmc_eventfds_get(list->files, info.file);
    link_last(list, at);
    return 0;
}

static int deassign_on(struct vmc_ioeventfds *list, enum vmc_bus_index bus,
                       const struct vmc_kvm_ioeventfd *args)
{
    struct vmc_ioeventfd_info info = info_of(args, bus);
    int file = vmc_eventfds_find(list->files, args->fd);

    if (file < 0) {
        return file;
    }
    for (int32_t i = list->first; i != NONE; i = list->entries[i].next) {
        const struct vmc_ioeventfd_info *other = &list->entries[i].info;

        if (other->bus == bus && other->file == (uint32_t)file &&
            other->addr == info.addr && other->len == info.len &&
            other->is_wildcard == info.is_wildcard &&
            other->datamatch == info.datamatch) {
            (void)vmc_bus_remove_locked(list->bus, bus,
                                        &list->entries[i].device);
            return 0;
        }
    }
    return -ENOENT;
}

static int deassign(struct vmc_ioeventfds *list, enum vmc_bus_index bus,
                    const struct vmc_kvm_ioeventfd *args)
{
    int result = deassign_on(list, bus, args);

    if (args->len == 0 && bus == VMC_BUS_MMIO) {
        (void)deassign_on(list, VMC_BUS_FAST, args);
    }
    vmc_bus_reap(list->bus);
    return result;
}

static int check(const struct vmc_kvm_ioeventfd *args)
{
    bool is_width = args->len <= 8 && (1U << args->len & 0x117) != 0;

    if (!is_width || args->addr + args->len < args->addr ||
        (args->flags & ~(uint32_t)VMC_IOEVENTFD_FLAGS) != 0 ||
        (args->len == 0 && (args->flags & VMC_IOEVENTFD_DATAMATCH) != 0)) {
        return -EINVAL;
    }
    return 0;
}

static int assign(struct vmc_ioeventfds *list, enum vmc_bus_index bus,
                  const struct vmc_kvm_ioeventfd *args)
{
    int result = assign_on(list, bus, args);

    if (result == 0 && args->len == 0 && bus == VMC_BUS_MMIO) {
        result = assign_on(list, VMC_BUS_FAST, args);
        if (result < 0) {
            (void)deassign_on(list, bus, args);
            vmc_bus_reap(list->bus);
        }
    }
    return result;
}

int vmc_ioeventfd(struct vmc_ioeventfds *list,
                  const struct vmc_kvm_ioeventfd *args)
{
    enum vmc_bus_index bus = VMC_BUS_MMIO;
    bool is_deassign;
    int file;
    int result;

    if (args == NULL) {
        return -EFAULT;
    }
    if ((args->flags & VMC_IOEVENTFD_PIO) != 0) {
        bus = VMC_BUS_PIO;
    } else if ((args->flags & VMC_IOEVENTFD_CCW) != 0) {
        bus = VMC_BUS_CCW;
    }
    is_deassign = (args->flags & VMC_IOEVENTFD_DEASSIGN) != 0;
    result = is_deassign ? 0 : check(args);
    if (result < 0) {
        return result;
    }
    file = vmc_eventfds_find(list->files, args->fd);
    if (file < 0) {
        return file;
    }
    if (!is_deassign && list->free == NONE) {
        return -ENOMEM;
    }
    if (!vmc_bus_is_quiet(list->bus)) {
        return VMC_BUS_LOCKED;
    }
    return is_deassign ? deassign(list, bus, args) : assign(list, bus, args);
}

uint32_t vmc_ioeventfds_count(const struct vmc_ioeventfds *list)
{
    return list->count;
}

struct vmc_ioeventfd_info vmc_ioeventfds_at(const struct vmc_ioeventfds *list,
                                            uint32_t at)
{
    int32_t i = list->first;

    assert(at < list->count);
    while (at-- > 0) {
        i = list->entries[i].next;
    }
    return list->entries[i].info;
}
