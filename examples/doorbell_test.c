/* SPDX-License-Identifier: MIT */
/* A unit test of a made-up device: a store to its doorbell raises vector 40,
 * and the driver's handler finds and acknowledges it on the right CPU. */
#include <assert.h>
#include <eiointc/eiointc.h>
#include <ioregion/bus.h>
#include <stdio.h>

enum { DOORBELL = 0x1fe00000, VECTOR = 40, ENABLE = 0x200, STATUS = 0x400 };
enum { ROUTE = 0x800, VCPU = 1, LINE_OF_PIN_0 = 1 };

/* ---- The device under test ---- */
struct doorbell {
    struct vmc_bus_device bus_device; /* first, so that it finds itself */
    struct vmc_eio *interrupts;
    unsigned rings;
};

static int ring(struct vmc_bus_device *device,
                const struct vmc_bus_access *access)
{
    struct doorbell *doorbell = (struct doorbell *)device;

    doorbell->rings += access->data[0];
    vmc_eio_set_input(doorbell->interrupts, VECTOR, true); /* a message */
    return 0;
}

/* ---- The machine around it ---- */
static unsigned pins[2]; /* of each vCPU, a bit a pin */

static void set_pin(void *owner, uint32_t vcpu, uint32_t pin, bool level)
{
    (void)owner;
    pins[vcpu] = (pins[vcpu] & ~(1U << pin)) | (unsigned)level << pin;
}

static void note(void *owner, enum vmc_eio_event event, uint32_t vector,
                 uint32_t vcpu)
{
    (void)owner;
    (void)printf("vector %u on vCPU %u: event %d\n", vector, vcpu, event);
}

int main(void)
{
    static const struct vmc_bus_ops ops = {.kind = "doorbell", .write = ring};
    static const struct vmc_eio_ops wires = {set_pin, note};
    static struct vmc_eio eio;
    struct vmc_eio_config config = {.semantics =
                                        vmc_eio_semantics_of(VMC_EIO_QEMU),
                                    .vcpu_count = 2,
                                    .physical_ids = {0, 1}};
    struct vmc_bus_config bus_config = vmc_bus_defaults();
    struct doorbell doorbell = {{&ops, VMC_BUS_KERNEL}, &eio, 0};
    struct vmc_bus_access store = {.addr = DOORBELL, .len = 4, .data = {3}};
    struct vmc_bus *bus;
    uint64_t status = 0;

    assert(vmc_eio_init(&eio, &config, &wires, NULL) == VMC_OK);
    assert(vmc_bus_new(&bus, &bus_config) == VMC_OK);
    assert(vmc_bus_register(bus, VMC_BUS_MMIO, DOORBELL, 4,
                            &doorbell.bus_device) == 0);

    /* The driver enables the vector and routes it to vCPU 1, one bit a CPU. */
    (void)vmc_eio_write(&eio, 0, ENABLE + 4, 4, 1U << (VECTOR - 32));
    (void)vmc_eio_write(&eio, 0, ROUTE + VECTOR, 4, 1U << VCPU);

    assert(vmc_bus_write(bus, VMC_BUS_MMIO, &store) == 0);
    assert(doorbell.rings == 3 && pins[VCPU] == LINE_OF_PIN_0 && pins[0] == 0);
    (void)vmc_eio_read(&eio, VCPU, STATUS + 4, 4, &status);
    assert(status == 1U << (VECTOR - 32));
    (void)vmc_eio_write(&eio, VCPU, STATUS + 4, 4, status);
    assert(pins[VCPU] == 0);
    vmc_bus_free(bus);
    return 0;
}
