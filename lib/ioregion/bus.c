/* SPDX-License-Identifier: MIT */
/*
 * A bus is an array, sorted as far as its comparison can sort:
 *
 *     cmp(a, b) = -1  a starts before b
 *                  0  a lies inside b, or b has no length and a starts at it
 *                 +1  otherwise
 *
 * A new range goes before the first one that compares +1 to it. Two ranges of
 * which one holds the other stay in the order in which they came, and a search
 * that steps over the inner one to the right never sees an outer one on its
 * left. Linux 6.12, virt/kvm/kvm_main.c, has all of this; only the words of
 * its comments say overlap where its code says containment.
 *
 * The search reads nothing but starts and ends, so these lie together, 16
 * bytes a range; who is there lies in an array of its own. A range without
 * length is the one whose end is its start: an end is a sum modulo 2^64 of a
 * start and a length below 2^32, and only 0 adds nothing.
 */
#include "ioregion/bus.h"

#include <errno.h>
#include <stdlib.h>

#include "ioregion/bus_priv.h"

enum { RANGES_MAX = 1 << 20 };

struct vmc_bus_config vmc_bus_defaults(void)
{
    return (struct vmc_bus_config){.version = VMC_K6_12,
                                   .lookup = VMC_BUS_FAITHFUL,
                                   .devices_max = VMC_BUS_DEVICES_MAX,
                                   .ranges_max = 4096};
}

const struct vmc_bus_config *vmc_bus_config(const struct vmc_bus *bus)
{
    return &bus->config;
}

enum vmc_status vmc_bus_new(struct vmc_bus **out,
                            const struct vmc_bus_config *config)
{
    uint32_t max = config->ranges_max;
    struct vmc_bus *bus;
    bool is_whole = true;

    *out = NULL;
    if (max == 0 || max > RANGES_MAX || config->version >= VMC_K_COUNT) {
        return VMC_E_RANGE;
    }
    bus = calloc(1, sizeof(*bus));
    if (bus == NULL) {
        return VMC_E_NOMEM;
    }
    bus->config = *config;
    for (int i = 0; i < VMC_BUS_COUNT; i++) {
        for (int v = 0; v < VMC_BUS_VERSIONS; v++) {
            struct vmc_bus_version *version = &bus->tables[i].versions[v];

            version->spans = calloc(max, sizeof(*version->spans));
            version->entries = calloc(max, sizeof(*version->entries));
            is_whole &= version->spans != NULL && version->entries != NULL;
        }
    }
    bus->dying = calloc((size_t)max * VMC_BUS_COUNT, sizeof(*bus->dying));
    if (!is_whole || bus->dying == NULL) {
        vmc_bus_free(bus);
        return VMC_E_NOMEM;
    }
    *out = bus;
    return VMC_OK;
}

void vmc_bus_free(struct vmc_bus *bus)
{
    if (bus == NULL) {
        return;
    }
    for (uint32_t i = 0; i < bus->dying_count; i++) {
        vmc_bus_destroy(bus->dying[i].device);
    }
    for (int i = 0; i < VMC_BUS_COUNT; i++) {
        const struct vmc_bus_version *version =
            vmc_bus_current(bus, (enum vmc_bus_index)i);

        for (uint32_t at = 0; at < version->count && !bus->tables[i].is_gone;
             at++) {
            vmc_bus_destroy(version->entries[at].device);
        }
        for (int v = 0; v < VMC_BUS_VERSIONS; v++) {
            free(bus->tables[i].versions[v].spans);
            free(bus->tables[i].versions[v].entries);
        }
    }
    free(bus->dying);
    free(bus);
}

/* ---- Comparison and search ---------------------------------------------- */

struct hit {
    int64_t at;
    uint32_t probes, walked;
};

/* The search as KVM has it, with one branch a step, for the hit: which of the
 * other two ways it goes nobody could foretell. */
static struct hit find_nested(const struct vmc_bus_version *version,
                              uint64_t addr, uint64_t len)
{
    const struct vmc_bus_span *spans = version->spans;
    struct hit hit = {.at = -1};
    uint32_t base = 0;

    for (uint32_t left = version->count; left > 0; left >>= 1) {
        uint32_t middle = base + (left >> 1);
        uint64_t end = spans[middle].end;
        uint64_t key_end = end == spans[middle].start ? addr : addr + len;
        uint32_t is_behind = addr >= spans[middle].start; /* its start */
        uint32_t is_right = is_behind & (key_end > end);

        hit.probes++;
        if (is_behind != is_right) {
            while (middle > 0 &&
                   vmc_bus_compare(addr, len, &spans[middle - 1]) == 0) {
                middle--;
                hit.walked++;
            }
            hit.at = middle;
            break;
        }
        base += ((left >> 1) + 1) & (0U - is_right);
        left -= is_right;
    }
    return hit;
}

/* The same steps where no two ranges meet. There all ranges up to the last one
 * that starts at or below @addr compare +1, but that one may compare 0, and
 * all others compare -1. So the way depends on starts alone, up to the hit,
 * which is where the search last turns right; and it needs no branch that
 * nobody could foretell. */
static struct hit find_apart(const struct vmc_bus_version *version,
                             uint64_t addr, uint64_t len)
{
    const struct vmc_bus_span *spans = version->spans;
    uint32_t base = 0, steps = 0, last_right = 0;

    for (uint32_t left = version->count; left > 0; left >>= 1) {
        uint32_t half = left >> 1;
        uint32_t is_right = spans[base + half].start <= addr;
        uint32_t mask = 0U - is_right;

        steps++;
        base += (half + 1) & mask;
        left -= is_right;
        last_right = (steps & mask) | (last_right & ~mask);
    }
    if (base == 0 || vmc_bus_compare(addr, len, &spans[base - 1]) != 0) {
        return (struct hit){.at = -1, .probes = steps};
    }
    return (struct hit){.at = base - 1, .probes = last_right};
}

static struct hit find_faithful(const struct vmc_bus_version *version,
                                uint64_t addr, uint64_t len)
{
    /* A key whose end wraps to below its start is not beyond any range. */
    return version->is_apart && addr + len > addr
               ? find_apart(version, addr, len)
               : find_nested(version, addr, len);
}

/* A scan from @from on. Where no two ranges meet only one can hold the key, so
 * it is searched for; what a scan would have compared is known all the same. */
static struct hit find_linear(const struct vmc_bus_version *version,
                              uint64_t addr, uint64_t len, uint32_t from)
{
    struct hit hit = {.at = -1};

    if (version->is_apart && addr + len > addr) {
        int64_t at = find_apart(version, addr, len).at;

        if (at < (int64_t)from) {
            return (struct hit){.at = -1, .probes = version->count - from};
        }
        return (struct hit){.at = at, .probes = (uint32_t)at - from + 1};
    }
    for (uint32_t at = from; at < version->count; at++) {
        hit.probes++;
        if (vmc_bus_compare(addr, len, &version->spans[at]) == 0) {
            hit.at = at;
            break;
        }
    }
    return hit;
}

static struct hit find(const struct vmc_bus *bus,
                       const struct vmc_bus_version *version, uint64_t addr,
                       int32_t len)
{
    return bus->config.lookup == VMC_BUS_LINEAR
               ? find_linear(version, addr, vmc_bus_extend(len), 0)
               : find_faithful(version, addr, vmc_bus_extend(len));
}

int64_t vmc_bus_find(const struct vmc_bus *bus, enum vmc_bus_index index,
                     uint64_t addr, int32_t len, struct vmc_bus_access *access)
{
    struct hit hit = {.at = -1};

    if (!bus->tables[index].is_gone) {
        hit = find(bus, vmc_bus_current(bus, index), addr, len);
    }
    if (access != NULL) {
        access->probes = hit.probes;
        access->walked = hit.walked;
        access->tried = 0;
    }
    return hit.at;
}

struct vmc_bus_device *vmc_bus_device_at(const struct vmc_bus *bus,
                                         enum vmc_bus_index index,
                                         uint64_t addr)
{
    int64_t at = vmc_bus_find(bus, index, addr, 1, NULL);

    return at < 0 ? NULL : vmc_bus_current(bus, index)->entries[at].device;
}

/* ---- Walks and accesses ------------------------------------------------- */

int vmc_bus_walk_start(struct vmc_bus *bus, enum vmc_bus_index index,
                       uint64_t addr, int32_t len, struct vmc_bus_walk *walk)
{
    struct vmc_bus_table *table = &bus->tables[index];
    struct hit hit;

    *walk = (struct vmc_bus_walk){.addr = addr, .len = len, .index = index};
    if (table->is_gone) {
        return -ENOMEM;
    }
    hit = find(bus, vmc_bus_current(bus, index), addr, len);
    walk->version = table->current;
    walk->probes = hit.probes;
    walk->walked = hit.walked;
    if (hit.at < 0) {
        return -EOPNOTSUPP;
    }
    walk->at = (uint32_t)hit.at;
    walk->tried = 1;
    table->versions[table->current].walks++;
    return 0;
}

static const struct vmc_bus_version *version_of(const struct vmc_bus *bus,
                                                const struct vmc_bus_walk *walk)
{
    return &bus->tables[walk->index].versions[walk->version];
}

struct vmc_bus_device *vmc_bus_walk_device(const struct vmc_bus *bus,
                                           const struct vmc_bus_walk *walk)
{
    return version_of(bus, walk)->entries[walk->at].device;
}

bool vmc_bus_walk_next(const struct vmc_bus *bus, struct vmc_bus_walk *walk)
{
    const struct vmc_bus_version *version = version_of(bus, walk);
    uint32_t next = walk->at + 1;

    if (bus->config.lookup == VMC_BUS_LINEAR) {
        struct hit hit =
            find_linear(version, walk->addr, vmc_bus_extend(walk->len), next);

        walk->probes += hit.probes;
        if (hit.at < 0) {
            return false;
        }
        next = (uint32_t)hit.at;
    } else if (next >= version->count ||
               vmc_bus_compare(walk->addr, vmc_bus_extend(walk->len),
                               &version->spans[next]) != 0) {
        return false;
    }
    walk->at = next;
    walk->tried++;
    return true;
}

void vmc_bus_walk_stop(struct vmc_bus *bus, struct vmc_bus_walk *walk)
{
    struct vmc_bus_version *version =
        &bus->tables[walk->index].versions[walk->version];

    assert(version->walks != 0);
    version->walks--;
}

int vmc_bus_device_read(struct vmc_bus_device *device,
                        struct vmc_bus_access *access)
{
    return device->ops->read == NULL ? -EOPNOTSUPP
                                     : device->ops->read(device, access);
}

int vmc_bus_device_write(struct vmc_bus_device *device,
                         const struct vmc_bus_access *access)
{
    return device->ops->write == NULL ? -EOPNOTSUPP
                                      : device->ops->write(device, access);
}

/* Offer @access along a walk. *@at is where it was handled. */
static int offer(struct vmc_bus *bus, enum vmc_bus_index index,
                 struct vmc_bus_access *access, bool is_write, uint32_t *at)
{
    struct vmc_bus_walk walk;
    int result =
        vmc_bus_walk_start(bus, index, access->addr, access->len, &walk);

    access->server = NULL;
    if (result == 0) {
        do {
            struct vmc_bus_device *device = vmc_bus_walk_device(bus, &walk);

            result = is_write ? vmc_bus_device_write(device, access)
                              : vmc_bus_device_read(device, access);
            if (result == 0) {
                access->server = device;
                *at = walk.at;
                break;
            }
            if (bus->config.stops_on_error && result < 0 &&
                result != -EOPNOTSUPP) {
                break;
            }
            result = -EOPNOTSUPP;
        } while (vmc_bus_walk_next(bus, &walk));
        vmc_bus_walk_stop(bus, &walk);
    }
    access->probes = walk.probes;
    access->walked = walk.walked;
    access->tried = walk.tried;
    return result;
}

int vmc_bus_read(struct vmc_bus *bus, enum vmc_bus_index index,
                 struct vmc_bus_access *access)
{
    uint32_t at;

    return offer(bus, index, access, false, &at);
}

int vmc_bus_write(struct vmc_bus *bus, enum vmc_bus_index index,
                  struct vmc_bus_access *access)
{
    uint32_t at;

    return offer(bus, index, access, true, &at);
}

int vmc_bus_write_cookie(struct vmc_bus *bus, enum vmc_bus_index index,
                         struct vmc_bus_access *access, int64_t cookie)
{
    const struct vmc_bus_version *version = vmc_bus_current(bus, index);
    uint32_t at = 0, guesses = 0;
    int result;

    access->server = NULL;
    access->probes = access->walked = access->tried = 0;
    if (bus->tables[index].is_gone) {
        return -ENOMEM;
    }
    if (cookie >= 0 && cookie < version->count &&
        vmc_bus_compare(access->addr, vmc_bus_extend(access->len),
                        &version->spans[cookie]) == 0) {
        struct vmc_bus_device *device = version->entries[cookie].device;

        guesses = 1;
        if (vmc_bus_device_write(device, access) == 0) {
            access->server = device;
            access->tried = guesses;
            return (int)cookie;
        }
    }
    result = offer(bus, index, access, true, &at);
    access->tried += guesses;
    return result == 0 ? (int)at : result;
}
