/* SPDX-License-Identifier: MIT */
/* A unit test of a made-up device: its doorbell interrupts the right vCPU. */
#include <eiointc/eiointc.h>
#include <ioregion/bus.h>
#include <stdio.h>

enum { DOORBELL = 0x1fe00000, VCPU = 1, LINE_OF_PIN_0 = 1 };
enum { VECTOR = 40, WORD = VECTOR / 32 * 4, BIT = 1 << VECTOR % 32 };

/* ---- The device under test ---- */
struct doorbell {
    struct vmc_bus_device on_bus; /* first, so that it finds itself */
    struct vmc_eio *interrupts;
    unsigned rings;
};

static int ring(struct vmc_bus_device *device,
                const struct vmc_bus_access *access)
{
    struct doorbell *bell = (struct doorbell *)device;

    bell->rings += access->data[0];
    vmc_eio_set_input(bell->interrupts, VECTOR, true); /* a message */
    return 0;
}

/* ---- The machine around it ---- */
static unsigned pins[2], failures; /* pins of each vCPU, a bit a pin */

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

static void expect(bool is_so, const char *what)
{
    failures += !is_so;
    (void)printf("%s %s\n", is_so ? "ok" : "not ok:", what);
}

int main(void)
{
    static const struct vmc_bus_ops ops = {.kind = "doorbell", .write = ring};
    static const struct vmc_eio_ops wires = {set_pin, note};
    const struct vmc_bus_config buses = vmc_bus_defaults();
    struct vmc_eio_config config = {.vcpu_count = 2, .physical_ids = {0, 1}};
    static struct vmc_eio eio;
    struct vmc_bus *bus = NULL;
    struct doorbell bell = {{&ops, VMC_BUS_KERNEL}, &eio, 0};
    struct vmc_bus_access store = {.addr = DOORBELL, .len = 4, .data = {3}};
    uint64_t status = 0;

    config.semantics = vmc_eio_semantics_of(VMC_EIO_QEMU);
    if (vmc_eio_init(&eio, &config, &wires, NULL) != VMC_OK ||
        vmc_bus_new(&bus, &buses) != VMC_OK ||
        vmc_bus_register(bus, VMC_BUS_MMIO, DOORBELL, 4, &bell.on_bus) != 0) {
        return 1;
    }
    /* The driver enables the vector and routes it to vCPU 1, one bit a CPU. */
    (void)vmc_eio_write(&eio, 0, VMC_EIO_ENABLE + WORD, 4, BIT);
    (void)vmc_eio_write(&eio, 0, VMC_EIO_COREMAP + VECTOR, 4, 1U << VCPU);
    expect(vmc_bus_write(bus, VMC_BUS_MMIO, &store) == 0, "a store is served");
    expect(bell.rings == 3, "its value arrives");
    expect(pins[VCPU] == LINE_OF_PIN_0 && pins[0] == 0, "vCPU 1 is told");
    (void)vmc_eio_read(&eio, VCPU, VMC_EIO_COREISR + WORD, 4, &status);
    expect(status == BIT, "the handler finds its vector");
    (void)vmc_eio_write(&eio, VCPU, VMC_EIO_COREISR + WORD, 4, status);
    expect(pins[VCPU] == 0, "the acknowledgement ends it");
    vmc_bus_free(bus);
    return failures != 0;
}
