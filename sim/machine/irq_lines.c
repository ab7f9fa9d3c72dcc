/* SPDX-License-Identifier: MIT */
#include "sim/machine/irq_lines.h"

#include <string.h>

/* The second PIC has the lines from 8 on; the others count from 0, as the
 * default routing of KVM has it (arch/x86/kvm/irq_comm.c). */
enum { PIC_SLAVE_FIRST = 8 };

static void set_line(struct irq_lines *lines, const struct vmc_record *record)
{
    struct irq_line *line;
    uint64_t bit;
    bool was_high;

    if (record->args[0] >= IRQ_LINES_MAX ||
        record->args[2] >= IRQ_LINE_SOURCES) {
        lines->beyond++;
        return;
    }
    line = &lines->lines[record->args[0]];
    bit = UINT64_C(1) << record->args[2];
    was_high = line->sources != 0;
    line->set++;
    line->sources =
        record->args[1] != 0 ? line->sources | bit : line->sources & ~bit;
    if (was_high || line->sources == 0) {
        return;
    }
    line->raised++;
    line->merged += line->is_waiting;
    if (!line->is_waiting) {
        line->is_waiting = true;
        line->since_ns = record->time_ns;
    }
}

static struct irq_ack ack_line(struct irq_lines *lines,
                               const struct vmc_record *record,
                               const char *chip)
{
    bool is_slave = strcmp(chip, "PIC slave") == 0;
    struct irq_ack ack = {0};
    struct irq_line *line;

    if (record->args[1] >= IRQ_LINES_MAX - PIC_SLAVE_FIRST) {
        lines->beyond++;
        return ack;
    }
    ack.line = (uint32_t)record->args[1] + (is_slave ? PIC_SLAVE_FIRST : 0U);
    line = &lines->lines[ack.line];
    ack.since_ns = line->since_ns;
    ack.was_waiting = line->is_waiting;
    line->acked++;
    line->unasked += !line->is_waiting;
    if (line->is_waiting) {
        vmc_hist_add(&lines->wait_ns, record->time_ns - line->since_ns);
        line->is_waiting = false;
    }
    return ack;
}

struct irq_ack irq_lines_take(struct irq_lines *lines,
                              const struct vmc_record *record, const char *chip)
{
    if (record->kind == VMC_REC_KVM_ACK_IRQ) {
        return ack_line(lines, record, chip);
    }
    if (record->kind == VMC_REC_KVM_SET_IRQ) {
        set_line(lines, record);
    }
    return (struct irq_ack){.was_waiting = false};
}
