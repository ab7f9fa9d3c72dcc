/* SPDX-License-Identifier: MIT */
/**
 * replay_irq_priv.h - the state of the interrupt section of a replay, shared
 * by the part that begins it, the one that takes records and the one that tells
 * what came of them.
 */
#ifndef VMC_SIM_REPLAY_REPLAY_IRQ_PRIV_H
#define VMC_SIM_REPLAY_REPLAY_IRQ_PRIV_H

#include "sim/replay/interrupt_log.h"
#include "sim/replay/irq_log_timeline.h"
#include "sim/machine/irq_timeline.h"
#include "sim/machine/irq_vcd.h"
#include "sim/machine/irqsim.h"
#include "sim/machine/machine.h"
#include "sim/replay/replay.h"
#include "sim/machine/waveform.h"
#include "stats/outfile.h"

enum { REPLAY_IRQ_THREADS_MAX = 4096, REPLAY_IRQ_EXPECTED_MAX = 64 };

/* An input change that the models of PCH-PIC or MSI have announced. */
struct expected_input {
    uint32_t vector;
    bool level;
};

struct thread_map {
    uint32_t thread, vcpu;
};

struct replay_irq {
    struct machine recorded, timed;
    struct interrupt_log log;
    struct irqsim sim;
    struct vmc_engine *engine;
    struct replay_context context;
    struct thread_map threads[REPLAY_IRQ_THREADS_MAX];
    uint32_t thread_count, vcpu_count;
    struct expected_input expected[REPLAY_IRQ_EXPECTED_MAX];
    uint32_t expected_count;
    /* The inner write of an IPI_SEND that the log will show next, by vCPU. */
    uint32_t inner_value[MACHINE_VCPUS_MAX];
    bool has_inner[MACHINE_VCPUS_MAX];
    struct {
        uint64_t records, register_reads, mismatches;
        uint64_t first_line, first_found, first_recorded;
        uint64_t pic_reads, pic_mismatches, ipi_reads, ipi_mismatches;
        uint64_t inputs_predicted, inputs_missing, inputs_unexplained;
        uint64_t iocsr_accesses, foreign_accesses, bad_vectors;
    } counts;
    struct vmc_outfile *timeline, *timeline_ipi;
    struct waveform waveform;    /* zeroed: nobody asked for any */
    struct irq_vcd *vcd;         /* NULL: the same */
    struct irq_timeline *tracks; /* the same */
    struct irq_log_timeline *log_tracks;
};

/** Read the .meta and the profile and make the machines: the start function of
 * struct replay_section; and its free function. */
enum vmc_status replay_irq_start(void **state,
                                 const struct replay_context *context,
                                 struct vmc_error *error);
void replay_irq_free(void *state);

/** PCH-PIC or MSI of the model announce an input change, which the log is to
 * show; @owner is the section. */
void replay_irq_expect(void *owner, uint32_t vector, bool level);

/** Save or load the section: the archive function of struct replay_section. */
void replay_irq_archive(void *state, struct vmc_archive *archive);

/** Write latency, map and stage rows into the report's folder, if any. */
void replay_irq_write_rows(struct replay_irq *self);

/** The section's object. The caller's reference. */
json_t *replay_irq_describe(const struct replay_irq *self);

/** The section's table for a person. */
void replay_irq_print(const struct replay_irq *self, FILE *table);

#endif
