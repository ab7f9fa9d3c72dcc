/* SPDX-License-Identifier: MIT */
/*
 * A whole VM for the tests of front ends: buses, eventfds, a ring, memory, and
 * a log of who got what, in the order in which it happened:
 *
 *     r10ffe+2   into the ring      e1        eventfd number 1
 *     x10fff+1   exit to user space (its answer to a load: rig_byte())
 *     k4         kernel device, 4 bytes       l4  device in front
 *     F          the FAST bus (followed by its eventfd)
 */
#ifndef VMC_TESTS_FRONT_RIG_H
#define VMC_TESTS_FRONT_RIG_H

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "ioregion/coalesced.h"
#include "ioregion/frontend.h"
#include "ioregion/ioeventfd.h"
#include "ioregion/standin.h"

enum { RIG_FDS = 4, RIG_LOG_BYTES = 8192, RIG_SLOT_BYTES = 0x4000 };

struct rig {
    struct vmc_bus *bus;
    struct vmc_eventfds *files;
    struct vmc_ioeventfds *ioeventfds;
    struct vmc_coalesced *coalesced;
    struct vmc_standins standins;
    struct vmc_front front;
    struct vmc_front_vcpu vcpu;
    uint8_t memory[RIG_SLOT_BYTES];
    char log[RIG_LOG_BYTES];
    char events[RIG_LOG_BYTES];
    uint64_t seen_events[RIG_FDS];
    uint64_t seen_kernel, seen_front;
    uint32_t seen_ring;
};

static struct rig rig;

/* What user space answers for the byte at @addr. */
static inline uint8_t rig_byte(uint64_t addr)
{
    return (uint8_t)(0x11 * (addr & 7) + (addr >> 12) + 3);
}

static inline void rig_note(char *log, const char *text)
{
    size_t used = strlen(log);

    ck_assert_uint_lt(used + strlen(text) + 2, RIG_LOG_BYTES);
    (void)snprintf(log + used, RIG_LOG_BYTES - used, "%s%s",
                   used == 0 ? "" : " ", text);
}

static inline void rig_on_event(void *owner,
                                const struct vmc_front_event *event)
{
    char text[128];

    ck_assert_ptr_eq(owner, &rig);
    (void)vmc_front_event_text(event, text, sizeof(text));
    rig_note(rig.events, text);
}

static inline void rig_start(enum vmc_arch arch, enum vmc_kvm_version version)
{
    struct vmc_front_config front = vmc_front_defaults(arch);
    struct vmc_bus_config config = vmc_bus_defaults();

    config.version = version;
    memset(&rig, 0, sizeof(rig));
    ck_assert_int_eq(vmc_bus_new(&rig.bus, &config), VMC_OK);
    ck_assert_int_eq(vmc_eventfds_new(&rig.files, 16), VMC_OK);
    ck_assert_int_eq(
        vmc_ioeventfds_new(&rig.ioeventfds, rig.bus, rig.files, 1200), VMC_OK);
    ck_assert_int_eq(
        vmc_coalesced_new(&rig.coalesced, rig.bus, front.page_bytes, 1200),
        VMC_OK);
    for (int i = 0; i < RIG_FDS; i++) {
        ck_assert_int_eq(vmc_eventfds_open(rig.files, 0), i);
    }
    vmc_front_init(&rig.front, rig.bus, &front);
    vmc_front_on_event(&rig.front, rig_on_event, &rig);
}

static inline void rig_stop(void)
{
    vmc_bus_free(rig.bus);
    vmc_ioeventfds_free(rig.ioeventfds);
    vmc_coalesced_free(rig.coalesced);
    vmc_eventfds_free(rig.files);
}

static inline int rig_zone(uint64_t addr, uint32_t size, uint32_t pio)
{
    return vmc_coalesced_register(rig.coalesced,
                                  &(struct vmc_kvm_zone){addr, size, pio});
}

static inline int rig_unzone(uint64_t addr, uint32_t size, uint32_t pio)
{
    return vmc_coalesced_unregister(rig.coalesced,
                                    &(struct vmc_kvm_zone){addr, size, pio});
}

static inline int rig_event(uint64_t addr, uint32_t len, uint32_t flags,
                            uint64_t match, int fd)
{
    return vmc_ioeventfd(rig.ioeventfds,
                         &(struct vmc_kvm_ioeventfd){.addr = addr,
                                                     .len = len,
                                                     .flags = flags,
                                                     .datamatch = match,
                                                     .fd = fd});
}

/* Put into the log what has happened in the kernel since last time. */
static inline void rig_look(void)
{
    const struct vmc_kvm_ring *ring = vmc_coalesced_ring(rig.coalesced);
    uint32_t entries = vmc_coalesced_entry_count(rig.front.config.page_bytes);
    uint64_t kernel = 0;
    char text[64];

    for (; rig.seen_ring != ring->last;
         rig.seen_ring = (rig.seen_ring + 1) % entries) {
        const struct vmc_kvm_coalesced *entry = &ring->entries[rig.seen_ring];

        (void)snprintf(text, sizeof(text), "r%llx+%u",
                       (unsigned long long)entry->phys_addr, entry->len);
        rig_note(rig.log, text);
    }
    for (int fd = 0; fd < RIG_FDS; fd++) {
        uint64_t count = vmc_eventfds_count(
            rig.files, (uint32_t)vmc_eventfds_find(rig.files, fd));

        for (; rig.seen_events[fd] < count; rig.seen_events[fd]++) {
            (void)snprintf(text, sizeof(text), "e%d", fd);
            rig_note(rig.log, text);
        }
    }
    for (int i = 1; i < VMC_STANDIN_COUNT; i++) {
        kernel += rig.standins.parts[i].reads + rig.standins.parts[i].writes;
    }
    for (; rig.seen_kernel < kernel; rig.seen_kernel++) {
        rig_note(rig.log, "k");
    }
    kernel = rig.standins.parts[VMC_STANDIN_LAPIC].reads +
             rig.standins.parts[VMC_STANDIN_LAPIC].writes;
    for (; rig.seen_front < kernel; rig.seen_front++) {
        rig_note(rig.log, "l");
    }
}

/* Answer exits until the guest goes on. */
static inline void rig_serve(int result)
{
    struct vmc_kvm_run *run = &rig.vcpu.run;
    char text[64];

    rig_look();
    while (result == VMC_FRONT_EXIT) {
        if (run->exit_reason == VMC_EXIT_MMIO) {
            (void)snprintf(text, sizeof(text), "x%llx+%u",
                           (unsigned long long)run->mmio.phys_addr,
                           run->mmio.len);
            for (uint32_t i = 0; !run->mmio.is_write && i < run->mmio.len;
                 i++) {
                run->mmio.data[i] = rig_byte(run->mmio.phys_addr + i);
            }
        } else {
            ck_assert_uint_eq(run->exit_reason, VMC_EXIT_IO);
            (void)snprintf(text, sizeof(text), "x%x*%ux%u=%02x", run->io.port,
                           run->io.count, run->io.size, run->io_data[0]);
            for (uint32_t i = 0;
                 run->io.direction == 0 && i < run->io.count * run->io.size;
                 i++) {
                run->io_data[i] = rig_byte(i);
            }
        }
        rig_note(rig.log, text);
        result = vmc_front_run(&rig.front, &rig.vcpu);
        rig_look();
    }
    ck_assert_int_eq(result, VMC_FRONT_GUEST);
}

#endif
