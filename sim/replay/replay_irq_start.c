/* SPDX-License-Identifier: MIT */
/* How the interrupt section of a replay begins: what the .meta says of the
 * machine, the profile that fits, and whoever looks on. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/assumed.h"
#include "sim/replay/replay_irq_priv.h"
#include "sim/replay/replay_waves.h"
#include "sim/report/report.h"

enum { EVENTS_MAX = 1 << 14, HANDLERS_MAX = 16 };

/* ---- Threads of the recording ------------------------------------------- */

/* One "THREAD:VCPU" of the .meta. */
static enum vmc_status add_thread(struct replay_irq *self, const char *text,
                                  size_t length, struct vmc_error *error)
{
    char word[64];
    uint64_t thread, vcpu;
    char *colon;

    (void)snprintf(word, sizeof(word), "%.*s", (int)length, text);
    colon = strchr(word, ':');
    if (colon != NULL) {
        *colon = '\0';
    }
    if (colon == NULL || vmc_parse_u64(&thread, word) != VMC_OK ||
        thread > UINT32_MAX || vmc_parse_u64(&vcpu, colon + 1) != VMC_OK) {
        return vmc_fail(error, VMC_E_FORMAT,
                        "vcpu_threads: '%.*s' is not THREAD:VCPU", (int)length,
                        text);
    }
    if (vcpu >= self->vcpu_count ||
        self->thread_count == REPLAY_IRQ_THREADS_MAX) {
        return vmc_fail(error, VMC_E_RANGE,
                        "vcpu_threads: '%.*s' is beyond the %" PRIu32
                        " vCPUs of the trace",
                        (int)length, text, self->vcpu_count);
    }
    self->threads[self->thread_count++] =
        (struct thread_map){(uint32_t)thread, (uint32_t)vcpu};
    return VMC_OK;
}

static enum vmc_status read_threads(struct replay_irq *self, const char *text,
                                    struct vmc_error *error)
{
    while (text != NULL && *(text += strspn(text, " \t")) != '\0') {
        size_t length = strcspn(text, " \t");
        enum vmc_status status = add_thread(self, text, length, error);

        if (status != VMC_OK) {
            return status;
        }
        text += length;
    }
    return VMC_OK;
}

/* ---- The machine in time ------------------------------------------------ */

static void timed_set_input(void *machine, uint32_t vector, bool level)
{
    machine_set_vector(machine, vector, level);
}

static uint64_t timed_access(void *machine, uint32_t vcpu,
                             const struct guest_access *access)
{
    uint64_t value = 0;

    if (access->bus == GUEST_MMIO) {
        if (access->is_write) {
            (void)machine_mmio_write(machine, access->address,
                                     access->size_bytes, access->data);
        } else {
            (void)machine_mmio_read(machine, access->address,
                                    access->size_bytes, &value);
        }
        return value;
    }
    if (access->is_write) {
        machine_iocsr_write(machine, vcpu, access->address, access->size_bytes,
                            access->data);
        return 0;
    }
    return machine_iocsr_read(machine, vcpu, access->address,
                              access->size_bytes);
}

static uint32_t timed_target_of(void *machine, uint32_t vector)
{
    const struct machine *self = machine;

    return vmc_eio_target(&self->eio, vector);
}

static const struct irqsim_ops timed_ops = {.set_input = timed_set_input,
                                            .access = timed_access,
                                            .target_of = timed_target_of};

static void timed_line(void *owner, uint32_t vcpu, uint32_t line, bool level)
{
    struct replay_irq *self = owner;

    irqsim_set_line(&self->sim, vcpu, line, level);
}

static void timed_vector(void *owner, enum vmc_eio_event event, uint32_t vector,
                         uint32_t vcpu)
{
    struct replay_irq *self = owner;

    if (VMC_WATCHED(self->vcd != NULL)) {
        irq_vcd_status(self->vcd, vector, vcpu);
    }
    if (event == VMC_EIO_PENDING) {
        irqsim_vector_pending(&self->sim, vector);
    }
}

/* The PCH-PIC of the machine in time only pays for accesses: inputs come from
 * the recording. */
static void timed_input(void *owner, uint32_t vector, bool level)
{
    (void)owner;
    (void)vector;
    (void)level;
}

/* ---- The machines ------------------------------------------------------- */

/* A number of the metadata, or @fallback. */
static enum vmc_status meta_number(uint64_t *out,
                                   const struct replay_context *context,
                                   const char *key, uint64_t fallback,
                                   struct vmc_error *error)
{
    const char *text = vmc_reader_meta(context->reader, key);

    *out = fallback;
    if (text != NULL && vmc_parse_u64(out, text) != VMC_OK) {
        return vmc_fail(error, VMC_E_FORMAT, "meta: %s = '%s' is no number",
                        key, text);
    }
    return VMC_OK;
}

static enum vmc_status choose_layout(enum vmc_eio_layout *layout,
                                     const struct replay_context *context,
                                     struct vmc_error *error)
{
    const char *text = vmc_reader_meta(context->reader, "extioi");

    *layout = VMC_EIO_LAYOUT_NONE;
    if (text == NULL || strcmp(text, "legacy") == 0) {
        return VMC_OK;
    }
    if (strcmp(text, "veiointc") == 0) {
        *layout = VMC_EIO_LAYOUT_FINAL;
        return VMC_OK;
    }
    return vmc_fail(error, VMC_E_FORMAT,
                    "meta: extioi = '%s', expected legacy or veiointc", text);
}

/* Physical ids of the vCPUs: "physical_ids = 0 1 2 4", else their indices. */
static enum vmc_status read_ids(uint16_t *ids, uint32_t vcpu_count,
                                const struct replay_context *context,
                                struct vmc_error *error)
{
    const char *text = vmc_reader_meta(context->reader, "physical_ids");
    uint32_t count = 0;

    for (uint32_t i = 0; i < vcpu_count; i++) {
        ids[i] = (uint16_t)i;
    }
    while (text != NULL && *(text += strspn(text, " ,")) != '\0') {
        char word[16];
        size_t length = strcspn(text, " ,");
        uint64_t id;

        (void)snprintf(word, sizeof(word), "%.*s", (int)length, text);
        if (vmc_parse_u64(&id, word) != VMC_OK || id >= MACHINE_VCPUS_MAX ||
            count == vcpu_count) {
            return vmc_fail(error, VMC_E_RANGE,
                            "meta: physical_ids: '%s' is no id below %d, or "
                            "one too many",
                            word, MACHINE_VCPUS_MAX);
        }
        ids[count++] = (uint16_t)id;
        text += length;
    }
    return VMC_OK;
}

static enum vmc_status start_machines(struct replay_irq *self,
                                      struct vmc_error *error)
{
    struct machine_config config = {.vcpu_count = self->vcpu_count};
    uint64_t virt_config;
    enum vmc_status status;

    status = choose_layout(&config.layout, &self->context, error);
    if (status != VMC_OK) {
        return status;
    }
    status = meta_number(&virt_config, &self->context, "virt_config", 0, error);
    if (status != VMC_OK) {
        return status;
    }
    status =
        read_ids(config.physical_ids, self->vcpu_count, &self->context, error);
    if (status != VMC_OK) {
        return status;
    }
    if (machine_semantics_named(&config.semantics, self->context.semantics) !=
        VMC_OK) {
        return vmc_fail(error, VMC_E_USAGE, "semantics '%s' is unknown",
                        self->context.semantics);
    }
    config.hooks =
        (struct machine_hooks){.input = replay_irq_expect, .owner = self};
    status = machine_init(&self->recorded, &config);
    if (status != VMC_OK) {
        return vmc_fail(error, status,
                        "meta: vcpus or physical_ids are out of range");
    }
    config.hooks = (struct machine_hooks){.line = timed_line,
                                          .vector = timed_vector,
                                          .input = timed_input,
                                          .owner = self};
    status = machine_init(&self->timed, &config);
    vmc_eio_write_config(&self->recorded.eio, (uint32_t)virt_config);
    vmc_eio_write_config(&self->timed.eio, (uint32_t)virt_config);
    return status;
}

static enum vmc_status start_sim(struct replay_irq *self,
                                 const struct vmc_profile *profile,
                                 struct vmc_error *error)
{
    const struct vmc_engine_config engine = {EVENTS_MAX, HANDLERS_MAX};
    bool is_hw = strcmp(self->context.semantics, "hw") == 0;
    struct irqsim_config config = {
        .guest = {.generation = GUEST_L1,
                  .vector_count = VMC_EIO_VECTORS,
                  .vcpu_count = self->vcpu_count,
                  .node_map = 0xffff,
                  .parent_pin = 1},
        .cores_per_node = is_hw ? VMC_EIO_NODE_CPUS : MACHINE_VCPUS_MAX,
        .node_count = 1,
    };
    enum vmc_status status = irqsim_timing_read(&config.timing, profile, error);

    if (status != VMC_OK) {
        return status;
    }
    for (uint32_t i = 0; i < self->vcpu_count; i++) {
        uint16_t id = self->recorded.eio.config.physical_ids[i];

        config.guest.physical_ids[i] = id;
        config.guest.online[i] = 1;
        if (is_hw && id / VMC_EIO_NODE_CPUS >= config.node_count) {
            config.node_count = id / VMC_EIO_NODE_CPUS + 1;
        }
    }
    status = vmc_engine_new(&self->engine, &engine);
    if (status == VMC_OK) {
        status = irqsim_init(&self->sim, &config, self->engine, &timed_ops,
                             &self->timed);
    }
    return status == VMC_OK
               ? VMC_OK
               : vmc_fail(error, status, "timing profile %s: %s",
                          vmc_profile_name(profile), vmc_status_name(status));
}

static enum vmc_status open_rows(struct replay_irq *self,
                                 struct vmc_error *error)
{
    static const char head[] = "time_ns\tvcpu\tvector\tlatency_ns\n";
    enum vmc_status status;

    if (self->context.report_path == NULL) {
        return VMC_OK;
    }
    status = report_open_rows(&self->timeline, self->context.report_path,
                              "timeline.tsv", error);
    if (status != VMC_OK) {
        return status;
    }
    status = report_open_rows(&self->timeline_ipi, self->context.report_path,
                              "timeline-ipi.tsv", error);
    if (status == VMC_OK) {
        (void)fputs(head, vmc_outfile_stream(self->timeline));
        (void)fputs(head, vmc_outfile_stream(self->timeline_ipi));
    }
    return status;
}

/* Join whoever wants to look on. */
static enum vmc_status start_watchers(struct replay_irq *self,
                                      struct vmc_error *error)
{
    enum vmc_status status = VMC_OK;

    if (self->context.timeline != NULL) {
        status =
            irq_timeline_new(&self->tracks, self->context.timeline, &self->sim);
    }
    if (status == VMC_OK && self->context.timeline != NULL) {
        status = irq_log_timeline_new(&self->log_tracks, self->context.timeline,
                                      &self->log, self->vcpu_count);
    }
    if (status == VMC_OK && self->context.vcd.path != NULL &&
        !replay_waves_are_recorded(&self->context)) {
        status = waveform_open(&self->waveform, &self->context.vcd,
                               IRQ_VCD_SIGNALS_MAX, error);
        if (status == VMC_OK) {
            status = irq_vcd_new(&self->vcd, self->waveform.vcd, &self->sim,
                                 &self->timed);
        }
        if (status == VMC_OK) {
            status = waveform_ready(&self->waveform, error);
        }
    }
    return status;
}

void replay_irq_free(void *state)
{
    struct replay_irq *self = state;

    if (self == NULL) {
        return;
    }
    irq_vcd_free(self->vcd);
    waveform_free(&self->waveform);
    irq_timeline_free(self->tracks);
    irq_log_timeline_free(self->log_tracks);
    vmc_outfile_abandon(self->timeline);
    vmc_outfile_abandon(self->timeline_ipi);
    vmc_engine_free(self->engine);
    free(self);
}

/* The profile that fits the semantics, when none was asked for. */
static const char *default_profile(const char *semantics)
{
    if (strcmp(semantics, "hw") == 0) {
        return "native";
    }
    return strncmp(semantics, "kvm", 3) == 0 ? "3c5000-kvm" : "3c5000-qemu";
}

static enum vmc_status start_parts(struct replay_irq *self,
                                   struct vmc_error *error)
{
    struct vmc_profile *own = NULL;
    const struct vmc_profile *profile = self->context.profile;
    uint64_t vcpus;
    enum vmc_status status =
        meta_number(&vcpus, &self->context, "vcpus", 1, error);

    if (status == VMC_OK && (vcpus < 1 || vcpus > MACHINE_VCPUS_MAX)) {
        status = vmc_fail(error, VMC_E_RANGE,
                          "meta: vcpus = %" PRIu64 ", expected 1 to %d", vcpus,
                          MACHINE_VCPUS_MAX);
    }
    if (status != VMC_OK) {
        return status;
    }
    self->vcpu_count = (uint32_t)vcpus;
    status = read_threads(
        self, vmc_reader_meta(self->context.reader, "vcpu_threads"), error);
    if (status == VMC_OK) {
        status = start_machines(self, error);
    }
    /* A profile of something else, as of balloons or buses, leaves interrupts
     * to theirs. */
    if (profile != NULL && !vmc_profile_has(profile, "router")) {
        profile = NULL;
    }
    if (status == VMC_OK && profile == NULL) {
        status = vmc_profile_load(
            &own, default_profile(self->context.semantics), error);
        profile = own;
    }
    if (status == VMC_OK) {
        status = start_sim(self, profile, error);
    }
    if (status == VMC_OK) {
        assumed_note(self->context.assumed, replay_irq.name, profile,
                     assumed_irq);
    }
    vmc_profile_free(own);
    if (status == VMC_OK) {
        status = start_watchers(self, error);
    }
    return status == VMC_OK ? open_rows(self, error) : status;
}

enum vmc_status replay_irq_start(void **state,
                                 const struct replay_context *context,
                                 struct vmc_error *error)
{
    struct replay_irq *self = calloc(1, sizeof(*self));
    enum vmc_status status;

    *state = NULL;
    if (self == NULL) {
        return VMC_E_NOMEM;
    }
    self->context = *context;
    status = start_parts(self, error);
    if (status != VMC_OK) {
        replay_irq_free(self);
        return status;
    }
    *state = self;
    return VMC_OK;
}
