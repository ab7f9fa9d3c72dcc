/* SPDX-License-Identifier: MIT */
/* Runs of vmcycle balloon that begin alike, and are begun once (sim/share.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/balloon/balloon_run.h"
#include "sim/command.h"
#include "sim/share.h"

/* The runs of a trunk, and how each parts from it. */
struct parting {
    struct balloon_chooser chooser; /* is_run: this is no trunk any more */
    struct share *share;
    struct balloon_options
        *options;     /* of the trunk; of the run, if it is one */
    uint32_t *cycles; /* before which a run parts, 0: before anything */
};

/* Whether cycles before the timed one, and their sizes, are the same. */
static bool are_alike(enum vmc_balloon_op a, enum vmc_balloon_op b)
{
    static const bool is_plain[VMC_BALLOON_OP_COUNT] = {
        [VMC_OP_SHRINK] = true, [VMC_OP_GROW] = true, [VMC_OP_PRESSURE] = true};

    return a == b || (is_plain[a] && is_plain[b]);
}

/* The options of run @number and its machine. False when they cannot be told
 * here; the run then says why. */
static bool load_run(const struct parting *parting, uint32_t number,
                     struct balloon_options *own,
                     struct balloon_machine *machine)
{
    struct vmc_error error;
    int argc;
    char **argv = share_arguments(parting->share, number, &argc);

    if (argv == NULL) {
        return false;
    }
    balloon_options_parse(own, argc, argv);
    return balloon_options_machine(own, machine, &error) == VMC_OK;
}

/* A guest is set up without the costs, so a run with others parts when that is
 * done; one whose machine is another, or which the trunk's plan would not fit,
 * before. */
static uint32_t parting_cycle(const struct parting *parting, uint32_t number)
{
    const char *op_name = share_value(parting->share, number, "op");
    const char *cycle_name = share_value(parting->share, number, "iteration");
    uint64_t cycle = parting->options->config.iteration;
    enum vmc_balloon_op trunk_op, op;
    struct balloon_machine machine;
    struct balloon_options own = {.assumed = NULL};
    struct vmc_error error;
    bool is_alike;

    if (balloon_op(&trunk_op, parting->options->op, &error) != VMC_OK ||
        balloon_op(&op, op_name != NULL ? op_name : parting->options->op,
                   &error) != VMC_OK ||
        !are_alike(trunk_op, op) ||
        (cycle_name != NULL && vmc_parse_u64(&cycle, cycle_name) != VMC_OK) ||
        cycle < 1 || cycle > UINT32_MAX) {
        return 0;
    }
    if (share_has_same_settings(parting->share, 0, number)) {
        return (uint32_t)cycle;
    }
    is_alike = load_run(parting, number, &own, &machine) &&
               memcmp(&machine.machine, &parting->chooser.machine->machine,
                      sizeof(machine.machine)) == 0;
    json_decref(own.assumed);
    return is_alike;
}

/* In a run: take over what may differ from the trunk. */
static bool become_run(struct parting *parting, uint32_t number)
{
    struct balloon_machine machine;
    struct balloon_options own = {.assumed = NULL};
    struct vmc_error error;

    if (!load_run(parting, number, &own, &machine) ||
        balloon_op(&parting->options->config.op, own.op, &error) != VMC_OK) {
        return false;
    }
    parting->chooser.is_run = true;
    (void)json_object_update(parting->options->assumed, own.assumed);
    json_decref(own.assumed);
    parting->options->json_path = own.json_path;
    parting->options->op = own.op;
    parting->options->config.iteration = own.config.iteration;
    parting->chooser.machine->costs = machine.costs;
    return true;
}

static bool choose(void *owner, uint32_t cycle, enum vmc_balloon_op *op)
{
    struct parting *parting = VMC_CONTAINER_OF(owner, struct parting, chooser);
    struct share *share = parting->share;
    const struct vmc_balloon_config *config = &parting->options->config;

    for (uint32_t i = 0; i < share_count(share) && !parting->chooser.is_run;
         i++) {
        if (parting->cycles[i] == cycle && share_part(share, i) &&
            !become_run(parting, i)) {
            (void)fprintf(stderr, "vmcycle: cannot go on from a trunk\n");
            exit(EXIT_INTERNAL);
        }
    }
    *op = parting->chooser.is_run && cycle == config->iteration
              ? config->op
              : VMC_BALLOON_OP_COUNT;
    return parting->chooser.is_run || !share_is_over(share);
}
/* Runs that part before anything is done, then the others. */
static int part_runs(struct parting *parting)
{
    struct share *share = parting->share;

    for (uint32_t i = 0; i < share_count(share); i++) {
        parting->cycles[i] = parting_cycle(parting, i);
    }
    for (uint32_t i = 0; i < share_count(share); i++) {
        if (parting->cycles[i] == 0 && share_part(share, i)) {
            int argc;
            char **argv = share_arguments(share, i, &argc);

            return argv != NULL ? command_balloon(argc, argv) : EXIT_BAD_INPUT;
        }
    }
    parting->options->config.iteration = 1; /* choose() knows better */
    return share_is_over(share)
               ? EXIT_GOOD
               : balloon_run(parting->options, &parting->chooser);
}

static int run_shared(struct share *share)
{
    struct balloon_options options = {.assumed = NULL};
    struct balloon_machine machine;
    struct parting parting = {
        .chooser = {.choose = choose, .machine = &machine},
        .share = share,
        .options = &options};
    int end = EXIT_BAD_INPUT;

    if (load_run(&parting, 0, &options, &machine) && !options.is_validating &&
        options.report_path == NULL && options.timeline.path == NULL &&
        options.log_path == NULL) {
        parting.cycles = calloc(share_count(share), sizeof(*parting.cycles));
        end = parting.cycles != NULL ? part_runs(&parting) : EXIT_INTERNAL;
    }
    free(parting.cycles);
    json_decref(options.assumed);
    return end;
}

static const char *const late_options[] = {"iteration", "op", "set", NULL};

const struct shared_command shared_balloon = {
    .name = "balloon",
    .late = late_options,
    .is_settings_first = true, /* the cycles before are those of the costs */
    .run = run_shared};
