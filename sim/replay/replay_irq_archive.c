/* SPDX-License-Identifier: MIT */
/* The interrupt section in a checkpoint. Both machines list their own state;
 * the engine holds what the one in time still has to do. The map of threads is
 * that of the metadata; its order is only how soon one is found. */
#include "sim/replay/replay_irq_priv.h"

static void archive_machine(struct vmc_archive *archive, const char *name,
                            struct machine *machine)
{
    struct vmc_state_map map = {.part_count = 0};

    machine_add_state(machine, &map);
    vmc_archive_begin(archive, name);
    vmc_state_archive(&map, archive);
    vmc_archive_end(archive);
}

static void archive_sim(struct vmc_archive *archive, struct irqsim *sim)
{
    struct vmc_state_map map = {.part_count = 0};

    irqsim_add_state(sim, &map);
    vmc_archive_begin(archive, "irqsim");
    vmc_archive_same(archive, "timing", &sim->config.timing,
                     sizeof(sim->config.timing));
    vmc_state_archive(&map, archive);
    vmc_archive_end(archive);
}

static void archive_rows(struct vmc_archive *archive, const char *name,
                         struct vmc_outfile *rows)
{
    if (rows != NULL) {
        vmc_archive_begin(archive, name);
        vmc_outfile_archive(rows, archive);
        vmc_archive_end(archive);
    }
}

void replay_irq_archive(void *state, struct vmc_archive *archive)
{
    struct replay_irq *self = state;

    vmc_archive_same(archive, "vcpu_count", &self->vcpu_count,
                     sizeof(self->vcpu_count));
    archive_machine(archive, "recorded", &self->recorded);
    archive_machine(archive, "timed", &self->timed);
    archive_sim(archive, &self->sim);
    vmc_engine_archive(self->engine, archive);
    VMC_ARCHIVE(archive, self->log);
    VMC_ARCHIVE(archive, self->expected);
    VMC_ARCHIVE(archive, self->expected_count);
    VMC_ARCHIVE(archive, self->inner_value);
    VMC_ARCHIVE(archive, self->has_inner);
    VMC_ARCHIVE(archive, self->counts);
    archive_rows(archive, "timeline.tsv", self->timeline);
    archive_rows(archive, "timeline-ipi.tsv", self->timeline_ipi);
    if (self->tracks != NULL) {
        irq_timeline_archive(self->tracks, archive);
        irq_log_timeline_archive(self->log_tracks, archive);
    }
    if (self->vcd != NULL) {
        irq_vcd_archive(self->vcd, archive);
        waveform_archive(&self->waveform, archive);
    }
}
