/* SPDX-License-Identifier: MIT */
/* Every delivery has a vector of its own, four apart because a route is written
 * in words of four; so nothing coalesces and each can be accounted for. */
#include "sim/machine/irq_life.h"

#include <string.h>

enum { APART = 4, WORD_BITS = 32 };

static void ignore_pin(void *owner, uint32_t vcpu, uint32_t pin, bool level)
{
    (void)owner;
    (void)vcpu;
    (void)pin;
    (void)level;
}

static void ignore_note(void *owner, enum vmc_eio_event event, uint32_t vector,
                        uint32_t vcpu)
{
    (void)owner;
    (void)event;
    (void)vector;
    (void)vcpu;
}

static const struct vmc_eio_ops eio_ops = {.set_pin = ignore_pin,
                                           .note = ignore_note};

enum vmc_status irq_life_init(struct irq_life *it,
                              const struct vmc_life_program *program,
                              enum vmc_eio_implementation implementation)
{
    struct vmc_eio_config config = {
        .semantics = vmc_eio_semantics_of(implementation),
        .layout = VMC_EIO_LAYOUT_NONE,
        .vcpu_count = 4,
    };
    enum vmc_status status;

    memset(it, 0, sizeof(*it));
    it->program = program;
    for (uint16_t i = 0; i < config.vcpu_count; i++) {
        config.physical_ids[i] = i;
    }
    status = vmc_eio_init(&it->eio, &config, &eio_ops, NULL);
    if (status != VMC_OK) {
        return status;
    }
    vmc_life_start(program, &it->life);
    vmc_eio_open_gate(&it->eio, true);
    for (uint32_t word = 0; word < VMC_EIO_VECTORS / WORD_BITS; word++) {
        status = vmc_eio_write(&it->eio, 0, VMC_EIO_ENABLE + word * 4, 4,
                               UINT32_MAX);
        if (status != VMC_OK) {
            return status;
        }
    }
    return VMC_OK;
}

void irq_life_copy(struct irq_life *to, const struct irq_life *from)
{
    memcpy(to, from, sizeof(*to));
}

/* The vCPU of the controller that stands for @object; NO_VCPU when its id is
 * none of the controller's. */
static uint32_t vcpu_of(const struct irq_life *it, uint8_t object)
{
    int16_t id = it->life.objects[object].id;

    return id >= 0 && (uint32_t)id < it->eio.config.vcpu_count
               ? (uint32_t)id
               : VMC_EIO_NO_VCPU;
}

/* What the controller cannot take, for want of a vCPU or of vectors, is lost
 * at once. */
static void deliver(struct irq_life *it, uint8_t object)
{
    uint32_t vector = it->accepted * APART, vcpu = vcpu_of(it, object);
    uint64_t route = UINT64_C(0x01010101) << (vcpu % VMC_EIO_NODE_CPUS);

    if (vcpu == VMC_EIO_NO_VCPU || it->accepted == IRQ_LIFE_DELIVERIES_MAX) {
        it->refused++;
        return;
    }
    (void)vmc_eio_write(&it->eio, 0, VMC_EIO_COREMAP + vector, 4, route);
    vmc_eio_set_input(&it->eio, vector, true);
    it->sent_to[it->accepted++] = object;
    it->dying += it->life.objects[object].count == 0;
}

static bool is_pending(const struct irq_life *it, uint32_t i, uint8_t object)
{
    uint32_t vcpu = vcpu_of(it, object);

    return vcpu != VMC_EIO_NO_VCPU &&
           vmc_eio_pending_on(&it->eio, i * APART) == vcpu;
}

static void clear(struct irq_life *it, uint32_t i, uint8_t object)
{
    uint32_t vector = i * APART;

    (void)vmc_eio_write(&it->eio, vcpu_of(it, object),
                        VMC_EIO_COREISR + vector / WORD_BITS * 4, 4,
                        UINT64_C(1) << vector % WORD_BITS);
    vmc_eio_set_input(&it->eio, vector, false);
}

/* The guest on @object serves what is pending there. */
static void take(struct irq_life *it, uint8_t object)
{
    for (uint32_t i = 0; i < it->accepted; i++) {
        if (is_pending(it, i, object)) {
            clear(it, i, object);
            it->taken++;
            it->stray += it->sent_to[i] != object;
        }
    }
}

/* @object is gone, and with it what nobody has served. */
static void lose(struct irq_life *it, uint8_t object)
{
    for (uint32_t i = 0; i < it->accepted; i++) {
        if (it->sent_to[i] == object && is_pending(it, i, object)) {
            clear(it, i, object);
            it->lost++;
        }
    }
}

static bool is_op(const struct irq_life *it, const struct vmc_life_event *event,
                  const char *name)
{
    return strcmp(vmc_life_op_name(it->program, event->pc), name) == 0;
}

bool irq_life_step(struct irq_life *it, uint16_t step,
                   struct vmc_life_event *event, struct vmc_life_watch *watch)
{
    bool goes_on = vmc_life_step(it->program, &it->life, step, event, watch);
    uint8_t object = event->subject.index;

    if (!goes_on || event->subject.kind != VMC_VALUE_OBJECT) {
        return goes_on;
    }
    if (is_op(it, event, "deliver")) {
        deliver(it, object);
    } else if (is_op(it, event, "guest_enter")) {
        take(it, object);
    } else if (is_op(it, event, "free")) {
        lose(it, object);
    }
    return goes_on;
}

uint32_t irq_life_pending(const struct irq_life *it)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < it->accepted; i++) {
        count += vmc_eio_pending_on(&it->eio, i * APART) != VMC_EIO_NO_VCPU;
    }
    return count;
}

const char *irq_life_check(const struct irq_life *it)
{
    uint32_t vcpu;

    if (it->accepted != it->taken + it->lost + irq_life_pending(it)) {
        return "accepted interrupts are not all accounted for";
    }
    return vmc_eio_check(&it->eio, &vcpu);
}
