/* SPDX-License-Identifier: MIT */
/**
 * explore_target.h - what "vmcycle explore" was asked to search.
 *
 * A scenario file is compiled (docs/scenarios.md); a name that is no file, as
 * "S03", means one of those that come with the program. A name "irq:RACE" is a
 * race of the interrupt models, see explore_irq.h.
 */
#ifndef VMC_SIM_EXPLORE_EXPLORE_TARGET_H
#define VMC_SIM_EXPLORE_EXPLORE_TARGET_H

#include "sim/explore/explore_irq.h"
#include "sim/explore/explore_life.h"
#include "sim/explore/explore_vcpu.h"
#include "sim/explore/story.h"
#include "vcpu/program.h"

struct explore_target {
    struct told_model told;
    const char *name, *title, *variant;
    uint64_t source_hash; /**< of the scenario's file; 0: there is none */
    struct vmc_life_program *program; /**< NULL when it is no scenario */
    struct explore_vcpu vcpu;
    struct explore_irq irq;
    struct explore_life life; /**< a scenario with a controller */
};

/**
 * Open @path as @config says; flags and parameters are for scenarios.
 * Owner    explore_target_close() frees what *@target holds; it must not move.
 * Fails    as vmc_life_compile(); VMC_E_USAGE for an unknown race.
 */
enum vmc_status explore_target_open(struct explore_target *target,
                                    const char *path,
                                    const struct vmc_life_config *config,
                                    struct vmc_error *error);

void explore_target_close(struct explore_target *target);

/** A rule that was broken over many runs and in none of them alone, with a
 * sentence in @why; 0 when there is none. */
uint32_t explore_target_note(const struct explore_target *target,
                             char why[STORY_TEXT_BYTES]);

/** From now on the same rule on another object is another failure, or is not:
 * for a minimiser that must keep both. */
void explore_target_tell_objects(struct explore_target *target, bool does);

/** True when @rule, or 0, is what the variant is meant to end with. */
bool explore_target_is_expected(const struct explore_target *target,
                                uint32_t rule);

#endif
