/* SPDX-License-Identifier: MIT */
/**
 * balloon_drawing.h - a balloon scenario drawn as it runs: a timeline, a
 * waveform, both or neither.
 */
#ifndef VMC_SIM_BALLOON_BALLOON_DRAWING_H
#define VMC_SIM_BALLOON_BALLOON_DRAWING_H

#include "sim/balloon/balloon_irq.h"
#include "sim/balloon/balloon_run_timeline.h"
#include "sim/balloon/balloon_vcd.h"
#include "sim/machine/irq_timeline.h"
#include "sim/machine/irq_vcd.h"
#include "sim/machine/timeline_file.h"
#include "sim/machine/waveform.h"

/** Zeroed memory is one that draws nothing. */
struct balloon_drawing {
    struct timeline_file timeline;
    struct balloon_run_timeline threads;
    struct irq_timeline *irq_tracks;
    struct waveform waveform;
    struct balloon_vcd vcd;
    struct irq_vcd *irq_vcd;
    struct balloon_irq *irq;
};

/**
 * Open the files that are asked for, and have *@watch tell them. @irq: the
 * interrupts of the scenario, NULL when it has none of its own.
 * Owner    @drawing is for balloon_drawing_free(), also when this fails, and
 *          may not be moved; @irq is borrowed for its life.
 * Fails    VMC_E_IO, VMC_E_USAGE, VMC_E_NOMEM, with a line in @error.
 */
enum vmc_status balloon_drawing_open(struct balloon_drawing *drawing,
                                     const struct vmc_balloon_watch **watch,
                                     const struct timeline_options *timeline,
                                     const struct waveform_options *vcd,
                                     struct balloon_irq *irq,
                                     struct vmc_error *error);

/** The scenario is over: complete the files. Fails as waveform_finish(). */
enum vmc_status balloon_drawing_finish(struct balloon_drawing *drawing,
                                       struct vmc_error *error);

/** Free what is left; files that were not finished disappear. */
void balloon_drawing_free(struct balloon_drawing *drawing);

#endif
