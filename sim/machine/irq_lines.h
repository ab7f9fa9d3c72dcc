/* SPDX-License-Identifier: MIT */
/**
 * irq_lines.h - recorded interrupt lines of KVM: raised, lowered, acknowledged.
 *
 * A line is high while one of its sources holds it. A raise that comes before
 * the one before was acknowledged is merged with it. The time of an interrupt
 * is from its first raise to the acknowledgement of its pin.
 *
 * Units    Times are ns since the first record.
 */
#ifndef VMC_SIM_MACHINE_IRQ_LINES_H
#define VMC_SIM_MACHINE_IRQ_LINES_H

#include "stats/histogram.h"
#include "trace/record.h"

enum { IRQ_LINES_MAX = 256, IRQ_LINE_SOURCES = 64 };

/** One line, by its number on the routing table (GSI). */
struct irq_line {
    uint64_t set;     /**< lines of the log that set it, to either level */
    uint64_t raised;  /**< from low to high */
    uint64_t merged;  /**< of those, before the last was acknowledged */
    uint64_t acked;   /**< acknowledgements of its pin */
    uint64_t unasked; /**< of those, when nothing was raised */
    uint64_t sources; /**< that hold it high, a bit each */
    uint64_t since_ns;
    bool is_waiting; /**< raised, and not acknowledged yet */
};

/** Zeroed memory is a set of low lines. */
struct irq_lines {
    struct irq_line lines[IRQ_LINES_MAX];
    uint64_t beyond;         /**< records of lines and sources out of range */
    struct vmc_hist wait_ns; /**< of all lines */
};

/** Whom an acknowledgement reached. */
struct irq_ack {
    uint64_t since_ns; /**< raised at; when it was waiting */
    uint32_t line;
    bool was_waiting;
};

/**
 * Take a record; other kinds than KVM_SET_IRQ and KVM_ACK_IRQ are passed over.
 * @chip is the text of an acknowledgement: "PIC master", "PIC slave", "IOAPIC".
 * Returns  the line that it reached; of other kinds one that was not waiting.
 */
struct irq_ack irq_lines_take(struct irq_lines *lines,
                              const struct vmc_record *record,
                              const char *chip);

#endif
