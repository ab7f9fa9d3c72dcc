/* SPDX-License-Identifier: MIT */
#include "sim/irq_waves.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats/outfile.h"
#include "trace/vcd.h"

enum {
    MODE_BITS = 2,
    PENDING_BITS = 9,
    SIGNALS_MAX = GUEST_VCPUS_MAX * (IRQSIM_LINES + 1) + 1,
    NAME_BYTES = 64,
};

struct irq_waves {
    struct vmc_outfile *vcd_file;
    struct vmc_vcd *vcd;
    uint32_t lines[GUEST_VCPUS_MAX][IRQSIM_LINES], modes[GUEST_VCPUS_MAX];
    uint32_t pending_signal;
    uint64_t pending[VMC_ROUTER_VECTORS / 64];
    uint32_t pending_count;
};

/* ---- What is seen ------------------------------------------------------- */

static void see_line(void *watcher, uint64_t tick, uint32_t vcpu, uint32_t line,
                     bool level)
{
    struct irq_waves *waves = watcher;

    vmc_vcd_change(waves->vcd, tick, waves->lines[vcpu][line], level);
}

static void see_mode(void *watcher, uint64_t tick, uint32_t vcpu,
                     enum irqsim_vcpu_mode mode)
{
    struct irq_waves *waves = watcher;

    vmc_vcd_change(waves->vcd, tick, waves->modes[vcpu], mode);
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
    vmc_vcd_change(waves->vcd, tick, waves->pending_signal,
                   waves->pending_count);
}

static void see_vector(void *watcher, uint64_t tick, uint32_t vcpu,
                       uint32_t vector, const char *what)
{
    struct irq_waves *waves = watcher;

    (void)vcpu;
    if (strcmp(what, "pending") == 0) {
        count_pending(waves, tick, vector, true);
    } else if (strcmp(what, "clear") == 0 || strcmp(what, "withdrawn") == 0) {
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

enum vmc_status irq_waves_new(struct irq_waves **out,
                              const struct irq_waves_config *config,
                              struct irqsim *sim, struct vmc_error *error)
{
    struct irq_waves *waves = calloc(1, sizeof(*waves));
    enum vmc_status status;

    *out = NULL;
    if (waves == NULL) {
        return VMC_E_NOMEM;
    }
    status = open_vcd(waves, config, error);
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
    enum vmc_status status;

    (void)vmc_vcd_end(waves->vcd, tick);
    status = vmc_outfile_commit(waves->vcd_file, error);
    waves->vcd_file = NULL;
    return status;
}

void irq_waves_free(struct irq_waves *waves)
{
    if (waves == NULL) {
        return;
    }
    vmc_vcd_free(waves->vcd);
    vmc_outfile_abandon(waves->vcd_file);
    free(waves);
}
