/* SPDX-License-Identifier: MIT */
#include "sim/balloon/balloon_drawing.h"

static enum vmc_status open_timeline(struct balloon_drawing *drawing,
                                     const struct vmc_balloon_watch **watch,
                                     const struct timeline_options *options,
                                     struct vmc_error *error)
{
    enum vmc_status status =
        timeline_file_open(&drawing->timeline, options, error);

    if (status != VMC_OK) {
        return status;
    }
    balloon_run_timeline_init(&drawing->threads, drawing->timeline.timeline);
    drawing->threads.watch.next = *watch;
    *watch = &drawing->threads.watch;
    return drawing->irq == NULL ? VMC_OK
                                : irq_timeline_new(&drawing->irq_tracks,
                                                   drawing->timeline.timeline,
                                                   &drawing->irq->sim);
}

static enum vmc_status open_waveform(struct balloon_drawing *drawing,
                                     const struct vmc_balloon_watch **watch,
                                     const struct waveform_options *options,
                                     struct vmc_error *error)
{
    enum vmc_status status =
        waveform_open(&drawing->waveform, options,
                      BALLOON_VCD_SIGNALS_MAX + IRQ_VCD_SIGNALS_MAX, error);

    if (status != VMC_OK) {
        return status;
    }
    balloon_vcd_init(&drawing->vcd, drawing->waveform.vcd);
    drawing->vcd.watch.next = *watch;
    *watch = &drawing->vcd.watch;
    if (drawing->irq != NULL) {
        status = irq_vcd_new(&drawing->irq_vcd, drawing->waveform.vcd,
                             &drawing->irq->sim, &drawing->irq->machine);
        drawing->irq->vcd = drawing->irq_vcd;
    }
    return status == VMC_OK ? waveform_ready(&drawing->waveform, error)
                            : status;
}

enum vmc_status balloon_drawing_open(struct balloon_drawing *drawing,
                                     const struct vmc_balloon_watch **watch,
                                     const struct timeline_options *timeline,
                                     const struct waveform_options *vcd,
                                     struct balloon_irq *irq,
                                     struct vmc_error *error)
{
    enum vmc_status status = VMC_OK;

    *drawing = (struct balloon_drawing){.irq = irq};
    if (timeline->path != NULL) {
        status = open_timeline(drawing, watch, timeline, error);
    }
    if (status == VMC_OK && vcd->path != NULL) {
        status = open_waveform(drawing, watch, vcd, error);
    }
    return status;
}

enum vmc_status balloon_drawing_finish(struct balloon_drawing *drawing,
                                       struct vmc_error *error)
{
    uint64_t irq_tick =
        drawing->irq != NULL ? vmc_engine_now_tick(drawing->irq->engine) : 0;
    enum vmc_status status = VMC_OK;

    if (drawing->timeline.timeline != NULL) {
        balloon_run_timeline_finish(&drawing->threads);
        if (drawing->irq_tracks != NULL) {
            irq_timeline_finish(drawing->irq_tracks, irq_tick);
        }
        status = timeline_file_close(&drawing->timeline, error);
    }
    if (status == VMC_OK && drawing->waveform.vcd != NULL) {
        uint64_t tick = drawing->vcd.last_tick;

        status = waveform_finish(&drawing->waveform,
                                 irq_tick > tick ? irq_tick : tick, error);
    }
    return status;
}

void balloon_drawing_free(struct balloon_drawing *drawing)
{
    if (drawing->irq != NULL) {
        drawing->irq->vcd = NULL;
    }
    irq_timeline_free(drawing->irq_tracks);
    irq_vcd_free(drawing->irq_vcd);
    timeline_file_abandon(&drawing->timeline);
    waveform_free(&drawing->waveform);
}
