/* SPDX-License-Identifier: MIT */
/*
 * Regions under a front end. A handler of the bus cannot wait, but a front end
 * takes -EINTR for "call again with this very piece", so each wait is an
 * interruption that keeps its place: the vCPU counts as away, and a removal
 * meanwhile ends its command as it does for one that a signal took away.
 */
#include <errno.h>
#include <string.h>

#include "ioregion/region_priv.h"

static struct vmc_region_vcpu *vcpu_of(const struct vmc_regions *regions,
                                       uint32_t id)
{
    for (uint32_t i = 0; i < regions->vcpu_count; i++) {
        if (regions->vcpus[i]->id == id) {
            return regions->vcpus[i];
        }
    }
    return NULL;
}

/* True when @vcpu is on its way with this very access. */
static bool is_same(const struct vmc_region_vcpu *vcpu,
                    const struct vmc_region *region,
                    const struct vmc_region_access *access)
{
    return vcpu->region_generation == region->generation &&
           vcpu->now.addr == access->addr && vcpu->now.len == access->len &&
           vcpu->now.is_write == access->is_write;
}

static bool can_serve(const struct vmc_region *region,
                      const struct vmc_region_access *access)
{
    uint32_t len = access->len;

    return region->state == VMC_REGION_LIVE && (len & (len - 1)) == 0 &&
           (access->is_write || region->size_bytes != 0);
}

static int serve(struct vmc_region *region, struct vmc_region_access *access,
                 uint32_t id)
{
    struct vmc_regions *regions = region->regions;
    struct vmc_region_vcpu *vcpu = vcpu_of(regions, id);
    struct vmc_region_piece piece = {0, access->len};
    enum vmc_region_outcome outcome;

    if (regions->config.profile != VMC_REGION_H || vcpu == NULL ||
        !vmc_bus_config(regions->bus)->stops_on_error ||
        (vcpu->stage != VMC_REGION_IDLE && vcpu->stage != VMC_REGION_AWAY)) {
        return -EOPNOTSUPP;
    }
    if (vcpu->has_expired && is_same(vcpu, region, access)) {
        vcpu->has_expired = false;
        vcpu->stage = VMC_REGION_IDLE;
        return -EIO;
    }
    if (!is_same(vcpu, region, access)) {
        vmc_region_forsake(vcpu, VMC_CAUSE_REMOVED);
    }
    if (vcpu->access.stage == VMC_ACCESS_IDLE) {
        if (!can_serve(region, access)) {
            return -EOPNOTSUPP;
        }
        vcpu->now = *access;
    }
    outcome = vmc_region_step(vcpu, region, piece, regions->now);
    vcpu->stage = VMC_REGION_IDLE;
    switch (outcome) {
    case VMC_REGION_SERVED:
        memcpy(access->data, vcpu->now.data, sizeof(access->data));
        return 0;
    case VMC_REGION_WAITS:
    case VMC_REGION_INTERRUPTED:
        vcpu->stage = VMC_REGION_AWAY;
        return -EINTR;
    case VMC_REGION_PASSED:
        return -EOPNOTSUPP;
    case VMC_REGION_FAILED:
    case VMC_REGION_ERRED:
    case VMC_REGION_KILLED:
    default:
        return -EIO;
    }
}

int vmc_region_bus_read(struct vmc_region *region,
                        struct vmc_bus_access *access)
{
    struct vmc_region_access read = {
        .bus = region->bus, .addr = access->addr, .len = (uint32_t)access->len};
    int result = serve(region, &read, access->vcpu);

    if (result == 0) {
        memcpy(access->data, read.data, (size_t)access->len);
    }
    return result;
}

int vmc_region_bus_write(struct vmc_region *region,
                         const struct vmc_bus_access *access)
{
    struct vmc_region_access write = {.bus = region->bus,
                                      .addr = access->addr,
                                      .len = (uint32_t)access->len,
                                      .is_write = true};

    memcpy(write.data, access->data, sizeof(access->data));
    return serve(region, &write, access->vcpu);
}
