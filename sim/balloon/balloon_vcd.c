/* SPDX-License-Identifier: MIT */
#include "sim/balloon/balloon_vcd.h"

#include <inttypes.h>

enum {
    OWNER_BITS = 4,
    WAITERS_BITS = 6, /* up to VMC_ACTOR_WAITERS_MAX */
    DEPTH_BITS = 11,  /* up to VMC_VQ_SIZE_MAX */
    BYTES_BITS = 64,
    NAME_BYTES = 64,
};

static_assert(VMC_BALLOON_WORKERS < 1 << OWNER_BITS, "0 is nobody");
static_assert(VMC_ACTOR_WAITERS_MAX < 1 << WAITERS_BITS, "all of them");

static const char *const actor_names[] = {
    "vcpu.driver",    "vcpu.others", "host.main_loop",
    "host.io_thread", "lock.driver", "lock.pages",
    "lock.bql",       "lock.mm",     "lock.mmu"};
static const char *const queue_names[] = {"inflate", "deflate", "stats", "hint",
                                          "report"};

static_assert(VMC_COUNT_OF(actor_names) == VMC_BALLOON_ACTORS, "a name each");
static_assert(VMC_COUNT_OF(queue_names) == VMC_BALLOON_QUEUES, "a name each");

static void see_moment(void *owner, const struct vmc_balloon_moment *moment)
{
    struct balloon_vcd *self = owner;
    uint64_t tick = moment->tick;

    for (uint32_t i = 0; i < VMC_BALLOON_ACTORS; i++) {
        vmc_vcd_change(self->vcd, tick, self->actors[i].owner,
                       moment->actors[i].owner);
        vmc_vcd_change(self->vcd, tick, self->actors[i].waiters,
                       moment->actors[i].waiters);
    }
    for (uint32_t i = 0; i < VMC_BALLOON_QUEUES; i++) {
        vmc_vcd_change(self->vcd, tick, self->queues[i].in_flight,
                       moment->queues[i].in_flight);
        vmc_vcd_change(self->vcd, tick, self->queues[i].available,
                       moment->queues[i].available);
        vmc_vcd_change(self->vcd, tick, self->queues[i].used,
                       moment->queues[i].used);
    }
    vmc_vcd_change(self->vcd, tick, self->balloon, moment->sizes.balloon);
    vmc_vcd_change(self->vcd, tick, self->guest_free, moment->sizes.guest_free);
    vmc_vcd_change(self->vcd, tick, self->host_backed,
                   moment->sizes.host_backed);
    self->last_tick = tick;
}

static uint32_t add(struct balloon_vcd *self, const char *scope,
                    const char *first, const char *second, uint32_t width_bits)
{
    char name[NAME_BYTES];

    (void)snprintf(name, sizeof(name), "%s%s.%s", scope, first, second);
    return vmc_vcd_add(self->vcd, name, width_bits);
}

void balloon_vcd_init(struct balloon_vcd *self, struct vmc_vcd *vcd)
{
    char text[NAME_BYTES];

    *self = (struct balloon_vcd){.watch = {.moment = see_moment, .owner = self},
                                 .vcd = vcd};
    for (uint32_t i = 0; i < VMC_BALLOON_ACTORS; i++) {
        self->actors[i].owner =
            add(self, "", actor_names[i], "owner", OWNER_BITS);
        self->actors[i].waiters =
            add(self, "", actor_names[i], "waiters", WAITERS_BITS);
        vmc_vcd_set(vcd, self->actors[i].owner, 0);
        vmc_vcd_set(vcd, self->actors[i].waiters, 0);
    }
    for (uint32_t i = 0; i < VMC_BALLOON_QUEUES; i++) {
        self->queues[i].in_flight =
            add(self, "queue.", queue_names[i], "in_flight", DEPTH_BITS);
        self->queues[i].available =
            add(self, "queue.", queue_names[i], "available", DEPTH_BITS);
        self->queues[i].used =
            add(self, "queue.", queue_names[i], "used", DEPTH_BITS);
        vmc_vcd_set(vcd, self->queues[i].in_flight, 0);
        vmc_vcd_set(vcd, self->queues[i].available, 0);
        vmc_vcd_set(vcd, self->queues[i].used, 0);
    }
    self->balloon = add(self, "memory", "", "balloon", BYTES_BITS);
    self->guest_free = add(self, "memory", "", "guest_free", BYTES_BITS);
    self->host_backed = add(self, "memory", "", "host_backed", BYTES_BITS);
    vmc_vcd_remark(vcd, "owner: 0 nobody");
    for (uint32_t i = 0; i < VMC_BALLOON_WORKERS; i++) {
        (void)snprintf(text, sizeof(text), "owner: %" PRIu32 " %s", i + 1,
                       vmc_balloon_worker_name(i));
        vmc_vcd_remark(vcd, text);
    }
}
