/* SPDX-License-Identifier: MIT */
#include "sim/machine/machine.h"

#include <string.h>

enum { UART_STRIDE = 0x100 };

/* ---- Joints ------------------------------------------------------------- */

static void set_line(struct machine *machine, uint32_t vcpu, uint32_t line,
                     bool level)
{
    vmc_cpuintc_set(&machine->cpus[vcpu], line, level);
    if (machine->hooks.line != NULL) {
        machine->hooks.line(machine->hooks.owner, vcpu, line, level);
    }
}

static void set_eio_pin(void *owner, uint32_t vcpu, uint32_t pin, bool level)
{
    set_line(owner, vcpu, VMC_CPU_HWI0 + pin, level);
}

static void set_ipi_pin(void *owner, uint32_t vcpu, bool level)
{
    set_line(owner, vcpu, VMC_CPU_IPI, level);
}

static void set_message_line(void *owner, uint32_t vcpu, bool level)
{
    set_line(owner, vcpu, VMC_CPU_MESSAGE, level);
}

static void note_vector(void *owner, enum vmc_eio_event event, uint32_t vector,
                        uint32_t vcpu)
{
    const struct machine *machine = owner;

    if (machine->hooks.vector != NULL) {
        machine->hooks.vector(machine->hooks.owner, event, vector, vcpu);
    }
}

static void chip_sets_vector(void *owner, uint32_t vector, bool level)
{
    struct machine *machine = owner;

    if (machine->hooks.input != NULL) {
        machine->hooks.input(machine->hooks.owner, vector, level);
    } else {
        vmc_eio_set_input(&machine->eio, vector, level);
    }
}

static void uart_sets_line(void *owner, uint32_t line, bool level)
{
    struct machine *machine = owner;

    vmc_pic_set_line(&machine->pic, line, level);
}

static enum vmc_status extioi_read(void *owner, uint32_t vcpu, uint32_t offset,
                                   uint32_t size_bytes, uint64_t *value)
{
    struct machine *machine = owner;

    return vmc_eio_read(&machine->eio, vcpu, offset, size_bytes, value);
}

static enum vmc_status extioi_write(void *owner, uint32_t vcpu, uint32_t offset,
                                    uint32_t size_bytes, uint64_t value)
{
    struct machine *machine = owner;

    return vmc_eio_write(&machine->eio, vcpu, offset, size_bytes, value);
}

static uint64_t virt_read(void *owner, uint32_t offset, uint32_t size_bytes)
{
    struct machine *machine = owner;
    uint64_t value;

    (void)vmc_eio_virt_read(&machine->eio, offset, size_bytes, &value);
    return value;
}

static void virt_write(void *owner, uint32_t offset, uint32_t size_bytes,
                       uint64_t value)
{
    struct machine *machine = owner;

    (void)vmc_eio_virt_write(&machine->eio, offset, size_bytes, value);
}

static bool has_virt(void *owner)
{
    const struct machine *machine = owner;

    return machine->eio.config.layout != VMC_EIO_LAYOUT_NONE;
}

static uint32_t virt_config(void *owner)
{
    const struct machine *machine = owner;

    return vmc_eio_config_bits(&machine->eio);
}

static void write_virt_config(void *owner, uint32_t value)
{
    struct machine *machine = owner;

    vmc_eio_write_config(&machine->eio, value);
}

static void open_gate(void *owner, bool is_open)
{
    struct machine *machine = owner;

    vmc_eio_open_gate(&machine->eio, is_open);
}

static void set_vector(void *owner, uint32_t vector)
{
    machine_set_vector(owner, vector, true);
}

static const struct vmc_eio_ops eio_ops = {.set_pin = set_eio_pin,
                                           .note = note_vector};

static const struct vmc_iocsr_ops iocsr_ops = {
    .extioi_read = extioi_read,
    .extioi_write = extioi_write,
    .virt_read = virt_read,
    .virt_write = virt_write,
    .has_virt = has_virt,
    .virt_config = virt_config,
    .write_virt_config = write_virt_config,
    .open_gate = open_gate,
    .set_vector = set_vector,
};

/* ---- Semantics ---------------------------------------------------------- */

enum vmc_status machine_semantics_named(enum machine_semantics *out,
                                        const char *name)
{
    static const struct {
        const char *name;
        enum machine_semantics semantics;
    } names[] = {
        {"qemu", MACHINE_QEMU},     {"kvm", MACHINE_KVM},
        {"kvm-k0", MACHINE_KVM_K0}, {"kvm-k1", MACHINE_KVM_K1},
        {"kvm-k2", MACHINE_KVM_K2}, {"kvm-k3", MACHINE_KVM},
        {"hw", MACHINE_HW},
    };

    for (size_t i = 0; i < VMC_COUNT_OF(names); i++) {
        if (strcmp(names[i].name, name) == 0) {
            *out = names[i].semantics;
            return VMC_OK;
        }
    }
    return VMC_E_USAGE;
}

static enum vmc_eio_implementation
eio_implementation(enum machine_semantics semantics)
{
    switch (semantics) {
    case MACHINE_QEMU:
        return VMC_EIO_QEMU;
    case MACHINE_KVM_K0:
        return VMC_EIO_KVM_K0;
    case MACHINE_KVM_K1:
        return VMC_EIO_KVM_K1;
    case MACHINE_KVM_K2:
        return VMC_EIO_KVM_K2;
    case MACHINE_KVM:
        return VMC_EIO_KVM_K3;
    case MACHINE_HW:
        return VMC_EIO_HW;
    }
    assert(false); /* semantics of no kind */
    return VMC_EIO_QEMU;
}

static struct machine_switches kvm_switches(uint32_t generation)
{
    return (struct machine_switches){
        .iocsr = vmc_iocsr_semantics_kvm(generation),
        .pic = vmc_pic_semantics_kvm(),
        .avec = vmc_avec_semantics_kvm(),
        .msi_data_is_unchecked = true,
        .virt_features = VMC_EIO_FEATURES_QEMU,
    };
}

struct machine_switches machine_switches_of(enum machine_semantics semantics)
{
    struct machine_switches switches;

    switch (semantics) {
    case MACHINE_QEMU:
        switches = (struct machine_switches){
            .iocsr = vmc_iocsr_semantics_qemu(),
            .pic = vmc_pic_semantics_qemu(),
            .avec = vmc_avec_semantics_qemu(),
            .msi_first_is_fatal = true,
            .misaligned_is_split = true,
            .virt_features = VMC_EIO_FEATURES_QEMU,
        };
        break;
    case MACHINE_HW:
        switches = (struct machine_switches){
            .iocsr = vmc_iocsr_semantics_hw(),
            .pic = vmc_pic_semantics_hw(),
            .avec = vmc_avec_semantics_hw(),
            .misaligned_is_split = true,
            .virt_features = VMC_EIO_FEATURES_QEMU | VMC_EIO_HAS_INT_ENCODE,
        };
        break;
    case MACHINE_KVM_K0:
        switches = kvm_switches(0);
        break;
    case MACHINE_KVM_K1:
        switches = kvm_switches(1);
        break;
    case MACHINE_KVM_K2:
        switches = kvm_switches(2);
        break;
    default:
        switches = kvm_switches(3);
        break;
    }
    switches.eio = vmc_eio_semantics_of(eio_implementation(semantics));
    return switches;
}

/* ---- Life --------------------------------------------------------------- */

/* Without the window only the real part's INT_ENCODE remains, which it sets
 * through MISC_FUNC. */
static uint32_t features_of(const struct machine_config *config,
                            const struct machine_switches *switches)
{
    if (config->layout != VMC_EIO_LAYOUT_NONE) {
        return switches->virt_features;
    }
    return switches->iocsr.misc_is_stored
               ? switches->virt_features & VMC_EIO_HAS_INT_ENCODE
               : 0;
}

enum vmc_status machine_init(struct machine *machine,
                             const struct machine_config *config)
{
    struct machine_switches switches =
        config->switches != NULL ? *config->switches
                                 : machine_switches_of(config->semantics);
    struct vmc_eio_config eio = {
        .semantics = switches.eio,
        .layout = config->layout,
        .features = features_of(config, &switches),
        .vcpu_count = config->vcpu_count,
    };
    enum vmc_status status;

    memset(machine, 0, sizeof(*machine));
    machine->hooks = config->hooks;
    machine->vcpu_count = config->vcpu_count;
    machine->has_messages = config->has_messages;
    machine->misaligned_is_split = switches.misaligned_is_split;
    memcpy(eio.physical_ids, config->physical_ids, sizeof(eio.physical_ids));
    status = vmc_eio_init(&machine->eio, &eio, &eio_ops, machine);
    if (status != VMC_OK) {
        return status;
    }
    vmc_pic_init(&machine->pic, &switches.pic, chip_sets_vector, machine);
    machine->msi = (struct vmc_msi){
        .first_is_fatal = switches.msi_first_is_fatal,
        .data_is_unchecked = switches.msi_data_is_unchecked,
        .set_vector = chip_sets_vector,
        .owner = machine,
    };
    for (uint32_t i = 0; i < MACHINE_UARTS; i++) {
        vmc_uart_init(&machine->uarts[i]);
        vmc_wire_connect(&machine->uarts[i].line, uart_sets_line, machine,
                         MACHINE_UART_PIN + i);
    }
    status = vmc_avec_init(&machine->avec, &switches.avec, config->vcpu_count,
                           config->physical_ids, set_message_line, machine);
    if (status != VMC_OK) {
        return status;
    }
    if (config->has_messages) {
        switches.iocsr.has_messages = true;
        switches.iocsr.features |= VMC_IOCSR_FEATURES_MESSAGES;
    }
    return vmc_iocsr_init(&machine->iocsr, &switches.iocsr, config->vcpu_count,
                          config->physical_ids, &iocsr_ops, set_ipi_pin,
                          machine);
}

void machine_reset(struct machine *machine)
{
    for (uint32_t i = 0; i < MACHINE_UARTS; i++) {
        vmc_uart_reset(&machine->uarts[i]);
    }
    vmc_pic_reset(&machine->pic);
    vmc_iocsr_reset(&machine->iocsr);
    vmc_eio_reset(&machine->eio);
}

/* ---- Accesses ----------------------------------------------------------- */

uint64_t machine_iocsr_read(struct machine *machine, uint32_t vcpu,
                            uint64_t address, uint32_t size_bytes)
{
    return vmc_iocsr_read(&machine->iocsr, vcpu, address, size_bytes);
}

void machine_iocsr_write(struct machine *machine, uint32_t vcpu,
                         uint64_t address, uint32_t size_bytes, uint64_t value)
{
    vmc_iocsr_write(&machine->iocsr, vcpu, address, size_bytes, value);
}

/* The UART whose registers hold @address, or NULL; *@index is the register. */
static struct vmc_uart *uart_at(struct machine *machine, uint64_t address,
                                uint32_t *index)
{
    uint64_t offset = address - MACHINE_UART;

    if (offset / UART_STRIDE >= MACHINE_UARTS ||
        offset % UART_STRIDE >= VMC_UART_REGISTERS) {
        return NULL;
    }
    *index = offset % UART_STRIDE;
    return &machine->uarts[offset / UART_STRIDE];
}

static enum vmc_status read_piece(struct machine *machine, uint64_t address,
                                  uint32_t size_bytes, uint64_t *value)
{
    struct vmc_uart *uart;
    uint32_t index;

    *value = 0;
    if (address - MACHINE_PIC < VMC_PIC_WINDOW_BYTES) {
        return vmc_pic_read(&machine->pic, (uint32_t)(address - MACHINE_PIC),
                            size_bytes, value);
    }
    uart = uart_at(machine, address, &index);
    if (uart != NULL) {
        *value = vmc_uart_read(uart, index);
        return VMC_OK;
    }
    if (machine->has_messages &&
        address - MACHINE_AVEC < VMC_AVEC_WINDOW_BYTES) {
        return VMC_OK;
    }
    return address - MACHINE_MSI < VMC_MSI_WINDOW_BYTES ? VMC_OK : VMC_E_ACCESS;
}

static enum vmc_status write_piece(struct machine *machine, uint64_t address,
                                   uint32_t size_bytes, uint64_t value)
{
    struct vmc_uart *uart;
    uint32_t index;

    if (address - MACHINE_PIC < VMC_PIC_WINDOW_BYTES) {
        return vmc_pic_write(&machine->pic, (uint32_t)(address - MACHINE_PIC),
                             size_bytes, value);
    }
    uart = uart_at(machine, address, &index);
    if (uart != NULL) {
        vmc_uart_write(uart, index, (uint8_t)value);
        return VMC_OK;
    }
    if (machine->has_messages &&
        address - MACHINE_AVEC < VMC_AVEC_WINDOW_BYTES) {
        vmc_avec_write(&machine->avec, (uint32_t)(address - MACHINE_AVEC));
        return VMC_OK;
    }
    if (address - MACHINE_MSI >= VMC_MSI_WINDOW_BYTES) {
        return VMC_E_ACCESS;
    }
    vmc_msi_write(&machine->msi, (uint32_t)value);
    if (size_bytes == 8) {
        vmc_msi_write(&machine->msi, (uint32_t)(value >> 32));
    }
    return VMC_OK;
}

/* KVM gets a misaligned access whole, as one exit; its PCH-PIC drops it. */
static bool is_dropped(const struct machine *machine, uint64_t address,
                       uint32_t size_bytes)
{
    return !machine->misaligned_is_split && address % size_bytes != 0 &&
           address - MACHINE_PIC < VMC_PIC_WINDOW_BYTES;
}

/* The width of the pieces of an access: its own when it is aligned, else as
 * wide as the address allows (observation S5). */
static uint32_t piece_bytes(uint64_t address, uint32_t size_bytes)
{
    while (address % size_bytes != 0) {
        size_bytes /= 2;
    }
    return size_bytes;
}

enum vmc_status machine_mmio_read(struct machine *machine, uint64_t address,
                                  uint32_t size_bytes, uint64_t *value)
{
    uint32_t step = piece_bytes(address, size_bytes);

    *value = 0;
    if (is_dropped(machine, address, size_bytes)) {
        return VMC_OK;
    }
    for (uint32_t done = 0; done < size_bytes; done += step) {
        uint64_t piece;
        enum vmc_status status =
            read_piece(machine, address + done, step, &piece);

        if (status != VMC_OK) {
            *value = 0;
            return status;
        }
        *value |= piece << (8 * done);
    }
    return VMC_OK;
}

enum vmc_status machine_mmio_write(struct machine *machine, uint64_t address,
                                   uint32_t size_bytes, uint64_t value)
{
    uint32_t step = piece_bytes(address, size_bytes);

    if (is_dropped(machine, address, size_bytes)) {
        return VMC_OK;
    }
    for (uint32_t done = 0; done < size_bytes; done += step) {
        uint64_t piece = value >> (8 * done);
        enum vmc_status status;

        if (step < 8) {
            piece &= (UINT64_C(1) << (8 * step)) - 1;
        }
        status = write_piece(machine, address + done, step, piece);
        if (status != VMC_OK) {
            return status;
        }
    }
    return VMC_OK;
}

void machine_set_vector(struct machine *machine, uint32_t vector, bool level)
{
    vmc_eio_set_input(&machine->eio, vector, level);
}

uint64_t machine_fatal_accesses(const struct machine *machine)
{
    return machine->iocsr.state.fatal_accesses +
           machine->pic.state.fatal_accesses +
           machine->msi.state.fatal_accesses +
           machine->avec.state.fatal_accesses;
}

void machine_add_state(struct machine *machine, struct vmc_state_map *map)
{
    vmc_iocsr_add_state(&machine->iocsr, map);
    vmc_eio_add_state(&machine->eio, map);
    vmc_pic_add_state(&machine->pic, map);
    vmc_avec_add_state(&machine->avec, map);
    vmc_state_add(map, "pch-msi", &machine->msi.state,
                  sizeof(machine->msi.state));
    for (uint32_t i = 0; i < MACHINE_UARTS; i++) {
        vmc_state_add(map, "uart", &machine->uarts[i].state,
                      sizeof(machine->uarts[i].state));
    }
    vmc_state_add(map, "cpuintc", machine->cpus, sizeof(machine->cpus));
}
