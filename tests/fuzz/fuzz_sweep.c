/* SPDX-License-Identifier: MIT */
/* Any bytes as the file of a sweep. One that is accepted has points, and each
 * has a value of every key and arguments that end; one that is not is refused
 * with a line that names it. */
#include <stdlib.h>
#include <string.h>

#include "sim/sweep/sweep.h"

enum { POINTS_LOOKED_AT = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void require(bool is_true)
{
    if (!is_true) {
        abort();
    }
}

static void check_point(const struct sweep *sweep, uint32_t point)
{
    static struct sweep_arguments arguments;

    for (uint32_t key = 0; key < sweep->key_count; key++) {
        const char *value = sweep_value(sweep, point, key);

        require(value >= sweep->text &&
                value < sweep->text + sweep->text_bytes);
    }
    if (sweep_arguments(&arguments, sweep, point) == VMC_OK) {
        require(arguments.count >= sweep->word_count);
        require(arguments.words[arguments.count] == NULL);
        for (uint32_t i = 0; i < arguments.count; i++) {
            require(strlen(arguments.words[i]) < sizeof(arguments.text));
        }
    }
    (void)sweep_point_seed(sweep, point);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct vmc_error error = {""};
    struct sweep *sweep;
    uint32_t step;

    if (sweep_parse(&sweep, "fuzz", (const char *)data, size_bytes, &error) !=
        VMC_OK) {
        require(sweep == NULL && strncmp(error.text, "fuzz:", 5) == 0);
        return 0;
    }
    require(sweep->source_bytes == size_bytes);
    require(sweep->point_count >= 1 && sweep->point_count <= SWEEP_POINTS_MAX);
    step = sweep->point_count / POINTS_LOOKED_AT + 1;
    for (uint32_t point = 1; point <= sweep->point_count; point += step) {
        check_point(sweep, point);
    }
    check_point(sweep, sweep->point_count);
    sweep_free(sweep);
    return 0;
}
