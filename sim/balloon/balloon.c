/* SPDX-License-Identifier: MIT */
#include "sim/balloon/balloon.h"

#include <string.h>

#define TIME(group, name)                                                      \
    {                                                                          \
#name, offsetof(struct vmc_##group##_costs, name), true                \
    }
#define NUMBER(name)                                                           \
    {                                                                          \
#name, offsetof(struct vmc_balloon_machine, name), false               \
    }

static const struct vmc_profile_key send_keys[] = {
    TIME(send, add),          TIME(send, kick_exit), TIME(send, wake_host),
    TIME(send, pop),          TIME(send, push),      TIME(send, map_descriptor),
    TIME(send, irq),          TIME(send, wake_vcpu), TIME(send, wake_polled),
    TIME(send, halt_poll),    TIME(send, isr),       TIME(send, config_read),
    TIME(send, config_write), TIME(send, requeue),
};

static const struct vmc_profile_key guest_keys[] = {
    TIME(guest, alloc),         TIME(guest, free),
    TIME(guest, alloc_huge),    TIME(guest, free_huge),
    TIME(guest, list_walk),     TIME(guest, set_bit),
    TIME(guest, clear_chunk),   TIME(guest, word),
    TIME(guest, touch),         TIME(guest, touch_small),
    TIME(guest, hot_add),       TIME(guest, hot_remove),
    TIME(guest, isolate_used),  TIME(guest, shared_take),
    TIME(guest, shared_return), TIME(guest, hypercall),
    TIME(guest, migrate),       TIME(guest, retry_sleep),
    TIME(guest, report_delay),  TIME(guest, auto_period),
};

static const struct vmc_profile_key host_keys[] = {
    TIME(host, translate),   TIME(host, extent_page),
    TIME(host, willneed),    TIME(host, madvise_empty),
    TIME(host, zap_small),   TIME(host, zap_small_bulk),
    TIME(host, split),       TIME(host, flush_small),
    TIME(host, zap_huge),    TIME(host, zap_huge_bulk),
    TIME(host, fault_huge),  TIME(host, fault_small),
    TIME(host, clear_small), TIME(host, map_huge),
    TIME(host, vfio_unmap),  TIME(host, vfio_map),
};

static const struct vmc_profile_key machine_keys[] = {
    NUMBER(vcpus),       NUMBER(legacy_config), NUMBER(ascending_arrays),
    NUMBER(frees_first), NUMBER(used_bytes),
};

enum vmc_status balloon_read(struct balloon_machine *out,
                             const struct vmc_profile *profile,
                             struct vmc_error *error)
{
    const struct {
        const char *section;
        const struct vmc_profile_key *keys;
        uint32_t key_count;
        void *into;
    } parts[] = {
        {"balloon_send", send_keys, VMC_COUNT_OF(send_keys), &out->costs.send},
        {"balloon_guest", guest_keys, VMC_COUNT_OF(guest_keys),
         &out->costs.guest},
        {"balloon_host", host_keys, VMC_COUNT_OF(host_keys), &out->costs.host},
        {"balloon_machine", machine_keys, VMC_COUNT_OF(machine_keys),
         &out->machine},
    };

    for (uint32_t i = 0; i < VMC_COUNT_OF(parts); i++) {
        enum vmc_status status =
            vmc_profile_read(profile, parts[i].section, parts[i].keys,
                             parts[i].key_count, parts[i].into, error);

        if (status != VMC_OK) {
            return status;
        }
    }
    return VMC_OK;
}

enum vmc_status balloon_load(struct balloon_machine *out, const char *name,
                             struct vmc_error *error)
{
    struct vmc_profile *profile;
    enum vmc_status status = vmc_profile_load(&profile, name, error);

    if (status == VMC_OK) {
        status = balloon_read(out, profile, error);
    }
    vmc_profile_free(profile);
    return status;
}

enum vmc_status balloon_mechanism(enum vmc_balloon_mechanism *out,
                                  const char *name, struct vmc_error *error)
{
    for (uint32_t i = 0; vmc_balloon_mechanism_name(i) != NULL; i++) {
        if (strcmp(name, vmc_balloon_mechanism_name(i)) == 0) {
            *out = (enum vmc_balloon_mechanism)i;
            return VMC_OK;
        }
    }
    return vmc_fail(error, VMC_E_USAGE,
                    "mechanism '%s': expected pfn, bitmap, bitmap-fixed, "
                    "chunk, sg, contiguous, huge, virtio-mem, hyperalloc, "
                    "reporting or hinting",
                    name);
}

enum vmc_status balloon_op(enum vmc_balloon_op *out, const char *name,
                           struct vmc_error *error)
{
    static const struct {
        const char *name;
        enum vmc_balloon_op op;
    } ops[] = {
        {"inflate", VMC_OP_SHRINK},    {"unplug", VMC_OP_SHRINK},
        {"reclaim", VMC_OP_SHRINK},    {"deflate", VMC_OP_GROW},
        {"plug", VMC_OP_GROW},         {"return", VMC_OP_GROW},
        {"retouch", VMC_OP_TOUCH},     {"install", VMC_OP_TOUCH},
        {"report", VMC_OP_REPORT},     {"hint", VMC_OP_REPORT},
        {"pressure", VMC_OP_PRESSURE}, {"migrate", VMC_OP_MIGRATE},
    };

    for (uint32_t i = 0; i < VMC_COUNT_OF(ops); i++) {
        if (strcmp(name, ops[i].name) == 0) {
            *out = ops[i].op;
            return VMC_OK;
        }
    }
    return vmc_fail(error, VMC_E_USAGE,
                    "operation '%s': expected inflate, deflate, reclaim, "
                    "return, plug, unplug, install, retouch, report, "
                    "hint, pressure or migrate",
                    name);
}

/* The map has whole huge pages; what is over the last is not in the way. */
enum vmc_status balloon_replay(struct vmc_balloon_result *result,
                               const struct balloon_log *log,
                               const struct balloon_machine *machine,
                               enum vmc_balloon_mechanism mechanism,
                               struct vmc_error *error)
{
    const uint64_t step_bytes = 2 << 20, least_bytes = 64 << 20;
    const uint64_t most_bytes = UINT64_C(1) << 40;
    const struct balloon_log_counts *counts = balloon_log_counts(log);
    struct vmc_balloon_config config = {
        .costs = &machine->costs,
        .machine = machine->machine,
        .mechanism = mechanism,
        .guest_bytes =
            vmc_div_up(counts->ram_bytes != 0 ? counts->ram_bytes
                                              : counts->guessed_bytes,
                       step_bytes) *
            step_bytes,
        .page_bytes = counts->page_bytes,
        .iteration = 1,
        .seed = 1,
        .layout = counts->layout,
        .defects = VMC_BALLOON_AS_POSTED,
    };

    if (config.guest_bytes > most_bytes) {
        return vmc_fail(error, VMC_E_RANGE,
                        "a recorded guest of more than 1 TiB");
    }
    if (config.guest_bytes < least_bytes) {
        config.guest_bytes = least_bytes;
    }
    /* The numbers were recorded as they were sent. */
    config.machine.ascending_arrays = 1;
    config.recorded = balloon_log_runs(log, &config.recorded_count);
    config.targets = balloon_log_targets(log, &config.target_count);
    return vmc_balloon_run(&config, result, error);
}
