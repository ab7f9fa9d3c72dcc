/* SPDX-License-Identifier: MIT */
#include "sim/irq_waves.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats/outfile.h"
#include "trace/timeline.h"
#include "trace/vcd.h"

enum {
    GROUP_VCPUS = 0,
    GROUP_DEVICES = 1,
    MODE_BITS = 2,
    PENDING_BITS = 9,
    SIGNALS_MAX = GUEST_VCPUS_MAX * (IRQSIM_LINES + 1) + 1,
    NAME_BYTES = 64,
};

struct irq_waves {
    struct vmc_outfile *vcd_file, *timeline_file;
    struct vmc_vcd *vcd;
    struct vmc_timeline *timeline;
    uint32_t lines[GUEST_VCPUS_MAX][IRQSIM_LINES], modes[GUEST_VCPUS_MAX];
    uint32_t pending_signal, tracks[GUEST_VCPUS_MAX], device_track;
    enum irqsim_vcpu_mode mode[GUEST_VCPUS_MAX];
    uint64_t next_flow, flows[VMC_ROUTER_VECTORS]; /* 0: none on its way */
    uint64_t pending[VMC_ROUTER_VECTORS / 64];
    uint32_t pending_count;
};

/* ---- What is seen ------------------------------------------------------- */

static void see_line(void *watcher, uint64_t tick, uint32_t vcpu, uint32_t line,
                     bool level)
{
    struct irq_waves *waves = watcher;

    if (waves->vcd != NULL) {
        vmc_vcd_change(waves->vcd, tick, waves->lines[vcpu][line], level);
    }
}

static bool has_slice(enum irqsim_vcpu_mode mode)
{
    return mode == IRQSIM_ENTERING || mode == IRQSIM_HANDLING;
}

static void see_mode(void *watcher, uint64_t tick, uint32_t vcpu,
                     enum irqsim_vcpu_mode mode)
{
    struct irq_waves *waves = watcher;

    if (waves->vcd != NULL) {
        vmc_vcd_change(waves->vcd, tick, waves->modes[vcpu], mode);
    }
    if (waves->timeline != NULL) {
        if (has_slice(waves->mode[vcpu])) {
            vmc_timeline_end(waves->timeline, waves->tracks[vcpu], tick);
        }
        if (has_slice(mode)) {
            vmc_timeline_begin(waves->timeline, waves->tracks[vcpu], tick,
                               mode == IRQSIM_ENTERING ? "enter" : "handler");
        }
    }
    waves->mode[vcpu] = mode;
}

static void count_pending(struct irq_waves *waves, uint64_t tick,
                          uint32_t vector, bool is_pending)
{
    uint64_t *word = &waves->pending[vector / 64];
    uint64_t bit = UINT64_C(1) << vector % 64;

    if (((*word & bit) != 0) == is_pending) {
        return;
    }
    *word ^= bit;
    waves->pending_count += is_pending ? 1U : UINT32_MAX;
    if (waves->vcd != NULL) {
        vmc_vcd_change(waves->vcd, tick, waves->pending_signal,
                       waves->pending_count);
    }
    if (waves->timeline != NULL) {
        vmc_timeline_counter(waves->timeline, GROUP_DEVICES, tick,
                             "pending vectors", waves->pending_count);
    }
}

static void show_vector(struct irq_waves *waves, uint64_t tick, uint32_t vcpu,
                        uint32_t vector, const char *what)
{
    char name[NAME_BYTES];

    (void)snprintf(name, sizeof(name), "v%" PRIu32 " %s", vector, what);
    if (strcmp(what, "raise") == 0) {
        waves->flows[vector] = ++waves->next_flow;
        vmc_timeline_begin(waves->timeline, waves->device_track, tick, name);
        vmc_timeline_flow_out(waves->timeline, waves->device_track, tick,
                              waves->flows[vector], "interrupt");
        vmc_timeline_end(waves->timeline, waves->device_track, tick);
        return;
    }
    if (strcmp(what, "pending") == 0) {
        return;
    }
    if (strcmp(what, "seen") == 0 && waves->flows[vector] != 0) {
        vmc_timeline_flow_in(waves->timeline, waves->tracks[vcpu], tick,
                             waves->flows[vector], "interrupt");
        waves->flows[vector] = 0;
    }
    vmc_timeline_instant(waves->timeline, waves->tracks[vcpu], tick, name);
}

static void see_vector(void *watcher, uint64_t tick, uint32_t vcpu,
                       uint32_t vector, const char *what)
{
    struct irq_waves *waves = watcher;

    if (waves->timeline != NULL) {
        show_vector(waves, tick, vcpu, vector, what);
    }
    if (strcmp(what, "pending") == 0) {
        count_pending(waves, tick, vector, true);
    } else if (strcmp(what, "clear") == 0) {
        count_pending(waves, tick, vector, false);
    }
}

static const struct irqsim_observer observer = {
    .line = see_line, .mode = see_mode, .vector = see_vector};

/* ---- Files -------------------------------------------------------------- */

static void add_signals(struct irq_waves *waves, uint32_t vcpu_count)
{
    char name[NAME_BYTES];

    waves->pending_signal =
        vmc_vcd_add(waves->vcd, "eiointc.pending", PENDING_BITS);
    for (uint32_t vcpu = 0; vcpu < vcpu_count; vcpu++) {
        (void)snprintf(name, sizeof(name), "cpu%" PRIu32 ".mode", vcpu);
        waves->modes[vcpu] = vmc_vcd_add(waves->vcd, name, MODE_BITS);
        for (uint32_t line = 0; line < IRQSIM_LINES; line++) {
            (void)snprintf(name, sizeof(name), "cpu%" PRIu32 ".IS%" PRIu32,
                           vcpu, line);
            waves->lines[vcpu][line] = vmc_vcd_add(waves->vcd, name, 1);
        }
    }
}

static enum vmc_status open_vcd(struct irq_waves *waves,
                                const struct irq_waves_config *config,
                                struct vmc_error *error)
{
    const struct vmc_vcd_config vcd = {.pattern = config->vcd_signals,
                                       .until_tick = UINT64_MAX,
                                       .signals_max = SIGNALS_MAX};
    enum vmc_status status =
        vmc_outfile_open(&waves->vcd_file, config->vcd_path, error);

    if (status == VMC_OK) {
        status =
            vmc_vcd_new(&waves->vcd, vmc_outfile_stream(waves->vcd_file), &vcd);
    }
    if (status == VMC_OK) {
        add_signals(waves, config->vcpu_count);
    }
    return status;
}

static enum vmc_status open_timeline(struct irq_waves *waves,
                                     const struct irq_waves_config *config,
                                     struct vmc_error *error)
{
    char name[NAME_BYTES];
    enum vmc_status status =
        vmc_outfile_open(&waves->timeline_file, config->timeline_path, error);

    if (status == VMC_OK) {
        status = vmc_timeline_new(&waves->timeline,
                                  vmc_outfile_stream(waves->timeline_file));
    }
    if (status != VMC_OK) {
        return status;
    }
    vmc_timeline_name_group(waves->timeline, GROUP_VCPUS, "vCPUs");
    vmc_timeline_name_group(waves->timeline, GROUP_DEVICES, "devices");
    for (uint32_t vcpu = 0; vcpu < config->vcpu_count; vcpu++) {
        (void)snprintf(name, sizeof(name), "vCPU %" PRIu32, vcpu);
        waves->tracks[vcpu] =
            vmc_timeline_add_track(waves->timeline, GROUP_VCPUS, name);
    }
    waves->device_track =
        vmc_timeline_add_track(waves->timeline, GROUP_DEVICES, "inputs");
    return VMC_OK;
}

enum vmc_status irq_waves_new(struct irq_waves **out,
                              const struct irq_waves_config *config,
                              struct irqsim *sim, struct vmc_error *error)
{
    struct irq_waves *waves = calloc(1, sizeof(*waves));
    enum vmc_status status = VMC_OK;

    *out = NULL;
    if (waves == NULL) {
        return VMC_E_NOMEM;
    }
    if (config->vcd_path != NULL) {
        status = open_vcd(waves, config, error);
    }
    if (status == VMC_OK && config->timeline_path != NULL) {
        status = open_timeline(waves, config, error);
    }
    if (status != VMC_OK) {
        irq_waves_free(waves);
        return status;
    }
    irqsim_observe(sim, &observer, waves);
    *out = waves;
    return VMC_OK;
}

enum vmc_status irq_waves_finish(struct irq_waves *waves, uint64_t tick,
                                 struct vmc_error *error)
{
    enum vmc_status status = VMC_OK;

    if (waves->vcd != NULL) {
        (void)vmc_vcd_end(waves->vcd, tick);
        status = vmc_outfile_commit(waves->vcd_file, error);
        waves->vcd_file = NULL;
    }
    if (status == VMC_OK && waves->timeline != NULL) {
        (void)vmc_timeline_finish(waves->timeline, tick);
        status = vmc_outfile_commit(waves->timeline_file, error);
        waves->timeline_file = NULL;
    }
    return status;
}

void irq_waves_free(struct irq_waves *waves)
{
    if (waves == NULL) {
        return;
    }
    vmc_vcd_free(waves->vcd);
    vmc_timeline_free(waves->timeline);
    vmc_outfile_abandon(waves->vcd_file);
    vmc_outfile_abandon(waves->timeline_file);
    free(waves);
}
