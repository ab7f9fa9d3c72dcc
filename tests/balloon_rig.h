/* SPDX-License-Identifier: MIT */
/**
 * balloon_rig.h - one or two guests with a balloon on one engine, and costs
 * that no two sums of them are the same by chance.
 */
#ifndef VMC_TESTS_BALLOON_RIG_H
#define VMC_TESTS_BALLOON_RIG_H

#include <check.h>
#include <string.h>

#include "balloon/vm_priv.h"

enum { RIG_VMS_MAX = 2 };

struct rig {
    struct vmc_engine *engine;
    struct vmc_actor actors[RIG_VMS_MAX * ROLE_COUNT];
    struct vm vms[RIG_VMS_MAX];
    uint32_t count;
};

/* Primes, so that a term that is missing or doubled shows. */
static const struct vmc_balloon_costs rig_costs = {
    .send = {.add = 2003,
             .kick_exit = 2011,
             .wake_host = 145007,
             .pop = 3001,
             .map_descriptor = 503,
             .push = 2017,
             .irq = 2027,
             .wake_vcpu = 150011,
             .wake_polled = 5003,
             .halt_poll = 0,
             .isr = 9001,
             .config_read = 15013,
             .config_write = 15017,
             .requeue = 5009},
    .guest = {.alloc = 479,
              .free = 101,
              .alloc_huge = 5501,
              .free_huge = 5107,
              .list_walk = 61,
              .set_bit = 13,
              .clear_chunk = 797,
              .word = 11,
              .touch = 223,
              .touch_small = 373,
              .hot_add = 31,
              .hot_remove = 89,
              .isolate_used = 4831,
              .shared_take = 431,
              .shared_return = 257,
              .hypercall = 20011,
              .migrate = 1999,
              .retry_sleep = 200000003,
              .report_delay = 2000000011},
    .host = {.translate = 137,
             .extent_page = 97,
             .madvise_empty = 557,
             .willneed = 199,
             .zap_small = 547,
             .zap_small_bulk = 251,
             .flush_small = 1367,
             .split = 18013,
             .zap_huge = 8389,
             .zap_huge_bulk = 6701,
             .fault_huge = 359003,
             .fault_small = 2609,
             .clear_small = 701,
             .map_huge = 20021,
             .vfio_unmap = 32707,
             .vfio_map = 40009},
};

static inline const struct vm_driver *rig_driver(uint32_t mechanism)
{
    static const struct vm_driver *const drivers[] = {
        [VMC_MECHANISM_PFN] = &driver_pfn,
        [VMC_MECHANISM_BITMAP] = &driver_bitmap,
        [VMC_MECHANISM_BITMAP_FIXED] = &driver_bitmap,
        [VMC_MECHANISM_CHUNK] = &driver_bitmap,
        [VMC_MECHANISM_SG] = &driver_bitmap,
        [VMC_MECHANISM_CONTIGUOUS] = &driver_contiguous,
        [VMC_MECHANISM_HUGE] = &driver_huge,
        [VMC_MECHANISM_VIRTIO_MEM] = &driver_virtio_mem,
        [VMC_MECHANISM_HYPERALLOC] = &driver_hyperalloc,
        [VMC_MECHANISM_REPORTING] = &driver_reporting,
        [VMC_MECHANISM_HINTING] = &driver_hinting,
    };

    ck_assert_uint_lt(mechanism, VMC_COUNT_OF(drivers));
    return drivers[mechanism];
}

/* A guest of 512 MiB, flat, idle. */
static inline struct vmc_balloon_config
rig_config(enum vmc_balloon_mechanism mechanism)
{
    return (struct vmc_balloon_config){
        .costs = &rig_costs,
        .mechanism = mechanism,
        .guest_bytes = UINT64_C(512) << 20,
        .machine = {.ascending_arrays = 1, .used_bytes = 16 << 20},
        .iteration = 1,
        .seed = 1,
        .layout = VMC_LAYOUT_FLAT};
}

static inline void rig_start(struct rig *rig,
                             const struct vmc_balloon_config *config,
                             uint32_t count)
{
    static const struct vmc_engine_config limits = {
        .events_max = 64, .handlers_max = RIG_VMS_MAX * WORKER_COUNT};
    struct vmc_error error = {""};

    memset(rig, 0, sizeof(*rig));
    rig->count = count;
    ck_assert_int_eq(vmc_engine_new(&rig->engine, &limits), VMC_OK);
    for (uint32_t i = 0; i < count; i++) {
        rig->vms[i].driver = rig_driver(config[i].mechanism);
        ck_assert_msg(vm_init(&rig->vms[i], &config[i], rig->engine,
                              rig->actors, i, &error) == VMC_OK,
                      "%s", error.text);
    }
}

static inline void rig_end(struct rig *rig)
{
    for (uint32_t i = 0; i < rig->count; i++) {
        vm_fini(&rig->vms[i]);
    }
    vmc_engine_free(rig->engine);
}

/* One event. False when there was none, or an invariant broke. */
static inline bool rig_step(struct rig *rig)
{
    bool is_good = vmc_engine_step(rig->engine);

    for (uint32_t i = 0; i < rig->count && is_good; i++) {
        is_good = check_event(&rig->vms[i]);
    }
    return is_good;
}

/* Until nothing is left to do; what broke an invariant is a failure. */
static inline void rig_run(struct rig *rig)
{
    while (rig_step(rig)) {
    }
    for (uint32_t i = 0; i < rig->count; i++) {
        ck_assert_msg(check_rest(&rig->vms[i]), "guest %u: %s", i,
                      rig->vms[i].check.text);
    }
}

#endif
