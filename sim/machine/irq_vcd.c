/* SPDX-License-Identifier: MIT */
/*
 * Each call looks up the number of a signal and hands on a value, which the
 * writer drops when it is no news. Values are taken from the state of the
 * models rather than counted along, so that a signal cannot drift from what it
 * stands for; the count of pending vectors, which would be a sum over all
 * words, is counted from changes of the words instead.
 */
#include "sim/machine/irq_vcd.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MODE_BITS = 2,
    VECTOR_BITS = 8,
    DEPTH_BITS = 9, /* 0 to 256 */
    PENDING_BITS = 16,
    WORD_BITS = 64,
    IPI_BITS = 32,
    NAME_BYTES = 64,
};

struct cpu_signals {
    uint32_t mode, ipi, lines[IRQSIM_LINES], status[VMC_EIO_WORDS];
};

struct node_signals {
    uint32_t vector, is_busy, depth;
};

struct irq_vcd {
    struct vmc_vcd *vcd;
    const struct irqsim *sim;
    const struct machine *machine;
    struct cpu_signals cpus[GUEST_VCPUS_MAX];
    struct node_signals nodes[VMC_ROUTER_NODES_MAX];
    uint32_t inputs[VMC_ROUTER_VECTORS], pending;
    uint64_t words[GUEST_VCPUS_MAX][VMC_EIO_WORDS]; /* as shown */
    uint32_t pending_count;
};

/* ---- What is seen ------------------------------------------------------- */

static void change(struct irq_vcd *self, uint64_t tick, uint32_t signal,
                   uint64_t value)
{
    vmc_vcd_change(self->vcd, tick, signal, value);
}

static void see_line(void *watcher, uint64_t tick, uint32_t vcpu, uint32_t line,
                     bool level)
{
    struct irq_vcd *self = watcher;

    change(self, tick, self->cpus[vcpu].lines[line], level);
}

static void see_mode(void *watcher, uint64_t tick, uint32_t vcpu,
                     enum irqsim_vcpu_mode mode)
{
    struct irq_vcd *self = watcher;

    change(self, tick, self->cpus[vcpu].mode, mode);
}

static void see_input(void *watcher, uint64_t tick, uint32_t vector, bool level)
{
    struct irq_vcd *self = watcher;

    change(self, tick, self->inputs[vector], level);
}

static void see_router(void *watcher, uint64_t tick, uint32_t node)
{
    struct irq_vcd *self = watcher;
    const struct node_signals *signals = &self->nodes[node];
    uint32_t vector = vmc_router_serving(&self->sim->router, node);
    bool is_busy = vector < VMC_ROUTER_VECTORS;

    change(self, tick, signals->is_busy, is_busy);
    if (is_busy) {
        change(self, tick, signals->vector, vector);
    }
    change(self, tick, signals->depth,
           vmc_router_depth(&self->sim->router, node));
}

static void see_access(void *watcher, uint64_t tick, uint32_t vcpu)
{
    (void)tick;
    irq_vcd_ipi(watcher, vcpu);
}

static const struct irqsim_observer observer = {.line = see_line,
                                                .mode = see_mode,
                                                .input = see_input,
                                                .router = see_router,
                                                .access = see_access};

void irq_vcd_status(struct irq_vcd *self, uint32_t vector, uint32_t vcpu)
{
    uint64_t tick = vmc_engine_now_tick(self->sim->engine);
    uint32_t word = vector / WORD_BITS;
    uint64_t *shown = &self->words[vcpu][word];
    uint64_t now = self->machine->eio.state.coreisr[vcpu][word];

    self->pending_count += (uint32_t)__builtin_popcountll(now);
    self->pending_count -= (uint32_t)__builtin_popcountll(*shown);
    *shown = now;
    change(self, tick, self->cpus[vcpu].status[word], now);
    change(self, tick, self->pending, self->pending_count);
}

void irq_vcd_ipi(struct irq_vcd *self, uint32_t vcpu)
{
    change(self, vmc_engine_now_tick(self->sim->engine), self->cpus[vcpu].ipi,
           self->machine->iocsr.ipi.state.units[vcpu].status);
}

/* ---- Signals ------------------------------------------------------------ */

/* Add a signal that begins with @value, with a printf-style name. */
static uint32_t add(struct irq_vcd *self, uint32_t width_bits, uint64_t value,
                    const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static uint32_t add(struct irq_vcd *self, uint32_t width_bits, uint64_t value,
                    const char *format, ...)
{
    char name[NAME_BYTES];
    uint32_t signal;
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(name, sizeof(name), format, arguments);
    va_end(arguments);
    signal = vmc_vcd_add(self->vcd, name, width_bits);
    vmc_vcd_set(self->vcd, signal, value);
    return signal;
}

static void add_cpu(struct irq_vcd *self, uint32_t i)
{
    const struct irqsim_vcpu *vcpu = &self->sim->state.vcpus[i];
    struct cpu_signals *signals = &self->cpus[i];

    signals->mode = add(self, MODE_BITS, vcpu->mode, "cpu%" PRIu32 ".mode", i);
    for (uint32_t line = 0; line < IRQSIM_LINES; line++) {
        signals->lines[line] = add(self, 1, vcpu->lines >> line & 1,
                                   "cpu%" PRIu32 ".IS%" PRIu32, i, line);
    }
    for (uint32_t word = 0; word < VMC_EIO_WORDS; word++) {
        signals->status[word] = add(self, WORD_BITS, self->words[i][word],
                                    "cpu%" PRIu32 ".coreisr%" PRIu32, i, word);
    }
    signals->ipi =
        add(self, IPI_BITS, self->machine->iocsr.ipi.state.units[i].status,
            "cpu%" PRIu32 ".ipi", i);
}

/* What is pending when the waveform begins. */
static void look_at_status(struct irq_vcd *self)
{
    for (uint32_t i = 0; i < self->sim->config.guest.vcpu_count; i++) {
        for (uint32_t word = 0; word < VMC_EIO_WORDS; word++) {
            uint64_t now = self->machine->eio.state.coreisr[i][word];

            self->words[i][word] = now;
            self->pending_count += (uint32_t)__builtin_popcountll(now);
        }
    }
}

static bool is_high(const struct irqsim *sim, uint32_t vector)
{
    return (sim->state.levels[vector / WORD_BITS] >> vector % WORD_BITS & 1) !=
           0;
}

static void add_signals(struct irq_vcd *self)
{
    const struct irqsim_config *config = &self->sim->config;
    struct vmc_vcd *to = self->vcd;

    vmc_vcd_remark(to, "cpuN.mode: 0 running, 1 idle, 2 entering a handler, "
                       "3 handling");
    vmc_vcd_remark(to, "routerN.vector: the one served, while busy; depth: how "
                       "many wait");
    vmc_vcd_remark(to, "cpuN.coreisrW: status bits from vector 64 * W on");
    vmc_vcd_add_clock(to, "clock.node", config->timing.node_period);
    vmc_vcd_add_clock(to, "clock.cpu", config->timing.cpu_period);
    for (uint32_t i = 0; i < VMC_ROUTER_VECTORS; i++) {
        self->inputs[i] =
            add(self, 1, is_high(self->sim, i), "input.v%" PRIu32, i);
    }
    for (uint32_t i = 0; i < config->node_count; i++) {
        struct node_signals *signals = &self->nodes[i];

        signals->vector =
            add(self, VECTOR_BITS, 0, "router%" PRIu32 ".vector", i);
        signals->is_busy = add(self, 1, 0, "router%" PRIu32 ".busy", i);
        signals->depth = add(self, DEPTH_BITS, 0, "router%" PRIu32 ".depth", i);
    }
    look_at_status(self);
    self->pending =
        add(self, PENDING_BITS, self->pending_count, "eiointc.pending");
    for (uint32_t i = 0; i < config->guest.vcpu_count; i++) {
        add_cpu(self, i);
    }
}

/* ---- The outside -------------------------------------------------------- */

enum vmc_status irq_vcd_new(struct irq_vcd **out, struct vmc_vcd *vcd,
                            struct irqsim *sim, const struct machine *machine)
{
    struct irq_vcd *self = calloc(1, sizeof(*self));

    *out = NULL;
    if (self == NULL) {
        return VMC_E_NOMEM;
    }
    self->vcd = vcd;
    self->sim = sim;
    self->machine = machine;
    add_signals(self);
    irqsim_observe(sim, &observer, self);
    *out = self;
    return VMC_OK;
}

void irq_vcd_archive(struct irq_vcd *self, struct vmc_archive *archive)
{
    vmc_archive_begin(archive, "irq_vcd");
    VMC_ARCHIVE(archive, self->words);
    VMC_ARCHIVE(archive, self->pending_count);
    vmc_archive_end(archive);
}

void irq_vcd_free(struct irq_vcd *self)
{
    free(self);
}
