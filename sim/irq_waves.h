/* SPDX-License-Identifier: MIT */
/**
 * irq_waves.h - a simulated run as a waveform.
 *
 * It watches a struct irqsim and writes what it sees, for GTKWave: the inputs
 * and the mode of every vCPU and the number of pending vectors.
 */
#ifndef VMC_SIM_IRQ_WAVES_H
#define VMC_SIM_IRQ_WAVES_H

#include "sim/irqsim.h"

struct irq_waves;

struct irq_waves_config {
    const char *vcd_path;
    const char *vcd_signals; /**< glob over their names; NULL: all */
    uint32_t vcpu_count;
};

/**
 * Start to watch @sim.
 * Owner    *@out is the caller's, for irq_waves_free(); NULL on failure. @sim
 *          may not run after that.
 * Fails    VMC_E_IO, VMC_E_NOMEM, with a line in @error.
 */
enum vmc_status irq_waves_new(struct irq_waves **out,
                              const struct irq_waves_config *config,
                              struct irqsim *sim, struct vmc_error *error);

/**
 * The run has ended at @tick: complete the file and give it its name.
 * Fails    VMC_E_IO with a line in @error.
 */
enum vmc_status irq_waves_finish(struct irq_waves *waves, uint64_t tick,
                                 struct vmc_error *error);

/** Free @waves; a file that was not finished disappears. NULL is allowed. */
void irq_waves_free(struct irq_waves *waves);

#endif
