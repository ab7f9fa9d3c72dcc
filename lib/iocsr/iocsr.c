/* SPDX-License-Identifier: MIT */
/*
 * MAIL_SEND and ANY_SEND act as the target: an ANY_SEND is an access of the
 * target vCPU to its own IOCSR space, so it reaches the target's IPI unit and
 * status bank. A mask asks for a read before the write; on a register that
 * clears what is written as 1, the kept bytes are cleared by that (I6).
 *
 * The inner access of an ANY_SEND is 4 bytes wide, and a command register does
 * not take 4 bytes; that alone keeps commands from nesting.
 */
#include "iocsr/iocsr.h"

#include <string.h>

static const uint64_t version = 0x11;
static const uint64_t vendor = UINT64_C(0x6e6f73676e6f6f4c);   /* "Loongson" */
static const uint64_t cpu_name = UINT64_C(0x0000303030354133); /* "3A5000" */

enum {
    MISC_GATE_BIT = 48,
    MISC_INT_ENCODE_BIT = 49,
    MISC_MESSAGES_BIT = 51,
    CONFIG_ENABLE = 1 << 1,
    CONFIG_INT_ENCODE = 1 << 2,
    SEND_BLOCKING_BIT = 31,
    SEND_ID_SHIFT = 16,
    SEND_ID_MASK = 0x3ff,
    SEND_VECTOR_MASK = 0x1f,
    SEND_MASK_SHIFT = 27,
    SEND_DATA_SHIFT = 32,
    MAIL_BOX_SHIFT = 2,
    MAIL_BOX_MASK = 7,
    ANY_ADDRESS_MASK = 0xffff,
};

/* ---- Semantics ---------------------------------------------------------- */

struct vmc_iocsr_semantics vmc_iocsr_semantics_qemu(void)
{
    return (struct vmc_iocsr_semantics){
        .features = VMC_IOCSR_FEATURES_TCG,
        .narrow_is_refused = true,
        .has_fatal_accesses = true,
        .reset_keeps_units = true,
        .ipi = {.enable_gates_raise = true, .lower_needs_enable = true},
    };
}

struct vmc_iocsr_semantics vmc_iocsr_semantics_kvm(uint32_t generation)
{
    bool is_new = generation >= 3; /* the rework of 6.18 and after */

    return (struct vmc_iocsr_semantics){
        .features = VMC_IOCSR_FEATURES_KVM,
        .extends_sign = is_new,
        .misc_is_absent = true,
        .sends_take_any_size = true,
        .is_in_kernel = true,
        .errors_go_to_user = !is_new,
        .aligns_down = generation == 0,
        .ipi = {.raise_needs_empty = true,
                .set_is_dead = !is_new,
                .line_is_separate = generation > 0},
    };
}

struct vmc_iocsr_semantics vmc_iocsr_semantics_hw(void)
{
    return (struct vmc_iocsr_semantics){
        .features = VMC_IOCSR_FEATURES_HW,
        .extends_sign = true,
        .misc_is_stored = true,
        .has_ext_ioi_send = true,
        .blocking_waits = true,
        .ipi = {.enable_acts = true},
    };
}

/* ---- Helpers ------------------------------------------------------------ */

static uint64_t ones(uint32_t size_bytes)
{
    return size_bytes >= 8 ? ~UINT64_C(0)
                           : (UINT64_C(1) << (8 * size_bytes)) - 1;
}

uint64_t vmc_iocsr_extend(const struct vmc_iocsr *bus, uint64_t value,
                          uint32_t size_bytes)
{
    uint64_t sign;

    value &= ones(size_bytes);
    if (!bus->semantics.extends_sign || size_bytes >= 8) {
        return value;
    }
    sign = UINT64_C(1) << (8 * size_bytes - 1);
    return (value ^ sign) - sign;
}

/* The vCPU with physical id @id, or the count when there is none. */
static uint32_t vcpu_with_id(const struct vmc_iocsr *bus, uint32_t id)
{
    return id < VMC_IPI_VCPUS_MAX ? bus->index_of_id[id] : bus->ipi.vcpu_count;
}

static uint32_t target_of(const struct vmc_iocsr *bus, uint64_t command)
{
    return vcpu_with_id(bus, command >> SEND_ID_SHIFT & SEND_ID_MASK);
}

/* @fresh with the bytes that the mask of @command keeps taken from @old. */
static uint32_t merge(const struct vmc_iocsr *bus, uint64_t command,
                      uint32_t old)
{
    uint32_t fresh = (uint32_t)(command >> SEND_DATA_SHIFT);

    if (bus->semantics.mask_is_ignored) {
        return fresh;
    }
    for (unsigned byte = 0; byte < 4; byte++) {
        if ((command >> (SEND_MASK_SHIFT + byte) & 1) != 0) {
            uint32_t bits = UINT32_C(0xff) << (8 * byte);

            fresh = (fresh & ~bits) | (old & bits);
        }
    }
    return fresh;
}

static bool has_mask(uint64_t command)
{
    return (command >> SEND_MASK_SHIFT & 0xf) != 0;
}

/* ---- Commands ----------------------------------------------------------- */

static void send_ipi(struct vmc_iocsr *bus, uint64_t command)
{
    uint32_t vcpu = target_of(bus, command);

    if (vcpu < bus->ipi.vcpu_count) {
        vmc_ipi_send(&bus->ipi, vcpu,
                     UINT32_C(1) << (command & SEND_VECTOR_MASK));
    }
}

static void send_mail(struct vmc_iocsr *bus, uint64_t command)
{
    uint32_t vcpu = target_of(bus, command);
    uint32_t offset = VMC_IPI_MAIL +
                      4 * (uint32_t)(command >> MAIL_BOX_SHIFT & MAIL_BOX_MASK);

    if (vcpu < bus->ipi.vcpu_count) {
        vmc_ipi_write(
            &bus->ipi, vcpu, offset,
            merge(bus, command, vmc_ipi_read(&bus->ipi, vcpu, offset)));
    }
}

static void send_any(struct vmc_iocsr *bus, uint64_t command)
{
    uint32_t vcpu = target_of(bus, command);
    uint32_t address = command & ANY_ADDRESS_MASK;
    uint32_t old = 0;

    if (vcpu >= bus->ipi.vcpu_count) {
        return;
    }
    if (address == VMC_IOCSR_ANY_SEND || address == VMC_IOCSR_MAIL_SEND) {
        return; /* undefined where 4 bytes are taken; dropped elsewhere */
    }
    if (has_mask(command)) {
        old = (uint32_t)vmc_iocsr_read(bus, vcpu, address, 4);
    }
    vmc_iocsr_write(bus, vcpu, address, 4, merge(bus, command, old));
}

/* ---- Identity and MISC_FUNC --------------------------------------------- */

static uint64_t misc_read(const struct vmc_iocsr *bus)
{
    uint32_t config;

    if (bus->semantics.misc_is_absent) {
        return 0;
    }
    if (bus->semantics.misc_is_stored) {
        return bus->state.misc;
    }
    /* Of the rest only AVEC_EN is ever stored here, by misc_write(). */
    if (!bus->ops->has_virt(bus->owner)) {
        return UINT64_C(1) << MISC_GATE_BIT;
    }
    config = bus->ops->virt_config(bus->owner);
    return bus->state.misc |
           (uint64_t)((config & CONFIG_ENABLE) != 0) << MISC_GATE_BIT |
           (uint64_t)((config & CONFIG_INT_ENCODE) != 0) << MISC_INT_ENCODE_BIT;
}

static void misc_write(struct vmc_iocsr *bus, uint64_t value)
{
    bool gate = (value >> MISC_GATE_BIT & 1) != 0;
    bool int_encode = (value >> MISC_INT_ENCODE_BIT & 1) != 0;
    uint32_t config;

    if (bus->semantics.misc_is_absent) {
        return;
    }
    if (bus->semantics.misc_is_stored) {
        bus->state.misc = value;
        config =
            bus->ops->virt_config(bus->owner) & ~(uint32_t)CONFIG_INT_ENCODE;
        bus->ops->write_virt_config(
            bus->owner, config | (int_encode ? CONFIG_INT_ENCODE : 0));
        bus->ops->open_gate(bus->owner, gate);
        return;
    }
    if (bus->ops->has_virt(bus->owner)) { /* V4: it can only add */
        if (bus->semantics.has_messages) {
            bus->state.misc |= value & UINT64_C(1) << MISC_MESSAGES_BIT;
        }
        config = bus->ops->virt_config(bus->owner);
        bus->ops->write_virt_config(bus->owner,
                                    config | (gate ? CONFIG_ENABLE : 0) |
                                        (int_encode ? CONFIG_INT_ENCODE : 0));
    }
}

/* The whole register at @address; false when there is none. */
static bool identity(const struct vmc_iocsr *bus, uint64_t address,
                     uint64_t *value)
{
    switch (address) {
    case VMC_IOCSR_VERSION:
        *value = version;
        return true;
    case VMC_IOCSR_FEATURES:
        *value = bus->semantics.features;
        return true;
    case VMC_IOCSR_VENDOR:
        *value = vendor;
        return true;
    case VMC_IOCSR_CPUNAME:
        *value = cpu_name;
        return true;
    case VMC_IOCSR_MISC_FUNC:
        *value = misc_read(bus);
        return true;
    default:
        *value = 0;
        return false;
    }
}

/* An access that no in-kernel device claims leaves the kernel. */
static void leave_kernel(struct vmc_iocsr *bus)
{
    bus->state.user_accesses += bus->semantics.is_in_kernel;
}

/* An access that its device refuses leaves it too, before K3. */
static void refuse(struct vmc_iocsr *bus)
{
    bus->state.user_accesses += bus->semantics.errors_go_to_user;
}

static uint64_t low_read(struct vmc_iocsr *bus, uint64_t address,
                         uint32_t size_bytes)
{
    uint64_t value;

    leave_kernel(bus);

    if (bus->semantics.has_fatal_accesses) {
        if (!identity(bus, address, &value)) {
            bus->state.fatal_accesses++;
        }
        return value & ones(size_bytes);
    }
    (void)identity(bus, address & ~UINT64_C(7), &value);
    return value >> (8 * (address & 7)) & ones(size_bytes);
}

static void low_write(struct vmc_iocsr *bus, uint64_t address,
                      uint32_t size_bytes, uint64_t value)
{
    uint32_t shift = 8 * (address & 7);
    uint64_t mask;

    leave_kernel(bus);
    if ((address & ~UINT64_C(7)) != VMC_IOCSR_MISC_FUNC ||
        (bus->semantics.has_fatal_accesses && shift != 0)) {
        bus->state.fatal_accesses += bus->semantics.has_fatal_accesses;
        return;
    }
    if (!bus->semantics.misc_is_stored) {
        misc_write(bus, value); /* a store of 4 bytes is zero-extended (S2) */
        return;
    }
    mask = ones(size_bytes) << shift;
    misc_write(bus, (bus->state.misc & ~mask) | value << shift);
}

/* ---- The IPI window ----------------------------------------------------- */

static bool is_command(uint64_t address)
{
    return address >= VMC_IOCSR_MAIL_SEND && address < VMC_IOCSR_IPI_END;
}

static uint64_t ipi_read(struct vmc_iocsr *bus, uint32_t vcpu, uint64_t address,
                         uint32_t size_bytes)
{
    uint32_t offset = (uint32_t)(address - VMC_IOCSR_IPI);
    uint64_t value;

    if (is_command(address)) {
        bus->state.fatal_accesses +=
            bus->semantics.has_fatal_accesses && size_bytes == 8;
        return 0;
    }
    value = vmc_ipi_read(&bus->ipi, vcpu, offset & ~3U);
    if (size_bytes == 8) {
        value |= (uint64_t)vmc_ipi_read(&bus->ipi, vcpu, (offset & ~3U) + 4)
                 << 32;
    }
    return value >> (8 * (offset & 3)) & ones(size_bytes);
}

static void command_write(struct vmc_iocsr *bus, uint64_t address,
                          uint32_t size_bytes, uint64_t value)
{
    if (address == VMC_IOCSR_EXT_IOI_SEND && bus->semantics.has_ext_ioi_send) {
        bus->ops->set_vector(bus->owner, value & 0xff);
        return;
    }
    if (size_bytes != 8 && !bus->semantics.sends_take_any_size) {
        return;
    }
    if (address == VMC_IOCSR_MAIL_SEND) {
        send_mail(bus, value);
    } else if (address == VMC_IOCSR_ANY_SEND) {
        send_any(bus, value);
    }
}

static void word_write(struct vmc_iocsr *bus, uint32_t vcpu, uint64_t address,
                       uint32_t value)
{
    if (address == VMC_IOCSR_IPI_SEND) {
        send_ipi(bus, value);
    } else {
        vmc_ipi_write(&bus->ipi, vcpu, (uint32_t)(address - VMC_IOCSR_IPI),
                      value);
    }
}

static void ipi_write(struct vmc_iocsr *bus, uint32_t vcpu, uint64_t address,
                      uint32_t size_bytes, uint64_t value)
{
    uint64_t word = address & ~UINT64_C(3);
    uint32_t shift = 8 * (address & 3);

    if (is_command(address)) {
        command_write(bus, address, size_bytes, value);
        return;
    }
    if (size_bytes < 4) { /* only mailboxes have bytes of their own */
        uint32_t mask = (uint32_t)ones(size_bytes) << shift;
        uint32_t old =
            vmc_ipi_read(&bus->ipi, vcpu, (uint32_t)(word - VMC_IOCSR_IPI));
        bool is_mail = word >= VMC_IOCSR_IPI + VMC_IPI_MAIL &&
                       word < VMC_IOCSR_IPI + VMC_IPI_MAIL_END;

        word_write(bus, vcpu, word,
                   is_mail ? (old & ~mask) | (uint32_t)value << shift
                           : (uint32_t)value << shift);
        return;
    }
    word_write(bus, vcpu, word, (uint32_t)value);
    if (size_bytes == 8) {
        word_write(bus, vcpu, word + 4, (uint32_t)(value >> 32));
    }
}

/* ---- The bus ------------------------------------------------------------ */

static bool is_extioi(uint64_t address)
{
    return address >= VMC_IOCSR_EXTIOI && address < VMC_IOCSR_EXTIOI_END;
}

static bool is_ipi(uint64_t address)
{
    return address >= VMC_IOCSR_IPI && address < VMC_IOCSR_IPI_END;
}

static bool is_virt(uint64_t address)
{
    return address >= VMC_IOCSR_VIRT && address < VMC_IOCSR_VIRT_END;
}

static bool is_taken(struct vmc_iocsr *bus, uint64_t address,
                     uint32_t size_bytes)
{
    if (size_bytes != 1 && size_bytes != 2 && size_bytes != 4 &&
        size_bytes != 8) {
        return false;
    }
    if (address % size_bytes != 0 &&
        !(bus->semantics.aligns_down && is_extioi(address))) {
        if (is_extioi(address)) {
            refuse(bus);
        } else if (!is_ipi(address) && !is_virt(address)) {
            leave_kernel(bus);
        }
        return false;
    }
    return size_bytes >= 4 || !bus->semantics.narrow_is_refused;
}

/* Offsets 8 and above of the virtual window end QEMU (X4). */
static bool is_fatal_virt(struct vmc_iocsr *bus, uint64_t offset)
{
    if (!bus->semantics.has_fatal_accesses || offset < 8 ||
        !bus->ops->has_virt(bus->owner)) {
        return false;
    }
    bus->state.fatal_accesses++;
    return true;
}

uint64_t vmc_iocsr_read(struct vmc_iocsr *bus, uint32_t vcpu, uint64_t address,
                        uint32_t size_bytes)
{
    if (!is_taken(bus, address, size_bytes)) {
        return 0;
    }
    if (is_extioi(address)) {
        uint64_t value;

        if (bus->ops->extioi_read(bus->owner, vcpu,
                                  (uint32_t)(address - VMC_IOCSR_EXTIOI),
                                  size_bytes, &value) != VMC_OK) {
            refuse(bus);
        }
        return value;
    }
    if (is_ipi(address)) {
        return ipi_read(bus, vcpu, address, size_bytes);
    }
    if (address < VMC_IOCSR_MISC_END) {
        return low_read(bus, address, size_bytes);
    }
    if (!is_virt(address)) {
        leave_kernel(bus);
        return 0;
    }
    if (is_fatal_virt(bus, address - VMC_IOCSR_VIRT)) {
        return 0;
    }
    return bus->ops->virt_read(bus->owner, (uint32_t)(address - VMC_IOCSR_VIRT),
                               size_bytes);
}

void vmc_iocsr_write(struct vmc_iocsr *bus, uint32_t vcpu, uint64_t address,
                     uint32_t size_bytes, uint64_t value)
{
    if (!is_taken(bus, address, size_bytes)) {
        return;
    }
    if (!(is_command(address) && bus->semantics.sends_take_any_size)) {
        value &= ones(size_bytes);
    }
    if (is_extioi(address)) {
        if (bus->ops->extioi_write(bus->owner, vcpu,
                                   (uint32_t)(address - VMC_IOCSR_EXTIOI),
                                   size_bytes, value) != VMC_OK) {
            refuse(bus);
        }
    } else if (is_ipi(address)) {
        ipi_write(bus, vcpu, address, size_bytes, value);
    } else if (address < VMC_IOCSR_MISC_END) {
        low_write(bus, address, size_bytes, value);
    } else if (!is_virt(address)) {
        leave_kernel(bus);
    } else if (!is_fatal_virt(bus, address - VMC_IOCSR_VIRT)) {
        bus->ops->virt_write(bus->owner, (uint32_t)(address - VMC_IOCSR_VIRT),
                             size_bytes, value);
    }
}

bool vmc_iocsr_waits(const struct vmc_iocsr *bus, uint64_t address,
                     uint64_t value)
{
    bool is_send = address == VMC_IOCSR_IPI_SEND ||
                   address == VMC_IOCSR_MAIL_SEND ||
                   address == VMC_IOCSR_ANY_SEND;

    return bus->semantics.blocking_waits && is_send &&
           (value >> SEND_BLOCKING_BIT & 1) != 0;
}

void vmc_iocsr_reset(struct vmc_iocsr *bus)
{
    if (!bus->semantics.reset_keeps_units) {
        vmc_ipi_reset(&bus->ipi);
    }
    bus->state.misc = 0;
}

enum vmc_status
vmc_iocsr_init(struct vmc_iocsr *bus,
               const struct vmc_iocsr_semantics *semantics, uint32_t vcpu_count,
               const uint16_t *physical_ids, const struct vmc_iocsr_ops *ops,
               void (*set_ipi_pin)(void *owner, uint32_t vcpu, bool level),
               void *owner)
{
    enum vmc_status status;

    memset(&bus->state, 0, sizeof(bus->state));
    bus->semantics = *semantics;
    bus->ops = ops;
    bus->owner = owner;
    status = vmc_ipi_init(&bus->ipi, &semantics->ipi, vcpu_count, set_ipi_pin,
                          owner);
    if (status != VMC_OK) {
        return status;
    }
    for (uint32_t i = 0; i < VMC_IPI_VCPUS_MAX; i++) {
        bus->index_of_id[i] = (uint16_t)vcpu_count;
    }
    for (uint32_t i = 0; i < vcpu_count; i++) {
        if (physical_ids[i] >= VMC_IPI_VCPUS_MAX) {
            return VMC_E_RANGE;
        }
        bus->index_of_id[physical_ids[i]] = (uint16_t)i;
    }
    return VMC_OK;
}

void vmc_iocsr_add_state(struct vmc_iocsr *bus, struct vmc_state_map *map)
{
    vmc_state_add(map, "iocsr", &bus->state, sizeof(bus->state));
    vmc_ipi_add_state(&bus->ipi, map);
}
