/* SPDX-License-Identifier: MIT */
/*
 * A guest and a VMM that do whatever they like to a VM's buses: registrations,
 * removals, memory slots, ring indices, accesses of every front end, answers of
 * any content. Whatever they do, an access ends after as many exits as its
 * bytes allow, and every file is let go of in the end.
 *
 * An input is a byte for the architecture and the kernel, then operations: a
 * byte that says which, and eight of arguments.
 */
#include <stdlib.h>
#include <string.h>

#include "ioregion/coalesced.h"
#include "ioregion/frontend.h"
#include "ioregion/ioeventfd.h"
#include "ioregion/standin.h"

enum { OPERATION_BYTES = 9, WINDOW = 0x10000, FDS = 3, SLOT_BYTES = 0x4000 };

struct machine {
    struct vmc_bus *bus;
    struct vmc_eventfds *files;
    struct vmc_ioeventfds *ioeventfds;
    struct vmc_coalesced *coalesced;
    struct vmc_standins standins;
    struct vmc_front front;
    struct vmc_front_vcpu vcpu;
    uint8_t memory[SLOT_BYTES];
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static uint64_t number(const uint8_t *bytes, size_t count)
{
    uint64_t value = 0;

    while (count-- > 0) {
        value = value << 8 | bytes[count];
    }
    return value;
}

/* Mostly in the window; else near the end of everything. */
static uint64_t address(const uint8_t *args)
{
    uint64_t low = number(args, 2);

    return args[2] < 224 ? WINDOW - 64 + (low & 0x3fff) : UINT64_MAX - low;
}

static bool start(struct machine *vm, uint8_t kind)
{
    struct vmc_front_config front =
        vmc_front_defaults((enum vmc_arch)(kind & 3) % 3);
    struct vmc_bus_config config = vmc_bus_defaults();

    config.version = (enum vmc_kvm_version)((kind >> 2 & 3) % VMC_K_COUNT);
    config.lookup = (kind & 16) != 0 ? VMC_BUS_LINEAR : VMC_BUS_FAITHFUL;
    config.stops_on_error = (kind & 32) != 0;
    config.ranges_max = 24;
    config.devices_max = 16;
    front.has_fast_mmio = (kind & 64) != 0;
    memset(vm, 0, sizeof(*vm));
    if (vmc_bus_new(&vm->bus, &config) != VMC_OK ||
        vmc_eventfds_new(&vm->files, FDS + 1) != VMC_OK ||
        vmc_ioeventfds_new(&vm->ioeventfds, vm->bus, vm->files, 12) != VMC_OK ||
        vmc_coalesced_new(&vm->coalesced, vm->bus, 128, 20) != VMC_OK) {
        return false;
    }
    vmc_front_init(&vm->front, vm->bus, &front);
    for (int i = 0; i < FDS; i++) {
        (void)vmc_eventfds_open(vm->files, 0);
    }
    (void)vmc_eventfds_open_other(vm->files);
    return (kind & 128) == 0 || vmc_standins_add(&vm->standins, vm->bus) == 0;
}

static void stop(struct machine *vm)
{
    vmc_bus_free(vm->bus);
    if (vmc_ioeventfds_count(vm->ioeventfds) != 0 ||
        vmc_coalesced_zone_count(vm->coalesced) != 0) {
        abort();
    }
    for (int fd = 0; fd <= FDS; fd++) {
        (void)vmc_eventfds_close(vm->files, fd);
    }
    if (vmc_eventfds_file_count(vm->files) != 0) {
        abort();
    }
    vmc_ioeventfds_free(vm->ioeventfds);
    vmc_coalesced_free(vm->coalesced);
    vmc_eventfds_free(vm->files);
}

/* Answer exits with @args, in records that are scribbled over. */
static void serve(struct machine *vm, int result, const uint8_t *args)
{
    struct vmc_kvm_run *run = &vm->vcpu.run;

    for (uint32_t exits = 0; result == VMC_FRONT_EXIT; exits++) {
        if (exits > VMC_FRONT_STRING_BYTES_MAX || run->mmio.len > 8) {
            abort();
        }
        memcpy(run->mmio.data, args, 8);
        memcpy(run->io_data, args, 8);
        run->mmio.len = args[0];
        run->exit_reason = args[1];
        run->io.count = args[2];
        result = vmc_front_run(&vm->front, &vm->vcpu);
        run->mmio.len &= 7;
    }
    if (result != VMC_FRONT_GUEST || vm->vcpu.pending != VMC_PENDING_NONE) {
        abort();
    }
}

static void access_x86(struct machine *vm, uint8_t kind, const uint8_t *args)
{
    static const uint8_t sizes[] = {1, 2, 4, 1};
    uint8_t size = sizes[args[3] & 3];
    struct vmc_front_string string = {.port = (uint16_t)number(args, 2),
                                      .size = size,
                                      .is_in = (args[3] & 4) != 0,
                                      .is_batched = (args[3] & 8) != 0,
                                      .count = args[4],
                                      .room_bytes = args[5]};
    int result;

    switch (kind & 3) {
    case 0:
        result = vmc_front_x86(&vm->front, &vm->vcpu, address(args),
                               1 + args[3] % VMC_FRONT_ACCESS_BYTES_MAX,
                               (args[4] & 1) != 0);
        break;
    case 1:
        result = vmc_front_out(&vm->front, &vm->vcpu, string.port, size);
        break;
    case 2:
        result = vmc_front_in(&vm->front, &vm->vcpu, string.port, size);
        break;
    default:
        result = vmc_front_rep(&vm->front, &vm->vcpu, &string);
    }
    serve(vm, result, args);
}

static void access_other(struct machine *vm, uint8_t kind, const uint8_t *args)
{
    struct vmc_front_abort abort = {.gpa = address(args),
                                    .size_bytes = 1U << (args[3] & 3),
                                    .is_write = (args[3] & 4) != 0,
                                    .has_syndrome = true,
                                    .is_signed = (args[3] & 8) != 0,
                                    .is_64bit = (args[3] & 16) != 0,
                                    .value = number(args, 8)};
    int result;

    if (vm->front.config.arch == VMC_ARCH_ARM64) {
        result = vmc_front_arm64(&vm->front, &vm->vcpu, &abort);
    } else if ((kind & 1) != 0) {
        result = vmc_front_iocsr(&vm->front, &vm->vcpu, args[0],
                                 abort.size_bytes, abort.is_write, abort.value);
    } else {
        /* The upper half of the word decides; most of it is a format's. */
        uint32_t word = UINT32_C(0x20000000) | (uint32_t)number(args + 4, 4);

        result = vmc_front_loongarch(&vm->front, &vm->vcpu, word, abort.gpa,
                                     abort.value);
    }
    serve(vm, result, args);
}

static void set_slot(struct machine *vm, const uint8_t *args)
{
    struct vmc_front_slot slot = {
        .gpa = address(args) & ~UINT64_C(0xfff),
        .size_bytes = (args[3] & 3) * UINT64_C(0x1000),
        .is_readonly = (args[3] & 4) != 0,
        .host = (args[3] & 8) != 0 ? vm->memory : NULL};

    (void)vmc_front_set_slot(&vm->front, args[4] & 3, &slot);
}

static void operate(struct machine *vm, uint8_t kind, const uint8_t *args)
{
    struct vmc_kvm_zone zone = {address(args),
                                args[3] & 128 ? (uint32_t)number(args + 3, 4)
                                              : args[3] & 63U,
                                args[4] % 3U};
    struct vmc_kvm_ioeventfd event = {.addr = address(args),
                                      .len = args[3] & 15U,
                                      .fd = args[4] % (FDS + 3) - 1,
                                      .flags = args[5],
                                      .datamatch = args[6]};
    struct vmc_kvm_ring *ring = vmc_coalesced_ring(vm->coalesced);

    switch (kind >> 5) {
    case 0:
        (void)vmc_coalesced_register(vm->coalesced, &zone);
        break;
    case 1:
        (void)vmc_coalesced_unregister(vm->coalesced, &zone);
        break;
    case 2:
    case 3:
        (void)vmc_ioeventfd(vm->ioeventfds, &event);
        break;
    case 4:
        if ((kind & 1) != 0) {
            set_slot(vm, args);
        } else if ((kind & 2) != 0) {
            vmc_bus_fail_allocation(vm->bus, args[0]);
        } else {
            ring->first = (uint32_t)number(args, args[7] & 4);
            ring->last = (uint32_t)number(args + 4, args[7] & 4);
        }
        break;
    default:
        if (vm->front.config.arch == VMC_ARCH_X86) {
            access_x86(vm, kind, args);
        } else {
            access_other(vm, kind, args);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static struct machine vm;

    if (count == 0) {
        return 0;
    }
    if (start(&vm, bytes[0])) {
        for (size_t at = 1; at + OPERATION_BYTES <= count;
             at += OPERATION_BYTES) {
            operate(&vm, bytes[at], bytes + at + 1);
        }
    }
    stop(&vm);
    return 0;
}
