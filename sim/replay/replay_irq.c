/* SPDX-License-Identifier: MIT */
/*
 * The interrupt section of a replay. Two machines run side by side:
 *
 *     record --+--> machine of the recording: acts when the log says so;
 *              |    every recorded read is compared with it, and latencies
 *              |    are those between lines of the log (interrupt_log.h)
 *              |
 *              +--> machine in time (irqsim.h): gets the inputs, routes and
 *                   masks of the recording at their recorded times, but its
 *                   vCPUs answer by themselves, at the prices of the profile
 *
 * Log order is effect order: QEMU holds one lock around every access and
 * prints inside it.
 *
 * What the log does not tell. An EIOINTC line stands for an input change
 * whatever caused it, so the controller is driven by these lines, and what the
 * models of PCH-PIC and MSI would have sent is only compared with them. The
 * line of an IPI_SEND is followed by the line of the write that it does on the
 * target's registers; the model does that write by itself, so the line is
 * checked and dropped. MAIL_SEND prints only its inner write, not the target:
 * mailboxes are not replayed.
 */
#include <inttypes.h>
#include <string.h>

#include "event/clock.h"
#include "sim/replay/replay_irq_priv.h"

enum {
    MSI_FIRST_VECTOR = 32,
    VECTORS_IN_WORD = 32,
    SEND_ID_SHIFT = 16,
    SEND_ID_MASK = 0x3ff,
    SEND_BIT_MASK = 0x1f,
};

/* The vCPU that @thread runs, or LOG_NO_VCPU. There are few, and the one that
 * was asked for last is asked for next. */
static uint32_t vcpu_of(struct replay_irq *self, uint32_t thread)
{
    for (uint32_t i = 0; i < self->thread_count; i++) {
        if (self->threads[i].thread == thread) {
            struct thread_map found = self->threads[i];

            self->threads[i] = self->threads[0];
            self->threads[0] = found;
            return found.vcpu;
        }
    }
    return LOG_NO_VCPU;
}

/* A stamp may say anything: time stands still before the engine's would end. */
static void run_until(struct replay_irq *self, const struct vmc_record *record)
{
    const uint64_t last_ns = VMC_TICK_MAX / 2 / VMC_TICKS_PER_NS;
    uint64_t time_ns = record->time_ns < last_ns ? record->time_ns : last_ns;

    (void)vmc_engine_run(self->engine, time_ns * VMC_TICKS_PER_NS);
}

/* ---- The recorded machine ----------------------------------------------- */

static struct log_place place_of(const struct vmc_record *record)
{
    return (struct log_place){record->time_ns, record->line};
}

static void compare_read(struct replay_irq *self,
                         const struct vmc_record *record, uint64_t found)
{
    if (!self->context.is_checking || found == record->args[1]) {
        return;
    }
    if (self->counts.mismatches++ == 0) {
        self->counts.first_line = record->line;
        self->counts.first_found = found;
        self->counts.first_recorded = record->args[1];
    }
}

void replay_irq_expect(void *owner, uint32_t vector, bool level)
{
    struct replay_irq *self = owner;

    if (self->expected_count < REPLAY_IRQ_EXPECTED_MAX) {
        self->expected[self->expected_count++] =
            (struct expected_input){vector, level};
    }
}

/* Strike an input change of the log off what the models announced. */
static void strike_input(struct replay_irq *self, uint32_t vector, bool level)
{
    for (uint32_t i = 0; i < self->expected_count; i++) {
        if (self->expected[i].vector == vector &&
            self->expected[i].level == level) {
            self->counts.inputs_predicted++;
            self->expected_count--;
            memmove(&self->expected[i], &self->expected[i + 1],
                    (self->expected_count - i) * sizeof(self->expected[0]));
            return;
        }
    }
    self->counts.inputs_unexplained++;
}

/* A new stimulus of PCH-PIC or MSI: what they announced before must have shown
 * in the log by now, for it prints inside the lock. */
static void settle_inputs(struct replay_irq *self)
{
    self->counts.inputs_missing += self->expected_count;
    self->expected_count = 0;
}

/* The PCH-PIC pin that drives @vector, or VMC_PIC_PINS. */
static uint32_t pic_pin_of(const struct replay_irq *self, uint32_t vector)
{
    const struct vmc_pic_state *pic = &self->recorded.pic.state;

    for (uint32_t pin = 0; vector < MSI_FIRST_VECTOR && pin < 32; pin++) {
        if (pic->vector[pin] == vector && (pic->mask >> pin & 1) == 0) {
            return pin;
        }
    }
    return VMC_PIC_PINS;
}

static void time_input(struct replay_irq *self, const struct vmc_record *record,
                       uint32_t vector)
{
    uint32_t pin = pic_pin_of(self, vector);
    bool is_level = false;

    run_until(self, record);
    if (pin < VMC_PIC_PINS) {
        is_level = (self->recorded.pic.state.edge >> pin & 1) == 0;
        irqsim_set_pic_pin(&self->sim, vector, pin);
    }
    irqsim_input(&self->sim, vector, true, is_level);
}

/* The log has perhaps changed the flight of @vector. */
static void show_flight(struct replay_irq *self,
                        const struct vmc_record *record, uint32_t vector)
{
    if (VMC_WATCHED(self->log_tracks != NULL)) {
        irq_log_timeline_vector(self->log_tracks, place_of(record), vector);
    }
}

/* @vcpu makes an access that is no status read. */
static void other_access(struct replay_irq *self,
                         const struct vmc_record *record, uint32_t vcpu)
{
    log_other_access(&self->log, vcpu);
    if (VMC_WATCHED(self->log_tracks != NULL)) {
        irq_log_timeline_access(self->log_tracks, place_of(record), vcpu);
    }
}

static void take_input(struct replay_irq *self, const struct vmc_record *record)
{
    uint64_t vector = record->args[0];
    bool level = record->args[1] != 0;
    bool was_pending;

    if (vector >= LOG_VECTORS) {
        self->counts.bad_vectors++;
        return;
    }
    strike_input(self, (uint32_t)vector, level);
    was_pending = vmc_eio_pending_on(&self->recorded.eio, (uint32_t)vector) !=
                  VMC_EIO_NO_VCPU;
    machine_set_vector(&self->recorded, (uint32_t)vector, level);
    log_input(&self->log, place_of(record), (uint32_t)vector, level,
              was_pending,
              vmc_eio_pending_on(&self->recorded.eio, (uint32_t)vector));
    show_flight(self, record, (uint32_t)vector);
    if (level) {
        time_input(self, record, (uint32_t)vector);
    }
}

static bool is_status(uint64_t offset)
{
    return offset >= VMC_EIO_COREISR && offset < VMC_EIO_COREISR + 0x20;
}

static void write_timeline(struct vmc_outfile *rows, struct log_place place,
                           uint32_t vcpu, uint32_t vector, uint64_t raised_ns)
{
    if (rows != NULL) {
        (void)fprintf(vmc_outfile_stream(rows),
                      "%" PRIu64 "\t%" PRIu32 "\t%" PRIu32 "\t%" PRIu64 "\n",
                      place.time_ns, vcpu, vector, place.time_ns - raised_ns);
    }
}

static void take_extioi_read(struct replay_irq *self,
                             const struct vmc_record *record, uint32_t vcpu)
{
    uint64_t found = machine_iocsr_read(&self->recorded, vcpu,
                                        VMC_IOCSR_EXTIOI + record->args[0], 4);
    uint32_t word, shown;

    self->counts.register_reads++;
    compare_read(self, record, found);
    if (!is_status(record->args[0])) {
        other_access(self, record, vcpu);
        return;
    }
    word = (uint32_t)(record->args[0] - VMC_EIO_COREISR) / 4;
    shown = log_status_read(&self->log, place_of(record), vcpu, word,
                            (uint32_t)record->args[1]);
    if (VMC_WATCHED(self->log_tracks != NULL)) {
        irq_log_timeline_shown(self->log_tracks, place_of(record), vcpu, word,
                               shown);
    }
    for (; shown != 0; shown &= shown - 1) {
        uint32_t vector = VECTORS_IN_WORD * word + vmc_bits_low(shown);

        write_timeline(self->timeline, place_of(record), vcpu, vector,
                       self->log.vectors[vector].raised_ns);
    }
}

/* The vectors whose being pending a write to @offset can change. */
static uint32_t covered_vectors(uint64_t offset, uint32_t *first)
{
    if (offset >= VMC_EIO_ENABLE && offset < VMC_EIO_ENABLE + 0x20) {
        *first = (uint32_t)(offset - VMC_EIO_ENABLE) * 8;
        return VECTORS_IN_WORD;
    }
    if (offset >= VMC_EIO_COREMAP && offset < VMC_EIO_COREMAP + LOG_VECTORS) {
        *first = (uint32_t)(offset - VMC_EIO_COREMAP) & ~3U;
        return 4;
    }
    *first = 0;
    return 0;
}

static void write_status(struct replay_irq *self,
                         const struct vmc_record *record, uint32_t vcpu)
{
    uint64_t address = VMC_IOCSR_EXTIOI + record->args[0];
    uint32_t word = (uint32_t)(record->args[0] - VMC_EIO_COREISR) / 4;
    uint32_t cleared =
        (uint32_t)machine_iocsr_read(&self->recorded, vcpu, address, 4) &
        (uint32_t)record->args[1];

    log_status_clear(&self->log, place_of(record), vcpu, word, cleared);
    if (VMC_WATCHED(self->log_tracks != NULL)) {
        irq_log_timeline_cleared(self->log_tracks, place_of(record), vcpu, word,
                                 cleared);
    }
    machine_iocsr_write(&self->recorded, vcpu, address, 4, record->args[1]);
}

static void take_extioi_write(struct replay_irq *self,
                              const struct vmc_record *record, uint32_t vcpu)
{
    uint64_t address = VMC_IOCSR_EXTIOI + record->args[0];
    uint32_t before[VECTORS_IN_WORD];
    uint32_t first, count;

    if (is_status(record->args[0])) {
        write_status(self, record, vcpu);
        return;
    }
    other_access(self, record, vcpu);
    count = covered_vectors(record->args[0], &first);
    for (uint32_t i = 0; i < count; i++) {
        before[i] = vmc_eio_pending_on(&self->recorded.eio, first + i);
    }
    machine_iocsr_write(&self->recorded, vcpu, address, 4, record->args[1]);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t now = vmc_eio_pending_on(&self->recorded.eio, first + i);

        if (now != before[i]) {
            log_moved(&self->log, place_of(record), first + i,
                      now == VMC_EIO_NO_VCPU ? LOG_NO_VCPU : now);
            show_flight(self, record, first + i);
        }
    }
    run_until(self, record);
    machine_iocsr_write(&self->timed, vcpu, address, 4, record->args[1]);
}

/* ---- IPIs --------------------------------------------------------------- */

static bool is_mailbox(uint64_t offset)
{
    return offset >= VMC_IPI_MAIL && offset < VMC_IPI_MAIL_END;
}

static void take_ipi_read(struct replay_irq *self,
                          const struct vmc_record *record, uint32_t vcpu)
{
    uint32_t shown;

    other_access(self, record, vcpu);
    if (is_mailbox(record->args[0])) {
        return;
    }
    self->counts.ipi_reads++;
    if (machine_iocsr_read(&self->recorded, vcpu,
                           VMC_IOCSR_IPI + record->args[0],
                           4) != record->args[1]) {
        self->counts.ipi_mismatches++;
    }
    if (record->args[0] == VMC_IPI_STATUS) {
        uint64_t sent[LOG_IPI_BITS];

        memcpy(sent, self->log.ipi_sent_ns[vcpu], sizeof(sent));
        shown = log_ipi_status_read(&self->log, place_of(record), vcpu,
                                    (uint32_t)record->args[1]);
        if (VMC_WATCHED(self->log_tracks != NULL)) {
            irq_log_timeline_ipi_read(self->log_tracks, place_of(record), vcpu,
                                      shown);
        }
        for (; shown != 0; shown &= shown - 1) {
            uint32_t bit = vmc_bits_low(shown);

            write_timeline(self->timeline_ipi, place_of(record), vcpu, bit,
                           sent[bit]);
        }
    }
}

static void send_ipi(struct replay_irq *self, const struct vmc_record *record,
                     uint32_t vcpu)
{
    uint32_t id = (uint32_t)(record->args[1] >> SEND_ID_SHIFT) & SEND_ID_MASK;
    uint32_t bit = (uint32_t)record->args[1] & SEND_BIT_MASK;
    uint32_t target = self->vcpu_count;

    for (uint32_t i = 0; i < self->vcpu_count; i++) {
        if (self->sim.config.guest.physical_ids[i] == id) {
            target = i;
        }
    }
    if (target < self->vcpu_count) {
        bool is_new = (self->log.ipi_open[target] >> bit & 1) == 0;

        log_ipi_sent(&self->log, place_of(record), target, bit);
        if (VMC_WATCHED(self->log_tracks != NULL)) {
            irq_log_timeline_ipi_sent(self->log_tracks, place_of(record), vcpu,
                                      target, bit, is_new);
        }
        self->has_inner[vcpu] = true;
        self->inner_value[vcpu] = UINT32_C(1) << bit;
        run_until(self, record);
        irqsim_ipi_sent(&self->sim, target);
    }
    machine_iocsr_write(&self->recorded, vcpu, VMC_IOCSR_IPI_SEND, 4,
                        record->args[1]);
    machine_iocsr_write(&self->timed, vcpu, VMC_IOCSR_IPI_SEND, 4,
                        record->args[1]);
    if (VMC_WATCHED(self->vcd != NULL) && target < self->vcpu_count) {
        irq_vcd_ipi(self->vcd, target);
    }
}

static void take_ipi_write(struct replay_irq *self,
                           const struct vmc_record *record, uint32_t vcpu)
{
    uint64_t offset = record->args[0];

    if (offset == VMC_IPI_SET && self->has_inner[vcpu] &&
        record->args[1] == self->inner_value[vcpu]) {
        self->has_inner[vcpu] = false; /* what IPI_SEND did, printed again */
        return;
    }
    other_access(self, record, vcpu);
    if (is_mailbox(offset)) {
        return;
    }
    if (offset == VMC_IOCSR_IPI_SEND - VMC_IOCSR_IPI) {
        send_ipi(self, record, vcpu);
        return;
    }
    machine_iocsr_write(&self->recorded, vcpu, VMC_IOCSR_IPI + offset, 4,
                        record->args[1]);
    if (offset == VMC_IPI_EN) {
        run_until(self, record);
        machine_iocsr_write(&self->timed, vcpu, VMC_IOCSR_IPI + offset, 4,
                            record->args[1]);
    }
}

/* ---- PCH-PIC and MSI ---------------------------------------------------- */

static void take_pic_read(struct replay_irq *self,
                          const struct vmc_record *record)
{
    uint64_t found;

    self->counts.pic_reads++;
    if (machine_mmio_read(&self->recorded, MACHINE_PIC + record->args[0],
                          (uint32_t)record->args[2], &found) != VMC_OK ||
        found != record->args[1]) {
        self->counts.pic_mismatches++;
    }
}

static bool is_size(uint64_t size_bytes)
{
    return size_bytes == 1 || size_bytes == 2 || size_bytes == 4 ||
           size_bytes == 8;
}

static void take_pic(struct replay_irq *self, const struct vmc_record *record)
{
    switch (record->kind) {
    case VMC_REC_MSI_SET_IRQ:
        settle_inputs(self);
        if (record->args[0] < LOG_VECTORS - MSI_FIRST_VECTOR) {
            replay_irq_expect(
                self, (uint32_t)record->args[0] + MSI_FIRST_VECTOR, true);
        }
        break;
    case VMC_REC_PCH_PIC_IRQ:
        settle_inputs(self);
        if (record->args[0] < VMC_PIC_PINS) {
            vmc_pic_set_line(&self->recorded.pic, (uint32_t)record->args[0],
                             record->args[1] != 0);
        }
        break;
    case VMC_REC_PCH_PIC_READ:
        if (is_size(record->args[2])) {
            take_pic_read(self, record);
        }
        break;
    default:
        settle_inputs(self);
        if (is_size(record->args[2])) {
            (void)machine_mmio_write(
                &self->recorded, MACHINE_PIC + record->args[0],
                (uint32_t)record->args[2], record->args[1]);
            (void)machine_mmio_write(
                &self->timed, MACHINE_PIC + record->args[0],
                (uint32_t)record->args[2], record->args[1]);
        }
        break;
    }
}

/* ---- The section -------------------------------------------------------- */

static void take_register(struct replay_irq *self,
                          const struct vmc_record *record)
{
    uint32_t vcpu = vcpu_of(self, record->thread);

    self->counts.iocsr_accesses++;
    if (vcpu == LOG_NO_VCPU) { /* a debugger, or a .meta that lacks it */
        self->counts.foreign_accesses++;
        vcpu = 0;
    }
    switch (record->kind) {
    case VMC_REC_EXTIOI_READ:
        take_extioi_read(self, record, vcpu);
        break;
    case VMC_REC_EXTIOI_WRITE:
        take_extioi_write(self, record, vcpu);
        break;
    case VMC_REC_IPI_READ:
        take_ipi_read(self, record, vcpu);
        break;
    default:
        take_ipi_write(self, record, vcpu);
        break;
    }
}

static void irq_record(void *state, const struct vmc_record *record)
{
    struct replay_irq *self = state;

    switch (record->kind) {
    case VMC_REC_EXTIOI_SETIRQ:
        take_input(self, record);
        break;
    case VMC_REC_EXTIOI_READ:
    case VMC_REC_EXTIOI_WRITE:
    case VMC_REC_IPI_READ:
    case VMC_REC_IPI_WRITE:
        take_register(self, record);
        break;
    case VMC_REC_MSI_SET_IRQ:
    case VMC_REC_PCH_PIC_IRQ:
    case VMC_REC_PCH_PIC_READ:
    case VMC_REC_PCH_PIC_WRITE:
        take_pic(self, record);
        break;
    default:
        return;
    }
    self->counts.records++;
}

/* ---- The end ------------------------------------------------------------ */

static bool irq_finish(void *state, json_t **json, FILE *table)
{
    struct replay_irq *self = state;
    struct vmc_error error = {""};
    bool is_written = true;

    if (self->counts.records == 0) {
        if (self->vcd != NULL) {
            (void)fputs("vmcycle: no waveform: the trace has no interrupts\n",
                        stderr);
        }
        return self->vcd == NULL;
    }
    settle_inputs(self);
    log_finish(&self->log);
    (void)vmc_engine_run_all(self->engine);
    if (self->vcd != NULL &&
        waveform_finish(&self->waveform, vmc_engine_now_tick(self->engine),
                        &error) != VMC_OK) {
        (void)fprintf(stderr, "vmcycle: %s\n", error.text);
        is_written = false;
    }
    if (self->tracks != NULL) {
        irq_timeline_finish(self->tracks, vmc_engine_now_tick(self->engine));
        irq_log_timeline_finish(self->log_tracks);
    }
    replay_irq_write_rows(self);
    replay_irq_print(self, table);
    *json = replay_irq_describe(self);
    return is_written && self->counts.mismatches == 0 &&
           self->counts.ipi_mismatches == 0 &&
           self->counts.pic_mismatches == 0 && log_adds_up(&self->log);
}

static uint64_t irq_fingerprint(const void *state)
{
    const struct replay_irq *self = state;

    return vmc_engine_fingerprint(self->engine);
}

const struct replay_section replay_irq = {
    .name = "interrupts",
    .start = replay_irq_start,
    .record = irq_record,
    .archive = replay_irq_archive,
    .finish = irq_finish,
    .fingerprint = irq_fingerprint,
    .free = replay_irq_free,
};
