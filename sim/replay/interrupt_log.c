/* SPDX-License-Identifier: MIT */
/*
 * A dispatch is a run of status reads of one vCPU with ascending offsets, its
 * clearing writes in between. It is spurious when none of the reads shows a
 * bit. Drivers read all words (L0 to L2) or those of one pin (L3), so a run
 * ends with an offset that does not ascend, or with another kind of access.
 */
#include "sim/replay/interrupt_log.h"

#include "base/base.h"

static void find(struct interrupt_log *log, enum log_finding_kind kind,
                 uint64_t line, uint32_t vector, uint32_t vcpu)
{
    if (log->finding_counts[kind] < LOG_FINDINGS_MAX) {
        log->finding_counts[kind]++;
        log->findings[log->finding_count++] =
            (struct log_finding){.line = line,
                                 .vector = (uint16_t)vector,
                                 .vcpu = (uint16_t)vcpu,
                                 .kind = (uint8_t)kind};
    }
}

const char *log_finding_name(enum log_finding_kind kind)
{
    static const char *const names[] = {
        [LOG_SPURIOUS] = "spurious",
        [LOG_REDELIVERED] = "redelivered",
        [LOG_LOST] = "lost",
        [LOG_WITHDRAWN] = "withdrawn",
        [LOG_UNFINISHED] = "unfinished",
    };

    static_assert(VMC_COUNT_OF(names) == LOG_FINDING_COUNT, "a name a kind");
    return names[kind];
}

/* ---- Vectors ------------------------------------------------------------ */

static void input_rises(struct interrupt_log *log, struct log_place place,
                        uint32_t vector, bool was_pending, uint32_t vcpu)
{
    struct log_flight *flight = &log->vectors[vector];

    log->counts.raised++;
    if (was_pending || (flight->is_open && !flight->is_seen)) {
        log->counts.coalesced++;
        return;
    }
    *flight = (struct log_flight){.raised_ns = place.time_ns,
                                  .raised_line = place.line,
                                  .vcpu = (uint16_t)vcpu,
                                  .is_open = true,
                                  .is_pending = vcpu != LOG_NO_VCPU,
                                  .is_from_input = true};
}

static void input_falls(struct interrupt_log *log, struct log_place place,
                        uint32_t vector)
{
    struct log_flight *flight = &log->vectors[vector];

    log->counts.lowered++;
    if (flight->is_open && !flight->is_seen) {
        if (!flight->is_from_input) {
            log->counts.redelivered--;
        } else if (!flight->is_pending) {
            log->counts.masked++;
        } else {
            log->counts.withdrawn++;
            find(log, LOG_WITHDRAWN, place.line, vector, flight->vcpu);
        }
    }
    flight->is_open = false;
}

void log_input(struct interrupt_log *log, struct log_place place,
               uint32_t vector, bool level, bool was_pending, uint32_t vcpu)
{
    if (level) {
        input_rises(log, place, vector, was_pending, vcpu);
    } else {
        input_falls(log, place, vector);
    }
}

void log_moved(struct interrupt_log *log, struct log_place place,
               uint32_t vector, uint32_t vcpu)
{
    struct log_flight *flight = &log->vectors[vector];

    if (flight->is_open && !flight->is_seen) {
        /* On its way: taken off one vCPU, or put on another. */
        flight->is_pending = vcpu != LOG_NO_VCPU;
        flight->vcpu = (uint16_t)vcpu;
        return;
    }
    if (vcpu == LOG_NO_VCPU) {
        flight->is_pending = false;
        flight->is_open = false;
        return;
    }
    log->counts.redelivered++;
    find(log, LOG_REDELIVERED, place.line, vector, vcpu);
    *flight = (struct log_flight){.raised_ns = place.time_ns,
                                  .raised_line = place.line,
                                  .vcpu = (uint16_t)vcpu,
                                  .is_open = true,
                                  .is_pending = true};
}

static void end_dispatch(struct interrupt_log *log, uint32_t vcpu)
{
    if (log->vcpus[vcpu].is_dispatching && !log->vcpus[vcpu].found_any) {
        log->counts.spurious++;
        log->vcpus[vcpu].spurious++;
        find(log, LOG_SPURIOUS, log->vcpus[vcpu].dispatch_line, LOG_VECTORS,
             vcpu);
    }
    log->vcpus[vcpu].is_dispatching = false;
}

void log_other_access(struct interrupt_log *log, uint32_t vcpu)
{
    end_dispatch(log, vcpu);
}

uint32_t log_status_read(struct interrupt_log *log, struct log_place place,
                         uint32_t vcpu, uint32_t word, uint32_t value)
{
    uint32_t shown = 0;

    if (log->vcpus[vcpu].is_dispatching &&
        word <= log->vcpus[vcpu].last_offset) {
        end_dispatch(log, vcpu);
    }
    if (!log->vcpus[vcpu].is_dispatching) {
        log->vcpus[vcpu].is_dispatching = true;
        log->vcpus[vcpu].found_any = false;
        log->vcpus[vcpu].dispatch_line = place.line;
    }
    log->vcpus[vcpu].last_offset = word;
    log->vcpus[vcpu].found_any |= value != 0;
    log->vcpus[vcpu].reads++;
    for (uint32_t bits = value; bits != 0; bits &= bits - 1) {
        uint32_t vector = 32 * word + vmc_bits_low(bits);
        struct log_flight *flight = &log->vectors[vector];

        if (!flight->is_open || flight->is_seen) {
            continue;
        }
        flight->is_seen = true;
        flight->seen_ns = place.time_ns;
        shown |= bits & -bits;
        log->counts.delivered++;
        log->vcpus[vcpu].delivered++;
        log->map[vcpu][vector]++;
        vmc_hist_add(&log->seen_ns, place.time_ns - flight->raised_ns);
    }
    return shown;
}

void log_status_clear(struct interrupt_log *log, struct log_place place,
                      uint32_t vcpu, uint32_t word, uint32_t bits)
{
    for (; bits != 0; bits &= bits - 1) {
        uint32_t vector = 32 * word + vmc_bits_low(bits);
        struct log_flight *flight = &log->vectors[vector];

        if (!flight->is_open) {
            continue;
        }
        if (!flight->is_seen) {
            log->counts.lost += flight->is_from_input;
            log->counts.redelivered -= !flight->is_from_input;
            find(log, LOG_LOST, place.line, vector, vcpu);
        } else {
            vmc_hist_add(&log->cleared_ns, place.time_ns - flight->raised_ns);
        }
        flight->is_open = false;
    }
}

/* ---- IPIs --------------------------------------------------------------- */

void log_ipi_sent(struct interrupt_log *log, struct log_place place,
                  uint32_t vcpu, uint32_t bit)
{
    uint32_t mask = UINT32_C(1) << bit;

    log->counts.ipi_sent++;
    if ((log->ipi_open[vcpu] & mask) != 0) {
        log->counts.ipi_coalesced++;
        return;
    }
    log->ipi_open[vcpu] |= mask;
    log->ipi_sent_ns[vcpu][bit] = place.time_ns;
}

uint32_t log_ipi_status_read(struct interrupt_log *log, struct log_place place,
                             uint32_t vcpu, uint32_t status)
{
    uint32_t shown = status & log->ipi_open[vcpu];

    for (uint32_t bits = shown; bits != 0; bits &= bits - 1) {
        vmc_hist_add(&log->ipi_ns,
                     place.time_ns -
                         log->ipi_sent_ns[vcpu][vmc_bits_low(bits)]);
        log->counts.ipi_seen++;
        log->vcpus[vcpu].ipis++;
    }
    log->ipi_open[vcpu] &= ~shown;
    return shown;
}

/* ---- The end ------------------------------------------------------------ */

void log_finish(struct interrupt_log *log)
{
    for (uint32_t i = 0; i < LOG_VCPUS_MAX; i++) {
        end_dispatch(log, i);
    }
    for (uint32_t i = 0; i < LOG_VECTORS; i++) {
        const struct log_flight *flight = &log->vectors[i];

        if (!flight->is_open || flight->is_seen) {
            continue;
        }
        if (flight->is_pending) {
            log->counts.unfinished++;
            find(log, LOG_UNFINISHED, flight->raised_line, i, flight->vcpu);
        } else if (flight->is_from_input) {
            log->counts.masked++;
        } else {
            log->counts.redelivered--;
        }
    }
}

bool log_adds_up(const struct interrupt_log *log)
{
    return log->counts.raised + log->counts.redelivered ==
           log->counts.delivered + log->counts.coalesced + log->counts.masked +
               log->counts.withdrawn + log->counts.lost +
               log->counts.unfinished;
}
