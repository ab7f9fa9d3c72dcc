/* SPDX-License-Identifier: MIT */
/*
 * Signals are all added before the first record, so there is one for every CPU
 * that the metadata speaks of; records of others are left out.
 */
#include "sim/replay/replay_waves.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "sim/machine/irq_lines.h"
#include "sim/machine/timeline_file.h"

enum {
    CPUS_MAX = 256,
    CPUS_WITHOUT_META = 64,
    BUSES = 2,
    NAME_BYTES = 64,
    SIGNALS_MAX = IRQ_LINES_MAX + 4 * BUSES + 6 + 5 * CPUS_MAX,
};

struct cpu_signals {
    uint32_t in_guest, callbacks, nesting, irq, irq_depth;
};

struct bus_signals {
    uint32_t count, address, value, is_write;
};

/* All that records change. */
struct state {
    uint64_t sources[IRQ_LINES_MAX]; /* that hold a line, a bit each */
    uint64_t accesses[BUSES], exits, queued, invoked, last_tick;
    uint64_t callbacks[CPUS_MAX];
    uint32_t irq_depth[CPUS_MAX];
};

struct waves {
    struct waveform waveform;
    const struct vmc_reader *reader;
    uint32_t cpu_count;
    uint32_t gsi[IRQ_LINES_MAX];
    struct bus_signals buses[BUSES]; /* mmio, pio */
    uint32_t exits, exit_reason;
    uint32_t gp_seq, gp_is_active, queued, invoked;
    struct cpu_signals cpus[CPUS_MAX];
    struct state state;
};

bool replay_waves_are_recorded(const struct replay_context *context)
{
    const char *format = vmc_reader_format(context->reader);
    const char *imported = vmc_reader_meta(context->reader, "format");

    if (strcmp(format, "vmct") == 0 && imported != NULL) {
        format = imported;
    }
    return strcmp(format, "ftrace") == 0;
}

/* ---- Records ------------------------------------------------------------ */

static void put(struct waves *self, const struct vmc_record *record,
                uint32_t signal, uint64_t value)
{
    vmc_vcd_change(self->waveform.vcd, timeline_tick(record->time_ns), signal,
                   value);
}

static void take_line(struct waves *self, const struct vmc_record *record)
{
    uint64_t *sources, bit;

    if (record->args[0] >= IRQ_LINES_MAX ||
        record->args[2] >= IRQ_LINE_SOURCES) {
        return;
    }
    sources = &self->state.sources[record->args[0]];
    bit = UINT64_C(1) << record->args[2];
    *sources = record->args[1] != 0 ? *sources | bit : *sources & ~bit;
    put(self, record, self->gsi[record->args[0]], *sources != 0);
}

/* An access; both kinds have direction, size, address and value in front. */
static void take_access(struct waves *self, const struct vmc_record *record,
                        uint32_t bus)
{
    const struct bus_signals *signals = &self->buses[bus];

    put(self, record, signals->count, ++self->state.accesses[bus]);
    put(self, record, signals->address, record->args[2]);
    put(self, record, signals->value, record->args[3]);
    put(self, record, signals->is_write, record->args[0] == VMC_REC_WRITE);
}

static void take_grace_period(struct waves *self,
                              const struct vmc_record *record)
{
    const char *event = vmc_reader_text(self->reader, record->args[2]);
    bool is_start = strcmp(event, "start") == 0;

    if (is_start || strcmp(event, "end") == 0) {
        put(self, record, self->gp_seq, record->args[1]);
        put(self, record, self->gp_is_active, is_start);
    }
}

/* What the log tells of the CPU that a line is from. */
static void take_cpu(struct waves *self, const struct vmc_record *record)
{
    const struct cpu_signals *signals = &self->cpus[record->cpu];
    uint64_t *callbacks = &self->state.callbacks[record->cpu];
    uint32_t *depth = &self->state.irq_depth[record->cpu];

    if (record->cpu >= self->cpu_count) {
        return;
    }
    switch (record->kind) {
    case VMC_REC_IRQ_HANDLER_ENTRY:
        put(self, record, signals->irq_depth, ++*depth);
        put(self, record, signals->irq, record->args[0]);
        break;
    case VMC_REC_IRQ_HANDLER_EXIT:
        *depth -= *depth > 0;
        put(self, record, signals->irq_depth, *depth);
        break;
    case VMC_REC_RCU_WATCHING:
        put(self, record, signals->nesting, record->args[2]);
        break;
    case VMC_REC_RCU_CALLBACK:
        *callbacks = record->args[3];
        put(self, record, signals->callbacks, *callbacks);
        break;
    case VMC_REC_RCU_BATCH_START:
        *callbacks = record->args[1];
        put(self, record, signals->callbacks, *callbacks);
        break;
    case VMC_REC_RCU_BATCH_END:
        *callbacks -=
            record->args[1] < *callbacks ? record->args[1] : *callbacks;
        put(self, record, signals->callbacks, *callbacks);
        break;
    default:
        break;
    }
}

static void take(struct waves *self, const struct vmc_record *record)
{
    switch (record->kind) {
    case VMC_REC_KVM_SET_IRQ:
        take_line(self, record);
        return;
    case VMC_REC_KVM_MMIO:
        take_access(self, record, 0);
        return;
    case VMC_REC_KVM_PIO:
        take_access(self, record, 1);
        return;
    case VMC_REC_KVM_USERSPACE_EXIT:
        put(self, record, self->exits, ++self->state.exits);
        put(self, record, self->exit_reason, record->args[0]);
        return;
    case VMC_REC_KVM_ENTRY:
    case VMC_REC_KVM_EXIT:
    case VMC_REC_KVM_EXIT_IDLE:
    case VMC_REC_KVM_EXIT_CACHE:
        if (record->args[0] < self->cpu_count) {
            put(self, record, self->cpus[record->args[0]].in_guest,
                record->kind == VMC_REC_KVM_ENTRY);
        }
        return;
    case VMC_REC_RCU_GRACE_PERIOD:
        take_grace_period(self, record);
        return;
    case VMC_REC_RCU_CALLBACK:
        put(self, record, self->queued, ++self->state.queued);
        break;
    case VMC_REC_RCU_INVOKE:
        put(self, record, self->invoked, ++self->state.invoked);
        break;
    default:
        break;
    }
    take_cpu(self, record);
}

static void waves_record(void *state, const struct vmc_record *record)
{
    struct waves *self = state;

    take(self, record);
    self->state.last_tick = timeline_tick(record->time_ns);
}

/* ---- Start -------------------------------------------------------------- */

/* Add a signal that begins with 0, with a printf-style name. */
static uint32_t add(struct waves *self, uint32_t width_bits, const char *format,
                    ...) __attribute__((format(printf, 3, 4)));

static uint32_t add(struct waves *self, uint32_t width_bits, const char *format,
                    ...)
{
    char name[NAME_BYTES];
    uint32_t signal;
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(name, sizeof(name), format, arguments);
    va_end(arguments);
    signal = vmc_vcd_add(self->waveform.vcd, name, width_bits);
    vmc_vcd_set(self->waveform.vcd, signal, 0);
    return signal;
}

static void add_signals(struct waves *self)
{
    static const char *const buses[BUSES] = {"mmio", "pio"};

    for (uint32_t i = 0; i < IRQ_LINES_MAX; i++) {
        self->gsi[i] = add(self, 1, "gsi.%" PRIu32, i);
    }
    for (uint32_t i = 0; i < BUSES; i++) {
        struct bus_signals *bus = &self->buses[i];

        bus->count = add(self, 32, "bus.%s.count", buses[i]);
        bus->address = add(self, 64, "bus.%s.address", buses[i]);
        bus->value = add(self, 64, "bus.%s.value", buses[i]);
        bus->is_write = add(self, 1, "bus.%s.is_write", buses[i]);
    }
    self->exits = add(self, 32, "exits.count");
    self->exit_reason = add(self, 16, "exits.reason");
    for (uint32_t i = 0; i < self->cpu_count; i++) {
        self->cpus[i].in_guest = add(self, 1, "vcpu%" PRIu32 ".in_guest", i);
    }
    self->gp_seq = add(self, 64, "rcu.gp_seq");
    self->gp_is_active = add(self, 1, "rcu.gp_is_active");
    self->queued = add(self, 32, "rcu.queued");
    self->invoked = add(self, 32, "rcu.invoked");
    for (uint32_t i = 0; i < self->cpu_count; i++) {
        struct cpu_signals *cpu = &self->cpus[i];

        cpu->callbacks = add(self, 32, "cpu%" PRIu32 ".callbacks", i);
        cpu->nesting = add(self, 64, "cpu%" PRIu32 ".nesting", i);
        cpu->irq = add(self, 16, "cpu%" PRIu32 ".irq", i);
        cpu->irq_depth = add(self, 8, "cpu%" PRIu32 ".irq_depth", i);
    }
}

static uint32_t count_cpus(const struct replay_context *context)
{
    const char *text = vmc_reader_meta(context->reader, "vcpus");
    uint64_t count;

    if (text == NULL || vmc_parse_u64(&count, text) != VMC_OK || count == 0) {
        return CPUS_WITHOUT_META;
    }
    return count < CPUS_MAX ? (uint32_t)count : CPUS_MAX;
}

static void waves_free(void *state)
{
    struct waves *self = state;

    if (self != NULL) {
        waveform_free(&self->waveform);
        free(self);
    }
}

static enum vmc_status waves_start(void **state,
                                   const struct replay_context *context,
                                   struct vmc_error *error)
{
    struct waves *self;
    enum vmc_status status;

    *state = NULL;
    if (context->vcd.path == NULL || !replay_waves_are_recorded(context)) {
        return VMC_OK;
    }
    self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return VMC_E_NOMEM;
    }
    self->reader = context->reader;
    self->cpu_count = count_cpus(context);
    status = waveform_open(&self->waveform, &context->vcd, SIGNALS_MAX, error);
    if (status == VMC_OK) {
        add_signals(self);
        status = waveform_ready(&self->waveform, error);
    }
    if (status != VMC_OK) {
        waves_free(self);
        return status;
    }
    *state = self;
    return VMC_OK;
}

static void waves_archive(void *state, struct vmc_archive *archive)
{
    struct waves *self = state;

    if (self != NULL) {
        VMC_ARCHIVE(archive, self->state);
        waveform_archive(&self->waveform, archive);
    }
}

/* ---- The end ------------------------------------------------------------ */

static bool waves_finish(void *state, json_t **json, FILE *table)
{
    struct waves *self = state;
    struct vmc_error error = {""};

    (void)json;
    (void)table;
    if (self == NULL || waveform_finish(&self->waveform, self->state.last_tick,
                                        &error) == VMC_OK) {
        return true;
    }
    (void)fprintf(stderr, "vmcycle: %s\n", error.text);
    return false;
}

static uint64_t waves_fingerprint(const void *state)
{
    (void)state;
    return 0;
}

const struct replay_section replay_waves = {
    .name = "waves",
    .start = waves_start,
    .record = waves_record,
    .archive = waves_archive,
    .finish = waves_finish,
    .fingerprint = waves_fingerprint,
    .free = waves_free,
};
