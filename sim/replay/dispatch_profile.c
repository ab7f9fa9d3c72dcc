/* SPDX-License-Identifier: MIT */
#include "sim/replay/dispatch_profile.h"

#define KEY(name, is_time)                                                     \
    {                                                                          \
#name, offsetof(struct vmc_dispatch_costs, name), is_time              \
    }

static const struct vmc_profile_key keys[] = {
    KEY(exit, true),
    KEY(entry, true),
    KEY(decode_mmio, true),
    KEY(decode_in, true),
    KEY(decode_out, true),
    KEY(lookup, true),
    KEY(probe, true),
    KEY(device, true),
    KEY(signal, true),
    KEY(wake, true),
    KEY(ring, true),
    KEY(drain, true),
    KEY(leave, true),
    KEY(vmm, true),
    KEY(enter, true),
    KEY(complete_read, true),
    KEY(send, true),
    KEY(schedule, true),
    KEY(idle_wake, true),
    KEY(receive, true),
    KEY(process, true),
    KEY(reply, true),
    KEY(handoff, true),
    KEY(ring_entries, false),
    KEY(socket_commands, false),
    KEY(socket_resume, false),
};

enum vmc_status dispatch_profile_read(struct vmc_dispatch_costs *costs,
                                      const struct vmc_profile *profile,
                                      struct vmc_error *error)
{
    enum vmc_status status = vmc_profile_read(profile, "dispatch", keys,
                                              VMC_COUNT_OF(keys), costs, error);

    if (status == VMC_OK && !vmc_dispatch_costs_are_sane(costs)) {
        return vmc_fail(error, VMC_E_RANGE,
                        "%s: a number of [dispatch] is outside its limits",
                        vmc_profile_name(profile));
    }
    return status;
}

enum vmc_status dispatch_profile_load(struct vmc_dispatch_costs *costs,
                                      const char *name, struct vmc_error *error)
{
    struct vmc_profile *profile;
    enum vmc_status status = vmc_profile_load(&profile, name, error);

    if (status == VMC_OK) {
        status = dispatch_profile_read(costs, profile, error);
    }
    vmc_profile_free(profile);
    return status;
}
