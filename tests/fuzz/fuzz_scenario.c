/* SPDX-License-Identifier: MIT */
/* Any bytes as a scenario. What compiles is run, the steps drawn from the bytes
 * themselves, up to a thousand of them: it may break any rule, but no
 * assertion, and words can be found for every step. */
#include <stdlib.h>
#include <string.h>

#include "vcpu/life.h"
#include "vcpu/program.h"

enum { STEPS_MAX = 1000, WORDS_BYTES = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void run(const struct vmc_life_program *program, const uint8_t *data,
                size_t size_bytes)
{
    static struct vmc_life_watch watch;
    struct vmc_life_state state;
    struct vmc_life_event event;
    struct vmc_life_violation violation;
    struct vmc_life_access accesses[VMC_LIFE_ACCESSES_MAX];
    uint16_t steps[VMC_LIFE_STEPS_MAX];
    char words[WORDS_BYTES];

    memset(&watch, 0, sizeof(watch));
    memset(&state, 0, sizeof(state));
    vmc_life_start(program, &state);
    for (uint32_t i = 0; i < STEPS_MAX; i++) {
        uint32_t count = vmc_life_enabled(program, &state, steps);
        uint16_t step;

        if (count == 0) {
            (void)vmc_life_finish(program, &state, &violation, &watch);
            return;
        }
        step = steps[data[i % size_bytes] % count];
        (void)vmc_life_step_text(program, &state, step, words, sizeof(words));
        for (uint32_t task = 0; task < state.task_count; task++) {
            if (vmc_life_footprint(program, &state, task, accesses) >
                VMC_LIFE_ACCESSES_MAX) {
                abort();
            }
        }
        if (!vmc_life_step(program, &state, step, &event, &watch)) {
            return;
        }
        (void)vmc_life_hash(program, &state);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
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
        run(program, data, size_bytes);
        vmc_life_program_free(program);
    }
    free(text);
    return 0;
}
