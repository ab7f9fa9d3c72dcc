/* SPDX-License-Identifier: MIT */
/**
 * interrupt_log.h - what became of each interrupt of a recording.
 *
 * An interrupt lives from the line that raises its input to the line that
 * clears its status bit:
 *
 *     raised --> pending on a vCPU --> seen by a status read --> cleared
 *
 * Every input assertion ends in exactly one of these counts, so that
 * raised = delivered - redelivered + coalesced + masked + withdrawn
 *          + lost + unfinished:
 *
 *   delivered    a status read by the right vCPU has shown it
 *   coalesced    the vector was pending already
 *   masked       the vector was disabled and never came through
 *   withdrawn    the input fell before anybody looked
 *   lost         cleared by a write although no read had shown it
 *   unfinished   pending and unseen when the recording ends
 *
 * A vector that becomes pending without an input is redelivered: a route or an
 * enable bit changed while its latch was still set.
 *
 * Units    ns of the recording, line numbers of its text.
 * Owner    Plain data of the caller; about 1 MiB.
 */
#ifndef VMC_SIM_REPLAY_INTERRUPT_LOG_H
#define VMC_SIM_REPLAY_INTERRUPT_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "stats/histogram.h"

enum {
    LOG_VECTORS = 256,
    LOG_VCPUS_MAX = 256,
    LOG_IPI_BITS = 32,
    LOG_FINDINGS_MAX =
        1000, /**< of a kind, kept with their lines; counts go on */
    LOG_NO_VCPU = 0xffff
};

enum log_finding_kind {
    LOG_SPURIOUS,    /**< a dispatch found nothing pending */
    LOG_REDELIVERED, /**< a stale latch came through once more */
    LOG_LOST,
    LOG_WITHDRAWN,
    LOG_UNFINISHED, /**< raised, pending, and the recording ends */
    LOG_FINDING_COUNT
};

/** One thing that a person may want to look up. */
struct log_finding {
    uint64_t line;
    uint16_t vector; /**< LOG_VECTORS when there is none */
    uint16_t vcpu;
    uint8_t kind;
};

/** One vector on its way. */
struct log_flight {
    uint64_t raised_ns, raised_line, seen_ns;
    uint16_t vcpu; /**< where it is pending, or LOG_NO_VCPU */
    bool is_open;  /**< raised and not cleared yet */
    bool is_seen;
    bool is_pending;
    bool is_from_input; /**< not a redelivery */
};

struct interrupt_log {
    struct log_flight vectors[LOG_VECTORS];
    uint64_t ipi_sent_ns[LOG_VCPUS_MAX][LOG_IPI_BITS];
    uint32_t ipi_open[LOG_VCPUS_MAX]; /**< bits sent and not seen */
    struct {
        uint64_t delivered, spurious, ipis, reads, last_offset;
        bool is_dispatching, found_any;
        uint64_t dispatch_line;
    } vcpus[LOG_VCPUS_MAX];
    uint32_t map[LOG_VCPUS_MAX][LOG_VECTORS]; /**< delivered, by both */
    struct {
        uint64_t raised, lowered, delivered, coalesced, masked, withdrawn,
            redelivered, lost, spurious, unfinished, ipi_sent, ipi_seen,
            ipi_coalesced;
    } counts;
    struct vmc_hist seen_ns;    /**< raised to first status read */
    struct vmc_hist cleared_ns; /**< raised to cleared */
    struct vmc_hist ipi_ns;     /**< sent to first status read */
    struct log_finding findings[LOG_FINDINGS_MAX * LOG_FINDING_COUNT];
    uint32_t finding_count;
    uint32_t finding_counts[LOG_FINDING_COUNT]; /**< of each kind, kept */
};

/** Where and when a record happened. */
struct log_place {
    uint64_t time_ns, line;
};

/**
 * The input of @vector was set to @level; the controller then had it pending
 * on @vcpu (LOG_NO_VCPU: nowhere), and @was_pending before.
 */
void log_input(struct interrupt_log *log, struct log_place place,
               uint32_t vector, bool level, bool was_pending, uint32_t vcpu);

/**
 * A write of an enable bit or a route has moved @vector: it is now pending on
 * @vcpu, or nowhere. To be called for changes only.
 */
void log_moved(struct interrupt_log *log, struct log_place place,
               uint32_t vector, uint32_t vcpu);

/**
 * @vcpu has read @value from status word @word (32 vectors each).
 * Returns  the bits that this read has shown for the first time.
 */
uint32_t log_status_read(struct interrupt_log *log, struct log_place place,
                         uint32_t vcpu, uint32_t word, uint32_t value);

/** @vcpu has cleared @bits, which were pending, of status word @word. */
void log_status_clear(struct interrupt_log *log, struct log_place place,
                      uint32_t vcpu, uint32_t word, uint32_t bits);

/** @vcpu does something else than reading status words. Ends its dispatch. */
void log_other_access(struct interrupt_log *log, uint32_t vcpu);

/** IPI number @bit was sent to @vcpu. */
void log_ipi_sent(struct interrupt_log *log, struct log_place place,
                  uint32_t vcpu, uint32_t bit);

/**
 * @vcpu has read @status from its IPI unit.
 * Returns  the bits shown for the first time.
 */
uint32_t log_ipi_status_read(struct interrupt_log *log, struct log_place place,
                             uint32_t vcpu, uint32_t status);

/** The recording has ended: count what is still open. */
void log_finish(struct interrupt_log *log);

/** True when the counts add up as the head of this file says. */
bool log_adds_up(const struct interrupt_log *log);

/** The name of @kind in results. */
const char *log_finding_name(enum log_finding_kind kind);

#endif
