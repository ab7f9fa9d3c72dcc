/* SPDX-License-Identifier: MIT */
/* Any bytes as a scenario. What compiles is run in words, the steps drawn from
 * the bytes themselves, up to a thousand of them, its interrupts through a
 * controller if it names one: it may break any rule, but no assertion. */
#include <stdlib.h>
#include <string.h>

#include "sim/explore/explore_life.h"
#include "sim/explore/explore_vcpu.h"
#include "vcpu/program.h"

enum { STEPS_MAX = 1000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void check_footprints(const struct vmc_life_program *program,
                             const struct vmc_life_state *state)
{
    struct vmc_life_access accesses[VMC_LIFE_ACCESSES_MAX];

    for (uint32_t task = 0; task < state->task_count; task++) {
        if (vmc_life_footprint(program, state, task, accesses) >
            VMC_LIFE_ACCESSES_MAX) {
            abort();
        }
    }
}

static void run(const struct told_model *told,
                const struct vmc_life_program *program, const uint8_t *data,
                size_t size_bytes)
{
    const struct vmc_model_ops *ops = told->words->ops;
    unsigned char *state = calloc(1, ops->state_bytes(told->model));
    static struct story_moment moment;
    struct vmc_life_state life;
    char why[STORY_TEXT_BYTES];
    uint16_t steps[VMC_MODEL_STEPS_MAX];
    uint32_t count, rule = 0, made = 0;

    if (state == NULL) {
        return;
    }
    ops->start(told->model, state);
    while (rule == 0 && made < STEPS_MAX &&
           (count = ops->enabled(told->model, state, steps)) > 0) {
        struct story_step said = {.step = 0};

        memset(&life, 0, sizeof(life));
        memcpy(&life, state, vmc_life_state_bytes(program));
        check_footprints(program, &life);
        (void)told->words->step(told->model, state,
                                steps[data[made % size_bytes] % count], &said,
                                &rule, why);
        made++;
    }
    if (rule == 0 && made < STEPS_MAX) {
        memset(&moment, 0, sizeof(moment));
        told->words->look(told->model, state, &moment);
        (void)told->words->finish(told->model, state, &rule, why);
    }
    free(state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    static struct explore_vcpu vcpu;
    static struct explore_life life;
    struct vmc_life_config config = {.variant = NULL};
    struct vmc_life_program *program;
    struct vmc_error error = {""};
    char *text = malloc(size_bytes + 1);

    if (text == NULL) {
        return 0;
    }
    memcpy(text, data, size_bytes);
    text[size_bytes] = '\0';
    if (size_bytes > 0 && vmc_life_compile_text(&program, "fuzz", text, &config,
                                                &error) == VMC_OK) {
        memset(&vcpu, 0, sizeof(vcpu));
        vcpu.program = program;
        run(&(struct told_model){&explore_vcpu_words, &vcpu}, program, data,
            size_bytes);
        if (program->controller != VMC_LIFE_NO_CONTROLLER &&
            explore_life_init(&life, program) == VMC_OK) {
            run(&(struct told_model){&explore_life_words, &life}, program, data,
                size_bytes);
        }
        vmc_life_program_free(program);
    }
    free(text);
    return 0;
}
