/* SPDX-License-Identifier: MIT */
/*
 *     balloon --wire--> store to PCH-MSI --> EIOINTC --> pin --> vCPU 0
 *        ^                                                         |
 *        +------------- the guest's handler has run <--------------+
 *
 * The guest's own routines bring the controller up and route the vectors, at
 * no cost: that was before the scenario. From then on each message of the
 * balloon is an edge of its vector, and the driver goes on when the handler of
 * that vector has ended.
 */
#include "sim/balloon/balloon_irq.h"

#include <string.h>

static uint64_t access_machine(void *machine, uint32_t vcpu,
                               const struct guest_access *access)
{
    uint64_t value = 0;

    if (access->bus == GUEST_MMIO && access->is_write) {
        (void)machine_mmio_write(machine, access->address, access->size_bytes,
                                 access->data);
    } else if (access->bus == GUEST_MMIO) {
        (void)machine_mmio_read(machine, access->address, access->size_bytes,
                                &value);
    } else if (access->is_write) {
        machine_iocsr_write(machine, vcpu, access->address, access->size_bytes,
                            access->data);
    } else {
        value = machine_iocsr_read(machine, vcpu, access->address,
                                   access->size_bytes);
    }
    return value;
}

static void set_input(void *machine, uint32_t vector, bool level)
{
    machine_set_vector(machine, vector, level);
}

static uint32_t target_of(void *machine, uint32_t vector)
{
    return vmc_eio_target(&((struct machine *)machine)->eio, vector);
}

static const struct irqsim_ops ops = {
    .set_input = set_input, .access = access_machine, .target_of = target_of};

static void line_set(void *owner, uint32_t vcpu, uint32_t line, bool level)
{
    irqsim_set_line(&((struct balloon_irq *)owner)->sim, vcpu, line, level);
}

static void vector_noted(void *owner, enum vmc_eio_event event, uint32_t vector,
                         uint32_t vcpu)
{
    struct balloon_irq *self = owner;

    if (VMC_WATCHED(self->vcd != NULL)) {
        irq_vcd_status(self->vcd, vector, vcpu);
    }
    if (event == VMC_EIO_PENDING) {
        irqsim_vector_pending(&self->sim, vector);
    }
}

/* PCH-MSI has a vector for the EIOINTC: it gets there in its own time. */
static void input_set(void *owner, uint32_t vector, bool level)
{
    irqsim_input(&((struct balloon_irq *)owner)->sim, vector, level, false);
}

/* The device writes its message. */
static void wire_set(void *sink, uint32_t irq, bool level)
{
    struct balloon_irq *self = sink;

    if (level) {
        (void)machine_mmio_write(&self->machine, MACHINE_MSI, 4,
                                 BALLOON_IRQ_VECTOR + irq);
    }
}

static void vector_told(void *watcher, uint64_t tick, uint32_t vcpu,
                        uint32_t vector, const char *what)
{
    struct balloon_irq *self = watcher;

    (void)tick;
    (void)vcpu;
    if (strcmp(what, "handled") == 0 && vector >= BALLOON_IRQ_VECTOR &&
        vector < BALLOON_IRQ_VECTOR + VMC_BALLOON_IRQS) {
        vmc_balloon_interrupted(&self->port, vector - BALLOON_IRQ_VECTOR);
    }
}

static const struct irqsim_observer observer = {.vector = vector_told};

static void run_routine(struct balloon_irq *irq, struct guest_routine routine)
{
    struct guest_access access;
    uint64_t read = 0;

    while (guest_next(&irq->sim.config.guest, &routine, read, &access)) {
        read = access_machine(&irq->machine, routine.vcpu, &access);
    }
}

static void bring_up(struct balloon_irq *irq)
{
    for (uint32_t i = 0; i < irq->machine.vcpu_count; i++) {
        run_routine(
            irq, (struct guest_routine){.kind = GUEST_ROUTER_INIT, .vcpu = i});
    }
    for (uint32_t i = 0; i < VMC_BALLOON_IRQS; i++) {
        run_routine(irq,
                    (struct guest_routine){.kind = GUEST_SET_AFFINITY,
                                           .vector = BALLOON_IRQ_VECTOR + i});
        vmc_wire_connect(&irq->port.wires[i], wire_set, irq, i);
    }
}

static enum vmc_status init_machine(struct balloon_irq *irq,
                                    enum machine_semantics semantics,
                                    const struct guest *guest)
{
    struct machine_config config = {
        .semantics = semantics,
        .vcpu_count = guest->vcpu_count,
        .hooks = {.line = line_set,
                  .vector = vector_noted,
                  .input = input_set,
                  .owner = irq},
    };

    for (uint32_t i = 0; i < guest->vcpu_count; i++) {
        config.physical_ids[i] = guest->physical_ids[i];
    }
    return machine_init(&irq->machine, &config);
}

enum vmc_status balloon_irq_init(struct balloon_irq *irq,
                                 enum machine_semantics semantics,
                                 uint32_t vcpu_count,
                                 const struct vmc_profile *profile,
                                 struct vmc_error *error)
{
    static const struct vmc_engine_config limits = {.events_max = 4096,
                                                    .handlers_max = 64};
    struct irqsim_config config = {
        .guest = {.generation = GUEST_L1,
                  .vector_count = VMC_ROUTER_VECTORS,
                  .vcpu_count = vcpu_count,
                  .node_map = 0xffff,
                  .parent_pin = 1},
        .node_count = 1,
        .cores_per_node = GUEST_VCPUS_MAX,
    };
    enum vmc_status status = irqsim_timing_read(&config.timing, profile, error);

    memset(irq, 0, sizeof(*irq));
    if (status != VMC_OK) {
        return status;
    }
    if (vcpu_count == 0 || vcpu_count > GUEST_VCPUS_MAX) {
        return vmc_fail(error, VMC_E_RANGE, "1 to %d vCPUs take interrupts",
                        GUEST_VCPUS_MAX);
    }
    for (uint32_t i = 0; i < vcpu_count; i++) {
        config.guest.physical_ids[i] = (uint16_t)i;
        config.guest.online[i] = 1;
    }
    status = vmc_engine_new(&irq->engine, &limits);
    if (status == VMC_OK) {
        status = init_machine(irq, semantics, &config.guest);
    }
    if (status == VMC_OK) {
        status =
            irqsim_init(&irq->sim, &config, irq->engine, &ops, &irq->machine);
    }
    if (status != VMC_OK) {
        balloon_irq_fini(irq);
        return vmc_fail(error, status, "no machine for the interrupts");
    }
    irqsim_observe(&irq->sim, &observer, irq);
    irq->port.engine = irq->engine;
    bring_up(irq);
    return VMC_OK;
}

void balloon_irq_fini(struct balloon_irq *irq)
{
    vmc_engine_free(irq->engine);
    irq->engine = NULL;
}
