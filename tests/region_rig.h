/* SPDX-License-Identifier: MIT */
/* A VM with regions, and the device processes behind them, for tests: each test
 * sets it up, plays the device by hand, and looks at what came out. */
#ifndef VMC_TESTS_REGION_RIG_H
#define VMC_TESTS_REGION_RIG_H

#include <errno.h>
#include <string.h>

#include "ioregion/coalesced.h"
#include "ioregion/iocheck.h"
#include "ioregion/ioeventfd.h"
#include "suite.h"

enum { RIG_VCPUS = 4, RIG_SOCKETS = 4, RIG_CHANNELS = 16 };

/* Everything of one VM. */
static struct rig {
    struct vmc_bus *bus;
    struct vmc_iofiles files;
    struct vmc_regions *regions;
    struct vmc_eventfds *events;
    struct vmc_ioeventfds *ioeventfds;
    struct vmc_coalesced *coalesced;
    struct vmc_socket sockets[RIG_SOCKETS];
    int fds[RIG_SOCKETS]; /* of the kernel's ends */
    int eventfd;
    struct vmc_region_vcpu vcpus[RIG_VCPUS];
    struct vmc_iocheck check;
    uint64_t now, seed;
} rig;

static inline void rig_set_up_as(const struct vmc_regions_config *config,
                                 enum vmc_kvm_version version,
                                 const struct vmc_region_vcpu_config *vcpu,
                                 enum vmc_socket_kind kind)
{
    struct vmc_bus_config bus = vmc_bus_defaults();

    memset(&rig, 0, sizeof(rig));
    bus.version = version;
    bus.stops_on_error = config->profile != VMC_REGION_R1;
    ck_assert_int_eq(vmc_bus_new(&rig.bus, &bus), VMC_OK);
    ck_assert_int_eq(vmc_eventfds_new(&rig.events, 16), VMC_OK);
    ck_assert_int_eq(
        vmc_ioeventfds_new(&rig.ioeventfds, rig.bus, rig.events, 16), VMC_OK);
    ck_assert_int_eq(vmc_coalesced_new(&rig.coalesced, rig.bus, 4096, 16),
                     VMC_OK);
    rig.eventfd = vmc_eventfds_open(rig.events, 0);
    vmc_iofiles_init(&rig.files);
    ck_assert_int_eq(vmc_regions_new(&rig.regions, rig.bus, &rig.files, config),
                     VMC_OK);
    for (uint32_t i = 0; i < RIG_SOCKETS; i++) {
        vmc_socket_init(&rig.sockets[i], kind);
        rig.fds[i] = vmc_iofile_open_socket(&rig.files, &rig.sockets[i]);
    }
    for (uint32_t i = 0; i < RIG_VCPUS; i++) {
        vmc_region_vcpu_init(&rig.vcpus[i], rig.regions, i, vcpu);
    }
    if (config->profile == VMC_REGION_H) {
        rig.regions->checker = &rig.check;
    }
}

static inline void rig_set_up(enum vmc_region_profile profile)
{
    struct vmc_regions_config config = vmc_regions_defaults();
    const struct vmc_region_vcpu_config vcpu = {0};

    config.profile = profile;
    config.regions_max = RIG_CHANNELS;
    rig_set_up_as(&config, profile == VMC_REGION_H ? VMC_K6_12 : VMC_K5_11,
                  &vcpu, VMC_SOCKET_STREAM);
}

static inline void rig_tear_down(void)
{
    for (uint32_t i = 0; i < RIG_VCPUS; i++) {
        vmc_region_vcpu_close(&rig.vcpus[i]);
    }
    vmc_bus_free(rig.bus);
    vmc_ioeventfds_free(rig.ioeventfds);
    vmc_coalesced_free(rig.coalesced);
    vmc_eventfds_free(rig.events);
    if (rig.regions->checker != NULL) {
        ck_assert_uint_eq(vmc_iofiles_held_count(&rig.files), 0);
        ck_assert_uint_eq(vmc_regions_used_count(rig.regions), 0);
    }
    vmc_regions_free(rig.regions);
}

/* What must hold after every step of H. */
static inline void rig_check(void)
{
    if (rig.regions->checker != NULL) {
        const char *wrong = vmc_iocheck_books(&rig.check, rig.regions);

        ck_assert_msg(wrong == NULL, "seed %d: %s", (int)rig.seed, wrong);
    }
}

/* Add a region on socket @at, with its number as user data. */
static inline int rig_add(uint64_t addr, uint64_t size_bytes, uint32_t flags,
                          uint32_t at)
{
    int result =
        vmc_region_set(rig.regions,
                       &(struct vmc_kvm_ioregion){.guest_paddr = addr,
                                                  .memory_size = size_bytes,
                                                  .user_data = at + 1,
                                                  .read_fd = rig.fds[at],
                                                  .write_fd = rig.fds[at],
                                                  .flags = flags},
                       rig.now);

    rig_check();
    return result;
}

/* Remove one, in the way of the profile. */
static inline int rig_remove(uint64_t addr, uint64_t size_bytes, uint32_t flags)
{
    bool is_r1 = rig.regions->config.profile == VMC_REGION_R1;
    int result = vmc_region_set(
        rig.regions,
        &(struct vmc_kvm_ioregion){
            .guest_paddr = addr,
            .memory_size = size_bytes,
            .read_fd = -1,
            .write_fd = -1,
            .flags = is_r1 ? flags : flags | VMC_REGION_DEASSIGN},
        rig.now);

    rig_check();
    return result;
}

static inline enum vmc_region_run rig_run(uint32_t vcpu)
{
    enum vmc_region_run run = vmc_region_vcpu_run(&rig.vcpus[vcpu], rig.now);

    rig_check();
    return run;
}

/* Begin an access of MMIO and run as far as it goes. */
static inline enum vmc_region_run rig_access(uint32_t vcpu, uint64_t addr,
                                             uint32_t len, bool is_write,
                                             uint64_t value)
{
    struct vmc_region_access access = {
        .bus = VMC_BUS_MMIO, .addr = addr, .len = len, .is_write = is_write};

    for (uint32_t i = 0; i < 8; i++) {
        access.data[i] = (uint8_t)(value >> 8 * i);
    }
    vmc_region_vcpu_access(&rig.vcpus[vcpu], &access);
    return rig_run(vcpu);
}

static inline enum vmc_region_run rig_read(uint32_t vcpu, uint64_t addr,
                                           uint32_t len)
{
    return rig_access(vcpu, addr, len, false, 0xeeeeeeeeeeeeeeee);
}

static inline enum vmc_region_run rig_write(uint32_t vcpu, uint64_t addr,
                                            uint32_t len, uint64_t value)
{
    return rig_access(vcpu, addr, len, true, value);
}

/* What the guest's register holds after a read of @len bytes. */
static inline uint64_t rig_value(uint32_t vcpu, uint32_t len)
{
    uint64_t value = 0;

    for (uint32_t i = 0; i < len; i++) {
        value |= (uint64_t)rig.vcpus[vcpu].now.data[i] << 8 * i;
    }
    return value;
}

/* The device behind socket @at takes a command, if there is a whole one. */
static inline bool rig_take_bytes(uint32_t at, uint8_t bytes[32])
{
    return rig.sockets[at].flows[VMC_SOCKET_KERNEL].count >= 32 &&
           vmc_socket_read(&rig.sockets[at], VMC_SOCKET_DEVICE, bytes, 32) ==
               32;
}

static inline bool rig_take(uint32_t at, struct vmc_ioregion_command *command)
{
    const enum vmc_ioregion_generation generations[] = {
        VMC_IOREGION_R1, VMC_IOREGION_R3, VMC_IOREGION_H};
    uint8_t bytes[32];

    if (!rig_take_bytes(at, bytes)) {
        return false;
    }
    ck_assert_int_eq(vmc_ioregion_get_command(
                         command, bytes, sizeof(bytes),
                         (struct vmc_ioregion_format){
                             generations[rig.regions->config.profile], false},
                         NULL),
                     VMC_OK);
    return true;
}

/* It answers with bytes [@from, @from + @count) of a response with @data. */
static inline void rig_answer_part(uint32_t at, uint64_t data, uint32_t from,
                                   uint32_t count)
{
    uint8_t bytes[64] = {0};

    for (uint32_t i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(data >> 8 * i);
    }
    ck_assert_int_eq(vmc_socket_write(&rig.sockets[at], VMC_SOCKET_DEVICE,
                                      &bytes[from], count, false),
                     count);
}

static inline void rig_answer(uint32_t at, uint64_t data)
{
    rig_answer_part(at, data, 0, 32);
}

static inline int rig_ioeventfd(uint64_t addr, uint32_t len, uint32_t flags)
{
    return vmc_ioeventfd(
        rig.ioeventfds,
        &(struct vmc_kvm_ioeventfd){
            .addr = addr, .len = len, .fd = rig.eventfd, .flags = flags});
}

static inline int rig_zone(uint64_t addr, uint32_t size_bytes)
{
    return vmc_coalesced_register(
        rig.coalesced,
        &(struct vmc_kvm_zone){.addr = addr, .size = size_bytes});
}

static inline struct vmc_region_exit *rig_exit(uint32_t vcpu)
{
    return &rig.vcpus[vcpu].exit;
}

#endif
