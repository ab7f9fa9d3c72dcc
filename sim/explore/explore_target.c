/* SPDX-License-Identifier: MIT */
#include "sim/explore/explore_target.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 512 };

static enum vmc_status open_race(struct explore_target *target,
                                 const char *name,
                                 const struct vmc_life_config *config,
                                 struct vmc_error *error)
{
    enum vmc_status status =
        explore_irq_init(&target->irq, name, config->variant, error);

    if (status == VMC_OK && config->param_count > 0) {
        status =
            vmc_fail(error, VMC_E_USAGE, "irq:%s: it has no parameters", name);
    }
    if (status == VMC_OK) {
        target->told = (struct told_model){&explore_irq_words, &target->irq};
        target->name = explore_irq_name(&target->irq);
        target->title = explore_irq_title(&target->irq);
        target->variant = target->irq.is_fixed ? "fixed" : "bug";
    }
    return status;
}

/* The file that @path means: itself, or a scenario of ours by its name. */
static const char *find_scenario(const char *path, char found[PATH_BYTES])
{
    const char *own = getenv("VMCYCLE_SCENARIOS");
    const char *const folders[] = {own != NULL ? own : "tests/scenarios",
                                   "tests/scenarios",
                                   VMCYCLE_DATADIR "/scenarios"};

    if (access(path, R_OK) == 0 || strchr(path, '/') != NULL) {
        return path;
    }
    for (size_t i = 0; i < VMC_COUNT_OF(folders); i++) {
        (void)snprintf(found, PATH_BYTES, "%s/%s", folders[i], path);
        if (access(found, R_OK) == 0) {
            return found;
        }
    }
    return path;
}

/* A hash over the file @path; 0 when it cannot be read. */
static uint64_t hash_of_file(const char *path)
{
    FILE *file = fopen(path, "rbe");
    uint64_t hash = 0;
    char line[1024];

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        hash = vmc_hash_fold(hash, vmc_hash_text(line));
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return hash;
}

enum vmc_status explore_target_open(struct explore_target *target,
                                    const char *path,
                                    const struct vmc_life_config *config,
                                    struct vmc_error *error)
{
    static const char race[] = "irq:";
    struct vmc_life_program *program;
    enum vmc_status status;
    char found[PATH_BYTES];

    memset(target, 0, sizeof(*target));
    if (strncmp(path, race, strlen(race)) == 0) {
        return open_race(target, path + strlen(race), config, error);
    }
    path = find_scenario(path, found);
    status = vmc_life_compile(&program, path, config, error);
    if (status != VMC_OK) {
        return status;
    }
    target->source_hash = hash_of_file(path);
    target->program = program;
    target->vcpu.program = program;
    target->told = (struct told_model){&explore_vcpu_words, &target->vcpu};
    if (program->controller != VMC_LIFE_NO_CONTROLLER) {
        target->told = (struct told_model){&explore_life_words, &target->life};
        status = explore_life_init(&target->life, program);
    }
    target->name = program->name;
    target->title = program->title;
    target->variant = program->variants[program->variant].name;
    return status;
}

void explore_target_close(struct explore_target *target)
{
    vmc_life_program_free(target->program);
    target->program = NULL;
}

uint32_t explore_target_note(const struct explore_target *target,
                             char why[STORY_TEXT_BYTES])
{
    const struct vmc_life_violation *note = NULL;
    struct vmc_life_state start;

    if (target->program != NULL) {
        note = vmc_life_worst_note(target->program,
                                   target->told.model == &target->life
                                       ? &target->life.vcpu.watch
                                       : &target->vcpu.watch);
    }
    if (note == NULL) {
        return 0;
    }
    memset(&start, 0, sizeof(start));
    vmc_life_start(target->program, &start);
    (void)vmc_life_describe(target->program, &start, note, why,
                            STORY_TEXT_BYTES);
    return note->rule;
}

void explore_target_tell_objects(struct explore_target *target, bool does)
{
    target->vcpu.tells_objects = does;
    target->life.vcpu.tells_objects = does;
}

bool explore_target_is_expected(const struct explore_target *target,
                                uint32_t rule)
{
    if (target->program == NULL) {
        return (rule == 0) == target->irq.is_fixed;
    }
    return vmc_life_is_expected(target->program, (enum vmc_rule)rule);
}
