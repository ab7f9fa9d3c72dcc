/* SPDX-License-Identifier: MIT */
/* Any bytes as a schedule file: of a scenario, and of a race of the interrupt
 * models. One that is accepted can be told, and a whole one is written again
 * as it was. Run from the top of the tree, for tests/scenarios/S03. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/explore/explore_target.h"
#include "sim/explore/schedule_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void require(bool is_true)
{
    if (!is_true) {
        abort();
    }
}

/* Whether @data is the text that its run is written as, but for an end of line
 * that may be missing. */
static void check_written(const struct story *story, const char *data,
                          size_t size_bytes)
{
    char *text = NULL;
    size_t written_bytes;
    FILE *memory = open_memstream(&text, &written_bytes);

    require(memory != NULL);
    schedule_write(memory, story);
    (void)fclose(memory);
    require(written_bytes == size_bytes || written_bytes == size_bytes + 1);
    require(memcmp(text, data, size_bytes) == 0);
    free(text);
}

static void check(const struct told_model *told, const char *data,
                  size_t size_bytes)
{
    static struct vmc_schedule schedule;
    struct vmc_error error = {""};
    struct story story;

    if (schedule_parse(&schedule, told, "fuzz", data, size_bytes, &error) !=
        VMC_OK) {
        require(strncmp(error.text, "fuzz:", 5) == 0);
        return;
    }
    require(story_tell(&story, told, &schedule, NULL) == VMC_OK);
    if (size_bytes > 0 && memmem(data, size_bytes, "\nd ", 3) == NULL) {
        check_written(&story, data, size_bytes);
    }
    story_free(&story);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    static struct explore_target scenario, race;
    struct vmc_life_config config = {.variant = "bug"};
    struct vmc_error error = {""};

    if (scenario.name == NULL) {
        require(explore_target_open(&scenario, "tests/scenarios/S03", &config,
                                    &error) == VMC_OK);
        require(explore_target_open(&race, "irq:reroute", &config, &error) ==
                VMC_OK);
    }
    check(&scenario.told, (const char *)data, size_bytes);
    check(&race.told, (const char *)data, size_bytes);
    return 0;
}
